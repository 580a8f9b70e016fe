-- chunk=: a row is several stretches, and still one row.
CREATE VIRTUAL TABLE c USING similarity(body, tag UNINDEXED, chunk=12, overlap=2);
INSERT INTO c(rowid, body, tag) VALUES
 (1, 'The kettle boils water for tea. The dog barks at the postman. Interest rates of the bank have risen. Snow melts on the hills in spring.', 'a'),
 (2, 'A recipe for bread: flour, water, salt and yeast. Bake it for an hour in a hot oven. Let it cool before you cut it.', 'b'),
 (3, 'short', 'c'), (4, '', 'd'), (5, NULL, 'e');
SELECT rowid FROM c WHERE c MATCH 'the dog barks at the postman' AND k = 1;
SELECT count(*), count(DISTINCT rowid) FROM c WHERE c MATCH 'the dog barks at the postman';
SELECT rowid, instr(passage(c), 'postman') > 0, length(passage(c)) < length(body) FROM c WHERE c MATCH 'the dog barks at the postman' AND k = 1;
SELECT rowid, passage(c) = coalesce(CAST(substr(CAST(body AS BLOB), chunk_start + 1, chunk_end - chunk_start) AS TEXT), '') FROM c WHERE c MATCH 'bake bread' ORDER BY rowid;
SELECT rowid FROM c WHERE c MATCH 'flour, water, salt and yeast' AND tag <> 'a' AND k = 1;
SELECT tag, count(*) FROM c WHERE c MATCH 'water' GROUP BY tag;
-- A row is as far as its nearest stretch, and not there with another of them.
CREATE TABLE at AS SELECT rowid AS id, distance AS d, similarity AS s FROM c WHERE c MATCH 'the dog barks at the postman';
SELECT id FROM at WHERE d = (SELECT min(d) FROM at);
SELECT group_concat(rowid) FROM (SELECT rowid FROM c WHERE c MATCH 'the dog barks at the postman' AND distance > (SELECT min(d) FROM at) AND k = 9 ORDER BY rowid);
SELECT group_concat(rowid) FROM (SELECT rowid FROM c WHERE c MATCH 'the dog barks at the postman' AND similarity < (SELECT max(s) FROM at) ORDER BY rowid);
SELECT count(*) FROM c WHERE c MATCH 'the dog barks at the postman' AND distance > (SELECT max(d) FROM at);
SELECT c.rowid FROM at JOIN c ON c.query = 'the dog barks at the postman' AND c.distance = d AND c.rowid <> id;
SELECT rowid, passage(c), chunk_start, chunk_end FROM c WHERE rowid = 3;
SELECT passage(c), chunk_start, chunk_end FROM c WHERE c MATCH 'short' AND rowid = 3;
SELECT rowid, length(c) / 12 > 1 FROM c_doc;

-- Longer, shorter, gone.
UPDATE c SET body = 'one stretch only' WHERE rowid = 1;
SELECT length(c) / 12 FROM c_doc WHERE id = 1;
UPDATE c SET body = 'Five things are here, and each is a sentence of its own. The first was that. The second is a horse in a field of green grass. The third is a ship at sea in a storm.' WHERE rowid = 3;
SELECT rowid, instr(passage(c), 'horse') + instr(passage(c), 'grass') > 0 FROM c WHERE c MATCH 'a horse in a field of green grass' AND k = 1;
UPDATE c SET rowid = 33 WHERE rowid = 3;
SELECT rowid, instr(passage(c), 'ship') + instr(passage(c), 'storm') > 0 FROM c WHERE c MATCH 'a ship at sea in a storm' AND k = 1;
DELETE FROM c WHERE rowid = 2;
INSERT INTO c(c) VALUES('integrity-check');
BEGIN;
DELETE FROM c WHERE rowid = 33;
INSERT INTO c(rowid, body) VALUES(2, 'a very long text that is cut. it is cut again and again. it is cut until nothing is left of it but words.');
SELECT count(*) FROM c('horse');
ROLLBACK;
SELECT rowid FROM c WHERE c MATCH 'a horse in a field of green grass' AND k = 1;
INSERT INTO c(c) VALUES('integrity-check');

-- Korean.
CREATE VIRTUAL TABLE ko USING similarity(body, chunk=8);
INSERT INTO ko(body) VALUES('오늘 서울의 날씨는 맑고 따뜻합니다. 주전자에 물을 끓여 차를 마십니다. 은행의 대출 금리가 올랐습니다.'), ('강아지가 공원에서 뛰어놉니다.');
SELECT rowid, instr(passage(ko), '대출') > 0, passage(ko) = CAST(substr(CAST(body AS BLOB), chunk_start + 1, chunk_end - chunk_start) AS TEXT)
  FROM ko WHERE ko MATCH '은행의 대출 금리가 올랐습니다' AND k = 1;
SELECT rowid, passage(ko) = body OR length(passage(ko)) < length(body) FROM ko WHERE ko MATCH '강아지가 공원에서 뛰어놉니다' AND k = 1;

-- Two columns; what is not chunked; chunk=auto.
CREATE VIRTUAL TABLE two USING similarity(title, body, chunk=8);
INSERT INTO two(title, body) VALUES('The kettle', 'It boils water for tea. The dog barks at the postman every day.'), (NULL, 'no title'), ('no body', NULL);
SELECT rowid, instr(passage(two), 'postman') > 0 FROM two WHERE two MATCH 'the dog barks at the postman' AND k = 1;
SELECT rowid, passage(two), chunk_start, chunk_end FROM two WHERE two MATCH 'no title' AND k = 1;
CREATE VIRTUAL TABLE plain USING similarity(body);
INSERT INTO plain(body) VALUES('The kettle boils water for tea.'), ('');
SELECT rowid, passage(plain), chunk_start, chunk_end FROM plain WHERE plain MATCH 'kettle' ORDER BY rowid;
SELECT passage(plain), passage(plain) FROM plain;
SELECT passage(plain) FROM plain WHERE plain MATCH 'kettle' ORDER BY rowid DESC;
SELECT max(passage(plain)) FROM plain WHERE plain MATCH 'kettle';
SELECT passage(p) FROM plain AS p WHERE p MATCH 'kettle' AND k = 1;
SELECT passage() FROM plain;
SELECT passage(plain, 1) FROM plain WHERE plain MATCH 'kettle';
SELECT encoder_load('tests/data/tiny');
CREATE VIRTUAL TABLE auto USING similarity(body, chunk=auto, model=tiny);
INSERT INTO auto(body) VALUES(replace(printf('%.*c', 100, 'x'), 'x', 'the fox ')), ('the dog');
SELECT id, length(c) / 12 FROM auto_doc;
SELECT count(*) FROM auto('the fox');
INSERT INTO auto(auto) VALUES('reembed');
INSERT INTO auto(auto, rank) VALUES('reembed', 'builtin');
SELECT id, length(c) / 12 FROM auto_doc;
SELECT rowid FROM auto WHERE auto MATCH 'the dog' AND k = 1;
INSERT INTO auto(auto) VALUES('integrity-check');

-- Of a long text that is not chunked: the stretch that is nearest to what was asked, by
-- text or by vector; nothing without the model that it was made with.
CREATE VIRTUAL TABLE long USING similarity(body);
INSERT INTO long(body) VALUES(replace(printf('%.*c', 30, 'x'), 'x', 'The kettle boils water for tea. ') || replace(printf('%.*c', 15, 'x'), 'x', 'The dog barks at the postman. ') || replace(printf('%.*c', 30, 'x'), 'x', 'He bakes bread in the oven. '));
SELECT instr(passage(long), 'postman') > 0, length(passage(long)) < length(body) / 4 FROM long WHERE long MATCH 'a dog and a postman';
SELECT instr(passage(long), 'bread') > 0, instr(passage(long), 'kettle') FROM long WHERE long MATCH embed('bread from the oven');
CREATE VIRTUAL TABLE of_tiny USING similarity(body, model=tiny);
INSERT INTO of_tiny(body) SELECT body FROM long;
SELECT length(passage(of_tiny)) < length(body) FROM of_tiny WHERE of_tiny MATCH 'a fox';
SELECT encoder_unload('tiny');
SELECT rowid, passage(of_tiny) FROM of_tiny WHERE of_tiny MATCH zeroblob(128);

-- Where a LEFT JOIN finds no row there is no passage.
CREATE TABLE asked(id INTEGER PRIMARY KEY, question TEXT);
INSERT INTO asked VALUES(1, 'kettle'), (2, NULL);
SELECT asked.id, passage(plain) IS NOT NULL FROM asked LEFT JOIN plain ON plain.query = asked.question AND plain.k = 1 ORDER BY asked.id;
SELECT passage(body) FROM plain WHERE plain MATCH 'kettle' AND k = 1;
