#!/bin/sh
# analyse.sh BUILD - what static analysis and valgrind find, by those that are installed.
#
# Findings are printed and counted; the status is non-zero if there are any. What is said
# wrongly is left out by name, with the reason. By cppcheck:
#   comparePointers          builtin_bytes.c: the two symbols are ends of one object
#   arrayIndexOutOfBoundsCond  quant.c: part 7 is the last, and s[11] the last byte
#   arrayIndexThenCheck      tvf.c: the check is of another bound
#   invalidFunctionArg       one term of the sum is exp(0), so its log is taken of 1 or more
#   uninitvar                lbfgs.c: both loops go over the same places
# By scan-build:
#   core.UndefinedBinaryOperatorResult  vocab.c: passed[] is written before it is counted,
#                            and the count grows by 0 or 1, without a branch
#   core.NullDereference     vt_vectors.c: two parts are held at once, and room for both is
#                            made before the first, so that neither is written out between
build=${1:-build}
total=0

found() { # NAME COUNT
    echo "$1: $2 found"
    total=$((total + $2))
}

if command -v cppcheck >/dev/null; then
    out=$(cppcheck --enable=warning,portability,performance --std=c11 --quiet -Iengine -D_GNU_SOURCE \
        --suppress=comparePointers:engine/model/builtin_bytes.c \
        --suppress=arrayIndexOutOfBoundsCond:engine/model/quant.c \
        --suppress=arrayIndexThenCheck:ext/tvf.c --suppress=uninitvar:engine/learn/lbfgs.c \
        --suppress=invalidFunctionArg:engine/learn/elem.inc \
        --suppress=invalidFunctionArg:engine/learn/logistic.c \
        --template='{file}:{line}: {severity}: {id}: {message}' engine ext 2>&1 |
        grep -v ': information: ')
    [ -n "$out" ] && echo "$out"
    found cppcheck "$(echo "$out" | grep -c ': ')"
else
    echo 'cppcheck: not installed'
fi

if command -v scan-build >/dev/null; then
    rm -rf build/scan # what is built already is not looked at
    log=build/scan.log
    scan-build -o build/scan-reports make -s -j"$(nproc)" BUILD=build/scan CFLAGS='-O1' \
        CC=clang objects >"$log" 2>&1 || { tail -20 "$log"; found 'build for scan-build' 1; }
    out=$(grep -E 'warning: .*\[[a-z]+\.[A-Za-z.]+' "$log" |
        grep -v -e '^engine/text/vocab\.c:.*\[core\.UndefinedBinaryOperatorResult\]' \
            -e "^ext/vt_vectors\.c:.*(loaded from field 'own') \[core\.NullDereference\]")
    [ -n "$out" ] && echo "$out"
    found scan-build "$(echo "$out" | grep -c 'warning: ')"
else
    echo 'scan-build: not installed'
fi

# One script under valgrind: memory that is read before it is written, or lost; files left open.
check_script() {
    out=$(valgrind --quiet --track-fds=yes --leak-check=full --show-leak-kinds=definite \
        --errors-for-leak-kinds=definite --error-exitcode=9 "$build/tests/run" "$1" 2>&1)
    status=$?
    opened=$(echo "$out" | grep -cE '== Open (file descriptor|AF_)')
    inherited=$(echo "$out" | grep -c '<inherited from parent>')
    [ "$status" = 0 ] && [ "$opened" = "$inherited" ] && return
    echo "$out" | head -40
    return 1
}

if command -v valgrind >/dev/null; then
    n=0
    for s in vectors tokens models sim_write catalogue catalogue_files sim_query sim_hybrid \
        sim_external wordpiece save modules gguf head; do
        check_script "tests/ext/$s.sql" || n=$((n + 1))
    done
    found valgrind "$n"
else
    echo 'valgrind: not installed'
fi
echo "analyse: $total found"
[ "$total" = 0 ]
