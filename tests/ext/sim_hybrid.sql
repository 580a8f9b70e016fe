-- hybrid=1: words and vectors together.
CREATE VIRTUAL TABLE h USING similarity(title, body, n UNINDEXED, hybrid=1);
INSERT INTO h(rowid, title, body, n) VALUES
 (1, 'Kettle', 'how to descale a kettle with vinegar', 10),
 (2, 'Part list', 'order number XQ-4711 for the pump', 20),
 (3, 'Dog', 'it barks at the postman', 30),
 (4, '공지', '내일 학교에서 회의가 있습니다', 40),
 (5, '요리', '김치찌개를 끓이는 방법', 50),
 (6, NULL, NULL, 60),
 (7, '日本', '東京タワーに行きました', 70);
SELECT rowid, rank, lexical_rank FROM h WHERE h MATCH 'XQ-4711' LIMIT 1;
SELECT rowid FROM h WHERE h MATCH 'postman' ORDER BY rank LIMIT 1;
SELECT count(*), count(rank), count(semantic_rank), count(lexical_rank), min(rank), max(rank) FROM h WHERE h MATCH 'postman';
SELECT count(*) FROM h WHERE h MATCH 'postman' AND distance IS NOT NULL AND similarity IS NOT NULL;
SELECT group_concat(rank) FROM (SELECT rank FROM h WHERE h MATCH 'kettle postman');
SELECT rowid, lexical_rank IS NOT NULL FROM h WHERE h MATCH '김치찌개' ORDER BY rank LIMIT 1;
SELECT rowid FROM h WHERE h MATCH '학교' ORDER BY rank LIMIT 1;
SELECT rowid, lexical_rank FROM h WHERE h MATCH '학교' AND lexical_rank = 1;
SELECT rowid FROM h WHERE h MATCH '회의' AND lexical_rank = 1;
SELECT rowid FROM h WHERE h MATCH '東京' AND lexical_rank = 1;
SELECT rowid FROM h WHERE h MATCH 'タワー' AND lexical_rank = 1;

-- What people type is never syntax.
SELECT count(*) FROM h WHERE h MATCH '"';
SELECT count(*) FROM h WHERE h MATCH 'kettle"';
SELECT count(*) FROM h WHERE h MATCH '"unbalanced kettle';
SELECT count(*) FROM h WHERE h MATCH 'kettle AND';
SELECT count(*) FROM h WHERE h MATCH 'NOT OR NEAR(';
SELECT count(*) FROM h WHERE h MATCH 'title:kettle - body : * ^ { } + ()';
SELECT count(*) FROM h WHERE h MATCH 'a'' OR 1=1; DROP TABLE h; --';
SELECT count(*) FROM h WHERE h MATCH '*';
SELECT count(*) FROM h WHERE h MATCH '   ';
SELECT count(*) FROM h WHERE h MATCH '';
SELECT count(*) FROM h WHERE h MATCH '?!.,;:';
SELECT count(*) FROM h WHERE h MATCH 'kettle' || char(0) || 'dog';
SELECT rowid FROM h WHERE h MATCH 'nothing ' || char(0) || ' postman' AND lexical_rank IS NOT NULL;
SELECT count(*) FROM h WHERE h MATCH CAST(x'ff22ff' AS TEXT);
SELECT count(*) FROM h WHERE h MATCH replace(printf('%.*c', 3000, 'x'), 'x', 'word" ');
SELECT count(*) FROM h WHERE h MATCH 4711;
SELECT rowid FROM h WHERE h MATCH 4711 AND lexical_rank = 1;
SELECT rowid FROM h WHERE h MATCH 'order number: "XQ-4711"!' AND lexical_rank = 1;

-- k, LIMIT, filters; a vector runs one leg only.
SELECT count(*) FROM h WHERE h MATCH 'kettle' AND k = 3;
SELECT rowid FROM h WHERE h MATCH 'kettle dog' AND n = 30 AND k = 1;
SELECT rowid FROM h WHERE h MATCH 'kettle' AND rowid > 3 AND k = 1 AND lexical_rank IS NOT NULL;
SELECT count(*) FROM h WHERE h MATCH 'kettle' AND rowid IN (1, 3, 6) AND n < 100;
SELECT rowid FROM h WHERE h MATCH 'kettle' ORDER BY rowid DESC;
SELECT rowid FROM h WHERE h MATCH 'kettle dog pump' AND k = 3 ORDER BY rowid;
SELECT count(*), count(lexical_rank), count(rank) FROM h WHERE h MATCH embed('kettle');
SELECT count(*) FROM h WHERE h MATCH 'kettle' AND similarity > 2;
SELECT count(*) FROM h WHERE h MATCH NULL;
SELECT rowid, rank FROM h WHERE rowid = 1;

-- Weights.
INSERT INTO h(h, rank) VALUES('semantic_weight', 0);
SELECT rowid FROM h WHERE h MATCH 'postman XQ-4711 pump' LIMIT 2;
INSERT INTO h(h, rank) VALUES('semantic_weight', 1);
INSERT INTO h(h, rank) VALUES('lexical_weight', 0);
SELECT a.rowid = b.rowid FROM (SELECT rowid FROM h WHERE h MATCH 'XQ-4711' LIMIT 1) AS a, (SELECT rowid FROM h WHERE h MATCH embed_query('XQ-4711') LIMIT 1) AS b;
INSERT INTO h(h, rank) VALUES('lexical_weight', 1);

-- Kept in step.
UPDATE h SET body = 'order number ZZ-9 for the valve' WHERE rowid = 2;
SELECT count(lexical_rank) FROM h WHERE h MATCH '4711';
SELECT rowid FROM h WHERE h MATCH 'ZZ-9' AND lexical_rank = 1;
UPDATE h SET rowid = 22 WHERE rowid = 2;
SELECT rowid FROM h WHERE h MATCH 'ZZ-9' AND lexical_rank = 1;
UPDATE h SET n = 21 WHERE rowid = 22;
DELETE FROM h WHERE rowid = 22;
SELECT count(lexical_rank) FROM h WHERE h MATCH 'ZZ-9';
REPLACE INTO h(rowid, body) VALUES(3, 'the unicorn sings');
SELECT count(lexical_rank) FROM h WHERE h MATCH 'postman';
SELECT rowid FROM h WHERE h MATCH 'unicorn' AND lexical_rank = 1;
UPDATE h SET title = NULL, body = NULL WHERE rowid = 3;
SELECT count(lexical_rank) FROM h WHERE h MATCH 'unicorn';
BEGIN;
INSERT INTO h(body) VALUES('a phoenix rises');
SELECT body FROM h WHERE h MATCH 'phoenix' AND lexical_rank = 1;
SAVEPOINT a;
DELETE FROM h;
SELECT count(*) FROM h('phoenix');
ROLLBACK TO a;
SELECT body FROM h WHERE h MATCH 'phoenix' AND lexical_rank = 1;
ROLLBACK;
SELECT count(lexical_rank) FROM h WHERE h MATCH 'phoenix';
INSERT INTO h(h) VALUES('rebuild');
INSERT INTO h(h) VALUES('optimize');
INSERT INTO h(h) VALUES('integrity-check');
INSERT INTO h_fts(h_fts) VALUES('integrity-check');

-- External content, chunked, with another model.
SELECT encoder_load('tests/data/tiny');
CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE e USING similarity(body, content=docs, content_rowid=id, hybrid=1, chunk=8, model=tiny);
INSERT INTO e(e) VALUES('triggers');
INSERT INTO docs(body) VALUES('the fox jumps over the dog. the fox is a fox. the dog is a dog.'), ('a cat');
SELECT rowid, instr(passage(e), 'cat') FROM e WHERE e MATCH 'cat' AND lexical_rank = 1;
UPDATE docs SET body = 'a fox' WHERE id = 2;
SELECT group_concat(rowid) FROM (SELECT rowid FROM e WHERE e MATCH 'fox' AND lexical_rank IS NOT NULL ORDER BY rowid);
INSERT OR REPLACE INTO docs VALUES(2, 'a dog');
SELECT group_concat(rowid) FROM (SELECT rowid FROM e WHERE e MATCH 'dog' AND lexical_rank IS NOT NULL ORDER BY rowid);
DELETE FROM docs;
SELECT count(*), (SELECT count(*) FROM e_fts) FROM e;
INSERT INTO docs(body) VALUES('the unaffable fox'), ('한국 서울');
INSERT INTO e(e, rank) VALUES('reembed', 'builtin');
SELECT rowid FROM e WHERE e MATCH 'fox' AND lexical_rank = 1;
SELECT rowid FROM e WHERE e MATCH '서울' AND lexical_rank = 1;
INSERT INTO e(e) VALUES('integrity-check');
SELECT sql FROM sqlite_schema WHERE name = 'e_fts';

-- The words are those of one model.
CREATE VIRTUAL TABLE words_of USING similarity(t, hybrid=1);
INSERT INTO words_of(words_of, rank) VALUES('reembed', 'another');

-- k far beyond the number of rows asks for all of them, and for no more memory than that.
SELECT count(*) FROM h('postman', 2147483648);
SELECT count(*) FROM h('postman', 9223372036854775807);
SELECT count(*) FROM h WHERE h MATCH 'postman' AND k = 9223372036854775807;
SELECT count(*) FROM (SELECT rowid FROM h WHERE h MATCH 'postman' LIMIT 9223372036854775807);

-- FTS5 has the texts of the rows and no other: the check says so, rebuild mends it.
CREATE VIRTUAL TABLE wd USING similarity(body, hybrid=1);
INSERT INTO wd(rowid, body) VALUES(1, 'a cat'), (2, 'a dog'), (3, NULL);
DELETE FROM wd_fts WHERE rowid = 2;
INSERT INTO wd(wd) VALUES('integrity-check');
INSERT INTO wd(wd) VALUES('rebuild');
INSERT INTO wd(wd) VALUES('integrity-check');
INSERT INTO wd_fts(rowid, text) VALUES(77, 'a fox');
INSERT INTO wd(wd) VALUES('integrity-check');
INSERT INTO wd(wd) VALUES('rebuild');
INSERT INTO wd(wd) VALUES('integrity-check');
UPDATE wd_fts SET text = 'a wolf' WHERE rowid = 1;
INSERT INTO wd(wd) VALUES('integrity-check');
INSERT INTO wd(wd) VALUES('rebuild');
SELECT rowid FROM wd('cat') WHERE lexical_rank = 1;
INSERT INTO wd(wd) VALUES('integrity-check');

-- When a name is another model's, reembed makes the words those of that model too.
SELECT encoder_load('tests/data/tiny', 'm');
CREATE VIRTUAL TABLE anew USING similarity(body, hybrid=1, model=m);
INSERT INTO anew(body) VALUES('the unaffable fox'), ('a man went to the sea'), (NULL);
CREATE TABLE corpus(text TEXT);
INSERT INTO corpus VALUES('the cat sat on the mat. the dog ran.'), ('a man went to the sea. unaffable foxes.');
SELECT encoder_load(pretrain(text, '{"n_vocab": 90, "hidden": 16, "n_layers": 1, "n_heads": 2, "inner": 16,
  "n_positions": 32, "batch_tokens": 64, "batch_pairs": 2, "max_tokens": 16, "pair_tokens": 8, "steps": 1}'), 'm') FROM corpus;
BEGIN;
INSERT INTO anew(body) VALUES('the dog ran to the sea');
INSERT INTO anew(anew) VALUES('reembed');
SELECT group_concat(rowid) FROM (SELECT rowid FROM anew WHERE anew MATCH 'sea' AND lexical_rank IS NOT NULL ORDER BY rowid);
COMMIT;
INSERT INTO anew(anew) VALUES('integrity-check');
ALTER TABLE anew RENAME TO again;
INSERT INTO again(again) VALUES('integrity-check');
SELECT group_concat(rowid) FROM (SELECT rowid FROM again WHERE again MATCH 'unaffable sea' AND lexical_rank IS NOT NULL ORDER BY rowid);
SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_schema WHERE name LIKE 'again#_fts%' ESCAPE '#' OR name LIKE '%anew' ORDER BY name);
