/* threads.c - see threads.h.
 *
 * The pool is one struct behind one mutex. A job is published, workers and the caller
 * take task numbers from an atomic counter until none is left, and the caller waits until
 * every worker that joined has let go. `generation` tells a worker that a job is new.
 *
 * Jobs of one text follow each other within microseconds, and being woken takes 5 to 50.
 * So who waits looks on for a moment before it sleeps. */
#include "base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS_MAX 64
#define LOOKS       1000 /* before sleeping: some 20 microseconds */

static struct {
    pthread_mutex_t lock;
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
    bool has_atfork;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .work = PTHREAD_COND_INITIALIZER,
          .idle = PTHREAD_COND_INITIALIZER};

static atomic_size_t next_task;

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
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        while (!pool.is_busy || atomic_load(&pool.generation) == seen ||
               pool.n_seats == 0)
            pthread_cond_wait(&pool.work, &pool.lock);
        seen = atomic_load(&pool.generation);
        pool.n_seats--;
        pool.n_joined++;
        enc_task *task = pool.task;
        void *arg = pool.arg;
        size_t n = pool.n_tasks;
        pthread_mutex_unlock(&pool.lock);
        take_tasks(task, arg, n);
        pthread_mutex_lock(&pool.lock);
        if (--pool.n_joined == 0) pthread_cond_signal(&pool.idle);
        pthread_mutex_unlock(&pool.lock);
        for (int i = 0; i < LOOKS && atomic_load(&pool.generation) == seen; i++) relax();
        pthread_mutex_lock(&pool.lock);
    }
    return NULL;
}

/* In a child of fork() the workers do not exist: forget them. The lock was taken by the
 * forking thread, so it is ours to initialize again. */
static void before_fork(void)
{
    pthread_mutex_lock(&pool.lock);
}

static void after_fork_parent(void)
{
    pthread_mutex_unlock(&pool.lock);
}

static void after_fork_child(void)
{
    pthread_mutex_init(&pool.lock, NULL);
    pthread_cond_init(&pool.work, NULL);
    pthread_cond_init(&pool.idle, NULL);
    pool.n_workers = 0;
    pool.n_joined = 0;
    pool.is_busy = false;
}

/* With the lock held: starts workers until there are n, or until the system refuses. */
static void start_workers(size_t n)
{
    if (!pool.has_atfork) {
        pthread_atfork(before_fork, after_fork_parent, after_fork_child);
        pool.has_atfork = true;
    }
    while (pool.n_workers < n) {
        pthread_t id;
        sigset_t all, old;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        int failed = pthread_create(&id, NULL, worker, NULL);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (failed) return;
        pthread_detach(id);
        pool.n_workers++;
    }
}

static size_t default_count(void)
{
    const char *text = getenv("ENCODER_THREADS");
    long n = text != NULL ? strtol(text, NULL, 10) : 0;
    cpu_set_t set;
    if (n <= 0 && sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
    if (n <= 0) n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (size_t)n;
}

static size_t count_locked(void)
{
    return pool.n_wanted > 0 ? pool.n_wanted : default_count();
}

size_t enc_threads_count(void)
{
    pthread_mutex_lock(&pool.lock);
    size_t n = count_locked();
    pthread_mutex_unlock(&pool.lock);
    return n;
}

void enc_threads_set(size_t n)
{
    pthread_mutex_lock(&pool.lock);
    pool.n_wanted = n > THREADS_MAX ? THREADS_MAX : n;
    pthread_mutex_unlock(&pool.lock);
}

void enc_threads_run(size_t n_tasks, enc_task *task, void *arg)
{
    bool is_mine = false;
    if (n_tasks > 1) {
        pthread_mutex_lock(&pool.lock);
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
        pthread_mutex_unlock(&pool.lock);
    }
    if (!is_mine) {
        for (size_t i = 0; i < n_tasks; i++) task(arg, i);
        return;
    }
    take_tasks(task, arg, n_tasks);
    for (int i = 0; i < LOOKS && atomic_load(&pool.n_joined) > 0; i++) relax();
    pthread_mutex_lock(&pool.lock);
    pool.n_seats = 0;
    while (pool.n_joined > 0) pthread_cond_wait(&pool.idle, &pool.lock);
    pool.is_busy = false;
    pthread_mutex_unlock(&pool.lock);
}
