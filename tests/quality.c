/* quality.c - how well a model does BERT's own two tasks, and how fast it would train.
 *
 *   quality MODEL <DOCUMENTS      MODEL: a directory, or "" for the built-in one
 *
 * DOCUMENTS are articles: "# title", a paragraph a line, an empty line after each. Only
 * those that heldout.h keeps from training are used for the tasks; a few of the others
 * are trained on for some steps, with a clock. Prints "name<tab>value" lines; quality.sh
 * makes the table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "enc.h"
#include "learn/corpus.h"
#include "learn/gemm.h"
#include "learn/heldout.h"

#define EXAMPLES     2000 /* pairs of stretches that are drawn */
#define TOKENS_MAX   128  /* of one pair */
#define TRAIN_DOCS   200
#define TRAIN_STEPS  12
#define GEMM_SIDE    1024
#define GEMM_REPEATS 16

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the documents ---- */

typedef struct documents {
    enc_corpus held_out;
    enc_trainer *trainer;
    size_t n_trained;
} documents;

static enc_rc take(documents *d, const enc_tok *tok, enc_bytes text, enc_err *e)
{
    const uint8_t *end = memchr(text.at, '\n', text.n);
    enc_bytes title = {text.at + 2, end == NULL ? 0 : (size_t)(end - text.at) - 2};

    if (end == NULL || text.n < 3 || text.at[0] != '#') return ENC_OK;
    if (enc_heldout(title)) return enc_corpus_add(&d->held_out, tok, text, e);
    if (d->n_trained++ < TRAIN_DOCS) return enc_trainer_add_document(d->trainer, text, e);
    return ENC_OK;
}

static enc_rc read_documents(documents *d, const enc_tok *tok, enc_err *e)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    enc_wr text;
    enc_rc rc = ENC_OK;

    enc_wr_init(&text);
    while (rc == ENC_OK && (n = getline(&line, &cap, stdin)) > 0) {
        if (n > 1) {
            enc_wr_bytes(&text, line, (size_t)n);
        } else if (text.n > 0) {
            rc = text.failed ? enc_nomem(e)
                             : take(d, tok, (enc_bytes){text.at, text.n}, e);
            enc_wr_clear(&text);
        }
    }
    enc_wr_clear(&text);
    free(line);
    return rc;
}

/* ---- the two tasks ---- */

typedef struct score {
    size_t masked, masked_right, pairs, pairs_right;
} score;

static enc_rc forward(const enc_model *m, enc_work *w, const enc_group *g,
                      const float **hidden, enc_err *e)
{
    const enc_batch batch = {g->n_texts, g->n_tokens, g->ids, g->segments, g->starts};
    return enc_fwd_run(m, w, &batch, NULL, hidden, e);
}

static enc_rc try_one(const enc_model *m, enc_work *w, const enc_corpus *c, enc_rng *rng,
                      enc_group *g, score *s, enc_err *e)
{
    enc_tok_special special = enc_tok_specials(m->tok);
    size_t max = m->config.n_positions < TOKENS_MAX ? m->config.n_positions : TOKENS_MAX;
    const float *hidden;
    float follows;
    enc_guess guess;
    enc_rc rc;

    enc_group_start(g);
    enc_corpus_draw(c, rng, max, g);
    if (g->failed) return enc_nomem(e);
    if ((rc = forward(m, w, g, &hidden, e))) return rc;
    if ((rc = enc_head_next(m, hidden, &follows, e))) return rc;
    s->pairs++;
    s->pairs_right += (follows < 0.5F) == (g->is_random[0] != 0);
    enc_group_mask(g, &special, m->config.n_vocab, rng);
    if (g->failed) return enc_nomem(e);
    if ((rc = forward(m, w, g, &hidden, e))) return rc;
    for (size_t i = 0; i < g->n_masked; i++) {
        size_t k = 1;
        rc = enc_mlm_guess(m, w, hidden + g->at[i] * m->config.hidden, &guess, &k, e);
        if (rc) return rc;
        s->masked++;
        s->masked_right += guess.id == g->label[i];
    }
    return ENC_OK;
}

static enc_rc try_tasks(const enc_model *m, const enc_corpus *c, enc_err *e)
{
    enc_rng rng = {20180};
    enc_group g = {0};
    enc_work *w = NULL;
    score s = {0};
    enc_rc rc = enc_work_new(&w, e);

    for (size_t i = 0; i < EXAMPLES && rc == ENC_OK && c->n_documents > 1; i++)
        rc = try_one(m, w, c, &rng, &g, &s, e);
    enc_work_free(w);
    enc_group_clear(&g);
    if (rc == ENC_OK && s.pairs > 0 && s.masked > 0) {
        printf("held-out articles\t%zu\n", c->n_documents);
        printf("masked words\t%.4f\n", (double)s.masked_right / (double)s.masked);
        printf("next sentence\t%.4f\n", (double)s.pairs_right / (double)s.pairs);
    }
    return rc;
}

/* ---- speed of training ---- */

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

static enc_rc try_training(const enc_model *m, enc_trainer *t, const double *speed,
                           enc_err *e)
{
    enc_rc rc = enc_trainer_run(t, e);
    double peak = rc == ENC_OK ? gemm_peak(e) : 0;

    if (rc != ENC_OK) return rc;
    printf("training tokens/s\t%.0f\n", *speed);
    if (peak > 0)
        printf("fraction of GEMM peak\t%.2f (%.0f of %.0f GFLOP/s, %zu threads)\n",
               *speed * flops_per_token(&m->config) / peak,
               *speed * flops_per_token(&m->config) / 1e9, peak / 1e9,
               enc_threads_count());
    return ENC_OK;
}

static enc_rc run(enc_model *m, enc_err *e)
{
    documents d = {0};
    double speed = 0;
    enc_train_options o;
    enc_rc rc;

    enc_train_defaults(&o, false);
    o.steps = TRAIN_STEPS;
    o.weight_contrast = 0; /* so that tokens are those of running text */
    if ((rc = enc_trainer_new(&d.trainer, m, &o, keep_speed, &speed, e))) return rc;
    if (!(rc = enc_corpus_init(&d.held_out, m->tok, e)) &&
        !(rc = read_documents(&d, m->tok, e)) && !(rc = try_tasks(m, &d.held_out, e)) &&
        d.n_trained > 0)
        rc = try_training(m, d.trainer, &speed, e);
    enc_corpus_clear(&d.held_out);
    enc_trainer_free(d.trainer);
    return rc;
}

int main(int argc, char **argv)
{
    enc_files *files = NULL;
    enc_model *m = NULL;
    enc_err e;

    enc_err_clear(&e);
    if (argc != 2) {
        fprintf(stderr, "usage: quality MODEL <DOCUMENTS\n");
        return 2;
    }
    if (argv[1][0] == '\0') enc_files_open_blob(&files, enc_builtin(), false, &e);
    else enc_files_open_directory(&files, argv[1], &e);
    if (e.rc == ENC_OK && enc_model_open(&m, files, NULL, &e) == ENC_OK) run(m, &e);
    enc_model_close(m);
    if (e.rc != ENC_OK) fprintf(stderr, "quality: %s\n", e.text);
    return e.rc != ENC_OK;
}
