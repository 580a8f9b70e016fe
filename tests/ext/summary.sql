-- model_summary is torchinfo's table: its parameters add up to the model's.
SELECT encoder_load('tests/data/tiny');
SELECT depth, name, kind, output_shape, parameters, bytes FROM model_summary('tiny');
SELECT sum(s.parameters) = m.parameters, sum(s.bytes) = m.bytes
  FROM model_summary('tiny') s, encoder_models m WHERE m.name = 'tiny';
SELECT sum(s.parameters) = m.parameters FROM encoder_models m, model_summary(m.name) s
 GROUP BY m.name;
SELECT count(*) > 0 FROM model_summary;
SELECT count(*) FROM model_summary('none');
SELECT count(*) FROM model_summary(NULL);
SELECT count(*) FROM model_summary(x'00');
SELECT count(*) FROM encoder_progress;
SELECT encoder_version() LIKE '0.1.0 (%, % thread%)';
