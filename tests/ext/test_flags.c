/* What every function and table of ours may be used for, against a table of what is
 * meant. SQLite is asked what is there, so a new function without an entry fails.
 *
 * A pure function depends on its arguments and on models that are loaded already, and may
 * stand in any schema; a direct one loads, saves, configures, runs SQL or writes files,
 * and may stand in none. */
#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

#include "check.h"

int sqlite3_encoder_init(sqlite3 *db, char **message,
                         const struct sqlite3_api_routines *api);

static int init(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    int rc = sqlite3_encoder_init(db, message, api);
    /* Code that threads may be running must not be unloaded with the first connection. */
    CHECK(rc == SQLITE_OK_LOAD_PERMANENTLY);
    return rc == SQLITE_OK_LOAD_PERMANENTLY ? SQLITE_OK : rc;
}

#define PURE      (SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS)
#define DIRECT    SQLITE_DIRECTONLY
#define INNOCUOUS SQLITE_INNOCUOUS
#define FLAGS     (SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS | SQLITE_DIRECTONLY)

static const struct {
    const char *name;
    int n_args_min, n_args_max, flags;
    char kind; /* as SQLite says it: scalar, aggregate */
} functions[] = {
    {"answer", 2, 4, PURE, 's'},
    {"classify", 1, 2, PURE, 's'},
    {"embed", 1, 2, PURE, 's'},
    {"embed_passage", 1, 2, PURE, 's'},
    {"embed_query", 1, 2, PURE, 's'},
    {"encoder_config", 0, 2, DIRECT, 's'},
    {"encoder_default", 0, 1, DIRECT, 's'},
    {"encoder_load", 1, 3, DIRECT, 's'},
    {"encoder_save", 2, 2, DIRECT, 's'},
    {"encoder_unload", 1, 1, DIRECT, 's'},
    {"encoder_version", 0, 0, INNOCUOUS, 's'}, /* tells the number of threads of now */
    {"fine_tune_pairs", 3, 4, DIRECT, 'a'},
    {"head_info", 1, 1, PURE, 's'},
    {"next_sentence", 2, 3, PURE, 's'},
    {"passage", 1, 1, INNOCUOUS, 's'}, /* of the row that was found, not of an argument */
    {"pooled", 1, 2, PURE, 's'},
    {"pretrain", 1, 2, DIRECT, 'a'},
    {"rerank", 2, 3, PURE, 's'},
    {"similarity", 2, 3, PURE, 's'},
    {"token_count", 1, 2, PURE, 's'},
    {"train_classifier", 2, 3, PURE, 'a'},
    {"vector", 1, 1, PURE, 's'},
    {"vector_dims", 1, 1, PURE, 's'},
    {"vector_json", 1, 1, PURE, 's'},
};

/* Tables that are there by themselves, with a use that gives some row or none. */
static const struct {
    const char *name, *call;
    bool is_direct;
} tables[] = {
    {"answers", "answers('who?', 'me')", false},
    {"attention", "attention('a')", false},
    {"chunks", "chunks('a')", false},
    {"classes", "classes('a')", false},
    {"embed_each", "embed_each('[\"a\"]')", true}, /* runs SQL that it is given */
    {"encoder_models", "encoder_models", false},
    {"encoder_progress", "encoder_progress", false},
    {"entities", "entities('a')", false},
    {"fill_mask", "fill_mask('[MASK]')", false},
    {"hidden_states", "hidden_states('a')", false},
    {"model_summary", "model_summary()", false},
    {"recall_at_k", "recall_at_k('t')", false},
    {"similarity", "t", false}, /* the table of that kind made below */
    {"similarity_stats", "similarity_stats('t')", false},
    {"token_classes", "token_classes('a')", false},
    {"tokens", "tokens('a')", false},
    {"zero_shot", "zero_shot('a', '[\"a\"]')", false},
};

enum {
    N_FUNCTIONS = sizeof functions / sizeof functions[0],
    N_TABLES = sizeof tables / sizeof tables[0]
};

static int run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* A connection with the extension, and in temp.own the names that one without it has. */
static sqlite3 *open_db(void)
{
    sqlite3 *plain = NULL, *db = NULL;
    sqlite3_stmt *own = NULL;

    sqlite3_open(":memory:", &plain);
    sqlite3_auto_extension((void (*)(void))init);
    sqlite3_open(":memory:", &db);
    CHECK(run(db, "CREATE TEMP TABLE own(name)") == SQLITE_OK);
    CHECK(sqlite3_prepare_v2(plain,
                             "SELECT name FROM pragma_function_list UNION "
                             "SELECT name FROM pragma_module_list",
                             -1, &own, NULL) == SQLITE_OK);
    while (sqlite3_step(own) == SQLITE_ROW) {
        char *sql =
            sqlite3_mprintf("INSERT INTO own VALUES(%Q)", sqlite3_column_text(own, 0));
        CHECK(run(db, sql) == SQLITE_OK);
        sqlite3_free(sql);
    }
    sqlite3_finalize(own);
    sqlite3_close(plain);
    CHECK(run(db, "CREATE VIRTUAL TABLE t USING similarity(body)") == SQLITE_OK);
    return db;
}

static int place_of(const char *name)
{
    int i = 0;
    while (i < N_FUNCTIONS && strcmp(functions[i].name, name) != 0) i++;
    return i;
}

static void every_function_has_the_flags_meant(sqlite3 *db)
{
    int seen[N_FUNCTIONS] = {0};
    sqlite3_stmt *stmt = NULL;

    CHECK(sqlite3_prepare_v2(db,
                             "SELECT name, narg, type, flags FROM pragma_function_list "
                             "WHERE name NOT IN temp.own",
                             -1, &stmt, NULL) == SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        int n_args = sqlite3_column_int(stmt, 1), i = place_of(name);

        CHECK_SAY(i < N_FUNCTIONS, "%s has no entry", name);
        if (i == N_FUNCTIONS) continue;
        CHECK_SAY(n_args >= functions[i].n_args_min && n_args <= functions[i].n_args_max,
                  "%s takes %d arguments", name, n_args);
        CHECK_SAY((sqlite3_column_int(stmt, 3) & FLAGS) == functions[i].flags,
                  "%s/%d has the flags %x", name, n_args,
                  (unsigned)(sqlite3_column_int(stmt, 3) & FLAGS));
        CHECK_SAY(sqlite3_column_text(stmt, 2)[0] == functions[i].kind,
                  "%s is of kind %s", name, sqlite3_column_text(stmt, 2));
        seen[i]++;
    }
    sqlite3_finalize(stmt);
    for (int i = 0; i < N_FUNCTIONS; i++)
        CHECK_SAY(seen[i] == functions[i].n_args_max - functions[i].n_args_min + 1,
                  "%s is there %d times", functions[i].name, seen[i]);
}

static void every_table_has_an_entry(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    int seen = 0;

    CHECK(sqlite3_prepare_v2(db,
                             "SELECT name FROM pragma_module_list WHERE name NOT IN "
                             "temp.own",
                             -1, &stmt, NULL) == SQLITE_OK);
    for (; sqlite3_step(stmt) == SQLITE_ROW; seen++) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        int i = 0;
        while (i < N_TABLES && strcmp(tables[i].name, name) != 0) i++;
        CHECK_SAY(i < N_TABLES, "%s has no entry", name);
    }
    sqlite3_finalize(stmt);
    CHECK(seen == N_TABLES);
}

/* SQLite does not list the risk of a module, so a view tries it. */
static void every_table_has_the_risk_meant(sqlite3 *db, bool is_trusted)
{
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, (int)is_trusted, NULL);
    for (int i = 0; i < N_TABLES; i++) {
        char *sql = sqlite3_mprintf("DROP VIEW IF EXISTS v; CREATE VIEW v AS SELECT * "
                                    "FROM %s; SELECT * FROM v",
                                    tables[i].call);
        int rc = run(db, sql);
        bool is_unsafe = rc != SQLITE_OK && strstr(sqlite3_errmsg(db), "unsafe") != NULL;
        CHECK_SAY(is_unsafe == tables[i].is_direct, "%s: %s", tables[i].name,
                  sqlite3_errmsg(db));
        sqlite3_free(sql);
    }
}

/* Ordinary SQL may not touch what a similarity table keeps, where a host says so. */
static void attack_shadow(sqlite3 *db, const char *name)
{
    static const char *const attacks[] = {"DELETE FROM \"%w\"", "DROP TABLE \"%w\"",
                                          "INSERT INTO \"%w\" DEFAULT VALUES",
                                          "ALTER TABLE \"%w\" ADD COLUMN x"};

    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        char *sql = sqlite3_mprintf(attacks[i], name);
        int rc = run(db, sql);
        const char *why = sqlite3_errmsg(db);
        CHECK_SAY(rc != SQLITE_OK && strstr(why, "may not be") != NULL, "%s: %s", sql,
                  why);
        sqlite3_free(sql);
    }
}

/* The lexical index of a hybrid table is a virtual table itself, which SQLite cannot
 * hide; what lies below it is hidden. */
static void every_shadow_table_is_one(sqlite3 *db)
{
    char names[32][32];
    sqlite3_stmt *stmt = NULL;
    int n = 0;

    CHECK(run(db, "CREATE VIRTUAL TABLE u USING similarity(body, tag UNINDEXED, "
                  "chunk=auto, hybrid=1, index=ivf)") == SQLITE_OK);
    CHECK(sqlite3_prepare_v2(db,
                             "SELECT name, type FROM pragma_table_list WHERE name GLOB "
                             "'[tu]_*' AND name <> 'u_fts'",
                             -1, &stmt, NULL) == SQLITE_OK);
    for (; n < 32 && sqlite3_step(stmt) == SQLITE_ROW; n++) {
        sqlite3_snprintf(sizeof names[n], names[n], "%s", sqlite3_column_text(stmt, 0));
        CHECK_SAY(strcmp((const char *)sqlite3_column_text(stmt, 1), "shadow") == 0,
                  "%s is no shadow table", names[n]);
    }
    sqlite3_finalize(stmt);
    CHECK_SAY(n >= 10, "%d shadow tables", n);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    while (n-- > 0) attack_shadow(db, names[n]);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
}

int main(void)
{
    sqlite3 *db = open_db();

    every_function_has_the_flags_meant(db);
    every_table_has_an_entry(db);
    every_table_has_the_risk_meant(db, true);
    every_table_has_the_risk_meant(db, false);
    every_shadow_table_is_one(db);
    CHECK(sqlite3_close(db) == SQLITE_OK);
    return check_done("flags");
}
