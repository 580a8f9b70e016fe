/* Asking whether to stop: once in so many steps, and no answer is forgotten. */
#include "base/ask.h"
#include "check.h"

static size_t n_asked, n_until;

static bool stop(void *arg)
{
    CHECK(arg == &n_until);
    return ++n_asked == n_until;
}

static void it_is_asked_once_in_so_many_steps(void)
{
    enc_ask a = {.stop = stop, .arg = &n_until};
    enc_err e;

    enc_err_clear(&e);
    n_asked = n_until = 0;
    for (size_t i = 0; i < 10 * ENC_ASK_EVERY; i++) CHECK(!enc_ask_on(&a, 1));
    CHECK(n_asked == 10);
    CHECK(!enc_ask_on(&a, 7 * ENC_ASK_EVERY) && n_asked == 11);
    CHECK(!enc_ask_now(&a) && n_asked == 12);
    CHECK(enc_ask_rc(&a, &e) == ENC_OK && e.rc == ENC_OK);
}

static void a_stop_is_final(void)
{
    enc_ask a = {.stop = stop, .arg = &n_until};
    enc_err e;

    enc_err_clear(&e);
    n_asked = 0;
    n_until = 2;
    CHECK(!enc_ask_on(&a, ENC_ASK_EVERY) && !enc_ask_on(&a, ENC_ASK_EVERY - 1));
    CHECK(enc_ask_on(&a, 1) && enc_ask_on(&a, 0) && enc_ask_on(&a, 1) && enc_ask_now(&a));
    CHECK(n_asked == 2);
    CHECK(enc_ask_rc(&a, &e) == ENC_INTERRUPT && e.rc == ENC_INTERRUPT);
}

static void nobody_is_asked(void)
{
    enc_ask a = {.n_quiet = 0};
    enc_err e;

    enc_err_clear(&e);
    CHECK(!enc_ask_on(&a, 3 * ENC_ASK_EVERY) && !enc_ask_on(NULL, 3 * ENC_ASK_EVERY));
    CHECK(enc_ask_rc(&a, &e) == ENC_OK && enc_ask_rc(NULL, &e) == ENC_OK);
}

int main(void)
{
    it_is_asked_once_in_so_many_steps();
    a_stop_is_final();
    nobody_is_asked();
    return check_done("base/ask");
}
