/* oracle_shrink.c - lists of steps: kept, shortened and printed (oracle.h). */
#include "lib/oracle.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Exit status of a trial; any other is a crash. */
enum { NOTHING = 0, SAME_DIFFERENCE = 10, OTHER_DIFFERENCE = 11 };

#define SECONDS_MAX 120 /* of one trial; more is a hang, which counts as a crash */

/* ---- lists ---- */

void oracle_steps_add(oracle_steps *list, oracle_step s)
{
    if (list->n == list->cap) {
        list->cap = list->cap * 2 + 64;
        list->at = sqlite3_realloc64(list->at, list->cap * sizeof *list->at);
        if (list->at == NULL) abort();
    }
    list->at[list->n++] = s;
}

static char **texts_of(oracle_step *s, int i)
{
    char **texts[] = {&s->subject, &s->twin, &s->bind[0], &s->bind[1]};
    return texts[i];
}

void oracle_steps_clear(oracle_steps *list)
{
    for (size_t i = 0; i < list->n; i++)
        for (int j = 0; j < 4; j++) sqlite3_free(*texts_of(&list->at[i], j));
    sqlite3_free(list->at);
    memset(list, 0, sizeof *list);
}

void oracle_step_write(const oracle_step *s, FILE *f)
{
    oracle_step copy = *s;

    fprintf(f, "%d %d %d", (int)s->kind, s->connection, s->n);
    for (int i = 0; i < 4; i++) {
        const char *text = *texts_of(&copy, i);
        fprintf(f, " %ld", text == NULL ? -1L : (long)strlen(text));
    }
    fputc('\n', f);
    for (int i = 0; i < 4; i++)
        if (*texts_of(&copy, i) != NULL) fputs(*texts_of(&copy, i), f);
    fflush(f);
}

bool oracle_step_read(oracle_step *s, FILE *f)
{
    int kind;
    long n[4];

    memset(s, 0, sizeof *s);
    if (fscanf(f, "%d %d %d %ld %ld %ld %ld", &kind, &s->connection, &s->n, &n[0], &n[1],
               &n[2], &n[3]) != 7 ||
        fgetc(f) != '\n')
        return false;
    s->kind = (oracle_kind)kind;
    for (int i = 0; i < 4; i++) {
        if (n[i] < 0) continue;
        char *text = sqlite3_malloc64((sqlite3_uint64)n[i] + 1);
        if (text == NULL || fread(text, 1, (size_t)n[i], f) != (size_t)n[i]) return false;
        text[n[i]] = '\0';
        *texts_of(s, i) = text;
    }
    return true;
}

/* ---- trials ---- */

static bool is_alike(const oracle *o, const oracle *like)
{
    if (strcmp(o->what, like->what) != 0) return false;
    return strcmp(o->what, "rows") == 0 || strcmp(o->given, like->given) == 0;
}

/* Runs the list in a process of its own. */
static int try_list(const oracle_steps *list, const oracle *like)
{
    int status = 0;

    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        oracle o;
        alarm(SECONDS_MAX);
        if (freopen("/dev/null", "w", stderr) == NULL) _exit(NOTHING);
        oracle_open(&o, false);
        size_t i = oracle_run_all(&o, list);
        bool is_same = i + 1 == list->n && like != NULL && is_alike(&o, like);
        oracle_close(&o);
        _exit(i == list->n ? NOTHING : is_same ? SAME_DIFFERENCE : OTHER_DIFFERENCE);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0) return NOTHING;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The list without steps from..to-1, of those that may go. False: none of them may. */
static bool without(const oracle_steps *list, size_t from, size_t to, oracle_steps *out)
{
    out->n = 0;
    for (size_t i = 0; i < list->n; i++) {
        bool may_go = list->at[i].kind != ORACLE_SETUP && i + 1 < list->n;
        if (may_go && i >= from && i < to) continue;
        oracle_steps_add(out, list->at[i]);
    }
    return out->n < list->n;
}

void oracle_shrink(const oracle_steps *list, oracle_steps *out, const oracle *o)
{
    oracle_steps less = {0};
    bool has_shrunk = true;

    without(list, 0, 0, out);
    for (size_t chunk = out->n / 2 + 1; chunk > 1 || has_shrunk;) {
        chunk = chunk > 1 ? chunk / 2 : 1;
        has_shrunk = false;
        for (size_t to = out->n; to > 0; to = to > chunk ? to - chunk : 0) {
            if (to > out->n) continue;
            if (!without(out, to > chunk ? to - chunk : 0, to, &less)) continue;
            int result = try_list(&less, o);
            bool is_crash = result != NOTHING && result != SAME_DIFFERENCE &&
                            result != OTHER_DIFFERENCE;
            if (o == NULL ? !is_crash : result != SAME_DIFFERENCE) continue;
            oracle_steps swap = *out;
            *out = less;
            less = swap;
            has_shrunk = true;
            fprintf(stderr, "\r%zu steps ", out->n);
        }
    }
    fputc('\n', stderr);
    sqlite3_free(less.at);
}

/* ---- printing ---- */

/* The text with values where ?1 and ?2 stand. */
static void print_bound(const oracle_step *s, FILE *out)
{
    for (const char *c = s->subject; *c != '\0'; c++) {
        bool is_bind =
            s->kind == ORACLE_QUERY && c[0] == '?' && (c[1] == '1' || c[1] == '2');
        const char *value = is_bind ? s->bind[c[1] - '1'] : NULL;
        if (value == NULL) {
            fputc(*c, out);
            continue;
        }
        fputs(value, out);
        c++;
    }
}

static void print_fault(const oracle_step *s, FILE *out)
{
    static const char *const what[] = {
        "call to the disk", "write to the disk, which is full,", "allocation of SQLite",
        "allocation of the engine"};
    oracle_fault f = oracle_fault_read(s->n);

    fprintf(out, "-- %s %d fails%s%s:\n", what[f.what], f.nth,
            f.stays ? " and all after it" : "",
            s->kind == ORACLE_QUERY          ? ", when it is first read"
            : f.at_commit && s->twin != NULL ? ", of the commit if no transaction is open"
                                             : "");
}

static void print_step(const oracle_step *s, FILE *out)
{
    if (s->connection != 0) fprintf(out, "-- on connection %d:\n", s->connection);
    switch (s->kind) {
    case ORACLE_REOPEN: fprintf(out, "-- close and open again\n"); return;
    case ORACLE_STOPPED:
        fprintf(out, "-- interrupted after %d operations:\n", s->n);
        break;
    case ORACLE_FAULTY: print_fault(s, out); break;
    case ORACLE_QUERY:
        if (s->n > 0) print_fault(s, out);
        break;
    case ORACLE_REFUSED: fprintf(out, "-- must fail:\n"); break;
    case ORACLE_HALF:
        fprintf(out, "-- read up to row %d, then the next statement:\n", s->n);
    default: break;
    }
    print_bound(s, out);
    fprintf(out, "%s\n", s->subject[strlen(s->subject) - 1] == ';' ? "" : ";");
    if (s->kind == ORACLE_SETUP && s->twin != NULL)
        fprintf(out, "-- twin: %s\n", s->twin);
    if (s->kind == ORACLE_HALF) fprintf(out, "%s;\n", s->bind[0]);
}

void oracle_print(const oracle_steps *list, const oracle *o, FILE *out)
{
    for (size_t i = 0; i < list->n; i++) print_step(&list->at[i], out);
    if (o->what == NULL) return;
    if (list->n > 0 && list->at[list->n - 1].twin != NULL)
        fprintf(out, "-- twin: %s\n", list->at[list->n - 1].twin);
    fprintf(out, "-- expected:\n%s\n-- but it gave (%s):\n%s\n", o->expected, o->what,
            o->given);
}
