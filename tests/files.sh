#!/bin/sh
# files.sh BUILD - no side files: what the SQL scripts leave, by a look around and by strace.
#
# Everything in tests/ext/*.sql runs in an empty folder of its own, with HOME, TMPDIR and
# every cache of the environment in others, by BUILD/tests/run; afterwards there is nothing
# but what the scripts ask for (folders of encoder_save in $TMP, which the runner removes) and,
# of a database on disk, the database. Where strace is installed each file that was opened to
# be written, made, renamed or removed is looked at too, also those that are gone again.
build=$(realpath "${1:-build}")
root=$PWD
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

# check WHAT OFFENDERS: passes if there are none.
check() {
    if [ -z "$2" ]; then passed=$((passed + 1)); return; fi
    failed=$((failed + 1))
    printf 'files: %s:\n%s\n' "$1" "$2" | head -20 >&2
}

# Scripts name their data by paths from the root of the sources, so that there is a way to it.
for name in here home tmp cache data; do mkdir "$work/$name"; done
mkdir "$work/here/build"
ln -s "$root/tests" "$work/here/tests"
ln -s "$root/sql" "$work/here/sql"

# What there is: folders, and files with their size and the time they were written.
look() {
    for name in here home tmp cache data; do
        find "$work/$name" -type d -printf '%p\n' -o -printf '%p %s %T@\n'
    done | sort
}
sources() { find "$root/tests" "$root/sql" "$root/engine" -type f -newer "$work/began" | head; }

# alone COMMAND...: in the folder, with nothing of this user's.
alone() {
    (cd "$work/here" && env -i PATH="$PATH" HOME="$work/home" TMPDIR="$work/tmp" \
        SQLITE_TMPDIR="$work/tmp" XDG_CACHE_HOME="$work/cache" XDG_DATA_HOME="$work/data" \
        ASAN_OPTIONS="$ASAN_OPTIONS" UBSAN_OPTIONS="$UBSAN_OPTIONS" "$@") >>"$work/said" 2>&1
}

: >"$work/began"
look >"$work/before"
n=0
for script in tests/ext/*.sql; do
    n=$((n + 1))
    alone "$build/tests/run" "$script"
    check "$script leaves files" "$(look | diff "$work/before" - | grep '^[<>]')"
done
check 'files of the sources were changed' "$(sources)"
[ "$(grep -c ' passed, 0 failed$' "$work/said")" = "$n" ]
check 'scripts that fail here, and so prove nothing' "$([ $? = 0 ] || cat "$work/said")"

# A database on disk, in each way to write one.
for mode in delete wal memory; do
    db=$work/data/$mode.db
    printf "%s\n" ".load $build/encoder" "PRAGMA journal_mode = $mode;" \
        "CREATE TABLE doc(id INTEGER PRIMARY KEY, text);" \
        "INSERT INTO doc(text) VALUES('a kettle'), ('a dog'), ('the bank');" \
        "CREATE VIRTUAL TABLE sim USING similarity(text, content='doc', content_rowid='id', hybrid=1);" \
        "INSERT INTO sim(sim) VALUES('rebuild');" \
        "SELECT rowid FROM sim('pet', 1);" "INSERT INTO sim(sim) VALUES('optimize');" \
        "SELECT length(train_classifier(text, id % 2)) FROM doc;" "VACUUM;" >"$work/sql"
    alone sqlite3 "$db" ".read $work/sql"
    check "journal_mode=$mode leaves more than the database" "$(look | diff "$work/before" - |
        grep '^[<>]' | grep -vE "^> $work/data/$mode\.db ")"
    [ -s "$db" ] && passed=$((passed + 1)) || check "$db" 'was not made'
    rm -f "$db"
    look >"$work/before"
done

# written LOG: paths that a program opened to write, made, renamed or removed.
written() {
    sed -E 's/^[0-9]+ +//' "$1" | grep -vE '= -1 |O_RDONLY|^(---|\+\+\+)' |
        grep -oE '"[^"]*"' | tr -d '"' | sort -u
}

if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
    for script in fill_mask inspect head pretrain pairs entities sim_hybrid sim_external models; do
        alone strace -f -qq -o "$work/log" -e trace=open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,link,linkat,symlink,symlinkat,mknod,mknodat,truncate \
            "$build/tests/run" "tests/ext/$script.sql"
        check "$script.sql writes a file" "$(written "$work/log" | grep -vE "^($work/tmp/etilqs_|/dev/null$)")"
    done
    # encoder_save is asked to write, so that a trace without a file proves something.
    alone strace -f -qq -o "$work/log" -e trace=open,openat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat \
        "$build/tests/run" tests/ext/save.sql
    [ "$(written "$work/log" | grep -c 'model.safetensors')" -gt 0 ]
    check 'strace does not see what encoder_save writes' "$([ $? = 0 ] || head -5 "$work/log")"
    printf "%s\n" ".load $build/encoder" "PRAGMA journal_mode = wal;" \
        "CREATE VIRTUAL TABLE sim USING similarity(text);" \
        "INSERT INTO sim(text) VALUES('a kettle'), ('a dog');" "SELECT rowid FROM sim('pet', 1);" >"$work/sql"
    alone strace -f -qq -o "$work/log" -e trace=open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat \
        sqlite3 "$work/data/traced.db" ".read $work/sql"
    check 'a database writes more than itself' \
        "$(written "$work/log" | grep -vE "^($work/data/traced\.db(-journal|-wal|-shm)?|$work/data|$work/tmp/etilqs_.*|/dev/null)$")"
else
    skipped=$((skipped + 1))
fi

echo "files: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
