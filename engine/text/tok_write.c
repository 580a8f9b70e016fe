/* tok_write.c - a tokenizer -> the files it can be opened from again.
 *
 * tokenizer.json is the one that says everything in terms of Hugging Face's tokenizers:
 * keep_hangul is NFC after BERT's normalizer, strip_marks is NFD and StripAccents in its
 * place. tokenizer_config.json cannot say so with the keys of BertTokenizer; then it
 * names the class that looks at nothing but tokenizer.json, and has keys of our own
 * ("keep_hangul", "strip_marks") for opening it beside vocab.txt alone. */
#include <string.h>

#include "base/limits.h"
#include "base/wr.h"
#include "text/tok_parts.h"

static const char *claim(bool is)
{
    return is ? "true" : "false";
}

static void write_text(enc_wr *w, enc_bytes text)
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

static void write_flags(const enc_tok_added *a, enc_wr *out)
{
    enc_wr_format(out,
                  "\"single_word\": %s, \"lstrip\": false, \"rstrip\": false, "
                  "\"normalized\": %s, \"special\": %s}",
                  claim(a->is_single), claim(a->is_folded), claim(a->is_special));
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
        write_text(out, enc_vocab_piece(t->vocab, roles[i].id));
    }
}

void enc_tok_write_config(const enc_tok *t, enc_wr *out)
{
    const enc_norm_rules *r = &t->rules;
    bool is_bert = !r->keep_hangul && !r->strip_marks && t->word_max == ENC_WORD_MAX;
    enc_wr_format(out, "{\n  \"tokenizer_class\": \"%s\",\n",
                  is_bert ? "BertTokenizer" : "PreTrainedTokenizerFast");
    enc_wr_format(out,
                  "  \"do_lower_case\": %s,\n  \"strip_accents\": %s,\n"
                  "  \"tokenize_chinese_chars\": %s,\n  \"clean_text\": %s",
                  claim(r->lower_case), claim(r->strip_accents), claim(r->chinese_chars),
                  claim(r->clean_text));
    if (r->keep_hangul) enc_wr_text(out, ",\n  \"keep_hangul\": true");
    if (r->strip_marks) enc_wr_text(out, ",\n  \"strip_marks\": true");
    if (t->word_max != ENC_WORD_MAX)
        enc_wr_format(out, ",\n  \"max_input_chars_per_word\": %zu", t->word_max);
    if (strcmp(t->prefix, "##") != 0) {
        enc_wr_text(out, ",\n  \"wordpieces_prefix\": ");
        enc_wr_json_text(out, t->prefix, strlen(t->prefix));
    }
    if (t->max > 0) enc_wr_format(out, ",\n  \"model_max_length\": %zu", t->max);
    write_roles(t, out);
    enc_wr_text(out, ",\n  \"added_tokens_decoder\": {");
    for (size_t i = 0; i < t->n_added; i++) {
        enc_wr_format(out, "%s\n    \"%d\": {\"content\": ", i == 0 ? "" : ",",
                      (int)t->added[i].id);
        write_text(out, enc_vocab_piece(t->vocab, t->added[i].id));
        enc_wr_text(out, ", ");
        write_flags(t->added + i, out);
    }
    enc_wr_text(out, "\n  }\n}\n");
}

static void write_added(const enc_tok *t, enc_wr *out)
{
    enc_wr_text(out, "  \"added_tokens\": [");
    for (size_t i = 0; i < t->n_added; i++) {
        enc_wr_format(out, "%s\n    {\"id\": %d, \"content\": ", i == 0 ? "" : ",",
                      (int)t->added[i].id);
        write_text(out, enc_vocab_piece(t->vocab, t->added[i].id));
        enc_wr_text(out, ", ");
        write_flags(t->added + i, out);
    }
    enc_wr_text(out, "\n  ],\n");
}

/* With strip_marks the steps are those of a Sequence that tok_read.c understands; BERT's
 * own normalizer stands first, where it does the rest. */
static void write_normalizer(const enc_tok *t, enc_wr *out)
{
    const enc_norm_rules *r = &t->rules;
    bool strips_marks = r->strip_accents && r->strip_marks;
    bool composes = r->strip_accents && r->keep_hangul;
    enc_wr_text(out, "  \"normalizer\": ");
    if (strips_marks || composes)
        enc_wr_text(out, "{\"type\": \"Sequence\", \"normalizers\": [\n    ");
    enc_wr_format(
        out,
        "{\"type\": \"BertNormalizer\", \"clean_text\": %s, "
        "\"handle_chinese_chars\": %s, \"strip_accents\": %s, \"lowercase\": %s}",
        claim(r->clean_text), claim(r->chinese_chars), claim(r->strip_accents),
        claim(r->lower_case));
    if (strips_marks)
        enc_wr_text(out, ",\n    {\"type\": \"NFD\"}, {\"type\": \"StripAccents\"}");
    if (composes) enc_wr_text(out, ",\n    {\"type\": \"NFC\"}");
    if (strips_marks || composes) enc_wr_text(out, "\n  ]}");
    enc_wr_text(out, ",\n");
}

static void write_item(const enc_tok *t, int32_t id, char sequence, int type, enc_wr *out)
{
    if (id < 0) {
        enc_wr_format(out, "{\"Sequence\": {\"id\": \"%c\", \"type_id\": %d}}", sequence,
                      type);
        return;
    }
    enc_wr_text(out, "{\"SpecialToken\": {\"id\": ");
    write_text(out, enc_vocab_piece(t->vocab, id));
    enc_wr_format(out, ", \"type_id\": %d}}", type);
}

static void write_post(const enc_tok *t, enc_wr *out)
{
    int32_t cls = t->special.cls, sep = t->special.sep;
    const struct {
        int32_t id;
        char sequence;
        int type;
    } items[] = {{cls, 0, 0}, {-1, 'A', 0}, {sep, 0, 0}, {-1, 'B', 1}, {sep, 0, 1}};
    enc_wr_text(out, "  \"post_processor\": {\n    \"type\": \"TemplateProcessing\"");
    for (size_t n = 3; n <= 5; n += 2) {
        enc_wr_format(out, ",\n    \"%s\": [", n == 3 ? "single" : "pair");
        for (size_t i = 0; i < n; i++) {
            enc_wr_text(out, i == 0 ? "\n      " : ",\n      ");
            write_item(t, items[i].id, items[i].sequence, items[i].type, out);
        }
        enc_wr_text(out, "\n    ]");
    }
    enc_wr_text(out, ",\n    \"special_tokens\": {");
    for (size_t i = 0; i < (cls == sep ? 1u : 2u); i++) {
        enc_bytes piece = enc_vocab_piece(t->vocab, i == 0 ? cls : sep);
        enc_wr_text(out, i == 0 ? "\n      " : ",\n      ");
        write_text(out, piece);
        enc_wr_text(out, ": {\"id\": ");
        write_text(out, piece);
        enc_wr_format(out, ", \"ids\": [%d], \"tokens\": [", (int)(i == 0 ? cls : sep));
        write_text(out, piece);
        enc_wr_text(out, "]}");
    }
    enc_wr_text(out, "\n    }\n  },\n");
}

static void write_model(const enc_tok *t, enc_wr *out)
{
    bool is_first = true;
    enc_wr_text(out, "  \"model\": {\n    \"type\": \"WordPiece\",\n    \"unk_token\": ");
    write_text(out, enc_vocab_piece(t->vocab, t->special.unk));
    enc_wr_text(out, ",\n    \"continuing_subword_prefix\": ");
    enc_wr_json_text(out, t->prefix, strlen(t->prefix));
    enc_wr_format(out, ",\n    \"max_input_chars_per_word\": %zu,\n    \"vocab\": {",
                  t->word_max);
    for (size_t id = 0; id < enc_vocab_size(t->vocab); id++) {
        enc_bytes piece = enc_vocab_piece(t->vocab, (int32_t)id);
        if (piece.n == 0) continue;
        enc_wr_text(out, is_first ? "\n      " : ",\n      ");
        write_text(out, piece);
        enc_wr_format(out, ": %zu", id);
        is_first = false;
    }
    enc_wr_text(out, "\n    }\n  }\n");
}

void enc_tok_write_json(const enc_tok *t, enc_wr *out)
{
    enc_wr_text(out, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n"
                     "  \"padding\": null,\n");
    write_added(t, out);
    write_normalizer(t, out);
    enc_wr_text(out, "  \"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"},\n");
    write_post(t, out);
    enc_wr_text(out, "  \"decoder\": {\"type\": \"WordPiece\", \"prefix\": ");
    enc_wr_json_text(out, t->prefix, strlen(t->prefix));
    enc_wr_text(out, ", \"cleanup\": false},\n");
    write_model(t, out);
    enc_wr_text(out, "}\n");
}
