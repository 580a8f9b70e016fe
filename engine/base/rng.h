/* rng.h - pseudo-random numbers that are the same everywhere: splitmix64.
 *
 * G. L. Steele, D. Lea, C. H. Flood: Fast Splittable Pseudorandom Number Generators,
 * OOPSLA 2014. The state is one number, so a checkpoint stores it in eight bytes. */
#ifndef ENC_RNG_H
#define ENC_RNG_H

#include <stdint.h>

typedef struct enc_rng {
    uint64_t state; /* any value is a seed */
} enc_rng;

uint64_t enc_rng_u64(enc_rng *r);
uint32_t enc_rng_below(enc_rng *r, uint32_t n); /* uniform in [0, n), n > 0 */
float enc_rng_unit(enc_rng *r);                 /* uniform in [0, 1) */
float enc_rng_normal(enc_rng *r);               /* mean 0, deviation 1 */

#endif
