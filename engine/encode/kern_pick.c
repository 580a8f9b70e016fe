/* kern_pick.c - which table of kern.h this CPU runs. */
#include "encode/kern.h"

#include <string.h>

#include "base/env.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

/* AVX-VNNI, which older compilers' __builtin_cpu_supports does not know: leaf 7.1. */
static bool has_avx_vnni(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1) != 0;
}

/* Asks for the instructions and for the system's leave to use their registers. */
static bool is_runnable(const enc_kern *k)
{
    if (k == &enc_kern_plain) return true;
    __builtin_cpu_init();
    bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
    if (k == enc_kern_avx2) return has_avx2;
    if (k == enc_kern_avx2_vnni) return has_avx2 && has_avx_vnni();
    if (k == enc_kern_avx512) return has_avx512;
    has_avx512 = has_avx512 && __builtin_cpu_supports("avx512vnni");
    if (k == enc_kern_avx512_vnni) return has_avx512;
    return has_avx512 && __builtin_cpu_supports("avx512bf16");
}
#else
static bool is_runnable(const enc_kern *k)
{
    return k == &enc_kern_plain;
}
#endif

#define N_TABLES 6

/* Fastest first. */
static const enc_kern *kern_at(size_t i)
{
    const enc_kern *const all[N_TABLES] = {enc_kern_avx512_bf16, enc_kern_avx512_vnni,
                                           enc_kern_avx512,      enc_kern_avx2_vnni,
                                           enc_kern_avx2,        &enc_kern_plain};
    return all[i] != NULL && is_runnable(all[i]) ? all[i] : NULL;
}

const enc_kern *enc_kern_find(const char *name)
{
    for (size_t i = 0; i < N_TABLES; i++)
        if (kern_at(i) != NULL && strcmp(kern_at(i)->name, name) == 0) return kern_at(i);
    return NULL;
}

const enc_kern *enc_kern_pick(void)
{
    const enc_kern *k = enc_kern_find(enc_env_get(ENC_ENV_KERNEL));
    for (size_t i = 0; k == NULL; i++) k = kern_at(i);
    return k;
}
