/* bench.c - how fast the built-in model's shape trains on this machine, and how near that
 * is to the fastest the machine multiplies. Printed, never asserted.
 *
 * The text is made up of the vocabulary's own pieces: speed does not depend on sense. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "enc.h"
#include "learn/gemm.h"

#define DOCUMENTS    60
#define PARAGRAPHS   8   /* in each */
#define PIECES       120 /* in each of those */
#define TRAIN_STEPS  12
#define GEMM_SIDE    1024
#define GEMM_REPEATS 16

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct square { /* one product for each thread */
    float *a, *b, *c;
} square;

static void multiply(void *arg, size_t i)
{
    const square *s = (const square *)arg + i;
    for (int k = 0; k < GEMM_REPEATS; k++)
        enc_gemm_run(&(enc_gemm){.a = s->a,
                                 .b = s->b,
                                 .c = s->c,
                                 .m = GEMM_SIDE,
                                 .n = GEMM_SIDE,
                                 .k = GEMM_SIDE,
                                 .lda = GEMM_SIDE,
                                 .ldb = GEMM_SIDE,
                                 .ldc = GEMM_SIDE});
}

/* Floating-point operations per second of big products on all threads; 0: no BLAS. */
static double gemm_peak(enc_err *e)
{
    size_t n_threads = enc_threads_count(), n = (size_t)GEMM_SIDE * GEMM_SIDE;
    square *s = enc_mem_zero_array(n_threads, sizeof *s);
    float *room = enc_mem_zero_array(n_threads * 3 * n, sizeof *room);
    double best = 0;

    if (s != NULL && room != NULL && enc_gemm_open(e) == ENC_OK) {
        for (size_t i = 0; i < n_threads; i++) {
            float *at = room + i * 3 * n;
            s[i] = (square){at, at + n, at + 2 * n};
        }
        for (int k = 0; k < 3; k++) {
            double t = now(), flops = 2.0 * GEMM_SIDE * (double)n * GEMM_REPEATS;
            enc_threads_run(n_threads, multiply, s);
            flops *= (double)n_threads / (now() - t);
            if (flops > best) best = flops;
        }
    }
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
        printf(", %.0f of %.0f GFLOP/s (%.0f %%)", speed * work / 1e9, peak / 1e9,
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
        run(m, &e);
    enc_model_close(m);
    if (e.rc != ENC_OK) fprintf(stderr, "bench: %s\n", e.text);
    return e.rc != ENC_OK;
}
