/* hash.c - see hash.h. xxHash is compiled in, so that no library is needed at run time.
 */
#include "base/hash.h"

#include <stdio.h>

#include "base/mem.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

struct enc_hasher {
    XXH3_state_t state; /* wants the 64-byte alignment that mem.h gives */
};

static enc_hash of_xxh(XXH128_hash_t h)
{
    return (enc_hash){.high = h.high64, .low = h.low64};
}

enc_hash enc_hash_of(const void *bytes, size_t n)
{
    return of_xxh(XXH3_128bits(bytes, n));
}

enc_hasher *enc_hasher_new(void)
{
    enc_hasher *h = enc_mem_zero(sizeof *h);

    if (h != NULL) XXH3_128bits_reset(&h->state);
    return h;
}

void enc_hasher_add(enc_hasher *h, const void *bytes, size_t n)
{
    if (n > 0) XXH3_128bits_update(&h->state, bytes, n);
}

enc_hash enc_hasher_get(const enc_hasher *h)
{
    return of_xxh(XXH3_128bits_digest(&h->state));
}

void enc_hasher_free(enc_hasher *h)
{
    enc_mem_free(h);
}

void enc_hash_text(enc_hash h, char out[33])
{
    snprintf(out, 33, "%016llx%016llx", (unsigned long long)h.high,
             (unsigned long long)h.low);
}
