/* oracle.h - a table under test and its twin: the same rows in an ordinary table of the
 * same database, searched by brute force in plain SQL.
 *
 * Both live in one file and change in the same transactions, so a rollback, a failure, a
 * snapshot or another connection sees both alike: at every moment, on every connection,
 * both must give the same answers. A session is a list of steps, each text that stands
 * for itself, so that a list, or any part of it, can be run again. */
#ifndef ORACLE_H
#define ORACLE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/oracle_fault.h"

#define ORACLE_CONNECTIONS 2
#define ORACLE_KEPT        16 /* statements kept prepared on a connection */
#define ORACLE_BINDS       2

typedef enum oracle_kind {
    ORACLE_SETUP,    /* subject, then twin, must succeed; the session needs it */
    ORACLE_BOTH,     /* twin, then subject: both succeed or both fail */
    ORACLE_ROLLBACK, /* the same; a constraint that fails ends the transaction */
    ORACLE_ALONE,    /* subject must succeed */
    ORACLE_REFUSED,  /* subject must fail; nothing changes */
    ORACLE_TRY,      /* subject may succeed or fail */
    ORACLE_QUERY,    /* rows of subject and twin are the same, in the same order; with `n`
                        the subject is read once before while something fails */
    ORACLE_STOPPED,  /* as BOTH, but subject, or the commit after it, is interrupted
                        after `n` operations, and then undone */
    ORACLE_FAULTY,   /* as BOTH, but something fails meanwhile, or in the commit after it
                        (`n`: oracle_fault); if that fails it, it has done nothing, or the
                        transaction is over. Without a twin: it may fail, and then
                        bind[0], if any, undoes it, or all is rolled back */
    ORACLE_HALF,  /* subject is read up to row `n`, then twin and bind[0] run as BOTH does
                     -  or bind[0] alone, as TRY does -, then subject is read to its end */
    ORACLE_REOPEN /* the connection is closed, which must succeed, and opened */
} oracle_kind;

typedef struct oracle_step {
    oracle_kind kind;
    int connection;
    int n;
    char *subject, *twin;     /* SQL or NULL; sqlite3_malloc */
    char *bind[ORACLE_BINDS]; /* SQL of the values for ?1 and ?2, or NULL */
} oracle_step;

typedef struct oracle_steps {
    oracle_step *at;
    size_t n, cap;
} oracle_steps;

void oracle_steps_add(oracle_steps *list, oracle_step s); /* takes its texts */
void oracle_steps_clear(oracle_steps *list);

typedef struct oracle {
    sqlite3 *db[ORACLE_CONNECTIONS];
    sqlite3_stmt *kept[ORACLE_CONNECTIONS][ORACLE_KEPT];
    int next_kept;
    bool is_verbose;
    long n_queries, n_busy, n_faults; /* faults: of steps, those where it failed */
    /* of a difference */
    const char *what; /* "rows", "status" ...; NULL: none yet */
    char *sql, *expected, *given;
} oracle;

/* An empty database, on a disk in memory (disk.h) that is this process's own. */
void oracle_open(oracle *o, bool is_verbose);
void oracle_close(oracle *o);

/* False: a difference, described in `o`. */
bool oracle_run(oracle *o, const oracle_step *s);

/* All steps on a database of their own, to the first difference: its index, or list->n.
 */
size_t oracle_run_all(oracle *o, const oracle_steps *list);

/* The fewest steps found of which the last still differs as `o` tells (its rows may be
 * others, a sentence not) or, where `o` is NULL, still crashes; those of ORACLE_SETUP
 * stay. What is put into `out` borrows its texts; sqlite3_free(out->at). */
void oracle_shrink(const oracle_steps *list, oracle_steps *out, const oracle *o);

/* The session as a script for the shell, with the answers that differ at its end. */
void oracle_print(const oracle_steps *list, const oracle *o, FILE *out);

/* Bytes of a list, so that what a crashed process did can be told by another. */
void oracle_step_write(const oracle_step *s, FILE *f);
bool oracle_step_read(oracle_step *s, FILE *f);

/* A checked sqlite3_mprintf: the test has no use for going on without memory. */
char *oracle_text(const char *format, ...);
char *oracle_finish(sqlite3_str *s);

#endif
