/* packed.c - see packed.h.
 *
 * All is one block, so that the model can free it without knowing what it is. Two threads
 * that come first at the same time both pack, and one of them throws its work away: that
 * is rare, and no lock is needed that a fork() could leave taken. */
#include "encode/packed.h"

#include "model/arch.h"
#include "model/finite.h"

/* The most parts of a layer. */
#define PARTS_MAX 5

typedef struct part {
    const enc_linear *from[3];
    size_t n_from;
    enc_panels *to;
} part;

/* The parts of layer i in the order in which they lie, or, behind the last, those that
 * belong to none; returns how many. */
static size_t list_parts(const enc_model *m, size_t i, enc_packed_layer *to,
                         enc_panels *project, part *parts)
{
    size_t n = 0;
    if (i == enc_arch_layers(&m->config)) {
        const enc_linear *l = &m->weights.emb_project;
        if (l->w.data != NULL) parts[n++] = (part){{l}, 1, project};
        return n;
    }
    const enc_layer *l = &m->weights.layers[i];
    parts[n++] = (part){{&l->query, &l->key, &l->value}, 3, &to->qkv};
    parts[n++] = (part){{&l->attn_out}, 1, &to->attn_out};
    if (l->gate.w.data != NULL) parts[n++] = (part){{&l->gate}, 1, &to->gate};
    parts[n++] = (part){{&l->up}, 1, &to->up};
    parts[n++] = (part){{&l->down}, 1, &to->down};
    return n;
}

static size_t part_size(const part *p, enc_dtype precision)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_from; i++) n += p->from[i]->w.rows;
    return enc_panels_size(precision, n, p->from[0]->w.cols);
}

static size_t head_size(const enc_model *m)
{
    size_t n =
        sizeof(enc_packed) + enc_arch_layers(&m->config) * sizeof(enc_packed_layer);
    return (n + ENC_STEP - 1) / ENC_STEP * ENC_STEP;
}

static size_t all_size(const enc_model *m)
{
    enc_packed_layer unused;
    enc_panels none;
    part parts[PARTS_MAX];
    size_t size = head_size(m);
    for (size_t i = 0; i <= enc_arch_layers(&m->config); i++)
        for (size_t n = list_parts(m, i, &unused, &none, parts); n > 0; n--)
            size += part_size(&parts[n - 1], m->precision);
    return size;
}

/* Packed weights are not read from the file again. */
static void release(const enc_model *m, const part *p)
{
    for (size_t i = 0; i < p->n_from; i++) {
        const enc_mat *w = &p->from[i]->w;
        enc_files_release(m->files, w->data,
                          w->rows * w->cols * enc_dtype_size(w->dtype));
    }
}

/* `row` is scratch for the inputs of any part. */
static void pack_all(const enc_model *m, enc_packed *packed, float *row)
{
    uint8_t *at = (uint8_t *)packed + head_size(m);
    part parts[PARTS_MAX];
    for (size_t i = 0; i <= enc_arch_layers(&m->config); i++) {
        const size_t n = list_parts(m, i, &packed->layers[i], &packed->project, parts);
        for (size_t j = 0; j < n; j++) {
            enc_panels_pack(parts[j].to, m->precision, parts[j].from, parts[j].n_from, at,
                            row);
            at += part_size(&parts[j], m->precision);
            release(m, &parts[j]);
        }
    }
}

static void *pack(const enc_model *m)
{
    const enc_config *c = &m->config;
    size_t most = c->hidden > c->inner ? c->hidden : c->inner;
    if (c->embedding > most) most = c->embedding;
    enc_packed *packed = enc_mem_zero_large(all_size(m));
    float *row = enc_mem_array(most, sizeof *row);
    if (packed != NULL && row != NULL) {
        pack_all(m, packed, row);
    } else {
        enc_mem_free(packed);
        packed = NULL;
    }
    enc_mem_free(row);
    return packed;
}

enc_rc enc_packed_get(const enc_model *m, const enc_packed **out, enc_err *e)
{
    /* What a model is does not change by this, only how fast it answers. */
    _Atomic(void *) *packed = &((enc_model *)m)->packed;
    void *block = atomic_load(packed), *none = NULL;
    if (block == NULL) {
        enc_rc rc = enc_weights_check(&m->config, &m->weights, m->files, e);
        if (rc != ENC_OK) return rc;
        if ((block = pack(m)) == NULL) return enc_nomem(e);
        if (!atomic_compare_exchange_strong(packed, &none, block)) {
            enc_mem_free(block);
            block = none;
        }
    }
    *out = block;
    return ENC_OK;
}
