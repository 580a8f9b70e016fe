-- A model that is saved and loaded again is the same model.
SELECT encoder_load('tests/data/tiny');
SELECT encoder_save('tiny', '$TMP/copy');
SELECT encoder_load('$TMP/copy', 'again');
SELECT count(DISTINCT fingerprint), count(*) FROM encoder_models WHERE name IN ('tiny', 'again');
SELECT pooled('the cat', 'tiny') = pooled('the cat', 'again');
SELECT encoder_load('$TMP/copy');
SELECT encoder_load('copy');

-- Never over something that is there.
-- Heads for answers and for labels of tokens are saved with it, and stay as they are while
-- the rest learns.
CREATE TABLE task(name TEXT);
INSERT INTO task VALUES ('bert_answer'), ('bert_tokens');
SELECT encoder_load('tests/ref/checkpoints/' || name), encoder_save(name, '$TMP/' || name) IS NULL,
       encoder_load('$TMP/' || name, name || ' again') FROM task;
SELECT a.tasks = b.tasks, a.labels = b.labels, a.parameters = b.parameters, a.tasks
  FROM task JOIN encoder_models a USING (name) JOIN encoder_models b ON b.name = task.name || ' again';
SELECT count(*), count(*) FILTER (WHERE a.score = b.score)
  FROM answers('a b', 'c d e f', 9, 'bert_answer') a JOIN answers('a b', 'c d e f', 9, 'bert_answer again') b USING (start, "end");
SELECT count(*), count(*) FILTER (WHERE a.score = b.score AND a.label = b.label)
  FROM token_classes('a b c', 'bert_tokens') a JOIN token_classes('a b c', 'bert_tokens again') b USING (position);
CREATE TABLE tuned AS SELECT name, fine_tune_pairs(a, b, NULL, json_object('model', name, 'steps', 2,
  'batch_pairs', 2, 'learning_rate', 0.01, 'weight_decay', 10)) AS bytes
  FROM task, (SELECT 'a' AS a, 'b' AS b UNION ALL SELECT 'c', 'd') GROUP BY name;
SELECT encoder_load(bytes, name || ' tuned') FROM tuned;
SELECT a.tasks = b.tasks, a.labels = b.labels, a.parameters = b.parameters, a.fingerprint = b.fingerprint
  FROM task JOIN encoder_models a USING (name) JOIN encoder_models b ON b.name = task.name || ' tuned';
WITH file(b) AS (SELECT readfile('$TMP/bert_tokens/model.safetensors')),
     sized(b, n) AS (SELECT b, (SELECT sum((instr('0123456789ABCDEF', substr(hex(b), column1, 1)) - 1) * column2)
                                  FROM (VALUES(1, 16), (2, 1), (3, 4096), (4, 256))) FROM file),
     head(bytes) AS (SELECT substr(b, 9 + n + json_extract(CAST(substr(b, 9, n) AS TEXT), '$."classifier.weight".data_offsets[0]'), 600) FROM sized)
SELECT length(head.bytes), instr(tuned.bytes, head.bytes) > 0 AS head_is_the_same FROM head, tuned WHERE name = 'bert_tokens';
SELECT encoder_unload(name), encoder_unload(name || ' again'), encoder_unload(name || ' tuned') FROM task;

SELECT encoder_save('tiny', '$TMP/copy');
SELECT encoder_save('tiny', '');
SELECT encoder_save('tiny', NULL);
SELECT encoder_save(NULL, '$TMP/x');
SELECT encoder_save('none', '$TMP/x');
SELECT encoder_save(x'00', '$TMP/x');

-- The models directory confines writing, too.
SELECT encoder_config('models', '$TMP');
SELECT encoder_save('tiny', 'inside'), encoder_load('inside');
SELECT encoder_save('tiny', '../outside');
SELECT encoder_load('copy', 'confined');
