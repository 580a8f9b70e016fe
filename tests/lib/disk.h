/* disk.h - a disk in memory, under SQLite: it can fail, fill up, and lose its power.
 *
 * A VFS whose files are blocks of this process. A fork copies the disk with everything on
 * it, so that one run can be continued in a thousand ways, each from the very call where
 * they part.
 *
 * What a program reads is what was written last. What survives a loss of power is less: a
 * file is safe as of its last sync, and of each later write every sector of 512 bytes is
 * kept, lost, or torn (its first bytes new; the rest old, or rubbish). A file that was
 * never synced may be missing, a deletion that was not synced undone. Bytes beside those
 * written are never harmed (SQLITE_IOCAP_POWERSAFE_OVERWRITE). */
#ifndef DISK_H
#define DISK_H

#include <sqlite3.h>

#include <stdbool.h>

typedef enum disk_op {
    DISK_OPEN,
    DISK_READ,
    DISK_WRITE,
    DISK_TRUNCATE,
    DISK_SYNC,
    DISK_SIZE,
    DISK_LOCK,
    DISK_DELETE,
    DISK_ACCESS,
    DISK_SHM,
    DISK_SHM_LOCK,
    DISK_N_OPS
} disk_op;

/* Asked before every call; what it returns, if not SQLITE_OK, is what the call returns.
 * A write that fails has written its first half. */
typedef int disk_watch(void *arg, disk_op op);

/* Makes an empty disk SQLite's default VFS. */
bool disk_register(void);

void disk_set_watch(disk_watch *watch, void *arg); /* NULL: none */
/* No file is left, and none may be open; what SQLite draws begins anew. */
void disk_format(void);

void disk_set_room(sqlite3_int64 bytes);    /* SQLITE_FULL beyond; -1: endless */
void disk_set_read_only(bool is_read_only); /* files open read-only, or not at all */
void disk_set_temporary(bool is_possible);  /* files without a name */

/* The power fails and comes back: what is lost is drawn. Handles that were open are no
 * longer used by anyone, and hold no locks. */
void disk_lose_power(unsigned long long seed);

/* What a call that fails returns, as SQLite's own files do. */
int disk_error(disk_op op);
const char *disk_op_name(disk_op op);

#endif
