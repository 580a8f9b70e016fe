/* err.h - every failure is a code and a sentence.
 *
 * A fallible function returns enc_rc (zero is success) and takes an enc_err last. The
 * first failure wins; later ones are its echoes. The sentence lives inside the struct,
 * so reporting out-of-memory needs no memory. Sentences are lower case, without full
 * stop, and name the thing and both values. */
#ifndef ENC_ERR_H
#define ENC_ERR_H

typedef enum enc_rc {
    ENC_OK = 0,
    ENC_NOMEM,       /* carries no sentence */
    ENC_IO,          /* the system refused: open, read, map, write */
    ENC_CORRUPT,     /* accuses the bytes */
    ENC_UNSUPPORTED, /* admits our limits */
    ENC_RANGE,       /* a value outside its limits; the limit is quoted */
    ENC_TOOBIG,      /* more bytes than a setting of the caller's allows */
    ENC_MISUSE,      /* accuses the caller */
    ENC_INTERRUPT    /* the caller's tick asked to stop */
} enc_rc;

typedef struct enc_err {
    enc_rc rc;      /* of the first failure, or ENC_OK */
    char text[512]; /* its sentence, NUL-terminated, "" for ENC_NOMEM */
} enc_err;

/* A clean slate: { ENC_OK, "" }. */
void enc_err_clear(enc_err *e);

/* Records the sentence unless one is recorded already; returns rc. `e` may be NULL. */
enc_rc enc_fail(enc_err *e, enc_rc rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* enc_fail for ENC_NOMEM. */
enc_rc enc_nomem(enc_err *e);

/* clang's analyser looks into one file at a time: here it learns that failing is not
 * success. */
#ifdef __clang_analyzer__
#define enc_fail(e, rc, ...) ((void)enc_fail(e, rc, __VA_ARGS__), rc)
#define enc_nomem(e)         ((void)enc_nomem(e), ENC_NOMEM)
#endif

#endif
