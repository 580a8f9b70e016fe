/* test_vocab.c - pieces to ids and back, and what is no vocabulary. */
#include "text/vocab.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "check.h"

#define BYTES(text) ((enc_bytes){(const uint8_t *)(text), sizeof(text) - 1})

static enc_vocab *read(enc_bytes text, enc_rc expected)
{
    enc_vocab *v;
    enc_err e;
    enc_err_clear(&e);
    enc_rc rc = enc_vocab_read(&v, text, "vocab.txt", &e);
    CHECK_SAY(rc == expected && e.rc == rc, "%d instead of %d: %s", (int)rc,
              (int)expected, e.text);
    CHECK((v == NULL) == (rc != ENC_OK));
    return v;
}

static void lines_are_numbered(void)
{
    enc_vocab *v = read(BYTES("a\nbc\r\n\nd\xea\xb0\x80"), ENC_OK);
    CHECK(enc_vocab_size(v) == 4 && enc_vocab_piece_max(v) == 4);
    CHECK(enc_vocab_find(v, "a", 1) == 0 && enc_vocab_find(v, "bc", 2) == 1);
    CHECK(enc_vocab_find(v, "d\xea\xb0\x80", 4) == 3);
    CHECK(enc_vocab_find(v, "", 0) == -1 && enc_vocab_find(v, "b", 1) == -1);
    CHECK(enc_vocab_find(v, "bc\r", 3) == -1 && enc_vocab_find(v, "zzzzzzzz", 8) == -1);
    CHECK(enc_vocab_piece(v, 1).n == 2 && memcmp(enc_vocab_piece(v, 1).at, "bc", 2) == 0);
    CHECK(enc_vocab_piece(v, 2).at == NULL && enc_vocab_piece(v, -1).at == NULL);
    CHECK(enc_vocab_piece(v, 4).at == NULL);
    enc_vocab_free(v);
}

static void nonsense_is_refused(void)
{
    static char line[2 * ENC_PIECE_MAX];
    memset(line, 'x', sizeof line);
    enc_vocab_free(read(BYTES(""), ENC_CORRUPT));
    enc_vocab_free(read((enc_bytes){NULL, 0}, ENC_CORRUPT));
    enc_vocab_free(read(BYTES("\n\n"), ENC_CORRUPT));
    enc_vocab_free(read(BYTES("a\nb\na\n"), ENC_CORRUPT));
    enc_vocab_free(read(BYTES("a\n\xff\n"), ENC_CORRUPT));
    enc_vocab_free(read((enc_bytes){(const uint8_t *)"a\nb\0c\n", 6}, ENC_CORRUPT));
    enc_vocab_free(read((enc_bytes){(uint8_t *)line, ENC_PIECE_MAX}, ENC_OK));
    enc_vocab_free(read((enc_bytes){(uint8_t *)line, ENC_PIECE_MAX + 1}, ENC_CORRUPT));
}

static void too_many_pieces_are_refused(void)
{
    uint8_t *text = enc_mem_alloc(ENC_VOCAB_MAX + 1);
    memset(text, '\n', ENC_VOCAB_MAX + 1);
    text[0] = 'a';
    text[1] = '\n';
    enc_vocab_free(read((enc_bytes){text, ENC_VOCAB_MAX + 1}, ENC_OK));
    text[1] = 'b';
    enc_vocab_free(read((enc_bytes){text, ENC_VOCAB_MAX + 1}, ENC_OK));
    text[0] = '\n';
    text[1] = '\n';
    text[ENC_VOCAB_MAX] = 'a';
    enc_vocab_free(read((enc_bytes){text, ENC_VOCAB_MAX + 1}, ENC_RANGE));
    enc_mem_free(text);
}

static void the_longest_piece_wins(void)
{
    const enc_bytes pieces[] = {BYTES("ab"), BYTES("abcd"), BYTES("##ab"),
                                BYTES("##"), BYTES("\xea"), BYTES("##c")};
    const enc_bytes none = {NULL, 0}, hash = BYTES("##");
    enc_vocab *v;
    size_t n;
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_vocab_new(&v, pieces, 6, "pieces", &e) == ENC_OK);
    CHECK(enc_vocab_find_longest(v, none, (const uint8_t *)"abcde", 5, &n) == 1 &&
          n == 4);
    CHECK(enc_vocab_find_longest(v, none, (const uint8_t *)"abc", 3, &n) == 0 && n == 2);
    CHECK(enc_vocab_find_longest(v, none, (const uint8_t *)"a", 1, &n) == -1 && n == 0);
    CHECK(enc_vocab_find_longest(v, none, (const uint8_t *)"", 0, &n) == -1);
    CHECK(enc_vocab_find_longest(v, hash, (const uint8_t *)"abcd", 4, &n) == 2 && n == 2);
    /* "##" alone covers nothing, so it does not match. */
    CHECK(enc_vocab_find_longest(v, hash, (const uint8_t *)"xyz", 3, &n) == -1);
    /* Nor does a part of a character. */
    CHECK(enc_vocab_find_longest(v, none, (const uint8_t *)"\xea\xb0\x80", 3, &n) == -1);
    enc_vocab_free(v);
}

static void many_pieces_are_all_found(void)
{
    enum { N = 100000 };
    static char text[N][8];
    static enc_bytes pieces[N];
    enc_vocab *v;
    enc_err e;
    int bad = 0;
    enc_err_clear(&e);
    for (int i = 0; i < N; i++)
        pieces[i] = (enc_bytes){(uint8_t *)text[i],
                                (size_t)snprintf(text[i], sizeof text[i], "%x", i * 16)};
    CHECK(enc_vocab_new(&v, pieces, N, "pieces", &e) == ENC_OK);
    for (int i = 0; i < N; i++)
        if (enc_vocab_find(v, text[i], pieces[i].n) != i) bad++;
    CHECK(bad == 0 && enc_vocab_find(v, "1", 1) == -1);
    enc_vocab_free(v);
}

static void no_memory_leaves_nothing(void)
{
    for (size_t nth = 1; nth < 20; nth++) {
        enc_vocab *v;
        enc_err e;
        enc_err_clear(&e);
        enc_mem_fault(nth, false);
        enc_rc rc = enc_vocab_read(&v, BYTES("a\nb\n"), "vocab.txt", &e);
        enc_mem_fault(0, false);
        CHECK(rc == (v == NULL ? ENC_NOMEM : ENC_OK));
        enc_vocab_free(v);
        CHECK(enc_mem_live() == 0);
        if (rc == ENC_OK) {
            CHECK(nth > 3);
            return;
        }
    }
    CHECK_SAY(false, "more than twenty allocations for two pieces");
}

int main(void)
{
    lines_are_numbered();
    nonsense_is_refused();
    too_many_pieces_are_refused();
    the_longest_piece_wins();
    many_pieces_are_all_found();
    no_memory_leaves_nothing();
    return check_done("vocab");
}
