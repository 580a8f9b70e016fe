/* fuzz_shadow.c - shadow tables of the similarity table, mangled in any way that SQL can.
 *
 * The first byte picks a kind of table, the second how often it is changed, the next two
 * what is asked of it then. Each eight bytes more are one change: a shadow table, a row,
 * a column, what to do with it and with which number. Whatever is left is the value,
 * where one is needed. */
#include "shadow.h"

#define CHANGES_MAX 6
#define HEAD        4 /* bytes before the changes */

#define TABLES_MAX  16
#define COLUMNS_MAX 16

typedef struct shadow_table {
    char name[64], columns[COLUMNS_MAX][64];
    unsigned n_columns;
} shadow_table;

typedef struct database {
    unsigned char *bytes;
    sqlite3_int64 n;
    shadow_table tables[TABLES_MAX];
    unsigned n_tables;
} database;

static database databases[DB_KINDS];

/* The shadow tables and their columns, as they were made. */
static void learn_tables(database *d)
{
    sqlite3 *db = db_open(d->bytes, d->n);
    sqlite3_stmt *s = NULL;

    FUZZ_CLAIM(sqlite3_prepare_v2(
                   db,
                   "SELECT t.name, c.name FROM sqlite_schema AS t, "
                   "pragma_table_info(t.name) AS c WHERE t.type = 'table' AND t.name "
                   "GLOB 't_?*' ORDER BY t.name, c.cid",
                   -1, &s, NULL) == SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(s, 0);
        bool is_next =
            d->n_tables == 0 || strcmp(name, d->tables[d->n_tables - 1].name) != 0;
        d->n_tables += is_next;
        FUZZ_CLAIM(d->n_tables <= TABLES_MAX);
        shadow_table *t = &d->tables[d->n_tables - 1];
        FUZZ_CLAIM(t->n_columns < COLUMNS_MAX);
        snprintf(t->name, sizeof t->name, "%s", name);
        snprintf(t->columns[t->n_columns++], sizeof t->columns[0], "%s",
                 (const char *)sqlite3_column_text(s, 1));
    }
    FUZZ_CLAIM(sqlite3_finalize(s) == SQLITE_OK && d->n_tables > 0);
    db_close(db);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    db_begin();
    for (size_t i = 0; i < DB_KINDS; i++) {
        databases[i].bytes = db_make(i, &databases[i].n);
        learn_tables(&databases[i]);
    }
    return 0;
}

/* Statements with the table as %1$s and the column as %2$s; ?1 a row, ?2 a number, ?3
 * bytes. Values keep their type where they can. */
#define ROW                                                                              \
    " WHERE rowid = (SELECT rowid FROM \"%1$s\" LIMIT 1 OFFSET ?1 % (SELECT count(*) "   \
    "FROM \"%1$s\"))"
static const char *const changes[] = {
    "UPDATE \"%1$s\" SET \"%2$s\" = CAST(substr(CAST(\"%2$s\" AS BLOB), 1, ?2 % 5000) || "
    "?3 || "
    "substr(CAST(\"%2$s\" AS BLOB), ?2 % 5000 + length(?3) + 1) AS BLOB)" ROW,
    "UPDATE \"%1$s\" SET \"%2$s\" = ?3" ROW,
    "UPDATE \"%1$s\" SET \"%2$s\" = ?2" ROW,
    "UPDATE \"%1$s\" SET \"%2$s\" = NULL" ROW,
    "UPDATE \"%1$s\" SET \"%2$s\" = CAST(?3 AS TEXT)" ROW,
    "UPDATE \"%1$s\" SET \"%2$s\" = \"%2$s\" + ?2" ROW,
    "UPDATE \"%1$s\" SET \"%2$s\" = -\"%2$s\"" ROW,
    "UPDATE \"%1$s\" SET \"%2$s\" = substr(\"%2$s\", 1, length(\"%2$s\") - 1 - ?2 % "
    "40)" ROW,
    "UPDATE \"%1$s\" SET \"%2$s\" = zeroblob(?2 % 70000)" ROW,
    "UPDATE \"%1$s\" SET \"%2$s\" = \"%2$s\" || ?3" ROW,
    "UPDATE \"%1$s\" SET \"%2$s\" = (SELECT \"%2$s\" FROM \"%1$s\" ORDER BY random() "
    "LIMIT 1)" ROW,
    "DELETE FROM \"%1$s\"" ROW,
    "DELETE FROM \"%1$s\"",
    "UPDATE OR REPLACE \"%1$s\" SET rowid = ?2" ROW,
    "DROP TABLE \"%1$s\"",
    "ALTER TABLE \"%1$s\" RENAME COLUMN \"%2$s\" TO other",
};

#define N_CHANGES (sizeof changes / sizeof *changes)

static sqlite3_int64 number_of(unsigned a, unsigned b)
{
    static const sqlite3_int64 odd[] = {
        0,         -1,        1,         255,       256,  65535,  INT32_MAX,
        INT32_MIN, 1ll << 32, INT64_MAX, INT64_MIN, 4096, 1 << 20};
    return a % 2 == 0 ? odd[b % (sizeof odd / sizeof *odd)]
                      : (sqlite3_int64)(a / 2 * 256 + b);
}

/* Puts the words of a statement where they belong. */
static char *words(const char *format, const char *table, const char *column)
{
    sqlite3_str *s = sqlite3_str_new(NULL);

    for (; *format != '\0'; format++) {
        bool is_word = format[0] == '%' && format[1] != ' ';
        if (!is_word) sqlite3_str_appendchar(s, 1, *format);
        else sqlite3_str_appendall(s, format[1] == '1' ? table : column);
        if (is_word) format += 3;
    }
    return sqlite3_str_finish(s);
}

/* The same rows in a table whose key is no key. */
static void forget_key(sqlite3 *db, const char *table)
{
    char sql[600];

    snprintf(sql, sizeof sql,
             "CREATE TABLE z AS SELECT * FROM \"%s\"; DROP TABLE \"%s\"; ALTER TABLE z "
             "RENAME TO \"%s\"; UPDATE \"%s\" SET id = 'x' || id",
             table, table, table, table);
    sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static void change(sqlite3 *db, const database *d, const uint8_t *how, enc_bytes value)
{
    const shadow_table *t = &d->tables[how[0] % d->n_tables];
    const char *table = t->name, *column = t->columns[how[2] % t->n_columns];
    sqlite3_stmt *stmt = NULL;

    if (how[3] == 255) {
        forget_key(db, table);
        return;
    }
    char *sql = words(changes[how[3] % N_CHANGES], table, column);
    size_t n = value.n < how[7] ? value.n : how[7];
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK) {
        sqlite3_bind_int64(stmt, 1, how[1]);
        sqlite3_bind_int64(stmt, 2, number_of(how[4], how[5] + 256u * how[6]));
        sqlite3_bind_blob(stmt, 3, n > 0 ? (const void *)value.at : "", (int)n,
                          SQLITE_STATIC);
        sqlite3_step(stmt);
    }
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < HEAD + 8) return 0;
    size_t kind = data[0] % DB_KINDS, n_changes = 1 + data[1] % CHANGES_MAX;
    bool is_warm = data[1] & 0x40; /* the table has been read before */
    const database *d = &databases[kind];
    sqlite3 *db = db_open(d->bytes, d->n);

    if (n_changes > (n - HEAD) / 8) n_changes = (n - HEAD) / 8;
    if (is_warm) db_run(db, "SELECT count(*) FROM t WHERE t MATCH '[1,1,1,1]'", false);
    const uint8_t *rest = data + HEAD + 8 * n_changes;
    for (size_t i = 0; i < n_changes; i++)
        change(db, d, data + HEAD + 8 * i, (enc_bytes){rest, (size_t)(data + n - rest)});
    if (data[1] & 0x80)
        db_exec(db, "UPDATE t_config SET v = v + 1 WHERE k = 'generation'");
    shadow_ask(db, kind == 1 || kind == 2, data[2] + 256u * data[3]);
    db_close(db);
    return 0;
}
