#!/bin/sh
# bench.sh BUILD [--million] - all that make bench measures, beside what others reach.
#
# Peers come from the npm registry into BUILD/peers, once; where there is no node or no
# network, one line says so and our own figures are printed alone.
build=$1
cd "$(dirname "$0")/../.." || exit 1
modules=$build/peers/node_modules
mkdir -p "$build/peers"

# OPENBLAS_NUM_THREADS=1: the trainer divides the work.
OPENBLAS_NUM_THREADS=1 "$build/tests/bench" || exit 1
"$build/tests/bench_tok"

if command -v node >/dev/null; then
    node tests/peers/bench.js "$build"
else
    echo 'peers: left out: node is not installed'
fi

echo
vec=$modules/sqlite-vec-linux-x64/vec0.so
vector=$modules/@sqliteai/sqlite-vector-linux-x86_64/vector.so
[ -f "$vec" ] && export ENCODER_PEER_VEC="${ENCODER_PEER_VEC:-$vec}"
[ -f "$vector" ] && export ENCODER_PEER_VECTOR="${ENCODER_PEER_VECTOR:-$vector}"
"$build/tests/bench_search" && echo && "$build/tests/peers/scale" ${2:+"$2"}
