/* act.c - see act.h. */
#include "encode/act.h"

#include <math.h>

#include "encode/kern.h"

/* Hendrycks and Gimpel 2016: x Phi(x), and its approximation by tanh. */
double enc_act_of(double x, int act)
{
    switch (act) {
    case ENC_GELU: return x * 0.5 * erfc(-x * 0.70710678118654752);
    case ENC_GELU_TANH:
        return 0.5 * x * (1.0 + tanh(0.79788456080286536 * (x + 0.044715 * x * x * x)));
    case ENC_RELU: return x < 0.0 ? 0.0 : x;
    case ENC_SILU: return x / (1.0 + exp(-x));
    case ENC_TANH: return tanh(x);
    default: return x;
    }
}

void enc_act_run(int act, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] = (float)enc_act_of((double)x[i], act);
}
