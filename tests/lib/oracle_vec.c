/* oracle_vec.c - see oracle_vec.h. */
#include "lib/oracle_vec.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search/vec.h"

#define DIMS_MAX 256

typedef struct vector {
    float at[DIMS_MAX];
    size_t n;
} vector;

static bool read_json(vector *v, const char *text)
{
    char *end;

    if (*text++ != '[') return false;
    do {
        if (v->n == DIMS_MAX) return false;
        v->at[v->n++] = strtof(text, &end);
        if (end == text) return false;
        text = end + 1;
    } while (*end == ',');
    return *end == ']' && *text == '\0';
}

static bool read_vector(vector *v, sqlite3_value *value)
{
    size_t n_bytes = (size_t)sqlite3_value_bytes(value);

    v->n = 0;
    if (sqlite3_value_type(value) == SQLITE_TEXT) {
        if (!read_json(v, (const char *)sqlite3_value_text(value))) return false;
    } else if (sqlite3_value_type(value) == SQLITE_BLOB) {
        if (n_bytes % sizeof(float) != 0 || n_bytes > sizeof v->at) return false;
        v->n = n_bytes / sizeof(float);
        if (n_bytes > 0) memcpy(v->at, sqlite3_value_blob(value), n_bytes);
    }
    for (size_t i = 0; i < v->n; i++)
        if (!isfinite(v->at[i])) return false;
    return v->n > 0;
}

/* The textbook's sums. NaN: there is no such distance. */
static double textbook(enc_metric m, const vector *a, const vector *b)
{
    double dot = 0.0, aa = 0.0, bb = 0.0, square = 0.0;

    for (size_t i = 0; i < a->n; i++) {
        double x = (double)a->at[i], y = (double)b->at[i];
        dot += x * y;
        aa += x * x;
        bb += y * y;
        square += (x - y) * (x - y);
    }
    if (m == ENC_DOT) return -dot;
    if (m == ENC_L2) return sqrt(square);
    return aa > 0.0 && bb > 0.0 ? 1.0 - dot / (sqrt(aa) * sqrt(bb)) : (double)NAN;
}

/* How much rounding may change it: a share of what was added up. */
static double tolerance(enc_metric m, const vector *a, const vector *b)
{
    double sum = 0.0;

    if (m == ENC_COSINE) return 1e-13;
    for (size_t i = 0; i < a->n; i++) {
        double x = fabs((double)a->at[i]), y = fabs((double)b->at[i]);
        sum += m == ENC_DOT ? x * y : x + y;
    }
    return 1e-13 * sum;
}

static void measure(sqlite3_context *ctx, sqlite3_value **argv, bool is_similarity)
{
    static const enc_metric metrics[] = {ENC_COSINE, ENC_DOT, ENC_L2};
    enc_metric m = metrics[*(const int *)sqlite3_user_data(ctx)];
    vector a, b;

    if (sqlite3_value_type(argv[0]) == SQLITE_NULL ||
        sqlite3_value_type(argv[1]) == SQLITE_NULL)
        return;
    if (!read_vector(&a, argv[0]) || !read_vector(&b, argv[1]) || a.n != b.n) {
        sqlite3_result_error(ctx, "not two vectors of one length", -1);
        return;
    }
    double want = textbook(m, &a, &b), d = enc_vec_distance(m, a.at, b.at, a.n);
    if (isnan(want) != isnan(d) || fabs(want - d) > tolerance(m, &a, &b)) {
        char *message =
            sqlite3_mprintf("enc_vec_distance gives %.17g for %.17g", d, want);
        sqlite3_result_error(ctx, message != NULL ? message : "no memory", -1);
        sqlite3_free(message);
        return;
    }
    if (isnan(d)) { /* the table calls it infinitely far, and not similar at all */
        if (!is_similarity) sqlite3_result_double(ctx, (double)INFINITY);
        return;
    }
    if (is_similarity)
        d = m == ENC_COSINE ? 1.0 - d : m == ENC_DOT ? -d : 1.0 / (1.0 + d);
    sqlite3_result_double(ctx, d);
}

static void distance(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)argc;
    measure(ctx, argv, false);
}

static void similarity(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)argc;
    measure(ctx, argv, true);
}

static void is_vector(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    vector v;
    int type = sqlite3_value_type(argv[0]), n = sqlite3_value_int(argv[1]);
    (void)argc;

    if (n == 0) sqlite3_result_int(ctx, type != SQLITE_BLOB);
    else
        sqlite3_result_int(ctx, type == SQLITE_NULL ||
                                    (read_vector(&v, argv[0]) && v.n == (size_t)n));
}

void oracle_vec_register(sqlite3 *db)
{
    static const char *const names[] = {"cosine", "dot", "l2"};
    static int metrics[] = {0, 1, 2};
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    char name[40];

    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s_distance", names[i]);
        sqlite3_create_function(db, name, 2, flags, &metrics[i], distance, NULL, NULL);
        snprintf(name, sizeof name, "%s_similarity", names[i]);
        sqlite3_create_function(db, name, 2, flags, &metrics[i], similarity, NULL, NULL);
    }
    sqlite3_create_function(db, "is_vector", 2, flags, NULL, is_vector, NULL, NULL);
}
