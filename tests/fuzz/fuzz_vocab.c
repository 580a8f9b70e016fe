/* fuzz_vocab.c - a text and the files of a tokenizer that has no tokenizer.json:
 * vocab.txt, tokenizer_config.json, special_tokens_map.json, vocab.json, merges.txt, and a
 * SentencePiece model, which may be absent. */
#include "tok_try.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    enc_bytes rest = {data, n}, text = fuzz_part(&rest);
    enc_tok_files files = {.vocab_txt = fuzz_part(&rest)};

    files.tokenizer_config = fuzz_part(&rest);
    files.special_tokens_map = fuzz_part(&rest);
    files.vocab_json = fuzz_part(&rest);
    files.merges_txt = fuzz_part(&rest);
    if (rest.n > 0) files.sentencepiece = rest;
    try_files(&files, text);
    return 0;
}
