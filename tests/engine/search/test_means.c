/* test_means.c - k-means finds groups that lie apart, gives every row to the mean of the
 * greatest score, and is the same for the same seed. */
#include "search/means.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "check.h"

#define ROWS 300
#define DIMS 20

typedef struct rows {
    int8_t *code; /* ROWS x 64 */
    enc_source at[ROWS];
    size_t which[ROWS];
} rows;

/* Row i lies around axis i % n_groups. */
static rows rows_new(size_t n_groups, float spread)
{
    rows r = {.code = enc_mem_zero_array(ROWS, 64)};
    enc_rng rng = {5};
    if (r.code == NULL) abort();
    for (size_t i = 0; i < ROWS; i++) {
        float v[DIMS];
        enc_code c;
        for (size_t j = 0; j < DIMS; j++) v[j] = spread * enc_rng_normal(&rng);
        v[i % n_groups] += 1.0f;
        enc_code_of(v, DIMS, r.code + i * 64, &c);
        r.at[i] = (enc_source){r.code + i * 64, c.scale};
        r.which[i] = i;
    }
    return r;
}

static void groups_that_lie_apart_are_found(void)
{
    for (int is_unit = 0; is_unit < 2; is_unit++) {
        rows r = rows_new(3, 0.02f);
        enc_means m;
        float score, mean[DIMS];
        size_t of[3], n_whole = 0;
        CHECK(enc_means_init(&m, 12, DIMS, is_unit == 1));
        CHECK(enc_means_find(&m, r.at, r.which, ROWS, 1));
        for (size_t i = 0; i < ROWS; i++) {
            size_t to = enc_means_nearest(&m, &r.at[i], &score);
            enc_means_get(&m, to, mean);
            n_whole += fabsf(mean[i % 3] - 1.0f) < 0.1f ? 1 : 0;
        }
        CHECK_SAY(n_whole == ROWS, "%zu of %d rows", n_whole, ROWS);
        for (size_t g = 0; g < 3; g++) of[g] = enc_means_nearest(&m, &r.at[g], &score);
        CHECK(of[0] != of[1] && of[1] != of[2] && of[0] != of[2]);
        enc_means_clear(&m);
        enc_mem_free(r.code);
    }
}

static void the_nearest_has_the_greatest_score(void)
{
    rows r = rows_new(7, 0.5f);
    enc_means m;
    CHECK(enc_means_init(&m, 40, DIMS, false));
    CHECK(enc_means_find(&m, r.at, r.which, ROWS, 2));
    for (size_t i = 0; i < ROWS; i++) {
        float scores[40], score;
        size_t to = enc_means_nearest(&m, &r.at[i], &score);
        enc_means_score(&m, &r.at[i], 0, 40, scores);
        for (size_t j = 0; j < 40; j++)
            CHECK(j < to ? scores[j] < score : scores[j] <= score);
    }
    enc_means_clear(&m);
    enc_mem_free(r.code);
}

static void the_same_seed_gives_the_same_means(void)
{
    rows r = rows_new(7, 0.5f);
    enc_means a, b;
    CHECK(enc_means_init(&a, 9, DIMS, true) && enc_means_init(&b, 9, DIMS, true));
    CHECK(enc_means_find(&a, r.at, r.which, ROWS, 3));
    CHECK(enc_means_find(&b, r.at, r.which, ROWS, 3));
    CHECK(memcmp(a.code, b.code, 9 * a.stride) == 0);
    enc_means_clear(&a);
    enc_means_clear(&b);
    enc_mem_free(r.code);
}

static void no_rows_and_no_memory_are_borne(void)
{
    rows r = rows_new(2, 0.1f);
    enc_means m;
    float mean[DIMS];
    size_t live = enc_mem_live();
    bool was_good = false;
    for (size_t i = 1; i < 20 && !was_good; i++) {
        enc_mem_fault(i, false);
        was_good = enc_means_init(&m, 3, DIMS, false);
        if (was_good) was_good = enc_means_find(&m, r.at, r.which, ROWS, 4);
        enc_mem_fault(0, false);
        enc_means_clear(&m);
        CHECK(enc_mem_live() == live);
    }
    CHECK(was_good);
    CHECK(enc_means_init(&m, 3, DIMS, false) && enc_means_find(&m, r.at, r.which, 0, 4));
    enc_means_get(&m, 2, mean);
    for (size_t j = 0; j < DIMS; j++) CHECK(fabsf(mean[j]) <= 0.0f);
    enc_means_clear(&m);
    enc_mem_free(r.code);
}

int main(void)
{
    groups_that_lie_apart_are_found();
    the_nearest_has_the_greatest_score();
    the_same_seed_gives_the_same_means();
    no_rows_and_no_memory_are_borne();
    return check_done("means");
}
