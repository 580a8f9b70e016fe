/* config_use.c - how a model is meant to be used: sentence-transformers' files.
 *
 *   config_sentence_transformers.json  prompts and the similarity meant
 *   modules.json                       which steps follow the encoder
 *   1_Pooling/config.json              how hidden states become a vector
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

static const enc_choice similarities[] = {
    {"cosine", 0}, {"dot", 0}, {"euclidean", 0}, {"manhattan", 0}};

static const enc_choice pooling_modes[] = {
    {"cls", ENC_POOL_CLS},
    {"max", ENC_POOL_MAX},
    {"mean", ENC_POOL_MEAN},
    {"mean_sqrt_len_tokens", ENC_POOL_MEAN_SQRT},
};

/* Where a module's files lie: one plain name below the model. */
static bool is_plain(const char *path)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._-";

    return path[0] != '\0' && path[0] != '.' && path[strspn(path, allowed)] == '\0';
}

/* The steps after the encoder. *pooling becomes the directory of the pooling step, NULL
 * if there is none. */
static enc_rc read_modules(enc_conf *r, const char **pooling)
{
    enc_rc rc;

    *pooling = NULL;
    if (r->json == NULL) return ENC_OK;
    if (!enc_json_is_array(r->root))
        return enc_fail(r->e, ENC_CORRUPT, "%s is not an array", r->what);
    for (size_t i = 0; i < enc_json_count(r->root); i++) {
        enc_json_value *m = enc_json_at(r->root, i), *at = enc_json_get(m, "path");
        const char *type = enc_json_text(enc_json_get(m, "type"), NULL);
        const char *path = enc_json_text(at, NULL);

        if (type == NULL || path == NULL)
            return enc_fail(r->e, ENC_CORRUPT, "%s: module %zu has no type or no path",
                            r->what, i);
        type = enc_conf_last(type);
        if (i == 0 && strcmp(type, "Transformer") == 0) {
            if (path[0] != '\0')
                return enc_fail(r->e, ENC_UNSUPPORTED,
                                "%s: the transformer lies in '%.60s', expected it in the "
                                "model's own directory",
                                r->what, path);
        } else if (i > 0 && *pooling == NULL && strcmp(type, "Pooling") == 0) {
            if (!is_plain(path))
                return enc_fail(r->e, ENC_CORRUPT, "%s: path '%.60s' is no plain name",
                                r->what, path);
            if ((rc = enc_conf_keep(r, at, pooling))) return rc;
        } else if (i > 0 && strcmp(type, "Normalize") == 0) {
            r->c->normalize = true;
        } else if (i == 0 ||
                   strcmp(type, "Dropout") != 0) { /* it only acts in training */
            return enc_fail(r->e, ENC_UNSUPPORTED,
                            "%s: module %zu of type %.40s not supported (Transformer, "
                            "then Pooling, Normalize)",
                            r->what, i, type);
        }
    }
    return ENC_OK;
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
        {"pooling_mode_weightedmean_tokens", 0},
        {"pooling_mode_lasttoken", 0},
    };
    unsigned bits = 0;

    for (size_t i = 0; i < ENC_COUNT(flags); i++) {
        enc_json_value *v = enc_conf_member(r, flags[i].name);

        if (v != NULL && !enc_json_is_bool(v))
            return enc_fail(r->e, ENC_CORRUPT, "%s: %s is not true or false", r->what,
                            flags[i].name);
        if (!(v == NULL ? flags[i].value == ENC_POOL_MEAN : enc_json_true(v))) continue;
        if (flags[i].value == 0)
            return enc_fail(r->e, ENC_UNSUPPORTED,
                            "%s: %s not supported (cls, max, mean, mean_sqrt_len)",
                            r->what, flags[i].name);
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
    if (with_prompt != NULL && !enc_json_true(with_prompt))
        for (size_t i = 0; i < r->c->n_prompts; i++)
            if (r->c->prompts[i].text[0] != '\0')
                return enc_fail(r->e, ENC_UNSUPPORTED,
                                "%s: include_prompt false not supported with prompts",
                                r->what);
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
        list[i].name = enc_arena_text(r->a, key, strlen(key));
        if (list[i].name == NULL) return enc_nomem(r->e);
        if ((rc = enc_conf_keep(r, v, &list[i].text))) return rc;
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
        if ((rc = enc_conf_keep(r, chosen, &r->c->default_prompt))) return rc;
    }
    if ((rc = enc_conf_choose_member(r, "similarity_fn_name", similarities,
                                     ENC_COUNT(similarities), &(int){0})))
        return rc;
    return similarity == NULL ? ENC_OK : enc_conf_keep(r, similarity, &r->c->similarity);
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

static enc_rc read_steps(enc_conf *r)
{
    const char *pooling;
    char path[160];
    enc_rc rc;

    if ((rc = enc_conf_open(r, "modules.json")) == ENC_OK) rc = read_modules(r, &pooling);
    enc_conf_close(r);
    if (rc != ENC_OK || pooling == NULL) return rc;
    snprintf(path, sizeof path, "%.140s/config.json", pooling);
    return enc_conf_read(r, path, read_pooling);
}

enc_rc enc_conf_read_use(enc_conf *r)
{
    enc_rc rc;

    if ((rc = enc_conf_read(r, "config_sentence_transformers.json", read_prompts_file)))
        return rc;
    if ((rc = read_steps(r))) return rc;
    if ((rc = open_length(r)) == ENC_OK) rc = read_length(r);
    enc_conf_close(r);
    return rc;
}
