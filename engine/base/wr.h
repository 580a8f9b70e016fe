/* wr.h - write bytes that rd.h will read: little-endian, growing, sticky.
 *
 * Storage of the struct is the caller's; the bytes are the engine's until taken. Once an
 * allocation has failed every later write is a no-op, and `failed` says so at the end. */
#ifndef ENC_WR_H
#define ENC_WR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct enc_wr {
    uint8_t *at; /* NULL or an enc_mem block of cap bytes */
    size_t n;    /* bytes written */
    size_t cap;
    bool failed; /* an allocation failed */
} enc_wr;

void enc_wr_init(enc_wr *w);
void enc_wr_clear(enc_wr *w);
void enc_wr_u8(enc_wr *w, uint8_t v);
void enc_wr_u16(enc_wr *w, uint16_t v);
void enc_wr_u32(enc_wr *w, uint32_t v);
void enc_wr_u64(enc_wr *w, uint64_t v);
void enc_wr_f32(enc_wr *w, float v);
void enc_wr_f32s(enc_wr *w, const float *v, size_t n); /* n of them, at once */
void enc_wr_bytes(enc_wr *w, const void *bytes, size_t n);
void enc_wr_text(enc_wr *w, const char *text); /* its bytes, without the NUL */
void enc_wr_format(enc_wr *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* As "%.<digits>g" writes it, whatever the host's locale makes of a decimal point. */
void enc_wr_real(enc_wr *w, double v, int digits);
void enc_wr_json_text(enc_wr *w, const char *text, size_t n); /* "quoted and escaped" */

/* All n bytes to an open file, however many calls that takes; false: errno says why. */
bool enc_wr_file(int file, const void *bytes, size_t n);

#endif
