/* What statements cost: counted are the steps of SQLite's machine, and the statements
 * that the similarity table runs on its own tables. */
#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

#include "lib/calls.h"

/* 2,000 rows in eight segments. */
#define TABLE                                                                            \
    "CREATE VIRTUAL TABLE t USING similarity(v VECTOR(2), n INTEGER UNINDEXED);"         \
    "WITH RECURSIVE i(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM i LIMIT 2000) "       \
    "INSERT INTO t(rowid, v, n) SELECT n, json_array(n % 10, 1), n % 7 FROM i;"

typedef struct counted {
    const char *part; /* of the statements that count */
    int n;
} counted;

static int see(unsigned what, void *context, void *statement, void *text)
{
    counted *c = context;

    (void)what, (void)text;
    c->n += strstr(sqlite3_sql(statement), c->part) != NULL;
    return 0;
}

/* How many statements with that part run while `sql` does, which ends with `code`. */
static int runs(sqlite3 *db, const char *sql, int code, const char *part)
{
    counted c = {part, 0};

    sqlite3_trace_v2(db, SQLITE_TRACE_STMT, see, &c);
    int rc = run(db, sql);
    sqlite3_trace_v2(db, 0, NULL, NULL);
    CHECK_SAY(rc == code, "%d (%s) instead of %d: %.60s", rc, sqlite3_errmsg(db), code,
              sql);
    return c.n;
}

/* The first column of the first row; *steps of the machine until it is there. */
static sqlite3_int64 first(sqlite3 *db, const char *sql, int *steps)
{
    sqlite3_stmt *s = NULL;

    CHECK(sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK);
    CHECK_SAY(sqlite3_step(s) == SQLITE_ROW, "%s", sqlite3_errmsg(db));
    sqlite3_int64 value = sqlite3_column_int64(s, 0);
    *steps = sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, 0);
    CHECK(sqlite3_stmt_status(s, SQLITE_STMTSTATUS_SORT, 0) == 0);
    sqlite3_finalize(s);
    return value;
}

static void the_last_rows_come_without_the_others(void)
{
    sqlite3 *db = open_db();
    int steps;

    CHECK(run(db, TABLE) == SQLITE_OK);
    CHECK(first(db, "SELECT max(rowid) FROM t", &steps) == 2000);
    CHECK_SAY(steps < 100, "%d steps", steps);
    CHECK(first(db, "SELECT rowid FROM t ORDER BY rowid DESC LIMIT 10", &steps) == 2000);
    CHECK_SAY(steps < 100, "%d steps", steps);
    CHECK(first(db, "SELECT max(rowid) FROM t WHERE rowid < 1000", &steps) == 999);
    CHECK_SAY(steps < 100, "%d steps", steps);
    CHECK(sqlite3_close(db) == SQLITE_OK);
}

/* Of several rows, of one by its key, and of one that gets another key; the vector stays
 * what it was. */
static void a_vector_that_stays_is_not_written(void)
{
    static const char vectors[] = "SELECT count(*) FROM t WHERE v = vector(json_array("
                                  "rowid % 10, 1))";
    sqlite3 *db = open_db();

    CHECK(run(db, TABLE) == SQLITE_OK);
    CHECK(runs(db, "UPDATE t SET n = n + 1", SQLITE_OK, "_vector") == 0);
    CHECK(runs(db, "UPDATE t SET n = 8 WHERE rowid = 5", SQLITE_OK, "_vector") == 0);
    CHECK(runs(db, "UPDATE t SET v = '[6,1]' WHERE rowid = 5", SQLITE_OK, "_vector") > 0);
    CHECK(run(db, "UPDATE t SET v = '[5,1]' WHERE rowid = 5") == SQLITE_OK);
    CHECK(ask(db, vectors) == 2000);
    CHECK(runs(db, "UPDATE t SET rowid = 9995 WHERE rowid = 5", SQLITE_OK,
               "REPLACE INTO \"main\".\"t_vector\"") == 0);
    CHECK(run(db, "UPDATE t SET n = o.n FROM (SELECT 1 AS id, 9 AS n) AS o "
                  "WHERE t.rowid = o.id") == SQLITE_OK);
    CHECK(ask(db, vectors) == 2000);
    CHECK(ask(db, "SELECT count(*) FROM t WHERE n BETWEEN 1 AND 9") == 2000);
    CHECK(run(db, "INSERT INTO t(t) VALUES('integrity-check')") == SQLITE_OK);
    CHECK(sqlite3_close(db) == SQLITE_OK);
}

/* As triggers give it for every change of its row, and 'rebuild' does for all rows. */
static void the_same_vector_again_is_not_written(void)
{
    static const char write[] = "REPLACE INTO \"main\".\"t_vector\"";
    sqlite3 *db = open_db();

    CHECK(run(db, "CREATE TABLE d(id INTEGER PRIMARY KEY, v BLOB, n INTEGER);"
                  "INSERT INTO d VALUES(1, vector('[1,0]'), 1), (2, vector('[0,1]'), 2),"
                  "(3, NULL, 3);"
                  "CREATE VIRTUAL TABLE t USING similarity(v VECTOR(2), n UNINDEXED,"
                  "content='d', content_rowid='id');"
                  "INSERT INTO t(t) VALUES('rebuild'), ('triggers')") == SQLITE_OK);
    CHECK(runs(db, "UPDATE d SET n = n + 1", SQLITE_OK, write) == 0);
    CHECK(runs(db, "INSERT INTO t(t) VALUES('rebuild')", SQLITE_OK, write) == 0);
    CHECK(runs(db, "UPDATE d SET v = vector('[0,2]') WHERE id = 2", SQLITE_OK, write) ==
          1);
    CHECK(runs(db, "UPDATE d SET v = vector('[0,3]') WHERE id = 3", SQLITE_OK, write) ==
          1);
    CHECK(runs(db, "UPDATE d SET v = NULL WHERE id = 1", SQLITE_OK, write) == 1);
    CHECK(ask(db, "SELECT group_concat(rowid || vector_json(v)) = '2[0,2],3[0,3]' FROM t "
                  "WHERE t MATCH '[0,1]'") == 1);
    CHECK(run(db, "INSERT INTO t(t) VALUES('integrity-check')") == SQLITE_OK);
    CHECK(sqlite3_close(db) == SQLITE_OK);
}

/* The list of segments is long: it is read without their bytes, and not again for a
 * rollback that has changed nothing, nor for rows that are asked for by key or in order.
 */
static void the_list_of_segments_is_read_when_it_is_another(void)
{
    static const char plan[] = "EXPLAIN QUERY PLAN SELECT id, n, h FROM t_segment ORDER "
                               "BY id";
    static const char list[] = "SELECT id, n, h FROM",
                      search[] = "SELECT rowid FROM t WHERE t MATCH '[3,1]' LIMIT 1",
                      change[] = "BEGIN; INSERT INTO t(v) VALUES('[1,1]'); ROLLBACK";
    sqlite3 *db = open_db();

    CHECK(run(db, TABLE) == SQLITE_OK);
    sqlite3_stmt *s = NULL;
    CHECK(sqlite3_prepare_v2(db, plan, -1, &s, NULL) == SQLITE_OK);
    CHECK(sqlite3_step(s) == SQLITE_ROW);
    CHECK(strstr((const char *)sqlite3_column_text(s, 3), "COVERING INDEX") != NULL);
    sqlite3_finalize(s);
    CHECK(runs(db, search, SQLITE_OK, list) == 0);
    CHECK(runs(db, "INSERT INTO t(rowid, v) VALUES(7, '[1,1]')", SQLITE_CONSTRAINT,
               list) == 0);
    CHECK(runs(db, "BEGIN; SAVEPOINT a; UPDATE t SET n = 1; ROLLBACK TO a; COMMIT",
               SQLITE_OK, list) == 0);
    CHECK(runs(db, search, SQLITE_OK, list) == 0);
    CHECK(runs(db, change, SQLITE_OK, list) == 0);
    CHECK(runs(db, "SELECT n FROM t WHERE rowid = 7", SQLITE_OK, list) == 0);
    CHECK(runs(db, "SELECT n FROM t ORDER BY rowid LIMIT 3", SQLITE_OK, list) == 0);
    CHECK(runs(db, search, SQLITE_OK, list) == 1);
    CHECK(ask(db, search) == 3);
    CHECK(runs(db,
               "BEGIN; SAVEPOINT a; UPDATE t SET v = '[5,6]'; SAVEPOINT b;"
               "ROLLBACK TO a; COMMIT",
               SQLITE_OK, list) == 0);
    CHECK(runs(db, search, SQLITE_OK, list) == 1); /* written, and rolled back */
    CHECK(ask(db, search) == 3);
    CHECK(run(db, "INSERT INTO t(t) VALUES('integrity-check')") == SQLITE_OK);
    CHECK(sqlite3_close(db) == SQLITE_OK);
}

/* Statements that the tables run on their own while n of them are made in a transaction.
 */
static int runs_for_tables(int n)
{
    counted c = {"_config", 0};
    sqlite3 *db = open_db();

    CHECK(run(db, "BEGIN") == SQLITE_OK);
    sqlite3_trace_v2(db, SQLITE_TRACE_STMT, see, &c);
    for (int i = 0; i < n; i++) {
        char *sql = sqlite3_mprintf("CREATE VIRTUAL TABLE t%d USING similarity(v "
                                    "VECTOR(2)); INSERT INTO t%d(v) VALUES('[1,2]')",
                                    i, i);
        CHECK(run(db, sql) == SQLITE_OK);
        sqlite3_free(sql);
    }
    sqlite3_trace_v2(db, 0, NULL, NULL);
    CHECK(run(db, "COMMIT") == SQLITE_OK);
    CHECK(sqlite3_close(db) == SQLITE_OK);
    return c.n;
}

static void a_table_does_not_ask_for_every_other_that_is_made(void)
{
    int few = runs_for_tables(5), many = runs_for_tables(20);
    CHECK_SAY(few > 0 && many <= 5 * few, "%d for 5 tables, %d for 20", few, many);
}

int main(void)
{
    calls_begin();
    the_last_rows_come_without_the_others();
    a_vector_that_stays_is_not_written();
    the_same_vector_again_is_not_written();
    the_list_of_segments_is_read_when_it_is_another();
    a_table_does_not_ask_for_every_other_that_is_made();
    sqlite3_shutdown();
    return check_done("work");
}
