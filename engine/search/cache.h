/* cache.h - decoded segments, resident once per process, counted by reference.
 *
 * Many connections read the same table; its segments are decoded by the first and lent to
 * the others. A segment is known by the hash of its bytes, so a cached one is never
 * stale. It lives while somebody holds it and is freed when the last one lets go. All
 * calls may be made from any thread. */
#ifndef ENC_CACHE_H
#define ENC_CACHE_H

#include "base/hash.h"
#include "search/code.h"

typedef struct enc_cached enc_cached; /* one reference to a segment in the cache */

enc_cached *enc_cache_find(enc_hash key); /* a new reference, or NULL: not there */

/* Takes s and gives a reference to it; or, where another thread was first, frees s and
 * gives a reference to that one's. NULL: no memory, or the limit is reached; s then stays
 * the caller's. */
enc_cached *enc_cache_put(enc_hash key, enc_segment *s);
void enc_cache_drop(enc_cached *c); /* NULL is fine */

const enc_segment *enc_cached_segment(const enc_cached *c); /* lives as long as c */

void enc_cache_limit(
    size_t bytes);            /* from now on; what is there stays. At first 1 GiB. */
size_t enc_cache_bytes(void); /* held now */

#endif
