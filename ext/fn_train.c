/* fn_train.c - rows -> weights as SQL: aggregates that collect, then learn.
 *
 * What is learned is a value: a head (classifier.h gives its bytes) or a whole model
 * (files.h does), which the user stores like any other BLOB. Options are a JSON object,
 * read from the first row; a key that is not known is an error.
 *
 * SQLite also calls an aggregate's final function to clean up after a statement that
 * failed; a failure of our own is remembered, so that nothing is trained then. */
#include "ext.h"
#include "options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PENDING_MAX 256 /* texts that are embedded together */
#define LOG_SECONDS 60.0

/* ---- train_classifier ---- */

typedef struct head_options {
    size_t folds;
    double l2; /* NaN: by cross-validation */
    bool balanced;
    uint64_t seed;
    const char *model; /* NULL: the default one */
} head_options;

static const ext_option head_table[] = {
    {"folds", EXT_OPTION_SIZE, offsetof(head_options, folds)},
    {"l2", EXT_OPTION_REAL, offsetof(head_options, l2)},
    {"balanced", EXT_OPTION_FLAG, offsetof(head_options, balanced)},
    {"seed", EXT_OPTION_SEED, offsetof(head_options, seed)},
    {"model", EXT_OPTION_TEXT, offsetof(head_options, model)},
};

typedef struct example {
    enc_bytes label; /* in the arena */
    size_t row;      /* of x */
} example;

typedef struct fit_state { /* SQLite's aggregate context, zeroed at first */
    bool begun, failed;
    enc_arena arena; /* options and labels */
    head_options options;
    ext_model *model;  /* that the vectors come from; NULL: not known */
    size_t dims;       /* 0: not known yet */
    float *x;          /* n x dims, the last n_pending rows not there yet */
    example *examples; /* n */
    size_t n, cap_x, cap_examples;
    size_t n_pending;
    enc_wr bytes; /* of the texts pending, end to end */
    size_t lengths[PENDING_MAX];
    ext_progress *progress;
} fit_state;

static void fit_clear(fit_state *s)
{
    enc_arena_clear(&s->arena);
    ext_model_drop(s->model);
    enc_mem_free(s->x);
    enc_mem_free(s->examples);
    enc_wr_clear(&s->bytes);
    ext_progress_end(s->progress);
}

static bool get_model(ext_call *c, const char *name, ext_model **out)
{
    return !ext_failed(
        c, ext_registry_get(name, name == NULL ? 0 : strlen(name), out, &c->err));
}

static bool fit_begin(ext_call *c, fit_state *s)
{
    enc_arena_init(&s->arena);
    enc_wr_init(&s->bytes);
    s->begun = true;
    s->options.l2 = (double)NAN; /* which JSON cannot say */
    if (!ext_options_read(c, 2, head_table, sizeof head_table / sizeof *head_table,
                          &s->options, &s->arena))
        return false;
    if (s->options.folds > ENC_FOLDS_MAX)
        return ext_fail(c, SQLITE_ERROR, "option folds must be 0..%d (got %zu)",
                        ENC_FOLDS_MAX, s->options.folds);
    if (s->options.l2 < 0.0)
        return ext_fail(c, SQLITE_ERROR, "option l2 must be at least 0 (got %g)",
                        s->options.l2);
    /* A model that is named is where vectors come from too. */
    if (s->options.model != NULL && !get_model(c, s->options.model, &s->model))
        return false;
    s->progress = ext_progress_begin("train_classifier");
    return true;
}

/* Embeds the texts that wait, into the last rows of x. */
static bool fit_flush(ext_call *c, fit_state *s)
{
    const enc_model *m;
    enc_bytes texts[PENDING_MAX];
    enc_work *w;
    size_t at = 0;
    ext_status status = {.phase = "embed",
                         .done = s->n,
                         .per_second = (double)NAN,
                         .eta_seconds = (double)NAN,
                         .loss = (double)NAN};

    if (s->n_pending == 0) return true;
    m = ext_model_enc(s->model);
    for (size_t i = 0; i < s->n_pending; at += s->lengths[i++])
        texts[i] =
            enc_bytes_part((enc_bytes){s->bytes.at, s->bytes.n}, at, at + s->lengths[i]);
    enc_embed_job job = {.texts = texts,
                         .n_texts = s->n_pending,
                         .prompt = ext_prompt(m, ""),
                         .out = s->x + (s->n - s->n_pending) * s->dims,
                         .tick = ext_stop_batch,
                         .tick_arg = c};
    if ((w = ext_work(c)) == NULL) return false;
    if (ext_failed(c, enc_embed_run(m, w, &job, &c->err))) return false;
    ext_progress_set(s->progress, &status);
    s->n_pending = 0;
    enc_wr_clear(&s->bytes);
    return true;
}

/* Makes room for one more row; its vector has `dims` values. */
static bool fit_row(ext_call *c, fit_state *s, size_t dims, enc_bytes label)
{
    void *x = s->x, *examples = s->examples;
    char *copy;
    bool ok;

    if (s->dims == 0) s->dims = dims;
    if (s->dims != dims)
        return ext_fail(c, SQLITE_ERROR, "different vector dimensions %zu and %zu",
                        s->dims, dims);
    ok = enc_mem_reserve(&x, &s->cap_x, s->n + 1, dims * sizeof(float));
    s->x = x;
    ok = ok && enc_mem_reserve(&examples, &s->cap_examples, s->n + 1, sizeof(example));
    s->examples = examples;
    if (!ok ||
        (copy = enc_arena_text(&s->arena, (const char *)label.at, label.n)) == NULL)
        return ext_nomem(c);
    s->examples[s->n] = (example){{(const uint8_t *)copy, label.n}, s->n};
    s->n++;
    return true;
}

static bool fit_add(ext_call *c, fit_state *s, enc_bytes label)
{
    const float *v;
    enc_bytes text;
    size_t n;

    if (sqlite3_value_type(c->argv[0]) == SQLITE_BLOB) {
        if (!fit_flush(c, s) || !ext_arg_vector(c, 0, "vector", &v, &n)) return false;
        if (s->model != NULL && n != enc_config_dims(&ext_model_enc(s->model)->config))
            return ext_fail(c, SQLITE_ERROR,
                            "vector has %zu values, those of '%s' have %zu", n,
                            ext_model_name(s->model),
                            enc_config_dims(&ext_model_enc(s->model)->config));
        if (!fit_row(c, s, n, label)) return false;
        memcpy(s->x + (s->n - 1) * n, v, n * sizeof *v);
        return true;
    }
    if (!ext_arg_text(c, 0, "text", &text)) return false;
    if (s->model == NULL && !get_model(c, NULL, &s->model)) return false;
    if (!fit_row(c, s, enc_config_dims(&ext_model_enc(s->model)->config), label))
        return false;
    enc_wr_bytes(&s->bytes, text.at, text.n);
    s->lengths[s->n_pending++] = text.n;
    if (s->bytes.failed) return ext_nomem(c);
    return s->n_pending < PENDING_MAX || fit_flush(c, s);
}

/* A row with a NULL text or label teaches nothing and is passed over. */
static void train_classifier(ext_call *c)
{
    fit_state *s = sqlite3_aggregate_context(c->ctx, sizeof *s);
    enc_bytes label;

    if (s == NULL) {
        ext_nomem(c);
        return;
    }
    if (s->failed) return;
    s->failed = (!s->begun && !fit_begin(c, s)) || !ext_arg_text(c, 1, "label", &label) ||
                (label.at != NULL && !ext_is_null(c, 0) && !fit_add(c, s, label));
}

static int by_label(const void *a, const void *b)
{
    const example *x = a, *y = b;
    size_t n = x->label.n < y->label.n ? x->label.n : y->label.n;
    int order = n == 0 ? 0 : memcmp(x->label.at, y->label.at, n);

    if (order != 0) return order;
    if (x->label.n != y->label.n) return x->label.n < y->label.n ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Numbers the labels in the order of their bytes, whatever order the rows came in. */
static size_t number_labels(fit_state *s, uint32_t *label, enc_bytes *labels)
{
    size_t n = 0;

    qsort(s->examples, s->n, sizeof *s->examples, by_label);
    for (size_t i = 0; i < s->n; i++) {
        const example *x = &s->examples[i];
        if (n == 0 || labels[n - 1].n != x->label.n ||
            memcmp(labels[n - 1].at, x->label.at, x->label.n) != 0)
            labels[n++] = x->label;
        label[x->row] = (uint32_t)(n - 1);
    }
    return n;
}

static bool put_fingerprint(ext_call *c, ext_model *m, uint8_t out[16])
{
    char hex[33], pair[3] = "";

    if (m == NULL) return true;
    if (ext_failed(c, ext_model_fingerprint(m, hex, &c->err))) return false;
    for (size_t i = 0; i < 16; i++) {
        memcpy(pair, hex + 2 * i, 2);
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return true;
}

static void fit_run(ext_call *c, fit_state *s)
{
    enc_fit fit = {.folds = (uint32_t)s->options.folds,
                   .l2 = isnan(s->options.l2) ? -1.0 : s->options.l2,
                   .balanced = s->options.balanced,
                   .seed = s->options.seed,
                   .tick = ext_stop,
                   .tick_arg = c};
    uint32_t *label;
    enc_bytes *labels;
    enc_wr head;

    if (s->n == 0) {
        ext_fail(c, SQLITE_ERROR, "no examples: no row had both a text and a label");
        return;
    }
    if (!fit_flush(c, s)) return;
    if (ext_stop(c)) {
        ext_fail(c, SQLITE_INTERRUPT, "interrupted");
        return;
    }
    label = ext_alloc(c, s->n, sizeof *label);
    labels = ext_alloc(c, s->n, sizeof *labels);
    if (label == NULL || labels == NULL) return;
    if (!put_fingerprint(c, s->model, fit.fingerprint)) return;
    fit.n_labels = number_labels(s, label, labels);
    fit.x = s->x, fit.n = s->n, fit.dims = s->dims;
    fit.label = label, fit.labels = labels;
    enc_wr_init(&head);
    if (ext_failed(c, enc_classifier_fit(&fit, &head, &c->err))) enc_wr_clear(&head);
    else ext_result_wr(c->ctx, &head, false);
}

static void train_classifier_final(ext_call *c)
{
    fit_state *s = sqlite3_aggregate_context(c->ctx, 0);

    if (s == NULL) {
        ext_fail(c, SQLITE_ERROR, "no examples: there was no row");
        return;
    }
    if (!s->failed) fit_run(c, s);
    fit_clear(s);
}

/* ---- head_info ---- */

static void write_confusion(enc_wr *w, const enc_classifier *k)
{
    enc_rd r = enc_rd_of(k->confusion, (size_t)k->n_labels * k->n_labels * 4);

    for (uint32_t i = 0; i < k->n_labels; i++) {
        enc_wr_text(w, i > 0 ? ",[" : "[");
        for (uint32_t j = 0; j < k->n_labels; j++)
            enc_wr_format(w, "%s%u", j > 0 ? "," : "", (unsigned)enc_rd_u32(&r));
        enc_wr_text(w, "]");
    }
}

static void write_info(enc_wr *w, const enc_classifier *k)
{
    static const uint8_t unknown[16];

    enc_wr_text(w, "{\"task\":\"classification\",\"labels\":[");
    for (uint32_t i = 0; i < k->n_labels; i++) {
        enc_bytes label = enc_classifier_label(k, i);
        if (i > 0) enc_wr_text(w, ",");
        enc_wr_json_text(w, (const char *)label.at, label.n);
    }
    enc_wr_format(w, "],\"dims\":%u,\"model\":", (unsigned)k->dims);
    if (memcmp(k->fingerprint, unknown, sizeof unknown) == 0) {
        enc_wr_text(w, "null");
    } else {
        enc_wr_text(w, "\"");
        for (int i = 0; i < 16; i++) enc_wr_format(w, "%02x", k->fingerprint[i]);
        enc_wr_text(w, "\"");
    }
    enc_wr_format(w, ",\"examples\":%u,\"l2\":", (unsigned)k->n_examples);
    enc_wr_real(w, k->l2, 17);
    enc_wr_format(w, ",\"folds\":%u,\"accuracy\":", (unsigned)k->n_folds);
    if (k->accuracy < 0) {
        enc_wr_text(w, "null,\"confusion\":null}");
        return;
    }
    enc_wr_real(w, k->accuracy, 17);
    enc_wr_text(w, ",\"confusion\":[");
    write_confusion(w, k);
    enc_wr_text(w, "]}");
}

static void head_info(ext_call *c)
{
    enc_classifier k;
    enc_bytes blob;
    enc_wr w;

    if (ext_is_null(c, 0)) return;
    if (sqlite3_value_type(c->argv[0]) != SQLITE_BLOB) {
        ext_fail(c, SQLITE_MISMATCH,
                 "a head from train_classifier expected, which is a BLOB");
        return;
    }
    blob.at = sqlite3_value_blob(c->argv[0]);
    blob.n = (size_t)sqlite3_value_bytes(c->argv[0]);
    if (ext_failed(c, enc_classifier_read(&k, blob, &c->err))) return;
    enc_wr_init(&w);
    write_info(&w, &k);
    ext_result_wr(c->ctx, &w, true);
}

/* ---- pretrain and fine_tune_pairs ---- */

typedef struct train_options {
    enc_train_options train;
    const char *precision; /* of the blob: "f32" or "int8" */
    const char *model;     /* to start from, NULL: the default one */
} train_options;

#define TRAIN(name, kind)                                                                \
    {                                                                                    \
#name, EXT_OPTION_##kind, offsetof(train_options, train.name)                    \
    }
static const ext_option train_table[] = {
    TRAIN(n_vocab, SIZE),
    TRAIN(hidden, SIZE),
    TRAIN(n_layers, SIZE),
    TRAIN(n_heads, SIZE),
    TRAIN(inner, SIZE),
    TRAIN(n_positions, SIZE),
    TRAIN(steps, SIZE),
    TRAIN(epochs, REAL),
    TRAIN(batch_tokens, SIZE),
    TRAIN(batch_pairs, SIZE),
    TRAIN(max_tokens, SIZE),
    TRAIN(pair_tokens, SIZE),
    TRAIN(mask_rate, REAL),
    TRAIN(weight_mlm, REAL),
    TRAIN(weight_nsp, REAL),
    TRAIN(weight_contrast, REAL),
    TRAIN(weight_score, REAL),
    TRAIN(temperature, REAL),
    TRAIN(contrast_from, REAL),
    TRAIN(learning_rate, REAL),
    TRAIN(weight_decay, REAL),
    TRAIN(beta1, REAL),
    TRAIN(beta2, REAL),
    TRAIN(clip_norm, REAL),
    TRAIN(warmup, REAL),
    TRAIN(bf16, FLAG),
    TRAIN(seed, SEED),
    TRAIN(vocab_bytes, SIZE),
    TRAIN(hold_out, FLAG),
    TRAIN(checkpoint, TEXT),
    TRAIN(checkpoint_seconds, REAL),
    {"precision", EXT_OPTION_TEXT, offsetof(train_options, precision)},
    {"model", EXT_OPTION_TEXT,
     offsetof(train_options, model)}, /* last: pretrain has none */
};
#undef TRAIN

typedef struct train_state { /* SQLite's aggregate context, zeroed at first */
    bool begun, failed;
    enc_arena arena; /* options */
    train_options options;
    ext_model *model; /* started from; the trainer borrows its tokenizer */
    enc_trainer *trainer;
    ext_call *call; /* the step or final under way, for the tick */
    ext_progress *progress;
    double logged; /* seconds of training when the last line was written */
} train_state;

static void train_clear(train_state *s)
{
    enc_trainer_free(s->trainer);
    ext_model_drop(s->model);
    enc_arena_clear(&s->arena);
    ext_progress_end(s->progress);
}

/* Tells encoder_progress, once a minute the log, and asks whether to stop. */
static bool train_tick(void *arg, const enc_train_report *r)
{
    train_state *s = arg;
    ext_status status = {.phase = r->phase,
                         .done = r->done,
                         .total = r->total,
                         .per_second = r->tokens_per_second,
                         .eta_seconds = r->eta_seconds,
                         .loss = r->loss_mlm + r->loss_nsp + r->loss_contrast +
                                 r->loss_score};

    ext_progress_set(s->progress, &status);
    if (r->seconds - s->logged >= LOG_SECONDS) {
        s->logged = r->seconds;
        sqlite3_log(
            SQLITE_NOTICE,
            "%s: %s %llu of %llu, loss mlm %.4f (%.1f%% right) nsp %.4f (%.1f%%) "
            "contrast %.4f (%.1f%%) score %.4f, learning rate %.3g, %.0f tokens/s, "
            "%.0f s so far, %.0f s to go",
            s->call->name, r->phase, (sqlite3_uint64)r->done, (sqlite3_uint64)r->total,
            r->loss_mlm, 100 * r->right_mlm, r->loss_nsp, 100 * r->right_nsp,
            r->loss_contrast, 100 * r->right_contrast, r->loss_score, r->learning_rate,
            r->tokens_per_second, r->seconds, r->eta_seconds);
    }
    return ext_stop(s->call);
}

/* A checkpoint is a path of the caller's choice: not for a process whose files are
 * fenced. */
static bool may_write_files(ext_call *c)
{
    ext_settings s;
    ext_settings_get(&s);
    if (!s.is_locked && s.models[0] == '\0') return true;
    return ext_fail(c, SQLITE_AUTH,
                    "option checkpoint writes a file, which the settings of this process "
                    "(models, lock) forbid");
}

static bool train_begin(ext_call *c, train_state *s, int options_at, bool from_nothing)
{
    size_t n = sizeof train_table / sizeof *train_table;
    const char *precision;

    enc_arena_init(&s->arena);
    s->begun = true;
    enc_train_defaults(&s->options.train, from_nothing);
    s->options.precision = "f32";
    if (!ext_options_read(c, options_at, train_table, from_nothing ? n - 1 : n,
                          &s->options, &s->arena))
        return false;
    precision = s->options.precision;
    if (strcmp(precision, "f32") != 0 && strcmp(precision, "int8") != 0)
        return ext_fail(c, SQLITE_ERROR,
                        "option precision must be f32 or int8 (got '%.20s')", precision);
    if (s->options.train.checkpoint != NULL && !may_write_files(c)) return false;
    if (!from_nothing && !get_model(c, s->options.model, &s->model)) return false;
    s->progress = ext_progress_begin(c->name);
    return !ext_failed(c, enc_trainer_new(&s->trainer,
                                          from_nothing ? NULL : ext_model_enc(s->model),
                                          &s->options.train, train_tick, s, &c->err));
}

/* The state of this aggregate, begun; NULL: failed, now or before. */
static train_state *train_of(ext_call *c, int options_at, bool from_nothing)
{
    train_state *s = sqlite3_aggregate_context(c->ctx, sizeof *s);

    if (s == NULL) {
        ext_nomem(c);
        return NULL;
    }
    s->call = c;
    if (!s->begun && !train_begin(c, s, options_at, from_nothing)) s->failed = true;
    return s->failed ? NULL : s;
}

static void pretrain(ext_call *c)
{
    train_state *s = train_of(c, 1, true);
    enc_bytes text;

    if (s == NULL) return;
    s->failed = !ext_arg_text(c, 0, "text", &text) ||
                (text.at != NULL &&
                 ext_failed(c, enc_trainer_add_document(s->trainer, text, &c->err)));
}

/* NULL is NAN: the two texts belong together, and nothing else is known. */
static bool arg_score(ext_call *c, int i, float *score)
{
    int type;
    double v;

    *score = NAN;
    if (ext_is_null(c, i)) return true;
    type = sqlite3_value_numeric_type(c->argv[i]);
    if (type != SQLITE_INTEGER && type != SQLITE_FLOAT)
        return ext_fail(c, SQLITE_MISMATCH,
                        "score must be a number from 0 to 1, or NULL");
    v = sqlite3_value_double(c->argv[i]);
    if (!(v >= 0 && v <= 1))
        return ext_fail(c, SQLITE_ERROR,
                        "score must be 0..1 (got %g; divide by the largest there is)", v);
    *score = (float)v;
    return true;
}

/* A row whose b is NULL is a document; one whose a is NULL is passed over. */
static bool add_pair(ext_call *c, train_state *s)
{
    enc_bytes a, b;
    float score;

    if (!ext_arg_text(c, 0, "a", &a) || !ext_arg_text(c, 1, "b", &b)) return false;
    if (!arg_score(c, 2, &score)) return false;
    if (a.at == NULL) return true;
    if (b.at == NULL)
        return !ext_failed(c, enc_trainer_add_document(s->trainer, a, &c->err));
    return !ext_failed(c, enc_trainer_add_pair(s->trainer, a, b, score, &c->err));
}

static void fine_tune_pairs(ext_call *c)
{
    train_state *s = train_of(c, 3, false);

    if (s != NULL) s->failed = !add_pair(c, s);
}

/* A blob in f32 -> the same model in int8. */
static enc_rc shrink(enc_wr *blob, enc_err *e)
{
    enc_files *files;
    enc_model *m = NULL;
    enc_wr small;
    enc_rc rc;

    enc_wr_init(&small);
    if ((rc = enc_files_open_blob(&files, (enc_bytes){blob->at, blob->n}, false, e)))
        return rc;
    if (!(rc = enc_model_open(&m, files, NULL, e)))
        rc = enc_save_blob(&m->config, &m->weights, m->tok, true, "", &small, e);
    enc_model_close(m); /* it borrows the blob's bytes */
    if (rc) {
        enc_wr_clear(&small);
        return rc;
    }
    enc_wr_clear(blob);
    *blob = small;
    return ENC_OK;
}

static void train_run(ext_call *c, train_state *s)
{
    enc_wr blob;

    s->call = c;
    enc_wr_init(&blob);
    if (ext_failed(c, enc_trainer_run(s->trainer, &c->err)) ||
        ext_failed(c, enc_trainer_save(s->trainer, &blob, &c->err)) ||
        (strcmp(s->options.precision, "int8") == 0 &&
         ext_failed(c, shrink(&blob, &c->err))))
        enc_wr_clear(&blob);
    else ext_result_wr(c->ctx, &blob, false);
}

static void train_final(ext_call *c)
{
    train_state *s = sqlite3_aggregate_context(c->ctx, 0);

    if (s == NULL) {
        ext_fail(c, SQLITE_ERROR, "nothing to learn from: there was no row");
        return;
    }
    if (!s->failed) train_run(c, s);
    train_clear(s);
}

int ext_register_train(sqlite3 *db, ext_conn *conn)
{
    /* Training may write a checkpoint to a path it is given, so it is direct only. */
    static const ext_fn fns[] = {
        {"train_classifier", 2, 3, EXT_FN_PURE, train_classifier, train_classifier_final},
        {"head_info", 1, 1, EXT_FN_PURE, head_info, NULL},
        {"pretrain", 1, 2, EXT_FN_DIRECT, pretrain, train_final},
        {"fine_tune_pairs", 3, 4, EXT_FN_DIRECT, fine_tune_pairs, train_final},
    };
    return ext_fn_register(db, conn, fns, sizeof fns / sizeof *fns);
}
