-- Once locked, the settings of the process stay as they are.
SELECT encoder_config('threads', 2), encoder_config('models', 'tests/data') LIKE '%tests/data';
SELECT encoder_config('lock');
SELECT encoder_config('lock');
SELECT encoder_config('lock', 0);
SELECT encoder_config('threads', 1);
SELECT encoder_config('max_text_bytes', 1);
SELECT encoder_config('max_model_bytes', 1000);
SELECT encoder_config('max_model_bytes', NULL);
SELECT encoder_config('max_models', 1);
SELECT encoder_config('max_code_bytes', 1);
SELECT encoder_config('models', '');
SELECT encoder_config('threads'), encoder_config('models') LIKE '%tests/data';
SELECT encoder_load('tiny');
SELECT encoder_load('tests/data/tiny');
SELECT encoder_load('tiny', 'more', '{"threads": 1}');
SELECT encoder_load('tiny', 'more');
SELECT encoder_config('threads');
SELECT pretrain('a', '{"checkpoint": "x.ckpt"}');
