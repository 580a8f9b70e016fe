/* packed.c - see packed.h.
 *
 * All is one block, so that the model can free it without knowing what it is. Two threads
 * that come first at the same time both pack, and one of them throws its work away: that
 * is rare, and no lock is needed that a fork() could leave taken. */
#include "encode/packed.h"

/* The parts of a layer, in the order in which they lie. */
#define N_PARTS 4

typedef struct part {
    const enc_linear *from[3];
    size_t n_from;
    enc_panels *to;
} part;

static void list_parts(const enc_layer *l, enc_packed_layer *to, part *parts)
{
    parts[0] = (part){{&l->query, &l->key, &l->value}, 3, &to->qkv};
    parts[1] = (part){{&l->attn_out}, 1, &to->attn_out};
    parts[2] = (part){{&l->up}, 1, &to->up};
    parts[3] = (part){{&l->down}, 1, &to->down};
}

static size_t part_size(const part *p, enc_dtype precision)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_from; i++) n += p->from[i]->w.rows;
    return enc_panels_size(precision, n, p->from[0]->w.cols);
}

static size_t head_size(const enc_model *m)
{
    size_t n = m->config.n_layers * sizeof(enc_packed_layer);
    return (n + ENC_STEP - 1) / ENC_STEP * ENC_STEP;
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

static void *pack(const enc_model *m)
{
    const enc_config *c = &m->config;
    size_t size = head_size(m), most = c->hidden > c->inner ? c->hidden : c->inner;
    enc_packed_layer unused;
    part parts[N_PARTS];
    for (size_t i = 0; i < c->n_layers; i++) {
        list_parts(&m->weights.layers[i], &unused, parts);
        for (size_t j = 0; j < N_PARTS; j++) size += part_size(&parts[j], m->precision);
    }
    uint8_t *block = enc_mem_zero_large(size), *at = block;
    float *row = enc_mem_array(most, sizeof *row);
    if (block == NULL || row == NULL) {
        enc_mem_free(block);
        enc_mem_free(row);
        return NULL;
    }
    enc_packed_layer *layers = (enc_packed_layer *)(void *)block;
    at += head_size(m);
    for (size_t i = 0; i < c->n_layers; i++) {
        list_parts(&m->weights.layers[i], &layers[i], parts);
        for (size_t j = 0; j < N_PARTS; j++) {
            enc_panels_pack(parts[j].to, m->precision, parts[j].from, parts[j].n_from, at,
                            row);
            at += part_size(&parts[j], m->precision);
            release(m, &parts[j]);
        }
    }
    enc_mem_free(row);
    return block;
}

enc_rc enc_packed_get(const enc_model *m, const enc_packed_layer **layers, enc_err *e)
{
    /* What a model is does not change by this, only how fast it answers. */
    _Atomic(void *) *packed = &((enc_model *)m)->packed;
    void *block = atomic_load(packed), *none = NULL;
    if (block == NULL) {
        if ((block = pack(m)) == NULL) return enc_nomem(e);
        if (!atomic_compare_exchange_strong(packed, &none, block)) {
            enc_mem_free(block);
            block = none;
        }
    }
    *layers = block;
    return ENC_OK;
}
