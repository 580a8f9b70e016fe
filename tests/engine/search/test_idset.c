/* test_idset.c - an id is in the set if and only if it was added. */
#include "search/idset.h"

#include "base/mem.h"
#include "check.h"
#include "lib/faults.h"

static void ids_are_found_and_others_are_not(void)
{
    enc_idset *s = enc_idset_new();
    static const int64_t odd[] = {0, -1, INT64_MIN, INT64_MAX, 1};
    for (size_t i = 0; i < 5; i++) {
        CHECK(!enc_idset_has(s, odd[i]) && enc_idset_count(s) == i);
        CHECK(enc_idset_add(s, odd[i]) && enc_idset_add(s, odd[i]));
        CHECK(enc_idset_has(s, odd[i]) && enc_idset_count(s) == i + 1);
    }
    enc_idset_free(s);
    enc_idset_free(NULL);
}

static void it_grows(void)
{
    enc_idset *s = enc_idset_new();
    bool is_right = true;
    for (int64_t i = 0; i < 20000; i++) is_right &= enc_idset_add(s, i * i * 4096 - 1000);
    CHECK(is_right && enc_idset_count(s) == 20000);
    for (int64_t i = 0; i < 20000; i++) {
        is_right &= enc_idset_has(s, i * i * 4096 - 1000);
        is_right &= !enc_idset_has(s, i * i * 4096 - 999);
    }
    CHECK(is_right);
    enc_idset_free(s);
}

static void a_failed_growth_changes_nothing(void)
{
    enc_idset *s = enc_idset_new();
    enc_mem_fault(1, true);
    int64_t n = 0;
    while (enc_idset_add(s, n + 1)) n++;
    enc_mem_fault(0, false);
    CHECK(n > 0 && enc_idset_count(s) == (size_t)n);
    CHECK(enc_idset_has(s, n) && !enc_idset_has(s, n + 1));
    CHECK(enc_idset_add(s, n + 1) && enc_idset_has(s, n + 1) && enc_idset_has(s, 1));
    enc_idset_free(s);
    for (size_t i = 1; i < 3; i++) {
        enc_mem_fault(i, false);
        CHECK(enc_idset_new() == NULL);
        enc_mem_fault(0, false);
    }
}

static enc_rc meet(void *sets, enc_err *e)
{
    enc_idset **two = sets, *s = enc_idset_both(two[0], two[1]);
    if (s == NULL) return enc_nomem(e);
    enc_idset_free(s);
    return ENC_OK;
}

/* Multiples of 2 below 600 and of 3 below 400, zero among them, in both orders. */
static void what_two_sets_share_is_a_set(void)
{
    enc_idset *sets[3] = {enc_idset_new(), enc_idset_new(), NULL};
    for (int64_t i = 0; i < 600; i += 2) CHECK(enc_idset_add(sets[0], i));
    for (int64_t i = 0; i < 400; i += 3) CHECK(enc_idset_add(sets[1], i));
    for (int turn = 0; turn < 2; turn++) {
        enc_idset *s = enc_idset_both(sets[turn], sets[1 - turn]);
        CHECK(enc_idset_count(s) == 67);
        for (int64_t i = 0; i < 600; i++)
            CHECK(enc_idset_has(s, i) == (i % 6 == 0 && i < 400));
        enc_idset_free(s);
    }
    CHECK(every_allocation_fails(meet, sets) > 2);
    sets[2] = enc_idset_new();
    enc_idset *s = enc_idset_both(sets[0], sets[2]);
    CHECK(enc_idset_count(s) == 0 && !enc_idset_has(s, 0));
    enc_idset_free(s);
    for (int i = 0; i < 3; i++) enc_idset_free(sets[i]);
}

int main(void)
{
    ids_are_found_and_others_are_not();
    it_grows();
    a_failed_growth_changes_nothing();
    what_two_sets_share_is_a_set();
    CHECK(enc_mem_live() == 0);
    return check_done("idset");
}
