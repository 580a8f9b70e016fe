-- What: trains the built-in Korean + English model from nothing, by the code in engine/learn.
-- Needs: ../shared/data (corpus/*.xz, eval/*-train.tsv), xz, build/encoder.so, two cores for hours.
-- Shows: what was read, and what the model is. Run from the project's root with
--   OPENBLAS_NUM_THREADS=1 sqlite3 build/train.db <sql/train_model.sql
-- A run that was stopped goes on from build/*.ckpt. engine/model/BUILTIN.md describes the
-- data and tells where the runs that made the shipped weights departed from this script.
.load build/encoder
.bail on
.log stderr
PRAGMA journal_mode = off;

-- Running text: one row an article, title line first, as pretrain() wants it.
CREATE TABLE en(text TEXT);
CREATE TABLE ko(text TEXT);
.mode ascii
.separator "\037" "\n"
.import '|xz -dc ../shared/data/corpus/enwiki.txt.xz' en
.import '|xz -dc ../shared/data/corpus/kowiki.txt.xz' ko
CREATE TABLE article(language TEXT, n INT, text TEXT, bytes_before INT, PRIMARY KEY (language, n));
INSERT INTO article(language, n, text)
  SELECT language, n, group_concat(text, char(10)) || char(10) FROM (
    SELECT 'en' AS language, text, sum(text LIKE '# %') OVER (ORDER BY rowid) AS n FROM en
    UNION ALL
    SELECT 'ko', text, sum(text LIKE '# %') OVER (ORDER BY rowid) FROM ko)
   WHERE text <> '' GROUP BY language, n;

-- Articles that hold a sentence of an evaluation passage are not for training.
CREATE TABLE passage(id, text);
.separator "\t" "\n"
.import --skip 1 ../shared/data/eval/xquad-en-passages.tsv passage
CREATE TABLE sentence AS
  WITH RECURSIVE cut(rest, sentence) AS (
    SELECT text || ' ', NULL FROM passage
    UNION ALL
    SELECT substr(rest, instr(rest, '. ') + 2), substr(rest, 1, instr(rest, '. ') - 1)
      FROM cut WHERE instr(rest, '. ') > 0)
  SELECT DISTINCT substr(sentence, 1, 80) AS text FROM cut WHERE length(sentence) >= 50;
DELETE FROM article WHERE language = 'en'
   AND EXISTS (SELECT 1 FROM sentence WHERE instr(article.text, sentence.text) > 0);

-- English and Korean in turn, by bytes.
UPDATE article SET bytes_before = before FROM (
  SELECT language AS l, n AS i, sum(length(CAST(text AS BLOB))) OVER (
           PARTITION BY language ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM article) WHERE language = l AND n = i;

-- BERT from nothing: masked words, next sentence, and pairs that articles give by themselves.
CREATE TABLE IF NOT EXISTS model(step TEXT PRIMARY KEY, blob BLOB);
INSERT INTO model SELECT 'pretrained', pretrain(text, '{"steps": 5500, "batch_tokens": 4096, "max_tokens": 128, "mask_rate": 0.25,
    "batch_pairs": 32, "pair_tokens": 32, "contrast_from": 0.25, "weight_nsp": 0.5,
    "learning_rate": 3.5e-4, "warmup": 0.03, "vocab_bytes": 80000000, "hold_out": true,
    "checkpoint": "build/pretrain.ckpt"}')
  FROM (SELECT text FROM article WHERE coalesce(bytes_before, 0) < 100000000
         ORDER BY coalesce(bytes_before, 0), language);

-- Labelled pairs. pair(a, b, score): score in 0..1, or NULL for "these belong together". The
-- scale is that of STS-B divided by five: 0.4 "not equivalent but share details", 0.2 "same
-- topic". So kornli's neutral is 0.4 and its contradiction 0.2, and its entailments belong
-- together. In question-pair-ko label 0 is the pair that means the same (overlap of letter
-- pairs 0.45, against 0.05 under label 1), whatever the column's name says.
CREATE TABLE stsb(score, a, b);
CREATE TABLE korsts(score, a, b);
CREATE TABLE stsb_dev(score, a, b);
CREATE TABLE korsts_dev(score, a, b);
CREATE TABLE kornli(label, a, b);
CREATE TABLE qpair(label, a, b);
CREATE TABLE kqc(intent, topic, text);
CREATE TABLE banking(label, text);
CREATE TABLE i4k(label, text);
CREATE TABLE nsmc(label, text);
CREATE TABLE test_text(label, text);
CREATE TABLE xq(id, question, passage, at, answer);
.import --skip 1 ../shared/data/eval/stsb-en-train.tsv stsb
.import --skip 1 ../shared/data/eval/korsts-train.tsv korsts
.import --skip 1 ../shared/data/eval/stsb-en-dev.tsv stsb_dev
.import --skip 1 ../shared/data/eval/korsts-dev.tsv korsts_dev
.import --skip 1 ../shared/data/eval/kornli.tsv kornli
.import --skip 1 ../shared/data/eval/question-pair-ko-train.tsv qpair
.import ../shared/data/eval/paraKQC_v1.txt kqc
UPDATE kqc SET text = rtrim(text, char(13));
.import --skip 1 ../shared/data/eval/banking77-train.tsv banking
.import --skip 1 ../shared/data/eval/3i4k-train.tsv i4k
.import --skip 1 ../shared/data/eval/nsmc-train.tsv nsmc
.import --skip 1 ../shared/data/eval/banking77-test.tsv test_text
.import --skip 1 ../shared/data/eval/3i4k-test.tsv test_text
.import --skip 1 ../shared/data/eval/nsmc-test.tsv test_text
.import --skip 1 ../shared/data/eval/agnews-test.tsv test_text
.import --skip 1 ../shared/data/eval/cranfield-queries.tsv test_text
.import --skip 1 ../shared/data/eval/xquad-en-questions.tsv xq

-- What must not be trained on. Two texts are one if they differ in case, outer blanks or
-- closing stops only. Of the dev files, the translation of a dev sentence is out as well.
CREATE TABLE held(key text PRIMARY key) WITHOUT rowid;
INSERT OR IGNORE INTO held
  SELECT lower(trim(rtrim(trim(text), '.!? '))) FROM (
    SELECT a AS text FROM stsb_dev UNION SELECT b FROM stsb_dev
    UNION SELECT a FROM korsts_dev UNION SELECT b FROM korsts_dev
    UNION SELECT text FROM test_text UNION SELECT question FROM xq
    UNION SELECT text FROM passage);

CREATE TABLE pair(source text, a text, b text, score real, is_held int);

-- Row n of korsts is row n of stsb in Korean: each such row gives both languages, both
-- crossings with the same score, and two translations. One held sentence holds them all.
CREATE TEMP VIEW sts AS
  SELECT s.score / 5.0 AS score, s.a AS ea, s.b AS eb, k.a AS ka, k.b AS kb,
         EXISTS (SELECT 1 FROM held WHERE key IN
           (lower(trim(rtrim(trim(s.a), '.!? '))), lower(trim(rtrim(trim(s.b), '.!? '))),
            lower(trim(rtrim(trim(k.a), '.!? '))), lower(trim(rtrim(trim(k.b), '.!? '))))) AS is_held
  FROM stsb s JOIN korsts k ON k.rowid = s.rowid;
INSERT INTO pair SELECT 'sts en', ea, eb, score, is_held FROM sts;
INSERT INTO pair SELECT 'sts ko', ka, kb, score, is_held FROM sts;
INSERT INTO pair SELECT 'sts en-ko', ea, kb, score, is_held FROM sts;
INSERT INTO pair SELECT 'sts ko-en', ka, eb, score, is_held FROM sts;
INSERT INTO pair SELECT 'translation', e, k, NULL, max(h) FROM
  (SELECT ea AS e, ka AS k, is_held AS h FROM sts UNION ALL SELECT eb, kb, is_held FROM sts)
  GROUP BY e, k;

CREATE TEMP VIEW single AS
  SELECT 'kornli' AS source, a, b,
         CASE label WHEN 'entailment' THEN NULL WHEN 'neutral' THEN 0.4 ELSE 0.2 END AS score
    FROM kornli
  UNION ALL
  SELECT 'question-pair-ko', a, b, CASE label WHEN '0' THEN NULL ELSE 0.1 END
    FROM qpair WHERE a <> b
  UNION ALL
  -- paraKQC: ten lines are one group of paraphrases; each line with the next three of its ring
  SELECT 'paraKQC', x.text, y.text, NULL
    FROM kqc x, (SELECT 1 AS step UNION SELECT 2 UNION SELECT 3) s
    JOIN kqc y ON y.rowid = (x.rowid - 1) / 10 * 10 + (x.rowid - 1 + s.step) % 10 + 1
    WHERE x.text <> y.text;
INSERT INTO pair
  SELECT source, a, b, score,
         EXISTS (SELECT 1 FROM held WHERE key IN
           (lower(trim(rtrim(trim(a), '.!? '))), lower(trim(rtrim(trim(b), '.!? ')))))
  FROM single;

-- Rows of one label: each with the next of its label in a fixed shuffle. With 77 intents a
-- stranger is nearly always of another label, so those belong together. With 7 or 2 labels
-- it is not: those rows carry scores, 0.6 for one label and 0.2 for two.
CREATE TABLE label_pair(source text, a text, b text, score real, is_held int);
CREATE TEMP TABLE shuffled AS
  SELECT source, label, text,
         row_number() OVER (PARTITION BY source, label ORDER BY mix, id) AS in_label,
         row_number() OVER (PARTITION BY source ORDER BY mix, id) AS in_source
  FROM (SELECT source, label, text, id, (id * 2654435761) % 4294967296 AS mix FROM
    (SELECT 'banking77' AS source, label, text, rowid AS id FROM banking
     UNION ALL SELECT '3i4k', label, text, rowid FROM i4k
     UNION ALL SELECT 'nsmc', label, text, rowid FROM nsmc));
CREATE index TEMP.shuffled_label ON shuffled(source, label, in_label);
CREATE index TEMP.shuffled_source ON shuffled(source, in_source);
INSERT INTO label_pair
  SELECT x.source, x.text, y.text, CASE x.source WHEN 'banking77' THEN NULL ELSE 0.6 END,
         EXISTS (SELECT 1 FROM held WHERE key IN
           (lower(trim(rtrim(trim(x.text), '.!? '))), lower(trim(rtrim(trim(y.text), '.!? ')))))
  FROM shuffled x JOIN shuffled y ON y.source = x.source AND y.label = x.label
       AND y.in_label = x.in_label + 1
  WHERE x.text <> y.text;
INSERT INTO label_pair
  SELECT x.source, x.text, y.text, 0.2,
         EXISTS (SELECT 1 FROM held WHERE key IN
           (lower(trim(rtrim(trim(x.text), '.!? '))), lower(trim(rtrim(trim(y.text), '.!? ')))))
  FROM shuffled x JOIN shuffled y ON y.source = x.source AND y.in_source = x.in_source + 1
  WHERE x.source <> 'banking77' AND x.label <> y.label;

SELECT source, count(*) AS pairs, sum(is_held) AS dropped FROM pair GROUP BY source
UNION ALL SELECT source || ', labels', count(*), sum(is_held) FROM label_pair GROUP BY source;

-- What the pairs are drawn from: the similarity sets three times and translations twice, as
-- they are few; a third of paraKQC and of 3i4k, as those are many.
CREATE TEMP VIEW lesson AS
  SELECT a, b, score, p.rowid AS id FROM pair AS p, (SELECT 1 AS n UNION SELECT 2 UNION SELECT 3)
   WHERE NOT is_held AND n <= CASE WHEN source LIKE 'sts%' THEN 3 WHEN source = 'translation' THEN 2
                                   WHEN source = 'paraKQC' THEN p.rowid % 3 = 0 ELSE 1 END
  UNION ALL
  SELECT a, b, score, rowid FROM label_pair
   WHERE NOT is_held AND (source <> '3i4k' OR rowid % 3 = 0);

-- On from there: the same losses on articles, so that nothing is forgotten, and the pairs.
-- A step takes pairs of one kind: drawn from articles, graded by their common words,
-- belonging together, or scored.
SELECT encoder_load(blob, 'pretrained') FROM model WHERE step = 'pretrained';
INSERT INTO model SELECT 'tuned', fine_tune_pairs(a, b, score, '{"model": "pretrained",
    "steps": 5900, "batch_tokens": 2048, "max_tokens": 128, "mask_rate": 0.2,
    "batch_pairs": 64, "pair_tokens": 80, "weight_nsp": 0.5, "learning_rate": 3e-4,
    "warmup": 0.03, "seed": 11, "hold_out": true, "checkpoint": "build/tune.ckpt"}')
  FROM (SELECT text AS a, NULL AS b, NULL AS score, 0 AS part,
               coalesce(bytes_before, 0) AS place, language FROM article
        UNION ALL
        SELECT a, b, score, 1, id * 2654435761 % 4294967296, '' FROM lesson
         ORDER BY part, place, language);

-- And to the end with less text and more weight on scores.
SELECT encoder_load(blob, 'tuned') FROM model WHERE step = 'tuned';
INSERT INTO model SELECT 'finished', fine_tune_pairs(a, b, score, '{"model": "tuned",
    "steps": 1100, "batch_tokens": 1024, "max_tokens": 128, "mask_rate": 0.15,
    "batch_pairs": 64, "pair_tokens": 72, "weight_nsp": 0.5, "weight_score": 1.5,
    "learning_rate": 1.5e-4, "warmup": 0.03, "seed": 12, "hold_out": true,
    "checkpoint": "build/finish.ckpt", "precision": "int8"}')
  FROM (SELECT text AS a, NULL AS b, NULL AS score, 0 AS part,
               coalesce(bytes_before, 0) AS place, language FROM article
         WHERE coalesce(bytes_before, 0) < 60000000
        UNION ALL
        SELECT a, b, score, 1, id * 2654435761 % 4294967296, '' FROM lesson
         ORDER BY part, place, language);

-- int8 with a scale a row: what is compiled in.
SELECT writefile('build/builtin.safetensors', blob) FROM model WHERE step = 'finished';
