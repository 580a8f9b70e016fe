/* tok_encode.c - see tok.h: text -> tokens, and text -> words with their pieces.
 *
 * A text is cut at the added tokens that stand in it literally, and what lies between
 * them goes through the normalizer, is split into words, and these go through the model.
 * No more tokens are kept than can survive truncation. A text by itself is read only as
 * far as these go, however long it is; of a pair both are read to the end, because the
 * lengths decide what is truncated. */
#include "text/tok_parts.h"

#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

#define STRETCH      4096 /* bytes that are searched for added tokens before they are read */
#define CHARS_MAX    (ENC_STRETCH_MAX / 4) /* in a word that is kept to its end */
#define TOKENS_FIRST 8                     /* that there is room for at first */

void enc_tokens_init(enc_tokens *ts)
{
    *ts = (enc_tokens){0};
}

void enc_tokens_clear(enc_tokens *ts)
{
    enc_mem_free(ts->at);
    *ts = (enc_tokens){0};
}

/* One text on its way into tokens, or to `visit`. */
typedef struct walk {
    const enc_tok *t;
    enc_wordpiece wordpiece;
    enc_norm norm;     /* if the splitting is BERT's */
    enc_normal normal; /* if not */
    enc_piece_room room;
    void *pieces; /* enc_piece, cap_pieces of them */
    size_t cap_pieces;
    enc_tokens *out;
    size_t keep;   /* tokens that this text may still add to out */
    size_t n;      /* tokens that it has, kept or not */
    size_t n_stop; /* more of them than this are not asked for */
    uint8_t segment;
    enc_ask *ask;         /* whether to stop */
    enc_tok_visit *visit; /* NULL: tokens are wanted */
    void *arg;
} walk;

/* To be called for every so many bytes read or pieces made. */
static enc_rc ask(walk *w, size_t n, enc_err *e)
{
    return enc_ask_on(w->ask, n) ? enc_ask_rc(w->ask, e) : ENC_OK;
}

static enc_rc walk_begin(walk *w, const enc_tok *t, enc_ask *ask, enc_err *e)
{
    *w = (walk){.t = t, .n_stop = SIZE_MAX, .ask = ask, .room.ask = ask};
    w->wordpiece = (enc_wordpiece){t->vocab, t->prefix, t->word_max, t->special.unk};
    enc_norm_init(&w->norm, t->rules);
    w->norm.ask = ask;
    w->norm.chars_max = t->kind == ENC_TOK_WORDPIECE ? t->word_max : CHARS_MAX;
    enc_normal_init(&w->normal, t->steps, t->n_steps, ask);
    bool ok = enc_mem_reserve(&w->pieces, &w->cap_pieces, t->word_max, sizeof(enc_piece));
    return ok ? ENC_OK : enc_nomem(e);
}

static void walk_end(walk *w)
{
    enc_norm_clear(&w->norm);
    enc_normal_clear(&w->normal);
    enc_mem_free(w->room.at);
    enc_mem_free(w->pieces);
}

/* Room for twice as many. A gigabyte is moved in parts, so as to ask between them. */
static enc_rc grow(enc_tokens *out, enc_err *e)
{
    const size_t n_part = ENC_ASK_EVERY / sizeof *out->at;
    size_t cap = out->cap < TOKENS_FIRST ? TOKENS_FIRST : 2 * out->cap;
    enc_token *at = enc_mem_array(cap, sizeof *at);
    if (at == NULL) return enc_nomem(e);
    for (size_t i = 0, n; i < out->n; i += n) {
        n = out->n - i < n_part ? out->n - i : n_part;
        memcpy(at + i, out->at + i, n * sizeof *at);
        if (!enc_ask_on(&out->ask, n)) continue;
        enc_mem_free(at);
        return enc_ask_rc(&out->ask, e);
    }
    enc_mem_free(out->at);
    out->at = at;
    out->cap = cap;
    return ENC_OK;
}

static enc_rc push(enc_tokens *out, enc_token token, enc_err *e)
{
    enc_rc rc = out->n < out->cap ? ENC_OK : grow(out, e);
    if (rc == ENC_OK) out->at[out->n++] = token;
    return rc;
}

static enc_rc keep_token(walk *w, int32_t id, size_t start, size_t end, enc_err *e)
{
    if (w->t->drops_unknown && id == w->t->special.unk) return ENC_OK;
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

/* The first n of w->pieces; their places count from `base`. */
static enc_rc keep_tokens(walk *w, size_t base, size_t n, enc_err *e)
{
    const enc_piece *p = w->pieces;
    enc_rc rc = ENC_OK;
    for (size_t i = 0; i < n && rc == ENC_OK && w->n <= w->n_stop; i++)
        if ((rc = ask(w, 1, e)) == ENC_OK)
            rc = keep_token(w, p[i].id, base + p[i].start, base + p[i].end, e);
    return rc;
}

/* Of a word of BERT's splitting only WordPiece can do with the beginning. */
static enc_rc check_word(const walk *w, const enc_word *word, enc_err *e)
{
    if (w->t->kind == ENC_TOK_WORDPIECE || word->n_chars <= CHARS_MAX) return ENC_OK;
    return enc_fail(e, ENC_RANGE, "a word has %zu characters, at most %zu are allowed",
                    word->n_chars, CHARS_MAX);
}

/* The pieces of a word, *n of them in w->pieces. */
static enc_rc split_word(walk *w, const enc_word *word, size_t *n, enc_err *e)
{
    const enc_tok *t = w->t;
    if (t->kind == ENC_TOK_WORDPIECE) {
        *n = enc_wordpiece_split(&w->wordpiece, word, w->pieces, t->word_max);
        return ENC_OK;
    }
    if (!enc_mem_renew(&w->pieces, &w->cap_pieces, word->n_bytes, sizeof(enc_piece)))
        return enc_nomem(e);
    return t->kind == ENC_TOK_BPE
               ? enc_bpe_split(t->bpe, word, &w->room, w->pieces, n, e)
               : enc_unigram_split(&t->unigram, word, &w->room, w->pieces, n, e);
}

/* Bytes of the white space that a character of text[at..to) is, or 0. */
static size_t white_at(enc_bytes text, size_t at, size_t to)
{
    uint32_t c = text.at[at];
    if (c > ' ' && c < 0x80) return 0;
    size_t n = enc_utf8_decode(text.at + at, to - at, &c);
    return enc_utf8_is_white(c) ? n : 0;
}

/* Where the character before text[to] begins; to > from. */
static size_t before(enc_bytes text, size_t from, size_t to)
{
    size_t at = to - 1;
    while (at > from && to - at < 4 && (text.at[at] & 0xc0) == 0x80) at--;
    return at;
}

/* Takes white space off the ends of a piece's place, unless it is all there is. */
static void trim(enc_bytes text, enc_piece *p)
{
    size_t start = p->start, end = p->end, n;
    while (start < end && (n = white_at(text, start, end)) > 0) start += n;
    if (start == end) return;
    for (;;) {
        size_t at = before(text, start, end);
        if (white_at(text, at, end) != end - at) break;
        end = at;
    }
    p->start = (uint32_t)start;
    p->end = (uint32_t)end;
}

/* Gives a word to w->visit without the space it begins with; *go is its answer. */
static void show_word(walk *w, enc_word word, enc_piece *pieces, size_t n, bool *go)
{
    size_t skip = 0, n_mark = sizeof ENC_SPACE_MARK - 1;
    if (w->t->split == ENC_SPLIT_BYTES) {
        const enc_bytes bytes = {word.bytes, word.n_bytes};
        for (size_t n_white; skip < bytes.n; skip += n_white)
            if ((n_white = white_at(bytes, skip, bytes.n)) == 0) break;
    } else if (w->t->split == ENC_SPLIT_MARKED && word.n_bytes >= n_mark &&
               memcmp(word.bytes, ENC_SPACE_MARK, n_mark) == 0) {
        skip = n_mark;
    }
    word = (enc_word){.bytes = word.bytes + skip,
                      .n_bytes = word.n_bytes - skip,
                      .start = word.start + skip,
                      .end = word.end + skip};
    for (; n > 0 && pieces->n_bytes <= skip; pieces++, n--) skip -= pieces->n_bytes;
    if (n == 0 || word.n_bytes == 0) return;
    pieces->n_bytes -= (uint32_t)skip;
    for (size_t i = 0; i < word.n_bytes; i++)
        word.n_chars += (word.bytes[i] & 0xc0) != 0x80;
    *go = w->visit(w->arg, &word, pieces, n);
}

/* Words of text[from..to), where no added token stands, split as BERT does. */
static enc_rc walk_bert(walk *w, enc_bytes text, size_t from, size_t to, bool *go,
                        enc_err *e)
{
    enc_word word;
    bool found = true;
    enc_rc rc = ENC_OK;
    enc_norm_start(&w->norm, text.at + from, to - from);
    while (rc == ENC_OK && w->n <= w->n_stop && *go &&
           (rc = enc_norm_next(&w->norm, &word, &found, e)) == ENC_OK && found) {
        const enc_piece *pieces;
        size_t n;
        if ((rc = check_word(w, &word, e)) || (rc = split_word(w, &word, &n, e)) ||
            (rc = ask(w, word.n_bytes + 1, e)))
            break;
        pieces = w->pieces;
        if (w->visit == NULL) rc = keep_tokens(w, from, n, e);
        else if (n > 0) *go = w->visit(w->arg, &word, pieces, n);
    }
    return rc;
}

/* The same for all other tokenizers. */
static enc_rc walk_steps(walk *w, enc_bytes text, size_t from, size_t to, bool *go,
                         enc_err *e)
{
    enc_word word;
    size_t at = 0;
    enc_rc rc = enc_normal_run(&w->normal, text.at, from, to, e);
    while (rc == ENC_OK && w->n <= w->n_stop && *go &&
           enc_split_next(w->t->split, &w->normal.text, &at, &word)) {
        enc_piece *pieces;
        size_t n;
        if ((rc = enc_ask_rc(w->ask, e)) || (rc = split_word(w, &word, &n, e)) ||
            (rc = ask(w, word.n_bytes + 1, e)))
            break;
        pieces = w->pieces;
        for (size_t i = 0; i < n && !enc_ask_on(w->ask, 1); i++) trim(text, pieces + i);
        if ((rc = enc_ask_rc(w->ask, e))) break;
        if (w->visit != NULL) show_word(w, word, pieces, n, go);
        else rc = keep_tokens(w, 0, n, e);
    }
    return rc;
}

static enc_rc walk_words(walk *w, enc_bytes text, size_t from, size_t to, bool *go,
                         enc_err *e)
{
    if (from >= to || !*go) return ENC_OK;
    return w->t->split == ENC_SPLIT_BERT ? walk_bert(w, text, from, to, go, e)
                                         : walk_steps(w, text, from, to, go, e);
}

/* ---- added tokens ---- */

static uint8_t fold(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20u : c;
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
    size_t start = before(text, 0, from);
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

/* Whether the text may be read up to the space at `at` and, by itself, from there on.
 * BERT ends a word at any space. Other splittings also look at what stands before it:
 * nothing that a normalizer makes a space of, or joins to what follows. */
static bool can_cut(const enc_tok *t, enc_bytes text, size_t from, size_t at)
{
    uint32_t c = text.at[at - 1];
    if (t->split == ENC_SPLIT_BERT) return true;
    if (t->split == ENC_SPLIT_WHOLE || c <= ' ') return false;
    if (c < 0x7f) return true;
    size_t start = before(text, from, at);
    return enc_utf8_decode(text.at + start, at - start, &c) == at - start &&
           (enc_utf8_is_hangul(c) || enc_utf8_is_cjk(c));
}

/* Reads what lies before an added token at text[at..at + n), and the token; *from moves
 * behind it. */
static enc_rc take_added(walk *w, enc_bytes text, const enc_tok_added *added, size_t at,
                         size_t n, size_t *from, enc_err *e)
{
    bool go = true;
    size_t to = at, white, start;
    if (added->takes_left)
        while (to > *from &&
               (white = white_at(text, start = before(text, *from, to), to)) > 0 &&
               white == to - start && !enc_ask_on(w->ask, white))
            to = start;
    enc_rc rc = walk_words(w, text, *from, to, &go, e);
    if (rc == ENC_OK) rc = ask(w, n, e);
    if (rc == ENC_OK) rc = keep_token(w, added->id, at, at + n, e);
    *from = at + n;
    if (added->takes_right)
        while (*from < text.n && (white = white_at(text, *from, text.n)) > 0 &&
               !enc_ask_on(w->ask, white))
            *from += white;
    return rc != ENC_OK ? rc : enc_ask_rc(w->ask, e);
}

static enc_rc walk_text(walk *w, enc_bytes text, enc_err *e)
{
    size_t from = 0, at = 0, n;
    bool go = true;
    enc_rc rc = ENC_OK;
    if (text.n > ENC_TEXT_MAX)
        return enc_fail(e, ENC_RANGE, "text has %zu bytes, at most %zu are allowed",
                        text.n, ENC_TEXT_MAX);
    while (at < text.n && rc == ENC_OK && w->n <= w->n_stop && go) {
        bool may_begin = w->visit == NULL && w->t->begins[text.at[at]];
        const enc_tok_added *added = may_begin ? added_here(w->t, text, at, &n) : NULL;
        if (added != NULL) {
            rc = take_added(w, text, added, at, n, &from, e);
            at = from;
            continue;
        }
        at++;
        if (at - from < STRETCH || at == text.n) continue;
        if ((rc = ask(w, 1, e)) || text.at[at] != ' ') continue;
        if (!can_cut(w->t, text, from, at)) continue;
        if ((rc = ask(w, at - from, e)) == ENC_OK)
            rc = walk_words(w, text, from, at, &go, e);
        from = at;
    }
    return rc == ENC_OK ? walk_words(w, text, from, text.n, &go, e) : rc;
}

/* ---- a text or a pair ---- */

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

/* The special tokens of the template from item i up to the next text, and which that is.
 */
static enc_rc push_special(enc_tokens *out, const enc_template *around, size_t *i,
                           bool add_special, enc_err *e)
{
    enc_rc rc = ENC_OK;
    for (; *i < around->n && around->at[*i].id >= 0 && rc == ENC_OK; ++*i)
        if (add_special)
            rc = push(out,
                      (enc_token){.id = around->at[*i].id,
                                  .segment = around->at[*i].segment,
                                  .is_special = true},
                      e);
    return rc;
}

/* Makes both texts fit into room: the last tokens of a, which has n_a and begins at
 * out->at[start_a], go, and what follows them moves up; then the last of b. */
static void shorten(enc_tokens *out, size_t room, size_t start_a, size_t n_a,
                    size_t start_b, size_t n_b)
{
    size_t kept_a = n_a < room ? n_a : room, n_between = start_b - start_a - kept_a;
    shorten_pair(room, &n_a, &n_b);
    size_t gone = kept_a - n_a;
    if (gone > 0)
        memmove(out->at + start_a + n_a, out->at + start_a + kept_a,
                (n_between + n_b) * sizeof *out->at);
    out->n = start_b - gone + n_b;
}

static enc_rc encode(walk *w, enc_bytes a, enc_bytes b, size_t n_max, bool add_special,
                     enc_err *e)
{
    bool is_pair = b.at != NULL;
    const enc_template *around = is_pair ? &w->t->two : &w->t->one;
    size_t n_special = add_special ? around->n - (is_pair ? 2 : 1) : 0, i = 0, start_a,
           n_a;
    enc_rc rc;
    if (n_max != 0 && n_max < n_special)
        return enc_fail(e, ENC_RANGE, "%zu tokens are too few, at least %zu are needed",
                        n_max, n_special);
    size_t room = n_max == 0 ? SIZE_MAX : n_max - n_special;
    if ((rc = push_special(w->out, around, &i, add_special, e))) return rc;
    start_a = w->out->n;
    w->keep = room;
    w->n_stop = is_pair ? SIZE_MAX : room;
    w->segment = around->at[i++].segment;
    if ((rc = walk_text(w, a, e))) return rc;
    n_a = w->n;
    if ((rc = push_special(w->out, around, &i, add_special, e))) return rc;
    if (is_pair) {
        size_t start_b = w->out->n;
        w->keep = room;
        w->n = 0;
        w->segment = around->at[i++].segment;
        if ((rc = walk_text(w, b, e))) return rc;
        shorten(w->out, room, start_a, n_a, start_b, w->n);
        w->n += n_a;
        rc = push_special(w->out, around, &i, add_special, e);
    }
    w->out->is_cut = w->n > room;
    return rc;
}

enc_rc enc_tok_encode(const enc_tok *t, enc_bytes a, enc_bytes b, size_t n_max,
                      bool add_special, enc_tokens *out, enc_err *e)
{
    walk w;
    out->n = 0;
    out->is_cut = false;
    out->ask.n_quiet = 0;
    out->ask.is_stopped = false;
    enc_rc rc = walk_begin(&w, t, &out->ask, e);
    w.out = out;
    if (rc == ENC_OK) rc = encode(&w, a, b, n_max, add_special, e);
    walk_end(&w);
    if (rc != ENC_OK) out->n = 0;
    return rc;
}

enc_rc enc_tok_count(const enc_tok *t, enc_bytes text, enc_ask *ask, size_t *n,
                     enc_err *e)
{
    walk w;
    enc_rc rc = walk_begin(&w, t, ask, e);
    if (rc == ENC_OK) rc = walk_text(&w, text, e);
    *n = w.n + t->one.n - 1; /* of the template one is the text */
    walk_end(&w);
    return rc;
}

enc_bytes enc_tok_strip(enc_bytes text, enc_ask *ask)
{
    size_t from = 0, to = text.n, n;
    while (from < to && (n = white_at(text, from, to)) > 0 && !enc_ask_on(ask, n))
        from += n;
    while (to > from) {
        const size_t at = before(text, from, to);
        if ((n = white_at(text, at, to)) != to - at || enc_ask_on(ask, n)) break;
        to = at;
    }
    return from < to ? (enc_bytes){text.at + from, to - from} : (enc_bytes){text.at, 0};
}

enc_rc enc_tok_walk(const enc_tok *t, enc_bytes text, enc_tok_visit *visit, void *arg,
                    enc_err *e)
{
    walk w;
    bool go = true;
    enc_rc rc = walk_begin(&w, t, NULL, e);
    w.visit = visit;
    w.arg = arg;
    if (rc == ENC_OK)
        rc = t->split == ENC_SPLIT_BERT ? walk_words(&w, text, 0, text.n, &go, e)
                                        : walk_text(&w, text, e);
    walk_end(&w);
    return rc;
}
