-- What: semantic search over your own table, kept in step by triggers.
-- Needs: build/encoder.so (make). Run: sqlite3 <sql/search.sql
-- Shows: an index over a table you have, questions in two languages, filters, changes.
.load build/encoder
.mode column --wrap 0

CREATE TABLE doc(id INTEGER PRIMARY KEY, language TEXT, text TEXT);
INSERT INTO doc(language, text) VALUES
  ('en', 'How to remove lime scale from a kettle with vinegar'),
  ('en', 'The museum is closed on Mondays and holidays'),
  ('en', 'Plant tomatoes in a sunny place and water them daily'),
  ('en', 'The team won the championship after extra time'),
  ('ko', '주전자를 깨끗하게 청소하는 방법'),
  ('ko', '박물관은 월요일에 문을 닫는다'),
  ('ko', '토마토는 햇빛이 잘 드는 곳에 심어야 한다'),
  ('ko', '우리 팀이 연장전 끝에 우승했다');

-- The index: it reads the text from doc, and holds vectors only.
CREATE VIRTUAL TABLE doc_sim USING similarity(
  text, language UNINDEXED, content='doc', content_rowid='id');
INSERT INTO doc_sim(doc_sim) VALUES('rebuild');  -- the rows that are there
INSERT INTO doc_sim(doc_sim) VALUES('triggers'); -- and those that come and change

-- The nearest rows, joined with the table they come from.
SELECT doc.id, format('%.2f', s.similarity) AS similarity, doc.text
  FROM doc_sim('cleaning the kettle', 3) AS s JOIN doc ON doc.id = s.rowid
 ORDER BY s.distance;

-- A filter is part of the search: two Korean rows come, however many English ones are nearer.
SELECT rowid, format('%.2f', similarity) AS similarity, text
  FROM doc_sim WHERE doc_sim MATCH 'the museum is closed on Mondays' AND language = 'ko'
 ORDER BY distance LIMIT 2;

-- A changed text is found under its new meaning, in the same transaction.
UPDATE doc SET text = '이 식당은 국수가 맛있다' WHERE id = 5;
SELECT rowid, text FROM doc_sim('a restaurant with good noodles', 1);

-- A search for each row: the nearest Korean text of two English ones.
SELECT a.text, b.text AS nearest
  FROM doc AS a JOIN doc_sim AS b ON b.query = a.text AND b.k = 1 AND b.language = 'ko'
 WHERE a.id IN (2, 4);
