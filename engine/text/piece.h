/* piece.h - what a model makes of a word, and the room it works in. */
#ifndef ENC_PIECE_H
#define ENC_PIECE_H

#include <stddef.h>
#include <stdint.h>

#include "base/ask.h"

typedef struct enc_piece {
    int32_t id;
    uint32_t start, end; /* bytes in the original text */
    uint32_t n_bytes;    /* of the word that it covers, behind those before it */
} enc_piece;

/* One block that grows and is reused by one model. Storage is the caller's: {NULL, 0,
 * NULL} at first, or with what is to be asked while the model works. */
typedef struct enc_piece_room {
    void *at;     /* to be freed with enc_mem_free */
    size_t size;  /* in elements of that model's */
    enc_ask *ask; /* or NULL */
} enc_piece_room;

#endif
