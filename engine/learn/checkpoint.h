/* checkpoint.h - a training run on disk, so that it can go on where it was.
 *
 *   "ENCT" u32 version=2   16 bytes what the run is (options, data, vocabulary)
 *   u64 steps done   f64 seconds spent   u64 n parameters
 *   n f32 values, n f32 first moments, n f32 second moments
 *
 * Little-endian, as everything we store. Written beside and renamed, so a file is whole.
 */
#ifndef ENC_CHECKPOINT_H
#define ENC_CHECKPOINT_H

#include "base/hash.h"
#include "learn/optim.h"

typedef struct enc_checkpoint {
    enc_hash run;
    size_t steps;
    double seconds;
} enc_checkpoint;

enc_rc enc_checkpoint_write(const char *path, const enc_checkpoint *c, const enc_optim *o,
                            enc_err *e);

/* *found is false if there is no such file. One of another run is ENC_MISUSE. */
enc_rc enc_checkpoint_read(const char *path, enc_checkpoint *c, enc_optim *o, bool *found,
                           enc_err *e);

#endif
