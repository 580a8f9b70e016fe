/* oom.c - every allocation of every SQL script fails: once, and from then on.
 *
 *   oom [--from SEED] [--seconds N | --seeds N] [--stride N] [--depth N]
 *   oom --only SEED:PLACE:KIND                                    see lib/harness.h
 *
 * A place is the number of an allocation, whosever it is: SQLite's, the engine's
 * (aligned_alloc, mmap), a thread's. Kind 0: it fails and no other does; 1: so do all
 * after it. A seed is a script of tests/ext and which of its allocations fail: in the
 * first round over all scripts those that come from calls which none before in this run
 * came from - the innermost N of --depth, or all - and then every nth by the stride.
 *
 * A point is right if its output is the untouched one up to the first SQLITE_NOMEM (what
 * an allocation is not needed for may go on without it), the connection closes, and
 * nothing is left allocated. If only one failed, what had been begun must then commit or
 * roll back, and every table pass its integrity check - unless the script itself spoils
 * tables.
 *
 * Files that a script attaches are on a disk in memory, and its folder is copied with
 * each fork; threads are not used, for a fork would lose them. */
#include <sqlite3.h>

#include <errno.h>
#include <execinfo.h>
#include <glob.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "lib/disk.h"
#include "lib/memory.h"
#include "torture/lib/harness.h"
#include "torture/lib/script.h"

static struct watch { /* over all allocations of the main thread */
    harness *h;
    pthread_t thread;
    long n, from; /* allocations so far; the first one that fails, -1: by their calls */
    int depth;    /* calls that are looked at */
    bool is_on, is_failing, stays, has_failed;
} watch;

/* ---- allocations ---- */

#define CALLS_MAX  128
#define N_STACKS   ((size_t)1 << 18)
#define OWN_FRAMES 2 /* is_new and is_faulty, inlined or not: of no matter */

/* Hashes of the calls that allocations came from so far, of all processes; 0: none. */
static uint64_t *stacks;

static bool is_new(void)
{
    void *calls[CALLS_MAX];
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    int n = backtrace(calls, CALLS_MAX);

    if (n > watch.depth + OWN_FRAMES) n = watch.depth + OWN_FRAMES;
    for (int i = 0; i < n; i++) hash = (hash ^ (uint64_t)calls[i]) * 1099511628211u;
    hash = (hash ^ hash >> 29) | 1;
    for (size_t i = 0; i < N_STACKS; i++) {
        uint64_t *at = &stacks[(hash + i) % N_STACKS];
        if (*at == hash) return false;
        if (*at != 0) continue;
        *at = hash;
        return true;
    }
    return false;
}

static bool is_wanted(long place)
{
    if (watch.h->only_place >= 0) return true;
    if (watch.from >= 0) return place % watch.h->stride == watch.from;
    watch.is_on = false;
    bool is_first = is_new();
    watch.is_on = true;
    return is_first;
}

static bool is_faulty(void)
{
    if (!watch.is_on) return false;
    if (watch.is_failing) {
        if (watch.stays) return true;
        return false;
    }
    if (!pthread_equal(watch.thread, pthread_self())) return false;
    long place = watch.n++;
    if (watch.h->is_child || !is_wanted(place)) return false;
    for (int kind = 0; kind < 2; kind++) {
        watch.is_on = false; /* forking allocates as well */
        bool is_child = harness_point(watch.h, place, kind);
        watch.is_on = true;
        if (!is_child) continue;
        if (!script_copy_folder()) _exit(3);
        watch.is_failing = watch.has_failed = true;
        watch.stays = kind == 1;
        return true;
    }
    return false;
}

/* The linker sends the engine's calls here (--wrap). */
void *__wrap_aligned_alloc(size_t alignment, size_t n);
void *__real_aligned_alloc(size_t alignment, size_t n);
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t from);
void *__real_mmap(void *at, size_t n, int protection, int flags, int fd, off_t from);
int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg);
int __real_pthread_create(pthread_t *out, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg);

void *__wrap_aligned_alloc(size_t alignment, size_t n)
{
    return is_faulty() ? NULL : __real_aligned_alloc(alignment, n);
}

void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t from)
{
    if (!is_faulty()) return __real_mmap(at, n, protection, flags, fd, from);
    errno = ENOMEM;
    return MAP_FAILED;
}

int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg)
{
    return is_faulty() ? EAGAIN : __real_pthread_create(out, how, run, arg);
}

/* ---- what is right ---- */

/* The same error, and for its sentence, which SQLite drops when it cannot store it,
 * another or none. */
static bool has_sentence(const char *want, const char *got, const char *sentence)
{
    const char *line = strstr(got, "\nerror: ");
    char expected[160];

    if (line == NULL) return false;
    long code = strtol(line + 8, NULL, 10);
    int n = snprintf(expected, sizeof expected, "\nerror: %ld: ", code);
    if (strncmp(want, got, (size_t)(line - got) + (size_t)n) != 0) return false;
    if (sentence == NULL) sentence = sqlite3_errstr((int)code);
    n = snprintf(expected, sizeof expected, "\nerror: %ld: %s", code, sentence);
    return strncmp(line, expected, (size_t)n) == 0 &&
           (*sentence != '\0' || line[n] == '\n');
}

/* The same of a statement that ours ran, and whose sentence ours quotes last. */
static bool quotes_none(const char *want, const char *got)
{
    const char *line = strstr(got, "\nerror: "), *end;

    if (line == NULL || (end = strchr(line + 1, '\n')) == NULL) return false;
    const char *sentence = sqlite3_errstr((int)strtol(line + 8, NULL, 10));
    size_t n = strlen(sentence), front = (size_t)(end - got);
    if (front < n || memcmp(end - n, sentence, n) != 0) return false;
    return strncmp(want, got, front - n) == 0 && memcmp(end - n - 2, ": ", 2) == 0;
}

static bool is_silent(const char *want, const char *got)
{
    return has_sentence(want, got, NULL) || has_sentence(want, got, "") ||
           quotes_none(want, got);
}

/* Whether the last statement of what was got ended with SQLITE_NOMEM. Rows before that
 * are as they should be, as far as they came. */
static bool is_short(const char *want, const char *got)
{
    const char *error = strstr(got, "\nerror: 7: ");
    size_t n = script_block(got);

    return got[n] == '\0' && error != NULL && error < got + n &&
           strncmp(want, got, (size_t)(error - got) + 1) == 0;
}

/* FTS5's snippet() goes on without the memory for its marks, and shows another place; its
 * constructor has no sentence without the memory for one. */
static bool is_of_fts5(const char *want, size_t n, const char *got)
{
    return memmem(want, n, "snippet(", 8) != NULL ||
           (memmem(want, n, "USING fts5(", 11) != NULL &&
            has_sentence(want, got, "vtable constructor failed: "));
}

/* The error that was expected; but SQLite had no memory to roll the statement back, and
 * rolled all of the transaction back instead, so that what follows may differ. */
static bool is_rolled_back(const char *want, size_t n, const char *got, size_t m)
{
    size_t k = sizeof SCRIPT_ROLLED_BACK - 1;
    return m == n + k && memcmp(want, got, n) == 0 &&
           memcmp(got + n, SCRIPT_ROLLED_BACK, k) == 0;
}

/* SQLITE_ROW, of a statement that could not be prepared: what SQLite 3.40 says without
 * memory to read the schema again. */
static bool is_of_sqlite(const char *got, size_t m)
{
    return memmem(got, m, "\nerror: 100: ", 13) != NULL;
}

static bool is_right(const char *want, const char *got)
{
    while (*want != '\0' || *got != '\0') {
        size_t n = script_block(want), m = script_block(got);
        bool is_same = n == m && memcmp(want, got, n) == 0;
        if (!is_same && (is_short(want, got) || is_rolled_back(want, n, got, m) ||
                         is_of_sqlite(got, m)))
            return true;
        if (!is_same && !is_silent(want, got) && !is_of_fts5(want, n, got)) {
            fprintf(stderr, "expected\n%.*sbut it gave\n%.*s", (int)n, want, (int)m, got);
            return false;
        }
        want += n;
        got += m;
    }
    return true;
}

#define OUTSIDE "is in the content and not in the index"

/* After SQLITE_NOMEM, with memory again: what was begun ends, and tables are sound. */
static void check_tables(sqlite3 *db, void *arg)
{
    bool *is_sound = arg;
    char *message = NULL;
    sqlite3_stmt *s = NULL;

    if (!watch.is_failing || watch.stays || !*is_sound) return;
    watch.is_on = false;
    sqlite3_exec(db, "PRAGMA query_only = 0", NULL, NULL, NULL);
    if (!sqlite3_get_autocommit(db) && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != 0)
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    int rc = sqlite3_prepare_v2(
        db,
        "SELECT format('INSERT INTO \"%w\"(\"%w\") VALUES(''integrity-check'')', name, "
        "name), sql LIKE '%content=_%' FROM sqlite_schema WHERE sql LIKE 'create virtual "
        "table%using similarity%'",
        -1, &s, NULL);
    while (rc == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) {
        const char *sql = (const char *)sqlite3_column_text(s, 0);
        rc = sqlite3_exec(db, sql, NULL, NULL, &message);
        /* Totals that FTS5 had no memory to read it takes for read until its transaction
         * ends, with FTS5 alone as well. */
        if (rc == SQLITE_CORRUPT && strstr(message, "FTS5 finds") != NULL) {
            sqlite3_free(message);
            rc = sqlite3_exec(db, sql, NULL, NULL, &message);
        }
        /* A model that the script unloaded is no fault of the table, nor is content that
         * is kept elsewhere and has not been given to it yet. */
        bool is_outside = rc == SQLITE_CORRUPT && sqlite3_column_int(s, 1) != 0;
        if (rc == SQLITE_ERROR || (is_outside && strstr(message, OUTSIDE) != NULL))
            rc = SQLITE_OK;
        if (rc != SQLITE_OK) fprintf(stderr, "%s: %d: %s\n", sql, rc, message);
        sqlite3_free(message);
    }
    sqlite3_finalize(s);
    *is_sound = rc == SQLITE_OK;
    watch.is_on = true;
}

/* Blocks of the engine that nothing holds any more, once every model is unloaded. */
static size_t engine_leaks(void)
{
    text ignored = {0};
    bool is_closed;

    script_run("SELECT encoder_unload(name) FROM encoder_models WHERE loaded;", &ignored,
               &is_closed, NULL, NULL);
    free(ignored.at);
    return enc_mem_live();
}

/* ---- a run ---- */

/* The scripts of tests/ext, in their order. */
static text *scripts;
static char **paths;
static size_t n_scripts;

static bool read_scripts(void)
{
    glob_t found;

    if (glob("tests/ext/*.sql", 0, NULL, &found) != 0) return false;
    n_scripts = found.gl_pathc;
    paths = found.gl_pathv;
    scripts = calloc(n_scripts, sizeof *scripts);
    for (size_t i = 0; i < n_scripts && scripts != NULL; i++)
        if (!text_read_file(&scripts[i], paths[i])) return false;
    return scripts != NULL;
}

static void run(harness *h, const char *script, const char *want, bool is_spoiling)
{
    text got = {0};
    bool is_closed, is_sound = true, is_fine;

    memory_wrap(is_faulty);
    /* A recursive mutex that is held belongs to the thread of the process forked from. */
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_initialize();
    disk_register();
    sqlite3_int64 used = sqlite3_memory_used();
    script_prepare();
    watch.is_on = true;
    if (is_spoiling) script_run(script, &got, &is_closed, NULL, NULL);
    else script_run(script, &got, &is_closed, check_tables, &is_sound);
    watch.is_on = false;
    if (!is_closed) fprintf(stderr, "the connection does not close\n");
    size_t leaks = engine_leaks();
    sqlite3_reset_auto_extension();
    if (leaks > 0) fprintf(stderr, "%zu blocks of the engine's are left\n", leaks);
    used = sqlite3_memory_used() - used;
    if (used != 0) fprintf(stderr, "%lld bytes of SQLite's are left\n", (long long)used);
    is_fine = is_closed && is_sound && leaks == 0 && used == 0;
    is_fine &= got.at == NULL || is_right(want, got.at);
    if (h->is_child) harness_point_end(h, is_fine);
    if (is_fine) harness_apart_end(h);
    _exit(4); /* something that a child did has come through */
}

/* The script's output, untouched, by a child: through a file. */
static bool run_untouched(const char *script, text *out)
{
    FILE *f = tmpfile();
    harness h = {.name = "oom", .only_place = -1};

    if (f == NULL) return false;
    if (harness_point(&h, 0, 0)) {
        text got = {0};
        bool is_closed;
        sqlite3_initialize();
        disk_register();
        script_prepare();
        script_run(script, &got, &is_closed, NULL, NULL);
        fwrite(got.at, 1, got.n, f);
        harness_point_end(&h, is_closed && fflush(f) == 0);
    }
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fileno(f));
    bool is_fine = h.n_failed == 0 && text_read_file(out, name);
    fclose(f);
    return is_fine;
}

/* The first call of backtrace() loads what it needs. */
static bool prepare_stacks(int *argc, char **argv)
{
    void *call;

    watch.depth = CALLS_MAX;
    if (*argc > 2 && strcmp(argv[*argc - 2], "--depth") == 0) {
        watch.depth = atoi(argv[*argc - 1]);
        *argc -= 2;
    }
    stacks = __real_mmap(NULL, N_STACKS * sizeof *stacks, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return stacks != MAP_FAILED && backtrace(&call, 1) == 1;
}

int main(int argc, char **argv)
{
    harness h;

    if (!prepare_stacks(&argc, argv)) return 2;
    if (!harness_init(&h, "oom", argc, argv) || !read_scripts()) return 2;
    h.is_within = true;
    watch.h = &h;
    watch.thread = pthread_self();
    for (; harness_goes_on(&h); h.seed++) {
        size_t which = h.seed % n_scripts;
        text want = {0}, script = {0};
        unsigned long round = h.seed / n_scripts;
        /* 7 and the stride have nothing in common unless it is a multiple of 7. */
        watch.from = round == 0 ? -1 : (long)(round * 7 % (unsigned long)h.stride);
        text_say(&script, "SELECT encoder_config('threads', 1);\n");
        text_say(&script, scripts[which].at);
        if (!run_untouched(script.at, &want)) {
            fprintf(stderr, "%s does not run\n", paths[which]);
            h.n_failed++;
        } else if (harness_apart(&h)) {
            run(&h, script.at, want.at, strstr(want.at, "\nerror: 11: ") != NULL);
        }
        free(want.at);
        free(script.at);
    }
    return harness_finish(&h);
}
