/* run.c - runs a SQL script against the extension and prints rows and errors in a form
 * that does not change between versions of SQLite.
 *
 *   run SCRIPT.sql            compares with SCRIPT.out beside it; counts statements
 *   run --accept SCRIPT.sql   writes SCRIPT.out
 *   run --print SCRIPT.sql    prints what a SCRIPT.out would hold
 *   run --oom SCRIPT.sql      the fault test: runs the script with the 1st, 2nd, 3rd ...
 *                             allocation failing, SQLite's and the engine's, each once
 * and once with all later ones failing too, until a run finishes untouched run --io
 * SCRIPT.sql       the same with reads, writes and syncs of a database file (counted as
 * skipped until there are tables that store)
 *
 * A script may use readfile(path), as in the sqlite3 shell.
 *
 * What is printed: each statement after "> ", then its rows, columns separated by "|";
 * NULL as NULL, a real number with five digits, a BLOB of more than 16 bytes by its
 * length. An error is "error: CODE: sentence". $OOM_STEP tries only every nth allocation.
 *
 * Every run is a process of its own: settings, loaded models and crashes stay in it. In a
 * fault test a run is right if its output is the untouched one up to the first
 * SQLITE_NOMEM (after that statements may miss what that one should have made), if the
 * connection closes, and if nothing is left allocated. */
#include <sqlite3.h>

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

#define SECONDS_MAX 120 /* of one run; more is a hang */

enum { UNTOUCHED = 0, TOUCHED = 10, WRONG = 11 }; /* exit status of one faulty run */

int sqlite3_encoder_init(sqlite3 *db, char **message,
                         const struct sqlite3_api_routines *api);

/* SQLite takes any status but zero of an automatic extension for a failure. */
static int init(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    int rc = sqlite3_encoder_init(db, message, api);
    return rc == SQLITE_OK_LOAD_PERMANENTLY ? SQLITE_OK : rc;
}

/* ---- SQLite's allocations, of which one can fail ---- */

static sqlite3_mem_methods real_memory;
static long until_fault; /* 0: off; 1: the next one fails */
static bool fault_stays, fault_happened;

static bool is_faulty(void)
{
    if (until_fault == 0) return false;
    if (until_fault > 1) {
        until_fault--;
        return false;
    }
    if (!fault_stays) until_fault = 0;
    fault_happened = true;
    return true;
}

static void *faulty_malloc(int n)
{
    return is_faulty() ? NULL : real_memory.xMalloc(n);
}

static void *faulty_realloc(void *p, int n)
{
    return is_faulty() ? NULL : real_memory.xRealloc(p, n);
}

static void wrap_memory(void)
{
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory);
    sqlite3_mem_methods faulty = real_memory;
    faulty.xMalloc = faulty_malloc;
    faulty.xRealloc = faulty_realloc;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &faulty);
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
}

/* ---- a text that grows; the runner's own memory never fails ---- */

typedef struct text {
    char *at;
    size_t n, cap;
} text;

static void add(text *t, const char *bytes, size_t n)
{
    if (t->n + n + 1 > t->cap) {
        t->cap = (t->n + n + 1) * 2;
        if ((t->at = realloc(t->at, t->cap)) == NULL) _exit(WRONG);
    }
    if (n > 0) memcpy(t->at + t->n, bytes, n);
    t->n += n;
    t->at[t->n] = '\0';
}

static void say(text *t, const char *words)
{
    add(t, words, strlen(words));
}

static bool read_file(const char *path, text *out)
{
    FILE *f = fopen(path, "rb");
    char block[4096];
    size_t n;

    if (f == NULL) return false;
    while ((n = fread(block, 1, sizeof block, f)) > 0) add(out, block, n);
    add(out, "", 0);
    fclose(f);
    return true;
}

/* ---- running a script ---- */

static void say_value(text *out, sqlite3_stmt *stmt, int i)
{
    char number[64];
    const unsigned char *blob;
    int n;

    switch (sqlite3_column_type(stmt, i)) {
    case SQLITE_NULL: say(out, "NULL"); break;
    case SQLITE_FLOAT:
        snprintf(number, sizeof number, "%.5g", sqlite3_column_double(stmt, i));
        say(out, number);
        break;
    case SQLITE_BLOB:
        blob = sqlite3_column_blob(stmt, i);
        n = sqlite3_column_bytes(stmt, i);
        if (n > 16) {
            snprintf(number, sizeof number, "(BLOB of %d bytes)", n);
            say(out, number);
            break;
        }
        say(out, "x'");
        for (int j = 0; j < n; j++) {
            snprintf(number, sizeof number, "%02x", blob[j]);
            say(out, number);
        }
        say(out, "'");
        break;
    default: /* a number or text */
        blob = sqlite3_column_text(stmt, i);
        if (blob != NULL)
            add(out, (const char *)blob, (size_t)sqlite3_column_bytes(stmt, i));
    }
}

static int run_statement(sqlite3 *db, const char *sql, text *out)
{
    sqlite3_stmt *stmt = NULL;
    char code[32];
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    while (rc == SQLITE_OK && stmt != NULL) {
        size_t before = out->n;
        if ((rc = sqlite3_step(stmt)) != SQLITE_ROW) break;
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            if (i > 0) say(out, "|");
            say_value(out, stmt, i);
        }
        say(out, "\n");
        rc = SQLITE_OK;
        /* Reading a column may convert it and run out of memory. */
        if (sqlite3_errcode(db) == SQLITE_NOMEM) {
            out->n = before;
            rc = SQLITE_NOMEM;
        }
    }
    if (rc != SQLITE_OK && rc != SQLITE_DONE) {
        snprintf(code, sizeof code, "error: %d: ", rc);
        say(out, code);
        say(out, rc == SQLITE_NOMEM ? "out of memory" : sqlite3_errmsg(db));
        say(out, "\n");
    }
    sqlite3_finalize(stmt);
    return rc;
}

/* The bytes of the first statement, its semicolon included; all that is left if there is
 * none. SQLite decides what is complete, so that strings and triggers are understood. */
static size_t statement_length(char *sql)
{
    for (size_t i = 0; sql[i] != '\0'; i++) {
        if (sql[i] != ';') continue;
        char after = sql[i + 1];
        sql[i + 1] = '\0';
        bool is_whole = sqlite3_complete(sql) != 0;
        sql[i + 1] = after;
        if (is_whole) return i + 1;
    }
    return strlen(sql);
}

/* Echoes without the comments and empty lines before a statement. */
static void echo(text *out, const char *sql, size_t n)
{
    while (n > 0) {
        size_t line = strcspn(sql, "\n");
        if (line >= n) break;
        if (line > 0 && strncmp(sql, "--", 2) != 0) break;
        sql += line + 1;
        n -= line + 1;
    }
    say(out, "> ");
    add(out, sql, n);
    say(out, "\n");
}

static bool is_blank(const char *sql)
{
    while (*sql != '\0') {
        sql += strspn(sql, " \t\r\n");
        if (strncmp(sql, "--", 2) == 0) sql += strcspn(sql, "\n");
        else if (*sql != '\0') return false;
    }
    return true;
}

/* readfile(path), as in the sqlite3 shell; NULL if there is no such file. */
static void readfile(sqlite3_context *c, int n, sqlite3_value **args)
{
    const char *path = (const char *)sqlite3_value_text(args[0]);
    text bytes = {0};

    (void)n;
    if (path != NULL && read_file(path, &bytes))
        sqlite3_result_blob64(c, bytes.at, bytes.n, SQLITE_TRANSIENT);
    free(bytes.at);
}

static sqlite3 *open_database(void)
{
    sqlite3 *db = NULL;

    if (sqlite3_open(":memory:", &db) == SQLITE_OK &&
        sqlite3_create_function(db, "readfile", 1, SQLITE_UTF8, NULL, readfile, NULL,
                                NULL) == SQLITE_OK)
        return db;
    sqlite3_close(db);
    return NULL;
}

/* A copy of `from` with every `old` replaced. */
static text replaced(const char *from, const char *old, const char *by)
{
    text out = {0};
    const char *next;

    while (old[0] != '\0' && (next = strstr(from, old)) != NULL) {
        add(&out, from, (size_t)(next - from));
        say(&out, by);
        from = next + strlen(old);
    }
    say(&out, from);
    return out;
}

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

/* Runs a script on a database of its own. False: a statement was short of memory, or the
 * database could not be opened for want of it. */
static bool run_script(const char *script, text *out, bool *is_closed)
{
    char folder[] = "/tmp/encoder-run-XXXXXX";
    sqlite3 *db = open_database();
    bool is_fine = db != NULL, has_folder = strstr(script, "$TMP") != NULL;

    *is_closed = true;
    if (db == NULL) return false;
    if (has_folder && mkdtemp(folder) == NULL) return false;
    text sql = replaced(script, "$TMP", folder);
    for (char *at = sql.at; is_fine && !is_blank(at);) {
        size_t n = statement_length(at);
        char after = at[n];
        at[n] = '\0';
        echo(out, at, n);
        is_fine = run_statement(db, at, out) != SQLITE_NOMEM;
        at[n] = after;
        at += n;
    }
    free(sql.at);
    *is_closed = sqlite3_close(db) == SQLITE_OK;
    if (has_folder) {
        text named = replaced(out->at, folder, "$TMP");
        free(out->at);
        *out = named;
        nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    }
    return is_fine;
}

/* ---- comparing, statement by statement ---- */

/* The length of the block that begins here: up to the next line that begins with "> ". */
static size_t block_length(const char *at)
{
    const char *next = strstr(at, "\n> ");
    return next == NULL ? strlen(at) : (size_t)(next - at) + 1;
}

static int compare(const char *script, const char *want, const char *got)
{
    int passed = 0, failed = 0;

    while (*want != '\0' || *got != '\0') {
        size_t n = block_length(want), m = block_length(got);
        if (n == m && memcmp(want, got, n) == 0) {
            passed++;
        } else {
            failed++;
            fprintf(stderr, "%s: expected\n%.*sbut it gave\n%.*s", script, (int)n, want,
                    (int)m, got);
        }
        want += n;
        got += m;
    }
    printf("%s: %d passed, %d failed\n", script, passed, failed);
    return failed != 0 || passed == 0;
}

/* ---- the fault test ---- */

/* The same error without its sentence, which SQLite drops when it cannot store it. */
static bool is_silent(const char *want, const char *got)
{
    const char *line = strstr(got, "\nerror: ");
    char expected[160];

    if (line == NULL) return false;
    long code = strtol(line + 8, NULL, 10);
    int n = snprintf(expected, sizeof expected, "\nerror: %ld: ", code);
    if (strncmp(want, got, (size_t)(line - got) + (size_t)n) != 0) return false;
    n = snprintf(expected, sizeof expected, "\nerror: %ld: %s\n", code,
                 sqlite3_errstr((int)code));
    return strncmp(line, expected, (size_t)n) == 0 &&
           (size_t)(line - got) + (size_t)n == block_length(got);
}

/* Whether a run that was never short of memory gave what it should. */
static bool is_same(const char *want, const char *got)
{
    while (*want != '\0' || *got != '\0') {
        size_t n = block_length(want), m = block_length(got);
        if ((n != m || memcmp(want, got, n) != 0) && !is_silent(want, got)) {
            fprintf(stderr, "not SQLITE_NOMEM, and yet another result:\n%.*s", (int)m,
                    got);
            return false;
        }
        want += n;
        got += m;
    }
    return true;
}

/* Whether the engine's fault came about: if not it is still pending, and what is
 * allocated now meets it. */
static bool engine_was_touched(long nth, bool stays)
{
    for (long i = 0; i < nth; i++) {
        void *p = enc_mem_alloc(1);
        if (p == NULL) return stays && i == 0;
        enc_mem_free(p);
    }
    return true;
}

/* Blocks of the engine that nothing holds any more, once every model is unloaded. */
static size_t engine_leaks(void)
{
    text ignored = {0};
    bool is_closed;

    run_script("SELECT encoder_unload(name) FROM encoder_models WHERE loaded;", &ignored,
               &is_closed);
    free(ignored.at);
    return enc_mem_live();
}

/* One run with the nth allocation failing. Does not return. */
static void run_faulty(const char *script, const text *want, long nth, bool stays,
                       bool is_engine)
{
    text got = {0};
    bool is_closed, is_fine;

    alarm(SECONDS_MAX);
    wrap_memory();
    sqlite3_initialize();
    sqlite3_int64 used = sqlite3_memory_used();
    sqlite3_auto_extension((void (*)(void))init);
    fault_stays = stays;
    if (is_engine) enc_mem_fault((size_t)nth, stays);
    else until_fault = nth;
    is_fine = run_script(script, &got, &is_closed);
    bool was_touched = is_engine ? engine_was_touched(nth, stays) : fault_happened;
    until_fault = 0;
    enc_mem_fault(0, false);
    if (!is_closed) fprintf(stderr, "the connection does not close\n");
    size_t leaks = engine_leaks();
    sqlite3_reset_auto_extension();
    if (leaks > 0) {
        fprintf(stderr, "%zu blocks of the engine's are left\n", leaks);
        is_closed = false;
    }
    if (is_fine && !is_same(want->at, got.at)) is_closed = false;
    if (sqlite3_memory_used() != used) {
        fprintf(stderr, "%lld bytes of SQLite's are left\n",
                (long long)(sqlite3_memory_used() - used));
        is_closed = false;
    }
    if (!is_closed) _exit(WRONG);
    _exit(was_touched ? TOUCHED : UNTOUCHED);
}

/* Makes each allocation fail in turn; returns how many runs were wrong. */
static int fault_each(const char *path, const char *script, const text *want, bool stays,
                      bool is_engine, int *n_runs)
{
    const char *step_text = getenv("OOM_STEP");
    long step = step_text == NULL ? 1 : strtol(step_text, NULL, 10);
    int wrong = 0, status;

    for (long nth = 1; wrong<10; nth += step> 0 ? step : 1) {
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) run_faulty(script, want, nth, stays, is_engine);
        if (child < 0 || waitpid(child, &status, 0) < 0) return wrong + 1;
        if (WIFEXITED(status) && WEXITSTATUS(status) == UNTOUCHED) break;
        ++*n_runs;
        if (WIFEXITED(status) && WEXITSTATUS(status) == TOUCHED) continue;
        fprintf(stderr, "%s: wrong with allocation %ld%s of %s failing (status %x)\n",
                path, nth, stays ? " and all after it" : "",
                is_engine ? "the engine" : "SQLite", (unsigned)status);
        wrong++;
    }
    return wrong;
}

/* Runs the script in a child, untouched, and hands its output back through a file. */
static bool run_apart(const char *script, text *out)
{
    FILE *f = tmpfile();
    char block[4096];
    int status;
    size_t n;

    if (f == NULL) return false;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        text got = {0};
        bool is_closed;
        alarm(SECONDS_MAX);
        sqlite3_auto_extension((void (*)(void))init);
        run_script(script, &got, &is_closed);
        fwrite(got.at, 1, got.n, f);
        fflush(f);
        _exit(is_closed ? 0 : WRONG);
    }
    bool is_fine = child > 0 && waitpid(child, &status, 0) > 0 && status == 0;
    rewind(f);
    while ((n = fread(block, 1, sizeof block, f)) > 0) add(out, block, n);
    add(out, "", 0);
    fclose(f);
    return is_fine;
}

static int fault_test(const char *path, const char *script)
{
    text want = {0};
    int n_runs = 0, wrong = 0;

    if (!run_apart(script, &want)) {
        printf("%s: 0 passed, 1 failed\n", path);
        return 1;
    }
    for (int kind = 0; kind < 4; kind++)
        wrong += fault_each(path, script, &want, kind & 1, kind >> 1, &n_runs);
    printf("%s --oom: %d passed, %d failed\n", path, n_runs - wrong, wrong);
    free(want.at);
    return wrong != 0 || n_runs == 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc == 3 ? argv[1] : "--check", *path = argv[argc - 1];
    text script = {0}, want = {0}, got = {0}, out = {0};
    size_t n = strlen(path);
    int failed = 0;
    bool is_closed;

    /* No model that happens to be on this machine is found by name. */
    setenv("HF_HUB_CACHE", "tests/no-such-cache", 1);
    setenv("HOME", "tests/no-such-home", 1);
    unsetenv("ENCODER_MODELS");
    if (argc < 2 || argc > 3 || n < 4 || strcmp(path + n - 4, ".sql") != 0 ||
        !read_file(path, &script)) {
        fprintf(stderr, "usage: run [--accept | --print | --oom | --io] SCRIPT.sql\n");
        return 2;
    }
    if (strcmp(mode, "--oom") == 0) return fault_test(path, script.at);
    if (strcmp(mode, "--io") == 0) {
        printf("%s --io: 0 passed, 0 failed, 1 skipped\n", path);
        return 0;
    }
    add(&out, path, n - 4);
    say(&out, ".out");
    add(&want, "", 0);
    add(&got, "", 0);
    sqlite3_auto_extension((void (*)(void))init);
    run_script(script.at, &got, &is_closed);
    if (!is_closed) say(&got, "> the connection does not close\n");
    if (strcmp(mode, "--print") == 0) {
        fwrite(got.at, 1, got.n, stdout);
    } else if (strcmp(mode, "--accept") == 0) {
        FILE *f = fopen(out.at, "wb");
        failed = f == NULL || fwrite(got.at, 1, got.n, f) != got.n;
        failed |= f == NULL || fclose(f) != 0;
    } else {
        if (!read_file(out.at, &want)) fprintf(stderr, "%s is missing\n", out.at);
        failed = compare(path, want.at, got.at);
    }
    free(script.at);
    free(want.at);
    free(got.at);
    free(out.at);
    return failed;
}
