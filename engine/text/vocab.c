/* vocab.c - see vocab.h.
 *
 * The pieces lie end to end in one block, each as a record
 *
 *     u32 id, u16 n, n bytes       (the machine's byte order: it never leaves memory)
 *
 * and are found by id through an array of places, and by their bytes through a hash
 * table of places: open addressing, a power of two, at most half full. The hash is FNV-1a
 * (Fowler, Noll, Vo) with 64 bits, because it goes forward byte by byte: the hashes of
 * all prefixes of a word cost as much as that of the word.
 *
 * What a lookup costs is the cache lines it touches. Most lookups miss, because a word is
 * tried at every length from the whole of it down: beside each slot stands one byte of a
 * sieve, in which every piece that belongs to the slot has set one bit, chosen by three
 * further bits of its hash; a lookup whose bit is clear is over. A slot keeps 32 bits of
 * the hash, so that a record is read only to find what is there.
 *
 * FNV can be attacked with chosen pieces; a table where some piece is more than
 * PROBES_MAX slots from home is refused instead of being slow. In honest ones, half full,
 * the farthest of a million pieces is tens of slots away. */
#include "text/vocab.h"

#include <stdbool.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/utf8.h"

#define FNV_BASIS  0xcbf29ce484222325u
#define FNV_PRIME  0x100000001b3u
#define PROBES_MAX 512
#define FREE       UINT32_MAX
#define HEAD       (sizeof(uint32_t) + sizeof(uint16_t)) /* of a record */

typedef struct slot {
    uint32_t tag; /* upper half of the mixed hash */
    uint32_t at;  /* of the record; FREE: none */
} slot;

struct enc_vocab {
    size_t n;
    size_t piece_max;
    uint32_t *places; /* n: of the records */
    uint8_t *records;
    slot *slots;    /* mask + 1 */
    uint8_t *sieve; /* mask + 1 */
    size_t mask;
};

static const enc_bytes no_prefix = {NULL, 0};

static uint64_t hash_byte(uint64_t h, uint8_t b)
{
    return (h ^ b) * FNV_PRIME;
}

static uint64_t hash_bytes(uint64_t h, const uint8_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++) h = hash_byte(h, at[i]);
    return h;
}

/* FNV's upper bits know little of the last bytes: a multiplication by the golden ratio
 * after folding brings all of them into the upper half. */
static uint64_t mix(uint64_t h)
{
    return (h ^ h >> 32) * 0x9e3779b97f4a7c15u;
}

static size_t home_of(const enc_vocab *v, uint64_t mixed)
{
    return (size_t)(mixed >> 24) & v->mask;
}

static uint8_t bit_of(uint64_t mixed)
{
    return (uint8_t)(1u << (mixed >> 21 & 7));
}

static enc_bytes read_record(const enc_vocab *v, size_t at, int32_t *id)
{
    uint16_t n;
    memcpy(id, v->records + at, sizeof *id);
    memcpy(&n, v->records + at + sizeof *id, sizeof n);
    return (enc_bytes){v->records + at + HEAD, n};
}

/* The id of the piece prefix + at[0..n), whose mixed hash this is. */
static int32_t find_mixed(const enc_vocab *v, uint64_t mixed, enc_bytes prefix,
                          const uint8_t *at, size_t n)
{
    uint32_t tag = (uint32_t)(mixed >> 32);
    size_t home = home_of(v, mixed);
    if ((v->sieve[home] & bit_of(mixed)) == 0) return -1;
    for (size_t i = home;; i = (i + 1) & v->mask) {
        const slot *s = v->slots + i;
        int32_t id;
        if (s->at == FREE) return -1;
        if (s->tag != tag) continue;
        enc_bytes piece = read_record(v, s->at, &id);
        if (piece.n != prefix.n + n) continue;
        if (prefix.n > 0 && memcmp(piece.at, prefix.at, prefix.n) != 0) continue;
        if (memcmp(piece.at + prefix.n, at, n) == 0) return id;
    }
}

/* Enters the piece at this place into the table. */
static enc_rc enter(enc_vocab *v, uint32_t at, const char *what, enc_err *e)
{
    int32_t id, other;
    enc_bytes piece = read_record(v, at, &id);
    uint64_t mixed = mix(hash_bytes(FNV_BASIS, piece.at, piece.n));
    uint32_t tag = (uint32_t)(mixed >> 32);
    size_t i = home_of(v, mixed), n_probes = 0;
    v->sieve[i] |= bit_of(mixed);
    for (; v->slots[i].at != FREE; i = (i + 1) & v->mask) {
        if (++n_probes > PROBES_MAX)
            return enc_fail(e, ENC_CORRUPT,
                            "%s has more than %d pieces with colliding hashes", what,
                            PROBES_MAX);
        if (v->slots[i].tag != tag) continue;
        enc_bytes same = read_record(v, v->slots[i].at, &other);
        if (same.n == piece.n && memcmp(same.at, piece.at, piece.n) == 0)
            return enc_fail(e, ENC_CORRUPT, "%s has the same piece at ids %d and %d",
                            what, (int)other, (int)id);
    }
    v->slots[i] = (slot){tag, at};
    return ENC_OK;
}

/* Room for n pieces of n_bytes together. */
static enc_rc make_room(enc_vocab *v, size_t n, size_t n_bytes, enc_err *e)
{
    size_t n_slots = 16;
    while (n_slots < 2 * n) n_slots *= 2;
    v->places = enc_mem_array(n, sizeof *v->places);
    v->records = enc_mem_alloc(n * HEAD + n_bytes);
    v->slots = enc_mem_array(n_slots, sizeof *v->slots);
    v->sieve = enc_mem_zero(n_slots);
    if (v->places == NULL || v->records == NULL || v->slots == NULL || v->sieve == NULL)
        return enc_nomem(e);
    v->n = n;
    v->mask = n_slots - 1;
    for (size_t i = 0; i < n_slots; i++) v->slots[i].at = FREE;
    return ENC_OK;
}

/* Copies the pieces, whose sizes were checked, and enters those that are no holes. */
static enc_rc fill(enc_vocab *v, const enc_bytes *pieces, const char *what, enc_err *e)
{
    size_t at = 0;
    enc_rc rc = ENC_OK;
    for (size_t i = 0; i < v->n && rc == ENC_OK; i++) {
        enc_bytes piece = pieces[i];
        int32_t id = (int32_t)i;
        uint16_t n = (uint16_t)piece.n;
        memcpy(v->records + at, &id, sizeof id);
        memcpy(v->records + at + sizeof id, &n, sizeof n);
        if (n > 0) memcpy(v->records + at + HEAD, piece.at, n);
        v->places[i] = (uint32_t)at;
        if (n > v->piece_max) v->piece_max = n;
        if (n > 0) rc = enter(v, (uint32_t)at, what, e);
        at += HEAD + n;
    }
    return rc;
}

enc_rc enc_vocab_new(enc_vocab **out, const enc_bytes *pieces, size_t n, const char *what,
                     enc_err *e)
{
    size_t n_bytes = 0;
    *out = NULL;
    if (n > ENC_VOCAB_MAX)
        return enc_fail(e, ENC_RANGE, "%s has %zu pieces, at most %zu are allowed", what,
                        n, ENC_VOCAB_MAX);
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].n > ENC_PIECE_MAX)
            return enc_fail(e, ENC_CORRUPT, "piece %zu of %s has %zu bytes, at most %d",
                            i, what, pieces[i].n, ENC_PIECE_MAX);
        n_bytes += pieces[i].n;
    }
    enc_vocab *v = enc_mem_zero(sizeof *v);
    if (v == NULL) return enc_nomem(e);
    enc_rc rc = make_room(v, n, n_bytes, e);
    if (rc == ENC_OK) rc = fill(v, pieces, what, e);
    if (rc == ENC_OK && v->piece_max == 0)
        rc = enc_fail(e, ENC_CORRUPT, "%s has no pieces", what);
    if (rc == ENC_OK) {
        *out = v;
        v = NULL;
    }
    enc_vocab_free(v);
    return rc;
}

enc_rc enc_vocab_read(enc_vocab **out, enc_bytes text, const char *what, enc_err *e)
{
    size_t n = 0, at = 0, n_text = 0;
    *out = NULL;
    for (size_t i = 0; i < text.n; i++) n += text.at[i] == '\n';
    if (text.n > 0 && text.at[text.n - 1] != '\n') n++;
    if (n > ENC_VOCAB_MAX)
        return enc_fail(e, ENC_RANGE, "%s has %zu pieces, at most %zu are allowed", what,
                        n, ENC_VOCAB_MAX);
    enc_bytes *pieces = enc_mem_array(n, sizeof *pieces);
    if (pieces == NULL) return enc_nomem(e);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *line = text.at + at;
        const uint8_t *stop = memchr(line, '\n', text.n - at);
        size_t length = stop != NULL ? (size_t)(stop - line) : text.n - at;
        at += length + 1;
        if (length > 0 && line[length - 1] == '\r') length--;
        pieces[i] = (enc_bytes){line, length};
        if (n_text == i && enc_utf8_is_text(line, length)) n_text++;
    }
    enc_rc rc = n_text == n ? enc_vocab_new(out, pieces, n, what, e)
                            : enc_fail(e, ENC_CORRUPT,
                                       "piece %zu of %s is not UTF-8 text without NUL",
                                       n_text, what);
    enc_mem_free(pieces);
    return rc;
}

void enc_vocab_free(enc_vocab *v)
{
    if (v == NULL) return;
    enc_mem_free(v->places);
    enc_mem_free(v->records);
    enc_mem_free(v->slots);
    enc_mem_free(v->sieve);
    enc_mem_free(v);
}

size_t enc_vocab_size(const enc_vocab *v)
{
    return v->n;
}

int32_t enc_vocab_find(const enc_vocab *v, const void *piece, size_t n)
{
    if (n == 0 || n > v->piece_max) return -1;
    return find_mixed(v, mix(hash_bytes(FNV_BASIS, piece, n)), no_prefix, piece, n);
}

int32_t enc_vocab_find_longest(const enc_vocab *v, enc_bytes prefix, const uint8_t *at,
                               size_t n, size_t *n_taken)
{
    uint64_t hashes[ENC_PIECE_MAX];
    *n_taken = 0;
    if (prefix.n >= v->piece_max) return -1;
    size_t n_max = v->piece_max - prefix.n < n ? v->piece_max - prefix.n : n;
    uint64_t h = hash_bytes(FNV_BASIS, prefix.at, prefix.n);
    for (size_t i = 0; i < n_max; i++) hashes[i] = h = hash_byte(h, at[i]);
    for (size_t k = n_max; k > 0; k--) {
        if (k < n && (at[k] & 0xc0) == 0x80) continue;
        int32_t id = find_mixed(v, mix(hashes[k - 1]), prefix, at, k);
        if (id >= 0) {
            *n_taken = k;
            return id;
        }
    }
    return -1;
}

/* Nearly all of the time goes into waiting for memory, so it is asked for early: first
 * the sieve is asked for all prefixes, then the slots of those that passed it are looked
 * at, then the records of those whose tag is the same. */
size_t enc_vocab_find_all(const enc_vocab *v, const uint8_t *at, size_t n,
                          enc_vocab_hit *out)
{
    struct {
        uint64_t mixed;
        size_t n;
    } passed[ENC_PIECE_MAX];
    uint32_t records[ENC_PIECE_MAX];
    uint64_t h = FNV_BASIS;
    size_t n_passed = 0, n_found = 0, n_hits = 0;
    size_t n_max = v->piece_max < n ? v->piece_max : n;
    for (size_t k = 1; k <= n_max; k++) {
        h = hash_byte(h, at[k - 1]);
        uint64_t mixed = mix(h);
        size_t home = home_of(v, mixed);
        bool is_boundary = k == n || (at[k] & 0xc0) != 0x80;
        passed[n_passed].mixed = mixed;
        passed[n_passed].n = k;
        __builtin_prefetch(v->slots + home);
        n_passed += is_boundary & ((v->sieve[home] & bit_of(mixed)) != 0);
    }
    for (size_t p = 0; p < n_passed; p++) {
        uint32_t tag = (uint32_t)(passed[p].mixed >> 32);
        size_t i = home_of(v, passed[p].mixed);
        while (v->slots[i].at != FREE && v->slots[i].tag != tag) i = (i + 1) & v->mask;
        if (v->slots[i].at == FREE) continue;
        __builtin_prefetch(v->records + v->slots[i].at);
        records[n_found] = (uint32_t)i;
        passed[n_found++] = passed[p];
    }
    for (size_t p = 0; p < n_found; p++) {
        int32_t id;
        enc_bytes piece = read_record(v, v->slots[records[p]].at, &id);
        bool is_same = piece.n == passed[p].n && memcmp(piece.at, at, piece.n) == 0;
        if (!is_same) id = find_mixed(v, passed[p].mixed, no_prefix, at, passed[p].n);
        if (id >= 0) out[n_hits++] = (enc_vocab_hit){id, (uint32_t)passed[p].n};
    }
    return n_hits;
}

enc_bytes enc_vocab_piece(const enc_vocab *v, int32_t id)
{
    if (id < 0 || (size_t)id >= v->n) return (enc_bytes){NULL, 0};
    enc_bytes piece = read_record(v, v->places[id], &id);
    return piece.n > 0 ? piece : (enc_bytes){NULL, 0};
}

size_t enc_vocab_piece_max(const enc_vocab *v)
{
    return v->piece_max;
}
