/* answer.c - see answer.h. */
#include "encode/answer.h"

#include <math.h>
#include <string.h>

#include "encode/head.h"
#include "encode/window.h"

typedef struct search {
    const enc_model *m;
    const enc_answer_job *job;
    enc_answer *out;
    size_t n;
    double none; /* that there is no answer: the least of all windows */
} search;

/* Ties: the one that begins first, then the longer one. */
static bool is_better(const enc_answer *a, const enc_answer *b)
{
    if (a->score != b->score) return a->score > b->score;
    if (a->start != b->start) return a->start < b->start;
    return a->end > b->end;
}

/* Keeps `a` among the k best so far, each stretch once. */
static void keep(search *s, enc_answer a)
{
    enc_answer *out = s->out;
    size_t i;

    if (s->n == s->job->k && !is_better(&a, &out[s->n - 1])) return;
    for (i = 0; i < s->n; i++)
        if (out[i].start == a.start && out[i].end == a.end) break;
    if (i < s->n && !is_better(&a, &out[i])) return;
    if (i == s->n && s->n < s->job->k) s->n++;
    if (i == s->n) i--; /* the worst gives way */
    for (; i > 0 && is_better(&a, &out[i - 1]); i--) out[i] = out[i - 1];
    out[i] = a;
}

/* The bytes of tokens [i, j] without the spaces that some tokenizers count to a word. */
static enc_answer stretch(const search *s, const enc_window *w, size_t i, size_t j)
{
    const enc_bytes text = s->job->text;
    enc_answer a = {w->offset + w->tokens->at[i].start, w->offset + w->tokens->at[j].end,
                    0.0f};
    while (a.start < a.end && text.at[a.start] == ' ') a.start++;
    while (a.end > a.start && text.at[a.end - 1] == ' ') a.end--;
    return a;
}

/* Column `end` of n x 2 logits -> probabilities over the text's tokens, p[1 ..], and
 * [CLS], p[0]. */
static void probabilities(const float *logits, size_t end, const enc_window *w, double *p)
{
    const float *of_text = logits + 2 * w->first;
    double top = (double)logits[end], sum = 0.0;

    for (size_t i = 0; i < w->n; i++) top = fmax(top, (double)of_text[2 * i + end]);
    for (size_t i = 0; i <= w->n; i++) {
        const float x = i == 0 ? logits[end] : of_text[2 * (i - 1) + end];
        sum += p[i] = exp((double)x - top);
    }
    for (size_t i = 0; i <= w->n; i++) p[i] /= sum;
}

static enc_rc search_window(void *arg, const enc_window *w, enc_err *e)
{
    search *s = arg;
    const size_t n = w->tokens->n, length = s->job->n_tokens_max;
    float *logits = enc_mem_array(n, 2 * sizeof *logits);
    double *begins = enc_mem_array(w->n + 1, 2 * sizeof *begins);
    enc_rc rc = logits == NULL || begins == NULL
                    ? enc_nomem(e)
                    : enc_head_answer(s->m, w->hidden, n, logits, e);

    if (!rc) {
        double *ends = begins + w->n + 1;
        probabilities(logits, 0, w, begins);
        probabilities(logits, 1, w, ends);
        s->none = fmin(s->none, begins[0] * ends[0]);
        for (size_t i = 0; i < w->n; i++)
            for (size_t j = i; j < w->n && j - i < length; j++) {
                enc_answer a = stretch(s, w, w->first + i, w->first + j);
                a.score = (float)(begins[i + 1] * ends[j + 1]);
                if (a.start < a.end) keep(s, a);
            }
    }
    enc_mem_free(logits);
    enc_mem_free(begins);
    return rc;
}

enc_rc enc_answer_find(const enc_model *m, enc_work *w, const enc_answer_job *job,
                       enc_answer *out, size_t *n, enc_err *e)
{
    search s = {.m = m, .job = job, .out = out, .none = 1.0};
    const enc_window_job windows = {job->question, job->text, job->tap, search_window,
                                    &s};
    enc_rc rc;

    *n = 0;
    if (m->weights.answer.w.data == NULL) return enc_head_missing(m, ENC_PART_ANSWER, e);
    if (job->k == 0) return ENC_OK;
    if ((rc = enc_window_run(m, w, &windows, e))) return rc;
    if (job->may_be_none) keep(&s, (enc_answer){0, 0, (float)s.none});
    *n = s.n;
    return ENC_OK;
}
