/* test_nli.c - zero-shot labels by entailment, against the classifier pair by pair. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "encode/batch.h"
#include "encode/head.h"
#include "encode/nli.h"
#include "lib/tiny.h"

static enc_bytes bytes_of(const char *text)
{
    return (enc_bytes){(const uint8_t *)text, strlen(text)};
}

static void logits_of(const enc_model *m, enc_work *w, const char *a, const char *b,
                      float *out)
{
    enc_batch batch;
    const enc_tokens *t;
    const float *hidden;
    CHECK(enc_batch_of(m, w, bytes_of(a), bytes_of(b), &batch, &t, NULL) == ENC_OK);
    CHECK(enc_fwd_run(m, w, &batch, NULL, &hidden, NULL) == ENC_OK);
    CHECK(enc_head_logits(m, hidden, t->n, out, NULL) == ENC_OK);
}

static const char *const words[3] = {"cat", "tea", "dog"};

/* Wherever entailment stands among the labels, and however it is written. */
static void labels_are_found_by_name(enc_model *m, enc_work *w)
{
    static const char *orders[3][3] = {{"contradiction", "neutral", "entailment"},
                                       {"ENTAILMENT", "NEUTRAL", "CONTRADICTION"},
                                       {"Neutral", "Entailment", "Contradiction"}};
    static const size_t yes[3] = {2, 0, 1}, no[3] = {0, 2, 2};
    const enc_bytes labels[3] = {bytes_of("cat"), bytes_of("tea"), bytes_of("dog")};
    for (size_t k = 0; k < 3; k++) {
        enc_nli_job job = {bytes_of("the cat sat"), labels, 3,
                           ENC_NLI_TEMPLATE,        false,  NULL};
        double sum = 0.0, each[3], alone[3];
        float scores[3], logits[3];
        m->config.labels = orders[k];
        CHECK(enc_nli_can(m));
        for (size_t i = 0; i < 3; i++) {
            char sentence[64];
            snprintf(sentence, sizeof sentence, "This example is %s.", words[i]);
            logits_of(m, w, "the cat sat", sentence, logits);
            sum += each[i] = exp((double)logits[yes[k]]);
            alone[i] = each[i] / (each[i] + exp((double)logits[no[k]]));
        }
        CHECK(enc_nli_run(m, w, &job, scores, NULL) == ENC_OK);
        for (size_t i = 0; i < 3; i++)
            CHECK(fabs((double)scores[i] - each[i] / sum) < 1e-6);
        job.is_multi = true;
        CHECK(enc_nli_run(m, w, &job, scores, NULL) == ENC_OK);
        for (size_t i = 0; i < 3; i++) CHECK(fabs((double)scores[i] - alone[i]) < 1e-6);
        job.is_multi = false,
        job.n_labels = 1; /* one label has no other to compete with */
        CHECK(enc_nli_run(m, w, &job, scores, NULL) == ENC_OK);
        CHECK(fabs((double)scores[0] - alone[0]) < 1e-6);
    }
}

static void the_template_is_the_callers(enc_model *m, enc_work *w)
{
    static const char *order[3] = {"contradiction", "neutral", "entailment"};
    const enc_bytes labels[2] = {bytes_of("cat"), bytes_of("tea")};
    enc_nli_job job = {bytes_of("the cat"), labels, 2, "is {} it?", true, NULL};
    float scores[2], logits[3];
    enc_err e;
    m->config.labels = order;
    CHECK(enc_nli_run(m, w, &job, scores, NULL) == ENC_OK);
    logits_of(m, w, "the cat", "is tea it?", logits);
    CHECK(fabs((double)scores[1] -
               1.0 / (1.0 + exp((double)logits[0] - (double)logits[2]))) < 1e-6);
    enc_err_clear(&e);
    job.sentence = "it is";
    CHECK(enc_nli_run(m, w, &job, scores, &e) == ENC_MISUSE);
    CHECK(strcmp(e.text, "no {} in the template \"it is\"") == 0);
}

static void other_models_are_refused(enc_model *m, enc_work *w)
{
    static const char *other[3] = {"negative", "neutral", "positive"},
                      *half[3] = {"entailment", "neutral", "positive"};
    const enc_bytes labels[2] = {bytes_of("cat"), bytes_of("tea")};
    enc_nli_job job = {bytes_of("the cat"), labels, 2, ENC_NLI_TEMPLATE, true, NULL};
    float scores[2];
    enc_err e;
    m->config.labels = other;
    enc_err_clear(&e);
    CHECK(!enc_nli_can(m) && enc_nli_run(m, w, &job, scores, &e) == ENC_UNSUPPORTED);
    m->config.labels = half;
    enc_err_clear(&e);
    CHECK(enc_nli_can(m) && enc_nli_run(m, w, &job, scores, &e) == ENC_UNSUPPORTED);
    CHECK(strstr(e.text, "\"contradiction\"") != NULL);
}

int main(void)
{
    enc_model *m;
    enc_work *w;
    if (tiny_open(&m, TINY_SEED, ENC_F32, NULL, NULL) || enc_work_new(&w, NULL)) abort();
    labels_are_found_by_name(m, w);
    the_template_is_the_callers(m, w);
    other_models_are_refused(m, w);
    enc_work_free(w);
    enc_model_close(m);
    CHECK(enc_mem_live() == 0);
    return check_done("nli");
}
