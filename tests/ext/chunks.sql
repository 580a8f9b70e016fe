-- A text in stretches of at most so many tokens, cut where it reads best.
SELECT encoder_load('tests/data/tiny'), encoder_default('tiny');
SELECT * FROM chunks('The fox jumped. The dog! Over the fox, the dog jumps.', 6);
SELECT text FROM chunks('the fox' || char(10, 10) || 'the dog. a a a a', 6);
SELECT text, n_tokens FROM chunks('the unaffable fox', 3);
SELECT text, n_tokens FROM chunks('the unaffable fox', 2);

-- Overlapping: a chunk begins before the end of the last.
SELECT * FROM chunks('the fox jumps. the dog jumps. the fox. a', 10, 6);
SELECT start, "end" FROM chunks('a a a a a a', 3, 2);

-- Korean, Chinese, Japanese.
SELECT * FROM chunks('서울은 한국. 서울의 밤 안녕하세요 한국', 5);
SELECT text FROM chunks('我喜欢看书，也喜欢旅行。「你呢？」他问。今天天气很好！', 8, 0, 'builtin');
SELECT text FROM chunks('東京タワーに行きました。とても高かったです。', 14, 0, 'builtin');
SELECT text, n_tokens
  FROM chunks('한강은 서울을 지나 흐른다. 강을 건너는 다리가 많다. 밤에는 불이 켜진다!', 12, 4, 'builtin');

-- Without a size: what the model reads, [CLS] and [SEP] not counted.
SELECT chunk, n_tokens, token_count(text) FROM chunks(replace(printf('%.*c', 100, 'x'), 'x', 'the '));
SELECT count(*) FROM chunks('the fox', NULL, NULL);
SELECT max_tokens FROM encoder_models WHERE name = 'tiny';

-- start and end are bytes; nothing but white space is left out, NUL and bad bytes included.
SELECT start, "end", hex(text), n_tokens FROM chunks('  the' || char(0) || ' ' || CAST(x'ff' AS TEXT) || ' fox ', 1);
WITH t(x) AS (VALUES('the fox. 서울은 밤! 你好。 a'))
SELECT count(*), min(CAST(substr(CAST(x AS BLOB), start + 1, "end" - start) AS TEXT) = text) FROM t, chunks(x, 3);
SELECT sum("end" - start), max(n_tokens) FROM chunks(printf('%.*c', 100000, 'a'), 4);

-- Nothing.
SELECT count(*) FROM chunks('');
SELECT count(*) FROM chunks('  ' || char(9, 10, 13, 160, 0x3000));
SELECT count(*) FROM chunks(NULL);
SELECT text FROM chunks(42);

-- Joined.
CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT);
INSERT INTO docs(body) VALUES ('the fox jumps. the dog'), (NULL), (''), ('a');
SELECT docs.id, chunk, text FROM docs, chunks(docs.body, 4);
SELECT id, chunk, text FROM docs LEFT JOIN chunks(body, 4);
SELECT document, size, overlap, model, rowid, text FROM chunks('a fox', 1, 0, 'tiny');
CREATE VIEW pieces AS SELECT id, text FROM docs, chunks(body, 4);
SELECT * FROM pieces;

-- What is refused.
SELECT * FROM chunks;
SELECT * FROM chunks('a', 0);
SELECT * FROM chunks('a', 'x');
SELECT * FROM chunks('a', 2, 2);
SELECT * FROM chunks('a', 1, 1);
SELECT * FROM chunks('a', 2, -1);
SELECT * FROM chunks('a', NULL, 46);
SELECT * FROM chunks(x'00');
SELECT * FROM chunks('a', 2, 1, 'none');
SELECT * FROM chunks('a', 2, 1, NULL);
SELECT encoder_config('max_text_bytes', 10);
SELECT * FROM chunks('the fox jumps');
