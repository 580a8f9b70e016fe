/* test_target.c - a directory appears whole or not at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "learn/target.h"
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

static enc_rc put(enc_target *t, const char *name, const char *text)
{
    enc_wr w;
    enc_wr_init(&w);
    enc_wr_text(&w, text);
    return enc_target_put(t, name, &w);
}

static void all_is_there_at_the_end(void)
{
    enc_target t;
    CHECK(enc_target_open(&t, path_of("whole//"), NULL) == ENC_OK);
    CHECK(put(&t, "a", "one") == ENC_OK);
    CHECK(enc_target_directory(&t, "inner") == ENC_OK);
    CHECK(enc_target_directory(&t, "inner") == ENC_OK);
    CHECK(put(&t, "inner/b", "two") == ENC_OK);
    CHECK(!is_there("whole"));
    CHECK(enc_target_close(&t, ENC_OK) == ENC_OK);
    CHECK(is_there("whole/a") && is_there("whole/inner/b"));
}

static void nothing_is_there_after_a_failure(void)
{
    char path[300];
    enc_target t;
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_target_open(&t, path_of("half"), &e) == ENC_OK);
    CHECK(put(&t, "a", "one") == ENC_OK && enc_target_directory(&t, "inner") == ENC_OK);
    CHECK(put(&t, "inner/b", "two") == ENC_OK);
    snprintf(path, sizeof path, "%s", t.path);
    CHECK(put(&t, "a", "again") == ENC_IO && strstr(e.text, "cannot create ") != NULL);
    CHECK(enc_target_close(&t, ENC_IO) == ENC_IO);
    CHECK(!is_there("half") && access(path, F_OK) != 0);
}

static void what_is_there_is_kept(void)
{
    enc_target t;
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_target_open(&t, path_of("whole"), &e) == ENC_MISUSE);
    CHECK(enc_target_close(&t, ENC_MISUSE) == ENC_MISUSE);
    CHECK(strstr(e.text, "whole is not empty") != NULL && is_there("whole/a"));
    CHECK(mkdir(path_of("empty"), 0777) == 0);
    CHECK(enc_target_open(&t, path_of("empty"), NULL) == ENC_OK);
    CHECK(put(&t, "a", "one") == ENC_OK && enc_target_close(&t, ENC_OK) == ENC_OK);
    CHECK(is_there("empty/a"));
    enc_err_clear(&e);
    CHECK(enc_target_open(&t, "", &e) == ENC_MISUSE);
    CHECK(enc_target_close(&t, ENC_MISUSE) == ENC_MISUSE);
    enc_err_clear(&e);
    CHECK(enc_target_open(&t, path_of("no/where"), &e) == ENC_IO);
    CHECK(enc_target_close(&t, ENC_IO) == ENC_IO);
}

static void every_allocation_may_fail(void)
{
    for (size_t n = 1; n < 40; n++) {
        enc_target t;
        enc_mem_fault(n, false);
        enc_rc rc = enc_target_open(&t, path_of("fault"), NULL);
        if (!rc) rc = put(&t, "a", "one");
        if (!rc) rc = enc_target_directory(&t, "inner");
        if (!rc) rc = put(&t, "inner/b", "two");
        rc = enc_target_close(&t, rc);
        enc_mem_fault(0, false);
        CHECK(rc == ENC_NOMEM || rc == ENC_OK);
        CHECK(is_there("fault") == (rc == ENC_OK));
        if (rc == ENC_OK) break;
    }
    CHECK(is_there("fault/inner/b"));
}

int main(void)
{
    if (tiny_scratch(scratch, sizeof scratch) == NULL) abort();
    all_is_there_at_the_end();
    nothing_is_there_after_a_failure();
    what_is_there_is_kept();
    every_allocation_may_fail();
    tiny_scratch_remove(scratch);
    CHECK(enc_mem_live() == 0);
    return check_done("learn/target");
}
