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
SELECT pretrain(text, '{"beta1": 1}') FROM doc;
SELECT pretrain(text, '{"warmup": 1.5}') FROM doc;
SELECT fine_tune_pairs('a', 'b', NULL, '{"model": "toy", "weight_contrast": -1}');
SELECT fine_tune_pairs('a', 'b', NULL, '{"model": "toy", "epochs": -1}');
SELECT pretrain(text, '{"batch_tokens": 0, "batch_pairs": 0}') FROM doc;
SELECT pretrain(text, '{"weight_mlm": 0, "weight_nsp": 0, "batch_pairs": 0}') FROM doc;
SELECT pretrain(text, '{"batch_tokens": 0, "contrast_from": 1}') FROM doc;
SELECT fine_tune_pairs('a', 'b', 1, '{"model": "toy", "batch_pairs": 0}');
SELECT fine_tune_pairs('a', 'b', 1, '{"model": "toy", "weight_score": 0}');
SELECT fine_tune_pairs('a', 'b', NULL, '{"model": "toy", "weight_contrast": 0}');
SELECT length(fine_tune_pairs(a, b, score, '{"model": "toy", "steps": 3, "batch_tokens": 0, "batch_pairs": 4,
  "checkpoint": "$TMP/pairs.ckpt"}')) > 0 FROM pair;
SELECT fine_tune_pairs(a, b, score / 2, '{"model": "toy", "steps": 3, "batch_tokens": 0, "batch_pairs": 4,
  "checkpoint": "$TMP/pairs.ckpt"}') FROM pair;
SELECT fine_tune_pairs('a', 'b', NULL, '{"model": "toy"}');
SELECT fine_tune_pairs('a', 'b', 0.5, '{"model": "toy"}');
SELECT pretrain(text) FROM doc WHERE 0;
SELECT pretrain(x'00') FROM doc;
SELECT fine_tune_pairs(a, b, score, '{"model": "no such model"}') FROM pair;
SELECT fine_tune_pairs(a, b, 3.5, '{"model": "toy"}') FROM pair;
SELECT fine_tune_pairs(a, b, 'high', '{"model": "toy"}') FROM pair;
SELECT fine_tune_pairs('a', NULL, 'high', '{"model": "toy"}');
SELECT fine_tune_pairs(NULL, 'b', 7, '{"model": "toy"}');
SELECT fine_tune_pairs(a, x'00', 1, '{"model": "toy"}') FROM pair;
SELECT fine_tune_pairs(a, b, score) FROM pair WHERE 0;

-- A model without a classifier says what to do.
SELECT classify('a', 'toy');
SELECT * FROM classes('a', 'toy');
SELECT rerank('a', 'b', 'toy');

-- They may write a checkpoint, so no view may name them.
CREATE VIEW v AS SELECT pretrain(text) AS bytes FROM doc;
SELECT bytes FROM v;
SELECT encoder_unload('toy'), encoder_unload('small'), encoder_unload('tuned');
