-- What happens to tables: renamed, dropped, attached, copied, vacuumed, reopened.
ATTACH '$TMP/f.db' AS f;
CREATE VIRTUAL TABLE f.x USING similarity(body, n UNINDEXED, hybrid=1);
INSERT INTO f.x(rowid, body, n) VALUES(1, 'the kettle boils', 10), (2, 'a dog barks', 20), (3, NULL, 30);

-- Renamed.
ALTER TABLE f.x RENAME TO y;
SELECT rowid FROM f.y WHERE y MATCH 'a dog barks' AND k = 1;
INSERT INTO f.y(rowid, body) VALUES(4, 'snow on the hills');
SELECT rowid FROM f.y WHERE y MATCH 'snow on the hills' AND k = 1;
INSERT INTO f.y(y) VALUES('integrity-check');
SELECT count(*) FROM f.sqlite_schema WHERE name GLOB 'x*';
SELECT * FROM f.x;
ALTER TABLE f.y RENAME TO body;
ALTER TABLE f.y RENAME TO rank;
ALTER TABLE f.y RENAME TO "the ""x""";
SELECT rowid FROM f."the ""x""" WHERE "the ""x""" MATCH 'dog' AND lexical_rank = 1;
ALTER TABLE f."the ""x""" RENAME TO x;
ALTER TABLE f.x RENAME COLUMN body TO text;
ALTER TABLE f.x ADD COLUMN more;
ALTER TABLE f.x DROP COLUMN n;
CREATE TABLE f.z_doc(a);
ALTER TABLE f.x RENAME TO z;
SELECT rowid FROM f.x WHERE x MATCH 'a dog barks' AND k = 1;
INSERT INTO f.x(x) VALUES('integrity-check');
BEGIN;
INSERT INTO f.x(rowid, body) VALUES(5, 'in a transaction');
ALTER TABLE f.x RENAME TO w;
INSERT INTO f.w(rowid, body) VALUES(6, 'under its new name');
SELECT rowid FROM f.w WHERE w MATCH 'under its new name' AND k = 1;
ROLLBACK;
SELECT group_concat(rowid) FROM f.x;
INSERT INTO f.x(rowid, body) VALUES(5, 'after the rollback');
SELECT rowid FROM f.x WHERE x MATCH 'after the rollback' AND k = 1;
INSERT INTO f.x(x) VALUES('integrity-check');
CREATE INDEX f.i ON x(n);
CREATE TRIGGER f.t AFTER INSERT ON x BEGIN SELECT 1; END;

-- VACUUM, VACUUM INTO, pragmas.
PRAGMA f.integrity_check;
VACUUM f;
SELECT rowid FROM f.x WHERE x MATCH 'a dog barks' AND k = 1;
INSERT INTO f.x(x) VALUES('integrity-check');
VACUUM f INTO '$TMP/copy.db';
ATTACH '$TMP/copy.db' AS c;
SELECT rowid, n FROM c.x WHERE x MATCH 'a dog barks' AND k = 1;
INSERT INTO c.x(x) VALUES('integrity-check');
PRAGMA c.integrity_check;
DETACH c;

-- Reopened, read-only, gone.
DETACH f;
SELECT * FROM x;
ATTACH '$TMP/f.db' AS f;
SELECT rowid, body FROM f.x WHERE x MATCH 'snow on the hills' AND k = 1;
PRAGMA query_only = 1;
SELECT rowid FROM f.x WHERE x MATCH 'snow on the hills' AND k = 1;
INSERT INTO f.x(body) VALUES('no');
PRAGMA query_only = 0;
PRAGMA f.journal_mode = WAL;
INSERT INTO f.x(rowid, body) VALUES(7, 'in the log');
SELECT rowid FROM f.x WHERE x MATCH 'in the log' AND k = 1;
PRAGMA f.wal_checkpoint(TRUNCATE);
PRAGMA f.journal_mode = DELETE;

-- Shadow tables: all listed, and not to be written once the database defends itself.
SELECT name, type FROM pragma_table_list WHERE schema = 'f' AND name GLOB 'x*' ORDER BY name;
PRAGMA trusted_schema = OFF;
SELECT rowid FROM f.x WHERE x MATCH 'a dog barks' AND k = 1;
PRAGMA trusted_schema = ON;

-- Temporary tables.
CREATE VIRTUAL TABLE temp.t USING similarity(body);
INSERT INTO t(body) VALUES('the kettle'), ('a dog');
SELECT rowid FROM temp.t WHERE t MATCH 'a dog' AND k = 1;
CREATE VIRTUAL TABLE main.t USING similarity(body);
INSERT INTO main.t(body) VALUES('in main');
SELECT count(*), (SELECT count(*) FROM main.t), (SELECT count(*) FROM t) FROM temp.t;
DROP TABLE temp.t;
SELECT body FROM t('main');
DROP TABLE t;
SELECT count(*) FROM (SELECT name FROM sqlite_schema UNION ALL SELECT name FROM temp.sqlite_schema);

-- Dropped: nothing is left.
DROP TABLE f.x;
SELECT name FROM f.sqlite_schema;
DETACH f;

-- External tables: triggers follow a new name, and go with the table.
CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE s USING similarity(body, content=docs, content_rowid=id);
INSERT INTO s(s) VALUES('triggers');
INSERT INTO docs(body) VALUES('the kettle');
ALTER TABLE s RENAME TO found;
INSERT INTO docs(body) VALUES('a dog barks');
UPDATE docs SET body = 'a cat meows' WHERE id = 2;
SELECT rowid FROM found WHERE found MATCH 'a cat meows' AND k = 1;
INSERT INTO found(found) VALUES('integrity-check');
SELECT name FROM sqlite_schema WHERE type = 'trigger';
INSERT INTO found(found) VALUES('triggers');
SELECT name FROM sqlite_schema WHERE type = 'trigger';
INSERT INTO docs(body) VALUES('written once');
SELECT count(*) FROM found;
DROP TABLE docs;
SELECT count(*) FROM sqlite_schema WHERE type = 'trigger';
DROP TABLE found;
SELECT name FROM sqlite_schema;

-- As .dump writes it: the shadow tables by their names, the table by writable_schema.
ATTACH '$TMP/d.db' AS d;
CREATE VIRTUAL TABLE d.x USING similarity(e VECTOR(2), n UNINDEXED, metric=l2);
INSERT INTO d.x(e, n) VALUES('[1, 1]', 'a'), ('[2, 2]', 'b'), ('[3, 3]', 'c');
ATTACH '$TMP/e.db' AS e;
PRAGMA writable_schema = ON;
INSERT INTO e.sqlite_schema(type, name, tbl_name, rootpage, sql) SELECT type, name, tbl_name, 0, sql FROM d.sqlite_schema WHERE name = 'x';
CREATE TABLE e.x_config(k PRIMARY KEY, v) WITHOUT ROWID;
CREATE TABLE e.x_doc(id INTEGER PRIMARY KEY, h BLOB, c BLOB);
CREATE TABLE e.x_content(id INTEGER PRIMARY KEY, c1);
CREATE TABLE e.x_queue(id INTEGER PRIMARY KEY, t);
CREATE TABLE e.x_segment(id INTEGER PRIMARY KEY, n INTEGER, h BLOB, m BLOB, b BLOB);
CREATE TABLE e.x_vector(id INTEGER PRIMARY KEY, b BLOB);
CREATE TABLE e.x_fresh(id INTEGER PRIMARY KEY, h BLOB, c BLOB, b BLOB);
INSERT INTO e.x_config SELECT * FROM d.x_config;
INSERT INTO e.x_doc SELECT * FROM d.x_doc;
INSERT INTO e.x_content SELECT * FROM d.x_content;
INSERT INTO e.x_segment SELECT * FROM d.x_segment;
INSERT INTO e.x_vector SELECT * FROM d.x_vector;
PRAGMA writable_schema = OFF;
DETACH e;
ATTACH '$TMP/e.db' AS e;
SELECT rowid, vector_json(e), n FROM e.x('[3, 3]', 2);
INSERT INTO e.x(e) VALUES('[4, 4]');
INSERT INTO e.x(x) VALUES('integrity-check');
SELECT count(*), (SELECT count(*) FROM d.x) FROM e.x;
DETACH d;
DETACH e;

-- Small pages, large pages.
ATTACH '$TMP/p512.db' AS p;
PRAGMA p.page_size = 512;
CREATE VIRTUAL TABLE p.x USING similarity(e VECTOR(300), metric=l2);
WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 600) INSERT INTO p.x(rowid, e) SELECT i, vector('[' || i || replace(printf('%.*c', 299, 'x'), 'x', ',0') || ']') FROM n;
SELECT rowid, distance FROM p.x WHERE x MATCH vector('[300' || replace(printf('%.*c', 299, 'x'), 'x', ',0') || ']') AND k = 3;
DELETE FROM p.x WHERE rowid % 2;
INSERT INTO p.x(x) VALUES('integrity-check');
PRAGMA p.page_size;
PRAGMA p.page_size = 65536;
VACUUM p;
PRAGMA p.page_size;
SELECT rowid, distance FROM p.x WHERE x MATCH vector('[300' || replace(printf('%.*c', 299, 'x'), 'x', ',0') || ']') AND k = 3;
DELETE FROM p.x;
VACUUM p;
SELECT count(*) FROM p.x;
DETACH p;

-- Renamed or dropped, and undone, with texts still waiting: none is lost, none is stale.
CREATE VIRTUAL TABLE undone USING similarity(t);
INSERT INTO undone(rowid, t) VALUES(1, 'dog');
BEGIN;
DELETE FROM undone WHERE rowid = 1;
SAVEPOINT d;
ALTER TABLE undone RENAME TO other;
ROLLBACK TO d;
COMMIT;
SELECT count(*) FROM undone;
BEGIN;
INSERT INTO undone(rowid, t) VALUES(2, 'the cat');
SAVEPOINT d;
ALTER TABLE undone RENAME TO other;
ROLLBACK TO d;
SELECT rowid FROM undone('the cat', 1);
COMMIT;
SELECT rowid, round(distance, 4) AS distance FROM undone('the cat', 1);
BEGIN;
UPDATE undone SET t = 'a dog' WHERE rowid = 2;
SAVEPOINT d;
DROP TABLE undone;
ROLLBACK TO d;
RELEASE d;
SELECT round(distance, 4) AS distance FROM undone WHERE undone MATCH 'a dog';
COMMIT;
SELECT count(*) FROM undone_queue;
INSERT INTO undone(undone) VALUES('integrity-check');
