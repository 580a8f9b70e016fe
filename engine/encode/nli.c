/* nli.c - see nli.h. */
#include "encode/nli.h"

#include <string.h>
#include <strings.h>

#include "base/wr.h"
#include "encode/batch.h"
#include "encode/head.h"

#define NOT_FOUND SIZE_MAX

static size_t find_label(const enc_config *c, const char *start)
{
    for (size_t i = 0; i < c->n_labels; i++)
        if (strncasecmp(c->labels[i], start, strlen(start)) == 0) return i;
    return NOT_FOUND;
}

bool enc_nli_can(const enc_model *m)
{
    return m->weights.classifier.w.data != NULL &&
           find_label(&m->config, "entail") != NOT_FOUND;
}

/* What stands against entailment: contradiction, or the other one of two labels. */
static size_t find_contradiction(const enc_config *c, size_t entailment)
{
    const size_t i = find_label(c, "contradict");
    return i == NOT_FOUND && c->n_labels == 2 ? 1 - entailment : i;
}

/* The classifier's logits of one pair. */
static enc_rc judge(const enc_model *m, enc_work *w, const enc_nli_job *job, enc_bytes b,
                    float *logits, enc_err *e)
{
    const enc_tokens *tokens;
    const float *hidden;
    enc_batch batch;
    enc_rc rc = enc_batch_of(m, w, job->text, b, &batch, &tokens, e);
    if (!rc) rc = enc_fwd_run(m, w, &batch, job->tap, &hidden, e);
    return rc ? rc : enc_head_logits(m, hidden, tokens->n, logits, e);
}

/* The hypothesis about a label. */
static void write_sentence(const enc_nli_job *job, enc_bytes label, enc_wr *out)
{
    const char *hole = strstr(job->sentence, "{}");
    out->n = 0;
    enc_wr_bytes(out, job->sentence, (size_t)(hole - job->sentence));
    enc_wr_bytes(out, label.at, label.n);
    enc_wr_text(out, hole + 2);
}

enc_rc enc_nli_run(const enc_model *m, enc_work *w, const enc_nli_job *job, float *scores,
                   enc_err *e)
{
    const bool is_multi = job->is_multi || job->n_labels == 1;
    const size_t yes = find_label(&m->config, "entail");
    float *logits;
    enc_rc rc = ENC_OK;
    enc_wr b;

    if (!enc_nli_can(m))
        return enc_fail(e, ENC_UNSUPPORTED,
                        "the model has no classifier with a label \"entailment\"");
    const size_t no = find_contradiction(&m->config, yes);
    if (is_multi && no == NOT_FOUND)
        return enc_fail(e, ENC_UNSUPPORTED,
                        "the model's classifier has no label \"contradiction\"");
    if (strstr(job->sentence, "{}") == NULL)
        return enc_fail(e, ENC_MISUSE, "no {} in the template \"%.60s\"", job->sentence);
    if ((logits = enc_mem_array(m->config.n_labels, sizeof *logits)) == NULL)
        return enc_nomem(e);
    enc_wr_init(&b);
    for (size_t i = 0; !rc && i < job->n_labels; i++) {
        write_sentence(job, job->labels[i], &b);
        rc =
            b.failed ? enc_nomem(e) : judge(m, w, job, (enc_bytes){b.at, b.n}, logits, e);
        if (rc) break;
        float two[2] = {logits[yes], is_multi ? logits[no] : 0.0f};
        if (is_multi) enc_softmax(two, 2);
        scores[i] = two[0];
    }
    if (!rc && !is_multi) enc_softmax(scores, job->n_labels);
    enc_wr_clear(&b);
    enc_mem_free(logits);
    return rc;
}
