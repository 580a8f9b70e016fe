#!/bin/sh
# readme.sh ENCODER [--accept] - runs the examples of README.md and compares.
#
# A fenced ```sql block is run by the stock sqlite3 shell; if a ```text block follows it
# (blank lines between them do not matter) that is what it must print, errors included.
# A block without a ```text block must only not fail. All blocks of one chapter ("## ...")
# run in order in one session, in a folder of its own that holds encoder.so and sql/, on a
# database in memory with the extension loaded. A ```sql block directly after the comment
# <!-- not run --> is left alone. With --accept the ```text blocks are rewritten instead.
encoder=$(realpath "$1") accept=$2
root=$PWD
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# Chapters into scripts: a marker before each block, so that output can be cut again.
awk -v work="$work" '
    /^## / { chapter++; pending = 0 }
    /^```sql *$/ && !fence {
        fence = 1; pending = 0
        if (skip) { fence = 3; skip = 0; next }
        n++; pending = n; line[n] = FNR
        script = work "/" chapter + 0 ".sql"
        print ".print ---- block " n >> script
        print n, FNR > (work "/blocks")
        next
    }
    /^```text *$/ && !fence && pending { fence = 2; printf "" > (work "/" pending ".want"); next }
    /^```/ { if (fence == 2) pending = 0; fence = fence ? 0 : 4; if (fence) pending = 0; next }
    fence == 1 { print >> script; next }
    fence == 2 { print >> (work "/" pending ".want"); next }
    fence { next }
    /^<!-- not run -->$/ { skip = 1; next }
    NF { pending = 0; skip = 0 }' README.md
[ -f "$work/blocks" ] || { echo 'readme: 0 passed, 0 failed, 1 skipped'; exit 0; }

mkdir "$work/here" && ln -s "$root/sql" "$work/here/sql"
ln -s "$encoder" "$work/here/encoder.so"
for script in "$work"/*.sql; do
    # Unbuffered, so that errors stand where they happened; their line numbers depend on the
    # rest of the chapter and are left out.
    (cd "$work/here" &&
        { echo '.load ./encoder'; cat "$script"; } | stdbuf -o0 sqlite3 :memory: 2>&1) |
        sed 's/ near line [0-9]*:/:/' |
        awk -v work="$work" '/^---- block [0-9]+$/ { out = work "/" $3 ".got"; printf "" > out; next }
            { print > (out ? out : work "/0.got") }'
done

# What the shell puts around a sentence of ours differs between versions.
plain() {
    sed -E '/^(Runtime error|Error):/ { s/^Runtime error:/Error:/; s/ \([0-9]+\)$//; }' "$1"
}

passed=0 failed=0
while read -r n line; do
    [ -f "$work/$n.got" ] || : >"$work/$n.got"
    if [ -f "$work/$n.want" ]; then
        [ -n "$accept" ] && cp "$work/$n.got" "$work/$n.want"
        plain "$work/$n.want" >"$work/want"
        plain "$work/$n.got" >"$work/got"
        difference=$(diff "$work/want" "$work/got")
    else
        difference=$(grep -E '^(Error|Parse error|Runtime error)' "$work/$n.got")
    fi
    if [ -z "$difference" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'README.md:%s: prints something else:\n%s\n' "$line" "$difference" >&2
    fi
done <"$work/blocks"

if [ -n "$accept" ]; then
    awk -v work="$work" '
        /^```sql *$/ && !fence { fence = 1; if (skip) { skip = 0; fence = 3 } else pending = ++n
            print; next }
        /^```text *$/ && !fence && pending { print; fence = 2
            while ((getline got < (work "/" pending ".got")) > 0) print got
            next }
        /^```/ { if (fence == 2 || !fence) pending = 0; fence = fence ? 0 : 4; print; next }
        fence == 2 { next }
        fence { print; next }
        /^<!-- not run -->$/ { skip = 1; print; next }
        NF { pending = 0; skip = 0 }
        /^## / { pending = 0 }
        { print }' README.md >"$work/README.md" && cp "$work/README.md" README.md
fi
echo "readme: $passed passed, $failed failed"
[ "$failed" = 0 ]
