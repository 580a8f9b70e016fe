-- Every architecture: what is said of a model, its tasks, and that saving keeps it.
CREATE TABLE name(name);
INSERT INTO name SELECT value FROM json_each('["bert_answer", "bert_tokens", "roberta_masked",
  "xlm_roberta_classes", "distilbert_classes", "electra_answer", "mpnet_body", "albert_masked",
  "nomic_body", "new_classes", "gte_body", "jina_body", "modernbert_masked",
  "modernbert_answer", "modernbert_tokens", "modernbert_mean"]');
SELECT encoder_config('max_models', 64);
SELECT encoder_load('tests/ref/checkpoints/' || name) FROM name;
SELECT m.name, architecture, layers, hidden, heads, max_tokens, pooling, tasks, labels, parameters
  FROM encoder_models m JOIN name USING (name);

-- torchinfo's table adds up, whatever the names of modules.
SELECT m.name, sum(s.parameters) - m.parameters
  FROM encoder_models m JOIN name USING (name), model_summary(m.name) s GROUP BY m.name;
SELECT depth, name, kind, output_shape, parameters FROM model_summary('modernbert_tokens');
SELECT depth, name, kind, output_shape, parameters FROM model_summary('albert_masked');
SELECT depth, name, kind, output_shape, parameters FROM model_summary('new_classes') WHERE name NOT LIKE 'encoder.layer.1%';

-- Saving copies the files, and what is opened again is the same model.
SELECT encoder_save(name, '$TMP/' || name) IS NOT NULL, encoder_load('$TMP/' || name, 'saved ' || name) FROM name;
SELECT count(*), sum(a.fingerprint = b.fingerprint) FROM name n
  JOIN encoder_models a ON a.name = n.name JOIN encoder_models b ON b.name = 'saved ' || n.name;
SELECT count(*), sum(embed('a b c', n.name) = embed('a b c', 'saved ' || n.name)) FROM name n;

-- The tasks do what they say.
SELECT classify('a b c', 'xlm_roberta_classes') = (SELECT label FROM classes('a b c', 'xlm_roberta_classes') LIMIT 1);
SELECT round(sum(score), 5), count(*) FROM classes('a b c', 'distilbert_classes');
SELECT count(*), min(score) > 0 FROM answers('a b', 'c d e f', 100, 'modernbert_answer');
SELECT count(*) = token_count('a b c d', 'modernbert_tokens') - 2 FROM token_classes('a b c d', 'modernbert_tokens');
SELECT count(*), count(DISTINCT id) FROM fill_mask('a [MASK] b', 5, 'albert_masked');

-- Training is for BERT.
SELECT fine_tune_pairs('a', 'b', 1, '{"model": "distilbert_classes"}');
SELECT json_extract(head_info(train_classifier(text, label, '{"model": "mpnet_body"}')), '$.labels')
  FROM (SELECT 'a b' AS text, 'x' AS label UNION ALL SELECT 'c', 'y' UNION ALL SELECT 'd', 'x' UNION ALL SELECT 'e', 'y');

-- What a model cannot do is said with the name of what is missing.
SELECT pooled('a', 'distilbert_classes');
SELECT pooled('a', 'modernbert_masked');
SELECT * FROM fill_mask('a [MASK]', 1, 'nomic_body');
SELECT * FROM fill_mask('a [MASK]', 1, 'distilbert_classes');
SELECT next_sentence('a', 'b', 'roberta_masked');
SELECT classify('a', 'roberta_masked');
SELECT classify('a', 'modernbert_tokens');
