/* Databases of a stranger: whatever their schema names, nothing is loaded, saved, set or
 * run by it.
 *
 * A schema that names our functions where SQLite would not let one write it down, is made
 * by a connection on which harmless functions of those names are registered, as an
 * attacker would; it is then opened with the extension, under each combination of
 * trusted_schema and DEFENSIVE, and every object in it is used. */
#include <dirent.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/calls.h"

static char folder[] = "/tmp/encoder-hostile-XXXXXX", base[64];
static sqlite3 *watch; /* an innocent connection of the same process */

/* Calls that would do something. $D is the folder of this test. */
static const char *const calls[] = {
    "encoder_load('tests/data/tiny')",
    "encoder_load('tests/data/tiny', 'x')",
    "encoder_load(x'00', 'x', '{}')",
    "encoder_unload('known')",
    "encoder_default('known')",
    "encoder_default()",
    "encoder_save('known', '$D/saved')",
    "encoder_config()",
    "encoder_config('lock')",
    "encoder_config('threads', 3)",
    "encoder_config('models', '/')",
};

/* The same for what is no ordinary function, and so stands in views and triggers only. */
static const char *const selects[] = {
    "SELECT pretrain(1, '{\"checkpoint\": \"$D/run\"}')",
    "SELECT fine_tune_pairs('a', 'b', 1)",
    "SELECT count(*) FROM embed_each('[\"a\"]')",
    "SELECT count(*) FROM embed_each('SELECT 1, encoder_config(''lock'')')",
    "SELECT count(*) FROM encoder_models, embed_each('DELETE FROM keep')",
};

/* How a schema makes its reader call f, and what the reader does. The first statements
 * run where the functions are harmless. */
static const struct {
    const char *what, *schema, *use;
    bool takes_select; /* $F may be a whole SELECT */
} ways[] = {
    {"view", "CREATE VIEW v AS SELECT ($F) AS x", "SELECT * FROM v", true},
    {"view of a view",
     "CREATE VIEW u AS SELECT ($F) AS x; CREATE VIEW v AS SELECT * FROM u",
     "SELECT * FROM v", true},
    {"common table", "CREATE VIEW v AS WITH c(x) AS (SELECT ($F)) SELECT * FROM c",
     "SELECT * FROM v", true},
    {"trigger",
     "CREATE TABLE v(x); CREATE TRIGGER r AFTER INSERT ON v BEGIN SELECT ($F); END",
     "INSERT INTO v VALUES(1)", true},
    {"condition of a trigger",
     "CREATE TABLE v(x); CREATE TRIGGER r BEFORE UPDATE ON v WHEN ($F) BEGIN SELECT 1; "
     "END; INSERT INTO v VALUES(1)",
     "UPDATE v SET x = 2", true},
    {"trigger of a view",
     "CREATE VIEW v AS SELECT 1 AS x; CREATE TRIGGER r INSTEAD OF DELETE ON v BEGIN "
     "INSERT INTO keep SELECT ($F); END",
     "DELETE FROM v", true},
    {"default", "CREATE TABLE v(x DEFAULT ($F), y)", "INSERT INTO v(y) VALUES(1)", false},
    {"check", "CREATE TABLE v(x, CHECK (($F) IS NOT NULL))", "INSERT INTO v VALUES(1)",
     false},
    {"virtual column",
     "CREATE TABLE v(x, y GENERATED ALWAYS AS ($F) VIRTUAL); INSERT INTO v(x) VALUES(1)",
     "SELECT y FROM v", false},
    {"stored column", "CREATE TABLE v(x, y GENERATED ALWAYS AS ($F) STORED)",
     "INSERT INTO v(x) VALUES(1)", false},
    {"index", "CREATE TABLE v(x); CREATE INDEX i ON v($F)", "INSERT INTO v VALUES(1)",
     false},
    {"index built again",
     "CREATE TABLE v(x); INSERT INTO v VALUES(1); CREATE INDEX i ON v(x, ($F))",
     "REINDEX i", false},
    {"partial index", "CREATE TABLE v(x); CREATE INDEX i ON v(x) WHERE ($F) IS NOT NULL",
     "INSERT INTO v VALUES(1)", false},
    {"strict table", "CREATE TABLE v(x ANY DEFAULT ($F)) STRICT",
     "INSERT INTO v DEFAULT VALUES RETURNING x", false},
    {"upsert",
     "CREATE TABLE v(x PRIMARY KEY, y DEFAULT ($F)); INSERT INTO v VALUES(1, 1)",
     "INSERT INTO v(x) VALUES(1) ON CONFLICT DO UPDATE SET y = excluded.y", false},
};

#define N_OF(array) (sizeof(array) / sizeof *(array))

/* The first value as text that the caller frees; NULL if there is none. */
static char *ask_text(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    char *text = NULL;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        text = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    return text;
}

/* A copy of `from` with each `old` replaced, which the caller frees. */
static char *replaced(const char *from, const char *old, const char *by)
{
    sqlite3_str *out = sqlite3_str_new(NULL);

    for (const char *next; (next = strstr(from, old)) != NULL;
         from = next + strlen(old)) {
        sqlite3_str_append(out, from, (int)(next - from));
        sqlite3_str_appendall(out, by);
    }
    sqlite3_str_appendall(out, from);
    return sqlite3_str_finish(out);
}

static void harmless(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)argc, (void)argv;
    sqlite3_result_int(ctx, 1);
}

/* Everything that such a call could change, as text that the caller frees. */
static char *state(void)
{
    return ask_text(watch, "SELECT encoder_config() || encoder_default() || "
                           "group_concat(name || loaded) FROM encoder_models");
}

static size_t count_files(void)
{
    size_t n = 0;
    DIR *d = opendir(folder);

    while (d != NULL && readdir(d) != NULL) n++;
    if (d != NULL) closedir(d);
    return n;
}

static bool make_database(const char *schema)
{
    static const char *const names[] = {
        "encoder_load",   "encoder_unload", "encoder_default", "encoder_save",
        "encoder_config", "pretrain",       "fine_tune_pairs"};
    sqlite3 *db = NULL;

    unlink(base);
    bool is_fine = sqlite3_open(base, &db) == SQLITE_OK;
    run(db, "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY");
    for (size_t i = 0; i < N_OF(names); i++)
        sqlite3_create_function(db, names[i], -1,
                                SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
                                NULL, harmless, NULL, NULL);
    is_fine = is_fine &&
              run(db, "CREATE TABLE keep(x); INSERT INTO keep VALUES(1)") == SQLITE_OK;
    is_fine = is_fine && run(db, schema) == SQLITE_OK;
    if (!is_fine) fprintf(stderr, "%s: %s\n", schema, sqlite3_errmsg(db));
    sqlite3_close(db);
    return is_fine;
}

/* Opens the database and uses what is in it; nothing may come of it. */
static void attack(const char *what, const char *use, int is_trusted, int is_defensive)
{
    sqlite3 *db = NULL;
    size_t n_files = count_files();

    calls_begin();
    CHECK(sqlite3_open(base, &db) == SQLITE_OK);
    sqlite3_cancel_auto_extension((void (*)(void))calls_init);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, is_trusted, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, is_defensive, NULL);
    run(db, "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY");
    char *before = state();
    int rc = run(db, use);
    /* Newer versions refuse to read such a schema at all. */
    CHECK_SAY(rc == SQLITE_ERROR || rc == SQLITE_CORRUPT,
              "%s (trusted %d, defensive %d): %d, %s", what, is_trusted, is_defensive, rc,
              sqlite3_errmsg(db));
    run(db, "PRAGMA integrity_check; PRAGMA foreign_key_check; ANALYZE; VACUUM; REINDEX");
    run(db, "ALTER TABLE v RENAME TO w; ALTER TABLE keep RENAME x TO y");
    char *after = state();
    CHECK_SAY(before != NULL && after != NULL && strcmp(before, after) == 0,
              "%s changed\n%s to\n%s", what, before, after);
    char *kept = ask_text(db, "SELECT count(*) FROM keep");
    CHECK_SAY(rc == SQLITE_CORRUPT || (kept != NULL && strcmp(kept, "1") == 0),
              "%s: rows are gone", what);
    CHECK_SAY(count_files() <= n_files, "%s made a file", what);
    sqlite3_free(before);
    sqlite3_free(after);
    sqlite3_free(kept);
    CHECK_SAY(sqlite3_close(db) == SQLITE_OK, "%s: the connection does not close", what);
}

static void attack_each(const char *call)
{
    char *f = replaced(call, "$D", folder);

    for (size_t i = 0; i < N_OF(ways); i++) {
        bool is_select = strncmp(f, "SELECT", 6) == 0;
        if (is_select && !ways[i].takes_select) continue;
        char *schema = replaced(ways[i].schema, "$F", f);
        char *what = sqlite3_mprintf("%s: %s", ways[i].what, f);
        for (int k = 0; k < 4; k++) {
            CHECK_SAY(make_database(schema), "%s", what);
            attack(what, ways[i].use, k & 1, k >> 1);
        }
        sqlite3_free(schema);
        sqlite3_free(what);
    }
    sqlite3_free(f);
}

/* What a similarity table keeps is written by SQL of ours, in which a stranger's triggers
 * run: they can spoil the stranger's table and nothing else. */
static void triggers_on_shadow_tables_do_no_harm(void)
{
    static const char *const triggers[] = {
        "CREATE TRIGGER r AFTER INSERT ON t_$S BEGIN SELECT encoder_config('lock'); END",
        "CREATE TRIGGER r AFTER INSERT ON t_$S BEGIN DELETE FROM t_$S; END",
        "CREATE TRIGGER r BEFORE INSERT ON t_$S BEGIN INSERT INTO t(body) VALUES('b'); "
        "END",
        "CREATE TRIGGER r AFTER INSERT ON t_$S BEGIN DELETE FROM t; END",
        "CREATE TRIGGER r AFTER INSERT ON t_$S BEGIN INSERT INTO t(t) VALUES('rebuild'); "
        "END",
        "CREATE TRIGGER r AFTER UPDATE ON t_$S BEGIN INSERT INTO keep SELECT count(*) "
        "FROM "
        "t WHERE t MATCH 'a'; END",
        "CREATE TRIGGER r BEFORE DELETE ON t_$S BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER r BEFORE INSERT ON t_$S BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER r BEFORE INSERT ON t_$S BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
    };
    static const char *const shadows[] = {"doc",    "content", "vector", "segment",
                                          "config", "queue",   "fresh"};

    calls_begin();
    for (size_t i = 0; i < N_OF(triggers) * N_OF(shadows); i++) {
        char *sql =
            replaced(triggers[i / N_OF(shadows)], "$S", shadows[i % N_OF(shadows)]);
        sqlite3 *db = NULL;

        sqlite3_open(":memory:", &db);
        CHECK(run(db,
                  "CREATE TABLE keep(x); CREATE VIRTUAL TABLE t USING similarity(body); "
                  "INSERT INTO t(body) VALUES('one'), ('two')") == SQLITE_OK);
        char *before = state();
        CHECK_SAY(run(db, sql) == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
        run(db, "INSERT INTO t(body) VALUES('three'), ('four')");
        run(db, "UPDATE t SET body = 'five' WHERE rowid = 1");
        run(db, "BEGIN; DELETE FROM t WHERE rowid = 2; SAVEPOINT s; "
                "INSERT INTO t(body) VALUES('six'); ROLLBACK TO s; COMMIT");
        run(db, "SELECT passage(t), distance FROM t WHERE t MATCH 'one' AND k = 3");
        run(db, "INSERT INTO t(t) VALUES('integrity-check')");
        run(db, "INSERT INTO t(t) VALUES('rebuild')");
        run(db, "INSERT INTO t(t) VALUES('optimize')");
        run(db, "INSERT INTO t(t) VALUES('reembed')");
        run(db, "ROLLBACK");
        char *after = state();
        CHECK_SAY(before != NULL && after != NULL && strcmp(before, after) == 0, "%s",
                  sql);
        run(db, "DROP TRIGGER r; INSERT INTO t(t) VALUES('rebuild')");
        int rc = run(db, "SELECT count(*) FROM t WHERE t MATCH 'one' AND k = 3");
        /* A table may be beyond mending, and says so. */
        CHECK_SAY(rc == SQLITE_OK || strstr(sqlite3_errmsg(db), "similarity 't'") != NULL,
                  "%s: %s", sql, sqlite3_errmsg(db));
        CHECK_SAY(sqlite3_close(db) == SQLITE_OK, "%s: does not close", sql);
        sqlite3_free(before);
        sqlite3_free(after);
        sqlite3_free(sql);
    }
    sqlite3_cancel_auto_extension((void (*)(void))calls_init);
}

int main(void)
{
    if (mkdtemp(folder) == NULL) return 1;
    snprintf(base, sizeof base, "%s/base.db", folder);
    calls_begin();
    CHECK(sqlite3_open(":memory:", &watch) == SQLITE_OK);
    CHECK(run(watch, "SELECT encoder_load('tests/data/tiny', 'known'), embed('a')") ==
          SQLITE_OK);
    sqlite3_cancel_auto_extension((void (*)(void))calls_init);
    for (size_t i = 0; i < N_OF(calls); i++) attack_each(calls[i]);
    for (size_t i = 0; i < N_OF(selects); i++) attack_each(selects[i]);
    triggers_on_shadow_tables_do_no_harm();
    sqlite3_close(watch);
    unlink(base);
    CHECK(rmdir(folder) == 0); /* nothing else was written there */
    return check_done("hostile");
}
