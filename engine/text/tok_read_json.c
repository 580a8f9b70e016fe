/* tok_read_json.c - tokenizer.json -> a tokenizer.
 *
 * The model, its pieces and the added tokens; tok_read_steps.c has what comes before it,
 * tok_read_template.c what comes behind. Nearly all of the file was taken out by
 * tok_cut.c; where it was not, it is read here, from what the parser made of it. */
#include <string.h>

#include "base/limits.h"
#include "text/tok_read.h"

/* ---- pieces ---- */

/* [["piece", score], ...] */
static enc_rc put_scores(enc_tok_reading *r, enc_json_value *vocab, enc_err *e)
{
    if (!enc_json_is_array(vocab))
        return enc_fail(e, ENC_CORRUPT, "%s: model.vocab is not an array", ENC_TOKJSON);
    for (size_t i = 0; i < enc_json_count(vocab); i++) {
        enc_json_value *v = enc_json_at(vocab, i), *score = enc_json_at(v, 1);
        enc_bytes text = enc_tok_read_text(enc_json_at(v, 0));
        if (text.n == 0 || !enc_json_is_number(score))
            return enc_fail(e, ENC_CORRUPT, "%s: piece %zu is not a text and a score",
                            ENC_TOKJSON, i);
        enc_tok_cut_put(&r->cut, i, text);
        enc_tok_cut_score(&r->cut, i, enc_json_number(score));
    }
    return ENC_OK;
}

static enc_rc put_added(enc_tok_reading *r, enc_err *e)
{
    enc_json_value *added = enc_json_get(r->root, "added_tokens");
    enc_rc rc = ENC_OK;
    for (size_t i = 0; rc == ENC_OK && i < enc_json_count(added); i++) {
        enc_json_value *v = enc_json_at(added, i);
        enc_bytes text = enc_tok_read_text(enc_json_get(v, "content"));
        if (text.at == NULL)
            return enc_fail(e, ENC_CORRUPT, "%s: added token %zu has no content",
                            ENC_TOKJSON, i);
        rc = enc_tok_read_piece(r, enc_json_get(v, "id"), text, ENC_TOKJSON, e);
    }
    return rc;
}

static enc_rc read_pieces(enc_tok_reading *r, enc_json_value *model, enc_err *e)
{
    enc_json_value *vocab = enc_json_get(model, "vocab");
    bool has_scores = r->cut.scores != NULL, has_pieces = r->cut.n_pieces > 0;
    enc_rc rc = ENC_OK;
    if (r->t->kind == ENC_TOK_UNIGRAM && !has_scores) rc = put_scores(r, vocab, e);
    else if (r->t->kind != ENC_TOK_UNIGRAM && (has_scores || !has_pieces))
        rc = enc_tok_read_ids(r, vocab, ENC_TOKJSON, ": model.vocab", e);
    if (rc == ENC_OK) rc = put_added(r, e);
    return rc == ENC_OK ? enc_tok_read_vocab(r, ENC_TOKJSON, e) : rc;
}

static enc_rc add_tokens(enc_tok_reading *r, enc_err *e)
{
    enc_json_value *added = enc_json_get(r->root, "added_tokens");
    enc_rc rc = ENC_OK;
    for (size_t i = 0; rc == ENC_OK && i < enc_json_count(added); i++) {
        enc_json_value *v = enc_json_at(added, i);
        rc = enc_tok_read_added(r, enc_tok_read_id(enc_json_get(v, "id")), v, ENC_TOKJSON,
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
static enc_rc check_options(enc_tok *t, enc_json_value *model, enc_err *e)
{
    bool falls_back = false, ignores = false;
    const enc_tok_bool bools[] = {
        {"byte_fallback", &falls_back}, {"ignore_merges", &ignores}, {NULL, NULL}};
    enc_rc rc = enc_tok_read_bools(model, ENC_TOKJSON, bools, e);
    if (rc != ENC_OK) return rc;
    t->spells_unknown = falls_back && t->kind == ENC_TOK_UNIGRAM;
    if ((falls_back && !t->spells_unknown) || ignores)
        return refuse_option(ignores ? "ignore_merges" : "byte_fallback", e);
    if (enc_json_number(enc_json_get(model, "dropout")) > 0)
        return refuse_option("dropout", e);
    if (enc_tok_read_text(enc_json_get(model, "continuing_subword_prefix")).n > 0)
        return refuse_option("continuing_subword_prefix", e);
    return ENC_OK;
}

/* "left right", or ["left", "right"]. */
static bool read_pair(enc_json_value *v, enc_pair *pair)
{
    if (!enc_json_is_array(v)) return enc_tok_cut_pair(enc_tok_read_text(v), pair);
    pair->left = enc_tok_read_text(enc_json_at(v, 0));
    pair->right = enc_tok_read_text(enc_json_at(v, 1));
    return pair->left.n > 0 && pair->right.n > 0;
}

/* The merges, where the parser has them. */
static enc_rc read_merges(enc_tok_reading *r, enc_json_value *merges, enc_err *e)
{
    if (r->cut.n_merges > 0) return ENC_OK;
    if (!enc_json_is_array(merges))
        return enc_fail(e, ENC_CORRUPT, "%s: model.merges is not an array", ENC_TOKJSON);
    for (size_t i = 0; i < enc_json_count(merges); i++) {
        enc_pair pair;
        if (!read_pair(enc_json_at(merges, i), &pair))
            return enc_fail(e, ENC_CORRUPT, "%s: merge %zu is not two pieces",
                            ENC_TOKJSON, i);
        enc_tok_cut_merge(&r->cut, pair);
    }
    return r->cut.failed ? enc_nomem(e) : ENC_OK;
}

static enc_rc read_bpe(enc_tok_reading *r, enc_json_value *model, enc_err *e)
{
    enc_tok *t = r->t;
    enc_bpe_rules rules = {.is_bytes = t->split == ENC_SPLIT_BYTES};
    enc_bytes suffix = enc_tok_read_text(enc_json_get(model, "end_of_word_suffix"));
    enc_bytes unk = enc_tok_read_text(enc_json_get(model, "unk_token"));
    const enc_tok_bool fuse[] = {{"fuse_unk", &rules.fuse_unk}, {NULL, NULL}};
    enc_rc rc;
    if ((rc = check_options(t, model, e)) ||
        (rc = enc_tok_read_bools(model, ENC_TOKJSON, fuse, e)) ||
        (rc = read_merges(r, enc_json_get(model, "merges"), e)))
        return rc;
    if (suffix.n >= sizeof rules.suffix || (suffix.n > 0 && rules.is_bytes))
        return refuse_option("this end_of_word_suffix", e);
    if (suffix.n > 0) memcpy(rules.suffix, suffix.at, suffix.n);
    rules.unk_id = enc_vocab_find(t->vocab, unk.at, unk.n);
    return enc_bpe_new(&t->bpe, t->vocab, rules, r->cut.merges, r->cut.n_merges,
                       ENC_TOKJSON, e);
}

static enc_rc read_unigram(enc_tok_reading *r, enc_json_value *model, enc_err *e)
{
    int32_t unk = enc_tok_read_id(enc_json_get(model, "unk_id"));
    enc_rc rc = check_options(r->t, model, e);
    if (rc != ENC_OK) return rc;
    if (enc_vocab_piece(r->t->vocab, unk).n == 0)
        return enc_fail(e, ENC_UNSUPPORTED, "%s: model has unk_id %d, which is no piece",
                        ENC_TOKJSON, (int)unk);
    r->t->special.unk = unk;
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
    enc_bytes unk = enc_tok_read_text(enc_json_get(model, "unk_token"));
    if (unk.at != NULL) t->special.unk = enc_vocab_find(t->vocab, unk.at, unk.n);
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
