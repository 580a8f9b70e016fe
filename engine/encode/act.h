/* act.h - the activation functions of small layers: heads, and what follows pooling. */
#ifndef ENC_ACT_H
#define ENC_ACT_H

#include <stddef.h>

/* In place, in double. `act` is an enc_act or ENC_ACT_NONE. */
void enc_act_run(int act, float *x, size_t n);

#endif
