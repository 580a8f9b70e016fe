/* test_code.c - codes keep their bounds, and segments come back from their bytes. */
#include "search/code.h"

#include "array_store.h"
#include "base/limits.h"
#include "base/mem.h"
#include "check.h"

static void a_code_loses_no_more_than_it_says(void)
{
    enc_rng r = {1};
    int8_t code[384];
    for (int kind = 0; kind < N_KINDS; kind++) {
        float *v = vectors_new(&r, kind, 200, 384);
        for (size_t i = 0; i < 200; i++) {
            enc_code c;
            long double square = 0, lost = 0;
            enc_code_of(v + i * 384, 384, code, &c);
            for (size_t j = 0; j < 384; j++) {
                long double x = (long double)v[i * 384 + j];
                long double d = x - (long double)c.scale * code[j];
                square += x * x, lost += d * d;
            }
            CHECK((square > 0) == (c.norm > 0.0f));
            bool is_ordinary = c.norm >= ENC_NORM_MIN && c.norm <= ENC_NORM_MAX;
            CHECK(!is_ordinary || sqrtl(square) <= (long double)c.norm);
            CHECK(!is_ordinary ||
                  (long double)c.norm <= sqrtl(square) * (1.0L + 0x1p-22L));
            CHECK(!is_ordinary || sqrtl(lost) <= (long double)c.loss);
            CHECK(!is_ordinary || c.loss < 0.05f * c.norm);
            CHECK(is_ordinary || c.norm <= 0.0f || c.loss >= ENC_LOSS_UNKNOWN);
        }
        free(v);
    }
}

static void what_is_not_finite_is_unknown_and_storable(void)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY, 3e38f};
    for (size_t i = 0; i < 4; i++) {
        float v[4] = {odd[i], odd[i], 1.0f, 0.0f};
        int8_t code[4] = {1, 1, 1, 1};
        enc_code c;
        enc_code_of(v, 4, code, &c);
        CHECK(c.loss >= ENC_LOSS_UNKNOWN && isfinite(c.loss) && isfinite(c.norm));
        CHECK(c.norm > 0.0f && code[0] == 0 && code[2] == 0);
    }
}

static enc_segment *segment_of(size_t n, size_t dims)
{
    enc_rng r = {n * 100 + dims};
    float *v = vectors_new(&r, GAUSSIAN, n, dims);
    enc_segment *s;
    if (enc_segment_new(&s, dims, NULL)) abort();
    for (size_t i = 0; i < n; i++) enc_segment_put(s, i, (int64_t)i - 5, v + i * dims);
    free(v);
    return s;
}

static bool is_same(const enc_segment *a, const enc_segment *b)
{
    return a->n == b->n && a->dims == b->dims && a->stride == b->stride &&
           memcmp(a->ids, b->ids, a->n * sizeof *a->ids) == 0 &&
           memcmp(a->scale, b->scale, a->n * sizeof *a->scale) == 0 &&
           memcmp(a->loss, b->loss, a->n * sizeof *a->loss) == 0 &&
           memcmp(a->norm, b->norm, a->n * sizeof *a->norm) == 0 &&
           memcmp(a->codes, b->codes, a->n * a->stride) == 0;
}

static void segments_come_back_from_their_bytes(void)
{
    static const size_t counts[] = {0, 1, 255, 256}, widths[] = {1, 63, 64, 65, 384};
    for (size_t i = 0; i < 20; i++) {
        enc_segment *s = segment_of(counts[i / 5], widths[i % 5]), *t, *u;
        enc_wr w;
        enc_wr_init(&w);
        enc_segment_write(s, &w);
        CHECK(!w.failed && w.n == 12 + s->n * (20 + s->dims));
        CHECK(enc_segment_read(&t, (enc_bytes){w.at, w.n}, s->dims, NULL) == ENC_OK);
        u = enc_segment_copy(s);
        CHECK(is_same(s, t) && is_same(s, u));
        enc_segment_free(s), enc_segment_free(t), enc_segment_free(u);
        enc_wr_clear(&w);
    }
}

static void rows_are_put_moved_and_cut(void)
{
    enc_segment *s = segment_of(10, 70), *t = segment_of(3, 70);
    const float zero[70] = {0};
    enc_segment_move(t, 1, s, 9); /* over */
    enc_segment_move(t, 3, s, 4); /* at the end */
    CHECK(t->n == 4 && t->ids[1] == 4 && t->ids[3] == -1 && t->ids[2] == -3);
    CHECK(memcmp(t->codes + t->stride, s->codes + 9 * s->stride, s->stride) == 0);
    CHECK(memcmp(t->loss + 3, s->loss + 4, sizeof(float)) == 0);
    enc_segment_put(t, 0, 77, zero);
    CHECK(t->n == 4 && t->ids[0] == 77 && t->norm[0] <= 0.0f && t->loss[0] <= 0.0f);
    enc_segment_move(s, 0, s, 9); /* within one */
    enc_segment_cut(s, 9);
    CHECK(s->n == 9 && s->ids[0] == 4);
    enc_segment_cut(s, 20);
    CHECK(s->n == 9);
    enc_segment_free(s), enc_segment_free(t);
}

static enc_rc read_bytes(const enc_wr *w, size_t n, size_t dims, enc_err *e)
{
    enc_segment *s;
    uint8_t *exact = malloc(n > 0 ? n : 1);
    memcpy(exact, w->at, n);
    enc_err_clear(e);
    enc_rc rc = enc_segment_read(&s, (enc_bytes){exact, n}, dims, e);
    free(exact);
    CHECK((rc == ENC_OK) == (s != NULL));
    enc_segment_free(s);
    return rc;
}

static void every_truncation_is_noticed(void)
{
    enc_segment *s = segment_of(3, 5);
    enc_wr w;
    enc_err e;
    enc_wr_init(&w);
    enc_segment_write(s, &w);
    CHECK(read_bytes(&w, w.n, 5, &e) == ENC_OK);
    for (size_t n = 0; n < w.n; n++) CHECK(read_bytes(&w, n, 5, &e) == ENC_CORRUPT);
    enc_wr_u8(&w, 0);
    CHECK(read_bytes(&w, w.n, 5, &e) == ENC_CORRUPT);
    CHECK(strcmp(e.text, "3 rows of 5 dimensions in a segment of 88 bytes") == 0);
    enc_wr_clear(&w);
    enc_segment_free(s);
}

/* What reading says when byte i is `to`. */
static enc_rc read_changed(enc_wr *w, size_t i, uint8_t to, enc_err *e)
{
    uint8_t was = w->at[i];
    w->at[i] = to;
    enc_rc rc = read_bytes(w, w->n, 5, e);
    w->at[i] = was;
    return rc;
}

static void numbers_no_row_can_have_are_noticed(void)
{
    enc_segment *s = segment_of(3, 5);
    enc_wr w;
    enc_err e;
    enc_wr_init(&w);
    enc_segment_write(s, &w);
    CHECK(read_changed(&w, 0, 'X', &e) == ENC_CORRUPT);
    CHECK(strcmp(e.text, "87 bytes that are not a segment") == 0);
    CHECK(read_changed(&w, 4, 2, &e) == ENC_UNSUPPORTED);
    CHECK(strcmp(e.text, "a segment of version 2, not 1") == 0);
    CHECK(read_changed(&w, 7, 2, &e) == ENC_CORRUPT); /* 515 rows */
    CHECK(strcmp(e.text, "515 rows in a segment, which holds at most 256") == 0);
    CHECK(read_changed(&w, 8, 6, &e) == ENC_CORRUPT);
    CHECK(strcmp(e.text, "a segment of 6 dimensions, not 5") == 0);
    CHECK(read_changed(&w, 12 + 24 + 3, 0xbf, &e) == ENC_CORRUPT);  /* scale < 0 */
    CHECK(read_changed(&w, 12 + 36 + 3, 0x7f, &e) == ENC_CORRUPT);  /* loss is huge */
    CHECK(read_changed(&w, 12 + 48 + 11, 0xff, &e) == ENC_CORRUPT); /* norm < 0 */
    CHECK(read_changed(&w, w.n - 1, 0x80, &e) == ENC_CORRUPT);      /* a code of -128 */
    for (size_t i = 0; i < w.n; i++) /* whatever it says, it says it in bounds */
        for (unsigned to = 0; to < 256; to += 17)
            (void)read_changed(&w, i, (uint8_t)to, &e);
    enc_wr_clear(&w);
    enc_segment_free(s);
}

static void dimensions_have_a_limit(void)
{
    enc_segment *s;
    enc_err e = {0};
    CHECK(enc_segment_new(&s, 0, NULL) == ENC_RANGE && s == NULL);
    CHECK(enc_segment_new(&s, ENC_DIMS_MAX + 1, &e) == ENC_RANGE && s == NULL);
    CHECK(strcmp(e.text, "a segment of 65537 dimensions, not 1 to 65536") == 0);
    enc_mem_fault(1, false);
    CHECK(enc_segment_new(&s, 8, NULL) == ENC_NOMEM && s == NULL);
    enc_mem_fault(0, false);
}

int main(void)
{
    a_code_loses_no_more_than_it_says();
    what_is_not_finite_is_unknown_and_storable();
    segments_come_back_from_their_bytes();
    rows_are_put_moved_and_cut();
    every_truncation_is_noticed();
    numbers_no_row_can_have_are_noticed();
    dimensions_have_a_limit();
    CHECK(enc_mem_live() == 0);
    return check_done("code");
}
