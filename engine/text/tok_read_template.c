/* tok_read_template.c - the post_processor of a tokenizer.json -> the templates.
 *
 * TemplateProcessing says them; BertProcessing and RobertaProcessing name cls and sep,
 * ByteLevel adds nothing, and neither does none. Of a Sequence, what each adds; only one
 * of them may. */
#include <string.h>

#include "base/limits.h"
#include "text/tok_read.h"

static enc_rc fail(enc_err *e, const char *what)
{
    return enc_fail(e, ENC_UNSUPPORTED, "%s: post_processor %s", ENC_TOKJSON, what);
}

/* ["[SEP]", 102] */
static enc_rc read_ends(enc_tok_reading *r, enc_json_value *v, int kind, enc_err *e)
{
    enc_tok_special *s = &r->t->special;
    s->cls = enc_tok_read_id(enc_json_at(enc_json_get(v, "cls"), 1));
    s->sep = enc_tok_read_id(enc_json_at(enc_json_get(v, "sep"), 1));
    if (s->cls < 0 || s->sep < 0) return fail(e, "does not say the ids of cls and sep");
    enc_tok_read_usual_template(r, kind);
    return ENC_OK;
}

/* One item of a template: {"Sequence": ...}, or {"SpecialToken": ...} with its ids. */
static bool read_item(enc_json_value *v, enc_json_value *specials, enc_template *t)
{
    enc_json_value *text = enc_json_get(v, "Sequence"),
                   *special = enc_json_get(v, "SpecialToken");
    enc_json_value *item = text != NULL ? text : special,
                   *name = enc_json_get(item, "id");
    long long type = enc_json_int(enc_json_get(item, "type_id"));
    if (type < 0 || type >= ENC_SEGMENTS_MAX || !enc_json_is_text(name)) return false;
    if (text != NULL) {
        bool is_a = enc_tok_read_is(name, "A");
        if (!is_a && !enc_tok_read_is(name, "B")) return false;
        return enc_template_add(t, is_a ? ENC_ITEM_A : ENC_ITEM_B, (uint8_t)type);
    }
    enc_json_value *ids =
        enc_json_get(enc_json_get(specials, enc_json_text(name, NULL)), "ids");
    if (enc_json_count(ids) == 0) return false;
    for (size_t i = 0; i < enc_json_count(ids); i++) {
        int32_t id = enc_tok_read_id(enc_json_at(ids, i));
        if (id < 0 || !enc_template_add(t, id, (uint8_t)type)) return false;
    }
    return true;
}

static enc_rc read_items(enc_json_value *v, const char *key, bool is_pair,
                         enc_template *out, enc_err *e)
{
    enc_json_value *items = enc_json_get(v, key);
    enc_template t = {.n = 0};
    bool ok = enc_json_is_array(items);
    for (size_t i = 0; ok && i < enc_json_count(items); i++)
        ok = read_item(enc_json_at(items, i), enc_json_get(v, "special_tokens"), &t);
    if (!ok || !enc_template_is_sound(&t, is_pair))
        return enc_fail(e, ENC_UNSUPPORTED,
                        "%s: post_processor: %s is not %s with at most %d special tokens",
                        ENC_TOKJSON, key, is_pair ? "A and then B" : "A",
                        ENC_TEMPLATE_MAX - (is_pair ? 2 : 1));
    *out = t;
    return ENC_OK;
}

/* cls is what stands before a text, sep what stands behind it. */
static enc_rc read_template(enc_tok_reading *r, enc_json_value *v, enc_err *e)
{
    enc_tok *t = r->t;
    enc_rc rc;
    if ((rc = read_items(v, "single", false, &t->one, e)) ||
        (rc = read_items(v, "pair", true, &t->two, e)))
        return rc;
    if (t->one.at[0].id >= 0) t->special.cls = t->one.at[0].id;
    if (t->one.at[t->one.n - 1].id >= 0) t->special.sep = t->one.at[t->one.n - 1].id;
    return ENC_OK;
}

static enc_rc check_ids(const enc_tok *t, const enc_template *around, enc_err *e)
{
    for (size_t i = 0; i < around->n; i++) {
        int32_t id = around->at[i].id;
        if (id >= 0 && enc_vocab_piece(t->vocab, id).n == 0)
            return enc_fail(e, ENC_CORRUPT,
                            "%s: post_processor adds id %d, which is no piece",
                            ENC_TOKJSON, (int)id);
    }
    return ENC_OK;
}

/* What one processor adds; *n_added counts those that add something. */
static enc_rc read_one(enc_tok_reading *r, enc_json_value *v, size_t *n_added, enc_err *e)
{
    enc_json_value *type = enc_json_get(v, "type");
    if (enc_tok_read_is(type, "ByteLevel")) return ENC_OK;
    ++*n_added;
    if (enc_tok_read_is(type, "BertProcessing"))
        return read_ends(r, v, ENC_TEMPLATE_BERT, e);
    if (enc_tok_read_is(type, "RobertaProcessing"))
        return read_ends(r, v, ENC_TEMPLATE_ROBERTA, e);
    if (enc_tok_read_is(type, "TemplateProcessing")) return read_template(r, v, e);
    return enc_tok_read_refuse(ENC_TOKJSON, "post_processor", type, e);
}

enc_rc enc_tok_read_template(enc_tok_reading *r, enc_err *e)
{
    enc_json_value *v = enc_json_get(r->root, "post_processor");
    enc_json_value *members = enc_json_get(v, "processors");
    size_t n_added = 0;
    enc_rc rc = ENC_OK;
    enc_tok_read_usual_template(r, ENC_TEMPLATE_NONE);
    if (v == NULL || enc_json_is_null(v)) return ENC_OK;
    if (!enc_tok_read_is(enc_json_get(v, "type"), "Sequence")) {
        rc = read_one(r, v, &n_added, e);
    } else {
        for (size_t i = 0; i < enc_json_count(members) && rc == ENC_OK; i++)
            rc = read_one(r, enc_json_at(members, i), &n_added, e);
        if (rc == ENC_OK && n_added > 1)
            rc = fail(e, "Sequence adds special tokens more than once");
    }
    if (rc == ENC_OK) rc = check_ids(r->t, &r->t->one, e);
    return rc == ENC_OK ? check_ids(r->t, &r->t->two, e) : rc;
}
