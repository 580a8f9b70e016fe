/* tok_cut.c - the vocabulary of a tokenizer.json, taken out before the rest is parsed.
 *
 * Nearly all of a tokenizer.json is a list of tens of thousands of pieces, and for BPE
 * one of as many merges,
 *
 *     {..., "model": {..., "vocab": {"[PAD]": 0, "!": 1, "\uac00": 2, ...}, ...}}
 *     {..., "model": {..., "vocab": [["<s>", 0.0], [".", -3.6], ...], ...}}
 *     {..., "model": {..., "vocab": {...}, "merges": ["h e", ["l", "l"], ...], ...}}
 *
 * and a parser that makes a tree of it takes about as long as all else there is to
 * opening a tokenizer. Here it is read straight into arrays. Only the plain form is
 * understood: anything else - an escape that such files do not have, an id that is no
 * small integer, a piece twice, bytes that are no UTF-8 - and nothing is taken, so that
 * the parser reads all of it and finds the words for what is wrong. */
#include "text/tok_parts.h"

#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/wr.h"

#define DIGITS_MAX   40 /* of a score, before or behind the point */
#define EXPONENT_MAX 27 /* of ten: what the 64 bits of a long double hold */

typedef struct cursor { /* in a copy of the file, where the pieces will stay */
    uint8_t *at, *end;
} cursor;

/* The next byte; 0 at the end. */
static uint8_t peek(const cursor *c)
{
    return c->at < c->end ? *c->at : 0;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void skip_blanks(cursor *c)
{
    while (is_blank(peek(c))) c->at++;
}

/* Moves past this byte; false if it is another. */
static bool take_byte(cursor *c, char wanted)
{
    if (peek(c) != (uint8_t)wanted) return false;
    c->at++;
    return true;
}

/* Moves past blanks and this byte; false if it is another. */
static bool take(cursor *c, char wanted)
{
    skip_blanks(c);
    return take_byte(c, wanted);
}

/* Moves past the rest of a string, without looking at what is in it. */
static void skip_string(cursor *c)
{
    while (c->at < c->end && *c->at != '"')
        c->at += *c->at == '\\' && c->end - c->at > 1 ? 2 : 1;
    if (c->at < c->end) c->at++;
}

enum { NOTHING, VOCAB, MERGES };

/* Where in the nesting the cursor is. */
typedef struct nesting {
    size_t depth;
    bool in_model;
} nesting;

/* Moves to the value of the next "vocab" or "merges" of "model", and says which; NOTHING:
 * there is none. Whether the brackets match is for the parser. */
static int find_part(cursor *c, nesting *in)
{
    while (c->at < c->end) {
        uint8_t byte = *c->at++;
        if (byte == '{' || byte == '[') in->depth++;
        if ((byte == '}' || byte == ']') && in->depth-- == 0) return NOTHING;
        if (byte != '"') continue;
        const uint8_t *key = c->at;
        skip_string(c);
        size_t n = (size_t)(c->at - key);
        if (in->depth > 2 || !take(c, ':')) continue;
        if (in->depth == 1) in->in_model = n == 6 && memcmp(key, "model\"", n) == 0;
        else if (!in->in_model) continue;
        else if (n == 6 && memcmp(key, "vocab\"", n) == 0) return VOCAB;
        else if (n == 7 && memcmp(key, "merges\"", n) == 0) return MERGES;
    }
    return NOTHING;
}

/* The character that a backslash and what follows stand for; 0: not one we know. */
static uint32_t take_escape(cursor *c)
{
    static const char short_ones[] = "n\nt\tr\rb\bf\f";
    uint32_t code = 0;
    if (c->end - c->at < 6) return 0;
    uint8_t kind = *c->at++;
    if (kind == '"' || kind == '\\' || kind == '/') return kind;
    for (size_t i = 0; i + 1 < sizeof short_ones; i += 2)
        if (kind == short_ones[i]) return (uint8_t)short_ones[i + 1];
    if (kind != 'u') return 0;
    for (int i = 0; i < 4; i++) {
        uint8_t digit = *c->at++, letter = digit | 0x20;
        if (digit >= '0' && digit <= '9') code = code << 4 | (uint32_t)(digit - '0');
        else if (letter >= 'a' && letter <= 'f')
            code = code << 4 | (uint32_t)(letter - 'a' + 10);
        else return 0;
    }
    return code >= 0xd800 && code < 0xe000 ? 0 : code;
}

/* The text of a string, written over the string itself; false if it is not plain. */
static bool take_text(cursor *c, enc_bytes *text)
{
    if (!take(c, '"')) return false;
    uint8_t *to = c->at;
    text->at = to;
    while (c->at < c->end && *c->at != '"') {
        const uint8_t *from = c->at;
        uint32_t code;
        c->at += enc_utf8_decode(from, (size_t)(c->end - from), &code);
        bool is_invalid = code == 0xfffd && (*from != 0xef || c->at - from != 3);
        if (code < ' ' || is_invalid) return false;
        if (code == '\\' && (code = take_escape(c)) == 0) return false;
        to += enc_utf8_encode(code, to);
    }
    text->n = (size_t)(to - text->at);
    return take(c, '"');
}

static bool take_id(cursor *c, size_t *id)
{
    skip_blanks(c);
    const uint8_t *first = c->at;
    for (*id = 0; is_digit(peek(c)); c->at++) {
        *id = *id * 10 + (size_t)(*c->at - '0');
        if (*id >= ENC_VOCAB_MAX) return false;
    }
    return c->at > first && (*first != '0' || c->at == first + 1);
}

static bool put(enc_tok_cut *cut, size_t id, enc_bytes piece)
{
    if (piece.n == 0 || enc_tok_cut_at(cut, id).n > 0) return false;
    enc_tok_cut_put(cut, id, piece);
    return true;
}

/* Ten to the power of n <= EXPONENT_MAX, which is exact. */
static long double power_of_ten(unsigned n)
{
    long double power = 1;
    while (n-- > 0) power *= 10;
    return power;
}

/* Digits into *value; how many, 0 also if 64 bits do not hold them. */
static unsigned take_digits(cursor *c, uint64_t *value)
{
    unsigned n = 0;
    for (; is_digit(peek(c)); c->at++, n++) {
        if (*value > (UINT64_MAX - 9) / 10 || n == DIGITS_MAX) return 0;
        *value = *value * 10 + (uint64_t)(*c->at - '0');
    }
    return n;
}

/* Whether a double is as near to the number as its neighbour: then its 64 bits, which
 * were rounded, do not tell which is nearer. */
static bool is_halfway(long double value, double rounded)
{
    long double rest = value - (long double)rounded,
                other = (long double)rounded + 2 * rest;
    return rest != 0 && other == (long double)(double)other;
}

/* The number at[0..n), by the parser. */
static bool parse_score(const uint8_t *at, size_t n, double *score)
{
    enc_json *json;
    enc_wr text;
    enc_wr_init(&text);
    enc_wr_format(&text, "[%.*s]", (int)n, (const char *)at);
    bool ok = enc_json_open(&json, (enc_bytes){text.at, text.n}, "", NULL) == ENC_OK;
    if (ok) *score = enc_json_number(enc_json_at(enc_json_root(json), 0));
    enc_json_close(json);
    enc_wr_clear(&text);
    return ok;
}

/* What stands behind the e of a number, if there is one; false: not a small integer. */
static bool take_exponent(cursor *c, long *exponent)
{
    uint64_t power = 0;
    *exponent = 0;
    if ((peek(c) | 0x20) != 'e') return true;
    c->at++;
    bool is_small = take_byte(c, '-');
    if (!is_small) take_byte(c, '+');
    unsigned n = take_digits(c, &power);
    *exponent = is_small ? -(long)power : (long)power;
    return n > 0 && n < 4;
}

/* A score. What is rounded is one quotient or product of exact numbers. */
static bool take_score(cursor *c, double *score)
{
    uint64_t digits = 0;
    long exponent;
    skip_blanks(c);
    const uint8_t *from = c->at;
    bool is_negative = take_byte(c, '-');
    const uint8_t *first = c->at;
    unsigned n_whole = take_digits(c, &digits), n_part = 0;
    if (n_whole == 0 || (*first == '0' && n_whole > 1)) return false;
    if (take_byte(c, '.') && (n_part = take_digits(c, &digits)) == 0) return false;
    if (!take_exponent(c, &exponent)) return false;
    exponent -= (long)n_part;
    if (exponent > EXPONENT_MAX || exponent < -EXPONENT_MAX) return false;
    long double value = (long double)digits;
    if (exponent < 0) value /= power_of_ten((unsigned)-exponent);
    else value *= power_of_ten((unsigned)exponent);
    *score = (double)(is_negative ? -value : value);
    if (is_halfway(is_negative ? -value : value, *score))
        return parse_score(from, (size_t)(c->at - from), score);
    return true;
}

/* {"piece": id, ...}, behind the brace. */
static bool take_ids(cursor *c, enc_tok_cut *cut)
{
    do {
        enc_bytes piece;
        size_t id;
        if (!take_text(c, &piece) || !take(c, ':') || !take_id(c, &id) ||
            !put(cut, id, piece))
            return false;
    } while (take(c, ','));
    return take(c, '}');
}

/* [["piece", score], ...], behind the bracket. */
static bool take_scores(cursor *c, enc_tok_cut *cut)
{
    do {
        enc_bytes piece;
        double score;
        size_t id = cut->n_pieces;
        if (!take(c, '[') || !take_text(c, &piece) || !take(c, ',') ||
            !take_score(c, &score) || !take(c, ']') || !put(cut, id, piece))
            return false;
        enc_tok_cut_score(cut, id, score);
    } while (take(c, ','));
    return take(c, ']');
}

/* "left right", or ["left", "right"]. */
static bool take_merge(cursor *c, enc_pair *pair)
{
    if (take(c, '['))
        return take_text(c, &pair->left) && take(c, ',') && take_text(c, &pair->right) &&
               take(c, ']');
    return take_text(c, &pair->left) && enc_tok_cut_pair(pair->left, pair);
}

/* ["left right", ...], behind the bracket. */
static bool take_merges(cursor *c, enc_tok_cut *cut)
{
    enc_pair pair;
    if (take(c, ']')) return true;
    do {
        if (!take_merge(c, &pair)) return false;
        enc_tok_cut_merge(cut, pair);
    } while (take(c, ','));
    return take(c, ']');
}

/* Takes the part at the cursor, and says what stands for it in the rest; NULL: not plain,
 * or a second one. */
static const char *take_part(cursor *c, int part, enc_tok_cut *cut)
{
    if (part == MERGES)
        return cut->n_merges == 0 && take(c, '[') && take_merges(c, cut) ? "[]" : NULL;
    if (cut->n_pieces > 0) return NULL;
    if (take(c, '{')) return take_ids(c, cut) ? "{}" : NULL;
    return take(c, '[') && take_scores(c, cut) ? "[]" : NULL;
}

/* Takes all parts; what is left of the text goes into *rest. False: not plain. */
static bool take_parts(enc_tok_cut *cut, enc_bytes text, enc_wr *rest)
{
    cursor c = {cut->text, cut->text + text.n};
    nesting in = {0, false};
    size_t done = 0; /* bytes of the text that are dealt with */
    for (int part; (part = find_part(&c, &in)) != NOTHING;) {
        size_t from = (size_t)(c.at - cut->text);
        const char *stands = take_part(&c, part, cut);
        if (stands == NULL) return false;
        enc_wr_bytes(rest, text.at + done, from - done);
        enc_wr_text(rest, stands);
        done = (size_t)(c.at - cut->text);
    }
    enc_wr_bytes(rest, text.at + done, text.n - done);
    return done > 0;
}

enc_rc enc_tok_cut_open(enc_tok_cut *cut, enc_bytes text, enc_err *e)
{
    enc_wr rest;
    *cut = (enc_tok_cut){.text = enc_mem_alloc(text.n)};
    if (cut->text == NULL) return enc_nomem(e);
    memcpy(cut->text, text.at, text.n);
    enc_wr_init(&rest);
    bool is_taken = take_parts(cut, text, &rest);
    enc_rc rc = cut->failed || rest.failed ? enc_nomem(e) : ENC_OK;
    cut->rest = rest.at;
    cut->n_rest = rest.n;
    if (rc != ENC_OK || !is_taken) enc_tok_cut_close(cut);
    return rc;
}

enc_rc enc_tok_cut_vocab(enc_tok_cut *cut, enc_bytes text, enc_err *e)
{
    *cut = (enc_tok_cut){.text = enc_mem_alloc(text.n)};
    if (cut->text == NULL) return enc_nomem(e);
    memcpy(cut->text, text.at, text.n);
    cursor c = {cut->text, cut->text + text.n};
    bool ok = take(&c, '{') && take_ids(&c, cut);
    skip_blanks(&c);
    ok = ok && c.at == c.end;
    enc_rc rc = cut->failed ? enc_nomem(e) : ENC_OK;
    if (!ok) enc_tok_cut_close(cut);
    return rc;
}

/* Makes room for `need` elements of one of the arrays; false: there was no memory. */
static bool reserve(enc_tok_cut *cut, void **array, size_t *cap, size_t need, size_t size)
{
    cut->failed = cut->failed || !enc_mem_reserve(array, cap, need, size);
    return !cut->failed;
}

void enc_tok_cut_put(enc_tok_cut *cut, size_t id, enc_bytes piece)
{
    void *pieces = cut->pieces;
    if (!reserve(cut, &pieces, &cut->cap_pieces, id + 1, sizeof *cut->pieces)) return;
    cut->pieces = pieces;
    while (cut->n_pieces <= id) cut->pieces[cut->n_pieces++] = (enc_bytes){NULL, 0};
    cut->pieces[id] = piece;
}

void enc_tok_cut_score(enc_tok_cut *cut, size_t id, double score)
{
    void *scores = cut->scores;
    if (!reserve(cut, &scores, &cut->cap_scores, id + 1, sizeof *cut->scores)) return;
    cut->scores = scores;
    while (cut->n_scores <= id) cut->scores[cut->n_scores++] = ENC_UNIGRAM_NEVER;
    cut->scores[id] = score;
}

void enc_tok_cut_merge(enc_tok_cut *cut, enc_pair pair)
{
    void *merges = cut->merges;
    if (!reserve(cut, &merges, &cut->cap_merges, cut->n_merges + 1, sizeof pair)) return;
    cut->merges = merges;
    cut->merges[cut->n_merges++] = pair;
}

enc_bytes enc_tok_cut_at(const enc_tok_cut *cut, size_t id)
{
    return id < cut->n_pieces ? cut->pieces[id] : (enc_bytes){NULL, 0};
}

bool enc_tok_cut_pair(enc_bytes line, enc_pair *pair)
{
    const uint8_t *space = line.n > 0 ? memchr(line.at, ' ', line.n) : NULL;
    if (space == NULL) return false;
    size_t n = (size_t)(space - line.at);
    *pair = (enc_pair){{line.at, n}, {space + 1, line.n - n - 1}};
    return n > 0 && pair->right.n > 0 && memchr(space + 1, ' ', pair->right.n) == NULL;
}

void enc_tok_cut_close(enc_tok_cut *cut)
{
    enc_mem_free(cut->text);
    enc_mem_free(cut->rest);
    enc_mem_free(cut->pieces);
    enc_mem_free(cut->scores);
    enc_mem_free(cut->merges);
    *cut = (enc_tok_cut){0};
}
