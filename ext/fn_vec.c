/* fn_vec.c - vectors as SQL values: vector, vector_json, vector_dims.
 *
 * A vector is a BLOB of float32, little-endian, with subtype 223. */
#include "ext.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is below is rounded to a float32, and not to infinity. */
#define FLOAT_END 0x1.ffffffp127

/* The values of a JSON array. */
static bool from_json(ext_call *c, enc_json_value *array, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        enc_json_value *v = enc_json_at(array, i);
        double number = enc_json_number(v);
        if (!enc_json_is_number(v))
            return ext_fail(c, SQLITE_ERROR, "value %zu is not a number", i);
        if (fabs(number) >= FLOAT_END)
            return ext_fail(c, SQLITE_ERROR, "value %zu does not fit a float32 (got %g)",
                            i, number);
        out[i] = (float)number;
    }
    return true;
}

static void vector(ext_call *c)
{
    const float *v;
    enc_bytes text;
    enc_json *json;
    size_t n;

    if (ext_is_null(c, 0)) return;
    if (sqlite3_value_type(c->argv[0]) == SQLITE_BLOB) {
        if (ext_arg_vector(c, 0, "vector", &v, &n)) ext_result_vector(c->ctx, v, n);
        return;
    }
    if (!ext_arg_word(c, 0, "json", &text)) return;
    if (ext_failed(c, enc_json_open(&json, text, "json", &c->err))) return;
    enc_json_value *root = enc_json_root(json);
    n = enc_json_count(root);
    if (!enc_json_is_array(root)) {
        ext_fail(c, SQLITE_ERROR, "a JSON array of numbers expected");
    } else if (n == 0) {
        ext_fail(c, SQLITE_ERROR, "at least one number expected, got []");
    } else if (n > ENC_DIMS_MAX) {
        ext_fail(c, SQLITE_ERROR, "too many values (got %zu, limit %d)", n, ENC_DIMS_MAX);
    } else {
        float *out = ext_alloc(c, n, sizeof *out);
        if (out != NULL && from_json(c, root, out, n)) ext_result_vector(c->ctx, out, n);
    }
    enc_json_close(json);
}

/* The fewest digits that give the same float32 back. Both ways through the C library obey
 * the locale of the host, so its decimal point is replaced afterwards. */
static void write_float(enc_wr *w, float v)
{
    char text[48];
    int n = 0;

    if (v == 0 &&
        signbit(v)) { /* "-0" would be read as a whole number, which has no sign */
        enc_wr_text(w, "-0.0");
        return;
    }
    /* Six always come back, but for numbers so small that they have fewer. */
    for (int digits = fabsf(v) < FLT_MIN ? 1 : 6; digits <= 9; digits++) {
        n = snprintf(text, sizeof text, "%.*g", digits, (double)v);
        if (strtof(text, NULL) == v) break;
    }
    for (int i = 0; i < n; i++) {
        if (strchr("0123456789+-e", text[i]) != NULL) {
            enc_wr_u8(w, (uint8_t)text[i]);
        } else {
            enc_wr_u8(w, '.');
            while (i + 1 < n && strchr("0123456789+-e", text[i + 1]) == NULL)
                i++; /* a point of several bytes */
        }
    }
}

static void vector_json(ext_call *c)
{
    const float *v;
    size_t n;
    enc_wr w;

    if (!ext_arg_vector(c, 0, "vector", &v, &n) || v == NULL) return;
    enc_wr_init(&w);
    for (size_t i = 0; i < n; i++) {
        enc_wr_u8(&w, i == 0 ? '[' : ',');
        write_float(&w, v[i]);
    }
    enc_wr_u8(&w, ']');
    ext_result_wr(c->ctx, &w, true);
}

static void vector_dims(ext_call *c)
{
    const float *v;
    size_t n;

    if (!ext_arg_vector(c, 0, "vector", &v, &n) || v == NULL) return;
    sqlite3_result_int64(c->ctx, (sqlite3_int64)n);
}

int ext_register_vec(sqlite3 *db, ext_conn *conn)
{
    static const ext_fn fns[] = {
        {"vector", 1, 1, EXT_FN_PURE, vector, NULL},
        {"vector_json", 1, 1, EXT_FN_PURE, vector_json, NULL},
        {"vector_dims", 1, 1, EXT_FN_PURE, vector_dims, NULL},
    };
    return ext_fn_register(db, conn, fns, sizeof fns / sizeof fns[0]);
}
