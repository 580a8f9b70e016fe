/* tok_read_spm.c - a SentencePiece model -> a Unigram tokenizer.
 *
 * What SentencePiece does with a text: the precompiled map, white space at the ends off
 * and in between only once, U+2581 for every space and before the text, Viterbi. What
 * tokenizer_class adds to it:
 *
 * - XLMRoberta: ids as in fairseq. <s> is 0, <pad> 1, </s> 2, <unk> 3, every other piece
 *   one more than in the model, <mask> last. So too if no class is named and the model
 *   has no [CLS].
 * - Albert: the ids of the model; quotes of LaTeX are ", accents are stripped, letters
 *   lower-cased, if the config does not say otherwise.
 * - KoBert, KoBERT: the ids of vocab.txt beside the model, or of the model. */
#include <string.h>

#include "base/limits.h"
#include "text/spm.h"
#include "text/tok_read.h"

static const char SPM[] = "SentencePiece model";

typedef enum family { XLMR, ALBERT, KOBERT } family;

static bool is(enc_bytes text, const char *other)
{
    return text.n == strlen(other) && memcmp(text.at, other, text.n) == 0;
}

static enc_rc pick_family(const enc_tok_reading *r, const enc_spm *s, family *f,
                          enc_err *e)
{
    static const struct {
        const char *name;
        family family;
    } known[] = {
        {"XLMRoberta", XLMR}, {"Albert", ALBERT}, {"KoBert", KOBERT}, {"KoBERT", KOBERT}};
    enc_json_value *v = enc_json_get(r->config, "tokenizer_class");
    bool has_cls = false, is_known = enc_json_text(v, NULL) == NULL;
    for (size_t i = 0; i < s->n; i++) has_cls |= is(s->pieces[i].text, "[CLS]");
    *f = has_cls ? KOBERT : XLMR;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (enc_tok_read_is_class(r, known[i].name)) {
            *f = known[i].family;
            is_known = true;
        }
    if (!is_known) return enc_tok_read_refuse(ENC_TOKCONF, "tokenizer_class", v, e);
    if (*f == KOBERT && !has_cls && r->files->vocab_txt.at == NULL)
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

static void put(enc_tok_cut *cut, size_t id, enc_bytes text, double score)
{
    enc_tok_cut_put(cut, id, text);
    enc_tok_cut_score(cut, id, score);
}

static double score_of(const enc_spm_piece *p)
{
    bool is_word = p->type == ENC_SPM_NORMAL || p->type == ENC_SPM_USER;
    return is_word ? (double)p->score : ENC_UNIGRAM_NEVER;
}

static enc_bytes text_of(const char *text)
{
    return (enc_bytes){(const uint8_t *)text, strlen(text)};
}

/* Those of fairseq: the first three of the model are <unk> <s> </s>. */
static enc_rc put_fairseq(enc_tok_reading *r, const enc_spm *s, enc_err *e)
{
    static const char *const first[] = {"<s>", "<pad>", "</s>", "<unk>"};
    enc_tok_cut *cut = &r->cut;
    if (s->n < 3 || !is(s->pieces[0].text, "<unk>") || !is(s->pieces[1].text, "<s>") ||
        !is(s->pieces[2].text, "</s>"))
        return enc_fail(e, ENC_UNSUPPORTED,
                        "%s: the first pieces are not <unk> <s> </s> as those of XLM-R",
                        SPM);
    for (size_t i = 0; i < 4; i++) put(cut, i, text_of(first[i]), ENC_UNIGRAM_NEVER);
    for (size_t i = 3; i < s->n; i++)
        put(cut, i + 1, s->pieces[i].text, score_of(s->pieces + i));
    put(cut, s->n + 1, text_of("<mask>"), ENC_UNIGRAM_NEVER);
    return ENC_OK;
}

/* Those of a vocab.txt, which must have every piece that a word can have. */
static enc_rc put_listed(enc_tok_reading *r, const enc_spm *s, enc_err *e)
{
    enc_rc rc = enc_vocab_read(&r->t->vocab, r->files->vocab_txt, ENC_TOKVOCAB, e);
    for (size_t i = 0; i < s->n && rc == ENC_OK; i++) {
        const enc_spm_piece *p = s->pieces + i;
        int32_t id = enc_vocab_find(r->t->vocab, p->text.at, p->text.n);
        if (id >= 0) enc_tok_cut_score(&r->cut, (size_t)id, score_of(p));
        else if (score_of(p) != ENC_UNIGRAM_NEVER)
            rc = enc_fail(e, ENC_CORRUPT, "%s: piece %zu is not in %s", SPM, i,
                          ENC_TOKVOCAB);
    }
    return rc;
}

static enc_rc put_all(enc_tok_reading *r, const enc_spm *s, family f, enc_err *e)
{
    if (f == XLMR) return put_fairseq(r, s, e);
    if (f == KOBERT && r->files->vocab_txt.at != NULL) return put_listed(r, s, e);
    for (size_t i = 0; i < s->n; i++)
        put(&r->cut, i, s->pieces[i].text, score_of(s->pieces + i));
    return ENC_OK;
}

/* ---- steps ---- */

typedef struct steps {
    enc_step at[10]; /* n: as many as ALBERT can have */
    size_t n;
} steps;

static void add(steps *all, enc_step step)
{
    all->at[all->n++] = step;
}

/* What transformers' AlbertTokenizer does before SentencePiece. */
static enc_rc add_albert(enc_tok_reading *r, steps *all, enc_err *e)
{
    enc_norm_rules *rules = &r->t->rules;
    bool lower = true, keep = false;
    const enc_tok_bool bools[] = {
        {"do_lower_case", &lower}, {"keep_accents", &keep}, {NULL, NULL}};
    enc_rc rc = enc_tok_read_bools(r->config, ENC_TOKCONF, bools, e);
    rules->lower_case = lower;
    rules->strip_accents = !keep;
    for (size_t i = 0; i < 2; i++)
        add(all, (enc_step){.kind = ENC_STEP_REPLACE,
                            .from = text_of(i == 0 ? "``" : "''"),
                            .to = text_of("\"")});
    if (!keep) {
        add(all, (enc_step){.kind = ENC_STEP_FORM, .form = ENC_NFKD});
        add(all, (enc_step){.kind = ENC_STEP_STRIP_ACCENTS});
    }
    if (lower) add(all, (enc_step){.kind = ENC_STEP_LOWER});
    return rc;
}

static enc_rc add_steps(enc_tok_reading *r, const enc_spm *s, family f, enc_err *e)
{
    enc_tok *t = r->t;
    steps all = {.n = 0};
    enc_rc rc = f == ALBERT ? add_albert(r, &all, e) : ENC_OK;
    if (rc == ENC_OK && s->charsmap.n > 0) {
        rc = enc_charsmap_new(&t->map, s->charsmap, SPM, e);
        add(&all, (enc_step){.kind = ENC_STEP_PRECOMPILED, .map = t->map});
    }
    if (s->trims) {
        add(&all, (enc_step){.kind = ENC_STEP_STRIP, .left = true, .right = true});
        add(&all, (enc_step){.kind = ENC_STEP_SPACES, .to = text_of(" ")});
    }
    add(&all, (enc_step){.kind = ENC_STEP_MARK,
                         .prepend = s->adds_prefix ? ENC_ALWAYS : ENC_NEVER,
                         .to = text_of(ENC_SPACE_MARK)});
    for (size_t i = 0; i < all.n && rc == ENC_OK; i++)
        rc = enc_tok_add_step(t, all.at[i], e);
    return rc;
}

/* ---- all of it ---- */

/* User-defined pieces are found before anything else. */
static enc_rc add_tokens(enc_tok_reading *r, const enc_spm *s, enc_err *e)
{
    enc_tok *t = r->t;
    const enc_tok_added mask = {
        .id = t->special.mask, .is_special = true, .takes_left = true};
    enc_rc rc = mask.id >= 0 ? enc_tok_add(t, mask, e) : ENC_OK;
    for (size_t i = 0; i < s->n && rc == ENC_OK; i++) {
        enc_bytes text = s->pieces[i].text;
        int32_t id = enc_vocab_find(t->vocab, text.at, text.n);
        if (s->pieces[i].type == ENC_SPM_USER)
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
    enc_tok_read_usual_template(r, f == XLMR ? ENC_TEMPLATE_ROBERTA : ENC_TEMPLATE_BERT);
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
