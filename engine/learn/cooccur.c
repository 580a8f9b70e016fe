/* cooccur.c - see cooccur.h. Letters: V pieces, C contexts, D width; M is V x C. */
#include "learn/cooccur.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "learn/gemm.h"

#define WINDOW       4                  /* pieces to each side, weighing 1 / distance */
#define CONTEXTS_MAX ((size_t)8192)     /* the most frequent pieces */
#define TOKENS_MAX   ((size_t)40 << 20) /* of the corpus that are looked at */
#define ITERATIONS   4                  /* of the subspace */
#define SMOOTHING    0.75               /* exponent of a context's frequency */
#define SWEEPS       12                 /* of Jacobi's rotations; it converges in fewer */
#define ROUNDING     1e-12 /* part of a column's square that float32 makes up */

typedef struct factoring {
    size_t V, C, D;
    uint32_t *context; /* V: a piece's column, or C if it has none */
    float *m;          /* V x C */
    float *q, *y;      /* V x D: the subspace, and M M' q */
    float *z;          /* C x D: M' q */
    double *gram;      /* D x D */
    double *vectors;   /* D x D: eigenvectors, by column */
    enc_gemm_room room;
    enc_stop *stop; /* functions that take long return true when it says so */
} factoring;

static enc_rc make(factoring *f, const enc_corpus *c, size_t D, enc_err *e)
{
    size_t V = f->V = c->n_vocab;
    f->C = V < CONTEXTS_MAX ? V : CONTEXTS_MAX;
    f->D = D;
    f->context = enc_mem_array(V, sizeof *f->context);
    f->m = enc_mem_zero_array(V * f->C, sizeof *f->m);
    f->q = enc_mem_array(V * D, sizeof *f->q);
    f->y = enc_mem_array(V * D, sizeof *f->y);
    f->z = enc_mem_array(f->C * D, sizeof *f->z);
    f->gram = enc_mem_array(D * D, sizeof *f->gram);
    f->vectors = enc_mem_array(D * D, sizeof *f->vectors);
    if (f->context == NULL || f->m == NULL || f->q == NULL || f->y == NULL ||
        f->z == NULL || f->gram == NULL || f->vectors == NULL)
        return enc_nomem(e);
    return enc_gemm_room_init(&f->room, e);
}

static void clear(factoring *f)
{
    enc_mem_free(f->context);
    enc_mem_free(f->m);
    enc_mem_free(f->q);
    enc_mem_free(f->y);
    enc_mem_free(f->z);
    enc_mem_free(f->gram);
    enc_mem_free(f->vectors);
    enc_gemm_room_clear(&f->room);
}

/* Gives columns to the C most frequent pieces: the least count that fits is found by
 * halving, ties at it go to the lower ids. y serves as the counts. */
static void choose_contexts(factoring *f, const enc_corpus *c)
{
    float *count = f->y;
    size_t low = 0, high = c->n_ids + 1, n = 0;
    memset(count, 0, f->V * sizeof *count);
    for (size_t i = 0; i < c->n_ids; i++) count[c->ids[i]] += 1.0f;
    while (high - low >
           1) { /* more than C pieces have at least low, at most C have high */
        size_t middle = low + (high - low) / 2, above = 0;
        for (size_t i = 0; i < f->V; i++) above += count[i] >= (float)middle;
        if (above > f->C) low = middle;
        else high = middle;
    }
    for (size_t i = 0; i < f->V; i++)
        f->context[i] = count[i] >= (float)high ? (uint32_t)n++ : (uint32_t)f->C;
    for (size_t i = 0; i < f->V && n < f->C; i++)
        if (f->context[i] == f->C && count[i] >= (float)low)
            f->context[i] = (uint32_t)n++;
}

static bool count_neighbours(factoring *f, const enc_corpus *c)
{
    for (size_t p = 0; p < c->n_paragraphs && c->paragraphs[p] < TOKENS_MAX; p++) {
        for (size_t i = c->paragraphs[p]; i < c->paragraphs[p + 1]; i++)
            for (size_t d = 1; d <= WINDOW && i + d < c->paragraphs[p + 1]; d++) {
                size_t a = (size_t)c->ids[i], b = (size_t)c->ids[i + d];
                float weight = 1.0f / (float)d;
                if (f->context[b] < f->C) f->m[a * f->C + f->context[b]] += weight;
                if (f->context[a] < f->C) f->m[b * f->C + f->context[a]] += weight;
            }
        if (enc_stop_on(f->stop, c->paragraphs[p + 1] - c->paragraphs[p] + 1))
            return true;
    }
    return false;
}

/* Counts -> max(0, log of p(a, b) / (p(a) p(b))), contexts smoothed. z holds the columns'
 * sums. */
static bool to_information(factoring *f)
{
    float *column = f->z;
    double total = 0.0;
    memset(column, 0, f->C * sizeof *column);
    for (size_t i = 0; i < f->V; i++) {
        for (size_t j = 0; j < f->C; j++) column[j] += f->m[i * f->C + j];
        if (enc_stop_on(f->stop, f->C / 256 + 1)) return true;
    }
    for (size_t j = 0; j < f->C; j++) total += pow((double)column[j], SMOOTHING);
    for (size_t j = 0; j < f->C; j++)
        column[j] = (float)(pow((double)column[j], SMOOTHING) / total);
    for (size_t i = 0; i < f->V; i++) {
        float *row = f->m + i * f->C, sum = 0.0f;
        for (size_t j = 0; j < f->C; j++) sum += row[j];
        for (size_t j = 0; j < f->C; j++)
            if (row[j] > 0.0f) row[j] = fmaxf(0.0f, logf(row[j] / (sum * column[j])));
        if (enc_stop_on(f->stop, f->C / 64 + 1)) return true;
    }
    return false;
}

/* gram = x' x, for x n x D. */
static bool gram_of(factoring *f, const float *x, size_t n)
{
    size_t D = f->D;
    memset(f->gram, 0, D * D * sizeof *f->gram);
    for (size_t i = 0; i < n; i++) {
        for (size_t a = 0; a < D; a++) {
            double xa = (double)x[i * D + a];
            for (size_t b = 0; b < D; b++)
                f->gram[a * D + b] += xa * (double)x[i * D + b];
        }
        if (enc_stop_on(f->stop, D * D / 1024 + 1)) return true;
    }
    return false;
}

/* gram = L L'. A column that is a sum of those before it, but for what rounding leaves,
 * has a diagonal of 0 and nothing below: few texts do not point in D directions. */
static bool factor(factoring *f)
{
    size_t D = f->D;
    double *g = f->gram;
    for (size_t j = 0; j < D; j++) {
        const double whole = g[j * D + j];
        for (size_t i = j; i < D; i++) {
            double sum = g[i * D + j];
            for (size_t k = 0; k < j; k++) sum -= g[i * D + k] * g[j * D + k];
            if (i == j) sum = sum > ROUNDING * whole ? sqrt(sum) : 0.0;
            else sum = g[j * D + j] > 0.0 ? sum / g[j * D + j] : 0.0;
            g[i * D + j] = sum;
        }
        if (enc_stop_on(f->stop, D * D / 1024 + 1)) return true;
    }
    return false;
}

/* q = the columns of y made orthonormal: y L^-T (Cholesky QR); those that add nothing to
 * the ones before become 0. */
static bool orthonormalize(factoring *f)
{
    size_t D = f->D;
    double *g = f->gram;
    if (gram_of(f, f->y, f->V) || factor(f)) return true;
    for (size_t i = 0; i < f->V; i++) {
        for (size_t j = 0; j < D; j++) {
            double sum = (double)f->y[i * D + j];
            for (size_t k = 0; k < j; k++) sum -= (double)f->q[i * D + k] * g[j * D + k];
            f->q[i * D + j] = g[j * D + j] > 0.0 ? (float)(sum / g[j * D + j]) : 0.0f;
        }
        if (enc_stop_on(f->stop, D * D / 1024 + 1)) return true;
    }
    return false;
}

static bool multiply(factoring *f)
{
    size_t V = f->V, C = f->C, D = f->D;
    const enc_gemm first = {.a = f->m,
                            .b = f->q,
                            .c = f->z,
                            .m = C,
                            .n = D,
                            .k = V,
                            .lda = C,
                            .ldb = D,
                            .ldc = D,
                            .a_trans = true,
                            .bf16 = true,
                            .room = &f->room};
    const enc_gemm second = {.a = f->m,
                             .b = f->z,
                             .c = f->y,
                             .m = V,
                             .n = D,
                             .k = C,
                             .lda = C,
                             .ldb = D,
                             .ldc = D,
                             .bf16 = true,
                             .room = &f->room};
    return enc_gemm_run_asking(&first, f->stop) || enc_gemm_run_asking(&second, f->stop);
}

static void rotate(double *g, double *v, size_t D, size_t p, size_t q)
{
    double theta = (g[q * D + q] - g[p * D + p]) / (2.0 * g[p * D + q]);
    double t = copysign(1.0, theta) / (fabs(theta) + sqrt(theta * theta + 1.0));
    double c = 1.0 / sqrt(t * t + 1.0), s = t * c;
    for (size_t k = 0; k < D; k++) {
        double a = g[k * D + p], b = g[k * D + q];
        g[k * D + p] = c * a - s * b;
        g[k * D + q] = s * a + c * b;
    }
    for (size_t k = 0; k < D; k++) {
        double a = g[p * D + k], b = g[q * D + k];
        g[p * D + k] = c * a - s * b;
        g[q * D + k] = s * a + c * b;
        a = v[k * D + p], b = v[k * D + q];
        v[k * D + p] = c * a - s * b;
        v[k * D + q] = s * a + c * b;
    }
}

/* Eigenvalues of gram onto its diagonal, vectors into the columns of f->vectors, by
 * Jacobi's method (Golub and Van Loan, 8.5). */
static bool diagonalize(factoring *f)
{
    size_t D = f->D;
    double *g = f->gram, whole = 0.0;
    memset(f->vectors, 0, D * D * sizeof *f->vectors);
    for (size_t i = 0; i < D; i++) {
        f->vectors[i * D + i] = 1.0;
        whole += g[i * D + i];
    }
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (size_t p = 0; p + 1 < D; p++)
            for (size_t q = p + 1; q < D; q++) {
                if (fabs(g[p * D + q]) > 1e-12 * whole) rotate(g, f->vectors, D, p, q);
                if (enc_stop_on(f->stop, D / 64 + 1)) return true;
            }
    return false;
}

/* Rows q V diag(s^1/2), the largest s left out, each made `norm` long. */
static bool write_rows(factoring *f, float norm, float *table)
{
    size_t D = f->D, first = 0;
    for (size_t j = 0; j < D; j++)
        if (f->gram[j * D + j] > f->gram[first * D + first]) first = j;
    for (size_t i = 0; i < f->V; i++) {
        double square = 0.0;
        if (enc_stop_on(f->stop, D * D / 512 + 1)) return true;
        float *row = f->y + i * D;
        for (size_t j = 0; j < D; j++) {
            double sum = 0.0, value = f->gram[j * D + j];
            for (size_t k = 0; k < D; k++)
                sum += (double)f->q[i * D + k] * f->vectors[k * D + j];
            row[j] =
                j == first ? 0.0f : (float)(sum * pow(value > 0.0 ? value : 0.0, 0.25));
            square += (double)row[j] * (double)row[j];
        }
        if (square < 1e-8) continue;
        for (size_t j = 0; j < D; j++)
            table[i * D + j] = (float)((double)(row[j] * norm) / sqrt(square));
    }
    return false;
}

/* q: a random subspace that M M' is applied to. */
static bool iterate(factoring *f, uint64_t seed)
{
    enc_rng rng = {seed};
    for (size_t i = 0; i < f->V; i++) {
        for (size_t j = 0; j < f->D; j++) f->y[i * f->D + j] = enc_rng_normal(&rng);
        if (enc_stop_on(f->stop, f->D / 8 + 1)) return true;
    }
    for (int i = 0; i < ITERATIONS; i++)
        if (orthonormalize(f) || multiply(f)) return true;
    return orthonormalize(f) || multiply(f);
}

enc_rc enc_cooccur_vectors(const enc_corpus *c, size_t D, uint64_t seed, float norm,
                           float *table, enc_stop *stop, enc_err *e)
{
    factoring f = {.stop = stop};
    enc_gemm_open();
    enc_rc rc = make(&f, c, D, e);
    if (rc == ENC_OK) {
        choose_contexts(&f, c);
        if (count_neighbours(&f, c) || to_information(&f) || iterate(&f, seed) ||
            gram_of(&f, f.z, f.C) || /* q' M M' q: squares of singular values */
            diagonalize(&f) || write_rows(&f, norm, table))
            rc = enc_stop_rc(stop, e);
    }
    clear(&f);
    return rc;
}
