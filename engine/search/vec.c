/* vec.c - see vec.h. Products of two floats are exact in double; the sums are not, and
 * err by at most (n / 8 + 8) 2^-53 of the sum of absolute values: scan.c counts on it. */
#include "search/vec.h"

#include "search/vec_loops.inc"

double enc_vec_distance(enc_metric m, const float *a, const float *b, size_t n)
{
    return distance(m, a, b, n);
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
