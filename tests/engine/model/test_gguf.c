/* GGUF: keys and tensors as they were written; what a file may not do, and what it says.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "check.h"
#include "gguf_file.h"
#include "lib/faults.h"
#include "model/gguf.h"

/* Opens a copy that ends where its memory ends. */
static enc_rc open_exactly(const void *bytes, size_t n, enc_gguf **out, uint8_t **copy,
                           enc_err *e)
{
    *out = NULL;
    *copy = malloc(n > 0 ? n : 1);
    if (*copy == NULL) return ENC_NOMEM;
    if (n > 0) memcpy(*copy, bytes, n);
    enc_err_clear(e);
    return enc_gguf_open(out, (enc_bytes){*copy, n}, "f", e);
}

/* A file with a key of every type and three tensors. */
static void make(enc_wr *w)
{
    head(w, 3, 3, 17);
    key(w, "u8", U8), enc_wr_u8(w, 200);
    key(w, "i8", I8), enc_wr_u8(w, 200);
    key(w, "u16", U16), enc_wr_u16(w, 60000);
    key(w, "i16", I16), enc_wr_u16(w, 60000);
    key(w, "u32", U32), enc_wr_u32(w, 4000000000u);
    key(w, "i32", I32), enc_wr_u32(w, 4000000000u);
    key(w, "f32", F32), enc_wr_f32(w, 0.5f);
    key(w, "bool", BOOL), enc_wr_u8(w, 1);
    key(w, "text", TEXT), text(w, "ab");
    key(w, "u64", U64), enc_wr_u64(w, 1ull << 40);
    key(w, "i64", I64), enc_wr_u64(w, (uint64_t)-5);
    key(w, "f64", F64), enc_wr_u64(w, 0x4004000000000000); /* 2.5 */
    key(w, "texts", ARRAY), enc_wr_u32(w, TEXT), enc_wr_u64(w, 3);
    text(w, "one"), text(w, ""), text(w, "three");
    key(w, "numbers", ARRAY), enc_wr_u32(w, I16), enc_wr_u64(w, 2);
    enc_wr_u16(w, 7), enc_wr_u16(w, (uint16_t)-7);
    key(w, "blob", ARRAY), enc_wr_u32(w, U8), enc_wr_u64(w, 2);
    enc_wr_u8(w, 1), enc_wr_u8(w, 2);
    key(w, "nested", ARRAY), enc_wr_u32(w, ARRAY), enc_wr_u64(w, 2);
    for (int i = 0; i < 2; i++) enc_wr_u32(w, U8), enc_wr_u64(w, 1), enc_wr_u8(w, 9);
    key(w, "general.alignment", U32), enc_wr_u32(w, 64);
    tensor(w, "zeta", 2, 3, 0, 128);
    tensor(w, "alpha", 2, 32, 8, 0); /* Q8_0 */
    tensor(w, "mid", 1, 256, 12, 192);
    data(w, 64, 192 + 144);
}

static double number(const enc_gguf *g, const char *name)
{
    double v = 1e9;

    return enc_gguf_number(g, name, &v) ? v : -1e9;
}

static bool is(enc_bytes b, const char *s)
{
    return b.at != NULL && b.n == strlen(s) && memcmp(b.at, s, b.n) == 0;
}

static void keys_have_their_values(void)
{
    enc_gguf_list list;
    uint8_t *copy;
    enc_gguf *g;
    enc_err e;
    enc_wr w;

    make(&w);
    CHECK_SAY(open_exactly(w.at, w.n, &g, &copy, &e) == ENC_OK, "%s", e.text);
    CHECK(number(g, "u8") == 200 && number(g, "i8") == -56);
    CHECK(number(g, "u16") == 60000 && number(g, "i16") == -5536);
    CHECK(number(g, "u32") == 4e9 && number(g, "i32") == -294967296);
    CHECK(number(g, "f32") == 0.5 && number(g, "bool") == 1);
    CHECK(number(g, "u64") == 1099511627776.0 && number(g, "i64") == -5);
    CHECK(number(g, "f64") == 2.5);
    CHECK(number(g, "text") == -1e9 && number(g, "numbers") == -1e9);
    CHECK(number(g, "absent") == -1e9 && number(g, "") == -1e9);
    CHECK(is(enc_gguf_text(g, "text"), "ab") && enc_gguf_text(g, "u8").at == NULL);
    CHECK(is(enc_gguf_blob(g, "blob"), "\1\2") && enc_gguf_blob(g, "numbers").at == NULL);
    CHECK(!enc_gguf_numbers(g, "texts", &list) && !enc_gguf_texts(g, "text", &list));
    CHECK(!enc_gguf_texts(g, "nested", &list) && !enc_gguf_numbers(g, "nested", &list));
    CHECK(enc_gguf_texts(g, "texts", &list) && list.n == 3);
    CHECK(is(enc_gguf_next_text(&list), "one"));
    CHECK(enc_gguf_next_text(&list).n == 0);
    CHECK(is(enc_gguf_next_text(&list), "three"));
    CHECK(enc_gguf_numbers(g, "numbers", &list) && list.n == 2);
    CHECK(enc_gguf_next_number(&list) == 7 && enc_gguf_next_number(&list) == -7);
    enc_gguf_close(g);
    enc_gguf_close(NULL);
    free(copy);
    enc_wr_clear(&w);
}

static void tensors_lie_where_they_say(void)
{
    const enc_tensor *t;
    uint8_t *copy;
    enc_gguf *g;
    enc_err e;
    enc_wr w;

    make(&w);
    CHECK_SAY(open_exactly(w.at, w.n, &g, &copy, &e) == ENC_OK, "%s", e.text);
    CHECK(enc_gguf_count(g) == 3 && strcmp(enc_gguf_at(g, 0)->name, "alpha") == 0);
    t = enc_gguf_find(g, "zeta");
    CHECK(t->rank == 2 && t->shape[0] == 2 && t->shape[1] == 3 && t->dtype == ENC_F32);
    CHECK(t->n_bytes == 24 && t->data[0] == 128 && (size_t)(t->data - copy) % 64 == 0);
    t = enc_gguf_find(g, "alpha");
    CHECK(t->dtype == ENC_Q8_0 && t->n_bytes == 68 && t->data[5] == 5);
    t = enc_gguf_find(g, "mid");
    CHECK(t->dtype == ENC_Q4_K && t->n_bytes == 144 && t->data[0] == 192);
    CHECK(enc_gguf_find(g, "zet") == NULL);
    enc_gguf_close(g);
    free(copy);
    enc_wr_clear(&w);
}

/* One file that is wrong in one way. */
static void refused(enc_wr *w, enc_rc rc, const char *says)
{
    uint8_t *copy;
    enc_gguf *g;
    enc_err e;
    enc_rc got = open_exactly(w->at, w->n, &g, &copy, &e);

    CHECK_SAY(got == rc && g == NULL, "rc %d, expected: %s", (int)got, says);
    CHECK_SAY(strstr(e.text, says) != NULL, "%s (expected: %s)", e.text, says);
    enc_gguf_close(g);
    free(copy);
    enc_wr_clear(w);
}

static void heads_are_not_believed(void)
{
    enc_wr w;

    head(&w, 0, 0, 0), refused(&w, ENC_UNSUPPORTED, "GGUF version 0 not supported");
    head(&w, 1, 0, 0), refused(&w, ENC_UNSUPPORTED, "GGUF version 1 not supported");
    head(&w, 4, 0, 0), refused(&w, ENC_UNSUPPORTED, "GGUF version 4 not supported");
    head(&w, 3u << 24, 0, 0), refused(&w, ENC_UNSUPPORTED, "big-endian GGUF, version 3");
    head(&w, 3, UINT64_MAX, 0), refused(&w, ENC_RANGE, "tensors, limit 65536");
    head(&w, 3, 0, 1ull << 40), refused(&w, ENC_RANGE, "keys, limit 65536");
    head(&w, 3, 65536, 65536), refused(&w, ENC_CORRUPT, "ends in key 1 of 65536");
    head(&w, 3, 2, 0), refused(&w, ENC_CORRUPT, "ends in tensor 1 of 2, after 24 bytes");
    enc_wr_init(&w), enc_wr_text(&w, "GGUG"), refused(&w, ENC_CORRUPT, "not begin with");
    enc_wr_init(&w), refused(&w, ENC_CORRUPT, "does not begin with GGUF");
}

static void keys_are_not_believed(void)
{
    enc_wr w;

    head(&w, 3, 0, 2);
    key(&w, "a", U8), enc_wr_u8(&w, 1), key(&w, "a", TEXT), text(&w, "");
    refused(&w, ENC_CORRUPT, "key a is there twice");
    head(&w, 3, 0, 1), key(&w, "a", 13), enc_wr_u64(&w, 1);
    refused(&w, ENC_UNSUPPORTED, "key a: unknown type 13 of value");
    head(&w, 3, 0, 1), key(&w, "a", ARRAY), enc_wr_u32(&w, 77), enc_wr_u64(&w, 1);
    refused(&w, ENC_UNSUPPORTED, "key a: unknown type 77 of value");
    head(&w, 3, 0, 1), key(&w, "", U8), enc_wr_u8(&w, 1);
    refused(&w, ENC_RANGE, "key 1 has 0 bytes, allowed are 1 to 127");
    head(&w, 3, 0, 1), key(&w, "a", TEXT), enc_wr_u64(&w, UINT64_MAX);
    refused(&w, ENC_CORRUPT, "ends in key 1 of 1");
    head(&w, 3, 0, 1), key(&w, "a", ARRAY), enc_wr_u32(&w, F64);
    enc_wr_u64(&w, 1ull << 61), enc_wr_u64(&w, 0);
    refused(&w, ENC_CORRUPT, "ends in key 1 of 1");
    head(&w, 3, 0, 1), key(&w, "a", ARRAY), enc_wr_u32(&w, TEXT);
    enc_wr_u64(&w, UINT64_MAX), text(&w, "b");
    refused(&w, ENC_CORRUPT, "ends in key 1 of 1");
    head(&w, 3, 0, 1), key(&w, "a", ARRAY);
    for (int i = 0; i < 9; i++) enc_wr_u32(&w, ARRAY), enc_wr_u64(&w, 1);
    refused(&w, ENC_RANGE, "key a: arrays nested deeper than 4");
    head(&w, 3, 0, 1), key(&w, "split.count", U16), enc_wr_u16(&w, 3);
    refused(&w, ENC_UNSUPPORTED, "one of 3 parts of a model");
}

static void alignments_are_not_believed(void)
{
    static const uint32_t bad[] = {0, 3, 48, 131072, UINT32_MAX};
    enc_wr w;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        head(&w, 3, 0, 1), key(&w, "general.alignment", U32), enc_wr_u32(&w, bad[i]);
        refused(&w, ENC_RANGE, "expected a power of two up to 65536");
    }
    head(&w, 3, 0, 1), key(&w, "general.alignment", F32), enc_wr_u32(&w, 0x7fc00000);
    refused(&w, ENC_RANGE, "general.alignment is nan");
    head(&w, 3, 0, 1), key(&w, "general.alignment", TEXT), text(&w, "32");
    refused(&w, ENC_CORRUPT, "general.alignment is not a number");
}

static void tensors_are_not_believed(void)
{
    static const struct {
        uint64_t rows, columns;
        uint32_t type;
        uint64_t offset;
        enc_rc rc;
        const char *says;
    } bad[] = {
        {2, 8, 0, 32, ENC_CORRUPT, "tensor a: 64 bytes at 32 of 64 bytes of data"},
        {2, 9, 0, 0, ENC_CORRUPT, "tensor a: 72 bytes at 0 of 64 bytes of data"},
        {1, 1, 0, 16, ENC_CORRUPT, "begins at 16, not a multiple of 32"},
        {1, 1, 0, 96, ENC_CORRUPT, "4 bytes at 96 of 64 bytes"},
        {1, 1, 0, 1ull << 63, ENC_CORRUPT, "tensor a: 4 bytes at 9223372036854775808"},
        {1, 0, 0, UINT64_MAX - 31, ENC_CORRUPT, "0 bytes at 18446744073709551584"},
        {1ull << 33, 1ull << 33, 0, 0, ENC_CORRUPT, "tensor a: shape overflows"},
        {1ull << 61, 2, 0, 0, ENC_CORRUPT, "tensor a: shape overflows"},
        {(1ull << 59) - 1, 32, 8, 0, ENC_CORRUPT, "tensor a: shape overflows"},
        {1ull << 32, 1ull << 32, 8, 0, ENC_CORRUPT, "tensor a: shape overflows"},
        {1, 48, 8, 0, ENC_CORRUPT, "rows of 48 values are not blocks of 32"},
        {8, 32, 14, 0, ENC_CORRUPT, "rows of 32 values are not blocks of 256"},
        {1, 64, 8, 0, ENC_CORRUPT, "68 bytes at 0 of 64 bytes"},
        {1, 1, 10, 0, ENC_UNSUPPORTED, "tensor a is of type Q2_K, which is not supp"},
        {1, 1, 24, 0, ENC_UNSUPPORTED, "tensor a is of type I8, which is not supported"},
        {1, 1, 4, 0, ENC_UNSUPPORTED, "tensor a is of unknown type 4"},
        {1, 1, 999, 0, ENC_UNSUPPORTED, "tensor a is of unknown type 999"},
    };
    enc_wr w;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        head(&w, 3, 1, 0);
        tensor(&w, "a", bad[i].rows, bad[i].columns, bad[i].type, bad[i].offset);
        data(&w, 32, 64);
        refused(&w, bad[i].rc, bad[i].says);
    }
    head(&w, 2, 2, 0), tensor(&w, "a", 1, 1, 0, 0), tensor(&w, "a", 1, 1, 0, 32);
    data(&w, 32, 64), refused(&w, ENC_CORRUPT, "tensor a is there twice");
    head(&w, 3, 1, 0), tensor(&w, "", 1, 1, 0, 0), data(&w, 32, 64);
    refused(&w, ENC_CORRUPT, "the name of tensor 1 is not a text of 1 to 127 bytes");
    head(&w, 3, 1, 0), text(&w, "a"), enc_wr_u32(&w, 5), data(&w, 32, 99);
    refused(&w, ENC_RANGE, "tensor a: rank 5, limit 4");
    head(&w, 3, 1, 0), text(&w, "a"), enc_wr_u32(&w, 3);
    for (int i = 0; i < 3; i++) enc_wr_u64(&w, 1ull << 33);
    enc_wr_u32(&w, 0), enc_wr_u64(&w, 0), data(&w, 32, 64);
    refused(&w, ENC_CORRUPT, "tensor a: shape overflows");
    head(&w, 3, 1, 0), tensor(&w, "a", 1, 1, 0, 0); /* not even padded */
    refused(&w, ENC_CORRUPT, "4 bytes at 0 of 0 bytes of data");
}

static void every_truncation_is_noticed(void)
{
    enc_wr w;

    make(&w);
    for (size_t n = 0; n < w.n; n++) {
        uint8_t *copy;
        enc_gguf *g;
        enc_err e;

        CHECK_SAY(open_exactly(w.at, n, &g, &copy, &e) != ENC_OK, "%zu of %zu", n, w.n);
        CHECK(e.text[0] != '\0');
        enc_gguf_close(g);
        free(copy);
    }
    enc_wr_clear(&w);
}

/* A changed byte may be harmless, but must never lead outside: the sanitizer looks on. */
static void changed_bytes_stay_inside(void)
{
    size_t n_taken = 0, n_refused = 0;
    enc_wr w;

    make(&w);
    for (size_t i = 0; i < w.n; i++) {
        for (unsigned change = 1; change < 256; change *= 2) {
            uint8_t *copy;
            enc_gguf *g;
            enc_err e;

            w.at[i] ^= (uint8_t)change;
            if (open_exactly(w.at, w.n, &g, &copy, &e) == ENC_OK) n_taken++;
            else n_refused++;
            for (size_t k = 0; g != NULL && k < enc_gguf_count(g); k++) {
                const enc_tensor *t = enc_gguf_at(g, k);
                volatile uint8_t last = t->n_bytes > 0 ? t->data[t->n_bytes - 1] : 0;

                (void)last;
            }
            enc_gguf_close(g);
            free(copy);
            w.at[i] ^= (uint8_t)change;
        }
    }
    CHECK(n_taken > 1000 && n_refused > 1000);
    enc_wr_clear(&w);
}

static enc_rc open_and_close(void *w, enc_err *e)
{
    const enc_wr *file = w;
    enc_gguf *g;
    enc_rc rc = enc_gguf_open(&g, (enc_bytes){file->at, file->n}, "f", e);

    enc_gguf_close(g);
    return rc;
}

static void failed_allocations_leave_nothing(void)
{
    enc_wr w;

    make(&w);
    CHECK(every_allocation_fails(open_and_close, &w) > 3);
    enc_wr_clear(&w);
}

/* Neither keys nor tensors, or a tensor that is one value, or a part of one. */
static void little_is_enough(void)
{
    uint8_t *copy;
    enc_gguf *g;
    enc_err e;
    enc_wr w;

    head(&w, 3, 0, 0);
    CHECK_SAY(open_exactly(w.at, w.n, &g, &copy, &e) == ENC_OK, "%s", e.text);
    CHECK(enc_gguf_find(g, "a") == NULL && number(g, "a") == -1e9);
    CHECK(enc_gguf_blob(g, "a").at == NULL && enc_gguf_text(g, "a").at == NULL);
    enc_gguf_close(g);
    free(copy);
    enc_wr_clear(&w);
    head(&w, 3, 1, 3);
    key(&w, "split.count", U16), enc_wr_u16(&w, 1);
    key(&w, "i8", ARRAY), enc_wr_u32(&w, I8), enc_wr_u64(&w, 1), enc_wr_u8(&w, 7);
    key(&w, "i16", I16), enc_wr_u16(&w, 7);
    text(&w, "one"), enc_wr_u32(&w, 0), enc_wr_u32(&w, 0), enc_wr_u64(&w, 0);
    data(&w, 32, 4);
    CHECK_SAY(open_exactly(w.at, w.n, &g, &copy, &e) == ENC_OK, "%s", e.text);
    CHECK(enc_gguf_at(g, 0)->rank == 0 && enc_gguf_at(g, 0)->n_bytes == 4);
    CHECK(enc_gguf_blob(g, "i8").n == 1 && enc_gguf_blob(g, "i16").at == NULL);
    CHECK(enc_gguf_text(g, "i8").at == NULL);
    enc_gguf_close(g);
    free(copy);
    enc_wr_clear(&w);
}

int main(void)
{
    keys_have_their_values();
    tensors_lie_where_they_say();
    heads_are_not_believed();
    keys_are_not_believed();
    alignments_are_not_believed();
    tensors_are_not_believed();
    every_truncation_is_noticed();
    changed_bytes_stay_inside();
    failed_allocations_leave_nothing();
    little_is_enough();
    CHECK(enc_mem_live() == 0);
    return check_done("model/gguf");
}
