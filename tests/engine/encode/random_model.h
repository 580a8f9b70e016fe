/* random_model.h - a model in memory whose weights anyone can write down again.
 *
 * A tensor's values come from splitmix64 (base/rng.h) seeded with the FNV-1a hash of its
 * name, so they do not depend on order. tests/ref/encoder.py makes the same ones:
 *
 *   u           2 * rng_unit - 1, exact in f32
 *   matrix      u * sqrt(3 / cols) * gain, embeddings u; gain from the caller
 *   norm gain   1 + 0.25 u (a vector called .weight);  any other vector 0.25 u
 *   int8        q = rng % 255 - 127; the row's scale is (0.5 + rng_unit) * gain *
 *               sqrt(3 / cols) / 127, embeddings the same without the root; all rows'
 *               values come first, then the scales
 *
 * A tensor that goes to several places is drawn as one. */
#ifndef RANDOM_MODEL_H
#define RANDOM_MODEL_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/arch.h"
#include "model/model.h"

static inline enc_rng random_seed(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name != '\0'; name++) h = (h ^ (uint8_t)*name) * 0x100000001b3u;
    return (enc_rng){h};
}

static inline float random_u(enc_rng *r)
{
    return 2.0f * enc_rng_unit(r) - 1.0f;
}

/* The places that a slot's rows go to share them evenly: the size of one share, and where
 * share i goes. */
static inline size_t random_share(const enc_slot *s, size_t *n)
{
    *n = (size_t)abs(s->split);
    return s->rows / *n;
}

static inline void *random_place(void *first, const enc_slot *s, size_t i)
{
    const ptrdiff_t step = (ptrdiff_t)sizeof(enc_linear) * (s->split < 0 ? -1 : 1);
    return (char *)first + (ptrdiff_t)i * step;
}

static inline bool random_matrix(enc_arena *a, const enc_slot *s, bool is_i8, float gain)
{
    enc_rng r = random_seed(s->name);
    size_t n_places;
    const size_t n = s->rows * s->cols, rows = random_share(s, &n_places);
    const bool is_embedding = strncmp(s->name, "embeddings.", 11) == 0;
    const float width = is_embedding ? 1.0f : (float)sqrt(3.0 / (double)s->cols) * gain;
    float *f = is_i8 ? enc_arena_alloc(a, s->rows * sizeof *f)
                     : enc_arena_alloc(a, n * sizeof *f);
    int8_t *q = is_i8 ? enc_arena_alloc(a, n) : NULL;
    if (f == NULL || (is_i8 && q == NULL)) return false;
    for (size_t i = 0; i < n; i++) {
        if (is_i8) q[i] = (int8_t)((int)(enc_rng_u64(&r) % 255) - 127);
        else f[i] = random_u(&r) * width;
    }
    for (size_t i = 0; is_i8 && i < s->rows; i++)
        f[i] = (0.5f + enc_rng_unit(&r)) * width / 127.0f;
    for (size_t i = 0; i < n_places; i++) {
        const size_t at = i * rows * s->cols;
        *(enc_mat *)random_place(s->mat, s, i) =
            (enc_mat){is_i8 ? (const void *)(q + at) : f + at, is_i8 ? ENC_I8 : ENC_F32,
                      is_i8 ? f + i * rows : NULL, rows, s->cols};
    }
    return true;
}

static inline bool random_vector(enc_arena *a, const enc_slot *s)
{
    enc_rng r = random_seed(s->name);
    size_t n_places;
    const size_t rows = random_share(s, &n_places), n = strlen(s->name);
    const bool is_gain = n > 7 && strcmp(s->name + n - 7, ".weight") == 0;
    float *f = enc_arena_alloc(a, s->rows * sizeof *f);
    if (f == NULL) return false;
    for (size_t i = 0; i < s->rows; i++)
        f[i] = (is_gain ? 1.0f : 0.0f) + 0.25f * random_u(&r);
    for (size_t i = 0; i < n_places; i++)
        *(const float **)random_place((void *)s->vec, s, i) = f + i * rows;
    return true;
}

/* Norms without a bias get zeros, as enc_weights_bind gives them. */
static inline bool random_norms(enc_model *m)
{
    const enc_config *c = &m->config;
    enc_weights *w = &m->weights;
    const float *zeros = enc_arena_alloc(
        &m->arena, (c->hidden > c->embedding ? c->hidden : c->embedding) * sizeof *zeros);
    enc_layernorm *const norms[] = {&w->emb_norm, &w->final_norm, &w->head_norm,
                                    &w->mlm_norm};
    if (zeros == NULL) return false;
    for (size_t i = 0; i < 4; i++)
        if (norms[i]->bias == NULL) norms[i]->bias = zeros;
    for (size_t i = 0; i < c->n_layers; i++) {
        enc_layer *l = &w->layers[i];
        if (l->attn_norm.bias == NULL) l->attn_norm.bias = zeros;
        if (l->out_norm.bias == NULL) l->out_norm.bias = zeros;
    }
    return true;
}

/* Fills m->weights for m->config, all heads included, the decoder tied. `m` is zeroed but
 * for config and kern; undone by random_model_clear. False: no memory. */
static inline bool random_model_init(enc_model *m, bool is_i8, float gain)
{
    enc_arena_init(&m->arena);
    m->weights.layers =
        enc_arena_alloc(&m->arena, (m->config.n_layers + 1) * sizeof *m->weights.layers);
    if (m->weights.layers == NULL) return false;
    memset(m->weights.layers, 0, (m->config.n_layers + 1) * sizeof *m->weights.layers);
    enc_arch_apply(&m->config);
    const size_t n = enc_weights_slots(&m->config, &m->weights, NULL, 0);
    enc_slot *slots = enc_mem_array(n, sizeof *slots);
    bool is_ok = slots != NULL;
    if (is_ok) enc_weights_slots(&m->config, &m->weights, slots, n);
    for (size_t i = 0; is_ok && i < n; i++) {
        if (slots[i].is_vector) is_ok = random_vector(&m->arena, &slots[i]);
        else if (!slots[i].is_tied)
            is_ok = random_matrix(&m->arena, &slots[i], is_i8, gain);
    }
    m->weights.mlm_decoder = m->weights.word;
    is_ok = is_ok && random_norms(m);
    enc_mem_free(slots);
    return is_ok;
}

static inline void random_model_clear(enc_model *m)
{
    enc_mem_free(m->packed);
    enc_arena_clear(&m->arena);
}

#endif
