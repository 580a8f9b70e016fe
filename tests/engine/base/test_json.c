/* JSON: what is refused and how it is said; the order of members; nothing out of bounds.
 */
#include <float.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "check.h"

/* Opens a copy that ends where its memory ends, so that a reader of one byte more is
 * found out by the sanitizer. */
static enc_rc open_exactly(const char *text, size_t n, enc_json **out, enc_err *e)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);
    enc_rc rc;

    *out = NULL;
    if (copy == NULL) return ENC_NOMEM;
    memcpy(copy, text, n);
    enc_err_clear(e);
    rc = enc_json_open(out, (enc_bytes){copy, n}, "x.json", e);
    free(copy);
    return rc;
}

static void refused(const char *text, size_t n, enc_rc rc, const char *says)
{
    enc_json *j;
    enc_err e;
    enc_rc got = open_exactly(text, n, &j, &e);

    CHECK_SAY(got == rc, "%.40s: rc %d, expected %d", text, (int)got, (int)rc);
    CHECK(j == NULL);
    CHECK_SAY(strstr(e.text, says) != NULL, "%s (expected: %s)", e.text, says);
    enc_json_close(j);
}

#define REFUSED(text, says) refused(text, sizeof text - 1, ENC_CORRUPT, says)

static void bad_documents_are_refused_with_line_and_column(void)
{
    REFUSED("", "x.json is empty");
    REFUSED(" \n\t\r", "x.json: line 2 col 3: unexpected end (expected '[' or '{')");
    REFUSED("1", "x.json: line 1 col 1: unexpected '1' (expected '[' or '{')");
    REFUSED("\xef\xbb\xbf{}", "line 1 col 1: unexpected byte 0xef (expected '[' or '{')");
    REFUSED("// no\n{}", "line 1 col 1: unexpected '/' (expected '[' or '{')");
    REFUSED("{\"a\": 1,\n \"b\": ,}", "line 2 col 7: unexpected ',' (expected a value)");
    REFUSED("[1,]", "line 1 col 4: unexpected ']' (expected a value)");
    REFUSED("[,1]", "line 1 col 2: unexpected ',' (expected a value)");
    REFUSED("[}", "line 1 col 2: unexpected '}' (expected a value)");
    REFUSED("[", "line 1 col 2: unexpected end (expected a value)");
    REFUSED("[1, 2", "line 1 col 6: unexpected end (expected ',' or ']')");
    REFUSED("[1 2]", "line 1 col 4: unexpected '2' (expected ',' or ']')");
    REFUSED("[1}", "line 1 col 3: unexpected '}' (expected ',' or ']')");
    REFUSED("[1\v]", "line 1 col 3: unexpected byte 0x0b (expected ',' or ']')");
    REFUSED("[1\0]", "line 1 col 3: unexpected byte 0x00 (expected ',' or ']')");
    REFUSED("[\0", "line 1 col 2: unexpected byte 0x00 (expected a value)");
    REFUSED("{\"a\": 1,}", "line 1 col 9: unexpected '}' (expected a key)");
    REFUSED("{]", "line 1 col 2: unexpected ']' (expected a key)");
    REFUSED("{a: 1}", "line 1 col 2: unexpected 'a' (expected a key)");
    REFUSED("{\"a\" 1}", "line 1 col 6: unexpected '1' (expected ':')");
    REFUSED("{\"a\": 1 \"b\": 2}", "line 1 col 9: unexpected '\"' (expected ',' or '}')");
    REFUSED("{} {}", "line 1 col 4: unexpected '{' (expected nothing more)");
    REFUSED("{}\0", "line 1 col 3: unexpected byte 0x00 (expected nothing more)");
    REFUSED("[nul]", "line 1 col 2: unexpected 'n' (expected a value)");
    REFUSED("[tru", "line 1 col 2: unexpected 't' (expected a value)");
    REFUSED("[False]", "line 1 col 2: unexpected 'F' (expected a value)");
    REFUSED("[truer]", "line 1 col 6: unexpected 'r' (expected ',' or ']')");
    /* A column is a character. */
    REFUSED("[\"\xed\x95\x9c\xf0\x9f\x98\x80\xc3\xa9\" x]",
            "line 1 col 8: unexpected 'x'");
}

static void bad_texts_are_refused(void)
{
    REFUSED("[\"a", "line 1 col 4: unexpected end (expected '\"')");
    REFUSED("[\"a\n\"]", "line 1 col 4: unexpected byte 0x0a (expected '\"')");
    REFUSED("[\"a\0\"]", "line 1 col 4: unexpected byte 0x00 (expected '\"')");
    REFUSED("[\"\x1f\"]", "line 1 col 3: unexpected byte 0x1f (expected '\"')");
    REFUSED("{\"a\": \"\xff\"}", "line 1 col 8: a text that is not UTF-8");
    REFUSED("[\"\xc0\xaf\"]", "a text that is not UTF-8");         /* overlong */
    REFUSED("[\"\xed\xa0\x80\"]", "a text that is not UTF-8");     /* a surrogate */
    REFUSED("[\"\xf4\x90\x80\x80\"]", "a text that is not UTF-8"); /* beyond U+10FFFF */
    REFUSED("[\"\xf0\x9f\x98\"]", "a text that is not UTF-8");     /* cut short */
    REFUSED("[\"\xe2\x82", "a text that is not UTF-8");
    REFUSED("[\"\\x\"]",
            "line 1 col 4: unexpected 'x' (expected one of \"\\/bfnrtu after");
    REFUSED("[\"\\", "line 1 col 4: unexpected end");
    REFUSED("[\"\\\0\"]", "line 1 col 4: unexpected byte 0x00");
    REFUSED("[\"\\u12g4\"]",
            "line 1 col 7: unexpected 'g' (expected a hexadecimal digit)");
    REFUSED("[\"\\u12/4\"]",
            "line 1 col 7: unexpected '/' (expected a hexadecimal digit)");
    REFUSED("[\"\\u12", "line 1 col 7: unexpected end (expected a hexadecimal digit)");
    REFUSED("[\"\\ud83d\\u12:0\"]", "line 1 col 13: unexpected ':'");
    REFUSED("[\"a\\ud83d\"]", "line 1 col 4: half a surrogate pair");
    REFUSED("[\"\\ud83d\\n\"]", "line 1 col 3: half a surrogate pair");
    REFUSED("[\"\\ud83d\\u0041\"]", "line 1 col 3: half a surrogate pair");
    REFUSED("[\"\\ud83d\\ue000\"]", "line 1 col 3: half a surrogate pair");
    REFUSED("[\"\\ude00\\ud83d\"]", "line 1 col 3: half a surrogate pair");
    REFUSED("[\"\\udfff\"]", "line 1 col 3: half a surrogate pair");
    REFUSED("[\"\\ud83d", "line 1 col 3: half a surrogate pair");
    REFUSED("[\"a\\u0000b\"]", "line 1 col 4: \\u0000 in a text");
    REFUSED("{\"a\\u0000b\": 1}", "line 1 col 4: \\u0000 in a text");
}

static void bad_numbers_are_refused(void)
{
    REFUSED("[-]", "line 1 col 3: unexpected ']' (expected a digit)");
    REFUSED("[+1]", "line 1 col 2: unexpected '+' (expected a value)");
    REFUSED("[.5]", "line 1 col 2: unexpected '.' (expected a value)");
    REFUSED("[01]", "line 1 col 3: unexpected '1' (expected ',' or ']')");
    REFUSED("[-00]", "line 1 col 4: unexpected '0' (expected ',' or ']')");
    REFUSED("[1.]", "line 1 col 4: unexpected ']' (expected a digit)");
    REFUSED("[1.e2]", "line 1 col 4: unexpected 'e' (expected a digit)");
    REFUSED("[1e]", "line 1 col 4: unexpected ']' (expected a digit)");
    REFUSED("[1E+]", "line 1 col 5: unexpected ']' (expected a digit)");
    REFUSED("[0x10]", "line 1 col 3: unexpected 'x' (expected ',' or ']')");
    REFUSED("[1.5.5]", "line 1 col 5: unexpected '.' (expected ',' or ']')");
    REFUSED("[1", "line 1 col 3: unexpected end");
    REFUSED("{\"a\": NaN}", "x.json: line 1 col 7: unexpected 'N' (expected a value)");
    REFUSED("[-Infinity]", "line 1 col 3: unexpected 'I' (expected a digit)");
    REFUSED("[9223372036854775808]", "line 1 col 2: an integer beyond 64 bits");
    REFUSED("[-9223372036854775809]", "line 1 col 2: an integer beyond 64 bits");
    REFUSED("[92233720368547758070]", "line 1 col 2: an integer beyond 64 bits");
    REFUSED("[1000000000000000000000000]", "line 1 col 2: an integer beyond 64 bits");
    REFUSED("{\"a\": 1e999}", "line 1 col 7: a number beyond a double");
    REFUSED("[-1.8e308]", "line 1 col 2: a number beyond a double");
    REFUSED("[1e99999999999999999999]", "a number beyond a double");
}

static void a_sentence_repeats_little_of_the_document(void)
{
    char text[2000], expected[] =
                         "\"SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS"
                         "...\"";
    enc_json *j;
    enc_err e;

    memset(text, 'S', sizeof text);
    CHECK(open_exactly(text, sizeof text, &j, &e) == ENC_CORRUPT);
    CHECK(strstr(e.text, "SS") == NULL);
    enc_json_close(j);
    int n = snprintf(text, sizeof text, "{\"%0100d\": 1,\n \"%0100d\": 2}", 0, 0);
    for (int i = 0; i < n; i++)
        if (text[i] == '0') text[i] = 'S';
    CHECK(open_exactly(text, (size_t)n, &j, &e) == ENC_CORRUPT);
    CHECK_SAY(strstr(e.text, expected) != NULL, "%s", e.text);
    enc_json_close(j);
}

static void a_key_that_is_there_twice_is_named(void)
{
    static const char text[] =
        "{\"a\": {\"b\": 0, \"c\": 1}, \"d\": 0, \"e\": 0, \"f\": 0, "
        "\"g\": 0, \"h\": 0, \"i\": 0, \"j\": 0, \"k\": 0, \"c\": 0, "
        "\n\"b\": 1, \"b\": 2}";

    REFUSED("{\"hidden_size\": 1, \"hidden_size\": 2}",
            "x.json: line 1 col 20: duplicate key \"hidden_size\"");
    REFUSED("{\"\": 1, \"\": 2}", "line 1 col 9: duplicate key \"\"");
    REFUSED("{\"a\": 1, \"\\u0061\": 2}", "line 1 col 10: duplicate key \"a\"");
    REFUSED("{\"\xc3\xa9\\n\x7f~\": 1, \"\xc3\xa9\\n\x7f~\": 2}",
            "col 14: duplicate key \"????~\"");
    REFUSED(text, "x.json: line 2 col 9: duplicate key \"b\"");
}

/* An object of n members "0", "1", ... (base 16), with `more` behind them. */
static size_t write_object(char *text, const unsigned *names, size_t n, const char *more)
{
    char *at = text;

    *at++ = '{';
    for (size_t i = 0; i < n; i++)
        at += sprintf(at, "%s\"%x\":%zu", i > 0 ? "," : "",
                      names != NULL ? names[i] : (unsigned)i, i);
    at += sprintf(at, "%s}", more);
    return (size_t)(at - text);
}

static void members_are_found_however_many(void)
{
    static const size_t sizes[] = {0, 1, 7, 8, 9, 16, 17, 1000, 250000};
    char *text = malloc(250000 * 16), name[20];
    enc_json *j;
    enc_err e;

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes && text != NULL; s++) {
        size_t n = sizes[s], n_right = 0;
        CHECK(open_exactly(text, write_object(text, NULL, n, ""), &j, &e) == ENC_OK);
        if (j == NULL) continue;
        enc_json_value *root = enc_json_root(j);
        CHECK(enc_json_count(root) == n);
        for (size_t i = 0; i < n; i++) {
            sprintf(name, "%zx", i);
            enc_json_value *v = enc_json_get(root, name);
            n_right += enc_json_is_int(v) && enc_json_int(v) == (long long)i;
        }
        CHECK(n_right == n);
        sprintf(name, "%zx", n);
        CHECK(enc_json_get(root, name) == NULL);
        enc_json_close(j);
        if (n == 0) continue;
        size_t n_text = write_object(text, NULL, n, ",\n\"0\":1");
        refused(text, n_text, ENC_CORRUPT, "line 2 col 1: duplicate key \"0\"");
    }
    free(text);
}

/* Keys whose hashes are the same in 32 bits, and their places in a table for nine. */
static void keys_of_one_hash_are_told_apart(void)
{
    static const char text[] = "{\"d61a6\":1,\"98e5c\":2,\"a\":3,\"b\":4,\"c\":5,\"d\":6,"
                               "\"e\":7,\"f\":8,\"g\":9}";
    enc_hash a = enc_hash_of("d61a6", 5), b = enc_hash_of("98e5c", 5);
    enc_json *j;
    enc_err e;

    CHECK((uint32_t)a.high == (uint32_t)b.high && ((a.low ^ b.low) & 31) == 0);
    CHECK(open_exactly(text, sizeof text - 1, &j, &e) == ENC_OK);
    if (j == NULL) return;
    CHECK(enc_json_int(enc_json_get(enc_json_root(j), "d61a6")) == 1);
    CHECK(enc_json_int(enc_json_get(enc_json_root(j), "98e5c")) == 2);
    enc_json_close(j);
}

static void keys_made_to_collide_are_refused(void)
{
    enum { N = 513 };
    unsigned names[N];
    char *text = malloc(N * 32), name[16];
    size_t n = 0;
    enc_json *j;
    enc_err e;

    for (unsigned i = 0; n < N; i++) {
        int length = sprintf(name, "%x", i);
        if ((enc_hash_of(name, (size_t)length).low & 2047) == 7) names[n++] = i;
    }
    if (text == NULL) return;
    refused(text, write_object(text, names, N, ""), ENC_CORRUPT,
            "more than 512 keys with colliding hashes");
    CHECK(open_exactly(text, write_object(text, names, N - 1, ""), &j, &e) == ENC_OK);
    sprintf(name, "%x", names[N - 2]);
    if (j != NULL) CHECK(enc_json_int(enc_json_get(enc_json_root(j), name)) == N - 2);
    sprintf(name, "%x", names[N - 1]);
    if (j != NULL) CHECK(enc_json_get(enc_json_root(j), name) == NULL);
    enc_json_close(j);
    free(text);
}

static void a_document_of_more_than_a_gigabyte_is_refused(void)
{
    const uint8_t byte = '[';
    enc_json *j;
    enc_err e;

    enc_err_clear(&e);
    CHECK(enc_json_open(&j, (enc_bytes){&byte, ENC_TEXT_MAX + 1}, "x.json", &e) ==
          ENC_RANGE);
    CHECK(j == NULL);
    CHECK(strcmp(e.text, "x.json has 1073741825 bytes, limit 1073741824") == 0);
}

static void an_error_need_not_be_asked_for(void)
{
    enc_json *j;

    CHECK(enc_json_open(&j, (enc_bytes){(const uint8_t *)"[x", 2}, "", NULL) ==
          ENC_CORRUPT);
    CHECK(j == NULL);
}

static void depth_has_a_limit(void)
{
    char text[2 * 100000];
    enc_json *j;
    enc_err e;

    for (size_t depth = 1; depth <= 100000; depth = depth < 70 ? depth + 1 : depth * 10) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        enc_rc rc = open_exactly(text, 2 * depth, &j, &e);
        CHECK_SAY(rc == (depth <= ENC_JSON_DEPTH ? ENC_OK : ENC_RANGE), "depth %zu",
                  depth);
        if (depth > ENC_JSON_DEPTH)
            CHECK(strstr(e.text, "line 1 col 65: nested deeper than 64") != NULL);
        enc_json_close(j);
    }
    /* Brackets in a text are not brackets, and an escaped quote does not end it. */
    memset(text, '[', 200);
    memcpy(text, "[\"\\\"", 4);
    memcpy(text + 198, "\"]", 2);
    CHECK(open_exactly(text, 200, &j, &e) == ENC_OK);
    enc_json_close(j);
}

static void members_come_in_order(void)
{
    static const char text[] = "{\"zebra\": 0, \"apple\": 1, \"\": 2, \"mango\": 3}";
    enc_json_value *v;
    const char *key = NULL;
    size_t n = 0;
    enc_json *j;
    enc_err e;

    CHECK(open_exactly(text, sizeof text - 1, &j, &e) == ENC_OK);
    if (j == NULL) return;
    for (; (v = enc_json_member(enc_json_root(j), n, &key)) != NULL; n++)
        CHECK(enc_json_int(v) == (long long)n);
    CHECK(n == 4);
    CHECK(strcmp(key, "mango") == 0);
    CHECK(enc_json_member(NULL, 0, &key) == NULL);
    enc_json_close(j);
}

static void values_say_what_they_are(void)
{
    static const char text[] = "\t{\"t\": \"a\\u00e9\", \"i\": -7, \"r\": 1e3, \"y\": "
                               "true, \"n\": null, \"a\": [1, 2],\r\n\"f\":false} ";
    enc_json_value *root;
    enc_json *j;
    enc_err e;
    size_t n;

    CHECK(open_exactly(text, sizeof text - 1, &j, &e) == ENC_OK);
    if (j == NULL) return;
    root = enc_json_root(j);
    CHECK(enc_json_is_object(root) && enc_json_count(root) == 7);
    CHECK(strcmp(enc_json_text(enc_json_get(root, "t"), &n), "a\xc3\xa9") == 0 && n == 3);
    CHECK(enc_json_is_int(enc_json_get(root, "i")) &&
          enc_json_int(enc_json_get(root, "i")) == -7);
    CHECK(!enc_json_is_number(root) && !enc_json_is_int(enc_json_get(root, "r")) &&
          enc_json_is_number(enc_json_get(root, "r")));
    CHECK(enc_json_number(enc_json_get(root, "r")) == 1000.0);
    CHECK(enc_json_number(enc_json_get(root, "i")) == -7.0);
    CHECK(enc_json_true(enc_json_get(root, "y")) &&
          enc_json_is_bool(enc_json_get(root, "y")));
    CHECK(!enc_json_true(enc_json_get(root, "f")) &&
          enc_json_is_bool(enc_json_get(root, "f")) && !enc_json_is_bool(root));
    CHECK(enc_json_is_null(enc_json_get(root, "n")) && !enc_json_is_null(NULL));
    CHECK(enc_json_is_array(enc_json_get(root, "a")) && !enc_json_is_array(root));
    CHECK(enc_json_count(enc_json_get(root, "a")) == 2);
    CHECK(enc_json_int(enc_json_at(enc_json_get(root, "a"), 1)) == 2);
    CHECK(enc_json_at(enc_json_get(root, "a"), 2) == NULL &&
          enc_json_at(root, 0) == NULL);
    CHECK(enc_json_text(enc_json_get(root, "i"), &n) == NULL && n == 0);
    CHECK(enc_json_text(enc_json_get(root, "absent"), NULL) == NULL);
    CHECK(enc_json_count(enc_json_get(root, "t")) == 0 && enc_json_count(NULL) == 0);
    CHECK(enc_json_get(NULL, "t") == NULL && enc_json_int(NULL) == 0 &&
          enc_json_number(NULL) == 0 && !enc_json_true(NULL));
    enc_json_close(j);
}

static void texts_are_decoded(void)
{
    static const struct {
        const char *written, *meant;
    } texts[] = {
        {"", ""},
        {" ~\x7f", " ~\x7f"},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
        {"a\\u0001\\u007fb\\u0080\\u07FF", "a\x01\x7f"
                                           "b\xc2\x80\xdf\xbf"},
        {"\\u0800\\ud7ff\\uE000\\uffff",
         "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"},
        {"\\ud800\\udc00\\uDBFF\\uDFFF", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
        {"\xed\x95\x9c\\t\xea\xb8\x80x", "\xed\x95\x9c\t\xea\xb8\x80x"},
        {"\xef\xbf\xbd\\ufffd\xf0\x9f\x98\x80",
         "\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x98\x80"},
        {"[{\\\"]}", "[{\"]}"},
    };
    char text[200];
    enc_json *j;
    enc_err e;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *s = texts[i].written, *meant = texts[i].meant, *key = NULL;
        size_t n = (size_t)snprintf(text, sizeof text, "{\"%s\":[\"%s\"]}", s, s), length;
        CHECK_SAY(open_exactly(text, n, &j, &e) == ENC_OK, "%s: %s", text, e.text);
        if (j == NULL) continue;
        enc_json_value *v = enc_json_member(enc_json_root(j), 0, &key);
        CHECK_SAY(key != NULL && strcmp(key, meant) == 0, "%s: %s", text, key);
        CHECK(enc_json_get(enc_json_root(j), meant) == v);
        CHECK(strcmp(enc_json_text(enc_json_at(v, 0), &length), meant) == 0);
        CHECK(length == strlen(meant));
        enc_json_close(j);
    }
}

/* The number that this text is; NaN if it is refused. */
static double number_of(const char *written, bool *is_int, long long *integer)
{
    char text[2000];
    size_t n = (size_t)snprintf(text, sizeof text, "[%s]", written);
    double x = (double)NAN;
    enc_json *j;
    enc_err e;

    CHECK_SAY(open_exactly(text, n, &j, &e) == ENC_OK, "%s: %s", text, e.text);
    if (j == NULL) return x;
    enc_json_value *v = enc_json_at(enc_json_root(j), 0);
    *is_int = enc_json_is_int(v);
    *integer = enc_json_int(v);
    x = enc_json_number(v);
    CHECK(enc_json_is_number(v));
    enc_json_close(j);
    return x;
}

static void integers_have_64_bits(void)
{
    static const struct {
        const char *written;
        long long meant;
    } integers[] = {
        {"0", 0},
        {"-0", 0},
        {"-1", -1},
        {"1234567890", 1234567890},
        {"9223372036854775807", LLONG_MAX},
        {"-9223372036854775808", LLONG_MIN},
    };

    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        bool is_int = false;
        long long n = 1;
        double x = number_of(integers[i].written, &is_int, &n);
        CHECK_SAY(is_int && n == integers[i].meant, "%s", integers[i].written);
        CHECK(x == (double)integers[i].meant);
    }
}

static void reals_are_rounded_to_the_nearest(void)
{
    static const struct {
        const char *written;
        double meant;
    } reals[] = {
        {"0.0", 0.0},
        {"0e5", 0.0},
        {"0.00000e-3", 0.0},
        {"1.0", 1.0},
        {"1E3", 1000.0},
        {"1e+3", 1000.0},
        {"-2.5e-1", -0.25},
        {"0.1", 0.1},
        {"0.001e3", 1.0},
        {"1000e-3", 1.0},
        {"-11.345678901234567", -11.345678901234567},
        {"123456789012345678901234567890.5", 123456789012345678901234567890.5},
        {"9223372036854775808e0", 9223372036854775808.0},
        {"1.7976931348623157e308", DBL_MAX},
        {"2.2250738585072014e-308", DBL_MIN},
        {"4.9406564584124654e-324", 0x1p-1074},
        {"1e-999", 0.0},
        {"1e-99999999999999999999", 0.0},
        /* In the middle of two doubles the even one; above it, the odd. */
        {"9007199254740993.0", 9007199254740992.0},
        {"9007199254740995.0", 9007199254740996.0},
        {"9007199254740993.000000000000000000000000000000000000000001",
         9007199254740994.0},
    };

    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        bool is_int = true;
        long long n = 1;
        double x = number_of(reals[i].written, &is_int, &n);
        CHECK_SAY(x == reals[i].meant, "%s: %.17g", reals[i].written, x);
        CHECK(!is_int && n == 0);
        CHECK(signbit(x) == (reals[i].written[0] == '-'));
    }
    bool is_int;
    long long n;
    CHECK(signbit(number_of("-0.0", &is_int, &n)));
}

/* More digits than are kept: those left out count as they should. */
static void reals_may_have_many_digits(void)
{
    char text[1600];
    bool is_int;
    long long n;

    memset(text, '0', sizeof text);
    memcpy(text, "9007199254740993.", 17);
    text[1500] = '\0';
    CHECK(number_of(text, &is_int, &n) == 9007199254740992.0);
    text[1499] = '1';
    CHECK(number_of(text, &is_int, &n) == 9007199254740994.0);
    memset(text, '0', sizeof text);
    text[0] = '1';
    strcpy(text + 1200, "e-1199");
    CHECK(number_of(text, &is_int, &n) == 1.0);
    memset(text, '0', sizeof text);
    text[1] = '.';
    strcpy(text + 1200, "1e1199");
    CHECK(number_of(text, &is_int, &n) == 1.0);
}

/* With any of them, if the system has it: a decimal comma. */
static void the_locale_of_the_host_does_not_matter(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    bool is_int;
    long long n;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (setlocale(LC_NUMERIC, names[i]) != NULL) break;
    CHECK(number_of("12.5e-1", &is_int, &n) == 1.25);
    setlocale(LC_NUMERIC, "C");
}

static void every_truncation_is_noticed(void)
{
    static const char text[] = "{\"a\": [1, \"two\", {\"b\": null}], \"c\": -1.5e3}";
    enc_json *j;
    enc_err e;

    for (size_t n = 0; n < sizeof text - 1; n++) {
        CHECK(open_exactly(text, n, &j, &e) == ENC_CORRUPT);
        enc_json_close(j);
    }
}

static void every_allocation_may_fail(void)
{
    char *text = malloc(4000);
    size_t n =
        write_object(text, NULL, 40, ",\"z\":[[],{},[1.5e0,\"\\n\"],{\"b\":null}]");
    enc_rc rc = ENC_NOMEM;
    enc_json *j;
    enc_err e;

    for (int stays = 0; stays < 2; stays++) {
        size_t nth = 1;
        for (; nth < 100; nth++) {
            enc_mem_fault(nth, stays);
            rc = open_exactly(text, n, &j, &e);
            enc_mem_fault(0, false);
            enc_json_close(j);
            CHECK(rc == ENC_OK || (rc == ENC_NOMEM && j == NULL && e.text[0] == '\0'));
            CHECK(enc_mem_live() == 0);
            if (rc == ENC_OK) break;
        }
        CHECK(rc == ENC_OK && nth > 8);
    }
    free(text);
}

int main(void)
{
    bad_documents_are_refused_with_line_and_column();
    bad_texts_are_refused();
    bad_numbers_are_refused();
    a_sentence_repeats_little_of_the_document();
    a_key_that_is_there_twice_is_named();
    members_are_found_however_many();
    keys_of_one_hash_are_told_apart();
    keys_made_to_collide_are_refused();
    a_document_of_more_than_a_gigabyte_is_refused();
    an_error_need_not_be_asked_for();
    depth_has_a_limit();
    members_come_in_order();
    values_say_what_they_are();
    texts_are_decoded();
    integers_have_64_bits();
    reals_are_rounded_to_the_nearest();
    reals_may_have_many_digits();
    the_locale_of_the_host_does_not_matter();
    every_truncation_is_noticed();
    every_allocation_may_fail();
    CHECK(enc_mem_live() == 0);
    return check_done("base/json");
}
