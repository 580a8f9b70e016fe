/* nli.h - labels that no one has trained: which of them a text entails.
 *
 * A model of natural language inference judges whether a premise entails a hypothesis.
 * The text is the premise and "This example is sports." the hypothesis, for each label in
 * turn (Yin et al. 2019), as in transformers' zero-shot pipeline. Which of the model's
 * own labels is entailment is read from their names, never assumed from their order. */
#ifndef ENC_NLI_H
#define ENC_NLI_H

#include "encode/fwd.h"

#define ENC_NLI_TEMPLATE "This example is {}."

/* Whether the model's classifier knows entailment. */
bool enc_nli_can(const enc_model *m);

typedef struct enc_nli_job {
    enc_bytes text;
    const enc_bytes *labels;
    size_t n_labels;
    const char *sentence; /* the hypothesis, with {} where the label goes */
    bool is_multi; /* each label is judged alone: entailment against contradiction; else
                    * the labels compete. A single label is always judged alone. */
    const enc_tap *tap; /* for its stop; may be NULL */
} enc_nli_job;

/* n_labels scores. ENC_MISUSE: no {} in the sentence; ENC_UNSUPPORTED: see enc_nli_can,
 * or is_multi and no label is contradiction. */
enc_rc enc_nli_run(const enc_model *m, enc_work *w, const enc_nli_job *job, float *scores,
                   enc_err *e);

#endif
