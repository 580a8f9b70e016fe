/* rd.h - read untrusted bytes without ever leaving them.
 *
 * Whatever did not come from this process - a model file, a tokenizer, a blob from a
 * shadow table - is read through an enc_rd and through nothing else.
 *
 * A reader is a window of bytes and a sticky flag. A read that would leave the window
 * returns zero, moves nothing and raises the flag; so does every read after it. A decoder
 * is therefore written as though its input were perfect, and asks once, before it
 * believes any of it. Numbers are little-endian and need no alignment. Spans point into
 * the window and live as long as it does. Nothing here allocates. */
#ifndef ENC_RD_H
#define ENC_RD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct enc_bytes {
    const uint8_t *at; /* borrowed; may be NULL when n is 0 */
    size_t n;
} enc_bytes;

/* Bytes start to end - 1 of b; start <= end <= b.n. An empty part has an address, too. */
enc_bytes enc_bytes_part(enc_bytes b, size_t start, size_t end);

typedef struct enc_rd {
    const uint8_t *at; /* next byte */
    size_t left;       /* bytes not yet read */
    bool failed;       /* a read left the window */
} enc_rd;

enc_rd enc_rd_of(const void *bytes, size_t n);
uint8_t enc_rd_u8(enc_rd *r);
uint16_t enc_rd_u16(enc_rd *r);
uint32_t enc_rd_u32(enc_rd *r);
uint64_t enc_rd_u64(enc_rd *r);
float enc_rd_f32(enc_rd *r);
void enc_rd_f32s(enc_rd *r, float *out, size_t n); /* n of them; zeros if short */
const uint8_t *enc_rd_span(enc_rd *r, size_t n,
                           size_t size); /* n elements; NULL if short */
bool enc_rd_end(const enc_rd *r); /* everything was read and nothing more was asked for */
bool enc_rd_ok(const enc_rd *r);  /* nothing failed so far */

#endif
