/* test_tok_files.c - tokenizers out of files and back into files: what is understood,
 * what is refused and by which name, and that damage is noticed. */
#include "opened.h"

#include "base/limits.h"
#include "base/map.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/wr.h"

static enc_map *vocab_map, *json_map;
static enc_bytes tiny_vocab, tiny_json;

/* Opens; the code must be `rc` and the sentence contain `says`. */
static enc_tok *open_files(enc_tok_files files, enc_rc rc, const char *says)
{
    enc_tok *t;
    enc_err e;
    enc_err_clear(&e);
    enc_rc is = enc_tok_open(&t, &files, &e);
    CHECK_SAY(is == rc && e.rc == rc && (t == NULL) == (rc != ENC_OK),
              "%d instead of %d: %s", (int)is, (int)rc, e.text);
    CHECK_SAY(strstr(e.text, says) != NULL, "\"%s\" does not say \"%s\"", e.text, says);
    return t;
}

static enc_tok *open_config(const char *config, enc_rc rc, const char *says)
{
    return open_files(
        (enc_tok_files){.vocab_txt = tiny_vocab, .tokenizer_config = bytes(config)}, rc,
        says);
}

/* tiny_tokenizer.json with its first `from` replaced. */
static enc_tok *open_edited(const char *from, const char *to, enc_rc rc, const char *says)
{
    char *text = malloc(tiny_json.n + strlen(to) + 1), *at;
    memcpy(text, tiny_json.at, tiny_json.n);
    text[tiny_json.n] = '\0';
    at = strstr(text, from);
    CHECK_SAY(at != NULL, "no %s in tiny_tokenizer.json", from);
    if (at != NULL) {
        memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
        memcpy(at, to, strlen(to));
    }
    enc_tok *t = open_files((enc_tok_files){.tokenizer_json = bytes(text)}, rc, says);
    free(text);
    return t;
}

static void a_vocabulary_alone_is_bert_uncased(void)
{
    enc_tok *t = open_config(NULL, ENC_OK, "");
    IDS(t, "The Caf\xc3\xa9 [MASK]", "2 5 15 4 3");
    CHECK(enc_tok_rules(t).strip_accents && enc_tok_max(t) == 0);
    enc_tok_close(t);
}

static void the_config_is_honoured(void)
{
    enc_tok *t =
        open_config("{\"do_lower_case\": false, \"model_max_length\": 512}", ENC_OK, "");
    IDS(t, "The the caf\xc3\xa9 cafe", "2 1 5 1 15 3");
    CHECK(enc_tok_max(t) == 512 && !enc_tok_rules(t).strip_accents);
    enc_tok_close(t);
    t = open_config("{\"do_lower_case\": true, \"strip_accents\": false,"
                    " \"tokenize_chinese_chars\": false}",
                    ENC_OK, "");
    IDS(t, "The caf\xc3\xa9 \xe4\xbd\xa0\xe5\xa5\xbd", "2 5 1 1 3");
    enc_tok_close(t);
    t = open_config("{\"do_lower_case\": false, \"strip_accents\": true}", ENC_OK, "");
    IDS(t, "The caf\xc3\xa9", "2 1 15 3");
    enc_tok_close(t);
    t = open_config("{\"model_max_length\": 1000000000000000019884624838656,"
                    " \"mask_token\": {\"content\": \"mask\"}, \"strip_accents\": null,"
                    " \"other\": 1000000000000000000019884624838656.5}",
                    ENC_OK, "");
    CHECK(enc_tok_max(t) == 0 && enc_tok_specials(t).mask == 34);
    enc_tok_close(t);
    t = open_config("{\"keep_hangul\": true}", ENC_OK, "");
    IDS(t, "\xec\x84\x9c\xec\x9a\xb8\xec\x9d\x98", "2 20 22 3");
    enc_tok_close(t);
    t = open_files(
        (enc_tok_files){.vocab_txt = tiny_vocab,
                        .special_tokens_map = bytes("{\"mask_token\": \"fox\"}")},
        ENC_OK, "");
    CHECK(enc_tok_specials(t).mask == 6);
    enc_tok_close(t);
}

static void what_a_config_asks_in_vain_is_named(void)
{
    open_config("{\"tokenizer_class\": \"BertJapaneseTokenizer\"}", ENC_UNSUPPORTED,
                "tokenizer_class BertJapaneseTokenizer");
    open_config("{\"do_basic_tokenize\": false}", ENC_UNSUPPORTED, "do_basic_tokenize");
    open_config("{\"never_split\": [\"a\"]}", ENC_UNSUPPORTED, "never_split");
    open_config("{\"do_lower_case\": \"yes\"}", ENC_CORRUPT, "do_lower_case");
    open_config("{\"max_input_chars_per_word\": 0}", ENC_RANGE, "is 0");
    open_config("{\"max_input_chars_per_word\": 65537}", ENC_RANGE, "is 65537");
    open_config("{\"do_basic_tokenize\": 1}", ENC_CORRUPT, "do_basic_tokenize");
    open_config("{\"wordpieces_prefix\": \"\"}", ENC_UNSUPPORTED, "wordpieces_prefix");
    open_config("{\"added_tokens_decoder\": {\"99\": {\"content\": \"new\"}}}",
                ENC_UNSUPPORTED, "99");
    open_config("[1]", ENC_CORRUPT, "tokenizer_config.json is not an object");
    open_config("", ENC_CORRUPT, "tokenizer_config.json is empty");
    open_config("{\"a\": }", ENC_CORRUPT, "tokenizer_config.json: line 1");
    open_files((enc_tok_files){.vocab_txt = none}, ENC_IO, "vocab.txt");
    refused((enc_tok_files){.vocab_txt = tiny_vocab, .special_tokens_map = bytes("[]")},
            ENC_CORRUPT, "special_tokens_map.json is not an object");
    refused((enc_tok_files){.tokenizer_json = tiny_json, .tokenizer_config = bytes("[]")},
            ENC_CORRUPT, "tokenizer_config.json is not an object");
    enc_tok_close(
        open_config("{\"tokenizer_class\": \"BertTokenizerFast\"}", ENC_OK, ""));
    enc_tok_close(
        open_config("{\"tokenizer_class\": \"DistilBertTokenizer\"}", ENC_OK, ""));
}

/* transformers give such a model no token_type_ids, which then are 0. */
static void segments_that_are_no_input_are_zero(void)
{
    static const struct {
        const char *config;
        unsigned last;
    } cases[] = {{"{}", 1},
                 {"{\"model_input_names\": null}", 1},
                 {"{\"model_input_names\": [\"input_ids\", \"token_type_ids\"]}", 1},
                 {"{\"model_input_names\": [\"input_ids\", \"attention_mask\"]}", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enc_tok *t = open_config(cases[i].config, ENC_OK, "");
        enc_tokens ts;
        enc_err e;
        enc_err_clear(&e);
        enc_tokens_init(&ts);
        CHECK(enc_tok_encode(t, bytes("the"), bytes("the"), 0, true, &ts, &e) == ENC_OK);
        CHECK(ts.n == 5 && ts.at[1].segment == 0);
        CHECK_SAY(ts.at[3].segment == cases[i].last && ts.at[4].segment == cases[i].last,
                  "%s", cases[i].config);
        enc_tokens_clear(&ts);
        enc_tok_close(t);
    }
}

/* MPNet joins a pair as RoBERTa does, with two separators and one segment. */
static void mpnet_is_known_by_its_class_or_its_tokens(void)
{
    static const char list[] = "<s>\n<pad>\n</s>\n[UNK]\n<mask>\na\ncls\n";
    static const struct {
        const char *config;
        size_t n; /* tokens of a pair: <s> a </s> </s> a </s>, or one less */
    } cases[] = {{"{}", 6},
                 {"{\"tokenizer_class\": \"MPNetTokenizer\"}", 6},
                 {"{\"cls_token\": \"cls\"}", 5},
                 {"{\"cls_token\": \"[UNK]\"}", 5}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enc_tok *t = opened((enc_tok_files){.vocab_txt = bytes(list),
                                            .tokenizer_config = bytes(cases[i].config)});
        enc_tokens ts;
        enc_err e;
        enc_err_clear(&e);
        enc_tokens_init(&ts);
        CHECK(enc_tok_encode(t, bytes("a"), bytes("a"), 0, true, &ts, &e) == ENC_OK);
        CHECK_SAY(ts.n == cases[i].n, "%s: %zu tokens", cases[i].config, ts.n);
        enc_tokens_clear(&ts);
        enc_tok_close(t);
    }
}

static void added_tokens_of_a_config_are_checked(void)
{
    enc_tok_files files = {.vocab_txt = tiny_vocab};
    files.tokenizer_config =
        bytes("{\"added_tokens_decoder\": {\"5\": {\"content\": \"the\", \"rstrip\": 1}, "
              "\"6\": {\"content\": \"fox\"}}}");
    refused(files, ENC_CORRUPT,
            "tokenizer_config.json: rstrip is neither true nor false");
    files.tokenizer_config = bytes("{\"added_tokens_decoder\": {\"5\": {}}}");
    refused(files, ENC_UNSUPPORTED,
            "tokenizer_config.json: added token 5 is not in vocab.txt");
    files.tokenizer_config =
        bytes("{\"added_tokens_decoder\": {\"6\": {\"content\": \"the\"}}}");
    refused(files, ENC_UNSUPPORTED,
            "tokenizer_config.json: added token 6 is not in vocab.txt");
    /* A normalizer that leaves letters alone leaves these alone. */
    files.vocab_txt = bytes("[UNK]\n[CLS]\n[SEP]\n\xc3\xa9\n\x7f\n");
    files.tokenizer_config =
        bytes("{\"do_lower_case\": false, \"added_tokens_decoder\": {\"3\": "
              "{\"content\": \"\xc3\xa9\", \"normalized\": true}}}");
    gives(files, "\xc3\xa9", "1 3 2");
    files.tokenizer_config =
        bytes("{\"do_lower_case\": false, \"strip_accents\": true, "
              "\"added_tokens_decoder\": {\"4\": {\"content\": \"\\u007f\", "
              "\"normalized\": true}}}");
    refused(files, ENC_UNSUPPORTED,
            "tokenizer_config.json: added token 4 is normalized and not ASCII");
}

static void a_tokenizer_json_says_everything(void)
{
    enc_tok *t = open_files(
        (enc_tok_files){.tokenizer_json = tiny_json,
                        .vocab_txt = bytes("nothing of this"),
                        .tokenizer_config = bytes("{\"model_max_length\": 77}")},
        ENC_OK, "");
    IDS(t, "The fox jumps the fox jumps",
        "2 5 6 7 8 5 6 7 8 3"); /* its truncation is 4 */
    CHECK(enc_tok_max(t) == 77 && enc_vocab_size(enc_tok_vocab(t)) == 15);
    enc_tok_close(t);
}

static void added_tokens_are_found_in_the_text(void)
{
    enc_tok *t = open_files((enc_tok_files){.tokenizer_json = tiny_json}, ENC_OK, "");
    IDS(t, "fox<tag>fox", "2 6 12 6 3");
    IDS(t, "<tag>xa<tag>", "2 13 10 12 3"); /* the longest */
    IDS(t, "<TAG>", "2 1 1 1 3");           /* as written */
    IDS(t, "SQLite sqlite,SQLITE", "2 14 14 1 14 3");
    IDS(t, "sqlites _sqlite \xc3\xa9sqlite", "2 1 1 1 1 3"); /* a word of its own */
    IDS(t, "the [MASK] jumps", "2 5 4 7 8 3");
    CHECK(!enc_tok_is_special(t, 12) && enc_tok_is_special(t, 4));
    enc_tok_close(t);
}

static void other_spellings_of_berts_steps_are_understood(void)
{
    static const char bert[] = "{\"type\": \"BertNormalizer\", \"clean_text\": true, "
                               "\"handle_chinese_chars\": true, \"strip_accents\": null, "
                               "\"lowercase\": true}";
    enc_tok *t =
        open_edited(bert,
                    "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFD\"}, "
                    "{\"type\": \"Lowercase\"}, {\"type\": \"StripAccents\"}]}",
                    ENC_OK, "");
    IDS(t, "The CAF\xc3\x89\xe0\xa4\x83", "2 5 9 3"); /* all marks, not only Mn */
    CHECK(!enc_tok_rules(t).clean_text && !enc_tok_rules(t).keep_hangul);
    enc_tok_close(t);
    t = open_edited(
        bert,
        "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"BertNormalizer\"}, "
        "{\"type\": \"NFC\"}]}",
        ENC_OK, "");
    CHECK(enc_tok_rules(t).keep_hangul && enc_tok_rules(t).clean_text);
    enc_tok_close(t);
    t = open_edited(bert, "null", ENC_OK, "");
    IDS(t, "The the caf\xc3\xa9", "2 1 5 1 3");
    enc_tok_close(t);
    t = open_edited("{\"type\": \"BertPreTokenizer\"}",
                    "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": "
                    "\"WhitespaceSplit\"}, {\"type\": \"Punctuation\", \"behavior\": "
                    "\"Isolated\"}]}",
                    ENC_OK, "");
    IDS(t, "the,fox", "2 5 1 6 3");
    enc_tok_close(t);
    t = open_edited("\"type\": \"TemplateProcessing\",",
                    "\"type\": \"BertProcessing\", \"sep\": [\"[SEP]\", 3], "
                    "\"cls\": [\"[CLS]\", 2],",
                    ENC_OK, "");
    IDS(t, "the", "2 5 3");
    enc_tok_close(t);
    t = open_edited("\"type\": \"WordPiece\",\n", "", ENC_OK, ""); /* older files */
    enc_tok_close(t);
}

static void what_a_tokenizer_json_asks_in_vain_is_named(void)
{
    static const char bert[] = "{\"type\": \"BertNormalizer\", \"clean_text\": true, "
                               "\"handle_chinese_chars\": true, \"strip_accents\": null, "
                               "\"lowercase\": true}";
    const enc_rc no = ENC_UNSUPPORTED, bad = ENC_CORRUPT;
    open_edited("\"type\": \"WordPiece\",\n", "\"type\": \"WordLevel\",", no,
                "model WordLevel");
    open_edited("BertPreTokenizer", "Whitespace", no, "pre_tokenizer Whitespace");
    open_edited("{\"type\": \"BertPreTokenizer\"}", "null", no, "pre_tokenizer");
    open_edited("BertNormalizer", "NFKC", no, "normalizer NFKC");
    open_edited("BertNormalizer", "NFC", no, "normalizer NFC");
    open_edited("BertNormalizer", "NFD", no, "NFD without StripAccents");
    open_edited("BertNormalizer", "StripAccents", no, "normalizer StripAccents");
    open_edited(bert,
                "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Replace\"}]}",
                no, "normalizer Replace");
    open_edited("TemplateProcessing", "RobertaProcessing", no, "ids of cls and sep");
    open_edited("TemplateProcessing", "PairProcessing", no, "PairProcessing");
    open_edited("{\"id\": \"A\", \"type_id\": 0}", "{\"id\": \"B\", \"type_id\": 0}", no,
                "single is not A");
    open_edited("{\"id\": \"B\", \"type_id\": 1}", "{\"id\": \"A\", \"type_id\": 1}", no,
                "pair is not A and then B");
    open_edited("\"ids\": [2]", "\"ids\": [200]", bad, "adds id 200");
    open_edited("\"content\": \"SQLite\"", "\"content\": \"\xc3\x89t\xc3\xa9\"", no,
                "added token 14");
    open_edited("\"unk_token\": \"[UNK]\"", "\"unk_token\": \"none\"", bad, "no [UNK]");
    open_edited("\"the\": 5", "\"the\": 6", bad, "two tokens have id 6");
    open_edited("\"the\": 5", "\"the\": -1", bad,
                "the id of \"the\" is -1, not 0 to 1048575");
    open_edited("\"the\": 5", "\"the\": 1048576", bad, "the id of");
    open_edited("\"the\": 5", "\"the\": 10000000000000000000000000", bad, "the id of");
    open_edited("\"the\": 5", "\"the\": \"5\"", bad, "the id of");
    open_edited("\"the\": 5", "\"\": 5", bad, "token 5 is empty");
    open_edited("\"the\": 5", "\"fox\": 5", bad, "same piece at ids 5 and 6");
    open_edited("\"id\": 12, \"content\": \"<tag>\"", "\"id\": 5, \"content\": \"<tag>\"",
                bad, "two tokens have id 5");
    open_edited("\"id\": 12, \"content\": \"<tag>\"", "\"id\": 12, \"content\": \"the\"",
                bad, "same piece at ids 5 and 12");
    open_edited("\"id\": 12, \"content\": \"<tag>\"", "\"id\": 12", bad,
                "has no content");
    open_edited("\"max_input_chars_per_word\": 100", "\"max_input_chars_per_word\": 1e9",
                ENC_RANGE, "max_input_chars_per_word");
    open_edited("\"vocab\": {", "\"vocab\": null, \"words\": {", bad, "model.vocab");
}

/* Nothing of them is looked at, so there need not be so much. */
static void files_beyond_all_size_are_not_read(void)
{
    open_files((enc_tok_files){.tokenizer_json = {tiny_json.at, ENC_TOKJSON_MAX + 1}},
               ENC_RANGE, "tokenizer.json has 67108865 bytes, at most 67108864");
    open_files((enc_tok_files){.vocab_txt = tiny_vocab,
                               .tokenizer_config = {tiny_json.at, ENC_JSON_MAX + 1}},
               ENC_RANGE, "tokenizer_config.json has 1048577 bytes, at most 1048576");
}

static void every_truncation_is_noticed(void)
{
    int bad = 0;
    size_t end = tiny_json.n;
    while (tiny_json.at[end - 1] != '}') end--;
    for (size_t n = 0; n < end; n++) {
        enc_tok *t;
        enc_err e;
        enc_tok_files files = {.tokenizer_json = {tiny_json.at, n}};
        enc_err_clear(&e);
        if (enc_tok_open(&t, &files, &e) != ENC_CORRUPT || t != NULL) bad++;
        enc_tok_close(t);
    }
    CHECK_SAY(bad == 0, "%d truncations went unnoticed", bad);
}

/* One byte changed at a time: opened or refused, never more than that. */
static void every_damage_is_survived(void)
{
    static const char with[] = {'"', '0', '}', '\0', '\x80'};
    uint8_t *text = malloc(tiny_json.n);
    size_t live = enc_mem_live();
    int bad = 0;
    memcpy(text, tiny_json.at, tiny_json.n);
    for (size_t i = 0; i < tiny_json.n; i++)
        for (size_t k = 0; k < sizeof with; k++) {
            enc_tok *t;
            enc_err e;
            enc_tok_files files = {.tokenizer_json = {text, tiny_json.n}};
            enc_err_clear(&e);
            text[i] = (uint8_t)with[k];
            enc_rc rc = enc_tok_open(&t, &files, &e);
            if ((rc == ENC_OK) != (t != NULL) || (rc != ENC_OK && e.text[0] == '\0'))
                bad++;
            if (t != NULL && ids_of(t, "The [MASK] <tag> sqlite")[0] == '\0') bad++;
            enc_tok_close(t);
            text[i] = tiny_json.at[i];
        }
    CHECK(bad == 0 && enc_mem_live() == live);
    free(text);
}

/* Written and opened again, once from tokenizer.json and once from the other two. */
static void check_round_trip(const enc_tok *t, bool by_config)
{
    static const char *const texts[] = {
        "The fox jumped, unaffable! [MASK] caf\xc3\xa9 \xc4\xb0stanbul",
        "\xec\x84\x9c\xec\x9a\xb8\xec\x9d\x98 \xeb\xb0\xa4 \xe4\xbd\xa0\xe5\xa5\xbd[SEP]",
        "\xe1\x84\x87\xe1\x85\xa1\xe1\x86\xb7 a\xff\xcc\x81 <tag>x SQLite sqlites",
        "the\013fox \xe0\xa4\x95\xe0\xa4\x83"};
    enc_wr vocab, config, json;
    enc_wr_init(&vocab);
    enc_wr_init(&config);
    enc_wr_init(&json);
    enc_tok_write_vocab(t, &vocab);
    enc_tok_write_config(t, &config);
    enc_tok_write_json(t, &json);
    CHECK(!vocab.failed && !config.failed && !json.failed);
    enc_tok_files files = {.tokenizer_config = {config.at, config.n}};
    if (by_config) files.vocab_txt = (enc_bytes){vocab.at, vocab.n};
    else files.tokenizer_json = (enc_bytes){json.at, json.n};
    enc_tok *back = open_files(files, ENC_OK, "");
    for (size_t i = 0; back != NULL && i < sizeof texts / sizeof *texts; i++)
        CHECK_SAY(strcmp(ids_of(t, texts[i]), ids_of(back, texts[i])) == 0,
                  "%s: %s and %s", texts[i], ids_of(t, texts[i]), ids_of(back, texts[i]));
    if (back != NULL) {
        enc_tok_special a = enc_tok_specials(t), b = enc_tok_specials(back);
        enc_norm_rules ra = enc_tok_rules(t), rb = enc_tok_rules(back);
        CHECK(memcmp(&a, &b, sizeof a) == 0 && enc_tok_max(t) == enc_tok_max(back));
        CHECK(ra.clean_text == rb.clean_text && ra.chinese_chars == rb.chinese_chars);
        CHECK(ra.lower_case == rb.lower_case && ra.strip_accents == rb.strip_accents);
        CHECK(!ra.strip_accents || ra.keep_hangul == rb.keep_hangul);
        CHECK(!ra.strip_accents || ra.strip_marks == rb.strip_marks);
    }
    enc_tok_close(back);
    enc_wr_clear(&vocab);
    enc_wr_clear(&config);
    enc_wr_clear(&json);
}

static void what_is_written_opens_again(void)
{
    for (unsigned k = 0; k < 64; k++) {
        enc_norm_rules rules = {k & 1, k & 2, k & 4, k & 8, k & 16, k & 32};
        enc_vocab *vocab;
        enc_tok *t;
        enc_err e;
        enc_err_clear(&e);
        CHECK(enc_vocab_read(&vocab, tiny_vocab, "tiny_vocab.txt", &e) == ENC_OK);
        CHECK(enc_tok_new(&t, vocab, rules, &e) == ENC_OK);
        check_round_trip(t, true);
        check_round_trip(t, false);
        enc_tok_close(t);
    }
    enc_tok *t = open_files((enc_tok_files){.tokenizer_json = tiny_json}, ENC_OK, "");
    check_round_trip(t, true);
    check_round_trip(t, false);
    enc_tok_close(t);
}

int main(void)
{
    enc_err e;
    enc_err_clear(&e);
    if (enc_map_open(&vocab_map, "tests/data/tiny_vocab.txt", 1 << 20, &e) != ENC_OK ||
        enc_map_open(&json_map, "tests/data/tiny_tokenizer.json", 1 << 20, &e) !=
            ENC_OK) {
        CHECK_SAY(false, "%s", e.text);
        return check_done("tok_files");
    }
    tiny_vocab = enc_map_bytes(vocab_map);
    tiny_json = enc_map_bytes(json_map);
    a_vocabulary_alone_is_bert_uncased();
    the_config_is_honoured();
    what_a_config_asks_in_vain_is_named();
    segments_that_are_no_input_are_zero();
    mpnet_is_known_by_its_class_or_its_tokens();
    added_tokens_of_a_config_are_checked();
    a_tokenizer_json_says_everything();
    added_tokens_are_found_in_the_text();
    other_spellings_of_berts_steps_are_understood();
    what_a_tokenizer_json_asks_in_vain_is_named();
    files_beyond_all_size_are_not_read();
    every_truncation_is_noticed();
    every_damage_is_survived();
    what_is_written_opens_again();
    may_lack_memory((enc_tok_files){.tokenizer_json = tiny_json});
    may_lack_memory((enc_tok_files){.vocab_txt = tiny_vocab,
                                    .tokenizer_config = bytes("{\"a\": 1}")});
    enc_map_close(vocab_map);
    enc_map_close(json_map);
    CHECK(enc_mem_live() == 0);
    return check_done("tok_files");
}
