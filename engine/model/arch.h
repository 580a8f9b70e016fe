/* arch.h - what one architecture calls its tensors and settings, as tables.
 *
 * One forward pass (encode/fwd.c) serves them all: which parts it has is in enc_config
 * and in which weights are there. A row of a table is a tensor: its name as Hugging Face
 * writes it, its shape and its place. Nothing else in the engine spells these names. */
#ifndef ENC_ARCH_H
#define ENC_ARCH_H

#include "model/weights.h"

/* A size that the configuration decides. ENC_DIM_VECTOR, as the second of two: there is
 * none. */
typedef enum enc_dim {
    ENC_DIM_VECTOR,
    ENC_DIM_V,
    ENC_DIM_VECTORS,
    ENC_DIM_D,
    ENC_DIM_3D,
    ENC_DIM_E,
    ENC_DIM_I,
    ENC_DIM_2I,
    ENC_DIM_POSITIONS,
    ENC_DIM_SEGMENTS,
    ENC_DIM_BUCKETS,
    ENC_DIM_HEADS,
    ENC_DIM_LABELS,
    ENC_DIM_TWO
} enc_dim;

typedef struct enc_arch_row {
    const char *name;
    enc_part part;
    enc_dim rows, cols;
    size_t at;      /* offset of the enc_mat or the const float *, in enc_weights or, of
                     * a layer, in enc_layer */
    unsigned needs; /* bits of enc_has: without them there is no such tensor */
    int split;      /* as in enc_slot; 0 is 1 */
    bool not_first; /* the first layer has none */
    bool is_tied;   /* as in enc_slot */
    const char *or_name; /* what it is called where that name is not there, or NULL */
} enc_arch_row;

typedef struct enc_arch_table {
    const enc_arch_row *rows;
    size_t n;
} enc_arch_table;

/* How attention knows of places. */
typedef enum enc_positions {
    ENC_LEARNED, /* a table that is added to the words */
    ENC_BUCKETS, /* that, and a bias for the distance */
    ENC_ALIBI,
    ENC_ROTARY
} enc_positions;

/* What config.json calls a size; NULL: Hugging Face's usual key. */
typedef struct enc_arch_keys {
    const char *hidden, *n_layers, *n_heads, *inner, *n_positions, *act, *norm_eps;
} enc_arch_keys;

typedef struct enc_arch {
    const char *name; /* model_type, or our own where that says too little */
    const char
        *prefix;       /* of the body's tensors in a model with heads: "bert."; or none */
    const char *layer; /* before a layer's number: "encoder.layer." */
    enc_arch_table embeddings, layer_rows, heads;
    enc_arch_keys keys;
    double norm_eps; /* where config.json does not say */
    enc_act head_act, mlm_act;
    bool mlm_takes_act;     /* the layers' own activation instead of mlm_act */
    bool offsets_positions; /* positions are counted from the padding's id plus 1 */
    enc_positions positions;
    bool is_prenorm, is_shared; /* as in enc_config */
    size_t n_segments;          /* where config.json does not say */
    unsigned has;               /* bits of enc_has, but those that config.json decides */
} enc_arch;

extern const enc_arch enc_arch_bert;   /* what we train */
extern const enc_arch enc_arch_static; /* a table of vectors alone: model2vec, and the
                                        * StaticEmbedding of sentence-transformers */

/* The architecture of a config.json's model_type and, where it matters,
 * position_embedding_type (NULL: not said); NULL: we do not know it. */
const enc_arch *enc_arch_find(const char *model_type, const char *positions);

/* Sets what follows from c->arch (NULL: BERT's) alone: what it has, how heads activate,
 * and E = D where c->embedding is 0. To be called when all else is known. */
void enc_arch_apply(enc_config *c);

/* How many layers have weights of their own: L, or 1 where they share them. */
size_t enc_arch_layers(const enc_config *c);

/* "bert, roberta, ...": for a sentence. */
void enc_arch_names(char *out, size_t n);

#endif
