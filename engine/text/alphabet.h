/* alphabet.h - the characters that stand for bytes in a byte-level vocabulary.
 *
 * GPT-2's bytes_to_unicode: bytes that print as themselves in Latin-1 (! to ~, U+A1 to
 * U+AC, U+AE to U+FF) are those characters; the others, in order, are U+0100 and on, so
 * that a space is U+0120. */
#ifndef ENC_ALPHABET_H
#define ENC_ALPHABET_H

#include <stdint.h>

uint32_t enc_alphabet_char(uint8_t byte);
int enc_alphabet_byte(uint32_t c); /* -1: it stands for none */

#endif
