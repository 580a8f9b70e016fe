/* io.c - every call that reads or writes fails: once, and from then on; in each journal
 * mode, with a large cache and with a small one.
 *
 *   io [--from SEED] [--seconds N | --seeds N] [--stride N]      see lib/harness.h
 *   io --only SEED:PLACE:KIND
 *
 * A seed is a work (lib/work.h), a cache, a journal mode - all with DELETE first - and a
 * first call; a place is the number of a call to the disk. Kind 0: it fails; 1: so do all
 * after it, until the step is over; 2 and 3: the disk is full, for this write or for all.
 *
 * A point is right if the step fails with an error that says so, or has been done; if
 * the database holds what it held before the step or after it - asked of the same
 * connection at even places, of a new one at odd ones - and is sound; and if the next
 * step can then be done - the next three at every eighth place - and the connection
 * closes. */
#include <sqlite3.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/disk.h"
#include "torture/lib/harness.h"
#include "torture/lib/work.h"

#define STEPS_MAX 32
#define KINDS     4

typedef struct run {
    harness *h;
    int work;
    work_mode mode;
    bool is_small;
    sqlite3 *db;
    char *held[STEPS_MAX + 1]; /* after so many steps */
    long n, from, place;       /* calls so far; the first that fails; the one that did */
    int kind;
} run;

/* Asked before every call. */
static int watch(void *arg, disk_op op)
{
    run *r = arg;

    if (r->h->is_child) {
        if (r->kind == 1) return disk_error(op);
        return r->kind == 3 && op == DISK_WRITE ? SQLITE_FULL : SQLITE_OK;
    }
    long place = r->n++;
    if (place % r->h->stride != r->from) return SQLITE_OK;
    for (int kind = 0; kind < (op == DISK_WRITE ? KINDS : 2); kind++) {
        if (!harness_point(r->h, place, kind)) continue;
        r->kind = kind;
        r->place = place;
        return kind < 2 ? disk_error(op) : SQLITE_FULL;
    }
    return SQLITE_OK;
}

/* By its code; of what it could not do inside a rename SQLite keeps only the sentence. */
static bool is_said(sqlite3 *db, int rc)
{
    return rc == SQLITE_OK || (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_FULL ||
           (rc & 0xff) == SQLITE_CANTOPEN ||
           (rc == SQLITE_ERROR && strstr(sqlite3_errmsg(db), "after rename: ") != NULL &&
            strstr(sqlite3_errmsg(db), "disk I/O error") != NULL);
}

/* What the database holds. While FTS5 has a blob open, which it closes at its next use,
 * SQLite repeats the error that ended a transaction: with FTS5 alone as well. */
static char *dump_of(run *r, char **message)
{
    char *dump = work_dump(r->db, message);

    for (int i = 0; i < 3 && dump == NULL; i++) {
        int code = sqlite3_errcode(r->db);
        if (code != SQLITE_IOERR && code != SQLITE_FULL) break;
        sqlite3_exec(r->db, "SELECT count(*) FROM h_fts", NULL, NULL, NULL);
        sqlite3_exec(r->db, "SELECT count(*) FROM g_fts", NULL, NULL, NULL);
        sqlite3_free(*message);
        dump = work_dump(r->db, message);
    }
    return dump;
}

/* Which of the states the database is in: `step` or the one after; -1: neither. */
static int state_of(run *r, int step, bool is_done)
{
    char *message = NULL, *dump = dump_of(r, &message);
    int state = -1;

    if (dump == NULL) fprintf(stderr, "reading: %s\n", message);
    else if (!is_done && strcmp(dump, r->held[step]) == 0) state = step;
    else if (strcmp(dump, r->held[step + 1]) == 0) state = step + 1;
    else fprintf(stderr, "neither before nor after; it holds\n%.1500s\n", dump);
    sqlite3_free(dump);
    sqlite3_free(message);
    return state;
}

static bool reopen(run *r)
{
    if (sqlite3_close(r->db) != SQLITE_OK) {
        fprintf(stderr, "the connection does not close: %s\n", sqlite3_errmsg(r->db));
        return false;
    }
    int rc = work_open(&r->db, r->mode, r->is_small, true);
    if (rc != SQLITE_OK) fprintf(stderr, "opening: %d: %s\n", rc, sqlite3_errmsg(r->db));
    return rc == SQLITE_OK;
}

/* Totals that FTS5 could not read it takes for read, until a transaction of its own ends;
 * with FTS5 alone as well. What it finds wrong of that once is no longer there the next
 * time it is asked, by work_is_sound, or was never about them. */
static void forget_totals(sqlite3 *db)
{
    sqlite3_exec(db, "INSERT INTO h_fts(h_fts) VALUES('integrity-check')", NULL, NULL,
                 NULL);
    sqlite3_exec(db, "INSERT INTO g_fts(g_fts) VALUES('integrity-check')", NULL, NULL,
                 NULL);
}

/* How many steps are done after a failure. */
static int steps_on(const run *r)
{
    return r->place % 8 < 2 ? 3 : 1;
}

/* In the child, after the step in which a call failed. */
static bool check(run *r, int step, int rc)
{
    disk_set_watch(NULL, NULL);
    if (!is_said(r->db, rc)) {
        fprintf(stderr, "the step fails with %d: %s\n", rc, sqlite3_errmsg(r->db));
        return false;
    }
    if (r->place % 2 == 1 && !reopen(r)) return false;
    forget_totals(r->db);
    int state = state_of(r, step, rc == SQLITE_OK), until = state + steps_on(r);
    if (state < 0 || !work_is_sound(r->db)) return false;
    if (until > work_steps(r->work)) until = work_steps(r->work);
    for (; state < until; state++) {
        rc = work_do(r->db, r->work, state);
        if (rc == SQLITE_OK) continue;
        fprintf(stderr, "%s: %d: %s\n", work_step(r->work, state), rc,
                sqlite3_errmsg(r->db));
        return false;
    }
    if (!reopen(r) || !work_is_sound(r->db)) return false;
    return (state == 0 || state_of(r, state - 1, true) == state) &&
           sqlite3_close(r->db) == SQLITE_OK;
}

/* What the database holds after each step, when nothing fails. */
static bool learn(run *r)
{
    char *message;
    int rc = work_open(&r->db, r->mode, r->is_small, true);

    for (int i = 0; rc == SQLITE_OK && i <= work_steps(r->work); i++) {
        if (i > 0) rc = work_do(r->db, r->work, i - 1);
        if (rc == SQLITE_OK && (r->held[i] = work_dump(r->db, &message)) == NULL)
            rc = SQLITE_ERROR;
    }
    if (rc != SQLITE_OK) fprintf(stderr, "untouched: %s\n", sqlite3_errmsg(r->db));
    return sqlite3_close(r->db) == SQLITE_OK && rc == SQLITE_OK;
}

static void run_seed(harness *h)
{
    unsigned long which = h->seed % 16, first = h->seed / 16;
    run r = {.h = h, .work = (int)(which & 1), .is_small = (which & 2) != 0};
    int rc, step = 0;

    r.mode = (work_mode)(which / 4);
    r.from = (long)(first * 7 % (unsigned long)h->stride);
    if (!learn(&r)) _exit(4);
    disk_format();
    rc = work_open(&r.db, r.mode, r.is_small, true);
    disk_set_watch(watch, &r);
    for (; rc == SQLITE_OK && step < work_steps(r.work); step++) {
        rc = work_do(r.db, r.work, step);
        if (h->is_child) harness_point_end(h, check(&r, step, rc));
    }
    disk_set_watch(NULL, NULL);
    if (rc != SQLITE_OK || sqlite3_close(r.db) != SQLITE_OK) _exit(4);
    harness_apart_end(h);
}

int main(int argc, char **argv)
{
    harness h;

    if (!harness_init(&h, "io", argc, argv) || !work_prepare()) return 2;
    h.n_round = 16 * (unsigned long)h.stride;
    for (; harness_goes_on(&h); h.seed++)
        if (harness_apart(&h)) run_seed(&h);
    return harness_finish(&h);
}
