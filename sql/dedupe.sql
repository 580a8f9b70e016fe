-- What: finds rows that say the same thing in other words, or in the other language.
-- Needs: build/encoder.so (make). Run: sqlite3 <sql/dedupe.sql
-- Shows: every pair above a threshold, and one row kept of each group.
.load build/encoder
.mode column --wrap 0

CREATE TABLE question(id INTEGER PRIMARY KEY, text TEXT, vector BLOB);
INSERT INTO question(text) VALUES
  ('How can I learn English quickly?'),
  ('What is the fastest way to learn English?'),
  ('영어를 빨리 배우는 방법은 무엇인가요?'),
  ('Where can I park my car near the station?'),
  ('Is there a parking lot close to the train station?'),
  ('내일 서울의 날씨는 어때요?'),
  ('내일 서울 날씨 알려 주세요.'),
  ('How many planets are in the solar system?');
UPDATE question SET vector = embed(text);

-- The threshold is a property of the model and of your data: look at the list, then choose.
SELECT format('%.2f', similarity(a.vector, b.vector)) AS similarity,
       a.text || '  =  ' || b.text AS "said again"
  FROM question AS a JOIN question AS b ON a.id < b.id
 WHERE similarity(a.vector, b.vector) > 0.7
 ORDER BY similarity(a.vector, b.vector) DESC;

-- Keeps the first of each group: those that resemble no earlier row.
SELECT text AS kept FROM question AS q
 WHERE NOT EXISTS (SELECT 1 FROM question AS earlier
                    WHERE earlier.id < q.id
                      AND similarity(earlier.vector, q.vector) > 0.7)
 ORDER BY id;
