/* tok_cut.c - the vocabulary of a tokenizer.json, taken out before the rest is parsed.
 *
 * Nearly all of a tokenizer.json is one object of tens of thousands of pieces and ids,
 *
 *     {..., "model": {..., "vocab": {"[PAD]": 0, "!": 1, "\uac00": 2, ...}, ...}}
 *
 * and a parser that makes a tree of it takes seven times as long as all else there is to
 * opening a tokenizer. Here it is read straight into an array. Only the plain form is
 * understood: anything else - an escape that such files do not have, an id that is no
 * small integer, a piece twice, bytes that are no UTF-8 - and nothing is taken, so that
 * the parser reads all of it and finds the words for what is wrong. */
#include "text/tok_parts.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/utf8.h"

typedef struct cursor { /* in a copy of the file, where the pieces will stay */
    uint8_t *at, *end;
} cursor;

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void skip_blanks(cursor *c)
{
    while (c->at < c->end && is_blank(*c->at)) c->at++;
}

/* Moves past blanks and this byte; false if it is another. */
static bool take(cursor *c, char wanted)
{
    skip_blanks(c);
    if (c->at == c->end || *c->at != (uint8_t)wanted) return false;
    c->at++;
    return true;
}

/* Moves past the rest of a string, without looking at what is in it. */
static void skip_string(cursor *c)
{
    while (c->at < c->end && *c->at != '"')
        c->at += *c->at == '\\' && c->end - c->at > 1 ? 2 : 1;
    if (c->at < c->end) c->at++;
}

/* Moves to the value of a key of the innermost object, if it is that of "model" and then
 * of "vocab"; false if there is none. Whether the brackets match is for the parser. */
static bool find_vocab(cursor *c)
{
    size_t depth = 0;
    bool in_model = false;
    while (c->at < c->end) {
        uint8_t byte = *c->at++;
        if (byte == '{' || byte == '[') depth++;
        if ((byte == '}' || byte == ']') && depth-- == 0) return false;
        if (byte != '"') continue;
        const uint8_t *key = c->at;
        skip_string(c);
        size_t n = (size_t)(c->at - key);
        if (depth > 2 || !take(c, ':')) continue;
        if (depth == 1) in_model = n == 6 && memcmp(key, "model\"", n) == 0;
        else if (in_model && n == 6 && memcmp(key, "vocab\"", n) == 0) return true;
    }
    return false;
}

/* The character that a backslash and what follows stand for; 0: not one we know. */
static uint32_t take_escape(cursor *c)
{
    uint32_t code = 0;
    if (c->end - c->at < 6) return 0;
    uint8_t kind = *c->at++;
    if (kind == '"' || kind == '\\' || kind == '/') return kind;
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
    for (*id = 0; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
        *id = *id * 10 + (size_t)(*c->at - '0');
        if (*id >= ENC_VOCAB_MAX) return false;
    }
    return c->at > first && (*first != '0' || c->at == first + 1);
}

static bool put(enc_tok_cut *cut, size_t id, enc_bytes piece)
{
    enc_bytes *place = enc_tok_cut_place(cut, id);
    cut->failed = place == NULL;
    if (place == NULL || place->n > 0 || piece.n == 0) return false;
    *place = piece;
    return true;
}

/* Reads the whole object. */
static bool take_vocab(cursor *c, enc_tok_cut *cut)
{
    if (!take(c, '{')) return false;
    do {
        enc_bytes piece;
        size_t id;
        if (!take_text(c, &piece) || !take(c, ':') || !take_id(c, &id) ||
            !put(cut, id, piece))
            return false;
    } while (take(c, ','));
    return take(c, '}');
}

/* The file without what was read, which ended at `end` of the copy. */
static bool make_rest(enc_tok_cut *cut, enc_bytes text, size_t n_before, size_t end)
{
    cut->n_rest = n_before + 2 + (text.n - end);
    cut->rest = enc_mem_alloc(cut->n_rest);
    if (cut->rest == NULL) return false;
    memcpy(cut->rest, text.at, n_before);
    memcpy(cut->rest + n_before, "{}", 2);
    memcpy(cut->rest + n_before + 2, text.at + end, text.n - end);
    return true;
}

enc_rc enc_tok_cut_open(enc_tok_cut *cut, enc_bytes text, enc_err *e)
{
    *cut = (enc_tok_cut){.text = enc_mem_alloc(text.n)};
    if (cut->text == NULL) return enc_nomem(e);
    memcpy(cut->text, text.at, text.n);
    cursor c = {cut->text, cut->text + text.n};
    if (find_vocab(&c)) {
        size_t n_before = (size_t)(c.at - cut->text);
        if (take_vocab(&c, cut))
            cut->failed = !make_rest(cut, text, n_before, (size_t)(c.at - cut->text));
    }
    enc_rc rc = cut->failed ? enc_nomem(e) : ENC_OK;
    if (cut->rest == NULL) enc_tok_cut_close(cut);
    return rc;
}

enc_bytes *enc_tok_cut_place(enc_tok_cut *cut, size_t id)
{
    void *pieces = cut->pieces;
    bool ok = enc_mem_reserve(&pieces, &cut->cap_pieces, id + 1, sizeof *cut->pieces);
    cut->pieces = pieces;
    if (!ok) return NULL;
    for (; cut->n_pieces <= id; cut->n_pieces++)
        cut->pieces[cut->n_pieces] = (enc_bytes){NULL, 0};
    return cut->pieces + id;
}

void enc_tok_cut_close(enc_tok_cut *cut)
{
    enc_mem_free(cut->text);
    enc_mem_free(cut->rest);
    enc_mem_free(cut->pieces);
    *cut = (enc_tok_cut){0};
}
