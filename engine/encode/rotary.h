/* rotary.h - queries and keys turned by their place: Su et al. 2021 (RoPE).
 *
 * Of a head's values the first d = dims are turned, in pairs (m, m + d/2), m < d/2: at
 * place p by the angle p / theta^(2m/d). The product of a query and a key then knows how
 * far apart they are. A scale f > 1 (NTK) is for texts f times longer than those a model
 * has seen: the angle is p / ((theta f)^(2m/d) f^(2/d)). */
#ifndef ENC_ROTARY_H
#define ENC_ROTARY_H

#include <stdbool.h>
#include <stddef.h>

/* Sines and cosines, made once and for more places when a longer text comes. Zeroed, it
 * is empty. */
typedef struct enc_rotary {
    float theta, scale; /* what they were made for */
    size_t dims;        /* even */
    size_t n;           /* places */
    float *at;          /* n x dims: the cosines of a place's angles, then their sines */
} enc_rotary;

/* At least n places for these values. False: no memory, and it is empty. */
bool enc_rotary_grow(enc_rotary *r, float theta, float scale, size_t dims, size_t n);
void enc_rotary_clear(enc_rotary *r);

/* Turns `heads` (n_heads x head_dims) by a place that is there. */
void enc_rotary_turn(const enc_rotary *r, size_t place, float *heads, size_t n_heads,
                     size_t head_dims);

#endif
