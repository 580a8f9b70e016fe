/* finite.h - that all weights are numbers: none is infinite or not a number. */
#ifndef ENC_FINITE_H
#define ENC_FINITE_H

#include "model/weights.h"

/* Reads all values once, by all threads, as fast as memory is; what is mapped of `f`
 * (which may be NULL) is released. It takes longer than all else that opening a model
 * does, so it is made when a model is first used: encode/packed.c, learn/params.c. One
 * that is not finite is ENC_CORRUPT. */
enc_rc enc_weights_check(const enc_config *c, const enc_weights *w, const enc_files *f,
                         enc_err *e);

#endif
