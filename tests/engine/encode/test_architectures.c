/* test_architectures.c - every architecture against the independent PyTorch program.
 *
 * tests/ref/architectures.py wrote tests/ref/checkpoints: directories as Hugging Face
 * saves them, each with expected.safetensors. Relative error: max |a - b| / max |b|, at
 * most 1e-5, on the plain table of kernels and on all that this CPU has. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "check.h"
#include "encode/head.h"
#include "encode/mlm.h"
#include "encode/pool.h"
#include "model/sft.h"

#define TOLERANCE 1e-5

static const char *const checkpoints[] = {
    "bert_body",          "bert_gamma",        "bert_masked",         "bert_tokens",
    "bert_answer",        "bert_multi_label",  "bert_regression",     "roberta_body",
    "roberta_masked",     "roberta_tokens",    "xlm_roberta_classes", "xlm_roberta_body",
    "xlm_roberta_answer", "distilbert_body",   "distilbert_classes",  "distilbert_masked",
    "distilbert_answer",  "distilbert_tokens", "electra_body",        "electra_tokens",
    "electra_classes",    "electra_masked",    "electra_answer",      "mpnet_body",
    "mpnet_masked",       "mpnet_classes",     "albert_body",         "albert_masked",
    "albert_classes",     "nomic_body",        "nomic_biases",        "new_body",
    "new_classes",        "new_tokens",        "new_masked",          "gte_body",
    "jina_body",          "jina_three_heads",  "modernbert_masked",   "modernbert_body",
    "modernbert_mean",    "modernbert_cls",    "modernbert_tokens",   "modernbert_answer",
    "model2vec_plain",    "model2vec_weights", "model2vec_quantized", "static_embedding"};

typedef struct trial { /* a checkpoint, what it must give, and its texts */
    const char *name;
    enc_model *model;
    enc_map *map;
    enc_sft *expected;
    enc_work *work;
    size_t n_texts;
    size_t *start;
    int32_t *id;
    uint8_t *segment;
    double worst; /* relative error so far */
} trial;

/* -- What is expected -------------------------------------------------------------------
 */

/* n values of tensor `name` from `from` on. */
static const float *expected(const trial *t, const char *name, size_t from, size_t n)
{
    const enc_tensor *x = enc_sft_find(t->expected, name);
    if (x == NULL || x->dtype != ENC_F32 || enc_tensor_count(x) < from + n) {
        CHECK_SAY(false, "%s: no %zu values of %s from %zu on", t->name, n, name, from);
        return NULL;
    }
    return (const float *)(const void *)x->data + from;
}

static void compare(trial *t, const char *what, const float *got, const float *want,
                    size_t n)
{
    double most = 0.0, off = 0.0;
    if (want == NULL) return;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)want[i]));
        double one = fabs((double)got[i] - (double)want[i]);
        if (!(one <= off)) off = one;
    }
    CHECK_SAY(off <= TOLERANCE * most, "%s, %s: %s is off by %g of %g", t->name,
              t->model->kern->name, what, off, most);
    if (!(off / most <= t->worst)) t->worst = off / most;
}

static void read_texts(trial *t)
{
    const enc_tensor *start = enc_sft_find(t->expected, "start");
    t->n_texts = start != NULL ? enc_tensor_count(start) - 1 : 0;
    const float *at = expected(t, "start", 0, t->n_texts + 1);
    const size_t T = at != NULL ? (size_t)at[t->n_texts] : 0;
    const float *id = expected(t, "ids", 0, T), *segment = expected(t, "segment", 0, T);
    t->start = enc_mem_zero_array(t->n_texts + 1, sizeof *t->start);
    t->id = enc_mem_zero_array(T, sizeof *t->id);
    t->segment = enc_mem_zero(T);
    if (t->start == NULL || t->id == NULL || t->segment == NULL) abort();
    for (size_t i = 0; at != NULL && i <= t->n_texts; i++) t->start[i] = (size_t)at[i];
    for (size_t i = 0; id != NULL && segment != NULL && i < T; i++) {
        t->id[i] = (int32_t)id[i];
        t->segment[i] = (uint8_t)segment[i];
    }
}

static bool trial_open(trial *t, const char *name)
{
    char path[256];
    enc_files *files;
    const enc_model_options options = {.precision = 1 + ENC_F32};
    enc_err e;
    enc_err_clear(&e);
    *t = (trial){.name = name};
    snprintf(path, sizeof path, "tests/ref/checkpoints/%s", name);
    enc_rc rc = enc_files_open_directory(&files, path, &e);
    if (!rc) rc = enc_model_open(&t->model, files, &options, &e);
    strcat(path, "/expected.safetensors");
    if (!rc) rc = enc_map_open(&t->map, path, 1 << 24, &e);
    if (!rc) rc = enc_sft_open(&t->expected, enc_map_bytes(t->map), path, &e);
    if (!rc) rc = enc_work_new(&t->work, &e);
    CHECK_SAY(rc == ENC_OK, "%s: %s", name, e.text);
    if (rc == ENC_OK) read_texts(t);
    return rc == ENC_OK;
}

static void trial_close(trial *t)
{
    enc_work_free(t->work);
    enc_sft_close(t->expected);
    enc_map_close(t->map);
    enc_model_close(t->model);
    enc_mem_free(t->start);
    enc_mem_free(t->id);
    enc_mem_free(t->segment);
}

/* -- Facts ------------------------------------------------------------------------------
 */

/* Of tensor `name`: its size in dimension i is n, if there is such a tensor. */
static bool has_size(const trial *t, const char *name, size_t i, size_t n)
{
    const enc_tensor *x = enc_sft_find(t->expected, name);
    const bool is_so = x == NULL || (x->rank > i && x->shape[i] == n);
    CHECK_SAY(is_so, "%s: dimension %zu of %s is not %zu", t->name, i, name, n);
    return is_so;
}

static bool the_shape_is_read(const trial *t)
{
    const enc_config *c = &t->model->config;
    return has_size(t, "hidden", 0, c->n_layers + 1) &&
           has_size(t, "hidden", 2, c->hidden) &&
           has_size(t, "attention", 1, c->n_heads) &&
           has_size(t, "logits", 1, c->n_labels) && has_size(t, "mlm", 1, c->n_vocab);
}

static void parameters_are_counted_once(const trial *t)
{
    char text[32] = "";
    enc_bytes stated = enc_sft_metadata(t->expected, "parameters");
    if (stated.n > 0 && stated.n < sizeof text) memcpy(text, stated.at, stated.n);
    size_t n = enc_weights_count(&t->model->config, &t->model->weights);
    CHECK_SAY(n == strtoul(text, NULL, 10), "%s: %zu parameters, expected %s", t->name, n,
              text);
}

static void see_hidden(void *arg, size_t layer, const float *x)
{
    trial *t = arg;
    const size_t n = t->start[t->n_texts] * t->model->config.hidden;
    char what[32];
    snprintf(what, sizeof what, "hidden %zu", layer);
    compare(t, what, x, expected(t, "hidden", layer * n, n), n);
}

static void see_attention(void *arg, size_t layer, size_t text, size_t head,
                          const float *w, size_t n)
{
    trial *t = arg;
    const size_t at = (layer - 1) * t->model->config.n_heads + head;
    if (text == 0)
        compare(t, "attention", w, expected(t, "attention", at * n * n, n * n), n * n);
}

/* -- Heads of a text: its n hidden states -> a row, as wide as what is expected ---------
 */

typedef enc_rc head_fn(trial *t, const float *h, size_t n, float *row, enc_err *e);

static enc_rc run_pooled(trial *t, const float *h, size_t n, float *row, enc_err *e)
{
    (void)n;
    return enc_head_pooled(t->model, h, row, e);
}

static enc_rc run_next(trial *t, const float *h, size_t n, float *row, enc_err *e)
{
    (void)n;
    enc_rc rc = enc_head_next(t->model, h, &row[0], e);
    row[1] = 1.0f - row[0];
    return rc;
}

static enc_rc run_classes(trial *t, const float *h, size_t n, float *row, enc_err *e)
{
    return enc_head_classify(t->model, h, n, row, e);
}

static enc_rc run_tokens(trial *t, const float *h, size_t n, float *row, enc_err *e)
{
    return enc_head_tokens(t->model, h, n, row, e);
}

static enc_rc run_answer(trial *t, const float *h, size_t n, float *row, enc_err *e)
{
    return enc_head_answer(t->model, h, n, row, e);
}

static enc_rc run_vector(trial *t, const float *h, size_t n, float *row, enc_err *e)
{
    const enc_pooled text = {h, n, 0};
    return enc_pool_run(t->model, t->work, &text, row, e);
}

static enc_rc run_masked_word(trial *t, const float *h, size_t n, float *row, enc_err *e)
{
    size_t k = t->model->config.n_vocab;
    enc_guess *guess = enc_mem_array(k, sizeof *guess);
    (void)n;
    if (guess == NULL) abort();
    enc_rc rc = enc_mlm_guess(t->model, t->work, h, guess, &k, e);
    for (size_t i = 0; rc == ENC_OK && i < k; i++) row[guess[i].id] = guess[i].score;
    enc_mem_free(guess);
    return rc;
}

/* Logits -> what the head gives for them. */
static void score(float *row, size_t n, enc_problem problem)
{
    if (problem == ENC_SINGLE_LABEL) enc_softmax(row, n);
    for (size_t i = 0; problem == ENC_MULTI_LABEL && i < n; i++)
        row[i] = (float)(1.0 / (1.0 + exp(-(double)row[i])));
}

/* Heads give a row a text or a row a token, which the number of rows tells. */
static void head_agrees(trial *t, const char *name, head_fn *run, const float *hidden)
{
    const enc_tensor *x = enc_sft_find(t->expected, name);
    const bool is_next = run == run_next, is_tokens = run == run_tokens;
    const enc_problem problem =
        is_next || is_tokens ? ENC_SINGLE_LABEL : t->model->config.problem;
    if (x == NULL) return;
    const size_t n = enc_tensor_count(x), rows = x->shape[0], width = n / rows;
    float *got = enc_mem_zero_array(n, sizeof *got),
          *want = enc_mem_array(n, sizeof *want);
    enc_err e;
    enc_err_clear(&e);
    if (got == NULL || want == NULL) abort();
    memcpy(want, x->data, n * sizeof *want);
    for (size_t i = 0; i < t->n_texts; i++) {
        const float *h = hidden + t->start[i] * t->model->config.hidden;
        float *row = got + (rows == t->n_texts ? i : t->start[i]) * width;
        enc_rc rc = run(t, h, t->start[i + 1] - t->start[i], row, &e);
        CHECK_SAY(rc == ENC_OK, "%s: %s", t->name, e.text);
    }
    for (size_t i = 0; i < rows && (run == run_classes || is_next || is_tokens); i++)
        score(want + i * width, width, problem);
    compare(t, name, got, want, n);
    enc_mem_free(got);
    enc_mem_free(want);
}

static void every_layer_and_head_agrees(trial *t)
{
    static const struct {
        const char *name;
        head_fn *run;
    } heads[] = {{"pooled", run_pooled},  {"next", run_next},
                 {"logits", run_classes}, {"token_logits", run_tokens},
                 {"answer", run_answer},  {"vector", run_vector},
                 {"mlm", run_masked_word}};
    const enc_batch b = {t->n_texts, t->start[t->n_texts], t->id, t->segment, t->start};
    const enc_tap tap = {t, see_hidden, see_attention, NULL};
    const float *hidden;
    enc_err e;
    enc_err_clear(&e);
    CHECK_SAY(enc_fwd_run(t->model, t->work, &b, &tap, &hidden, &e) == ENC_OK, "%s: %s",
              t->name, e.text);
    for (size_t i = 0; hidden != NULL && i < sizeof heads / sizeof *heads; i++)
        head_agrees(t, heads[i].name, heads[i].run, hidden);
}

/* Its graph has norms that the others have not; nothing of it must run as if it were the
 * plain one. */
static void jina_code_is_refused(void)
{
    enc_files *files;
    enc_model *m = NULL;
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_files_open_directory(&files, "tests/ref/checkpoints/jina_code", &e) ==
          ENC_OK);
    CHECK(enc_model_open(&m, files, NULL, &e) == ENC_UNSUPPORTED);
    CHECK_SAY(strstr(e.text, "normalized queries and keys") != NULL, "%s", e.text);
}

int main(void)
{
    static const char *const tables[] = {"plain",  "avx2",        "avx2-vnni",
                                         "avx512", "avx512-vnni", "avx512-bf16"};
    double worst = 0.0;
    for (size_t i = 0; i < sizeof checkpoints / sizeof *checkpoints; i++) {
        trial t;
        if (trial_open(&t, checkpoints[i])) {
            parameters_are_counted_once(&t);
            const bool is_read = the_shape_is_read(&t);
            for (size_t k = 0; is_read && k < sizeof tables / sizeof *tables; k++) {
                t.model->kern = enc_kern_find(tables[k]);
                if (t.model->kern != NULL) every_layer_and_head_agrees(&t);
            }
            printf("%s: relative error %.1e\n", t.name, t.worst);
            worst = fmax(worst, t.worst);
        }
        trial_close(&t);
    }
    jina_code_is_refused();
    printf("largest relative error %.1e, tolerance %.0e\n", worst, TOLERANCE);
    return check_done("architectures");
}
