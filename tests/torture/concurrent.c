/* concurrent.c - sixteen connections read and write one database, and sixteen threads
 * share models that come and go.
 *
 *   concurrent [--from SEED] [--seconds N]                              see points.h
 *
 * By its seed a round is in WAL mode or with a rollback journal, and has its connections
 * in one process or in four. A quarter of them write: a transaction changes a similarity
 * table and a plain one alike. The others read both in one transaction, in which they
 * must agree, and ask for the nearest of a row, which is itself.
 *
 * Then threads embed with models that others load, replace and unload. What comes is to
 * the bit what one thread alone got, or the sentence that there is no such model. */
#include <pthread.h>
#include <signal.h>

#include "torture/points.h"

#define THREADS   16
#define PROCESSES 4
#define TEXTS     8
#define TINY      "tests/data/tiny"

static char folder[] = "/tmp/concurrent-XXXXXX";
static char path[64];
static atomic_bool is_over;

static const char *const words[] = {
    "은행에서 돈을 빌린다", "the night train", "bake bread",  "서버가 멈췄다",
    "a broken arm",         "감기와 열",       "house loans", "비행기 표"};

static bool goes_well(sqlite3 *db, const char *sql)
{
    int rc = points_run(db, sql);
    POINT(rc == SQLITE_OK, "%d (%s): %.150s", rc, sqlite3_errmsg(db), sql);
    return rc == SQLITE_OK;
}

/* ---- one database ---- */

static void write_once(sqlite3 *db, unsigned long draw)
{
    int id = (int)(draw >> 16) % 60;
    char *sql =
        draw % 4 == 0
            ? sqlite3_mprintf("DELETE FROM sim WHERE rowid = %d;"
                              "DELETE FROM log WHERE id = %d;",
                              id, id)
            : sqlite3_mprintf("REPLACE INTO sim(rowid, text) VALUES(%d, '%s %lu');"
                              "REPLACE INTO log VALUES(%d, '%s %lu');",
                              id, words[draw % TEXTS], draw % 100, id,
                              words[draw % TEXTS], draw % 100);
    if (!goes_well(db, "BEGIN IMMEDIATE")) goto done;
    goes_well(db, sql);
    goes_well(db, draw % 7 == 0 ? "ROLLBACK" : "COMMIT");
done:
    sqlite3_free(sql);
}

static void read_once(sqlite3 *db)
{
    static const char compare[] =
        "SELECT ((SELECT count(*) FROM sim) - (SELECT count(*) FROM log)) || ' ' || "
        "(SELECT count(*) FROM log JOIN sim ON sim.rowid = id WHERE sim.text IS NOT "
        "log.text)";
    static const char nearest[] =
        "SELECT coalesce((SELECT iif(s.distance < 1e-5, 'itself', format('%s is %g from "
        "%s', "
        "s.text, s.distance, one.text)) FROM "
        "(SELECT text FROM log ORDER BY random() LIMIT 1) AS one JOIN sim AS s "
        "ON s.query = one.text AND s.k = 1), 'itself')";
    if (!goes_well(db, "BEGIN")) return;
    POINT(points_says(db, compare, "0 0"), "a snapshot that does not agree");
    POINT(points_says(db, nearest, "itself"), "a row that is not nearest to itself");
    goes_well(db, "COMMIT");
}

static void *work_on_table(void *arg)
{
    unsigned long n = (unsigned long)(size_t)arg, draw = seed * 1000 + n;
    sqlite3 *db = points_open(path);
    while (!atomic_load(&is_over)) {
        draw = draw * 6364136223846793005UL + 1442695040888963407UL;
        if (n % 4 == 0) write_once(db, draw >> 20);
        else read_once(db);
    }
    POINT(sqlite3_close(db) == SQLITE_OK, "a connection that does not close");
    return NULL;
}

/* Runs n threads for so many seconds. */
static void run_threads(size_t n, void *(*work)(void *), double wait)
{
    pthread_t threads[THREADS];
    atomic_store(&is_over, false);
    for (size_t i = 0; i < n; i++) pthread_create(&threads[i], NULL, work, (void *)i);
    usleep((unsigned)(wait * 1e6));
    atomic_store(&is_over, true);
    for (size_t i = 0; i < n; i++) pthread_join(threads[i], NULL);
}

/* In a child: a quarter of the connections; what it counted goes into the pipe. */
static void work_apart(unsigned long i, int to, double wait)
{
    long counts[2];
    seed += i << 32;
    atomic_store(&n_points, 0);
    atomic_store(&n_failed, 0);
    run_threads(THREADS / PROCESSES, work_on_table, wait);
    counts[0] = atomic_load(&n_points), counts[1] = atomic_load(&n_failed);
    exit(write(to, counts, sizeof counts) == sizeof counts ? 0 : 1);
}

static void run_processes(double wait)
{
    pid_t ids[PROCESSES];
    int ends[2];
    long counts[2];
    if (pipe(ends) != 0) return;
    for (unsigned long i = 0; i < PROCESSES; i++)
        if ((ids[i] = fork()) == 0) work_apart(i, ends[1], wait);
    for (int i = 0; i < PROCESSES; i++) {
        int status = points_wait(ids[i], wait + 240);
        POINT(status == 0, "a process that ended with %d", status);
    }
    close(ends[1]);
    while (read(ends[0], counts, sizeof counts) == sizeof counts) {
        atomic_fetch_add(&n_points, counts[0]);
        atomic_fetch_add(&n_failed, counts[1]);
    }
    close(ends[0]);
}

static void share_a_table(double wait)
{
    sqlite3_snprintf(sizeof path, path, "%s/%lu.db", folder, seed);
    sqlite3 *db = points_open(path);
    goes_well(db, seed % 2 == 0 ? "PRAGMA journal_mode = WAL"
                                : "PRAGMA journal_mode = DELETE");
    goes_well(db, "CREATE TABLE log(id INTEGER PRIMARY KEY, text);"
                  "CREATE VIRTUAL TABLE sim USING similarity(text, model='builtin')");
    sqlite3_close(db);
    if (seed / 2 % 2 == 0) run_threads(THREADS, work_on_table, wait);
    else run_processes(wait);
    db = points_open(path);
    read_once(db);
    POINT(points_says(db, "PRAGMA integrity_check", "ok"), "a corrupt file");
    goes_well(db, "INSERT INTO sim(sim) VALUES('integrity-check')");
    sqlite3_close(db);
    unlink(path);
}

/* ---- models ---- */

static char *expected[2][TEXTS]; /* by the built-in model, by the one in TINY */

static char *embed(sqlite3 *db, int i, const char *model)
{
    char *sql = sqlite3_mprintf("SELECT hex(embed(%Q, %Q))", words[i], model);
    char *answer = points_ask(db, sql);
    sqlite3_free(sql);
    return answer;
}

static void ask_a_model(sqlite3 *db, unsigned long draw)
{
    int i = (int)(draw % TEXTS);
    bool is_builtin = draw / TEXTS % 4 == 0;
    char name[8] = "builtin";
    if (!is_builtin) sqlite3_snprintf(sizeof name, name, "m%d", (int)(draw / 64 % 3));
    char *answer = embed(db, i, name);
    bool is_right = strcmp(answer, expected[!is_builtin][i]) == 0;
    bool is_unknown = !is_builtin && strncmp(answer, "error: embed: no model", 22) == 0;
    POINT(is_right || is_unknown, "%s gives %.80s", name, answer);
    sqlite3_free(answer);
}

static void change_models(sqlite3 *db, unsigned long draw)
{
    static const char *const changes[] = {
        "SELECT encoder_load('" TINY "', 'm%d')",
        "SELECT encoder_load('" TINY "', 'm%d')",
        "SELECT encoder_unload('m%d')",
        "SELECT encoder_default('m%d')",
        "SELECT group_concat(name || fingerprint || loaded) FROM encoder_models --%d",
        "SELECT encoder_unload('builtin') --%d",
        "SELECT encoder_config('threads', %d + 1)",
        "SELECT count(*) FROM embed_each('[\"a\", \"b\", \"c\"]') --%d"};
    char *sql = sqlite3_mprintf(changes[draw % 8], (int)(draw / 8 % 3));
    char *answer = points_ask(db, sql);
    bool is_error = strncmp(answer, "error: ", 7) == 0;
    bool is_unknown = strstr(answer, ": no model named 'm") != NULL;
    POINT(!is_error || is_unknown, "%s: %s", sql, answer);
    sqlite3_free(answer);
    sqlite3_free(sql);
}

static void *work_on_models(void *arg)
{
    unsigned long n = (unsigned long)(size_t)arg, draw = seed * 1000 + n;
    sqlite3 *db = points_open(":memory:");
    while (!atomic_load(&is_over)) {
        draw = draw * 6364136223846793005UL + 1442695040888963407UL;
        if (n % 4 == 0) change_models(db, draw >> 20);
        else ask_a_model(db, draw >> 20);
    }
    POINT(sqlite3_close(db) == SQLITE_OK, "a connection that does not close");
    return NULL;
}

static void learn_what_is_right(void)
{
    sqlite3 *db = points_open(":memory:");
    goes_well(db, "SELECT encoder_load('" TINY "', 'right')");
    for (int i = 0; i < TEXTS; i++) {
        expected[0][i] = embed(db, i, "builtin");
        expected[1][i] = embed(db, i, "right");
    }
    goes_well(db, "SELECT encoder_unload('right')");
    sqlite3_close(db);
}

int main(int argc, char **argv)
{
    points_begin(argc, argv);
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    points_extend();
    if (mkdtemp(folder) == NULL) return 1;
    learn_what_is_right();
    for (; points_go_on(); seed++) {
        const double left = end_of_time - now();
        share_a_table(left < 8 ? left / 8 : 4);
        run_threads(THREADS, work_on_models, left < 8 ? left / 8 : 4);
    }
    for (int i = 0; i < 2 * TEXTS; i++) sqlite3_free(expected[i / TEXTS][i % TEXTS]);
    rmdir(folder);
    return points_end("concurrent");
}
