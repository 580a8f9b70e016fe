/* shadow.h - what is asked of a table whose shadow tables were mangled: sooner or later
 * it may be told that it is corrupt, but nothing worse. */
#ifndef FUZZ_SHADOW_H
#define FUZZ_SHADOW_H

#include "db.h"

/* Statements whose bits are set in `which`, of 13, and then a search. Whether the rows
 * are right is not asked: only that there is an answer. */
static inline void shadow_ask(sqlite3 *db, bool is_vector, unsigned which)
{
    static const char *const common[] = {
        "SELECT rowid, * FROM t ORDER BY rowid",
        "SELECT count(*) FROM t WHERE rowid IN (1, 2, -3, 40)",
        "INSERT INTO t(t) VALUES('integrity-check')",
        "SELECT * FROM similarity_stats('t')",
        "DELETE FROM t WHERE rowid = 2",
        "INSERT INTO t(t) VALUES('optimize')",
        "INSERT INTO t(t) VALUES('reembed')",
        "INSERT INTO t(t) VALUES('rebuild')",
        "INSERT INTO t(t) VALUES('integrity-check')",
    };
    static const char *const of_vectors[] = {
        "SELECT rowid, distance, e FROM t WHERE t MATCH '[1,0.5,0,0]' AND k = 3",
        "SELECT rowid, similarity FROM t WHERE t MATCH '[0,0,0,1]' AND similarity > 0",
        "UPDATE t SET e = '[3,1,4,1]' WHERE rowid = 1",
        "INSERT INTO t(e) VALUES('[1,2,3,4]')",
    };
    static const char *const of_texts[] = {
        "SELECT rowid, distance, passage(t) FROM t WHERE t MATCH 'the cat' AND k = 3",
        "SELECT rowid, chunk_start FROM t WHERE t MATCH 'dog' ORDER BY distance",
        "UPDATE t SET body = 'a wolf' WHERE rowid = 1",
        "INSERT INTO t(rowid, body) VALUES(77, 'one more')",
    };
    const char *const *own = is_vector ? of_vectors : of_texts;

    for (size_t i = 0; i < 4; i++)
        if (which >> i & 1) db_run(db, own[i], true);
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        if (which >> (4 + i) & 1) db_run(db, common[i], true);
    db_run(db, own[0], true);
}

#endif
