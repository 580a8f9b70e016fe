/* entity.h - the label of every token of a text -> the entities that they spell.
 *
 * Labels say where in an entity a token stands: "B-PER" begins one, "I-PER" goes on;
 * L and E end one, S and U are one alone; some models write "PER-B". A label without such
 * a letter goes on. "O" is nothing. As in transformers' pipeline, neighbours of one kind
 * are one entity unless the second begins one, and its score is the mean of theirs.
 *
 * What a neighbour is can be chosen: ENC_ENTITY_FIRST takes words, each with the label of
 * its first piece, which is what most models are trained to label; ENC_ENTITY_SIMPLE
 * takes tokens, which can tell a Korean noun from the particle behind it.
 *
 * Long texts are read in windows (window.h): a token's label is that of the window it is
 * farther inside. */
#ifndef ENC_ENTITY_H
#define ENC_ENTITY_H

#include "encode/fwd.h"

typedef struct enc_labelled { /* a token of the text, none special */
    int32_t id;
    uint32_t label;    /* index into the model's labels */
    float score;       /* of that label, of a softmax over all */
    size_t start, end; /* bytes of the text */
} enc_labelled;

/* Storage is the caller's, zeroed at first; `at` grows and is reused. */
typedef struct enc_labels {
    enc_labelled *at;
    size_t n, cap;
} enc_labels;

/* The most probable label of each token. tap may be NULL. */
enc_rc enc_entity_labels(const enc_model *m, enc_work *w, enc_bytes text,
                         const enc_tap *tap, enc_labels *out, enc_err *e);
void enc_labels_clear(enc_labels *l);

typedef enum enc_entity_by { ENC_ENTITY_FIRST, ENC_ENTITY_SIMPLE } enc_entity_by;

typedef struct enc_entity {
    enc_bytes label; /* "PER": without the letter; borrowed from the model */
    float score;
    size_t start, end; /* bytes of the text */
} enc_entity;

/* The entities in l, at most l->n, into out; returns how many. */
size_t enc_entity_join(const enc_model *m, const enc_labels *l, enc_bytes text,
                       enc_entity_by by, enc_entity *out);

#endif
