/* gguf.h - GGUF bytes -> keys with values, and named tensors.
 *
 *   "GGUF"     u32 version, 2 or 3; u64 number of tensors; u64 number of keys
 *   keys       each: text, u32 type, value
 *   tensors    each: text, u32 rank, u64 sizes with the innermost first, u32 type, u64
 *              offset into the data, a multiple of the alignment
 *   data       from the next multiple of the alignment: key general.alignment, else 32
 *
 * A text is a u64 length and its bytes. Types of values: 0 u8, 1 i8, 2 u16, 3 i16, 4 u32,
 * 5 i32, 6 f32, 7 bool, 8 text, 9 array, 10 u64, 11 i64, 12 f64; an array is u32 type,
 * u64 count and that many values. Everything is little-endian. Names are told apart by
 * their bytes, each used once; tensors lie within the data. All of it is checked when a
 * file is opened, so that reading a value afterwards cannot fail. */
#ifndef ENC_GGUF_H
#define ENC_GGUF_H

#include <stdbool.h>

#include "base/err.h"
#include "base/rd.h"
#include "model/tensor.h"

typedef struct enc_gguf enc_gguf;

bool enc_gguf_is(enc_bytes bytes); /* they begin like such a file */

/* `bytes` is borrowed and must outlive it, so must `what`, which names it in errors. */
enc_rc enc_gguf_open(enc_gguf **out, enc_bytes bytes, const char *what, enc_err *e);
void enc_gguf_close(enc_gguf *g);
const char *enc_gguf_what(const enc_gguf *g);

/* Tensors sorted by name, sizes with the outermost first. */
size_t enc_gguf_count(const enc_gguf *g);
const enc_tensor *enc_gguf_at(const enc_gguf *g, size_t i);
const enc_tensor *enc_gguf_find(const enc_gguf *g, const char *name); /* NULL if none */

/* A text's bytes; {NULL,0} if the key is absent or holds something else. */
enc_bytes enc_gguf_text(const enc_gguf *g, const char *key);

/* An array of bytes; {NULL,0} if the key is absent or holds something else. */
enc_bytes enc_gguf_blob(const enc_gguf *g, const char *key);

/* A number or bool; false if the key is absent or holds something else. */
bool enc_gguf_number(const enc_gguf *g, const char *key, double *out);

/* An array's elements, one after another; false if absent, or elements of another kind.
 */
typedef struct enc_gguf_list {
    size_t n;      /* elements */
    uint32_t type; /* private, of an element */
    enc_rd rest;   /* private, those not yet read */
} enc_gguf_list;

bool enc_gguf_texts(const enc_gguf *g, const char *key, enc_gguf_list *out);
bool enc_gguf_numbers(const enc_gguf *g, const char *key, enc_gguf_list *out);
enc_bytes enc_gguf_next_text(enc_gguf_list *list);
double enc_gguf_next_number(enc_gguf_list *list);

#endif
