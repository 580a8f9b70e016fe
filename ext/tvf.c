/* tvf.c - what table-valued functions share: a row of ext_tvf becomes an eponymous
 * virtual table.
 *
 * Arguments are hidden columns, and f(a, b) is SQLite's way of writing f WHERE arg0 = a
 * AND arg1 = b. So the planner may offer a plan in which an argument is not known yet;
 * such a plan is refused (SQLITE_CONSTRAINT), and whatever is given is always used. A
 * required argument that is nowhere in the query is another thing: that plan is accepted
 * at a forbidding cost and fails when run, because only then can the sentence name it and
 * not hide a better plan, such as one for each side of an OR.
 *
 * idxNum: bit i is set when argument i is given; their values follow in order. */
#include "ext.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct slot { /* client data of the module */
    ext_conn *conn;
    const ext_tvf *tvf;
} slot;

typedef struct table {
    sqlite3_vtab base;
    const slot *slot;
} table;

typedef struct cursor {
    sqlite3_vtab_cursor base;
    ext_scan scan;
    bool is_open; /* scan has begun */
    sqlite3_value *args[EXT_ARGS_MAX];
    size_t row;           /* in this chunk */
    sqlite3_int64 row_id; /* in all, from 1 */
} cursor;

struct ext_cell {
    int type; /* SQLite's */
    union {
        sqlite3_int64 i;
        double r;
        const void *text;
    } as;
    size_t n; /* of bytes */
};

/* ---- rows that are put ---- */

static struct ext_cell *next_cell(ext_scan *s, int type)
{
    void *cells = s->cells;
    if (!enc_mem_reserve(&cells, &s->cap_cells, s->n_cells + 1, sizeof *s->cells)) {
        ext_nomem(&s->call);
        return NULL;
    }
    s->cells = cells;
    struct ext_cell *cell = &s->cells[s->n_cells++];
    *cell = (struct ext_cell){.type = type};
    return cell;
}

bool ext_put_null(ext_scan *s)
{
    return next_cell(s, SQLITE_NULL) != NULL;
}

bool ext_put_int(ext_scan *s, sqlite3_int64 v)
{
    struct ext_cell *cell = next_cell(s, SQLITE_INTEGER);
    if (cell != NULL) cell->as.i = v;
    return cell != NULL;
}

bool ext_put_real(ext_scan *s, double v)
{
    struct ext_cell *cell = next_cell(s, isnan(v) ? SQLITE_NULL : SQLITE_FLOAT);
    if (cell != NULL) cell->as.r = v;
    return cell != NULL;
}

bool ext_put_text(ext_scan *s, const void *text, size_t n)
{
    struct ext_cell *cell = next_cell(s, SQLITE_TEXT);
    if (cell == NULL) return false;
    cell->as.text = enc_arena_text(&s->values, text, n);
    cell->n = n;
    return cell->as.text != NULL || ext_nomem(&s->call);
}

typedef struct ranked {
    float score;
    size_t i;
} ranked;

static int by_score(const void *a, const void *b)
{
    const ranked *x = a, *y = b;

    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->i > y->i) - (x->i < y->i);
}

bool ext_put_ranked(ext_scan *s, const enc_bytes *labels, const float *scores, size_t n)
{
    ranked *order = ext_alloc(&s->call, n, sizeof *order);

    if (order == NULL) return false;
    for (size_t i = 0; i < n; i++) order[i] = (ranked){scores[i], i};
    qsort(order, n, sizeof *order, by_score);
    for (size_t i = 0; i < n; i++) {
        enc_bytes label = labels[order[i].i];
        if (!ext_put_text(s, label.at, label.n) ||
            !ext_put_real(s, (double)order[i].score))
            return false;
    }
    return true;
}

static void cell_result(const struct ext_cell *cell, sqlite3_context *ctx)
{
    switch (cell->type) {
    case SQLITE_INTEGER: sqlite3_result_int64(ctx, cell->as.i); break;
    case SQLITE_FLOAT: sqlite3_result_double(ctx, cell->as.r); break;
    case SQLITE_TEXT: ext_result_text(ctx, cell->as.text, cell->n); break;
    default: sqlite3_result_null(ctx);
    }
}

/* ---- the scan ---- */

static int n_args_of(const ext_tvf *tvf)
{
    int n = 0;
    while (n < EXT_ARGS_MAX && tvf->args[n] != NULL) n++;
    return n;
}

static void scan_close(cursor *cur)
{
    ext_scan *s = &cur->scan;

    if (cur->is_open) {
        if (s->tvf->close != NULL) s->tvf->close(s);
        ext_call_end(&s->call);
        enc_mem_free(s->cells);
        enc_arena_clear(&s->values);
    }
    for (int i = 0; i < EXT_ARGS_MAX; i++) {
        sqlite3_value_free(cur->args[i]);
        cur->args[i] = NULL;
    }
    *s = (ext_scan){.kept = s->kept};
    cur->is_open = false;
}

/* Moves what failed into the table's message. */
static int scan_failed(cursor *cur)
{
    ext_call *c = &cur->scan.call;
    sqlite3_vtab *t = cur->base.pVtab;

    if (c->code == SQLITE_OK) c->code = SQLITE_ERROR;
    if (c->code != SQLITE_NOMEM && c->err.text[0] != '\0') {
        sqlite3_free(t->zErrMsg);
        t->zErrMsg = sqlite3_mprintf("%s: %s", c->name, c->err.text);
        if (t->zErrMsg == NULL) c->code = SQLITE_NOMEM;
    }
    cur->scan.n_rows = 0;
    return c->code;
}

/* Asks for a chunk: the first with open, the others with more. */
static int scan_chunk(cursor *cur, bool (*ask)(ext_scan *))
{
    ext_scan *s = &cur->scan;

    s->n_rows = 0;
    s->n_cells = 0;
    enc_arena_clear(&s->values);
    cur->row = 0;
    if (!ask(s) || s->call.code != SQLITE_OK) return scan_failed(cur);
    if (s->tvf->column == NULL) s->n_rows = s->n_cells / (size_t)s->tvf->n_columns;
    return SQLITE_OK;
}

/* ---- the methods of the virtual table, in SQLite's order ---- */

static int tvf_connect(sqlite3 *db, void *client, int argc, const char *const *argv,
                       sqlite3_vtab **out, char **message)
{
    const slot *s = client;
    sqlite3_str *sql = sqlite3_str_new(db);
    (void)argc, (void)argv, (void)message;

    sqlite3_str_appendf(sql, "CREATE TABLE x(%s", s->tvf->columns);
    for (int i = 0; i < n_args_of(s->tvf); i++)
        sqlite3_str_appendf(sql, ", \"%w\" HIDDEN", s->tvf->args[i]);
    sqlite3_str_appendall(sql, ")");
    char *schema = sqlite3_str_finish(sql);
    if (schema == NULL) return SQLITE_NOMEM;
    int rc = sqlite3_declare_vtab(db, schema);
    sqlite3_free(schema);
    if (rc != SQLITE_OK) return rc;
    sqlite3_vtab_config(db, s->tvf->is_direct ? SQLITE_VTAB_DIRECTONLY
                                              : SQLITE_VTAB_INNOCUOUS);
    table *t = sqlite3_malloc64(sizeof *t);
    if (t == NULL) return SQLITE_NOMEM;
    memset(t, 0, sizeof *t);
    t->slot = s;
    *out = &t->base;
    return SQLITE_OK;
}

static int tvf_best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    const ext_tvf *tvf = ((const table *)base)->slot->tvf;
    int n_args = n_args_of(tvf), at[EXT_ARGS_MAX], place = 0;
    unsigned refused = 0;

    for (int i = 0; i < EXT_ARGS_MAX; i++) at[i] = -1;
    for (int i = 0; i < info->nConstraint; i++) {
        int arg = info->aConstraint[i].iColumn - tvf->n_columns;
        if (arg < 0 || arg >= n_args) continue;
        if (info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ) continue;
        if (!info->aConstraint[i].usable) refused |= 1u << arg;
        else if (at[arg] < 0) at[arg] = i;
    }
    info->idxNum = 0;
    info->estimatedCost = 1000;
    info->estimatedRows = 100;
    for (int arg = 0; arg < n_args; arg++) {
        if (at[arg] < 0 && (refused & 1u << arg) != 0) return SQLITE_CONSTRAINT;
        if (at[arg] < 0 && arg < tvf->n_required) info->estimatedCost = 1e99;
        if (at[arg] < 0) continue;
        info->aConstraintUsage[at[arg]].argvIndex = ++place;
        info->aConstraintUsage[at[arg]].omit = 1;
        info->idxNum |= 1 << arg;
    }
    return SQLITE_OK;
}

static int tvf_disconnect(sqlite3_vtab *base)
{
    sqlite3_free(base);
    return SQLITE_OK;
}

static int tvf_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
    cursor *cur = sqlite3_malloc64(sizeof *cur);
    (void)base;
    if (cur == NULL) return SQLITE_NOMEM;
    memset(cur, 0, sizeof *cur);
    *out = &cur->base;
    return SQLITE_OK;
}

static int tvf_close(sqlite3_vtab_cursor *base)
{
    cursor *cur = (cursor *)base;

    scan_close(cur);
    if (cur->scan.kept != NULL)
        ((const table *)base->pVtab)->slot->tvf->forget(cur->scan.kept);
    sqlite3_free(base);
    return SQLITE_OK;
}

static int tvf_filter(sqlite3_vtab_cursor *base, int mask, const char *text, int argc,
                      sqlite3_value **argv)
{
    cursor *cur = (cursor *)base;
    const slot *s = ((const table *)base->pVtab)->slot;
    ext_call *c = &cur->scan.call;
    int n_args = n_args_of(s->tvf), next = 0;
    (void)text, (void)argc;

    scan_close(cur);
    ext_call_begin(c, s->conn, s->tvf->name);
    cur->scan.tvf = s->tvf;
    cur->is_open = true;
    cur->row = 0;
    cur->row_id = 1;
    c->argc = n_args;
    c->argv = cur->args;
    for (int i = 0; i < n_args; i++) {
        if ((mask & 1 << i) == 0) continue;
        if ((cur->args[i] = sqlite3_value_dup(argv[next++])) == NULL) return SQLITE_NOMEM;
    }
    for (int i = 0; i < s->tvf->n_required; i++) {
        if (ext_given(c, i)) continue;
        ext_fail(c, SQLITE_ERROR, "needs the argument %s", s->tvf->args[i]);
        return scan_failed(cur);
    }
    for (int i = 0; i < s->tvf->n_required; i++)
        if (ext_is_null(c, i)) return SQLITE_OK; /* no rows */
    return scan_chunk(cur, s->tvf->open);
}

static int tvf_next(sqlite3_vtab_cursor *base)
{
    cursor *cur = (cursor *)base;
    const ext_tvf *tvf = cur->scan.tvf;

    cur->row_id++;
    if (++cur->row < cur->scan.n_rows || tvf->more == NULL) return SQLITE_OK;
    return scan_chunk(cur, tvf->more);
}

static int tvf_eof(sqlite3_vtab_cursor *base)
{
    const cursor *cur = (const cursor *)base;
    return cur->row >= cur->scan.n_rows;
}

static int tvf_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column)
{
    cursor *cur = (cursor *)base;
    ext_scan *s = &cur->scan;
    int n = s->tvf->n_columns;

    if (column >= n) {
        if (cur->args[column - n] != NULL)
            sqlite3_result_value(ctx, cur->args[column - n]);
    } else if (s->tvf->column != NULL) {
        s->tvf->column(s, cur->row, column, ctx);
        ext_call_report(&s->call, ctx);
    } else {
        cell_result(&s->cells[cur->row * (size_t)n + (size_t)column], ctx);
    }
    return SQLITE_OK;
}

static int tvf_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = ((const cursor *)base)->row_id;
    return SQLITE_OK;
}

static const sqlite3_module module = {
    .iVersion = 0,
    .xCreate = NULL, /* eponymous only: there is nothing to create */
    .xConnect = tvf_connect,
    .xBestIndex = tvf_best_index,
    .xDisconnect = tvf_disconnect,
    .xDestroy = NULL,
    .xOpen = tvf_open,
    .xClose = tvf_close,
    .xFilter = tvf_filter,
    .xNext = tvf_next,
    .xEof = tvf_eof,
    .xColumn = tvf_column,
    .xRowid = tvf_rowid,
    .xUpdate = NULL, /* read-only */
    .xBegin = NULL,
    .xSync = NULL,
    .xCommit = NULL,
    .xRollback = NULL,
    .xFindFunction = NULL,
    .xRename = NULL,
    .xSavepoint = NULL,
    .xRelease = NULL,
    .xRollbackTo = NULL,
    .xShadowName = NULL,
};

static void slot_free(void *p)
{
    slot *s = p;
    ext_conn_drop(s->conn);
    enc_mem_free(s);
}

int ext_tvf_register(sqlite3 *db, ext_conn *conn, const ext_tvf *tvf, size_t n)
{
    int rc = SQLITE_OK;

    for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
        slot *s = enc_mem_zero(sizeof *s);
        if (s == NULL) return SQLITE_NOMEM;
        ext_conn_keep(conn);
        *s = (slot){conn, &tvf[i]};
        rc = sqlite3_create_module_v2(db, tvf[i].name, &module, s, slot_free);
    }
    return rc;
}
