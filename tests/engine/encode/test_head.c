/* test_head.c - what heads make of their logits, and models without them.
 *
 * That the logits are right is test_reference.c's matter. */
#include <stdlib.h>

#include "check.h"
#include "encode/head.h"
#include "random_model.h"

#define D 12

static enc_model model_new(size_t n_labels, enc_problem problem)
{
    enc_model m = {0};
    m.config = (enc_config){.n_vocab = 9,
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
    CHECK(enc_head_classify(&m, state, raw, &e) == ENC_OK);
    m.config.problem = ENC_SINGLE_LABEL;
    CHECK(enc_head_classify(&m, state, soft, &e) == ENC_OK);
    m.config.problem = ENC_MULTI_LABEL;
    CHECK(enc_head_classify(&m, state, multi, &e) == ENC_OK);
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
    CHECK(enc_head_rerank(&one, state, &raw, &e) == ENC_OK);
    one.config.rerank_sigmoid = true;
    CHECK(enc_head_rerank(&one, state, &bent, &e) == ENC_OK);
    CHECK(fabs((double)bent - 1.0 / (1.0 + exp(-(double)raw))) < 1e-7);
    CHECK(enc_head_rerank(&two, state, &raw, &e) == ENC_UNSUPPORTED);
    CHECK(strcmp(e.text, "the model's classifier has 2 labels, a cross-encoder has 1") ==
          0);
    random_model_clear(&one);
    random_model_clear(&two);
}

static void a_missing_head_is_named(void)
{
    enc_model m = model_new(2, ENC_SINGLE_LABEL);
    float out[D];
    enc_err e;
    enc_err_clear(&e);
    m.weights.next_sentence.w.data = NULL;
    CHECK(enc_head_next(&m, state, out, &e) == ENC_UNSUPPORTED);
    CHECK(strstr(e.text, "cls.seq_relationship.weight") != NULL);
    enc_err_clear(&e);
    m.weights.pooler.w.data = NULL;
    CHECK(enc_head_pooled(&m, state, out, &e) == ENC_UNSUPPORTED);
    CHECK(strstr(e.text, "pooler.dense.weight") != NULL);
    enc_err_clear(&e);
    CHECK(enc_head_classify(&m, state, out, &e) == ENC_UNSUPPORTED);
    CHECK(strstr(e.text, "pooler.dense.weight") != NULL);
    enc_err_clear(&e);
    m.weights.classifier.w.data = NULL;
    CHECK(enc_head_classify(&m, state, out, &e) == ENC_UNSUPPORTED);
    CHECK(strstr(e.text, "classifier.weight") != NULL);
    CHECK(enc_head_rerank(&m, state, out, NULL) == ENC_UNSUPPORTED);
    random_model_clear(&m);
}

static void a_failing_allocation_is_reported(void)
{
    enc_model m = model_new(2, ENC_SINGLE_LABEL);
    float out[2];
    enc_err e;
    enc_err_clear(&e);
    enc_mem_fault(1, false);
    CHECK(enc_head_classify(&m, state, out, &e) == ENC_NOMEM);
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
    a_failing_allocation_is_reported();
    return check_done("head");
}
