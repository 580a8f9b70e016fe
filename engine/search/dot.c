/* dot.c - see dot.h. */
#include "search/dot.h"

#include <stdlib.h>
#include <string.h>

void enc_dot_plain(const int8_t *q, const int8_t *codes, size_t stride, size_t n,
                   int32_t *out)
{
    for (size_t i = 0; i < n; i++) {
        const int8_t *c = codes + i * stride;
        int32_t sum = 0;
        for (size_t j = 0; j < stride; j++) sum += (int32_t)q[j] * (int32_t)c[j];
        out[i] = sum;
    }
}

enc_dot *enc_dot_pick(void)
{
#if defined(__x86_64__) || defined(__i386__)
    const char *wanted = getenv("ENCODER_KERNEL");
    __builtin_cpu_init();
    if (enc_dot_avx2 != NULL && __builtin_cpu_supports("avx2") &&
        (wanted == NULL || strcmp(wanted, "plain") != 0))
        return enc_dot_avx2;
#endif
    return enc_dot_plain;
}
