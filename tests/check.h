/* check.h - a unit test is a main() that calls CHECK and returns check_done(). */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

static int check_passed, check_failed;

/* One fact. Prints where and what when it does not hold. */
#define CHECK(claim)                                                                       \
    ((claim) ? (void)check_passed++                                                        \
             : (void)(check_failed++,                                                      \
                      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #claim)))

/* The same with a sentence, for values. */
#define CHECK_SAY(claim, ...)                                                              \
    ((claim) ? (void)check_passed++                                                        \
             : (void)(check_failed++, fprintf(stderr, "%s:%d: ", __FILE__, __LINE__),      \
                      fprintf(stderr, __VA_ARGS__), fputc('\n', stderr)))

/* The closing line that the summary adds up; the exit status. */
static inline int check_done(const char *name)
{
    printf("%s: %d passed, %d failed\n", name, check_passed, check_failed);
    return check_failed != 0;
}

#endif
