/* normal.c - see normal.h. A step reads one text and writes another; the two change
 * places. */
#include "text/normal.h"

#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

#define REPLACEMENT 0xfffdu

void enc_normal_init(enc_normal *n, const enc_step *steps, size_t n_steps, enc_ask *ask)
{
    *n = (enc_normal){.steps = steps, .n_steps = n_steps};
    n->text.ask = n->other.ask = ask;
}

void enc_normal_clear(enc_normal *n)
{
    enc_placed_clear(&n->text);
    enc_placed_clear(&n->other);
}

static bool put(enc_placed *out, uint32_t c, const enc_placed *in, size_t at, size_t n)
{
    uint8_t utf8[4];
    if (!enc_placed_reserve(out, 4)) return false;
    enc_placed_put(out, (enc_bytes){utf8, enc_utf8_encode(c, utf8)}, in->start[at],
                   in->end[at + n - 1]);
    return true;
}

/* Steps read and write: false ends them, for want of room or because they are told to
 * stop. */
static bool go_on(const enc_placed *out, size_t n)
{
    return !enc_ask_on(out->ask, n);
}

static bool copy(enc_placed *out, const enc_placed *in, size_t at, size_t n)
{
    if (!enc_placed_reserve(out, n)) return false;
    for (size_t part; n > ENC_ASK_EVERY; at += part, n -= part) {
        part = ENC_ASK_EVERY;
        enc_placed_copy(out, in, at, part);
        if (!go_on(out, part)) return false;
    }
    enc_placed_copy(out, in, at, n);
    return true;
}

/* A text in the place of in[at..at + n). */
static bool put_text(enc_placed *out, enc_bytes text, const enc_placed *in, size_t at,
                     size_t n)
{
    if (!enc_placed_reserve(out, text.n)) return false;
    enc_placed_put(out, text, in->start[at], in->end[at + n - 1]);
    return true;
}

static bool run_map(const enc_step *s, const enc_placed *in, enc_placed *out)
{
    for (size_t at = 0; at < in->n;) {
        size_t to = at;
        enc_bytes text;
        uint32_t c;
        if (!go_on(out, 1)) return false;
        while (to < in->n && to - at < ENC_ASK_EVERY &&
               enc_charsmap_keeps(s->map, in->bytes[to]))
            to++;
        if (to < in->n && to > at && in->bytes[to] >= 0x80) to--;
        if (to > at) {
            if (!copy(out, in, at, to - at) || !go_on(out, to - at)) return false;
            at = to;
            continue;
        }
        size_t n = enc_charsmap_find(s->map, in->bytes + at, in->n - at, &text);
        bool is_mapped = n > 0;
        if (!is_mapped) n = enc_utf8_decode(in->bytes + at, in->n - at, &c);
        if (is_mapped ? !put_text(out, text, in, at, n) : !copy(out, in, at, n))
            return false;
        at += n;
    }
    return true;
}

static bool run_lower(const enc_placed *in, enc_placed *out)
{
    uint32_t c, lower[3];
    for (size_t at = 0, n; at < in->n; at += n) {
        n = enc_utf8_decode(in->bytes + at, in->n - at, &c);
        size_t n_lower = enc_utf8_lower(c, lower);
        if (!go_on(out, n)) return false;
        for (size_t i = 0; i < n_lower; i++)
            if (!put(out, lower[i], in, at, n)) return false;
    }
    return true;
}

static bool run_strip_accents(const enc_placed *in, enc_placed *out)
{
    uint32_t c;
    for (size_t at = 0, n; at < in->n; at += n) {
        n = enc_utf8_decode(in->bytes + at, in->n - at, &c);
        bool is_kept = c < 0x300 || !enc_utf8_is_any_mark(c);
        if ((is_kept && !copy(out, in, at, n)) || !go_on(out, n)) return false;
    }
    return true;
}

static bool run_strip(const enc_step *s, const enc_placed *in, enc_placed *out)
{
    size_t from = 0, to = 0, n;
    uint32_t c;
    for (size_t at = 0; at < in->n; at += n) {
        n = enc_utf8_decode(in->bytes + at, in->n - at, &c);
        if (!enc_utf8_is_white(c)) to = at + n;
        else if (to == 0) from = at + n;
        if (!go_on(out, n)) return false;
    }
    if (!s->left) from = 0;
    if (!s->right) to = in->n;
    return to <= from || copy(out, in, from, to - from);
}

static bool run_replace(const enc_step *s, const enc_placed *in, enc_placed *out)
{
    size_t at = 0;
    while (in->n - at >= s->from.n && s->from.n > 0) {
        const uint8_t *found = memmem(in->bytes + at, in->n - at, s->from.at, s->from.n);
        if (found == NULL) break;
        size_t to = (size_t)(found - in->bytes);
        if (!copy(out, in, at, to - at) || !put_text(out, s->to, in, to, s->from.n))
            return false;
        at = to + s->from.n;
        if (!go_on(out, s->from.n)) return false;
    }
    return copy(out, in, at, in->n - at);
}

/* The end of the run of white space at `at`; `at` itself if there is none. */
static size_t white_end(const enc_step *s, const enc_placed *in, size_t at)
{
    uint32_t c = ' ';
    for (size_t n = 1; at < in->n; at += n) {
        if (s->by_white) n = enc_utf8_decode(in->bytes + at, in->n - at, &c);
        else c = in->bytes[at];
        if (s->by_white ? !enc_utf8_is_white(c) : c != ' ') break;
        if (!go_on(in, n)) break;
    }
    return at;
}

static bool run_spaces(const enc_step *s, const enc_placed *in, enc_placed *out)
{
    const size_t least = s->by_white ? 1 : 2;
    size_t from = 0;
    for (size_t at = 0; at < in->n;) {
        const size_t to = white_end(s, in, at);
        if (to - at >= least) {
            if (!copy(out, in, from, at - from) || !put_text(out, s->to, in, at, to - at))
                return false;
            from = to;
        }
        at = to > at ? to : at + 1;
        if (!go_on(out, 1)) return false;
        while (at < in->n && (in->bytes[at] & 0xc0) == 0x80) at++;
    }
    return copy(out, in, from, in->n - from);
}

static bool run_prepend(const enc_step *s, const enc_placed *in, enc_placed *out)
{
    return in->n == 0 || (put_text(out, s->to, in, 0, 1) && copy(out, in, 0, in->n));
}

/* One character by the rules of BERT. */
static bool put_bert(const enc_norm_rules *r, uint32_t c, const enc_placed *in, size_t at,
                     size_t n, enc_placed *out)
{
    uint32_t parts[18], lower[3] = {c};
    size_t n_parts = 1, n_lower = 1;
    bool is_alone = r->chinese_chars && enc_utf8_is_cjk(c), ok = true;
    parts[0] = c;
    if (r->clean_text) {
        enc_kind kind = enc_utf8_kind(c);
        if (c == REPLACEMENT || kind == ENC_CONTROL) return true;
        if (kind == ENC_SPACE) parts[0] = ' ';
    }
    if (r->strip_accents && c >= 0x80 && parts[0] == c)
        n_parts = enc_utf8_decompose(c, parts);
    if (is_alone) ok = put(out, ' ', in, at, n);
    for (size_t i = 0; i < n_parts && ok; i++) {
        if (r->strip_accents && enc_utf8_is_mark(parts[i])) continue;
        if (r->lower_case) n_lower = enc_utf8_lower(parts[i], lower);
        else lower[0] = parts[i];
        for (size_t k = 0; k < n_lower && ok; k++) ok = put(out, lower[k], in, at, n);
    }
    return ok && (!is_alone || put(out, ' ', in, at, n));
}

static bool run_bert(const enc_step *s, const enc_placed *in, enc_placed *out)
{
    uint32_t c;
    for (size_t at = 0, n; at < in->n; at += n) {
        n = enc_utf8_decode(in->bytes + at, in->n - at, &c);
        if (!put_bert(&s->rules, c, in, at, n, out) || !go_on(out, n)) return false;
    }
    return true;
}

static bool begins_with(const enc_placed *in, size_t at, enc_bytes what)
{
    return in->n - at >= what.n && memcmp(in->bytes + at, what.at, what.n) == 0;
}

/* The mark, in the place of the character at `at`. */
static bool put_mark(const enc_step *s, const enc_placed *in, size_t at, enc_placed *out)
{
    uint32_t c;
    return put_text(out, s->to, in, at, enc_utf8_decode(in->bytes + at, in->n - at, &c));
}

static bool mark_words(const enc_step *s, const enc_placed *in, enc_placed *out)
{
    uint32_t c;
    bool is_inside = false;
    for (size_t at = 0, n; at < in->n; at += n) {
        n = enc_utf8_decode(in->bytes + at, in->n - at, &c);
        bool is_white = enc_utf8_is_white(c);
        if (!is_white && !is_inside && !begins_with(in, at, s->to) &&
            !put_mark(s, in, at, out))
            return false;
        is_inside = !is_white;
        if ((is_inside && !copy(out, in, at, n)) || !go_on(out, n)) return false;
    }
    return true;
}

static bool run_mark(const enc_step *s, const enc_placed *in, enc_placed *out)
{
    size_t from = 0;
    if (s->by_white) return mark_words(s, in, out);
    if (in->n == 0) return true;
    bool is_wanted =
        s->prepend == ENC_ALWAYS || (s->prepend == ENC_FIRST && in->start[0] == 0);
    if (is_wanted && in->bytes[0] != ' ' && !begins_with(in, 0, s->to) &&
        !put_mark(s, in, 0, out))
        return false;
    for (size_t at = 0; at < in->n; at++) {
        if (in->bytes[at] != ' ') continue;
        if (!go_on(out, 1) || !copy(out, in, from, at - from) ||
            !put_text(out, s->to, in, at, 1))
            return false;
        from = at + 1;
    }
    return copy(out, in, from, in->n - from);
}

static bool run_step(const enc_step *s, const enc_placed *in, enc_placed *out)
{
    out->n = 0;
    if (!enc_placed_reserve(out, in->n)) return false; /* what it will be, or nearly */
    switch (s->kind) {
    case ENC_STEP_FORM: return enc_form_run(s->form, in, out);
    case ENC_STEP_PRECOMPILED: return run_map(s, in, out);
    case ENC_STEP_LOWER: return run_lower(in, out);
    case ENC_STEP_STRIP: return run_strip(s, in, out);
    case ENC_STEP_STRIP_ACCENTS: return run_strip_accents(in, out);
    case ENC_STEP_REPLACE: return run_replace(s, in, out);
    case ENC_STEP_SPACES: return run_spaces(s, in, out);
    case ENC_STEP_PREPEND: return run_prepend(s, in, out);
    case ENC_STEP_MARK: return run_mark(s, in, out);
    case ENC_STEP_BERT: break;
    }
    return run_bert(s, in, out);
}

enc_rc enc_normal_run(enc_normal *n, const uint8_t *text, size_t from, size_t to,
                      enc_err *e)
{
    bool ok = enc_placed_read(&n->text, text + from, to - from, from);
    for (size_t i = 0; i < n->n_steps && ok; i++) {
        ok = run_step(n->steps + i, &n->text, &n->other);
        enc_placed swapped = n->text;
        n->text = n->other;
        n->other = swapped;
    }
    if (ok) return ENC_OK;
    enc_rc rc = enc_ask_rc(n->text.ask, e);
    if (rc != ENC_OK) return rc;
    if (!n->text.is_long) return enc_nomem(e);
    return enc_fail(
        e, ENC_RANGE,
        "more than %zu bytes of normalized text without a space between words",
        ENC_STRETCH_MAX);
}
