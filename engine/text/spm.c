/* spm.c - see spm.h. */
#include "text/spm.h"

#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/utf8.h"

typedef struct field {
    uint64_t number;
    uint64_t value;  /* of a varint, or of four bytes */
    enc_bytes bytes; /* of a length and bytes */
    unsigned kind;
} field;

enum { VARINT = 0, EIGHT = 1, BYTES = 2, FOUR = 5 };

static uint64_t varint(enc_rd *r)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = enc_rd_u8(r);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    r->failed = true;
    return 0;
}

/* The next field; false at the end, and when the reader has failed. */
static bool next(enc_rd *r, field *f)
{
    if (r->left == 0 || r->failed) return false;
    uint64_t key = varint(r);
    *f = (field){.number = key >> 3, .kind = key & 7};
    if (f->kind == VARINT) f->value = varint(r);
    else if (f->kind == EIGHT) f->value = enc_rd_u64(r);
    else if (f->kind == FOUR) f->value = enc_rd_u32(r);
    else if (f->kind == BYTES) {
        f->bytes.n = (size_t)varint(r);
        f->bytes.at = enc_rd_span(r, f->bytes.n, 1);
    } else {
        r->failed = true;
    }
    return !r->failed;
}

static float as_float(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float value;
    memcpy(&value, &low, sizeof value);
    return value;
}

static enc_rc read_piece(enc_spm *s, enc_bytes bytes, const char *what, enc_err *e)
{
    enc_rd r = enc_rd_of(bytes.at, bytes.n);
    enc_spm_piece p = {.type = ENC_SPM_NORMAL};
    void *pieces = s->pieces;
    for (field f; next(&r, &f);) {
        if (f.number == 1 && f.kind == BYTES) p.text = f.bytes;
        else if (f.number == 2 && f.kind == FOUR) p.score = as_float(f.value);
        else if (f.number == 3 && f.kind == VARINT) p.type = f.value;
    }
    if (r.failed || p.text.n == 0 || !enc_utf8_is_text(p.text.at, p.text.n))
        return enc_fail(e, ENC_CORRUPT, "%s: piece %zu is damaged", what, s->n);
    if (!isfinite(p.score))
        return enc_fail(e, ENC_CORRUPT, "%s: the score of piece %zu is no number", what,
                        s->n);
    if (s->n == ENC_VOCAB_MAX)
        return enc_fail(e, ENC_RANGE, "%s has more than %zu pieces", what, ENC_VOCAB_MAX);
    if (!enc_mem_reserve(&pieces, &s->cap, s->n + 1, sizeof *s->pieces))
        return enc_nomem(e);
    s->pieces = pieces;
    s->pieces[s->n++] = p;
    return ENC_OK;
}

static bool read_trainer(enc_spm *s, enc_bytes bytes)
{
    enc_rd r = enc_rd_of(bytes.at, bytes.n);
    for (field f; next(&r, &f);) {
        if (f.number == 3 && f.kind == VARINT) s->model_type = f.value;
        else if (f.number == 24 && f.kind == VARINT) s->is_suffix = f.value != 0;
    }
    return !r.failed;
}

static bool read_normalizer(enc_spm *s, enc_bytes bytes)
{
    enc_rd r = enc_rd_of(bytes.at, bytes.n);
    for (field f; next(&r, &f);) {
        if (f.number == 2 && f.kind == BYTES) s->charsmap = f.bytes;
        else if (f.number == 3 && f.kind == VARINT) s->adds_prefix = f.value != 0;
        else if (f.number == 4 && f.kind == VARINT) s->trims = f.value != 0;
        else if (f.number == 5 && f.kind == VARINT) s->escapes = f.value != 0;
    }
    return !r.failed;
}

enc_rc enc_spm_read(enc_spm *s, enc_bytes file, const char *what, enc_err *e)
{
    enc_rd r = enc_rd_of(file.at, file.n);
    enc_rc rc = ENC_OK;
    *s = (enc_spm){.model_type = ENC_SPM_UNIGRAM,
                   .adds_prefix = true,
                   .trims = true,
                   .escapes = true};
    if (file.n > ENC_SPM_MAX)
        return enc_fail(e, ENC_RANGE, "%s has %zu bytes, at most %zu are allowed", what,
                        file.n, ENC_SPM_MAX);
    for (field f; rc == ENC_OK && next(&r, &f);) {
        bool ok = true;
        if (f.kind != BYTES) continue;
        if (f.number == 1) rc = read_piece(s, f.bytes, what, e);
        else if (f.number == 2) ok = read_trainer(s, f.bytes);
        else if (f.number == 3) ok = read_normalizer(s, f.bytes);
        if (!ok) r.failed = true;
    }
    if (rc == ENC_OK && r.failed)
        rc = enc_fail(e, ENC_CORRUPT,
                      "%s is no SentencePiece model: damaged %zu bytes "
                      "before its end",
                      what, r.left);
    if (rc == ENC_OK && s->n == 0)
        rc = enc_fail(e, ENC_CORRUPT, "%s has no pieces", what);
    return rc;
}

void enc_spm_clear(enc_spm *s)
{
    enc_mem_free(s->pieces);
    *s = (enc_spm){0};
}
