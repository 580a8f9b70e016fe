/* kern_avx2.c - kern_fast.inc for AVX2 and FMA. */
#include "encode/kern.h"

#ifdef HAS_AVX2

#define KERN_NAME "avx2"
#include "encode/wide_avx2.inc"

#include "encode/kern_fast.inc"

const enc_kern *const enc_kern_avx2 = &table;
#else
const enc_kern *const enc_kern_avx2 = NULL;
#endif
