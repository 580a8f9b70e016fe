/* tok_read.c - files -> a tokenizer: enc_tok_open.
 *
 * tokenizer.json (Hugging Face tokenizers) says all that matters to the ids: the
 * vocabulary, the normalizer, what to add. vocab.txt has only the pieces; then
 * tokenizer_config.json says the rest, with the defaults of transformers' BertTokenizer.
 * We take the WordPiece models whose steps are BERT's, and refuse by name what would
 * change an id. Truncation, padding and the decoder of a tokenizer.json change none.
 *
 * Keys of tokenizer_config.json that only we write are those of tok_write.c. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "text/tok_parts.h"

#define MODEL_MAX_ABSURD 1000000000.0 /* transformers write 1e30 for "none" */
#define WORD_MAX_MAX     65536
#define ECHO_MAX         40 /* bytes of a file that a sentence may repeat */

static const char TOKJSON[] = "tokenizer.json", CONFIG[] = "tokenizer_config.json",
                  MAP[] = "special_tokens_map.json", VOCAB[] = "vocab.txt";

/* Everything that is open while a tokenizer is read. */
typedef struct reading {
    enc_tok *t;
    enc_json_value *root, *config, *map; /* NULL if there is no such file */
    enc_tok_cut cut;                     /* of tokenizer.json */
} reading;

/* ---- values ---- */

static bool is_text(enc_json_value *v, const char *text)
{
    const char *is = enc_json_text(v, NULL);
    return is != NULL && strcmp(is, text) == 0;
}

/* Absent and null are the default; anything but true and false is refused. */
static enc_rc get_bool(enc_json_value *object, const char *key, const char *what,
                       bool *out, enc_err *e)
{
    enc_json_value *v = enc_json_get(object, key);
    if (v == NULL || enc_json_is_null(v)) return ENC_OK;
    if (!enc_json_is_bool(v))
        return enc_fail(e, ENC_CORRUPT, "%s: %s is neither true nor false", what, key);
    *out = enc_json_true(v);
    return ENC_OK;
}

/* The text of a token: a string, or an object with "content". NULL if absent. */
static const char *token_text(enc_json_value *v, size_t *n)
{
    if (enc_json_is_object(v)) v = enc_json_get(v, "content");
    return enc_json_text(v, n);
}

static enc_rc get_word_max(enc_json_value *object, const char *what, size_t *out,
                           enc_err *e)
{
    static const char key[] = "max_input_chars_per_word";
    enc_json_value *v = enc_json_get(object, key);
    if (v == NULL) return ENC_OK;
    long long n = enc_json_int(v);
    if (!enc_json_is_int(v) || n < 1 || n > WORD_MAX_MAX)
        return enc_fail(e, ENC_RANGE, "%s: %s is %lld, allowed are 1 to %d", what, key, n,
                        WORD_MAX_MAX);
    *out = (size_t)n;
    return ENC_OK;
}

static enc_rc get_prefix(enc_json_value *object, const char *key, const char *what,
                         char out[ENC_PREFIX_MAX + 1], enc_err *e)
{
    enc_json_value *v = enc_json_get(object, key);
    size_t n;
    if (v == NULL) return ENC_OK;
    const char *text = enc_json_text(v, &n);
    if (text == NULL || n < 1 || n > ENC_PREFIX_MAX)
        return enc_fail(e, ENC_UNSUPPORTED, "%s: %s is not a text of 1 to %d bytes", what,
                        key, ENC_PREFIX_MAX);
    memcpy(out, text, n);
    out[n] = '\0';
    return ENC_OK;
}

static enc_rc refuse(const char *what, const char *part, enc_json_value *type, enc_err *e)
{
    const char *name = enc_json_text(type, NULL);
    return enc_fail(e, ENC_UNSUPPORTED, "%s: %s %.*s is not supported", what, part,
                    ECHO_MAX, name != NULL ? name : "without a type");
}

/* ---- pieces ---- */

/* Enters one piece; the same again is fine, anything else at its id is not. */
static enc_rc put_piece(reading *r, enc_json_value *id_value, const char *text, size_t n,
                        enc_err *e)
{
    long long id = enc_json_int(id_value);
    if (!enc_json_is_int(id_value) || id < 0 || (size_t)id >= ENC_VOCAB_MAX)
        return enc_fail(e, ENC_CORRUPT, "%s: a token has id %lld, allowed are 0 to %zu",
                        TOKJSON, id, ENC_VOCAB_MAX - 1);
    if (n == 0) return enc_fail(e, ENC_CORRUPT, "%s: token %lld is empty", TOKJSON, id);
    enc_bytes *p = enc_tok_cut_place(&r->cut, (size_t)id);
    if (p == NULL) return enc_nomem(e);
    if (p->n > 0 && (p->n != n || memcmp(p->at, text, n) != 0))
        return enc_fail(e, ENC_CORRUPT, "%s: two tokens have id %lld", TOKJSON, id);
    *p = (enc_bytes){(const uint8_t *)text, n};
    return ENC_OK;
}

static enc_rc read_pieces(reading *r, enc_json_value *model, enc_err *e)
{
    enc_json_value *vocab = enc_json_get(model, "vocab"), *v;
    enc_json_value *added = enc_json_get(r->root, "added_tokens");
    const char *key = NULL;
    enc_rc rc = ENC_OK;
    if (!enc_json_is_object(vocab))
        return enc_fail(e, ENC_CORRUPT, "%s: model.vocab is not an object", TOKJSON);
    for (size_t i = 0; rc == ENC_OK && (v = enc_json_member(vocab, i, &key)) != NULL; i++)
        rc = put_piece(r, v, key, strlen(key), e);
    for (size_t i = 0; rc == ENC_OK && i < enc_json_count(added); i++) {
        size_t n;
        const char *text =
            enc_json_text(enc_json_get(enc_json_at(added, i), "content"), &n);
        if (text == NULL)
            return enc_fail(e, ENC_CORRUPT, "%s: added token %zu has no content", TOKJSON,
                            i);
        rc = put_piece(r, enc_json_get(enc_json_at(added, i), "id"), text, n, e);
    }
    if (rc == ENC_OK)
        rc = enc_vocab_new(&r->t->vocab, r->cut.pieces, r->cut.n_pieces, TOKJSON, e);
    return rc;
}

/* ---- added tokens ---- */

static bool is_plain_ascii(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~') return false;
    return true;
}

/* One added token. Those that are sought in the normalized text are sought by us in the
 * text as it is, in upper and lower case if the normalizer lower-cases: the same for
 * ASCII, so anything else is refused unless the normalizer leaves letters alone. Spaces
 * that lstrip and rstrip would take along give no tokens, so neither is looked at. */
static enc_rc add_token(reading *r, int32_t id, enc_json_value *v, const char *what,
                        enc_err *e)
{
    const enc_norm_rules *rules = &r->t->rules;
    enc_tok_added a = {.id = id};
    bool normalized = false;
    enc_rc rc;
    if ((rc = get_bool(v, "special", what, &a.is_special, e)) ||
        (rc = get_bool(v, "single_word", what, &a.is_single, e)) ||
        (rc = get_bool(v, "normalized", what, &normalized, e)))
        return rc;
    if (normalized && (rules->lower_case || rules->strip_accents)) {
        if (!is_plain_ascii(token_text(v, NULL)))
            return enc_fail(e, ENC_UNSUPPORTED,
                            "%s: added token %d is normalized and not ASCII", what,
                            (int)id);
        a.is_folded = rules->lower_case;
    }
    return enc_tok_add(r->t, a, e);
}

static enc_rc add_tokens_of_json(reading *r, enc_err *e)
{
    enc_json_value *added = enc_json_get(r->root, "added_tokens");
    enc_rc rc = ENC_OK;
    for (size_t i = 0; rc == ENC_OK && i < enc_json_count(added); i++) {
        enc_json_value *v = enc_json_at(added, i);
        rc = add_token(r, (int32_t)enc_json_int(enc_json_get(v, "id")), v, TOKJSON, e);
    }
    return rc;
}

/* Tokens that tokenizer_config.json adds to a vocab.txt must be among its pieces. */
static enc_rc add_tokens_of_config(reading *r, enc_err *e)
{
    enc_json_value *added = enc_json_get(r->config, "added_tokens_decoder"), *v;
    const char *key = NULL;
    enc_rc rc = ENC_OK;
    for (size_t i = 0; rc == ENC_OK && (v = enc_json_member(added, i, &key)) != NULL;
         i++) {
        size_t n;
        const char *text = token_text(v, &n);
        int32_t id = text == NULL ? -1 : enc_vocab_find(r->t->vocab, text, n);
        if (id < 0 || strtoll(key, NULL, 10) != id)
            return enc_fail(e, ENC_UNSUPPORTED, "%s: added token %.*s is not in %s",
                            CONFIG, ECHO_MAX, key, VOCAB);
        rc = add_token(r, id, v, CONFIG, e);
    }
    return rc;
}

/* ---- special tokens ---- */

/* The id of the token that plays a role: "mask_token", else its usual text. */
static int32_t find_special(const reading *r, const char *role, const char *usual)
{
    size_t n = strlen(usual), n_named;
    const char *named = token_text(enc_json_get(r->config, role), &n_named);
    if (named == NULL) named = token_text(enc_json_get(r->map, role), &n_named);
    if (named != NULL) {
        int32_t id = enc_vocab_find(r->t->vocab, named, n_named);
        if (id >= 0) return id;
    }
    return enc_vocab_find(r->t->vocab, usual, n);
}

static void find_specials(reading *r)
{
    r->t->special = (enc_tok_special){.pad = find_special(r, "pad_token", "[PAD]"),
                                      .unk = find_special(r, "unk_token", "[UNK]"),
                                      .cls = find_special(r, "cls_token", "[CLS]"),
                                      .sep = find_special(r, "sep_token", "[SEP]"),
                                      .mask = find_special(r, "mask_token", "[MASK]")};
}

/* One item of a template: "A" for a sequence, else the id of its special token; the type
 * must be as expected. */
static bool is_item(enc_json_value *v, const char *sequence, long long type, int32_t *id,
                    enc_json_value *specials)
{
    enc_json_value *s = enc_json_get(v, sequence != NULL ? "Sequence" : "SpecialToken");
    enc_json_value *type_id = enc_json_get(s, "type_id");
    if (s == NULL || enc_json_int(type_id) != type) return false;
    if (sequence != NULL) return is_text(enc_json_get(s, "id"), sequence);
    const char *name = enc_json_text(enc_json_get(s, "id"), NULL);
    if (name == NULL) return false;
    enc_json_value *ids = enc_json_get(enc_json_get(specials, name), "ids");
    if (enc_json_count(ids) != 1) return false;
    long long found = enc_json_int(enc_json_at(ids, 0));
    if (found < 0 || found >= (long long)ENC_VOCAB_MAX) return false;
    if (*id >= 0 && *id != found) return false;
    *id = (int32_t)found;
    return true;
}

/* [CLS] A [SEP] and [CLS] A [SEP] B [SEP], or false. */
static bool read_template(enc_json_value *v, int32_t *cls, int32_t *sep)
{
    enc_json_value *one = enc_json_get(v, "single"), *two = enc_json_get(v, "pair");
    enc_json_value *s = enc_json_get(v, "special_tokens");
    *cls = *sep = -1;
    return enc_json_count(one) == 3 && enc_json_count(two) == 5 &&
           is_item(enc_json_at(one, 0), NULL, 0, cls, s) &&
           is_item(enc_json_at(one, 1), "A", 0, NULL, s) &&
           is_item(enc_json_at(one, 2), NULL, 0, sep, s) &&
           is_item(enc_json_at(two, 0), NULL, 0, cls, s) &&
           is_item(enc_json_at(two, 1), "A", 0, NULL, s) &&
           is_item(enc_json_at(two, 2), NULL, 0, sep, s) &&
           is_item(enc_json_at(two, 3), "B", 1, NULL, s) &&
           is_item(enc_json_at(two, 4), NULL, 1, sep, s);
}

static bool read_pair(enc_json_value *v, int32_t *id)
{
    long long n = enc_json_int(enc_json_at(v, 1));
    if (!enc_json_is_int(enc_json_at(v, 1)) || n < 0 || n >= (long long)ENC_VOCAB_MAX)
        return false;
    *id = (int32_t)n;
    return true;
}

static enc_rc read_post(reading *r, enc_err *e)
{
    enc_json_value *v = enc_json_get(r->root, "post_processor");
    enc_json_value *type = enc_json_get(v, "type");
    int32_t cls = -1, sep = -1;
    bool ok;
    if (is_text(type, "BertProcessing"))
        ok = read_pair(enc_json_get(v, "cls"), &cls) &&
             read_pair(enc_json_get(v, "sep"), &sep);
    else if (is_text(type, "TemplateProcessing")) ok = read_template(v, &cls, &sep);
    else return refuse(TOKJSON, "post_processor", type, e);
    if (!ok)
        return enc_fail(
            e, ENC_UNSUPPORTED,
            "%s: post_processor is not [CLS] A [SEP] and [CLS] A [SEP] B [SEP]", TOKJSON);
    if (enc_vocab_piece(r->t->vocab, cls).n == 0 ||
        enc_vocab_piece(r->t->vocab, sep).n == 0)
        return enc_fail(e, ENC_CORRUPT,
                        "%s: post_processor adds ids %d and %d, not both known", TOKJSON,
                        (int)cls, (int)sep);
    r->t->special.cls = cls;
    r->t->special.sep = sep;
    return ENC_OK;
}

/* ---- rules of tokenizer.json ---- */

static enc_rc read_bert_normalizer(enc_json_value *v, enc_norm_rules *rules, enc_err *e)
{
    enc_norm_rules r = {.clean_text = true, .chinese_chars = true, .lower_case = true};
    enc_rc rc;
    if ((rc = get_bool(v, "clean_text", TOKJSON, &r.clean_text, e)) ||
        (rc = get_bool(v, "handle_chinese_chars", TOKJSON, &r.chinese_chars, e)) ||
        (rc = get_bool(v, "lowercase", TOKJSON, &r.lower_case, e)))
        return rc;
    r.strip_accents = r.lower_case;
    if ((rc = get_bool(v, "strip_accents", TOKJSON, &r.strip_accents, e))) return rc;
    *rules = r;
    return ENC_OK;
}

/* One step. NFD alone and NFC alone would keep marks that we neither reorder nor join, so
 * they pass only together with the stripping of accents; *is_apart tells that NFD has
 * been and nothing has been stripped since. */
static enc_rc read_step(enc_json_value *v, size_t i, enc_norm_rules *rules,
                        bool *is_apart, enc_err *e)
{
    enc_json_value *type = enc_json_get(v, "type");
    if (is_text(type, "BertNormalizer") && i == 0)
        return read_bert_normalizer(v, rules, e);
    if (is_text(type, "Lowercase") && !rules->keep_hangul) {
        rules->lower_case = true;
        return ENC_OK;
    }
    if (is_text(type, "NFD") && !rules->keep_hangul) {
        *is_apart = !rules->strip_accents;
        return ENC_OK;
    }
    if (is_text(type, "StripAccents") && !rules->keep_hangul &&
        (*is_apart || rules->strip_accents)) {
        *is_apart = false;
        rules->strip_accents = rules->strip_marks = true;
        return ENC_OK;
    }
    if (is_text(type, "NFC") && rules->strip_accents) {
        rules->keep_hangul = true;
        return ENC_OK;
    }
    return refuse(TOKJSON, "normalizer", type, e);
}

static enc_rc read_normalizer(reading *r, enc_err *e)
{
    enc_json_value *v = enc_json_get(r->root, "normalizer");
    enc_norm_rules *rules = &r->t->rules;
    bool is_apart = false;
    enc_rc rc = ENC_OK;
    *rules = (enc_norm_rules){0};
    if (v == NULL || enc_json_is_null(v)) return ENC_OK;
    if (is_text(enc_json_get(v, "type"), "Sequence")) {
        enc_json_value *steps = enc_json_get(v, "normalizers");
        for (size_t i = 0; i < enc_json_count(steps) && rc == ENC_OK; i++)
            rc = read_step(enc_json_at(steps, i), i, rules, &is_apart, e);
    } else {
        rc = read_step(v, 0, rules, &is_apart, e);
    }
    if (rc == ENC_OK && is_apart)
        rc =
            enc_fail(e, ENC_UNSUPPORTED,
                     "%s: normalizer NFD without StripAccents is not supported", TOKJSON);
    return rc;
}

/* BertPreTokenizer, or the two steps it consists of. */
static enc_rc check_pre_tokenizer(reading *r, enc_err *e)
{
    enc_json_value *v = enc_json_get(r->root, "pre_tokenizer");
    enc_json_value *type = enc_json_get(v, "type");
    if (is_text(type, "BertPreTokenizer")) return ENC_OK;
    if (!is_text(type, "Sequence")) return refuse(TOKJSON, "pre_tokenizer", type, e);
    enc_json_value *steps = enc_json_get(v, "pretokenizers");
    enc_json_value *second = enc_json_at(steps, 1),
                   *behavior = enc_json_get(second, "behavior");
    if (enc_json_count(steps) == 2 &&
        is_text(enc_json_get(enc_json_at(steps, 0), "type"), "WhitespaceSplit") &&
        is_text(enc_json_get(second, "type"), "Punctuation") &&
        (behavior == NULL || is_text(behavior, "Isolated")))
        return ENC_OK;
    return enc_fail(e, ENC_UNSUPPORTED,
                    "%s: pre_tokenizer Sequence is not WhitespaceSplit and Punctuation",
                    TOKJSON);
}

static enc_rc read_json(reading *r, enc_err *e)
{
    enc_json_value *model = enc_json_get(r->root, "model");
    enc_json_value *type = enc_json_get(model, "type");
    enc_json_value *unk = enc_json_get(model, "unk_token");
    enc_rc rc;
    /* Files older than tokenizers 0.9 do not name the type; only WordPiece has a prefix.
     */
    if (!is_text(type, "WordPiece") &&
        (type != NULL || enc_json_get(model, "max_input_chars_per_word") == NULL))
        return refuse(TOKJSON, "model", type, e);
    if ((rc = get_prefix(model, "continuing_subword_prefix", TOKJSON, r->t->prefix, e)) ||
        (rc = get_word_max(model, TOKJSON, &r->t->word_max, e)) ||
        (rc = read_normalizer(r, e)) || (rc = check_pre_tokenizer(r, e)) ||
        (rc = read_pieces(r, model, e)))
        return rc;
    find_specials(r);
    if (enc_json_is_text(unk)) {
        size_t n;
        const char *text = enc_json_text(unk, &n);
        r->t->special.unk = enc_vocab_find(r->t->vocab, text, n);
    }
    if ((rc = read_post(r, e))) return rc;
    return add_tokens_of_json(r, e);
}

/* ---- rules of tokenizer_config.json ---- */

/* Classes that split text or join pairs otherwise than BERT, though they have a
 * vocab.txt, are refused by not being here. */
static enc_rc check_class(reading *r, enc_err *e)
{
    static const char *const known[] = {"Bert",
                                        "DistilBert",
                                        "Electra",
                                        "MobileBert",
                                        "ConvBert",
                                        "LayoutLM",
                                        "Retribert",
                                        "SqueezeBert",
                                        "DPRQuestionEncoder",
                                        "DPRContextEncoder",
                                        "Lxmert",
                                        "DPRReader",
                                        "PreTrained"};
    enc_json_value *v = enc_json_get(r->config, "tokenizer_class");
    const char *name = enc_json_text(v, NULL);
    if (name == NULL) return ENC_OK;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t n = strlen(known[i]);
        if (strncmp(name, known[i], n) == 0 && (strcmp(name + n, "Tokenizer") == 0 ||
                                                strcmp(name + n, "TokenizerFast") == 0))
            return ENC_OK;
    }
    return refuse(CONFIG, "tokenizer_class", v, e);
}

static enc_rc read_config(reading *r, enc_bytes vocab_txt, enc_err *e)
{
    enc_norm_rules *rules = &r->t->rules;
    enc_json_value *c = r->config, *never = enc_json_get(c, "never_split");
    bool basic = true;
    enc_rc rc;
    *rules =
        (enc_norm_rules){.clean_text = true, .chinese_chars = true, .lower_case = true};
    if ((rc = check_class(r, e)) ||
        (rc = get_bool(c, "do_basic_tokenize", CONFIG, &basic, e)) ||
        (rc = get_bool(c, "do_lower_case", CONFIG, &rules->lower_case, e)))
        return rc;
    rules->strip_accents = rules->lower_case;
    if ((rc = get_bool(c, "strip_accents", CONFIG, &rules->strip_accents, e)) ||
        (rc = get_bool(c, "tokenize_chinese_chars", CONFIG, &rules->chinese_chars, e)) ||
        (rc = get_bool(c, "clean_text", CONFIG, &rules->clean_text, e)) ||
        (rc = get_bool(c, "keep_hangul", CONFIG, &rules->keep_hangul, e)) ||
        (rc = get_bool(c, "strip_marks", CONFIG, &rules->strip_marks, e)) ||
        (rc = get_prefix(c, "wordpieces_prefix", CONFIG, r->t->prefix, e)) ||
        (rc = get_word_max(c, CONFIG, &r->t->word_max, e)))
        return rc;
    if (!basic || enc_json_count(never) > 0)
        return enc_fail(e, ENC_UNSUPPORTED, "%s: %s is not supported", CONFIG,
                        basic ? "never_split" : "do_basic_tokenize = false");
    if ((rc = enc_vocab_read(&r->t->vocab, vocab_txt, VOCAB, e))) return rc;
    find_specials(r);
    return add_tokens_of_config(r, e);
}

/* ---- files ---- */

/* transformers write 10^30 for "no limit" as an integer, which no 64 bits hold: in a copy
 * of the text, integers of more than 18 digits become 1e18 and spaces. Digits within
 * strings are left alone. */
static void shorten_integers(uint8_t *text, size_t n)
{
    bool in_text = false;
    for (size_t i = 0; i < n; i++) {
        if (in_text && text[i] == '\\') {
            i++;
        } else if (text[i] == '"') {
            in_text = !in_text;
        } else if (!in_text && text[i] >= '0' && text[i] <= '9') {
            size_t k = i;
            while (k < n && text[k] >= '0' && text[k] <= '9') k++;
            bool is_integer = k == n || (text[k] != '.' && (text[k] | 0x20) != 'e');
            if (k - i > 18 && is_integer) {
                memset(text + i, ' ', k - i);
                memcpy(text + i, "1e18", 4);
            }
            while (k < n && strchr("0123456789.eE+-", text[k]) != NULL && text[k] != 0)
                k++;
            i = k - 1;
        }
    }
}

/* Parses one file, which may be absent: then *out and *root are NULL. */
static enc_rc open_file(enc_json **out, enc_json_value **root, enc_bytes text, size_t max,
                        const char *what, enc_err *e)
{
    enc_rc rc;
    *out = NULL;
    *root = NULL;
    if (text.at == NULL) return ENC_OK;
    if (text.n > max)
        return enc_fail(e, ENC_RANGE, "%s has %zu bytes, at most %zu are allowed", what,
                        text.n, max);
    uint8_t *copy = enc_mem_alloc(text.n);
    if (copy == NULL) return enc_nomem(e);
    memcpy(copy, text.at, text.n);
    shorten_integers(copy, text.n);
    rc = enc_json_open(out, (enc_bytes){copy, text.n}, what, e);
    enc_mem_free(copy);
    if (rc != ENC_OK) return rc;
    *root = enc_json_root(*out);
    if (!enc_json_is_object(*root))
        return enc_fail(e, ENC_CORRUPT, "%s is not an object", what);
    return ENC_OK;
}

/* Most of a tokenizer.json is its vocabulary, so that is taken out first. Where there is
 * something to complain about, all of the file is parsed, so that lines are counted
 * right. */
static enc_rc open_tokjson(reading *r, enc_json **out, enc_bytes text, enc_err *e)
{
    enc_err unsaid;
    enc_rc rc = ENC_OK;
    enc_err_clear(&unsaid);
    if (text.at != NULL && text.n <= ENC_TOKJSON_MAX)
        rc = enc_tok_cut_open(&r->cut, text, e);
    if (rc == ENC_OK && r->cut.rest != NULL) {
        enc_bytes rest = {r->cut.rest, r->cut.n_rest};
        rc = open_file(out, &r->root, rest, ENC_TOKJSON_MAX, TOKJSON, &unsaid);
        if (rc == ENC_OK) return ENC_OK;
        enc_json_close(*out);
        enc_tok_cut_close(&r->cut);
        rc = rc == ENC_NOMEM ? enc_nomem(e) : ENC_OK;
    }
    *out = NULL;
    return rc != ENC_OK ? rc
                        : open_file(out, &r->root, text, ENC_TOKJSON_MAX, TOKJSON, e);
}

static void read_max(reading *r)
{
    double max = enc_json_number(enc_json_get(r->config, "model_max_length"));
    r->t->max = max >= 1 && max < MODEL_MAX_ABSURD ? (size_t)max : 0;
}

enc_rc enc_tok_open(enc_tok **out, const enc_tok_files *files, enc_err *e)
{
    enc_json *json = NULL, *config = NULL, *map = NULL;
    reading r = {.t = enc_mem_zero(sizeof(enc_tok))};
    enc_rc rc;
    *out = NULL;
    if (r.t == NULL) return enc_nomem(e);
    memcpy(r.t->prefix, "##", 3);
    r.t->word_max = ENC_WORD_MAX;
    if ((rc = open_tokjson(&r, &json, files->tokenizer_json, e)) ||
        (rc = open_file(&config, &r.config, files->tokenizer_config, ENC_JSON_MAX, CONFIG,
                        e)) ||
        (rc = open_file(&map, &r.map, files->special_tokens_map, ENC_JSON_MAX, MAP, e)))
        goto done;
    if (r.root != NULL) rc = read_json(&r, e);
    else if (files->vocab_txt.at != NULL) rc = read_config(&r, files->vocab_txt, e);
    else rc = enc_fail(e, ENC_IO, "neither %s nor %s is there", TOKJSON, VOCAB);
    if (rc != ENC_OK || (rc = enc_tok_finish(r.t, e))) goto done;
    read_max(&r);
    *out = r.t;
    r.t = NULL;
done:
    enc_tok_close(r.t);
    enc_tok_cut_close(&r.cut);
    enc_json_close(json);
    enc_json_close(config);
    enc_json_close(map);
    return rc;
}
