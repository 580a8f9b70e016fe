/* rotary.c - see rotary.h. Angles are computed in double: those of far places are large,
 * and what is lost of them is lost of the result. */
#include "encode/rotary.h"

#include <math.h>

#include "base/mem.h"

static void fill(enc_rotary *r)
{
    const size_t half = r->dims / 2;
    const double f = (double)r->scale, d = (double)r->dims;
    for (size_t m = 0; m < half; m++) {
        const double rate =
            pow((double)r->theta * f, -2.0 * (double)m / d) * pow(f, -2.0 / d);
        for (size_t p = 0; p < r->n; p++) {
            const double angle = (double)p * rate;
            r->at[p * r->dims + m] = (float)cos(angle);
            r->at[p * r->dims + half + m] = (float)sin(angle);
        }
    }
}

bool enc_rotary_grow(enc_rotary *r, float theta, float scale, size_t dims, size_t n)
{
    const float f = scale > 1.0f ? scale : 1.0f;
    const bool is_same = r->theta == theta && r->scale == f && r->dims == dims;
    size_t size;
    if (is_same && n <= r->n) return true;
    if (is_same && n < 2 * r->n) n = 2 * r->n; /* texts that grow token by token */
    enc_rotary_clear(r);
    if (!enc_mem_mul(n, dims, &size)) return false;
    float *at = enc_mem_array(size, sizeof *at);
    if (at == NULL) return false;
    *r = (enc_rotary){theta, f, dims, n, at};
    fill(r);
    return true;
}

void enc_rotary_clear(enc_rotary *r)
{
    enc_mem_free(r->at);
    *r = (enc_rotary){0};
}

void enc_rotary_turn(const enc_rotary *r, size_t place, float *heads, size_t n_heads,
                     size_t head_dims)
{
    const size_t half = r->dims / 2;
    const float *cosine = r->at + place * r->dims, *sine = cosine + half;
    for (size_t h = 0; h < n_heads; h++) {
        float *restrict x = heads + h * head_dims, *restrict y = x + half;
        for (size_t m = 0; m < half; m++) {
            const float a = x[m], b = y[m];
            x[m] = a * cosine[m] - b * sine[m];
            y[m] = b * cosine[m] + a * sine[m];
        }
    }
}
