/* power.c - the power fails at every call to the disk, and what was not synced is kept,
 * lost or torn; in each journal mode.
 *
 *   power [--from SEED] [--seconds N | --seeds N] [--stride N]      see lib/harness.h
 *   power --only SEED:PLACE:KIND
 *
 * A seed is a work (lib/work.h), a journal mode, a cache and a first call; a place is the
 * number of a call to the disk, at which the power fails; kinds are draws of what is lost
 * (lib/disk.h). A point is right if a new connection finds the database sound, holding
 * what it held before the step or after it, and can do the next step. Steps before it
 * were acknowledged, so none of them may be lost.
 *
 * First comes the control: the same without syncs. If no loss of it is noticed, losses
 * are not looked for well enough, and that is a failure. */
#include <sqlite3.h>

#include <fcntl.h>
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
    int work, step;
    work_mode mode;
    bool is_small, is_synced;
    char *held[STEPS_MAX + 1]; /* after so many steps */
    long n, from;              /* calls so far; the first at which the power fails */
} run;

static bool has_state(run *r, sqlite3 *db, int *state)
{
    char *message = NULL, *dump = work_dump(db, &message);

    *state = -1;
    if (dump == NULL) fprintf(stderr, "reading: %s\n", message);
    else if (strcmp(dump, r->held[r->step]) == 0) *state = r->step;
    else if (strcmp(dump, r->held[r->step + 1]) == 0) *state = r->step + 1;
    else fprintf(stderr, "neither before nor after; it holds\n%.1500s\n", dump);
    sqlite3_free(dump);
    sqlite3_free(message);
    return *state >= 0;
}

/* In the child, after the power is back. */
static bool check(run *r)
{
    sqlite3 *db;
    int state, rc = work_open(&db, r->mode, r->is_small, r->is_synced);

    if (rc != SQLITE_OK) {
        fprintf(stderr, "opening: %d: %s\n", rc, sqlite3_errmsg(db));
        return false;
    }
    /* Soundness first: it does not trust what this process has cached. */
    if (!work_is_sound(db) || !has_state(r, db, &state)) return false;
    if (state < work_steps(r->work)) {
        rc = work_do(db, r->work, state);
        if (rc != SQLITE_OK) {
            fprintf(stderr, "%s: %d: %s\n", work_step(r->work, state), rc,
                    sqlite3_errmsg(db));
            return false;
        }
        r->step = state;
        if (!has_state(r, db, &state)) return false;
    }
    return sqlite3_close(db) == SQLITE_OK;
}

/* Asked before every call. Reading changes nothing that could be lost. */
static int watch(void *arg, disk_op op)
{
    run *r = arg;

    if (op != DISK_WRITE && op != DISK_SYNC && op != DISK_TRUNCATE && op != DISK_DELETE)
        return SQLITE_OK;
    long place = r->n++;
    if (place % r->h->stride != r->from) return SQLITE_OK;
    for (int kind = 0; kind < KINDS; kind++) {
        if (!harness_point(r->h, place, kind)) continue;
        disk_set_watch(NULL, NULL);
        disk_lose_power(r->h->seed * 1000003 + (unsigned long)place * KINDS +
                        (unsigned long)kind);
        harness_point_end(r->h, check(r));
    }
    return SQLITE_OK;
}

/* All steps, untouched but for the watch; learns what is held after each, if asked to. */
static bool run_steps(run *r, bool shall_learn)
{
    char *message;
    sqlite3 *db;
    int rc = work_open(&db, r->mode, r->is_small, r->is_synced);

    if (shall_learn) r->held[0] = work_dump(db, &message);
    else disk_set_watch(watch, r);
    for (r->step = 0; rc == SQLITE_OK && r->step < work_steps(r->work); r->step++) {
        rc = work_do(db, r->work, r->step);
        if (shall_learn && rc == SQLITE_OK &&
            (r->held[r->step + 1] = work_dump(db, &message)) == NULL)
            rc = SQLITE_ERROR;
    }
    disk_set_watch(NULL, NULL);
    if (rc != SQLITE_OK) fprintf(stderr, "untouched: %s\n", sqlite3_errmsg(db));
    return sqlite3_close(db) == SQLITE_OK && rc == SQLITE_OK;
}

static void run_seed(harness *h, bool is_synced)
{
    unsigned long which = h->seed % 16, first = h->seed / 16;
    run r = {.h = h,
             .work = (int)(which & 1),
             .mode = (work_mode)(which >> 1 & 3),
             .is_small = (which & 8) != 0,
             .is_synced = is_synced,
             .from = (long)(first * 7 % (unsigned long)h->stride)};

    if (!run_steps(&r, true)) _exit(4);
    disk_format();
    if (!run_steps(&r, false)) _exit(4);
    harness_apart_end(h);
}

/* Whether losses are noticed where nothing was synced. */
static bool control(const harness *h)
{
    harness c = *h;

    c.stride = 199;
    c.is_expecting = true;
    fflush(NULL);
    int told = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY);
    if (told < 0 || nowhere < 0 || dup2(nowhere, STDERR_FILENO) < 0) return false;
    for (c.seed = 0; c.seed < 4; c.seed++)
        if (harness_apart(&c)) run_seed(&c, false);
    dup2(told, STDERR_FILENO);
    close(told);
    close(nowhere);
    printf("power: control without syncs: %ld of %ld losses noticed\n", c.n_failed,
           c.n_points);
    return c.n_failed > 0;
}

int main(int argc, char **argv)
{
    harness h;

    if (!harness_init(&h, "power", argc, argv) || !work_prepare()) return 2;
    h.n_round = 16 * (unsigned long)h.stride;
    if (h.only_place < 0 && !control(&h)) h.n_failed++;
    for (; harness_goes_on(&h); h.seed++)
        if (harness_apart(&h)) run_seed(&h, true);
    return harness_finish(&h);
}
