/* load.h - what a user calls a model -> its files: a path, a hub name or bytes. */
#ifndef EXT_LOAD_H
#define EXT_LOAD_H

#include "ext.h"

#include <limits.h>

typedef struct ext_found {
    enc_files *files;            /* for enc_model_open, which takes them */
    char name[EXT_NAME_MAX + 1]; /* what it may be called; "": nothing suggests itself */
    char source[PATH_MAX];       /* the path, or "blob" */
} ext_found;

/* Argument i as files: TEXT is looked for in the hub cache, in $ENCODER_MODELS and as a
 * path, unless the setting `models` confines it to names in one directory; a BLOB is the
 * model itself. Weights of more than max_model_bytes are refused unread. Files are mapped
 * unless is_read. False: recorded, and *f is empty. */
bool ext_find_files(ext_call *c, int i, bool is_read, ext_found *f);

/* The path at which a directory may be written, under the same confinement. */
bool ext_find_place(ext_call *c, int i, char out[PATH_MAX]);

/* Checks that the text is a directory and gives its absolute path: the setting itself. */
bool ext_find_directory(ext_call *c, enc_bytes text, char *out, size_t n);

#endif
