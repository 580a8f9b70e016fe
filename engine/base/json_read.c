/* json_read.c - the bytes of a document -> its nodes (json_parts.h), in one pass.
 *
 * The cursor moves through a copy of the document behind which stands a NUL. No place in
 * JSON allows one, so whoever looks at the byte under the cursor before moving on cannot
 * leave the copy, and asks for its end only to say what is wrong. What is decoded is
 * never longer than what it was written as: it is written behind the cursor.
 *
 * Values that are complete wait on a stack until the array or object around them is, and
 * then move behind the nodes that are already settled. There is no recursion: what is
 * open is a row of ENC_JSON_DEPTH frames. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_parts.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/utf8.h"

#define DIGITS_MAX   780           /* of 768 a double may be made (halves of the least) */
#define EXPONENT_MAX 10000000000ll /* far beyond what any number of digits makes good */
#define QUOTE_MAX    60            /* bytes of a key that a sentence may repeat */

typedef struct frame { /* an array or object that is open */
    size_t base;       /* on the stack, of its first item */
    bool is_object;
} frame;

typedef struct reading {
    uint8_t *at;          /* the cursor, in j->texts */
    const uint8_t *end;   /* of the copy: the NUL */
    enc_json_node *stack; /* n_stack values and keys that are in no array or object yet */
    size_t n_stack, cap_stack;
    frame open[ENC_JSON_DEPTH];
    size_t depth;
    enc_json *j;
    enc_bytes text; /* the document as it came */
    const char *what;
    enc_err *e;
} reading;

/* ---- what is wrong ---- */

/* A sentence about the byte at this place of the document. A column is a character. */
static enc_rc fail_at(const reading *r, const void *at, enc_rc rc, const char *wrong)
{
    size_t n = (size_t)((const char *)at - r->j->texts), line = 1, col = 1;

    for (size_t i = 0; i < n; i++) {
        if (r->text.at[i] == '\n') line++, col = 1;
        else if ((r->text.at[i] & 0xc0) != 0x80) col++;
    }
    return enc_fail(r->e, rc, "%s: line %zu col %zu: %s", r->what, line, col, wrong);
}

static enc_rc fail(const reading *r, const char *wrong)
{
    return fail_at(r, r->at, ENC_CORRUPT, wrong);
}

/* The byte at the cursor is not what may stand there. */
static enc_rc unexpected(const reading *r, const char *expected)
{
    char wrong[80];

    if (r->at == r->end)
        snprintf(wrong, sizeof wrong, "unexpected end (expected %s)", expected);
    else if (*r->at > ' ' && *r->at <= '~')
        snprintf(wrong, sizeof wrong, "unexpected '%c' (expected %s)", *r->at, expected);
    else
        snprintf(wrong, sizeof wrong, "unexpected byte 0x%02x (expected %s)", *r->at,
                 expected);
    return fail(r, wrong);
}

static enc_rc fail_twice(const reading *r, const enc_json_node *key)
{
    char wrong[QUOTE_MAX + 24] = "duplicate key \"";
    size_t n = strlen(wrong);

    for (size_t i = 0; i < key->n && i < QUOTE_MAX; i++)
        wrong[n++] = key->text[i] >= ' ' && key->text[i] <= '~' ? key->text[i] : '?';
    snprintf(wrong + n, sizeof wrong - n, "%s", key->n > QUOTE_MAX ? "...\"" : "\"");
    return fail_at(r, key->text - 1, ENC_CORRUPT, wrong);
}

/* A key that cannot be in the table of its object. */
static enc_rc fail_far(const reading *r)
{
    char wrong[64];

    snprintf(wrong, sizeof wrong, "more than %d keys with colliding hashes",
             ENC_JSON_PROBES);
    return fail(r, wrong);
}

/* ---- nodes ---- */

static bool reserve(enc_json_node **nodes, size_t *cap, size_t need)
{
    void *array = *nodes;
    bool ok = enc_mem_reserve(&array, cap, need, sizeof **nodes);

    *nodes = array;
    return ok;
}

static enc_rc push(reading *r, enc_json_node v)
{
    if (!reserve(&r->stack, &r->cap_stack, r->n_stack + 1)) return enc_nomem(r->e);
    r->stack[r->n_stack++] = v;
    return ENC_OK;
}

/* Moves what is on the stack from `base` on behind the settled nodes, where it stays, and
 * makes room behind it. */
static enc_rc settle(reading *r, size_t base, size_t n_extra)
{
    enc_json *j = r->j;
    const size_t n = r->n_stack - base;

    if (!reserve(&j->nodes, &j->cap, j->n + n + n_extra)) return enc_nomem(r->e);
    for (size_t i = 0; i < n; i++) {
        enc_json_node v = r->stack[base + i];
        if (v.kind == ENC_JSON_ARRAY || v.kind == ENC_JSON_OBJECT)
            v.items = j->n + i - v.items;
        j->nodes[j->n + i] = v;
    }
    j->n += n + n_extra;
    r->n_stack = base;
    return ENC_OK;
}

/* The array or object that was opened last is complete. */
static enc_rc close_one(reading *r)
{
    const frame f = r->open[r->depth - 1];
    const size_t n_nodes = r->n_stack - f.base, first = r->j->n;
    const size_t n = f.is_object ? n_nodes / 2 : n_nodes;
    enc_rc rc = settle(r, f.base, f.is_object ? enc_json_table(n) : 0);

    if (rc != ENC_OK) return rc;
    if (f.is_object && n > 0) {
        enc_json_node *members = r->j->nodes + first;
        bool is_twice;
        size_t i = enc_json_index(members, n, &is_twice);
        if (i < n && is_twice) return fail_twice(r, members + 2 * i);
        if (i < n) return fail_far(r);
    }
    r->depth--;
    return push(r, (enc_json_node){.kind = f.is_object ? ENC_JSON_OBJECT : ENC_JSON_ARRAY,
                                   .n = (uint32_t)n,
                                   .items = first});
}

/* ---- texts ---- */

/* Four hexadecimal digits. */
static enc_rc read_code(reading *r, uint32_t *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        uint8_t c = *r->at, letter = c | 0x20;
        if (c >= '0' && c <= '9') *code = *code << 4 | (uint32_t)(c - '0');
        else if (letter >= 'a' && letter <= 'f')
            *code = *code << 4 | (uint32_t)(letter - 'a' + 10);
        else return unexpected(r, "a hexadecimal digit");
    }
    return ENC_OK;
}

/* What follows \u; beyond U+FFFF they are two, the halves of a surrogate pair. */
static enc_rc read_codes(reading *r, uint32_t *code)
{
    const uint8_t *from = r->at - 2;
    uint32_t low;
    enc_rc rc = read_code(r, code);

    if (rc != ENC_OK || *code < 0xd800 || *code > 0xdfff) return rc;
    if (*code < 0xdc00 && r->at[0] == '\\' && r->at[1] == 'u') {
        r->at += 2;
        if ((rc = read_code(r, &low))) return rc;
        if (low >= 0xdc00 && low <= 0xdfff) {
            *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
            return ENC_OK;
        }
    }
    return fail_at(r, from, ENC_CORRUPT, "half a surrogate pair");
}

/* Bytes from here on that mean themselves. */
static size_t count_plain(const uint8_t *at)
{
    size_t n = 0;

    while (at[n] >= ' ' && at[n] < 0x80 && at[n] != '"' && at[n] != '\\') n++;
    return n;
}

/* A backslash and what it makes of what follows it, to *to. */
static enc_rc read_escape(reading *r, uint8_t **to)
{
    /* Each before what it means. */
    static const char meant[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    const uint8_t *from = r->at++;
    uint32_t code = 0;
    enc_rc rc;

    for (size_t i = 0; i + 1 < sizeof meant && code == 0; i += 2)
        if (*r->at == (uint8_t)meant[i]) code = (uint8_t)meant[i + 1];
    if (code == 0 && *r->at != 'u')
        return unexpected(r, "one of \"\\/bfnrtu after a backslash");
    r->at++;
    if (code == 0) {
        if ((rc = read_codes(r, &code))) return rc;
        if (code == 0) return fail_at(r, from, ENC_CORRUPT, "\\u0000 in a text");
    }
    *to += enc_utf8_encode(code, *to);
    return ENC_OK;
}

/* A character that is not ASCII, to *to. */
static enc_rc read_wide(reading *r, uint8_t **to)
{
    uint32_t c;
    size_t n = enc_utf8_decode(r->at, (size_t)(r->end - r->at), &c);

    if (c == 0xfffd && (n != 3 || *r->at != 0xef))
        return fail(r, "a text that is not UTF-8");
    memmove(*to, r->at, n);
    r->at += n;
    *to += n;
    return ENC_OK;
}

/* From its first quote on. It is decoded where it stands. */
static enc_rc read_text(reading *r)
{
    uint8_t *text = ++r->at, *to = text;
    enc_rc rc = ENC_OK;

    while (rc == ENC_OK) {
        size_t n = count_plain(r->at);
        if (to < r->at) memmove(to, r->at, n);
        r->at += n;
        to += n;
        if (*r->at == '"') break;
        if (*r->at >= 0x80) rc = read_wide(r, &to);
        else if (*r->at == '\\') rc = read_escape(r, &to);
        else rc = unexpected(r, "'\"'");
    }
    if (rc != ENC_OK) return rc;
    *to = '\0';
    r->at++;
    return push(r, (enc_json_node){.kind = ENC_JSON_TEXT,
                                   .n = (uint32_t)(to - text),
                                   .text = (const char *)text});
}

/* ---- numbers ---- */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static enc_rc skip_digits(reading *r)
{
    if (!is_digit(*r->at)) return unexpected(r, "a digit");
    while (is_digit(*r->at)) r->at++;
    return ENC_OK;
}

/* What the digits at[0..) are worth, up to a byte that is none, saturated. */
static long long exponent_of(const uint8_t *at)
{
    bool is_negative = *at == '-';
    long long n = 0;

    if (*at == '-' || *at == '+') at++;
    for (; is_digit(*at); at++)
        if (n < EXPONENT_MAX) n = n * 10 + (*at - '0');
    return is_negative ? -n : n;
}

/* A number without its sign. strtod() obeys the locale of the host, but only in what a
 * decimal point looks like: it gets the significant digits and an exponent. */
static double real_of(const uint8_t *at)
{
    char digits[DIGITS_MAX + 32];
    size_t n = 0;
    long long exponent = 0;
    bool is_behind = false, is_more = false;

    for (; is_digit(*at) || *at == '.'; at++) {
        if (*at == '.') {
            is_behind = true;
        } else if (n < DIGITS_MAX) {
            if (n > 0 || *at != '0') digits[n++] = (char)*at;
            exponent -= is_behind;
        } else { /* of so many, only whether they are all 0 can matter */
            is_more |= *at != '0';
            exponent += !is_behind;
        }
    }
    if (is_more) digits[n - 1] |= 1;
    if (n == 0) digits[n++] = '0';
    if ((*at | 0x20) == 'e') exponent += exponent_of(at + 1);
    snprintf(digits + n, sizeof digits - n, "e%lld", exponent);
    return strtod(digits, NULL);
}

static enc_rc push_real(reading *r, const uint8_t *from, bool is_negative)
{
    double x = real_of(from + is_negative);

    if (isinf(x)) return fail_at(r, from, ENC_CORRUPT, "a number beyond a double");
    return push(r, (enc_json_node){.kind = ENC_JSON_REAL, .real = is_negative ? -x : x});
}

static enc_rc read_number(reading *r)
{
    uint8_t *const from = r->at;
    const bool is_negative = *from == '-';
    bool is_real = false, is_big = false;
    long long n = 0;
    enc_rc rc;

    r->at += is_negative;
    if ((rc = skip_digits(r))) return rc;
    if (from[is_negative] == '0')
        r->at = from + is_negative + 1; /* no digit follows it */
    const uint8_t *end = r->at;
    if (*r->at == '.') {
        is_real = true;
        r->at++;
        if ((rc = skip_digits(r))) return rc;
    }
    if ((*r->at | 0x20) == 'e') {
        is_real = true;
        r->at++;
        if (*r->at == '-' || *r->at == '+') r->at++;
        if ((rc = skip_digits(r))) return rc;
    }
    if (is_real) return push_real(r, from, is_negative);
    for (const uint8_t *at = from + is_negative; at < end; at++) {
        int digit = is_negative ? '0' - *at : *at - '0';
        is_big = is_big || __builtin_mul_overflow(n, 10, &n) ||
                 __builtin_add_overflow(n, digit, &n);
    }
    if (is_big) return fail_at(r, from, ENC_CORRUPT, "an integer beyond 64 bits");
    return push(r, (enc_json_node){.kind = ENC_JSON_INT, .integer = n});
}

/* ---- values ---- */

static void skip_blanks(reading *r)
{
    while (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r') r->at++;
}

static enc_rc open_one(reading *r)
{
    if (r->depth == ENC_JSON_DEPTH) {
        char wrong[40];
        snprintf(wrong, sizeof wrong, "nested deeper than %d", ENC_JSON_DEPTH);
        return fail_at(r, r->at, ENC_RANGE, wrong);
    }
    r->open[r->depth++] = (frame){r->n_stack, *r->at++ == '{'};
    return ENC_OK;
}

static enc_rc read_word(reading *r, const char *word, enc_json_kind kind)
{
    const size_t n = strlen(word);

    if (strncmp((const char *)r->at, word, n) != 0) return unexpected(r, "a value");
    r->at += n;
    return push(r, (enc_json_node){.kind = kind});
}

/* A value, of an array or object only its beginning. */
static enc_rc read_value(reading *r)
{
    skip_blanks(r);
    switch (*r->at) {
    case '[':
    case '{': return open_one(r);
    case '"': return read_text(r);
    case 'n': return read_word(r, "null", ENC_JSON_NULL);
    case 'f': return read_word(r, "false", ENC_JSON_FALSE);
    case 't': return read_word(r, "true", ENC_JSON_TRUE);
    }
    if (*r->at != '-' && !is_digit(*r->at)) return unexpected(r, "a value");
    return read_number(r);
}

static enc_rc read_key(reading *r)
{
    enc_rc rc;

    skip_blanks(r);
    if (*r->at != '"') return unexpected(r, "a key");
    if ((rc = read_text(r))) return rc;
    skip_blanks(r);
    if (*r->at != ':') return unexpected(r, "':'");
    r->at++;
    return ENC_OK;
}

/* From behind a value, or from the beginning of an array or object, to the next value:
 * past all that ends here, a comma and a key. */
static enc_rc read_on(reading *r, bool is_beginning)
{
    enc_rc rc;

    while (r->depth > 0) {
        const bool is_object = r->open[r->depth - 1].is_object;
        skip_blanks(r);
        if (*r->at == (is_object ? '}' : ']')) {
            if ((rc = close_one(r))) return rc;
            r->at++;
            is_beginning = false;
            continue;
        }
        if (!is_beginning && *r->at != ',')
            return unexpected(r, is_object ? "',' or '}'" : "',' or ']'");
        r->at += !is_beginning;
        return is_object ? read_key(r) : ENC_OK;
    }
    return ENC_OK;
}

static enc_rc read_document(reading *r)
{
    enc_rc rc;

    skip_blanks(r);
    if (*r->at != '[' && *r->at != '{') return unexpected(r, "'[' or '{'");
    do {
        const size_t depth = r->depth;
        if ((rc = read_value(r))) return rc;
        if ((rc = read_on(r, r->depth > depth))) return rc;
    } while (r->depth > 0);
    skip_blanks(r);
    if (r->at != r->end) return unexpected(r, "nothing more");
    return settle(r, 0, 0);
}

enc_rc enc_json_read(enc_json *j, enc_bytes text, const char *what, enc_err *e)
{
    uint8_t *copy = enc_mem_alloc(text.n + 1);
    reading r = {.at = copy, .j = j, .text = text, .what = what, .e = e};

    if (copy == NULL) return enc_nomem(e);
    memcpy(copy, text.at, text.n);
    copy[text.n] = '\0';
    r.end = copy + text.n;
    j->texts = (char *)copy;
    enc_rc rc = read_document(&r);
    enc_mem_free(r.stack);
    return rc;
}
