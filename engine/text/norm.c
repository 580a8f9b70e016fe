/* norm.c - see norm.h.
 *
 * Three layers. refill() takes one character of the text apart into `pending`: nothing if
 * it is dropped, more than one if NFD or lower case say so. enc_norm_next() deals out
 * pending characters to words: white space ends one, punctuation and ideographs are one,
 * anything else continues one. append() keeps them with their places.
 *
 * Most of a text takes a shortcut past refill(), a run at a time: ASCII that continues a
 * word, whose class and lower case NFD does not change, and Hangul syllables that stay
 * whole. What they come to is the same as without; tests/engine/text/test_plain.c
 * compares.
 *
 * Order: Python BERT lower-cases and then strips, Hugging Face strips and then
 * lower-cases. The outcome is the same: the one lower case with a mark, that of U+0130,
 * is stripped here before it arises. Lower case has no context: a final sigma stays
 * U+03C3, as in Hugging Face's tokenizers. */
#include "text/norm.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/utf8.h"

#define REPLACEMENT 0xfffdu
#define CAP_FIRST   64 /* bytes of a word that there is room for at first */

enum { WORD, ALONE, SPACE, CONTROL, OLD_SPACE };

/* Classes of ASCII: controls (OLD_SPACE: \v and \f, dropped as controls when the text is
 * cleaned and white space when not), white space, and punctuation. */
#define C8 CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL
#define W8 WORD, WORD, WORD, WORD, WORD, WORD, WORD, WORD
#define P8 ALONE, ALONE, ALONE, ALONE, ALONE, ALONE, ALONE, ALONE
static const uint8_t ascii_class[128] = {
    C8,                                                                   /* 00 */
    CONTROL, SPACE, SPACE, OLD_SPACE, OLD_SPACE, SPACE, CONTROL, CONTROL, /* 08 */
    C8,      C8,                                                          /* 10 18 */
    SPACE,   ALONE, ALONE, ALONE,     ALONE,     ALONE, ALONE,   ALONE,   /* 20 */
    P8,      W8,                                                          /* 28 30 */
    WORD,    WORD,  ALONE, ALONE,     ALONE,     ALONE, ALONE,   ALONE,   /* 38 */
    ALONE,   WORD,  WORD,  WORD,      WORD,      WORD,  WORD,    WORD,    /* 40 */
    W8,      W8,                                                          /* 48 50 */
    WORD,    WORD,  WORD,  ALONE,     ALONE,     ALONE, ALONE,   ALONE,   /* 58 */
    ALONE,   WORD,  WORD,  WORD,      WORD,      WORD,  WORD,    WORD,    /* 60 */
    W8,      W8,                                                          /* 68 70 */
    WORD,    WORD,  WORD,  ALONE,     ALONE,     ALONE, ALONE,   CONTROL, /* 78 */
};

void enc_norm_init(enc_norm *w, enc_norm_rules rules)
{
    memset(w, 0, sizeof *w);
    w->rules = rules;
    if (!rules.strip_accents) w->rules.keep_hangul = false;
    w->chars_max = ENC_WORD_MAX;
}

void enc_norm_start(enc_norm *w, const void *text, size_t n)
{
    w->text = text;
    w->n = n;
    w->at = 0;
    w->n_bytes = w->n_chars = 0;
    w->n_pending = w->i_pending = 0;
    w->asked_at = 0;
}

void enc_norm_clear(enc_norm *w)
{
    enc_mem_free(w->start);
    enc_norm_init(w, w->rules);
}

/* Room for n more bytes of the word; start, end and bytes are one block. */
static bool reserve(enc_norm *w, size_t n)
{
    size_t cap = w->cap > 0 ? w->cap : CAP_FIRST;
    if (w->n_bytes + n <= w->cap) return true;
    while (cap < w->n_bytes + n) cap *= 2;
    uint32_t *block = enc_mem_array(cap, 2 * sizeof *block + 1);
    if (block == NULL) return false;
    if (w->n_bytes > 0) {
        memcpy(block, w->start, w->n_bytes * sizeof *block);
        memcpy(block + cap, w->end, w->n_bytes * sizeof *block);
        memcpy(block + 2 * cap, w->bytes, w->n_bytes);
    }
    enc_mem_free(w->start);
    w->start = block;
    w->end = block + cap;
    w->bytes = (uint8_t *)(block + 2 * cap);
    w->cap = cap;
    return true;
}

/* The last character kept ends at `end` now. */
static void stretch(enc_norm *w, size_t end)
{
    for (size_t i = w->last; i < w->n_bytes; i++) w->end[i] = (uint32_t)end;
}

/* Puts c where the last kept character was or, if it continues, behind it. There is room
 * for four bytes. */
static void put(enc_norm *w, uint32_t c, size_t start, size_t end)
{
    uint8_t utf8[4];
    size_t n = enc_utf8_encode(c, utf8);
    w->last = w->n_bytes;
    w->last_char = c;
    for (size_t i = 0; i < n; i++) {
        w->bytes[w->n_bytes] = utf8[i];
        w->start[w->n_bytes] = (uint32_t)start;
        w->end[w->n_bytes++] = (uint32_t)end;
    }
}

/* Adds c to the word; false if there is no memory. */
static bool append(enc_norm *w, uint32_t c, size_t start, size_t end)
{
    if (w->n_chars > w->chars_max) {
        w->n_chars++;
        stretch(w, end);
        return true;
    }
    if (!reserve(w, 4)) return false;
    if (w->rules.keep_hangul && w->n_chars > 0 && c >= 0x300) {
        uint32_t both = enc_utf8_compose(w->last_char, c);
        if (both != 0) {
            size_t first = w->start[w->last];
            w->n_bytes = w->last;
            put(w, both, first, end);
            return true;
        }
    }
    put(w, c, start, end);
    w->n_chars++;
    return true;
}

/* What the words make of a character of this kind. */
static int class_of(const enc_norm *w, uint32_t c, enc_kind kind)
{
    if (kind == ENC_SPACE) return SPACE;
    /* VT, FF and NEL, when nobody has cleaned the text. */
    if (!w->rules.clean_text && (c == 0x0b || c == 0x0c || c == 0x85)) return SPACE;
    return kind == ENC_PUNCTUATION ? ALONE : WORD;
}

/* Takes apart the character at w->at, which is not the end. */
static void refill(enc_norm *w)
{
    uint32_t c, parts[18];
    size_t n_parts = 1;
    w->n_pending = w->i_pending = 0;
    w->pending_start = w->at;
    w->at += enc_utf8_decode(w->text + w->at, w->n - w->at, &c);
    w->pending_end = w->at;
    enc_kind kind = enc_utf8_kind(c);
    if (w->rules.clean_text && (c == REPLACEMENT || kind == ENC_CONTROL)) return;
    bool is_alone = w->rules.chinese_chars && enc_utf8_is_cjk(c);
    parts[0] = c;
    if (w->rules.strip_accents && !(w->rules.keep_hangul && enc_utf8_is_hangul(c)))
        n_parts = enc_utf8_decompose(c, parts);
    for (size_t i = 0; i < n_parts; i++) {
        uint32_t *to = w->pending + w->n_pending;
        size_t n = 1;
        if (parts[i] != c) kind = enc_utf8_kind(parts[i]);
        if (w->rules.strip_accents &&
            (kind == ENC_MARK || (kind == ENC_OTHER_MARK && w->rules.strip_marks))) {
            /* A mark by itself stands on the last character of the word, if any. */
            if (w->n_pending == 0 && w->n_bytes > 0) stretch(w, w->pending_end);
            continue;
        }
        if (w->rules.lower_case) n = enc_utf8_lower(parts[i], to);
        else *to = parts[i];
        for (size_t k = 0; k < n; k++)
            w->class[w->n_pending++] =
                (uint8_t)(is_alone ? ALONE : class_of(w, to[k], kind));
    }
}

/* How far a run may be read before we ask whether to stop. */
static size_t run_end(const enc_norm *w)
{
    return w->n - w->at < ENC_ASK_EVERY ? w->n : w->at + ENC_ASK_EVERY;
}

/* Appends ASCII from w->at on as long as it continues the word; false: no memory. */
static bool take_ascii(enc_norm *w)
{
    const size_t end = run_end(w);
    size_t from = w->at, to = from, n_kept = 0;
    unsigned n_upper = w->rules.lower_case ? 26 : 0; /* letters that have another case */
    while (to < end && w->text[to] < 0x80 && ascii_class[w->text[to]] == WORD) to++;
    if (to == from) return true;
    if (w->n_chars <= w->chars_max) n_kept = w->chars_max + 1 - w->n_chars;
    if (n_kept > to - from) n_kept = to - from;
    if (!reserve(w, n_kept)) return false;
    for (size_t i = 0; i < n_kept; i++) {
        unsigned c = w->text[from + i];
        w->bytes[w->n_bytes + i] = (uint8_t)(c - 'A' < n_upper ? c | 0x20u : c);
        w->start[w->n_bytes + i] = (uint32_t)(from + i);
        w->end[w->n_bytes + i] = (uint32_t)(from + i + 1);
    }
    w->n_bytes += n_kept;
    w->n_chars += to - from;
    w->at = to;
    if (n_kept > 0) {
        w->last = w->n_bytes - 1;
        w->last_char = w->bytes[w->last];
    }
    if (n_kept < to - from) stretch(w, to);
    return true;
}

/* The same for Hangul syllables, where they stay whole. */
static bool take_hangul(enc_norm *w)
{
    const size_t end = run_end(w);
    if (w->rules.strip_accents && !w->rules.keep_hangul) return true;
    for (uint32_t c; w->at < end; w->at += 3) {
        uint8_t first = w->text[w->at];
        if (first < 0xea || first > 0xed) return true; /* U+A000 to U+DFFF */
        enc_utf8_decode(w->text + w->at, w->n - w->at, &c);
        if (!enc_utf8_is_hangul(c)) return true;
        if (w->n_chars > w->chars_max) stretch(w, w->at + 3);
        else if (!reserve(w, 4)) return false;
        else put(w, c, w->at, w->at + 3);
        w->n_chars++;
    }
    return true;
}

/* Skips ASCII white space and controls before a word. */
static void skip_ascii(enc_norm *w)
{
    for (const size_t end = run_end(w); w->at < end && w->text[w->at] < 0x80; w->at++) {
        int class = ascii_class[w->text[w->at]];
        if (class < SPACE || (class == CONTROL && !w->rules.clean_text)) return;
    }
}

static enc_rc emit(enc_norm *w, enc_word *word, bool *found)
{
    *word = (enc_word){w->bytes, w->n_bytes, w->n_chars, w->start, w->end};
    *found = w->n_bytes > 0;
    return ENC_OK;
}

enc_rc enc_norm_next(enc_norm *w, enc_word *word, bool *found, enc_err *e)
{
    *found = false;
    w->n_bytes = w->n_chars = 0;
    if (w->n > ENC_TEXT_MAX)
        return enc_fail(e, ENC_RANGE, "text has %zu bytes, at most %zu are allowed", w->n,
                        ENC_TEXT_MAX);
    for (;;) {
        if (w->i_pending == w->n_pending) {
            if (w->at - w->asked_at >= ENC_ASK_EVERY) {
                w->asked_at = w->at;
                if (enc_ask_on(w->ask, ENC_ASK_EVERY)) return enc_ask_rc(w->ask, e);
            }
            if (w->n_bytes == 0) skip_ascii(w);
            if (!take_ascii(w) || !take_hangul(w)) return enc_nomem(e);
            if (w->at == w->n) break;
            refill(w);
            continue;
        }
        int class = w->class[w->i_pending];
        if (class == SPACE) w->i_pending++;
        if (class == SPACE && w->n_bytes == 0) continue;
        if (class != WORD && w->n_bytes > 0) break;
        if (!append(w, w->pending[w->i_pending++], w->pending_start, w->pending_end))
            return enc_nomem(e);
        if (class == ALONE) break;
    }
    return emit(w, word, found);
}
