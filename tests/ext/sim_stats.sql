-- What a table says about itself, how many rows of the exact answer it finds, and codes that
-- are not kept in memory.
CREATE VIRTUAL TABLE x USING similarity(e VECTOR(4), index=ivf);
SELECT "rows", vectors, dims, segments, path, scanned FROM similarity_stats('x');
SELECT recall, queries FROM recall_at_k('x');
INSERT INTO x(e)
  WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
  SELECT vector('[' || (i * 7919 % 101) || ',' || (i * 104729 % 103) || ',' ||
                (i * 1299709 % 107) || ',' || (i * 15485863 % 109) || ']') FROM n;
SELECT "rows", vectors, segments, resident FROM similarity_stats('x');
SELECT recall, k, queries FROM recall_at_k('x', 5, 20);
SELECT count(*) FROM x('[1, 2, 3, 4]', 10);
SELECT path, scanned FROM similarity_stats('x');

-- Before it is put in order a table with index=ivf is searched exactly.
INSERT INTO x(x, rank) VALUES('recall', 0.9);
INSERT INTO x(x) VALUES('optimize');
INSERT INTO x(x) VALUES('integrity-check');
SELECT count(*) FROM x('[1, 2, 3, 4]', 10);
SELECT path, scanned < 2000 AS fewer FROM similarity_stats('x');
INSERT INTO x(x, rank) VALUES('recall', 0);
INSERT INTO x(x, rank) VALUES('recall', 'most');
INSERT INTO x(x, rank) VALUES('recall', 1);
SELECT recall FROM recall_at_k('x', 10, 100);
INSERT INTO x(x, rank) VALUES('probes', 1);
SELECT recall < 1 AS misses_some FROM recall_at_k('x', 10, 100);
-- Whoever reads on gets every row, once.
SELECT count(*), count(DISTINCT id) FROM (SELECT rowid AS id FROM x WHERE x MATCH '[1, 2, 3, 4]');
-- What comes later is found however far it is from the rest.
INSERT INTO x(rowid, e) VALUES(9999, '[-1, -2, -3, -4]');
SELECT rowid, round(distance, 6) AS distance FROM x('[-1, -2, -3, -4]', 1);
INSERT INTO x(x, rank) VALUES('probes', -1);
DELETE FROM x WHERE rowid % 2 = 0;
INSERT INTO x(x) VALUES('integrity-check');
SELECT "rows", vectors, segments FROM similarity_stats('x');

-- Nothing kept: the answer is the same.
CREATE VIRTUAL TABLE y USING similarity(e VECTOR(4));
INSERT INTO y(rowid, e) SELECT rowid, e FROM x;
CREATE TABLE kept AS SELECT rowid AS id, distance FROM y WHERE y MATCH '[5, 6, 7, 8]';
SELECT encoder_config('max_code_bytes', 0);
CREATE VIRTUAL TABLE z USING similarity(e VECTOR(4));
INSERT INTO z(rowid, e) SELECT rowid, e FROM x;
UPDATE z SET e = '[1, 1, 1, 1]' WHERE rowid = 9999;
UPDATE z SET e = '[-1, -2, -3, -4]' WHERE rowid = 9999;
SELECT count(*) FROM kept;
SELECT count(*) FROM (SELECT id, distance FROM kept EXCEPT
                      SELECT rowid, distance FROM z WHERE z MATCH '[5, 6, 7, 8]');
INSERT INTO z(x) VALUES('integrity-check');
INSERT INTO z(z) VALUES('integrity-check');
SELECT encoder_config('max_code_bytes', NULL);
SELECT encoder_config('max_code_bytes', -1);

SELECT * FROM similarity_stats('nothing');
SELECT * FROM similarity_stats('kept');
SELECT * FROM similarity_stats(NULL);
SELECT * FROM recall_at_k('x', 0);
SELECT * FROM recall_at_k('x', 10, 1000000);

-- Of several tables of one name it is that of the first database, whichever was used last.
ATTACH ':memory:' AS second;
CREATE VIRTUAL TABLE main.twin USING similarity(e VECTOR(2));
CREATE VIRTUAL TABLE second.twin USING similarity(e VECTOR(2));
INSERT INTO main.twin(e) VALUES('[1, 2]');
INSERT INTO second.twin(e) VALUES('[1, 2]'), ('[3, 4]');
SELECT count(*) FROM second.twin('[1, 2]');
SELECT "rows" FROM similarity_stats('twin');
SELECT queries FROM recall_at_k('twin', 1, 1);
CREATE TABLE main.plain(e);
CREATE VIRTUAL TABLE second.plain USING similarity(e VECTOR(2));
SELECT "rows" FROM similarity_stats('plain');
DROP TABLE main.twin;
SELECT "rows" FROM similarity_stats('twin');
