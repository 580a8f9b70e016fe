-- What: trains the built-in Korean + English model from nothing, in two steps.
-- Needs: build/encoder.so (make), ../shared/data (corpora and labelled pairs, as .xz and .tsv),
--        xz, and about two hours of two cores. Run: OPENBLAS_NUM_THREADS=1 sqlite3 build/train.db <sql/train_model.sql
-- Shows: how many texts and pairs there are, a line a minute in the log, and what was learnt.
.load build/encoder
.bail on
PRAGMA journal_mode = OFF;

-- 1. Articles: a title line "# ...", one paragraph a line, an empty line between two.
CREATE TABLE IF NOT EXISTS line(n INTEGER PRIMARY KEY, language TEXT, text TEXT);
CREATE TEMP TABLE en(text TEXT);
CREATE TEMP TABLE ko(text TEXT);
.mode ascii
.separator "\037" "\n"
.import '|xz -dc ../shared/data/corpus/enwiki.txt.xz' en
.import '|xz -dc ../shared/data/corpus/kowiki.txt.xz' ko
CREATE TABLE article AS
  SELECT language, article, group_concat(text, char(10)) || char(10) AS text, title
    FROM (SELECT 'en' AS language, rowid, text,
                 sum(text LIKE '# %') OVER (ORDER BY rowid) AS article,
                 NULL AS title FROM en WHERE text <> ''
          UNION ALL
          SELECT 'ko', rowid, text, sum(text LIKE '# %') OVER (ORDER BY rowid), NULL
            FROM ko WHERE text <> '')
   GROUP BY language, article ORDER BY language, article;
