/* elem_avx2.c - the loops of training, compiled for AVX2 and FMA (see the Makefile). */
#if defined(__AVX2__)
#define ELEM_TABLE enc_elem_avx2
#define ELEM_NAME  "avx2"
#include "learn/elem.inc"
#else
typedef int elem_avx2_is_for_x86;
#endif
