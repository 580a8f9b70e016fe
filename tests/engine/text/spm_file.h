/* spm_file.h - SentencePiece models as tests want them (spm.h has the format). */
#ifndef SPM_FILE_H
#define SPM_FILE_H

#include <string.h>

#include "base/rd.h"
#include "base/wr.h"

static inline void put_varint(enc_wr *w, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) enc_wr_u8(w, (uint8_t)(value | 0x80));
    enc_wr_u8(w, (uint8_t)value);
}

static inline void put_number(enc_wr *w, uint64_t field, uint64_t value)
{
    put_varint(w, field << 3);
    put_varint(w, value);
}

static inline void put_bytes(enc_wr *w, uint64_t field, enc_bytes bytes)
{
    put_varint(w, field << 3 | 2);
    put_varint(w, bytes.n);
    enc_wr_bytes(w, bytes.at, bytes.n);
}

static inline void put_piece(enc_wr *w, const char *text, float score, uint64_t type)
{
    enc_wr piece;
    enc_wr_init(&piece);
    put_bytes(&piece, 1, (enc_bytes){(const uint8_t *)text, strlen(text)});
    put_varint(&piece, 2 << 3 | 5);
    enc_wr_f32(&piece, score);
    put_number(&piece, 3, type);
    put_bytes(w, 1, (enc_bytes){piece.at, piece.n});
    enc_wr_clear(&piece);
}

/* A TrainerSpec (2) or a NormalizerSpec (3) in which one field is this number. */
static inline void put_setting(enc_wr *w, uint64_t spec, uint64_t field, uint64_t value)
{
    enc_wr inner;
    enc_wr_init(&inner);
    put_number(&inner, field, value);
    put_bytes(w, spec, (enc_bytes){inner.at, inner.n});
    enc_wr_clear(&inner);
}

#endif
