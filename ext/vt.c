/* vt.c - the methods of the similarity table, in SQLite's order, and only those; what a
 * transaction does is vt_transaction.c. */
#include "vt.h"

#include <math.h>
#include <string.h>

/* ---- making and finding ---- */

static int vt_create(sqlite3 *db, void *client, int argc, const char *const *argv,
                     sqlite3_vtab **out, char **message)
{
    return ext_vt_table_open(db, client, argc, argv, out, message, true);
}

static int vt_connect(sqlite3 *db, void *client, int argc, const char *const *argv,
                      sqlite3_vtab **out, char **message)
{
    return ext_vt_table_open(db, client, argc, argv, out, message, false);
}

static int vt_best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    return ext_vt_plan_best_index((ext_vt_table *)base, info);
}

static int vt_disconnect(sqlite3_vtab *base)
{
    ext_vt_table_free((ext_vt_table *)base);
    return SQLITE_OK;
}

static int vt_destroy(sqlite3_vtab *base)
{
    int rc = ext_vt_store_drop((ext_vt_table *)base);
    if (rc == SQLITE_OK) ext_vt_table_free((ext_vt_table *)base);
    return rc;
}

/* ---- reading ---- */

static int vt_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
    ext_vt_table *t = (ext_vt_table *)base;
    ext_vt_cursor *c = sqlite3_malloc64(sizeof *c);

    if (c == NULL) return SQLITE_NOMEM;
    memset(c, 0, sizeof *c);
    c->next = t->cursors;
    t->cursors = c;
    *out = &c->base;
    return SQLITE_OK;
}

/* Forgets the row, keeping the statements. */
static void leave_row(ext_vt_cursor *c)
{
    if (c->is_on_row) sqlite3_reset(c->content);
    c->is_on_row = c->has_doc = false;
}

static int vt_close(sqlite3_vtab_cursor *base)
{
    ext_vt_cursor *c = (ext_vt_cursor *)base,
                  **at = &((ext_vt_table *)base->pVtab)->cursors;

    while (*at != c) at = &(*at)->next;
    *at = c->next;
    sqlite3_finalize(c->scan);
    sqlite3_finalize(c->content);
    ext_vt_search_clear(&c->search);
    ext_vt_doc_clear(&c->doc);
    sqlite3_free(c);
    return SQLITE_OK;
}

static int next_hit(ext_vt_cursor *c)
{
    ext_vt_table *t = (ext_vt_table *)c->base.pVtab;
    int rc = ext_vt_search_more(t, &c->search);

    c->is_eof = rc != SQLITE_OK || c->search.at >= c->search.n_hits;
    if (!c->is_eof) c->id = c->search.hits[c->search.at].id;
    return rc;
}

static int next_scanned(ext_vt_cursor *c)
{
    int rc = sqlite3_step(c->scan);

    c->is_eof = rc != SQLITE_ROW;
    if (!c->is_eof) {
        c->id = sqlite3_column_int64(c->scan, 0);
        return SQLITE_OK;
    }
    rc = sqlite3_reset(c->scan);
    return ext_vt_fail_db((ext_vt_table *)c->base.pVtab, rc);
}

/* All rows by rowid, or from the last one back. */
static int start_scan(ext_vt_cursor *c, bool is_reverse)
{
    ext_vt_table *t = (ext_vt_table *)c->base.pVtab;
    const enc_filter *f = &c->search.plan.filter;

    if (c->search.plan.is_empty) {
        c->is_eof = true;
        return SQLITE_OK;
    }
    if (c->is_reverse != is_reverse) {
        sqlite3_finalize(c->scan);
        c->scan = NULL;
        c->is_reverse = is_reverse;
    }
    if (c->scan == NULL) {
        char *sql =
            sqlite3_mprintf("SELECT id FROM \"%w\".\"%w_doc\" WHERE id BETWEEN ?1 "
                            "AND ?2 ORDER BY id%s",
                            t->schema, t->name, is_reverse ? " DESC" : "");
        if (sql == NULL) return SQLITE_NOMEM;
        int rc = sqlite3_prepare_v2(t->db, sql, -1, &c->scan, NULL);
        sqlite3_free(sql);
        if (rc != SQLITE_OK) return ext_vt_fail_db(t, rc);
    }
    sqlite3_bind_int64(c->scan, 1, f->id_min);
    sqlite3_bind_int64(c->scan, 2, f->id_max);
    return next_scanned(c);
}

static int vt_filter(sqlite3_vtab_cursor *base, int number, const char *text, int argc,
                     sqlite3_value **argv)
{
    ext_vt_cursor *c = (ext_vt_cursor *)base;
    ext_vt_table *t = (ext_vt_table *)base->pVtab;
    int rc;

    leave_row(c);
    if (c->scan != NULL) sqlite3_reset(c->scan);
    ext_vt_search_clear(&c->search);
    if ((rc = ext_vt_plan_read(t, text, argc, argv, &c->search.plan))) return rc;
    c->has_match = c->search.plan.has_match;
    if (!c->has_match) return start_scan(c, number == EXT_VT_REVERSE);
    if ((rc = ext_vt_vectors_refresh(t))) return rc; /* what others wrote: not for rows */
    if ((rc = ext_vt_docs_flush_reading(t))) return rc;
    if ((rc = ext_vt_search_open(t, &c->search))) return rc;
    return next_hit(c);
}

static int vt_next(sqlite3_vtab_cursor *base)
{
    ext_vt_cursor *c = (ext_vt_cursor *)base;

    leave_row(c);
    if (!c->has_match) return next_scanned(c);
    c->search.at++;
    return next_hit(c);
}

static int vt_eof(sqlite3_vtab_cursor *base)
{
    return ((const ext_vt_cursor *)base)->is_eof;
}

/* Brings the statement onto the row; afterwards it may stand on nothing. */
static int enter_row(ext_vt_cursor *c)
{
    ext_vt_table *t = (ext_vt_table *)c->base.pVtab;
    int rc = SQLITE_OK;

    if (c->is_on_row) return SQLITE_OK;
    if (c->content == NULL) rc = ext_vt_sql_prepare(t, EXT_VT_CONTENT_GET, &c->content);
    if (rc != SQLITE_OK) return rc;
    sqlite3_bind_int64(c->content, 1, c->id);
    rc = ext_vt_content_step(t, c->content);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        sqlite3_reset(c->content);
        return ext_vt_fail_db(t, rc);
    }
    c->is_on_row = true;
    return SQLITE_OK;
}

static int enter_doc(ext_vt_cursor *c)
{
    if (c->has_doc) return SQLITE_OK;
    int rc = ext_vt_doc_get((ext_vt_table *)c->base.pVtab, c->id, &c->doc);
    c->has_doc = rc == SQLITE_OK;
    return rc;
}

static int vector_column(ext_vt_cursor *c, sqlite3_context *ctx)
{
    ext_vt_table *t = (ext_vt_table *)c->base.pVtab;
    int rc = enter_doc(c);

    if (rc == SQLITE_OK) rc = ext_vt_vectors_refresh(t);
    if (rc != SQLITE_OK || c->doc.n == 0) return rc;
    float *v = enc_mem_array(t->config.dims, sizeof *v);
    if (v == NULL) return SQLITE_NOMEM;
    rc = ext_vt_vectors_get(t, c->doc.at[0].slot, v);
    ext_vt_vectors_close_blob(t);
    if (rc == SQLITE_OK) ext_result_vector(ctx, v, t->config.dims);
    enc_mem_free(v);
    return rc;
}

static void distance_column(const ext_vt_cursor *c, sqlite3_context *ctx, int hidden)
{
    const ext_vt_table *t = (const ext_vt_table *)c->base.pVtab;
    double d = c->search.hits[c->search.at].distance;
    double s = enc_vec_similarity(t->config.metric, d);

    /* Infinitely far: an undefined distance is then last in every ORDER BY. */
    if (hidden == EXT_VT_DISTANCE)
        sqlite3_result_double(ctx, isnan(d) ? (double)INFINITY : d + 0.0); /* no -0 */
    else if (!isnan(s)) sqlite3_result_double(ctx, s);
}

static int stretch_column(ext_vt_cursor *c, sqlite3_context *ctx, int hidden)
{
    int rc = enter_doc(c);
    const ext_vt_hit *hit = &c->search.hits[c->search.at];
    const ext_vt_stretch *s =
        rc == SQLITE_OK ? ext_vt_doc_stretch(&c->doc, hit->slot) : NULL;

    if (s != NULL && ((const ext_vt_table *)c->base.pVtab)->config.vector < 0)
        sqlite3_result_int64(ctx, hidden == EXT_VT_CHUNK_START ? s->start : s->end);
    return rc;
}

static int hit_column(ext_vt_cursor *c, sqlite3_context *ctx, int hidden)
{
    const ext_vt_table *t = (const ext_vt_table *)c->base.pVtab;
    const ext_vt_hit *hit = &c->search.hits[c->search.at];

    switch (hidden) {
    case EXT_VT_QUERY: sqlite3_result_value(ctx, c->search.plan.match); break;
    case EXT_VT_K:
        if (c->search.plan.k >= 0) sqlite3_result_int64(ctx, c->search.plan.k);
        break;
    case EXT_VT_DISTANCE:
    case EXT_VT_SIMILARITY: distance_column(c, ctx, hidden); break;
    case EXT_VT_CHUNK_START:
    case EXT_VT_CHUNK_END: return stretch_column(c, ctx, hidden);
    case EXT_VT_RANK:
        if (t->config.is_hybrid)
            sqlite3_result_int64(ctx, (sqlite3_int64)c->search.at + 1);
        break;
    case EXT_VT_LEXICAL_RANK:
        if (hit->lexical_rank > 0) sqlite3_result_int64(ctx, hit->lexical_rank);
        break;
    case EXT_VT_SEMANTIC_RANK:
        if (hit->semantic_rank > 0) sqlite3_result_int64(ctx, hit->semantic_rank);
        break;
    default: break;
    }
    return SQLITE_OK;
}

static int vt_column_of(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column)
{
    ext_vt_cursor *c = (ext_vt_cursor *)base;
    ext_vt_table *t = (ext_vt_table *)base->pVtab;
    int hidden = column - t->config.n_columns, rc;

    if (hidden == EXT_VT_SELF) { /* what passage() finds its row by */
        sqlite3_result_pointer(ctx, c, "encoder-cursor", NULL);
        return SQLITE_OK;
    }
    if (hidden >= 0 && sqlite3_vtab_nochange(ctx)) return SQLITE_OK;
    if (hidden >= 0) return c->has_match ? hit_column(c, ctx, hidden) : SQLITE_OK;
    if (t->config.columns[column].kind == EXT_VT_VECTOR)
        return sqlite3_vtab_nochange(ctx) ? SQLITE_OK : vector_column(c, ctx);
    bool is_text = t->config.columns[column].kind == EXT_VT_TEXT;
    if (is_text && t->config.content == EXT_VT_CONTENTLESS) return SQLITE_OK;
    if ((rc = enter_row(c))) return rc;
    if (sqlite3_data_count(c->content) > column + 1)
        sqlite3_result_value(ctx, sqlite3_column_value(c->content, column + 1));
    return SQLITE_OK;
}

static int vt_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = ((const ext_vt_cursor *)base)->id;
    return SQLITE_OK;
}

/* ---- writing ---- */

static int integer_id(ext_vt_table *t, sqlite3_value *value, sqlite3_int64 *out)
{
    double real = sqlite3_value_double(value);

    *out = sqlite3_value_int64(value);
    switch (sqlite3_value_numeric_type(value)) {
    case SQLITE_INTEGER: return SQLITE_OK;
    case SQLITE_FLOAT:
        if (floor(real) == real && fabs(real) < 0x1p53) return SQLITE_OK;
        break;
    default: break;
    }
    return ext_vt_fail(t, SQLITE_MISMATCH, "rowid must be a whole number");
}

/* A rowid that is taken: REPLACE and 'put' write over it, all else is a constraint. */
static int make_way(ext_vt_table *t, sqlite3_int64 id, bool is_put, bool *is_taken)
{
    ext_vt_doc d = {0};
    int rc = ext_vt_doc_get(t, id, &d);

    *is_taken = d.exists;
    ext_vt_doc_clear(&d);
    if (rc != SQLITE_OK || !*is_taken) return rc;
    if (is_put || sqlite3_vtab_on_conflict(t->db) == SQLITE_REPLACE) return SQLITE_OK;
    return ext_vt_fail(t, SQLITE_CONSTRAINT, "rowid %lld is taken", id);
}

static bool is_command(const ext_vt_table *t, int argc, sqlite3_value **argv)
{
    return argc > 1 && sqlite3_value_type(argv[0]) == SQLITE_NULL &&
           sqlite3_value_type(argv[2 + t->config.n_columns + EXT_VT_SELF]) != SQLITE_NULL;
}

/* A value for a column that a search fills, which is not kept anywhere; but for 'put' in
 * rank: not with the commands, whose column does not follow ALTER TABLE in a trigger. */
static int read_hidden(ext_vt_table *t, sqlite3_value **hidden, bool *is_put)
{
    const unsigned char *rank = sqlite3_value_text(hidden[EXT_VT_RANK]);

    if (rank == NULL && sqlite3_value_type(hidden[EXT_VT_RANK]) != SQLITE_NULL)
        return SQLITE_NOMEM;
    *is_put = rank != NULL && strcmp((const char *)rank, "put") == 0;
    for (int i = EXT_VT_SELF + 1; i < EXT_VT_HIDDEN; i++)
        if (sqlite3_value_type(hidden[i]) != SQLITE_NULL &&
            !(*is_put && i == EXT_VT_RANK))
            return ext_vt_fail(t, SQLITE_ERROR,
                               "column %s is not stored: give it no value",
                               ext_vt_hidden_name(i));
    return SQLITE_OK;
}

static int insert(ext_vt_table *t, int argc, sqlite3_value **argv, sqlite3_int64 *rowid)
{
    sqlite3_value **values = argv + 2;
    bool is_taken = false, is_put;
    int rc;

    if (is_command(t, argc, argv))
        return ext_vt_command_run(t, values[t->config.n_columns + EXT_VT_SELF],
                                  values[t->config.n_columns + EXT_VT_RANK]);
    if ((rc = read_hidden(t, values + t->config.n_columns, &is_put))) return rc;
    if (sqlite3_value_type(argv[1]) == SQLITE_NULL) rc = ext_vt_docs_new_id(t, rowid);
    else if ((rc = integer_id(t, argv[1], rowid)) == SQLITE_OK)
        rc = make_way(t, *rowid, is_put, &is_taken);
    if (rc != SQLITE_OK) return rc;
    return is_taken ? ext_vt_docs_update(t, *rowid, *rowid, values)
                    : ext_vt_docs_insert(t, *rowid, values);
}

/* SQLite 3.40 does not say of UPDATE ... FROM which columns it leaves alone, not even of
 * those that nobody can set. A text that is not kept then looks like one set to NULL. */
static int refuse_untold(ext_vt_table *t, sqlite3_value **values)
{
    if (t->config.content != EXT_VT_CONTENTLESS ||
        sqlite3_value_nochange(values[t->config.n_columns + EXT_VT_LEXICAL_RANK]))
        return SQLITE_OK;
    for (int i = 0; i < t->config.n_columns; i++)
        if (t->config.columns[i].kind == EXT_VT_TEXT &&
            sqlite3_value_type(values[i]) != SQLITE_NULL)
            return SQLITE_OK;
    return ext_vt_fail(t, SQLITE_ERROR,
                       "content='' keeps no text, and this SQLite does not say whether "
                       "UPDATE ... FROM leaves it alone (use a subquery)");
}

static int update(ext_vt_table *t, sqlite3_value **argv)
{
    sqlite3_int64 old_id = sqlite3_value_int64(argv[0]), id;
    bool is_taken = false;
    int rc = integer_id(t, argv[1], &id);

    if (rc == SQLITE_OK) rc = refuse_untold(t, argv + 2);
    if (rc == SQLITE_OK && id != old_id) rc = make_way(t, id, false, &is_taken);
    return rc == SQLITE_OK ? ext_vt_docs_update(t, old_id, id, argv + 2) : rc;
}

/* For a statement in a statement. If the outer one fails, SQLite tells us of a rollback,
 * which only the databases have had that the outer one writes to: ours need not be one of
 * them. So nothing may be in memory only. */
static int write_at_once(ext_vt_table *t)
{
    ext_vt_write_begin(t);
    return ext_vt_write_end(t, ext_vt_vectors_flush(t));
}

/* What is written to shadow tables must not show in last_insert_rowid(). */
static int vt_update(sqlite3_vtab *base, int argc, sqlite3_value **argv,
                     sqlite3_int64 *rowid)
{
    ext_vt_table *t = (ext_vt_table *)base;
    sqlite3_int64 last = sqlite3_last_insert_rowid(t->db);
    int rc = ext_vt_table_refuse_broken(t);

    if (rc == SQLITE_OK) rc = ext_vt_table_refuse_unsaved(t);
    if (rc == SQLITE_OK) rc = ext_vt_vectors_refresh(t);
    if (rc == SQLITE_CORRUPT_VTAB && is_command(t, argc, argv)) { /* it may mend that */
        sqlite3_free(t->base.zErrMsg);
        t->base.zErrMsg = NULL;
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_OK) return rc;
    for (ext_vt_cursor *c = t->cursors; c != NULL; c = c->next) leave_row(c);
    *rowid = last; /* a command inserts nothing */
    if (argc == 1) rc = ext_vt_docs_delete(t, sqlite3_value_int64(argv[0]));
    else if (sqlite3_value_type(argv[0]) != SQLITE_NULL) rc = update(t, argv);
    else rc = insert(t, argc, argv, rowid);
    if (rc == SQLITE_OK && ext_vt_table_is_inside(t)) rc = write_at_once(t);
    sqlite3_set_last_insert_rowid(t->db, last);
    return rc;
}

/* ---- the whole table ---- */

/* SQLite connects anew under the new name; what is here has the old one, which a rollback
 * makes right again, and nothing left to write. */
static int vt_rename(sqlite3_vtab *base, const char *name)
{
    ext_vt_table *t = (ext_vt_table *)base;
    int rc = ext_vt_table_refuse_unsaved(t);

    if (rc == SQLITE_OK) rc = ext_vt_sync(base);
    if (rc != SQLITE_OK) return rc;
    if (ext_vt_config_allows(&t->config, name)) return ext_vt_store_rename(t, name);
    return ext_vt_fail(t, SQLITE_ERROR, "a table named %s would hide its own column %s",
                       name, name);
}

static int vt_shadow_name(const char *suffix)
{
    return ext_vt_store_is_shadow(suffix);
}

static int vt_integrity(sqlite3_vtab *base, const char *schema, const char *table,
                        int flags, char **problem)
{
    ext_vt_table *t = (ext_vt_table *)base;
    int rc = ext_vt_vectors_refresh(t);

    (void)schema, (void)table;
    *problem = NULL;
    if (rc == SQLITE_OK) rc = ext_vt_docs_flush_reading(t);
    return rc == SQLITE_OK ? ext_vt_check_run(t, (flags & 1) != 0, problem) : rc;
}

/* The layout of sqlite3_module of SQLite 3.44, whatever the header that we build with: an
 * older SQLite looks at iVersion and reads no further. */
typedef struct module {
    sqlite3_module base;
#if SQLITE_VERSION_NUMBER < 3044000
    int (*xIntegrity)(sqlite3_vtab *, const char *, const char *, int, char **);
#endif
} module;

int ext_register_similarity(sqlite3 *db, ext_conn *conn)
{
    static const module similarity = {
        .base =
            {
                .iVersion = 4,
                .xCreate = vt_create,
                .xConnect = vt_connect,
                .xBestIndex = vt_best_index,
                .xDisconnect = vt_disconnect,
                .xDestroy = vt_destroy,
                .xOpen = vt_open,
                .xClose = vt_close,
                .xFilter = vt_filter,
                .xNext = vt_next,
                .xEof = vt_eof,
                .xColumn = vt_column_of,
                .xRowid = vt_rowid,
                .xUpdate = vt_update,
                .xBegin = ext_vt_begin,
                .xSync = ext_vt_sync,
                .xCommit = ext_vt_commit,
                .xRollback = ext_vt_rollback,
                .xFindFunction = ext_vt_passage_find,
                .xRename = vt_rename,
                .xSavepoint = ext_vt_savepoint,
                .xRelease = ext_vt_release,
                .xRollbackTo = ext_vt_rollback_to,
                .xShadowName = vt_shadow_name,
#if SQLITE_VERSION_NUMBER >= 3044000
                .xIntegrity = vt_integrity,
#endif
            },
#if SQLITE_VERSION_NUMBER < 3044000
        .xIntegrity = vt_integrity,
#endif
    };
    int rc = ext_vt_passage_register(db);

    if (rc != SQLITE_OK) return rc;
    ext_conn_keep(conn);
    return sqlite3_create_module_v2(db, "similarity", &similarity.base, conn,
                                    ext_conn_drop);
}
