/* config.h - what the JSON files of a model say, checked and in one struct. */
#ifndef ENC_CONFIG_H
#define ENC_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "model/files.h"

/* ENC_TANH is of heads alone, the others are of the layers too. */
typedef enum enc_act { ENC_GELU, ENC_GELU_TANH, ENC_RELU, ENC_SILU, ENC_TANH } enc_act;

/* Bits; several: concatenated in this order, sentence-transformers' own. */
typedef enum enc_pooling {
    ENC_POOL_CLS = 1,
    ENC_POOL_MAX = 2,
    ENC_POOL_MEAN = 4,
    ENC_POOL_MEAN_SQRT = 8,
    ENC_POOL_WEIGHTED_MEAN = 16, /* weights 1, 2, .. n */
    ENC_POOL_LAST = 32
} enc_pooling;

/* Parts of a graph that one configuration has and another lacks. */
typedef enum enc_has {
    ENC_HAS_ATTN_BIAS = 1, /* of query, key, value and the layer behind attention */
    ENC_HAS_UP_BIAS = 2,   /* of the feed-forward layer's first half */
    ENC_HAS_DOWN_BIAS = 4, /* and of its second */
    ENC_HAS_NORM_BIAS = 8,
    ENC_HAS_PROJECTION = 16, /* embeddings are narrower than the layers */
    ENC_HAS_DECODER_BIAS = 32,
    ENC_HAS_HEAD_BIAS = 64,    /* of the dense layer before a classifier */
    ENC_HAS_ANSWERS = 128,     /* the model is for question answering */
    ENC_HAS_WORD_WEIGHTS = 256 /* the vectors of a static model are weighed */
} enc_has;

typedef enum enc_problem {
    ENC_SINGLE_LABEL,
    ENC_MULTI_LABEL,
    ENC_REGRESSION
} enc_problem;

typedef struct enc_prompt {
    const char *name; /* "query", "passage", ... */
    const char *text; /* put before the user's text */
} enc_prompt;

/* What happens to a vector after pooling, in the order of modules.json. */
typedef enum enc_module_kind {
    ENC_MODULE_DENSE,
    ENC_MODULE_NORM,
    ENC_MODULE_NORMALIZE /* by the L2 norm, somewhere else than at the end */
} enc_module_kind;

typedef struct enc_module {
    enc_module_kind kind;
    const char *path;  /* of the module's files: "2_Dense" */
    size_t rows, cols; /* values that come out and go in */
    bool has_bias;     /* of a dense layer */
    int act;           /* behind a dense layer: an enc_act, or -1 for none */
} enc_module;

/* All texts live in the arena given to enc_config_read, NUL-terminated. */
typedef struct enc_config {
    const struct enc_arch *arch; /* see arch.h */
    size_t n_vocab;              /* V */
    size_t n_layers;             /* L; 0: a static model, whose tokens are its vectors */
    size_t hidden;               /* D, divisible by n_heads */
    size_t n_heads;              /* H */
    size_t inner;                /* width of the feed-forward layer */
    size_t embedding;            /* E: width of the embedding tables, D but in a few */
    size_t n_positions;          /* rows of the position table, or the longest text */
    size_t n_vectors;            /* rows of the word table, which pieces of a static model
                                  * may share; 0: V */
    bool drops_unknown;          /* pieces that are unknown have no part in the vector */
    size_t position_offset;      /* the first token's row: 0, or the padding's plus 1 */
    size_t n_segments; /* rows of the segment table (type_vocab_size); 0: none */
    float norm_eps;    /* layer_norm_eps */
    enc_act act;       /* of the feed-forward layer, or of its gate */
    unsigned has;      /* bits of enc_has */
    bool is_prenorm;   /* norms stand before what they feed, and one behind all layers */
    bool is_shared;    /* all layers have the weights of the first (ALBERT) */

    /* How attention knows of places, beside a position table. */
    size_t n_buckets; /* of relative positions, whose bias all layers share; 0: no */
    bool has_alibi;   /* scores fall off with distance; Press et al. 2021 */
    float rope_theta; /* queries and keys are turned; Su et al. 2021; 0: they are not */
    float rope_local_theta; /* in layers with a window; rope_theta if there is no other */
    size_t rope_dims;       /* of a head that are turned, even */
    float rope_scale;       /* NTK: for that many times longer texts; 1: none */
    size_t window; /* local layers look that many tokens to each side; 0: all look far */
    size_t global_every; /* layers 0, n, 2 n .. look at all tokens; used with a window */

    size_t n_labels;     /* of the classifier, 0 if none is described */
    const char **labels; /* n_labels names, by id */
    bool labels_tokens;  /* the labels are of tokens, not of texts */
    bool head_means;     /* the classifier sees the mean of all tokens, not [CLS] */
    enc_act head_act;    /* behind the dense layer before a classifier */
    enc_act mlm_act;     /* in the masked-word head */
    enc_problem problem;
    bool rerank_sigmoid; /* a cross-encoder's score passes a sigmoid */
    unsigned pooling;    /* bits of enc_pooling, at least one */
    bool skips_prompt;   /* a prompt's tokens are not pooled */
    size_t n_modules;
    const enc_module *modules; /* after pooling */
    size_t dims;       /* vectors are cut to their first so many values; 0: they are
                        * not */
    bool normalize;    /* vectors are divided by their L2 norm, last of all */
    bool own_decoder;  /* of masked words: tie_word_embeddings is false */
    bool lower_case;   /* the text is lower-cased beforehand, whatever the tokenizer */
    size_t max_tokens; /* effective: the least of all limits that count */
    bool says_length;  /* max_seq_length is said, so that the tokenizer's limit does not
                        * count */
    size_t n_prompts;
    const enc_prompt *prompts;
    const char *default_prompt; /* name, or NULL */
    const char *similarity;     /* "cosine" unless the files say "dot" or another */
} enc_config;

/* Reads config.json and the sentence-transformers files, old and new forms. `tok_max` is
 * the tokenizer's own limit, 0 if none, which counts where max_seq_length is not said. */
enc_rc enc_config_read(enc_config *c, enc_arena *a, enc_files *f, size_t tok_max,
                       enc_err *e);

/* Another pooling than the files say; ENC_MISUSE if it does not fit what comes after it.
 */
enc_rc enc_config_set_pooling(enc_config *c, unsigned pooling, enc_err *e);

/* Vectors of the first n values only; ENC_RANGE if there are fewer. */
enc_rc enc_config_set_dims(enc_config *c, size_t n, enc_err *e);

/* The values that pooling gives: hidden, times the number of its bits; and those of a
 * vector in the end. */
size_t enc_config_pooled(const enc_config *c);
size_t enc_config_dims(const enc_config *c);

/* Whether a layer (0 .. L - 1) looks at all tokens, not only at those in its window. */
bool enc_config_is_global(const enc_config *c, size_t layer);

/* The files that say all this again: config.json, modules.json, 1_Pooling/config.json,
 * sentence_bert_config.json, config_sentence_transformers.json; `name` picks one. */
void enc_config_write(const enc_config *c, const char *name, bool has_heads,
                      struct enc_wr *out);

#endif
