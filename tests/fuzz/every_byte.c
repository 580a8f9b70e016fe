/* every_byte.c - every byte of everything that we store, changed.
 *
 *   every_byte --from SEED --seconds N    as the torture driver calls it
 *   every_byte                            for ten seconds
 *
 * What is stored: the values of all shadow tables of a similarity table of every kind,
 * and a head. Point p of them all is one byte and one of eight other values; points are
 * taken in an order that scatters them, so that any run sees some of everything, and one
 * of all points sees each once. */
#include "shadow.h"

#include "base/rng.h"

#define VALUES 8

typedef struct place { /* a value of a shadow table */
    char table[64], column[16];
    sqlite3_int64 rowid;
    size_t kind, n; /* bytes */
} place;

static place *places;
static size_t n_places, n_bytes;
static unsigned char *bytes[DB_KINDS];
static sqlite3_int64 sizes[DB_KINDS];

static void add_value(const char *table, const char *column, sqlite3_int64 rowid,
                      size_t kind, size_t n)
{
    places = realloc(places, (n_places + 1) * sizeof *places);
    FUZZ_CLAIM(places != NULL);
    place *p = &places[n_places++];
    snprintf(p->table, sizeof p->table, "%s", table);
    snprintf(p->column, sizeof p->column, "%s", column);
    p->rowid = rowid;
    p->kind = kind;
    p->n = n;
    n_bytes += n;
}

static void list_column(sqlite3 *db, const char *table, const char *column, size_t kind)
{
    sqlite3_stmt *s = NULL;
    char *sql = sqlite3_mprintf("SELECT rowid, length(CAST(\"%w\" AS BLOB)) FROM \"%w\"",
                                column, table);

    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK)
        while (sqlite3_step(s) == SQLITE_ROW)
            add_value(table, column, sqlite3_column_int64(s, 0), kind,
                      (size_t)sqlite3_column_int64(s, 1));
    sqlite3_finalize(s);
    sqlite3_free(sql);
}

static void list_kind(size_t kind)
{
    sqlite3 *db;
    sqlite3_stmt *s = NULL;

    bytes[kind] = db_make(kind, &sizes[kind]);
    db = db_open(bytes[kind], sizes[kind]);
    FUZZ_CLAIM(
        sqlite3_prepare_v2(
            db,
            "SELECT m.name, i.name FROM sqlite_schema m, pragma_table_info(m.name) i "
            "WHERE m.type = 'table' AND m.name GLOB 't_?*' AND m.sql NOT LIKE "
            "'%VIRTUAL%' ORDER BY 1, 2",
            -1, &s, NULL) == SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW)
        list_column(db, (const char *)sqlite3_column_text(s, 0),
                    (const char *)sqlite3_column_text(s, 1), kind);
    sqlite3_finalize(s);
    db_close(db);
}

static uint8_t changed(uint8_t byte, size_t value)
{
    static const uint8_t odd[] = {0, 1, 0x7f, 0x80, 0xff};
    if (value < sizeof odd) return odd[value];
    return (uint8_t)(byte ^ (1u << (value - sizeof odd) * 3));
}

/* Changes byte `at` of the value, which keeps its type. */
static void change(sqlite3 *db, const place *p, size_t at, size_t value)
{
    sqlite3_stmt *s = NULL;
    char *get =
        sqlite3_mprintf("SELECT CAST(\"%w\" AS BLOB), typeof(\"%w\") FROM \"%w\" WHERE "
                        "rowid = %lld",
                        p->column, p->column, p->table, p->rowid);
    char *put = NULL;
    uint8_t *copy = malloc(p->n);

    FUZZ_CLAIM(copy != NULL && sqlite3_prepare_v2(db, get, -1, &s, NULL) == SQLITE_OK);
    FUZZ_CLAIM(sqlite3_step(s) == SQLITE_ROW);
    memcpy(copy, sqlite3_column_blob(s, 0), p->n);
    put = sqlite3_mprintf(
        "UPDATE OR REPLACE \"%w\" SET \"%w\" = CAST(?1 AS %s) WHERE rowid = %lld",
        p->table, p->column, sqlite3_column_text(s, 1), p->rowid);
    sqlite3_finalize(s);
    copy[at] = changed(copy[at], value);
    FUZZ_CLAIM(sqlite3_prepare_v2(db, put, -1, &s, NULL) == SQLITE_OK);
    sqlite3_bind_blob(s, 1, copy, (int)p->n, SQLITE_STATIC);
    sqlite3_step(s);
    sqlite3_finalize(s);
    free(copy);
    sqlite3_free(get);
    sqlite3_free(put);
}

/* A head of which one byte is another. */
static void change_head(size_t at, size_t value)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    static uint8_t head[4096];
    static size_t n;

    FUZZ_CLAIM(sqlite3_open(":memory:", &db) == SQLITE_OK);
    sqlite3_progress_handler(db, 1000, db_is_late, NULL);
    if (n == 0) {
        db_wind(10.0);
        FUZZ_CLAIM(
            sqlite3_prepare_v2(db,
                               "SELECT train_classifier(vector(column1), column2) FROM "
                               "(VALUES('[1,0]', 'x'), ('[0,1]', 'y'), ('[1,1]', 'x'))",
                               -1, &s, NULL) == SQLITE_OK);
        FUZZ_CLAIM(sqlite3_step(s) == SQLITE_ROW);
        n = (size_t)sqlite3_column_bytes(s, 0);
        FUZZ_CLAIM(n > 0 && n <= sizeof head);
        memcpy(head, sqlite3_column_blob(s, 0), n);
        sqlite3_finalize(s);
    }
    uint8_t before = head[at % n];
    head[at % n] = changed(before, value);
    for (int i = 0; i < 2; i++) {
        db_wind(DB_SECONDS);
        FUZZ_CLAIM(sqlite3_prepare_v2(db,
                                      i == 0 ? "SELECT head_info(?1)"
                                             : "SELECT classify(vector('[1,0]'), ?1)",
                                      -1, &s, NULL) == SQLITE_OK);
        sqlite3_bind_blob(s, 1, head, (int)n, SQLITE_STATIC);
        db_answer(db, sqlite3_step(s), true, "a head");
        sqlite3_finalize(s);
    }
    head[at % n] = before;
    db_close(db);
}

/* Byte and value of a point. */
static void try_point(size_t point)
{
    size_t at = point / VALUES % (n_bytes + 300), value = point % VALUES, i = 0;

    if (at >= n_bytes) {
        change_head(at - n_bytes, value);
        return;
    }
    for (; at >= places[i].n; i++) at -= places[i].n;
    sqlite3 *db = db_open(bytes[places[i].kind], sizes[places[i].kind]);
    change(db, &places[i], at, value);
    shadow_ask(db, places[i].kind == 1 || places[i].kind == 2, 0x1fff);
    db_close(db);
}

int main(int argc, char **argv)
{
    bool is_torture = argc == 5;
    size_t at = is_torture ? strtoull(argv[2], NULL, 10) : 0, n = 0;
    double until = now() + (is_torture ? strtod(argv[4], NULL) : 10);

    db_begin();
    for (size_t i = 0; i < DB_KINDS; i++) list_kind(i);
    size_t n_points = (n_bytes + 300) * VALUES;
    for (; now() < until; n++, at++) try_point(at * 1000003 % n_points); /* a prime */
    for (size_t i = 0; i < DB_KINDS; i++) sqlite3_free(bytes[i]);
    free(places);
    if (is_torture) printf("every_byte: %zu points, 0 failed, next %zu\n", n, at);
    else printf("every_byte: %zu passed, 0 failed\n", n);
    fprintf(stderr, "of %zu points\n", n_points);
    return 0;
}
