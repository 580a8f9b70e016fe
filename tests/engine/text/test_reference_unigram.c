/* test_reference_unigram.c - the ids that Hugging Face's tests expect of SentencePiece's
 * Unigram models: XLM-R and its kin, ALBERT, DeBERTa.
 *
 * The vocabulary of XLM-R with its scores is in the shared data; its precompiled map is
 * that of KoBERT's model, which was made by the same rules (nmt_nfkc). Of other
 * tokenizers a vocabulary is made from the pieces of their own cases. Their scores are
 * not known, but ids are in the order of scores, and the logarithm of the id is near
 * enough to prefer the pieces that the real ones prefer, among those that are there. */
#include "reference.h"

#include <math.h>

#include "base/wr.h"
#include "text/base64.h"
#include "text/spm.h"

#define IDS_MAX 300000

typedef struct family {
    const char *group, *name; /* in the file of cases */
    bool is_xlmr;             /* the vocabulary of XLM-R */
    bool is_reversed;         /* ids fall with the scores */
    const char *unk;
    const char *first_steps; /* of the normalizer, before the map */
    const char *last_steps;  /* and behind */
    const char *splitting;
    const char *template; /* single and pair */
} family;

#define ITEM(kind, id) "{\"" kind "\": {\"id\": \"" id "\", \"type_id\": 0}}"
#define BERT                                                                             \
    "\"single\": [" ITEM("SpecialToken", "[CLS]") ", " ITEM("Sequence", "A") ", " ITEM(  \
        "SpecialToken", "[SEP]") "]"
#define ROBERTA                                                                          \
    "\"single\": [" ITEM("SpecialToken", "<s>") ", " ITEM("Sequence", "A") ", " ITEM(    \
        "SpecialToken", "</s>") "]"
#define T5 "\"single\": [" ITEM("Sequence", "A") ", " ITEM("SpecialToken", "</s>") "]"
#define SPACES                                                                           \
    "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \" {2,}\"}, \"content\": \" \"}"
#define STRIP "{\"type\": \"Strip\", \"strip_left\": true, \"strip_right\": true}"
#define META  "{\"type\": \"Metaspace\", \"replacement\": \"\xe2\x96\x81\"}"
#define META_WHITE                                                                       \
    "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": "                           \
    "\"WhitespaceSplit\"}, " META "]}"
#define JOINER                                                                           \
    "{\"type\": \"Replace\", \"pattern\": {\"String\": \"\u200d\"}, \"content\": \" \"}"
#define QUOTES                                                                           \
    "{\"type\": \"Replace\", \"pattern\": {\"String\": \"``\"}, \"content\": "           \
    "\"\\\"\"}, "                                                                        \
    "{\"type\": \"NFKD\"}, {\"type\": \"StripAccents\"}, {\"type\": \"Lowercase\"}, "

static const family families[] = {
    {"bert", "Xenova/paraphrase-multilingual-MiniLM-L12-v2", true, false, "<unk>", "", "",
     META_WHITE, ROBERTA},
    {"bert", "Xenova/multilingual-e5-small", true, false, "<unk>", "", ", " SPACES, META,
     ROBERTA},
    {"xlm-roberta", "Xenova/bge-reranker-base", true, false, "<unk>", "", ", " SPACES,
     META, ROBERTA},
    {"xlm-roberta", "Xenova/paraphrase-multilingual-mpnet-base-v2", true, false, "<unk>",
     "", "", META_WHITE, ROBERTA},
    {"xlm-roberta", "Xenova/donut-base-finetuned-docvqa", false, true, "<unk>", "", "",
     META_WHITE, ROBERTA},
    {"xlm-roberta", "Xenova/trocr-small-handwritten", false, false, "<unk>", "", "",
     META_WHITE, ROBERTA},
    {"albert", "Xenova/albert-base-v2", false, false, "<unk>", QUOTES,
     ", " STRIP ", " SPACES, META, BERT},
    {"deberta-v2", "Xenova/nli-deberta-v3-small", false, false, "[UNK]", STRIP ", ",
     ", " STRIP ", " SPACES, META, BERT},
    {"deberta-v2", "Xenova/mDeBERTa-v3-base-xnli-multilingual-nli-2mil7", false, false,
     "[UNK]", STRIP ", ", ", " STRIP ", " SPACES, META, BERT},
    {"t5", "Xenova/t5-small", false, false, "<unk>", "", ", " STRIP ", " SPACES, META,
     T5},
};

typedef struct piece {
    char *text;
    double score;
} piece;

static piece pieces[IDS_MAX];
static size_t n_pieces;
static enc_map *model_map;
static enc_spm model; /* KoBERT's */

static void put_piece(size_t id, const char *text, double score)
{
    if (id >= IDS_MAX) return;
    if (id >= n_pieces) n_pieces = id + 1;
    free(pieces[id].text);
    pieces[id] = (piece){strdup(text), score};
}

static void clear_pieces(void)
{
    for (size_t i = 0; i < n_pieces; i++) {
        free(pieces[i].text);
        pieces[i].text = NULL;
    }
    n_pieces = 0;
}

/* "piece \t WORD_ID_n \t score" a line; false if it cannot be unpacked here. */
static bool read_xlmr(void)
{
    char command[1200], line[4096];
    size_t n = 0;
    snprintf(command, sizeof command,
             "unzip -p '%s/tokenizers/xlm-roberta-base/pos.dict.utf8.zip' 2>/dev/null",
             shared);
    FILE *f = popen(command, "r");
    put_piece(0, "<s>", 0);
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        char *id = strstr(line, "\tWORD_ID_");
        if (id == NULL) continue;
        *id = '\0';
        char *score = strchr(id + 1, '\t');
        put_piece((size_t)strtoul(id + 9, NULL, 10), line, strtod(score, NULL));
        n++;
    }
    if (f != NULL) pclose(f);
    return n == 250001;
}

/* The pieces of the cases, special ones included. */
static void collect(const family *f, enc_json_value *cases)
{
    enc_json_value *one;
    const char *key = NULL;
    bool ends_alone = strcmp(f->template, T5) == 0;
    for (size_t i = 0; (one = enc_json_member(cases, i, &key)) != NULL; i++) {
        enc_json_value *tokens = enc_json_get(one, "tokens"),
                       *ids = enc_json_get(one, "ids");
        size_t n = enc_json_count(tokens), n_ids = enc_json_count(ids),
               skip = !ends_alone;
        if (n_ids != n + 1 + skip) continue;
        for (size_t k = 0; k < n_ids; k++) {
            size_t id = (size_t)enc_json_int(enc_json_at(ids, k));
            bool is_end = k < skip || k + 1 == n_ids;
            const char *roberta = k == 0 ? "<s>" : "</s>",
                       *bert = k == 0 ? "[CLS]" : "[SEP]";
            const char *text = !is_end
                                   ? enc_json_text(enc_json_at(tokens, k - skip), NULL)
                               : strcmp(f->template, BERT) == 0 ? bert
                                                                : roberta;
            bool is_unknown =
                pieces[id].text != NULL && strcmp(pieces[id].text, text) != 0;
            double score = -log((double)(f->is_reversed ? 58000 - id : id) + 10);
            if (is_unknown) put_piece(id, f->unk, 0);
            else put_piece(id, text, score);
        }
    }
}

static bool is_special(const char *text)
{
    static const char *const all[] = {"<s>",    "</s>",  "<pad>", "<unk>",
                                      "<mask>", "[CLS]", "[SEP]", "[UNK]"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(text, all[i]) == 0) return true;
    return false;
}

static void write_tokens(const family *f, enc_wr *w)
{
    const char *separator = "";
    enc_wr_text(w, "{\"added_tokens\": [");
    for (size_t i = 0; i < n_pieces; i++) {
        if (pieces[i].text == NULL || !is_special(pieces[i].text)) continue;
        enc_wr_format(w, "%s{\"id\": %zu, \"content\": \"%s\", \"special\": true}",
                      separator, i, pieces[i].text);
        separator = ", ";
    }
    enc_wr_format(w,
                  "], \"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [" JOINER
                  ", %s{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"",
                  f->first_steps);
    enc_base64_write(model.charsmap, w);
    enc_wr_format(w,
                  "\"}%s]}, \"pre_tokenizer\": %s, \"post_processor\": {\"type\": "
                  "\"TemplateProcessing\", ",
                  f->last_steps, f->splitting);
    enc_wr_format(w, "%s, \"pair\": [%s, %s], \"special_tokens\": {", f->template,
                  ITEM("Sequence", "A"), ITEM("Sequence", "B"));
    separator = "";
    for (size_t i = 0; i < n_pieces; i++) {
        if (pieces[i].text == NULL || !is_special(pieces[i].text)) continue;
        enc_wr_format(w, "%s\"%s\": {\"ids\": [%zu]}", separator, pieces[i].text, i);
        separator = ", ";
    }
    enc_wr_text(w, "}}, ");
}

static void write_model(const family *f, enc_wr *w)
{
    size_t unk = n_pieces;
    for (size_t i = 0; i < n_pieces; i++)
        if (pieces[i].text != NULL && strcmp(pieces[i].text, f->unk) == 0) unk = i;
    enc_wr_format(w, "\"model\": {\"type\": \"Unigram\", \"unk_id\": %zu, \"vocab\": [",
                  unk);
    for (size_t i = 0; i < n_pieces || i == unk; i++) {
        enc_wr_text(w, i == 0 ? "\n[" : ",\n[");
        if (i == unk) enc_wr_json_text(w, f->unk, strlen(f->unk));
        else if (pieces[i].text == NULL) enc_wr_format(w, "\"<hole %zu>\"", i);
        else enc_wr_json_text(w, pieces[i].text, strlen(pieces[i].text));
        enc_wr_format(w, ", %.9g]", i < n_pieces ? pieces[i].score : 0.0);
    }
    enc_wr_text(w, "]}}");
}

static enc_tok *open_json(const char *name, const enc_wr *w)
{
    enc_tok_files files = {.tokenizer_json = {w->at, w->n}};
    enc_tok *t;
    enc_err e;
    enc_err_clear(&e);
    CHECK_SAY(enc_tok_open(&t, &files, &e) == ENC_OK, "%s: %s", name, e.text);
    return t;
}

static void check_family(const family *f, enc_json_value *cases)
{
    enc_json_value *one;
    const char *name = NULL;
    enc_wr w, written;
    clear_pieces();
    if (f->is_xlmr && !read_xlmr()) {
        n_skipped += (int)enc_json_count(cases);
        fprintf(stderr, "skipped: %s, its vocabulary cannot be unpacked\n", f->name);
        return;
    }
    if (!f->is_xlmr) collect(f, cases);
    enc_wr_init(&w);
    enc_wr_init(&written);
    write_tokens(f, &w);
    write_model(f, &w);
    enc_tok *t = open_json(f->name, &w);
    if (t != NULL) enc_tok_write_json(t, &written);
    enc_tok *other = t != NULL ? open_json("written again", &written) : NULL;
    for (size_t i = 0; t != NULL && (one = enc_json_member(cases, i, &name)) != NULL;
         i++) {
        check_case(t, f->name, name, one);
        if (other != NULL) check_case(other, f->name, name, one);
    }
    enc_tok_close(t);
    enc_tok_close(other);
    enc_wr_clear(&w);
    enc_wr_clear(&written);
}

int main(void)
{
    if (!reference_begins()) return 0;
    enc_map *file = map("tokenizers/reference_cases.json");
    enc_json *json;
    enc_err e;
    enc_err_clear(&e);
    model_map = map("tokenizers/kobert-spm/tokenizer_78b3253a26.model");
    CHECK(enc_spm_read(&model, enc_map_bytes(model_map), "KoBERT", &e) == ENC_OK);
    CHECK_SAY(open_cases(&json, enc_map_bytes(file), &e) == ENC_OK, "%s", e.text);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        enc_json_value *group = enc_json_get(enc_json_root(json), families[i].group);
        enc_json_value *cases =
            enc_json_get(enc_json_get(group, "models"), families[i].name);
        CHECK_SAY(cases != NULL, "no cases of %s", families[i].name);
        check_family(families + i, cases);
    }
    clear_pieces();
    enc_spm_clear(&model);
    enc_map_close(model_map);
    enc_json_close(json);
    enc_map_close(file);
    return reference_done();
}
