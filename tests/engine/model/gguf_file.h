/* gguf_file.h - GGUF files as tests want them: piece by piece, wrong ones too, or keys
 * and tensors that are put together at the end. */
#ifndef GGUF_FILE_H
#define GGUF_FILE_H

#include <string.h>

#include "base/wr.h"

enum { U8, I8, U16, I16, U32, I32, F32, BOOL, TEXT, ARRAY, U64, I64, F64 };

static inline void text(enc_wr *w, const char *s)
{
    enc_wr_u64(w, strlen(s));
    enc_wr_text(w, s);
}

static inline void head(enc_wr *w, uint32_t version, uint64_t n_tensors, uint64_t n_keys)
{
    enc_wr_init(w);
    enc_wr_text(w, "GGUF");
    enc_wr_u32(w, version);
    enc_wr_u64(w, n_tensors);
    enc_wr_u64(w, n_keys);
}

static inline void key(enc_wr *w, const char *name, uint32_t type)
{
    text(w, name);
    enc_wr_u32(w, type);
}

static inline void tensor(enc_wr *w, const char *name, uint64_t rows, uint64_t columns,
                          uint32_t type, uint64_t offset)
{
    text(w, name);
    enc_wr_u32(w, 2);
    enc_wr_u64(w, columns);
    enc_wr_u64(w, rows);
    enc_wr_u32(w, type);
    enc_wr_u64(w, offset);
}

static inline void data(enc_wr *w, size_t alignment, size_t n)
{
    while (w->n % alignment != 0) enc_wr_u8(w, 0xee);
    for (size_t i = 0; i < n; i++) enc_wr_u8(w, (uint8_t)i);
}

/* A file in the making; zeros are one. */
typedef struct gguf_file {
    enc_wr keys, tensors;
    size_t n_keys, n_tensors, n_data;
} gguf_file;

static inline void with_text(gguf_file *f, const char *name, const char *value)
{
    key(&f->keys, name, TEXT), text(&f->keys, value);
    f->n_keys++;
}

static inline void with_number(gguf_file *f, const char *name, float value)
{
    key(&f->keys, name, F32), enc_wr_f32(&f->keys, value);
    f->n_keys++;
}

static inline void with_texts(gguf_file *f, const char *name, const char *const *values,
                              size_t n)
{
    key(&f->keys, name, ARRAY), enc_wr_u32(&f->keys, TEXT), enc_wr_u64(&f->keys, n);
    for (size_t i = 0; i < n; i++) text(&f->keys, values[i]);
    f->n_keys++;
}

static inline void with_numbers(gguf_file *f, const char *name, const int *values,
                                size_t n)
{
    key(&f->keys, name, ARRAY), enc_wr_u32(&f->keys, I32), enc_wr_u64(&f->keys, n);
    for (size_t i = 0; i < n; i++) enc_wr_u32(&f->keys, (uint32_t)values[i]);
    f->n_keys++;
}

/* Of type F32 (0) or F16 (1). */
static inline void with_tensor(gguf_file *f, const char *name, size_t rows,
                               size_t columns, uint32_t type)
{
    tensor(&f->tensors, name, rows, columns, type, f->n_data);
    f->n_data += (rows * columns * (type == 0 ? 4 : 2) + 31) / 32 * 32;
    f->n_tensors++;
}

/* Puts the file together; what it was made from is cleared. */
static inline enc_wr gguf_of(gguf_file *f)
{
    enc_wr w;

    head(&w, 3, f->n_tensors, f->n_keys);
    enc_wr_bytes(&w, f->keys.at, f->keys.n);
    enc_wr_bytes(&w, f->tensors.at, f->tensors.n);
    data(&w, 32, f->n_data);
    enc_wr_clear(&f->keys);
    enc_wr_clear(&f->tensors);
    *f = (gguf_file){.n_data = 0};
    return w;
}

#endif
