/* tok_read_steps.c - the normalizer and the pre_tokenizer of a tokenizer.json.
 *
 * Before BERT's splitting, BERT's own rules are for norm.h, which has them and no others.
 * Before any other splitting they are steps for normal.h. What is in neither is refused
 * by name. */
#include <string.h>

#include "base/limits.h"
#include "text/base64.h"
#include "text/tok_read.h"

static enc_rc refuse(const char *part, enc_json_value *v, enc_err *e)
{
    return enc_tok_read_refuse(ENC_TOKJSON, part, enc_json_get(v, "type"), e);
}

static bool is_type(enc_json_value *v, const char *name)
{
    return enc_tok_read_is(enc_json_get(v, "type"), name);
}

static enc_rc read_bert_rules(enc_json_value *v, enc_norm_rules *rules, enc_err *e)
{
    enc_norm_rules r = {.clean_text = true, .chinese_chars = true, .lower_case = true};
    const enc_tok_bool others[] = {{"clean_text", &r.clean_text},
                                   {"handle_chinese_chars", &r.chinese_chars},
                                   {"lowercase", &r.lower_case},
                                   {NULL, NULL}};
    const enc_tok_bool strip[] = {{"strip_accents", &r.strip_accents}, {NULL, NULL}};
    enc_rc rc = enc_tok_read_bools(v, ENC_TOKJSON, others, e);
    r.strip_accents = r.lower_case;
    if (rc == ENC_OK) rc = enc_tok_read_bools(v, ENC_TOKJSON, strip, e);
    *rules = r;
    return rc;
}

/* ---- before BERT's splitting ---- */

/* transformers' BertTokenizerFast and its kin, which it takes for a BERT if no class is
 * named, set a BertNormalizer anew by what tokenizer_config.json says of it. */
static enc_rc follow_config(const enc_tok_reading *r, enc_json_value *v,
                            enc_norm_rules *rules, enc_err *e)
{
    const enc_tok_bool said[] = {{"do_lower_case", &rules->lower_case},
                                 {"tokenize_chinese_chars", &rules->chinese_chars},
                                 {NULL, NULL}};
    const enc_tok_bool strip[] = {{"strip_accents", &rules->strip_accents}, {NULL, NULL}};
    const bool is_said = enc_json_get(r->config, strip->key) != NULL,
               is_bert = enc_json_get(r->config, "tokenizer_class") == NULL ||
                         enc_tok_read_is_bert(r);
    if (!is_type(v, "BertNormalizer") || !is_bert) return ENC_OK;
    enc_rc rc = enc_tok_read_bools(r->config, ENC_TOKCONF, said, e);
    rules->strip_accents = rules->lower_case;
    if (rc != ENC_OK) return rc;
    return is_said ? enc_tok_read_bools(r->config, ENC_TOKCONF, strip, e)
                   : enc_tok_read_bools(v, ENC_TOKJSON, strip, e);
}

/* One step. NFD alone and NFC alone would keep marks that we neither reorder nor join, so
 * they pass only together with the stripping of accents; *is_apart tells that NFD has
 * been and nothing has been stripped since. */
static enc_rc read_rule(enc_json_value *v, size_t i, enc_norm_rules *rules,
                        bool *is_apart, enc_err *e)
{
    if (is_type(v, "BertNormalizer") && i == 0) return read_bert_rules(v, rules, e);
    if (is_type(v, "Lowercase") && !rules->keep_hangul) {
        rules->lower_case = true;
        return ENC_OK;
    }
    if (is_type(v, "NFD") && !rules->keep_hangul) {
        *is_apart = !rules->strip_accents;
        return ENC_OK;
    }
    if (is_type(v, "StripAccents") && !rules->keep_hangul &&
        (*is_apart || rules->strip_accents)) {
        *is_apart = false;
        rules->strip_accents = rules->strip_marks = true;
        return ENC_OK;
    }
    if (is_type(v, "NFC") && rules->strip_accents) {
        rules->keep_hangul = true;
        return ENC_OK;
    }
    return refuse("normalizer", v, e);
}

static enc_rc read_rules(enc_tok_reading *r, enc_json_value *v, enc_err *e)
{
    enc_norm_rules *rules = &r->t->rules;
    bool is_apart = false;
    enc_rc rc = ENC_OK;
    if (is_type(v, "Sequence")) {
        enc_json_value *steps = enc_json_get(v, "normalizers");
        for (size_t i = 0; i < enc_json_count(steps) && rc == ENC_OK; i++)
            rc = read_rule(enc_json_at(steps, i), i, rules, &is_apart, e);
    } else {
        rc = read_rule(v, 0, rules, &is_apart, e);
        if (rc == ENC_OK) rc = follow_config(r, v, rules, e);
    }
    if (rc == ENC_OK && is_apart)
        rc = enc_fail(e, ENC_UNSUPPORTED,
                      "%s: normalizer NFD without StripAccents is not supported",
                      ENC_TOKJSON);
    return rc;
}

/* ---- before any other ---- */

/* A text of the file, in the arena. */
static enc_rc read_text(enc_tok_reading *r, enc_json_value *v, const char *what,
                        enc_bytes *out, enc_err *e)
{
    enc_bytes text = enc_tok_read_text(v);
    if (text.at == NULL || text.n > ENC_PIECE_MAX)
        return enc_fail(e, ENC_UNSUPPORTED,
                        "%s: normalizer: %s is no text of at most %d bytes", ENC_TOKJSON,
                        what, ENC_PIECE_MAX);
    out->at =
        (const uint8_t *)enc_arena_text(&r->t->arena, (const char *)text.at, text.n);
    out->n = text.n;
    return out->at == NULL ? enc_nomem(e) : ENC_OK;
}

static enc_rc read_map(enc_tok_reading *r, enc_json_value *v, enc_step *s, enc_err *e)
{
    enc_bytes text = enc_tok_read_text(enc_json_get(v, "precompiled_charsmap"));
    enc_wr blob;
    if (text.at == NULL || r->t->map != NULL)
        return enc_fail(e, ENC_UNSUPPORTED, "%s: normalizer Precompiled %s", ENC_TOKJSON,
                        text.at == NULL ? "has no precompiled_charsmap" : "comes twice");
    enc_wr_init(&blob);
    enc_rc rc = ENC_OK;
    if (!enc_base64_read(text, &blob))
        rc = blob.failed
                 ? enc_nomem(e)
                 : enc_fail(e, ENC_CORRUPT, "%s: precompiled_charsmap is not in base64",
                            ENC_TOKJSON);
    if (rc == ENC_OK)
        rc = enc_charsmap_new(&r->t->map, (enc_bytes){blob.at, blob.n}, ENC_TOKJSON, e);
    enc_wr_clear(&blob);
    *s = (enc_step){.kind = ENC_STEP_PRECOMPILED, .map = r->t->map};
    return rc;
}

static enc_rc read_replace(enc_tok_reading *r, enc_json_value *v, enc_step *s, enc_err *e)
{
    enc_json_value *pattern = enc_json_get(v, "pattern"),
                   *regex = enc_json_get(pattern, "Regex");
    enc_rc rc = read_text(r, enc_json_get(v, "content"), "content of Replace", &s->to, e);
    if (rc != ENC_OK) return rc;
    s->by_white = enc_tok_read_is(regex, "\\s+"); /* what model2vec writes */
    if (regex != NULL && !s->by_white && !enc_tok_read_is(regex, " {2,}"))
        return enc_tok_read_refuse(ENC_TOKJSON, "normalizer Replace of Regex", regex, e);
    s->kind = regex != NULL ? ENC_STEP_SPACES : ENC_STEP_REPLACE;
    if (regex != NULL) return ENC_OK;
    rc = read_text(r, enc_json_get(pattern, "String"), "pattern of Replace", &s->from, e);
    if (rc == ENC_OK && s->from.n == 0)
        rc = enc_fail(e, ENC_CORRUPT, "%s: normalizer Replace has an empty pattern",
                      ENC_TOKJSON);
    return rc;
}

static enc_rc read_strip(enc_json_value *v, enc_step *s, enc_err *e)
{
    *s = (enc_step){.kind = ENC_STEP_STRIP, .left = true, .right = true};
    const enc_tok_bool bools[] = {
        {"strip_left", &s->left}, {"strip_right", &s->right}, {NULL, NULL}};
    return enc_tok_read_bools(v, ENC_TOKJSON, bools, e);
}

static enc_rc read_step(enc_tok_reading *r, enc_json_value *v, enc_step *s, enc_err *e)
{
    static const struct {
        const char *name;
        enc_form form;
    } forms[] = {
        {"NFC", ENC_NFC}, {"NFD", ENC_NFD}, {"NFKC", ENC_NFKC}, {"NFKD", ENC_NFKD}};
    enc_norm_rules *rules = &r->t->rules;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (!is_type(v, forms[i].name)) continue;
        *s = (enc_step){.kind = ENC_STEP_FORM, .form = forms[i].form};
        return ENC_OK;
    }
    if (is_type(v, "Precompiled")) return read_map(r, v, s, e);
    if (is_type(v, "Replace")) return read_replace(r, v, s, e);
    if (is_type(v, "Strip")) return read_strip(v, s, e);
    if (is_type(v, "Lowercase")) {
        s->kind = ENC_STEP_LOWER;
        rules->lower_case = true;
        return ENC_OK;
    }
    if (is_type(v, "StripAccents")) {
        s->kind = ENC_STEP_STRIP_ACCENTS;
        rules->strip_accents = true;
        return ENC_OK;
    }
    if (is_type(v, "BertNormalizer")) {
        s->kind = ENC_STEP_BERT;
        enc_rc rc = read_bert_rules(v, &s->rules, e);
        if (s->rules.lower_case) rules->lower_case = true;
        if (s->rules.strip_accents) rules->strip_accents = true;
        return rc;
    }
    if (!is_type(v, "Prepend")) return refuse("normalizer", v, e);
    s->kind = ENC_STEP_PREPEND;
    return read_text(r, enc_json_get(v, "prepend"), "prepend", &s->to, e);
}

static enc_rc add_step(enc_tok_reading *r, enc_json_value *v, enc_err *e)
{
    enc_step step = {.kind = ENC_STEP_FORM};
    enc_rc rc = read_step(r, v, &step, e);
    return rc == ENC_OK ? enc_tok_add_step(r->t, step, e) : rc;
}

static enc_rc read_normalizer(enc_tok_reading *r, enc_err *e)
{
    enc_json_value *v = enc_json_get(r->root, "normalizer");
    enc_json_value *steps = enc_json_get(v, "normalizers");
    enc_rc rc = ENC_OK;
    r->t->rules = (enc_norm_rules){0};
    if (v == NULL || enc_json_is_null(v)) return ENC_OK;
    if (r->t->split == ENC_SPLIT_BERT) return read_rules(r, v, e);
    if (!is_type(v, "Sequence")) return add_step(r, v, e);
    for (size_t i = 0; i < enc_json_count(steps) && rc == ENC_OK; i++)
        rc = add_step(r, enc_json_at(steps, i), e);
    return rc;
}

/* ---- splitting ---- */

static enc_rc read_metaspace(enc_json_value *v, enc_tok *t, enc_step *mark, enc_err *e)
{
    static const char *const schemes[] = {
        [ENC_NEVER] = "never", [ENC_FIRST] = "first", [ENC_ALWAYS] = "always"};
    enc_json_value *scheme = enc_json_get(v, "prepend_scheme"),
                   *replacement = enc_json_get(v, "replacement");
    bool prefix = true, split = true;
    const enc_tok_bool bools[] = {
        {"add_prefix_space", &prefix}, {"split", &split}, {NULL, NULL}};
    enc_rc rc = enc_tok_read_bools(v, ENC_TOKJSON, bools, e);
    if (rc != ENC_OK) return rc;
    if (replacement != NULL && !enc_tok_read_is(replacement, ENC_SPACE_MARK))
        return enc_tok_read_refuse(ENC_TOKJSON, "pre_tokenizer Metaspace with",
                                   replacement, e);
    mark->prepend = prefix ? ENC_ALWAYS : ENC_NEVER;
    bool found = scheme == NULL;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes && !found; i++)
        if ((found = enc_tok_read_is(scheme, schemes[i]))) mark->prepend = (enc_prepend)i;
    if (!found || (mark->by_white && mark->prepend != ENC_ALWAYS))
        return enc_fail(e, ENC_UNSUPPORTED,
                        "%s: pre_tokenizer Metaspace with this prepend_scheme is not "
                        "supported",
                        ENC_TOKJSON);
    mark->kind = ENC_STEP_MARK;
    mark->to = (enc_bytes){(const uint8_t *)ENC_SPACE_MARK, sizeof ENC_SPACE_MARK - 1};
    t->split = split || mark->by_white ? ENC_SPLIT_MARKED : ENC_SPLIT_WHOLE;
    return ENC_OK;
}

static enc_rc read_byte_level(enc_json_value *v, enc_tok *t, enc_step *mark, enc_err *e)
{
    bool prefix = true, regex = true;
    const enc_tok_bool bools[] = {
        {"add_prefix_space", &prefix}, {"use_regex", &regex}, {NULL, NULL}};
    enc_rc rc = enc_tok_read_bools(v, ENC_TOKJSON, bools, e);
    if (rc != ENC_OK) return rc;
    if (!regex)
        return enc_fail(
            e, ENC_UNSUPPORTED,
            "%s: pre_tokenizer ByteLevel with use_regex = false is not supported",
            ENC_TOKJSON);
    t->split = ENC_SPLIT_BYTES;
    if (!prefix) return ENC_OK;
    mark->kind = ENC_STEP_MARK;
    mark->prepend = ENC_ALWAYS;
    mark->to = (enc_bytes){(const uint8_t *)" ", 1};
    return ENC_OK;
}

/* Which of a Sequence splits, after WhitespaceSplit if there are two; NULL: it is neither
 * one step nor those two. */
static enc_json_value *last_step(enc_json_value *steps, bool *by_white)
{
    size_t n = enc_json_count(steps);
    *by_white = n == 2 && is_type(enc_json_at(steps, 0), "WhitespaceSplit");
    return n == 1 || *by_white ? enc_json_at(steps, n - 1) : NULL;
}

static bool is_isolating(enc_json_value *v)
{
    enc_json_value *behavior = enc_json_get(v, "behavior");
    return is_type(v, "Punctuation") &&
           (behavior == NULL || enc_tok_read_is(behavior, "Isolated"));
}

/* The splitting, and in *mark the step before it, if mark->to.n > 0. */
static enc_rc read_splitting(enc_json_value *v, enc_tok *t, enc_step *mark, enc_err *e)
{
    if (v == NULL || enc_json_is_null(v)) {
        t->split = ENC_SPLIT_WHOLE;
        return ENC_OK;
    }
    if (is_type(v, "Sequence")) {
        v = last_step(enc_json_get(v, "pretokenizers"), &mark->by_white);
        if (mark->by_white && is_isolating(v)) return ENC_OK;
        if (v == NULL || (mark->by_white && !is_type(v, "Metaspace")))
            return enc_fail(e, ENC_UNSUPPORTED,
                            "%s: pre_tokenizer Sequence is not WhitespaceSplit and then "
                            "Punctuation or Metaspace",
                            ENC_TOKJSON);
    }
    if (is_type(v, "BertPreTokenizer")) return ENC_OK;
    if (is_type(v, "Metaspace")) return read_metaspace(v, t, mark, e);
    if (is_type(v, "ByteLevel")) return read_byte_level(v, t, mark, e);
    if (!is_type(v, "Whitespace")) return refuse("pre_tokenizer", v, e);
    t->split = ENC_SPLIT_RUNS;
    return ENC_OK;
}

enc_rc enc_tok_read_splitting(enc_tok_reading *r, enc_err *e)
{
    enc_step mark = {.kind = ENC_STEP_MARK};
    enc_json_value *v = enc_json_get(r->root, "pre_tokenizer");
    enc_rc rc = read_splitting(v, r->t, &mark, e);
    enc_tok_kind kind = r->t->kind;
    enc_split split = r->t->split;
    if (rc == ENC_OK && kind == ENC_TOK_WORDPIECE && split != ENC_SPLIT_BERT)
        return refuse("WordPiece with pre_tokenizer", v, e);
    if (rc == ENC_OK && kind == ENC_TOK_UNIGRAM && split == ENC_SPLIT_BYTES)
        return refuse("Unigram with pre_tokenizer", v, e);
    if (rc == ENC_OK) rc = read_normalizer(r, e);
    return rc == ENC_OK && mark.to.n > 0 ? enc_tok_add_step(r->t, mark, e) : rc;
}
