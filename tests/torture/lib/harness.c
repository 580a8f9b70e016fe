/* harness.c - see harness.h. */
#include "torture/lib/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECONDS_MAX 60 /* of one point; more is a hang */
#define FAILED_MAX  50 /* then it is no use to go on */

static long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long)t.tv_sec;
}

static int usage(const char *program)
{
    fprintf(stderr,
            "usage: %s [--from SEED] [--seconds N | --seeds N] [--stride N]\n"
            "       %s --only SEED:PLACE:KIND\n",
            program, program);
    return 0;
}

bool harness_init(harness *h, const char *name, int argc, char **argv)
{
    const char *only = NULL;

    memset(h, 0, sizeof *h);
    h->name = name;
    h->program = argv[0];
    h->stride = 31;
    h->only_place = -1;
    for (int i = 1; i < argc; i += 2) {
        long *where = strcmp(argv[i], "--from") == 0      ? (long *)&h->seed
                      : strcmp(argv[i], "--seconds") == 0 ? &h->seconds
                      : strcmp(argv[i], "--seeds") == 0   ? &h->n_seeds
                      : strcmp(argv[i], "--stride") == 0  ? &h->stride
                                                          : NULL;
        if (i + 1 < argc && strcmp(argv[i], "--only") == 0) only = argv[i + 1];
        else if (where == NULL || i + 1 >= argc) return usage(argv[0]);
        else *where = strtol(argv[i + 1], NULL, 10);
    }
    if (only != NULL) {
        if (sscanf(only, "%lu:%ld:%d", &h->seed, &h->only_place, &h->only_kind) != 3)
            return usage(argv[0]);
        h->n_seeds = 1;
        h->stride = 1;
    }
    if (h->stride < 1) return usage(argv[0]);
    if (h->seconds == 0 && h->n_seeds == 0) h->n_seeds = 1;
    h->until = h->seconds > 0 ? now() + h->seconds : 0;
    h->first = h->seed;
    h->n_seeds += (long)h->seed; /* the seed to stop at */
    return true;
}

bool harness_goes_on(const harness *h)
{
    if (h->n_failed >= FAILED_MAX) return false;
    return h->until > 0 ? now() < h->until : (long)h->seed < h->n_seeds;
}

/* True in the child. In the parent *status says how it ended. */
static bool fork_and_wait(const harness *h, int *status)
{
    fflush(NULL);
    pid_t child = h->is_within ? _Fork() : fork();
    if (child == 0) return true;
    if (child < 0 || waitpid(child, status, 0) < 0) *status = -1;
    return false;
}

bool harness_point(harness *h, long place, int kind)
{
    int status;

    if (h->is_child) return false;
    if (h->only_place >= 0) {
        if (place != h->only_place || kind != h->only_kind) return false;
        h->is_child = true;
        return true;
    }
    if (fork_and_wait(h, &status)) {
        h->is_child = true;
        alarm(SECONDS_MAX);
        return true;
    }
    h->n_points++;
    if (status == 0) return false;
    h->n_failed++;
    if (!h->is_expecting)
        fprintf(stderr, "%s: status %x; again: %s --only %lu:%ld:%d\n", h->name,
                (unsigned)status, h->program, h->seed, place, kind);
    return false;
}

void harness_point_end(harness *h, bool is_fine)
{
    if (h->only_place >= 0)
        fprintf(stderr, "%s\n", is_fine ? "as it should be" : "wrong");
    fflush(NULL);
    _exit(is_fine ? 0 : 1);
}

typedef struct counts {
    long n_points, n_failed;
} counts;

static counts *shared; /* by the process of a run and the one that waits for it */

bool harness_apart(harness *h)
{
    int status;

    if (shared == NULL)
        shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) exit(2);
    *shared = (counts){0, 0};
    if (h->only_place >= 0) return true;
    if (fork_and_wait(h, &status)) {
        h->n_points = h->n_failed = 0;
        return true;
    }
    h->n_points += shared->n_points;
    h->n_failed += shared->n_failed;
    if (status == 0) return false;
    h->n_failed++;
    fprintf(stderr, "%s: the run of seed %lu itself ended with status %x\n", h->name,
            h->seed, (unsigned)status);
    return false;
}

void harness_apart_end(harness *h)
{
    shared->n_points = h->n_points;
    shared->n_failed = h->n_failed;
    if (h->only_place >= 0) fprintf(stderr, "that place was not reached\n");
    fflush(NULL);
    _exit(0);
}

int harness_finish(const harness *h)
{
    unsigned long n_seeds = h->seed - h->first;

    if (h->n_round > 0 && n_seeds > 0)
        printf("%s: %ld of about %.0f points of a round\n", h->name, h->n_points,
               (double)h->n_points * (double)h->n_round / (double)n_seeds);
    printf("%s: %ld points, %ld failed, next %lu\n", h->name, h->n_points, h->n_failed,
           h->seed);
    return h->n_failed > 0 || h->n_points == 0;
}
