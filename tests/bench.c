/* bench.c - how fast the built-in model encodes and trains on this machine, and how near
 * training is to the fastest the machine multiplies. Printed, never asserted.
 *
 * The text is made up of the vocabulary's own pieces: speed does not depend on sense. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "clock.h"
#include "enc.h"
#include "learn/gemm.h"

#define DOCUMENTS    60
#define PARAGRAPHS   8   /* in each */
#define PIECES       120 /* in each of those */
#define TRAIN_STEPS  12
#define TEXTS        200 /* encoded: 8 to 200 tokens, mean about 60 */
#define REPEATS      3   /* of which the median counts */
#define GEMM_SIDE    1024
#define GEMM_REPEATS 16

/* n pieces of the vocabulary with blanks between, as bytes that the caller frees. */
static enc_wr random_text(const enc_model *m, enc_rng *rng, size_t n)
{
    const enc_vocab *v = enc_tok_vocab(m->tok);
    enc_wr w;
    enc_wr_init(&w);
    for (size_t i = 0; i < n; i++) {
        enc_bytes piece =
            enc_vocab_piece(v, (int32_t)enc_rng_below(rng, (uint32_t)enc_vocab_size(v)));
        enc_wr_bytes(&w, piece.at, piece.n);
        enc_wr_text(&w, " ");
    }
    return w;
}

/* Median seconds of encoding n texts together. */
static double encode_seconds(const enc_model *m, const enc_bytes *texts, size_t n,
                             enc_err *e)
{
    double seconds[REPEATS];
    enc_work *work = NULL;
    float *out = enc_mem_array(n * enc_config_dims(&m->config), sizeof *out);
    const enc_embed_job job = {.texts = texts, .n_texts = n, .out = out};
    if (out == NULL || enc_work_new(&work, e) != ENC_OK) return 0;
    for (int i = -1; i < REPEATS; i++) { /* the first warms up */
        double t = now();
        if (enc_embed_run(m, work, &job, e) != ENC_OK) break;
        if (i >= 0) seconds[i] = now() - t;
    }
    enc_work_free(work);
    enc_mem_free(out);
    qsort(seconds, REPEATS, sizeof *seconds, by_value);
    return seconds[REPEATS / 2];
}

static void encode_speed(const enc_model *m, enc_err *e)
{
    enc_wr written[TEXTS];
    enc_bytes texts[TEXTS];
    enc_rng rng = {3};
    enc_tokens ts;
    size_t n_tokens = 0, n_all = enc_threads_count();
    enc_tokens_init(&ts);
    for (size_t i = 0; i < TEXTS; i++) {
        float u = enc_rng_unit(&rng);
        written[i] = random_text(m, &rng, i == 0 ? 4 : 4 + (size_t)(u * u * 110.0f));
        texts[i] = (enc_bytes){written[i].at, written[i].n};
        if (enc_tok_encode(m->tok, texts[i], (enc_bytes){NULL, 0}, m->config.max_tokens,
                           true, &ts, e) == ENC_OK)
            n_tokens += ts.n;
    }
    for (size_t threads = 1; threads <= n_all; threads += n_all > 1 ? n_all - 1 : 1) {
        enc_threads_set(threads);
        double many = encode_seconds(m, texts, TEXTS, e),
               one = encode_seconds(m, texts, 1, e);
        printf("encoding: %d texts, %.0f tokens on average, %zu thread%s: %.0f tokens/s; "
               "a text of a few words: %.2f ms\n",
               TEXTS, (double)n_tokens / TEXTS, threads, threads == 1 ? "" : "s",
               (double)n_tokens / many, 1e3 * one);
    }
    enc_threads_set(0);
    enc_tokens_clear(&ts);
    for (size_t i = 0; i < TEXTS; i++) enc_wr_clear(&written[i]);
}

typedef struct square { /* one product for each thread */
    float *a, *b, *c;
    enc_gemm_room room; /* as in training: bfloat16 where the CPU has it */
} square;

static void multiply(void *arg, size_t i)
{
    square *s = (square *)arg + i;
    for (int k = 0; k < GEMM_REPEATS; k++)
        enc_gemm_run(&(enc_gemm){.a = s->a,
                                 .b = s->b,
                                 .c = s->c,
                                 .m = GEMM_SIDE,
                                 .n = GEMM_SIDE,
                                 .k = GEMM_SIDE,
                                 .lda = GEMM_SIDE,
                                 .ldb = GEMM_SIDE,
                                 .ldc = GEMM_SIDE,
                                 .bf16 = true,
                                 .room = &s->room});
}

/* Floating-point operations per second of big products on all threads; 0: no memory. */
static double gemm_peak(enc_err *e)
{
    size_t n_threads = enc_threads_count(), n = (size_t)GEMM_SIDE * GEMM_SIDE;
    square *s = enc_mem_zero_array(n_threads, sizeof *s);
    float *room = enc_mem_zero_array(n_threads * 3 * n, sizeof *room);
    double best = 0;

    enc_gemm_open();
    if (s != NULL && room != NULL) {
        for (size_t i = 0; i < n_threads; i++) {
            float *at = room + i * 3 * n;
            s[i] = (square){.a = at, .b = at + n, .c = at + 2 * n};
            if (enc_gemm_room_init(&s[i].room, e) != ENC_OK) n_threads = i;
        }
        for (int k = 0; k < 3; k++) {
            double t = now(), flops = 2.0 * GEMM_SIDE * (double)n * GEMM_REPEATS;
            enc_threads_run(n_threads, multiply, s);
            flops *= (double)n_threads / (now() - t);
            if (flops > best) best = flops;
        }
    }
    for (size_t i = 0; s != NULL && i < n_threads; i++) enc_gemm_room_clear(&s[i].room);
    enc_mem_free(s);
    enc_mem_free(room);
    return best;
}

static bool keep_speed(void *arg, const enc_train_report *r)
{
    if (strcmp(r->phase, "train") == 0) *(double *)arg = r->tokens_per_second;
    return false;
}

/* Operations that one token of running text costs: forward and twice that backward, the
 * decoder for the 15 % that are masked. */
static double flops_per_token(const enc_config *c)
{
    double D = (double)c->hidden, inner = (double)c->inner;
    double layers = (double)c->n_layers * (4 * D * D + 2 * D * inner);
    return 6 * (layers + 0.15 * (D * D + D * (double)c->n_vocab));
}

static enc_rc add_documents(enc_trainer *t, const enc_tok *tok, enc_err *e)
{
    const enc_vocab *v = enc_tok_vocab(tok);
    enc_rng rng = {1};
    enc_rc rc = ENC_OK;

    for (int d = 0; d < DOCUMENTS && rc == ENC_OK; d++) {
        enc_wr text;
        enc_wr_init(&text);
        for (int i = 1; i <= PARAGRAPHS * PIECES; i++) {
            uint32_t n = (uint32_t)enc_vocab_size(v);
            enc_bytes piece = enc_vocab_piece(v, (int32_t)enc_rng_below(&rng, n));
            enc_wr_bytes(&text, piece.at, piece.n);
            enc_wr_text(&text, i % PIECES == 0 ? "\n" : " ");
        }
        rc = text.failed ? enc_nomem(e)
                         : enc_trainer_add_document(t, (enc_bytes){text.at, text.n}, e);
        enc_wr_clear(&text);
    }
    return rc;
}

static enc_rc run(const enc_model *m, enc_err *e)
{
    enc_trainer *t = NULL;
    double speed = 0, work = flops_per_token(&m->config), peak;
    enc_train_options o;
    enc_rc rc;

    enc_train_defaults(&o, false);
    o.steps = TRAIN_STEPS;
    o.weight_contrast = 0; /* so that all tokens are those of running text */
    rc = enc_trainer_new(&t, m, &o, keep_speed, &speed, e);
    if (rc == ENC_OK) rc = add_documents(t, m->tok, e);
    if (rc == ENC_OK) rc = enc_trainer_run(t, e);
    enc_trainer_free(t);
    if (rc != ENC_OK) return rc;
    peak = gemm_peak(e);
    printf("training: %zu layers, hidden %zu, vocabulary %zu, %zu threads: %.0f tokens/s",
           m->config.n_layers, m->config.hidden, m->config.n_vocab, enc_threads_count(),
           speed);
    if (peak > 0)
        printf(", %.0f of %.0f GFLOP/s of %s products (%.0f %%)", speed * work / 1e9,
               peak / 1e9, enc_gemm_has_bf16() ? "bfloat16" : "f32",
               100 * speed * work / peak);
    printf("\n");
    return ENC_OK;
}

int main(void)
{
    enc_files *files = NULL;
    enc_model *m = NULL;
    enc_err e;

    enc_err_clear(&e);
    if (enc_files_open_blob(&files, enc_builtin(), false, &e) == ENC_OK &&
        enc_model_open(&m, files, NULL, &e) == ENC_OK)
        encode_speed(m, &e), run(m, &e);
    enc_model_close(m);
    if (e.rc != ENC_OK) fprintf(stderr, "bench: %s\n", e.text);
    return e.rc != ENC_OK;
}
