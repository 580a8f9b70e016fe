/* charsmap.h - SentencePiece's precompiled character map: characters -> their normal
 * form.
 *
 *     u32 n            bytes of the trie, a multiple of 4
 *     u32[n / 4]       the trie: a double array of Darts-clone, whose values are places
 *                      in what follows
 *     bytes            texts, each ended by a NUL
 *
 * A unit of the trie has its label in bits 0 to 7 (and bit 31, set only in units that
 * hold a value), in bit 8 whether the key that ends there has a value, and the offset to
 * its children in bits 10 to 30, times 256 if bit 9 is set. The children of unit i lie at
 * i ^ offset ^ byte, its value at i ^ offset.
 *
 * The map is foreign bytes: every place is checked before it is looked at, a lookup ends
 * with the text that it is asked about, and no text is longer than ENC_MAPPED_MAX. */
#ifndef ENC_CHARSMAP_H
#define ENC_CHARSMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rd.h"

typedef struct enc_charsmap enc_charsmap;
struct enc_wr;

/* `what` names the file in errors. The bytes are copied. */
enc_rc enc_charsmap_new(enc_charsmap **out, enc_bytes blob, const char *what, enc_err *e);
void enc_charsmap_free(enc_charsmap *m);

/* The longest key that at[0..n) begins with: its bytes, and in *to what it becomes; 0: no
 * key, and the character stays as it is. */
size_t enc_charsmap_find(const enc_charsmap *m, const uint8_t *at, size_t n,
                         enc_bytes *to);

/* Whether this byte of ASCII stays as it is wherever the byte behind it is ASCII too. */
bool enc_charsmap_keeps(const enc_charsmap *m, uint8_t byte);

/* The blob again. */
void enc_charsmap_write(const enc_charsmap *m, struct enc_wr *out);

#endif
