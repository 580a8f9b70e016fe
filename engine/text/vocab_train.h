/* vocab_train.h - counted words -> a WordPiece vocabulary.
 *
 * Characters first (every one seen often enough, also as "##" continuation), then merges:
 * the best pair of adjacent pieces over all words becomes one piece, until the size is
 * reached (Schuster and Nakajima 2012; by count as in Hugging Face's WordPieceTrainer,
 * which is BPE with "##"). Deterministic: ties break by the pieces' bytes. */
#ifndef ENC_VOCAB_TRAIN_H
#define ENC_VOCAB_TRAIN_H

#include "text/norm.h"
#include "text/vocab.h"

typedef struct enc_vocab_train enc_vocab_train;

enc_rc enc_vocab_train_new(enc_vocab_train **out, enc_norm_rules rules, enc_err *e);
void enc_vocab_train_free(enc_vocab_train *t);

/* Counts the words of a text. ask may be NULL, here and below. */
enc_rc enc_vocab_train_add(enc_vocab_train *t, enc_bytes text, enc_ask *ask, enc_err *e);

typedef struct enc_vocab_goal {
    size_t size;      /* pieces wanted, the special tokens included */
    size_t char_min;  /* a character seen less often is left out ([UNK]) */
    size_t chars_max; /* and at most this many characters, the most frequent first */
    size_t pair_min;  /* a pair seen less often is not merged */
} enc_vocab_goal;

/* [PAD] [UNK] [CLS] [SEP] [MASK], then characters, then merges by rank. */
enc_rc enc_vocab_train_run(enc_vocab_train *t, const enc_vocab_goal *goal, enc_ask *ask,
                           enc_vocab **out, enc_err *e);

#endif
