/* vocab_train.c - the counted words of a corpus -> pieces, one merge at a time.
 *
 * Words are counted by word_table.h, which bounds their memory by forgetting rare ones.
 * Those over ENC_WORD_MAX characters are skipped: the tokenizer makes them [UNK] in any
 * case.
 *
 * Merging. Every word is a row of symbols, at first its characters: "c" in front, "##c"
 * inside. A pair of adjacent symbols has a count and a list of the words it was seen in.
 * A heap gives the pair of the highest count; that pair becomes a symbol in the words of
 * its list, and only pairs beside it change their counts. Two things are lazy. A list may
 * name a word that has lost the pair since: the walk over it then finds nothing. And an
 * entry of the heap may be out of date: counts that grow enter the heap anew, counts that
 * fell are seen when the entry comes to the top, and go back in with what they are now.
 * Each merge shortens the words it visits, so all visits together are bounded by the
 * symbols of all words, whatever the number of merges.
 *
 * "##c" becomes a piece only where c was seen inside a word: ideographs and punctuation,
 * which always stand alone, cost one piece and not two. */
#include "text/vocab_train.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "text/word_table.h"

#define NO_SYMBOL UINT32_MAX
#define NO_PAIR   UINT64_MAX /* key of a free slot: no symbol is NO_SYMBOL */
#define N_CODES   0x110000u

struct enc_vocab_train {
    enc_norm norm;
    enc_word_table table;
};

static const char *const specials[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
#define N_SPECIALS (sizeof specials / sizeof *specials)

enc_rc enc_vocab_train_new(enc_vocab_train **out, enc_norm_rules rules, enc_err *e)
{
    enc_vocab_train *t = enc_mem_zero(sizeof *t);

    *out = NULL;
    if (t == NULL) return enc_nomem(e);
    enc_norm_init(&t->norm, rules);
    enc_word_table_init(&t->table, ENC_TABLE_WORDS, ENC_TABLE_BYTES);
    *out = t;
    return ENC_OK;
}

void enc_vocab_train_free(enc_vocab_train *t)
{
    if (t == NULL) return;
    enc_norm_clear(&t->norm);
    enc_word_table_clear(&t->table);
    enc_mem_free(t);
}

enc_rc enc_vocab_train_add(enc_vocab_train *t, enc_bytes text, enc_ask *ask, enc_err *e)
{
    enc_word word;
    bool found;

    if (text.n > ENC_TEXT_MAX)
        return enc_fail(e, ENC_RANGE, "text of %zu bytes, at most %zu", text.n,
                        ENC_TEXT_MAX);
    t->norm.ask = ask;
    enc_norm_start(&t->norm, text.at, text.n);
    for (;;) {
        enc_rc rc = enc_norm_next(&t->norm, &word, &found, e);
        if (rc || !found) return rc;
        if (enc_ask_on(ask, word.n_bytes + 1)) return enc_ask_rc(ask, e);
        if (word.n_bytes == 0 || word.n_chars > ENC_WORD_MAX) continue;
        if (!enc_word_table_add(&t->table, word.bytes, word.n_bytes)) return enc_nomem(e);
    }
}

/* ---- pieces ---- */

typedef struct span {
    size_t at;
    size_t n;
} span;

typedef struct pair {
    uint64_t key;   /* first symbol << 32 | second, or NO_PAIR */
    uint64_t count; /* in all words, each as often as it came */
    uint32_t list;  /* a node + 1, or 0 */
    uint32_t step;  /* the merge that last let it grow, 0: the beginning */
} pair;

typedef struct node { /* of the list of words that a pair was seen in */
    uint32_t word;
    uint32_t next; /* a node + 1, or 0 */
} node;

typedef struct entry { /* of the heap */
    uint64_t count;
    uint64_t key;
} entry;

typedef struct character {
    uint64_t count;
    uint32_t first, inside; /* symbols, or NO_SYMBOL */
    bool is_inside;         /* seen anywhere but in front */
} character;

typedef struct merger {
    const enc_word_table *t;
    enc_ask *ask;  /* once it says stop, what is here is to be thrown away */
    size_t size;   /* pieces wanted */
    bool failed;   /* no memory */
    uint8_t *text; /* of all pieces, end to end */
    size_t n_text, cap_text;
    span *pieces; /* size of them: a symbol is an index here */
    size_t n_pieces;
    uint32_t *finder; /* n_finder, a power of two: a piece + 1, or 0 */
    size_t n_finder;
    uint32_t *symbols; /* of all words; a word keeps its place and shrinks in it */
    size_t *start;     /* n_words: first symbol */
    uint8_t *length;   /* n_words: symbols, 0 if a character of it is left out */
    pair *pairs;       /* n_slots, a power of two */
    size_t n_pairs, n_slots;
    node *nodes;
    size_t n_nodes, cap_nodes;
    entry *heap;
    size_t n_heap, cap_heap;
    uint64_t *grown; /* keys of the pairs whose count grew in this merge */
    size_t n_grown, cap_grown;
    uint32_t step;
} merger;

static void merger_clear(merger *m)
{
    enc_mem_free(m->text);
    enc_mem_free(m->pieces);
    enc_mem_free(m->finder);
    enc_mem_free(m->symbols);
    enc_mem_free(m->start);
    enc_mem_free(m->length);
    enc_mem_free(m->pairs);
    enc_mem_free(m->nodes);
    enc_mem_free(m->heap);
    enc_mem_free(m->grown);
}

/* The piece of these two texts joined, made if it is new: two ways of merging may lead to
 * one piece. NO_SYMBOL: no memory. */
static uint32_t piece_of(merger *m, const void *a, size_t n_a, const void *b, size_t n_b)
{
    size_t n = n_a + n_b, at;

    if (!enc_mem_reserve((void **)&m->text, &m->cap_text, m->n_text + n, 1)) {
        m->failed = true;
        return NO_SYMBOL;
    }
    uint8_t *text = m->text + m->n_text;
    memcpy(text, a, n_a);
    memcpy(text + n_a, b, n_b);
    for (at = enc_hash_of(text, n).low & (m->n_finder - 1); m->finder[at] != 0;
         at = (at + 1) & (m->n_finder - 1)) {
        span p = m->pieces[m->finder[at] - 1];
        if (p.n == n && memcmp(m->text + p.at, text, n) == 0) return m->finder[at] - 1;
    }
    m->pieces[m->n_pieces] = (span){m->n_text, n};
    m->n_text += n;
    m->finder[at] = (uint32_t)++m->n_pieces;
    return (uint32_t)m->n_pieces - 1;
}

static uint32_t piece_of_merge(merger *m, uint32_t a, uint32_t b)
{
    span p = m->pieces[a], q = m->pieces[b];
    uint8_t copy[ENC_WORD_MAX * 4 + 2]; /* piece_of may move the text */

    memcpy(copy, m->text + p.at, p.n);
    memcpy(copy + p.n, m->text + q.at + 2, q.n - 2); /* without its "##" */
    return piece_of(m, copy, p.n + q.n - 2, "", 0);
}

/* ---- characters ---- */

static void count_characters(const merger *m, character *chars)
{
    const enc_word_table *t = m->t;

    for (size_t i = 0; i < t->n_words; i++) {
        const enc_counted *w = &t->words[i];
        uint32_t c;
        if (enc_ask_on(m->ask, w->n)) return;
        for (size_t at = 0; at < w->n;) {
            size_t step = enc_utf8_decode(t->pool + w->at + at, w->n - at, &c);
            chars[c].count += w->count;
            if (at > 0) chars[c].is_inside = true;
            at += step;
        }
    }
}

typedef struct choice {
    uint64_t count;
    uint32_t c;
} choice;

static int by_count(const void *a, const void *b)
{
    const choice *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return (x->c > y->c) - (x->c < y->c);
}

static int by_code(const void *a, const void *b)
{
    const choice *x = a, *y = b;
    return (x->c > y->c) - (x->c < y->c);
}

static void add_character_pieces(merger *m, character *chars, const choice *kept,
                                 size_t n)
{
    uint8_t utf8[4];

    for (size_t i = 0; i < n && !m->failed; i++)
        chars[kept[i].c].first =
            piece_of(m, utf8, enc_utf8_encode(kept[i].c, utf8), "", 0);
    for (size_t i = 0; i < n && !m->failed; i++) {
        size_t bytes = enc_utf8_encode(kept[i].c, utf8);
        if (chars[kept[i].c].is_inside)
            chars[kept[i].c].inside = piece_of(m, "##", 2, utf8, bytes);
    }
}

/* Pieces of the characters that stay: frequent enough, not too many, and no more than the
 * vocabulary holds. */
static void choose_characters(merger *m, const enc_vocab_goal *goal, character *chars)
{
    choice *kept;
    size_t n = 0, room = m->size - N_SPECIALS, n_kept = 0;

    for (uint32_t c = 0; c < N_CODES; c++) {
        chars[c].first = chars[c].inside = NO_SYMBOL;
        n += chars[c].count > 0 && chars[c].count >= goal->char_min;
    }
    kept = enc_mem_array(n, sizeof *kept);
    if (kept == NULL) {
        m->failed = true;
        return;
    }
    n = 0;
    for (uint32_t c = 0; c < N_CODES; c++)
        if (chars[c].count > 0 && chars[c].count >= goal->char_min)
            kept[n++] = (choice){chars[c].count, c};
    qsort(kept, n, sizeof *kept, by_count);
    if (n > goal->chars_max) n = goal->chars_max;
    for (; n_kept < n; n_kept++) {
        size_t cost = chars[kept[n_kept].c].is_inside ? 2 : 1;
        if (cost > room) break;
        room -= cost;
    }
    qsort(kept, n_kept, sizeof *kept, by_code);
    add_character_pieces(m, chars, kept, n_kept);
    enc_mem_free(kept);
}

/* Every word as its characters' symbols; a word that lacks one of them would be [UNK]
 * whatever is merged, so it has no say. */
static void spell_words(merger *m, const character *chars)
{
    const enc_word_table *t = m->t;
    size_t n = 0;

    for (size_t i = 0; i < t->n_words; i++) {
        const enc_counted *w = &t->words[i];
        size_t length = 0;
        uint32_t c;
        if (enc_ask_on(m->ask, w->n)) return;
        m->start[i] = n;
        for (size_t at = 0; at < w->n; length++) {
            size_t step = enc_utf8_decode(t->pool + w->at + at, w->n - at, &c);
            uint32_t symbol = at == 0 ? chars[c].first : chars[c].inside;
            if (symbol == NO_SYMBOL || length == ENC_WORD_MAX) break;
            m->symbols[n + length] = symbol;
            at += step;
            if (at == w->n) m->length[i] = (uint8_t)(length + 1);
        }
        n += m->length[i];
    }
}

/* ---- pairs ---- */

static size_t pair_home(uint64_t key, size_t n_slots)
{
    key *= 0x9e3779b97f4a7c15u; /* Knuth's multiplicative hash, the golden ratio */
    return (size_t)(key >> 20) & (n_slots - 1);
}

static bool pairs_grow(merger *m)
{
    size_t n = m->n_slots ? m->n_slots * 2 : (size_t)1 << 16;
    pair *pairs = enc_mem_array(n, sizeof *pairs);

    if (pairs == NULL) return false;
    for (size_t i = 0; i < n; i++) pairs[i].key = NO_PAIR;
    for (size_t i = 0; i < m->n_slots; i++) {
        if (m->pairs[i].key == NO_PAIR) continue;
        size_t at = pair_home(m->pairs[i].key, n);
        while (pairs[at].key != NO_PAIR) at = (at + 1) & (n - 1);
        pairs[at] = m->pairs[i];
    }
    enc_mem_free(m->pairs);
    m->pairs = pairs;
    m->n_slots = n;
    return true;
}

/* The slot of a pair, or the free one where it would be. */
static pair *pair_find(const merger *m, uint64_t key)
{
    size_t at = pair_home(key, m->n_slots);

    while (m->pairs[at].key != key && m->pairs[at].key != NO_PAIR)
        at = (at + 1) & (m->n_slots - 1);
    return &m->pairs[at];
}

static void pair_lose(merger *m, uint32_t a, uint32_t b, uint64_t count)
{
    pair_find(m, (uint64_t)a << 32 | b)->count -= count;
}

static void pair_gain(merger *m, uint32_t a, uint32_t b, size_t word)
{
    uint64_t key = (uint64_t)a << 32 | b;

    if (m->n_pairs * 2 >= m->n_slots && !pairs_grow(m)) goto nomem;
    pair *p = pair_find(m, key);
    if (p->key == NO_PAIR) {
        *p = (pair){key, 0, 0, UINT32_MAX};
        m->n_pairs++;
    }
    p->count += m->t->words[word].count;
    if (p->step != m->step) {
        if (!enc_mem_reserve((void **)&m->grown, &m->cap_grown, m->n_grown + 1,
                             sizeof *m->grown))
            goto nomem;
        m->grown[m->n_grown++] = key;
        p->step = m->step;
    }
    if (p->list != 0 && m->nodes[p->list - 1].word == word) return;
    if (m->n_nodes == UINT32_MAX - 1 ||
        !enc_mem_reserve((void **)&m->nodes, &m->cap_nodes, m->n_nodes + 1,
                         sizeof *m->nodes))
        goto nomem;
    m->nodes[m->n_nodes] = (node){(uint32_t)word, p->list};
    p->list = (uint32_t)++m->n_nodes;
    return;
nomem:
    m->failed = true;
}

/* ---- the heap: the highest count on top, ties by the pieces' bytes ---- */

static int compare_pieces(const merger *m, uint64_t a, uint64_t b)
{
    span p = m->pieces[a], q = m->pieces[b];
    int order = memcmp(m->text + p.at, m->text + q.at, p.n < q.n ? p.n : q.n);
    return order ? order : (p.n > q.n) - (p.n < q.n);
}

static bool before(const merger *m, entry x, entry y)
{
    if (x.count != y.count) return x.count > y.count;
    if (x.key == y.key) return false;
    int order = compare_pieces(m, x.key >> 32, y.key >> 32);
    if (order == 0) order = compare_pieces(m, x.key & UINT32_MAX, y.key & UINT32_MAX);
    return order < 0;
}

static void heap_push(merger *m, entry x)
{
    if (!enc_mem_reserve((void **)&m->heap, &m->cap_heap, m->n_heap + 1,
                         sizeof *m->heap)) {
        m->failed = true;
        return;
    }
    size_t at = m->n_heap++;
    for (; at > 0 && before(m, x, m->heap[(at - 1) / 2]); at = (at - 1) / 2)
        m->heap[at] = m->heap[(at - 1) / 2];
    m->heap[at] = x;
}

static entry heap_pop(merger *m)
{
    entry top = m->heap[0], last = m->heap[--m->n_heap];
    size_t at = 0;

    for (size_t child = 1; child < m->n_heap; child = 2 * at + 1) {
        if (child + 1 < m->n_heap && before(m, m->heap[child + 1], m->heap[child]))
            child++;
        if (!before(m, m->heap[child], last)) break;
        m->heap[at] = m->heap[child];
        at = child;
    }
    m->heap[at] = last;
    return top;
}

/* Pairs whose count grew enter the heap with it. */
static void push_grown(merger *m, size_t pair_min)
{
    for (size_t i = 0; i < m->n_grown && !m->failed; i++) {
        uint64_t count = pair_find(m, m->grown[i])->count;
        if (count > 0 && count >= pair_min) heap_push(m, (entry){count, m->grown[i]});
        if (enc_ask_on(m->ask, 1)) break;
    }
    m->n_grown = 0;
}

/* ---- merges ---- */

/* a b -> c in one word, from the left. A pair is lost if either side went into a c, and
 * gained if either side is one. */
static void merge_word(merger *m, size_t word, uint64_t key, uint32_t c)
{
    uint32_t a = (uint32_t)(key >> 32), b = (uint32_t)key;
    uint32_t *s = m->symbols + m->start[word];
    uint64_t count = m->t->words[word].count;
    size_t n = m->length[word], n_new = 0;
    bool was_new = false;

    for (size_t i = 0; i < n;) {
        bool is_new = i + 1 < n && s[i] == a && s[i + 1] == b;
        if (is_new) {
            if (i > 0 && !was_new) pair_lose(m, s[i - 1], a, count);
            pair_lose(m, a, b, count);
            if (i + 2 < n) pair_lose(m, b, s[i + 2], count);
        }
        uint32_t symbol = is_new ? c : s[i];
        if (n_new > 0 && (is_new || was_new)) pair_gain(m, s[n_new - 1], symbol, word);
        s[n_new++] = symbol;
        i += is_new ? 2 : 1;
        was_new = is_new;
    }
    m->length[word] = (uint8_t)n_new;
}

static enc_rc run_merges(merger *m, size_t pair_min, enc_err *e)
{
    while (m->n_pieces < m->size && m->n_heap > 0 && !m->failed) {
        if (enc_ask_on(m->ask, 1)) break;
        entry top = heap_pop(m);
        pair *p = pair_find(m, top.key);
        if (p->count != top.count) {
            if (p->count < top.count && p->count > 0 && p->count >= pair_min)
                heap_push(m, (entry){p->count, top.key});
            continue;
        }
        m->step++;
        uint32_t list = p->list;
        uint32_t c = piece_of_merge(m, (uint32_t)(top.key >> 32), (uint32_t)top.key);
        p->list = 0;
        for (; list != 0 && !m->failed; list = m->nodes[list - 1].next) {
            size_t word = m->nodes[list - 1].word;
            merge_word(m, word, top.key, c);
            if (enc_ask_on(m->ask, m->length[word])) break;
        }
        push_grown(m, pair_min);
    }
    return m->failed ? enc_nomem(e) : enc_ask_rc(m->ask, e);
}

/* ---- all of it ---- */

static bool merger_room(merger *m)
{
    size_t n_words = m->t->n_words;

    m->n_finder = 64;
    while (m->n_finder < m->size * 2) m->n_finder *= 2;
    m->pieces = enc_mem_array(m->size, sizeof *m->pieces);
    m->finder = enc_mem_zero_array(m->n_finder, sizeof *m->finder);
    m->symbols = enc_mem_array(m->t->n_pool, sizeof *m->symbols); /* at most one a byte */
    m->start = enc_mem_array(n_words, sizeof *m->start);
    m->length = enc_mem_zero_array(n_words, sizeof *m->length);
    return m->pieces && m->finder && m->symbols && m->start && m->length && pairs_grow(m);
}

static void merger_prepare(merger *m, const enc_vocab_goal *goal)
{
    character *chars = enc_mem_zero_array(N_CODES, sizeof *chars);

    if (chars == NULL || !merger_room(m)) {
        m->failed = true;
        enc_mem_free(chars);
        return;
    }
    for (size_t i = 0; i < N_SPECIALS; i++)
        piece_of(m, specials[i], strlen(specials[i]), "", 0);
    count_characters(m, chars);
    if (!m->failed) choose_characters(m, goal, chars);
    if (!m->failed) spell_words(m, chars);
    enc_mem_free(chars);
    for (size_t i = 0; i < m->t->n_words && !enc_ask_on(m->ask, m->length[i]); i++)
        for (size_t k = 1; k < m->length[i] && !m->failed; k++)
            pair_gain(m, m->symbols[m->start[i] + k - 1], m->symbols[m->start[i] + k], i);
    push_grown(m, goal->pair_min);
}

static enc_rc make_vocab(const merger *m, enc_vocab **out, enc_err *e)
{
    enc_bytes *pieces = enc_mem_array(m->n_pieces, sizeof *pieces);

    if (pieces == NULL) return enc_nomem(e);
    for (size_t i = 0; i < m->n_pieces; i++)
        pieces[i] = (enc_bytes){m->text + m->pieces[i].at, m->pieces[i].n};
    enc_rc rc = enc_vocab_new(out, pieces, m->n_pieces, "the trained vocabulary", e);
    enc_mem_free(pieces);
    return rc;
}

enc_rc enc_vocab_train_run(enc_vocab_train *t, const enc_vocab_goal *goal, enc_ask *ask,
                           enc_vocab **out, enc_err *e)
{
    merger m = {.t = &t->table, .ask = ask, .size = goal->size};
    enc_rc rc;

    *out = NULL;
    if (goal->size <= N_SPECIALS || goal->size > ENC_VOCAB_MAX)
        return enc_fail(e, ENC_RANGE, "vocabulary of %zu pieces, expected %zu to %zu",
                        goal->size, N_SPECIALS + 1, ENC_VOCAB_MAX);
    if (t->table.n_words == 0)
        return enc_fail(e, ENC_RANGE, "no words to make a vocabulary of %zu pieces from",
                        goal->size);
    if (ask != NULL && enc_ask_now(ask)) return enc_ask_rc(ask, e);
    merger_prepare(&m, goal);
    rc = m.failed ? enc_nomem(e) : run_merges(&m, goal->pair_min, e);
    if (rc == ENC_OK) rc = make_vocab(&m, out, e);
    merger_clear(&m);
    return rc;
}
