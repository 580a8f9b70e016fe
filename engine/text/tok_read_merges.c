/* tok_read_merges.c - vocab.json and merges.txt -> a byte-level BPE tokenizer.
 *
 * The files of transformers' RobertaTokenizer and GPT2Tokenizer. merges.txt has two
 * pieces a line, after a first line that begins with "#version". */
#include <string.h>

#include "base/limits.h"
#include "text/tok_read.h"

static const char VOCAB[] = "vocab.json", MERGES[] = "merges.txt";

static enc_rc read_merges(enc_tok_reading *r, enc_bytes text, enc_err *e)
{
    size_t at = 0;
    for (size_t number = 1; at < text.n; number++) {
        const uint8_t *line = text.at + at, *stop = memchr(line, '\n', text.n - at);
        size_t n = stop != NULL ? (size_t)(stop - line) : text.n - at;
        enc_pair pair;
        at += n + 1;
        if (n > 0 && line[n - 1] == '\r') n--;
        if (n == 0 || (n >= 8 && memcmp(line, "#version", 8) == 0)) continue;
        if (!enc_tok_cut_pair((enc_bytes){line, n}, &pair))
            return enc_fail(e, ENC_CORRUPT, "%s: line %zu is not two pieces", MERGES,
                            number);
        enc_tok_cut_merge(&r->cut, pair);
    }
    return r->cut.failed ? enc_nomem(e) : ENC_OK;
}

static enc_rc read_vocab(enc_tok_reading *r, enc_err *e)
{
    enc_bytes text = r->files->vocab_json;
    enc_json *json = NULL;
    if (text.n > ENC_TOKJSON_MAX)
        return enc_fail(e, ENC_RANGE, "%s has %zu bytes, at most %zu are allowed", VOCAB,
                        text.n, ENC_TOKJSON_MAX);
    enc_rc rc = enc_tok_cut_vocab(&r->cut, text, e);
    if (rc == ENC_OK && r->cut.n_pieces == 0) { /* not of the plainest form */
        if ((rc = enc_json_open(&json, text, VOCAB, e))) return rc;
        rc = enc_tok_read_ids(r, enc_json_root(json), VOCAB, "", e);
    }
    if (rc == ENC_OK) rc = enc_tok_read_vocab(r, VOCAB, e);
    enc_json_close(json);
    return rc;
}

/* Special tokens that have no role of ours: bos_token, eos_token. */
static enc_rc add_ends(enc_tok_reading *r, enc_err *e)
{
    static const char *const roles[] = {"bos_token", "eos_token"};
    enc_rc rc = ENC_OK;
    for (size_t i = 0; i < 2 && rc == ENC_OK; i++) {
        const char *text = enc_tok_read_role(r, roles[i]);
        if (text == NULL) text = "<|endoftext|>";
        int32_t id = enc_vocab_find(r->t->vocab, text, strlen(text));
        if (id >= 0)
            rc = enc_tok_add(r->t, (enc_tok_added){.id = id, .is_special = true}, e);
    }
    return rc;
}

/* RoBERTa's, GPT-2's, or by what the vocabulary has. */
static enc_rc pick_template(enc_tok_reading *r, enc_err *e)
{
    static const char *const robertas[] = {"Roberta", "Longformer", "Bart", "Led", "LED"};
    static const char *const gpts[] = {"GPT2", "PreTrained"};
    enc_json_value *v = enc_json_get(r->config, "tokenizer_class");
    const enc_tok_special *s = &r->t->special;
    int kind = -1;
    for (size_t i = 0; i < sizeof robertas / sizeof *robertas; i++)
        if (enc_tok_read_is_class(r, robertas[i])) kind = ENC_TEMPLATE_ROBERTA;
    for (size_t i = 0; i < sizeof gpts / sizeof *gpts; i++)
        if (enc_tok_read_is_class(r, gpts[i])) kind = ENC_TEMPLATE_NONE;
    if (enc_json_text(v, NULL) == NULL)
        kind = s->cls >= 0 && s->sep >= 0 ? ENC_TEMPLATE_ROBERTA : ENC_TEMPLATE_NONE;
    if (kind < 0) return enc_tok_read_refuse(ENC_TOKCONF, "tokenizer_class", v, e);
    if (kind == ENC_TEMPLATE_ROBERTA && (s->cls < 0 || s->sep < 0))
        return enc_fail(e, ENC_CORRUPT, "%s has no %s", VOCAB,
                        s->cls < 0 ? "<s>" : "</s>");
    enc_tok_read_usual_template(r, kind);
    return ENC_OK;
}

enc_rc enc_tok_read_merges(enc_tok_reading *r, enc_err *e)
{
    enc_tok *t = r->t;
    bool prefix = false;
    const enc_tok_bool bools[] = {{"add_prefix_space", &prefix}, {NULL, NULL}};
    const enc_step space = {
        .kind = ENC_STEP_MARK, .prepend = ENC_ALWAYS, .to = {(const uint8_t *)" ", 1}};
    enc_rc rc;
    t->kind = ENC_TOK_BPE;
    t->split = ENC_SPLIT_BYTES;
    if ((rc = enc_tok_read_bools(r->config, ENC_TOKCONF, bools, e)) ||
        (rc = read_vocab(r, e)) || (rc = read_merges(r, r->files->merges_txt, e)))
        return rc;
    enc_tok_read_specials(r);
    if (prefix && (rc = enc_tok_add_step(t, space, e))) return rc;
    const enc_bpe_rules rules = {.is_bytes = true, .unk_id = t->special.unk};
    if ((rc = enc_bpe_new(&t->bpe, t->vocab, rules, r->cut.merges, r->cut.n_merges,
                          MERGES, e)) ||
        (rc = pick_template(r, e)) || (rc = add_ends(r, e)) ||
        (rc = enc_tok_read_added_of_config(r, VOCAB, e)) || t->special.mask < 0)
        return rc;
    return enc_tok_add(
        t, (enc_tok_added){.id = t->special.mask, .is_special = true, .takes_left = true},
        e);
}
