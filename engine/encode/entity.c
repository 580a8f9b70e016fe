/* entity.c - see entity.h. */
#include "encode/entity.h"

#include <string.h>

#include "encode/head.h"
#include "encode/window.h"

/* ---- the label of every token ---- */

typedef struct labelling {
    const enc_model *m;
    enc_labels *out;
} labelling;

static bool put(enc_labels *l, enc_labelled x)
{
    void *at = l->at;
    bool ok = enc_mem_reserve(&at, &l->cap, l->n + 1, sizeof *l->at);
    l->at = at;
    if (ok) l->at[l->n++] = x;
    return ok;
}

static enc_rc label_window(void *arg, const enc_window *w, enc_err *e)
{
    const labelling *x = arg;
    const size_t K = x->m->weights.token_classifier.w.rows, D = x->m->config.hidden;
    float *scores = enc_mem_array(w->n, K * sizeof *scores);
    if (scores == NULL) return enc_nomem(e);
    enc_rc rc = enc_head_tokens(x->m, w->hidden + w->first * D, w->n, scores, e);
    for (size_t i = 0; !rc && i < w->n; i++) {
        const enc_token *t = &w->tokens->at[w->first + i];
        const float *row = scores + i * K;
        enc_labelled l = {t->id, 0, row[0], w->offset + t->start, w->offset + t->end};
        if (l.start < w->from || l.start >= w->to) continue;
        for (uint32_t k = 1; k < K; k++)
            if (row[k] > l.score) l.label = k, l.score = row[k];
        if (!put(x->out, l)) rc = enc_nomem(e);
    }
    enc_mem_free(scores);
    return rc;
}

enc_rc enc_entity_labels(const enc_model *m, enc_work *w, enc_bytes text,
                         const enc_tap *tap, enc_labels *out, enc_err *e)
{
    labelling x = {m, out};
    const enc_window_job job = {{NULL, 0}, text, tap, label_window, &x};
    out->n = 0;
    if (m->weights.token_classifier.w.data == NULL)
        return enc_head_missing(m, ENC_PART_TOKENS, e);
    return enc_window_run(m, w, &job, e);
}

void enc_labels_clear(enc_labels *l)
{
    enc_mem_free(l->at);
    *l = (enc_labels){0};
}

/* ---- joining ---- */

typedef struct tag { /* a label, taken apart */
    enc_bytes kind;
    bool begins, ends;
} tag;

static bool is_place(char c)
{
    return c != '\0' && strchr("BIOLESU", c) != NULL;
}

static tag tag_of(const char *label)
{
    const size_t n = strlen(label);
    const uint8_t *at = (const uint8_t *)label;
    char place = 'I';
    tag t = {.kind = {at, n}};
    if (n > 2 && label[1] == '-' && is_place(label[0])) {
        place = label[0];
        t.kind = (enc_bytes){at + 2, n - 2};
    } else if (n > 2 && label[n - 2] == '-' && is_place(label[n - 1])) {
        place = label[n - 1];
        t.kind = (enc_bytes){at, n - 2};
    }
    t.begins = strchr("BSU", place) != NULL;
    t.ends = strchr("LESU", place) != NULL;
    return t;
}

static bool is_nothing(const tag *t)
{
    return t->kind.n == 1 && t->kind.at[0] == 'O';
}

static bool is_same(enc_bytes a, enc_bytes b)
{
    return a.n == b.n && memcmp(a.at, b.at, a.n) == 0;
}

static void trim(enc_bytes text, enc_entity *x)
{
    while (x->start < x->end && text.at[x->start] == ' ') x->start++;
    while (x->end > x->start && text.at[x->end - 1] == ' ') x->end--;
}

size_t enc_entity_join(const enc_model *m, const enc_labels *l, enc_bytes text,
                       enc_entity_by by, enc_entity *out)
{
    tag before = {.kind = {(const uint8_t *)"O", 1}};
    size_t n = 0, n_parts = 0; /* entities; neighbours in the last one */
    double sum = 0.0;

    for (size_t i = 0, end; i < l->n; i = end) {
        const tag t = tag_of(m->config.labels[l->at[i].label]);
        end = i + 1;
        while (by == ENC_ENTITY_FIRST && end < l->n &&
               enc_tok_is_subword(m->tok, l->at[end].id))
            end++;
        if (!is_nothing(&t)) {
            if (is_nothing(&before) || !is_same(t.kind, before.kind) || t.begins ||
                before.ends) {
                out[n++] = (enc_entity){.label = t.kind, .start = l->at[i].start};
                n_parts = 0, sum = 0.0;
            }
            sum += (double)l->at[i].score;
            out[n - 1].end = l->at[end - 1].end;
            out[n - 1].score = (float)(sum / (double)++n_parts);
        }
        before = t;
    }
    for (size_t i = 0; i < n; i++) trim(text, &out[i]);
    return n;
}
