/* test_rd.c - a reader never leaves its window, and says so once it should have. */
#include "base/rd.h"

#include <string.h>

#include "check.h"

static const uint8_t all[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                              0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x00,
                              0x00, 0xc0, 0x3f, 'a',  'b',  'c'};

/* Reads one of everything from the first n bytes. */
static enc_rd read_all(size_t n, int *good)
{
    enc_rd r = enc_rd_of(all, n);
    *good = enc_rd_u8(&r) == 0x01;
    *good &= enc_rd_u16(&r) == 0x0302;
    *good &= enc_rd_u32(&r) == 0x07060504;
    *good &= enc_rd_u64(&r) == 0x0f0e0d0c0b0a0908u;
    float f = enc_rd_f32(&r);
    *good &= f >= 1.5f && f <= 1.5f;
    const uint8_t *span = enc_rd_span(&r, 3, 1);
    *good &= span != NULL && memcmp(span, "abc", 3) == 0;
    return r;
}

static void numbers_are_little_endian(void)
{
    int good;
    enc_rd r = read_all(sizeof all, &good);
    CHECK(good && enc_rd_ok(&r) && enc_rd_end(&r));
}

static void every_truncation_is_noticed(void)
{
    for (size_t n = 0; n < sizeof all; n++) {
        int good;
        enc_rd r = read_all(n, &good);
        CHECK_SAY(!good && !enc_rd_ok(&r) && !enc_rd_end(&r), "%zu bytes were enough", n);
    }
}

static void a_failure_sticks_and_moves_nothing(void)
{
    enc_rd r = enc_rd_of(all, 3);
    CHECK(enc_rd_u32(&r) == 0 && r.left == 3 && r.at == all);
    CHECK(enc_rd_u8(&r) == 0 && !enc_rd_ok(&r) && r.left == 3);
}

static void what_is_left_is_not_the_end(void)
{
    enc_rd r = enc_rd_of(all, 2);
    CHECK(enc_rd_u8(&r) == 1 && enc_rd_ok(&r) && !enc_rd_end(&r));
}

static void a_product_that_overflows_is_no_span(void)
{
    enc_rd r = enc_rd_of(all, sizeof all);
    CHECK(enc_rd_span(&r, SIZE_MAX / 2, 4) == NULL && !enc_rd_ok(&r));
}

static void an_empty_span_of_nothing_is_fine(void)
{
    enc_rd r = enc_rd_of(NULL, 0);
    CHECK(enc_rd_span(&r, 0, 8) != NULL && enc_rd_end(&r));
    CHECK(enc_rd_u8(&r) == 0 && !enc_rd_ok(&r));
}

static void a_part_of_nothing_is_not_null(void)
{
    enc_bytes middle = enc_bytes_part((enc_bytes){all, sizeof all}, 2, 5);
    enc_bytes none = enc_bytes_part((enc_bytes){NULL, 0}, 0, 0);

    CHECK(middle.at == all + 2 && middle.n == 3);
    CHECK(none.at != NULL && none.n == 0);
}

int main(void)
{
    a_part_of_nothing_is_not_null();
    numbers_are_little_endian();
    every_truncation_is_noticed();
    a_failure_sticks_and_moves_nothing();
    what_is_left_is_not_the_end();
    a_product_that_overflows_is_no_span();
    an_empty_span_of_nothing_is_fine();
    return check_done("rd");
}
