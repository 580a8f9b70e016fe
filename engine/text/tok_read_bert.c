/* tok_read_bert.c - vocab.txt -> a WordPiece tokenizer.
 *
 * vocab.txt has only the pieces; tokenizer_config.json says the rest, with the defaults
 * of transformers' BertTokenizer. Its keys keep_hangul and strip_marks are only ours: see
 * tok_write.c. */
#include <string.h>

#include "text/tok_read.h"

bool enc_tok_read_is_bert(const enc_tok_reading *r)
{
    static const char *const known[] = {
        "Bert",     "DistilBert",         "Electra",           "MobileBert",
        "ConvBert", "LayoutLM",           "Retribert",         "SqueezeBert",
        "MPNet",    "DPRQuestionEncoder", "DPRContextEncoder", "Lxmert",
        "DPRReader"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (enc_tok_read_is_class(r, known[i])) return true;
    return false;
}

/* Classes that split text otherwise than BERT, though they have a vocab.txt, are refused
 * by not being known. */
static enc_rc check_class(const enc_tok_reading *r, enc_err *e)
{
    enc_json_value *v = enc_json_get(r->config, "tokenizer_class");
    if (enc_json_text(v, NULL) == NULL || enc_tok_read_is_bert(r) ||
        enc_tok_read_is_class(r, "PreTrained"))
        return ENC_OK;
    return enc_tok_read_refuse(ENC_TOKCONF, "tokenizer_class", v, e);
}

static enc_rc read_rules(enc_tok_reading *r, enc_err *e)
{
    enc_norm_rules *rules = &r->t->rules;
    const enc_tok_bool lower[] = {{"do_lower_case", &rules->lower_case}, {NULL, NULL}};
    const enc_tok_bool others[] = {{"strip_accents", &rules->strip_accents},
                                   {"tokenize_chinese_chars", &rules->chinese_chars},
                                   {"clean_text", &rules->clean_text},
                                   {"keep_hangul", &rules->keep_hangul},
                                   {"strip_marks", &rules->strip_marks},
                                   {NULL, NULL}};
    *rules =
        (enc_norm_rules){.clean_text = true, .chinese_chars = true, .lower_case = true};
    enc_rc rc = enc_tok_read_bools(r->config, ENC_TOKCONF, lower, e);
    rules->strip_accents = rules->lower_case;
    return rc == ENC_OK ? enc_tok_read_bools(r->config, ENC_TOKCONF, others, e) : rc;
}

/* MPNet joins a pair as RoBERTa does. */
static bool is_mpnet(const enc_tok_reading *r)
{
    enc_bytes cls = enc_vocab_piece(r->t->vocab, r->t->special.cls);
    return enc_tok_read_is_class(r, "MPNet") ||
           (cls.n == 3 && memcmp(cls.at, "<s>", cls.n) == 0);
}

enc_rc enc_tok_read_bert(enc_tok_reading *r, enc_err *e)
{
    enc_json_value *c = r->config, *never = enc_json_get(c, "never_split");
    bool basic = true;
    const enc_tok_bool bools[] = {{"do_basic_tokenize", &basic}, {NULL, NULL}};
    enc_rc rc;
    memcpy(r->t->prefix, "##", 3);
    if ((rc = check_class(r, e)) || (rc = enc_tok_read_bools(c, ENC_TOKCONF, bools, e)) ||
        (rc = read_rules(r, e)) ||
        (rc =
             enc_tok_read_prefix(c, "wordpieces_prefix", ENC_TOKCONF, r->t->prefix, e)) ||
        (rc = enc_tok_read_word_max(c, ENC_TOKCONF, &r->t->word_max, e)))
        return rc;
    if (!basic || enc_json_count(never) > 0)
        return enc_fail(e, ENC_UNSUPPORTED, "%s: %s is not supported", ENC_TOKCONF,
                        basic ? "never_split" : "do_basic_tokenize = false");
    if ((rc = enc_vocab_read(&r->t->vocab, r->files->vocab_txt, ENC_TOKVOCAB, e)))
        return rc;
    enc_tok_read_specials(r);
    enc_tok_read_usual_template(r,
                                is_mpnet(r) ? ENC_TEMPLATE_ROBERTA : ENC_TEMPLATE_BERT);
    return enc_tok_read_added_of_config(r, ENC_TOKVOCAB, e);
}
