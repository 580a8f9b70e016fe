/* elem_plain.c - the loops of training for any CPU, and the choice among the tables. */
#define ELEM_TABLE enc_elem_plain
#define ELEM_NAME  "plain"
#include "learn/elem.inc"

const enc_elem *enc_elem_pick(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
        return &enc_elem_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &enc_elem_avx2;
#endif
    return &enc_elem_plain;
}
