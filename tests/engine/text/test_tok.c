/* test_tok.c - texts and pairs to tokens and back, with the vocabulary of
 * tests/data/tiny_vocab.txt. */
#include "text/tok.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "check.h"

static const enc_norm_rules ours = {true, true, true, true, true, false};
static const enc_bytes none = {NULL, 0};

static enc_tok *open_tiny(enc_norm_rules rules)
{
    enc_map *map;
    enc_vocab *vocab;
    enc_tok *t = NULL;
    enc_err e;
    enc_err_clear(&e);
    if (enc_map_open(&map, "tests/data/tiny_vocab.txt", 1 << 20, &e) == ENC_OK) {
        if (enc_vocab_read(&vocab, enc_map_bytes(map), "tiny_vocab.txt", &e) == ENC_OK)
            (void)enc_tok_new(&t, vocab, rules, &e);
        enc_map_close(map);
    }
    CHECK_SAY(t != NULL, "%s", e.text);
    if (t == NULL) exit(check_done("tok"));
    return t;
}

static enc_bytes bytes(const char *text)
{
    return text == NULL ? none : (enc_bytes){(const uint8_t *)text, strlen(text)};
}

/* "piece piece ..." or, with places, "piece@start-end ..." */
static const char *encode(const enc_tok *t, const char *a, const char *b, size_t n_max,
                          bool places)
{
    static char out[4096];
    enc_tokens ts;
    enc_err e;
    size_t at = 0;
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    out[0] = '\0';
    if (enc_tok_encode(t, bytes(a), bytes(b), n_max, true, &ts, &e) != ENC_OK)
        snprintf(out, sizeof out, "error: %s", e.text);
    for (size_t i = 0; i < ts.n && at + 100 < sizeof out; i++) {
        enc_bytes p = enc_vocab_piece(enc_tok_vocab(t), ts.at[i].id);
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%.*s", i ? " " : "",
                               (int)p.n, (const char *)p.at);
        if (places)
            at += (size_t)snprintf(out + at, sizeof out - at, "@%u-%u",
                                   (unsigned)ts.at[i].start, (unsigned)ts.at[i].end);
    }
    enc_tokens_clear(&ts);
    return out;
}

#define ENCODES(a, b, n_max, expected)                                                   \
    CHECK_SAY(strcmp(encode(t, a, b, n_max, false), expected) == 0, "%s gives %s", a,    \
              encode(t, a, b, n_max, false))
#define PLACES(a, expected)                                                              \
    CHECK_SAY(strcmp(encode(t, a, NULL, 0, true), expected) == 0, "%s gives %s", a,      \
              encode(t, a, NULL, 0, true))

static void texts_become_pieces_with_places(const enc_tok *t)
{
    PLACES("The fox jumped, Unaffable!",
           "[CLS]@0-0 the@0-3 fox@4-7 jump@8-12 ##ed@12-14 ,@14-15 un@16-18 ##aff@18-21 "
           "##able@21-25 !@25-26 [SEP]@0-0");
    PLACES("caf\xc3\xa9 \xc4\xb0stanbul",
           "[CLS]@0-0 cafe@0-5 i@6-8 ##stan@8-12 ##bul@12-15 [SEP]@0-0");
    PLACES("\xec\x84\x9c\xec\x9a\xb8\xec\x9d\x98 \xe4\xbd\xa0\xe5\xa5\xbd",
           "[CLS]@0-0 \xec\x84\x9c\xec\x9a\xb8@0-6 ##\xec\x9d\x98@6-9 \xe4\xbd\xa0@10-13 "
           "\xe5\xa5\xbd@13-16 [SEP]@0-0");
    PLACES("zebra", "[CLS]@0-0 [UNK]@0-5 [SEP]@0-0");
    ENCODES("", NULL, 0, "[CLS] [SEP]");
    ENCODES(" \n\t", NULL, 0, "[CLS] [SEP]");
}

static void special_tokens_in_the_text_are_themselves(const enc_tok *t)
{
    enc_tokens ts;
    enc_err e;
    PLACES("the [MASK].", "[CLS]@0-0 the@0-3 [MASK]@4-10 .@10-11 [SEP]@0-0");
    ENCODES("fox[MASK]s[SEP]dog", NULL, 0, "[CLS] fox [MASK] [UNK] [SEP] dog [SEP]");
    ENCODES("[mask] [MASK", NULL, 0, "[CLS] [ mask ] [ mask [SEP]");
    ENCODES("[PAD][UNK][CLS][[MASK]]", NULL, 0,
            "[CLS] [PAD] [UNK] [CLS] [ [MASK] ] [SEP]");
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    CHECK(enc_tok_encode(t, bytes("[SEP]"), none, 0, true, &ts, &e) == ENC_OK &&
          ts.n == 3);
    CHECK(ts.at[0].is_special && !ts.at[1].is_special && ts.at[2].is_special);
    enc_tokens_clear(&ts);
}

typedef struct seen { /* "word/pieces@start-end word/..." of a walk */
    char text[256];
    size_t n, n_words, n_words_max;
} seen;

static bool see(void *arg, const enc_word *word, const enc_piece *pieces, size_t n)
{
    seen *s = arg;
    s->n += (size_t)snprintf(s->text + s->n, sizeof s->text - s->n, "%s%.*s/%zu@%u-%u",
                             s->n_words ? " " : "", (int)word->n_bytes,
                             (const char *)word->bytes, n, (unsigned)pieces[0].start,
                             (unsigned)pieces[n - 1].end);
    return ++s->n_words < s->n_words_max;
}

static void a_walk_visits_words_and_their_pieces(const enc_tok *t)
{
    seen s = {.n_words_max = 100};
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_tok_walk(t, bytes("The fox's  Caf\xc3\xa9 zebra [MASK]"), see, &s, &e) ==
          ENC_OK);
    CHECK_SAY(strcmp(s.text, "the/1@0-3 fox/1@4-7 '/1@7-8 s/1@8-9 cafe/1@11-16 "
                             "zebra/1@17-22 [/1@23-24 mask/1@24-28 ]/1@28-29") == 0,
              "%s", s.text);
    s = (seen){.n_words_max = 1};
    CHECK(enc_tok_walk(t, bytes("unaffable fox"), see, &s, &e) == ENC_OK);
    CHECK(strcmp(s.text, "unaffable/3@0-9") == 0);
    s = (seen){.n_words_max = 1};
    CHECK(enc_tok_walk(t, none, see, &s, &e) == ENC_OK && s.n_words == 0);
    CHECK(strcmp(enc_tok_prefix(t), "##") == 0);
}

static void pairs_have_segments(const enc_tok *t)
{
    enc_tokens ts;
    enc_err e;
    ENCODES("the fox", "the dog", 0, "[CLS] the fox [SEP] the dog [SEP]");
    ENCODES("", "", 0, "[CLS] [SEP] [SEP]");
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    CHECK(enc_tok_encode(t, bytes("the"), bytes("a dog"), 0, true, &ts, &e) == ENC_OK);
    static const uint8_t segments[] = {0, 0, 0, 1, 1, 1};
    CHECK(ts.n == 6 && !ts.is_cut);
    for (size_t i = 0; i < ts.n; i++) CHECK(ts.at[i].segment == segments[i]);
    CHECK(ts.at[4].start == 2 && ts.at[4].end == 5); /* its place in its own text */
    CHECK(enc_tok_encode(t, bytes("the"), bytes("a"), 0, false, &ts, &e) == ENC_OK);
    CHECK(ts.n == 2 && ts.at[0].segment == 0 && ts.at[1].segment == 1);
    CHECK(enc_tok_encode(t, none, none, 0, false, &ts, &e) == ENC_OK && ts.n == 0);
    enc_tokens_clear(&ts);
}

static void truncation_takes_from_the_longer(const enc_tok *t)
{
    ENCODES("the fox jumps", NULL, 4, "[CLS] the fox [SEP]");
    ENCODES("the fox jumps", NULL, 2, "[CLS] [SEP]");
    ENCODES("the fox jumps", NULL, 6, "[CLS] the fox jump ##s [SEP]");
    ENCODES("a a a a a", "the dog", 8, "[CLS] a a a [SEP] the dog [SEP]");
    ENCODES("the dog", "a a a a a", 8, "[CLS] the dog [SEP] a a a [SEP]");
    ENCODES("a a a a a", "the dog fox dog", 6, "[CLS] a a [SEP] the [SEP]");
    ENCODES("the dog fox dog", "a a a a", 6, "[CLS] the [SEP] a a [SEP]");
    ENCODES("a a a", "dog", 3, "[CLS] [SEP] [SEP]");
    ENCODES("a a a", "dog", 4, "[CLS] a [SEP] [SEP]");
    ENCODES("a a a", "dog", 1, "error: 1 tokens are too few, at least 3 are needed");
    ENCODES("a", NULL, 1, "error: 1 tokens are too few, at least 2 are needed");
}

/* What longest_first means, one token at a time, and the tie that Hugging Face's
 * tokenizers break in favour of the second text. */
static void truncation_agrees_with_its_definition(const enc_tok *t)
{
    static char a[64], b[64];
    enc_tokens ts;
    enc_err e;
    int bad = 0;
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    for (size_t n_a = 0; n_a <= 7; n_a++)
        for (size_t n_b = 0; n_b <= 7; n_b++)
            for (size_t n_max = 3; n_max < 20; n_max++) {
                size_t x = n_a, y = n_b, is_a = 0, is_b = 0;
                memset(a, 0, sizeof a);
                memset(b, 0, sizeof b);
                for (size_t i = 0; i < n_a; i++) strcat(a, "a ");
                for (size_t i = 0; i < n_b; i++) strcat(b, "a ");
                while (x + y + 3 > n_max)
                    if (x > y || (x == y && n_a <= n_b)) x--;
                    else y--;
                if (enc_tok_encode(t, bytes(a), bytes(b), n_max, true, &ts, &e)) bad++;
                for (size_t i = 0; i < ts.n; i++) {
                    if (ts.at[i].is_special) continue;
                    if (ts.at[i].segment == 0) is_a++;
                    else is_b++;
                }
                if (is_a != x || is_b != y || ts.n != x + y + 3) bad++;
                if (ts.is_cut != (n_a + n_b + 3 > n_max)) bad++;
            }
    CHECK_SAY(bad == 0, "%d pairs are truncated otherwise", bad);
    enc_tokens_clear(&ts);
}

/* Special tokens in the text may be the one that is too many. */
static void a_text_that_just_fits_is_not_cut(const enc_tok *t)
{
    static const char *const texts[] = {"the fox jumps", "the fox [MASK][MASK]",
                                        "[MASK]the the [SEP]"};
    for (size_t i = 0; i < 3; i++)
        for (size_t n_max = 2; n_max < 9; n_max++) {
            enc_tokens ts;
            enc_err e;
            enc_err_clear(&e);
            enc_tokens_init(&ts);
            CHECK(enc_tok_encode(t, bytes(texts[i]), none, n_max, true, &ts, &e) ==
                  ENC_OK);
            CHECK(ts.is_cut == (n_max < 6) && ts.n == (n_max < 6 ? n_max : 6));
            enc_tokens_clear(&ts);
        }
}

/* Every copy of a sentence has the tokens of the first. */
static void a_long_text_is_read_like_a_short_one(const enc_tok *t)
{
    enum { COPIES = 2000 };
    static const char one[] = "unaffable fox  caf\xc3\xa9[MASK], the dog. ";
    static char text[COPIES * (sizeof one - 1)];
    enc_tokens ts;
    enc_err e;
    size_t n = sizeof one - 1, bad = 0;
    for (size_t i = 0; i < COPIES; i++) memcpy(text + i * n, one, n);
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    enc_bytes all = {(const uint8_t *)text, sizeof text};
    CHECK(enc_tok_encode(t, all, none, 0, false, &ts, &e) == ENC_OK);
    size_t n_one = ts.n / COPIES;
    CHECK(n_one == 10 && ts.n == n_one * COPIES);
    for (size_t i = n_one; i < ts.n; i++) {
        const enc_token *first = ts.at + i % n_one, *copy = ts.at + i;
        size_t shift = i / n_one * n;
        if (copy->id != first->id || copy->start != first->start + shift ||
            copy->end != first->end + shift)
            bad++;
    }
    CHECK_SAY(bad == 0, "%zu tokens are otherwise", bad);
    enc_tokens_clear(&ts);
}

static void a_long_text_keeps_few_tokens(const enc_tok *t)
{
    const size_t n = 4000000;
    char *text = malloc(n);
    enc_tokens ts;
    enc_err e;
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    for (size_t i = 0; i < n; i++) text[i] = i % 2 == 0 ? 'a' : ' ';
    enc_bytes all = {(const uint8_t *)text, n};
    CHECK(enc_tok_encode(t, all, all, 128, true, &ts, &e) == ENC_OK);
    CHECK(ts.n == 128 && ts.is_cut && ts.cap <= 512);
    CHECK(ts.at[127].is_special && ts.at[127].segment == 1);
    CHECK(ts.at[62].segment == 0 && ts.at[63].is_special && ts.at[64].segment == 1);
    enc_tokens_clear(&ts);
    memset(text, 'a', n);
    CHECK(enc_tok_encode(t, all, none, 0, true, &ts, &e) == ENC_OK);
    CHECK(ts.n == 3 && ts.at[1].id == 1 && ts.at[1].end == n);
    enc_tokens_clear(&ts);
    free(text);
}

static void the_hundredth_character_still_counts(const enc_tok *t)
{
    char text[ENC_WORD_MAX + 2];
    enc_tokens ts;
    enc_err e;
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    memset(text, 'a', sizeof text);
    text[ENC_WORD_MAX] = '\0';
    CHECK(enc_tok_encode(t, bytes(text), none, 0, false, &ts, &e) == ENC_OK);
    CHECK(ts.n == ENC_WORD_MAX);
    text[ENC_WORD_MAX] = 'a';
    text[ENC_WORD_MAX + 1] = '\0';
    CHECK(enc_tok_encode(t, bytes(text), none, 0, false, &ts, &e) == ENC_OK);
    CHECK(ts.n == 1 && ts.at[0].id == 1 && ts.at[0].end == ENC_WORD_MAX + 1);
    enc_tokens_clear(&ts);
}

static void ids_are_known(const enc_tok *t)
{
    enc_tok_special s = enc_tok_specials(t);
    CHECK(s.pad == 0 && s.unk == 1 && s.cls == 2 && s.sep == 3 && s.mask == 4);
    CHECK(enc_tok_is_special(t, 0) && enc_tok_is_special(t, 4) &&
          !enc_tok_is_special(t, 5));
    CHECK(!enc_tok_is_special(t, -1) && !enc_tok_is_special(t, 1000000));
    CHECK(enc_tok_is_subword(t, 8) && !enc_tok_is_subword(t, 7));
    CHECK(!enc_tok_is_subword(t, -1) && !enc_tok_is_subword(t, 1000000));
    CHECK(enc_tok_max(t) == 0 && enc_tok_rules(t).keep_hangul);
}

static void ids_become_text(const enc_tok *t)
{
    static const int32_t ids[] = {2, 5, 6, 7, 8, 999, -1, 4, 3};
    char *text = enc_tok_decode(t, ids, 9, false);
    CHECK(strcmp(text, "[CLS] the fox jumps [MASK] [SEP]") == 0);
    enc_mem_free(text);
    text = enc_tok_decode(t, ids, 9, true);
    CHECK(strcmp(text, "the fox jumps") == 0);
    enc_mem_free(text);
    text = enc_tok_decode(t, ids + 4, 1, true);
    CHECK(strcmp(text, "##s") == 0);
    enc_mem_free(text);
    text = enc_tok_decode(t, NULL, 0, true);
    CHECK(strcmp(text, "") == 0);
    enc_mem_free(text);
    enc_mem_fault(1, false);
    CHECK(enc_tok_decode(t, ids, 9, true) == NULL);
    enc_mem_fault(0, false);
}

static void a_vocabulary_without_special_tokens_is_refused(void)
{
    static const char *const texts[] = {"[CLS]\n[SEP]\na", "[UNK]\n[SEP]\na",
                                        "[UNK]\n[CLS]\na"};
    static const char *const says[] = {
        "vocabulary has no [UNK]", "vocabulary has no [CLS]", "vocabulary has no [SEP]"};
    for (size_t i = 0; i < 3; i++) {
        enc_vocab *v;
        enc_tok *t;
        enc_err e;
        enc_err_clear(&e);
        CHECK(enc_vocab_read(&v, bytes(texts[i]), "v", &e) == ENC_OK);
        CHECK(enc_tok_new(&t, v, ours, &e) == ENC_CORRUPT && t == NULL);
        CHECK(strcmp(e.text, says[i]) == 0);
    }
}

/* With the nth allocation failing, for every n, nothing leaks and the code is NOMEM. */
static void every_allocation_may_fail(const enc_tok *t)
{
    bool done = false;
    size_t live = enc_mem_live(), nth;
    for (nth = 1; !done && nth < 100; nth++) {
        enc_tokens ts;
        enc_err e;
        enc_err_clear(&e);
        enc_tokens_init(&ts);
        enc_mem_fault(nth, false);
        enc_rc rc = enc_tok_encode(t, bytes("the fox jumps over [MASK] the dog"),
                                   bytes("a dog, a fox"), 0, true, &ts, &e);
        enc_mem_fault(0, false);
        done = rc == ENC_OK;
        CHECK(done ? ts.n == 16 : rc == ENC_NOMEM && ts.n == 0);
        enc_tokens_clear(&ts);
        CHECK(enc_mem_live() == live);
    }
    CHECK(done && nth > 4);
}

int main(void)
{
    enc_tok *t = open_tiny(ours);
    texts_become_pieces_with_places(t);
    special_tokens_in_the_text_are_themselves(t);
    a_walk_visits_words_and_their_pieces(t);
    pairs_have_segments(t);
    truncation_takes_from_the_longer(t);
    truncation_agrees_with_its_definition(t);
    a_text_that_just_fits_is_not_cut(t);
    a_long_text_is_read_like_a_short_one(t);
    a_long_text_keeps_few_tokens(t);
    the_hundredth_character_still_counts(t);
    ids_are_known(t);
    ids_become_text(t);
    a_vocabulary_without_special_tokens_is_refused();
    every_allocation_may_fail(t);
    enc_tok_close(t);
    enc_tok_close(NULL);
    CHECK(enc_mem_live() == 0);
    return check_done("tok");
}
