-- zero_shot: labels by their similarity to the text.
SELECT encoder_load('tests/data/tiny', 'tiny');
SELECT count(*), round(sum(score), 5) FROM zero_shot('hello', '["one", "two", "three"]', 'tiny');
SELECT label FROM zero_shot('two', '["one", "two", "three"]', 'tiny') LIMIT 1;
SELECT count(*) FROM (
  SELECT score, lag(score) OVER () AS before
    FROM zero_shot('hello', '["one", "two", "three", "four"]', 'tiny')) WHERE score > before;

-- A vector stands for its text; equal labels keep their order.
SELECT (SELECT group_concat(label || score) FROM zero_shot('a b', '["x", "y"]', 'tiny'))
     = (SELECT group_concat(label || score)
          FROM zero_shot(embed('a b', 'tiny'), '["x", "y"]', 'tiny'));
SELECT label, score FROM zero_shot('a', '["same", "same"]', 'tiny');
SELECT label, score FROM zero_shot('a', '["only"]', 'tiny');

-- The softmax of cosine / 0.05.
SELECT abs(z.score - 1 / (1 + exp((similarity('t', 'b', 'tiny')
                                   - similarity('t', 'a', 'tiny')) / 0.05))) < 1e-4
  FROM zero_shot('t', '["a", "b"]', 'tiny') AS z WHERE z.label = 'a';

-- One text a row, and no row for no text.
CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT);
INSERT INTO t(text) VALUES ('one'), (NULL), ('two');
SELECT t.id, count(*) FROM t, zero_shot(t.text, '["one", "two"]', 'tiny') GROUP BY t.id;
SELECT count(*) FROM zero_shot('a', NULL, 'tiny');

-- Refusals.
SELECT * FROM zero_shot('a');
SELECT * FROM zero_shot('a', '[]', 'tiny');
SELECT * FROM zero_shot('a', '"x"', 'tiny');
SELECT * FROM zero_shot('a', '["x", 1]', 'tiny');
SELECT * FROM zero_shot('a', 'x', 'tiny');
SELECT * FROM zero_shot('a', '["x"]', 'no such model');
SELECT * FROM zero_shot(vector('[1, 2]'), '["x"]', 'tiny');

-- The labels of the row before are known; other labels, another model or text are not taken for them.
CREATE TABLE asked(id INTEGER PRIMARY KEY, text TEXT, labels TEXT, model TEXT);
INSERT INTO asked(text, labels, model) VALUES
  ('one', '["one", "two"]', 'tiny'), ('two', '["one", "two"]', 'tiny'), ('two', '["two", "one"]', 'tiny'),
  ('two', '["two", "six"]', 'tiny'), ('two', '["two", "six"]', 'builtin'), (NULL, '["two", "six"]', 'builtin'),
  ('two', '["two"]', 'tiny'), ('two', '["two", "six"]', 'tiny');
SELECT count(*), sum(z.score = (SELECT score FROM zero_shot(a.text, a.labels, a.model) AS alone WHERE alone.label = z.label))
  FROM asked AS a, zero_shot(a.text, a.labels, a.model) AS z;
SELECT a.id, z.label FROM asked AS a, zero_shot(a.text, iif(a.id = 3, 'x', a.labels), a.model) AS z;
