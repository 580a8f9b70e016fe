/* oracle_fault.h - what fails while a statement runs. */
#ifndef ORACLE_FAULT_H
#define ORACLE_FAULT_H

#include <stdbool.h>

/* What fails: calls to the disk; its writes, for it is full; SQLite's allocations; or the
 * engine's. The nth does and no other, or all from then on. */
typedef enum oracle_failing {
    DISK_FAILS,
    DISK_IS_FULL,
    SQLITE_IS_SHORT,
    ENGINE_IS_SHORT
} oracle_failing;

typedef struct oracle_fault {
    oracle_failing what;
    bool stays, at_commit;
    int nth;
} oracle_fault;

int oracle_fault_write(oracle_fault f); /* as the `n` of a step, never 0 */
oracle_fault oracle_fault_read(int n);

/* Before anything else of SQLite: its memory and its disk (disk.h) can fail from now on.
 * False: they cannot. */
bool oracle_fault_prepare(void);

void oracle_fault_begin(oracle_fault f);
bool oracle_fault_end(void); /* whether it has failed */

/* Nothing fails meanwhile: what is allocated is the test's own. */
void oracle_fault_hold(bool is_held);

/* Whether this is what a statement says in which it failed. */
bool oracle_fault_is(oracle_fault f, int rc);

#endif
