-- A database in UTF-16: texts are converted on the way in, and offsets count UTF-8.
PRAGMA encoding = 'UTF-16le';
CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT);
PRAGMA encoding;
INSERT INTO docs(body) VALUES ('the cat sat'), ('the ' || char(0x1F600) || ' cat'), ('');
SELECT encoder_load('tests/data/tiny'), encoder_default('tiny');
SELECT id, token_count(body), token_count(body, 'tiny') FROM docs;
SELECT token, start, end FROM docs, tokens(docs.body) WHERE docs.id = 2;
SELECT docs.id, sum(weight) > 0 FROM docs, attention(docs.body, 1, 0) GROUP BY 1;
SELECT name FROM encoder_models WHERE name = 'tiny';
SELECT vector_json(vector('[1, 2]'));
SELECT token_count(body, 'none') FROM docs;
