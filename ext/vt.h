/* vt.h - what the files of the similarity table know of each other.
 *
 *   vt_args     CREATE VIRTUAL TABLE arguments -> vt_config
 *   vt_table    a table from its declaration
 *   vt_store    shadow tables and prepared statements
 *   vt_vectors  the vectors of a table: an array of slots, in segments and blocks
 *   vt_docs     rows of the user -> documents -> slots; the queue of texts to encode
 *   vt_plan     the contract between xBestIndex and xFilter
 *   vt_search   a query -> hits in order
 *   vt_lexical  the words of a query, and the fusion of two rankings
 *   vt_rows     what INSERT, UPDATE and DELETE do to a row
 *   vt_command  INSERT INTO x(x) VALUES('...')
 *   vt_reembed  all texts again, by another model
 *   vt_passage  the stretch of a text that is nearest to the query
 *   vt_stats    similarity_stats and recall_at_k
 *   vt_check    whether all that is stored agrees
 *   vt          the methods, and only those
 *
 * Functions return SQLite codes; the sentence of a failure is left with the table
 * (vt_fail), whose methods hand it to SQLite. */
#ifndef EXT_VT_H
#define EXT_VT_H

#include "ext.h"

#include "search/cache.h"
#include "search/scan.h"
#include "text/chunk.h"

#define VT_FORMAT      1
#define VT_COLUMNS_MAX 256

/* ---- vt_args.c ---- */

typedef enum vt_kind { VT_TEXT, VT_STORED, VT_VECTOR } vt_kind;

typedef struct vt_column {
    const char *name;
    const char *type; /* "" for none */
    vt_kind kind;
} vt_column;

typedef enum vt_content { VT_OWN, VT_EXTERNAL, VT_CONTENTLESS } vt_content;

typedef struct vt_config { /* all texts live in the arena */
    vt_column columns[VT_COLUMNS_MAX];
    int n_columns;
    int vector;     /* which column is the vector; -1: there are texts */
    size_t dims;    /* of the vectors; 0 until the model is known */
    size_t n_texts; /* text columns */
    vt_content content;
    const char *content_table, *content_rowid; /* of VT_EXTERNAL */
    const char *model;                         /* NULL: the default one */
    enc_metric metric;
    size_t chunk, overlap; /* tokens; chunk 0: a row is one stretch */
    bool is_chunk_auto, is_hybrid, is_ivf;
    enc_arena arena;
} vt_config;

/* Reads the arguments after the table's name. On failure *message is a sentence for
 * SQLite to free. The config must be cleared in both cases. */
int vt_args_read(vt_config *c, int argc, const char *const *argv, char **message);
void vt_config_clear(vt_config *c);

/* Whether the table can have that name: its first hidden column has it as well. */
bool vt_config_allows(const vt_config *c, const char *table);

/* The hidden columns follow the declared ones in this order; the first has the name of
 * the table. */
enum {
    VT_SELF,
    VT_K,
    VT_QUERY,
    VT_DISTANCE,
    VT_SIMILARITY,
    VT_CHUNK_START,
    VT_CHUNK_END,
    VT_RANK,
    VT_LEXICAL_RANK,
    VT_SEMANTIC_RANK
};

/* "CREATE TABLE x(...)" for sqlite3_declare_vtab; sqlite3_free it. NULL: no memory. */
char *vt_config_schema(const vt_config *c, const char *table);

/* ---- vt_store.c ---- */

typedef enum vt_sql {
    VT_CONFIG_GET,
    VT_CONFIG_PUT,
    VT_DOC_GET,
    VT_DOC_PUT,
    VT_DOC_DEL,
    VT_DOC_LAST,
    VT_DOC_NEXT,
    VT_CONTENT_GET,
    VT_CONTENT_PUT,
    VT_CONTENT_DEL,
    VT_CONTENT_ALL,
    VT_QUEUE_PUT,
    VT_QUEUE_DEL,
    VT_QUEUE_GET,
    VT_QUEUE_NEXT,
    VT_SEGMENT_LIST,
    VT_SEGMENT_GET,
    VT_SEGMENT_PUT,
    VT_SEGMENT_CUT,
    VT_BLOCK_GET,
    VT_BLOCK_PUT,
    VT_BLOCK_CUT,
    VT_FRESH_PUT,
    VT_FRESH_DEL,
    VT_FRESH_TODO,
    VT_FRESH_ALL,
    VT_FTS_PUT,
    VT_FTS_DEL,
    VT_FTS_MATCH,
    VT_N_SQL
} vt_sql;

typedef struct vt_vectors vt_vectors;

typedef struct vt_table {
    sqlite3_vtab base; /* first: SQLite's */
    sqlite3 *db;
    ext_conn *conn;
    char *schema, *name; /* sqlite3_malloc */
    vt_config config;
    char fingerprint[33]; /* of the model that made the vectors; "" without texts */
    char *model_name;     /* the name it had; sqlite3_malloc */
    ext_model *model;     /* the one last found to have that fingerprint, or NULL */
    double weight_lexical, weight_semantic;
    sqlite3_stmt *sql[VT_N_SQL];
    vt_vectors *vectors;
    bool has_queue;      /* texts may be waiting */
    size_t n_queued;     /* since the last flush */
    bool must_roll_back; /* a write failed half-way: nothing may be committed */
    char *triggers;      /* what the names of the triggers begin with, or NULL */
    sqlite3_int64 next_id;
    struct vt_cursor *cursors;   /* open ones */
    struct vt_table *next_table; /* of the connection */
    enc_scan_stats last;         /* of the last search: for similarity_stats */
    ext_progress *progress; /* of what is being encoded in this transaction, or NULL */
    size_t n_done;          /* rows of it */
    double last_ms;
    const char *last_path;
    size_t n_probe; /* index=ivf: segments looked into; 0: a part of them */
    sqlite3_int64 n_encoded, n_kept; /* texts encoded, and those found unchanged */
} vt_table;

/* xCreate and xConnect, and the end of both. Linked into the connection's list. */
int vt_table_open(sqlite3 *db, void *client, int argc, const char *const *argv,
                  sqlite3_vtab **out, char **message, bool is_new);
void vt_table_free(vt_table *t); /* NULL is fine */

/* Leaves the sentence with the table and returns the code. */
int vt_fail(vt_table *t, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for what SQLite said last on this connection, and for the engine. */
int vt_fail_db(vt_table *t, int code);
int vt_fail_enc(vt_table *t, enc_rc rc, const enc_err *e);

/* Creates, drops, renames all shadow tables. */
int vt_store_create(vt_table *t);
int vt_store_drop(vt_table *t);
int vt_store_drop_triggers(vt_table *t);
int vt_store_rename(vt_table *t, const char *name);
bool vt_store_is_shadow(const char *suffix);

/* The statement, reset and without bindings; prepared at first use. The user resets it
 * with vt_done, which gives the code of its last step. */
int vt_sql_get(vt_table *t, vt_sql which, sqlite3_stmt **out);
int vt_sql_prepare(vt_table *t, vt_sql which, sqlite3_stmt **out); /* the caller's own */
int vt_done(vt_table *t, sqlite3_stmt *s);
int vt_run(vt_table *t, sqlite3_stmt *s); /* steps to the end, and vt_done */
void vt_store_close(vt_table *t);         /* finalizes all */

/* Formats as sqlite3_mprintf does, then runs. */
int vt_exec(vt_table *t, const char *format, ...);

/* The configuration stored with the table. */
int vt_config_load(vt_table *t);
int vt_config_put_text(vt_table *t, const char *key, const char *value);
int vt_config_put_int(vt_table *t, const char *key, sqlite3_int64 value);
int vt_config_put_real(vt_table *t, const char *key, double value);

/* ---- vt_vectors.c ---- */

int vt_vectors_new(vt_table *t);
void vt_vectors_free(vt_vectors *v);
size_t vt_vectors_count(const vt_vectors *v);

/* Brings what is in memory in step with the database, as this transaction sees it. Every
 * reader and writer calls it first; it costs one lookup when nothing has changed. */
int vt_vectors_refresh(vt_table *t);
void vt_vectors_forget(vt_vectors *v); /* after a rollback: nothing in memory holds */
int vt_vectors_flush(vt_table *t);     /* writes what has changed */

/* Whether the stored segments are what their hashes say: the cache would hide it. */
int vt_vectors_check(vt_table *t);

int vt_vectors_get(vt_table *t, size_t slot, float *out); /* dims values */
int vt_vectors_put(vt_table *t, size_t slot, sqlite3_int64 id, const float *v);
int vt_vectors_append(vt_table *t, sqlite3_int64 id, const float *v, size_t *slot);
int vt_vectors_rekey(vt_table *t, size_t slot, sqlite3_int64 id);

/* Removes the slot. The last one takes its place unless it was the last: *moved is then
 * the id of the row whose slot changed from vt_vectors_count (afterwards) to `slot`. */
int vt_vectors_remove(vt_table *t, size_t slot, bool *has_moved, sqlite3_int64 *moved);
int vt_vectors_clear(vt_table *t);
int vt_vectors_id(vt_table *t, size_t slot, sqlite3_int64 *id);

/* The segments for a search; valid until the next write, refresh or end of transaction.
 * vt_vectors_close_blob must follow, whatever happens. */
int vt_vectors_store(vt_table *t, enc_store *out);
void vt_vectors_close_blob(vt_table *t);

/* Segments near q, best first, for index=ivf; *n 0 when there are no centroids. */
int vt_vectors_probe(vt_table *t, const float *q, size_t n_probe, size_t *out, size_t *n);
bool vt_vectors_is_clustered(const vt_vectors *v);

/* index=ivf: puts near rows into one segment; order[i]: the slot that has become i. */
int vt_vectors_cluster(vt_table *t, size_t *order, bool (*tick)(void *), void *arg);

typedef struct vt_sizes {
    size_t n_segments, n_resident, resident_bytes;
} vt_sizes;
void vt_vectors_sizes(const vt_vectors *v, vt_sizes *out);

/* ---- vt_docs.c ---- */

typedef struct vt_stretch {
    uint32_t slot, start, end; /* bytes of the document's text */
} vt_stretch;

typedef struct vt_doc {
    bool exists;
    bool has_hash;
    uint8_t hash[16]; /* of its text */
    vt_stretch *at;   /* n, by place in the text; enc_mem */
    size_t n, cap;
} vt_doc;

int vt_doc_get(vt_table *t, sqlite3_int64 id, vt_doc *d); /* d is zeroed or used before */
int vt_doc_put(vt_table *t, sqlite3_int64 id, const vt_doc *d);
void vt_doc_clear(vt_doc *d);

/* A row as the user gave it: values[n_columns]; in an update some may be marked by
 * SQLite as unchanged. All checks come before the first write. */
int vt_docs_insert(vt_table *t, sqlite3_int64 id, sqlite3_value **values);
int vt_docs_update(vt_table *t, sqlite3_int64 old_id, sqlite3_int64 id,
                   sqlite3_value **values);
int vt_docs_delete(vt_table *t, sqlite3_int64 id);
int vt_docs_clear(vt_table *t);
int vt_docs_new_id(vt_table *t, sqlite3_int64 *id);

/* Removes a document's slots from the array; d->n is 0 afterwards. The caller writes d.
 */
int vt_docs_release(vt_table *t, sqlite3_int64 id, vt_doc *d);

/* The stretch of a document that has the slot, or NULL. */
const vt_stretch *vt_doc_stretch(const vt_doc *d, size_t slot);

/* The text of a row as it is embedded: its text columns that are not NULL, one a line.
 * *is_null: there are none. */
int vt_docs_text(vt_table *t, sqlite3_value **values, enc_wr *out, bool *is_null);
int vt_docs_stored_text(vt_table *t, sqlite3_int64 id, enc_wr *out, bool *is_null);

/* Encodes what is queued; afterwards all is in the database. */
int vt_docs_flush(vt_table *t);
void vt_docs_end(vt_table *t); /* the transaction is over: encoder_progress forgets it */

/* Queues a document's text; NULL bytes: it has none. */
int vt_docs_queue(vt_table *t, sqlite3_int64 id, enc_bytes text);

/* After vt_vectors_cluster: every document learns its new slots. */
int vt_docs_follow(vt_table *t, const size_t *order);

/* The model that the table was made with, kept by the table. */
int vt_model(vt_table *t, const enc_model **out);

/* n texts of the model's passages -> n x dims. */
int vt_docs_encode(vt_table *t, const enc_model *m, const enc_bytes *texts, size_t n,
                   float *out);

/* Cuts a text as the table's options say; at least one stretch. */
int vt_docs_cut(vt_table *t, const enc_model *m, enc_bytes text, vt_doc *d);

/* ---- vt_plan.c ---- */

int vt_plan_best_index(vt_table *t, sqlite3_index_info *info);

typedef struct vt_plan { /* what xFilter was asked for */
    bool has_match, is_empty;
    sqlite3_value *match; /* owned */
    sqlite3_int64 k;      /* -1: none */
    sqlite3_int64 hint;   /* rows that will probably be read, 0: unknown */
    enc_filter filter;
    enc_idset *in; /* owned; filter.in borrows it */
    enc_idset *not_in;
} vt_plan;

int vt_plan_read(vt_table *t, const char *text, int argc, sqlite3_value **argv,
                 vt_plan *out);
void vt_plan_clear(vt_plan *p);

/* ---- vt_search.c ---- */

typedef struct vt_hit {
    sqlite3_int64 id;
    size_t slot;                          /* SIZE_MAX: unknown */
    double distance;                      /* NaN: NULL */
    uint32_t lexical_rank, semantic_rank; /* 0: NULL */
} vt_hit;

typedef struct vt_search { /* storage is the cursor's, zeroed */
    vt_plan plan;
    float *q;   /* dims; enc_mem */
    char *text; /* of the query, for the lexical leg; sqlite3_malloc */
    vt_hit *hits;
    size_t n_hits, cap_hits, at;
    size_t limit;     /* rows that may be given at most */
    size_t batch;     /* rows the next batch is asked for */
    bool is_ended;    /* no more after those in hits */
    bool is_exact;    /* index=ivf: from now on all segments are looked into */
    bool was_probed;  /* the last scan left segments out */
    enc_idset *given; /* ids in hits */
    size_t n_fused;   /* hybrid: hits that came from the fused ranks */
} vt_search;

int vt_search_open(vt_table *t, vt_search *s);
int vt_search_more(vt_table *t, vt_search *s); /* hits[at...], or is_ended */
void vt_search_clear(vt_search *s);

/* What vt_lexical.c needs of it. */
int vt_search_documents(vt_table *t, vt_search *s, size_t want, vt_hit **out, size_t *n,
                        bool *is_all);
int vt_search_add(vt_search *s, const vt_hit *hit);

/* The first batch of a hybrid search. */
int vt_lexical_fuse(vt_table *t, vt_search *s, size_t want);

/* A value as a query vector: a BLOB or a JSON array, or a text through the model.
 * *out is enc_mem memory of dims values, NULL for NULL. */
int vt_query_vector(vt_table *t, sqlite3_value *value, float **out);

/* A BLOB or a JSON array as a vector of the table; *out as above. */
int vt_value_vector(vt_table *t, sqlite3_value *value, float **out);

/* ---- vt_command.c, vt_reembed.c, vt_check.c ---- */

int vt_command_run(vt_table *t, sqlite3_value *command, sqlite3_value *argument);

/* argument: NULL, how many rows, or the name of another model. */
int vt_reembed_run(vt_table *t, sqlite3_value *argument);

/* index=ivf: the share of the exact k nearest that searches find, over n queries. */
int vt_recall_measure(vt_table *t, size_t k, size_t n, double *out);

/* SQLITE_OK: all agrees; *problem is NULL or a sentence for SQLite to free. */
int vt_check_run(vt_table *t, bool is_quick, char **problem);

/* ---- vt.c, vt_passage.c ---- */

typedef struct vt_cursor {
    sqlite3_vtab_cursor base;
    struct vt_cursor *next;
    sqlite3_stmt *scan;    /* without MATCH: the documents in order */
    sqlite3_stmt *content; /* the row's own columns */
    bool is_on_row;        /* content stands on the current row */
    bool has_match;        /* rows come from the search, not from scan */
    bool is_eof;
    sqlite3_int64 id;
    vt_search search;
    vt_doc doc; /* of the current row, if asked for */
    bool has_doc;
} vt_cursor;

/* xFindFunction: passage(table), the stretch of the text that is nearest to the query. */
int vt_passage_find(sqlite3_vtab *base, int n_args, const char *name,
                    void (**run)(sqlite3_context *, int, sqlite3_value **), void **arg);

int ext_register_similarity(sqlite3 *db, ext_conn *conn);
int ext_register_stats(sqlite3 *db, ext_conn *conn); /* vt_stats.c */

#endif
