/* test_filter.c - borders are inclusive, NaN is only in everything, bounds decide right.
 */
#include "search/filter.h"

#include <math.h>

#include "check.h"

#define OPEN                                                                             \
    {                                                                                    \
        .id_min = INT64_MIN, .id_max = INT64_MAX,                                        \
        .distance = {-(double)INFINITY, (double)INFINITY}, .similarity = {               \
            -(double)INFINITY,                                                           \
            (double)INFINITY                                                             \
        }                                                                                \
    }

static void ids_pass_by_range_and_by_set(void)
{
    enc_idset *s = enc_idset_new();
    enc_filter f = OPEN;
    CHECK(enc_idset_add(s, 3) && enc_idset_add(s, 7));
    CHECK(enc_filter_has_id(NULL, 5) && !enc_filter_is_by_id(NULL));
    CHECK(enc_filter_has_id(&f, INT64_MIN) && !enc_filter_is_by_id(&f));
    f.id_min = 3, f.id_max = 6;
    CHECK(enc_filter_is_by_id(&f) && enc_filter_has_id(&f, 3) &&
          enc_filter_has_id(&f, 6));
    CHECK(!enc_filter_has_id(&f, 2) && !enc_filter_has_id(&f, 7));
    f.in = s;
    CHECK(enc_filter_has_id(&f, 3) && !enc_filter_has_id(&f, 4) &&
          !enc_filter_has_id(&f, 7));
    f.in = NULL, f.not_in = s;
    CHECK(!enc_filter_has_id(&f, 3) && enc_filter_has_id(&f, 4));
    enc_idset_free(s);
}

static void nan_is_only_in_everything(void)
{
    enc_filter f = OPEN;
    CHECK(enc_filter_has(&f, ENC_COSINE, (double)NAN) &&
          enc_filter_has(NULL, ENC_DOT, 1.0));
    CHECK(enc_filter_may_have(&f, ENC_COSINE, (double)NAN, (double)NAN));
    f.distance.max = 5.0;
    CHECK(!enc_filter_has(&f, ENC_COSINE, (double)NAN) &&
          enc_filter_has(&f, ENC_L2, 5.0));
    CHECK(!enc_filter_may_have(&f, ENC_COSINE, (double)NAN, (double)NAN));
    f.distance.max = (double)INFINITY, f.similarity.min = -5.0;
    CHECK(!enc_filter_has(&f, ENC_COSINE, (double)NAN));
    f.similarity = (enc_range){(double)NAN, (double)NAN};
    CHECK(!enc_filter_has(&f, ENC_DOT, 0.0) && !enc_filter_has(&f, ENC_DOT, (double)NAN));
}

/* Every filter of a grid against every interval and distance in it. */
static void bounds_decide_as_distances_do(void)
{
    static const double at[] = {0.0, 0.1, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0};
    for (int m = 0; m < 3; m++) {
        for (size_t i = 0; i < 8 * 8 * 8; i++) {
            enc_filter f = OPEN;
            double low = at[i % 8], high = at[i / 8 % 8], border = at[i / 64];
            enc_filter is[4] = {f, f, f, f};
            is[0].distance.min = is[1].distance.max = border;
            is[2].similarity.min = enc_vec_similarity((enc_metric)m, border);
            is[3].similarity.max = is[2].similarity.min;
            for (size_t j = 0; j < 4 && low <= high; j++) {
                bool any = false, all = true;
                for (size_t k = 0; k < 8; k++) {
                    if (at[k] < low || at[k] > high) continue;
                    bool has = enc_filter_has(&is[j], (enc_metric)m, at[k]);
                    any |= has, all &= has;
                    CHECK(!has || at[k] <= enc_filter_farthest(&is[j], (enc_metric)m));
                }
                CHECK(enc_filter_may_have(&is[j], (enc_metric)m, low, high) == any);
                CHECK(enc_filter_must_have(&is[j], (enc_metric)m, low, high) == all);
            }
        }
    }
    CHECK(isinf(enc_filter_farthest(NULL, ENC_DOT)));
}

int main(void)
{
    ids_pass_by_range_and_by_set();
    nan_is_only_in_everything();
    bounds_decide_as_distances_do();
    return check_done("filter");
}
