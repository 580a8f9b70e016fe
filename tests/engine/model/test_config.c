/* Configurations: what the files may say in old and new forms, and what they may not. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "check.h"
#include "lib/tiny.h"
#include "model/arch.h"
#include "read_config.h"

/* --- reading from texts ---------------------------------------------------------------
 */

/* The files of a model, NULL for those it lacks. */
typedef struct texts {
    const char *config, *modules, *pooling, *length, *use;
} texts;

static const file *files_of(const texts *t)
{
    static const char *const names[] = {
        "config.json", "modules.json", "1_Pooling/config.json",
        "sentence_bert_config.json", "config_sentence_transformers.json"};
    const char *const values[] = {t->config, t->modules, t->pooling, t->length, t->use};
    static file all[6];
    size_t n = 0;

    for (size_t i = 0; i < 5; i++)
        if (values[i] != NULL) all[n++] = (file){names[i], values[i]};
    all[n] = (file){0};
    return all;
}

static enc_rc read(const texts *t, size_t tok_max, enc_config *c, enc_err *e)
{
    enc_err_clear(e);
    return read_files(files_of(t), NULL, 0, tok_max, c, e);
}

/* all-MiniLM-L6-v2's shape, with `more` members before and one replaced or left out. */
static const char *config(const char *more, const char *key, const char *value)
{
    static const char *const members[][2] = {{"model_type", "\"bert\""},
                                             {"vocab_size", "30522"},
                                             {"hidden_size", "384"},
                                             {"num_hidden_layers", "6"},
                                             {"num_attention_heads", "12"},
                                             {"intermediate_size", "1536"},
                                             {"max_position_embeddings", "512"}};
    static char text[8192];
    size_t at = (size_t)snprintf(text, sizeof text, "{%s", more);
    const char *comma = more[0] != '\0' ? ",\n" : "\n";

    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        bool is_it = key != NULL && strcmp(key, members[i][0]) == 0;

        if (is_it && value == NULL) continue;
        at += (size_t)snprintf(text + at, sizeof text - at, "%s\"%s\": %s", comma,
                               members[i][0], is_it ? value : members[i][1]);
        comma = ",\n";
    }
    snprintf(text + at, sizeof text - at, "\n}");
    return text;
}

static void refused(const texts *t, enc_rc rc, const char *says)
{
    refused_files(files_of(t), rc, says);
}

static enc_config taken(const texts *t)
{
    return taken_files(files_of(t));
}

/* --- config.json ----------------------------------------------------------------------
 */

static void a_plain_bert_is_taken(void)
{
    enc_config c = taken(&(texts){.config = config("", NULL, NULL)});

    CHECK(strcmp(c.arch->name, "bert") == 0 && c.n_vocab == 30522 && c.hidden == 384);
    CHECK(c.n_layers == 6 && c.n_heads == 12 && c.inner == 1536 && c.n_positions == 512);
    CHECK(c.n_segments == 2 && c.norm_eps == 1e-12f && c.act == ENC_GELU);
    CHECK(c.pooling == ENC_POOL_MEAN && !c.normalize && c.max_tokens == 512);
    CHECK(c.n_labels == 0 && c.n_prompts == 0 && c.default_prompt == NULL);
    CHECK(strcmp(c.similarity, "cosine") == 0 && !c.own_decoder);
    CHECK(enc_config_dims(&c) == 384);
}

/* Google's BERTs, SciBERT and BERT-Tiny are so; others only if their class is named. */
static void older_files_name_no_model_type(void)
{
    static const struct {
        const char *more, *type;
    } cases[] = {
        {"\"type_vocab_size\": 2", "bert"},
        {"\"type_vocab_size\": 2, \"architectures\": null", "bert"},
        {"\"architectures\": [\"BertForMaskedLM\"]", "bert"},
        {"\"architectures\": [\"RobertaModel\"], \"type_vocab_size\": 1", "roberta"},
        {"\"architectures\": [\"XLMRobertaForMaskedLM\"]", "xlm-roberta"},
        {"\"architectures\": [\"AlbertForMaskedLM\"], \"embedding_size\": 128", "albert"},
        {"\"type_vocab_size\": 1", NULL},
        {"\"type_vocab_size\": 2, \"embedding_size\": 128", NULL},
        {"\"type_vocab_size\": 2, \"architectures\": [\"BertGenerationEncoder\"]", NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const texts t = {.config = config(cases[i].more, "model_type", NULL)};

        if (cases[i].type == NULL) refused(&t, ENC_CORRUPT, "missing \"model_type\"");
        else CHECK_SAY(strcmp(taken(&t).arch->name, cases[i].type) == 0, "%s", t.config);
    }
}

/* Rows 59 to 74 of the catalogue of bad input. */
static void bad_values_are_named_with_their_limits(void)
{
    static const struct {
        const char *key, *value;
        enc_rc rc;
        const char *says;
    } bad[] = {
        {"hidden_size", "0", ENC_RANGE,
         "config.json: hidden_size is 0, expected 1 to 8192"},
        {"hidden_size", "-384", ENC_RANGE, "hidden_size is -384"},
        {"hidden_size", "1e3", ENC_CORRUPT, "hidden_size is not a whole number"},
        {"hidden_size", "\"384\"", ENC_CORRUPT, "hidden_size is not a whole number"},
        {"hidden_size", "true", ENC_CORRUPT, "hidden_size is not a whole number"},
        {"hidden_size", "9223372036854775808", ENC_CORRUPT, "config.json: line 4"},
        {"hidden_size", "9223372036854775807", ENC_RANGE,
         "hidden_size too large (got 92"},
        {"hidden_size", "385", ENC_CORRUPT,
         "hidden_size 385 not divisible by num_attention_heads 12"},
        {"num_attention_heads", "0", ENC_RANGE, "num_attention_heads is 0"},
        {"num_hidden_layers", "1000000", ENC_RANGE,
         "num_hidden_layers too large (got 1000000, limit 64)"},
        {"vocab_size", "1048577", ENC_RANGE,
         "vocab_size too large (got 1048577, limit 10"},
        {"vocab_size", NULL, ENC_CORRUPT, "config.json: missing \"vocab_size\""},
        {"vocab_size", "null", ENC_CORRUPT, "config.json: missing \"vocab_size\""},
        {"intermediate_size", NULL, ENC_CORRUPT, "missing \"intermediate_size\""},
        {"max_position_embeddings", "0", ENC_RANGE, "max_position_embeddings is 0"},
        {"max_position_embeddings", "32769", ENC_RANGE, "(got 32769, limit 32768)"},
        {"max_position_embeddings", "2", ENC_RANGE, "maximum length is 2 tokens"},
        {"model_type", NULL, ENC_CORRUPT, "config.json: missing \"model_type\""},
        {"model_type", "\"gpt2\"", ENC_UNSUPPORTED,
         "config.json: model_type 'gpt2' not supported (bert, roberta, "},
        {"model_type", "7", ENC_CORRUPT, "missing \"model_type\""},
        {"vocab_size", "1,", ENC_CORRUPT, "config.json: line 3 col"},
        {"vocab_size", "1, \"hidden_size\": 2", ENC_CORRUPT, "hidden_size"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused(&(texts){.config = config("", bad[i].key, bad[i].value)}, bad[i].rc,
                bad[i].says);
    refused(&(texts){0}, ENC_IO, "config.json missing in a blob");
    refused(&(texts){.config = ""}, ENC_CORRUPT, "config.json is empty");
    refused(&(texts){.config = "[]"}, ENC_CORRUPT, "config.json is not an object");
}

static void members_that_change_the_graph_are_refused(void)
{
    static const struct {
        const char *more;
        enc_rc rc;
        const char *says;
    } bad[] = {
        {"\"hidden_act\": \"mish\"", ENC_UNSUPPORTED,
         "hidden_act 'mish' not supported (gelu, gelu_new"},
        {"\"hidden_act\": 1", ENC_CORRUPT, "hidden_act is not a text"},
        {"\"position_embedding_type\": \"relative_key\"", ENC_UNSUPPORTED,
         "position_embedding_type 'relative_key' not supported (absolute)"},
        {"\"is_decoder\": true", ENC_UNSUPPORTED, "is_decoder is true"},
        {"\"layer_norm_eps\": 0", ENC_RANGE, "layer_norm_eps is 0"},
        {"\"layer_norm_eps\": -1e-12", ENC_RANGE, "layer_norm_eps is -1e-12"},
        {"\"layer_norm_eps\": 1e-60", ENC_RANGE, "layer_norm_eps is 1e-60"},
        {"\"layer_norm_eps\": 1", ENC_RANGE, "layer_norm_eps is 1,"},
        {"\"layer_norm_eps\": \"1e-12\"", ENC_CORRUPT, "layer_norm_eps is not a number"},
        {"\"type_vocab_size\": 17", ENC_RANGE, "type_vocab_size too large"},
        {"\"type_vocab_size\": -1", ENC_RANGE, "type_vocab_size is -1"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused(&(texts){.config = config(bad[i].more, NULL, NULL)}, bad[i].rc,
                bad[i].says);
}

static void activations_go_by_several_names(void)
{
    static const struct {
        const char *more;
        enc_act act;
    } acts[] = {
        {"\"hidden_act\": \"gelu\"", ENC_GELU},
        {"\"hidden_act\": \"gelu_python\"", ENC_GELU},
        {"\"hidden_act\": \"gelu_accurate\"", ENC_GELU_TANH},
        {"\"hidden_act\": \"gelu_new\"", ENC_GELU_TANH},
        {"\"hidden_act\": \"gelu_pytorch_tanh\"", ENC_GELU_TANH},
        {"\"hidden_act\": \"relu\"", ENC_RELU},
        {"\"hidden_act\": \"silu\"", ENC_SILU},
        {"\"hidden_act\": \"swish\"", ENC_SILU},
    };

    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        CHECK(taken(&(texts){.config = config(acts[i].more, NULL, NULL)}).act ==
              acts[i].act);
}

/* --- labels ---------------------------------------------------------------------------
 */

static void labels_are_read_by_id(void)
{
    enc_config c = taken(&(texts){
        .config = config("\"id2label\": {\"1\": \"b\", \"0\": \"a\", \"2\": \"c\"}", NULL,
                         NULL)});

    CHECK(c.n_labels == 3 && strcmp(c.labels[0], "a") == 0 &&
          strcmp(c.labels[1], "b") == 0);
    CHECK(c.problem == ENC_SINGLE_LABEL && !c.rerank_sigmoid);
    c = taken(&(texts){
        .config = config("\"architectures\": [\"BertForSequenceClassification\"]", NULL,
                         NULL)});
    CHECK(c.n_labels == 2 && strcmp(c.labels[1], "LABEL_1") == 0);
    c = taken(
        &(texts){.config = config("\"architectures\": [\"BertForTokenClassification\"],"
                                  "\"id2label\": {\"0\": \"O\"}",
                                  NULL, NULL)});
    CHECK(c.n_labels == 1 && c.labels_tokens);
    c = taken(&(texts){
        .config = config("\"architectures\": [\"BertForMultipleChoice\"]", NULL, NULL)});
    CHECK(c.n_labels == 0);
}

static void labels_may_be_only_counted(void)
{
    enc_config c = taken(
        &(texts){.config = config("\"architectures\": [7, \"X\", "
                                  "\"BertForSequenceClassification\"], \"num_labels\": 3",
                                  NULL, NULL)});

    CHECK(c.n_labels == 3 && strcmp(c.labels[2], "LABEL_2") == 0);
    c = taken(&(texts){.config = config("\"id2label\": {}", NULL, NULL)});
    CHECK(c.n_labels == 0);
    refused(&(texts){.config = config("\"architectures\": "
                                      "[\"BertForTokenClassification\"], "
                                      "\"num_labels\": 65537",
                                      NULL, NULL)},
            ENC_RANGE, "num_labels too large (got 65537, limit 65536)");
}

static void too_many_labels_are_refused(void)
{
    enc_wr w;

    enc_wr_init(&w);
    enc_wr_text(&w,
                "{\"model_type\":\"bert\",\"vocab_size\":1,\"hidden_size\":1,"
                "\"num_hidden_layers\":1,\"num_attention_heads\":1,"
                "\"intermediate_size\":1,\"max_position_embeddings\":9,\"id2label\":{");
    for (unsigned i = 0; i <= ENC_LABELS_MAX; i++)
        enc_wr_format(&w, "%s\"%u\":\"\"", i > 0 ? "," : "", i);
    enc_wr_text(&w, "}}");
    enc_wr_u8(&w, 0);
    refused(&(texts){.config = (char *)w.at}, ENC_RANGE, "65537 labels, limit 65536");
    enc_wr_clear(&w);
}

static void bad_labels_are_refused(void)
{
    static const char *const bad[] = {"{\"1\": \"a\"}",
                                      "{\"0\": \"a\", \"00\": \"b\"}",
                                      "{\"-0\": \"a\"}",
                                      "{\"x\": \"a\"}",
                                      "{\"0\": 1}",
                                      "{\"\": \"a\"}",
                                      "{\"0x0\": \"a\"}",
                                      "[\"a\"]",
                                      "{\"99999999999999999999\": \"a\"}"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char more[128];

        snprintf(more, sizeof more, "\"id2label\": %s", bad[i]);
        refused(&(texts){.config = config(more, NULL, NULL)}, ENC_CORRUPT, "id2label");
    }
}

static void problems_and_rerankers_follow_their_libraries(void)
{
#define ONE "\"id2label\": {\"0\": \"score\"}"
#define TWO "\"id2label\": {\"0\": \"no\", \"1\": \"yes\"}"
    static const struct {
        const char *more;
        enc_problem problem;
        bool sigmoid;
    } cases[] = {
        {ONE, ENC_MULTI_LABEL, true},
        {TWO, ENC_SINGLE_LABEL, false},
        {TWO ",\"problem_type\": \"multi_label_classification\"", ENC_MULTI_LABEL, false},
        {ONE ",\"problem_type\": \"regression\"", ENC_REGRESSION, true},
        {ONE ",\"problem_type\": null", ENC_MULTI_LABEL, true},
        {ONE ",\"problem_type\": \"single_label_classification\"", ENC_MULTI_LABEL, true},
        {ONE ",\"sbert_ce_default_activation_function\": "
             "\"torch.nn.modules.linear.Identity\"",
         ENC_MULTI_LABEL, false},
        {ONE ",\"sbert_ce_default_activation_function\": "
             "\"torch.nn.modules.linear.Identity\","
             "\"sentence_transformers\": {\"activation_fn\": "
             "\"torch.nn.modules.activation.Sigmoid\"}",
         ENC_MULTI_LABEL, true},
        {TWO ",\"sentence_transformers\": {\"activation_fn\": \"torch.nn.Sigmoid\"}",
         ENC_SINGLE_LABEL, true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enc_config c = taken(&(texts){.config = config(cases[i].more, NULL, NULL)});

        CHECK_SAY(c.problem == cases[i].problem, "%s", cases[i].more);
        CHECK_SAY(c.rerank_sigmoid == cases[i].sigmoid, "%s", cases[i].more);
    }
    refused(&(texts){.config = config("\"problem_type\": \"ranking\"," TWO, NULL, NULL)},
            ENC_UNSUPPORTED, "problem_type 'ranking' not supported (single_label_class");
    refused(&(texts){.config = config("\"sentence_transformers\": {\"activation_fn\": "
                                      "\"torch.nn.Tanh\"}",
                                      NULL, NULL)},
            ENC_UNSUPPORTED, "activation_fn 'torch.nn.Tanh' not supported");
}

/* --- sentence-transformers' files -----------------------------------------------------
 */

#define MODULE(path, type)                                                               \
    "{\"idx\": 0, \"name\": \"0\", \"path\": \"" path                                    \
    "\", \"type\": \"sentence_transformers.models." type "\"}"
#define TRANSFORMER MODULE("", "Transformer")
#define POOLED      "[" TRANSFORMER "," MODULE("1_Pooling", "Pooling") "]"
#define NORMALIZED                                                                       \
    "[" TRANSFORMER                                                                      \
    "," MODULE("1_Pooling", "Pooling") "," MODULE("2_Normalize", "Normalize") "]"

static void pooling_is_read_in_both_forms(void)
{
    static const struct {
        const char *pooling;
        unsigned bits;
    } cases[] = {
        {"{\"pooling_mode_cls_token\": true, \"pooling_mode_mean_tokens\": false}",
         ENC_POOL_CLS},
        {"{\"pooling_mode_max_tokens\": true, \"pooling_mode_mean_tokens\": false}",
         ENC_POOL_MAX},
        {"{\"pooling_mode_cls_token\": true}", ENC_POOL_CLS | ENC_POOL_MEAN},
        {"{}", ENC_POOL_MEAN},
        {"{\"pooling_mode_mean_sqrt_len_tokens\": true, \"pooling_mode_mean_tokens\": "
         "false, \"pooling_mode_weightedmean_tokens\": false}",
         ENC_POOL_MEAN_SQRT},
        {"{\"embedding_dimension\": 384, \"pooling_mode\": \"cls\", \"include_prompt\": "
         "true}",
         ENC_POOL_CLS},
        {"{\"pooling_mode\": [\"mean\", \"max\"]}", ENC_POOL_MEAN | ENC_POOL_MAX},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enc_config c = taken(&(texts){.config = config("", NULL, NULL),
                                      .modules = POOLED,
                                      .pooling = cases[i].pooling});

        CHECK_SAY(c.pooling == cases[i].bits && !c.normalize, "%s", cases[i].pooling);
    }
    CHECK(taken(&(texts){.config = config("", NULL, NULL),
                         .modules = NORMALIZED,
                         .pooling = "{\"pooling_mode\": [\"cls\", \"mean\"]}"})
              .normalize);
    enc_config c = taken(&(texts){.config = config("", NULL, NULL),
                                  .modules = POOLED,
                                  .pooling = "{\"pooling_mode\": [\"cls\", \"mean\"]}"});
    CHECK(enc_config_dims(&c) == 768);
}

static void bad_pooling_is_refused(void)
{
    static const struct {
        const char *modules, *pooling;
        enc_rc rc;
        const char *says;
    } bad[] = {
        {POOLED, NULL, ENC_IO, "1_Pooling/config.json missing"},
        {POOLED, "[]", ENC_CORRUPT, "1_Pooling/config.json is not an object"},
        {POOLED, "{\"pooling_mode\": \"none\"}", ENC_UNSUPPORTED,
         "pooling_mode 'none' not supported (cls, max, mean, mean_sqrt_len_tokens, "
         "weightedmean, lasttoken)"},
        {POOLED, "{\"pooling_mode\": [1]}", ENC_CORRUPT, "pooling_mode is not a text"},
        {POOLED, "{\"pooling_mode\": []}", ENC_CORRUPT, "no pooling mode is chosen"},
        {POOLED, "{\"include_prompt\": 0}", ENC_CORRUPT,
         "include_prompt is not true or false"},
        {POOLED, "{\"pooling_mode_mean_tokens\": false}", ENC_CORRUPT, "no pooling mode"},
        {POOLED, "{\"pooling_mode_mean_tokens\": 1}", ENC_CORRUPT,
         "is not true or false"},
        {POOLED, "{\"word_embedding_dimension\": 768}", ENC_CORRUPT,
         "word_embedding_dimension is 768, but hidden_size is 384"},
        {POOLED, "{\"embedding_dimension\": 0}", ENC_RANGE, "embedding_dimension is 0"},
        {POOLED, "{\"embedding_dimension\": 1}", ENC_CORRUPT, "but hidden_size is 384"},
        {"{}", "{}", ENC_CORRUPT, "modules.json is not an array"},
        {"[" TRANSFORMER "," MODULE("2_Dense", "Dense") "]", "{}", ENC_UNSUPPORTED,
         "modules.json: module 1 of type Dense not supported"},
        {"[" MODULE("", "StaticEmbedding") "]", "{}", ENC_UNSUPPORTED, "StaticEmbedding"},
        {"[" MODULE("0_BERT", "Transformer") "]", "{}", ENC_UNSUPPORTED,
         "lies in '0_BERT'"},
        {"[" TRANSFORMER "," MODULE("../x", "Pooling") "]", "{}", ENC_CORRUPT,
         "path '../x' is no plain name"},
        {"[" TRANSFORMER "," MODULE("", "Pooling") "]", "{}", ENC_CORRUPT,
         "no plain name"},
        {"[" TRANSFORMER "," MODULE("a/b", "Pooling") "]", "{}", ENC_CORRUPT,
         "plain name"},
        {"[{\"path\": \"\"}]", "{}", ENC_CORRUPT, "module 0 has no type or no path"},
        {"[7]", "{}", ENC_CORRUPT, "module 0 has no type or no path"},
        {"[{\"type\": \"Transformer\"}]", "{}", ENC_CORRUPT,
         "module 0 has no type or no path"},
        {"[{\"path\": \"\", \"type\": \"Trans\"}]", "{}", ENC_UNSUPPORTED,
         "modules.json: module 0 is of type Trans, expected Transformer"},
        {"[" TRANSFORMER "," MODULE("a", "Pooling") "," MODULE("b", "Pooling") "]", "{}",
         ENC_UNSUPPORTED, "module 2 of type Pooling not supported"},
        {"[" TRANSFORMER "," MODULE("", "Normalize") "," MODULE("b", "Pooling") "]", "{}",
         ENC_UNSUPPORTED, "module 2 of type Pooling not supported"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused(&(texts){.config = config("", NULL, NULL),
                         .modules = bad[i].modules,
                         .pooling = bad[i].pooling},
                bad[i].rc, bad[i].says);
}

/* As in sentence-transformers: a tokenizer's limit counts where no length is said. */
static void the_least_limit_wins(void)
{
    static const struct {
        const char *positions, *length;
        size_t tok_max, expected;
    } cases[] = {
        {"512", NULL, 0, 512},    {"512", "256", 0, 256},   {"512", "256", 128, 256},
        {"512", "256", 512, 256}, {"128", "256", 512, 128}, {"512", "null", 300, 300},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char length[64];
        enc_config c;
        enc_err e;

        snprintf(length, sizeof length, "{\"max_seq_length\": %s}",
                 cases[i].length != NULL ? cases[i].length : "");
        texts t = {.config = config("", "max_position_embeddings", cases[i].positions),
                   .length = cases[i].length != NULL ? length : NULL};
        CHECK_SAY(read(&t, cases[i].tok_max, &c, &e) == ENC_OK, "%s", e.text);
        CHECK_SAY(c.max_tokens == cases[i].expected, "%zu", c.max_tokens);
    }
    refused(
        &(texts){.config = config("", NULL, NULL), .length = "{\"max_seq_length\": 2}"},
        ENC_RANGE, "maximum length is 2 tokens, expected at least 3");
    refused(&(texts){.config = config("", NULL, NULL),
                     .length = "{\"max_seq_length\": \"9\"}"},
            ENC_CORRUPT,
            "sentence_bert_config.json: max_seq_length is not a whole number");
    refused(&(texts){.config = config("", NULL, NULL), .length = "[]"}, ENC_CORRUPT,
            "sentence_bert_config.json is not an object");
}

static void prompts_are_kept_by_name(void)
{
    enc_config c = taken(&(texts){
        .config = config("", NULL, NULL),
        .use = "{\"prompts\": {\"query\": \"query: \", \"document\": \"\"},"
               "\"default_prompt_name\": \"query\", \"similarity_fn_name\": \"dot\"}"});

    CHECK(c.n_prompts == 2 && strcmp(c.prompts[0].name, "query") == 0);
    CHECK(strcmp(c.prompts[0].text, "query: ") == 0 && c.prompts[1].text[0] == '\0');
    CHECK(c.default_prompt != NULL && strcmp(c.default_prompt, "query") == 0);
    CHECK(strcmp(c.similarity, "dot") == 0);

    static const struct {
        const char *use;
        enc_rc rc;
        const char *says;
    } bad[] = {
        {"{\"prompts\": {\"query\": 1}}", ENC_CORRUPT, "prompt query is not a text"},
        {"{\"prompts\": []}", ENC_CORRUPT, "prompts is not an object"},
        {"{\"default_prompt_name\": \"x\"}", ENC_CORRUPT,
         "'x' is not one of its prompts"},
        {"{\"similarity_fn_name\": \"hamming\"}", ENC_UNSUPPORTED,
         "similarity_fn_name 'hamming' not supported (cosine, dot, euclidean, "
         "manhattan)"},
        {"7", ENC_CORRUPT, "config_sentence_transformers.json"},
        {"[]", ENC_CORRUPT, "config_sentence_transformers.json is not an object"},
        {"{\"default_prompt_name\": 7}", ENC_CORRUPT,
         "default_prompt_name '' is not one of its prompts"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused(&(texts){.config = config("", NULL, NULL), .use = bad[i].use}, bad[i].rc,
                bad[i].says);
}

static void too_many_prompts_are_refused(void)
{
    char use[8192];
    size_t n = (size_t)snprintf(use, sizeof use, "{\"prompts\": {");

    for (int i = 0; i < 257; i++)
        n += (size_t)snprintf(use + n, sizeof use - n, "%s\"%d\": \"\"", i > 0 ? "," : "",
                              i);
    snprintf(use + n, sizeof use - n, "}}");
    refused(&(texts){.config = config("", NULL, NULL), .use = use}, ENC_RANGE,
            "config_sentence_transformers.json: 257 prompts, limit 256");
}

static void memory_may_be_lacking(void)
{
    texts t = {.config = config("\"architectures\": [\"BertForSequenceClassification\"]",
                                NULL, NULL),
               .modules = POOLED,
               .pooling = "{}",
               .use = "{\"prompts\": {\"query\": \"query: \"}, \"default_prompt_name\": "
                      "\"query\", \"similarity_fn_name\": \"dot\"}"};

    /* With some of the arena used, whichever place asks for memory asks for a block. */
    for (arena_used = 15 << 10; arena_used <= 16 << 10; arena_used += 64)
        may_lack_memory((file *)files_of(&t));
    t = (texts){.config =
                    config("\"id2label\": {\"0\": \"a\", \"1\": \"b\"}", NULL, NULL)};
    for (arena_used = 15 << 10; arena_used <= 16 << 10; arena_used += 64)
        may_lack_memory((file *)files_of(&t));
    arena_used = 0;
    t = (texts){.config = config("\"hidden_act\": \"mish\"", NULL, NULL)};
    may_lack_memory((file *)files_of(&t));
}

/* --- writing, and a real one
 * ----------------------------------------------------------- */

static void what_is_written_is_read_again(void)
{
    const enc_prompt prompts[] = {{"query", "a \"quoted\"\n"}, {"고", "비"}};
    const char *labels[] = {"no", "yes \\", ""};
    enc_config c = {.arch = &enc_arch_bert,
                    .n_vocab = 99,
                    .n_layers = 3,
                    .hidden = 24,
                    .n_heads = 4,
                    .inner = 48,
                    .n_positions = 60,
                    .n_segments = 1,
                    .norm_eps = 3.4e-5f,
                    .act = ENC_GELU_TANH,
                    .n_labels = 3,
                    .labels = labels,
                    .problem = ENC_MULTI_LABEL,
                    .rerank_sigmoid = true,
                    .pooling = ENC_POOL_CLS | ENC_POOL_MEAN_SQRT | ENC_POOL_LAST,
                    .skips_prompt = true,
                    .normalize = true,
                    .own_decoder = true,
                    .max_tokens = 40,
                    .n_prompts = 2,
                    .prompts = prompts,
                    .default_prompt = "고",
                    .similarity = "dot"};
    const char *const names[] = {"config.json", "modules.json", "1_Pooling/config.json",
                                 "sentence_bert_config.json",
                                 "config_sentence_transformers.json"};
    enc_config d;
    enc_wr w[5];

    for (size_t i = 0; i < 5; i++) {
        enc_wr_init(&w[i]);
        enc_config_write(&c, names[i], true, &w[i]);
        enc_wr_u8(&w[i], 0);
    }
    d = taken(&(texts){(char *)w[0].at, (char *)w[1].at, (char *)w[2].at, (char *)w[3].at,
                       (char *)w[4].at});
    CHECK(d.n_vocab == 99 && d.n_layers == 3 && d.hidden == 24 && d.n_heads == 4);
    CHECK(d.inner == 48 && d.n_positions == 60 && d.n_segments == 1);
    CHECK(d.norm_eps == c.norm_eps && d.act == ENC_GELU_TANH && d.own_decoder);
    CHECK(d.n_labels == 3 && strcmp(d.labels[1], "yes \\") == 0 &&
          d.labels[2][0] == '\0');
    CHECK(d.problem == ENC_MULTI_LABEL && d.rerank_sigmoid);
    CHECK(d.pooling == c.pooling && d.normalize && d.max_tokens == 40 && d.skips_prompt);
    CHECK(d.n_prompts == 2 && strcmp(d.prompts[0].text, prompts[0].text) == 0);
    CHECK(strcmp(d.default_prompt, "고") == 0 && strcmp(d.similarity, "dot") == 0);
    for (size_t i = 0; i < 5; i++) enc_wr_clear(&w[i]);
}

/* One setting at a time, in the form in which it is written. */
static void every_setting_has_its_text(void)
{
    static const struct {
        enc_act act;
        enc_problem problem;
        const char *act_text, *problem_text;
    } cases[] = {
        {ENC_GELU, ENC_SINGLE_LABEL, "\"gelu\"", "\"single_label_classification\""},
        {ENC_RELU, ENC_MULTI_LABEL, "\"relu\"", "\"multi_label_classification\""},
        {ENC_SILU, ENC_REGRESSION, "\"silu\"", "\"regression\""},
        {ENC_TANH, ENC_REGRESSION, "\"tanh\"", "\"regression\""}};
    static const float eps[] = {1e-12f, 0.3f, 1.08362705e-07f};
    static const char *const eps_text[] = {"1e-12,", "0.3,", "1.08362705e-07,"};
    const char *label = "x";
    enc_config c = {.arch = &enc_arch_bert, .n_labels = 1, .labels = &label};

    for (size_t i = 0; i < 4; i++) {
        enc_wr w;

        enc_wr_init(&w);
        c.act = cases[i].act;
        c.problem = cases[i].problem;
        c.norm_eps = eps[i % 3];
        enc_config_write(&c, "config.json", true, &w);
        enc_wr_u8(&w, 0);
        CHECK(strstr((char *)w.at, cases[i].act_text) != NULL);
        CHECK(strstr((char *)w.at, cases[i].problem_text) != NULL);
        CHECK_SAY(strstr((char *)w.at, eps_text[i % 3]) != NULL, "%s", (char *)w.at);
        enc_wr_clear(&w);
    }
    for (int has_heads = 0; has_heads < 2; has_heads++) {
        enc_wr w;

        enc_wr_init(&w);
        c.n_labels = 0;
        enc_config_write(&c, "config.json", has_heads, &w);
        enc_config_write(&c, "config_sentence_transformers.json", has_heads, &w);
        enc_config_write(&c, "modules.json", has_heads, &w);
        enc_config_write(&c, "vocab.txt", has_heads, &w); /* not one of its own */
        enc_wr_u8(&w, 0);
        CHECK(strstr((char *)w.at, has_heads ? "BertForPreTraining" : "BertModel"));
        CHECK(strstr((char *)w.at, "\"similarity_fn_name\": \"cosine\"") != NULL);
        CHECK(strstr((char *)w.at, "Pooling") && !strstr((char *)w.at, "Normalize"));
        enc_wr_clear(&w);
    }
}

/* A map has each key once: that of labels of one name is the last of them. */
static void labels_of_one_name_are_one_key(void)
{
    const char *labels[] = {"b", "a", "b"};
    enc_config c = {.arch = &enc_arch_bert, .n_labels = 3, .labels = labels};
    enc_wr w;

    enc_wr_init(&w);
    enc_config_write(&c, "config.json", true, &w);
    enc_wr_u8(&w, 0);
    const char *ids = strstr((char *)w.at, "\"label2id\"");
    CHECK(ids != NULL && strstr(ids, "\"a\": 1") != NULL);
    CHECK(ids != NULL && strstr(ids, "\"b\": 2") != NULL);
    CHECK(ids != NULL && strstr(ids, "\"b\": 0") == NULL);
    enc_wr_clear(&w);
}

/* The real all-MiniLM-L6-v2's files, where they are at hand. */
static bool a_real_one_is_read(void)
{
    const char *shared = getenv("ENCODER_SHARED");
    enc_files *f = NULL;
    char path[512];
    enc_config c;
    enc_err e;

    snprintf(path, sizeof path, "%s/tokenizers/all-MiniLM-L6-v2",
             shared != NULL ? shared : "../shared/data");
    enc_err_clear(&e);
    if (enc_files_open_directory(&f, path, &e) != ENC_OK) return false;
    enc_arena_clear(&arena);
    CHECK_SAY(enc_config_read(&c, &arena, f, 0, &e) == ENC_OK, "%s", e.text);
    CHECK(c.max_tokens == 256 && c.pooling == ENC_POOL_MEAN && c.normalize);
    CHECK(c.n_prompts == 2 && c.n_labels == 0 && strcmp(c.similarity, "cosine") == 0);
    CHECK(c.n_positions == 512 && c.n_vocab == 30522 && c.hidden == 384);
    enc_files_close(f);
    return true;
}

int main(void)
{
    enc_arena_init(&arena);
    a_plain_bert_is_taken();
    older_files_name_no_model_type();
    bad_values_are_named_with_their_limits();
    members_that_change_the_graph_are_refused();
    activations_go_by_several_names();
    labels_are_read_by_id();
    labels_may_be_only_counted();
    too_many_labels_are_refused();
    bad_labels_are_refused();
    problems_and_rerankers_follow_their_libraries();
    pooling_is_read_in_both_forms();
    bad_pooling_is_refused();
    the_least_limit_wins();
    prompts_are_kept_by_name();
    too_many_prompts_are_refused();
    memory_may_be_lacking();
    what_is_written_is_read_again();
    every_setting_has_its_text();
    labels_of_one_name_are_one_key();
    bool is_real_there = a_real_one_is_read();
    enc_arena_clear(&arena);
    CHECK(enc_mem_live() == 0);
    if (is_real_there) return check_done("model/config");
    printf("model/config: %d passed, %d failed, 1 skipped\n", check_passed, check_failed);
    return check_failed != 0;
}
