-- The similarity table in a database whose texts are UTF-16.
PRAGMA encoding = 'UTF-16le';
CREATE TABLE docs(id INTEGER PRIMARY KEY, "제목" TEXT, body TEXT);
CREATE VIRTUAL TABLE s USING similarity("제목", body, content=docs, content_rowid=id, hybrid=1, chunk=8);
INSERT INTO s(s) VALUES('triggers');
INSERT INTO docs("제목", body) VALUES('공지', '내일 학교에서 회의가 있습니다'), ('Kettle', 'how to boil water 😀'), (NULL, '');
SELECT rowid, "제목", body FROM s;
SELECT rowid FROM s WHERE s MATCH 'boil water 😀' AND k = 1;
SELECT rowid, instr(passage(s), '회의') > 0 FROM s WHERE s MATCH '회의' AND lexical_rank = 1;
SELECT rowid FROM s WHERE query = '내일 학교에서 회의가 있습니다' AND k = 1;
UPDATE docs SET body = '김치찌개' WHERE id = 1;
SELECT rowid FROM s WHERE s MATCH '김치찌개' AND lexical_rank = 1;
INSERT INTO s(s) VALUES('integrity-check');
INSERT INTO s(s) VALUES('nonsense 공');
CREATE VIRTUAL TABLE v USING similarity(e VECTOR(2), n TEXT UNINDEXED, metric=l2);
INSERT INTO v(e, n) VALUES('[1, 1]', '하나'), ('[2, 2]', '둘');
SELECT rowid, n FROM v WHERE v MATCH '[2, 2]' AND n = '하나';
SELECT rowid, n FROM v WHERE v MATCH '[2, 2]' AND n IN ('하나', '둘') AND k = 1;
SELECT rowid, n FROM v WHERE v MATCH '[2, 2]' AND n LIKE '하%';
INSERT INTO v(v) VALUES('integrity-check');

-- What UTF-16 cannot keep, U+FFFE and a mark of the byte order in front, is no damage.
CREATE VIRTUAL TABLE odd USING similarity(body, hybrid=1);
INSERT INTO odd(rowid, body) VALUES(1, 'zebra ' || CAST(x'FEFF' AS TEXT) || ' crossing'), (2, CAST(x'FFFE7A00650062007200' AS TEXT) || 'a'),
  (3, CAST(x'FFFF' AS TEXT));
INSERT INTO odd(odd) VALUES('integrity-check');
INSERT INTO odd(odd) VALUES('rebuild');
SELECT encoded, unchanged FROM similarity_stats('odd');
INSERT INTO odd(odd) VALUES('integrity-check');
CREATE TABLE strange(id INTEGER PRIMARY KEY, body TEXT);
INSERT INTO strange VALUES(1, 'zebra ' || CAST(x'FEFF' AS TEXT)), (2, CAST(x'FFFE7A00' AS TEXT));
CREATE VIRTUAL TABLE odd_sim USING similarity(body, content='strange', content_rowid='id', hybrid=1);
INSERT INTO odd_sim(odd_sim) VALUES('rebuild');
INSERT INTO odd_sim(odd_sim) VALUES('integrity-check');
