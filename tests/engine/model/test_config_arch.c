/* test_config_arch.c - config.json of each architecture: what is read from the keys that
 * only it has, and what is refused. Values are those of published checkpoints. */
#include "model/arch.h"
#include "read_config.h"

/* The keys of most files, and `more` before them. */
static const char *usual(const char *type, const char *more)
{
    static char text[4096];

    snprintf(text, sizeof text,
             "{%s \"model_type\": \"%s\", \"vocab_size\": 50265, \"hidden_size\": 768, "
             "\"num_hidden_layers\": 12, \"num_attention_heads\": 12, "
             "\"intermediate_size\": 3072, \"max_position_embeddings\": 514}",
             more, type);
    return text;
}

static void roberta_counts_places_from_behind_the_padding(void)
{
    enc_config c =
        taken_text(usual("roberta", "\"pad_token_id\": 1, \"type_vocab_size\": 1, "
                                    "\"layer_norm_eps\": 1e-5,"));

    CHECK(c.position_offset == 2 && c.n_positions == 514 && c.max_tokens == 512);
    CHECK(c.n_segments == 1 && c.norm_eps == 1e-5f && c.head_act == ENC_TANH);
    c = taken_text(usual("xlm-roberta", "\"pad_token_id\": 0,"));
    CHECK(c.position_offset == 1 && c.max_tokens == 513);
    c = taken_text(usual("camembert", ""));
    CHECK(c.position_offset == 2);
    c = taken_text(usual("bert", "\"pad_token_id\": 1,"));
    CHECK(c.position_offset == 0 && c.max_tokens == 514);
    refused_text(usual("roberta", "\"pad_token_id\": 513,"), ENC_RANGE,
                 "pad_token_id is 513, but there are 514 positions");
    refused_text(usual("roberta", "\"position_embedding_type\": \"relative_key\","),
                 ENC_UNSUPPORTED, "relative_key");
}

static void mpnet_has_buckets_and_counts_places_from_two(void)
{
    enc_config c = taken_text(usual("mpnet", "\"pad_token_id\": 5,"
                                             "\"relative_attention_num_buckets\": 32,"));

    CHECK(c.n_buckets == 32 && c.position_offset == 2 && c.n_segments == 0);
    refused_text(usual("mpnet", "\"relative_attention_num_buckets\": 64,"),
                 ENC_UNSUPPORTED,
                 "relative_attention_num_buckets is 64, only 32 is supported");
}

static void distilbert_has_keys_of_its_own(void)
{
    enc_config c = taken_text("{\"model_type\": \"distilbert\", \"vocab_size\": 30522, "
                              "\"dim\": 768, \"n_layers\": 6, \"n_heads\": 12, "
                              "\"hidden_dim\": 3072, \"max_position_embeddings\": 512, "
                              "\"activation\": \"gelu\"}");

    CHECK(c.hidden == 768 && c.n_layers == 6 && c.n_heads == 12 && c.inner == 3072);
    CHECK(c.n_segments == 0 && c.head_act == ENC_RELU && c.norm_eps == 1e-12f);
    refused_text("{\"model_type\": \"distilbert\", \"vocab_size\": 30522, \"dim\": 100, "
                 "\"n_layers\": 6, \"n_heads\": 12, \"hidden_dim\": 3072, "
                 "\"max_position_embeddings\": 512}",
                 ENC_CORRUPT, "dim 100 not divisible by n_heads 12");
}

static void narrow_embeddings_are_projected(void)
{
    enc_config c = taken_text(usual("electra", "\"embedding_size\": 128,"));

    CHECK(c.embedding == 128 && (c.has & ENC_HAS_PROJECTION) && !c.is_shared);
    c = taken_text(usual("electra", "\"embedding_size\": 768,"));
    CHECK(c.embedding == 768 && !(c.has & ENC_HAS_PROJECTION));
    c = taken_text(usual("albert",
                         "\"embedding_size\": 128, \"hidden_act\": \"gelu_new\", "
                         "\"num_hidden_groups\": 1, \"inner_group_num\": 1,"));
    CHECK(c.embedding == 128 && c.is_shared && c.act == ENC_GELU_TANH);
    CHECK(c.mlm_act == ENC_GELU_TANH && (c.has & ENC_HAS_PROJECTION));
    c = taken_text(usual("bert", ""));
    CHECK(c.embedding == 768);
    refused_text(usual("albert", "\"num_hidden_groups\": 2,"), ENC_UNSUPPORTED,
                 "num_hidden_groups is 2");
}

static const char *nomic(const char *more)
{
    static char text[2048];

    snprintf(
        text, sizeof text,
        "{%s \"model_type\": \"nomic_bert\", \"vocab_size\": 30528, \"n_embd\": 768, "
        "\"n_layer\": 12, \"n_head\": 12, \"n_inner\": 3072, \"n_positions\": 8192, "
        "\"layer_norm_epsilon\": 1e-12, \"qkv_proj_bias\": false, "
        "\"mlp_fc1_bias\": false, \"mlp_fc2_bias\": false, \"type_vocab_size\": 2}",
        more);
    return text;
}

static void nomic_turns_and_gates(void)
{
    enc_config c = taken_text(nomic("\"activation_function\": \"swiglu\", "
                                    "\"rotary_emb_base\": 1000, "
                                    "\"rotary_emb_fraction\": 1.0,"));
    const unsigned biases = ENC_HAS_ATTN_BIAS | ENC_HAS_UP_BIAS | ENC_HAS_DOWN_BIAS;

    CHECK(c.act == ENC_SILU && c.rope_theta == 1000.0f && c.rope_dims == 64);
    CHECK((c.has & biases) == 0 && (c.has & ENC_HAS_NORM_BIAS));
    CHECK(c.max_tokens == 8192 && c.position_offset == 0 && !c.is_prenorm);
    refused_text(nomic("\"activation_function\": \"gelu\","), ENC_UNSUPPORTED,
                 "activation_function 'gelu' not supported");
    refused_text(nomic("\"prenorm\": true,"), ENC_UNSUPPORTED, "prenorm true");
    refused_text(nomic("\"rotary_emb_interleaved\": true,"), ENC_UNSUPPORTED,
                 "interleaved");
    refused_text(nomic("\"rotary_scaling_factor\": 2,"), ENC_UNSUPPORTED,
                 "rotary_scaling_factor");
    refused_text(nomic("\"rotary_emb_base\": 0,"), ENC_RANGE,
                 "rotary_emb_base is 0, expected more than 0");
    refused_text(nomic("\"rotary_emb_base\": 1e300,"), ENC_RANGE,
                 "rotary_emb_base is 1e+300, expected more than 0");
    refused_text(nomic("\"rotary_emb_fraction\": \"1\","), ENC_CORRUPT,
                 "config.json: rotary_emb_fraction is not a number");
    refused_text(nomic("\"rotary_emb_fraction\": 0.01,"), ENC_UNSUPPORTED,
                 "0 of a head's 64 values are turned");
    refused_text(nomic("\"rotary_emb_fraction\": 2,"), ENC_UNSUPPORTED,
                 "128 of a head's 64 values are turned");
}

static void gte_stretches_rotation(void)
{
    enc_config c =
        taken_text(usual("new", "\"position_embedding_type\": \"rope\", "
                                "\"rope_theta\": 20000, \"type_vocab_size\": 1, "
                                "\"rope_scaling\": {\"type\": \"ntk\", "
                                "\"factor\": 8.0},"));

    CHECK(c.rope_theta == 20000.0f && c.rope_scale == 8.0f && c.n_segments == 1);
    c = taken_text(usual("gte", "\"rope_theta\": 160000, \"rope_scaling\": null, "
                                "\"type_vocab_size\": 0,"));
    CHECK(c.rope_scale == 1.0f && c.n_segments == 0 && c.rope_dims == 64);
    refused_text(usual("new", "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2},"),
                 ENC_UNSUPPORTED, "rope_scaling");
    refused_text(usual("new", "\"layer_norm_type\": \"rms_norm\","), ENC_UNSUPPORTED,
                 "rms_norm");
    refused_text(usual("new", "\"logn_attention_scale\": true,"), ENC_UNSUPPORTED,
                 "logn_attention_scale");
    refused_text(usual("new", "\"pack_qkv\": false,"), ENC_UNSUPPORTED, "pack_qkv");
}

static void jina_is_told_from_bert_by_alibi(void)
{
    enc_config c = taken_text(usual("bert", "\"position_embedding_type\": \"alibi\", "
                                            "\"feed_forward_type\": \"geglu\","));

    CHECK(strcmp(c.arch->name, "jina_bert_v2") == 0 && c.has_alibi);
    CHECK(c.act == ENC_GELU && c.position_offset == 0);
    CHECK(!taken_text(usual("bert", "")).has_alibi);
    refused_text(usual("bert", "\"position_embedding_type\": \"alibi\", "
                               "\"feed_forward_type\": \"original\","),
                 ENC_UNSUPPORTED, "feed_forward_type 'original'");
    refused_text(usual("bert",
                       "\"position_embedding_type\": \"alibi\", \"auto_map\": "
                       "{\"AutoModel\": \"jinaai/jina-bert-v2-qk-post-norm--m.J\"},"),
                 ENC_UNSUPPORTED, "qk-post-norm");
}

static void modernbert_has_windows_and_two_thetas(void)
{
    enc_config c = taken_text(usual(
        "modernbert", "\"norm_eps\": 1e-6, \"local_attention\": 128, "
                      "\"global_attn_every_n_layers\": 3, \"global_rope_theta\": 160000, "
                      "\"local_rope_theta\": 10000, \"classifier_pooling\": \"mean\", "
                      "\"position_embedding_type\": \"absolute\","));

    CHECK(c.is_prenorm && c.window == 64 && c.norm_eps == 1e-6f && c.head_means);
    CHECK(c.rope_theta == 160000.0f && c.rope_local_theta == 10000.0f);
    for (size_t i = 0; i < 12; i++) CHECK(enc_config_is_global(&c, i) == (i % 3 == 0));
    CHECK(c.has == ENC_HAS_DECODER_BIAS);
    c = taken_text(usual("modernbert",
                         "\"rope_parameters\": {\"full_attention\": {\"rope_type\": "
                         "\"default\", \"rope_theta\": 50000.0}, \"sliding_attention\": "
                         "{\"rope_type\": \"default\", \"rope_theta\": 7000.0}},"));
    CHECK(c.rope_theta == 50000.0f && c.rope_local_theta == 7000.0f);
    c = taken_text(usual("modernbert", "\"global_rope_theta\": 90000, "
                                       "\"local_rope_theta\": null,"));
    CHECK(c.rope_local_theta == 90000.0f);
    c = taken_text(usual("modernbert", "\"global_rope_theta\": 90000,"));
    CHECK(c.rope_theta == 90000.0f && c.rope_local_theta == 10000.0f);
}

static void layer_types_must_follow_a_rule(void)
{
    static const char *const global = "\"full_attention\"", *const local =
                                                                "\"sliding_attention\"";
    char list[1024];
    size_t at = (size_t)snprintf(list, sizeof list, "\"layer_types\": [");

    for (int i = 0; i < 12; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i > 0 ? ", " : "",
                               i % 4 == 0 ? global : local);
    snprintf(list + at, sizeof list - at, "],");
    enc_config c = taken_text(usual("modernbert", list));
    for (size_t i = 0; i < 12; i++) CHECK(enc_config_is_global(&c, i) == (i % 4 == 0));
    memcpy(strstr(list, local), "\"xliding_attention\"", strlen(local));
    refused_text(usual("modernbert", list), ENC_UNSUPPORTED,
                 "layer 1 is 'xliding_attention', expected 'sliding_attention'");
}

static void odd_rotations_are_refused(void)
{
    refused_text(
        "{\"model_type\": \"modernbert\", \"vocab_size\": 9, \"hidden_size\": 15, "
        "\"num_hidden_layers\": 1, \"num_attention_heads\": 3, "
        "\"intermediate_size\": 8, \"max_position_embeddings\": 16}",
        ENC_UNSUPPORTED, "5 of a head's 5 values are turned");
}

/* Each with what is wrong and what is said. */
static void keys_of_one_architecture_are_checked(void)
{
#define SCALING "config.json: rope_scaling not supported, only of type ntk with a factor"
#define THETAS                                                                           \
    "config.json: rope_parameters of full_attention not supported, only of type "        \
    "default "                                                                           \
    "with a theta"
    static const struct {
        const char *type, *more;
        enc_rc rc;
        const char *says;
    } bad[] = {
        {"albert", "\"num_hidden_groups\": \"1\",", ENC_CORRUPT,
         "num_hidden_groups is not a whole number"},
        {"electra", "\"embedding_size\": 0,", ENC_RANGE, "embedding_size is 0"},
        {"roberta", "\"pad_token_id\": -1,", ENC_RANGE,
         "pad_token_id is -1, but there are 514 positions"},
        {"new", "\"rope_scaling\": {\"factor\": 2},", ENC_UNSUPPORTED, SCALING},
        {"new", "\"rope_scaling\": {\"type\": \"ntk\"},", ENC_UNSUPPORTED, SCALING},
        {"new", "\"rope_scaling\": {\"type\": \"ntk\", \"factor\": 0},", ENC_UNSUPPORTED,
         SCALING},
        {"new", "\"rope_scaling\": {\"type\": \"ntk\", \"factor\": 1025},",
         ENC_UNSUPPORTED, SCALING},
        {"new", "\"rope_scaling\": {\"type\": \"ntk\", \"factor\": 2, \"mixed_b\": 1},",
         ENC_UNSUPPORTED, SCALING},
        {"new", "\"position_embedding_type\": \"absolute\",", ENC_UNSUPPORTED,
         "position_embedding_type 'absolute' not supported (rope)"},
        {"new", "\"rope_theta\": 0,", ENC_RANGE, "rope_theta is 0"},
        {"new", "\"logn_attention_clip1\": true,", ENC_UNSUPPORTED,
         "logn_attention_clip1 true"},
        {"modernbert", "\"global_rope_theta\": 0,", ENC_RANGE, "global_rope_theta is 0"},
        {"modernbert", "\"local_rope_theta\": 0,", ENC_RANGE, "local_rope_theta is 0"},
        {"modernbert",
         "\"rope_parameters\": {\"full_attention\": {\"rope_type\": \"yarn\", "
         "\"rope_theta\": 1}},",
         ENC_UNSUPPORTED, THETAS},
        {"modernbert", "\"rope_parameters\": {\"full_attention\": {\"rope_theta\": 0}},",
         ENC_UNSUPPORTED, THETAS},
        {"modernbert",
         "\"rope_parameters\": {\"full_attention\": {\"rope_theta\": 1e30}},",
         ENC_UNSUPPORTED, THETAS},
        {"modernbert", "\"global_attn_every_n_layers\": 0,", ENC_RANGE,
         "global_attn_every_n_layers is 0"},
        {"modernbert", "\"layer_types\": [\"full_attention\"],", ENC_UNSUPPORTED,
         "layer_types: layer 1 is '', expected 'sliding_attention'"},
        {"modernbert",
         "\"global_attn_every_n_layers\": 2, \"layer_types\": [\"full_attention\", "
         "\"full_attention\"],",
         ENC_UNSUPPORTED,
         "layer_types: layer 1 is 'full_attention', expected 'sliding_attention'"},
        {"modernbert", "\"local_attention\": 0,", ENC_RANGE, "local_attention is 0"},
        {"modernbert", "\"local_attention\": 1,", ENC_RANGE,
         "local_attention is 1, expected 2 or more"},
        {"modernbert", "\"classifier_pooling\": \"max\",", ENC_UNSUPPORTED,
         "classifier_pooling 'max' not supported (cls, mean)"},
        {"modernbert", "\"classifier_activation\": \"mish\",", ENC_UNSUPPORTED,
         "classifier_activation 'mish' not supported (gelu, relu, silu, tanh)"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused_text(usual(bad[i].type, bad[i].more), bad[i].rc, bad[i].says);
    enc_config c = taken_text(
        usual("new", "\"rope_scaling\": {\"type\": \"ntk\", \"factor\": 0.5},"));
    CHECK(c.rope_scale == 1.0f);
    c = taken_text(usual("modernbert", "\"rope_parameters\": {\"sliding_attention\": "
                                       "{\"rope_theta\": 7000.0}},"));
    CHECK(c.rope_theta == 160000.0f && c.rope_local_theta == 7000.0f);
}

int main(void)
{
    enc_arena_init(&arena);
    roberta_counts_places_from_behind_the_padding();
    mpnet_has_buckets_and_counts_places_from_two();
    distilbert_has_keys_of_its_own();
    narrow_embeddings_are_projected();
    nomic_turns_and_gates();
    gte_stretches_rotation();
    jina_is_told_from_bert_by_alibi();
    modernbert_has_windows_and_two_thetas();
    layer_types_must_follow_a_rule();
    odd_rotations_are_refused();
    keys_of_one_architecture_are_checked();
    enc_arena_clear(&arena);
    return check_done("model/config_arch");
}
