/* test_utf8.c - decoding, classes, case and normal forms of base/utf8.h. */
#include "base/utf8.h"

#include <string.h>

#include "check.h"

/* Decodes all of text and compares with the characters expected, 0-terminated. */
static int decodes_to(const char *text, size_t n, const uint32_t *expected)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t i = 0, k = 0;
    while (i < n) {
        uint32_t c;
        i += enc_utf8_decode(at + i, n - i, &c);
        if (c != expected[k++]) return 0;
    }
    return i == n && expected[k] == 0;
}

#define DECODES(text, ...)                                                               \
    CHECK(decodes_to(text, sizeof text - 1, (const uint32_t[]){__VA_ARGS__, 0}))

static void well_formed_bytes_decode(void)
{
    DECODES("a\xc3\xa9\xea\xb0\x80\xf0\x9f\xa6\x99", 'a', 0xe9, 0xac00, 0x1f999);
    DECODES("\xef\xbf\xbf\xf4\x8f\xbf\xbf", 0xffff, 0x10ffff);
}

static void each_maximal_ill_formed_part_is_one_replacement(void)
{
    DECODES("\x80z", 0xfffd, 'z');
    DECODES("\xc0\x80", 0xfffd, 0xfffd);
    DECODES("\xed\xa0\x80", 0xfffd, 0xfffd, 0xfffd); /* a surrogate */
    DECODES("\xf5\x80", 0xfffd, 0xfffd);
    DECODES("\xf4\x90\x80\x80", 0xfffd, 0xfffd, 0xfffd, 0xfffd);
    DECODES("\xe0\x9f\xbf", 0xfffd, 0xfffd, 0xfffd);
    DECODES("\xe2\x82", 0xfffd);
    DECODES("\xf0\x9f\xa6", 0xfffd);
    DECODES("\xf0\x9f\xa6z", 0xfffd, 'z');
    /* Unicode 15, table 3-8 */
    DECODES("\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64", 'a', 0xfffd, 0xfffd,
            0xfffd, 'b', 0xfffd, 'c', 0xfffd, 0xfffd, 'd');
}

static void every_character_survives_encoding(void)
{
    int bad = 0;
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        uint8_t bytes[4];
        uint32_t back;
        size_t n = enc_utf8_encode(c, bytes);
        uint32_t expected = c >= 0xd800 && c < 0xe000 ? 0xfffd : c;
        if (enc_utf8_decode(bytes, n, &back) != n || back != expected) bad++;
    }
    CHECK(bad == 0);
}

static void classes_are_those_of_bert(void)
{
    CHECK(enc_utf8_is_space(' ') && enc_utf8_is_space('\t') && enc_utf8_is_space(0xa0));
    CHECK(enc_utf8_is_space(0x3000) && enc_utf8_is_space(0x2028));
    CHECK(!enc_utf8_is_space(0x0b) && !enc_utf8_is_space(0x200b));
    CHECK(enc_utf8_is_control(0) && enc_utf8_is_control(0x7f) &&
          enc_utf8_is_control(0x85));
    CHECK(enc_utf8_is_control(0x200d) && enc_utf8_is_control(0xe000));
    CHECK(enc_utf8_is_control(0xfeff) && !enc_utf8_is_control('\n'));
    CHECK(!enc_utf8_is_control(0x10fffe - 0x100000 + 0x80000)); /* unassigned */
    CHECK(enc_utf8_is_punctuation('$') && enc_utf8_is_punctuation('^'));
    CHECK(enc_utf8_is_punctuation('`') && enc_utf8_is_punctuation('~'));
    CHECK(enc_utf8_is_punctuation(0x3002) && enc_utf8_is_punctuation(0x2014));
    CHECK(!enc_utf8_is_punctuation(0x20ac) && !enc_utf8_is_punctuation('a'));
    CHECK(!enc_utf8_is_punctuation('0') && !enc_utf8_is_punctuation(' '));
    CHECK(enc_utf8_is_cjk(0x4f60) && enc_utf8_is_cjk(0x20000) && enc_utf8_is_cjk(0xf900));
    CHECK(!enc_utf8_is_cjk(0xac00) && !enc_utf8_is_cjk(0x3042));
    CHECK(enc_utf8_is_mark(0x301) && !enc_utf8_is_mark(0x903) && !enc_utf8_is_mark('a'));
    CHECK(enc_utf8_is_any_mark(0x903) && enc_utf8_is_any_mark(0x20dd));
    CHECK(enc_utf8_is_letter('Z') && enc_utf8_is_letter(0xac00));
    CHECK(!enc_utf8_is_letter('1') && !enc_utf8_is_letter('['));
    CHECK(enc_utf8_is_word('_') && enc_utf8_is_word('7') && enc_utf8_is_word(0x301));
    CHECK(!enc_utf8_is_word('-') && !enc_utf8_is_word(' '));
}

static void ideographs_are_those_of_eight_blocks(void)
{
    static const uint32_t blocks[][2] = {
        {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xf900, 0xfaff},   {0x20000, 0x2a6df},
        {0x2a700, 0x2b73f}, {0x2b740, 0x2b81f}, {0x2b820, 0x2ceaf}, {0x2f800, 0x2fa1f}};
    size_t n = 0, n_expected = 0;
    for (uint32_t c = 0; c <= 0x110000; c++) n += enc_utf8_is_cjk(c);
    for (size_t i = 0; i < 8; i++) {
        n_expected += blocks[i][1] - blocks[i][0] + 1;
        CHECK(enc_utf8_is_cjk(blocks[i][0]) && enc_utf8_is_cjk(blocks[i][1]));
    }
    CHECK(n == n_expected);
}

static void classes_are_those_of_regular_expressions(void)
{
    CHECK(enc_utf8_is_number('0') && enc_utf8_is_number('9') && !enc_utf8_is_number('/'));
    CHECK(!enc_utf8_is_number(':') && !enc_utf8_is_number('a'));
    CHECK(enc_utf8_is_number(0x0663) && enc_utf8_is_number(0x2167) &&
          enc_utf8_is_number(0xbd) && !enc_utf8_is_number(0xe9));
    CHECK(enc_utf8_is_white(' ') && enc_utf8_is_white(0x0b) && enc_utf8_is_white(0x85));
    CHECK(enc_utf8_is_white(0x3000) && !enc_utf8_is_white(0xac00));
    CHECK(!enc_utf8_is_white('a') && !enc_utf8_is_white(0x1f) &&
          !enc_utf8_is_white(0xe9));
    CHECK(enc_utf8_is_word(0x2167) && enc_utf8_is_word(0x203f)); /* Nl, Pc */
    CHECK(enc_utf8_is_word(0x200c) && enc_utf8_is_word(0x200d) &&
          enc_utf8_is_word(0x24d0));
    CHECK(enc_utf8_is_word(0x1f130) && enc_utf8_is_word(0x1f150) &&
          enc_utf8_is_word(0x1f189));
    CHECK(!enc_utf8_is_word(0x200b) && !enc_utf8_is_word(0x24ea) &&
          !enc_utf8_is_word(0x1f16a) && !enc_utf8_is_word(0x1f14a));
    CHECK(!enc_utf8_is_word(0xbd) && !enc_utf8_is_word(0x378)); /* No, unassigned */
    CHECK(!enc_utf8_is_letter(0x378) && !enc_utf8_is_letter(0x301));
}

static void characters_beyond_unicode_are_harmless(void)
{
    uint32_t out[18];
    uint8_t bytes[4];
    CHECK(enc_utf8_encode(0x110000, bytes) == 3 && memcmp(bytes, "\xef\xbf\xbd", 3) == 0);
    CHECK(enc_utf8_combining_class(0x110000) == 0);
    CHECK(!enc_utf8_is_space(0x110000) && !enc_utf8_is_punctuation(0xffffffff));
    CHECK(enc_utf8_lower(0xffffffff, out) == 1 && out[0] == 0xffffffff);
    CHECK(enc_utf8_decompose(0x110000, out) == 1 && out[0] == 0x110000);
    CHECK(enc_utf8_decompose(0xd800, out) == 1 && out[0] == 0xd800);
    CHECK(enc_utf8_compose(0x110000, 0x301) == 0);
}

static void lower_case_may_grow(void)
{
    uint32_t out[3];
    CHECK(enc_utf8_lower('A', out) == 1 && out[0] == 'a');
    CHECK(enc_utf8_lower(0x130, out) == 2 && out[0] == 'i' && out[1] == 0x307);
    CHECK(enc_utf8_lower(0x212a, out) == 1 && out[0] == 'k');
    CHECK(enc_utf8_lower(0x3a3, out) == 1 && out[0] == 0x3c3);
    CHECK(enc_utf8_lower(0xdf, out) == 1 && out[0] == 0xdf);
    CHECK(enc_utf8_lower(0xac00, out) == 1 && out[0] == 0xac00);
}

static void decomposition_is_canonical(void)
{
    uint32_t out[18];
    CHECK(enc_utf8_decompose('a', out) == 1 && out[0] == 'a');
    CHECK(enc_utf8_decompose(0xe9, out) == 2 && out[0] == 'e' && out[1] == 0x301);
    CHECK(enc_utf8_decompose(0x1ed9, out) == 3 && out[0] == 'o');
    CHECK(enc_utf8_decompose(0xac01, out) == 3 && out[2] == 0x11a8);
    CHECK(enc_utf8_decompose(0xfdfa, out) == 1); /* only NFKD takes it apart, into 18 */
    CHECK(enc_utf8_combining_class(0x301) == 230 && enc_utf8_combining_class('a') == 0);
}

static void composition_undoes_it(void)
{
    int bad = 0;
    for (uint32_t c = 0xac00; c < 0xd7a4; c++) {
        uint32_t out[18];
        size_t n = enc_utf8_decompose(c, out);
        uint32_t back = enc_utf8_compose(out[0], out[1]);
        if (n == 3) back = enc_utf8_compose(back, out[2]);
        if (back != c) bad++;
    }
    CHECK(bad == 0);
    CHECK(enc_utf8_compose('e', 0x301) == 0xe9);
    CHECK(enc_utf8_compose(0x9c7, 0x9be) == 0x9cb);
    CHECK(enc_utf8_compose('e', 'f') == 0);
    CHECK(enc_utf8_compose(0xac01, 0x11a8) == 0); /* it has a tail already */
    CHECK(enc_utf8_compose(0x1100, 0x11a8) == 0);
    CHECK(enc_utf8_compose(0xac00, 0x11c3) == 0); /* behind the last tail */
    CHECK(enc_utf8_compose(0xac00, 0x11a7) == 0); /* before the first */
}

static bool is_text(const char *bytes, size_t n)
{
    return enc_utf8_is_text((const uint8_t *)bytes, n);
}

static void text_is_well_formed_and_without_nul(void)
{
    CHECK(is_text("", 0) && is_text("a", 1));
    CHECK(is_text("a\xea\xb0\x80\xf0\x9f\x98\x80\n", 9));
    CHECK(is_text("\xef\xbf\xbd", 3)); /* U+FFFD itself */
    CHECK(!is_text("a\0b", 3) && !is_text("\xff", 1) && !is_text("\xef\xbf", 2));
    CHECK(!is_text("\xed\xa0\x80", 3) && !is_text("\xc0\x80", 2));
}

int main(void)
{
    well_formed_bytes_decode();
    each_maximal_ill_formed_part_is_one_replacement();
    every_character_survives_encoding();
    classes_are_those_of_bert();
    ideographs_are_those_of_eight_blocks();
    classes_are_those_of_regular_expressions();
    characters_beyond_unicode_are_harmless();
    lower_case_may_grow();
    decomposition_is_canonical();
    composition_undoes_it();
    text_is_well_formed_and_without_nul();
    return check_done("utf8");
}
