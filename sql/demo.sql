-- What: searches, compares, classifies, fills in words and shows tokens, in two languages.
-- Needs: build/encoder.so (make); nothing else. Run: make demo, or sqlite3 <sql/demo.sql
-- Shows: what the built-in Korean and English encoder does with a small table of notes.
.load build/encoder
.mode box --wrap 0
.print
.print 'The encoder inside:'
SELECT name, layers, hidden, vocabulary, max_tokens, parameters,
       round(bytes / 1e6, 1) AS megabytes, precision
  FROM encoder_models WHERE is_default;

CREATE TABLE note(id INTEGER PRIMARY KEY, topic TEXT, text TEXT, vector BLOB);
INSERT INTO note(topic, text) VALUES
  ('cooking',   'Simmer the soup slowly until the beans are soft.'),
  ('cooking',   'Knead the bread dough, let it rise for an hour, then bake it.'),
  ('cooking',   'Fry the chicken with garlic and pepper in a hot pan.'),
  ('cooking',   '된장찌개에 두부와 호박을 넣고 끓인다.'),
  ('cooking',   '김치는 배추를 소금에 절여 만든다.'),
  ('travel',    'The night train to Busan leaves from Seoul station at eleven.'),
  ('travel',    'We missed our flight and spent the night at the airport hotel.'),
  ('travel',    'A boat takes tourists to the island twice a day in summer.'),
  ('travel',    '제주도로 가는 비행기 표를 예약했다.'),
  ('travel',    '호텔은 기차역에서 걸어서 5분 거리에 있다.'),
  ('banking',   'The bank charged a fee for the transfer to another country.'),
  ('banking',   'My credit card was stolen and I had to block the account.'),
  ('banking',   'Interest rates on house loans rose again this month.'),
  ('banking',   '은행에서 돈을 빌리고 매달 이자를 낸다.'),
  ('banking',   '해외로 돈을 보낼 때 수수료가 얼마나 드나요?'),
  ('health',    'Drink water and rest in bed when you have a fever.'),
  ('health',    'The doctor examined the broken arm at the hospital.'),
  ('health',    'Running every morning is good for the heart.'),
  ('health',    '감기에 걸려서 병원에 가서 약을 받았다.'),
  ('health',    '아이가 밤새 열이 나고 기침을 했다.'),
  ('computing', 'The program stores its tables in a single database file.'),
  ('computing', 'A virus deleted the files on my computer.'),
  ('computing', '컴퓨터의 운영 체제를 새 버전으로 업데이트했다.'),
  ('computing', '인터넷 서버가 멈춰서 웹사이트에 접속할 수 없다.');

-- An index over the notes: their words, and what they mean.
CREATE VIRTUAL TABLE note_sim USING similarity(text, content='note', content_rowid='id', hybrid=1);
INSERT INTO note_sim(note_sim) VALUES('rebuild');

.print
.print 'Questions, answered from notes of both languages:'
CREATE TABLE question(id INTEGER PRIMARY KEY, text TEXT);
INSERT INTO question(text) VALUES
  ('How do I bake bread?'), ('송금 수수료'), ('I was coughing and had a fever'),
  ('공항에서 하룻밤을 보냈다'), ('my computer was infected');
.mode column --wrap 0
SELECT similarity, text AS "question, and the two best notes" FROM (
  SELECT id, 0 AS place, '' AS similarity, text FROM question
  UNION ALL
  SELECT q.id, n.rank, format('%.2f', n.similarity), '    ' || n.text
    FROM question AS q JOIN note_sim AS n ON n.query = q.text AND n.k = 2)
 ORDER BY id, place;

-- A vector is a value as well. All in one pass, in batches; embed(text) gives the same bits.
UPDATE note SET vector = each.vector
  FROM embed_each('SELECT id, text FROM note') AS each WHERE each.id = note.id;

.print
.print 'The same thing said in two languages, and something else:'
SELECT format('%.2f', similarity(a, b)) AS similarity, a || '  ~  ' || b AS texts FROM (
  SELECT 'A man is playing the guitar.' AS a, '한 남자가 기타를 치고 있다.' AS b
  UNION ALL SELECT 'A man is playing the guitar.', 'Someone plays a musical instrument.'
  UNION ALL SELECT 'A man is playing the guitar.', '은행은 오늘 문을 닫았다.');

.print
.print 'A classifier, learned from those notes in a moment:'
CREATE TABLE head AS SELECT train_classifier(vector, topic, '{"folds": 4}') AS bytes FROM note;
SELECT json_extract(head_info(bytes), '$.examples') AS examples,
       format('%.2f', json_extract(head_info(bytes), '$.accuracy')) AS "accuracy, cross-validated"
  FROM head;
SELECT classify(text, bytes) AS topic, text FROM head, (
  SELECT 'How long should I boil the eggs?' AS text
  UNION ALL SELECT '열차는 몇 시에 출발합니까?'
  UNION ALL SELECT 'She pays her debts to the bank every month.'
  UNION ALL SELECT '머리가 아파서 의사를 만났다.'
  UNION ALL SELECT '프로그램에 오류가 있어 파일을 열 수 없다.');

.print
.print 'The masked word:'
SELECT format('%.2f', score) AS probability, sequence
  FROM fill_mask('Paris is the [MASK] of France.', 3)
UNION ALL
SELECT format('%.2f', score), sequence FROM fill_mask('대한민국의 수도는 [MASK]이다.', 3);

.print
.print 'What comes next?'
SELECT format('%.2f', next_sentence(a, b)) AS follows, a || '  >  ' || b AS texts FROM (
  SELECT 'The river rises in the mountains of the north.' AS a,
         'It flows through two lakes before it reaches the sea.' AS b
  UNION ALL SELECT 'The river rises in the mountains of the north.',
         'The band released its second album in 1994.');

.print
.print 'How the encoder reads a sentence (bytes of the original, from start to end):'
SELECT position, id, start, "end", token
  FROM tokens('서울의 database 검색!');
