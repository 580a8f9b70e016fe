/* split.h - normalized text -> the words that a model takes apart.
 *
 * Four ways, beside that of norm.h:
 *
 *   BYTES   the pattern of GPT-2: contractions, letters, digits, other signs, each with
 *           one space before it, and white space
 *               's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+|
 * ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ MARKED  SentencePiece's: a word begins with U+2581,
 * which normal.h put for a space RUNS    \w+|[^\w\s]+, without the white space WHOLE all
 * of it is one
 *
 * A word is a part of the text, so nothing is allocated and nothing fails. Long ones ask
 * text->ask, and end where they are told to stop. */
#ifndef ENC_SPLIT_H
#define ENC_SPLIT_H

#include "text/norm.h"
#include "text/placed.h"

typedef enum enc_split {
    ENC_SPLIT_BERT, /* norm.h */
    ENC_SPLIT_BYTES,
    ENC_SPLIT_MARKED,
    ENC_SPLIT_RUNS,
    ENC_SPLIT_WHOLE
} enc_split;

/* The word that begins at *at or behind white space there, which moves behind it; false
 * at the end. Its n_chars is not counted. */
bool enc_split_next(enc_split how, const enc_placed *text, size_t *at, enc_word *word);

#endif
