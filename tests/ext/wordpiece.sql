-- The encoder's words in a full-text index. The model is opened when the table is made.
SELECT loaded FROM encoder_models WHERE name = 'builtin';
CREATE VIRTUAL TABLE t USING fts5(body, tokenize = 'wordpiece');
INSERT INTO t(rowid, body) VALUES
  (1, '사과를 먹었다. 사과는 맛있다!'),
  (2, '데이터베이스에서 데이터를 찾는 방법'),
  (3, '我喜欢看书，也喜欢旅行。'),
  (4, '東京タワーへ行きました。このりんごはおいしい。'),
  (5, 'Hello, World! The database was rebuilt in Paris.'),
  (6, 'Déjà vu at the café: naïve façades'),
  (7, 'zqxj뷁 and 뷁뷁이 are no words; 𠮷野家 is a 🍜 shop'),
  (8, 'BERT는 2018년에 나왔다');

-- A Korean word is found with any particle behind it, and with one only with that one.
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH '사과';
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH '사과를';
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH '데이터베이스';
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH '데이터';
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH '방법 AND 찾';
SELECT rowid FROM t WHERE t MATCH '베이스';
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH 'bert';
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH '"2018년"';

-- Chinese and Japanese words are found anywhere.
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH '喜欢';
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH '旅行';
SELECT rowid FROM t WHERE t MATCH '书看';
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH '東京';
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH 'りんご';
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH 'タワー';

-- English: case, punctuation and accents do not matter; a word is found in longer ones
-- that begin with its pieces.
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH '"hello world"';
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH '"PARIS?"';
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH 'rebuilt NOT cafe';
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH 'data*';
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH 'deja OR CAFÉ OR facades';
SELECT rowid FROM t WHERE t MATCH 'NEAR(database paris, 5)';
SELECT rowid FROM t WHERE t MATCH '"!?"';
SELECT rowid FROM t WHERE t MATCH '';

-- Words that the model does not know are found as they are.
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH 'zqxj뷁';
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH '뷁뷁';
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH '"𠮷"';
SELECT rowid, highlight(t, 0, '<', '>') FROM t WHERE t MATCH '"🍜"';

-- Marks that stand for themselves: decomposed Latin and Hangul.
CREATE VIRTUAL TABLE marks USING fts5(body, tokenize = wordpiece);
INSERT INTO marks VALUES ('a cafe' || char(0x301) || ' b'),
  (char(0x1109, 0x1161, 0x1100, 0x116a, 0x1105, 0x1173, 0x11af) || ' 먹다');
SELECT hex(highlight(marks, 0, '<', '>')) FROM marks WHERE marks MATCH 'café';
SELECT hex(highlight(marks, 0, '<', '>')) FROM marks WHERE marks MATCH '사과';
SELECT count(*) FROM marks
 WHERE marks MATCH '"' || char(0x1109, 0x1161, 0x1100, 0x116a) || '"';

-- snippet, rank, columns.
SELECT snippet(t, 0, '[', ']', '...', 3) FROM t WHERE t MATCH '데이터';
SELECT snippet(t, 0, '[', ']', '...', 4) FROM t WHERE t MATCH 'cafe';
SELECT rowid FROM t WHERE t MATCH 'the' ORDER BY rank, rowid;

-- What is stored.
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(t, instance);
SELECT group_concat(term || ' ' || offset, ', ') FROM (SELECT * FROM vocabulary WHERE doc = 1 ORDER BY offset);
SELECT group_concat(term || ' ' || offset, ', ') FROM (SELECT * FROM vocabulary WHERE doc = 4 ORDER BY offset);
SELECT group_concat(term || ' ' || offset, ', ') FROM (SELECT * FROM vocabulary WHERE doc = 5 ORDER BY offset);
SELECT group_concat(term || ' ' || offset, ', ') FROM (SELECT * FROM vocabulary WHERE doc = 7 ORDER BY offset);

-- NUL and bytes that are no UTF-8 end nothing.
CREATE VIRTUAL TABLE odd USING fts5(body, tokenize = 'wordpiece builtin');
INSERT INTO odd VALUES ('first' || char(0) || ' second'),
  ('third ' || CAST(x'ffc0' AS TEXT) || ' fourth'), (''), (NULL), (42);
SELECT rowid FROM odd WHERE odd MATCH 'second';
SELECT rowid FROM odd WHERE odd MATCH 'fourth';
SELECT hex(highlight(odd, 0, '<', '>')) FROM odd WHERE odd MATCH 'fourth';
SELECT rowid FROM odd WHERE odd MATCH '42';

-- A special token that is written out is ordinary text.
INSERT INTO odd VALUES ('the [MASK] and [unk]');
SELECT rowid, highlight(odd, 0, '<', '>') FROM odd WHERE odd MATCH 'mask';
SELECT rowid, highlight(odd, 0, '<', '>') FROM odd WHERE odd MATCH 'unk';

-- A word over 100 characters, and a long text.
INSERT INTO odd VALUES (printf('%.*c', 100, 'x')), (printf('%.*c', 70000, 'x'));
SELECT count(*) FROM odd WHERE odd MATCH printf('%.*c', 70000, 'x');
INSERT INTO odd VALUES (replace(printf('%.*c', 20000, 'x'), 'x', '사과를 the ') || 'needle');
SELECT length(snippet(odd, 0, '<', '>', '', 3)) FROM odd WHERE odd MATCH 'needle';

-- Changed, deleted, rebuilt, checked.
UPDATE t SET body = '배를 먹었다' WHERE rowid = 1;
DELETE FROM t WHERE rowid = 2;
SELECT rowid FROM t WHERE t MATCH '사과 OR 데이터';
SELECT rowid FROM t WHERE t MATCH '배';
INSERT INTO t(t) VALUES ('integrity-check');
INSERT INTO t(t) VALUES ('rebuild');
INSERT INTO t(t) VALUES ('optimize');
INSERT INTO t(t) VALUES ('integrity-check');
INSERT INTO odd(odd) VALUES ('integrity-check');
SELECT rowid FROM t WHERE t MATCH '배';

-- Contents in another table.
CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT);
INSERT INTO docs(body) VALUES ('서울의 밤'), ('부산의 낮');
CREATE VIRTUAL TABLE outside USING fts5(body, content = docs, content_rowid = id, tokenize = 'wordpiece');
INSERT INTO outside(outside) VALUES ('rebuild');
SELECT rowid, highlight(outside, 0, '<', '>') FROM outside WHERE outside MATCH '부산';

-- Another model, by its name; the table keeps it when it is unloaded.
SELECT encoder_load('tests/data/tiny');
CREATE VIRTUAL TABLE small USING fts5(body, tokenize = 'wordpiece tiny');
SELECT encoder_unload('tiny');
INSERT INTO small VALUES ('the cat sat'), ('zebra');
SELECT highlight(small, 0, '<', '>') FROM small WHERE small MATCH 'cat OR zebra';
CREATE VIRTUAL TABLE wrong USING fts5(body, tokenize = 'wordpiece tiny');
CREATE VIRTUAL TABLE wrong USING fts5(body, tokenize = 'wordpiece a b');
SELECT count(*) FROM sqlite_schema WHERE name LIKE 'wrong%';

-- When a name has become another model's, 'rebuild' makes the words those of that one.
SELECT encoder_load('tests/data/tiny', 'm');
CREATE VIRTUAL TABLE anew USING fts5(body, tokenize = 'wordpiece m');
CREATE VIRTUAL TABLE anew_vocabulary USING fts5vocab(anew, row);
INSERT INTO anew VALUES ('unaffable');
SELECT group_concat(term, ' ') FROM anew_vocabulary;
CREATE TABLE corpus(text TEXT);
INSERT INTO corpus VALUES ('the cat sat on the mat. the dog ran.'), ('a man went to the sea.');
SELECT encoder_load(pretrain(text, '{"n_vocab": 90, "hidden": 16, "n_layers": 1, "n_heads": 2, "inner": 16,
  "n_positions": 32, "batch_tokens": 64, "batch_pairs": 2, "max_tokens": 16, "pair_tokens": 8, "steps": 1}'), 'm') FROM corpus;
INSERT INTO anew(anew) VALUES ('rebuild');
SELECT group_concat(term, ' ') FROM anew_vocabulary;
INSERT INTO anew(anew) VALUES ('integrity-check');

-- Without a name it is the built-in model, whatever the default is.
SELECT encoder_load('tests/data/tiny'), encoder_default('tiny');
CREATE VIRTUAL TABLE later USING fts5(body, tokenize = 'wordpiece');
INSERT INTO later VALUES ('rebuilt');
CREATE VIRTUAL TABLE later_vocabulary USING fts5vocab(later, row);
SELECT group_concat(term, ' ') FROM later_vocabulary;
