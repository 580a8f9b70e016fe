/* work.h - what one caller needs to run a model: scratch that grows and is kept.
 *
 * Inside the room only; the world sees an opaque enc_work (fwd.h). */
#ifndef ENC_WORK_H
#define ENC_WORK_H

#include "encode/fwd.h"
#include "encode/rotary.h"

typedef struct enc_room { /* floats whose contents do not survive growing */
    float *at;
    size_t n;
} enc_room;

struct enc_work {
    /* fwd */
    enc_room x;           /* T x D: the hidden states */
    enc_room qkv;         /* T x 3D: a row is a token's query, key and value */
    enc_room mixed;       /* T x D: what attention gives, heads side by side */
    enc_room bias;        /* H x (2 n - 1): of scores, by distance */
    enc_rotary rotary[2]; /* of layers that look at all tokens, and of the others */
    enc_room scratch;     /* of attention or of a block of rows, for every slot */
    enc_room weights;     /* n x n, when someone looks on */
    enc_room extra;       /* for heads */
    /* batch */
    enc_tokens tokens; /* of the text at hand */
    uint8_t *prompted; /* prompt and text */
    size_t n_prompted; /* room in `prompted`, as are the counts below in theirs */
    int32_t *id;       /* of a batch */
    size_t n_id;
    uint8_t *segment;
    size_t n_segment;
    size_t *start;
    size_t n_start;
};

/* At least rows x cols floats, or false and no memory. */
bool enc_room_grow(enc_room *r, size_t rows, size_t cols);

/* The table a model runs on. */
const enc_kern *enc_kern_of(const enc_model *m);

#endif
