-- Settings of the process.
SELECT encoder_config('threads', 2);
SELECT encoder_config();
SELECT encoder_config('threads');
SELECT encoder_config('threads', 1), encoder_config('threads');
SELECT encoder_config('threads', -1);
SELECT encoder_config('threads', 'many');
SELECT encoder_config('threads', 1.5);
SELECT encoder_config('threads', x'01');
SELECT encoder_config('threads', 1025);
SELECT encoder_config('threads', 1e300);
SELECT encoder_config('threads', '-99999999999999999999');
SELECT encoder_config('colour');
SELECT encoder_config('colour', 'red');
SELECT encoder_config(NULL);
SELECT encoder_config('');
SELECT encoder_config(x'00');
SELECT encoder_config(1, 2, 3);

-- A text that is too long.
SELECT encoder_load('tests/data/tiny'), encoder_default('tiny');
SELECT encoder_config('max_text_bytes', 5), encoder_config('max_text_bytes');
SELECT token_count('the c');
SELECT token_count('the ca');
SELECT count(*) FROM tokens('the ca');
SELECT encoder_config('max_text_bytes', 0);
SELECT encoder_config('max_text_bytes', NULL);
SELECT token_count('the cat');

-- Weights that are too large: of a directory, a file, a BLOB; nothing of them is read.
SELECT encoder_config('max_model_bytes', 1000), encoder_config('max_model_bytes');
SELECT encoder_load('tests/data/tiny', 'large');
SELECT encoder_load('tests/data/tiny/model.safetensors', 'large');
SELECT encoder_load('tests/data/gguf/tiny-q8_0.gguf', 'large');
SELECT encoder_load(readfile('tests/data/tiny/model.safetensors'), 'large');
SELECT encoder_load(zeroblob(1001), 'large');
SELECT encoder_load(zeroblob(1000), 'large');
SELECT encoder_load(zeroblob(900000000), 'large');
SELECT encoder_save(zeroblob(1001), '$TMP/large');
SELECT encoder_config('max_model_bytes', length(readfile('tests/data/tiny/model.safetensors')) - 1) > 0;
SELECT encoder_load('tests/data/tiny', 'large');
SELECT encoder_config('max_model_bytes', length(readfile('tests/data/tiny/model.safetensors'))) > 0;
SELECT encoder_load('tests/data/tiny', 'large'), encoder_unload('large');
SELECT encoder_load(readfile('tests/data/gguf/tiny-q8_0.gguf'), 'large'), encoder_unload('large');
SELECT encoder_config('max_model_bytes', 0);
SELECT encoder_load('tests/data/tiny', 'large');
SELECT length(embed('of the built-in', 'builtin')) > 0;
SELECT encoder_config('max_model_bytes', -1);
SELECT encoder_config('max_model_bytes', 68719476737);
SELECT encoder_config('max_model_bytes', 'all');
SELECT encoder_config('max_model_bytes', NULL);

-- How many models may be loaded.
SELECT encoder_config('max_models', 1);
SELECT encoder_load('tests/data/tiny', 'second');
SELECT encoder_load('tests/data/tiny', 'tiny');
SELECT encoder_config('max_models', 65);
SELECT encoder_config('max_models', NULL);

-- The models directory: names in it, and nothing else. What is absent and what is forbidden
-- cannot be told apart.
SELECT encoder_config('models', '/nowhere');
SELECT encoder_config('models', 'tests/run.c');
SELECT encoder_config('models', 'tests/data') LIKE '/%/tests/data';
SELECT encoder_load('tiny', 'inside');
SELECT encoder_load('absent');
SELECT encoder_load('../data/tiny');
SELECT encoder_load('tests/data/tiny');
SELECT encoder_load('/etc/passwd');
SELECT encoder_load('.');
SELECT encoder_load('..');
SELECT encoder_load('');
SELECT encoder_load('tiny/');
SELECT encoder_load('org/name');
SELECT encoder_load('/proc/self/environ');
SELECT encoder_save('tiny', '/tmp/somewhere');
SELECT encoder_save('tiny', '../somewhere');
SELECT encoder_config('models', '');
SELECT encoder_load('tests/data/tiny');
