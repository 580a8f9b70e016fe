/* utf8.h - Unicode as the tokenizers need it: decoding, categories, case, normal forms.
 *
 * The only file that includes utf8proc. Invalid bytes decode to U+FFFD, one for each
 * maximal ill-formed part (Unicode 15, section 3.9, "substitution of maximal subparts"),
 * and an embedded NUL is an ordinary character. */
#ifndef ENC_UTF8_H
#define ENC_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes one character of at[0..n), n > 0, and returns how many bytes it took, 1 to 4.
 */
size_t enc_utf8_decode(const uint8_t *at, size_t n, uint32_t *c);
size_t enc_utf8_encode(uint32_t c, uint8_t out[4]); /* returns the bytes written */

/* Whether all of it is well-formed and without a NUL, so that JSON can hold it. */
bool enc_utf8_is_text(const uint8_t *at, size_t n);

typedef enum enc_kind {
    ENC_PLAIN,       /* none of the others: letters, digits, symbols, unassigned */
    ENC_SPACE,       /* \t \n \r, space, category Z* */
    ENC_CONTROL,     /* category Cc Cf Co Cs, without \t \n \r */
    ENC_PUNCTUATION, /* category P*, and ASCII symbols (BERT's rule) */
    ENC_MARK,        /* category Mn: what accent stripping removes */
    ENC_OTHER_MARK   /* category Mc Me */
} enc_kind;

/* All of it in one look; the functions below ask for one kind. */
enc_kind enc_utf8_kind(uint32_t c);
bool enc_utf8_is_space(uint32_t c);
bool enc_utf8_is_control(uint32_t c);
bool enc_utf8_is_punctuation(uint32_t c);
bool enc_utf8_is_mark(uint32_t c);
bool enc_utf8_is_any_mark(uint32_t c); /* category M* */
bool enc_utf8_is_cjk(uint32_t c);      /* BERT's ideograph blocks; not Hangul or kana */
bool enc_utf8_is_hangul(uint32_t c);   /* a whole syllable */
bool enc_utf8_is_letter(uint32_t c);   /* category L* */
bool enc_utf8_is_number(uint32_t c);   /* category N* */
bool enc_utf8_is_word(uint32_t c);     /* Alphabetic, M* Nd Pc, joiners: \w of a regex */
bool enc_utf8_is_white(uint32_t c);    /* White_Space: \s of a regex */

/* Full lower case of one character, at most 3 characters into out; returns how many. */
size_t enc_utf8_lower(uint32_t c, uint32_t out[3]);

/* Canonical decomposition of one character (NFD, no reordering), at most 18. */
size_t enc_utf8_decompose(uint32_t c, uint32_t out[18]);
size_t enc_utf8_decompose_compatible(uint32_t c, uint32_t out[18]); /* NFKD */
int enc_utf8_combining_class(uint32_t c);

/* The character that NFC makes of a followed by b, or 0 if they stay two. */
uint32_t enc_utf8_compose(uint32_t a, uint32_t b);

#endif
