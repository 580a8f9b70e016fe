/* copy.h - a model's own files, written again: what saving does with a model that
 * config_write.c has no words for. */
#ifndef ENC_COPY_H
#define ENC_COPY_H

#include "learn/target.h"
#include "model/model.h"

/* The files that the model was opened from, unchanged: its configuration, tokenizer and
 * modules, and all its tensors under their own names, shards in one file. What options
 * have overridden is not in them. A directory is read again, so that threads need not
 * wait for one another. ENC_UNSUPPORTED: it came from a GGUF file. */
enc_rc enc_copy_files(const enc_model *m, enc_target *t, enc_err *e);

#endif
