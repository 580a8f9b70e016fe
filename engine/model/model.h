/* model.h - a directory or blob -> a model, opened once, never changed.
 *
 * Any thread may read it. Opening reads the JSON files and the vocabulary and binds the
 * weights, which stay mapped. Layers stored as int8 run as int8, others in f32, unless
 * the caller says otherwise. */
#ifndef ENC_MODEL_H
#define ENC_MODEL_H

#include <stdatomic.h>

#include "base/hash.h"
#include "model/config.h"
#include "model/files.h"
#include "model/modules.h"
#include "text/tok.h"

typedef struct enc_model {
    enc_arena arena;
    enc_files *files;
    enc_config config;
    enc_weights weights;
    const enc_module_weights *modules; /* config.n_modules */
    enc_tok *tok;
    struct enc_kern const *kern; /* set by the encode room: enc_kern_pick() when NULL */
    enc_dtype precision;         /* of the products: ENC_F32, ENC_BF16 or ENC_I8 */
    _Atomic(void *) packed;      /* the encode room's panels, or NULL: see packed.h */
    size_t n_bytes;              /* of the weights as stored */
    const char *changed;         /* an option that says other than the files, or NULL */
} enc_model;

/* What a caller may override; zero: what the files say. */
typedef struct enc_model_options {
    unsigned pooling;  /* bits of enc_pooling */
    int normalize;     /* 1 yes, -1 no */
    size_t max_tokens; /* lowers, never raises */
    size_t dims;       /* the first so many values of a vector, at most all */
    int precision;     /* 1 + ENC_F32, ENC_BF16 or ENC_I8 */
} enc_model_options;

/* Takes the files, also on failure. options may be NULL. */
enc_rc enc_model_open(enc_model **out, enc_files *files, const enc_model_options *options,
                      enc_err *e);
void enc_model_close(enc_model *m);

/* The body's weights and the tokenizer in one hash: what a blob states as "fingerprint",
 * so that it need not be computed from all the weights again. */
enc_rc enc_model_hash(const enc_config *c, const enc_weights *w, const enc_tok *tok,
                      enc_hash *out, enc_err *e);

/* Weights, tokenizer, precision, pooling, prompts and maximum length in one hash: 32 hex
 * digits. Two models that could give different vectors have different fingerprints. Reads
 * all the weights, unless the blob's metadata states it ("fingerprint"). */
enc_rc enc_model_fingerprint(const enc_model *m, char out[33], enc_err *e);

/* "f32", "bf16" or "int8": what the option `precision` is called by users. */
const char *enc_precision_name(enc_dtype precision);

/* A name -> the value of enc_model_options.precision; 0: there is no such precision. */
int enc_precision_find(const char *name);

/* The prompt text for a role, "" if the model has none. Role "query" also finds
 * "search_query"; "passage" finds "document", "search_document" and "corpus". */
const char *enc_model_prompt(const enc_model *m, const char *role);

/* The weights compiled into the library (builtin.S): a blob as in files.h. */
enc_bytes enc_builtin(void);

/* A name -> the directory or GGUF file of a model, in the places of the Hugging Face hub
 * cache and $ENCODER_MODELS; ENC_IO lists every place that was looked at and the command
 * that downloads it. `out` is filled with a path of at most n bytes. A name is
 * [org/]name[@revision], or org/name/file.gguf[@revision], of letters, digits, '.', '_'
 * and '-'. */
enc_rc enc_model_locate(const char *name, char *out, size_t n, enc_err *e);

#endif
