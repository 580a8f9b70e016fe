/* vt_store.c - what a table keeps, and where.
 *
 *   %_config(k PRIMARY KEY, v)          format, id, model, fingerprint, dims, generation,
 * ...
 *   %_doc(id PRIMARY KEY, h, c)         a row: the hash of its text, and its stretches:
 *                                       12 bytes each, u32 slot, start, end
 *   %_content(id PRIMARY KEY, c0, ...)  the columns as the user gave them; not for
 *                                       content=; only UNINDEXED ones for content=''
 *   %_queue(id PRIMARY KEY, t)          texts that wait to be encoded (vt_docs.c)
 *   %_segment(id PRIMARY KEY, n, h, m, b)   codes of 256 slots: how many, the hash of the
 *                                       bytes, centers (index=ivf), the bytes. By its
 *                                       index, UNIQUE(id, n, h), the list is read without
 *                                       the bytes; older tables have none
 *   %_vector(id PRIMARY KEY, b)         the f32 vectors of some slots (vt_vectors.c)
 *   %_fresh(id PRIMARY KEY, h, c, b)    what 'reembed' has made so far
 *   %_fts, an FTS5 table                the lexical leg, with hybrid=1
 *
 * Slots are numbered from 0 without holes. Every slot below the count belongs to exactly
 * one stretch of one row of %_doc, and its segment names that row; vt_check.c proves it.
 * The bytes of %_segment.b belong to the engine (search/code.c gives the format).
 *
 * Every key is an INTEGER PRIMARY KEY, so that VACUUM leaves it alone. */
#include "vt.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define N_TABLES      7
#define CONTENT_DEPTH 4 /* similarity tables whose content is read one for the other */

static const char *const suffixes[] = {"config",  "doc",    "content", "queue",
                                       "segment", "vector", "fresh",   "fts"};

/* ---- failures ---- */

int ext_vt_fail(ext_vt_table *t, int code, const char *format, ...)
{
    va_list args;

    if (code == SQLITE_NOMEM || t->base.zErrMsg != NULL) return code;
    va_start(args, format);
    char *sentence = sqlite3_vmprintf(format, args);
    va_end(args);
    if (sentence == NULL) return SQLITE_NOMEM;
    t->base.zErrMsg = sqlite3_mprintf("similarity '%s': %s", t->name, sentence);
    sqlite3_free(sentence);
    return t->base.zErrMsg == NULL ? SQLITE_NOMEM : code;
}

int ext_vt_fail_db(ext_vt_table *t, int code)
{
    if (code == SQLITE_OK || code == SQLITE_NOMEM) return code;
    return ext_vt_fail(t, code, "%s", sqlite3_errmsg(t->db));
}

int ext_vt_fail_enc(ext_vt_table *t, enc_rc rc, const enc_err *e)
{
    int code = rc == ENC_CORRUPT ? SQLITE_CORRUPT_VTAB : ext_code(rc);
    if (rc == ENC_IO && t->not_read != SQLITE_OK) code = t->not_read;
    t->not_read = SQLITE_OK;
    return rc == ENC_OK ? SQLITE_OK : ext_vt_fail(t, code, "%s", e->text);
}

/* ---- statements ---- */

/* %1 schema and %2 name are quoted; %3 is a list made for the table. */
static const char *const statements[EXT_VT_N_SQL] = {
    [EXT_VT_CONFIG_GET] = "SELECT v FROM %1.%2_config WHERE k = ?1",
    [EXT_VT_STATE] = "SELECT (SELECT v FROM %1.%2_config WHERE k = 'generation'), "
                     "EXISTS(SELECT 1 FROM %1.%2_queue)",
    [EXT_VT_CONFIG_PUT] = "REPLACE INTO %1.%2_config(k, v) VALUES(?1, ?2)",
    [EXT_VT_DOC_GET] = "SELECT h, c FROM %1.%2_doc WHERE id = ?1",
    [EXT_VT_DOC_PUT] = "REPLACE INTO %1.%2_doc(id, h, c) VALUES(?1, ?2, ?3)",
    [EXT_VT_DOC_DEL] = "DELETE FROM %1.%2_doc WHERE id = ?1",
    [EXT_VT_DOC_LAST] = "SELECT max(id) FROM %1.%2_doc",
    [EXT_VT_DOC_NEXT] = "SELECT id FROM %1.%2_doc WHERE id > ?1 ORDER BY id LIMIT 1",
    [EXT_VT_CONTENT_GET] = NULL,
    [EXT_VT_CONTENT_PUT] = NULL,
    [EXT_VT_CONTENT_DEL] = "DELETE FROM %1.%2_content WHERE id = ?1",
    [EXT_VT_CONTENT_ALL] = NULL,
    [EXT_VT_QUEUE_PUT] = "REPLACE INTO %1.%2_queue(id, t) VALUES(?1, ?2)",
    [EXT_VT_QUEUE_DEL] = "DELETE FROM %1.%2_queue WHERE id = ?1",
    [EXT_VT_QUEUE_NEXT] = "SELECT id, t FROM %1.%2_queue ORDER BY id LIMIT ?1",
    [EXT_VT_SEGMENT_LIST] = "SELECT id, n, h FROM %1.%2_segment ORDER BY id",
    [EXT_VT_SEGMENT_CENTERS] = "SELECT m FROM %1.%2_segment WHERE id = ?1",
    [EXT_VT_SEGMENT_GET] = "SELECT b FROM %1.%2_segment WHERE id = ?1",
    [EXT_VT_SEGMENT_PUT] = "REPLACE INTO %1.%2_segment(id, n, h, m, b) "
                           "VALUES(?1, ?2, ?3, ?4, ?5)",
    [EXT_VT_SEGMENT_CUT] = "DELETE FROM %1.%2_segment WHERE id >= ?1",
    [EXT_VT_BLOCK_GET] = "SELECT b FROM %1.%2_vector WHERE id = ?1",
    [EXT_VT_BLOCK_PUT] = "REPLACE INTO %1.%2_vector(id, b) VALUES(?1, ?2)",
    [EXT_VT_BLOCK_CUT] = "DELETE FROM %1.%2_vector WHERE id >= ?1",
    [EXT_VT_FRESH_PUT] = "REPLACE INTO %1.%2_fresh(id, h, c, b) VALUES(?1, ?2, ?3, ?4)",
    [EXT_VT_FRESH_DEL] = "DELETE FROM %1.%2_fresh WHERE id = ?1",
    [EXT_VT_FRESH_LEFT] = "SELECT id FROM %1.%2_doc WHERE c IS NOT NULL AND id NOT IN "
                          "(SELECT id FROM %1.%2_fresh) ORDER BY id LIMIT ?1",
    [EXT_VT_FRESH_ALL] = "SELECT id, h, c, b FROM %1.%2_fresh ORDER BY id",
    [EXT_VT_FTS_PUT] = "INSERT INTO %1.%2_fts(rowid, text) VALUES(?1, ?2)",
    [EXT_VT_FTS_DEL] = "DELETE FROM %1.%2_fts WHERE rowid = ?1",
    [EXT_VT_FTS_MATCH] =
        "SELECT rowid FROM %1.%2_fts WHERE %2_fts MATCH ?1 ORDER BY rank, "
        "rowid",
};

/* A name as SQL: "schema" and the front of "table_suffix", whose end follows. */
static void expand(sqlite3_str *sql, const ext_vt_table *t, const char *format)
{
    for (; *format != '\0'; format++) {
        if (format[0] == '%' && format[1] == '1') {
            sqlite3_str_appendf(sql, "\"%w\"", t->schema);
            format++;
        } else if (format[0] == '%' && format[1] == '2') {
            const char *end = format + 2;
            while (*end == '_' || (*end >= 'a' && *end <= 'z')) end++;
            sqlite3_str_appendf(sql, "\"%w%.*s\"", t->name, (int)(end - format - 2),
                                format + 2);
            format = end - 1;
        } else {
            sqlite3_str_appendchar(sql, 1, *format);
        }
    }
}

static bool is_stored(const ext_vt_table *t, int i)
{
    ext_vt_kind kind = t->config.columns[i].kind;
    return kind == EXT_VT_STORED ||
           (kind == EXT_VT_TEXT && t->config.content == EXT_VT_OWN);
}

/* Statements that name the table's columns: each column in its place, so that a caller
 * finds column i at i + 1 whatever is stored; what is not stored is NULL. The user's own
 * columns stand behind "T.": a quoted name alone is a text where there is no such column.
 */
static void content_statement(sqlite3_str *sql, const ext_vt_table *t, ext_vt_sql which)
{
    const ext_vt_config *c = &t->config;
    bool is_external = c->content == EXT_VT_EXTERNAL,
         is_put = which == EXT_VT_CONTENT_PUT;

    sqlite3_str_appendall(sql, is_put ? "REPLACE INTO " : "SELECT ");
    if (is_put) expand(sql, t, "%1.%2_content(id");
    else if (is_external) sqlite3_str_appendf(sql, "T.\"%w\"", c->content_rowid);
    else sqlite3_str_appendall(sql, "id");
    for (int i = 0; i < c->n_columns; i++) {
        if (is_put && is_stored(t, i)) sqlite3_str_appendf(sql, ", c%d", i);
        else if (is_put) continue;
        else if (is_external) sqlite3_str_appendf(sql, ", T.\"%w\"", c->columns[i].name);
        else if (is_stored(t, i)) sqlite3_str_appendf(sql, ", c%d", i);
        else sqlite3_str_appendall(sql, ", NULL");
    }
    if (is_put) {
        sqlite3_str_appendall(sql, ") VALUES(?1");
        for (int i = 0; i < c->n_columns; i++)
            if (is_stored(t, i)) sqlite3_str_appendf(sql, ", ?%d", i + 2);
        sqlite3_str_appendall(sql, ")");
        return;
    }
    if (is_external)
        sqlite3_str_appendf(sql, " FROM \"%w\".\"%w\" AS T", t->schema, c->content_table);
    else expand(sql, t, " FROM %1.%2_content AS T");
    const char *key = is_external ? c->content_rowid : "id";
    if (which == EXT_VT_CONTENT_GET)
        sqlite3_str_appendf(sql, " WHERE T.\"%w\" = ?1", key);
    else sqlite3_str_appendf(sql, " WHERE T.\"%w\" > ?1 ORDER BY 1 LIMIT ?2", key);
}

static char *vt_sql_text(const ext_vt_table *t, ext_vt_sql which)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);

    if (statements[which] != NULL) expand(sql, t, statements[which]);
    else content_statement(sql, t, which);
    return sqlite3_str_finish(sql);
}

/* Whether it uses shadow tables alone, and none that is virtual itself. */
static bool is_plain(const ext_vt_table *t, ext_vt_sql which)
{
    if (which == EXT_VT_CONTENT_GET || which == EXT_VT_CONTENT_ALL)
        return t->config.content != EXT_VT_EXTERNAL;
    return which < EXT_VT_FTS_PUT;
}

/* Whether the content is a table and its key no column of it. */
static int lacks_key(const ext_vt_table *t, bool *out)
{
    const ext_vt_config *c = &t->config;
    int rc = sqlite3_table_column_metadata(t->db, t->schema, c->content_table, NULL, NULL,
                                           NULL, NULL, NULL, NULL);

    *out = false;
    if (rc == SQLITE_OK) {
        rc =
            sqlite3_table_column_metadata(t->db, t->schema, c->content_table,
                                          c->content_rowid, NULL, NULL, NULL, NULL, NULL);
        *out = rc == SQLITE_ERROR;
    }
    return rc == SQLITE_NOMEM ? SQLITE_NOMEM : SQLITE_OK;
}

/* The content cannot be read. What SQLite says of a table without the key that is looked
 * for, as one WITHOUT ROWID, would help nobody. */
static int fail_content(ext_vt_table *t, int code)
{
    const ext_vt_config *c = &t->config;
    char *said = sqlite3_mprintf("%s", sqlite3_errmsg(t->db));
    bool is_keyless = false;
    int rc = said == NULL ? SQLITE_NOMEM : SQLITE_OK;

    if (rc == SQLITE_OK && code == SQLITE_ERROR) rc = lacks_key(t, &is_keyless);
    if (rc == SQLITE_OK && is_keyless)
        rc = ext_vt_fail(t, code,
                         "content='%s' has no %s: content_rowid='...' names its key",
                         c->content_table, c->content_rowid);
    else if (rc == SQLITE_OK)
        rc = ext_vt_fail(t, code, "content='%s': %s", c->content_table, said);
    sqlite3_free(said);
    return rc;
}

int ext_vt_sql_prepare(ext_vt_table *t, ext_vt_sql which, sqlite3_stmt **out)
{
    char *sql = vt_sql_text(t, which);

    *out = NULL;
    if (sql == NULL) return SQLITE_NOMEM;
    unsigned flags =
        SQLITE_PREPARE_PERSISTENT | (is_plain(t, which) ? SQLITE_PREPARE_NO_VTAB : 0);
    int rc = sqlite3_prepare_v3(t->db, sql, -1, flags, out, NULL);
    sqlite3_free(sql);
    if (rc == SQLITE_OK && *out == NULL) /* an authorizer would have us ignore it */
        return ext_vt_fail(t, SQLITE_AUTH, "not authorized");
    if (rc == SQLITE_OK || rc == SQLITE_NOMEM) return rc;
    bool is_content = which == EXT_VT_CONTENT_GET || which == EXT_VT_CONTENT_ALL;
    return is_content && t->config.content == EXT_VT_EXTERNAL ? fail_content(t, rc)
                                                              : ext_vt_fail_db(t, rc);
}

int ext_vt_content_step(ext_vt_table *t, sqlite3_stmt *s)
{
    int *depth = ext_conn_depth(t->conn);

    if (*depth == CONTENT_DEPTH)
        return ext_vt_fail(t, SQLITE_ERROR,
                           "content of similarity tables nested more than %d deep (does "
                           "it read itself?)",
                           CONTENT_DEPTH);
    ++*depth;
    int rc = sqlite3_step(s);
    --*depth;
    return rc;
}

/* Rows of a table without INTEGER PRIMARY KEY are renumbered by VACUUM, so rowid finds
 * others then; those of a view have none. Whether another key of a view lasts is not
 * known here, nor that of a virtual table. */
static int check_key(ext_vt_table *t, const char *type)
{
    static const char text[] =
        "SELECT 1 FROM \"%w\".sqlite_schema WHERE type = ?4 AND name = ?1 COLLATE "
        "NOCASE AND sql NOT LIKE 'CREATE VIRTUAL%%' AND lower(?2) IN ('rowid', 'oid', "
        "'_rowid_') AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(?1, ?3) WHERE name "
        "= ?2 COLLATE NOCASE) AND NOT (SELECT count(*) = 1 AND max(upper(type)) = "
        "'INTEGER' FROM pragma_table_xinfo(?1, ?3) WHERE pk > 0)";
    char *sql = sqlite3_mprintf(text, t->schema);
    sqlite3_stmt *s = NULL;

    if (sql == NULL) return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v2(t->db, sql, -1, &s, NULL);
    sqlite3_free(sql);
    if (rc == SQLITE_AUTH) return SQLITE_OK; /* then nobody can say */
    if (rc != SQLITE_OK) return ext_vt_fail_db(t, rc);
    rc = sqlite3_bind_text(s, 1, t->config.content_table, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(s, 2, t->config.content_rowid, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK) rc = sqlite3_bind_text(s, 3, t->schema, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK) rc = sqlite3_bind_text(s, 4, type, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK) rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        rc = ext_vt_fail(
            t, SQLITE_ERROR,
            "content='%s' %s (content_rowid names another key that stays)",
            t->config.content_table,
            type[0] == 'v'
                ? "is a view, whose rows have no rowid"
                : "has no INTEGER PRIMARY KEY, and VACUUM would renumber its rows");
    else if (rc == SQLITE_DONE || rc == SQLITE_AUTH) rc = SQLITE_OK;
    else rc = ext_vt_fail_db(t, rc);
    sqlite3_finalize(s);
    return rc;
}

int ext_vt_content_check(ext_vt_table *t)
{
    sqlite3_stmt *s;

    if (t->config.content != EXT_VT_EXTERNAL) return SQLITE_OK;
    int rc = check_key(t, "view"); /* whose rowid newer versions do not know at all */
    if (rc == SQLITE_OK) rc = ext_vt_sql_prepare(t, EXT_VT_CONTENT_GET, &s);
    if (rc != SQLITE_OK) return rc;
    sqlite3_finalize(s);
    return check_key(t, "table");
}

int ext_vt_sql_get(ext_vt_table *t, ext_vt_sql which, sqlite3_stmt **out)
{
    int rc = SQLITE_OK;

    if (t->sql[which] == NULL) rc = ext_vt_sql_prepare(t, which, &t->sql[which]);
    /* It runs already: a trigger on a shadow table, which we never make, came back to us.
     */
    if (rc == SQLITE_OK && sqlite3_stmt_busy(t->sql[which]))
        rc = ext_vt_fail(t, SQLITE_LOCKED, "used by a trigger on its own tables");
    *out = rc == SQLITE_OK ? t->sql[which] : NULL;
    return rc;
}

/* Content outside may be a table that reads this one. Two that keep statements on each
 * other would keep the connection from closing, so this one keeps none. */
static bool forget(ext_vt_table *t, const sqlite3_stmt *s)
{
    static const ext_vt_sql outside[] = {EXT_VT_CONTENT_GET, EXT_VT_CONTENT_ALL};

    if (t->config.content != EXT_VT_EXTERNAL) return false;
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        if (t->sql[outside[i]] != s) continue;
        t->sql[outside[i]] = NULL;
        return true;
    }
    return false;
}

int ext_vt_done(ext_vt_table *t, sqlite3_stmt *s)
{
    bool is_kept = !forget(t, s);
    int rc = is_kept ? sqlite3_reset(s) : sqlite3_finalize(s);

    if (rc != SQLITE_OK) rc = ext_vt_fail_db(t, rc);
    if (is_kept) sqlite3_clear_bindings(s);
    return rc;
}

int ext_vt_run(ext_vt_table *t, sqlite3_stmt *s)
{
    while (sqlite3_step(s) == SQLITE_ROW) continue;
    return ext_vt_done(t, s);
}

int ext_vt_run_bound(ext_vt_table *t, sqlite3_stmt *s, int rc)
{
    if (rc == SQLITE_OK) return ext_vt_run(t, s);
    rc = ext_vt_fail_db(t, rc);
    ext_vt_done(t, s);
    return rc;
}

void ext_vt_write_begin(ext_vt_table *t)
{
    t->n_writing++;
    t->must_roll_back = true; /* now: a rollback in there, which is for all, ends it */
}

int ext_vt_write_end(ext_vt_table *t, int rc)
{
    if (--t->n_writing == 0 && rc == SQLITE_OK) t->must_roll_back = false;
    return rc;
}

int ext_vt_run_id(ext_vt_table *t, ext_vt_sql which, sqlite3_int64 id)
{
    sqlite3_stmt *s;
    int rc = ext_vt_sql_get(t, which, &s);

    if (rc != SQLITE_OK) return rc;
    sqlite3_bind_int64(s, 1, id);
    return ext_vt_run(t, s);
}

void ext_vt_store_close(ext_vt_table *t)
{
    for (int i = 0; i < EXT_VT_N_SQL; i++) {
        sqlite3_finalize(t->sql[i]);
        t->sql[i] = NULL;
    }
}

int ext_vt_exec(ext_vt_table *t, const char *format, ...)
{
    va_list args;
    char *message = NULL;

    va_start(args, format);
    char *sql = sqlite3_vmprintf(format, args);
    va_end(args);
    if (sql == NULL) return SQLITE_NOMEM;
    int rc = sqlite3_exec(t->db, sql, NULL, NULL, &message);
    sqlite3_free(sql);
    if (rc != SQLITE_OK && rc != SQLITE_NOMEM)
        rc = ext_vt_fail(t, rc, "%s", message != NULL ? message : sqlite3_errstr(rc));
    sqlite3_free(message);
    return rc;
}

/* ---- the tables ---- */

int ext_vt_count(ext_vt_table *t, const char *suffix, const char *test, sqlite3_int64 *n)
{
    sqlite3_stmt *s = NULL;
    char *sql = sqlite3_mprintf("SELECT count(*) FROM \"%w\".\"%w_%w\" WHERE %s",
                                t->schema, t->name, suffix, test);
    int rc = sql == NULL ? SQLITE_NOMEM : sqlite3_prepare_v2(t->db, sql, -1, &s, NULL);

    sqlite3_free(sql);
    if (rc == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) *n = sqlite3_column_int64(s, 0);
    int code = sqlite3_finalize(s);
    return ext_vt_fail_db(t, rc == SQLITE_OK ? code : rc);
}

static bool has_table(const ext_vt_table *t, const char *suffix)
{
    if (strcmp(suffix, "content") == 0) return t->config.content != EXT_VT_EXTERNAL;
    if (strcmp(suffix, "fts") == 0) return t->config.is_hybrid;
    return true;
}

bool ext_vt_store_is_shadow(const char *suffix)
{
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (sqlite3_stricmp(suffix, suffixes[i]) == 0) return true;
    return false;
}

static int create_content(ext_vt_table *t)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);

    expand(sql, t, "CREATE TABLE %1.%2_content(id INTEGER PRIMARY KEY");
    for (int i = 0; i < t->config.n_columns; i++) {
        if (!is_stored(t, i)) continue;
        sqlite3_str_appendf(sql, ", c%d", i);
        /* A text is kept as it is embedded, whatever the type would make of it. */
        if (t->config.columns[i].kind != EXT_VT_TEXT &&
            t->config.columns[i].type[0] != '\0')
            sqlite3_str_appendf(sql, " \"%w\"", t->config.columns[i].type);
    }
    sqlite3_str_appendall(sql, ")");
    char *text = sqlite3_str_finish(sql);
    if (text == NULL) return SQLITE_NOMEM;
    int rc = ext_vt_exec(t, "%s", text);
    sqlite3_free(text);
    return rc;
}

int ext_vt_store_create(ext_vt_table *t)
{
    static const char *const columns[] = {
        "k PRIMARY KEY, v) WITHOUT ROWID",
        "id INTEGER PRIMARY KEY, h BLOB, c BLOB)",
        NULL,
        "id INTEGER PRIMARY KEY, t)",
        "id INTEGER PRIMARY KEY, n INTEGER, h BLOB, m BLOB, b BLOB, UNIQUE(id, n, h))",
        "id INTEGER PRIMARY KEY, b BLOB)",
        "id INTEGER PRIMARY KEY, h BLOB, c BLOB, b BLOB)",
    };
    int rc = SQLITE_OK;

    for (int i = 0; i < N_TABLES && rc == SQLITE_OK; i++) {
        if (!has_table(t, suffixes[i])) continue;
        rc = columns[i] == NULL
                 ? create_content(t)
                 : ext_vt_exec(t, "CREATE TABLE \"%w\".\"%w_%s\"(%s", t->schema, t->name,
                               suffixes[i], columns[i]);
    }
    if (rc != SQLITE_OK || !t->config.is_hybrid) return rc;
    char *tokenizer = sqlite3_mprintf("wordpiece %Q", t->model_name);
    if (tokenizer == NULL) return SQLITE_NOMEM;
    rc = ext_vt_exec(
        t, "CREATE VIRTUAL TABLE \"%w\".\"%w_fts\" USING fts5(text, tokenize=%Q)",
        t->schema, t->name, tokenizer);
    sqlite3_free(tokenizer);
    return rc;
}

int ext_vt_store_drop_triggers(ext_vt_table *t)
{
    static const char *const events[] = {"ai", "ad", "au"};
    int rc = SQLITE_OK;

    for (size_t i = 0; i < 3 && rc == SQLITE_OK && t->triggers != NULL; i++)
        rc = ext_vt_exec(t, "DROP TRIGGER IF EXISTS \"%w\".\"%w_%s\"", t->schema,
                         t->triggers, events[i]);
    return rc;
}

/* A function in a view that is our content is called while a statement of ours runs, and
 * could ask for what finalizes it. */
static int refuse_busy(ext_vt_table *t)
{
    for (int i = 0; i < EXT_VT_N_SQL; i++)
        if (t->sql[i] != NULL && sqlite3_stmt_busy(t->sql[i]))
            return ext_vt_fail(t, SQLITE_LOCKED, "it is being read or written");
    return SQLITE_OK;
}

int ext_vt_store_drop(ext_vt_table *t)
{
    int rc = refuse_busy(t);
    if (rc != SQLITE_OK) return rc;
    ext_vt_store_close(t);
    rc = ext_vt_store_drop_triggers(t);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes && rc == SQLITE_OK; i++)
        if (has_table(t, suffixes[i]))
            rc = ext_vt_exec(t, "DROP TABLE IF EXISTS \"%w\".\"%w_%s\"", t->schema,
                             t->name, suffixes[i]);
    return rc;
}

int ext_vt_store_rename(ext_vt_table *t, const char *name)
{
    int rc = refuse_busy(t);

    if (rc != SQLITE_OK) return rc;
    ext_vt_store_close(t);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes && rc == SQLITE_OK; i++)
        if (has_table(t, suffixes[i]))
            rc = ext_vt_exec(t, "ALTER TABLE \"%w\".\"%w_%s\" RENAME TO \"%w_%s\"",
                             t->schema, t->name, suffixes[i], name, suffixes[i]);
    return rc;
}
