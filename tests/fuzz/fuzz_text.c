/* fuzz_text.c - any text through tokenizers of every kind: the first byte picks one of
 * those in tests/data/tokenizers. */
#include "tok_try.h"

#include "base/map.h"

#define N_TOKENIZERS (sizeof paths / sizeof *paths)

static const char *const paths[] = {
    "tests/data/tokenizers/wordpiece.json", "tests/data/tokenizers/bpe.json",
    "tests/data/tokenizers/unigram.json",   "tests/data/tokenizers/bpe_words.json",
    "tests/data/tokenizers/steps.json",     "tests/data/tokenizers/whole.json",
};

/* Opened at the first input and never closed: they belong to the process. */
static enc_tok *tokenizers[N_TOKENIZERS];
static size_t n_live;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    for (size_t i = 0; i < N_TOKENIZERS; i++) {
        enc_tok_files files = {.vocab_txt = {NULL, 0}};
        enc_map *map;
        enc_err e;
        enc_err_clear(&e);
        enc_rc rc = enc_map_open(&map, paths[i], ENC_TOKJSON_MAX, &e);
        if (rc == ENC_OK) {
            files.tokenizer_json = enc_map_bytes(map);
            rc = enc_tok_open(&tokenizers[i], &files, &e);
        }
        if (rc != ENC_OK) fprintf(stderr, "%s: %s\n", paths[i], e.text);
        FUZZ_CLAIM(rc == ENC_OK);
        enc_map_close(map);
    }
    n_live = enc_mem_live();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0) return 0;
    try_text(tokenizers[data[0] % N_TOKENIZERS], (enc_bytes){data + 1, n - 1});
    FUZZ_CLAIM(enc_mem_live() == n_live);
    return 0;
}
