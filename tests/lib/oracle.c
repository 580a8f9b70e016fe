/* oracle.c - see oracle.h: runs steps and notices differences. */
#include "lib/oracle.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
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

    va_start(args, format);
    char *text = sqlite3_vmprintf(format, args);
    va_end(args);
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
    if (sqlite3_open("exact.db", &o->db[i]) != SQLITE_OK) die("no database");
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
    for (int i = 0; i < sqlite3_column_count(stmt); i++) {
        if (i > 0) sqlite3_str_appendchar(out, 1, '|');
        add_value(out, stmt, i);
    }
    sqlite3_str_appendchar(out, 1, '\n');
}

static int bind_one(sqlite3 *db, sqlite3_stmt *stmt, int i, const char *sql)
{
    char *text = oracle_text("SELECT %s", sql);
    sqlite3_stmt *value = NULL;
    int rc = sqlite3_prepare_v2(db, text, -1, &value, NULL);

    if (rc == SQLITE_OK && sqlite3_step(value) == SQLITE_ROW)
        sqlite3_bind_value(stmt, i, sqlite3_column_value(value, 0));
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

static bool is_of_disk(int rc)
{
    int code = rc & 0xff;
    return code == SQLITE_IOERR || code == SQLITE_FULL || code == SQLITE_CANTOPEN;
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

    if (s->kind == ORACLE_ALONE && rc != SQLITE_OK)
        return differ(o, "status", s->subject, oracle_text("success"), outcome(db, rc));
    if (s->kind == ORACLE_REFUSED && rc == SQLITE_OK)
        return differ(o, "status", s->subject, oracle_text("an error"), outcome(db, rc));
    return true;
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
        else if (!was_open) run(db, "COMMIT", NULL);
    }
    if (!was_open && !sqlite3_get_autocommit(db)) run(db, "ROLLBACK", NULL);
    return is_same;
}

static int run_without_memory(sqlite3 *db, const char *sql, int n)
{
    enc_mem_fault((size_t)n, n % 3 == 0);
    int rc = run(db, sql, NULL);
    bool has_failed = enc_mem_fault(0, false);
    return rc == SQLITE_NOMEM && !has_failed ? SQLITE_INTERNAL : rc;
}

/* The transaction, if there was one, goes on as if the statement had never been, unless
 * SQLite had to end it. */
static bool run_short(oracle *o, const oracle_step *s)
{
    sqlite3 *db = o->db[s->connection];
    bool was_open = !sqlite3_get_autocommit(db);

    if (!was_open && s->n % 2 == 0 && run(db, "BEGIN", NULL) == SQLITE_OK) {
        bool is_same = run_both(o, s, s->subject);
        if (run_without_memory(db, "COMMIT", s->n) != SQLITE_OK &&
            !sqlite3_get_autocommit(db))
            run(db, "ROLLBACK", NULL);
        return is_same;
    }
    int rc = run_without_memory(db, s->subject, s->n);
    if (rc == SQLITE_NOMEM) return true;
    char *given = outcome(db, rc);
    int rc_twin = run(db, s->twin, NULL);
    if ((rc == SQLITE_OK) != (rc_twin == SQLITE_OK))
        return differ(o, "status", s->subject, outcome(db, rc_twin), given);
    sqlite3_free(given);
    return true;
}

/* ---- a disk that fails ---- */

int oracle_fault_write(oracle_fault f)
{
    return f.call * 8 + f.at_commit * 4 + (int)f.kind;
}

oracle_fault oracle_fault_read(int n)
{
    return (oracle_fault){(oracle_failure)(n % 4), n / 4 % 2 == 1, n / 8};
}

typedef struct fault_watch {
    oracle_fault fault;
    bool has_failed;
} fault_watch;

static int watch(void *arg, disk_op op)
{
    fault_watch *w = arg;
    bool is_full = w->fault.kind >= FULL_ONCE;

    if (w->fault.call > 0) w->fault.call--;
    if (w->fault.call > 0 || (is_full && op != DISK_WRITE)) return SQLITE_OK;
    if (w->has_failed && (w->fault.kind == FAIL_ONCE || w->fault.kind == FULL_ONCE))
        return SQLITE_OK;
    w->has_failed = true;
    return is_full ? SQLITE_FULL : disk_error(op);
}

/* SQLITE_INTERNAL: it says that the disk failed, which it did not. */
static int run_on_bad_disk(oracle *o, const oracle_step *s, const char *sql,
                           sqlite3_str *rows)
{
    sqlite3 *db = o->db[s->connection];
    fault_watch w = {oracle_fault_read(s->n), false};

    disk_set_watch(watch, &w);
    int rc = s->kind == ORACLE_QUERY && s->bind[0] != NULL ? run_kept(o, s, rows)
                                                           : run(db, sql, rows);
    disk_set_watch(NULL, NULL);
    o->n_faults += w.has_failed;
    if (!w.has_failed) return is_of_disk(rc) ? SQLITE_INTERNAL : rc;
    /* SQLite's schema may be old, and whether it is could not be read. */
    if (strncmp(sqlite3_errmsg(db), "no such table: ", 15) == 0) return SQLITE_IOERR;
    return rc;
}

static bool run_faulty(oracle *o, const oracle_step *s)
{
    sqlite3 *db = o->db[s->connection];
    bool was_open = !sqlite3_get_autocommit(db), is_same = true;

    if (s->twin == NULL) {
        int rc = run_on_bad_disk(o, s, s->subject, NULL);
        if (rc == SQLITE_OK || is_of_disk(rc)) return true;
        return differ(o, "status", s->subject, oracle_text("an error of the disk"),
                      outcome(db, rc));
    }
    if (!was_open && run(db, "BEGIN", NULL) != SQLITE_OK) return true;
    if (!was_open && oracle_fault_read(s->n).at_commit) {
        is_same = run_both(o, s, s->subject);
        run_on_bad_disk(o, s, "COMMIT", NULL);
    } else {
        int rc = run_on_bad_disk(o, s, s->subject, NULL);
        char *given = outcome(db, rc);
        int rc_twin = is_of_disk(rc) ? rc : run(db, s->twin, NULL);
        if ((rc == SQLITE_OK) != (rc_twin == SQLITE_OK))
            return differ(o, "status", s->subject, outcome(db, rc_twin), given);
        sqlite3_free(given);
        /* Of a statement of one row SQLite undoes nothing; then x wants a rollback. */
        if (is_of_disk(rc) && !sqlite3_get_autocommit(db) &&
            run(db, "SAVEPOINT s; RELEASE s", NULL) != SQLITE_OK)
            run(db, "ROLLBACK", NULL);
        if (!was_open && !sqlite3_get_autocommit(db)) run(db, "COMMIT", NULL);
    }
    if (!was_open && !sqlite3_get_autocommit(db)) run(db, "ROLLBACK", NULL);
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

static answer ask(oracle *o, const oracle_step *s, bool is_disk_bad)
{
    sqlite3 *db = o->db[s->connection];
    sqlite3_str *rows = sqlite3_str_new(NULL);
    int rc = is_disk_bad          ? run_on_bad_disk(o, s, s->subject, rows)
             : s->bind[0] != NULL ? run_kept(o, s, rows)
                                  : run(db, s->subject, rows);
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

/* Where the disk fails, first: that may end a transaction. */
static bool run_query(oracle *o, const oracle_step *s)
{
    sqlite3 *db = o->db[s->connection];
    sqlite3_str *rows = sqlite3_str_new(NULL);
    answer first = {SQLITE_IOERR, NULL, NULL};

    if (s->n > 0) first = ask(o, s, true);
    int rc = run(db, s->twin, rows);
    answer expected = answer_of(db, rc, rows), given = ask(o, s, false);
    bool is_same = is_answer(o, s, &expected, &given) &&
                   (is_of_disk(first.rc) || is_answer(o, s, &expected, &first));
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
    bool is_same = run_both(o, s, s->bind[0]);
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
    return true;
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
    case ORACLE_SHORT: return run_short(o, s);
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
