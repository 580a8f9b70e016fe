/* model_try.h - what must hold of any model: it opens or says why not, and what it makes
 * of a text are numbers. */
#ifndef MODEL_TRY_H
#define MODEL_TRY_H

#include "fuzz.h"

#include <math.h>

#include "base/threads.h"
#include "enc.h"

/* Every head that it has, over the states of a text. */
static inline void try_heads(const enc_model *m, enc_work *w)
{
    enc_bytes text = {(const uint8_t *)"a b [MASK]", 10};
    enc_batch batch;
    const enc_tokens *tokens;
    const float *hidden = NULL;
    enc_err e;

    enc_err_clear(&e);
    enc_rc rc = enc_batch_of(m, w, text, (enc_bytes){NULL, 0}, &batch, &tokens, &e);
    if (rc == ENC_OK) rc = enc_fwd_run(m, w, &batch, NULL, &hidden, &e);
    fuzz_answer(rc, &e);
    if (rc != ENC_OK) return;
    size_t n_labels = m->config.n_labels + 1, n = tokens->n;
    size_t n_out = n * (n_labels > 2 ? n_labels : 2) + m->config.hidden;
    float *out = enc_mem_array(n_out, sizeof *out);
    FUZZ_CLAIM(out != NULL);
    enc_head_pooled(m, hidden, out, &e);
    enc_err_clear(&e);
    enc_head_classify(m, hidden, n, out, &e);
    enc_head_rerank(m, hidden, n, out, &e);
    enc_head_tokens(m, hidden, n, out, &e);
    enc_head_answer(m, hidden, n, out, &e);
    enc_head_next(m, hidden, out, &e);
    enc_mem_free(out);
}

/* Takes a model's bytes. */
static inline void try_model(const uint8_t *data, size_t n)
{
    enc_files *files;
    enc_model *m = NULL;
    enc_err e;

    enc_err_clear(&e);
    enc_rc rc = enc_files_open_blob(&files, (enc_bytes){data, n}, false, &e);
    if (rc == ENC_OK) rc = enc_model_open(&m, files, NULL, &e);
    fuzz_answer(rc, &e);
    if (rc == ENC_OK) {
        enc_bytes texts[2] = {{(const uint8_t *)"a b", 3}, {(const uint8_t *)"", 0}};
        size_t dims = enc_config_dims(&m->config);
        float *out = enc_mem_array(2 * dims, sizeof *out);
        enc_embed_job job = {.texts = texts, .n_texts = 2, .out = out};
        char fingerprint[33];
        enc_work *w;
        FUZZ_CLAIM(out != NULL);
        FUZZ_CLAIM(enc_model_fingerprint(m, fingerprint, &e) == ENC_OK);
        if (enc_work_new(&w, &e) == ENC_OK) {
            rc = enc_embed_run(m, w, &job, &e);
            fuzz_answer(rc, &e);
            enc_err_clear(&e);
            try_heads(m, w);
        }
        enc_work_free(w);
        enc_mem_free(out);
    }
    enc_model_close(m);
    FUZZ_CLAIM(enc_mem_live() == 0);
}

#endif
