/* tasks.c - see tasks.h. */
#include "lib/tasks.h"

#include <stdlib.h>

#include "encode/head.h"
#include "encode/mlm.h"
#include "learn/corpus.h"
#include "learn/heldout.h"

/* ---- documents ---- */

static enc_rc add(const tasks *t, enc_corpus *c, enc_wr *text, enc_err *e)
{
    enc_rc rc = text->failed ? enc_nomem(e) : ENC_OK;

    if (rc == ENC_OK && text->n > 0)
        rc = enc_corpus_add(c, t->m->tok, (enc_bytes){text->at, text->n}, e);
    enc_wr_clear(text);
    return rc;
}

static enc_rc read_held_out(const tasks *t, FILE *in, enc_corpus *c, enc_err *e)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    bool is_first = true, is_held = false;
    enc_wr text;
    enc_rc rc = ENC_OK;

    enc_wr_init(&text);
    while (rc == ENC_OK && (n = getline(&line, &cap, in)) > 0) {
        if (n == 1) { /* the end of a document */
            rc = add(t, c, &text, e);
            is_first = true;
            if (t->n_documents > 0 && c->n_documents == t->n_documents) break;
            continue;
        }
        if (is_first) {
            size_t end = (size_t)n - (line[n - 1] == '\n');
            is_held = end > 2 && line[0] == '#' && line[1] == ' ' &&
                      enc_heldout((enc_bytes){(uint8_t *)line + 2, end - 2});
        }
        is_first = false;
        if (is_held) enc_wr_bytes(&text, line, (size_t)n);
    }
    if (rc == ENC_OK) rc = add(t, c, &text, e);
    enc_wr_clear(&text);
    free(line);
    return rc;
}

/* ---- the two tasks ---- */

static enc_rc forward(const tasks *t, enc_work *w, const enc_group *g,
                      const float **hidden, enc_err *e)
{
    const enc_batch b = {g->n_texts, g->n_tokens, g->ids, g->segments, g->starts};
    return enc_fwd_run(t->m, w, &b, NULL, hidden, e);
}

static enc_rc try_next(tasks *t, enc_work *w, const enc_group *g, enc_err *e)
{
    const float *hidden;
    float follows;
    enc_rc rc = forward(t, w, g, &hidden, e);

    if (rc || (rc = enc_head_next(t->m, hidden, &follows, e))) return rc;
    t->n_next++;
    t->next_right += (follows > 0.5f) == !g->is_random[0];
    return ENC_OK;
}

static enc_rc try_masked(tasks *t, enc_work *w, enc_group *g, enc_rng *rng, enc_err *e)
{
    enc_tok_special special = enc_tok_specials(t->m->tok);
    const float *hidden;
    enc_rc rc;

    enc_group_mask(g, &special, t->m->config.n_vocab, 0.15f, rng);
    if (g->failed) return enc_nomem(e);
    if ((rc = forward(t, w, g, &hidden, e))) return rc;
    for (size_t i = 0; i < g->n_masked; i++) {
        enc_guess guess;
        size_t k = 1;
        rc = enc_mlm_guess(t->m, w, hidden + g->at[i] * t->m->config.hidden, &guess, &k,
                           e);
        if (rc) return rc;
        t->n_masked++;
        t->masked_right += guess.id == g->label[i];
    }
    return ENC_OK;
}

enc_rc tasks_run(tasks *t, FILE *in, enc_err *e)
{
    enc_corpus c = {0};
    enc_group g = {0};
    enc_work *w = NULL;
    enc_rng rng = {t->seed};
    enc_rc rc;

    if ((rc = enc_work_new(&w, e))) goto done;
    if ((rc = enc_corpus_init(&c, t->m->tok, e))) goto done;
    if ((rc = read_held_out(t, in, &c, e))) goto done;
    t->n_held = c.n_documents;
    t->n_held_tokens = c.n_ids;
    for (size_t i = 0; i < t->n_examples && c.n_documents > 1; i++) {
        enc_group_start(&g);
        enc_corpus_draw(&c, &rng, t->n_tokens, &g);
        if (g.failed) rc = enc_nomem(e);
        if (!rc && t->has_next) rc = try_next(t, w, &g, e);
        if (!rc && t->has_masked) rc = try_masked(t, w, &g, &rng, e);
        if (rc) goto done;
    }
done:
    enc_group_clear(&g);
    enc_corpus_clear(&c);
    enc_work_free(w);
    return rc;
}
