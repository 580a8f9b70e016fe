/* test_norm.c - BERT's rules on short texts, and the hard ones on long texts. */
#include "text/norm.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "check.h"

static const enc_norm_rules uncased = {true, true, true, true, false, false};
static const enc_norm_rules cased = {true, true, false, false, false, false};
static const enc_norm_rules ours = {true, true, true, true, true, false};
static const enc_norm_rules bare = {false, false, false, false, false, false};

/* The words of a text as "word@start-end|word@..." */
static const char *words(enc_norm_rules rules, const char *text, size_t n)
{
    static char out[4096];
    enc_norm w;
    enc_word word;
    enc_err e;
    bool found;
    size_t at = 0;
    out[0] = '\0';
    enc_err_clear(&e);
    enc_norm_init(&w, rules);
    enc_norm_start(&w, text, n);
    while (enc_norm_next(&w, &word, &found, &e) == ENC_OK && found)
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%.*s@%u-%u", at ? "|" : "",
                               (int)word.n_bytes, (const char *)word.bytes,
                               (unsigned)word.start[0],
                               (unsigned)word.end[word.n_bytes - 1]);
    enc_norm_clear(&w);
    return out;
}

#define WORDS(rules, text, expected)                                                     \
    CHECK_SAY(strcmp(words(rules, text, sizeof text - 1), expected) == 0, "%s gives %s", \
              text, words(rules, text, sizeof text - 1))

static void white_space_and_punctuation_split(void)
{
    WORDS(uncased, "", "");
    WORDS(uncased, " \t\r\n", "");
    WORDS(uncased, "Hello, World!", "hello@0-5|,@5-6|world@7-12|!@12-13");
    WORDS(cased, "a-B_c$", "a@0-1|-@1-2|B@2-3|_@3-4|c@4-5|$@5-6");
    WORDS(cased,
          "a\xc2\xa0"
          "b\xe3\x80\x80"
          "c\xe2\x80\xa8"
          "d",
          "a@0-1|b@3-4|c@7-8|d@11-12");
    WORDS(cased, "\xe2\x80\x9cq\xe2\x80\x9d", "\xe2\x80\x9c@0-3|q@3-4|\xe2\x80\x9d@4-7");
    WORDS(cased, "5\xe2\x82\xac", "5\xe2\x82\xac@0-4"); /* a symbol is no punctuation */
}

static void controls_vanish_without_splitting(void)
{
    WORDS(uncased,
          "a\0b\x7f"
          "c\x01",
          "abc@0-5");
    WORDS(uncased,
          "a\xef\xbf\xbd"
          "b",
          "ab@0-5");
    WORDS(uncased,
          "a\xff\xfe"
          "b",
          "ab@0-4");
    WORDS(uncased,
          "a\xe2\x80\x8d"
          "b\x0b"
          "c",
          "abc@0-7");
    WORDS(uncased,
          "\xef\xbb\xbf"
          "a",
          "a@3-4"); /* a byte order mark */
    WORDS(bare,
          "a\x01"
          "b\x0b"
          "c\xc2\x85"
          "d",
          "a\x01"
          "b@0-3|c@4-5|d@7-8");
    WORDS(bare,
          "a\xff"
          "b",
          "a\xef\xbf\xbd"
          "b@0-3");
}

static void ideographs_stand_alone_if_wanted(void)
{
    WORDS(uncased,
          "a\xe4\xbd\xa0\xe5\xa5\xbd"
          "b",
          "a@0-1|\xe4\xbd\xa0@1-4|\xe5\xa5\xbd@4-7|b@7-8");
    WORDS(bare, "a\xe4\xbd\xa0\xe5\xa5\xbd", "a\xe4\xbd\xa0\xe5\xa5\xbd@0-7");
    WORDS(uncased, "\xef\xa4\x80z",
          "\xe8\xb1\x88@0-3|z@3-4"); /* U+F900 is U+8C48 in NFD */
}

static void accents_are_stripped_with_their_place(void)
{
    WORDS(uncased, "H\xc3\xa9llo", "hello@0-6");
    WORDS(uncased, "cafe\xcc\x81 x", "cafe@0-6|x@7-8");
    WORDS(uncased, "\xcc\x81 \xcc\x81", "");
    WORDS(uncased, "\xc4\xb0x", "ix@0-3");
    WORDS(uncased,
          "a\xe2\x89\xa0"
          "b",
          "a@0-1|=@1-4|b@4-5"); /* U+2260 is = and a mark */
    WORDS(uncased,
          "a\xcd\xbe"
          "b",
          "a@0-1|;@1-3|b@3-4"); /* U+037E is ; in NFD */
    WORDS(cased, "caf\xc3\xa9", "caf\xc3\xa9@0-5");
    WORDS(uncased, "\xe0\xa4\x95\xe0\xa5\x80",
          "\xe0\xa4\x95\xe0\xa5\x80@0-6"); /* Mc stays */
    enc_norm_rules marks = {false, false, true, true, false, true};
    WORDS(marks, "\xe0\xa4\x95\xe0\xa5\x80", "\xe0\xa4\x95@0-6");
}

static void lower_case_alone_keeps_accents(void)
{
    enc_norm_rules lower = {true, true, true, false, false, false};
    WORDS(lower, "\xc3\x89T\xc3\x89", "\xc3\xa9t\xc3\xa9@0-5");
    WORDS(lower, "\xc4\xb0Z", "i\xcc\x87z@0-3");
    WORDS(lower, "\xea\xb0\x81", "\xea\xb0\x81@0-3");
}

static void hangul_is_kept_or_taken_apart(void)
{
    WORDS(uncased, "\xea\xb0\x81", "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8@0-3");
    WORDS(ours, "\xea\xb0\x81\xec\x9e\x90", "\xea\xb0\x81\xec\x9e\x90@0-6");
    WORDS(ours, "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", "\xea\xb0\x81@0-9");
    WORDS(ours, "\xea\xb0\x80\xe1\x86\xa8x", "\xea\xb0\x81x@0-7");
    WORDS(ours, "\xc3\x89\xcc\x82", "e@0-4");
    WORDS(ours, "\xe0\xa7\x8b", "\xe0\xa7\x8b@0-3"); /* two Mc of Bengali, one again */
}

/* Each byte has the place of its own character. */
static void bytes_know_where_they_came_from(void)
{
    enc_norm w;
    enc_word word;
    enc_err e;
    bool found;
    enc_err_clear(&e);
    enc_norm_init(&w, uncased);
    enc_norm_start(&w, "x \xc3\x89\xc4\xb0z", 7);
    CHECK(enc_norm_next(&w, &word, &found, &e) == ENC_OK && found && word.n_bytes == 1);
    CHECK(enc_norm_next(&w, &word, &found, &e) == ENC_OK && found && word.n_bytes == 3);
    CHECK(memcmp(word.bytes, "eiz", 3) == 0 && word.n_chars == 3);
    CHECK(word.start[0] == 2 && word.end[0] == 4 && word.start[1] == 4);
    CHECK(word.end[1] == 6 && word.start[2] == 6 && word.end[2] == 7);
    CHECK(enc_norm_next(&w, &word, &found, &e) == ENC_OK && !found);
    CHECK(enc_norm_next(&w, &word, &found, &e) == ENC_OK && !found);
    enc_norm_clear(&w);
    CHECK(enc_mem_live() == 0);
}

/* One word of `n` units: its characters are counted and its end is right, in little
 * memory. */
static void check_long(enc_norm_rules rules, const char *unit, size_t n, size_t n_chars)
{
    size_t n_unit = strlen(unit);
    char *text = malloc(n * n_unit + 2);
    enc_norm w;
    enc_word word = {0};
    enc_err e;
    bool found;
    text[0] = 'x';
    for (size_t i = 0; i < n; i++) memcpy(text + 1 + i * n_unit, unit, n_unit);
    text[1 + n * n_unit] = ' ';
    enc_err_clear(&e);
    enc_norm_init(&w, rules);
    enc_norm_start(&w, text, n * n_unit + 2);
    CHECK(enc_norm_next(&w, &word, &found, &e) == ENC_OK && found);
    CHECK_SAY(word.n_chars == n_chars, "%zu characters instead of %zu", word.n_chars,
              n_chars);
    CHECK(word.n_bytes <= 4 * (ENC_WORD_MAX + 1) && w.cap <= 1024);
    CHECK(word.end[word.n_bytes - 1] == n * n_unit + 1);
    enc_norm_clear(&w);
    free(text);
}

static void long_words_cost_no_memory(void)
{
    check_long(uncased, "a", 100, 101);
    check_long(uncased, "a", 10000000, 10000001);
    check_long(uncased, "\xcc\x81", 1000000, 1);
    check_long(cased, "\xcc\x81", 1000000, 1000001);
    check_long(uncased, "\xea\xb0\x81", 100000, 300001);
    check_long(ours, "\xea\xb0\x81", 100000, 100001);
    check_long(uncased, "\xef\xb7\xba", 100000, 100001); /* 18 characters only in NFKD */
}

static void random_bytes_stay_in_bounds(void)
{
    uint64_t state = 1;
    for (int round = 0; round < 3000; round++) {
        char text[64];
        enc_norm w;
        enc_word word;
        enc_err e;
        bool found = true;
        uint32_t before = 0;
        int bad = 0;
        for (size_t i = 0; i < sizeof text; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            uint8_t b = (uint8_t)(state >> 56);
            text[i] =
                (char)(round % 2 == 0 ? b : "\xea\xcc\xe1\x84\x85\xcd\x81 .a"[b % 10]);
        }
        enc_err_clear(&e);
        enc_norm_rules rules = {state >> 20 & 1, state >> 21 & 1, state >> 22 & 1,
                                state >> 23 & 1, state >> 24 & 1, state >> 25 & 1};
        enc_norm_init(&w, rules);
        enc_norm_start(&w, text, sizeof text);
        while (enc_norm_next(&w, &word, &found, &e) == ENC_OK && found) {
            if (word.n_bytes == 0 || word.n_chars == 0 || word.start[0] < before) bad++;
            for (size_t i = 0; i < word.n_bytes; i++)
                if (word.start[i] >= word.end[i] || word.end[i] > sizeof text) bad++;
            before = word.start[0];
        }
        CHECK(bad == 0 && e.rc == ENC_OK);
        enc_norm_clear(&w);
    }
}

static void no_memory_is_reported(void)
{
    for (size_t nth = 1; nth <= 1; nth++) {
        enc_norm w;
        enc_word word;
        enc_err e;
        bool found;
        enc_err_clear(&e);
        enc_norm_init(&w, uncased);
        enc_norm_start(&w, "ab", 2);
        enc_mem_fault(nth, false);
        CHECK(enc_norm_next(&w, &word, &found, &e) == ENC_NOMEM && !found);
        enc_mem_fault(0, false);
        enc_norm_clear(&w);
        CHECK(enc_mem_live() == 0);
    }
}

static void a_text_over_the_limit_is_refused(void)
{
    enc_norm w;
    enc_word word;
    enc_err e;
    bool found;
    enc_err_clear(&e);
    enc_norm_init(&w, uncased);
    enc_norm_start(&w, "", ENC_TEXT_MAX + 1); /* refused before it is read */
    CHECK(enc_norm_next(&w, &word, &found, &e) == ENC_RANGE && !found);
    enc_norm_clear(&w);
}

int main(void)
{
    white_space_and_punctuation_split();
    controls_vanish_without_splitting();
    ideographs_stand_alone_if_wanted();
    accents_are_stripped_with_their_place();
    lower_case_alone_keeps_accents();
    hangul_is_kept_or_taken_apart();
    bytes_know_where_they_came_from();
    long_words_cost_no_memory();
    random_bytes_stay_in_bounds();
    no_memory_is_reported();
    a_text_over_the_limit_is_refused();
    return check_done("norm");
}
