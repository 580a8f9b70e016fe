/* gguf.c - see gguf.h for the format. */
#include "model/gguf.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "model/quant.h"

#define NESTING_MAX   4     /* arrays of arrays */
#define ALIGNMENT_MAX 65536 /* bytes */
#define NAME_SHOWN    80    /* bytes of a foreign name that a sentence repeats */

enum { U8, I8, U16, I16, U32, I32, F32, BOOL, TEXT, ARRAY, U64, I64, F64, N_TYPES };

/* Bytes of a value; 0: it says itself how long it is. */
static const uint8_t value_sizes[N_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

typedef struct value {
    enc_bytes key;
    bool is_array;
    uint32_t type; /* of the value or of an array's elements */
    size_t n;      /* elements of an array */
    enc_rd at;
} value;

struct enc_gguf {
    const char *what;
    enc_bytes bytes;
    enc_arena names;
    value *values;       /* sorted by key */
    enc_tensor *tensors; /* sorted by name */
    size_t n_values, n_tensors;
};

/* What a ggml calls its types, by their numbers. Those without a type of ours are only
 * named, so that the refusal can say which it is. */
static const struct {
    const char *name; /* NULL: no longer in use */
    enc_dtype dtype;
} types[] = {
    {"F32", ENC_F32},       {"F16", ENC_F16},       {"Q4_0", ENC_Q4_0},
    {"Q4_1", ENC_Q4_1},     {NULL, ENC_OTHER},      {NULL, ENC_OTHER},
    {"Q5_0", ENC_Q5_0},     {"Q5_1", ENC_Q5_1},     {"Q8_0", ENC_Q8_0},
    {"Q8_1", ENC_OTHER},    {"Q2_K", ENC_OTHER},    {"Q3_K", ENC_OTHER},
    {"Q4_K", ENC_Q4_K},     {"Q5_K", ENC_Q5_K},     {"Q6_K", ENC_Q6_K},
    {"Q8_K", ENC_OTHER},    {"IQ2_XXS", ENC_OTHER}, {"IQ2_XS", ENC_OTHER},
    {"IQ3_XXS", ENC_OTHER}, {"IQ1_S", ENC_OTHER},   {"IQ4_NL", ENC_OTHER},
    {"IQ3_S", ENC_OTHER},   {"IQ2_S", ENC_OTHER},   {"IQ4_XS", ENC_OTHER},
    {"I8", ENC_OTHER},      {"I16", ENC_OTHER},     {"I32", ENC_OTHER},
    {"I64", ENC_OTHER},     {"F64", ENC_OTHER},     {"IQ1_M", ENC_OTHER},
    {"BF16", ENC_BF16},
};

/* --- reading --------------------------------------------------------------------------
 */

static size_t read_size(enc_rd *r)
{
    uint64_t n = enc_rd_u64(r);

    if (n > SIZE_MAX) r->failed = true;
    return (size_t)n;
}

static enc_bytes read_text(enc_rd *r)
{
    size_t n = read_size(r);
    const uint8_t *at = enc_rd_span(r, n, 1);

    return (enc_bytes){at, at == NULL ? 0 : n};
}

/* Passes over n values of a type; ends early at the end of the file. */
static enc_rc skip_values(enc_rd *r, uint32_t type, size_t n, int depth, const value *v,
                          const char *what, enc_err *e)
{
    enc_rc rc = ENC_OK;

    if (type >= N_TYPES)
        return enc_fail(e, ENC_UNSUPPORTED, "%s: key %.*s: unknown type %u of value",
                        what, (int)v->key.n, (const char *)v->key.at, (unsigned)type);
    if (depth > NESTING_MAX)
        return enc_fail(e, ENC_RANGE, "%s: key %.*s: arrays nested deeper than %d", what,
                        (int)v->key.n, (const char *)v->key.at, NESTING_MAX);
    if (value_sizes[type] > 0) enc_rd_span(r, n, value_sizes[type]);
    else
        for (size_t i = 0; i < n && rc == ENC_OK && enc_rd_ok(r); i++) {
            if (type == TEXT) {
                read_text(r);
            } else {
                uint32_t inner = enc_rd_u32(r);
                size_t count = read_size(r);

                if (enc_rd_ok(r))
                    rc = skip_values(r, inner, count, depth + 1, v, what, e);
            }
        }
    return rc;
}

static enc_rc fail_short(const enc_gguf *g, const char *where, size_t i, size_t n,
                         enc_err *e)
{
    return enc_fail(e, ENC_CORRUPT, "%s: ends in %s %zu of %zu, after %zu bytes", g->what,
                    where, i + 1, n, g->bytes.n);
}

static enc_rc read_value(enc_gguf *g, enc_rd *r, size_t i, enc_err *e)
{
    value *v = &g->values[i];
    enc_rc rc;

    v->key = read_text(r);
    if (enc_rd_ok(r) && (v->key.n == 0 || v->key.n >= ENC_NAME_MAX))
        return enc_fail(e, ENC_RANGE, "%s: key %zu has %zu bytes, allowed are 1 to %d",
                        g->what, i + 1, v->key.n, ENC_NAME_MAX - 1);
    v->type = enc_rd_u32(r);
    v->n = 1;
    v->is_array = v->type == ARRAY;
    if (v->is_array) {
        v->type = enc_rd_u32(r);
        v->n = read_size(r);
    }
    if (!enc_rd_ok(r)) return fail_short(g, "key", i, g->n_values, e);
    v->at = *r;
    if ((rc = skip_values(r, v->type, v->n, 1, v, g->what, e))) return rc;
    return enc_rd_ok(r) ? ENC_OK : fail_short(g, "key", i, g->n_values, e);
}

/* Fills name, type and shape; *offset is where its data begins. */
static enc_rc read_tensor(enc_gguf *g, enc_rd *r, size_t i, uint64_t *offset, enc_err *e)
{
    enc_tensor *t = &g->tensors[i];
    enc_bytes name = read_text(r);
    uint32_t rank = enc_rd_u32(r), type;

    if (!enc_rd_ok(r)) return fail_short(g, "tensor", i, g->n_tensors, e);
    if (name.n == 0 || name.n >= ENC_NAME_MAX || memchr(name.at, 0, name.n) != NULL)
        return enc_fail(e, ENC_CORRUPT,
                        "%s: the name of tensor %zu is not a text of 1 to %d bytes",
                        g->what, i + 1, ENC_NAME_MAX - 1);
    t->name = enc_arena_text(&g->names, (const char *)name.at, name.n);
    if (t->name == NULL) return enc_nomem(e);
    if (rank > ENC_RANK_MAX)
        return enc_fail(e, ENC_RANGE, "%s: tensor %.*s: rank %u, limit %d", g->what,
                        NAME_SHOWN, t->name, (unsigned)rank, ENC_RANK_MAX);
    t->rank = rank;
    for (size_t k = rank; k-- > 0;) t->shape[k] = read_size(r);
    type = enc_rd_u32(r);
    *offset = enc_rd_u64(r);
    if (!enc_rd_ok(r)) return fail_short(g, "tensor", i, g->n_tensors, e);
    t->dtype = type < sizeof types / sizeof *types ? types[type].dtype : ENC_OTHER;
    if (t->dtype != ENC_OTHER) return ENC_OK;
    if (type < sizeof types / sizeof *types && types[type].name != NULL)
        return enc_fail(e, ENC_UNSUPPORTED,
                        "%s: tensor %.*s is of type %s, which is not supported", g->what,
                        NAME_SHOWN, t->name, types[type].name);
    return enc_fail(e, ENC_UNSUPPORTED, "%s: tensor %.*s is of unknown type %u", g->what,
                    NAME_SHOWN, t->name, (unsigned)type);
}

/* Bytes that type and shape ask for. */
static enc_rc measure(const enc_gguf *g, enc_tensor *t, enc_err *e)
{
    const enc_quant *q = enc_quant_find(t->dtype);
    size_t n = 1, row = t->rank > 0 ? t->shape[t->rank - 1] : 1;
    bool fits = true;

    for (size_t k = 0; k < t->rank; k++) fits = fits && enc_mem_mul(n, t->shape[k], &n);
    if (q != NULL && row % q->n_values != 0)
        return enc_fail(e, ENC_CORRUPT,
                        "%s: tensor %.*s: rows of %zu values are not blocks of %zu",
                        g->what, NAME_SHOWN, t->name, row, q->n_values);
    fits = fits && (q == NULL ? enc_mem_mul(n, enc_dtype_size(t->dtype), &t->n_bytes)
                              : enc_mem_mul(n / q->n_values, q->n_bytes, &t->n_bytes));
    if (fits) return ENC_OK;
    return enc_fail(e, ENC_CORRUPT, "%s: tensor %.*s: shape overflows", g->what,
                    NAME_SHOWN, t->name);
}

/* Finds the tensor's bytes in the data. */
static enc_rc place(const enc_gguf *g, enc_tensor *t, uint64_t offset, enc_bytes data,
                    size_t alignment, enc_err *e)
{
    enc_rc rc;

    if ((rc = measure(g, t, e))) return rc;
    if (offset % alignment != 0)
        return enc_fail(e, ENC_CORRUPT,
                        "%s: tensor %.*s begins at %llu, not a multiple of %zu", g->what,
                        NAME_SHOWN, t->name, (unsigned long long)offset, alignment);
    if (offset > data.n || t->n_bytes > data.n - (size_t)offset)
        return enc_fail(
            e, ENC_CORRUPT, "%s: tensor %.*s: %zu bytes at %llu of %zu bytes of data",
            g->what, NAME_SHOWN, t->name, t->n_bytes, (unsigned long long)offset, data.n);
    t->data = data.at + (size_t)offset;
    return ENC_OK;
}

/* --- opening --------------------------------------------------------------------------
 */

static int by_key(const void *a, const void *b)
{
    const value *s = a, *t = b;
    size_t n = s->key.n < t->key.n ? s->key.n : t->key.n;
    int order = memcmp(s->key.at, t->key.at, n);

    return order != 0 ? order : (s->key.n > t->key.n) - (s->key.n < t->key.n);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const enc_tensor *)a)->name, ((const enc_tensor *)b)->name);
}

static enc_rc read_values(enc_gguf *g, enc_rd *r, enc_err *e)
{
    double n_parts;
    enc_rc rc;

    g->values = enc_mem_array(g->n_values, sizeof *g->values);
    if (g->values == NULL) return enc_nomem(e);
    for (size_t i = 0; i < g->n_values; i++)
        if ((rc = read_value(g, r, i, e))) return rc;
    if (g->n_values > 0) qsort(g->values, g->n_values, sizeof *g->values, by_key);
    for (size_t i = 1; i < g->n_values; i++)
        if (by_key(&g->values[i - 1], &g->values[i]) == 0)
            return enc_fail(e, ENC_CORRUPT, "%s: key %.*s is there twice", g->what,
                            (int)g->values[i].key.n, (const char *)g->values[i].key.at);
    if (enc_gguf_number(g, "split.count", &n_parts) && n_parts > 1)
        return enc_fail(
            e, ENC_UNSUPPORTED,
            "%s: one of %.0f parts of a model (only whole ones are supported)", g->what,
            n_parts);
    return ENC_OK;
}

static const value *find_value(const enc_gguf *g, const char *key)
{
    value wanted = {.key = {(const uint8_t *)key, strlen(key)}};

    if (g->n_values == 0) return NULL;
    return bsearch(&wanted, g->values, g->n_values, sizeof *g->values, by_key);
}

static enc_rc get_alignment(const enc_gguf *g, size_t *out, enc_err *e)
{
    static const char key[] = "general.alignment";
    double n = 32;

    if (!enc_gguf_number(g, key, &n) && find_value(g, key) != NULL)
        return enc_fail(e, ENC_CORRUPT, "%s: %s is not a number", g->what, key);
    if (!(n >= 1 && n <= ALIGNMENT_MAX) || ((size_t)n & ((size_t)n - 1)) != 0)
        return enc_fail(e, ENC_RANGE, "%s: %s is %g, expected a power of two up to %d",
                        g->what, key, n, ALIGNMENT_MAX);
    *out = (size_t)n;
    return ENC_OK;
}

/* The descriptions of all tensors, then where each lies in what follows them. */
static enc_rc read_tensors(enc_gguf *g, enc_rd *r, uint64_t *offsets, enc_err *e)
{
    size_t alignment = 0, begin;
    enc_bytes data = {g->bytes.at, 0};
    enc_rc rc;

    for (size_t i = 0; i < g->n_tensors; i++)
        if ((rc = read_tensor(g, r, i, &offsets[i], e))) return rc;
    if ((rc = get_alignment(g, &alignment, e))) return rc;
    begin = g->bytes.n - r->left;
    begin += (alignment - begin % alignment) % alignment;
    if (begin < g->bytes.n) data = (enc_bytes){g->bytes.at + begin, g->bytes.n - begin};
    for (size_t i = 0; i < g->n_tensors; i++)
        if ((rc = place(g, &g->tensors[i], offsets[i], data, alignment, e))) return rc;
    if (g->n_tensors > 0) qsort(g->tensors, g->n_tensors, sizeof *g->tensors, by_name);
    for (size_t i = 1; i < g->n_tensors; i++)
        if (by_name(&g->tensors[i - 1], &g->tensors[i]) == 0)
            return enc_fail(e, ENC_CORRUPT, "%s: tensor %.*s is there twice", g->what,
                            NAME_SHOWN, g->tensors[i].name);
    return ENC_OK;
}

static enc_rc read_head(enc_gguf *g, enc_rd *r, enc_err *e)
{
    uint32_t version;

    if (!enc_gguf_is(g->bytes))
        return enc_fail(e, ENC_CORRUPT, "%s does not begin with GGUF", g->what);
    enc_rd_span(r, 4, 1);
    version = enc_rd_u32(r);
    bool is_turned = version != 0 && (version & 0xffff) == 0;
    if (enc_rd_ok(r) && version != 2 && version != 3)
        return enc_fail(e, ENC_UNSUPPORTED,
                        is_turned ? "%s: big-endian GGUF, version %u, not supported"
                                  : "%s: GGUF version %u not supported (2 and 3)",
                        g->what, (unsigned)(is_turned ? version >> 24 : version));
    g->n_tensors = read_size(r);
    g->n_values = read_size(r);
    if (!enc_rd_ok(r))
        return enc_fail(e, ENC_CORRUPT, "%s has %zu bytes, a GGUF file at least 24",
                        g->what, g->bytes.n);
    if (g->n_tensors > ENC_TENSORS_MAX)
        return enc_fail(e, ENC_RANGE, "%s: %zu tensors, limit %d", g->what, g->n_tensors,
                        ENC_TENSORS_MAX);
    if (g->n_values > ENC_KEYS_MAX)
        return enc_fail(e, ENC_RANGE, "%s: %zu keys, limit %d", g->what, g->n_values,
                        ENC_KEYS_MAX);
    return ENC_OK;
}

bool enc_gguf_is(enc_bytes bytes)
{
    return bytes.n >= 4 && memcmp(bytes.at, "GGUF", 4) == 0;
}

enc_rc enc_gguf_open(enc_gguf **out, enc_bytes bytes, const char *what, enc_err *e)
{
    enc_rd r = enc_rd_of(bytes.at, bytes.n);
    enc_gguf *g = enc_mem_zero(sizeof *g);
    uint64_t *offsets = NULL;
    enc_rc rc;

    *out = NULL;
    if (g == NULL) return enc_nomem(e);
    g->what = what;
    g->bytes = bytes;
    enc_arena_init(&g->names);
    if ((rc = read_head(g, &r, e))) goto done;
    if ((rc = read_values(g, &r, e))) goto done;
    g->tensors = enc_mem_zero_array(g->n_tensors, sizeof *g->tensors);
    offsets = enc_mem_zero_array(g->n_tensors, sizeof *offsets);
    if (g->tensors == NULL || offsets == NULL) {
        rc = enc_nomem(e);
        goto done;
    }
    if ((rc = read_tensors(g, &r, offsets, e))) goto done;
    *out = g, g = NULL;
done:
    enc_mem_free(offsets);
    enc_gguf_close(g);
    return rc;
}

void enc_gguf_close(enc_gguf *g)
{
    if (g == NULL) return;
    enc_mem_free(g->values);
    enc_mem_free(g->tensors);
    enc_arena_clear(&g->names);
    enc_mem_free(g);
}

/* --- asking ---------------------------------------------------------------------------
 */

const char *enc_gguf_what(const enc_gguf *g)
{
    return g->what;
}

size_t enc_gguf_count(const enc_gguf *g)
{
    return g->n_tensors;
}

const enc_tensor *enc_gguf_at(const enc_gguf *g, size_t i)
{
    return &g->tensors[i];
}

const enc_tensor *enc_gguf_find(const enc_gguf *g, const char *name)
{
    enc_tensor key = {.name = name};

    if (g->n_tensors == 0) return NULL;
    return bsearch(&key, g->tensors, g->n_tensors, sizeof *g->tensors, by_name);
}

enc_bytes enc_gguf_text(const enc_gguf *g, const char *key)
{
    const value *v = find_value(g, key);
    enc_rd r;

    if (v == NULL || v->is_array || v->type != TEXT) return (enc_bytes){NULL, 0};
    r = v->at;
    return read_text(&r);
}

enc_bytes enc_gguf_blob(const enc_gguf *g, const char *key)
{
    const value *v = find_value(g, key);

    if (v == NULL || !v->is_array || (v->type != U8 && v->type != I8))
        return (enc_bytes){NULL, 0};
    return (enc_bytes){v->at.at, v->n};
}

static double read_number(enc_rd *r, uint32_t type)
{
    uint64_t bits;
    double d;

    switch (type) {
    case U8:
    case BOOL: return enc_rd_u8(r);
    case I8: return (int8_t)enc_rd_u8(r);
    case U16: return enc_rd_u16(r);
    case I16: return (int16_t)enc_rd_u16(r);
    case U32: return enc_rd_u32(r);
    case I32: return (int32_t)enc_rd_u32(r);
    case F32: return (double)enc_rd_f32(r);
    case U64: return (double)enc_rd_u64(r);
    case I64: return (double)(int64_t)enc_rd_u64(r);
    default: break;
    }
    bits = enc_rd_u64(r);
    memcpy(&d, &bits, sizeof d);
    return d;
}

bool enc_gguf_number(const enc_gguf *g, const char *key, double *out)
{
    const value *v = find_value(g, key);
    enc_rd r;

    if (v == NULL || v->is_array || value_sizes[v->type] == 0) return false;
    r = v->at;
    *out = read_number(&r, v->type);
    return true;
}

static bool find_list(const enc_gguf *g, const char *key, bool of_texts,
                      enc_gguf_list *out)
{
    const value *v = find_value(g, key);

    if (v == NULL || !v->is_array) return false;
    *out = (enc_gguf_list){v->n, v->type, v->at};
    return of_texts ? v->type == TEXT : value_sizes[v->type] > 0;
}

bool enc_gguf_texts(const enc_gguf *g, const char *key, enc_gguf_list *out)
{
    return find_list(g, key, true, out);
}

bool enc_gguf_numbers(const enc_gguf *g, const char *key, enc_gguf_list *out)
{
    return find_list(g, key, false, out);
}

enc_bytes enc_gguf_next_text(enc_gguf_list *list)
{
    return read_text(&list->rest);
}

double enc_gguf_next_number(enc_gguf_list *list)
{
    return read_number(&list->rest, list->type);
}
