/* wordpiece.h - a word -> its pieces: greedy, longest match first.
 *
 * WordpieceTokenizer of google-research/bert: the longest prefix that is a piece, then
 * the longest "##" piece, and so on; if nothing fits, or the word has more than word_max
 * characters, the whole word is [UNK]. Linear in the word for a bounded piece length. */
#ifndef ENC_WORDPIECE_H
#define ENC_WORDPIECE_H

#include "text/norm.h"
#include "text/piece.h"
#include "text/vocab.h"

typedef struct enc_wordpiece {
    const enc_vocab *vocab; /* borrowed */
    const char *prefix;     /* of a piece inside a word: "##"; borrowed */
    size_t word_max;        /* characters */
    int32_t unk_id;
} enc_wordpiece;

/* Pieces of one word into out, at most cap; returns how many there are (it may exceed
 * cap only up to word_max, so a caller with cap = word_max never overflows). */
size_t enc_wordpiece_split(const enc_wordpiece *w, const enc_word *word, enc_piece *out,
                           size_t cap);

#endif
