#!/bin/sh
# gates.sh BUILD - the laws of the house that a machine can keep.
#
# Each gate prints nothing when it holds and what breaks it when it does not. The last line
# adds up. Needs the objects in BUILD; formatting is skipped without clang-format.
build=${1:-build}
passed=0 failed=0 skipped=0
cc=${CC:-cc}

# gate NAME OFFENDERS: the law holds if there are no offenders.
gate() {
    if [ -z "$2" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'gate: %s:\n%s\n' "$1" "$2" | head -40 >&2
    fi
}

# offenders PATTERN ALLOWED FILE...: lines of code (comments left out) that match.
offenders() {
    pattern=$1 allowed=$2
    shift 2
    for f; do
        case " $allowed " in *" $f "*) continue ;; esac
        [ -f "$f" ] || continue
        awk -v file="$f" -v pattern="$pattern" '
            { line = $0
              if (inside) { if (sub(/^.*\*\//, "", line)) inside = 0; else next }
              while (match(line, /\/\*[^*]*\*+([^\/*][^*]*\*+)*\//))
                  line = substr(line, 1, RSTART - 1) substr(line, RSTART + RLENGTH)
              if (sub(/\/\*.*$/, "", line)) inside = 1
              code = line
              gsub(/"([^"\\]|\\.)*"/, "\"\"", code)
              if (pattern ~ /^#include/) code = line
              if (code ~ pattern) print file ":" FNR ": " $0 }' "$f"
    done
}

engine=$(ls engine/*.h engine/*/*.h engine/*/*.c engine/*/*.inc 2>/dev/null)
ext=$(ls ext/*.h ext/*.c 2>/dev/null)
headers=$(ls engine/*.h engine/*/*.h ext/*.h 2>/dev/null)

# Every header stands alone.
bad=
for h in $headers; do
    # ext.h is part of an extension: SQLITE_EXTENSION_INIT3 in it needs nothing before it.
    printf '#include "%s"\n' "${h#engine/}" |
        $cc -std=c11 -D_GNU_SOURCE -Iengine -I. -fsyntax-only -Wall -x c - 2>/dev/null ||
        bad="$bad $h"
done
gate 'a header that does not compile alone' "$bad"

# Includes follow the flow, and no two headers of a room include each other.
rank() {
    case $1 in
    base) echo 1 ;; text) echo 2 ;; model) echo 3 ;; encode) echo 4 ;; learn) echo 5 ;;
    search) echo 6 ;; *) echo 9 ;;
    esac
}
bad=
for room in base text model encode learn search; do
    for other in base text model encode learn search; do
        [ "$(rank $other)" -le "$(rank $room)" ] && continue
        # search knows vectors and not where they come from; it stands beside learn.
        bad="$bad$(grep -n "^#include \"$other/" engine/$room/*.[ch] 2>/dev/null)"
    done
    bad="$bad$(grep -n '^#include "\(enc\.h\|ext\.h\|\.\./\)' engine/$room/*.[ch] 2>/dev/null)"
done
gate 'an include against the flow' "$bad"
gate 'headers that include each other' "$(
    for h in engine/*/*.h; do
        sed -n "s|^#include \"\([a-z_]*/[a-z_0-9]*\.h\)\".*|\1 ${h#engine/}|p" "$h"
    done | tsort 2>&1 >/dev/null | head -5)"

# The engine has never heard of SQLite.
gate 'SQLite in the engine' "$(offenders 'sqlite3' '' $engine
    for o in "$build"/engine/*/*.o; do
        nm "$o" 2>/dev/null | grep -i ' [a-z] sqlite3' | sed "s|^|$o: |"
    done)"

# One file for each thing of the world outside.
one() { offenders "$1" "$2" $engine $ext; }
gate 'malloc outside mem.c' \
    "$(one '(^|[^a-z0-9_])(malloc|calloc|realloc|free|aligned_alloc|posix_memalign|strdup|strndup) *\(' engine/base/mem.c)"
gate 'utf8proc.h outside utf8.c' "$(one '#include *<utf8proc' engine/base/utf8.c)"
gate 'xxhash.h outside hash.c' "$(one '#include *<xxhash' engine/base/hash.c)"
gate 'mmap outside map.c' "$(one '(^|[^a-z0-9_])mmap *\(' engine/base/map.c)"
gate 'BLAS in more than one file' "$(
    files=$(offenders 'cblas_|#include *<cblas|openblas' '' $engine $ext | cut -d: -f1 | sort -u)
    [ "$(echo "$files" | wc -w)" -le 1 ] || echo "$files")"

# The host process is not ours.
gate 'a function we do not use' "$(offenders \
    '(^|[^a-zA-Z0-9_])(strcpy|strcat|sprintf|vsprintf|gets|alloca|atoi|atol|atof|strtok|system|popen|setlocale|signal|srand|rand|random|fesetround|fesetenv|printf|puts|putchar|perror|exit|_exit|abort|sqlite3_malloc|sqlite3_mprintf_unsafe) *\(' \
    '' $engine $ext)"
gate 'output or exit in an object' "$(
    for o in "$build"/engine/*/*.o "$build"/ext/*.o; do
        nm -u "$o" 2>/dev/null |
            grep -E ' (__)?(printf|vprintf|puts|putchar|perror|exit|_exit|abort|quick_exit)(_chk)?$' |
            sed "s|^|$o: |"
    done)"

# Constant globals only. Excepted: the table of models, the cache of segments, the locks of both and
# the pool of threads, what the environment said, the counter of fault tests, the handle of the BLAS, and SQLite's own pointer to its
# routines.
gate 'a global that changes' "$(
    for o in "$build"/engine/*/*.o "$build"/ext/*.o; do
        case $o in
        */base/mem.o | */base/env.o | */base/lock.o | */base/threads.o | */search/cache.o | */ext/registry.o) continue ;;
        esac
        objdump -t "$o" 2>/dev/null |
            awk -v o="$o" '$4 ~ /^\.(data|bss|tdata|tbss|data\.[a-z_].*|bss\..*)$/ &&
                $4 !~ /^\.data\.rel\.ro/ && $5 !~ /^0+$/ && $NF !~ /^\./ { print o ": " $NF }' |
            grep -v 'sqlite3_api$' | grep -v '^[^:]*learn/gemm_blas.o: '
    done)"

# Names say where to look; one symbol leaves the library.
gate 'a symbol without its prefix' "$(
    for o in "$build"/engine/*/*.o; do
        nm --defined-only -g "$o" 2>/dev/null | awk -v o="$o" '$3 !~ /^enc_/ { print o ": " $3 }'
    done
    for o in "$build"/ext/*.o; do
        nm --defined-only -g "$o" 2>/dev/null |
            awk -v o="$o" '$3 !~ /^ext_/ && $3 !~ /^sqlite3_(encoder_init|api)$/ { print o ": " $3 }'
    done)"
if [ -f "$build/encoder.so" ]; then
    gate 'exported symbols' "$(nm -D --defined-only "$build/encoder.so" | awk '{ print $3 }' |
        grep -vx 'sqlite3_encoder_init')"
    gate 'no entry point' "$(nm -D --defined-only "$build/encoder.so" |
        grep -q ' sqlite3_encoder_init$' || echo sqlite3_encoder_init)"
    # No process, no network, no output, no end of the host: not even through a library call.
    gate 'an import that we do not want' "$(nm -D --undefined-only "$build/encoder.so" |
        sed 's/.* U //; s/@.*//' | grep -Ex '(__)?(system|popen|v?fork|clone|exec[lv]p?e?|posix_spawnp?|socket|socketpair|connect|bind|listen|accept4?|send|sendto|recv|recvfrom|getaddrinfo|gethostbyname|kill|raise|signal|sigaction|exit|_exit|quick_exit|abort|__assert_fail|v?f?printf(_chk)?|f?puts|putchar|perror|fopen|fopen64|setlocale|setenv|putenv|unsetenv|chdir|umask|srand|rand|random|tmpfile|mktemp)')"
    gate 'a library without its hardening' "$(
        readelf -lW "$build/encoder.so" | grep -q 'GNU_RELRO' || echo 'no relro'
        readelf -dW "$build/encoder.so" | grep -q 'NOW' || echo 'not bound at once'
        readelf -lW "$build/encoder.so" | grep 'GNU_STACK' | grep -q 'RWE' && echo 'executable stack'
        readelf -dW "$build/encoder.so" | grep 'TEXTREL')"
    gate 'fast-math start-up code' "$(nm "$build/encoder.so" | grep -i 'set_fast_math')"
    gate 'OpenBLAS linked, not opened when needed' \
        "$(readelf -d "$build/encoder.so" | grep NEEDED | grep -i blas)"
else
    skipped=$((skipped + 6))
fi

# A function fits on a screen, a file in a sitting.
gate 'a function of more than 60 lines' "$(
    for f in engine/*/*.c ext/*.c; do
        awk -v f="$f" '/^{/ { from = FNR } /^}/ { if (from && FNR - from + 1 > 62)
            print f ":" from ": " FNR - from + 1 " lines"; from = 0 }' "$f"
    done)"
gate 'a file of more than 600 lines' "$(
    wc -l $engine $ext | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines" }')"
gate 'a file without its explanation' "$(
    for f in $engine $ext; do
        head -1 "$f" | grep -q "^/\* $(basename "$f" | sed 's/\./\\./g') - " || echo "$f"
    done)"

if command -v clang-format >/dev/null; then
    gate 'formatting (clang-format -i mends it)' "$(
        clang-format --dry-run -Werror $engine $ext 2>&1 | grep -oE '^(engine|ext)[^: ]*:[0-9]+' | sort -u | head -20)"
else
    skipped=$((skipped + 1))
fi

echo "gates: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
