/* script.c - see script.h. */
#include "torture/lib/script.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

int sqlite3_encoder_init(sqlite3 *db, char **message,
                         const struct sqlite3_api_routines *api);

void text_add(text *t, const char *bytes, size_t n)
{
    if (t->n + n + 1 > t->cap) {
        t->cap = (t->n + n + 1) * 2;
        if ((t->at = realloc(t->at, t->cap)) == NULL) _exit(3);
    }
    if (n > 0) memcpy(t->at + t->n, bytes, n);
    t->n += n;
    t->at[t->n] = '\0';
}

void text_say(text *t, const char *words)
{
    text_add(t, words, strlen(words));
}

bool text_read_file(text *out, const char *path)
{
    FILE *f = fopen(path, "rb");
    char block[4096];
    size_t n;

    if (f == NULL) return false;
    while ((n = fread(block, 1, sizeof block, f)) > 0) text_add(out, block, n);
    text_add(out, "", 0);
    fclose(f);
    return true;
}

static void say_value(text *out, sqlite3_stmt *stmt, int i)
{
    char number[64];
    const unsigned char *blob;
    int n;

    switch (sqlite3_column_type(stmt, i)) {
    case SQLITE_NULL: text_say(out, "NULL"); break;
    case SQLITE_FLOAT:
        snprintf(number, sizeof number, "%.5g", sqlite3_column_double(stmt, i));
        text_say(out, number);
        break;
    case SQLITE_BLOB:
        blob = sqlite3_column_blob(stmt, i);
        n = sqlite3_column_bytes(stmt, i);
        if (n > 16) {
            snprintf(number, sizeof number, "(BLOB of %d bytes)", n);
            text_say(out, number);
            break;
        }
        text_say(out, "x'");
        for (int j = 0; j < n; j++) {
            snprintf(number, sizeof number, "%02x", blob[j]);
            text_say(out, number);
        }
        text_say(out, "'");
        break;
    default: /* a number or text */
        blob = sqlite3_column_text(stmt, i);
        if (blob != NULL)
            text_add(out, (const char *)blob, (size_t)sqlite3_column_bytes(stmt, i));
    }
}

static int run_statement(sqlite3 *db, const char *sql, text *out)
{
    sqlite3_stmt *stmt = NULL;
    char code[32];
    bool has_begun = !sqlite3_get_autocommit(db);
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    while (rc == SQLITE_OK && stmt != NULL) {
        size_t before = out->n;
        if ((rc = sqlite3_step(stmt)) != SQLITE_ROW) break;
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            if (i > 0) text_say(out, "|");
            say_value(out, stmt, i);
        }
        text_say(out, "\n");
        rc = SQLITE_OK;
        /* Reading a column may convert it and run out of memory. */
        if (sqlite3_errcode(db) == SQLITE_NOMEM) {
            out->n = before;
            rc = SQLITE_NOMEM;
        }
    }
    if (rc != SQLITE_OK && rc != SQLITE_DONE) {
        snprintf(code, sizeof code, "error: %d: ", rc);
        text_say(out, code);
        text_say(out, rc == SQLITE_NOMEM ? "out of memory" : sqlite3_errmsg(db));
        text_say(out, "\n");
        if (has_begun && sqlite3_get_autocommit(db)) text_say(out, SCRIPT_ROLLED_BACK);
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
    text_say(out, "> ");
    text_add(out, sql, n);
    text_say(out, "\n");
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
    if (path != NULL && text_read_file(&bytes, path))
        sqlite3_result_blob64(c, bytes.at, bytes.n, SQLITE_TRANSIENT);
    free(bytes.at);
}

/* writefile(path, bytes), likewise: the number of bytes, NULL if they were not written.
 */
static void writefile(sqlite3_context *c, int n, sqlite3_value **args)
{
    const char *path = (const char *)sqlite3_value_text(args[0]);
    const void *bytes = sqlite3_value_blob(args[1]);
    size_t n_bytes = (size_t)sqlite3_value_bytes(args[1]);
    FILE *f = path != NULL ? fopen(path, "wb") : NULL;

    (void)n;
    if (f == NULL) return;
    bool is_fine = n_bytes == 0 || fwrite(bytes, 1, n_bytes, f) == n_bytes;
    if (fclose(f) == 0 && is_fine) sqlite3_result_int64(c, (sqlite3_int64)n_bytes);
}

static sqlite3 *open_database(void)
{
    sqlite3 *db = NULL;

    if (sqlite3_open(":memory:", &db) == SQLITE_OK &&
        sqlite3_create_function(db, "readfile", 1, SQLITE_UTF8, NULL, readfile, NULL,
                                NULL) == SQLITE_OK &&
        sqlite3_create_function(db, "writefile", 2, SQLITE_UTF8, NULL, writefile, NULL,
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
        text_add(&out, from, (size_t)(next - from));
        text_say(&out, by);
        from = next + strlen(old);
    }
    text_say(&out, from);
    return out;
}

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

/* $TMP as a script sees it: the same name in every process, and what is behind it is the
 * process's own. */
#define FOLDER_FD 700
#define FOLDER    "/proc/self/fd/700"

static char folder[] = "/tmp/encoder-run-XXXXXX", folder_before_fork[sizeof folder];

static bool folder_open(void)
{
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    if (mkdtemp(folder) == NULL) return false;
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    bool is_fine = fd >= 0 && dup2(fd, FOLDER_FD) == FOLDER_FD;
    if (fd >= 0) close(fd);
    return is_fine;
}

static void folder_close(void)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    close(FOLDER_FD);
}

static int copy_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    char to[PATH_MAX];
    text bytes = {0};
    (void)where;

    snprintf(to, sizeof to, "%s%s", folder, path + sizeof folder - 1);
    if (kind == FTW_D)
        return path[sizeof folder - 1] == '\0' ? 0 : mkdir(to, st->st_mode);
    if (!text_read_file(&bytes, path)) return 1;
    FILE *f = fopen(to, "wb");
    bool is_fine = f != NULL && fwrite(bytes.at, 1, bytes.n, f) == bytes.n;
    if (f != NULL && fclose(f) != 0) is_fine = false;
    free(bytes.at);
    return is_fine ? 0 : 1;
}

/* Whoever has looked up where $TMP really is finds the copy there, in this process. Where
 * that is not allowed the name is the other process's still. */
static void hide_folder_before_fork(void)
{
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount(folder, folder_before_fork, NULL, MS_BIND, NULL) != 0)
        perror(folder_before_fork);
}

bool script_copy_folder(void)
{
    if (fcntl(FOLDER_FD, F_GETFD) < 0) return true;
    memcpy(folder_before_fork, folder, sizeof folder);
    if (!folder_open() || nftw(folder_before_fork, copy_one, 8, FTW_PHYS) != 0)
        return false;
    hide_folder_before_fork();
    return true;
}

/* $TMP, by whatever name it goes. */
static void say_folder(text *out, const char *name)
{
    if (out->at == NULL) return;
    text named = replaced(out->at, name, "$TMP");
    free(out->at);
    *out = named;
}

bool script_run(const char *script, text *out, bool *is_closed,
                void (*after)(sqlite3 *db, void *arg), void *arg)
{
    sqlite3 *db = open_database();
    bool is_fine = db != NULL, has_folder = strstr(script, "$TMP") != NULL;

    *is_closed = true;
    if (db == NULL) return false;
    if (has_folder && !folder_open()) return false;
    text sql = replaced(script, "$TMP", FOLDER);
    for (char *at = sql.at; is_fine && !is_blank(at);) {
        size_t n = statement_length(at);
        char end = at[n];
        at[n] = '\0';
        echo(out, at, n);
        is_fine = run_statement(db, at, out) != SQLITE_NOMEM;
        at[n] = end;
        at += n;
    }
    free(sql.at);
    if (after != NULL) after(db, arg);
    *is_closed = sqlite3_close(db) == SQLITE_OK;
    if (has_folder) {
        say_folder(out, FOLDER);
        say_folder(out, folder);
        say_folder(out, folder_before_fork);
        folder_close();
    }
    return is_fine;
}

/* The length of the block that begins here: up to the next line that begins with "> ". */
size_t script_block(const char *at)
{
    const char *next = strstr(at, "\n> ");
    return next == NULL ? strlen(at) : (size_t)(next - at) + 1;
}

/* SQLite takes any status but zero of an automatic extension for a failure. */
static int init(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    int rc = sqlite3_encoder_init(db, message, api);
    return rc == SQLITE_OK_LOAD_PERMANENTLY ? SQLITE_OK : rc;
}

void script_prepare(void)
{
    setenv("HF_HUB_CACHE", "tests/no-such-cache", 1);
    setenv("HOME", "tests/no-such-home", 1);
    unsetenv("ENCODER_MODELS");
    sqlite3_auto_extension((void (*)(void))init);
}
