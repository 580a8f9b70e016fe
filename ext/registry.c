/* registry.c - what is one for the whole process: its models, settings and long works.
 *
 * The table below is the extension's only state outside a connection. One lock guards it
 * and is held for a few lines at a time: never while SQLite is called, a model is opened
 * or closed, or weights are read. What must happen meanwhile happens on a reference.
 *
 * The built-in model is always known and is opened when first asked for. Two threads may
 * then both open it; the second to finish throws its own away. */
#include "ext.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/lock.h"

static const char builtin_name[] = "builtin";

struct ext_model {
    atomic_size_t n_references;
    enc_model *enc;
    char name[EXT_NAME_MAX + 1];
    char *source;
    char fingerprint[33]; /* "" until computed; guarded by the registry's lock */
};

struct ext_progress {
    bool is_used;
    ext_status status;
};

static struct {
    ext_model *builtin; /* NULL until opened */
    ext_model *models[EXT_MODELS_MAX];
    size_t n_models;
    char default_name[EXT_NAME_MAX + 1]; /* "": the built-in one */
    ext_settings settings;
    ext_progress works[EXT_PROGRESS_MAX];
} registry = {
    .settings = {.max_text_bytes = ENC_TEXT_MAX,
                 .max_model_bytes = ENC_WEIGHTS_MAX,
                 .max_models = EXT_MODELS_DEFAULT,
                 .max_code_bytes = (size_t)EXT_CODE_BYTES},
};

static void lock(void)
{
    enc_lock_take(ENC_LOCK_MODELS);
}

static void unlock(void)
{
    enc_lock_give(ENC_LOCK_MODELS);
}

const enc_model *ext_model_enc(const ext_model *m)
{
    return m->enc;
}

const char *ext_model_name(const ext_model *m)
{
    return m->name;
}

const char *ext_model_source(const ext_model *m)
{
    return m->source;
}

void ext_model_keep(ext_model *m)
{
    atomic_fetch_add(&m->n_references, 1);
}

void ext_model_drop(ext_model *m)
{
    if (m == NULL || atomic_fetch_sub(&m->n_references, 1) > 1) return;
    enc_model_close(m->enc);
    enc_mem_free(m->source);
    enc_mem_free(m);
}

enc_rc ext_model_fingerprint(ext_model *m, char out[33], enc_err *e)
{
    lock();
    memcpy(out, m->fingerprint, sizeof m->fingerprint);
    unlock();
    if (out[0] != '\0') return ENC_OK;
    enc_rc rc = enc_model_fingerprint(m->enc, out, e);
    if (rc) return rc;
    lock();
    memcpy(m->fingerprint, out, sizeof m->fingerprint);
    unlock();
    return ENC_OK;
}

/* A model with one reference. Takes `enc`, also on failure. */
static enc_rc model_new(ext_model **out, const char *name, const char *source,
                        enc_model *enc, enc_err *e)
{
    ext_model *m = enc_mem_zero(sizeof *m);
    size_t n = strlen(source) + 1;

    *out = NULL;
    if (m == NULL) {
        enc_model_close(enc);
        return enc_nomem(e);
    }
    atomic_init(&m->n_references, 1);
    m->enc = enc;
    memcpy(m->name, name, strlen(name) + 1);
    if ((m->source = enc_mem_alloc(n)) == NULL) {
        ext_model_drop(m);
        return enc_nomem(e);
    }
    memcpy(m->source, source, n);
    *out = m;
    return ENC_OK;
}

static enc_rc open_builtin(ext_model **out, enc_err *e)
{
    enc_bytes blob = enc_builtin();
    enc_files *files;
    enc_model *enc;
    enc_rc rc;

    *out = NULL;
    if (blob.n == 0)
        return enc_fail(e, ENC_MISUSE,
                        "this build has no built-in model (load one with encoder_load)");
    if ((rc = enc_files_open_blob(&files, blob, false, e))) return rc;
    if ((rc = enc_model_open(&enc, files, NULL, e))) return rc;
    return model_new(out, builtin_name, builtin_name, enc, e);
}

static enc_rc get_builtin(ext_model **out, enc_err *e)
{
    ext_model *mine, *extra = NULL;
    enc_rc rc;

    lock();
    if ((*out = registry.builtin) != NULL) ext_model_keep(*out);
    unlock();
    if (*out != NULL) return ENC_OK;
    if ((rc = open_builtin(&mine, e))) return rc;
    lock();
    if (registry.builtin == NULL) registry.builtin = mine;
    else extra = mine;
    *out = registry.builtin;
    ext_model_keep(*out);
    unlock();
    ext_model_drop(extra);
    return ENC_OK;
}

static bool is_name(const char *known, const char *name, size_t n)
{
    return strlen(known) == n && memcmp(known, name, n) == 0;
}

/* Where the name stands in the table, or n_models. The caller holds the lock. */
static size_t place_of(const char *name, size_t n)
{
    size_t i = 0;
    while (i < registry.n_models && !is_name(registry.models[i]->name, name, n)) i++;
    return i;
}

static enc_rc unknown(const char *name, size_t n, enc_err *e)
{
    char quoted[80];
    return enc_fail(e, ENC_MISUSE, "no model named %s (load one with encoder_load)",
                    ext_quote(quoted, name, n));
}

enc_rc ext_registry_get(const char *name, size_t n, ext_model **out, enc_err *e)
{
    bool is_builtin;

    *out = NULL;
    lock();
    if (name == NULL) {
        name = registry.default_name[0] ? registry.default_name : builtin_name;
        n = strlen(name);
    }
    is_builtin = is_name(builtin_name, name, n);
    size_t i = place_of(name, n);
    if (i < registry.n_models) ext_model_keep(*out = registry.models[i]);
    unlock();
    if (*out != NULL) return ENC_OK;
    return is_builtin ? get_builtin(out, e) : unknown(name, n, e);
}

static enc_rc check_name(const char *name, size_t n, enc_err *e)
{
    if (n == 0) return enc_fail(e, ENC_RANGE, "model name is empty");
    if (n > EXT_NAME_MAX)
        return enc_fail(e, ENC_RANGE, "model name too long (got %zu bytes, limit %d)", n,
                        EXT_NAME_MAX);
    if (is_name(builtin_name, name, n))
        return enc_fail(e, ENC_MISUSE, "the name 'builtin' is the built-in model's");
    return ENC_OK;
}

enc_rc ext_registry_put(const char *name, const char *source, enc_model *enc, enc_err *e)
{
    enc_rc rc = check_name(name, strlen(name), e);
    ext_model *m, *old = NULL;

    if (rc) {
        enc_model_close(enc);
        return rc;
    }
    if ((rc = model_new(&m, name, source, enc, e))) return rc;
    lock();
    size_t i = place_of(name, strlen(name)), max = registry.settings.max_models,
           n = registry.n_models;
    if (i < registry.n_models) {
        old = registry.models[i];
        registry.models[i] = m;
    } else if (registry.n_models < max) {
        registry.models[registry.n_models++] = m;
    } else {
        old = m;
        rc = ENC_RANGE;
    }
    unlock();
    ext_model_drop(old);
    if (rc == ENC_RANGE)
        enc_fail(e, rc,
                 "%zu models are loaded, the limit max_models is %zu (unload one first)",
                 n, max);
    return rc;
}

enc_rc ext_registry_del(const char *name, size_t n, enc_err *e)
{
    ext_model *gone = NULL;
    bool is_known = true;

    lock();
    size_t i = place_of(name, n);
    if (i < registry.n_models) {
        gone = registry.models[i];
        registry.n_models--;
        memmove(&registry.models[i], &registry.models[i + 1],
                (registry.n_models - i) * sizeof registry.models[0]);
        if (is_name(registry.default_name, name, n)) registry.default_name[0] = '\0';
    } else if (is_name(builtin_name, name, n)) { /* opened again when next asked for */
        gone = registry.builtin;
        registry.builtin = NULL;
    } else {
        is_known = false;
    }
    unlock();
    ext_model_drop(gone);
    return is_known ? ENC_OK : unknown(name, n, e);
}

enc_rc ext_registry_set_default(const char *name, size_t n, enc_err *e)
{
    bool is_known = true;

    lock();
    if (is_name(builtin_name, name, n)) {
        registry.default_name[0] = '\0';
    } else if (place_of(name, n) < registry.n_models) {
        memcpy(registry.default_name, name, n);
        registry.default_name[n] = '\0';
    } else {
        is_known = false;
    }
    unlock();
    return is_known ? ENC_OK : unknown(name, n, e);
}

void ext_registry_default(char out[EXT_NAME_MAX + 1])
{
    lock();
    const char *name = registry.default_name[0] ? registry.default_name : builtin_name;
    memcpy(out, name, strlen(name) + 1);
    unlock();
}

static void list_one(ext_known *out, const char *name, bool is_open)
{
    const char *chosen = registry.default_name[0] ? registry.default_name : builtin_name;
    memcpy(out->name, name, strlen(name) + 1);
    out->is_open = is_open;
    out->is_default = strcmp(name, chosen) == 0;
}

size_t ext_registry_list(ext_known out[EXT_MODELS_MAX + 1])
{
    lock();
    list_one(&out[0], builtin_name, registry.builtin != NULL);
    for (size_t i = 0; i < registry.n_models; i++)
        list_one(&out[i + 1], registry.models[i]->name, true);
    size_t n = registry.n_models + 1;
    unlock();
    return n;
}

void ext_settings_get(ext_settings *out)
{
    lock();
    *out = registry.settings;
    unlock();
}

static void take_size(size_t *to, size_t was, size_t is)
{
    if (is != was) *to = is;
}

enc_rc ext_settings_set(const ext_settings *was, const ext_settings *is, enc_err *e)
{
    ext_settings *to = &registry.settings;

    lock();
    bool was_locked = to->is_locked;
    if (!was_locked) {
        take_size(&to->max_text_bytes, was->max_text_bytes, is->max_text_bytes);
        take_size(&to->max_model_bytes, was->max_model_bytes, is->max_model_bytes);
        take_size(&to->max_models, was->max_models, is->max_models);
        take_size(&to->max_code_bytes, was->max_code_bytes, is->max_code_bytes);
        if (strcmp(is->models, was->models) != 0)
            memcpy(to->models, is->models, sizeof to->models);
        to->is_locked = is->is_locked;
    }
    unlock();
    return was_locked ? enc_fail(e, ENC_MISUSE, "the settings of this process are locked")
                      : ENC_OK;
}

size_t ext_text_max(void)
{
    lock();
    size_t n = registry.settings.max_text_bytes;
    unlock();
    return n;
}

ext_progress *ext_progress_begin(const char *operation)
{
    ext_progress *p = NULL;
    const double unknown_value = (double)NAN;

    lock();
    for (size_t i = 0; i < EXT_PROGRESS_MAX && p == NULL; i++)
        if (!registry.works[i].is_used) p = &registry.works[i];
    if (p != NULL) {
        p->is_used = true;
        p->status = (ext_status){operation,     "",           0, 0, unknown_value,
                                 unknown_value, unknown_value};
    }
    unlock();
    return p;
}

void ext_progress_set(ext_progress *p, const ext_status *s)
{
    if (p == NULL) return;
    lock();
    const char *operation = p->status.operation;
    p->status = *s;
    p->status.operation = operation;
    unlock();
}

void ext_progress_end(ext_progress *p)
{
    if (p == NULL) return;
    lock();
    p->is_used = false;
    unlock();
}

size_t ext_progress_list(ext_status out[EXT_PROGRESS_MAX])
{
    size_t n = 0;

    lock();
    for (size_t i = 0; i < EXT_PROGRESS_MAX; i++)
        if (registry.works[i].is_used) out[n++] = registry.works[i].status;
    unlock();
    return n;
}
