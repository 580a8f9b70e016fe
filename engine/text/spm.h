/* spm.h - a SentencePiece model file -> what it says.
 *
 * A protocol buffer (sentencepiece_model.proto). Of the message ModelProto:
 *
 * - 1, repeated, a SentencePiece: 1 piece, 2 score (f32), 3 type (1 if absent)
 * - 2, a TrainerSpec: 3 model_type (1 if absent), 24 treat_whitespace_as_suffix
 * - 3, a NormalizerSpec: 2 precompiled_charsmap, 3 add_dummy_prefix,
 *   4 remove_extra_whitespaces, 5 escape_whitespaces (all three true if absent)
 *
 * All else is skipped. Every field is a varint of its number and of how its value is
 * written: 0 a varint, 1 eight bytes, 2 a length and so many bytes, 5 four bytes. */
#ifndef ENC_SPM_H
#define ENC_SPM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rd.h"

enum { ENC_SPM_UNIGRAM = 1 }; /* model types */
enum { ENC_SPM_NORMAL = 1, ENC_SPM_UNKNOWN, ENC_SPM_CONTROL, ENC_SPM_USER };

typedef struct enc_spm_piece {
    enc_bytes text; /* borrowed from the file */
    float score;
    uint64_t type;
} enc_spm_piece;

typedef struct enc_spm {
    enc_spm_piece *pieces; /* n, by id */
    size_t n, cap;
    uint64_t model_type;
    bool is_suffix;     /* treat_whitespace_as_suffix */
    bool adds_prefix;   /* add_dummy_prefix */
    bool trims;         /* remove_extra_whitespaces */
    bool escapes;       /* escape_whitespaces */
    enc_bytes charsmap; /* borrowed; may be empty */
} enc_spm;

/* `what` names the file in errors. To be cleared, also after a failure. */
enc_rc enc_spm_read(enc_spm *s, enc_bytes file, const char *what, enc_err *e);
void enc_spm_clear(enc_spm *s);

#endif
