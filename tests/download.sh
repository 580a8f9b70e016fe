#!/bin/sh
# download.sh ENCODER - sql/download.sh against a hub of our own (tests/lib/hub.py): what it
# fetches, where it puts it, that a download goes on where it was cut, that a wrong hash is
# refused, and that the encoder finds by its name what was fetched.
encoder=$(realpath "${1%.so}.so")
passed=0 failed=0

if ! command -v python3 >/dev/null || ! command -v curl >/dev/null; then
    echo 'download: 0 passed, 0 failed, 1 skipped (it needs python3 and curl)'
    exit 0
fi
work=$(mktemp -d) || exit 1
python3 tests/lib/hub.py "$work/port" "$work/log" &
hub=$!
trap 'kill $hub 2>/dev/null; rm -rf "$work"' EXIT
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ -f "$work/port" ] && break
    sleep 0.2
done

export HOME="$work/home" HF_HOME= HF_HUB_CACHE= HF_TOKEN= ENCODER_MODELS=
export HF_ENDPOINT="http://127.0.0.1:$(cat "$work/port")/"
export no_proxy='*'
cache=$HOME/.cache/huggingface/hub
commit=0123456789abcdef0123456789abcdef01234567
old=abcdef0123456789abcdef0123456789abcdef01

check() { # SENTENCE STATUS: one fact
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'not so: %s\n%s\n' "$1" "$(tail -5 "$work/said" 2>/dev/null)" >&2
    fi
}
get() { sh sql/download.sh "$@" >"$work/out" 2>"$work/said"; }
says() { grep -q -e "$1" "$work/said"; }
sql() { sqlite3 :memory: -cmd ".load $encoder" "$1" 2>&1; }
same() { [ "$1" = "$2" ] || { echo "$1 is not $2" >>"$work/said"; false; }; }

# ---- a model, by its name ----
get org/tiny
check 'a model is fetched' $?
same "$(cat "$work/out")" "SELECT encoder_load('org/tiny');"
check 'the last line loads it' $?
same "$(cat "$cache/models--org--tiny/refs/main")" $commit
check 'refs/main is the commit' $?
snapshot=$cache/models--org--tiny/snapshots/$commit
(cd tests/data/tiny && find . -type f | sort) >"$work/want"
(cd "$snapshot" && find . -type l | sort) | same "$(cat)" "$(grep -v README "$work/want")"
check 'all files that we read are there, and only those' $?
diff -r tests/data/tiny "$snapshot" >>"$work/said"
check 'and the same' $?
case $(readlink "$snapshot/1_Pooling/config.json") in ../../../blobs/*) true ;; *) false ;; esac
check 'links are relative' $?
! ls "$cache/models--org--tiny/blobs" | grep -q incomplete
check 'nothing unfinished is left' $?
same "$(sql "$(cat "$work/out") SELECT embed('the cat') = embed('the cat', 'org/tiny') IS NOT NULL;")" "org/tiny
1"
check 'the encoder loads it by its name' $?
n=$(grep -c resolve "$work/log")
get org/tiny && same "$(grep -c resolve "$work/log")" "$n"
check 'a second time nothing is fetched' $?

# ---- revisions, other places ----
get org/tiny@v1 && same "$(cat "$work/out")" "SELECT encoder_load('org/tiny@v1');" &&
    same "$(cat "$cache/models--org--tiny/refs/v1")" $old &&
    same "$(sql "$(cat "$work/out")")" org/tiny@v1
check 'a revision' $?
get org/tiny@$old && [ ! -e "$cache/models--org--tiny/refs/$old" ] &&
    same "$(sql "$(cat "$work/out")")" org/tiny@$old
check 'a commit' $?
HF_HUB_CACHE=$work/elsewhere get tiny && [ -f "$work/elsewhere/models--tiny/refs/main" ] &&
    same "$(HF_HUB_CACHE=$work/elsewhere sql "SELECT encoder_load('tiny')")" tiny
check 'a name without an organization, in $HF_HUB_CACHE' $?
get org/tiny "$work/plain files" &&
    same "$(cat "$work/out")" "SELECT encoder_load('$work/plain files');" &&
    diff -r tests/data/tiny "$work/plain files" >>"$work/said" &&
    [ -z "$(find "$work/plain files" -type l)" ] && [ ! -e "$work/plain files/.download" ]
check 'into a directory, as plain files' $?
n=$(grep -c resolve "$work/log")
get org/tiny "$work/plain files" && same "$(grep -c resolve "$work/log")" "$n"
check 'which are not fetched twice either' $?
get org/twins "$work/twins" && [ -s "$work/twins/2_Dense/config.json" ] && [ ! -e "$work/twins/.download" ] &&
    cmp "$work/twins/2_Dense/config.json" "$work/twins/3_Dense/config.json" >>"$work/said"
check 'two files of equal contents are both there' $?
get org/sharded && [ -e "$cache/models--org--sharded/snapshots/$commit/model-00002-of-00002.safetensors" ] &&
    same "$(sql "SELECT encoder_load('org/sharded'); SELECT encoder_load('org/tiny');
                 SELECT embed('the cat', 'org/tiny') = embed('the cat', 'org/sharded');")" "org/sharded
org/tiny
1"
check 'shards are one model' $?

# ---- GGUF ----
get org/one && same "$(ls "$cache/models--org--one/snapshots/$commit")" q8.gguf &&
    same "$(sql "$(cat "$work/out")")" org/one
check 'the only GGUF file is the model' $?
! get org/two && says 'org/two has 2 GGUF files; .* NAME=org/two/q4.gguf: q4.gguf q8.gguf'
check 'of several one is to be named' $?
get org/two/q8.gguf && same "$(cat "$work/out")" "SELECT encoder_load('org/two/q8.gguf');" &&
    same "$(sql "$(cat "$work/out")")" org/two/q8.gguf &&
    same "$(ls "$cache/models--org--two/snapshots/$commit")" q8.gguf
check 'one GGUF file of several' $?
! get org/two/q2.gguf && says 'org/two@main has no file q2.gguf'
check 'a file that is not there' $?

# ---- interruptions, wrong bytes ----
! get org/cut && says 'model.safetensors: cut off'
check 'a download that is cut off says so' $?
[ -z "$(find "$cache/models--org--cut/snapshots" -type l)" ] && [ ! -e "$cache/models--org--cut/refs/main" ]
check 'and leaves no half model' $?
part=$(ls "$cache/models--org--cut/blobs/"*.incomplete) &&
    get org/cut && grep -q "/org/cut/.*model.safetensors bytes=[1-9][0-9]*- " "$work/log" &&
    cmp tests/data/tiny/model.safetensors "$cache/models--org--cut/snapshots/$commit/model.safetensors" \
        >>"$work/said" && [ ! -e "$part" ]
check 'run again it goes on from there' $?
! get org/wrong && says 'model.safetensors: .* bytes with the hash' &&
    [ -z "$(find "$cache/models--org--wrong/snapshots" -type l)" ] &&
    ! ls "$cache/models--org--wrong/blobs" | grep -q incomplete
check 'a wrong hash is refused, and the bytes are removed' $?
printf '%0100000d' 0 >"$cache/models--org--wrong/blobs/$(printf 'something else' | sha256sum | cut -c1-64).incomplete"
! get org/wrong && says 'bytes with the hash'
check 'so is one that was begun wrongly' $?

# ---- refusals ----
! get org/private && says 'HTTP 401: it does not exist, is private' && says 'set HF_TOKEN'
check 'what asks for a token says how to give it' $?
! get org/gated && says 'HTTP 403'
check 'so does a file' $?
HF_TOKEN=secret get org/gated && same "$(sql "$(cat "$work/out")")" org/gated
check 'a token opens it' $?
! HF_TOKEN=wrong get org/private && says 'the token in HF_TOKEN does not open it'
check 'a token that does not open it' $?
! get org/absent && says 'HTTP 404: .* no such model, revision or file'
check 'a model that is not there' $?
! get org/tiny@v9 && says 'org/tiny@v9: HTTP 404'
check 'a revision that is not there' $?
! get org/pickle && says 'neither safetensors nor GGUF files'
check 'PyTorch files are refused' $?
! get org/broken && says 'the hub.s answer is not JSON'
check 'an answer that is no JSON' $?
! HF_ENDPOINT=http://127.0.0.1:9 get org/tiny && says 'no answer from http://127.0.0.1:9'
check 'a hub that does not answer' $?
get org/evil && [ ! -e evil ] && [ -z "$(find "$work" -name 'evil.gguf')" ] &&
    same "$(find "$cache/models--org--evil/snapshots" -type l | wc -l)" "$(wc -l <"$work/want")"
check 'file names cannot lead elsewhere' $?
for name in '' / .. ../x a/../b a/b/c a//b a/ /b 'a b' a@ a@b/c 'a;b' '$HOME' 'a/b/../c.gguf' .a a/.b; do
    n=$(wc -l <"$work/log")
    ! get "$name" && [ "$(wc -l <"$work/log")" = "$n" ]
    check "'$name' is refused without asking" $?
done
same "$(sql "SELECT encoder_load('org/absent')" | grep -o 'make model NAME=org/absent')" 'make model NAME=org/absent'
check 'the encoder says how to fetch what is not there' $?

echo "download: $passed passed, $failed failed"
[ "$failed" = 0 ]
