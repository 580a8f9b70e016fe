/* template.c - see template.h. */
#include "text/template.h"

bool enc_template_add(enc_template *t, int32_t id, uint8_t segment)
{
    if (t->n == ENC_TEMPLATE_MAX) return false;
    t->at[t->n++] = (enc_item){id, segment};
    return true;
}

enc_template enc_template_of(int kind, int32_t cls, int32_t sep, bool is_pair)
{
    enc_template t = {.n = 0};
    bool has_ends = kind != ENC_TEMPLATE_NONE;
    uint8_t second = kind == ENC_TEMPLATE_ROBERTA ? 0 : 1;
    if (has_ends) enc_template_add(&t, cls, 0);
    enc_template_add(&t, ENC_ITEM_A, 0);
    if (has_ends) enc_template_add(&t, sep, 0);
    if (!is_pair) return t;
    if (kind == ENC_TEMPLATE_ROBERTA) enc_template_add(&t, sep, 0);
    enc_template_add(&t, ENC_ITEM_B, second);
    if (has_ends) enc_template_add(&t, sep, second);
    return t;
}

size_t enc_template_find(const enc_template *t, int32_t id)
{
    size_t i = 0;
    while (i < t->n && t->at[i].id != id) i++;
    return i;
}

bool enc_template_is_sound(const enc_template *t, bool is_pair)
{
    size_t n_a = 0, n_b = 0;
    for (size_t i = 0; i < t->n; i++) {
        n_a += t->at[i].id == ENC_ITEM_A;
        n_b += t->at[i].id == ENC_ITEM_B;
    }
    if (n_a != 1 || n_b != (is_pair ? 1u : 0u)) return false;
    return !is_pair ||
           enc_template_find(t, ENC_ITEM_A) < enc_template_find(t, ENC_ITEM_B);
}
