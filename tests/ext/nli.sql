-- zero_shot with a model of natural language inference: labels by entailment.
-- The tiny model's three labels are given other names, in an order of their own.
CREATE TABLE part(name, text);
INSERT INTO part SELECT value, CAST(readfile('tests/data/tiny/' || value) AS TEXT)
  FROM json_each('["config.json", "vocab.txt", "tokenizer_config.json", "modules.json",
                   "1_Pooling/config.json", "sentence_bert_config.json",
                   "config_sentence_transformers.json"]');
UPDATE part SET text = json_set(text,
    '$.id2label', json('{"0": "Contradiction", "1": "ENTAILMENT", "2": "neutral"}'))
 WHERE name = 'config.json';
CREATE TABLE model AS
  WITH file(bytes) AS (SELECT readfile('tests/data/tiny/model.safetensors')),
       cut(header, data) AS (SELECT CAST(substr(bytes, 9, length(bytes) - 8 - 98300) AS TEXT),
                                    substr(bytes, -98300) FROM file)
  SELECT CAST(x'0040000000000000' || printf('%-16384s', json_set(header, '$.__metadata__',
           (SELECT json_group_object(name, text) FROM part))) || data AS BLOB) AS bytes FROM cut;
SELECT encoder_load(bytes, 'nli') FROM model;
SELECT tasks, labels FROM encoder_models WHERE name = 'nli';

-- The labels compete.
SELECT label, round(score, 5) FROM zero_shot('the cat sat on tea', '["cat", "deep learning", "tea"]', 'nli');
SELECT round(sum(score), 5) FROM zero_shot('the cat sat on tea', '["cat", "deep learning", "tea"]', 'nli');

-- Each is judged alone: what one scores does not depend on the others.
SELECT (SELECT score FROM zero_shot('the cat', '["tea", "cat"]', 'nli', '{"multi_label": true}')
         WHERE label = 'tea')
     = (SELECT score FROM zero_shot('the cat', '["tea"]', 'nli', '{"multi_label": true}'));
SELECT (SELECT score FROM zero_shot('the cat', '["tea"]', 'nli')) < 1;

-- The sentence can be another.
SELECT (SELECT score FROM zero_shot('the cat', '["tea"]', 'nli', '{"template": "it is {}"}'))
    <> (SELECT score FROM zero_shot('the cat', '["tea"]', 'nli'));
SELECT (SELECT score FROM zero_shot('the cat', '["tea"]', 'nli', '{"template": "This example is {}."}'))
     = (SELECT score FROM zero_shot('the cat', '["tea"]', 'nli'));

-- Refusals.
SELECT * FROM zero_shot('the cat', '["tea"]', 'nli', '{"template": "it is"}');
SELECT * FROM zero_shot('the cat', '["tea"]', 'nli', '{"templates": "it is {}"}');
SELECT * FROM zero_shot(embed('the cat', 'nli'), '["tea"]', 'nli');
SELECT count(*) FROM zero_shot(NULL, '["tea"]', 'nli');
SELECT encoder_load('tests/data/tiny');
SELECT * FROM zero_shot('the cat', '["tea"]', 'tiny', '{"template": "it is {}"}');
SELECT count(*) FROM zero_shot('the cat', '["tea", "cat"]', 'tiny', '{"template": null}');
