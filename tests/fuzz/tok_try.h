/* tok_try.h - what must hold of any tokenizer and any text. */
#ifndef TOK_TRY_H
#define TOK_TRY_H

#include "fuzz.h"

#include "base/limits.h"
#include "base/wr.h"
#include "text/chunk.h"
#include "text/tok.h"

/* Tokens are pieces of the vocabulary, in order, and lie within their text. */
static inline void try_tokens(const enc_tok *t, const enc_tokens *ts, enc_bytes a,
                              enc_bytes b)
{
    size_t n_vocab = enc_vocab_size(enc_tok_vocab(t));
    uint32_t before[2] = {0, 0};
    bool is_second = false;

    for (size_t i = 0; i < ts->n; i++) {
        const enc_token *k = &ts->at[i];
        FUZZ_CLAIM(k->id >= 0 && (size_t)k->id < n_vocab);
        if (k->is_special) continue;
        if (k->start < before[0])
            is_second = true; /* RoBERTa's pairs are all segment 0 */
        is_second |= k->segment == 1;
        FUZZ_CLAIM(k->start <= k->end);
        FUZZ_CLAIM(k->end <= (a.n > b.n ? a.n : b.n));
        if (b.at == NULL) FUZZ_CLAIM(k->start >= before[0]);
        before[0] = is_second ? before[0] : k->start;
    }
}

static inline void try_encode(const enc_tok *t, enc_bytes a, enc_bytes b, size_t max,
                              bool special, enc_tokens *out)
{
    enc_err e;
    enc_rc rc;

    enc_err_clear(&e);
    rc = enc_tok_encode(t, a, b, max, special, out, &e);
    fuzz_answer(rc, &e);
    if (rc != ENC_OK) {
        out->n = 0;
        return;
    }
    if (max > 0) FUZZ_CLAIM(out->n <= max);
    try_tokens(t, out, a, b);
}

static inline void try_decode(const enc_tok *t, const enc_tokens *ts)
{
    int32_t ids[64];
    size_t n = ts->n < 64 ? ts->n : 64;
    char *text;

    for (size_t i = 0; i < n; i++) ids[i] = ts->at[i].id;
    for (int skip = 0; skip < 2; skip++) {
        text = enc_tok_decode(t, ids, n, skip);
        FUZZ_CLAIM(text != NULL);
        fuzz_touch(text, strlen(text));
        enc_mem_free(text);
    }
    for (size_t i = 0; i < n; i++) {
        enc_tok_is_special(t, ids[i]);
        enc_tok_is_subword(t, ids[i]);
    }
}

/* Chunks are stretches of the text, in order. */
static inline void try_chunks(const enc_tok *t, enc_bytes text, size_t size,
                              enc_tokens *scratch)
{
    enc_chunks c = {NULL, 0, 0};
    size_t start = 0, end = 0;
    enc_err e;

    enc_err_clear(&e);
    enc_rc rc = enc_chunks_cut(t, text, size, size / 3, &c, scratch, &e);
    fuzz_answer(rc, &e);
    for (size_t i = 0; rc == ENC_OK && i < c.n; i++) {
        FUZZ_CLAIM(c.at[i].start < c.at[i].end && c.at[i].end <= text.n);
        FUZZ_CLAIM(i == 0 || (c.at[i].start > start && c.at[i].end > end));
        start = c.at[i].start;
        end = c.at[i].end;
    }
    enc_chunks_clear(&c);
}

static inline bool try_visit(void *arg, const enc_word *word, const enc_piece *pieces,
                             size_t n)
{
    size_t *n_words = arg;

    fuzz_touch(word->bytes, word->n_bytes);
    FUZZ_CLAIM(n >= 1);
    for (size_t i = 0; i < n; i++) FUZZ_CLAIM(pieces[i].start <= pieces[i].end);
    ++*n_words;
    return *n_words < 1000;
}

/* A text by a tokenizer, in every way there is. */
static inline void try_text(const enc_tok *t, enc_bytes text)
{
    enc_bytes half = {text.at, text.n / 2};
    enc_tokens ts;
    size_t n_words = 0;
    enc_err e;

    if (text.at == NULL) text.at = half.at = (const uint8_t *)"";
    enc_tokens_init(&ts);
    try_encode(t, text, (enc_bytes){NULL, 0}, 0, false, &ts);
    try_encode(t, text, half, 9, true, &ts);
    try_encode(t, text, (enc_bytes){NULL, 0}, 0, true, &ts);
    try_decode(t, &ts);
    try_chunks(t, text, 1 + text.n % 7, &ts);
    enc_err_clear(&e);
    fuzz_answer(enc_tok_walk(t, text, try_visit, &n_words, &e), &e);
    enc_tokens_clear(&ts);
}

/* Whether two tokenizers make the same of a text. */
static inline void try_same(const enc_tok *s, const enc_tok *t, enc_bytes text)
{
    enc_tokens a, b;

    if (text.at == NULL) text.at = (const uint8_t *)"";
    enc_tokens_init(&a);
    enc_tokens_init(&b);
    try_encode(s, text, (enc_bytes){NULL, 0}, 0, true, &a);
    try_encode(t, text, (enc_bytes){NULL, 0}, 0, true, &b);
    FUZZ_CLAIM(a.n == b.n);
    for (size_t i = 0; i < a.n; i++) FUZZ_CLAIM(a.at[i].id == b.at[i].id);
    enc_tokens_clear(&a);
    enc_tokens_clear(&b);
}

/* The tokenizer.json that it writes is the same tokenizer. */
static inline void try_again(const enc_tok *t, enc_bytes text)
{
    enc_tok_files files = {.vocab_txt = {NULL, 0}};
    enc_tok *other;
    enc_wr w;
    enc_err e;

    enc_wr_init(&w);
    enc_tok_write_json(t, &w);
    FUZZ_CLAIM(!w.failed);
    files.tokenizer_json = (enc_bytes){w.at, w.n};
    enc_err_clear(&e);
    enc_rc rc = enc_tok_open(&other, &files, &e);
    if (rc != ENC_OK) fprintf(stderr, "%s\n%.*s\n", e.text, (int)w.n, (const char *)w.at);
    FUZZ_CLAIM(rc == ENC_OK);
    try_same(t, other, text);
    enc_tok_close(other);
    enc_wr_clear(&w);
}

/* Files of a tokenizer, and a text. */
static inline void try_files(const enc_tok_files *files, enc_bytes text)
{
    enc_tok *t;
    enc_err e;
    enc_rc rc;

    enc_err_clear(&e);
    rc = enc_tok_open(&t, files, &e);
    fuzz_answer(rc, &e);
    FUZZ_CLAIM((t != NULL) == (rc == ENC_OK));
    if (rc == ENC_OK) {
        try_text(t, text);
        try_again(t, text);
    }
    enc_tok_close(t);
    FUZZ_CLAIM(enc_mem_live() == 0);
}

#endif
