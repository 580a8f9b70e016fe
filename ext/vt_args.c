/* vt_args.c - CREATE VIRTUAL TABLE arguments -> a config.
 *
 *     name [TYPE]              a text column: all of them are embedded together
 *     name [TYPE] UNINDEXED    stored, filterable, not embedded
 *     name VECTOR(n)           vectors made elsewhere; instead of texts
 *     option = value           content, content_rowid, model, metric, chunk, overlap,
 *                              hybrid, index
 *
 * An argument with a "=" after its first word is an option, as in FTS5. */
#include "vt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS "content, content_rowid, model, metric, chunk, overlap, hybrid, index"

typedef struct reader { /* of one argument */
    const char *at;
    ext_vt_config *c;
    char **message;
    const char *seen[8]; /* options so far */
    size_t n_seen;
} reader;

static int complain(reader *r, char *sentence)
{
    *r->message = sentence;
    return sentence == NULL ? SQLITE_NOMEM : SQLITE_ERROR;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static void skip(reader *r)
{
    while (is_space(*r->at)) r->at++;
}

/* A bare or quoted word into the arena; NULL with *missing when there is none. */
static int word(reader *r, const char **out)
{
    char quote, *to;
    size_t n = 0;

    skip(r);
    *out = NULL;
    quote = *r->at == '[' ? ']' : *r->at;
    if (quote == ']' || quote == '"' || quote == '\'' || quote == '`') {
        if ((to = enc_arena_alloc(&r->c->arena, strlen(r->at) + 1)) == NULL)
            return SQLITE_NOMEM;
        const char *begin = r->at++;
        for (; *r->at != '\0'; r->at++) {
            if (*r->at == quote && (quote == ']' || r->at[1] != quote)) break;
            if (*r->at == quote) r->at++;
            to[n++] = *r->at;
        }
        if (*r->at == '\0')
            return complain(r, sqlite3_mprintf("unfinished quote in %s", begin));
        r->at++;
        *out = to;
        return SQLITE_OK;
    }
    const char *from = r->at;
    if (from[0] == '-' && from[1] >= '0' && from[1] <= '9') r->at++;
    while (is_word(*r->at) || (r->at > from && (*r->at == '-' || *r->at == '.'))) r->at++;
    if (r->at == from) return SQLITE_OK;
    *out = enc_arena_text(&r->c->arena, from, (size_t)(r->at - from));
    return *out == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

/* A whole number of at least 0 that ends the word, or -1. */
static long long number(const char *text)
{
    char *end;
    long long n = text[0] >= '0' && text[0] <= '9' ? strtoll(text, &end, 10) : -1;
    return n >= 0 && *end == '\0' && n <= 1000000000 ? n : -1;
}

/* VECTOR(n), after its name. */
static int vector_column(reader *r, ext_vt_column *column)
{
    const char *digits;
    int rc;

    skip(r);
    if (*r->at != '(')
        return complain(r, sqlite3_mprintf("column %s: VECTOR needs its number of values,"
                                           " as in VECTOR(384)",
                                           column->name));
    r->at++;
    if ((rc = word(r, &digits))) return rc;
    long long n = digits == NULL ? -1 : number(digits);
    skip(r);
    if (n < 1 || n > ENC_DIMS_MAX || *r->at != ')')
        return complain(r, sqlite3_mprintf("column %s: VECTOR(n) must be 1..%d (got %s)",
                                           column->name, ENC_DIMS_MAX,
                                           digits == NULL ? "nothing" : digits));
    r->at++;
    if (column->kind != EXT_VT_TEXT || column->type[0] != '\0')
        return complain(r, sqlite3_mprintf("column %s: VECTOR(%d) is all its type",
                                           column->name, (int)n));
    if (r->c->vector >= 0)
        return complain(r,
                        sqlite3_mprintf("columns %s and %s are both vectors, a table "
                                        "has one",
                                        r->c->columns[r->c->vector].name, column->name));
    r->c->vector = r->c->n_columns;
    r->c->dims = (size_t)n;
    column->kind = EXT_VT_VECTOR;
    return SQLITE_OK;
}

/* The hidden columns behind the one with the table's name. */
static const char *const hidden[EXT_VT_HIDDEN][2] = {
    [EXT_VT_K] = {"k", ""},
    [EXT_VT_QUERY] = {"query", ""},
    [EXT_VT_DISTANCE] = {"distance", " REAL"},
    [EXT_VT_SIMILARITY] = {"similarity", " REAL"},
    [EXT_VT_CHUNK_START] = {"chunk_start", " INTEGER"},
    [EXT_VT_CHUNK_END] = {"chunk_end", " INTEGER"},
    [EXT_VT_RANK] = {"rank", ""},
    [EXT_VT_LEXICAL_RANK] = {"lexical_rank", " INTEGER"},
    [EXT_VT_SEMANTIC_RANK] = {"semantic_rank", " INTEGER"},
};

const char *ext_vt_hidden_name(int column)
{
    return hidden[column][0];
}

static bool is_reserved(const char *name)
{
    for (int i = EXT_VT_SELF + 1; i < EXT_VT_HIDDEN; i++)
        if (sqlite3_stricmp(name, hidden[i][0]) == 0) return true;
    return sqlite3_stricmp(name, "rowid") == 0;
}

static int check_name(reader *r, const char *name)
{
    const ext_vt_config *c = r->c;

    if (c->n_columns == EXT_VT_COLUMNS_MAX)
        return complain(r, sqlite3_mprintf("more than %d columns", EXT_VT_COLUMNS_MAX));
    if (name[0] == '\0') return complain(r, sqlite3_mprintf("a column has no name"));
    if (is_reserved(name))
        return complain(r, sqlite3_mprintf("column name %s is reserved", name));
    for (int i = 0; i < c->n_columns; i++)
        if (sqlite3_stricmp(c->columns[i].name, name) == 0)
            return complain(r, sqlite3_mprintf("duplicate column name: %s", name));
    return SQLITE_OK;
}

static int column(reader *r, const char *name)
{
    ext_vt_column *column = &r->c->columns[r->c->n_columns];
    const char *more;
    int rc = check_name(r, name);

    if (rc) return rc;
    *column = (ext_vt_column){name, "", EXT_VT_TEXT};
    for (;;) {
        if ((rc = word(r, &more))) return rc;
        if (more == NULL) break;
        if (column->kind == EXT_VT_VECTOR) {
            return complain(r,
                            sqlite3_mprintf("column %s: unexpected %s after VECTOR(%d)",
                                            name, more, (int)r->c->dims));
        } else if (sqlite3_stricmp(more, "UNINDEXED") == 0) {
            column->kind = EXT_VT_STORED;
        } else if (sqlite3_stricmp(more, "VECTOR") == 0) {
            if ((rc = vector_column(r, column))) return rc;
        } else if (column->type[0] == '\0') {
            column->type = more;
        } else {
            return complain(r, sqlite3_mprintf("column %s: %s is not understood (name "
                                               "[type] [UNINDEXED], or name VECTOR(n))",
                                               name, more));
        }
    }
    skip(r);
    if (*r->at != '\0')
        return complain(r, sqlite3_mprintf("column %s: unexpected %s", name, r->at));
    r->c->n_texts += column->kind == EXT_VT_TEXT;
    r->c->n_columns++;
    return SQLITE_OK;
}

static int bad_value(reader *r, const char *option, const char *value, const char *want)
{
    return complain(r, sqlite3_mprintf("%s must be %s (got '%s')", option, want, value));
}

static int flag(reader *r, const char *option, const char *value, bool *out)
{
    if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
        return bad_value(r, option, value, "0 or 1");
    *out = value[0] == '1';
    return SQLITE_OK;
}

static int chunk_option(reader *r, const char *option, const char *value)
{
    ext_vt_config *c = r->c;
    bool is_chunk = strcmp(option, "chunk") == 0;
    long long n = number(value);

    if (is_chunk && (c->is_chunk_auto = sqlite3_stricmp(value, "auto") == 0))
        return SQLITE_OK;
    if (n < 0 || n > ENC_POSITIONS_MAX || (is_chunk && n > 0 && n < 8))
        return bad_value(r, option, value,
                         is_chunk ? "0, auto or a number of tokens from 8 on"
                                  : "a number of tokens");
    *(is_chunk ? &c->chunk : &c->overlap) = (size_t)n;
    return SQLITE_OK;
}

bool ext_vt_metric_find(const char *name, enc_metric *out)
{
    static const struct {
        const char *name;
        enc_metric metric;
    } known[] = {
        {"cosine", ENC_COSINE}, {"dot", ENC_DOT}, {"l2", ENC_L2}, {"euclidean", ENC_L2}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (sqlite3_stricmp(name, known[i].name) == 0) {
            *out = known[i].metric;
            return true;
        }
    return false;
}

static int metric_option(reader *r, const char *value)
{
    r->c->has_metric = true;
    if (ext_vt_metric_find(value, &r->c->metric)) return SQLITE_OK;
    return bad_value(r, "metric", value, "cosine, dot or l2");
}

static int option(reader *r, const char *name, const char *value)
{
    ext_vt_config *c = r->c;

    for (size_t i = 0; i < r->n_seen; i++)
        if (strcmp(r->seen[i], name) == 0)
            return complain(r, sqlite3_mprintf("option %s is given twice", name));
    if (r->n_seen < sizeof r->seen / sizeof *r->seen) r->seen[r->n_seen++] = name;
    if (strcmp(name, "content") == 0) {
        c->content = value[0] == '\0' ? EXT_VT_CONTENTLESS : EXT_VT_EXTERNAL;
        c->content_table = value;
    } else if (strcmp(name, "content_rowid") == 0) {
        if (value[0] == '\0') return bad_value(r, name, value, "the name of a column");
        c->content_rowid = value;
    } else if (strcmp(name, "model") == 0) {
        if (value[0] == '\0') return bad_value(r, name, value, "the name of a model");
        c->model = value;
    } else if (strcmp(name, "metric") == 0) {
        return metric_option(r, value);
    } else if (strcmp(name, "chunk") == 0 || strcmp(name, "overlap") == 0) {
        return chunk_option(r, name, value);
    } else if (strcmp(name, "hybrid") == 0) {
        return flag(r, name, value, &c->is_hybrid);
    } else if (strcmp(name, "index") == 0) {
        c->is_ivf = sqlite3_stricmp(value, "ivf") == 0;
        if (!c->is_ivf && sqlite3_stricmp(value, "exact") != 0)
            return bad_value(r, name, value, "exact or ivf");
    } else {
        return complain(r,
                        sqlite3_mprintf("unknown option %s (known: " OPTIONS ")", name));
    }
    return SQLITE_OK;
}

static int argument(reader *r)
{
    const char *name, *value;
    int rc = word(r, &name);

    if (rc) return rc;
    if (name == NULL)
        return complain(r,
                        sqlite3_mprintf("a column or option expected, got '%s'", r->at));
    skip(r);
    if (*r->at != '=') return column(r, name);
    r->at++;
    if ((rc = word(r, &value))) return rc;
    skip(r);
    if (value == NULL || *r->at != '\0')
        return complain(
            r, sqlite3_mprintf("option %s: one value expected, got '%s'", name, r->at));
    return option(r, name, value);
}

/* What only the whole can tell. */
static int check(reader *r)
{
    ext_vt_config *c = r->c;
    const char *what = NULL;

    if (c->n_texts == 0 && c->vector < 0) what = "needs a text column or a VECTOR(n)";
    else if (c->n_texts > 0 && c->vector >= 0)
        what = "has text columns and a VECTOR(n); a table has one or the other "
               "(UNINDEXED keeps a text without embedding it)";
    else if (c->vector >= 0 && (c->chunk > 0 || c->is_chunk_auto))
        what = "chunk needs texts";
    else if (c->vector >= 0 && c->is_hybrid) what = "hybrid needs texts";
    else if (c->vector >= 0 && c->model != NULL) what = "model needs texts";
    else if (c->overlap > 0 && c->chunk == 0 && !c->is_chunk_auto)
        what = "overlap needs chunk";
    else if (c->content_rowid != NULL && c->content != EXT_VT_EXTERNAL)
        what = "content_rowid needs content";
    if (what != NULL) return complain(r, sqlite3_mprintf("%s", what));
    if (c->chunk == 0 || c->overlap < c->chunk) return SQLITE_OK;
    return complain(r, sqlite3_mprintf("overlap must be below chunk, %d (got %d)",
                                       (int)c->chunk, (int)c->overlap));
}

/* The table or what it keeps: neither can be read while it is written. */
static bool is_own(const char *content, const char *table)
{
    size_t n = strlen(table);

    if (sqlite3_strnicmp(content, table, (int)n) != 0) return false;
    return content[n] == '\0' ||
           (content[n] == '_' && ext_vt_store_is_shadow(content + n + 1));
}

int ext_vt_args_read(ext_vt_config *c, int argc, const char *const *argv, char **message)
{
    reader r = {"", c, message, {NULL}, 0};
    int rc = SQLITE_OK;

    memset(c, 0, sizeof *c);
    enc_arena_init(&c->arena);
    c->vector = -1;
    for (int i = 3; i < argc && rc == SQLITE_OK; i++) {
        r.at = argv[i];
        rc = argument(&r);
    }
    if (rc == SQLITE_OK) rc = check(&r);
    if (rc == SQLITE_OK && !ext_vt_config_allows(c, argv[2]))
        rc = complain(&r, sqlite3_mprintf("a table named %s would hide its own column %s",
                                          argv[2], argv[2]));
    if (rc == SQLITE_OK && c->content == EXT_VT_EXTERNAL &&
        is_own(c->content_table, argv[2]))
        rc = complain(&r, sqlite3_mprintf("content='%s' would be the table itself",
                                          c->content_table));
    if (c->content == EXT_VT_EXTERNAL && c->content_rowid == NULL)
        c->content_rowid = "rowid";
    return rc;
}

bool ext_vt_config_allows(const ext_vt_config *c, const char *table)
{
    for (int i = 0; i < c->n_columns; i++)
        if (sqlite3_stricmp(c->columns[i].name, table) == 0) return false;
    return !is_reserved(table);
}

void ext_vt_config_clear(ext_vt_config *c)
{
    enc_arena_clear(&c->arena);
}

char *ext_vt_config_schema(const ext_vt_config *c, const char *table)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);

    sqlite3_str_appendall(sql, "CREATE TABLE x(");
    for (int i = 0; i < c->n_columns; i++) {
        sqlite3_str_appendf(sql, "\"%w\"", c->columns[i].name);
        if (c->columns[i].type[0] != '\0')
            sqlite3_str_appendf(sql, " \"%w\"", c->columns[i].type);
        sqlite3_str_appendall(sql, ", ");
    }
    sqlite3_str_appendf(sql, "\"%w\" HIDDEN", table);
    for (int i = EXT_VT_SELF + 1; i < EXT_VT_HIDDEN; i++)
        sqlite3_str_appendf(sql, ", %s%s HIDDEN", hidden[i][0], hidden[i][1]);
    sqlite3_str_appendall(sql, ")");
    return sqlite3_str_finish(sql);
}
