/* Mapped files: bytes as they are, and a sentence for what is no file. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* Pages of files that this process has in memory. */
static long shared_pages(void)
{
    long all, resident, shared = -1;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%ld %ld %ld", &all, &resident, &shared) != 3) shared = -1;
    if (f != NULL) fclose(f);
    return shared;
}

static size_t count_wrong(const uint8_t *at, size_t n)
{
    size_t n_wrong = 0;
    for (size_t i = 0; i < n; i++) n_wrong += at[i] != (uint8_t)(i * 31 >> 4);
    return n_wrong;
}

static void released_bytes_are_fetched_again(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 2000 * page + 7;
    uint8_t *bytes = enc_mem_zero_large(n);
    enc_map *m = NULL;
    enc_err e;

    enc_err_clear(&e);
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)(i * 31 >> 4);
    CHECK(tiny_put(path_of("large"), (const char *)bytes, n, &e) == ENC_OK);
    CHECK(enc_map_open(&m, path_of("large"), n, &e) == ENC_OK);
    const uint8_t *at = enc_map_bytes(m).at;
    CHECK(count_wrong(at, n) == 0);
    long before = shared_pages();
    enc_map_release(m, at + 1, n - 1);      /* all but the first page and the last */
    CHECK(shared_pages() <= before - 1500); /* the kernel counts in lots */
    CHECK(count_wrong(at, n) == 0);
    enc_map_release(m, at + 5, 3);        /* no whole page */
    enc_map_release(m, at + page, n);     /* not all in the map */
    enc_map_release(m, bytes, n);         /* not in it at all */
    enc_map_release(m, at + n + page, 9); /* nor this */
    CHECK(count_wrong(at, n) == 0 && count_wrong(bytes, n) == 0);
    enc_map_close(m);
    enc_mem_free(bytes);
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
    released_bytes_are_fetched_again();
    what_is_no_file_is_refused();
    tiny_scratch_remove(scratch);
    CHECK(enc_mem_live() == 0);
    return check_done("base/map");
}
