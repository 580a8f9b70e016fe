/* files.h - a model's files by name, whether they lie in a directory or in one blob.
 *
 * A directory is an unmodified Hugging Face one. A blob is a safetensors file whose
 * __metadata__ holds the other files as text under their own names ("config.json",
 * "vocab.txt", "1_Pooling/config.json", ...): one format, readable by any safetensors
 * library, that a column can store. What pretrain() returns is such a blob, and so is the
 * built-in model. A GGUF file is a blob too: the other files are made of its keys, and
 * its tensors have the names they had in the directory it came from. */
#ifndef ENC_FILES_H
#define ENC_FILES_H

#include <stdbool.h>

#include "base/err.h"
#include "base/rd.h"
#include "model/sft.h"

typedef struct enc_files enc_files;

/* On what terms files are opened. */
typedef struct enc_files_terms {
    size_t weights_max; /* bytes of all files with tensors together; more: ENC_TOOBIG */
    bool is_read;       /* everything is read into memory, nothing stays mapped */
} enc_files_terms;

/* A regular file is taken for a blob. Sizes are judged before anything is read. */
enc_rc enc_files_open_path(enc_files **out, const char *path,
                           const enc_files_terms *terms, enc_err *e);

/* The same with ENC_WEIGHTS_MAX, and mapped. */
enc_rc enc_files_open_directory(enc_files **out, const char *path, enc_err *e);

/* The same files once more, on the same terms. `f` is of a path. */
enc_rc enc_files_open_again(enc_files **out, const enc_files *f, enc_err *e);

/* The blob is copied if `copy`, else borrowed and must outlive everything. */
enc_rc enc_files_open_blob(enc_files **out, enc_bytes blob, bool copy, enc_err *e);
void enc_files_close(enc_files *f);

/* Bytes of a tensor that need not stay in memory, if they lie in a mapped file (see
 * map.h); others are left alone. f may be NULL. */
void enc_files_release(const enc_files *f, const void *at, size_t n);

/* The path, or "a blob": for sentences. */
const char *enc_files_where(const enc_files *f);
bool enc_files_is_directory(const enc_files *f);

/* What a blob's metadata holds under a key, {NULL,0} if nothing or in a directory. */
enc_bytes enc_files_metadata(const enc_files *f, const char *key);

/* A small file's bytes, {NULL,0} if there is none; more than n_max bytes is ENC_RANGE. */
enc_rc enc_files_get(enc_files *f, const char *name, size_t n_max, enc_bytes *out,
                     enc_err *e);

/* From here on a directory's files and model.safetensors are looked for in a directory
 * below it first: where a module of sentence-transformers has its own. `name` is a plain
 * name. Before the tensors are opened. */
enc_rc enc_files_enter(enc_files *f, const char *name, enc_err *e);

/* Tensors by name over model.safetensors or all shards of model.safetensors.index.json
 * (shard names with '/' are refused), or the blob itself; NULL if there is none. */
enc_rc enc_files_open_tensors(enc_files *f, enc_err *e);
const enc_tensor *enc_files_tensor(const enc_files *f, const char *name);
size_t enc_files_tensor_count(const enc_files *f);

/* A tensor of "<name>/model.safetensors", a module's own file; in a blob it is called
 * "<name>/<tensor>". ENC_IO: there is no such file, ENC_CORRUPT: no such tensor. */
enc_rc enc_files_part(enc_files *f, const char *name, const char *tensor,
                      const enc_tensor **out, enc_err *e);
const enc_tensor *enc_files_tensor_at(const enc_files *f, size_t i);

#endif
