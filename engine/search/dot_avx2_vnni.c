/* dot_avx2_vnni.c - dot_fast.inc for AVX2 with VNNI. */
#include "search/dot.h"

#if defined(__AVX2__) && defined(__AVXVNNI__)

#define DOT_NAME "avx2-vnni"
#define DOT_VNNI
#include "search/dot_wide256.inc"

#include "search/dot_fast.inc"

const enc_dot *const enc_dot_avx2_vnni = &table;
#else
const enc_dot *const enc_dot_avx2_vnni = NULL;
#endif
