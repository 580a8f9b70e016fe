/* dot.c - see dot.h. */
#include "search/dot.h"

#include <stdbool.h>
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

void enc_dot_half_plain(const int8_t *q, const uint8_t *halves, size_t stride, size_t n,
                        int32_t *out)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t *h = halves + i * (stride / 2);
        int32_t sum = 0;
        for (size_t j = 0; j < stride; j += 64, h += 32)
            for (size_t l = 0; l < 32; l++)
                sum += (int32_t)q[j + l] * (h[l] & 15) +
                       (int32_t)q[j + 32 + l] * (h[l] >> 4);
        out[i] = sum;
    }
}

static bool has_avx2(void)
{
#if defined(__x86_64__) || defined(__i386__)
    const char *wanted = getenv("ENCODER_KERNEL");
    __builtin_cpu_init();
    return enc_dot_avx2 != NULL && __builtin_cpu_supports("avx2") &&
           (wanted == NULL || strcmp(wanted, "plain") != 0);
#else
    return false;
#endif
}

enc_dot *enc_dot_pick(void)
{
    return has_avx2() ? enc_dot_avx2 : enc_dot_plain;
}

enc_dot_half *enc_dot_half_pick(void)
{
    return has_avx2() ? enc_dot_half_avx2 : enc_dot_half_plain;
}
