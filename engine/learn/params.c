/* params.c - see params.h. */
#include "learn/params.h"

#include <math.h>
#include <string.h>

#include "encode/kern.h"
#include "model/arch.h"
#include "model/finite.h"

#define TABLE_DEVIATION 0.02f
#define NUMBERS         4096  /* drawn until it is said how far we are */
#define MATRIX_GAIN     0.64f /* 1.0 diverged at a learning rate of 8e-4 */

/* Lists the slots to train in p->slots and their places in p->offset. `has` says which
 * heads there are. */
static enc_rc lay_out(enc_params *p, const bool has[ENC_PART_NSP + 1], enc_err *e)
{
    size_t n_all = enc_weights_slots(&p->config, NULL, NULL, 0);
    p->w.layers = enc_arena_alloc(&p->arena, p->config.n_layers * sizeof *p->w.layers);
    p->slots = enc_arena_alloc(&p->arena, n_all * sizeof *p->slots);
    p->offset = enc_arena_alloc(&p->arena, (n_all + 1) * sizeof *p->offset);
    if (p->w.layers == NULL || p->slots == NULL || p->offset == NULL) return enc_nomem(e);
    memset(p->w.layers, 0, p->config.n_layers * sizeof *p->w.layers);
    enc_weights_slots(&p->config, &p->w, p->slots, n_all);
    for (size_t i = 0; i < n_all; i++) {
        const enc_slot *s = &p->slots[i];
        if (!has[s->part] || s->is_tied) continue;
        p->slots[p->n_slots] = *s;
        p->offset[p->n_slots++] = p->n;
        p->n += s->rows * (s->is_vector ? 1 : s->cols);
    }
    p->offset[p->n_slots] = p->n;
    p->value = enc_mem_zero_array(p->n, sizeof *p->value);
    return p->value != NULL ? ENC_OK : enc_nomem(e);
}

/* Points p->w at the values; the decoder of masked words is the word table. */
static void bind(enc_params *p)
{
    for (size_t i = 0; i < p->n_slots; i++) {
        const enc_slot *s = &p->slots[i];
        float *at = p->value + p->offset[i];
        if (s->is_vector) *s->vec = at;
        else *s->mat = (enc_mat){at, ENC_F32, NULL, s->rows, s->cols};
    }
    if (p->w.mlm_bias != NULL) p->w.mlm_decoder = p->w.word;
}

/* Positions begin as the sinusoids of Vaswani et al. 2017, section 3.5, with the
 * deviation of the other tables: a step to the neighbour is then one linear map for all
 * positions, which attention need not learn for each of them. */
static void draw_positions(float *table, size_t n, size_t D)
{
    for (size_t at = 0; at < n; at++)
        for (size_t i = 0; i < D; i++) {
            double angle = (double)at * pow(10000.0, -(double)(i / 2 * 2) / (double)D);
            double wave = i % 2 == 0 ? sin(angle) : cos(angle);
            table[at * D + i] = (float)(wave * sqrt(2.0) * (double)TABLE_DEVIATION);
        }
}

/* True: told to stop. */
static bool draw(enc_params *p, uint64_t seed, enc_ask *ask)
{
    enc_rng rng = {seed};
    for (size_t i = 0; i < p->n_slots; i++) {
        const enc_slot *s = &p->slots[i];
        float *at = p->value + p->offset[i], *end = p->value + p->offset[i + 1];
        bool is_gain = s->is_vector && strstr(s->name, "LayerNorm.weight") != NULL;
        bool is_table = strstr(s->name, "_embeddings.") != NULL;
        float deviation =
            is_table ? TABLE_DEVIATION : MATRIX_GAIN / sqrtf((float)s->cols);
        for (size_t n = 1; at < end; at++, n++) {
            *at = !s->is_vector ? enc_rng_normal(&rng) * deviation
                  : is_gain     ? 1.0f
                                : 0.0f;
            if (n % NUMBERS == 0 && enc_ask_on(ask, NUMBERS / 8)) return true;
        }
    }
    draw_positions(enc_params_in(p, p->value, p->w.position.data), p->config.n_positions,
                   p->config.hidden);
    return false;
}

/* Copies what slot i of `p` is in the model's weights, whose slots are `from`. */
static void copy_slot(enc_params *p, size_t i, const enc_slot *from)
{
    float *at = p->value + p->offset[i];
    if (from->is_vector) {
        memcpy(at, *from->vec, from->rows * sizeof *at);
        return;
    }
    for (size_t row = 0; row < from->rows; row++)
        enc_mat_row(from->mat, row, at + row * from->cols);
}

static enc_rc start(enc_params **out, const enc_config *c, enc_err *e)
{
    enc_params *p = enc_mem_zero(sizeof *p);
    *out = p;
    if (p == NULL) return enc_nomem(e);
    enc_arena_init(&p->arena);
    p->config = *c;
    p->config.own_decoder = false; /* see bind() */
    enc_arch_apply(&p->config);
    return ENC_OK;
}

enc_rc enc_params_new(enc_params **out, const enc_config *c, uint64_t seed, enc_ask *ask,
                      enc_err *e)
{
    static const bool has[] = {[ENC_PART_BODY] = true,
                               [ENC_PART_POOLER] = true,
                               [ENC_PART_CLASSIFIER] = false,
                               [ENC_PART_MLM] = true,
                               [ENC_PART_NSP] = true};
    enc_rc rc = start(out, c, e);
    if (rc != ENC_OK || (rc = lay_out(*out, has, e)) != ENC_OK) return rc;
    bind(*out);
    return draw(*out, seed, ask) ? enc_ask_rc(ask, e) : ENC_OK;
}

enc_rc enc_params_of(enc_params **out, const enc_model *m, enc_err *e)
{
    const enc_weights *w = &m->weights;
    const bool has[] = {[ENC_PART_BODY] = true,
                        [ENC_PART_POOLER] = w->pooler.w.data != NULL,
                        [ENC_PART_CLASSIFIER] = w->classifier.w.data != NULL,
                        [ENC_PART_TOKENS] = w->token_classifier.w.data != NULL,
                        [ENC_PART_ANSWER] = w->answer.w.data != NULL,
                        [ENC_PART_MLM] = w->mlm_transform.w.data != NULL,
                        [ENC_PART_NSP] = w->next_sentence.w.data != NULL};
    enc_rc rc = enc_weights_check(&m->config, w, m->files, e);
    *out = NULL;
    if (rc != ENC_OK || (rc = start(out, &m->config, e)) != ENC_OK) return rc;
    if ((rc = lay_out(*out, has, e)) != ENC_OK) return rc;
    bind(*out);

    enc_params *p = *out;
    size_t n = enc_weights_slots(&m->config, NULL, NULL, 0);
    enc_weights view = *w; /* the slots point into it; nothing is written through them */
    enc_slot *from = enc_mem_zero_array(n, sizeof *from);
    if (from == NULL) return enc_nomem(e);
    enc_weights_slots(&m->config, &view, from, n);
    for (size_t i = 0, j = 0; i < p->n_slots; i++, j++) {
        while (strcmp(from[j].name, p->slots[i].name) != 0) j++;
        copy_slot(p, i, &from[j]);
    }
    enc_mem_free(from);
    return ENC_OK;
}

void enc_params_free(enc_params *p)
{
    if (p == NULL) return;
    enc_mem_free(p->value);
    enc_arena_clear(&p->arena);
    enc_mem_free(p);
}
