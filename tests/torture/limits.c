/* limits.c - little memory, no thread to be had, no file, a small stack, a storm of
 * signals.
 *
 *   limits [--from SEED] [--seconds N]                                  see points.h
 *
 * A point is a process under one limit, which its seed sets, that does what the extension
 * can do: embeds, loads, saves, searches, trains. Each statement succeeds or fails with a
 * sentence, and what succeeds gives the bits that it gives without a limit. A process
 * that dies of a signal or takes longer than a minute has failed. */
#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "torture/points.h"

#define TINY     "tests/data/tiny"
#define NOBODY   65534
#define PATIENCE 60.0

/* What is asked, and what came without a limit. %s: a folder that does not exist yet. */
static struct {
    const char *sql;
    char *expected;
} statements[] = {
    {"SELECT hex(embed('은행에서 돈을 빌린다'))", NULL},
    {"SELECT group_concat(hex(vector), '') FROM embed_each('[\"the night train\", \"a\", "
     "\"서버가 멈췄다\", \"bake bread\", \"a broken arm\", \"house loans\"]')",
     NULL},
    {"SELECT encoder_load('" TINY "', 'tiny')", NULL},
    {"SELECT hex(embed('the night train', 'tiny'))", NULL},
    {"SELECT encoder_load('tests/data/gguf/tiny-q8_0.gguf', 'gguf')", NULL},
    {"SELECT hex(embed('the night train', 'gguf'))", NULL},
    {"SELECT encoder_unload('gguf')", NULL},
    {"SELECT encoder_load('no-such/model@main')", NULL},
    {"SELECT encoder_save('tiny', '%s') IS NULL", NULL},
    {"CREATE VIRTUAL TABLE sim USING similarity(text, hybrid=1)", NULL},
    {"INSERT INTO sim(text) VALUES('bread'), ('a train'), ('the bank'), ('fever')", NULL},
    {"SELECT group_concat(text) FROM (SELECT text FROM sim WHERE sim MATCH 'bank' ORDER "
     "BY rank)",
     NULL},
    {"SELECT group_concat(token) FROM fill_mask('Paris is the [MASK] of France.', 3)",
     NULL},
    {"SELECT length(train_classifier(text, rowid % 2)) > 0 FROM sim", NULL},
    {"SELECT length(pretrain(text, '{\"n_vocab\": 300, \"hidden\": 32, \"n_layers\": 1, "
     "\"n_heads\": 2, \"inner\": 64, \"n_positions\": 64, \"max_tokens\": 64, "
     "\"batch_tokens\": 256, \"batch_pairs\": 8, \"steps\": 2}')) > 0 FROM (SELECT "
     "'# One' || char(10) || 'A text of ' || value || ' lines.' || char(10) || 'And one "
     "more.' AS text FROM json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]'))",
     NULL},
    {"INSERT INTO sim(sim) VALUES('integrity-check')", NULL},
    {"SELECT encoder_unload('tiny')", NULL},
};

#define STATEMENTS (sizeof statements / sizeof *statements)

/* ---- what the process does ---- */

static bool must_succeed; /* the limit is none that matters */

static char *ask(sqlite3 *db, const char *sql, const char *folder)
{
    char *whole = sqlite3_mprintf(sql, folder);
    char *answer = whole == NULL ? NULL : points_ask(db, whole);
    sqlite3_free(whole);
    return answer;
}

static void remove_folder(const char *folder)
{
    DIR *all = opendir(folder);
    char path[PATH_MAX];
    for (struct dirent *d; all != NULL && (d = readdir(all)) != NULL;) {
        if (d->d_name[0] == '.') continue;
        sqlite3_snprintf(sizeof path, path, "%s/%s", folder, d->d_name);
        if (unlink(path) != 0) remove_folder(path);
    }
    if (all != NULL) closedir(all);
    rmdir(folder);
}

/* Whether each statement did what it may do. */
static bool use_everything(void)
{
    char folder[] = "/tmp/limits-XXXXXX";
    bool is_fine = true, is_made = mkdtemp(folder) != NULL;
    rmdir(folder);
    sqlite3 *db = points_open(":memory:");
    for (size_t i = 0; i < STATEMENTS; i++) {
        const char *wanted = statements[i].expected;
        char *answer = ask(db, statements[i].sql, folder);
        bool is_error = answer == NULL || strncmp(answer, "error: ", 7) == 0;
        bool has_sentence = is_error && answer != NULL && strlen(answer) > 12 &&
                            strstr(answer, "not an error") == NULL;
        bool is_same = wanted == NULL ? answer == NULL
                                      : answer != NULL && strcmp(answer, wanted) == 0;
        bool is_alright =
            is_same ||
            (!must_succeed &&
             (has_sentence || sqlite3_errcode(db) == SQLITE_NOMEM || !is_made));
        if (!is_alright) fprintf(stderr, "%.60s: %.200s\n", statements[i].sql, answer);
        is_fine = is_fine && is_alright;
        sqlite3_free(answer);
    }
    sqlite3_close(db);
    remove_folder(folder);
    return is_fine;
}

static void learn_what_is_right(void)
{
    char folder[] = "/tmp/limits-XXXXXX";
    if (mkdtemp(folder) != NULL) rmdir(folder);
    sqlite3 *db = points_open(":memory:");
    for (size_t i = 0; i < STATEMENTS; i++) {
        statements[i].expected = ask(db, statements[i].sql, folder);
        POINT(statements[i].expected == NULL ||
                  strncmp(statements[i].expected, "error: ", 7) != 0 ||
                  strstr(statements[i].sql, "no-such") != NULL,
              "%.80s: %s", statements[i].sql, statements[i].expected);
    }
    sqlite3_close(db);
    remove_folder(folder);
}

/* ---- limits ---- */

static void limit(__rlimit_resource_t what, rlim_t most)
{
    struct rlimit r = {most, most};
    setrlimit(what, &r);
}

static size_t address_space(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f != NULL && fscanf(f, "%lu", &pages) != 1) pages = 0;
    if (f != NULL) fclose(f);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void little_memory(unsigned long draw)
{
    limit(RLIMIT_AS, address_space() + (draw % 400) * ((size_t)256 << 10));
}

static void no_thread(unsigned long draw)
{
    if (getuid() == 0 && setuid(NOBODY) != 0) _exit(3);
    limit(RLIMIT_NPROC, draw % 2);
    must_succeed = true;
}

static void no_file(unsigned long draw)
{
    limit(RLIMIT_NOFILE, 3 + draw % 8);
}

static void short_files(unsigned long draw)
{
    signal(SIGXFSZ, SIG_IGN); /* else the system kills who writes */
    limit(RLIMIT_FSIZE, (draw % 64) * 4096);
}

static void small_default_stack(unsigned long draw)
{
    limit(RLIMIT_STACK, (draw % 4 + 1) * ((size_t)64 << 10));
    must_succeed = true;
}

static void endless_default_stack(unsigned long draw)
{
    limit(RLIMIT_STACK, RLIM_INFINITY);
    little_memory(draw);
}

static void *in_thread(void *is_fine)
{
    *(bool *)is_fine = use_everything();
    return NULL;
}

/* In a thread of 64 KB, which is what some hosts give. */
static bool with_small_stack(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    bool is_fine = false;
    must_succeed = true;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)64 << 10);
    if (pthread_create(&thread, &attributes, in_thread, &is_fine) == 0)
        pthread_join(thread, NULL);
    return is_fine;
}

/* ---- a storm of signals ---- */

static atomic_long n_signals, n_strange;
static atomic_bool is_over;
static pid_t ours[2];

static void handle(int number)
{
    pid_t self = (pid_t)syscall(SYS_gettid);
    (void)number;
    atomic_fetch_add(&n_signals, 1);
    if (self != ours[0] && self != ours[1]) atomic_fetch_add(&n_strange, 1);
}

static void *storm(void *unused)
{
    static const int numbers[] = {SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD, SIGPROF,
                                  SIGHUP,  SIGTERM, SIGINT,  SIGURG,  SIGWINCH};
    (void)unused;
    ours[1] = (pid_t)syscall(SYS_gettid);
    for (size_t i = 0; !atomic_load(&is_over); i++) {
        kill(getpid(), numbers[i % (sizeof numbers / sizeof *numbers)]);
        usleep(20);
    }
    return NULL;
}

/* Signals to the process fall on threads of the host, and no call of ours minds. */
static bool under_storm(void)
{
    struct sigaction action = {.sa_handler =
                                   handle}; /* no SA_RESTART: calls are broken off */
    pthread_t thread;
    must_succeed = true;
    ours[0] = getpid();
    for (int i = 1; i < 32; i++)
        if (i != SIGKILL && i != SIGSTOP && i != SIGSEGV && i != SIGBUS)
            sigaction(i, &action, NULL);
    pthread_create(&thread, NULL, storm, NULL);
    bool is_fine = use_everything();
    atomic_store(&is_over, true);
    pthread_join(thread, NULL);
    if (atomic_load(&n_strange) > 0 || atomic_load(&n_signals) == 0)
        fprintf(stderr, "%ld signals, %ld of them on threads of ours\n",
                atomic_load(&n_signals), atomic_load(&n_strange));
    return is_fine && atomic_load(&n_strange) == 0 && atomic_load(&n_signals) > 0;
}

/* ---- points ---- */

static void (*const limits[])(unsigned long) = {
    little_memory, no_thread,           no_file,
    short_files,   small_default_stack, endless_default_stack};

#define LIMITS (sizeof limits / sizeof *limits)
#define KINDS  (LIMITS + 2)

static void be_child(unsigned long kind)
{
    bool is_fine;
    if (kind == LIMITS) {
        is_fine = with_small_stack();
    } else if (kind == LIMITS + 1) {
        is_fine = under_storm();
    } else {
        limits[kind](seed / KINDS * 2654435761u >> 4);
        is_fine = use_everything();
    }
    _exit(is_fine ? 0 : 1);
}

int main(int argc, char **argv)
{
    points_begin(argc, argv);
    points_extend();
    learn_what_is_right();
    for (; points_go_on(); seed++) {
        pid_t id = fork();
        if (id == 0) be_child(seed % KINDS);
        int status = points_wait(id, PATIENCE);
        POINT(status == 0, "a process under limit %lu ended with %d", seed % KINDS,
              status);
    }
    for (size_t i = 0; i < STATEMENTS; i++) sqlite3_free(statements[i].expected);
    return points_end("limits");
}
