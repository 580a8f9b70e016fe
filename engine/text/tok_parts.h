/* tok_parts.h - what a tokenizer is made of, for the files that are tok.h: tok.c makes
 * and asks it, tok_encode.c and tok_decode.c use it, tok_read*.c make it from files with
 * the help of tok_cut.c, tok_write*.c make files from it. */
#ifndef ENC_TOK_PARTS_H
#define ENC_TOK_PARTS_H

#include "base/mem.h"
#include "text/bpe.h"
#include "text/normal.h"
#include "text/split.h"
#include "text/template.h"
#include "text/tok.h"
#include "text/unigram.h"
#include "text/wordpiece.h"

#define ENC_PREFIX_MAX 16             /* bytes of what marks a piece inside a word */
#define ENC_SPACE_MARK "\xe2\x96\x81" /* U+2581, SentencePiece's space */

/* A token that is found in the text before it is normalized. Its text is in the
 * vocabulary. */
typedef struct enc_tok_added {
    int32_t id;
    bool is_special; /* [CLS] and the like */
    bool is_folded;  /* found in upper and lower case (ASCII) */
    bool is_single;  /* not between letters or digits */
    bool takes_left; /* the white space before it belongs to it: lstrip */
    bool takes_right;
} enc_tok_added;

struct enc_tok {
    enc_tok_kind kind;
    enc_vocab *vocab; /* all pieces, the added ones among them */

    enc_split split;
    enc_norm_rules
        rules; /* of BERT's splitting; of others only whether they lower-case */
    enc_step
        *steps; /* n_steps of at most ENC_STEPS_MAX, if the splitting is not BERT's */
    size_t n_steps, cap_steps;
    enc_charsmap *map; /* of the one step that is precompiled */
    enc_arena arena;   /* texts of the steps */

    char prefix[ENC_PREFIX_MAX + 1]; /* WordPiece: "##" */
    size_t word_max;                 /* WordPiece: characters */
    double *scores;                  /* Unigram: by id */
    double least_score;              /* of all, also of those that are special */
    bool spells_unknown;             /* Unigram: byte_fallback */
    int32_t bytes[256];              /* its pieces "<0x00>" to "<0xFF>", -1: none */
    enc_unigram unigram;
    enc_bpe *bpe;

    enc_template one, two; /* around a text, and around a pair */
    bool drops_unknown;    /* pieces that are unknown are no tokens */
    size_t max;            /* model_max_length, or 0 */
    enc_tok_special special;
    enc_tok_added *added; /* n_added, by id */
    size_t n_added, cap_added;
    enc_vocab *as_is, *folded; /* text -> index in added; NULL if there are none */
    bool begins[256];          /* an added token may begin with this byte */
};

/* Adds one, with its text already in the vocabulary; the same id twice is one. */
enc_rc enc_tok_add(enc_tok *t, enc_tok_added added, enc_err *e);

/* The added token of an id, or NULL. */
const enc_tok_added *enc_tok_find_added(const enc_tok *t, int32_t id);

/* A step more, of at most ENC_STEPS_MAX. */
enc_rc enc_tok_add_step(enc_tok *t, enc_step step, enc_err *e);

/* The step that puts marks, which is the last; NULL: there is none. */
const enc_step *enc_tok_mark(const enc_tok *t);

/* The last step of making one: checks the special tokens, adds them, prepares the model
 * and the search for added tokens. */
enc_rc enc_tok_finish(enc_tok *t, enc_err *e);

/* Pieces by id, and the vocabulary of a tokenizer.json on its way there. */
typedef struct enc_tok_cut {
    enc_bytes *pieces; /* n_pieces; holes are {NULL, 0} */
    size_t n_pieces, cap_pieces;
    double *scores; /* n_scores; of Unigram */
    size_t n_scores, cap_scores;
    enc_pair *merges; /* n_merges; of BPE */
    size_t n_merges, cap_merges;
    uint8_t *text; /* private: where the pieces lie */
    uint8_t *rest; /* the file with nothing in model.vocab and model.merges; NULL: not
                    * taken */
    size_t n_rest;
    bool failed; /* there was no memory */
} enc_tok_cut;

/* Takes model.vocab and model.merges out of a tokenizer.json, or nothing if they are not
 * of the plainest form; then the parser must read all of it. Fails only for want of
 * memory. */
enc_rc enc_tok_cut_open(enc_tok_cut *cut, enc_bytes text, enc_err *e);

/* The same of a vocab.json, which is nothing but {"piece": id, ...}: no pieces if it is
 * not plain. */
enc_rc enc_tok_cut_vocab(enc_tok_cut *cut, enc_bytes text, enc_err *e);
void enc_tok_cut_close(enc_tok_cut *cut);

/* Adds to the arrays, with holes (of scores: ENC_UNIGRAM_NEVER) up to an id. Without
 * memory `failed` is set, and from then on nothing is added. */
void enc_tok_cut_put(enc_tok_cut *cut, size_t id, enc_bytes piece);
void enc_tok_cut_score(enc_tok_cut *cut, size_t id, double score);
void enc_tok_cut_merge(enc_tok_cut *cut, enc_pair pair);

/* The piece of an id; {NULL, 0}: none yet. */
enc_bytes enc_tok_cut_at(const enc_tok_cut *cut, size_t id);

/* "left right" in two; false if it is not two. */
bool enc_tok_cut_pair(enc_bytes line, enc_pair *pair);

#endif
