-- What: sorts texts into classes that are only named, without any training.
-- Needs: build/encoder.so (make). Run: sqlite3 <sql/classify.sql
-- Shows: zero_shot, best label for each row, all labels with their scores.
.load build/encoder
.mode column --wrap 0

CREATE TABLE message(id INTEGER PRIMARY KEY, text TEXT);
INSERT INTO message(text) VALUES
  ('The football match ended in a draw.'),
  ('The government passed a new law on taxes.'),
  ('Scientists measured the distance to the star.'),
  ('축구 선수가 두 골을 넣었다.'),
  ('대통령 선거가 내년에 열린다.');

-- The best label of each row.
SELECT z.label, format('%.2f', max(z.score)) AS score, m.text
  FROM message AS m, zero_shot(m.text, '["sports", "politics", "science"]') AS z
 GROUP BY m.id ORDER BY m.id;

-- All labels of one text. Labels are texts: whole phrases say more than single words.
SELECT format('%.2f', score) AS score, label AS "label of: 가격이 너무 비싸요"
  FROM zero_shot('가격이 너무 비싸요', '["a complaint about the price", "a question about delivery", "praise"]');
