/* json.c - see json.h, and json_parts.h for how a document lies in memory.
 *
 * That no library reads JSON here has one reason: any allocation may fail. jansson, which
 * would do otherwise, goes on when its buffer for a long token cannot grow, and writes
 * beyond its end; and its allocator is one for the whole process, so not ours to set. */
#include "base/json.h"

#include <string.h>

#include "base/json_parts.h"
#include "base/limits.h"
#include "base/mem.h"

enc_rc enc_json_open(enc_json **out, enc_bytes text, const char *what, enc_err *e)
{
    enc_json *j;
    enc_rc rc;

    *out = NULL;
    if (text.n == 0) return enc_fail(e, ENC_CORRUPT, "%s is empty", what);
    if (text.n > ENC_TEXT_MAX)
        return enc_fail(e, ENC_RANGE, "%s has %zu bytes, limit %zu", what, text.n,
                        ENC_TEXT_MAX);
    j = enc_mem_zero(sizeof *j);
    if (j == NULL) return enc_nomem(e);
    rc = enc_json_read(j, text, what, e);
    if (rc == ENC_OK) *out = j;
    else enc_json_close(j);
    return rc;
}

void enc_json_close(enc_json *j)
{
    if (j == NULL) return;
    enc_mem_free(j->texts);
    enc_mem_free(j->nodes);
    enc_mem_free(j);
}

enc_json_value *enc_json_root(const enc_json *j)
{
    return j->nodes + j->n - 1;
}

static bool is(enc_json_value *v, enc_json_kind kind)
{
    return v != NULL && v->kind == kind;
}

bool enc_json_is_object(enc_json_value *v)
{
    return is(v, ENC_JSON_OBJECT);
}

bool enc_json_is_array(enc_json_value *v)
{
    return is(v, ENC_JSON_ARRAY);
}

bool enc_json_is_text(enc_json_value *v)
{
    return is(v, ENC_JSON_TEXT);
}

bool enc_json_is_int(enc_json_value *v)
{
    return is(v, ENC_JSON_INT);
}

bool enc_json_is_number(enc_json_value *v)
{
    return is(v, ENC_JSON_INT) || is(v, ENC_JSON_REAL);
}

bool enc_json_is_bool(enc_json_value *v)
{
    return is(v, ENC_JSON_TRUE) || is(v, ENC_JSON_FALSE);
}

bool enc_json_is_null(enc_json_value *v)
{
    return is(v, ENC_JSON_NULL);
}

enc_json_value *enc_json_get(enc_json_value *object, const char *key)
{
    if (!enc_json_is_object(object)) return NULL;
    const enc_json_node *members = object - object->items;
    const size_t found = enc_json_find(members, object->n, key, strlen(key));

    return found < object->n ? members + 2 * found + 1 : NULL;
}

size_t enc_json_count(enc_json_value *v)
{
    return enc_json_is_array(v) || enc_json_is_object(v) ? v->n : 0;
}

enc_json_value *enc_json_at(enc_json_value *array, size_t i)
{
    return enc_json_is_array(array) && i < array->n ? array - array->items + i : NULL;
}

const char *enc_json_text(enc_json_value *v, size_t *n)
{
    const bool is_text = enc_json_is_text(v);

    if (n != NULL) *n = is_text ? v->n : 0;
    return is_text ? v->text : NULL;
}

long long enc_json_int(enc_json_value *v)
{
    return enc_json_is_int(v) ? v->integer : 0;
}

double enc_json_number(enc_json_value *v)
{
    return is(v, ENC_JSON_REAL) ? v->real : (double)enc_json_int(v);
}

bool enc_json_true(enc_json_value *v)
{
    return is(v, ENC_JSON_TRUE);
}

enc_json_value *enc_json_member(enc_json_value *object, size_t i, const char **key)
{
    if (!enc_json_is_object(object) || i >= object->n) return NULL;
    const enc_json_node *member = object - object->items + 2 * i;

    *key = member->text;
    return member + 1;
}
