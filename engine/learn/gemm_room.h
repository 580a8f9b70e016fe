/* gemm_room.h - scratch for the products of one thread: grows, and is kept. */
#ifndef ENC_GEMM_ROOM_H
#define ENC_GEMM_ROOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct enc_gemm_room { /* zeroed at first */
    uint32_t *words;
    size_t n;
} enc_gemm_room;

uint32_t *enc_gemm_room_of(enc_gemm_room *r, size_t n); /* n words; NULL: no memory */
void enc_gemm_room_clear(enc_gemm_room *r);

#endif
