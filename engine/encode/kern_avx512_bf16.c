/* kern_avx512_bf16.c - kern_fast.inc for AVX-512 with VNNI and bf16 products. */
#include "encode/kern.h"

#ifdef HAS_AVX512

#define KERN_NAME "avx512-bf16"
#include "encode/wide_avx512.inc"

#include "encode/kern_fast.inc"

const enc_kern *const enc_kern_avx512_bf16 = &table;
#else
const enc_kern *const enc_kern_avx512_bf16 = NULL;
#endif
