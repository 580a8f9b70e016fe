/* config_use.c - how a model is meant to be used: sentence-transformers' files.
 *
 *   config_sentence_transformers.json  prompts and the similarity meant
 *   modules.json                       what follows the encoder
 *   1_Pooling/config.json              how hidden states become a vector
 *   2_Dense/config.json                a dense layer after that, or a norm
 *   sentence_bert_config.json          the longest text it was tuned for
 *
 * A directory without them is a plain encoder: mean pooling, no normalization, as
 * sentence-transformers itself would wrap it. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "model/conf.h"

#define PROMPTS_MAX 256
#define MODULES_MAX 16 /* after pooling */

static const enc_choice similarities[] = {
    {"cosine", 0}, {"dot", 0}, {"euclidean", 0}, {"manhattan", 0}};

static const enc_choice pooling_modes[] = {
    {"cls", ENC_POOL_CLS},
    {"max", ENC_POOL_MAX},
    {"mean", ENC_POOL_MEAN},
    {"mean_sqrt_len_tokens", ENC_POOL_MEAN_SQRT},
    {"weightedmean", ENC_POOL_WEIGHTED_MEAN},
    {"lasttoken", ENC_POOL_LAST},
};

/* Of a dense module; what they are called in torch.nn. */
static const enc_choice module_acts[] = {
    {"Identity", -1},   {"Tanh", ENC_TANH}, {"GELU", ENC_GELU},
    {"ReLU", ENC_RELU}, {"SiLU", ENC_SILU},
};

/* What modules.json lists. */
typedef struct modules {
    const char *pooling;          /* its directory; NULL: none */
    enc_module list[MODULES_MAX]; /* their sizes are not yet known */
    size_t n;
} modules;

static enc_rc add_module(enc_conf *r, modules *all, enc_module_kind kind,
                         const char *path)
{
    if (all->n == MODULES_MAX)
        return enc_fail(r->e, ENC_RANGE, "%s: more than %d modules after pooling",
                        r->what, MODULES_MAX);
    all->list[all->n++] = (enc_module){.kind = kind, .path = path, .act = -1};
    return ENC_OK;
}

/* The encoder itself comes first, from the model's own directory. */
static enc_rc check_first(enc_conf *r, const char *type, const char *path)
{
    const bool is_static = r->c->n_layers == 0;

    if (strcmp(type, is_static ? "StaticEmbedding" : "Transformer") != 0)
        return enc_fail(r->e, ENC_UNSUPPORTED,
                        "%s: module 0 is of type %.40s, expected %s", r->what, type,
                        is_static ? "StaticEmbedding" : "Transformer");
    if (path[0] == '\0' || is_static) return ENC_OK;
    return enc_fail(r->e, ENC_UNSUPPORTED,
                    "%s: the transformer lies in '%.60s', expected it in the model's own "
                    "directory",
                    r->what, path);
}

static enc_rc read_module(enc_conf *r, enc_json_value *m, size_t i, modules *all)
{
    static const enc_choice kinds[] = {{"Dense", ENC_MODULE_DENSE},
                                       {"LayerNorm", ENC_MODULE_NORM},
                                       {"Normalize", ENC_MODULE_NORMALIZE}};
    const char *type = enc_json_text(enc_json_get(m, "type"), NULL);
    const char *path = enc_json_text(enc_json_get(m, "path"), NULL);
    enc_rc rc;

    if (type == NULL || path == NULL)
        return enc_fail(r->e, ENC_CORRUPT, "%s: module %zu has no type or no path",
                        r->what, i);
    type = enc_conf_last(type);
    if (i == 0) return check_first(r, type, path);
    if (strcmp(type, "Dropout") == 0) return ENC_OK; /* it only acts in training */
    const bool is_pooling = strcmp(type, "Pooling") == 0;
    for (size_t k = 0; !is_pooling && k < ENC_COUNT(kinds); k++) {
        if (strcmp(type, kinds[k].name) != 0) continue;
        const bool has_files = kinds[k].value != ENC_MODULE_NORMALIZE;
        if (has_files && !enc_conf_is_plain(path)) break;
        if (has_files && all->pooling == NULL && r->c->n_layers > 0) break;
        if (has_files && (rc = enc_conf_keep(r, path, &path))) return rc;
        return add_module(r, all, (enc_module_kind)kinds[k].value, has_files ? path : "");
    }
    if (!enc_conf_is_plain(path))
        return enc_fail(r->e, ENC_CORRUPT, "%s: path '%.60s' is no plain name", r->what,
                        path);
    if (is_pooling && all->pooling == NULL && all->n == 0)
        return enc_conf_keep(r, path, &all->pooling);
    return enc_fail(r->e, ENC_UNSUPPORTED,
                    "%s: module %zu of type %.40s not supported (Transformer, then "
                    "Pooling, then Dense, LayerNorm, Normalize)",
                    r->what, i, type);
}

static enc_rc read_modules(enc_conf *r, modules *all)
{
    enc_rc rc = ENC_OK;

    if (r->json == NULL) return ENC_OK;
    if (!enc_json_is_array(r->root))
        return enc_fail(r->e, ENC_CORRUPT, "%s is not an array", r->what);
    for (size_t i = 0; rc == ENC_OK && i < enc_json_count(r->root); i++)
        rc = read_module(r, enc_json_at(r->root, i), i, all);
    return rc;
}

/* The newer form: "pooling_mode": "mean", or a list of such names. */
static enc_rc read_pooling_new(enc_conf *r, enc_json_value *mode)
{
    size_t n = enc_json_is_array(mode) ? enc_json_count(mode) : 1;
    unsigned bits = 0;
    enc_rc rc;

    for (size_t i = 0; i < n; i++) {
        const char *name =
            enc_json_text(enc_json_is_array(mode) ? enc_json_at(mode, i) : mode, NULL);
        int bit = 0;

        if (name == NULL)
            return enc_fail(r->e, ENC_CORRUPT, "%s: pooling_mode is not a text", r->what);
        if ((rc = enc_conf_choose(r, "pooling_mode", name, pooling_modes,
                                  ENC_COUNT(pooling_modes), &bit)))
            return rc;
        bits |= (unsigned)bit;
    }
    r->c->pooling = bits;
    return ENC_OK;
}

/* The older form: a flag for each mode. Only the mean is on by default. */
static enc_rc read_pooling_old(enc_conf *r)
{
    static const enc_choice flags[] = {
        {"pooling_mode_cls_token", ENC_POOL_CLS},
        {"pooling_mode_max_tokens", ENC_POOL_MAX},
        {"pooling_mode_mean_tokens", ENC_POOL_MEAN},
        {"pooling_mode_mean_sqrt_len_tokens", ENC_POOL_MEAN_SQRT},
        {"pooling_mode_weightedmean_tokens", ENC_POOL_WEIGHTED_MEAN},
        {"pooling_mode_lasttoken", ENC_POOL_LAST},
    };
    unsigned bits = 0;

    for (size_t i = 0; i < ENC_COUNT(flags); i++) {
        enc_json_value *v = enc_conf_member(r, flags[i].name);

        if (v != NULL && !enc_json_is_bool(v))
            return enc_fail(r->e, ENC_CORRUPT, "%s: %s is not true or false", r->what,
                            flags[i].name);
        if (v == NULL ? flags[i].value == ENC_POOL_MEAN : enc_json_true(v))
            bits |= (unsigned)flags[i].value;
    }
    r->c->pooling = bits;
    return ENC_OK;
}

static enc_rc read_pooling(enc_conf *r)
{
    static const char *const widths[] = {"word_embedding_dimension",
                                         "embedding_dimension"};
    enc_json_value *mode = enc_conf_member(r, "pooling_mode"),
                   *with_prompt = enc_conf_member(r, "include_prompt");
    enc_rc rc;

    if (r->json == NULL)
        return enc_fail(r->e, ENC_IO, "%s missing in %s", r->what, enc_files_where(r->f));
    if ((rc = enc_conf_check_object(r))) return rc;
    for (size_t i = 0; i < ENC_COUNT(widths); i++) {
        size_t width;

        if (enc_conf_member(r, widths[i]) == NULL) continue;
        if ((rc = enc_conf_size(r, widths[i], ENC_HIDDEN_MAX, &width))) return rc;
        if (width != r->c->hidden)
            return enc_fail(r->e, ENC_CORRUPT, "%s: %s is %zu, but hidden_size is %zu",
                            r->what, widths[i], width, r->c->hidden);
    }
    if ((rc = mode != NULL ? read_pooling_new(r, mode) : read_pooling_old(r))) return rc;
    if (r->c->pooling == 0)
        return enc_fail(r->e, ENC_CORRUPT, "%s: no pooling mode is chosen", r->what);
    if (with_prompt != NULL && !enc_json_is_bool(with_prompt))
        return enc_fail(r->e, ENC_CORRUPT, "%s: include_prompt is not true or false",
                        r->what);
    r->c->skips_prompt = with_prompt != NULL && !enc_json_true(with_prompt);
    return ENC_OK;
}

static enc_rc read_prompts(enc_conf *r, enc_json_value *prompts)
{
    enc_config *c = r->c;
    size_t n = enc_json_count(prompts);
    const char *key = NULL;
    enc_json_value *v;
    enc_prompt *list;
    enc_rc rc;

    if (!enc_json_is_object(prompts))
        return enc_fail(r->e, ENC_CORRUPT, "%s: prompts is not an object", r->what);
    if (n > PROMPTS_MAX)
        return enc_fail(r->e, ENC_RANGE, "%s: %zu prompts, limit %d", r->what, n,
                        PROMPTS_MAX);
    list = enc_arena_alloc(r->a, n * sizeof *list);
    if (list == NULL) return enc_nomem(r->e);
    for (size_t i = 0; (v = enc_json_member(prompts, i, &key)) != NULL; i++) {
        if (!enc_json_is_text(v))
            return enc_fail(r->e, ENC_CORRUPT, "%s: prompt %.60s is not a text", r->what,
                            key);
        if ((rc = enc_conf_keep(r, key, &list[i].name)) ||
            (rc = enc_conf_keep(r, enc_json_text(v, NULL), &list[i].text)))
            return rc;
    }
    c->prompts = list;
    c->n_prompts = n;
    return ENC_OK;
}

/* config_sentence_transformers.json */
static enc_rc read_prompts_file(enc_conf *r)
{
    enc_json_value *prompts = enc_conf_member(r, "prompts"),
                   *chosen = enc_conf_member(r, "default_prompt_name");
    enc_json_value *similarity = enc_conf_member(r, "similarity_fn_name");
    enc_rc rc;

    if (r->json == NULL) return ENC_OK;
    if ((rc = enc_conf_check_object(r))) return rc;
    if (prompts != NULL && (rc = read_prompts(r, prompts))) return rc;
    if (chosen != NULL) {
        const char *name = enc_json_text(chosen, NULL);

        if (name == NULL || enc_json_get(prompts, name) == NULL)
            return enc_fail(r->e, ENC_CORRUPT,
                            "%s: default_prompt_name '%.60s' is not one of its prompts",
                            r->what, name != NULL ? name : "");
        if ((rc = enc_conf_keep(r, name, &r->c->default_prompt))) return rc;
    }
    if ((rc = enc_conf_choose_member(r, "similarity_fn_name", similarities,
                                     ENC_COUNT(similarities), &(int){0})))
        return rc;
    if (similarity == NULL) return ENC_OK;
    return enc_conf_keep(r, enc_json_text(similarity, NULL), &r->c->similarity);
}

/* sentence_bert_config.json */
static enc_rc read_length(enc_conf *r)
{
    size_t n = r->c->max_tokens;
    enc_rc rc;

    if (r->json == NULL) return ENC_OK;
    if ((rc = enc_conf_check_object(r))) return rc;
    r->c->lower_case = enc_json_true(enc_json_get(r->root, "do_lower_case"));
    if (enc_conf_member(r, "max_seq_length") == NULL) return ENC_OK;
    if ((rc = enc_conf_size(r, "max_seq_length", INT32_MAX, &n))) return rc;
    r->c->says_length = true;
    if (n < r->c->max_tokens) r->c->max_tokens = n;
    return ENC_OK;
}

/* Its name has followed the model's architecture in the past. */
static enc_rc open_length(enc_conf *r)
{
    static const char *const names[] = {
        "sentence_bert_config.json",       "sentence_roberta_config.json",
        "sentence_distilbert_config.json", "sentence_camembert_config.json",
        "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
        "sentence_xlnet_config.json"};
    enc_rc rc = ENC_OK;

    r->json = NULL;
    for (size_t i = 0; rc == ENC_OK && r->json == NULL && i < ENC_COUNT(names); i++)
        rc = enc_conf_open(r, names[i]);
    return rc;
}

/* ---- what follows pooling ---- */

static enc_rc open_module(enc_conf *r, const enc_module *s, char *path, size_t n)
{
    enc_rc rc;

    snprintf(path, n, "%.140s/config.json", s->path);
    if ((rc = enc_conf_open(r, path))) return rc;
    if (r->json == NULL)
        return enc_fail(r->e, ENC_IO, "%s missing in %s", path, enc_files_where(r->f));
    return enc_conf_check_object(r);
}

static enc_rc read_dense(enc_conf *r, enc_module *s)
{
    enc_json_value *act = enc_conf_member(r, "activation_function"),
                   *bias = enc_conf_member(r, "bias");
    const char *name = enc_json_text(act, NULL);
    enc_rc rc;

    if ((rc = enc_conf_size(r, "in_features", ENC_DIMS_MAX, &s->cols))) return rc;
    if ((rc = enc_conf_size(r, "out_features", ENC_DIMS_MAX, &s->rows))) return rc;
    if (bias != NULL && !enc_json_is_bool(bias))
        return enc_fail(r->e, ENC_CORRUPT, "%s: bias is not true or false", r->what);
    s->has_bias = bias == NULL || enc_json_true(bias);
    s->act = ENC_TANH; /* sentence-transformers' own default */
    if (act == NULL) return ENC_OK;
    if (name == NULL)
        return enc_fail(r->e, ENC_CORRUPT, "%s: activation_function is not a text",
                        r->what);
    return enc_conf_choose(r, "activation_function", enc_conf_last(name), module_acts,
                           ENC_COUNT(module_acts), &s->act);
}

/* The sizes of a module that gets n values. */
static enc_rc read_module_config(enc_conf *r, enc_module *s, size_t n)
{
    enc_rc rc = ENC_OK;

    s->rows = s->cols = n;
    if (s->kind == ENC_MODULE_DENSE) rc = read_dense(r, s);
    if (s->kind == ENC_MODULE_NORM &&
        (rc = enc_conf_size(r, "dimension", ENC_DIMS_MAX, &s->cols)) == ENC_OK)
        s->rows = s->cols;
    if (rc != ENC_OK || s->cols == n) return rc;
    return enc_fail(r->e, ENC_CORRUPT,
                    "%s: the module takes %zu values, but is given %zu", r->what, s->cols,
                    n);
}

static enc_rc read_after(enc_conf *r, modules *all)
{
    enc_config *c = r->c;
    size_t n = enc_config_pooled(c);
    enc_module *kept;
    char path[160];
    enc_rc rc = ENC_OK;

    if (all->n > 0 && all->list[all->n - 1].kind == ENC_MODULE_NORMALIZE) {
        c->normalize = true;
        all->n--;
    }
    if (all->n == 0) return ENC_OK;
    kept = enc_arena_alloc(r->a, all->n * sizeof *kept);
    if (kept == NULL) return enc_nomem(r->e);
    for (size_t i = 0; rc == ENC_OK && i < all->n; i++) {
        enc_module *s = &all->list[i];

        if (s->kind != ENC_MODULE_NORMALIZE) rc = open_module(r, s, path, sizeof path);
        if (rc == ENC_OK) rc = read_module_config(r, s, n);
        enc_conf_close(r);
        n = s->rows;
        kept[i] = *s;
    }
    c->modules = kept;
    c->n_modules = all->n;
    return rc;
}

static enc_rc read_all_modules(enc_conf *r)
{
    modules all = {.n = 0};
    char path[160];
    enc_rc rc;

    if ((rc = enc_conf_open(r, "modules.json")) == ENC_OK) rc = read_modules(r, &all);
    enc_conf_close(r);
    if (rc == ENC_OK && all.pooling != NULL) {
        snprintf(path, sizeof path, "%.140s/config.json", all.pooling);
        rc = enc_conf_read(r, path, read_pooling);
    }
    return rc != ENC_OK ? rc : read_after(r, &all);
}

enc_rc enc_conf_read_use(enc_conf *r)
{
    enc_rc rc;

    if ((rc = enc_conf_read(r, "config_sentence_transformers.json", read_prompts_file)))
        return rc;
    if ((rc = read_all_modules(r))) return rc;
    if ((rc = open_length(r)) == ENC_OK) rc = read_length(r);
    enc_conf_close(r);
    return rc;
}

/* ---- vectors ---- */

_Static_assert(ENC_COUNT(pooling_modes) * ENC_HIDDEN_MAX <= ENC_DIMS_MAX,
               "all poolings at once are no more than a vector may have");

size_t enc_config_pooled(const enc_config *c)
{
    size_t n = 0;

    for (unsigned bits = c->pooling; bits != 0; bits &= bits - 1) n++;
    return n * c->hidden;
}

size_t enc_config_dims(const enc_config *c)
{
    if (c->dims != 0) return c->dims;
    return c->n_modules > 0 ? c->modules[c->n_modules - 1].rows : enc_config_pooled(c);
}

enc_rc enc_config_set_pooling(enc_config *c, unsigned pooling, enc_err *e)
{
    const unsigned all = (ENC_POOL_LAST << 1) - 1;

    if (pooling == 0 || pooling > all)
        return enc_fail(e, ENC_MISUSE, "unknown pooling %#x", pooling);
    c->pooling = pooling;
    if (c->n_modules == 0 || enc_config_pooled(c) == c->modules[0].cols) return ENC_OK;
    return enc_fail(e, ENC_MISUSE,
                    "pooling gives %zu values, but the module after it takes %zu",
                    enc_config_pooled(c), c->modules[0].cols);
}

enc_rc enc_config_set_dims(enc_config *c, size_t n, enc_err *e)
{
    if (n == 0 || n > enc_config_dims(c))
        return enc_fail(e, ENC_RANGE, "dims is %zu, expected 1 to %zu", n,
                        enc_config_dims(c));
    c->dims = n;
    return ENC_OK;
}
