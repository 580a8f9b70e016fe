-- What follows pooling: sentence-transformers' modules, and vectors of fewer dimensions.
-- The tiny model's next-sentence head is made a Dense module by another name.
CREATE TABLE part(name, text);
INSERT INTO part SELECT value, CAST(readfile('tests/data/tiny/' || value) AS TEXT)
  FROM json_each('["config.json", "vocab.txt", "tokenizer_config.json", "modules.json",
                   "1_Pooling/config.json", "sentence_bert_config.json",
                   "config_sentence_transformers.json"]');
INSERT INTO part VALUES ('2_Dense/config.json', '{"in_features": 32, "out_features": 2,
  "bias": true, "activation_function": "torch.nn.modules.activation.Tanh"}');
UPDATE part SET text = json_array(
    json_object('idx', 0, 'path', '', 'type', 'sentence_transformers.models.Transformer'),
    json_object('idx', 1, 'path', '1_Pooling', 'type', 'sentence_transformers.models.Pooling'),
    json_object('idx', 2, 'path', '2_Dense', 'type', 'sentence_transformers.models.Dense'))
 WHERE name = 'modules.json';
CREATE TABLE model AS
  WITH file(bytes) AS (SELECT readfile('tests/data/tiny/model.safetensors')),
       cut(header, data) AS (SELECT CAST(substr(bytes, 9, length(bytes) - 8 - 98300) AS TEXT),
                                    substr(bytes, -98300) FROM file)
  SELECT CAST(x'0040000000000000' || printf('%-16384s', json_set(
           replace(header, '"cls.seq_relationship.', '"2_Dense/linear.'), '$.__metadata__',
           (SELECT json_group_object(name, text) FROM part))) || data AS BLOB) AS bytes FROM cut;
SELECT encoder_load(bytes, 'dense') FROM model;
SELECT encoder_load('tests/data/tiny', 'plain', '{"normalize": false}');
SELECT vector_dims(embed('the cat', 'dense')), vector_dims(embed('the cat', 'plain'));

-- tanh(W x + b) of the plain model's mean, with W and b read from the file.
CREATE VIEW tensor AS
  SELECT key AS name, json_extract(value, '$.data_offsets[0]') AS start,
         json_extract(value, '$.data_offsets[1]') - json_extract(value, '$.data_offsets[0]') AS n
    FROM json_each((SELECT CAST(substr(bytes, 9, 16384) AS TEXT) FROM model))
   WHERE key LIKE '2_Dense/%';
CREATE VIEW value AS
  SELECT t.name, v.key AS i, v.value AS v
    FROM tensor t, json_each(vector_json((SELECT substr(bytes, 8 + 16384 + 1 + t.start, t.n) FROM model))) v;
CREATE TABLE expected AS
  WITH x AS (SELECT key AS d, value AS x FROM json_each(vector_json(embed('the cat', 'plain'))))
  SELECT w.i / 32 AS i, sum(w.v * x.x) + (SELECT v FROM value b WHERE b.name = '2_Dense/linear.bias' AND b.i = w.i / 32) AS y
    FROM value w JOIN x ON x.d = w.i % 32 WHERE w.name = '2_Dense/linear.weight' GROUP BY w.i / 32;
SELECT i, abs(v.value - (exp(y) - exp(-y)) / (exp(y) + exp(-y))) < 1e-5
  FROM expected JOIN json_each(vector_json(embed('the cat', 'dense'))) v ON v.key = i;

-- It is among the model's parameters.
SELECT depth, name, kind, output_shape, parameters, bytes FROM model_summary('dense') WHERE name LIKE '2_Dense%';
SELECT sum(s.parameters) = m.parameters, sum(s.bytes) = m.bytes, m.parameters
  FROM encoder_models m, model_summary(m.name) s WHERE m.name = 'dense';

-- What is saved is the same model, with its module in a directory of its own.
SELECT encoder_save('dense', '$TMP/dense');
SELECT encoder_load('$TMP/dense', 'again');
SELECT count(DISTINCT fingerprint), count(*) FROM encoder_models WHERE name IN ('dense', 'again');
SELECT embed('the cat', 'again') = embed('the cat', 'dense');
SELECT sum(s.parameters) = m.parameters, sum(s.bytes) = m.bytes
  FROM encoder_models m, model_summary(m.name) s WHERE m.name = 'again';
SELECT length(readfile('$TMP/dense/2_Dense/model.safetensors')) > 264,
       instr(readfile('$TMP/dense/model.safetensors'), '2_Dense'),
       CAST(readfile('$TMP/dense/2_Dense/config.json') AS TEXT) = (SELECT text FROM part WHERE name = '2_Dense/config.json');
SELECT encoder_save('again', '$TMP/twice'), encoder_load('$TMP/twice', 'twice');
SELECT count(DISTINCT fingerprint), count(*) FROM encoder_models WHERE name IN ('dense', 'again', 'twice');
SELECT fine_tune_pairs('a', 'b', 1, '{"model": "dense"}');

-- Matryoshka: the first values, normalized again.
SELECT encoder_load('tests/data/tiny', 'short', '{"dims": 8}'), encoder_load('tests/data/tiny', 'whole');
SELECT vector_dims(embed('the cat', 'short'));
SELECT max(abs(s.value - w.value / (SELECT sqrt(sum(value * value)) FROM json_each(vector_json(embed('the cat', 'whole'))) WHERE key < 8))) < 1e-6
  FROM json_each(vector_json(embed('the cat', 'short'))) s
  JOIN json_each(vector_json(embed('the cat', 'whole'))) w USING (key);
SELECT round(sum(value * value), 5) FROM json_each(vector_json(embed('the cat', 'short')));
SELECT a.fingerprint <> b.fingerprint FROM encoder_models a, encoder_models b
 WHERE a.name = 'short' AND b.name = 'whole';
CREATE VIRTUAL TABLE s USING similarity(body, model='short');
INSERT INTO s VALUES ('the cat'), ('deep learning');
SELECT body, round(similarity, 5) FROM s('the cat', 1);

-- Other ways of pooling, by option.
SELECT encoder_load('tests/data/tiny', 'last', '{"pooling": "last", "normalize": false}'),
       encoder_load('tests/data/tiny', 'weighted', '{"pooling": "weighted_mean", "normalize": false}');
SELECT pooling FROM encoder_models WHERE name IN ('last', 'weighted');
SELECT embed('the cat', 'last') = vector FROM hidden_states('the cat', 2, 'plain') WHERE position = 3;
SELECT max(abs(w.value - expected)) < 1e-5
  FROM json_each(vector_json(embed('the cat', 'weighted'))) w
  JOIN (SELECT v.key, sum((h.position + 1) * v.value) / 10 AS expected
          FROM hidden_states('the cat', 2, 'plain') h, json_each(vector_json(h.vector)) v
         GROUP BY v.key) USING (key);

-- Refusals.
SELECT encoder_load('tests/data/tiny', 'x', '{"dims": 33}');
SELECT encoder_load('tests/data/tiny', 'x', '{"dims": 0}');
SELECT encoder_load(bytes, 'x', '{"dims": 3}') FROM model;
SELECT encoder_load(bytes, 'x', '{"pooling": "last"}') FROM model;
SELECT encoder_load(CAST(replace(bytes, '2_Dense/linear.bias', '2_Dense/linear.bios') AS BLOB), 'x') FROM model;
