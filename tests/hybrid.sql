-- What a search by words, by meaning and by both finds on two sets, as lines of a table. Run
-- by make quality in the folder that holds eval/.
.mode ascii
.separator "\t" "\n"
CREATE TABLE passage(id, text);
CREATE TABLE question(id, text, passage, at, answer);
CREATE TABLE abstract(id, title, text);
CREATE TABLE query(id, text);
CREATE TABLE grade(query INTEGER, abstract INTEGER, grade INTEGER);
CREATE INDEX grade_query ON grade(query, abstract);
.import --skip 1 eval/xquad-en-passages.tsv passage
.import --skip 1 eval/xquad-en-questions.tsv question
.import --skip 1 eval/cranfield-docs.tsv abstract
.import --skip 1 eval/cranfield-queries.tsv query
.import --skip 1 eval/cranfield-qrels.tsv grade
CREATE VIRTUAL TABLE x USING similarity(text, hybrid=1);
INSERT INTO x(rowid, text) SELECT id + 0, text FROM passage;
CREATE VIRTUAL TABLE c USING similarity(text, hybrid=1);
INSERT INTO c(rowid, text) SELECT id + 0, text FROM abstract;
CREATE TABLE found AS
  SELECT 'x' AS source, q.id + 0 AS q, x.rowid AS id, x.rank AS place, x.lexical_rank AS lexical,
         x.semantic_rank AS semantic, x.rowid = q.passage + 0 AS is_right
    FROM question AS q JOIN x ON x.query = q.text AND x.k = 240;
INSERT INTO found
  SELECT 'c', q.id + 0, c.rowid, c.rank, c.lexical_rank, c.semantic_rank,
         EXISTS (SELECT 1 FROM grade AS g WHERE g.query = q.id + 0
                    AND g.abstract = c.rowid AND g.grade > 0)
    FROM query AS q JOIN c ON c.query = q.text AND c.k = 1400;
.mode list
.separator " | " "\n"
SELECT 'XQuAD en, question to passage, recall@1',
       'words ' || round(avg(words), 4), 'meaning ' || round(avg(meaning), 4),
       'both ' || round(avg(fused), 4)
  FROM (SELECT max(is_right AND lexical IS 1) AS words, max(is_right AND semantic = 1) AS meaning,
               max(is_right AND place = 1) AS fused FROM found WHERE source = 'x' GROUP BY q);
WITH best AS (
  SELECT q, sum(CASE WHEN is_right AND lexical <= 10 THEN 1 / log2(lexical + 1) END) AS words,
         sum(CASE WHEN is_right AND semantic <= 10 THEN 1 / log2(semantic + 1) END) AS meaning,
         sum(CASE WHEN is_right AND place <= 10 THEN 1 / log2(place + 1) END) AS fused,
         (WITH RECURSIVE i(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM i WHERE i < 10)
          SELECT sum(1 / log2(i + 1)) FROM i
           WHERE i <= (SELECT count(*) FROM grade AS g WHERE g.query = found.q AND g.grade > 0)
         ) AS ideal
    FROM found WHERE source = 'c' GROUP BY q)
SELECT 'Cranfield, nDCG@10', 'words ' || round(avg(coalesce(words / ideal, 0)), 4),
       'meaning ' || round(avg(coalesce(meaning / ideal, 0)), 4),
       'both ' || round(avg(coalesce(fused / ideal, 0)), 4) FROM best;
