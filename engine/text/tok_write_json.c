/* tok_write_json.c - a tokenizer -> tokenizer.json, wherever it was read from.
 *
 * The file says everything in terms of Hugging Face's tokenizers: keep_hangul is NFC
 * after BERT's normalizer, strip_marks is NFD and StripAccents in its place. */
#include <string.h>

#include "text/base64.h"
#include "text/tok_write.h"

static void write_added(const enc_tok *t, enc_wr *out)
{
    enc_wr_text(out, "  \"added_tokens\": [");
    for (size_t i = 0; i < t->n_added; i++) {
        enc_wr_format(out, "%s\n    {\"id\": %d, \"content\": ", i == 0 ? "" : ",",
                      (int)t->added[i].id);
        enc_tok_write_text(out, enc_vocab_piece(t->vocab, t->added[i].id));
        enc_wr_text(out, ", ");
        enc_tok_write_flags(t->added + i, out);
    }
    enc_wr_text(out, "\n  ],\n");
}

static void write_bert_step(const enc_norm_rules *r, enc_wr *out)
{
    enc_wr_format(
        out,
        "{\"type\": \"BertNormalizer\", \"clean_text\": %s, "
        "\"handle_chinese_chars\": %s, \"strip_accents\": %s, \"lowercase\": %s}",
        enc_tok_write_claim(r->clean_text), enc_tok_write_claim(r->chinese_chars),
        enc_tok_write_claim(r->strip_accents), enc_tok_write_claim(r->lower_case));
}

/* With strip_marks the steps are those of a Sequence that tok_read.c understands; BERT's
 * own normalizer stands first, where it does the rest. */
static void write_bert_normalizer(const enc_tok *t, enc_wr *out)
{
    const enc_norm_rules *r = &t->rules;
    bool strips_marks = r->strip_accents && r->strip_marks;
    bool composes = r->strip_accents && r->keep_hangul;
    if (strips_marks || composes)
        enc_wr_text(out, "{\"type\": \"Sequence\", \"normalizers\": [\n    ");
    write_bert_step(r, out);
    if (strips_marks)
        enc_wr_text(out, ",\n    {\"type\": \"NFD\"}, {\"type\": \"StripAccents\"}");
    if (composes) enc_wr_text(out, ",\n    {\"type\": \"NFC\"}");
    if (strips_marks || composes) enc_wr_text(out, "\n  ]}");
}

static void write_map(const enc_charsmap *map, enc_wr *out)
{
    enc_wr blob;
    enc_wr_init(&blob);
    enc_charsmap_write(map, &blob);
    enc_wr_text(out, "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"");
    enc_base64_write((enc_bytes){blob.at, blob.n}, out);
    enc_wr_text(out, "\"}");
    if (blob.failed) out->failed = true;
    enc_wr_clear(&blob);
}

static void write_step(const enc_step *s, enc_wr *out)
{
    static const char *const forms[] = {
        [ENC_NFC] = "NFC", [ENC_NFD] = "NFD", [ENC_NFKC] = "NFKC", [ENC_NFKD] = "NFKD"};
    switch (s->kind) {
    case ENC_STEP_FORM: enc_wr_format(out, "{\"type\": \"%s\"}", forms[s->form]); break;
    case ENC_STEP_PRECOMPILED: write_map(s->map, out); break;
    case ENC_STEP_LOWER: enc_wr_text(out, "{\"type\": \"Lowercase\"}"); break;
    case ENC_STEP_STRIP:
        enc_wr_format(out,
                      "{\"type\": \"Strip\", \"strip_left\": %s, \"strip_right\": %s}",
                      enc_tok_write_claim(s->left), enc_tok_write_claim(s->right));
        break;
    case ENC_STEP_STRIP_ACCENTS: enc_wr_text(out, "{\"type\": \"StripAccents\"}"); break;
    case ENC_STEP_REPLACE:
    case ENC_STEP_SPACES:
        enc_wr_text(out, "{\"type\": \"Replace\", \"pattern\": ");
        if (s->kind == ENC_STEP_SPACES)
            enc_wr_text(out,
                        s->by_white ? "{\"Regex\": \"\\\\s+\"" : "{\"Regex\": \" {2,}\"");
        else {
            enc_wr_text(out, "{\"String\": ");
            enc_tok_write_text(out, s->from);
        }
        enc_wr_text(out, "}, \"content\": ");
        enc_tok_write_text(out, s->to);
        enc_wr_text(out, "}");
        break;
    case ENC_STEP_PREPEND:
        enc_wr_text(out, "{\"type\": \"Prepend\", \"prepend\": ");
        enc_tok_write_text(out, s->to);
        enc_wr_text(out, "}");
        break;
    case ENC_STEP_BERT: write_bert_step(&s->rules, out); break;
    case ENC_STEP_MARK: break; /* belongs to the splitting */
    }
}

static void write_normalizer(const enc_tok *t, enc_wr *out)
{
    size_t n = t->n_steps - (enc_tok_mark(t) != NULL);
    enc_wr_text(out, "  \"normalizer\": ");
    if (t->split == ENC_SPLIT_BERT) {
        write_bert_normalizer(t, out);
    } else if (n == 0) {
        enc_wr_text(out, "null");
    } else {
        enc_wr_text(out, "{\"type\": \"Sequence\", \"normalizers\": [");
        for (size_t i = 0; i < n; i++) {
            enc_wr_text(out, i == 0 ? "\n    " : ",\n    ");
            write_step(t->steps + i, out);
        }
        enc_wr_text(out, "\n  ]}");
    }
    enc_wr_text(out, ",\n");
}

static void write_metaspace(const enc_tok *t, enc_wr *out)
{
    static const char *const schemes[] = {
        [ENC_NEVER] = "never", [ENC_FIRST] = "first", [ENC_ALWAYS] = "always"};
    const enc_step *mark = enc_tok_mark(t);
    enc_wr_format(out,
                  "{\"type\": \"Metaspace\", \"replacement\": \"" ENC_SPACE_MARK
                  "\", \"prepend_scheme\": \"%s\", \"split\": %s}",
                  schemes[mark->prepend],
                  enc_tok_write_claim(t->split == ENC_SPLIT_MARKED));
}

/* pre_tokenizer, and the decoder that undoes it. */
static void write_splitting(const enc_tok *t, enc_wr *out)
{
    const enc_step *mark = enc_tok_mark(t);
    enc_wr_text(out, "  \"pre_tokenizer\": ");
    if (t->split == ENC_SPLIT_BERT) {
        enc_wr_text(out, "{\"type\": \"BertPreTokenizer\"}");
    } else if (t->split == ENC_SPLIT_RUNS) {
        enc_wr_text(out, "{\"type\": \"Whitespace\"}");
    } else if (t->split == ENC_SPLIT_BYTES) {
        enc_wr_format(out,
                      "{\"type\": \"ByteLevel\", \"add_prefix_space\": %s, "
                      "\"trim_offsets\": true, \"use_regex\": true}",
                      enc_tok_write_claim(mark != NULL));
    } else if (mark == NULL) {
        enc_wr_text(out, "null");
    } else if (mark->by_white) {
        enc_wr_text(out, "{\"type\": \"Sequence\", \"pretokenizers\": [\n    "
                         "{\"type\": \"WhitespaceSplit\"},\n    ");
        write_metaspace(t, out);
        enc_wr_text(out, "\n  ]}");
    } else {
        write_metaspace(t, out);
    }
    enc_wr_text(out, ",\n");
}

static void write_decoder(const enc_tok *t, enc_wr *out)
{
    enc_wr_text(out, "  \"decoder\": ");
    if (t->kind == ENC_TOK_WORDPIECE) {
        enc_wr_text(out, "{\"type\": \"WordPiece\", \"prefix\": ");
        enc_wr_json_text(out, t->prefix, strlen(t->prefix));
        enc_wr_text(out, ", \"cleanup\": false}");
    } else if (t->split == ENC_SPLIT_BYTES) {
        enc_wr_text(out, "{\"type\": \"ByteLevel\", \"add_prefix_space\": true, "
                         "\"trim_offsets\": true, \"use_regex\": true}");
    } else if (enc_tok_mark(t) != NULL) {
        write_metaspace(t, out);
    } else {
        enc_wr_text(out, "null");
    }
    enc_wr_text(out, ",\n");
}

/* ---- the template ---- */

static void write_item(const enc_tok *t, const enc_item *item, enc_wr *out)
{
    if (item->id < 0) {
        enc_wr_format(out, "{\"Sequence\": {\"id\": \"%c\", \"type_id\": %d}}",
                      item->id == ENC_ITEM_A ? 'A' : 'B', item->segment);
        return;
    }
    enc_wr_text(out, "{\"SpecialToken\": {\"id\": ");
    enc_tok_write_text(out, enc_vocab_piece(t->vocab, item->id));
    enc_wr_format(out, ", \"type_id\": %d}}", item->segment);
}

static void write_items(const enc_tok *t, const char *key, const enc_template *around,
                        enc_wr *out)
{
    enc_wr_format(out, ",\n    \"%s\": [", key);
    for (size_t i = 0; i < around->n; i++) {
        enc_wr_text(out, i == 0 ? "\n      " : ",\n      ");
        write_item(t, around->at + i, out);
    }
    enc_wr_text(out, "\n    ]");
}

/* The tokens of a template that those before it do not have. */
static void write_named(const enc_tok *t, const enc_template *around,
                        const enc_template *before, bool *is_first, enc_wr *out)
{
    for (size_t i = 0; i < around->n; i++) {
        int32_t id = around->at[i].id;
        if (id < 0 || enc_template_find(around, id) < i ||
            (before != NULL && enc_template_find(before, id) < before->n))
            continue;
        enc_bytes piece = enc_vocab_piece(t->vocab, id);
        enc_wr_text(out, *is_first ? "\n      " : ",\n      ");
        enc_tok_write_text(out, piece);
        enc_wr_text(out, ": {\"id\": ");
        enc_tok_write_text(out, piece);
        enc_wr_format(out, ", \"ids\": [%d], \"tokens\": [", (int)id);
        enc_tok_write_text(out, piece);
        enc_wr_text(out, "]}");
        *is_first = false;
    }
}

static void write_template(const enc_tok *t, enc_wr *out)
{
    bool is_first = true;
    enc_wr_text(out, "  \"post_processor\": {\n    \"type\": \"TemplateProcessing\"");
    write_items(t, "single", &t->one, out);
    write_items(t, "pair", &t->two, out);
    enc_wr_text(out, ",\n    \"special_tokens\": {");
    write_named(t, &t->one, NULL, &is_first, out);
    write_named(t, &t->two, &t->one, &is_first, out);
    enc_wr_text(out, "\n    }\n  },\n");
}

/* ---- the model ---- */

static void write_ids(const enc_tok *t, enc_wr *out)
{
    bool is_first = true;
    enc_wr_text(out, "    \"vocab\": {");
    for (size_t id = 0; id < enc_vocab_size(t->vocab); id++) {
        enc_bytes piece = enc_vocab_piece(t->vocab, (int32_t)id);
        if (piece.n == 0) continue;
        enc_wr_text(out, is_first ? "\n      " : ",\n      ");
        enc_tok_write_text(out, piece);
        enc_wr_format(out, ": %zu", id);
        is_first = false;
    }
    enc_wr_text(out, "\n    }");
}

static void write_wordpiece(const enc_tok *t, enc_wr *out)
{
    enc_wr_text(out, "\"WordPiece\",\n    \"unk_token\": ");
    enc_tok_write_text(out, enc_vocab_piece(t->vocab, t->special.unk));
    enc_wr_text(out, ",\n    \"continuing_subword_prefix\": ");
    enc_wr_json_text(out, t->prefix, strlen(t->prefix));
    enc_wr_format(out, ",\n    \"max_input_chars_per_word\": %zu,\n", t->word_max);
    write_ids(t, out);
}

static void write_bpe(const enc_tok *t, enc_wr *out)
{
    enc_bpe_rules rules = enc_bpe_rules_of(t->bpe);
    enc_wr_text(out, "\"BPE\",\n    \"dropout\": null,\n    \"unk_token\": ");
    if (rules.unk_id >= 0)
        enc_tok_write_text(out, enc_vocab_piece(t->vocab, rules.unk_id));
    else enc_wr_text(out, "null");
    enc_wr_text(out, ",\n    \"continuing_subword_prefix\": null,\n"
                     "    \"end_of_word_suffix\": ");
    if (rules.suffix[0] != '\0')
        enc_wr_json_text(out, rules.suffix, strlen(rules.suffix));
    else enc_wr_text(out, "null");
    enc_wr_format(out, ",\n    \"fuse_unk\": %s,\n", enc_tok_write_claim(rules.fuse_unk));
    write_ids(t, out);
    enc_wr_text(out, ",\n    \"merges\": [");
    for (size_t i = 0; i < enc_bpe_size(t->bpe); i++) {
        enc_pair pair = enc_bpe_merge(t->bpe, i);
        enc_wr_text(out, i == 0 ? "\n      [" : ",\n      [");
        enc_tok_write_text(out, pair.left);
        enc_wr_text(out, ", ");
        enc_tok_write_text(out, pair.right);
        enc_wr_text(out, "]");
    }
    enc_wr_text(out, "\n    ]");
}

static bool is_added(const enc_tok *t, size_t id)
{
    size_t i = 0;

    while (i < t->n_added && t->added[i].id != (int32_t)id) i++;
    return i < t->n_added;
}

/* Those behind the last piece that a word may have are only added tokens, but for one if
 * nobody else has the lowest score. */
static size_t count_scored(const enc_tok *t)
{
    size_t n = enc_vocab_size(t->vocab);
    bool has_least = false;

    while (n > 1 && t->scores[n - 1] == ENC_UNIGRAM_NEVER && is_added(t, n - 1) &&
           n - 1 != (size_t)t->special.unk)
        n--;
    for (size_t id = 0; id < n; id++)
        has_least |=
            t->scores[id] == ENC_UNIGRAM_NEVER || t->scores[id] == t->least_score;
    return has_least ? n : n + 1;
}

/* Pieces that no word has get the lowest score, which what is unknown depends on. Those
 * that are special are again when this is read; others lose their name, by which they
 * would be found. */
static void write_unigram(const enc_tok *t, enc_wr *out)
{
    size_t n = count_scored(t);
    enc_wr_format(out, "\"Unigram\",\n    \"unk_id\": %d,\n    \"vocab\": [",
                  (int)t->special.unk);
    for (size_t id = 0; id < n; id++) {
        enc_bytes piece = enc_vocab_piece(t->vocab, (int32_t)id);
        double score = t->scores[id];
        enc_wr_text(out, id == 0 ? "\n      [" : ",\n      [");
        bool is_never = score == ENC_UNIGRAM_NEVER;
        if (piece.n > 0 && (!is_never || is_added(t, id))) enc_tok_write_text(out, piece);
        else enc_wr_format(out, "\"<hole %zu>\"", id);
        enc_wr_text(out, ", ");
        enc_wr_real(out, is_never ? t->least_score : score, 17);
        enc_wr_text(out, "]");
    }
    enc_wr_format(out, "\n    ],\n    \"byte_fallback\": %s",
                  enc_tok_write_claim(t->spells_unknown));
}

void enc_tok_write_json(const enc_tok *t, enc_wr *out)
{
    enc_wr_text(out, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n"
                     "  \"padding\": null,\n");
    write_added(t, out);
    write_normalizer(t, out);
    write_splitting(t, out);
    write_template(t, out);
    write_decoder(t, out);
    enc_wr_text(out, "  \"model\": {\n    \"type\": ");
    if (t->kind == ENC_TOK_WORDPIECE) write_wordpiece(t, out);
    else if (t->kind == ENC_TOK_BPE) write_bpe(t, out);
    else write_unigram(t, out);
    enc_wr_text(out, "\n  }\n}\n");
}
