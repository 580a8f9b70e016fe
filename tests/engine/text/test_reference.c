/* test_reference.c - the ids that Hugging Face's and llama.cpp's tests expect, for every
 * tokenizer of BERT's family in tokenizers/reference_cases.json and for bert-bge.
 *
 * Where the vocabulary of a tokenizer is at hand, all of it is used. Where it is not, one
 * is made from the pieces and ids of the tokenizer's own cases: whatever longest match
 * finds in the whole vocabulary it also finds in that part of it, so the ids must agree
 * just as well. Needs the shared data: $ENCODER_SHARED or ../shared/data. */
#include "reference.h"

#define PIECES_MAX 1000000

typedef struct family {
    const char *name;   /* after "Xenova/" */
    const char *vocab;  /* folder of its vocab.txt, or NULL */
    const char *config; /* tokenizer_config.json */
    const char *reason; /* why its cases cannot pass, or NULL */
} family;

#define UNCASED "{\"do_lower_case\": true}"
#define CASED   "{\"do_lower_case\": false}"
#define MPNET                                                                            \
    "{\"do_lower_case\": true, \"cls_token\": \"<s>\", \"sep_token\": \"</s>\","         \
    " \"mask_token\": \"<mask>\", \"pad_token\": \"<pad>\"}"

static const family families[] = {
    {"bert-base-uncased", "bert-base-uncased", UNCASED, NULL},
    {"bert-base-cased", "bert-base-cased", CASED, NULL},
    {"bert-base-multilingual-cased-ner-hrl", "bert-base-multilingual-cased", CASED, NULL},
    {"paraphrase-multilingual-MiniLM-L12-v2", NULL, NULL,
     "is in test_reference_unigram.c"},
    {"bert-base-multilingual-uncased-sentiment", NULL, UNCASED, NULL},
    {"multilingual-e5-small", NULL, NULL, "is in test_reference_unigram.c"},
    {"bge-small-zh-v1.5", "bert-base-chinese", CASED, NULL},
    {"bge-base-zh-v1.5", "bert-base-chinese", UNCASED, NULL},
    {"indobert-base-p1", NULL, UNCASED, NULL},
    {"spanbert-large-cased", "bert-base-cased", UNCASED, NULL},
    {"UMLSBert_ENG", NULL, UNCASED, NULL},
    {"SapBERT-from-PubMedBERT-fulltext", NULL, UNCASED, NULL},
    {"rubert-base-cased", NULL, CASED, NULL},
    {"kobert", NULL, CASED, NULL},
    {"scibert_scivocab_uncased", NULL, UNCASED, NULL},
    {"LaBSE", NULL, CASED, NULL},
    {"herbert-large-cased", NULL, NULL, "has merges that are not at hand"},
    {"distilbert-base-cased-distilled-squad", "bert-base-cased", CASED, NULL},
    {"distilbert-base-uncased-finetuned-sst-2-english", "bert-base-uncased", UNCASED,
     NULL},
    {"distiluse-base-multilingual-cased-v2", "bert-base-multilingual-cased", CASED, NULL},
    {"all-mpnet-base-v2", NULL, MPNET, NULL},
};

static enc_json_value *cases_of(enc_json_value *root, const char *name)
{
    static const char *const classes[] = {"bert", "distilbert", "mpnet"};
    char key[128];
    snprintf(key, sizeof key, "Xenova/%s", name);
    for (size_t i = 0; i < 3; i++) {
        enc_json_value *models = enc_json_get(enc_json_get(root, classes[i]), "models");
        if (enc_json_get(models, key) != NULL) return enc_json_get(models, key);
    }
    return NULL;
}

static bool is(enc_bytes piece, const char *text)
{
    return piece.n == strlen(text) && memcmp(piece.at, text, piece.n) == 0;
}

/* Adds the tokens of one case and their ids; [CLS] and [SEP] are not among the tokens. */
static void collect(enc_json_value *one, bool is_mpnet, enc_bytes *pieces)
{
    enc_json_value *tokens = enc_json_get(one, "tokens"), *ids = enc_json_get(one, "ids");
    size_t n = enc_json_count(tokens), n_ids = enc_json_count(ids);
    const char *ends[] = {is_mpnet ? "<s>" : "[CLS]", is_mpnet ? "</s>" : "[SEP]"};
    if (n_ids != n + 2) return;
    for (size_t i = 0; i < n_ids; i++) {
        size_t n_text = strlen(ends[i > 0]);
        const char *text = i == 0 || i == n + 1
                               ? ends[i > 0]
                               : enc_json_text(enc_json_at(tokens, i - 1), &n_text);
        pieces[enc_json_int(enc_json_at(ids, i))] =
            (enc_bytes){(const uint8_t *)text, n_text};
    }
}

/* The vocabulary of one tokenizer's cases, as the text of a vocab.txt. */
static enc_bytes vocab_of(enc_json_value *cases, bool is_mpnet)
{
    static enc_bytes pieces[PIECES_MAX];
    const char *key = NULL;
    size_t n = 0, n_bytes = 0, n_unk = 0;
    enc_json_value *one;
    memset(pieces, 0, sizeof pieces);
    for (size_t i = 0; (one = enc_json_member(cases, i, &key)) != NULL; i++)
        collect(one, is_mpnet, pieces);
    for (size_t i = 0; i < PIECES_MAX; i++) {
        if (pieces[i].n > 0) n = i + 1;
        n_unk += is(pieces[i], "[UNK]");
    }
    if (n_unk == 0) pieces[n++] = (enc_bytes){(const uint8_t *)"[UNK]", 5};
    for (size_t i = 0; i < n; i++) n_bytes += pieces[i].n + 1;
    char *text = malloc(n_bytes), *to = text;
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].n > 0) memcpy(to, pieces[i].at, pieces[i].n);
        to += pieces[i].n;
        *to++ = '\n';
    }
    return (enc_bytes){(const uint8_t *)text, n_bytes};
}

static void check_family(const family *f, enc_json_value *cases)
{
    enc_map *file = NULL;
    enc_tok *t;
    enc_err e;
    char path[128];
    enc_bytes own = {NULL, 0};
    enc_tok_files files = {
        .tokenizer_config = {(const uint8_t *)f->config, strlen(f->config)}};
    if (f->vocab != NULL) {
        snprintf(path, sizeof path, "tokenizers/%s/vocab.txt", f->vocab);
        file = map(path);
        files.vocab_txt = enc_map_bytes(file);
    } else {
        own = vocab_of(cases, strcmp(f->config, MPNET) == 0);
        files.vocab_txt = own;
    }
    enc_err_clear(&e);
    enc_rc rc = enc_tok_open(&t, &files, &e);
    CHECK_SAY(rc == ENC_OK, "%s: %s", f->name, e.text);
    enc_json_value *one;
    const char *name = NULL;
    for (size_t i = 0; t != NULL && (one = enc_json_member(cases, i, &name)) != NULL; i++)
        check_case(t, f->name, name, one);
    enc_tok_close(t);
    enc_map_close(file);
    free((void *)(uintptr_t)own.at);
}

static void every_case_of_the_family_passes(void)
{
    enc_map *file = map("tokenizers/reference_cases.json");
    enc_json *json;
    enc_err e;
    size_t n_models = 0, n_known = sizeof families / sizeof *families;
    enc_err_clear(&e);
    enc_rc rc = open_cases(&json, enc_map_bytes(file), &e);
    CHECK_SAY(rc == ENC_OK, "%s", e.text);
    if (rc != ENC_OK) exit(reference_done());
    enc_json_value *root = enc_json_root(json);
    n_models = enc_json_count(enc_json_get(enc_json_get(root, "bert"), "models")) +
               enc_json_count(enc_json_get(enc_json_get(root, "distilbert"), "models")) +
               enc_json_count(enc_json_get(enc_json_get(root, "mpnet"), "models"));
    CHECK_SAY(n_models == n_known, "%zu models there, %zu known", n_models, n_known);
    for (size_t i = 0; i < n_known; i++) {
        enc_json_value *cases = cases_of(root, families[i].name);
        CHECK_SAY(cases != NULL, "no cases of %s", families[i].name);
        if (families[i].reason == NULL) {
            check_family(families + i, cases);
        } else {
            n_skipped += (int)enc_json_count(cases);
            fprintf(stderr, "skipped: %zu cases of %s, which %s\n", enc_json_count(cases),
                    families[i].name, families[i].reason);
        }
    }
    enc_json_close(json);
    enc_map_close(file);
}

/* Whether every piece of vocab.txt stands in the GGUF file, each in the place of its id:
 * llama.cpp writes "##x" as "x" and "x" as U+2581 and x, one length-prefixed text after
 * the other. */
static bool is_vocabulary_of(const enc_vocab *v, enc_bytes gguf)
{
    static const char key[] = "tokenizer.ggml.tokens";
    const uint8_t *at = memmem(gguf.at, gguf.n, key, sizeof key - 1);
    if (at == NULL) return false;
    enc_rd r =
        enc_rd_of(at + sizeof key - 1, gguf.n - (size_t)(at - gguf.at) - sizeof key + 1);
    if (enc_rd_u32(&r) != 9 || enc_rd_u32(&r) != 8) return false; /* an array of texts */
    if (enc_rd_u64(&r) != enc_vocab_size(v)) return false;
    for (int32_t id = 0; (size_t)id < enc_vocab_size(v); id++) {
        enc_bytes piece = enc_vocab_piece(v, id);
        size_t n = (size_t)enc_rd_u64(&r), skip = 0;
        const uint8_t *text = enc_rd_span(&r, n, 1);
        if (text == NULL) return false;
        if (n > 3 && memcmp(text, "\xe2\x96\x81", 3) == 0) text += 3, n -= 3;
        else if (piece.n > 2 && memcmp(piece.at, "##", 2) == 0) skip = 2;
        if (n != piece.n - skip || memcmp(text, piece.at + skip, n) != 0) return false;
    }
    return true;
}

static void every_case_of_bert_bge_passes(void)
{
    enc_map *gguf = map("tokenizers/gguf/ggml-vocab-bert-bge.gguf");
    enc_map *file = map("tokenizers/bert-base-uncased/vocab.txt");
    enc_tok_files files = {.vocab_txt = enc_map_bytes(file)};
    enc_tok *t;
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_tok_open(&t, &files, &e) == ENC_OK);
    CHECK(is_vocabulary_of(enc_tok_vocab(t), enc_map_bytes(gguf)));
    check_ggml_cases(t, "bert-bge");
    enc_tok_close(t);
    enc_map_close(gguf);
    enc_map_close(file);
}

/* The tokenizer.json and the vocab.txt of a real checkpoint give the same ids. */
static void minilm_opens_both_ways(void)
{
    enc_map *json = map("tokenizers/all-MiniLM-L6-v2/tokenizer.json");
    enc_map *vocab = map("tokenizers/all-MiniLM-L6-v2/vocab.txt");
    enc_map *config = map("tokenizers/all-MiniLM-L6-v2/tokenizer_config.json");
    enc_map *special = map("tokenizers/all-MiniLM-L6-v2/special_tokens_map.json");
    enc_tok_files files = {.vocab_txt = enc_map_bytes(vocab),
                           .tokenizer_config = enc_map_bytes(config),
                           .special_tokens_map = enc_map_bytes(special)};
    static const char text[] =
        "What is Deep Learning? \xc3\x89t\xc3\xa9 [MASK] \xed\x95\x9c\xea\xb8\x80";
    enc_bytes all = {(const uint8_t *)text, sizeof text - 1};
    enc_tok *a, *b;
    enc_tokens x, y;
    enc_err e;
    enc_err_clear(&e);
    enc_tokens_init(&x);
    enc_tokens_init(&y);
    CHECK_SAY(enc_tok_open(&a, &files, &e) == ENC_OK, "%s", e.text);
    files.tokenizer_json = enc_map_bytes(json);
    CHECK_SAY(enc_tok_open(&b, &files, &e) == ENC_OK, "%s", e.text);
    CHECK(enc_tok_encode(a, all, all, 0, true, &x, &e) == ENC_OK);
    CHECK(enc_tok_encode(b, all, all, 0, true, &y, &e) == ENC_OK);
    CHECK(x.n == y.n && x.n > 20);
    for (size_t i = 0; i < x.n && i < y.n; i++)
        CHECK(x.at[i].id == y.at[i].id && x.at[i].start == y.at[i].start);
    CHECK(enc_tok_max(a) == 256 && enc_tok_specials(b).mask == 103);
    enc_tokens_clear(&x);
    enc_tokens_clear(&y);
    enc_tok_close(a);
    enc_tok_close(b);
    enc_map_close(json);
    enc_map_close(vocab);
    enc_map_close(config);
    enc_map_close(special);
}

int main(void)
{
    if (!reference_begins()) return 0;
    every_case_of_the_family_passes();
    every_case_of_bert_bge_passes();
    minilm_opens_both_ways();
    return reference_done();
}
