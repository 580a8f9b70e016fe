-- Searching: every way of asking gives what the plain order by distance would give.
CREATE VIRTUAL TABLE p USING similarity(v VECTOR(2), kind UNINDEXED, n INTEGER UNINDEXED, metric=l2);
INSERT INTO p(rowid, v, kind, n) VALUES
 (1, '[1, 0]', 'a', 10), (2, '[2, 0]', 'b', 20), (3, '[3, 0]', 'a', NULL), (4, '[0, 4]', 'b', 40),
 (5, '[0, 5]', 'A', 50), (6, '[0, -1]', 'c', 60), (7, '[-2, 0]', NULL, 70), (8, NULL, 'a', 80), (9, '[6, 8]', 'ab', 90);

-- MATCH, query =, p(...); vectors as BLOB or JSON.
SELECT rowid, distance FROM p WHERE p MATCH '[0, 0]';
SELECT rowid, distance FROM p WHERE query = '[0, 0]';
SELECT rowid, distance FROM p('[0, 0]');
SELECT rowid, distance FROM p('[0, 0]', 3);
SELECT rowid FROM p(vector('[0, 0]'), 2);
SELECT rowid FROM p WHERE p MATCH vector('[0, 5]') AND k = 1;
SELECT rowid FROM p WHERE p = '[0, 5]' AND k = 1;
SELECT rowid FROM p WHERE k = 2 AND '[0, 5]' = query;
SELECT round(distance, 4), round(similarity, 4) FROM p('[6, 8]', 2);

-- k, LIMIT, OFFSET.
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 0;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 100;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' LIMIT 3;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' LIMIT 3 OFFSET 2;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 4 LIMIT 3 OFFSET 2;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 LIMIT 100;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' LIMIT -1 OFFSET 6;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' LIMIT 0;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' ORDER BY distance LIMIT 3 OFFSET 1;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = -1;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 'x';
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = NULL;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 1.5;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = '2';
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2.0;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = -1.0;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 1e300;
SELECT k, query FROM p WHERE p MATCH '[0, 0]' AND k = 1;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 9223372036854775807;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 + 1;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = (SELECT 2);
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k < 3;
SELECT rowid FROM p WHERE k = 3;
SELECT count(*) FROM p WHERE p MATCH '[0, 0]' AND k = 3;

-- An OR beside the question: its sides are no searches of their own.
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND (rowid = 3 OR rowid = 4 OR rowid = 1);
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND (rowid = 3 OR rowid IN (9, 7)) ORDER BY distance LIMIT 2;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND (rowid = 3 OR rowid = 4 OR rowid = 9);
SELECT rowid FROM p('[0, 0]', 4) WHERE rowid = 1 OR rowid IN (2, 9) OR rowid = 4;
SELECT rowid FROM p WHERE query = '[0, 0]' AND (rowid = 2 OR (rowid = 5 AND n = 50)) AND k = 9;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND distance IN (1, 2, 3, 4, 5);
CREATE VIRTUAL TABLE wide USING similarity(v VECTOR(1), c1 UNINDEXED, c2 UNINDEXED, c3 UNINDEXED, c4 UNINDEXED, c5 UNINDEXED, c6 UNINDEXED, c7 UNINDEXED, c8 UNINDEXED, c9 UNINDEXED, c10 UNINDEXED, c11 UNINDEXED, c12 UNINDEXED, c13 UNINDEXED, c14 UNINDEXED, c15 UNINDEXED, c16 UNINDEXED, c17 UNINDEXED, c18 UNINDEXED, c19 UNINDEXED, c20 UNINDEXED, c21 UNINDEXED, c22 UNINDEXED, c23 UNINDEXED, c24 UNINDEXED, c25 UNINDEXED, c26 UNINDEXED, c27 UNINDEXED, c28 UNINDEXED, c29 UNINDEXED, c30 UNINDEXED, c31 UNINDEXED, c32 UNINDEXED, c33 UNINDEXED, c34 UNINDEXED, c35 UNINDEXED, c36 UNINDEXED, c37 UNINDEXED, c38 UNINDEXED, c39 UNINDEXED, c40 UNINDEXED, c41 UNINDEXED, c42 UNINDEXED, c43 UNINDEXED, c44 UNINDEXED, c45 UNINDEXED, c46 UNINDEXED, c47 UNINDEXED, c48 UNINDEXED, c49 UNINDEXED, c50 UNINDEXED, c51 UNINDEXED, c52 UNINDEXED, c53 UNINDEXED, c54 UNINDEXED, c55 UNINDEXED, c56 UNINDEXED, c57 UNINDEXED, c58 UNINDEXED, c59 UNINDEXED, c60 UNINDEXED, metric=l2);
INSERT INTO wide(rowid, v, c60) VALUES(1, '[1]', 'a'), (2, '[2]', 'b'), (3, '[3]', 'a');
SELECT rowid, c60 FROM wide WHERE wide MATCH '[3]' AND (rowid = 1 OR rowid = 3);
DROP TABLE wide;

-- Every ORDER BY, GROUP BY, DISTINCT; none is refused.
SELECT rowid FROM p WHERE p MATCH '[0, 0]' ORDER BY distance DESC;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' ORDER BY distance DESC, rowid DESC LIMIT 3;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' ORDER BY distance, rowid DESC LIMIT 4;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' ORDER BY distance, n DESC LIMIT 4;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' ORDER BY similarity DESC LIMIT 2;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' ORDER BY similarity LIMIT 2;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 4 ORDER BY rowid DESC;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 4 ORDER BY kind, rowid;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 4 ORDER BY -distance, rowid;
SELECT kind, count(*), min(distance) FROM p WHERE p MATCH '[0, 0]' GROUP BY kind ORDER BY kind;
SELECT kind, count(*) FROM (SELECT kind FROM p WHERE p MATCH '[0, 0]' AND k = 4) GROUP BY kind;
SELECT kind, count(*) FROM (SELECT kind FROM p WHERE p MATCH '[0, 0]' ORDER BY distance LIMIT 4) GROUP BY kind HAVING count(*) > 1;
SELECT DISTINCT kind FROM p WHERE p MATCH '[0, 0]' ORDER BY kind;
SELECT DISTINCT distance FROM p WHERE p MATCH '[0, 0]' ORDER BY distance;
SELECT distance, group_concat(rowid) FROM p WHERE p MATCH '[0, 0]' GROUP BY distance;
SELECT rowid, row_number() OVER (ORDER BY distance DESC) FROM p WHERE p MATCH '[0, 0]' AND k = 3 ORDER BY 1;


-- Without a query: a table as any other.
SELECT rowid, kind, distance, similarity, k, query, rank FROM p WHERE rowid IN (1, 8, 99);
SELECT rowid FROM p ORDER BY rowid DESC LIMIT 2;
SELECT rowid FROM p WHERE kind = 'a' ORDER BY n;
SELECT count(*), sum(n) FROM p WHERE n > 30;
SELECT rowid FROM p WHERE rowid BETWEEN 3 AND 4 OR rowid = 8;
SELECT max(rowid), min(rowid) FROM p;

-- Filters are applied before k.
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND kind = 'a';
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 3 AND kind = 'A' COLLATE NOCASE;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 3 AND kind COLLATE NOCASE IN ('A', 'c');
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 1 AND kind = 'ab  ' COLLATE RTRIM;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 1 AND kind > 'AA' COLLATE NOCASE;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 3 AND kind IN ('a', 'c');
-- (what SQLite keeps to itself - NOT IN, NOT LIKE, OR, expressions - comes after k; LIMIT comes last)
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 3 AND kind NOT IN ('a', 'c');
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND kind <> 'a';
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND kind > 'a';
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND kind LIKE 'a%';
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND kind GLOB 'a*';
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND kind NOT LIKE 'a%';
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND kind IS NULL;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND kind IS NOT NULL;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND kind IS 'b';
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND kind IS NOT 'a';
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND kind = NULL;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND n BETWEEN 20 AND 50;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND n > '45';
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND n IN (40, '50', NULL);
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND n IN (SELECT 40 UNION SELECT 90);
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND n = (SELECT max(n) FROM p);
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND rowid IN (4, 9, 8, 99, NULL, 'x', 5.0);
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND rowid IN (SELECT rowid FROM p WHERE kind = 'a');
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND rowid NOT IN (1, 2);
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND rowid <> 1;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND rowid <> 1.0;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND rowid > 2;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND rowid >= 2.5 AND rowid < 5.5;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND rowid = 5;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND rowid = 8;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND rowid < 'x';
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND rowid = NULL;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND (kind = 'a' OR n > 50);
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND n + 0 > 50;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND n + 0 > 50 AND kind NOT IN ('A', 'c') ORDER BY distance LIMIT 2;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND (kind = 'A' OR n > 65) LIMIT 2;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND k = 2 AND v IS NOT NULL AND n % 20 = 0;

-- Bounds on distance and similarity.
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND distance < 2;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND distance <= 2;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND distance > 2 AND k = 2;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND distance BETWEEN 2 AND 4;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND distance = 5;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND distance <> 1 AND distance < 3;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND similarity >= 0.5;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND similarity < 0.2 AND k = 1;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND distance < NULL;
SELECT count(*) FROM p WHERE p MATCH '[0, 0]' AND distance < 'x';
SELECT count(*) FROM p WHERE p MATCH '[0, 0]' AND distance > 'x';
SELECT count(*) FROM p WHERE p MATCH '[0, 0]' AND distance IS NOT NULL;
SELECT rowid FROM p WHERE p MATCH '[0, 0]' AND distance < 3 AND kind = 'a';

-- Sub-selects, CTEs, views, compounds.
SELECT rowid FROM (SELECT rowid, distance FROM p WHERE p MATCH '[0, 0]' AND k = 5) WHERE rowid > 2 ORDER BY distance;
WITH m AS (SELECT rowid AS id, distance AS d FROM p('[0, 0]', 3)) SELECT id FROM m WHERE d > 1 UNION ALL SELECT 0;
WITH m AS MATERIALIZED (SELECT rowid AS id FROM p('[0, 0]', 3)) SELECT count(*) FROM m a, m b;
CREATE VIEW near AS SELECT rowid AS id, distance FROM p WHERE p MATCH '[0, 0]';
SELECT id FROM near LIMIT 2;
SELECT id FROM near WHERE id > 3 LIMIT 2;
SELECT rowid FROM p('[0, 0]', 2) UNION SELECT rowid FROM p('[0, 5]', 1) ORDER BY 1;
SELECT rowid FROM p('[0, 0]', 4) INTERSECT SELECT rowid FROM p('[3, 0]', 3);
SELECT EXISTS (SELECT 1 FROM p WHERE p MATCH '[0, 0]' AND distance < 1), EXISTS (SELECT 1 FROM p WHERE p MATCH '[0, 0]' AND distance <= 1);

-- Joins: with another table, by LIMIT, LEFT, correlated, with itself.
CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, q TEXT);
INSERT INTO t VALUES(1, 'one', '[1, 0]'), (2, 'two', '[0, 5]'), (3, 'three', NULL), (4, 'four', '[6, 8]'), (10, 'ten', '[-9, 0]');
SELECT t.name, p.distance FROM p JOIN t ON t.id = p.rowid WHERE p MATCH '[0, 0]' ORDER BY p.distance LIMIT 2;
SELECT t.name FROM t JOIN p ON t.id = p.rowid WHERE p MATCH '[0, 0]' AND k = 3;
SELECT t.name FROM t CROSS JOIN p ON t.id = p.rowid WHERE p MATCH '[0, 0]';
SELECT t.id, p.rowid FROM t JOIN p ON p.query = t.q AND p.k = 2 ORDER BY t.id, p.distance, p.rowid;
SELECT t.id, p.rowid FROM t JOIN p ON p MATCH t.q AND p.k = 1 ORDER BY t.id;
SELECT t.id, p.rowid FROM t LEFT JOIN p ON p.query = t.q AND p.k = 1 ORDER BY t.id;
SELECT t.id, p.rowid FROM t LEFT JOIN p ON p.query = t.q AND p.k = 1 AND p.kind = 'A' ORDER BY t.id;
SELECT t.id, p.rowid FROM t LEFT JOIN p ON p.query = t.q AND p.k = 1 WHERE p.rowid IS NULL;
-- (the query of a LEFT JOIN belongs into ON: SQLite does not show us what stands in WHERE)
SELECT t.id, p.rowid FROM t LEFT JOIN p ON p.rowid = t.id WHERE p.query = '[0, 0]' ORDER BY p.distance;
SELECT t.id, p.rowid FROM t LEFT JOIN p WHERE p.query = t.q AND p.k = 1 ORDER BY t.id;
SELECT t.id, (SELECT rowid FROM p WHERE p MATCH t.q AND k = 1) FROM t;
SELECT t.id, (SELECT group_concat(rowid) FROM (SELECT rowid FROM p WHERE p MATCH t.q ORDER BY distance LIMIT 2)) FROM t;
SELECT id FROM t WHERE EXISTS (SELECT 1 FROM p WHERE p MATCH t.q AND distance < 0.5);
SELECT a.rowid, b.rowid FROM p AS a JOIN p AS b ON b.query = a.v AND b.k = 2 WHERE a.rowid <> b.rowid ORDER BY 1, 2;
SELECT a.rowid, b.rowid FROM p AS a JOIN p AS b ON b.query = a.v AND b.k = 1 AND b.rowid <> a.rowid ORDER BY 1, 2;
SELECT a.rowid, b.rowid, b.distance FROM p AS a, p AS b WHERE a.p MATCH '[0, 0]' AND a.k = 2 AND b.p MATCH '[3, 0]' AND b.k = 2;
SELECT p.rowid FROM p, (SELECT '[0, 5]' AS q UNION ALL SELECT '[1, 0]') WHERE p MATCH q AND k = 1;
SELECT j.value, p.rowid FROM json_each('[[0, 5], [1, 0]]') AS j JOIN p ON p.query = j.value AND p.k = 1;

-- Several queries in one: IN gives the rows of each, OR must be spelt as a union.
SELECT rowid FROM p WHERE query IN ('[1, 0]', '[0, 5]') AND k = 1 ORDER BY rowid;
SELECT rowid FROM p WHERE p MATCH '[1, 0]' OR p MATCH '[0, 5]';
SELECT rowid FROM p WHERE (p MATCH '[1, 0]' AND k = 1) OR (p MATCH '[0, 5]' AND k = 1);
SELECT rowid FROM p WHERE p MATCH '[1, 0]' AND p MATCH '[0, 5]';
SELECT rowid FROM p WHERE query = '[1, 0]' AND query = '[0, 5]';
SELECT rowid FROM p WHERE NOT p MATCH '[1, 0]';

-- No query, and wrong ones.
SELECT rowid FROM p WHERE p MATCH NULL;
SELECT rowid FROM p(NULL, 3);
SELECT rowid FROM p WHERE query IS NULL AND rowid < 3;
SELECT rowid FROM p WHERE p MATCH '[1]';
SELECT rowid FROM p WHERE p MATCH '[1, 2, 3]';
SELECT rowid FROM p WHERE p MATCH x'0000';
SELECT rowid FROM p WHERE p MATCH x'';
SELECT rowid FROM p WHERE p MATCH x'0000c07f0000803f';
SELECT rowid FROM p WHERE p MATCH 'the kettle';
SELECT rowid FROM p WHERE p MATCH 5;
SELECT rowid FROM p WHERE p MATCH '[1, x]';
SELECT rowid FROM p('[0, 0]', 1, 2);
SELECT passage(p) FROM p('[0, 0]', 1);
SELECT passage(kind) FROM p('[0, 0]', 1);
SELECT passage('x');

-- Zero vectors have no direction: last, infinitely far, and without similarity.
CREATE VIRTUAL TABLE z USING similarity(v VECTOR(2));
INSERT INTO z(rowid, v) VALUES(5, '[0, 0]'), (4, '[1, 1]'), (3, '[0, 0]'), (2, '[-1, -1]'), (1, '[2, 2]'), (6, '[1, 0]');
SELECT rowid, round(distance, 4), round(similarity, 4) FROM z WHERE z MATCH '[1, 1]';
SELECT rowid FROM z WHERE z MATCH '[1, 1]' ORDER BY distance;
SELECT rowid FROM z WHERE z MATCH '[1, 1]' ORDER BY distance, rowid;
SELECT rowid FROM z WHERE z MATCH '[1, 1]' ORDER BY distance DESC, rowid;
SELECT rowid FROM z WHERE z MATCH '[1, 1]' ORDER BY similarity, rowid;
SELECT rowid FROM z WHERE z MATCH '[1, 1]' ORDER BY similarity DESC, rowid;
SELECT rowid FROM z WHERE z MATCH '[1, 1]' AND distance > 1;
SELECT rowid FROM z WHERE z MATCH '[1, 1]' AND distance >= 9e999;
SELECT rowid FROM z WHERE z MATCH '[1, 1]' AND distance > -9e999 AND k = 6;
SELECT rowid FROM z WHERE z MATCH '[1, 1]' AND distance <= 9e999 AND k = 6;
SELECT rowid FROM z WHERE z MATCH '[1, 1]' AND distance < 9e999;
SELECT rowid FROM z WHERE z MATCH '[1, 1]' AND similarity >= -2;
SELECT rowid FROM z WHERE z MATCH '[1, 1]' AND similarity IS NULL;
SELECT rowid FROM z WHERE z MATCH '[1, 1]' AND k = 5;
SELECT rowid, distance, similarity FROM z WHERE z MATCH '[0, 0]' AND k = 3;
SELECT rowid, distance, similarity FROM z WHERE z MATCH '[3, 3]' AND rowid IN (3, 5) AND k = 1;

-- Dot product: the largest first; its distance is negative.
CREATE VIRTUAL TABLE d USING similarity(v VECTOR(2), metric=dot);
INSERT INTO d(v) VALUES('[1, 0]'), ('[3, 0]'), ('[-1, 0]'), ('[0, 0]'), ('[3, 5]');
SELECT rowid, distance, similarity FROM d WHERE d MATCH '[1, 0]';
SELECT rowid FROM d WHERE d MATCH '[1, 0]' AND similarity > 0;

-- More rows than a batch, more than a segment: ties by rowid all the way.
CREATE VIRTUAL TABLE big USING similarity(v VECTOR(2), n UNINDEXED, metric=l2);
WITH RECURSIVE i(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM i WHERE n < 1000)
 INSERT INTO big(rowid, v, n) SELECT 1001 - n, json_array(n % 10, 0), n % 7 FROM i;
SELECT count(*), count(DISTINCT rowid) FROM big WHERE big MATCH '[0, 0]';
SELECT group_concat(rowid) FROM (SELECT rowid FROM big WHERE big MATCH '[0, 0]' LIMIT 12);
SELECT rowid, distance FROM big WHERE big MATCH '[0, 0]' LIMIT 3 OFFSET 998;
SELECT count(*) FROM (SELECT rowid, row_number() OVER () AS place FROM big WHERE big MATCH '[0, 0]') AS a
  JOIN (SELECT rowid, row_number() OVER (ORDER BY abs(vector_json(v) ->> 0), rowid) AS place FROM big) AS b USING (rowid) WHERE a.place <> b.place;
SELECT count(*), max(distance) FROM big WHERE big MATCH '[0, 0]' AND n = 3 AND k = 50;
SELECT count(*) FROM big WHERE big MATCH '[0, 0]' AND distance <= 4;
SELECT n, count(*) FROM big WHERE big MATCH '[0, 0]' AND k = 100 GROUP BY n;

-- k is given and not compared.
CREATE VIRTUAL TABLE kk USING similarity(e VECTOR(2));
INSERT INTO kk(e) VALUES('[1,0]'), ('[0,1]'), ('[1,1]');
SELECT rowid FROM kk WHERE kk MATCH '[1,0]' AND k IS 2;
SELECT rowid FROM kk WHERE kk MATCH '[1,0]' AND k <= 2;
SELECT rowid FROM kk WHERE kk MATCH '[1,0]' AND k <> 2;

-- A text column is compared with a number of another table as a number.
CREATE VIRTUAL TABLE tx USING similarity(body, code TEXT UNINDEXED);
INSERT INTO tx(body, code) VALUES('coffee', '007'), ('tea', '7'), ('milk', 'x');
CREATE TABLE seven(n INTEGER);
INSERT INTO seven VALUES(7);
SELECT tx.rowid FROM seven CROSS JOIN tx WHERE tx.query = 'coffee' AND tx.code = seven.n ORDER BY 1;
SELECT rowid FROM tx WHERE tx MATCH 'coffee' AND code IN (SELECT n FROM seven) ORDER BY 1;
SELECT rowid FROM tx WHERE tx MATCH 'coffee' AND code = 7;

-- The last rows first, alone, in a join and beside other tests.
SELECT max(rowid), min(rowid) FROM big;
SELECT rowid, n FROM big WHERE n = 3 ORDER BY rowid DESC LIMIT 3;
SELECT rowid FROM big WHERE rowid < 500 ORDER BY rowid DESC, n LIMIT 2 OFFSET 1;
SELECT max(rowid) FROM big WHERE rowid > 1000;
SELECT rowid FROM big WHERE rowid IN (3, 7, 1) ORDER BY rowid DESC;
SELECT a.rowid, b.rowid FROM kk AS a JOIN kk AS b ON b.rowid < a.rowid ORDER BY a.rowid DESC, b.rowid DESC;
SELECT rowid FROM kk WHERE rowid = 1 OR rowid > 2 ORDER BY rowid DESC;
