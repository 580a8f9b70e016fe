/* fuzz.h - what the fuzz targets share.
 *
 * A target is a file fuzz_<noun>.c with LLVMFuzzerTestOneInput, libFuzzer's entry point.
 * It is built twice: with libFuzzer, where there is clang, and with main.c, which replays
 * files and makes inputs of its own. Whatever the input, a target must come to an end
 * within two seconds and leave nothing allocated; a claim that does not hold is a crash.
 *
 * An input may hold several files: they stand behind one another, parted by FUZZ_PART,
 * a byte that text does not have. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rd.h"
#include "base/err.h"

#define FUZZ_PART 0x1e /* ASCII's record separator */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv); /* a target may have one */

/* A target may have one: changes an input of n bytes in place, to at most max bytes, and
 * returns how many it has then. LLVMFuzzerMutate is the fuzzer's own way. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t max);

/* What must hold. */
#define FUZZ_CLAIM(claim)                                                                \
    ((claim) ? (void)0                                                                   \
             : (fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #claim),      \
                abort()))

/* The bytes up to the next FUZZ_PART, or all; `rest` moves behind them. Of no bytes a
 * part that is absent is made: {NULL, 0}. */
static inline enc_bytes fuzz_part(enc_bytes *rest)
{
    const uint8_t *end = rest->n > 0 ? memchr(rest->at, FUZZ_PART, rest->n) : NULL;
    enc_bytes part = {rest->at, end != NULL ? (size_t)(end - rest->at) : rest->n};
    size_t taken = part.n + (end != NULL);

    if (part.n == 0) part.at = NULL;
    if (taken > 0) *rest = (enc_bytes){rest->at + taken, rest->n - taken};
    return part;
}

/* A failure has a sentence, success has none. */
static inline void fuzz_answer(enc_rc rc, const enc_err *e)
{
    size_t n = strnlen(e->text, sizeof e->text);

    FUZZ_CLAIM(n < sizeof e->text);
    FUZZ_CLAIM(rc == e->rc);
    FUZZ_CLAIM((n > 0) == (rc != ENC_OK && rc != ENC_NOMEM));
}

/* Reads every byte, so that one outside is seen. */
static inline void fuzz_touch(const void *bytes, size_t n)
{
    const uint8_t *at = bytes;
    volatile uint8_t sum = 0;

    for (size_t i = 0; i < n; i++) sum = (uint8_t)(sum ^ at[i]);
}

#endif
