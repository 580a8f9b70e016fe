/* vocab.h - pieces <-> ids. Built once, then read-only; any thread may read it. */
#ifndef ENC_VOCAB_H
#define ENC_VOCAB_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rd.h"

typedef struct enc_vocab enc_vocab;

/* vocab.txt: one piece a line, its number its id; the bytes are copied. An empty file, a
 * piece twice, one over ENC_PIECE_MAX bytes or one that is not UTF-8 without NUL is
 * ENC_CORRUPT. A last line without \n
 * counts, \r before \n is dropped; an empty line is a hole. */
enc_rc enc_vocab_read(enc_vocab **out, enc_bytes text, const char *what, enc_err *e);

/* The same from an array of pieces in the order of their ids; holes are {NULL, 0}. */
enc_rc enc_vocab_new(enc_vocab **out, const enc_bytes *pieces, size_t n, const char *what,
                     enc_err *e);
void enc_vocab_free(enc_vocab *v);

size_t enc_vocab_size(const enc_vocab *v);
int32_t enc_vocab_find(const enc_vocab *v, const void *piece, size_t n); /* -1 if none */

/* The longest piece that is `prefix` and then the beginning of at[0..n), at least one
 * byte of it, up to the boundary of a UTF-8 character: its id or -1, and in *n_taken the
 * bytes of `at` that it covers. prefix.n is at most ENC_PIECE_MAX. */
int32_t enc_vocab_find_longest(const enc_vocab *v, enc_bytes prefix, const uint8_t *at,
                               size_t n, size_t *n_taken);

/* All pieces that at[0..n) begins with and that end at the boundary of a character, from
 * the shortest on, into out, which has place for ENC_PIECE_MAX of them; how many. */
typedef struct enc_vocab_hit {
    int32_t id;
    uint32_t n; /* bytes */
} enc_vocab_hit;

size_t enc_vocab_find_all(const enc_vocab *v, const uint8_t *at, size_t n,
                          enc_vocab_hit *out);

enc_bytes enc_vocab_piece(const enc_vocab *v,
                          int32_t id);          /* {NULL,0} outside or in a hole */
size_t enc_vocab_piece_max(const enc_vocab *v); /* bytes of the longest piece */

#endif
