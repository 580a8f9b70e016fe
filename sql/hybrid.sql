-- What: words and meaning in one search.
-- Needs: build/encoder.so (make), SQLite with FTS5. Run: sqlite3 <sql/hybrid.sql
-- Shows: what each leg finds, their fusion, Korean words with particles, the passage.
.load build/encoder
.mode column --wrap 0

CREATE VIRTUAL TABLE page USING similarity(title, body, hybrid=1);
INSERT INTO page(rowid, title, body) VALUES
  (1, 'Error E-4017', 'The pump does not start. Check the fuse, then call service.'),
  (2, 'Error E-4071', 'The water is too hot. Let the machine cool down for ten minutes.'),
  (3, 'Cleaning', 'Rinse the tank once a week. Vinegar takes the lime away.'),
  (4, '세척', '물탱크를 매주 헹구십시오. 식초로 석회를 없앨 수 있습니다.'),
  (5, '보증', '보증 기간은 구입한 날부터 2년입니다. 영수증을 보관하십시오.'),
  (6, 'Warranty', 'Repairs are free for two years. Keep the receipt.');

-- A number that no vector knows, found by its letters; nothing a user types is syntax.
SELECT rank, title, lexical_rank, semantic_rank
  FROM page WHERE page MATCH 'E-4071 ("what' ORDER BY rank LIMIT 1;

-- A Korean word with another particle than in the text.
SELECT rowid, title FROM page WHERE page MATCH '영수증이' ORDER BY rank LIMIT 1;

-- Meaning without a common word, and the stretch that answers.
SELECT title, passage(page) AS passage
  FROM page WHERE page MATCH 'is it repaired for nothing in the first year?' ORDER BY rank LIMIT 1;

-- How much each leg counts is the table's to keep.
INSERT INTO page(page, rank) VALUES('semantic_weight', 1);
SELECT rank, title FROM page WHERE page MATCH 'lime in the tank' ORDER BY rank LIMIT 2;
