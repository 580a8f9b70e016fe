/* fuzz_spm.c - a text, a tokenizer_config.json and a SentencePiece model. */
#include "tok_try.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    enc_bytes rest = {data, n}, text = fuzz_part(&rest);
    enc_tok_files files = {.tokenizer_config = fuzz_part(&rest)};

    files.sentencepiece = rest;
    try_files(&files, text);
    return 0;
}
