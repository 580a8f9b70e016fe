/* word_table.c - see word_table.h. Linear probing over slots at most half full; a word's
 * hash is kept beside it, so growing the table reads no bytes of words. */
#include "text/word_table.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

void enc_word_table_init(enc_word_table *t, size_t n_max, size_t pool_max)
{
    memset(t, 0, sizeof *t);
    t->n_max = n_max;
    t->pool_max = pool_max;
}

void enc_word_table_clear(enc_word_table *t)
{
    enc_mem_free(t->words);
    enc_mem_free(t->pool);
    enc_mem_free(t->slots);
    enc_word_table_init(t, t->n_max, t->pool_max);
}

static void fill_slots(uint32_t *slots, size_t n, const enc_word_table *t)
{
    for (size_t i = 0; i < t->n_words; i++) {
        size_t at = t->words[i].hash & (n - 1);
        while (slots[at] != 0) at = (at + 1) & (n - 1);
        slots[at] = (uint32_t)i + 1;
    }
}

static bool grow(enc_word_table *t)
{
    size_t n = t->n_slots ? t->n_slots * 2 : 64;
    uint32_t *slots = enc_mem_zero_array(n, sizeof *slots);

    if (slots == NULL) return false;
    fill_slots(slots, n, t);
    enc_mem_free(t->slots);
    t->slots = slots;
    t->n_slots = n;
    return true;
}

/* The least count that at most half of either limit reaches. */
static uint64_t count_to_keep(const enc_word_table *t)
{
    for (uint64_t least = 2;; least *= 2) {
        size_t n = 0, bytes = 0;
        for (size_t i = 0; i < t->n_words; i++) {
            if (t->words[i].count < least) continue;
            n++;
            bytes += t->words[i].n;
        }
        if (n <= t->n_max / 2 && bytes <= t->pool_max / 2) return least;
    }
}

/* Forgets rare words; the rest keep their order. */
static void prune(enc_word_table *t)
{
    uint64_t least = count_to_keep(t);
    size_t n = 0, bytes = 0;

    for (size_t i = 0; i < t->n_words; i++) {
        enc_counted w = t->words[i];
        if (w.count < least) continue;
        memmove(t->pool + bytes, t->pool + w.at, w.n);
        w.at = (uint32_t)bytes;
        bytes += w.n;
        t->words[n++] = w;
    }
    t->n_words = n;
    t->n_pool = bytes;
    memset(t->slots, 0, t->n_slots * sizeof *t->slots);
    fill_slots(t->slots, t->n_slots, t);
}

static bool append(enc_word_table *t, const uint8_t *bytes, size_t n, uint32_t hash)
{
    if (!enc_mem_reserve((void **)&t->words, &t->cap_words, t->n_words + 1,
                         sizeof *t->words))
        return false;
    if (!enc_mem_reserve((void **)&t->pool, &t->cap_pool, t->n_pool + n, 1)) return false;
    memcpy(t->pool + t->n_pool, bytes, n);
    t->words[t->n_words++] = (enc_counted){1, (uint32_t)t->n_pool, hash, (uint16_t)n};
    t->n_pool += n;
    return true;
}

bool enc_word_table_add(enc_word_table *t, const uint8_t *bytes, size_t n)
{
    uint32_t hash = (uint32_t)enc_hash_of(bytes, n).low;

    if ((t->n_words + 1) * 2 > t->n_slots && !grow(t)) return false;
    for (int pass = 0;; pass++) {
        size_t at = hash & (t->n_slots - 1);
        for (; t->slots[at] != 0; at = (at + 1) & (t->n_slots - 1)) {
            enc_counted *w = &t->words[t->slots[at] - 1];
            if (w->hash != hash || w->n != n || memcmp(t->pool + w->at, bytes, n) != 0)
                continue;
            w->count++;
            return true;
        }
        if (pass == 1 || (t->n_words < t->n_max && t->n_pool + n <= t->pool_max)) {
            if (!append(t, bytes, n, hash)) return false;
            t->slots[at] = (uint32_t)t->n_words;
            return true;
        }
        prune(t); /* moves the slots: look again */
    }
}
