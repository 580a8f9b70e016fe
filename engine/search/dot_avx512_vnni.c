/* dot_avx512_vnni.c - dot_fast.inc for AVX-512 with VNNI. */
#include "search/dot.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VNNI__)

#define DOT_NAME "avx512-vnni"
#define DOT_VNNI
#include "search/dot_wide512.inc"

#include "search/dot_fast.inc"

const enc_dot *const enc_dot_avx512_vnni = &table;
#else
const enc_dot *const enc_dot_avx512_vnni = NULL;
#endif
