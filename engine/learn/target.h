/* target.h - a directory of files, written so that a reader finds all of it or nothing:
 * it is filled under another name beside its own and then renamed. */
#ifndef ENC_TARGET_H
#define ENC_TARGET_H

#include "base/mem.h"
#include "base/wr.h"
#include "base/err.h"

typedef struct enc_target {
    char *path;            /* "<final>.new-<pid>"; NULL: nothing has been made */
    char *final, *parent;  /* the directory wanted, and where its entry lies */
    struct enc_made *made; /* what is in it, the last one first */
    enc_arena arena;
    enc_err *e;
} enc_target;

/* The directory must be absent or empty. To be closed, also on failure. */
enc_rc enc_target_open(enc_target *t, const char *path, enc_err *e);

/* Makes a directory inside, if it has not been made yet. */
enc_rc enc_target_directory(enc_target *t, const char *name);

/* Writes one file, and clears `w`; what has failed in w is ENC_NOMEM. */
enc_rc enc_target_put(enc_target *t, const char *name, enc_wr *w);

/* Puts the directory in its place if rc is ENC_OK, else removes what was made. Gives rc,
 * or what failed here. */
enc_rc enc_target_close(enc_target *t, enc_rc rc);

#endif
