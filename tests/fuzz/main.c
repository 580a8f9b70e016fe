/* main.c - a fuzz target without libFuzzer: replays inputs, and makes new ones.
 *
 *   fuzz_x PATH...                   replays files, and the files of directories
 *   fuzz_x --from SEED --seconds N   inputs made from those in tests/fuzz/corpus/x,
 * another for each seed, for N seconds
 *
 * Inputs run in a child process, so that a crash is one failure and not the end; what was
 * run is kept as crash-x-SEED in the directory $FUZZ_CRASHES (build). An input that takes
 * more than two seconds of a processor is a failure too (FUZZ_SECONDS: another limit). */
#include "fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "clock.h"

#define INPUT_MAX    ((size_t)1 << 20)
#define FAILURES_MAX 20 /* then it is enough */

#pragma weak LLVMFuzzerInitialize
#pragma weak LLVMFuzzerCustomMutator

typedef struct input {
    char path[512];
    uint8_t *bytes;
    size_t n;
} input;

static input *inputs;
static size_t n_inputs;
static enc_rng rng;

typedef struct shared { /* what the child tells its parent, whatever becomes of it */
    volatile size_t at; /* the input being run */
    volatile size_t n_done;
} shared;

static shared *told;

/* ---- inputs ---- */

static void take_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    input *grown = realloc(inputs, (n_inputs + 1) * sizeof *inputs);
    input *in;

    if (f == NULL || grown == NULL) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    inputs = grown;
    in = &inputs[n_inputs++];
    snprintf(in->path, sizeof in->path, "%s", path);
    in->bytes = malloc(INPUT_MAX);
    in->n = in->bytes != NULL ? fread(in->bytes, 1, INPUT_MAX, f) : 0;
    in->bytes = realloc(in->bytes, in->n > 0 ? in->n : 1); /* no room to read beyond */
    fclose(f);
}

static int by_path(const void *a, const void *b)
{
    const input *s = a, *t = b;
    return strcmp(s->path, t->path);
}

static void take(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *entry;
    char file[512];

    if (d == NULL) {
        take_file(path);
        return;
    }
    while ((entry = readdir(d)) != NULL) {
        if (entry->d_name[0] == '.') continue;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        take_file(file);
    }
    closedir(d);
    if (n_inputs > 0) qsort(inputs, n_inputs, sizeof *inputs, by_path);
}

/* ---- making new ones ---- */

static size_t below(size_t n)
{
    return n > 0 ? (size_t)(enc_rng_u64(&rng) % n) : 0;
}

static size_t cut(uint8_t *data, size_t n)
{
    size_t at = below(n), len = 1 + below(n - at < 32 ? n - at : below(n - at) + 1);

    if (at + len > n) len = n - at;
    memmove(data + at, data + at + len, n - at - len);
    return n - len;
}

static size_t put(uint8_t *data, size_t n, size_t max, const uint8_t *bytes, size_t len)
{
    size_t at = below(n + 1);

    if (len > max - n) len = max - n;
    memmove(data + at + len, data + at, n - at);
    memmove(data + at, bytes, len);
    return n + len;
}

/* Some bytes of this input or another. */
static size_t splice(uint8_t *data, size_t n, size_t max)
{
    const input *in = &inputs[below(n_inputs)];
    size_t at = below(in->n), len = 1 + below(64);

    if (in->n == 0) return n;
    if (at + len > in->n) len = in->n - at;
    return put(data, n, max, in->bytes + at, len);
}

static void set_number(uint8_t *data, size_t n)
{
    static const uint64_t odd[] = {0,          1,          0x7f,     0x80,
                                   0xff,       0x7fff,     0xffff,   0x7fffffff,
                                   1u << 31,   UINT32_MAX, 1u << 30, 1ull << 62,
                                   1ull << 63, UINT64_MAX, INT64_MAX};
    uint64_t v = odd[below(sizeof odd / sizeof *odd)];
    size_t width = (size_t)1 << below(4), at = below(n);

    for (size_t i = 0; i < width && at + i < n; i++) data[at + i] = (uint8_t)(v >> 8 * i);
}

static size_t put_word(uint8_t *data, size_t n, size_t max)
{
    static const char *const words[] = {"{",
                                        "}",
                                        "[",
                                        "]",
                                        "\"",
                                        ",",
                                        ":",
                                        "null",
                                        "true",
                                        "false",
                                        "-1",
                                        "0",
                                        "1e999",
                                        "2147483648",
                                        "9223372036854775808",
                                        "\\u0000",
                                        "\xff",
                                        "\xed\xa0\x80",
                                        "\xe2\x96\x81",
                                        "\xf0\x9f\x98\x80",
                                        "##",
                                        "</w>",
                                        "<unk>",
                                        "[MASK]",
                                        " ",
                                        "\n"};
    const char *word = words[below(sizeof words / sizeof *words)];

    return put(data, n, max, (const uint8_t *)word, strlen(word));
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t max)
{
    for (size_t left = 1 + below(4); left > 0; left--) {
        uint8_t byte = (uint8_t)below(256);
        size_t kind = below(7);
        if (n == 0 || kind == 0) n = put(data, n, max, &byte, 1);
        else if (kind == 1) data[below(n)] = byte;
        else if (kind == 2) data[below(n)] ^= (uint8_t)(1u << (byte & 7));
        else if (kind == 3) n = cut(data, n);
        else if (kind == 4) n = splice(data, n, max);
        else if (kind == 5) set_number(data, n);
        else n = put_word(data, n, max);
    }
    return n;
}

/* ---- running ---- */

static void begin_one(size_t at)
{
    const char *limit = getenv("FUZZ_SECONDS");
    struct itimerval timer = {{0, 0}, {limit != NULL ? atoi(limit) : 2, 0}};

    told->at = at;
    setitimer(ITIMER_PROF, &timer, NULL); /* SIGPROF ends us */
}

/* The input of a seed, in a block of exactly its size. */
static uint8_t *input_of(size_t seed, size_t *n)
{
    static uint8_t room[INPUT_MAX];
    const input *in;

    rng = (enc_rng){seed * 2654435761u + 1};
    in = &inputs[below(n_inputs)];
    if (in->n > 0) memcpy(room, in->bytes, in->n);
    *n = in->n;
    if (LLVMFuzzerCustomMutator != NULL)
        *n = LLVMFuzzerCustomMutator(room, *n, sizeof room, (unsigned)below(1u << 31));
    else *n = LLVMFuzzerMutate(room, *n, sizeof room);
    uint8_t *exact = malloc(*n > 0 ? *n : 1);
    if (exact != NULL) memcpy(exact, room, *n);
    return exact;
}

/* In the child: inputs from `at` on, until there are no more, or until the time is up. */
static void run_many(size_t at, bool is_made, double until)
{
    while (is_made ? now() < until : at < n_inputs) {
        uint8_t *made = NULL;
        size_t n;
        if (is_made) made = input_of(at, &n);
        begin_one(at);
        if (is_made) LLVMFuzzerTestOneInput(made, n);
        else LLVMFuzzerTestOneInput(inputs[at].bytes, inputs[at].n);
        free(made);
        told->at = ++at;
        told->n_done++;
    }
    for (size_t i = 0; i < n_inputs; i++) free(inputs[i].bytes);
    free(inputs);
    exit(0); /* leaks are looked for now */
}

static void keep(const char *name, size_t seed)
{
    const char *folder = getenv("FUZZ_CRASHES");
    char path[512];
    size_t n;
    uint8_t *bytes = input_of(seed, &n);
    FILE *f;

    snprintf(path, sizeof path, "%s/crash-%s-%zu", folder != NULL ? folder : "build",
             name, seed);
    if (bytes != NULL && (f = fopen(path, "wb")) != NULL) {
        fwrite(bytes, 1, n, f);
        fclose(f);
        fprintf(stderr, "kept as %s\n", path);
    }
    free(bytes);
}

/* Runs all of it in children, each going on behind the input that ended the last one;
 * how many failed. *at is then behind the last. */
static size_t run_all(const char *name, size_t *at, bool is_made, double until)
{
    size_t n_failed = 0;
    int status;

    while (n_failed < FAILURES_MAX && (is_made ? now() < until : *at < n_inputs)) {
        fflush(NULL);
        told->at = *at;
        pid_t child = fork();
        if (child == 0) run_many(*at, is_made, until);
        if (child < 0 || waitpid(child, &status, 0) < 0) return n_failed + 1;
        *at = told->at;
        if (status == 0) break;
        bool is_hang = WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF;
        n_failed++;
        fprintf(stderr, "%s: %s %zu %s (status %x)\n", name, is_made ? "seed" : "input",
                *at, is_hang ? "did not end" : "failed", (unsigned)status);
        if (is_made) keep(name, *at);
        else if (*at < n_inputs) fprintf(stderr, "that is %s\n", inputs[*at].path);
        ++*at;
    }
    return n_failed;
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/'),
               *name = slash != NULL ? slash + 1 : argv[0];
    bool is_made = argc == 5 && strcmp(argv[1], "--from") == 0;
    size_t at = is_made ? strtoull(argv[2], NULL, 10) : 0, n_failed;
    double until = is_made ? now() + strtod(argv[4], NULL) : 0;
    char corpus[512];

    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                -1, 0);
    if (told == MAP_FAILED || argc < 2) {
        fprintf(stderr, "usage: %s PATH... | --from SEED --seconds N\n", name);
        return 2;
    }
    if (LLVMFuzzerInitialize != NULL) LLVMFuzzerInitialize(&argc, &argv);
    snprintf(corpus, sizeof corpus, "tests/fuzz/corpus/%s", name + strlen("fuzz_"));
    if (is_made) take(corpus);
    else
        for (int i = 1; i < argc; i++) take(argv[i]);
    n_failed = n_inputs > 0 ? run_all(name, &at, is_made, until) : 1;
    if (is_made)
        printf("%s: %zu points, %zu failed, next %zu\n", name, told->n_done, n_failed,
               at);
    else printf("%s: %zu passed, %zu failed\n", name, told->n_done, n_failed);
    return n_failed > 0;
}
