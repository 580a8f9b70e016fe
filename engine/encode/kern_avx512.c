/* kern_avx512.c - kern_fast.inc for AVX-512. */
#include "encode/kern.h"

#ifdef HAS_AVX512

#define KERN_NAME "avx512"
#include "encode/wide_avx512.inc"

#include "encode/kern_fast.inc"

const enc_kern *const enc_kern_avx512 = &table;
#else
const enc_kern *const enc_kern_avx512 = NULL;
#endif
