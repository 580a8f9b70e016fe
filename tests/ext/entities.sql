-- token_classes and entities: labels of single tokens, and what they spell.
-- The tiny model's three labels are made those of tokens by another config.json.
CREATE TABLE part(name, text);
INSERT INTO part SELECT value, CAST(readfile('tests/data/tiny/' || value) AS TEXT)
  FROM json_each('["config.json", "vocab.txt", "tokenizer_config.json", "modules.json",
                   "1_Pooling/config.json", "sentence_bert_config.json",
                   "config_sentence_transformers.json"]');
UPDATE part SET text = json_set(text, '$.architectures[0]', 'BertForTokenClassification',
    '$.id2label', json('{"0": "O", "1": "B-TEA", "2": "I-TEA"}'))
 WHERE name = 'config.json';
CREATE TABLE model AS
  WITH file(bytes) AS (SELECT readfile('tests/data/tiny/model.safetensors')),
       cut(header, data) AS (SELECT CAST(substr(bytes, 9, length(bytes) - 8 - 98300) AS TEXT),
                                    substr(bytes, -98300) FROM file)
  SELECT CAST(x'0040000000000000' || printf('%-16384s', json_set(header, '$.__metadata__',
           (SELECT json_group_object(name, text) FROM part))) || data AS BLOB) AS bytes FROM cut;
SELECT encoder_load(bytes, 'ner') FROM model;
SELECT tasks, labels FROM encoder_models WHERE name = 'ner';
SELECT sum(s.parameters) = m.parameters FROM encoder_models m, model_summary(m.name) s
 WHERE m.name = 'ner';
SELECT name, output_shape FROM model_summary('ner') WHERE name = 'classifier';

-- A row a token, none of them special; places are bytes.
SELECT position, token, label, round(score, 4), start, "end"
  FROM token_classes('How to make tea of sand, sir?', 'ner');
SELECT count(*) FROM tokens('How to make tea of sand, sir?', 'ner') t
  JOIN token_classes('How to make tea of sand, sir?', 'ner') c
    ON c.position = t.position AND c.token = t.token AND c.start = t.start AND c."end" = t."end"
 WHERE NOT t.is_special;
SELECT min(score) > 1.0 / 3, max(score) <= 1 FROM token_classes('the cat sat', 'ner');

-- Words take the label of their first piece, unless each token is to speak for itself.
SELECT label, round(score, 4), text, start, "end"
  FROM entities('How to make tea of sand, sir?', 'ner');
SELECT label, round(score, 4), text, start, "end"
  FROM entities('How to make tea of sand, sir?', 'ner', 'simple');
SELECT count(*) FROM entities('How to make tea of sand, sir?', 'ner') AS e
 WHERE e.text <> CAST(substr(CAST('How to make tea of sand, sir?' AS BLOB),
                             e.start + 1, e."end" - e.start) AS TEXT);

-- 'simple' by hand: an entity begins at B- or behind an O, and its score is the mean.
WITH t AS (SELECT *, label LIKE 'B-%' OR lag(label, 1, 'O') OVER (ORDER BY position) = 'O' AS begins
             FROM token_classes('How to make tea of sand, sir?', 'ner')),
     e AS (SELECT *, sum(begins) OVER (ORDER BY position) AS id FROM t WHERE label <> 'O'),
     by_hand AS (SELECT min(start) AS start, max("end") AS "end", avg(score) AS score
                   FROM e GROUP BY id)
SELECT count(*) = (SELECT count(*) FROM by_hand), sum(abs(s.score - b.score) < 1e-6) = count(*)
  FROM entities('How to make tea of sand, sir?', 'ner', 'simple') s
  JOIN by_hand b USING (start, "end");

-- A text longer than the model reads loses nothing.
CREATE TABLE long AS
  WITH n(i, text) AS (SELECT 0, '' UNION ALL
    SELECT i + 1, text || CASE i % 5 WHEN 4 THEN 'quick sand. ' ELSE 'how to make tea 고양이 ' END
      FROM n WHERE i < 60)
  SELECT text FROM n WHERE i = 60;
SELECT token_count(text, 'ner') > 100, max_tokens FROM long, encoder_models WHERE name = 'ner';
SELECT count(*) = token_count(text, 'ner') - 2, max(position) = count(*),
       count(DISTINCT start) = count(*)
  FROM long, token_classes(long.text, 'ner');
SELECT count(*) > 100, min(start) < 30, max("end") > length(CAST(long.text AS BLOB)) - 30,
       sum(e.text <> CAST(substr(CAST(long.text AS BLOB), start + 1, "end" - start) AS TEXT))
  FROM long, entities(long.text, 'ner', 'simple') e;

-- One text a row, and no rows for no text.
SELECT count(*) FROM token_classes(NULL, 'ner');
SELECT count(*) FROM entities('', 'ner');
SELECT t.value, count(e.label) FROM json_each('["the cat", null, "tea"]') t
  LEFT JOIN token_classes(t.value, 'ner') e GROUP BY t.key;

-- Refusals.
SELECT * FROM token_classes;
SELECT * FROM token_classes('a', 'none');
SELECT * FROM token_classes(x'00', 'ner');
SELECT * FROM entities('a', 'ner', 'max');
SELECT encoder_load('tests/data/tiny');
SELECT * FROM token_classes('a', 'tiny');
SELECT * FROM entities('a', 'tiny');
SELECT classify('the cat', 'ner');
SELECT rerank('the cat', 'the dog', 'ner');
SELECT * FROM zero_shot('the cat', '["a", "b"]', 'ner', '{"multi_label": true}');
