/* vec.c - see vec.h. Products of two floats are exact in double; the sums are not, and
 * err by at most (n / 8 + 8) 2^-53 of the sum of absolute values: scan.c counts on it. */
#include "search/vec.h"

#include <math.h>

#define LANES 8

static double tree(const double s[LANES])
{
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static double dot(const float *a, const float *b, size_t n)
{
    double s[LANES] = {0.0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++) s[j] += (double)a[i + j] * (double)b[i + j];
    for (size_t j = 0; i < n; i++, j++) s[j] += (double)a[i] * (double)b[i];
    return tree(s);
}

static double l2(const float *a, const float *b, size_t n)
{
    double s[LANES] = {0.0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++) {
            double d = (double)a[i + j] - (double)b[i + j];
            s[j] += d * d;
        }
    for (size_t j = 0; i < n; i++, j++) {
        double d = (double)a[i] - (double)b[i];
        s[j] += d * d;
    }
    return sqrt(tree(s));
}

static double cosine(const float *a, const float *b, size_t n)
{
    double aa = dot(a, a, n), bb = dot(b, b, n);
    if (aa <= 0.0 || bb <= 0.0) return (double)NAN;
    double d = 1.0 - dot(a, b, n) / (sqrt(aa) * sqrt(bb));
    return d < 0.0 ? 0.0 : d > 2.0 ? 2.0 : d;
}

double enc_vec_distance(enc_metric m, const float *a, const float *b, size_t n)
{
    switch (m) {
    case ENC_COSINE: return cosine(a, b, n);
    case ENC_DOT: return -dot(a, b, n);
    case ENC_L2: return l2(a, b, n);
    }
    return (double)NAN;
}

double enc_vec_similarity(enc_metric m, double distance)
{
    switch (m) {
    case ENC_COSINE: return 1.0 - distance;
    case ENC_DOT: return -distance;
    case ENC_L2: return 1.0 / (1.0 + distance);
    }
    return (double)NAN;
}
