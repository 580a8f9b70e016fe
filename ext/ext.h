/* ext.h - what the files of the extension know of each other.
 *
 * A function of ours is a row of a table (ext_fn, ext_tvf) and one C function that takes
 * an ext_call: the arguments, whatever the call needs until it ends, and its first
 * failure. Both kinds of function are therefore written alike:
 *
 *     static void embed(ext_call *c)
 *     {
 *         const enc_model *m = ext_arg_model(c, 1);
 *         const float *v;
 *         if (m == NULL || !ext_arg_embedding(c, 0, m, "", &v)) return;
 *         if (v != NULL) ext_result_vector(c->ctx, v, enc_config_dims(&m->config));
 *     }
 *
 * Everything that can fail says so in the call (sticky: the first failure is the one that
 * is reported) and returns false or NULL; the caller then simply returns. A scalar
 * function that sets no result gives NULL. */
#ifndef EXT_H
#define EXT_H

#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT3

#include "enc.h"
#include "base/map.h"

#define EXT_VERSION        "0.1.0"
#define EXT_NAME_MAX       96 /* bytes in the name of a model: "org/name@revision" */
#define EXT_MODELS_MAX     64 /* models registered at once */
#define EXT_MODELS_DEFAULT 16 /* the same, unless somebody asks for more */
#define EXT_PROGRESS_MAX   32 /* long works seen at once */
#define EXT_CODE_BYTES     ((sqlite3_int64)1 << 30) /* of max_code_bytes, at first ... */
#define EXT_CODE_BYTES_MAX ((sqlite3_int64)1 << 40) /* ... and at most */
#define EXT_SUBTYPE        223 /* of a vector BLOB, as sqlite-vec has it */
#define EXT_ARGS_MAX       8   /* arguments of a table-valued function */

/* From 3.45 on a function that sets a subtype must say so; older ones ignore the bit. */
#ifndef SQLITE_RESULT_SUBTYPE
#define SQLITE_RESULT_SUBTYPE 0x001000000
#endif
#define EXT_FN_PURE                                                                      \
    (SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS | SQLITE_RESULT_SUBTYPE)
#define EXT_FN_DIRECT (SQLITE_UTF8 | SQLITE_DIRECTONLY)

/* ---- registry.c: the models of this process, its settings, what it is doing ----
 *
 * Guarded by one mutex that is never held while SQLite is called or a model is opened.
 * Any thread may call any of these. */

/* A model and how it came here. Counted: it lives until the last reference is dropped,
 * whatever is unloaded meanwhile. All but the fingerprint never changes. */
typedef struct ext_model ext_model;

/* What a reference is for; borrowed from it. */
const enc_model *ext_model_enc(const ext_model *m);
const char *ext_model_name(const ext_model *m);
const char *ext_model_source(const ext_model *m); /* a path, "blob" or "builtin" */

/* 32 hexadecimal digits, computed at the first call (it may read all the weights). */
enc_rc ext_model_fingerprint(ext_model *m, char out[33], enc_err *e);
void ext_model_keep(ext_model *m);
void ext_model_drop(ext_model *m); /* NULL is fine */

/* A reference to the model of that name, of the default one if name is NULL, that the
 * caller drops. Opens nothing but the built-in model. */
enc_rc ext_registry_get(const char *name, size_t n, ext_model **out, enc_err *e);

/* Takes the model, also on failure. A model of the same name is replaced. */
enc_rc ext_registry_put(const char *name, const char *source, enc_model *m, enc_err *e);
enc_rc ext_registry_del(const char *name, size_t n, enc_err *e);
enc_rc ext_registry_set_default(const char *name, size_t n, enc_err *e);
void ext_registry_default(char out[EXT_NAME_MAX + 1]);

/* The names known, in the order of loading, the built-in first; with each whether it is
 * open. Returns how many were written: at most EXT_MODELS_MAX + 1. */
typedef struct ext_known {
    char name[EXT_NAME_MAX + 1];
    bool is_open, is_default;
} ext_known;
size_t ext_registry_list(ext_known out[EXT_MODELS_MAX + 1]);

/* Settings of the process; encoder_config reads and writes them. */
typedef struct ext_settings {
    size_t max_text_bytes;  /* a longer text is SQLITE_TOOBIG */
    size_t max_model_bytes; /* of the weights of a model that is loaded */
    size_t max_models;      /* registered at once, the built-in not counted */
    size_t max_code_bytes;  /* codes of similarity tables kept in memory */
    char models[1024];      /* loads are confined to this directory; "": they are not */
    bool is_locked;
} ext_settings;
void ext_settings_get(ext_settings *out);

/* Takes what is another than it was; the rest may have been set by others meanwhile.
 * ENC_MISUSE once locked, also if nothing is another. */
enc_rc ext_settings_set(const ext_settings *was, const ext_settings *is, enc_err *e);
size_t ext_text_max(void);

/* Long work, readable from other connections. All three accept NULL, which begin gives
 * when too many are under way. */
typedef struct ext_progress ext_progress;
typedef struct ext_status {
    const char *operation; /* "pretrain": a literal, or outlives the work */
    const char *phase;     /* the same */
    size_t done, total;    /* total 0: unknown */
    double per_second, eta_seconds, loss; /* NaN: unknown */
} ext_status;
ext_progress *ext_progress_begin(const char *operation);
void ext_progress_set(ext_progress *p, const ext_status *s); /* s->operation is ignored */
void ext_progress_end(ext_progress *p);
size_t ext_progress_list(ext_status out[EXT_PROGRESS_MAX]);

/* ---- conn.c: what a connection owns ---- */

/* Client data of every function and module of the connection; counted, the last
 * destructor that SQLite calls frees it. Used by one thread at a time. */
typedef struct ext_conn ext_conn;

ext_conn *ext_conn_new(sqlite3 *db); /* one reference; NULL: no memory */
void ext_conn_keep(ext_conn *conn);
void ext_conn_drop(void *conn);
sqlite3 *ext_conn_db(const ext_conn *conn);

/* How many similarity tables are reading their content, and queries of embed_each are
 * run, one for the other. */
int *ext_conn_depth(ext_conn *conn);

/* The head of the list of similarity tables that are open on the connection (vt.h). */
struct ext_vt_table **ext_conn_tables(ext_conn *conn);

/* ---- glue.c: calls, arguments, results and errors across the border ---- */

typedef struct ext_call {
    ext_conn *conn;
    const char *name;     /* of the function; begins every sentence */
    sqlite3_context *ctx; /* NULL in a table-valued function */
    int argc;
    sqlite3_value **argv; /* in a table-valued function NULL where not given */
    enc_arena arena;      /* memory until the call, or the scan, ends */
    enc_err err;          /* what failed first; use ext_failed(c, rc) after the engine */
    int code;             /* its SQLite code; SQLITE_OK: nothing has failed */
    /* private */
    ext_model *held[2]; /* dropped at the end */
    sqlite3_stmt *poll;
} ext_call;

/* Begins and ends a call; functions in the tables below find this done. */
void ext_call_begin(ext_call *c, ext_conn *conn, const char *name);
void ext_call_end(ext_call *c);

/* Gives the call's failure, if there is one, to SQLite; ext_call_end does this too. */
void ext_call_report(const ext_call *c, sqlite3_context *ctx);

/* Records a failure with its own SQLite code; returns false. */
bool ext_fail(ext_call *c, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool ext_nomem(ext_call *c);

#ifdef __clang_analyzer__ /* as in base/err.h */
#define ext_fail(c, code, ...) ((void)ext_fail(c, code, __VA_ARGS__), false)
#define ext_nomem(c)           ((void)ext_nomem(c), false)
#endif

/* Takes over what the engine said: true if rc is a failure. The engine is given &c->err:
 *     if (ext_failed(c, enc_head_pooled(m, hidden, out, &c->err))) return; */
bool ext_failed(ext_call *c, enc_rc rc);
int ext_code(enc_rc rc); /* the SQLite code of an engine's code */

/* Memory until the call ends; NULL: no memory, recorded. */
void *ext_alloc(ext_call *c, size_t n, size_t size);

/* Scratch of this connection for enc_fwd_run and enc_embed_run. Another call on the same
 * connection uses it too: do not call into SQLite (ext_stop apart) between a run and the
 * last use of what it returned, and ask for it again before each run: it asks this call
 * whether to stop. NULL: no memory, recorded. */
enc_work *ext_work(ext_call *c);

/* True when the statement has been interrupted or a progress handler says stop. A poll
 * costs some microseconds: ask between batches. `call` is the ext_call; the shapes are
 * those of enc_tap.stop, enc_fit.tick and enc_embed_job.tick. */
bool ext_stop(void *call);
bool ext_stop_batch(void *call, size_t done);

double ext_now_ms(void); /* of a clock that only goes forward */

/* Arguments; i counts from 0, `what` names it in sentences ("text"). */
bool ext_given(const ext_call *c, int i);   /* it is there; it may still be NULL */
bool ext_is_null(const ext_call *c, int i); /* not there, or NULL */

/* TEXT, or a number as SQLite writes it. NULL or not given is {NULL, 0}; '' is not NULL.
 * A BLOB is SQLITE_MISMATCH, more than the setting max_text_bytes SQLITE_TOOBIG. */
bool ext_arg_text(ext_call *c, int i, const char *what, enc_bytes *out);

/* The same for names, paths and options, which that setting does not concern. */
bool ext_arg_word(ext_call *c, int i, const char *what, enc_bytes *out);

/* An integer in [min, max]; `otherwise` if it is NULL or not given. */
bool ext_arg_int(ext_call *c, int i, const char *what, sqlite3_int64 min,
                 sqlite3_int64 max, sqlite3_int64 otherwise, sqlite3_int64 *out);

/* A vector: a BLOB of f32, little-endian. Copied, as SQLite's bytes may be unaligned;
 * lives until the call ends. NULL or not given: *v is NULL. A value that is not finite,
 * an empty or ragged BLOB is refused, as is TEXT. */
bool ext_arg_vector(ext_call *c, int i, const char *what, const float **v, size_t *n);

/* The model named by argument i, the default one if it is not given; lives until the call
 * ends. NULL: recorded. At most two in one call. A BLOB is refused: look first. */
const enc_model *ext_arg_model(ext_call *c, int i);

/* The same with its name and fingerprint. */
ext_model *ext_arg_model_entry(ext_call *c, int i);

/* Argument i as a vector of enc_config_dims(&m->config) values: TEXT is embedded with the
 * prompt of `role` ("" for none, "query", "passage"), once per statement where it is
 * constant; a BLOB is taken as a vector, which must have as many values. Lives until the
 * call ends (in a table-valued function: until the scan does). NULL: *v is NULL. `m` must
 * come from ext_arg_model of this call. */
bool ext_arg_embedding(ext_call *c, int i, const enc_model *m, const char *role,
                       const float **v);

/* What the model puts before a text of that role ("": its default prompt): "" for
 * nothing. */
const char *ext_prompt(const enc_model *m, const char *role);

/* Results. Texts are copied. */
void ext_result_vector(sqlite3_context *ctx, const float *v, size_t n);
void ext_result_text(sqlite3_context *ctx, const void *text, size_t n);

/* The bytes of a writer become the result, as a BLOB or a text; the writer is cleared.
 * Its failure becomes SQLITE_NOMEM. */
void ext_result_wr(sqlite3_context *ctx, enc_wr *w, bool is_text);

/* "é..." of at most 60 bytes of a user's text, escaped: for sentences. Lives in `out`. */
const char *ext_quote(char out[80], const void *text, size_t n);

/* ---- functions ---- */

typedef struct ext_fn {
    const char *name;
    int n_args_min, n_args_max; /* registered once for each number between */
    int flags;                  /* EXT_FN_PURE, EXT_FN_DIRECT or others of SQLite's */
    void (*run)(ext_call *c);   /* a scalar; or an aggregate's step, if it has a ... */
    void (*final)(
        ext_call *c); /* ... final (argc 0). Both use sqlite3_aggregate_context */
} ext_fn;

int ext_fn_register(sqlite3 *db, ext_conn *conn, const ext_fn *fns, size_t n);

/* ---- tvf.c: table-valued functions, as eponymous virtual tables ----
 *
 * Arguments are hidden columns. One that is given is always used; NULL for a required one
 * gives no rows; leaving a required one out is an error that names it. */

typedef struct ext_scan ext_scan;

typedef struct ext_tvf {
    const char *name;
    const char *columns; /* "position INTEGER, token TEXT" */
    int n_columns;
    const char *args[EXT_ARGS_MAX]; /* names of the hidden columns; NULL ends them */
    int n_required;
    bool is_direct; /* DIRECTONLY; else INNOCUOUS */
    /* Starts a scan: reads s->call and either puts rows (ext_put_...) or sets s->n_rows
     * and s->state, for `column`. False: failed, and recorded in s->call. */
    bool (*open)(ext_scan *s);
    /* The next chunk of rows, as in open, after the last row of one was read; a chunk of
     * no rows ends the scan. NULL: there is one chunk. */
    bool (*more)(ext_scan *s);
    /* Gives the value of a column of row 0 ... n_rows - 1 of this chunk; a failure is
     * recorded in s->call. NULL: rows were put. */
    void (*column)(ext_scan *s, size_t row, int column, sqlite3_context *out);
    void (*close)(
        ext_scan *s); /* frees s->state; also after a failed open. May be NULL */
    void (*forget)(void *kept); /* frees s->kept, once; not NULL if anything is kept */
} ext_tvf;

struct ext_scan {
    ext_call call; /* arguments live as long as the scan, and so does call.arena */
    void *state;   /* the function's own; ext_alloc(&s->call, ...) needs no close */
    size_t n_rows; /* in this chunk */
    void *kept;    /* what a scan leaves for the next of its statement, or NULL */
    /* private: rows that were put */
    const ext_tvf *tvf;
    struct ext_cell *cells;
    size_t n_cells, cap_cells;
    enc_arena values; /* of the cells; cleared before each chunk */
};

/* Puts the next value of the row; n_columns of them are a row. Texts are copied. False:
 * no memory, recorded. */
bool ext_put_null(ext_scan *s);
bool ext_put_int(ext_scan *s, sqlite3_int64 v);
bool ext_put_real(ext_scan *s, double v); /* NaN is NULL */
bool ext_put_text(ext_scan *s, const void *text, size_t n);

/* n rows of a label and its score, the best first. */
bool ext_put_ranked(ext_scan *s, const enc_bytes *labels, const float *scores, size_t n);

int ext_tvf_register(sqlite3 *db, ext_conn *conn, const ext_tvf *tvf, size_t n);

/* ---- the families: each registers its functions and tables ---- */

int ext_register_model(sqlite3 *db, ext_conn *conn);     /* fn_model.c */
int ext_register_tables(sqlite3 *db, ext_conn *conn);    /* tab_model.c */
int ext_register_text(sqlite3 *db, ext_conn *conn);      /* fn_text.c */
int ext_register_fts(sqlite3 *db, ext_conn *conn);       /* fts_tokenizer.c */
int ext_register_inspect(sqlite3 *db, ext_conn *conn);   /* fn_inspect.c */
int ext_register_vec(sqlite3 *db, ext_conn *conn);       /* fn_vec.c */
int ext_register_embed(sqlite3 *db, ext_conn *conn);     /* fn_embed.c */
int ext_register_head(sqlite3 *db, ext_conn *conn);      /* fn_head.c */
int ext_register_zero_shot(sqlite3 *db, ext_conn *conn); /* fn_zero_shot.c */
int ext_register_entity(sqlite3 *db, ext_conn *conn);    /* fn_entity.c */
int ext_register_answer(sqlite3 *db, ext_conn *conn);    /* fn_answer.c */
int ext_register_train(sqlite3 *db, ext_conn *conn);     /* fn_train.c */

#endif
