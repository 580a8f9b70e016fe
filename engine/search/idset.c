/* idset.c - see idset.h. Linear probing in a table at most half full, over a mixed hash
 * (the finalizer of splitmix64), for ids come in runs. The slot value 0 is empty; whether
 * id 0 is in the set is kept beside the table. */
#include "search/idset.h"

#include "base/mem.h"

#define SLOTS_MIN 64

struct enc_idset {
    int64_t *slots;
    size_t n_slots; /* a power of two */
    size_t n;       /* ids in slots */
    bool has_zero;
};

static size_t home(int64_t id, size_t n_slots)
{
    uint64_t z = (uint64_t)id;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (size_t)(z ^ (z >> 31)) & (n_slots - 1);
}

/* The slot that holds id, or the empty one where it belongs. */
static size_t slot_of(const int64_t *slots, size_t n_slots, int64_t id)
{
    size_t i = home(id, n_slots);
    while (slots[i] != 0 && slots[i] != id) i = (i + 1) & (n_slots - 1);
    return i;
}

static bool grow(enc_idset *s)
{
    size_t n_slots;
    int64_t *slots;
    if (!enc_mem_mul(s->n_slots, 2, &n_slots)) return false;
    if ((slots = enc_mem_zero_array(n_slots, sizeof *slots)) == NULL) return false;
    for (size_t i = 0; i < s->n_slots; i++)
        if (s->slots[i] != 0) slots[slot_of(slots, n_slots, s->slots[i])] = s->slots[i];
    enc_mem_free(s->slots);
    s->slots = slots;
    s->n_slots = n_slots;
    return true;
}

enc_idset *enc_idset_new(void)
{
    enc_idset *s = enc_mem_zero(sizeof *s);
    if (s == NULL) return NULL;
    s->n_slots = SLOTS_MIN;
    s->slots = enc_mem_zero_array(s->n_slots, sizeof *s->slots);
    if (s->slots == NULL) {
        enc_mem_free(s);
        return NULL;
    }
    return s;
}

void enc_idset_free(enc_idset *s)
{
    if (s == NULL) return;
    enc_mem_free(s->slots);
    enc_mem_free(s);
}

bool enc_idset_add(enc_idset *s, int64_t id)
{
    if (id == 0) {
        s->has_zero = true;
        return true;
    }
    size_t i = slot_of(s->slots, s->n_slots, id);
    if (s->slots[i] == id) return true;
    if (s->n + 1 > s->n_slots / 2) {
        if (!grow(s)) return false;
        i = slot_of(s->slots, s->n_slots, id);
    }
    s->slots[i] = id;
    s->n++;
    return true;
}

bool enc_idset_has(const enc_idset *s, int64_t id)
{
    if (id == 0) return s->has_zero;
    return s->slots[slot_of(s->slots, s->n_slots, id)] == id;
}

size_t enc_idset_count(const enc_idset *s)
{
    return s->n + (s->has_zero ? 1 : 0);
}

enc_idset *enc_idset_both(const enc_idset *a, const enc_idset *b)
{
    const enc_idset *few = a->n < b->n ? a : b, *many = few == a ? b : a;
    enc_idset *s = enc_idset_new();

    if (s == NULL) return NULL;
    s->has_zero = a->has_zero && b->has_zero;
    for (size_t i = 0; i < few->n_slots; i++) {
        int64_t id = few->slots[i];
        if (id == 0 || !enc_idset_has(many, id)) continue;
        if (!enc_idset_add(s, id)) {
            enc_idset_free(s);
            return NULL;
        }
    }
    return s;
}
