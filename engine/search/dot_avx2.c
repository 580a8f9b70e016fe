/* dot_avx2.c - see dot.h; for AVX2 (compiled so, see the Makefile).
 *
 * vpmaddubsw multiplies unsigned by signed bytes and adds pairs in 16 bits. With |c| and
 * the sign of c moved onto q, a pair is at most 2 * 127 * 127 = 32258: nothing saturates.
 *
 * Four rows are taken together, so that their sums are turned into one vector at the end
 * and the query is loaded once for all. Codes are read once each from memory: the loop
 * asks for them PREFETCH bytes ahead, for the hardware does not look past a 4 KB page. */
#include "search/dot.h"

#if defined(__AVX2__)

#include <immintrin.h>

#define PREFETCH 4096
#define STEP     64

/* s + the products of 32 codes, in eight sums. */
static inline __m256i add_products(__m256i s, __m256i q, const int8_t *at)
{
    __m256i c = _mm256_load_si256((const __m256i *)at);
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(c), _mm256_sign_epi8(q, c));
    return _mm256_add_epi32(s, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/* Four sums, each of eight parts. */
static inline void store_sums(const __m256i s[4], int32_t *out)
{
    __m256i s01 = _mm256_hadd_epi32(s[0], s[1]), s23 = _mm256_hadd_epi32(s[2], s[3]);
    __m256i all = _mm256_hadd_epi32(s01, s23);
    _mm_storeu_si128((__m128i *)out, _mm_add_epi32(_mm256_castsi256_si128(all),
                                                   _mm256_extracti128_si256(all, 1)));
}

static void four_rows(const int8_t *q, const int8_t *c, size_t stride, int32_t *out)
{
    __m256i s[4];
    for (int i = 0; i < 4; i++) s[i] = _mm256_setzero_si256();
    for (size_t j = 0; j < stride; j += STEP) {
        __m256i q0 = _mm256_load_si256((const __m256i *)(q + j));
        __m256i q1 = _mm256_load_si256((const __m256i *)(q + j + STEP / 2));
        for (size_t i = 0; i < 4; i++) {
            const int8_t *at = c + i * stride + j;
            _mm_prefetch((const char *)at + PREFETCH, _MM_HINT_T0);
            s[i] = add_products(s[i], q0, at);
            s[i] = add_products(s[i], q1, at + STEP / 2);
        }
    }
    store_sums(s, out);
}

static int32_t one_row(const int8_t *q, const int8_t *c, size_t stride)
{
    __m256i s = _mm256_setzero_si256(), t = s;
    for (size_t j = 0; j < stride; j += STEP) {
        s = add_products(s, _mm256_load_si256((const __m256i *)(q + j)), c + j);
        t = add_products(t, _mm256_load_si256((const __m256i *)(q + j + STEP / 2)),
                         c + j + STEP / 2);
    }
    s = _mm256_add_epi32(s, t);
    __m128i h = _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
    h = _mm_hadd_epi32(h, h);
    return _mm_cvtsi128_si32(_mm_hadd_epi32(h, h));
}

static void dot_avx2(const int8_t *q, const int8_t *codes, size_t stride, size_t n,
                     int32_t *out)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4) four_rows(q, codes + i * stride, stride, out + i);
    for (; i < n; i++) out[i] = one_row(q, codes + i * stride, stride);
}

/* s + the products of 64 halves, in 16 sums of 16 bits. A pair is at most 2 * 15 * 127 =
 * 3810 and a step adds two, so that four steps fit. */
static inline __m256i add_halves(__m256i s, __m256i q0, __m256i q1, const uint8_t *at)
{
    const __m256i low = _mm256_set1_epi8(15);
    __m256i h = _mm256_load_si256((const __m256i *)at);
    __m256i a = _mm256_and_si256(h, low);
    __m256i b = _mm256_and_si256(_mm256_srli_epi16(h, 4), low);
    return _mm256_add_epi16(
        s, _mm256_add_epi16(_mm256_maddubs_epi16(a, q0), _mm256_maddubs_epi16(b, q1)));
}

/* Sums of `rows` rows, at most 4, each in eight parts. */
static inline void half_rows(const int8_t *q, const uint8_t *h, size_t stride,
                             size_t rows, __m256i *s)
{
    const __m256i one = _mm256_set1_epi16(1);
    for (size_t i = 0; i < rows; i++) s[i] = _mm256_setzero_si256();
    for (size_t j = 0; j < stride;) {
        size_t end = stride - j > 4 * STEP ? j + 4 * STEP : stride;
        __m256i t[4];
        for (size_t i = 0; i < rows; i++) t[i] = _mm256_setzero_si256();
        for (; j < end; j += STEP) {
            __m256i q0 = _mm256_load_si256((const __m256i *)(q + j));
            __m256i q1 = _mm256_load_si256((const __m256i *)(q + j + STEP / 2));
            for (size_t i = 0; i < rows; i++) {
                const uint8_t *at = h + (i * stride + j) / 2;
                _mm_prefetch((const char *)at + PREFETCH, _MM_HINT_T0);
                t[i] = add_halves(t[i], q0, q1, at);
            }
        }
        for (size_t i = 0; i < rows; i++)
            s[i] = _mm256_add_epi32(s[i], _mm256_madd_epi16(t[i], one));
    }
}

static void dot_half_avx2(const int8_t *q, const uint8_t *halves, size_t stride, size_t n,
                          int32_t *out)
{
    __m256i s[4];
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        half_rows(q, halves + i * stride / 2, stride, 4, s);
        store_sums(s, out + i);
    }
    for (; i < n; i++) {
        int32_t sums[4];
        half_rows(q, halves + i * stride / 2, stride, 1, s);
        s[1] = s[2] = s[3] = _mm256_setzero_si256();
        store_sums(s, sums);
        out[i] = sums[0];
    }
}

enc_dot *const enc_dot_avx2 = dot_avx2;
enc_dot_half *const enc_dot_half_avx2 = dot_half_avx2;

#else

enc_dot *const enc_dot_avx2 = NULL;
enc_dot_half *const enc_dot_half_avx2 = NULL;

#endif
