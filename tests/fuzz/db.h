/* db.h - the database that fuzz targets of the extension work on.
 *
 * Similarity tables of every kind over the tiny model of tests/data, a few rows each. No
 * answer may be a crash, a hang, "out of memory" or an error without a sentence; what is
 * corrupt may be found to be so only where it was made so. */
#ifndef FUZZ_DB_H
#define FUZZ_DB_H

#include "fuzz.h"

#include <sqlite3.h>
#include <stdbool.h>

#include "base/threads.h"
#include "clock.h"

int sqlite3_encoder_init(sqlite3 *db, char **message,
                         const struct sqlite3_api_routines *api);

static inline int db_init(sqlite3 *db, char **message,
                          const struct sqlite3_api_routines *api)
{
    int rc = sqlite3_encoder_init(db, message, api);
    return rc == SQLITE_OK_LOAD_PERMANENTLY ? SQLITE_OK : rc;
}

#define DB_SECONDS 0.1 /* of the processor, for one statement; then it is interrupted */

static double db_until;

static inline void db_wind(double for_seconds)
{
    db_until = seconds(CLOCK_PROCESS_CPUTIME_ID) + for_seconds;
}

static inline int db_is_late(void *arg)
{
    (void)arg;
    return seconds(CLOCK_PROCESS_CPUTIME_ID) > db_until;
}

static inline int db_exec(sqlite3 *db, const char *sql)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (rc != SQLITE_OK) fprintf(stderr, "%s: %s\n", sqlite3_errmsg(db), sql);
    return rc;
}

/* Tables by their kinds; `t` is the name of every one of them. */
static const char *const db_kinds[] = {
    "CREATE VIRTUAL TABLE t USING similarity(body, tag UNINDEXED);"
    "INSERT INTO t(rowid, body, tag) VALUES(1, 'a cat', 'x'), (2, 'the dog', 1), "
    "(-3, NULL, 2.5), (40, '', NULL), (5, '가나 다', x'00ff')",
    "CREATE VIRTUAL TABLE t USING similarity(e VECTOR(4), tag UNINDEXED, metric=l2);"
    "INSERT INTO t(rowid, e, tag) VALUES(1, '[1,0,0,0]', 'x'), (2, '[0,1,0,0]', 1), "
    "(-3, '[0,0,0,0]', 2), (40, '[1,1,1,1]', 3), (5, NULL, 4)",
    "CREATE VIRTUAL TABLE t USING similarity(e VECTOR(4), index=ivf);"
    "INSERT INTO t(e) WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n "
    "LIMIT 300) SELECT '[' || (i % 7) || ',' || (i % 5) || ',1,' || (i % 11) || ']' FROM "
    "n;"
    "INSERT INTO t(t) VALUES('optimize')",
    "CREATE VIRTUAL TABLE t USING similarity(title, body, hybrid=1, chunk=8, overlap=2);"
    "INSERT INTO t(rowid, title, body) VALUES(1, 'a cat', 'it is a cat. a dog is not. a "
    "fox is red. the sea is blue and wide'), (2, 'dog', 'bow wow. bow wow. wow'), (3, "
    "NULL, 'a fox')",
    "CREATE VIRTUAL TABLE t USING similarity(body, tag UNINDEXED, content='', "
    "metric=dot);"
    "INSERT INTO t(rowid, body, tag) VALUES(1, 'a cat', 'x'), (2, 'the dog', 'y'), (3, "
    "'a fox', 'z')",
    "CREATE TABLE doc(id INTEGER PRIMARY KEY, body, tag);"
    "INSERT INTO doc VALUES(1, 'a cat', 'x'), (2, 'the dog', 'y'), (3, 'a fox', 'z');"
    "CREATE VIRTUAL TABLE t USING similarity(body, tag UNINDEXED, content='doc', "
    "content_rowid='id', hybrid=1);"
    "INSERT INTO t(t) VALUES('rebuild'); INSERT INTO t(t) VALUES('triggers')",
};

#define DB_KINDS (sizeof db_kinds / sizeof *db_kinds)

/* A database with a table of this kind, as bytes to be opened again and again. */
static inline unsigned char *db_make(size_t kind, sqlite3_int64 *n)
{
    sqlite3 *db = NULL;

    FUZZ_CLAIM(sqlite3_open(":memory:", &db) == SQLITE_OK);
    FUZZ_CLAIM(db_exec(db, db_kinds[kind]) == SQLITE_OK);
    unsigned char *bytes = sqlite3_serialize(db, "main", n, 0);
    FUZZ_CLAIM(bytes != NULL);
    FUZZ_CLAIM(sqlite3_close(db) == SQLITE_OK);
    return bytes;
}

static inline sqlite3 *db_open(const unsigned char *bytes, sqlite3_int64 n)
{
    unsigned char *copy = sqlite3_malloc64((sqlite3_uint64)n);
    sqlite3 *db = NULL;

    FUZZ_CLAIM(copy != NULL && sqlite3_open(":memory:", &db) == SQLITE_OK);
    memcpy(copy, bytes, (size_t)n);
    FUZZ_CLAIM(sqlite3_deserialize(db, "main", copy, n, n,
                                   SQLITE_DESERIALIZE_FREEONCLOSE |
                                       SQLITE_DESERIALIZE_RESIZEABLE) == SQLITE_OK);
    sqlite3_progress_handler(db, 1000, db_is_late, NULL);
    return db;
}

static inline void db_close(sqlite3 *db)
{
    FUZZ_CLAIM(sqlite3_close(db) == SQLITE_OK);
}

/* FTS5 takes some of what is corrupt in its own tables for too little memory. */
static inline bool db_is_of_fts(sqlite3 *db)
{
    return sqlite3_exec(db, "SELECT 1 FROM t_fts LIMIT 1", NULL, NULL, NULL) ==
           SQLITE_NOMEM;
}

/* Whether a result is one that SQL may have; what is corrupt only if `is_corrupt`. */
static inline void db_answer(sqlite3 *db, int rc, bool is_corrupt, const char *sql)
{
    const char *text = sqlite3_errmsg(db);
    int code = rc & 0xff;
    bool is_fine = code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE;
    bool is_error =
        code == SQLITE_ERROR || code == SQLITE_CONSTRAINT || code == SQLITE_MISMATCH ||
        code == SQLITE_TOOBIG || code == SQLITE_INTERRUPT || code == SQLITE_RANGE ||
        code == SQLITE_AUTH || code == SQLITE_LOCKED || code == SQLITE_CANTOPEN ||
        code == SQLITE_READONLY || code == SQLITE_ABORT || code == SQLITE_MISUSE ||
        code == SQLITE_SCHEMA ||
        (code == SQLITE_FULL && strstr(text, "no rowid above") != NULL);

    FUZZ_CLAIM(is_fine || (text != NULL && text[0] != '\0'));
    is_corrupt = is_corrupt && (code == SQLITE_CORRUPT || code == SQLITE_NOTADB ||
                                code == SQLITE_FULL || code == SQLITE_IOERR ||
                                (code == SQLITE_NOMEM && db_is_of_fts(db)));
    if (!is_fine && !is_error && !is_corrupt)
        fprintf(stderr, "%d: %s: %.600s\n", rc, sqlite3_errmsg(db), sql);
    FUZZ_CLAIM(is_fine || is_error || is_corrupt);
}

/* Runs one statement and reads up to 50 of its rows. */
static inline int db_run(sqlite3 *db, const char *sql, bool is_corrupt)
{
    sqlite3_stmt *stmt = NULL;
    int n_rows = 0;

    db_wind(DB_SECONDS);
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    while (rc == SQLITE_OK && stmt != NULL && n_rows++ < 50) {
        if ((rc = sqlite3_step(stmt)) != SQLITE_ROW) break;
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            const void *bytes = sqlite3_column_blob(stmt, i);
            fuzz_touch(bytes, bytes != NULL ? (size_t)sqlite3_column_bytes(stmt, i) : 0);
        }
        rc = SQLITE_OK;
    }
    db_answer(db, rc, is_corrupt, sql);
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Registers the extension and the tiny model, which becomes the default. */
static inline void db_begin(void)
{
    sqlite3 *db = NULL;

    enc_threads_set(1);
    setenv("HF_HUB_CACHE", "tests/no-such-cache", 1);
    setenv("HOME", "tests/no-such-home", 1);
    unsetenv("ENCODER_MODELS");
    sqlite3_auto_extension((void (*)(void))db_init);
    FUZZ_CLAIM(sqlite3_open(":memory:", &db) == SQLITE_OK);
    FUZZ_CLAIM(db_exec(db, "SELECT encoder_load('tests/data/tiny', 'tiny');"
                           "SELECT encoder_default('tiny')") == SQLITE_OK);
    FUZZ_CLAIM(sqlite3_close(db) == SQLITE_OK);
}

#endif
