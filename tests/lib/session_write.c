/* session_write.c - random INSERT, UPDATE and DELETE, the same for both (session.h).
 *
 * A statement is written once; $T in it is the table that is written to, $R the one that
 * is read, $E the column of vectors and $Q(k) a search for the k nearest rowids. */
#include "lib/session.h"

#include <string.h>

static const char *const conflicts[] = {
    "", "", "", "", "OR REPLACE ", "OR IGNORE ", "OR FAIL ", "OR ABORT ", "OR ROLLBACK "};

static const char *conflict(session *s)
{
    return conflicts[session_below(s, 9)];
}

/* The statement for the table under test, or for the twin, whose OR ROLLBACK is left to
 * the other: it would undo both. */
static char *expand(const session *s, const char *sql, bool is_twin, const char *search)
{
    char *target = is_twin ? oracle_text("twin") : session_target(s);
    char *read = is_twin ? oracle_text("twin") : oracle_text("\"%w\"", s->table);
    sqlite3_str *out = sqlite3_str_new(NULL);

    for (; *sql != '\0'; sql++) {
        if (strncmp(sql, "$T", 2) == 0) sqlite3_str_appendall(out, target), sql++;
        else if (strncmp(sql, "$R", 2) == 0) sqlite3_str_appendall(out, read), sql++;
        else if (strncmp(sql, "$Q", 2) == 0) sqlite3_str_appendall(out, search), sql++;
        else if (is_twin && strncmp(sql, "OR ROLLBACK", 11) == 0)
            sqlite3_str_appendall(out, "OR ABORT"), sql += 10;
        else sqlite3_str_appendchar(out, 1, *sql);
    }
    sqlite3_free(target);
    sqlite3_free(read);
    return oracle_finish(out);
}

/* Takes sql. */
static bool write_both(session *s, char *sql)
{
    oracle_kind kind = strstr(sql, "OR ROLLBACK") != NULL ? ORACLE_ROLLBACK : ORACLE_BOTH;
    char *subject = expand(s, sql, false, ""), *twin = expand(s, sql, true, "");
    oracle_step step = {kind, s->active, 0, subject, twin, {NULL, NULL}};

    if (kind == ORACLE_BOTH && session_chance(s, 3)) {
        step.kind = ORACLE_STOPPED;
        step.n = 1 + session_below(s, 2000);
    } else if (kind == ORACLE_BOTH && session_chance(s, 16)) {
        step.kind = ORACLE_FAULTY;
        step.n = session_fault(s);
    } else if (kind == ORACLE_BOTH && session_chance(s, 3)) {
        step.subject = session_reading(s);
        step.kind = ORACLE_HALF;
        step.n = 1 + session_below(s, 5);
        step.bind[0] = subject;
    }
    sqlite3_free(sql);
    return session_step(s, step);
}

static void add_vector(session *s, sqlite3_str *out)
{
    if (session_chance(s, 6)) sqlite3_str_appendall(out, "NULL");
    else session_vector(s, out);
}

/* Not a vector of this table. */
static void add_bad(session *s, sqlite3_str *out)
{
    static const char *const bad[] = {
        "x'010203'", "x''",  "'not a vector'",      "'[1,\"a\"]'",
        "7",         "'[]'", "x'0000c07f0000c07f'", "'[1,2,3,4,5,6,7,8,9,10,11]'",
    };
    sqlite3_str_appendall(out, bad[session_below(s, s->is_text ? 2 : 8)]);
}

/* "(rowid, e, a)": which columns a statement sets; bit i of the mask is column i. */
static int add_columns(session *s, sqlite3_str *out, bool has_id)
{
    int mask = 0;

    sqlite3_str_appendall(out, has_id ? "(rowid, e" : "(e");
    for (int i = 0; i < s->n_columns; i++) {
        if (session_chance(s, 20)) continue;
        mask |= 1 << i;
        sqlite3_str_appendf(out, ", %s", session_columns[i]);
    }
    sqlite3_str_appendall(out, ")");
    return mask;
}

static void add_row(session *s, sqlite3_str *out, int mask, const sqlite3_int64 *id,
                    bool is_bad)
{
    sqlite3_str_appendall(out, "(");
    if (id != NULL) sqlite3_str_appendf(out, "%lld, ", *id);
    if (is_bad) add_bad(s, out);
    else add_vector(s, out);
    for (int i = 0; i < s->n_columns; i++) {
        if (!(mask & 1 << i)) continue;
        sqlite3_str_appendall(out, ", ");
        session_value(s, out, i);
    }
    sqlite3_str_appendall(out, ")");
}

/* One row or many; a repeated rowid or what is no vector may come half-way. */
static bool insert_values(session *s, int n)
{
    sqlite3_str *out = sqlite3_str_new(NULL);
    bool has_id = session_chance(s, 60), is_run = session_chance(s, 60);
    int bad = session_chance(s, 6) ? session_below(s, n) : -1;
    sqlite3_int64 id = session_id(s);
    bool is_far = has_id && session_chance(s, 3);

    sqlite3_str_appendf(out, "INSERT %sINTO $T", conflict(s));
    int mask = add_columns(s, out, has_id);
    sqlite3_str_appendall(out, " VALUES");
    if (is_far) id = session_chance(s, 50) ? -4611686018427387904 : 4611686018427387904;
    for (int i = 0; i < n; i++) {
        /* Which of two failures of one row comes first is nobody's promise. */
        sqlite3_int64 free_id = 100000 + i, *own = i == bad ? &free_id : &id;
        if (i > 0) sqlite3_str_appendall(out, ", ");
        add_row(s, out, mask, has_id ? own : NULL, i == bad);
        id = is_run || is_far ? id + 1 : session_id(s);
    }
    return write_both(s, oracle_finish(out));
}

static char *columns(const session *s, const char *front)
{
    sqlite3_str *out = sqlite3_str_new(NULL);

    sqlite3_str_appendall(out, front);
    for (int i = 0; i < s->n_columns; i++)
        sqlite3_str_appendf(out, ", %s", session_columns[i]);
    return oracle_finish(out);
}

/* Rows of src, or of the table itself, under other rowids. */
static bool insert_select(session *s)
{
    const char *how = conflict(s);
    char *names = columns(s, "e"), *sql;
    sqlite3_int64 to = session_id(s);
    int from = session_below(s, SESSION_SOURCE), n = 1 + session_below(s, 90);
    int shift = 1 + session_below(s, s->id_max);

    if (session_chance(s, 20) && s->content != CONTENTLESS) {
        sql =
            oracle_text("INSERT %sINTO $T(rowid, %s) SELECT rowid + %d, %s FROM $R WHERE "
                        "rowid BETWEEN %lld AND %lld",
                        how, names, shift, names, to, to + 12);
    } else if (session_chance(s, 30)) {
        sql =
            oracle_text("INSERT %sINTO $T(%s) SELECT %s FROM src WHERE id >= %d ORDER BY "
                        "id LIMIT %d",
                        how, names, names, from, n);
    } else {
        sql =
            oracle_text("INSERT %sINTO $T(rowid, %s) SELECT id + %lld, %s FROM src WHERE "
                        "id >= %d ORDER BY id LIMIT %d",
                        how, names, to - from, names, from, n);
    }
    sqlite3_free(names);
    return write_both(s, sql);
}

static char *some_rows(session *s)
{
    sqlite3_int64 id = session_id(s);

    if (session_chance(s, 50)) return oracle_text("rowid = %lld", id);
    if (session_chance(s, 50)) return session_filter(s, FILTER_BEFORE, NULL);
    if (session_chance(s, 40)) return session_filter(s, FILTER_ANY, NULL);
    return oracle_text("rowid BETWEEN %lld AND %lld", id, id + session_below(s, 40));
}

static bool update_columns(session *s)
{
    sqlite3_str *out = sqlite3_str_new(NULL);
    char *rows = some_rows(s);
    int column = s->n_columns > 0 ? session_below(s, s->n_columns) : 0;
    int which = session_below(s, s->n_columns > 0 ? 5 : 3);

    sqlite3_str_appendall(out, "UPDATE $T SET ");
    if (which == 0 || which == 3) {
        sqlite3_str_appendall(out, "e = ");
        if (session_chance(s, 5)) add_bad(s, out);
        else add_vector(s, out);
    } else if (which < 3) {
        sqlite3_str_appendf(out,
                            "e = (SELECT v.e FROM src AS v WHERE v.id = (rowid * %d) "
                            "%% 300)",
                            1 + session_below(s, 5));
    }
    if (which > 2) {
        sqlite3_str_appendf(out, "%s%s = ", which == 3 ? ", " : "",
                            session_columns[column]);
        session_value(s, out, column);
    }
    sqlite3_str_appendf(out, " WHERE %s", rows);
    sqlite3_free(rows);
    return write_both(s, oracle_finish(out));
}

/* Many at once only where no new rowid is one that is still to be changed, or where the
 * first that meets another row ends it: what else happens is SQLite's secret. */
static bool update_rowid(session *s)
{
    sqlite3_int64 from = session_id(s), to = session_id(s);
    const char *more = session_chance(s, 30) && s->content != CONTENTLESS
                           ? ", e = (SELECT v.e FROM src AS v WHERE v.id = 3)"
                           : "";
    const char *how = conflict(s);

    if (session_chance(s, 70))
        return write_both(s, oracle_text("UPDATE %s$T SET rowid = %lld%s WHERE rowid = "
                                         "%lld",
                                         how, to, more, from));
    bool is_near = session_chance(s, 50) && strcmp(how, "OR REPLACE ") != 0;
    return write_both(s, oracle_text("UPDATE %s$T SET rowid = rowid + %d%s WHERE rowid "
                                     "BETWEEN %lld AND %lld",
                                     how, is_near ? 1 : s->id_max, more, from, from + 9));
}

static bool delete_rows(session *s)
{
    char *rows = some_rows(s);
    char *sql = session_chance(s, 4) ? oracle_text("DELETE FROM $T")
                                     : oracle_text("DELETE FROM $T WHERE %s", rows);
    sqlite3_free(rows);
    return write_both(s, sql);
}

/* What is nearest to a vector is deleted or changed. */
static bool write_hits(session *s)
{
    sqlite3_str *vector = sqlite3_str_new(NULL);
    session_vector(s, vector);
    char *q = oracle_finish(vector), *hits = session_hits(s, q, "", "3");
    char *target = session_target(s);
    bool is_direct = s->content != EXTERNAL && session_chance(s, 50);
    char *where =
        is_direct ? oracle_text("\"%w\" MATCH %s AND k = 3", s->table, q)
                  : oracle_text("rowid IN (SELECT rowid FROM \"%w\" WHERE \"%w\" MATCH "
                                "%s AND k = 3)",
                                s->table, s->table, q);
    const char *verb[2] = {"DELETE FROM", ""}, *set = "";

    if (session_chance(s, 50)) {
        verb[0] = "UPDATE";
        set = s->n_columns > 0 && session_chance(s, 50) ? " SET a = 3" : " SET e = NULL";
    }
    char *subject = oracle_text("%s %s%s WHERE %s", verb[0], target, set, where);
    char *twin =
        oracle_text("%s twin%s WHERE id IN (SELECT rowid FROM %s)", verb[0], set, hits);

    sqlite3_free(q);
    sqlite3_free(hits);
    sqlite3_free(target);
    sqlite3_free(where);
    return session_do(s, ORACLE_BOTH, subject, twin);
}

bool session_write(session *s)
{
    int n_rows = (int)session_ask(s, "SELECT count(*) FROM twin"), which;

    if (n_rows > s->rows_max) {
        sqlite3_int64 from = session_id(s);
        return write_both(s,
                          oracle_text("DELETE FROM $T WHERE rowid BETWEEN %lld AND %lld",
                                      from, from + s->rows_max / 2));
    }
    which = session_below(s, n_rows < s->rows_max / 2 ? 70 : 100);
    if (which < 20) return insert_values(s, 1);
    if (which < 30) return insert_values(s, 2 + session_below(s, 18));
    if (which < 45) return insert_select(s);
    if (which < 57) return update_columns(s);
    if (which < 65) return update_rowid(s);
    if (which < 70) return s->is_hybrid ? delete_rows(s) : write_hits(s);
    if (which < 90) return delete_rows(s);
    return insert_select(s);
}
