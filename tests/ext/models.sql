-- Loading, naming and unloading models. The tiny model is nonsense of a known shape.
SELECT encoder_load('tests/data/tiny');
SELECT name, architecture, layers, hidden, heads, vocabulary, max_tokens, pooling,
       normalized, prompts, tasks, labels, parameters, bytes, precision, loaded, is_default
  FROM encoder_models WHERE name = 'tiny';
SELECT length(fingerprint), source LIKE '%/tests/data/tiny' FROM encoder_models WHERE name = 'tiny';

-- The built-in model is always listed, first, and is the default.
SELECT name, source, is_default FROM encoder_models LIMIT 1;
SELECT encoder_default();

-- Names.
SELECT encoder_load('tests/data/tiny', 'small');
SELECT encoder_load('tests/data/tiny/model.safetensors', 'file');
SELECT encoder_load('./tests/data/../data/tiny/', 'dotted');
SELECT name FROM encoder_models;
SELECT count(DISTINCT fingerprint) FROM encoder_models WHERE name IN ('tiny', 'small', 'dotted');
SELECT encoder_default('small'), encoder_default();
SELECT name FROM encoder_models WHERE is_default;
SELECT encoder_unload('small');
SELECT encoder_default();
SELECT encoder_unload('dotted');
SELECT encoder_unload('dotted');
SELECT encoder_default('dotted');
SELECT encoder_default('tiny');
SELECT encoder_default(NULL);
SELECT encoder_load('tests/data/tiny', '');
SELECT encoder_load('tests/data/tiny', 'builtin');
SELECT encoder_load('tests/data/tiny', printf('%97d', 1));
SELECT encoder_load('tests/data/tiny', 'a' || char(0) || 'b');
SELECT encoder_load('tests/data/tiny', x'00');

-- Options: what they change has another fingerprint, and what is wrong is named.
SELECT encoder_load('tests/data/tiny', 'cls', '{"pooling": "cls", "normalize": false, "max_tokens": 7}');
SELECT pooling, normalized, max_tokens FROM encoder_models WHERE name = 'cls';
SELECT a.fingerprint <> b.fingerprint FROM encoder_models a, encoder_models b
 WHERE a.name = 'cls' AND b.name = 'tiny';
SELECT encoder_load('tests/data/tiny', NULL, '{"max_tokens": 1000000}');
SELECT max_tokens FROM encoder_models WHERE name = 'tiny';
SELECT encoder_load('tests/data/tiny', 'x', '{"poling": "cls"}');
SELECT encoder_load('tests/data/tiny', 'x', '{"pooling": "sum"}');
SELECT encoder_load('tests/data/tiny', 'x', '{"pooling": 1}');
SELECT encoder_load('tests/data/tiny', 'x', '{"normalize": "yes"}');
SELECT encoder_load('tests/data/tiny', 'x', '{"max_tokens": 0}');
SELECT encoder_load('tests/data/tiny', 'x', '{"max_tokens": 1.5}');
SELECT encoder_load('tests/data/tiny', 'x', '{"precision": "int4"}');
SELECT encoder_load('tests/data/tiny', 'x', '[1]');
SELECT encoder_load('tests/data/tiny', 'x', '{"pooling": "cls", "pooling": "cls"}');
SELECT encoder_load('tests/data/tiny', 'x', '{');

-- Weights that are read instead of mapped are the same model.
SELECT encoder_load('tests/data/tiny', 'read', '{"map": 0}');
SELECT embed('the cat', 'read') = embed('the cat', 'tiny');
SELECT a.fingerprint = b.fingerprint FROM encoder_models a, encoder_models b
 WHERE a.name = 'read' AND b.name = 'tiny';
SELECT encoder_load('tests/data/gguf/tiny-q8_0.gguf', 'q8'),
       encoder_load('tests/data/gguf/tiny-q8_0.gguf', 'read q8', '{"map": false, "precision": "int8"}');
SELECT similarity(embed('the cat', 'q8'), embed('the cat', 'read q8')) > 0.99;
SELECT encoder_load('tests/data/tiny', 'read', '{"map": true}'), encoder_unload('read');
SELECT encoder_load('tests/data/tiny', 'x', '{"map": "no"}');
SELECT encoder_load('tests/data/tiny', 'x', '{"normalize": 2}');
SELECT encoder_load('tests/data/tiny', 'x', '{"dims": "16"}');
SELECT encoder_load('tests/data/tiny', 'x', '{"pooling": null, "normalize": null, "max_tokens": null, "dims": null,
  "threads": null, "precision": null, "map": null}'), encoder_unload('x');
SELECT encoder_unload('q8'), encoder_unload('read q8');

-- What is not a model.
SELECT encoder_load(NULL);
SELECT encoder_load('');
SELECT encoder_load('/nowhere');
SELECT encoder_load('nowhere');
SELECT encoder_load('no/where');
SELECT encoder_load('tests/data');
SELECT encoder_load('tests/run.c');
SELECT encoder_load('/dev/null');
SELECT encoder_load('a' || char(0) || 'b');
SELECT encoder_load('./' || printf('%5000d', 1));
SELECT encoder_load(x'00');
SELECT encoder_load(x'', 'empty');
SELECT encoder_load(x'454e4348', 'head');
SELECT encoder_load();
SELECT name FROM encoder_models WHERE name IN ('x', 'empty', 'head');

-- A model stays while something uses it, even when it is unloaded meanwhile.
SELECT max(name), count(*) > 0 FROM (SELECT encoder_unload('cls') AS name), tokens('the cat');
SELECT name FROM encoder_models;
SELECT encoder_unload('tiny');
SELECT token_count('the cat', 'tiny');
SELECT encoder_unload(NULL);
SELECT encoder_unload('builtin');
SELECT loaded FROM encoder_models WHERE name = 'builtin';
