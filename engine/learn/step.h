/* step.h - one step of training: draw, forward, losses, backward, update.
 *
 * The work is divided into shards, one for each thread that trains. Each draws its own
 * running text from a generator seeded by (seed, step, shard), and takes its part of the
 * step's pairs, which are of one kind; the vectors of all pairs meet in one loss. So a
 * step depends only on the parameters, the seed, its number and the number of shards. */
#ifndef ENC_STEP_H
#define ENC_STEP_H

#include "learn/corpus.h"
#include "learn/loss.h"
#include "learn/optim.h"
#include "learn/train_options.h"

typedef struct enc_pair_list { /* labelled pairs, as ids end to end */
    int32_t *ids;
    size_t n_ids, cap_ids;
    size_t *starts; /* 2 n + 1: a, b, a, b, ... */
    size_t cap_starts;
    float *scores; /* n, or all NaN */
    size_t n, cap_scores;
} enc_pair_list;

typedef struct enc_step_sums {
    enc_loss_sum masked, next, contrast, ranked;
    size_t n_tokens;
} enc_step_sums;

typedef struct enc_step {
    const enc_train_options *o;
    const enc_corpus *corpus;
    const enc_pair_list *positives; /* belong together: scores not used */
    const enc_pair_list *scored;
    enc_params *p;
    bool (*tick)(void *arg); /* asked during a step; true stops it; may be NULL */
    void *tick_arg;
    enc_optim optim;
    const enc_elem *elem;
    struct enc_shard *shards;
    size_t n_shards;
    float *vectors, *by_vectors; /* 2 batch_pairs x D: all a, then all b */
    float *scores;               /* batch_pairs */
    uint64_t *keys;              /* batch_pairs: a hash of each second text */
    size_t number;               /* of the step, from 0 */
    enc_stop stop;               /* of the step under way */
    int pairs;                   /* an enum in step.c: what pairs it draws */
    enc_step_sums sums;          /* of the last step */
} enc_step;

/* Storage is the caller's, zeroed, with everything above `optim` set, and optim's rates.
 */
enc_rc enc_step_init(enc_step *s, enc_err *e);
void enc_step_clear(enc_step *s);

/* Whether any of the steps learns anything, by the options and by what there is. */
bool enc_step_learns(const enc_step *s);

/* Whether any of the steps learns from pairs. */
bool enc_step_has_pairs(const enc_step *s);

/* ENC_INTERRUPT: told to stop; the parameters and the moments are as before the step, and
 * no other may follow it. */
enc_rc enc_step_run(enc_step *s, size_t number, enc_err *e);

#endif
