/* gguf_tok.c - the tokenizer of a GGUF file -> the files it was made from.
 *
 *   tokenizer.ggml.model       bert: WordPiece; t5: Unigram; gpt2: byte-level BPE
 *   tokenizer.ggml.tokens      pieces by id; of WordPiece those that begin a word have
 *                              U+2581 before them, and the others have lost their "##"
 *   tokenizer.ggml.token_type  1 normal, 2 unknown, 3 control, 4 added by the user,
 *                              5 unused: a hole
 *   tokenizer.ggml.scores      of Unigram
 *   tokenizer.ggml.merges      of BPE: two pieces with a space between them
 *
 * WordPiece becomes vocab.txt, the others tokenizer.json. Whether WordPiece folds case is
 * told by newer files; else by the vocabulary, for one that folds has no capitals. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/gguf_parts.h"
#include "text/base64.h"

#define BEGIN     "\xe2\x96\x81" /* U+2581, for a space before a word */
#define CLAIM(is) ((is) ? "true" : "false")

enum { NORMAL = 1, UNKNOWN, CONTROL, USER, UNUSED };

typedef enum model { WORDPIECE, UNIGRAM, BPE } model;

typedef struct piece {
    enc_bytes text;
    int type;
} piece;

/* Special tokens: keys of the file, and what Hugging Face calls the role. */
typedef enum role { BOS, EOS, UNK, SEP, PAD, CLS, MASK, N_ROLES } role;

static const struct {
    const char *key, *name;
} roles[N_ROLES] = {
    [BOS] = {"tokenizer.ggml.bos_token_id", "bos_token"},
    [EOS] = {"tokenizer.ggml.eos_token_id", "eos_token"},
    [UNK] = {"tokenizer.ggml.unknown_token_id", "unk_token"},
    [SEP] = {"tokenizer.ggml.seperator_token_id", "sep_token"},
    [PAD] = {"tokenizer.ggml.padding_token_id", "pad_token"},
    [CLS] = {"tokenizer.ggml.cls_token_id", "cls_token"},
    [MASK] = {"tokenizer.ggml.mask_token_id", "mask_token"},
};

typedef struct vocab {
    const enc_gguf *g;
    model model;
    piece *pieces;
    size_t n;
    size_t ids[N_ROLES]; /* n: there is none */
} vocab;

/* --- reading --------------------------------------------------------------------------
 */

static enc_rc read_model(vocab *v, enc_err *e)
{
    static const char *const names[] = {"bert", "t5", "gpt2"};
    enc_bytes name = enc_gguf_text(v->g, "tokenizer.ggml.model");

    if (name.at == NULL)
        return enc_fail(e, ENC_CORRUPT, "%s: key tokenizer.ggml.model missing",
                        enc_gguf_what(v->g));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        v->model = (model)i;
        if (name.n == strlen(names[i]) && memcmp(names[i], name.at, name.n) == 0)
            return ENC_OK;
    }
    return enc_fail(
        e, ENC_UNSUPPORTED, "%s: tokenizer '%.*s' not supported (bert, t5, gpt2)",
        enc_gguf_what(v->g), (int)(name.n < 60 ? name.n : 60), (const char *)name.at);
}

static enc_rc fail_count(const vocab *v, const char *key, size_t n, enc_err *e)
{
    return enc_fail(e, ENC_CORRUPT, "%s: %zu values of %s for %zu pieces",
                    enc_gguf_what(v->g), n, key, v->n);
}

static enc_rc read_pieces(vocab *v, enc_err *e)
{
    enc_gguf_list texts, types;
    bool has_types = enc_gguf_numbers(v->g, "tokenizer.ggml.token_type", &types);

    if (!enc_gguf_texts(v->g, "tokenizer.ggml.tokens", &texts))
        return enc_fail(e, ENC_CORRUPT, "%s: key tokenizer.ggml.tokens missing",
                        enc_gguf_what(v->g));
    if (texts.n > ENC_VOCAB_MAX)
        return enc_fail(e, ENC_RANGE, "%s: %zu pieces, limit %zu", enc_gguf_what(v->g),
                        texts.n, ENC_VOCAB_MAX);
    v->n = texts.n;
    if (has_types && types.n != v->n)
        return fail_count(v, "tokenizer.ggml.token_type", types.n, e);
    v->pieces = enc_mem_array(v->n, sizeof *v->pieces);
    if (v->pieces == NULL) return enc_nomem(e);
    for (size_t i = 0; i < v->n; i++) {
        double type = has_types ? enc_gguf_next_number(&types) : NORMAL;

        v->pieces[i].text = enc_gguf_next_text(&texts);
        v->pieces[i].type = type >= NORMAL && type <= UNUSED ? (int)type : NORMAL;
    }
    return ENC_OK;
}

/* A role that another one plays too is written under both names, as they are there. */
static enc_rc read_roles(vocab *v, enc_err *e)
{
    for (size_t i = 0; i < N_ROLES; i++) {
        double id;

        v->ids[i] = v->n;
        if (!enc_gguf_number(v->g, roles[i].key, &id)) continue;
        if (!(id >= 0 && id < (double)v->n))
            return enc_fail(e, ENC_CORRUPT, "%s: %s is %.0f, but there are %zu pieces",
                            enc_gguf_what(v->g), roles[i].key, id, v->n);
        v->ids[i] = (size_t)id;
    }
    if (v->ids[CLS] == v->n) v->ids[CLS] = v->ids[BOS];
    if (v->ids[SEP] == v->n) v->ids[SEP] = v->ids[EOS];
    for (size_t i = 0; i < v->n && v->ids[UNK] == v->n; i++)
        if (v->pieces[i].type == UNKNOWN) v->ids[UNK] = i;
    return ENC_OK;
}

static enc_rc vocab_init(vocab *v, const enc_gguf *g, enc_err *e)
{
    enc_rc rc;

    *v = (vocab){.g = g};
    if ((rc = read_model(v, e))) return rc;
    if ((rc = read_pieces(v, e))) return rc;
    return read_roles(v, e);
}

static void vocab_clear(vocab *v)
{
    enc_mem_free(v->pieces);
}

/* --- WordPiece ------------------------------------------------------------------------
 */

static bool begins(enc_bytes text, const char *with)
{
    size_t n = strlen(with);
    return text.n >= n && memcmp(text.at, with, n) == 0;
}

/* Older files left special tokens as they are without saying that they are special. */
static bool is_bracketed(enc_bytes text)
{
    return text.n > 2 && text.at[0] == '[' && text.at[text.n - 1] == ']';
}

/* A piece as it was: "▁word" is "word", "ing" is "##ing". */
static void write_wordpiece(const piece *p, enc_wr *out)
{
    enc_bytes text = p->text;

    if (p->type == UNUSED || memchr(text.at, '\n', text.n) != NULL) return;
    if (p->type != CONTROL && begins(text, BEGIN)) {
        text.at += strlen(BEGIN);
        text.n -= strlen(BEGIN);
    } else if (p->type != CONTROL && !is_bracketed(text)) {
        enc_wr_text(out, "##");
    }
    enc_wr_bytes(out, text.at, text.n);
}

enc_rc enc_gguf_write_vocab(const enc_gguf *g, const enc_gguf_arch *a, enc_wr *out,
                            enc_err *e)
{
    vocab v;
    enc_rc rc = vocab_init(&v, g, e);

    (void)a;
    for (size_t i = 0; rc == ENC_OK && v.model == WORDPIECE && i < v.n; i++) {
        write_wordpiece(&v.pieces[i], out);
        enc_wr_u8(out, '\n');
    }
    vocab_clear(&v);
    return rc;
}

/* A normal piece has a byte between these two. */
static bool has_bytes(const vocab *v, uint8_t from, uint8_t to)
{
    for (size_t i = 0; i < v->n; i++)
        for (size_t k = 0; v->pieces[i].type == NORMAL && k < v->pieces[i].text.n; k++)
            if (v->pieces[i].text.at[k] >= from && v->pieces[i].text.at[k] <= to &&
                !is_bracketed(v->pieces[i].text))
                return true;
    return false;
}

/* --- roles ----------------------------------------------------------------------------
 */

static void write_text(enc_wr *out, enc_bytes text)
{
    enc_wr_json_text(out, (const char *)text.at, text.n);
}

static void write_roles(const vocab *v, enc_wr *out)
{
    for (size_t i = 0; i < N_ROLES; i++) {
        if (v->ids[i] == v->n || v->pieces[v->ids[i]].type == UNUSED) continue;
        enc_wr_format(out, ",\n  \"%s\": ", roles[i].name);
        write_text(out, v->pieces[v->ids[i]].text);
    }
}

enc_rc enc_gguf_write_tok_config(const enc_gguf *g, const enc_gguf_arch *a, enc_wr *out,
                                 enc_err *e)
{
    double lower = 0, strip = 0;
    vocab v;
    enc_rc rc = vocab_init(&v, g, e);

    (void)a;
    if (rc == ENC_OK && v.model == WORDPIECE) {
        if (!enc_gguf_number(g, "tokenizer.ggml.normalizer.lowercase", &lower))
            lower = !has_bytes(&v, 'A', 'Z');
        /* Stripping of accents takes syllables of Hangul apart: it was off if there are
         * such that begin with these bytes, U+B000 to U+CFFF. */
        if (!enc_gguf_number(g, "tokenizer.ggml.normalizer.strip_accents", &strip))
            strip = lower != 0 && !has_bytes(&v, 0xeb, 0xec);
        enc_wr_format(out,
                      "{\n  \"tokenizer_class\": \"BertTokenizer\",\n"
                      "  \"do_lower_case\": %s,\n  \"strip_accents\": %s",
                      CLAIM(lower != 0), CLAIM(strip != 0));
    } else if (rc == ENC_OK) {
        enc_wr_text(out, "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\"");
    }
    if (rc == ENC_OK) {
        write_roles(&v, out);
        enc_wr_text(out, "\n}\n");
    }
    vocab_clear(&v);
    return rc;
}

/* --- tokenizer.json -------------------------------------------------------------------
 */

/* The mask takes the space before it along, as it does wherever a piece holds spaces. */
static void write_added(const vocab *v, enc_wr *out)
{
    bool is_first = true;

    enc_wr_text(out, "  \"added_tokens\": [");
    for (size_t i = 0; i < v->n; i++) {
        const piece *p = &v->pieces[i];

        if (p->type != UNKNOWN && p->type != CONTROL && p->type != USER) continue;
        enc_wr_format(out, "%s\n    {\"id\": %zu, \"content\": ", is_first ? "" : ",", i);
        write_text(out, p->text);
        enc_wr_format(out,
                      ", \"single_word\": false, \"lstrip\": %s, \"rstrip\": false, "
                      "\"normalized\": false, \"special\": %s}",
                      CLAIM(i == v->ids[MASK]), CLAIM(p->type != USER));
        is_first = false;
    }
    enc_wr_text(out, "\n  ],\n");
}

/* The steps of XLM-RoBERTa's tokenizer, whose Unigram it is in practice. */
static void write_unigram_steps(const vocab *v, enc_wr *out)
{
    enc_bytes map = enc_gguf_blob(v->g, "tokenizer.ggml.precompiled_charsmap");
    double adds_space = 1, strips = 1;

    enc_gguf_number(v->g, "tokenizer.ggml.add_space_prefix", &adds_space);
    enc_gguf_number(v->g, "tokenizer.ggml.remove_extra_whitespaces", &strips);
    enc_wr_text(out, "  \"normalizer\": ");
    if (map.n > 0) {
        enc_wr_text(out, "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"");
        enc_base64_write(map, out);
        enc_wr_text(out, "\"}");
    } else {
        enc_wr_text(out, "null");
    }
    enc_wr_text(out, ",\n  \"pre_tokenizer\": ");
    if (strips != 0)
        enc_wr_text(out, "{\"type\": \"Sequence\", \"pretokenizers\": [\n"
                         "    {\"type\": \"WhitespaceSplit\"},\n    ");
    enc_wr_format(out,
                  "{\"type\": \"Metaspace\", \"replacement\": \"" BEGIN "\", "
                  "\"add_prefix_space\": %s, \"prepend_scheme\": \"%s\"}",
                  CLAIM(adds_space != 0), adds_space != 0 ? "always" : "never");
    enc_wr_text(out, strips != 0 ? "\n  ]},\n" : ",\n");
}

static bool is_pre(const vocab *v, const char *name)
{
    enc_bytes pre = enc_gguf_text(v->g, "tokenizer.ggml.pre");
    return pre.n == strlen(name) && memcmp(pre.at, name, pre.n) == 0;
}

/* The cutting into words is known by a name; these all cut as GPT-2 does. Files from
 * before there were names did so too. */
static enc_rc write_bpe_steps(const vocab *v, enc_wr *out, enc_err *e)
{
    static const char *const known[] = {"gpt-2",        "roberta-bpe", "modern-bert",
                                        "jina-v2-code", "jina-v2-es",  "jina-v2-de",
                                        "jina-v1-en",   "jina-es",     "jina-de"};
    enc_bytes pre = enc_gguf_text(v->g, "tokenizer.ggml.pre");
    bool is_known = pre.at == NULL;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        is_known = is_known || is_pre(v, known[i]);
    if (!is_known)
        return enc_fail(e, ENC_UNSUPPORTED,
                        "%s: tokenizer.ggml.pre '%.*s' not supported (gpt-2, "
                        "roberta-bpe, modern-bert, jina-v2-code, jina-v2-es, jina-v2-de, "
                        "jina-v1-en, jina-es, jina-de)",
                        enc_gguf_what(v->g), (int)(pre.n < 60 ? pre.n : 60),
                        (const char *)pre.at);
    enc_wr_format(out,
                  "  \"normalizer\": %s,\n"
                  "  \"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": "
                  "false, \"trim_offsets\": true, \"use_regex\": true},\n",
                  is_pre(v, "modern-bert") ? "{\"type\": \"NFC\"}" : "null");
    return ENC_OK;
}

/* What stands around texts: cls A sep, cls A sep (sep) B sep. */
typedef struct frame {
    size_t cls, sep; /* ids; the number of pieces: none is added */
    bool doubles;    /* two separators stand between texts, and all types are 0 */
} frame;

static void write_item(const vocab *v, size_t id, char sequence, int type, enc_wr *out)
{
    if (sequence != 0) {
        enc_wr_format(out, "{\"Sequence\": {\"id\": \"%c\", \"type_id\": %d}}", sequence,
                      type);
        return;
    }
    enc_wr_text(out, "{\"SpecialToken\": {\"id\": ");
    write_text(out, v->pieces[id].text);
    enc_wr_format(out, ", \"type_id\": %d}}", type);
}

static void write_template(const vocab *v, const frame *f, bool is_pair, enc_wr *out)
{
    const int second = f->doubles ? 0 : 1;
    const struct {
        bool is_there;
        size_t id;
        char sequence;
        int type;
    } items[] = {
        {f->cls < v->n, f->cls, 0, 0},
        {true, 0, 'A', 0},
        {f->sep < v->n, f->sep, 0, 0},
        {is_pair && f->doubles && f->sep < v->n, f->sep, 0, 0},
        {is_pair, 0, 'B', second},
        {is_pair && f->sep < v->n, f->sep, 0, second},
    };
    bool is_first = true;

    enc_wr_format(out, ",\n    \"%s\": [", is_pair ? "pair" : "single");
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        if (!items[i].is_there) continue;
        enc_wr_text(out, is_first ? "\n      " : ",\n      ");
        write_item(v, items[i].id, items[i].sequence, items[i].type, out);
        is_first = false;
    }
    enc_wr_text(out, "\n    ]");
}

static void write_post(const vocab *v, enc_wr *out)
{
    frame f = {v->ids[CLS], v->ids[SEP],
               v->model == UNIGRAM || !is_pre(v, "modern-bert")};
    const size_t ids[] = {f.cls, f.sep};
    double adds = 1;
    bool is_first = true;

    if (enc_gguf_number(v->g, "tokenizer.ggml.add_bos_token", &adds) && adds == 0)
        f.cls = v->n;
    if (enc_gguf_number(v->g, "tokenizer.ggml.add_eos_token", &adds) && adds == 0)
        f.sep = v->n;
    enc_wr_text(out, "  \"post_processor\": {\n    \"type\": \"TemplateProcessing\"");
    write_template(v, &f, false, out);
    write_template(v, &f, true, out);
    enc_wr_text(out, ",\n    \"special_tokens\": {");
    for (size_t i = 0; i < 2; i++) {
        if (ids[i] == v->n || (i == 1 && ids[1] == ids[0])) continue;
        enc_wr_text(out, is_first ? "\n      " : ",\n      ");
        write_text(out, v->pieces[ids[i]].text);
        enc_wr_text(out, ": {\"id\": ");
        write_text(out, v->pieces[ids[i]].text);
        enc_wr_format(out, ", \"ids\": [%zu], \"tokens\": [", ids[i]);
        write_text(out, v->pieces[ids[i]].text);
        enc_wr_text(out, "]}");
        is_first = false;
    }
    enc_wr_text(out, "\n    }\n  },\n");
}

static enc_rc write_unigram(const vocab *v, enc_wr *out, enc_err *e)
{
    enc_gguf_list scores;

    if (!enc_gguf_numbers(v->g, "tokenizer.ggml.scores", &scores)) scores.n = 0;
    if (scores.n != v->n) return fail_count(v, "tokenizer.ggml.scores", scores.n, e);
    enc_wr_text(out, "  \"model\": {\n    \"type\": \"Unigram\",\n    \"unk_id\": ");
    if (v->ids[UNK] < v->n) enc_wr_format(out, "%zu", v->ids[UNK]);
    else enc_wr_text(out, "null");
    enc_wr_text(out, ",\n    \"vocab\": [");
    for (size_t i = 0; i < v->n; i++) {
        enc_wr_text(out, i > 0 ? ",\n      [" : "\n      [");
        write_text(out, v->pieces[i].text);
        enc_wr_text(out, ", ");
        enc_wr_real(out, enc_gguf_next_number(&scores), 9);
        enc_wr_text(out, "]");
    }
    enc_wr_text(out, "\n    ],\n    \"byte_fallback\": false\n  }\n");
    return ENC_OK;
}

static enc_rc write_bpe(const vocab *v, enc_wr *out, enc_err *e)
{
    enc_gguf_list merges;
    bool is_first = true;

    if (!enc_gguf_texts(v->g, "tokenizer.ggml.merges", &merges))
        return enc_fail(e, ENC_CORRUPT, "%s: key tokenizer.ggml.merges missing",
                        enc_gguf_what(v->g));
    enc_wr_text(out,
                "  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n"
                "    \"unk_token\": null,\n    \"continuing_subword_prefix\": \"\",\n"
                "    \"end_of_word_suffix\": \"\",\n    \"fuse_unk\": false,\n"
                "    \"byte_fallback\": false,\n    \"vocab\": {");
    for (size_t i = 0; i < v->n; i++) {
        if (v->pieces[i].type == UNUSED) continue;
        enc_wr_text(out, is_first ? "\n      " : ",\n      ");
        write_text(out, v->pieces[i].text);
        enc_wr_format(out, ": %zu", i);
        is_first = false;
    }
    enc_wr_text(out, "\n    },\n    \"merges\": [");
    for (size_t i = 0; i < merges.n; i++) {
        enc_wr_text(out, i > 0 ? ",\n      " : "\n      ");
        write_text(out, enc_gguf_next_text(&merges));
    }
    enc_wr_text(out, "\n    ]\n  }\n");
    return ENC_OK;
}

static enc_rc write_json(const vocab *v, enc_wr *out, enc_err *e)
{
    enc_rc rc = ENC_OK;

    enc_wr_text(out, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n"
                     "  \"padding\": null,\n");
    write_added(v, out);
    if (v->model == UNIGRAM) write_unigram_steps(v, out);
    else rc = write_bpe_steps(v, out, e);
    if (rc != ENC_OK) return rc;
    write_post(v, out);
    if (v->model == UNIGRAM)
        enc_wr_text(out, "  \"decoder\": {\"type\": \"Metaspace\", \"replacement\": "
                         "\"" BEGIN "\", \"add_prefix_space\": true, "
                         "\"prepend_scheme\": \"always\"},\n");
    else
        enc_wr_text(out, "  \"decoder\": {\"type\": \"ByteLevel\", \"add_prefix_space\": "
                         "true, \"trim_offsets\": true, \"use_regex\": true},\n");
    rc = v->model == UNIGRAM ? write_unigram(v, out, e) : write_bpe(v, out, e);
    enc_wr_text(out, "}\n");
    return rc;
}

enc_rc enc_gguf_write_tok(const enc_gguf *g, const enc_gguf_arch *a, enc_wr *out,
                          enc_err *e)
{
    vocab v;
    enc_rc rc = vocab_init(&v, g, e);

    (void)a;
    if (rc == ENC_OK && v.model != WORDPIECE) rc = write_json(&v, out, e);
    vocab_clear(&v);
    return rc;
}
