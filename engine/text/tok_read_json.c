/* tok_read_json.c - tokenizer.json -> a tokenizer.
 *
 * The model, its pieces and the added tokens; tok_read_steps.c has what comes before it,
 * tok_read_template.c what comes behind. Nearly all of the file was taken out by
 * tok_cut.c; where it was not, it is read here, from what the parser made of it. */
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "text/tok_read.h"

/* ---- pieces ---- */

/* Enters one piece; the same again is fine, anything else at its id is not. */
static enc_rc put_piece(enc_tok_reading *r, long long id, enc_bytes text, enc_err *e)
{
    if (id < 0 || (size_t)id >= ENC_VOCAB_MAX)
        return enc_fail(e, ENC_CORRUPT, "%s: a token has id %lld, allowed are 0 to %zu",
                        ENC_TOKJSON, id, ENC_VOCAB_MAX - 1);
    if (text.n == 0)
        return enc_fail(e, ENC_CORRUPT, "%s: token %lld is empty", ENC_TOKJSON, id);
    enc_bytes *p = enc_tok_cut_place(&r->cut, (size_t)id);
    if (p == NULL) return enc_nomem(e);
    if (p->n > 0 && (p->n != text.n || memcmp(p->at, text.at, text.n) != 0))
        return enc_fail(e, ENC_CORRUPT, "%s: two tokens have id %lld", ENC_TOKJSON, id);
    *p = text;
    return ENC_OK;
}

static long long id_of(enc_json_value *v)
{
    return enc_json_is_int(v) ? enc_json_int(v) : -1;
}

/* {"piece": id, ...} */
static enc_rc put_ids(enc_tok_reading *r, enc_json_value *vocab, enc_err *e)
{
    enc_json_value *v;
    const char *key = NULL;
    enc_rc rc = ENC_OK;
    if (!enc_json_is_object(vocab))
        return enc_fail(e, ENC_CORRUPT, "%s: model.vocab is not an object", ENC_TOKJSON);
    for (size_t i = 0; rc == ENC_OK && (v = enc_json_member(vocab, i, &key)) != NULL; i++)
        rc = put_piece(r, id_of(v), (enc_bytes){(const uint8_t *)key, strlen(key)}, e);
    return rc;
}

/* [["piece", score], ...] */
static enc_rc put_scores(enc_tok_reading *r, enc_json_value *vocab, enc_err *e)
{
    enc_rc rc = ENC_OK;
    if (!enc_json_is_array(vocab))
        return enc_fail(e, ENC_CORRUPT, "%s: model.vocab is not an array", ENC_TOKJSON);
    for (size_t i = 0; rc == ENC_OK && i < enc_json_count(vocab); i++) {
        enc_json_value *v = enc_json_at(vocab, i), *score = enc_json_at(v, 1);
        enc_bytes text;
        text.at = (const uint8_t *)enc_json_text(enc_json_at(v, 0), &text.n);
        if (text.at == NULL || !enc_json_is_number(score) ||
            !isfinite(enc_json_number(score)))
            return enc_fail(e, ENC_CORRUPT, "%s: piece %zu is not a text and a score",
                            ENC_TOKJSON, i);
        rc = put_piece(r, (long long)i, text, e);
        if (rc == ENC_OK && !enc_tok_cut_score(&r->cut, i, enc_json_number(score)))
            rc = enc_nomem(e);
    }
    return rc;
}

static enc_rc put_added(enc_tok_reading *r, enc_err *e)
{
    enc_json_value *added = enc_json_get(r->root, "added_tokens");
    enc_rc rc = ENC_OK;
    for (size_t i = 0; rc == ENC_OK && i < enc_json_count(added); i++) {
        enc_json_value *v = enc_json_at(added, i);
        enc_bytes text;
        text.at = (const uint8_t *)enc_json_text(enc_json_get(v, "content"), &text.n);
        if (text.at == NULL)
            return enc_fail(e, ENC_CORRUPT, "%s: added token %zu has no content",
                            ENC_TOKJSON, i);
        rc = put_piece(r, id_of(enc_json_get(v, "id")), text, e);
    }
    return rc;
}

static enc_rc read_pieces(enc_tok_reading *r, enc_json_value *model, enc_err *e)
{
    enc_json_value *vocab = enc_json_get(model, "vocab");
    bool has_scores = r->cut.scores != NULL, is_unigram = r->t->kind == ENC_TOK_UNIGRAM;
    enc_rc rc = ENC_OK;
    if (is_unigram && !has_scores) rc = put_scores(r, vocab, e);
    else if (!is_unigram && (has_scores || r->cut.n_pieces == 0))
        rc = put_ids(r, vocab, e);
    if (rc == ENC_OK) rc = put_added(r, e);
    if (rc == ENC_OK && is_unigram && r->cut.scores == NULL)
        rc = enc_fail(e, ENC_CORRUPT, "%s has no pieces", ENC_TOKJSON);
    return rc == ENC_OK ? enc_tok_read_vocab(r, ENC_TOKJSON, e) : rc;
}

static enc_rc add_tokens(enc_tok_reading *r, enc_err *e)
{
    enc_json_value *added = enc_json_get(r->root, "added_tokens");
    enc_rc rc = ENC_OK;
    for (size_t i = 0; rc == ENC_OK && i < enc_json_count(added); i++) {
        enc_json_value *v = enc_json_at(added, i);
        rc = enc_tok_read_added(r, (int32_t)id_of(enc_json_get(v, "id")), v, ENC_TOKJSON,
                                e);
    }
    return rc;
}

/* ---- models ---- */

static enc_rc refuse_option(const char *what, enc_err *e)
{
    return enc_fail(e, ENC_UNSUPPORTED, "%s: model with %s is not supported", ENC_TOKJSON,
                    what);
}

/* Options that change pieces and that we do not have: none of them may be on. */
static enc_rc check_options(enc_json_value *model, enc_err *e)
{
    static const char *const keys[] = {"byte_fallback", "ignore_merges"};
    size_t n = 0;
    enc_rc rc = ENC_OK;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && rc == ENC_OK; i++) {
        bool is_on = false;
        rc = enc_tok_read_bool(model, keys[i], ENC_TOKJSON, &is_on, e);
        if (rc == ENC_OK && is_on) return refuse_option(keys[i], e);
    }
    if (rc != ENC_OK) return rc;
    if (enc_json_number(enc_json_get(model, "dropout")) > 0)
        return refuse_option("dropout", e);
    enc_json_text(enc_json_get(model, "continuing_subword_prefix"), &n);
    return n > 0 ? refuse_option("continuing_subword_prefix", e) : ENC_OK;
}

/* The merges, where the parser has them. */
static enc_rc read_merges(enc_tok_reading *r, enc_json_value *merges, enc_err *e)
{
    if (r->cut.n_merges > 0) return ENC_OK;
    if (!enc_json_is_array(merges))
        return enc_fail(e, ENC_CORRUPT, "%s: model.merges is not an array", ENC_TOKJSON);
    for (size_t i = 0; i < enc_json_count(merges); i++) {
        enc_json_value *v = enc_json_at(merges, i);
        enc_pair pair;
        enc_bytes line;
        bool is_array = enc_json_is_array(v);
        line.at =
            (const uint8_t *)enc_json_text(is_array ? enc_json_at(v, 0) : v, &line.n);
        bool ok = line.at != NULL;
        if (is_array) {
            pair.left = line;
            pair.right.at =
                (const uint8_t *)enc_json_text(enc_json_at(v, 1), &pair.right.n);
            ok = ok && pair.right.at != NULL;
        } else {
            ok = ok && enc_tok_cut_pair(line, &pair);
        }
        if (!ok)
            return enc_fail(e, ENC_CORRUPT, "%s: merge %zu is not two pieces",
                            ENC_TOKJSON, i);
        if (!enc_tok_cut_merge(&r->cut, pair)) return enc_nomem(e);
    }
    return ENC_OK;
}

static enc_rc read_bpe(enc_tok_reading *r, enc_json_value *model, enc_err *e)
{
    enc_tok *t = r->t;
    enc_bpe_rules rules = {.is_bytes = t->split == ENC_SPLIT_BYTES,
                           .unk_id = t->special.unk};
    size_t n_suffix = 0, n_unk;
    const char *suffix =
        enc_json_text(enc_json_get(model, "end_of_word_suffix"), &n_suffix);
    const char *unk = enc_json_text(enc_json_get(model, "unk_token"), &n_unk);
    enc_rc rc;
    if ((rc = check_options(model, e)) ||
        (rc = enc_tok_read_bool(model, "fuse_unk", ENC_TOKJSON, &rules.fuse_unk, e)) ||
        (rc = read_merges(r, enc_json_get(model, "merges"), e)))
        return rc;
    if (suffix != NULL &&
        (n_suffix >= sizeof rules.suffix || (n_suffix > 0 && rules.is_bytes)))
        return refuse_option("this end_of_word_suffix", e);
    if (suffix != NULL) memcpy(rules.suffix, suffix, n_suffix);
    rules.unk_id = unk == NULL ? -1 : enc_vocab_find(t->vocab, unk, n_unk);
    return enc_bpe_new(&t->bpe, t->vocab, rules, r->cut.merges, r->cut.n_merges,
                       ENC_TOKJSON, e);
}

static enc_rc read_unigram(enc_tok_reading *r, enc_json_value *model, enc_err *e)
{
    long long unk = id_of(enc_json_get(model, "unk_id"));
    enc_rc rc = check_options(model, e);
    if (rc != ENC_OK) return rc;
    if (unk < 0 || unk >= (long long)enc_vocab_size(r->t->vocab) ||
        enc_vocab_piece(r->t->vocab, (int32_t)unk).n == 0)
        return enc_fail(e, ENC_UNSUPPORTED,
                        "%s: model has unk_id %lld, which is no piece", ENC_TOKJSON, unk);
    r->t->special.unk = (int32_t)unk;
    return ENC_OK;
}

static enc_rc read_wordpiece(enc_tok_reading *r, enc_json_value *model, enc_err *e)
{
    enc_tok *t = r->t;
    enc_rc rc;
    if ((rc = enc_tok_read_prefix(model, "continuing_subword_prefix", ENC_TOKJSON,
                                  t->prefix, e)) ||
        (rc = enc_tok_read_word_max(model, ENC_TOKJSON, &t->word_max, e)))
        return rc;
    size_t n;
    const char *unk = enc_json_text(enc_json_get(model, "unk_token"), &n);
    if (unk != NULL) t->special.unk = enc_vocab_find(t->vocab, unk, n);
    return ENC_OK;
}

/* Files older than tokenizers 0.9 do not name the type; only WordPiece has a limit for
 * words, and only BPE has merges. */
static enc_rc pick_kind(const enc_tok_reading *r, enc_json_value *model,
                        enc_tok_kind *out, enc_err *e)
{
    static const char *const names[] = {[ENC_TOK_WORDPIECE] = "WordPiece",
                                        [ENC_TOK_BPE] = "BPE",
                                        [ENC_TOK_UNIGRAM] = "Unigram"};
    enc_json_value *type = enc_json_get(model, "type");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (enc_tok_read_is(type, names[i])) {
            *out = (enc_tok_kind)i;
            return ENC_OK;
        }
    if (type != NULL) return enc_tok_read_refuse(ENC_TOKJSON, "model", type, e);
    if (enc_json_get(model, "max_input_chars_per_word") != NULL) *out = ENC_TOK_WORDPIECE;
    else if (enc_json_get(model, "merges") != NULL) *out = ENC_TOK_BPE;
    else if (r->cut.scores != NULL || enc_json_is_array(enc_json_get(model, "vocab")))
        *out = ENC_TOK_UNIGRAM;
    else return enc_tok_read_refuse(ENC_TOKJSON, "model", type, e);
    return ENC_OK;
}

enc_rc enc_tok_read_json(enc_tok_reading *r, enc_err *e)
{
    enc_json_value *model = enc_json_get(r->root, "model");
    enc_tok *t = r->t;
    enc_rc rc;
    if ((rc = pick_kind(r, model, &t->kind, e))) return rc;
    if (t->kind == ENC_TOK_WORDPIECE) memcpy(t->prefix, "##", 3);
    if ((rc = enc_tok_read_splitting(r, e)) || (rc = read_pieces(r, model, e))) return rc;
    enc_tok_read_specials(r);
    if (t->kind == ENC_TOK_WORDPIECE) rc = read_wordpiece(r, model, e);
    else rc = t->kind == ENC_TOK_BPE ? read_bpe(r, model, e) : read_unigram(r, model, e);
    if (rc != ENC_OK || (rc = enc_tok_read_template(r, e))) return rc;
    return add_tokens(r, e);
}
