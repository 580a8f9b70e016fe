/* optim.c - see optim.h. */
#include "learn/optim.h"

#include <math.h>
#include <string.h>

#include "base/threads.h"

#define ADAM_EPS 1e-6f             /* BERT's */
#define ZEROS    ((size_t)1 << 20) /* written at once */
#define PARTS    16                /* of the parameters, spread over the threads */

/* n zeros, asking now and then: the system gives a gigabyte in a second. */
static enc_rc zeros(float **out, size_t n, enc_stop *stop, enc_err *e)
{
    *out = enc_mem_array(n, sizeof **out);
    if (*out == NULL) return enc_nomem(e);
    for (size_t i = 0, part; i < n; i += part) {
        part = n - i < ZEROS ? n - i : ZEROS;
        memset(*out + i, 0, part * sizeof **out);
        if (enc_stop_on(stop, part / 64)) return enc_stop_rc(stop, e);
    }
    return ENC_OK;
}

enc_rc enc_optim_init(enc_optim *o, enc_stop *stop, enc_err *e)
{
    size_t n = o->p->n;
    enc_rc rc;
    o->grad = enc_mem_zero_array(o->n_shards, sizeof *o->grad);
    if (o->grad == NULL) return enc_nomem(e);
    if ((rc = zeros(&o->m, n, stop, e))) return rc;
    if ((rc = zeros(&o->v, n, stop, e))) return rc;
    for (size_t i = 0; i < o->n_shards; i++)
        if ((rc = zeros(&o->grad[i], n, stop, e))) return rc;
    return ENC_OK;
}

void enc_optim_clear(enc_optim *o)
{
    enc_mem_free(o->m);
    enc_mem_free(o->v);
    for (size_t i = 0; o->grad != NULL && i < o->n_shards; i++) enc_mem_free(o->grad[i]);
    enc_mem_free(o->grad);
    o->m = o->v = NULL;
    o->grad = NULL;
}

double enc_optim_rate(const enc_optim *o, size_t step)
{
    double at = (double)(step + 1), warm = o->warmup * (double)o->n_steps;
    if (at < warm) return o->rate * at / warm;
    double left = (double)o->n_steps - (double)step;
    return o->rate * left / ((double)o->n_steps - warm + 1.0);
}

typedef struct update {
    enc_optim *o;
    double square[PARTS];
    enc_adamw w;
} update;

static size_t part_start(const enc_optim *o, size_t part)
{
    return o->p->n / PARTS * part + (part == PARTS ? o->p->n % PARTS : 0);
}

static void sum_part(void *arg, size_t i)
{
    update *u = arg;
    size_t from = part_start(u->o, i), n = part_start(u->o, i + 1) - from;
    for (size_t s = 1; s < u->o->n_shards; s++) {
        u->o->elem->add(u->o->grad[0] + from, u->o->grad[s] + from, n);
        memset(u->o->grad[s] + from, 0, n * sizeof(float));
    }
    u->square[i] = u->o->elem->square_sum(u->o->grad[0] + from, n);
}

/* No loss reaches a head of labels or answers: it stays as it is. */
static bool is_learned(enc_part part)
{
    return part != ENC_PART_CLASSIFIER && part != ENC_PART_TOKENS &&
           part != ENC_PART_ANSWER;
}

/* Decay is for matrices only, as in BERT: gains and biases are left to the data. */
static void update_part(void *arg, size_t i)
{
    update *u = arg;
    enc_optim *o = u->o;
    size_t from = part_start(o, i), to = part_start(o, i + 1);
    for (size_t s = 0; s < o->p->n_slots; s++) {
        size_t a = o->p->offset[s], b = o->p->offset[s + 1];
        if (!is_learned(o->p->slots[s].part)) continue;
        a = a < from ? from : a;
        b = b > to ? to : b;
        if (a >= b) continue;
        enc_adamw w = u->w;
        if (o->p->slots[s].is_vector) w.decay = 0.0f;
        o->elem->adamw(o->p->value + a, o->grad[0] + a, o->m + a, o->v + a, b - a, &w);
    }
    memset(o->grad[0] + from, 0, (to - from) * sizeof(float));
}

void enc_optim_step(enc_optim *o, size_t step)
{
    update u = {.o = o};
    double square = 0.0, t = (double)(step + 1);
    enc_threads_run(PARTS, sum_part, &u);
    for (size_t i = 0; i < PARTS; i++) square += u.square[i];
    o->norm = sqrt(square);
    u.w = (enc_adamw){
        .rate = (float)enc_optim_rate(o, step),
        .beta1 = (float)o->beta1,
        .beta2 = (float)o->beta2,
        .eps = ADAM_EPS,
        .decay = (float)o->decay,
        .correct1 = (float)(1.0 / (1.0 - pow(o->beta1, t))),
        .correct2 = (float)(1.0 / (1.0 - pow(o->beta2, t))),
        .scale = o->clip_norm > 0.0 && o->norm > o->clip_norm
                     ? (float)(o->clip_norm / o->norm)
                     : 1.0f,
    };
    enc_threads_run(PARTS, update_part, &u);
}
