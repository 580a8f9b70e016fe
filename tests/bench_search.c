/* bench_search.c - the similarity table in figures: how long searches, writes and opening
 * take, and how much room the file needs. Printed as one table, never asserted.
 *
 *   bench_search             100,000 vectors of 384 values
 *   bench_search --million   1,000,000, searches only; needs 2.5 GB in $TMPDIR
 *
 * The vectors are unit vectors around centres, 100 to each, from a fixed seed, and so are
 * the queries; they are inserted ready-made. Where $ENCODER_PEER_VEC names the loadable
 * extension of sqlite-vec, or $ENCODER_PEER_VECTOR that of sqlite-vector, the same is
 * asked of them in the same run.
 *
 * Every time is that of a whole statement, from binding the query to the last row. Peers
 * take turns with the table, a few queries each, so that other work on the machine bears
 * on all alike; where one thread does all, its processor time is told too, which other
 * work bears on less. */
#include <sqlite3.h>

#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench_data.h"
#include "clock.h"
#include "enc.h"

#define TURN       ((size_t)10) /* queries before the next engine's turn */
#define WITH_PEERS 100000       /* vectors; with more, peers are not asked */
#define TEXTS      2000
#define REPEATS    3
#define PATH_BYTES 512

int sqlite3_encoder_init(sqlite3 *db, char **message,
                         const struct sqlite3_api_routines *api);

/* One way to ask, and what came of it. */
typedef struct engine {
    const char *name, *sql; /* parameter 1: the query; column 0: the rowid */
    sqlite3 *db;
    size_t n_threads; /* 0: the default */
    double ms[QUERIES], processor_ms[QUERIES];
    size_t n_found, n_rows;
} engine;

static char folder[PATH_BYTES - 64];

/* The value that so great a part of them lies under. */
static double quantile(const double *values, size_t n, double part)
{
    double sorted[QUERIES];
    memcpy(sorted, values, n * sizeof *values);
    qsort(sorted, n, sizeof *sorted, by_value);
    return sorted[(size_t)(part * (double)(n - 1) + 0.5)];
}

static void row(const char *what, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void row(const char *what, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("| %s | ", what);
    vprintf(format, args);
    printf(" |\n");
    va_end(args);
    fflush(stdout);
}

static void fail(sqlite3 *db, const char *what)
{
    fprintf(stderr, "bench_search: %s: %s\n", what, sqlite3_errmsg(db));
    exit(1);
}

/* ---- databases ---- */

static int init(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    int rc = sqlite3_encoder_init(db, message, api);
    return rc == SQLITE_OK_LOAD_PERMANENTLY ? SQLITE_OK : rc;
}

static void run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) fail(db, sql);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) fail(db, sql);
    return s;
}

/* One number from a statement; NaN where there is none. */
static double number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = prepare(db, sql);
    double value =
        sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_double(s, 0) : (double)NAN;
    if (sqlite3_finalize(s) != SQLITE_OK) fail(db, sql);
    return value;
}

static const char *path_of(const char *name, char *path /* PATH_BYTES */)
{
    snprintf(path, PATH_BYTES, "%s/%s", folder, name);
    return path;
}

static sqlite3 *open_at(const char *name)
{
    char path[PATH_BYTES];
    sqlite3 *db;
    if (sqlite3_open(path_of(name, path), &db) != SQLITE_OK) fail(db, path);
    run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    return db;
}

static void remove_file(const char *name)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[PATH_BYTES];
    for (int i = 0; i < 3; i++) {
        path_of(name, path);
        strncat(path, ends[i], PATH_BYTES - strlen(path) - 1);
        unlink(path);
    }
}

/* After everything has gone from the log into the file. */
static double file_bytes(sqlite3 *db, const char *name)
{
    char path[PATH_BYTES];
    struct stat info;
    run(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    return stat(path_of(name, path), &info) == 0 ? (double)info.st_size : (double)NAN;
}

/* Microseconds a row for inserting all vectors in one transaction. */
static double insert(sqlite3 *db, const char *sql, const data *d)
{
    double start = now();
    run(db, "BEGIN");
    sqlite3_stmt *s = prepare(db, sql);
    for (size_t i = 0; i < d->n; i++) {
        sqlite3_bind_int64(s, 1, (sqlite3_int64)i + 1);
        sqlite3_bind_blob(s, 2, d->x + i * DIMS, (int)(DIMS * sizeof(float)),
                          SQLITE_STATIC);
        if (sqlite3_bind_parameter_count(s) > 2)
            sqlite3_bind_int64(s, 3, (sqlite3_int64)(i % PARTS));
        if (sqlite3_step(s) != SQLITE_DONE) fail(db, sql);
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    run(db, "COMMIT");
    return 1e6 * (now() - start) / (double)d->n;
}

/* ---- asking ---- */

static void ask(engine *g, sqlite3_stmt *s, const data *d, const sqlite3_int64 *near,
                size_t i)
{
    double start = now(), processor = seconds(CLOCK_THREAD_CPUTIME_ID);
    size_t n = 0;
    sqlite3_int64 got[K];
    sqlite3_bind_blob(s, 1, d->q + i * DIMS, (int)(DIMS * sizeof(float)), SQLITE_STATIC);
    while (n < K && sqlite3_step(s) == SQLITE_ROW) got[n++] = sqlite3_column_int64(s, 0);
    if (sqlite3_reset(s) != SQLITE_OK) fail(g->db, g->sql);
    g->ms[i] = 1e3 * (now() - start);
    g->processor_ms[i] = 1e3 * (seconds(CLOCK_THREAD_CPUTIME_ID) - processor);
    for (size_t j = 0; j < n; j++)
        for (size_t l = 0; l < K; l++) g->n_found += got[j] == near[i * K + l];
    g->n_rows += K;
}

/* All queries to all engines, in turns; the first turn of each is a rehearsal. */
static void ask_all(engine *engines, size_t n, const data *d, const sqlite3_int64 *near)
{
    sqlite3_stmt *s[8];
    for (size_t j = 0; j < n; j++) s[j] = prepare(engines[j].db, engines[j].sql);
    for (size_t from = 0; from < QUERIES; from += TURN)
        for (size_t j = 0; j < n; j++) {
            enc_threads_set(engines[j].n_threads);
            size_t again = from == 0 ? 2 : 1;
            for (size_t i = 0; i < again * TURN; i++) {
                if (i == (again - 1) * TURN && from == 0)
                    engines[j].n_found = engines[j].n_rows = 0;
                ask(&engines[j], s[j], d, near, from + i % TURN);
            }
        }
    enc_threads_set(0);
    for (size_t j = 0; j < n; j++) sqlite3_finalize(s[j]);
}

static double recall(const engine *g)
{
    return (double)g->n_found / (double)g->n_rows;
}

static void report(const engine *g, const char *more)
{
    char processor[64] = "";
    if (g->n_threads == 1)
        snprintf(processor, sizeof processor, " (%.3f ms of processor)",
                 quantile(g->processor_ms, QUERIES, 0.5));
    row(g->name, "%.3f ms%s, 9 in 10 under %.3f ms, recall %.3f%s",
        quantile(g->ms, QUERIES, 0.5), processor, quantile(g->ms, QUERIES, 0.9),
        recall(g), more);
}

/* ---- memory ---- */

typedef struct reading {
    const uint64_t *at;
    size_t n, n_parts;
    uint64_t sum[64];
} reading;

static void read_part(void *arg, size_t part)
{
    reading *r = arg;
    uint64_t s[4] = {0};
    for (size_t i = r->n * part / r->n_parts; i + 4 <= r->n * (part + 1) / r->n_parts;
         i += 4)
        for (size_t j = 0; j < 4; j++) s[j] += r->at[i + j];
    r->sum[part] = s[0] + s[1] + s[2] + s[3];
}

/* Milliseconds for reading as many bytes as the codes of all vectors have, by as many
 * threads as the scan uses: the median. */
static double read_ms(size_t n_bytes)
{
    static volatile uint64_t sink;
    reading r = {room(n_bytes, 1), n_bytes / 8, 1, {0}};
    double ms[20];
    memset((void *)(uintptr_t)r.at, 1, n_bytes);
    r.n_parts = enc_threads_count() < 32 ? 2 * enc_threads_count() : 64;
    for (int i = -1; i < 20; i++) {
        double start = now();
        enc_threads_run(r.n_parts, read_part, &r);
        if (i >= 0) ms[i] = 1e3 * (now() - start);
        sink = sink + r.sum[0];
    }
    enc_mem_free((void *)(uintptr_t)r.at);
    return quantile(ms, 20, 0.5);
}

static void report_memory(const data *d, const engine *g)
{
    double bytes = (double)(d->n * DIMS), ms = read_ms(d->n * DIMS);
    row("reading as many bytes as the codes have",
        "%.3f ms, %.1f GB/s; the search takes "
        "%.2f times as long",
        ms, bytes / ms / 1e6, quantile(g->ms, QUERIES, 0.5) / ms);
}

/* ---- peers ---- */

static sqlite3 *open_peer(const char *variable, const char *name)
{
    const char *path = getenv(variable);
    char *message = NULL;
    if (path == NULL) return NULL;
    remove_file(name);
    sqlite3 *db = open_at(name);
    sqlite3_enable_load_extension(db, 1);
    if (sqlite3_load_extension(db, path, NULL, &message) != SQLITE_OK) fail(db, path);
    return db;
}

static void add_vec(engine *g, size_t *n, const data *d)
{
    sqlite3 *db = open_peer("ENCODER_PEER_VEC", "bench_vec.db");
    if (db == NULL) {
        row("sqlite-vec", "left out: ENCODER_PEER_VEC does not name it");
        return;
    }
    run(db, "CREATE VIRTUAL TABLE x USING vec0(v float[384])");
    double us = insert(db, "INSERT INTO x(rowid, v) VALUES(?, ?)", d);
    row("sqlite-vec: insert", "%.2f us a row", us);
    row("sqlite-vec: file", "%.3f times the vectors",
        file_bytes(db, "bench_vec.db") / (4.0 * (double)(d->n * DIMS)));
    g[(*n)++] = (engine){.name = "sqlite-vec: flat",
                         .sql = "SELECT rowid, distance FROM x WHERE v MATCH ? AND "
                                "k = 10 ORDER BY distance",
                         .db = db,
                         .n_threads = 1};
}

static void add_vector(engine *g, size_t *n, const data *d)
{
    sqlite3 *db = open_peer("ENCODER_PEER_VECTOR", "bench_vector.db");
    if (db == NULL) {
        row("sqlite-vector", "left out: ENCODER_PEER_VECTOR does not name it");
        return;
    }
    run(db, "CREATE TABLE x(id INTEGER PRIMARY KEY, v BLOB)");
    double us = insert(db, "INSERT INTO x(id, v) VALUES(?, ?)", d);
    run(db, "SELECT vector_init('x', 'v', 'type=FLOAT32,dimension=384,distance=COSINE')");
    double start = now();
    run(db, "SELECT vector_quantize('x', 'v')");
    run(db, "SELECT vector_quantize_preload('x', 'v')");
    row("sqlite-vector: insert, then quantize", "%.2f us a row",
        us + 1e6 * (now() - start) / (double)d->n);
    g[(*n)++] = (engine){.name = "sqlite-vector: quantized, preloaded",
                         .sql = "SELECT rowid, distance FROM "
                                "vector_quantize_scan('x', 'v', ?, 10)",
                         .db = db,
                         .n_threads = 1};
}

/* ---- the table ---- */

static void search_filtered(const data *d)
{
    sqlite3 *db = open_at("bench_filter.db");
    run(db, "CREATE VIRTUAL TABLE x USING similarity(v VECTOR(384), part UNINDEXED)");
    insert(db, "INSERT INTO x(rowid, v, part) VALUES(?, ?, ?)", d);
    engine g = {.name = "the same of 1 in 100 rows: WHERE part = 7",
                .sql = "SELECT rowid, distance FROM x WHERE x MATCH ? AND k = 10 AND "
                       "part = 7",
                .db = db};
    ask_all(&g, 1, d, d->near_part);
    report(&g, "");
    sqlite3_close(db);
    remove_file("bench_filter.db");
}

/* Out of the system's page cache, as far as the system listens. */
static void cool(const char *name)
{
    char path[PATH_BYTES];
    int fd = open(path_of(name, path), O_RDONLY);
    if (fd < 0) return;
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}

static void open_cold(const data *d, const char *name, const char *what)
{
    engine g = {.sql = "SELECT rowid, distance FROM x WHERE x MATCH ? AND k = 10"};
    double start = now();
    g.db = open_at(name);
    sqlite3_stmt *s = prepare(g.db, g.sql);
    ask(&g, s, d, d->near, 0);
    row(what, "%.1f ms", 1e3 * (now() - start));
    sqlite3_finalize(s);
    sqlite3_close(g.db);
}

static void search_ivf(const data *d, const engine *exact)
{
    static const int probes[] = {1, 2, 4, 8, 16, 32, 64, 0};
    char sql[96], name[96];
    sqlite3 *db = open_at("bench_ivf.db");
    run(db, "CREATE VIRTUAL TABLE x USING similarity(v VECTOR(384), index=ivf)");
    insert(db, "INSERT INTO x(rowid, v) VALUES(?, ?)", d);
    double start = now();
    run(db, "INSERT INTO x(x) VALUES('optimize')");
    row("index=ivf: optimize", "%.2f s", now() - start);
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        snprintf(sql, sizeof sql, "INSERT INTO x(x, rank) VALUES('probes', %d)",
                 probes[i]);
        run(db, sql);
        snprintf(name, sizeof name, "index=ivf: %d probes", probes[i]);
        if (probes[i] == 0) snprintf(name, sizeof name, "index=ivf: probes by default");
        engine g = {.name = name, .sql = exact->sql, .db = db};
        ask_all(&g, 1, d, d->near);
        snprintf(sql, sizeof sql, "; %.1f times faster than exact",
                 quantile(exact->ms, QUERIES, 0.5) / quantile(g.ms, QUERIES, 0.5));
        report(&g, sql);
    }
    sqlite3_close(db);
    remove_file("bench_ivf.db");
}

static void join(sqlite3 *db, const data *d)
{
    double start = now();
    run(db, "CREATE TEMP TABLE q(id INTEGER PRIMARY KEY, v BLOB)");
    const data queries = {.n = QUERIES, .x = d->q};
    insert(db, "INSERT INTO q(id, v) VALUES(?, ?)", &queries);
    start = now();
    double n = number(db, "SELECT count(*) FROM q JOIN x ON x MATCH q.v AND k = 10");
    row("join of 100 queries", "%.1f ms, %.0f rows", 1e3 * (now() - start), n);
}

static void search(const data *d)
{
    static const char sql[] = "SELECT rowid, distance FROM x WHERE x MATCH ? AND k = 10";
    remove_file("bench_search.db");
    sqlite3 *db = open_at("bench_search.db");
    run(db, "CREATE VIRTUAL TABLE x USING similarity(v VECTOR(384))");
    engine g[4] = {
        {.name = "exact, k = 10", .sql = sql, .db = db},
        {.name = "exact, k = 10, one thread", .sql = sql, .db = db, .n_threads = 1}};
    size_t n = 2;
    double us = insert(db, "INSERT INTO x(rowid, v) VALUES(?, ?)", d);
    row("insert in one transaction", "%.2f us a row", us);
    row("file", "%.3f times the vectors",
        file_bytes(db, "bench_search.db") / (4.0 * (double)(d->n * DIMS)));
    if (d->n <= WITH_PEERS) {
        add_vec(g, &n, d);
        add_vector(g, &n, d);
    }
    ask_all(g, n, d, d->near);
    for (size_t i = 0; i < n; i++) {
        char more[160] = "";
        double ms = quantile(g[i].ms, QUERIES, 0.5);
        if (i > 1)
            snprintf(more, sizeof more,
                     "; **exact is %.1f times faster**, on one thread %.1f times, by "
                     "processor time %.1f times",
                     ms / quantile(g[0].ms, QUERIES, 0.5),
                     ms / quantile(g[1].ms, QUERIES, 0.5),
                     quantile(g[i].processor_ms, QUERIES, 0.5) /
                         quantile(g[1].processor_ms, QUERIES, 0.5));
        report(&g[i], more);
        if (i > 1) sqlite3_close(g[i].db);
    }
    remove_file("bench_vec.db");
    remove_file("bench_vector.db");
    row("rows measured in full by the last search", "%.0f",
        number(db, "SELECT rescored FROM similarity_stats('x')"));
    report_memory(d, &g[0]);
    join(db, d);
    sqlite3_close(db);
    open_cold(d, "bench_search.db", "open and first search, file in the system's cache");
    cool("bench_search.db");
    open_cold(d, "bench_search.db", "open and first search, file on disk");
    remove_file("bench_search.db");
    search_ivf(d, &g[0]);
}

/* ---- texts ---- */

static void fill_texts(sqlite3 *db, const enc_model *m, enc_bytes *texts, enc_wr *w)
{
    const enc_vocab *v = enc_tok_vocab(m->tok);
    enc_rng rng = {3};
    run(db, "CREATE TABLE t(text TEXT); BEGIN");
    sqlite3_stmt *s = prepare(db, "INSERT INTO t VALUES(?)");
    for (size_t i = 0; i < TEXTS; i++) {
        float u = enc_rng_unit(&rng);
        enc_wr_init(&w[i]);
        for (size_t j = 0; j < 4 + (size_t)(u * u * 110.0f); j++) {
            enc_bytes piece = enc_vocab_piece(
                v, (int32_t)enc_rng_below(&rng, (uint32_t)enc_vocab_size(v)));
            enc_wr_bytes(&w[i], piece.at, piece.n);
            enc_wr_text(&w[i], " ");
        }
        texts[i] = (enc_bytes){w[i].at, w[i].n};
        sqlite3_bind_text(s, 1, (const char *)w[i].at, (int)w[i].n, SQLITE_STATIC);
        if (sqlite3_step(s) != SQLITE_DONE) fail(db, "texts");
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    run(db, "COMMIT");
}

/* Seconds for the encoder alone and for INSERT ... SELECT, in turns: the medians. */
static enc_rc insert_texts(sqlite3 *db, const enc_model *m, enc_err *e)
{
    static enc_bytes texts[TEXTS];
    static enc_wr written[TEXTS];
    double bare[REPEATS], whole[REPEATS];
    float *out = room(TEXTS * enc_config_dims(&m->config), sizeof *out);
    enc_work *work = NULL;
    const enc_embed_job job = {.texts = texts, .n_texts = TEXTS, .out = out};
    enc_rc rc = enc_work_new(&work, e);
    fill_texts(db, m, texts, written);
    for (size_t i = 0; i < REPEATS && rc == ENC_OK; i++) {
        double start = now();
        rc = enc_embed_run(m, work, &job, e);
        bare[i] = now() - start;
        run(db, "CREATE VIRTUAL TABLE d USING similarity(text)");
        start = now();
        run(db, "INSERT INTO d(text) SELECT text FROM t");
        whole[i] = now() - start;
        run(db, "DROP TABLE d");
    }
    enc_work_free(work);
    enc_mem_free(out);
    for (size_t i = 0; i < TEXTS; i++) enc_wr_clear(&written[i]);
    if (rc == ENC_OK) {
        double a = quantile(bare, REPEATS, 0.5), b = quantile(whole, REPEATS, 0.5);
        row("INSERT ... SELECT of 2,000 texts",
            "%.0f texts/s, %.1f %% of the bare encoder's %.0f", TEXTS / b, 100.0 * a / b,
            TEXTS / a);
    }
    return rc;
}

static enc_rc texts(enc_err *e)
{
    enc_files *files = NULL;
    enc_model *m = NULL;
    enc_rc rc = enc_files_open_blob(&files, enc_builtin(), false, e);
    if (rc == ENC_OK) rc = enc_model_open(&m, files, NULL, e);
    if (rc == ENC_OK) {
        remove_file("bench_texts.db");
        sqlite3 *db = open_at("bench_texts.db");
        rc = insert_texts(db, m, e);
        sqlite3_close(db);
        remove_file("bench_texts.db");
    }
    enc_model_close(m);
    return rc;
}

int main(int argc, char **argv)
{
    bool is_million = argc > 1 && strcmp(argv[1], "--million") == 0;
    data d;
    enc_err e;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s", tmp != NULL ? tmp : "/tmp");
    if (argc > (is_million ? 2 : 1)) {
        fprintf(stderr, "usage: bench_search [--million]\n");
        return 2;
    }
    sqlite3_auto_extension((void (*)(void))init);
    enc_err_clear(&e);
    make_data(&d, is_million ? 1000000 : 100000);
    printf("| %zu x %zu, %zu threads | median of %zu queries, where it is not said "
           "otherwise |\n|---|---|\n",
           d.n, DIMS, enc_threads_count(), QUERIES);
    search(&d);
    if (!is_million) search_filtered(&d);
    clear_data(&d);
    if (!is_million && texts(&e) != ENC_OK) fprintf(stderr, "bench_search: %s\n", e.text);
    return e.rc != ENC_OK;
}
