-- What a schema may name, when the schema is not trusted.
PRAGMA trusted_schema = OFF;
SELECT encoder_load('tests/data/tiny'), encoder_default('tiny');
CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT,
                  n INTEGER GENERATED ALWAYS AS (token_count(body, 'tiny')) VIRTUAL);
INSERT INTO docs(body) VALUES ('the cat sat');
SELECT n FROM docs;
CREATE VIEW words AS SELECT docs.id, token FROM docs, tokens(docs.body) WHERE NOT is_special;
SELECT * FROM words;
CREATE VIEW insides AS SELECT count(*) AS n FROM hidden_states('the cat');
SELECT n FROM insides;
CREATE VIEW known AS SELECT count(*) > 0 AS n FROM encoder_models;
SELECT n FROM known;
CREATE INDEX by_count ON docs(token_count(body, 'tiny'));
SELECT body FROM docs INDEXED BY by_count WHERE token_count(body, 'tiny') = 5;
CREATE TABLE log(v BLOB);
CREATE TRIGGER after_insert AFTER INSERT ON docs BEGIN
  INSERT INTO log VALUES (pooled(new.body, 'tiny'));
END;
INSERT INTO docs(body) VALUES ('the');
SELECT vector_dims(v) FROM log;

-- Never: what opens, writes or changes something.
CREATE VIEW opens AS SELECT encoder_load('tests/data/tiny');
SELECT * FROM opens;
CREATE VIEW unloads AS SELECT encoder_unload('tiny');
SELECT * FROM unloads;
CREATE VIEW chooses AS SELECT encoder_default('builtin');
SELECT * FROM chooses;
CREATE VIEW saves AS SELECT encoder_save('tiny', '/tmp/saved');
SELECT * FROM saves;
CREATE VIEW sets AS SELECT encoder_config('threads', 1);
SELECT * FROM sets;
PRAGMA trusted_schema = ON;
SELECT * FROM opens;
SELECT * FROM sets;
CREATE TABLE t(x DEFAULT (encoder_load('tests/data/tiny')));
INSERT INTO t DEFAULT VALUES;

-- The flags themselves.
SELECT name, narg, flags & 0x80000 <> 0 AS direct, flags & 0x200000 <> 0 AS innocuous,
       flags & 0x800 <> 0 AS deterministic
  FROM pragma_function_list
 WHERE name LIKE 'encoder%' OR name IN ('token_count', 'pooled', 'vector', 'vector_json', 'vector_dims')
 ORDER BY 1, 2;
