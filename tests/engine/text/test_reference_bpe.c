/* test_reference_bpe.c - the ids that Hugging Face's tests expect of GPT-2's and
 * RoBERTa's byte-level BPE, from vocab.json and merges.txt, and the same from a
 * tokenizer.json. */
#include "reference.h"

#include "base/wr.h"

typedef struct family {
    const char *group, *name; /* in the file of cases */
    const char *folder;       /* of vocab.json and merges.txt */
    const char *config;
    const char *ggml; /* llama.cpp's cases for that vocabulary */
} family;

static const family families[] = {
    {"gpt2", "Xenova/gpt2", "gpt2", "{\"tokenizer_class\": \"GPT2Tokenizer\"}", "gpt-2"},
    {"roberta", "Xenova/all-distilroberta-v1", "roberta-base",
     "{\"tokenizer_class\": \"RobertaTokenizer\"}", "roberta-bpe"},
};

static enc_map *map_of(const char *folder, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tokenizers/%s/%s", folder, name);
    return map(path);
}

/* Opens what `t` writes; it must be the same tokenizer. */
static enc_tok *again(const enc_tok *t)
{
    enc_tok *back;
    enc_err e;
    enc_wr w;
    enc_err_clear(&e);
    enc_wr_init(&w);
    enc_tok_write_json(t, &w);
    enc_tok_files files = {.tokenizer_json = {w.at, w.n}};
    CHECK_SAY(enc_tok_open(&back, &files, &e) == ENC_OK, "%s", e.text);
    enc_wr_clear(&w);
    return back;
}

/* Byte-level pieces of a text are the text. */
static void decodes(const enc_tok *t, const char *name, enc_bytes text)
{
    enc_tokens ts;
    enc_err e;
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    CHECK(enc_tok_encode(t, text, (enc_bytes){NULL, 0}, 0, true, &ts, &e) == ENC_OK);
    int32_t *ids = malloc((ts.n + 1) * sizeof *ids);
    for (size_t i = 0; i < ts.n; i++) ids[i] = ts.at[i].id;
    char *back = enc_tok_decode(t, ids, ts.n, true);
    CHECK_SAY(back != NULL && memcmp(back, text.at, text.n) == 0, "%s: decoded", name);
    enc_mem_free(back);
    free(ids);
    enc_tokens_clear(&ts);
}

static void check_family(const family *f, enc_json_value *cases)
{
    static char room[1 << 16];
    enc_map *vocab = map_of(f->folder, "vocab.json");
    enc_map *merges = map_of(f->folder, "merges.txt");
    enc_tok_files files = {
        .vocab_json = enc_map_bytes(vocab),
        .merges_txt = enc_map_bytes(merges),
        .tokenizer_config = {(const uint8_t *)f->config, strlen(f->config)}};
    enc_tok *t;
    enc_err e;
    enc_json_value *one;
    const char *name = NULL;
    enc_err_clear(&e);
    CHECK_SAY(enc_tok_open(&t, &files, &e) == ENC_OK, "%s: %s", f->name, e.text);
    CHECK(cases != NULL && t != NULL);
    if (t == NULL) return;
    enc_tok *other = again(t);
    for (size_t i = 0; (one = enc_json_member(cases, i, &name)) != NULL; i++) {
        check_case(t, f->name, name, one);
        check_case(other, f->name, name, one);
        decodes(t, name, text_of(enc_json_get(one, "text"), room, sizeof room));
    }
    check_ggml_cases(t, f->ggml);
    enc_tok_close(t);
    enc_tok_close(other);
    enc_map_close(vocab);
    enc_map_close(merges);
}

int main(void)
{
    if (!reference_begins()) return 0;
    enc_map *file = map("tokenizers/reference_cases.json");
    enc_json *json;
    enc_err e;
    enc_err_clear(&e);
    CHECK_SAY(open_cases(&json, enc_map_bytes(file), &e) == ENC_OK, "%s", e.text);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        enc_json_value *group = enc_json_get(enc_json_root(json), families[i].group);
        check_family(families + i,
                     enc_json_get(enc_json_get(group, "models"), families[i].name));
    }
    enc_json_close(json);
    enc_map_close(file);
    return reference_done();
}
