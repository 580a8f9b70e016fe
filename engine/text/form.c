/* form.c - see form.h. Whatever is ASCII before ASCII is its own normal form. */
#include "text/form.h"

#include "base/utf8.h"

#define MARKS_MAX 64

typedef struct sign { /* a character on its way */
    uint32_t c, start, end;
    int class; /* combining class; 0: a starter */
} sign;

typedef struct forming {
    enc_placed *out;
    bool composes, is_compatible;
    bool has_starter;
    sign starter;
    sign marks[MARKS_MAX]; /* behind the starter, in order */
    size_t n_marks;
} forming;

static bool put(enc_placed *out, const sign *s)
{
    uint8_t utf8[4];
    if (!enc_placed_reserve(out, 4)) return false;
    enc_placed_put(out, (enc_bytes){utf8, enc_utf8_encode(s->c, utf8)}, s->start, s->end);
    return true;
}

/* Joins to the starter what can be joined: a mark is blocked by one of its class or a
 * higher one before it. */
static void join_marks(forming *f)
{
    size_t n = 0;
    int last = 0;
    if (!f->composes || !f->has_starter) return;
    for (size_t i = 0; i < f->n_marks; i++) {
        sign m = f->marks[i];
        uint32_t both = last < m.class ? enc_utf8_compose(f->starter.c, m.c) : 0;
        if (both != 0) {
            f->starter.c = both;
            if (m.end > f->starter.end) f->starter.end = m.end;
        } else {
            last = m.class;
            f->marks[n++] = m;
        }
    }
    f->n_marks = n;
}

static bool flush(forming *f)
{
    bool ok = !f->has_starter || put(f->out, &f->starter);
    for (size_t i = 0; ok && i < f->n_marks; i++) ok = put(f->out, f->marks + i);
    f->has_starter = false;
    f->n_marks = 0;
    return ok;
}

/* Those that change places share a range, so that places never descend. */
static bool add_mark(forming *f, sign m)
{
    if (f->n_marks == MARKS_MAX) {
        join_marks(f);
        if (!flush(f)) return false;
    }
    size_t i = f->n_marks++;
    for (; i > 0 && f->marks[i - 1].class > m.class; i--) {
        f->marks[i] = f->marks[i - 1];
        f->marks[i].end = m.end;
        m.start = f->marks[i].start;
    }
    for (size_t k = i + 1; k < f->n_marks; k++) f->marks[k].start = m.start;
    f->marks[i] = m;
    return true;
}

static bool add(forming *f, sign s)
{
    if (s.class != 0) return add_mark(f, s);
    join_marks(f);
    if (f->composes && f->has_starter && f->n_marks == 0) {
        uint32_t both = enc_utf8_compose(f->starter.c, s.c);
        if (both != 0) {
            f->starter.c = both;
            f->starter.end = s.end;
            return true;
        }
    }
    if (!flush(f)) return false;
    f->starter = s;
    f->has_starter = true;
    return true;
}

/* Takes one character apart. */
static bool add_character(forming *f, uint32_t c, uint32_t start, uint32_t end)
{
    uint32_t parts[18];
    size_t n = 1;
    parts[0] = c;
    if (f->is_compatible) n = enc_utf8_decompose_compatible(c, parts);
    else if (!f->composes || !enc_utf8_is_hangul(c)) n = enc_utf8_decompose(c, parts);
    for (size_t i = 0; i < n; i++)
        if (!add(f, (sign){parts[i], start, end, enc_utf8_combining_class(parts[i])}))
            return false;
    return true;
}

bool enc_form_run(enc_form form, const enc_placed *in, enc_placed *out)
{
    forming f = {.out = out,
                 .composes = form == ENC_NFC || form == ENC_NFKC,
                 .is_compatible = form == ENC_NFKC || form == ENC_NFKD};
    for (size_t at = 0; at < in->n;) {
        size_t to = at;
        uint32_t c;
        while (to < in->n && in->bytes[to] < 0x80 && to - at < ENC_ASK_EVERY) to++;
        if (to < in->n && to > at) to--; /* a mark may follow */
        if (enc_ask_on(out->ask, to - at + 1)) return false;
        if (to > at) {
            join_marks(&f);
            if (!flush(&f) || !enc_placed_reserve(out, to - at)) return false;
            enc_placed_copy(out, in, at, to - at);
            at = to;
            continue;
        }
        size_t n = enc_utf8_decode(in->bytes + at, in->n - at, &c);
        if (!add_character(&f, c, in->start[at], in->end[at + n - 1])) return false;
        at += n;
    }
    join_marks(&f);
    return flush(&f);
}
