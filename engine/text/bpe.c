/* bpe.c - see bpe.h.
 *
 * The merges are a hash table from two ids to a rank and the id of both together: open
 * addressing, a power of two, at most half full. As in vocab.c, a table where some pair
 * is more than PROBES_MAX slots from home was made to be slow, and is refused.
 *
 * The signs of a word are a list; a sign that was joined to the one before it has no
 * bytes left. An entry of the heap is a rank and a place. It is out of date if the signs
 * at that place do not have this rank any more, and is then forgotten. */
#include "text/bpe.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "text/alphabet.h"

#define PROBES_MAX 512
#define NONE       UINT32_MAX

typedef struct slot {
    int32_t left, right; /* left < 0: free */
    uint32_t rank;
    int32_t id;
} slot;

typedef struct merge {
    int32_t left, right;
} merge;

struct enc_bpe {
    const enc_vocab *vocab;
    enc_bpe_rules rules;
    int32_t bytes[256]; /* their pieces */
    merge *merges;      /* n_merges, by rank */
    size_t n_merges;
    slot *slots; /* mask + 1 */
    size_t mask;
};

typedef struct sign {
    int32_t id;
    uint32_t n; /* bytes of the word */
    uint32_t before, behind;
} sign;

typedef struct entry {
    uint32_t rank, at;
} entry;

/* A word on its way. */
typedef struct joining {
    const enc_bpe *b;
    sign *signs;
    size_t n_signs;
    entry *heap;
    size_t n_heap;
    enc_ask *ask;
} joining;

/* ---- the table ---- */

static size_t home_of(const enc_bpe *b, int32_t left, int32_t right)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    key = (key ^ key >> 29) * 0xbf58476d1ce4e5b9u;
    return (size_t)((key ^ key >> 32) * 0x9e3779b97f4a7c15u >> 20) & b->mask;
}

static const slot *find(const enc_bpe *b, int32_t left, int32_t right)
{
    for (size_t i = home_of(b, left, right);; i = (i + 1) & b->mask) {
        const slot *s = b->slots + i;
        if (s->left < 0) return NULL;
        if (s->left == left && s->right == right) return s;
    }
}

static bool enter(enc_bpe *b, slot new)
{
    size_t i = home_of(b, new.left, new.right);
    for (size_t n = 0; n < PROBES_MAX; n++, i = (i + 1) & b->mask) {
        slot *s = b->slots + i;
        if (s->left >= 0 && (s->left != new.left || s->right != new.right)) continue;
        *s = new;
        return true;
    }
    return false;
}

static enc_rc read_merge(const enc_bpe *b, enc_pair pair, size_t i, const char *what,
                         slot *out, enc_err *e)
{
    uint8_t both[2 * ENC_PIECE_MAX];
    size_t n = pair.left.n + pair.right.n;
    *out = (slot){.left = enc_vocab_find(b->vocab, pair.left.at, pair.left.n),
                  .right = enc_vocab_find(b->vocab, pair.right.at, pair.right.n),
                  .rank = (uint32_t)i,
                  .id = -1};
    if (out->left >= 0 && out->right >= 0) {
        memcpy(both, pair.left.at, pair.left.n);
        memcpy(both + pair.left.n, pair.right.at, pair.right.n);
        out->id = enc_vocab_find(b->vocab, both, n);
    }
    if (out->id >= 0) return ENC_OK;
    return enc_fail(e, ENC_CORRUPT,
                    "%s: merge %zu is of pieces that are not in the vocabulary", what, i);
}

static enc_rc fill(enc_bpe *b, const enc_pair *merges, size_t n, const char *what,
                   enc_err *e)
{
    size_t n_slots = 16;
    while (n_slots < 2 * n) n_slots *= 2;
    b->slots = enc_mem_array(n_slots, sizeof *b->slots);
    b->merges = enc_mem_array(n, sizeof *b->merges);
    if (b->slots == NULL || b->merges == NULL) return enc_nomem(e);
    b->mask = n_slots - 1;
    b->n_merges = n;
    for (size_t i = 0; i < n_slots; i++) b->slots[i].left = -1;
    for (size_t i = 0; i < n; i++) {
        slot new;
        enc_rc rc = read_merge(b, merges[i], i, what, &new, e);
        if (rc != ENC_OK) return rc;
        b->merges[i] = (merge){new.left, new.right};
        if (!enter(b, new))
            return enc_fail(e, ENC_CORRUPT,
                            "%s has more than %d merges with colliding hashes", what,
                            PROBES_MAX);
    }
    return ENC_OK;
}

enc_rc enc_bpe_new(enc_bpe **out, const enc_vocab *vocab, enc_bpe_rules rules,
                   const enc_pair *merges, size_t n, const char *what, enc_err *e)
{
    *out = NULL;
    if (n > ENC_MERGES_MAX)
        return enc_fail(e, ENC_RANGE, "%s has %zu merges, at most %zu are allowed", what,
                        n, ENC_MERGES_MAX);
    enc_bpe *b = enc_mem_zero(sizeof *b);
    if (b == NULL) return enc_nomem(e);
    b->vocab = vocab;
    b->rules = rules;
    for (unsigned i = 0; i < 256; i++) {
        uint8_t utf8[4];
        size_t n_utf8 = enc_utf8_encode(enc_alphabet_char((uint8_t)i), utf8);
        b->bytes[i] = enc_vocab_find(vocab, utf8, n_utf8);
    }
    enc_rc rc = fill(b, merges, n, what, e);
    if (rc == ENC_OK) *out = b;
    else enc_bpe_free(b);
    return rc;
}

void enc_bpe_free(enc_bpe *b)
{
    if (b == NULL) return;
    enc_mem_free(b->merges);
    enc_mem_free(b->slots);
    enc_mem_free(b);
}

/* ---- the heap: the least rank first, then the leftmost ---- */

static bool is_before(entry a, entry b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.at < b.at;
}

static void push(joining *j, entry new)
{
    size_t i = j->n_heap++;
    for (; i > 0 && is_before(new, j->heap[(i - 1) / 2]); i = (i - 1) / 2)
        j->heap[i] = j->heap[(i - 1) / 2];
    j->heap[i] = new;
}

static entry pop(joining *j)
{
    entry first = j->heap[0], last = j->heap[--j->n_heap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < j->n_heap; i = child) {
        if (child + 1 < j->n_heap && is_before(j->heap[child + 1], j->heap[child]))
            child++;
        if (!is_before(j->heap[child], last)) break;
        j->heap[i] = j->heap[child];
    }
    j->heap[i] = last;
    return first;
}

/* ---- a word ---- */

/* Its signs before anything is joined. */
static void read_signs(joining *j, const enc_word *word)
{
    const enc_bpe *b = j->b;
    size_t n_suffix = strlen(b->rules.suffix);
    j->n_signs = 0;
    for (size_t at = 0, n = 1; at < word->n_bytes; at += n) {
        int32_t id = b->bytes[word->bytes[at]];
        if (!b->rules.is_bytes) {
            uint8_t text[4 + sizeof b->rules.suffix];
            uint32_t c;
            n = enc_utf8_decode(word->bytes + at, word->n_bytes - at, &c);
            memcpy(text, word->bytes + at, n);
            memcpy(text + n, b->rules.suffix, n_suffix);
            id = enc_vocab_find(b->vocab, text,
                                at + n == word->n_bytes ? n + n_suffix : n);
        }
        if (id < 0) id = b->rules.unk_id;
        sign *before = j->n_signs > 0 ? j->signs + j->n_signs - 1 : NULL;
        bool is_fused = b->rules.fuse_unk && id >= 0 && id == b->rules.unk_id &&
                        before != NULL && before->id == id;
        if (is_fused) {
            before->n += (uint32_t)n;
        } else {
            uint32_t i = (uint32_t)j->n_signs++;
            j->signs[i] = (sign){id, (uint32_t)n, i - 1, i + 1};
        }
        if (enc_ask_on(j->ask, n)) break;
    }
    if (j->n_signs > 0) j->signs[j->n_signs - 1].behind = NONE;
}

/* The merge of the sign at `at` and the one behind it, or NULL. */
static const slot *merge_at(const joining *j, uint32_t at)
{
    const sign *s = j->signs + at;
    if (s->n == 0 || s->behind == NONE || s->id < 0) return NULL;
    return find(j->b, s->id, j->signs[s->behind].id);
}

static void offer(joining *j, uint32_t at)
{
    const slot *m = at == NONE ? NULL : merge_at(j, at);
    if (m != NULL) push(j, (entry){m->rank, at});
}

static void join(joining *j, uint32_t at, int32_t id)
{
    sign *s = j->signs + at, *gone = j->signs + s->behind;
    s->id = id;
    s->n += gone->n;
    gone->n = 0;
    s->behind = gone->behind;
    if (s->behind != NONE) j->signs[s->behind].before = at;
    offer(j, s->before);
    offer(j, at);
}

static void join_all(joining *j)
{
    j->n_heap = 0;
    for (size_t i = 0; i + 1 < j->n_signs && !enc_ask_on(j->ask, 1); i++)
        offer(j, (uint32_t)i);
    while (j->n_heap > 0 && !enc_ask_on(j->ask, 1)) {
        entry first = pop(j);
        const slot *m = merge_at(j, first.at);
        if (m != NULL && m->rank == first.rank) join(j, first.at, m->id);
    }
}

enc_rc enc_bpe_split(const enc_bpe *b, const enc_word *word, enc_piece_room *room,
                     enc_piece *out, size_t *n, enc_err *e)
{
    joining j = {.b = b, .ask = room->ask};
    size_t at = 0, from = 0; /* what gave no piece counts to the next */
    /* A join takes one entry and adds two at most, so there are never more than 2n. */
    if (!enc_mem_renew(&room->at, &room->size, word->n_bytes,
                       sizeof *j.signs + 2 * sizeof *j.heap))
        return enc_nomem(e);
    j.signs = room->at;
    j.heap = (entry *)(j.signs + word->n_bytes);
    read_signs(&j, word);
    join_all(&j);
    *n = 0;
    for (size_t i = 0; i < j.n_signs && !enc_ask_on(j.ask, 1); i++) {
        const sign *s = j.signs + i;
        if (s->n > 0 && s->id >= 0) {
            size_t to = at + s->n;
            out[(*n)++] = (enc_piece){s->id, word->start[at], word->end[to - 1],
                                      (uint32_t)(to - from)};
            from = to;
        }
        at += s->n;
    }
    return enc_ask_rc(j.ask, e);
}

enc_bpe_rules enc_bpe_rules_of(const enc_bpe *b)
{
    return b->rules;
}

size_t enc_bpe_size(const enc_bpe *b)
{
    return b->n_merges;
}

enc_pair enc_bpe_merge(const enc_bpe *b, size_t i)
{
    return (enc_pair){enc_vocab_piece(b->vocab, b->merges[i].left),
                      enc_vocab_piece(b->vocab, b->merges[i].right)};
}
