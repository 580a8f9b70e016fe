/* Mapped files: bytes as they are, and a sentence for what is no file. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/map.h"
#include "base/mem.h"
#include "check.h"
#include "lib/tiny.h"

static char scratch[256];

static const char *path_of(const char *name)
{
    static char path[1024];

    snprintf(path, sizeof path, "%s/%s", scratch, name);
    return path;
}

static void refused(const char *path, size_t size_max, enc_rc rc, const char *says)
{
    enc_map *m = NULL;
    enc_err e;

    enc_err_clear(&e);
    CHECK_SAY(enc_map_open(&m, path, size_max, &e) == rc, "%s: %s", path, e.text);
    CHECK(m == NULL);
    CHECK_SAY(strstr(e.text, says) != NULL && strstr(e.text, path) != NULL, "%s", e.text);
    enc_map_close(m);
}

static void a_file_is_its_bytes(void)
{
    enc_map *m = NULL;
    enc_err e;

    enc_err_clear(&e);
    CHECK(tiny_put(path_of("file"), "abc\0d", 5, &e) == ENC_OK);
    CHECK(enc_map_open(&m, path_of("file"), 5, &e) == ENC_OK);
    if (m == NULL) return;
    CHECK(enc_map_bytes(m).n == 5 && memcmp(enc_map_bytes(m).at, "abc\0d", 5) == 0);
    enc_map_close(m);
    CHECK(tiny_put(path_of("empty"), "", 0, &e) == ENC_OK);
    CHECK(enc_map_open(&m, path_of("empty"), 5, &e) == ENC_OK);
    if (m == NULL) return;
    CHECK(enc_map_bytes(m).n == 0);
    enc_map_close(m);
    enc_map_close(NULL);
}

static void what_is_no_file_is_refused(void)
{
    refused(path_of("absent"), 100, ENC_IO, "No such file");
    refused(path_of("file"), 4, ENC_RANGE, "has 5 bytes, limit 4");
    refused(scratch, 100, ENC_IO, "not a regular file");
    refused("/dev/zero", 100, ENC_IO, "not a regular file");
    CHECK(mkfifo(path_of("fifo"), 0600) == 0);
    refused(path_of("fifo"), 100, ENC_IO, "not a regular file"); /* and does not wait */
}

int main(void)
{
    if (tiny_scratch(scratch, sizeof scratch) == NULL) return 1;
    a_file_is_its_bytes();
    what_is_no_file_is_refused();
    tiny_scratch_remove(scratch);
    CHECK(enc_mem_live() == 0);
    return check_done("base/map");
}
