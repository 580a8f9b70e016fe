/* points.h - what the harnesses of threads, forks and limits do alike: arguments, counts.
 *
 *   H [--from SEED] [--seconds N]
 *
 * Seed after seed runs until the seconds are over. Each makes points: single facts that
 * hold or do not. The last line printed is
 *
 *   name: N points, M failed, next SEED */
#ifndef POINTS_H
#define POINTS_H

#include <errno.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

int sqlite3_encoder_init(sqlite3 *db, char **message,
                         const struct sqlite3_api_routines *api);

static atomic_long n_points, n_failed;
static unsigned long seed = 1;
static double end_of_time;

/* One point; what did not hold is said, in the first few cases. */
#define POINT(claim, ...)                                                                \
    do {                                                                                 \
        atomic_fetch_add(&n_points, 1);                                                  \
        if (!(claim) && atomic_fetch_add(&n_failed, 1) < 20) {                           \
            fprintf(stderr, "seed %lu, %s:%d: ", seed, __FILE__, __LINE__);              \
            fprintf(stderr, __VA_ARGS__);                                                \
            fputc('\n', stderr);                                                         \
        }                                                                                \
    } while (0)

static inline void points_begin(int argc, char **argv)
{
    double seconds_wanted = 5;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--from") == 0) seed = strtoul(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seconds") == 0) seconds_wanted = strtod(argv[i + 1], NULL);
    }
    end_of_time = now() + seconds_wanted;
}

static inline bool points_go_on(void)
{
    return now() < end_of_time;
}

static inline int points_end(const char *name)
{
    fflush(stderr);
    printf("%s: %ld points, %ld failed, next %lu\n", name, atomic_load(&n_points),
           atomic_load(&n_failed), seed);
    return atomic_load(&n_failed) > 0;
}

/* How a child ended: 0, its status, or minus its signal. One that has not ended after
 * `wait` seconds hangs: it is killed, and the answer is -SIGKILL. */
static inline int points_wait(pid_t id, double wait)
{
    const double limit = now() + wait;
    int status;
    while (waitpid(id, &status, WNOHANG) == 0) {
        if (now() > limit) {
            kill(id, SIGKILL);
            waitpid(id, &status, 0);
            break;
        }
        usleep(500);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ---- SQL ---- */

static inline int points_init(sqlite3 *db, char **message,
                              const struct sqlite3_api_routines *api)
{
    int rc = sqlite3_encoder_init(db, message, api);
    return rc == SQLITE_OK_LOAD_PERMANENTLY ? SQLITE_OK : rc;
}

/* After sqlite3_config(): every connection opened from now on has the extension. */
static inline void points_extend(void)
{
    sqlite3_auto_extension((void (*)(void))points_init);
}

/* A connection for one thread at a time, that waits for locks. */
static inline sqlite3 *points_open(const char *path)
{
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                SQLITE_OPEN_URI;
    sqlite3_open_v2(path, &db, flags, NULL);
    sqlite3_busy_timeout(db, 120000);
    return db;
}

static inline int points_run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* The first value as text, or the error's sentence; the caller frees it. */
static inline char *points_ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    char *answer = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        answer = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 0));
    if (sqlite3_finalize(stmt) != SQLITE_OK) {
        sqlite3_free(answer);
        answer = sqlite3_mprintf("error: %s", sqlite3_errmsg(db));
    }
    return answer;
}

/* Whether the answer is `wanted`. */
static inline bool points_says(sqlite3 *db, const char *sql, const char *wanted)
{
    char *answer = points_ask(db, sql);
    bool is_same = answer != NULL && strcmp(answer, wanted) == 0;
    if (!is_same)
        fprintf(stderr, "%.200s\n  -> %.200s, not %.200s\n", sql, answer, wanted);
    sqlite3_free(answer);
    return is_same;
}

#endif
