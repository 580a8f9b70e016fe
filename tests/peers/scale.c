/* scale.c - how the time of a search grows with the table: 10,000 rows and more, exact,
 * k = 10, one thread and all, with the vectors of a query ready.
 *
 *   scale             up to 300,000 rows
 *   scale --million   up to 1,000,000; needs 2.5 GB in $TMPDIR
 *
 * One table grows. Vectors are unit vectors around centres, a hundred to each. */
#include <sqlite3.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "clock.h"
#include "enc.h"

#define DIMS    384
#define CLUSTER 100
#define SPREAD  0.7f /* how long the way from the centre is */
#define QUERIES 25

int sqlite3_encoder_init(sqlite3 *db, char **message,
                         const struct sqlite3_api_routines *api);

static void check(sqlite3 *db, int rc, const char *what)
{
    if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW) return;
    fprintf(stderr, "scale: %s: %s\n", what, sqlite3_errmsg(db));
    exit(1);
}

static void run(sqlite3 *db, const char *sql)
{
    check(db, sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = NULL;
    check(db, sqlite3_prepare_v2(db, sql, -1, &s, NULL), sql);
    return s;
}

/* Vector i of one of n / CLUSTER groups. */
static void make_vector(size_t i, size_t n, float *v)
{
    enc_rng centre = {i * 7919 % (n / CLUSTER)}, own = {(i + 1) * 1000003};
    float square = 0.0f;
    for (size_t j = 0; j < DIMS; j++) {
        v[j] = enc_rng_unit(&centre) - 0.5f + SPREAD * (enc_rng_unit(&own) - 0.5f);
        square += v[j] * v[j];
    }
    for (size_t j = 0; j < DIMS; j++) v[j] /= sqrtf(square);
}

/* Rows from + 1 to n. */
static void grow(sqlite3 *db, size_t from, size_t n, size_t n_last)
{
    float v[DIMS];
    run(db, "BEGIN");
    sqlite3_stmt *s = prepare(db, "INSERT INTO x(rowid, v) VALUES(?, ?)");
    for (size_t i = from; i < n; i++) {
        make_vector(i, n_last, v);
        sqlite3_bind_int64(s, 1, (sqlite3_int64)i + 1);
        sqlite3_bind_blob(s, 2, v, sizeof v, SQLITE_STATIC);
        check(db, sqlite3_step(s), "insert");
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    run(db, "COMMIT");
}

/* Median milliseconds of a search; the first few warm up. */
static double search_ms(sqlite3 *db, size_t n_last, size_t n_threads)
{
    double ms[QUERIES];
    float v[DIMS];
    sqlite3_stmt *s = prepare(db, "SELECT rowid, distance FROM x WHERE x MATCH ? AND "
                                  "k = 10");
    enc_threads_set(n_threads);
    for (int i = -3; i < QUERIES; i++) {
        make_vector(n_last + (size_t)(i + 3) * 13, n_last, v);
        double start = now();
        sqlite3_bind_blob(s, 1, v, sizeof v, SQLITE_STATIC);
        while (sqlite3_step(s) == SQLITE_ROW) {}
        check(db, sqlite3_reset(s), "search");
        if (i >= 0) ms[i] = 1e3 * (now() - start);
    }
    enc_threads_set(0);
    sqlite3_finalize(s);
    qsort(ms, QUERIES, sizeof *ms, by_value);
    return ms[QUERIES / 2];
}

static int init(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    int rc = sqlite3_encoder_init(db, message, api);
    return rc == SQLITE_OK_LOAD_PERMANENTLY ? SQLITE_OK : rc;
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {10000, 30000, 100000, 300000, 1000000};
    bool is_million = argc == 2 && strcmp(argv[1], "--million") == 0;
    size_t n_sizes = is_million ? 5 : 4, n_last = sizes[n_sizes - 1];
    sqlite3 *db = NULL;

    if (argc > (is_million ? 2 : 1)) {
        fprintf(stderr, "usage: scale [--million]\n");
        return 2;
    }
    sqlite3_auto_extension((void (*)(void))init);
    check(db, sqlite3_open("", &db), "open"); /* in a temporary file */
    run(db, "CREATE VIRTUAL TABLE x USING similarity(v VECTOR(384))");
    printf("| rows of %d | search, ms, one thread | all threads | GB/s of codes |\n"
           "|---|---|---|---|\n",
           DIMS);
    for (size_t i = 0; i < n_sizes; i++) {
        grow(db, i == 0 ? 0 : sizes[i - 1], sizes[i], n_last);
        double one = search_ms(db, n_last, 1), all = search_ms(db, n_last, 0);
        printf("| %zu | %.3f | %.3f | %.1f |\n", sizes[i], one, all,
               (double)(sizes[i] * DIMS) / all / 1e6);
        fflush(stdout);
    }
    sqlite3_close(db);
    return 0;
}
