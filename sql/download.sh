#!/bin/sh
# download.sh NAME [DIRECTORY] - fetches a model from the Hugging Face hub, to be loaded.
#
# NAME is org/name, name, or org/name/file.gguf, each with @revision behind it or without.
# Only the files that the encoder reads are fetched: the configuration, the tokenizer,
# sentence-transformers' modules, and the weights in safetensors, or one GGUF file.
#
# They go where every program that knows the hub looks for them, $HF_HUB_CACHE,
# $HF_HOME/hub or ~/.cache/huggingface/hub, in its layout:
#
#   models--org--name/blobs/<hash>                 contents
#   models--org--name/snapshots/<commit>/<file>    links to them
#   models--org--name/refs/<revision>              the commit it stood for
#
# or into DIRECTORY, as plain files. A download that was cut off goes on where it stopped.
# A file is in its place only after its hash is what the hub says, and the one that makes
# the rest a model comes last, so that half a model is never found. $HF_TOKEN opens models
# that ask for it; $HF_ENDPOINT is another hub than https://huggingface.co.
set -u
endpoint=${HF_ENDPOINT:-https://huggingface.co}
endpoint=${endpoint%/}

die() {
    echo "download: $*" >&2
    exit 1
}

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- what is asked for ----

[ $# -ge 1 ] && [ -n "$1" ] ||
    die 'no model is named: make model NAME=org/name[@revision] [DIR=directory]'
directory=${2:-}
case $1 in
*@*) name=${1%%@*} revision=${1#*@} ;;
*) name=$1 revision=main ;;
esac
file=
case $name in */*/*.gguf) file=${name##*/} name=${name%/*} ;; esac
case $revision in '' | */*) name= ;; esac
case /$name/$revision/$file in
*[!A-Za-z0-9._/-]* | *..* | */.* | *//?* | /*/*/*/*/*)
    die "'$1' is not a model name (expected org/name, name or org/name/file.gguf, with" \
        "or without @revision, of letters, digits, '.', '_' and '-')" ;;
esac
for tool in curl sqlite3 sha256sum sha1sum; do
    command -v $tool >/dev/null || die "$tool is not installed"
done

# The token stays out of the list of processes.
: >"$work/curlrc"
[ -z "${HF_TOKEN:-}" ] ||
    (umask 077 && printf 'header = "Authorization: Bearer %s"\n' "$HF_TOKEN" >"$work/curlrc")

# explain STATUS CODE WHAT: why a request gave nothing; CODE is HTTP's, 000 if there is none.
explain() {
    case $2 in
    401 | 403)
        [ -n "${HF_TOKEN:-}" ] && hint='the token in HF_TOKEN does not open it' ||
            hint='if it does, set HF_TOKEN to a token from '"$endpoint"'/settings/tokens'
        die "$3: HTTP $2: it does not exist, is private, or asks for its terms to be" \
            "accepted at $endpoint/$name; $hint" ;;
    404) die "$3: HTTP 404: $endpoint has no such model, revision or file" ;;
    000) die "$3: no answer from $endpoint" ;;
    200 | 206) die "$3: cut off (curl ended with $1); run it again to go on from there" ;;
    *) die "$3: HTTP $2, curl ended with $1" ;;
    esac
}

# ---- what there is ----

code=$(curl -sSL --config "$work/curlrc" -o "$work/api.json" -w '%{http_code}' \
    "$endpoint/api/models/$name/revision/$revision?blobs=true")
status=$?
[ $status = 0 ] && [ "$code" = 200 ] || explain $status "$code" "$name@$revision"

ask() { sqlite3 -batch -noheader -separator ' ' :memory: "$1" 2>"$work/error"; }
api="CAST(readfile('$work/api.json') AS TEXT)"
commit=$(ask "SELECT json_extract($api, '\$.sha')") ||
    die "$name: the hub's answer is not JSON: $(cat "$work/error")"
case $commit in '' | *[!0-9a-f]*) die "$name: the hub names no commit" ;; esac

# Names come from outside: plain ones, at most one folder deep. hash: of LFS's contents, or
# of git's object. The last one in order makes the rest a model.
ask "CREATE TABLE file AS
       SELECT json_extract(value, '\$.rfilename') AS name, json_extract(value, '\$.size') AS size,
              CASE WHEN json_extract(value, '\$.lfs.sha256') IS NULL THEN 'git' ELSE 'lfs' END AS kind,
              coalesce(json_extract(value, '\$.lfs.sha256'), json_extract(value, '\$.blobId')) AS hash
         FROM json_each($api, '\$.siblings');
     DELETE FROM file
      WHERE name IS NULL OR name GLOB '*[^A-Za-z0-9._/-]*' OR name LIKE '%..%' OR name GLOB '*/*/*'
         OR name GLOB '/*' OR size IS NULL OR typeof(size) <> 'integer' OR hash IS NULL
         OR hash GLOB '*[^0-9a-f]*' OR length(hash) <> iif(kind = 'lfs', 64, 40);
     DELETE FROM file WHERE '$file' <> '' AND name <> '$file';
     DELETE FROM file WHERE NOT (name IN ('config.json', 'tokenizer.json', 'tokenizer_config.json',
            'special_tokens_map.json', 'vocab.txt', 'vocab.json', 'merges.txt', 'sentencepiece.bpe.model',
            'spiece.model', 'tokenizer.model', 'tokenizer_78b3253a26.model', 'modules.json',
            'config_sentence_transformers.json',
            'model.safetensors', 'model.safetensors.index.json')
         OR name GLOB 'sentence_*_config.json' AND name NOT GLOB '*/*'
         OR name GLOB 'model-[0-9]*-of-[0-9]*.safetensors'
         OR name GLOB '[0-9]_*/config.json' OR name GLOB '[0-9]_*/model.safetensors'
         OR name GLOB '[0-9]_*/tokenizer.json' OR name GLOB '*.gguf' AND name NOT GLOB '*/*');
     DELETE FROM file WHERE name IN ('vocab.json', 'merges.txt', 'sentencepiece.bpe.model', 'spiece.model',
            'tokenizer.model', 'tokenizer_78b3253a26.model')
        AND EXISTS (SELECT 1 FROM file WHERE name = 'tokenizer.json');
     DELETE FROM file WHERE (name GLOB 'model-*' OR name = 'model.safetensors.index.json')
        AND EXISTS (SELECT 1 FROM file WHERE name = 'model.safetensors');
     DELETE FROM file WHERE name GLOB '*.gguf'
        AND EXISTS (SELECT 1 FROM file WHERE name GLOB '*.safetensors');
     DELETE FROM file WHERE name NOT GLOB '*.gguf'
        AND NOT EXISTS (SELECT 1 FROM file WHERE name GLOB '*.safetensors');
     SELECT size, kind, hash, name FROM file ORDER BY name = 'config.json', name" >"$work/files" ||
    die "$name: the hub's answer is not as expected: $(cat "$work/error")"
n_gguf=$(grep -c '\.gguf$' "$work/files")
if [ ! -s "$work/files" ]; then
    [ -z "$file" ] || die "$name@$revision has no file $file"
    die "$name@$revision has neither safetensors nor GGUF files" \
        "(PyTorch's are programs, and not supported)"
fi
[ "$n_gguf" -le 1 ] ||
    die "$name has $n_gguf GGUF files; take one of them, as in make model" \
        "NAME=$name/$(sed -n 's/.* //p' "$work/files" | head -1):" $(sed 's/.* //' "$work/files")

# ---- where it goes ----

if [ -n "$directory" ]; then
    blobs=$directory/.download
else
    hub=${HF_HUB_CACHE:-${HF_HOME:-${HOME:?}/.cache/huggingface}/hub}
    repo=$hub/models--$(echo "$name" | sed 's|/|--|')
    blobs=$repo/blobs
    directory=$repo/snapshots/$commit
    is_hub=1
fi
mkdir -p "$blobs" "$directory" || exit 1

hash_of() { # KIND SIZE PATH
    case $1 in
    lfs) sha256sum <"$3" ;;
    git) { printf 'blob %s\0' "$2" && cat "$3"; } | sha1sum ;;
    esac | cut -d' ' -f1
}

is_placed() { # SIZE KIND HASH NAME: as a plain file, by an earlier run
    [ -z "${is_hub:-}" ] && [ -f "$directory/$4" ] &&
        [ "$(hash_of "$2" "$1" "$directory/$4")" = "$3" ]
}

# fetch SIZE KIND HASH NAME: into $blobs/HASH, unless it is there.
fetch() {
    part=$blobs/$3.incomplete
    [ -f "$blobs/$3" ] && [ "$(wc -c <"$blobs/$3")" -eq "$1" ] && return
    is_placed "$@" && return
    had=0
    [ ! -f "$part" ] || had=$(wc -c <"$part")
    [ "$had" -le "$1" ] || { rm -f "$part"; had=0; }
    echo "$4 ($1 bytes$([ "$had" = 0 ] || echo ", $had of them are here"))" >&2
    if [ "$had" -lt "$1" ]; then
        [ "$1" -ge 1000000 ] && bar=--progress-bar || bar=-sS
        code=$(curl -fL $bar --config "$work/curlrc" -C - --retry 3 -o "$part" \
            -w '%{http_code}' "$endpoint/$name/resolve/$commit/$4")
        status=$?
        if [ $status = 33 ] && [ "$had" -gt 0 ]; then # there it cannot go on in the middle
            rm -f "$part"
            fetch "$@"
            return
        fi
        [ $status = 0 ] || explain $status "$code" "$4"
    elif [ "$1" = 0 ]; then
        : >"$part"
    fi
    got=$(hash_of "$2" "$1" "$part")
    if [ "$got" != "$3" ]; then
        size=$(wc -c <"$part")
        rm -f "$part"
        die "$4: $size bytes with the hash $got, expected $1 with $3; they are removed"
    fi
    mv "$part" "$blobs/$3"
}

# place HASH NAME: from $blobs into $directory. Files of equal contents are one blob, which
# then stays until all are placed.
place() {
    mkdir -p "$(dirname "$directory/$2")" || exit 1
    if [ -z "${is_hub:-}" ]; then
        [ -f "$blobs/$1" ] || return 0
        part=$blobs/$1
        if [ "$(grep -c " $1 " "$work/files")" -gt 1 ]; then
            part=$blobs/placing
            cp "$blobs/$1" "$part" || exit 1
        fi
        mv "$part" "$directory/$2" || exit 1
    else
        case $2 in */*) up=../../../blobs ;; *) up=../../blobs ;; esac
        ln -sf "$up/$1" "$directory/$2" || exit 1
    fi
}

while read -r size kind hash path; do
    fetch "$size" "$kind" "$hash" "$path"
done <"$work/files"
while read -r size kind hash path; do
    place "$hash" "$path"
done <"$work/files"

load=$directory
if [ -n "${is_hub:-}" ]; then
    load=$1
    if [ "$revision" != "$commit" ]; then
        mkdir -p "$repo/refs" && printf %s "$commit" >"$work/ref" &&
            cp "$work/ref" "$repo/refs/$revision.$$" &&
            mv "$repo/refs/$revision.$$" "$repo/refs/$revision" || exit 1
    fi
else
    while read -r size kind hash path; do rm -f "$blobs/$hash"; done <"$work/files"
    rmdir "$blobs"
    [ "$n_gguf" = 0 ] || load=$directory/$(sed 's/.* //' "$work/files")
fi
printf "SELECT encoder_load('%s');\n" "$(echo "$load" | sed "s/'/''/g")"
