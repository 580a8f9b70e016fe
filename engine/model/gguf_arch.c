/* gguf_arch.c - what llama.cpp's converter called the tensors of each architecture.
 *
 * Its "bert" is also RoBERTa, XLM-RoBERTa and CamemBERT: it cut the unused first rows off
 * the position table, so that they count positions from 0 and the graph is BERT's. The
 * dense layer of RoBERTa's classifier, with tanh after it, is what BERT calls its pooler.
 * Without a table of token types it is DistilBERT. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/gguf_parts.h"

typedef struct enc_gguf_name {
    const char *from, *to; /* without ".weight" and ".bias" */
    bool is_matrix;        /* of which a single row may have been written as a vector */
} enc_gguf_name;

#define END                                                                              \
    {                                                                                    \
        NULL, NULL, false                                                                \
    }

static const enc_gguf_name bert[] = {
    {"token_embd", "embeddings.word_embeddings", false},
    {"position_embd", "embeddings.position_embeddings", false},
    {"token_types", "embeddings.token_type_embeddings", true},
    {"token_embd_norm", "embeddings.LayerNorm", false},
    {"cls", "pooler.dense", false},
    {"cls.output", "classifier", true},
    END,
};

static const enc_gguf_name bert_layer[] = {
    {"attn_q", "attention.self.query", false},
    {"attn_k", "attention.self.key", false},
    {"attn_v", "attention.self.value", false},
    {"attn_output", "attention.output.dense", false},
    {"attn_output_norm", "attention.output.LayerNorm", false},
    {"ffn_up", "intermediate.dense", false},
    {"ffn_down", "output.dense", false},
    {"layer_output_norm", "output.LayerNorm", false},
    END,
};

static const enc_gguf_name distilbert[] = {
    {"token_embd", "embeddings.word_embeddings", false},
    {"position_embd", "embeddings.position_embeddings", false},
    {"token_embd_norm", "embeddings.LayerNorm", false},
    {"cls", "pre_classifier", false},
    {"cls.output", "classifier", true},
    END,
};

static const enc_gguf_name distilbert_layer[] = {
    {"attn_q", "attention.q_lin", false},
    {"attn_k", "attention.k_lin", false},
    {"attn_v", "attention.v_lin", false},
    {"attn_output", "attention.out_lin", false},
    {"attn_output_norm", "sa_layer_norm", false},
    {"ffn_up", "ffn.lin1", false},
    {"ffn_down", "ffn.lin2", false},
    {"layer_output_norm", "output_layer_norm", false},
    END,
};

static const enc_gguf_name nomic[] = {
    {"token_embd", "embeddings.word_embeddings", false},
    {"token_types", "embeddings.token_type_embeddings", true},
    {"token_embd_norm", "emb_ln", false},
    END,
};

static const enc_gguf_name nomic_layer[] = {
    {"attn_qkv", "attn.Wqkv", false},      {"attn_output", "attn.out_proj", false},
    {"attn_output_norm", "norm1", false},  {"ffn_up", "mlp.fc11", false},
    {"ffn_gate", "mlp.fc12", false},       {"ffn_down", "mlp.fc2", false},
    {"layer_output_norm", "norm2", false}, END,
};

static const enc_gguf_name jina[] = {
    {"token_embd", "embeddings.word_embeddings", false},
    {"token_types", "embeddings.token_type_embeddings", true},
    {"token_embd_norm", "embeddings.LayerNorm", false},
    END,
};

/* Where gate and up were written apart, gguf_view.c joins them. */
static const enc_gguf_name jina_layer[] = {
    {"attn_q", "attention.self.query", false},
    {"attn_k", "attention.self.key", false},
    {"attn_v", "attention.self.value", false},
    {"attn_output", "attention.output.dense", false},
    {"attn_output_norm", "attention.output.LayerNorm", false},
    {"ffn_up", "mlp.gated_layers", false},
    {"ffn_down", "mlp.wo", false},
    {"layer_output_norm", "mlp.layernorm", false},
    END,
};

/* The variant for code, which normalizes queries and keys. */
static const enc_gguf_name jina_code_layer[] = {
    {"attn_q", "attention.self.query", false},
    {"attn_k", "attention.self.key", false},
    {"attn_v", "attention.self.value", false},
    {"attn_q_norm", "attention.self.layer_norm_q", false},
    {"attn_k_norm", "attention.self.layer_norm_k", false},
    {"attn_output", "attention.output.dense", false},
    {"attn_output_norm", "attention.output.LayerNorm", false},
    {"attn_norm_2", "layer_norm_1", false},
    {"ffn_up", "mlp.up_gated_layer", false},
    {"ffn_down", "mlp.down_layer", false},
    {"layer_output_norm", "layer_norm_2", false},
    END,
};

static const enc_gguf_name modern[] = {
    {"token_embd", "embeddings.tok_embeddings", false},
    {"token_embd_norm", "embeddings.norm", false},
    {"output_norm", "final_norm", false},
    {"cls", "head.dense", false},
    {"cls.norm", "head.norm", false},
    {"cls.output", "classifier", true},
    END,
};

static const enc_gguf_name modern_layer[] = {
    {"attn_norm", "attn_norm", false},
    {"attn_qkv", "attn.Wqkv", false},
    {"attn_output", "attn.Wo", false},
    {"ffn_norm", "mlp_norm", false},
    {"ffn_up", "mlp.Wi", false},
    {"ffn_down", "mlp.Wo", false},
    END,
};

/* In the order of enc_gguf_kind. */
static const enc_gguf_arch architectures[] = {
    {ENC_GGUF_BERT, "bert", "bert", "Bert", "encoder.layer.", bert, bert_layer},
    {ENC_GGUF_DISTILBERT, "bert", "distilbert", "DistilBert", "transformer.layer.",
     distilbert, distilbert_layer},
    {ENC_GGUF_NOMIC, "nomic-bert", "nomic_bert", "NomicBert", "encoder.layers.", nomic,
     nomic_layer},
    {ENC_GGUF_JINA, "jina-bert-v2", "bert", "JinaBert", "encoder.layer.", jina,
     jina_layer},
    {ENC_GGUF_JINA_CODE, "jina-bert-v2", "bert", "JinaBert", "encoder.layer.", jina,
     jina_code_layer},
    {ENC_GGUF_MODERN, "modern-bert", "modernbert", "ModernBert", "layers.", modern,
     modern_layer},
};

enc_rc enc_gguf_arch_find(const enc_gguf *g, const enc_gguf_arch **out, enc_err *e)
{
    enc_bytes name = enc_gguf_text(g, "general.architecture");

    if (name.at == NULL)
        return enc_fail(e, ENC_CORRUPT, "%s: key general.architecture missing",
                        enc_gguf_what(g));
    for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++) {
        const enc_gguf_arch *a = &architectures[i];

        if (strlen(a->name) != name.n || memcmp(a->name, name.at, name.n) != 0) continue;
        *out = a;
        if (a->kind == ENC_GGUF_BERT && enc_gguf_find(g, "token_types.weight") == NULL)
            *out = &architectures[ENC_GGUF_DISTILBERT];
        if (a->kind == ENC_GGUF_JINA && enc_gguf_find(g, "blk.0.attn_q_norm.weight"))
            *out = &architectures[ENC_GGUF_JINA_CODE];
        return ENC_OK;
    }
    return enc_fail(e, ENC_UNSUPPORTED,
                    "%s: architecture '%.*s' not supported (bert, nomic-bert, "
                    "jina-bert-v2, modern-bert)",
                    enc_gguf_what(g), (int)(name.n < 60 ? name.n : 60),
                    (const char *)name.at);
}

/* The row of a table for a name's first n bytes. */
static const enc_gguf_name *find(const enc_gguf_name *rows, const char *name, size_t n)
{
    for (; rows->from != NULL; rows++)
        if (strlen(rows->from) == n && memcmp(rows->from, name, n) == 0) return rows;
    return NULL;
}

bool enc_gguf_arch_rename(const enc_gguf_arch *a, const char *name,
                          char out[ENC_NAME_MAX])
{
    const char *end = strrchr(name, '.'), *stem = name;
    const enc_gguf_name *row = NULL;
    size_t digits = 0;

    if (strncmp(name, "blk.", 4) == 0) {
        digits = strspn(name + 4, "0123456789");
        if (digits > 0 && name[4 + digits] == '.') stem = name + 5 + digits;
    }
    if (end != NULL && end >= stem &&
        (strcmp(end, ".weight") == 0 || strcmp(end, ".bias") == 0))
        row = find(stem == name ? a->body : a->layer, stem, (size_t)(end - stem));
    if (row == NULL) snprintf(out, ENC_NAME_MAX, "%s", name);
    else if (stem == name) snprintf(out, ENC_NAME_MAX, "%s%s", row->to, end);
    else
        snprintf(out, ENC_NAME_MAX, "%s%.*s.%s%s", a->layers, (int)digits, name + 4,
                 row->to, end);
    return row != NULL && row->is_matrix && strcmp(end, ".weight") == 0;
}

bool enc_gguf_arch_number(const enc_gguf *g, const enc_gguf_arch *a, const char *suffix,
                          double *out)
{
    char key[ENC_NAME_MAX];
    double v;

    snprintf(key, sizeof key, "%s.%s", a->name, suffix);
    if (!enc_gguf_number(g, key, &v) || !isfinite(v)) return false;
    *out = v;
    return true;
}
