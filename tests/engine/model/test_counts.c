/* test_counts.c - published parameter counts from nothing but each model's config.json.
 *
 * The values are those of the models' files on Hugging Face, less what says nothing of
 * shapes. Counts are by the list of slots, a tied decoder once. */
#include <stdlib.h>
#include <string.h>

#include "base/wr.h"
#include "check.h"
#include "model/weights.h"

#define BIT(part) (1u << (part))
#define BODY      BIT(ENC_PART_BODY)
#define POOLED    (BODY | BIT(ENC_PART_POOLER))
#define CLASSES   BIT(ENC_PART_CLASSIFIER)
#define MASKED    BIT(ENC_PART_MLM)
#define NEXT      BIT(ENC_PART_NSP)

#define BERT(architecture, more)                                                         \
    "{\"architectures\": [\"" architecture "\"], \"model_type\": \"bert\", "             \
    "\"hidden_act\": \"gelu\", \"layer_norm_eps\": 1e-12, "                              \
    "\"position_embedding_type\": \"absolute\", \"pad_token_id\": 0, "                   \
    "\"type_vocab_size\": 2, " more "}"

#define BERT_BASE                                                                        \
    BERT("BertForMaskedLM",                                                              \
         "\"hidden_size\": 768, \"intermediate_size\": 3072, "                           \
         "\"max_position_embeddings\": 512, \"num_attention_heads\": 12, "               \
         "\"num_hidden_layers\": 12, \"vocab_size\": 30522")

#define MINILM(architecture, layers, vocab, more)                                        \
    BERT(architecture, "\"hidden_size\": 384, \"intermediate_size\": 1536, "             \
                       "\"max_position_embeddings\": 512, \"num_attention_heads\": 12, " \
                       "\"num_hidden_layers\": " layers ", \"vocab_size\": " vocab more)

#define SMALL(hidden, inner, heads, layers)                                              \
    BERT("BertForPreTraining",                                                           \
         "\"hidden_size\": " hidden ", \"intermediate_size\": " inner ", "               \
         "\"max_position_embeddings\": 512, \"num_attention_heads\": " heads ", "        \
         "\"num_hidden_layers\": " layers ", \"vocab_size\": 30522")

#define DISTILBERT(architecture, more)                                                   \
    "{\"activation\": \"gelu\", \"architectures\": [\"" architecture "\"], "             \
    "\"attention_dropout\": 0.1, \"dim\": 768, \"dropout\": 0.1, "                       \
    "\"hidden_dim\": 3072, \"max_position_embeddings\": 512, "                           \
    "\"model_type\": \"distilbert\", \"n_heads\": 12, \"n_layers\": 6, "                 \
    "\"pad_token_id\": 0, \"sinusoidal_pos_embds\": false, \"tie_weights_\": true, "     \
    "\"vocab_size\": 30522" more "}"

#define XLM_LARGE(positions)                                                             \
    "{\"architectures\": [\"XLMRobertaModel\"], \"bos_token_id\": 0, "                   \
    "\"eos_token_id\": 2, \"hidden_act\": \"gelu\", \"hidden_size\": 1024, "             \
    "\"intermediate_size\": 4096, \"layer_norm_eps\": 1e-05, "                           \
    "\"max_position_embeddings\": " positions ", \"model_type\": \"xlm-roberta\", "      \
    "\"num_attention_heads\": 16, \"num_hidden_layers\": 24, \"pad_token_id\": 1, "      \
    "\"position_embedding_type\": \"absolute\", \"type_vocab_size\": 1, "                \
    "\"vocab_size\": 250002}"

#define KLUE_ROBERTA                                                                     \
    "{\"architectures\": [\"RobertaForMaskedLM\"], \"bos_token_id\": 0, "                \
    "\"eos_token_id\": 2, \"hidden_act\": \"gelu\", \"hidden_size\": 768, "              \
    "\"intermediate_size\": 3072, \"layer_norm_eps\": 1e-05, "                           \
    "\"max_position_embeddings\": 514, \"model_type\": \"roberta\", "                    \
    "\"num_attention_heads\": 12, \"num_hidden_layers\": 12, \"pad_token_id\": 1, "      \
    "\"type_vocab_size\": 1, \"vocab_size\": 32000, "                                    \
    "\"tokenizer_class\": \"BertTokenizer\"}"

#define MPNET                                                                            \
    "{\"architectures\": [\"MPNetForMaskedLM\"], \"bos_token_id\": 0, "                  \
    "\"eos_token_id\": 2, \"hidden_act\": \"gelu\", \"hidden_size\": 768, "              \
    "\"intermediate_size\": 3072, \"layer_norm_eps\": 1e-05, "                           \
    "\"max_position_embeddings\": 514, \"model_type\": \"mpnet\", "                      \
    "\"num_attention_heads\": 12, \"num_hidden_layers\": 12, \"pad_token_id\": 1, "      \
    "\"relative_attention_num_buckets\": 32, \"vocab_size\": 30527}"

#define NOMIC                                                                            \
    "{\"activation_function\": \"swiglu\", \"architectures\": [\"NomicBertModel\"], "    \
    "\"causal\": false, \"layer_norm_epsilon\": 1e-12, \"mlp_fc1_bias\": false, "        \
    "\"mlp_fc2_bias\": false, \"model_type\": \"nomic_bert\", \"n_embd\": 768, "         \
    "\"n_head\": 12, \"n_inner\": 3072, \"n_layer\": 12, \"n_positions\": 8192, "        \
    "\"pad_vocab_size_multiple\": 64, \"parallel_block\": false, \"prenorm\": false, "   \
    "\"qkv_proj_bias\": false, \"rotary_emb_base\": 1000, "                              \
    "\"rotary_emb_fraction\": 1.0, \"rotary_emb_interleaved\": false, "                  \
    "\"rotary_emb_scale_base\": null, \"rotary_scaling_factor\": null, "                 \
    "\"max_trained_positions\": 2048, \"type_vocab_size\": 2, "                          \
    "\"use_rms_norm\": false, \"vocab_size\": 30528}"

#define MODERNBERT                                                                       \
    "{\"architectures\": [\"ModernBertForMaskedLM\"], \"attention_bias\": false, "       \
    "\"classifier_activation\": \"gelu\", \"classifier_bias\": false, "                  \
    "\"classifier_pooling\": \"mean\", \"decoder_bias\": true, "                         \
    "\"global_attn_every_n_layers\": 3, \"global_rope_theta\": 160000.0, "               \
    "\"hidden_activation\": \"gelu\", \"hidden_size\": 768, "                            \
    "\"intermediate_size\": 1152, \"layer_norm_eps\": 1e-05, "                           \
    "\"local_attention\": 128, \"local_rope_theta\": 10000.0, "                          \
    "\"max_position_embeddings\": 8192, \"mlp_bias\": false, "                           \
    "\"model_type\": \"modernbert\", \"norm_bias\": false, \"norm_eps\": 1e-05, "        \
    "\"num_attention_heads\": 12, \"num_hidden_layers\": 22, "                           \
    "\"pad_token_id\": 50283, \"position_embedding_type\": \"absolute\", "               \
    "\"tie_word_embeddings\": true, \"vocab_size\": 50368}"

#define JINA(hidden, inner, heads, layers)                                               \
    "{\"architectures\": [\"JinaBertForMaskedLM\"], \"emb_pooler\": \"mean\", "          \
    "\"auto_map\": {\"AutoModel\": "                                                     \
    "\"jinaai/jina-bert-implementation--modeling_bert.JinaBertModel\"}, "                \
    "\"feed_forward_type\": \"geglu\", \"hidden_act\": \"gelu\", "                       \
    "\"hidden_size\": " hidden ", \"intermediate_size\": " inner ", "                    \
    "\"layer_norm_eps\": 1e-12, \"max_position_embeddings\": 8192, "                     \
    "\"model_max_length\": 8192, \"model_type\": \"bert\", "                             \
    "\"num_attention_heads\": " heads ", \"num_hidden_layers\": " layers ", "            \
    "\"pad_token_id\": 0, \"position_embedding_type\": \"alibi\", "                      \
    "\"type_vocab_size\": 2, \"vocab_size\": 30528}"

#define ALBERT                                                                           \
    "{\"architectures\": [\"AlbertForMaskedLM\"], \"bos_token_id\": 2, "                 \
    "\"classifier_dropout_prob\": 0.1, \"down_scale_factor\": 1, "                       \
    "\"embedding_size\": 128, \"eos_token_id\": 3, \"gap_size\": 0, "                    \
    "\"hidden_act\": \"gelu_new\", \"hidden_size\": 768, \"inner_group_num\": 1, "       \
    "\"intermediate_size\": 3072, \"layer_norm_eps\": 1e-12, "                           \
    "\"max_position_embeddings\": 512, \"model_type\": \"albert\", "                     \
    "\"num_attention_heads\": 12, \"num_hidden_groups\": 1, "                            \
    "\"num_hidden_layers\": 12, \"num_memory_blocks\": 0, \"pad_token_id\": 0, "         \
    "\"type_vocab_size\": 2, \"vocab_size\": 30000}"

#define GTE(type, more)                                                                  \
    "{\"model_type\": \"" type "\", \"hidden_act\": \"gelu\", \"hidden_size\": 768, "    \
    "\"intermediate_size\": 3072, \"layer_norm_eps\": 1e-12, "                           \
    "\"layer_norm_type\": \"layer_norm\", \"logn_attention_clip1\": false, "             \
    "\"logn_attention_scale\": false, \"max_position_embeddings\": 8192, "               \
    "\"num_attention_heads\": 12, \"num_hidden_layers\": 12, \"pack_qkv\": true, "       \
    "\"pad_token_id\": 1, \"position_embedding_type\": \"rope\", "                       \
    "\"type_vocab_size\": 1, \"unpad_inputs\": false, "                                  \
    "\"use_memory_efficient_attention\": false, \"vocab_size\": 250048, " more "}"

static const struct {
    const char *name, *config;
    unsigned parts;
    size_t n;
} published[] = {
    {"all-MiniLM-L6-v2", MINILM("BertModel", "6", "30522", ""), POOLED, 22713216},
    {"all-MiniLM-L12-v2", MINILM("BertModel", "12", "30522", ""), POOLED, 33360000},
    {"ms-marco-MiniLM-L6-v2",
     MINILM("BertForSequenceClassification", "6", "30522",
            ", \"id2label\": {\"0\": \"LABEL_0\"}, \"label2id\": {\"LABEL_0\": 0}"),
     POOLED | CLASSES, 22713601},
    {"bert-base-uncased", BERT_BASE, POOLED, 109482240},
    {"bert-base-uncased for pretraining", BERT_BASE, POOLED | MASKED | NEXT, 110106428},
    {"bert-base-uncased for masked words", BERT_BASE, BODY | MASKED, 109514298},
    {"bert-large-uncased", SMALL("1024", "4096", "16", "24"), POOLED, 335141888},
    {"distilbert-base-uncased", DISTILBERT("DistilBertForMaskedLM", ""), BODY, 66362880},
    {"distilbert-base-uncased-finetuned-sst-2-english",
     DISTILBERT("DistilBertForSequenceClassification",
                ", \"finetuning_task\": \"sst-2\", \"id2label\": {\"0\": \"NEGATIVE\", "
                "\"1\": \"POSITIVE\"}, \"label2id\": {\"NEGATIVE\": 0, \"POSITIVE\": 1}"),
     BODY | CLASSES, 66955010},
    {"multilingual-e5-small",
     MINILM("BertModel", "12", "250037",
            ", \"tokenizer_class\": \"XLMRobertaTokenizer\""),
     POOLED, 117653760},
    {"multilingual-e5-large", XLM_LARGE("514"), POOLED, 559890432},
    {"bge-m3", XLM_LARGE("8194"), POOLED, 567754752},
    {"klue-roberta-base", KLUE_ROBERTA, POOLED, 110618112},
    {"all-mpnet-base-v2", MPNET, POOLED, 109486464},
    {"nomic-embed-text-v1.5", NOMIC, BODY, 136731648},
    {"ModernBERT-base", MODERNBERT, BODY, 149014272},
    {"jina-embeddings-v2-base-en", JINA("768", "3072", "12", "12"), POOLED, 137368320},
    {"jina-embeddings-v2-small-en", JINA("512", "2048", "8", "4"), POOLED, 32690688},
    {"albert-base-v2", ALBERT, POOLED, 11683584},
    {"gte-multilingual-reranker-base",
     GTE("new", "\"architectures\": [\"NewForSequenceClassification\"], "
                "\"id2label\": {\"0\": \"LABEL_0\"}, \"label2id\": {\"LABEL_0\": 0}, "
                "\"rope_scaling\": {\"factor\": 8.0, \"type\": \"ntk\"}, "
                "\"rope_theta\": 20000"),
     POOLED | CLASSES, 305959681},
    {"snowflake-arctic-embed-m-v2.0",
     GTE("gte", "\"architectures\": [\"GteModel\"], \"rope_scaling\": null, "
                "\"rope_theta\": 160000"),
     BODY, 305368320},
    {"BERT-Tiny", SMALL("128", "512", "2", "2"), POOLED, 4385920},
    {"BERT-Mini", SMALL("256", "1024", "4", "4"), POOLED, 11170560},
    {"BERT-Small", SMALL("512", "2048", "8", "4"), POOLED, 28763648},
    {"BERT-Medium", SMALL("512", "2048", "8", "8"), POOLED, 41373184},
};

/* Reads config.json from a blob that holds it and nothing else. */
static enc_rc read_config(const char *text, enc_config *c, enc_arena *a, enc_err *e)
{
    const enc_sft_meta meta = {"config.json", {(const uint8_t *)text, strlen(text)}};
    enc_files *files = NULL;
    enc_wr w;
    enc_wr_init(&w);
    enc_sft_write(&w, NULL, 0, &meta, 1);
    enc_rc rc = enc_files_open_blob(&files, (enc_bytes){w.at, w.n}, false, e);
    if (rc == ENC_OK) rc = enc_config_read(c, a, files, 0, e);
    enc_files_close(files);
    enc_wr_clear(&w);
    return rc;
}

static size_t count(const enc_config *c, unsigned parts)
{
    const size_t n = enc_weights_slots(c, NULL, NULL, 0);
    enc_slot *slots = calloc(n, sizeof *slots);
    size_t sum = 0;
    if (slots == NULL) abort();
    CHECK(enc_weights_slots(c, NULL, slots, n) == n);
    for (size_t i = 0; i < n; i++)
        if ((parts & BIT(slots[i].part)) != 0 && !slots[i].is_tied)
            sum += slots[i].rows * slots[i].cols;
    free(slots);
    return sum;
}

int main(void)
{
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        enc_arena arena;
        enc_config c;
        enc_err e;
        enc_err_clear(&e);
        enc_arena_init(&arena);
        enc_rc rc = read_config(published[i].config, &c, &arena, &e);
        CHECK_SAY(rc == ENC_OK, "%s: %s", published[i].name, e.text);
        size_t n = rc == ENC_OK ? count(&c, published[i].parts) : 0;
        CHECK_SAY(n == published[i].n, "%s: %zu parameters, published %zu",
                  published[i].name, n, published[i].n);
        enc_arena_clear(&arena);
    }
    return check_done("counts");
}
