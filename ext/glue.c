/* glue.c - the border: SQLite's values, codes and errors on one side, the engine's on the
 * other. The only file that knows both languages. */
#include "ext.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define QUOTED_MAX 60 /* bytes of a user's text in a sentence */

/* ---- calls ---- */

void ext_call_begin(ext_call *c, ext_conn *conn, const char *name)
{
    c->conn = conn;
    c->name = name;
    c->ctx = NULL;
    c->argc = 0;
    c->argv = NULL;
    enc_arena_init(&c->arena);
    enc_err_clear(&c->err);
    c->code = SQLITE_OK;
    c->held[0] = c->held[1] = NULL;
    c->poll = NULL;
}

void ext_call_report(const ext_call *c, sqlite3_context *ctx)
{
    char sentence[sizeof c->err.text + 64];

    if (c->code == SQLITE_OK) return;
    if (c->code == SQLITE_NOMEM) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    snprintf(sentence, sizeof sentence, "%s: %s", c->name, c->err.text);
    if (c->err.text[0] != '\0') sqlite3_result_error(ctx, sentence, -1);
    sqlite3_result_error_code(ctx, c->code); /* keeps the sentence */
}

void ext_call_end(ext_call *c)
{
    if (c->ctx != NULL) ext_call_report(c, c->ctx);
    sqlite3_finalize(c->poll);
    ext_model_drop(c->held[0]);
    ext_model_drop(c->held[1]);
    enc_arena_clear(&c->arena);
}

bool(ext_fail)(ext_call *c, int code, const char *format, ...)
{
    va_list args;

    if (c->code != SQLITE_OK) return false;
    c->code = code;
    c->err.rc = ENC_MISUSE;
    va_start(args, format);
    vsnprintf(c->err.text, sizeof c->err.text, format, args);
    va_end(args);
    return false;
}

bool(ext_nomem)(ext_call *c)
{
    if (c->code == SQLITE_OK) c->code = SQLITE_NOMEM;
    return false;
}

int ext_code(enc_rc rc)
{
    switch (rc) {
    case ENC_OK: return SQLITE_OK;
    case ENC_NOMEM: return SQLITE_NOMEM;
    case ENC_IO: return SQLITE_CANTOPEN;
    case ENC_TOOBIG: return SQLITE_TOOBIG;
    case ENC_INTERRUPT: return SQLITE_INTERRUPT;
    /* Not SQLITE_CORRUPT: what is accused is a model, not the user's database. */
    case ENC_CORRUPT:
    case ENC_UNSUPPORTED:
    case ENC_RANGE:
    case ENC_MISUSE: break;
    }
    return SQLITE_ERROR;
}

bool ext_failed(ext_call *c, enc_rc rc)
{
    if (rc == ENC_OK) return false;
    if (c->code == SQLITE_OK) c->code = ext_code(rc);
    return true;
}

void *ext_alloc(ext_call *c, size_t n, size_t size)
{
    size_t bytes;
    void *p = enc_mem_mul(n, size, &bytes) ? enc_arena_alloc(&c->arena, bytes) : NULL;
    if (p == NULL) ext_nomem(c);
    return p;
}

double ext_now_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec * 1e3 + (double)at.tv_nsec * 1e-6;
}

/* Before 3.41 SQLite does not say whether a statement was interrupted, so a small
 * statement is run: it stops where any would. It is some hundred instructions long
 * because those are what sqlite3_progress_handler counts, and without them a handler
 * would hardly be asked. */
bool ext_stop(void *call)
{
    static const char sql[] = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 "
                              "FROM n LIMIT 50) SELECT max(i) FROM n";
    ext_call *c = call;

    int rc = c->poll != NULL
                 ? SQLITE_OK
                 : sqlite3_prepare_v2(ext_conn_db(c->conn), sql, -1, &c->poll, NULL);
    /* An interrupt is the answer already; after an authorizer's refusal, say, the work
     * just goes on. */
    if (rc != SQLITE_OK) return rc == SQLITE_INTERRUPT;
    rc = sqlite3_step(c->poll);
    sqlite3_reset(c->poll);
    return rc == SQLITE_INTERRUPT;
}

bool ext_stop_batch(void *call, size_t done)
{
    (void)done;
    return ext_stop(call);
}

/* ---- arguments ---- */

bool ext_given(const ext_call *c, int i)
{
    return i < c->argc && c->argv[i] != NULL;
}

bool ext_is_null(const ext_call *c, int i)
{
    return !ext_given(c, i) || sqlite3_value_type(c->argv[i]) == SQLITE_NULL;
}

static bool text_up_to(ext_call *c, int i, const char *what, size_t max, enc_bytes *out)
{
    bool is_text = strcmp(what, "text") == 0;

    *out = (enc_bytes){NULL, 0};
    if (ext_is_null(c, i)) return true;
    if (sqlite3_value_type(c->argv[i]) == SQLITE_BLOB)
        return ext_fail(c, SQLITE_MISMATCH, "%s%stext expected, got BLOB",
                        is_text ? "" : what, is_text ? "" : ": ");
    const unsigned char *text = sqlite3_value_text(c->argv[i]); /* before the length */
    if (text == NULL) return ext_nomem(c);
    size_t n = (size_t)sqlite3_value_bytes(c->argv[i]);
    if (n > max)
        return ext_fail(c, SQLITE_TOOBIG, "%s too long (got %zu bytes, limit %zu)", what,
                        n, max);
    *out = (enc_bytes){text, n};
    return true;
}

bool ext_arg_text(ext_call *c, int i, const char *what, enc_bytes *out)
{
    return text_up_to(c, i, what, ext_text_max(), out);
}

bool ext_arg_word(ext_call *c, int i, const char *what, enc_bytes *out)
{
    return text_up_to(c, i, what, ENC_JSON_MAX, out);
}

/* Digits, perhaps with a sign and spaces around. sqlite3_value_numeric_type would say it
 * too, but newer versions of it look for the connection of a value, and the arguments of
 * a table-valued function, which sqlite3_value_dup has made, have none. */
static bool is_whole_text(sqlite3_value *v)
{
    static const char spaces[] = " \t\n\v\f\r";
    const char *text = (const char *)sqlite3_value_text(v), *s = text;

    if (s == NULL) return false;
    s += strspn(s, spaces);
    s += *s == '-' || *s == '+';
    size_t n_digits = strspn(s, "0123456789");
    s += n_digits;
    s += strspn(s, spaces);
    return n_digits > 0 && s == text + sqlite3_value_bytes(v);
}

bool ext_arg_int(ext_call *c, int i, const char *what, sqlite3_int64 min,
                 sqlite3_int64 max, sqlite3_int64 otherwise, sqlite3_int64 *out)
{
    char quoted[80];

    *out = otherwise;
    if (ext_is_null(c, i)) return true;
    int type = sqlite3_value_type(c->argv[i]);
    double real = sqlite3_value_double(c->argv[i]);
    if (type != SQLITE_INTEGER && !(type == SQLITE_FLOAT && floor(real) == real) &&
        !(type == SQLITE_TEXT && is_whole_text(c->argv[i]))) {
        const void *text = sqlite3_value_text(c->argv[i]);
        size_t n = (size_t)sqlite3_value_bytes(c->argv[i]);
        if (text == NULL) return ext_nomem(c);
        return ext_fail(c, SQLITE_MISMATCH, "%s must be a whole number (got %s)", what,
                        type == SQLITE_BLOB ? "BLOB" : ext_quote(quoted, text, n));
    }
    *out = sqlite3_value_int64(c->argv[i]);
    if (fabs(real) >= 0x1p63) /* of which int64 would tell the limit only */
        return ext_fail(c, SQLITE_ERROR, "%s must be %lld..%lld (got %g)", what, min, max,
                        real);
    if (*out < min || *out > max)
        return ext_fail(c, SQLITE_ERROR, "%s must be %lld..%lld (got %lld)", what, min,
                        max, *out);
    return true;
}

bool ext_arg_vector(ext_call *c, int i, const char *what, const float **v, size_t *n)
{
    *v = NULL;
    *n = 0;
    if (ext_is_null(c, i)) return true;
    if (sqlite3_value_type(c->argv[i]) != SQLITE_BLOB)
        return ext_fail(c, SQLITE_MISMATCH,
                        "%s must be a BLOB of float32 (vector(json) makes one)", what);
    const void *blob = sqlite3_value_blob(c->argv[i]);
    size_t size = (size_t)sqlite3_value_bytes(c->argv[i]);
    if (blob == NULL && size > 0) return ext_nomem(c);
    if (size == 0 || size % sizeof(float) != 0)
        return ext_fail(c, SQLITE_ERROR, "%s has %zu bytes, expected float32 values",
                        what, size);
    if (size / sizeof(float) > ENC_DIMS_MAX)
        return ext_fail(c, SQLITE_ERROR, "%s has too many values (got %zu, limit %d)",
                        what, size / sizeof(float), ENC_DIMS_MAX);
    float *copy = ext_alloc(c, size, 1);
    if (copy == NULL) return false;
    enc_rd r = enc_rd_of(blob, size);
    enc_rd_f32s(&r, copy, size / sizeof(float));
    for (size_t j = 0; j < size / sizeof(float); j++)
        if (!isfinite(copy[j]))
            return ext_fail(c, SQLITE_ERROR, "value %zu of %s is not finite", j, what);
    *v = copy;
    *n = size / sizeof(float);
    return true;
}

static bool model_name(ext_call *c, int i, const char **name, size_t *n)
{
    *name = NULL;
    *n = 0;
    if (!ext_given(c, i)) return true;
    int type = sqlite3_value_type(c->argv[i]);
    if (type == SQLITE_NULL) return ext_fail(c, SQLITE_ERROR, "model name is NULL");
    if (type == SQLITE_BLOB)
        return ext_fail(c, SQLITE_MISMATCH,
                        "model name expected, got BLOB (encoder_load gives it a name)");
    if ((*name = (const char *)sqlite3_value_text(c->argv[i])) == NULL)
        return ext_nomem(c);
    *n = (size_t)sqlite3_value_bytes(c->argv[i]);
    if (*n == 0) return ext_fail(c, SQLITE_ERROR, "model name is empty");
    if (*n > EXT_NAME_MAX)
        return ext_fail(c, SQLITE_ERROR, "model name too long (got %zu bytes, limit %d)",
                        *n, EXT_NAME_MAX);
    return true;
}

ext_model *ext_arg_model_entry(ext_call *c, int i)
{
    const char *name;
    size_t n;
    ext_model **place = c->held[0] == NULL ? &c->held[0] : &c->held[1];

    if (!model_name(c, i, &name, &n)) return NULL;
    ext_model_drop(*place);
    if (ext_failed(c, ext_registry_get(name, n, place, &c->err))) return NULL;
    return *place;
}

const enc_model *ext_arg_model(ext_call *c, int i)
{
    ext_model *m = ext_arg_model_entry(c, i);
    return m == NULL ? NULL : ext_model_enc(m);
}

const char *ext_prompt(const enc_model *m, const char *role)
{
    if (role[0] == '\0') role = m->config.default_prompt;
    return role == NULL ? "" : enc_model_prompt(m, role);
}

/* ---- embedding an argument, once per statement where it is constant ---- */

typedef struct kept { /* what SQLite keeps for us with a constant argument */
    ext_model *model;
    const char *role;
    float *v;
} kept;

static void kept_free(void *p)
{
    kept *k = p;
    ext_model_drop(k->model);
    enc_mem_free(k->v);
    enc_mem_free(k);
}

static kept *kept_new(ext_model *model, const char *role, size_t dims)
{
    kept *k = enc_mem_zero(sizeof *k);
    if (k == NULL) return NULL;
    if ((k->v = enc_mem_array(dims, sizeof(float))) == NULL) {
        enc_mem_free(k);
        return NULL;
    }
    ext_model_keep(model);
    k->model = model;
    k->role = role;
    return k;
}

/* One text is one batch, and a batch is milliseconds: no tick. */
static bool embed(ext_call *c, const enc_model *m, enc_bytes text, const char *role,
                  float *out)
{
    enc_work *w = ext_work(c);
    enc_embed_job job = {&text, 1, ext_prompt(m, role), out, NULL, NULL};
    return w != NULL && !ext_failed(c, enc_embed_run(m, w, &job, &c->err));
}

static bool embed_kept(ext_call *c, int i, ext_model *model, const char *role,
                       const float **v)
{
    const enc_model *m = ext_model_enc(model);
    kept *k = sqlite3_get_auxdata(c->ctx, i);
    enc_bytes text;

    if (k != NULL && k->model == model && strcmp(k->role, role) == 0) {
        *v = k->v;
        return true;
    }
    size_t dims = enc_config_dims(&m->config);
    float *copy = ext_alloc(c, dims, sizeof *copy);
    if (copy == NULL || !ext_arg_text(c, i, "text", &text)) return false;
    if (!embed(c, m, text, role, copy)) return false;
    if ((k = kept_new(model, role, dims)) == NULL) return ext_nomem(c);
    memcpy(k->v, copy, dims * sizeof *copy);
    sqlite3_set_auxdata(c->ctx, i, k, kept_free); /* which may free it at once */
    *v = copy;
    return true;
}

bool ext_arg_embedding(ext_call *c, int i, const enc_model *m, const char *role,
                       const float **v)
{
    size_t n, dims = enc_config_dims(&m->config);
    enc_bytes text;

    *v = NULL;
    if (ext_is_null(c, i)) return true;
    if (sqlite3_value_type(c->argv[i]) == SQLITE_BLOB) {
        if (!ext_arg_vector(c, i, "vector", v, &n)) return false;
        if (n == dims) return true;
        *v = NULL;
        return ext_fail(c, SQLITE_ERROR, "vector has %zu values, the model's have %zu", n,
                        dims);
    }
    if (c->ctx != NULL) {
        bool is_first = c->held[0] != NULL && ext_model_enc(c->held[0]) == m;
        return embed_kept(c, i, is_first ? c->held[0] : c->held[1], role, v);
    }
    float *out = ext_alloc(c, dims, sizeof *out);
    if (out == NULL || !ext_arg_text(c, i, "text", &text)) return false;
    if (!embed(c, m, text, role, out)) return false;
    *v = out;
    return true;
}

/* ---- results ---- */

void ext_result_vector(sqlite3_context *ctx, const float *v, size_t n)
{
    enc_wr w;

    enc_wr_init(&w);
    for (size_t i = 0; i < n; i++) enc_wr_f32(&w, v[i]);
    ext_result_wr(ctx, &w, false);
    sqlite3_result_subtype(ctx, EXT_SUBTYPE);
}

void ext_result_text(sqlite3_context *ctx, const void *text, size_t n)
{
    sqlite3_result_text64(ctx, n > 0 ? text : "", n, SQLITE_TRANSIENT, SQLITE_UTF8);
}

void ext_result_wr(sqlite3_context *ctx, enc_wr *w, bool is_text)
{
    if (w->failed) {
        sqlite3_result_error_nomem(ctx);
        enc_wr_clear(w);
    } else if (w->n == 0) {
        if (is_text) sqlite3_result_text(ctx, "", 0, SQLITE_STATIC);
        else sqlite3_result_zeroblob(ctx, 0);
        enc_wr_clear(w);
    } else if (is_text) {
        sqlite3_result_text64(ctx, (char *)w->at, w->n, enc_mem_free, SQLITE_UTF8);
    } else {
        sqlite3_result_blob64(ctx, w->at, w->n, enc_mem_free);
    }
    enc_wr_init(w);
}

const char *ext_quote(char out[80], const void *text, size_t n)
{
    const uint8_t *at = text;
    size_t done = 0, used = 0;

    out[used++] = '\'';
    while (done < n) {
        uint32_t c;
        size_t took = enc_utf8_decode(at + done, n - done, &c);
        if (done + took > QUOTED_MAX) break;
        bool is_plain = c >= 0x20 && c != 0x7f && (c != 0xfffd || at[done] == 0xef);
        if (is_plain) memcpy(out + used, at + done, took);
        else out[used] = '?';
        used += is_plain ? took : 1;
        done += took;
    }
    if (done < n) used += (size_t)snprintf(out + used, 4, "...");
    out[used++] = '\'';
    out[used] = '\0';
    return out;
}

/* ---- functions ---- */

typedef struct slot { /* client data of one function */
    ext_conn *conn;
    const ext_fn *fn;
} slot;

static void slot_free(void *p)
{
    slot *s = p;
    ext_conn_drop(s->conn);
    enc_mem_free(s);
}

/* Some versions of SQLite (3.40.1 is one) let a CHECK constraint call what is direct
 * only. Such a call comes from a statement in whose text the function's name does not
 * stand. */
static bool is_asked_for(sqlite3 *db, const char *name)
{
    char pattern[64];
    sqlite3_stmt *stmt = NULL;

    snprintf(pattern, sizeof pattern, "%%%s%%", name);
    while ((stmt = sqlite3_next_stmt(db, stmt)) != NULL) {
        const char *sql = sqlite3_stmt_busy(stmt) ? sqlite3_sql(stmt) : NULL;
        if (sql != NULL && sqlite3_strlike(pattern, sql, 0) == 0) return true;
    }
    return false;
}

static void run(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    const slot *s = sqlite3_user_data(ctx);
    ext_call c;

    ext_call_begin(&c, s->conn, s->fn->name);
    c.ctx = ctx;
    c.argc = argc;
    c.argv = argv;
    if ((s->fn->flags & SQLITE_DIRECTONLY) != 0 &&
        !is_asked_for(ext_conn_db(s->conn), s->fn->name))
        ext_fail(&c, SQLITE_ERROR, "unsafe use: a schema may not call this");
    else s->fn->run(&c);
    ext_call_end(&c);
}

static void final(sqlite3_context *ctx)
{
    const slot *s = sqlite3_user_data(ctx);
    ext_call c;

    ext_call_begin(&c, s->conn, s->fn->name);
    c.ctx = ctx;
    s->fn->final(&c);
    ext_call_end(&c);
}

int ext_fn_register(sqlite3 *db, ext_conn *conn, const ext_fn *fns, size_t n)
{
    int rc = SQLITE_OK;

    for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
        const ext_fn *f = &fns[i];
        bool is_step = f->final != NULL;
        for (int args = f->n_args_min; args <= f->n_args_max && rc == SQLITE_OK; args++) {
            slot *s = enc_mem_zero(sizeof *s);
            if (s == NULL) return SQLITE_NOMEM;
            ext_conn_keep(conn);
            *s = (slot){conn, f};
            rc = sqlite3_create_function_v2(db, f->name, args, f->flags, s,
                                            is_step ? NULL : run, is_step ? run : NULL,
                                            is_step ? final : NULL, slot_free);
        }
    }
    return rc;
}
