/* json.h - parsed JSON, strictly (RFC 8259): UTF-8, no duplicate keys, limited depth and
 * size, an array or object at the top, no NUL in a text.
 *
 * Errors carry the line and column and repeat of the document one character at most, or
 * the key that is there twice. Values are borrowed from the document and live as long as
 * it does. */
#ifndef ENC_JSON_H
#define ENC_JSON_H

#include <stdbool.h>

#include "base/err.h"
#include "base/rd.h"

typedef struct enc_json enc_json;                  /* a document */
typedef const struct enc_json_node enc_json_value; /* any value in it; NULL: absent */

/* `what` names the document in errors: "config.json". */
enc_rc enc_json_open(enc_json **out, enc_bytes text, const char *what, enc_err *e);
void enc_json_close(enc_json *j);
enc_json_value *enc_json_root(const enc_json *j);

/* What a value is. All of these accept NULL and then say false, NULL or 0. */
bool enc_json_is_object(enc_json_value *v);
bool enc_json_is_array(enc_json_value *v);
bool enc_json_is_text(enc_json_value *v);
bool enc_json_is_int(enc_json_value *v);
bool enc_json_is_number(enc_json_value *v);
bool enc_json_is_bool(enc_json_value *v);
bool enc_json_is_null(enc_json_value *v); /* a JSON null, not an absent value */

enc_json_value *enc_json_get(enc_json_value *object, const char *key); /* NULL if none */
size_t enc_json_count(enc_json_value *v); /* of an array or object */
enc_json_value *enc_json_at(enc_json_value *array, size_t i);

/* A text's bytes, NUL-terminated; NULL if it is none. n may be NULL. */
const char *enc_json_text(enc_json_value *v, size_t *n);
long long enc_json_int(enc_json_value *v);
double enc_json_number(enc_json_value *v); /* of an int or a real */
bool enc_json_true(enc_json_value *v);     /* v is true */

/* The i-th member of an object, in the order of the document; NULL at the end, and *key
 * is as it was. */
enc_json_value *enc_json_member(enc_json_value *object, size_t i, const char **key);

#endif
