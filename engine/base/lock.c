/* lock.c - see lock.h. */
#include "base/lock.h"

#include <stdatomic.h>
#include <time.h>

static pthread_mutex_t locks[ENC_LOCK_COUNT] = {
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static atomic_uint n_forks;

_Static_assert(ENC_LOCK_COUNT == 3, "every lock is initialized");

static void take_all(void)
{
    for (size_t i = 0; i < ENC_LOCK_COUNT; i++) pthread_mutex_lock(&locks[i]);
}

static void give_all(void)
{
    for (size_t i = ENC_LOCK_COUNT; i-- > 0;) pthread_mutex_unlock(&locks[i]);
}

static void give_all_in_child(void)
{
    atomic_fetch_add(&n_forks, 1);
    give_all();
}

/* When the library is loaded: later, another thread could fork meanwhile. */
__attribute__((constructor)) static void guard(void)
{
    pthread_atfork(take_all, give_all, give_all_in_child);
}

void enc_lock_take(enc_lock which)
{
    pthread_mutex_lock(&locks[which]);
}

void enc_lock_give(enc_lock which)
{
    pthread_mutex_unlock(&locks[which]);
}

void enc_lock_wait(enc_lock which, pthread_cond_t *c)
{
    pthread_cond_wait(c, &locks[which]);
}

void enc_lock_wait_for(enc_lock which, pthread_cond_t *c, unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until); /* the clock of a condition */
    long ns = until.tv_nsec + (long)(ms % 1000) * 1000000;
    until.tv_sec += (time_t)(ms / 1000) + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_cond_timedwait(c, &locks[which], &until);
}

unsigned enc_lock_forks(void)
{
    return atomic_load(&n_forks);
}
