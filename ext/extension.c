/* extension.c - the entry point: registers everything on a connection, and does nothing
 * else. */
#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT1
#include "base/lock.h"
#include "vt.h"

/* Every connection brings SQLite's routines, while others may be calling them. */
static void set_routines(const sqlite3_api_routines *api)
{
    enc_lock_take(ENC_LOCK_MODELS);
    if (sqlite3_api != api) sqlite3_api = api;
    enc_lock_give(ENC_LOCK_MODELS);
}

/* The library stays in memory when the connection closes: its threads and models are the
 * process's, and other connections may be using them. */
__attribute__((visibility("default"))) int
sqlite3_encoder_init(sqlite3 *db, char **message, const sqlite3_api_routines *api);

int sqlite3_encoder_init(sqlite3 *db, char **message, const sqlite3_api_routines *api)
{
    static int (*const families[])(sqlite3 *, ext_conn *) = {
        ext_register_model,      ext_register_tables,  ext_register_text,
        ext_register_fts,        ext_register_inspect, ext_register_vec,
        ext_register_embed,      ext_register_head,    ext_register_zero_shot,
        ext_register_entity,     ext_register_answer,  ext_register_train,
        ext_register_similarity, ext_register_stats,
    };
    int rc = SQLITE_OK;

    set_routines(api);
    ext_conn *conn = ext_conn_new(db);
    if (conn == NULL) return SQLITE_NOMEM;
    for (size_t i = 0; i < sizeof families / sizeof families[0] && rc == SQLITE_OK; i++)
        rc = families[i](db, conn);
    if (rc != SQLITE_OK) *message = sqlite3_mprintf("%s", sqlite3_errmsg(db));
    ext_conn_drop(conn); /* what was registered holds references of its own */
    return rc == SQLITE_OK ? SQLITE_OK_LOAD_PERMANENTLY : rc;
}
