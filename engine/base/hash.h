/* hash.h - 128-bit content hashes (XXH3), for fingerprints and for unchanged text.
 *
 * The only file that includes xxHash, whose code is compiled in: no run-time library. */
#ifndef ENC_HASH_H
#define ENC_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct enc_hash {
    uint64_t high, low;
} enc_hash;

typedef struct enc_hasher enc_hasher; /* a running hash */

enc_hash enc_hash_of(const void *bytes, size_t n);
enc_hasher *enc_hasher_new(void); /* NULL: no memory */
void enc_hasher_add(enc_hasher *h, const void *bytes, size_t n);
enc_hash enc_hasher_get(const enc_hasher *h);
void enc_hasher_free(enc_hasher *h);
void enc_hash_text(enc_hash h, char out[33]); /* 32 hexadecimal digits and a NUL */

#endif
