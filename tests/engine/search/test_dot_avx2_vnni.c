/* test_dot_avx2_vnni.c - the table for AVX2 with VNNI gives the numbers of the plain one,
 * on any CPU. */
#include "emulated.h"

#define __AVX2__          1
#define __AVXVNNI__       1
#define enc_dot_avx2_vnni emulated
#include "search/dot_avx2_vnni.c"

#include "dot_cases.h"

int main(void)
{
    dot_cases_compare(emulated);
    return check_done("dot_avx2_vnni");
}
