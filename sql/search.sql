-- What: semantic search over a text column, with nothing but SQL and a vector per row.
-- Needs: build/encoder.so (make). Run: sqlite3 <sql/search.sql
-- Shows: storing vectors, keeping them fresh by triggers, the nearest rows, filters.
.load build/encoder
.mode column --wrap 0

CREATE TABLE doc(id INTEGER PRIMARY KEY, language TEXT, text TEXT, vector BLOB);

-- A vector is made when text arrives, and again when it changes.
CREATE TRIGGER doc_insert AFTER INSERT ON doc BEGIN
  UPDATE doc SET vector = embed(new.text) WHERE id = new.id;
END;
CREATE TRIGGER doc_update AFTER UPDATE OF text ON doc BEGIN
  UPDATE doc SET vector = embed(new.text) WHERE id = new.id;
END;

INSERT INTO doc(language, text) VALUES
  ('en', 'How to remove lime scale from a kettle with vinegar'),
  ('en', 'The museum is closed on Mondays and holidays'),
  ('en', 'Plant tomatoes in a sunny place and water them daily'),
  ('en', 'The team won the championship after extra time'),
  ('ko', '주전자를 깨끗하게 청소하는 방법'),
  ('ko', '박물관은 월요일에 문을 닫는다'),
  ('ko', '토마토는 햇빛이 잘 드는 곳에 심어야 한다'),
  ('ko', '우리 팀이 연장전 끝에 우승했다');

-- The nearest rows. A constant question is encoded once, not once a row.
SELECT id, format('%.2f', similarity('cleaning the kettle', vector)) AS similarity, text
  FROM doc ORDER BY similarity('cleaning the kettle', vector) DESC LIMIT 3;

-- Any WHERE works, because it is an ordinary query.
SELECT id, format('%.2f', similarity('when is the museum open?', vector)) AS similarity, text
  FROM doc WHERE language = 'ko'
 ORDER BY similarity('when is the museum open?', vector) DESC LIMIT 2;

-- A changed text is found under its new meaning.
UPDATE doc SET text = '이 식당은 국수가 맛있다' WHERE id = 5;
SELECT id, format('%.2f', similarity('a restaurant with good noodles', vector)) AS similarity,
       text
  FROM doc ORDER BY similarity('a restaurant with good noodles', vector) DESC LIMIT 1;
