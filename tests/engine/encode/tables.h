/* tables.h - every table of kern.h that can be computed here: those this CPU runs, and
 * the others as the Makefile compiles them for emulated instructions; and arrays to try
 * them on. */
#ifndef TABLES_H
#define TABLES_H

#include <stdlib.h>

#include "base/rng.h"
#include "encode/kern.h"

#define TABLES_MAX 10

#if defined(__x86_64__)
extern const enc_kern *const emulated_avx2_vnni;
extern const enc_kern *const emulated_avx512;
extern const enc_kern *const emulated_avx512_vnni;
extern const enc_kern *const emulated_avx512_bf16;
#endif

/* The plain one first, then those of this CPU, the fastest last, then the emulated ones;
 * *n_own is how many are not emulated. */
static inline size_t list_tables(const enc_kern *out[TABLES_MAX], size_t *n_own)
{
    static const char *const names[] = {"plain",  "avx2",        "avx2-vnni",
                                        "avx512", "avx512-vnni", "avx512-bf16"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if ((out[n] = enc_kern_find(names[i])) != NULL) n++;
    *n_own = n;
#if defined(__x86_64__)
    if (enc_kern_find("avx2") == NULL) return n; /* they are compiled for at least that */
    out[n++] = emulated_avx2_vnni;
    out[n++] = emulated_avx512;
    out[n++] = emulated_avx512_vnni;
    out[n++] = emulated_avx512_bf16;
#endif
    return n;
}

/* To the byte, so that sanitizers see any access beside it. */
static inline void *exact(size_t n, size_t size)
{
    void *p = malloc(n * size > 0 ? n * size : 1);
    if (p == NULL) abort();
    return p;
}

static inline float *random_floats(enc_rng *r, size_t n)
{
    float *f = exact(n, sizeof *f);
    for (size_t i = 0; i < n; i++) f[i] = enc_rng_normal(r);
    return f;
}

#endif
