-- The metric of a similarity table is the declaration's, else the one its model is meant for.
CREATE TABLE part(name, text);
INSERT INTO part SELECT value, CAST(readfile('tests/data/tiny/' || value) AS TEXT)
  FROM json_each('["config.json", "vocab.txt", "tokenizer_config.json",
                   "1_Pooling/config.json", "sentence_bert_config.json"]');
CREATE TABLE model AS
  WITH file(bytes) AS (SELECT readfile('tests/data/tiny/model.safetensors')),
       cut(header, data) AS (SELECT CAST(substr(bytes, 9, length(bytes) - 8 - 98300) AS TEXT),
                                    substr(bytes, -98300) FROM file)
  SELECT value AS name, CAST(x'0040000000000000' || printf('%-16384s',
           json_set(header, '$.__metadata__', json_set(
             (SELECT json_group_object(name, text) FROM part),
             '$."config_sentence_transformers.json"',
             json_object('similarity_fn_name', value) || ''))) || data AS BLOB) AS bytes
    FROM cut, json_each('["cosine", "dot", "euclidean", "manhattan"]');
SELECT encoder_load(bytes, name) FROM model;
SELECT count(DISTINCT fingerprint) FROM encoder_models WHERE name <> 'builtin';

CREATE VIRTUAL TABLE by_cosine USING similarity(body, model='cosine');
CREATE VIRTUAL TABLE by_dot USING similarity(body, model='dot');
CREATE VIRTUAL TABLE by_l2 USING similarity(body, model='euclidean');
CREATE VIRTUAL TABLE by_hand USING similarity(body, model='dot', metric=cosine);
CREATE VIRTUAL TABLE by_manhattan USING similarity(body, model='manhattan');
CREATE VIRTUAL TABLE by_choice USING similarity(body, model='manhattan', metric=l2);
INSERT INTO by_cosine VALUES ('the cat'), ('deep learning'), ('tea');
INSERT INTO by_dot SELECT body FROM by_cosine;
INSERT INTO by_l2 SELECT body FROM by_cosine;
INSERT INTO by_hand SELECT body FROM by_cosine;
INSERT INTO by_choice SELECT body FROM by_cosine;

-- Each distance by its definition. The model does not normalize.
CREATE VIEW pair AS SELECT embed('a dog', 'dot') AS q, embed(body, 'dot') AS v, body FROM by_cosine;
CREATE VIEW dot AS
  SELECT p.body, sum(a.value * b.value) AS dot, sum(a.value * a.value) AS qq,
         sum(b.value * b.value) AS vv
    FROM pair p, json_each(vector_json(p.q)) a JOIN json_each(vector_json(p.v)) b USING (key)
   GROUP BY p.body;
SELECT body, abs(distance - (1 - dot / sqrt(qq * vv))) < 1e-5 FROM by_cosine('a dog') JOIN dot USING (body);
SELECT body, abs(distance + dot) < 1e-4 FROM by_dot('a dog') JOIN dot USING (body) ORDER BY body;
SELECT body, abs(distance - sqrt(qq + vv - 2 * dot)) < 1e-4 FROM by_l2('a dog') JOIN dot USING (body) ORDER BY body;
SELECT body, abs(distance - (1 - dot / sqrt(qq * vv))) < 1e-5 FROM by_hand('a dog') JOIN dot USING (body) ORDER BY body;
SELECT body, abs(distance - sqrt(qq + vv - 2 * dot)) < 1e-4 FROM by_choice('a dog') JOIN dot USING (body) ORDER BY body;

-- What was chosen stays with the table.
SELECT k, v FROM by_dot_config WHERE k = 'metric';
SELECT k, v FROM by_l2_config WHERE k = 'metric';
SELECT count(*) FROM by_cosine_config WHERE k = 'metric';
SELECT count(*) FROM by_hand_config WHERE k = 'metric';
ALTER TABLE by_dot RENAME TO by_product;
SELECT abs(distance + dot) < 1e-4 FROM by_product('a dog') JOIN dot USING (body);

-- similarity() is the cosine whatever the model.
SELECT abs(similarity('a dog', body, 'dot') - dot / sqrt(qq * vv)) < 1e-5 FROM dot;
