/* emulated.h - what a test begins with that computes a CPU's instructions in portable C
 * (tests/simde): none of them may be the CPU's own, whatever the compiler has. */
#ifndef EMULATED_H
#define EMULATED_H

#define SIMDE_NO_NATIVE
#include <immintrin.h>

#endif
