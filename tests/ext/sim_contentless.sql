-- content='': no text is kept, only what finds it.
CREATE VIRTUAL TABLE c USING similarity(title, body, n INTEGER UNINDEXED, content='');
INSERT INTO c(rowid, title, body, n) VALUES(1, 'Kettle', 'boil water for tea', 10), (2, 'Dog', 'a pet that barks', 20), (3, NULL, NULL, 30);
SELECT rowid, title, body, n FROM c;
SELECT rowid, title, n FROM c WHERE c MATCH 'boil water for tea';
SELECT rowid FROM c WHERE c MATCH 'a pet that barks' AND n < 20 AND k = 1;
SELECT passage(c) FROM c('water', 1);
SELECT chunk_start, chunk_end FROM c('boil water for tea', 1);
SELECT name FROM pragma_table_info('c_content');

-- UPDATE sets all texts or none.
UPDATE c SET n = 11 WHERE rowid = 1;
UPDATE c SET title = 'half' WHERE rowid = 1;
UPDATE c SET title = 'Snow', body = 'it melts in spring' WHERE rowid = 1;
SELECT rowid, n FROM c WHERE c MATCH 'it melts in spring' AND k = 1;
UPDATE c SET rowid = 5 WHERE rowid = 2;
SELECT rowid, n FROM c WHERE c MATCH 'a pet that barks' AND k = 1;
UPDATE c SET title = NULL, body = NULL WHERE rowid = 5;
SELECT count(*), (SELECT count(*) FROM c) FROM c('dog');
REPLACE INTO c(rowid, title) VALUES(5, 'a cat');
INSERT OR IGNORE INTO c(rowid, title) VALUES(5, 'a mouse');
SELECT rowid, n FROM c WHERE c MATCH 'a cat' AND k = 1;
DELETE FROM c WHERE rowid = 1;
SELECT group_concat(rowid) FROM c;
INSERT INTO c(c) VALUES('integrity-check');

-- What cannot be done without the texts.
INSERT INTO c(c) VALUES('rebuild');
INSERT INTO c(c) VALUES('reembed');
INSERT INTO c(c) VALUES('triggers');
INSERT INTO c(c) VALUES('delete-all');
SELECT count(*) FROM c;
INSERT INTO c(title, body) VALUES('one', 'two');
SELECT rowid FROM c('one');
INSERT INTO c(c) VALUES('optimize');

-- Hybrid and chunked.
CREATE VIRTUAL TABLE h USING similarity(body, content='', hybrid=1, chunk=8);
INSERT INTO h(rowid, body) VALUES(7, 'The kettle boils water for tea every morning. The dog barks at the postman.'), (8, 'Interest rates rise.');
SELECT rowid FROM h WHERE h MATCH 'postman' LIMIT 1;
SELECT count(*) FROM h_fts WHERE h_fts MATCH 'postman';
SELECT text FROM h_fts;
UPDATE h SET body = 'nothing of the kind' WHERE rowid = 7;
SELECT count(*) FROM h_fts WHERE h_fts MATCH 'postman';
INSERT INTO h(h) VALUES('integrity-check');
DELETE FROM h;
SELECT count(*) FROM h_fts WHERE h_fts MATCH 'kind';

-- Vectors: they are kept, as they are the index.
CREATE VIRTUAL TABLE v USING similarity(e VECTOR(2), tag UNINDEXED, content='', metric=l2);
INSERT INTO v(e, tag) VALUES('[1, 1]', 'a'), ('[2, 2]', 'b');
SELECT rowid, vector_json(e), tag FROM v('[2, 2]');
UPDATE v SET tag = 'c' WHERE rowid = 1;
UPDATE v SET e = '[5, 5]' WHERE rowid = 1;
SELECT rowid, vector_json(e), tag FROM v('[5, 5]', 1);
INSERT INTO v(v) VALUES('rebuild');
INSERT INTO v(v) VALUES('integrity-check');
