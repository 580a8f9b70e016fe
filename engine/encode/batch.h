/* batch.h - texts -> vectors: which texts go together.
 *
 * Texts are tokenized, sorted by length, run in batches of about ENC_BATCH_TOKENS and
 * written back in the order they came. A text's vector is the same bits whatever it was
 * batched with. */
#ifndef ENC_BATCH_H
#define ENC_BATCH_H

#include "encode/fwd.h"

#define ENC_BATCH_TOKENS 1024

typedef struct enc_embed_job {
    const enc_bytes *texts;
    size_t n_texts;
    const char *prompt; /* put before every text; "" or NULL for none */
    float *out;         /* n_texts x enc_config_dims */
    /* Called between batches with the texts done so far; true stops. May be NULL. */
    bool (*tick)(void *arg, size_t done);
    void *tick_arg;
} enc_embed_job;

enc_rc enc_embed_run(const enc_model *m, enc_work *w, const enc_embed_job *job,
                     enc_err *e);

/* A text without the white space around it, which sentence-transformers take off before
 * a text is read; enc_embed_run does so. */
enc_bytes enc_batch_strip(enc_work *w, enc_bytes text);

/* Tokens of one text or pair with the model's own maximum, as one batch that borrows from
 * `w` and stays valid until w's next enc_batch_of: what heads and inspection run on. */
enc_rc enc_batch_of(const enc_model *m, enc_work *w, enc_bytes a, enc_bytes b,
                    enc_batch *batch, const enc_tokens **tokens, enc_err *e);

#endif
