/* work.c - see work.h. */
#include "torture/lib/work.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/disk.h"
#include "torture/lib/script.h"

#define N(a) (int)(sizeof(a) / sizeof *(a))

/* Rows i of m ... n, and a vector made of i. */
#define ROWS(m, n)                                                                       \
    " WITH r(i) AS (VALUES(" #m ") UNION ALL SELECT i + 1 FROM r WHERE i < " #n ") "
#define VECTOR "vector(json_array(i % 7, i % 11, i % 13, i))"

/* Vectors: more than a segment of them, deletions that move others, an inverted file. */
static const char *const vectors[] = {
    "CREATE VIRTUAL TABLE v USING similarity(e VECTOR(4), tag UNINDEXED, metric=l2)",
    "INSERT INTO v(rowid, e, tag)" ROWS(1, 290) "SELECT i, " VECTOR ", 't' || i FROM r",
    "BEGIN; UPDATE v SET e = '[1,2,3,4]' WHERE rowid = 5; UPDATE v SET tag = 'x' WHERE "
    "rowid < 4; DELETE FROM v WHERE rowid BETWEEN 10 AND 20; COMMIT",
    "INSERT OR REPLACE INTO v(rowid, e) VALUES(7, '[7,7,7,7]'), (400, '[4,0,0,0]')",
    "BEGIN; SAVEPOINT a; INSERT INTO v(e) VALUES('[9,9,9,9]'); SAVEPOINT b; DELETE FROM "
    "v "
    "WHERE rowid > 200; ROLLBACK TO b; UPDATE v SET e = NULL WHERE rowid = 30; RELEASE "
    "a; "
    "COMMIT",
    "UPDATE v SET rowid = rowid + 1000 WHERE rowid < 4",
    "CREATE VIRTUAL TABLE i USING similarity(e VECTOR(4), index=ivf)",
    "BEGIN; INSERT INTO i(rowid, e)" ROWS(
        1, 600) "SELECT i, " VECTOR " FROM r; INSERT "
                "INTO i(i, rank) VALUES('probes', 1000); COMMIT",
    "INSERT INTO i(i) VALUES('optimize')",
    "DELETE FROM i WHERE rowid % 9 = 0",
    "ALTER TABLE v RENAME TO w",
    "INSERT INTO w(w) VALUES('optimize')",
    "CREATE VIRTUAL TABLE c USING similarity(e VECTOR(4), content='')",
    "BEGIN; INSERT INTO c(rowid, e)" ROWS(
        1,
        40) "SELECT i, " VECTOR " FROM r; DELETE FROM "
            "c WHERE rowid = 3; DELETE FROM w WHERE rowid > 100 AND rowid < 1000; COMMIT",
    "VACUUM",
    "DELETE FROM w",
    "DROP TABLE i",
};

/* Texts: the user's own table with triggers and stretches, and words beside vectors. */
static const char *const texts[] = {
    "CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT UNIQUE, body TEXT)",
    "CREATE VIRTUAL TABLE x USING similarity(title, body, content=docs, "
    "content_rowid=id, "
    "chunk=12, overlap=2, model=tiny)",
    "INSERT INTO x(x) VALUES('triggers')",
    "INSERT INTO docs(title, body)" ROWS(1,
                                         12) "SELECT 'fox ' || i, 'the dog ' || i || "
                                             "' runs over the hill. ' || 'a cat sleeps "
                                             "in the house. the fox ' || i FROM r",
    "BEGIN; UPDATE docs SET body = 'short' WHERE id = 2; UPDATE docs SET id = 50 WHERE "
    "id "
    "= 3; DELETE FROM docs WHERE id = 4; COMMIT",
    "INSERT OR REPLACE INTO docs VALUES(5, 'new', 'the new one'), (51, NULL, NULL)",
    "CREATE VIRTUAL TABLE h USING similarity(body, n UNINDEXED, hybrid=1, model=tiny)",
    "INSERT INTO h(rowid, body, n)" ROWS(1, 20) "SELECT i, 'word ' || i || ' of 3', i "
                                                "FROM r",
    "BEGIN; UPDATE h SET body = 'other words' WHERE rowid = 3; SELECT count(*) FROM h "
    "WHERE h MATCH 'word'; UPDATE h SET n = 0; DELETE FROM h WHERE rowid = 7; COMMIT",
    "BEGIN; SAVEPOINT a; INSERT INTO h(body) VALUES('one'); ROLLBACK TO a; UPDATE h SET "
    "rowid = 70 WHERE rowid = 8; REPLACE INTO h(rowid, body) VALUES(9, 'nine'); COMMIT",
    "INSERT INTO h(h, rank) VALUES('reembed', 8)",
    "INSERT INTO h(h, rank) VALUES('reembed', 100)",
    "ALTER TABLE h RENAME TO g",
    "INSERT INTO g(g) VALUES('optimize')",
    "INSERT INTO x(x) VALUES('rebuild')",
    "VACUUM",
    "BEGIN; DELETE FROM docs WHERE id % 2 = 0; INSERT INTO g(body) VALUES('last'); "
    "COMMIT",
    "INSERT INTO g(g) VALUES('rebuild')",
    "DROP TABLE g",
};

static const struct {
    const char *const *steps;
    int n;
} works[] = {{vectors, N(vectors)}, {texts, N(texts)}};

int work_count(void)
{
    return N(works);
}

int work_steps(int work)
{
    return works[work].n;
}

const char *work_step(int work, int step)
{
    return works[work].steps[step];
}

bool work_prepare(void)
{
    sqlite3 *db = NULL;

    /* A recursive mutex that is held belongs to the thread of the process forked from. */
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    if (!disk_register()) return false;
    script_prepare();
    int rc = sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db,
                          "SELECT encoder_config('threads', 1), "
                          "encoder_load('tests/data/tiny', 'tiny')",
                          NULL, NULL, NULL);
    if (rc != SQLITE_OK) fprintf(stderr, "%s\n", sqlite3_errmsg(db));
    sqlite3_close(db);
    return rc == SQLITE_OK;
}

int work_open(sqlite3 **db, work_mode mode, bool is_small, bool is_synced)
{
    static const char *const modes[] = {"DELETE", "TRUNCATE", "PERSIST", "WAL"};
    char settings[240];
    int rc = sqlite3_open("work.db", db);

    /* EXTRA: else a journal that was deleted may be there again, and undo its commit. */
    snprintf(settings, sizeof settings,
             "PRAGMA page_size=1024; PRAGMA synchronous=%s; PRAGMA cache_size=%d; PRAGMA "
             "journal_mode=%s; PRAGMA wal_autocheckpoint=20; PRAGMA busy_timeout=0",
             is_synced ? "EXTRA" : "OFF", is_small ? 5 : 2000, modes[mode]);
    return rc == SQLITE_OK ? sqlite3_exec(*db, settings, NULL, NULL, NULL) : rc;
}

int work_do(sqlite3 *db, int work, int step)
{
    int rc = sqlite3_exec(db, work_step(work, step), NULL, NULL, NULL);

    if (rc != SQLITE_OK) rc = sqlite3_extended_errcode(db);
    if (!sqlite3_get_autocommit(db)) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

/* ---- what a database holds ---- */

static void dump_blob(sqlite3_str *out, const unsigned char *at, int n)
{
    for (int i = 0; i < n; i++) {
        sqlite3_str_appendchar(out, 1, "0123456789abcdef"[at[i] >> 4]);
        sqlite3_str_appendchar(out, 1, "0123456789abcdef"[at[i] & 15]);
    }
}

/* The rows of a query, added to `out`; an error is left with the connection. */
static int dump_rows(sqlite3 *db, sqlite3_str *out, const char *format, const char *name)
{
    char *sql = sqlite3_mprintf(format, name, name);
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

    while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(s); i++) {
            const unsigned char *at = sqlite3_column_blob(s, i);
            int n = sqlite3_column_bytes(s, i);
            if (sqlite3_column_type(s, i) == SQLITE_BLOB) dump_blob(out, at, n);
            else sqlite3_str_append(out, (const char *)at, n);
            sqlite3_str_append(out, "|", 1);
        }
        sqlite3_str_append(out, "\n", 1);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(s);
    sqlite3_free(sql);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static const char *const tables =
    "SELECT name, sql LIKE 'create virtual%' FROM sqlite_schema WHERE type = 'table' AND "
    "(name IN (SELECT name FROM sqlite_schema WHERE sql LIKE 'create "
    "virtual%similarity%') "
    "OR name = 'docs') ORDER BY name";

char *work_dump(sqlite3 *db, char **message)
{
    sqlite3_str *out = sqlite3_str_new(db);
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, tables, -1, &s, NULL);

    *message = NULL;
    while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(s, 0);
        sqlite3_str_appendf(out, "%s:\n", name);
        rc = dump_rows(db, out, "SELECT rowid, * FROM \"%w\"", name);
        if (rc == SQLITE_OK && sqlite3_column_int(s, 1))
            rc = dump_rows(db, out,
                           "SELECT rowid, distance FROM \"%w\" WHERE \"%w\" MATCH "
                           "'[1,2,3,4]' ORDER BY rowid",
                           name);
    }
    if (rc == SQLITE_DONE)
        rc = dump_rows(db, out, "SELECT name FROM sqlite_schema ORDER BY name", "");
    if (rc != SQLITE_OK) *message = sqlite3_mprintf("%d: %s", rc, sqlite3_errmsg(db));
    sqlite3_finalize(s);
    char *dump = sqlite3_str_finish(out);
    if (rc == SQLITE_OK) return dump != NULL ? dump : sqlite3_mprintf("");
    sqlite3_free(dump);
    return NULL;
}

static bool is_ok(sqlite3 *db, const char *sql, const char *want)
{
    sqlite3_stmt *s = NULL;
    bool is_fine = true;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

    while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *got = (const char *)sqlite3_column_text(s, 0);
        if (want == NULL || got == NULL || strcmp(got, want) != 0) {
            fprintf(stderr, "%s: %s\n", sql, got);
            is_fine = false;
        }
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_DONE) fprintf(stderr, "%s: %d: %s\n", sql, rc, sqlite3_errmsg(db));
    sqlite3_finalize(s);
    return is_fine && rc == SQLITE_DONE;
}

bool work_is_sound(sqlite3 *db)
{
    bool is_fine = is_ok(db, "PRAGMA integrity_check", "ok");
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, tables, -1, &s, NULL);

    while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(s, 0);
        char *sql = sqlite3_mprintf(
            "INSERT INTO \"%w\"(\"%w\") VALUES('integrity-check')", name, name);
        if (sqlite3_column_int(s, 1)) is_fine &= is_ok(db, sql, NULL);
        sqlite3_free(sql);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(s);
    if (rc != SQLITE_DONE)
        fprintf(stderr, "its tables: %d: %s\n", rc, sqlite3_errmsg(db));
    return is_fine && rc == SQLITE_DONE;
}
