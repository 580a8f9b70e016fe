#!/bin/sh
# analyse.sh BUILD - what static analysis and valgrind find, by those that are installed.
#
# Findings are printed and counted; the status is non-zero if there are any. What cppcheck
# says wrongly is left out by name, with the reason:
#   comparePointers          builtin_bytes.c: the two symbols are ends of one object
#   arrayIndexOutOfBoundsCond  quant.c: part 7 is the last, and s[11] the last byte
#   arrayIndexThenCheck      tvf.c: the check is of another bound
#   invalidFunctionArg       one term of the sum is exp(0), so its log is taken of 1 or more
#   uninitvar                lbfgs.c: both loops go over the same places
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
    out=$(scan-build --status-bugs -o build/scan-reports make -s BUILD=build/scan CFLAGS='-O1' \
        CC=clang objects 2>&1 | grep -E 'warning: .*\[[a-z]+\.[A-Za-z.]+')
    [ -n "$out" ] && echo "$out"
    found scan-build "$(echo "$out" | grep -c 'warning: ')"
else
    echo 'scan-build: not installed'
fi

if command -v valgrind >/dev/null; then
    n=0
    for s in tests/ext/vectors.sql tests/ext/tokens.sql tests/ext/models.sql tests/ext/sim_write.sql; do
        out=$(valgrind --quiet --leak-check=full --show-leak-kinds=definite --error-exitcode=9 \
            "$build/tests/run" "$s" 2>&1) || { echo "$out" | head -40; n=$((n + 1)); }
    done
    found valgrind "$n"
else
    echo 'valgrind: not installed'
fi
echo "analyse: $total found"
[ "$total" = 0 ]
