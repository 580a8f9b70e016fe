/* files.c - see files.h.
 *
 * Everything opened stays until the files are closed, because what is given out is
 * borrowed: a small file, a tensor, a tensor's name. A blob or a file by itself is the
 * only shard. */
#include "model/files.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "model/gguf_view.h"

#define SHARDS_MAX 1024

typedef struct small { /* a file that was asked for by name */
    struct small *next;
    const char *name;
    enc_map *map;
} small;

typedef struct part { /* a module's own safetensors file */
    struct part *next;
    const char *name;
    enc_map *map;
    enc_sft *sft;
} part;

typedef struct shard { /* a file with tensors, of one of two formats */
    const char *name;
    enc_map *map; /* NULL for a blob */
    enc_sft *sft;
    enc_gguf_view *gguf;
} shard;

struct enc_files {
    enc_arena arena;   /* names and paths */
    const char *where; /* the path, or "a blob" */
    const char *inner; /* the directory below it that was entered, or NULL */
    bool is_directory;
    enc_files_terms terms;
    size_t n_weights; /* bytes of the files with tensors that are open */
    uint8_t *copy;    /* of a blob that could not be borrowed */
    small *small;
    part *parts;
    shard *shards; /* a blob is one, opened at once */
    size_t n_shards, cap_shards;
    const enc_tensor **tensors; /* of all shards, sorted by name */
    size_t n_tensors;
};

static enc_rc files_new(enc_files **out, const char *where, enc_err *e)
{
    enc_files *f = enc_mem_zero(sizeof *f);

    if (f == NULL) return enc_nomem(e);
    enc_arena_init(&f->arena);
    f->where = enc_arena_text(&f->arena, where, strlen(where));
    if (f->where == NULL) {
        enc_files_close(f);
        return enc_nomem(e);
    }
    *out = f;
    return ENC_OK;
}

void enc_files_close(enc_files *f)
{
    if (f == NULL) return;
    for (size_t i = 0; i < f->n_shards; i++) {
        enc_sft_close(f->shards[i].sft);
        enc_gguf_view_close(f->shards[i].gguf);
        enc_map_close(f->shards[i].map);
    }
    for (small *s = f->small; s != NULL; s = s->next) enc_map_close(s->map);
    for (part *p = f->parts; p != NULL; p = p->next) {
        enc_sft_close(p->sft);
        enc_map_close(p->map);
    }
    enc_mem_free(f->shards);
    enc_mem_free(f->tensors);
    enc_mem_free(f->copy);
    enc_arena_clear(&f->arena);
    enc_mem_free(f);
}

void enc_files_release(const enc_files *f, const void *at, size_t n)
{
    for (size_t i = 0; f != NULL && i < f->n_shards; i++)
        if (f->shards[i].map != NULL) enc_map_release(f->shards[i].map, at, n);
}

const char *enc_files_where(const enc_files *f)
{
    return f->where;
}

bool enc_files_is_directory(const enc_files *f)
{
    return f->is_directory;
}

/* Opens a file as the next shard. The map becomes ours, also on failure. */
static enc_rc add_shard(enc_files *f, const char *name, enc_map *map, enc_bytes bytes,
                        enc_err *e)
{
    void *array = f->shards;
    shard *s;

    if (!enc_mem_reserve(&array, &f->cap_shards, f->n_shards + 1, sizeof *s)) {
        enc_map_close(map);
        return enc_nomem(e);
    }
    f->shards = array;
    s = &f->shards[f->n_shards++];
    *s = (shard){.name = name, .map = map};
    if (enc_gguf_is(bytes)) return enc_gguf_view_open(&s->gguf, bytes, name, e);
    return enc_sft_open(&s->sft, bytes, name, e);
}

static size_t tensor_count(const shard *s)
{
    return s->gguf != NULL ? enc_gguf_view_count(s->gguf) : enc_sft_count(s->sft);
}

static const enc_tensor *tensor_at(const shard *s, size_t i)
{
    return s->gguf != NULL ? enc_gguf_view_at(s->gguf, i) : enc_sft_at(s->sft, i);
}

enc_rc enc_files_open_blob(enc_files **out, enc_bytes blob, bool copy, enc_err *e)
{
    enc_files *f = NULL;
    enc_rc rc;

    *out = NULL;
    if ((rc = files_new(&f, "a blob", e))) return rc;
    if (copy && blob.n > 0) {
        f->copy = enc_mem_alloc(blob.n);
        if (f->copy == NULL) {
            rc = enc_nomem(e);
            goto done;
        }
        memcpy(f->copy, blob.at, blob.n);
        blob.at = f->copy;
    }
    if ((rc = add_shard(f, "model blob", NULL, blob, e))) goto done;
    *out = f, f = NULL;
done:
    enc_files_close(f);
    return rc;
}

static enc_rc open_map(const enc_files *f, enc_map **map, const char *path, size_t n_max,
                       enc_err *e)
{
    return f->terms.is_read ? enc_map_read(map, path, n_max, e)
                            : enc_map_open(map, path, n_max, e);
}

/* A file with tensors: those of a model are limited together. */
static enc_rc open_weights(enc_files *f, enc_map **map, const char *path, enc_err *e)
{
    const size_t n_left = f->terms.weights_max - f->n_weights;
    struct stat st;
    enc_rc rc;

    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (uintmax_t)st.st_size > n_left)
        return enc_fail(e, ENC_TOOBIG,
                        "weights too large (got %ju bytes with %s, limit %zu)",
                        (uintmax_t)st.st_size + f->n_weights, path, f->terms.weights_max);
    if ((rc = open_map(f, map, path, n_left, e))) return rc;
    f->n_weights += enc_map_bytes(*map).n;
    return ENC_OK;
}

static enc_rc fail_pickle(const char *path, enc_err *e)
{
    return enc_fail(e, ENC_UNSUPPORTED,
                    "%s: PyTorch pickle files are not supported (use safetensors)", path);
}

/* Another format that people have lying about, so that the refusal can say what it is. */
static enc_rc check_kind(enc_bytes b, const char *path, enc_err *e)
{
    if (b.n >= 2 && ((b.at[0] == 'P' && b.at[1] == 'K') || b.at[0] == 0x80))
        return fail_pickle(path, e);
    return ENC_OK;
}

enc_rc enc_files_open_path(enc_files **out, const char *path,
                           const enc_files_terms *terms, enc_err *e)
{
    enc_map *map = NULL;
    enc_files *f = NULL;
    struct stat st;
    enc_rc rc;

    *out = NULL;
    if (stat(path, &st) != 0) return enc_fail(e, ENC_IO, "no model directory %s", path);
    if ((rc = files_new(&f, path, e))) return rc;
    f->is_directory = S_ISDIR(st.st_mode);
    f->terms = *terms;
    if (!f->is_directory) {
        if ((rc = open_weights(f, &map, path, e))) goto done;
        if ((rc = check_kind(enc_map_bytes(map), path, e))) {
            enc_map_close(map);
            goto done;
        }
        if ((rc = add_shard(f, f->where, map, enc_map_bytes(map), e))) goto done;
    }
    *out = f, f = NULL;
done:
    enc_files_close(f);
    return rc;
}

enc_rc enc_files_open_directory(enc_files **out, const char *path, enc_err *e)
{
    const enc_files_terms terms = {.weights_max = ENC_WEIGHTS_MAX};

    return enc_files_open_path(out, path, &terms, e);
}

enc_rc enc_files_open_again(enc_files **out, const enc_files *f, enc_err *e)
{
    return enc_files_open_path(out, f->where, &f->terms, e);
}

static bool is_there(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

/* "<where>/<name>" in the arena; NULL: no memory. */
static char *path_of(enc_files *f, const char *name)
{
    const char *inner = f->inner != NULL ? f->inner : "";
    size_t n = strlen(f->where) + 1 + strlen(inner) + 1 + strlen(name) + 1;
    char *path = enc_arena_alloc(&f->arena, n);

    if (path == NULL) return NULL;
    snprintf(path, n, "%s/%s/%s", f->where, inner, name);
    if (f->inner == NULL || !is_there(path)) snprintf(path, n, "%s/%s", f->where, name);
    return path;
}

/* The path of a file, or NULL if it is not there. */
static enc_rc find_path(enc_files *f, const char *name, const char **out, enc_err *e)
{
    *out = path_of(f, name);
    if (*out == NULL) return enc_nomem(e);
    if (!is_there(*out)) *out = NULL;
    return ENC_OK;
}

/* A file that is missing, unless another one shows what there is instead. */
static enc_rc fail_missing(enc_files *f, const char *name, const char *pickle, enc_err *e)
{
    const char *path;
    enc_rc rc = find_path(f, pickle, &path, e);

    if (rc != ENC_OK) return rc;
    if (path != NULL) return fail_pickle(path, e);
    return enc_fail(e, ENC_IO, "%s missing in %s", name, f->where);
}

enc_rc enc_files_enter(enc_files *f, const char *name, enc_err *e)
{
    f->inner = enc_arena_text(&f->arena, name, strlen(name));
    return f->inner != NULL ? ENC_OK : enc_nomem(e);
}

enc_bytes enc_files_metadata(const enc_files *f, const char *key)
{
    if (f->is_directory || f->shards[0].sft == NULL) return (enc_bytes){NULL, 0};
    return enc_sft_metadata(f->shards[0].sft, key);
}

/* A small file of a blob or a file by itself. */
static enc_rc get_inside(enc_files *f, const char *name, enc_bytes *out, enc_err *e)
{
    if (f->shards[0].gguf != NULL)
        return enc_gguf_view_get(f->shards[0].gguf, name, out, e);
    *out = enc_files_metadata(f, name);
    return ENC_OK;
}

enc_rc enc_files_get(enc_files *f, const char *name, size_t n_max, enc_bytes *out,
                     enc_err *e)
{
    small *s = f->small;
    const char *path;
    enc_rc rc;

    *out = (enc_bytes){NULL, 0};
    if (!f->is_directory) {
        if ((rc = get_inside(f, name, out, e))) return rc;
        if (out->n > n_max)
            return enc_fail(e, ENC_RANGE, "%s has %zu bytes, limit %zu", name, out->n,
                            n_max);
        return ENC_OK;
    }
    while (s != NULL && strcmp(s->name, name) != 0) s = s->next;
    if (s == NULL) {
        if ((rc = find_path(f, name, &path, e)) || path == NULL) return rc;
        s = enc_arena_alloc(&f->arena, sizeof *s);
        if (s == NULL) return enc_nomem(e);
        s->name = path + strlen(f->where) + 1;
        if ((rc = open_map(f, &s->map, path, n_max, e))) return rc;
        s->next = f->small;
        f->small = s;
    }
    *out = enc_map_bytes(s->map);
    if (out->n == 0) out->at = (const uint8_t *)""; /* there, though empty */
    return ENC_OK;
}

/* `name` lives as long as the path. */
static enc_rc open_shard(enc_files *f, const char *path, const char *name, enc_err *e)
{
    enc_map *map;
    enc_rc rc = open_weights(f, &map, path, e);

    if (rc != ENC_OK) return rc;
    return add_shard(f, name, map, enc_map_bytes(map), e);
}

static const shard *find_shard(const enc_files *f, const char *name)
{
    for (size_t i = 0; i < f->n_shards; i++)
        if (strcmp(f->shards[i].name, name) == 0) return &f->shards[i];
    return NULL;
}

/* Opens every shard that the index names, once each, and checks that it keeps its word.
 */
static enc_rc open_index(enc_files *f, enc_json_value *map, const char *index, enc_err *e)
{
    const char *tensor = NULL;
    enc_json_value *v;
    enc_rc rc;

    if (!enc_json_is_object(map))
        return enc_fail(e, ENC_CORRUPT, "%s: missing \"weight_map\"", index);
    for (size_t i = 0; (v = enc_json_member(map, i, &tensor)) != NULL; i++) {
        const char *name = enc_json_text(v, NULL);
        const shard *s;

        if (name == NULL || name[0] == '\0' || name[0] == '.' ||
            strchr(name, '/') != NULL)
            return enc_fail(e, ENC_CORRUPT,
                            "%s: tensor %.80s: shard \"%.60s\" is no file name", index,
                            tensor, name != NULL ? name : "");
        if (find_shard(f, name) == NULL) {
            if (f->n_shards == SHARDS_MAX)
                return enc_fail(e, ENC_RANGE, "%s: more than %d shards", index,
                                SHARDS_MAX);
            const char *path = path_of(f, name);
            if (path == NULL) return enc_nomem(e);
            rc = open_shard(f, path, path + strlen(path) - strlen(name), e);
            if (rc != ENC_OK) return rc;
        }
        s = find_shard(f, name);
        if (s->sft == NULL || enc_sft_find(s->sft, tensor) == NULL)
            return enc_fail(e, ENC_CORRUPT, "%s: tensor %.80s is not in %.80s", index,
                            tensor, name);
    }
    return ENC_OK;
}

static enc_rc open_shards(enc_files *f, enc_err *e)
{
    static const char single[] = "model.safetensors",
                      index[] = "model.safetensors.index.json";
    enc_json *json = NULL;
    enc_bytes text;
    const char *path;
    enc_rc rc;

    if ((rc = find_path(f, single, &path, e))) return rc;
    if (path != NULL) return open_shard(f, path, path + strlen(f->where) + 1, e);
    if ((rc = enc_files_get(f, index, ENC_HEADER_MAX, &text, e))) return rc;
    if (text.at == NULL) return fail_missing(f, single, "pytorch_model.bin", e);
    if ((rc = enc_json_open(&json, text, index, e))) return rc;
    rc = open_index(f, enc_json_get(enc_json_root(json), "weight_map"), index, e);
    enc_json_close(json);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    const enc_tensor *const *s = a, *const *t = b;
    return strcmp((*s)->name, (*t)->name);
}

enc_rc enc_files_open_tensors(enc_files *f, enc_err *e)
{
    size_t n = 0;
    enc_rc rc;

    if (f->tensors != NULL) return ENC_OK;
    if (f->is_directory && (rc = open_shards(f, e))) return rc;
    for (size_t i = 0; i < f->n_shards; i++) n += tensor_count(&f->shards[i]);
    f->tensors = enc_mem_array(n, sizeof *f->tensors);
    if (f->tensors == NULL) return enc_nomem(e);
    for (size_t i = 0; i < f->n_shards; i++)
        for (size_t k = 0; k < tensor_count(&f->shards[i]); k++)
            f->tensors[f->n_tensors++] = tensor_at(&f->shards[i], k);
    if (n > 0) qsort(f->tensors, n, sizeof *f->tensors, by_name);
    for (size_t i = 1; i < n; i++)
        if (by_name(&f->tensors[i - 1], &f->tensors[i]) == 0)
            return enc_fail(e, ENC_CORRUPT, "tensor %.80s is there twice",
                            f->tensors[i]->name);
    return ENC_OK;
}

const enc_tensor *enc_files_tensor(const enc_files *f, const char *name)
{
    enc_tensor wanted = {.name = name};
    const enc_tensor *key = &wanted, **found;

    if (f->n_tensors == 0) return NULL;
    found = bsearch(&key, f->tensors, f->n_tensors, sizeof *f->tensors, by_name);
    return found == NULL ? NULL : *found;
}

size_t enc_files_tensor_count(const enc_files *f)
{
    return f->n_tensors;
}

const enc_tensor *enc_files_tensor_at(const enc_files *f, size_t i)
{
    return f->tensors[i];
}

static enc_rc open_part(enc_files *f, const char *name, part **out, enc_err *e)
{
    char file[160], pickle[160];
    const char *path;
    part *p;
    enc_rc rc;

    snprintf(file, sizeof file, "%.100s/model.safetensors", name);
    snprintf(pickle, sizeof pickle, "%.100s/pytorch_model.bin", name);
    if ((rc = find_path(f, file, &path, e))) return rc;
    if (path == NULL) return fail_missing(f, file, pickle, e);
    if ((p = enc_arena_alloc(&f->arena, sizeof *p)) == NULL) return enc_nomem(e);
    p->name = enc_arena_text(&f->arena, name, strlen(name));
    if (p->name == NULL) return enc_nomem(e);
    if ((rc = open_weights(f, &p->map, path, e))) return rc;
    p->next = f->parts;
    f->parts = p;
    *out = p;
    return enc_sft_open(&p->sft, enc_map_bytes(p->map), path + strlen(f->where) + 1, e);
}

enc_rc enc_files_part(enc_files *f, const char *name, const char *tensor,
                      const enc_tensor **out, enc_err *e)
{
    part *p = f->parts;
    char whole[256];
    enc_rc rc;

    if (!f->is_directory) {
        snprintf(whole, sizeof whole, "%.120s/%.120s", name, tensor);
        *out = enc_files_tensor(f, whole);
    } else {
        while (p != NULL && strcmp(p->name, name) != 0) p = p->next;
        if (p == NULL && (rc = open_part(f, name, &p, e))) return rc;
        *out = enc_sft_find(p->sft, tensor);
    }
    if (*out != NULL) return ENC_OK;
    return enc_fail(e, ENC_CORRUPT, "tensor %s missing in %s", tensor, name);
}
