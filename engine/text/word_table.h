/* word_table.h - words -> how often each came, in bounded memory.
 *
 * When there are n_max different words, or pool_max bytes of them, the words seen once
 * are forgotten; if that does not free half of either limit, those seen fewer than 4, 8,
 * ... times. A frequent word loses at most the occurrences it had before it was
 * forgotten. What is kept depends on the words and their order alone. */
#ifndef ENC_WORD_TABLE_H
#define ENC_WORD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENC_TABLE_WORDS ((size_t)1 << 21) /* the usual limits */
#define ENC_TABLE_BYTES ((size_t)1 << 28)

typedef struct enc_counted {
    uint64_t count;
    uint32_t at; /* its bytes in the pool */
    uint32_t hash;
    uint16_t n; /* of them */
} enc_counted;

/* Storage is the caller's. */
typedef struct enc_word_table {
    size_t n_max, pool_max;
    enc_counted *words; /* n_words, in the order of first sight */
    size_t n_words, cap_words;
    uint8_t *pool; /* bytes of all words, end to end */
    size_t n_pool, cap_pool;
    uint32_t *slots; /* private: n_slots, a power of two; index of a word + 1, or 0 */
    size_t n_slots;
} enc_word_table;

/* n_max in [2, 2^30], pool_max < 2^32 and at least twice the longest word. */
void enc_word_table_init(enc_word_table *t, size_t n_max, size_t pool_max);
void enc_word_table_clear(enc_word_table *t);

/* Counts one word of n <= UINT16_MAX bytes. False: no memory, and nothing has changed. */
bool enc_word_table_add(enc_word_table *t, const uint8_t *bytes, size_t n);

#endif
