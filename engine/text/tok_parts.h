/* tok_parts.h - what a tokenizer is made of, for the files that are tok.h: tok.c uses it,
 * tok_read.c makes it from files with the help of tok_cut.c, tok_write.c makes files from
 * it. */
#ifndef ENC_TOK_PARTS_H
#define ENC_TOK_PARTS_H

#include "text/tok.h"
#include "text/wordpiece.h"

#define ENC_PREFIX_MAX 16 /* bytes of what marks a piece inside a word */

/* A token that is found in the text before it is normalized. Its text is in the
 * vocabulary. */
typedef struct enc_tok_added {
    int32_t id;
    bool is_special; /* [CLS] and the like */
    bool is_folded;  /* found in upper and lower case (ASCII) */
    bool is_single;  /* not between letters or digits */
} enc_tok_added;

struct enc_tok {
    enc_vocab *vocab; /* all pieces, the added ones among them */
    enc_norm_rules rules;
    char prefix[ENC_PREFIX_MAX + 1];
    size_t word_max; /* characters */
    size_t max;      /* model_max_length, or 0 */
    enc_tok_special special;
    enc_tok_added *added; /* n_added, by id */
    size_t n_added, cap_added;
    enc_vocab *as_is, *folded; /* text -> index in added; NULL if there are none */
    bool begins[256];          /* an added token may begin with this byte */
};

/* Adds one, with its text already in the vocabulary; the same id twice is one. */
enc_rc enc_tok_add(enc_tok *t, enc_tok_added added, enc_err *e);

/* The last step of making one: checks the special tokens, adds them, and prepares the
 * search for added tokens. */
enc_rc enc_tok_finish(enc_tok *t, enc_err *e);

/* Pieces by id, and the vocabulary of a tokenizer.json on its way there. */
typedef struct enc_tok_cut {
    enc_bytes *pieces; /* n_pieces; holes are {NULL, 0} */
    size_t n_pieces, cap_pieces;
    uint8_t *text; /* private: where the pieces lie */
    uint8_t *rest; /* the file with an empty object for model.vocab; NULL: not taken */
    size_t n_rest;
    bool failed; /* private: there was no memory */
} enc_tok_cut;

/* Takes model.vocab out of a tokenizer.json, or nothing if it is not of the plainest
 * form; then the parser must read all of it. Fails only for want of memory. */
enc_rc enc_tok_cut_open(enc_tok_cut *cut, enc_bytes text, enc_err *e);
void enc_tok_cut_close(enc_tok_cut *cut);

/* The place of a piece, with holes up to it; NULL: no memory. */
enc_bytes *enc_tok_cut_place(enc_tok_cut *cut, size_t id);

#endif
