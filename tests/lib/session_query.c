/* session_query.c - random searches of one table (session.h). */
#include "lib/session.h"

#include <string.h>

/* A search, as SQL text. */
typedef struct search {
    char *q;               /* the vector */
    char *k;               /* NULL: none */
    char *before, *behind; /* conditions joined by AND; "": none */
    const char *columns, *group, *order, *twin_order;
    char *limit; /* "": none */
    bool is_bound, is_called;
} search;

static void search_clear(search *f)
{
    sqlite3_free(f->q);
    sqlite3_free(f->k);
    sqlite3_free(f->before);
    sqlite3_free(f->behind);
    sqlite3_free(f->limit);
}

static char *conditions(session *s, int n, session_when when, const char *q)
{
    sqlite3_str *out = sqlite3_str_new(NULL);

    for (int i = 0; i < n; i++) {
        char *filter = session_filter(s, when, q);
        sqlite3_str_appendf(out, "%s%s", i > 0 ? " AND " : "", filter);
        sqlite3_free(filter);
    }
    return oracle_finish(out);
}

static char *vector(session *s)
{
    sqlite3_str *out = sqlite3_str_new(NULL);

    if (session_chance(s, 6))
        sqlite3_str_appendf(out, "(SELECT e FROM src WHERE id = %d)",
                            session_below(s, SESSION_SOURCE));
    else if (session_chance(s, 2)) sqlite3_str_appendall(out, "NULL");
    else session_vector(s, out);
    return oracle_finish(out);
}

static char *count(session *s)
{
    static const int ks[] = {1, 1, 2, 3, 5, 10, 10, 50, 257, 5000};
    return oracle_text("%d", ks[session_below(s, 10)]);
}

/* What a search may show and in which order; where the order is not named, both give
 * theirs. */
static void draw_shape(session *s, search *f)
{
    static const char *const orders[] = {
        "distance DESC, rowid",
        "rowid",
        "rowid DESC",
        "similarity DESC, rowid",
        "similarity, rowid DESC",
        "distance NULLS LAST, rowid DESC",
        "distance NULLS LAST, rowid",
    };
    static const char *const columns[] = {
        "rowid, distance", "rowid, distance, similarity", "rowid", "distance, rowid"};

    f->columns = columns[session_below(s, 4)];
    f->order = f->group = "";
    f->twin_order = SESSION_ORDER;
    if (session_chance(s, 10)) {
        f->columns = "count(*), min(distance), max(similarity), sum(rowid)";
        f->twin_order = "1";
    } else if (s->n_columns > 1 && session_chance(s, 10)) {
        f->columns = "a, count(*), max(distance)";
        f->group = " GROUP BY a";
        f->order = f->twin_order = "a";
    } else if (session_chance(s, 30)) {
        f->order = f->twin_order = orders[session_below(s, 7)];
    } else if (s->n_columns > 3 && session_chance(s, 15)) {
        f->order = f->twin_order = "a DESC, \"the d\", rowid";
        f->columns = "rowid, a, b, c, \"the d\", distance";
    } else if (session_chance(s, 20)) {
        /* Among equals rows keep the order they come in. */
        f->order = "distance";
        f->twin_order = "distance, rowid";
    }
}

static void draw_search(session *s, search *f)
{
    memset(f, 0, sizeof *f);
    f->q = vector(s);
    f->is_bound = session_chance(s, 20);
    f->k = session_chance(s, 55) ? count(s) : NULL;
    f->is_called = !f->is_bound && session_chance(s, 10);
    f->before = conditions(s, session_chance(s, 55) ? 0 : 1 + session_below(s, 3),
                           FILTER_BEFORE, f->q);
    f->behind = conditions(
        s, session_chance(s, 15),
        f->k == NULL && session_chance(s, 70) ? FILTER_ANY : FILTER_AFTER, NULL);
    draw_shape(s, f);
    int limit = session_below(s, 25) - 1, offset = session_below(s, 8);
    if (!session_chance(s, 35) || strncmp(f->columns, "count", 5) == 0)
        f->limit = oracle_text("");
    else if (session_chance(s, 60)) f->limit = oracle_text(" LIMIT %d", limit);
    else f->limit = oracle_text(" LIMIT %d OFFSET %d", limit, offset);
}

static char *subject_sql(const session *s, const search *f)
{
    sqlite3_str *out = sqlite3_str_new(NULL);
    const char *q = f->is_bound ? "?1" : f->q, *k = f->is_bound ? "?2" : f->k;

    sqlite3_str_appendf(out, "SELECT %s FROM \"%w\"", f->columns, s->table);
    if (f->is_called) {
        sqlite3_str_appendf(
            out, "(%s%s%s)%s", q, k != NULL ? ", " : "", k != NULL ? k : "",
            f->before[0] != '\0' || f->behind[0] != '\0' ? " WHERE 1" : "");
    } else {
        if (s->n_done % 7 == 0) sqlite3_str_appendf(out, " WHERE query = %s", q);
        else sqlite3_str_appendf(out, " WHERE \"%w\" MATCH %s", s->table, q);
        if (f->k != NULL) sqlite3_str_appendf(out, " AND k = %s", k);
    }
    if (f->before[0] != '\0') sqlite3_str_appendf(out, " AND %s", f->before);
    if (f->behind[0] != '\0') sqlite3_str_appendf(out, " AND %s", f->behind);
    sqlite3_str_appendall(out, f->group);
    if (f->order[0] != '\0') sqlite3_str_appendf(out, " ORDER BY %s", f->order);
    sqlite3_str_appendall(out, f->limit);
    return oracle_finish(out);
}

static char *twin_sql(const session *s, const search *f)
{
    char *hits = session_hits(s, f->q, f->before, f->k);
    char *sql = oracle_text("SELECT %s FROM %s%s%s%s ORDER BY %s%s", f->columns, hits,
                            f->behind[0] != '\0' ? " WHERE " : "", f->behind, f->group,
                            f->twin_order, f->limit);
    sqlite3_free(hits);
    return sql;
}

/* The connection a reader uses: mostly the one that writes. */
static int reader(session *s)
{
    return session_chance(s, 80) ? s->active : 1 - s->active;
}

static bool match(session *s)
{
    search f;

    draw_search(s, &f);
    oracle_step step = {ORACLE_QUERY, reader(s), 0, NULL, NULL, {NULL, NULL}};
    step.subject = subject_sql(s, &f);
    step.twin = twin_sql(s, &f);
    if (f.is_bound) {
        step.bind[0] = oracle_text("%s", f.q);
        if (f.k != NULL) step.bind[1] = oracle_text("%s", f.k);
    }
    search_clear(&f);
    return session_step(s, step);
}

/* One of a few texts that stay prepared while everything changes under them. */
static bool match_again(session *s)
{
    static const char *const rest[][2] = {
        {"k = ?2", ""},
        {"rowid > ?2", "rowid > "},
        {"similarity >= 0.5 AND k = ?2", "similarity >= 0.5"},
        {"k = 3 AND a = ?2", "a = "},
    };
    int which = session_below(s, s->n_columns > 0 ? 4 : 3);
    char *q = vector(s), *value = oracle_text("%d", 1 + session_below(s, 6));
    bool is_k = which == 0 || which == 2;
    char *before = oracle_text("%s%s", rest[which][1], is_k ? "" : value);
    char *hits = session_hits(s, q, before, is_k ? value : which == 3 ? "3" : NULL);
    oracle_step step = {ORACLE_QUERY, reader(s), 0, NULL, NULL, {q, value}};

    step.subject = oracle_text("SELECT rowid, distance FROM \"%w\" WHERE \"%w\" MATCH ?1 "
                               "AND %s",
                               s->table, s->table, rest[which][0]);
    step.twin = oracle_text("SELECT rowid, distance FROM %s", hits);
    sqlite3_free(hits);
    sqlite3_free(before);
    return session_step(s, step);
}

/* Without a query every row is there, by rowid; a list or an OR may be read in parts. */
static bool scan(session *s)
{
    static const char *const orders[] = {"", " ORDER BY rowid", " ORDER BY rowid DESC"};
    int n = session_below(s, 3), order = session_below(s, 3);
    char *before = conditions(s, n, FILTER_BEFORE, NULL);
    char *any = conditions(s, session_chance(s, 30), FILTER_ANY, NULL);
    bool is_count = session_chance(s, 15), has_limit = session_chance(s, 30);
    const char *columns = is_count                          ? "count(*)"
                          : s->n_columns == 0               ? "rowid"
                          : s->n_columns == SESSION_COLUMNS ? "rowid, a, \"the d\""
                                                            : "rowid, a";
    const char *limit = has_limit && !is_count ? " LIMIT 5 OFFSET 2" : "";
    char *where = oracle_text(" WHERE 1%s%s%s%s", n > 0 ? " AND " : "", before,
                              any[0] != '\0' ? " AND " : "", any);
    oracle_step step = {ORACLE_QUERY, reader(s), 0, NULL, NULL, {NULL, NULL}};

    if (order == 0 && (strstr(where, " IN (") != NULL || strstr(where, " OR ") != NULL))
        order = 1;
    if (is_count) order = 0;
    step.subject = oracle_text("SELECT %s FROM \"%w\"%s%s%s", columns, s->table, where,
                               orders[order], limit);
    step.twin = oracle_text("SELECT %s FROM twin%s%s%s", columns, where,
                            orders[order == 0 && !is_count ? 1 : order], limit);
    sqlite3_free(before);
    sqlite3_free(any);
    sqlite3_free(where);
    return session_step(s, step);
}

/* A vector of other dimensions, or none at all. */
static bool refused(session *s)
{
    static const char *const bad[] = {"x'0102'", "'[1,'", "'[]'", "'[1,\"a\"]'"};
    char *other = s->n_dims == 2 ? oracle_text("'[1,2,3]'") : oracle_text("'[1,2]'");
    const char *q = s->is_text              ? bad[0]
                    : session_chance(s, 50) ? other
                                            : bad[session_below(s, 4)];
    char *sql = oracle_text("SELECT rowid FROM \"%w\" WHERE \"%w\" MATCH %s", s->table,
                            s->table, q);

    sqlite3_free(other);
    return session_do(s, ORACLE_REFUSED, sql, NULL);
}

char *session_reading(session *s)
{
    sqlite3_str *read = sqlite3_str_new(NULL);

    sqlite3_str_appendf(read, "SELECT rowid, distance FROM \"%w\"", s->table);
    if (session_chance(s, 70)) {
        sqlite3_str_appendf(read, " WHERE \"%w\" MATCH ", s->table);
        session_vector(s, read);
    }
    return oracle_finish(read);
}

/* Of both searches that are fused: all distances, or all rows that have a word. */
static bool hybrid(session *s)
{
    static const char *const words[] = {"cat", "dog", "quick", "deep", "learning", "zq"};
    const char *word = words[session_below(s, 6)];
    oracle_step step = {ORACLE_QUERY, reader(s), 0, NULL, NULL, {NULL, NULL}};

    if (session_chance(s, 50)) {
        char *q = vector(s), *near = session_near(s, q);
        step.subject =
            oracle_text("SELECT rowid, distance FROM \"%w\" WHERE \"%w\" MATCH "
                        "%s AND distance IS NOT NULL ORDER BY rowid",
                        s->table, s->table, q);
        step.twin = oracle_text("SELECT rowid, distance FROM %s ORDER BY rowid", near);
        sqlite3_free(near);
        sqlite3_free(q);
    } else {
        step.subject = oracle_text("SELECT rowid FROM \"%w\" WHERE \"%w\" MATCH '%s' AND "
                                   "lexical_rank > 0 ORDER BY rowid",
                                   s->table, s->table, word);
        step.twin =
            oracle_text("SELECT id FROM twin WHERE e LIKE '%%%s%%' ORDER BY id", word);
    }
    return session_step(s, step);
}

bool session_query(session *s)
{
    int which = session_below(s, 100);

    if (s->is_hybrid && which < 85) return hybrid(s);
    if (which < 70) return match(s);
    if (which < 85) return match_again(s);
    if (which < 97) return scan(s);
    return refused(s);
}

bool session_compare(session *s)
{
    sqlite3_str *columns = sqlite3_str_new(NULL);
    oracle_step step = {ORACLE_QUERY, reader(s), 0, NULL, NULL, {NULL, NULL}};

    sqlite3_str_appendall(columns, s->content == CONTENTLESS ? "rowid"
                                   : s->is_text              ? "rowid, e"
                                                             : "rowid, e IS NULL");
    for (int i = 0; i < s->n_columns; i++)
        sqlite3_str_appendf(columns, ", %s, typeof(%s)", session_columns[i],
                            session_columns[i]);
    char *list = oracle_finish(columns);
    step.subject = oracle_text("SELECT %s FROM \"%w\"", list, s->table);
    step.twin = oracle_text("SELECT %s FROM twin ORDER BY id", list);
    sqlite3_free(list);
    return session_step(s, step);
}
