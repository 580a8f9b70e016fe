/* test_tok_cut.c - the vocabulary taken out of a tokenizer.json is what the parser reads
 * of it, and a file that the parser refuses is refused. */
#include "text/tok_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/wr.h"
#include "check.h"
#include "lib/faults.h"

static enc_bytes bytes(const char *text)
{
    return (enc_bytes){(const uint8_t *)text, strlen(text)};
}

/* "0:piece 2:piece ... rest", or "" if nothing was taken. */
static const char *cut(const char *text)
{
    static char out[1024];
    enc_tok_cut c;
    enc_err e;
    size_t n = 0;
    enc_err_clear(&e);
    CHECK(enc_tok_cut_open(&c, bytes(text), &e) == ENC_OK);
    for (size_t i = 0; i < c.n_pieces; i++)
        if (c.pieces[i].n > 0)
            n += (size_t)snprintf(out + n, sizeof out - n, "%zu:%.*s ", i,
                                  (int)c.pieces[i].n, (const char *)c.pieces[i].at);
    snprintf(out + n, sizeof out - n, "%.*s", (int)c.n_rest, (const char *)c.rest);
    enc_tok_cut_close(&c);
    return out;
}

#define CUTS(text, expected)                                                             \
    CHECK_SAY(strcmp(cut(text), expected) == 0, "%s gives %s", text, cut(text))

static void the_vocabulary_of_the_model_is_taken(void)
{
    CUTS("{\"model\": {\"vocab\": {\"a\": 0, \"b\" : 2}, \"x\": 1}}",
         "0:a 2:b {\"model\": {\"vocab\":{}, \"x\": 1}}");
    CUTS(
        "{\"a\\\"{\":[{\"vocab\":{}}],\"model\":{\"y\":\"vocab\",\"vocab\":{\"a\":0}}}\n",
        "0:a {\"a\\\"{\":[{\"vocab\":{}}],\"model\":{\"y\":\"vocab\",\"vocab\":{}}}\n");
    CUTS("{\"model\":{\"vocab\":\t{\r\n\" a\":1\n}}", "1: a {\"model\":{\"vocab\":{}}");
    CUTS("{\"model\":{\"vocab\":{\"\\\"\\\\\\/\":0,\"\\uAc00\\u0041\":1}}}",
         "0:\"\\/ 1:\xea\xb0\x80"
         "A {\"model\":{\"vocab\":{}}}");
    CUTS("{\"model\":{\"vocab\":{\"\\uff01\":0}}}",
         "0:\xef\xbc\x81 {\"model\":{\"vocab\":{}}}");
    CUTS("{\"model\":{\"vocab\":{\"\xea\xb0\x80\xef\xbf\xbd\xf0\x9f\x98\x80\":0}}}",
         "0:\xea\xb0\x80\xef\xbf\xbd\xf0\x9f\x98\x80 {\"model\":{\"vocab\":{}}}");
}

static void what_is_not_plain_is_left_to_the_parser(void)
{
    static const char *const inside[] = {
        "",
        "\"a\":0,",
        "\"a\":0 \"b\":1",
        "\"a\":-1",
        "\"a\":01",
        "\"a\":1.0",
        "\"a\":1e1",
        "\"a\":1048576",
        "\"a\":99999999999999999999999",
        "\"a\":\"1\"",
        "\"a\":null",
        "\"a\":",
        "\"a\"",
        "\"\":0",
        "a:0",
        "\"a\":0,\"b\":0",
        "\"a\\v\":0",
        "\"\\u0000\":0",
        "\"\\ud83d\\ude00\":0",
        "\"\\u00g0\":0",
        "\"\x01\":0",
        "\"\xff\":0",
        "\"\xea\xb0\":0",
        "\"\xf0\x9f\x98\":0",
        "\"a\":{\"b\":0}",
    };
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"model\":{\"vocab\":{%s}}}", inside[i]);
        CUTS(text, "");
    }
    CUTS("{\"model\":{\"vocab\":{\"a\":0},\"vocab\":{\"b\":1}}}", "");
    CUTS("{\"model\":{\"merges\":[\"a b\"],\"merges\":[\"a b\"]}}", "");
    CUTS("{\"model\":{\"merges\":{}}}", "");
    CUTS("", "");
    CUTS("\"", "");
    CUTS("\"\\", "");
    CUTS("}{\"model\":{\"vocab\":{\"a\":0}}}", "");
    CUTS("{\"vocab\":{\"a\":0}}", "");
    CUTS("{\"model\":{\"a\":{\"vocab\":{\"a\":0}}}}", "");
    CUTS("{\"model\":0,\"x\":{\"vocab\":{\"a\":0}}}", "");
    CUTS("{\"model\":{\"voc\\u0061b\":{\"a\":0}}}", "");
    CUTS("{\"model\":{\"vocab\":{\"a\":0", "");
    CUTS("{\"model\":{\"vocab\":{\"a\\", "");
}

static enc_rc open_json(enc_tok **t, const uint8_t *text, size_t n)
{
    enc_err e;
    enc_err_clear(&e);
    return enc_tok_open(t, &(enc_tok_files){.tokenizer_json = {text, n}}, &e);
}

/* All that a tokenizer is, as it is written. */
static bool are_written_alike(const enc_tok *a, const enc_tok *b)
{
    enc_wr x, y;
    enc_wr_init(&x);
    enc_wr_init(&y);
    enc_tok_write_json(a, &x);
    enc_tok_write_json(b, &y);
    bool are = x.n == y.n && memcmp(x.at, y.at, x.n) == 0;
    enc_wr_clear(&x);
    enc_wr_clear(&y);
    return are;
}

static bool are_equal(const enc_tok *a, const enc_tok *b)
{
    if (!are_written_alike(a, b)) return false;
    size_t n = enc_vocab_size(enc_tok_vocab(a));
    if (n != enc_vocab_size(enc_tok_vocab(b))) return false;
    for (int32_t id = 0; (size_t)id < n; id++) {
        enc_bytes p = enc_vocab_piece(enc_tok_vocab(a), id);
        enc_bytes q = enc_vocab_piece(enc_tok_vocab(b), id);
        if (p.n != q.n || (p.n > 0 && memcmp(p.at, q.at, p.n) != 0)) return false;
    }
    return true;
}

/* A file with one byte changed, and the same file with "vocab" spelt so that the parser
 * reads it: both open to the same pieces, or neither opens, for the same reason. */
static void the_parser_agrees_on_every_damage(enc_bytes json)
{
    static const char key[] = "\"vocab\"", other[] = "\"voc\\u0061b\"";
    static const char with[] = {'"', '0', '}', ',', '\\', ' ', '\0', '\x80'};
    size_t before = (size_t)((uint8_t *)memmem(json.at, json.n, key, 7) - json.at);
    size_t behind = before + sizeof key - 1, n = json.n + sizeof other - sizeof key;
    uint8_t *a = malloc(json.n), *b = malloc(n);
    int bad = 0;
    memcpy(a, json.at, json.n);
    memcpy(b, json.at, before);
    memcpy(b + before, other, sizeof other - 1);
    memcpy(b + n - (json.n - behind), json.at + behind, json.n - behind);
    for (size_t i = 0; i < json.n; i++)
        for (size_t k = i % 4; k < sizeof with; k += 4) { /* two of them a place */
            enc_tok *x, *y;
            if (i >= before && i < behind) continue;
            uint8_t *twin = b + (i < before ? i : i + sizeof other - sizeof key);
            a[i] = *twin = (uint8_t)with[k];
            enc_rc rc = open_json(&x, a, json.n);
            if (rc != open_json(&y, b, n)) bad++;
            else if (rc == ENC_OK && !are_equal(x, y)) bad++;
            enc_tok_close(x);
            enc_tok_close(y);
            a[i] = *twin = json.at[i];
        }
    CHECK_SAY(bad == 0, "%d damaged files are read in two ways", bad);
    free(a);
    free(b);
}

/* The same for the tokenizers of other models, small ones. */
static void the_parser_agrees_on(const char *text)
{
    enc_tok *t;
    enc_wr w;
    enc_wr_init(&w);
    CHECK_SAY(open_json(&t, (const uint8_t *)text, strlen(text)) == ENC_OK, "%s", text);
    if (t != NULL) enc_tok_write_json(t, &w);
    enc_tok_close(t);
    if (w.n > 0) the_parser_agrees_on_every_damage((enc_bytes){w.at, w.n});
    enc_wr_clear(&w);
}

/* Opens and closes; what is taken of a file that is cut off is not asked. */
static enc_rc cut_and_close(void *text, enc_err *e)
{
    enc_tok_cut c;
    enc_rc rc = enc_tok_cut_open(&c, *(enc_bytes *)text, e);
    enc_tok_cut_close(&c);
    return rc;
}

static void any_end_and_any_lack_of_memory_is_survived(void)
{
    static const char text[] =
        "{\"model\":{\"vocab\":[[\"a\", -1.5e+1 ], [\"b\", 9007199254740993]], "
        "\"merges\": [\"a b\", [\"c\", \"d\"]]}}";
    enc_err e;
    enc_err_clear(&e);
    for (size_t n = 0; n < sizeof text; n++) {
        enc_bytes part = {(const uint8_t *)text, n};
        CHECK(cut_and_close(&part, &e) == ENC_OK);
    }
    enc_bytes all = bytes(text);
    CHECK(every_allocation_fails(cut_and_close, &all) > 4);
}

static void scores_and_merges_are_taken(void)
{
    CUTS("{\"model\":{\"vocab\":[[\"a\",0], [\"b\",-1.5e1]],\"x\":1}}",
         "0:a 1:b {\"model\":{\"vocab\":[],\"x\":1}}");
    CUTS("{\"model\":{\"merges\":[\"a b\", [\"c\",\"d e\"]],\"vocab\":{\"a\":0}}}",
         "0:a {\"model\":{\"merges\":[],\"vocab\":{}}}");
    CUTS("{\"model\":{\"vocab\":{\"a\":0},\"merges\":[]}}",
         "0:a {\"model\":{\"vocab\":{},\"merges\":[]}}");
    CUTS("{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"a\"]}}", "");
    CUTS("{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"a b c\"]}}", "");
    static const char *const scores[] = {"01",
                                         "-",
                                         ".5",
                                         "1.",
                                         "1e",
                                         "1e999",
                                         "1e1234",
                                         "0.00000000000000000000000000000000000000001",
                                         "NaN",
                                         "\"1\"",
                                         "null",
                                         "[1]",
                                         "1e-30",
                                         "+1",
                                         "123456789012345678901"};
    for (size_t i = 0; i < sizeof scores / sizeof *scores; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"model\":{\"vocab\":[[\"a\",%s]]}}", scores[i]);
        CUTS(text, "");
    }
}

static bool is_read_exactly(const char *number)
{
    char text[128];
    enc_tok_cut c;
    enc_err e;
    enc_err_clear(&e);
    snprintf(text, sizeof text, "{\"model\":{\"vocab\":[[\"a\",%s]]}}", number);
    CHECK(enc_tok_cut_open(&c, bytes(text), &e) == ENC_OK);
    bool is = c.n_scores == 1 && c.scores[0] == strtod(number, NULL);
    enc_tok_cut_close(&c);
    return is;
}

/* A score is the double that strtod reads. */
static void scores_are_read_to_the_last_bit(void)
{
    /* Halfway between two doubles, and nearly so. */
    static const char *const hard[] = {"9007199254740993",    "-9007199254740995",
                                       "9007199254740993.5",  "9007199254740993e0",
                                       "9007199254740993E+0", "1.00000000000000011e-2"};
    for (size_t i = 0; i < sizeof hard / sizeof *hard; i++)
        CHECK(is_read_exactly(hard[i]));
    uint64_t state = 88172645463325252u;
    int bad = 0;
    for (int i = 0; i < 20000; i++) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        float score = -30.0f * (float)(state >> 40) / 16777216.0f;
        char number[40];
        snprintf(number, sizeof number, "%.17g", (double)score);
        bad += !is_read_exactly(number);
    }
    CHECK_SAY(bad == 0, "%d scores differ", bad);
}

int main(void)
{
    enc_map *map;
    enc_err e;
    enc_err_clear(&e);
    the_vocabulary_of_the_model_is_taken();
    what_is_not_plain_is_left_to_the_parser();
    scores_and_merges_are_taken();
    scores_are_read_to_the_last_bit();
    any_end_and_any_lack_of_memory_is_survived();
    the_parser_agrees_on(
        "{\"pre_tokenizer\":{\"type\":\"Metaspace\"},\"model\":{\"type\":"
        "\"Unigram\",\"unk_id\":0,\"vocab\":[[\"?\",0],[\"\xea\xb0\x80\",-1.5],"
        "[\"\\u2581a\",-0.25]]}}");
    the_parser_agrees_on(
        "{\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\","
        "\"vocab\":"
        "{\"a\":0,\"b\":1,\"ab\":2,\"\\u0120\":3},\"merges\":[\"a b\"]}}");
    if (enc_map_open(&map, "tests/data/tiny_tokenizer.json", 1 << 20, &e) == ENC_OK) {
        the_parser_agrees_on_every_damage(enc_map_bytes(map));
        enc_map_close(map);
    }
    CHECK_SAY(e.rc == ENC_OK, "%s", e.text);
    CHECK(enc_mem_live() == 0);
    return check_done("tok_cut");
}
