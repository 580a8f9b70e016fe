/* test_spm.c - SentencePiece models field by field: what is read, what is skipped, and
 * what is refused. */
#include "text/spm.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/map.h"
#include "lib/faults.h"
#include "spm_file.h"

static enc_wr model;

static void start(void)
{
    enc_wr_clear(&model);
    enc_wr_init(&model);
}

/* Reads; `says` is the sentence, "" if it must succeed. */
static enc_spm read_as(const char *says)
{
    enc_spm s;
    enc_err e;
    enc_err_clear(&e);
    enc_rc rc = enc_spm_read(&s, (enc_bytes){model.at, model.n}, "m", &e);
    CHECK_SAY(strcmp(e.text, says) == 0, "\"%s\" instead of \"%s\"", e.text, says);
    CHECK(rc == (says[0] == '\0' ? ENC_OK : ENC_CORRUPT) && rc == e.rc);
    return s;
}

static void refused(const char *says)
{
    enc_spm s = read_as(says);
    enc_spm_clear(&s);
}

static void what_is_absent_has_its_default(void)
{
    start();
    put_bytes(&model, 1,
              (enc_bytes){(const uint8_t *)"\x0a\x01"
                                           "a",
                          3});
    enc_spm s = read_as("");
    CHECK(s.n == 1 && s.pieces[0].type == ENC_SPM_NORMAL && s.pieces[0].score == 0);
    CHECK(s.model_type == ENC_SPM_UNIGRAM && !s.is_suffix && s.adds_prefix && s.trims &&
          s.escapes && s.charsmap.n == 0);
    enc_spm_clear(&s);
}

/* Every field of a known number that is written in another way, and every unknown one. */
static void other_fields_are_skipped(void)
{
    static const uint8_t eight[] = "\1\2\3\4\5\6\7\10";
    start();
    for (uint64_t spec = 1; spec <= 4; spec++) {
        enc_wr inner;
        enc_wr_init(&inner);
        if (spec == 1) put_bytes(&inner, 1, (enc_bytes){(const uint8_t *)"a", 1});
        for (uint64_t field = 1; field <= 25; field++) {
            put_varint(&inner, field << 3 | 1);
            enc_wr_bytes(&inner, eight, 8);
        }
        put_number(&inner, 1, 7);
        put_number(&inner, 2, 7);
        for (uint64_t field = 3; field <= 24; field++) {
            bool is_text = spec == 3 && field == 2;
            if (!is_text) put_bytes(&inner, field, (enc_bytes){eight, 2});
        }
        put_bytes(&model, spec, (enc_bytes){inner.at, inner.n});
        put_number(&model, spec, 1);
        enc_wr_clear(&inner);
    }
    enc_spm s = read_as("");
    CHECK(s.n == 1 && s.pieces[0].type == ENC_SPM_NORMAL && s.pieces[0].score == 0);
    CHECK(s.model_type == ENC_SPM_UNIGRAM && !s.is_suffix && s.adds_prefix && s.trims &&
          s.escapes && s.charsmap.n == 0);
    enc_spm_clear(&s);
}

static void damage_is_named(void)
{
    start();
    refused("m has no pieces");
    put_piece(&model, "", 0, 1);
    refused("m: piece 0 is damaged");
    start();
    put_piece(&model, "a", 0, 1);
    put_piece(&model, "\xff", 0, 1);
    refused("m: piece 1 is damaged");
    start();
    put_piece(&model, "a", -1.0f / 0.0f, 1);
    refused("m: the score of piece 0 is no number");
    start();
    put_varint(&model, 1 << 3 | 3); /* a group, which nobody writes */
    refused("m is no SentencePiece model: damaged 0 bytes before its end");
    start();
    for (int i = 0; i < 11; i++) enc_wr_u8(&model, 0x80); /* a number without an end */
    refused("m is no SentencePiece model: damaged 1 bytes before its end");
    for (uint64_t spec = 2; spec <= 3; spec++) {
        start();
        put_bytes(&model, spec, (enc_bytes){(const uint8_t *)"\x18", 1});
        refused("m is no SentencePiece model: damaged 0 bytes before its end");
    }
}

static void what_is_too_large_is_refused_with_the_limit(void)
{
    static const uint8_t piece[] = {1 << 3 | 2, 3, 1 << 3 | 2, 1, 'a'};
    enc_bytes file = {piece, ENC_SPM_MAX + 1};
    enc_spm s;
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_spm_read(&s, file, "m", &e) == ENC_RANGE);
    CHECK(strcmp(e.text, "m has 67108865 bytes, at most 67108864 are allowed") == 0);
    enc_spm_clear(&s);
    enc_err_clear(&e);
    start();
    for (size_t i = 0; i <= ENC_VOCAB_MAX; i++) enc_wr_bytes(&model, piece, sizeof piece);
    file = (enc_bytes){model.at, model.n};
    CHECK(enc_spm_read(&s, file, "m", &e) == ENC_RANGE);
    CHECK(strcmp(e.text, "m has more than 1048576 pieces") == 0);
    enc_spm_clear(&s);
}

static enc_rc read_and_clear(void *file, enc_err *e)
{
    enc_spm s;
    enc_rc rc = enc_spm_read(&s, *(enc_bytes *)file, "m", e);
    enc_spm_clear(&s);
    return rc;
}

static void a_model_that_ends_early_is_refused(enc_bytes file)
{
    size_t n_read = 0;
    for (size_t n = 0; n < file.n; n++) {
        uint8_t *copy = malloc(n > 0 ? n : 1);
        enc_bytes part = {copy, n};
        enc_err e;
        enc_err_clear(&e);
        memcpy(copy, file.at, n);
        enc_rc rc = read_and_clear(&part, &e);
        n_read += rc == ENC_OK;
        CHECK(rc == ENC_OK || (rc == ENC_CORRUPT && e.text[0] != '\0'));
        free(copy);
    }
    CHECK_SAY(n_read < 300, "%zu of %zu parts are read", n_read,
              file.n); /* whole pieces */
}

int main(void)
{
    enc_map *map;
    enc_err e;
    enc_err_clear(&e);
    enc_wr_init(&model);
    what_is_absent_has_its_default();
    other_fields_are_skipped();
    damage_is_named();
    what_is_too_large_is_refused_with_the_limit();
    if (enc_map_open(&map, "tests/data/unigram.model", 1 << 20, &e) == ENC_OK) {
        enc_bytes file = enc_map_bytes(map);
        a_model_that_ends_early_is_refused(file);
        CHECK(every_allocation_fails(read_and_clear, &file) > 2);
        enc_map_close(map);
    }
    CHECK_SAY(e.rc == ENC_OK, "%s", e.text);
    enc_wr_clear(&model);
    CHECK(enc_mem_live() == 0);
    return check_done("spm");
}
