/* elem_avx512.c - the loops of training, compiled for AVX-512 (see the Makefile). */
#if defined(__AVX512F__)
#define ELEM_TABLE enc_elem_avx512
#define ELEM_NAME  "avx512"
#include "learn/elem.inc"
#else
typedef int elem_avx512_is_for_x86;
#endif
