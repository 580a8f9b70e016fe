/* config.c - see config.h. This file reads config.json: the shape of the graph, and the
 * labels of a classifier. config_use.c reads the files that say how it is used.
 *
 * Keys that do not change a result are ignored; a key that would, and that we cannot
 * follow, is refused by name. */
#include "model/config.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "model/arch.h"
#include "model/conf.h"

#define TOKENS_MIN 3 /* [CLS], something, [SEP] */

static const enc_choice activations[] = {
    {"gelu", ENC_GELU},
    {"gelu_new", ENC_GELU_TANH},
    {"gelu_pytorch_tanh", ENC_GELU_TANH},
    {"gelu_fast", ENC_GELU_TANH},
    {"relu", ENC_RELU},
    {"silu", ENC_SILU},
    {"swish", ENC_SILU},
    {"gelu_python", ENC_GELU},
    {"gelu_accurate", ENC_GELU_TANH},
};

static const enc_choice problems[] = {
    {"single_label_classification", ENC_SINGLE_LABEL},
    {"multi_label_classification", ENC_MULTI_LABEL},
    {"regression", ENC_REGRESSION},
};

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);
    return n >= k && strcmp(text + n - k, end) == 0;
}

/* The key of a size: the usual one unless the architecture has its own. */
static const char *key_of(const char *own, const char *usual)
{
    return own != NULL ? own : usual;
}

/* Zero says that there is no such table. */
static enc_rc read_segments(enc_conf *r)
{
    enc_json_value *v = enc_conf_member(r, "type_vocab_size");

    r->c->n_segments = r->c->arch->n_segments;
    if (enc_json_is_int(v) && enc_json_int(v) == 0) r->c->n_segments = 0;
    else
        return enc_conf_size_if(r, "type_vocab_size", ENC_SEGMENTS_MAX,
                                &r->c->n_segments);
    return ENC_OK;
}

static enc_rc read_shape(enc_conf *r)
{
    enc_config *c = r->c;
    const enc_arch_keys *keys = &c->arch->keys;
    const char *heads = key_of(keys->n_heads, "num_attention_heads");
    const char *hidden = key_of(keys->hidden, "hidden_size");
    enc_rc rc;

    if ((rc = enc_conf_size(r, "vocab_size", ENC_VOCAB_MAX, &c->n_vocab))) return rc;
    if ((rc = enc_conf_size(r, hidden, ENC_HIDDEN_MAX, &c->hidden))) return rc;
    if ((rc = enc_conf_size(r, key_of(keys->n_layers, "num_hidden_layers"),
                            ENC_LAYERS_MAX, &c->n_layers)))
        return rc;
    if ((rc = enc_conf_size(r, heads, ENC_HIDDEN_MAX, &c->n_heads))) return rc;
    if ((rc = enc_conf_size(r, key_of(keys->inner, "intermediate_size"), ENC_INNER_MAX,
                            &c->inner)))
        return rc;
    if ((rc = enc_conf_size(r, key_of(keys->n_positions, "max_position_embeddings"),
                            ENC_POSITIONS_MAX, &c->n_positions)))
        return rc;
    if (c->hidden % c->n_heads != 0)
        return enc_fail(r->e, ENC_CORRUPT, "%s: %s %zu not divisible by %s %zu", r->what,
                        hidden, c->hidden, heads, c->n_heads);
    return read_segments(r);
}

static enc_rc read_act(enc_conf *r)
{
    const char *key = key_of(r->c->arch->keys.act, "hidden_act");
    int act = ENC_GELU;
    enc_rc rc = enc_conf_choose_member(r, key, activations, ENC_COUNT(activations), &act);

    r->c->act = (enc_act)act;
    return rc;
}

static enc_rc read_eps(enc_conf *r)
{
    const char *key = key_of(r->c->arch->keys.norm_eps, "layer_norm_eps");
    enc_json_value *v = enc_conf_member(r, key);

    if (v == NULL) v = enc_conf_member(r, key = "layer_norm_eps");
    double eps = v == NULL ? r->c->arch->norm_eps : enc_json_number(v);

    if (v != NULL && !enc_json_is_number(v))
        return enc_fail(r->e, ENC_CORRUPT, "%s: %s is not a number", r->what, key);
    if (!((float)eps > 0.0f && eps < 1.0))
        return enc_fail(r->e, ENC_RANGE,
                        "%s: %s is %g, expected more than 0 and less than 1", r->what,
                        key, eps);
    r->c->norm_eps = (float)eps;
    return ENC_OK;
}

/* What would make a decoder of it. */
static enc_rc check_variant(enc_conf *r)
{
    static const char *const decoders[] = {"is_decoder", "add_cross_attention",
                                           "is_encoder_decoder"};

    for (size_t i = 0; i < ENC_COUNT(decoders); i++)
        if (enc_json_true(enc_json_get(r->root, decoders[i])))
            return enc_fail(r->e, ENC_UNSUPPORTED,
                            "%s: %s is true: decoders are not supported", r->what,
                            decoders[i]);
    return ENC_OK;
}

/* Labels by id: {"0": "negative", "1": "positive"}. */
static enc_rc read_id2label(enc_conf *r, enc_json_value *map)
{
    enc_config *c = r->c;
    size_t n = enc_json_count(map);
    const char *key = NULL;
    enc_json_value *v;
    enc_rc rc;

    if (!enc_json_is_object(map))
        return enc_fail(r->e, ENC_CORRUPT, "%s: id2label is not an object", r->what);
    if (n > ENC_LABELS_MAX)
        return enc_fail(r->e, ENC_RANGE, "%s: %zu labels, limit %d", r->what, n,
                        ENC_LABELS_MAX);
    if (n == 0) return ENC_OK;
    c->labels = enc_arena_alloc(r->a, n * sizeof *c->labels);
    if (c->labels == NULL) return enc_nomem(r->e);
    for (size_t i = 0; (v = enc_json_member(map, i, &key)) != NULL; i++) {
        size_t id = 0, digits = strspn(key, "0123456789");

        if (digits > 0 && digits < 7 && key[digits] == '\0')
            for (const char *d = key; *d != '\0'; d++) id = id * 10 + (size_t)(*d - '0');
        else id = n;
        if (id >= n || c->labels[id] != NULL)
            return enc_fail(r->e, ENC_CORRUPT,
                            "%s: id2label: \"%.20s\" is not one of 0 to %zu, each once",
                            r->what, key, n - 1);
        if (!enc_json_is_text(v))
            return enc_fail(r->e, ENC_CORRUPT, "%s: id2label: label %zu is not a text",
                            r->what, id);
        if ((rc = enc_conf_keep(r, enc_json_text(v, NULL), &c->labels[id]))) return rc;
    }
    c->n_labels = n;
    return ENC_OK;
}

/* LABEL_0, LABEL_1, ...: what Hugging Face calls labels that nobody named. */
static enc_rc make_labels(enc_conf *r, size_t n)
{
    enc_config *c = r->c;

    c->labels = enc_arena_alloc(r->a, n * sizeof *c->labels);
    if (c->labels == NULL) return enc_nomem(r->e);
    for (size_t i = 0; i < n; i++) {
        char name[32];
        enc_rc rc;

        snprintf(name, sizeof name, "LABEL_%zu", i);
        if ((rc = enc_conf_keep(r, name, &c->labels[i]))) return rc;
    }
    c->n_labels = n;
    return ENC_OK;
}

/* Whether an architecture of that kind is listed: "BertForSequenceClassification". */
static bool is_for(const enc_conf *r, const char *task)
{
    enc_json_value *list = enc_json_get(r->root, "architectures");

    for (size_t i = 0; i < enc_json_count(list); i++) {
        const char *name = enc_json_text(enc_json_at(list, i), NULL);
        if (name != NULL && ends_with(name, task)) return true;
    }
    return false;
}

static enc_rc read_problem(enc_conf *r)
{
    /* As transformers' text-classification pipeline: a single score goes through a
     * sigmoid, whatever is said unless that is regression, several through a softmax. */
    int problem = ENC_SINGLE_LABEL;
    enc_rc rc = enc_conf_choose_member(r, "problem_type", problems, ENC_COUNT(problems),
                                       &problem);

    if (r->c->n_labels == 1 && problem == ENC_SINGLE_LABEL) problem = ENC_MULTI_LABEL;
    r->c->problem = (enc_problem)problem;
    return rc;
}

static enc_rc read_labels(enc_conf *r)
{
    enc_json_value *map = enc_conf_member(r, "id2label");
    size_t n = 2; /* transformers leaves id2label out where it would be its own default */
    enc_rc rc = ENC_OK;

    /* These may have a tensor called "classifier" too, but it does not judge texts. */
    if (is_for(r, "ForMultipleChoice")) return ENC_OK;
    if (is_for(r, "ForQuestionAnswering")) { /* begin and end are no labels */
        r->c->has |= ENC_HAS_ANSWERS;
        return ENC_OK;
    }
    r->c->labels_tokens = is_for(r, "ForTokenClassification");
    if (map != NULL) {
        rc = read_id2label(r, map);
    } else if (r->c->labels_tokens || is_for(r, "ForSequenceClassification")) {
        if (enc_conf_member(r, "num_labels") != NULL)
            rc = enc_conf_size(r, "num_labels", ENC_LABELS_MAX, &n);
        if (rc == ENC_OK) rc = make_labels(r, n);
    }
    return rc == ENC_OK ? read_problem(r) : rc;
}

/* Sentence-transformers' rule for a cross-encoder: its own setting, else the older one,
 * else a sigmoid if there is one label. */
static enc_rc read_rerank(enc_conf *r)
{
    enc_json_value *v =
        enc_json_get(enc_json_get(r->root, "sentence_transformers"), "activation_fn");
    const char *name;

    if (!enc_json_is_text(v))
        v = enc_json_get(r->root, "sbert_ce_default_activation_function");
    r->c->rerank_sigmoid = r->c->n_labels == 1;
    name = enc_json_text(v, NULL);
    if (name == NULL) return ENC_OK;
    if (strcmp(enc_conf_last(name), "Sigmoid") == 0) r->c->rerank_sigmoid = true;
    else if (strcmp(enc_conf_last(name), "Identity") == 0) r->c->rerank_sigmoid = false;
    else
        return enc_fail(r->e, ENC_UNSUPPORTED,
                        "%s: activation_fn '%.60s' not supported (Sigmoid, Identity)",
                        r->what, name);
    return ENC_OK;
}

/* What a file from before there was model_type is of: what its class says,
 * "BertForMaskedLM", else BERT if it is of the form that Google's BERT has, with two
 * segments, which no RoBERTa has, and without a width of embeddings, which ALBERT and
 * ELECTRA have. NULL: it does not tell. */
static const char *guess_type(const enc_conf *r)
{
    static const char *const classes[][2] = {
        {"Bert", "bert"},       {"Roberta", "roberta"},
        {"Electra", "electra"}, {"XLMRoberta", "xlm-roberta"},
        {"Albert", "albert"},   {"Camembert", "camembert"},
        {"MPNet", "mpnet"},     {"DistilBert", "distilbert"}};
    enc_json_value *list = enc_json_get(r->root, "architectures");
    const char *name = enc_json_text(enc_json_at(list, 0), NULL);

    for (size_t i = 0; name != NULL && i < ENC_COUNT(classes); i++) {
        const size_t n = strlen(classes[i][0]);

        if (strncmp(name, classes[i][0], n) != 0) continue;
        if (strncmp(name + n, "For", 3) == 0 || strcmp(name + n, "Model") == 0)
            return classes[i][1];
    }
    if (name != NULL || enc_conf_member(r, "embedding_size") != NULL) return NULL;
    return enc_json_int(enc_conf_member(r, "type_vocab_size")) == 2 ? "bert" : NULL;
}

static enc_rc find_arch(enc_conf *r)
{
    enc_json_value *said = enc_conf_member(r, "model_type");
    const char *type = said != NULL ? enc_json_text(said, NULL) : guess_type(r);
    const char *positions =
        enc_json_text(enc_conf_member(r, "position_embedding_type"), NULL);
    char known[200];

    if (type == NULL)
        return enc_fail(r->e, ENC_CORRUPT, "%s: missing \"model_type\"", r->what);
    r->c->arch = enc_arch_find(type, positions);
    if (r->c->arch != NULL) return ENC_OK;
    enc_arch_names(known, sizeof known);
    return enc_fail(r->e, ENC_UNSUPPORTED, "%s: model_type '%.60s' not supported (%s)",
                    r->what, type, known);
}

static enc_rc read_config(enc_conf *r)
{
    enc_json_value *tie;
    bool is_static;
    enc_rc rc;

    if ((rc = enc_conf_read_static(r, &is_static)) || is_static) return rc;
    if (r->json == NULL)
        return enc_fail(r->e, ENC_IO, "config.json missing in %s", enc_files_where(r->f));
    if ((rc = enc_conf_check_object(r))) return rc;
    if ((rc = find_arch(r))) return rc;
    if ((rc = check_variant(r))) return rc;
    if ((rc = read_shape(r))) return rc;
    if ((rc = read_act(r))) return rc;
    if ((rc = read_eps(r))) return rc;
    if ((rc = read_labels(r))) return rc;
    tie = enc_json_get(r->root, "tie_word_embeddings");
    r->c->own_decoder = enc_json_is_bool(tie) && !enc_json_true(tie);
    enc_arch_apply(r->c);
    if ((rc = enc_conf_read_arch(r))) return rc;
    return read_rerank(r);
}

enc_rc enc_config_read(enc_config *c, enc_arena *a, enc_files *f, size_t tok_max,
                       enc_err *e)
{
    enc_conf r = {.c = c, .a = a, .f = f, .e = e};
    enc_rc rc;

    *c = (enc_config){.pooling = ENC_POOL_MEAN, .similarity = "cosine"};
    if ((rc = enc_conf_read(&r, "config.json", read_config))) return rc;
    c->max_tokens = c->n_positions - c->position_offset;
    if ((rc = enc_conf_read_use(&r))) return rc;
    if (tok_max != 0 && !c->says_length && tok_max < c->max_tokens)
        c->max_tokens = tok_max;
    if (c->max_tokens < TOKENS_MIN)
        return enc_fail(e, ENC_RANGE,
                        "maximum length is %zu tokens, expected at least %d",
                        c->max_tokens, TOKENS_MIN);
    return ENC_OK;
}

bool enc_config_is_global(const enc_config *c, size_t layer)
{
    return c->window == 0 || layer % c->global_every == 0;
}
