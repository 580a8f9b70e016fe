/* Mapped files: bytes as they are, and a sentence for what is no file. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "check.h"
#include "lib/mapped.h"
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
    CHECK(enc_map_read(&m, path, size_max, &e) == rc && m == NULL);
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

static void what_is_read_does_not_depend_on_the_file(void)
{
    const size_t n = 300001;
    uint8_t *bytes = enc_mem_alloc(n);
    enc_map *mapped = NULL, *m = NULL;
    enc_err e;

    enc_err_clear(&e);
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)(i * 31 >> 4);
    CHECK(tiny_put(path_of("large"), (const char *)bytes, n, &e) == ENC_OK);
    CHECK(enc_map_open(&mapped, path_of("large"), n, &e) == ENC_OK);
    CHECK(is_mapped(path_of("large")));
    enc_map_close(mapped);
    CHECK(enc_map_read(&m, path_of("large"), n, &e) == ENC_OK);
    CHECK(!is_mapped(path_of("large")));
    CHECK(truncate(path_of("large"), 0) == 0);
    enc_map_release(m, enc_map_bytes(m).at, n); /* it has nowhere to come back from */
    CHECK(enc_map_bytes(m).n == n && count_wrong(enc_map_bytes(m).at, n) == 0);
    enc_map_close(m);
    CHECK(enc_map_read(&m, path_of("large"), 5, &e) == ENC_OK); /* empty now */
    CHECK(enc_map_bytes(m).n == 0);
    enc_map_close(m);
    enc_mem_fault(2, false);
    CHECK(enc_map_read(&m, path_of("file"), 5, &e) == ENC_NOMEM && m == NULL);
    enc_mem_fault(0, false);
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

/* What another process sees: whether somebody holds a lock on the file. */
static bool is_locked(const char *path)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(path, O_RDWR);
        _exit(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status != 0;
}

static void locks_of_this_process_survive(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct flock shared = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    char link_path[1024];
    enc_map *m = NULL;
    enc_err e;

    enc_err_clear(&e);
    CHECK(tiny_put(path_of("base"), "abc", 3, &e) == ENC_OK);
    snprintf(link_path, sizeof link_path, "%s", path_of("link"));
    CHECK(link(path_of("base"), link_path) == 0);
    int fd = open(path_of("base"), O_RDWR);
    refused(path_of("base"), 5, ENC_IO, "in use by this process");
    CHECK(fcntl(fd, F_SETLK, &lock) == 0);
    refused(path_of("base"), 5, ENC_IO, "in use by this process");
    refused(link_path, 5, ENC_IO, "in use by this process");
    CHECK(is_locked(path_of("base")));
    close(fd);
    fd = open(path_of("base"), O_RDONLY);
    CHECK(fcntl(fd, F_SETLK, &shared) == 0);
    refused(link_path, 5, ENC_IO, "in use by this process");
    CHECK(is_locked(path_of("base")));
    shared.l_type = F_UNLCK;
    CHECK(fcntl(fd, F_SETLK, &shared) == 0);
    CHECK(enc_map_open(&m, path_of("base"), 5, &e) == ENC_OK); /* read by another part */
    enc_map_close(m);
    close(fd);
}

int main(void)
{
    if (tiny_scratch(scratch, sizeof scratch) == NULL) return 1;
    a_file_is_its_bytes();
    released_bytes_are_fetched_again();
    what_is_read_does_not_depend_on_the_file();
    what_is_no_file_is_refused();
    locks_of_this_process_survive();
    tiny_scratch_remove(scratch);
    CHECK(enc_mem_live() == 0);
    return check_done("base/map");
}
