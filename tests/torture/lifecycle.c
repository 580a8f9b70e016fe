/* lifecycle.c - what happens to a database and to the library in their lives.
 *
 *   lifecycle [--from SEED] [--seconds N]                               see points.h
 *
 * By its seed: the library is loaded and its connection closed, again and again, in one
 * thread or in two; a similarity table goes through VACUUM, VACUUM INTO, a backup while
 * it is written, .dump, .recover, pages of another size, a rename onto its own shadow's
 * name, ATTACH of two copies, DETACH and DROP while a statement reads it; in UTF-8 or in
 * UTF-16. Afterwards the file is sound, the table's own check holds, and a search finds
 * what it found before - or the table is gone.
 *
 * The library is the one beside this program, loaded as a host does it. */
#include <libgen.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>

#include "torture/points.h"

#define ROWS 40

static char library[PATH_MAX], folder[] = "/tmp/lifecycle-XXXXXX";

/* ---- loading ---- */

static sqlite3 *open_file(const char *name)
{
    char path[PATH_MAX], *message = NULL;
    sqlite3 *db = NULL;
    if (name[0] == ':') sqlite3_snprintf(sizeof path, path, "%s", name);
    else sqlite3_snprintf(sizeof path, path, "%s/%s", folder, name);
    sqlite3_open(path, &db);
    sqlite3_busy_timeout(db, 60000);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
    int rc = sqlite3_load_extension(db, library, "sqlite3_encoder_init", &message);
    POINT(rc == SQLITE_OK, "%s: %s", library, message);
    sqlite3_free(message);
    return db;
}

static void close_db(sqlite3 *db)
{
    int rc = sqlite3_close(db);
    POINT(rc == SQLITE_OK, "close: %d", rc);
}

static void *close_in_thread(void *db)
{
    close_db(db);
    return NULL;
}

static long number_in(const char *file, const char *key)
{
    FILE *f = fopen(file, "r");
    char line[256];
    long n = -1;
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            n = strtol(line + strlen(key), NULL, 10);
    if (f != NULL) fclose(f);
    return n;
}

static void load_and_close(void)
{
    static long first_kilobytes, first_threads;
    for (int i = 0; i < 20; i++) {
        sqlite3 *db = open_file(":memory:"),
                *other = i % 4 ? NULL : open_file(":memory:");
        pthread_t thread;
        POINT(points_says(db,
                          "SELECT length(embed('a')) FROM embed_each('[\"b\", \"c\"]')",
                          "1024"),
              "load %d does not embed", i);
        if (other != NULL && pthread_create(&thread, NULL, close_in_thread, other) == 0)
            pthread_join(thread, NULL);
        close_db(db);
    }
    malloc_trim(0); /* what databases with large pages left free */
    long kilobytes = number_in("/proc/self/status", "VmRSS:");
    long threads = number_in("/proc/self/status", "Threads:");
    if (first_kilobytes == 0) {
        first_kilobytes = kilobytes;
        first_threads = threads;
    }
    POINT(kilobytes <= first_kilobytes + 2048, "%ld KB resident, at first %ld", kilobytes,
          first_kilobytes);
    POINT(threads == first_threads, "%ld threads, at first %ld", threads, first_threads);
}

/* A process that ends, or forgets the library, while its threads wait for work. */
static void end_with_threads(void)
{
    fflush(NULL);
    pid_t id = fork();
    if (id == 0) {
        sqlite3 *db = open_file(":memory:");
        points_run(db, "SELECT * FROM embed_each('[\"a\", \"b\", \"c\"]')");
        if (seed % 2 == 0) sqlite3_close(db);
        exit(0);
    }
    int status = points_wait(id, 20);
    POINT(status == 0, "a process that ended with %d", status);
}

/* ---- a table ---- */

static const char search[] =
    "SELECT group_concat(rowid || text, ' ') FROM (SELECT rowid, text FROM sim WHERE sim "
    "MATCH 'a night train' ORDER BY distance LIMIT 5)";

static bool does(sqlite3 *db, const char *sql)
{
    int rc = points_run(db, sql);
    POINT(rc == SQLITE_OK, "%d (%s): %.150s", rc, sqlite3_errmsg(db), sql);
    return rc == SQLITE_OK;
}

static const char *encoding(void)
{
    return seed / 3 % 3 == 0 ? "PRAGMA encoding = 'UTF-16le';" : "";
}

static sqlite3 *make_table(void)
{
    char *sql = sqlite3_mprintf(
        "%s %s CREATE VIRTUAL TABLE sim USING similarity(text, kind UNINDEXED%s);"
        "WITH n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n LIMIT %d) INSERT INTO "
        "sim(rowid, text, kind) SELECT i * 7, CASE i %% 3 WHEN 0 THEN 'train ' WHEN 1 "
        "THEN "
        "'은행 ' ELSE 'bread ' END || (i * %lu), i %% 2 FROM n; DELETE FROM sim WHERE "
        "rowid "
        "%% 5 = 0;",
        encoding(), seed % 2 == 0 ? "PRAGMA journal_mode = WAL;" : "",
        seed / 2 % 2 == 0 ? ", hybrid=1"
        : seed % 5 == 0   ? ", index=ivf"
                          : "",
        ROWS, seed);
    sqlite3 *db = open_file("a.db");
    does(db, sql);
    sqlite3_free(sql);
    return db;
}

/* The table of this connection is sound and answers as `wanted`. */
static void check(sqlite3 *db, const char *wanted)
{
    POINT(points_says(db, "PRAGMA integrity_check", "ok"), "a corrupt file");
    does(db, "INSERT INTO sim(sim) VALUES('integrity-check')");
    POINT(points_says(db, search, wanted), "another answer than before");
    does(db,
         "INSERT INTO sim(rowid, text) VALUES(1000, 'one more'); DELETE FROM sim WHERE "
         "rowid = 1000");
}

static void vacuum(sqlite3 *db, const char *wanted)
{
    does(db, "VACUUM");
    check(db, wanted);
    int rc = points_run(db, "BEGIN; INSERT INTO sim(text) VALUES('waits'); VACUUM");
    POINT(rc == SQLITE_ERROR, "VACUUM in a transaction: %d", rc);
    does(db, "ROLLBACK");
}

static void vacuum_into(sqlite3 *db, const char *wanted)
{
    char *sql = sqlite3_mprintf("VACUUM INTO '%s/b.db'", folder);
    does(db, sql);
    sqlite3_free(sql);
    sqlite3 *copy = open_file("b.db");
    check(copy, wanted);
    close_db(copy);
}

static void back_up(sqlite3 *db, const char *wanted)
{
    sqlite3 *copy = open_file("b.db"), *writer = open_file("a.db");
    sqlite3_backup *b = sqlite3_backup_init(copy, "main", db, "main");
    int rc = SQLITE_OK;
    for (int i = 0; b != NULL && rc == SQLITE_OK; i++) {
        rc = sqlite3_backup_step(b, 3);
        if (i < 6) /* by the source, which the backup follows, or beside it, and it begins
                      anew */
            does(i % 2 ? db : writer, "UPDATE sim SET text = text || ' x' WHERE rowid = "
                                      "7; UPDATE sim SET text = "
                                      "rtrim(text, ' x') WHERE rowid = 7");
    }
    POINT(rc == SQLITE_DONE, "a backup that ends with %d", rc);
    POINT(sqlite3_backup_finish(b) == SQLITE_OK, "a backup that does not finish");
    check(copy, wanted);
    close_db(writer);
    close_db(copy);
}

/* By the shell: a script of a.db, run into b.db. */
static void rewrite(const char *command, const char *wanted)
{
    char *line = sqlite3_mprintf("cd %s && sqlite3 -cmd '.load %s' a.db '%s' >a.sql && "
                                 "sqlite3 -cmd '.load %s' b.db <a.sql >said 2>&1",
                                 folder, library, command, library);
    int status = system(line);
    POINT(status == 0, "%s ended with %d", line, status);
    sqlite3_free(line);
    sqlite3 *copy = open_file("b.db");
    check(copy, wanted);
    close_db(copy);
}

static void dump(sqlite3 *db, const char *wanted)
{
    (void)db;
    rewrite(".dump", wanted);
}

/* Not every shell can: it needs SQLITE_ENABLE_DBPAGE_VTAB. */
static bool can_recover(void)
{
    static int known = -1;
    if (known < 0) known = system("sqlite3 /dev/null .recover 2>&1 | grep -q error") != 0;
    return known == 1;
}

static void recover(sqlite3 *db, const char *wanted)
{
    (void)db;
    if (can_recover()) rewrite(".recover", wanted);
}

static void rename_table(sqlite3 *db, const char *wanted)
{
    static const char *const shadows[] = {"config", "doc", "vector", "segment", "queue"};
    for (size_t i = 0; i < sizeof shadows / sizeof *shadows; i++) {
        char *sql = sqlite3_mprintf("ALTER TABLE sim RENAME TO sim_%s", shadows[i]);
        int rc = points_run(db, sql);
        POINT(rc == SQLITE_ERROR ||
                  points_run(db, "ALTER TABLE sim_queue RENAME TO sim") == SQLITE_OK,
              "%s: %d (%s)", sql, rc, sqlite3_errmsg(db));
        sqlite3_free(sql);
    }
    does(db, "CREATE TABLE other_vector(a)");
    POINT(points_run(db, "ALTER TABLE sim RENAME TO other") == SQLITE_ERROR,
          "renamed over another's table");
    does(db, "DROP TABLE other_vector; ALTER TABLE sim RENAME TO \"an'o\"\"ther\"; ALTER "
             "TABLE \"an'o\"\"ther\" RENAME TO sim");
    check(db, wanted);
}

static sqlite3_stmt *begin_reading(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    POINT(sqlite3_step(stmt) == SQLITE_ROW, "%s: %s", sql, sqlite3_errmsg(db));
    return stmt;
}

static void attach(sqlite3 *db, const char *wanted)
{
    sqlite3 *host = open_file(":memory:");
    char *sql = sqlite3_mprintf("%s ATTACH '%s/a.db' AS side", encoding(), folder);
    does(host, sql);
    sqlite3_free(sql);
    sqlite3_stmt *stmt =
        begin_reading(host, "SELECT rowid FROM side.sim WHERE sim MATCH 'bread'");
    POINT(points_run(host, "DETACH side") == SQLITE_ERROR, "detached while it is read");
    POINT(sqlite3_step(stmt) == SQLITE_ROW, "a search that was broken off");
    sqlite3_finalize(stmt);
    POINT(points_says(host, search, wanted), "another answer when attached");
    does(host, "CREATE VIRTUAL TABLE main.sim USING similarity(text); INSERT INTO "
               "main.sim(text) VALUES('here'); DETACH side; SELECT * FROM sim('here')");
    close_db(host);
    check(db, wanted);
}

/* A copy of the file beside it, in one connection: the same names, each its own. */
static void attach_copies(sqlite3 *db, const char *wanted)
{
    char *sql =
        sqlite3_mprintf("VACUUM INTO '%s/b.db'; ATTACH '%s/b.db' AS copy;"
                        "UPDATE copy.sim SET text = 'a night train' WHERE rowid = "
                        "21; DELETE FROM copy.sim WHERE rowid < 21",
                        folder, folder);
    does(db, sql);
    sqlite3_free(sql);
    check(db, wanted);
    does(db, "INSERT INTO copy.sim(sim) VALUES('integrity-check')");
    POINT(points_says(db,
                      "SELECT rowid FROM copy.sim WHERE sim MATCH 'a night train' "
                      "AND k = 1",
                      "21"),
          "not found in the copy");
    POINT(
        points_says(
            db,
            "SELECT count(*) FROM copy.sim AS c JOIN main.sim AS m ON c.rowid = m.rowid "
            "WHERE c.text <> m.text",
            "1"),
        "copies that differ in more than was changed");
    does(db,
         "DELETE FROM copy.sim; INSERT INTO copy.sim(rowid, text, kind) SELECT rowid, "
         "text, kind FROM main.sim; INSERT INTO copy.sim(sim) "
         "VALUES('integrity-check'); DETACH copy");
    check(db, wanted);
    sqlite3 *copy = open_file("b.db");
    check(copy, wanted);
    close_db(copy);
}

/* Pages can change their size where no WAL is. */
static void page_size(sqlite3 *db, const char *wanted)
{
    static const char *const sizes[] = {"512", "65536", "1024", "4096"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *sql =
            sqlite3_mprintf("PRAGMA journal_mode = DELETE; PRAGMA page_size = %s; "
                            "VACUUM",
                            sizes[i]);
        does(db, sql);
        sqlite3_free(sql);
        POINT(points_says(db, "PRAGMA page_size", sizes[i]), "pages not of %s", sizes[i]);
        check(db, wanted);
    }
}

static void drop(sqlite3 *db, const char *wanted)
{
    sqlite3_stmt *stmt =
        begin_reading(db, "SELECT rowid FROM sim WHERE sim MATCH 'bread'");
    POINT(points_run(db, "DROP TABLE sim") == SQLITE_LOCKED, "dropped while it is read");
    POINT(sqlite3_step(stmt) == SQLITE_ROW, "a search that was broken off");
    sqlite3_finalize(stmt);
    check(db, wanted);
    does(db, "BEGIN; DROP TABLE sim; ROLLBACK");
    check(db, wanted);
    does(db, "DROP TABLE sim");
    POINT(
        points_says(db, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'sim%'", "0"),
        "tables that are left");
    POINT(points_says(db, "PRAGMA integrity_check", "ok"), "a corrupt file");
}

static void (*const events[])(sqlite3 *, const char *) = {
    vacuum,    vacuum_into,  back_up, dump,          recover,
    page_size, rename_table, attach,  attach_copies, drop};

#define EVENTS (sizeof events / sizeof *events)

static void run_seed(void)
{
    const size_t kind = seed % (EVENTS + 2);
    char *command = sqlite3_mprintf("rm -f %s/*", folder);
    if (kind == EVENTS) {
        load_and_close();
    } else if (kind == EVENTS + 1) {
        end_with_threads();
    } else {
        sqlite3 *db = make_table();
        char *wanted = points_ask(db, search);
        events[kind](db, wanted);
        sqlite3_free(wanted);
        close_db(db);
    }
    POINT(system(command) == 0, "%s", command);
    sqlite3_free(command);
}

int main(int argc, char **argv)
{
    char program[PATH_MAX];
    points_begin(argc, argv);
    if (realpath(argv[0], program) == NULL || mkdtemp(folder) == NULL) return 1;
    sqlite3_snprintf(sizeof library, library, "%s/../../encoder.so", dirname(program));
    for (; points_go_on(); seed++) run_seed();
    rmdir(folder);
    return points_end("lifecycle");
}
