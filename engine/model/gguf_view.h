/* gguf_view.h - a GGUF file seen as the Hugging Face directory it was made from: its
 * small files as text, and its tensors under the names they had.
 *
 * A file that cannot be known from the keys is not there. What was joined or written
 * lives as long as the view; the other tensors are the file's own bytes. */
#ifndef ENC_GGUF_VIEW_H
#define ENC_GGUF_VIEW_H

#include "model/gguf.h"

typedef struct enc_gguf_view enc_gguf_view;

/* `bytes` and `what` as in enc_gguf_open. */
enc_rc enc_gguf_view_open(enc_gguf_view **out, enc_bytes bytes, const char *what,
                          enc_err *e);
void enc_gguf_view_close(enc_gguf_view *v);

/* A small file's bytes, {NULL,0} if there is none. */
enc_rc enc_gguf_view_get(enc_gguf_view *v, const char *name, enc_bytes *out, enc_err *e);

size_t enc_gguf_view_count(const enc_gguf_view *v);
const enc_tensor *enc_gguf_view_at(const enc_gguf_view *v, size_t i); /* in no order */

#endif
