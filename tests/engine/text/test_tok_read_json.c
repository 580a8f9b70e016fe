/* test_tok_read_json.c - the model and the tokens of a tokenizer.json, in its plain form
 * and in the one that the parser reads. */
#include "opened.h"

#include "base/mem.h"
#include "base/wr.h"

#define UNIGRAM                                                                          \
    "{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"<unk>\", 0], "                \
    "[\"\xe2\x96\x81\", -3], [\"a\", -1], [\"b\", -2.5]]}"
#define METASPACE "{\"type\": \"Metaspace\"}"
#define BYTES     "{\"type\": \"ByteLevel\", \"add_prefix_space\": false}"

/* A Unigram and a BPE model; \u0061 is "a", and what the plain form does not have. */
static enc_tok_files unigram(const char *model)
{
    return json_of((tokjson){.model = model, .pre_tokenizer = METASPACE});
}

static enc_tok_files bpe(const char *more)
{
    static char model[4096];
    snprintf(model, sizeof model, "{\"type\": \"BPE\", %s}", more);
    return json_of((tokjson){.model = model, .pre_tokenizer = BYTES});
}

#define PIECES "\"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2, \"c\": 3, \"<unk>\": 4}"

static void unigrams_have_scores(void)
{
    gives(unigram(UNIGRAM), "ab", "1 2 3");
    gives(unigram("{\"type\": \"Unigram\", \"unk_id\": 0, \"voc\\u0061b\": "
                  "[[\"<unk>\", 0], [\"a\", -1]]}"),
          "a", "0 1");
    refused(unigram("{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": {\"a\": 0}}"),
            ENC_CORRUPT, "tokenizer.json: model.vocab is not an array");
    refused(unigram("{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"\", 0]]}"),
            ENC_CORRUPT, "tokenizer.json: piece 0 is not a text and a score");
    refused(unigram("{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[0, 0]]}"),
            ENC_CORRUPT, "tokenizer.json: piece 0 is not a text and a score");
    refused(unigram("{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": "
                    "[[\"a\", 1], [\"b\", \"2\"]]}"),
            ENC_CORRUPT, "tokenizer.json: piece 1 is not a text and a score");
    refused(unigram("{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": []}"), ENC_CORRUPT,
            "tokenizer.json has no pieces");
    may_lack_memory(unigram(UNIGRAM));
}

/* No score is more than a double holds. */
static void an_endless_score_is_refused(void)
{
    enc_tok_files files = unigram("{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": "
                                  "[[\"a\", 1e999]]}");
    enc_tok *t;
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_tok_open(&t, &files, &e) == ENC_CORRUPT && t == NULL);
}

static void the_unknown_piece_is_one(void)
{
    static const char *const ids[] = {"2", "-1", "1.0", "null", "\"0\""};
    static const int said[] = {2, -1, -1, -1, -1};
    for (size_t i = 0; i < 5; i++) {
        char model[128], says[96];
        snprintf(model, sizeof model,
                 "{\"type\": \"Unigram\", \"unk_id\": %s, \"vocab\": [[\"a\", 0], "
                 "[\"b\", 0]]}",
                 ids[i]);
        snprintf(says, sizeof says,
                 "tokenizer.json: model has unk_id %d, which is no piece", said[i]);
        refused(unigram(model), ENC_UNSUPPORTED, says);
    }
}

static void added_tokens_may_lie_behind_the_vocabulary(void)
{
    tokjson parts = {.model = UNIGRAM, .pre_tokenizer = METASPACE};
    parts.added_tokens = "[{\"id\": 20, \"content\": \"<t>\"}]";
    gives(json_of(parts), "a<t>b", "1 2 20 1 3");
    may_lack_memory(json_of(parts));
    parts.added_tokens = "[{\"id\": 20}]";
    refused(json_of(parts), ENC_CORRUPT, "tokenizer.json: added token 0 has no content");
    parts.added_tokens = "[{\"id\": -20, \"content\": \"<t>\"}]";
    refused(json_of(parts), ENC_CORRUPT,
            "tokenizer.json: the id of \"<t>\" is -20, not 0 to 1048575");
    parts.added_tokens = "[{\"id\": 20, \"content\": \"<t>\", \"special\": 1}]";
    refused(json_of(parts), ENC_CORRUPT,
            "tokenizer.json: special is neither true nor false");
}

static void merges_are_two_pieces(void)
{
    gives(bpe(PIECES ", \"merges\": [\"a b\"]"), "abc", "2 3");
    gives(bpe(PIECES ", \"merges\": [[\"a\", \"b\"]]"), "abc", "2 3");
    gives(bpe(PIECES ", \"merges\": []"), "abc", "0 1 3");
}

/* Where a part is not of the plain form, the parser reads all of them. */
static void merges_of_the_parser_are_the_same(void)
{
    static const char slow[] = "\"voc\\u0061b\": {\"a\": 0, \"b\": 1, \"ab\": 2}, ";
    static const struct {
        const char *merges, *says;
    } wrong[] = {{"{}", "tokenizer.json: model.merges is not an array"},
                 {"[\"a b\", \"ab\"]", "tokenizer.json: merge 1 is not two pieces"},
                 {"[[\"a\"]]", "tokenizer.json: merge 0 is not two pieces"},
                 {"[[\"\", \"a\"]]", "tokenizer.json: merge 0 is not two pieces"},
                 {"[1]", "tokenizer.json: merge 0 is not two pieces"},
                 {"[\"a c\"]",
                  "tokenizer.json: merge 0 is of pieces that are not in the vocabulary"}};
    char more[256];
    snprintf(more, sizeof more, "%s\"m\\u0065rges\": [\"a b\", [\"b\", \"\\u0061\"]]",
             slow);
    refused(bpe(more), ENC_CORRUPT,
            "tokenizer.json: merge 1 is of pieces that are not in the vocabulary");
    snprintf(more, sizeof more, "%s\"m\\u0065rges\": [\"a b\", [\"a\", \"\\u0062\"]]",
             slow);
    gives(bpe(more), "ab", "2");
    may_lack_memory(bpe(more));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(more, sizeof more, "%s\"m\\u0065rges\": %s", slow, wrong[i].merges);
        refused(bpe(more), ENC_CORRUPT, wrong[i].says);
    }
    refused(bpe("\"vocab\": [[\"a\", 0]], \"merges\": []"), ENC_CORRUPT,
            "tokenizer.json: model.vocab is not an object");
}

/* Runs of unknown characters are, all of their bytes or none; also after saving. */
static void unknown_characters_may_be_spelt(void)
{
    static const char spelt[] =
        "{\"type\": \"Unigram\", \"unk_id\": 0, \"byte_fallback\": true, \"vocab\": "
        "[[\"<unk>\", 0], [\"\xe2\x96\x81\", -3], [\"a\", -1], [\"<0xC3>\", -9], "
        "[\"<0xA9>\", -9]]}";
    static const char text[] = "a\xc3\xa9\xc3\xa9\x61";
    enc_tok *t = opened(unigram(spelt));
    for (int turn = 0; turn < 2; turn++) {
        enc_tokens ts;
        enc_wr saved;
        enc_err e;
        enc_err_clear(&e);
        enc_tokens_init(&ts);
        IDS(t, text, "1 2 3 4 3 4 2");
        IDS(t, "a\xc3\xb6", "1 2 0");
        IDS(t, "a\xc3\xa9\xc3\xb6", "1 2 0");
        CHECK(enc_tok_encode(t, bytes(text), none, 0, true, &ts, &e) == ENC_OK);
        CHECK(ts.n == 7 && ts.at[4].start == 3 && ts.at[4].end == 5 &&
              ts.at[5].start == 3 && ts.at[5].end == 5 && ts.at[6].start == 5);
        enc_tokens_clear(&ts);
        char *decoded = enc_tok_decode(t, (const int32_t[]){1, 2, 3, 4, 2}, 5, true);
        CHECK_SAY(decoded != NULL && strcmp(decoded, "a\xc3\xa9\x61") == 0, "%s",
                  decoded);
        enc_mem_free(decoded);
        enc_wr_init(&saved);
        enc_tok_write_json(t, &saved);
        enc_tok_close(t);
        t = opened((enc_tok_files){.tokenizer_json = {saved.at, saved.n}});
        enc_wr_clear(&saved);
    }
    enc_tok_close(t);
}

static void options_that_change_pieces_are_refused(void)
{
    static const char *const options[] = {"byte_fallback", "ignore_merges"};
    char more[256], says[128];
    for (size_t i = 0; i < 2; i++) {
        snprintf(more, sizeof more, PIECES ", \"merges\": [], \"%s\": true", options[i]);
        snprintf(says, sizeof says, "tokenizer.json: model with %s is not supported",
                 options[i]);
        refused(bpe(more), ENC_UNSUPPORTED, says);
        snprintf(more, sizeof more, PIECES ", \"merges\": [], \"%s\": 1", options[i]);
        snprintf(says, sizeof says, "tokenizer.json: %s is neither true nor false",
                 options[i]);
        refused(bpe(more), ENC_CORRUPT, says);
    }
    refused(bpe(PIECES ", \"merges\": [], \"dropout\": 0.1"), ENC_UNSUPPORTED,
            "tokenizer.json: model with dropout is not supported");
    refused(bpe(PIECES ", \"merges\": [], \"continuing_subword_prefix\": \"##\""),
            ENC_UNSUPPORTED,
            "tokenizer.json: model with continuing_subword_prefix is not supported");
    refused(bpe(PIECES ", \"merges\": [], \"end_of_word_suffix\": \"</w>\""),
            ENC_UNSUPPORTED,
            "tokenizer.json: model with this end_of_word_suffix is not supported");
    refused(bpe(PIECES ", \"merges\": [], \"end_of_word_suffix\": \"12345678901234567\""),
            ENC_UNSUPPORTED,
            "tokenizer.json: model with this end_of_word_suffix is not supported");
    refused(bpe(PIECES ", \"merges\": [], \"fuse_unk\": 0"), ENC_CORRUPT,
            "tokenizer.json: fuse_unk is neither true nor false");
    gives(bpe(PIECES ", \"merges\": [\"a b\"], \"dropout\": null, "
                     "\"end_of_word_suffix\": \"\", \"byte_fallback\": false"),
          "ab", "2");
}

static void words_may_end_in_a_suffix(void)
{
    tokjson parts = {.model = "{\"type\": \"BPE\", \"end_of_word_suffix\": \"</w>\", "
                              "\"unk_token\": \"?\", \"vocab\": {\"a\": 0, \"b</w>\": 1, "
                              "\"ab</w>\": 2, \"?\": 3}, \"merges\": [\"a b</w>\"]}",
                     .pre_tokenizer = "{\"type\": \"Whitespace\"}"};
    gives(json_of(parts), "ab aab c", "2 0 2 3");
    may_lack_memory(json_of(parts));
}

static void prefixes_of_wordpiece_are_checked(void)
{
    static const char model[] =
        "{\"type\": \"WordPiece\", \"continuing_subword_prefix\": %s, \"vocab\": "
        "{\"[UNK]\": 0, \"[CLS]\": 1, \"[SEP]\": 2, \"a\": 3, \"@b\": 4}}";
    static const char says[] =
        "tokenizer.json: continuing_subword_prefix is not a text of "
        "1 to 16 bytes";
    char text[256];
    tokjson parts = {.model = text, .pre_tokenizer = "{\"type\": \"BertPreTokenizer\"}"};
    snprintf(text, sizeof text, model, "\"@\"");
    gives(json_of(parts), "ab", "3 4");
    snprintf(text, sizeof text, model, "7");
    refused(json_of(parts), ENC_UNSUPPORTED, says);
    snprintf(text, sizeof text, model, "\"12345678901234567\"");
    refused(json_of(parts), ENC_UNSUPPORTED, says);
    parts.model = "{\"type\": \"WordPiece\", \"vocab\": [[\"a\", 0]]}";
    refused(json_of(parts), ENC_CORRUPT, "tokenizer.json: model.vocab is not an object");
}

/* Files older than tokenizers 0.9. */
static void models_without_a_type_are_known_by_what_they_have(void)
{
    tokjson parts = {.model = "{\"vocab\": {\"a\": 0, \"b\": 1}, \"merges\": []}",
                     .pre_tokenizer = BYTES};
    gives(json_of(parts), "ab", "0 1");
    parts.pre_tokenizer = METASPACE;
    parts.model = "{\"unk_id\": 0, \"vocab\": [[\"?\", 0], [\"a\", -1]]}";
    gives(json_of(parts), "a", "0 1");
    parts.model = "{\"unk_id\": 0, \"vocab\": []}";
    refused(json_of(parts), ENC_CORRUPT, "tokenizer.json has no pieces");
    parts.model = "{\"vocab\": {\"a\": 0}}";
    refused(json_of(parts), ENC_UNSUPPORTED,
            "tokenizer.json: model without a type is not supported");
}

int main(void)
{
    unigrams_have_scores();
    an_endless_score_is_refused();
    the_unknown_piece_is_one();
    added_tokens_may_lie_behind_the_vocabulary();
    merges_are_two_pieces();
    merges_of_the_parser_are_the_same();
    unknown_characters_may_be_spelt();
    options_that_change_pieces_are_refused();
    words_may_end_in_a_suffix();
    prefixes_of_wordpiece_are_checked();
    models_without_a_type_are_known_by_what_they_have();
    CHECK(enc_mem_live() == 0);
    return check_done("tok_read_json");
}
