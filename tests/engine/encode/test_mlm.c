/* test_mlm.c - the best pieces, in order, for every k. */
#include <stdlib.h>

#include "check.h"
#include "encode/mlm.h"
#include "random_model.h"

#define D 20
#define V 300

static enc_model model_new(void)
{
    enc_model m = {0};
    m.config = (enc_config){.arch = &enc_arch_bert,
                            .n_vocab = V,
                            .n_layers = 0,
                            .hidden = D,
                            .n_heads = 2,
                            .inner = 8,
                            .n_positions = 4,
                            .n_segments = 2,
                            .norm_eps = 1e-12f,
                            .act = ENC_GELU};
    if (!random_model_init(&m, false, 1.0f)) abort();
    return m;
}

static float state[D];

static bool is_in_order(const enc_guess *g, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (g[i - 1].score < g[i].score ||
            (g[i - 1].score == g[i].score && g[i - 1].id >= g[i].id))
            return false;
    return true;
}

static void every_k_is_a_beginning_of_the_whole_order(const enc_model *m, enc_work *w)
{
    enc_guess all[V], some[V + 1];
    size_t k = V + 100;
    double sum = 0.0;
    CHECK(enc_mlm_guess(m, w, state, all, &k, NULL) == ENC_OK);
    CHECK(k == V);
    for (size_t i = 0; i < V; i++) sum += (double)all[i].score;
    CHECK(fabs(sum - 1.0) < 1e-6);
    CHECK(is_in_order(all, V));
    for (size_t n = 0; n <= V; n++) {
        k = n;
        some[n].id = -77;
        CHECK(enc_mlm_guess(m, w, state, some, &k, NULL) == ENC_OK);
        CHECK(k == n && some[n].id == -77);
        CHECK(memcmp(some, all, n * sizeof *all) == 0);
    }
}

/* Every row of the table three times over. */
static void ties_break_by_id(enc_model *m, enc_work *w)
{
    float *rows = (float *)(uintptr_t)m->weights.mlm_decoder.data;
    float *bias = (float *)(uintptr_t)m->weights.mlm_bias;
    enc_guess all[V];
    size_t k = V;
    for (size_t i = 100; i < V; i++) {
        memcpy(rows + i * D, rows + (i - 100) * D, D * sizeof *rows);
        bias[i] = bias[i - 100];
    }
    CHECK(enc_mlm_guess(m, w, state, all, &k, NULL) == ENC_OK);
    CHECK(is_in_order(all, V));
    for (size_t i = 0; i < V; i += 3) {
        CHECK(all[i].id + 100 == all[i + 1].id && all[i + 1].id + 100 == all[i + 2].id);
        CHECK(all[i].score == all[i + 2].score);
    }
}

/* By the formula: a narrower embedding, another activation, no bias of the decoder. */
static void the_logits_are_the_formula(enc_work *w)
{
    enum { E = 3, WORDS = 5 };
    static const float word[WORDS * E] = {1.0f, 0.0f,  -1.0f, 0.5f, 2.0f,
                                          1.0f, -0.3f, 0.2f,  0.7f, -1.5f,
                                          0.4f, 0.0f,  0.9f,  0.9f, -0.2f};
    static const float gain[E] = {1.0f, 2.0f, 0.5f}, shift[E] = {0.1f, 0.0f, -0.2f};
    float dense[E * D], b[E] = {0.3f, -0.1f, 0.0f};
    double t[E], mean = 0.0, variance = 0.0, logits[WORDS], sum = 0.0;
    enc_guess g[WORDS];
    size_t k = WORDS;
    for (size_t i = 0; i < E * D; i++) dense[i] = 0.1f * (float)((int)(i % 7) - 3);
    enc_model m = {.config = {.arch = &enc_arch_bert,
                              .hidden = D,
                              .norm_eps = 1e-5f,
                              .act = ENC_SILU,
                              .mlm_act = ENC_RELU},
                   .weights = {.mlm_transform = {{dense, ENC_F32, NULL, E, D}, b},
                               .mlm_norm = {gain, shift},
                               .mlm_decoder = {word, ENC_F32, NULL, WORDS, E}}};
    CHECK(enc_mlm_guess(&m, w, state, g, &k, NULL) == ENC_OK && k == WORDS);
    for (size_t i = 0; i < E; i++) {
        t[i] = (double)b[i];
        for (size_t d = 0; d < D; d++)
            t[i] += (double)dense[i * D + d] * (double)state[d];
        t[i] = t[i] < 0.0 ? 0.0 : t[i];
        mean += t[i] / E;
    }
    for (size_t i = 0; i < E; i++) variance += (t[i] - mean) * (t[i] - mean) / E;
    for (size_t i = 0; i < WORDS; i++) {
        logits[i] = 0.0;
        for (size_t d = 0; d < E; d++)
            logits[i] += (double)word[i * E + d] *
                         ((t[d] - mean) / sqrt(variance + 1e-5) * (double)gain[d] +
                          (double)shift[d]);
        sum += exp(logits[i]);
    }
    for (size_t i = 0; i < WORDS; i++)
        CHECK_SAY(fabs((double)g[i].score - exp(logits[g[i].id]) / sum) < 1e-6, "%d",
                  (int)g[i].id);
}

static void what_is_missing_is_said(enc_model m, enc_work *w)
{
    enc_guess g[1];
    size_t k = 1;
    enc_err e;
    enc_err_clear(&e);
    m.weights.mlm_transform.w.data = NULL;
    CHECK(enc_mlm_guess(&m, w, state, g, &k, &e) == ENC_UNSUPPORTED);
    CHECK(strcmp(e.text, "the model has no masked-word head: "
                         "cls.predictions.transform.dense.weight is missing") == 0);
    enc_err_clear(&e);
    m.config.arch = enc_arch_find("nomic_bert", NULL);
    CHECK(enc_mlm_guess(&m, w, state, g, &k, &e) == ENC_UNSUPPORTED);
    CHECK(strcmp(e.text, "a model of kind nomic_bert has no masked-word head") == 0);
}

static void a_failing_allocation_is_reported(const enc_model *m)
{
    enc_work *w;
    enc_guess g[1];
    size_t k = 1;
    CHECK(enc_work_new(&w, NULL) == ENC_OK);
    enc_mem_fault(1, false);
    CHECK(enc_mlm_guess(m, w, state, g, &k, NULL) == ENC_NOMEM);
    enc_mem_fault(0, false);
    CHECK(enc_mlm_guess(m, w, state, g, &k, NULL) == ENC_OK);
    enc_work_free(w);
}

int main(void)
{
    enc_model m = model_new();
    enc_work *w;
    enc_rng r = {9};
    if (enc_work_new(&w, NULL)) abort();
    for (size_t i = 0; i < D; i++) state[i] = enc_rng_normal(&r);
    every_k_is_a_beginning_of_the_whole_order(&m, w);
    ties_break_by_id(&m, w);
    the_logits_are_the_formula(w);
    what_is_missing_is_said(m, w);
    a_failing_allocation_is_reported(&m);
    enc_work_free(w);
    random_model_clear(&m);
    return check_done("mlm");
}
