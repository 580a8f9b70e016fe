/* fork.c - a process forks, and both sides go on encoding.
 *
 *   fork [--from SEED] [--seconds N]                                    see points.h
 *
 * A point is one fork: the child embeds one by one and in batches, loads a model, makes a
 * table and searches it, with the parent's bits, within ten seconds. By its seed the
 * parent is idle, or another of its threads embeds, loads and unloads, or searches; or it
 * forks inside a function that a statement calls; or the child forks again, or exits or
 * becomes another program at once.
 *
 * SQLite itself may not be used in a child of several threads, for one of them may have
 * held its mutexes. Here it has one for all, which fork() does not leave taken. */
#include <pthread.h>
#include <signal.h>

#include "torture/points.h"

#define TINY "tests/data/tiny"

static const char script[] =
    "WITH one(text) AS (VALUES('은행에서 돈을 빌린다'), ('the night train leaves'), "
    "('bake some bread, then eat it'), ('서버가 멈췄다'), ('a broken arm'), ('열이 "
    "난다'))"
    "SELECT group_concat(hex(vector), '') || (SELECT hex(embed('alone'))) FROM "
    "embed_each((SELECT json_group_array(text) FROM one))";
static const char table[] =
    "CREATE VIRTUAL TABLE sim USING similarity(text, model='builtin');"
    "INSERT INTO sim(text) VALUES('bread'), ('a train'), ('the bank'), ('fever')";
static const char search[] = "SELECT text FROM sim('a train', 1)";

static char *expected;

/* ---- SQLite's mutexes ---- */

static pthread_mutex_t only;

static int nothing(void)
{
    return SQLITE_OK;
}

static sqlite3_mutex *mutex_alloc(int kind)
{
    (void)kind;
    return (sqlite3_mutex *)(void *)&only;
}

static void mutex_free(sqlite3_mutex *m)
{
    (void)m;
}

static void mutex_enter(sqlite3_mutex *m)
{
    pthread_mutex_lock((pthread_mutex_t *)(void *)m);
}

static int mutex_try(sqlite3_mutex *m)
{
    return pthread_mutex_trylock((pthread_mutex_t *)(void *)m) ? SQLITE_BUSY : SQLITE_OK;
}

static void mutex_leave(sqlite3_mutex *m)
{
    pthread_mutex_unlock((pthread_mutex_t *)(void *)m);
}

static void before_fork(void)
{
    pthread_mutex_lock(&only);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&only);
}

static void make_recursive(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&only, &attributes);
}

static void after_fork_in_child(void)
{
    make_recursive(); /* its owner's id was another */
}

static void configure_sqlite(void)
{
    static const sqlite3_mutex_methods methods = {nothing,     nothing,     mutex_alloc,
                                                  mutex_free,  mutex_enter, mutex_try,
                                                  mutex_leave, NULL,        NULL};
    make_recursive();
    pthread_atfork(before_fork, after_fork, after_fork_in_child);
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite3_config(SQLITE_CONFIG_MUTEX, &methods);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    points_extend();
}

/* ---- both sides ---- */

/* 0, or what went wrong. */
static int use_everything(void)
{
    sqlite3 *db = points_open(":memory:");
    int wrong = 0;
    if (!points_says(db, script, expected)) wrong = 1;
    else if (!points_says(db, "SELECT encoder_load('" TINY "', 'child')", "child"))
        wrong = 2;
    else if (points_run(db, table) != SQLITE_OK) wrong = 3;
    else if (!points_says(db, search, "a train")) wrong = 4;
    else if (!points_says(db, "SELECT length(embed('a', 'child')) > 0", "1")) wrong = 5;
    if (sqlite3_close(db) != SQLITE_OK) wrong = 6;
    return wrong;
}

enum {
    KIND_IDLE,
    KIND_EMBEDS,
    KIND_LOADS,
    KIND_SEARCHES,
    KIND_INSIDE,
    KIND_AGAIN,
    KIND_EXITS,
    KIND_EXECS,
    KINDS
};

static void be_child(int kind)
{
    int wrong = 0;
    if (kind == KIND_EXITS) exit(0);
    if (kind == KIND_EXECS) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(9);
    }
    wrong = use_everything();
    if (kind == KIND_AGAIN && wrong == 0) {
        pid_t id = fork();
        if (id == 0) _exit(use_everything());
        wrong = points_wait(id, 8);
    }
    _exit(wrong & 127);
}

static void fork_once(int kind)
{
    fflush(NULL);
    pid_t id = fork();
    if (id == 0) be_child(kind);
    int status = points_wait(id, 10);
    POINT(status == 0, "a child of kind %d ended with %d", kind, status);
}

static void fork_inside(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)argc, (void)argv;
    fork_once(KIND_INSIDE);
    sqlite3_result_int(ctx, 1);
}

/* ---- the other thread ---- */

static atomic_bool is_over;
static atomic_int n_rounds;

static void *keep_busy(void *arg)
{
    const int kind = *(int *)arg;
    sqlite3 *db = points_open(":memory:");
    points_run(db, table);
    for (atomic_store(&n_rounds, 0); !atomic_load(&is_over);
         atomic_fetch_add(&n_rounds, 1))
        if (kind == KIND_EMBEDS) {
            POINT(points_says(db, script, expected), "the parent embeds otherwise");
        } else if (kind == KIND_LOADS) {
            points_run(db, "SELECT encoder_load('" TINY "', 'other');"
                           "SELECT encoder_unload('other');"
                           "SELECT encoder_unload('builtin'); SELECT embed('a')");
        } else {
            POINT(points_says(db, search, "a train"), "the parent searches otherwise");
        }
    POINT(sqlite3_close(db) == SQLITE_OK, "a connection that does not close");
    return NULL;
}

static void fork_beside(int kind, int times)
{
    pthread_t other;
    atomic_store(&is_over, false);
    atomic_store(&n_rounds, 0);
    pthread_create(&other, NULL, keep_busy, &kind);
    while (atomic_load(&n_rounds) == 0) usleep(100);
    for (int i = 0; i < times; i++) {
        usleep((unsigned)(seed * 7919 + (unsigned long)i * 131) % 3000);
        fork_once(kind);
    }
    atomic_store(&is_over, true);
    pthread_join(other, NULL);
}

static void fork_many(sqlite3 *db, int kind)
{
    if (kind == KIND_EMBEDS || kind == KIND_LOADS || kind == KIND_SEARCHES)
        fork_beside(kind, 5);
    else if (kind == KIND_INSIDE)
        POINT(points_says(db,
                          "SELECT fork_inside() AND hex(embed('a')) = (SELECT "
                          "hex(vector) FROM embed_each('[\"a\"]'))",
                          "1"),
              "a statement that forks");
    else fork_once(kind);
}

int main(int argc, char **argv)
{
    points_begin(argc, argv);
    configure_sqlite();
    sqlite3 *db = points_open(":memory:");
    expected = points_ask(db, script);
    sqlite3_create_function(db, "fork_inside", 0, SQLITE_UTF8, NULL, fork_inside, NULL,
                            NULL);
    for (; points_go_on(); seed++) {
        char *set = sqlite3_mprintf("SELECT encoder_config('threads', %d)",
                                    1 << seed / KINDS % 3);
        POINT(points_run(db, set) == SQLITE_OK, "%s", set);
        sqlite3_free(set);
        fork_many(db, (int)(seed % KINDS));
        POINT(points_says(db, script, expected),
              "the parent, after all, embeds otherwise");
    }
    sqlite3_free(expected);
    sqlite3_close(db);
    return points_end("fork");
}
