/* The vocabulary is what the plain definition gives: count every pair again after every
 * merge, take the best, join it everywhere. That definition is written out below, slowly.
 */
#include "text/vocab_train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/rng.h"
#include "check.h"

static const enc_norm_rules rules = {.clean_text = true,
                                     .chinese_chars = true,
                                     .lower_case = true,
                                     .strip_accents = true,
                                     .keep_hangul = true};

static enc_bytes bytes_of(const char *text)
{
    return (enc_bytes){(const uint8_t *)text, strlen(text)};
}

/* A vocabulary from one text, or NULL; *rc says why. */
static enc_vocab *vocab_of(const char *text, enc_vocab_goal goal, enc_rc *rc, enc_err *e)
{
    enc_vocab_train *t;
    enc_vocab *v = NULL;

    enc_err_clear(e);
    *rc = enc_vocab_train_new(&t, rules, e);
    if (*rc) return NULL;
    *rc = enc_vocab_train_add(t, bytes_of(text), NULL, e);
    if (*rc == ENC_OK) *rc = enc_vocab_train_run(t, &goal, NULL, &v, e);
    enc_vocab_train_free(t);
    return v;
}

static bool piece_is(const enc_vocab *v, size_t id, const char *text)
{
    enc_bytes p = enc_vocab_piece(v, (int32_t)id);
    return p.n == strlen(text) && memcmp(p.at, text, p.n) == 0;
}

static bool has(const enc_vocab *v, const char *piece)
{
    return enc_vocab_find(v, piece, strlen(piece)) >= 0;
}

/* ---- the plain definition ---- */

#define N_WORDS  24
#define N_PIECES 200

typedef struct plain {
    char symbol[N_WORDS][16][48];
    size_t length[N_WORDS], count[N_WORDS];
    char piece[N_PIECES][48]; /* in the order they are made */
    size_t n_pieces;
} plain;

static void plain_spell(plain *p, size_t w, const char *word, size_t count)
{
    size_t n = 0;

    for (size_t at = 0; word[at] != '\0'; n++) {
        size_t step = (unsigned char)word[at] < 0x80 ? 1 : 3;
        snprintf(p->symbol[w][n], 48, "%s%.*s", n > 0 ? "##" : "", (int)step, word + at);
        at += step;
    }
    p->length[w] = n;
    p->count[w] = count;
}

static size_t plain_count(const plain *p, const char *a, const char *b)
{
    size_t sum = 0;

    for (size_t w = 0; w < N_WORDS; w++)
        for (size_t i = 1; i < p->length[w]; i++)
            if (!strcmp(p->symbol[w][i - 1], a) && !strcmp(p->symbol[w][i], b))
                sum += p->count[w];
    return sum;
}

static size_t plain_best(const plain *p, char a[48], char b[48])
{
    size_t best = 0;

    for (size_t w = 0; w < N_WORDS; w++)
        for (size_t i = 1; i < p->length[w]; i++) {
            const char *x = p->symbol[w][i - 1], *y = p->symbol[w][i];
            size_t n = plain_count(p, x, y);
            int order = strcmp(x, a) ? strcmp(x, a) : strcmp(y, b);
            if (n < best || (n == best && order >= 0)) continue;
            best = n;
            snprintf(a, 48, "%s", x);
            snprintf(b, 48, "%s", y);
        }
    return best;
}

static void plain_join(plain *p, const char *a, const char *b)
{
    char joined[48];

    CHECK(snprintf(joined, sizeof joined, "%s%s", a, b + 2) < (int)sizeof joined);
    for (size_t w = 0; w < N_WORDS; w++) {
        size_t n = 0;
        for (size_t i = 0; i < p->length[w]; i++) {
            bool match = i + 1 < p->length[w] && !strcmp(p->symbol[w][i], a) &&
                         !strcmp(p->symbol[w][i + 1], b);
            memmove(p->symbol[w][n++], match ? joined : p->symbol[w][i], 48);
            i += match;
        }
        p->length[w] = n;
    }
    for (size_t i = 0; i < p->n_pieces; i++)
        if (!strcmp(p->piece[i], joined)) return;
    snprintf(p->piece[p->n_pieces++], 48, "%s", joined);
}

/* Few letters make many ties, runs of one letter, and pieces reached in two ways. */
static size_t make_words(enc_rng *r, plain *p, char *text)
{
    static const char *const letters[] = {"a", "b", "\xea\xb0\x80", "\xeb\x82\x98"};
    size_t n_text = 0;

    for (size_t w = 0; w < N_WORDS; w++) {
        char word[64] = "";
        size_t n = 0, count = 1 + enc_rng_below(r, 4);
        for (size_t i = 2 + enc_rng_below(r, 8); i > 0; i--)
            n += (size_t)sprintf(word + n, "%s", letters[enc_rng_below(r, 4)]);
        plain_spell(p, w, word, count);
        for (size_t i = 0; i < count; i++)
            n_text += (size_t)sprintf(text + n_text, "%s ", word);
    }
    return n_text;
}

static bool is_character(enc_bytes p)
{
    size_t n = p.n > 2 && memcmp(p.at, "##", 2) == 0 ? p.n - 2 : p.n;
    return n == 1 || (n == 3 && p.at[p.n - 3] >= 0x80);
}

static void every_merge_is_the_best_by_definition(void)
{
    static plain p;
    static char text[20000];
    enc_rng r = {2026};

    for (int round = 0; round < 40; round++) {
        enc_err e;
        enc_rc rc;
        memset(&p, 0, sizeof p);
        make_words(&r, &p, text);
        enc_vocab *v = vocab_of(text, (enc_vocab_goal){60, 1, 100, 3}, &rc, &e);
        CHECK_SAY(rc == ENC_OK, "round %d: %s", round, e.text);
        if (v == NULL) continue;
        size_t first = 5;
        while (first < enc_vocab_size(v) &&
               is_character(enc_vocab_piece(v, (int32_t)first)))
            first++;
        size_t same = 0, n = enc_vocab_size(v) - first;
        while (p.n_pieces < 60 - first) {
            char a[48] = "\xff", b[48] = "\xff";
            if (plain_best(&p, a, b) < 3) break;
            plain_join(&p, a, b);
        }
        for (size_t i = 0; i < n && i < p.n_pieces; i++)
            same += piece_is(v, first + i, p.piece[i]);
        CHECK_SAY(n == p.n_pieces && same == n && n > 20,
                  "round %d: %zu merges, %zu expected, %zu the same", round, n,
                  p.n_pieces, same);
        enc_vocab_free(v);
    }
}

static void the_order_is_specials_then_characters_then_merges(void)
{
    enc_err e;
    enc_rc rc;
    enc_vocab *v =
        vocab_of("low low low lower, LOW", (enc_vocab_goal){40, 1, 100, 2}, &rc, &e);
    const char *expected[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ",",
                              "e",     "l",     "o",     "r",     "w",      "##e",
                              "##o",   "##r",   "##w",   "##ow",  "low"};
    size_t n = sizeof expected / sizeof *expected;

    CHECK_SAY(v != NULL, "%s", e.text);
    if (v == NULL) return;
    CHECK(enc_vocab_size(v) ==
          n); /* nothing else comes twice: fewer pieces than wanted */
    for (size_t i = 0; i < n; i++) CHECK_SAY(piece_is(v, i, expected[i]), "piece %zu", i);
    enc_vocab_free(v);
}

static void what_stands_alone_has_no_continuation(void)
{
    enc_err e;
    enc_rc rc;
    enc_vocab *v =
        vocab_of("\xe6\xbc\xa2\xe5\xad\x97! ab", (enc_vocab_goal){99, 1, 99, 2}, &rc, &e);

    CHECK_SAY(v != NULL, "%s", e.text);
    if (v == NULL) return;
    CHECK(has(v, "\xe6\xbc\xa2") && !has(v, "##\xe6\xbc\xa2"));
    CHECK(has(v, "!") && !has(v, "##!"));
    CHECK(has(v, "a") && !has(v, "##a") && has(v, "b") && has(v, "##b"));
    enc_vocab_free(v);
}

static void rare_characters_are_left_out_with_their_words(void)
{
    const char *text = "ab ab ab ab abz abz xy xy xy";
    enc_err e;
    enc_rc rc;
    enc_vocab *v = vocab_of(text, (enc_vocab_goal){99, 3, 99, 1}, &rc, &e);

    CHECK_SAY(v != NULL, "%s", e.text);
    if (v == NULL) return;
    CHECK(has(v, "ab") && has(v, "xy") && !has(v, "z") && !has(v, "##z") &&
          !has(v, "abz"));
    enc_vocab_free(v);

    v = vocab_of(text, (enc_vocab_goal){99, 1, 2, 1}, &rc,
                 &e); /* a and b, six times each */
    CHECK(v != NULL && has(v, "a") && has(v, "b") && !has(v, "x") && !has(v, "z"));
    enc_vocab_free(v);

    v = vocab_of(text, (enc_vocab_goal){8, 1, 99, 1}, &rc, &e); /* room for a, b, ##b */
    CHECK(v != NULL && enc_vocab_size(v) == 8 && has(v, "a") && has(v, "##b"));
    enc_vocab_free(v);
}

static void rare_pairs_are_not_merged(void)
{
    enc_err e;
    enc_rc rc;
    enc_vocab *v = vocab_of("ab ab ab cd cd", (enc_vocab_goal){99, 1, 99, 3}, &rc, &e);

    CHECK(v != NULL && has(v, "ab") && !has(v, "cd"));
    enc_vocab_free(v);
}

static void words_over_the_limit_are_skipped(void)
{
    char text[256];
    enc_err e;
    enc_rc rc;

    memset(text, 'q', ENC_WORD_MAX);
    strcpy(text + ENC_WORD_MAX, " ab");
    enc_vocab *v = vocab_of(text, (enc_vocab_goal){99, 1, 99, 1}, &rc, &e);
    CHECK(v != NULL && has(v, "q") && has(v, "ab"));
    enc_vocab_free(v);

    memset(text, 'q', ENC_WORD_MAX + 1);
    strcpy(text + ENC_WORD_MAX + 1, " ab");
    v = vocab_of(text, (enc_vocab_goal){99, 1, 99, 1}, &rc, &e);
    CHECK(v != NULL && !has(v, "q") && has(v, "ab"));
    enc_vocab_free(v);
}

static void impossible_goals_are_refused(void)
{
    enc_err e;
    enc_rc rc;

    CHECK(vocab_of("ab", (enc_vocab_goal){5, 1, 9, 1}, &rc, &e) == NULL &&
          rc == ENC_RANGE);
    CHECK_SAY(!strcmp(e.text, "vocabulary of 5 pieces, expected 6 to 1048576"), "%s",
              e.text);
    CHECK(vocab_of("ab", (enc_vocab_goal){ENC_VOCAB_MAX + 1, 1, 9, 1}, &rc, &e) == NULL);
    CHECK(rc == ENC_RANGE);
    CHECK(vocab_of(" \n", (enc_vocab_goal){99, 1, 9, 1}, &rc, &e) == NULL &&
          rc == ENC_RANGE);
    CHECK_SAY(!strcmp(e.text, "no words to make a vocabulary of 99 pieces from"), "%s",
              e.text);
    enc_vocab *v = vocab_of("ab", (enc_vocab_goal){6, 1, 9, 1}, &rc, &e);
    CHECK(v != NULL && enc_vocab_size(v) == 6);
    enc_vocab_free(v);
}

typedef struct patience {  /* of one who is asked */
    size_t n_asked, n_max; /* the question n_max is answered with stop; 0: none */
} patience;

static bool is_over(void *arg)
{
    patience *p = arg;
    return ++p->n_asked == p->n_max;
}

/* Some 300 KB of words that are all different. */
static enc_rc learn_many_words(patience *p, enc_err *e)
{
    enum { N_MANY = 40000 };
    enc_vocab_train *t;
    enc_vocab_goal goal = {3000, 1, 99, 1};
    enc_vocab *v = NULL;
    enc_ask ask = {.stop = is_over, .arg = p};
    char *text = malloc(N_MANY * 8 + 1);
    enc_rc rc;

    for (size_t i = 0; i < N_MANY; i++) {
        size_t word = i * 2654435761u;
        for (size_t k = 0; k < 7; k++, word /= 13)
            text[8 * i + k] = (char)('a' + word % 13);
        text[8 * i + 7] = ' ';
    }
    enc_err_clear(e);
    CHECK(enc_vocab_train_new(&t, rules, e) == ENC_OK);
    rc = enc_vocab_train_add(t, (enc_bytes){(const uint8_t *)text, (size_t)N_MANY * 8},
                             &ask, e);
    if (rc == ENC_OK) rc = enc_vocab_train_run(t, &goal, &ask, &v, e);
    CHECK((rc == ENC_OK) == (v != NULL));
    enc_vocab_free(v);
    enc_vocab_train_free(t);
    free(text);
    return rc;
}

/* While words are counted, prepared and merged; and nobody is asked twice. */
static void any_answer_can_stop_it(void)
{
    patience all = {0};
    enc_err e;

    CHECK(learn_many_words(&all, &e) == ENC_OK);
    CHECK_SAY(all.n_asked > 30, "%zu questions", all.n_asked);
    for (size_t k = 1; k <= all.n_asked; k += 1 + all.n_asked / 12) {
        patience some = {.n_max = k};
        CHECK(learn_many_words(&some, &e) == ENC_INTERRUPT);
        CHECK_SAY(some.n_asked == k, "asked %zu times, not %zu", some.n_asked, k);
        CHECK_SAY(strcmp(e.text, "interrupted") == 0, "%s", e.text);
    }
}

static void texts_add_up(void)
{
    enc_vocab_goal goal = {99, 1, 99, 2};
    enc_vocab_train *t;
    enc_vocab *v = NULL;
    enc_err e;

    enc_err_clear(&e);
    CHECK(enc_vocab_train_new(&t, rules, &e) == ENC_OK);
    CHECK(enc_vocab_train_add(t, bytes_of("ab cd"), NULL, &e) == ENC_OK);
    CHECK(enc_vocab_train_add(t, bytes_of(""), NULL, &e) == ENC_OK);
    CHECK(enc_vocab_train_add(t, bytes_of("ab"), NULL, &e) == ENC_OK);
    CHECK(enc_vocab_train_run(t, &goal, NULL, &v, &e) == ENC_OK);
    CHECK(v != NULL && has(v, "ab") && !has(v, "cd"));
    enc_vocab_free(v);
    enc_vocab_train_free(t);
}

static void every_failed_allocation_is_reported(void)
{
    size_t live = enc_mem_live(), nth = 1;
    enc_err e;
    enc_rc rc;

    for (;; nth++) {
        enc_mem_fault(nth, false);
        enc_vocab *v =
            vocab_of("low lower lowest slow", (enc_vocab_goal){40, 1, 99, 1}, &rc, &e);
        enc_mem_fault(0, false);
        enc_vocab_free(v);
        CHECK_SAY(enc_mem_live() == live, "allocation %zu failed and something leaked",
                  nth);
        if (v != NULL) break;
        CHECK_SAY(rc == ENC_NOMEM && e.rc == ENC_NOMEM, "allocation %zu gave %d", nth,
                  rc);
    }
    CHECK_SAY(nth > 10, "only %zu allocations", nth);
}

int main(void)
{
    every_merge_is_the_best_by_definition();
    the_order_is_specials_then_characters_then_merges();
    what_stands_alone_has_no_continuation();
    rare_characters_are_left_out_with_their_words();
    rare_pairs_are_not_merged();
    words_over_the_limit_are_skipped();
    impossible_goals_are_refused();
    any_answer_can_stop_it();
    texts_add_up();
    every_failed_allocation_is_reported();
    return check_done("vocab_train");
}
