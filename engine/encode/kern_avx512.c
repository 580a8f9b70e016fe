/* kern_avx512.c - kern_fast.inc for AVX-512: sixteen floats are one register of 32. */
#include "encode/kern.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) &&            \
    defined(__AVX512VL__)

#include <immintrin.h>

#define KERN_NAME "avx512"
#define TILE_ROWS 6 /* 24 sums, 4 weights, 1 of x */
#define TILE_COLS 4

typedef __m512 wide;
#define WIDE static inline __attribute__((always_inline))

WIDE __mmask16 lanes(size_t n) /* the first n of sixteen */
{
    return (__mmask16)(n >= 16 ? 0xffffu : (1u << n) - 1);
}

WIDE wide w_all(float x)
{
    return _mm512_set1_ps(x);
}
WIDE wide w_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
WIDE void w_store(float *p, wide v)
{
    _mm512_storeu_ps(p, v);
}
WIDE wide w_load_part(const float *p, size_t n)
{
    return _mm512_maskz_loadu_ps(lanes(n), p);
}
WIDE void w_store_part(float *p, wide v, size_t n)
{
    _mm512_mask_storeu_ps(p, lanes(n), v);
}
WIDE wide w_fma(wide a, wide b, wide c)
{
    return _mm512_fmadd_ps(a, b, c);
}
WIDE wide w_add(wide a, wide b)
{
    return _mm512_add_ps(a, b);
}
WIDE wide w_sub(wide a, wide b)
{
    return _mm512_sub_ps(a, b);
}
WIDE wide w_mul(wide a, wide b)
{
    return _mm512_mul_ps(a, b);
}
WIDE wide w_div(wide a, wide b)
{
    return _mm512_div_ps(a, b);
}
WIDE wide w_min(wide a, wide b)
{
    return _mm512_min_ps(a, b);
} /* b if either is NaN */
WIDE wide w_max(wide a, wide b)
{
    return _mm512_max_ps(a, b);
}
WIDE wide w_round(wide a)
{
    return _mm512_roundscale_ps(a, 8);
}

/* Lanes below n of a, zero or b above. */
WIDE wide w_first(wide a, size_t n)
{
    return _mm512_maskz_mov_ps(lanes(n), a);
}
WIDE wide w_pick(size_t n, wide a, wide b)
{
    return _mm512_mask_mov_ps(b, lanes(n), a);
}

WIDE wide w_pow2(wide n) /* whole numbers in [-126, 127] */
{
    __m512i e = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(e, 23));
}

WIDE wide w_load_i8(const int8_t *p)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}

typedef wide reg;
#define REGS        1
#define W_REG(v, h) (v)
#define r_load      w_load
#define r_load_i8   w_load_i8
#define r_fma       w_fma

WIDE __m256 w_fold(wide v) /* lane i + lane i + 8 */
{
    return _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
}

#include "encode/kern_fast.inc"

const enc_kern *const enc_kern_avx512 = &table;
#else
const enc_kern *const enc_kern_avx512 = NULL;
#endif
