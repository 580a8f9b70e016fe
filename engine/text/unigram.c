/* unigram.c - see unigram.h. One pass forward over the characters, each trying all pieces
 * that begin there; one pass back. A word costs its length times that of the longest
 * piece. */
#include "text/unigram.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/utf8.h"

typedef struct best { /* way to the place where its last piece ends */
    double score;
    int32_t id;
    uint32_t from; /* where that piece begins; NOWHERE: there is no way yet */
} best;

#define NOWHERE UINT32_MAX

static void offer(best *b, double score, int32_t id, size_t from)
{
    if (b->from != NOWHERE && score <= b->score) return;
    *b = (best){score, id, (uint32_t)from};
}

/* Fills in the ways to all places behind `at`. */
static void try_all(const enc_unigram *u, const enc_word *word, size_t at, size_t n_char,
                    best *ways)
{
    enc_vocab_hit hits[ENC_PIECE_MAX];
    size_t n = enc_vocab_find_all(u->vocab, word->bytes + at, word->n_bytes - at, hits);
    double score = ways[at].score;
    bool is_known = false;
    for (size_t i = 0; i < n; i++) {
        double own = u->scores[hits[i].id];
        if (own == ENC_UNIGRAM_NEVER) continue;
        offer(&ways[at + hits[i].n], score + own, hits[i].id, at);
        if (hits[i].n == n_char) is_known = true;
    }
    if (!is_known) offer(&ways[at + n_char], score + u->unk_score, u->unk_id, at);
}

/* The pieces from the last to the first, then turned round. */
static size_t go_back(const enc_unigram *u, const enc_word *word, const best *ways,
                      enc_ask *ask, enc_piece *out)
{
    size_t n = 0;
    for (size_t to = word->n_bytes; to > 0; to = ways[to].from) {
        size_t from = ways[to].from;
        if (enc_ask_on(ask, 1)) return 0;
        if (n > 0 && ways[to].id == u->unk_id && out[n - 1].id == u->unk_id) {
            out[n - 1].start = word->start[from];
            out[n - 1].n_bytes += (uint32_t)(to - from);
            continue;
        }
        out[n++] = (enc_piece){ways[to].id, word->start[from], word->end[to - 1],
                               (uint32_t)(to - from)};
    }
    for (size_t i = 0; i < n / 2 && !enc_ask_on(ask, 1); i++) {
        enc_piece swapped = out[i];
        out[i] = out[n - 1 - i];
        out[n - 1 - i] = swapped;
    }
    return n;
}

/* Whether a piece that ends at word->bytes[to) is unknown, and each of its bytes has a
 * piece. */
static bool is_spelt(const enc_unigram *u, const enc_word *word, const enc_piece *p,
                     size_t to)
{
    if (u->bytes == NULL || p->id != u->unk_id) return false;
    for (size_t k = to - p->n_bytes; k < to; k++)
        if (u->bytes[word->bytes[k]] < 0) return false;
    return true;
}

/* The n pieces of a word with their bytes in the place of those that are unknown: no more
 * than the word has bytes, for which there is place. A byte has the place of its
 * character. */
static size_t spell(const enc_unigram *u, const enc_word *word, enc_piece *out, size_t n)
{
    size_t n_all = 0, at = 0;
    for (size_t i = 0; i < n; i++) {
        at += out[i].n_bytes;
        n_all += is_spelt(u, word, &out[i], at) ? out[i].n_bytes : 1;
    }
    for (size_t i = n, to = n_all; i-- > 0;) {
        const enc_piece p = out[i];
        const size_t from = at - p.n_bytes;
        if (!is_spelt(u, word, &p, at)) out[--to] = p;
        else
            for (size_t k = at; k-- > from;)
                out[--to] = (enc_piece){u->bytes[word->bytes[k]], word->start[k],
                                        word->end[k], 1};
        at = from;
    }
    return n_all;
}

enc_rc enc_unigram_split(const enc_unigram *u, const enc_word *word, enc_piece_room *room,
                         enc_piece *out, size_t *n, enc_err *e)
{
    const size_t reach = enc_vocab_piece_max(u->vocab) + 4; /* of a piece, a character */
    size_t n_ready = 0; /* ways that something can be offered to */
    uint32_t c;
    if (!enc_mem_renew(&room->at, &room->size, word->n_bytes + 1, sizeof(best)))
        return enc_nomem(e);
    best *ways = room->at;
    for (size_t at = 0, n_char; at < word->n_bytes; at += n_char) {
        while (n_ready <= word->n_bytes && n_ready <= at + reach)
            ways[n_ready++].from = NOWHERE;
        if (at == 0) ways[0].score = 0;
        n_char = enc_utf8_decode(word->bytes + at, word->n_bytes - at, &c);
        try_all(u, word, at, n_char, ways);
        if (enc_ask_on(room->ask, n_char)) break;
    }
    enc_rc rc = enc_ask_rc(room->ask, e);
    *n = rc == ENC_OK ? go_back(u, word, ways, room->ask, out) : 0;
    if (rc == ENC_OK) rc = enc_ask_rc(room->ask, e);
    if (rc == ENC_OK && u->bytes != NULL) *n = spell(u, word, out, *n);
    return rc;
}
