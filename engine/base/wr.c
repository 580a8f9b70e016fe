/* wr.c - see wr.h. Everything goes through room(), the one place that can fail. */
#include "base/wr.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"

void enc_wr_init(enc_wr *w)
{
    *w = (enc_wr){0};
}

void enc_wr_clear(enc_wr *w)
{
    enc_mem_free(w->at);
    *w = (enc_wr){0};
}

/* Where n more bytes go, already counted as written; NULL once anything has failed. */
static uint8_t *room(enc_wr *w, size_t n)
{
    size_t need;
    void *at = w->at;
    if (w->failed || !enc_mem_add(w->n, n, &need) ||
        !enc_mem_reserve(&at, &w->cap, need, 1)) {
        w->failed = true;
        return NULL;
    }
    w->at = at;
    uint8_t *p = w->at + w->n;
    w->n = need;
    return p;
}

static void put(enc_wr *w, uint64_t v, size_t n)
{
    uint8_t *p = room(w, n);
    if (p == NULL) return;
    for (size_t i = 0; i < n; i++) p[i] = (uint8_t)(v >> 8 * i);
}

void enc_wr_u8(enc_wr *w, uint8_t v)
{
    put(w, v, 1);
}

void enc_wr_u16(enc_wr *w, uint16_t v)
{
    put(w, v, 2);
}

void enc_wr_u32(enc_wr *w, uint32_t v)
{
    put(w, v, 4);
}

void enc_wr_u64(enc_wr *w, uint64_t v)
{
    put(w, v, 8);
}

void enc_wr_f32(enc_wr *w, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    put(w, bits, 4);
}

void enc_wr_f32s(enc_wr *w, const float *v, size_t n)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    enc_wr_bytes(w, v, n * sizeof *v); /* of floats that exist: no overflow */
#else
    for (size_t i = 0; i < n; i++) enc_wr_f32(w, v[i]);
#endif
}

void enc_wr_bytes(enc_wr *w, const void *bytes, size_t n)
{
    if (n == 0) return;
    uint8_t *p = room(w, n);
    if (p != NULL) memcpy(p, bytes, n);
}

void enc_wr_text(enc_wr *w, const char *text)
{
    enc_wr_bytes(w, text, strlen(text));
}

void enc_wr_format(enc_wr *w, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    /* vsnprintf ends with a NUL: make room for it and then give it back. */
    char *p = n < 0 ? NULL : (char *)room(w, (size_t)n + 1);
    if (n < 0) w->failed = true;
    if (p != NULL) {
        vsnprintf(p, (size_t)n + 1, format, again);
        w->n--;
    }
    va_end(again);
}

void enc_wr_real(enc_wr *w, double v, int digits)
{
    static const char own[] = "0123456789+-einfa"; /* of "inf" and "nan" too */
    char text[64];
    int n = snprintf(text, sizeof text, "%.*g", digits, v);

    for (int i = 0; i < n && i < (int)sizeof text - 1; i++) {
        bool is_own = strchr(own, text[i]) != NULL;
        /* A point may have several bytes. */
        if (is_own || i == 0 || strchr(own, text[i - 1]) != NULL)
            enc_wr_u8(w, is_own ? (uint8_t)text[i] : '.');
    }
}

static void escape(enc_wr *w, uint32_t c)
{
    static const char names[] = "btn\0fr"; /* 0x08 ... 0x0d; \v has none */
    if (c == '"' || c == '\\') {
        enc_wr_u8(w, '\\');
        enc_wr_u8(w, (uint8_t)c);
    } else if (c >= 0x08 && c <= 0x0d && names[c - 0x08] != '\0') {
        enc_wr_u8(w, '\\');
        enc_wr_u8(w, (uint8_t)names[c - 0x08]);
    } else {
        enc_wr_format(w, "\\u%04x", (unsigned)c);
    }
}

void enc_wr_json_text(enc_wr *w, const char *text, size_t n)
{
    const uint8_t *at = (const uint8_t *)text;
    enc_wr_u8(w, '"');
    for (size_t i = 0, k; i < n; i += k) {
        uint32_t c;
        uint8_t bytes[4];
        k = enc_utf8_decode(at + i, n - i, &c);
        if (c < ' ' || c == '"' || c == '\\' || c == 0x7f) escape(w, c);
        else enc_wr_bytes(w, bytes, enc_utf8_encode(c, bytes));
    }
    enc_wr_u8(w, '"');
}

bool enc_wr_file(int file, const void *bytes, size_t n)
{
    const char *at = bytes;
    while (n > 0) {
        ssize_t k = write(file, at, n);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        at += k;
        n -= (size_t)k;
    }
    return true;
}
