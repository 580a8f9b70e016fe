/* test_tok_read_merges.c - vocab.json and merges.txt, as RoBERTa and GPT-2 have them. */
#include "opened.h"

#include "base/limits.h"

#define PIECES                                                                           \
    "{\"<s>\": 0, \"<pad>\": 1, \"</s>\": 2, \"<unk>\": 3, \"a\": 4, \"b\": 5, \"ab\": " \
    "6, \"\xc4\xa0\": 7, \"\xc4\xa0\x61\": 8, \"<mask>\": 9, \"!\": 10}"
#define MERGES "#version: 0.2\na b\r\n\n\xc4\xa0 a"

static enc_tok_files files_of(const char *vocab, const char *merges, const char *config)
{
    return (enc_tok_files){.vocab_json = bytes(vocab),
                           .merges_txt = bytes(merges),
                           .tokenizer_config = bytes(config)};
}

static enc_tok_files class_of(const char *class)
{
    static char config[128];
    snprintf(config, sizeof config, "{\"tokenizer_class\": \"%s\"}", class);
    return files_of(PIECES, MERGES, config);
}

static void both_files_make_a_tokenizer(void)
{
    gives(files_of(PIECES, MERGES, NULL), "ab a", "0 6 8 2");
    gives(files_of(PIECES, MERGES, "{\"add_prefix_space\": true}"), "ab a", "0 7 6 8 2");
    gives(files_of(PIECES, MERGES, NULL), "a <mask>", "0 4 9 2");
    gives(files_of(PIECES, "", NULL), "ab", "0 4 5 2");
    gives(class_of("RobertaTokenizerFast"), "ab", "0 6 2");
    gives(class_of("GPT2Tokenizer"), "ab", "6");
    gives(files_of("{\"a\": 0, \"b\": 1}", "", NULL), "ab", "0 1");
    gives(files_of("{\"<s>\": 0, \"b\": 1}", "", NULL), "b", "1");
    gives(files_of("{\"a\": 0, \"<|endoftext|>\": 1}", "", NULL), "a<|endoftext|>",
          "0 1");
    may_lack_memory(
        files_of(PIECES, MERGES, "{\"add_prefix_space\": true, \"bos_token\": \"!\"}"));
}

static void ends_may_have_any_name(void)
{
    enc_tok_files files = files_of(PIECES, MERGES, "{\"bos_token\": \"!\"}");
    enc_tok *t = opened(files);
    CHECK(t != NULL && enc_tok_is_special(t, 10));
    enc_tok_close(t);
    files.tokenizer_config = bytes("{}");
    files.special_tokens_map = bytes("{\"eos_token\": {\"content\": \"!\"}}");
    t = opened(files);
    CHECK(t != NULL && enc_tok_is_special(t, 10));
    enc_tok_close(t);
}

/* An escape that the plain form does not have. */
static void the_parser_reads_what_is_not_plain(void)
{
    gives(
        files_of("{\"<s>\": 0, \"</s>\": 1, \"a\": 2, \"\\ud83d\\ude00\": 3}", "", NULL),
        "a", "0 2 1");
    may_lack_memory(files_of("{\"a\": 2, \"\\ud83d\\ude00\": 3}", "", NULL));
    refused(files_of("{\"a\": 0, \"b\": 0}", "", NULL), ENC_CORRUPT,
            "vocab.json: two tokens have id 0");
    refused(files_of("{\"a\": 0, \"b\": 1048576}", "", NULL), ENC_CORRUPT,
            "vocab.json: the id of \"b\" is 1048576, not 0 to 1048575");
    refused(files_of("{\"a\": -1}", "", NULL), ENC_CORRUPT,
            "vocab.json: the id of \"a\" is -1, not 0 to 1048575");
    refused(files_of("{\"a\": \"0\"}", "", NULL), ENC_CORRUPT,
            "vocab.json: the id of \"a\" is no whole number");
    refused(files_of("{\"\": 0}", "", NULL), ENC_CORRUPT, "vocab.json: token 0 is empty");
    refused(files_of("{}", "", NULL), ENC_CORRUPT, "vocab.json has no pieces");
    refused(files_of("[]", "", NULL), ENC_CORRUPT, "vocab.json is not an object");
    refused(files_of("", "", NULL), ENC_CORRUPT, "vocab.json is empty");
    refused(files_of("{\"a\": 0} {}", "", NULL), ENC_CORRUPT,
            "vocab.json: line 1 col 10: unexpected '{' (expected nothing more)");
}

static void what_is_wrong_is_named(void)
{
    enc_tok_files large = files_of(PIECES, "", NULL);
    large.vocab_json.n = ENC_TOKJSON_MAX + 1;
    refused(large, ENC_RANGE,
            "vocab.json has 67108865 bytes, at most 67108864 are allowed");
    refused(files_of(PIECES, "a b\nab", NULL), ENC_CORRUPT,
            "merges.txt: line 2 is not two pieces");
    refused(files_of(PIECES, "a !", NULL), ENC_CORRUPT,
            "merges.txt: merge 0 is of pieces that are not in the vocabulary");
    refused(class_of("BloomTokenizer"), ENC_UNSUPPORTED,
            "tokenizer_config.json: tokenizer_class BloomTokenizer is not supported");
    refused(files_of("{\"a\": 0}", "", "{\"tokenizer_class\": \"RobertaTokenizer\"}"),
            ENC_CORRUPT, "vocab.json has no <s>");
    refused(files_of("{\"<s>\": 0}", "", "{\"tokenizer_class\": \"RobertaTokenizer\"}"),
            ENC_CORRUPT, "vocab.json has no </s>");
    refused(files_of(PIECES, MERGES, "{\"add_prefix_space\": 1}"), ENC_CORRUPT,
            "tokenizer_config.json: add_prefix_space is neither true nor false");
    refused(files_of(PIECES, MERGES, "{\"added_tokens_decoder\": {\"9\": 7}}"),
            ENC_UNSUPPORTED, "tokenizer_config.json: added token 9 is not in vocab.json");
    refused((enc_tok_files){.vocab_json = bytes(PIECES)}, ENC_IO,
            "neither tokenizer.json nor a SentencePiece model nor vocab.json with "
            "merges.txt nor vocab.txt is there");
}

int main(void)
{
    both_files_make_a_tokenizer();
    ends_may_have_any_name();
    the_parser_reads_what_is_not_plain();
    what_is_wrong_is_named();
    CHECK(enc_mem_live() == 0);
    return check_done("tok_read_merges");
}
