/* session_manage.c - transactions, commands and what is done to whole tables
 * (session.h). */
#include "lib/session.h"

#include <string.h>

static bool on(session *s, int connection, oracle_kind kind, const char *sql)
{
    return session_step(s, (oracle_step){kind,
                                         connection,
                                         0,
                                         sql == NULL ? NULL : oracle_text("%s", sql),
                                         NULL,
                                         {NULL, NULL}});
}

/* ---- transactions ---- */

static bool begin(session *s)
{
    static const char *const forms[] = {"BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE",
                                        "SAVEPOINT p0"};
    int which = session_below(s, 4);

    /* With a table elsewhere the other would be kept from reading the main database,
     * which it must to see that its schema is old: it would not know tables that were
     * renamed. */
    if (which == 2 && (s->has_snapshot || s->schema[0] != '\0')) which = 0;
    if (!on(s, s->active, ORACLE_ALONE, forms[which])) return false;
    s->n_savepoints = which == 3;
    return true;
}

/* What may fail: now and then something does. Takes sql; if that leaves a transaction
 * open `undo` is done, or all is rolled back. */
static bool faulty(session *s, char *sql, const char *undo, int percent)
{
    bool is_faulty = session_chance(s, percent);
    oracle_step step = {
        is_faulty ? ORACLE_FAULTY : ORACLE_ALONE,
        s->active,
        is_faulty ? session_fault(s) : 0,
        sql,
        NULL,
        {is_faulty && undo != NULL ? oracle_text("%s", undo) : NULL, NULL}};

    return session_step(s, step);
}

static bool savepoint(session *s)
{
    int depth = s->n_savepoints, to = depth > 0 ? session_below(s, depth) : 0;
    char *sql, *again = NULL;

    if (depth == 0 || (depth < 4 && session_chance(s, 50))) {
        sql = oracle_text("SAVEPOINT p%d", depth);
        again = oracle_text("SAVEPOINT p%d", depth);
        s->n_savepoints = depth + 1;
    } else if (session_chance(s, 60)) {
        sql = oracle_text("ROLLBACK TO p%d", to);
        s->n_savepoints = to + 1;
    } else {
        sql = oracle_text("RELEASE p%d", to);
        s->n_savepoints = to;
    }
    /* What the end of one of them leaves open goes on. */
    bool is_same = faulty(s, sql, again, 15);
    sqlite3_free(again);
    return is_same;
}

/* The other connection starts or ends reading one state of the database. */
static bool snapshot(session *s)
{
    int other = 1 - s->active;

    if (s->has_snapshot) {
        s->has_snapshot = false;
        return on(s, other, ORACLE_ALONE, "COMMIT");
    }
    if (!s->is_wal) return true;
    s->has_snapshot = true;
    return on(s, other, ORACLE_ALONE, "BEGIN; SELECT count(*) FROM twin");
}

bool session_transact(session *s)
{
    if (session_is_open(s)) {
        int which = session_below(s, 100);
        if (which < 60) return savepoint(s);
        return faulty(s, oracle_text(which < 85 ? "COMMIT" : "ROLLBACK"), NULL, 15);
    }
    if (session_chance(s, 25)) return snapshot(s);
    if (session_chance(s, 25)) {
        if (s->has_snapshot && !snapshot(s)) return false;
        /* FTS5 reads on after a rollback of a statement; the next one ends that. */
        if (s->is_hybrid &&
            !session_do(s, ORACLE_ALONE,
                        oracle_text("SELECT count(*) FROM %ssqlite_schema", s->schema),
                        NULL))
            return false;
        s->active = 1 - s->active;
        return true;
    }
    return begin(s);
}

/* ---- commands ---- */

static char *command_sql(const session *s, const char *name)
{
    return oracle_text("INSERT INTO \"%w\"(\"%w\") VALUES(%Q)", s->table, s->table, name);
}

bool session_command(session *s, oracle_kind kind, const char *name)
{
    return session_do(s, kind, command_sql(s, name), NULL);
}

/* One that changes no rows, now and then while something fails. */
static bool tidy(session *s, const char *name)
{
    if (!session_chance(s, 35)) return session_command(s, ORACLE_ALONE, name);
    oracle_step step = {ORACLE_FAULTY,           s->active,
                        session_fault(s),        command_sql(s, name),
                        oracle_text("SELECT 1"), {NULL, NULL}};
    return session_step(s, step);
}

static bool run_command(session *s)
{
    bool has_source = s->content == EXTERNAL || (s->content == OWN && s->is_text);

    switch (session_below(s, has_source && s->is_text ? 10 : 8)) {
    case 0:
    case 1:
    case 2: return tidy(s, "optimize");
    case 3:
    case 4: return tidy(s, "integrity-check");
    case 5:
        return has_source ? tidy(s, "rebuild")
                          : session_command(s, ORACLE_REFUSED, "rebuild");
    case 8:
    case 9: return tidy(s, "reembed");
    case 6:
        if (s->content != EXTERNAL) return session_command(s, ORACLE_REFUSED, "triggers");
        if (!session_command(s, ORACLE_ALONE, "delete-all")) return false;
        return session_command(s, ORACLE_ALONE, "rebuild");
    default:
        if (s->content == EXTERNAL)
            return session_command(s, ORACLE_REFUSED, "no such command");
        return session_do(s, ORACLE_BOTH, command_sql(s, "delete-all"),
                          oracle_text("DELETE FROM twin"));
    }
}

/* ---- whole tables ---- */

static bool rename_table(session *s)
{
    static const char *const names[] = {"x", "y", "three little words", "a\"b", "이름"};
    const char *name = names[session_below(s, 5)];

    if (strcmp(name, s->table) == 0 || strcmp(name, s->second) == 0) return true;
    /* Seen from an older state of the database it has another name. */
    if (s->has_snapshot && !snapshot(s)) return false;
    char *sql = oracle_text("ALTER TABLE \"%w\" RENAME TO \"%w\"", s->table, name);
    char *is_done = oracle_text("SELECT count(*) FROM %ssqlite_schema WHERE name = %Q",
                                s->schema, name);
    bool is_same = faulty(s, sql, NULL, 20);
    if (session_ask(s, is_done) > 0.0) snprintf(s->table, sizeof s->table, "%s", name);
    sqlite3_free(is_done);
    return is_same;
}

/* Dropped, made otherwise and filled, or renamed and changed, or set to look into less;
 * and all of it undone. */
static bool undone(session *s)
{
    static const char *const rest[] = {
        "",
        "CREATE VIRTUAL TABLE $s$x USING similarity(e VECTOR(2), metric=dot); "
        "INSERT INTO $x(e) VALUES('[1,2]'), ('[2,1]'); "
        "SELECT rowid FROM $x WHERE $x MATCH '[1,1]'; ",
        "CREATE VIRTUAL TABLE $s$x USING similarity(e VECTOR(2)); "
        "INSERT INTO $x(e) VALUES('[1,2]'); ",
        "SELECT rowid FROM other LIMIT 3; ",
        "DELETE FROM other WHERE rowid IN (SELECT rowid FROM other LIMIT 2); ",
        "DELETE FROM other WHERE rowid = (SELECT max(rowid) FROM other); ",
        "INSERT INTO $x($x, rank) VALUES('probes', 1); SELECT rowid FROM $x LIMIT 1; ",
        "DELETE FROM $x WHERE rowid = (SELECT max(rowid) FROM $x); "
        "INSERT INTO $x($x, rank) VALUES('probes', 1); ",
    };
    int which = session_below(s, 8);
    sqlite3_str *sql = sqlite3_str_new(NULL);

    sqlite3_str_appendf(sql,
                        which < 3   ? "SAVEPOINT d; DROP TABLE \"%w\"; "
                        : which < 6 ? "SAVEPOINT d; ALTER TABLE \"%w\" RENAME TO other; "
                                    : "SAVEPOINT d; ",
                        s->table);
    for (const char *c = rest[which]; *c != '\0'; c++) {
        if (strncmp(c, "$s", 2) == 0) sqlite3_str_appendall(sql, s->schema), c++;
        else if (strncmp(c, "$x", 2) != 0) sqlite3_str_appendchar(sql, 1, *c);
        else sqlite3_str_appendf(sql, "\"%w\"", s->table), c++;
    }
    sqlite3_str_appendall(sql, "ROLLBACK TO d; RELEASE d");
    return faulty(s, oracle_finish(sql), "ROLLBACK TO d; RELEASE d", 20);
}

/* Dropped for good, and all tables anew, of another kind and perhaps of the same name. */
static bool create_anew(session *s)
{
    if (!session_drop(s)) return false;
    if (!on(s, s->active, ORACLE_ALONE,
            "DROP TABLE twin; DROP TABLE src; DROP TABLE info; DROP TABLE IF EXISTS "
            "notes"))
        return false;
    return session_create(s, ORACLE_ALONE);
}

static bool reopen(session *s)
{
    int which = session_chance(s, 70) ? s->active : 1 - s->active;

    /* Opening reads, in newer versions of SQLite, which the other may not allow now. */
    if (which != s->active && session_is_open(s)) return true;
    if (which != s->active) s->has_snapshot = false;
    return session_step(
        s, (oracle_step){ORACLE_REOPEN, which, 0, session_attach(s), NULL, {NULL, NULL}});
}

/* What is shared by all tables is done while one is being read. */
static bool while_reading(session *s)
{
    static const char *const all[] = {
        "COMMIT", "ROLLBACK",        "SAVEPOINT q; ROLLBACK TO q; RELEASE q",
        "VACUUM", "BEGIN; ROLLBACK", "BEGIN"};
    static const char *const commands[] = {"optimize", "rebuild", "reembed",
                                           "integrity-check"};
    oracle_step step = {ORACLE_HALF, s->active, 1 + session_below(s, 5),
                        NULL,        NULL,      {NULL, NULL}};

    step.subject = session_reading(s);
    step.bind[0] = session_chance(s, 50) ? oracle_text("%s", all[session_below(s, 6)])
                                         : command_sql(s, commands[session_below(s, 4)]);
    return session_step(s, step);
}

/* A statement that searches, writes to another database only, and fails there. */
static bool spill(session *s)
{
    char *reading = session_reading(s);
    char *sql =
        oracle_text("CREATE TEMP TABLE IF NOT EXISTS spill(one UNIQUE); INSERT INTO "
                    "temp.spill SELECT 1 FROM (%s) UNION ALL SELECT 1 UNION ALL "
                    "SELECT 1",
                    reading);

    sqlite3_free(reading);
    return session_do(s, ORACLE_REFUSED, sql, NULL);
}

bool session_manage(session *s)
{
    int which = session_below(s, 100);
    bool is_open = session_is_open(s);

    if (is_open && session_chance(s, 40)) return spill(s);
    if (which < 35) return run_command(s);
    if (which < 45) return while_reading(s);
    if (which < 60) return reopen(s);
    if (which < 72) return undone(s);
    /* SQLite reads the schema anew, in the middle of a transaction too: FTS5 is not fit
     * for that, and does not notice how the transaction ends. */
    if (which < 75 && !(s->is_hybrid && is_open))
        return on(s, s->active, ORACLE_ALONE, "PRAGMA writable_schema=RESET");
    if (is_open) return run_command(s);
    if (which < 82) return rename_table(s);
    if (which < 90 && s->has_snapshot) return snapshot(s);
    if (which < 88)
        return faulty(s, oracle_text(s->schema[0] == '\0' ? "VACUUM" : "VACUUM aux"),
                      NULL, 30);
    if (which < 94 && s->is_wal)
        return on(s, s->active, ORACLE_TRY, "PRAGMA wal_checkpoint(TRUNCATE)");
    return which < 96 && !s->has_snapshot ? create_anew(s) : true;
}
