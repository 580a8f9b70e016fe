/* test_tok_encode.c - byte-level BPE and Unigram against tests/ref/tokenizers.py: ids and
 * places of every case, and what must hold of any text: places in order and on
 * characters, bytes that come back, files that open again, and no memory lost when there
 * is none. */
#include "text/tok.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "base/wr.h"
#include "check.h"

static const enc_bytes none = {NULL, 0};
static enc_map *maps[4];
static enc_tok_files bpe_files, unigram_files;

static enc_bytes bytes(const char *text)
{
    return (enc_bytes){(const uint8_t *)text, strlen(text)};
}

static enc_tok *open_tok(const enc_tok_files *files)
{
    enc_tok *t;
    enc_err e;
    enc_err_clear(&e);
    CHECK_SAY(enc_tok_open(&t, files, &e) == ENC_OK, "%s", e.text);
    return t;
}

static enc_tok *again(const enc_tok *t)
{
    enc_wr w;
    enc_wr_init(&w);
    enc_tok_write_json(t, &w);
    enc_tok_files files = {.tokenizer_json = {w.at, w.n}};
    enc_tok *back = open_tok(&files);
    enc_wr_clear(&w);
    return back;
}

/* "id id ..." with n_max and template. */
static const char *ids_of(const enc_tok *t, const char *a, const char *b, size_t n_max)
{
    static char out[2][2048];
    static int turn;
    char *to = out[turn ^= 1];
    enc_tokens ts;
    enc_err e;
    size_t at = 0;
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    to[0] = '\0';
    CHECK(enc_tok_encode(t, bytes(a), b == NULL ? none : bytes(b), n_max, true, &ts,
                         &e) == ENC_OK);
    for (size_t i = 0; i < ts.n && at + 32 < sizeof *out; i++)
        at += (size_t)snprintf(to + at, sizeof *out - at, "%s%d/%d", i ? " " : "",
                               (int)ts.at[i].id, ts.at[i].segment);
    enc_tokens_clear(&ts);
    return to;
}

#define IDS(t, a, b, n_max, expected)                                                    \
    CHECK_SAY(strcmp(ids_of(t, a, b, n_max), expected) == 0, "%s gives %s", a,           \
              ids_of(t, a, b, n_max))

static void check_case(const enc_tok *t, const char *text, size_t n, enc_json_value *want)
{
    enc_tokens ts;
    enc_err e;
    size_t same = 0;
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    CHECK(enc_tok_encode(t, (enc_bytes){(const uint8_t *)text, n}, none, 0, false, &ts,
                         &e) == ENC_OK);
    for (size_t i = 0; i < ts.n && i < enc_json_count(want); i++) {
        enc_json_value *v = enc_json_at(want, i);
        same += enc_json_int(enc_json_at(v, 0)) == ts.at[i].id &&
                enc_json_int(enc_json_at(v, 1)) == ts.at[i].start &&
                enc_json_int(enc_json_at(v, 2)) == ts.at[i].end;
    }
    CHECK_SAY(same == ts.n && ts.n == enc_json_count(want),
              "\"%s\": %zu tokens instead of %zu, %zu the same", text, ts.n,
              enc_json_count(want), same);
    enc_tokens_clear(&ts);
}

static void every_case_of_the_reference_passes(const enc_tok *bpe, const enc_tok *unigram)
{
    enc_map *file;
    enc_json *json;
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_map_open(&file, "tests/data/tokenizer_cases.json", 1 << 20, &e) == ENC_OK);
    CHECK_SAY(enc_json_open(&json, enc_map_bytes(file), "cases", &e) == ENC_OK, "%s",
              e.text);
    enc_json_value *cases = enc_json_root(json);
    CHECK(enc_json_count(cases) > 40);
    for (size_t i = 0; i < enc_json_count(cases); i++) {
        enc_json_value *one = enc_json_at(cases, i);
        size_t n;
        bool is_bpe = strcmp(enc_json_text(enc_json_at(one, 0), NULL), "bpe") == 0;
        const char *text = enc_json_text(enc_json_at(one, 1), &n);
        check_case(is_bpe ? bpe : unigram, text, n, enc_json_at(one, 2));
    }
    enc_json_close(json);
    enc_map_close(file);
}

static void pairs_are_joined_as_roberta_joins_them(const enc_tok *t)
{
    int32_t a = enc_vocab_find(enc_tok_vocab(t), "a", 1);
    char want[128];
    CHECK(enc_tok_specials(t).cls == 0 && enc_tok_specials(t).sep == 2 &&
          enc_tok_specials(t).pad == 1 && enc_tok_specials(t).mask == 4);
    snprintf(want, sizeof want, "0/0 %d/0 2/0 2/0 %d/0 2/0", (int)a, (int)a);
    IDS(t, "a", "a", 0, want);
    IDS(t, "a", "a", 6, want);
    IDS(t, "zzzzz", "a", 5, "0/0 94/0 2/0 2/0 2/0");
    snprintf(want, sizeof want, "0/0 94/0 94/0 2/0 2/0 %d/0 2/0", (int)a);
    IDS(t, "zzzzz", "a", 7, want);
    IDS(t, "zzzzz", NULL, 3, "0/0 94/0 2/0");
    IDS(t, "", "", 0, "0/0 2/0 2/0 2/0");
}

static void the_mask_takes_the_space_before_it(const enc_tok *bpe, const enc_tok *unigram)
{
    enc_tokens ts;
    enc_err e;
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    CHECK(enc_tok_encode(bpe, bytes("z \t<mask>z"), none, 0, false, &ts, &e) == ENC_OK);
    CHECK(ts.n == 3 && ts.at[1].id == 4 && ts.at[1].start == 3 && ts.at[1].end == 9);
    CHECK(enc_tok_encode(unigram, bytes("cat <mask>"), none, 0, false, &ts, &e) ==
          ENC_OK);
    CHECK(ts.n == 2 && ts.at[1].id == enc_tok_specials(unigram).mask);
    enc_tokens_clear(&ts);
}

/* A random text of n bytes out of few kinds of characters, some of them no UTF-8. */
static enc_bytes random_text(enc_rng *rng, char *room, size_t n)
{
    static const char *const parts[] = {"a",
                                        " ",
                                        "the ",
                                        "'s",
                                        "\xea\xb3\xa0",
                                        "1",
                                        "\xcc\x81",
                                        "\xff",
                                        "\xef\xbc\xa1",
                                        "\n",
                                        "cat",
                                        "\xf0\x9f\x98\x80",
                                        "e",
                                        "\xe2\x96\x81",
                                        "!",
                                        "\xe1\x84\x92",
                                        "\xe1\x85\xa1",
                                        "\xe3\x80\x80"};
    size_t at = 0;
    for (;;) {
        const char *part = parts[enc_rng_below(rng, sizeof parts / sizeof *parts)];
        if (at + strlen(part) > n) break;
        memcpy(room + at, part, strlen(part));
        at += strlen(part);
    }
    if (at > 3) room[at - 2] = '\0';
    return (enc_bytes){(const uint8_t *)room, at};
}

static bool is_boundary(enc_bytes text, size_t at)
{
    uint32_t c;
    size_t i = 0;
    while (i < at) i += enc_utf8_decode(text.at + i, text.n - i, &c);
    return i == at;
}

static void any_text_has_places_in_order(const enc_tok *t)
{
    enc_rng rng = {7};
    char room[300];
    int bad = 0;
    enc_tokens ts;
    enc_err e;
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    for (int turn = 0; turn < 2000; turn++) {
        enc_bytes text = random_text(&rng, room, 1 + enc_rng_below(&rng, 80));
        uint32_t before = 0;
        CHECK(enc_tok_encode(t, text, none, 0, false, &ts, &e) == ENC_OK);
        for (size_t i = 0; i < ts.n; i++) {
            const enc_token *k = ts.at + i;
            bad += k->start < before || k->end <= k->start || k->end > text.n ||
                   k->id < 0 || (size_t)k->id >= enc_vocab_size(enc_tok_vocab(t)) ||
                   !is_boundary(text, k->start) || !is_boundary(text, k->end);
            before = k->start;
        }
    }
    CHECK_SAY(bad == 0, "%d tokens are out of place", bad);
    enc_tokens_clear(&ts);
}

/* The text with U+FFFD for what is no UTF-8. */
static enc_wr mended(enc_bytes text)
{
    enc_wr w;
    enc_wr_init(&w);
    for (size_t at = 0, n; at < text.n; at += n) {
        uint8_t utf8[4];
        uint32_t c;
        n = enc_utf8_decode(text.at + at, text.n - at, &c);
        enc_wr_bytes(&w, utf8, enc_utf8_encode(c, utf8));
    }
    return w;
}

static void byte_level_pieces_are_the_text(const enc_tok *t)
{
    enc_rng rng = {3};
    char room[300];
    int bad = 0;
    enc_tokens ts;
    enc_err e;
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    for (int turn = 0; turn < 1000; turn++) {
        enc_bytes text = random_text(&rng, room, 1 + enc_rng_below(&rng, 200));
        enc_wr want = mended(text);
        int32_t ids[1000];
        CHECK(enc_tok_encode(t, text, none, 0, false, &ts, &e) == ENC_OK && ts.n <= 1000);
        for (size_t i = 0; i < ts.n; i++) ids[i] = ts.at[i].id;
        char *back = enc_tok_decode(t, ids, ts.n, false);
        bad += (want.n > 0 && memcmp(back, want.at, want.n) != 0) || back[want.n] != '\0';
        enc_mem_free(back);
        enc_wr_clear(&want);
    }
    CHECK_SAY(bad == 0, "%d texts do not come back", bad);
    enc_tokens_clear(&ts);
}

/* Long texts are read in stretches; the tokens are those of the whole. */
static void stretches_leave_no_trace(const enc_tok *t)
{
    static const char part[] = "the kettle's on  the table and \xea\xb3\xa0\xec\x96\x91 ";
    enc_tokens one, all;
    enc_err e;
    enc_wr w;
    size_t n_bad = 0;
    enc_err_clear(&e);
    enc_tokens_init(&one);
    enc_tokens_init(&all);
    enc_wr_init(&w);
    for (int i = 0; i < 1000; i++) enc_wr_text(&w, part);
    CHECK(enc_tok_encode(t, (enc_bytes){w.at, w.n - 1}, none, 0, false, &all, &e) ==
          ENC_OK);
    /* From the second word on every part is the same. */
    CHECK(enc_tok_encode(t, (enc_bytes){w.at, 2 * (sizeof part - 1) - 1}, none, 0, false,
                         &one, &e) == ENC_OK);
    size_t each = (all.n - (one.n - all.n / 1000)) / 999;
    CHECK_SAY(all.n == one.n + 998 * each, "%zu and %zu tokens", all.n, one.n);
    for (size_t i = one.n; i < all.n; i++)
        n_bad += all.at[i].id != all.at[i - each].id ||
                 all.at[i].start != all.at[i - each].start + sizeof part - 1;
    CHECK_SAY(n_bad == 0, "%zu tokens differ", n_bad);
    enc_tokens_clear(&one);
    enc_tokens_clear(&all);
    enc_wr_clear(&w);
}

static void a_word_of_a_megabyte_is_a_word(const enc_tok *t)
{
    size_t n = 1 << 20;
    char *text = malloc(n);
    enc_tokens ts;
    enc_err e;
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    for (size_t i = 0; i < n; i++) text[i] = "thecat"[i % 6];
    CHECK(enc_tok_encode(t, (enc_bytes){(uint8_t *)text, n}, none, 0, false, &ts, &e) ==
          ENC_OK);
    CHECK(ts.n > 1000 && ts.at[ts.n - 1].end == n);
    CHECK(enc_tok_encode(t, (enc_bytes){(uint8_t *)text, n}, none, 16, true, &ts, &e) ==
              ENC_OK &&
          ts.n == 16 && ts.is_cut);
    enc_tokens_clear(&ts);
    free(text);
}

typedef struct patience {
    size_t n_asked, n_max; /* the answer that stops: 0: none */
} patience;

static bool has_had_enough(void *arg)
{
    patience *p = arg;
    return ++p->n_asked == p->n_max;
}

/* Tokenizes the unit again and again, n bytes of it; how often it was asked. */
static size_t ask_through(const enc_tok *t, const char *unit, size_t n, size_t n_max,
                          enc_rc want)
{
    uint8_t *text = enc_mem_alloc(n);
    patience p = {0, n_max};
    enc_tokens ts;
    enc_err e;
    size_t n_counted;
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    ts.ask = (enc_ask){.stop = has_had_enough, .arg = &p};
    for (size_t i = 0; i < n; i++) text[i] = (uint8_t)unit[i % strlen(unit)];
    enc_rc rc = enc_tok_encode(t, (enc_bytes){text, n}, none, 0, true, &ts, &e);
    CHECK_SAY(rc == want, "%s: %d (%s)", unit, (int)rc, e.text);
    const size_t n_asked = p.n_asked;
    if (n_max == 0) {
        p.n_asked = 0;
        rc = enc_tok_count(t, (enc_bytes){text, n}, &ts.ask, &n_counted, &e);
        CHECK_SAY(rc == ENC_OK && n_counted == ts.n && p.n_asked > 0, "%s: %zu of %zu",
                  unit, n_counted, ts.n);
    } else {
        CHECK(ts.n == 0 && n_asked == n_max); /* it takes no for an answer */
    }
    enc_tokens_clear(&ts);
    enc_mem_free(text);
    return n_asked;
}

/* Words, runs of white space and what is dropped: however long, each 64 KB asks, and so
 * does what is made of them. */
static void whatever_is_long_asks_whether_to_stop(const enc_tok *t)
{
    static const char *const units[] = {"a",
                                        "A",
                                        " ",
                                        "\n",
                                        "\xea\xb0\x80",
                                        "\xcc\x81",
                                        "<",
                                        "\xe3\x80\x80",
                                        "\x01",
                                        "1",
                                        "\xe2\x96\x81",
                                        "ab ",
                                        "\xc3\xa9",
                                        "a\xe3\x80\x82",
                                        ".",
                                        "\xe4\xbd\xa0",
                                        "<mask>",
                                        "\xff"};
    const size_t n = 1 << 17, n_least = n / ENC_ASK_EVERY - 1;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        /* Of a special token in the text nothing but its length is read. */
        size_t n_asked = ask_through(t, units[i], n, 0, ENC_OK);
        CHECK_SAY(n_asked >= n_least, "%s: asked %zu times", units[i], n_asked);
        for (size_t k = 1; k <= n_asked; k += 1 + n_asked / 2)
            ask_through(t, units[i], n, k, ENC_INTERRUPT);
    }
}

/* Each kind of tokenizer.json there is an example of. */
static void every_kind_asks_whether_to_stop(void)
{
    static const char *const names[] = {"bpe",   "bpe_words", "steps",
                                        "whole", "unigram",   "wordpiece"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        enc_tok_files files = {.vocab_txt = none};
        enc_map *map;
        char path[80];
        enc_err e;
        enc_err_clear(&e);
        snprintf(path, sizeof path, "tests/data/tokenizers/%s.json", names[i]);
        CHECK(enc_map_open(&map, path, 1 << 20, &e) == ENC_OK);
        files.tokenizer_json = enc_map_bytes(map);
        enc_tok *t = open_tok(&files);
        whatever_is_long_asks_whether_to_stop(t);
        enc_tok_close(t);
        enc_map_close(map);
    }
}

/* All that is made of a stretch without a space is in memory at once. */
static void a_stretch_has_a_limit(const enc_tok *t)
{
    const size_t n = ENC_STRETCH_MAX + 2;
    uint8_t *text = enc_mem_alloc(n);
    enc_tokens ts;
    enc_err e;
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    memset(text, 'a', n);
    CHECK(enc_tok_encode(t, (enc_bytes){text, n}, none, 8, true, &ts, &e) == ENC_RANGE);
    CHECK_SAY(strstr(e.text, "without a space between words") != NULL, "%s", e.text);
    enc_err_clear(&e);
    for (size_t i = 0; i < n; i += 100) text[i] = i % 1000 == 0 ? ' ' : 'b';
    CHECK(enc_tok_encode(t, (enc_bytes){text, n}, none, 8, true, &ts, &e) == ENC_OK);
    enc_tokens_clear(&ts);
    enc_mem_free(text);
}

static bool write_word(void *arg, const enc_word *word, const enc_piece *pieces, size_t n)
{
    enc_wr *w = arg;
    size_t at = 0;
    for (size_t i = 0; i < n; at += pieces[i++].n_bytes) {
        enc_wr_text(w, i > 0 ? "-" : w->n > 0 ? " " : "");
        enc_wr_bytes(w, word->bytes + at, pieces[i].n_bytes);
    }
    CHECK(at == word->n_bytes && n > 0);
    return true;
}

static void a_walk_gives_words_without_their_space(const enc_tok *t, const char *text,
                                                   const char *want)
{
    enc_wr w;
    enc_err e;
    enc_err_clear(&e);
    enc_wr_init(&w);
    CHECK(enc_tok_walk(t, bytes(text), write_word, &w, &e) == ENC_OK);
    CHECK_SAY(w.n == strlen(want) && memcmp(w.at, want, w.n) == 0, "%.*s", (int)w.n,
              (const char *)w.at);
    enc_wr_clear(&w);
}

static void pieces_say_what_they_are(const enc_tok *t, const char *inside,
                                     const char *spaced, const char *plain)
{
    int32_t a = enc_vocab_find(enc_tok_vocab(t), inside, strlen(inside));
    int32_t b = enc_vocab_find(enc_tok_vocab(t), spaced, strlen(spaced));
    enc_wr w;
    enc_wr_init(&w);
    CHECK(a >= 0 && b >= 0 && enc_tok_is_subword(t, a) && !enc_tok_is_subword(t, b));
    CHECK(!enc_tok_is_subword(t, enc_tok_specials(t).mask));
    enc_tok_write_piece(t, b, &w);
    CHECK(w.n == strlen(plain) && memcmp(w.at, plain, w.n) == 0);
    enc_wr_clear(&w);
}

/* Every allocation fails once: an error, and nothing is lost. */
static void no_memory_is_survived(const enc_tok_files *files)
{
    enc_rc rc = ENC_NOMEM;
    size_t n = 0;
    for (; rc == ENC_NOMEM && n < 10000; n++) {
        enc_tok *t;
        enc_tokens ts;
        enc_err e;
        enc_err_clear(&e);
        enc_tokens_init(&ts);
        size_t live = enc_mem_live();
        enc_mem_fault(n + 1, false);
        rc = enc_tok_open(&t, files, &e);
        if (rc == ENC_OK)
            rc = enc_tok_encode(t, bytes("the kettle\xea\xb3\xa0 <mask>"), bytes("b"), 0,
                                true, &ts, &e);
        enc_mem_fault(0, false);
        enc_tokens_clear(&ts);
        enc_tok_close(t);
        CHECK(enc_mem_live() == live);
    }
    CHECK_SAY(rc == ENC_OK && n > 15, "after %zu allocations: %d", n, (int)rc);
}

/* Any damage is refused or harmless. */
static void damage_is_survived(enc_tok_files *files, enc_bytes *part)
{
    enc_bytes whole = *part;
    uint8_t *copy = malloc(whole.n);
    enc_rng rng = {11};
    size_t n_opened = 0;
    for (size_t turn = 0; turn < 4000; turn++) {
        enc_tok *t;
        enc_tokens ts;
        enc_err e;
        enc_err_clear(&e);
        enc_tokens_init(&ts);
        memcpy(copy, whole.at, whole.n);
        size_t n_changes = 1 + enc_rng_below(&rng, 3);
        while (n_changes-- > 0)
            copy[enc_rng_below(&rng, (uint32_t)whole.n)] =
                (uint8_t)enc_rng_below(&rng, 256);
        *part = (enc_bytes){copy,
                            turn % 2 ? whole.n : enc_rng_below(&rng, (uint32_t)whole.n)};
        enc_rc rc = enc_tok_open(&t, files, &e);
        CHECK((rc == ENC_OK) == (t != NULL) && (rc == ENC_OK || e.text[0] != '\0'));
        if (t != NULL) {
            enc_rc is =
                enc_tok_encode(t, bytes("The cat\xef\xbc\xa1 e\xcc\x81 \xe3\x80\x80 x"),
                               none, 0, true, &ts, &e);
            CHECK(is == ENC_OK || is == ENC_RANGE);
            n_opened++;
        }
        enc_tokens_clear(&ts);
        enc_tok_close(t);
    }
    CHECK_SAY(n_opened < 4000, "%zu damaged files open", n_opened);
    *part = whole;
    free(copy);
}

/* What a class makes of a SentencePiece model that has not what it needs. */
static void a_class_that_does_not_fit_is_refused(void)
{
    static const char *const classes[][2] = {{"KoBert", "[CLS]"},
                                             {"Camembert", "Camembert"}};
    for (size_t i = 0; i < 2; i++) {
        char config[80];
        enc_tok_files files = unigram_files;
        enc_tok *t;
        enc_err e;
        enc_err_clear(&e);
        snprintf(config, sizeof config, "{\"tokenizer_class\": \"%sTokenizer\"}",
                 classes[i][0]);
        files.tokenizer_config = bytes(config);
        CHECK(enc_tok_open(&t, &files, &e) != ENC_OK && t == NULL);
        CHECK_SAY(strstr(e.text, classes[i][1]) != NULL, "%s", e.text);
    }
}

static void open_maps(void)
{
    static const char *const names[] = {"bpe_vocab.json", "bpe_merges.txt",
                                        "unigram.model"};
    enc_err e;
    enc_err_clear(&e);
    for (size_t i = 0; i < 3; i++) {
        char path[64];
        snprintf(path, sizeof path, "tests/data/%s", names[i]);
        CHECK_SAY(enc_map_open(&maps[i], path, 1 << 20, &e) == ENC_OK, "%s", e.text);
    }
    if (e.rc != ENC_OK) exit(check_done("tok_encode"));
    bpe_files.vocab_json = enc_map_bytes(maps[0]);
    bpe_files.merges_txt = enc_map_bytes(maps[1]);
    unigram_files.sentencepiece = enc_map_bytes(maps[2]);
}

int main(void)
{
    open_maps();
    enc_tok *bpe = open_tok(&bpe_files), *unigram = open_tok(&unigram_files);
    enc_tok *bpe_again = again(bpe), *unigram_again = again(unigram);
    every_case_of_the_reference_passes(bpe, unigram);
    every_case_of_the_reference_passes(bpe_again, unigram_again);
    pairs_are_joined_as_roberta_joins_them(bpe);
    pairs_are_joined_as_roberta_joins_them(bpe_again);
    the_mask_takes_the_space_before_it(bpe, unigram);
    the_mask_takes_the_space_before_it(bpe_again, unigram_again);
    any_text_has_places_in_order(bpe);
    any_text_has_places_in_order(unigram);
    byte_level_pieces_are_the_text(bpe);
    stretches_leave_no_trace(bpe);
    stretches_leave_no_trace(unigram);
    a_word_of_a_megabyte_is_a_word(bpe);
    a_word_of_a_megabyte_is_a_word(unigram);
    every_kind_asks_whether_to_stop();
    a_stretch_has_a_limit(bpe);
    a_walk_gives_words_without_their_space(bpe, " the cat", "the cat");
    a_walk_gives_words_without_their_space(unigram, " the  cat", "the cat");
    pieces_say_what_they_are(bpe, "a", "\xc4\xa0the", "the");
    pieces_say_what_they_are(unigram, "a", "\xe2\x96\x81the", "the");
    a_class_that_does_not_fit_is_refused();
    no_memory_is_survived(&bpe_files);
    no_memory_is_survived(&unigram_files);
    damage_is_survived(&bpe_files, &bpe_files.vocab_json);
    damage_is_survived(&bpe_files, &bpe_files.merges_txt);
    damage_is_survived(&unigram_files, &unigram_files.sentencepiece);
    enc_tok_close(bpe);
    enc_tok_close(unigram);
    enc_tok_close(bpe_again);
    enc_tok_close(unigram_again);
    for (size_t i = 0; i < 3; i++) enc_map_close(maps[i]);
    CHECK(enc_mem_live() == 0);
    return check_done("tok_encode");
}
