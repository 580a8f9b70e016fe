/* test_tok_read_spm.c - SentencePiece models of every family: their ids, their steps,
 * and what is refused. */
#include "opened.h"

#include <math.h>

#include "base/limits.h"
#include "spm_file.h"
#include "text/spm.h"

enum { NORMAL = ENC_SPM_NORMAL, UNKNOWN, CONTROL, USER };

typedef struct piece {
    const char *text;
    float score;
    uint64_t type;
} piece;

/* As SentencePiece writes them, as for ALBERT, and as for KoBERT. */
static const piece plain[] = {{"<unk>", 0, UNKNOWN},
                              {"<s>", 0, CONTROL},
                              {"</s>", 0, CONTROL},
                              {"\xe2\x96\x81", -3, NORMAL},
                              {"\xe2\x96\x81"
                               "a",
                               -1, NORMAL},
                              {"b", -2, NORMAL},
                              {"A", -2, NORMAL},
                              {"\xc3\xa9", -2, NORMAL},
                              {"e", -2, NORMAL},
                              {"\"", -2, NORMAL},
                              {"<user>", 0, USER}};
static const piece albert[] = {{"<pad>", 0, CONTROL},
                               {"<unk>", 0, UNKNOWN},
                               {"[CLS]", 0, CONTROL},
                               {"[SEP]", 0, CONTROL},
                               {"[MASK]", 0, CONTROL},
                               {"\xe2\x96\x81", -3, NORMAL},
                               {"\xe2\x96\x81"
                                "a",
                                -1, NORMAL},
                               {"b", -2, NORMAL},
                               {"A", -2, NORMAL},
                               {"\xc3\xa9", -2, NORMAL},
                               {"e", -2, NORMAL},
                               {"\"", -2, NORMAL},
                               {"<user>", 0, USER}};

#define N(array) (sizeof(array) / sizeof *(array))

static enc_wr model;

static void put_pieces(const piece *pieces, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put_piece(&model, pieces[i].text, pieces[i].score, pieces[i].type);
}

static enc_tok_files files_of(const char *config)
{
    return (enc_tok_files){.sentencepiece = {model.at, model.n},
                           .tokenizer_config = bytes(config)};
}

static void start(const piece *pieces, size_t n)
{
    enc_wr_clear(&model);
    enc_wr_init(&model);
    put_pieces(pieces, n);
}

static void ids_of_xlmr_are_shifted(void)
{
    static const char named[] = "{\"tokenizer_class\": \"XLMRobertaTokenizerFast\"}";
    start(plain, N(plain));
    gives(files_of(NULL), "a b", "0 5 4 6 2");
    gives(files_of(named), "a  b<mask>", "0 5 4 6 12 2");
    gives(files_of(named), "<user>x", "0 11 4 3 2"); /* a piece of its own, anywhere */
    enc_tok *t = opened(files_of(named));
    CHECK(enc_tok_specials(t).mask == 12 && enc_tok_specials(t).pad == 1);
    CHECK(!enc_tok_is_special(t, 11));
    enc_tok_close(t);
    may_lack_memory(files_of(named));
}

static void ids_of_albert_are_those_of_the_model(void)
{
    start(albert, N(albert));
    gives(files_of("{\"tokenizer_class\": \"AlbertTokenizer\"}"), "A \xc3\xa9 ``[MASK]",
          "2 6 5 10 5 11 4 3");
    gives(
        files_of("{\"tokenizer_class\": \"AlbertTokenizer\", \"do_lower_case\": false}"),
        "A \xc3\xa9 ''", "2 5 8 5 10 5 11 3");
    gives(files_of("{\"tokenizer_class\": \"AlbertTokenizer\", \"keep_accents\": true}"),
          "A \xc3\xa9", "2 6 5 9 3");
    refused(files_of("{\"tokenizer_class\": \"AlbertTokenizer\", \"do_lower_case\": 1}"),
            ENC_CORRUPT,
            "tokenizer_config.json: do_lower_case is neither true nor false");
    refused(files_of("{\"tokenizer_class\": \"AlbertTokenizer\", \"keep_accents\": 1}"),
            ENC_CORRUPT, "tokenizer_config.json: keep_accents is neither true nor false");
    may_lack_memory(files_of("{\"tokenizer_class\": \"AlbertTokenizer\"}"));
}

static void ids_of_kobert_are_those_of_its_list(void)
{
    static const char named[] = "{\"tokenizer_class\": \"KoBertTokenizer\"}";
    static const char list[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ne\nb\n\xe2\x96\x81"
                               "a\n\xe2\x96\x81\nA\n\xc3\xa9\n\"\n<user>\nmore\n";
    start(albert, N(albert));
    enc_tok_files files = files_of(named);
    gives(files, "a b", "2 6 5 7 3"); /* without a list, those of the model */
    files.tokenizer_config = bytes("{\"tokenizer_class\": \"KoBERTTokenizer\"}");
    gives(files, "a b", "2 6 5 7 3");
    files.vocab_txt = bytes(list);
    gives(files, "a b<user>[MASK]", "2 7 8 6 12 4 3");
    files.tokenizer_config = none; /* and where the model has [CLS] */
    gives(files, "a b", "2 7 8 6 3");
    may_lack_memory(files);
    files.vocab_txt = bytes("[UNK]\n[CLS]\n[SEP]\nb\n");
    refused(files, ENC_CORRUPT, "SentencePiece model: piece 5 is not in vocab.txt");
    files.vocab_txt = bytes("[UNK]\n\xff\n");
    refused(files, ENC_CORRUPT, "piece 1 of vocab.txt is not UTF-8 text without NUL");
    start(plain, N(plain));
    refused(files_of(named), ENC_CORRUPT,
            "SentencePiece model has no [CLS], and there is no vocab.txt with ids");
}

/* No piece of a word has a score then. */
static void a_list_that_has_no_piece_of_the_model_opens(void)
{
    enc_tok_files files;
    start(plain, 3);
    files = files_of("{\"tokenizer_class\": \"KoBertTokenizer\"}");
    files.vocab_txt = bytes("[UNK]\n[CLS]\n[SEP]\na\n");
    gives(files, "a", "1 0 2");
}

static void what_a_model_lacks_is_named(void)
{
    static const char albert_config[] = "{\"tokenizer_class\": \"AlbertTokenizer\"}";
    static const char not_xlmr[] =
        "SentencePiece model: the first pieces are not <unk> <s> </s> as those of XLM-R";
    start(albert, 2);
    refused(files_of(NULL), ENC_UNSUPPORTED, not_xlmr);
    refused(files_of(albert_config), ENC_CORRUPT,
            "SentencePiece model has no [CLS] or <s>");
    start(albert, 3);
    refused(files_of(albert_config), ENC_CORRUPT,
            "SentencePiece model has no [SEP] or </s>");
    for (size_t i = 0; i < 3; i++) {
        enc_wr_clear(&model);
        enc_wr_init(&model);
        for (size_t k = 0; k < N(plain); k++)
            put_piece(&model, k == i ? "other" : plain[k].text, 0, plain[k].type);
        refused(files_of(NULL), ENC_UNSUPPORTED, not_xlmr);
    }
    refused(files_of("{\"tokenizer_class\": \"T5Tokenizer\"}"), ENC_UNSUPPORTED,
            "tokenizer_config.json: tokenizer_class T5Tokenizer is not supported");
    start(plain, N(plain));
    put_piece(&model, "b", -1, NORMAL);
    refused(files_of(NULL), ENC_CORRUPT,
            "SentencePiece model has the same piece at ids 6 and 12");
    start(plain, N(plain));
    refused(files_of("{\"added_tokens_decoder\": {\"99\": {\"content\": \"b\"}}}"),
            ENC_UNSUPPORTED,
            "tokenizer_config.json: added token 99 is not in SentencePiece model");
}

static void settings_of_the_model_are_honoured(void)
{
    enum { TRAINER = 2, NORMALIZER = 3 };
    enum { MODEL_TYPE = 3, SUFFIX = 24, PREFIX = 3, TRIMS = 4, ESCAPES = 5 };
    start(plain, N(plain));
    put_setting(&model, NORMALIZER, PREFIX, 0);
    gives(files_of(NULL), "b b", "0 6 4 6 2");
    put_setting(&model, NORMALIZER, TRIMS, 0);
    gives(files_of(NULL), "b  b", "0 6 4 4 6 2");
    put_setting(&model, TRAINER, MODEL_TYPE, 1);
    put_setting(&model, TRAINER, SUFFIX, 0);
    put_setting(&model, NORMALIZER, ESCAPES, 1);
    gives(files_of(NULL), "b", "0 6 2");
    put_setting(&model, TRAINER, MODEL_TYPE, 2);
    refused(files_of(NULL), ENC_UNSUPPORTED,
            "SentencePiece model: model type 2 is not supported, only 1, Unigram");
    start(plain, N(plain));
    put_setting(&model, TRAINER, SUFFIX, 1);
    refused(files_of(NULL), ENC_UNSUPPORTED,
            "SentencePiece model: treat_whitespace_as_suffix is not supported");
    start(plain, N(plain));
    put_setting(&model, NORMALIZER, ESCAPES, 0);
    refused(files_of(NULL), ENC_UNSUPPORTED,
            "SentencePiece model: escape_whitespaces = false is not supported");
    start(plain, N(plain));
    put_bytes(&model, NORMALIZER,
              bytes("\x12\x02"
                    "ab")); /* a map of two bytes */
    refused(files_of(NULL), ENC_CORRUPT,
            "SentencePiece model: the character map says its trie has 0 bytes, of 2");
}

int main(void)
{
    enc_wr_init(&model);
    ids_of_xlmr_are_shifted();
    ids_of_albert_are_those_of_the_model();
    ids_of_kobert_are_those_of_its_list();
    a_list_that_has_no_piece_of_the_model_opens();
    what_a_model_lacks_is_named();
    settings_of_the_model_are_honoured();
    enc_wr_clear(&model);
    CHECK(enc_mem_live() == 0);
    return check_done("tok_read_spm");
}
