#!/bin/sh
# torture.sh BUILD - runs every harness for its share of HOURS (2), on all cores, and
# prints what all runs so far have come to.
#
# A harness is a program or script, called again and again as
#
#   H --from SEED --seconds N
#
# It tests from SEED on, for about N seconds; a point is one thing tested. What failed goes
# to the standard error, with the command that does it again. Its last line is
#
#   name: N points, M failed, next SEED
#
# where SEED is what it is to go on from, and its status is not zero if M is not. To add
# one, add a line to the list below: an id that no other has, its share of the time, how
# many points are aimed at, the command, and what it does. One that has reached its aim
# gets no more time while others have not; 0 is no aim.
#
# BUILD/torture/ID keeps the seed to go on from, points, failures and seconds; ID.log what
# failed. Interrupted, it goes on where it was; to begin anew, remove BUILD/torture.
build=${1:-build} state=$build/torture
SLICE=60

harnesses() {
    t=$build/tests/torture f=$build/tests/fuzz
    cat <<LIST
R1,R2|20|3500000|$t/oom|every allocation fails, once and from then on
R3|12|148000|$t/io|every read, write, sync, lock fails; the disk is full
R4|4|10000|$t/kill|the writer is killed: DELETE and WAL
R5|10|100000|$t/power|the power fails: sectors kept, lost, torn
X|8|0|$build/tests/exact|random sessions as plain SQL, while things fail
R6|1|0|$t/readonly|read-only, immutable, full, no temporary files
R7|2|0|$t/concurrent|16 connections, 4 processes, 16 threads: as serial
R8|25|0|build/tsan/tests/torture/concurrent|the same under ThreadSanitizer
R9|1|6000|$t/fork|a fork, and both sides go on
R10|2|10000|$t/lifecycle|loaded and closed; VACUUM, backup, dump, rename, drop
R11|2|10000|$t/limits|little memory, no threads, no files, small stacks
F1|2|20000000|sh tests/fuzz/guided.sh sft|safetensors
F2|3|20000000|sh tests/fuzz/guided.sh gguf|GGUF
F3a|2|20000000|sh tests/fuzz/guided.sh vocab|vocab.txt
F3b|2|20000000|sh tests/fuzz/guided.sh text|texts through every tokenizer
F3c|2|20000000|sh tests/fuzz/guided.sh spm|SentencePiece .model
F4a|2|20000000|sh tests/fuzz/guided.sh json|JSON
F4b|2|20000000|sh tests/fuzz/guided.sh config|config.json
F4c|2|20000000|sh tests/fuzz/guided.sh tokjson|tokenizer.json
F4d|2|20000000|sh tests/fuzz/guided.sh model|whole models, opened and run
F5a|4|0|sh tests/fuzz/guided.sh shadow|poisoned shadow tables, sanitized
F5c|4|2000000|env FUZZ_SECONDS=20 $f/fuzz_shadow|poisoned shadow tables, at full speed
F5b|1|20000000|sh tests/fuzz/guided.sh blob|blobs of vectors and of the index
F7a|4|0|sh tests/fuzz/guided.sh sql|random SQL, sanitized
F7b|4|2000000|env FUZZ_SECONDS=20 $f/fuzz_sql|random SQL, at full speed
F8|6|166688|$f/every_byte|every byte of every stored blob changed
D5|6|100000|$t/determinism|a vector is the same bits however it came to be
S7|8|10000|$f/interrupts|an interrupt at any time ends it within 250 ms
LIST
}

# What a harness has come to so far, into from, points, failed and seconds.
so_far() {
    read -r from points failed seconds 2>/dev/null <"$state/$1" || from=0 points=0 failed=0 seconds=0
}

# The ids, whose part is least done first.
by_need() {
    harnesses | while IFS='|' read -r id share aim command what; do
        so_far "$id"
        echo "$((aim > 0 && points >= aim)) $((seconds * 1000 / share)) $id"
    done | sort -n -k1,1 -k2,2 | cut -d' ' -f3
}

# slice ID: one call, and its figures added to the state; false if one is under way.
slice() {
    command=$(harnesses | awk -F'|' -v id="$1" '$1 == id { print $4 }')
    (
        flock -n 9 || exit 1
        so_far "$1"
        began=$(date +%s)
        said=$(nice -n 5 $command --from "$from" --seconds $SLICE 2>>"$state/$1.log" 9>&- | tail -1)
        took=$(($(date +%s) - began))
        counts=$(echo "$said" | sed -n 's/^.*: \([0-9]*\) points, \([0-9]*\) failed, next \([0-9]*\)$/\1 \2 \3/p')
        if [ -z "$counts" ]; then
            echo "$command --from $from --seconds $SLICE: ended without its counts" >>"$state/$1.log"
            counts="0 1 $((from + 1))"
        fi
        set -- "$1" $counts
        echo "$4 $((points + $2)) $((failed + $3)) $((seconds + took))" >"$state/$1"
    ) 9>"$state/$1.lock"
}

# Slices, until the time is over.
work() {
    while [ "$(date +%s)" -lt "$1" ]; do
        for id in $(by_need); do
            slice "$id" && break
        done
    done
}

# The table of all runs so far; the status says whether anything failed.
table() {
    harnesses | while IFS='|' read -r id share aim command what; do
        so_far "$id"
        echo "$id|$what|$points|$aim|$failed|$seconds"
    done | awk -F'|' 'BEGIN { form = "%-6s %-52s %10s %10s %7s %8s\n"
                              printf form, "id", "what", "points", "aimed at", "failed", "seconds" }
        { printf form, $1, $2, $3, ($4 > 0 ? $4 : "-"), $5, $6; bad += $5; n += $3 }
        END { exit bad > 0 || n == 0 }'
}

mkdir -p "$state"
until=$(awk "BEGIN { print int($(date +%s) + ${HOURS:-2} * 3600) }")
for core in $(seq "$(nproc)"); do work "$until" & done
wait
if ! table; then
    echo
    tail -n 40 "$state"/*.log
    exit 1
fi
