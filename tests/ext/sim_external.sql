-- content=: the texts stay in the user's own table, and triggers keep the index in step.
CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT UNIQUE, body TEXT, price REAL);
INSERT INTO docs VALUES(1, 'Kettle', 'boil water for tea', 20), (2, 'Dog', 'a pet that barks', 300);
CREATE VIRTUAL TABLE s USING similarity(title, body, price REAL UNINDEXED, content='docs', content_rowid='id');
SELECT count(*) FROM s;
INSERT INTO s(s) VALUES('integrity-check');
INSERT INTO s(s) VALUES('rebuild');
INSERT INTO s(s) VALUES('integrity-check');
SELECT rowid, title, body, price FROM s;
SELECT rowid, title FROM s WHERE s MATCH 'boil water for tea' AND k = 1;
SELECT name FROM sqlite_schema WHERE type = 'trigger';
INSERT INTO s(s) VALUES('triggers');
INSERT INTO s(s) VALUES('triggers');
SELECT name, tbl_name FROM sqlite_schema WHERE type = 'trigger';
SELECT sql FROM sqlite_schema WHERE type = 'trigger';

-- INSERT, UPDATE, DELETE of the user's table; the key too.
INSERT INTO docs(title, body, price) VALUES('Loan', 'interest rates of a bank', 1.5);
SELECT last_insert_rowid();
SELECT rowid FROM s WHERE s MATCH 'interest rates of a bank' AND k = 1;
UPDATE docs SET body = 'snow and ice in winter' WHERE id = 3;
SELECT last_insert_rowid();
SELECT rowid FROM s WHERE s MATCH 'snow and ice in winter' AND k = 1;
UPDATE docs SET id = 30 WHERE id = 3;
SELECT rowid, title FROM s WHERE s MATCH 'snow and ice in winter' AND k = 1;
UPDATE docs SET id = id + 100, price = price * 2;
SELECT rowid, title, price FROM s;
SELECT rowid FROM s WHERE s MATCH 'snow and ice in winter' AND k = 1;
DELETE FROM docs WHERE id = 130;
SELECT rowid FROM s WHERE s MATCH 'snow and ice in winter';
UPDATE docs SET title = NULL, body = NULL WHERE id = 101;
SELECT rowid FROM s WHERE s MATCH 'boil water';
SELECT rowid, title FROM s;
UPDATE docs SET title = 'Kettle', body = 'boil water for tea' WHERE id = 101;
INSERT INTO s(s) VALUES('integrity-check');

-- Conflicts of the user's table.
INSERT OR IGNORE INTO docs VALUES(101, 'ignored', 'by key', 0), (103, 'Dog', 'by title', 0), (104, 'Cat', 'it meows', 5);
SELECT rowid, title FROM s;
INSERT OR REPLACE INTO docs VALUES(104, 'Lion', 'it roars in the desert', 6);
SELECT rowid, title FROM s WHERE s MATCH 'it roars in the desert' AND k = 1;
INSERT INTO docs VALUES(104, 'upsert', 'a goldfish', 7) ON CONFLICT(id) DO UPDATE SET title = excluded.title, body = excluded.body;
SELECT rowid, title FROM s WHERE s MATCH 'a goldfish' AND k = 1;
INSERT OR FAIL INTO docs VALUES(105, 'five', 'first', 1), (104, 'taken', 'second', 1), (106, 'six', 'third', 1);
SELECT group_concat(rowid) FROM s;
BEGIN;
INSERT OR ROLLBACK INTO docs VALUES(107, 'seven', 'first', 1), (104, 'taken', 'second', 1);
SELECT group_concat(rowid) FROM s;
INSERT INTO s(s) VALUES('integrity-check');

-- REPLACE that removes another row by its title: SQLite fires its delete trigger only with recursive_triggers.
REPLACE INTO docs VALUES(108, 'Dog', 'the new dog', 1);
INSERT INTO s(s) VALUES('integrity-check');
INSERT INTO s(s) VALUES('rebuild');
INSERT INTO s(s) VALUES('integrity-check');
PRAGMA recursive_triggers = 1;
REPLACE INTO docs VALUES(109, 'Dog', 'the newest dog', 1);
INSERT INTO s(s) VALUES('integrity-check');
REPLACE INTO docs VALUES(109, 'Dog', 'the very newest dog', 1);
INSERT INTO s(s) VALUES('integrity-check');
PRAGMA recursive_triggers = 0;
SELECT rowid, body FROM s WHERE s MATCH 'the very newest dog' AND k = 1;

-- Rolled back, and failed.
BEGIN;
UPDATE docs SET body = 'gone' WHERE id = 109;
DELETE FROM docs WHERE id = 101;
SELECT count(*) FROM s WHERE s MATCH 'gone';
ROLLBACK;
SELECT count(*) FROM s WHERE s MATCH 'gone';
SELECT rowid FROM s WHERE s MATCH 'the very newest dog' AND k = 1;
INSERT INTO docs(title, body) VALUES('blob', x'00');
SELECT count(*) FROM docs WHERE title = 'blob';
INSERT INTO docs(title, body) VALUES('fine', 'a text'), ('blob', x'00');
SELECT count(*) FROM docs WHERE title IN ('fine', 'blob');

-- Without trust in the schema, and defensive.
PRAGMA trusted_schema = OFF;
INSERT INTO docs(id, title, body) VALUES(200, 'Trust', 'is good, control is better');
UPDATE docs SET title = 'Control' WHERE id = 200;
SELECT rowid, title FROM s WHERE s MATCH 'control is better' AND k = 1;
DELETE FROM docs WHERE id = 200;
CREATE VIEW found AS SELECT rowid AS id, title FROM s('kettle', 1);
SELECT * FROM found;
PRAGMA trusted_schema = ON;
INSERT INTO s(s) VALUES('integrity-check');

-- Filters are read in the user's table.
UPDATE docs SET price = id - 100;
SELECT rowid FROM s WHERE s MATCH 'kettle' AND price < 5 AND k = 2 ORDER BY rowid;
SELECT rowid FROM s WHERE s MATCH 'a text' AND price = '9' AND k = 1;
SELECT rowid FROM s WHERE s MATCH 'a text' AND price IN ('9', 8) AND k = 1;
SELECT rowid FROM s WHERE s MATCH 'a text' AND price > '8' AND k = 1;
SELECT rowid, price FROM s WHERE price = '9';

-- Rows the index has missed heal at their next UPDATE, or all at 'rebuild'.
DROP TRIGGER s_ai;
DROP TRIGGER s_ad;
INSERT INTO docs(id, title, body) VALUES(300, 'Missed', 'a row without trigger'), (301, 'Missed too', 'another');
DELETE FROM docs WHERE id = 104;
INSERT INTO s(s) VALUES('integrity-check');
UPDATE docs SET body = 'a row that heals' WHERE id = 300;
SELECT rowid FROM s WHERE s MATCH 'a row that heals' AND k = 1;
SELECT rowid, title FROM s WHERE rowid = 104;
INSERT INTO s(s) VALUES('integrity-check');
DROP TRIGGER s_au;
UPDATE docs SET body = 'stale' WHERE id = 101;
INSERT INTO s(s) VALUES('rebuild');
INSERT INTO s(s) VALUES('integrity-check');
SELECT group_concat(rowid) FROM s;
UPDATE docs SET body = 'really stale' WHERE id = 101;
INSERT INTO s(s) VALUES('integrity-check');
INSERT INTO s(s) VALUES('triggers');
INSERT INTO s(s) VALUES('rebuild');
INSERT INTO s(s) VALUES('integrity-check');

-- By hand, as triggers do; what is written need not be what the table holds, and is found out.
INSERT INTO s(rowid, title, body) VALUES(900, 'nowhere', 'in the table');
SELECT rowid, title FROM s WHERE s MATCH 'nowhere in the table' AND k = 1;
INSERT INTO s(s) VALUES('integrity-check');
DELETE FROM s WHERE rowid = 900;
INSERT INTO s(s) VALUES('integrity-check');
UPDATE s SET rowid = 901 WHERE rowid = 101;
INSERT INTO s(s) VALUES('integrity-check');
INSERT INTO s(s) VALUES('delete-all');
SELECT count(*), (SELECT count(*) > 0 FROM docs) FROM s;
INSERT INTO s(s) VALUES('rebuild');
INSERT INTO s(s) VALUES('integrity-check');

-- The content table goes, changes, comes back.
ALTER TABLE docs RENAME COLUMN body TO text;
SELECT rowid, body FROM s;
INSERT INTO s(s) VALUES('rebuild');
ALTER TABLE docs RENAME COLUMN text TO body;
ALTER TABLE docs RENAME TO papers;
SELECT count(*) FROM s;
SELECT count(*) FROM s('kettle');
SELECT title FROM s('kettle');
INSERT INTO s(s) VALUES('integrity-check');
ALTER TABLE papers RENAME TO docs;
INSERT INTO s(s) VALUES('integrity-check');
INSERT INTO docs(id, title) VALUES(400, 'after all of it');
SELECT rowid FROM s WHERE s MATCH 'after all of it' AND k = 1;

-- A key that is text is no key.
CREATE TABLE named(name TEXT PRIMARY KEY, body TEXT);
INSERT INTO named VALUES('a', 'one'), ('b', 'two');
CREATE VIRTUAL TABLE n USING similarity(body, content=named, content_rowid=name);
INSERT INTO n(n) VALUES('rebuild');
DROP TABLE n;
CREATE VIRTUAL TABLE n USING similarity(name UNINDEXED, body, content=named);
ALTER TABLE named RENAME TO unnumbered;
CREATE TABLE named(id INTEGER PRIMARY KEY, name TEXT, body TEXT);
INSERT INTO named(name, body) SELECT * FROM unnumbered;
CREATE VIRTUAL TABLE n USING similarity(name UNINDEXED, body, content=named);
INSERT INTO n(n) VALUES('rebuild');
INSERT INTO n(n) VALUES('triggers');
INSERT INTO named(name, body) VALUES('c', 'three');
SELECT rowid, name FROM n WHERE n MATCH 'three' AND k = 1;
INSERT INTO n(n) VALUES('integrity-check');
DROP TABLE n;
SELECT count(*) FROM sqlite_schema WHERE name GLOB 'n_*';
INSERT INTO named(name, body) VALUES('d', 'no trigger is left');

-- What cannot be content says why, before a trigger would make it unwritable: a table
-- WITHOUT ROWID whose key is not named, or is no number; one that lacks a column, as the
-- tables that a similarity table keeps do; a table that is not there, or in another
-- database. One WITHOUT ROWID does where its key is a number.
CREATE TABLE keyed(name TEXT PRIMARY KEY, id INTEGER, body TEXT) WITHOUT ROWID;
INSERT INTO keyed VALUES('a', 7, 'the kettle boils');
CREATE VIRTUAL TABLE n USING similarity(body, content=keyed);
INSERT INTO keyed VALUES('b', 8, 'a dog barks');
CREATE VIRTUAL TABLE n USING similarity(body, content=keyed, content_rowid=name);
INSERT INTO n(n) VALUES('rebuild');
DROP TABLE n;
CREATE VIRTUAL TABLE n USING similarity(body, content=keyed, content_rowid=id);
INSERT INTO n(n) VALUES('triggers');
INSERT INTO n(n) VALUES('rebuild');
INSERT INTO keyed VALUES('c', 9, 'the snow melts');
SELECT rowid, body FROM n WHERE n MATCH 'the snow melts' AND k = 1;
INSERT INTO n(n) VALUES('integrity-check');
DROP TABLE n;
CREATE VIRTUAL TABLE n USING similarity(body, content=s_doc, content_rowid=id);
ATTACH ':memory:' AS other;
CREATE TABLE other.away(id INTEGER PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE n USING similarity(body, content=away);
CREATE VIRTUAL TABLE n USING similarity(body, content='other.away');
-- A virtual table is content like a view.
CREATE VIRTUAL TABLE pages USING fts5(body);
INSERT INTO pages VALUES('a page of a book');
CREATE VIRTUAL TABLE n USING similarity(body, content=pages);
INSERT INTO n(n) VALUES('rebuild');
SELECT rowid, body FROM n('book');
INSERT INTO n(n) VALUES('triggers');
DROP TABLE n;

-- A view as content: no triggers, but 'rebuild'.
CREATE TABLE parts(id INTEGER PRIMARY KEY, a TEXT, b TEXT);
INSERT INTO parts VALUES(1, 'the kettle', 'boils'), (2, 'a dog', 'barks');
CREATE VIEW whole AS SELECT id, a || ' ' || b AS body FROM parts;
CREATE VIRTUAL TABLE w USING similarity(body, content=whole, content_rowid=id);
INSERT INTO w(w) VALUES('rebuild');
SELECT rowid, body FROM w WHERE w MATCH 'a dog barks' AND k = 1;
INSERT INTO parts VALUES(3, 'the snow', 'melts');
INSERT INTO w(w) VALUES('integrity-check');
INSERT INTO w(w) VALUES('rebuild');
SELECT rowid, body FROM w WHERE w MATCH 'the snow melts' AND k = 1;
INSERT INTO w(w) VALUES('triggers');

-- Vectors in the user's table.
CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT, e BLOB);
CREATE VIRTUAL TABLE i USING similarity(e VECTOR(2), name TEXT UNINDEXED, content=items, content_rowid=id, metric=l2);
INSERT INTO i(i) VALUES('triggers');
INSERT INTO items(name, e) VALUES('a', vector('[1, 1]')), ('b', '[2, 2]'), ('none', NULL);
SELECT rowid, name, vector_json(e) FROM i WHERE i MATCH '[2, 2]';
UPDATE items SET e = '[9, 9]' WHERE name = 'a';
UPDATE items SET name = 'c' WHERE name = 'b';
SELECT rowid, name, distance FROM i WHERE i MATCH '[2, 2]' AND name >= 'b' AND k = 1;
INSERT INTO items(name, e) VALUES('bad', '[1]');
INSERT INTO i(i) VALUES('delete-all');
INSERT INTO i(i) VALUES('rebuild');
SELECT rowid, name FROM i('[9, 9]');
INSERT INTO i(i) VALUES('integrity-check');

-- A similarity table on one of another kind, and odd names.
CREATE TABLE "odd ""t'"("the key" INTEGER PRIMARY KEY, "a ""b" TEXT);
CREATE VIRTUAL TABLE "o ""s'" USING similarity("a ""b", content="odd ""t'", content_rowid="the key");
INSERT INTO "o ""s'"("o ""s'") VALUES('triggers');
INSERT INTO "odd ""t'" VALUES(5, 'the kettle');
UPDATE "odd ""t'" SET "the key" = 6;
SELECT rowid, "a ""b" FROM "o ""s'"('kettle');
DROP TABLE "o ""s'";
DELETE FROM "odd ""t'";

-- A text of a test stays a text where the column has no type.
CREATE TABLE untyped(id INTEGER PRIMARY KEY, e, d);
CREATE VIRTUAL TABLE untyped_sim USING similarity(
  e VECTOR(1), d UNINDEXED, metric=dot, content='untyped', content_rowid='id');
INSERT INTO untyped_sim(untyped_sim) VALUES('triggers');
INSERT INTO untyped VALUES(1, '[5]', 4.0), (2, '[4]', 'red');
SELECT rowid FROM untyped_sim WHERE untyped_sim MATCH '[1]' AND k = 1 AND d > '3';

-- A view has no rowid; with another key it is content.
CREATE TABLE under(id INTEGER PRIMARY KEY, a);
INSERT INTO under VALUES(7, 'a cat');
CREATE VIEW above AS SELECT id, a FROM under;
CREATE VIRTUAL TABLE va USING similarity(a, content=above);
CREATE VIRTUAL TABLE va USING similarity(a, content=above, content_rowid=id);
INSERT INTO va(va) VALUES('rebuild');
SELECT rowid, a FROM va('cat');
INSERT INTO va(va) VALUES('integrity-check');

-- A row that SQLite replaced without telling gives its key back to the next.
CREATE TABLE sheet(id INTEGER PRIMARY KEY, url UNIQUE, body);
CREATE VIRTUAL TABLE leaf USING similarity(body, content=sheet);
INSERT INTO leaf(leaf) VALUES('triggers');
INSERT INTO sheet(url, body) VALUES('a', 'a cat'), ('b', 'a dog');
INSERT OR REPLACE INTO sheet(url, body) VALUES('b', 'the sea');
INSERT INTO leaf(leaf) VALUES('integrity-check');
INSERT INTO sheet VALUES(2, 'c', 'the moon');
SELECT rowid, body FROM leaf('moon') LIMIT 1;
INSERT INTO leaf(leaf) VALUES('integrity-check');

-- The row that cannot be taken is named.
CREATE TABLE mixed(id INTEGER PRIMARY KEY, a);
INSERT INTO mixed VALUES(1, 'a cat'), (12, x'00');
CREATE VIRTUAL TABLE mix USING similarity(a, content=mixed);
INSERT INTO mix(mix) VALUES('rebuild');

-- The vectors of the content are looked at as well.
CREATE TABLE points(id INTEGER PRIMARY KEY, v);
INSERT INTO points VALUES(1, '[1,0]'), (2, '[0,1]'), (3, NULL);
CREATE VIRTUAL TABLE pt USING similarity(v VECTOR(2), content=points);
INSERT INTO pt(pt) VALUES('rebuild');
INSERT INTO pt(pt) VALUES('integrity-check');
UPDATE points SET v = '[1,1]' WHERE id = 2;
INSERT INTO pt(pt) VALUES('integrity-check');
UPDATE points SET v = NULL WHERE id = 2;
INSERT INTO pt(pt) VALUES('integrity-check');
INSERT INTO pt(pt) VALUES('rebuild');
INSERT INTO pt(pt) VALUES('integrity-check');

-- A row without a key has no place in the index, and hides none that has gone.
CREATE TABLE loose(k INTEGER UNIQUE, v);
CREATE VIRTUAL TABLE lo USING similarity(v VECTOR(2), content=loose, content_rowid=k);
INSERT INTO lo(lo) VALUES('triggers');
INSERT INTO loose VALUES(1, '[1,0]'), (2, '[0,1]'), (NULL, '[1,1]');
SELECT rowid FROM lo('[1,1]') ORDER BY rowid;
UPDATE loose SET k = NULL WHERE k = 1;
UPDATE loose SET k = 3 WHERE k IS NULL AND v = '[1,1]';
SELECT rowid FROM lo('[1,1]') ORDER BY rowid;
DROP TRIGGER lo_ad;
DELETE FROM loose WHERE k = 2;
INSERT INTO lo(lo) VALUES('integrity-check');
INSERT INTO lo(lo) VALUES('rebuild');
SELECT rowid FROM lo('[1,1]') ORDER BY rowid;

-- A trigger of the user's that changes the row, made before ours or after.
CREATE TABLE trimmed(id INTEGER PRIMARY KEY, body);
CREATE VIRTUAL TABLE tr USING similarity(body, content=trimmed);
INSERT INTO tr(tr) VALUES('triggers');
CREATE TRIGGER trim_ai AFTER INSERT ON trimmed BEGIN UPDATE trimmed SET body = trim(new.body) WHERE id = new.id; END;
CREATE TRIGGER trim_au AFTER UPDATE ON trimmed WHEN new.body <> trim(new.body) BEGIN UPDATE trimmed SET body = trim(new.body) WHERE id = new.id; END;
INSERT INTO trimmed VALUES(1, '  a cat '), (2, 'a dog');
UPDATE trimmed SET body = ' a fox ' WHERE id = 2;
UPDATE trimmed SET id = 9 WHERE id = 1;
SELECT rowid, '[' || body || ']' FROM tr('fox');
INSERT INTO tr(tr) VALUES('integrity-check');

-- A key whose row REPLACE took away unheard is used again, whatever OR the statement has.
CREATE TABLE twice(id INTEGER PRIMARY KEY, url TEXT UNIQUE, body TEXT);
CREATE VIRTUAL TABLE twice_sim USING similarity(body, content=twice, content_rowid=id);
INSERT INTO twice_sim(twice_sim) VALUES('triggers');
INSERT INTO twice VALUES(1, 'a', 'a cat'), (2, 'b', 'a dog'), (3, 'c', 'a fox');
INSERT OR REPLACE INTO twice VALUES(4, 'a', 'x'), (5, 'b', 'x'), (6, 'c', 'x');
SELECT count(*) FROM twice_sim;
INSERT OR IGNORE INTO twice VALUES(1, 'd', 'the sea');
INSERT OR FAIL INTO twice VALUES(2, 'e', 'the sky');
INSERT OR ABORT INTO twice VALUES(3, 'f', 'the sun');
SELECT rowid, body, round(distance, 6) FROM twice_sim WHERE twice_sim MATCH 'the sea' AND k = 1;
INSERT INTO twice_sim(twice_sim) VALUES('integrity-check');

-- A row with 'put' in rank is written over another, as the triggers do it.
INSERT OR FAIL INTO twice_sim(rank, rowid, body) VALUES('put', 3, 'the moon'), ('put', 9, 'the stars'), ('put', NULL, 'the clouds');
SELECT rowid FROM twice_sim('the moon the stars the clouds', 3) ORDER BY rowid;
INSERT INTO twice_sim(rank, rowid, body) VALUES('putt', 3, 'the moon');
INSERT INTO twice_sim(rank, rowid, k) VALUES('put', 3, 1);

-- A row of the content without a key is none of the index, not the row 0 there.
CREATE TABLE keyless(id INTEGER UNIQUE, body TEXT, lang TEXT);
INSERT INTO keyless VALUES(0, 'zebra', 'en'), (NULL, 'zebra', 'ko'), (5, 'kettle', 'ko');
CREATE VIRTUAL TABLE keyless_sim USING similarity(body, lang UNINDEXED, content='keyless', content_rowid='id');
INSERT INTO keyless_sim(keyless_sim) VALUES('rebuild');
SELECT rowid FROM keyless_sim WHERE keyless_sim MATCH 'zebra' AND lang = 'ko' AND k = 1;
SELECT rowid FROM keyless_sim WHERE keyless_sim MATCH 'zebra' AND lang IN ('ko', 'fr') AND k = 1;
