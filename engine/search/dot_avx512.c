/* dot_avx512.c - dot_fast.inc for AVX-512. */
#include "search/dot.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__)

#define DOT_NAME "avx512"
#include "search/dot_wide512.inc"

#include "search/dot_fast.inc"

const enc_dot *const enc_dot_avx512 = &table;
#else
const enc_dot *const enc_dot_avx512 = NULL;
#endif
