/* gemm_blas.c - the only door to OpenBLAS, see gemm.h. dlopen by name: nothing links to
 * it. */
#include "learn/gemm.h"

#include <dlfcn.h>
#include <pthread.h>

/* As cblas.h declares them; enums are int. */
typedef void sgemm_fn(int order, int a_trans, int b_trans, int m, int n, int k,
                      float alpha, const float *a, int lda, const float *b, int ldb,
                      float beta, float *c, int ldc);
typedef char *config_fn(void);
typedef int number_fn(void);

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };
enum { FLAVOUR_SERIAL = 0 };

static const char *const library_names[] = {"libopenblas.so.0", "libopenblas.so",
                                            "libopenblas.0.dylib"};

static struct {
    pthread_mutex_t lock;
    sgemm_fn *sgemm;
    const char *about;
    bool is_parallel_safe;
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

enc_rc enc_gemm_blas_open(enc_err *e)
{
    pthread_mutex_lock(&blas.lock);
    if (blas.sgemm == NULL) open_library();
    bool is_open = blas.sgemm != NULL;
    pthread_mutex_unlock(&blas.lock);
    if (is_open) return ENC_OK;
    return enc_fail(e, ENC_UNSUPPORTED,
                    "training needs OpenBLAS, and libopenblas.so.0 cannot be opened "
                    "(apt-get install libopenblas0-pthread)");
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
