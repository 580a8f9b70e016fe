/* cache.c - see cache.h: the second thing that is one for the whole process, beside the
 * extension's registry of models.
 *
 * One lock guards the table below. It is held for a few lines at a time: never while a
 * segment is decoded or anybody's code is called. Entries hang in chains, for they leave
 * one by one; the table grows as they come and goes with the last of them, so that an
 * idle process holds nothing. Entries are found by hash alone: two segments of one hash
 * are the same bytes. */
#include "search/cache.h"

#include "base/lock.h"
#include "base/mem.h"

#define CHAINS_MIN 64
#define LIMIT      ((size_t)1 << 30)

struct enc_cached {
    enc_hash key;
    enc_segment *segment; /* owned */
    size_t n_references;
    enc_cached *next; /* in its chain */
};

static struct {
    enc_cached **chains; /* n_chains, or NULL while there are no entries */
    size_t n_chains;     /* a power of two */
    size_t n;            /* entries */
    size_t bytes;        /* of their segments */
    size_t limit;
} cache = {.limit = LIMIT};

/* The pointer to the entry of `key`, or to the NULL at the end of its chain. */
static enc_cached **link_of(enc_cached **chains, size_t n_chains, enc_hash key)
{
    enc_cached **at = &chains[(size_t)key.low & (n_chains - 1)];
    while (*at != NULL && ((*at)->key.low != key.low || (*at)->key.high != key.high))
        at = &(*at)->next;
    return at;
}

static enc_cached *find_locked(enc_hash key)
{
    enc_cached *c =
        cache.chains == NULL ? NULL : *link_of(cache.chains, cache.n_chains, key);
    if (c != NULL) c->n_references++;
    return c;
}

/* Twice as many chains, or the first; false: no memory, and nothing has changed. */
static bool grow_locked(void)
{
    size_t n_chains = cache.n_chains > 0 ? 2 * cache.n_chains : CHAINS_MIN;
    enc_cached **chains = enc_mem_zero_array(n_chains, sizeof(enc_cached *));
    if (chains == NULL) return false;
    for (size_t i = 0; i < cache.n_chains; i++) {
        for (enc_cached *c = cache.chains[i], *next; c != NULL; c = next) {
            enc_cached **at = link_of(chains, n_chains, c->key);
            next = c->next;
            c->next = NULL;
            *at = c;
        }
    }
    enc_mem_free(cache.chains);
    cache.chains = chains;
    cache.n_chains = n_chains;
    return true;
}

/* A new entry with one reference, or NULL: no room. */
static enc_cached *put_locked(enc_hash key, enc_segment *s)
{
    if (s->size > cache.limit || cache.bytes > cache.limit - s->size) return NULL;
    if (cache.n >= cache.n_chains && !grow_locked() && cache.n_chains == 0) return NULL;
    enc_cached *c = enc_mem_zero(sizeof *c);
    if (c == NULL) return NULL;
    *c = (enc_cached){.key = key, .segment = s, .n_references = 1};
    *link_of(cache.chains, cache.n_chains, key) = c;
    cache.n++;
    cache.bytes += s->size;
    return c;
}

static void forget_chains_if_empty(void)
{
    if (cache.n > 0) return;
    enc_mem_free(cache.chains);
    cache.chains = NULL;
    cache.n_chains = 0;
}

enc_cached *enc_cache_find(enc_hash key)
{
    enc_lock_take(ENC_LOCK_CACHE);
    enc_cached *c = find_locked(key);
    enc_lock_give(ENC_LOCK_CACHE);
    return c;
}

enc_cached *enc_cache_put(enc_hash key, enc_segment *s)
{
    enc_lock_take(ENC_LOCK_CACHE);
    enc_cached *c = find_locked(key);
    bool is_second = c != NULL;
    if (!is_second) c = put_locked(key, s);
    forget_chains_if_empty();
    enc_lock_give(ENC_LOCK_CACHE);
    if (is_second) enc_segment_free(s);
    return c;
}

void enc_cache_drop(enc_cached *c)
{
    if (c == NULL) return;
    enc_lock_take(ENC_LOCK_CACHE);
    bool is_last = --c->n_references == 0;
    if (is_last) {
        *link_of(cache.chains, cache.n_chains, c->key) = c->next;
        cache.n--;
        cache.bytes -= c->segment->size;
        forget_chains_if_empty();
    }
    enc_lock_give(ENC_LOCK_CACHE);
    if (!is_last) return;
    enc_segment_free(c->segment);
    enc_mem_free(c);
}

const enc_segment *enc_cached_segment(const enc_cached *c)
{
    return c->segment;
}

void enc_cache_limit(size_t bytes)
{
    enc_lock_take(ENC_LOCK_CACHE);
    cache.limit = bytes;
    enc_lock_give(ENC_LOCK_CACHE);
}

size_t enc_cache_bytes(void)
{
    enc_lock_take(ENC_LOCK_CACHE);
    size_t bytes = cache.bytes;
    enc_lock_give(ENC_LOCK_CACHE);
    return bytes;
}
