/* test_head.c - heads against their formulas, what is made of logits, and models without
 * heads. */
#include <stdlib.h>

#include "check.h"
#include "encode/head.h"
#include "random_model.h"

#define D 12

static enc_model model_new(size_t n_labels, enc_problem problem)
{
    enc_model m = {0};
    m.config = (enc_config){.arch = &enc_arch_bert,
                            .n_vocab = 9,
                            .n_layers = 0,
                            .hidden = D,
                            .n_heads = 2,
                            .inner = 8,
                            .n_positions = 4,
                            .n_segments = 2,
                            .n_labels = n_labels,
                            .problem = problem};
    if (!random_model_init(&m, false, 1.0f)) abort();
    return m;
}

static const float state[D] = {0.3f,  -1.0f, 2.0f, 0.0f,  0.5f, 1.5f,
                               -0.7f, 0.1f,  0.9f, -2.0f, 1.1f, 0.4f};

static void softmax_is_a_distribution(void)
{
    float x[3] = {1.0f, 2.0f, 3.0f}, huge[2] = {1e30f, 1e30f}, one[1] = {-5.0f};
    enc_softmax(x, 3);
    CHECK(fabsf(x[0] - 0.09003057f) < 1e-7f && fabsf(x[1] - 0.24472847f) < 1e-7f);
    CHECK(fabsf(x[0] + x[1] + x[2] - 1.0f) < 1e-6f);
    enc_softmax(huge, 2);
    CHECK(huge[0] == 0.5f && huge[1] == 0.5f);
    enc_softmax(one, 1);
    CHECK(one[0] == 1.0f);
    enc_softmax(one, 0);
    CHECK(one[0] == 1.0f);
}

/* The same logits through the three kinds of problem. */
static void scores_follow_the_problem(void)
{
    enc_model m = model_new(4, ENC_REGRESSION);
    float raw[4], soft[4], multi[4];
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_head_classify(&m, state, 1, raw, &e) == ENC_OK);
    m.config.problem = ENC_SINGLE_LABEL;
    CHECK(enc_head_classify(&m, state, 1, soft, &e) == ENC_OK);
    m.config.problem = ENC_MULTI_LABEL;
    CHECK(enc_head_classify(&m, state, 1, multi, &e) == ENC_OK);
    for (size_t i = 0; i < 4; i++)
        CHECK(fabs((double)multi[i] - 1.0 / (1.0 + exp(-(double)raw[i]))) < 1e-7);
    enc_softmax(raw, 4);
    CHECK(memcmp(raw, soft, sizeof raw) == 0);
    random_model_clear(&m);
}

static void a_cross_encoder_has_one_label(void)
{
    enc_model one = model_new(1, ENC_REGRESSION), two = model_new(2, ENC_SINGLE_LABEL);
    float raw, bent;
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_head_rerank(&one, state, 1, &raw, &e) == ENC_OK);
    one.config.rerank_sigmoid = true;
    CHECK(enc_head_rerank(&one, state, 1, &bent, &e) == ENC_OK);
    CHECK(fabs((double)bent - 1.0 / (1.0 + exp(-(double)raw))) < 1e-7);
    CHECK(enc_head_rerank(&two, state, 1, &raw, &e) == ENC_UNSUPPORTED);
    CHECK(strcmp(e.text, "the model's classifier has 2 labels, a cross-encoder has 1") ==
          0);
    random_model_clear(&one);
    random_model_clear(&two);
}

static void a_missing_head_is_named(void)
{
    enc_model m = model_new(2, ENC_SINGLE_LABEL);
    float out[2 * D];
    enc_err e;
    enc_err_clear(&e);
    m.weights.next_sentence.w.data = NULL;
    CHECK(enc_head_next(&m, state, out, &e) == ENC_UNSUPPORTED);
    CHECK(strcmp(e.text, "the model has no next-sentence head: "
                         "cls.seq_relationship.weight is missing") == 0);
    enc_err_clear(&e);
    m.weights.pooler.w.data = NULL;
    CHECK(enc_head_pooled(&m, state, out, &e) == ENC_UNSUPPORTED);
    CHECK(strcmp(e.text, "the model has no pooler: pooler.dense.weight is missing") == 0);
    enc_err_clear(&e);
    CHECK(enc_head_classify(&m, state, 1, out, &e) == ENC_UNSUPPORTED);
    CHECK(strstr(e.text, "pooler.dense.weight") != NULL);
    enc_err_clear(&e);
    m.weights.classifier.w.data = NULL;
    CHECK(enc_head_classify(&m, state, 1, out, &e) == ENC_UNSUPPORTED);
    CHECK(strstr(e.text, "no classifier: classifier.weight is missing") != NULL);
    CHECK(enc_head_rerank(&m, state, 1, out, NULL) == ENC_UNSUPPORTED);
    enc_err_clear(&e);
    CHECK(enc_head_tokens(&m, state, 1, out, &e) == ENC_UNSUPPORTED);
    CHECK(strstr(e.text, "no classifier of tokens: classifier.weight") != NULL);
    enc_err_clear(&e);
    m.weights.answer.w.data = NULL;
    CHECK(enc_head_answer(&m, state, 1, out, &e) == ENC_UNSUPPORTED);
    CHECK(strstr(e.text, "no head for answers: qa_outputs.weight is missing") != NULL);
    enc_err_clear(&e);
    m.config.arch = enc_arch_find("albert", NULL);
    CHECK(enc_head_pooled(&m, state, out, &e) == ENC_UNSUPPORTED);
    CHECK(strstr(e.text, "no pooler: pooler.weight is missing") != NULL);
    random_model_clear(&m);
}

/* ---- heads of other architectures, by hand ---- */

enum { W = 2, TOKENS = 3, LABELS = 3 }; /* width, tokens, labels of the models below */

static const float states[TOKENS * W] = {0.5f, -1.0f, 2.0f, 0.25f, -0.5f, 1.5f};
static const float dense[W * W] = {0.5f, -1.0f, 0.75f, 0.25f}, dense_b[W] = {0.1f, -0.3f};
static const float over[LABELS * W] = {1.0f, -0.5f, 0.25f, 2.0f, -1.0f, 0.5f};
static const float over_b[LABELS] = {0.2f, 0.0f, -0.4f};
static const float gain[W] = {1.5f, 0.5f}, shift[W] = {-0.1f, 0.2f};

static enc_model small_model(enc_act act)
{
    return (enc_model){
        .config = {.arch = &enc_arch_bert,
                   .hidden = W,
                   .n_labels = LABELS,
                   .norm_eps = 1e-5f,
                   .head_act = act,
                   .problem = ENC_REGRESSION},
        .weights = {.head_dense = {{dense, ENC_F32, NULL, W, W}, dense_b},
                    .classifier = {{over, ENC_F32, NULL, LABELS, W}, over_b},
                    .token_classifier = {{over, ENC_F32, NULL, LABELS, W}, over_b},
                    .answer = {{over, ENC_F32, NULL, 2, W}, over_b}}};
}

static double formula_act(double x, enc_act act)
{
    if (act == ENC_TANH) return tanh(x);
    if (act == ENC_RELU) return x < 0.0 ? 0.0 : x;
    return 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
}

/* y = act(dense x + b), normalized or not. */
static void formula_dense(const double *x, enc_act act, bool is_normed, double *y)
{
    for (size_t i = 0; i < W; i++)
        y[i] = formula_act((double)dense[W * i] * x[0] + (double)dense[W * i + 1] * x[1] +
                               (double)dense_b[i],
                           act);
    if (!is_normed) return;
    const double mean = (y[0] + y[1]) / 2.0, half = (y[0] - y[1]) / 2.0;
    for (size_t i = 0; i < W; i++)
        y[i] =
            (y[i] - mean) / sqrt(half * half + 1e-5) * (double)gain[i] + (double)shift[i];
}

static double formula_label(const double *x, size_t i)
{
    return (double)over[W * i] * x[0] + (double)over[W * i + 1] * x[1] +
           (double)over_b[i];
}

/* RoBERTa tanh, DistilBERT relu, ELECTRA gelu; ModernBERT gelu, a norm, and the mean. */
static void a_dense_layer_stands_before_the_classifier(void)
{
    static const enc_act acts[] = {ENC_TANH, ENC_RELU, ENC_GELU};
    for (size_t k = 0; k < 12; k++) {
        const enc_act act = acts[k % 3];
        const bool is_mean = k / 3 % 2 == 1, is_normed = k / 6 == 1;
        enc_model m = small_model(act);
        double h[W] = {(double)states[0], (double)states[1]}, x[W];
        float logits[LABELS];
        m.config.head_means = is_mean;
        if (is_normed) m.weights.head_norm = (enc_layernorm){gain, shift};
        if (is_mean) h[0] = 2.0 / 3.0, h[1] = 0.25;
        CHECK(enc_head_logits(&m, states, TOKENS, logits, NULL) == ENC_OK);
        formula_dense(h, act, is_normed, x);
        for (size_t i = 0; i < LABELS; i++)
            CHECK_SAY(fabs((double)logits[i] - formula_label(x, i)) < 1e-6,
                      "case %zu: %g", k, (double)logits[i]);
    }
}

/* Tokens are judged by their own states; behind the dense layer only where a norm says
 * that it is for them too (ModernBERT, but not RoBERTa). */
static void every_token_is_judged(void)
{
    for (size_t k = 0; k < 2; k++) {
        enc_model m = small_model(ENC_GELU);
        float scores[TOKENS * LABELS], ends[TOKENS * 2];
        if (k == 1) m.weights.head_norm = (enc_layernorm){gain, shift};
        CHECK(enc_head_tokens(&m, states, TOKENS, scores, NULL) == ENC_OK);
        CHECK(enc_head_answer(&m, states, TOKENS, ends, NULL) == ENC_OK);
        for (size_t t = 0; t < TOKENS; t++) {
            double x[W] = {(double)states[W * t], (double)states[W * t + 1]}, y[W],
                   sum = 0.0;
            formula_dense(x, ENC_GELU, true, y);
            const double *z = k == 1 ? y : x;
            for (size_t i = 0; i < LABELS; i++) sum += exp(formula_label(z, i));
            for (size_t i = 0; i < LABELS; i++)
                CHECK(fabs((double)scores[t * LABELS + i] -
                           exp(formula_label(z, i)) / sum) < 1e-6);
            for (size_t i = 0; i < 2; i++)
                CHECK(fabs((double)ends[t * 2 + i] - formula_label(z, i)) < 1e-6);
        }
    }
}

static void a_failing_allocation_is_reported(void)
{
    enc_model m = model_new(2, ENC_SINGLE_LABEL);
    float out[2];
    enc_err e;
    enc_err_clear(&e);
    enc_mem_fault(1, false);
    CHECK(enc_head_classify(&m, state, 1, out, &e) == ENC_NOMEM);
    enc_mem_fault(1, false);
    CHECK(enc_head_next(&m, state, out, NULL) == ENC_NOMEM);
    enc_mem_fault(0, false);
    random_model_clear(&m);
}

int main(void)
{
    softmax_is_a_distribution();
    scores_follow_the_problem();
    a_cross_encoder_has_one_label();
    a_missing_head_is_named();
    a_dense_layer_stands_before_the_classifier();
    every_token_is_judged();
    a_failing_allocation_is_reported();
    return check_done("head");
}
