/* map.c - see map.h. */
#include "base/map.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

struct enc_map {
    void *at; /* NULL for an empty file, which cannot be mapped */
    size_t n;
    bool is_read; /* at is memory of our own */
};

/* The reason as the system words it; strerror() itself is not safe among threads. */
static enc_rc fail_errno(enc_err *e, const char *verb, const char *path)
{
    char reason[96];
    return enc_fail(e, ENC_IO, "cannot %s %s: %s", verb, path,
                    strerror_r(errno, reason, sizeof reason));
}

/* Whether another descriptor of this process has the file open for writing, or somebody
 * has a lock on it. Closing ours would then drop every lock that the process has there.
 * Descriptors are examined through their links, whose permissions are what they were
 * opened for: other threads may close them meanwhile. */
static bool is_in_use(const struct stat *file)
{
    const struct dirent *entry;
    DIR *d = opendir("/proc/self/fd");
    bool in_use = false;

    while (d != NULL && !in_use && (entry = readdir(d)) != NULL) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        const char *name = entry->d_name;
        struct stat st, link;

        if (name[0] == '.' || fstatat(dirfd(d), name, &st, 0) != 0 ||
            st.st_dev != file->st_dev || st.st_ino != file->st_ino ||
            fstatat(dirfd(d), name, &link, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        in_use = (link.st_mode & S_IWUSR) != 0 ||
                 (fcntl((int)strtol(name, NULL, 10), F_OFD_GETLK, &lock) == 0 &&
                  lock.l_type != F_UNLCK);
    }
    if (d != NULL) closedir(d);
    return in_use;
}

enc_rc enc_map_check(const char *path, enc_err *e)
{
    struct stat st;

    if (stat(path, &st) != 0) return ENC_OK; /* who opens it will say why */
    if (!S_ISREG(st.st_mode))
        return enc_fail(e, ENC_IO, "%s is not a regular file", path);
    if (is_in_use(&st))
        return enc_fail(e, ENC_IO, "%s is in use by this process, as a database is",
                        path);
    return ENC_OK;
}

static enc_rc read_bytes(enc_map *m, int fd, const char *path, enc_err *e)
{
    size_t done = 0;

    if ((m->at = enc_mem_alloc(m->n)) == NULL) return enc_nomem(e);
    while (done < m->n) {
        ssize_t n = read(fd, (char *)m->at + done, m->n - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno(e, "read", path);
        if (n == 0)
            return enc_fail(e, ENC_IO, "%s ended after %zu of %zu bytes", path, done,
                            m->n);
        done += (size_t)n;
    }
    return ENC_OK;
}

static enc_rc map_bytes(enc_map *m, int fd, const char *path, enc_err *e)
{
    m->at = mmap(NULL, m->n, PROT_READ, MAP_SHARED, fd, 0);
    if (m->at != MAP_FAILED) return ENC_OK;
    m->at = NULL;
    return errno == ENOMEM ? enc_nomem(e) : fail_errno(e, "map", path);
}

static enc_rc take_fd(enc_map *m, int fd, const char *path, size_t size_max, enc_err *e)
{
    struct stat st;

    if (fstat(fd, &st) != 0) return fail_errno(e, "examine", path);
    if (!S_ISREG(st.st_mode))
        return enc_fail(e, ENC_IO, "%s is not a regular file", path);
    if ((uintmax_t)st.st_size > size_max)
        return enc_fail(e, ENC_RANGE, "%s has %jd bytes, limit %zu", path,
                        (intmax_t)st.st_size, size_max);
    m->n = (size_t)st.st_size;
    if (m->n == 0) return ENC_OK;
    return m->is_read ? read_bytes(m, fd, path, e) : map_bytes(m, fd, path, e);
}

static enc_rc open_file(enc_map **out, const char *path, size_t size_max, bool is_read,
                        enc_err *e)
{
    enc_map *m = enc_mem_zero(sizeof *m);
    enc_rc rc;
    int fd;

    *out = NULL;
    if (m == NULL) return enc_nomem(e);
    m->is_read = is_read;
    if ((rc = enc_map_check(path, e)) != ENC_OK) {
        enc_map_close(m);
        return rc;
    }
    /* O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        rc = fail_errno(e, "open", path);
    } else {
        rc = take_fd(m, fd, path, size_max, e);
        close(fd);
    }
    if (rc == ENC_OK) *out = m;
    else enc_map_close(m);
    return rc;
}

enc_rc enc_map_open(enc_map **out, const char *path, size_t size_max, enc_err *e)
{
    return open_file(out, path, size_max, false, e);
}

enc_rc enc_map_read(enc_map **out, const char *path, size_t size_max, enc_err *e)
{
    return open_file(out, path, size_max, true, e);
}

enc_bytes enc_map_bytes(const enc_map *m)
{
    return (enc_bytes){.at = m->at, .n = m->n};
}

void enc_map_release(const enc_map *m, const void *at, size_t n)
{
    const uintptr_t begin = (uintptr_t)at, first = (uintptr_t)m->at;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    if (m->is_read || begin < first || begin - first > m->n || n > m->n - (begin - first))
        return;
    const uintptr_t from = (begin + page - 1) & ~(page - 1),
                    to = (begin + n) & ~(page - 1);
    /* Shared pages of a file lose nothing by it. */
    if (from < to)
        (void)madvise((char *)m->at + (from - first), to - from, MADV_DONTNEED);
}

void enc_map_close(enc_map *m)
{
    if (m == NULL) return;
    if (m->is_read) enc_mem_free(m->at);
    else if (m->at != NULL) munmap(m->at, m->n);
    enc_mem_free(m);
}
