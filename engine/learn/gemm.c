/* gemm.c - which kernel makes a product, see gemm.h. It is asked here and not in the
 * kernels' files, all of which is compiled for a CPU that can. */
#include "learn/gemm.h"

/* Products of two numbers that are made between two questions: some 50 ms. For fewer rows
 * at a time laying out B would cost too much. */
#define PART_PRODUCTS ((size_t)1 << 31)
#define PART_ROWS     384
#define STEP_PRODUCTS ((size_t)1 << 12) /* that are a step of ask.h */

/* Our f32 kernel for this CPU; NULL: there is none. */
static enc_gemm_kernel *own_kernel(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
        return enc_gemm_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return enc_gemm_avx2;
#endif
    return NULL;
}

bool enc_gemm_has_bf16(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl");
#else
    return false;
#endif
}

void enc_gemm_open(void)
{
    if (own_kernel() == NULL) enc_gemm_blas_open();
}

bool enc_gemm_is_parallel_safe(void)
{
    return own_kernel() != NULL || !enc_gemm_blas_is_open() ||
           enc_gemm_blas_is_parallel_safe();
}

void enc_gemm_run(const enc_gemm *g)
{
    enc_gemm_kernel *own = own_kernel();
    if (g->m == 0 || g->n == 0) return;
    if (g->bf16 && enc_gemm_has_bf16() && enc_gemm_bf16(g)) return;
    if (own != NULL) own(g);
    else if (enc_gemm_blas_is_open()) enc_gemm_blas(g);
    else enc_gemm_plain(g);
}

bool enc_gemm_run_asking(const enc_gemm *g, enc_stop *stop)
{
    size_t row = g->n * g->k + 1, rows = PART_PRODUCTS / row;
    enc_gemm part = *g;
    if (rows < PART_ROWS) rows = PART_ROWS;
    for (size_t m = 0; m < g->m; m += part.m) {
        part.m = g->m - m < rows ? g->m - m : rows;
        part.a = g->a + (g->a_trans ? m : m * g->lda);
        part.c = g->c + m * g->ldc;
        enc_gemm_run(&part);
        if (enc_stop_on(stop, part.m * row / STEP_PRODUCTS + 1)) return true;
    }
    return false;
}
