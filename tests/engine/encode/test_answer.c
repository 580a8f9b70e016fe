/* test_answer.c - the best stretches, against all stretches. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "check.h"
#include "encode/answer.h"
#include "encode/batch.h"
#include "encode/head.h"
#include "lib/tiny.h"

#define D 32
#define K 50

static float head[2 * D], head_b[2] = {0.1f, -0.2f};

static enc_bytes bytes_of(const char *text)
{
    return (enc_bytes){(const uint8_t *)text, strlen(text)};
}

/* All stretches of a text that fits one window, by the formula; best first. */
typedef struct plain {
    enc_answer at[4096];
    size_t n;
    double none;
} plain;

static int by_score(const void *a, const void *b)
{
    const enc_answer *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    if (x->start != y->start) return x->start < y->start ? -1 : 1;
    return x->end > y->end ? -1 : x->end < y->end;
}

static void find_plainly(const enc_model *m, enc_work *w, const enc_answer_job *job,
                         plain *p)
{
    enc_batch batch;
    const enc_tokens *t;
    const float *hidden;
    float logits[2 * 64];
    double sum[2] = {0.0, 0.0};
    CHECK(enc_batch_of(m, w, job->question, job->text, &batch, &t, NULL) == ENC_OK &&
          !t->is_cut);
    CHECK(enc_fwd_run(m, w, &batch, NULL, &hidden, NULL) == ENC_OK);
    CHECK(enc_head_answer(m, hidden, t->n, logits, NULL) == ENC_OK);
    for (size_t i = 0; i < t->n; i++)
        for (size_t side = 0; side < 2; side++)
            if (i == 0 || (t->at[i].segment == 1 && !t->at[i].is_special))
                sum[side] += exp((double)logits[2 * i + side]);
    p->n = 0;
    p->none = exp((double)logits[0]) / sum[0] * exp((double)logits[1]) / sum[1];
    for (size_t i = 1; i < t->n; i++)
        for (size_t j = i; j < t->n && j - i < job->n_tokens_max; j++) {
            if (t->at[i].segment == 0 || t->at[i].is_special || t->at[j].is_special)
                continue;
            p->at[p->n++] =
                (enc_answer){t->at[i].start, t->at[j].end,
                             (float)(exp((double)logits[2 * i]) / sum[0] *
                                     exp((double)logits[2 * j + 1]) / sum[1])};
        }
    qsort(p->at, p->n, sizeof *p->at, by_score);
}

static void the_best_are_the_best_of_all(const enc_model *m, enc_work *w)
{
    static plain p;
    enc_answer out[K + 1];
    for (size_t length = 1; length < 12; length += 2)
        for (size_t k = 1; k <= K; k += 7) {
            const enc_answer_job job = {
                bytes_of("is the cat on tea?"),
                bytes_of("the quick cat sat on the mat. 고양이가 차 is in "
                         "the deep sea"),
                k,
                length,
                false,
                NULL};
            size_t n;
            find_plainly(m, w, &job, &p);
            CHECK(enc_answer_find(m, w, &job, out, &n, NULL) == ENC_OK);
            CHECK_SAY(n == (k < p.n ? k : p.n), "%zu", n);
            for (size_t i = 0; i < n; i++)
                CHECK_SAY(out[i].start == p.at[i].start && out[i].end == p.at[i].end &&
                              fabsf(out[i].score - p.at[i].score) < 1e-6f,
                          "length %zu, answer %zu: [%zu, %zu) %g", length, i,
                          out[i].start, out[i].end, (double)out[i].score);
        }
}

/* An answer of no bytes, where it is asked for. */
static void no_answer_is_one_too(const enc_model *m, enc_work *w)
{
    static plain p;
    enc_answer out[K + 1];
    enc_answer_job job = {bytes_of("the cat"), bytes_of("the mat"), K, 5, true, NULL};
    size_t n, n_none = 0;
    find_plainly(m, w, &job, &p);
    CHECK(enc_answer_find(m, w, &job, out, &n, NULL) == ENC_OK && n == p.n + 1);
    for (size_t i = 0; i < n; i++)
        if (out[i].start == out[i].end) {
            n_none++;
            CHECK(fabs((double)out[i].score - p.none) < 1e-6);
        }
    CHECK(n_none == 1);
    job.may_be_none = false;
    CHECK(enc_answer_find(m, w, &job, out, &n, NULL) == ENC_OK && n == p.n);
    job.text = bytes_of("");
    CHECK(enc_answer_find(m, w, &job, out, &n, NULL) == ENC_OK && n == 0);
    job.k = 0;
    CHECK(enc_answer_find(m, w, &job, out, &n, NULL) == ENC_OK && n == 0);
}

/* Over several windows: in order, each stretch once, and all of them from the text. */
static void a_long_text_is_searched_to_its_end(const enc_model *m, enc_work *w)
{
    enc_answer out[ENC_ANSWERS_MAX + 1];
    enc_wr text;
    size_t n, last = 0;
    enc_wr_init(&text);
    for (size_t i = 0; i < 60; i++)
        enc_wr_text(&text,
                    i % 6 == 5 ? "the cat is on the mat. " : "a quick dog sat in ");
    const enc_answer_job job = {
        bytes_of("the cat"), {text.at, text.n}, ENC_ANSWERS_MAX, 3, false, NULL};
    CHECK(enc_answer_find(m, w, &job, out, &n, NULL) == ENC_OK && n > 600);
    for (size_t i = 0; i < n; i++) {
        CHECK(out[i].start < out[i].end && out[i].end <= text.n);
        CHECK(i == 0 || out[i - 1].score >= out[i].score);
        if (out[i].end > last) last = out[i].end;
        for (size_t j = 0; j < i; j++)
            if (out[j].start == out[i].start && out[j].end == out[i].end)
                CHECK_SAY(false, "answer %zu is answer %zu", i, j);
    }
    CHECK(last + 2 >= text.n);
    enc_wr_clear(&text);
}

static void what_is_missing_is_said(enc_model *m, enc_work *w)
{
    const enc_answer_job job = {bytes_of("a"), bytes_of("b"), 1, 1, false, NULL};
    enc_answer out[2];
    enc_err e;
    size_t n;
    enc_err_clear(&e);
    m->weights.answer.w.data = NULL;
    CHECK(enc_answer_find(m, w, &job, out, &n, &e) == ENC_UNSUPPORTED && n == 0);
    CHECK(strstr(e.text, "qa_outputs.weight is missing") != NULL);
}

int main(void)
{
    enc_model *m;
    enc_work *w;
    enc_rng r = {3};
    if (tiny_open(&m, TINY_SEED, ENC_F32, NULL, NULL) || enc_work_new(&w, NULL)) abort();
    for (size_t i = 0; i < 2 * D; i++) head[i] = 0.5f * enc_rng_normal(&r);
    m->weights.answer = (enc_linear){{head, ENC_F32, NULL, 2, D}, head_b};
    the_best_are_the_best_of_all(m, w);
    no_answer_is_one_too(m, w);
    a_long_text_is_searched_to_its_end(m, w);
    what_is_missing_is_said(m, w);
    enc_work_free(w);
    enc_model_close(m);
    CHECK(enc_mem_live() == 0);
    return check_done("answer");
}
