/* kern_avx512_vnni.c - kern_fast.inc for AVX-512 with VNNI: bytes by bytes in one go. */
#include "encode/kern.h"

#ifdef HAS_AVX512

#define KERN_NAME "avx512-vnni"
#include "encode/wide_avx512.inc"

#include "encode/kern_fast.inc"

const enc_kern *const enc_kern_avx512_vnni = &table;
#else
const enc_kern *const enc_kern_avx512_vnni = NULL;
#endif
