#!/bin/sh
# all.sh BUILD:PART... - runs parts of the test suite and adds up what they say.
#
#   unit      BUILD/tests/engine/*/test_*     one program for each file of the engine
#   ext       tests/ext/*.sql                 the SQL surface, by tests/run.c
#             BUILD/tests/ext/test_*          what a script cannot do
#   exact     BUILD/tests/exact               random sessions against plain SQL; a few
#   sessions  the same                        100,000 operations
#   faults    BUILD/tests/torture/*           allocations, calls, processes, power that fail:
#             a sample, always the same; tests/torture.sh goes on for hours
#   fuzz      BUILD/tests/fuzz/fuzz_*         kept inputs of each fuzz target
#   fresh     BUILD/tests/fuzz/fuzz_*         five seconds of new ones, where libFuzzer is
#   bombs     BUILD/tests/fuzz/*              texts and files of great size, interrupts, every byte
#   sql       sql/*.sql                       what people run, by the stock sqlite3 shell
#   words     sql/*.sql                       the same by a shell that draws its tables otherwise
#   readme    README.md                       its examples
#   peers     tests/peers/agree.js            our vectors beside those of other engines
#   download  tests/download.sh                sql/download.sh, from a hub of its own
#   files     tests/files.sh                  nothing is written beside the database
#   torture   BUILD/tests/torture/*           threads, forks, limits: seconds of what can run hours
#   gates     tests/gates.sh                  laws that a machine can keep
#   warnings                                  a build by gcc and by clang without a warning
#
# Parts before and after -- run side by side.
#
# A test prints "name: N passed, M failed" and perhaps ", K skipped"; one that ends without
# saying so counts as failed. The last line adds up; the status is non-zero if any failed.
log=$(mktemp) || exit 1
trap 'rm -f "$log" "$log".*' EXIT
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"

here='' beside='' is_split=''
for part; do
    if [ "$part" = -- ]; then is_split=yes
    elif [ "$is_split" ]; then beside="$beside $part"
    else here="$here $part"
    fi
done
if [ "$is_split" ]; then
    sh "$0" $beside >"$log.beside" 2>&1 &
    sh "$0" $here | tee "$log.here"
    wait
    cat "$log.beside"
    tail -qn 1 "$log.here" "$log.beside" | awk '
        /^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { n++; p += $1; f += $3; s += $5 }
        END { f += 2 - n; printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 || p == 0 }'
    exit
fi

# try NAME COMMAND...: runs it; its closing line is kept, the rest is shown if it fails.
try() {
    name=$1
    shift
    "$@" >"$log.one" 2>&1
    status=$?
    said=$(grep -aE ': [0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped.*)?$' "$log.one" | tail -1)
    if [ -z "$said" ]; then
        cat "$log.one"
        said="$name: 0 passed, 1 failed"
        echo "$name: ended with status $status and no count"
    elif [ "$status" != 0 ]; then
        case $said in *' 0 failed'*) said="$name: 0 passed, 1 failed" ;; esac
        cat "$log.one"
    else
        echo "$said"
    fi
    echo "$said" >>"$log"
}

# same WANT GOT NAME: compares two files and says so.
same() {
    if difference=$(diff "$1" "$2"); then
        echo "$3: 1 passed, 0 failed"
    else
        printf '%s\n%s: 0 passed, 1 failed\n' "$difference" "$3"
        return 1
    fi
}

fresh() { # a fuzz target's name: new inputs for a while
    said=$(sh tests/fuzz/guided.sh "$1" --from "$(date +%s)" --seconds 5) && wrong=0 || wrong=1
    echo "$said"
    echo "fuzz_$1 fresh: $((1 - wrong)) passed, $wrong failed"
    return $wrong
}

script() { # of sql/, by the stock shell, in the folder it is written for
    stdbuf -o0 sqlite3 :memory: <"$1" 2>&1 | sed 's/ near line [0-9]*:/:/' >"$log.got"
    same "tests/sql/$(basename "$1" .sql).out" "$log.got" "$1"
}

# What stands in the cells of its tables, without what is drawn around them.
words_of() {
    sed -E 's/[─│┌┐└┘├┤┬┴┼╭╮╰╯═╞╪╡-]/ /g; s/^(Runtime error|Error):/Error:/; s/ +/ /g; s/^ //; s/ $//; /^$/d' "$1"
}

words() {
    sqlite3 :memory: <"$1" >"$log.got" 2>&1
    words_of "tests/sql/$(basename "$1" .sql).out" >"$log.want_words"
    words_of "$log.got" >"$log.got_words"
    same "$log.want_words" "$log.got_words" "$1"
}

# sample NAME COMMAND...: a harness of tests/torture.sh; its points are tests.
sample() {
    name=$1
    shift
    "$@" >"$log.got"
    status=$?
    cat "$log.got"
    awk -v name="$name" '/ of about / { name = name " (" $2 " of about " $5 " points)" }
        { last = $0; n = $2; failed = $4 }
        END { if (last ~ /points, [0-9]+ failed, next [0-9]+$/)
                  print name ": " n - failed " passed, " failed " failed" }' "$log.got"
    return $status
}

compiler() {
    if ! command -v "$1" >/dev/null; then
        echo "warnings $1: 0 passed, 0 failed, 1 skipped"
    elif make -s CC="$1" BUILD="build/warn-$1" CFLAGS='-O1 -Werror' SAN= objects; then
        echo "warnings $1: 1 passed, 0 failed"
    else
        echo "warnings $1: 0 passed, 1 failed"
        return 1
    fi
}

torture() { # a harness, which counts points
    "$@" --seconds 5 >"$log.points"
    status=$?
    sed -E 's/^([a-z]+): ([0-9]+) points, ([0-9]+) failed, next .*/\1: \2 \3/' "$log.points" |
        awk 'NF == 3 { print $1, $2 - $3, "passed,", $3, "failed" }'
    return $status
}

for each; do
    build=${each%:*} part=${each##*:}
    case $part in
    unit)
        for t in "$build"/tests/engine/*/test_*; do
            [ -x "$t" ] && [ ! -d "$t" ] && try "$t" "$t"
        done ;;
    ext)
        for s in tests/ext/*.sql; do
            [ -f "$s" ] && try "$s" "$build/tests/run" "$s"
        done
        for t in "$build"/tests/ext/test_*; do
            [ -x "$t" ] && [ ! -d "$t" ] && try "$t" "$t"
        done ;;
    exact) try exact "$build/tests/exact" --operations 3000 --seed 1 ;;
    sessions) try exact "$build/tests/exact" --operations 100000 --seed 2 ;;
    faults)
        t=$build/tests/torture
        try oom sample oom "$t/oom" --seeds "$(ls tests/ext/*.sql | wc -l)" --depth 7
        try io sample io "$t/io" --seeds 4 --stride 41
        try kill sample kill "$t/kill" --seeds 2
        try power sample power "$t/power" --seeds 16 --stride 53
        try readonly sample readonly "$t/readonly" --seeds 1 ;;
    fuzz)
        for t in "$build"/tests/fuzz/fuzz_*; do
            [ -x "$t" ] && [ ! -d "$t" ] && try "$t" "$t" tests/fuzz/corpus/"${t##*/fuzz_}"
        done ;;
    fresh)
        for t in "$build"/tests/fuzz/fuzz_*; do
            [ -x "$t" ] && [ ! -d "$t" ] && try "$t" fresh "${t##*/fuzz_}"
        done ;;
    bombs) for t in bombs interrupts every_byte; do try "$t" "$build/tests/fuzz/$t"; done ;;
    sql)
        for s in sql/*.sql; do
            # Training scripts run for hours and have no expected output.
            [ -f "tests/sql/$(basename "$s" .sql).out" ] && try "$s" script "$s"
        done ;;
    words)
        for s in sql/*.sql; do
            [ -f "tests/sql/$(basename "$s" .sql).out" ] && try "$s" words "$s"
        done ;;
    readme) try readme sh tests/readme.sh "$build/encoder.so" ;;
    peers)
        if command -v node >/dev/null; then try peers node tests/peers/agree.js "$build"
        else echo "peers: 0 passed, 0 failed, 1 skipped: node is not installed" | tee -a "$log"
        fi ;;
    download) try download sh tests/download.sh "$build/encoder.so" ;;
    files) try files sh tests/files.sh "$build" ;;
    torture)
        for t in concurrent fork limits determinism lifecycle; do
            try "torture $t" torture "$build/tests/torture/$t"
        done ;;
    gates) try gates sh tests/gates.sh "$build" ;;
    warnings) for c in gcc clang; do try "warnings $c" compiler "$c"; done ;;
    accept)
        for s in sql/*.sql; do
            out=tests/sql/$(basename "$s" .sql).out
            [ -f "$out" ] || continue
            stdbuf -o0 sqlite3 :memory: <"$s" 2>&1 | sed 's/ near line [0-9]*:/:/' >"$out"
        done
        for s in tests/ext/*.sql; do "$build/tests/run" --accept "$s"; done
        sh tests/readme.sh "$build/encoder.so" --accept
        exit 0 ;;
    *) try "$part" false ;;
    esac
done

awk '{ for (i = 2; i <= NF; i++) {
           if ($i ~ /^passed/) p += $(i - 1); if ($i ~ /^failed/) f += $(i - 1)
           if ($i ~ /^skipped/) s += $(i - 1) } }
     END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 || p == 0 }' "$log"
