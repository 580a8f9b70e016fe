/* sft.c - see sft.h for the format. */
#include "model/sft.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"

#define ALIGNMENT  64 /* of the first tensor's data, when we write */
#define NAME_SHOWN 80 /* bytes of a foreign name that a sentence repeats */

struct enc_sft {
    enc_json *header; /* owns names and metadata */
    enc_json_value *metadata;
    enc_tensor *tensors; /* sorted by name */
    size_t n;
};

/* Every element type of the format, so that the sizes of tensors which we skip are
 * checked too. Bits, because two of the newer types are smaller than a byte. */
static const struct {
    const char *name;
    unsigned bits;
    enc_dtype dtype;
} element_types[] = {
    {"F32", 32, ENC_F32},      {"F16", 16, ENC_F16},      {"BF16", 16, ENC_BF16},
    {"I8", 8, ENC_I8},         {"F64", 64, ENC_F64},      {"I64", 64, ENC_I64},
    {"U64", 64, ENC_OTHER},    {"I32", 32, ENC_I32},      {"U32", 32, ENC_OTHER},
    {"I16", 16, ENC_OTHER},    {"U16", 16, ENC_OTHER},    {"U8", 8, ENC_OTHER},
    {"BOOL", 8, ENC_OTHER},    {"F8_E5M2", 8, ENC_OTHER}, {"F8_E4M3", 8, ENC_OTHER},
    {"F8_E8M0", 8, ENC_OTHER}, {"F6_E2M3", 6, ENC_OTHER}, {"F6_E3M2", 6, ENC_OTHER},
    {"F4", 4, ENC_OTHER},      {"C64", 64, ENC_OTHER},
};

/* What a tensor is read with: the file's name for sentences, and its data. */
typedef struct source {
    const char *what;
    enc_bytes data;
} source;

static enc_rc fail_tensor(const source *src, const char *name, enc_rc rc, const char *how,
                          enc_err *e)
{
    return enc_fail(e, rc, "%s: tensor %.*s: %s", src->what, NAME_SHOWN, name, how);
}

/* A non-negative integer of the header. */
static bool get_size(enc_json_value *v, size_t *out)
{
    long long n = enc_json_int(v);

    if (!enc_json_is_int(v) || n < 0 || (unsigned long long)n > SIZE_MAX) return false;
    *out = (size_t)n;
    return true;
}

/* Fills type and shape; *n_bytes is what they ask for. */
static enc_rc read_shape(enc_tensor *t, enc_json_value *v, const source *src,
                         size_t *n_bytes, enc_err *e)
{
    enc_json_value *shape = enc_json_get(v, "shape");
    const char *type = enc_json_text(enc_json_get(v, "dtype"), NULL);
    size_t i = 0, n_types = sizeof element_types / sizeof *element_types, n_bits;

    if (type == NULL) return fail_tensor(src, t->name, ENC_CORRUPT, "no dtype", e);
    while (i < n_types && strcmp(element_types[i].name, type) != 0) i++;
    if (i == n_types)
        return enc_fail(e, ENC_UNSUPPORTED, "%s: tensor %.*s: unknown dtype %.16s",
                        src->what, NAME_SHOWN, t->name, type);
    t->dtype = element_types[i].dtype;
    n_bits = element_types[i].bits;

    if (!enc_json_is_array(shape))
        return fail_tensor(src, t->name, ENC_CORRUPT, "no shape", e);
    t->rank = enc_json_count(shape);
    if (t->rank > ENC_RANK_MAX)
        return enc_fail(e, ENC_RANGE, "%s: tensor %.*s: rank %zu, limit %d", src->what,
                        NAME_SHOWN, t->name, t->rank, ENC_RANK_MAX);
    for (size_t k = 0; k < t->rank; k++) {
        if (!get_size(enc_json_at(shape, k), &t->shape[k]))
            return fail_tensor(src, t->name, ENC_CORRUPT,
                               "a dimension is not a whole number of at least 0", e);
        if (!enc_mem_mul(n_bits, t->shape[k], &n_bits))
            return fail_tensor(src, t->name, ENC_CORRUPT, "shape overflows", e);
    }
    if (n_bits % 8 != 0)
        return fail_tensor(src, t->name, ENC_CORRUPT, "size is not whole bytes", e);
    *n_bytes = n_bits / 8;
    return ENC_OK;
}

static enc_rc read_tensor(enc_tensor *t, const char *name, enc_json_value *v,
                          const source *src, enc_err *e)
{
    enc_json_value *offsets = enc_json_get(v, "data_offsets");
    size_t begin, end, n_bytes = 0;
    enc_rc rc;

    t->name = name;
    if (!enc_json_is_object(v))
        return fail_tensor(src, name, ENC_CORRUPT, "not described by an object", e);
    if ((rc = read_shape(t, v, src, &n_bytes, e))) return rc;
    if (enc_json_count(offsets) != 2 || !get_size(enc_json_at(offsets, 0), &begin) ||
        !get_size(enc_json_at(offsets, 1), &end))
        return fail_tensor(src, name, ENC_CORRUPT, "data_offsets are not two sizes", e);
    if (begin > end)
        return enc_fail(e, ENC_CORRUPT, "%s: tensor %.*s: begins at %zu and ends at %zu",
                        src->what, NAME_SHOWN, name, begin, end);
    if (end > src->data.n)
        return enc_fail(e, ENC_CORRUPT, "%s: tensor %.*s: ends at %zu of %zu bytes",
                        src->what, NAME_SHOWN, name, end, src->data.n);
    if (end - begin != n_bytes) {
        char shape[96];

        enc_tensor_shape_text(t, shape, sizeof shape);
        return enc_fail(e, ENC_CORRUPT,
                        "%s: tensor %.*s: %zu bytes, but shape %s needs %zu", src->what,
                        NAME_SHOWN, name, end - begin, shape, n_bytes);
    }
    t->data = src->data.at + begin;
    t->n_bytes = n_bytes;
    return ENC_OK;
}

static int by_place(const void *a, const void *b)
{
    const enc_tensor *s = a, *t = b;

    if (s->data != t->data) return s->data < t->data ? -1 : 1;
    if (s->n_bytes != t->n_bytes) return s->n_bytes < t->n_bytes ? -1 : 1;
    return strcmp(s->name, t->name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const enc_tensor *)a)->name, ((const enc_tensor *)b)->name);
}

/* Tensors must lie one after another: what is not described could hide anything. */
static enc_rc check_layout(enc_sft *s, const source *src, enc_err *e)
{
    const uint8_t *at = src->data.at;
    size_t rest;

    if (s->n > 0) qsort(s->tensors, s->n, sizeof *s->tensors, by_place);
    for (size_t i = 0; i < s->n; i++) {
        const enc_tensor *t = &s->tensors[i];

        if (t->data < at)
            return fail_tensor(src, t->name, ENC_CORRUPT, "overlaps another", e);
        if (t->data > at)
            return enc_fail(e, ENC_CORRUPT,
                            "%s: %zu bytes before tensor %.*s belong to none", src->what,
                            (size_t)(t->data - at), NAME_SHOWN, t->name);
        at += t->n_bytes;
    }
    rest = src->data.n - (size_t)(at - src->data.at);
    if (rest != 0)
        return enc_fail(e, ENC_CORRUPT, "%s: %zu bytes after the last tensor", src->what,
                        rest);
    if (s->n > 0) qsort(s->tensors, s->n, sizeof *s->tensors, by_name);
    return ENC_OK;
}

static enc_rc check_metadata(enc_json_value *v, const char *what, enc_err *e)
{
    const char *key = NULL;
    enc_json_value *text;

    if (!enc_json_is_object(v))
        return enc_fail(e, ENC_CORRUPT, "%s: __metadata__ is not an object", what);
    for (size_t i = 0; (text = enc_json_member(v, i, &key)) != NULL; i++)
        if (!enc_json_is_text(text))
            return enc_fail(e, ENC_CORRUPT, "%s: __metadata__: %.*s is not a text", what,
                            NAME_SHOWN, key);
    return ENC_OK;
}

static enc_rc read_header(enc_sft *s, const source *src, enc_err *e)
{
    enc_json_value *root = enc_json_root(s->header), *v;
    size_t n = enc_json_count(root);
    const char *key = NULL;
    enc_rc rc;

    if (n > ENC_TENSORS_MAX)
        return enc_fail(e, ENC_RANGE, "%s: %zu tensors, limit %d", src->what, n,
                        ENC_TENSORS_MAX);
    s->tensors = enc_mem_zero_array(n, sizeof *s->tensors);
    if (s->tensors == NULL) return enc_nomem(e);
    for (size_t i = 0; (v = enc_json_member(root, i, &key)) != NULL; i++) {
        if (strcmp(key, "__metadata__") == 0) {
            if (enc_json_is_null(v)) continue;
            if ((rc = check_metadata(v, src->what, e))) return rc;
            s->metadata = v;
        } else {
            if ((rc = read_tensor(&s->tensors[s->n], key, v, src, e))) return rc;
            s->n++;
        }
    }
    return check_layout(s, src, e);
}

/* Splits a file into header and data. */
static enc_rc split(enc_bytes bytes, const char *what, enc_bytes *header, enc_bytes *data,
                    enc_err *e)
{
    enc_rd r = enc_rd_of(bytes.at, bytes.n);
    uint64_t n = enc_rd_u64(&r);

    if (bytes.n == 0) return enc_fail(e, ENC_CORRUPT, "%s is empty", what);
    if (!enc_rd_ok(&r))
        return enc_fail(e, ENC_CORRUPT, "%s has %zu bytes, a safetensors file at least 8",
                        what, bytes.n);
    if (n > ENC_HEADER_MAX)
        return enc_fail(
            e, ENC_RANGE,
            "%s: header of %llu bytes, limit %zu (is this a safetensors file?)", what,
            (unsigned long long)n, ENC_HEADER_MAX);
    header->n = (size_t)n;
    header->at = enc_rd_span(&r, header->n, 1);
    if (!enc_rd_ok(&r))
        return enc_fail(e, ENC_CORRUPT, "%s: header of %zu bytes in a file of %zu", what,
                        header->n, bytes.n);
    if (header->n == 0 || header->at[0] != '{')
        return enc_fail(e, ENC_CORRUPT, "%s: header does not begin with '{'", what);
    data->n = r.left;
    data->at = bytes.at + 8 + header->n;
    return ENC_OK;
}

enc_rc enc_sft_open(enc_sft **out, enc_bytes bytes, const char *what, enc_err *e)
{
    source src = {.what = what};
    enc_bytes header;
    enc_sft *s;
    enc_rc rc;

    *out = NULL;
    if ((rc = split(bytes, what, &header, &src.data, e))) return rc;
    s = enc_mem_zero(sizeof *s);
    if (s == NULL) return enc_nomem(e);
    if ((rc = enc_json_open(&s->header, header, what, e))) goto done;
    if ((rc = read_header(s, &src, e))) goto done;
    *out = s, s = NULL;
done:
    enc_sft_close(s);
    return rc;
}

void enc_sft_close(enc_sft *s)
{
    if (s == NULL) return;
    enc_mem_free(s->tensors);
    enc_json_close(s->header);
    enc_mem_free(s);
}

size_t enc_sft_count(const enc_sft *s)
{
    return s->n;
}

const enc_tensor *enc_sft_at(const enc_sft *s, size_t i)
{
    return &s->tensors[i];
}

const enc_tensor *enc_sft_find(const enc_sft *s, const char *name)
{
    enc_tensor key = {.name = name};

    if (s->n == 0) return NULL;
    return bsearch(&key, s->tensors, s->n, sizeof *s->tensors, by_name);
}

enc_bytes enc_sft_metadata(const enc_sft *s, const char *key)
{
    enc_bytes none = {NULL, 0};
    size_t n;
    const char *text = enc_json_text(enc_json_get(s->metadata, key), &n);

    return text == NULL ? none : (enc_bytes){(const uint8_t *)text, n};
}

static void write_metadata(enc_wr *w, const enc_sft_meta *metadata, size_t n)
{
    enc_wr_text(w, "\"__metadata__\":{");
    for (size_t i = 0; i < n; i++) {
        if (i > 0) enc_wr_text(w, ",");
        enc_wr_json_text(w, metadata[i].key, strlen(metadata[i].key));
        enc_wr_text(w, ":");
        enc_wr_json_text(w, (const char *)metadata[i].value.at, metadata[i].value.n);
    }
    enc_wr_text(w, "}");
}

static void write_tensor(enc_wr *w, const enc_tensor *t, size_t begin)
{
    enc_wr_json_text(w, t->name, strlen(t->name));
    enc_wr_format(w, ":{\"dtype\":\"%s\",\"shape\":[", enc_dtype_name(t->dtype));
    for (size_t k = 0; k < t->rank; k++)
        enc_wr_format(w, "%s%zu", k > 0 ? "," : "", t->shape[k]);
    enc_wr_format(w, "],\"data_offsets\":[%zu,%zu]}", begin, begin + t->n_bytes);
}

void enc_sft_write(enc_wr *out, const enc_tensor *tensors, size_t n,
                   const enc_sft_meta *metadata, size_t n_meta)
{
    size_t offset = 0;
    enc_wr header;

    enc_wr_init(&header);
    enc_wr_text(&header, "{");
    if (n_meta > 0) write_metadata(&header, metadata, n_meta);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 || n_meta > 0) enc_wr_text(&header, ",");
        write_tensor(&header, &tensors[i], offset);
        offset += tensors[i].n_bytes;
    }
    enc_wr_text(&header, "}");
    for (size_t n_left = (ALIGNMENT - (8 + header.n) % ALIGNMENT) % ALIGNMENT; n_left > 0;
         n_left--)
        enc_wr_u8(&header, ' ');

    enc_wr_u64(out, header.n);
    enc_wr_bytes(out, header.at, header.n);
    for (size_t i = 0; i < n; i++) enc_wr_bytes(out, tensors[i].data, tensors[i].n_bytes);
    out->failed |= header.failed;
    enc_wr_clear(&header);
}
