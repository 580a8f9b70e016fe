-- embed: a text becomes a vector of the model's width, the same bits every time.
SELECT encoder_load('tests/data/tiny', 'tiny');
SELECT typeof(embed('hello', 'tiny')), length(embed('hello', 'tiny')) = 4 * hidden
  FROM encoder_models WHERE name = 'tiny';
SELECT embed('hello', 'tiny') = embed('hello', 'tiny');
SELECT embed('hello', 'tiny') = embed('goodbye', 'tiny');

-- NULL gives NULL; numbers are read as SQLite writes them; nothing is a text too.
SELECT embed(NULL), embed(NULL, 'tiny');
SELECT embed(12, 'tiny') = embed('12', 'tiny'), embed(1.5, 'tiny') = embed('1.5', 'tiny');
SELECT length(embed('', 'tiny')) > 0, embed('', 'tiny') = embed('   ', 'tiny');

-- Bytes that are not UTF-8 are U+FFFD, an embedded NUL ends nothing.
SELECT embed(CAST(x'61ff62' AS TEXT), 'tiny') = embed('a' || char(0xfffd) || 'b', 'tiny');
SELECT embed('ab' || char(0) || ' cd', 'tiny') = embed('ab cd', 'tiny');

-- The default model is the built-in one until another is chosen.
SELECT length(embed('hello')) = 4 * hidden FROM encoder_models WHERE name = 'builtin';
SELECT encoder_default('tiny');
SELECT embed('hello') = embed('hello', 'tiny');
SELECT encoder_default('builtin');

-- In a role, the model's own prompt stands before the text.
SELECT embed_query('the cat', 'tiny') = embed('query: the cat', 'tiny'),
       embed_passage('the cat', 'tiny') = embed('passage: the cat', 'tiny'),
       embed_query('the cat', 'tiny') = embed('the cat', 'tiny');

-- A constant is encoded once and a column row by row, to the same bits.
CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT);
INSERT INTO t(text) VALUES ('one'), ('two words'), ('three small words'), (NULL), ('one');
SELECT id, embed(text, 'tiny') = embed('one', 'tiny') FROM t ORDER BY id;
SELECT count(DISTINCT embed(text, 'tiny')) FROM t;

-- Deterministic, so it may be indexed; innocuous, so a view and a trigger may use it.
CREATE INDEX by_vector ON t(embed(text, 'tiny'));
SELECT id FROM t WHERE embed(text, 'tiny') = embed('two words', 'tiny');
CREATE VIEW v AS SELECT id, embed(text, 'tiny') AS vector FROM t;
SELECT count(vector) FROM v;

-- Refusals.
SELECT embed();
SELECT embed('a', 'tiny', 'more');
SELECT embed(x'00112233', 'tiny');
SELECT embed('a', 'no such model');
SELECT embed('a', NULL);
SELECT embed('a', '');
SELECT embed('a', x'00');
