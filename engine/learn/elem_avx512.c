/* elem_avx512.c - the loops of training, compiled for AVX-512 (see the Makefile). */
#define ELEM_TABLE enc_elem_avx512
#define ELEM_NAME  "avx512"
#include "learn/elem.inc"
