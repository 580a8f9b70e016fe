/* head.c - see head.h. One row at a time: the products here are small. D width. */
#include "encode/head.h"

#include <math.h>

#include "encode/act.h"
#include "encode/pool.h"
#include "encode/work.h"
#include "model/arch.h"

void enc_softmax(float *x, size_t n)
{
    float top = n > 0 ? x[0] : 0.0f;
    double sum = 0.0;
    for (size_t i = 1; i < n; i++) top = x[i] > top ? x[i] : top;
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)exp((double)x[i] - (double)top);
        sum += (double)x[i];
    }
    for (size_t i = 0; i < n; i++) x[i] = (float)((double)x[i] / sum);
}

static float sigmoid(float x)
{
    return (float)(1.0 / (1.0 + exp(-(double)x)));
}

static bool has(const enc_linear *l)
{
    return l->w.data != NULL;
}

void enc_head_apply(const enc_model *m, const enc_linear *l, const float *x, float *y)
{
    enc_product p = {.x = x,
                     .x_stride = l->w.cols,
                     .w = &l->w,
                     .b = l->b,
                     .y = y,
                     .y_stride = l->w.rows,
                     .act = ENC_ACT_NONE};
    enc_kern_of(m)->product(&p, 0, 1, 0, l->w.rows);
}

enc_rc enc_head_missing(const enc_model *m, enc_part part, enc_err *e)
{
    static const char *const parts[] = {[ENC_PART_BODY] = "encoder",
                                        [ENC_PART_POOLER] = "pooler",
                                        [ENC_PART_CLASSIFIER] = "classifier",
                                        [ENC_PART_TOKENS] = "classifier of tokens",
                                        [ENC_PART_ANSWER] = "head for answers",
                                        [ENC_PART_MLM] = "masked-word head",
                                        [ENC_PART_NSP] = "next-sentence head"};
    const enc_arch *a = m->config.arch;
    size_t i = 0;
    while (i < a->heads.n && a->heads.rows[i].part != part) i++;
    if (i == a->heads.n)
        return enc_fail(e, ENC_UNSUPPORTED, "a model of kind %s has no %s", a->name,
                        parts[part]);
    return enc_fail(e, ENC_UNSUPPORTED, "the model has no %s: %s is missing", parts[part],
                    a->heads.rows[i].name);
}

enc_rc enc_head_pooled(const enc_model *m, const float *hidden, float *out, enc_err *e)
{
    if (!has(&m->weights.pooler)) return enc_head_missing(m, ENC_PART_POOLER, e);
    enc_head_apply(m, &m->weights.pooler, hidden, out);
    enc_act_run(ENC_TANH, out, m->config.hidden);
    return ENC_OK;
}

/* The dense layer before a classifier: x becomes y, D each. */
static void apply_dense(const enc_model *m, const float *x, float *y)
{
    const enc_weights *w = &m->weights;
    const size_t D = m->config.hidden;
    enc_head_apply(m, &w->head_dense, x, y);
    enc_act_run((int)m->config.head_act, y, D);
    if (w->head_norm.gain != NULL)
        enc_kern_of(m)->layernorm(y, y, &w->head_norm, m->config.norm_eps, 1, D);
}

enc_rc enc_head_logits(const enc_model *m, const float *hidden, size_t n, float *logits,
                       enc_err *e)
{
    const enc_weights *w = &m->weights;
    const size_t D = m->config.hidden;
    enc_rc rc = ENC_OK;
    if (!has(&w->classifier)) return enc_head_missing(m, ENC_PART_CLASSIFIER, e);
    float *x = enc_mem_array(D, 2 * sizeof *x); /* the text's state, and what follows */
    if (x == NULL) return enc_nomem(e);
    if (m->config.head_means) enc_pool_mean(hidden, n, D, x);
    const float *state = m->config.head_means ? x : hidden;
    if (has(&w->head_dense)) apply_dense(m, state, x + D);
    else rc = enc_head_pooled(m, state, x + D, e);
    if (!rc) enc_head_apply(m, &w->classifier, x + D, logits);
    enc_mem_free(x);
    return rc;
}

enc_rc enc_head_classify(const enc_model *m, const float *hidden, size_t n, float *scores,
                         enc_err *e)
{
    enc_rc rc = enc_head_logits(m, hidden, n, scores, e);
    if (rc) return rc;
    const size_t n_labels = m->weights.classifier.w.rows;
    if (m->config.problem == ENC_SINGLE_LABEL) enc_softmax(scores, n_labels);
    if (m->config.problem == ENC_MULTI_LABEL)
        for (size_t i = 0; i < n_labels; i++) scores[i] = sigmoid(scores[i]);
    return ENC_OK;
}

/* A linear layer over every token. */
static enc_rc over_tokens(const enc_model *m, const enc_linear *l, const float *hidden,
                          size_t n, float *out, enc_err *e)
{
    const size_t D = m->config.hidden;
    const bool is_dense = m->weights.head_norm.gain != NULL;
    float *x = enc_mem_array(D, sizeof *x);
    if (x == NULL) return enc_nomem(e);
    for (size_t t = 0; t < n; t++) {
        if (is_dense) apply_dense(m, hidden + t * D, x);
        enc_head_apply(m, l, is_dense ? x : hidden + t * D, out + t * l->w.rows);
    }
    enc_mem_free(x);
    return ENC_OK;
}

enc_rc enc_head_tokens(const enc_model *m, const float *hidden, size_t n, float *scores,
                       enc_err *e)
{
    const enc_linear *l = &m->weights.token_classifier;
    if (!has(l)) return enc_head_missing(m, ENC_PART_TOKENS, e);
    enc_rc rc = over_tokens(m, l, hidden, n, scores, e);
    for (size_t t = 0; !rc && t < n; t++) enc_softmax(scores + t * l->w.rows, l->w.rows);
    return rc;
}

enc_rc enc_head_answer(const enc_model *m, const float *hidden, size_t n, float *logits,
                       enc_err *e)
{
    const enc_linear *l = &m->weights.answer;
    if (!has(l)) return enc_head_missing(m, ENC_PART_ANSWER, e);
    return over_tokens(m, l, hidden, n, logits, e);
}

enc_rc enc_head_next(const enc_model *m, const float *hidden, float *probability,
                     enc_err *e)
{
    float logits[2];
    if (!has(&m->weights.next_sentence)) return enc_head_missing(m, ENC_PART_NSP, e);
    float *pooled = enc_mem_array(m->config.hidden, sizeof *pooled);
    if (pooled == NULL) return enc_nomem(e);
    enc_rc rc = enc_head_pooled(m, hidden, pooled, e);
    if (!rc) enc_head_apply(m, &m->weights.next_sentence, pooled, logits);
    enc_mem_free(pooled);
    if (rc) return rc;
    enc_softmax(logits, 2);
    *probability = logits[0];
    return ENC_OK;
}

enc_rc enc_head_rerank(const enc_model *m, const float *hidden, size_t n, float *out,
                       enc_err *e)
{
    const enc_linear *l = &m->weights.classifier;
    if (has(l) && l->w.rows != 1)
        return enc_fail(e, ENC_UNSUPPORTED,
                        "the model's classifier has %zu labels, a cross-encoder has 1",
                        l->w.rows);
    enc_rc rc = enc_head_logits(m, hidden, n, out, e);
    if (!rc && m->config.rerank_sigmoid) *out = sigmoid(*out);
    return rc;
}
