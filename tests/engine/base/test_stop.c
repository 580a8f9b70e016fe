/* test_stop.c - one thread asks, all heed: while it works, and while it waits. */
#include "base/stop.h"

#include <sched.h>
#include <string.h>

#include "base/threads.h"
#include "check.h"

typedef struct patience { /* of one who is asked */
    size_t n_asked, n_max;
    pthread_t by;
    bool is_other; /* asked on another thread */
} patience;

static bool is_over(void *arg)
{
    patience *p = arg;
    p->is_other |= !pthread_equal(p->by, pthread_self());
    return ++p->n_asked >= p->n_max;
}

static void nobody_is_asked_twice_after_a_yes(void)
{
    patience p = {.n_max = 3, .by = pthread_self()};
    enc_err e = {0};
    enc_stop s;
    size_t n = 0;

    enc_stop_init(&s, is_over, &p);
    CHECK(enc_stop_rc(&s, &e) == ENC_OK);
    while (!enc_stop_on(&s, ENC_ASK_EVERY / 4)) n++;
    CHECK_SAY(n == 11, "%zu steps", n);
    CHECK(enc_stop_on(&s, 1) && enc_stop_on(&s, 1));
    enc_stop_now(&s);
    CHECK(p.n_asked == 3);
    CHECK(enc_stop_rc(&s, &e) == ENC_INTERRUPT && strcmp(e.text, "interrupted") == 0);
}

static void without_a_question_nothing_stops(void)
{
    enc_err e = {0};
    enc_stop s;

    CHECK(!enc_stop_on(NULL, ENC_ASK_EVERY));
    enc_stop_now(NULL);
    CHECK(enc_stop_rc(NULL, &e) == ENC_OK);
    enc_stop_init(&s, NULL, NULL);
    CHECK(!enc_stop_on(&s, ENC_ASK_EVERY));
    enc_stop_now(&s);
    CHECK(enc_stop_rc(&s, &e) == ENC_OK);
}

/* The asker's parts are done at once, those of others only when they are told to. */
static void wait_to_be_told(void *arg, size_t i)
{
    enc_stop *s = arg;
    (void)i;
    if (pthread_equal(s->asker, pthread_self())) return;
    while (!enc_stop_on(s, ENC_ASK_EVERY)) sched_yield();
}

static void who_waits_for_others_asks_for_them(void)
{
    patience p = {.n_max = 3, .by = pthread_self()};
    enc_stop s;

    enc_threads_set(3);
    /* Until another thread had a part, so that there was something to wait for. */
    for (int i = 0; i < 10000 && p.n_asked == 0; i++) {
        enc_stop_init(&s, is_over, &p);
        enc_threads_run_asking(64, wait_to_be_told, &s, &s);
    }
    enc_threads_set(0);
    CHECK_SAY(p.n_asked == 3, "asked %zu times", p.n_asked);
    CHECK(!p.is_other);
}

int main(void)
{
    nobody_is_asked_twice_after_a_yes();
    without_a_question_nothing_stops();
    who_waits_for_others_asks_for_them();
    return check_done("stop");
}
