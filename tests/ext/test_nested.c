/* Content that calls a function while a table reads it, which changes that very table. */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/calls.h"

typedef struct nested { /* what is run once, when the content is read */
    const char *sql[3];
    int codes[3];
    bool is_armed;
} nested;

static void meddle(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    sqlite3 *db = sqlite3_context_db_handle(ctx);
    nested *n = sqlite3_user_data(ctx);
    (void)argc;

    const bool is_armed = n->is_armed;
    n->is_armed = false;
    for (int i = 0; is_armed && i < 3 && n->sql[i] != NULL; i++)
        n->codes[i] = run(db, n->sql[i]);
    sqlite3_result_value(ctx, argv[0]);
}

/* A table whose content is a view that calls meddle(). */
static sqlite3 *open_nested(nested *n)
{
    sqlite3 *db = NULL;

    sqlite3_open(":memory:", &db);
    CHECK(sqlite3_create_function(db, "meddle", 1, SQLITE_UTF8, n, meddle, NULL, NULL) ==
          SQLITE_OK);
    CHECK(run(db, "SELECT encoder_load('tests/data/tiny', 'model-m');"
                  "CREATE TABLE note(id INTEGER PRIMARY KEY, t TEXT);"
                  "INSERT INTO note(t) VALUES('one'), ('two'), ('three');"
                  "CREATE VIEW v AS SELECT id, meddle(t) AS body FROM note;"
                  "CREATE VIRTUAL TABLE doc USING similarity(body, content='v', "
                  "content_rowid='id', model='model-m');"
                  "INSERT INTO doc(doc) VALUES('rebuild')") == SQLITE_OK);
    return db;
}

/* The insert fails half-way, so that the search reads anew what the table says of itself;
 * the last takes the memory that it had said it in. */
static void a_reembed_keeps_the_name_it_began_with(void)
{
    nested n = {.sql = {"INSERT INTO doc(rowid, body) VALUES(100, 'x'), (100, 'y')",
                        "SELECT count(*) FROM doc('one')",
                        "SELECT replace(hex(zeroblob(4)), '0', 'x')"}};
    sqlite3 *db = open_nested(&n);

    CHECK(run(db, "SELECT encoder_load('tests/data/tiny', 'model-m', "
                  "'{\"pooling\": \"cls\"}')") == SQLITE_OK);
    n.is_armed = true;
    CHECK(run(db, "INSERT INTO doc(doc) VALUES('reembed')") == SQLITE_OK);
    CHECK(n.codes[0] == SQLITE_CONSTRAINT);
    CHECK(ask(db, "SELECT v = 'model-m' FROM doc_config WHERE k = 'model'") == 1);
    CHECK(ask(db, "SELECT count(*) = 3 FROM doc('one')") == 1);
    CHECK(run(db, "INSERT INTO doc(doc) VALUES('integrity-check')") == SQLITE_OK);
    CHECK(sqlite3_close(db) == SQLITE_OK);
}

/* What a check has counted, or made room for, holds no longer. */
static void a_check_ends_when_the_table_has_changed(void)
{
    nested grown = {
        .sql = {
            "INSERT INTO note WITH n(i) AS (VALUES(1000) UNION ALL SELECT i + 1 FROM n "
            "LIMIT 1000) SELECT i, 'one' FROM n",
            "INSERT INTO doc(rowid, body) SELECT id, t FROM note WHERE id >= 1000;"
            "SELECT count(*) FROM doc('one', 1)",
            "INSERT INTO note VALUES(4, 'four'); INSERT INTO doc(rowid, body) "
            "VALUES(4, 'four'); SELECT count(*) FROM doc('one', 1)"}};
    sqlite3 *db = open_nested(&grown);

    grown.is_armed = true;
    int rc = run(db, "INSERT INTO doc(doc) VALUES('integrity-check')");
    CHECK_SAY(rc == SQLITE_ABORT && strstr(sqlite3_errmsg(db), "while it was checked"),
              "%d: %s", rc, sqlite3_errmsg(db));
    CHECK(grown.codes[0] == SQLITE_OK && grown.codes[1] == SQLITE_OK);
    CHECK(sqlite3_close(db) == SQLITE_OK);
}

static void a_table_that_is_read_is_not_dropped_or_renamed(void)
{
    nested n = {.sql = {"ALTER TABLE doc RENAME TO other", "DROP TABLE doc", NULL}};
    sqlite3 *db = open_nested(&n);

    n.is_armed = true;
    CHECK(run(db, "INSERT INTO doc(doc) VALUES('rebuild')") == SQLITE_OK);
    CHECK_SAY(n.codes[0] != SQLITE_OK && n.codes[1] != SQLITE_OK, "%d and %d", n.codes[0],
              n.codes[1]);
    CHECK(ask(db, "SELECT count(*) = 3 FROM doc('one')") == 1);
    CHECK(run(db, "INSERT INTO doc(doc) VALUES('integrity-check')") == SQLITE_OK);
    CHECK(run(db, "ALTER TABLE doc RENAME TO other; DROP TABLE other") == SQLITE_OK);
    CHECK(sqlite3_close(db) == SQLITE_OK);
}

int main(void)
{
    calls_begin();
    a_reembed_keeps_the_name_it_began_with();
    a_table_that_is_read_is_not_dropped_or_renamed();
    a_check_ends_when_the_table_has_changed();
    sqlite3_shutdown();
    return check_done("nested");
}
