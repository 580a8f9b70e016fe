/* head.c - see head.h. One row at a time: the products here are small. */
#include "encode/head.h"

#include <math.h>

#include "encode/work.h"

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

static void apply(const enc_model *m, const enc_linear *l, const float *x, float *y)
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

enc_rc enc_head_pooled(const enc_model *m, const float *hidden, float *out, enc_err *e)
{
    if (m->weights.pooler.w.data == NULL)
        return enc_fail(
            e, ENC_UNSUPPORTED,
            "the model has no pooler: pooler.dense.weight and .bias are missing");
    apply(m, &m->weights.pooler, hidden, out);
    for (size_t i = 0; i < m->config.hidden; i++) out[i] = (float)tanh((double)out[i]);
    return ENC_OK;
}

/* A linear layer over the pooled state. */
static enc_rc score(const enc_model *m, const enc_linear *l, const float *hidden,
                    float *out, enc_err *e)
{
    float *pooled = enc_mem_array(m->config.hidden, sizeof *pooled);
    if (pooled == NULL) return enc_nomem(e);
    enc_rc rc = enc_head_pooled(m, hidden, pooled, e);
    if (!rc) apply(m, l, pooled, out);
    enc_mem_free(pooled);
    return rc;
}

static enc_rc need_classifier(const enc_model *m, enc_err *e)
{
    if (m->weights.classifier.w.data != NULL) return ENC_OK;
    return enc_fail(
        e, ENC_UNSUPPORTED,
        "the model has no classifier: classifier.weight and .bias are missing");
}

enc_rc enc_head_classify(const enc_model *m, const float *hidden, float *scores,
                         enc_err *e)
{
    enc_rc rc = need_classifier(m, e);
    if (!rc) rc = score(m, &m->weights.classifier, hidden, scores, e);
    if (rc) return rc;
    const size_t n = m->weights.classifier.w.rows;
    if (m->config.problem == ENC_SINGLE_LABEL) enc_softmax(scores, n);
    if (m->config.problem == ENC_MULTI_LABEL)
        for (size_t i = 0; i < n; i++) scores[i] = sigmoid(scores[i]);
    return ENC_OK;
}

enc_rc enc_head_next(const enc_model *m, const float *hidden, float *probability,
                     enc_err *e)
{
    float logits[2];
    if (m->weights.next_sentence.w.data == NULL)
        return enc_fail(e, ENC_UNSUPPORTED,
                        "the model has no next-sentence head: "
                        "cls.seq_relationship.weight and .bias are missing");
    enc_rc rc = score(m, &m->weights.next_sentence, hidden, logits, e);
    if (rc) return rc;
    enc_softmax(logits, 2);
    *probability = logits[0];
    return ENC_OK;
}

enc_rc enc_head_rerank(const enc_model *m, const float *hidden, float *out, enc_err *e)
{
    enc_rc rc = need_classifier(m, e);
    if (rc) return rc;
    if (m->weights.classifier.w.rows != 1)
        return enc_fail(e, ENC_UNSUPPORTED,
                        "the model's classifier has %zu labels, a cross-encoder has 1",
                        m->weights.classifier.w.rows);
    if ((rc = score(m, &m->weights.classifier, hidden, out, e))) return rc;
    if (m->config.rerank_sigmoid) *out = sigmoid(*out);
    return ENC_OK;
}
