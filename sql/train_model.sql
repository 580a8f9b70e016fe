-- What: trains the built-in Korean + English model from nothing, by the code in engine/learn.
-- Needs: ../shared/data (corpus/*.xz, eval/*-train.tsv), xz, build/encoder.so, two cores for hours.
-- Shows: what was read, and what the model is. Run from the project's root with
--   OPENBLAS_NUM_THREADS=1 sqlite3 build/train.db <sql/train_model.sql
-- A run that was stopped goes on from build/*.ckpt. engine/model/BUILTIN.md tells how the
-- shipped weights were made with these options; the data is described there as well.
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
.mode tabs
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

-- English and Korean in turn, by bytes, the first 100 MB of each.
UPDATE article SET bytes_before = before FROM (
  SELECT language AS l, n AS i, sum(length(CAST(text AS BLOB))) OVER (
           PARTITION BY language ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM article) WHERE language = l AND n = i;
