/* lock.h - the locks of the process, which no fork() leaves taken.
 *
 * What is one for the whole process lies behind one of these. A thread that forks takes
 * all of them first and both sides give them back, so a child never waits for a thread
 * that it does not have. They are held for a few lines at a time, and never two at once.
 */
#ifndef ENC_LOCK_H
#define ENC_LOCK_H

#include <pthread.h>

typedef enum enc_lock {
    ENC_LOCK_POOL,   /* base/threads.c */
    ENC_LOCK_CACHE,  /* search/cache.c */
    ENC_LOCK_MODELS, /* the extension's registry */
    ENC_LOCK_COUNT
} enc_lock;

void enc_lock_take(enc_lock which);
void enc_lock_give(enc_lock which);

/* With the lock held: waits for c, the lock given meanwhile. */
void enc_lock_wait(enc_lock which, pthread_cond_t *c);

/* The same, for so many milliseconds at most. */
void enc_lock_wait_for(enc_lock which, pthread_cond_t *c, unsigned ms);

/* How many forks lie between this process and the one that loaded the library. */
unsigned enc_lock_forks(void);

#endif
