/* norm.h - text -> words, by BERT's own rules, each with its place in the original.
 *
 * The rules are those of BasicTokenizer in google-research/bert (tokenization.py), in the
 * order of Hugging Face's BertNormalizer: clean up control characters and white space,
 * let ideographs stand alone, strip accents (NFD without Mn), lower-case, split on white
 * space and punctuation. Special tokens of the vocabulary that stand in the text
 * literally are not words of it; tok.h deals with them.
 *
 * One pass, linear in the text, memory for one word at a time. */
#ifndef ENC_NORM_H
#define ENC_NORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ask.h"
#include "base/err.h"

typedef struct enc_norm_rules {
    bool clean_text;    /* drop NUL, U+FFFD and controls; every white space is a space */
    bool chinese_chars; /* tokenize_chinese_chars: ideographs stand alone */
    bool lower_case;    /* do_lower_case */
    bool strip_accents; /* after resolving null: follows lower_case */
    bool keep_hangul;   /* with strip_accents: compose again (NFC) what is left, so Hangul
                         * stays in syllables, also where the text has it in jamo. Ours;
                         * BERT's rules alone leave jamo */
    bool strip_marks;   /* with strip_accents: strip all marks (M*), not only Mn; that is
                         * the StripAccents normalizer of a tokenizer.json */
} enc_norm_rules;

/* A word: normalized characters, and for each the byte range in the text it came from.
 * An accent that was stripped belongs to the range of the character it stood on. */
typedef struct enc_word {
    const uint8_t *bytes; /* normalized UTF-8, n_bytes of it */
    size_t n_bytes;
    size_t n_chars;        /* may be more than are kept: see chars_max */
    const uint32_t *start; /* n_bytes: for byte i, where the original character begins */
    const uint32_t *end;   /* n_bytes: and where it ends */
} enc_word;

/* A walk over a text. Storage is the caller's; buffers grow and are reused. */
typedef struct enc_norm {
    enc_norm_rules rules;
    size_t chars_max; /* ENC_WORD_MAX unless changed before start. Of a longer word only
                       * chars_max + 1 characters are kept, the last of them with the end
                       * of the whole word; n_chars counts on */
    const uint8_t *text;
    size_t n, at;
    enc_ask *ask; /* while a word, or what is between two, is long; NULL after init */
    /* private: the word being built, and the character taken apart but not yet taken */
    uint32_t *start, *end;
    uint8_t *bytes;
    size_t n_bytes, n_chars, cap;
    size_t last;          /* where the last kept character begins in bytes */
    uint32_t last_char;   /* and which it is */
    uint32_t pending[54]; /* 18 of a decomposition, each up to 3 in lower case */
    uint8_t class[54];    /* what words make of each of them */
    size_t n_pending, i_pending;
    size_t pending_start, pending_end; /* where it stands in the text */
    size_t asked_at;                   /* how far the text was read when we asked */
} enc_norm;

void enc_norm_init(enc_norm *w, enc_norm_rules rules);

/* text is borrowed, at most ENC_TEXT_MAX bytes (more is refused by enc_norm_next). */
void enc_norm_start(enc_norm *w, const void *text, size_t n);

/* The next word, valid until the next call; *found is false at the end of the text. */
enc_rc enc_norm_next(enc_norm *w, enc_word *word, bool *found, enc_err *e);
void enc_norm_clear(enc_norm *w);

#endif
