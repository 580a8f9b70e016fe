/* act.h - the activation functions, in double: what the plain kernels, heads and what
 * follows pooling compute with. */
#ifndef ENC_ACT_H
#define ENC_ACT_H

#include <stddef.h>

/* `act` is an enc_act or ENC_ACT_NONE. */
double enc_act_of(double x, int act);

/* The same of n values, in place. */
void enc_act_run(int act, float *x, size_t n);

#endif
