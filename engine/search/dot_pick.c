/* dot_pick.c - which table of dot.h this CPU runs. */
#include "search/dot.h"

#include <stdbool.h>
#include <string.h>

#include "base/env.h"

#if defined(__x86_64__) || defined(__i386__)
#if defined(__clang__)
#include <cpuid.h>

/* Leaf 7.1: not every clang's __builtin_cpu_supports knows the name. */
static bool has_avx_vnni(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1) != 0;
}
#else
static bool has_avx_vnni(void) /* from memory: to ask the CPU itself takes long */
{
    return __builtin_cpu_supports("avxvnni");
}
#endif

/* Asks for the instructions and for the system's leave to use their registers. */
static bool is_runnable(const enc_dot *t)
{
    if (t == &enc_dot_plain) return true;
    __builtin_cpu_init();
    bool has_avx2 = __builtin_cpu_supports("avx2");
    bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
    if (t == enc_dot_avx2) return has_avx2;
    if (t == enc_dot_avx2_vnni) return has_avx2 && has_avx_vnni();
    if (t == enc_dot_avx512) return has_avx512;
    return has_avx512 && __builtin_cpu_supports("avx512vnni");
}
#else
static bool is_runnable(const enc_dot *t)
{
    return t == &enc_dot_plain;
}
#endif

#define N_TABLES 5

/* Fastest first. */
static const enc_dot *dot_at(size_t i)
{
    const enc_dot *const all[N_TABLES] = {enc_dot_avx512_vnni, enc_dot_avx512,
                                          enc_dot_avx2_vnni, enc_dot_avx2,
                                          &enc_dot_plain};
    return all[i] != NULL && is_runnable(all[i]) ? all[i] : NULL;
}

const enc_dot *enc_dot_find(const char *name)
{
    for (size_t i = 0; i < N_TABLES; i++)
        if (dot_at(i) != NULL && strcmp(dot_at(i)->name, name) == 0) return dot_at(i);
    return NULL;
}

const enc_dot *enc_dot_pick(void)
{
    const enc_dot *t = enc_dot_find(enc_env_get(ENC_ENV_KERNEL));
    for (size_t i = 0; t == NULL; i++) t = dot_at(i);
    return t;
}
