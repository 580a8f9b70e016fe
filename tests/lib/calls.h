/* calls.h - the extension called from C, on databases in memory. */
#ifndef LIB_CALLS_H
#define LIB_CALLS_H

#include <sqlite3.h>

#include "check.h"

int sqlite3_encoder_init(sqlite3 *db, char **message,
                         const struct sqlite3_api_routines *api);

static inline int calls_init(sqlite3 *db, char **message,
                             const struct sqlite3_api_routines *api)
{
    int rc = sqlite3_encoder_init(db, message, api);
    return rc == SQLITE_OK_LOAD_PERMANENTLY ? SQLITE_OK : rc;
}

/* Every connection opened from now on has the extension. */
static inline void calls_begin(void)
{
    sqlite3_auto_extension((void (*)(void))calls_init);
}

static inline sqlite3 *open_db(void)
{
    sqlite3 *db = NULL;
    sqlite3_open(":memory:", &db);
    return db;
}

static inline int run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* The first column of the first row as an integer; -1 if there is none. */
static inline sqlite3_int64 ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    sqlite3_int64 v = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        v = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return v;
}

#endif
