/* test_copy.c - models of other kinds are saved as they were opened. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "learn/save.h"
#include "lib/tiny.h"

static char scratch[256];

static const char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", scratch, name);
    return path;
}

static bool is_there(const char *name)
{
    struct stat st;
    return stat(path_of(name), &st) == 0;
}

static enc_model *open_directory(const char *path)
{
    enc_model *m = NULL;
    enc_files *f;
    enc_err e;
    enc_err_clear(&e);
    CHECK_SAY(enc_files_open_directory(&f, path, &e) == ENC_OK, "%s", e.text);
    CHECK_SAY(enc_model_open(&m, f, NULL, &e) == ENC_OK, "%s", e.text);
    if (m == NULL) abort();
    return m;
}

static bool is_same(const enc_model *a, const enc_model *b)
{
    char x[33], y[33];
    CHECK(enc_model_fingerprint(a, x, NULL) == ENC_OK);
    CHECK(enc_model_fingerprint(b, y, NULL) == ENC_OK);
    return strcmp(x, y) == 0;
}

static void what_is_copied_opens_the_same(void)
{
    static const char *const names[] = {"roberta_masked", "albert_classes", "nomic_body",
                                        "modernbert_answer", "static_embedding"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char from[128];
        enc_err e;
        enc_err_clear(&e);
        snprintf(from, sizeof from, "tests/ref/checkpoints/%s", names[i]);
        enc_model *m = open_directory(from);
        CHECK_SAY(enc_save_directory(m, path_of(names[i]), &e) == ENC_OK, "%s", e.text);
        enc_model *again = open_directory(path_of(names[i]));
        CHECK(is_same(m, again));
        CHECK(enc_weights_count(&m->config, &m->weights) ==
              enc_weights_count(&again->config, &again->weights));
        enc_model_close(again);
        enc_model_close(m);
    }
    CHECK(is_there("roberta_masked/config.json"));
    CHECK(!is_there("roberta_masked/modules.json"));
    CHECK(!is_there("roberta_masked/expected.safetensors"));
}

/* The files are read again to be copied: by then they may be those of another model. */
static void a_directory_that_was_replaced_is_not_saved(void)
{
    char from[512], to[512];
    enc_err e;
    enc_err_clear(&e);
    enc_model *m = open_directory("tests/ref/checkpoints/roberta_body");
    CHECK(enc_save_directory(m, path_of("first"), &e) == ENC_OK);
    enc_model_close(m);
    m = open_directory("tests/ref/checkpoints/xlm_roberta_body");
    CHECK(enc_save_directory(m, path_of("second"), &e) == ENC_OK);
    enc_model_close(m);
    m = open_directory(path_of("first"));
    snprintf(from, sizeof from, "%s", path_of("first"));
    snprintf(to, sizeof to, "%s", path_of("old"));
    CHECK(rename(from, to) == 0);
    snprintf(to, sizeof to, "%s", path_of("second"));
    CHECK(rename(to, from) == 0);
    CHECK(enc_save_directory(m, path_of("third"), &e) == ENC_MISUSE);
    CHECK_SAY(strstr(e.text, "no longer the model that was loaded") != NULL, "%s",
              e.text);
    CHECK(!is_there("third"));
    enc_model_close(m);
}

/* What its files cannot say is refused, and not lost. */
static void options_that_files_do_not_say_are_refused(void)
{
    static const struct {
        const char *name;
        enc_model_options o;
        const char *said; /* the option that is refused, or NULL */
    } cases[] = {
        {"roberta_body", {.pooling = ENC_POOL_CLS}, "the option pooling"},
        {"roberta_body", {.normalize = 1}, "the option normalize"},
        {"roberta_body", {.max_tokens = 5}, "the option max_tokens"},
        {"roberta_body", {.dims = 4}, "the option dims"},
        {"roberta_body", {.pooling = ENC_POOL_MEAN, .precision = 1 + ENC_I8}, NULL},
        {"bert_body", {.dims = 4}, "the option dims"},
        {"bert_body", {.pooling = ENC_POOL_CLS, .max_tokens = 5, .normalize = 1}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char from[128], to[16];
        enc_model *m = NULL;
        enc_files *f;
        enc_err e;
        enc_err_clear(&e);
        snprintf(from, sizeof from, "tests/ref/checkpoints/%s", cases[i].name);
        snprintf(to, sizeof to, "options%zu", i);
        CHECK(enc_files_open_directory(&f, from, &e) == ENC_OK);
        CHECK_SAY(enc_model_open(&m, f, &cases[i].o, &e) == ENC_OK, "%s", e.text);
        enc_rc rc = enc_save_directory(m, path_of(to), &e);
        CHECK_SAY(rc == (cases[i].said == NULL ? ENC_OK : ENC_UNSUPPORTED), "%zu: %s", i,
                  e.text);
        CHECK(cases[i].said == NULL || strstr(e.text, cases[i].said) != NULL);
        CHECK(is_there(to) == (cases[i].said == NULL));
        enc_model_close(m);
    }
}

static void every_allocation_may_fail(void)
{
    enc_model *m = open_directory("tests/ref/checkpoints/modernbert_tokens");
    bool is_done = false;
    for (size_t n = 1; !is_done && n < 2000; n++) {
        enc_mem_fault(n, false);
        enc_rc rc = enc_save_directory(m, path_of("fault"), NULL);
        enc_mem_fault(0, false);
        is_done = rc == ENC_OK;
        if (rc != ENC_OK && rc != ENC_NOMEM)
            CHECK_SAY(false, "allocation %zu: %d", n, (int)rc);
        if (is_there("fault") != is_done)
            CHECK_SAY(false, "allocation %zu left something", n);
    }
    CHECK(is_done);
    enc_model_close(m);
}

int main(void)
{
    if (tiny_scratch(scratch, sizeof scratch) == NULL) abort();
    what_is_copied_opens_the_same();
    a_directory_that_was_replaced_is_not_saved();
    options_that_files_do_not_say_are_refused();
    every_allocation_may_fail();
    tiny_scratch_remove(scratch);
    CHECK(enc_mem_live() == 0);
    return check_done("learn/copy");
}
