/* tensor.c - see tensor.h. */
#include "model/tensor.h"

#include <stdio.h>
#include <string.h>

#include "model/quant.h"

size_t enc_dtype_size(enc_dtype t)
{
    switch (t) {
    case ENC_F64:
    case ENC_I64: return 8;
    case ENC_F32:
    case ENC_I32: return 4;
    case ENC_F16:
    case ENC_BF16: return 2;
    case ENC_I8: return 1;
    default: return 0;
    }
}

const char *enc_dtype_name(enc_dtype t)
{
    static const char *const names[] = {
        [ENC_F32] = "F32",   [ENC_F16] = "F16",
        [ENC_BF16] = "BF16", [ENC_I8] = "I8",
        [ENC_F64] = "F64",   [ENC_I32] = "I32",
        [ENC_I64] = "I64",   [ENC_Q4_0] = "Q4_0",
        [ENC_Q4_1] = "Q4_1", [ENC_Q5_0] = "Q5_0",
        [ENC_Q5_1] = "Q5_1", [ENC_Q8_0] = "Q8_0",
        [ENC_Q4_K] = "Q4_K", [ENC_Q5_K] = "Q5_K",
        [ENC_Q6_K] = "Q6_K", [ENC_OTHER] = "another type"};

    return names[t];
}

bool enc_dtype_is_float(enc_dtype t)
{
    return t == ENC_F32 || t == ENC_F16 || t == ENC_BF16 || t == ENC_F64 ||
           enc_quant_find(t) != NULL;
}

size_t enc_tensor_count(const enc_tensor *t)
{
    size_t n = 1;

    for (size_t i = 0; i < t->rank; i++) n *= t->shape[i];
    return n;
}

static float float_of(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Only normal numbers are computed with, so that a host which flushes denormals to zero
 * still reads a half's subnormals right: 2^-14 + x is normal, and taking 2^-14 away from
 * it is exact. Both cases are computed, so that compilers make vectors of it. */
float enc_f16_to_f32(uint16_t h)
{
    uint32_t magnitude = (uint32_t)(h & 0x7fff) << 13;
    uint32_t exponent = magnitude & 0x0f800000;
    uint32_t bits = magnitude + ((127 - 15) << 23), small_bits;
    float small = float_of(bits + (1 << 23)) - float_of(113 << 23);

    memcpy(&small_bits, &small, sizeof small_bits);
    bits += exponent == 0x0f800000 ? (128 - 16) << 23 : 0; /* infinite, or not a number */
    bits = exponent == 0 ? small_bits : bits;
    return float_of(bits | (uint32_t)(h & 0x8000) << 16);
}

float enc_bf16_to_f32(uint16_t h)
{
    return float_of((uint32_t)h << 16);
}

/* Little-endian, byte by byte: the data need not be aligned. */
static uint16_t u16_at(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint64_t u64_at(const uint8_t *at)
{
    uint64_t x = 0;

    for (size_t i = 8; i-- > 0;) x = x << 8 | at[i];
    return x;
}

static double f64_at(const uint8_t *at)
{
    const uint64_t bits = u64_at(at);
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

int64_t enc_tensor_int(const enc_tensor *t, size_t i)
{
    if (t->dtype == ENC_I64) return (int64_t)u64_at(t->data + 8 * i);
    const uint8_t *at = t->data + 4 * i;
    return (int32_t)((uint32_t)u16_at(at) | (uint32_t)u16_at(at + 2) << 16);
}

static void blocks_to_f32(const enc_quant *q, const enc_tensor *t, float *out)
{
    const uint8_t *end = t->data + t->n_bytes;

    for (const uint8_t *at = t->data; at < end; at += q->n_bytes, out += q->n_values)
        q->to_f32(at, out);
}

void enc_tensor_to_f32(const enc_tensor *t, float *out)
{
    const enc_quant *q = enc_quant_find(t->dtype);
    size_t n = enc_tensor_count(t);

    if (q != NULL) blocks_to_f32(q, t, out);
    switch (t->dtype) {
    case ENC_F32: memcpy(out, t->data, n * sizeof *out); break;
    case ENC_F16:
        for (size_t i = 0; i < n; i++) out[i] = enc_f16_to_f32(u16_at(t->data + 2 * i));
        break;
    case ENC_BF16:
        for (size_t i = 0; i < n; i++) out[i] = enc_bf16_to_f32(u16_at(t->data + 2 * i));
        break;
    case ENC_F64:
        for (size_t i = 0; i < n; i++) out[i] = (float)f64_at(t->data + 8 * i);
        break;
    default: break;
    }
}

void enc_tensor_shape_text(const enc_tensor *t, char *out, size_t n)
{
    size_t at = 0;

    for (size_t i = 0; i < t->rank && at < n; i++)
        at +=
            (size_t)snprintf(out + at, n - at, "%s%zu", i == 0 ? "[" : ", ", t->shape[i]);
    if (at < n) snprintf(out + at, n - at, "%s", t->rank == 0 ? "[]" : "]");
}
