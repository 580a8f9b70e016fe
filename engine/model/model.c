/* model.c - see model.h. */
#include "model/model.h"

#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "base/wr.h"
#include "model/arch.h"

#define TOKENS_MIN 3 /* [CLS], something, [SEP] */

/* A tokenizer.json says all; the other sources are looked for where there is none. */
static enc_rc open_tok(enc_model *m, enc_err *e)
{
    enc_tok_files t = {.vocab_txt = {NULL, 0}};
    const struct {
        const char *name;
        size_t max;
        enc_bytes *to;
        bool is_source; /* beside tokenizer.json, and the first of its kind counts */
    } files[] = {
        {"tokenizer.json", ENC_TOKJSON_MAX, &t.tokenizer_json, false},
        {"tokenizer_config.json", ENC_JSON_MAX, &t.tokenizer_config, false},
        {"special_tokens_map.json", ENC_JSON_MAX, &t.special_tokens_map, false},
        {"sentencepiece.bpe.model", ENC_SPM_MAX, &t.sentencepiece, true},
        {"spiece.model", ENC_SPM_MAX, &t.sentencepiece, true},
        {"tokenizer.model", ENC_SPM_MAX, &t.sentencepiece, true},
        {"tokenizer_78b3253a26.model", ENC_SPM_MAX, &t.sentencepiece, true}, /* KoBERT */
        {"vocab.json", ENC_TOKJSON_MAX, &t.vocab_json, true},
        {"merges.txt", ENC_TOKJSON_MAX, &t.merges_txt, true},
        {"vocab.txt", ENC_TOKJSON_MAX, &t.vocab_txt, true}};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        bool is_said = files[i].to->at != NULL || t.tokenizer_json.at != NULL;

        if (files[i].is_source && is_said) continue;
        enc_rc rc = enc_files_get(m->files, files[i].name, files[i].max, files[i].to, e);
        if (rc != ENC_OK) return rc;
    }
    return enc_tok_open(&m->tok, &t, e);
}

/* The tokenizer must fit the weights and what the other files say of it. */
static enc_rc check_tok(enc_model *m, enc_err *e)
{
    size_t n = enc_vocab_size(enc_tok_vocab(m->tok)), max = enc_tok_max(m->tok);

    if (n > m->config.n_vocab)
        return enc_fail(e, ENC_CORRUPT,
                        "the vocabulary has %zu pieces, but vocab_size is %zu", n,
                        m->config.n_vocab);
    if (m->config.lower_case && !enc_tok_rules(m->tok).lower_case)
        return enc_fail(e, ENC_UNSUPPORTED,
                        "sentence_bert_config.json: do_lower_case true not "
                        "supported with a cased tokenizer");
    if (max != 0 && max < TOKENS_MIN)
        return enc_fail(e, ENC_RANGE, "model_max_length is %zu, expected at least %d",
                        max, TOKENS_MIN);
    if (max != 0 && !m->config.says_length && max < m->config.max_tokens)
        m->config.max_tokens = max;
    return ENC_OK;
}

static enc_rc apply(enc_config *c, const enc_model_options *o, enc_err *e)
{
    enc_rc rc = ENC_OK;

    if (o->pooling != 0) rc = enc_config_set_pooling(c, o->pooling, e);
    if (rc == ENC_OK && o->dims != 0) rc = enc_config_set_dims(c, o->dims, e);
    if (rc != ENC_OK) return rc;
    if (enc_config_dims(c) > ENC_DIMS_MAX)
        return enc_fail(e, ENC_RANGE, "vectors of %zu values, limit %d",
                        enc_config_dims(c), ENC_DIMS_MAX);
    if (o->normalize != 0) c->normalize = o->normalize > 0;
    if (o->max_tokens != 0 && o->max_tokens < TOKENS_MIN)
        return enc_fail(e, ENC_RANGE, "max_tokens is %zu, expected at least %d",
                        o->max_tokens, TOKENS_MIN);
    if (o->max_tokens != 0 && o->max_tokens < c->max_tokens)
        c->max_tokens = o->max_tokens;
    return ENC_OK;
}

/* Which option made `now` of what the files say; NULL: none. dims is never in a file. */
static const char *find_change(const enc_config *filed, const enc_config *now)
{
    if (now->dims != 0) return "dims";
    if (now->pooling != filed->pooling) return "pooling";
    if (now->normalize != filed->normalize) return "normalize";
    return now->max_tokens != filed->max_tokens ? "max_tokens" : NULL;
}

static enc_dtype stored_precision(const enc_config *c, const enc_weights *w)
{
    return c->n_layers > 0 && w->layers[0].up.w.dtype == ENC_I8 ? ENC_I8 : ENC_F32;
}

enc_rc enc_model_open(enc_model **out, enc_files *files, const enc_model_options *options,
                      enc_err *e)
{
    enc_model *m = enc_mem_zero(sizeof *m);
    enc_rc rc;

    *out = NULL;
    if (m == NULL) {
        enc_files_close(files);
        return enc_nomem(e);
    }
    enc_arena_init(&m->arena);
    m->files = files;
    /* The configuration first: for a model of another kind it is the better complaint. */
    if ((rc = enc_config_read(&m->config, &m->arena, files, 0, e))) goto done;
    if ((rc = open_tok(m, e))) goto done;
    if ((rc = check_tok(m, e))) goto done;
    if (m->config.n_layers == 0) enc_tok_make_bare(m->tok, m->config.drops_unknown);
    const enc_config filed = m->config;
    if (options != NULL && (rc = apply(&m->config, options, e))) goto done;
    m->changed = find_change(&filed, &m->config);
    if ((rc = enc_files_open_tensors(files, e))) goto done;
    if ((rc = enc_weights_bind(&m->weights, &m->arena, &m->config, files, e))) goto done;
    if ((rc = enc_modules_bind(&m->modules, &m->arena, &m->config, files, e))) goto done;
    m->precision = options != NULL && options->precision != 0
                       ? (enc_dtype)(options->precision - 1)
                       : stored_precision(&m->config, &m->weights);
    for (size_t i = 0; i < enc_files_tensor_count(files); i++)
        m->n_bytes += enc_files_tensor_at(files, i)->n_bytes;
    for (size_t i = 0; enc_files_is_directory(files) && i < m->config.n_modules; i++)
        m->n_bytes += enc_module_count(&m->config.modules[i]) * sizeof(float);
    *out = m, m = NULL;
done:
    enc_model_close(m);
    return rc;
}

void enc_model_close(enc_model *m)
{
    if (m == NULL) return;
    enc_mem_free(m->packed);
    enc_tok_close(m->tok);
    enc_files_close(m->files);
    enc_arena_clear(&m->arena);
    enc_mem_free(m);
}

/* Sizes go before bytes, so that two lists of different cuts never hash alike. */
static void add_size(enc_hasher *h, size_t n)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)((uint64_t)n >> 8 * i);
    enc_hasher_add(h, bytes, sizeof bytes);
}

static void add_bytes(enc_hasher *h, const void *bytes, size_t n)
{
    add_size(h, n);
    enc_hasher_add(h, bytes, n);
}

static void add_text(enc_hasher *h, const char *text)
{
    add_bytes(h, text, strlen(text));
}

static void add_slot(enc_hasher *h, const enc_slot *s)
{
    size_t n = s->rows * s->cols;

    add_text(h, s->name);
    add_size(h, s->rows);
    add_size(h, s->cols);
    if (s->is_vector) {
        add_bytes(h, *s->vec, n * sizeof **s->vec);
    } else if (s->mat->dtype == ENC_I8) {
        add_bytes(h, s->mat->data, n);
        add_bytes(h, s->mat->scale, s->rows * sizeof *s->mat->scale);
    } else {
        add_bytes(h, s->mat->data, n * sizeof(float));
    }
}

static bool add_tok(enc_hasher *h, const enc_tok *tok)
{
    enc_norm_rules rules = enc_tok_rules(tok);
    enc_wr vocab;

    enc_wr_init(&vocab);
    if (enc_tok_kind_of(tok) == ENC_TOK_WORDPIECE) enc_tok_write_vocab(tok, &vocab);
    else enc_tok_write_json(tok, &vocab); /* scores, merges and steps matter too */
    add_bytes(h, vocab.at, vocab.n);
    add_size(h, rules.clean_text);
    add_size(h, rules.chinese_chars);
    add_size(h, rules.lower_case);
    add_size(h, rules.strip_accents);
    add_size(h, rules.keep_hangul);
    add_size(h, rules.strip_marks);
    bool is_complete = !vocab.failed;
    enc_wr_clear(&vocab);
    return is_complete;
}

enc_rc enc_model_hash(const enc_config *c, const enc_weights *w, const enc_tok *tok,
                      enc_hash *out, enc_err *e)
{
    enc_weights copy = *w; /* slots point into what they describe, and may not be const */
    size_t n = enc_weights_slots(c, NULL, NULL, 0);
    enc_slot *slots = enc_mem_array(n, sizeof *slots);
    enc_hasher *h = enc_hasher_new();
    enc_rc rc = ENC_OK;

    if (slots == NULL || h == NULL || !add_tok(h, tok)) {
        rc = enc_nomem(e);
    } else {
        enc_weights_slots(c, &copy, slots, n);
        for (size_t i = 0; i < n; i++)
            if (slots[i].part == ENC_PART_BODY) add_slot(h, &slots[i]);
        if (w->word_vector != NULL)
            add_bytes(h, w->word_vector, c->n_vocab * sizeof *w->word_vector);
        *out = enc_hasher_get(h);
    }
    enc_hasher_free(h);
    enc_mem_free(slots);
    return rc;
}

/* What a blob states of itself: 32 hexadecimal digits. */
static bool get_stated(const enc_model *m, char out[33])
{
    enc_bytes stated = enc_files_metadata(m->files, "fingerprint");

    if (stated.n != 32) return false;
    memcpy(out, stated.at, 32);
    out[32] = '\0';
    return strspn(out, "0123456789abcdef") == 32;
}

/* What a BERT has no choice in. */
static void add_places(enc_hasher *h, const enc_config *c)
{
    add_size(h, c->position_offset);
    add_bytes(h, &c->rope_theta, sizeof c->rope_theta);
    add_bytes(h, &c->rope_local_theta, sizeof c->rope_local_theta);
    add_bytes(h, &c->rope_scale, sizeof c->rope_scale);
    add_size(h, c->rope_dims);
    add_size(h, c->window);
    add_size(h, c->global_every);
}

/* What only few models have, so that the others' fingerprints stay what they were. */
static void add_modules(enc_hasher *h, const enc_model *m)
{
    const enc_config *c = &m->config;

    if (c->skips_prompt) add_text(h, "prompts not pooled");
    if (c->dims != 0) {
        add_text(h, "dims");
        add_size(h, c->dims);
    }
    for (size_t i = 0; i < c->n_modules; i++) {
        const enc_module *s = &c->modules[i];
        const enc_module_weights *w = &m->modules[i];

        add_text(h, "module");
        add_size(h, (size_t)s->kind);
        add_size(h, s->rows);
        add_size(h, s->cols);
        add_size(h, (size_t)(s->act + 1));
        if (w->dense.w.data != NULL)
            add_bytes(h, w->dense.w.data, s->rows * s->cols * sizeof(float));
        if (w->dense.b != NULL) add_bytes(h, w->dense.b, s->rows * sizeof(float));
        if (w->norm.gain != NULL) {
            add_bytes(h, w->norm.gain, s->rows * sizeof(float));
            add_bytes(h, w->norm.bias, s->rows * sizeof(float));
        }
    }
}

enc_rc enc_model_fingerprint(const enc_model *m, char out[33], enc_err *e)
{
    const enc_config *c = &m->config;
    char weights[33];
    enc_hasher *h;
    enc_hash hash;
    enc_rc rc;

    if (!get_stated(m, weights)) {
        if ((rc = enc_model_hash(c, &m->weights, m->tok, &hash, e))) return rc;
        enc_hash_text(hash, weights);
    }
    h = enc_hasher_new();
    if (h == NULL) return enc_nomem(e);
    add_text(h, "encoder fingerprint 2");
    add_text(h, weights);
    add_text(h, enc_precision_name(m->precision));
    add_text(h, c->arch->name);
    add_size(h, c->n_heads);
    add_size(h, (size_t)c->act);
    add_bytes(h, &c->norm_eps, sizeof c->norm_eps);
    add_size(h, c->pooling);
    add_size(h, c->normalize);
    add_size(h, c->max_tokens);
    add_text(h, c->default_prompt != NULL ? c->default_prompt : "");
    if (c->arch != &enc_arch_bert) add_places(h, c);
    for (size_t i = 0; i < c->n_prompts; i++) {
        add_text(h, c->prompts[i].name);
        add_text(h, c->prompts[i].text);
    }
    add_modules(h, m);
    enc_hash_text(enc_hasher_get(h), out);
    enc_hasher_free(h);
    return ENC_OK;
}

const char *enc_precision_name(enc_dtype precision)
{
    return precision == ENC_I8 ? "int8" : precision == ENC_BF16 ? "bf16" : "f32";
}

int enc_precision_find(const char *name)
{
    static const enc_dtype types[] = {ENC_F32, ENC_BF16, ENC_I8};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(name, enc_precision_name(types[i])) == 0) return 1 + (int)types[i];
    return 0;
}

static const char *find_prompt(const enc_config *c, const char *name)
{
    for (size_t i = 0; i < c->n_prompts; i++)
        if (strcmp(c->prompts[i].name, name) == 0) return c->prompts[i].text;
    return NULL;
}

const char *enc_model_prompt(const enc_model *m, const char *role)
{
    static const char *const queries[] = {"query", "search_query", NULL};
    static const char *const passages[] = {"passage", "document", "search_document",
                                           "corpus", NULL};
    const char *text = find_prompt(&m->config, role);
    const char *const *name = NULL;

    if (strcmp(role, "query") == 0) name = queries;
    else if (strcmp(role, "passage") == 0) name = passages;
    while (text == NULL && name != NULL && *name != NULL)
        text = find_prompt(&m->config, *name++);
    return text != NULL ? text : "";
}
