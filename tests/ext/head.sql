-- train_classifier, head_info, classify, classes: transfer learning on frozen vectors.
SELECT encoder_load('tests/data/tiny', 'tiny');
CREATE TABLE example(text TEXT, label TEXT);
INSERT INTO example
  WITH n(i) AS (VALUES(0) UNION ALL SELECT i + 1 FROM n LIMIT 60)
  SELECT CASE i % 3 WHEN 0 THEN 'the cat sat on ' WHEN 1 THEN 'deep learning ' ELSE '고양이 가 ' END || i,
         CASE i % 3 WHEN 0 THEN 'small' WHEN 1 THEN 'study' ELSE '동물' END
    FROM n;
CREATE TABLE head(name TEXT PRIMARY KEY, bytes BLOB);
INSERT INTO head SELECT 'a', train_classifier(text, label, '{"model": "tiny"}') FROM example;

-- What was learned. Labels are in the order of their bytes, not of the rows.
SELECT json_extract(i, '$.task'), json_extract(i, '$.labels'), json_extract(i, '$.dims'),
       json_extract(i, '$.examples'), json_extract(i, '$.folds'),
       json_extract(i, '$.model') = fingerprint
  FROM (SELECT head_info(bytes) AS i FROM head), encoder_models AS m WHERE m.name = 'tiny';
SELECT json_extract(head_info(bytes), '$.accuracy') > 0.9 FROM head;
SELECT sum(e.value) FROM head, json_each(head_info(bytes), '$.confusion') AS r,
       json_each(r.value) AS e;

-- The head's model must be the one in use; a vector needs only the right width.
SELECT encoder_load('tests/data/tiny', 'short', '{"max_tokens": 16}'), encoder_default('short');
SELECT classify('고양이 가', bytes) FROM head;
SELECT * FROM head, classes('고양이 가', bytes);
SELECT classify(embed('고양이 가', 'tiny'), bytes) FROM head;
SELECT encoder_default('tiny');
SELECT count(*) >= 54 FROM head, example WHERE classify(text, bytes) = label;
SELECT count(*), round(sum(score), 5), max(label) IN ('동물')
  FROM head, classes('고양이 3', bytes);
SELECT count(*) FROM (SELECT score, lag(score) OVER () AS before
                        FROM head, classes('고양이 3', bytes)) WHERE score > before;
SELECT label = classify('deep learning', bytes) FROM head, classes('deep learning', bytes) LIMIT 1;
SELECT classify(NULL, bytes) FROM head;
SELECT count(*) FROM head, classes(NULL, bytes);

-- The same rows give the same bytes, as texts or as vectors.
SELECT train_classifier(text, label, '{"model": "tiny"}') = (SELECT bytes FROM head)
  FROM example;
SELECT train_classifier(embed(text), label, '{"model": "tiny"}') = (SELECT bytes FROM head)
  FROM example;
SELECT json_extract(head_info(train_classifier(embed(text), label)), '$.model') FROM example;

-- Rows with a NULL teach nothing. Labels may be numbers. One fold measures nothing.
SELECT json_extract(head_info(train_classifier(text, label)), '$.examples')
  FROM (SELECT text, label FROM example UNION ALL SELECT NULL, 'x' UNION ALL SELECT 'x', NULL);
SELECT json_extract(head_info(train_classifier(text, length(label))), '$.labels') FROM example;
SELECT json_extract(head_info(train_classifier(text, label, '{"folds": 1, "l2": 0.5}')), '$.l2'),
       json_extract(head_info(train_classifier(text, label, '{"folds": 1, "l2": 0.5}')),
                    '$.accuracy')
  FROM example;
SELECT label, count(*) FROM (
  SELECT json_extract(head_info(train_classifier(text, label, '{"balanced": true}')),
                      '$.examples') AS label FROM example);

-- Refusals: options.
SELECT train_classifier(text, label, '{"fold": 3}') FROM example;
SELECT train_classifier(text, label, '{"folds": "3"}') FROM example;
SELECT train_classifier(text, label, '{"folds": -1}') FROM example;
SELECT train_classifier(text, label, '{"folds": 5000}') FROM example;
SELECT train_classifier(text, label, '{"folds": 1}') FROM example;
SELECT train_classifier(text, label, '{"folds": 61}') FROM example;
SELECT train_classifier(text, label, '{"folds": 2.5}') FROM example;
SELECT train_classifier(text, label, '{"l2": -7}') FROM example;
SELECT train_classifier(text, label, '{"l2": -0.001, "folds": 1}') FROM example;
SELECT train_classifier(text, label, '{"l2": "0.5"}') FROM example;
SELECT train_classifier(text, label, '{"l2": [0.5]}') FROM example;
SELECT train_classifier(text, label, '{"seed": -1}') FROM example;
SELECT train_classifier(text, label, '{"seed": {"of": 1}}') FROM example;
SELECT json_extract(head_info(train_classifier(text, label, '{"l2": 0, "folds": 2}')), '$.l2') FROM example;
SELECT json_extract(head_info(train_classifier(text, label, '{"l2": null}')), '$.l2') > 0 FROM example;
SELECT train_classifier(text, label, '{"balanced": 1}') FROM example;
SELECT train_classifier(text, label, '{"model": true}') FROM example;
SELECT train_classifier(text, label, '{"model": "no such model"}') FROM example;
SELECT train_classifier(text, label, '[]') FROM example;
SELECT train_classifier(text, label, '{') FROM example;

-- Refusals: rows.
SELECT train_classifier(text, label) FROM example WHERE 0;
SELECT train_classifier(text, NULL) FROM example;
SELECT train_classifier(text, 'one') FROM example;
SELECT train_classifier(text, x'00') FROM example;
SELECT train_classifier(vector(v), v) FROM (SELECT '[1, 2]' AS v UNION ALL SELECT '[1, 2, 3]');

-- Refusals: heads.
SELECT head_info('text');
SELECT head_info(x'0102');
SELECT head_info(substr(bytes, 1, length(bytes) - 1)) FROM head;
SELECT head_info(CAST(bytes || x'00' AS BLOB)) FROM head;
SELECT head_info(NULL) IS NULL;
SELECT classify('a', substr(bytes, 1, 40)) FROM head;
SELECT classify(vector('[1, 2]'), bytes) FROM head;
SELECT classify('a', NULL) FROM head;
SELECT * FROM classes;

-- Vectors so long that a label's product is more than a float32: probabilities all the same.
CREATE TABLE wide AS SELECT train_classifier(vector(v), l, '{"l2": 1e-9}') AS bytes FROM
  (SELECT '[0.1, 0.2]' AS v, 'a' AS l UNION ALL SELECT '[0.2, 0.1]', 'b' UNION ALL SELECT '[0.3, 0.2]', 'b');
SELECT label, score FROM wide, classes(vector('[3e38, -3e38]'), bytes);
SELECT label, score FROM wide, classes(vector('[-3e38, 3e38]'), bytes);
SELECT classify(vector('[-3e38, 3e38]'), bytes) FROM wide;

-- A model's own classifier, and what is said where there is none.
SELECT encoder_default('builtin');
SELECT label = classify('the cat', 'tiny') FROM classes('the cat', 'tiny') LIMIT 1;
SELECT group_concat(label), round(total, 5) FROM (
  SELECT label, sum(score) OVER () AS total FROM classes('the cat', 'tiny') ORDER BY label);
SELECT classify(NULL, 'tiny');
SELECT classify(embed('hello', 'tiny'), 'tiny');
SELECT classify('hello', 'no such model');
