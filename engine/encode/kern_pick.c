/* kern_pick.c - which table of kern.h this CPU runs. */
#include "encode/kern.h"

#include <stdlib.h>
#include <string.h>

/* Asks for the instructions and for the system's leave to use their registers. */
static bool is_runnable(const enc_kern *k)
{
    if (k == NULL) return false;
    if (k == &enc_kern_plain) return true;
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (k == enc_kern_avx2) return has_avx2;
    return has_avx2 && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
#else
    return false;
#endif
}

/* Fastest first. */
static const enc_kern *kern_at(size_t i)
{
    return i == 0   ? enc_kern_avx512
           : i == 1 ? enc_kern_avx2
           : i == 2 ? &enc_kern_plain
                    : NULL;
}

const enc_kern *enc_kern_find(const char *name)
{
    for (size_t i = 0; i < 3; i++)
        if (is_runnable(kern_at(i)) && strcmp(kern_at(i)->name, name) == 0)
            return kern_at(i);
    return NULL;
}

const enc_kern *enc_kern_pick(void)
{
    const char *wanted = getenv("ENCODER_KERNEL");
    const enc_kern *k = wanted != NULL ? enc_kern_find(wanted) : NULL;
    for (size_t i = 0; k == NULL; i++)
        if (is_runnable(kern_at(i))) k = kern_at(i);
    return k;
}
