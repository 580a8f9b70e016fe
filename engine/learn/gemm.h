/* gemm.h - the big products of training: by our own kernels on an x86-64 that has AVX2 or
 * AVX-512 (gemm_f32.inc), in bfloat16 at twice the speed where the CPU multiplies that
 * (gemm_bf16.c), on any other by OpenBLAS, and where that cannot be had by plain loops.
 *
 * Our kernels run on the thread that calls them; the trainer divides a step over threads
 * of its own.
 *
 * The door to OpenBLAS (gemm_blas.c) is opened when the first training needs it and never
 * before, because inference must not depend on it: its bits change with the shape of a
 * product, the number of threads and the CPU; and because its start-up can hang or kill a
 * process under a process limit: it starts a thread for each CPU as it is loaded, whether
 * it may or not. So we start as many first, and let it be if we cannot. Its settings are
 * the host's and are left alone. Only one that runs each product on its caller
 * (OPENBLAS_NUM_THREADS=1 in the environment) takes several callers. With any other,
 * products are made one at a time under a lock and the trainer keeps to one thread:
 * several callers would fight over OpenBLAS's threads (two of them were nine times
 * slower), and its serial flavour gives wrong results under several callers (32 of 20,410
 * when tried). */
#ifndef ENC_GEMM_H
#define ENC_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/stop.h"
#include "learn/gemm_room.h"

/* Opens OpenBLAS if this CPU needs it and this process can have it. What is chosen here
 * stays. */
void enc_gemm_open(void);
bool enc_gemm_is_parallel_safe(void);

/* C (m x n, rows ldc apart) = A B + keep * C. A is m x k, or k x m if a_trans; B is k x
 * n, or n x k if b_trans; rows lda and ldb apart. Only after enc_gemm_open. */
typedef struct enc_gemm {
    const float *a, *b;
    float *c;
    size_t m, n, k, lda, ldb, ldc;
    bool a_trans, b_trans;
    bool bf16;           /* in bfloat16, if the CPU can */
    float keep;          /* 0 or 1 */
    enc_gemm_room *room; /* the calling thread's */
} enc_gemm;

void enc_gemm_run(const enc_gemm *g);

/* The same in parts of rows, if it is that large, asking between them. True: told to
 * stop, and C may be half made. */
bool enc_gemm_run_asking(const enc_gemm *g, enc_stop *stop);
bool enc_gemm_has_bf16(void); /* this CPU can */

/* The ways to make one whose m and n are not 0, for this file and for tests. */
typedef void enc_gemm_kernel(const enc_gemm *g);
enc_gemm_kernel enc_gemm_plain, enc_gemm_avx2, enc_gemm_avx512;
bool enc_gemm_bf16(const enc_gemm *g); /* false: it cannot, or there is no memory */
enc_gemm_kernel enc_gemm_blas;         /* only if it is open */
bool enc_gemm_blas_open(void);         /* false: there is none, or not for this process */
bool enc_gemm_blas_is_open(void);
bool enc_gemm_blas_is_parallel_safe(void);

/* "OpenBLAS 0.3.21 ... Haswell", as the library describes itself; NULL if not open. */
const char *enc_gemm_about(void);

#endif
