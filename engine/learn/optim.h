/* optim.h - gradients -> new parameters: AdamW with warm-up and linear decay.
 *
 * Holds the moments, and a gradient for each shard (a thread's part of a step), and adds
 * the shards in their order, so that a step is the same on every run. */
#ifndef ENC_OPTIM_H
#define ENC_OPTIM_H

#include "base/stop.h"
#include "learn/elem.h"
#include "learn/params.h"

typedef struct enc_optim {
    enc_params *p; /* borrowed */
    const enc_elem *elem;
    float *m, *v; /* the moments, p->n each */
    float **grad; /* n_shards x p->n, zero between steps */
    size_t n_shards;
    double rate, decay, beta1, beta2, clip_norm, warmup;
    size_t n_steps; /* in all */
    double norm;    /* of the last gradient */
} enc_optim;

/* Storage is the caller's, with everything but m, v and grad filled in. stop may be NULL.
 */
enc_rc enc_optim_init(enc_optim *o, enc_stop *stop, enc_err *e);
void enc_optim_clear(enc_optim *o);

double enc_optim_rate(const enc_optim *o, size_t step); /* of a step, counted from 0 */
void enc_optim_step(enc_optim *o, size_t step); /* updates p; zeroes the gradients */

#endif
