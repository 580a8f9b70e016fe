/* run.c - runs a SQL script against the extension and prints rows and errors in a form
 * that does not change between versions of SQLite (torture/lib/script.h says which).
 *
 *   run SCRIPT.sql            compares with SCRIPT.out beside it; counts statements
 *   run --accept SCRIPT.sql   writes SCRIPT.out
 *   run --print SCRIPT.sql    prints what a SCRIPT.out would hold
 *
 * Every script is a fault test as well: torture/oom.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "torture/lib/script.h"

static int compare(const char *script, const char *want, const char *got)
{
    int passed = 0, failed = 0;

    while (*want != '\0' || *got != '\0') {
        size_t n = script_block(want), m = script_block(got);
        if (n == m && memcmp(want, got, n) == 0) {
            passed++;
        } else {
            failed++;
            fprintf(stderr, "%s: expected\n%.*sbut it gave\n%.*s", script, (int)n, want,
                    (int)m, got);
        }
        want += n;
        got += m;
    }
    printf("%s: %d passed, %d failed\n", script, passed, failed);
    return failed != 0 || passed == 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc == 3 ? argv[1] : "--check", *path = argv[argc - 1];
    text script = {0}, want = {0}, got = {0}, out = {0};
    size_t n = strlen(path);
    int failed = 0;
    bool is_closed;

    if (argc < 2 || argc > 3 || n < 4 || strcmp(path + n - 4, ".sql") != 0 ||
        !text_read_file(&script, path)) {
        fprintf(stderr, "usage: run [--accept | --print] SCRIPT.sql\n");
        return 2;
    }
    text_add(&out, path, n - 4);
    text_say(&out, ".out");
    text_add(&want, "", 0);
    text_add(&got, "", 0);
    script_prepare();
    script_run(script.at, &got, &is_closed, NULL, NULL);
    if (!is_closed) text_say(&got, "> the connection does not close\n");
    if (strcmp(mode, "--print") == 0) {
        fwrite(got.at, 1, got.n, stdout);
    } else if (strcmp(mode, "--accept") == 0) {
        FILE *f = fopen(out.at, "wb");
        failed = f == NULL || fwrite(got.at, 1, got.n, f) != got.n;
        failed |= f == NULL || fclose(f) != 0;
    } else {
        if (!text_read_file(&want, out.at)) fprintf(stderr, "%s is missing\n", out.at);
        failed = compare(path, want.at, got.at);
    }
    free(script.at);
    free(want.at);
    free(got.at);
    free(out.at);
    return failed;
}
