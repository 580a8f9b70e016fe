/* mem.c - see mem.h. The fault counter and the count of live blocks are the only state;
 * both are atomic, and the counter is off unless a test sets it. */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT   64
#define LARGE_PAGE  ((size_t)2 << 20)
#define ARENA_BLOCK ((size_t)16 << 10) /* least size of an arena's block */

static atomic_size_t n_live;
static atomic_llong until_fault; /* 0: off; 1: the next allocation fails */
static atomic_bool fault_stays, has_failed;

bool enc_mem_fault(size_t nth, bool and_all_after)
{
    atomic_store(&fault_stays, and_all_after);
    atomic_store(&until_fault, (long long)nth);
    return atomic_exchange(&has_failed, false);
}

size_t enc_mem_live(void)
{
    return atomic_load(&n_live);
}

static bool is_faulty(void)
{
    if (atomic_load_explicit(&until_fault, memory_order_relaxed) == 0) return false;
    long long before = atomic_fetch_sub(&until_fault, 1);
    if (before > 1) return false;
    atomic_store(&until_fault, before == 1 && atomic_load(&fault_stays) ? 1 : 0);
    if (before == 1) atomic_store(&has_failed, true);
    return before == 1;
}

bool enc_mem_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

bool enc_mem_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static void *alloc_aligned(size_t size, size_t alignment)
{
    size_t padded;
    if (is_faulty() || !enc_mem_add(size, alignment - 1, &padded)) return NULL;
    padded &= ~(alignment - 1);
    void *p = aligned_alloc(alignment, padded > 0 ? padded : alignment);
    if (p != NULL) atomic_fetch_add(&n_live, 1);
    return p;
}

void *enc_mem_alloc(size_t size)
{
    return alloc_aligned(size, ALIGNMENT);
}

void *enc_mem_zero(size_t size)
{
    void *p = enc_mem_alloc(size);
    if (p != NULL) memset(p, 0, size);
    return p;
}

void *enc_mem_zero_large(size_t size)
{
    if (size < LARGE_PAGE) return enc_mem_zero(size);
    void *p = alloc_aligned(size, LARGE_PAGE);
    if (p == NULL) return NULL;
    /* What is left behind the last whole one is not worth another. No matter if refused:
     * it is advice. */
    (void)madvise(p, size & ~(LARGE_PAGE - 1), MADV_HUGEPAGE);
    memset(p, 0, size);
    return p;
}

void *enc_mem_array(size_t n, size_t size)
{
    size_t bytes;
    return enc_mem_mul(n, size, &bytes) ? enc_mem_alloc(bytes) : NULL;
}

void *enc_mem_zero_array(size_t n, size_t size)
{
    size_t bytes;
    return enc_mem_mul(n, size, &bytes) ? enc_mem_zero(bytes) : NULL;
}

void *enc_mem_resize(void *p, size_t old_size, size_t new_size)
{
    void *q = enc_mem_alloc(new_size);
    if (q == NULL) return NULL;
    if (p != NULL) memcpy(q, p, old_size < new_size ? old_size : new_size);
    enc_mem_free(p);
    return q;
}

bool enc_mem_reserve(void **array, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap) return true;
    size_t n = *cap < 8 ? 8 : *cap, bytes;
    while (n < need)
        if (!enc_mem_mul(n, 2, &n)) return false;
    if (!enc_mem_mul(n, size, &bytes)) return false;
    void *p = enc_mem_resize(*array, *cap * size, bytes);
    if (p == NULL) return false;
    *array = p;
    *cap = n;
    return true;
}

bool enc_mem_renew(void **array, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap) return true;
    enc_mem_free(*array);
    *array = NULL;
    *cap = 0;
    return enc_mem_reserve(array, cap, need, size);
}

void enc_mem_free(void *p)
{
    if (p == NULL) return;
    atomic_fetch_sub(&n_live, 1);
    free(p);
}

typedef struct enc_arena_block {
    struct enc_arena_block *before;
    size_t used, size; /* bytes after this header */
    char padding[ALIGNMENT - sizeof(void *) - 2 * sizeof(size_t)];
} enc_arena_block;

void enc_arena_init(enc_arena *a)
{
    a->last = NULL;
}

void *enc_arena_alloc(enc_arena *a, size_t size)
{
    enc_arena_block *b = a->last;
    size_t padded;
    if (!enc_mem_add(size, ALIGNMENT - 1, &padded)) return NULL;
    padded &= ~(size_t)(ALIGNMENT - 1);
    if (b == NULL || b->size - b->used < padded) {
        size_t body = padded > ARENA_BLOCK ? padded : ARENA_BLOCK, whole;
        if (!enc_mem_add(body, sizeof *b, &whole)) return NULL;
        if ((b = enc_mem_alloc(whole)) == NULL) return NULL;
        b->before = a->last;
        b->used = 0;
        b->size = body;
        a->last = b;
    }
    char *p = (char *)(b + 1) + b->used;
    b->used += padded;
    memset(p, 0, size);
    return p;
}

void *enc_arena_array(enc_arena *a, size_t n, size_t size)
{
    size_t bytes;
    return enc_mem_mul(n, size, &bytes) ? enc_arena_alloc(a, bytes) : NULL;
}

char *enc_arena_text(enc_arena *a, const char *text, size_t n)
{
    size_t whole;
    char *p = enc_mem_add(n, 1, &whole) ? enc_arena_alloc(a, whole) : NULL;
    if (p != NULL && n > 0) memcpy(p, text, n);
    return p;
}

void enc_arena_clear(enc_arena *a)
{
    while (a->last != NULL) {
        enc_arena_block *b = a->last;
        a->last = b->before;
        enc_mem_free(b);
    }
}
