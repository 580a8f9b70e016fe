/* tok.c - see tok.h.
 *
 * A text is cut at the added tokens that stand in it literally, and what lies between
 * them goes through norm and wordpiece. No more tokens are kept than can survive
 * truncation. A text by itself is read only as far as these go, however long it is; of a
 * pair both are read to the end, because the lengths decide what is truncated. */
#include "text/tok_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/wr.h"

#define STRETCH 4096 /* bytes that are searched for added tokens before they are read */

/* ---- making one ---- */

static size_t added_at(const enc_tok *t, int32_t id)
{
    size_t low = 0, high = t->n_added;
    while (low < high) {
        size_t i = low + (high - low) / 2;
        if (t->added[i].id < id) low = i + 1;
        else high = i;
    }
    return low;
}

enc_rc enc_tok_add(enc_tok *t, enc_tok_added added, enc_err *e)
{
    size_t i = added_at(t, added.id);
    if (i < t->n_added && t->added[i].id == added.id) {
        if (added.is_special) t->added[i].is_special = true;
        return ENC_OK;
    }
    void *array = t->added;
    if (!enc_mem_reserve(&array, &t->cap_added, t->n_added + 1, sizeof *t->added))
        return enc_nomem(e);
    t->added = array;
    memmove(t->added + i + 1, t->added + i, (t->n_added - i) * sizeof *t->added);
    t->added[i] = added;
    t->n_added++;
    return ENC_OK;
}

static uint8_t fold(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20u : c;
}

/* The vocabulary of those added tokens that are, or are not, folded; NULL if none is. */
static enc_rc make_finder(enc_tok *t, bool folded, enc_vocab **out, enc_err *e)
{
    enc_arena arena;
    enc_rc rc = ENC_OK;
    size_t n = 0;
    enc_arena_init(&arena);
    enc_bytes *texts = enc_mem_zero_array(t->n_added, sizeof *texts);
    if (texts == NULL) return enc_nomem(e);
    for (size_t i = 0; i < t->n_added && rc == ENC_OK; i++) {
        if (t->added[i].is_folded != folded) continue;
        enc_bytes piece = enc_vocab_piece(t->vocab, t->added[i].id);
        if (piece.n == 0) continue;
        char *text = enc_arena_text(&arena, (const char *)piece.at, piece.n);
        if (text == NULL) {
            rc = enc_nomem(e);
            continue;
        }
        t->begins[piece.at[0]] = true;
        if (folded) {
            for (size_t k = 0; k < piece.n; k++) text[k] = (char)fold((uint8_t)text[k]);
            uint8_t first = (uint8_t)text[0];
            t->begins[first] = true;
            if (first >= 'a' && first <= 'z') t->begins[first & ~0x20] = true;
        }
        texts[i] = (enc_bytes){(const uint8_t *)text, piece.n};
        n++;
    }
    if (rc == ENC_OK && n > 0)
        rc = enc_vocab_new(out, texts, t->n_added, "added_tokens", e);
    enc_mem_free(texts);
    enc_arena_clear(&arena);
    return rc;
}

enc_rc enc_tok_finish(enc_tok *t, enc_err *e)
{
    const struct {
        const char *name;
        int32_t id;
        bool is_needed;
    } specials[] = {{"[UNK]", t->special.unk, true},
                    {"[CLS]", t->special.cls, true},
                    {"[SEP]", t->special.sep, true},
                    {"[PAD]", t->special.pad, false},
                    {"[MASK]", t->special.mask, false}};
    enc_rc rc = ENC_OK;
    for (size_t i = 0; i < sizeof specials / sizeof *specials && rc == ENC_OK; i++) {
        if (specials[i].id < 0 && specials[i].is_needed)
            return enc_fail(e, ENC_CORRUPT, "vocabulary has no %s", specials[i].name);
        if (specials[i].id >= 0)
            rc = enc_tok_add(t, (enc_tok_added){.id = specials[i].id, .is_special = true},
                             e);
    }
    if (rc == ENC_OK) rc = make_finder(t, false, &t->as_is, e);
    if (rc == ENC_OK) rc = make_finder(t, true, &t->folded, e);
    return rc;
}

enc_rc enc_tok_new(enc_tok **out, enc_vocab *vocab, enc_norm_rules rules, enc_err *e)
{
    *out = NULL;
    enc_tok *t = enc_mem_zero(sizeof *t);
    if (t == NULL) {
        enc_vocab_free(vocab);
        return enc_nomem(e);
    }
    t->vocab = vocab;
    t->rules = rules;
    memcpy(t->prefix, "##", 3);
    t->word_max = ENC_WORD_MAX;
    t->special = (enc_tok_special){.pad = enc_vocab_find(vocab, "[PAD]", 5),
                                   .unk = enc_vocab_find(vocab, "[UNK]", 5),
                                   .cls = enc_vocab_find(vocab, "[CLS]", 5),
                                   .sep = enc_vocab_find(vocab, "[SEP]", 5),
                                   .mask = enc_vocab_find(vocab, "[MASK]", 6)};
    enc_rc rc = enc_tok_finish(t, e);
    if (rc == ENC_OK) {
        *out = t;
        t = NULL;
    }
    enc_tok_close(t);
    return rc;
}

void enc_tok_close(enc_tok *t)
{
    if (t == NULL) return;
    enc_vocab_free(t->vocab);
    enc_vocab_free(t->as_is);
    enc_vocab_free(t->folded);
    enc_mem_free(t->added);
    enc_mem_free(t);
}

/* ---- encoding ---- */

void enc_tokens_init(enc_tokens *ts)
{
    *ts = (enc_tokens){0};
}

void enc_tokens_clear(enc_tokens *ts)
{
    enc_mem_free(ts->at);
    *ts = (enc_tokens){0};
}

/* One text on its way into tokens. */
typedef struct walk {
    const enc_tok *t;
    enc_wordpiece model;
    enc_norm norm;
    enc_piece *pieces; /* word_max */
    enc_tokens *out;
    size_t keep;   /* tokens that this text may still add to out */
    size_t n;      /* tokens that it has, kept or not */
    size_t n_stop; /* more of them than this are not asked for */
    uint8_t segment;
} walk;

static enc_rc walk_begin(walk *w, const enc_tok *t, enc_err *e)
{
    *w = (walk){.t = t};
    w->model = (enc_wordpiece){t->vocab, t->prefix, t->word_max, t->special.unk};
    enc_norm_init(&w->norm, t->rules);
    w->norm.chars_max = t->word_max;
    w->pieces = enc_mem_array(t->word_max, sizeof *w->pieces);
    return w->pieces == NULL ? enc_nomem(e) : ENC_OK;
}

static void walk_end(walk *w)
{
    enc_norm_clear(&w->norm);
    enc_mem_free(w->pieces);
}

static enc_rc push(enc_tokens *out, enc_token token, enc_err *e)
{
    void *at = out->at;
    bool ok = enc_mem_reserve(&at, &out->cap, out->n + 1, sizeof *out->at);
    out->at = at;
    if (!ok) return enc_nomem(e);
    out->at[out->n++] = token;
    return ENC_OK;
}

static enc_rc keep_token(walk *w, int32_t id, size_t start, size_t end, enc_err *e)
{
    w->n++;
    if (w->keep == 0) return ENC_OK;
    w->keep--;
    return push(w->out,
                (enc_token){.id = id,
                            .start = (uint32_t)start,
                            .end = (uint32_t)end,
                            .segment = w->segment},
                e);
}

/* Tokens of text[from..to), where no added token stands. */
static enc_rc walk_words(walk *w, enc_bytes text, size_t from, size_t to, enc_err *e)
{
    enc_word word;
    bool found = true;
    enc_rc rc = ENC_OK;
    if (from == to) return ENC_OK;
    enc_norm_start(&w->norm, text.at + from, to - from);
    while (rc == ENC_OK && w->n <= w->n_stop &&
           (rc = enc_norm_next(&w->norm, &word, &found, e)) == ENC_OK && found) {
        size_t n = enc_wordpiece_split(&w->model, &word, w->pieces, w->t->word_max);
        for (size_t i = 0; i < n && rc == ENC_OK; i++)
            rc = keep_token(w, w->pieces[i].id, from + w->pieces[i].start,
                            from + w->pieces[i].end, e);
    }
    return rc;
}

/* Whether text[from..to) has neither a letter nor a digit beside it. */
static bool is_apart(enc_bytes text, size_t from, size_t to)
{
    uint32_t c;
    if (to < text.n) {
        enc_utf8_decode(text.at + to, text.n - to, &c);
        if (enc_utf8_is_word(c)) return false;
    }
    if (from == 0) return true;
    size_t start = from - 1;
    while (start > 0 && from - start < 4 && (text.at[start] & 0xc0) == 0x80) start--;
    enc_utf8_decode(text.at + start, from - start, &c);
    return !enc_utf8_is_word(c);
}

/* The longest added token that stands at `at`, or NULL. */
static const enc_tok_added *added_here(const enc_tok *t, enc_bytes text, size_t at,
                                       size_t *n)
{
    const enc_bytes none = {NULL, 0};
    int32_t i = -1;
    *n = 0;
    if (t->as_is != NULL)
        i = enc_vocab_find_longest(t->as_is, none, text.at + at, text.n - at, n);
    if (t->folded != NULL) {
        uint8_t window[ENC_PIECE_MAX];
        size_t n_window = enc_vocab_piece_max(t->folded), n_folded;
        if (n_window > text.n - at) n_window = text.n - at;
        for (size_t k = 0; k < n_window; k++) window[k] = fold(text.at[at + k]);
        int32_t other =
            enc_vocab_find_longest(t->folded, none, window, n_window, &n_folded);
        if (other >= 0 && n_folded > *n) {
            i = other;
            *n = n_folded;
        }
    }
    if (i < 0) return NULL;
    const enc_tok_added *added = t->added + i;
    return added->is_single && !is_apart(text, at, at + *n) ? NULL : added;
}

static enc_rc walk_text(walk *w, enc_bytes text, enc_err *e)
{
    size_t from = 0, at = 0, n;
    enc_rc rc = ENC_OK;
    if (text.n > ENC_TEXT_MAX)
        return enc_fail(e, ENC_RANGE, "text has %zu bytes, at most %zu are allowed",
                        text.n, ENC_TEXT_MAX);
    while (at < text.n && rc == ENC_OK && w->n <= w->n_stop) {
        const enc_tok_added *added =
            w->t->begins[text.at[at]] ? added_here(w->t, text, at, &n) : NULL;
        if (added == NULL) {
            at++;
            /* A space is between words under all rules. */
            if (at - from < STRETCH || at == text.n || text.at[at] != ' ') continue;
            rc = walk_words(w, text, from, at, e);
            from = at;
            continue;
        }
        rc = walk_words(w, text, from, at, e);
        if (rc == ENC_OK) rc = keep_token(w, added->id, at, at + n, e);
        from = at += n;
    }
    return rc == ENC_OK ? walk_words(w, text, from, text.n, e) : rc;
}

/* How many of n_a and n_b tokens remain of a pair when there is room for n_max: as in
 * truncate_encodings of Hugging Face's tokenizers, strategy LongestFirst. */
static void shorten_pair(size_t n_max, size_t *n_a, size_t *n_b)
{
    size_t *lesser = *n_a > *n_b ? n_b : n_a, *greater = *n_a > *n_b ? n_a : n_b;
    if (n_max >= *n_a && n_max - *n_a >= *n_b) return;
    if (*lesser <= n_max / 2) {
        *greater = n_max - *lesser;
    } else {
        *lesser = n_max / 2;
        *greater = n_max - *lesser;
    }
}

static enc_rc push_special(enc_tokens *out, int32_t id, uint8_t segment, enc_err *e)
{
    return push(out, (enc_token){.id = id, .segment = segment, .is_special = true}, e);
}

/* Appends the tokens of b to those of a, and makes both fit into room. */
static enc_rc walk_pair(walk *w, enc_bytes b, bool add_special, size_t room, enc_err *e)
{
    enc_tokens *out = w->out;
    size_t n_a = w->n, n_b, kept_a = n_a < room ? n_a : room, start_b;
    enc_rc rc;
    w->keep = room;
    w->n = 0;
    w->segment = 1;
    start_b = out->n;
    if ((rc = walk_text(w, b, e))) return rc;
    n_b = w->n;
    w->n += n_a;
    shorten_pair(room, &n_a, &n_b);
    /* The last tokens of a go, and what follows them, [SEP] and b, moves up. */
    size_t n_sep = add_special ? 1 : 0, gone = kept_a - n_a;
    if (gone > 0)
        memmove(out->at + start_b - n_sep - gone, out->at + start_b - n_sep,
                (n_sep + n_b) * sizeof *out->at);
    out->n = start_b - gone + n_b;
    return add_special ? push_special(out, w->t->special.sep, 1, e) : ENC_OK;
}

static enc_rc encode(walk *w, enc_bytes a, enc_bytes b, size_t n_max, bool add_special,
                     enc_err *e)
{
    const enc_tok *t = w->t;
    size_t n_special = !add_special ? 0 : b.at != NULL ? 3 : 2;
    enc_rc rc = ENC_OK;
    if (n_max != 0 && n_max < n_special)
        return enc_fail(e, ENC_RANGE, "%zu tokens are too few, at least %zu are needed",
                        n_max, n_special);
    size_t room = n_max == 0 ? SIZE_MAX : n_max - n_special;
    if (add_special) rc = push_special(w->out, t->special.cls, 0, e);
    w->keep = room;
    w->n_stop = b.at == NULL ? room : SIZE_MAX;
    if (rc == ENC_OK) rc = walk_text(w, a, e);
    if (rc == ENC_OK && add_special) rc = push_special(w->out, t->special.sep, 0, e);
    if (rc == ENC_OK && b.at != NULL) rc = walk_pair(w, b, add_special, room, e);
    w->out->is_cut = w->n > room;
    return rc;
}

enc_rc enc_tok_encode(const enc_tok *t, enc_bytes a, enc_bytes b, size_t n_max,
                      bool add_special, enc_tokens *out, enc_err *e)
{
    walk w;
    out->n = 0;
    out->is_cut = false;
    enc_rc rc = walk_begin(&w, t, e);
    w.out = out;
    if (rc == ENC_OK) rc = encode(&w, a, b, n_max, add_special, e);
    walk_end(&w);
    if (rc != ENC_OK) out->n = 0;
    return rc;
}

enc_rc enc_tok_walk(const enc_tok *t, enc_bytes text, enc_tok_visit *visit, void *arg,
                    enc_err *e)
{
    walk w;
    enc_word word;
    bool found = true;
    enc_rc rc = walk_begin(&w, t, e);
    enc_norm_start(&w.norm, text.at, text.n);
    while (rc == ENC_OK && (rc = enc_norm_next(&w.norm, &word, &found, e)) == ENC_OK &&
           found) {
        size_t n = enc_wordpiece_split(&w.model, &word, w.pieces, t->word_max);
        if (!visit(arg, &word, w.pieces, n)) break;
    }
    walk_end(&w);
    return rc;
}

/* ---- asking ---- */

const enc_vocab *enc_tok_vocab(const enc_tok *t)
{
    return t->vocab;
}

enc_tok_special enc_tok_specials(const enc_tok *t)
{
    return t->special;
}

enc_norm_rules enc_tok_rules(const enc_tok *t)
{
    return t->rules;
}

const char *enc_tok_prefix(const enc_tok *t)
{
    return t->prefix;
}

bool enc_tok_is_special(const enc_tok *t, int32_t id)
{
    size_t i = added_at(t, id);
    return i < t->n_added && t->added[i].id == id && t->added[i].is_special;
}

bool enc_tok_is_subword(const enc_tok *t, int32_t id)
{
    enc_bytes piece = enc_vocab_piece(t->vocab, id);
    size_t n = strlen(t->prefix);
    return n > 0 && piece.n > n && memcmp(piece.at, t->prefix, n) == 0;
}

size_t enc_tok_max(const enc_tok *t)
{
    return t->max;
}

char *enc_tok_decode(const enc_tok *t, const int32_t *ids, size_t n, bool skip_special)
{
    enc_wr w;
    bool is_first = true;
    enc_wr_init(&w);
    for (size_t i = 0; i < n; i++) {
        enc_bytes piece = enc_vocab_piece(t->vocab, ids[i]);
        size_t n_prefix = strlen(t->prefix);
        if (piece.n == 0 || (skip_special && enc_tok_is_special(t, ids[i]))) continue;
        if (is_first || !enc_tok_is_subword(t, ids[i])) n_prefix = 0;
        if (!is_first && n_prefix == 0) enc_wr_u8(&w, ' ');
        enc_wr_bytes(&w, piece.at + n_prefix, piece.n - n_prefix);
        is_first = false;
    }
    enc_wr_u8(&w, '\0');
    if (w.failed) enc_wr_clear(&w);
    return (char *)w.at;
}
