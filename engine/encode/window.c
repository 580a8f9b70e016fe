/* window.c - see window.h. */
#include "encode/window.h"

#include "encode/batch.h"
#include "text/chunk.h"

#define WINDOW_OVERLAP 128 /* tokens: what transformers' pipelines take */
#define WINDOW_SPARE   2   /* tokens; a piece may be cut otherwise where a text begins */

typedef struct windows {
    const enc_model *m;
    enc_work *w;
    const enc_window_job *job;
    size_t n_question; /* tokens of the question, none special */
    size_t n_around;   /* tokens of a window that are not the text's */
    enc_chunks chunks;
    enc_tokens scratch;
} windows;

/* How many tokens are around a text: the question's and the special ones. A question of
 * at most half of what is left keeps all of its tokens whatever is cut. */
static enc_rc measure(windows *x, enc_err *e)
{
    static const uint8_t nothing[1];
    const enc_bytes none = {NULL, 0}, empty = {nothing, 0};
    const enc_tok *tok = x->m->tok;
    const enc_bytes question = x->job->question;
    const size_t max = x->m->config.max_tokens;
    enc_rc rc;

    if (question.at == NULL) {
        rc = enc_tok_encode(tok, empty, none, 0, true, &x->scratch, e);
        x->n_around = x->scratch.n;
        return rc;
    }
    if ((rc = enc_tok_encode(tok, question, none, 0, false, &x->scratch, e))) return rc;
    x->n_question = x->scratch.n;
    if ((rc = enc_tok_encode(tok, question, empty, 0, true, &x->scratch, e))) return rc;
    x->n_around = x->scratch.n;
    const size_t n_special = x->n_around - x->n_question;
    if (max > n_special && x->n_question <= (max - n_special) / 2) return ENC_OK;
    return enc_fail(e, ENC_RANGE,
                    "the question has %zu tokens, of a model that reads %zu expected at "
                    "most %zu",
                    x->n_question, max, max > n_special ? (max - n_special) / 2 : 0);
}

/* Text [start, end) as one window. */
static enc_rc run_one(windows *x, enc_bytes part, enc_window *at, enc_err *e)
{
    const enc_bytes none = {NULL, 0}, question = x->job->question;
    enc_batch batch;
    size_t n_seen = 0;
    enc_rc rc;

    if (question.at != NULL)
        rc = enc_batch_of(x->m, x->w, question, part, &batch, &at->tokens, e);
    else rc = enc_batch_of(x->m, x->w, part, none, &batch, &at->tokens, e);
    if (rc || (rc = enc_fwd_run(x->m, x->w, &batch, x->job->tap, &at->hidden, e)))
        return rc;
    at->first = at->n = 0;
    for (size_t i = 0; i < at->tokens->n; i++) {
        if (at->tokens->at[i].is_special || n_seen++ < x->n_question) continue;
        if (at->n++ == 0) at->first = i;
    }
    return x->job->visit(x->job->arg, at, e);
}

/* Half way between the beginning of window i and the end of the one before it. */
static size_t border(const windows *x, size_t i)
{
    return (x->chunks.at[i].start + x->chunks.at[i - 1].end) / 2;
}

static enc_rc run_all(windows *x, enc_err *e)
{
    const enc_bytes text = x->job->text;
    const size_t max = x->m->config.max_tokens, around = x->n_around + WINDOW_SPARE;
    const size_t size = max > around ? max - around : 1;
    const size_t overlap = size / 2 < WINDOW_OVERLAP ? size / 2 : WINDOW_OVERLAP;
    enc_rc rc =
        enc_chunks_cut(x->m->tok, text, size, overlap, &x->chunks, &x->scratch, e);

    for (size_t i = 0; !rc && i < x->chunks.n; i++) {
        size_t start = x->chunks.at[i].start, end = x->chunks.at[i].end;
        /* The space before a word is part of its first piece in some tokenizers. */
        if (start > 0 && text.at[start - 1] == ' ') start--;
        enc_window at = {.offset = start,
                         .from = i == 0 ? 0 : border(x, i),
                         .to = i + 1 == x->chunks.n ? text.n : border(x, i + 1)};
        rc = run_one(x, enc_bytes_part(text, start, end), &at, e);
    }
    return rc;
}

enc_rc enc_window_run(const enc_model *m, enc_work *w, const enc_window_job *job,
                      enc_err *e)
{
    windows x = {.m = m, .w = w, .job = job};
    const size_t max = m->config.max_tokens;
    enc_rc rc;

    enc_tokens_init(&x.scratch);
    if (job->tap != NULL)
        x.scratch.ask = (enc_ask){.stop = job->tap->stop, .arg = job->tap->arg};
    if ((rc = measure(&x, e))) goto done;
    rc = enc_tok_encode(m->tok, job->text, (enc_bytes){NULL, 0},
                        max > x.n_around ? max - x.n_around : 1, false, &x.scratch, e);
    if (rc) goto done;
    if (x.scratch.is_cut) {
        rc = run_all(&x, e);
    } else {
        enc_window whole = {.to = job->text.n};
        rc = run_one(&x, job->text, &whole, e);
    }
done:
    enc_chunks_clear(&x.chunks);
    enc_tokens_clear(&x.scratch);
    return rc;
}
