-- embed_each: many texts in batches, to the bits that embed gives one by one.
SELECT encoder_load('tests/data/tiny', 'tiny');
CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, text TEXT);
INSERT INTO t(name, text)
  WITH n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n LIMIT 600)
  SELECT 'n' || i, CASE WHEN i % 50 = 0 THEN NULL
                        ELSE 'row ' || i || substr(' with some more words', 1, i % 20) END
    FROM n;

-- More than one chunk; every row, in order, with its own id.
SELECT count(*), count(vector), min(id), max(id)
  FROM embed_each('SELECT id, text FROM t', 'tiny');
SELECT count(*) FROM embed_each('SELECT id, text FROM t', 'tiny') AS e JOIN t ON t.id = e.id
 WHERE e.vector IS embed(t.text, 'tiny');
SELECT id FROM embed_each('SELECT name, text FROM t ORDER BY t.id DESC LIMIT 3', 'tiny');
SELECT typeof(id), typeof(vector) FROM embed_each('SELECT 1.5, ''x''', 'tiny');
SELECT typeof(id), typeof(vector) FROM embed_each('VALUES(x''00'', 7), (NULL, NULL)', 'tiny');
SELECT count(*) FROM embed_each('SELECT id, text FROM t WHERE 0', 'tiny');

-- A limit outside stops the reading inside.
SELECT id FROM embed_each('WITH n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n)
                           SELECT i, ''text '' || i FROM n', 'tiny') LIMIT 2;

-- A list of texts; the ids count from 0.
SELECT id, vector IS embed(CASE id WHEN 0 THEN 'one' WHEN 2 THEN 'three' END, 'tiny')
  FROM embed_each('["one", null, "three"]', 'tiny');
SELECT count(*) FROM embed_each('[]', 'tiny');
SELECT count(*) FROM embed_each(NULL, 'tiny');

-- White space and comments after the statement are no second statement.
SELECT count(*) FROM embed_each(' SELECT 1, ''a'' ; -- done
  ', 'tiny');

-- Refusals.
SELECT * FROM embed_each;
SELECT * FROM embed_each('', 'tiny');
SELECT * FROM embed_each('SELECT 1', 'tiny');
SELECT * FROM embed_each('SELECT 1, 2, 3', 'tiny');
SELECT * FROM embed_each('SELECT 1, ''a''; SELECT 2, ''b''', 'tiny');
SELECT * FROM embed_each('DELETE FROM t RETURNING id, text', 'tiny');
SELECT * FROM embed_each('SELEC 1, 2', 'tiny');
SELECT * FROM embed_each('SELECT 1, x''00''', 'tiny');
SELECT * FROM embed_each('SELECT 1, no_such_function(2)', 'tiny');
SELECT * FROM embed_each('["a", 2]', 'tiny');
SELECT * FROM embed_each('["a"', 'tiny');
SELECT * FROM embed_each('["a"]', 'no such model');
SELECT count(*) FROM t;

-- It runs SQL, so no view or trigger may.
CREATE VIEW v AS SELECT * FROM embed_each('["a"]', 'tiny');
SELECT * FROM v;

-- Texts of which none has a byte.
SELECT count(*), sum(vector IS embed('', 'tiny')) FROM embed_each('["", ""]', 'tiny');

-- A query that runs itself comes to an end.
CREATE TABLE queries(sql TEXT);
INSERT INTO queries VALUES('SELECT id, ''x'' FROM embed_each((SELECT sql FROM queries), ''tiny'')');
SELECT count(*) FROM embed_each((SELECT sql FROM queries), 'tiny');
SELECT count(*) FROM embed_each('SELECT id, ''b'' FROM embed_each(''SELECT 1, ''''a'''''', ''tiny'')', 'tiny');
