/* Words are counted exactly until the limits are met, and then the rare ones go. */
#include "text/word_table.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "check.h"

static bool add(enc_word_table *t, const char *word)
{
    return enc_word_table_add(t, (const uint8_t *)word, strlen(word));
}

static uint64_t count_of(const enc_word_table *t, const char *word)
{
    for (size_t i = 0; i < t->n_words; i++)
        if (t->words[i].n == strlen(word) &&
            memcmp(t->pool + t->words[i].at, word, t->words[i].n) == 0)
            return t->words[i].count;
    return 0;
}

static void every_word_is_counted(void)
{
    enc_word_table t;
    char word[16];
    size_t wrong = 0;

    enc_word_table_init(&t, ENC_TABLE_WORDS, ENC_TABLE_BYTES);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 1000; i++) {
            snprintf(word, sizeof word, "w%d", i);
            if (i % (round + 1) == 0) CHECK(add(&t, word));
        }
    CHECK(t.n_words == 1000);
    for (int i = 0; i < 1000; i++) {
        snprintf(word, sizeof word, "w%d", i);
        wrong += count_of(&t, word) != 1u + (i % 2 == 0) + (i % 3 == 0);
    }
    CHECK_SAY(wrong == 0, "%zu of 1000 counts are wrong", wrong);
    CHECK(count_of(&t, "w1000") == 0);
    enc_word_table_clear(&t);
    CHECK(t.n_words == 0 && enc_mem_live() == 0);
}

static void a_full_table_forgets_the_words_seen_once(void)
{
    enc_word_table t;
    char word[16];

    enc_word_table_init(&t, 8, 1000);
    for (int i = 0; i < 3; i++) CHECK(add(&t, "often"));
    for (int i = 0; i < 2; i++) CHECK(add(&t, "twice"));
    for (int i = 0; i < 6; i++) {
        snprintf(word, sizeof word, "once%d", i);
        CHECK(add(&t, word));
    }
    CHECK(t.n_words == 8);
    CHECK(add(&t, "often") && t.n_words == 8); /* a known word needs no room */
    CHECK(add(&t, "new"));
    CHECK(t.n_words == 3);
    CHECK(count_of(&t, "often") == 4 && count_of(&t, "twice") == 2);
    CHECK(count_of(&t, "new") == 1 && count_of(&t, "once3") == 0);
    CHECK(t.words[0].at == 0 && memcmp(t.pool, "oftentwicenew", 13) == 0);
    enc_word_table_clear(&t);
}

static void a_full_pool_forgets_too(void)
{
    enc_word_table t;

    enc_word_table_init(&t, 1000, 12);
    CHECK(add(&t, "aaaa") && add(&t, "bbbb") && add(&t, "bbbb") && add(&t, "cccc"));
    CHECK(t.n_pool == 12);
    CHECK(add(&t, "dddd"));
    CHECK(t.n_words == 2 && t.n_pool == 8);
    CHECK(count_of(&t, "bbbb") == 2 && count_of(&t, "dddd") == 1);
    enc_word_table_clear(&t);
}

static void words_that_are_all_frequent_are_forgotten_when_need_be(void)
{
    enc_word_table t;
    const char *words[] = {"a", "b", "c", "d"};

    enc_word_table_init(&t, 4, 1000);
    for (int i = 0; i < 400; i++) CHECK(add(&t, words[i % 4]));
    CHECK(count_of(&t, "a") == 100);
    CHECK(add(&t, "e"));
    CHECK(t.n_words == 1 && count_of(&t, "e") == 1);
    enc_word_table_clear(&t);
}

static void a_failed_allocation_changes_nothing(void)
{
    enc_word_table t;
    char word[16];
    size_t refused = 0;

    enc_word_table_init(&t, 1000, 10000);
    for (int i = 0; i < 500; i++) {
        snprintf(word, sizeof word, "w%d", i);
        enc_mem_fault(1, false);
        bool ok = add(&t, word);
        enc_mem_fault(0, false);
        if (ok) continue;
        refused++;
        CHECK(t.n_words == (size_t)i);
        CHECK(add(&t, word));
    }
    CHECK(refused > 0 && t.n_words == 500 && count_of(&t, "w499") == 1);
    enc_word_table_clear(&t);
    CHECK(enc_mem_live() == 0);
}

int main(void)
{
    every_word_is_counted();
    a_full_table_forgets_the_words_seen_once();
    a_full_pool_forgets_too();
    words_that_are_all_frequent_are_forgotten_when_need_be();
    a_failed_allocation_changes_nothing();
    return check_done("word_table");
}
