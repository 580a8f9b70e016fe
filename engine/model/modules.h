/* modules.h - the weights of what follows pooling: sentence-transformers' Dense and
 * LayerNorm modules, each with a safetensors file of its own below the model's directory.
 *
 *   Dense      linear.weight [out, in], linear.bias [out]
 *   LayerNorm  norm.weight [n], norm.bias [n]
 *
 * Which there are is in enc_config. They are few and small: all are f32 here. */
#ifndef ENC_MODULES_H
#define ENC_MODULES_H

#include "model/weights.h"

#define ENC_MODULE_EPS                                                                   \
    1e-5f /* of a LayerNorm module, which states none: PyTorch's own                     \
           */

typedef struct enc_module_weights {
    enc_linear dense;   /* of a Dense; zero in others */
    enc_layernorm norm; /* of a LayerNorm; zero in others */
} enc_module_weights;

/* Binds c->n_modules of them, in the arena; NULL if there are none. */
enc_rc enc_modules_bind(const enc_module_weights **out, enc_arena *a, const enc_config *c,
                        enc_files *f, enc_err *e);

/* How many parameters a module has. */
size_t enc_module_count(const enc_module *s);

#endif
