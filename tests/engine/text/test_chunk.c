/* test_chunk.c - where texts are cut, with the vocabulary of tests/data/tiny_vocab.txt
 * and with small ones of our own. */
#include "text/chunk.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "check.h"

static const enc_norm_rules ours = {true, true, true, true, true, false};
static const enc_norm_rules theirs = {true, true, true, true, false, false};

static enc_tok *tok_of(enc_bytes vocabulary, enc_norm_rules rules)
{
    enc_vocab *vocab;
    enc_tok *t = NULL;
    enc_err e;
    enc_err_clear(&e);
    if (enc_vocab_read(&vocab, vocabulary, "vocabulary", &e) == ENC_OK)
        (void)enc_tok_new(&t, vocab, rules, &e);
    CHECK_SAY(t != NULL, "%s", e.text);
    if (t == NULL) exit(check_done("chunk"));
    return t;
}

static enc_tok *open_tiny(void)
{
    enc_map *map;
    enc_err e;
    enc_err_clear(&e);
    if (enc_map_open(&map, "tests/data/tiny_vocab.txt", 1 << 20, &e) != ENC_OK) {
        CHECK_SAY(false, "%s", e.text);
        exit(check_done("chunk"));
    }
    enc_tok *t = tok_of(enc_map_bytes(map), ours);
    enc_map_close(map);
    return t;
}

static enc_bytes bytes(const char *text)
{
    return (enc_bytes){(const uint8_t *)text, strlen(text)};
}

/* "text|text|...", or "error: ..." */
static const char *cut(const enc_tok *t, enc_bytes text, size_t size, size_t overlap)
{
    static char out[4096];
    enc_chunks chunks = {0};
    enc_tokens scratch;
    enc_err e;
    size_t at = 0;
    enc_err_clear(&e);
    enc_tokens_init(&scratch);
    out[0] = '\0';
    if (enc_chunks_cut(t, text, size, overlap, &chunks, &scratch, &e) != ENC_OK)
        snprintf(out, sizeof out, "error: %s", e.text);
    for (size_t i = 0; i < chunks.n && at + 256 < sizeof out; i++)
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%.*s", i ? "|" : "",
                               (int)(chunks.at[i].end - chunks.at[i].start),
                               (const char *)text.at + chunks.at[i].start);
    enc_chunks_clear(&chunks);
    enc_tokens_clear(&scratch);
    return out;
}

#define CUTS(text, size, overlap, expected)                                              \
    CHECK_SAY(strcmp(cut(t, bytes(text), size, overlap), expected) == 0, "%s gives %s",  \
              text, cut(t, bytes(text), size, overlap))

static void a_text_that_fits_is_one_chunk(const enc_tok *t)
{
    CUTS("the fox.", 3, 0, "the fox.");
    CUTS("the fox. the dog", 100, 50, "the fox. the dog");
    CUTS("  the fox \n\n the dog\t", 4, 0, "the fox \n\n the dog");
    CUTS("fox", 1, 0, "fox");
    CUTS("unaffable", 3, 0, "unaffable");
}

static void a_blank_text_is_none(const enc_tok *t)
{
    CUTS("", 1, 0, "");
    CUTS(" \r\n\t\v\f\xc2\x85\xc2\xa0\xe3\x80\x80\xe2\x80\xa9", 1, 0, "");
    CHECK(strcmp(cut(t, (enc_bytes){NULL, 0}, 1, 0), "") == 0);
}

static void sizes_are_checked(const enc_tok *t)
{
    CUTS("a", 0, 0, "error: size of a chunk is 0 tokens, at least 1 is needed");
    CUTS("a", 3, 3, "error: overlap 3 is not below the size of a chunk, 3");
    CUTS("a", 3, 4, "error: overlap 4 is not below the size of a chunk, 3");
}

static void the_best_boundary_that_fits_is_chosen(const enc_tok *t)
{
    /* a paragraph before a sentence before white space, however early they are */
    CUTS("fox\n\nthe dog. the fox over", 6, 0, "fox|the dog. the fox over");
    CUTS("fox\n\nthe dog. the fox over a", 6, 0, "fox|the dog.|the fox over a");
    CUTS("fox\r\n \r\na. a a a", 5, 0, "fox|a. a a a");
    CUTS("fox\fa. a a a", 5, 0, "fox\fa.|a a a"); /* inside a word: BERT drops it */
    CUTS("fox \fa. a a a", 5, 0, "fox|a. a a a");
    CUTS("a a\xe2\x80\xa9"
         "fox. a a a",
         6, 0, "a a|fox. a a a");
    CUTS("a. fox a a a", 5, 0, "a.|fox a a a");
    CUTS("the dog\nthe fox over a", 5, 0, "the dog|the fox over a");
    CUTS("the dog\r\nfox. the fox over", 6, 0, "the dog\r\nfox.|the fox over");
    CUTS("a a a a, a a", 4, 0, "a a a|a, a a");
    CUTS("a a a a a a a", 3, 0, "a a a|a a a|a");
    /* the last of its kind */
    CUTS("a. a. a. a a", 6, 0, "a. a. a.|a a");
    CUTS("a\n\na\n\na a a a", 4, 0, "a\n\na|a a a a");
}

static void sentences_end_where_they_should(const enc_tok *t)
{
    CUTS("a! a? a. a", 4, 0, "a! a?|a. a");
    CUTS("a (a a.) a a", 6, 0, "a (a a.)|a a");
    CUTS("a \"a.\" a a a", 6, 0, "a \"a.\"|a a a");
    CUTS("a \"a\" a a a", 6, 0, "a \"a\" a a|a"); /* no stop before the quote */
    CUTS("a a . ' a a a", 5, 0, "a a .|' a a a"); /* the quote stands apart */
    CUTS("a a a.a a a", 6, 0, "a a a.a a|a");     /* no white space behind the stop */
    CUTS("a a a...", 4, 0, "a a|a...");
    CUTS("1.5 a a. a a a", 7, 0, "1.5 a a.|a a a");
}

static void korean_is_cut_at_sentences_and_words(const enc_tok *t)
{
    CUTS("서울은 한국. 서울의 밤 안녕하세요 한국", 5, 0,
         "서울은 한국.|서울의 밤 안녕하세요|한국");
    CUTS("서울은 밤 서울의 밤", 4, 0, "서울은 밤|서울의 밤");
    CUTS("서울은 서울은 서울은", 5, 0, "서울은 서울은|서울은");
    CUTS("서울은", 1, 0, "서울|은"); /* one word of more than one token */
    CUTS("한국 밤 서울은 밤", 3, 1, "한국 밤|밤 서울은|밤");
}

static void chinese_and_japanese_need_no_white_space(const enc_tok *t)
{
    CUTS("你好。你好你好！好", 7, 0, "你好。|你好你好！好");
    CUTS("你好。你好你好！好", 5, 0, "你好。|你好你好！|好");
    CUTS("「你好。」你好你", 6, 0, "「你好。」|你好你");
    CUTS("你好？！你好你好", 6, 0, "你好？！|你好你好");
    CUTS("你，好你好你好", 5, 0, "你，|好你好你好");
    CUTS("你好你好你，好", 5, 0, "你好你好|你，好"); /* no comma begins a chunk */
    CUTS("你好你「好你」", 4, 0, "你好你|「好你」"); /* no bracket opens at its end */
    CUTS("你好你好你好", 4, 0, "你好你好|你好");
}

static void a_word_is_cut_only_where_it_alone_is_too_long(const enc_tok *t)
{
    CUTS("a unaffable a", 3, 0, "a|unaffable|a");
    CUTS("a unaffable a", 2, 0, "a|unaff|able a");
    CUTS("a unaffable a", 1, 0, "a|un|aff|able|a");
    CUTS("a a unaffable", 3, 2, "a a|unaffable"); /* no room for the overlap */
    CUTS("a a unaffable", 4, 2, "a a|a unaffable");
}

static void chunks_overlap_at_sentences_and_words(const enc_tok *t)
{
    CUTS("a a a a a a", 4, 2, "a a a a|a a a a");
    CUTS("a a a a a a", 3, 2, "a a a|a a a|a a a|a a a");
    CUTS("fox a dog. a dog. fox fox", 8, 4, "fox a dog. a dog.|a dog. fox fox");
    CUTS("fox fox. a a dog. fox fox fox", 9, 5, "fox fox. a a dog.|a a dog. fox fox fox");
    /* a sentence that would be less than half of it is no better than a word */
    CUTS("fox fox a a. a. fox fox fox fox", 8, 6,
         "fox fox a a. a.|fox a a. a. fox fox|a. fox fox fox fox");
    CUTS("你好你好你好", 4, 2, "你好你好|你好你好");
}

/* A jamo is a token here, and a syllable three characters of the normalized text. */
static void a_character_is_never_cut(void)
{
    enc_tok *t =
        tok_of(bytes("[UNK]\n[CLS]\n[SEP]\na\n##a\n\xe1\x84\x92\n##\xe1\x84\x92\n"
                     "##\xe1\x85\xa1\n##\xe1\x86\xab"),
               theirs);
    CUTS("한", 1, 0, "한");
    CUTS("한한 a", 2, 1, "한|한|a");
    CUTS("한하 a", 3, 1, "한|하 a");
    CUTS("a 한한 a", 4, 0, "a|한|한 a");
    enc_tok_close(t);
}

static void what_no_token_has_read_is_covered(const enc_tok *t)
{
    enc_bytes text = {(const uint8_t *)"\0a\0 \0 \xff a\xcc\x81 \xed\xa0\x80", 15};
    enc_chunks chunks = {0};
    enc_tokens scratch;
    enc_err e;
    enc_err_clear(&e);
    enc_tokens_init(&scratch);
    CHECK(enc_chunks_cut(t, text, 1, 0, &chunks, &scratch, &e) == ENC_OK);
    CHECK(chunks.n == 2 && chunks.at[0].start == 0 && chunks.at[0].end == 3);
    CHECK(chunks.at[1].start == 4 && chunks.at[1].end == 15);
    text = (enc_bytes){(const uint8_t *)" \0\xff ", 4};
    CHECK(enc_chunks_cut(t, text, 1, 0, &chunks, &scratch, &e) == ENC_OK);
    CHECK(chunks.n == 1 && chunks.at[0].start == 1 && chunks.at[0].end == 3 &&
          chunks.at[0].n_tokens == 0);
    enc_chunks_clear(&chunks);
    enc_tokens_clear(&scratch);
}

/* ---- what is true of all chunks, on texts put together at random ---- */

static bool is_blank(uint32_t c)
{
    return enc_utf8_is_space(c) || c == 0x0b || c == 0x0c || c == 0x85;
}

/* Tokens that lie in text[start..end), and whether either end is inside a word. */
static size_t tokens_in(const enc_tok *t, const enc_tokens *all, enc_chunk c,
                        size_t *longest)
{
    size_t n = 0;
    *longest = 0;
    for (size_t i = 0, from = 0; i < all->n; i++) {
        const enc_token *at = &all->at[i];
        if (!enc_tok_is_subword(t, at->id)) from = i;
        if (at->start >= c.start && at->end <= c.end) n++;
        bool is_cut = i > from && (c.start == at->start || c.end == all->at[i - 1].end);
        if (!is_cut) continue;
        size_t to = i;
        while (to < all->n && enc_tok_is_subword(t, all->at[to].id)) to++;
        *longest = to - from;
    }
    return n;
}

static int count_faults(const enc_tok *t, enc_bytes text, size_t size, size_t overlap,
                        const enc_chunks *chunks, const enc_tokens *all)
{
    int bad = 0;
    size_t done = 0, longest;
    for (size_t i = 0; i < chunks->n; i++) {
        enc_chunk c = chunks->at[i];
        const enc_chunk *before = i > 0 ? c.start ? &chunks->at[i - 1] : &c : NULL;
        if (c.start >= c.end || c.end > text.n || c.n_tokens > size) return bad + 1;
        if (before != NULL && (c.start <= before->start || c.end <= before->end)) bad++;
        if (tokens_in(t, all, c, &longest) != c.n_tokens) bad++;
        if (longest > 0 && longest <= size) bad++;
        if (before != NULL && c.start < before->end) {
            enc_chunk both = {c.start, before->end, 0};
            if (tokens_in(t, all, both, &longest) > overlap) bad++;
        }
        for (size_t at = done; at < c.start;) { /* only white space is left out */
            uint32_t ch;
            at += enc_utf8_decode(text.at + at, text.n - at, &ch);
            if (!is_blank(ch) || at > c.start) bad++;
        }
        if (c.end > done) done = c.end;
    }
    for (size_t at = done; at < text.n;) {
        uint32_t ch;
        at += enc_utf8_decode(text.at + at, text.n - at, &ch);
        if (!is_blank(ch)) bad++;
    }
    if ((chunks->n <= 1) != (all->n <= size)) bad++;
    return bad;
}

static void any_text_is_covered_within_bounds(const enc_tok *t)
{
    static const char *const parts[] = {
        "the ",         "fox",     " jumps",       " unaffable",  ". ",   "\n\n",
        "\n",           "서울은 ", "안녕하세요",   "你好",        "。",   "，",
        "「",           "」",      "\xff",         "\xcc\x81",    " ",    "e\xcc\x81",
        "\xe2\x80\xa8", "[MASK]",  "zebra",        "aaaaaa",      "\r\n", "\f",
        "! ",           "\"",      "\xe3\x80\x80", "\xed\xa0\x80"};
    static char text[512];
    enc_rng rng = {7};
    enc_chunks chunks = {0};
    enc_tokens scratch, all;
    enc_err e;
    int bad = 0;
    enc_err_clear(&e);
    enc_tokens_init(&scratch);
    enc_tokens_init(&all);
    for (int round = 0; round < 20000; round++) {
        size_t n = 0, n_parts = enc_rng_below(&rng, 40);
        for (size_t i = 0; i < n_parts; i++) {
            const char *part = parts[enc_rng_below(&rng, sizeof parts / sizeof *parts)];
            memcpy(text + n, part, strlen(part));
            n += strlen(part);
            if (enc_rng_below(&rng, 30) == 0) text[n++] = '\0';
        }
        enc_bytes whole = {(const uint8_t *)text, n};
        size_t size = 1 + enc_rng_below(&rng, 16);
        size_t overlap = enc_rng_below(&rng, (uint32_t)size);
        if (enc_chunks_cut(t, whole, size, overlap, &chunks, &scratch, &e)) bad++;
        if (enc_tok_encode(t, whole, (enc_bytes){NULL, 0}, 0, false, &all, &e)) bad++;
        bad += count_faults(t, whole, size, overlap, &chunks, &all);
    }
    CHECK_SAY(bad == 0, "%d faults", bad);
    enc_chunks_clear(&chunks);
    enc_tokens_clear(&scratch);
    enc_tokens_clear(&all);
}

/* 100 KB, in parts that share no white space. */
static void a_word_of_100_kb_is_cut_in_linear_time(const enc_tok *t)
{
    const size_t n = 100000;
    char *text = malloc(n);
    enc_chunks chunks = {0};
    enc_tokens scratch;
    enc_err e;
    enc_err_clear(&e);
    enc_tokens_init(&scratch);
    enc_bytes all = {(const uint8_t *)text, n};
    memset(text, 'a', n); /* over the model's limit: one token */
    CHECK(enc_chunks_cut(t, all, 1, 0, &chunks, &scratch, &e) == ENC_OK);
    CHECK(chunks.n == 1 && chunks.at[0].end == n && chunks.at[0].n_tokens == 1);
    for (size_t i = 99; i < n; i += 100) text[i] = '='; /* words of 99 pieces */
    CHECK(enc_chunks_cut(t, all, 64, 0, &chunks, &scratch, &e) == ENC_OK);
    CHECK(chunks.n == 2000 && chunks.at[0].end == 64 && chunks.at[1].end == 100);
    memset(text, '\'', n); /* closing marks to no end */
    CHECK(enc_chunks_cut(t, all, 2000, 1999, &chunks, &scratch, &e) == ENC_OK);
    CHECK(chunks.n == n - 2000 + 1 && chunks.at[7].start == 7);
    memset(text, ' ', n); /* one gap that many chunks see */
    text[0] = text[n - 1] = 'a';
    CHECK(enc_chunks_cut(t, all, 1, 0, &chunks, &scratch, &e) == ENC_OK);
    CHECK(chunks.n == 2 && chunks.at[0].end == 1 && chunks.at[1].start == n - 1);
    enc_chunks_clear(&chunks);
    enc_tokens_clear(&scratch);
    free(text);
}

/* With the nth allocation failing, for every n, nothing leaks and the code is NOMEM. */
static void every_allocation_may_fail(const enc_tok *t)
{
    bool done = false;
    size_t live = enc_mem_live(), nth;
    for (nth = 1; !done && nth < 100; nth++) {
        enc_chunks chunks = {0};
        enc_tokens scratch;
        enc_err e;
        enc_err_clear(&e);
        enc_tokens_init(&scratch);
        enc_mem_fault(nth, false);
        enc_rc rc = enc_chunks_cut(t, bytes("the fox. the dog. a. a. a. a. a."), 2, 0,
                                   &chunks, &scratch, &e);
        enc_mem_fault(0, false);
        done = rc == ENC_OK;
        CHECK(done ? chunks.n == 9 : rc == ENC_NOMEM && chunks.n == 0);
        enc_chunks_clear(&chunks);
        enc_tokens_clear(&scratch);
        CHECK(enc_mem_live() == live);
    }
    CHECK(done && nth > 4);
}

/* Byte-level pieces may be white space alone. */
static void chunks_of_byte_level_pieces_go_forward(void)
{
    enc_bytes text = bytes("it's we'll 123 45.6 ...   end  ");
    enc_tok_files files = {.vocab_txt = {NULL, 0}};
    enc_map *map;
    enc_tok *t;
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_map_open(&map, "tests/data/tokenizers/bpe.json", 1 << 20, &e) == ENC_OK);
    files.tokenizer_json = enc_map_bytes(map);
    CHECK(enc_tok_open(&t, &files, &e) == ENC_OK);
    enc_map_close(map);
    if (t == NULL) return;
    for (size_t size = 1; size < 12; size++)
        for (size_t overlap = 0; overlap < size; overlap++) {
            enc_chunks c = {0};
            enc_tokens scratch;
            enc_tokens_init(&scratch);
            CHECK(enc_chunks_cut(t, text, size, overlap, &c, &scratch, &e) == ENC_OK);
            for (size_t i = 1; i < c.n; i++)
                CHECK(c.at[i].start > c.at[i - 1].start && c.at[i].end > c.at[i - 1].end);
            CHECK(c.n > 0 && c.at[0].start == 0 && c.at[c.n - 1].end == text.n - 2);
            enc_chunks_clear(&c);
            enc_tokens_clear(&scratch);
        }
    enc_tok_close(t);
}

static bool count_and_stop(void *arg)
{
    size_t *left = arg;
    return --*left == 0;
}

static void a_long_text_stops_when_asked(const enc_tok *t)
{
    enum { N = 400000 };
    uint8_t *text = enc_mem_alloc(N);
    for (size_t i = 0; i < N; i++) text[i] = i % 2 == 0 ? 'a' : ' ';
    for (size_t when = 1; when < 9; when += 3) { /* in tokenizing, later in ranking */
        enc_chunks c = {0};
        enc_tokens scratch;
        size_t left = when;
        enc_err e;
        enc_err_clear(&e);
        enc_tokens_init(&scratch);
        scratch.ask = (enc_ask){.stop = count_and_stop, .arg = &left};
        enc_rc rc = enc_chunks_cut(t, (enc_bytes){text, N}, 9, 0, &c, &scratch, &e);
        CHECK_SAY(rc == ENC_INTERRUPT && left == 0 && c.n == 0, "%zu: %d", when, (int)rc);
        enc_chunks_clear(&c);
        enc_tokens_clear(&scratch);
    }
    enc_mem_free(text);
}

int main(void)
{
    enc_tok *t = open_tiny();
    a_text_that_fits_is_one_chunk(t);
    a_blank_text_is_none(t);
    sizes_are_checked(t);
    the_best_boundary_that_fits_is_chosen(t);
    sentences_end_where_they_should(t);
    korean_is_cut_at_sentences_and_words(t);
    chinese_and_japanese_need_no_white_space(t);
    a_word_is_cut_only_where_it_alone_is_too_long(t);
    chunks_overlap_at_sentences_and_words(t);
    a_character_is_never_cut();
    what_no_token_has_read_is_covered(t);
    any_text_is_covered_within_bounds(t);
    a_word_of_100_kb_is_cut_in_linear_time(t);
    chunks_of_byte_level_pieces_go_forward();
    a_long_text_stops_when_asked(t);
    every_allocation_may_fail(t);
    enc_tok_close(t);
    CHECK(enc_mem_live() == 0);
    return check_done("chunk");
}
