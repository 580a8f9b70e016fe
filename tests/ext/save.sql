-- A model that is saved and loaded again is the same model.
SELECT encoder_load('tests/data/tiny');
SELECT encoder_save('tiny', '$TMP/copy');
SELECT encoder_load('$TMP/copy', 'again');
SELECT count(DISTINCT fingerprint), count(*) FROM encoder_models WHERE name IN ('tiny', 'again');
SELECT pooled('the cat', 'tiny') = pooled('the cat', 'again');
SELECT encoder_load('$TMP/copy');
SELECT encoder_load('copy');

-- Never over something that is there.
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
