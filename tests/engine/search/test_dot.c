/* test_dot.c - every table that this CPU runs gives the numbers of the plain one. */
#include "base/env.h"
#include "search/dot.h"

#include "dot_cases.h"

static void all_tables_agree(void)
{
    static const char *const names[] = {"plain", "avx2", "avx2-vnni", "avx512",
                                        "avx512-vnni"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const enc_dot *t = enc_dot_find(names[i]);
        if (t == NULL) continue;
        CHECK(strcmp(t->name, names[i]) == 0);
        dot_cases_compare(t);
    }
}

static void the_plain_table_can_be_asked_for(void)
{
    setenv("ENCODER_KERNEL", "plain", 1);
    enc_env_read();
    CHECK(enc_dot_pick() == &enc_dot_plain);
    setenv("ENCODER_KERNEL", "none of these", 1);
    enc_env_read();
    CHECK(enc_dot_find("none of these") == NULL);
    const enc_dot *unknown = enc_dot_pick();
    unsetenv("ENCODER_KERNEL");
    enc_env_read();
    CHECK(enc_dot_pick() == unknown); /* as if nothing had been asked for */
}

int main(void)
{
    all_tables_agree();
    the_plain_table_can_be_asked_for();
    return check_done("dot");
}
