/* tok.h - text -> tokens: norm, then the model, then special tokens. Read-only once open.
 *
 *     [CLS] a [SEP]            segment 0
 *     [CLS] a [SEP] b [SEP]    segments 0 ... 0 1 ... 1
 *
 * Special tokens written literally in the text ("[MASK]") are that token, as in Hugging
 * Face's tokenizers; their other spellings are ordinary text. */
#ifndef ENC_TOK_H
#define ENC_TOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rd.h"
#include "text/norm.h"
#include "text/vocab.h"
#include "text/wordpiece.h"

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
} enc_tokens;

typedef struct enc_tok_special {
    int32_t pad, unk, cls, sep, mask; /* -1: the vocabulary has none (mask, pad) */
} enc_tok_special;

/* Reads vocab.txt + tokenizer_config.json, or tokenizer.json (which wins if both are
 * there). Any may be {NULL, 0}. What we do not support is ENC_UNSUPPORTED and named. */
typedef struct enc_tok_files {
    enc_bytes vocab_txt;
    enc_bytes tokenizer_json;
    enc_bytes tokenizer_config;
    enc_bytes special_tokens_map;
} enc_tok_files;

enc_rc enc_tok_open(enc_tok **out, const enc_tok_files *files, enc_err *e);

/* From pieces that we trained: uncased, [PAD] [UNK] [CLS] [SEP] [MASK], Hangul whole.
 * Takes the vocabulary, also on failure. */
enc_rc enc_tok_new(enc_tok **out, enc_vocab *vocab, enc_norm_rules rules, enc_err *e);
void enc_tok_close(enc_tok *t);

void enc_tokens_init(enc_tokens *ts);
void enc_tokens_clear(enc_tokens *ts);

/* Tokens of `a`, or of the pair if b.at is not NULL, at most n_max (>= 2, or 3 for a
 * pair; 0: no limit). Truncation drops from the end of the longer text first, as BERT and
 * Hugging Face's "longest_first" do. `add_special` false leaves [CLS] and [SEP] out. */
enc_rc enc_tok_encode(const enc_tok *t, enc_bytes a, enc_bytes b, size_t n_max,
                      bool add_special, enc_tokens *out, enc_err *e);

/* Calls visit with each word of the text and its n >= 1 pieces, whose places are those in
 * the text; false ends the walk. Here special tokens in the text are ordinary words. Both
 * are borrowed until visit returns. The one piece of a word that has none is `unk`. */
typedef bool enc_tok_visit(void *arg, const enc_word *word, const enc_piece *pieces,
                           size_t n);
enc_rc enc_tok_walk(const enc_tok *t, enc_bytes text, enc_tok_visit *visit, void *arg,
                    enc_err *e);

const enc_vocab *enc_tok_vocab(const enc_tok *t);
enc_tok_special enc_tok_specials(const enc_tok *t);
enc_norm_rules enc_tok_rules(const enc_tok *t);
const char *enc_tok_prefix(const enc_tok *t); /* of a piece inside a word: "##" */
bool enc_tok_is_special(const enc_tok *t, int32_t id); /* [CLS] and the like, by id */
bool enc_tok_is_subword(const enc_tok *t, int32_t id); /* continues a word: "##..." */
size_t
enc_tok_max(const enc_tok *t); /* model_max_length of its config, 0 if absurd or none */

/* Text of ids: pieces joined, "##" glued, special tokens left out if `skip_special`. Into
 * an enc_mem block that the caller frees; NULL: no memory. */
char *enc_tok_decode(const enc_tok *t, const int32_t *ids, size_t n, bool skip_special);

/* Every file needed to open it again, as bytes (for save): vocab.txt and the JSON ones.
 */
struct enc_wr;
void enc_tok_write_vocab(const enc_tok *t, struct enc_wr *out);
void enc_tok_write_config(const enc_tok *t,
                          struct enc_wr *out);                 /* tokenizer_config.json */
void enc_tok_write_json(const enc_tok *t, struct enc_wr *out); /* tokenizer.json */

#endif
