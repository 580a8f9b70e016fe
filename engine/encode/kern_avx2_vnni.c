/* kern_avx2_vnni.c - kern_fast.inc for AVX2 with AVX-VNNI: bytes by bytes in one go. */
#include "encode/kern.h"

#ifdef HAS_AVX2

#define KERN_NAME "avx2-vnni"
#include "encode/wide_avx2.inc"

#include "encode/kern_fast.inc"

const enc_kern *const enc_kern_avx2_vnni = &table;
#else
const enc_kern *const enc_kern_avx2_vnni = NULL;
#endif
