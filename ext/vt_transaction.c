/* vt_transaction.c - how a transaction goes on and ends.
 *
 * xUpdate writes rows and queues texts; the queue is encoded and the array of vectors
 * written at xSync, and the array also at xSavepoint, so that a savepoint finds
 * everything in the database and a rollback to it needs only to forget what is in memory.
 * Nothing that can fail is left for xCommit. If a write fails half-way in a statement
 * that SQLite does not roll back by itself, the table refuses to go on until the
 * transaction is rolled back. */
#include "vt.h"

int ext_vt_begin(sqlite3_vtab *base)
{
    ext_vt_table *t = (ext_vt_table *)base;
    t->is_begun = true;
    t->next_id = 0;
    t->n_saved = t->n_writers = 0;
    t->unsaved = SQLITE_OK;
    return SQLITE_OK;
}

int ext_vt_sync(sqlite3_vtab *base)
{
    ext_vt_table *t = (ext_vt_table *)base;
    sqlite3_int64 last = sqlite3_last_insert_rowid(t->db);
    int rc = ext_vt_table_drop_undone(t);

    t->unsaved = SQLITE_OK; /* all savepoints have ended */
    if (rc == SQLITE_OK) rc = ext_vt_table_refuse_broken(t);
    if (ext_vt_table_is_old(t)) t->has_queue = false; /* the new one sees to it */
    if (rc == SQLITE_OK) rc = ext_vt_docs_flush(t);
    if (rc == SQLITE_OK) rc = ext_vt_vectors_flush(t);
    sqlite3_set_last_insert_rowid(t->db, last);
    return rc;
}

int ext_vt_commit(sqlite3_vtab *base)
{
    ext_vt_table *t = (ext_vt_table *)base;
    ext_vt_docs_end(t);
    t->is_begun = t->is_doubtful = false;
    return SQLITE_OK;
}

int ext_vt_rollback(sqlite3_vtab *base)
{
    ext_vt_table *t = (ext_vt_table *)base;
    ext_vt_table_forget(t);
    ext_vt_docs_end(t);
    t->is_begun = t->has_queue = t->is_doubtful = false;
    return SQLITE_OK;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* What was changed before it is written, for a rollback to it undoes what is not. An
 * error ends SQLite's round over the tables, and the statement, and then it rolls back to
 * the savepoint those as well that have not heard of it: FTS5 loses words so. So the
 * error is for what the statement would write, unless the transaction has ended with it.
 */
int ext_vt_savepoint(sqlite3_vtab *base, int level)
{
    ext_vt_table *t = (ext_vt_table *)base;
    sqlite3_int64 last = sqlite3_last_insert_rowid(t->db);
    if (t->n_writing > 0) return SQLITE_OK; /* of a statement of our own */
    t->n_writers = 0;
    if (t->unsaved != SQLITE_OK) return SQLITE_OK; /* in it, or again */
    int rc = ext_vt_table_drop_undone(t);
    if (rc == SQLITE_OK) rc = ext_vt_table_refuse_broken(t);
    if (rc == SQLITE_OK) rc = ext_vt_vectors_flush(t);
    t->n_saved = rc == SQLITE_OK ? level + 1 : least(t->n_saved, level);
    sqlite3_set_last_insert_rowid(t->db, last);
    if (rc == SQLITE_OK || t->must_roll_back || !t->is_begun) return rc;
    if (ext_vt_table_count_writers(t) == 0) return rc; /* it is not for a statement */
    t->unsaved = rc;
    t->unsaved_level = level;
    return SQLITE_OK;
}

int ext_vt_release(sqlite3_vtab *base, int level)
{
    ext_vt_table *t = (ext_vt_table *)base;
    t->n_saved = least(t->n_saved, level);
    if (t->n_writing == 0) t->n_writers = 0;
    if (level <= t->unsaved_level) t->unsaved = SQLITE_OK;
    return SQLITE_OK;
}

/* SQLite rolls a statement back as well to a savepoint that could not be made, of this
 * table or of another: then what this one has not written yet was there before it. */
int ext_vt_rollback_to(sqlite3_vtab *base, int level)
{
    ext_vt_table *t = (ext_vt_table *)base;
    if (t->n_writing > 0) return SQLITE_OK;
    t->n_writers = 0;
    if (level < t->unsaved_level) t->unsaved = SQLITE_OK;
    if (level >= t->n_saved) return SQLITE_OK;
    t->n_saved = level + 1;
    ext_vt_table_forget(t);
    t->has_queue = t->config.vector < 0; /* what was queued before it is still there */
    t->is_doubtful = true;
    return SQLITE_OK;
}
