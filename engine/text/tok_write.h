/* tok_write.h - what the files tok_write*.c share. */
#ifndef ENC_TOK_WRITE_H
#define ENC_TOK_WRITE_H

#include "base/wr.h"
#include "text/tok_parts.h"

const char *enc_tok_write_claim(bool is); /* "true" or "false" */
void enc_tok_write_text(enc_wr *w, enc_bytes text);

/* The flags of an added token, and the bracket behind them. */
void enc_tok_write_flags(const enc_tok_added *a, enc_wr *out);

#endif
