/* test_form.c - normal forms against known texts of Unicode's annex 15, and places. */
#include "text/form.h"

#include <string.h>

#include "base/mem.h"
#include "check.h"

static const char *form(enc_form f, const char *text)
{
    static char out[512];
    enc_placed in, to;
    enc_placed_init(&in);
    enc_placed_init(&to);
    CHECK(enc_placed_read(&in, (const uint8_t *)text, strlen(text), 0));
    CHECK(enc_form_run(f, &in, &to) && to.n < sizeof out);
    for (size_t i = 0; i < to.n; i++)
        CHECK(to.end[i] > to.start[i] && to.end[i] <= strlen(text) &&
              (i == 0 || to.start[i] >= to.start[i - 1]));
    if (to.n > 0) memcpy(out, to.bytes, to.n);
    out[to.n] = '\0';
    enc_placed_clear(&in);
    enc_placed_clear(&to);
    return out;
}

#define FORM(f, text, want)                                                              \
    CHECK_SAY(strcmp(form(f, text), want) == 0, "%s gives %s", text, form(f, text))

static void texts_come_in_their_normal_form(void)
{
    FORM(ENC_NFC, "", "");
    FORM(ENC_NFC, "plain", "plain");
    FORM(ENC_NFC, "e\xcc\x81 x", "\xc3\xa9 x");
    FORM(ENC_NFD, "\xc3\xa9 x", "e\xcc\x81 x");
    FORM(ENC_NFC, "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab\xea\xb8\x80",
         "\xed\x95\x9c\xea\xb8\x80");
    FORM(ENC_NFD, "\xed\x95\x9c", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab");
    FORM(ENC_NFKC, "\xef\xac\x81\xef\xbc\xa1\xc2\xbd",
         "fiA1\xe2\x81\x84"
         "2");
    FORM(ENC_NFKC, "\xc2\xa0", " ");
    FORM(ENC_NFC, "\xef\xac\x81", "\xef\xac\x81");
    FORM(ENC_NFKD, "\xe1\xba\x9b\xcc\xa3", "s\xcc\xa3\xcc\x87");
    FORM(ENC_NFKC, "\xe1\xba\x9b\xcc\xa3", "\xe1\xb9\xa9");
    FORM(ENC_NFC, "q\xcc\x87\xcc\xa3", "q\xcc\xa3\xcc\x87"); /* put in order */
    FORM(ENC_NFC, "a\xcc\xa7\xcc\x81", "\xc3\xa1\xcc\xa7");  /* past another class */
    FORM(ENC_NFC,
         "\xcc\x81"
         "a",
         "\xcc\x81"
         "a");
    FORM(ENC_NFC, "\xe2\x84\xab", "\xc3\x85");                 /* ANGSTROM SIGN */
    FORM(ENC_NFC, "\xe0\xa5\x98", "\xe0\xa4\x95\xe0\xa4\xbc"); /* not composed again */
}

static void many_marks_are_all_there(void)
{
    char text[401] = "a";
    for (size_t i = 0; i < 200; i++) memcpy(text + 1 + 2 * i, "\xcc\xa3", 2);
    text[400] = '\0';
    text[399] = '\0';
    CHECK(strlen(form(ENC_NFD, text)) == strlen(text));
}

int main(void)
{
    texts_come_in_their_normal_form();
    many_marks_are_all_there();
    CHECK(enc_mem_live() == 0);
    return check_done("form");
}
