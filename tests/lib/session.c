/* session.c - see session.h: chance, the tables, and which operation comes next. */
#include "lib/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PALETTES 6

const char *const session_columns[SESSION_COLUMNS] = {"a", "b", "c", "\"the d\""};
static const char *const types[SESSION_COLUMNS] = {" INTEGER", " TEXT", " REAL", ""};

/* ---- chance ---- */

int session_below(session *s, int n)
{
    return (int)enc_rng_below(&s->rng, (uint32_t)n);
}

bool session_chance(session *s, int percent)
{
    return session_below(s, 100) < percent;
}

sqlite3_int64 session_id(session *s)
{
    return session_below(s, s->id_max) - 3;
}

static float number(session *s)
{
    static const float three[] = {-1, 0, 1}, two[] = {0, 1};
    static const float seven[] = {-2, -1, -0.5F, 0, 0.5F, 1, 2};
    static const float far_apart[] = {0, 1e-30F, 1e30F, 1, -1e20F, 1e-42F, -1};

    switch (s->palette) {
    case 0: return three[session_below(s, 3)];
    case 1: return two[session_below(s, 2)];
    case 2: return seven[session_below(s, 7)];
    case 3: return enc_rng_normal(&s->rng);
    case 4: return 1.0F + (float)session_below(s, 9) * 0x1p-20F;
    default: return far_apart[session_below(s, 7)];
    }
}

static void new_pool(session *s)
{
    for (int i = 0; i < SESSION_POOL; i++)
        for (int j = 0; j < s->n_dims; j++) s->pool[i][j] = number(s);
}

/* Short, so that the same come again; and no words at all. */
static void add_text(session *s, sqlite3_str *out)
{
    static const char *const words[] = {"the cat",  "dog",    "sat on", "quick", "deep",
                                        "learning", "고양이", "tea?",   "zq",    ""};
    int n = session_below(s, 4);

    sqlite3_str_appendall(out, "'");
    for (int i = 0; i < n; i++)
        sqlite3_str_appendf(out, "%s%s", i > 0 ? " " : "", words[session_below(s, 10)]);
    sqlite3_str_appendall(out, "'");
}

void session_vector(session *s, sqlite3_str *out)
{
    if (s->is_text) {
        add_text(s, out);
        return;
    }
    float v[SESSION_DIMS];
    bool is_pooled = session_chance(s, 40), is_zero = session_chance(s, 8);
    bool is_json = session_chance(s, 15);
    int from = session_below(s, SESSION_POOL);
    float scale = session_chance(s, 20) ? -1.0F : session_chance(s, 20) ? 2.0F : 1.0F;

    for (int i = 0; i < s->n_dims; i++)
        v[i] = is_zero ? 0.0F : is_pooled ? scale * s->pool[from][i] : number(s);
    sqlite3_str_appendall(out, is_json ? "'[" : "x'");
    for (int i = 0; i < s->n_dims && is_json; i++) {
        char text[40];
        snprintf(text, sizeof text, "%s%.9g", i > 0 ? "," : "", (double)v[i]);
        sqlite3_str_appendall(out, text);
    }
    for (size_t i = 0; i < (size_t)s->n_dims * 4 && !is_json; i++)
        sqlite3_str_appendf(out, "%02x", ((const unsigned char *)v)[i]);
    sqlite3_str_appendall(out, is_json ? "]'" : "'");
}

void session_value(session *s, sqlite3_str *out, int column)
{
    static const char *const words[] = {"red", "Red", "green", "", "a%b", "한국", "7"};
    static const char *const odd[] = {"'3'", "2.0", "9007199254740993", "'abc'",
                                      "x'0102'"};
    const char *word = words[session_below(s, 7)];
    int kind = column == 3 ? session_below(s, 4) : column;

    if (session_chance(s, 10)) sqlite3_str_appendall(out, "NULL");
    else if (session_chance(s, 5))
        sqlite3_str_appendall(out, odd[session_below(s, column == 3 ? 5 : 4)]);
    else if (kind == 0) sqlite3_str_appendf(out, "%d", session_below(s, 8) - 1);
    else if (kind == 1) sqlite3_str_appendf(out, "%Q", word);
    else if (kind == 2) sqlite3_str_appendf(out, "%.1f", session_below(s, 12) * 0.5 - 1);
    else sqlite3_str_appendf(out, "x'0%d'", session_below(s, 3));
}

/* ---- steps ---- */

/* What fails: mostly soon, so that it happens at all. While FTS5 has a blob open SQLite
 * goes on saying of the disk that it failed, so of hybrid tables it is memory. */
int session_fault(session *s)
{
    int what = s->is_hybrid ? SQLITE_IS_SHORT + session_below(s, 2) : session_below(s, 4);
    int most = session_chance(s, 50) ? 4 : session_chance(s, 80) ? 30 : 400;
    oracle_fault f = {(oracle_failing)what, session_chance(s, 40), session_chance(s, 50),
                      1 + session_below(s, most)};

    return oracle_fault_write(f);
}

bool session_step(session *s, oracle_step step)
{
    /* Where PRAGMA integrity_check cannot read, that is a row of its answer. */
    if (step.kind == ORACLE_QUERY && strncmp(step.subject, "PRAGMA", 6) != 0 &&
        session_chance(s, 10))
        step.n = session_fault(s);
    if (s->trace != NULL) oracle_step_write(&step, s->trace);
    oracle_steps_add(s->list, step);
    s->n_done += step.kind != ORACLE_SETUP;
    if (!s->has_differed && !oracle_run(s->o, &s->list->at[s->list->n - 1]))
        s->has_differed = true;
    if (!session_is_open(s)) s->n_savepoints = 0;
    if (sqlite3_get_autocommit(s->o->db[1 - s->active])) s->has_snapshot = false;
    return !s->has_differed;
}

bool session_do(session *s, oracle_kind kind, char *subject, char *twin)
{
    return session_step(s,
                        (oracle_step){kind, s->active, 0, subject, twin, {NULL, NULL}});
}

double session_ask(session *s, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    double v = 0.0;

    if (sqlite3_prepare_v2(s->o->db[s->active], sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        v = sqlite3_column_double(stmt, 0);
    sqlite3_finalize(stmt);
    return v;
}

bool session_is_open(const session *s)
{
    return !sqlite3_get_autocommit(s->o->db[s->active]);
}

char *session_target(const session *s)
{
    return s->content == EXTERNAL ? oracle_text("notes")
                                  : oracle_text("\"%w\"", s->table);
}

/* ---- tables ---- */

static void draw_kind(session *s)
{
    static const char *const metrics[] = {"cosine", "dot", "l2"};
    static const char *const names[] = {"x", "near", "two words", "it's \"x\"", "한글"};
    static const int sizes[] = {40, 40, 300, 300, 700, 3000};

    s->metric = metrics[session_below(s, 3)];
    s->content = session_chance(s, 60)   ? OWN
                 : session_chance(s, 75) ? EXTERNAL
                                         : CONTENTLESS;
    s->is_text = session_chance(s, 25);
    s->is_hybrid = s->is_text && s->content != CONTENTLESS && session_chance(s, 40);
    s->n_dims =
        session_chance(s, 85) ? 1 + session_below(s, 9) : 63 + session_below(s, 4);
    s->n_columns = session_below(s, SESSION_COLUMNS + 1);
    s->palette = session_chance(s, 35) ? session_below(s, 3) : session_below(s, PALETTES);
    s->rows_max = sizes[session_below(s, session_chance(s, 20) ? 6 : 5)];
    s->is_ivf = session_chance(s, 20);
    if (s->is_ivf && session_chance(s, 30)) s->rows_max = 2500;
    if (s->is_text && s->rows_max > 300) s->rows_max = 300;
    s->id_max = s->rows_max * 5 / 4 + 6;
    snprintf(s->table, sizeof s->table, "%s", names[session_below(s, 5)]);
    snprintf(s->second, sizeof s->second, "%s",
             s->content == EXTERNAL && session_chance(s, 40) ? "the second" : "");
    new_pool(s);
}

static char *virtual_table(const session *s)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);

    sqlite3_str_appendf(sql, "CREATE VIRTUAL TABLE %s\"%w\" USING similarity(", s->schema,
                        s->table);
    if (s->n_columns > 2) sqlite3_str_appendall(sql, "a INTEGER UNINDEXED, ");
    if (s->is_text) sqlite3_str_appendall(sql, "e, model=tiny");
    else sqlite3_str_appendf(sql, "e VECTOR(%d)", s->n_dims);
    for (int i = s->n_columns > 2 ? 1 : 0; i < s->n_columns; i++)
        sqlite3_str_appendf(sql, ", %s%s UNINDEXED", session_columns[i], types[i]);
    sqlite3_str_appendf(sql, ", metric=%s%s", s->metric, s->is_ivf ? ", index=ivf" : "");
    if (s->is_hybrid) sqlite3_str_appendall(sql, ", hybrid=1");
    if (s->content == EXTERNAL)
        sqlite3_str_appendall(sql, ", content='notes', content_rowid='id'");
    if (s->content == CONTENTLESS) sqlite3_str_appendall(sql, ", content=''");
    sqlite3_str_appendall(sql, ")");
    return oracle_finish(sql);
}

static char *ordinary_table(const session *s, const char *name)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);

    sqlite3_str_appendf(sql, "CREATE TABLE %s%s(id INTEGER PRIMARY KEY, e", s->schema,
                        name);
    for (int i = 0; i < s->n_columns; i++)
        sqlite3_str_appendf(sql, ", %s%s", session_columns[i], types[i]);
    sqlite3_str_appendall(sql, ");");
    return oracle_finish(sql);
}

/* An ordinary table refuses what is not a vector just as x does, whatever OR says. */
static char *twin_tables(const session *s)
{
    int n = s->is_text ? 0 : s->n_dims;
    char *twin = ordinary_table(s, "twin"), *src = ordinary_table(s, "src");
    char *all = oracle_text(
        "%s CREATE TRIGGER %stwin_bi BEFORE INSERT ON twin WHEN NOT is_vector(new.e, %d) "
        "BEGIN SELECT RAISE(ABORT, 'not a vector'); END; "
        "CREATE TRIGGER %stwin_bu BEFORE UPDATE OF e ON twin WHEN NOT is_vector(new.e, "
        "%d) "
        "BEGIN SELECT RAISE(ABORT, 'not a vector'); END; "
        "%s CREATE TABLE %sinfo(id INTEGER PRIMARY KEY, tag INTEGER); "
        "INSERT INTO info WITH n(i) AS (VALUES(-3) UNION ALL SELECT i + 1 FROM n LIMIT "
        "%d) "
        "SELECT i, abs(i * 7) %% 5 FROM n WHERE i %% 3 <> 1",
        twin, s->schema, n, s->schema, n, src, s->schema, s->id_max);
    sqlite3_free(twin);
    sqlite3_free(src);
    return all;
}

static bool fill_src(session *s)
{
    for (int row = 0; row < SESSION_SOURCE && !s->has_differed;) {
        sqlite3_str *sql = sqlite3_str_new(NULL);
        sqlite3_str_appendall(sql, "INSERT INTO src VALUES");
        for (int i = 0; i < 32; i++, row++) {
            sqlite3_str_appendf(sql, "%s(%d,", i > 0 ? "," : "", row);
            if (session_chance(s, 5)) sqlite3_str_appendall(sql, "NULL");
            else session_vector(s, sql);
            for (int c = 0; c < s->n_columns; c++) {
                sqlite3_str_appendall(sql, ",");
                session_value(s, sql, c);
            }
            sqlite3_str_appendall(sql, ")");
        }
        session_do(s, ORACLE_ALONE, oracle_finish(sql), NULL);
    }
    return !s->has_differed;
}

/* A session without its triggers is another. Looking everywhere, ivf is exact too. */
static void create_x(session *s, oracle_kind kind, char *twin)
{
    session_do(s, kind, virtual_table(s), twin);
    if (s->content == EXTERNAL) session_command(s, ORACLE_SETUP, "triggers");
    if (s->is_ivf)
        session_do(
            s, ORACLE_SETUP,
            oracle_text("INSERT INTO \"%w\"(\"%w\", rank) VALUES('probes', 1000000)",
                        s->table, s->table),
            NULL);
}

bool session_create(session *s, oracle_kind kind)
{
    draw_kind(s);
    if (s->content == EXTERNAL) session_do(s, kind, ordinary_table(s, "notes"), NULL);
    char *twin = twin_tables(s);
    if (kind != ORACLE_SETUP) {
        session_do(s, kind, twin, NULL);
        twin = NULL;
    }
    create_x(s, kind, twin);
    if (s->second[0] != '\0') {
        session_swap(s);
        create_x(s, kind, NULL);
    }
    return fill_src(s);
}

void session_swap(session *s)
{
    char name[sizeof s->table];

    if (s->second[0] == '\0') return;
    memcpy(name, s->table, sizeof name);
    memcpy(s->table, s->second, sizeof name);
    memcpy(s->second, name, sizeof name);
}

/* ---- the session ---- */

char *session_attach(const session *s)
{
    return s->schema[0] == '\0' ? NULL : oracle_text("ATTACH 'aux.db' AS aux");
}

static void open_database(session *s)
{
    static const char *const pages[] = {"512", "1024", "4096", "4096", "65536"};
    static const char *const modes[] = {"DELETE", "WAL", "WAL", "TRUNCATE"};
    const char *mode = modes[session_below(s, 4)], *page = pages[session_below(s, 5)];
    const char *encoding = session_chance(s, 20) ? "UTF-16" : "UTF-8";
    int vacuum = session_below(s, 3), is_recursive = session_below(s, 2);
    int cache = session_chance(s, 40) ? 10 : 2000;

    s->is_wal = strcmp(mode, "WAL") == 0;
    s->schema = session_chance(s, 15) ? "aux." : "";
    if (s->schema[0] != '\0') encoding = "UTF-8"; /* that of the main database */
    for (int i = 0; i < ORACLE_CONNECTIONS && s->schema[0] != '\0'; i++)
        session_step(
            s, (oracle_step){ORACLE_SETUP, i, 0, session_attach(s), NULL, {NULL, NULL}});
    session_do(s, ORACLE_SETUP,
               oracle_text("SELECT encoder_config('max_code_bytes', %d)",
                           session_chance(s, 15) ? 0 : 1 << 30),
               NULL);
    session_do(s, ORACLE_SETUP,
               oracle_text("PRAGMA %spage_size=%s; PRAGMA encoding='%s'; PRAGMA "
                           "%sauto_vacuum=%d; PRAGMA %sjournal_mode=%s; PRAGMA "
                           "recursive_triggers=%d; PRAGMA %scache_size=%d",
                           s->schema, page, encoding, s->schema, vacuum, s->schema, mode,
                           is_recursive, s->schema, cache),
               NULL);
}

static bool operate(session *s)
{
    int which = session_below(s, 100);

    if (session_chance(s, 50)) session_swap(s);
    if (which < 30) return session_write(s);
    if (which < 40) return session_transact(s);
    if (which < 45) return session_manage(s);
    if (which < 52) return session_compare(s);
    if (which < 62) return session_join(s);
    return session_query(s);
}

bool session_drop(session *s)
{
    int n = s->second[0] == '\0' ? 1 : 2;

    for (int i = 0; i < n; i++, session_swap(s))
        session_do(s, ORACLE_ALONE, oracle_text("DROP TABLE \"%w\"", s->table), NULL);
    return !s->has_differed;
}

/* After the last operation: nothing is open, both agree, and the files are sound. */
static bool finish(session *s)
{
    if (session_is_open(s)) session_do(s, ORACLE_ALONE, oracle_text("COMMIT"), NULL);
    if (s->has_snapshot)
        session_step(s, (oracle_step){ORACLE_ALONE,
                                      1 - s->active,
                                      0,
                                      oracle_text("COMMIT"),
                                      NULL,
                                      {NULL, NULL}});
    s->has_snapshot = false;
    session_command(s, ORACLE_ALONE, "integrity-check");
    session_swap(s);
    session_command(s, ORACLE_ALONE, "integrity-check");
    session_step(s,
                 (oracle_step){
                     ORACLE_REOPEN, s->active, 0, session_attach(s), NULL, {NULL, NULL}});
    session_compare(s);
    session_swap(s);
    session_compare(s);
    session_do(s, ORACLE_QUERY, oracle_text("PRAGMA integrity_check"),
               oracle_text("SELECT 'ok'"));
    session_drop(s);
    return session_do(s, ORACLE_QUERY,
                      oracle_text("SELECT name FROM %ssqlite_schema", s->schema),
                      oracle_text("SELECT name FROM %ssqlite_schema WHERE tbl_name IN "
                                  "('twin', 'src', 'info', 'notes') AND name NOT LIKE "
                                  "'notes\\_%%' ESCAPE '\\'",
                                  s->schema));
}

bool session_run(session *s, long n)
{
    open_database(s);
    session_create(s, ORACLE_SETUP);
    long until = s->n_done + n;
    while (!s->has_differed && s->n_done < until) operate(s);
    return s->has_differed ? false : finish(s);
}
