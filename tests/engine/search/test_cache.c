/* test_cache.c - one copy for all, alive while somebody holds it, and within the limit.
 */
#include "search/cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "check.h"

static enc_segment *segment_new(int64_t id)
{
    const float v[3] = {1.0f, (float)id, 3.0f};
    enc_segment *s;
    if (enc_segment_new(&s, 3, NULL)) abort();
    enc_segment_put(s, 0, id, v);
    return s;
}

static enc_hash key_of(int64_t id)
{
    return enc_hash_of(&id, sizeof id);
}

static void a_segment_is_shared_and_goes_with_its_last_reference(void)
{
    enc_segment *s = segment_new(1);
    size_t size = s->size;
    CHECK(enc_cache_find(key_of(1)) == NULL && enc_cache_bytes() == 0);
    enc_cached *a = enc_cache_put(key_of(1), s);
    enc_cached *b = enc_cache_find(key_of(1));
    enc_cached *c = enc_cache_put(key_of(1), segment_new(1)); /* the second is freed */
    CHECK(a != NULL && enc_cached_segment(a) == s && enc_cached_segment(b) == s &&
          enc_cached_segment(c) == s);
    CHECK(enc_cache_bytes() == size && enc_cache_find(key_of(2)) == NULL);
    enc_cache_drop(a), enc_cache_drop(c), enc_cache_drop(NULL);
    CHECK(enc_cached_segment(b)->ids[0] == 1 && enc_cache_bytes() == size);
    enc_cache_drop(b);
    CHECK(enc_cache_find(key_of(1)) == NULL && enc_cache_bytes() == 0);
    CHECK(enc_mem_live() == 0);
}

static void past_the_limit_a_segment_stays_the_callers(void)
{
    enc_segment *s = segment_new(1), *t = segment_new(2);
    enc_cache_limit(s->size + t->size - 1);
    enc_cached *a = enc_cache_put(key_of(1), s);
    CHECK(a != NULL && enc_cache_put(key_of(2), t) == NULL && t->ids[0] == 2);
    enc_cache_limit(0);
    CHECK(enc_cache_put(key_of(2), t) == NULL);
    CHECK(enc_cache_find(key_of(1)) == a);
    enc_cache_drop(a), enc_cache_drop(a);
    enc_cache_limit((size_t)1 << 30);
    CHECK((a = enc_cache_put(key_of(2), t)) != NULL);
    enc_cache_drop(a);
    CHECK(enc_mem_live() == 0);
}

static void many_are_told_apart(void)
{
    enum { N = 1000 };
    enc_cached *all[N];
    bool is_right = true;
    for (int i = 0; i < N; i++) all[i] = enc_cache_put(key_of(i), segment_new(i));
    for (int i = 0; i < N; i++) {
        enc_cached *c = enc_cache_find(key_of(i));
        is_right &= c == all[i] && enc_cached_segment(c)->ids[0] == i;
        enc_cache_drop(c);
    }
    for (int i = 0; i < N; i += 2) enc_cache_drop(all[i]);
    for (int i = 0; i < N; i++) {
        enc_cached *c = enc_cache_find(key_of(i));
        is_right &= (c == NULL) == (i % 2 == 0);
        enc_cache_drop(c);
    }
    for (int i = 1; i < N; i += 2) enc_cache_drop(all[i]);
    CHECK(is_right && enc_cache_bytes() == 0 && enc_mem_live() == 0);
}

static void without_memory_a_segment_stays_the_callers(void)
{
    for (size_t i = 1; i < 3; i++) {
        enc_segment *s = segment_new(1);
        enc_mem_fault(i, false);
        CHECK(enc_cache_put(key_of(1), s) == NULL);
        enc_mem_fault(0, false);
        CHECK(enc_mem_live() == 1 && enc_cache_bytes() == 0);
        enc_segment_free(s);
    }
}

static void *come_and_go(void *arg)
{
    bool *is_right = arg;
    for (int t = 0; t < 3000; t++) {
        int64_t id = t % 7;
        enc_cached *c = enc_cache_find(key_of(id));
        if (c == NULL) c = enc_cache_put(key_of(id), segment_new(id));
        *is_right &= c != NULL && enc_cached_segment(c)->ids[0] == id;
        enc_cache_drop(c);
    }
    return NULL;
}

static void threads_may_share_it(void)
{
    pthread_t threads[4];
    bool is_right[4] = {true, true, true, true};
    for (size_t i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, come_and_go, &is_right[i])) abort();
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        CHECK(is_right[i]);
    }
    CHECK(enc_cache_bytes() == 0 && enc_mem_live() == 0);
}

int main(void)
{
    a_segment_is_shared_and_goes_with_its_last_reference();
    past_the_limit_a_segment_stays_the_callers();
    many_are_told_apart();
    without_memory_a_segment_stays_the_callers();
    threads_may_share_it();
    return check_done("cache");
}
