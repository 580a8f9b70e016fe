-- GGUF files: the tiny model as llama.cpp's converter would have written it.
SELECT encoder_load('tests/data/tiny');
SELECT encoder_load('tests/data/gguf/tiny-f16.gguf');
SELECT encoder_load('./tests/data/gguf/tiny-q8_0.gguf');
SELECT encoder_load('tests/data/gguf/tiny-q4_0.gguf', 'q4');
SELECT name, architecture, layers, hidden, heads, vocabulary, max_tokens, pooling,
       normalized, prompts, tasks, parameters, bytes, precision
  FROM encoder_models WHERE name <> 'builtin';
SELECT count(DISTINCT fingerprint) FROM encoder_models WHERE name <> 'builtin';

-- The same words, and nearly the same vectors.
SELECT group_concat(token, ' ') FROM tokens('The cat is learning deep 한국어.', 'tiny-q8_0');
SELECT group_concat(token, ' ') FROM tokens('The cat is learning deep 한국어.', 'tiny');
CREATE TABLE text(t);
INSERT INTO text VALUES ('the cat sat on the mat'), ('deep learning'), ('고양이는 한국어'), ('?'), ('');
SELECT t, similarity(embed(t, 'tiny'), embed(t, 'tiny-f16')) > 0.99999 AS f16,
       similarity(embed(t, 'tiny'), embed(t, 'tiny-q8_0')) > 0.999 AS q8_0,
       similarity(embed(t, 'tiny'), embed(t, 'q4')) > 0.9 AS q4_0 FROM text;
SELECT token FROM fill_mask('the [MASK] sat', 1, 'q4');

-- From a BLOB: the file's bytes, in a table or not.
CREATE TABLE model(name, bytes);
INSERT INTO model VALUES ('stored', readfile('tests/data/gguf/tiny-q8_0.gguf'));
SELECT encoder_load(bytes, name) FROM model;
SELECT m.fingerprint = n.fingerprint, n.source FROM encoder_models m, encoder_models n
 WHERE m.name = 'tiny-q8_0' AND n.name = 'stored';
SELECT embed('the cat', 'stored') = embed('the cat', 'tiny-q8_0');
SELECT encoder_load(bytes) FROM model;
SELECT encoder_load(substr(bytes, 1, 5000), 'cut') FROM model;
SELECT encoder_load(x'4747554603000000', 'head');

-- Options are those of any model.
SELECT encoder_load('tests/data/gguf/tiny-f16.gguf', 'other', '{"pooling": "cls", "normalize": false, "max_tokens": 8, "precision": "int8"}');
SELECT max_tokens, pooling, normalized, precision FROM encoder_models WHERE name = 'other';

-- What is not such a model.
SELECT encoder_load('tests/data/gguf/types.gguf');
SELECT encoder_load('tests/data/gguf/absent.gguf');
SELECT name FROM encoder_models;
