/* tok_read_spm.c - a SentencePiece model -> a Unigram tokenizer.
 *
 * What SentencePiece does with a text: the precompiled map, white space at the ends off
 * and in between only once, U+2581 for every space and before the text, Viterbi. What
 * tokenizer_class adds to it:
 *
 *   XLMRoberta       ids as in fairseq: <s> 0, <pad> 1, </s> 2, <unk> 3, every other
 * piece one more than in the model, <mask> last. So too if no class is named and the
 * model has no [CLS] Albert           the ids of the model; quotes of LaTeX are ",
 * accents are stripped, letters lower-cased, if the config does not say otherwise KoBert,
 * KoBERT   the ids of vocab.txt beside the model, or of the model */
#include <string.h>

#include "base/limits.h"
#include "text/spm.h"
#include "text/tok_read.h"

static const char SPM[] = "SentencePiece model";

typedef struct family {
    bool is_xlmr, is_albert, is_kobert;
} family;

static bool is(enc_bytes text, const char *other)
{
    return text.n == strlen(other) && memcmp(text.at, other, text.n) == 0;
}

static enc_rc pick_family(const enc_tok_reading *r, const enc_spm *s, family *f,
                          enc_err *e)
{
    enc_json_value *v = enc_json_get(r->config, "tokenizer_class");
    bool has_cls = false;
    for (size_t i = 0; i < s->n; i++) has_cls = has_cls || is(s->pieces[i].text, "[CLS]");
    *f = (family){.is_xlmr = enc_tok_read_is_class(r, "XLMRoberta"),
                  .is_albert = enc_tok_read_is_class(r, "Albert"),
                  .is_kobert = enc_tok_read_is_class(r, "KoBert") ||
                               enc_tok_read_is_class(r, "KoBERT")};
    if (enc_json_text(v, NULL) == NULL) {
        f->is_xlmr = !has_cls;
        f->is_kobert = has_cls;
    } else if (!f->is_xlmr && !f->is_albert && !f->is_kobert) {
        return enc_tok_read_refuse(ENC_TOKCONF, "tokenizer_class", v, e);
    }
    if (f->is_kobert && !has_cls && r->files->vocab_txt.at == NULL)
        return enc_fail(e, ENC_CORRUPT, "%s has no [CLS], and there is no %s with ids",
                        SPM, ENC_TOKVOCAB);
    return ENC_OK;
}

static enc_rc check_model(const enc_spm *s, enc_err *e)
{
    if (s->model_type != ENC_SPM_UNIGRAM)
        return enc_fail(e, ENC_UNSUPPORTED,
                        "%s: model type %llu is not supported, only %d, Unigram", SPM,
                        (unsigned long long)s->model_type, ENC_SPM_UNIGRAM);
    if (s->is_suffix || !s->escapes)
        return enc_fail(e, ENC_UNSUPPORTED, "%s: %s is not supported", SPM,
                        s->is_suffix ? "treat_whitespace_as_suffix"
                                     : "escape_whitespaces = false");
    return ENC_OK;
}

/* ---- ids ---- */

static enc_rc put(enc_tok_reading *r, size_t id, enc_bytes text, double score, enc_err *e)
{
    enc_bytes *place = enc_tok_cut_place(&r->cut, id);
    if (place == NULL || !enc_tok_cut_score(&r->cut, id, score)) return enc_nomem(e);
    if (place->n > 0)
        return enc_fail(e, ENC_CORRUPT, "%s: piece \"%.*s\" has the id of \"%.*s\"", SPM,
                        (int)(text.n < ENC_ECHO_MAX ? text.n : ENC_ECHO_MAX), text.at,
                        (int)(place->n < ENC_ECHO_MAX ? place->n : ENC_ECHO_MAX),
                        place->at);
    *place = text;
    return ENC_OK;
}

static double score_of(const enc_spm_piece *p)
{
    bool is_word = p->type == ENC_SPM_NORMAL || p->type == ENC_SPM_USER;
    return is_word ? (double)p->score : ENC_UNIGRAM_NEVER;
}

/* Those of fairseq: the first three of the model are <unk> <s> </s>. */
static enc_rc put_fairseq(enc_tok_reading *r, const enc_spm *s, enc_err *e)
{
    static const char *const first[] = {"<s>", "<pad>", "</s>", "<unk>"};
    enc_rc rc = ENC_OK;
    if (s->n < 3 || !is(s->pieces[0].text, "<unk>") || !is(s->pieces[1].text, "<s>") ||
        !is(s->pieces[2].text, "</s>"))
        return enc_fail(e, ENC_UNSUPPORTED,
                        "%s: the first pieces are not <unk> <s> </s> as those of XLM-R",
                        SPM);
    for (size_t i = 0; i < 4 && rc == ENC_OK; i++)
        rc = put(r, i, (enc_bytes){(const uint8_t *)first[i], strlen(first[i])},
                 ENC_UNIGRAM_NEVER, e);
    for (size_t i = 3; i < s->n && rc == ENC_OK; i++)
        rc = put(r, i + 1, s->pieces[i].text, score_of(s->pieces + i), e);
    if (rc == ENC_OK)
        rc = put(r, s->n + 1, (enc_bytes){(const uint8_t *)"<mask>", 6},
                 ENC_UNIGRAM_NEVER, e);
    return rc;
}

/* Those of a vocab.txt, which must have every piece that a word can have. */
static enc_rc put_listed(enc_tok_reading *r, const enc_spm *s, enc_err *e)
{
    enc_vocab *vocab;
    enc_rc rc = enc_vocab_read(&vocab, r->files->vocab_txt, ENC_TOKVOCAB, e);
    if (rc != ENC_OK) return rc;
    for (size_t i = 0; i < s->n && rc == ENC_OK; i++) {
        const enc_spm_piece *p = s->pieces + i;
        int32_t id = enc_vocab_find(vocab, p->text.at, p->text.n);
        if (id >= 0) rc = put(r, (size_t)id, p->text, score_of(p), e);
        else if (score_of(p) != ENC_UNIGRAM_NEVER)
            rc = enc_fail(e, ENC_CORRUPT, "%s: piece %zu is not in %s", SPM, i,
                          ENC_TOKVOCAB);
    }
    for (size_t id = 0; id < enc_vocab_size(vocab) && rc == ENC_OK; id++) {
        enc_bytes *place = enc_tok_cut_place(&r->cut, id);
        enc_bytes text = enc_vocab_piece(vocab, (int32_t)id);
        if (place == NULL) rc = enc_nomem(e);
        else if (place->n == 0 && text.n > 0) {
            /* The text must outlive the vocabulary it was found in. */
            place->at = (const uint8_t *)enc_arena_text(&r->t->arena,
                                                        (const char *)text.at, text.n);
            place->n = text.n;
            if (place->at == NULL) rc = enc_nomem(e);
        }
    }
    enc_vocab_free(vocab);
    return rc;
}

static enc_rc put_all(enc_tok_reading *r, const enc_spm *s, family f, enc_err *e)
{
    enc_rc rc = ENC_OK;
    if (f.is_xlmr) return put_fairseq(r, s, e);
    if (f.is_kobert && r->files->vocab_txt.at != NULL) return put_listed(r, s, e);
    for (size_t i = 0; i < s->n && rc == ENC_OK; i++)
        rc = put(r, i, s->pieces[i].text, score_of(s->pieces + i), e);
    return rc;
}

/* ---- steps ---- */

/* Adds a step; false: no memory. */
static bool add(enc_tok *t, enc_step step)
{
    enc_step *place = enc_tok_add_step(t);
    if (place != NULL) *place = step;
    return place != NULL;
}

static enc_step replace(const char *from, const char *to)
{
    return (enc_step){.kind = ENC_STEP_REPLACE,
                      .from = {(const uint8_t *)from, strlen(from)},
                      .to = {(const uint8_t *)to, strlen(to)}};
}

/* What transformers' AlbertTokenizer does before SentencePiece. */
static enc_rc add_albert(enc_tok_reading *r, enc_err *e)
{
    enc_tok *t = r->t;
    bool lower = true, keep = false;
    enc_rc rc;
    if ((rc = enc_tok_read_bool(r->config, "do_lower_case", ENC_TOKCONF, &lower, e)) ||
        (rc = enc_tok_read_bool(r->config, "keep_accents", ENC_TOKCONF, &keep, e)))
        return rc;
    t->rules.lower_case = lower;
    t->rules.strip_accents = !keep;
    bool ok = add(t, replace("``", "\"")) && add(t, replace("''", "\""));
    if (ok && !keep)
        ok = add(t, (enc_step){.kind = ENC_STEP_FORM, .form = ENC_NFKD}) &&
             add(t, (enc_step){.kind = ENC_STEP_STRIP_ACCENTS});
    if (ok && lower) ok = add(t, (enc_step){.kind = ENC_STEP_LOWER});
    return ok ? ENC_OK : enc_nomem(e);
}

static enc_rc add_steps(enc_tok_reading *r, const enc_spm *s, family f, enc_err *e)
{
    enc_tok *t = r->t;
    enc_rc rc = f.is_albert ? add_albert(r, e) : ENC_OK;
    bool ok = true;
    if (rc == ENC_OK && s->charsmap.n > 0) {
        rc = enc_charsmap_new(&t->map, s->charsmap, SPM, e);
        ok = rc != ENC_OK ||
             add(t, (enc_step){.kind = ENC_STEP_PRECOMPILED, .map = t->map});
    }
    if (rc != ENC_OK) return rc;
    if (ok && s->trims)
        ok = add(t, (enc_step){.kind = ENC_STEP_STRIP, .left = true, .right = true}) &&
             add(t, (enc_step){.kind = ENC_STEP_SPACES, .to = {(const uint8_t *)" ", 1}});
    ok = ok && add(t, (enc_step){.kind = ENC_STEP_MARK,
                                 .prepend = s->adds_prefix ? ENC_ALWAYS : ENC_NEVER,
                                 .to = {(const uint8_t *)ENC_SPACE_MARK,
                                        sizeof ENC_SPACE_MARK - 1}});
    return ok ? ENC_OK : enc_nomem(e);
}

/* ---- all of it ---- */

/* User-defined pieces are found before anything else. */
static enc_rc add_tokens(enc_tok_reading *r, const enc_spm *s, enc_err *e)
{
    enc_tok *t = r->t;
    enc_rc rc = ENC_OK;
    if (t->special.mask >= 0)
        rc = enc_tok_add(t,
                         (enc_tok_added){.id = t->special.mask,
                                         .is_special = true,
                                         .takes_left = true},
                         e);
    for (size_t i = 0; i < s->n && rc == ENC_OK; i++) {
        enc_bytes text = s->pieces[i].text;
        int32_t id = enc_vocab_find(t->vocab, text.at, text.n);
        if (s->pieces[i].type == ENC_SPM_USER && id >= 0)
            rc = enc_tok_add(t, (enc_tok_added){.id = id}, e);
    }
    return rc == ENC_OK ? enc_tok_read_added_of_config(r, SPM, e) : rc;
}

static enc_rc read_all(enc_tok_reading *r, const enc_spm *s, enc_err *e)
{
    enc_tok *t = r->t;
    family f;
    enc_rc rc;
    t->kind = ENC_TOK_UNIGRAM;
    t->split = ENC_SPLIT_MARKED;
    if ((rc = check_model(s, e)) || (rc = pick_family(r, s, &f, e)) ||
        (rc = put_all(r, s, f, e)) || (rc = add_steps(r, s, f, e)) ||
        (rc = enc_tok_read_vocab(r, SPM, e)))
        return rc;
    enc_tok_read_specials(r);
    if (t->special.cls < 0 || t->special.sep < 0)
        return enc_fail(e, ENC_CORRUPT, "%s has no %s", SPM,
                        t->special.cls < 0 ? "[CLS] or <s>" : "[SEP] or </s>");
    enc_tok_read_usual_template(r, f.is_xlmr ? ENC_TEMPLATE_ROBERTA : ENC_TEMPLATE_BERT);
    return add_tokens(r, s, e);
}

enc_rc enc_tok_read_spm(enc_tok_reading *r, enc_err *e)
{
    enc_spm s;
    enc_rc rc = enc_spm_read(&s, r->files->sentencepiece, SPM, e);
    if (rc == ENC_OK) rc = read_all(r, &s, e);
    enc_spm_clear(&s);
    return rc;
}
