/* test_batch.c - texts come back in their order, with the bits they have alone. */
#include <stdlib.h>

#include "base/threads.h"
#include "check.h"
#include "encode/batch.h"
#include "encode/pool.h"
#include "random_model.h"

#define D     24
#define TEXTS 300

static const char vocab[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"
                            "a\nb\nc\nd\ncat\ndog\n##s\n.\nquery\n:\n";

static enc_model model_new(void)
{
    const enc_norm_rules rules = {
        .clean_text = true, .chinese_chars = true, .lower_case = true};
    enc_model m = {0};
    enc_vocab *v;
    m.config = (enc_config){.n_vocab = 15,
                            .n_layers = 2,
                            .hidden = D,
                            .n_heads = 3,
                            .inner = 40,
                            .n_positions = 64,
                            .n_segments = 2,
                            .norm_eps = 1e-12f,
                            .act = ENC_GELU,
                            .pooling = ENC_POOL_MEAN | ENC_POOL_CLS,
                            .normalize = true,
                            .max_tokens = 40};
    if (!random_model_init(&m, false, 1.0f)) abort();
    if (enc_vocab_read(&v, (enc_bytes){(const uint8_t *)vocab, sizeof vocab - 1}, "vocab",
                       NULL))
        abort();
    if (enc_tok_new(&m.tok, v, rules, NULL)) abort();
    return m;
}

/* Texts of 0 to 59 words: some are truncated. */
static char storage[TEXTS][360];
static enc_bytes texts[TEXTS];

static void make_texts(void)
{
    static const char *const words[] = {"a", "b", "cat", "dogs", "c.", "zebra"};
    enc_rng r = {11};
    for (size_t i = 0; i < TEXTS; i++) {
        size_t n_words = enc_rng_below(&r, 60);
        for (size_t j = 0; j < n_words; j++) {
            strcat(storage[i], words[enc_rng_below(&r, 6)]);
            strcat(storage[i], " ");
        }
        texts[i] = (enc_bytes){(const uint8_t *)storage[i], strlen(storage[i])};
    }
}

static enc_work *work_new(void)
{
    enc_work *w;
    if (enc_work_new(&w, NULL)) abort();
    return w;
}

/* By hand: one text, tokenized, run, pooled. */
static void embed_alone(const enc_model *m, enc_work *w, enc_bytes text, float *out)
{
    enc_batch b;
    const enc_tokens *tokens;
    const float *hidden;
    CHECK(enc_batch_of(m, w, text, (enc_bytes){NULL, 0}, &b, &tokens, NULL) == ENC_OK);
    CHECK(b.n_texts == 1 && b.n_tokens == tokens->n &&
          b.n_tokens <= m->config.max_tokens);
    CHECK(enc_fwd_run(m, w, &b, NULL, &hidden, NULL) == ENC_OK);
    const enc_pooled pooled = {hidden, b.n_tokens, 0};
    CHECK(enc_pool_run(m, w, &pooled, out, NULL) == ENC_OK);
}

static void many_texts_are_as_each_alone(const enc_model *m)
{
    static float all[TEXTS][2 * D], one[2 * D];
    const enc_embed_job job = {.texts = texts, .n_texts = TEXTS, .out = all[0]};
    enc_work *w = work_new(), *u = work_new();
    for (size_t threads = 1; threads <= 2; threads++) {
        enc_threads_set(threads);
        memset(all, 0, sizeof all);
        CHECK(enc_embed_run(m, w, &job, NULL) == ENC_OK);
        size_t n_other = 0;
        for (size_t i = 0; i < TEXTS; i++) {
            embed_alone(m, u, texts[i], one);
            n_other += memcmp(one, all[i], sizeof one) != 0;
        }
        CHECK_SAY(n_other == 0, "%zu of %d texts differ", n_other, TEXTS);
    }
    enc_threads_set(0);
    enc_work_free(w);
    enc_work_free(u);
}

static void a_prompt_stands_before_the_text(const enc_model *m)
{
    static const char joined[] = "query: cat";
    const enc_bytes cat = {(const uint8_t *)"cat", 3};
    float prompted[2 * D], whole[2 * D], bare[2 * D];
    enc_embed_job job = {
        .texts = &cat, .n_texts = 1, .prompt = "query: ", .out = prompted};
    enc_work *w = work_new();
    CHECK(enc_embed_run(m, w, &job, NULL) == ENC_OK);
    embed_alone(m, w, (enc_bytes){(const uint8_t *)joined, sizeof joined - 1}, whole);
    CHECK(memcmp(prompted, whole, sizeof whole) == 0);
    job.prompt = "";
    job.out = bare;
    CHECK(enc_embed_run(m, w, &job, NULL) == ENC_OK);
    CHECK(memcmp(prompted, bare, sizeof bare) != 0);
    embed_alone(m, w, cat, whole);
    CHECK(memcmp(bare, whole, sizeof bare) == 0);
    enc_work_free(w);
}

/* Byte-level pieces show white space, which sentence-transformers take off. */
static void white_space_around_a_text_is_left_out(enc_model *m)
{
    static const char json[] =
        "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"\xc4\xa0\": "
        "2, "
        "\"\xc4\x8a\": 3, \"q\": 4}, \"merges\": []}, \"pre_tokenizer\": {\"type\": "
        "\"ByteLevel\", \"add_prefix_space\": false}}";
    static const char *const same[] = {" a b", "a b\n", "\xe3\x80\x80\n a b \xc2\xa0"};
    const enc_tok_files files = {.tokenizer_json = {(const uint8_t *)json, strlen(json)}};
    const enc_bytes bare = {(const uint8_t *)"a b", 3},
                    blank = {(const uint8_t *)"\n", 1};
    enc_tok *words = m->tok;
    float out[2 * D], expected[2 * D];
    enc_embed_job job = {.n_texts = 1, .out = out};
    enc_work *w = work_new();
    CHECK(enc_tok_open(&m->tok, &files, NULL) == ENC_OK);
    embed_alone(m, w, bare, expected);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        const enc_bytes text = {(const uint8_t *)same[i], strlen(same[i])};
        job.texts = &text;
        CHECK(enc_embed_run(m, w, &job, NULL) == ENC_OK);
        CHECK_SAY(memcmp(out, expected, sizeof out) == 0, "text %zu", i);
    }
    job.texts = &blank;
    job.prompt = "q ";
    CHECK(enc_embed_run(m, w, &job, NULL) == ENC_OK);
    embed_alone(m, w, (enc_bytes){(const uint8_t *)"q", 1}, expected);
    CHECK(memcmp(out, expected, sizeof out) == 0);
    enc_work_free(w);
    enc_tok_close(m->tok);
    m->tok = words;
}

/* [CLS] and the prompt's tokens are read by the layers, but not pooled. */
static void a_prompt_can_be_left_out_of_the_vector(enc_model *m)
{
    const enc_bytes cat = {(const uint8_t *)"cat dogs", 8},
                    all = {(const uint8_t *)"b a cat dogs", 12};
    float out[2 * D], expected[2 * D];
    enc_embed_job job = {.texts = &cat, .n_texts = 1, .prompt = "b a ", .out = out};
    enc_work *w = work_new();
    enc_batch b;
    const enc_tokens *tokens;
    const float *hidden;
    m->config.skips_prompt = true;
    CHECK(enc_embed_run(m, w, &job, NULL) == ENC_OK);
    CHECK(enc_batch_of(m, w, all, (enc_bytes){NULL, 0}, &b, &tokens, NULL) == ENC_OK);
    CHECK(enc_fwd_run(m, w, &b, NULL, &hidden, NULL) == ENC_OK);
    const enc_pooled text = {hidden, b.n_tokens, 3}; /* [CLS] b a */
    CHECK(enc_pool_run(m, w, &text, expected, NULL) == ENC_OK);
    CHECK(memcmp(out, expected, sizeof out) == 0);
    job.texts = &all, job.prompt = ""; /* without a prompt all are pooled */
    CHECK(enc_embed_run(m, w, &job, NULL) == ENC_OK);
    CHECK(memcmp(out, expected, sizeof out) != 0);
    m->config.skips_prompt = false;
    enc_work_free(w);
}

static void no_texts_is_fine(const enc_model *m)
{
    const enc_embed_job job = {0};
    enc_work *w = work_new();
    CHECK(enc_embed_run(m, w, &job, NULL) == ENC_OK);
    enc_work_free(w);
}

static void an_empty_text_has_a_vector(const enc_model *m)
{
    const enc_bytes none = {NULL, 0};
    float v[2 * D];
    const enc_embed_job job = {.texts = &none, .n_texts = 1, .out = v};
    enc_work *w = work_new();
    double square = 0.0;
    CHECK(enc_embed_run(m, w, &job, NULL) == ENC_OK);
    for (size_t i = 0; i < 2 * D; i++) square += (double)v[i] * (double)v[i];
    CHECK(fabs(square - 1.0) < 1e-6);
    enc_work_free(w);
}

static void a_pair_has_two_segments(const enc_model *m)
{
    const enc_bytes a = {(const uint8_t *)"cat", 3}, b = {(const uint8_t *)"dogs .", 6};
    static const int32_t ids[] = {2, 9, 3, 10, 11, 12, 3};
    static const uint8_t segments[] = {0, 0, 0, 1, 1, 1, 1};
    enc_work *w = work_new();
    enc_batch batch;
    const enc_tokens *tokens;
    CHECK(enc_batch_of(m, w, a, b, &batch, &tokens, NULL) == ENC_OK);
    CHECK(batch.n_tokens == 7 && batch.start[0] == 0 && batch.start[1] == 7);
    CHECK(memcmp(batch.id, ids, sizeof ids) == 0);
    CHECK(memcmp(batch.segment, segments, sizeof segments) == 0);
    enc_work_free(w);
}

typedef struct ticks {
    size_t n, stop_at, last;
    bool is_falling;
} ticks;

static bool tick(void *arg, size_t done)
{
    ticks *t = arg;
    t->is_falling |= done < t->last;
    t->last = done;
    return ++t->n == t->stop_at;
}

static void a_tick_sees_progress_and_can_stop(const enc_model *m)
{
    static float all[TEXTS][2 * D];
    ticks t = {0};
    enc_embed_job job = {
        .texts = texts, .n_texts = TEXTS, .out = all[0], .tick = tick, .tick_arg = &t};
    enc_work *w = work_new();
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_embed_run(m, w, &job, &e) == ENC_OK);
    CHECK(t.n >= 5 && t.last > 0 && t.last < TEXTS && !t.is_falling);
    t = (ticks){.stop_at = 3};
    CHECK(enc_embed_run(m, w, &job, &e) == ENC_INTERRUPT);
    CHECK(t.n == 3);
    CHECK(strncmp(e.text, "interrupted after ", 18) == 0);
    CHECK(strstr(e.text, " of 300 texts") != NULL);
    enc_work_free(w);
}

static void every_failing_allocation_is_reported(const enc_model *m)
{
    static float all[20][2 * D];
    const enc_embed_job job = {
        .texts = texts, .n_texts = 20, .prompt = "b ", .out = all[0]};
    const size_t n_before = enc_mem_live();
    size_t n_failed = 0;
    enc_rc rc = ENC_NOMEM;
    for (size_t nth = 1; rc == ENC_NOMEM && nth < 1000; nth++) {
        enc_work *w;
        enc_mem_fault(nth, false);
        rc = enc_work_new(&w, NULL);
        if (!rc) rc = enc_embed_run(m, w, &job, NULL);
        enc_mem_fault(0, false);
        n_failed += rc == ENC_NOMEM;
        enc_work_free(w);
        CHECK(enc_mem_live() == n_before);
    }
    CHECK(rc == ENC_OK);
    CHECK(n_failed > 10);
}

int main(void)
{
    enc_model m = model_new();
    make_texts();
    many_texts_are_as_each_alone(&m);
    a_prompt_stands_before_the_text(&m);
    white_space_around_a_text_is_left_out(&m);
    a_prompt_can_be_left_out_of_the_vector(&m);
    no_texts_is_fine(&m);
    an_empty_text_has_a_vector(&m);
    a_pair_has_two_segments(&m);
    a_tick_sees_progress_and_can_stop(&m);
    every_failing_allocation_is_reported(&m);
    enc_tok_close(m.tok);
    random_model_clear(&m);
    return check_done("batch");
}
