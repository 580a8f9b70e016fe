/* readonly.c - a database that cannot be written, or not any more: it is searched as
 * ever, and what cannot be done is refused with SQLite's own error.
 *
 *   readonly [--from SEED] [--seconds N | --seeds N]      see lib/harness.h
 *
 * A seed is all of it: a read-only disk, mode=ro and immutable=1 of a real file, a full
 * disk at every size, no folder for temporary files. */
#include <sqlite3.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/disk.h"
#include "torture/lib/harness.h"
#include "torture/lib/work.h"

/* Every way to write to a similarity table. */
static const char *const writes[] = {
    "INSERT INTO g(body) VALUES('no')",
    "UPDATE g SET body = 'no'",
    "DELETE FROM g",
    "INSERT INTO docs(title) VALUES('no')",
    "INSERT INTO g(g) VALUES('optimize')",
    "INSERT INTO g(g) VALUES('rebuild')",
    "INSERT INTO g(g) VALUES('reembed')",
    "ALTER TABLE g RENAME TO no",
    "DROP TABLE g",
    "CREATE VIRTUAL TABLE no USING similarity(e VECTOR(3))",
};

#define TEXTS     1   /* the work with g */
#define TEXTS_END 15  /* its steps until g is as `writes` want it */
#define ROOM_MAX  400 /* KB that the works never need */
#define ROOM_STEP 3

static int build(sqlite3 *db)
{
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < TEXTS_END; i++) rc = work_do(db, TEXTS, i);
    return rc;
}

/* Whether it says what `held` says, refuses each write with one of two codes, and still
 * says it afterwards. */
static bool is_only_read(sqlite3 *db, const char *held)
{
    bool is_fine = true;

    for (size_t i = 0; i <= sizeof writes / sizeof *writes; i++) {
        char *message = NULL, *dump = work_dump(db, &message);
        if (dump == NULL || strcmp(dump, held) != 0) {
            fprintf(stderr, "it reads: %s\n", dump == NULL ? message : dump);
            is_fine = false;
        }
        sqlite3_free(dump);
        sqlite3_free(message);
        if (i == sizeof writes / sizeof *writes) break;
        int rc = sqlite3_exec(db, writes[i], NULL, NULL, NULL);
        if (rc == SQLITE_READONLY) continue;
        fprintf(stderr, "%s: %d: %s\n", writes[i], rc, sqlite3_errmsg(db));
        is_fine = false;
    }
    return is_fine;
}

static bool read_only_disk(void)
{
    sqlite3 *db = NULL;
    char *message = NULL, *held = NULL;
    bool is_fine = work_open(&db, WORK_DELETE, false, true) == SQLITE_OK &&
                   build(db) == SQLITE_OK && (held = work_dump(db, &message)) != NULL;

    sqlite3_close(db);
    disk_set_read_only(true);
    is_fine =
        is_fine && sqlite3_open("work.db", &db) == SQLITE_OK && is_only_read(db, held);
    sqlite3_free(held);
    return sqlite3_close(db) == SQLITE_OK && is_fine;
}

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static int n_files;

static int count_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)path, (void)st, (void)where;
    n_files += kind == FTW_F;
    return 0;
}

/* Whether the file can be searched through that name, and is as it was. */
static bool is_left_alone(const char *folder, const char *path, const char *name,
                          const char *held)
{
    struct stat before, after;
    sqlite3 *db;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI;
    bool is_fine = stat(path, &before) == 0 &&
                   sqlite3_open_v2(name, &db, flags, "unix") == SQLITE_OK;

    if (!is_fine) return false;
    is_fine = is_only_read(db, held);
    n_files = 0;
    nftw(folder, count_one, 8, FTW_PHYS);
    if (n_files != 1) fprintf(stderr, "%s: there are %d files\n", name, n_files);
    is_fine &= sqlite3_close(db) == SQLITE_OK && n_files == 1;
    return stat(path, &after) == 0 && before.st_size == after.st_size &&
           before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
           before.st_mtim.tv_nsec == after.st_mtim.tv_nsec && is_fine;
}

static bool read_only_file(const char *option)
{
    char folder[] = "/tmp/encoder-ro-XXXXXX", path[64], name[96];
    char *message = NULL, *held = NULL;
    sqlite3 *db = NULL;

    if (mkdtemp(folder) == NULL) return false;
    snprintf(path, sizeof path, "%s/x.db", folder);
    snprintf(name, sizeof name, "file:%s?%s", path, option);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    bool is_fine = sqlite3_open_v2(path, &db, flags, "unix") == SQLITE_OK &&
                   build(db) == SQLITE_OK && (held = work_dump(db, &message)) != NULL;
    is_fine = sqlite3_close(db) == SQLITE_OK && is_fine &&
              is_left_alone(folder, path, name, held);
    sqlite3_free(held);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return is_fine;
}

static bool mode_ro(void)
{
    return read_only_file("mode=ro");
}

static bool immutable(void)
{
    return read_only_file("immutable=1");
}

/* The disk is full at this size: each step is done or refused with SQLITE_FULL, all is
 * sound, and with room again it goes on. */
static bool full_disk(int room, int work)
{
    sqlite3 *db;
    int rc = work_open(&db, room % 2 ? WORK_WAL : WORK_DELETE, false, true);
    int step = 0;

    disk_set_room((sqlite3_int64)room * 1024);
    while (rc == SQLITE_OK && step < work_steps(work))
        if ((rc = work_do(db, work, step)) == SQLITE_OK) step++;
    bool is_fine = rc == SQLITE_OK || rc == SQLITE_FULL;
    if (!is_fine)
        fprintf(stderr, "room for %d KB: %s: %d: %s\n", room, work_step(work, step), rc,
                sqlite3_errmsg(db));
    disk_set_room(-1);
    is_fine &= work_is_sound(db);
    for (; is_fine && step < work_steps(work); step++)
        is_fine = work_do(db, work, step) == SQLITE_OK;
    return sqlite3_close(db) == SQLITE_OK && is_fine;
}

/* Everything is done, or refused because a temporary file could not be made. */
static bool no_temporary_files(void)
{
    bool is_fine = true;

    disk_set_temporary(false);
    for (int work = 0; work < work_count(); work++) {
        sqlite3 *db;
        int rc = work_open(&db, WORK_DELETE, true, true);
        for (int i = 0; rc == SQLITE_OK && i < work_steps(work); i++) {
            rc = work_do(db, work, i);
            if (rc == SQLITE_OK || rc == SQLITE_CANTOPEN || rc == SQLITE_IOERR) {
                if (rc != SQLITE_OK) printf("not without: %s\n", work_step(work, i));
                rc = SQLITE_OK;
                continue;
            }
            fprintf(stderr, "%s: %d: %s\n", work_step(work, i), rc, sqlite3_errmsg(db));
        }
        is_fine &= rc == SQLITE_OK && work_is_sound(db);
        is_fine = sqlite3_close(db) == SQLITE_OK && is_fine;
        disk_format();
    }
    return is_fine;
}

/* The nth of the points; false: there are no more. */
static bool try_point(harness *h, long n)
{
    static bool (*const cases[])(void) = {read_only_disk, mode_ro, immutable,
                                          no_temporary_files};
    const long n_cases = sizeof cases / sizeof *cases;
    long room = (n - n_cases) / work_count() * ROOM_STEP;
    int work = (int)((n - n_cases) % work_count());

    if (n >= n_cases && room >= ROOM_MAX) return false;
    if (harness_point(h, n, 0))
        harness_point_end(h, n < n_cases ? cases[n]() : full_disk((int)room, work));
    return true;
}

int main(int argc, char **argv)
{
    harness h;

    if (!harness_init(&h, "readonly", argc, argv) || !work_prepare()) return 2;
    for (; harness_goes_on(&h); h.seed++)
        for (long n = 0; try_point(&h, n);) n++;
    return harness_finish(&h);
}
