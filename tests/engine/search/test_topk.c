/* test_topk.c - the heaps keep the k best, in the one order there is. */
#include "search/topk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "check.h"

enum { N = 200 };

static int by_order(const void *a, const void *b)
{
    return enc_hit_before(a, b) ? -1 : enc_hit_before(b, a) ? 1 : 0;
}

static void the_order_is_distance_then_nan_then_id_then_place(void)
{
    const enc_hit in_order[] = {{9, 9, 9, -(double)INFINITY},
                                {9, 9, 9, -1.0},
                                {2, 0, 0, 0.0},
                                {3, 0, 5, -0.0},
                                {3, 1, 4, 0.0},
                                {3, 1, 5, 0.0},
                                {1, 0, 0, (double)INFINITY},
                                {-4, 2, 2, (double)NAN},
                                {-3, 0, 0, (double)NAN}};
    for (size_t i = 0; i < 9; i++)
        for (size_t j = 0; j < 9; j++)
            CHECK(enc_hit_before(&in_order[i], &in_order[j]) == (i < j));
}

static void the_heap_is_the_beginning_of_the_sorted_list(void)
{
    enc_rng r = {1};
    for (size_t k = 0; k <= N + 1; k += k < 5 ? 1 : 49) {
        enc_hit all[N], kept[N + 1];
        size_t n = 0;
        for (size_t i = 0; i < N; i++) {
            unsigned d = enc_rng_below(&r, 30);
            all[i] = (enc_hit){enc_rng_below(&r, 5), enc_rng_below(&r, 3), i,
                               d == 0 ? (double)NAN : d / 4.0};
            n = enc_topk_add(kept, n, k, all[i]);
        }
        qsort(all, N, sizeof *all, by_order);
        size_t left = n / 2 + 1 < n ? n / 2 + 1 : n; /* in two parts */
        enc_topk_sort_from(kept, n, left);
        for (size_t i = left; i < n; i++)
            CHECK(kept[i].id == all[i].id && kept[i].row == all[i].row);
        enc_topk_sort(kept, left);
        CHECK(n == (k < N ? k : N));
        for (size_t i = 0; i < n; i++)
            CHECK(kept[i].id == all[i].id && kept[i].row == all[i].row);
    }
}

static void the_kth_least_bound_is_on_top(void)
{
    enc_rng r = {2};
    for (size_t k = 1; k <= N; k += 33) {
        double kept[N], sorted[N];
        size_t n = 0;
        for (size_t i = 0; i < N; i++) {
            double x = enc_rng_below(&r, 50) / 7.0;
            size_t j = i;
            for (; j > 0 && sorted[j - 1] > x; j--) sorted[j] = sorted[j - 1];
            sorted[j] = x;
            n = enc_topk_add_bound(kept, n, k, x);
            CHECK(n == (i + 1 < k ? i + 1 : k));
            CHECK(memcmp(&kept[0], &sorted[n - 1], sizeof(double)) == 0);
        }
    }
    CHECK(enc_topk_add_bound(NULL, 0, 0, 1.0) == 0);
}

int main(void)
{
    the_order_is_distance_then_nan_then_id_then_place();
    the_heap_is_the_beginning_of_the_sorted_list();
    the_kth_least_bound_is_on_top();
    return check_done("topk");
}
