/* dot.c - the plain table of dot.h. */
#include "search/dot.h"

static void codes(const int8_t *q, const int8_t *rows, size_t stride, size_t n,
                  int32_t *out)
{
    for (size_t i = 0; i < n; i++) {
        const int8_t *c = rows + i * stride;
        int32_t sum = 0;
        for (size_t j = 0; j < stride; j++) sum += (int32_t)q[j] * (int32_t)c[j];
        out[i] = sum;
    }
}

static void halves(const int8_t *q, const uint8_t *rows, size_t stride, size_t n,
                   const uint8_t *next, int32_t *out)
{
    (void)next;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *h = rows + i * (stride / 2);
        int32_t sum = 0;
        for (size_t j = 0; j < stride; j += 64, h += 32)
            for (size_t l = 0; l < 32; l++)
                sum += (int32_t)q[j + l] * (h[l] & 15) +
                       (int32_t)q[j + 32 + l] * (h[l] >> 4);
        out[i] = sum;
    }
}

static uint32_t sift(const enc_sift *s, const enc_sift_rows *rows)
{
    uint32_t may_enter = 0;
    for (size_t i = 0; i < ENC_SIFT_ROWS; i++) {
        double norm = (double)rows->norm[i], loss = (double)rows->loss[i];
        double most =
            (double)rows->scale[i] * (s->step * (double)rows->dot[i] + s->offset) +
            s->coded * loss - (s->by_norm + s->by_square * norm) * norm;
        may_enter |= (uint32_t)(most >= s->base || rows->loss[i] >= s->unknown) << i;
    }
    return may_enter;
}

const enc_dot enc_dot_plain = {"plain", codes, halves, sift, enc_vec_distance};
