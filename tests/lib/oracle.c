/* oracle.c - see oracle.h: runs steps and notices differences. */
#include "lib/oracle.h"

#include <stdlib.h>
#include <string.h>

#include "lib/disk.h"
#include "lib/oracle_vec.h"

/* ---- texts ---- */

static void die(const char *why)
{
    fprintf(stderr, "exact: %s\n", why);
    abort();
}

char *oracle_text(const char *format, ...)
{
    va_list args;

    oracle_fault_hold(true);
    va_start(args, format);
    char *text = sqlite3_vmprintf(format, args);
    va_end(args);
    oracle_fault_hold(false);
    if (text == NULL) die("no memory");
    return text;
}

char *oracle_finish(sqlite3_str *s)
{
    int rc = sqlite3_str_errcode(s);
    char *text = sqlite3_str_finish(s);

    if (rc != SQLITE_OK) die("no memory");
    return text != NULL ? text : oracle_text("");
}

/* ---- connections ---- */

static void open_connection(oracle *o, int i)
{
    if (sqlite3_open("exact.db", &o->db[i]) != SQLITE_OK) die(sqlite3_errmsg(o->db[i]));
    oracle_vec_register(o->db[i]);
    sqlite3_db_config(o->db[i], SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(o->db[i], SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
}

static void drop_kept(oracle *o, int connection)
{
    for (int i = 0; i < ORACLE_KEPT; i++) {
        sqlite3_finalize(o->kept[connection][i]);
        o->kept[connection][i] = NULL;
    }
}

void oracle_open(oracle *o, bool is_verbose)
{
    memset(o, 0, sizeof *o);
    o->is_verbose = is_verbose;
    disk_format();
    for (int i = 0; i < ORACLE_CONNECTIONS; i++) open_connection(o, i);
}

void oracle_close(oracle *o)
{
    for (int i = 0; i < ORACLE_CONNECTIONS; i++) {
        drop_kept(o, i);
        sqlite3_close_v2(o->db[i]);
    }
    sqlite3_free(o->sql);
    sqlite3_free(o->expected);
    sqlite3_free(o->given);
}

/* ---- statements ---- */

static void add_value(sqlite3_str *out, sqlite3_stmt *stmt, int i)
{
    char number[40];
    const unsigned char *bytes;
    double v;

    switch (sqlite3_column_type(stmt, i)) {
    case SQLITE_NULL: sqlite3_str_appendall(out, "NULL"); break;
    case SQLITE_FLOAT:
        v = sqlite3_column_double(stmt, i);
        /* 0.0 and -0.0 are one value to SQL; a real number always shows that it is one.
         */
        snprintf(number, sizeof number, "%.17g", v == 0.0 ? 0.0 : v);
        sqlite3_str_appendall(out, number);
        if (strpbrk(number, ".en") == NULL) sqlite3_str_appendall(out, ".0");
        break;
    case SQLITE_INTEGER:
        sqlite3_str_appendf(out, "%lld", sqlite3_column_int64(stmt, i));
        break;
    case SQLITE_BLOB:
        bytes = sqlite3_column_blob(stmt, i);
        sqlite3_str_appendall(out, "x'");
        for (int j = 0; j < sqlite3_column_bytes(stmt, i); j++)
            sqlite3_str_appendf(out, "%02x", bytes[j]);
        sqlite3_str_appendall(out, "'");
        break;
    default: sqlite3_str_appendf(out, "%Q", sqlite3_column_text(stmt, i));
    }
}

static void add_row(sqlite3_str *out, sqlite3_stmt *stmt)
{
    oracle_fault_hold(true);
    for (int i = 0; i < sqlite3_column_count(stmt); i++) {
        if (i > 0) sqlite3_str_appendchar(out, 1, '|');
        add_value(out, stmt, i);
    }
    sqlite3_str_appendchar(out, 1, '\n');
    oracle_fault_hold(false);
}

static int bind_one(sqlite3 *db, sqlite3_stmt *stmt, int i, const char *sql)
{
    char *text = oracle_text("SELECT %s", sql);
    sqlite3_stmt *value = NULL;
    int rc = sqlite3_prepare_v2(db, text, -1, &value, NULL);

    if (rc == SQLITE_OK && sqlite3_step(value) == SQLITE_ROW)
        rc = sqlite3_bind_value(stmt, i, sqlite3_column_value(value, 0));
    int end = sqlite3_finalize(value);
    sqlite3_free(text);
    return rc == SQLITE_OK ? end : rc;
}

static int step_all(sqlite3_stmt *stmt, sqlite3_str *rows)
{
    int rc;

    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
        if (rows != NULL) add_row(rows, stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* All statements of a text, to the first that fails. */
static int run(sqlite3 *db, const char *sql, sqlite3_str *rows)
{
    int rc = SQLITE_OK;

    while (rc == SQLITE_OK && sql[0] != '\0') {
        sqlite3_stmt *stmt = NULL;
        rc = sqlite3_prepare_v2(db, sql, -1, &stmt, &sql);
        if (rc == SQLITE_OK && stmt != NULL) rc = step_all(stmt, rows);
        /* The code of the step, whose message sqlite3_finalize keeps. */
        sqlite3_finalize(stmt);
    }
    return rc;
}

/* The same for one statement that stays prepared until its place is needed. */
static int run_kept(oracle *o, const oracle_step *s, sqlite3_str *rows)
{
    sqlite3_stmt **kept = o->kept[s->connection], *stmt = NULL;
    int rc = SQLITE_OK;

    for (int i = 0; i < ORACLE_KEPT && stmt == NULL; i++)
        if (kept[i] != NULL && strcmp(sqlite3_sql(kept[i]), s->subject) == 0)
            stmt = kept[i];
    if (stmt == NULL) {
        sqlite3_stmt **place = &kept[o->next_kept++ % ORACLE_KEPT];
        sqlite3_finalize(*place);
        *place = NULL;
        rc = sqlite3_prepare_v2(o->db[s->connection], s->subject, -1, place, NULL);
        stmt = *place;
    }
    for (int i = 0; i < ORACLE_BINDS && rc == SQLITE_OK; i++)
        if (s->bind[i] != NULL)
            rc = bind_one(o->db[s->connection], stmt, i + 1, s->bind[i]);
    if (rc == SQLITE_OK) rc = step_all(stmt, rows);
    if (stmt != NULL && sqlite3_reset(stmt) != SQLITE_OK) drop_kept(o, s->connection);
    return rc;
}

/* ---- steps ---- */

static bool differ(oracle *o, const char *what, const char *sql, char *expected,
                   char *given)
{
    o->what = what;
    o->sql = oracle_text("%s", sql != NULL ? sql : "(close)");
    o->expected = expected;
    o->given = given;
    return false;
}

/* What a statement came to, for people. */
static char *outcome(sqlite3 *db, int rc)
{
    if (rc == SQLITE_OK) return oracle_text("success");
    return oracle_text("error %d: %s", rc, sqlite3_errmsg(db));
}

static bool is_busy(int rc)
{
    return (rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED;
}

static bool run_setup(oracle *o, const oracle_step *s)
{
    sqlite3 *db = o->db[s->connection];
    const char *sql[2] = {s->subject, s->twin};

    for (int i = 0; i < 2; i++) {
        int rc = sql[i] == NULL ? SQLITE_OK : run(db, sql[i], NULL);
        if (rc != SQLITE_OK)
            return differ(o, "status", sql[i], oracle_text("success"), outcome(db, rc));
    }
    return true;
}

static bool run_both(oracle *o, const oracle_step *s, const char *subject)
{
    sqlite3 *db = o->db[s->connection];
    int rc_twin = run(db, s->twin, NULL);
    char *expected = outcome(db, rc_twin);
    int rc = run(db, subject, NULL);

    if ((rc == SQLITE_OK) != (rc_twin == SQLITE_OK))
        return differ(o, "status", subject, expected, outcome(db, rc));
    if (s->kind == ORACLE_ROLLBACK && (rc & 0xff) == SQLITE_CONSTRAINT &&
        !sqlite3_get_autocommit(db))
        return differ(o, "rollback", subject,
                      oracle_text("%s, and the transaction is over", expected),
                      outcome(db, rc));
    sqlite3_free(expected);
    return true;
}

static bool run_alone(oracle *o, const oracle_step *s)
{
    sqlite3 *db = o->db[s->connection];
    int rc = run(db, s->subject, NULL);

    if ((s->kind == ORACLE_ALONE || s->kind == ORACLE_REOPEN) && rc != SQLITE_OK)
        return differ(o, "status", s->subject, oracle_text("success"), outcome(db, rc));
    if (s->kind == ORACLE_REFUSED && rc == SQLITE_OK)
        return differ(o, "status", s->subject, oracle_text("an error"), outcome(db, rc));
    return true;
}

/* What is open is committed, and nothing keeps it from that but another connection. */
static bool commits(oracle *o, const oracle_step *s)
{
    sqlite3 *db = o->db[s->connection];
    int rc = sqlite3_get_autocommit(db) ? SQLITE_OK : run(db, "COMMIT", NULL);

    if (rc == SQLITE_OK || is_busy(rc)) return true;
    return differ(o, "status", "COMMIT", oracle_text("success"), outcome(db, rc));
}

static int count_down(void *arg)
{
    return --*(int *)arg <= 0;
}

static int run_interrupted(sqlite3 *db, const char *sql, int n)
{
    int left = n;

    sqlite3_progress_handler(db, 1, count_down, &left);
    int rc = run(db, sql, NULL);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    return rc;
}

/* SQLite may say "interrupted" of a statement that is done, so it is always undone; or
 * both tables are changed and the commit is interrupted, which they share. */
static bool run_stopped(oracle *o, const oracle_step *s)
{
    sqlite3 *db = o->db[s->connection];
    bool was_open = !sqlite3_get_autocommit(db), is_same = true;

    if (!was_open && run(db, "BEGIN", NULL) != SQLITE_OK) return true;
    if (!was_open && s->n % 2 == 0) {
        is_same = run_both(o, s, s->subject);
        run_interrupted(db, "COMMIT", s->n);
    } else {
        int rc = run_interrupted(db, s->subject, s->n);
        char *given = outcome(db, rc);
        int rc_twin = rc == SQLITE_INTERRUPT ? rc : run(db, s->twin, NULL);
        if ((rc == SQLITE_OK) != (rc_twin == SQLITE_OK))
            return differ(o, "status", s->subject, outcome(db, rc_twin), given);
        sqlite3_free(given);
        if (rc == SQLITE_INTERRUPT) run(db, "ROLLBACK", NULL);
        else if (!was_open) is_same = commits(o, s);
    }
    if (!was_open && !sqlite3_get_autocommit(db)) run(db, "ROLLBACK", NULL);
    return is_same;
}

/* ---- faults ---- */

/* SQLITE_INTERNAL: it says that something failed, and nothing did. *is_fault: what failed
 * is what ended it. */
static int run_with_fault(oracle *o, const oracle_step *s, const char *sql,
                          sqlite3_str *rows, bool *is_fault)
{
    sqlite3 *db = o->db[s->connection];
    oracle_fault f = oracle_fault_read(s->n);

    oracle_fault_begin(f);
    int rc = s->kind == ORACLE_QUERY && s->bind[0] != NULL ? run_kept(o, s, rows)
                                                           : run(db, sql, rows);
    bool has_failed = oracle_fault_end();
    o->n_faults += has_failed;
    *is_fault = has_failed && oracle_fault_is(f, rc);
    if (!has_failed && oracle_fault_is(f, rc)) return SQLITE_INTERNAL;
    /* SQLite's schema may be old, and whether it is could not be read; and of what fails
     * inside a rename it keeps only the sentence. */
    if (has_failed && (strncmp(sqlite3_errmsg(db), "no such ", 8) == 0 ||
                       strstr(sqlite3_errmsg(db), "after rename: ") != NULL))
        *is_fault = true;
    return rc;
}

/* Of a statement of one row, and of what a search encodes, SQLite undoes nothing; then x
 * wants a rollback. */
static void end_if_broken(sqlite3 *db)
{
    if (!sqlite3_get_autocommit(db) &&
        run(db, "SAVEPOINT s; RELEASE s", NULL) != SQLITE_OK)
        run(db, "ROLLBACK", NULL);
}

/* In a transaction that is open, or in one of its own. */
static bool run_faulty_in(oracle *o, const oracle_step *s)
{
    sqlite3 *db = o->db[s->connection];
    bool is_fault;
    int rc = run_with_fault(o, s, s->subject, NULL, &is_fault);
    char *given = outcome(db, rc);
    int rc_twin = is_fault ? rc : run(db, s->twin, NULL);

    if ((rc == SQLITE_OK) != (rc_twin == SQLITE_OK))
        return differ(o, "status", s->subject, outcome(db, rc_twin), given);
    sqlite3_free(given);
    if (is_fault) end_if_broken(db);
    return true;
}

static bool run_faulty_alone(oracle *o, const oracle_step *s)
{
    sqlite3 *db = o->db[s->connection];
    bool is_fault;
    int rc = run_with_fault(o, s, s->subject, NULL, &is_fault);

    if (rc != SQLITE_OK && !is_fault)
        return differ(o, "status", s->subject, oracle_text("success, or what fails"),
                      outcome(db, rc));
    if (rc != SQLITE_OK && s->bind[0] != NULL && !sqlite3_get_autocommit(db) &&
        run(db, s->bind[0], NULL) != SQLITE_OK)
        run(db, "ROLLBACK", NULL);
    return true;
}

static bool run_faulty(oracle *o, const oracle_step *s)
{
    sqlite3 *db = o->db[s->connection];
    bool was_open = !sqlite3_get_autocommit(db), is_same, is_fault;

    if (s->twin == NULL) return run_faulty_alone(o, s);
    if (was_open) return run_faulty_in(o, s);
    if (run(db, "BEGIN", NULL) != SQLITE_OK) return true;
    if (oracle_fault_read(s->n).at_commit) {
        is_same = run_both(o, s, s->subject);
        run_with_fault(o, s, "COMMIT", NULL, &is_fault);
    } else {
        is_same = run_faulty_in(o, s) && commits(o, s);
    }
    if (!sqlite3_get_autocommit(db)) run(db, "ROLLBACK", NULL);
    return is_same;
}

/* ---- queries ---- */

typedef struct answer {
    int rc;
    char *rows, *status;
} answer;

static answer answer_of(sqlite3 *db, int rc, sqlite3_str *rows)
{
    if (rc != SQLITE_OK) sqlite3_str_appendf(rows, "error: %s", sqlite3_errmsg(db));
    return (answer){rc, oracle_finish(rows), outcome(db, rc)};
}

static void answer_clear(answer *a)
{
    sqlite3_free(a->rows);
    sqlite3_free(a->status);
}

static answer ask(oracle *o, const oracle_step *s)
{
    sqlite3 *db = o->db[s->connection];
    sqlite3_str *rows = sqlite3_str_new(NULL);
    int rc = s->bind[0] != NULL ? run_kept(o, s, rows) : run(db, s->subject, rows);

    return answer_of(db, rc, rows);
}

static bool is_answer(oracle *o, const oracle_step *s, const answer *expected,
                      const answer *given)
{
    const char *what = NULL;

    if (is_busy(given->rc) || is_busy(expected->rc)) return true;
    if (expected->rc != SQLITE_OK && given->rc == SQLITE_OK)
        return differ(o, "status", s->subject, oracle_text("%s", expected->status),
                      oracle_text("%s", given->rows));
    if (expected->rc != SQLITE_OK) return true;
    if (given->rc != SQLITE_OK) what = "error";
    else if (strcmp(expected->rows, given->rows) != 0) what = "rows";
    return what == NULL || differ(o, what, s->subject, oracle_text("%s", expected->rows),
                                  oracle_text("%s", given->rows));
}

/* While something fails first: that may end a transaction. */
static bool run_query(oracle *o, const oracle_step *s)
{
    sqlite3 *db = o->db[s->connection];
    sqlite3_str *rows = sqlite3_str_new(NULL);
    answer first = {SQLITE_OK, NULL, NULL};
    bool is_none = true;

    if (s->n > 0) {
        sqlite3_str *early = sqlite3_str_new(NULL);
        int rc = run_with_fault(o, s, s->subject, early, &is_none);
        first = answer_of(db, rc, early);
        if (is_none) end_if_broken(db);
    }
    int rc = run(db, s->twin, rows);
    answer expected = answer_of(db, rc, rows), given = ask(o, s);
    bool is_same = is_answer(o, s, &expected, &given) &&
                   (is_none || is_answer(o, s, &expected, &first));
    o->n_queries++;
    o->n_busy += is_busy(rc) || is_busy(given.rc);
    answer_clear(&expected);
    answer_clear(&given);
    answer_clear(&first);
    return is_same;
}

static bool run_half(oracle *o, const oracle_step *s)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(o->db[s->connection], s->subject, -1, &stmt, NULL);

    for (int i = 0; i < s->n && rc == SQLITE_OK; i++)
        if (sqlite3_step(stmt) != SQLITE_ROW) break;
    bool is_same = true;
    if (s->twin != NULL) is_same = run_both(o, s, s->bind[0]);
    else run(o->db[s->connection], s->bind[0], NULL);
    if (rc == SQLITE_OK) step_all(stmt, NULL);
    sqlite3_finalize(stmt);
    return is_same;
}

static bool reopen(oracle *o, const oracle_step *s)
{
    drop_kept(o, s->connection);
    if (sqlite3_close(o->db[s->connection]) != SQLITE_OK)
        return differ(o, "close", NULL, oracle_text("closed"),
                      oracle_text("%s", sqlite3_errmsg(o->db[s->connection])));
    open_connection(o, s->connection);
    return s->subject == NULL || run_alone(o, s);
}

static void tell(const oracle_step *s)
{
    fprintf(stderr, "%d.%d%s%s%s\n", s->connection, (int)s->kind,
            s->bind[0] != NULL ? " [" : " ", s->bind[0] != NULL ? s->bind[0] : "",
            s->bind[0] != NULL ? "]" : "");
    fprintf(stderr, "    %s\n", s->subject != NULL ? s->subject : "(reopen)");
}

bool oracle_run(oracle *o, const oracle_step *s)
{
    if (o->is_verbose) tell(s);
    switch (s->kind) {
    case ORACLE_SETUP: return run_setup(o, s);
    case ORACLE_BOTH:
    case ORACLE_ROLLBACK: return run_both(o, s, s->subject);
    case ORACLE_QUERY: return run_query(o, s);
    case ORACLE_STOPPED: return run_stopped(o, s);
    case ORACLE_FAULTY: return run_faulty(o, s);
    case ORACLE_HALF: return run_half(o, s);
    case ORACLE_REOPEN: return reopen(o, s);
    default: return run_alone(o, s);
    }
}

size_t oracle_run_all(oracle *o, const oracle_steps *list)
{
    size_t i = 0;

    while (i < list->n && oracle_run(o, &list->at[i])) i++;
    return i;
}
