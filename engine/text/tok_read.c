/* tok_read.c - files -> a tokenizer: enc_tok_open, and what all sources share.
 *
 * tokenizer.json (Hugging Face tokenizers) says all that matters to the ids: the
 * vocabulary, the normalizer, what to add. Truncation, padding and the decoder of a
 * tokenizer.json change none. The other sources have less, and the rest is what
 * transformers' tokenizers of that name do. */
#include "text/tok_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

#define MODEL_MAX_ABSURD 1000000000.0 /* transformers write 1e30 for "none" */
#define WORD_MAX_MAX     65536

/* ---- values ---- */

bool enc_tok_read_is(enc_json_value *v, const char *text)
{
    const char *is = enc_json_text(v, NULL);
    return is != NULL && strcmp(is, text) == 0;
}

enc_bytes enc_tok_read_text(enc_json_value *v)
{
    size_t n = 0;
    const char *text = enc_json_text(v, &n);
    return (enc_bytes){(const uint8_t *)text, n};
}

int32_t enc_tok_read_id(enc_json_value *v)
{
    long long id = enc_json_is_int(v) ? enc_json_int(v) : -1;
    return id >= 0 && id < (long long)ENC_VOCAB_MAX ? (int32_t)id : -1;
}

enc_rc enc_tok_read_bools(enc_json_value *object, const char *what,
                          const enc_tok_bool *bools, enc_err *e)
{
    for (; bools->key != NULL; bools++) {
        enc_json_value *v = enc_json_get(object, bools->key);
        if (v == NULL || enc_json_is_null(v)) continue;
        if (!enc_json_is_bool(v))
            return enc_fail(e, ENC_CORRUPT, "%s: %s is neither true nor false", what,
                            bools->key);
        *bools->to = enc_json_true(v);
    }
    return ENC_OK;
}

const char *enc_tok_read_token(enc_json_value *v)
{
    if (enc_json_is_object(v)) v = enc_json_get(v, "content");
    return enc_json_text(v, NULL);
}

const char *enc_tok_read_role(const enc_tok_reading *r, const char *role)
{
    const char *text = enc_tok_read_token(enc_json_get(r->config, role));
    return text != NULL ? text : enc_tok_read_token(enc_json_get(r->map, role));
}

enc_rc enc_tok_read_word_max(enc_json_value *object, const char *what, size_t *out,
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

enc_rc enc_tok_read_prefix(enc_json_value *object, const char *key, const char *what,
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

enc_rc enc_tok_read_refuse(const char *what, const char *part, enc_json_value *type,
                           enc_err *e)
{
    const char *name = enc_json_text(type, NULL);
    return enc_fail(e, ENC_UNSUPPORTED, "%s: %s %.*s is not supported", what, part,
                    ENC_ECHO_MAX, name != NULL ? name : "without a type");
}

bool enc_tok_read_is_class(const enc_tok_reading *r, const char *name)
{
    const char *is = enc_json_text(enc_json_get(r->config, "tokenizer_class"), NULL);
    size_t n = strlen(name);
    return is != NULL && strncmp(is, name, n) == 0 &&
           (strcmp(is + n, "Tokenizer") == 0 || strcmp(is + n, "TokenizerFast") == 0);
}

/* ---- tokens ---- */

enc_rc enc_tok_read_piece(enc_tok_reading *r, enc_json_value *v, enc_bytes text,
                          const char *what, enc_err *e)
{
    int32_t id = enc_tok_read_id(v);
    if (!enc_json_is_int(v))
        return enc_fail(e, ENC_CORRUPT, "%s: the id of \"%.*s\" is no whole number", what,
                        ENC_ECHO_MAX, (const char *)text.at);
    if (id < 0)
        return enc_fail(e, ENC_CORRUPT, "%s: the id of \"%.*s\" is %lld, not 0 to %zu",
                        what, ENC_ECHO_MAX, (const char *)text.at, enc_json_int(v),
                        ENC_VOCAB_MAX - 1);
    if (text.n == 0)
        return enc_fail(e, ENC_CORRUPT, "%s: token %d is empty", what, (int)id);
    enc_bytes is = enc_tok_cut_at(&r->cut, (size_t)id);
    if (is.n > 0 && (is.n != text.n || memcmp(is.at, text.at, text.n) != 0))
        return enc_fail(e, ENC_CORRUPT, "%s: two tokens have id %d", what, (int)id);
    enc_tok_cut_put(&r->cut, (size_t)id, text);
    return ENC_OK;
}

enc_rc enc_tok_read_ids(enc_tok_reading *r, enc_json_value *vocab, const char *what,
                        const char *part, enc_err *e)
{
    enc_json_value *v;
    const char *key = NULL;
    enc_rc rc = ENC_OK;
    if (!enc_json_is_object(vocab))
        return enc_fail(e, ENC_CORRUPT, "%s%s is not an object", what, part);
    for (size_t i = 0; rc == ENC_OK && (v = enc_json_member(vocab, i, &key)) != NULL; i++)
        rc = enc_tok_read_piece(r, v, (enc_bytes){(const uint8_t *)key, strlen(key)},
                                what, e);
    return rc;
}

enc_rc enc_tok_read_vocab(enc_tok_reading *r, const char *what, enc_err *e)
{
    enc_tok_cut *cut = &r->cut;
    enc_tok *t = r->t;
    enc_rc rc = ENC_OK;
    if (cut->failed) return enc_nomem(e);
    if (t->vocab == NULL)
        rc = enc_vocab_new(&t->vocab, cut->pieces, cut->n_pieces, what, e);
    if (rc != ENC_OK || t->kind != ENC_TOK_UNIGRAM) return rc;
    size_t n = enc_vocab_size(t->vocab);
    if (cut->n_scores < n) enc_tok_cut_score(cut, n - 1, ENC_UNIGRAM_NEVER);
    t->scores = cut->scores;
    cut->scores = NULL;
    cut->n_scores = cut->cap_scores = 0;
    return cut->failed ? enc_nomem(e) : ENC_OK;
}

/* The id of the token that plays a role, else of one of its usual texts. */
static int32_t find_special(const enc_tok_reading *r, const char *role,
                            const char *const usual[2])
{
    const char *const texts[] = {enc_tok_read_role(r, role), usual[0], usual[1]};
    int32_t id = -1;
    for (size_t i = 0; i < 3 && id < 0; i++)
        if (texts[i] != NULL)
            id = enc_vocab_find(r->t->vocab, texts[i], strlen(texts[i]));
    return id;
}

void enc_tok_read_specials(enc_tok_reading *r)
{
    static const char *const usual[][2] = {{"[PAD]", "<pad>"},
                                           {"[UNK]", "<unk>"},
                                           {"[CLS]", "<s>"},
                                           {"[SEP]", "</s>"},
                                           {"[MASK]", "<mask>"}};
    r->t->special = (enc_tok_special){.pad = find_special(r, "pad_token", usual[0]),
                                      .unk = find_special(r, "unk_token", usual[1]),
                                      .cls = find_special(r, "cls_token", usual[2]),
                                      .sep = find_special(r, "sep_token", usual[3]),
                                      .mask = find_special(r, "mask_token", usual[4])};
}

static bool is_plain_ascii(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~') return false;
    return true;
}

/* Those that are sought in the normalized text are sought by us in the text as it is, in
 * upper and lower case if the normalizer lower-cases: the same for ASCII, so anything
 * else is refused unless the normalizer leaves letters alone. */
enc_rc enc_tok_read_added(enc_tok_reading *r, int32_t id, enc_json_value *flags,
                          const char *what, enc_err *e)
{
    const enc_norm_rules *rules = &r->t->rules;
    enc_tok_added a = {.id = id};
    bool normalized = false;
    const enc_tok_bool bools[] = {
        {"special", &a.is_special},  {"single_word", &a.is_single},
        {"lstrip", &a.takes_left},   {"rstrip", &a.takes_right},
        {"normalized", &normalized}, {NULL, NULL}};
    enc_rc rc = enc_tok_read_bools(flags, what, bools, e);
    if (rc != ENC_OK) return rc;
    if (normalized && (rules->lower_case || rules->strip_accents)) {
        if (!is_plain_ascii(enc_tok_read_token(flags)))
            return enc_fail(e, ENC_UNSUPPORTED,
                            "%s: added token %d is normalized and not ASCII", what,
                            (int)id);
        a.is_folded = rules->lower_case;
    }
    return enc_tok_add(r->t, a, e);
}

enc_rc enc_tok_read_added_of_config(enc_tok_reading *r, const char *where, enc_err *e)
{
    enc_json_value *added = enc_json_get(r->config, "added_tokens_decoder"), *v;
    const char *key = NULL;
    enc_rc rc = ENC_OK;
    for (size_t i = 0; rc == ENC_OK && (v = enc_json_member(added, i, &key)) != NULL;
         i++) {
        const char *text = enc_tok_read_token(v);
        int32_t id = text == NULL ? -1 : enc_vocab_find(r->t->vocab, text, strlen(text));
        if (id < 0 || strtoll(key, NULL, 10) != id)
            return enc_fail(e, ENC_UNSUPPORTED, "%s: added token %.*s is not in %s",
                            ENC_TOKCONF, ENC_ECHO_MAX, key, where);
        rc = enc_tok_read_added(r, id, v, ENC_TOKCONF, e);
    }
    return rc;
}

void enc_tok_read_usual_template(enc_tok_reading *r, int kind)
{
    const enc_tok_special *s = &r->t->special;
    r->t->one = enc_template_of(kind, s->cls, s->sep, false);
    r->t->two = enc_template_of(kind, s->cls, s->sep, true);
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
static enc_rc open_tokjson(enc_tok_reading *r, enc_json **out, enc_bytes text, enc_err *e)
{
    enc_err unsaid;
    enc_rc rc = ENC_OK;
    enc_err_clear(&unsaid);
    if (text.at != NULL && text.n <= ENC_TOKJSON_MAX)
        rc = enc_tok_cut_open(&r->cut, text, e);
    if (rc == ENC_OK && r->cut.rest != NULL) {
        enc_bytes rest = {r->cut.rest, r->cut.n_rest};
        rc = open_file(out, &r->root, rest, ENC_TOKJSON_MAX, ENC_TOKJSON, &unsaid);
        if (rc == ENC_OK) return ENC_OK;
        enc_json_close(*out);
        enc_tok_cut_close(&r->cut);
        rc = rc == ENC_NOMEM ? enc_nomem(e) : ENC_OK;
    }
    *out = NULL;
    return rc != ENC_OK ? rc
                        : open_file(out, &r->root, text, ENC_TOKJSON_MAX, ENC_TOKJSON, e);
}

static void read_max(enc_tok_reading *r)
{
    double max = enc_json_number(enc_json_get(r->config, "model_max_length"));
    r->t->max = max >= 1 && max < MODEL_MAX_ABSURD ? (size_t)max : 0;
}

/* transformers give a model no segments, which then are all 0, if model_input_names is
 * there and does not list them. */
static void read_segments(enc_tok_reading *r)
{
    enc_json_value *names = enc_json_get(r->config, "model_input_names");
    enc_tok *t = r->t;
    if (!enc_json_is_array(names)) return;
    for (size_t i = 0; i < enc_json_count(names); i++)
        if (enc_tok_read_is(enc_json_at(names, i), "token_type_ids")) return;
    for (size_t i = 0; i < t->one.n; i++) t->one.at[i].segment = 0;
    for (size_t i = 0; i < t->two.n; i++) t->two.at[i].segment = 0;
}

static enc_rc read_source(enc_tok_reading *r, enc_err *e)
{
    const enc_tok_files *f = r->files;
    if (r->root != NULL) return enc_tok_read_json(r, e);
    if (f->sentencepiece.at != NULL) return enc_tok_read_spm(r, e);
    if (f->vocab_json.at != NULL && f->merges_txt.at != NULL)
        return enc_tok_read_merges(r, e);
    if (f->vocab_txt.at != NULL) return enc_tok_read_bert(r, e);
    return enc_fail(
        e, ENC_IO,
        "neither tokenizer.json nor a SentencePiece model nor vocab.json with "
        "merges.txt nor vocab.txt is there");
}

enc_rc enc_tok_open(enc_tok **out, const enc_tok_files *files, enc_err *e)
{
    enc_json *json = NULL, *config = NULL, *map = NULL;
    enc_tok_reading r = {.t = enc_mem_zero(sizeof(enc_tok)), .files = files};
    enc_rc rc;
    *out = NULL;
    if (r.t == NULL) return enc_nomem(e);
    enc_arena_init(&r.t->arena);
    r.t->word_max = ENC_WORD_MAX;
    if ((rc = open_tokjson(&r, &json, files->tokenizer_json, e)) ||
        (rc = open_file(&config, &r.config, files->tokenizer_config, ENC_JSON_MAX,
                        ENC_TOKCONF, e)) ||
        (rc = open_file(&map, &r.map, files->special_tokens_map, ENC_JSON_MAX, ENC_TOKMAP,
                        e)) ||
        (rc = read_source(&r, e)) || (rc = enc_tok_finish(r.t, e)))
        goto done;
    read_max(&r);
    read_segments(&r);
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
