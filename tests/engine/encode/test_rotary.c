/* test_rotary.c - turned pairs against complex numbers, and what is kept of them. */
#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "check.h"
#include "encode/rotary.h"

#define HEADS  3
#define DIMS   20 /* of a head */
#define PLACES 9000

/* CMPLX is not for every compiler. */
static double complex complex_of(double real, double imaginary)
{
    return real + imaginary * (double complex)I;
}

/* A pair as a number of the plane, times that of the angle. */
static double complex turned(const float *head, size_t half, size_t m, double angle)
{
    return complex_of((double)head[m], (double)head[m + half]) *
           cexp(complex_of(0.0, angle));
}

static double angle_of(size_t place, size_t m, double theta, double f, double d)
{
    return (double)place / (pow(theta * f, 2.0 * (double)m / d) * pow(f, 2.0 / d));
}

static void pairs_are_turned_by_their_angle(float theta, float scale, size_t dims)
{
    static const size_t places[] = {0, 1, 2, 17, 511, 8191};
    const size_t half = dims / 2;
    const double f = scale > 1.0f ? (double)scale : 1.0;
    enc_rng r = {1};
    enc_rotary rotary = {0};
    double worst = 0.0;
    size_t n_touched = 0;
    CHECK(enc_rotary_grow(&rotary, theta, scale, dims, PLACES));
    for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
        float was[HEADS * DIMS], is[HEADS * DIMS];
        for (size_t i = 0; i < HEADS * DIMS; i++) was[i] = enc_rng_normal(&r);
        memcpy(is, was, sizeof is);
        enc_rotary_turn(&rotary, places[p], is, HEADS, DIMS);
        for (size_t h = 0; h < HEADS; h++) {
            const float *a = was + h * DIMS, *b = is + h * DIMS;
            for (size_t m = 0; m < half; m++) {
                const double angle =
                    angle_of(places[p], m, (double)theta, f, (double)dims);
                const double complex z = turned(a, half, m, angle);
                const double off =
                    cabs(z - complex_of((double)b[m], (double)b[m + half])) /
                    (1.0 + cabs(z));
                if (!(off <= worst)) worst = off;
            }
            n_touched += memcmp(a + dims, b + dims, (DIMS - dims) * sizeof *a) != 0;
        }
        if (places[p] == 0) CHECK(memcmp(was, is, sizeof is) == 0);
    }
    /* Sine and cosine, two products and a sum each round once. */
    CHECK_SAY(worst < 4.0 * 0x1p-24, "theta %g, scale %g, %zu of %d: off by %g",
              (double)theta, (double)scale, dims, DIMS, worst);
    CHECK(n_touched == 0);
    enc_rotary_clear(&rotary);
}

static double product_at(const enc_rotary *r, const float *q, const float *k, size_t i,
                         size_t j)
{
    float a[DIMS], b[DIMS];
    double sum = 0.0;
    memcpy(a, q, sizeof a);
    memcpy(b, k, sizeof b);
    enc_rotary_turn(r, i, a, 1, DIMS);
    enc_rotary_turn(r, j, b, 1, DIMS);
    for (size_t d = 0; d < DIMS; d++) sum += (double)a[d] * (double)b[d];
    return sum;
}

static void a_product_knows_the_distance_alone(void)
{
    enc_rng r = {2};
    enc_rotary rotary = {0};
    float q[DIMS], k[DIMS];
    for (size_t d = 0; d < DIMS; d++)
        q[d] = enc_rng_normal(&r), k[d] = enc_rng_normal(&r);
    CHECK(enc_rotary_grow(&rotary, 10000.0f, 1.0f, DIMS, 400));
    for (size_t distance = 0; distance < 100; distance += 9) {
        const double first = product_at(&rotary, q, k, 0, distance);
        for (size_t i = 1; i < 300; i += 37)
            CHECK(fabs(product_at(&rotary, q, k, i, i + distance) - first) < 1e-5);
    }
    CHECK(fabs(product_at(&rotary, q, k, 0, 50) - product_at(&rotary, q, k, 50, 0)) >
          1e-3);
    enc_rotary_clear(&rotary);
}

static void growing_keeps_what_is_there(void)
{
    enc_rotary rotary = {0}, whole = {0};
    CHECK(enc_rotary_grow(&whole, 1000.0f, 2.0f, 8, 300));
    for (size_t n = 1; n <= 300; n += n < 20 ? 1 : 93) {
        CHECK(enc_rotary_grow(&rotary, 1000.0f, 2.0f, 8, n));
        CHECK(rotary.n >= n);
        CHECK(memcmp(rotary.at, whole.at, n * 8 * sizeof(float)) == 0);
    }
    const float *before = rotary.at;
    CHECK(enc_rotary_grow(&rotary, 1000.0f, 2.0f, 8, 5) && rotary.at == before);
    enc_rotary_clear(&rotary);
    enc_rotary_clear(&whole);
}

/* A work area serves one model after another. */
static void other_values_are_made_anew(void)
{
    static const float values[][2] = {{1000.0f, 1.0f}, {500.0f, 1.0f}, {500.0f, 4.0f}};
    enc_rotary rotary = {0};
    for (size_t i = 0; i < 6; i++) {
        const float theta = values[i % 3][0], scale = values[i % 3][1];
        const size_t dims = i < 3 ? 8 : 6;
        enc_rotary fresh = {0};
        CHECK(enc_rotary_grow(&rotary, theta, scale, dims, 10));
        CHECK(enc_rotary_grow(&fresh, theta, scale, dims, 10));
        CHECK(memcmp(rotary.at, fresh.at, 10 * dims * sizeof(float)) == 0);
        enc_rotary_clear(&fresh);
    }
    enc_rotary_clear(&rotary);
}

static void no_memory_leaves_it_empty(void)
{
    const size_t n_before = enc_mem_live();
    enc_rotary rotary = {0};
    CHECK(enc_rotary_grow(&rotary, 1000.0f, 1.0f, 8, 10));
    enc_mem_fault(1, false);
    CHECK(!enc_rotary_grow(&rotary, 1000.0f, 1.0f, 8, 1000));
    enc_mem_fault(0, false);
    CHECK(rotary.n == 0 && rotary.at == NULL && enc_mem_live() == n_before);
    CHECK(enc_rotary_grow(&rotary, 1000.0f, 1.0f, 8, 10) && rotary.n == 10);
    CHECK(!enc_rotary_grow(&rotary, 1000.0f, 1.0f, 8, SIZE_MAX / 4));
    enc_rotary_clear(&rotary);
    enc_rotary_clear(&rotary);
    CHECK(enc_mem_live() == n_before);
}

int main(void)
{
    pairs_are_turned_by_their_angle(10000.0f, 1.0f, DIMS);
    pairs_are_turned_by_their_angle(10000.0f, 0.0f, DIMS);
    pairs_are_turned_by_their_angle(160000.0f, 1.0f, 2);
    pairs_are_turned_by_their_angle(20000.0f, 8.0f, DIMS);
    pairs_are_turned_by_their_angle(1000.0f, 2.0f, 6);
    a_product_knows_the_distance_alone();
    growing_keeps_what_is_there();
    other_values_are_made_anew();
    no_memory_leaves_it_empty();
    return check_done("rotary");
}
