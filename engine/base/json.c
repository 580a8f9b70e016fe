/* json.c - see json.h.
 *
 * jansson parses by recursion, 2048 deep at most, so the depth is checked first, by a
 * loop. What it says about a bad document may quote that document: only a short,
 * printable piece of it passes into our sentence. */
#include "base/json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

#define QUOTE_MAX 40 /* bytes of a document that a sentence may repeat */

struct enc_json {
    json_t *root;
};

/* Says where brackets open more than ENC_JSON_DEPTH deep. Brackets within strings do not
 * count; whether they match is for the parser to find out. */
static enc_rc check_depth(enc_bytes text, const char *what, enc_err *e)
{
    size_t depth = 0, line = 1, line_start = 0;
    bool in_text = false;

    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.at[i];

        if (c == '\n') line++, line_start = i + 1;
        if (in_text) {
            if (c == '\\') i++;
            else if (c == '"') in_text = false;
            continue;
        }
        if (c == '"') in_text = true;
        else if (c == '[' || c == '{') depth++;
        else if ((c == ']' || c == '}') && depth > 0) depth--;
        if (depth > ENC_JSON_DEPTH)
            return enc_fail(e, ENC_RANGE, "%s: line %zu col %zu: nested deeper than %d",
                            what, line, i - line_start + 1, ENC_JSON_DEPTH);
    }
    return ENC_OK;
}

/* "unexpected token near 'x'" with x cut short and made printable. */
static void tidy(const char *text, char *out, size_t n)
{
    const char *near = strstr(text, " near '");
    size_t n_head = near != NULL ? (size_t)(near - text) : strlen(text);
    size_t at = 0, quoted = 0;

    for (size_t i = 0; i < n_head && at + 1 < n; i++) out[at++] = text[i];
    if (near != NULL) {
        for (const char *c = near; *c != '\0' && at + 5 < n; c++) {
            if (quoted++ == QUOTE_MAX) {
                memcpy(out + at, "...'", 4), at += 4;
                break;
            }
            out[at++] = *c >= ' ' && *c <= '~' ? *c : '?';
        }
    }
    out[at] = '\0';
}

static enc_rc fail_parse(const json_error_t *error, const char *what, enc_err *e)
{
    char text[JSON_ERROR_TEXT_LENGTH];

    tidy(error->text, text, sizeof text);
    return enc_fail(e, ENC_CORRUPT, "%s: line %d col %d: %s", what, error->line,
                    error->column, text);
}

/* When memory is short, jansson may say nothing, or that the token it could not store is
 * malformed. A document is believed to be so if a second reading says the same; if not,
 * and there is nothing to return, *is_short is true. */
static json_t *parse(enc_bytes text, json_error_t *error, bool *is_short)
{
    const char *at = (const char *)text.at;
    json_error_t first;
    json_t *root = json_loadb(at, text.n, JSON_REJECT_DUPLICATES, &first);

    *is_short = false;
    if (root == NULL) root = json_loadb(at, text.n, JSON_REJECT_DUPLICATES, error);
    if (root == NULL)
        *is_short = error->text[0] == '\0' || first.position != error->position ||
                    strcmp(first.text, error->text) != 0;
    return root;
}

enc_rc enc_json_open(enc_json **out, enc_bytes text, const char *what, enc_err *e)
{
    json_error_t error;
    bool is_short;
    enc_json *j;
    enc_rc rc;

    *out = NULL;
    if (text.n == 0) return enc_fail(e, ENC_CORRUPT, "%s is empty", what);
    if ((rc = check_depth(text, what, e))) return rc;
    j = enc_mem_zero(sizeof *j);
    if (j == NULL) return enc_nomem(e);
    j->root = parse(text, &error, &is_short);
    if (j->root == NULL) {
        enc_json_close(j);
        return is_short ? enc_nomem(e) : fail_parse(&error, what, e);
    }
    *out = j;
    return ENC_OK;
}

void enc_json_close(enc_json *j)
{
    if (j == NULL) return;
    json_decref(j->root);
    enc_mem_free(j);
}

enc_json_value *enc_json_root(const enc_json *j)
{
    return j->root;
}

bool enc_json_is_object(enc_json_value *v)
{
    return json_is_object(v);
}

bool enc_json_is_array(enc_json_value *v)
{
    return json_is_array(v);
}

bool enc_json_is_text(enc_json_value *v)
{
    return json_is_string(v);
}

bool enc_json_is_int(enc_json_value *v)
{
    return json_is_integer(v);
}

bool enc_json_is_number(enc_json_value *v)
{
    return json_is_number(v);
}

bool enc_json_is_bool(enc_json_value *v)
{
    return json_is_boolean(v);
}

bool enc_json_is_null(enc_json_value *v)
{
    return json_is_null(v);
}

enc_json_value *enc_json_get(enc_json_value *object, const char *key)
{
    return json_object_get(object, key);
}

size_t enc_json_count(enc_json_value *v)
{
    return json_is_array(v) ? json_array_size(v) : json_object_size(v);
}

enc_json_value *enc_json_at(enc_json_value *array, size_t i)
{
    return json_array_get(array, i);
}

const char *enc_json_text(enc_json_value *v, size_t *n)
{
    if (n != NULL) *n = json_string_length(v);
    return json_string_value(v);
}

long long enc_json_int(enc_json_value *v)
{
    return json_integer_value(v);
}

double enc_json_number(enc_json_value *v)
{
    return json_number_value(v);
}

bool enc_json_true(enc_json_value *v)
{
    return json_is_true(v);
}

/* jansson's iterators are not const, though reading through them changes nothing. */
enc_json_value *enc_json_member(enc_json_value *object, size_t i, const char **key)
{
    json_t *o = (json_t *)object;
    void *at = NULL;

    if (!json_is_object(o)) return NULL;
    if (i == 0) at = json_object_iter(o);
    else if (*key != NULL) at = json_object_iter_next(o, json_object_key_to_iter(*key));
    if (at == NULL) return NULL;
    *key = json_object_iter_key(at);
    return json_object_iter_value(at);
}
