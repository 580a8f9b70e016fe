/* normal.h - the steps of a tokenizer.json's normalizer, one after the other, with
 * places.
 *
 * BERT's own rules before BERT's own splitting are norm.h, which is faster; this is for
 * all else. The precompiled map takes the longest key at each place, as SentencePiece
 * does; Hugging Face's tokenizers take the shortest of a grapheme of less than six bytes
 * and single characters of a longer one, so that Hangul in jamo stays in jamo there and
 * becomes syllables here. */
#ifndef ENC_NORMAL_H
#define ENC_NORMAL_H

#include "base/err.h"
#include "text/charsmap.h"
#include "text/form.h"
#include "text/norm.h"
#include "text/placed.h"

typedef enum enc_step_kind {
    ENC_STEP_FORM,          /* NFC, NFD, NFKC, NFKD */
    ENC_STEP_PRECOMPILED,   /* Precompiled */
    ENC_STEP_LOWER,         /* Lowercase */
    ENC_STEP_STRIP,         /* Strip: white space at the ends */
    ENC_STEP_STRIP_ACCENTS, /* StripAccents: category M* */
    ENC_STEP_REPLACE,       /* Replace of a text */
    ENC_STEP_SPACES,        /* Replace of " {2,}" or "\s+" */
    ENC_STEP_PREPEND,       /* Prepend */
    ENC_STEP_BERT,          /* BertNormalizer */
    ENC_STEP_MARK /* what Metaspace and ByteLevel do before they split: puts `to`
                   * before a text that does not begin with it, and in place of
                   * every space */
} enc_step_kind;

/* Whether a mark is put before a text; FIRST: only where the original begins. */
typedef enum enc_prepend { ENC_NEVER, ENC_FIRST, ENC_ALWAYS } enc_prepend;

typedef struct enc_step {
    enc_step_kind kind;
    enc_form form;
    enc_norm_rules rules; /* of BERT */
    bool left, right;     /* of Strip */
    enc_bytes from, to;   /* of Replace and " {2,}"; to: of Prepend and MARK; borrowed */
    enc_prepend prepend;  /* of MARK */
    bool by_white;        /* of SPACES: white space of any kind, also one alone. Of MARK:
                           * words parted by white space of any kind, which goes
                           * away, each with a mark before it (WhitespaceSplit) */
    enc_charsmap *map;    /* borrowed */
} enc_step;

typedef struct enc_normal {
    const enc_step *steps; /* n_steps; borrowed */
    size_t n_steps;
    enc_placed text;  /* what came out */
    enc_placed other; /* private */
} enc_normal;

/* ask: while a text is on its way; may be NULL. */
void enc_normal_init(enc_normal *n, const enc_step *steps, size_t n_steps, enc_ask *ask);
void enc_normal_clear(enc_normal *n);

/* Normalizes text[from..to) of the original into n->text. What was put there has the
 * place of the character behind it. */
enc_rc enc_normal_run(enc_normal *n, const uint8_t *text, size_t from, size_t to,
                      enc_err *e);

#endif
