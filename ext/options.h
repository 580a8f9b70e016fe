/* options.h - a JSON object of options -> the fields of a struct, by a table. */
#ifndef EXT_OPTIONS_H
#define EXT_OPTIONS_H

#include "ext.h"

typedef enum ext_option_kind {                  /* what the field is */
                               EXT_OPTION_SIZE, /* size_t */
                               EXT_OPTION_SEED, /* uint64_t */
                               EXT_OPTION_REAL, /* double */
                               EXT_OPTION_FLAG, /* bool */
                               EXT_OPTION_TEXT  /* const char * */
} ext_option_kind;

typedef struct ext_option {
    const char *name;
    ext_option_kind kind;
    size_t offset; /* of the field */
} ext_option;

/* Reads argument i into the struct `to` by the n rows of the table. What is not given, or
 * null, leaves the field as it is; a key that is not in the table, or a value of another
 * kind, is an error that names it. Texts are copied into the arena. */
bool ext_options_read(ext_call *c, int i, const ext_option *table, size_t n, void *to,
                      enc_arena *arena);

/* A value as a sentence may quote it. */
const char *ext_option_quote(char out[80], enc_json_value *v);

#endif
