-- Transactions: what is rolled back was never there, what is written can be read at once.
CREATE VIRTUAL TABLE t USING similarity(body, n UNINDEXED);
CREATE VIRTUAL TABLE v USING similarity(e VECTOR(1), metric=l2);

-- Rollback.
BEGIN;
INSERT INTO t(body) VALUES('the kettle boils'), ('a dog barks');
INSERT INTO v(e) VALUES('[1]'), ('[2]');
SELECT rowid FROM t WHERE t MATCH 'a dog barks' AND k = 1;
SELECT group_concat(rowid) FROM v('[0]');
ROLLBACK;
SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM v), (SELECT count(*) FROM t('dog')), (SELECT count(*) FROM v('[0]'));
SELECT count(*) FROM t_queue;

-- Read your writes; nothing waits after the commit.
BEGIN;
INSERT INTO t(rowid, body) VALUES(1, 'the kettle boils'), (2, 'a dog barks'), (3, 'taxes are due');
SELECT rowid FROM t WHERE t MATCH 'taxes are due' AND k = 1;
INSERT INTO t(rowid, body) VALUES(4, 'snow on the hills');
UPDATE t SET body = 'a cat meows' WHERE rowid = 2;
SELECT rowid FROM t WHERE t MATCH 'a cat meows' AND k = 1;
SELECT rowid FROM t WHERE t MATCH 'snow on the hills' AND k = 1;
DELETE FROM t WHERE rowid = 2;
SELECT count(*) FROM t WHERE t MATCH 'a cat meows';
INSERT INTO t(rowid, body) VALUES(2, 'a dog barks');
COMMIT;
SELECT count(*) FROM t_queue;
SELECT rowid FROM t WHERE t MATCH 'a dog barks' AND k = 1;
INSERT INTO t(t) VALUES('integrity-check');

-- Savepoints.
SAVEPOINT a;
INSERT INTO v(rowid, e) VALUES(1, '[1]');
SAVEPOINT b;
INSERT INTO v(rowid, e) VALUES(2, '[2]');
UPDATE v SET e = '[10]' WHERE rowid = 1;
SAVEPOINT c;
DELETE FROM v WHERE rowid = 1;
INSERT INTO v(rowid, e) VALUES(3, '[3]');
SELECT group_concat(rowid || '=' || distance) FROM v('[0]');
ROLLBACK TO c;
SELECT group_concat(rowid || '=' || distance) FROM v('[0]');
INSERT INTO v(rowid, e) VALUES(4, '[4]');
ROLLBACK TO c;
RELEASE c;
ROLLBACK TO b;
SELECT group_concat(rowid || '=' || distance) FROM v('[0]');
INSERT INTO v(rowid, e) VALUES(5, '[5]');
RELEASE b;
INSERT INTO v(v) VALUES('integrity-check');
RELEASE a;
SELECT group_concat(rowid || '=' || distance) FROM v('[0]');

-- Savepoints with texts that wait.
BEGIN;
INSERT INTO t(rowid, body) VALUES(5, 'five');
SAVEPOINT a;
INSERT INTO t(rowid, body) VALUES(6, 'six');
UPDATE t SET body = 'the fifth' WHERE rowid = 5;
ROLLBACK TO a;
SELECT rowid, body FROM t WHERE t MATCH 'five' AND k = 1;
INSERT INTO t(rowid, body) VALUES(7, 'seven');
ROLLBACK TO a;
RELEASE a;
SAVEPOINT a;
DELETE FROM t;
SELECT count(*) FROM t('five');
ROLLBACK TO a;
SELECT count(*) FROM t('five');
COMMIT;
SELECT group_concat(rowid) FROM t;
INSERT INTO t(t) VALUES('integrity-check');

-- A savepoint before the table is first touched, and one outside a transaction.
BEGIN;
SAVEPOINT early;
INSERT INTO t(rowid, body) VALUES(8, 'eight');
INSERT INTO v(rowid, e) VALUES(8, '[8]');
SELECT count(*) FROM t('eight');
ROLLBACK TO early;
SELECT count(*), (SELECT count(*) FROM v('[8]')) FROM t('eight');
INSERT INTO t(rowid, body) VALUES(8, 'eight');
RELEASE early;
ROLLBACK;
SELECT group_concat(rowid) FROM t;
SAVEPOINT outside;
INSERT INTO v(rowid, e) VALUES(8, '[8]');
ROLLBACK TO outside;
INSERT INTO v(rowid, e) VALUES(9, '[9]');
RELEASE outside;
SELECT group_concat(rowid) FROM v('[0]');

-- Statements that fail leave nothing behind, alone or in a transaction.
INSERT INTO t(rowid, body) VALUES(20, 'x'), (21, x'00');
INSERT INTO t(rowid, body) SELECT 30 + value, CASE value WHEN 3 THEN x'00' ELSE 'row' END FROM json_each('[1, 2, 3]');
BEGIN;
INSERT INTO t(rowid, body) VALUES(20, 'twenty');
INSERT INTO t(rowid, body) VALUES(22, 'x'), (21, x'00');
UPDATE t SET body = CASE rowid WHEN 20 THEN x'00' ELSE 'changed' END;
DELETE FROM t WHERE rowid = 1 OR abs(-9223372036854775807 - (rowid = 20)) < 0;
SELECT rowid, body FROM t;
SELECT rowid FROM t WHERE t MATCH 'twenty' AND k = 1;
COMMIT;
SELECT count(*) FROM t WHERE body = 'changed';
INSERT INTO t(t) VALUES('integrity-check');

-- The table itself, made and dropped in a transaction.
BEGIN;
CREATE VIRTUAL TABLE made USING similarity(e VECTOR(2));
INSERT INTO made(e) VALUES('[1, 1]');
SELECT count(*) FROM made('[1, 0]');
ROLLBACK;
SELECT count(*) FROM sqlite_schema WHERE name GLOB 'made*';
SELECT * FROM made;
BEGIN;
DROP TABLE v;
ROLLBACK;
SELECT group_concat(rowid) FROM v('[0]');
BEGIN;
CREATE VIRTUAL TABLE made USING similarity(body);
SAVEPOINT s;
INSERT INTO made(body) VALUES('the kettle');
ROLLBACK TO s;
INSERT INTO made(body) VALUES('a dog');
COMMIT;
SELECT body FROM made('kettle');
DROP TABLE made;

-- Two databases in one transaction.
ATTACH '$TMP/a.db' AS a;
CREATE VIRTUAL TABLE a.t USING similarity(body);
BEGIN;
INSERT INTO a.t(rowid, body) VALUES(100, 'over there');
INSERT INTO main.t(rowid, body) VALUES(100, 'over here');
SELECT rowid FROM a.t WHERE t MATCH 'over there' AND k = 1;
SELECT body FROM main.t WHERE t MATCH 'over here' AND k = 1;
ROLLBACK;
SELECT (SELECT count(*) FROM a.t), (SELECT count(*) FROM main.t WHERE rowid = 100);
BEGIN;
INSERT INTO a.t SELECT body FROM main.t;
DELETE FROM main.t WHERE rowid IN (SELECT rowid FROM a.t);
COMMIT;
SELECT (SELECT count(*) FROM a.t), (SELECT count(*) FROM main.t);
INSERT INTO a.t(t) VALUES('integrity-check');
DETACH a;
ATTACH '$TMP/a.db' AS b;
SELECT count(*) FROM b.t('dog');
SELECT rowid FROM b.t WHERE t MATCH 'taxes are due' AND k = 1;

-- A search that goes on while the table changes: it sees some state of it, and nothing breaks.
CREATE VIRTUAL TABLE w USING similarity(e VECTOR(1), metric=l2);
WITH RECURSIVE i(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM i WHERE n < 300) INSERT INTO w(rowid, e) SELECT n, json_array(n) FROM i;
CREATE TABLE log(id);
CREATE TRIGGER eat AFTER INSERT ON log BEGIN DELETE FROM w WHERE rowid = new.id + 1; END;
INSERT INTO log SELECT rowid FROM w WHERE w MATCH '[0]';
INSERT INTO w(w) VALUES('integrity-check');
SELECT count(*) < 300 FROM w;

-- SQLite connects a table anew when a change of the schema is rolled back, and both that
-- were connected see the transaction's end: only one of them encodes what waits.
CREATE TABLE notes(id INTEGER PRIMARY KEY, body);
CREATE VIRTUAL TABLE n USING similarity(body, content='notes', content_rowid='id');
INSERT INTO n(n) VALUES('triggers');
INSERT INTO notes VALUES(1, 'a'), (2, 'b');
BEGIN;
INSERT INTO notes VALUES(3, 'c'), (4, 'd'), (5, 'e');
SAVEPOINT p;
SAVEPOINT d;
DROP TABLE n;
ROLLBACK TO d;
RELEASE d;
INSERT INTO notes SELECT rowid + 25, body FROM n WHERE rowid BETWEEN 3 AND 4;
ROLLBACK TO p;
DELETE FROM notes WHERE id = 1;
COMMIT;
SELECT group_concat(rowid) FROM (SELECT rowid FROM n WHERE n MATCH 'a' ORDER BY rowid);
INSERT INTO n(n) VALUES('integrity-check');

-- What was renamed, or made, and filled after a savepoint is nothing when it is rolled back.
BEGIN;
SAVEPOINT d;
ALTER TABLE n RENAME TO m;
INSERT INTO notes VALUES(6, 'f');
ROLLBACK TO d;
INSERT INTO notes VALUES(7, 'g');
COMMIT;
SELECT group_concat(id) FROM notes;
INSERT INTO n(n) VALUES('integrity-check');
BEGIN;
SAVEPOINT d;
CREATE VIRTUAL TABLE made USING similarity(e VECTOR(2));
INSERT INTO made(e) VALUES('[1, 1]');
CREATE VIRTUAL TABLE texts USING similarity(body);
INSERT INTO texts(body) VALUES('x');
ROLLBACK TO d;
INSERT INTO notes VALUES(8, 'h');
COMMIT;
SELECT max(id) FROM notes;
BEGIN;
SAVEPOINT d;
DROP TABLE v;
CREATE VIRTUAL TABLE v USING similarity(e VECTOR(3));
INSERT INTO v(e) VALUES('[1, 1, 1]');
ROLLBACK TO d;
COMMIT;
INSERT INTO v(v) VALUES('integrity-check');

-- The same after the schema was read again for another reason.
BEGIN;
INSERT INTO v(rowid, e) VALUES(70, '[70]');
PRAGMA writable_schema = RESET;
INSERT INTO v(rowid, e) VALUES(71, '[71]');
PRAGMA writable_schema = RESET;
DELETE FROM v WHERE rowid = 70;
COMMIT;
SELECT rowid FROM v('[70]', 1);
INSERT INTO v(v) VALUES('integrity-check');

-- All rows of a hybrid table at once, which FTS5 has too, in a transaction.
CREATE VIRTUAL TABLE h USING similarity(body, content='', hybrid=1);
INSERT INTO h(body) VALUES('a cat'), ('a dog');
BEGIN;
INSERT INTO h(h) VALUES('delete-all');
SELECT count(*) FROM h WHERE h MATCH 'cat';
ROLLBACK;
SELECT count(*) FROM h WHERE h MATCH 'cat';
BEGIN;
INSERT INTO h(h) VALUES('delete-all');
INSERT INTO h(body) VALUES('a fox');
COMMIT;
SELECT count(*) FROM h WHERE h MATCH 'cat';
INSERT INTO h(h) VALUES('integrity-check');

-- Texts that nobody had encoded yet when their table was dropped and restored.
CREATE VIRTUAL TABLE q USING similarity(body);
BEGIN;
INSERT INTO q(rowid, body) VALUES(1, 'a cat'), (2, 'a dog');
SAVEPOINT d;
DROP TABLE q;
ROLLBACK TO d;
COMMIT;
BEGIN;
SELECT rowid FROM q WHERE q MATCH 'cat';
ROLLBACK;
SELECT rowid FROM q WHERE q MATCH 'cat';
UPDATE q SET rowid = 3 WHERE rowid = 1;
SELECT rowid FROM q WHERE q MATCH 'cat';
INSERT INTO q(q) VALUES('integrity-check');

-- Settings of a table are undone with what they were set in.
CREATE VIRTUAL TABLE hw USING similarity(body, hybrid=1);
INSERT INTO hw(body) VALUES('the capital of France is Paris'), ('a dog'), ('the of in capital');
SELECT rowid FROM hw WHERE hw MATCH 'Paris in the of' AND k = 1;
BEGIN;
INSERT INTO hw(hw, rank) VALUES('lexical_weight', 0);
SELECT rowid FROM hw WHERE hw MATCH 'Paris in the of' AND k = 1;
ROLLBACK;
SELECT rowid FROM hw WHERE hw MATCH 'Paris in the of' AND k = 1;

-- A search that may not encode what waits says so, and nothing has changed.
CREATE VIRTUAL TABLE qo USING similarity(body);
INSERT INTO qo(body) VALUES('one'), ('two');
BEGIN;
INSERT INTO qo(body) VALUES('three');
PRAGMA query_only = 1;
SELECT rowid FROM qo WHERE qo MATCH 'three' AND k = 1;
PRAGMA query_only = 0;
SELECT rowid FROM qo WHERE qo MATCH 'three' AND k = 1;
COMMIT;
INSERT INTO qo(qo) VALUES('integrity-check');

-- A search encodes for a statement that writes to another database only, and fails there: SQLite undoes it here neither in the database nor, then, in memory.
CREATE VIRTUAL TABLE sp USING similarity(body);
CREATE TEMP TABLE taken(id INTEGER PRIMARY KEY);
INSERT INTO taken VALUES(2);
BEGIN;
INSERT INTO sp(rowid, body) VALUES(1, 'coffee'), (2, 'train');
INSERT INTO taken SELECT rowid FROM sp('coffee');
COMMIT;
SELECT rowid FROM sp('coffee');
INSERT INTO sp(sp) VALUES('integrity-check');
UPDATE sp SET body = 'tea' WHERE rowid = 2;
DELETE FROM sp WHERE rowid = 1;
INSERT INTO sp(sp) VALUES('integrity-check');
