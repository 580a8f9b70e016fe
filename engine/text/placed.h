/* placed.h - text that remembers where it came from.
 *
 * Normalized UTF-8, and for each byte of it the range of the original text that it stands
 * for: whole characters, so that a piece of a text always has a place in the original,
 * whatever the normalizer made of it. Storage of the struct is the caller's; its block
 * grows and is reused. */
#ifndef ENC_PLACED_H
#define ENC_PLACED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ask.h"
#include "base/rd.h"

typedef struct enc_placed {
    uint8_t *bytes;
    uint32_t *start, *end; /* n each: bytes of the original; not descending */
    size_t n, cap;
    bool is_long; /* it would have had more than ENC_STRETCH_MAX bytes */
    enc_ask *ask; /* by whoever fills or reads it; may be NULL */
} enc_placed;

void enc_placed_init(enc_placed *p);
void enc_placed_clear(enc_placed *p);

/* Room for n more bytes; false if there is no memory, or if it is too long. */
bool enc_placed_reserve(enc_placed *p, size_t n);

/* Appends bytes that stand for [start, end); there must be room for them. */
void enc_placed_put(enc_placed *p, enc_bytes bytes, uint32_t start, uint32_t end);

/* Appends from[at..at + n) with its places; there must be room. */
void enc_placed_copy(enc_placed *p, const enc_placed *from, size_t at, size_t n);

/* Replaces p by the characters of a text, U+FFFD for what is no UTF-8. It begins at
 * `base` of the original; places count from there on. False as above, or told to stop. */
bool enc_placed_read(enc_placed *p, const uint8_t *text, size_t n, size_t base);

#endif
