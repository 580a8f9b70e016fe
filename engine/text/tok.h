/* tok.h - text -> tokens: norm, then the model, then special tokens. Read-only once open.
 *
 * Three models: WordPiece (BERT and its kin, MPNet), byte-pair encoding (RoBERTa, GPT-2,
 * ModernBERT) and Unigram (XLM-R, multilingual E5, ALBERT, KoBERT). What stands around a
 * text is a template, read from the files:
 *
 *     [CLS] a [SEP]            segment 0
 *     [CLS] a [SEP] b [SEP]    segments 0 ... 0 1 ... 1
 *     <s> a </s> </s> b </s>   RoBERTa and XLM-R: 0 throughout
 *
 * Special tokens written literally in the text ("[MASK]") are that token, as in Hugging
 * Face's tokenizers; their other spellings are ordinary text.
 *
 * Every token has its place in the text as it was given: whole characters, so that two
 * byte-level pieces of one character both have that character's place. White space at the
 * ends of a token's place is left out, unless it is all there is of it (trim_offsets). */
#ifndef ENC_TOK_H
#define ENC_TOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ask.h"
#include "base/err.h"
#include "base/rd.h"
#include "text/norm.h"
#include "text/piece.h"
#include "text/vocab.h"

typedef struct enc_tok enc_tok;

typedef struct enc_token {
    int32_t id;
    uint32_t start, end; /* bytes in the text it came from; 0, 0 for [CLS] and [SEP] */
    uint8_t segment;     /* 0: first text, 1: second */
    bool is_special;     /* added by us, not read from the text */
} enc_token;

/* Tokens of one text or pair. Storage is the caller's; `at` grows and is reused. */
typedef struct enc_tokens {
    enc_token *at;
    size_t n;
    size_t cap;
    bool is_cut; /* there would have been more without truncation */
    enc_ask ask; /* while tokens come; ENC_INTERRUPT if it says so. Nothing after init */
} enc_tokens;

/* Ids by their role, whatever their spelling: cls and sep are also <s> and </s>. */
typedef struct enc_tok_special {
    int32_t pad, unk, cls, sep, mask; /* -1: the vocabulary has none */
} enc_tok_special;

typedef enum enc_tok_kind {
    ENC_TOK_WORDPIECE,
    ENC_TOK_BPE,
    ENC_TOK_UNIGRAM
} enc_tok_kind;

/* The files of a tokenizer; any may be {NULL, 0}. The first of these that is there is
 * read: tokenizer.json; a SentencePiece model; vocab.json + merges.txt; vocab.txt. Beside
 * the last three, tokenizer_config.json and special_tokens_map.json say the rest. What we
 * do not support is ENC_UNSUPPORTED and named. */
typedef struct enc_tok_files {
    enc_bytes vocab_txt;
    enc_bytes tokenizer_json;
    enc_bytes tokenizer_config;
    enc_bytes special_tokens_map;
    enc_bytes vocab_json;
    enc_bytes merges_txt;
    enc_bytes sentencepiece; /* sentencepiece.bpe.model, spiece.model, tokenizer.model */
} enc_tok_files;

enc_rc enc_tok_open(enc_tok **out, const enc_tok_files *files, enc_err *e);

/* From pieces that we trained: uncased, [PAD] [UNK] [CLS] [SEP] [MASK], Hangul whole.
 * Takes the vocabulary, also on failure. */
enc_rc enc_tok_new(enc_tok **out, enc_vocab *vocab, enc_norm_rules rules, enc_err *e);
void enc_tok_close(enc_tok *t);

/* From here on no special tokens stand around texts, and pieces that are unknown are left
 * out if `drops_unknown`: what static models read. Before any other use. */
void enc_tok_make_bare(enc_tok *t, bool drops_unknown);

void enc_tokens_init(enc_tokens *ts);
void enc_tokens_clear(enc_tokens *ts);

/* Tokens of `a`, or of the pair if b.at is not NULL, at most n_max (at least as many as
 * the template adds; 0: no limit). Truncation drops from the end of the longer text
 * first, as BERT and Hugging Face's "longest_first" do. `add_special` false leaves out
 * what the template adds. */
enc_rc enc_tok_encode(const enc_tok *t, enc_bytes a, enc_bytes b, size_t n_max,
                      bool add_special, enc_tokens *out, enc_err *e);

/* How many tokens enc_tok_encode would give of a text by itself with no limit and with
 * what the template adds. Takes no memory for them. ask may be NULL. */
enc_rc enc_tok_count(const enc_tok *t, enc_bytes text, enc_ask *ask, size_t *n,
                     enc_err *e);

/* The text without white space at its ends. ask, while that is long, may be NULL. */
enc_bytes enc_tok_strip(enc_bytes text, enc_ask *ask);

/* Calls visit with each word of the text and its n >= 1 pieces, whose places are those in
 * the text; false ends the walk. Here special tokens in the text are ordinary words. Both
 * are borrowed until visit returns. The one piece of a word that has none is `unk`. A
 * word is without the space or the U+2581 that it begins with, and without pieces that
 * are nothing else; what a piece covers of it is its n_bytes, behind those before it (of
 * byte-level pieces perhaps a part of a character). */
typedef bool enc_tok_visit(void *arg, const enc_word *word, const enc_piece *pieces,
                           size_t n);
enc_rc enc_tok_walk(const enc_tok *t, enc_bytes text, enc_tok_visit *visit, void *arg,
                    enc_err *e);

enc_tok_kind enc_tok_kind_of(const enc_tok *t); /* we train on ENC_TOK_WORDPIECE alone */
const enc_vocab *enc_tok_vocab(const enc_tok *t);
enc_tok_special enc_tok_specials(const enc_tok *t);
enc_norm_rules enc_tok_rules(const enc_tok *t);
const char *enc_tok_prefix(const enc_tok *t); /* of a piece inside a word: "##", or "" */
bool enc_tok_is_special(const enc_tok *t, int32_t id); /* [CLS] and the like, by id */

/* Whether it continues a word: "##...", and of the other models a piece without a space
 * before it that begins with a letter, a digit or a part of a character. */
bool enc_tok_is_subword(const enc_tok *t, int32_t id);
size_t
enc_tok_max(const enc_tok *t); /* model_max_length of its config, 0 if absurd or none */

/* Text of ids: pieces joined, "##" glued, U+2581 a space, bytes put together, special
 * tokens left out if `skip_special`. Into an enc_mem block that the caller frees; NULL:
 * no memory. */
char *enc_tok_decode(const enc_tok *t, const int32_t *ids, size_t n, bool skip_special);

/* What one piece is in a text: without "##", and without the space before it. */
struct enc_wr;
void enc_tok_write_piece(const enc_tok *t, int32_t id, struct enc_wr *out);

/* Every file needed to open it again, as bytes (for save): tokenizer.json says all of any
 * tokenizer; vocab.txt with tokenizer_config.json says all of WordPiece, and of the
 * others only the pieces. */
void enc_tok_write_vocab(const enc_tok *t, struct enc_wr *out);
void enc_tok_write_config(const enc_tok *t,
                          struct enc_wr *out);                 /* tokenizer_config.json */
void enc_tok_write_json(const enc_tok *t, struct enc_wr *out); /* tokenizer.json */

#endif
