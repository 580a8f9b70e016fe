/* interrupts.c - sqlite3_interrupt at any time, during anything that takes long.
 *
 *   interrupts --from SEED --seconds N    as the torture driver calls it
 *   interrupts                            one interrupt of each kind of work, twice
 *
 * A thread interrupts after a time that the seed picks; the statement must end within 250
 * ms with SQLITE_INTERRUPT, or have been finished, and the connection must work. Where
 * others use the processor too, the time that this process had of it counts. Under a
 * sanitizer two seconds are allowed. */
#include "db.h"

#include <pthread.h>
#include <unistd.h>

#include "base/rng.h"

#if defined(__SANITIZE_ADDRESS__)
#define ALLOWED 2.0 /* seconds */
#else
#define ALLOWED 0.25
#endif

#define NUMBERS                                                                          \
    "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n LIMIT 100000) "
#define TOY                                                                              \
    "'{\"n_vocab\": 300, \"hidden\": 32, \"n_layers\": 1, \"n_heads\": 2, \"inner\": "   \
    "64, "                                                                               \
    "\"n_positions\": 64, \"max_tokens\": 64, \"batch_tokens\": 256, \"steps\": "        \
    "100000}'"
static const char *const works[] = {
    NUMBERS "SELECT max(embed('text ' || i)) FROM n",
    "SELECT embed(words, 'builtin') FROM big",
    "SELECT token_count(words || words, 'builtin') FROM big",
    "SELECT count(*) FROM big, chunks(words, 9)",
    "SELECT count(*) FROM big, tokens(words, 'builtin')",
    "SELECT token_count(letters, 'builtin') FROM big",
    "SELECT embed(letters, 'builtin') FROM big",
    "SELECT count(*) FROM big, tokens(spaces, 'builtin')",
    "SELECT count(*) FROM big, chunks(spaces, 9)",
    "SELECT token_count(substr(letters, 1, 16000000), 'bpe') FROM big",
    "SELECT embed(substr(letters, 1, 16000000), 'unigram') FROM big",
    "SELECT token_count(replace(substr(letters, 1, 5000000), 'a', '가'), 'unigram') FROM "
    "big",
    "SELECT token_count(letters, 'bpe') FROM big",
    "SELECT count(vector) FROM embed_each('" NUMBERS "SELECT i, ''text '' || i FROM n')",
    NUMBERS "SELECT train_classifier('text ' || i, i % 3) FROM n",
    NUMBERS "SELECT pretrain('number ' || i || ' and ' || 2 * i, " TOY ") FROM n",
    NUMBERS "SELECT fine_tune_pairs('number ' || i, 'the number is ' || i, NULL) FROM "
            "(SELECT i FROM n LIMIT 3000)",
    NUMBERS "SELECT pretrain('number ' || i || ' and ' || 2 * i, '{\"n_layers\": 2, "
            "\"steps\": 1000}') FROM n",
    "INSERT INTO t(t) VALUES('rebuild')",
    "INSERT INTO t(t, rank) VALUES('reembed', 'builtin')",
    "INSERT INTO v(v) VALUES('optimize')",
    "INSERT INTO v(v) VALUES('integrity-check')",
    "INSERT INTO v(v, rank) VALUES('recall', 0.99)",
    "INSERT INTO t(body) " NUMBERS "SELECT 'text ' || i FROM n",
    NUMBERS
    "SELECT sum((SELECT count(*) FROM t WHERE t MATCH 'text ' || i AND k = 3)) FROM n",
    "SELECT count(*) FROM recall_at_k('v', 10, 10000)",
    "SELECT count(*) FROM zero_shot('a', '[' || replace(printf('%.990c', 'x'), 'x', "
    "'\"ab cd ef gh\",') || '\"z\"]', 'builtin')",
    "SELECT count(*) FROM fill_mask(replace(printf('%.400c', 'x'), 'x', '[MASK] '), "
    "1000, "
    "'builtin')",
    "SELECT count(*) FROM big, attention(words, NULL, NULL, 'builtin')",
};

#define N_WORKS (sizeof works / sizeof *works)

typedef struct alarm_clock {
    sqlite3 *db;
    useconds_t wait;
    double at, at_cpu; /* when it rang */
    volatile bool rang;
} alarm_clock;

static void *ring(void *arg)
{
    alarm_clock *a = arg;

    usleep(a->wait);
    a->at = now();
    a->at_cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    a->rang = true;
    sqlite3_interrupt(a->db);
    return NULL;
}

/* Tables that are worth an interrupt: 20,000 vectors, 2,000 texts. */
static void fill(sqlite3 *db)
{
    FUZZ_CLAIM(
        db_exec(
            db,
            "CREATE TABLE big AS SELECT replace(printf('%.3000000c', 'x'), 'x', 'ab c. "
            "') "
            "AS words, printf('%.30000000c', 'a') AS letters, printf('%30000000s', 'a') "
            "AS spaces;"
            "SELECT encoder_load('tests/ref/checkpoints/roberta_body', 'bpe'), "
            "encoder_load('tests/ref/checkpoints/xlm_roberta_body', 'unigram');"
            "CREATE VIRTUAL TABLE t USING similarity(body);"
            "INSERT INTO t(body) WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i "
            "+ 1 FROM n LIMIT 2000) SELECT 'row ' || i || ' of many' FROM n;"
            "CREATE VIRTUAL TABLE v USING similarity(e VECTOR(32), index=ivf);"
            "INSERT INTO v(e) WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + "
            "1 FROM n LIMIT 20000) SELECT embed('a' || i % 3000) FROM "
            "n;") == SQLITE_OK);
}

static bool one(sqlite3 *db, size_t seed)
{
    enc_rng rng = {seed};
    const char *sql = works[seed % N_WORKS];
    /* Much happens at first; some of it only later. */
    uint64_t range = enc_rng_u64(&rng) % 4 > 0 ? 40000 : 400000;
    alarm_clock a = {db, (useconds_t)(enc_rng_u64(&rng) % range), 0, 0, false};
    pthread_t thread;
    char *message = NULL;

    FUZZ_CLAIM(pthread_create(&thread, NULL, ring, &a) == 0);
    int rc = sqlite3_exec(db, sql, NULL, NULL, &message);
    double end = now(), end_cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    bool was_in_time = a.rang;
    pthread_join(thread, NULL);
    double late = was_in_time ? end - a.at : 0,
           late_cpu = was_in_time ? end_cpu - a.at_cpu : 0;
    bool is_well = late_cpu <= ALLOWED && (late <= ALLOWED || late_cpu < late / 2) &&
                   (rc == SQLITE_OK || rc == SQLITE_INTERRUPT || rc == SQLITE_ERROR);
    if (!is_well || getenv("FUZZ_SHOW"))
        fprintf(stderr, "seed %zu: %d (%s) %.0f ms (%.0f of a processor) after: %.90s\n",
                seed, rc, message != NULL ? message : "", late * 1e3, late_cpu * 1e3,
                sql);
    sqlite3_free(message);
    return is_well && db_exec(db, "SELECT embed('still there')") == SQLITE_OK;
}

/* The tables are sound after all that. */
static bool is_sound(sqlite3 *db)
{
    return db_exec(db, "INSERT INTO t(t) VALUES('integrity-check')") == SQLITE_OK &&
           db_exec(db, "INSERT INTO v(v) VALUES('integrity-check')") == SQLITE_OK;
}

int main(int argc, char **argv)
{
    bool is_torture = argc == 5;
    size_t at = is_torture ? strtoull(argv[2], NULL, 10) : 0, n = 0, n_failed = 0;
    double until;
    sqlite3 *db = NULL;

    db_begin();
    FUZZ_CLAIM(sqlite3_open(":memory:", &db) == SQLITE_OK);
    fill(db);
    until = now() + (is_torture ? strtod(argv[4], NULL) : 0);
    for (; is_torture ? now() < until : n < 2 * N_WORKS; n++, at++) {
        FUZZ_CLAIM(db_exec(db, "BEGIN") == SQLITE_OK);
        n_failed += !one(db, at);
        if (!sqlite3_get_autocommit(db)) db_exec(db, "ROLLBACK");
    }
    n_failed += !is_sound(db);
    FUZZ_CLAIM(sqlite3_close(db) == SQLITE_OK);
    if (is_torture)
        printf("interrupts: %zu points, %zu failed, next %zu\n", n, n_failed, at);
    else printf("interrupts: %zu passed, %zu failed\n", n - n_failed, n_failed);
    return n_failed > 0;
}
