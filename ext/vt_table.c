/* vt_table.c - a table from its declaration: made anew, or found in the database. */
#include "vt.h"

#include <string.h>

void ext_vt_table_free(ext_vt_table *t)
{
    if (t == NULL) return;
    for (ext_vt_table **at = ext_conn_tables(t->conn); *at != NULL;
         at = &(*at)->next_table)
        if (*at == t) {
            *at = t->next_table;
            break;
        }
    ext_vt_docs_end(t);
    ext_vt_store_close(t);
    ext_vt_vectors_free(t->vectors);
    ext_model_drop(t->model);
    ext_vt_config_clear(&t->config);
    sqlite3_free(t->schema);
    sqlite3_free(t->name);
    sqlite3_free(t->model_name);
    sqlite3_free(t->triggers);
    sqlite3_free(t->base.zErrMsg);
    sqlite3_free(t);
}

/* The metric that the model is meant for, where the declaration does not say. */
static int choose_metric(ext_vt_table *t, const enc_config *c)
{
    if (t->config.has_metric || ext_vt_metric_find(c->similarity, &t->config.metric))
        return SQLITE_OK;
    return ext_vt_fail(t, SQLITE_ERROR,
                       "model '%s' is meant for the similarity %s, which a table does "
                       "not have (metric=cosine, dot or l2 chooses another)",
                       t->model_name, c->similarity);
}

/* The model of a new table: its name, fingerprint and dimensions. */
static int find_model(ext_vt_table *t)
{
    const char *name = t->config.model;
    char known[EXT_NAME_MAX + 1];
    ext_model *m;
    enc_err e;

    if (t->config.n_texts == 0) {
        t->model_name = sqlite3_mprintf("%s", "");
        return t->model_name == NULL ? SQLITE_NOMEM : SQLITE_OK;
    }
    enc_err_clear(&e);
    if (name == NULL) {
        ext_registry_default(known);
        name = known;
    }
    int rc = ext_vt_fail_enc(t, ext_registry_get(name, strlen(name), &m, &e), &e);
    if (rc != SQLITE_OK) return rc;
    rc = ext_vt_fail_enc(t, ext_model_fingerprint(m, t->fingerprint, &e), &e);
    t->config.dims = enc_config_dims(&ext_model_enc(m)->config);
    t->model_name = sqlite3_mprintf("%s", name);
    t->model = m;
    if (t->model_name == NULL) return SQLITE_NOMEM;
    return rc == SQLITE_OK ? choose_metric(t, &ext_model_enc(m)->config) : rc;
}

/* SQLite takes a column for hidden that has this word in its type: it would be the first
 * argument of the table as a function, before the query. */
static bool is_hidden(const char *type)
{
    for (const char *at = type; *at != '\0'; at++)
        if (sqlite3_strnicmp(at, "hidden", 6) == 0 && (at == type || at[-1] == ' ') &&
            (at[6] == '\0' || at[6] == ' '))
            return true;
    return false;
}

static int check_types(ext_vt_table *t)
{
    for (int i = 0; i < t->config.n_columns; i++) {
        const ext_vt_column *c = &t->config.columns[i];
        if (is_hidden(c->type))
            return ext_vt_fail(t, SQLITE_ERROR, "column %s: the type %s would hide it",
                               c->name, c->type);
    }
    return SQLITE_OK;
}

static int create(ext_vt_table *t)
{
    int rc = check_types(t);

    if (rc == SQLITE_OK) rc = ext_vt_content_check(t);
    if (rc == SQLITE_OK) rc = find_model(t);
    if (rc == SQLITE_OK) rc = ext_vt_store_create(t);
    if (rc == SQLITE_OK) rc = ext_vt_config_put_int(t, "format", EXT_VT_FORMAT);
    if (rc == SQLITE_OK) rc = ext_vt_config_put_int(t, "generation", 0);
    sqlite3_randomness(sizeof t->id, &t->id);
    if (rc == SQLITE_OK) rc = ext_vt_config_put_int(t, "id", t->id);
    if (rc == SQLITE_OK)
        rc = ext_vt_config_put_int(t, "dims", (sqlite3_int64)t->config.dims);
    if (rc == SQLITE_OK && t->config.n_texts > 0)
        rc = ext_vt_config_put_text(t, "model", t->model_name);
    if (rc == SQLITE_OK && t->config.n_texts > 0)
        rc = ext_vt_config_put_text(t, "fingerprint", t->fingerprint);
    if (rc == SQLITE_OK && !t->config.has_metric && t->config.metric != ENC_COSINE)
        rc = ext_vt_config_put_text(t, "metric",
                                    t->config.metric == ENC_DOT ? "dot" : "l2");
    return rc;
}

static int declare(ext_vt_table *t, int argc, const char *const *argv, char **message)
{
    int rc = ext_vt_args_read(&t->config, argc, argv, message);
    if (rc != SQLITE_OK) return rc;
    char *schema = ext_vt_config_schema(&t->config, argv[2]);
    if (schema == NULL) return SQLITE_NOMEM;
    rc = sqlite3_declare_vtab(t->db, schema);
    if (rc != SQLITE_OK) *message = sqlite3_mprintf("%s", sqlite3_errmsg(t->db));
    sqlite3_free(schema);
    return rc;
}

void ext_vt_table_forget(ext_vt_table *t)
{
    ext_vt_vectors_forget(t->vectors);
    t->next_id = 0;
    t->n_queued = 0;
    t->must_roll_back = false;
    t->unsaved = SQLITE_OK;
    ext_model_drop(t->model); /* the fingerprint may be another again */
    t->model = NULL;
}

int ext_vt_table_open(sqlite3 *db, void *client, int argc, const char *const *argv,
                      sqlite3_vtab **out, char **message, bool is_new)
{
    ext_vt_table *t = sqlite3_malloc64(sizeof *t);

    if (t == NULL) return SQLITE_NOMEM;
    memset(t, 0, sizeof *t);
    t->db = db;
    t->conn = client;
    t->last_path = "none";
    t->schema = sqlite3_mprintf("%s", argv[1]);
    t->name = sqlite3_mprintf("%s", argv[2]);
    enc_arena_init(&t->config.arena);
    int rc = t->schema == NULL || t->name == NULL ? SQLITE_NOMEM
                                                  : declare(t, argc, argv, message);
    sqlite3_vtab_config(db, SQLITE_VTAB_CONSTRAINT_SUPPORT, 1);
    sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
    if (rc == SQLITE_OK) rc = is_new ? create(t) : ext_vt_config_load(t);
    if (rc == SQLITE_OK) rc = ext_vt_vectors_new(t);
    t->is_begun = t->is_doubtful = is_new;
    if (rc == SQLITE_OK) {
        t->next_table = *ext_conn_tables(t->conn);
        *ext_conn_tables(t->conn) = t;
        *out = &t->base;
        return SQLITE_OK;
    }
    if (*message == NULL && t->base.zErrMsg != NULL) {
        *message = t->base.zErrMsg;
        t->base.zErrMsg = NULL;
    } else if (*message != NULL && t->name != NULL) {
        *message = sqlite3_mprintf("similarity '%s': %z", t->name, *message);
        if (*message == NULL) rc = SQLITE_NOMEM;
    }
    ext_vt_table_free(t);
    return rc;
}

/* ---- one table, several times ---- */

static bool is_same(const ext_vt_table *a, const ext_vt_table *b)
{
    return sqlite3_stricmp(a->name, b->name) == 0 &&
           sqlite3_stricmp(a->schema, b->schema) == 0;
}

bool ext_vt_table_is_old(const ext_vt_table *t)
{
    const ext_vt_table *at = *ext_conn_tables(t->conn); /* newest first */

    while (at != t && !is_same(at, t)) at = at->next_table;
    return at != t;
}

bool ext_vt_table_is_there(ext_conn *conn, const ext_vt_table *t)
{
    const ext_vt_table *at = *ext_conn_tables(conn);

    while (at != NULL && at != t) at = at->next_table;
    return at != NULL;
}

ext_vt_table *ext_vt_table_older(const ext_vt_table *t, const ext_vt_table *than)
{
    ext_vt_table *at = than->next_table;

    while (at != NULL && (!is_same(at, t) || at->id != t->id)) at = at->next_table;
    return at;
}

int ext_vt_table_refuse_broken(ext_vt_table *t)
{
    const ext_vt_table *at = t;

    while (at != NULL && !at->must_roll_back) at = ext_vt_table_older(t, at);
    if (at == NULL) return SQLITE_OK;
    return ext_vt_fail(t, SQLITE_ABORT,
                       "a write failed half-way: roll the transaction back");
}

int ext_vt_table_refuse_unsaved(ext_vt_table *t)
{
    const ext_vt_table *at = t;

    while (at != NULL && at->unsaved == SQLITE_OK) at = ext_vt_table_older(t, at);
    if (at == NULL) return SQLITE_OK;
    return ext_vt_fail(t, at->unsaved,
                       "what had changed before this statement could not be written");
}

int ext_vt_table_count_writers(const ext_vt_table *t)
{
    int n = 0;

    for (sqlite3_stmt *s = NULL; (s = sqlite3_next_stmt(t->db, s)) != NULL;)
        n += sqlite3_stmt_busy(s) && !sqlite3_stmt_readonly(s);
    return n;
}

bool ext_vt_table_is_inside(ext_vt_table *t)
{
    if (t->n_writers == 0) t->n_writers = ext_vt_table_count_writers(t);
    return t->n_writers > 1;
}

int ext_vt_table_drop_undone(ext_vt_table *t)
{
    sqlite3_int64 id = t->id;

    bool has_more = t->has_queue || ext_vt_vectors_has_changed(t->vectors);
    if (!t->is_doubtful || (!has_more && !t->must_roll_back)) return SQLITE_OK;
    char *config = sqlite3_mprintf("%s_config", t->name);
    if (config == NULL) return SQLITE_NOMEM;
    int rc = sqlite3_table_column_metadata(t->db, t->schema, config, NULL, NULL, NULL,
                                           NULL, NULL, NULL);
    bool is_gone = rc == SQLITE_ERROR;
    sqlite3_free(config);
    if (rc == SQLITE_OK) rc = ext_vt_config_int(t, "id", &id);
    if (!is_gone && (rc != SQLITE_OK || id == t->id)) return rc;
    ext_vt_table_forget(t);
    t->has_queue = false;
    return SQLITE_OK;
}
