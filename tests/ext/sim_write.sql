-- INSERT, UPDATE and DELETE on a similarity table.
CREATE VIRTUAL TABLE x USING similarity(title, body, n UNINDEXED);
INSERT INTO x(title, body, n) VALUES('Kettle', 'how to boil water', 1), ('Dog', 'it barks at night', 2);
SELECT last_insert_rowid(), changes();
INSERT INTO x(rowid, title) VALUES(10, 'Mortgage rates');
INSERT INTO x(title) VALUES('after ten');
SELECT last_insert_rowid();
INSERT INTO x(rowid, title) VALUES(-5, 'below zero') RETURNING rowid, title;
SELECT last_insert_rowid();
DELETE FROM x WHERE rowid = 1;
UPDATE x SET n = 5 WHERE rowid = 2;
INSERT INTO x(x) VALUES('optimize');
SELECT last_insert_rowid();
INSERT INTO x(rowid, title, body, n) VALUES(1, 'Kettle', 'how to boil water', 1);
INSERT INTO x VALUES('three', 'columns', 3);
SELECT rowid, title, body, n FROM x;
SELECT rowid FROM x WHERE x MATCH 'boil water in a kettle' AND k = 1;
SELECT rowid FROM x WHERE x MATCH 'it barks at night' AND k = 1;

-- Texts: NULL has no vector and is not found; empty text is a text.
CREATE VIRTUAL TABLE y USING similarity(body);
INSERT INTO y(body) VALUES(NULL), (''), ('   '), (42), (1.5), ('text');
SELECT rowid, body, typeof(body) FROM y;
SELECT count(*), count(distance) FROM y WHERE y MATCH 'text';
SELECT rowid FROM y WHERE y MATCH '42' AND k = 1;
SELECT rowid FROM y WHERE y MATCH 42 AND k = 1;
INSERT INTO y(body) VALUES(x'616263');
INSERT INTO y(body) VALUES('good'), (x'00'), ('never');
SELECT count(*) FROM y;
INSERT INTO y(body) VALUES('a' || char(0) || 'b'), (CAST(x'ff41' AS TEXT));
SELECT rowid, hex(body) FROM y WHERE rowid > 6;
UPDATE y SET body = 'something' WHERE rowid = 1;
UPDATE y SET body = NULL WHERE rowid = 2;
UPDATE y SET body = x'00' WHERE rowid = 3;
SELECT count(*) FROM y WHERE y MATCH 'text';
SELECT rowid FROM y WHERE y MATCH 'something' AND k = 1;
INSERT INTO y(y) VALUES('integrity-check');

-- Vectors as BLOB and JSON.
CREATE VIRTUAL TABLE v USING similarity(e VECTOR(2), n UNINDEXED, metric=l2);
INSERT INTO v(e, n) VALUES(x'0000803f00000000', 'blob'), ('[0, 1]', 'json'), (NULL, 'none'), (vector('[3, 4]'), 'f');
SELECT rowid, vector_json(e), n FROM v;
SELECT rowid, n, distance FROM v WHERE v MATCH '[0, 0]' ORDER BY distance;
INSERT INTO v(e) VALUES('');
INSERT INTO v(e) VALUES('[1]');
INSERT INTO v(e) VALUES('[1, 2, 3]');
INSERT INTO v(e) VALUES('[1, "a"]');
INSERT INTO v(e) VALUES('[1, null]');
INSERT INTO v(e) VALUES('{"a": 1}');
INSERT INTO v(e) VALUES('[1, 1e999]');
INSERT INTO v(e) VALUES('[1, 1e39]');
INSERT INTO v(e) VALUES('[1, 2');
INSERT INTO v(e) VALUES(5);
INSERT INTO v(e) VALUES(1.5);
INSERT INTO v(e) VALUES(x'');
INSERT INTO v(e) VALUES(x'000000');
INSERT INTO v(e) VALUES(x'0000803f');
INSERT INTO v(e) VALUES(x'0000803f0000803f0000803f');
INSERT INTO v(e) VALUES(x'0000c07f0000803f');
INSERT INTO v(e) VALUES(x'0000803f000080ff');
SELECT count(*) FROM v;
UPDATE v SET e = '[9, 9]' WHERE n = 'none';
UPDATE v SET e = NULL WHERE n = 'json';
UPDATE v SET n = 'kept' WHERE n = 'f';
UPDATE v SET e = '[1]' WHERE rowid = 1;
SELECT rowid, n, round(distance, 3) FROM v WHERE v MATCH '[0, 0]' ORDER BY distance;
SELECT rowid, vector_json(e), n FROM v;

-- The rowid.
UPDATE v SET rowid = 20 WHERE rowid = 4;
UPDATE v SET rowid = rowid + 100;
SELECT rowid, vector_json(e), n FROM v;
SELECT rowid FROM v WHERE v MATCH '[3, 4]' AND k = 1;
UPDATE v SET rowid = 101 WHERE rowid = 120;
UPDATE v SET rowid = 'x' WHERE rowid = 101;
UPDATE v SET rowid = NULL WHERE rowid = 101;
UPDATE v SET rowid = '7' WHERE rowid = 101;
UPDATE v SET rowid = 7.0 WHERE rowid = 7;
UPDATE v SET rowid = 7.5 WHERE rowid = 7;
INSERT INTO v(rowid, e) VALUES('abc', '[1, 1]');
INSERT INTO v(rowid, e) VALUES('33', '[1, 1]');
INSERT INTO v(rowid, e) VALUES(x'3334', '[1, 1]');
INSERT INTO v(rowid, e) VALUES(9223372036854775807, '[1, 1]');
INSERT INTO v(e) VALUES('[2, 2]');
INSERT INTO v(rowid, e) VALUES(-9223372036854775808, '[5, 5]');
INSERT INTO v(v) VALUES('integrity-check');
CREATE VIRTUAL TABLE least USING similarity(e VECTOR(2), index=ivf);
WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 600) INSERT INTO least(rowid, e) SELECT iif(i = 7, -9223372036854775808, i), vector(json_array(i % 5, i % 7 + 1)) FROM n;
INSERT INTO least(least) VALUES('optimize');
INSERT INTO least(least) VALUES('integrity-check');
DROP TABLE least;
SELECT rowid FROM v;
DELETE FROM v WHERE rowid > 1000;
INSERT INTO v(e) VALUES('[2, 2]');
SELECT last_insert_rowid();
DELETE FROM v WHERE rowid > 0;
UPDATE v SET rowid = -1;
INSERT INTO v(e) VALUES('[2, 2]'), ('[3, 3]');
SELECT rowid FROM v;
UPDATE v SET rowid = -10 - rowid;
INSERT INTO v(e) VALUES('[2, 2]'), ('[3, 3]');
SELECT rowid FROM v;
DELETE FROM v;
SELECT count(*) FROM v;
INSERT INTO v(e) VALUES('[2, 2]');
SELECT rowid FROM v;
INSERT INTO v(v) VALUES('integrity-check');
SELECT count(*) FROM v_vector, v_segment;

-- Conflicts, a row at a time.
CREATE VIRTUAL TABLE c USING similarity(e VECTOR(1), n UNINDEXED, metric=l2);
INSERT INTO c(rowid, e, n) VALUES(1, '[1]', 'one'), (2, '[2]', 'two'), (3, '[3]', 'three');
INSERT INTO c(rowid, e, n) VALUES(2, '[20]', 'again');
INSERT OR IGNORE INTO c(rowid, e, n) VALUES(2, '[20]', 'again'), (4, '[4]', 'four');
INSERT OR REPLACE INTO c(rowid, e, n) VALUES(2, '[20]', 'again'), (5, '[5]', 'five');
REPLACE INTO c(rowid, e) VALUES(5, NULL);
SELECT rowid, vector_json(e), n FROM c;
SELECT rowid, n, distance FROM c WHERE c MATCH '[0]' ORDER BY distance;
INSERT OR FAIL INTO c(rowid, e) VALUES(6, '[6]'), (1, '[10]'), (7, '[7]');
SELECT group_concat(rowid) FROM c;
INSERT OR ABORT INTO c(rowid, e) VALUES(8, '[8]'), (1, '[10]'), (9, '[9]');
SELECT group_concat(rowid) FROM c;
BEGIN;
INSERT INTO c(rowid, e) VALUES(10, '[10]');
INSERT INTO c(rowid, e) VALUES(11, '[11]'), (1, '[10]'), (12, '[12]');
SELECT group_concat(rowid) FROM c;
INSERT OR FAIL INTO c(rowid, e) VALUES(11, '[11]'), (1, '[10]'), (12, '[12]');
SELECT group_concat(rowid) FROM c;
INSERT OR ROLLBACK INTO c(rowid, e) VALUES(13, '[13]'), (1, '[10]');
SELECT group_concat(rowid) FROM c;
COMMIT;
SELECT rowid, distance FROM c WHERE c MATCH '[10]' ORDER BY distance, rowid;
UPDATE c SET rowid = 2 WHERE rowid = 1;
UPDATE OR IGNORE c SET rowid = 2 WHERE rowid = 1;
UPDATE OR REPLACE c SET rowid = 2 WHERE rowid = 1;
SELECT rowid, vector_json(e), n FROM c;
BEGIN;
UPDATE OR REPLACE c SET rowid = 3, e = '[1, 2]' WHERE rowid = 2;
SELECT group_concat(rowid) FROM c;
UPDATE OR REPLACE c SET rowid = 'x' WHERE rowid = 2;
REPLACE INTO c(rowid, e) VALUES(2, '[1, 2]');
SELECT group_concat(rowid) FROM c;
COMMIT;
UPDATE OR FAIL c SET rowid = 3 WHERE rowid > 3;
SELECT group_concat(rowid) FROM c;
INSERT INTO c(rowid, e) VALUES(2, '[2]') ON CONFLICT DO NOTHING;
INSERT INTO c(c) VALUES('integrity-check');

-- INSERT ... SELECT, also out of itself.
CREATE TABLE src(id INTEGER PRIMARY KEY, t TEXT);
WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 600) INSERT INTO src SELECT i, 'row ' || i FROM n;
CREATE VIRTUAL TABLE s USING similarity(t);
INSERT INTO s(rowid, t) SELECT id, t FROM src;
SELECT count(*), min(rowid), max(rowid) FROM s;
SELECT rowid FROM s WHERE s MATCH 'row 345' AND k = 1;
INSERT INTO s(rowid, t) SELECT rowid + 1000, t FROM s WHERE s MATCH 'row 77' AND k = 3;
INSERT INTO s(rowid, t) SELECT rowid + 2000, t FROM s WHERE rowid < 4;
SELECT count(*) FROM s;
INSERT INTO s(rowid, t) SELECT id, t FROM src;
INSERT OR IGNORE INTO s(rowid, t) SELECT id + 599, t FROM src;
SELECT count(*) FROM s WHERE rowid < 1000;
DELETE FROM s WHERE rowid IN (SELECT rowid FROM s WHERE s MATCH 'row 5' AND k = 10);
DELETE FROM s WHERE s MATCH 'row 100' AND k = 2;
SELECT count(*) BETWEEN 1185 AND 1194 FROM s;
UPDATE s SET t = 'found' WHERE s MATCH 'row 200' AND k = 3;
SELECT count(*) FROM s WHERE t = 'found';
UPDATE s SET t = t || '!' WHERE rowid % 2;
DELETE FROM s WHERE rowid % 3 = 0;
INSERT INTO s(s) VALUES('integrity-check');
SELECT rowid FROM s WHERE s MATCH 'row 401!' AND k = 1;

-- What cannot be written.
UPDATE x SET distance = 1;
UPDATE x SET x = 'rebuild' WHERE rowid = 1;
INSERT INTO x(title, distance, k) VALUES('t', 1, 2);
SELECT count(*) FROM x WHERE title = 't';

-- The least rowid is a row like any other.
CREATE VIRTUAL TABLE least USING similarity(e VECTOR(2), index=ivf);
INSERT INTO least(rowid, e) VALUES(-9223372036854775808, '[1,0]');
INSERT INTO least(e) WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n LIMIT 600) SELECT vector('[' || (i % 9) || ',1]') FROM n;
INSERT INTO least(least) VALUES('integrity-check');
INSERT INTO least(least) VALUES('optimize');
INSERT INTO least(least) VALUES('integrity-check');
SELECT rowid, vector_json(e) FROM least WHERE least MATCH '[1,0]' AND k = 1;
DELETE FROM least WHERE rowid = -9223372036854775808;
INSERT INTO least(least) VALUES('integrity-check');

-- The rowid after the largest, which is below 0, also when one before it was refused.
CREATE VIRTUAL TABLE below USING similarity(e VECTOR(1));
BEGIN;
INSERT INTO below(e) VALUES(x'01');
INSERT INTO below(rowid, e) VALUES(-70, '[1]');
INSERT INTO below(e) VALUES('[2]');
COMMIT;
SELECT group_concat(rowid) FROM below;

-- What a search fills is not stored.
CREATE VIRTUAL TABLE hid USING similarity(body);
INSERT INTO hid(body, k) VALUES('a', 3);
INSERT INTO hid(distance) VALUES(0.5);
INSERT INTO hid(rank) VALUES(1);
INSERT INTO hid(rowid, body, k) VALUES(1, 'a cat', NULL);
SELECT rowid, body FROM hid;

-- UPDATE ... FROM that finds a row twice moves it once.
CREATE VIRTUAL TABLE uf USING similarity(e VECTOR(2));
INSERT INTO uf(rowid, e) VALUES(1, '[1,0]');
CREATE TABLE uf_to(id, rid);
INSERT INTO uf_to VALUES(1, 11), (1, 12);
UPDATE uf SET rowid = uf_to.rid FROM uf_to WHERE uf_to.id = uf.rowid;
SELECT count(*) FROM uf;
INSERT INTO uf(uf) VALUES('integrity-check');

-- A text is kept as it is embedded, whatever the type of its column would make of it.
CREATE VIRTUAL TABLE ty USING similarity(code STRING, n INTEGER);
INSERT INTO ty(code, n) VALUES('007', '1.0');
SELECT code, typeof(code), n, typeof(n) FROM ty;
INSERT INTO ty(ty) VALUES('integrity-check');
