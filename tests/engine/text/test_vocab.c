/* test_vocab.c - pieces to ids and back, and what is no vocabulary. */
#include "text/vocab.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "check.h"
#include "lib/faults.h"

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
    enc_vocab_free(read(BYTES("a\n\xff\nb\n"), ENC_CORRUPT));
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
    enc_bytes piece = BYTES("a");
    enc_vocab *v;
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_vocab_new(&v, &piece, ENC_VOCAB_MAX + 1, "pieces", &e) == ENC_RANGE);
    CHECK(strcmp(e.text, "pieces has 1048577 pieces, at most 1048576 are allowed") == 0);
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
    CHECK(enc_vocab_find_longest(v, BYTES("####"), (const uint8_t *)"a", 1, &n) == -1);
    /* Nor does a part of a character. */
    CHECK(enc_vocab_find_longest(v, none, (const uint8_t *)"\xea\xb0\x80", 3, &n) == -1);
    enc_vocab_free(v);
}

static enc_vocab *made_of(const char *const *texts, size_t n)
{
    enc_bytes pieces[2];
    enc_vocab *v;
    enc_err e;
    enc_err_clear(&e);
    for (size_t i = 0; i < n; i++)
        pieces[i] = (enc_bytes){(const uint8_t *)texts[i], strlen(texts[i])};
    CHECK(enc_vocab_new(&v, pieces, n, "pieces", &e) == ENC_OK);
    return v;
}

/* The hashes of these agree in all bits that a table of few slots looks at. */
static void pieces_of_one_hash_are_told_apart(void)
{
    static const char *const pairs[][2] = {
        {"acbvq", "nespv"}, {"bell", "yzbseb"}, {"dltona", "##gvld"}};
    const enc_bytes none = {NULL, 0}, hash = BYTES("##");
    for (size_t i = 0; i < 3; i++) {
        const char *other = pairs[i][1];
        const uint8_t *text = (const uint8_t *)other;
        enc_vocab_hit hits[8];
        size_t n = strlen(other), n_taken;
        enc_vocab *v = made_of(pairs[i], 1);
        CHECK(enc_vocab_find(v, other, n) == -1);
        CHECK(enc_vocab_find_all(v, text, n, hits) == 0);
        CHECK(enc_vocab_find_longest(v, none, text, n, &n_taken) == -1);
        CHECK(enc_vocab_find_longest(v, hash, text + 2, n - 2, &n_taken) == -1);
        enc_vocab_free(v);
        v = made_of(pairs[i], 2);
        CHECK(enc_vocab_find(v, pairs[i][0], strlen(pairs[i][0])) == 0);
        CHECK(enc_vocab_find(v, other, n) == 1);
        CHECK(enc_vocab_find_all(v, text, n, hits) == 1 && hits[0].id == 1);
        enc_vocab_free(v);
    }
}

/* Pieces chosen so that all of them have one home in a table of 2048 slots. */
static void chosen_pieces_do_not_make_it_slow(void)
{
    enum { N = 514 };
    static char text[N][8];
    static enc_bytes pieces[N];
    enc_vocab *v;
    enc_err e;
    size_t n = 0;
    for (uint32_t i = 0; n < N; i++) {
        uint64_t h = 0xcbf29ce484222325u;
        for (size_t k = 0; k < 5; k++) {
            text[n][k] = (char)('0' + (i >> 6 * k & 63));
            h = (h ^ (uint8_t)text[n][k]) * 0x100000001b3u;
        }
        h = (h ^ h >> 32) * 0x9e3779b97f4a7c15u;
        pieces[n] = (enc_bytes){(const uint8_t *)text[n], 5};
        n += (h >> 24 & 2047) == 7;
    }
    enc_err_clear(&e);
    CHECK(enc_vocab_new(&v, pieces, N, "pieces", &e) == ENC_CORRUPT && v == NULL);
    CHECK_SAY(strcmp(e.text, "pieces has more than 512 pieces with colliding hashes") ==
                  0,
              "%s", e.text);
    enc_err_clear(&e);
    CHECK(enc_vocab_new(&v, pieces, N - 1, "pieces", &e) == ENC_OK);
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

static enc_rc read_and_free(void *text, enc_err *e)
{
    enc_vocab *v;
    enc_rc rc = enc_vocab_read(&v, *(enc_bytes *)text, "vocab.txt", e);
    enc_vocab_free(v);
    return rc;
}

int main(void)
{
    lines_are_numbered();
    nonsense_is_refused();
    too_many_pieces_are_refused();
    the_longest_piece_wins();
    many_pieces_are_all_found();
    pieces_of_one_hash_are_told_apart();
    chosen_pieces_do_not_make_it_slow();
    CHECK(every_allocation_fails(read_and_free, &BYTES("a\nb\n")) > 3);
    return check_done("vocab");
}
