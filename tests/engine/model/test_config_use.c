/* test_config_use.c - sentence-transformers' files, and what is easily got wrong in them.
 *
 * What is easily got wrong of real checkpoints, each with its test, here unless a file is
 * named:
 *   effective length            the_least_of_all_limits_is_the_length
 *   truncation of tokenizers    test_tok_files.c, a_tokenizer_json_says_everything
 *   position_ids, I64           test_modules.c, whole_numbers_are_skipped
 *   gamma and beta              test_weights.c, other_names_are_known
 *   tied decoder, two biases    the same, and the_decoder_is_tied_unless_...
 *   plain directory             a_plain_directory_means_the_mean
 *   similarity_fn_name          the_similarity_meant_is_kept; ext/sim_metric.sql
 *   accents of uncased models   test_tok_files.c, the_config_is_honoured
 *   old and new pooling         pooling_in_old_and_new_form
 *   older names of lengths      lengths_lie_under_older_names
 *   several poolings            several_poolings_are_side_by_side; order: test_pool.c
 *   normalization in between    normalization_counts_where_it_stands */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "encode/batch.h"
#include "lib/tiny.h"
#include "model/arch.h"
#include "read_config.h"

static const char config_json[] =
    "{\"model_type\": \"bert\", \"vocab_size\": 90, \"hidden_size\": 32,"
    "\"num_hidden_layers\": 2, \"num_attention_heads\": 2, \"intermediate_size\": 64,"
    "\"max_position_embeddings\": 64}";

/* config.json and these files, up to the one without a name. */
static const file *with_config(const file *files)
{
    static file all[12] = {{"config.json", config_json}};
    size_t n = 1;

    while (files != NULL && files->name != NULL) all[n++] = *files++;
    all[n] = (file){0};
    return all;
}

static enc_config taken(const file *files)
{
    return taken_files(with_config(files));
}

static void refused(const file *files, enc_rc rc, const char *says)
{
    refused_files(with_config(files), rc, says);
}

#define MODULE(path, type)                                                               \
    "{\"idx\": 0, \"name\": \"0\", \"path\": \"" path                                    \
    "\", \"type\": \"sentence_transformers.models." type "\"}"
#define FIRST MODULE("", "Transformer") "," MODULE("1_Pooling", "Pooling")
#define DENSE MODULE("2_Dense", "Dense")
#define NORM  MODULE("3_LayerNorm", "LayerNorm")
#define UNIT  MODULE("4_Normalize", "Normalize")
#define MEAN                                                                             \
    {                                                                                    \
        "1_Pooling/config.json", "{\"pooling_mode\": \"mean\"}"                          \
    }
#define TO(in, out)                                                                      \
    "{\"in_features\": " in ", \"out_features\": " out                                   \
    ", \"bias\": true, \"activation_function\": \"torch.nn.modules.activation.Tanh\"}"

/* ---- the traps ---- */

static void the_least_of_all_limits_is_the_length(void)
{
    const file files[] = {{"sentence_bert_config.json", "{\"max_seq_length\": 40}"}, {0}};
    enc_config c;
    enc_err e;

    enc_err_clear(&e);
    CHECK(read_files(with_config(NULL), NULL, 0, 0, &c, &e) == ENC_OK &&
          c.max_tokens == 64);
    CHECK(read_files(with_config(files), NULL, 0, 0, &c, &e) == ENC_OK &&
          c.max_tokens == 40);
    CHECK(read_files(with_config(files), NULL, 0, 30, &c, &e) == ENC_OK &&
          c.max_tokens == 40);
    CHECK(read_files(with_config(NULL), NULL, 0, 30, &c, &e) == ENC_OK &&
          c.max_tokens == 30);
    CHECK(read_files(with_config(files), NULL, 0, 512, &c, &e) == ENC_OK &&
          c.max_tokens == 40);
}

static void lengths_lie_under_older_names(void)
{
    static const char *const names[] = {
        "sentence_bert_config.json",       "sentence_roberta_config.json",
        "sentence_distilbert_config.json", "sentence_camembert_config.json",
        "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
        "sentence_xlnet_config.json"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const file files[] = {{names[i], "{\"max_seq_length\": 21}"}, {0}};
        CHECK_SAY(taken(files).max_tokens == 21, "%s", names[i]);
    }
}

static void a_plain_directory_means_the_mean(void)
{
    enc_config c = taken(NULL);

    CHECK(c.pooling == ENC_POOL_MEAN && !c.normalize && c.n_modules == 0);
    CHECK(!c.skips_prompt && enc_config_dims(&c) == 32);
}

static void the_similarity_meant_is_kept(void)
{
    static const char *const names[] = {"cosine", "dot", "euclidean", "manhattan"};

    for (size_t i = 0; i < 4; i++) {
        char text[80];
        snprintf(text, sizeof text, "{\"similarity_fn_name\": \"%s\"}", names[i]);
        const file files[] = {{"config_sentence_transformers.json", text}, {0}};
        CHECK(strcmp(taken(files).similarity, names[i]) == 0);
    }
    CHECK(strcmp(taken(NULL).similarity, "cosine") == 0);
}

static void pooling_in_old_and_new_form(void)
{
    static const struct {
        const char *text;
        unsigned bits;
    } cases[] = {
        {"{\"pooling_mode\": \"weightedmean\"}", ENC_POOL_WEIGHTED_MEAN},
        {"{\"pooling_mode\": \"lasttoken\"}", ENC_POOL_LAST},
        {"{\"pooling_mode_mean_tokens\": false, \"pooling_mode_lasttoken\": true}",
         ENC_POOL_LAST},
        {"{\"pooling_mode_mean_tokens\": false, "
         "\"pooling_mode_weightedmean_tokens\": true}",
         ENC_POOL_WEIGHTED_MEAN},
        {"{\"word_embedding_dimension\": 32, \"pooling_mode_cls_token\": true, "
         "\"pooling_mode_mean_tokens\": false, \"pooling_mode_max_tokens\": false, "
         "\"pooling_mode_mean_sqrt_len_tokens\": false}",
         ENC_POOL_CLS},
        {"{\"embedding_dimension\": 32, \"pooling_mode\": \"cls\", "
         "\"include_prompt\": true}",
         ENC_POOL_CLS},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const file files[] = {{"modules.json", "[" FIRST "]"},
                              {"1_Pooling/config.json", cases[i].text},
                              {0}};
        CHECK_SAY(taken(files).pooling == cases[i].bits, "%s", cases[i].text);
    }
}

static void several_poolings_are_side_by_side(void)
{
    const file files[] = {{"modules.json", "[" FIRST "]"},
                          {"1_Pooling/config.json",
                           "{\"pooling_mode\": [\"lasttoken\", \"mean\", \"cls\"]}"},
                          {0}};
    enc_config c = taken(files);

    CHECK(c.pooling == (ENC_POOL_CLS | ENC_POOL_MEAN | ENC_POOL_LAST));
    CHECK(enc_config_dims(&c) == 96);
}

static void a_prompt_may_be_left_out_of_pooling(void)
{
    const file files[] = {
        {"modules.json", "[" FIRST "]"},
        {"1_Pooling/config.json", "{\"include_prompt\": false}"},
        {"config_sentence_transformers.json", "{\"prompts\": {\"query\": \"q: \"}}"},
        {0}};

    CHECK(taken(files).skips_prompt);
}

/* ---- modules ---- */

static void modules_follow_pooling_in_order(void)
{
    const file files[] = {{"modules.json",
                           "[" FIRST "," UNIT "," DENSE
                           "," MODULE("5_D", "Dropout") "," NORM "," MODULE(
                               "6_Dense", "Dense") "," UNIT "]"},
                          MEAN,
                          {"2_Dense/config.json", TO("32", "48")},
                          {"3_LayerNorm/config.json", "{\"dimension\": 48}"},
                          {"6_Dense/config.json",
                           "{\"in_features\": 48, \"out_features\": 8, \"bias\": false, "
                           "\"activation_function\": "
                           "\"torch.nn.modules.linear.Identity\"}"},
                          {0}};
    static const enc_module_kind kinds[] = {ENC_MODULE_NORMALIZE, ENC_MODULE_DENSE,
                                            ENC_MODULE_NORM, ENC_MODULE_DENSE};
    static const size_t rows[] = {32, 48, 48, 8};
    enc_config c = taken(files);

    CHECK(c.n_modules == 4 && c.normalize && enc_config_dims(&c) == 8);
    for (size_t i = 0; i < 4 && i < c.n_modules; i++)
        CHECK(c.modules[i].kind == kinds[i] && c.modules[i].rows == rows[i]);
    if (c.n_modules != 4) return;
    CHECK(c.modules[1].act == ENC_TANH && c.modules[1].has_bias);
    CHECK(c.modules[3].act == -1 && !c.modules[3].has_bias && c.modules[3].cols == 48);
    CHECK(strcmp(c.modules[3].path, "6_Dense") == 0);
}

static void normalization_counts_where_it_stands(void)
{
    const file behind[] = {{"modules.json", "[" FIRST "," DENSE "," UNIT "]"},
                           MEAN,
                           {"2_Dense/config.json", TO("32", "32")},
                           {0}};
    const file before[] = {{"modules.json", "[" FIRST "," UNIT "," DENSE "]"},
                           MEAN,
                           {"2_Dense/config.json", TO("32", "32")},
                           {0}};
    enc_config c = taken(behind);

    CHECK(c.normalize && c.n_modules == 1);
    c = taken(before);
    CHECK(!c.normalize && c.n_modules == 2 && c.modules[0].kind == ENC_MODULE_NORMALIZE);
}

static void activations_are_torchs(void)
{
    static const struct {
        const char *name;
        int act;
    } cases[] = {{"\"torch.nn.modules.activation.Tanh\"", ENC_TANH},
                 {"\"torch.nn.modules.activation.ReLU\"", ENC_RELU},
                 {"\"torch.nn.modules.activation.GELU\"", ENC_GELU},
                 {"\"torch.nn.modules.activation.SiLU\"", ENC_SILU},
                 {"\"torch.nn.modules.linear.Identity\"", -1},
                 {"null", ENC_TANH}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        snprintf(
            text, sizeof text,
            "{\"in_features\": 32, \"out_features\": 4, \"activation_function\": %s}",
            cases[i].name);
        const file files[] = {{"modules.json", "[" FIRST "," DENSE "]"},
                              MEAN,
                              {"2_Dense/config.json", text},
                              {0}};
        enc_config c = taken(files);
        CHECK_SAY(c.n_modules == 1 && c.modules[0].act == cases[i].act, "%s",
                  cases[i].name);
        CHECK(c.modules[0].has_bias);
    }
}

static void bad_modules_are_refused(void)
{
    static const struct {
        const char *modules, *dense;
        enc_rc rc;
        const char *says;
    } bad[] = {
        {"[" FIRST "," DENSE "]", "{\"out_features\": 4}", ENC_CORRUPT,
         "2_Dense/config.json: missing \"in_features\""},
        {"[" FIRST "," DENSE "]", TO("33", "4"), ENC_CORRUPT,
         "2_Dense/config.json: the module takes 33 values, but is given 32"},
        {"[" FIRST "," DENSE "]", TO("32", "65537"), ENC_RANGE, "out_features too large"},
        {"[" FIRST "," DENSE "]", "[]", ENC_CORRUPT,
         "2_Dense/config.json is not an object"},
        {"[" FIRST "," DENSE "]",
         "{\"in_features\": 32, \"out_features\": 4, \"activation_function\": "
         "\"torch.nn.modules.activation.Softmax\"}",
         ENC_UNSUPPORTED,
         "activation_function 'Softmax' not supported (Identity, Tanh, GELU, ReLU, "
         "SiLU)"},
        {"[" FIRST "," DENSE "]",
         "{\"in_features\": 32, \"out_features\": 4, \"activation_function\": 1}",
         ENC_CORRUPT, "activation_function is not a text"},
        {"[" FIRST "," DENSE "]",
         "{\"in_features\": 32, \"out_features\": 4, \"bias\": 1}", ENC_CORRUPT,
         "bias is not true or false"},
        {"[" FIRST "," NORM "]", "{}", ENC_IO, "3_LayerNorm/config.json missing"},
        {"[" FIRST "," DENSE "]", "{", ENC_CORRUPT, "2_Dense/config.json: line 1"},
        {"[" FIRST "," MODULE("2_Dense", "LayerNorm") "]", "{}", ENC_CORRUPT,
         "2_Dense/config.json: missing \"dimension\""},
        {"[" MODULE("", "Transformer") "," DENSE "]", TO("32", "4"), ENC_UNSUPPORTED,
         "module 1 of type Dense not supported"},
        {"[" FIRST "," MODULE("../x", "Dense") "]", "{}", ENC_CORRUPT, "no plain name"},
        {"[" FIRST "," MODULE("2_CNN", "CNN") "]", "{}", ENC_UNSUPPORTED,
         "module 2 of type CNN not supported"},
        {"[" FIRST "," DENSE "," MODULE("5_P", "Pooling") "]", TO("32", "4"),
         ENC_UNSUPPORTED, "module 3 of type Pooling"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const file files[] = {{"modules.json", bad[i].modules},
                              MEAN,
                              {"2_Dense/config.json", bad[i].dense},
                              {0}};
        refused(files, bad[i].rc, bad[i].says);
    }
    char many[4096] = "[" FIRST;
    for (size_t i = 0; i < 17; i++) strcat(many, "," UNIT);
    const file files[] = {{"modules.json", strcat(many, "]")}, MEAN, {0}};
    refused(files, ENC_RANGE, "modules.json: more than 16 modules after pooling");
}

static void pooling_and_dims_are_checked(void)
{
    const file files[] = {{"modules.json", "[" FIRST "," DENSE "]"},
                          MEAN,
                          {"2_Dense/config.json", TO("32", "8")},
                          {0}};
    enc_config c = taken(files);
    enc_err e;

    enc_err_clear(&e);
    CHECK(enc_config_set_pooling(&c, ENC_POOL_CLS, &e) == ENC_OK);
    CHECK(enc_config_set_pooling(&c, ENC_POOL_CLS | ENC_POOL_MAX, &e) == ENC_MISUSE);
    CHECK(strcmp(e.text, "pooling gives 64 values, but the module after it takes 32") ==
          0);
    enc_err_clear(&e);
    CHECK(enc_config_set_dims(&c, 9, &e) == ENC_RANGE);
    CHECK(strcmp(e.text, "dims is 9, expected 1 to 8") == 0);
    enc_err_clear(&e);
    CHECK(enc_config_set_dims(&c, 0, &e) == ENC_RANGE);
    CHECK(strcmp(e.text, "dims is 0, expected 1 to 8") == 0);
    enc_err_clear(&e);
    CHECK(enc_config_set_pooling(&c, 0, &e) == ENC_MISUSE);
    CHECK(strcmp(e.text, "unknown pooling 0") == 0);
    enc_err_clear(&e);
    CHECK(enc_config_set_pooling(&c, ENC_POOL_LAST << 1, &e) == ENC_MISUSE);
    CHECK(enc_config_set_dims(&c, 8, NULL) == ENC_OK && enc_config_dims(&c) == 8);
    CHECK(enc_config_set_dims(&c, 1, NULL) == ENC_OK && enc_config_dims(&c) == 1);
}

int main(void)
{
    enc_arena_init(&arena);
    the_least_of_all_limits_is_the_length();
    lengths_lie_under_older_names();
    a_plain_directory_means_the_mean();
    the_similarity_meant_is_kept();
    pooling_in_old_and_new_form();
    several_poolings_are_side_by_side();
    a_prompt_may_be_left_out_of_pooling();
    modules_follow_pooling_in_order();
    normalization_counts_where_it_stands();
    activations_are_torchs();
    bad_modules_are_refused();
    pooling_and_dims_are_checked();
    file all[] = {{"config.json", config_json},
                  {"modules.json", "[" FIRST "," DENSE "," UNIT "," DENSE "]"},
                  MEAN,
                  {"2_Dense/config.json", TO("32", "32")},
                  {0}};
    for (arena_used = 15 << 10; arena_used <= 16 << 10; arena_used += 64)
        may_lack_memory(all);
    arena_used = 0;
    enc_arena_clear(&arena);
    CHECK(enc_mem_live() == 0);
    return check_done("model/config_use");
}
