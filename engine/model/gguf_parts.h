/* gguf_parts.h - what gguf_view.c is made of: names of tensors, and files as text. */
#ifndef ENC_GGUF_PARTS_H
#define ENC_GGUF_PARTS_H

#include "base/limits.h"
#include "base/wr.h"
#include "model/gguf.h"

typedef enum enc_gguf_kind {
    ENC_GGUF_BERT,
    ENC_GGUF_DISTILBERT,
    ENC_GGUF_NOMIC,
    ENC_GGUF_JINA,
    ENC_GGUF_JINA_CODE,
    ENC_GGUF_MODERN
} enc_gguf_kind;

/* An architecture that we know: a row of the table in gguf_arch.c. */
typedef struct enc_gguf_arch {
    enc_gguf_kind kind;
    const char *name;       /* of it in the file: the prefix of its keys */
    const char *model_type; /* what config.json calls it */
    const char *class_name; /* of the encoder in transformers */
    const char *layers;     /* what stands before the number of a layer */
    const struct enc_gguf_name *body, *layer; /* names, up to one that is NULL */
} enc_gguf_arch;

enc_rc enc_gguf_arch_find(const enc_gguf *g, const enc_gguf_arch **out, enc_err *e);

/* "blk.3.ffn_up.weight" -> "encoder.layer.3.intermediate.dense.weight"; one that is not
 * in the table stays as it is. True: a matrix, though its only row
 * may have been written as a vector. */
bool enc_gguf_arch_rename(const enc_gguf_arch *a, const char *name,
                          char out[ENC_NAME_MAX]);

/* The key "<arch>.<suffix>" as a number; false if there is none. */
bool enc_gguf_arch_number(const enc_gguf *g, const enc_gguf_arch *a, const char *suffix,
                          double *out);

/* A file that the model was made from, as far as the keys still say it; nothing written:
 * there was none. */
typedef enc_rc enc_gguf_writer(const enc_gguf *g, const enc_gguf_arch *a, enc_wr *out,
                               enc_err *e);

/* gguf_config.c */
enc_gguf_writer enc_gguf_write_config;     /* config.json */
enc_gguf_writer enc_gguf_write_modules;    /* modules.json */
enc_gguf_writer enc_gguf_write_pooling;    /* 1_Pooling/config.json */
enc_gguf_writer enc_gguf_write_max_length; /* sentence_bert_config.json */

/* gguf_tok.c */
enc_gguf_writer enc_gguf_write_vocab;      /* vocab.txt */
enc_gguf_writer enc_gguf_write_tok;        /* tokenizer.json */
enc_gguf_writer enc_gguf_write_tok_config; /* tokenizer_config.json */

#endif
