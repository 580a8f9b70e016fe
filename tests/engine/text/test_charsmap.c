/* test_charsmap.c - the precompiled map of tests/data/unigram.model, whole and damaged.
 */
#include "text/charsmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/wr.h"
#include "check.h"
#include "text/base64.h"
#include "text/spm.h"

static const char *find(const enc_charsmap *m, const char *text, size_t *n)
{
    static char out[64];
    enc_bytes to = {NULL, 0};
    *n = enc_charsmap_find(m, (const uint8_t *)text, strlen(text), &to);
    memcpy(out, *n > 0 ? to.at : (const uint8_t *)"", *n > 0 ? to.n : 0);
    out[*n > 0 ? to.n : 0] = '\0';
    return out;
}

static void the_longest_key_counts(enc_bytes blob)
{
    enc_charsmap *m;
    enc_err e;
    size_t n;
    enc_err_clear(&e);
    CHECK_SAY(enc_charsmap_new(&m, blob, "tiny", &e) == ENC_OK, "%s", e.text);
    CHECK(strcmp(find(m, "\xef\xac\x81sh", &n), "fi") == 0 && n == 3);
    CHECK(strcmp(find(m, "e\xcc\x81", &n), "\xc3\xa9") == 0 && n == 3);
    CHECK(strcmp(find(m, "e", &n), "") == 0 && n == 0);
    CHECK(strcmp(find(m, "\xe1\x84\x92\xe1\x85\xa1", &n), "\xed\x95\x98") == 0 && n == 6);
    CHECK(strcmp(find(m, "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", &n), "\xed\x95\x9c") ==
              0 &&
          n == 9);
    CHECK(strcmp(find(m, "\xe2\x80\x8b", &n), "") == 0 && n == 3);
    CHECK(enc_charsmap_keeps(m, 'e') && !enc_charsmap_keeps(m, '\t') &&
          !enc_charsmap_keeps(m, 0xe1));
    enc_wr w, text, back;
    enc_wr_init(&w);
    enc_wr_init(&text);
    enc_wr_init(&back);
    enc_charsmap_write(m, &w);
    CHECK(w.n == blob.n && memcmp(w.at, blob.at, w.n) == 0);
    enc_base64_write(blob, &text);
    CHECK(enc_base64_read((enc_bytes){text.at, text.n}, &back) && back.n == blob.n &&
          memcmp(back.at, blob.at, blob.n) == 0);
    text.at[5] = '-';
    CHECK(!enc_base64_read((enc_bytes){text.at, text.n}, &back));
    CHECK(!enc_base64_read((enc_bytes){text.at, text.n - 1}, &back));
    enc_wr_clear(&w);
    enc_wr_clear(&text);
    enc_wr_clear(&back);
    enc_charsmap_free(m);
}

static void refused(const void *blob, size_t n, const char *says)
{
    enc_charsmap *m;
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_charsmap_new(&m, (enc_bytes){blob, n}, "tiny", &e) == ENC_CORRUPT &&
          m == NULL);
    CHECK_SAY(strstr(e.text, says) != NULL, "%s", e.text);
}

static void damage_is_refused_or_harmless(enc_bytes blob)
{
    uint8_t *copy = malloc(blob.n + 600);
    enc_rng rng = {1};
    refused("", 0, "0 bytes");
    refused("\4\0\0", 3, "of 3");
    refused("\3\0\0\0aaa", 7, "3 bytes");
    refused("\377\377\0\0aaaa", 8, "65535");
    enc_charsmap *none;
    enc_err e_large;
    enc_err_clear(&e_large);
    CHECK(enc_charsmap_new(&none, (enc_bytes){blob.at, ENC_CHARSMAP_MAX + 1}, "tiny",
                           &e_large) == ENC_RANGE);
    CHECK(strcmp(e_large.text,
                 "tiny: the character map has 8388609 bytes, at most 8388608 "
                 "are allowed") == 0);
    memcpy(copy, blob.at, blob.n);
    copy[blob.n - 1] = 'x';
    refused(copy, blob.n, "within a text");
    memset(copy + blob.n, 'x', 600);
    copy[blob.n + 599] = '\0';
    refused(copy, blob.n + 600, "more than 255");
    for (int turn = 0; turn < 20000; turn++) {
        enc_charsmap *m;
        uint8_t text[24];
        enc_bytes to;
        enc_err e;
        enc_err_clear(&e);
        memcpy(copy, blob.at, blob.n);
        for (int k = 0; k < 8; k++)
            copy[4 + enc_rng_below(&rng, (uint32_t)blob.n - 4)] ^=
                (uint8_t)(1u << enc_rng_below(&rng, 8));
        for (size_t k = 0; k < sizeof text; k++)
            text[k] = (uint8_t)enc_rng_below(&rng, 256);
        if (enc_charsmap_new(&m, (enc_bytes){copy, blob.n}, "tiny", &e) == ENC_OK)
            for (size_t k = 0; k < sizeof text; k++)
                if (enc_charsmap_find(m, text + k, sizeof text - k, &to) > 0)
                    CHECK(to.n <= 255);
        enc_charsmap_free(m);
    }
    free(copy);
}

int main(void)
{
    enc_map *map;
    enc_spm s;
    enc_err e;
    enc_err_clear(&e);
    if (enc_map_open(&map, "tests/data/unigram.model", 1 << 20, &e) == ENC_OK) {
        CHECK(enc_spm_read(&s, enc_map_bytes(map), "tiny", &e) == ENC_OK);
        CHECK(s.n > 100 && s.model_type == ENC_SPM_UNIGRAM && s.trims && s.adds_prefix &&
              s.pieces[0].type == ENC_SPM_UNKNOWN && s.pieces[3].type == ENC_SPM_NORMAL);
        the_longest_key_counts(s.charsmap);
        damage_is_refused_or_harmless(s.charsmap);
        enc_spm_clear(&s);
        enc_map_close(map);
    }
    CHECK_SAY(e.rc == ENC_OK, "%s", e.text);
    CHECK(enc_mem_live() == 0);
    return check_done("charsmap");
}
