-- What: transfer learning in one query: a linear classifier on the encoder's vectors.
-- Needs: build/encoder.so (make). Run: sqlite3 <sql/train_head.sql
-- Shows: training from rows, what was learned, using it, keeping it as a value in a table.
.load build/encoder
.mode column --wrap 0

CREATE TABLE review(text TEXT, mood TEXT);
INSERT INTO review VALUES
  ('A wonderful film, I enjoyed every minute.', 'good'),
  ('The actors were great and the story was beautiful.', 'good'),
  ('I loved the music and the happy ending.', 'good'),
  ('One of the best movies of the year.', 'good'),
  ('정말 재미있는 영화였다.', 'good'),
  ('배우들의 연기가 훌륭했다.', 'good'),
  ('감동적인 이야기, 최고의 영화.', 'good'),
  ('음악이 아름답고 결말이 좋았다.', 'good'),
  ('A terrible film, I was bored from the start.', 'bad'),
  ('The acting was awful and the plot made no sense.', 'bad'),
  ('I hated the noise and left before the end.', 'bad'),
  ('One of the worst movies ever made.', 'bad'),
  ('정말 지루한 영화였다.', 'bad'),
  ('배우들의 연기가 형편없었다.', 'bad'),
  ('시간과 돈이 아까운 최악의 영화.', 'bad'),
  ('내용이 없고 결말이 실망스러웠다.', 'bad');

-- A head is a value: it lives in a table like any other, and can be copied and versioned.
CREATE TABLE head(name TEXT PRIMARY KEY, bytes BLOB);
INSERT INTO head
  SELECT 'mood', train_classifier(text, mood, '{"folds": 4, "seed": 1}') FROM review;

SELECT json_extract(head_info(bytes), '$.task') AS task,
       json_extract(head_info(bytes), '$.examples') AS examples,
       json_extract(head_info(bytes), '$.labels') AS labels,
       length(bytes) AS bytes
  FROM head WHERE name = 'mood';

SELECT classify(text, bytes) AS mood, text
  FROM head, (SELECT 'A great story and wonderful music' AS text
              UNION ALL SELECT '최악이다, 너무 지루했다')
 WHERE name = 'mood';

-- All classes of a text with their probabilities.
SELECT label, format('%.2f', score) AS score
  FROM head, classes('재미있고 감동적이다', bytes) WHERE name = 'mood';
