/* tok_write.c - a tokenizer -> vocab.txt and tokenizer_config.json.
 *
 * tokenizer_config.json has no keys of BertTokenizer for keep_hangul and strip_marks;
 * then it names the class that looks at nothing but tokenizer.json, and has keys of our
 * own for opening it beside vocab.txt alone. */
#include <string.h>

#include "base/limits.h"
#include "base/wr.h"
#include "text/tok_write.h"

const char *enc_tok_write_claim(bool is)
{
    return is ? "true" : "false";
}

void enc_tok_write_text(enc_wr *w, enc_bytes text)
{
    enc_wr_json_text(w, (const char *)text.at, text.n);
}

void enc_tok_write_vocab(const enc_tok *t, enc_wr *out)
{
    for (size_t id = 0; id < enc_vocab_size(t->vocab); id++) {
        enc_bytes piece = enc_vocab_piece(t->vocab, (int32_t)id);
        /* A piece with a line break in it has no place here: only a hole. */
        if (piece.n > 0 && memchr(piece.at, '\n', piece.n) == NULL)
            enc_wr_bytes(out, piece.at, piece.n);
        enc_wr_u8(out, '\n');
    }
}

void enc_tok_write_flags(const enc_tok_added *a, enc_wr *out)
{
    enc_wr_format(out,
                  "\"single_word\": %s, \"lstrip\": %s, \"rstrip\": %s, "
                  "\"normalized\": %s, \"special\": %s}",
                  enc_tok_write_claim(a->is_single), enc_tok_write_claim(a->takes_left),
                  enc_tok_write_claim(a->takes_right), enc_tok_write_claim(a->is_folded),
                  enc_tok_write_claim(a->is_special));
}

/* "pad_token": "[PAD]", and so on for those there are. */
static void write_roles(const enc_tok *t, enc_wr *out)
{
    const struct {
        const char *role;
        int32_t id;
    } roles[] = {{"pad_token", t->special.pad},
                 {"unk_token", t->special.unk},
                 {"cls_token", t->special.cls},
                 {"sep_token", t->special.sep},
                 {"mask_token", t->special.mask}};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (roles[i].id < 0) continue;
        enc_wr_format(out, ",\n  \"%s\": ", roles[i].role);
        enc_tok_write_text(out, enc_vocab_piece(t->vocab, roles[i].id));
    }
}

/* The keys of BertTokenizer, and ours. */
static void write_bert(const enc_tok *t, enc_wr *out)
{
    const enc_norm_rules *r = &t->rules;
    enc_wr_format(
        out,
        ",\n  \"do_lower_case\": %s,\n  \"strip_accents\": %s,\n"
        "  \"tokenize_chinese_chars\": %s,\n  \"clean_text\": %s",
        enc_tok_write_claim(r->lower_case), enc_tok_write_claim(r->strip_accents),
        enc_tok_write_claim(r->chinese_chars), enc_tok_write_claim(r->clean_text));
    if (r->keep_hangul) enc_wr_text(out, ",\n  \"keep_hangul\": true");
    if (r->strip_marks) enc_wr_text(out, ",\n  \"strip_marks\": true");
    if (t->word_max != ENC_WORD_MAX)
        enc_wr_format(out, ",\n  \"max_input_chars_per_word\": %zu", t->word_max);
    if (strcmp(t->prefix, "##") != 0) {
        enc_wr_text(out, ",\n  \"wordpieces_prefix\": ");
        enc_wr_json_text(out, t->prefix, strlen(t->prefix));
    }
}

/* Whether transformers' class of this name does what this tokenizer does. */
static const char *class_of(const enc_tok *t)
{
    const enc_norm_rules *r = &t->rules;
    bool is_bert = t->kind == ENC_TOK_WORDPIECE && !r->keep_hangul && !r->strip_marks &&
                   t->word_max == ENC_WORD_MAX;
    if (!is_bert) return "PreTrainedTokenizerFast";
    return t->two.n == 6 ? "MPNetTokenizer" : "BertTokenizer";
}

void enc_tok_write_config(const enc_tok *t, enc_wr *out)
{
    enc_wr_format(out, "{\n  \"tokenizer_class\": \"%s\"", class_of(t));
    if (t->kind == ENC_TOK_WORDPIECE) write_bert(t, out);
    if (t->max > 0) enc_wr_format(out, ",\n  \"model_max_length\": %zu", t->max);
    write_roles(t, out);
    enc_wr_text(out, ",\n  \"added_tokens_decoder\": {");
    for (size_t i = 0; i < t->n_added; i++) {
        enc_wr_format(out, "%s\n    \"%d\": {\"content\": ", i == 0 ? "" : ",",
                      (int)t->added[i].id);
        enc_tok_write_text(out, enc_vocab_piece(t->vocab, t->added[i].id));
        enc_wr_text(out, ", ");
        enc_tok_write_flags(t->added + i, out);
    }
    enc_wr_text(out, "\n  }\n}\n");
}
