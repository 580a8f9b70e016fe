/* env.h - what the environment says to the library, read once.
 *
 * A host may change its environment while its other threads ask us something, and then
 * getenv() is no more safe in a thread than setenv() is: what is wanted of it is copied
 * when the first of it is asked for, and never looked at again. */
#ifndef ENC_ENV_H
#define ENC_ENV_H

typedef enum enc_env {
    ENC_ENV_THREADS, /* ENCODER_THREADS: see threads.h */
    ENC_ENV_KERNEL,  /* ENCODER_KERNEL: a table of kernels, by its name */
    ENC_ENV_COUNT
} enc_env;

/* The value, "" if there is none or if it is too long to be one of ours. */
const char *enc_env_get(enc_env which);

/* For tests, which change it: reads it again. No other thread may be asking. */
void enc_env_read(void);

#endif
