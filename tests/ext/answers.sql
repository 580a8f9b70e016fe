-- answer and answers: the stretches of a text that answer a question.
-- The tiny model's next-sentence head is made one for answers by another name.
CREATE TABLE part(name, text);
INSERT INTO part SELECT value, CAST(readfile('tests/data/tiny/' || value) AS TEXT)
  FROM json_each('["config.json", "vocab.txt", "tokenizer_config.json", "modules.json",
                   "1_Pooling/config.json", "sentence_bert_config.json",
                   "config_sentence_transformers.json"]');
UPDATE part SET text = json_set(text, '$.architectures[0]', 'BertForQuestionAnswering')
 WHERE name = 'config.json';
CREATE TABLE model AS
  WITH file(bytes) AS (SELECT readfile('tests/data/tiny/model.safetensors')),
       cut(header, data) AS (SELECT CAST(substr(bytes, 9, length(bytes) - 8 - 98300) AS TEXT),
                                    substr(bytes, -98300) FROM file)
  SELECT CAST(x'0040000000000000' || printf('%-16384s', json_set(
           replace(header, '"cls.seq_relationship.', '"qa_outputs.'), '$.__metadata__',
           (SELECT json_group_object(name, text) FROM part))) || data AS BLOB) AS bytes FROM cut;
SELECT encoder_load(bytes, 'qa') FROM model;
SELECT tasks FROM encoder_models WHERE name = 'qa';
SELECT sum(s.parameters) = m.parameters FROM encoder_models m, model_summary(m.name) s
 WHERE m.name = 'qa';
SELECT name, kind, output_shape, parameters FROM model_summary('qa') WHERE name = 'qa_outputs';

-- Best first, each a stretch of the text; places are bytes.
CREATE TABLE t(question, context);
INSERT INTO t VALUES ('is the cat on 고양이?', 'The quick cat sat on the 고양이 mats. Deep learning is in tea.');
SELECT answer, round(score, 5), start, "end" FROM t, answers(question, context, 3, 'qa');
SELECT count(*), count(DISTINCT start || '-' || "end"), sum(score) < 1
  FROM t, answers(question, context, 1000, 'qa');
SELECT count(*) FROM (SELECT score, lag(score) OVER () AS before
                        FROM t, answers(question, context, 1000, 'qa')) WHERE score > before;
SELECT count(*) FROM t, answers(question, context, 100, 'qa')
 WHERE answer <> CAST(substr(CAST(context AS BLOB), start + 1, "end" - start) AS TEXT);
SELECT answer(question, context, 'qa') = (SELECT answer FROM answers(question, context, 1, 'qa'))
  FROM t;
SELECT count(*) FROM t, answers(question, context, NULL, 'qa');

-- Options: how long an answer may be, and whether there may be none.
SELECT max(token_count(answer, 'qa') - 2) <= 2
  FROM t, answers(question, context, 1000, 'qa', '{"max_answer_tokens": 2}');
SELECT count(*) - count(answer), count(*) - count(start), count(*) - count(score)
  FROM t, answers(question, context, 1000, 'qa', '{"no_answer": true}');
SELECT answer(question, context, 'qa', '{"max_answer_tokens": 1}') IS NOT NULL FROM t;

-- A context longer than the model reads is searched to its end.
CREATE TABLE long AS
  WITH n(i, text) AS (SELECT 0, '' UNION ALL
    SELECT i + 1, text || CASE i % 5 WHEN 4 THEN 'mats sat. ' ELSE 'the quick cat ' END
      FROM n WHERE i < 60)
  SELECT text FROM n WHERE i = 60;
SELECT min(start) < 20, max("end") > length(text) - 20, count(*)
  FROM long, answers('is tea in?', long.text, 1000, 'qa');

-- NULL and empty texts.
SELECT answer(NULL, 'a', 'qa'), answer('a', NULL, 'qa'), answer('a', '', 'qa');
SELECT count(*) FROM answers('a', NULL, 1, 'qa');
SELECT answer('', 'the cat', 'qa') IS NOT NULL;

-- Refusals.
SELECT answer('a');
SELECT * FROM answers('a');
SELECT * FROM answers('a', 'b', 0, 'qa');
SELECT * FROM answers('a', 'b', 1, 'none');
SELECT * FROM answers('a', 'b', 1, 'qa', '{"max_answer_tokens": 0}');
SELECT * FROM answers('a', 'b', 1, 'qa', '{"max": 3}');
SELECT answer('a', x'00', 'qa');
SELECT answer(replace(hex(zeroblob(12)), '00', 'the cat '), 'tea', 'qa');
SELECT encoder_load('tests/data/tiny');
SELECT answer('a', 'b', 'tiny');
