/* tab_model.c - what is known of the models, as tables: encoder_models, encoder_progress
 * and model_summary. */
#include "ext.h"

#include "model/arch.h"

#include <stdio.h>
#include <string.h>

/* ---- encoder_models: a row a model; the built-in one is opened only if asked about ----
 */

enum {
    M_NAME,
    M_SOURCE,
    M_FINGERPRINT,
    M_ARCHITECTURE,
    M_LAYERS,
    M_HIDDEN,
    M_HEADS,
    M_VOCABULARY,
    M_MAX_TOKENS,
    M_POOLING,
    M_NORMALIZED,
    M_PROMPTS,
    M_TASKS,
    M_LABELS,
    M_PARAMETERS,
    M_BYTES,
    M_PRECISION,
    M_LOADED,
    M_IS_DEFAULT,
    M_COLUMNS
};

typedef struct models {
    ext_known known[EXT_MODELS_MAX + 1];
    ext_model *open[EXT_MODELS_MAX + 1]; /* references; NULL until a column needs one */
} models;

static bool models_open(ext_scan *s)
{
    models *all = ext_alloc(&s->call, 1, sizeof *all);

    if (all == NULL) return false;
    s->state = all;
    s->n_rows = ext_registry_list(all->known);
    if (enc_builtin().n == 0)
        memmove(&all->known[0], &all->known[1], --s->n_rows * sizeof all->known[0]);
    return true;
}

static void models_close(ext_scan *s)
{
    models *all = s->state;

    for (size_t i = 0; all != NULL && i <= EXT_MODELS_MAX; i++)
        ext_model_drop(all->open[i]);
}

static void pooling_text(enc_wr *w, unsigned bits)
{
    static const char *const names[] = {"cls",       "max",           "mean",
                                        "mean_sqrt", "weighted_mean", "last"};

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((bits & 1u << i) == 0) continue;
        if (w->n > 0) enc_wr_text(w, "+");
        enc_wr_text(w, names[i]);
    }
}

static void prompts_text(enc_wr *w, const enc_config *c)
{
    for (size_t i = 0; i < c->n_prompts; i++) {
        const enc_prompt *p = &c->prompts[i];
        enc_wr_text(w, i == 0 ? "{" : ",");
        enc_wr_json_text(w, p->name, strlen(p->name));
        enc_wr_text(w, ":");
        enc_wr_json_text(w, p->text, strlen(p->text));
    }
    enc_wr_text(w, c->n_prompts > 0 ? "}" : "{}");
}

static void tasks_text(enc_wr *w, const enc_model *m)
{
    const enc_weights *p = &m->weights;
    bool has_classifier = p->classifier.w.data != NULL;

    enc_wr_text(w, "[\"embed\"");
    if (p->pooler.w.data != NULL) enc_wr_text(w, ",\"pooled\"");
    if (p->mlm_transform.w.data != NULL) enc_wr_text(w, ",\"fill_mask\"");
    if (p->next_sentence.w.data != NULL) enc_wr_text(w, ",\"next_sentence\"");
    if (has_classifier)
        enc_wr_text(w, m->config.n_labels == 1 ? ",\"rerank\"" : ",\"classify\"");
    if (p->token_classifier.w.data != NULL)
        enc_wr_text(w, ",\"token_classes\",\"entities\"");
    if (p->answer.w.data != NULL) enc_wr_text(w, ",\"answer\"");
    enc_wr_text(w, "]");
}

static void labels_text(enc_wr *w, const enc_config *c)
{
    for (size_t i = 0; i < c->n_labels; i++) {
        enc_wr_text(w, i == 0 ? "[" : ",");
        enc_wr_json_text(w, c->labels[i], strlen(c->labels[i]));
    }
    enc_wr_text(w, c->n_labels > 0 ? "]" : "[]");
}

static void model_text(const enc_model *m, int column, sqlite3_context *out)
{
    enc_wr w;

    enc_wr_init(&w);
    switch (column) {
    case M_ARCHITECTURE: enc_wr_text(&w, m->config.arch->name); break;
    case M_POOLING: pooling_text(&w, m->config.pooling); break;
    case M_PROMPTS: prompts_text(&w, &m->config); break;
    case M_TASKS: tasks_text(&w, m); break;
    case M_LABELS: labels_text(&w, &m->config); break;
    case M_PRECISION: enc_wr_text(&w, enc_precision_name(m->precision)); break;
    default: break;
    }
    ext_result_wr(out, &w, true);
}

static size_t count_parameters(const enc_model *m)
{
    size_t n = enc_weights_count(&m->config, &m->weights);

    for (size_t i = 0; i < m->config.n_modules; i++)
        n += enc_module_count(&m->config.modules[i]);
    return n;
}

static void model_number(const enc_model *m, int column, sqlite3_context *out)
{
    const enc_config *c = &m->config;
    size_t v = 0;

    switch (column) {
    case M_LAYERS: v = c->n_layers; break;
    case M_HIDDEN: v = c->hidden; break;
    case M_HEADS: v = c->n_heads; break;
    case M_VOCABULARY: v = c->n_vocab; break;
    case M_MAX_TOKENS: v = c->max_tokens; break;
    case M_NORMALIZED: v = c->normalize; break;
    case M_PARAMETERS: v = count_parameters(m); break;
    case M_BYTES: v = m->n_bytes; break;
    default: break;
    }
    sqlite3_result_int64(out, (sqlite3_int64)v);
}

static void models_column(ext_scan *s, size_t row, int column, sqlite3_context *out)
{
    models *all = s->state;
    const ext_known *known = &all->known[row];
    ext_model **m = &all->open[row];
    char fingerprint[33];

    if (column == M_NAME) {
        ext_result_text(out, known->name, strlen(known->name));
        return;
    }
    if (column == M_LOADED || column == M_IS_DEFAULT) {
        sqlite3_result_int(out, column == M_LOADED ? known->is_open : known->is_default);
        return;
    }
    /* One that was unloaded since the scan began has nothing more to say: NULL. */
    if (*m == NULL) {
        enc_err e;
        enc_err_clear(&e);
        enc_rc rc = ext_registry_get(known->name, strlen(known->name), m, &e);
        if (rc == ENC_MISUSE) return;
        s->call.err = rc ? e : s->call.err;
        if (ext_failed(&s->call, rc)) return;
    }
    switch (column) {
    case M_SOURCE:
        ext_result_text(out, ext_model_source(*m), strlen(ext_model_source(*m)));
        break;
    case M_FINGERPRINT:
        if (ext_failed(&s->call, ext_model_fingerprint(*m, fingerprint, &s->call.err)))
            return;
        ext_result_text(out, fingerprint, strlen(fingerprint));
        break;
    case M_ARCHITECTURE:
    case M_POOLING:
    case M_PROMPTS:
    case M_TASKS:
    case M_LABELS:
    case M_PRECISION: model_text(ext_model_enc(*m), column, out); break;
    default: model_number(ext_model_enc(*m), column, out);
    }
}

/* ---- encoder_progress ---- */

static bool progress_open(ext_scan *s)
{
    ext_status all[EXT_PROGRESS_MAX];
    size_t n = ext_progress_list(all);

    for (size_t i = 0; i < n; i++) {
        const ext_status *p = &all[i];
        bool is_put =
            ext_put_text(s, p->operation, strlen(p->operation)) &&
            ext_put_text(s, p->phase, strlen(p->phase)) &&
            ext_put_int(s, (sqlite3_int64)p->done) &&
            (p->total > 0 ? ext_put_int(s, (sqlite3_int64)p->total) : ext_put_null(s)) &&
            ext_put_real(s, p->per_second) && ext_put_real(s, p->eta_seconds) &&
            ext_put_real(s, p->loss);
        if (!is_put) return false;
    }
    return true;
}

/* ---- model_summary: torchinfo's table ---- */

typedef struct summary {
    ext_scan *scan;
    const enc_model *model;
    enc_weights w;      /* a copy: the list of slots wants places it could write to */
    const char *before; /* the name of the last tensor */
} summary;

/* What PyTorch calls a module of BERT around others, the first that fits its end; other
 * architectures have too many classes to tell. */
static const char *kind_around(const summary *x, const char *name, size_t n)
{
    static const struct {
        const char *end, *kind;
    } kinds[] = {
        {"embeddings", "BertEmbeddings"},
        {"encoder", "BertEncoder"},
        {"attention.output", "BertSelfOutput"},
        {"attention.self", "BertSelfAttention"},
        {"attention", "BertAttention"},
        {"intermediate", "BertIntermediate"},
        {".output", "BertOutput"},
        {"pooler", "BertPooler"},
        {"cls", "BertPreTrainingHeads"},
        {"predictions", "BertLMPredictionHead"},
        {"transform", "BertPredictionHeadTransform"},
    };
    const enc_arch *arch = x->model->config.arch;
    const bool is_bert = arch == &enc_arch_bert;

    if (name[n - 1] >= '0' && name[n - 1] <= '9') return is_bert ? "BertLayer" : "Layer";
    if (arch->layer != NULL && strncmp(arch->layer, name, n) == 0 &&
        strcmp(arch->layer + n, ".") == 0)
        return "ModuleList";
    for (size_t i = 0; is_bert && i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t m = strlen(kinds[i].end);
        if (n >= m && memcmp(name + n - m, kinds[i].end, m) == 0) return kinds[i].kind;
    }
    return "Module";
}

static const char *kind_of(const summary *x, const enc_slot *s)
{
    const enc_mat *tables[] = {&x->w.word, &x->w.position, &x->w.segment, &x->w.buckets};

    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (s->mat == tables[i]) return "Embedding";
    if (s->is_tied) return "Linear (tied)";
    if (!s->is_vector) return "Linear";
    return strstr(s->name, ".bias") != NULL ? "Parameter" : "LayerNorm";
}

static size_t depth_of(const char *name, size_t n)
{
    size_t depth = 1;
    for (size_t i = 0; i < n; i++) depth += name[i] == '.';
    return depth;
}

/* "encoder.layer.0.output.dense.weight" -> the length of what is before ".weight"; a name
 * without a dot is a module of its own. */
static size_t module_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL ? (size_t)(dot - name) : strlen(name);
}

static size_t slot_bytes(const enc_slot *slot)
{
    if (slot->is_tied) return 0;
    if (slot->is_vector) return slot->rows * sizeof(float);
    size_t scales = slot->mat->dtype == ENC_I8 ? slot->rows * sizeof(float) : 0;
    return slot->rows * slot->cols * enc_dtype_size(slot->mat->dtype) + scales;
}

static bool put_start(ext_scan *s, const char *name, size_t n, const char *kind)
{
    return ext_put_int(s, (sqlite3_int64)depth_of(name, n)) && ext_put_text(s, name, n) &&
           ext_put_text(s, kind, strlen(kind));
}

/* Heads over a text's state give one row, the rest one a token. */
static bool put_end(ext_scan *s, bool is_one, size_t width, size_t parameters,
                    size_t bytes)
{
    char text[64];
    int n = snprintf(text, sizeof text, is_one ? "[%zu]" : "[tokens, %zu]", width);

    return ext_put_text(s, text, (size_t)n) &&
           ext_put_int(s, (sqlite3_int64)parameters) &&
           ext_put_int(s, (sqlite3_int64)bytes);
}

static bool put_container(ext_scan *s, const char *name, size_t n, const char *kind)
{
    return put_start(s, name, n, kind) && ext_put_null(s) && ext_put_null(s) &&
           ext_put_null(s);
}

/* The modules around this one that the one before was not in. */
static bool put_containers(summary *x, const char *name, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (name[i] != '.') continue;
        if (strncmp(x->before, name, i + 1) == 0) continue;
        if (!put_container(x->scan, name, i, kind_around(x, name, i))) return false;
    }
    return true;
}

/* One row for the slots [from, to): those of one module. */
static bool put_module(summary *x, const enc_slot *slots, size_t from, size_t to)
{
    const enc_slot *first = &slots[from];
    const char *kind = kind_of(x, first);
    size_t n = module_length(first->name), parameters = 0, bytes = 0;
    const bool is_one = first->part == ENC_PART_POOLER ||
                        first->part == ENC_PART_CLASSIFIER || first->part == ENC_PART_NSP;

    if (strcmp(kind, "Parameter") == 0) n = strlen(first->name); /* of no layer */
    for (size_t i = from; i < to; i++) {
        parameters += slots[i].is_tied ? 0 : slots[i].rows * slots[i].cols;
        bytes += slot_bytes(&slots[i]);
    }
    return put_start(x->scan, first->name, n, kind) &&
           put_end(x->scan, is_one,
                   strcmp(kind, "Embedding") == 0 ? first->cols : first->rows, parameters,
                   bytes);
}

/* What follows pooling: "2_Dense", and the layer in it. */
static bool put_after(ext_scan *s, const enc_module *m)
{
    const bool is_dense = m->kind == ENC_MODULE_DENSE;
    const size_t n = enc_module_count(m);
    char name[160];

    if (m->kind == ENC_MODULE_NORMALIZE) return true;
    snprintf(name, sizeof name, "%.140s.%s", m->path, is_dense ? "linear" : "norm");
    return put_container(s, m->path, strlen(m->path), is_dense ? "Dense" : "LayerNorm") &&
           put_start(s, name, strlen(name), is_dense ? "Linear" : "LayerNorm") &&
           put_end(s, true, m->rows, n, n * sizeof(float));
}

static bool is_bound(const enc_slot *slot)
{
    return slot->is_vector ? *slot->vec != NULL : slot->mat->data != NULL;
}

static bool summary_open(ext_scan *s)
{
    const enc_model *m = ext_arg_model(&s->call, 0);

    if (m == NULL) return false;
    summary x = {s, m, m->weights, ""};
    size_t n = enc_weights_slots(&m->config, &x.w, NULL, 0), n_bound = 0;
    enc_slot *slots = ext_alloc(&s->call, n, sizeof *slots);
    if (slots == NULL) return false;
    enc_weights_slots(&m->config, &x.w, slots, n);
    for (size_t i = 0; i < n; i++)
        if (is_bound(&slots[i])) slots[n_bound++] = slots[i];
    for (size_t i = 0, to; i < n_bound; i = to) {
        size_t length = module_length(slots[i].name);
        for (to = i + 1; to < n_bound; to++)
            if (module_length(slots[to].name) != length ||
                strncmp(slots[to].name, slots[i].name, length) != 0)
                break;
        if (!put_containers(&x, slots[i].name, length)) return false;
        if (!put_module(&x, slots, i, to)) return false;
        x.before = slots[i].name;
    }
    for (size_t i = 0; i < m->config.n_modules; i++)
        if (!put_after(s, &m->config.modules[i])) return false;
    return true;
}

int ext_register_tables(sqlite3 *db, ext_conn *conn)
{
    static const ext_tvf tables[] = {
        {.name = "encoder_models",
         .columns = "name TEXT, source TEXT, fingerprint TEXT, architecture TEXT, "
                    "layers INTEGER, hidden INTEGER, heads INTEGER, vocabulary INTEGER, "
                    "max_tokens INTEGER, pooling TEXT, normalized INTEGER, prompts TEXT, "
                    "tasks TEXT, labels TEXT, parameters INTEGER, bytes INTEGER, "
                    "precision TEXT, loaded INTEGER, is_default INTEGER",
         .n_columns = M_COLUMNS,
         .open = models_open,
         .column = models_column,
         .close = models_close},
        {.name = "encoder_progress",
         .columns = "operation TEXT, phase TEXT, done INTEGER, total INTEGER, "
                    "per_second REAL, eta_seconds REAL, loss REAL",
         .n_columns = 7,
         .open = progress_open},
        {.name = "model_summary",
         .columns = "depth INTEGER, name TEXT, kind TEXT, output_shape TEXT, "
                    "parameters INTEGER, bytes INTEGER",
         .n_columns = 6,
         .args = {"model"},
         .open = summary_open},
    };
    return ext_tvf_register(db, conn, tables, sizeof tables / sizeof tables[0]);
}
