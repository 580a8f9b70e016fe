/* test_tok_read_steps.c - normalizers and pre_tokenizers of a tokenizer.json: what each
 * does to a text, and what is refused by which name. */
#include "opened.h"

#include "base/limits.h"

#define BERT     "{\"type\": \"BertPreTokenizer\"}"
#define MARKED   "{\"type\": \"Metaspace\"}"
#define WHOLE    "null"
#define SEQUENCE "{\"type\": \"Sequence\", \"pretokenizers\": [%s]}"
#define WHITE    "{\"type\": \"WhitespaceSplit\"}"

#define MARK "\xe2\x96\x81" /* of a space */

/* A piece for every letter that a step may make; ids: <unk> 0, the mark 1, a 2, b 3, A 4,
 * e 5, the letter e-acute 6, two spaces 7, one space 8, a comma 9. */
static const char model[] =
    "{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"<unk>\", 0], "
    "[\"" MARK "\", -3], [\"a\", -1], [\"b\", -2], [\"A\", -2], [\"e\", -2], "
    "[\"\xc3\xa9\", -2], [\"  \", -1], [\" \", -3], [\",\", -3]]}";

/* The same as WordPiece, for what stands before BERT's splitting. */
static const char wordpiece[] =
    "{\"type\": \"WordPiece\", \"vocab\": {\"[UNK]\": 0, \"[CLS]\": 1, \"[SEP]\": 2, "
    "\"a\": 3, \"A\": 4, \"e\": 5, \"\xc3\xa9\": 6, \",\": 7}}";

static enc_tok_files before(const char *pre_tokenizer, const char *normalizer)
{
    bool is_bert = strcmp(pre_tokenizer, BERT) == 0;
    return json_of((tokjson){.model = is_bert ? wordpiece : model,
                             .pre_tokenizer = pre_tokenizer,
                             .normalizer = normalizer});
}

static void every_step_does_what_it_says(void)
{
    gives(before(WHOLE, "{\"type\": \"Lowercase\"}"), "Ab", "2 3");
    gives(before(WHOLE, "{\"type\": \"NFC\"}"), "e\xcc\x81", "6");
    gives(before(WHOLE, "{\"type\": \"StripAccents\"}"), "e\xcc\x81", "5");
    gives(before(WHOLE, "{\"type\": \"Strip\", \"strip_right\": false}"), " a ", "2 8");
    gives(before(WHOLE, "{\"type\": \"Prepend\", \"prepend\": \"b\"}"), "a", "3 2");
    gives(before(WHOLE, "{\"type\": \"Replace\", \"pattern\": {\"String\": \"b\"}, "
                        "\"content\": \"aa\"}"),
          "ab", "2 2 2");
    gives(before(WHOLE, "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \" {2,}\"}, "
                        "\"content\": \"a\"}"),
          "b  b b", "3 2 3 8 3");
    gives(before(WHOLE, "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \"\\\\s+\"}, "
                        "\"content\": \"a\"}"),
          "b  b b", "3 2 3 2 3");
    gives(before(WHOLE, "{\"type\": \"BertNormalizer\"}"), "A\xc3\xa9", "2 5");
    gives(before(WHOLE, "{\"type\": \"BertNormalizer\", \"lowercase\": false}"),
          "A\xc3\xa9", "4 6");
    gives(before(WHOLE, "{\"type\": \"Sequence\"}"), "a", "2");
    gives(before(WHOLE, "null"), "a", "2");
    gives(before(WHOLE, NULL), "a", "2");
}

/* As transformers' BertTokenizerFast does, which has the last word. */
static void the_config_of_a_bert_sets_its_normalizer_anew(void)
{
#define CLASS(name) "{\"tokenizer_class\": \"" name "\""
    static const struct {
        const char *normalizer, *config, *ids;
    } cases[] = {
        {"\"lowercase\": true", CLASS("BertTokenizer") "}", "1 3 5 2"},
        {"\"lowercase\": true", CLASS("BertTokenizer") ", \"do_lower_case\": false}",
         "1 4 6 2"},
        {"\"lowercase\": true", "{\"do_lower_case\": false}", "1 4 6 2"},
        {"\"lowercase\": false, \"strip_accents\": null",
         CLASS("ElectraTokenizerFast") ", \"do_lower_case\": true}", "1 3 5 2"},
        {"\"lowercase\": false, \"strip_accents\": false",
         CLASS("BertTokenizer") ", \"do_lower_case\": true}", "1 3 6 2"},
        {"\"lowercase\": true, \"strip_accents\": false",
         CLASS("BertTokenizer") ", \"strip_accents\": null}", "1 3 5 2"},
        {"\"lowercase\": true", CLASS("BertTokenizer") ", \"strip_accents\": false}",
         "1 3 6 2"},
        {"\"lowercase\": true",
         CLASS("PreTrainedTokenizerFast") ", \"do_lower_case\": false}", "1 3 5 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char normalizer[128];
        snprintf(normalizer, sizeof normalizer, "{\"type\": \"BertNormalizer\", %s}",
                 cases[i].normalizer);
        enc_tok_files files = json_of((tokjson){
            .model = wordpiece,
            .pre_tokenizer = BERT,
            .normalizer = normalizer,
            .post_processor = "{\"type\": \"BertProcessing\", \"sep\": [\"[SEP]\", 2], "
                              "\"cls\": [\"[CLS]\", 1]}"});
        files.tokenizer_config = bytes(cases[i].config);
        gives(files, "A \xc3\xa9", cases[i].ids);
    }
}

static void steps_that_are_wrong_are_named(void)
{
    char long_text[ENC_PIECE_MAX + 64];
    static const char no_text[] =
        "tokenizer.json: normalizer: %s is no text of at most 512 bytes";
    char says[128];
    snprintf(says, sizeof says, no_text, "content of Replace");
    refused(before(WHOLE, "{\"type\": \"Replace\", \"pattern\": {\"String\": \"b\"}}"),
            ENC_UNSUPPORTED, says);
    snprintf(says, sizeof says, no_text, "pattern of Replace");
    refused(before(WHOLE, "{\"type\": \"Replace\", \"content\": \"\"}"), ENC_UNSUPPORTED,
            says);
    snprintf(long_text, sizeof long_text, "{\"type\": \"Prepend\", \"prepend\": \"%*s\"}",
             ENC_PIECE_MAX + 1, "x");
    snprintf(says, sizeof says, no_text, "prepend");
    refused(before(WHOLE, long_text), ENC_UNSUPPORTED, says);
    refused(before(WHOLE, "{\"type\": \"Replace\", \"pattern\": {\"String\": \"\"}, "
                          "\"content\": \"\"}"),
            ENC_CORRUPT, "tokenizer.json: normalizer Replace has an empty pattern");
    refused(before(WHOLE, "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \"[ab]\"}, "
                          "\"content\": \"\"}"),
            ENC_UNSUPPORTED,
            "tokenizer.json: normalizer Replace of Regex [ab] is not supported");
    refused(before(WHOLE, "{\"type\": \"Nmt\"}"), ENC_UNSUPPORTED,
            "tokenizer.json: normalizer Nmt is not supported");
    refused(before(WHOLE, "{\"type\": \"Strip\", \"strip_left\": 1}"), ENC_CORRUPT,
            "tokenizer.json: strip_left is neither true nor false");
    refused(before(WHOLE, "{\"type\": \"BertNormalizer\", \"clean_text\": 1}"),
            ENC_CORRUPT, "tokenizer.json: clean_text is neither true nor false");
    refused(before(WHOLE, "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": "
                          "\"Nmt\"}, {\"type\": \"NFC\"}]}"),
            ENC_UNSUPPORTED, "tokenizer.json: normalizer Nmt is not supported");
}

static void precompiled_maps_are_decoded(void)
{
    /* A trie of one unit, which has no keys, and no texts. */
    gives(before(WHOLE, "{\"type\": \"Precompiled\", \"precompiled_charsmap\": "
                        "\"BAAAAAAAAAA=\"}"),
          "a", "2");
    may_lack_memory(before(WHOLE, "{\"type\": \"Precompiled\", \"precompiled_charsmap\": "
                                  "\"BAAAAAAAAAA=\"}"));
    refused(before(WHOLE, "{\"type\": \"Precompiled\"}"), ENC_UNSUPPORTED,
            "tokenizer.json: normalizer Precompiled has no precompiled_charsmap");
    refused(before(WHOLE, "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"?\"}"),
            ENC_CORRUPT, "tokenizer.json: precompiled_charsmap is not in base64");
    refused(before(WHOLE, "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"\"}"),
            ENC_CORRUPT,
            "tokenizer.json: the character map says its trie has 0 bytes, of 0");
    refused(before(WHOLE, "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": "
                          "\"Precompiled\", \"precompiled_charsmap\": \"BAAAAAAAAAA=\"}, "
                          "{\"type\": \"Precompiled\", \"precompiled_charsmap\": "
                          "\"BAAAAAAAAAA=\"}]}"),
            ENC_UNSUPPORTED, "tokenizer.json: normalizer Precompiled comes twice");
}

static void steps_are_limited(void)
{
    static char text[ENC_STEPS_MAX * 20 + 64];
    for (size_t n = ENC_STEPS_MAX - 1; n <= ENC_STEPS_MAX; n++) {
        size_t at = (size_t)snprintf(text, sizeof text,
                                     "{\"type\": \"Sequence\", \"normalizers\": [");
        for (size_t i = 0; i < n; i++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s{\"type\": \"NFC\"}",
                                   i == 0 ? "" : ",");
        snprintf(text + at, sizeof text - at, "]}");
        if (n < ENC_STEPS_MAX) gives(before(MARKED, text), "a", "1 2");
        else
            refused(before(MARKED, text), ENC_RANGE,
                    "tokenizer.json has more than 128 steps");
    }
}

static void rules_before_berts_splitting_are_few(void)
{
    static const char *const wrong[][2] = {
        {"{\"type\": \"BertNormalizer\", \"handle_chinese_chars\": 1}",
         "tokenizer.json: handle_chinese_chars is neither true nor false"},
        {"{\"type\": \"BertNormalizer\", \"strip_accents\": 1}",
         "tokenizer.json: strip_accents is neither true nor false"}};
    static const char sequence[] = "{\"type\": \"Sequence\", \"normalizers\": [%s]}";
    static const char *const refuses[][2] = {
        {"{\"type\": \"Lowercase\"}, {\"type\": \"BertNormalizer\"}, {\"type\": "
         "\"Lowercase\"}",
         "BertNormalizer"},
        {"{\"type\": \"BertNormalizer\"}, {\"type\": \"NFC\"}, {\"type\": \"Lowercase\"}",
         "Lowercase"},
        {"{\"type\": \"BertNormalizer\"}, {\"type\": \"NFC\"}, {\"type\": \"NFD\"}",
         "NFD"},
        {"{\"type\": \"BertNormalizer\"}, {\"type\": \"NFC\"}, "
         "{\"type\": \"StripAccents\"}",
         "StripAccents"}};
    char text[256], says[128];
    for (size_t i = 0; i < 2; i++)
        refused(before(BERT, wrong[i][0]), ENC_CORRUPT, wrong[i][1]);
    for (size_t i = 0; i < 4; i++) {
        snprintf(text, sizeof text, sequence, refuses[i][0]);
        snprintf(says, sizeof says, "tokenizer.json: normalizer %s is not supported",
                 refuses[i][1]);
        refused(before(BERT, text), ENC_UNSUPPORTED, says);
    }
    snprintf(text, sizeof text, sequence,
             "{\"type\": \"BertNormalizer\"}, {\"type\": \"StripAccents\"}");
    gives(before(BERT, text), "\xc3\xa9 A", "5 3");
    gives(before(BERT, "{\"type\": \"BertNormalizer\", \"strip_accents\": false}"),
          "\xc3\xa9 A", "6 3");
}

static void texts_are_split_in_four_ways(void)
{
    char text[256];
    gives(before("{\"type\": \"Metaspace\", \"prepend_scheme\": \"never\"}", NULL), "a a",
          "2 1 2");
    gives(before("{\"type\": \"Metaspace\", \"prepend_scheme\": \"first\"}", NULL), "a a",
          "1 2 1 2");
    gives(before("{\"type\": \"Metaspace\", \"add_prefix_space\": false, \"split\": "
                 "false}",
                 NULL),
          "a a", "2 1 2");
    gives(before("{\"type\": \"Metaspace\", \"replacement\": \"" MARK "\"}", NULL), "a",
          "1 2");
    gives(before("{\"type\": \"Whitespace\"}", NULL), "a, a", "2 9 2");
    snprintf(text, sizeof text, SEQUENCE, WHITE ", " MARKED);
    gives(before(text, NULL), "a  a", "1 2 1 2");
    may_lack_memory(before(text, NULL));
    snprintf(text, sizeof text, SEQUENCE,
             WHITE ", {\"type\": \"Metaspace\", \"split\": false}");
    gives(before(text, NULL), "a  a", "1 2 1 2");
    snprintf(text, sizeof text, SEQUENCE, MARKED);
    gives(before(text, NULL), "a", "1 2");
    snprintf(text, sizeof text, SEQUENCE, WHITE ", {\"type\": \"Punctuation\"}");
    gives(before(text, NULL), "a,a", "2 9 2");
}

static void splitting_that_is_wrong_is_named(void)
{
    static const char *const sequences[] = {"", MARKED ", " MARKED,
                                            WHITE ", " WHITE ", " MARKED,
                                            WHITE ", {\"type\": \"Digits\"}",
                                            WHITE ", {\"type\": \"Punctuation\", "
                                                  "\"behavior\": \"Removed\"}"};
    static const char scheme[] = "tokenizer.json: pre_tokenizer Metaspace with this "
                                 "prepend_scheme is not supported";
    char text[256];
    for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
        snprintf(text, sizeof text, SEQUENCE, sequences[i]);
        refused(before(text, NULL), ENC_UNSUPPORTED,
                "tokenizer.json: pre_tokenizer Sequence is not WhitespaceSplit and then "
                "Punctuation or Metaspace");
    }
    refused(before("{\"type\": \"Metaspace\", \"prepend_scheme\": \"last\"}", NULL),
            ENC_UNSUPPORTED, scheme);
    snprintf(text, sizeof text, SEQUENCE,
             WHITE ", {\"type\": \"Metaspace\", \"prepend_scheme\": \"never\"}");
    refused(before(text, NULL), ENC_UNSUPPORTED, scheme);
    refused(before("{\"type\": \"Metaspace\", \"replacement\": \"_\"}", NULL),
            ENC_UNSUPPORTED,
            "tokenizer.json: pre_tokenizer Metaspace with _ is not supported");
    refused(before("{\"type\": \"Metaspace\", \"split\": 1}", NULL), ENC_CORRUPT,
            "tokenizer.json: split is neither true nor false");
    refused(before("{\"type\": \"ByteLevel\", \"use_regex\": 1}", NULL), ENC_CORRUPT,
            "tokenizer.json: use_regex is neither true nor false");
    refused(before("{\"type\": \"ByteLevel\", \"use_regex\": false}", NULL),
            ENC_UNSUPPORTED,
            "tokenizer.json: pre_tokenizer ByteLevel with use_regex = false is not "
            "supported");
    refused(before("{\"type\": \"ByteLevel\"}", NULL), ENC_UNSUPPORTED,
            "tokenizer.json: Unigram with pre_tokenizer ByteLevel is not supported");
    refused(before("{\"type\": \"Digits\"}", NULL), ENC_UNSUPPORTED,
            "tokenizer.json: pre_tokenizer Digits is not supported");
}

int main(void)
{
    every_step_does_what_it_says();
    the_config_of_a_bert_sets_its_normalizer_anew();
    steps_that_are_wrong_are_named();
    precompiled_maps_are_decoded();
    steps_are_limited();
    rules_before_berts_splitting_are_few();
    texts_are_split_in_four_ways();
    splitting_that_is_wrong_is_named();
    may_lack_memory(before(WHOLE, "{\"type\": \"Replace\", \"pattern\": {\"String\": "
                                  "\"b\"}, \"content\": \"aa\"}"));
    CHECK(enc_mem_live() == 0);
    return check_done("tok_read_steps");
}
