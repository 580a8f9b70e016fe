/* immintrin.h - the instructions of newer CPUs, in portable C (SIMDe), for tests.
 *
 * A kernel that is compiled with -Itests/simde in front computes with these instead of
 * the CPU's own, so that what is written for AVX-512 is checked wherever the tests run.
 */
#ifndef TESTS_SIMDE_IMMINTRIN_H
#define TESTS_SIMDE_IMMINTRIN_H

#include <math.h>
#include <stdint.h>

#if !defined(SIMDE_NO_NATIVE) && (defined(__x86_64__) || defined(__i386__))
#include_next <immintrin.h> /* what the CPU has, SIMDe uses */
#endif

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx2.h>
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>
#ifndef _mm256_dpbusd_avx_epi32 /* AVX-VNNI's name for it */
#define _mm256_dpbusd_avx_epi32 simde_mm256_dpbusd_epi32
#endif
#pragma GCC diagnostic pop

/* What SIMDe has not, or has wrong. */
static inline __attribute__((unused)) simde__m512 tests_maskz_loadu_ps(unsigned mask,
                                                                       const float *p)
{
    float f[16];
    for (int i = 0; i < 16; i++) f[i] = (mask >> i & 1) != 0 ? p[i] : 0.0f;
    return simde_mm512_loadu_ps(f);
}

static inline __attribute__((unused)) void tests_mask_storeu_ps(float *p, unsigned mask,
                                                                simde__m512 v)
{
    float f[16];
    simde_mm512_storeu_ps(f, v);
    for (int i = 0; i < 16; i++)
        if ((mask >> i & 1) != 0) p[i] = f[i];
}

static inline __attribute__((unused)) simde__m256 tests_extractf32x8_ps(simde__m512 v,
                                                                        int half)
{
    float f[16];
    simde_mm512_storeu_ps(f, v);
    return simde_mm256_loadu_ps(f + 8 * half);
}

/* Each lane by itself, in its place in memory. */
#define TESTS_LANES(name, from, to, from_t, to_t, load, store, value)                    \
    static inline __attribute__((unused)) to name(from v)                                \
    {                                                                                    \
        from_t a[16];                                                                    \
        to_t b[16];                                                                      \
        store((void *)a, v);                                                             \
        for (int i = 0; i < 16; i++) b[i] = (to_t)(value);                               \
        return load((void *)b);                                                          \
    }
TESTS_LANES(tests_cvtepi32_ps, simde__m512i, simde__m512, int32_t, float,
            simde_mm512_loadu_ps, simde_mm512_storeu_si512, a[i])
TESTS_LANES(tests_cvtps_epi32, simde__m512, simde__m512i, float, int32_t,
            simde_mm512_loadu_si512, simde_mm512_storeu_ps,
            a[i] >= -0x1p31f && a[i] < 0x1p31f ? lrintf(a[i]) : INT32_MIN)
TESTS_LANES(tests_cvtepi8_epi32, simde__m128i, simde__m512i, int8_t, int32_t,
            simde_mm512_loadu_si512, simde_mm_storeu_si128, a[i])
TESTS_LANES(tests_cvtepi32_epi16, simde__m512i, simde__m256i, int32_t, int16_t,
            simde_mm256_loadu_si256, simde_mm512_storeu_si512, a[i])
TESTS_LANES(tests_cvtusepi32_epi8, simde__m512i, simde__m128i, uint32_t, uint8_t,
            simde_mm_loadu_si128, simde_mm512_storeu_si512, a[i] > 255 ? 255 : a[i])

#define _mm512_cvtepi32_ps     tests_cvtepi32_ps
#define _mm512_cvtps_epi32     tests_cvtps_epi32
#define _mm512_cvtepi8_epi32   tests_cvtepi8_epi32
#define _mm512_cvtepi32_epi16  tests_cvtepi32_epi16
#define _mm512_cvtusepi32_epi8 tests_cvtusepi32_epi8

#define _mm512_extractf32x8_ps tests_extractf32x8_ps

#undef _mm512_maskz_loadu_ps
#define _mm512_maskz_loadu_ps tests_maskz_loadu_ps
#undef _mm512_mask_storeu_ps
#define _mm512_mask_storeu_ps tests_mask_storeu_ps
#undef _mm512_madd_epi16
#define _mm512_madd_epi16 simde_mm512_madd_epi16

#endif
