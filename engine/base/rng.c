/* rng.c - see rng.h. */
#include "base/rng.h"

#include <math.h>

uint64_t enc_rng_u64(enc_rng *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint32_t enc_rng_below(enc_rng *r, uint32_t n)
{
    /* Lemire's multiplication; its bias, under n / 2^32, does not matter here. */
    return (uint32_t)(((enc_rng_u64(r) >> 32) * n) >> 32);
}

float enc_rng_unit(enc_rng *r)
{
    return (float)(enc_rng_u64(r) >> 40) * 0x1p-24f;
}

float enc_rng_normal(enc_rng *r)
{
    /* Box and Muller 1958; the second value of the pair is dropped to keep one state. */
    double u = ((double)(enc_rng_u64(r) >> 11) + 0.5) * 0x1p-53;
    double v = (double)(enc_rng_u64(r) >> 11) * 0x1p-53;
    return (float)(sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}
