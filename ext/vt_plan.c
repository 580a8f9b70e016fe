/* vt_plan.c - the contract between xBestIndex and xFilter.
 *
 * xBestIndex writes idxStr: one item of three or more characters for each constraint that
 * is used, in the order of their values:
 *
 *     what, operator, number of the column, n (NOCASE) or r (RTRIM) or nothing, ';'
 *
 *     M query   K k   R rowid   C stored column   D distance   S similarity
 *     L LIMIT   O OFFSET
 *     = < l(<=) > g(>=) !(<>) i(IS) j(IS NOT) n(IS NULL) m(IS NOT NULL) L(IKE) G(LOB)
 *     V(IN: the value is the whole list)
 *
 * A constraint is never claimed (omit) but the query itself, k and what can only be given
 * by us: SQLite tests all others again, so that a plan can be slow but not wrong. With a
 * query, rows come in order of distance, the undefined ones last, ties by rowid; in a
 * hybrid table in order of rank. Without one they come by rowid, and the other way round
 * where idxNum is EXT_VT_REVERSE.
 *
 * Tests on stored columns are run as SQL on the table that holds them, and give a set of
 * rowids that the search looks into. The columns stand there under a unary plus and the
 * collation of the test, BINARY unless it says another: that is how SQLite compares the
 * columns of this table itself. */
#include "vt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEW_ROWS    25  /* the planner's guess for a search without k or LIMIT */
#define COST_SEARCH 1e4 /* a row by its key costs 10 */

/* ---- xBestIndex ---- */

static char operator_of(int op)
{
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ: return '=';
    case SQLITE_INDEX_CONSTRAINT_LT: return '<';
    case SQLITE_INDEX_CONSTRAINT_LE: return 'l';
    case SQLITE_INDEX_CONSTRAINT_GT: return '>';
    case SQLITE_INDEX_CONSTRAINT_GE: return 'g';
    case SQLITE_INDEX_CONSTRAINT_NE: return '!';
    case SQLITE_INDEX_CONSTRAINT_IS: return 'i';
    case SQLITE_INDEX_CONSTRAINT_ISNOT: return 'j';
    case SQLITE_INDEX_CONSTRAINT_ISNULL: return 'n';
    case SQLITE_INDEX_CONSTRAINT_ISNOTNULL: return 'm';
    case SQLITE_INDEX_CONSTRAINT_LIKE: return 'L';
    case SQLITE_INDEX_CONSTRAINT_GLOB: return 'G';
    default: return 0;
    }
}

static bool is_one_of(char c, const char *set)
{
    return c != 0 && strchr(set, c) != NULL;
}

/* What a constraint means to us: the letter above, 0 for nothing. */
static char meaning(const ext_vt_table *t, const struct sqlite3_index_constraint *c,
                    char op)
{
    int hidden = c->iColumn - t->config.n_columns;

    if (c->op == SQLITE_INDEX_CONSTRAINT_LIMIT) return 'L';
    if (c->op == SQLITE_INDEX_CONSTRAINT_OFFSET) return 'O';
    if (hidden == EXT_VT_SELF && (c->op == SQLITE_INDEX_CONSTRAINT_MATCH || op == '='))
        return 'M';
    if (hidden == EXT_VT_QUERY && op == '=') return 'M';
    if (hidden == EXT_VT_K && is_one_of(op, "=i")) return 'K';
    if (c->iColumn < 0 && is_one_of(op, "=<l>g!")) return 'R';
    if (hidden == EXT_VT_DISTANCE && is_one_of(op, "=<l>g")) return 'D';
    if (hidden == EXT_VT_SIMILARITY && is_one_of(op, "=<l>g")) return 'S';
    if (c->iColumn >= 0 && hidden < 0 && op != 0 &&
        t->config.columns[c->iColumn].kind == EXT_VT_STORED)
        return 'C';
    return 0;
}

/* Whether the rows come as ORDER BY wants them. */
static bool is_in_order(const ext_vt_table *t, const sqlite3_index_info *info,
                        bool has_match)
{
    bool is_tied = false; /* the terms so far leave ties to the rowid, as we do */

    for (int i = 0; i < info->nOrderBy; i++) {
        int column = info->aOrderBy[i].iColumn, hidden = column - t->config.n_columns;
        bool is_desc = info->aOrderBy[i].desc != 0;
        if (!has_match) return column < 0;
        if (column < 0 && !is_desc && i > 0) return is_tied;
        bool is_rank = t->config.is_hybrid && hidden == EXT_VT_RANK && !is_desc;
        bool is_near = !t->config.is_hybrid && hidden == EXT_VT_DISTANCE && !is_desc;
        bool is_like = !t->config.is_hybrid && hidden == EXT_VT_SIMILARITY && is_desc;
        if (i > 0 || (!is_rank && !is_near && !is_like)) return false;
        is_tied = is_near; /* two distances can have one similarity */
    }
    return true;
}

/* The letter of a test's collation; '?' for one that is not SQLite's own. */
static const char *collation(sqlite3_index_info *info, int i)
{
    const char *name = sqlite3_vtab_collation(info, i);

    if (name == NULL || sqlite3_stricmp(name, "BINARY") == 0) return "";
    if (sqlite3_stricmp(name, "NOCASE") == 0) return "n";
    return sqlite3_stricmp(name, "RTRIM") == 0 ? "r" : "?";
}

typedef struct used { /* constraints chosen so far */
    sqlite3_str *text;
    int n;
    bool has_match, has_k, is_unusable;
    int n_filters;
    bool is_one_row;
} used;

static void use(ext_vt_table *t, sqlite3_index_info *info, int i, used *u)
{
    const struct sqlite3_index_constraint *c = &info->aConstraint[i];
    char op = operator_of(c->op), what = meaning(t, c, op);
    const char *collate = what == 'C' ? collation(info, i) : "";

    if (what == 0 || collate[0] == '?') return;
    if (!c->usable) {
        u->is_unusable |= what == 'M' || what == 'K';
        return;
    }
    if ((what == 'M' && u->has_match) || (what == 'K' && u->has_k)) return;
    bool is_list = op == '=' && sqlite3_libversion_number() >= 3038000 &&
                   sqlite3_vtab_in(info, i, -1);
    if (is_list && (what == 'D' || what == 'S'))
        return; /* k would count for each value */
    if (is_list && (what == 'R' || what == 'C') && u->has_match)
        op = sqlite3_vtab_in(info, i, 1) ? 'V' : '=';
    u->has_match |= what == 'M';
    u->has_k |= what == 'K';
    u->n_filters += what == 'R' || what == 'C';
    u->is_one_row |= what == 'R' && op == '=';
    info->aConstraintUsage[i].argvIndex = ++u->n;
    info->aConstraintUsage[i].omit = what == 'M' || what == 'K';
    sqlite3_str_appendf(u->text, "%c%c%d%s;", what, op == 0 ? '-' : op, c->iColumn,
                        collate);
}

/* k is given and not compared: a test of another kind would never be true. */
static int check_k(ext_vt_table *t, const sqlite3_index_info *info)
{
    for (int i = 0; i < info->nConstraint; i++)
        if (info->aConstraint[i].iColumn - t->config.n_columns == EXT_VT_K &&
            is_one_of(operator_of(info->aConstraint[i].op), "<l>g!"))
            return ext_vt_fail(t, SQLITE_ERROR, "k is given as k = number");
    return SQLITE_OK;
}

/* Whether the statement uses the columns that ask. SQLite plans each side of an OR by
 * itself, and there the query beside the OR is not among the constraints. An UPDATE uses
 * all columns there are, which says nothing; from the 64th on one bit is for all. */
static bool is_asked(const ext_vt_table *t, const sqlite3_index_info *info)
{
    bool asks = false, is_all = t->config.n_columns + EXT_VT_HIDDEN <= 63;

    for (int i = EXT_VT_SELF; i < EXT_VT_HIDDEN; i++) {
        int column = t->config.n_columns + i, bit = column < 63 ? column : 63;
        if ((info->colUsed >> bit & 1) == 0) is_all = false;
        else asks |= i == EXT_VT_SELF || i == EXT_VT_QUERY || i == EXT_VT_K;
    }
    return asks && !is_all;
}

int ext_vt_plan_best_index(ext_vt_table *t, sqlite3_index_info *info)
{
    if (check_k(t, info) != SQLITE_OK) return SQLITE_ERROR;
    used u = {.text = sqlite3_str_new(t->db)};
    bool has_match = false;

    for (int i = 0; i < info->nConstraint; i++) /* the query first: IN depends on it */
        if (info->aConstraint[i].usable &&
            meaning(t, &info->aConstraint[i], operator_of(info->aConstraint[i].op)) ==
                'M' &&
            !has_match) {
            use(t, info, i, &u);
            has_match = true;
        }
    for (int i = 0; i < info->nConstraint; i++)
        if (info->aConstraintUsage[i].argvIndex == 0) use(t, info, i, &u);
    int rc = sqlite3_str_errcode(u.text);
    info->idxStr = sqlite3_str_finish(u.text); /* NULL when there is nothing in it */
    info->needToFreeIdxStr = 1;
    if (rc != SQLITE_OK) return rc;
    if (u.is_unusable) return SQLITE_CONSTRAINT;
    info->orderByConsumed = is_in_order(t, info, u.has_match);
    if (!u.has_match && info->orderByConsumed && info->nOrderBy > 0 &&
        info->aOrderBy[0].desc)
        info->idxNum = EXT_VT_REVERSE;
    double n = 1e6;
    if (u.has_match) info->estimatedRows = FEW_ROWS;
    else info->estimatedRows = u.is_one_row ? 1 : (sqlite3_int64)n;
    info->estimatedCost = u.has_match    ? COST_SEARCH
                          : u.is_one_row ? (is_asked(t, info) ? 2 * COST_SEARCH : 10.0)
                                         : n * (u.n_filters > 0 ? 1.0 : 2.0);
    if (u.is_one_row && !u.has_match) info->idxFlags |= SQLITE_INDEX_SCAN_UNIQUE;
    return SQLITE_OK;
}

/* ---- xFilter ---- */

void ext_vt_plan_clear(ext_vt_plan *p)
{
    enc_idset_free(p->in);
    enc_idset_free(p->not_in);
    sqlite3_value_free(p->match);
    memset(p, 0, sizeof *p);
}

static bool is_whole(sqlite3_value *value)
{
    int type = sqlite3_value_numeric_type(value);
    double real = sqlite3_value_double(value);

    return type == SQLITE_INTEGER ||
           (type == SQLITE_FLOAT && floor(real) == real && fabs(real) < 9e18);
}

/* rowid <> id: the neighbours of a row without itself. */
static int leave_out(ext_vt_plan *p, sqlite3_int64 id)
{
    if (p->not_in == NULL) p->not_in = enc_idset_new();
    p->filter.not_in = p->not_in;
    return p->not_in != NULL && enc_idset_add(p->not_in, id) ? SQLITE_OK : SQLITE_NOMEM;
}

/* Narrows the rowids to `op value`. Text and BLOBs are above all numbers. */
static void read_rowid(ext_vt_plan *p, char op, sqlite3_value *value)
{
    int type = sqlite3_value_numeric_type(value);
    enc_filter *f = &p->filter;

    if (type == SQLITE_NULL) {
        p->is_empty = true;
        return;
    }
    if (type == SQLITE_TEXT || type == SQLITE_BLOB) {
        p->is_empty |= is_one_of(op, "=>g");
        return;
    }
    sqlite3_int64 id = sqlite3_value_int64(value);
    if (type == SQLITE_FLOAT) {
        double real = sqlite3_value_double(value);
        if (real >= 9223372036854775808.0) {
            p->is_empty |= is_one_of(op, "=>g");
            return;
        }
        if (real < -9223372036854775808.0) {
            p->is_empty |= is_one_of(op, "=<l");
            return;
        }
        bool is_whole = floor(real) == real;
        id = (sqlite3_int64)floor(real);
        if (!is_whole && op == '=') p->is_empty = true;
        if (!is_whole && op == '<') op = 'l';
        if (!is_whole && op == 'g') op = '>';
    }
    if (op == '<' && id == INT64_MIN) p->is_empty = true;
    else if (op == '<') id--, op = 'l';
    if (op == '>' && id == INT64_MAX) p->is_empty = true;
    else if (op == '>') id++, op = 'g';
    if (is_one_of(op, "=l") && id < f->id_max) f->id_max = id;
    if (is_one_of(op, "=g") && id > f->id_min) f->id_min = id;
}

static void read_range(ext_vt_plan *p, enc_range *r, char op, sqlite3_value *value)
{
    int type = sqlite3_value_numeric_type(value);
    double x = sqlite3_value_double(value);

    if (type == SQLITE_NULL ||
        ((type == SQLITE_TEXT || type == SQLITE_BLOB) && is_one_of(op, "=>g"))) {
        p->is_empty = true;
        return;
    }
    if (type == SQLITE_TEXT || type == SQLITE_BLOB) x = (double)INFINITY, op = 'l';
    if (op == '<') x = nextafter(x, (double)-INFINITY);
    if (op == '>') x = nextafter(x, (double)INFINITY);
    if (is_one_of(op, "=<l") && x < r->max) r->max = x;
    if (is_one_of(op, "=>g") && x > r->min) r->min = x;
    /* A bound of any kind is a test that NULL does not pass; no distance is NULL. */
    if (r == &p->filter.similarity && isinf(r->min) && isinf(r->max))
        r->max = 1.7976931348623157e308;
    p->is_empty |= r->min > r->max;
}

/* Keeps those of the plan's ids that are also in `in`; takes it. */
static int meet(ext_vt_plan *p, enc_idset *in)
{
    if (p->in != NULL) {
        const enc_idset *both[2] = {p->in, in};
        enc_idset *out = enc_idset_both(both[0], both[1]);
        enc_idset_free(in);
        if (out == NULL) return SQLITE_NOMEM;
        in = out;
    }
    enc_idset_free(p->in);
    p->in = in;
    p->filter.in = in;
    p->is_empty |= enc_idset_count(in) == 0;
    return SQLITE_OK;
}

static int read_rowid_list(ext_vt_plan *p, sqlite3_value *list)
{
    sqlite3_value *value;
    enc_idset *in = enc_idset_new();
    int rc = in == NULL ? SQLITE_NOMEM : SQLITE_OK;

    for (int got = rc == SQLITE_OK ? sqlite3_vtab_in_first(list, &value) : SQLITE_DONE;
         got != SQLITE_DONE && rc == SQLITE_OK;
         got = sqlite3_vtab_in_next(list, &value)) {
        if (got != SQLITE_OK) {
            rc = got;
            break;
        }
        if (is_whole(value) && !enc_idset_add(in, sqlite3_value_int64(value)))
            rc = SQLITE_NOMEM;
    }
    if (rc == SQLITE_OK) return meet(p, in);
    enc_idset_free(in);
    return rc;
}

static bool is_text_type(const char *type)
{
    return sqlite3_strlike("%INT%", type, 0) != 0 &&
           (sqlite3_strlike("%CHAR%", type, 0) == 0 ||
            sqlite3_strlike("%CLOB%", type, 0) == 0 ||
            sqlite3_strlike("%TEXT%", type, 0) == 0);
}

/* The value of a test on a user's column, which has the type that this table declares for
 * it and not its own: a CAST says so, where it changes nothing but that. */
static const char *typed(const char *type, sqlite3_value *value)
{
    if (type[0] == '\0' ||
        (!is_text_type(type) && sqlite3_strlike("%BLOB%", type, 0) == 0))
        return " ?1";
    if (is_text_type(type))
        return sqlite3_value_type(value) == SQLITE_BLOB ? " ?1" : " CAST(?1 AS TEXT)";
    int numeric = sqlite3_value_numeric_type(value); /* changes the value itself */
    return numeric == SQLITE_INTEGER || numeric == SQLITE_FLOAT ? " CAST(?1 AS NUMERIC)"
                                                                : " ?1";
}

/* "+column COLLATE BINARY op ?". A number of another table's column is compared with a
 * text as a number, one of the statement as a text: here it may be either, and SQLite
 * looks at what comes. */
static char *test_sql(const ext_vt_table *t, const char *name, const char *item,
                      sqlite3_value *rhs)
{
    static const char ops[] = "=<l>g!ijLGnm";
    static const char *const sql[] = {"=",    "<",    "<=",      ">",
                                      ">=",   "<>",   "IS",      "IS NOT",
                                      "LIKE", "GLOB", "IS NULL", "IS NOT NULL"};
    char op = item[1], letter = item[2 + strspn(item + 2, "0123456789")];
    const char *type = t->config.columns[strtol(item + 2, NULL, 10)].type;
    const char *words = op == 'V' ? "=" : sql[strchr(ops, op) - ops];
    const char *value = op == 'n' || op == 'm' ? "" : " ?1";
    bool is_pattern = op == 'L' || op == 'G';
    bool is_external = t->config.content == EXT_VT_EXTERNAL;
    const char *plus = type[0] != '\0' && !is_external ? "" : "+";
    const char *collate = is_pattern || op == 'n' || op == 'm' ? ""
                          : letter == 'n'                      ? " COLLATE NOCASE"
                          : letter == 'r'                      ? " COLLATE RTRIM"
                                                               : " COLLATE BINARY";

    if (is_external && value[0] != '\0' && !is_pattern && op != 'V')
        value = typed(type, rhs);
    if (!is_text_type(type) || !is_one_of(op, "=iV"))
        return sqlite3_mprintf("%s%s%s %s%s", plus, name, collate, words, value);
    return sqlite3_mprintf(
        "%s%s%s %s%s OR (typeof(?1) IN ('integer', 'real') AND CAST(%s "
        "AS NUMERIC) = ?1)",
        plus, name, collate, words, value, name);
}

/* "SELECT key FROM table WHERE test": the test as SQL. */
static char *filter_sql(const ext_vt_table *t, const char *item, sqlite3_value *rhs)
{
    int column = (int)strtol(item + 2, NULL, 10);
    bool is_external = t->config.content == EXT_VT_EXTERNAL;
    char *name = is_external ? sqlite3_mprintf("T.\"%w\"", t->config.columns[column].name)
                             : sqlite3_mprintf("c%d", column);
    char *test = name == NULL ? NULL : test_sql(t, name, item, rhs), *sql = NULL;

    if (test != NULL && is_external)
        sql = sqlite3_mprintf("SELECT T.\"%w\" FROM \"%w\".\"%w\" AS T WHERE %s",
                              t->config.content_rowid, t->schema, t->config.content_table,
                              test);
    else if (test != NULL)
        sql = sqlite3_mprintf("SELECT id FROM \"%w\".\"%w_content\" WHERE %s", t->schema,
                              t->name, test);
    sqlite3_free(name);
    sqlite3_free(test);
    return sql;
}

static int add_matching(ext_vt_table *t, sqlite3_stmt *s, sqlite3_value *value,
                        enc_idset *in)
{
    int rc = value == NULL ? SQLITE_OK : sqlite3_bind_value(s, 1, value);

    while (rc == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        if (sqlite3_column_type(s, 0) == SQLITE_INTEGER && /* others are no row of ours */
            !enc_idset_add(in, sqlite3_column_int64(s, 0)))
            rc = SQLITE_NOMEM;
    int code = ext_vt_done(t, s);
    return rc == SQLITE_OK ? code : rc;
}

static int read_column(ext_vt_table *t, ext_vt_plan *p, const char *item,
                       sqlite3_value *value)
{
    char op = item[1];
    sqlite3_stmt *s = NULL;
    sqlite3_value *one;
    char *sql = filter_sql(t, item, value);
    enc_idset *in = enc_idset_new();
    int rc = sql == NULL || in == NULL ? SQLITE_NOMEM : SQLITE_OK;

    if (rc == SQLITE_OK)
        rc = ext_vt_fail_db(t, sqlite3_prepare_v2(t->db, sql, -1, &s, NULL));
    sqlite3_free(sql);
    if (rc == SQLITE_OK && op != 'V')
        rc = add_matching(t, s, is_one_of(op, "nm") ? NULL : value, in);
    if (rc == SQLITE_OK && op == 'V') {
        int got = sqlite3_vtab_in_first(value, &one);
        for (; got == SQLITE_OK && rc == SQLITE_OK;
             got = sqlite3_vtab_in_next(value, &one))
            rc = add_matching(t, s, one, in);
        if (rc == SQLITE_OK && got != SQLITE_DONE) rc = got;
    }
    sqlite3_finalize(s);
    if (rc == SQLITE_OK) return meet(p, in);
    enc_idset_free(in);
    return rc;
}

static int read_k(ext_vt_table *t, ext_vt_plan *p, sqlite3_value *value)
{
    if (!is_whole(value)) /* REAL too: some hosts bind every number so */
        return ext_vt_fail(t, SQLITE_ERROR, "k must be a whole number (got %s)",
                           sqlite3_value_type(value) == SQLITE_NULL
                               ? "NULL"
                               : (const char *)sqlite3_value_text(value));
    p->k = sqlite3_value_int64(value);
    if (p->k >= 0) return SQLITE_OK;
    return ext_vt_fail(t, SQLITE_ERROR, "k must be 0 or more (got %lld)", p->k);
}

static int read_item(ext_vt_table *t, ext_vt_plan *p, const char *item,
                     sqlite3_value *value)
{
    char op = item[1];

    switch (item[0]) {
    case 'M':
        p->has_match = true;
        p->match = sqlite3_value_dup(value);
        return p->match == NULL ? SQLITE_NOMEM : SQLITE_OK;
    case 'K': return read_k(t, p, value);
    case 'D': read_range(p, &p->filter.distance, op, value); return SQLITE_OK;
    case 'S': read_range(p, &p->filter.similarity, op, value); return SQLITE_OK;
    case 'C': return read_column(t, p, item, value);
    case 'L':
    case 'O': /* only a hint of how many rows will be read */
        if (sqlite3_value_int64(value) > 0 && sqlite3_value_int64(value) < 1000000)
            p->hint += sqlite3_value_int64(value);
        return SQLITE_OK;
    default: /* R */
        if (op == 'V') return read_rowid_list(p, value);
        if (op == '!' && is_whole(value)) return leave_out(p, sqlite3_value_int64(value));
        read_rowid(p, op, value);
        return SQLITE_OK;
    }
}

int ext_vt_plan_read(ext_vt_table *t, const char *text, int argc, sqlite3_value **argv,
                     ext_vt_plan *out)
{
    const enc_range all = {(double)-INFINITY, (double)INFINITY};
    int rc = SQLITE_OK;

    memset(out, 0, sizeof *out);
    out->k = -1;
    out->filter = (enc_filter){INT64_MIN, INT64_MAX, NULL, NULL, all, all};
    for (int i = 0; i < argc && rc == SQLITE_OK && text != NULL; i++) {
        bool has_match = strchr(text, 'M') != NULL;
        /* Without a query SQLite tests the stored columns as it reads them. */
        if (text[0] != 'C' || has_match || out->has_match)
            rc = read_item(t, out, text, argv[i]);
        text = strchr(text, ';');
        if (text != NULL) text++;
    }
    if (out->filter.id_min > out->filter.id_max) out->is_empty = true;
    if (rc == SQLITE_OK && out->k >= 0 && !out->has_match)
        return ext_vt_fail(t, SQLITE_ERROR,
                           "k = %lld without a query (add %s MATCH ..., or query = ...)",
                           out->k, t->name);
    return rc;
}
