/* fuzz_sql.c - SQL over all functions, tables and options, made by a small grammar.
 *
 * Each byte of the input makes one choice. A text of the grammar is copied; "%" and a
 * letter in it stand for one of the texts of that letter, chosen by the next byte. What
 * is not right may be refused; what is answered may be anything; but the table must be
 * sound afterwards, and the connection must work. */
#include "db.h"

#define DEPTH_MAX 6
#define SQL_MAX   3000

typedef struct choices {
    const uint8_t *at;
    size_t n;
} choices;

static unsigned next_byte(choices *c)
{
    if (c->n == 0) return 0;
    c->n--;
    return *c->at++;
}

/* %s statement, %e expression, %t text, %v vector, %i whole number, %m model, %j JSON,
 * %c column, %r table-valued function, %o options of a table, %w condition, %k command */
static const char *const statements[] = {
    "SELECT %e",
    "SELECT %e, %e",
    "SELECT * FROM %r",
    "SELECT count(*), max(%c) FROM t WHERE %w",
    "SELECT rowid, * FROM t WHERE %w",
    "SELECT rowid, distance, similarity, rank FROM t WHERE t MATCH %e AND %w LIMIT %i",
    "SELECT rowid, passage(t) FROM t WHERE t MATCH %e ORDER BY rank LIMIT %i OFFSET %i",
    "SELECT rowid FROM t(%e, %i)",
    "SELECT a.rowid, b.rowid FROM t a LEFT JOIN t b ON b.query = a.body AND b.k = 2",
    "SELECT a.rowid, b.distance FROM t a, t b WHERE b.t MATCH %e AND a.rowid = b.rowid",
    "INSERT INTO t(rowid, %c) VALUES(%i, %e)",
    "INSERT OR REPLACE INTO t(rowid, %c) VALUES(%i, %e)",
    "INSERT OR IGNORE INTO t(rowid, %c, %c) VALUES(%i, %e, %e)",
    "INSERT INTO t(%c) SELECT %e FROM t",
    "UPDATE t SET %c = %e WHERE %w",
    "UPDATE t SET rowid = %i WHERE rowid = %i",
    "DELETE FROM t WHERE %w",
    "INSERT INTO t(t) VALUES('%k')",
    "INSERT INTO t(t, rank) VALUES('%k', %e)",
    "CREATE VIRTUAL TABLE x USING similarity(%o)",
    "CREATE VIRTUAL TABLE x USING similarity(body, %o, %o)",
    "DROP TABLE x",
    "INSERT INTO x(body) VALUES(%e)",
    "SELECT * FROM x WHERE x MATCH %e",
    "INSERT INTO x(x) VALUES('%k')",
    "SAVEPOINT a",
    "ROLLBACK TO a",
    "RELEASE a",
    "CREATE TABLE y AS SELECT * FROM %r LIMIT 9",
    "SELECT train_classifier(%e, column1) FROM (VALUES(1), (2), (%e), (1))",
    "SELECT head_info(train_classifier(body, rowid % 2, %j)) FROM t",
    "SELECT classify(%e, (SELECT train_classifier(body, rowid % 2) FROM t))",
    "CREATE VIRTUAL TABLE f USING fts5(a, tokenize = 'wordpiece %m')",
    "INSERT INTO f VALUES(%e)",
    "SELECT * FROM f WHERE f MATCH %e",
    "SELECT encoder_load(%e, %m, %j)",
    "SELECT encoder_unload(%m)",
    "UPDATE doc SET body = %e WHERE id = %i",
    "INSERT INTO doc VALUES(%i, %e, %e)",
    "ALTER TABLE t RENAME TO u",
    "ALTER TABLE u RENAME TO t",
};
static const char *const expressions[] = {
    "%t",
    "%t",
    "%v",
    "%v",
    "NULL",
    "%j",
    "x'00ff'",
    "1e300",
    "-0.0",
    "embed(%e)",
    "embed(%e, %m)",
    "embed_query(%e)",
    "embed_passage(%e, %m)",
    "similarity(%e, %e)",
    "similarity(%e, %e, %m)",
    "vector(%e)",
    "vector_json(%e)",
    "vector_dims(%e)",
    "token_count(%e)",
    "token_count(%e, %m)",
    "pooled(%e)",
    "classify(%e)",
    "classify(%e, %e)",
    "next_sentence(%e, %e)",
    "rerank(%e, %e)",
    "head_info(%e)",
    "answer(%e, %e)",
    "encoder_version()",
    "encoder_default()",
    "CAST(%e AS TEXT)",
    "CAST(%e AS BLOB)",
    "substr(%e, %i, %i)",
    "%e || %e",
    "zeroblob(%i % 9999)",
    "replace(%t, 'a', %t)",
    "(SELECT %c FROM t WHERE %w LIMIT 1)",
    "passage(t)",
    "upper(%e)",
    "hex(%e)",
    "embed(%e, %e)",
    "encoder_config(%t)",
    "similarity((SELECT body FROM t LIMIT 1), %e)",
};
static const char *const texts[] = {
    "'a cat'",
    "''",
    "' '",
    "'the dog. the fox? [MASK] is'",
    "'[MASK]'",
    "'가나 다라'",
    "'中文'",
    "char(0)",
    "'a' || char(0) || 'b'",
    "CAST(x'ff80c0' AS TEXT)",
    "char(769, 769, 97)",
    "'integrity-check'",
    "'%%'",
    "'[CLS][SEP]'",
    "'\"'' ) OR NEAR('",
    "char(65279)",
    "printf('%.*c', 500, 'x')",
    "printf('%.*c', 90, 'a ')",
    "'tiny'",
    "'id'",
};
static const char *const vectors[] = {
    "'[1,0,0,0]'",
    "'[0,0,0,0]'",
    "'[1e39,0,0,0]'",
    "'[1,2,3]'",
    "'[]'",
    "'[1,2,3,null]'",
    "x'0000803f000000000000000000000000'",
    "x'0000c07f000000000000000000000000'",
    "x'0000807f00000000000000000000803f'",
    "x'0100000000000000000000000000007f'",
    "'[1,2,3,4'",
    "'[[1]]'",
    "zeroblob(16)",
    "zeroblob(128)",
    "zeroblob(15)",
    "embed('a')",
};
static const char *const numbers[] = {
    "1",
    "0",
    "-1",
    "2",
    "3",
    "10",
    "40",
    "9223372036854775807",
    "-9223372036854775808",
    "2147483648",
    "4294967296",
    "1.5",
    "'x'",
    "NULL",
    "65537",
    "1000000",
};
static const char *const models[] = {"'tiny'", "NULL", "'none'",      "'../x'",
                                     "''",     "7",    "'tiny@main'", "x'00'"};
static const char *const jsons[] = {
    "'{}'",
    "'[]'",
    "'[\"a\", \"b\"]'",
    "'{\"folds\": 1}'",
    "'{\"l2\": -1}'",
    "'{\"k\": 1}'",
    "'{\"folds\": 3, \"balanced\": true, \"seed\": 7}'",
    "'[1, 2'",
    "'[\"a\", null, 3]'",
    "'{\"precision\": \"int8\"}'",
    "'{\"pooling\": \"cls\", \"normalize\": false}'",
    "'{\"max_tokens\": 3}'",
    "'{\"dims\": 4}'",
    "'[\"\", \"\"]'",
    "'null'",
    "'{\"multi_label\": true, \"template\": \"is {}\"}'",
    "'{\"folds\": 1e99}'",
};
static const char *const columns[] = {"body",     "tag",        "e",    "rowid",
                                      "title",    "t",          "k",    "query",
                                      "distance", "similarity", "rank", "none"};
static const char *const functions[] = {
    "tokens(%e)",
    "tokens(%e, %m)",
    "tokens(%e, %e, %m)",
    "chunks(%e, %i)",
    "chunks(%e, %i, %i, %m)",
    "classes(%e)",
    "classes(%e, %e)",
    "zero_shot(%e, %j)",
    "zero_shot(%e, %j, %m, %j)",
    "fill_mask(%e)",
    "fill_mask(%e, %i)",
    "hidden_states(%e, %i)",
    "attention(%e, %i, %i)",
    "embed_each(%e)",
    "embed_each('SELECT 1, %i')",
    "embed_each(%j, %m)",
    "entities(%e)",
    "entities(%e, %m, %e)",
    "token_classes(%e)",
    "answers(%e, %e, %i)",
    "answers(%e, %e, %i, %m, %j)",
    "model_summary",
    "model_summary(%m)",
    "encoder_models",
    "encoder_progress",
    "similarity_stats('t')",
    "similarity_stats(%e)",
    "recall_at_k('t', %i)",
    "recall_at_k('t', %i, %i)",
    "t",
};
static const char *const options[] = {
    "body",
    "e VECTOR(4)",
    "e VECTOR(%i)",
    "tag UNINDEXED",
    "content='doc'",
    "content=''",
    "content=%t",
    "content_rowid='id'",
    "content_rowid=%t",
    "model=%m",
    "metric=l2",
    "metric=dot",
    "metric=%t",
    "chunk=%i",
    "chunk=auto",
    "chunk=8, overlap=3",
    "overlap=%i",
    "hybrid=1",
    "hybrid=%i",
    "index=ivf",
    "index=%t",
    "none=1",
    "a b c",
    "",
};
static const char *const conditions[] = {
    "1",
    "rowid = %i",
    "rowid IN (1, 2, %i)",
    "rowid > %i",
    "t MATCH %e",
    "query = %e",
    "k = %i",
    "similarity > 0.1",
    "distance <= %e",
    "tag = %e",
    "%c IS NULL",
    "%c LIKE %e",
    "rowid IN (SELECT rowid FROM t WHERE t MATCH %e)",
    "%w AND %w",
    "%w OR %w",
    "chunk_start = %i",
    "lexical_rank < %i",
    "tag IN (%e, %e)",
    "rank MATCH %e",
};
static const char *const commands[] = {
    "integrity-check", "rebuild",         "reembed", "optimize",
    "triggers",        "delete-all",      "probes",  "recall",
    "lexical_weight",  "semantic_weight", "none",    "",
};

typedef struct rule {
    char letter;
    const char *const *texts;
    size_t n;
} rule;

#define RULE(letter, texts)                                                              \
    {                                                                                    \
        letter, texts, sizeof texts / sizeof *texts                                      \
    }
static const rule rules[] = {
    RULE('s', statements), RULE('e', expressions), RULE('t', texts),
    RULE('v', vectors),    RULE('i', numbers),     RULE('m', models),
    RULE('j', jsons),      RULE('c', columns),     RULE('r', functions),
    RULE('o', options),    RULE('w', conditions),  RULE('k', commands),
};

static const rule *find_rule(char letter)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].letter == letter) return &rules[i];
    return NULL;
}

/* Appends a text of this rule. Deep down the first of them, which stand for themselves.
 */
static void expand(sqlite3_str *out, const rule *r, choices *c, int depth)
{
    size_t n = depth < DEPTH_MAX && sqlite3_str_length(out) < SQL_MAX ? r->n : 1;
    const char *text = r->texts[next_byte(c) % n];

    for (; *text != '\0'; text++) {
        const rule *inner = text[0] == '%' ? find_rule(text[1]) : NULL;
        if (inner == NULL) {
            sqlite3_str_appendchar(out, 1, *text);
            continue;
        }
        expand(out, inner, c, depth + 1);
        text++;
    }
}

static struct {
    unsigned char *bytes;
    sqlite3_int64 n;
} databases[DB_KINDS];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    db_begin();
    for (size_t i = 0; i < DB_KINDS; i++)
        databases[i].bytes = db_make(i, &databases[i].n);
    return 0;
}

/* No statement may leave a table that is not sound; see may_disagree(). */
static void check_sound(sqlite3 *db)
{
    static const char *const names[] = {"t", "u", "x"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char sql[200];
        snprintf(sql, sizeof sql,
                 "SELECT 1 FROM sqlite_schema WHERE name = '%s' AND sql LIKE '%%USING "
                 "similarity%%' AND sql NOT LIKE '%%content=%%doc%%'",
                 names[i]);
        sqlite3_stmt *stmt = NULL;
        sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
        bool is_there = stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW;
        sqlite3_finalize(stmt);
        if (!is_there) continue;
        snprintf(sql, sizeof sql, "INSERT INTO %s(%s) VALUES('integrity-check')",
                 names[i], names[i]);
        int rc = db_run(db, sql, false);
        if (rc != SQLITE_OK && rc != SQLITE_INTERRUPT)
            fprintf(stderr, "%d: %s: %s\n", rc, sql, sqlite3_errmsg(db));
        FUZZ_CLAIM(rc == SQLITE_OK || rc == SQLITE_INTERRUPT || rc == SQLITE_ERROR);
    }
}

/* The tiny model for the next input, whatever this one has done; it must work. */
static void load_again(sqlite3 *db)
{
    if (db_run(db, "SELECT token_count('a', 'tiny')", false) != SQLITE_OK)
        db_run(db, "SELECT encoder_load('tests/data/tiny', 'tiny')", false);
    FUZZ_CLAIM(db_run(db, "SELECT length(embed('cat', 'tiny'))", false) == SQLITE_OK);
}

/* What was put into a table of external content by hand is not in that content, and the
 * check says so. */
static bool may_disagree(unsigned kind, const char *sql)
{
    return strstr(db_kinds[kind % DB_KINDS], "content='doc'") != NULL &&
           strstr(sql, "'integrity-check'") != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    choices c = {data, n};
    unsigned kind = next_byte(&c), n_statements = 0;
    sqlite3 *db = db_open(databases[kind % DB_KINDS].bytes, databases[kind % DB_KINDS].n);

    if (kind & 0x80) db_run(db, "BEGIN", false);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, (int)(kind >> 6 & 1), NULL);
    while (c.n > 0 && n_statements++ < 8) {
        sqlite3_str *sql = sqlite3_str_new(db);
        expand(sql, &rules[0], &c, 0);
        char *text = sqlite3_str_finish(sql);
        if (text != NULL && getenv("FUZZ_SHOW")) fprintf(stderr, "%s;\n", text);
        if (text != NULL) db_run(db, text, may_disagree(kind, text));
        sqlite3_free(text);
    }
    check_sound(db);
    if (!sqlite3_get_autocommit(db)) db_run(db, "ROLLBACK", false);
    load_again(db);
    db_close(db);
    return 0;
}
