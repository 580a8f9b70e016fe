-- pretrain: BERT from nothing, out of rows. A shape of the size of a toy, for seconds.
CREATE TABLE doc(id INTEGER PRIMARY KEY, text TEXT);
INSERT INTO doc(text)
  WITH n(i) AS (VALUES(0) UNION ALL SELECT i + 1 FROM n LIMIT 40)
  SELECT '# Number ' || i || char(10)
      || 'The number ' || i || ' comes after ' || (i - 1) || '. It comes before ' || (i + 1) || '.'
      || char(10) || 'Twice the number is ' || (2 * i) || '. 두 배는 ' || (2 * i) || '이다.'
      || char(10) || 'Its square is ' || (i * i) || '. A square is a number times itself.'
    FROM n;
CREATE TABLE model(name TEXT PRIMARY KEY, bytes BLOB);
INSERT INTO model SELECT 'toy', pretrain(text, '{"n_vocab": 300, "hidden": 32, "n_layers": 1,
  "n_heads": 2, "inner": 64, "n_positions": 64, "max_tokens": 64, "steps": 4,
  "batch_tokens": 256, "batch_pairs": 8, "seed": 7}') FROM doc;
SELECT typeof(bytes), length(bytes) > 10000 FROM model;

-- What comes out is a model: it loads, and does all that a model does.
SELECT encoder_load(bytes, 'toy') FROM model WHERE name = 'toy';
SELECT layers, hidden, heads, max_tokens FROM encoder_models WHERE name = 'toy';
SELECT length(embed('The number 7', 'toy')), abs(similarity('the', 'the', 'toy') - 1) < 1e-5;
SELECT count(*) FROM fill_mask('The [MASK] 7', 3, 'toy');
SELECT next_sentence('The number 1', 'Its square is 1', 'toy') BETWEEN 0 AND 1;

-- The same rows and the same seed give the same bytes; another seed others.
SELECT pretrain(text, '{"n_vocab": 300, "hidden": 32, "n_layers": 1,
  "n_heads": 2, "inner": 64, "n_positions": 64, "max_tokens": 64, "steps": 4,
  "batch_tokens": 256, "batch_pairs": 8, "seed": 7}')
     = (SELECT bytes FROM model WHERE name = 'toy') FROM doc;
SELECT pretrain(text, '{"n_vocab": 300, "hidden": 32, "n_layers": 1,
  "n_heads": 2, "inner": 64, "n_positions": 64, "max_tokens": 64, "steps": 4,
  "batch_tokens": 256, "batch_pairs": 8, "seed": 8}')
     = (SELECT bytes FROM model WHERE name = 'toy') FROM doc;

-- Texts may point in fewer directions than vectors have values: the table of words that is
-- made of what stands near what is finite all the same.
WITH n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n LIMIT 200)
SELECT length(pretrain('The number ' || i || ' is here.' || char(10) || 'Twice that is ' || (2 * i) || ' and no more.',
  '{"n_vocab": 300, "hidden": 32, "n_layers": 1, "n_heads": 2, "inner": 64, "n_positions": 64, "max_tokens": 64,
    "steps": 1, "batch_tokens": 256, "batch_pairs": 0}')) > 10000 FROM n;

-- In int8 it is smaller, and nearly the same.
INSERT INTO model SELECT 'small', pretrain(text, '{"n_vocab": 300, "hidden": 32, "n_layers": 1,
  "n_heads": 2, "inner": 64, "n_positions": 64, "max_tokens": 64, "steps": 4,
  "batch_tokens": 256, "batch_pairs": 8, "seed": 7, "precision": "int8"}') FROM doc;
SELECT encoder_load(bytes, 'small') FROM model WHERE name = 'small';
SELECT s.bytes < t.bytes, s.parameters = t.parameters
  FROM encoder_models AS s, encoder_models AS t WHERE s.name = 'small' AND t.name = 'toy';
SELECT similarity(embed('The number 7', 'toy'), embed('The number 7', 'small')) > 0.99;

-- fine_tune_pairs goes on from a model; a row without b is a document to rehearse.
CREATE TABLE pair(a TEXT, b TEXT, score REAL);
INSERT INTO pair VALUES ('the number one', '숫자 일', 1), ('twice the number', '두 배', NULL),
  ('a square', 'a triangle', 0.2), (NULL, 'nothing', 1);
INSERT INTO pair SELECT text, NULL, NULL FROM doc;
INSERT INTO model SELECT 'tuned', fine_tune_pairs(a, b, score,
  '{"model": "toy", "steps": 3, "batch_tokens": 256, "batch_pairs": 4}') FROM pair;
SELECT encoder_load(bytes, 'tuned') FROM model WHERE name = 'tuned';
SELECT t.parameters = m.parameters, t.fingerprint = m.fingerprint
  FROM encoder_models AS t, encoder_models AS m WHERE t.name = 'tuned' AND m.name = 'toy';

-- Pairs that the model ranks all wrong, and a temperature that makes much of it.
SELECT length(fine_tune_pairs(a, b, score, '{"model": "toy", "steps": 3, "batch_pairs": 16, "temperature": 0.0001}')) > 0
  FROM (SELECT 'the number 7' AS a, 'the number 7' AS b, 0 AS score UNION ALL SELECT 'the number 7', 'Its square', 1);

-- A model without BERT's two heads, as most of those for vectors, learns from documents what
-- it can: the pairs in them.
SELECT encoder_load('tests/ref/checkpoints/bert_body');
SELECT length(fine_tune_pairs(text, NULL, NULL, '{"model": "bert_body", "steps": 2, "batch_tokens": 64, "batch_pairs": 4}')) > 0 FROM doc;
SELECT fine_tune_pairs(text, NULL, NULL, '{"model": "bert_body", "steps": 2, "batch_tokens": 64, "batch_pairs": 0}') FROM doc;
SELECT encoder_unload('bert_body');

-- Nor are one segment or none, or a vocabulary without [MASK], in the way.
CREATE TABLE odd(name TEXT, config TEXT, vocab TEXT);
INSERT INTO odd VALUES ('no segments', '{"type_vocab_size": 0}', '[MASK]'), ('no mask', '{}', '[MUSK]');
CREATE TABLE part(name, text);
INSERT INTO part SELECT value, CAST(readfile('tests/data/tiny/' || value) AS TEXT)
  FROM json_each('["config.json", "vocab.txt", "tokenizer_config.json"]');
WITH file(bytes) AS (SELECT readfile('tests/data/tiny/model.safetensors')),
     cut(header, data) AS (SELECT CAST(substr(bytes, 9, length(bytes) - 8 - 98300) AS TEXT),
                                  substr(bytes, -98300) FROM file)
SELECT encoder_load(CAST(x'0040000000000000' || printf('%-16384s', json_set(header, '$.__metadata__',
         (SELECT json_group_object(part.name, CASE part.name WHEN 'config.json' THEN json_patch(text, config) || ''
                   WHEN 'vocab.txt' THEN replace(text, '[MASK]', vocab)
                   ELSE '{}' END) FROM part))) || data AS BLOB), odd.name) FROM odd, cut;
SELECT name, length(fine_tune_pairs(text, NULL, NULL, json_object('model', name, 'steps', 2, 'batch_tokens', 64, 'batch_pairs', 4))) > 0,
       length(fine_tune_pairs(text, id, id / 50.0, json_object('model', name, 'steps', 2, 'batch_tokens', 0, 'batch_pairs', 4))) > 0
  FROM odd, doc GROUP BY name;
SELECT encoder_unload(name) FROM odd;

-- Refusals.
SELECT pretrain();
SELECT pretrain(text, '{"layers": 2}') FROM doc;
SELECT pretrain(text, '{"steps": "many"}') FROM doc;
SELECT pretrain(text, '{"precision": "f16"}') FROM doc;
SELECT pretrain(text, '{"model": "toy"}') FROM doc;
SELECT pretrain(text, '{"hidden": 33, "n_heads": 2}') FROM doc;
SELECT pretrain(text, '{"batch_pairs": 5000}') FROM doc;
SELECT pretrain(text, '{"batch_tokens": 16777217}') FROM doc;
SELECT pretrain(text, '{"pair_tokens": 4}') FROM doc;
SELECT pretrain(text, '{"max_tokens": 15}') FROM doc;
SELECT pretrain(text, '{"learning_rate": -1}') FROM doc;
SELECT pretrain(text, '{"temperature": 0}') FROM doc;

-- A model has two segments, one for all tokens, or none: all can be trained.
CREATE TABLE file(name, text);
INSERT INTO file SELECT value, CAST(readfile('tests/data/tiny/' || value) AS TEXT)
  FROM json_each('["config.json", "vocab.txt", "tokenizer_config.json", "modules.json",
                   "1_Pooling/config.json", "sentence_bert_config.json",
                   "config_sentence_transformers.json"]');
CREATE TABLE cut AS
  WITH weights(bytes) AS (SELECT readfile('tests/data/tiny/model.safetensors'))
  SELECT CAST(substr(bytes, 9, length(bytes) - 8 - 98300) AS TEXT) AS header, substr(bytes, -98300) AS data FROM weights;
CREATE TABLE segments(n INTEGER, header TEXT);
INSERT INTO segments
  SELECT 1, json_set(header,
    '$."bert.embeddings.token_type_embeddings.weight"', json('{"dtype": "F32", "shape": [1, 32], "data_offsets": [19712, 19840]}'),
    '$.unused', json('{"dtype": "F32", "shape": [1, 32], "data_offsets": [19840, 19968]}')) FROM cut
  UNION ALL SELECT 0, replace(header, 'token_type_embeddings', 'unused') FROM cut;
SELECT encoder_load(CAST(x'0040000000000000' || printf('%-16384s', json_set(s.header, '$.__metadata__',
    (SELECT json_group_object(name, CASE name WHEN 'config.json' THEN '' || json_set(text, '$.type_vocab_size', s.n) ELSE text END)
       FROM file))) || data AS BLOB), 'segments-' || s.n) FROM segments AS s, cut;
INSERT INTO model SELECT 'one segment', fine_tune_pairs(text, NULL, NULL,
  '{"model": "segments-1", "steps": 3, "batch_tokens": 256, "batch_pairs": 4}') FROM doc;
INSERT INTO model SELECT 'no segment', fine_tune_pairs(text, NULL, NULL,
  '{"model": "segments-0", "steps": 3, "batch_tokens": 256, "batch_pairs": 4}') FROM doc;
SELECT encoder_load(bytes, name) FROM model WHERE name LIKE '%segment';
SELECT s.name, output_shape, s.parameters FROM encoder_models AS m, model_summary(m.name) AS s
 WHERE m.name LIKE '%segment' AND s.name LIKE '%token_type%';
SELECT round(similarity(embed('the square', 'segments-0'), embed('the square', 'no segment')), 1);

-- Pairs move the vector that the model gives, however it is pooled; not all can be followed.
SELECT encoder_load(bytes, 'by-mean'), encoder_load(bytes, 'by-cls', '{"pooling": "cls"}'), encoder_load(bytes, 'by-max', '{"pooling": "max"}')
  FROM model WHERE name = 'toy';
INSERT INTO model SELECT name || ' of pairs', fine_tune_pairs(a, b, score, json_object('model', name, 'steps', 3,
  'batch_tokens', 0, 'batch_pairs', 4)) FROM (SELECT 'by-mean' AS name UNION ALL SELECT 'by-cls'), pair GROUP BY name;
SELECT encoder_load(bytes, name, '{"pooling": "mean"}') FROM model WHERE name LIKE '%of pairs';
SELECT embed('the number', 'by-mean of pairs') = embed('the number', 'by-cls of pairs') AS same;
SELECT fine_tune_pairs(a, b, score, '{"model": "by-max", "steps": 1}') FROM pair;
SELECT typeof(fine_tune_pairs(a, b, score, '{"model": "by-max", "steps": 1, "batch_tokens": 256, "batch_pairs": 0}')) FROM pair;
