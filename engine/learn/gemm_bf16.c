/* gemm_bf16.c - the products of training in bfloat16 with sums in f32, for CPUs that have
 * AVX512-BF16: twice the speed of f32, and enough precision for gradients (Kalamkar et
 * al. 2019, A Study of BFLOAT16 for Deep Learning Training).
 *
 * A pair of neighbours along K is one 32-bit word, as VDPBF16PS wants it. A is rounded to
 * such pairs where it stands (by row, or by column if transposed) and read by broadcast;
 * B is laid in panels of 64 columns, one row of pairs after the other. The kernel keeps 6
 * x 64 sums in registers. Blocks of B stay in the second-level cache. */
#include "learn/gemm.h"

#include <string.h>

#if defined(__AVX512BF16__)
#include <immintrin.h>

#define ROWS    6   /* of C in registers */
#define COLUMNS 64  /* of C in registers: four vectors */
#define BLOCK_K 512 /* pairs */
#define BLOCK_N 256 /* columns of B packed at a time */

typedef struct pairs { /* A as pairs: element (m, pair) at base[m * by_m + pair * by_pair]
                        */
    const uint32_t *base;
    size_t by_m, by_pair;
} pairs;

/* Two floats to a pair, the first in the low half; round to nearest, ties to even. */
static inline __m512i pair_of(__m512 first, __m512 second)
{
    __m256i low = (__m256i)_mm512_cvtneps_pbh(first);
    __m256i high = (__m256i)_mm512_cvtneps_pbh(second);
    return _mm512_or_si512(_mm512_cvtepu16_epi32(low),
                           _mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16));
}

static inline __mmask16 first_lanes(size_t n)
{
    return (__mmask16)(n >= 16 ? 0xffffu : (1u << n) - 1u);
}

/* Rows k and k+1 of a K x n matrix -> n pairs; a row past the end is zero. */
static void pair_rows(uint32_t *out, const float *x, size_t stride, bool has_second,
                      size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 m = first_lanes(n - i);
        __m512 a = _mm512_maskz_loadu_ps(m, x + i);
        __m512 b =
            has_second ? _mm512_maskz_loadu_ps(m, x + stride + i) : _mm512_setzero_ps();
        _mm512_mask_storeu_epi32(out + i, m, pair_of(a, b));
    }
}

/* Sixteen pairs along one row of n floats, from float 2 * at. */
static inline __m512i pairs_along(const float *x, size_t at, size_t n)
{
    size_t left = n - 2 * at;
    __m512 a = _mm512_maskz_loadu_ps(first_lanes(left), x + 2 * at);
    __m512 b = left > 16 ? _mm512_maskz_loadu_ps(first_lanes(left - 16), x + 2 * at + 16)
                         : _mm512_setzero_ps();
    return (__m512i)_mm512_cvtne2ps_pbh(b, a);
}

/* 16 x 16 words transposed in registers. */
static inline void transpose(__m512i r[16])
{
    __m512i t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
        r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
        r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
    }
}

/* n_cols columns of B, stored as rows of n x k floats -> a panel: for each pair 64 words.
 * Pairs [0, n_pairs); x points at the first float of the block in its first row. */
static void panel_of_rows(uint32_t *out, const float *x, size_t stride, size_t n_cols,
                          size_t n_floats)
{
    size_t n_pairs = (n_floats + 1) / 2;
    for (size_t c = 0; c < COLUMNS; c += 16)
        for (size_t p = 0; p < n_pairs; p += 16) {
            __m512i r[16];
            for (size_t i = 0; i < 16; i++)
                r[i] = c + i < n_cols ? pairs_along(x + (c + i) * stride, p, n_floats)
                                      : _mm512_setzero_si512();
            transpose(r);
            for (size_t i = 0; i < 16 && p + i < n_pairs; i++)
                _mm512_storeu_si512(out + (p + i) * COLUMNS + c, r[i]);
        }
}

/* The same for B stored as k x n. */
static void panel_of_columns(uint32_t *out, const float *x, size_t stride, size_t n_cols,
                             size_t n_floats)
{
    for (size_t k = 0; k < n_floats; k += 2) {
        uint32_t *row = out + k / 2 * COLUMNS;
        if (n_cols < COLUMNS) memset(row, 0, COLUMNS * sizeof *row);
        pair_rows(row, x + k * stride, stride, k + 1 < n_floats, n_cols);
    }
}

/* n_rows x 64 sums over n_pairs; n_rows is a constant where this is called. */
__attribute__((always_inline)) static inline void tile(float *c, size_t ldc, pairs a,
                                                       const uint32_t *b, size_t n_pairs,
                                                       size_t n_rows, size_t n_cols,
                                                       bool keep)
{
    __m512 sum[ROWS][4];
    for (size_t r = 0; r < n_rows; r++)
        for (size_t j = 0; j < 4; j++) sum[r][j] = _mm512_setzero_ps();
    for (size_t p = 0; p < n_pairs; p++, b += COLUMNS) {
        __m512bh w[4];
        for (size_t j = 0; j < 4; j++) w[j] = (__m512bh)_mm512_load_si512(b + 16 * j);
        for (size_t r = 0; r < n_rows; r++) {
            __m512bh x =
                (__m512bh)_mm512_set1_epi32((int)a.base[r * a.by_m + p * a.by_pair]);
            for (size_t j = 0; j < 4; j++)
                sum[r][j] = _mm512_dpbf16_ps(sum[r][j], w[j], x);
        }
    }
    for (size_t r = 0; r < n_rows; r++)
        for (size_t j = 0; j < 4 && 16 * j < n_cols; j++) {
            __mmask16 m = first_lanes(n_cols - 16 * j);
            float *at = c + r * ldc + 16 * j;
            __m512 y =
                keep ? _mm512_add_ps(_mm512_maskz_loadu_ps(m, at), sum[r][j]) : sum[r][j];
            _mm512_mask_storeu_ps(at, m, y);
        }
}

static void tile_rows(float *c, size_t ldc, pairs a, const uint32_t *b, size_t n_pairs,
                      size_t n_rows, size_t n_cols, bool keep)
{
    switch (n_rows) {
    case 6: tile(c, ldc, a, b, n_pairs, 6, n_cols, keep); break;
    case 5: tile(c, ldc, a, b, n_pairs, 5, n_cols, keep); break;
    case 4: tile(c, ldc, a, b, n_pairs, 4, n_cols, keep); break;
    case 3: tile(c, ldc, a, b, n_pairs, 3, n_cols, keep); break;
    case 2: tile(c, ldc, a, b, n_pairs, 2, n_cols, keep); break;
    case 1: tile(c, ldc, a, b, n_pairs, 1, n_cols, keep); break;
    default: break;
    }
}

/* The block of A that begins at float k, as pairs in `out`. */
static pairs pair_a(uint32_t *out, const enc_gemm *g, size_t k, size_t n_floats)
{
    size_t n_pairs = (n_floats + 1) / 2, by_m = (n_pairs + 15) & ~(size_t)15;
    if (g->a_trans) {
        for (size_t p = 0; p < n_pairs; p++)
            pair_rows(out + p * g->m, g->a + (k + 2 * p) * g->lda, g->lda,
                      2 * p + 1 < n_floats, g->m);
        return (pairs){out, 1, g->m};
    }
    for (size_t m = 0; m < g->m; m++)
        for (size_t p = 0; p < n_pairs; p += 16)
            _mm512_storeu_si512(out + m * by_m + p,
                                pairs_along(g->a + m * g->lda + k, p, n_floats));
    return (pairs){out, by_m, 1};
}

static void block(const enc_gemm *g, pairs a, uint32_t *packed, size_t k, size_t n_floats)
{
    size_t n_pairs = (n_floats + 1) / 2;
    bool keep = k > 0 || g->keep != 0.0f;
    for (size_t from = 0; from < g->n; from += BLOCK_N) {
        size_t n_block = g->n - from < BLOCK_N ? g->n - from : BLOCK_N;
        for (size_t j = 0; j < n_block; j += COLUMNS) {
            size_t n_cols = n_block - j < COLUMNS ? n_block - j : COLUMNS;
            uint32_t *panel = packed + j * n_pairs;
            if (g->b_trans)
                panel_of_rows(panel, g->b + (from + j) * g->ldb + k, g->ldb, n_cols,
                              n_floats);
            else
                panel_of_columns(panel, g->b + k * g->ldb + from + j, g->ldb, n_cols,
                                 n_floats);
        }
        for (size_t m = 0; m < g->m; m += ROWS)
            for (size_t j = 0; j < n_block; j += COLUMNS)
                tile_rows(g->c + m * g->ldc + from + j, g->ldc,
                          (pairs){a.base + m * a.by_m, a.by_m, a.by_pair},
                          packed + j * n_pairs, n_pairs,
                          g->m - m < ROWS ? g->m - m : ROWS,
                          n_block - j < COLUMNS ? n_block - j : COLUMNS, keep);
    }
}

bool enc_gemm_bf16(const enc_gemm *g)
{
    if (g->k == 0) return false; /* C = 0 * C, which the f32 kernels do */
    size_t n_pairs = (g->k + 1) / 2 < BLOCK_K ? (g->k + 1) / 2 : BLOCK_K;
    size_t width = (n_pairs + 15) & ~(size_t)15;
    uint32_t *packed = enc_gemm_room_of(g->room, BLOCK_N * n_pairs + (g->m + 16) * width);
    if (packed == NULL) return false;
    for (size_t k = 0; k < g->k; k += 2 * BLOCK_K) {
        size_t n = g->k - k < 2 * BLOCK_K ? g->k - k : 2 * BLOCK_K;
        pairs a = pair_a(packed + BLOCK_N * n_pairs, g, k, n);
        block(g, a, packed, k, n);
    }
    return true;
}

#else

bool enc_gemm_bf16(const enc_gemm *g)
{
    (void)g;
    return false;
}

#endif
