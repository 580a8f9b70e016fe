/* tiny.h - a model of two layers, 32 wide, with every head: nonsense that runs in
 * microseconds. Weights come from a fixed generator, so a seed is a model.
 *
 * Its vocabulary has the letters, a few English words and a few Hangul syllables; labels
 * are negative, neutral, positive; prompts are "query: " and "passage: ". */
#ifndef TINY_H
#define TINY_H

#include "base/wr.h"
#include "model/model.h"

#define TINY_SEED 1 /* of the one in tests/data/tiny */

/* The model as a blob (files.h) whose matrices, for F16 and BF16 its vectors too, are of
 * that type. */
enc_rc tiny_blob(uint64_t seed, enc_dtype dtype, enc_wr *out, enc_err *e);

/* The same as a Hugging Face directory; it is made if absent, files are written over. */
enc_rc tiny_directory(uint64_t seed, enc_dtype dtype, const char *path, enc_err *e);

/* The same, opened. options may be NULL. */
enc_rc tiny_open(enc_model **out, uint64_t seed, enc_dtype dtype,
                 const enc_model_options *options, enc_err *e);

/* A blob with other data types and, if edit is not NULL, other metadata: edit(arg, key,
 * &value) may replace the value, or drop it by setting value->at to NULL. */
enc_rc tiny_rewrite(enc_bytes blob, enc_dtype dtype,
                    void (*edit)(void *arg, const char *key, enc_bytes *value), void *arg,
                    enc_wr *out, enc_err *e);

/* Takes a blob apart into the files of a directory. */
enc_rc tiny_unpack(enc_bytes blob, const char *path, enc_err *e);

/* Writes bytes to a path, anew. */
enc_rc tiny_put(const char *path, const void *bytes, size_t n, enc_err *e);

/* A new directory for a test, below $TMPDIR or /tmp; and its end with all that is in it.
 */
const char *tiny_scratch(char *path, size_t n);
void tiny_scratch_remove(const char *path);

#endif
