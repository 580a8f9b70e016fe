/* weights.c - what walks the tables of arch.h: to list the parameters of an encoder, to
 * find them in a file, to count them. */
#include "model/weights.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "model/arch.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static size_t size_of(const enc_config *c, enc_dim d)
{
    const size_t sizes[] = {[ENC_DIM_VECTOR] = 1,
                            [ENC_DIM_V] = c->n_vocab,
                            [ENC_DIM_VECTORS] = c->n_vectors,
                            [ENC_DIM_D] = c->hidden,
                            [ENC_DIM_3D] = 3 * c->hidden,
                            [ENC_DIM_E] = c->embedding,
                            [ENC_DIM_I] = c->inner,
                            [ENC_DIM_2I] = 2 * c->inner,
                            [ENC_DIM_POSITIONS] = c->n_positions,
                            [ENC_DIM_SEGMENTS] = c->n_segments,
                            [ENC_DIM_BUCKETS] = c->n_buckets,
                            [ENC_DIM_HEADS] = c->n_heads,
                            [ENC_DIM_LABELS] = c->n_labels,
                            [ENC_DIM_TWO] = 2};

    return sizes[d];
}

/* Whether a configuration has what a row describes; `layer` is 0 outside of layers. */
static bool is_there(const enc_config *c, const enc_arch_row *r, size_t layer)
{
    if ((r->needs & c->has) != r->needs) return false;
    if (r->not_first && layer == 0) return false;
    if (r->part == ENC_PART_CLASSIFIER && (c->n_labels == 0 || c->labels_tokens))
        return false;
    if (r->part == ENC_PART_TOKENS && !c->labels_tokens) return false;
    if (r->part == ENC_PART_ANSWER && !(c->has & ENC_HAS_ANSWERS)) return false;
    return size_of(c, r->rows) > 0; /* no segments, say */
}

/* A list being written: at most cap slots, while all are counted. */
typedef struct list {
    const enc_config *c;
    enc_slot *out;
    size_t n, cap;
} list;

/* Adds the rows of a table whose places are offsets into `base` (NULL: names only). */
static void add_rows(list *l, const enc_arch_table *t, const char *prefix, size_t layer,
                     void *base)
{
    for (size_t i = 0; i < t->n; i++) {
        const enc_arch_row *r = &t->rows[i];

        if (!is_there(l->c, r, layer)) continue;
        if (l->out != NULL && l->n < l->cap) {
            enc_slot *s = &l->out[l->n];
            void *place = base == NULL ? NULL : (char *)base + r->at;

            memset(s, 0, sizeof *s);
            snprintf(s->name, sizeof s->name, "%s%s", prefix, r->name);
            s->or_name = r->or_name;
            s->part = r->part;
            s->rows = size_of(l->c, r->rows);
            s->cols = size_of(l->c, r->cols);
            s->is_vector = r->cols == ENC_DIM_VECTOR;
            s->is_tied = r->is_tied && !l->c->own_decoder;
            s->split = r->split != 0 ? r->split : 1;
            if (s->is_vector) s->vec = place;
            else s->mat = place;
        }
        l->n++;
    }
}

size_t enc_weights_slots(const enc_config *c, enc_weights *w, enc_slot *out, size_t cap)
{
    const enc_arch *arch = c->arch;
    list l = {c, out, 0, cap};

    add_rows(&l, &arch->embeddings, "", 0, w);
    for (size_t i = 0; i < enc_arch_layers(c); i++) {
        char prefix[64];

        snprintf(prefix, sizeof prefix, "%s%zu.", arch->layer, i);
        add_rows(&l, &arch->layer_rows, prefix, i, w ? &w->layers[i] : NULL);
    }
    add_rows(&l, &arch->heads, "", 0, w);
    return l.n;
}

/* --- binding --------------------------------------------------------------------------
 */

typedef struct binder {
    enc_arena *a;
    const enc_files *f;
    bool is_static;
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
static const enc_tensor *find_prefixed(const enc_files *f, const char *prefix,
                                       const char *name)
{
    const enc_tensor *t = enc_files_tensor(f, name);
    char whole[ENC_NAME_MAX + 16];

    if (t != NULL || prefix == NULL) return t;
    snprintf(whole, sizeof whole, "%s%s", prefix, name);
    return enc_files_tensor(f, whole);
}

static const enc_tensor *find_tensor(const enc_files *f, const enc_config *c,
                                     const enc_slot *s)
{
    const char *prefix = c->arch->prefix;
    const enc_tensor *t = find_prefixed(f, prefix, s->name);
    char other[ENC_NAME_MAX];

    if (t == NULL && old_name(s->name, other, sizeof other))
        t = find_prefixed(f, prefix, other);
    if (t == NULL && s->or_name != NULL) t = find_prefixed(f, prefix, s->or_name);
    return t;
}

/* The values of a float tensor: where they lie, or converted. */
static enc_rc bind_floats(binder *b, const enc_tensor *t, const float **out)
{
    const float *x = (const float *)(const void *)t->data;

    if (!enc_dtype_is_float(t->dtype))
        return enc_fail(b->e, ENC_UNSUPPORTED,
                        "tensor %s is of type %s, expected F32, F16 or BF16", t->name,
                        enc_dtype_name(t->dtype));
    if (t->dtype != ENC_F32 || (uintptr_t)t->data % sizeof *x != 0) {
        float *copy = enc_arena_array(b->a, enc_tensor_count(t), sizeof *copy);

        if (copy == NULL) return enc_nomem(b->e);
        enc_tensor_to_f32(t, copy);
        enc_files_release(b->f, t->data, t->n_bytes);
        x = copy;
    }
    *out = x;
    return ENC_OK;
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

/* model2vec takes its int8 vectors for what they are. */
static enc_rc bind_ones(binder *b, size_t n, const float **out)
{
    float *ones = enc_arena_alloc(b->a, n * sizeof *ones);

    if (ones == NULL) return enc_nomem(b->e);
    for (size_t i = 0; i < n; i++) ones[i] = 1.0f;
    *out = ones;
    return ENC_OK;
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
    if (scale == NULL && b->is_static) return bind_ones(b, t->shape[0], out);
    if (scale == NULL) return enc_fail(b->e, ENC_CORRUPT, "tensor %s missing", name);
    if ((rc = check_shape(b, scale, &wanted))) return rc;
    return bind_floats(b, scale, out);
}

/* The i-th of the places that a slot's rows go to. */
static void *place_of(void *first, const enc_slot *s, int i)
{
    const ptrdiff_t step = (ptrdiff_t)sizeof(enc_linear) * (s->split < 0 ? -1 : 1);

    return (char *)first + i * step;
}

static enc_rc bind_vector(binder *b, const enc_slot *s, const enc_tensor *t)
{
    const int n = s->split < 0 ? -s->split : s->split;
    const float *values;
    enc_rc rc = bind_floats(b, t, &values);

    for (int i = 0; rc == ENC_OK && i < n; i++)
        *(const float **)place_of((void *)s->vec, s, i) =
            values + (size_t)i * (s->rows / (size_t)n);
    return rc;
}

static enc_rc bind_matrix(binder *b, const enc_slot *s, const enc_tensor *t)
{
    const int n = s->split < 0 ? -s->split : s->split;
    const size_t rows = s->rows / (size_t)n;
    enc_mat all = {.dtype = ENC_I8, .rows = rows, .cols = s->cols, .data = t->data};
    const float *values;
    enc_rc rc;

    if (t->dtype == ENC_I8) {
        if ((rc = bind_scale(b, t, &all.scale))) return rc;
    } else {
        if ((rc = bind_floats(b, t, &values))) return rc;
        all.dtype = ENC_F32;
        all.data = values;
    }
    for (int i = 0; i < n; i++) {
        enc_mat *to = place_of(s->mat, s, i);

        *to = all;
        all.data = (const char *)all.data + rows * s->cols * enc_dtype_size(all.dtype);
        if (all.scale != NULL) all.scale += rows;
    }
    return ENC_OK;
}

static enc_rc bind_slot(binder *b, const enc_slot *s, const enc_tensor *t)
{
    enc_tensor wanted = {.rank = s->is_vector ? 1 : 2, .shape = {s->rows, s->cols}};
    enc_rc rc = check_shape(b, t, &wanted);

    if (rc != ENC_OK) return rc;
    return s->is_vector ? bind_vector(b, s, t) : bind_matrix(b, s, t);
}

/* Which heads have all their tensors; a part of one is as good as none. */
static void find_heads(const enc_config *c, const enc_files *f, const enc_slot *slots,
                       size_t n, bool has[ENC_PART_NSP + 1])
{
    bool is_listed[ENC_PART_NSP + 1] = {false};

    for (size_t i = 0; i < n; i++) is_listed[slots[i].part] = true;
    memcpy(has, is_listed, sizeof is_listed);
    for (size_t i = 0; i < n; i++) {
        if (slots[i].part == ENC_PART_BODY || slots[i].is_tied) continue;
        if (find_tensor(f, c, &slots[i]) == NULL) has[slots[i].part] = false;
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
        if (s->is_tied) {
            *s->mat = w->word;
            continue;
        }
        const enc_tensor *t = find_tensor(b->f, c, s);
        if (t == NULL) return enc_fail(b->e, ENC_CORRUPT, "tensor %s missing", s->name);
        if ((rc = bind_slot(b, s, t))) return rc;
    }
    return ENC_OK;
}

/* Which vector each piece of a static model has, where pieces share them. */
static enc_rc bind_vectors(binder *b, enc_weights *w, const enc_config *c)
{
    const enc_tensor *t = enc_files_tensor(b->f, "mapping"),
                     wanted = {.rank = 1, .shape = {c->n_vocab}};
    int32_t *rows;
    enc_rc rc;

    if (!b->is_static || t == NULL) return ENC_OK;
    if ((rc = check_shape(b, t, &wanted))) return rc;
    if (t->dtype != ENC_I32 && t->dtype != ENC_I64)
        return enc_fail(b->e, ENC_UNSUPPORTED,
                        "tensor mapping is of type %s, expected I32 or I64",
                        enc_dtype_name(t->dtype));
    if ((rows = enc_arena_alloc(b->a, c->n_vocab * sizeof *rows)) == NULL)
        return enc_nomem(b->e);
    for (size_t i = 0; i < c->n_vocab; i++) {
        const int64_t row = enc_tensor_int(t, i);

        if (row < 0 || (uint64_t)row >= c->n_vectors)
            return enc_fail(b->e, ENC_CORRUPT,
                            "tensor mapping: piece %zu has vector %lld of %zu", i,
                            (long long)row, c->n_vectors);
        rows[i] = (int32_t)row;
    }
    w->word_vector = rows;
    return ENC_OK;
}

static void set_bias(enc_layernorm *n, const float *zeros)
{
    if (n->gain != NULL) n->bias = zeros;
}

/* Norms without a bias get zeros, so that there is one kind of norm. */
static enc_rc set_biases(binder *b, enc_weights *w, const enc_config *c)
{
    const size_t n = c->hidden > c->embedding ? c->hidden : c->embedding;
    float *zeros;

    if ((c->has & ENC_HAS_NORM_BIAS) || c->n_layers == 0) return ENC_OK;
    if ((zeros = enc_arena_alloc(b->a, n * sizeof *zeros)) == NULL)
        return enc_nomem(b->e);
    memset(zeros, 0, n * sizeof *zeros);
    set_bias(&w->emb_norm, zeros);
    set_bias(&w->final_norm, zeros);
    set_bias(&w->head_norm, zeros);
    set_bias(&w->mlm_norm, zeros);
    for (size_t i = 0; i < enc_arch_layers(c); i++) {
        set_bias(&w->layers[i].attn_norm, zeros);
        set_bias(&w->layers[i].out_norm, zeros);
    }
    return ENC_OK;
}

enc_rc enc_weights_bind(enc_weights *w, enc_arena *a, const enc_config *c,
                        const enc_files *f, enc_err *e)
{
    binder b = {.a = a, .f = f, .is_static = c->arch == &enc_arch_static, .e = e};
    size_t n = enc_weights_slots(c, NULL, NULL, 0);
    enc_slot *slots = enc_mem_array(n, sizeof *slots);
    enc_rc rc;

    memset(w, 0, sizeof *w);
    w->layers = enc_arena_alloc(a, enc_arch_layers(c) * sizeof *w->layers);
    if (slots == NULL || w->layers == NULL) {
        rc = enc_nomem(e);
    } else {
        memset(w->layers, 0, enc_arch_layers(c) * sizeof *w->layers);
        enc_weights_slots(c, w, slots, n);
        rc = bind_slots(&b, w, c, slots, n);
    }
    if (rc == ENC_OK) rc = bind_vectors(&b, w, c);
    if (rc == ENC_OK) rc = set_biases(&b, w, c);
    enc_mem_free(slots);
    return rc;
}

/* --- counting -------------------------------------------------------------------------
 */

static bool has_part(const enc_weights *w, enc_part part)
{
    const void *const of_each[] = {[ENC_PART_BODY] = w,
                                   [ENC_PART_POOLER] = w->pooler.w.data,
                                   [ENC_PART_CLASSIFIER] = w->classifier.w.data,
                                   [ENC_PART_TOKENS] = w->token_classifier.w.data,
                                   [ENC_PART_ANSWER] = w->answer.w.data,
                                   [ENC_PART_MLM] = w->mlm_transform.w.data,
                                   [ENC_PART_NSP] = w->next_sentence.w.data};

    return of_each[part] != NULL;
}

/* Parameters of one table's rows, each counted where the model has its part. */
static size_t count_rows(const enc_config *c, const enc_weights *w,
                         const enc_arch_table *t, size_t layer)
{
    size_t sum = 0;

    for (size_t i = 0; i < t->n; i++) {
        const enc_arch_row *r = &t->rows[i];

        if (!is_there(c, r, layer) || !has_part(w, r->part)) continue;
        if (r->is_tied && w->mlm_decoder.data == w->word.data) continue;
        sum += size_of(c, r->rows) * size_of(c, r->cols);
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
    size_t sum =
        count_rows(c, w, &c->arch->embeddings, 0) + count_rows(c, w, &c->arch->heads, 0);

    for (size_t i = 0; i < enc_arch_layers(c); i++)
        sum += count_rows(c, w, &c->arch->layer_rows, i);
    return sum;
}
