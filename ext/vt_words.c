/* vt_words.c - hybrid=1: that FTS5 has the texts of the documents, and no other. Whether
 * its index is that of its texts it says itself. */
#include "vt.h"

#include <string.h>

static int say(char **problem, char *sentence)
{
    *problem = sentence;
    return sentence == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

/* Whether a text of FTS5's is the one of this hash. Where the database is in UTF-16, a
 * mark of the byte order in front of it is lost when FTS5 binds it. */
static int compare(enc_bytes text, const uint8_t hash[16], bool *is_same)
{
    uint8_t own[16];
    enc_wr marked;

    ext_vt_docs_hash(text, own);
    if ((*is_same = memcmp(own, hash, sizeof own) == 0)) return SQLITE_OK;
    enc_wr_init(&marked);
    enc_wr_text(&marked, "\xef\xbb\xbf");
    enc_wr_bytes(&marked, text.at, text.n);
    int rc = marked.failed ? SQLITE_NOMEM : SQLITE_OK;
    ext_vt_docs_hash((enc_bytes){marked.at, marked.n}, own);
    *is_same = memcmp(own, hash, sizeof own) == 0;
    enc_wr_clear(&marked);
    return rc;
}

/* One text of FTS5's: whether the document has the same. */
static int check_row(ext_vt_table *t, sqlite3_stmt *s, char **problem)
{
    sqlite3_int64 id = sqlite3_column_int64(s, 0);
    ext_vt_doc d = {0};
    int rc = ext_vt_doc_get(t, id, &d);
    const void *text = sqlite3_column_text(s, 1);

    if (rc == SQLITE_OK && text == NULL && sqlite3_column_type(s, 1) != SQLITE_NULL)
        rc = SQLITE_NOMEM;
    enc_bytes bytes = {text, (size_t)sqlite3_column_bytes(s, 1)};
    bool is_same = false;
    if (rc == SQLITE_OK && text != NULL && d.exists && d.has_hash)
        rc = compare(bytes, d.hash, &is_same);
    if (rc == SQLITE_OK && !is_same)
        rc = say(problem,
                 sqlite3_mprintf("row %lld: FTS5 has another text ('rebuild' mends "
                                 "it)",
                                 id));
    ext_vt_doc_clear(&d);
    return rc;
}

int ext_vt_words_check(ext_vt_table *t, char **problem)
{
    sqlite3_int64 n = 0, n_texts = 0;
    sqlite3_stmt *s = NULL;
    char *sql =
        sqlite3_mprintf("SELECT rowid, text FROM \"%w\".\"%w_fts\"", t->schema, t->name);
    int rc = sql == NULL ? SQLITE_NOMEM : sqlite3_prepare_v2(t->db, sql, -1, &s, NULL);

    sqlite3_free(sql);
    if (rc != SQLITE_OK) return ext_vt_fail_db(t, rc);
    while (rc == SQLITE_OK && *problem == NULL && sqlite3_step(s) == SQLITE_ROW) {
        rc = check_row(t, s, problem);
        n++;
    }
    int code = sqlite3_finalize(s);
    if (rc == SQLITE_OK) rc = ext_vt_fail_db(t, code);
    if (rc == SQLITE_OK) rc = ext_vt_count(t, "doc", "h IS NOT NULL", &n_texts);
    if (rc != SQLITE_OK || *problem != NULL || n == n_texts) return rc;
    return say(problem,
               sqlite3_mprintf("%lld rows have a text, FTS5 has %lld ('rebuild' mends "
                               "it)",
                               n_texts, n));
}

int ext_vt_words_put(ext_vt_table *t, sqlite3_int64 id, enc_bytes text)
{
    sqlite3_stmt *s;
    int rc = ext_vt_sql_get(t, EXT_VT_FTS_PUT, &s);

    if (rc != SQLITE_OK) return rc;
    sqlite3_bind_int64(s, 1, id);
    rc = sqlite3_bind_text64(s, 2, text.n > 0 ? (const char *)text.at : "", text.n,
                             SQLITE_STATIC, SQLITE_UTF8);
    return ext_vt_run_bound(t, s, rc);
}

static int put_stored(ext_vt_table *t, sqlite3_int64 id)
{
    enc_wr text;
    bool is_null;

    enc_wr_init(&text);
    int rc = ext_vt_docs_stored_text(t, id, &text, &is_null);
    if (rc == SQLITE_OK && !is_null)
        rc = ext_vt_words_put(t, id, (enc_bytes){text.at, text.n});
    enc_wr_clear(&text);
    return rc;
}

static int refill(ext_vt_table *t)
{
    sqlite3_int64 id;
    bool is_one = false;
    int rc = ext_vt_exec(t, "DELETE FROM \"%w\".\"%w_fts\"", t->schema, t->name);

    while (rc == SQLITE_OK) {
        if ((rc = ext_vt_doc_next(t, &id, &is_one)) || !is_one) break;
        rc = put_stored(t, id);
    }
    return rc;
}

int ext_vt_words_remake(ext_vt_table *t)
{
    return ext_vt_exec(t, "INSERT INTO \"%w\".\"%w_fts\"(\"%w_fts\") VALUES('rebuild')",
                       t->schema, t->name, t->name);
}

int ext_vt_words_rebuild(ext_vt_table *t)
{
    char *problem = NULL;
    int rc = ext_vt_words_check(t, &problem);

    bool is_sound = problem == NULL;
    sqlite3_free(problem);
    if (rc != SQLITE_OK || is_sound) return rc;
    ext_vt_write_begin(t);
    return ext_vt_write_end(t, refill(t));
}
