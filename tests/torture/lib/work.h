/* work.h - what tables go through while calls fail and power is lost: transactions, one
 * after another, and what the database should hold after each.
 *
 * A step is one transaction (or one statement outside of any, such as VACUUM): after it,
 * or after a failure in it, the database holds what it held before the step or after it.
 * What it holds is written as text: every row of every table, and of every similarity
 * table the distances of all its rows from one query, so that its index is in it. */
#ifndef TORTURE_WORK_H
#define TORTURE_WORK_H

#include <sqlite3.h>

#include <stdbool.h>

typedef enum work_mode { WORK_DELETE, WORK_TRUNCATE, WORK_PERSIST, WORK_WAL } work_mode;

/* Settings of the process, the disk (disk.h) and the model of the texts. Call it first.
 */
bool work_prepare(void);

int work_count(void);     /* how many works there are */
int work_steps(int work); /* and steps of one of them */
const char *work_step(int work, int step);

/* Opens work.db; is_small: with a cache of five pages, which spill. Synced as is needed
 * to lose nothing, or not at all. */
int work_open(sqlite3 **db, work_mode mode, bool is_small, bool is_synced);

/* Does the step; rolls back what is open if it fails. */
int work_do(sqlite3 *db, int work, int step);

/* All that the database holds; sqlite3_free it. NULL: an error, in *message, which is
 * SQLite's to free as well. */
char *work_dump(sqlite3 *db, char **message);

/* Whether SQLite and every similarity table find the database sound; says what is not. */
bool work_is_sound(sqlite3 *db);

#endif
