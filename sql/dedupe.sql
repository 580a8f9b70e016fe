-- What: finds rows that say the same thing in other words, or in the other language.
-- Needs: build/encoder.so (make). Run: sqlite3 <sql/dedupe.sql
-- Shows: every pair above a threshold, and one row kept of each group.
.load build/encoder
.mode column --wrap 0

CREATE TABLE question(id INTEGER PRIMARY KEY, text TEXT);
INSERT INTO question(text) VALUES
  ('How can I learn English quickly?'),
  ('What is the fastest way to learn English?'),
  ('영어를 빨리 배우는 방법은 무엇인가요?'),
  ('Where can I park my car near the station?'),
  ('Is there a parking lot close to the train station?'),
  ('내일 서울의 날씨는 어때요?'),
  ('내일 서울 날씨 알려 주세요.'),
  ('How many planets are in the solar system?');
CREATE VIRTUAL TABLE question_sim USING similarity(text, content='question', content_rowid='id');
INSERT INTO question_sim(question_sim) VALUES('rebuild');

-- One search for each row, and the threshold inside it. It is a property of the model and of
-- your data: look at the list, then choose.
CREATE TABLE same AS
  SELECT a.id AS a, b.rowid AS b, b.similarity
    FROM question AS a JOIN question_sim AS b
      ON b.query = a.text AND b.similarity > 0.7 AND b.rowid > a.id;
SELECT format('%.2f', similarity) AS similarity, a.text || '  =  ' || b.text AS "said again"
  FROM same JOIN question AS a ON a.id = same.a JOIN question AS b ON b.id = same.b
 ORDER BY similarity DESC;

-- Keeps the first of each group: those that resemble no earlier row.
SELECT text AS kept FROM question WHERE id NOT IN (SELECT b FROM same) ORDER BY id;
