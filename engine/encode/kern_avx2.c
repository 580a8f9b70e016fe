/* kern_avx2.c - kern_fast.inc for AVX2 and FMA: sixteen floats are two registers of 16.
 */
#include "encode/kern.h"

#if defined(__AVX2__) && defined(__FMA__)

#include <immintrin.h>

#define KERN_NAME "avx2"
#define TILE_ROWS 3 /* 12 sums, and room for half a row of weights and of x */
#define TILE_COLS 2

typedef struct wide {
    __m256 lo, hi;
} wide;
#define WIDE          static inline __attribute__((always_inline))
#define EACH(f, a, b) ((wide){f((a).lo, (b).lo), f((a).hi, (b).hi)})

WIDE __m256i lanes(size_t n) /* the first n of eight */
{
    static const int32_t edge[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(edge + 8 - (n < 8 ? n : 8)));
}

WIDE size_t above(size_t n)
{
    return n < 8 ? 0 : n - 8;
}

WIDE wide w_all(float x)
{
    return (wide){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}
WIDE wide w_load(const float *p)
{
    return (wide){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}

WIDE void w_store(float *p, wide v)
{
    _mm256_storeu_ps(p, v.lo);
    _mm256_storeu_ps(p + 8, v.hi);
}

WIDE wide w_load_part(const float *p, size_t n)
{
    return (wide){_mm256_maskload_ps(p, lanes(n)),
                  _mm256_maskload_ps(p + 8, lanes(above(n)))};
}

WIDE void w_store_part(float *p, wide v, size_t n)
{
    _mm256_maskstore_ps(p, lanes(n), v.lo);
    _mm256_maskstore_ps(p + 8, lanes(above(n)), v.hi);
}

WIDE wide w_fma(wide a, wide b, wide c)
{
    return (wide){_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}

WIDE wide w_add(wide a, wide b)
{
    return EACH(_mm256_add_ps, a, b);
}
WIDE wide w_sub(wide a, wide b)
{
    return EACH(_mm256_sub_ps, a, b);
}
WIDE wide w_mul(wide a, wide b)
{
    return EACH(_mm256_mul_ps, a, b);
}
WIDE wide w_div(wide a, wide b)
{
    return EACH(_mm256_div_ps, a, b);
}
WIDE wide w_min(wide a, wide b)
{
    return EACH(_mm256_min_ps, a, b);
} /* b if either is NaN */
WIDE wide w_max(wide a, wide b)
{
    return EACH(_mm256_max_ps, a, b);
}
WIDE wide w_round(wide a)
{
    return (wide){_mm256_round_ps(a.lo, 8), _mm256_round_ps(a.hi, 8)};
}

/* Lanes below n of a, zero or b above. */
WIDE wide w_pick(size_t n, wide a, wide b)
{
    return (wide){_mm256_blendv_ps(b.lo, a.lo, _mm256_castsi256_ps(lanes(n))),
                  _mm256_blendv_ps(b.hi, a.hi, _mm256_castsi256_ps(lanes(above(n))))};
}

WIDE wide w_first(wide a, size_t n)
{
    return w_pick(n, a, w_all(0.0f));
}

WIDE __m256 pow2_half(__m256 n)
{
    __m256i e = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(e, 23));
}

WIDE wide w_pow2(wide n) /* whole numbers in [-126, 127] */
{
    return (wide){pow2_half(n.lo), pow2_half(n.hi)};
}

typedef __m256 reg;
#define REGS        2
#define W_REG(v, h) (*((h) ? &(v).hi : &(v).lo))
#define r_load      _mm256_loadu_ps
#define r_fma       _mm256_fmadd_ps

WIDE reg r_load_i8(const int8_t *p)
{
    __m128i v = _mm_loadl_epi64((const __m128i *)p);
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(v));
}

WIDE wide w_load_i8(const int8_t *p)
{
    return (wide){r_load_i8(p), r_load_i8(p + 8)};
}

WIDE __m256 w_fold(wide v)
{
    return _mm256_add_ps(v.lo, v.hi);
} /* lane i + lane i + 8 */

#include "encode/kern_fast.inc"

const enc_kern *const enc_kern_avx2 = &table;
#else
const enc_kern *const enc_kern_avx2 = NULL;
#endif
