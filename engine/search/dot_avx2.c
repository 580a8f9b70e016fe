/* dot_avx2.c - dot_fast.inc for AVX2. */
#include "search/dot.h"

#if defined(__AVX2__)

#define DOT_NAME "avx2"
#include "search/dot_wide256.inc"

#include "search/dot_fast.inc"

const enc_dot *const enc_dot_avx2 = &table;
#else
const enc_dot *const enc_dot_avx2 = NULL;
#endif
