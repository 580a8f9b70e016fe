/* gemm_room.c - see gemm_room.h. */
#include "learn/gemm_room.h"

#include "base/mem.h"

uint32_t *enc_gemm_room_of(enc_gemm_room *r, size_t n)
{
    if (n > r->n) {
        enc_mem_free(r->words);
        r->words = enc_mem_array(n, sizeof *r->words);
        r->n = r->words != NULL ? n : 0;
    }
    return r->words;
}

void enc_gemm_room_clear(enc_gemm_room *r)
{
    enc_mem_free(r->words);
    r->words = NULL;
    r->n = 0;
}
