/* kill.c - a process that writes is killed, again and again; what it said it had
 * committed is there, and the index is that of the content.
 *
 *   kill [--from SEED] [--seconds N | --seeds N]      see lib/harness.h
 *   kill --only SEED:0:0
 *
 * A seed is a database (of real files), even ones with a rollback journal, odd ones in
 * WAL mode, and 50 deaths. A writer does transactions drawn from the seed: insertions,
 * updates, deletions, 'optimize', 'rebuild', renaming, VACUUM; each notes its number in
 * the table said, and is acknowledged through a pipe once it is committed. A few
 * milliseconds later it gets SIGKILL. Then, in another process, a point is right if
 *
 *   the last number noted is the last one acknowledged, or one more
 *   SQLite and both similarity tables find the database sound
 *   the vectors are those that an ordinary table was given in the same transactions
 *
 * When a writer dies is the machine's choice: a seed that failed may pass again. */
#include <sqlite3.h>

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"
#include "torture/lib/harness.h"
#include "torture/lib/script.h"
#include "torture/lib/work.h"

#define DEATHS 50

static const char *const schema =
    "BEGIN; CREATE TABLE said(n INTEGER); INSERT INTO said VALUES(0);"
    "CREATE TABLE twin(id INTEGER PRIMARY KEY, e);"
    "CREATE VIRTUAL TABLE v USING similarity(e VECTOR(4), metric=l2, index=ivf);"
    "CREATE TABLE docs(id INTEGER PRIMARY KEY, body);"
    "CREATE VIRTUAL TABLE x USING similarity(body, content=docs, hybrid=1, model=tiny);"
    "INSERT INTO x(x) VALUES('triggers'); COMMIT";

/* $r is drawn, $v what the vectors' table is called. */
static const char *const transactions[] = {
    "WITH n(i) AS (VALUES($r % 900) UNION ALL SELECT i + 1 FROM n WHERE i < $r % 900 + "
    "$r % 60) REPLACE INTO twin SELECT i, vector(json_array(i % 7, $r % 11, 1, i)) FROM "
    "n; "
    "REPLACE INTO $v(rowid, e) SELECT id, e FROM twin WHERE id BETWEEN $r % 900 AND $r % "
    "900 + $r % 60",
    "DELETE FROM twin WHERE id % 10 = $r % 10; DELETE FROM $v WHERE rowid % 10 = $r % 10",
    ("UPDATE twin SET e = vector(json_array(1, 2, 3, id)) WHERE id % 50 = $r % 50; "
     "UPDATE $v SET e = vector(json_array(1, 2, 3, rowid)) WHERE rowid % 50 = $r % 50"),
    "REPLACE INTO docs VALUES($r % 40, 'the fox $r'), ($r % 37, 'a dog $r')",
    "UPDATE docs SET body = body || ' more' WHERE id % 9 = $r % 9 AND length(body) < 40",
    "DELETE FROM docs WHERE id % 8 = $r % 8",
    "INSERT INTO $v($v) VALUES('optimize')",
    "INSERT INTO x(x) VALUES('rebuild')",
    "INSERT INTO x(x) VALUES('optimize')",
    "ALTER TABLE $v RENAME TO t$r",
};

#define N_TRANSACTIONS (sizeof transactions / sizeof *transactions)

static int value_of(sqlite3 *db, const char *sql, sqlite3_str *out)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

    if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW)
        sqlite3_str_appendall(out, (const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    return rc;
}

static const char *const table_name =
    "SELECT name FROM sqlite_schema WHERE sql LIKE 'create virtual table%vector(4)%'";

/* A statement with its names and numbers. */
static char *filled(sqlite3 *db, const char *sql, unsigned number)
{
    sqlite3_str *out = sqlite3_str_new(db);

    for (const char *c = sql; *c != '\0'; c++) {
        if (*c != '$') sqlite3_str_append(out, c, 1);
        else if (*++c == 'r') sqlite3_str_appendf(out, "%u", number);
        else value_of(db, table_name, out);
    }
    return sqlite3_str_finish(out);
}

/* ---- the writer ---- */

static int run(sqlite3 *db, const char *sql, unsigned number)
{
    char *all = filled(db, sql, number);
    int rc = all == NULL ? SQLITE_NOMEM : sqlite3_exec(db, all, NULL, NULL, NULL);

    if (rc != SQLITE_OK) fprintf(stderr, "%s: %d: %s\n", all, rc, sqlite3_errmsg(db));
    sqlite3_free(all);
    return rc;
}

/* Writes until it is killed; says each number once it is committed. */
static void write_on(const char *path, enc_rng random, int to)
{
    sqlite3 *db;
    sqlite3_int64 n = 0;
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix");
    sqlite3_str *last = sqlite3_str_new(NULL);

    if (rc == SQLITE_OK) rc = sqlite3_exec(db, "PRAGMA wal_autocheckpoint=30", 0, 0, 0);
    if (value_of(db, "SELECT n FROM said", last) == SQLITE_ROW)
        n = strtoll(sqlite3_str_value(last), NULL, 10);
    if (write(to, &n, sizeof n) != sizeof n) rc = SQLITE_IOERR; /* what it begins with */
    while (rc == SQLITE_OK) {
        uint64_t draw = enc_rng_u64(&random);
        const char *sql = transactions[draw % N_TRANSACTIONS];
        if (draw >> 8 & 1) sql = transactions[draw % 6]; /* more often what is quick */
        char note[64];
        snprintf(note, sizeof note, "UPDATE said SET n = %lld", (long long)++n);
        if ((rc = run(db, "BEGIN", 0)) || (rc = run(db, note, 0)) ||
            (rc = run(db, sql, (unsigned)(draw >> 16 & 0xffff))) ||
            (rc = run(db, "COMMIT", 0)))
            break;
        if (write(to, &n, sizeof n) != sizeof n) break;
        if ((draw >> 40) % 64 == 0) rc = run(db, "VACUUM", 0);
    }
    _exit(1);
}

/* ---- the one who looks ---- */

static bool is_empty(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = NULL;
    char *all = filled(db, sql, 0);
    int rc = sqlite3_prepare_v2(db, all, -1, &s, NULL);

    if (rc == SQLITE_OK) rc = sqlite3_step(s);
    if (rc != SQLITE_DONE)
        fprintf(stderr, "%s: %d: %s\n", all, rc,
                rc == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0)
                                 : sqlite3_errmsg(db));
    sqlite3_finalize(s);
    sqlite3_free(all);
    return rc == SQLITE_DONE;
}

static bool check(const char *path, sqlite3_int64 acknowledged)
{
    sqlite3 *db;
    sqlite3_str *noted = sqlite3_str_new(NULL);
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix");

    if (rc != SQLITE_OK || value_of(db, "SELECT n FROM said", noted) != SQLITE_ROW) {
        fprintf(stderr, "opening: %s\n", sqlite3_errmsg(db));
        return false;
    }
    sqlite3_int64 n = strtoll(sqlite3_str_value(noted), NULL, 10);
    if (n != acknowledged && n != acknowledged + 1) {
        fprintf(stderr, "%lld acknowledged, %lld there\n", (long long)acknowledged,
                (long long)n);
        return false;
    }
    return work_is_sound(db) &&
           is_empty(db, "SELECT id FROM twin LEFT JOIN $v ON $v.rowid = id WHERE $v.e IS "
                        "NOT twin.e") &&
           is_empty(db,
                    "SELECT rowid FROM $v WHERE rowid NOT IN (SELECT id FROM twin)") &&
           is_empty(
               db,
               "SELECT id FROM (SELECT f.rowid AS id, distance * distance AS d, "
               "(SELECT sum((value - key - 1) * (value - key - 1)) FROM "
               "json_each(vector_json(twin.e))) AS want FROM $v('[1,2,3,4]') AS f "
               "JOIN twin ON id = f.rowid) WHERE abs(d - want) > 1e-4 * (1 + want)") &&
           is_empty(db,
                    "SELECT id FROM docs WHERE id NOT IN (SELECT rowid FROM x('fox'))") &&
           sqlite3_close(db) == SQLITE_OK;
}

/* ---- deaths ---- */

static void wait_us(unsigned us)
{
    struct timespec t = {.tv_nsec = (long)us * 1000};
    nanosleep(&t, NULL);
}

/* One writer's life; the last number it said, or `last` if it said none. */
static bool live_and_die(const char *path, enc_rng *random, sqlite3_int64 *last)
{
    unsigned us = 500 + (unsigned)(enc_rng_u64(random) % 40000);
    sqlite3_int64 n;
    int pipes[2], status;

    if (pipe(pipes) != 0) return false;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(pipes[0]);
        write_on(path, (enc_rng){enc_rng_u64(random)}, pipes[1]);
    }
    close(pipes[1]);
    /* From its first word on, or it would hardly ever come to one. */
    if (read(pipes[0], &n, sizeof n) == sizeof n) *last = n;
    wait_us(us);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    while (read(pipes[0], &n, sizeof n) == sizeof n) *last = n;
    close(pipes[0]);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static bool create(const char *path, bool is_wal)
{
    sqlite3 *db;
    int rc =
        sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix");

    if (rc == SQLITE_OK && is_wal)
        rc = sqlite3_exec(db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_exec(db, schema, NULL, NULL, NULL);
    if (rc != SQLITE_OK) fprintf(stderr, "creating: %d: %s\n", rc, sqlite3_errmsg(db));
    return sqlite3_close(db) == SQLITE_OK && rc == SQLITE_OK;
}

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static void run_seed(harness *h)
{
    char folder[] = "/tmp/encoder-kill-XXXXXX", path[64];
    enc_rng random = {h->seed};
    sqlite3_int64 last = 0;

    if (mkdtemp(folder) == NULL) return;
    snprintf(path, sizeof path, "%s/x.db", folder);
    long failed = h->n_failed;
    h->only_place = -1;
    if (harness_point(h, 0, 0)) harness_point_end(h, create(path, h->seed % 2 == 1));
    for (long i = 1; i <= DEATHS && h->n_failed == failed; i++) {
        if (!live_and_die(path, &random, &last)) {
            fprintf(stderr, "kill: a writer of seed %lu ended by itself\n", h->seed);
            h->n_failed++;
            break;
        }
        if (harness_point(h, i, 0)) harness_point_end(h, check(path, last));
    }
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(int argc, char **argv)
{
    harness h;

    if (!harness_init(&h, "kill", argc, argv) || !work_prepare()) return 2;
    for (; harness_goes_on(&h); h.seed++) run_seed(&h);
    return harness_finish(&h);
}
