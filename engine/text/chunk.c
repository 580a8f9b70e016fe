/* chunk.c - see chunk.h.
 *
 * The whole text is tokenized, and before each token stands a boundary. One pass ranks
 * the boundaries by how well a text is cut there; the rank is kept in the token's
 * `segment`, which has no other use in scratch. Then chunks are cut greedily. The places
 * that are looked for - the last boundary of a rank that still fits, the next one of a
 * rank from a place on, the next end of a word - only ever move forward from chunk to
 * chunk, so all the looking together is linear, whatever size and overlap are.
 *
 * N tokens; boundary i stands before token i, boundary N at the end of the text. */
#include "text/chunk.h"

#include "base/mem.h"
#include "base/utf8.h"

/* Ranks of boundaries. From BETWEEN_MARKS on no word is cut. */
enum {
    INSIDE_CHARACTER, /* never cut */
    INSIDE_WORD,
    BETWEEN_MARKS, /* before a mark that belongs to what precedes it, or after an opening
                    * one */
    BETWEEN_WORDS, /* no white space: before punctuation, between ideographs */
    SPACE,         /* or behind a comma of Chinese or Japanese, which has none */
    SENTENCE,
    PARAGRAPH,
    N_RANKS
};

typedef enum mark { NO_MARK, STOP, WIDE_STOP, COMMA, WIDE_COMMA, CLOSING, OPENING } mark;

typedef struct cutter {
    enc_bytes text;
    enc_ask *ask;
    const enc_token *at;
    size_t n; /* N */
    size_t size, overlap;
    size_t head;          /* boundaries up to this one have been counted into `last` */
    size_t last[N_RANKS]; /* the last boundary of this rank or better, up to head */
    size_t next[N_RANKS]; /* the next one from a place on that only grows; N: none */
    size_t word;          /* the next boundary that is in no word; N: there is none */
} cutter;

/* What is what; zero ends a row. */
static const uint32_t marks[][20] = {
    [STOP] = {'.', '?', '!', 0x2026, 0x203c, 0x2047, 0x2048, 0x2049, 0x061f, 0x06d4,
              0x0964, 0x0965},
    [WIDE_STOP] = {0x3002, 0xff01, 0xff0e, 0xff1f, 0xff61},
    [COMMA] = {',', ';', ':'},
    [WIDE_COMMA] = {0x3001, 0xff0c, 0xff1a, 0xff1b, 0xff64},
    [CLOSING] = {')', ']', '}', '"', '\'', 0xbb, 0x203a, 0x2019, 0x201d, 0x3009, 0x300b,
                 0x300d, 0x300f, 0x3011, 0x3015, 0xff09, 0xff3d, 0xff5d, 0xff63},
    [OPENING] = {'(', '[', '{', 0xa1, 0xab, 0xbf, 0x2039, 0x2018, 0x201c, 0x3008, 0x300a,
                 0x300c, 0x300e, 0x3010, 0x3014, 0xff08, 0xff3b, 0xff5b, 0xff62},
};

/* The mark that a token is; a mark is always a token of its own. */
static mark mark_of(enc_bytes text, const enc_token *t)
{
    uint32_t c;
    size_t n = enc_utf8_decode(text.at + t->start, text.n - t->start, &c);
    if (n != t->end - t->start || !enc_utf8_is_punctuation(c)) return NO_MARK;
    for (size_t k = STOP; k < sizeof marks / sizeof *marks; k++)
        for (const uint32_t *m = marks[k]; *m != 0; m++)
            if (*m == c) return (mark)k;
    return NO_MARK;
}

/* VT, FF and NEL too, which enc_utf8_is_space leaves to its callers. */
static bool is_blank(uint32_t c)
{
    return enc_utf8_is_space(c) || c == 0x0b || c == 0x0c || c == 0x85;
}

/* ---- ranking the boundaries ---- */

/* What white space in text[at..to) ends: 0 (there is none), SPACE, SENTENCE, PARAGRAPH.
 */
static int rank_gap(enc_bytes text, enc_ask *ask, size_t at, size_t to)
{
    int rank = 0, n_lines = 0;
    bool after_cr = false;
    while (at < to) {
        uint32_t c;
        size_t n = enc_utf8_decode(text.at + at, to - at, &c);
        if (enc_ask_on(ask, n)) break;
        at += n;
        if (!is_blank(c)) {
            n_lines = 0;
            after_cr = false;
            continue;
        }
        if (rank < SPACE) rank = SPACE;
        bool is_line = c == '\r' || (c == '\n' && !after_cr) || c == 0x85 || c == 0x2028;
        if (is_line) n_lines++;
        if (n_lines == 1 && rank < SENTENCE) rank = SENTENCE;
        if (n_lines > 1 || c == 0x0c || c == 0x2029) return PARAGRAPH;
        after_cr = c == '\r';
    }
    return rank;
}

/* Of a boundary in whose gap there is no white space. `before` is the token before it,
 * `after` the one behind it, `stop` what the tokens up to here end with. */
static int rank_tight(mark before, mark stop, mark after)
{
    bool is_attached = after == STOP || after == WIDE_STOP || after == COMMA ||
                       after == WIDE_COMMA || after == CLOSING;
    if (is_attached || before == OPENING) return BETWEEN_MARKS;
    if (stop == WIDE_STOP) return SENTENCE;
    return before == WIDE_COMMA ? SPACE : BETWEEN_WORDS;
}

static enc_rc rank_all(const enc_tok *tok, enc_bytes text, enc_tokens *ts, enc_err *e)
{
    mark before = NO_MARK, stop = NO_MARK;
    size_t end = 0;
    for (size_t i = 0; i < ts->n; i++) {
        enc_token *t = &ts->at[i];
        if (enc_ask_on(&ts->ask, 1)) break;
        mark here = mark_of(text, t);
        int rank;
        if (i > 0 && t->start < end) {
            rank = INSIDE_CHARACTER;
        } else if (enc_tok_is_subword(tok, t->id)) {
            rank = INSIDE_WORD;
        } else if ((rank = rank_gap(text, &ts->ask, end, t->start)) == 0) {
            rank = rank_tight(before, stop, here);
        } else {
            if (rank == SPACE && stop != NO_MARK) rank = SENTENCE;
            stop = NO_MARK;
        }
        t->segment = (uint8_t)rank;
        if (here == STOP || here == WIDE_STOP) stop = here;
        else if (here != CLOSING) stop = NO_MARK;
        before = here;
        if (t->end > end) end = t->end;
    }
    return enc_ask_rc(&ts->ask, e);
}

/* ---- from boundaries to bytes ---- */

/* The byte at which boundary i, neither the first nor the last, cuts: the first white
 * space in its gap, else the end of the gap, so that what no token has read stays with
 * the token before it. */
static size_t cut_place(const cutter *c, size_t i)
{
    size_t at = c->at[i - 1].end, to = c->at[i].start;
    while (at < to) {
        uint32_t ch;
        size_t n = enc_utf8_decode(c->text.at + at, to - at, &ch);
        if (is_blank(ch) || enc_ask_on(c->ask, n)) return at;
        at += n;
    }
    return to;
}

/* Leaves out the white space at the ends of *from..*to. */
static void trim(enc_bytes text, enc_ask *ask, size_t *from, size_t *to)
{
    uint32_t c;
    while (*from < *to) {
        size_t n = enc_utf8_decode(text.at + *from, *to - *from, &c);
        if (!is_blank(c) || enc_ask_on(ask, n)) break;
        *from += n;
    }
    while (*from < *to) {
        size_t at = *to - 1;
        while (at > *from && *to - at < 4 && (text.at[at] & 0xc0) == 0x80) at--;
        size_t n = enc_utf8_decode(text.at + at, *to - at, &c);
        if (!is_blank(c) || at + n != *to || enc_ask_on(ask, n)) break;
        *to = at;
    }
}

/* A piece may be white space alone (byte-level ones), so that what is left of a chunk may
 * be nothing, or lie within the chunk before, or hold all of that: then one of the two is
 * enough. Neither end ever moves back. */
static enc_rc push(const cutter *c, enc_chunks *out, size_t from, size_t to, enc_err *e)
{
    const enc_chunk *before = out->n > 0 ? &out->at[out->n - 1] : NULL;
    enc_chunk chunk = {from == 0 ? 0 : cut_place(c, from),
                       to == c->n ? c->text.n : cut_place(c, to), to - from};
    trim(c->text, c->ask, &chunk.start, &chunk.end);
    enc_rc rc = enc_ask_on(c->ask, 1) ? enc_ask_rc(c->ask, e) : ENC_OK;
    if (rc != ENC_OK) return rc;
    if (chunk.start == chunk.end) return ENC_OK;
    if (before != NULL && chunk.end == before->end) return ENC_OK;
    if (before != NULL && chunk.start == before->start) out->n--;
    void *at = out->at;
    bool ok = enc_mem_reserve(&at, &out->cap, out->n + 1, sizeof *out->at);
    out->at = at;
    if (!ok) return enc_nomem(e);
    out->at[out->n++] = chunk;
    return ENC_OK;
}

/* ---- cutting ---- */

static int rank_at(const cutter *c, size_t i)
{
    return c->at[i].segment;
}

/* The boundary that ends the chunk which begins at `from`, where more than size tokens
 * are left: the best one behind `done`, the end of the chunk before. */
static size_t choose_end(cutter *c, size_t from, size_t done)
{
    for (; c->head < from + c->size; c->head++)
        for (int r = rank_at(c, c->head + 1); r > INSIDE_CHARACTER; r--)
            c->last[r] = c->head + 1;
    for (int r = PARAGRAPH; r > INSIDE_CHARACTER; r--)
        if (c->last[r] > done) return c->last[r];
    size_t end = from + c->size + 1; /* one character of more than size tokens */
    while (end < c->n && rank_at(c, end) == INSIDE_CHARACTER) end++;
    return end;
}

/* The next boundary of this rank or better from `low` on, which must not shrink. */
static size_t next_of(cutter *c, int rank, size_t low)
{
    size_t *at = &c->next[rank];
    if (*at < low) *at = low;
    while (*at < c->n && rank_at(c, *at) < rank) ++*at;
    return *at;
}

/* Where the chunk behind from..to begins. */
static size_t choose_start(cutter *c, size_t from, size_t to)
{
    if (c->overlap == 0) return to;
    if (c->word <= to) c->word = to + 1;
    while (c->word < c->n && rank_at(c, c->word) < BETWEEN_MARKS) c->word++;
    size_t low = to > c->overlap ? to - c->overlap : 0;
    if (low <= from) low = from + 1;
    if (c->word > c->size && low < c->word - c->size) low = c->word - c->size;
    for (int r = SENTENCE; r >= BETWEEN_WORDS; r--) {
        size_t start = next_of(c, r, low);
        if (start < to && start <= to - c->overlap / 2) return start;
    }
    for (int r = SPACE; r >= BETWEEN_MARKS; r--) {
        size_t start = next_of(c, r, low);
        if (start < to) return start;
    }
    return to;
}

static enc_rc cut(cutter *c, enc_chunks *out, enc_err *e)
{
    size_t from = 0, to = 0;
    enc_rc rc = ENC_OK;
    while (to < c->n && c->n - from > c->size && rc == ENC_OK) {
        to = choose_end(c, from, to);
        rc = push(c, out, from, to, e);
        if (to < c->n) from = choose_start(c, from, to);
    }
    if (rc == ENC_OK && (to < c->n || c->n == 0)) rc = push(c, out, from, c->n, e);
    return rc;
}

enc_rc enc_chunks_cut(const enc_tok *tok, enc_bytes text, size_t size, size_t overlap,
                      enc_chunks *out, enc_tokens *scratch, enc_err *e)
{
    out->n = 0;
    if (size == 0)
        return enc_fail(e, ENC_RANGE,
                        "size of a chunk is 0 tokens, at least 1 is needed");
    if (overlap >= size)
        return enc_fail(e, ENC_RANGE, "overlap %zu is not below the size of a chunk, %zu",
                        overlap, size);
    enc_rc rc = enc_tok_encode(tok, text, (enc_bytes){NULL, 0}, 0, false, scratch, e);
    if (rc) return rc;
    if ((rc = rank_all(tok, text, scratch, e))) return rc;
    cutter c = {.text = text,
                .ask = &scratch->ask,
                .at = scratch->at,
                .n = scratch->n,
                .size = size,
                .overlap = overlap};
    rc = cut(&c, out, e);
    if (rc) out->n = 0;
    return rc;
}

void enc_chunks_clear(enc_chunks *c)
{
    enc_mem_free(c->at);
    *c = (enc_chunks){0};
}
