/* random_model.h - a model in memory whose weights anyone can write down again.
 *
 * A tensor's values come from splitmix64 (base/rng.h) seeded with the FNV-1a hash of its
 * name, so they do not depend on order. tests/ref/encoder.py makes the same ones:
 *
 *   u           2 * rng_unit - 1, exact in f32
 *   matrix      u * sqrt(3 / cols) * gain, embeddings u; gain from the caller
 *   norm gain   1 + 0.25 u;  any other vector 0.25 u
 *   int8        q = rng % 255 - 127; the row's scale is (0.5 + rng_unit) * gain *
 *               sqrt(3 / cols) / 127, embeddings the same without the root; all rows'
 *               values come first, then the scales */
#ifndef RANDOM_MODEL_H
#define RANDOM_MODEL_H

#include <math.h>
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

static inline bool random_matrix(enc_arena *a, const enc_slot *s, bool is_i8, float gain)
{
    enc_rng r = random_seed(s->name);
    const size_t n = s->rows * s->cols;
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
    *s->mat = (enc_mat){is_i8 ? (const void *)q : f, is_i8 ? ENC_I8 : ENC_F32,
                        is_i8 ? f : NULL, s->rows, s->cols};
    return true;
}

static inline bool random_vector(enc_arena *a, const enc_slot *s)
{
    enc_rng r = random_seed(s->name);
    const bool is_gain = strstr(s->name, "LayerNorm.weight") != NULL;
    float *f = enc_arena_alloc(a, s->rows * sizeof *f);
    if (f == NULL) return false;
    for (size_t i = 0; i < s->rows; i++)
        f[i] = (is_gain ? 1.0f : 0.0f) + 0.25f * random_u(&r);
    *s->vec = f;
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
    enc_mem_free(slots);
    return is_ok;
}

static inline void random_model_clear(enc_model *m)
{
    enc_mem_free(m->packed);
    enc_arena_clear(&m->arena);
}

#endif
