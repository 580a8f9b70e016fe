/* gguf_config.c - keys of a GGUF file -> the JSON files that say what the model is.
 *
 * What the file has no key for is what the converter demanded of the model (the kind of
 * activation, no biases), or what llama.cpp assumes where a key is missing. Vectors are
 * normalized, as llama.cpp does unless told otherwise: whether the model had a step for
 * it, the file does not say. Values out of range are left to config.c to refuse. */
#include <stdio.h>
#include <string.h>

#include "model/gguf_parts.h"

/* Kinds of pooling, llama.cpp's. Absent and "none" are a mean, as sentence-transformers
 * takes for a plain encoder. */
enum { POOL_NONE, POOL_MEAN, POOL_CLS, POOL_LAST, POOL_RANK, N_POOLINGS };

/* A number of config.json that is a key of the file. */
typedef struct field {
    const char *name, *key;
    double usual; /* where the key is missing; 0: it may not be */
} field;

#define END                                                                              \
    {                                                                                    \
        NULL, NULL, 0                                                                    \
    }

static const field bert[] = {
    {"num_hidden_layers", "block_count", 0},
    {"hidden_size", "embedding_length", 0},
    {"num_attention_heads", "attention.head_count", 0},
    {"intermediate_size", "feed_forward_length", 0},
    {"layer_norm_eps", "attention.layer_norm_epsilon", 0},
    END,
};

static const field distilbert[] = {
    {"n_layers", "block_count", 0},
    {"dim", "embedding_length", 0},
    {"n_heads", "attention.head_count", 0},
    {"hidden_dim", "feed_forward_length", 0},
    END,
};

static const field jina[] = {
    {"num_hidden_layers", "block_count", 0},
    {"hidden_size", "embedding_length", 0},
    {"num_attention_heads", "attention.head_count", 0},
    {"intermediate_size", "feed_forward_length", 0},
    {"layer_norm_eps", "attention.layer_norm_epsilon", 0},
    {"max_position_embeddings", "context_length", 0},
    END,
};

static const field nomic[] = {
    {"n_layer", "block_count", 0},
    {"n_embd", "embedding_length", 0},
    {"n_head", "attention.head_count", 0},
    {"n_inner", "feed_forward_length", 0},
    {"layer_norm_epsilon", "attention.layer_norm_epsilon", 0},
    {"n_positions", "context_length", 0},
    {"rotary_emb_base", "rope.freq_base", 10000},
    END,
};

static const field modern[] = {
    {"num_hidden_layers", "block_count", 0},
    {"hidden_size", "embedding_length", 0},
    {"num_attention_heads", "attention.head_count", 0},
    {"intermediate_size", "feed_forward_length", 0},
    {"norm_eps", "attention.layer_norm_epsilon", 0},
    {"max_position_embeddings", "context_length", 0},
    {"global_rope_theta", "rope.freq_base", 160000},
    {"local_rope_theta", "rope.freq_base_swa", 10000},
    {"local_attention", "attention.sliding_window", 0},
    {"global_attn_every_n_layers", "attention.sliding_window_pattern", 3},
    END,
};

static enc_rc write_fields(const enc_gguf *g, const enc_gguf_arch *a, const field *fields,
                           enc_wr *out, enc_err *e)
{
    for (const field *f = fields; f->name != NULL; f++) {
        double v = f->usual;

        if (!enc_gguf_arch_number(g, a, f->key, &v) && v <= 0)
            return enc_fail(e, ENC_CORRUPT, "%s: key %s.%s missing", enc_gguf_what(g),
                            a->name, f->key);
        enc_wr_format(out, ", \"%s\": ", f->name);
        enc_wr_real(out, v, 17);
    }
    return ENC_OK;
}

/* Rows of a matrix; 1 if its only row was written as a vector, `absent` if there is none.
 */
static size_t rows_of(const enc_gguf *g, const char *name, size_t absent)
{
    const enc_tensor *t = enc_gguf_find(g, name);

    if (t == NULL) return absent;
    return t->rank == 2 ? t->shape[0] : 1;
}

static int pooling_of(const enc_gguf *g, const enc_gguf_arch *a)
{
    double v = POOL_NONE;

    enc_gguf_arch_number(g, a, "pooling_type", &v);
    return v >= POOL_NONE && v < N_POOLINGS ? (int)v : N_POOLINGS;
}

/* A classifier's labels, by the file's names for them or by their numbers. */
static void write_labels(const enc_gguf *g, const enc_gguf_arch *a, enc_wr *out)
{
    size_t n = rows_of(g, "cls.output.weight", 0);
    char key[ENC_NAME_MAX];
    enc_gguf_list names;

    snprintf(key, sizeof key, "%s.classifier.output_labels", a->name);
    if (!enc_gguf_texts(g, key, &names) || names.n != n) names.n = 0;
    enc_wr_text(out, ", \"id2label\": {");
    for (size_t i = 0; i < n; i++) {
        enc_wr_format(out, "%s\"%zu\": ", i > 0 ? ", " : "", i);
        if (names.n > 0) {
            enc_bytes name = enc_gguf_next_text(&names);
            enc_wr_json_text(out, (const char *)name.at, name.n);
        } else {
            enc_wr_format(out, "\"LABEL_%zu\"", i);
        }
    }
    enc_wr_text(out, "}");
}

/* Newer files of ModernBERT name the activation. */
static void write_activation(const enc_gguf *g, enc_wr *out)
{
    enc_bytes act = enc_gguf_text(g, "modern-bert.hidden_activation");

    if (act.at == NULL) act = (enc_bytes){(const uint8_t *)"gelu", 4};
    enc_wr_text(out, ", \"hidden_activation\": ");
    enc_wr_json_text(out, (const char *)act.at, act.n);
}

/* What the architecture decides, and its table of numbers. */
static const field *write_arch(const enc_gguf *g, enc_gguf_kind kind, enc_wr *out)
{
    size_t n_positions = rows_of(g, "position_embd.weight", 0);
    size_t n_segments = rows_of(g, "token_types.weight", 2);

    switch (kind) {
    case ENC_GGUF_BERT:
        enc_wr_format(out,
                      ", \"hidden_act\": \"gelu\", \"type_vocab_size\": %zu, "
                      "\"max_position_embeddings\": %zu",
                      n_segments, n_positions);
        return bert;
    case ENC_GGUF_DISTILBERT:
        enc_wr_format(out,
                      ", \"activation\": \"gelu\", \"sinusoidal_pos_embds\": false, "
                      "\"max_position_embeddings\": %zu",
                      n_positions);
        return distilbert;
    case ENC_GGUF_NOMIC:
        enc_wr_format(out,
                      ", \"type_vocab_size\": %zu, \"activation_function\": \"swiglu\", "
                      "\"rotary_emb_fraction\": 1.0, \"rotary_emb_interleaved\": false, "
                      "\"rotary_emb_scale_base\": null, \"prenorm\": false, "
                      "\"qkv_proj_bias\": false, \"mlp_fc1_bias\": false, "
                      "\"mlp_fc2_bias\": false, \"causal\": false",
                      n_segments);
        return nomic;
    case ENC_GGUF_JINA:
    case ENC_GGUF_JINA_CODE:
        enc_wr_format(out,
                      ", \"hidden_act\": \"gelu\", \"type_vocab_size\": %zu, "
                      "\"position_embedding_type\": \"alibi\", "
                      "\"feed_forward_type\": \"geglu\", \"emb_pooler\": \"mean\", "
                      "\"auto_map\": {\"AutoModel\": \"jinaai/%s--modeling_bert.JinaBert"
                      "Model\"}",
                      n_segments,
                      kind == ENC_GGUF_JINA ? "jina-bert-implementation"
                                            : "jina-bert-v2-qk-post-norm");
        return jina;
    default: break; /* ENC_GGUF_MODERN */
    }
    write_activation(g, out);
    enc_wr_text(out, ", \"norm_bias\": false, \"attention_bias\": false, "
                     "\"mlp_bias\": false");
    return modern;
}

enc_rc enc_gguf_write_config(const enc_gguf *g, const enc_gguf_arch *a, enc_wr *out,
                             enc_err *e)
{
    bool has_labels = enc_gguf_find(g, "cls.output.weight") != NULL;
    double n;
    enc_rc rc;

    if (enc_gguf_find(g, "token_embd.weight") == NULL)
        return enc_fail(e, ENC_CORRUPT, "%s: tensor token_embd.weight missing",
                        enc_gguf_what(g));
    enc_wr_format(out,
                  "{\"model_type\": \"%s\", \"architectures\": [\"%s%s\"], "
                  "\"vocab_size\": %zu",
                  a->model_type, a->class_name,
                  has_labels ? "ForSequenceClassification" : "Model",
                  rows_of(g, "token_embd.weight", 0));
    if (enc_gguf_arch_number(g, a, "attention.causal", &n) && n != 0)
        enc_wr_text(out, ", \"is_decoder\": true");
    if (enc_gguf_number(g, "tokenizer.ggml.padding_token_id", &n)) {
        enc_wr_text(out, ", \"pad_token_id\": ");
        enc_wr_real(out, n, 17);
    }
    if (has_labels) write_labels(g, a, out);
    if ((rc = write_fields(g, a, write_arch(g, a->kind, out), out, e))) return rc;
    enc_wr_text(out, "}\n");
    return ENC_OK;
}

enc_rc enc_gguf_write_modules(const enc_gguf *g, const enc_gguf_arch *a, enc_wr *out,
                              enc_err *e)
{
    (void)e;
    if (pooling_of(g, a) == POOL_RANK) return ENC_OK; /* it gives scores, not vectors */
    enc_wr_text(out, "[{\"idx\": 0, \"name\": \"0\", \"path\": \"\", "
                     "\"type\": \"sentence_transformers.models.Transformer\"},\n"
                     " {\"idx\": 1, \"name\": \"1\", \"path\": \"1_Pooling\", "
                     "\"type\": \"sentence_transformers.models.Pooling\"},\n"
                     " {\"idx\": 2, \"name\": \"2\", \"path\": \"2_Normalize\", "
                     "\"type\": \"sentence_transformers.models.Normalize\"}]\n");
    return ENC_OK;
}

enc_rc enc_gguf_write_pooling(const enc_gguf *g, const enc_gguf_arch *a, enc_wr *out,
                              enc_err *e)
{
    int pooling = pooling_of(g, a);

    if (pooling == POOL_RANK) return ENC_OK;
    if (pooling == N_POOLINGS)
        return enc_fail(e, ENC_UNSUPPORTED, "%s: %s.pooling_type is not one of 0 to %d",
                        enc_gguf_what(g), a->name, N_POOLINGS - 1);
    enc_wr_format(out,
                  "{\"pooling_mode_cls_token\": %s, \"pooling_mode_mean_tokens\": %s, "
                  "\"pooling_mode_lasttoken\": %s}\n",
                  pooling == POOL_CLS ? "true" : "false",
                  pooling == POOL_NONE || pooling == POOL_MEAN ? "true" : "false",
                  pooling == POOL_LAST ? "true" : "false");
    return ENC_OK;
}

enc_rc enc_gguf_write_max_length(const enc_gguf *g, const enc_gguf_arch *a, enc_wr *out,
                                 enc_err *e)
{
    double n;

    (void)e;
    if (enc_gguf_arch_number(g, a, "context_length", &n)) {
        enc_wr_text(out, "{\"max_seq_length\": ");
        enc_wr_real(out, n, 17);
        enc_wr_text(out, "}\n");
    }
    return ENC_OK;
}
