/* JSON: what is refused and how it is said; the order of members; nothing out of bounds.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

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
    REFUSED("{\"a\": 1,\n \"b\": ,}", "x.json: line 2 col 7: unexpected token near ','");
    REFUSED("{\"a\": 1,}", "x.json: line 1 col 9:");
    REFUSED("{\"hidden_size\": 1, \"hidden_size\": 2}", "hidden_size");
    REFUSED("{\"a\": \"\xff\"}", "x.json: line 1 col");
    REFUSED("{\"a\": NaN}", "x.json: line 1");
    REFUSED("{\"a\": 9223372036854775808}", "too big integer");
    REFUSED("{\"a\": 1e999}", "real number overflow");
    REFUSED("{} {}", "end of file expected");
    REFUSED("[1, 2", "x.json: line 1");
    REFUSED("\"a\\u0000b\"", "x.json: line 1");
    REFUSED("// no\n{}", "x.json: line 1");
}

static void a_sentence_repeats_little_of_the_document(void)
{
    char text[2000];
    enc_json *j;
    enc_err e;

    memset(text, 'S', sizeof text);
    CHECK(open_exactly(text, sizeof text, &j, &e) == ENC_CORRUPT);
    CHECK(strstr(e.text, "SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS") == NULL);
    enc_json_close(j);
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
    CHECK(enc_json_member(NULL, 0, &key) == NULL);
    enc_json_close(j);
}

static void values_say_what_they_are(void)
{
    static const char text[] = "{\"t\": \"a\\u00e9\", \"i\": -7, \"r\": 1e3, \"y\": "
                               "true, \"n\": null, \"a\": [1, 2]}";
    enc_json_value *root;
    enc_json *j;
    enc_err e;
    size_t n;

    CHECK(open_exactly(text, sizeof text - 1, &j, &e) == ENC_OK);
    if (j == NULL) return;
    root = enc_json_root(j);
    CHECK(enc_json_is_object(root) && enc_json_count(root) == 6);
    CHECK(strcmp(enc_json_text(enc_json_get(root, "t"), &n), "a\xc3\xa9") == 0 && n == 3);
    CHECK(enc_json_is_int(enc_json_get(root, "i")) &&
          enc_json_int(enc_json_get(root, "i")) == -7);
    CHECK(!enc_json_is_int(enc_json_get(root, "r")) &&
          enc_json_is_number(enc_json_get(root, "r")));
    CHECK(enc_json_number(enc_json_get(root, "r")) == 1000.0);
    CHECK(enc_json_number(enc_json_get(root, "i")) == -7.0);
    CHECK(enc_json_true(enc_json_get(root, "y")) &&
          enc_json_is_bool(enc_json_get(root, "y")));
    CHECK(enc_json_is_null(enc_json_get(root, "n")) && !enc_json_is_null(NULL));
    CHECK(enc_json_count(enc_json_get(root, "a")) == 2);
    CHECK(enc_json_int(enc_json_at(enc_json_get(root, "a"), 1)) == 2);
    CHECK(enc_json_at(enc_json_get(root, "a"), 2) == NULL);
    CHECK(enc_json_text(enc_json_get(root, "i"), &n) == NULL && n == 0);
    CHECK(enc_json_text(enc_json_get(root, "absent"), NULL) == NULL);
    CHECK(enc_json_get(NULL, "t") == NULL && enc_json_int(NULL) == 0 &&
          !enc_json_true(NULL));
    enc_json_close(j);
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

static long until_short;

static void *short_malloc(size_t n)
{
    return --until_short == 0 ? NULL : malloc(n);
}

/* jansson calls a token malformed that it has no memory for. */
static void a_lack_of_memory_is_no_error_of_the_document(void)
{
    static const char text[] = "{\"a\": [1, \"two\", {\"b\": null}], \"c\": -1.5e3}";
    enc_json *j;
    enc_err e;
    enc_rc rc;

    json_set_alloc_funcs(short_malloc, free);
    for (long nth = 1;; nth++) {
        until_short = nth;
        rc = open_exactly(text, sizeof text - 1, &j, &e);
        enc_json_close(j);
        CHECK_SAY(rc == ENC_OK || rc == ENC_NOMEM, "allocation %ld: %s", nth, e.text);
        if (until_short > 0) break;
    }
    json_set_alloc_funcs(malloc, free);
}

int main(void)
{
    bad_documents_are_refused_with_line_and_column();
    a_sentence_repeats_little_of_the_document();
    depth_has_a_limit();
    members_come_in_order();
    values_say_what_they_are();
    every_truncation_is_noticed();
    a_lack_of_memory_is_no_error_of_the_document();
    CHECK(enc_mem_live() == 0);
    return check_done("base/json");
}
