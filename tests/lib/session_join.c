/* session_join.c - random searches that meet other tables, or each other (session.h). */
#include "lib/session.h"

/* SQL of a literal vector. */
static char *vector(session *s)
{
    sqlite3_str *out = sqlite3_str_new(NULL);
    session_vector(s, out);
    return oracle_finish(out);
}

/* A few rows of twin b. */
static char *some_rows(session *s)
{
    sqlite3_int64 from = session_id(s);
    return oracle_text("b.id BETWEEN %lld AND %lld", from, from + 8);
}

/* The k nearest, then an ordinary table. */
static bool with_info(session *s)
{
    char *q = vector(s), *k = session_chance(s, 60) ? oracle_text("5") : NULL;
    const char *join = session_chance(s, 30) ? "LEFT JOIN" : "JOIN";
    int tag = session_below(s, 4);
    bool is_first = session_chance(s, 30) && join[0] == 'J';
    char *before =
        session_chance(s, 30) ? session_filter(s, FILTER_BEFORE, q) : oracle_text("1");
    char *hits = session_hits(s, q, before, k);
    const char *limit = session_chance(s, 30) ? " LIMIT 4" : "";
    char *twin =
        oracle_text("SELECT rowid, tag, distance FROM %s AS n %s info ON info.id "
                    "= n.rowid WHERE coalesce(tag, 4) > %d ORDER BY " SESSION_ORDER "%s",
                    hits, join, tag, limit);
    char *tables =
        is_first
            ? oracle_text("info JOIN \"%w\" AS n ON info.id = n.rowid", s->table)
            : oracle_text("\"%w\" AS n %s info ON info.id = n.rowid", s->table, join);
    char *subject = oracle_text(
        "SELECT n.rowid, tag, distance FROM %s WHERE n.\"%w\" MATCH %s%s%s AND "
        "coalesce(tag, 4) > %d AND %s%s ORDER BY distance, n.rowid%s",
        tables, s->table, q, k != NULL ? " AND k = " : "", k != NULL ? k : "", tag,
        before[0] == 'r' ? "n." : "", before, limit);

    sqlite3_free(tables);
    sqlite3_free(hits);
    sqlite3_free(before);
    sqlite3_free(k);
    sqlite3_free(q);
    return session_do(s, ORACLE_QUERY, subject, twin);
}

/* The neighbours of each row of b. */
static bool correlated(session *s)
{
    bool is_left = session_chance(s, 40);
    const char *more = session_chance(s, 60) ? ""
                       : s->n_columns > 0 && session_chance(s, 50)
                           ? " AND n.a = b.a"
                           : " AND n.rowid > b.id";
    int k = 1 + session_below(s, 4);
    const char *join = is_left ? "LEFT JOIN" : "JOIN";
    char *rows = some_rows(s);
    char *match = session_chance(s, 50) ? oracle_text("n.query =")
                  : is_left             ? oracle_text("n.\"%w\" =", s->table)
                                        : oracle_text("n.\"%w\" MATCH", s->table);
    char *subject = oracle_text(
        "SELECT b.id, n.rowid, n.distance FROM twin AS b %s \"%w\" AS n ON %s b.e AND "
        "n.k = %d%s WHERE %s ORDER BY b.id, n.distance, n.rowid",
        join, s->table, match, k, more, rows);
    char *measure = session_measure(s, "distance", "n.e", "b.e");
    char *pairs = oracle_text("SELECT b.id AS id, n.id AS near, %s AS "
                              "distance FROM twin AS b JOIN twin AS n WHERE n.e IS NOT "
                              "NULL AND b.e IS NOT NULL%s AND %s",
                              measure, more, rows);
    char *twin = oracle_text(
        "SELECT b.id, near, distance FROM twin AS b %s (SELECT *, row_number() OVER "
        "(PARTITION BY id ORDER BY distance, near) AS place FROM (%s)) "
        "AS m ON m.id = b.id AND place <= %d WHERE %s ORDER BY b.id, place",
        join, pairs, k, rows);

    sqlite3_free(measure);
    sqlite3_free(pairs);
    sqlite3_free(match);
    sqlite3_free(rows);
    return session_do(s, ORACLE_QUERY, subject, twin);
}

/* A search inside an expression. */
static bool inside(session *s)
{
    static const char *const forms[] = {
        "SELECT id, (SELECT rowid FROM %s LIMIT 1 OFFSET 1) FROM twin AS b WHERE %s",
        "SELECT id, (SELECT sum(distance) FROM %s) FROM twin AS b WHERE %s",
        "SELECT id FROM twin AS b WHERE id IN (SELECT rowid FROM %s) AND %s ORDER BY id",
        "SELECT 1 FROM twin AS b WHERE EXISTS (SELECT 1 FROM %s AND distance < 1) AND %s",
    };
    int which = session_below(s, 4);
    char *rows = some_rows(s), *hits = session_hits(s, "b.e", "", "6");
    char *search =
        oracle_text("\"%w\" WHERE \"%w\" MATCH b.e AND k = 6", s->table, s->table);
    char *subject = oracle_text(forms[which], search, rows);
    char *found = oracle_text("%s WHERE 1", hits);
    char *twin = oracle_text(forms[which], found, rows);

    sqlite3_free(search);
    sqlite3_free(found);
    sqlite3_free(rows);
    sqlite3_free(hits);
    return session_do(s, ORACLE_QUERY, subject, twin);
}

/* Two searches of the table in one statement. */
static bool both(session *s)
{
    static const char *const forms[] = {
        "SELECT p.rowid, p.distance, r.distance FROM %s AS p JOIN %s AS r ON p.rowid = "
        "r.rowid WHERE %s AND %s AND p.distance <= r.distance ORDER BY p.rowid",
        "SELECT rowid, p.distance, r.distance FROM (SELECT rowid, distance FROM %s AS p "
        "WHERE %s AND p.k = 7 LIMIT 7) AS p JOIN (SELECT rowid, distance FROM %s AS r "
        "WHERE %s AND r.k = 9 LIMIT 9) AS r USING (rowid) ORDER BY rowid",
        "SELECT * FROM (SELECT rowid, distance FROM %s AS p WHERE %s AND p.k = 4) UNION "
        "ALL SELECT * FROM (SELECT rowid, distance FROM %s AS r WHERE %s AND r.k = 6) "
        "ORDER BY 2, 1",
    };
    int which = session_below(s, 3);
    char *q = vector(s), *r = vector(s);
    char *x = oracle_text("\"%w\"", s->table);
    char *match[2] = {oracle_text("p.\"%w\" MATCH %s", s->table, q),
                      oracle_text("r.query = %s", r)};
    char *hits[2] = {
        session_hits(s, q, "",
                     which == 0   ? NULL
                     : which == 1 ? "7"
                                  : "4"),
        session_hits(s, r, "",
                     which == 0   ? NULL
                     : which == 1 ? "9"
                                  : "6"),
    };
    char *subject, *twin;

    if (which == 0) {
        subject = oracle_text(forms[0], x, x, match[0], match[1]);
        twin = oracle_text(forms[0], hits[0], hits[1], "1", "1");
    } else {
        subject = oracle_text(forms[which], x, match[0], x, match[1]);
        twin = which == 1
                   ? oracle_text("SELECT rowid, p.distance, r.distance FROM %s AS p JOIN "
                                 "%s AS r USING (rowid) ORDER BY rowid",
                                 hits[0], hits[1])
                   : oracle_text("SELECT * FROM (SELECT rowid, distance FROM %s) UNION "
                                 "ALL SELECT * FROM (SELECT rowid, distance FROM %s) "
                                 "ORDER BY 2, 1",
                                 hits[0], hits[1]);
    }
    for (int i = 0; i < 2; i++) {
        sqlite3_free(match[i]);
        sqlite3_free(hits[i]);
    }
    sqlite3_free(x);
    sqlite3_free(q);
    sqlite3_free(r);
    return session_do(s, ORACLE_QUERY, subject, twin);
}

/* Joins of rows, without any search. */
static bool rows_only(session *s)
{
    static const char *const forms[] = {
        "SELECT p.rowid, r.rowid FROM %s AS p JOIN %s AS r ON r.rowid = p.rowid + 1 "
        "WHERE "
        "p.rowid < 90 ORDER BY 1",
        "SELECT count(*), sum(p.rowid) FROM %s AS p WHERE p.rowid IN (SELECT id FROM "
        "info "
        "WHERE tag < 3) AND NOT EXISTS (SELECT 1 FROM %s AS r WHERE r.rowid = p.rowid + "
        "2)",
    };
    int which = session_below(s, 2);
    char *x = oracle_text("\"%w\"", s->table);
    char *subject = oracle_text(forms[which], x, x);
    char *twin = oracle_text(forms[which], "twin", "twin");

    sqlite3_free(x);
    return session_do(s, ORACLE_QUERY, subject, twin);
}

bool session_join(session *s)
{
    if (s->is_hybrid) return rows_only(s);
    switch (session_below(s, 6)) {
    case 0:
    case 1: return with_info(s);
    case 2: return correlated(s);
    case 3: return inside(s);
    case 4: return both(s);
    default: return rows_only(s);
    }
}
