/* bpe.h - a word -> pieces, by byte-pair encoding (Sennrich and others 2016,
 * arXiv:1508.07909).
 *
 * A word begins as its bytes, each a character of alphabet.h (GPT-2, RoBERTa), or as its
 * characters, the last with an end mark if the vocabulary has one ("</w>"). Then, again
 * and again, of all pairs of neighbours that are in the list of merges the one that
 * stands first in the list is joined, the leftmost of equal ones.
 *
 * The pairs wait in a heap, so a word of n bytes costs n log n. */
#ifndef ENC_BPE_H
#define ENC_BPE_H

#include <stdbool.h>

#include "base/err.h"
#include "text/norm.h"
#include "text/piece.h"
#include "text/vocab.h"

typedef struct enc_bpe enc_bpe;

typedef struct enc_pair { /* a line of merges.txt */
    enc_bytes left, right;
} enc_pair;

typedef struct enc_bpe_rules {
    bool is_bytes;   /* byte-level */
    bool fuse_unk;   /* unknown characters in a row are one piece */
    int32_t unk_id;  /* -1: what is unknown gives no piece */
    char suffix[17]; /* of a word's last character: "</w>", or "" */
} enc_bpe_rules;

/* The merges in their order; of the same pair twice the later counts. A pair that is no
 * piece, or whose pieces are none, is ENC_CORRUPT. The vocabulary is borrowed. */
enc_rc enc_bpe_new(enc_bpe **out, const enc_vocab *vocab, enc_bpe_rules rules,
                   const enc_pair *merges, size_t n, const char *what, enc_err *e);
void enc_bpe_free(enc_bpe *b);

/* Pieces of a word into out, which has place for n_bytes of them; how many in *n.
 * ENC_INTERRUPT if room->ask says so. */
enc_rc enc_bpe_split(const enc_bpe *b, const enc_word *word, enc_piece_room *room,
                     enc_piece *out, size_t *n, enc_err *e);

enc_bpe_rules enc_bpe_rules_of(const enc_bpe *b);
size_t enc_bpe_size(const enc_bpe *b); /* merges */
enc_pair enc_bpe_merge(const enc_bpe *b, size_t i);

#endif
