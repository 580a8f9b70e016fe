/* norm.h - text -> words, by BERT's own rules, each with its place in the original.
 *
 * The rules are those of BasicTokenizer in google-research/bert (tokenization.py): clean
 * up control characters and white space, put spaces around ideographs, lower-case, strip
 * accents (NFD without Mn; Hangul, which NFD would take apart, is composed again - that is
 * what the reference's ids show, see vocabularies that were trained on NFD in norm.c),
 * split on white space and punctuation. Special tokens of the vocabulary that stand in the
 * text literally are not words of it; tok.h deals with them.
 *
 * One pass, linear in the text, memory for one word at a time. */
#ifndef ENC_NORM_H
#define ENC_NORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct enc_norm_rules {
    bool clean_text;    /* drop NUL, U+FFFD and controls; every white space is a space */
    bool chinese_chars; /* tokenize_chinese_chars: ideographs stand alone */
    bool lower_case;    /* do_lower_case */
    bool strip_accents; /* after resolving null: follows lower_case */
    bool keep_hangul;   /* syllables stay whole when accents are stripped (ours; Hugging
                         * Face's BertNormalizer takes them apart into jamo) */
} enc_norm_rules;

/* A word: normalized characters, and for each the byte range in the text it came from. */
typedef struct enc_word {
    const uint8_t *bytes;  /* normalized UTF-8, n_bytes of it */
    size_t n_bytes;
    size_t n_chars;
    const uint32_t *start; /* n_bytes: for byte i, where the original character begins */
    const uint32_t *end;   /* n_bytes: and where it ends */
} enc_word;

/* A walk over a text. Storage is the caller's; buffers grow and are reused. */
typedef struct enc_norm {
    enc_norm_rules rules;
    const uint8_t *text;
    size_t n, at;
    /* private: the word being built */
    uint8_t *bytes;
    uint32_t *start, *end;
    size_t n_bytes, cap_bytes, cap_start, cap_end;
    uint32_t *pending; /* characters decomposed but not yet taken */
    size_t n_pending, cap_pending;
    size_t next_at; /* a word that ended because a lone character follows */
} enc_norm;

void enc_norm_init(enc_norm *w, enc_norm_rules rules);
void enc_norm_start(enc_norm *w, const void *text, size_t n); /* text is borrowed */

/* The next word, valid until the next call; *found is false at the end of the text. */
enc_rc enc_norm_next(enc_norm *w, enc_word *word, bool *found, enc_err *e);
void enc_norm_clear(enc_norm *w);

#endif
