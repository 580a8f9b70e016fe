/* gemm_avx2.c - the products of training in f32, compiled for AVX2 and FMA (see the
 * Makefile): twelve sums, two factors and a broadcast fill its sixteen registers. */
#if defined(__AVX2__)
#define GEMM_NAME enc_gemm_avx2
#define LANES     8
#define ROWS      6
#include "learn/gemm_f32.inc"
#else
typedef int gemm_avx2_is_for_x86;
#endif
