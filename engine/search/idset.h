/* idset.h - a set of ids, for filters: open addressing, growing, never shrinking. */
#ifndef ENC_IDSET_H
#define ENC_IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct enc_idset enc_idset;

enc_idset *enc_idset_new(void);               /* empty; NULL: no memory */
void enc_idset_free(enc_idset *s);            /* NULL is fine */
bool enc_idset_add(enc_idset *s, int64_t id); /* false: no memory, and nothing changed */
bool enc_idset_has(const enc_idset *s, int64_t id);
size_t enc_idset_count(const enc_idset *s);

/* A new set of those in both; NULL: no memory. */
enc_idset *enc_idset_both(const enc_idset *a, const enc_idset *b);

#endif
