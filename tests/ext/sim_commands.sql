-- INSERT INTO x(x) VALUES(command), some with an argument in the column rank.
SELECT encoder_load('tests/data/tiny'), encoder_load('tests/data/tiny', 'other', '{"pooling": "cls"}');
CREATE VIRTUAL TABLE x USING similarity(body, tag UNINDEXED, model=tiny);
INSERT INTO x(body, tag) VALUES('the fox', 1), ('the dog', 2), ('fox and dog', 3), (NULL, 4), ('', 5);
INSERT INTO x(x) VALUES('integrity-check');
INSERT INTO x(x) VALUES('optimize');
INSERT INTO x(x) VALUES('rebuild');
INSERT INTO x(x) VALUES('triggers');
INSERT INTO x(x) VALUES('nonsense');
INSERT INTO x(x) VALUES('');
INSERT INTO x(x) VALUES('REBUILD');
INSERT INTO x(x) VALUES(5);
INSERT INTO x(x) VALUES(x'00');
INSERT INTO x(x, rank) VALUES('nonsense', 5);
INSERT INTO x(x) VALUES(NULL);
SELECT count(*) FROM x;
DELETE FROM x WHERE rowid = 6;

-- Settings.
INSERT INTO x(x, rank) VALUES('lexical_weight', 0.5);
INSERT INTO x(x, rank) VALUES('semantic_weight', 2);
INSERT INTO x(x, rank) VALUES('lexical_weight', -1);
INSERT INTO x(x, rank) VALUES('lexical_weight', 'much');
INSERT INTO x(x, rank) VALUES('lexical_weight', 9e999);
INSERT INTO x(x) VALUES('lexical_weight');
INSERT INTO x(x, rank) VALUES('semantic_weight', x'00');
INSERT INTO x(x, rank) VALUES('probes', 10);
INSERT INTO x(x, rank) VALUES('probes', -1);
INSERT INTO x(x, rank) VALUES('probes', 1.5);
INSERT INTO x(x, rank) VALUES('probes', 'all');
SELECT k, v FROM x_config WHERE k IN ('lexical_weight', 'semantic_weight', 'probes') ORDER BY k;

-- reembed: at once.
SELECT v FROM x_config WHERE k = 'model';
INSERT INTO x(x) VALUES('reembed');
INSERT INTO x(x, rank) VALUES('reembed', 'other');
SELECT v FROM x_config WHERE k = 'model';
SELECT rowid FROM x WHERE x MATCH 'the dog' AND k = 1;
INSERT INTO x(x) VALUES('integrity-check');
INSERT INTO x(x, rank) VALUES('reembed', 'nowhere');
INSERT INTO x(x, rank) VALUES('reembed', 0);
INSERT INTO x(x, rank) VALUES('reembed', -5);
INSERT INTO x(x, rank) VALUES('reembed', 1.5);
INSERT INTO x(x, rank) VALUES('reembed', x'00');
INSERT INTO x(x, rank) VALUES('reembed', '');
SELECT encoder_unload('other');
SELECT rowid FROM x WHERE x MATCH 'the dog' AND k = 1;
INSERT INTO x(body) VALUES('a cat');
SELECT count(*) FROM x;
DELETE FROM x WHERE rowid = 5;
SELECT tag FROM x WHERE rowid = 2;

-- The name is another model now: refused, until the texts are encoded by it.
SELECT encoder_load('tests/data/tiny', 'other', '{"max_tokens": 9}');
SELECT count(*) FROM x WHERE rowid < 4;
INSERT INTO x(x) VALUES('reembed');
SELECT rowid FROM x WHERE x MATCH 'the dog' AND k = 1;
INSERT INTO x(x) VALUES('integrity-check');

-- In slices, going on where it was; searches see the old vectors until the last slice.
CREATE VIRTUAL TABLE s USING similarity(body, model=tiny);
WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 20) INSERT INTO s(rowid, body) SELECT i, 'fox ' || i FROM n;
CREATE TABLE was AS SELECT rowid AS id, distance AS d FROM s WHERE s MATCH 'fox 7';
SELECT encoder_unload('tiny'), encoder_load('tests/data/tiny', 'tiny', '{"pooling": "cls"}');
INSERT INTO s(s, rank) VALUES('reembed', 8);
SELECT count(*), (SELECT reembedded FROM similarity_stats('s')) FROM s_fresh;
SELECT count(*) FROM s WHERE s MATCH vector(json_array(1)) AND k = 1;
SELECT encoder_unload('tiny'), encoder_load('tests/data/tiny');
SELECT count(*), (SELECT count(*) FROM was) FROM was JOIN (SELECT rowid, distance FROM s WHERE s MATCH 'fox 7') AS now ON now.rowid = id AND now.distance = d;
UPDATE s SET body = 'dog 2' WHERE rowid = 2;
DELETE FROM s WHERE rowid = 3;
UPDATE s SET rowid = 40 WHERE rowid = 4;
INSERT INTO s(body) VALUES('dog 41');
SELECT count(*), group_concat(id) FROM s_fresh;
SELECT rowid FROM s WHERE s MATCH 'dog 2' AND k = 1;
SELECT encoder_unload('tiny'), encoder_load('tests/data/tiny', 'tiny', '{"pooling": "cls"}');
INSERT INTO s(s, rank) VALUES('reembed', 10.0);
SELECT count(*) FROM s_fresh;
SELECT body FROM s WHERE s MATCH 'dog 2' AND k = 1;
INSERT INTO s(s, rank) VALUES('reembed', 5);
SELECT count(*) FROM s_fresh;
SELECT body FROM s WHERE s MATCH 'dog 2' AND k = 1;
INSERT INTO s(s) VALUES('integrity-check');
SELECT count(*), count(distance) FROM s WHERE s MATCH 'fox';
SELECT encoder_load('tests/data/tiny', 'max', '{"pooling": "max"}');
BEGIN;
INSERT INTO s(s, rank) VALUES('reembed', 'max');
SELECT v FROM s_config WHERE k = 'model';
SELECT rowid FROM s WHERE s MATCH 'dog 2' AND k = 1;
ROLLBACK;
SELECT v FROM s_config WHERE k = 'model';
SELECT rowid FROM s WHERE s MATCH 'dog 2' AND k = 1;
INSERT INTO s(s) VALUES('integrity-check');
INSERT INTO s(s, rank) VALUES('reembed', 'max');
SELECT rowid FROM s WHERE s MATCH 'dog 2' AND k = 1;
SELECT count(*) FROM s_fresh;
INSERT INTO s(s) VALUES('integrity-check');

-- To a model of another width, and back.
INSERT INTO s(s, rank) VALUES('reembed', 'builtin');
SELECT v FROM s_config WHERE k = 'model';
SELECT rowid, body FROM s WHERE s MATCH 'dog 2' AND k = 1;
INSERT INTO s(s) VALUES('integrity-check');
BEGIN;
INSERT INTO s(s, rank) VALUES('reembed', 'tiny');
INSERT INTO s(rowid, body) VALUES(50, 'the fifty');
SELECT rowid FROM s WHERE s MATCH 'the fifty' AND k = 1;
ROLLBACK;
SELECT rowid FROM s WHERE s MATCH 'dog 2' AND k = 1;
INSERT INTO s(s) VALUES('integrity-check');
SAVEPOINT a;
INSERT INTO s(s, rank) VALUES('reembed', 'tiny');
ROLLBACK TO a;
INSERT INTO s(rowid, body) VALUES(50, 'the fifty');
RELEASE a;
SELECT rowid FROM s WHERE s MATCH 'the fifty' AND k = 1;
INSERT INTO s(s) VALUES('integrity-check');

-- delete-all.
INSERT INTO s(s) VALUES('delete-all');
SELECT count(*), (SELECT count(*) FROM s_segment), (SELECT count(*) FROM s_vector), (SELECT count(*) FROM s_content) FROM s;
INSERT INTO s(body) VALUES('anew');
SELECT rowid FROM s('anew');
BEGIN;
INSERT INTO s(body) VALUES('more');
INSERT INTO s(s) VALUES('delete-all');
INSERT INTO s(body) VALUES('yet more');
SELECT rowid, body FROM s('more');
ROLLBACK;
SELECT rowid, body FROM s('more');
INSERT INTO s(s) VALUES('integrity-check');

-- optimize of index=ivf.
CREATE VIRTUAL TABLE i USING similarity(e VECTOR(2), metric=l2, index=ivf);
INSERT INTO i(i) VALUES('optimize');
WITH RECURSIVE n(k) AS (VALUES(0) UNION ALL SELECT k + 1 FROM n WHERE k < 2999) INSERT INTO i(rowid, e) SELECT k, json_array(k * 7919 % 3000, 0) FROM n;
INSERT INTO i(i) VALUES('optimize');
SELECT distance FROM i WHERE i MATCH '[1500, 0]' AND k = 3;
SELECT count(*), count(DISTINCT rowid) FROM i WHERE i MATCH '[1500, 0]';
INSERT INTO i(i) VALUES('integrity-check');
-- Where the near segments have too few rows that pass a filter, all are looked into at once.
CREATE TABLE few AS WITH RECURSIVE n(k) AS (VALUES(5) UNION ALL SELECT k + 97 FROM n WHERE k < 2900) SELECT k AS id, k * 7919 % 3000 AS x FROM n;
CREATE TABLE found AS SELECT q.id AS q, distance AS d FROM few AS q JOIN i ON i.query = json_array(q.x + 40, 0) AND i.k = 20 AND i.rowid IN (SELECT id FROM few);
SELECT count(*) FROM found AS a JOIN found AS b ON b.rowid = a.rowid + 1 AND b.q = a.q AND b.d < a.d;
SELECT count(*), sum(d) FROM found;
SELECT count(*), sum(d) FROM (SELECT abs(f.x - q.x - 40.0) AS d, row_number() OVER (PARTITION BY q.id ORDER BY abs(f.x - q.x - 40)) AS n FROM few AS q JOIN few AS f) WHERE n <= 20;
DELETE FROM i WHERE rowid % 3;
INSERT INTO i(e) VALUES('[1500.5, 0]');
SELECT distance FROM i WHERE i MATCH '[1500.5, 0]' AND k = 1;
BEGIN;
INSERT INTO i(i) VALUES('optimize');
ROLLBACK;
INSERT INTO i(i) VALUES('integrity-check');
SELECT count(*) FROM i WHERE i MATCH '[0, 0]';

-- What waits is encoded at once.
CREATE VIRTUAL TABLE f USING similarity(body);
BEGIN;
INSERT INTO f(body) VALUES('a cat'), ('a dog');
SELECT count(*) FROM f_queue;
INSERT INTO f(f) VALUES('flush');
SELECT count(*) FROM f_queue;
COMMIT;
INSERT INTO f(f) VALUES('flush');
INSERT INTO f(f) VALUES('integrity-check');

-- Another process, where the name is another model, has encoded them anew: refused here.
SELECT encoder_unload('tiny'), encoder_load('tests/data/tiny');
CREATE VIRTUAL TABLE away USING similarity(body, model=tiny);
INSERT INTO away(body) VALUES('fox'), ('dog');
SELECT count(*) FROM away('fox');
UPDATE away_config SET v = '00112233445566778899aabbccddeeff' WHERE k = 'fingerprint';
UPDATE away_config SET v = v + 1 WHERE k = 'generation';
SELECT count(*) FROM away('fox');
INSERT INTO away(body) VALUES('cat');
SELECT count(*) FROM away;

-- reembed by the same model of another name: the table is that one's from now on.
SELECT encoder_load('tests/data/tiny', 'first'), encoder_load('tests/data/tiny', 'second');
CREATE VIRTUAL TABLE named USING similarity(body, model=first);
INSERT INTO named(body) VALUES('the fox'), ('the dog');
SELECT encoder_unload('first');
SELECT count(*) FROM named('fox');
BEGIN;
INSERT INTO named(named, rank) VALUES('reembed', 'second');
SELECT count(*) FROM named('fox');
ROLLBACK;
SELECT count(*) FROM named('fox');
INSERT INTO named(named, rank) VALUES('reembed', 'second');
SELECT count(*), (SELECT encoded FROM similarity_stats('named')) FROM named('fox');
SELECT v FROM named_config WHERE k = 'model';
INSERT INTO named(named) VALUES('integrity-check');
