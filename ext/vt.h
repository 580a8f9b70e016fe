/* vt.h - what the files of the similarity table know of each other.
 *
 *   vt_args         CREATE VIRTUAL TABLE arguments -> ext_vt_config
 *   vt_config       what is stored of it
 *   vt_table        a table from its declaration
 *   vt_store        shadow tables and prepared statements
 *   vt_vectors      the vectors of a table: an array of slots
 *   vt_blocks       its f32 values
 *   vt_nearest      what a search sees of it
 *   vt_docs         rows of the user -> documents -> slots; texts that wait
 *   vt_rows         what INSERT, UPDATE and DELETE do to a row
 *   vt_plan         the contract between xBestIndex and xFilter
 *   vt_search       a query -> hits in order
 *   vt_lexical      the words of a query, and the fusion of two rankings
 *   vt_words        the texts that FTS5 has
 *   vt_command      INSERT INTO x(x) VALUES('...')
 *   vt_reembed      all texts again, by another model
 *   vt_passage      the stretch of a text that is nearest to the query
 *   vt_stats        similarity_stats and recall_at_k
 *   vt_check        whether all that is stored agrees
 *   vt_transaction  how a transaction goes on and ends
 *   vt              all other methods, and only those
 *
 * Functions return SQLite codes; the sentence of a failure is left with the table
 * (ext_vt_fail), whose methods hand it to SQLite. */
#ifndef EXT_VT_H
#define EXT_VT_H

#include "ext.h"

#include "search/cache.h"
#include "search/scan.h"
#include "text/chunk.h"

#define EXT_VT_FORMAT      1
#define EXT_VT_COLUMNS_MAX 256

/* ---- vt_args.c ---- */

typedef enum ext_vt_kind { EXT_VT_TEXT, EXT_VT_STORED, EXT_VT_VECTOR } ext_vt_kind;

typedef struct ext_vt_column {
    const char *name;
    const char *type; /* "" for none */
    ext_vt_kind kind;
} ext_vt_column;

typedef enum ext_vt_content {
    EXT_VT_OWN,
    EXT_VT_EXTERNAL,
    EXT_VT_CONTENTLESS
} ext_vt_content;

typedef struct ext_vt_config { /* all texts live in the arena */
    ext_vt_column columns[EXT_VT_COLUMNS_MAX];
    int n_columns;
    int vector;     /* which column is the vector; -1: there are texts */
    size_t dims;    /* of the vectors; 0 until the model is known */
    size_t n_texts; /* text columns */
    ext_vt_content content;
    const char *content_table, *content_rowid; /* of EXT_VT_EXTERNAL */
    const char *model;                         /* NULL: the default one */
    enc_metric metric;
    bool has_metric;       /* declared; else it is the one the model is meant for */
    size_t chunk, overlap; /* tokens; chunk 0: a row is one stretch */
    bool is_chunk_auto, is_hybrid, is_ivf;
    enc_arena arena;
} ext_vt_config;

/* Reads the arguments after the table's name. On failure *message is a sentence for
 * SQLite to free. The config must be cleared in both cases. */
int ext_vt_args_read(ext_vt_config *c, int argc, const char *const *argv, char **message);
void ext_vt_config_clear(ext_vt_config *c);

/* "cosine", "dot" or "l2"; sentence-transformers' "euclidean" is l2. False: none. */
bool ext_vt_metric_find(const char *name, enc_metric *out);

/* Whether the table can have that name: its first hidden column has it as well. */
bool ext_vt_config_allows(const ext_vt_config *c, const char *table);

/* The hidden columns follow the declared ones in this order; the first has the name of
 * the table. */
enum {
    EXT_VT_SELF,
    EXT_VT_K,
    EXT_VT_QUERY,
    EXT_VT_DISTANCE,
    EXT_VT_SIMILARITY,
    EXT_VT_CHUNK_START,
    EXT_VT_CHUNK_END,
    EXT_VT_RANK,
    EXT_VT_LEXICAL_RANK,
    EXT_VT_SEMANTIC_RANK,
    EXT_VT_HIDDEN /* how many */
};

const char *ext_vt_hidden_name(int column); /* not of EXT_VT_SELF */

/* "CREATE TABLE x(...)" for sqlite3_declare_vtab; sqlite3_free it. NULL: no memory. */
char *ext_vt_config_schema(const ext_vt_config *c, const char *table);

/* ---- vt_store.c ---- */

typedef enum ext_vt_sql {
    EXT_VT_CONFIG_GET,
    EXT_VT_STATE,
    EXT_VT_CONFIG_PUT,
    EXT_VT_DOC_GET,
    EXT_VT_DOC_PUT,
    EXT_VT_DOC_DEL,
    EXT_VT_DOC_LAST,
    EXT_VT_DOC_NEXT,
    EXT_VT_CONTENT_GET,
    EXT_VT_CONTENT_PUT,
    EXT_VT_CONTENT_DEL,
    EXT_VT_CONTENT_ALL,
    EXT_VT_QUEUE_PUT,
    EXT_VT_QUEUE_DEL,
    EXT_VT_QUEUE_NEXT,
    EXT_VT_SEGMENT_LIST,
    EXT_VT_SEGMENT_CENTERS,
    EXT_VT_SEGMENT_GET,
    EXT_VT_SEGMENT_PUT,
    EXT_VT_SEGMENT_CUT,
    EXT_VT_BLOCK_GET,
    EXT_VT_BLOCK_PUT,
    EXT_VT_BLOCK_CUT,
    EXT_VT_FRESH_PUT,
    EXT_VT_FRESH_DEL,
    EXT_VT_FRESH_LEFT,
    EXT_VT_FRESH_ALL,
    EXT_VT_FTS_PUT,
    EXT_VT_FTS_DEL,
    EXT_VT_FTS_MATCH,
    EXT_VT_N_SQL
} ext_vt_sql;

typedef struct ext_vt_vectors ext_vt_vectors;

typedef struct ext_vt_table {
    sqlite3_vtab base; /* first: SQLite's */
    sqlite3 *db;
    ext_conn *conn;
    char *schema, *name; /* sqlite3_malloc */
    ext_vt_config config;
    char fingerprint[33]; /* of the model that made the vectors; "" without texts */
    char *model_name;     /* the name it had; sqlite3_malloc */
    ext_model *model;     /* the one last found to have that fingerprint, or NULL */
    double weight_lexical, weight_semantic;
    sqlite3_stmt *sql[EXT_VT_N_SQL];
    ext_vt_vectors *vectors;
    bool is_begun;       /* SQLite will tell it how the transaction ends */
    bool has_queue;      /* texts may be waiting */
    size_t n_queued;     /* since the last flush */
    sqlite3_int64 id;    /* drawn when it was made; 0: made before tables had one */
    bool is_doubtful;    /* this transaction made it or rolled it back: may be gone */
    int n_writing;       /* ext_vt_write_begin without its end */
    bool must_roll_back; /* a write failed half-way: nothing may be committed */
    int n_saved;         /* savepoints that hold: the levels below it */
    int n_writers;       /* statements under way that write; 0: to be counted */
    int unsaved;         /* SQLite's code, or 0: what had changed before the savepoint */
    int unsaved_level;   /* of a statement could not be written; till it ends none may */
    char *triggers;      /* what the names of the triggers begin with, or NULL */
    sqlite3_int64 next_id;
    struct ext_vt_cursor *cursors;   /* open ones */
    struct ext_vt_table *next_table; /* of the connection */
    enc_scan_stats last;             /* of the last search: for similarity_stats */
    ext_progress *progress; /* of what is being encoded in this transaction, or NULL */
    size_t n_done;          /* rows of it */
    int not_read;           /* SQLite's code for what the engine could not read of it */
    double last_ms;
    const char *last_path;
    size_t n_probe; /* index=ivf: segments looked into; 0: a part of them */
    sqlite3_int64 n_encoded, n_kept; /* texts encoded, and those found unchanged */
} ext_vt_table;

/* xCreate and xConnect, and the end of both. Linked into the connection's list. */
int ext_vt_table_open(sqlite3 *db, void *client, int argc, const char *const *argv,
                      sqlite3_vtab **out, char **message, bool is_new);
void ext_vt_table_free(ext_vt_table *t); /* NULL is fine */

/* What has been changed and not been written was never there. */
void ext_vt_table_forget(ext_vt_table *t);

/* SQLite connects a table anew when the schema was read again, and what is here of it
 * stays until the transaction ends. This is what has been replaced so. */
bool ext_vt_table_is_old(const ext_vt_table *t);

/* The next of those that t has replaced, after itself or another of them; NULL: no more.
 * Only what they hold in memory is of use: any statement that runs may end the
 * transaction, and that frees them. */
ext_vt_table *ext_vt_table_older(const ext_vt_table *t, const ext_vt_table *than);

/* Whether it has not been freed. */
bool ext_vt_table_is_there(ext_conn *conn, const ext_vt_table *t);

/* One that was made, or renamed, after a savepoint that was rolled back to has nothing
 * more to write, and forgets what it would have. */
int ext_vt_table_drop_undone(ext_vt_table *t);

/* Both are asked before anything is written: whether a write failed half-way before,
 * which another would hide; and whether this is a statement for whose savepoint could not
 * be written what had changed, for rolled back to it that would be neither written nor
 * known.
 */
int ext_vt_table_refuse_broken(ext_vt_table *t);
int ext_vt_table_refuse_unsaved(ext_vt_table *t);

/* Statements under way on its connection that write; and whether there are several, as
 * when one calls a function that runs another: counted once for each savepoint. */
int ext_vt_table_count_writers(const ext_vt_table *t);
bool ext_vt_table_is_inside(ext_vt_table *t);

/* Leaves the sentence with the table and returns the code; SQLITE_NOMEM if there is no
 * memory for the sentence. */
int ext_vt_fail(ext_vt_table *t, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4), warn_unused_result));

/* The same for what SQLite said last on this connection, and for the engine. */
int ext_vt_fail_db(ext_vt_table *t, int code) __attribute__((warn_unused_result));
int ext_vt_fail_enc(ext_vt_table *t, enc_rc rc, const enc_err *e)
    __attribute__((warn_unused_result));

/* Creates, drops, renames all shadow tables. */
int ext_vt_store_create(ext_vt_table *t);
int ext_vt_store_drop(ext_vt_table *t);
int ext_vt_store_drop_triggers(ext_vt_table *t);
int ext_vt_store_rename(ext_vt_table *t, const char *name);
bool ext_vt_store_is_shadow(const char *suffix);

/* The statement, reset and without bindings; prepared at first use. The user resets it
 * with ext_vt_done, which gives the code of its last step. */
int ext_vt_sql_get(ext_vt_table *t, ext_vt_sql which, sqlite3_stmt **out);
int ext_vt_done(ext_vt_table *t, sqlite3_stmt *s);
int ext_vt_sql_prepare(ext_vt_table *t, ext_vt_sql which,
                       sqlite3_stmt **out); /* the caller's own */

/* The next row of EXT_VT_CONTENT_GET or _ALL, as sqlite3_step gives it. What `content`
 * names may be a view of this table, or a similarity table whose content is this one: an
 * error when they go on for ever, before the stack ends. */
int ext_vt_content_step(ext_vt_table *t, sqlite3_stmt *s);

/* What CREATE asks of content='...': that it is there with all columns, and that its keys
 * stay what they are. */
int ext_vt_content_check(ext_vt_table *t);
int ext_vt_run_id(ext_vt_table *t, ext_vt_sql which, sqlite3_int64 id); /* ?1 is id */
int ext_vt_run(ext_vt_table *t, sqlite3_stmt *s); /* steps to the end, and ext_vt_done */

/* Around what several statements write, of which none may be kept without the others: if
 * it ends with another code than SQLITE_OK, which it returns, the transaction or
 * savepoint must be rolled back. SQLite may have done that already. */
void ext_vt_write_begin(ext_vt_table *t);
int ext_vt_write_end(ext_vt_table *t, int rc);

/* The same if what it needs was bound (rc is SQLITE_OK); else rc, and ext_vt_done, for
 * what is bound may not be there much longer. */
int ext_vt_run_bound(ext_vt_table *t, sqlite3_stmt *s, int rc);
void ext_vt_store_close(ext_vt_table *t); /* finalizes all */

/* How many rows of a shadow table pass the test, which is SQL. */
int ext_vt_count(ext_vt_table *t, const char *suffix, const char *test, sqlite3_int64 *n);

/* Formats as sqlite3_mprintf does, then runs. */
int ext_vt_exec(ext_vt_table *t, const char *format, ...);

/* The configuration stored with the table. */
int ext_vt_config_load(ext_vt_table *t);

/* A copy of a text value in place of *out, which is freed; "" for NULL, NULL for none. */
int ext_vt_config_text(ext_vt_table *t, const char *key, char **out);
int ext_vt_config_int(ext_vt_table *t, const char *key, sqlite3_int64 *out); /* or 0 */

/* The generation of the vectors; sees as well whether texts are waiting. */
int ext_vt_config_state(ext_vt_table *t, sqlite3_int64 *generation);
int ext_vt_config_put_text(ext_vt_table *t, const char *key, const char *value);
int ext_vt_config_put_int(ext_vt_table *t, const char *key, sqlite3_int64 value);
int ext_vt_config_put_real(ext_vt_table *t, const char *key, double value);

/* ---- vt_vectors.c ---- */

int ext_vt_vectors_new(ext_vt_table *t);
void ext_vt_vectors_free(ext_vt_vectors *v);
size_t ext_vt_vectors_count(const ext_vt_vectors *v);
bool ext_vt_vectors_has_changed(
    const ext_vt_vectors *v); /* and is not written; or NULL */

/* Brings what is in memory in step with the database, as this transaction sees it, and
 * sees whether texts are waiting. Every reader and writer calls it first; it costs one
 * lookup when nothing has changed. */
int ext_vt_vectors_refresh(ext_vt_table *t);

/* Has all others read %_config anew, and the list of segments. */
int ext_vt_vectors_renew(ext_vt_table *t);
void ext_vt_vectors_forget(
    ext_vt_vectors *v);                    /* after a rollback: nothing in memory holds */
int ext_vt_vectors_flush(ext_vt_table *t); /* writes what has changed */

/* Whether the stored segments are what their hashes say: the cache would hide it. */
int ext_vt_vectors_check(ext_vt_table *t);

int ext_vt_vectors_get(ext_vt_table *t, size_t slot, float *out); /* dims values */
int ext_vt_vectors_put(ext_vt_table *t, size_t slot, sqlite3_int64 id, const float *v);
int ext_vt_vectors_append(ext_vt_table *t, sqlite3_int64 id, const float *v,
                          size_t *slot);
int ext_vt_vectors_rekey(ext_vt_table *t, size_t slot, sqlite3_int64 id);

/* Removes the slot. The last one takes its place unless it was the last: *moved is then
 * the id of the row whose slot changed from ext_vt_vectors_count (afterwards) to `slot`.
 */
int ext_vt_vectors_remove(ext_vt_table *t, size_t slot, bool *has_moved,
                          sqlite3_int64 *moved);
int ext_vt_vectors_clear(ext_vt_table *t);
int ext_vt_vectors_id(ext_vt_table *t, size_t slot, sqlite3_int64 *id);

/* The segments for a search; valid until the next write, refresh or end of transaction.
 * ext_vt_vectors_close_blob must follow, whatever happens. */
int ext_vt_vectors_store(ext_vt_table *t, enc_store *out);
void ext_vt_vectors_close_blob(ext_vt_table *t);

/* Segments near q, best first, for index=ivf; *n 0 when there are no centroids. */
int ext_vt_vectors_probe(ext_vt_table *t, const float *q, size_t n_probe, size_t *out,
                         size_t *n);
bool ext_vt_vectors_is_clustered(const ext_vt_vectors *v);

/* index=ivf: puts near rows into one segment; order[i]: the slot that has become i. */
int ext_vt_vectors_cluster(ext_vt_table *t, size_t *order, bool (*tick)(void *),
                           void *arg);

typedef struct ext_vt_sizes {
    size_t n_segments, n_resident, resident_bytes;
} ext_vt_sizes;
void ext_vt_vectors_sizes(const ext_vt_vectors *v, ext_vt_sizes *out);

/* ---- vt_docs.c ---- */

typedef struct ext_vt_stretch {
    uint32_t slot, start, end; /* bytes of the document's text */
} ext_vt_stretch;

typedef struct ext_vt_doc {
    bool exists;
    bool has_hash;
    uint8_t hash[16];   /* of its text */
    ext_vt_stretch *at; /* n, by place in the text; enc_mem */
    size_t n, cap;
} ext_vt_doc;

int ext_vt_doc_get(ext_vt_table *t, sqlite3_int64 id,
                   ext_vt_doc *d); /* d is zeroed or used before */
int ext_vt_doc_put(ext_vt_table *t, sqlite3_int64 id, const ext_vt_doc *d);

/* The next id in their order: after *id if *found is true, else the first of them. *found
 * becomes false behind the last. */
int ext_vt_doc_next(ext_vt_table *t, sqlite3_int64 *id, bool *found);
void ext_vt_doc_clear(ext_vt_doc *d);

/* A row as the user gave it: values[n_columns]; in an update some may be marked by
 * SQLite as unchanged. All checks come before the first write. */
int ext_vt_docs_insert(ext_vt_table *t, sqlite3_int64 id, sqlite3_value **values);
int ext_vt_docs_update(ext_vt_table *t, sqlite3_int64 old_id, sqlite3_int64 id,
                       sqlite3_value **values);
int ext_vt_docs_delete(ext_vt_table *t, sqlite3_int64 id);
int ext_vt_docs_clear(ext_vt_table *t);
int ext_vt_docs_forget(ext_vt_table *t); /* all but the content */
void ext_vt_docs_hash(enc_bytes text, uint8_t out[16]);
int ext_vt_docs_new_id(ext_vt_table *t, sqlite3_int64 *id);

/* Removes a document's slots from the array; d->n is 0 afterwards. The caller writes d.
 */
int ext_vt_docs_release(ext_vt_table *t, sqlite3_int64 id, ext_vt_doc *d);

/* The stretch of a document that has the slot, or NULL. */
const ext_vt_stretch *ext_vt_doc_stretch(const ext_vt_doc *d, size_t slot);

/* The text of a row as it is embedded: its text columns that are not NULL, one a line.
 * *is_null: there are none. */
int ext_vt_docs_text(ext_vt_table *t, sqlite3_int64 id, sqlite3_value **values,
                     enc_wr *out, bool *is_null);
int ext_vt_docs_stored_text(ext_vt_table *t, sqlite3_int64 id, enc_wr *out,
                            bool *is_null);

/* Encodes what is queued. */
int ext_vt_docs_flush(ext_vt_table *t);
int ext_vt_docs_flush_reading(
    ext_vt_table *t); /* the same where nothing is written yet */
void ext_vt_docs_end(
    ext_vt_table *t); /* the transaction is over: encoder_progress forgets it */

/* Queues a document's text; NULL bytes: it has none. */
int ext_vt_docs_queue(ext_vt_table *t, sqlite3_int64 id, enc_bytes text);

/* After ext_vt_vectors_cluster: every document learns its new slots. */
int ext_vt_docs_follow(ext_vt_table *t, const size_t *order);

/* The model that the table was made with, kept by the table. */
int ext_vt_model(ext_vt_table *t, const enc_model **out);

/* n texts of the model's passages -> n x dims. */
int ext_vt_docs_encode(ext_vt_table *t, const enc_model *m, const enc_bytes *texts,
                       size_t n, float *out);

/* Cuts a text as the table's options say; at least one stretch. */
int ext_vt_docs_cut(ext_vt_table *t, const enc_model *m, enc_bytes text, ext_vt_doc *d);

/* ---- vt_plan.c ---- */

#define EXT_VT_REVERSE 1 /* idxNum: all rows, the last one first */

int ext_vt_plan_best_index(ext_vt_table *t, sqlite3_index_info *info);

typedef struct ext_vt_plan { /* what xFilter was asked for */
    bool has_match, is_empty;
    sqlite3_value *match; /* owned */
    sqlite3_int64 k;      /* -1: none */
    sqlite3_int64 hint;   /* rows that will probably be read, 0: unknown */
    enc_filter filter;
    enc_idset *in; /* owned; filter.in borrows it */
    enc_idset *not_in;
} ext_vt_plan;

int ext_vt_plan_read(ext_vt_table *t, const char *text, int argc, sqlite3_value **argv,
                     ext_vt_plan *out);
void ext_vt_plan_clear(ext_vt_plan *p);

/* ---- vt_search.c ---- */

typedef struct ext_vt_hit {
    sqlite3_int64 id;
    size_t slot;                          /* SIZE_MAX: unknown */
    double distance;                      /* NaN: NULL */
    uint32_t lexical_rank, semantic_rank; /* 0: NULL */
} ext_vt_hit;

typedef struct ext_vt_search { /* storage is the cursor's, zeroed */
    ext_vt_plan plan;
    float *q; /* dims; enc_mem */
    size_t dims;
    bool has_words; /* the first batch asks the lexical leg too */
    ext_vt_hit *hits;
    size_t n_hits, cap_hits, at;
    size_t limit;     /* rows that may be given at most */
    size_t batch;     /* rows the next batch is asked for */
    bool is_ended;    /* no more after those in hits */
    bool is_exact;    /* index=ivf: from now on all segments are looked into */
    bool was_probed;  /* the last scan left segments out */
    enc_idset *given; /* ids in hits */
} ext_vt_search;

int ext_vt_search_open(ext_vt_table *t, ext_vt_search *s);

/* That the table's vectors are still such as are searched for: a 'reembed' on the same
 * connection may have made others. */
int ext_vt_search_check(ext_vt_table *t, const ext_vt_search *s);
int ext_vt_search_more(ext_vt_table *t, ext_vt_search *s); /* hits[at...], or is_ended */
void ext_vt_search_clear(ext_vt_search *s);

/* The hits of n searches by vectors, of one limit and EXT_VT_AT_ONCE at most, which look
 * into all segments and read each once for all of them. */
#define EXT_VT_AT_ONCE 8
int ext_vt_search_exact(ext_vt_table *t, ext_vt_search *s, size_t n);

/* What vt_lexical.c needs of it. */
int ext_vt_search_documents(ext_vt_table *t, ext_vt_search *s, size_t want,
                            ext_vt_hit **out, size_t *n, bool *is_all);
int ext_vt_search_add(ext_vt_search *s, const ext_vt_hit *hit);

/* The first batch of a hybrid search. */
int ext_vt_lexical_fuse(ext_vt_table *t, ext_vt_search *s);

/* A value as a query vector: a BLOB or a JSON array, or a text through the model.
 * *out is enc_mem memory of dims values, NULL for NULL. */
int ext_vt_query_vector(ext_vt_table *t, sqlite3_value *value, float **out);

/* A BLOB or a JSON array as a vector of the table; *out as above. */
int ext_vt_value_vector(ext_vt_table *t, sqlite3_value *value, float **out);

/* ---- vt_command.c, vt_reembed.c, vt_check.c ---- */

int ext_vt_command_run(ext_vt_table *t, sqlite3_value *command, sqlite3_value *argument);

/* argument: NULL, how many rows, or the name of another model. */
int ext_vt_reembed_run(ext_vt_table *t, sqlite3_value *argument);

/* index=ivf: the share of the exact k nearest that searches find, over n queries. */
int ext_vt_recall_measure(ext_vt_table *t, size_t k, size_t n, double *out);

/* SQLITE_OK: all agrees; *problem is NULL or a sentence for SQLite to free. */
int ext_vt_check_run(ext_vt_table *t, bool is_quick, char **problem);

/* ---- vt.c, vt_passage.c ---- */

typedef struct ext_vt_cursor {
    sqlite3_vtab_cursor base;
    struct ext_vt_cursor *next;
    sqlite3_stmt *scan;    /* without MATCH: the documents in order */
    bool is_reverse;       /* scan gives the last first */
    sqlite3_stmt *content; /* the row's own columns */
    bool is_on_row;        /* content stands on the current row */
    bool has_match;        /* rows come from the search, not from scan */
    bool is_eof;
    sqlite3_int64 id;
    ext_vt_search search;
    ext_vt_doc doc; /* of the current row, if asked for */
    bool has_doc;
} ext_vt_cursor;

/* xFindFunction: passage(table), the stretch of the text that is nearest to the query. */
int ext_vt_passage_find(sqlite3_vtab *base, int n_args, const char *name,
                        void (**run)(sqlite3_context *, int, sqlite3_value **),
                        void **arg);

/* The name, which SQLite must know before a table can give it a meaning. */
int ext_vt_passage_register(sqlite3 *db);

int ext_register_similarity(sqlite3 *db, ext_conn *conn);
int ext_register_stats(sqlite3 *db, ext_conn *conn); /* vt_stats.c */

/* ---- vt_words.c ---- */

/* The document's text for FTS5, which has none of it. */
int ext_vt_words_put(ext_vt_table *t, sqlite3_int64 id, enc_bytes text);

/* *problem: what does not agree, of a sound index, or as it was; sqlite3_free it. */
int ext_vt_words_check(ext_vt_table *t, char **problem);

/* All words anew, by the model that the table's is now. */
int ext_vt_words_remake(ext_vt_table *t);

/* If it does not agree, FTS5 gets all texts again. Of a table that keeps texts. */
int ext_vt_words_rebuild(ext_vt_table *t);

/* ---- vt_transaction.c: methods of sqlite3_module ---- */

int ext_vt_begin(sqlite3_vtab *base);
int ext_vt_sync(sqlite3_vtab *base);
int ext_vt_commit(sqlite3_vtab *base);
int ext_vt_rollback(sqlite3_vtab *base);
int ext_vt_savepoint(sqlite3_vtab *base, int level);
int ext_vt_release(sqlite3_vtab *base, int level);
int ext_vt_rollback_to(sqlite3_vtab *base, int level);

#endif
