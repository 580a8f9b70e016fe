/* weights.h - the parameters of a BERT, by their places in the graph.
 *
 * Every matrix is out x in, row-major, as PyTorch stores it: y = x W^T + b. A matrix is a
 * view: f32 in a mapping or an arena, or int8 with one scale a row. The table of slots is
 * the one place that knows Hugging Face's names; binding, counting, initializing,
 * training and saving all walk it. */
#ifndef ENC_WEIGHTS_H
#define ENC_WEIGHTS_H

#include <stdbool.h>

#include "base/limits.h"
#include "base/mem.h"
#include "model/config.h"
#include "model/files.h"

typedef struct enc_mat {
    const void *data;   /* rows x cols of dtype; NULL: this model has no such matrix */
    enc_dtype dtype;    /* ENC_F32 (4-byte aligned) or ENC_I8 */
    const float *scale; /* rows: value = scale[row] * int8; NULL for ENC_F32 */
    size_t rows, cols;
} enc_mat;

typedef struct enc_linear {
    enc_mat w;      /* out x in */
    const float *b; /* out */
} enc_linear;

typedef struct enc_layernorm {
    const float *gain, *bias; /* D each; LayerNorm.weight and LayerNorm.bias */
} enc_layernorm;

typedef struct enc_layer {
    enc_linear query, key, value; /* D x D; heads are rows [h * D/H, (h+1) * D/H) */
    enc_linear attn_out;          /* D x D */
    enc_layernorm attn_norm;
    enc_linear up;   /* inner x D: intermediate.dense */
    enc_linear down; /* D x inner: output.dense */
    enc_layernorm out_norm;
} enc_layer;

typedef struct enc_weights {
    enc_mat word;     /* V x D */
    enc_mat position; /* n_positions x D */
    enc_mat segment;  /* n_segments x D */
    enc_layernorm emb_norm;
    enc_layer *layers;        /* L */
    enc_linear pooler;        /* D x D; w.data NULL if absent, as for all heads below */
    enc_linear classifier;    /* n_labels x D */
    enc_linear mlm_transform; /* D x D */
    enc_layernorm mlm_norm;
    enc_mat mlm_decoder;      /* V x D; usually word again (tied) */
    const float *mlm_bias;    /* V */
    enc_linear next_sentence; /* 2 x D; row 0: is next */
} enc_weights;

/* What a slot belongs to. */
typedef enum enc_part {
    ENC_PART_BODY,
    ENC_PART_POOLER,
    ENC_PART_CLASSIFIER,
    ENC_PART_MLM,
    ENC_PART_NSP
} enc_part;

typedef struct enc_slot {
    char name[ENC_NAME_MAX]; /* without the "bert." prefix; heads in full */
    enc_part part;
    size_t rows, cols; /* a vector has cols 1 ... */
    bool is_vector;    /* ... and this set: shape [rows] */
    bool is_tied; /* cls.predictions.decoder.weight: counted as word's, may be absent */
    enc_mat *mat; /* where it goes, one of these two */
    const float **vec;
} enc_slot;

/* Lists the slots of a configuration in the order of the graph, writing at most cap into
 * out (which may be NULL) and returning how many there are. `w` may be NULL to learn
 * names and shapes only; otherwise w->layers must hold n_layers. */
size_t enc_weights_slots(const enc_config *c, enc_weights *w, enc_slot *out, size_t cap);

/* Binds all that the files have. Body tensors must be there; a head is bound if all its
 * tensors are. Prefixes (bert., none), TF names (gamma, beta), the tied decoder, int8
 * with "<name>.scale". F16 and BF16 are converted into the arena; f32 is used where it
 * lies unless it is not 4-byte aligned. A value that is not finite is ENC_CORRUPT: all
 * are read, by all threads, and what is mapped is released. The layers live in the arena.
 */
enc_rc enc_weights_bind(enc_weights *w, enc_arena *a, const enc_config *c,
                        const enc_files *f, enc_err *e);

/* One row of a matrix as f32, cols values: an embedding lookup. */
void enc_mat_row(const enc_mat *m, size_t r, float *out);

/* Parameters of the parts that `w` has, the tied decoder once. */
size_t enc_weights_count(const enc_config *c, const enc_weights *w);

#endif
