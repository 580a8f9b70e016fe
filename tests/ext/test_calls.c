/* Calls of the extension that a SQL script cannot make: from several connections and
 * threads, interrupted half-way, and by a schema that is not trusted. */
#include <malloc.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "lib/calls.h"

#define NUMBERS                                                                          \
    "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n LIMIT 1000000) "
#define DOCUMENTS                                                                        \
    "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n LIMIT 200), "       \
    "doc(text) AS (SELECT 'The number ' || i || ' is here.' || char(10) || "             \
    "'Twice that is ' || (2 * i) || ' and no more.' FROM n) "
#define TOY                                                                              \
    "'{\"n_vocab\": 300, \"hidden\": 32, \"n_layers\": 1, \"n_heads\": 2, \"inner\": "   \
    "64, "                                                                               \
    "\"n_positions\": 64, \"max_tokens\": 64, \"batch_tokens\": 256, \"steps\": "        \
    "1000000}'"

/* ---- stopping ---- */

typedef struct countdown {
    int left;             /* calls of the handler until it says stop */
    sqlite3 *other;       /* asked about progress meanwhile, or NULL */
    const char *question; /* what it is asked; the answer 1 says stop too */
    sqlite3_int64 seen;
} countdown;

static int count_down(void *arg)
{
    countdown *c = arg;
    if (c->other != NULL) c->seen = ask(c->other, c->question);
    if (c->other != NULL && c->seen == 1) c->left = 0;
    return --c->left <= 0;
}

static void stops(const char *sql, int calls, countdown *c)
{
    sqlite3 *db = open_db();

    c->left = calls;
    sqlite3_progress_handler(db, 100, count_down, c);
    int rc = run(db, sql);
    CHECK_SAY(rc == SQLITE_INTERRUPT, "%d (%s) instead of an interrupt: %.60s", rc,
              sqlite3_errmsg(db), sql);
    CHECK(c->left <= 0);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    CHECK(ask(db, "SELECT length(embed('still there')) > 0") == 1);
    CHECK(sqlite3_next_stmt(db, NULL) == NULL);
    CHECK(sqlite3_close(db) == SQLITE_OK);
}

static void long_work_stops_when_asked(void)
{
    countdown c = {0};

    stops(NUMBERS "SELECT max(embed('text ' || i)) FROM n", 500, &c);
    stops("SELECT count(vector) FROM embed_each('" NUMBERS
          "SELECT i, ''text '' || i FROM n')",
          500, &c);
    stops(NUMBERS "SELECT train_classifier('text ' || i, i % 3) FROM n", 500, &c);
}

/* One step of training is seconds: it is stopped in the middle, without a result. */
static void a_step_of_training_stops_in_the_middle(void)
{
    countdown c = {.other = open_db(),
                   .question = "SELECT count(*) FROM encoder_progress WHERE phase = "
                               "'train' AND done = 0 AND total = 1",
                   .seen = -1};

    stops(NUMBERS "SELECT fine_tune_pairs('number ' || i, 'the number ' || i, NULL, "
                  "'{\"steps\": 1}') FROM (SELECT i FROM n LIMIT 300)",
          20000, &c);
    CHECK(c.seen == 1);
    CHECK_SAY(c.left > -3, "asked %d times more", -c.left);
    c.seen = -1;
    stops(DOCUMENTS "SELECT pretrain(text, '{\"steps\": 1, \"n_layers\": 2}') FROM doc",
          20000, &c);
    CHECK(c.seen == 1);
    CHECK_SAY(c.left > -3, "asked %d times more", -c.left);
    sqlite3_close(c.other);
}

/* What takes long can be watched from another connection while it runs, and no longer. */
static void long_work_can_be_watched(void)
{
    static const struct {
        const char *sql, *question;
    } works[] = {
        {DOCUMENTS "SELECT pretrain(text, " TOY ") FROM doc",
         "operation = 'pretrain' AND phase = 'train' AND total = 1000000"},
        {"SELECT count(vector) FROM embed_each('" NUMBERS
         "SELECT i, ''text '' || i FROM n')",
         "operation = 'embed_each' AND phase = 'embed' AND done = 256 AND total IS NULL"},
        {"WITH m(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM m LIMIT 5000) SELECT "
         "count(vector) FROM embed_each((SELECT json_group_array('text ' || i) FROM m))",
         "operation = 'embed_each' AND phase = 'embed' AND done = 256 AND total = 5000"},
    };

    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        char question[200];
        countdown c = {.other = open_db(), .question = question, .seen = -1};
        snprintf(question, sizeof question,
                 "SELECT count(*) FROM encoder_progress WHERE %s", works[i].question);
        stops(works[i].sql, 20000, &c);
        CHECK_SAY(c.seen == 1, "not seen: %s", works[i].question);
        CHECK(ask(c.other, "SELECT count(*) FROM encoder_progress") == 0);
        sqlite3_close(c.other);
    }
}

static void interrupt(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)argc;
    if (sqlite3_value_int(argv[0]) == 100)
        sqlite3_interrupt(sqlite3_context_db_handle(ctx));
    sqlite3_result_text(ctx, "", 0, SQLITE_STATIC);
}

/* An aggregate that is interrupted before its last row is finished all the same: SQLite
 * asks for a result that nobody reads. Nor does anything go on that was begun too late.
 */
static void work_does_not_begin_after_an_interrupt(void)
{
    sqlite3 *db = open_db();

    sqlite3_create_function(db, "stop_at", 1, SQLITE_UTF8, NULL, interrupt, NULL, NULL);
    CHECK(run(db,
              DOCUMENTS "SELECT pretrain(text || stop_at(rowid), " TOY
                        ") FROM (SELECT text, row_number() OVER () AS rowid FROM doc)") ==
          SQLITE_INTERRUPT);
    CHECK(ask(db, "SELECT length(embed('still there')) > 0") == 1);
    CHECK(sqlite3_close(db) == SQLITE_OK);
}

/* ---- trust ---- */

static void an_untrusted_schema_may_encode_but_not_load(void)
{
    sqlite3 *db = open_db();

    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    CHECK(run(db,
              "CREATE TABLE t(text, vector);"
              "CREATE TRIGGER r AFTER INSERT ON t BEGIN"
              "  UPDATE t SET vector = embed(new.text) WHERE rowid = new.rowid; END;"
              "CREATE VIEW a AS SELECT similarity(text, vector) AS s FROM t;"
              "CREATE VIEW b AS SELECT count(*) AS n FROM fill_mask('[MASK]', 3);"
              "CREATE VIEW c AS SELECT label FROM zero_shot('a', '[\"a\", \"b\"]');"
              "CREATE VIEW d AS SELECT encoder_load('tests/data/tiny') AS n;"
              "CREATE VIEW e AS SELECT count(*) AS n FROM embed_each('[\"a\"]');"
              "CREATE VIEW f AS SELECT pretrain(text) AS m FROM t;"
              "CREATE VIEW g AS SELECT fine_tune_pairs(text, NULL, 1) AS m FROM t;") ==
          SQLITE_OK);
    CHECK(run(db, "INSERT INTO t(text) VALUES('one'), ('two')") == SQLITE_OK);
    CHECK(ask(db, "SELECT count(*) FROM a WHERE s > 0.999") == 2);
    CHECK(ask(db, "SELECT n FROM b") == 3);
    CHECK(ask(db, "SELECT count(*) FROM c") == 2);
    CHECK(run(db, "SELECT * FROM d") == SQLITE_ERROR);
    CHECK(run(db, "SELECT * FROM e") == SQLITE_ERROR);
    CHECK(run(db, "SELECT * FROM f") == SQLITE_ERROR);
    CHECK(run(db, "SELECT * FROM g") == SQLITE_ERROR);
    CHECK(sqlite3_close(db) == SQLITE_OK);
}

/* ---- threads ---- */

#define SUMMARY                                                                          \
    NUMBERS "SELECT group_concat(hex(embed('text ' || i)), '') FROM (SELECT i FROM n "   \
            "LIMIT 40)"

static void *summarize(void *out)
{
    sqlite3 *db = open_db();
    sqlite3_stmt *stmt = NULL;
    char **text = out;

    if (sqlite3_prepare_v2(db, SUMMARY, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        *text = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return NULL;
}

static void threads_with_their_own_connections_get_the_same_bits(void)
{
    pthread_t threads[4];
    char *texts[5] = {NULL};

    summarize(&texts[4]);
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, summarize, &texts[i]);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++)
        CHECK(texts[i] != NULL && texts[4] != NULL && strcmp(texts[i], texts[4]) == 0);
    for (int i = 0; i < 5; i++) sqlite3_free(texts[i]);
}

/* ---- subtypes ---- */

static unsigned subtype_seen;

static void see(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)ctx, (void)argc;
    subtype_seen = sqlite3_value_subtype(argv[0]);
}

static void vectors_carry_the_subtype(void)
{
    sqlite3 *db = open_db();

    sqlite3_create_function(db, "see", 1, SQLITE_UTF8, NULL, see, NULL, NULL);
    CHECK(run(db, "SELECT see(embed('a'))") == SQLITE_OK && subtype_seen == 223);
    CHECK(run(db, "SELECT see(embed_query('a'))") == SQLITE_OK && subtype_seen == 223);
    CHECK(run(db, "SELECT see('a')") == SQLITE_OK && subtype_seen == 0);
    sqlite3_close(db);
}

/* ---- loading ---- */

/* To find FTS5 newer versions of SQLite read the schema. Whether somebody holds it or it
 * is beyond reading: a connection that opens has all that is ours. */
static void no_connection_lacks_a_part_of_us(void)
{
    char path[] = "/tmp/encoder-calls-XXXXXX";
    sqlite3 *writer = open_db(), *db = NULL;
    int fd = mkstemp(path);
    char *attach = sqlite3_mprintf("ATTACH %Q AS a", path);

    CHECK(fd >= 0 && run(writer, attach) == SQLITE_OK);
    CHECK(run(writer, "CREATE TABLE a.t(x); BEGIN EXCLUSIVE") == SQLITE_OK);
    int rc = sqlite3_open(path, &db);
    CHECK(rc == SQLITE_OK || rc == SQLITE_BUSY);
    CHECK(run(writer, "COMMIT") == SQLITE_OK);
    if (rc == SQLITE_OK)
        CHECK(run(db, "CREATE VIRTUAL TABLE temp.f USING fts5(a, tokenize=wordpiece)") ==
              SQLITE_OK);
    else CHECK(strstr(sqlite3_errmsg(db), "database is locked") != NULL);
    CHECK(sqlite3_close(db) == SQLITE_OK);
    CHECK(run(writer, "PRAGMA writable_schema = ON; "
                      "UPDATE a.sqlite_schema SET sql = 'no table'") == SQLITE_OK);
    CHECK(sqlite3_close(writer) == SQLITE_OK);
    CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(run(db, "SELECT * FROM t") == SQLITE_CORRUPT);
    CHECK(run(db, "SELECT embed('a')") == SQLITE_OK);
    CHECK(sqlite3_close(db) == SQLITE_OK);
    sqlite3_free(attach);
    close(fd);
    unlink(path);
}

/* ---- memory ---- */

static size_t bytes_in_use(void)
{
    struct mallinfo2 all = mallinfo2(); /* zeros under a sanitizer */
    return all.uordblks + all.hblkhd;
}

/* Each guess has a sequence as long as the text, but only where it is read. */
static void sequences_are_made_when_they_are_read(void)
{
    sqlite3 *db = open_db();
    sqlite3_stmt *stmt = NULL;
    int n = 0;

    run(db, "SELECT embed('a')");
    size_t before = bytes_in_use(), most = 0;
    sqlite3_prepare_v2(db,
                       "SELECT sequence FROM fill_mask('[MASK] ' || printf('%.4000000c', "
                       "'a'), 1000)",
                       -1, &stmt, NULL);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        n += sqlite3_column_bytes(stmt, 0) > 4000000;
        if (bytes_in_use() > most) most = bytes_in_use();
    }
    CHECK_SAY(n == 1000, "%d rows: %s", n, sqlite3_errmsg(db));
    CHECK_SAY(most < before + 64000000, "%zu bytes more", most - before);
    sqlite3_finalize(stmt);
    CHECK(sqlite3_close(db) == SQLITE_OK);
}

/* Of 4 maps of 3000 x 3000 one is kept at once; the last is the same as when it is all
 * that is asked for. */
static void maps_are_kept_in_parts(void)
{
    enum { T = 3000 };
    static const char words[] =
        "WITH t(x) AS (SELECT replace(printf('%.9000c', 'x'), 'x', 'a b '))";
    sqlite3 *db = open_db();
    sqlite3_stmt *all = NULL, *one = NULL;
    size_t n = 0, n_same = 0;
    char sql[400];

    run(db, "SELECT encoder_load('tests/data/gguf/jina.gguf', 'long', '{\"max_tokens\": "
            "3000}')");
    size_t before = bytes_in_use();
    snprintf(sql, sizeof sql,
             "%s SELECT layer, head, weight FROM t, attention(x, NULL, NULL, 'long') "
             "LIMIT -1 OFFSET %d",
             words, 3 * T * T);
    sqlite3_prepare_v2(db, sql, -1, &all, NULL);
    snprintf(sql, sizeof sql, "%s SELECT weight FROM t, attention(x, 2, 1, 'long')",
             words);
    sqlite3_prepare_v2(db, sql, -1, &one, NULL);
    CHECK(sqlite3_step(all) == SQLITE_ROW);
    size_t more = bytes_in_use() > before ? bytes_in_use() - before : 0;
    CHECK_SAY(more < (size_t)110 << 20, "%zu bytes more", more);
    do {
        if (sqlite3_step(one) != SQLITE_ROW) break;
        n++;
        n_same += sqlite3_column_int(all, 0) == 2 && sqlite3_column_int(all, 1) == 1 &&
                  sqlite3_column_double(all, 2) == sqlite3_column_double(one, 0);
    } while (sqlite3_step(all) == SQLITE_ROW);
    CHECK_SAY(n == T * T && n_same == n, "%zu of %zu: %s", n_same, n, sqlite3_errmsg(db));
    sqlite3_finalize(all);
    sqlite3_finalize(one);
    run(db, "SELECT encoder_unload('long')");
    CHECK(sqlite3_close(db) == SQLITE_OK);
}

/* A statement on itself, kept by a table, would outlive all others. */
static void content_in_a_circle_lets_the_connection_close(void)
{
    static const char *const works[] = {
        "SELECT a FROM s",
        "SELECT a FROM s('x')",
        "INSERT INTO s(s) VALUES('rebuild')",
        "INSERT INTO s(s) VALUES('reembed')",
        "INSERT INTO s(s) VALUES('triggers')",
        "INSERT INTO s(s) VALUES('integrity-check')",
        "UPDATE s SET a = 'y'",
        "DELETE FROM s",
    };
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        sqlite3 *db = open_db();
        CHECK(run(db, "CREATE TABLE d(id INTEGER PRIMARY KEY, a TEXT);"
                      "INSERT INTO d VALUES(1, 'x');"
                      "CREATE VIEW w AS SELECT id, a FROM d;"
                      "CREATE VIRTUAL TABLE s USING similarity(a, content=w, "
                      "content_rowid=id);"
                      "INSERT INTO s(s) VALUES('rebuild');"
                      "DROP VIEW w; CREATE VIEW w AS SELECT rowid AS id, a FROM s") ==
              SQLITE_OK);
        run(db, works[i]);
        CHECK_SAY(sqlite3_close(db) == SQLITE_OK, "after %s", works[i]);
    }
}

/* ---- what others change meanwhile ---- */

/* Of UPDATE ... FROM an older SQLite does not say what it leaves alone; a newer does. */
static void a_text_that_is_not_kept_is_not_lost(void)
{
    sqlite3 *db = open_db();

    CHECK(run(db,
              "CREATE VIRTUAL TABLE s USING similarity(body, u UNINDEXED, content='');"
              "INSERT INTO s(rowid, body, u) VALUES(1, 'coffee', 1);"
              "CREATE TABLE n(id, u); INSERT INTO n VALUES(1, 10)") == SQLITE_OK);
    int rc = run(db, "UPDATE s SET u = n.u FROM n WHERE n.id = s.rowid");
    CHECK_SAY(rc == SQLITE_OK ||
                  strstr(sqlite3_errmsg(db), "whether UPDATE ... FROM leaves it") != NULL,
              "%s", sqlite3_errmsg(db));
    CHECK(ask(db, "SELECT count(*) FROM s WHERE s MATCH 'coffee'") == 1);
    CHECK(ask(db, "SELECT u FROM s") == (rc == SQLITE_OK ? 10 : 1));
    CHECK(run(db, "UPDATE s SET u = (SELECT u FROM n WHERE id = s.rowid)") == SQLITE_OK);
    CHECK(ask(db, "SELECT u FROM s WHERE s MATCH 'coffee'") == 10);
    CHECK(run(db, "UPDATE s SET body = NULL") == SQLITE_OK);
    CHECK(ask(db, "SELECT count(*) FROM s WHERE s MATCH 'coffee'") == 0);
    CHECK(sqlite3_close(db) == SQLITE_OK);
}

/* A search goes on after its vectors were made anew by a model of another size: it ends
 * with a sentence. */
static void a_search_ends_when_its_vectors_are_others(void)
{
    static const char *const searches[] = {
        "SELECT rowid FROM t WHERE t MATCH 'number 7'",
        "SELECT passage(t) FROM t WHERE t MATCH 'number 7' AND k = 90",
        "SELECT rowid, distance FROM t WHERE t MATCH 'number 7' AND distance < 9",
    };

    for (size_t i = 0; i < sizeof searches / sizeof *searches; i++) {
        sqlite3 *db = open_db();
        sqlite3_stmt *s = NULL;
        int rc;
        CHECK(run(db,
                  "SELECT encoder_load('tests/data/tiny', 'tiny');"
                  "CREATE VIRTUAL TABLE t USING similarity(body, model=tiny);" DOCUMENTS
                  "INSERT INTO t(body) SELECT replace(printf('%.*c', 60, 'x'), 'x', "
                  "text) FROM doc") == SQLITE_OK);
        CHECK(sqlite3_prepare_v2(db, searches[i], -1, &s, NULL) == SQLITE_OK);
        CHECK(sqlite3_step(s) == SQLITE_ROW);
        CHECK(run(db, "INSERT INTO t(t, rank) VALUES('reembed', 'builtin')") ==
              SQLITE_OK);
        while ((rc = sqlite3_step(s)) == SQLITE_ROW) continue;
        CHECK_SAY(rc == SQLITE_ABORT && strstr(sqlite3_errmsg(db), "made anew") != NULL,
                  "%s: %d: %s", searches[i], rc, sqlite3_errmsg(db));
        sqlite3_finalize(s);
        CHECK(sqlite3_close(db) == SQLITE_OK);
    }
}

/* ---- a search of many rows ---- */

/* With hybrid=1 each leg gives its first thousand, however many rows are asked for, so
 * that pages are parts of one order. */
static void pages_of_a_hybrid_search_join(void)
{
    sqlite3 *db = open_db();

    CHECK(run(db, "SELECT encoder_load('tests/data/tiny', 'tiny');"
                  "CREATE VIRTUAL TABLE p USING similarity(body, hybrid=1, model=tiny);"
                  "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n LIMIT "
                  "1050) INSERT INTO p(rowid, body) SELECT i, iif(i % 2, 'fox ', 'dog ') "
                  "|| (i * 7 % 11) FROM n;"
                  "CREATE TABLE whole AS SELECT rank AS at, rowid AS id, lexical_rank AS "
                  "l, semantic_rank AS s FROM p WHERE p MATCH 'dog 3'") == SQLITE_OK);
    CHECK(ask(db, "SELECT count(*) FROM whole") == 1050);
    CHECK(ask(db, "SELECT max(s) FROM whole") == 1000);
    CHECK(ask(db, "SELECT count(*) FROM whole JOIN p('dog 3', 1050) AS p ON p.rowid = id "
                  "AND p.rank = at AND p.semantic_rank IS s") == 1050);
    CHECK(ask(db, "SELECT count(*) FROM whole JOIN (SELECT rowid, rank FROM p('dog 3') "
                  "LIMIT 1040 OFFSET 5) AS p ON p.rowid = id AND p.rank = at") == 1040);
    CHECK(sqlite3_close(db) == SQLITE_OK);
}

int main(void)
{
    calls_begin();
    long_work_stops_when_asked();
    long_work_can_be_watched();
    a_step_of_training_stops_in_the_middle();
    work_does_not_begin_after_an_interrupt();
    an_untrusted_schema_may_encode_but_not_load();
    threads_with_their_own_connections_get_the_same_bits();
    vectors_carry_the_subtype();
    no_connection_lacks_a_part_of_us();
    content_in_a_circle_lets_the_connection_close();
    a_text_that_is_not_kept_is_not_lost();
    a_search_ends_when_its_vectors_are_others();
    sequences_are_made_when_they_are_read();
    maps_are_kept_in_parts();
    pages_of_a_hybrid_search_join();
    sqlite3_shutdown();
    return check_done("calls");
}
