/* tensor.h - a typed view of somebody else's bytes. */
#ifndef ENC_TENSOR_H
#define ENC_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum enc_dtype {
    ENC_F32,
    ENC_F16,
    ENC_BF16,
    ENC_I8,
    ENC_F64,
    ENC_I32,
    ENC_I64,
    ENC_Q4_0, /* from here on blocks of a row, which quant.h describes */
    ENC_Q4_1,
    ENC_Q5_0,
    ENC_Q5_1,
    ENC_Q8_0,
    ENC_Q4_K,
    ENC_Q5_K,
    ENC_Q6_K,
    ENC_OTHER
} enc_dtype;

size_t enc_dtype_size(enc_dtype t);      /* bytes of one value; 0 for blocks and others */
const char *enc_dtype_name(enc_dtype t); /* "F32", as safetensors and GGUF write it */
bool enc_dtype_is_float(enc_dtype t);    /* enc_tensor_to_f32 can convert it */

typedef struct enc_tensor {
    const char *name; /* borrowed */
    enc_dtype dtype;
    size_t rank; /* 0 to ENC_RANK_MAX */
    size_t shape[4];
    const uint8_t *data; /* borrowed; may be unaligned */
    size_t n_bytes;
} enc_tensor;

size_t enc_tensor_count(const enc_tensor *t); /* values, the product of shape */
void enc_tensor_to_f32(const enc_tensor *t, float *out);
void enc_tensor_shape_text(const enc_tensor *t, char *out, size_t n); /* "[384, 1536]" */

/* Value i of an I32 or I64 tensor. */
int64_t enc_tensor_int(const enc_tensor *t, size_t i);
float enc_f16_to_f32(uint16_t h);
float enc_bf16_to_f32(uint16_t h);

#endif
