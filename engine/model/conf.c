/* conf.c - see conf.h. */
#include "model/conf.h"

#include <float.h>
#include <string.h>

#include "base/limits.h"
#include "base/wr.h"

enc_rc enc_conf_open(enc_conf *r, const char *what)
{
    enc_bytes text;
    enc_rc rc;

    r->what = what;
    r->json = NULL;
    r->root = NULL;
    if ((rc = enc_files_get(r->f, what, ENC_JSON_MAX, &text, r->e))) return rc;
    if (text.at == NULL) return ENC_OK;
    if ((rc = enc_json_open(&r->json, text, what, r->e))) return rc;
    r->root = enc_json_root(r->json);
    return ENC_OK;
}

void enc_conf_close(enc_conf *r)
{
    enc_json_close(r->json);
    r->json = NULL;
}

enc_json_value *enc_conf_member(const enc_conf *r, const char *key)
{
    enc_json_value *v = enc_json_get(r->root, key);
    return enc_json_is_null(v) ? NULL : v;
}

enc_rc enc_conf_size(enc_conf *r, const char *key, size_t max, size_t *out)
{
    enc_json_value *v = enc_conf_member(r, key);
    long long n = enc_json_int(v);

    if (v == NULL) return enc_fail(r->e, ENC_CORRUPT, "%s: missing \"%s\"", r->what, key);
    if (!enc_json_is_int(v))
        return enc_fail(r->e, ENC_CORRUPT, "%s: %s is not a whole number", r->what, key);
    if (n < 1)
        return enc_fail(r->e, ENC_RANGE, "%s: %s is %lld, expected 1 to %zu", r->what,
                        key, n, max);
    if ((unsigned long long)n > max)
        return enc_fail(r->e, ENC_RANGE, "%s: %s too large (got %lld, limit %zu)",
                        r->what, key, n, max);
    *out = (size_t)n;
    return ENC_OK;
}

enc_rc enc_conf_size_if(enc_conf *r, const char *key, size_t max, size_t *out)
{
    return enc_conf_member(r, key) == NULL ? ENC_OK : enc_conf_size(r, key, max, out);
}

enc_rc enc_conf_number_if(enc_conf *r, const char *key, float *out)
{
    enc_json_value *v = enc_conf_member(r, key);
    double x = enc_json_number(v);

    if (v == NULL) return ENC_OK;
    if (!enc_json_is_number(v))
        return enc_fail(r->e, ENC_CORRUPT, "%s: %s is not a number", r->what, key);
    if (!((float)x > 0.0f && x <= (double)FLT_MAX))
        return enc_fail(r->e, ENC_RANGE, "%s: %s is %g, expected more than 0", r->what,
                        key, x);
    *out = (float)x;
    return ENC_OK;
}

enc_rc enc_conf_choose(enc_conf *r, const char *key, const char *name,
                       const enc_choice *choices, size_t n, int *out)
{
    enc_wr known;
    enc_rc rc;

    for (size_t i = 0; i < n; i++) {
        if (strcmp(choices[i].name, name) != 0) continue;
        *out = choices[i].value;
        return ENC_OK;
    }
    enc_wr_init(&known);
    for (size_t i = 0; i < n; i++)
        enc_wr_format(&known, "%s%s", i > 0 ? ", " : "", choices[i].name);
    rc = known.failed
             ? enc_nomem(r->e)
             : enc_fail(r->e, ENC_UNSUPPORTED, "%s: %s '%.60s' not supported (%.*s)",
                        r->what, key, name, (int)known.n, (const char *)known.at);
    enc_wr_clear(&known);
    return rc;
}

enc_rc enc_conf_choose_member(enc_conf *r, const char *key, const enc_choice *choices,
                              size_t n, int *out)
{
    enc_json_value *v = enc_conf_member(r, key);

    if (v == NULL) return ENC_OK;
    if (!enc_json_is_text(v))
        return enc_fail(r->e, ENC_CORRUPT, "%s: %s is not a text", r->what, key);
    return enc_conf_choose(r, key, enc_json_text(v, NULL), choices, n, out);
}

enc_rc enc_conf_keep(enc_conf *r, const char *text, const char **out)
{
    *out = enc_arena_text(r->a, text, strlen(text));
    return *out == NULL ? enc_nomem(r->e) : ENC_OK;
}

const char *enc_conf_last(const char *dotted)
{
    const char *dot = strrchr(dotted, '.');
    return dot == NULL ? dotted : dot + 1;
}

enc_rc enc_conf_read(enc_conf *r, const char *what, enc_rc (*read)(enc_conf *))
{
    enc_rc rc = enc_conf_open(r, what);

    if (rc == ENC_OK) rc = read(r);
    enc_conf_close(r);
    return rc;
}

enc_rc enc_conf_check_object(enc_conf *r)
{
    if (enc_json_is_object(r->root)) return ENC_OK;
    return enc_fail(r->e, ENC_CORRUPT, "%s is not an object", r->what);
}

bool enc_conf_is_plain(const char *path)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._-";

    return path[0] != '\0' && path[0] != '.' && path[strspn(path, allowed)] == '\0';
}
