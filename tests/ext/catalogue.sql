-- Bad input to functions: a sentence that names the thing and both values, and a code.
SELECT encoder_load('tests/data/tiny'), encoder_default('tiny');
-- No argument.
SELECT embed();
-- NULL is no error and gives NULL.
SELECT embed(NULL) IS NULL;
-- A model that is not loaded; a name of NULL, empty, too long, with a NUL, of another type.
SELECT embed('a', 'absent');
SELECT embed('a', NULL) IS NULL;
SELECT embed('a', '');
SELECT embed('a', printf('%300d', 1));
SELECT embed('a', 'ti' || char(0) || 'ny');
SELECT embed('a', 5);
SELECT embed('a', 1.5);
SELECT embed('a', x'00');
-- A text that is a BLOB; one that is a number is read as SQLite writes it.
SELECT embed(x'6162');
SELECT embed(12) = embed('12'), embed(1.5) = embed('1.5');
-- Nothing, and nothing but spaces: the vector of [CLS] [SEP].
SELECT vector_dims(embed('')), embed('') = embed('   ');
-- One argument too many; the same by other names.
SELECT embed('a', 'tiny', 'more');
SELECT embed_query(x'00'), 1;
SELECT embed_passage('a', 'absent');
SELECT pooled(x'00');
SELECT pooled('a', 'absent');
SELECT token_count(x'00');
SELECT token_count('a', 'absent');
-- Vectors of no bytes, of odd bytes, of another length, with NaN or infinity, of zeros.
SELECT similarity('a');
SELECT similarity('a', x'00');
SELECT similarity('a', x'');
SELECT similarity('a', x'0000803f');
SELECT similarity(x'0000803f', x'0000803f0000803f');
SELECT similarity(x'0000c07f', x'0000803f');
SELECT similarity(x'0000807f', x'0000803f');
SELECT similarity(x'00000000', x'0000803f');
SELECT similarity(NULL, 'a') IS NULL, similarity('a', NULL) IS NULL;
-- Lists of numbers that are none.
SELECT vector('[1, 2'), 1;
SELECT vector('[]');
SELECT vector('{}');
SELECT vector('[1, "a"]');
SELECT vector('[null]');
SELECT vector('[1e39]');
SELECT vector('[NaN]');
SELECT vector('');
SELECT vector(x'01');
SELECT vector(NULL) IS NULL;
-- BLOBs that are no vectors.
SELECT vector_json(x'0102');
SELECT vector_json('a');
SELECT vector_json(x'0000c07f');
SELECT vector_dims(x'010203');
SELECT vector_dims(1);
-- Heads that are none.
SELECT classify('a', 'absent');
SELECT classify('a', x'00');
SELECT classify('a', x'454e4348');
SELECT classify(x'00');
SELECT head_info(x'00');
SELECT head_info('a');
SELECT head_info(NULL) IS NULL;
-- Pairs of which one is no text, or NULL; a model that has not the head that is asked for.
SELECT rerank('a', x'00');
SELECT rerank(NULL, 'a') IS NULL;
SELECT next_sentence('a', x'00');
SELECT answer('who?', x'00');
SELECT answer(NULL, 'a') IS NULL;
SELECT passage('a');
-- Too few examples; an option that is unknown, of another type, out of range; options that are no JSON.
SELECT train_classifier('a', 'x');
SELECT train_classifier('a', 'x', '{"folds": 1}');
SELECT train_classifier('a', 'x', '{"fold": 2}');
SELECT train_classifier('a', 'x', '[');
SELECT train_classifier(x'00', 'x');
SELECT pretrain(x'00');
SELECT pretrain('a', '{"hidden": 0}');
SELECT pretrain('a', '{"hidden": 30, "n_heads": 7}');
SELECT pretrain('a', '{"layers": 1}');
SELECT pretrain('a', '{"seed": "x"}');
SELECT fine_tune_pairs('a', 'b', 'x');

-- Text: whatever the bytes, some tokens and no error.
-- A NUL within: what follows is read too.
SELECT token_count('ab' || char(0) || 'cd') > 2;
-- A continuation alone, an overlong NUL, half of a surrogate pair.
SELECT token_count(CAST(x'80' AS TEXT)), token_count(CAST(x'c080' AS TEXT)), token_count(CAST(x'eda080' AS TEXT));
-- Beyond Unicode, cut at the end, a byte order mark.
SELECT token_count(CAST(x'f5808080' AS TEXT)), token_count(CAST(x'61e282' AS TEXT)), token_count(CAST(x'efbbbf61' AS TEXT));
-- A word of 100 characters has pieces, one of 101 is unknown.
SELECT token_count(printf('%.*c', 100, 'a')), token_count(printf('%.*c', 101, 'a'));
-- U+FFFD itself, Hangul by its parts, an ideograph beyond the first plane.
SELECT token_count(char(65533)), token_count(char(0x1100, 0x1161)), token_count(char(0x20000));
-- From right to left, emoji that are joined, a variation selector.
SELECT token_count(char(0x202e) || 'a'), token_count(char(0x1f468, 0x200d, 0x1f469)), token_count('a' || char(0xfe0f));
-- Every kind of end of line; private use; the last code point, which nobody assigned.
SELECT token_count(char(9, 10, 11, 12, 13, 0x85, 0x2028)), token_count(char(0xe000)), token_count(char(0x10ffff));
-- What has another length in lower case or decomposed: I with a dot, sharp s, Kelvin, one that becomes 18.
SELECT token_count(char(0x130)), token_count('ß'), token_count(char(0x212a)), token_count(char(0xfdfa));
-- Special tokens, written out.
SELECT token_count('[CLS] [SEP] [MASK]');
-- Megabytes without a space; a letter under 100,000 accents.
SELECT token_count(printf('%.*c', 3000000, 'a'));
SELECT token_count('e' || replace(printf('%.*c', 100000, 'x'), 'x', char(0x301)));

-- Tables.
SELECT count(*) FROM tokens();
SELECT count(*) FROM tokens(NULL);
SELECT count(*) FROM tokens(x'00');
SELECT count(*) FROM tokens('a', 'absent');
-- More tokens than the model reads: the first of them.
SELECT count(*), (SELECT max_tokens FROM encoder_models WHERE name = 'tiny') FROM tokens(printf('%.*c', 400, 'a') || replace(printf('%.*c', 400, ' '), ' ', ' a'));
SELECT count(*) FROM chunks('a', 0);
SELECT count(*) FROM chunks('a', -1);
SELECT count(*) FROM chunks('a', 8, 8);
SELECT count(*) FROM chunks('a', 'many');
SELECT count(*) FROM chunks('a', ' +8 ', '7');
SELECT count(*) FROM chunks('a', '8 more');
SELECT count(*) FROM chunks('a', '8' || char(0));
SELECT count(*) FROM chunks('a', '');
SELECT count(*) FROM chunks('a', '-');
SELECT count(*) FROM chunks('a', x'38');
SELECT count(*) FROM chunks('a', 8.5);
SELECT count(*) FROM chunks('a', 8.0);
SELECT count(*) FROM chunks('a', '99999999999999999999');
SELECT count(*) FROM hidden_states('a', 99);
SELECT count(*) FROM hidden_states('a', -99);
SELECT count(*) FROM attention('a', 99);
SELECT count(*) FROM attention('a', 1, 99);
SELECT count(*) FROM fill_mask('no gap');
SELECT count(*) FROM fill_mask('[MASK]', 0);
SELECT count(*) FROM fill_mask('[MASK]', -1);
SELECT count(*) FROM zero_shot('a');
SELECT count(*) FROM zero_shot('a', '[]');
SELECT count(*) FROM zero_shot('a', '[1]');
SELECT count(*) FROM zero_shot('a', 'b');
SELECT count(*) FROM classes('a', 'absent');
SELECT count(*) FROM embed_each('SELECT');
SELECT count(*) FROM embed_each('SELECT 1');
SELECT count(*) FROM embed_each('DELETE FROM sqlite_schema');
SELECT count(*) FROM embed_each('[1, ');
SELECT count(*) FROM embed_each('ATTACH ''/tmp/x'' AS y');
SELECT count(*) FROM model_summary('absent');
SELECT count(*) FROM similarity_stats('absent');
SELECT count(*) FROM recall_at_k('absent');
SELECT count(*) FROM token_classes('a', 'absent');
SELECT count(*) FROM entities(x'00');
SELECT count(*) FROM answers('a', x'00');

-- The similarity table.
-- Dimensions: none, less, too many, no number.
CREATE VIRTUAL TABLE v USING similarity(e VECTOR(0));
CREATE VIRTUAL TABLE v USING similarity(e VECTOR(-1));
CREATE VIRTUAL TABLE v USING similarity(e VECTOR(65537));
CREATE VIRTUAL TABLE v USING similarity(e VECTOR(abc));
-- Columns and options that are missing, there twice, unknown, out of range; content that is the table itself.
CREATE VIRTUAL TABLE v USING similarity();
CREATE VIRTUAL TABLE v USING similarity(a, a);
CREATE VIRTUAL TABLE v USING similarity(a, model='absent');
CREATE VIRTUAL TABLE v USING similarity(a, metric=hamming);
CREATE VIRTUAL TABLE v USING similarity(a, chunk=-1);
CREATE VIRTUAL TABLE v USING similarity(a, colour=red);
CREATE VIRTUAL TABLE v USING similarity(a, index=hnsw);
CREATE VIRTUAL TABLE v USING similarity(a, content='v');
CREATE VIRTUAL TABLE v USING similarity(a, content='v_doc');

-- What content= may be, and what it may not.
CREATE TABLE whole(id INTEGER PRIMARY KEY, a TEXT, b INTEGER);
CREATE TABLE keyless(a TEXT, n INTEGER UNIQUE);
CREATE TABLE worded(k TEXT PRIMARY KEY, a TEXT);
CREATE TABLE paired(i INTEGER, j INTEGER, a TEXT, PRIMARY KEY (i, j));
CREATE TABLE rowless(id INTEGER PRIMARY KEY, a TEXT) WITHOUT ROWID;
CREATE TABLE own_rowid(rowid INTEGER UNIQUE, a TEXT);
CREATE VIEW seen AS SELECT id, a FROM whole;
CREATE VIRTUAL TABLE words USING fts5(a);
ATTACH ':memory:' AS other;
CREATE TABLE other.elsewhere(id INTEGER PRIMARY KEY, a TEXT);
CREATE VIRTUAL TABLE v USING similarity(a, content='absent');
CREATE VIRTUAL TABLE v USING similarity(a, content='elsewhere');
CREATE VIRTUAL TABLE v USING similarity(a, content='other.elsewhere');
CREATE VIRTUAL TABLE v USING similarity(a, c, content='whole');
CREATE VIRTUAL TABLE v USING similarity(a, content='whole', content_rowid='key');
CREATE VIRTUAL TABLE v USING similarity(a, content='keyless');
CREATE VIRTUAL TABLE v USING similarity(a, content='keyless', content_rowid='OID');
CREATE VIRTUAL TABLE v USING similarity(a, content='worded');
CREATE VIRTUAL TABLE v USING similarity(a, content='paired');
CREATE VIRTUAL TABLE v USING similarity(a, content='rowless');
CREATE VIRTUAL TABLE v USING similarity(a, content='seen', content_rowid='key');
SELECT name FROM sqlite_schema WHERE name GLOB 'v*';
CREATE VIRTUAL TABLE v USING similarity(a, content='whole'); DROP TABLE v;
CREATE VIRTUAL TABLE v USING similarity(a, content='WHOLE', content_rowid='ID'); DROP TABLE v;
CREATE VIRTUAL TABLE v USING similarity(a, content='keyless', content_rowid='n'); DROP TABLE v;
CREATE VIRTUAL TABLE v USING similarity(a, content='rowless', content_rowid='id'); DROP TABLE v;
CREATE VIRTUAL TABLE v USING similarity(a, content='own_rowid'); DROP TABLE v;
CREATE VIRTUAL TABLE other.v USING similarity(a, content='elsewhere'); DROP TABLE v;

-- A view and a virtual table have no triggers, but can be read.
INSERT INTO whole VALUES(1, 'the kettle', 5);
INSERT INTO words VALUES('a dog barks');
CREATE VIRTUAL TABLE v USING similarity(a, content='seen', content_rowid='id');
INSERT INTO v(v) VALUES('triggers');
INSERT INTO v(v) VALUES('rebuild');
SELECT rowid, a FROM v('kettle');
CREATE VIRTUAL TABLE w USING similarity(a, content='words');
INSERT INTO w(w) VALUES('triggers');
INSERT INTO w(w) VALUES('rebuild');
SELECT rowid, a FROM w('dog');

-- Content that reads itself, by a view that was made later or by a turn round.
CREATE VIRTUAL TABLE x USING similarity(a, content='v');
INSERT INTO x(x) VALUES('rebuild');
SELECT rowid, a FROM x('kettle');
DROP VIEW seen;
CREATE VIEW seen AS SELECT rowid AS id, a FROM v;
SELECT a FROM v;
SELECT a FROM v('kettle');
INSERT INTO v(v) VALUES('rebuild');
INSERT INTO v(v) VALUES('reembed');
DROP VIEW seen;
CREATE VIEW seen AS SELECT rowid AS id, a FROM x;
SELECT a FROM x('kettle');
SELECT passage(x) FROM x('kettle');
DROP VIEW seen;
CREATE VIEW seen AS SELECT id, a FROM whole;
SELECT rowid, a FROM x('kettle');
INSERT INTO v(v) VALUES('integrity-check');
DROP TABLE x;
DROP TABLE w;
DROP TABLE v;

-- A dump, as the shell writes it, comes back whatever the order of its tables.
PRAGMA writable_schema = ON;
INSERT INTO sqlite_schema VALUES('table', 'early', 'early', 0, 'CREATE VIRTUAL TABLE early USING similarity(a, content=''late'')');
CREATE TABLE early_config(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO early_config VALUES('dims', 32), ('format', 1), ('generation', 0), ('model', 'tiny');
INSERT INTO early_config SELECT 'fingerprint', fingerprint FROM encoder_models WHERE name = 'tiny';
CREATE TABLE early_doc(id INTEGER PRIMARY KEY, h BLOB, c BLOB);
CREATE TABLE early_queue(id INTEGER PRIMARY KEY, t);
CREATE TABLE early_segment(id INTEGER PRIMARY KEY, n INTEGER, h BLOB, m BLOB, b BLOB);
CREATE TABLE early_vector(id INTEGER PRIMARY KEY, b BLOB);
CREATE TABLE early_fresh(id INTEGER PRIMARY KEY, h BLOB, c BLOB, b BLOB);
CREATE TABLE late(id INTEGER PRIMARY KEY, a TEXT);
INSERT INTO late VALUES(7, 'the kettle');
PRAGMA writable_schema = RESET;
SELECT count(*) FROM early;
INSERT INTO early(early) VALUES('rebuild');
SELECT rowid, a FROM early('kettle');
INSERT INTO early(early) VALUES('integrity-check');
DROP TABLE early;
CREATE VIRTUAL TABLE v USING similarity(e VECTOR(2));
-- Vectors of another length, of odd bytes, not finite, no JSON, no vector at all.
INSERT INTO v(e) VALUES(x'0000803f');
INSERT INTO v(e) VALUES(x'0000803f00');
INSERT INTO v(e) VALUES(x'0000c07f0000803f');
INSERT INTO v(e) VALUES('[1, 2, 3]');
INSERT INTO v(e) VALUES('[1, ');
INSERT INTO v(e) VALUES(7);
INSERT INTO v(v) VALUES('explode');
-- A k below 0, NULL, that is no whole number; a question that does not fit.
SELECT count(*) FROM v WHERE v MATCH '[1, 2]' AND k = -1;
SELECT count(*) FROM v WHERE v MATCH '[1, 2]' AND k = 'many';
SELECT count(*) FROM v WHERE v MATCH '[1, 2]' AND k = NULL;
SELECT count(*) FROM v WHERE v MATCH '[1, 2]' AND k = 0;
SELECT count(*) FROM v WHERE v MATCH '[1, 2]' AND k = 2147483648;
SELECT count(*) FROM v WHERE v MATCH '[1]';
SELECT count(*) FROM v WHERE v MATCH x'00';
SELECT count(*) FROM v WHERE v MATCH NULL;

-- Models as bytes.
-- Nothing.
SELECT encoder_load(x'', 'x');
-- Fewer than eight bytes.
SELECT encoder_load(x'00', 'x');
-- A header longer than anything.
SELECT encoder_load(x'ffffffffffffffff7b7d', 'x');
-- 2^63.
SELECT encoder_load(x'00000000000000807b7d', 'x');
-- A text and not bytes.
SELECT encoder_load(x'0300000000000000'||x'7b7d', 'x');
-- A header beyond the end.
SELECT encoder_load(x'03000000000000007b7d', 'x');
-- A list.
SELECT encoder_load(x'02000000000000005b5d', 'x');
-- No tensor.
SELECT encoder_load(x'02000000000000007b7d', 'x');
-- Ends before it begins.
SELECT encoder_load(x'36000000000000007b2261223a7b226474797065223a22463332222c227368617065223a5b315d2c22646174615f6f666673657473223a5b342c305d7d7d00000000', 'x');
-- Ends behind the file.
SELECT encoder_load(x'36000000000000007b2261223a7b226474797065223a22463332222c227368617065223a5b325d2c22646174615f6f666673657473223a5b302c385d7d7d00000000', 'x');
-- A byte too many.
SELECT encoder_load(x'36000000000000007b2261223a7b226474797065223a22463332222c227368617065223a5b315d2c22646174615f6f666673657473223a5b302c345d7d7d0000000000', 'x');
-- Another size than its shape.
SELECT encoder_load(x'36000000000000007b2261223a7b226474797065223a22463332222c227368617065223a5b335d2c22646174615f6f666673657473223a5b302c345d7d7d00000000', 'x');
-- A type that is not.
SELECT encoder_load(x'36000000000000007b2261223a7b226474797065223a22463939222c227368617065223a5b315d2c22646174615f6f666673657473223a5b302c345d7d7d00000000', 'x');
-- A shape that overflows.
SELECT encoder_load(x'4c000000000000007b2261223a7b226474797065223a22463332222c227368617065223a5b343239343936373239362c343239343936373239362c345d2c22646174615f6f666673657473223a5b302c345d7d7d00000000', 'x');
-- A negative one.
SELECT encoder_load(x'37000000000000007b2261223a7b226474797065223a22463332222c227368617065223a5b2d315d2c22646174615f6f666673657473223a5b302c345d7d7d00000000', 'x');
-- A tensor twice.
SELECT encoder_load(x'6b000000000000007b2261223a7b226474797065223a22463332222c227368617065223a5b315d2c22646174615f6f666673657473223a5b302c345d7d2c2261223a7b226474797065223a22463332222c227368617065223a5b315d2c22646174615f6f666673657473223a5b302c345d7d7d00000000', 'x');
-- GGUF and nothing more.
SELECT encoder_load(x'47475546', 'x');
-- A version to come.
SELECT encoder_load(x'474755460400000000000000000000000000000000000000', 'x');
-- Counts of tensors and keys that no file holds.
SELECT encoder_load(x'4747554603000000ffffffffffffffffffffffffffffffff', 'x');
-- An archive.
SELECT encoder_load(x'504b0304', 'x');
-- Compressed.
SELECT encoder_load(x'1f8b0800', 'x');
