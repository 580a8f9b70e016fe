/* threads.c - see threads.h.
 *
 * The pool is one struct behind one lock. A job is published, workers and the caller
 * take task numbers from an atomic counter until none is left, and the caller waits until
 * every worker that joined has let go. `generation` tells a worker that a job is new.
 *
 * Jobs of one text follow each other within microseconds, and being woken takes 5 to 50.
 * So who waits looks on for a moment before it sleeps. */
#include "base/threads.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/env.h"
#include "base/lock.h"

#define LOOKS  1000 /* before sleeping: some 20 microseconds */
#define ASK_MS 20   /* between two questions of a caller that waits */

/* Of a worker: ten times what any task needs, and not what the limits of the process say,
 * which may be too little, or too much for its address space. */
#define STACK_SIZE ((size_t)512 << 10)

static struct {
    pthread_cond_t work, idle;
    size_t n_workers;       /* started */
    size_t n_wanted;        /* by enc_threads_set, 0: default */
    bool is_busy;           /* a job is published */
    atomic_size_t n_joined; /* workers inside the job; changes under the lock */
    size_t n_seats;         /* workers that may still join it */
    atomic_uint generation; /* of the job; changes under the lock */
    enc_task *task;
    void *arg;
    size_t n_tasks;
    unsigned n_forks; /* enc_lock_forks() when the workers were started */
} pool = {.work = PTHREAD_COND_INITIALIZER, .idle = PTHREAD_COND_INITIALIZER};

static atomic_size_t next_task;

/* The lock of the pool. In a child of fork() the workers and the job of another thread do
 * not exist: they are forgotten. */
static void lock(void)
{
    enc_lock_take(ENC_LOCK_POOL);
    if (pool.n_forks == enc_lock_forks()) return;
    pthread_cond_init(&pool.work, NULL);
    pthread_cond_init(&pool.idle, NULL);
    pool.n_workers = 0;
    pool.n_joined = 0;
    pool.is_busy = false;
    pool.n_forks = enc_lock_forks();
}

static void unlock(void)
{
    enc_lock_give(ENC_LOCK_POOL);
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static void take_tasks(enc_task *task, void *arg, size_t n)
{
    for (;;) {
        size_t i = atomic_fetch_add(&next_task, 1);
        if (i >= n) return;
        task(arg, i);
    }
}

static void *worker(void *unused)
{
    unsigned seen = 0;
    (void)unused;
    lock();
    for (;;) {
        while (!pool.is_busy || atomic_load(&pool.generation) == seen ||
               pool.n_seats == 0)
            enc_lock_wait(ENC_LOCK_POOL, &pool.work);
        seen = atomic_load(&pool.generation);
        pool.n_seats--;
        pool.n_joined++;
        enc_task *task = pool.task;
        void *arg = pool.arg;
        size_t n = pool.n_tasks;
        unlock();
        take_tasks(task, arg, n);
        lock();
        if (--pool.n_joined == 0) pthread_cond_signal(&pool.idle);
        unlock();
        for (int i = 0; i < LOOKS && atomic_load(&pool.generation) == seen; i++) relax();
        lock();
    }
    return NULL;
}

/* With the lock held: starts workers until there are n, or until the system refuses. */
static void start_workers(size_t n)
{
    pthread_attr_t attributes;
    if (pool.n_workers >= n || pthread_attr_init(&attributes) != 0) return;
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    while (pool.n_workers < n) {
        pthread_t id;
        sigset_t all, old;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        int failed = pthread_create(&id, &attributes, worker, NULL);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (failed) break;
        pool.n_workers++;
    }
    pthread_attr_destroy(&attributes);
}

static size_t default_count(void)
{
    long n = strtol(enc_env_get(ENC_ENV_THREADS), NULL, 10);
    cpu_set_t set;
    if (n <= 0 && sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
    if (n <= 0) n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > ENC_THREADS_MAX ? ENC_THREADS_MAX : (size_t)n;
}

static size_t count_locked(void)
{
    return pool.n_wanted > 0 ? pool.n_wanted : default_count();
}

size_t enc_threads_count(void)
{
    lock();
    size_t n = count_locked();
    unlock();
    return n;
}

void enc_threads_set(size_t n)
{
    lock();
    pool.n_wanted = n > ENC_THREADS_MAX ? ENC_THREADS_MAX : n;
    unlock();
}

/* With the lock held: until no worker is inside the job. */
static void wait_for_workers(enc_stop *stop)
{
    while (pool.n_joined > 0 && stop == NULL) enc_lock_wait(ENC_LOCK_POOL, &pool.idle);
    while (pool.n_joined > 0) {
        enc_lock_wait_for(ENC_LOCK_POOL, &pool.idle, ASK_MS);
        if (pool.n_joined == 0) return;
        unlock();
        enc_stop_now(stop);
        lock();
    }
}

void enc_threads_run(size_t n_tasks, enc_task *task, void *arg)
{
    enc_threads_run_asking(n_tasks, task, arg, NULL);
}

void enc_threads_run_asking(size_t n_tasks, enc_task *task, void *arg, enc_stop *stop)
{
    bool is_mine = false;
    if (n_tasks > 1) {
        lock();
        size_t n = count_locked();
        if (!pool.is_busy && n > 1) {
            start_workers(n - 1);
            is_mine = pool.is_busy = true;
            pool.generation++;
            pool.task = task;
            pool.arg = arg;
            pool.n_tasks = n_tasks;
            pool.n_seats = n - 1 < n_tasks - 1 ? n - 1 : n_tasks - 1;
            atomic_store(&next_task, 0);
            pthread_cond_broadcast(&pool.work);
        }
        unlock();
    }
    if (!is_mine) {
        for (size_t i = 0; i < n_tasks; i++) task(arg, i);
        return;
    }
    take_tasks(task, arg, n_tasks);
    for (int i = 0; i < LOOKS && atomic_load(&pool.n_joined) > 0; i++) relax();
    lock();
    pool.n_seats = 0;
    wait_for_workers(stop);
    pool.is_busy = false;
    unlock();
}
