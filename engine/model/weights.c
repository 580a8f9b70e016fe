/* weights.c - the table of a BERT's parameters, and what walks it to find them in a file.
 *
 * V vocabulary, D width, I width of the feed-forward layer, L layers. A row of the table
 * is a tensor of Hugging Face's BertForPreTraining or BertForSequenceClassification: its
 * name, its shape and its place in enc_weights or enc_layer. Nothing else in the engine
 * spells these names. */
#include "model/weights.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/threads.h"

/* A size that the configuration decides. VECTOR, as the second of two: there is none. */
typedef enum dim { VECTOR, V, D, I, POSITIONS, SEGMENTS, LABELS, TWO } dim;

typedef struct row {
    const char *name;
    enc_part part;
    dim rows, cols;
    size_t at; /* offset of the enc_mat or the const float * */
} row;

#define IN(member)       offsetof(enc_weights, member)
#define IN_LAYER(member) offsetof(enc_layer, member)
#define LINEAR(n, p, r, c, at)                                                           \
    {n ".weight", p, r, c, at + offsetof(enc_linear, w)},                                \
    {                                                                                    \
        n ".bias", p, r, VECTOR, at + offsetof(enc_linear, b)                            \
    }
#define NORM(n, p, at)                                                                   \
    {n ".weight", p, D, VECTOR, at + offsetof(enc_layernorm, gain)},                     \
    {                                                                                    \
        n ".bias", p, D, VECTOR, at + offsetof(enc_layernorm, bias)                      \
    }

static const row embeddings[] = {
    {"embeddings.word_embeddings.weight", ENC_PART_BODY, V, D, IN(word)},
    {"embeddings.position_embeddings.weight", ENC_PART_BODY, POSITIONS, D, IN(position)},
    {"embeddings.token_type_embeddings.weight", ENC_PART_BODY, SEGMENTS, D, IN(segment)},
    NORM("embeddings.LayerNorm", ENC_PART_BODY, IN(emb_norm)),
};

static const row layer_rows[] = {
    /* names follow "encoder.layer.N." */
    LINEAR("attention.self.query", ENC_PART_BODY, D, D, IN_LAYER(query)),
    LINEAR("attention.self.key", ENC_PART_BODY, D, D, IN_LAYER(key)),
    LINEAR("attention.self.value", ENC_PART_BODY, D, D, IN_LAYER(value)),
    LINEAR("attention.output.dense", ENC_PART_BODY, D, D, IN_LAYER(attn_out)),
    NORM("attention.output.LayerNorm", ENC_PART_BODY, IN_LAYER(attn_norm)),
    LINEAR("intermediate.dense", ENC_PART_BODY, I, D, IN_LAYER(up)),
    LINEAR("output.dense", ENC_PART_BODY, D, I, IN_LAYER(down)),
    NORM("output.LayerNorm", ENC_PART_BODY, IN_LAYER(out_norm)),
};

static const char tied_name[] = "cls.predictions.decoder.weight";

static const row heads[] = {
    LINEAR("pooler.dense", ENC_PART_POOLER, D, D, IN(pooler)),
    LINEAR("classifier", ENC_PART_CLASSIFIER, LABELS, D, IN(classifier)),
    LINEAR("cls.predictions.transform.dense", ENC_PART_MLM, D, D, IN(mlm_transform)),
    NORM("cls.predictions.transform.LayerNorm", ENC_PART_MLM, IN(mlm_norm)),
    {tied_name, ENC_PART_MLM, V, D, IN(mlm_decoder)},
    {"cls.predictions.bias", ENC_PART_MLM, V, VECTOR, IN(mlm_bias)},
    LINEAR("cls.seq_relationship", ENC_PART_NSP, TWO, D, IN(next_sentence)),
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static size_t size_of(const enc_config *c, dim d)
{
    switch (d) {
    case VECTOR: return 1;
    case V: return c->n_vocab;
    case D: return c->hidden;
    case I: return c->inner;
    case POSITIONS: return c->n_positions;
    case SEGMENTS: return c->n_segments;
    case LABELS: return c->n_labels;
    case TWO: return 2;
    }
    return 0;
}

/* A list being written: at most cap slots, while all are counted. */
typedef struct list {
    const enc_config *c;
    enc_slot *out;
    size_t n, cap;
} list;

/* Adds the rows of a table whose places are offsets into `base` (NULL: names only). */
static void add_rows(list *l, const row *rows, size_t n, const char *prefix, void *base)
{
    for (size_t i = 0; i < n; i++) {
        const row *r = &rows[i];
        size_t n_rows = size_of(l->c, r->rows);

        if (n_rows == 0) continue; /* a classifier without labels */
        if (l->out != NULL && l->n < l->cap) {
            enc_slot *s = &l->out[l->n];
            void *place = base == NULL ? NULL : (char *)base + r->at;

            memset(s, 0, sizeof *s);
            snprintf(s->name, sizeof s->name, "%s%s", prefix, r->name);
            s->part = r->part;
            s->rows = n_rows;
            s->cols = size_of(l->c, r->cols);
            s->is_vector = r->cols == VECTOR;
            s->is_tied = r->name == tied_name;
            if (s->is_vector) s->vec = place;
            else s->mat = place;
        }
        l->n++;
    }
}

size_t enc_weights_slots(const enc_config *c, enc_weights *w, enc_slot *out, size_t cap)
{
    list l = {c, out, 0, cap};

    add_rows(&l, embeddings, COUNT(embeddings), "", w);
    for (size_t i = 0; i < c->n_layers; i++) {
        char prefix[48];

        snprintf(prefix, sizeof prefix, "encoder.layer.%zu.", i);
        add_rows(&l, layer_rows, COUNT(layer_rows), prefix, w ? &w->layers[i] : NULL);
    }
    add_rows(&l, heads, COUNT(heads), "", w);
    return l.n;
}

/* --- binding --------------------------------------------------------------------------
 */

#define STRETCH ((size_t)1 << 20) /* values that one thread checks at a time */

typedef struct stretch { /* values of a tensor, still to be checked */
    const enc_tensor *t;
    const float *at;
    size_t n;
    bool is_finite;
} stretch;

typedef struct binder {
    enc_arena *a;
    const enc_files *f;
    stretch *stretches;
    size_t n_stretches, cap_stretches;
    enc_err *e;
} binder;

/* "...weight" -> "...gamma" and "...bias" -> "...beta", as files converted from
 * TensorFlow say; false if the name has no such form. */
static bool old_name(const char *name, char *out, size_t n)
{
    const char *norm = strstr(name, "LayerNorm.");

    if (norm == NULL) return false;
    snprintf(out, n, "%.*s%s", (int)(norm - name) + 10, name,
             strcmp(norm + 10, "weight") == 0 ? "gamma" : "beta");
    return true;
}

/* The tensor of a name with or without the prefix of a model that has heads. */
static const enc_tensor *find_prefixed(const enc_files *f, const char *name)
{
    static const char *const prefixes[] = {"", "bert."};
    const enc_tensor *t = NULL;

    for (size_t i = 0; t == NULL && i < COUNT(prefixes); i++) {
        char whole[ENC_NAME_MAX + 8];

        snprintf(whole, sizeof whole, "%s%s", prefixes[i], name);
        t = enc_files_tensor(f, whole);
    }
    return t;
}

static const enc_tensor *find_tensor(const enc_files *f, const char *name)
{
    const enc_tensor *t = find_prefixed(f, name);
    char other[ENC_NAME_MAX];

    if (t == NULL && old_name(name, other, sizeof other)) t = find_prefixed(f, other);
    if (t == NULL && strcmp(name, "cls.predictions.bias") == 0)
        t = enc_files_tensor(f, "cls.predictions.decoder.bias");
    return t;
}

static enc_rc check_later(binder *b, const enc_tensor *t, const float *x)
{
    const size_t n = enc_tensor_count(t);

    for (size_t i = 0; i < n; i += STRETCH) {
        void *array = b->stretches;

        if (!enc_mem_reserve(&array, &b->cap_stretches, b->n_stretches + 1,
                             sizeof *b->stretches))
            return enc_nomem(b->e);
        b->stretches = array;
        b->stretches[b->n_stretches++] =
            (stretch){t, x + i, n - i < STRETCH ? n - i : STRETCH, false};
    }
    return ENC_OK;
}

/* The values of a float tensor: where they lie, or converted. */
static enc_rc bind_floats(binder *b, const enc_tensor *t, const float **out)
{
    const float *x = (const float *)(const void *)t->data;

    if (t->dtype != ENC_F32 && t->dtype != ENC_F16 && t->dtype != ENC_BF16)
        return enc_fail(b->e, ENC_UNSUPPORTED,
                        "tensor %s is of type %s, expected F32, F16 or BF16", t->name,
                        enc_dtype_name(t->dtype));
    if (t->dtype != ENC_F32 || (uintptr_t)t->data % sizeof *x != 0) {
        size_t n = enc_tensor_count(t), n_bytes;
        float *copy = enc_mem_mul(n, sizeof *copy, &n_bytes)
                          ? enc_arena_alloc(b->a, n_bytes)
                          : NULL;

        if (copy == NULL) return enc_nomem(b->e);
        enc_tensor_to_f32(t, copy);
        enc_files_release(b->f, t->data, t->n_bytes);
        x = copy;
    }
    *out = x;
    return check_later(b, t, x);
}

static enc_rc check_shape(binder *b, const enc_tensor *t, const enc_tensor *wanted)
{
    char found[96], expected[96];

    if (t->rank == wanted->rank && t->shape[0] == wanted->shape[0] &&
        (t->rank < 2 || t->shape[1] == wanted->shape[1]))
        return ENC_OK;
    enc_tensor_shape_text(t, found, sizeof found);
    enc_tensor_shape_text(wanted, expected, sizeof expected);
    return enc_fail(b->e, ENC_CORRUPT, "tensor %s has shape %s, expected %s", t->name,
                    found, expected);
}

/* The scales beside an int8 matrix. */
static enc_rc bind_scale(binder *b, const enc_tensor *t, const float **out)
{
    enc_tensor wanted = {.rank = 1, .shape = {t->shape[0]}};
    char name[ENC_NAME_MAX + 16];
    const enc_tensor *scale;
    enc_rc rc;

    snprintf(name, sizeof name, "%s.scale", t->name);
    scale = enc_files_tensor(b->f, name);
    if (scale == NULL) return enc_fail(b->e, ENC_CORRUPT, "tensor %s missing", name);
    if ((rc = check_shape(b, scale, &wanted))) return rc;
    return bind_floats(b, scale, out);
}

static enc_rc bind_slot(binder *b, const enc_slot *s, const enc_tensor *t)
{
    enc_tensor wanted = {.rank = s->is_vector ? 1 : 2, .shape = {s->rows, s->cols}};
    const float *values;
    enc_rc rc;

    if ((rc = check_shape(b, t, &wanted))) return rc;
    if (s->is_vector) return bind_floats(b, t, s->vec);
    *s->mat = (enc_mat){.dtype = t->dtype, .rows = s->rows, .cols = s->cols};
    if (t->dtype == ENC_I8) {
        if ((rc = bind_scale(b, t, &s->mat->scale))) return rc;
        s->mat->data = t->data;
        return ENC_OK;
    }
    if ((rc = bind_floats(b, t, &values))) return rc;
    s->mat->dtype = ENC_F32;
    s->mat->data = values;
    return ENC_OK;
}

/* Which heads have all their tensors; a part of one is as good as none. */
static void find_heads(const enc_config *c, const enc_files *f, const enc_slot *slots,
                       size_t n, bool has[ENC_PART_NSP + 1])
{
    for (size_t p = 0; p <= ENC_PART_NSP; p++) has[p] = true;
    for (size_t i = 0; i < n; i++) {
        if (slots[i].part == ENC_PART_BODY || (slots[i].is_tied && !c->own_decoder))
            continue;
        if (find_tensor(f, slots[i].name) == NULL) has[slots[i].part] = false;
    }
}

static enc_rc bind_slots(binder *b, enc_weights *w, const enc_config *c,
                         const enc_slot *slots, size_t n)
{
    bool has[ENC_PART_NSP + 1];
    enc_rc rc;

    find_heads(c, b->f, slots, n, has);
    for (size_t i = 0; i < n; i++) {
        const enc_slot *s = &slots[i];

        if (!has[s->part]) continue;
        if (s->is_tied && !c->own_decoder) {
            *s->mat = w->word;
            continue;
        }
        const enc_tensor *t = find_tensor(b->f, s->name);
        if (t == NULL) return enc_fail(b->e, ENC_CORRUPT, "tensor %s missing", s->name);
        if ((rc = bind_slot(b, s, t))) return rc;
    }
    return ENC_OK;
}

/* The sign bit of the sum is set where all bits of an exponent are: infinity or NaN. No
 * branch inside, so that a compiler makes vectors of it. */
static bool all_finite(const float *x, size_t n)
{
    uint32_t any = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t bits;

        memcpy(&bits, &x[i], sizeof bits);
        any |= (bits & 0x7f800000u) + 0x00800000u;
    }
    return any >> 31 == 0;
}

static void check_stretch(void *arg, size_t i)
{
    const binder *b = arg;
    stretch *s = &b->stretches[i];

    s->is_finite = all_finite(s->at, s->n);
    enc_files_release(b->f, s->at, s->n * sizeof *s->at);
}

/* Reads all values of all weights once: the longest part of opening a model, and as fast
 * as memory is. */
static enc_rc check_stretches(binder *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->n_stretches; i++) n += b->stretches[i].n;
    if (n > STRETCH) enc_threads_run(b->n_stretches, check_stretch, b);
    else
        for (size_t i = 0; i < b->n_stretches; i++) check_stretch(b, i);
    for (size_t i = 0; i < b->n_stretches; i++)
        if (!b->stretches[i].is_finite)
            return enc_fail(b->e, ENC_CORRUPT, "tensor %s contains NaN or infinity",
                            b->stretches[i].t->name);
    return ENC_OK;
}

enc_rc enc_weights_bind(enc_weights *w, enc_arena *a, const enc_config *c,
                        const enc_files *f, enc_err *e)
{
    binder b = {.a = a, .f = f, .e = e};
    size_t n = enc_weights_slots(c, NULL, NULL, 0);
    enc_slot *slots = enc_mem_array(n, sizeof *slots);
    enc_rc rc;

    memset(w, 0, sizeof *w);
    w->layers = enc_arena_alloc(a, c->n_layers * sizeof *w->layers);
    if (slots == NULL || w->layers == NULL) {
        rc = enc_nomem(e);
    } else {
        enc_weights_slots(c, w, slots, n);
        rc = bind_slots(&b, w, c, slots, n);
    }
    if (rc == ENC_OK) rc = check_stretches(&b);
    enc_mem_free(b.stretches);
    enc_mem_free(slots);
    return rc;
}

/* --- counting -------------------------------------------------------------------------
 */

static bool has_part(const enc_weights *w, enc_part part)
{
    switch (part) {
    case ENC_PART_BODY: return true;
    case ENC_PART_POOLER: return w->pooler.w.data != NULL;
    case ENC_PART_CLASSIFIER: return w->classifier.w.data != NULL;
    case ENC_PART_MLM: return w->mlm_transform.w.data != NULL;
    case ENC_PART_NSP: return w->next_sentence.w.data != NULL;
    }
    return false;
}

/* Parameters of one table's rows, each counted where the model has its part. */
static size_t count_rows(const enc_config *c, const enc_weights *w, const row *rows,
                         size_t n)
{
    bool is_tied = w->mlm_decoder.data == w->word.data;
    size_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        if (!has_part(w, rows[i].part)) continue;
        if (rows[i].name == tied_name && is_tied) continue;
        sum += size_of(c, rows[i].rows) * size_of(c, rows[i].cols);
    }
    return sum;
}

void enc_mat_row(const enc_mat *m, size_t r, float *out)
{
    if (m->dtype != ENC_I8) {
        memcpy(out, (const float *)m->data + r * m->cols, m->cols * sizeof *out);
        return;
    }
    const int8_t *q = (const int8_t *)m->data + r * m->cols;
    const float scale = m->scale[r];
    for (size_t i = 0; i < m->cols; i++) out[i] = (float)q[i] * scale;
}

size_t enc_weights_count(const enc_config *c, const enc_weights *w)
{
    return count_rows(c, w, embeddings, COUNT(embeddings)) +
           count_rows(c, w, layer_rows, COUNT(layer_rows)) * c->n_layers +
           count_rows(c, w, heads, COUNT(heads));
}
