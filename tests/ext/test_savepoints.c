/* Savepoints of statements: those that cannot be made, and those of which SQLite tells
 * more than it does. */
#include <sqlite3.h>
#include <stdbool.h>

#include "base/mem.h"
#include "lib/calls.h"

static void put_inside(sqlite3_context *context, int n, sqlite3_value **args)
{
    sqlite3 *db = sqlite3_context_db_handle(context);

    (void)n, (void)args;
    sqlite3_result_int(context, run(db, "INSERT INTO t(e) VALUES('[1,2]')"));
}

/* What a statement does that a failing one calls is there as far as SQLite keeps it: all
 * of it, where the failing one writes to another database. */
static void a_statement_inside_a_failing_one_loses_nothing(void)
{
    sqlite3 *db = open_db();

    sqlite3_create_function(db, "put_inside", 0, SQLITE_UTF8, NULL, put_inside, NULL,
                            NULL);
    CHECK(run(db, "CREATE VIRTUAL TABLE t USING similarity(e VECTOR(2));"
                  "ATTACH ':memory:' AS other; CREATE TABLE other.u(x UNIQUE);"
                  "CREATE TABLE v(x UNIQUE); BEGIN; INSERT INTO t(e) VALUES('[1,0]')") ==
          SQLITE_OK);
    for (int i = 0; i < 2; i++) {
        CHECK(run(db, "INSERT INTO other.u SELECT 7 + put_inside() FROM "
                      "json_each('[1,2]')") == SQLITE_CONSTRAINT);
        CHECK(ask(db, "SELECT count(*) FROM t WHERE t MATCH '[1,2]'") == 3);
        CHECK(run(db, "INSERT INTO v SELECT 7 + put_inside() FROM json_each('[1,2]')") ==
              SQLITE_CONSTRAINT);
        CHECK(ask(db, "SELECT count(*) FROM t WHERE t MATCH '[1,2]'") == 3);
        CHECK(run(db, "INSERT INTO t(t) VALUES('integrity-check')") == SQLITE_OK);
        if (i == 0)
            CHECK(run(db, "DELETE FROM t WHERE rowid > 1; SAVEPOINT a") == SQLITE_OK);
    }
    CHECK(run(db, "COMMIT; INSERT INTO t(t) VALUES('integrity-check')") == SQLITE_OK);
    CHECK(sqlite3_close(db) == SQLITE_OK);
}

/* Without memory where a statement's savepoint is made, SQLite rolls back to it all the
 * same. What came before it in the transaction is kept, in that table and in others. */
static void a_savepoint_that_fails_loses_nothing(void)
{
    bool has_failed = true;
    int n_refused = 0;

    for (size_t nth = 1; has_failed; nth++) {
        sqlite3 *db = open_db();
        CHECK(run(db, "CREATE VIRTUAL TABLE a USING similarity(e VECTOR(4));"
                      "CREATE VIRTUAL TABLE b USING similarity(e VECTOR(4));"
                      "BEGIN; INSERT INTO b(e) VALUES('[1,0,0,0]');"
                      "INSERT INTO a(e) VALUES('[1,0,0,0]'), ('[0,1,0,0]');"
                      "INSERT INTO b(e) VALUES('[0,1,0,0]'), ('[0,0,1,0]');"
                      "INSERT INTO a(e) VALUES('[0,0,1,0]')") == SQLITE_OK);
        enc_mem_fault(nth, false);
        int rc = run(db, "INSERT INTO a(e) VALUES('[0,0,0,1]'), ('[1,1,1,1]')");
        has_failed = enc_mem_fault(0, false);
        CHECK(rc == SQLITE_OK || (rc == SQLITE_NOMEM && has_failed));
        n_refused += rc != SQLITE_OK;
        CHECK(run(db, "COMMIT") == SQLITE_OK);
        CHECK_SAY(run(db, "INSERT INTO a(a) VALUES('integrity-check');"
                          "INSERT INTO b(b) VALUES('integrity-check')") == SQLITE_OK,
                  "allocation %zu: %s", nth, sqlite3_errmsg(db));
        CHECK(ask(db, "SELECT count(*) FROM a WHERE a MATCH '[1,1,1,1]'") ==
              (rc == SQLITE_OK ? 5 : 3));
        CHECK(ask(db, "SELECT count(*) FROM b WHERE b MATCH '[1,1,1,1]'") == 3);
        CHECK(sqlite3_close(db) == SQLITE_OK);
    }
    CHECK(n_refused > 5);
}

/* Nor do words: FTS5 hears of every savepoint that is made, whatever fails with us. */
static void a_savepoint_that_fails_loses_no_words(void)
{
    bool has_failed = true;
    int n_refused = 0;

    for (size_t nth = 1; has_failed; nth++) {
        sqlite3 *db = open_db();
        CHECK(run(db, "SELECT encoder_load('tests/data/tiny', 'tiny');"
                      "CREATE VIRTUAL TABLE t USING similarity(body, model=tiny, "
                      "hybrid=1);"
                      "BEGIN; INSERT INTO t(body) VALUES('a quick fox'), ('a dog');"
                      "SELECT rowid FROM t WHERE t MATCH 'fox' AND k = 1;"
                      "INSERT INTO t(body) VALUES('a quick dog')") == SQLITE_OK);
        CHECK(ask(db, "SELECT count(*) FROM t WHERE t MATCH 'dog'") == 3);
        enc_mem_fault(nth, false);
        int rc = run(db, "INSERT INTO t(body) VALUES('quick'), ('slow')");
        has_failed = enc_mem_fault(0, false);
        CHECK(rc == SQLITE_OK || (rc == SQLITE_NOMEM && has_failed));
        n_refused += rc != SQLITE_OK;
        bool is_over = sqlite3_get_autocommit(db); /* FTS5 had none for the words */
        if (!is_over) CHECK(run(db, "COMMIT") == SQLITE_OK);
        CHECK_SAY(run(db, "INSERT INTO t(t) VALUES('integrity-check')") == SQLITE_OK,
                  "allocation %zu: %s", nth, sqlite3_errmsg(db));
        CHECK(ask(db, "SELECT count(*) FROM t WHERE t MATCH 'quick' AND lexical_rank > "
                      "0") == (is_over           ? 0
                               : rc == SQLITE_OK ? 3
                                                 : 2));
        CHECK(sqlite3_close(db) == SQLITE_OK);
    }
    CHECK(n_refused > 5);
}

/* It is not written within the statement either, whatever the statement would do. */
static void a_statement_not_saved_for_does_nothing(void)
{
    static const char *const statements[] = {
        "ALTER TABLE a RENAME TO b",
        "INSERT INTO a(a) SELECT 'optimize' UNION ALL SELECT 'integrity-check'",
        "UPDATE a SET e = '[0,0,0,1]'",
    };

    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        bool has_failed = true;
        int n_refused = 0;
        for (size_t nth = 1; has_failed; nth++) {
            sqlite3 *db = open_db();
            CHECK(run(db,
                      "CREATE VIRTUAL TABLE a USING similarity(e VECTOR(4)); BEGIN;"
                      "SAVEPOINT s; INSERT INTO a(e) VALUES('[1,0,0,0]')") == SQLITE_OK);
            enc_mem_fault(nth, false);
            int rc = run(db, statements[i]);
            has_failed = enc_mem_fault(0, false);
            CHECK(rc == SQLITE_OK || (rc == SQLITE_NOMEM && has_failed));
            n_refused += rc != SQLITE_OK;
            if (rc == SQLITE_OK) CHECK(run(db, "ROLLBACK") == SQLITE_OK);
            else {
                CHECK(run(db, "COMMIT; INSERT INTO a(a) VALUES('integrity-check')") ==
                      SQLITE_OK);
                CHECK(ask(db, "SELECT count(*) FROM a WHERE a MATCH '[1,0,0,0]' AND "
                              "distance < 0.5") == 1);
            }
            CHECK(sqlite3_close(db) == SQLITE_OK);
        }
        CHECK(n_refused > 5);
    }
}

int main(void)
{
    calls_begin();
    a_statement_inside_a_failing_one_loses_nothing();
    a_savepoint_that_fails_loses_nothing();
    a_savepoint_that_fails_loses_no_words();
    a_statement_not_saved_for_does_nothing();
    sqlite3_shutdown();
    return check_done("savepoints");
}
