/* norm.c - see norm.h.
 *
 * Three layers. refill() takes one character of the text apart into `pending`: nothing if
 * it is dropped, more than one if NFD or lower case say so. enc_norm_next() deals out
 * pending characters to words: white space ends one, punctuation and ideographs are one,
 * anything else continues one. append() keeps them with their places.
 *
 * ASCII takes a shortcut past refill(): NFD leaves it as it is, and its class and lower
 * case come from a table. Hangul syllables that stay whole take another.
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
}

void enc_norm_clear(enc_norm *w)
{
    enc_mem_free(w->bytes);
    enc_mem_free(w->start);
    enc_mem_free(w->end);
    enc_norm_init(w, w->rules);
}

static bool grow(enc_norm *w)
{
    size_t need = w->n_bytes + 4;
    void *bytes = w->bytes, *start = w->start, *end = w->end;
    bool ok = enc_mem_reserve(&bytes, &w->cap_bytes, need, sizeof *w->bytes);
    w->bytes = bytes;
    ok = ok && enc_mem_reserve(&start, &w->cap_start, need, sizeof *w->start);
    w->start = start;
    ok = ok && enc_mem_reserve(&end, &w->cap_end, need, sizeof *w->end);
    w->end = end;
    return ok;
}

static bool has_room(const enc_norm *w)
{
    size_t need = w->n_bytes + 4;
    return need <= w->cap_bytes && need <= w->cap_start && need <= w->cap_end;
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
    if (!has_room(w) && !grow(w)) return false;
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

static bool is_stripped(const enc_norm *w, uint32_t c)
{
    return w->rules.strip_marks ? enc_utf8_is_any_mark(c) : enc_utf8_is_mark(c);
}

/* White space, VT, FF and NEL among it, when nobody has cleaned the text. */
static bool is_space(const enc_norm *w, uint32_t c)
{
    return enc_utf8_is_space(c) ||
           (!w->rules.clean_text && (c == 0x0b || c == 0x0c || c == 0x85));
}

/* Takes apart the character at w->at, which is not the end. */
static void refill(enc_norm *w)
{
    uint32_t c, parts[18];
    w->n_pending = w->i_pending = 0;
    w->pending_start = w->at;
    w->at += enc_utf8_decode(w->text + w->at, w->n - w->at, &c);
    w->pending_end = w->at;
    if (c >= 0xac00 && c < 0xd7a4 && (w->rules.keep_hangul || !w->rules.strip_accents)) {
        w->is_alone = false;
        w->pending[w->n_pending++] = c;
        return;
    }
    if (w->rules.clean_text && (c == REPLACEMENT || enc_utf8_is_control(c))) return;
    w->is_alone = w->rules.chinese_chars && enc_utf8_is_cjk(c);
    size_t n_parts = 1;
    parts[0] = c;
    if (w->rules.strip_accents) n_parts = enc_utf8_decompose(c, parts);
    for (size_t i = 0; i < n_parts; i++) {
        uint32_t *to = w->pending + w->n_pending;
        if (w->rules.strip_accents && is_stripped(w, parts[i])) {
            /* A mark by itself stands on the last character of the word, if any. */
            if (w->n_pending == 0 && w->n_bytes > 0) stretch(w, w->pending_end);
        } else if (w->rules.lower_case) {
            w->n_pending += enc_utf8_lower(parts[i], to);
        } else {
            *to = parts[i];
            w->n_pending++;
        }
    }
}

/* The class of the pending character. Most of it is known in refill(); what NFD has
 * brought forth, such as ';' out of U+037E, is not. */
static int pending_class(const enc_norm *w)
{
    uint32_t c = w->pending[w->i_pending];
    if (c >= 0xac00 && c < 0xd7a4) return WORD;
    if (w->is_alone) return ALONE;
    if (is_space(w, c)) return SPACE;
    return enc_utf8_is_punctuation(c) ? ALONE : WORD;
}

/* Appends ASCII from w->at on as long as it continues the word; false: no memory. */
static bool take_ascii(enc_norm *w)
{
    bool lower = w->rules.lower_case;
    for (; w->at < w->n; w->at++) {
        uint8_t c = w->text[w->at];
        if (c >= 0x80 || ascii_class[c] != WORD) return true;
        if (w->n_chars++ > w->chars_max) {
            stretch(w, w->at + 1);
            continue;
        }
        if (!has_room(w) && !grow(w)) return false;
        w->last = w->n_bytes;
        w->last_char = lower && c >= 'A' && c <= 'Z' ? c | 0x20u : c;
        w->bytes[w->n_bytes] = (uint8_t)w->last_char;
        w->start[w->n_bytes] = (uint32_t)w->at;
        w->end[w->n_bytes++] = (uint32_t)w->at + 1;
    }
    return true;
}

/* Skips ASCII white space and controls before a word. */
static void skip_ascii(enc_norm *w)
{
    for (; w->at < w->n && w->text[w->at] < 0x80; w->at++) {
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
    if (w->i_pending == w->n_pending) skip_ascii(w);
    for (;;) {
        if (w->i_pending == w->n_pending) {
            if (!take_ascii(w)) return enc_nomem(e);
            if (w->at == w->n) break;
            refill(w);
            continue;
        }
        int class = pending_class(w);
        if (class == SPACE) w->i_pending++;
        if (class == SPACE && w->n_bytes == 0) continue;
        if (class != WORD && w->n_bytes > 0) break;
        if (!append(w, w->pending[w->i_pending++], w->pending_start, w->pending_end))
            return enc_nomem(e);
        if (class == ALONE) break;
    }
    return emit(w, word, found);
}
