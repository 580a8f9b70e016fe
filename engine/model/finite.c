/* finite.c - see finite.h. */
#include "model/finite.h"

#include <stdint.h>
#include <string.h>

#include "base/threads.h"

#define STRETCH ((size_t)1 << 20) /* values that one thread checks at a time */

typedef struct stretch { /* values of one tensor */
    const char *name;
    const float *at;
    size_t n;
    bool is_finite;
} stretch;

typedef struct checking {
    const enc_files *f;
    stretch *stretches;
    size_t n, cap;
} checking;

static bool add(checking *c, const char *name, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += STRETCH) {
        void *array = c->stretches;

        if (!enc_mem_reserve(&array, &c->cap, c->n + 1, sizeof *c->stretches))
            return false;
        c->stretches = array;
        c->stretches[c->n++] =
            (stretch){name, x + i, n - i < STRETCH ? n - i : STRETCH, false};
    }
    return true;
}

/* The floats of a slot: those of an int8 matrix are its scales. Rows that were split
 * still lie together. */
static bool add_slot(checking *c, const enc_slot *s)
{
    if (s->is_vector) return *s->vec == NULL || add(c, s->name, *s->vec, s->rows);
    if (s->mat->data == NULL || s->is_tied) return true;
    if (s->mat->dtype == ENC_I8) return add(c, s->name, s->mat->scale, s->rows);
    return add(c, s->name, s->mat->data, s->rows * s->cols);
}

/* The sign bit of the sum is set where all bits of an exponent are: infinity or NaN. No
 * branch inside, so that a compiler makes vectors of it. */
static bool all_finite(const float *x, size_t n)
{
    uint32_t any = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t bits;

        memcpy(&bits, &x[i], sizeof bits);
        any |= (bits & 0x7f800000u) + 0x00800000u;
    }
    return any >> 31 == 0;
}

static void check_stretch(void *arg, size_t i)
{
    const checking *c = arg;
    stretch *s = &c->stretches[i];

    s->is_finite = all_finite(s->at, s->n);
    enc_files_release(c->f, s->at, s->n * sizeof *s->at);
}

static enc_rc check_all(checking *c, enc_err *e)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++) n += c->stretches[i].n;
    if (n > STRETCH) enc_threads_run(c->n, check_stretch, c);
    else
        for (size_t i = 0; i < c->n; i++) check_stretch(c, i);
    for (size_t i = 0; i < c->n; i++)
        if (!c->stretches[i].is_finite)
            return enc_fail(e, ENC_CORRUPT, "tensor %s contains NaN or infinity",
                            c->stretches[i].name);
    return ENC_OK;
}

enc_rc enc_weights_check(const enc_config *c, const enc_weights *w, const enc_files *f,
                         enc_err *e)
{
    enc_weights copy = *w; /* slots point into what they describe, and may not be const */
    checking all = {.f = f};
    const size_t n = enc_weights_slots(c, NULL, NULL, 0);
    enc_slot *slots = enc_mem_array(n, sizeof *slots);
    bool ok = slots != NULL;
    enc_rc rc;

    if (ok) enc_weights_slots(c, &copy, slots, n);
    for (size_t i = 0; ok && i < n; i++) ok = add_slot(&all, &slots[i]);
    rc = ok ? check_all(&all, e) : enc_nomem(e);
    enc_mem_free(all.stretches);
    enc_mem_free(slots);
    return rc;
}
