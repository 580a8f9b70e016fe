/* session.h - a random session with a similarity table and its twin (oracle.h).
 *
 * Everything is drawn from one generator, so a seed is a session. The tables:
 *
 *   x        the similarity table, under changing names: e VECTOR(n), or a text, and up
 *            to four UNINDEXED columns, a INTEGER, b TEXT, c REAL and "the d"
 *   notes    its content, where that is external; writes go there, and a second table
 *            may have it for its content too
 *   twin     id and the same columns: what x must agree with
 *   src      vectors and values to copy from
 *   info     an ordinary table to join: id, tag */
#ifndef SESSION_H
#define SESSION_H

#include "base/rng.h"
#include "lib/oracle.h"

#define SESSION_COLUMNS 4
#define SESSION_DIMS    96
#define SESSION_POOL    12
#define SESSION_SOURCE  320 /* rows of src */

typedef enum session_content { OWN, EXTERNAL, CONTENTLESS } session_content;

typedef struct session {
    oracle *o;
    oracle_steps *list; /* what was done, newest last */
    FILE *trace;        /* the same, written before it is done; or NULL */
    enc_rng rng;
    bool has_differed;
    long n_done; /* operations */
    /* the table */
    char table[40], second[40]; /* of one content, now and then: else "" */
    const char *schema;         /* "", or "aux." of a database that is attached */
    const char *metric;
    session_content content;
    int n_dims, n_columns, palette, rows_max, id_max;
    bool is_wal, is_ivf;
    bool is_text; /* e is a text and its vector the tiny model's */
    bool is_hybrid;
    float pool[SESSION_POOL][SESSION_DIMS]; /* vectors that come again */
    /* the transaction */
    int active; /* the connection that may write */
    int n_savepoints;
    bool has_snapshot; /* the other connection is inside a read transaction */
} session;

extern const char *const session_columns[SESSION_COLUMNS];

/* A session of n operations on an empty database. False: a difference. */
bool session_run(session *s, long n);

/* ---- chance ---- */

int session_below(session *s, int n);
bool session_chance(session *s, int percent);
sqlite3_int64 session_id(session *s); /* of a row that may be there */

/* SQL of a vector of the table's dimensions, or of a text; never NULL. Appends. */
void session_vector(session *s, sqlite3_str *out);

bool session_drop(session *s); /* x, and a second one */

/* The other of two tables is the one that steps are about. */
void session_swap(session *s);

/* SQL of a value for column i of session_columns. */
void session_value(session *s, sqlite3_str *out, int column);

/* ---- steps ---- */

/* Does and records a step. False: it made a difference; or one was made before, and it
 * was not done. Takes the texts. */
bool session_step(session *s, oracle_step step);

int session_fault(session *s); /* an oracle_fault, for `n` of a step */

/* A step of that kind on the active connection. */
bool session_do(session *s, oracle_kind kind, char *subject, char *twin);

/* INSERT INTO x(x) VALUES(name). */
bool session_command(session *s, oracle_kind kind, const char *name);

/* A number that the twin gives, 0 if it is NULL. */
double session_ask(session *s, const char *sql);

bool session_is_open(const session *s); /* inside a transaction */

/* The table writes go to, as SQL. */
char *session_target(const session *s);

/* One random operation. */
bool session_create(session *s, oracle_kind kind); /* all tables, of a random kind */
bool session_write(session *s);
bool session_transact(session *s);
bool session_manage(session *s); /* commands, reopen, VACUUM, rename, drop */
bool session_query(session *s);
bool session_join(session *s);
bool session_compare(session *s); /* all rows of both tables */

/* ---- what queries and writes share (session_filter.c) ---- */

/* When a condition is applied, seen from k: FILTER_ANY may be either, so that it is only
 * used without k. */
typedef enum session_when { FILTER_BEFORE, FILTER_AFTER, FILTER_ANY } session_when;

/* A condition over the columns of x or twin; q: SQL of the query for bounds of distance,
 * NULL: there is no distance. */
char *session_filter(session *s, session_when when, const char *q);

/* A search, or all rows: something to be read half. */
char *session_reading(session *s);

/* What a connection does first: SQL, or NULL. */
char *session_attach(const session *s);

/* SQL of "distance" or "similarity" (`what`) of a row's e to a query. */
char *session_measure(const session *s, const char *what, const char *e, const char *q);

/* The twin's rows with distances: "(SELECT id AS rowid, ..., distance, similarity)". */
char *session_near(const session *s, const char *q);

/* Those of them that satisfy `before`, the first k in order; k NULL: all. */
char *session_hits(const session *s, const char *q, const char *before, const char *k);

#define SESSION_ORDER "distance, rowid"

#endif
