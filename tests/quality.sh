#!/bin/sh
# quality.sh BUILD MODEL DATA - what a model is worth, measured in SQL and printed as a table.
#
# MODEL is a directory as encoder_load() takes it, or empty for the built-in one. DATA holds
# eval/*.tsv and corpus/*.txt.xz; a set that is missing is left out. The first five figures
# come from SQL alone, through the stock shell; the last ones from tests/quality.c.
# Published figures of other models: MTEB's result files (embeddings-benchmark/results) for
# STS-B (test), KorSTS (test) and Banking77; they are there to compare with, on a set of the
# same kind, not the same sentences.
build=$1 model=$2 data=$3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
[ -d "$data/eval" ] || { echo "no data in $data/eval: nothing to measure"; exit 0; }

start() { # what every session begins with
    echo ".load $build/encoder"
    [ -z "$model" ] || printf "SELECT encoder_default(encoder_load('%s', 'measured')) IS NULL;\n" \
        "$(printf %s "$model" | sed "s/'/''/g")"
    echo '.mode ascii'
    printf '%s\n' '.separator "\t" "\n"' # no quoting: the files have none
}

# session NAME FILE...: SQL from stdin after the set-up; the last line is the figure.
session() {
    name=$1
    shift
    for file; do [ -f "$data/eval/$file" ] || return; done
    { start; cat; } | sqlite3 :memory: 2>"$work/errors" | tail -1 >"$work/$name"
    [ -s "$work/errors" ] && sed "s/^/$name: /" "$work/errors" >&2
}

# Spearman's correlation: Pearson's of the ranks, ties sharing their mean rank.
sts() {
    session "$1" "$2" <<SQL
CREATE TABLE pair(gold, a, b);
.import --skip 1 "$data/eval/$2" pair
CREATE TABLE va AS SELECT * FROM embed_each('SELECT rowid, a FROM pair');
CREATE TABLE vb AS SELECT * FROM embed_each('SELECT rowid, b FROM pair');
WITH scored AS (
  SELECT CAST(gold AS REAL) AS gold, similarity(va.vector, vb.vector) AS s
    FROM pair JOIN va ON va.id = pair.rowid JOIN vb ON vb.id = pair.rowid),
ranked AS (
  SELECT rank() OVER (ORDER BY gold) + (count(*) OVER (PARTITION BY gold) - 1) / 2.0 AS x,
         rank() OVER (ORDER BY s) + (count(*) OVER (PARTITION BY s) - 1) / 2.0 AS y
    FROM scored)
SELECT format('%.4f', (avg(x * y) - avg(x) * avg(y))
       / sqrt((avg(x * x) - avg(x) * avg(x)) * (avg(y * y) - avg(y) * avg(y)))) FROM ranked;
SQL
}

retrieval() {
    session "$1" "$2-passages.tsv" "$2-questions.tsv" <<SQL
CREATE TABLE passage(id, text);
CREATE TABLE question(id, text, passage, answer_start, answer);
.import --skip 1 "$data/eval/$2-passages.tsv" passage
.import --skip 1 "$data/eval/$2-questions.tsv" question
CREATE TABLE vp AS SELECT id, embed_passage(text) AS vector FROM passage;
CREATE TABLE vq AS SELECT id, passage, embed_query(text) AS vector FROM question;
WITH best AS (
  SELECT vq.id, vq.passage = vp.id AS is_right, max(similarity(vq.vector, vp.vector))
    FROM vq, vp GROUP BY vq.id)
SELECT format('%.4f', avg(is_right)) FROM best;
SQL
}

labels() {
    session "$1" "$2-train.tsv" "$2-test.tsv" <<SQL
CREATE TABLE train(label, text);
CREATE TABLE test(label, text);
.import --skip 1 "$data/eval/$2-train.tsv" train
.import --skip 1 "$data/eval/$2-test.tsv" test
CREATE TABLE head AS SELECT train_classifier(text, label) AS bytes FROM train;
CREATE TABLE v AS SELECT * FROM embed_each('SELECT rowid, text FROM test');
SELECT format('%.4f', avg(classify(v.vector, head.bytes) = test.label))
  FROM head, v JOIN test ON test.rowid = v.id;
SQL
}

own() { # BERT's own tasks on articles that were held out
    [ -f "$data/corpus/$2" ] || return
    xz -dc "$data/corpus/$2" | "$build/tests/quality" "$model" >"$work/$1" || true
}

sts stsb stsb-en-dev.tsv
sts korsts korsts-dev.tsv
retrieval xquad xquad-en
labels nsmc nsmc
labels banking banking77
labels intents 3i4k
own en enwiki.txt.xz
own ko kowiki.txt.xz

figure() { # FILE [NAME]
    if [ ! -s "$work/$1" ]; then echo '-'
    elif [ -z "$2" ]; then cat "$work/$1"
    else awk -F '\t' -v name="$2" '$1 == name { print $2; found = 1 } END { if (!found) print "-" }' \
        "$work/$1"
    fi
}
row() { printf '| %-46s | %-10s | %-10s | %-13s | %-13s | %-11s |\n' "$@"; }

row 'set' 'this model' 'TF-IDF' 'MiniLM-L6-v2' 'me5-small' 'potion-8M'
row '---' '---' '---' '---' '---' '---'
row 'STS-B English dev, Spearman' "$(figure stsb)" 0.768 '0.820 (test)' '0.836 (test)' '0.754 (test)'
row 'KorSTS dev, Spearman' "$(figure korsts)" 0.758 '0.423 (test)' '0.771 (test)' '-'
row 'XQuAD en, question to passage, recall@1' "$(figure xquad)" - - - -
row 'NSMC, logistic regression, accuracy' "$(figure nsmc)" - - - -
row 'Banking77, the same' "$(figure banking)" - 0.800 - 0.726
row '3i4K, the same' "$(figure intents)" - - - -
for language in en ko; do
    row "next sentence, held-out articles, $language" "$(figure $language 'next sentence')" - - - -
    row "masked word, held-out articles, $language" "$(figure $language 'masked words')" - - - -
done
echo "training: $(figure en 'training tokens/s') tokens/s, $(figure en 'fraction of GEMM peak') of the GEMM peak"
