/* template.h - which special tokens stand around a text, and around a pair.
 *
 * A template is a row of items, one of them the text (of a pair: two, in their order),
 * the others special tokens; each has a segment.
 *
 *     [CLS] A [SEP]      [CLS] A [SEP] B:1 [SEP]:1      BERT
 *     <s> A </s>         <s> A </s> </s> B </s>         RoBERTa, XLM-R, MPNet
 *     A                  A B:1                          GPT-2 */
#ifndef ENC_TEMPLATE_H
#define ENC_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENC_TEMPLATE_MAX 16 /* items */

enum { ENC_ITEM_A = -1, ENC_ITEM_B = -2 }; /* in place of an id: a text */

typedef struct enc_item {
    int32_t id;
    uint8_t segment;
} enc_item;

typedef struct enc_template {
    enc_item at[ENC_TEMPLATE_MAX];
    size_t n;
} enc_template;

enum { ENC_TEMPLATE_NONE, ENC_TEMPLATE_BERT, ENC_TEMPLATE_ROBERTA };

/* One of the three above, of a pair or not. */
enc_template enc_template_of(int kind, int32_t cls, int32_t sep, bool is_pair);

/* False if it is full. */
bool enc_template_add(enc_template *t, int32_t id, uint8_t segment);

/* Where an item is; t->n if there is none. */
size_t enc_template_find(const enc_template *t, int32_t id);

/* Whether it has the texts it must have, each once, the first first. */
bool enc_template_is_sound(const enc_template *t, bool is_pair);

#endif
