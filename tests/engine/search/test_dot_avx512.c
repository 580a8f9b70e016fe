/* test_dot_avx512.c - the table for AVX-512 gives the numbers of the plain one, on
 * any CPU. */
#include "emulated.h"

#define __AVX512F__    1
#define __AVX512BW__   1
#define __AVX512DQ__   1
#define enc_dot_avx512 emulated
#include "search/dot_avx512.c"

#include "dot_cases.h"

int main(void)
{
    dot_cases_compare(emulated);
    return check_done("dot_avx512");
}
