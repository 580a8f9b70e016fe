/* unigram.h - a word -> its most probable pieces (Kudo 2018, arXiv:1804.10959).
 *
 * The best of all ways to cover the word with pieces, by the sum of their scores, found
 * by Viterbi's algorithm; of equal ones that whose last piece begins first, and so on
 * backwards. A character that is no piece is unknown, at ten less than the lowest score;
 * unknown characters in a row are one piece. As in Hugging Face's tokenizers and in
 * SentencePiece. */
#ifndef ENC_UNIGRAM_H
#define ENC_UNIGRAM_H

#include <math.h>

#include "base/err.h"
#include "text/norm.h"
#include "text/piece.h"
#include "text/vocab.h"

#define ENC_UNIGRAM_PENALTY 10.0 /* of an unknown character, below the lowest score */
#define ENC_UNIGRAM_NEVER                                                                \
    ((double)-INFINITY) /* the score of what is no piece of a word */

typedef struct enc_unigram {
    const enc_vocab *vocab; /* borrowed */
    const double *scores;   /* by id; borrowed */
    double unk_score;
    int32_t unk_id;
    const int32_t *bytes; /* 256 pieces, each of one byte, -1: it has none; borrowed. What
                           * is unknown is spelt by them. NULL: it stays unknown */
} enc_unigram;

/* Pieces of a word into out, which has place for n_bytes of them; how many in *n.
 * ENC_INTERRUPT if room->ask says so. */
enc_rc enc_unigram_split(const enc_unigram *u, const enc_word *word, enc_piece_room *room,
                         enc_piece *out, size_t *n, enc_err *e);

#endif
