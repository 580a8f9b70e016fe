/* arch.c - see arch.h. V vocabulary, D width, E width of the embeddings, I width of the
 * feed-forward layer. */
#include "model/arch.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TABLE(array)                                                                     \
    {                                                                                    \
        array, COUNT(array)                                                              \
    }
#define IN(member)       offsetof(enc_weights, member)
#define IN_LAYER(member) offsetof(enc_layer, member)

#define BODY ENC_PART_BODY
#define V    ENC_DIM_V
#define D    ENC_DIM_D
#define E    ENC_DIM_E
#define I    ENC_DIM_I

/* A linear layer, its bias wherever it has one. */
#define WEIGHT(n, p, r, c, place)                                                        \
    .name = n ".weight", .part = p, .rows = r, .cols = c,                                \
    .at = place + offsetof(enc_linear, w)
#define BIAS(n, p, r, place)                                                             \
    .name = n ".bias", .part = p, .rows = r, .at = place + offsetof(enc_linear, b)
#define LINEAR(n, p, r, c, place)                                                        \
    {WEIGHT(n, p, r, c, place)},                                                         \
    {                                                                                    \
        BIAS(n, p, r, place)                                                             \
    }
#define LINEAR_IF(n, p, r, c, place, has)                                                \
    {WEIGHT(n, p, r, c, place)},                                                         \
    {                                                                                    \
        BIAS(n, p, r, place), .needs = has                                               \
    }
#define NORM(n, p, d, place)                                                             \
    {.name = n ".weight",                                                                \
     .part = p,                                                                          \
     .rows = d,                                                                          \
     .at = place + offsetof(enc_layernorm, gain)},                                       \
    {                                                                                    \
        .name = n ".bias", .part = p, .rows = d, .needs = ENC_HAS_NORM_BIAS,             \
        .at = place + offsetof(enc_layernorm, bias)                                      \
    }
#define MATRIX(n, p, r, c, place)                                                        \
    {                                                                                    \
        .name = n, .part = p, .rows = r, .cols = c, .at = place                          \
    }
#define DECODER(n)                                                                       \
    {                                                                                    \
        .name = n, .part = ENC_PART_MLM, .rows = V, .cols = E, .at = IN(mlm_decoder),    \
        .is_tied = true                                                                  \
    }
#define DECODER_BIAS(n, other)                                                           \
    {                                                                                    \
        .name = n, .part = ENC_PART_MLM, .rows = V, .at = IN(mlm_bias),                  \
        .needs = ENC_HAS_DECODER_BIAS, .or_name = other                                  \
    }

/* Linear layers over every token's state, which most architectures call the same. */
#define TOKENS(n)   LINEAR(n, ENC_PART_TOKENS, ENC_DIM_LABELS, D, IN(token_classifier))
#define ANSWER      LINEAR("qa_outputs", ENC_PART_ANSWER, ENC_DIM_TWO, D, IN(answer))
#define POOLER(n)   LINEAR(n, ENC_PART_POOLER, D, D, IN(pooler))
#define LABELS(n)   LINEAR(n, ENC_PART_CLASSIFIER, ENC_DIM_LABELS, D, IN(classifier))
#define BEFORE(n)   LINEAR(n, ENC_PART_CLASSIFIER, D, D, IN(head_dense))
#define MLM(dense)  LINEAR(dense, ENC_PART_MLM, E, D, IN(mlm_transform))
#define MLM_NORM(n) NORM(n, ENC_PART_MLM, E, IN(mlm_norm))

#define WORDS MATRIX("embeddings.word_embeddings.weight", BODY, V, E, IN(word))
#define PLACES                                                                           \
    MATRIX("embeddings.position_embeddings.weight", BODY, ENC_DIM_POSITIONS, E,          \
           IN(position))
#define SEGMENTS                                                                         \
    MATRIX("embeddings.token_type_embeddings.weight", BODY, ENC_DIM_SEGMENTS, E,         \
           IN(segment))
#define EMB_NORM(n) NORM(n, BODY, E, IN(emb_norm))

#define PLAIN                                                                            \
    (ENC_HAS_ATTN_BIAS | ENC_HAS_UP_BIAS | ENC_HAS_DOWN_BIAS | ENC_HAS_NORM_BIAS |       \
     ENC_HAS_DECODER_BIAS)

/* ---- BERT: Devlin et al. 2018; RoBERTa, XLM-R: the same with heads of their own ---- */

static const enc_arch_row bert_embeddings[] = {WORDS, PLACES, SEGMENTS,
                                               EMB_NORM("embeddings.LayerNorm")};

static const enc_arch_row bert_layer[] = {
    LINEAR("attention.self.query", BODY, D, D, IN_LAYER(query)),
    LINEAR("attention.self.key", BODY, D, D, IN_LAYER(key)),
    LINEAR("attention.self.value", BODY, D, D, IN_LAYER(value)),
    LINEAR("attention.output.dense", BODY, D, D, IN_LAYER(attn_out)),
    NORM("attention.output.LayerNorm", BODY, D, IN_LAYER(attn_norm)),
    LINEAR("intermediate.dense", BODY, I, D, IN_LAYER(up)),
    LINEAR("output.dense", BODY, D, I, IN_LAYER(down)),
    NORM("output.LayerNorm", BODY, D, IN_LAYER(out_norm)),
};

static const enc_arch_row bert_heads[] = {
    POOLER("pooler.dense"),
    LABELS("classifier"),
    MLM("cls.predictions.transform.dense"),
    MLM_NORM("cls.predictions.transform.LayerNorm"),
    DECODER("cls.predictions.decoder.weight"),
    DECODER_BIAS("cls.predictions.bias", "cls.predictions.decoder.bias"),
    LINEAR("cls.seq_relationship", ENC_PART_NSP, ENC_DIM_TWO, D, IN(next_sentence)),
    TOKENS("classifier"),
    ANSWER,
};

static const enc_arch_row roberta_heads[] = {
    POOLER("pooler.dense"),
    BEFORE("classifier.dense"),
    LABELS("classifier.out_proj"),
    MLM("lm_head.dense"),
    MLM_NORM("lm_head.layer_norm"),
    DECODER("lm_head.decoder.weight"),
    DECODER_BIAS("lm_head.bias", "lm_head.decoder.bias"),
    TOKENS("classifier"),
    ANSWER,
};

/* ---- DistilBERT: Sanh et al. 2019 ---- */

static const enc_arch_row distilbert_embeddings[] = {WORDS, PLACES,
                                                     EMB_NORM("embeddings.LayerNorm")};

static const enc_arch_row distilbert_layer[] = {
    LINEAR("attention.q_lin", BODY, D, D, IN_LAYER(query)),
    LINEAR("attention.k_lin", BODY, D, D, IN_LAYER(key)),
    LINEAR("attention.v_lin", BODY, D, D, IN_LAYER(value)),
    LINEAR("attention.out_lin", BODY, D, D, IN_LAYER(attn_out)),
    NORM("sa_layer_norm", BODY, D, IN_LAYER(attn_norm)),
    LINEAR("ffn.lin1", BODY, I, D, IN_LAYER(up)),
    LINEAR("ffn.lin2", BODY, D, I, IN_LAYER(down)),
    NORM("output_layer_norm", BODY, D, IN_LAYER(out_norm)),
};

static const enc_arch_row distilbert_heads[] = {
    BEFORE("pre_classifier"),
    LABELS("classifier"),
    MLM("vocab_transform"),
    MLM_NORM("vocab_layer_norm"),
    DECODER("vocab_projector.weight"),
    DECODER_BIAS("vocab_projector.bias", NULL),
    TOKENS("classifier"),
    ANSWER,
};

/* ---- ELECTRA: Clark et al. 2020 ---- */

static const enc_arch_row electra_embeddings[] = {
    WORDS,
    PLACES,
    SEGMENTS,
    EMB_NORM("embeddings.LayerNorm"),
    {WEIGHT("embeddings_project", BODY, D, E, IN(emb_project)),
     .needs = ENC_HAS_PROJECTION},
    {BIAS("embeddings_project", BODY, D, IN(emb_project)), .needs = ENC_HAS_PROJECTION},
};

static const enc_arch_row electra_heads[] = {
    BEFORE("classifier.dense"),
    LABELS("classifier.out_proj"),
    MLM("generator_predictions.dense"),
    MLM_NORM("generator_predictions.LayerNorm"),
    DECODER("generator_lm_head.weight"),
    DECODER_BIAS("generator_lm_head.bias", NULL),
    TOKENS("classifier"),
    ANSWER,
};

/* ---- MPNet: Song et al. 2020 ---- */

static const enc_arch_row mpnet_embeddings[] = {
    WORDS, PLACES, EMB_NORM("embeddings.LayerNorm"),
    MATRIX("encoder.relative_attention_bias.weight", BODY, ENC_DIM_BUCKETS, ENC_DIM_HEADS,
           IN(buckets))};

static const enc_arch_row mpnet_layer[] = {
    LINEAR("attention.attn.q", BODY, D, D, IN_LAYER(query)),
    LINEAR("attention.attn.k", BODY, D, D, IN_LAYER(key)),
    LINEAR("attention.attn.v", BODY, D, D, IN_LAYER(value)),
    LINEAR("attention.attn.o", BODY, D, D, IN_LAYER(attn_out)),
    NORM("attention.LayerNorm", BODY, D, IN_LAYER(attn_norm)),
    LINEAR("intermediate.dense", BODY, I, D, IN_LAYER(up)),
    LINEAR("output.dense", BODY, D, I, IN_LAYER(down)),
    NORM("output.LayerNorm", BODY, D, IN_LAYER(out_norm)),
};

/* ---- ALBERT: Lan et al. 2019 ---- */

static const enc_arch_row albert_embeddings[] = {
    WORDS,
    PLACES,
    SEGMENTS,
    EMB_NORM("embeddings.LayerNorm"),
    LINEAR("encoder.embedding_hidden_mapping_in", BODY, D, E, IN(emb_project)),
};

static const enc_arch_row albert_layer[] = {
    LINEAR("attention.query", BODY, D, D, IN_LAYER(query)),
    LINEAR("attention.key", BODY, D, D, IN_LAYER(key)),
    LINEAR("attention.value", BODY, D, D, IN_LAYER(value)),
    LINEAR("attention.dense", BODY, D, D, IN_LAYER(attn_out)),
    NORM("attention.LayerNorm", BODY, D, IN_LAYER(attn_norm)),
    LINEAR("ffn", BODY, I, D, IN_LAYER(up)),
    LINEAR("ffn_output", BODY, D, I, IN_LAYER(down)),
    NORM("full_layer_layer_norm", BODY, D, IN_LAYER(out_norm)),
};

static const enc_arch_row albert_heads[] = {
    POOLER("pooler"),
    LABELS("classifier"),
    MLM("predictions.dense"),
    MLM_NORM("predictions.LayerNorm"),
    DECODER("predictions.decoder.weight"),
    DECODER_BIAS("predictions.bias", "predictions.decoder.bias"),
    TOKENS("classifier"),
    ANSWER,
};

/* ---- Nomic BERT: Nussbaum et al. 2024 ---- */

static const enc_arch_row nomic_embeddings[] = {WORDS, SEGMENTS, EMB_NORM("emb_ln")};

static const enc_arch_row nomic_layer[] = {
    {WEIGHT("attn.Wqkv", BODY, ENC_DIM_3D, D, IN_LAYER(query)), .split = 3},
    {BIAS("attn.Wqkv", BODY, ENC_DIM_3D, IN_LAYER(query)), .split = 3,
     .needs = ENC_HAS_ATTN_BIAS},
    LINEAR_IF("attn.out_proj", BODY, D, D, IN_LAYER(attn_out), ENC_HAS_ATTN_BIAS),
    NORM("norm1", BODY, D, IN_LAYER(attn_norm)),
    LINEAR_IF("mlp.fc11", BODY, I, D, IN_LAYER(up), ENC_HAS_UP_BIAS),
    LINEAR_IF("mlp.fc12", BODY, I, D, IN_LAYER(gate), ENC_HAS_UP_BIAS),
    LINEAR_IF("mlp.fc2", BODY, D, I, IN_LAYER(down), ENC_HAS_DOWN_BIAS),
    NORM("norm2", BODY, D, IN_LAYER(out_norm)),
};

static const enc_arch_row nomic_heads[] = {POOLER("pooler.dense"), LABELS("classifier")};

/* ---- GTE ("new"): Zhang et al. 2024 ---- */

static const enc_arch_row gte_embeddings[] = {WORDS, SEGMENTS,
                                              EMB_NORM("embeddings.LayerNorm")};

static const enc_arch_row gte_layer[] = {
    {WEIGHT("attention.qkv_proj", BODY, ENC_DIM_3D, D, IN_LAYER(query)), .split = 3},
    {BIAS("attention.qkv_proj", BODY, ENC_DIM_3D, IN_LAYER(query)), .split = 3},
    LINEAR("attention.o_proj", BODY, D, D, IN_LAYER(attn_out)),
    NORM("attn_ln", BODY, D, IN_LAYER(attn_norm)),
    {WEIGHT("mlp.up_gate_proj", BODY, ENC_DIM_2I, D, IN_LAYER(up)), .split = -2},
    LINEAR("mlp.down_proj", BODY, D, I, IN_LAYER(down)),
    NORM("mlp_ln", BODY, D, IN_LAYER(out_norm)),
};

static const enc_arch_row gte_heads[] = {
    POOLER("pooler.dense"),
    LABELS("classifier"),
    MLM("lm_head.dense"),
    MLM_NORM("lm_head.norm"),
    DECODER("lm_head.decoder.weight"),
    DECODER_BIAS("lm_head.decoder.bias", NULL),
    TOKENS("classifier"),
    ANSWER,
};

/* ---- Jina BERT v2: Guenther et al. 2023 ---- */

static const enc_arch_row jina_embeddings[] = {WORDS, SEGMENTS,
                                               EMB_NORM("embeddings.LayerNorm")};

static const enc_arch_row jina_layer[] = {
    LINEAR("attention.self.query", BODY, D, D, IN_LAYER(query)),
    LINEAR("attention.self.key", BODY, D, D, IN_LAYER(key)),
    LINEAR("attention.self.value", BODY, D, D, IN_LAYER(value)),
    LINEAR("attention.output.dense", BODY, D, D, IN_LAYER(attn_out)),
    NORM("attention.output.LayerNorm", BODY, D, IN_LAYER(attn_norm)),
    {WEIGHT("mlp.gated_layers", BODY, ENC_DIM_2I, D, IN_LAYER(gate)), .split = 2},
    LINEAR("mlp.wo", BODY, D, I, IN_LAYER(down)),
    NORM("mlp.layernorm", BODY, D, IN_LAYER(out_norm)),
};

/* ---- ModernBERT: Warner et al. 2024 ---- */

static const enc_arch_row modernbert_embeddings[] = {
    MATRIX("embeddings.tok_embeddings.weight", BODY, V, E, IN(word)),
    EMB_NORM("embeddings.norm"), NORM("final_norm", BODY, D, IN(final_norm))};

static const enc_arch_row modernbert_layer[] = {
    {.name = "attn_norm.weight",
     .part = BODY,
     .rows = D,
     .at = IN_LAYER(attn_norm.gain),
     .not_first = true},
    {.name = "attn_norm.bias",
     .part = BODY,
     .rows = D,
     .at = IN_LAYER(attn_norm.bias),
     .needs = ENC_HAS_NORM_BIAS,
     .not_first = true},
    {WEIGHT("attn.Wqkv", BODY, ENC_DIM_3D, D, IN_LAYER(query)), .split = 3},
    {BIAS("attn.Wqkv", BODY, ENC_DIM_3D, IN_LAYER(query)), .split = 3,
     .needs = ENC_HAS_ATTN_BIAS},
    LINEAR_IF("attn.Wo", BODY, D, D, IN_LAYER(attn_out), ENC_HAS_ATTN_BIAS),
    NORM("mlp_norm", BODY, D, IN_LAYER(out_norm)),
    {WEIGHT("mlp.Wi", BODY, ENC_DIM_2I, D, IN_LAYER(gate)), .split = 2},
    {BIAS("mlp.Wi", BODY, ENC_DIM_2I, IN_LAYER(gate)), .split = 2,
     .needs = ENC_HAS_UP_BIAS},
    LINEAR_IF("mlp.Wo", BODY, D, I, IN_LAYER(down), ENC_HAS_DOWN_BIAS),
};

/* Its dense layer and norm stand before whatever judges. */
#define MODERN_HEAD(p, dense, norm)                                                      \
    LINEAR_IF("head.dense", p, D, D, IN(dense), ENC_HAS_HEAD_BIAS),                      \
        NORM("head.norm", p, D, IN(norm))

static const enc_arch_row modernbert_heads[] = {
    MODERN_HEAD(ENC_PART_CLASSIFIER, head_dense, head_norm),
    LABELS("classifier"),
    MODERN_HEAD(ENC_PART_TOKENS, head_dense, head_norm),
    TOKENS("classifier"),
    MODERN_HEAD(ENC_PART_ANSWER, head_dense, head_norm),
    LINEAR("classifier", ENC_PART_ANSWER, ENC_DIM_TWO, D, IN(answer)),
    MODERN_HEAD(ENC_PART_MLM, mlm_transform, mlm_norm),
    DECODER("decoder.weight"),
    DECODER_BIAS("decoder.bias", NULL),
};

/* ---- static models: Tulkens and van Dongen 2024 (model2vec) ---- */

static const enc_arch_row static_embeddings[] = {
    {.name = "embeddings",
     .part = BODY,
     .rows = ENC_DIM_VECTORS,
     .cols = D,
     .at = IN(word),
     .or_name = "embedding.weight"},
    {.name = "weights",
     .part = BODY,
     .rows = V,
     .at = IN(word_weight),
     .needs = ENC_HAS_WORD_WEIGHTS},
};

/* ---- all of them ---- */

const enc_arch enc_arch_bert = {
    .name = "bert",
    .prefix = "bert.",
    .layer = "encoder.layer.",
    .embeddings = TABLE(bert_embeddings),
    .layer_rows = TABLE(bert_layer),
    .heads = TABLE(bert_heads),
    .norm_eps = 1e-12,
    .mlm_takes_act = true,
    .n_segments = 2,
    .has = PLAIN,
};

/* RoBERTa by its many names. */
#define ROBERTA(model_type)                                                              \
    {                                                                                    \
        .name = model_type, .prefix = "roberta.", .layer = "encoder.layer.",             \
        .embeddings = TABLE(bert_embeddings), .layer_rows = TABLE(bert_layer),           \
        .heads = TABLE(roberta_heads), .norm_eps = 1e-12, .head_act = ENC_TANH,          \
        .mlm_act = ENC_GELU, .offsets_positions = true, .n_segments = 2, .has = PLAIN    \
    }

#define GTE(model_type)                                                                  \
    {                                                                                    \
        .name = model_type, .prefix = "new.", .layer = "encoder.layer.",                 \
        .embeddings = TABLE(gte_embeddings), .layer_rows = TABLE(gte_layer),             \
        .heads = TABLE(gte_heads), .norm_eps = 1e-12, .mlm_takes_act = true,             \
        .positions = ENC_ROTARY, .has = PLAIN                                            \
    }

static const enc_arch others[] = {
    ROBERTA("roberta"),
    ROBERTA("xlm-roberta"),
    ROBERTA("camembert"),
    {.name = "distilbert",
     .prefix = "distilbert.",
     .layer = "transformer.layer.",
     .embeddings = TABLE(distilbert_embeddings),
     .layer_rows = TABLE(distilbert_layer),
     .heads = TABLE(distilbert_heads),
     .keys = {.hidden = "dim",
              .n_layers = "n_layers",
              .n_heads = "n_heads",
              .inner = "hidden_dim",
              .act = "activation"},
     .norm_eps = 1e-12,
     .head_act = ENC_RELU,
     .mlm_takes_act = true,
     .has = PLAIN},
    {.name = "electra",
     .prefix = "electra.",
     .layer = "encoder.layer.",
     .embeddings = TABLE(electra_embeddings),
     .layer_rows = TABLE(bert_layer),
     .heads = TABLE(electra_heads),
     .norm_eps = 1e-12,
     .head_act = ENC_GELU,
     .mlm_act = ENC_GELU,
     .n_segments = 2,
     .has = PLAIN},
    {.name = "mpnet",
     .prefix = "mpnet.",
     .layer = "encoder.layer.",
     .embeddings = TABLE(mpnet_embeddings),
     .layer_rows = TABLE(mpnet_layer),
     .heads = TABLE(roberta_heads),
     .norm_eps = 1e-12,
     .head_act = ENC_TANH,
     .mlm_act = ENC_GELU,
     .offsets_positions = true,
     .positions = ENC_BUCKETS,
     .has = PLAIN},
    {.name = "albert",
     .prefix = "albert.",
     .layer = "encoder.albert_layer_groups.0.albert_layers.",
     .embeddings = TABLE(albert_embeddings),
     .layer_rows = TABLE(albert_layer),
     .heads = TABLE(albert_heads),
     .norm_eps = 1e-12,
     .mlm_takes_act = true,
     .is_shared = true,
     .n_segments = 2,
     .has = PLAIN | ENC_HAS_PROJECTION},
    {.name = "nomic_bert",
     .prefix = "bert.",
     .layer = "encoder.layers.",
     .embeddings = TABLE(nomic_embeddings),
     .layer_rows = TABLE(nomic_layer),
     .heads = TABLE(nomic_heads),
     .keys = {.hidden = "n_embd",
              .n_layers = "n_layer",
              .n_heads = "n_head",
              .inner = "n_inner",
              .n_positions = "n_positions",
              .norm_eps = "layer_norm_epsilon"},
     .norm_eps = 1e-12,
     .positions = ENC_ROTARY,
     .n_segments = 2,
     .has = ENC_HAS_NORM_BIAS},
    GTE("new"),
    GTE("gte"),
    {.name = "jina_bert_v2",
     .prefix = "bert.",
     .layer = "encoder.layer.",
     .embeddings = TABLE(jina_embeddings),
     .layer_rows = TABLE(jina_layer),
     .heads = TABLE(bert_heads),
     .norm_eps = 1e-12,
     .mlm_takes_act = true,
     .positions = ENC_ALIBI,
     .n_segments = 2,
     .has = PLAIN},
    {.name = "modernbert",
     .prefix = "model.",
     .layer = "layers.",
     .embeddings = TABLE(modernbert_embeddings),
     .layer_rows = TABLE(modernbert_layer),
     .heads = TABLE(modernbert_heads),
     .keys = {.act = "hidden_activation", .norm_eps = "norm_eps"},
     .norm_eps = 1e-5,
     .positions = ENC_ROTARY,
     .is_prenorm = true,
     .has = ENC_HAS_DECODER_BIAS},
};

const enc_arch enc_arch_static = {.name = "model2vec",
                                  .embeddings = TABLE(static_embeddings)};

const enc_arch *enc_arch_find(const char *model_type, const char *positions)
{
    /* Jina's models say they are BERT, but for this. */
    if (strcmp(model_type, "bert") == 0 && positions != NULL &&
        strcmp(positions, "alibi") == 0)
        model_type = "jina_bert_v2";
    if (strcmp(model_type, "bert") == 0) return &enc_arch_bert;
    if (strcmp(model_type, "model2vec") == 0) return &enc_arch_static;
    for (size_t i = 0; i < COUNT(others); i++)
        if (strcmp(model_type, others[i].name) == 0) return &others[i];
    return NULL;
}

void enc_arch_apply(enc_config *c)
{
    if (c->arch == NULL) c->arch = &enc_arch_bert;
    if (c->embedding == 0) c->embedding = c->hidden;
    if (c->n_vectors == 0) c->n_vectors = c->n_vocab;
    c->has |= c->arch->has;
    c->is_prenorm = c->arch->is_prenorm;
    c->is_shared = c->arch->is_shared;
    c->has_alibi = c->arch->positions == ENC_ALIBI;
    c->head_act = c->arch->head_act;
    c->mlm_act = c->arch->mlm_takes_act ? c->act : c->arch->mlm_act;
}

size_t enc_arch_layers(const enc_config *c)
{
    return c->is_shared && c->n_layers > 1 ? 1 : c->n_layers;
}

void enc_arch_names(char *out, size_t n)
{
    size_t at = (size_t)snprintf(out, n, "%s", enc_arch_bert.name);

    for (size_t i = 0; i < COUNT(others) && at < n; i++)
        at += (size_t)snprintf(out + at, n - at, ", %s", others[i].name);
    if (at < n) snprintf(out + at, n - at, ", %s", enc_arch_static.name);
}
