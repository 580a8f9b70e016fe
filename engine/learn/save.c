/* save.c - see save.h.
 *
 * A matrix stored as int8 has one scale a row, the greatest magnitude of the row by 127,
 * and values rounded to the nearest, ties to even: value = scale[row] * int8. */
#include "learn/save.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "learn/copy.h"
#include "model/arch.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* --- weights -> tensors ---------------------------------------------------------------
 */

/* What is being written: the slots of a copy of the weights whose matrices are already in
 * the form that they shall have, and the tensors made of them. */
typedef struct writing {
    enc_arena arena;
    enc_weights w;
    enc_slot *slots;
    size_t n_slots;
    enc_tensor *tensors; /* a matrix may need two */
    size_t n_tensors;
} writing;

static void writing_clear(writing *x)
{
    enc_arena_clear(&x->arena);
}

static enc_rc writing_init(writing *x, const enc_config *c, const enc_weights *w,
                           enc_err *e)
{
    size_t n_layers = c->n_layers * sizeof *w->layers;

    memset(x, 0, sizeof *x);
    enc_arena_init(&x->arena);
    x->w = *w;
    x->n_slots = enc_weights_slots(c, NULL, NULL, 0);
    x->w.layers = enc_arena_alloc(&x->arena, n_layers);
    x->slots = enc_arena_alloc(&x->arena, x->n_slots * sizeof *x->slots);
    x->tensors = enc_arena_alloc(&x->arena, 2 * x->n_slots * sizeof *x->tensors);
    if (x->w.layers == NULL || x->slots == NULL || x->tensors == NULL)
        return enc_nomem(e);
    memcpy(x->w.layers, w->layers, n_layers);
    enc_weights_slots(c, &x->w, x->slots, x->n_slots);
    return ENC_OK;
}

/* One row; false if a value is not finite. */
static bool quantize_row(const float *x, size_t n, int8_t *out, float *scale)
{
    float max = 0.0f;

    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) return false;
        if (fabsf(x[i]) > max) max = fabsf(x[i]);
    }
    *scale = max / 127.0f;
    for (size_t i = 0; i < n; i++) {
        /* A scale that underflows would divide to infinity: then the row is zero. */
        float q = *scale > 0.0f ? rintf(x[i] / *scale) : 0.0f;
        out[i] = (int8_t)(q > 127.0f ? 127.0f : q < -127.0f ? -127.0f : q);
    }
    return true;
}

static enc_rc quantize(writing *x, const enc_slot *s, enc_err *e)
{
    const float *from = s->mat->data;
    int8_t *to = enc_arena_alloc(&x->arena, s->rows * s->cols);
    float *scale = enc_arena_alloc(&x->arena, s->rows * sizeof *scale);

    if (to == NULL || scale == NULL) return enc_nomem(e);
    for (size_t i = 0; i < s->rows; i++)
        if (!quantize_row(from + i * s->cols, s->cols, to + i * s->cols, &scale[i]))
            return enc_fail(e, ENC_CORRUPT, "tensor %s contains NaN or infinity",
                            s->name);
    *s->mat = (enc_mat){to, ENC_I8, scale, s->rows, s->cols};
    return ENC_OK;
}

static enc_rc widen(writing *x, const enc_slot *s, enc_err *e)
{
    const int8_t *from = s->mat->data;
    size_t n = s->rows * s->cols;
    float *to = enc_arena_alloc(&x->arena, n * sizeof *to);

    if (to == NULL) return enc_nomem(e);
    for (size_t i = 0; i < n; i++) to[i] = s->mat->scale[i / s->cols] * (float)from[i];
    *s->mat = (enc_mat){to, ENC_F32, NULL, s->rows, s->cols};
    return ENC_OK;
}

static bool is_stored(const enc_config *c, const enc_slot *s)
{
    if (s->is_tied && !c->own_decoder) return false;
    return s->is_vector ? *s->vec != NULL : s->mat->data != NULL;
}

/* Brings every matrix into the form asked for. */
static enc_rc convert(writing *x, const enc_config *c, bool int8, enc_err *e)
{
    enc_rc rc = ENC_OK;

    for (size_t i = 0; rc == ENC_OK && i < x->n_slots; i++) {
        const enc_slot *s = &x->slots[i];

        if (s->is_vector || !is_stored(c, s)) continue;
        if (int8 && s->mat->dtype == ENC_F32) rc = quantize(x, s, e);
        if (!int8 && s->mat->dtype == ENC_I8) rc = widen(x, s, e);
    }
    return rc;
}

/* Adds a tensor named "<prefix><name><suffix>". */
static enc_rc add_tensor(writing *x, const char *prefix, const enc_slot *s, bool is_scale,
                         enc_err *e)
{
    const char *suffix = is_scale ? ".scale" : "";
    enc_tensor *t = &x->tensors[x->n_tensors++];
    size_t n = strlen(prefix) + strlen(s->name) + strlen(suffix) + 1;
    char *name = enc_arena_alloc(&x->arena, n);

    if (name == NULL) return enc_nomem(e);
    snprintf(name, n, "%s%s%s", prefix, s->name, suffix);
    *t = (enc_tensor){.name = name, .dtype = ENC_F32, .rank = 1, .shape = {s->rows}};
    if (is_scale) {
        t->data = (const uint8_t *)s->mat->scale;
    } else if (s->is_vector) {
        t->data = (const uint8_t *)*s->vec;
    } else {
        t->data = s->mat->data;
        t->dtype = s->mat->dtype;
        t->rank = 2;
        t->shape[1] = s->cols;
    }
    t->n_bytes = enc_tensor_count(t) * enc_dtype_size(t->dtype);
    return ENC_OK;
}

/* Data lies without holes, so a tensor of an odd size shifts all that follow. Those that
 * fill whole cache lines go first, then floats, then the rest: a matrix is then aligned
 * to 64 bytes wherever its rows are, and a float to 4 always. */
static unsigned rank_of(const enc_tensor *t)
{
    if (t->n_bytes % 64 == 0) return 0;
    return t->dtype == ENC_F32 ? 1 : 2;
}

static enc_rc order_tensors(writing *x, enc_err *e)
{
    enc_tensor *ordered = enc_arena_alloc(&x->arena, x->n_tensors * sizeof *ordered);
    size_t n = 0;

    if (ordered == NULL) return enc_nomem(e);
    for (unsigned rank = 0; rank < 3; rank++)
        for (size_t i = 0; i < x->n_tensors; i++)
            if (rank_of(&x->tensors[i]) == rank) ordered[n++] = x->tensors[i];
    x->tensors = ordered;
    return ENC_OK;
}

/* Body and pooler belong to BertModel, which inside a model with heads is called "bert".
 */
static enc_rc list_tensors(writing *x, const enc_config *c, bool with_prefix, enc_err *e)
{
    enc_rc rc;

    for (size_t i = 0; i < x->n_slots; i++) {
        const enc_slot *s = &x->slots[i];
        bool is_inner = s->part == ENC_PART_BODY || s->part == ENC_PART_POOLER;
        const char *prefix = with_prefix && is_inner ? "bert." : "";

        if (!is_stored(c, s)) continue;
        if ((rc = add_tensor(x, prefix, s, false, e))) return rc;
        if (!s->is_vector && s->mat->dtype == ENC_I8 &&
            (rc = add_tensor(x, prefix, s, true, e)))
            return rc;
    }
    return order_tensors(x, e);
}

/* The configuration as it shall be written: labels only where there is a classifier, or
 * transformers would make one up from random numbers. */
static enc_config described(const enc_config *c, const enc_weights *w)
{
    enc_config said = *c;

    if (w->classifier.w.data == NULL && w->token_classifier.w.data == NULL)
        said.n_labels = 0;
    if (w->answer.w.data == NULL) said.has &= ~(unsigned)ENC_HAS_ANSWERS;
    return said;
}

static bool has_heads(const enc_weights *w)
{
    return w->mlm_transform.w.data != NULL || w->next_sentence.w.data != NULL;
}

static bool has_task(const enc_weights *w)
{
    return w->classifier.w.data != NULL || w->token_classifier.w.data != NULL ||
           w->answer.w.data != NULL;
}

/* --- a blob ---------------------------------------------------------------------------
 */

/* The files that a configuration writes; a blob holds them as metadata. */
static const char *const config_names[] = {
    "config.json", "modules.json", "1_Pooling/config.json", "sentence_bert_config.json",
    "config_sentence_transformers.json"};

enum { N_CONFIGS = COUNT(config_names), VOCAB = N_CONFIGS, TOK_CONFIG, N_TEXTS };

static void write_tensors(writing *x, const enc_wr *texts, const char *note,
                          const char *fingerprint, enc_wr *out)
{
    enc_sft_meta meta[N_TEXTS + 3]; /* "format", "note", "fingerprint" beside the texts */
    size_t n = 0;

    meta[n++] = (enc_sft_meta){"format", {(const uint8_t *)"pt", 2}};
    for (size_t i = 0; texts != NULL && i < N_TEXTS; i++) {
        const char *name = i == VOCAB        ? "vocab.txt"
                           : i == TOK_CONFIG ? "tokenizer_config.json"
                                             : config_names[i];
        meta[n++] = (enc_sft_meta){name, {texts[i].at, texts[i].n}};
    }
    if (note != NULL)
        meta[n++] = (enc_sft_meta){"note", {(const uint8_t *)note, strlen(note)}};
    if (fingerprint != NULL)
        meta[n++] = (enc_sft_meta){"fingerprint", {(const uint8_t *)fingerprint, 32}};
    enc_sft_write(out, x->tensors, x->n_tensors, meta, n);
}

enc_rc enc_save_blob(const enc_config *c, const enc_weights *w, const enc_tok *tok,
                     bool int8, const char *note, enc_wr *out, enc_err *e)
{
    enc_config said = described(c, w);
    enc_wr texts[N_TEXTS];
    char fingerprint[33];
    enc_hash hash;
    writing x;
    enc_rc rc;

    for (size_t i = 0; i < N_TEXTS; i++) enc_wr_init(&texts[i]);
    if ((rc = writing_init(&x, c, w, e))) goto done;
    if ((rc = convert(&x, c, int8, e))) goto done;
    if ((rc = list_tensors(&x, c, false, e))) goto done;
    if ((rc = enc_model_hash(c, &x.w, tok, &hash, e))) goto done;
    enc_hash_text(hash, fingerprint);
    for (size_t i = 0; i < N_CONFIGS; i++)
        enc_config_write(&said, config_names[i], has_heads(w), &texts[i]);
    enc_tok_write_vocab(tok, &texts[VOCAB]);
    enc_tok_write_config(tok, &texts[TOK_CONFIG]);
    for (size_t i = 0; i < N_TEXTS; i++)
        if (texts[i].failed) out->failed = true;
    if (!out->failed) write_tensors(&x, texts, note, fingerprint, out);
    if (out->failed) rc = enc_nomem(e);
done:
    for (size_t i = 0; i < N_TEXTS; i++) enc_wr_clear(&texts[i]);
    writing_clear(&x);
    return rc;
}

/* --- a directory ----------------------------------------------------------------------
 */

static void write_special(const enc_tok *tok, enc_wr *w)
{
    enc_tok_special s = enc_tok_specials(tok);
    const struct {
        const char *key;
        int32_t id;
    } tokens[] = {{"cls_token", s.cls},
                  {"mask_token", s.mask},
                  {"pad_token", s.pad},
                  {"sep_token", s.sep},
                  {"unk_token", s.unk}};
    const char *separator = "{";

    for (size_t i = 0; i < COUNT(tokens); i++) {
        enc_bytes piece = enc_vocab_piece(enc_tok_vocab(tok), tokens[i].id);

        if (piece.at == NULL) continue;
        enc_wr_format(w, "%s\n  \"%s\": ", separator, tokens[i].key);
        enc_wr_json_text(w, (const char *)piece.at, piece.n);
        separator = ",";
    }
    enc_wr_text(w, "\n}\n");
}

static enc_rc put_weights(enc_target *t, const enc_model *m)
{
    bool with_prefix = has_heads(&m->weights) || has_task(&m->weights);
    enc_wr w;
    writing x;
    enc_rc rc;

    enc_wr_init(&w);
    if ((rc = writing_init(&x, &m->config, &m->weights, t->e))) goto done;
    if ((rc = convert(&x, &m->config, false, t->e))) goto done;
    if ((rc = list_tensors(&x, &m->config, with_prefix, t->e))) goto done;
    write_tensors(&x, NULL, NULL, NULL, &w);
    writing_clear(&x);
    return enc_target_put(t, "model.safetensors", &w);
done:
    writing_clear(&x);
    return rc;
}

static enc_rc put_tok(enc_target *t, const enc_tok *tok)
{
    static const struct {
        const char *name;
        void (*write)(const enc_tok *tok, enc_wr *w);
    } files[] = {{"vocab.txt", enc_tok_write_vocab},
                 {"tokenizer.json", enc_tok_write_json},
                 {"tokenizer_config.json", enc_tok_write_config},
                 {"special_tokens_map.json", write_special}};
    enc_rc rc;

    for (size_t i = 0; i < COUNT(files); i++) {
        enc_wr w;

        enc_wr_init(&w);
        files[i].write(tok, &w);
        if ((rc = enc_target_put(t, files[i].name, &w))) return rc;
    }
    return ENC_OK;
}

static enc_rc put_all(enc_target *t, const enc_model *m)
{
    enc_config said = described(&m->config, &m->weights);
    enc_rc rc;

    if ((rc = enc_target_directory(t, "1_Pooling"))) return rc;
    if (said.normalize && (rc = enc_target_directory(t, "2_Normalize"))) return rc;
    for (size_t i = 0; i < N_CONFIGS; i++) {
        enc_wr w;

        enc_wr_init(&w);
        enc_config_write(&said, config_names[i], has_heads(&m->weights), &w);
        if ((rc = enc_target_put(t, config_names[i], &w))) return rc;
    }
    if ((rc = put_tok(t, m->tok))) return rc;
    return put_weights(t, m);
}

/* Whether the files above say all there is to say of a model. */
static bool is_plain(const enc_model *m)
{
    return m->config.arch == &enc_arch_bert && m->config.n_modules == 0 &&
           enc_tok_kind_of(m->tok) == ENC_TOK_WORDPIECE;
}

enc_rc enc_save_directory(const enc_model *m, const char *path, enc_err *e)
{
    enc_target t;
    enc_rc rc;

    if (m->config.dims != 0 || (!is_plain(m) && m->changed != NULL))
        return enc_fail(e, ENC_UNSUPPORTED,
                        "a model of kind %s that was loaded with the option %s cannot be "
                        "saved, for its files would not say so (load it without)",
                        m->config.arch->name, m->changed);
    rc = enc_target_open(&t, path, e);
    if (rc == ENC_OK) rc = is_plain(m) ? put_all(&t, m) : enc_copy_files(m, &t, e);
    return enc_target_close(&t, rc);
}
