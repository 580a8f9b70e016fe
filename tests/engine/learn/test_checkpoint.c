/* test_checkpoint.c - a run on disk comes back as it was, or is refused with a sentence
 * and never half believed. test_train.c has the runs themselves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "check.h"
#include "learn/checkpoint.h"

enum { N = 5, HEAD = 48, SIZE = HEAD + 3 * N * 4 };

static char folder[64], path[96];

typedef struct run { /* as little of a training run as a checkpoint needs */
    float value[N], m[N], v[N];
    enc_params p;
    enc_optim o;
} run;

static void run_init(run *r, float first)
{
    *r = (run){0};
    for (int i = 0; i < N; i++) {
        r->value[i] = first + (float)i;
        r->m[i] = -0.5f * first * (float)i;
        r->v[i] = 0.25f * first + (float)i;
    }
    r->p = (enc_params){.value = r->value, .n = N};
    r->o = (enc_optim){.p = &r->p, .m = r->m, .v = r->v};
}

static const enc_checkpoint written = {{0x0123456789abcdef, 42}, 77, 12.75};

static enc_rc read_back(run *r, enc_checkpoint *c, bool *found, enc_err *e)
{
    enc_err_clear(e);
    *c = (enc_checkpoint){.run = written.run};
    return enc_checkpoint_read(path, c, &r->o, found, e);
}

static void bytes_put(const uint8_t *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) abort();
}

static size_t bytes_get(uint8_t *bytes, size_t cap)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) return 0;
    size_t n = fread(bytes, 1, cap, f);
    fclose(f);
    return n;
}

static bool is_same(const run *a, const run *b)
{
    return memcmp(a->value, b->value, sizeof a->value) == 0 &&
           memcmp(a->m, b->m, sizeof a->m) == 0 && memcmp(a->v, b->v, sizeof a->v) == 0;
}

static void what_is_written_comes_back(void)
{
    run a, b;
    enc_checkpoint c;
    enc_err e = {0};
    bool found = true;
    run_init(&a, 3.0f), run_init(&b, 0.0f);
    CHECK(read_back(&b, &c, &found, &e) == ENC_OK && !found); /* no file yet */
    CHECK_SAY(enc_checkpoint_write(path, &written, &a.o, &e) == ENC_OK, "%s", e.text);
    CHECK_SAY(read_back(&b, &c, &found, &e) == ENC_OK && found, "%s", e.text);
    CHECK(c.steps == 77 && c.seconds == 12.75);
    CHECK(is_same(&a, &b));

    run_init(&a, 8.0f); /* and is replaced by the next */
    CHECK(enc_checkpoint_write(path, &written, &a.o, &e) == ENC_OK);
    CHECK(read_back(&b, &c, &found, &e) == ENC_OK && is_same(&a, &b));
}

/* Nothing is wrong with the file then, and what was there stays. */
static void no_memory_is_no_fault_of_the_file(void)
{
    run a;
    enc_err e = {0};
    run_init(&a, 9.0f);
    enc_mem_fault(1, false);
    enc_rc rc = enc_checkpoint_write(path, &written, &a.o, &e);
    CHECK(enc_mem_fault(0, false));
    CHECK_SAY(rc == ENC_NOMEM, "code %d: %s", (int)rc, e.text);
}

static void the_bytes_are_those_of_the_header(void)
{
    uint8_t bytes[2 * SIZE];
    static const uint8_t start[] = {'E',  'N',  'C',  'T',  2,    0,    0,    0, 0xef,
                                    0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01, 42};
    CHECK(bytes_get(bytes, sizeof bytes) == SIZE);
    CHECK(memcmp(bytes, start, sizeof start) == 0);
    CHECK(bytes[24] == 77 && bytes[40] == N);
}

static void is_refused(const uint8_t *bytes, size_t n, enc_rc rc, const char *sentence)
{
    run r;
    enc_checkpoint c;
    enc_err e = {0};
    bool found = true;
    run_init(&r, 0.0f);
    bytes_put(bytes, n);
    enc_rc got = read_back(&r, &c, &found, &e);
    CHECK_SAY(got == rc && !found, "%zu bytes: code %d, %s", n, (int)got, e.text);
    CHECK_SAY(strstr(e.text, path) != NULL && strstr(e.text, sentence) != NULL,
              "%zu bytes: %s", n, e.text);
    CHECK(c.steps == 0); /* nothing of it was believed */
}

static void every_truncation_is_noticed(const uint8_t *whole)
{
    run r;
    enc_checkpoint c;
    enc_err e = {0};
    bool found = true;
    for (size_t n = 0; n < SIZE; n++) {
        run_init(&r, 0.0f);
        bytes_put(whole, n);
        enc_rc rc = read_back(&r, &c, &found, &e);
        CHECK_SAY(rc != ENC_OK && !found && e.text[0] != '\0', "%zu bytes are read", n);
        if (n >= HEAD) CHECK_SAY(rc == ENC_CORRUPT, "%zu bytes: %s", n, e.text);
    }
}

static void what_is_not_this_run_is_refused(const uint8_t *whole)
{
    static const struct {
        size_t at; /* a byte that is changed */
        enc_rc rc;
        const char *sentence;
    } cases[] = {{0, ENC_CORRUPT, "is not a checkpoint of a training run"},
                 {3, ENC_CORRUPT, "is not a checkpoint of a training run"},
                 {4, ENC_UNSUPPORTED, "has version 3, this reads 2"},
                 {7, ENC_UNSUPPORTED, "has version 16777218, this reads 2"},
                 {8, ENC_MISUSE, "is of another run"},
                 {15, ENC_MISUSE, "is of another run"},
                 {16, ENC_MISUSE, "is of another run"},
                 {23, ENC_MISUSE, "is of another run"},
                 {40, ENC_MISUSE, "is of another run"}, /* n: 4 */
                 {47, ENC_MISUSE, "is of another run"}};
    uint8_t bytes[SIZE + 1];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memcpy(bytes, whole, SIZE);
        bytes[cases[i].at] ^= 1;
        is_refused(bytes, SIZE, cases[i].rc, cases[i].sentence);
    }
    memcpy(bytes, whole, SIZE);
    bytes[SIZE] = 0;
    is_refused(bytes, SIZE + 1, ENC_CORRUPT, "109 bytes, its 5 parameters");
}

static void what_is_no_file_is_refused(void)
{
    run r;
    enc_checkpoint c;
    enc_err e = {0};
    bool found = true;
    run_init(&r, 0.0f);
    unlink(path);
    CHECK(mkdir(path, 0777) == 0);
    CHECK_SAY(read_back(&r, &c, &found, &e) == ENC_IO && !found, "%s", e.text);
    CHECK_SAY(strstr(e.text, path) != NULL, "%s", e.text);
    CHECK(rmdir(path) == 0);
}

static void a_write_that_fails_leaves_the_old_one(void)
{
    run a, b;
    enc_checkpoint c;
    enc_err e = {0};
    bool found;
    char beside[128], no_folder[128];
    run_init(&a, 5.0f), run_init(&b, 6.0f);
    snprintf(beside, sizeof beside, "%s.new", path);
    CHECK(enc_checkpoint_write(path, &written, &a.o, &e) == ENC_OK);
    CHECK(access(beside, F_OK) != 0);
    CHECK(mkdir(beside, 0777) == 0); /* in the way of the new file */
    CHECK(enc_checkpoint_write(path, &written, &b.o, &e) == ENC_IO);
    CHECK_SAY(strstr(e.text, path) != NULL, "%s", e.text);
    CHECK(rmdir(beside) == 0);
    CHECK(read_back(&b, &c, &found, &e) == ENC_OK && found && is_same(&a, &b));

    snprintf(no_folder, sizeof no_folder, "%s/none/run", folder);
    CHECK(enc_checkpoint_write(no_folder, &written, &a.o, &e) == ENC_IO);
    CHECK_SAY(strstr(e.text, "No such file or directory") != NULL, "%s", e.text);
}

static void a_path_too_long_is_refused(void)
{
    static char long_path[4200];
    run r;
    enc_err e = {0};
    run_init(&r, 0.0f);
    memset(long_path, 'x', sizeof long_path - 1);
    CHECK(enc_checkpoint_write(long_path, &written, &r.o, &e) == ENC_RANGE);
    CHECK_SAY(strcmp(e.text, "checkpoint path has 4199 bytes, limit 4091") == 0, "%s",
              e.text);
}

/* Opening and closing a database would drop its locks; writing over one is worse still.
 * What is open for writing here, or is no file at all, is neither read nor written. */
static void what_is_in_use_is_left_alone(void)
{
    static run r, other;
    enc_checkpoint c = written;
    char beside[128];
    bool found;
    enc_err e;

    run_init(&r, 1);
    run_init(&other, 2);
    snprintf(beside, sizeof beside, "%s.new", path);
    for (int i = 0; i < 2; i++) {
        const char *used = i == 0 ? path : beside;
        FILE *f = fopen(used, "w+b");
        CHECK(f != NULL && fputs("database", f) >= 0 && fflush(f) == 0);
        enc_err_clear(&e);
        CHECK(enc_checkpoint_write(path, &c, &r.o, &e) == ENC_IO);
        CHECK_SAY(strstr(e.text, "in use by this process") != NULL, "%s", e.text);
        if (i == 0) CHECK(read_back(&other, &c, &found, &e) == ENC_IO && !found);
        CHECK(f != NULL && fseek(f, 0, SEEK_END) == 0 && ftell(f) == 8 && fclose(f) == 0);
        unlink(used);
    }
    CHECK(mkfifo(beside, 0600) == 0);
    enc_err_clear(&e);
    CHECK(enc_checkpoint_write(path, &written, &r.o, &e) == ENC_IO);
    CHECK_SAY(strstr(e.text, "not a regular file") != NULL, "%s", e.text);
    unlink(beside);
}

int main(void)
{
    uint8_t whole[SIZE];
    strcpy(folder, "/tmp/test_checkpoint.XXXXXX");
    if (mkdtemp(folder) == NULL) abort();
    snprintf(path, sizeof path, "%s/run", folder);
    what_is_written_comes_back();
    no_memory_is_no_fault_of_the_file();
    the_bytes_are_those_of_the_header();
    if (bytes_get(whole, SIZE) == SIZE) {
        every_truncation_is_noticed(whole);
        what_is_not_this_run_is_refused(whole);
    }
    what_is_no_file_is_refused();
    a_write_that_fails_leaves_the_old_one();
    a_path_too_long_is_refused();
    what_is_in_use_is_left_alone();
    unlink(path);
    CHECK(rmdir(folder) == 0); /* nothing was left behind */
    return check_done("checkpoint");
}
