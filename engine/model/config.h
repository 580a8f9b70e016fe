/* config.h - what the JSON files of a model say, checked and in one struct. */
#ifndef ENC_CONFIG_H
#define ENC_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "model/files.h"

typedef enum enc_act { ENC_GELU, ENC_GELU_TANH, ENC_RELU, ENC_SILU } enc_act;

/* Bits; several: concatenated in this order. */
typedef enum enc_pooling {
    ENC_POOL_CLS = 1,
    ENC_POOL_MAX = 2,
    ENC_POOL_MEAN = 4,
    ENC_POOL_MEAN_SQRT = 8
} enc_pooling;

typedef enum enc_problem {
    ENC_SINGLE_LABEL,
    ENC_MULTI_LABEL,
    ENC_REGRESSION
} enc_problem;

typedef struct enc_prompt {
    const char *name; /* "query", "passage", ... */
    const char *text; /* put before the user's text */
} enc_prompt;

/* All texts live in the arena given to enc_config_read, NUL-terminated. */
typedef struct enc_config {
    const char *arch;   /* model_type: "bert" */
    size_t n_vocab;     /* V */
    size_t n_layers;    /* L */
    size_t hidden;      /* D, divisible by n_heads */
    size_t n_heads;     /* H */
    size_t inner;       /* width of the feed-forward layer */
    size_t n_positions; /* rows of the position table */
    size_t n_segments;  /* rows of the segment table (type_vocab_size) */
    float norm_eps;     /* layer_norm_eps */
    enc_act act;
    size_t n_labels;     /* of the classifier, 0 if none is described */
    const char **labels; /* n_labels names, by id */
    enc_problem problem;
    bool rerank_sigmoid; /* a cross-encoder's score passes a sigmoid */
    unsigned pooling;    /* bits of enc_pooling, at least one */
    bool normalize;      /* vectors are divided by their L2 norm */
    bool own_decoder;    /* of masked words: tie_word_embeddings is false */
    bool lower_case;     /* the text is lower-cased beforehand, whatever the tokenizer */
    size_t max_tokens;   /* effective: the least of all limits the files state */
    size_t n_prompts;
    const enc_prompt *prompts;
    const char *default_prompt; /* name, or NULL */
    const char *similarity;     /* "cosine" unless the files say "dot" or another */
} enc_config;

/* Reads config.json and the sentence-transformers files, old and new forms. `tok_max` is
 * the tokenizer's own limit, 0 if none. */
enc_rc enc_config_read(enc_config *c, enc_arena *a, enc_files *f, size_t tok_max,
                       enc_err *e);

/* The values in one vector: hidden, times the number of pooling bits. */
size_t enc_config_dims(const enc_config *c);

/* The files that say all this again: config.json, modules.json, 1_Pooling/config.json,
 * sentence_bert_config.json, config_sentence_transformers.json; `name` picks one. */
void enc_config_write(const enc_config *c, const char *name, bool has_heads,
                      struct enc_wr *out);

#endif
