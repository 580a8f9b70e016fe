/* tok_decode.c - see tok.h: what pieces stand for. */
#include <string.h>

#include "base/utf8.h"
#include "base/wr.h"
#include "text/alphabet.h"
#include "text/tok_parts.h"

static bool begins_with(enc_bytes piece, const char *mark)
{
    size_t n = strlen(mark);
    return n > 0 && piece.n >= n && memcmp(piece.at, mark, n) == 0;
}

/* Characters of alphabet.h back into bytes; any other is itself. */
static void put_bytes(enc_bytes piece, enc_wr *w)
{
    uint32_t c;
    for (size_t at = 0, n; at < piece.n; at += n) {
        n = enc_utf8_decode(piece.at + at, piece.n - at, &c);
        int byte = enc_alphabet_byte(c);
        if (byte >= 0) enc_wr_u8(w, (uint8_t)byte);
        else enc_wr_bytes(w, piece.at + at, n);
    }
}

static void put_marked(enc_bytes piece, enc_wr *w)
{
    const size_t n = sizeof ENC_SPACE_MARK - 1;
    for (size_t at = 0; at < piece.n;) {
        bool is_mark =
            begins_with((enc_bytes){piece.at + at, piece.n - at}, ENC_SPACE_MARK);
        enc_wr_u8(w, is_mark ? ' ' : piece.at[at]);
        at += is_mark ? n : 1;
    }
}

/* The byte that a piece of a Unigram vocabulary spells, or -1. */
static int byte_of(const enc_tok *t, int32_t id)
{
    for (int i = 0; t->spells_unknown && i < 256; i++)
        if (t->bytes[i] == id) return i;
    return -1;
}

/* What a piece stands for, the space before it (or with an end mark, behind it) too. */
static void put_piece(const enc_tok *t, int32_t id, enc_wr *w)
{
    enc_bytes piece = enc_vocab_piece(t->vocab, id);
    const char *suffix = "";
    enc_bpe_rules rules;
    if (t->bpe != NULL) {
        rules = enc_bpe_rules_of(t->bpe);
        suffix = rules.suffix;
    }
    size_t n_suffix = strlen(suffix), n_prefix = strlen(t->prefix);
    bool has_suffix = n_suffix > 0 && piece.n > n_suffix &&
                      memcmp(piece.at + piece.n - n_suffix, suffix, n_suffix) == 0;
    if (enc_tok_find_added(t, id) != NULL) enc_wr_bytes(w, piece.at, piece.n);
    else if (byte_of(t, id) >= 0) enc_wr_u8(w, (uint8_t)byte_of(t, id));
    else if (t->kind == ENC_TOK_WORDPIECE && piece.n > n_prefix &&
             begins_with(piece, t->prefix))
        enc_wr_bytes(w, piece.at + n_prefix, piece.n - n_prefix);
    else if (t->split == ENC_SPLIT_BYTES) put_bytes(piece, w);
    else if (t->split == ENC_SPLIT_MARKED || t->split == ENC_SPLIT_WHOLE)
        put_marked(piece, w);
    else enc_wr_bytes(w, piece.at, has_suffix ? piece.n - n_suffix : piece.n);
    if (has_suffix) enc_wr_u8(w, ' ');
}

void enc_tok_write_piece(const enc_tok *t, int32_t id, enc_wr *out)
{
    enc_wr w;
    enc_wr_init(&w);
    put_piece(t, id, &w);
    bool is_spaced = w.n > 0 && w.at[0] == ' ' && t->kind != ENC_TOK_WORDPIECE;
    if (w.failed) out->failed = true;
    else enc_wr_bytes(out, w.at + is_spaced, w.n - is_spaced);
    enc_wr_clear(&w);
}

bool enc_tok_is_subword(const enc_tok *t, int32_t id)
{
    enc_bytes piece = enc_vocab_piece(t->vocab, id);
    uint32_t c;
    if (t->kind == ENC_TOK_WORDPIECE)
        return piece.n > strlen(t->prefix) && begins_with(piece, t->prefix);
    if (piece.n == 0 || enc_tok_find_added(t, id) != NULL) return false;
    size_t n = enc_utf8_decode(piece.at, piece.n, &c);
    if (t->split == ENC_SPLIT_MARKED || t->split == ENC_SPLIT_WHOLE)
        return enc_utf8_is_word(c);
    if (t->split != ENC_SPLIT_BYTES) return false;
    int byte = enc_alphabet_byte(c);
    if (byte < 0x80) return byte >= 0 && enc_utf8_is_word((uint32_t)byte);
    /* The bytes of one character, or of a part of one. */
    uint8_t bytes[4] = {(uint8_t)byte};
    size_t n_bytes = 1;
    for (size_t at = n; at < piece.n && n_bytes < sizeof bytes; at += n) {
        n = enc_utf8_decode(piece.at + at, piece.n - at, &c);
        if ((byte = enc_alphabet_byte(c)) < 0) break;
        bytes[n_bytes++] = (uint8_t)byte;
    }
    enc_utf8_decode(bytes, n_bytes, &c);
    return c == 0xfffd || enc_utf8_is_word(c);
}

/* Whether a space was put before the text, so that it is none of it. */
static bool puts_space(const enc_tok *t)
{
    const enc_step *mark = enc_tok_mark(t);
    return mark != NULL && (mark->by_white || mark->prepend != ENC_NEVER);
}

char *enc_tok_decode(const enc_tok *t, const int32_t *ids, size_t n, bool skip_special)
{
    enc_wr raw, w;
    bool is_first = true;
    bool is_joined = t->split == ENC_SPLIT_BYTES || t->split == ENC_SPLIT_MARKED ||
                     t->split == ENC_SPLIT_WHOLE ||
                     (t->bpe != NULL && enc_bpe_rules_of(t->bpe).suffix[0] != '\0');
    enc_wr_init(&raw);
    enc_wr_init(&w);
    for (size_t i = 0; i < n; i++) {
        enc_bytes piece = enc_vocab_piece(t->vocab, ids[i]);
        if (piece.n == 0 || (skip_special && enc_tok_is_special(t, ids[i]))) continue;
        bool is_subword = t->kind == ENC_TOK_WORDPIECE && enc_tok_is_subword(t, ids[i]);
        if (!is_first && !is_subword && !is_joined) enc_wr_u8(&raw, ' ');
        if (is_first && is_subword) enc_wr_bytes(&raw, piece.at, piece.n);
        else put_piece(t, ids[i], &raw);
        is_first = false;
    }
    size_t at = raw.n > 0 && raw.at[0] == ' ' && puts_space(t) ? 1 : 0, n_taken;
    for (; at < raw.n; at += n_taken) {
        uint8_t utf8[4];
        uint32_t c;
        n_taken = enc_utf8_decode(raw.at + at, raw.n - at, &c);
        enc_wr_bytes(&w, utf8, enc_utf8_encode(c, utf8));
    }
    enc_wr_u8(&w, '\0');
    if (raw.failed) w.failed = true;
    enc_wr_clear(&raw);
    if (w.failed) enc_wr_clear(&w);
    return (char *)w.at;
}
