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

/* Values. Of bools, up to the one without a key, what is absent or null stays; anything
 * but true and false is refused. */
typedef struct enc_tok_bool {
    const char *key;
    bool *to;
} enc_tok_bool;
bool enc_tok_read_is(enc_json_value *v, const char *text);
enc_bytes enc_tok_read_text(enc_json_value *v); /* {NULL, 0}: not a text */
int32_t enc_tok_read_id(enc_json_value *v);     /* -1: not one that a piece can have */
enc_rc enc_tok_read_bools(enc_json_value *object, const char *what,
                          const enc_tok_bool *bools, enc_err *e);
enc_rc enc_tok_read_word_max(enc_json_value *object, const char *what, size_t *out,
                             enc_err *e);
enc_rc enc_tok_read_prefix(enc_json_value *object, const char *key, const char *what,
                           char out[ENC_PREFIX_MAX + 1], enc_err *e);
enc_rc enc_tok_read_refuse(const char *what, const char *part, enc_json_value *type,
                           enc_err *e);

/* The text of a token: a string, or an object with "content". NULL if absent. */
const char *enc_tok_read_token(enc_json_value *v);

/* Enters a piece into the cut; the same again is fine, anything else at its id is not. */
enc_rc enc_tok_read_piece(enc_tok_reading *r, enc_json_value *id, enc_bytes text,
                          const char *what, enc_err *e);

/* Enters all of {"piece": id, ...}, which is `part` of the file `what`. */
enc_rc enc_tok_read_ids(enc_tok_reading *r, enc_json_value *vocab, const char *what,
                        const char *part, enc_err *e);

/* The text of the token that plays a role, "mask_token", in tokenizer_config.json or
 * else in special_tokens_map.json; NULL: neither says. */
const char *enc_tok_read_role(const enc_tok_reading *r, const char *role);

/* tokenizer_class of tokenizer_config.json without "Tokenizer" or "TokenizerFast" at its
 * end: whether it is this. */
bool enc_tok_read_is_class(const enc_tok_reading *r, const char *name);

/* Whether that class is one of those that split text as BERT's does, by rules of its own
 * and a vocab.txt. */
bool enc_tok_read_is_bert(const enc_tok_reading *r);

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

/* Makes the vocabulary, if there is none yet, and for Unigram takes the scores, out of
 * the cut. */
enc_rc enc_tok_read_vocab(enc_tok_reading *r, const char *what, enc_err *e);

#endif
