/* mem.h - all memory of the engine: checked, aligned, and able to fail in a test.
 *
 * The only file that calls malloc. Every block is aligned to 64 bytes (a cache line, and
 * the widest vector). Products are checked: an overflow is an ordinary NULL. */
#ifndef ENC_MEM_H
#define ENC_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* NULL on failure; size 0 gives a valid, freeable block. */
void *enc_mem_alloc(size_t size);
void *enc_mem_zero(size_t size);
void *enc_mem_array(size_t n, size_t size);
void *enc_mem_zero_array(size_t n, size_t size);

/* As enc_mem_zero, on large pages if the system gives them: for a block of megabytes that
 * is filled at once and read from end to end again and again. */
void *enc_mem_zero_large(size_t size);

/* A block of new_size holding the first min(old_size, new_size) bytes of p, which is
 * freed; NULL on failure, and p is then untouched. p may be NULL. */
void *enc_mem_resize(void *p, size_t old_size, size_t new_size);

/* Makes room for at least `need` elements of `size` bytes in *array, whose capacity is
 * *cap, doubling it. False on failure, and nothing has changed. */
bool enc_mem_reserve(void **array, size_t *cap, size_t need, size_t size);

/* The same for what need not survive growing. Storage is free at first, so on failure
 * *array is NULL and *cap is 0. */
bool enc_mem_renew(void **array, size_t *cap, size_t need, size_t size);

void enc_mem_free(void *p);

/* a * b or a + b into *out; false if it does not fit. */
bool enc_mem_mul(size_t a, size_t b, size_t *out);
bool enc_mem_add(size_t a, size_t b, size_t *out);

/* An arena: small blocks that live and die together. Storage is the caller's. */
typedef struct enc_arena {
    struct enc_arena_block *last; /* newest block, or NULL */
} enc_arena;

void enc_arena_init(enc_arena *a);
void *enc_arena_alloc(enc_arena *a, size_t size); /* zeroed; NULL on failure */
void *enc_arena_array(enc_arena *a, size_t n, size_t size);
char *enc_arena_text(enc_arena *a, const char *text,
                     size_t n); /* a NUL-terminated copy */
void enc_arena_clear(enc_arena *a);

/* For fault tests: the nth allocation from now fails (0: none does), once, or it and all
 * after it. Returns whether one has failed since the last call. */
bool enc_mem_fault(size_t nth, bool and_all_after);
size_t enc_mem_live(void); /* blocks allocated and not freed: a leak test asks this */

#endif
