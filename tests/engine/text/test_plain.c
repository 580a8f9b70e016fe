/* test_plain.c - the tokenizer against the plainest one there is: BERT's rules a step at
 * a time over whole arrays, and pieces by binary search at every length. Words, pieces
 * and places must be identical, on made-up texts of all planes and on real ones. */
#include "text/tok.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "check.h"

#define TEXT_MAX  4096 /* bytes of a text */
#define CHARS_MAX (TEXT_MAX * 4)
#define ROUNDS    10000

/* ---- the plain tokenizer ---- */

enum { WORD, ALONE, SPACE };

typedef struct letter { /* a normalized character */
    uint32_t c, start, end;
    int class;
} letter;

typedef struct plain {
    enc_norm_rules rules;
    const enc_vocab *vocab;
    int32_t *sorted; /* n: ids of its pieces */
    size_t n;
    int32_t unk;
} plain;

static int compare(enc_bytes a, enc_bytes b)
{
    int order = memcmp(a.at, b.at, a.n < b.n ? a.n : b.n);
    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static const enc_vocab *sorting;

static int by_piece(const void *a, const void *b)
{
    return compare(enc_vocab_piece(sorting, *(const int32_t *)a),
                   enc_vocab_piece(sorting, *(const int32_t *)b));
}

static plain plain_of(const enc_tok *t)
{
    plain p = {enc_tok_rules(t), enc_tok_vocab(t), NULL, 0, enc_tok_specials(t).unk};
    p.sorted = malloc(enc_vocab_size(p.vocab) * sizeof *p.sorted);
    for (int32_t id = 0; (size_t)id < enc_vocab_size(p.vocab); id++)
        if (enc_vocab_piece(p.vocab, id).n > 0) p.sorted[p.n++] = id;
    sorting = p.vocab;
    qsort(p.sorted, p.n, sizeof *p.sorted, by_piece);
    return p;
}

static int32_t find(const plain *p, enc_bytes piece)
{
    size_t low = 0, high = p->n;
    while (low < high) {
        size_t i = low + (high - low) / 2;
        int order = compare(enc_vocab_piece(p->vocab, p->sorted[i]), piece);
        if (order == 0) return p->sorted[i];
        if (order < 0) low = i + 1;
        else high = i;
    }
    return -1;
}

static int class_of(const plain *p, uint32_t c)
{
    bool is_old = c == 0x0b || c == 0x0c || c == 0x85;
    if (enc_utf8_is_space(c) || (is_old && !p->rules.clean_text)) return SPACE;
    return enc_utf8_is_punctuation(c) ? ALONE : WORD;
}

/* The letters of one character, and how many; a mark that is stripped stretches the one
 * before it, if that is in the same word. */
static size_t letters_of(const plain *p, uint32_t c, letter place, letter *out,
                         size_t n_before)
{
    const enc_norm_rules *r = &p->rules;
    uint32_t parts[18] = {c}, lower[3];
    size_t n_parts = 1, n = 0;
    if (r->clean_text && (c == 0xfffd || enc_utf8_is_control(c))) return 0;
    bool is_whole = r->keep_hangul && c >= 0xac00 && c < 0xd7a4;
    if (r->strip_accents && !is_whole) n_parts = enc_utf8_decompose(c, parts);
    for (size_t i = 0; i < n_parts; i++) {
        bool is_mark =
            r->strip_marks ? enc_utf8_is_any_mark(parts[i]) : enc_utf8_is_mark(parts[i]);
        if (r->strip_accents && is_mark) {
            if (n == 0 && n_before > 0 && out[-1].class == WORD) out[-1].end = place.end;
            continue;
        }
        size_t n_lower = r->lower_case ? enc_utf8_lower(parts[i], lower) : 1;
        if (!r->lower_case) lower[0] = parts[i];
        for (size_t k = 0; k < n_lower; k++) {
            out[n] = (letter){lower[k], place.start, place.end, WORD};
            bool is_alone = r->chinese_chars && enc_utf8_is_cjk(c);
            out[n].class = is_alone ? ALONE : class_of(p, lower[k]);
            n++;
        }
    }
    return n;
}

/* Joins what NFC joins, inside words. */
static size_t compose(letter *at, size_t n)
{
    size_t n_out = 0;
    for (size_t i = 0; i < n; i++) {
        letter *last = at + n_out - 1;
        uint32_t both = 0;
        if (n_out > 0 && last->class == WORD && at[i].class == WORD && at[i].c >= 0x300)
            both = enc_utf8_compose(last->c, at[i].c);
        if (both != 0) {
            last->c = both;
            last->end = at[i].end;
        } else {
            at[n_out++] = at[i];
        }
    }
    return n_out;
}

static size_t normalize(const plain *p, enc_bytes text, letter *out)
{
    size_t n = 0, at = 0;
    while (at < text.n) {
        uint32_t c;
        size_t length = enc_utf8_decode(text.at + at, text.n - at, &c);
        letter place = {.start = (uint32_t)at, .end = (uint32_t)(at + length)};
        n += letters_of(p, c, place, out + n, n);
        at += length;
    }
    return p->rules.strip_accents && p->rules.keep_hangul ? compose(out, n) : n;
}

/* Pieces of the word at[0..n), for whose bytes there is room in utf8 after "##". */
static size_t split(const plain *p, const letter *at, size_t n, enc_piece *out)
{
    uint8_t utf8[4 * ENC_WORD_MAX + 2] = "##";
    enc_piece whole = {p->unk, at[0].start, at[n - 1].end, 0};
    size_t n_out = 0;
    out[0] = whole;
    if (n > ENC_WORD_MAX) return 1;
    for (size_t from = 0, to; from < n; from = to) {
        int32_t id = -1;
        for (to = n; to > from && id < 0; to -= id < 0) {
            size_t n_bytes = 2;
            for (size_t i = from; i < to; i++)
                n_bytes += enc_utf8_encode(at[i].c, utf8 + n_bytes);
            enc_bytes piece = {utf8, n_bytes};
            if (from == 0) piece = (enc_bytes){utf8 + 2, n_bytes - 2};
            id = find(p, piece);
        }
        if (id < 0) {
            out[0] = whole;
            return 1;
        }
        out[n_out++] = (enc_piece){id, at[from].start, at[to - 1].end, 0};
    }
    return n_out;
}

/* ---- both at once ---- */

typedef struct pair {
    const plain *p;
    letter letters[CHARS_MAX];
    size_t n, at; /* letters, and the first not yet compared */
    int bad;
} pair;

/* How many letters the next word has, *at moved to where it begins. */
static size_t next_word(pair *q)
{
    size_t n = 0;
    while (q->at < q->n && q->letters[q->at].class == SPACE) q->at++;
    if (q->at < q->n && q->letters[q->at].class == ALONE) return 1;
    while (q->at + n < q->n && q->letters[q->at + n].class == WORD) n++;
    return n;
}

/* An enc_tok_visit: the word must be the next of the plain tokenizer. Of one that is too
 * long only so many characters are kept, and those behind are counted as they come. */
static bool same(void *arg, const enc_word *word, const enc_piece *pieces, size_t n)
{
    static enc_piece expected[ENC_WORD_MAX];
    pair *q = arg;
    size_t n_letters = next_word(q), n_bytes = 0;
    bool is_long = n_letters > ENC_WORD_MAX;
    const letter *at = q->letters + q->at;
    if (n_letters == 0 || (word->n_chars > ENC_WORD_MAX) != is_long ||
        (!is_long && word->n_chars != n_letters))
        return q->bad++, false;
    for (size_t i = 0; i < n_letters && i < ENC_WORD_MAX; i++) {
        uint8_t utf8[4];
        size_t n_utf8 = enc_utf8_encode(at[i].c, utf8);
        if (n_bytes + n_utf8 > word->n_bytes) return q->bad++, false;
        if (memcmp(word->bytes + n_bytes, utf8, n_utf8) != 0) q->bad++;
        for (size_t k = n_bytes; k < n_bytes + n_utf8; k++)
            if (word->start[k] != at[i].start || word->end[k] != at[i].end) q->bad++;
        n_bytes += n_utf8;
    }
    if (word->end[word->n_bytes - 1] != at[n_letters - 1].end) q->bad++;
    if (!is_long && n_bytes != word->n_bytes) q->bad++;
    if (n != split(q->p, at, n_letters, expected)) return q->bad++, false;
    for (size_t i = 0; i < n; i++)
        if (pieces[i].id != expected[i].id || pieces[i].start != expected[i].start ||
            pieces[i].end != expected[i].end)
            q->bad++;
    q->at += n_letters;
    return q->bad == 0;
}

/* Whether both tokenizers agree on a text of at most TEXT_MAX bytes. */
static bool agree(const enc_tok *t, const plain *p, enc_bytes text)
{
    static pair q;
    enc_err e;
    enc_err_clear(&e);
    q.p = p;
    q.n = normalize(p, text, q.letters);
    q.at = 0;
    q.bad = 0;
    enc_rc rc = enc_tok_walk(t, text, same, &q, &e);
    return rc == ENC_OK && q.bad == 0 && next_word(&q) == 0;
}

/* ---- texts that are made up ---- */

/* One character of many sorts; now and then bytes that are none. */
static size_t random_char(enc_rng *rng, uint8_t out[4])
{
    static const uint32_t ranges[][2] = {
        {0x20, 0x7f},     {'a', 'f'},       {0, 0x20},        {0x80, 0x250},
        {0x300, 0x350},   {0x370, 0x500},   {0x590, 0x700},   {0x900, 0xa00},
        {0x1100, 0x1200}, {0x1e00, 0x2100}, {0x3000, 0x3100}, {0x4e00, 0x4e20},
        {0xac00, 0xad00}, {0xac00, 0xd7b0}, {0xf900, 0xfb00}, {0xfe00, 0x10000},
        {0, 0x10000},     {0, 0x110000},    {' ', ' ' + 1}};
    uint32_t n = sizeof ranges / sizeof *ranges, i = enc_rng_below(rng, n + 1);
    if (i == n) {
        for (int k = 0; k < 4; k++) out[k] = (uint8_t)enc_rng_below(rng, 256);
        return 1 + enc_rng_below(rng, 4);
    }
    uint32_t c = ranges[i][0] + enc_rng_below(rng, ranges[i][1] - ranges[i][0]);
    return enc_utf8_encode(c, out);
}

/* A text of n characters, some of them many times over, into at most n_max bytes. */
static enc_bytes random_text(enc_rng *rng, size_t n, uint8_t *out, size_t n_max)
{
    size_t n_out = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t bytes[4];
        size_t n_bytes = random_char(rng, bytes);
        size_t times = enc_rng_below(rng, 60) == 0 ? enc_rng_below(rng, 150) : 1;
        for (; times > 0 && n_out + n_bytes <= n_max; times--) {
            memcpy(out + n_out, bytes, n_bytes);
            n_out += n_bytes;
        }
    }
    return (enc_bytes){out, n_out};
}

/* A tokenizer whose pieces are single characters and stretches of a few. */
static enc_tok *random_tok(enc_rng *rng, enc_norm_rules rules)
{
    enum { N = 1000 };
    static uint8_t room[N][32];
    static enc_bytes pieces[N];
    static const char *const special[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    enc_vocab *vocab;
    enc_tok *t = NULL;
    enc_err e;
    size_t n = 0;
    enc_err_clear(&e);
    for (; n < 5; n++)
        pieces[n] = (enc_bytes){(const uint8_t *)special[n], strlen(special[n])};
    while (n < N) {
        size_t n_prefix = enc_rng_below(rng, 2) * 2, twice = 0;
        memcpy(room[n], "##", 2);
        enc_bytes text = random_text(rng, 1 + enc_rng_below(rng, 3), room[n] + n_prefix,
                                     sizeof *room - n_prefix);
        pieces[n] = (enc_bytes){room[n], text.n + n_prefix};
        while (twice < n && compare(pieces[twice], pieces[n]) != 0) twice++;
        if (text.n > 0 && twice == n) n++;
    }
    CHECK(enc_vocab_new(&vocab, pieces, N, "pieces", &e) == ENC_OK);
    CHECK_SAY(enc_tok_new(&t, vocab, rules, &e) == ENC_OK, "%s", e.text);
    return t;
}

static void made_up_texts_agree_under_all_rules(void)
{
    static uint8_t room[TEXT_MAX];
    enc_rng rng = {1};
    for (unsigned bits = 0; bits < 64; bits++) {
        enc_norm_rules rules = {bits & 1, bits & 2,  bits & 4,
                                bits & 8, bits & 16, bits & 32};
        enc_tok *t = random_tok(&rng, rules);
        plain p = plain_of(t);
        int bad = 0;
        for (int i = 0; i < ROUNDS / 64; i++) {
            uint32_t n = 1 + enc_rng_below(&rng, i % 10 == 0 ? 1000 : 30);
            if (!agree(t, &p, random_text(&rng, n, room, sizeof room))) bad++;
        }
        CHECK_SAY(bad == 0, "%d texts are otherwise under rules %#x", bad, bits);
        free(p.sorted);
        enc_tok_close(t);
    }
}

/* Every character there is, between letters, under some of the rules. */
static void every_character_agrees(void)
{
    enc_rng rng = {2};
    static const unsigned some[] = {0, 7, 15, 31, 63};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        unsigned bits = some[i];
        enc_norm_rules rules = {bits & 1, bits & 2,  bits & 4,
                                bits & 8, bits & 16, bits & 32};
        enc_tok *t = random_tok(&rng, rules);
        plain p = plain_of(t);
        int bad = 0;
        for (uint32_t c = 0; c < 0x110000;) {
            uint8_t text[256];
            size_t n = 0;
            for (; n + 16 < sizeof text && c < 0x110000; c += c < 0x20000 ? 1 : 7) {
                memcpy(text + n, "b a", 3);
                n += 3 + enc_utf8_encode(c, text + n + 3);
                text[n++] = 'B';
            }
            if (!agree(t, &p, (enc_bytes){text, n})) bad++;
        }
        CHECK_SAY(bad == 0, "%d texts are otherwise under rules %#x", bad, bits);
        free(p.sorted);
        enc_tok_close(t);
    }
}

/* ---- real texts ---- */

static enc_map *map(const char *shared, const char *name)
{
    char path[1024];
    enc_map *m = NULL;
    enc_err e;
    enc_err_clear(&e);
    snprintf(path, sizeof path, "%s/%s", shared, name);
    CHECK_SAY(enc_map_open(&m, path, 64 << 20, &e) == ENC_OK, "%s", e.text);
    return m;
}

static void lines_agree(const enc_tok *t, const char *name, enc_bytes text)
{
    plain p = plain_of(t);
    int bad = 0;
    for (size_t at = 0; at < text.n;) {
        const uint8_t *stop = memchr(text.at + at, '\n', text.n - at);
        size_t n = stop != NULL ? (size_t)(stop - text.at) - at : text.n - at;
        if (n <= TEXT_MAX && !agree(t, &p, (enc_bytes){text.at + at, n})) bad++;
        at += n + 1;
    }
    CHECK_SAY(bad == 0, "%s: %d lines are otherwise", name, bad);
    free(p.sorted);
}

static void real_texts_agree(const char *shared)
{
    static const char *const vocabs[] = {"tokenizers/bert-base-uncased/vocab.txt",
                                         "tokenizers/bert-base-cased/vocab.txt",
                                         "tokenizers/kcbert-base/vocab.txt"};
    static const char *const texts[] = {"eval/korsts-dev.tsv", "eval/stsb-en-dev.tsv",
                                        "README.md"};
    static const char *const configs[] = {
        "{\"do_lower_case\": true}", "{\"do_lower_case\": false}",
        "{\"do_lower_case\": true, \"keep_hangul\": true}"};
    for (size_t i = 0; i < 3; i++) {
        enc_map *vocab = map(shared, vocabs[i]);
        for (size_t k = 0; vocab != NULL && k < 3; k++) {
            enc_map *text = map(shared, texts[k]);
            const char *config = configs[i];
            enc_tok_files files = {
                .vocab_txt = enc_map_bytes(vocab),
                .tokenizer_config = {(const uint8_t *)config, strlen(config)}};
            enc_tok *t;
            enc_err e;
            enc_err_clear(&e);
            CHECK_SAY(enc_tok_open(&t, &files, &e) == ENC_OK, "%s", e.text);
            if (t != NULL && text != NULL) lines_agree(t, texts[k], enc_map_bytes(text));
            enc_tok_close(t);
            enc_map_close(text);
        }
        enc_map_close(vocab);
    }
}

int main(void)
{
    const char *shared = getenv("ENCODER_SHARED");
    char path[1024];
    made_up_texts_agree_under_all_rules();
    every_character_agrees();
    if (shared == NULL) shared = "../shared/data";
    snprintf(path, sizeof path, "%s/README.md", shared);
    FILE *probe = fopen(path, "rb");
    if (probe != NULL) {
        fclose(probe);
        real_texts_agree(shared);
    }
    CHECK(enc_mem_live() == 0);
    if (probe != NULL) return check_done("plain");
    printf("plain: %d passed, %d failed, 1 skipped (no %s)\n", check_passed, check_failed,
           path);
    return check_failed != 0;
}
