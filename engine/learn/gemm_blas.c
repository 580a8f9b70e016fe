/* gemm_blas.c - the only door to OpenBLAS, see gemm.h. dlopen by name: nothing links to
 * it.
 *
 * Some versions exit or wait for ever when a thread cannot be started as they are loaded,
 * so before that as many are started here. Between the two others may take what was free:
 * that is microseconds, and the only way would be not to open it. */
#include "learn/gemm.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

/* As cblas.h declares them; enums are int. */
typedef void sgemm_fn(int order, int a_trans, int b_trans, int m, int n, int k,
                      float alpha, const float *a, int lda, const float *b, int ldb,
                      float beta, float *c, int ldc);
typedef char *config_fn(void);
typedef int number_fn(void);

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };
enum { FLAVOUR_SERIAL = 0 };
enum { THREADS_MAX = 128 };             /* that any build of it starts */
#define BUFFER_BYTES ((size_t)32 << 20) /* that it takes for each, of address space */

static const char *const library_names[] = {"libopenblas.so.0", "libopenblas.so",
                                            "libopenblas.0.dylib"};

static struct {
    pthread_mutex_t lock;
    sgemm_fn *sgemm;
    const char *about;
    bool is_parallel_safe;
    bool was_tried;
} blas = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* A function of the library; ISO C has no cast from an object pointer, POSIX has a union.
 */
static bool find(void *library, const char *name, void (**out)(void))
{
    union {
        void *object;
        void (*function)(void);
    } symbol;
    symbol.object = dlsym(library, name);
    *out = symbol.function;
    return symbol.object != NULL;
}

/* How many threads it has: what the environment says, as it reads it, else the CPUs. */
static size_t count_threads(void)
{
    static const char *const names[] = {"OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS",
                                        "OMP_NUM_THREADS"};
    cpu_set_t set;
    long n = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names && n <= 0; i++) {
        const char *text = getenv(names[i]);
        if (text != NULL) n = strtol(text, NULL, 10);
    }
    if (n <= 0 && sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
    if (n <= 0) n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (size_t)n;
}

static void *pass_gate(void *gate)
{
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

/* Whether n threads more can be had at once, of the default kind, and room for them. */
static bool can_start(size_t n)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t id[THREADS_MAX];
    size_t n_started = 0;
    sigset_t all, old;
    void *room = enc_mem_alloc((n + 1) * BUFFER_BYTES);

    if (room == NULL) return false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_mutex_lock(&gate);
    while (n_started < n && pthread_create(&id[n_started], NULL, pass_gate, &gate) == 0)
        n_started++;
    pthread_mutex_unlock(&gate);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    for (size_t i = 0; i < n_started; i++) pthread_join(id[i], NULL);
    enc_mem_free(room);
    return n_started == n;
}

static void open_library(void)
{
    void (*sgemm)(void), (*about)(void), (*parallel)(void), (*threads)(void);
    for (size_t i = 0; i < sizeof library_names / sizeof *library_names; i++) {
        void *library = dlopen(library_names[i], RTLD_NOW | RTLD_LOCAL);
        if (library == NULL || !find(library, "cblas_sgemm", &sgemm)) continue;
        blas.about = "OpenBLAS";
        if (find(library, "openblas_get_config", &about))
            blas.about = ((config_fn *)about)();
        blas.is_parallel_safe = find(library, "openblas_get_parallel", &parallel) &&
                                find(library, "openblas_get_num_threads", &threads) &&
                                ((number_fn *)parallel)() != FLAVOUR_SERIAL &&
                                ((number_fn *)threads)() == 1;
        blas.sgemm = (sgemm_fn *)sgemm;
        return;
    }
}

bool enc_gemm_blas_open(void)
{
    pthread_mutex_lock(&blas.lock);
    if (!blas.was_tried && can_start(count_threads() - 1)) open_library();
    blas.was_tried = true;
    bool is_open = blas.sgemm != NULL;
    pthread_mutex_unlock(&blas.lock);
    return is_open;
}

bool enc_gemm_blas_is_open(void)
{
    return blas.sgemm != NULL;
}

bool enc_gemm_blas_is_parallel_safe(void)
{
    return blas.is_parallel_safe;
}

const char *enc_gemm_about(void)
{
    return blas.about;
}

void enc_gemm_blas(const enc_gemm *g)
{
    bool is_alone = !blas.is_parallel_safe;
    if (is_alone) pthread_mutex_lock(&blas.lock);
    blas.sgemm(ROW_MAJOR, g->a_trans ? TRANS : NO_TRANS, g->b_trans ? TRANS : NO_TRANS,
               (int)g->m, (int)g->n, (int)g->k, 1.0f, g->a, (int)g->lda, g->b,
               (int)g->ldb, g->keep, g->c, (int)g->ldc);
    if (is_alone) pthread_mutex_unlock(&blas.lock);
}
