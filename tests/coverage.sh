#!/bin/sh
# coverage.sh BUILD - what gcov counted: lines and branches that were run, for each file.
#
# Files that read foreign bytes come first; of these every branch is meant to be run. An
# allocation that fails is a branch like others: tests with enc_mem_fault() take it.
build=${1:-build/cov}
foreign='engine/base/(rd|json|utf8)|engine/model/(sft|gguf.*|files|conf.*|weights|quant|tensor)|engine/text/(tok_read.*|spm|charsmap|tok_cut|vocab)'

table() {
    find "$build/engine" "$build/ext" -name '*.gcda' | sort | while read -r f; do
        gcov -b -c -n -o "$f" "$f" 2>/dev/null |
            awk -v own="$(echo "${f#"$build"/}" | sed 's/gcda$/c/')" '
                /^File / { name = $2; gsub(/\x27/, "", name); is_own = name == own }
                is_own && /^Lines executed/ { split($0, a, /[:% ]+/); lines = a[3]; n = $NF }
                is_own && /^Taken at least/ { split($0, a, /[:% ]+/); branches = a[5]; m = $NF }
                END { if (n > 0) print own, lines, n, branches == "" ? 100 : branches, m + 0 }'
    done
}

show() { # TITLE: sorted by branches
    awk -v title="$1" '
        BEGIN { printf "%-44s %8s %8s %10s %8s\n", title, "lines", "%", "branches", "%" }
        { printf "%-44s %8d %8.1f %10d %8.1f\n", $1, $3, $2, $5, $4
          lines += $3; run += $3 * $2 / 100; branches += $5; taken += $5 * $4 / 100 }
        END { if (lines > 0 && branches > 0)
                  printf "%-44s %8d %8.1f %10d %8.1f\n\n", "in all", lines,
                         100 * run / lines, branches, 100 * taken / branches }'
}

all=$(table)
echo "$all" | grep -E "^($foreign)\.c " | sort -k4n | show 'files that read foreign bytes'
echo "$all" | grep -Ev "^($foreign)\.c " | sort -k2n | show 'all others'
