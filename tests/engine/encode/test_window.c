/* test_window.c - windows over long texts: every token once, and none without context. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "encode/batch.h"
#include "encode/window.h"
#include "lib/tiny.h"

static const enc_bytes none = {NULL, 0};

static enc_bytes bytes_of(const char *text)
{
    return (enc_bytes){(const uint8_t *)text, strlen(text)};
}

/* What the windows say: tokens in the order in which they are spoken for. */
typedef struct seen {
    const enc_model *m;
    enc_work *w;
    enc_bytes text;
    size_t n_windows, n, n_question, fails_at;
    int32_t id[4096];
    size_t start[4096];
    size_t to; /* of the window before */
} seen;

static enc_rc look(void *arg, const enc_window *w, enc_err *e)
{
    seen *s = arg;
    if (++s->n_windows == s->fails_at) return enc_fail(e, ENC_INTERRUPT, "enough");
    CHECK(w->tokens->n <= s->m->config.max_tokens && w->hidden != NULL);
    CHECK(w->from == s->to);
    s->to = w->to;
    CHECK(w->first + w->n < w->tokens->n);
    CHECK(w->n == 0 || w->first == (s->n_question > 0 ? s->n_question + 2 : 1));
    for (size_t i = w->first; i < w->first + w->n; i++) {
        const enc_token *t = &w->tokens->at[i];
        const size_t start = w->offset + t->start;
        CHECK(!t->is_special);
        if (start < w->from || start >= w->to || s->n == 4096) continue;
        s->id[s->n] = t->id;
        s->start[s->n++] = start;
    }
    return ENC_OK;
}

static enc_rc run(seen *s, enc_bytes question, enc_err *e)
{
    const enc_window_job job = {question, s->text, NULL, look, s};
    enc_err_clear(e);
    return enc_window_run(s->m, s->w, &job, e);
}

/* Sentences of many lengths, Hangul among them. */
static void make_text(enc_wr *w, size_t n_words)
{
    static const char *const words[] = {"the",      "cat",      "sat",   "on",
                                        "learning", "고양이가", "tea",   "dogs",
                                        "is",       "한국",     "quick", "mats"};
    for (size_t i = 0; i < n_words; i++) {
        enc_wr_text(w, words[i * i % 12]);
        enc_wr_text(w, i % 7 == 6 ? ". " : i % 31 == 30 ? "!\n\n" : " ");
    }
}

static void every_token_is_spoken_for_once(const enc_model *m, enc_work *w,
                                           size_t n_words, const char *question)
{
    static seen s;
    enc_tokens all;
    enc_wr text;
    enc_err e;
    enc_wr_init(&text);
    make_text(&text, n_words);
    enc_tokens_init(&all);
    s = (seen){.m = m,
               .w = w,
               .text = {text.at != NULL ? text.at : (const uint8_t *)"", text.n}};
    if (question != NULL) {
        CHECK(enc_tok_encode(m->tok, bytes_of(question), none, 0, false, &all, NULL) ==
              ENC_OK);
        s.n_question = all.n;
    }
    CHECK(enc_tok_encode(m->tok, s.text, none, 0, false, &all, NULL) == ENC_OK);
    CHECK_SAY(run(&s, question != NULL ? bytes_of(question) : none, &e) == ENC_OK, "%s",
              e.text);
    const size_t room = m->config.max_tokens - (s.n_question > 0 ? s.n_question + 3 : 2);
    CHECK((s.n_windows == 1) == (all.n <= room));
    CHECK_SAY(s.n == all.n && s.to == s.text.n, "%zu tokens of %zu", s.n, all.n);
    for (size_t i = 0; i < all.n && i < s.n; i++)
        if (s.id[i] != all.at[i].id || s.start[i] != all.at[i].start)
            CHECK_SAY(false, "token %zu of %zu words", i, n_words);
    enc_tokens_clear(&all);
    enc_wr_clear(&text);
}

static void a_question_too_long_is_refused(const enc_model *m, enc_work *w)
{
    static seen s;
    enc_err e;
    s = (seen){.m = m, .w = w, .text = bytes_of("the cat"), .n_question = 22};
    CHECK(run(&s,
              bytes_of("the cat the cat the cat the cat the cat the cat the cat the cat "
                       "the cat the cat the cat"),
              &e) == ENC_OK);
    CHECK(run(&s,
              bytes_of("the cat the cat the cat the cat the cat the cat the cat the cat "
                       "the cat the cat the cat the"),
              &e) == ENC_RANGE);
    CHECK_SAY(strcmp(e.text,
                     "the question has 23 tokens, of a model that reads 48 expected "
                     "at most 22") == 0,
              "%s", e.text);
}

static void a_failing_visit_ends_the_run(const enc_model *m, enc_work *w)
{
    static seen s;
    enc_wr text;
    enc_err e;
    enc_wr_init(&text);
    make_text(&text, 200);
    s = (seen){.m = m, .w = w, .text = {text.at, text.n}, .fails_at = 3};
    CHECK(run(&s, none, &e) == ENC_INTERRUPT && s.n_windows == 3);
    for (size_t n = 1; n < 6; n++) {
        s = (seen){.m = m, .w = w, .text = {text.at, text.n}};
        enc_mem_fault(n, false);
        enc_rc rc = run(&s, bytes_of("cat?"), &e);
        CHECK(rc == ENC_NOMEM || s.n_windows > 0);
        enc_mem_fault(0, false);
    }
    enc_wr_clear(&text);
}

int main(void)
{
    enc_model *m;
    enc_work *w;
    if (tiny_open(&m, TINY_SEED, ENC_F32, NULL, NULL) || enc_work_new(&w, NULL)) abort();
    for (size_t n = 0; n < 60; n++) every_token_is_spoken_for_once(m, w, n, NULL);
    for (size_t n = 60; n < 700; n += 53) every_token_is_spoken_for_once(m, w, n, NULL);
    for (size_t n = 0; n < 300; n += 29)
        every_token_is_spoken_for_once(m, w, n, "how is tea?");
    a_question_too_long_is_refused(m, w);
    a_failing_visit_ends_the_run(m, w);
    enc_work_free(w);
    enc_model_close(m);
    CHECK(enc_mem_live() == 0);
    return check_done("window");
}
