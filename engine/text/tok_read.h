/* tok_read.h - what the files tok_read*.c share: the files that are open while a
 * tokenizer is read, and the questions that all of them ask. */
#ifndef ENC_TOK_READ_H
#define ENC_TOK_READ_H

#include "base/json.h"
#include "text/tok_parts.h"

#define ENC_ECHO_MAX 40 /* bytes of a file that a sentence may repeat */

/* Names in sentences. */
#define ENC_TOKJSON  "tokenizer.json"
#define ENC_TOKCONF  "tokenizer_config.json"
#define ENC_TOKMAP   "special_tokens_map.json"
#define ENC_TOKVOCAB "vocab.txt"

typedef struct enc_tok_reading {
    enc_tok *t;
    const enc_tok_files *files;
    enc_json_value *root, *config, *map; /* NULL if there is no such file */
    enc_tok_cut cut;                     /* pieces, scores and merges */
} enc_tok_reading;

/* One for each source. */
enc_rc enc_tok_read_json(enc_tok_reading *r, enc_err *e);   /* tokenizer.json */
enc_rc enc_tok_read_spm(enc_tok_reading *r, enc_err *e);    /* a SentencePiece model */
enc_rc enc_tok_read_merges(enc_tok_reading *r, enc_err *e); /* vocab.json, merges.txt */
enc_rc enc_tok_read_bert(enc_tok_reading *r, enc_err *e);   /* vocab.txt */

/* Parts of a tokenizer.json: pre_tokenizer and normalizer; post_processor. */
enc_rc enc_tok_read_splitting(enc_tok_reading *r, enc_err *e);
enc_rc enc_tok_read_template(enc_tok_reading *r, enc_err *e);

/* Values. A bool that is absent or null stays; anything but true and false is refused. */
bool enc_tok_read_is(enc_json_value *v, const char *text);
enc_rc enc_tok_read_bool(enc_json_value *object, const char *key, const char *what,
                         bool *out, enc_err *e);
enc_rc enc_tok_read_word_max(enc_json_value *object, const char *what, size_t *out,
                             enc_err *e);
enc_rc enc_tok_read_prefix(enc_json_value *object, const char *key, const char *what,
                           char out[ENC_PREFIX_MAX + 1], enc_err *e);
enc_rc enc_tok_read_refuse(const char *what, const char *part, enc_json_value *type,
                           enc_err *e);

/* The text of a token: a string, or an object with "content". NULL if absent. */
const char *enc_tok_read_token(enc_json_value *v, size_t *n);

/* tokenizer_class of tokenizer_config.json without "Tokenizer" or "TokenizerFast" at its
 * end: whether it is this. */
bool enc_tok_read_is_class(const enc_tok_reading *r, const char *name);

/* The ids of all roles: as the files name them, else by their usual texts. */
void enc_tok_read_specials(enc_tok_reading *r);

/* Adds a token that is in the vocabulary, with the flags that a file gives it. */
enc_rc enc_tok_read_added(enc_tok_reading *r, int32_t id, enc_json_value *flags,
                          const char *what, enc_err *e);

/* The tokens of added_tokens_decoder in tokenizer_config.json, which must be in the
 * vocabulary, that of the file `where`. */
enc_rc enc_tok_read_added_of_config(enc_tok_reading *r, const char *where, enc_err *e);

/* The templates of one of the kinds of template.h, with the special tokens of t. */
void enc_tok_read_usual_template(enc_tok_reading *r, int kind);

/* Makes the vocabulary, and takes the scores, out of the cut. */
enc_rc enc_tok_read_vocab(enc_tok_reading *r, const char *what, enc_err *e);

#endif
