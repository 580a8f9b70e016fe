/* split.c - see split.h. The pattern is read by hand: one look ahead is all it needs, as
 * \s+(?!\S) is "all white space, but not its last character if a word follows". */
#include "text/split.h"

#include <string.h>

#include "base/utf8.h"

typedef enum kind { LETTER, NUMBER, OTHER, WHITE } kind;

/* The kind of the character at `at`, and in *n its bytes. */
static kind kind_at(const enc_placed *t, size_t at, size_t *n)
{
    uint32_t c = t->bytes[at];
    *n = 1;
    if (c < 0x80) {
        if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') return LETTER;
        if (c >= '0' && c <= '9') return NUMBER;
        return enc_utf8_is_white(c) ? WHITE : OTHER;
    }
    *n = enc_utf8_decode(t->bytes + at, t->n - at, &c);
    if (enc_utf8_is_letter(c)) return LETTER;
    if (enc_utf8_is_number(c)) return NUMBER;
    return enc_utf8_is_white(c) ? WHITE : OTHER;
}

/* Bytes of 's 't 're 've 'm 'll 'd, or 0. */
static size_t contraction(const enc_placed *t, size_t at)
{
    const uint8_t *c = t->bytes + at;
    size_t n = t->n - at;
    if (n < 2 || c[0] != '\'') return 0;
    if (c[1] == 's' || c[1] == 't' || c[1] == 'm' || c[1] == 'd') return 2;
    if (n < 3) return 0;
    bool is_long = (c[1] == 'r' && c[2] == 'e') || (c[1] == 'v' && c[2] == 'e') ||
                   (c[1] == 'l' && c[2] == 'l');
    return is_long ? 3 : 0;
}

/* Where a run of white space from `at` on ends as a word. */
static size_t end_of_white(const enc_placed *t, size_t at)
{
    size_t to = at, last = at, n;
    while (to < t->n && kind_at(t, to, &n) == WHITE && !enc_ask_on(t->ask, n)) {
        last = to;
        to += n;
    }
    return to < t->n && last > at ? last : to;
}

static size_t end_of_match(const enc_placed *t, size_t at)
{
    size_t n = contraction(t, at), to = at;
    if (n > 0) return at + n;
    if (t->bytes[at] == ' ' && at + 1 < t->n && kind_at(t, at + 1, &n) != WHITE) to++;
    kind first = kind_at(t, to, &n);
    if (first == WHITE) return end_of_white(t, at);
    do to += n;
    while (to < t->n && !enc_ask_on(t->ask, n) && kind_at(t, to, &n) == first);
    return to;
}

/* Where the word ends that begins at `at`: before the next mark. */
static size_t end_of_marked(const enc_placed *t, size_t at)
{
    static const uint8_t mark[] = {0xe2, 0x96, 0x81};
    for (size_t to = at + 1; to < t->n; to++)
        if (t->bytes[to] == mark[0] && t->n - to >= 3 &&
            memcmp(t->bytes + to, mark, 3) == 0)
            return to;
    return t->n;
}

static kind run_kind_at(const enc_placed *t, size_t at, size_t *n)
{
    uint32_t c;
    *n = enc_utf8_decode(t->bytes + at, t->n - at, &c);
    return enc_utf8_is_word(c) ? LETTER : enc_utf8_is_white(c) ? WHITE : OTHER;
}

/* Moves *at past white space; where the run ends that begins there. */
static size_t end_of_run(const enc_placed *t, size_t *at)
{
    size_t n;
    while (*at < t->n && run_kind_at(t, *at, &n) == WHITE && !enc_ask_on(t->ask, n))
        *at += n;
    if (*at == t->n) return t->n;
    kind first = run_kind_at(t, *at, &n);
    size_t to = *at;
    do to += n;
    while (to < t->n && !enc_ask_on(t->ask, n) && run_kind_at(t, to, &n) == first);
    return to;
}

bool enc_split_next(enc_split how, const enc_placed *text, size_t *at, enc_word *word)
{
    size_t to = text->n;
    if (*at >= text->n) return false;
    if (how == ENC_SPLIT_BYTES) to = end_of_match(text, *at);
    else if (how == ENC_SPLIT_MARKED) to = end_of_marked(text, *at);
    else if (how == ENC_SPLIT_RUNS) to = end_of_run(text, at);
    *word = (enc_word){.bytes = text->bytes + *at,
                       .n_bytes = to - *at,
                       .start = text->start + *at,
                       .end = text->end + *at};
    *at = to;
    return word->n_bytes > 0;
}
