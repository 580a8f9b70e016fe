/* session_filter.c - conditions that mean the same for the similarity table and for its
 * twin, and the twin's side of a search (session.h). */
#include "lib/session.h"

#include <math.h>
#include <string.h>

static const char *const comparisons[] = {"=", "<", "<=", ">", ">="};

/* ---- conditions on one thing ---- */

static void on_rowid(session *s, sqlite3_str *out)
{
    static const char *const odd[] = {"3.0",  "'3'",   "2.5",   "NULL",
                                      "1e30", "-1e30", "'abc'", "-9223372036854775808"};
    int n = 1 + session_below(s, 6);
    sqlite3_int64 id = session_id(s);
    const char *comparison = comparisons[session_below(s, 5)];

    switch (session_below(s, 6)) {
    case 0:
        sqlite3_str_appendf(out, "rowid IN (%lld", id);
        for (int i = 0; i < n; i++) sqlite3_str_appendf(out, ", %lld", session_id(s));
        sqlite3_str_appendall(out, session_chance(s, 10) ? ", NULL)" : ")");
        break;
    case 1:
        sqlite3_str_appendf(out, "rowid IN (SELECT id FROM info WHERE tag = %d)", n - 1);
        break;
    case 2:
        sqlite3_str_appendf(out, "rowid BETWEEN %lld AND %lld", id,
                            id + session_below(s, s->id_max));
        break;
    case 3:
        sqlite3_str_appendf(out, "rowid %s %s", comparison, odd[session_below(s, 8)]);
        break;
    default: sqlite3_str_appendf(out, "rowid %s %lld", comparison, id);
    }
}

/* Bounds are mostly the distance of a row that is there, to the last bit. */
static void on_distance(session *s, sqlite3_str *out, const char *q)
{
    const char *what = session_chance(s, 50) ? "distance" : "similarity";
    const char *comparison = comparisons[1 + session_below(s, 4)];
    char *measure = session_measure(s, what, "e", q);
    char *ask = oracle_text("SELECT %s FROM twin WHERE id >= %lld LIMIT 1", measure,
                            session_id(s));
    double bound =
        session_chance(s, 80) ? session_ask(s, ask) : session_below(s, 8) * 0.25 - 0.5;
    char text[40];

    snprintf(text, sizeof text, "%.17g", isinf(bound) ? 9e99 : bound);
    sqlite3_str_appendf(out, "%s %s %s%s", what, comparison, text,
                        strpbrk(text, ".e") == NULL ? ".0" : "");
    sqlite3_free(measure);
    sqlite3_free(ask);
}

static void on_pattern(session *s, sqlite3_str *out, const char *name)
{
    static const char *const like[] = {"r%", "%E%", "_ed", "", "7%", "%국"};
    static const char *const glob[] = {"r*", "*e*", "?ed", "", "[rR]ed", "*국"};
    bool is_like = session_chance(s, 50);

    sqlite3_str_appendf(out, "%s %s %Q", name, is_like ? "LIKE" : "GLOB",
                        (is_like ? like : glob)[session_below(s, 6)]);
}

static void on_column(session *s, sqlite3_str *out)
{
    static const char *const more[] = {"<>", "IS", "IS NOT"};
    int column = session_below(s, s->n_columns);
    const char *name = session_columns[column];

    switch (session_below(s, 8)) {
    case 0:
        sqlite3_str_appendf(out, "%s %s", name,
                            session_chance(s, 50) ? "IS NULL" : "IS NOT NULL");
        return;
    case 1: on_pattern(s, out, name); return;
    case 2:
        sqlite3_str_appendf(out, "%s IN (", name);
        for (int i = session_below(s, 4); i >= 0; i--) {
            session_value(s, out, column);
            sqlite3_str_appendall(out, i > 0 ? ", " : ")");
        }
        return;
    case 3:
        if (session_chance(s, 50)) {
            sqlite3_str_appendf(out, "%s IN (SELECT %s FROM src WHERE id < %d)", name,
                                name, session_below(s, 6));
            return;
        }
        sqlite3_str_appendf(out, "%s BETWEEN ", name);
        session_value(s, out, column);
        sqlite3_str_appendall(out, " AND ");
        break;
    case 4: sqlite3_str_appendf(out, "%s %s ", name, more[session_below(s, 3)]); break;
    default: sqlite3_str_appendf(out, "%s %s ", name, comparisons[session_below(s, 5)]);
    }
    session_value(s, out, column);
}

/* ---- conditions by when they are applied ---- */

static void after(session *s, sqlite3_str *out)
{
    int n = 2 + session_below(s, 3);

    switch (session_below(s, s->n_columns > 1 ? 5 : 2)) {
    case 0: sqlite3_str_appendf(out, "rowid %% %d = 1", n); break;
    case 1: sqlite3_str_appendf(out, "abs(rowid %% 30) %% %d <> 0", n); break;
    case 2: sqlite3_str_appendf(out, "a + 0 > %d", n - 2); break;
    case 3: sqlite3_str_appendf(out, "length(b) = %d", n); break;
    default: sqlite3_str_appendf(out, "coalesce(a, 2) IN (2, %d)", n);
    }
}

static void any(session *s, sqlite3_str *out)
{
    int n = session_below(s, 5);
    sqlite3_int64 id = session_id(s), other = session_id(s);

    switch (session_below(s, s->n_columns > 1 ? 8 : 3)) {
    case 0: sqlite3_str_appendf(out, "(rowid < %lld OR rowid > %lld)", id, other); break;
    case 1: sqlite3_str_appendf(out, "rowid <> %lld", id); break;
    case 2: sqlite3_str_appendf(out, "rowid NOT IN (1, 5, %d)", n); break;
    case 3: sqlite3_str_appendf(out, "(a = %d OR b = 'red')", n); break;
    case 4: sqlite3_str_appendf(out, "a NOT IN (0, %d)", n); break;
    case 5: sqlite3_str_appendall(out, "b = 'RED' COLLATE NOCASE"); break;
    case 6: sqlite3_str_appendall(out, "b COLLATE NOCASE IN ('RED', 'Green')"); break;
    default: sqlite3_str_appendf(out, "NOT (a = %d AND b > 'a')", n);
    }
}

char *session_filter(session *s, session_when when, const char *q)
{
    sqlite3_str *out = sqlite3_str_new(NULL);
    int which = session_below(s, 10);

    if (when == FILTER_AFTER) after(s, out);
    else if (when == FILTER_ANY) any(s, out);
    else if (which < 2 && q != NULL) on_distance(s, out, q);
    else if (which < 5 || s->n_columns == 0) on_rowid(s, out);
    else on_column(s, out);
    return oracle_finish(out);
}

/* ---- the twin's side of a search ---- */

char *session_measure(const session *s, const char *what, const char *e, const char *q)
{
    if (!s->is_text) return oracle_text("%s_%s(%s, %s)", s->metric, what, e, q);
    return oracle_text("%s_%s(embed_passage(%s, 'tiny'), embed_query(%s, 'tiny'))",
                       s->metric, what, e, q);
}

char *session_near(const session *s, const char *q)
{
    char *distance = session_measure(s, "distance", "e", q);
    char *similarity = session_measure(s, "similarity", "e", q);
    sqlite3_str *out = sqlite3_str_new(NULL);

    sqlite3_str_appendall(out, "(SELECT id AS rowid, e, ");
    for (int i = 0; i < s->n_columns; i++)
        sqlite3_str_appendf(out, "%s, ", session_columns[i]);
    sqlite3_str_appendf(out,
                        "%s AS distance, %s AS similarity FROM twin WHERE e IS NOT NULL "
                        "AND %s IS NOT NULL)",
                        distance, similarity, q);
    sqlite3_free(distance);
    sqlite3_free(similarity);
    return oracle_finish(out);
}

char *session_hits(const session *s, const char *q, const char *before, const char *k)
{
    char *near = session_near(s, q);
    char *hits =
        oracle_text("(SELECT * FROM %s%s%s ORDER BY " SESSION_ORDER " LIMIT %s)", near,
                    before[0] != '\0' ? " WHERE " : "", before, k == NULL ? "-1" : k);
    sqlite3_free(near);
    return hits;
}
