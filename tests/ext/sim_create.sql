-- CREATE VIRTUAL TABLE ... USING similarity: each argument, and each sentence of refusal.
CREATE VIRTUAL TABLE a USING similarity(title, body);
CREATE VIRTUAL TABLE b USING similarity(title TEXT, 'year' INTEGER UNINDEXED, "a b" UNINDEXED, [c d], `e``f` UNINDEXED TEXT);
CREATE VIRTUAL TABLE c USING similarity(v VECTOR(3));
CREATE VIRTUAL TABLE d USING similarity(v vector ( 3 ), note unindexed, metric=L2, index=IVF);
SELECT m.name, t.name, t.type, t.hidden FROM sqlite_schema AS m, pragma_table_xinfo(m.name) AS t
 WHERE m.name IN ('b', 'd');
SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' ORDER BY name;

-- Options.
CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE e USING similarity(body, content='docs', content_rowid=id, model=builtin, metric=dot, chunk=auto, overlap=4, hybrid=1, index=exact);
CREATE VIRTUAL TABLE f USING similarity(body, content = "docs", content_rowid = 'id');
CREATE VIRTUAL TABLE g USING similarity(body, content='');
CREATE VIRTUAL TABLE h USING similarity(body, chunk=0, hybrid=0);
CREATE VIRTUAL TABLE i USING similarity(body, chunk=64);
CREATE VIRTUAL TABLE "odd ""name'" USING similarity(body);
INSERT INTO "odd ""name'"(body) VALUES('the kettle');
SELECT rowid, body FROM "odd ""name'"('kettle', 1);
INSERT INTO "odd ""name'"("odd ""name'") VALUES('integrity-check');
DROP TABLE "odd ""name'";
CREATE VIRTUAL TABLE IF NOT EXISTS a USING similarity(other);
SELECT count(*) FROM a;

-- Columns that cannot be.
CREATE VIRTUAL TABLE z USING similarity;
CREATE VIRTUAL TABLE z USING similarity();
CREATE VIRTUAL TABLE z USING similarity(note UNINDEXED);
CREATE VIRTUAL TABLE z USING similarity(body, body);
CREATE VIRTUAL TABLE z USING similarity(body, Body UNINDEXED);
CREATE VIRTUAL TABLE z USING similarity(rank);
CREATE VIRTUAL TABLE z USING similarity(body, ROWID UNINDEXED);
CREATE VIRTUAL TABLE z USING similarity(distance);
CREATE VIRTUAL TABLE z USING similarity(query);
CREATE VIRTUAL TABLE z USING similarity(k);
CREATE VIRTUAL TABLE z USING similarity(z);
CREATE VIRTUAL TABLE z USING similarity(body, Z UNINDEXED);
CREATE VIRTUAL TABLE rank USING similarity(body);
CREATE VIRTUAL TABLE Query USING similarity(body);
CREATE VIRTUAL TABLE z USING similarity(body TEXT NOT NULL);
CREATE VIRTUAL TABLE z USING similarity(body TEXT PRIMARY KEY);
CREATE VIRTUAL TABLE z USING similarity(body (3));
CREATE VIRTUAL TABLE z USING similarity(body, "x" UNINDEXED ?);
CREATE VIRTUAL TABLE z0 USING similarity(body,, note UNINDEXED,);
DROP TABLE z0;
CREATE VIRTUAL TABLE z USING similarity('');
CREATE VIRTUAL TABLE z USING similarity(v VECTOR);
CREATE VIRTUAL TABLE z USING similarity(v VECTOR(0));
CREATE VIRTUAL TABLE z USING similarity(v VECTOR(-1));
CREATE VIRTUAL TABLE z USING similarity(v VECTOR(3.5));
CREATE VIRTUAL TABLE z USING similarity(v VECTOR(x));
CREATE VIRTUAL TABLE z USING similarity(v VECTOR());
CREATE VIRTUAL TABLE z USING similarity(v VECTOR(99999999));
CREATE VIRTUAL TABLE z USING similarity(v VECTOR(99999999999999999999));
CREATE VIRTUAL TABLE z USING similarity(v VECTOR(3), w VECTOR(3));
CREATE VIRTUAL TABLE z USING similarity(v VECTOR(3), body);
CREATE VIRTUAL TABLE z USING similarity(v VECTOR(3) UNINDEXED);
CREATE VIRTUAL TABLE z USING similarity(v UNINDEXED VECTOR(3));
CREATE VIRTUAL TABLE z USING similarity(v BLOB VECTOR(3));
CREATE VIRTUAL TABLE z USING similarity(v VECTOR(3) VECTOR(4));

-- Options that cannot be.
CREATE VIRTUAL TABLE z USING similarity(body, colour=red);
CREATE VIRTUAL TABLE z USING similarity(body, quantize=int8);
CREATE VIRTUAL TABLE z USING similarity(body, metric=cosinus);
CREATE VIRTUAL TABLE z USING similarity(body, metric=);
CREATE VIRTUAL TABLE z USING similarity(body, metric=cosine dot);
CREATE VIRTUAL TABLE z USING similarity(body, metric=cosine, metric=dot);
CREATE VIRTUAL TABLE z USING similarity(body, chunk=7);
CREATE VIRTUAL TABLE z USING similarity(body, chunk=-1);
CREATE VIRTUAL TABLE z USING similarity(body, chunk=yes);
CREATE VIRTUAL TABLE z USING similarity(body, chunk=9999999999999999999999);
CREATE VIRTUAL TABLE z USING similarity(body, overlap=4);
CREATE VIRTUAL TABLE z USING similarity(body, chunk=8, overlap=8);
CREATE VIRTUAL TABLE z USING similarity(body, chunk=auto, overlap=99999);
CREATE VIRTUAL TABLE z USING similarity(body, overlap=many);
CREATE VIRTUAL TABLE z USING similarity(body, hybrid=yes);
CREATE VIRTUAL TABLE z USING similarity(body, index=hnsw);
CREATE VIRTUAL TABLE z USING similarity(body, model='');
CREATE VIRTUAL TABLE z USING similarity(body, model=nowhere);
CREATE VIRTUAL TABLE z USING similarity(body, content_rowid=id);
CREATE VIRTUAL TABLE z USING similarity(body, content='', content_rowid=id);
CREATE VIRTUAL TABLE z USING similarity(body, content=docs, content_rowid='');
CREATE VIRTUAL TABLE z USING similarity(v VECTOR(3), chunk=8);
CREATE VIRTUAL TABLE z USING similarity(v VECTOR(3), chunk=auto);
CREATE VIRTUAL TABLE z USING similarity(v VECTOR(3), hybrid=1);
CREATE VIRTUAL TABLE z USING similarity(v VECTOR(3), model=builtin);
CREATE VIRTUAL TABLE z USING similarity(v VECTOR(3), overlap=3);

-- A table that is there already, or one of its shadows: nothing is left behind.
CREATE VIRTUAL TABLE docs USING similarity(body);
CREATE VIRTUAL TABLE a USING similarity(body);
CREATE TABLE y_segment(x);
CREATE VIRTUAL TABLE y USING similarity(body);
SELECT name FROM sqlite_schema WHERE name GLOB 'y*' OR name GLOB 'z*';
SELECT * FROM z;

-- Not in the content table, or no such table: said when it is made, and a table that goes
-- later is missed when it is first needed.
CREATE VIRTUAL TABLE missing USING similarity(body, content=nowhere);
CREATE TABLE nowhere(id INTEGER PRIMARY KEY, body);
CREATE VIRTUAL TABLE missing USING similarity(body, content=nowhere);
DROP TABLE nowhere;
SELECT count(*) FROM missing;
INSERT INTO missing(missing) VALUES('rebuild');
INSERT INTO missing(missing) VALUES('triggers');
INSERT INTO missing(rowid, body) VALUES(1, 'the kettle');
SELECT rowid, body FROM missing WHERE missing MATCH 'kettle';
SELECT rowid FROM missing WHERE missing MATCH 'kettle';
DROP TABLE missing;
CREATE VIRTUAL TABLE wrong USING similarity(nobody, content=docs);
CREATE VIRTUAL TABLE wrong USING similarity(body, content=docs, content_rowid=nobody);
SELECT name FROM sqlite_schema WHERE name GLOB 'wrong*';

-- Many columns.
CREATE VIRTUAL TABLE many USING similarity(
 c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, u0 UNINDEXED, u1 UNINDEXED, u2 UNINDEXED, u3 UNINDEXED, u4 UNINDEXED);
INSERT INTO many(c0, c9, u4) VALUES('the kettle', 'is hot', 5), ('a dog', 'barks', 6);
SELECT rowid, c0, c1, c9, u0, u4 FROM many WHERE many MATCH 'kettle' ORDER BY distance;
SELECT name FROM pragma_table_info('many');

-- A type that SQLite would hide the column by.
CREATE VIRTUAL TABLE hiding USING similarity(body, h HIDDEN UNINDEXED);
CREATE VIRTUAL TABLE hiding USING similarity(body, h "a hidden one" UNINDEXED);
CREATE VIRTUAL TABLE hiding USING similarity(body, h hiddenness UNINDEXED);
INSERT INTO hiding VALUES('the cat', 1);
SELECT h FROM hiding('the cat');
