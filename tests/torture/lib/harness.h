/* harness.h - what every harness of tests/torture.sh does alike: arguments, points,
 * counts.
 *
 *   H [--from SEED] [--seconds N | --seeds N] [--stride N]
 *   H --only POINT
 *
 * A seed is one run of something, untouched but for this: at every nth place where it
 * could fail (n is the stride, and the seed says where to begin) the process forks, and
 * in the child it does. The child then says whether all is as it should be. So a point
 * costs what comes after it, and the run before it is shared by all its points.
 *
 * A point is named by three numbers, SEED:PLACE:KIND, and --only does it again without a
 * fork, for a debugger. The last line printed is
 *
 *   name: N points, M failed, next SEED */
#ifndef TORTURE_HARNESS_H
#define TORTURE_HARNESS_H

#include <stdbool.h>

typedef struct harness {
    const char *name, *program;
    unsigned long first, seed; /* the one it began with, and the one that runs */
    unsigned long n_round;     /* seeds that make all points there are, 0: endless */
    long stride;
    long n_points, n_failed;
    bool is_child;
    bool is_expecting; /* failures are counted and not told: a control */
    bool is_within;    /* places may lie where a lock is held, for which fork() waits */
    long seconds, n_seeds, until;
    long only_place; /* -1: all */
    int only_kind;
} harness;

/* False: the arguments are none of the above, and that has been said. */
bool harness_init(harness *h, const char *name, int argc, char **argv);

/* Whether another seed is to be run. */
bool harness_goes_on(const harness *h);

/* At the place-th place of this seed's run: forks if this point is wanted. True in the
 * child; false in the parent, where the child has ended and is counted. */
bool harness_point(harness *h, long place, int kind);

/* The end of a child. */
void harness_point_end(harness *h, bool is_fine) __attribute__((noreturn));

/* As harness_point, for all of a run: it dies alone, and failing is one failure. */
bool harness_apart(harness *h);
void harness_apart_end(harness *h) __attribute__((noreturn));

int harness_finish(const harness *h); /* prints the last line; the exit status */

#endif
