/* answer.h - a question and a text -> the stretches of the text that answer it.
 *
 * The model gives each token two values: that an answer begins there, that it ends there
 * (Devlin et al. 2018, section 4.2). As in transformers' pipeline both become
 * probabilities by a softmax over the text's tokens and [CLS], and the score of a stretch
 * is their product. A long text is read in windows (window.h), each with a softmax of its
 * own; a stretch found in two of them has the better score. */
#ifndef ENC_ANSWER_H
#define ENC_ANSWER_H

#include "encode/fwd.h"

#define ENC_ANSWERS_MAX 1000 /* k */

typedef struct enc_answer {
    size_t start, end; /* bytes of the text; start == end: that it has no answer */
    float score;
} enc_answer;

typedef struct enc_answer_job {
    enc_bytes question, text;
    size_t k;            /* how many are wanted, at most ENC_ANSWERS_MAX */
    size_t n_tokens_max; /* of one answer, at least 1 */
    bool may_be_none; /* "no answer" is one too, with the score of both ends at [CLS]: the
                       * least of all windows */
    const enc_tap *tap; /* for its stop; may be NULL */
} enc_answer_job;

/* The best at most k, best first, into out (k + 1 of them), *n how many. */
enc_rc enc_answer_find(const enc_model *m, enc_work *w, const enc_answer_job *job,
                       enc_answer *out, size_t *n, enc_err *e);

#endif
