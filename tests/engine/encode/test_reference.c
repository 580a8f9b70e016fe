/* test_reference.c - every layer and head against the independent PyTorch program.
 *
 * tests/ref/encoder.py wrote tests/ref/dumps; weights and ids are drawn here again, the
 * same way. Relative error of a layer: max |a - b| / max |b|, at most 1e-5. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/threads.h"
#include "check.h"
#include "encode/head.h"
#include "encode/mlm.h"
#include "model/sft.h"
#include "random_model.h"

#define TOLERANCE 1e-5
#define TEXTS_MAX 16

static const char *const dumps[] = {
    "odd",  "narrow_heads",     "tanh", "relu_pairs", "long",
    "int8", "silu_one_segment", "deep", "tiny_bert",  "minilm_shape"};

typedef struct dump { /* one file, and the model and batch it is about */
    const char *name;
    enc_map *map;
    enc_sft *sft;
    enc_model model;
    enc_work *work;
    size_t n_texts, step, watched;
    size_t start[TEXTS_MAX + 1];
    int32_t *id;
    uint8_t *segment;
    double worst; /* relative error of what was compared last */
} dump;

static const char *text_of(const dump *d, const char *key, char out[64])
{
    enc_bytes v = enc_sft_metadata(d->sft, key);
    size_t n = v.n < 63 ? v.n : 63;
    if (n > 0) memcpy(out, v.at, n);
    out[n] = '\0';
    return out;
}

static size_t size_of(const dump *d, const char *key)
{
    char text[64];
    return (size_t)strtoul(text_of(d, key, text), NULL, 10);
}

static double number_of(const dump *d, const char *key)
{
    char text[64];
    return strtod(text_of(d, key, text), NULL);
}

static int choice_of(const dump *d, const char *key, const char *const *names, int n)
{
    char text[64];
    text_of(d, key, text);
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], text) == 0) return i;
    return -1;
}

static void read_config(dump *d)
{
    static const char *const acts[] = {"gelu", "gelu_new", "relu", "silu"};
    static const char *const problems[] = {"single_label_classification",
                                           "multi_label_classification", "regression"};
    d->model.config =
        (enc_config){.n_vocab = size_of(d, "vocab"),
                     .n_layers = size_of(d, "layers"),
                     .hidden = size_of(d, "hidden"),
                     .n_heads = size_of(d, "heads"),
                     .inner = size_of(d, "inner"),
                     .n_positions = size_of(d, "positions"),
                     .n_segments = size_of(d, "segments"),
                     .norm_eps = (float)number_of(d, "eps"),
                     .act = (enc_act)choice_of(d, "act", acts, 4),
                     .n_labels = size_of(d, "labels"),
                     .problem = (enc_problem)choice_of(d, "problem", problems, 3)};
    d->step = size_of(d, "step");
    d->watched = size_of(d, "watched");
}

/* Ids run on through all texts; every second text is a pair, cut in the middle. */
static void draw_texts(dump *d)
{
    char lengths[64], *at = (char *)(uintptr_t)text_of(d, "lengths", lengths);
    enc_rng r = random_seed("ids");
    for (d->n_texts = 0; d->n_texts < TEXTS_MAX && *at != '\0'; d->n_texts++)
        d->start[d->n_texts + 1] = d->start[d->n_texts] + (size_t)strtoul(at, &at, 10);
    const size_t T = d->start[d->n_texts];
    d->id = enc_mem_array(T, sizeof *d->id);
    d->segment = enc_mem_zero(T);
    if (d->id == NULL || d->segment == NULL) abort();
    for (size_t i = 0; i < T; i++)
        d->id[i] = (int32_t)(enc_rng_u64(&r) % d->model.config.n_vocab);
    for (size_t t = 1; t < d->n_texts && d->model.config.n_segments > 1; t += 2) {
        size_t n = d->start[t + 1] - d->start[t];
        for (size_t i = (n + 1) / 2; i < n; i++) d->segment[d->start[t] + i] = 1;
    }
}

static bool dump_open(dump *d, const char *name)
{
    char path[256];
    enc_err e;
    enc_err_clear(&e);
    *d = (dump){.name = name};
    snprintf(path, sizeof path, "tests/ref/dumps/%s.safetensors", name);
    if (enc_map_open(&d->map, path, 1 << 24, &e) ||
        enc_sft_open(&d->sft, enc_map_bytes(d->map), path, &e) ||
        enc_work_new(&d->work, &e)) {
        CHECK_SAY(false, "%s: %s", path, e.text);
        return false;
    }
    read_config(d);
    draw_texts(d);
    return random_model_init(&d->model, size_of(d, "int8") != 0,
                             (float)number_of(d, "gain"));
}

static void dump_close(dump *d)
{
    random_model_clear(&d->model);
    enc_work_free(d->work);
    enc_mem_free(d->id);
    enc_mem_free(d->segment);
    enc_sft_close(d->sft);
    enc_map_close(d->map);
}

/* Tensor `name`, n values of it from `from` on. */
static const float *expected(const dump *d, const char *name, size_t from, size_t n)
{
    const enc_tensor *t = enc_sft_find(d->sft, name);
    if (t == NULL || t->dtype != ENC_F32 || enc_tensor_count(t) < from + n) {
        CHECK_SAY(false, "%s has no %zu values of %s from %zu on", d->name, n, name,
                  from);
        return NULL;
    }
    return (const float *)(const void *)t->data + from;
}

static void compare(dump *d, const char *name, size_t from, const float *got, size_t n)
{
    const float *want = expected(d, name, from, n);
    double most = 0.0, off = 0.0;
    if (want == NULL) return;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)want[i]));
        double one = fabs((double)got[i] - (double)want[i]);
        if (!(one <= off)) off = one;
    }
    CHECK_SAY(off <= TOLERANCE * most, "%s, %s: %s is off by %g of %g", d->name,
              d->model.kern->name, name, off, most);
    if (off / most > d->worst) d->worst = off / most;
}

static void see_hidden(void *arg, size_t layer, const float *x)
{
    dump *d = arg;
    const size_t D = d->model.config.hidden, T = d->start[d->n_texts];
    const size_t S = (T + d->step - 1) / d->step;
    float *some = enc_mem_array(S * D, sizeof *some);
    if (some == NULL) abort();
    for (size_t i = 0; i < S; i++)
        memcpy(some + i * D, x + i * d->step * D, D * sizeof *some);
    compare(d, "hidden", layer * S * D, some, S * D);
    enc_mem_free(some);
}

static void see_attention(void *arg, size_t layer, size_t text, size_t head,
                          const float *w, size_t n)
{
    dump *d = arg;
    if (text == d->watched)
        compare(d, "attention", ((layer - 1) * d->model.config.n_heads + head) * n * n, w,
                n * n);
}

static void compare_masked_words(dump *d, const float *h, size_t text, enc_err *e)
{
    const size_t V = d->model.config.n_vocab;
    size_t k = V + 5;
    enc_guess *guess = enc_mem_array(V, sizeof *guess);
    float *by_id = enc_mem_zero_array(V, sizeof *by_id);
    if (guess == NULL || by_id == NULL) abort();
    CHECK(enc_mlm_guess(&d->model, d->work, h, guess, &k, e) == ENC_OK);
    CHECK(k == V);
    for (size_t i = 0; i < k; i++) by_id[guess[i].id] = guess[i].score;
    compare(d, "mlm", text * V, by_id, V);
    enc_mem_free(guess);
    enc_mem_free(by_id);
}

static void every_layer_and_head_agrees(dump *d)
{
    const enc_batch b = {d->n_texts, d->start[d->n_texts], d->id, d->segment, d->start};
    const enc_tap tap = {d, see_hidden, see_attention, NULL};
    const size_t D = d->model.config.hidden, n_labels = d->model.config.n_labels;
    const float *hidden;
    float *out = enc_mem_array(D + n_labels, sizeof *out);
    enc_err e;
    enc_err_clear(&e);
    if (out == NULL) abort();
    CHECK_SAY(enc_fwd_run(&d->model, d->work, &b, &tap, &hidden, &e) == ENC_OK, "%s",
              e.text);
    for (size_t t = 0; hidden != NULL && t < d->n_texts; t++) {
        const float *h = hidden + d->start[t] * D;
        CHECK(enc_head_pooled(&d->model, h, out, &e) == ENC_OK);
        compare(d, "pooled", t * D, out, D);
        CHECK(enc_head_next(&d->model, h, &out[0], &e) == ENC_OK);
        out[1] = 1.0f - out[0];
        compare(d, "next", t * 2, out, 2);
        compare_masked_words(d, h, t, &e);
        if (n_labels == 0) continue;
        CHECK(enc_head_classify(&d->model, h, 1, out, &e) == ENC_OK);
        compare(d, "classes", t * n_labels, out, n_labels);
    }
    enc_mem_free(out);
}

int main(void)
{
    static const char *const names[] = {"plain", "avx2", "avx512"};
    double worst = 0.0;
    for (size_t i = 0; i < sizeof dumps / sizeof *dumps; i++) {
        dump d;
        if (dump_open(&d, dumps[i])) {
            for (size_t k = 0; k < 3; k++) {
                d.model.kern = enc_kern_find(names[k]);
                if (d.model.kern != NULL) every_layer_and_head_agrees(&d);
            }
        }
        printf("%s: relative error %.1e\n", d.name, d.worst);
        worst = fmax(worst, d.worst);
        dump_close(&d);
    }
    printf("largest relative error %.1e, tolerance %.0e\n", worst, TOLERANCE);
    return check_done("encode reference");
}
