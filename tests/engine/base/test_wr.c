/* test_wr.c - what wr.h writes is what rd.h reads, and a failure sticks. */
#include "base/wr.h"

#include <locale.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/rd.h"
#include "check.h"

static void what_is_written_is_read(void)
{
    enc_wr w;
    enc_wr_init(&w);
    enc_wr_u8(&w, 0xfe);
    enc_wr_u16(&w, 0xfedc);
    enc_wr_u32(&w, 0xfedcba98u);
    enc_wr_u64(&w, 0xfedcba9876543210u);
    enc_wr_f32(&w, -0.5f);
    enc_wr_bytes(&w, "ab", 2);
    enc_wr_bytes(&w, NULL, 0);
    enc_rd r = enc_rd_of(w.at, w.n);
    CHECK(!w.failed && w.n == 21);
    CHECK(enc_rd_u8(&r) == 0xfe && enc_rd_u16(&r) == 0xfedc);
    CHECK(enc_rd_u32(&r) == 0xfedcba98u && enc_rd_u64(&r) == 0xfedcba9876543210u);
    float f = enc_rd_f32(&r);
    CHECK(f <= -0.5f && f >= -0.5f);
    CHECK(enc_rd_span(&r, 2, 1) != NULL && enc_rd_end(&r));
    enc_wr_clear(&w);
    CHECK(w.at == NULL && w.n == 0);
}

static void formats_append_without_a_nul(void)
{
    enc_wr w;
    enc_wr_init(&w);
    for (int i = 0; i < 100; i++) enc_wr_format(&w, "%d,", i % 10);
    enc_wr_text(&w, "end");
    CHECK(w.n == 203 && memcmp(w.at, "0,1,2,", 6) == 0 &&
          memcmp(w.at + 200, "end", 3) == 0);
    enc_wr_clear(&w);
}

static void json_text_comes_back_as_it_was(void)
{
    char all[0x80 + 7];
    enc_wr w;
    enc_json *j;
    enc_err e;
    size_t n = 0, n_back;
    for (char c = 1; c != 0x7f; c++) all[n++] = c;
    all[n++] = 0x7f;
    memcpy(all + n, "\xea\xb0\x80\xc3\xa9", 5);
    n += 5;
    enc_err_clear(&e);
    enc_wr_init(&w);
    enc_wr_u8(&w, '[');
    enc_wr_json_text(&w, all, n);
    enc_wr_u8(&w, ']');
    CHECK(enc_json_open(&j, (enc_bytes){w.at, w.n}, "text", &e) == ENC_OK);
    const char *back = enc_json_text(enc_json_at(enc_json_root(j), 0), &n_back);
    CHECK(back != NULL && n_back == n && memcmp(back, all, n) == 0);
    enc_json_close(j);
    enc_wr_clear(&w);
}

static void ill_formed_text_becomes_replacements(void)
{
    enc_wr w;
    enc_wr_init(&w);
    enc_wr_json_text(&w, "a\xff\0\n", 4);
    CHECK(w.n == 14 && memcmp(w.at, "\"a\xef\xbf\xbd\\u0000\\n\"", 14) == 0);
    enc_wr_clear(&w);
}

static void a_failed_allocation_sticks(void)
{
    enc_wr w;
    enc_wr_init(&w);
    enc_wr_u32(&w, 1);
    enc_mem_fault(1, false);
    for (int i = 0; i < 100; i++) enc_wr_u64(&w, 2);
    size_t n = w.n;
    CHECK(w.failed);
    enc_wr_text(&w, "more");
    enc_wr_format(&w, "%d", 7);
    CHECK(w.failed && w.n == n);
    enc_mem_fault(0, false);
    enc_wr_clear(&w);
    CHECK(enc_mem_live() == 0);
}

static void floats_at_once_are_floats_one_by_one(void)
{
    static const float v[4] = {0.5f, -3.25f, 1e-30f, -0.0f};
    float back[4] = {9.0f, 9.0f, 9.0f, 9.0f};
    enc_wr one, all;
    enc_wr_init(&one);
    enc_wr_init(&all);
    for (int i = 0; i < 4; i++) enc_wr_f32(&one, v[i]);
    enc_wr_f32s(&all, v, 4);
    CHECK(one.n == all.n && memcmp(one.at, all.at, one.n) == 0);
    enc_rd r = enc_rd_of(all.at, all.n);
    enc_rd_f32s(&r, back, 4);
    CHECK(enc_rd_end(&r) && memcmp(v, back, sizeof v) == 0);
    r = enc_rd_of(all.at, all.n - 1);
    enc_rd_f32s(&r, back, 4);
    CHECK(!enc_rd_ok(&r) && back[0] == 0.0f && back[3] == 0.0f);
    enc_wr_clear(&one);
    enc_wr_clear(&all);
}

/* With any of them, if the system has it: a decimal comma. */
static void the_locale_of_the_host_does_not_matter(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    const char *wanted = "0.10000000000000001 -1e-12 12.5 3 -inf";
    enc_wr w;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (setlocale(LC_NUMERIC, names[i]) != NULL) break;
    enc_wr_init(&w);
    enc_wr_real(&w, 0.1, 17);
    enc_wr_text(&w, " ");
    enc_wr_real(&w, -1e-12, 9);
    enc_wr_text(&w, " ");
    enc_wr_real(&w, 12.5, 17);
    enc_wr_text(&w, " ");
    enc_wr_real(&w, 3.0, 17);
    enc_wr_text(&w, " ");
    enc_wr_real(&w, -1e308 * 10.0, 17);
    setlocale(LC_NUMERIC, "C");
    CHECK(w.n == strlen(wanted) && memcmp(w.at, wanted, w.n) == 0);
    enc_wr_clear(&w);
}

int main(void)
{
    floats_at_once_are_floats_one_by_one();
    what_is_written_is_read();
    formats_append_without_a_nul();
    json_text_comes_back_as_it_was();
    ill_formed_text_becomes_replacements();
    a_failed_allocation_sticks();
    the_locale_of_the_host_does_not_matter();
    return check_done("wr");
}
