/* env.c - see env.h. */
#include "base/env.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_BYTES 32 /* of the longest value that means something */

static struct {
    char value[ENC_ENV_COUNT][VALUE_BYTES];
} env;
static pthread_once_t once = PTHREAD_ONCE_INIT;

void enc_env_read(void)
{
    static const char *const names[] = {
        [ENC_ENV_THREADS] = "ENCODER_THREADS", [ENC_ENV_KERNEL] = "ENCODER_KERNEL"};

    for (int i = 0; i < ENC_ENV_COUNT; i++) {
        const char *value = getenv(names[i]);
        size_t n = value != NULL ? strlen(value) : 0;
        if (n >= VALUE_BYTES) n = 0;
        if (n > 0) memcpy(env.value[i], value, n);
        env.value[i][n] = '\0';
    }
}

const char *enc_env_get(enc_env which)
{
    pthread_once(&once, enc_env_read);
    return env.value[which];
}
