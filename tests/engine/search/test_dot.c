/* test_dot.c - every kernel gives the integers of the plain one. */
#include "search/dot.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/rng.h"
#include "check.h"

/* Exactly n bytes, so that a sanitizer sees any access beside them. */
static int8_t *bytes_new(size_t n)
{
    int8_t *p = aligned_alloc(64, n);
    if (p == NULL) abort();
    return p;
}

static void compare(enc_dot *fast, size_t stride, size_t n, int how, enc_rng *r)
{
    int8_t *q = bytes_new(stride), *codes = bytes_new(stride * n);
    int32_t a[300], b[300];
    for (size_t i = 0; i < stride; i++)
        q[i] = (int8_t)(how == 0   ? (int)enc_rng_below(r, 255) - 127
                        : how == 1 ? 127
                                   : -127);
    for (size_t i = 0; i < stride * n; i++)
        codes[i] = (int8_t)(how == 0 ? (int)enc_rng_below(r, 255) - 127 : 127);
    memset(a, 1, sizeof a), memset(b, 2, sizeof b);
    enc_dot_plain(q, codes, stride, n, a);
    fast(q, codes, stride, n, b);
    CHECK_SAY(memcmp(a, b, n * sizeof *a) == 0, "%zu rows of %zu, case %d", n, stride,
              how);
    CHECK(b[n] == 0x02020202);
    if (how > 0) CHECK(a[0] == (how == 1 ? 1 : -1) * 127 * 127 * (int32_t)stride);
    free(q), free(codes);
}

static void kernels_agree_at_every_size(void)
{
    enc_rng r = {1};
    enc_dot *kernels[] = {enc_dot_plain, enc_dot_pick()};
    for (size_t k = 0; k < 2; k++) {
        for (int how = 0; how < 3; how++) {
            for (size_t stride = 64; stride <= 512; stride += 64)
                for (size_t n = 1; n < 10; n++) compare(kernels[k], stride, n, how, &r);
            compare(kernels[k], 384, 256, how, &r);
            compare(kernels[k], ENC_DIMS_MAX, 5, how, &r);
        }
    }
}

/* Halves of all there are, or the greatest, which tries the sums of 16 bits. */
static void compare_halves(size_t stride, size_t n, int how, enc_rng *r)
{
    int8_t *q = bytes_new(stride);
    uint8_t *halves = (uint8_t *)bytes_new((stride * n / 2 + 63) & ~(size_t)63);
    int32_t a[300], b[300];
    for (size_t i = 0; i < stride; i++)
        q[i] = (int8_t)(how == 0   ? (int)enc_rng_below(r, 255) - 127
                        : how == 1 ? 127
                                   : -127);
    for (size_t i = 0; i < stride * n / 2; i++)
        halves[i] = (uint8_t)(how == 0 ? enc_rng_below(r, 256) : 255);
    memset(a, 1, sizeof a), memset(b, 2, sizeof b);
    enc_dot_half_plain(q, halves, stride, n, a);
    enc_dot_half_pick()(q, halves, stride, n, b);
    CHECK_SAY(memcmp(a, b, n * sizeof *a) == 0, "%zu rows of %zu halves, case %d", n,
              stride, how);
    CHECK(b[n] == 0x02020202);
    if (how > 0) CHECK(a[0] == (how == 1 ? 1 : -1) * 127 * 15 * (int32_t)stride);
    free(q), free(halves);
}

static void kernels_of_halves_agree_at_every_size(void)
{
    enc_rng r = {2};
    for (int how = 0; how < 3; how++) {
        for (size_t stride = 64; stride <= 832; stride += 64)
            for (size_t n = 1; n < 10; n++) compare_halves(stride, n, how, &r);
        compare_halves(384, 256, how, &r);
        compare_halves(ENC_DIMS_MAX, 5, how, &r);
    }
}

static void the_plain_kernel_can_be_asked_for(void)
{
    setenv("ENCODER_KERNEL", "plain", 1);
    CHECK(enc_dot_pick() == enc_dot_plain);
    CHECK(enc_dot_half_pick() == enc_dot_half_plain);
    unsetenv("ENCODER_KERNEL");
}

int main(void)
{
    kernels_agree_at_every_size();
    kernels_of_halves_agree_at_every_size();
    the_plain_kernel_can_be_asked_for();
    return check_done("dot");
}
