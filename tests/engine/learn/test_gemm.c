/* test_gemm.c - the big products against a plain double loop: by each kernel this CPU
 * runs, and by OpenBLAS.
 *
 * A sum of k products in f32, in any order, is off by at most (k + 2) 2^-24 times the sum
 * of their magnitudes (Higham 2002, section 3.1); that is the bound, and no other. For
 * bfloat16 the loop rounds its factors first, so that the same bound holds.
 *
 * Matrices lie with a gap after each row and directly before a page that cannot be
 * touched: gaps of A and B are NaN, which would show in a sum, those of C must stay as
 * they were. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rng.h"
#include "check.h"
#include "learn/gemm.h"

enum { GAP = 3, NOBODY = 65534 };
#define FLOATS_MAX ((size_t)1 << 19) /* of one matrix */

static const float untouched = 12345.678f;

typedef struct matrix {
    float *at; /* rows x cols, rows `stride` apart; ends where its pages end */
    size_t rows, cols, stride;
    float *pages; /* FLOATS_MAX, then a page without access */
} matrix;

typedef struct shape {
    size_t m, n, k;
    bool a_trans, b_trans, keep;
    size_t gap;
} shape;

typedef struct way { /* of making a product */
    const char *name;
    enc_gemm_kernel *run;
    bool bf16;
} way;

static void pages_open(matrix *x)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = FLOATS_MAX * sizeof(float);
    void *at =
        mmap(NULL, n + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED || mprotect((char *)at + n, page, PROT_NONE) != 0) abort();
    x->pages = at;
}

static void pages_close(matrix *x)
{
    munmap(x->pages, FLOATS_MAX * sizeof(float) + (size_t)sysconf(_SC_PAGESIZE));
}

/* The last row has no gap: nothing of the matrix lies behind it. */
static void lay(matrix *x, size_t rows, size_t cols, size_t gap, float in_gaps)
{
    size_t n = rows > 0 ? (rows - 1) * (cols + gap) + cols : 0;
    if (n > FLOATS_MAX) abort();
    x->rows = rows;
    x->cols = cols;
    x->stride = cols + gap;
    x->at = x->pages + FLOATS_MAX - n;
    for (size_t i = 0; i < n; i++) x->at[i] = in_gaps;
}

static void fill(matrix *x, enc_rng *rng)
{
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < x->cols; j++)
            x->at[i * x->stride + j] = enc_rng_normal(rng);
}

/* To the nearest with 8 significant bits, ties to even. */
static double rounded(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u;
    memcpy(&x, &bits, sizeof x);
    return (double)x;
}

static double value(const matrix *x, size_t i, size_t j, bool is_transposed, bool bf16)
{
    float v = is_transposed ? x->at[j * x->stride + i] : x->at[i * x->stride + j];
    return bf16 ? rounded(v) : (double)v;
}

typedef struct room { /* what one product is made of */
    matrix a, b, c;
    float *before; /* C as it was */
} room;

/* How many elements of C are not what the loop says, and where the first is. */
static size_t count_wrong(const room *r, const shape *s, bool bf16, size_t first[2])
{
    size_t n_wrong = 0;
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = 0; j < s->n; j++) {
            size_t at = i * r->c.stride + j;
            double sum = s->keep ? (double)r->before[at] : 0.0, size = fabs(sum);
            for (size_t p = 0; p < s->k; p++) {
                double one = value(&r->a, i, p, s->a_trans, bf16) *
                             value(&r->b, p, j, s->b_trans, bf16);
                sum += one;
                size += fabs(one);
            }
            double bound = (double)(s->k + 2) * 0x1p-24 * size;
            if (fabs((double)r->c.at[at] - sum) <= bound) continue;
            if (n_wrong++ == 0) first[0] = i, first[1] = j;
        }
    return n_wrong;
}

static bool gaps_are_untouched(const matrix *c)
{
    for (size_t i = 0; i + 1 < c->rows; i++)
        for (size_t j = c->cols; j < c->stride; j++)
            if (memcmp(&c->at[i * c->stride + j], &untouched, sizeof untouched) != 0)
                return false;
    return true;
}

static void is_the_loop(room *r, const shape *s, const way *w, enc_gemm_room *words)
{
    enc_rng rng = {s->m * 1000003 + s->n * 1009 + s->k};
    size_t first[2] = {0, 0};
    lay(&r->a, s->a_trans ? s->k : s->m, s->a_trans ? s->m : s->k, s->gap, NAN);
    lay(&r->b, s->b_trans ? s->n : s->k, s->b_trans ? s->k : s->n, s->gap, NAN);
    lay(&r->c, s->m, s->n, s->gap, untouched);
    fill(&r->a, &rng);
    fill(&r->b, &rng);
    fill(&r->c, &rng);
    /* what is not kept is not read either */
    for (size_t i = 0; i < s->m && !s->keep; i++) r->c.at[i * r->c.stride] = NAN;
    for (size_t i = 0; s->keep && i < s->m; i++)
        memcpy(r->before + i * r->c.stride, r->c.at + i * r->c.stride,
               s->n * sizeof(float));
    w->run(&(enc_gemm){.a = r->a.at,
                       .b = r->b.at,
                       .c = r->c.at,
                       .m = s->m,
                       .n = s->n,
                       .k = s->k,
                       .lda = r->a.stride,
                       .ldb = r->b.stride,
                       .ldc = r->c.stride,
                       .a_trans = s->a_trans,
                       .b_trans = s->b_trans,
                       .keep = s->keep ? 1.0f : 0.0f,
                       .bf16 = w->bf16,
                       .room = words});
    size_t n_wrong = count_wrong(r, s, w->bf16, first);
    CHECK_SAY(n_wrong == 0, "%s %zu x %zu x %zu%s%s%s: %zu wrong, first at %zu, %zu",
              w->name, s->m, s->n, s->k, s->a_trans ? ", A'" : "",
              s->b_trans ? ", B'" : "", s->keep ? ", kept" : "", n_wrong, first[0],
              first[1]);
    CHECK_SAY(gaps_are_untouched(&r->c), "%zu x %zu x %zu: written beside C", s->m, s->n,
              s->k);
}

/* All transpositions, new and kept, dense and with gaps. */
static void all_ways(room *r, size_t m, size_t n, size_t k, const way *w,
                     enc_gemm_room *words)
{
    for (unsigned i = 0; i < 16; i++) {
        const shape s = {
            m, n, k, (i & 1) != 0, (i & 2) != 0, (i & 4) != 0, (i & 8) != 0 ? GAP : 0};
        is_the_loop(r, &s, w, words);
    }
}

/* Around the sizes where the kernels change their way: 6 and 8 rows, 144 in a block; 16,
 * 32, 64 and 256 columns, 1024 in a block; 8 floats, 32 in sixteen pairs, 256 and 1024 in
 * a block; none at all. */
static void every_shape_is_the_loop(const way *w)
{
    static const size_t edges[][3] = {
        {1, 1, 1},       {1, 1, 2},      {1, 64, 3},   {2, 65, 15},    {3, 63, 16},
        {4, 15, 17},     {5, 16, 31},    {6, 17, 32},  {7, 31, 33},    {8, 128, 34},
        {11, 33, 64},    {12, 129, 5},   {13, 8, 65},  {17, 255, 9},   {6, 256, 21},
        {5, 257, 11},    {3, 300, 40},   {64, 24, 24}, {100, 7, 98},   {257, 5, 3},
        {7, 6, 1023},    {5, 65, 1024},  {2, 3, 1025}, {6, 70, 1056},  {3, 2, 2049},
        {13, 260, 1030}, {145, 1030, 7}, {7, 9, 257},  {9, 1025, 258}, {150, 33, 520},
        {5, 7, 0}};
    enc_gemm_room words = {0};
    enc_err e = {0};
    CHECK(enc_gemm_room_init(&words, &e) == ENC_OK);
    room r = {.before = calloc(FLOATS_MAX, sizeof(float))};
    enc_rng rng = {11};
    if (r.before == NULL) abort();
    pages_open(&r.a), pages_open(&r.b), pages_open(&r.c);
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
        all_ways(&r, edges[i][0], edges[i][1], edges[i][2], w, &words);
    for (int i = 0; i < 60; i++)
        all_ways(&r, 1 + enc_rng_below(&rng, 40), 1 + enc_rng_below(&rng, 140),
                 1 + enc_rng_below(&rng, 80), w, &words);
    pages_close(&r.a), pages_close(&r.b), pages_close(&r.c);
    free(r.before);
    enc_gemm_room_clear(&words);
    CHECK(words.words == NULL && words.n == 0);
}

static void run_bf16(const enc_gemm *g)
{
    CHECK(g->k == 0 ? (enc_gemm_run(g), true) : enc_gemm_bf16(g));
}

/* Asked for, a product is in bfloat16 where the CPU can, and f32 elsewhere. */
static void bfloat16_is_taken_where_there_is_any(void)
{
    const float x[1] = {1.00390625f}; /* 1 + 2^-8: a tie, and rounds to 1 */
    float c[1] = {0.0f}, rough = enc_gemm_has_bf16() ? 1.0f : x[0];
    enc_gemm_room words = {0};
    enc_err e = {0};
    CHECK(enc_gemm_room_init(&words, &e) == ENC_OK);
    enc_gemm g = {.a = x,
                  .b = x,
                  .c = c,
                  .m = 1,
                  .n = 1,
                  .k = 1,
                  .lda = 1,
                  .ldb = 1,
                  .ldc = 1,
                  .room = &words};
    enc_gemm_run(&g);
    CHECK_SAY(c[0] == x[0] * x[0], "%.9g", (double)c[0]);
    g.bf16 = true;
    enc_gemm_run(&g);
    CHECK_SAY(c[0] == rough * rough, "%.9g", (double)c[0]);
    enc_gemm_room_clear(&words);
}

/* Scratch that cannot grow is as it was, and still enough for f32. */
static void scratch_outlives_a_failure_to_grow(void)
{
    enc_gemm_room words = {0};
    enc_err e = {0};
    CHECK(enc_gemm_room_init(&words, &e) == ENC_OK);
    uint32_t *before = words.words;
    enc_mem_fault(1, true);
    CHECK(enc_gemm_room_of(&words, 2 * ENC_GEMM_ROOM) == NULL);
    enc_mem_fault(0, false);
    CHECK(words.words == before && words.n == ENC_GEMM_ROOM);
    enc_gemm_room_clear(&words);
}

static void an_empty_product_touches_nothing(void)
{
    float c[1] = {7.0f};
    enc_gemm_run(
        &(enc_gemm){.c = c, .m = 0, .n = 1, .k = 1, .lda = 1, .ldb = 1, .ldc = 1});
    enc_gemm_run(
        &(enc_gemm){.c = c, .m = 1, .n = 0, .k = 1, .lda = 1, .ldb = 1, .ldc = 1});
    CHECK(c[0] == 7.0f);
}

static void openblas_is_the_loop(void)
{
    bool is_open = enc_gemm_blas_open();
    CHECK_SAY(is_open, "libopenblas.so.0 cannot be opened");
    if (!is_open) return;
    CHECK(enc_gemm_about() != NULL && enc_gemm_blas_is_open());
    CHECK(enc_gemm_blas_open()); /* again: nothing happens */
    every_shape_is_the_loop(&(way){"OpenBLAS", enc_gemm_blas, false});
}

/* In a process of its own, where OpenBLAS would start more threads than there may be. */
static int try_without_threads(void)
{
    const struct rlimit none = {0, 0};
    const float x[1] = {3.0f};
    float c[1] = {0.0f};

    setenv("OPENBLAS_NUM_THREADS", "4", 1);
    if (getuid() == 0 && setuid(NOBODY) != 0) return 3; /* root has no such limit */
    if (setrlimit(RLIMIT_NPROC, &none) != 0) return 3;
    if (enc_gemm_blas_open() || enc_gemm_blas_is_open()) return 1;
    if (enc_gemm_about() != NULL || !enc_gemm_is_parallel_safe()) return 1;
    enc_gemm_room words = {0};
    enc_err e = {0};
    enc_gemm g = {.a = x, .b = x, .c = c, .m = 1, .n = 1, .k = 1};
    g.lda = g.ldb = g.ldc = 1;
    g.room = &words;
    if (enc_gemm_room_init(&words, &e) != ENC_OK) return 1;
    enc_gemm_run(&g);
    enc_gemm_room_clear(&words);
    return c[0] == 9.0f && enc_mem_live() == 0 ? 0 : 1;
}

static int try_without_memory(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return 0; /* it has taken terabytes of addresses itself */
#endif
    const struct rlimit little = {(rlim_t)256 << 20, (rlim_t)256 << 20};

    setenv("OPENBLAS_NUM_THREADS", "64", 1);
    if (setrlimit(RLIMIT_AS, &little) != 0) return 3;
    return enc_gemm_blas_open() ? 1 : 0;
}

/* Before this process has opened it. */
static void openblas_is_left_alone_where_it_would_not_start(void)
{
    int (*const tries[])(void) = {try_without_threads, try_without_memory};
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        int status = -1;
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            _exit(tries[i]());
        }
        CHECK(child > 0 && waitpid(child, &status, 0) == child);
        CHECK_SAY(status == 0, "try %zu ended with %x", i, (unsigned)status);
    }
}

int main(void)
{
    CHECK(enc_gemm_about() == NULL);
    every_shape_is_the_loop(&(way){"plain", enc_gemm_plain, false});
    openblas_is_left_alone_where_it_would_not_start();
    enc_gemm_open();
    every_shape_is_the_loop(&(way){"f32", enc_gemm_run, false});
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        CHECK(enc_gemm_about() ==
              NULL); /* OpenBLAS is not opened where it is not needed */
        CHECK(enc_gemm_is_parallel_safe());
        every_shape_is_the_loop(&(way){"avx2", enc_gemm_avx2, false});
    }
#endif
    bfloat16_is_taken_where_there_is_any();
    scratch_outlives_a_failure_to_grow();
    an_empty_product_touches_nothing();
    openblas_is_the_loop();
    if (!enc_gemm_has_bf16()) {
        printf("gemm: %d passed, %d failed, 1 skipped\n", check_passed, check_failed);
        return check_failed != 0;
    }
    every_shape_is_the_loop(&(way){"bfloat16", run_bf16, true});
    return check_done("gemm");
}
