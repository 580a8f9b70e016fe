/* exact.c - random sessions with the similarity table against brute force in plain SQL.
 *
 *   exact [--operations N] [--seed S]   sessions until N operations are done
 *   exact --seed S --only E             session E of that seed alone
 *   exact ... --shrink                  of session E, or of all to the first difference:
 *                                       as short a script as still shows it, crashes too
 *   exact --from E --seconds N          sessions of seed 1 from E on, as a harness of
 *                                       tests/torture.sh; a point is an operation
 *   --verbose                           prints every step before it is done
 *   --stop-at N                         ends a session, that of --only, after N
 * operations
 *
 * To be run where tests/data/tiny is. Each session (tests/lib/session.h) has a database
 * and a generator of its own, made of the seed and the session's number. The first
 * difference ends the test with status 1, after the statement and both answers. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "lib/session.h"

int sqlite3_encoder_init(sqlite3 *db, char **message,
                         const struct sqlite3_api_routines *api);

typedef struct options {
    long n_operations, stop_at, from, seconds;
    unsigned long long seed;
    long only; /* -1: all */
    bool is_verbose, shall_shrink;
} options;

typedef struct totals {
    long n_operations, n_queries, n_busy, n_faults, n_sessions;
} totals;

/* SQLite takes any status but zero of an automatic extension for a failure. */
static int init(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    int rc = sqlite3_encoder_init(db, message, api);
    return rc == SQLITE_OK_LOAD_PERMANENTLY ? SQLITE_OK : rc;
}

/* The model of the sessions with texts, for the whole process. */
static bool load_model(void)
{
    sqlite3 *db = NULL;
    int rc = sqlite3_open(":memory:", &db);

    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "SELECT encoder_load('./tests/data/tiny', 'tiny')", NULL,
                          NULL, NULL);
    if (rc != SQLITE_OK) fprintf(stderr, "exact: %s\n", sqlite3_errmsg(db));
    sqlite3_close(db);
    return rc == SQLITE_OK;
}

/* The start of an answer, from a little before the place where it leaves the other. */
static void print_answer(const char *name, const char *answer, size_t from)
{
    size_t n = strlen(answer);

    fprintf(stderr, "%s:\n%s%.*s%s\n", name, from > 0 ? "...\n" : "", 1500, answer + from,
            n > from + 1500 ? "..." : "");
}

static void print_difference(const oracle *o, const oracle_step *s)
{
    size_t from = 0;

    for (size_t i = 0; o->expected[i] != '\0' && o->expected[i] == o->given[i]; i++)
        if (o->expected[i] == '\n' && i > 300) from = i - 300;
    fprintf(stderr, "%s differ on connection %d:\n    %s\n", o->what, s->connection,
            o->sql);
    for (int i = 0; i < ORACLE_BINDS; i++)
        if (s->bind[i] != NULL) fprintf(stderr, "    ?%d = %s\n", i + 1, s->bind[i]);
    if (s->twin != NULL) fprintf(stderr, "the twin:\n    %s\n", s->twin);
    print_answer("expected", o->expected, from);
    print_answer("but it gave", o->given, from);
}

static void seed_session(session *s, const options *opt, long number)
{
    memset(s, 0, sizeof *s);
    s->rng.state = opt->seed * 1000003u + (unsigned long long)number;
    enc_rng_u64(&s->rng);
}

/* One session in this process. False: a difference, which was printed. */
static bool run_session(const options *opt, long number, FILE *trace, totals *sum)
{
    oracle o;
    session s;
    oracle_steps list = {0};

    oracle_open(&o, opt->is_verbose);
    seed_session(&s, opt, number);
    s.o = &o;
    s.list = &list;
    s.trace = trace;
    long n = 20 + session_below(&s, session_chance(&s, 20) ? 600 : 150);
    bool is_same = session_run(&s, opt->stop_at > 0 ? opt->stop_at : n);
    sum->n_operations += s.n_done;
    sum->n_queries += o.n_queries;
    sum->n_busy += o.n_busy;
    sum->n_faults += o.n_faults;
    sum->n_sessions++;
    if (!is_same && trace == NULL) {
        fprintf(stderr,
                "exact: operation %ld (operation %ld of session %ld, seed %llu; see it "
                "again: exact --seed %llu --only %ld)\n",
                sum->n_operations, s.n_done, number, opt->seed, opt->seed, number);
        print_difference(&o, &list.at[list.n - 1]);
    }
    oracle_close(&o);
    oracle_steps_clear(&list);
    return is_same;
}

/* What a session of another process did before it ended: status 0, no difference. */
static int record(const options *opt, long number, FILE *trace, totals *sum)
{
    int status = 0, pipes[2];

    fflush(NULL);
    if (pipe(pipes) != 0) return -1;
    pid_t child = fork();
    if (child == 0) {
        totals own = {0};
        alarm(300);
        bool is_same = run_session(opt, number, trace, &own);
        if (write(pipes[1], &own, sizeof own) != sizeof own) _exit(2);
        _exit(!is_same);
    }
    close(pipes[1]);
    totals own = {0};
    if (child < 0 || waitpid(child, &status, 0) < 0) status = -1;
    if (read(pipes[0], &own, sizeof own) == sizeof own) {
        sum->n_operations += own.n_operations;
        sum->n_queries += own.n_queries;
        sum->n_busy += own.n_busy;
        sum->n_faults += own.n_faults;
    }
    close(pipes[0]);
    sum->n_sessions++;
    return status;
}

/* The session again, step by step and with ever fewer of them. */
static void shrink(FILE *trace, bool is_crash)
{
    oracle_steps list = {0}, few = {0};
    oracle_step step;
    oracle o;

    rewind(trace);
    while (oracle_step_read(&step, trace)) oracle_steps_add(&list, step);
    memset(&o, 0, sizeof o);
    if (!is_crash) {
        oracle_open(&o, false);
        size_t last = oracle_run_all(&o, &list);
        if (last < list.n) list.n = last + 1;
    }
    if (!is_crash && o.what == NULL) {
        fprintf(stderr, "exact: the same steps once more make no difference\n");
    } else {
        oracle_shrink(&list, &few, is_crash ? NULL : &o);
    }
    if (!is_crash) {
        oracle_close(&o);
        oracle_open(&o, false);
        oracle_run_all(&o, &few);
    }
    oracle_print(&few, &o, stdout);
    if (!is_crash) oracle_close(&o);
    sqlite3_free(few.at);
    oracle_steps_clear(&list);
}

static bool run_recorded(const options *opt, long number, totals *sum)
{
    FILE *trace = tmpfile();

    if (trace == NULL) return false;
    int status = record(opt, number, trace, sum);
    if (status != 0) {
        bool is_crash = !WIFEXITED(status) || WEXITSTATUS(status) != 1;
        fprintf(stderr, "exact: session %ld of seed %llu %s\n", number, opt->seed,
                is_crash ? "crashes" : "differs");
        shrink(trace, is_crash);
    }
    fclose(trace);
    return status == 0;
}

static bool read_options(options *opt, int argc, char **argv)
{
    *opt = (options){.n_operations = 10000, .seed = 1, .only = -1};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--verbose") == 0) opt->is_verbose = true;
        else if (strcmp(argv[i], "--shrink") == 0) opt->shall_shrink = true;
        else if (value == NULL) return false;
        else if (strcmp(argv[i], "--operations") == 0)
            opt->n_operations = strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            opt->seed = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--only") == 0) opt->only = strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--from") == 0) opt->from = strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seconds") == 0)
            opt->seconds = strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--stop-at") == 0)
            opt->stop_at = strtol(argv[++i], NULL, 10);
        else return false;
    }
    return true;
}

static int run_for_seconds(const options *opt)
{
    double until = now() + (double)opt->seconds;
    totals sum = {0};
    int n_failed = 0;
    long number = opt->from;

    for (; now() < until; number++) n_failed += !run_session(opt, number, NULL, &sum);
    printf("exact: %ld points, %d failed, next %ld\n", sum.n_operations, n_failed,
           number);
    return n_failed > 0;
}

int main(int argc, char **argv)
{
    options opt;
    totals sum = {0};
    bool is_same = true;

    if (!read_options(&opt, argc, argv)) {
        fprintf(stderr, "usage: exact [--operations N] [--seed S] [--only SESSION] "
                        "[--stop-at N] [--shrink] [--verbose]\n"
                        "       exact --from SESSION --seconds N\n");
        return 2;
    }
    if (!oracle_fault_prepare()) return 1;
    sqlite3_auto_extension((void (*)(void))init);
    if (!load_model()) return 1;
    if (opt.seconds > 0) return run_for_seconds(&opt);
    printf("exact: seed %llu\n", opt.seed);
    long number = opt.only >= 0 ? opt.only : 0;
    do {
        is_same = opt.shall_shrink ? run_recorded(&opt, number, &sum)
                                   : run_session(&opt, number, NULL, &sum);
        number++;
    } while (is_same && opt.only < 0 && sum.n_operations < opt.n_operations);
    printf("exact: %ld passed, %d failed\n", sum.n_operations - !is_same, !is_same);
    printf("%ld operations, %ld queries, %ld while something failed, %s differences\n",
           sum.n_operations, sum.n_queries, sum.n_faults, is_same ? "0" : "1");
    return !is_same;
}
