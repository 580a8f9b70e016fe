#!/bin/sh
# guided.sh NAME --from SEED --seconds N - tests/fuzz/fuzz_NAME.c on inputs of its own: those
# that libFuzzer finds by coverage where clang has built it (make fuzz), else those of
# main.c. Starts from the kept inputs in tests/fuzz/corpus/NAME and adds nothing to them;
# what is new is in build/fuzz/corpus/NAME. The last line says what happened.
name=$1 seed=$3 time=$5
target=build/fuzz/tests/fuzz/fuzz_$name
# Short stacks and a small quarantine save memory; an input that was found says more when it
# is run again without.
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:malloc_context_size=0:quarantine_size_mb=8:max_malloc_fill_size=64}"
if [ ! -x "$target" ]; then
    for build in build/san build; do
        [ -x $build/tests/fuzz/fuzz_"$name" ] &&
            exec $build/tests/fuzz/fuzz_"$name" --from "$seed" --seconds "$time"
    done
    echo "fuzz_$name: 0 points, 1 failed, next $seed"
    exit 1
fi
# Short inputs are soon run and find most; every fourth time they may be longer, every
# sixteenth time long, and always where there are none that are short.
longest=256
[ $((seed % 4)) = 0 ] && longest=1024
[ $((seed % 16)) = 0 ] && longest=65536
case $name in gguf | model) longest=65536 ;; esac
new=build/fuzz/corpus/$name log=build/fuzz/$name.log
mkdir -p "$new"
"$target" -seed="$seed" -max_total_time="$time" -timeout=20 -rss_limit_mb=2048 \
    -malloc_limit_mb=256 -max_len=$longest -entropic=0 -print_final_stats=1 \
    -artifact_prefix=build/fuzz/crash-"$name"- "$new" tests/fuzz/corpus/"$name" >"$log" 2>&1
status=$?
points=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
[ $status = 0 ] || tail -60 "$log"
echo "fuzz_$name: ${points:-0} points, $((status != 0)) failed, next $((seed + 1))"
exit $status
