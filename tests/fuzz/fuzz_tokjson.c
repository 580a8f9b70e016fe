/* fuzz_tokjson.c - a text and the files of a tokenizer: tokenizer.json,
 * tokenizer_config.json and special_tokens_map.json. */
#include "tok_try.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    enc_bytes rest = {data, n}, text = fuzz_part(&rest);
    enc_tok_files files = {.vocab_txt = {NULL, 0}};

    files.tokenizer_json = fuzz_part(&rest);
    files.tokenizer_config = fuzz_part(&rest);
    files.special_tokens_map = fuzz_part(&rest);
    try_files(&files, text);
    return 0;
}
