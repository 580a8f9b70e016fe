/* packed.h - the layers of a model as panels (panel.h), in the precision it runs in.
 *
 * Made when the model is first used and kept with it: opening a model, or a query that
 * stored vectors answer, does not pay for it. */
#ifndef ENC_PACKED_H
#define ENC_PACKED_H

#include "encode/panel.h"
#include "model/model.h"

typedef struct enc_packed_layer {
    enc_panels qkv; /* query, key and value side by side: 3D outputs */
    enc_panels attn_out, up, down;
} enc_packed_layer;

/* n_layers of them, borrowed from the model. Any number of threads may ask. */
enc_rc enc_packed_get(const enc_model *m, const enc_packed_layer **layers, enc_err *e);

#endif
