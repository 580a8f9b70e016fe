/* bombs.c - little SQL that asks for very much: huge texts and words, a k without end,
 * nested JSON, vocabularies of a million pieces.
 *
 *   bombs --from SEED --seconds N    as the torture driver calls it; in each round all
 *   bombs                            those that are quick
 *
 * Each bomb runs in a process of its own with a limit of address space (not under a
 * sanitizer, which takes terabytes of it) and must be answered or refused with a sentence
 * within its time, counted in seconds of a processor; then the connection must work. */
#include "db.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPACE ((rlim_t)4 << 30) /* bytes of address space; the texts are up to 1 GB */

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#else
#define IS_SANITIZED 0
#endif

typedef struct bomb {
    const char *sql;
    double seconds; /* of a processor, at most */
    bool is_slow;   /* or big: only with --from */
} bomb;

#define LETTERS(n) "printf('%." n "c', 'a')"
#define WORDS(n)   "replace(printf('%." n "c', 'x'), 'x', 'ab ')"

static const bomb bombs[] = {
    {"SELECT length(embed(" LETTERS("100000000") "))", 8, true},
    {"SELECT token_count(" LETTERS("1000000") ")", 2, false},
    {"SELECT token_count(" LETTERS("100000000") ")", 8, true},
    {"SELECT length(embed(" LETTERS("999999999") "))", 40, true},
    {"SELECT length(embed(" WORDS("3000000") "))", 8, false},
    {"SELECT count(*) FROM chunks(" WORDS("300000") ", 8)", 8, false},
    {"SELECT count(*) FROM chunks(" LETTERS("1000000") ", 2)", 4, false},
    {"SELECT length(embed(replace(" LETTERS("1000000") ", 'a', char(769))))", 4, false},
    {"SELECT length(embed(replace(" LETTERS("200000") ", 'a', char(64018))))", 4, false},
    {"SELECT count(*) FROM t WHERE t MATCH 'a' AND k = 2147483648", 1, false},
    {"SELECT count(*) FROM t WHERE t MATCH 'a' AND k = 9223372036854775807", 1, false},
    {"SELECT count(*) FROM t WHERE t MATCH 'a' AND k = -1", 1, false},
    {"SELECT count(*) FROM fill_mask('[MASK]', 2147483648)", 1, false},
    {"SELECT count(*) FROM answers('a', 'b', 2147483648)", 1, false},
    {"SELECT count(*) FROM chunks('a b', 9223372036854775807)", 1, false},
    {"SELECT count(*) FROM chunks('a b', 2147483648, 2147483647)", 1, false},
    {"SELECT vector(" LETTERS("1000000") ")", 1, false},
    {"SELECT length(vector('[' || replace(" LETTERS("65537") ", 'a', '1,') || '1]'))", 1,
     false},
    {"SELECT vector(replace(" LETTERS("1000000") ", 'a', '['))", 1, false},
    {"SELECT zero_shot.label FROM zero_shot('a', replace(" LETTERS(
         "1000000") ", 'a', '['))",
     1, false},
    {"SELECT count(*) FROM zero_shot('a', '[' || replace(" LETTERS(
         "100000") ", 'a', '\"b\",') || '\"c\"]')",
     2, false},
    {"SELECT count(*) FROM embed_each(replace(" LETTERS("1000000") ", 'a', '{\"a\":'))",
     1, false},
    {"SELECT encoder_load(zeroblob(100000000))", 2, true},
    {"SELECT encoder_load(CAST(x'ffffffffffffff7f' || zeroblob(100) AS BLOB))", 1, false},
    {"SELECT head_info(zeroblob(50000000))", 2, true},
    {"SELECT vector_json(zeroblob(400000))", 2, false},
    {"CREATE VIRTUAL TABLE b USING similarity(e VECTOR(9223372036854775807))", 1, false},
    {"CREATE VIRTUAL TABLE b USING similarity(e VECTOR(65536))", 1, false},
    {"CREATE VIRTUAL TABLE b USING similarity(body, chunk=9223372036854775807)", 1,
     false},
    {"SELECT classify(" WORDS("1000000") ")", 8, true},
    {"SELECT count(*) FROM tokens(" WORDS("100000") ")", 4, false},
    {"SELECT count(*) FROM attention(" WORDS("100000") ")", 8, false},
    {"INSERT INTO t(body) VALUES(" WORDS("1000000") ")", 8, false},
    {"SELECT similarity(zeroblob(500000000), zeroblob(500000000))", 4, true},
    {"SELECT count(*) FROM recall_at_k('t', 9223372036854775807, 9223372036854775807)", 2,
     false},
    {"SELECT count(*) FROM t WHERE t MATCH " LETTERS("100000000"), 8, true},
    {"CREATE VIRTUAL TABLE f USING fts5(a, tokenize='wordpiece'); INSERT INTO f "
     "VALUES(" LETTERS("10000000") ")",
     8, true},
};

#define N_BOMBS (sizeof bombs / sizeof *bombs)

static double cpu(void)
{
    return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

/* In a child: exits with 0 if it was answered well. */
static void run(const bomb *b)
{
    struct rlimit limit = {SPACE, SPACE};
    sqlite3 *db = NULL;
    char *message = NULL;

    if (!IS_SANITIZED) setrlimit(RLIMIT_AS, &limit);
    alarm(60 + 8 * (unsigned)b->seconds);
    db_begin();
    FUZZ_CLAIM(sqlite3_open(":memory:", &db) == SQLITE_OK);
    FUZZ_CLAIM(db_exec(db, db_kinds[0]) == SQLITE_OK);
    double start = cpu();
    int rc = sqlite3_exec(db, b->sql, NULL, NULL, &message);
    double took = cpu() - start, allowed = IS_SANITIZED ? 10 * b->seconds : b->seconds;
    bool has_sentence = rc == SQLITE_OK || (message != NULL && message[0] != '\0');
    bool is_well = took <= allowed && has_sentence && rc != SQLITE_CORRUPT &&
                   (rc != SQLITE_NOMEM || b->is_slow);
    if (!is_well || getenv("FUZZ_SHOW"))
        fprintf(stderr, "%d (%s) after %.2f seconds: %.100s\n", rc,
                message != NULL ? message : "", took, b->sql);
    sqlite3_free(message);
    FUZZ_CLAIM(db_exec(db, "SELECT embed('still there')") == SQLITE_OK);
    FUZZ_CLAIM(sqlite3_close(db) == SQLITE_OK);
    _exit(is_well ? 0 : 1);
}

static bool is_well(const bomb *b)
{
    int status = 1;

    fflush(NULL);
    pid_t child = fork();
    if (child == 0) run(b);
    if (child < 0 || waitpid(child, &status, 0) < 0) return false;
    if (status != 0) fprintf(stderr, "status %x: %.100s\n", (unsigned)status, b->sql);
    return status == 0;
}

int main(int argc, char **argv)
{
    bool is_torture = argc == 5;
    size_t at = is_torture ? strtoull(argv[2], NULL, 10) : 0, n = 0, n_failed = 0;
    double until = now() + (is_torture ? strtod(argv[4], NULL) : 0);

    if (!is_torture) {
        for (size_t i = 0; i < N_BOMBS; i++) {
            if (bombs[i].is_slow) continue;
            n++;
            n_failed += !is_well(&bombs[i]);
        }
        printf("bombs: %zu passed, %zu failed\n", n - n_failed, n_failed);
        return n_failed > 0;
    }
    for (; n == 0 || now() < until; n++, at++) n_failed += !is_well(&bombs[at % N_BOMBS]);
    printf("bombs: %zu points, %zu failed, next %zu\n", n, n_failed, at);
    return n_failed > 0;
}
