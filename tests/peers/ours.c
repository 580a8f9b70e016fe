/* ours.c - our engine as a process of its own, for bench.js: the line protocol of
 * serve.js, with texts where the others are given ready tokens.
 *
 *   ours FOLDER PRECISION             the engine through enc.h
 *   ours FOLDER NAME.gguf             the same of FOLDER/model/NAME.gguf, in f32
 *   ours FOLDER sql-PRECISION         SELECT embed(:q), a prepared statement, a text each
 *   ours FOLDER startup EXTENSION     one line: milliseconds to load the extension, and
 * of the first embed() with the built-in model */
#include <sqlite3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "enc.h"
#include "base/map.h"

#define TEXTS_MAX  2048
#define PATH_BYTES 512

int sqlite3_encoder_init(sqlite3 *db, char **message,
                         const struct sqlite3_api_routines *api);

/* One of the two ways: through the engine (m, work) or through SQL (db, embed). */
typedef struct ours {
    enc_map *file; /* holds the texts */
    enc_bytes texts[TEXTS_MAX];
    size_t n_texts;
    enc_model *m;
    enc_work *work;
    float *out; /* TEXTS_MAX vectors */
    sqlite3 *db;
    sqlite3_stmt *embed;
} ours;

static void fail(const char *what, const char *why)
{
    printf("error %s: %s\n", what, why);
    exit(1);
}

/* ---- opening ---- */

static void read_texts(ours *o, const char *folder)
{
    char path[PATH_BYTES];
    enc_err e;
    enc_err_clear(&e);
    snprintf(path, sizeof path, "%s/texts.txt", folder);
    if (enc_map_open(&o->file, path, (size_t)1 << 30, &e) != ENC_OK) fail(path, e.text);
    enc_bytes rest = enc_map_bytes(o->file);
    while (rest.n > 0 && o->n_texts < TEXTS_MAX) {
        const uint8_t *end = memchr(rest.at, '\n', rest.n);
        size_t n = end == NULL ? rest.n : (size_t)(end - rest.at);
        o->texts[o->n_texts++] = (enc_bytes){rest.at, n};
        n += end != NULL;
        rest = (enc_bytes){rest.at + n, rest.n - n};
    }
}

static void open_engine(ours *o, const char *path, const char *name)
{
    const enc_model_options options = {.precision = enc_precision_find(name)};
    if (options.precision == 0) fail(name, "unknown precision");
    enc_files *files = NULL;
    enc_err e;
    enc_err_clear(&e);
    if (enc_files_open_directory(&files, path, &e) != ENC_OK ||
        enc_model_open(&o->m, files, &options, &e) != ENC_OK ||
        enc_work_new(&o->work, &e) != ENC_OK)
        fail(path, e.text);
    o->out = enc_mem_array(TEXTS_MAX * enc_config_dims(&o->m->config), sizeof *o->out);
    if (o->out == NULL) fail(path, "no memory");
}

static int init(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    int rc = sqlite3_encoder_init(db, message, api);
    return rc == SQLITE_OK_LOAD_PERMANENTLY ? SQLITE_OK : rc;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        fail(sql, sqlite3_errmsg(db));
    return s;
}

static void open_sql(ours *o, const char *path, const char *name)
{
    sqlite3_stmt *load;
    char options[64];
    sqlite3_auto_extension((void (*)(void))init);
    if (sqlite3_open(":memory:", &o->db) != SQLITE_OK)
        fail("open", sqlite3_errmsg(o->db));
    snprintf(options, sizeof options, "{\"precision\": \"%s\"}", name);
    load = prepare(o->db, "SELECT encoder_load(?, 'peer', ?)");
    sqlite3_bind_text(load, 1, path, -1, SQLITE_STATIC);
    sqlite3_bind_text(load, 2, options, -1, SQLITE_STATIC);
    if (sqlite3_step(load) != SQLITE_ROW) fail(path, sqlite3_errmsg(o->db));
    sqlite3_finalize(load);
    o->embed = prepare(o->db, "SELECT embed(:q, 'peer')");
}

/* ---- answering ---- */

static void embed_by_engine(ours *o, size_t first, size_t count, size_t batch)
{
    enc_err e;
    enc_err_clear(&e);
    for (size_t i = 0; i < count; i += batch) {
        const enc_embed_job job = {.texts = o->texts + first + i,
                                   .n_texts = batch < count - i ? batch : count - i,
                                   .out = o->out};
        if (enc_embed_run(o->m, o->work, &job, &e) != ENC_OK) fail("embed", e.text);
    }
}

static void embed_by_sql(ours *o, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        sqlite3_bind_text(o->embed, 1, (const char *)o->texts[i].at, (int)o->texts[i].n,
                          SQLITE_STATIC);
        if (sqlite3_step(o->embed) != SQLITE_ROW) fail("embed", sqlite3_errmsg(o->db));
        sqlite3_reset(o->embed);
    }
}

/* By name, so that callgrind can be told to count here and nowhere else. */
__attribute__((noinline)) static void embed_timed(ours *o, const size_t *args)
{
    if (o->m != NULL) embed_by_engine(o, args[1], args[2], args[3]);
    else embed_by_sql(o, args[1], args[2]);
}

/* args: threads, first, count, batch, repeats */
static void answer_time(ours *o, const size_t *args)
{
    clockid_t clock = args[0] == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
    enc_threads_set(args[0]);
    for (size_t i = 0; i < args[4]; i++) {
        double start = seconds(clock);
        embed_timed(o, args);
        printf("%.9f%s", seconds(clock) - start, i + 1 < args[4] ? " " : "\n");
    }
}

static void answer_vector(ours *o, size_t line)
{
    size_t dims = enc_config_dims(&o->m->config);
    embed_by_engine(o, line, 1, 1);
    for (size_t i = 0; i < dims; i++)
        printf("%.9g%s", (double)o->out[i], i + 1 < dims ? " " : "\n");
}

static void answer_memory(void)
{
    char line[128];
    double kilobytes = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0) kilobytes = strtod(line + 6, NULL);
    if (f != NULL) fclose(f);
    printf("%.1f\n", kilobytes / 1024);
}

static void serve(ours *o)
{
    char line[128];
    while (fgets(line, sizeof line, stdin) != NULL) {
        size_t a[5] = {0};
        int n =
            sscanf(line, "time %zu %zu %zu %zu %zu", &a[0], &a[1], &a[2], &a[3], &a[4]);
        if (n == 5 && a[1] + a[2] <= o->n_texts && a[3] > 0) answer_time(o, a);
        else if (sscanf(line, "vector %zu", &a[0]) == 1 && a[0] < o->n_texts &&
                 o->m != NULL)
            answer_vector(o, a[0]);
        else if (strncmp(line, "memory", 6) == 0) answer_memory();
        else printf("error nothing to do: %s", line);
        fflush(stdout);
    }
}

static void startup(const char *extension)
{
    sqlite3 *db;
    char *message = NULL;
    double start;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK) fail("open", sqlite3_errmsg(db));
    sqlite3_enable_load_extension(db, 1);
    start = now();
    if (sqlite3_load_extension(db, extension, NULL, &message) != SQLITE_OK)
        fail(extension, message);
    printf("%.3f", 1e3 * (now() - start));
    start = now();
    sqlite3_stmt *s = prepare(db, "SELECT embed('the first text of a process')");
    if (sqlite3_step(s) != SQLITE_ROW) fail(extension, sqlite3_errmsg(db));
    printf(" %.3f\n", 1e3 * (now() - start));
    sqlite3_finalize(s);
    sqlite3_close(db);
}

int main(int argc, char **argv)
{
    static ours o;
    char path[PATH_BYTES];
    bool is_sql = argc == 3 && strncmp(argv[2], "sql-", 4) == 0;
    bool is_gguf = argc == 3 && strstr(argv[2], ".gguf") != NULL;
    if (argc == 4 && strcmp(argv[2], "startup") == 0) return startup(argv[3]), 0;
    if (argc != 3) {
        fprintf(stderr, "usage: ours FOLDER PRECISION | NAME.gguf | "
                        "sql-PRECISION | startup FILE\n");
        return 2;
    }
    read_texts(&o, argv[1]);
    snprintf(path, sizeof path, "%s/model/%s", argv[1], is_gguf ? argv[2] : "");
    double start = now();
    if (is_sql) open_sql(&o, path, argv[2] + 4);
    else open_engine(&o, path, is_gguf ? "f32" : argv[2]);
    printf("ready %.6f\n", now() - start);
    fflush(stdout);
    serve(&o);
    sqlite3_finalize(o.embed);
    sqlite3_close(o.db);
    enc_mem_free(o.out);
    enc_work_free(o.work);
    enc_model_close(o.m);
    enc_map_close(o.file);
    return 0;
}
