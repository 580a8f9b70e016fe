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
    enc_panels attn_out;
    enc_panels gate; /* data NULL: there is none */
    enc_panels up, down;
} enc_packed_layer;

typedef struct enc_packed {
    enc_panels project;        /* of the embeddings; data NULL: there is none */
    enc_packed_layer layers[]; /* as in enc_weights */
} enc_packed;

/* Borrowed from the model. Any number of threads may ask. */
enc_rc enc_packed_get(const enc_model *m, const enc_packed **packed, enc_err *e);

#endif
