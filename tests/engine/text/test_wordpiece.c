/* test_wordpiece.c - a word into its pieces. */
#include "text/wordpiece.h"

#include <string.h>

#include "base/limits.h"
#include "check.h"

static enc_vocab *vocab;

/* Splits a word whose character i came from byte 10 + i, as "2 4 1@10-12"-like text. */
static const char *split(const char *text, size_t n_chars, size_t word_max)
{
    static char out[512];
    static uint32_t start[1024], end[1024];
    enc_piece pieces[ENC_WORD_MAX];
    size_t n_bytes = strlen(text), n_out = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        start[i] = (uint32_t)i + 10;
        end[i] = (uint32_t)i + 11;
    }
    enc_word word = {(const uint8_t *)text, n_bytes, n_chars, start, end};
    enc_wordpiece w = {vocab, "##", word_max, 0};
    size_t n = enc_wordpiece_split(&w, &word, pieces, ENC_WORD_MAX);
    out[0] = '\0';
    for (size_t i = 0; i < n; i++)
        n_out += (size_t)snprintf(out + n_out, sizeof out - n_out, "%s%d@%u-%u",
                                  i == 0 ? "" : " ", (int)pieces[i].id,
                                  (unsigned)pieces[i].start, (unsigned)pieces[i].end);
    return out;
}

#define SPLITS(text, word_max, expected)                                                 \
    CHECK_SAY(strcmp(split(text, strlen(text), word_max), expected) == 0, "%s gives %s", \
              text, split(text, strlen(text), word_max))

int main(void)
{
    static const char lines[] =
        "[UNK]\nun\n##aff\n##able\nwant\n##want\n##ed\nrunn\n##ing\nu";
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_vocab_read(&vocab, (enc_bytes){(const uint8_t *)lines, sizeof lines - 1},
                         "vocab", &e) == ENC_OK);
    SPLITS("unaffable", 100, "1@10-12 2@12-15 3@15-19");
    SPLITS("unwanted", 100, "1@10-12 5@12-16 6@16-18");
    SPLITS("running", 100, "7@10-14 8@14-17");
    SPLITS("u", 100, "9@10-11");
    SPLITS("", 100, "");
    SPLITS("unwantedX", 100, "0@10-19"); /* one bad end spoils the word */
    SPLITS("Xun", 100, "0@10-13");
    SPLITS("unaffable", 9, "1@10-12 2@12-15 3@15-19");
    SPLITS("unaffable", 8, "0@10-19");

    /* What does not fit is counted and not written. */
    static const uint32_t places[9] = {0};
    enc_word word = {(const uint8_t *)"unaffable", 9, 9, places, places};
    enc_wordpiece w = {vocab, "##", 100, 0};
    enc_piece one[2] = {{-7, 0, 0, 0}, {-7, 0, 0, 0}};
    CHECK(enc_wordpiece_split(&w, &word, one, 1) == 3 && one[0].id == 1 &&
          one[0].n_bytes == 2 && one[1].id == -7);
    enc_vocab_free(vocab);
    return check_done("wordpiece");
}
