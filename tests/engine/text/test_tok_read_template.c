/* test_tok_read_template.c - the post_processor of a tokenizer.json: what stands around a
 * text, and what is refused. */
#include "opened.h"

#define A "{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}"
#define B "{\"Sequence\": {\"id\": \"B\", \"type_id\": 1}}"

/* ids: <s> 0, </s> 1, <x> 2, a 3; 4 is none, <y> is 5. */
static enc_tok_files around(const char *post_processor)
{
    return json_of((tokjson){
        .model = "{\"type\": \"BPE\", \"vocab\": {\"<s>\": 0, \"</s>\": 1, \"<x>\": 2, "
                 "\"a\": 3, \"<y>\": 5}, \"merges\": []}",
        .pre_tokenizer = "{\"type\": \"ByteLevel\", \"add_prefix_space\": false}",
        .post_processor = post_processor});
}

/* TemplateProcessing of these items, whose special token <x> is these ids. */
static const char *template_of(const char *single, const char *pair, const char *ids)
{
    static char text[4096];
    snprintf(text, sizeof text,
             "{\"type\": \"TemplateProcessing\", \"single\": [%s], \"pair\": [%s], "
             "\"special_tokens\": {\"<x>\": {\"ids\": %s}}}",
             single, pair, ids);
    return text;
}

#define X    "{\"SpecialToken\": {\"id\": \"<x>\", \"type_id\": 0}}"
#define ENDS "\"sep\": [\"</s>\", 1], \"cls\": [\"<s>\", 0]"

static void processors_add_tokens(void)
{
    gives(around("null"), "a", "3");
    gives(around(NULL), "a", "3");
    gives(around("{\"type\": \"ByteLevel\"}"), "a", "3");
    gives(around("{\"type\": \"BertProcessing\", " ENDS "}"), "a", "0 3 1");
    gives(around("{\"type\": \"RobertaProcessing\", " ENDS "}"), "a", "0 3 1");
    gives(around(template_of(X "," A "," X, A "," B, "[2, 5]")), "a", "2 5 3 2 5");
    gives(around("{\"type\": \"Sequence\", \"processors\": [{\"type\": \"ByteLevel\"}, "
                 "{\"type\": \"RobertaProcessing\", " ENDS "}]}"),
          "a", "0 3 1");
}

static void processors_that_are_wrong_are_named(void)
{
    static const char ends[] =
        "tokenizer.json: post_processor does not say the ids of cls and sep";
    refused(around("{\"type\": \"BertProcessing\", \"cls\": [\"<s>\", 0]}"),
            ENC_UNSUPPORTED, ends);
    refused(around("{\"type\": \"BertProcessing\", \"sep\": [\"<s>\", 0]}"),
            ENC_UNSUPPORTED, ends);
    refused(around("{\"type\": \"BertProcessing\", \"sep\": [\"x\", 1048576], \"cls\": "
                   "[\"x\", -1]}"),
            ENC_UNSUPPORTED, ends);
    refused(around("{\"type\": \"BertProcessing\", \"cls\": [\"<s>\", 4], "
                   "\"sep\": [\"</s>\", 1]}"),
            ENC_CORRUPT, "tokenizer.json: post_processor adds id 4, which is no piece");
    refused(around(template_of(A, A "," B "," X, "[4]")), ENC_CORRUPT,
            "tokenizer.json: post_processor adds id 4, which is no piece");
    refused(around("{\"type\": \"Sequence\", \"processors\": ["
                   "{\"type\": \"BertProcessing\", " ENDS "}, "
                   "{\"type\": \"RobertaProcessing\", " ENDS "}]}"),
            ENC_UNSUPPORTED,
            "tokenizer.json: post_processor Sequence adds special tokens more than once");
    refused(around("{\"type\": \"Sequence\", \"processors\": [{\"type\": \"Other\"}, "
                   "{\"type\": \"ByteLevel\"}]}"),
            ENC_UNSUPPORTED, "tokenizer.json: post_processor Other is not supported");
}

static void items_that_are_wrong_are_named(void)
{
    static const char *const wrong[] = {
        "{\"Sequence\": {\"id\": \"A\", \"type_id\": -1}}",
        "{\"Sequence\": {\"id\": \"A\", \"type_id\": 16}}",
        "{\"Sequence\": {\"id\": 1, \"type_id\": 0}}",
        "{\"Sequence\": {\"id\": \"C\", \"type_id\": 0}}",
        "{\"SpecialToken\": {\"id\": \"<none>\", \"type_id\": 0}}",
        "7",
        A "," A};
    static const char says[] =
        "tokenizer.json: post_processor: single is not A with at most 15 special tokens";
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refused(around(template_of(wrong[i], A "," B, "[2]")), ENC_UNSUPPORTED, says);
    refused(around(template_of(A "," X, A "," B, "[true]")), ENC_UNSUPPORTED, says);
    refused(around(template_of(X "," X "," A, A "," B, "[2,2,2,2,2,2,2,2]")),
            ENC_UNSUPPORTED, says);
    refused(around(template_of(A "," X "," X, A "," B, "[2,2,2,2,2,2,2,2]")),
            ENC_UNSUPPORTED, says);
    refused(around("{\"type\": \"TemplateProcessing\"}"), ENC_UNSUPPORTED, says);
    refused(around(template_of(A, A, "[2]")), ENC_UNSUPPORTED,
            "tokenizer.json: post_processor: pair is not A and then B with at most 14 "
            "special tokens");
}

int main(void)
{
    processors_add_tokens();
    processors_that_are_wrong_are_named();
    items_that_are_wrong_are_named();
    CHECK(enc_mem_live() == 0);
    return check_done("tok_read_template");
}
