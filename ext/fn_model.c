/* fn_model.c - the models of the process as SQL: loading, naming, saving, settings, and
 * what can be asked about them. */
#include "load.h"
#include "options.h"
#include "learn/gemm.h"

#include <stdio.h>
#include <string.h>

static void encoder_version(ext_call *c)
{
    const char *blas = enc_gemm_about(); /* NULL until a training needed it */
    char text[256];
    size_t n_threads = enc_threads_count();

    snprintf(text, sizeof text, "%s (%s%s%s, %zu thread%s)", EXT_VERSION,
             blas == NULL ? "" : blas, blas == NULL ? "" : ", ", enc_kern_pick()->name,
             n_threads, n_threads == 1 ? "" : "s");
    ext_result_text(c->ctx, text, strlen(text));
}

/* ---- encoder_load ---- */

static bool read_pooling(ext_call *c, enc_json_value *v, unsigned *out)
{
    static const struct {
        const char *name;
        unsigned bit;
    } known[] = {{"cls", ENC_POOL_CLS},
                 {"max", ENC_POOL_MAX},
                 {"mean", ENC_POOL_MEAN},
                 {"mean_sqrt", ENC_POOL_MEAN_SQRT},
                 {"weighted_mean", ENC_POOL_WEIGHTED_MEAN},
                 {"last", ENC_POOL_LAST}};
    size_t n;
    char quoted[80];
    const char *text = enc_json_text(v, &n);

    for (size_t i = 0; i < sizeof known / sizeof known[0] && text != NULL; i++)
        if (strcmp(known[i].name, text) == 0) {
            *out = known[i].bit;
            return true;
        }
    return ext_fail(c, SQLITE_ERROR,
                    "option pooling must be 'cls', 'max', 'mean', 'mean_sqrt', "
                    "'weighted_mean' or 'last' (got %s)",
                    ext_option_quote(quoted, v));
}

#define COUNT_MAX (1 << 20) /* of tokens or values */

static bool read_count(ext_call *c, enc_json_value *v, const char *key, int max,
                       size_t *out)
{
    char quoted[80];

    if (!enc_json_is_int(v))
        return ext_fail(c, SQLITE_MISMATCH,
                        "option %s must be a whole number of 1..%d (got %s)", key, max,
                        ext_option_quote(quoted, v));
    if (enc_json_int(v) < 1 || enc_json_int(v) > max)
        return ext_fail(c, SQLITE_ERROR, "option %s must be 1..%d (got %lld)", key, max,
                        (long long)enc_json_int(v));
    *out = (size_t)enc_json_int(v);
    return true;
}

static bool read_precision(ext_call *c, enc_json_value *v, int *out)
{
    const char *text;
    char quoted[80];
    size_t n;

    if ((text = enc_json_text(v, &n)) == NULL)
        return ext_fail(c, SQLITE_MISMATCH, "option precision must be a text (got %s)",
                        ext_option_quote(quoted, v));
    if ((*out = enc_precision_find(text)) != 0) return true;
    return ext_fail(c, SQLITE_ERROR, "unknown precision %s (f32, bf16, int8)",
                    ext_quote(quoted, text, n));
}

static bool read_flag(ext_call *c, enc_json_value *v, const char *key, bool *out)
{
    char quoted[80];
    bool is_number = enc_json_is_int(v) && (enc_json_int(v) == 0 || enc_json_int(v) == 1);

    if (!enc_json_is_bool(v) && !is_number)
        return ext_fail(c, SQLITE_MISMATCH, "option %s must be true or false (got %s)",
                        key, ext_option_quote(quoted, v));
    *out = enc_json_true(v) || (is_number && enc_json_int(v) == 1);
    return true;
}

typedef struct load_options {
    enc_model_options model;
    size_t n_threads; /* 0: as they are */
    bool is_mapped;
} load_options;

static bool read_option(ext_call *c, const char *key, enc_json_value *v, load_options *o)
{
    char quoted[80];
    bool normalize;

    if (strcmp(key, "pooling") == 0) return read_pooling(c, v, &o->model.pooling);
    if (strcmp(key, "max_tokens") == 0)
        return read_count(c, v, key, COUNT_MAX, &o->model.max_tokens);
    if (strcmp(key, "dims") == 0) return read_count(c, v, key, COUNT_MAX, &o->model.dims);
    if (strcmp(key, "threads") == 0)
        return read_count(c, v, key, ENC_THREADS_MAX, &o->n_threads);
    if (strcmp(key, "precision") == 0) return read_precision(c, v, &o->model.precision);
    if (strcmp(key, "map") == 0) return read_flag(c, v, key, &o->is_mapped);
    if (strcmp(key, "normalize") == 0) {
        if (!read_flag(c, v, key, &normalize)) return false;
        o->model.normalize = normalize ? 1 : -1;
        return true;
    }
    return ext_fail(c, SQLITE_ERROR,
                    "unknown option %s (precision, pooling, normalize, max_tokens, "
                    "dims, threads, map)",
                    ext_quote(quoted, key, strlen(key)));
}

static bool read_options(ext_call *c, int i, load_options *o)
{
    enc_bytes text;
    enc_json *json;
    enc_json_value *v;
    const char *key;
    bool is_fine = true;

    *o = (load_options){.is_mapped = true};
    if (ext_is_null(c, i)) return true;
    if (!ext_arg_word(c, i, "options", &text)) return false;
    if (ext_failed(c, enc_json_open(&json, text, "options", &c->err))) return false;
    if (!enc_json_is_object(enc_json_root(json)))
        is_fine = ext_fail(c, SQLITE_MISMATCH, "options must be a JSON object");
    for (size_t j = 0; is_fine; j++) {
        if ((v = enc_json_member(enc_json_root(json), j, &key)) == NULL) break;
        if (!enc_json_is_null(v)) is_fine = read_option(c, key, v, o);
    }
    enc_json_close(json);
    return is_fine;
}

/* The name asked for, or the one that suggests itself. */
static bool read_name(ext_call *c, int i, ext_found *f)
{
    enc_bytes text;

    if (ext_is_null(c, i)) {
        if (f->name[0] != '\0') return true;
        return ext_fail(c, SQLITE_ERROR, "a model given as %s needs a name",
                        strcmp(f->source, "blob") == 0 ? "a BLOB" : "this path");
    }
    if (!ext_arg_word(c, i, "model name", &text)) return false;
    if (text.n == 0) return ext_fail(c, SQLITE_ERROR, "model name is empty");
    if (text.n > EXT_NAME_MAX)
        return ext_fail(c, SQLITE_ERROR, "model name too long (got %zu bytes, limit %d)",
                        text.n, EXT_NAME_MAX);
    if (memchr(text.at, 0, text.n) != NULL)
        return ext_fail(c, SQLITE_ERROR, "model name contains a NUL");
    memcpy(f->name, text.at, text.n);
    f->name[text.n] = '\0';
    return true;
}

static void encoder_load(ext_call *c)
{
    ext_found *f;
    load_options o;
    enc_model *m = NULL;
    enc_rc rc;

    if (ext_is_null(c, 0)) {
        ext_fail(c, SQLITE_ERROR, "a path, a hub name or a BLOB expected, got NULL");
        return;
    }
    if ((f = ext_alloc(c, 1, sizeof *f)) == NULL) return;
    if (!read_options(c, 2, &o)) return;
    if (o.n_threads > 0) { /* of the process, and so a setting that may be locked */
        ext_settings s;
        ext_settings_get(&s);
        if (ext_failed(c, ext_settings_set(&s, &s, &c->err))) return;
    }
    if (!ext_find_files(c, 0, !o.is_mapped, f)) return;
    if (!read_name(c, 1, f)) {
        enc_files_close(f->files);
        return;
    }
    rc = enc_model_open(&m, f->files, &o.model, &c->err);
    if (rc == ENC_OK) rc = ext_registry_put(f->name, f->source, m, &c->err);
    if (ext_failed(c, rc)) return;
    if (o.n_threads > 0) enc_threads_set(o.n_threads);
    ext_result_text(c->ctx, f->name, strlen(f->name));
}

/* ---- encoder_unload, encoder_default, encoder_save ---- */

static void encoder_unload(ext_call *c)
{
    enc_bytes name;

    if (ext_is_null(c, 0) || !ext_arg_word(c, 0, "model name", &name)) return;
    if (ext_failed(c, ext_registry_del((const char *)name.at, name.n, &c->err))) return;
    sqlite3_result_value(c->ctx, c->argv[0]);
}

static void encoder_default(ext_call *c)
{
    char name[EXT_NAME_MAX + 1];
    enc_bytes text = {(const uint8_t *)"builtin", 7};

    if (ext_given(c, 0)) {
        if (!ext_is_null(c, 0) && !ext_arg_word(c, 0, "model name", &text)) return;
        if (ext_failed(c,
                       ext_registry_set_default((const char *)text.at, text.n, &c->err)))
            return;
    }
    ext_registry_default(name);
    ext_result_text(c->ctx, name, strlen(name));
}

/* A model given as bytes is opened only to be written. */
static void save_blob(ext_call *c, const char *path)
{
    ext_found *f = ext_alloc(c, 1, sizeof *f);
    enc_model *m;

    if (f == NULL || !ext_find_files(c, 0, false, f)) return;
    if (ext_failed(c, enc_model_open(&m, f->files, NULL, &c->err))) return;
    ext_failed(c, enc_save_directory(m, path, &c->err));
    enc_model_close(m);
}

static void encoder_save(ext_call *c)
{
    const enc_model *m;
    char path[PATH_MAX];

    if (ext_is_null(c, 0) || ext_is_null(c, 1)) {
        ext_fail(c, SQLITE_ERROR, "%s expected, got NULL",
                 ext_is_null(c, 0) ? "a model" : "a directory");
        return;
    }
    if (!ext_find_place(c, 1, path)) return;
    if (sqlite3_value_type(c->argv[0]) == SQLITE_BLOB) save_blob(c, path);
    else if ((m = ext_arg_model(c, 0)) != NULL)
        ext_failed(c, enc_save_directory(m, path, &c->err));
    if (c->code == SQLITE_OK) ext_result_text(c->ctx, path, strlen(path));
}

/* ---- encoder_config ---- */

typedef enum setting {
    THREADS,
    MAX_TEXT_BYTES,
    MAX_MODEL_BYTES,
    MAX_MODELS,
    MAX_CODE_BYTES,
    MODELS,
    LOCK,
    N_SETTINGS
} setting;

static const char *const setting_names[N_SETTINGS] = {
    "threads",    "max_text_bytes", "max_model_bytes",
    "max_models", "max_code_bytes", "models",
    "lock"};

/* What a limit may be, and what NULL makes it. */
static const struct limit {
    sqlite3_int64 min, max, otherwise;
} limits[N_SETTINGS] = {
    [MAX_TEXT_BYTES] = {1, (sqlite3_int64)ENC_TEXT_MAX, (sqlite3_int64)ENC_TEXT_MAX},
    [MAX_MODEL_BYTES] = {0, (sqlite3_int64)ENC_WEIGHTS_MAX,
                         (sqlite3_int64)ENC_WEIGHTS_MAX},
    [MAX_MODELS] = {0, EXT_MODELS_MAX, EXT_MODELS_DEFAULT},
    [MAX_CODE_BYTES] = {0, EXT_CODE_BYTES_MAX, EXT_CODE_BYTES},
};

/* Where a limit is kept; NULL: the setting is another kind of thing. */
static size_t *limit_of(ext_settings *s, setting key)
{
    switch (key) {
    case MAX_TEXT_BYTES: return &s->max_text_bytes;
    case MAX_MODEL_BYTES: return &s->max_model_bytes;
    case MAX_MODELS: return &s->max_models;
    case MAX_CODE_BYTES: return &s->max_code_bytes;
    case THREADS:
    case MODELS:
    case LOCK:
    case N_SETTINGS: break;
    }
    return NULL;
}

static bool read_setting(ext_call *c, setting *out)
{
    enc_bytes key;
    char quoted[80];

    if (!ext_arg_word(c, 0, "key", &key)) return false;
    for (*out = 0; *out < N_SETTINGS; (*out)++)
        if (strlen(setting_names[*out]) == key.n && key.n > 0 &&
            memcmp(setting_names[*out], key.at, key.n) == 0)
            return true;
    return ext_fail(
        c, SQLITE_ERROR,
        "unknown key %s (threads, max_text_bytes, max_model_bytes, max_models, "
        "max_code_bytes, models, lock)",
        ext_quote(quoted, key.at, key.n));
}

static bool change_models(ext_call *c, ext_settings *s)
{
    enc_bytes text;

    if (!ext_arg_word(c, 1, "models", &text)) return false;
    s->models[0] = '\0'; /* NULL and '' lift the confinement */
    return text.n == 0 || ext_find_directory(c, text, s->models, sizeof s->models);
}

static void change_setting(ext_call *c, setting key)
{
    const struct limit *l = &limits[key];
    ext_settings was, s;
    sqlite3_int64 v = 0;
    bool is_fine = true;

    ext_settings_get(&was);
    s = was;
    size_t *limit = limit_of(&s, key);
    if (limit != NULL) {
        is_fine = ext_arg_int(c, 1, setting_names[key], l->min, l->max, l->otherwise, &v);
        *limit = (size_t)v;
    } else if (key == THREADS) {
        /* 0, NULL: the default */
        is_fine = ext_arg_int(c, 1, "threads", 0, ENC_THREADS_MAX, 0, &v);
    } else if (key == MODELS) {
        is_fine = change_models(c, &s);
    } else if (key == LOCK) {
        is_fine = ext_arg_int(c, 1, "lock", 0, 1, 1, &v);
        if (is_fine && v == 0)
            is_fine = ext_fail(c, SQLITE_ERROR, "a lock cannot be undone");
        if (is_fine && s.is_locked) return; /* every connection may say it */
        s.is_locked = true;
    }
    if (!is_fine || ext_failed(c, ext_settings_set(&was, &s, &c->err))) return;
    if (key == THREADS) enc_threads_set((size_t)v);
    if (key == MAX_CODE_BYTES) enc_cache_limit((size_t)v);
}

static size_t setting_number(ext_settings *s, setting key)
{
    const size_t *limit = limit_of(s, key);

    if (limit != NULL) return *limit;
    return key == THREADS ? enc_threads_count() : s->is_locked;
}

static void setting_text(enc_wr *w, setting key)
{
    ext_settings s;

    ext_settings_get(&s);
    if (key == MODELS) enc_wr_json_text(w, s.models, strlen(s.models));
    else enc_wr_format(w, "%zu", setting_number(&s, key));
}

static void setting_result(ext_call *c, setting key)
{
    ext_settings s;

    ext_settings_get(&s);
    if (key == MODELS) ext_result_text(c->ctx, s.models, strlen(s.models));
    else sqlite3_result_int64(c->ctx, (sqlite3_int64)setting_number(&s, key));
}

static void encoder_config(ext_call *c)
{
    setting key;
    enc_wr w;

    if (c->argc == 0) {
        enc_wr_init(&w);
        for (key = 0; key < N_SETTINGS; key++) {
            enc_wr_format(&w, "%s\"%s\":", key == 0 ? "{" : ",", setting_names[key]);
            setting_text(&w, key);
        }
        enc_wr_text(&w, "}");
        ext_result_wr(c->ctx, &w, true);
        return;
    }
    if (!read_setting(c, &key)) return;
    if (c->argc == 2 || key == LOCK) change_setting(c, key);
    if (c->code == SQLITE_OK) setting_result(c, key);
}

int ext_register_model(sqlite3 *db, ext_conn *conn)
{
    static const ext_fn fns[] = {
        {"encoder_version", 0, 0, SQLITE_UTF8 | SQLITE_INNOCUOUS, encoder_version, NULL},
        {"encoder_load", 1, 3, EXT_FN_DIRECT, encoder_load, NULL},
        {"encoder_unload", 1, 1, EXT_FN_DIRECT, encoder_unload, NULL},
        {"encoder_default", 0, 1, EXT_FN_DIRECT, encoder_default, NULL},
        {"encoder_save", 2, 2, EXT_FN_DIRECT, encoder_save, NULL},
        {"encoder_config", 0, 2, EXT_FN_DIRECT, encoder_config, NULL},
    };
    return ext_fn_register(db, conn, fns, sizeof fns / sizeof fns[0]);
}
