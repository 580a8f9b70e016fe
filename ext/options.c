/* options.c - see options.h. */
#include "options.h"

#include <stdio.h>
#include <string.h>

const char *ext_option_quote(char out[80], enc_json_value *v)
{
    size_t n;
    const char *text = enc_json_text(v, &n);

    if (text != NULL) return ext_quote(out, text, n);
    if (enc_json_is_int(v)) snprintf(out, 80, "%lld", enc_json_int(v));
    else if (enc_json_is_number(v)) snprintf(out, 80, "%g", enc_json_number(v));
    else if (enc_json_is_bool(v)) return enc_json_true(v) ? "true" : "false";
    else return enc_json_is_array(v) ? "an array" : "an object";
    return out;
}

static bool wrong_kind(ext_call *c, const ext_option *o, enc_json_value *v)
{
    char quoted[80];
    static const char *const wanted[] = {"a whole number, at least 0",
                                         "a whole number, at least 0", "a number",
                                         "true or false", "a text"};
    return ext_fail(c, SQLITE_MISMATCH, "option %s must be %s (got %s)", o->name,
                    wanted[o->kind], ext_option_quote(quoted, v));
}

/* One option into its field; texts into the arena, as JSON goes when the row does. */
static bool set_option(ext_call *c, const ext_option *o, enc_json_value *v, char *to,
                       enc_arena *arena)
{
    const char *text;
    size_t n;

    switch (o->kind) {
    case EXT_OPTION_SIZE:
    case EXT_OPTION_SEED:
        if (!enc_json_is_int(v) || enc_json_int(v) < 0) return wrong_kind(c, o, v);
        if (o->kind == EXT_OPTION_SIZE) *(size_t *)(void *)to = (size_t)enc_json_int(v);
        else *(uint64_t *)(void *)to = (uint64_t)enc_json_int(v);
        return true;
    case EXT_OPTION_REAL:
        if (!enc_json_is_number(v)) return wrong_kind(c, o, v);
        *(double *)(void *)to = enc_json_number(v);
        return true;
    case EXT_OPTION_FLAG:
        if (!enc_json_is_bool(v)) return wrong_kind(c, o, v);
        *(bool *)(void *)to = enc_json_true(v);
        return true;
    case EXT_OPTION_TEXT:
        if ((text = enc_json_text(v, &n)) == NULL) return wrong_kind(c, o, v);
        if ((text = enc_arena_text(arena, text, n)) == NULL) return ext_nomem(c);
        *(const char **)(void *)to = text;
        return true;
    }
    return true;
}

static bool unknown_option(ext_call *c, const char *key, const ext_option *table,
                           size_t n)
{
    char quoted[80], names[440] = "";
    size_t used = 0;

    for (size_t i = 0; i < n && used + strlen(table[i].name) + 3 < sizeof names; i++) {
        sqlite3_snprintf((int)(sizeof names - used), names + used, "%s%s",
                         i > 0 ? ", " : "", table[i].name);
        used += strlen(names + used);
    }
    return ext_fail(c, SQLITE_ERROR, "unknown option %s (there are: %s)",
                    ext_quote(quoted, key, strlen(key)), names);
}

bool ext_options_read(ext_call *c, int i, const ext_option *table, size_t n, void *to,
                      enc_arena *arena)
{
    enc_bytes text;
    enc_json *json = NULL;
    enc_json_value *v;
    const char *key;
    bool ok = true;

    if (!ext_arg_text(c, i, "options", &text)) return false;
    if (text.at == NULL) return true;
    if (ext_failed(c, enc_json_open(&json, text, "options", &c->err))) return false;
    if (!enc_json_is_object(enc_json_root(json)))
        ok = ext_fail(c, SQLITE_MISMATCH, "options must be a JSON object");
    for (size_t k = 0; ok && (v = enc_json_member(enc_json_root(json), k, &key)); k++) {
        size_t j = 0;
        while (j < n && strcmp(table[j].name, key) != 0) j++;
        if (j == n) ok = unknown_option(c, key, table, n);
        else if (!enc_json_is_null(v))
            ok = set_option(c, &table[j], v, (char *)to + table[j].offset, arena);
    }
    enc_json_close(json);
    return ok;
}
