/* safetensors: what the reference refuses is refused, and says what is wrong with it. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "check.h"
#include "lib/faults.h"
#include "model/sft.h"

/* Opens a copy that ends where its memory ends. */
static enc_rc open_exactly(const void *bytes, size_t n, enc_sft **out, uint8_t **copy,
                           enc_err *e)
{
    *out = NULL;
    *copy = malloc(n > 0 ? n : 1);
    if (*copy == NULL) return ENC_NOMEM;
    memcpy(*copy, bytes, n);
    enc_err_clear(e);
    return enc_sft_open(out, (enc_bytes){*copy, n}, "f", e);
}

/* A file of a header and n_data zero bytes. */
static void make(enc_wr *w, const char *header, size_t n_data)
{
    enc_wr_init(w);
    enc_wr_u64(w, strlen(header));
    enc_wr_text(w, header);
    for (size_t i = 0; i < n_data; i++) enc_wr_u8(w, 0);
}

#define T(dtype, shape, offsets)                                                         \
    "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

/* Rows 85 to 101 of the catalogue of bad input, by header. */
static const struct {
    const char *header;
    size_t n_data;
    enc_rc rc;
    const char *says;
} bad[] = {
    {"", 0, ENC_CORRUPT, "does not begin with '{'"},
    {" {}", 0, ENC_CORRUPT, "does not begin with '{'"},
    {"[1]", 0, ENC_CORRUPT, "does not begin with '{'"},
    {"{", 0, ENC_CORRUPT, "f: line 1"},
    {"{\"x\":" T("F32", "[1]", "[0,4]") ",\"x\":" T("F32", "[1]", "[4,8]") "}", 8,
     ENC_CORRUPT, "duplicate"},
    {"{\"x\":" T("F32", "[1]", "[4,0]") "}", 4, ENC_CORRUPT, "begins at 4 and ends at 0"},
    {"{\"x\":" T("F32", "[2]", "[0,8]") "}", 4, ENC_CORRUPT, "ends at 8 of 4 bytes"},
    {"{\"a\":" T("F32", "[2]", "[0,8]") ",\"b\":" T("F32", "[2]", "[4,12]") "}", 12,
     ENC_CORRUPT, "tensor b: overlaps another"},
    {"{\"a\":" T("F32", "[2]", "[0,8]") ",\"b\":" T("F32", "[2]", "[0,8]") "}", 8,
     ENC_CORRUPT, "overlaps another"},
    {"{\"a\":" T("F32", "[1]", "[0,4]") ",\"b\":" T("F32", "[1]", "[8,12]") "}", 12,
     ENC_CORRUPT, "4 bytes before tensor b belong to none"},
    {"{\"a\":" T("F32", "[1]", "[4,8]") "}", 8, ENC_CORRUPT, "4 bytes before tensor a"},
    {"{\"a\":" T("F32", "[1]", "[0,4]") "}", 5, ENC_CORRUPT, "1 bytes after the last"},
    {"{}", 1, ENC_CORRUPT, "1 bytes after the last"},
    {"{\"x\":" T("F32", "[4294967296,4294967296]", "[0,4]") "}", 4, ENC_CORRUPT,
     "tensor x: shape overflows"},
    {"{\"x\":" T("F32", "[4611686018427387904,4]", "[0,0]") "}", 0, ENC_CORRUPT,
     "tensor x: shape overflows"},
    {"{\"x\":" T("F32", "[3]", "[0,8]") "}", 8, ENC_CORRUPT,
     "8 bytes, but shape [3] needs 12"},
    {"{\"x\":" T("F32", "[]", "[0,8]") "}", 8, ENC_CORRUPT,
     "8 bytes, but shape [] needs 4"},
    {"{\"x\":" T("Q4", "[1]", "[0,4]") "}", 4, ENC_UNSUPPORTED, "unknown dtype Q4"},
    {"{\"x\":" T("F4", "[1]", "[0,1]") "}", 1, ENC_CORRUPT, "not whole bytes"},
    {"{\"x\":" T("F32", "[1,1,1,1,1]", "[0,4]") "}", 4, ENC_RANGE, "rank 5, limit 4"},
    {"{\"x\":" T("F32", "[-1]", "[0,4]") "}", 4, ENC_CORRUPT, "not a whole number"},
    {"{\"x\":" T("F32", "[1.0]", "[0,4]") "}", 4, ENC_CORRUPT, "not a whole number"},
    {"{\"x\":" T("F32", "\"1\"", "[0,4]") "}", 4, ENC_CORRUPT, "no shape"},
    {"{\"x\":" T("F32", "[1]", "[0]") "}", 4, ENC_CORRUPT, "data_offsets are not two"},
    {"{\"x\":" T("F32", "[1]", "[0,4,8]") "}", 4, ENC_CORRUPT,
     "data_offsets are not two"},
    {"{\"x\":" T("F32", "[1]", "[-4,0]") "}", 4, ENC_CORRUPT, "data_offsets are not two"},
    {"{\"x\":" T("F32", "[1]", "[0,4.0]") "}", 4, ENC_CORRUPT,
     "data_offsets are not two"},
    {"{\"x\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, ENC_CORRUPT, "no dtype"},
    {"{\"x\":7}", 0, ENC_CORRUPT, "not described by an object"},
    {"{\"__metadata__\":7}", 0, ENC_CORRUPT, "__metadata__ is not an object"},
    {"{\"__metadata__\":{\"k\":7}}", 0, ENC_CORRUPT, "__metadata__: k is not a text"},
    {"{\"__metadata__\":{\"k\":\"\",\"k\":\"\"}}", 0, ENC_CORRUPT, "duplicate"},
};

static void the_catalogue_is_refused(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t *copy;
        enc_sft *s;
        enc_err e;
        enc_wr w;

        make(&w, bad[i].header, bad[i].n_data);
        enc_rc rc = open_exactly(w.at, w.n, &s, &copy, &e);
        CHECK_SAY(rc == bad[i].rc, "%s: rc %d", bad[i].header, (int)rc);
        CHECK_SAY(strstr(e.text, bad[i].says) != NULL, "%s: %s", bad[i].header, e.text);
        CHECK(s == NULL);
        enc_sft_close(s);
        enc_wr_clear(&w);
        free(copy);
    }
}

static void lengths_are_not_believed(void)
{
    static const struct {
        uint64_t n;
        enc_rc rc;
        const char *says;
    } lengths[] = {
        {3, ENC_CORRUPT, "header of 3 bytes in a file of 10"},
        {ENC_HEADER_MAX, ENC_CORRUPT, "in a file of 10"},
        {ENC_HEADER_MAX + 1, ENC_RANGE, "limit 16777216"},
        {1ull << 63, ENC_RANGE, "header of 9223372036854775808 bytes"},
        {UINT64_MAX - 7, ENC_RANGE, "limit"},
        {UINT64_MAX, ENC_RANGE, "limit"},
    };

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        uint8_t *copy;
        enc_sft *s;
        enc_err e;
        enc_wr w;

        enc_wr_init(&w);
        enc_wr_u64(&w, lengths[i].n);
        enc_wr_text(&w, "{}");
        CHECK(open_exactly(w.at, w.n, &s, &copy, &e) == lengths[i].rc);
        CHECK_SAY(strstr(e.text, lengths[i].says) != NULL, "%s", e.text);
        enc_sft_close(s);
        enc_wr_clear(&w);
        free(copy);
    }
}

static void good_files_are_taken(void)
{
    static const struct {
        const char *header;
        size_t n_data, n_tensors;
    } good[] = {
        {"{}", 0, 0},
        {"{}   ", 0, 0},
        {"{\"__metadata__\":null}", 0, 0},
        {"{\"x\":" T("F32", "[]", "[0,4]") "}", 4, 1},
        {"{\"x\":" T("F32", "[0]", "[0,0]") "}", 0, 1},
        {"{\"x\":" T("F32", "[0,7]", "[4,4]") ",\"y\":" T("F32", "[1]", "[0,4]") "}", 4,
         2},
        {"{\"b\":" T("I64", "[1,2]", "[4,20]") ",\"a\":" T("U8", "[4]", "[0,4]") "}", 20,
         2},
        {"{\"x\":" T("F4", "[2]", "[0,1]") "}", 1, 1},
    };

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint8_t *copy;
        enc_sft *s;
        enc_err e;
        enc_wr w;

        make(&w, good[i].header, good[i].n_data);
        CHECK_SAY(open_exactly(w.at, w.n, &s, &copy, &e) == ENC_OK, "%s: %s",
                  good[i].header, e.text);
        if (s != NULL) CHECK(enc_sft_count(s) == good[i].n_tensors);
        enc_sft_close(s);
        enc_wr_clear(&w);
        free(copy);
    }
}

/* A small file of ours, with one tensor of each type and two of metadata. */
static void make_ours(enc_wr *w)
{
    static const uint8_t data[64] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    static const enc_tensor tensors[] = {
        {"zeta", ENC_F32, 2, {2, 3}, data, 24},
        {"alpha.\"quoted\"", ENC_I8, 1, {7}, data, 7},
        {"beta", ENC_BF16, 3, {1, 2, 2}, data, 8},
        {"empty", ENC_F16, 1, {0}, data, 0},
    };
    static const enc_sft_meta meta[] = {
        {"note", {(const uint8_t *)"line\n\"two\" \xea\xb3\xa0", 14}},
        {"none", {(const uint8_t *)"", 0}}};

    enc_wr_init(w);
    enc_sft_write(w, tensors, 4, meta, 2);
}

static void what_is_written_is_read(void)
{
    uint8_t *copy;
    enc_sft *s;
    enc_err e;
    enc_wr w;

    make_ours(&w);
    CHECK(open_exactly(w.at, w.n, &s, &copy, &e) == ENC_OK);
    if (s != NULL) {
        const enc_tensor *zeta = enc_sft_find(s, "zeta");
        enc_bytes note = enc_sft_metadata(s, "note");

        CHECK(enc_sft_count(s) == 4);
        CHECK(strcmp(enc_sft_at(s, 0)->name, "alpha.\"quoted\"") == 0);
        CHECK(zeta != NULL && zeta->rank == 2 && zeta->shape[0] == 2 &&
              zeta->shape[1] == 3);
        CHECK(zeta != NULL && zeta->dtype == ENC_F32 && zeta->data[8] == 9);
        CHECK(zeta != NULL && (size_t)(zeta->data - copy) % 64 == 0);
        CHECK(enc_sft_find(s, "empty") != NULL && enc_sft_find(s, "empty")->n_bytes == 0);
        CHECK(enc_sft_find(s, "zet") == NULL && enc_sft_find(s, "zeta ") == NULL);
        CHECK(note.n == 14 && memcmp(note.at, "line\n\"two\" \xea\xb3\xa0", 14) == 0);
        CHECK(enc_sft_metadata(s, "none").at != NULL &&
              enc_sft_metadata(s, "none").n == 0);
        CHECK(enc_sft_metadata(s, "absent").at == NULL);
    }
    enc_sft_close(s);
    enc_wr_clear(&w);
    free(copy);
}

static void every_truncation_is_noticed(void)
{
    enc_wr w;

    make_ours(&w);
    for (size_t n = 0; n < w.n; n++) {
        uint8_t *copy;
        enc_sft *s;
        enc_err e;

        CHECK_SAY(open_exactly(w.at, n, &s, &copy, &e) != ENC_OK, "%zu of %zu", n, w.n);
        CHECK(e.text[0] != '\0');
        enc_sft_close(s);
        free(copy);
    }
    enc_wr_clear(&w);
}

/* A changed byte may be harmless, but must never lead outside: the sanitizer looks on. */
static void changed_bytes_stay_inside(void)
{
    size_t n_taken = 0, n_refused = 0;
    enc_wr w;

    make_ours(&w);
    for (size_t i = 0; i < w.n; i++) {
        for (unsigned change = 1; change < 256; change *= 2) {
            uint8_t *copy;
            enc_sft *s;
            enc_err e;

            w.at[i] ^= (uint8_t)change;
            if (open_exactly(w.at, w.n, &s, &copy, &e) == ENC_OK) n_taken++;
            else n_refused++;
            for (size_t k = 0; s != NULL && k < enc_sft_count(s); k++) {
                const enc_tensor *t = enc_sft_at(s, k);
                CHECK(t->data >= copy && t->data + t->n_bytes <= copy + w.n);
            }
            enc_sft_close(s);
            free(copy);
            w.at[i] ^= (uint8_t)change;
        }
    }
    CHECK(n_taken > 0 && n_refused > 0);
    enc_wr_clear(&w);
}

static enc_rc open_and_close(void *w, enc_err *e)
{
    const enc_wr *file = w;
    enc_sft *s;
    enc_rc rc = enc_sft_open(&s, (enc_bytes){file->at, file->n}, "f", e);

    enc_sft_close(s);
    return rc;
}

static enc_rc write_and_clear(void *tensors, enc_err *e)
{
    enc_wr w;

    enc_wr_init(&w);
    enc_sft_write(&w, tensors, 1, NULL, 0);
    enc_rc rc = w.failed ? enc_nomem(e) : ENC_OK;
    enc_wr_clear(&w);
    return rc;
}

static void every_allocation_may_fail(void)
{
    enc_tensor t = {"t", ENC_F32, 1, {1}, (const uint8_t *)"abcd", 4};
    enc_wr w;

    make_ours(&w);
    CHECK(every_allocation_fails(open_and_close, &w) > 1);
    CHECK(every_allocation_fails(write_and_clear, &t) > 1);
    enc_wr_clear(&w);
}

static void too_many_tensors_are_refused(void)
{
    enc_wr header, w;
    enc_sft *s;
    enc_err e;

    enc_err_clear(&e);
    enc_wr_init(&header);
    enc_wr_init(&w);
    for (unsigned i = 0; i <= ENC_TENSORS_MAX; i++)
        enc_wr_format(&header, "%c\"%u\":0", i == 0 ? '{' : ',', i);
    enc_wr_text(&header, "}");
    enc_wr_u64(&w, header.n);
    enc_wr_bytes(&w, header.at, header.n);
    CHECK(enc_sft_open(&s, (enc_bytes){w.at, w.n}, "f", &e) == ENC_RANGE && s == NULL);
    CHECK_SAY(strcmp(e.text, "f: 65537 tensors, limit 65536") == 0, "%s", e.text);
    enc_wr_clear(&header);
    enc_wr_clear(&w);
}

/* Tensors without values lie in one place; a file may have no tensors. */
static void nothing_is_a_size_too(void)
{
    const enc_tensor empty[] = {{"b", ENC_F32, 1, {0}, (const uint8_t *)"", 0},
                                {"a", ENC_F32, 1, {0}, (const uint8_t *)"", 0}};
    enc_sft *s;
    enc_err e;
    enc_wr w;

    static const char unsorted[] =
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
        "\"b\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}";
    enc_err_clear(&e);
    enc_wr_init(&w);
    enc_wr_u64(&w, sizeof unsorted - 1);
    enc_wr_text(&w, unsorted);
    enc_wr_u32(&w, 0);
    CHECK_SAY(enc_sft_open(&s, (enc_bytes){w.at, w.n}, "f", &e) == ENC_OK, "%s", e.text);
    enc_sft_close(s);
    enc_wr_clear(&w);
    for (size_t n = 0; n <= 2; n += 2) {
        enc_err_clear(&e);
        enc_wr_init(&w);
        enc_sft_write(&w, empty, n, NULL, 0);
        CHECK_SAY(enc_sft_open(&s, (enc_bytes){w.at, w.n}, "f", &e) == ENC_OK, "%s",
                  e.text);
        CHECK(enc_sft_count(s) == n && (enc_sft_find(s, "a") != NULL) == (n == 2));
        enc_sft_close(s);
        enc_wr_clear(&w);
    }
}

int main(void)
{
    the_catalogue_is_refused();
    lengths_are_not_believed();
    good_files_are_taken();
    what_is_written_is_read();
    every_truncation_is_noticed();
    changed_bytes_stay_inside();
    every_allocation_may_fail();
    too_many_tensors_are_refused();
    nothing_is_a_size_too();
    CHECK(enc_mem_live() == 0);
    return check_done("model/sft");
}
