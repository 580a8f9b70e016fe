/* weights.h - the parameters of an encoder, by their places in the graph.
 *
 * Every matrix is out x in, row-major, as PyTorch stores it: y = x W^T + b. A matrix is a
 * view: f32 in a mapping or an arena, or int8 with one scale a row. The tables of arch.h
 * are the one place that knows Hugging Face's names; binding, counting, initializing,
 * training and saving all walk them. What an architecture lacks is NULL. */
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
    const float *gain, *bias; /* D each; gain NULL: there is no norm; bias zeros if it has
                               * none */
} enc_layernorm;

typedef struct enc_layer {
    enc_linear query, key, value; /* D x D; heads are rows [h * D/H, (h+1) * D/H) */
    enc_layernorm query_norm,
        key_norm;        /* over all D, before heads are cut; mostly none */
    enc_linear attn_out; /* D x D */
    enc_layernorm
        attn_norm;   /* behind the sum; is_prenorm: before attention, maybe none */
    enc_linear gate; /* inner x D: y = down(act(gate x) * up x); mostly none, ... */
    enc_linear up;   /* inner x D; ... and then y = down(act(up x)) */
    enc_linear down; /* D x inner */
    enc_layernorm out_norm; /* behind the sum; is_prenorm: before gate and up */
} enc_layer;

typedef struct enc_weights {
    enc_mat word;           /* V x E */
    enc_mat position;       /* n_positions x E */
    enc_mat segment;        /* n_segments x E */
    enc_layernorm emb_norm; /* E */
    enc_linear emb_project; /* D x E, after the norm; none: E is D */
    enc_mat buckets;        /* n_buckets x H: bias of a score, by relative position */
    const float
        *word_weight; /* V: a static model's vectors are multiplied by it, or NULL */
    const int32_t
        *word_vector;  /* V: the row of `word` that a piece has, or NULL: its own */
    enc_layer *layers; /* L, or 1 if is_shared */
    enc_layernorm final_norm; /* behind the last layer, is_prenorm only */

    /* Heads. A text's state h is that of [CLS], or the mean. */
    enc_linear pooler;     /* D x D: tanh(W h + b) */
    enc_linear head_dense; /* D x D: head_act(W h + b), then head_norm if there is one */
    enc_layernorm head_norm;
    enc_linear classifier; /* n_labels x D: over head_dense if there is one, else the
                            * pooler */
    enc_linear token_classifier; /* n_labels x D: over each token's state */
    enc_linear answer;           /* 2 x D: row 0 begins an answer, row 1 ends it */
    enc_linear mlm_transform;    /* E x D; mlm_act, mlm_norm */
    enc_layernorm mlm_norm;      /* E */
    enc_mat mlm_decoder;         /* V x E; usually word again (tied) */
    const float *mlm_bias;       /* V */
    enc_linear next_sentence;    /* 2 x D over the pooler; row 0: is next */
} enc_weights;

/* What a slot belongs to. */
typedef enum enc_part {
    ENC_PART_BODY,
    ENC_PART_POOLER,
    ENC_PART_CLASSIFIER, /* with the dense layer before it */
    ENC_PART_TOKENS,
    ENC_PART_ANSWER,
    ENC_PART_MLM,
    ENC_PART_NSP
} enc_part;

typedef struct enc_slot {
    char name[ENC_NAME_MAX]; /* without the prefix of the body; heads in full */
    const char *or_name;     /* what else it may be called, or NULL */
    enc_part part;
    size_t rows, cols; /* a vector has cols 1 ... */
    bool is_vector;    /* ... and this set: shape [rows] */
    bool is_tied;      /* the decoder of masked words: counted as word's, may be absent */
    enc_mat *mat;      /* where it goes, one of these two */
    const float **vec;
    int split; /* mat or vec is the first of |split| places, each in an enc_linear, which
                * follow (or, negative, precede) one another and share the rows; 1: one */
} enc_slot;

/* Lists the slots of a configuration in the order of the graph, writing at most cap into
 * out (which may be NULL) and returning how many there are. `w` may be NULL to learn
 * names and shapes only; otherwise w->layers must hold n_layers, or one if they are
 * shared. */
size_t enc_weights_slots(const enc_config *c, enc_weights *w, enc_slot *out, size_t cap);

/* Binds all that the files have. Body tensors must be there; a head is bound if all its
 * tensors are. Prefixes ("bert.", none), TF names (gamma, beta), the tied decoder, int8
 * with "<name>.scale". F16 and BF16 are converted into the arena; f32 is used where it
 * lies unless it is not 4-byte aligned. Values are not looked at: see finite.h.
 * The layers live in the arena. */
enc_rc enc_weights_bind(enc_weights *w, enc_arena *a, const enc_config *c,
                        const enc_files *f, enc_err *e);

/* One row of a matrix as f32, cols values: an embedding lookup. */
void enc_mat_row(const enc_mat *m, size_t r, float *out);

/* Parameters of the parts that `w` has, the tied decoder once. */
size_t enc_weights_count(const enc_config *c, const enc_weights *w);

#endif
