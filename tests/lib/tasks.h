/* tasks.h - held-out documents -> how often a model's own two heads are right. */
#ifndef TASKS_H
#define TASKS_H

#include <stdio.h>

#include "model/model.h"

typedef struct tasks {
    const enc_model *m;
    bool has_next, has_masked; /* which to try; the model must have those heads */
    size_t n_examples;         /* drawn as training draws them (corpus.h) */
    size_t n_tokens;           /* of one example, at most */
    size_t n_documents;        /* stop reading after so many; 0: never */
    uint64_t seed;
    /* out */
    size_t n_held, n_held_tokens;
    size_t n_next, next_right, n_masked, masked_right;
} tasks;

/* `in` gives articles: "# title", a paragraph a line, an empty line after each. Those
 * that heldout.h keeps from training are used. */
enc_rc tasks_run(tasks *t, FILE *in, enc_err *e);

#endif
