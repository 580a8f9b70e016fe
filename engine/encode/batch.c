/* batch.c - see batch.h.
 *
 * All texts are tokenized first, into one array of ids. The longest run first: the work
 * area then grows once, and the last batches, which cannot fill the threads, are short.
 */
#include "encode/batch.h"

#include <stdlib.h>
#include <string.h>

#include "encode/pool.h"
#include "encode/work.h"

#define TICK_TEXTS 256 /* texts tokenized between two ticks */

typedef struct item { /* a text among the others */
    size_t index;     /* in the order they came */
    size_t start, n;  /* its tokens among all ids */
} item;

typedef struct texts { /* the tokens of all */
    item *item;
    int32_t *id;
    size_t n_ids, room;
    size_t n_prompt; /* of each text's tokens, the first that are not pooled */
} texts;

static enc_rc stopped(const enc_embed_job *job, size_t done, enc_err *e)
{
    if (job->tick == NULL || !job->tick(job->tick_arg, done)) return ENC_OK;
    return enc_fail(e, ENC_INTERRUPT, "interrupted after %zu of %zu texts", done,
                    job->n_texts);
}

enc_bytes enc_batch_strip(enc_work *w, enc_bytes text)
{
    return enc_tok_strip(text, &w->tokens.ask);
}

/* The prompt and the text as one, in w until the next, without white space around it,
 * which byte-level pieces would show. Not of a static model: there nobody takes it off.
 */
static enc_rc with_prompt(const enc_model *m, enc_work *w, const char *prompt,
                          enc_bytes text, enc_bytes *whole, enc_err *e)
{
    size_t n = prompt != NULL ? strlen(prompt) : 0, sum;
    *whole = text;
    if (n > 0) {
        if (!enc_mem_add(n, text.n, &sum) ||
            !enc_mem_reserve((void **)&w->prompted, &w->n_prompted, sum, 1))
            return enc_nomem(e);
        memcpy(w->prompted, prompt, n);
        if (text.n > 0) memcpy(w->prompted + n, text.at, text.n);
        *whole = (enc_bytes){w->prompted, sum};
    }
    if (m->config.n_layers > 0) *whole = enc_batch_strip(w, *whole);
    return ENC_OK;
}

/* How many tokens at the beginning of each text a model that does not pool its prompt
 * leaves out: [CLS] and those of the prompt alone, as in sentence-transformers. */
static enc_rc count_prompt(const enc_model *m, enc_work *w, const char *prompt, size_t *n,
                           enc_err *e)
{
    const enc_bytes none = {NULL, 0};
    enc_bytes text;
    enc_rc rc;

    *n = 0;
    if (!m->config.skips_prompt || prompt == NULL || prompt[0] == '\0') return ENC_OK;
    if ((rc = with_prompt(m, w, prompt, none, &text, e))) return rc;
    rc = enc_tok_encode(m->tok, text, none, m->config.max_tokens, true, &w->tokens, e);
    *n = w->tokens.n;
    if (*n > 0 && w->tokens.at[*n - 1].is_special) --*n;
    return rc;
}

static enc_rc tokenize(const enc_model *m, enc_work *w, const enc_embed_job *job,
                       texts *all, enc_err *e)
{
    for (size_t i = 0; i < job->n_texts; i++) {
        enc_bytes text;
        enc_rc rc = i % TICK_TEXTS == TICK_TEXTS - 1 ? stopped(job, 0, e) : ENC_OK;
        if (!rc) rc = with_prompt(m, w, job->prompt, job->texts[i], &text, e);
        if (!rc)
            rc = enc_tok_encode(m->tok, text, (enc_bytes){NULL, 0}, m->config.max_tokens,
                                true, &w->tokens, e);
        if (rc) return rc;
        size_t n = w->tokens.n, sum;
        if (!enc_mem_add(all->n_ids, n, &sum) ||
            !enc_mem_reserve((void **)&all->id, &all->room, sum, sizeof *all->id))
            return enc_nomem(e);
        for (size_t j = 0; j < n; j++) all->id[all->n_ids + j] = w->tokens.at[j].id;
        all->item[i] = (item){i, all->n_ids, n};
        all->n_ids = sum;
    }
    return ENC_OK;
}

static int by_length(const void *a, const void *b)
{
    const item *x = a, *y = b;
    if (x->n != y->n) return x->n > y->n ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static bool grow_batch(enc_work *w, size_t n_texts, size_t n_tokens)
{
    return enc_mem_reserve((void **)&w->id, &w->n_id, n_tokens, sizeof *w->id) &&
           enc_mem_reserve((void **)&w->segment, &w->n_segment, n_tokens, 1) &&
           enc_mem_reserve((void **)&w->start, &w->n_start, n_texts + 1,
                           sizeof *w->start);
}

/* Runs n texts from `first` on as one batch and writes their vectors. */
static enc_rc run_batch(const enc_model *m, enc_work *w, const enc_embed_job *job,
                        const texts *all, size_t first, size_t n, enc_err *e)
{
    const item *it = all->item + first;
    const size_t D = m->config.hidden, dims = enc_config_dims(&m->config);
    size_t T = 0;
    for (size_t i = 0; i < n; i++) T += it[i].n;
    if (!grow_batch(w, n, T)) return enc_nomem(e);
    w->start[0] = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < it[i].n; j++)
            w->id[w->start[i] + j] = all->id[it[i].start + j];
        w->start[i + 1] = w->start[i] + it[i].n;
    }
    if (T > 0) memset(w->segment, 0, T);
    const enc_batch b = {n, T, w->id, w->segment, w->start};
    const float *hidden;
    enc_rc rc = enc_fwd_run(m, w, &b, NULL, &hidden, e);
    for (size_t i = 0; !rc && i < n; i++) {
        const float *x = it[i].n == 0 ? NULL : hidden + b.start[i] * D;
        const size_t skip = all->n_prompt < it[i].n ? all->n_prompt : it[i].n;
        const enc_pooled text = {x, it[i].n, skip};
        rc = enc_pool_run(m, w, &text, job->out + it[i].index * dims, e);
    }
    return rc;
}

enc_rc enc_embed_run(const enc_model *m, enc_work *w, const enc_embed_job *job,
                     enc_err *e)
{
    texts all = {enc_mem_array(job->n_texts, sizeof *all.item), NULL, 0, 0, 0};
    enc_rc rc = all.item != NULL ? count_prompt(m, w, job->prompt, &all.n_prompt, e)
                                 : enc_nomem(e);
    if (rc || (rc = tokenize(m, w, job, &all, e))) goto done;
    qsort(all.item, job->n_texts, sizeof *all.item, by_length);
    for (size_t first = 0, n; first < job->n_texts; first += n) {
        size_t T = all.item[first].n;
        for (n = 1; first + n < job->n_texts; n++) {
            if (T + all.item[first + n].n > ENC_BATCH_TOKENS) break;
            T += all.item[first + n].n;
        }
        if (first > 0 && (rc = stopped(job, first, e))) goto done;
        if ((rc = run_batch(m, w, job, &all, first, n, e))) goto done;
    }
done:
    enc_mem_free(all.item);
    enc_mem_free(all.id);
    return rc;
}

enc_rc enc_batch_of(const enc_model *m, enc_work *w, enc_bytes a, enc_bytes b,
                    enc_batch *batch, const enc_tokens **tokens, enc_err *e)
{
    enc_rc rc = enc_tok_encode(m->tok, a, b, m->config.max_tokens, true, &w->tokens, e);
    if (rc) return rc;
    size_t n = w->tokens.n;
    if (!grow_batch(w, 1, n)) return enc_nomem(e);
    for (size_t i = 0; i < n; i++) {
        w->id[i] = w->tokens.at[i].id;
        w->segment[i] = w->tokens.at[i].segment;
    }
    w->start[0] = 0;
    w->start[1] = n;
    *batch = (enc_batch){1, n, w->id, w->segment, w->start};
    *tokens = &w->tokens;
    return ENC_OK;
}
