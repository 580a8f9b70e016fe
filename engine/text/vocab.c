/* vocab.c - see vocab.h.
 *
 * One block of bytes, an array of offsets, and a hash table of ids: open addressing, a
 * power of two, at most half full. The hash is FNV-1a (Fowler, Noll, Vo) with 64 bits,
 * because it goes forward byte by byte: the hashes of all prefixes of a word cost as much
 * as that of the word. A slot keeps 32 bits of the hash, so most misses touch no piece.
 *
 * FNV can be attacked with chosen pieces; a table where some piece is more than
 * PROBES_MAX slots from home is refused instead of being slow. In honest ones, half full,
 * the farthest of a million pieces is tens of slots away. */
#include "text/vocab.h"

#include <stdbool.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

#define FNV_BASIS  0xcbf29ce484222325u
#define FNV_PRIME  0x100000001b3u
#define PROBES_MAX 512

typedef struct slot {
    uint32_t tag; /* upper half of the mixed hash */
    int32_t id;   /* -1: free */
} slot;

struct enc_vocab {
    size_t n;
    size_t piece_max;
    uint32_t *offsets; /* n + 1: piece id is bytes[offsets[id] .. offsets[id + 1]) */
    uint8_t *bytes;
    slot *slots; /* mask + 1 */
    size_t mask;
};

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

/* The id of the piece prefix + at[0..n), whose hash is h. */
static int32_t find_hashed(const enc_vocab *v, uint64_t h, enc_bytes prefix,
                           const uint8_t *at, size_t n)
{
    uint64_t mixed = mix(h);
    uint32_t tag = (uint32_t)(mixed >> 32);
    for (size_t i = (size_t)(mixed >> 24) & v->mask;; i = (i + 1) & v->mask) {
        const slot *s = v->slots + i;
        if (s->id < 0) return -1;
        if (s->tag != tag) continue;
        const uint8_t *piece = v->bytes + v->offsets[s->id];
        size_t n_piece = v->offsets[s->id + 1] - v->offsets[s->id];
        if (n_piece != prefix.n + n) continue;
        if (prefix.n > 0 && memcmp(piece, prefix.at, prefix.n) != 0) continue;
        if (memcmp(piece + prefix.n, at, n) == 0) return s->id;
    }
}

/* Enters every piece that is not a hole into the table. */
static enc_rc fill(enc_vocab *v, const char *what, enc_err *e)
{
    for (size_t id = 0; id < v->n; id++) {
        const uint8_t *piece = v->bytes + v->offsets[id];
        size_t n = v->offsets[id + 1] - v->offsets[id], n_probes = 0;
        if (n == 0) continue;
        uint64_t mixed = mix(hash_bytes(FNV_BASIS, piece, n));
        size_t i = (size_t)(mixed >> 24) & v->mask;
        for (; v->slots[i].id >= 0; i = (i + 1) & v->mask) {
            int32_t other = v->slots[i].id;
            if (v->slots[i].tag == (uint32_t)(mixed >> 32) &&
                v->offsets[other + 1] - v->offsets[other] == n &&
                memcmp(v->bytes + v->offsets[other], piece, n) == 0)
                return enc_fail(e, ENC_CORRUPT, "%s has the same piece at ids %d and %zu",
                                what, (int)other, id);
            if (++n_probes > PROBES_MAX)
                return enc_fail(e, ENC_CORRUPT,
                                "%s has more than %d pieces with colliding hashes", what,
                                PROBES_MAX);
        }
        v->slots[i] = (slot){(uint32_t)(mixed >> 32), (int32_t)id};
    }
    return ENC_OK;
}

/* Copies the pieces; their sizes were checked. */
static enc_rc copy(enc_vocab *v, const enc_bytes *pieces, size_t n, enc_err *e)
{
    size_t total = 0, n_slots = 16;
    for (size_t i = 0; i < n; i++) total += pieces[i].n;
    while (n_slots < 2 * n) n_slots *= 2;
    v->offsets = enc_mem_array(n + 1, sizeof *v->offsets);
    v->bytes = enc_mem_alloc(total);
    v->slots = enc_mem_array(n_slots, sizeof *v->slots);
    if (v->offsets == NULL || v->bytes == NULL || v->slots == NULL) return enc_nomem(e);
    v->n = n;
    v->mask = n_slots - 1;
    for (size_t i = 0; i < n_slots; i++) v->slots[i] = (slot){0, -1};
    v->offsets[0] = 0;
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].n > 0) memcpy(v->bytes + v->offsets[i], pieces[i].at, pieces[i].n);
        v->offsets[i + 1] = v->offsets[i] + (uint32_t)pieces[i].n;
        if (pieces[i].n > v->piece_max) v->piece_max = pieces[i].n;
    }
    return ENC_OK;
}

enc_rc enc_vocab_new(enc_vocab **out, const enc_bytes *pieces, size_t n, const char *what,
                     enc_err *e)
{
    *out = NULL;
    if (n > ENC_VOCAB_MAX)
        return enc_fail(e, ENC_RANGE, "%s has %zu pieces, at most %zu are allowed", what,
                        n, ENC_VOCAB_MAX);
    for (size_t i = 0; i < n; i++)
        if (pieces[i].n > ENC_PIECE_MAX)
            return enc_fail(e, ENC_CORRUPT, "piece %zu of %s has %zu bytes, at most %d",
                            i, what, pieces[i].n, ENC_PIECE_MAX);
    enc_vocab *v = enc_mem_zero(sizeof *v);
    if (v == NULL) return enc_nomem(e);
    enc_rc rc = copy(v, pieces, n, e);
    if (rc == ENC_OK) rc = fill(v, what, e);
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
    size_t n = 0, at = 0;
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
    }
    enc_rc rc = enc_vocab_new(out, pieces, n, what, e);
    enc_mem_free(pieces);
    return rc;
}

void enc_vocab_free(enc_vocab *v)
{
    if (v == NULL) return;
    enc_mem_free(v->offsets);
    enc_mem_free(v->bytes);
    enc_mem_free(v->slots);
    enc_mem_free(v);
}

size_t enc_vocab_size(const enc_vocab *v)
{
    return v->n;
}

int32_t enc_vocab_find(const enc_vocab *v, const void *piece, size_t n)
{
    if (n == 0 || n > v->piece_max) return -1;
    return find_hashed(v, hash_bytes(FNV_BASIS, piece, n), (enc_bytes){NULL, 0}, piece,
                       n);
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
        int32_t id = find_hashed(v, hashes[k - 1], prefix, at, k);
        if (id >= 0) {
            *n_taken = k;
            return id;
        }
    }
    return -1;
}

enc_bytes enc_vocab_piece(const enc_vocab *v, int32_t id)
{
    if (id < 0 || (size_t)id >= v->n || v->offsets[id] == v->offsets[id + 1])
        return (enc_bytes){NULL, 0};
    return (enc_bytes){v->bytes + v->offsets[id], v->offsets[id + 1] - v->offsets[id]};
}

size_t enc_vocab_piece_max(const enc_vocab *v)
{
    return v->piece_max;
}
