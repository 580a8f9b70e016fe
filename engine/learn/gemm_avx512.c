/* gemm_avx512.c - the products of training in f32, compiled for AVX-512 (see the
 * Makefile). */
#if defined(__AVX512F__)
#define GEMM_NAME enc_gemm_avx512
#define LANES     16
#define ROWS      8
#include "learn/gemm_f32.inc"
#else
typedef int gemm_avx512_is_for_x86;
#endif
