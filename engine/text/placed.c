/* placed.c - see placed.h. start, end and bytes are one block. */
#include "text/placed.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/utf8.h"

#define CAP_FIRST 256

void enc_placed_init(enc_placed *p)
{
    *p = (enc_placed){0};
}

void enc_placed_clear(enc_placed *p)
{
    enc_mem_free(p->start);
    *p = (enc_placed){.ask = p->ask};
}

bool enc_placed_reserve(enc_placed *p, size_t n)
{
    size_t cap = p->cap > 0 ? p->cap : CAP_FIRST;
    if (p->n + n <= p->cap) return true;
    p->is_long = p->n + n > ENC_STRETCH_MAX;
    if (p->is_long) return false;
    while (cap < p->n + n) cap *= 2;
    if (p->n == 0) enc_placed_clear(p); /* before more is taken */
    uint32_t *block = enc_mem_array(cap, 2 * sizeof *block + 1);
    if (block == NULL) return false;
    if (p->n > 0) {
        memcpy(block, p->start, p->n * sizeof *block);
        memcpy(block + cap, p->end, p->n * sizeof *block);
        memcpy(block + 2 * cap, p->bytes, p->n);
    }
    enc_mem_free(p->start);
    p->start = block;
    p->end = block + cap;
    p->bytes = (uint8_t *)(block + 2 * cap);
    p->cap = cap;
    return true;
}

void enc_placed_put(enc_placed *p, enc_bytes bytes, uint32_t start, uint32_t end)
{
    for (size_t i = 0; i < bytes.n; i++) {
        p->bytes[p->n] = bytes.at[i];
        p->start[p->n] = start;
        p->end[p->n++] = end;
    }
}

void enc_placed_copy(enc_placed *p, const enc_placed *from, size_t at, size_t n)
{
    if (n == 0) return;
    memcpy(p->bytes + p->n, from->bytes + at, n);
    memcpy(p->start + p->n, from->start + at, n * sizeof *p->start);
    memcpy(p->end + p->n, from->end + at, n * sizeof *p->end);
    p->n += n;
}

bool enc_placed_read(enc_placed *p, const uint8_t *text, size_t n, size_t base)
{
    p->n = 0;
    if (!enc_placed_reserve(p, n)) return false;
    for (size_t at = 0; at < n;) {
        if (text[at] < 0x80) {
            const size_t to = n - at < ENC_ASK_EVERY ? n : at + ENC_ASK_EVERY, from = at;
            if (!enc_placed_reserve(p, to - at)) return false;
            for (; at < to && text[at] < 0x80; at++) {
                p->bytes[p->n] = text[at];
                p->start[p->n] = (uint32_t)(base + at);
                p->end[p->n++] = (uint32_t)(base + at + 1);
            }
            if (enc_ask_on(p->ask, at - from)) return false;
            continue;
        }
        uint8_t utf8[4];
        uint32_t c;
        size_t n_taken = enc_utf8_decode(text + at, n - at, &c);
        if (!enc_placed_reserve(p, 4)) return false;
        enc_placed_put(p, (enc_bytes){utf8, enc_utf8_encode(c, utf8)},
                       (uint32_t)(base + at), (uint32_t)(base + at + n_taken));
        at += n_taken;
        if (enc_ask_on(p->ask, n_taken)) return false;
    }
    return true;
}
