/* save.h - a model -> bytes or a directory, as Hugging Face and sentence-transformers
 * write it: readable by their libraries unchanged. */
#ifndef ENC_SAVE_H
#define ENC_SAVE_H

#include "base/wr.h"
#include "model/model.h"

/* A blob (files.h). With `int8` every matrix is stored as int8 and a scale per row
 * ("<name>.scale"), vectors stay f32; else all f32. `note` becomes metadata "note". */
enc_rc enc_save_blob(const enc_config *c, const enc_weights *w, const enc_tok *tok,
                     bool int8, const char *note, enc_wr *out, enc_err *e);

/* config.json, model.safetensors (f32), vocab.txt, tokenizer.json, tokenizer_config.json,
 * special_tokens_map.json, modules.json, 1_Pooling/config.json,
 * sentence_bert_config.json, config_sentence_transformers.json. The directory must be
 * absent or empty. */
enc_rc enc_save_directory(const enc_model *m, const char *path, enc_err *e);

#endif
