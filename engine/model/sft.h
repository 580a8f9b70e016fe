/* sft.h - safetensors bytes <-> named tensors.
 *
 *   u64       length n of the header, little-endian
 *   n bytes   JSON: { name: {"dtype","shape","data_offsets":[begin,end]}, ...,
 *                     "__metadata__": {text: text} }; padded with spaces
 *   rest      the tensors' bytes; no overlap, no hole, nothing after the last
 *
 * Checked as the reference does (huggingface/safetensors, tensor.rs): first byte '{', no
 * duplicate names, sizes equal product(shape) x dtype, everything covered. */
#ifndef ENC_SFT_H
#define ENC_SFT_H

#include "base/err.h"
#include "base/rd.h"
#include "base/wr.h"
#include "model/tensor.h"

typedef struct enc_sft enc_sft;

/* `bytes` is borrowed and must outlive it. `what` names it in errors. */
enc_rc enc_sft_open(enc_sft **out, enc_bytes bytes, const char *what, enc_err *e);
void enc_sft_close(enc_sft *s);
size_t enc_sft_count(const enc_sft *s);
const enc_tensor *enc_sft_at(const enc_sft *s, size_t i);           /* sorted by name */
const enc_tensor *enc_sft_find(const enc_sft *s, const char *name); /* NULL if none */
enc_bytes enc_sft_metadata(const enc_sft *s, const char *key);      /* {NULL,0} if none */

/* Writes a file. Tensors in the order given; data aligned to 64 bytes. metadata is n_meta
 * pairs of key and bytes, which must be UTF-8. Check out->failed. */
typedef struct enc_sft_meta {
    const char *key;
    enc_bytes value;
} enc_sft_meta;
void enc_sft_write(enc_wr *out, const enc_tensor *tensors, size_t n,
                   const enc_sft_meta *metadata, size_t n_meta);

#endif
