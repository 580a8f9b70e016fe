/* target.c - see target.h. */
#include "learn/target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct enc_made { /* a file or a directory, noted before it is made */
    struct enc_made *next;
    const char *path;
    bool is_directory;
} enc_made;

static enc_rc fail_errno(enc_err *e, const char *verb, const char *path)
{
    char reason[96];
    return enc_fail(e, ENC_IO, "cannot %s %s: %s", verb, path,
                    strerror_r(errno, reason, sizeof reason));
}

/* "<path>/<name>", noted; NULL: no memory. */
static const char *note(enc_target *t, const char *name, bool is_directory)
{
    size_t n = strlen(t->path) + strlen(name) + 2;
    enc_made *made = enc_arena_alloc(&t->arena, sizeof *made);
    char *path = enc_arena_alloc(&t->arena, n);

    if (made == NULL || path == NULL) return NULL;
    snprintf(path, n, "%s/%s", t->path, name);
    *made = (enc_made){t->made, path, is_directory};
    t->made = made;
    return path;
}

static enc_rc sync_directory(const char *path, enc_err *e)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL); /* some cannot */
    enc_rc rc = is_synced ? ENC_OK : fail_errno(e, "sync", path);

    if (fd >= 0) close(fd);
    return rc;
}

/* Refuses what is there already, unless it is an empty directory. */
static enc_rc check_absent(const char *path, enc_err *e)
{
    const struct dirent *entry;
    bool is_empty = true;
    DIR *d = opendir(path);

    if (d == NULL) return errno == ENOENT ? ENC_OK : fail_errno(e, "replace", path);
    while ((entry = readdir(d)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            is_empty = false;
    closedir(d);
    if (is_empty) return ENC_OK;
    return enc_fail(e, ENC_MISUSE, "directory %s is not empty", path);
}

/* Where the entry itself lies. */
static char *parent_of(enc_target *t, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL) return enc_arena_text(&t->arena, ".", 1);
    return enc_arena_text(&t->arena, path, slash == path ? 1 : (size_t)(slash - path));
}

enc_rc enc_target_open(enc_target *t, const char *path, enc_err *e)
{
    size_t n = strlen(path);
    char *temporary;
    enc_rc rc;

    *t = (enc_target){.e = e};
    enc_arena_init(&t->arena);
    while (n > 1 && path[n - 1] == '/') n--;
    if (n == 0) return enc_fail(e, ENC_MISUSE, "the directory's name is empty");
    t->final = enc_arena_text(&t->arena, path, n);
    t->parent = t->final != NULL ? parent_of(t, t->final) : NULL;
    temporary = enc_arena_alloc(&t->arena, n + 32);
    if (t->parent == NULL || temporary == NULL) return enc_nomem(e);
    snprintf(temporary, n + 32, "%s.new-%ld", t->final, (long)getpid());
    if ((rc = check_absent(t->final, e))) return rc;
    if (mkdir(temporary, 0777) != 0) return fail_errno(e, "create", temporary);
    t->path = temporary;
    return ENC_OK;
}

enc_rc enc_target_directory(enc_target *t, const char *name)
{
    const size_t n = strlen(t->path) + 1;
    const char *path;

    for (const enc_made *m = t->made; m != NULL; m = m->next)
        if (m->is_directory && strcmp(m->path + n, name) == 0) return ENC_OK;
    if ((path = note(t, name, true)) == NULL) return enc_nomem(t->e);
    return mkdir(path, 0777) == 0 ? ENC_OK : fail_errno(t->e, "create", path);
}

enc_rc enc_target_put(enc_target *t, const char *name, enc_wr *w)
{
    const char *path = w->failed ? NULL : note(t, name, false);
    enc_rc rc = ENC_OK;
    int fd;

    if (path == NULL) {
        rc = enc_nomem(t->e);
    } else if ((fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) < 0) {
        rc = fail_errno(t->e, "create", path);
    } else {
        if (!enc_wr_file(fd, w->at, w->n) || fsync(fd) != 0)
            rc = fail_errno(t->e, "write", path);
        if (close(fd) != 0 && rc == ENC_OK) rc = fail_errno(t->e, "write", path);
    }
    enc_wr_clear(w);
    return rc;
}

/* Needs no memory, for there may be none. */
static void remove_all(const enc_target *t)
{
    for (const enc_made *m = t->made; m != NULL; m = m->next) {
        if (m->is_directory) rmdir(m->path);
        else unlink(m->path);
    }
    rmdir(t->path);
}

enc_rc enc_target_close(enc_target *t, enc_rc rc)
{
    if (rc == ENC_OK) rc = sync_directory(t->path, t->e);
    if (rc == ENC_OK && rename(t->path, t->final) != 0)
        rc = fail_errno(t->e, "create", t->final);
    if (rc == ENC_OK) rc = sync_directory(t->parent, t->e);
    else if (t->path != NULL) remove_all(t);
    enc_arena_clear(&t->arena);
    return rc;
}
