/* Locks exclude, and a fork() by a thread that does not hold them leaves none taken. */
#include "base/lock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define ROUNDS 200

static atomic_bool is_over;
static int counter;

static void *take_and_give(void *unused)
{
    (void)unused;
    while (!atomic_load(&is_over))
        for (int i = 0; i < ENC_LOCK_COUNT; i++) {
            enc_lock_take((enc_lock)i);
            if (i == ENC_LOCK_POOL) counter++;
            enc_lock_give((enc_lock)i);
        }
    return NULL;
}

/* In the child: whether all locks can be had. A hang ends by the alarm. */
static void child(unsigned n_forks)
{
    alarm(10);
    for (int i = 0; i < ENC_LOCK_COUNT; i++) {
        enc_lock_take((enc_lock)i);
        enc_lock_give((enc_lock)i);
    }
    exit(enc_lock_forks() == n_forks + 1 ? 0 : 1); /* not _exit: it counts as covered */
}

static void a_child_has_every_lock(void)
{
    pthread_t other;
    int n_well = 0;

    pthread_create(&other, NULL, take_and_give, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        int status = -1;
        pid_t id = fork();
        if (id == 0) child(0);
        waitpid(id, &status, 0);
        n_well += status == 0;
    }
    atomic_store(&is_over, true);
    pthread_join(other, NULL);
    CHECK_SAY(n_well == ROUNDS, "%d of %d children had every lock", n_well, ROUNDS);
    CHECK(enc_lock_forks() == 0);
}

static void *count(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10000; i++) {
        enc_lock_take(ENC_LOCK_MODELS);
        counter++;
        enc_lock_give(ENC_LOCK_MODELS);
    }
    return NULL;
}

static void one_at_a_time(void)
{
    pthread_t threads[4];

    counter = 0;
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, count, NULL);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    CHECK(counter == 40000);
}

int main(void)
{
    a_child_has_every_lock();
    one_at_a_time();
    return check_done("lock");
}
