-- The tokens of a text, with the bytes they came from.
SELECT encoder_load('tests/data/tiny'), encoder_default('tiny');
SELECT * FROM tokens('the cat sat');
SELECT position, token, start, end FROM tokens('The  CAT.', 'tiny');
SELECT token, start, end, segment FROM tokens('the cat', 'sat', 'tiny');
SELECT token, start, end, is_special FROM tokens('[MASK] sat');

-- Nothing, and nothing visible.
SELECT position, token FROM tokens('');
SELECT position, token FROM tokens('   ');
SELECT position, token FROM tokens(NULL);
SELECT position, token FROM tokens('the', NULL, 'tiny');

-- Offsets count the bytes of the original, invalid ones and NUL included.
SELECT token, start, end FROM tokens('the' || char(0) || ' cat');
SELECT token, start, end FROM tokens('the ' || CAST(x'ff' AS TEXT) || ' cat');
SELECT token, start, end FROM tokens(42);

-- token_count is before truncation; tokens is what the model sees.
SELECT token_count('the cat sat'), token_count(''), token_count(NULL);
SELECT token_count(printf('%.*c', 100, 'a')), token_count(printf('%.*c', 101, 'a'));
WITH t(x) AS (SELECT replace(printf('%.*c', 100, 'x'), 'x', 'the '))
SELECT token_count(x), (SELECT count(*) FROM tokens(x)) FROM t;

-- Joined, and from both sides of an OR.
CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT);
INSERT INTO docs(body) VALUES ('the cat'), (NULL), ('sat'), ('');
SELECT docs.id, token FROM docs, tokens(docs.body) WHERE NOT is_special;
SELECT docs.id, token FROM tokens, docs WHERE tokens.text = docs.body AND NOT is_special;
SELECT docs.id, count(token) FROM docs LEFT JOIN tokens(docs.body) GROUP BY 1;
SELECT token FROM tokens WHERE (text = 'the' OR text = 'cat') AND NOT is_special ORDER BY 1;
SELECT token FROM tokens WHERE text IN ('the', 'cat') AND NOT is_special ORDER BY 1;
SELECT text, model_or_text, model, token FROM tokens('the', 'tiny') WHERE position = 1;
SELECT rowid, token FROM tokens('the cat') WHERE rowid = 2;
SELECT count(*) FROM tokens('the') WHERE text = 'cat';

-- What is refused.
SELECT * FROM tokens;
SELECT * FROM tokens('the', 'none');
SELECT * FROM tokens('the', NULL);
SELECT * FROM tokens('the', '');
SELECT * FROM tokens('the', x'00');
SELECT * FROM tokens(x'746865');
SELECT * FROM tokens('a', x'00', 'tiny');
SELECT * FROM tokens('a', 'b', 'c', 'd');
SELECT token_count(x'746865');
SELECT token_count('the', 'none');
SELECT token_count('the', printf('%300d', 1));
SELECT token_count('the', 'no' || char(10) || 'ne');
SELECT token_count();
INSERT INTO tokens(token) VALUES ('the');
CREATE VIRTUAL TABLE mine USING tokens;
