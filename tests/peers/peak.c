/* peak.c - what one core can multiply at most: GFLOP/s by f32 fused multiply-add, GOP/s
 * by products of int8 and of bfloat16, each with the widest instructions this CPU has. A
 * line for each: name, instructions, billion operations a second.
 *
 * Sums stay in registers, enough of them that none waits for another; the best of several
 * turns by processor time counts, because other work can only slow a turn down. */
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#define STEPS ((size_t)1000000)
#define TURNS 20

typedef struct peak {
    const char *name, *instructions;
    double per_step; /* operations: a multiplication and an addition are two */
    void (*loop)(void);
} peak;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>

/* STEPS times ten independent sums in registers. Empty assembly keeps the compiler from
 * seeing that the sums are alike, and that nobody reads them. */
#define EACH _Pragma("GCC unroll 10") for (int j = 0; j < 10; j++)
#define LOOP(name, features, type, start, step)                                          \
    __attribute__((target(features))) static void name(void)                             \
    {                                                                                    \
        type s[10], x = start, y = start;                                                \
        EACH s[j] = start;                                                               \
        EACH __asm__ volatile("" : "+v"(s[j]));                                          \
        for (size_t i = 0; i < STEPS; i++) {                                             \
            __asm__ volatile("" : "+v"(x), "+v"(y));                                     \
            EACH s[j] = step;                                                            \
        }                                                                                \
        EACH __asm__ volatile("" : "+v"(s[j]));                                          \
    }

LOOP(f32_avx2, "avx2,fma", __m256, _mm256_set1_ps(0.5f), _mm256_fmadd_ps(x, y, s[j]))
LOOP(f32_avx512, "avx512f", __m512, _mm512_set1_ps(0.5f), _mm512_fmadd_ps(x, y, s[j]))
LOOP(int8_avx2, "avx2", __m256i, _mm256_set1_epi8(1),
     _mm256_add_epi32(s[j], _mm256_madd_epi16(_mm256_maddubs_epi16(x, s[j]), y)))
LOOP(int8_vnni, "avxvnni", __m256i, _mm256_set1_epi8(1),
     _mm256_dpbusd_avx_epi32(s[j], x, y))
LOOP(int8_avx512, "avx512f,avx512vnni", __m512i, _mm512_set1_epi8(1),
     _mm512_dpbusd_epi32(s[j], x, y))

typedef union bf16s {
    __m512 f;
    __m512bh b;
} bf16s;
LOOP(bf16_avx512, "avx512f,avx512bf16", __m512, _mm512_set1_ps(0.5f),
     _mm512_dpbf16_ps(s[j], ((bf16s){.f = x}).b, ((bf16s){.f = y}).b))

/* Not every compiler knows it by name: CPUID leaf 7, subleaf 1, EAX bit 4. */
static bool has_avx_vnni(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1) != 0;
}

static const peak *find_peaks(size_t *n)
{
    static peak found[3];
    *n = 0;
    if (__builtin_cpu_supports("avx512f"))
        found[(*n)++] = (peak){"f32", "AVX-512 FMA", 320, f32_avx512};
    else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        found[(*n)++] = (peak){"f32", "AVX2 FMA", 160, f32_avx2};
    if (__builtin_cpu_supports("avx512bf16"))
        found[(*n)++] = (peak){"bf16", "AVX512-BF16", 640, bf16_avx512};
    if (__builtin_cpu_supports("avx512vnni"))
        found[(*n)++] = (peak){"int8", "AVX512-VNNI", 1280, int8_avx512};
    else if (has_avx_vnni()) found[(*n)++] = (peak){"int8", "AVX-VNNI", 640, int8_vnni};
    else if (__builtin_cpu_supports("avx2"))
        found[(*n)++] = (peak){"int8", "AVX2 vpmaddubsw, vpmaddwd", 640, int8_avx2};
    return found;
}
#else
static const peak *find_peaks(size_t *n)
{
    *n = 0;
    return NULL;
}
#endif

static double measure(const peak *p)
{
    double best = 0;
    for (int i = 0; i < TURNS; i++) {
        double start = now();
        p->loop();
        double speed = (double)STEPS * p->per_step / (now() - start) / 1e9;
        if (speed > best) best = speed;
    }
    return best;
}

int main(void)
{
    size_t n;
    const peak *peaks = find_peaks(&n);
    for (size_t i = 0; i < n; i++)
        printf("%s\t%s\t%.1f\n", peaks[i].name, peaks[i].instructions,
               measure(&peaks[i]));
    return 0;
}
