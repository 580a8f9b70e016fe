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
# one, add a line to the list below: an id, its share of the time, the command, and what
# it does.
#
# BUILD/torture/ID keeps the seed to go on from, points, failures and seconds; ID.log what
# failed. Interrupted, it goes on where it was; to begin anew, remove BUILD/torture.
harnesses() {
    t=$build/tests/torture
    cat <<LIST
R1,R2|6|$t/oom|every allocation fails, once and from then on
R3|3|$t/io|every read, write, sync, lock fails; the disk is full
R4|3|$t/kill|the writer is killed: DELETE and WAL
R5|4|$t/power|the power fails: sectors kept, lost, torn
R6|1|$t/readonly|read-only, immutable, full, no temporary files
LIST
}

# slice ID SECONDS: one call, and its figures added to the state. One at a time of an id.
slice() {
    command=$(harnesses | awk -F'|' -v id="$1" '$1 == id { print $3 }')
    (
        flock 9
        read -r from points failed seconds 2>/dev/null <"$state/$1" || from=0
        began=$(date +%s)
        said=$(nice -n 5 $command --from "$from" --seconds "$2" 2>>"$state/$1.log" | tail -1)
        took=$(($(date +%s) - began))
        counts=$(echo "$said" | sed -n 's/^.*: \([0-9]*\) points, \([0-9]*\) failed, next \([0-9]*\)$/\1 \2 \3/p')
        if [ -z "$counts" ]; then
            echo "$command --from $from --seconds $2: ended without its counts" >>"$state/$1.log"
            counts="0 1 $((from + 1))"
        fi
        set -- "$1" $counts
        echo "$4 $((${points:-0} + $2)) $((${failed:-0} + $3)) $((${seconds:-0} + took))" >"$state/$1"
    ) 9>"$state/$1.lock"
}

# The table of all runs so far; the status says whether anything failed.
table() {
    harnesses | while IFS='|' read -r id share command what; do
        read -r from points failed seconds 2>/dev/null <"$state/$id" || points=0 failed=0 seconds=0
        echo "$id|$what|$points|$failed|$seconds"
    done | awk -F'|' 'BEGIN { form = "%-6s %-56s %12s %8s %9s\n"
                              printf form, "id", "what", "points", "failed", "seconds" }
        { printf form, $1, $2, $3, $4, $5; bad += $4; n += $3 }
        END { exit bad > 0 || n == 0 }'
}

build=${1:-build} state=$build/torture
[ "$2" = --slice ] && { slice "$3" "$4"; exit 0; }
mkdir -p "$state"
cores=$(nproc)
# Slices of a minute or more, dealt in turn, so that all have their part at any time.
harnesses | awk -F'|' -v total="$(awk "BEGIN { print ${HOURS:-2} * 3600 * $cores }")" '
    { id[NR] = $1; share[NR] = $2; sum += $2 }
    END { rounds = int(total / sum / 60); if (rounds < 1) rounds = 1
          if (rounds > 100) rounds = 100
          for (i = 1; i <= rounds; i++)
              for (k = 1; k <= NR; k++)
                  printf "%s %d\n", id[k], total * share[k] / sum / rounds + 0.5 }' |
    xargs -P "$cores" -L 1 sh "$0" "$build" --slice
if ! table; then
    echo
    cat "$state"/*.log | tail -40
    exit 1
fi
