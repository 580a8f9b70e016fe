/* rd.c - see rd.h. Every read asks enc_rd_span for its bytes: the one bounds check. */
#include "base/rd.h"

#include <string.h>

enc_bytes enc_bytes_part(enc_bytes b, size_t start, size_t end)
{
    if (start == end) return (enc_bytes){(const uint8_t *)"", 0};
    return (enc_bytes){b.at + start, end - start};
}

enc_rd enc_rd_of(const void *bytes, size_t n)
{
    return (enc_rd){.at = bytes, .left = n, .failed = false};
}

const uint8_t *enc_rd_span(enc_rd *r, size_t n, size_t size)
{
    static const uint8_t nothing[1] = {0}; /* an empty span of an empty window */
    size_t bytes;
    if (r->failed || __builtin_mul_overflow(n, size, &bytes) || bytes > r->left) {
        r->failed = true;
        return NULL;
    }
    if (r->at == NULL) return nothing;
    const uint8_t *p = r->at;
    r->at += bytes;
    r->left -= bytes;
    return p;
}

uint8_t enc_rd_u8(enc_rd *r)
{
    const uint8_t *p = enc_rd_span(r, 1, 1);
    return p == NULL ? 0 : p[0];
}

uint16_t enc_rd_u16(enc_rd *r)
{
    const uint8_t *p = enc_rd_span(r, 1, 2);
    return (uint16_t)(p == NULL ? 0 : p[0] | p[1] << 8);
}

uint32_t enc_rd_u32(enc_rd *r)
{
    const uint8_t *p = enc_rd_span(r, 1, 4);
    if (p == NULL) return 0;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

uint64_t enc_rd_u64(enc_rd *r)
{
    const uint8_t *p = enc_rd_span(r, 1, 8);
    uint64_t v = 0;
    if (p == NULL) return 0;
    for (size_t i = 8; i-- > 0;) v = v << 8 | p[i];
    return v;
}

float enc_rd_f32(enc_rd *r)
{
    uint32_t bits = enc_rd_u32(r);
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

void enc_rd_f32s(enc_rd *r, float *out, size_t n)
{
    const uint8_t *at = enc_rd_span(r, n, sizeof *out);

    if (at == NULL) {
        memset(out, 0, n * sizeof *out);
        return;
    }
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(out, at, n * sizeof *out);
#else
    enc_rd one = enc_rd_of(at, n * sizeof *out);
    for (size_t i = 0; i < n; i++) out[i] = enc_rd_f32(&one);
#endif
}

bool enc_rd_end(const enc_rd *r)
{
    return !r->failed && r->left == 0;
}

bool enc_rd_ok(const enc_rd *r)
{
    return !r->failed;
}
