/* json_keys.c - the keys of an object: which member has one, and which have the same.
 *
 * Keys that are chosen to have similar hashes cannot make this slow: a table where one is
 * ENC_JSON_PROBES slots from home is refused. */
#include <string.h>

#include "base/hash.h"
#include "base/json_parts.h"

#define SMALL 8 /* members that are looked through one by one */
#define FREE  UINT32_MAX

static size_t count_slots(size_t n)
{
    size_t n_slots = 4 * SMALL;

    while (n_slots < 2 * n) n_slots *= 2;
    return n_slots;
}

size_t enc_json_table(size_t n)
{
    return n > SMALL ? count_slots(n) / 2 : 0;
}

static bool is_key(const enc_json_node *v, const char *key, size_t n_key)
{
    return v->n == n_key && memcmp(v->text, key, n_key) == 0;
}

static size_t look(const enc_json_node *members, size_t n, const char *key, size_t n_key)
{
    size_t i = 0;

    while (i < n && !is_key(members + 2 * i, key, n_key)) i++;
    return i;
}

/* Which slot is a key's: the one that has it, or the free one where it would be.
 * SIZE_MAX: too far from home. */
static size_t slot_of(const enc_json_node *members, size_t n, const char *key,
                      size_t n_key, enc_hash hash)
{
    const enc_json_node *table = members + 2 * n;
    const size_t mask = count_slots(n) - 1;

    for (size_t probe = 0; probe < ENC_JSON_PROBES; probe++) {
        size_t i = (size_t)(hash.low + probe) & mask;
        const enc_json_slot *s = &table[i / 2].slots[i % 2];
        if (s->member == FREE) return i;
        if (s->tag == (uint32_t)hash.high && is_key(members + 2 * s->member, key, n_key))
            return i;
    }
    return SIZE_MAX;
}

size_t enc_json_index(enc_json_node *members, size_t n, bool *is_twice)
{
    enc_json_node *table = members + 2 * n;
    const size_t n_table = enc_json_table(n);
    size_t i = 0;

    *is_twice = true;
    if (n <= SMALL) {
        while (i < n && look(members, i, members[2 * i].text, members[2 * i].n) == i) i++;
        return i;
    }
    for (size_t k = 0; k < n_table; k++)
        table[k].slots[0].member = table[k].slots[1].member = FREE;
    for (; i < n; i++) {
        const enc_json_node *key = members + 2 * i;
        enc_hash hash = enc_hash_of(key->text, key->n);
        size_t at = slot_of(members, n, key->text, key->n, hash);
        *is_twice = at != SIZE_MAX;
        if (at == SIZE_MAX) break;
        enc_json_slot *s = &table[at / 2].slots[at % 2];
        if (s->member != FREE) break;
        *s = (enc_json_slot){(uint32_t)hash.high, (uint32_t)i};
    }
    return i;
}

size_t enc_json_find(const enc_json_node *members, size_t n, const char *key,
                     size_t n_key)
{
    if (n <= SMALL) return look(members, n, key, n_key);
    size_t i = slot_of(members, n, key, n_key, enc_hash_of(key, n_key));
    uint32_t found = i == SIZE_MAX ? FREE : members[2 * n + i / 2].slots[i % 2].member;
    return found == FREE ? n : found;
}
