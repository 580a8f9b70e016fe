/* gemm_room.c - see gemm_room.h. */
#include "learn/gemm_room.h"

#include "base/mem.h"

enc_rc enc_gemm_room_init(enc_gemm_room *r, enc_err *e)
{
    return enc_gemm_room_of(r, ENC_GEMM_ROOM) != NULL ? ENC_OK : enc_nomem(e);
}

uint32_t *enc_gemm_room_of(enc_gemm_room *r, size_t n)
{
    if (n > r->n) {
        uint32_t *words = enc_mem_array(n, sizeof *words);
        if (words == NULL) return NULL;
        enc_mem_free(r->words);
        r->words = words;
        r->n = n;
    }
    return r->words;
}

void enc_gemm_room_clear(enc_gemm_room *r)
{
    enc_mem_free(r->words);
    r->words = NULL;
    r->n = 0;
}
