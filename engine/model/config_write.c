/* config_write.c - a configuration -> the files that say it again, as transformers and
 * sentence-transformers write them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/wr.h"
#include "model/arch.h"

static void write_text(enc_wr *w, const char *text)
{
    enc_wr_json_text(w, text, strlen(text));
}

/* The shortest decimal that reads back as the same float. The host's locale may put a
 * comma into it. */
static void write_float(enc_wr *w, float v)
{
    char text[40] = "";

    for (int digits = 1; digits <= 8 && (digits == 1 || strtof(text, NULL) != v);
         digits++)
        snprintf(text, sizeof text, "%.*g", digits, (double)v);
    if (strtof(text, NULL) != v) snprintf(text, sizeof text, "%.9g", (double)v);
    for (char *c = text; *c != '\0'; c++)
        if (strchr("0123456789+-e", *c) == NULL) *c = '.';
    enc_wr_text(w, text);
}

static const char *const act_names[] = {[ENC_GELU] = "gelu",
                                        [ENC_GELU_TANH] = "gelu_new",
                                        [ENC_RELU] = "relu",
                                        [ENC_SILU] = "silu",
                                        [ENC_TANH] = "tanh"};

static const char *const problem_names[] = {
    [ENC_SINGLE_LABEL] = "single_label_classification",
    [ENC_MULTI_LABEL] = "multi_label_classification",
    [ENC_REGRESSION] = "regression"};

typedef struct named {
    const char *label;
    size_t id;
} named;

static int by_label(const void *a, const void *b)
{
    const named *x = a, *y = b;
    int order = strcmp(x->label, y->label);

    return order != 0 ? order : (x->id > y->id) - (x->id < y->id);
}

/* By name, as transformers sorts keys; of labels of one name the last. */
static void write_ids(const enc_config *c, enc_wr *w)
{
    named *all = enc_mem_array(c->n_labels, sizeof *all);

    w->failed |= all == NULL;
    for (size_t i = 0; all != NULL && i < c->n_labels; i++)
        all[i] = (named){c->labels[i], i};
    if (all != NULL) qsort(all, c->n_labels, sizeof *all, by_label);
    for (size_t i = 0, n = 0; all != NULL && i < c->n_labels; i++) {
        if (i + 1 < c->n_labels && strcmp(all[i].label, all[i + 1].label) == 0) continue;
        enc_wr_text(w, n++ > 0 ? ",\n    " : "\n    ");
        write_text(w, all[i].label);
        enc_wr_format(w, ": %zu", all[i].id);
    }
    enc_mem_free(all);
}

static void write_labels(const enc_config *c, enc_wr *w)
{
    enc_wr_text(w, "  \"id2label\": {");
    for (size_t i = 0; i < c->n_labels; i++) {
        enc_wr_format(w, "%s\n    \"%zu\": ", i > 0 ? "," : "", i);
        write_text(w, c->labels[i]);
    }
    enc_wr_text(w, "\n  },\n  \"label2id\": {");
    write_ids(c, w);
    if (c->labels_tokens) {
        enc_wr_text(w, "\n  },\n");
        return;
    }
    enc_wr_format(w, "\n  },\n  \"problem_type\": \"%s\",\n", problem_names[c->problem]);
    enc_wr_format(
        w, "  \"sentence_transformers\": {\"activation_fn\": \"torch.nn.modules.%s\"},\n",
        c->rerank_sigmoid ? "activation.Sigmoid" : "linear.Identity");
}

static const char *class_name(const enc_config *c, bool has_heads)
{
    if ((c->has & ENC_HAS_ANSWERS) != 0) return "BertForQuestionAnswering";
    if (c->n_labels > 0 && c->labels_tokens) return "BertForTokenClassification";
    if (c->n_labels > 0) return "BertForSequenceClassification";
    return has_heads ? "BertForPreTraining" : "BertModel";
}

static void write_config(const enc_config *c, bool has_heads, enc_wr *w)
{
    enc_wr_format(w, "{\n  \"architectures\": [\"%s\"],\n  \"model_type\": \"%s\",\n",
                  class_name(c, has_heads), c->arch->name);
    enc_wr_format(w, "  \"vocab_size\": %zu,\n  \"hidden_size\": %zu,\n", c->n_vocab,
                  c->hidden);
    enc_wr_format(w, "  \"num_hidden_layers\": %zu,\n  \"num_attention_heads\": %zu,\n",
                  c->n_layers, c->n_heads);
    enc_wr_format(w, "  \"intermediate_size\": %zu,\n  \"hidden_act\": \"%s\",\n",
                  c->inner, act_names[c->act]);
    enc_wr_format(w, "  \"max_position_embeddings\": %zu,\n  \"type_vocab_size\": %zu,\n",
                  c->n_positions, c->n_segments);
    enc_wr_text(w, "  \"layer_norm_eps\": ");
    write_float(w, c->norm_eps);
    enc_wr_text(w, ",\n  \"position_embedding_type\": \"absolute\",\n");
    if (c->n_labels > 0) write_labels(c, w);
    enc_wr_format(w, "  \"tie_word_embeddings\": %s,\n",
                  c->own_decoder ? "false" : "true");
    enc_wr_text(
        w, "  \"hidden_dropout_prob\": 0.1,\n  \"attention_probs_dropout_prob\": 0.1,\n"
           "  \"initializer_range\": 0.02,\n  \"pad_token_id\": 0,\n"
           "  \"torch_dtype\": \"float32\"\n}\n");
}

static void write_modules(const enc_config *c, enc_wr *w)
{
    static const char *const steps[] = {"Transformer", "Pooling", "Normalize"};
    static const char *const paths[] = {"", "1_Pooling", "2_Normalize"};

    enc_wr_text(w, "[");
    for (size_t i = 0; i < (c->normalize ? 3 : 2); i++)
        enc_wr_format(
            w,
            "%s\n  {\n    \"idx\": %zu,\n    \"name\": \"%zu\",\n    \"path\": \"%s\",\n"
            "    \"type\": \"sentence_transformers.models.%s\"\n  }",
            i > 0 ? "," : "", i, i, paths[i], steps[i]);
    enc_wr_text(w, "\n]\n");
}

static void write_pooling(const enc_config *c, enc_wr *w)
{
    static const struct {
        const char *key;
        unsigned bit;
    } modes[] = {{"cls_token", ENC_POOL_CLS},
                 {"mean_tokens", ENC_POOL_MEAN},
                 {"max_tokens", ENC_POOL_MAX},
                 {"mean_sqrt_len_tokens", ENC_POOL_MEAN_SQRT},
                 {"weightedmean_tokens", ENC_POOL_WEIGHTED_MEAN},
                 {"lasttoken", ENC_POOL_LAST}};

    enc_wr_format(w, "{\n  \"word_embedding_dimension\": %zu,\n", c->hidden);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        enc_wr_format(w, "  \"pooling_mode_%s\": %s,\n", modes[i].key,
                      (c->pooling & modes[i].bit) != 0 ? "true" : "false");
    enc_wr_format(w, "  \"include_prompt\": %s\n}\n", c->skips_prompt ? "false" : "true");
}

static void write_use(const enc_config *c, enc_wr *w)
{
    enc_wr_text(w, "{\n  \"model_type\": \"SentenceTransformer\",\n  \"prompts\": {");
    for (size_t i = 0; i < c->n_prompts; i++) {
        enc_wr_format(w, "%s\n    ", i > 0 ? "," : "");
        write_text(w, c->prompts[i].name);
        enc_wr_text(w, ": ");
        write_text(w, c->prompts[i].text);
    }
    enc_wr_format(w, "%s},\n  \"default_prompt_name\": ", c->n_prompts > 0 ? "\n  " : "");
    if (c->default_prompt != NULL) write_text(w, c->default_prompt);
    else enc_wr_text(w, "null");
    enc_wr_text(w, ",\n  \"similarity_fn_name\": ");
    write_text(w, c->similarity != NULL ? c->similarity : "cosine");
    enc_wr_text(w, "\n}\n");
}

void enc_config_write(const enc_config *c, const char *name, bool has_heads, enc_wr *out)
{
    if (strcmp(name, "config.json") == 0) write_config(c, has_heads, out);
    else if (strcmp(name, "modules.json") == 0) write_modules(c, out);
    else if (strcmp(name, "1_Pooling/config.json") == 0) write_pooling(c, out);
    else if (strcmp(name, "config_sentence_transformers.json") == 0) write_use(c, out);
    else if (strcmp(name, "sentence_bert_config.json") == 0)
        enc_wr_format(out,
                      "{\n  \"max_seq_length\": %zu,\n  \"do_lower_case\": false\n}\n",
                      c->max_tokens);
}
