/* faults.h - work of which every allocation fails once. */
#ifndef FAULTS_H
#define FAULTS_H

#include "base/err.h"
#include "base/mem.h"
#include "check.h"

/* Does the work with its 1st, 2nd, 3rd ... allocation failing, every other time with all
 * behind that one too, until there are no more. It must say NOMEM, or do without, and
 * leave nothing behind; `work` opens, uses and closes. How many allocations failed. */
static inline size_t every_allocation_fails(enc_rc (*work)(void *arg, enc_err *e),
                                            void *arg)
{
    size_t live = enc_mem_live(), n_failed = 0;
    for (bool has_failed = true; has_failed; n_failed += has_failed) {
        enc_err e;
        enc_err_clear(&e);
        enc_mem_fault(n_failed + 1, n_failed % 2 == 1);
        enc_rc rc = work(arg, &e);
        has_failed = enc_mem_fault(0, false);
        CHECK_SAY(rc == e.rc && (rc == ENC_OK || (rc == ENC_NOMEM && has_failed)),
                  "allocation %zu: %d, \"%s\"", n_failed + 1, (int)rc, e.text);
        CHECK_SAY(enc_mem_live() == live, "allocation %zu: %zu blocks are left",
                  n_failed + 1, enc_mem_live() - live);
    }
    return n_failed;
}

#endif
