/* test_env.c - the environment is read once, whatever becomes of it afterwards. */
#include "base/env.h"

#include <stdlib.h>
#include <string.h>

#include "base/threads.h"
#include "check.h"

static void what_is_read_stays(void)
{
    setenv("ENCODER_THREADS", "3", 1);
    CHECK(strcmp(enc_env_get(ENC_ENV_THREADS), "3") == 0);
    CHECK(enc_threads_count() == 3);
    setenv("ENCODER_THREADS", "2", 1);
    CHECK(enc_threads_count() == 3);
    enc_env_read();
    CHECK(enc_threads_count() == 2);
}

static void what_is_absent_or_too_long_is_empty(void)
{
    unsetenv("ENCODER_THREADS");
    setenv("ENCODER_KERNEL", "a name that no table of kernels will ever have", 1);
    enc_env_read();
    CHECK(enc_env_get(ENC_ENV_THREADS)[0] == '\0');
    CHECK(enc_env_get(ENC_ENV_KERNEL)[0] == '\0');
    CHECK(enc_threads_count() >= 1);
}

int main(void)
{
    what_is_read_stays();
    what_is_absent_or_too_long_is_empty();
    return check_done("env");
}
