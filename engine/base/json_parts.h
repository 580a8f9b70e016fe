/* json_parts.h - how a parsed document lies in memory, for the files that are json.h:
 * json_read.c makes it, json_keys.c finds the members of its objects, json.c asks it.
 *
 * A document is one array of nodes and one block of texts. The items of an array, and the
 * members of an object (key, value, key, value ...), stand next to one another, and
 * before the node of the array or object itself, which says how far before: so the root
 * is the last node, and the i-th item is found without a walk. The texts are a copy of
 * the file in which every text has been decoded where it stood and ends with a NUL.
 *
 * Behind the members of an object, unless they are few, stands a hash table of them, two
 * slots to a node: open addressing, a power of two, at most half full. No key is
 * ENC_JSON_PROBES slots from home: such an object is refused instead of being slow. */
#ifndef ENC_JSON_PARTS_H
#define ENC_JSON_PARTS_H

#include "base/json.h"

#define ENC_JSON_PROBES 512 /* in honest objects the farthest key is tens from home */

typedef enum enc_json_kind {
    ENC_JSON_NULL,
    ENC_JSON_FALSE,
    ENC_JSON_TRUE,
    ENC_JSON_INT,
    ENC_JSON_REAL,
    ENC_JSON_TEXT,
    ENC_JSON_ARRAY,
    ENC_JSON_OBJECT
} enc_json_kind;

typedef struct enc_json_slot {
    uint32_t tag;    /* other bits of the key's hash */
    uint32_t member; /* which one; UINT32_MAX: none */
} enc_json_slot;

typedef struct enc_json_node {
    union {
        struct {
            enc_json_kind kind;
            uint32_t n; /* bytes of a text, items of an array, members of an object */
            union {
                const char *text; /* NUL-terminated, without another NUL */
                long long integer;
                double real;
                size_t items; /* so many nodes before this one is the first of them;
                               * while the document is read: its index */
            };
        };
        enc_json_slot slots[2];
    };
} enc_json_node;

struct enc_json {
    char *texts; /* as many bytes as the file, and a NUL */
    enc_json_node *nodes;
    size_t n, cap;
};

/* Of text.n > 0 bytes into a document that is empty. */
enc_rc enc_json_read(enc_json *j, enc_bytes text, const char *what, enc_err *e);

/* Nodes that the table of n members takes behind them; 0: they are few and have none. */
size_t enc_json_table(size_t n);

/* Fills the table of n members. Returns n, or the first member that has no place there:
 * its key is there twice or, if not *is_twice, too far from home. */
size_t enc_json_index(enc_json_node *members, size_t n, bool *is_twice);

/* Which of n members has the key; n: none. */
size_t enc_json_find(const enc_json_node *members, size_t n, const char *key,
                     size_t n_key);

#endif
