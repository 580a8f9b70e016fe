/* window.h - a text longer than the model reads, in windows that overlap.
 *
 * For what looks at every token: labels of tokens, and answers, where a question stands
 * before the text each time. A text that fits is one window, the same as enc_batch_of
 * makes. A longer one is cut as chunk.h says - at ends of sentences where it can be -
 * with an overlap of WINDOW_OVERLAP tokens at most, so that whatever lies on a border has
 * context on both sides in one of the two windows. */
#ifndef ENC_WINDOW_H
#define ENC_WINDOW_H

#include "encode/fwd.h"

typedef struct enc_window {
    const enc_tokens *tokens; /* [CLS] text [SEP], or [CLS] question [SEP] text [SEP] */
    const float *hidden;      /* tokens->n x D */
    size_t first, n;          /* which tokens are the text's: [first, first + n) */
    size_t offset;   /* bytes of the text before this window: add to places of tokens */
    size_t from, to; /* bytes of the text whose tokens this window is to speak for: those
                      * of all windows adjoin, and a token belongs where it begins */
} enc_window;

typedef struct enc_window_job {
    enc_bytes question; /* at NULL: none */
    enc_bytes text;
    const enc_tap *tap; /* for its stop; may be NULL */
    /* Called for each window in turn; a failure ends the run. What it is given lives
     * until it returns. */
    enc_rc (*visit)(void *arg, const enc_window *window, enc_err *e);
    void *arg;
} enc_window_job;

/* A question that takes more than half of what the model reads is ENC_RANGE. */
enc_rc enc_window_run(const enc_model *m, enc_work *w, const enc_window_job *job,
                      enc_err *e);

#endif
