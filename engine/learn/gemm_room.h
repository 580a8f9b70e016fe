/* gemm_room.h - scratch for the products of one thread: made before the first of them,
 * grows where a product has use for more, and is kept. */
#ifndef ENC_GEMM_ROOM_H
#define ENC_GEMM_ROOM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define ENC_GEMM_ROOM ((size_t)300416) /* words that every product can count on */

typedef struct enc_gemm_room { /* zeroed at first */
    uint32_t *words;           /* at least ENC_GEMM_ROOM of them once made */
    size_t n;
} enc_gemm_room;

enc_rc enc_gemm_room_init(enc_gemm_room *r, enc_err *e);
/* n words; NULL: there is no memory, and the words there were remain. */
uint32_t *enc_gemm_room_of(enc_gemm_room *r, size_t n);
void enc_gemm_room_clear(enc_gemm_room *r);

#endif
