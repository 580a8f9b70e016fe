/* A GGUF file seen as the directory it was made from: tensors, settings, tokenizers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/limits.h"
#include "check.h"
#include "gguf_file.h"
#include "lib/faults.h"
#include "lib/tiny.h"
#include "model/gguf_view.h"

/* What is open of one file. */
typedef struct opened {
    enc_map *map;
    enc_gguf_view *v;
} opened;

static opened open_view(const char *name)
{
    opened o = {NULL, NULL};
    char path[128];
    enc_err e;

    enc_err_clear(&e);
    snprintf(path, sizeof path, "tests/data/gguf/%s.gguf", name);
    CHECK_SAY(enc_map_open(&o.map, path, SIZE_MAX, &e) == ENC_OK, "%s", e.text);
    CHECK_SAY(enc_gguf_view_open(&o.v, enc_map_bytes(o.map), name, &e) == ENC_OK, "%s",
              e.text);
    return o;
}

static void close_view(opened o)
{
    enc_gguf_view_close(o.v);
    enc_map_close(o.map);
}

static const enc_tensor *find(const opened *o, const char *name)
{
    for (size_t i = 0; i < enc_gguf_view_count(o->v); i++)
        if (strcmp(enc_gguf_view_at(o->v, i)->name, name) == 0)
            return enc_gguf_view_at(o->v, i);
    return NULL;
}

static void has(const opened *o, const char *name, size_t rows, size_t columns)
{
    const enc_tensor *t = find(o, name);

    CHECK_SAY(t != NULL, "no tensor %s", name);
    if (t == NULL) return;
    CHECK_SAY(t->rank == (columns == 0 ? 1 : 2) && t->shape[0] == rows &&
                  (columns == 0 || t->shape[1] == columns),
              "%s has rank %zu, shape %zu, %zu", name, t->rank, t->shape[0], t->shape[1]);
}

static enc_bytes get(const opened *o, const char *name)
{
    enc_bytes b, again;
    enc_err e;

    enc_err_clear(&e);
    CHECK_SAY(enc_gguf_view_get(o->v, name, &b, &e) == ENC_OK, "%s: %s", name, e.text);
    CHECK(enc_gguf_view_get(o->v, name, &again, &e) == ENC_OK && again.at == b.at);
    return b;
}

static enc_json *json_of(const opened *o, const char *name)
{
    enc_json *j = NULL;
    enc_err e;

    enc_err_clear(&e);
    CHECK_SAY(enc_json_open(&j, get(o, name), name, &e) == ENC_OK, "%s", e.text);
    return j;
}

static bool is_text(enc_json_value *v, const char *s)
{
    const char *is = enc_json_text(v, NULL);
    return is != NULL && strcmp(is, s) == 0;
}

/* {"key": 12} or {"key": "text"} of config.json. */
static void says(enc_json *j, const char *key, double number, const char *text)
{
    enc_json_value *v = enc_json_get(enc_json_root(j), key);

    if (text != NULL) CHECK_SAY(is_text(v, text), "%s is not %s", key, text);
    else
        CHECK_SAY(fabs(enc_json_number(v) - number) <= 1e-6 * fabs(number),
                  "%s is %.17g, expected %g", key, enc_json_number(v), number);
}

/* --- a whole model --------------------------------------------------------------------
 */

/* What a value may lose: half a step of its block, whose steps the largest one decides.
 */
static double loss_of(enc_dtype type, const float *x, size_t i)
{
    double most = 0;

    if (type == ENC_F32) return 0;
    if (type == ENC_F16) return fabs((double)x[i]) / 2048 + 1e-7;
    for (size_t k = i / 32 * 32; k < i / 32 * 32 + 32; k++)
        if (fabs((double)x[k]) > most) most = fabs((double)x[k]);
    /* The other end of 4 bits is at 7 of 8 steps: there a value loses a whole step. */
    return type == ENC_Q8_0 ? most / 127 * 0.6 : most / 8 * 1.05;
}

static void compare(const enc_tensor *t, const enc_tensor *original)
{
    size_t n = enc_tensor_count(t);
    float *x = malloc(n * sizeof *x), *y = malloc(n * sizeof *y);

    CHECK_SAY(original != NULL, "no tensor %s", t->name);
    if (original != NULL && x != NULL && y != NULL) {
        CHECK(t->rank == original->rank && n == enc_tensor_count(original));
        CHECK(t->shape[0] == original->shape[0] && t->shape[1] == original->shape[1]);
        enc_tensor_to_f32(t, x);
        enc_tensor_to_f32(original, y);
        for (size_t i = 0; i < n; i++)
            CHECK_SAY(fabs((double)x[i] - (double)y[i]) <= loss_of(t->dtype, y, i),
                      "%s, value %zu: %.9g was %.9g", t->name, i, (double)x[i],
                      (double)y[i]);
    }
    free(x);
    free(y);
}

/* A model written from a directory opens as that directory does. */
static void a_file_is_the_model_it_was_made_from(void)
{
    static const struct {
        const char *path;
        enc_dtype type;
    } forms[] = {{"tests/data/gguf/tiny-f16.gguf", ENC_F16},
                 {"tests/data/gguf/tiny-q8_0.gguf", ENC_Q8_0},
                 {"tests/data/gguf/tiny-q4_0.gguf", ENC_Q4_0}};
    enc_files *tiny;
    enc_err e;

    enc_err_clear(&e);
    CHECK(enc_files_open_directory(&tiny, "tests/data/tiny", &e) == ENC_OK);
    CHECK_SAY(enc_files_open_tensors(tiny, &e) == ENC_OK, "%s", e.text);
    for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
        enc_files *f;
        enc_model *m;

        CHECK(enc_files_open_directory(&f, forms[k].path, &e) == ENC_OK);
        CHECK(enc_files_metadata(f, "fingerprint").at == NULL);
        CHECK_SAY(enc_model_open(&m, f, NULL, &e) == ENC_OK, "%s", e.text);
        if (m == NULL) continue;
        CHECK(enc_files_tensor_count(f) == 37);
        CHECK(enc_files_tensor(f, "encoder.layer.1.output.dense.weight")->dtype ==
              forms[k].type);
        for (size_t i = 0; i < enc_files_tensor_count(f); i++) {
            const enc_tensor *t = enc_files_tensor_at(f, i);
            char name[128];

            snprintf(name, sizeof name, "bert.%s", t->name);
            compare(t, enc_files_tensor(tiny, name));
        }
        CHECK(m->config.n_layers == 2 && m->config.hidden == 32 && m->config.inner == 64);
        CHECK(m->config.n_positions == 64 && m->config.max_tokens == 48);
        CHECK(m->config.normalize && m->config.pooling == ENC_POOL_MEAN);
        CHECK((double)m->config.norm_eps < 1.1e-12);
        CHECK(enc_tok_specials(m->tok).mask == 4 && enc_tok_rules(m->tok).lower_case);
        CHECK(!enc_tok_rules(m->tok).strip_accents); /* it has syllables of Hangul */
        for (int32_t id = 0; id < 90; id++) {
            enc_bytes p = enc_vocab_piece(enc_tok_vocab(m->tok), id);
            CHECK(p.n > 0);
        }
        CHECK(enc_vocab_find(enc_tok_vocab(m->tok), "##ing", 5) > 0);
        CHECK(enc_vocab_find(enc_tok_vocab(m->tok), "learning", 8) > 0);
        enc_model_close(m);
    }
    enc_files_close(tiny);
}

/* The vocabulary is the bytes that the file was made from. */
static void a_vocabulary_is_inverted(void)
{
    opened o = open_view("tiny-q8_0");
    enc_map *map = NULL;
    enc_err e;

    enc_err_clear(&e);
    CHECK(enc_map_open(&map, "tests/data/tiny/vocab.txt", SIZE_MAX, &e) == ENC_OK);
    enc_bytes got = get(&o, "vocab.txt"), wanted = enc_map_bytes(map);
    CHECK(got.n == wanted.n && memcmp(got.at, wanted.at, got.n) == 0);
    CHECK(get(&o, "tokenizer.json").at == NULL && get(&o, "README.md").at == NULL);
    enc_map_close(map);
    close_view(o);
}

/* --- other architectures --------------------------------------------------------------
 */

static void bert_is_a_reranker_too(void)
{
    opened o = open_view("xlmr");
    enc_json *j = json_of(&o, "config.json");

    says(j, "model_type", 0, "bert");
    says(j, "vocab_size", 12, NULL), says(j, "hidden_size", 8, NULL);
    says(j, "num_hidden_layers", 1, NULL), says(j, "num_attention_heads", 2, NULL);
    says(j, "intermediate_size", 12, NULL), says(j, "max_position_embeddings", 16, NULL);
    says(j, "type_vocab_size", 1, NULL), says(j, "layer_norm_eps", 1e-5, NULL);
    says(j, "pad_token_id", 1, NULL), says(j, "hidden_act", 0, "gelu");
    CHECK(is_text(enc_json_get(enc_json_get(enc_json_root(j), "id2label"), "0"),
                  "relevance"));
    CHECK(is_text(enc_json_at(enc_json_get(enc_json_root(j), "architectures"), 0),
                  "BertForSequenceClassification"));
    enc_json_close(j);
    CHECK(get(&o, "modules.json").at == NULL);
    CHECK(get(&o, "1_Pooling/config.json").at == NULL);
    has(&o, "embeddings.token_type_embeddings.weight", 1, 8); /* was a vector */
    has(&o, "embeddings.LayerNorm.bias", 8, 0);
    has(&o, "encoder.layer.0.attention.self.key.weight", 8, 8);
    has(&o, "encoder.layer.0.attention.output.LayerNorm.weight", 8, 0);
    has(&o, "encoder.layer.0.intermediate.dense.weight", 12, 8);
    has(&o, "encoder.layer.0.output.dense.bias", 8, 0);
    has(&o, "pooler.dense.weight", 8, 8);
    has(&o, "classifier.weight", 1, 8);
    has(&o, "classifier.bias", 1, 0);
    close_view(o);
}

static void bert_without_token_types_is_distilbert(void)
{
    opened o = open_view("distilbert");
    enc_json *j = json_of(&o, "config.json");

    says(j, "model_type", 0, "distilbert"), says(j, "activation", 0, "gelu");
    says(j, "dim", 8, NULL), says(j, "n_layers", 1, NULL), says(j, "n_heads", 2, NULL);
    says(j, "hidden_dim", 12, NULL), says(j, "max_position_embeddings", 16, NULL);
    enc_json_close(j);
    j = json_of(&o, "1_Pooling/config.json");
    CHECK(enc_json_true(enc_json_get(enc_json_root(j), "pooling_mode_cls_token")));
    CHECK(!enc_json_true(enc_json_get(enc_json_root(j), "pooling_mode_mean_tokens")));
    enc_json_close(j);
    has(&o, "embeddings.position_embeddings.weight", 16, 8);
    has(&o, "transformer.layer.0.attention.q_lin.weight", 8, 8);
    has(&o, "transformer.layer.0.attention.out_lin.bias", 8, 0);
    has(&o, "transformer.layer.0.sa_layer_norm.weight", 8, 0);
    has(&o, "transformer.layer.0.ffn.lin1.weight", 12, 8);
    has(&o, "transformer.layer.0.ffn.lin2.weight", 8, 12);
    has(&o, "transformer.layer.0.output_layer_norm.bias", 8, 0);
    CHECK(enc_gguf_view_count(o.v) == 20);
    close_view(o);
}

static void nomic_keeps_its_fused_matrix(void)
{
    opened o = open_view("nomic");
    enc_json *j = json_of(&o, "config.json");

    says(j, "model_type", 0, "nomic_bert"), says(j, "activation_function", 0, "swiglu");
    says(j, "n_embd", 8, NULL), says(j, "n_layer", 1, NULL), says(j, "n_head", 2, NULL);
    says(j, "n_inner", 12, NULL), says(j, "n_positions", 2048, NULL);
    says(j, "rotary_emb_base", 1000, NULL), says(j, "type_vocab_size", 2, NULL);
    says(j, "layer_norm_epsilon", 1e-12, NULL);
    enc_json_close(j);
    has(&o, "emb_ln.weight", 8, 0);
    has(&o, "encoder.layers.0.attn.Wqkv.weight", 24, 8);
    has(&o, "encoder.layers.0.attn.out_proj.weight", 8, 8);
    has(&o, "encoder.layers.0.norm1.bias", 8, 0);
    has(&o, "encoder.layers.0.mlp.fc11.weight", 12, 8);
    has(&o, "encoder.layers.0.mlp.fc12.weight", 12, 8);
    has(&o, "encoder.layers.0.mlp.fc2.weight", 8, 12);
    has(&o, "encoder.layers.0.norm2.weight", 8, 0);
    j = json_of(&o, "tokenizer_config.json"); /* without capitals */
    CHECK(enc_json_true(enc_json_get(enc_json_root(j), "do_lower_case")));
    CHECK(enc_json_true(enc_json_get(enc_json_root(j), "strip_accents")));
    enc_json_close(j);
    j = json_of(&o, "sentence_bert_config.json");
    CHECK(enc_json_int(enc_json_get(enc_json_root(j), "max_seq_length")) == 2048);
    enc_json_close(j);
    close_view(o);
}

/* Layer 0 has its gate just before the values, layer 1 far behind. */
static void gates_of_jina_are_joined(void)
{
    opened o = open_view("jina");
    enc_json *j = json_of(&o, "config.json");

    says(j, "position_embedding_type", 0, "alibi");
    says(j, "feed_forward_type", 0, "geglu"), says(j, "model_type", 0, "bert");
    says(j, "max_position_embeddings", 8192, NULL),
        says(j, "intermediate_size", 12, NULL);
    enc_json_close(j);
    j = json_of(&o, "tokenizer_config.json"); /* it has a piece "Cat" */
    CHECK(enc_json_is_bool(enc_json_get(enc_json_root(j), "do_lower_case")));
    CHECK(!enc_json_true(enc_json_get(enc_json_root(j), "do_lower_case")));
    enc_json_close(j);
    for (int layer = 0; layer < 2; layer++) {
        float x[24 * 8];
        char name[64];

        snprintf(name, sizeof name, "encoder.layer.%d.mlp.gated_layers.weight", layer);
        has(&o, name, 24, 8);
        enc_tensor_to_f32(find(&o, name), x);
        /* Values count up from 100 times the tensor's place in the file. */
        float gate = x[0] * 1024, up = x[12 * 8] * 1024;
        CHECK(x[95] * 1024 == gate + 95 && x[191] * 1024 == up + 95);
        CHECK(up - gate == (layer == 0 ? 100 : -300));
    }
    has(&o, "encoder.layer.1.mlp.wo.weight", 8, 12);
    has(&o, "encoder.layer.1.mlp.layernorm.bias", 8, 0);
    has(&o, "encoder.layer.0.attention.self.query.weight", 8, 8);
    CHECK(find(&o, "blk.0.ffn_gate.weight") == NULL);
    close_view(o);
    o = open_view("jina_code");
    has(&o, "encoder.layer.0.mlp.up_gated_layer.weight", 24, 8);
    has(&o, "encoder.layer.0.mlp.down_layer.bias", 8, 0);
    has(&o, "encoder.layer.0.attention.self.layer_norm_q.weight", 8, 0);
    has(&o, "encoder.layer.0.attention.self.layer_norm_k.bias", 8, 0);
    has(&o, "encoder.layer.0.layer_norm_1.weight", 8, 0);
    has(&o, "encoder.layer.0.layer_norm_2.weight", 8, 0);
    close_view(o);
}

static void modernbert_has_two_rotations(void)
{
    opened o = open_view("modern");
    enc_json *j = json_of(&o, "config.json");

    says(j, "model_type", 0, "modernbert"), says(j, "hidden_activation", 0, "gelu");
    says(j, "hidden_size", 8, NULL), says(j, "num_hidden_layers", 2, NULL);
    says(j, "num_attention_heads", 2, NULL), says(j, "intermediate_size", 12, NULL);
    says(j, "norm_eps", 1e-5, NULL), says(j, "max_position_embeddings", 8192, NULL);
    says(j, "global_rope_theta", 160000, NULL), says(j, "local_rope_theta", 10000, NULL);
    says(j, "local_attention", 128, NULL), says(j, "global_attn_every_n_layers", 3, NULL);
    enc_json_close(j);
    has(&o, "embeddings.tok_embeddings.weight", 12, 8);
    has(&o, "embeddings.norm.weight", 8, 0);
    CHECK(find(&o, "layers.0.attn_norm.weight") == NULL);
    has(&o, "layers.1.attn_norm.weight", 8, 0);
    has(&o, "layers.1.attn.Wqkv.weight", 24, 8);
    has(&o, "layers.1.attn.Wo.weight", 8, 8);
    has(&o, "layers.0.mlp_norm.weight", 8, 0);
    has(&o, "layers.0.mlp.Wi.weight", 24, 8);
    has(&o, "layers.0.mlp.Wo.weight", 8, 12);
    has(&o, "final_norm.weight", 8, 0);
    close_view(o);
}

/* --- other tokenizers -----------------------------------------------------------------
 */

static enc_json_value *path(enc_json_value *v, const char *a, const char *b)
{
    v = enc_json_get(v, a);
    return b == NULL ? v : enc_json_get(v, b);
}

/* The ids that a template adds, -1 for a text: {0, -1, 2, 2, -1, 2}. */
static void template_is(enc_json_value *root, const char *name, const int *ids, size_t n)
{
    enc_json_value *post = enc_json_get(root, "post_processor");
    enc_json_value *items = enc_json_get(post, name);

    CHECK_SAY(enc_json_count(items) == n, "%s has %zu items", name,
              enc_json_count(items));
    for (size_t i = 0; i < enc_json_count(items) && i < n; i++) {
        enc_json_value *v = enc_json_get(enc_json_at(items, i), "SpecialToken");
        const char *id = enc_json_text(enc_json_get(v, "id"), NULL);
        enc_json_value *known =
            path(enc_json_get(post, "special_tokens"), id != NULL ? id : "", "ids");

        CHECK((v == NULL) == (ids[i] < 0));
        if (v != NULL) CHECK(enc_json_int(enc_json_at(known, 0)) == ids[i]);
    }
}

static void unigram_becomes_tokenizer_json(void)
{
    opened o = open_view("xlmr");
    enc_json *j = json_of(&o, "tokenizer.json");
    enc_json_value *root = enc_json_root(j), *vocab = path(root, "model", "vocab");
    enc_json_value *added = enc_json_get(root, "added_tokens"), *steps;

    CHECK(get(&o, "vocab.txt").at == NULL);
    CHECK(is_text(path(root, "model", "type"), "Unigram"));
    CHECK(enc_json_int(path(root, "model", "unk_id")) == 3);
    CHECK(enc_json_count(vocab) == 12);
    CHECK(is_text(enc_json_at(enc_json_at(vocab, 5), 0), "\xe2\x96\x81the"));
    CHECK((float)enc_json_number(enc_json_at(enc_json_at(vocab, 5), 1)) ==
          (float)(-1 - 1.0 / 3));
    CHECK(is_text(enc_json_at(enc_json_at(vocab, 8), 0), "\""));
    CHECK(enc_json_count(added) == 5);
    CHECK(is_text(enc_json_get(enc_json_at(added, 4), "content"), "<mask>"));
    CHECK(enc_json_true(enc_json_get(enc_json_at(added, 4), "lstrip")));
    CHECK(!enc_json_true(enc_json_get(enc_json_at(added, 0), "lstrip")));
    CHECK(is_text(path(root, "normalizer", "type"), "Precompiled"));
    CHECK(is_text(path(root, "normalizer", "precompiled_charsmap"),
                  "YW55IGNhcm5hbCBwbGVhcw=="));
    steps = path(root, "pre_tokenizer", "pretokenizers");
    CHECK(is_text(enc_json_get(enc_json_at(steps, 0), "type"), "WhitespaceSplit"));
    CHECK(is_text(enc_json_get(enc_json_at(steps, 1), "type"), "Metaspace"));
    CHECK(is_text(enc_json_get(enc_json_at(steps, 1), "prepend_scheme"), "always"));
    template_is(root, "single", (const int[]){0, -1, 2}, 3);
    template_is(root, "pair", (const int[]){0, -1, 2, 2, -1, 2}, 6);
    enc_json_close(j);
    close_view(o);
}

static void bpe_becomes_tokenizer_json(void)
{
    opened o = open_view("modern");
    enc_json *j = json_of(&o, "tokenizer.json");
    enc_json_value *root = enc_json_root(j), *vocab = path(root, "model", "vocab");

    CHECK(is_text(path(root, "model", "type"), "BPE"));
    CHECK(enc_json_count(vocab) == 11); /* the unused one is a hole */
    CHECK(enc_json_int(enc_json_get(vocab, "\xc4\xa0"
                                           "cat")) == 10);
    CHECK(is_text(enc_json_at(path(root, "model", "merges"), 0), "\xc4\xa0 c"));
    CHECK(is_text(path(root, "normalizer", "type"), "NFC"));
    CHECK(is_text(path(root, "pre_tokenizer", "type"), "ByteLevel"));
    template_is(root, "single", (const int[]){0, -1, 2}, 3);
    template_is(root, "pair", (const int[]){0, -1, 2, -1, 2}, 5);
    enc_json_close(j);
    close_view(o);
    o = open_view("jina_code");
    j = json_of(&o, "tokenizer.json");
    CHECK(enc_json_is_null(path(enc_json_root(j), "normalizer", NULL)));
    template_is(enc_json_root(j), "pair", (const int[]){0, -1, 2, 2, -1, 2}, 6);
    enc_json_close(j);
    close_view(o);
}

/* --- what is wrong --------------------------------------------------------------------
 */

/* Replaces text by text of the same length, once, in a copy of a file. */
static enc_rc open_changed(const char *name, const char *from, const char *to,
                           const char *wanted, enc_err *e)
{
    opened o = open_view(name);
    enc_bytes b = enc_map_bytes(o.map), ignored;
    uint8_t *copy = malloc(b.n), *at;
    enc_gguf_view *v = NULL;
    enc_rc rc = ENC_NOMEM;

    enc_err_clear(e);
    if (copy != NULL) {
        memcpy(copy, b.at, b.n);
        at = memmem(copy, b.n, from, strlen(from));
        CHECK_SAY(at != NULL && strlen(from) == strlen(to), "no %s in %s", from, name);
        if (at != NULL) memcpy(at, to, strlen(to));
        rc = enc_gguf_view_open(&v, (enc_bytes){copy, b.n}, "f", e);
        if (rc == ENC_OK) rc = enc_gguf_view_get(v, wanted, &ignored, e);
    }
    enc_gguf_view_close(v);
    free(copy);
    close_view(o);
    return rc;
}

static void what_is_missing_or_unknown_is_named(void)
{
    static const struct {
        const char *file, *from, *to, *wanted, *says;
        enc_rc rc;
    } bad[] = {
        {"nomic", "general.architecture", "general.architectura", "config.json",
         "key general.architecture missing", ENC_CORRUPT},
        {"nomic", "nomic-bert", "llama-bert", "config.json",
         "architecture 'llama-bert' not supported (bert, nomic-bert", ENC_UNSUPPORTED},
        {"modern", "modern-bert.block_count", "modern-bert.block_cuont", "config.json",
         "key modern-bert.block_count missing", ENC_CORRUPT},
        {"xlmr", "token_embd.weight", "taken_embd.weight", "config.json",
         "tensor token_embd.weight missing", ENC_CORRUPT},
        {"nomic", "tokenizer.ggml.model", "tokenizer.ggml.medal", "vocab.txt",
         "key tokenizer.ggml.model missing", ENC_CORRUPT},
        {"modern", "gpt2", "rwkv", "tokenizer.json",
         "tokenizer 'rwkv' not supported (bert, t5, gpt2)", ENC_UNSUPPORTED},
        {"nomic", "tokenizer.ggml.tokens", "tokenizer.ggml.tacens", "vocab.txt",
         "key tokenizer.ggml.tokens missing", ENC_CORRUPT},
        {"xlmr", "tokenizer.ggml.scores", "tokenizer.ggml.scares", "tokenizer.json",
         "0 values of tokenizer.ggml.scores for 12 pieces", ENC_CORRUPT},
        {"modern", "tokenizer.ggml.merges", "tokenizer.ggml.murges", "tokenizer.json",
         "key tokenizer.ggml.merges missing", ENC_CORRUPT},
        {"jina_code", "jina-v2-code", "qwen-v2-code", "tokenizer.json",
         "tokenizer.ggml.pre 'qwen-v2-code' not supported (gpt-2,", ENC_UNSUPPORTED},
    };
    enc_err e;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enc_rc rc = open_changed(bad[i].file, bad[i].from, bad[i].to, bad[i].wanted, &e);

        CHECK_SAY(rc == bad[i].rc, "%s: rc %d", bad[i].says, (int)rc);
        CHECK_SAY(strstr(e.text, bad[i].says) != NULL, "%s: %s", bad[i].says, e.text);
    }
}

/* Numbers behind a key: their four bytes, of whatever type. */
static void numbers_out_of_range_are_refused(void)
{
    static const struct {
        const char *file, *key, *wanted, *says;
        uint32_t value;
    } bad[] = {
        {"nomic", "tokenizer.ggml.mask_token_id", "vocab.txt",
         "tokenizer.ggml.mask_token_id is 12, but there are 12 pieces", 12},
        {"nomic", "nomic-bert.pooling_type", "1_Pooling/config.json",
         "nomic-bert.pooling_type is not one of 0 to 4", 5},
    };
    enc_err e;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        opened o = open_view(bad[i].file);
        enc_bytes b = enc_map_bytes(o.map), ignored;
        uint8_t *copy = malloc(b.n), *at;
        enc_gguf_view *v = NULL;

        enc_err_clear(&e);
        if (copy == NULL) return;
        memcpy(copy, b.at, b.n);
        at = memmem(copy, b.n, bad[i].key, strlen(bad[i].key));
        memcpy(at + strlen(bad[i].key) + 4, &bad[i].value, 4);
        CHECK(enc_gguf_view_open(&v, (enc_bytes){copy, b.n}, "f", &e) == ENC_OK);
        CHECK(enc_gguf_view_get(v, bad[i].wanted, &ignored, &e) != ENC_OK);
        CHECK_SAY(strstr(e.text, bad[i].says) != NULL, "%s", e.text);
        enc_gguf_view_close(v);
        free(copy);
        close_view(o);
    }
}

/* ---- files of the test ---- */

static const char *const usual_pieces[] = {"[CLS]", "[SEP]", "\xe2\x96\x81\x61", "b"};

/* A file of this architecture with a tokenizer of four pieces. */
static gguf_file usual(const char *arch, const char *tok, size_t n_pieces)
{
    gguf_file f = {.n_data = 0};
    static const char *const numbers[] = {"block_count",
                                          "embedding_length",
                                          "attention.head_count",
                                          "feed_forward_length",
                                          "attention.layer_norm_epsilon",
                                          "attention.sliding_window"};

    with_text(&f, "general.architecture", arch);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char name[64];

        snprintf(name, sizeof name, "%s.%s", arch, numbers[i]);
        with_number(&f, name, 2);
    }
    with_text(&f, "tokenizer.ggml.model", tok);
    with_texts(&f, "tokenizer.ggml.tokens", usual_pieces, n_pieces);
    with_tensor(&f, "token_embd.weight", 4, 8, 0);
    with_tensor(&f, "token_types.weight", 2, 8, 0);
    return f;
}

/* The wanted file, NUL-terminated, "" if there is none; or the sentence of its failure.
 */
static const char *view(gguf_file f, const char *wanted)
{
    static char out[4096];
    enc_wr w = gguf_of(&f);
    enc_gguf_view *v = NULL;
    enc_bytes got = {NULL, 0};
    enc_err e;

    enc_err_clear(&e);
    enc_rc rc = enc_gguf_view_open(&v, (enc_bytes){w.at, w.n}, "f", &e);
    if (rc == ENC_OK) rc = enc_gguf_view_get(v, wanted, &got, &e);
    if (rc == ENC_OK) snprintf(out, sizeof out, "%.*s", (int)got.n, (const char *)got.at);
    else snprintf(out, sizeof out, "%s", e.text);
    enc_gguf_view_close(v);
    enc_wr_clear(&w);
    return out;
}

#define VIEWS(f, wanted, part)                                                           \
    do {                                                                                 \
        const char *got_ = view(f, wanted);                                              \
        CHECK_SAY(strstr(got_, part) != NULL, "no %s in %s", part, got_);                \
    } while (0)

static void settings_are_written_as_they_are(void)
{
    gguf_file f = usual("bert", "bert", 4);

    with_number(&f, "bert.attention.causal", 1);
    with_number(&f, "bert.pooling_type", 3);
    VIEWS(f, "config.json", "\"is_decoder\": true");
    f = usual("bert", "bert", 4);
    with_number(&f, "bert.attention.causal", 0);
    VIEWS(f, "config.json", "\"vocab_size\": 4, \"hidden_act\": \"gelu\"");
    static const char *const pools[] = {
        "cls_token\": false, \"pooling_mode_mean_tokens\": true, ",
        "cls_token\": false, \"pooling_mode_mean_tokens\": true, ",
        "cls_token\": true, \"pooling_mode_mean_tokens\": false, ",
        "\"pooling_mode_mean_tokens\": false, \"pooling_mode_lasttoken\": true"};
    for (int i = 0; i < 4; i++) {
        f = usual("bert", "bert", 4);
        with_number(&f, "bert.pooling_type", (float)i);
        VIEWS(f, "1_Pooling/config.json", pools[i]);
    }
    f = usual("bert", "bert", 4);
    with_number(&f, "bert.pooling_type", -1);
    VIEWS(f, "1_Pooling/config.json", "bert.pooling_type is not one of 0 to 4");
    f = usual("bert", "bert", 4);
    with_number(&f, "bert.block_count_", 1.0f / 0.0f);
    CHECK(view(f, "sentence_bert_config.json")[0] == '\0'); /* no context_length */
    f = usual("modern-bert", "bert", 4);
    with_number(&f, "modern-bert.context_length", 1.0f / 0.0f);
    VIEWS(f, "config.json", "key modern-bert.context_length missing");
    f = usual("modern-bert", "bert", 4);
    with_number(&f, "modern-bert.context_length", 64);
    with_text(&f, "modern-bert.hidden_activation", "silu");
    VIEWS(f, "config.json", "\"hidden_activation\": \"silu\"");
    opened o = open_view("jina_code");
    CHECK(memmem(get(&o, "config.json").at, get(&o, "config.json").n, "qk-post-norm",
                 12) != NULL);
    close_view(o);
}

static void labels_have_names_or_numbers(void)
{
    static const char *const names[] = {"no", "yes"};

    for (size_t n = 0; n <= 2; n++) {
        gguf_file f = usual("bert", "bert", 4);

        with_tensor(&f, "cls.output.weight", 2, 8, 0);
        if (n > 0) with_texts(&f, "bert.classifier.output_labels", names, n);
        VIEWS(f, "config.json",
              n == 2 ? "\"id2label\": {\"0\": \"no\", \"1\": \"yes\"}"
                     : "\"id2label\": {\"0\": \"LABEL_0\", \"1\": \"LABEL_1\"}");
    }
}

static void names_of_tensors_may_be_any(void)
{
    static const char *const names[] = {"blk.0.x", "blk.x.weight", "blk.0", "plain",
                                        "blk.0.attn_q.scale"};
    gguf_file f = usual("bert", "bert", 4);
    enc_gguf_view *v;
    enc_err e;

    enc_err_clear(&e);
    for (size_t i = 0; i < 5; i++) with_tensor(&f, names[i], 1, 8, 0);
    enc_wr w = gguf_of(&f);
    CHECK(enc_gguf_view_open(&v, (enc_bytes){w.at, w.n}, "f", &e) == ENC_OK);
    opened o = {NULL, v};
    for (size_t i = 0; i < 5; i++) CHECK(find(&o, names[i]) != NULL);
    enc_gguf_view_close(v);
    enc_wr_clear(&w);
}

static void halves_that_differ_are_not_joined(void)
{
    static const struct {
        size_t rows, columns;
        uint32_t type;
    } others[] = {{12, 8, 1}, {12, 4, 0}};

    for (size_t i = 0; i < 2; i++) {
        gguf_file f = usual("jina-bert-v2", "bert", 4);

        with_tensor(&f, "blk.0.ffn_gate.weight", 12, 8, 0);
        with_tensor(&f, "blk.0.ffn_up.weight", others[i].rows, others[i].columns,
                    others[i].type);
        VIEWS(f, "config.json",
              "f: tensors blk.0.ffn_gate.weight (F32) and blk.0.ffn_up.weight (");
    }
    for (int flat = 0; flat < 2; flat++) { /* one of them is a vector */
        gguf_file f = usual("jina-bert-v2", "bert", 4);

        text(&f.tensors, flat == 0 ? "blk.0.ffn_gate.weight" : "blk.0.ffn_up.weight");
        enc_wr_u32(&f.tensors, 1), enc_wr_u64(&f.tensors, 8);
        enc_wr_u32(&f.tensors, 0), enc_wr_u64(&f.tensors, 0);
        f.n_tensors++;
        with_tensor(&f, flat == 0 ? "blk.0.ffn_up.weight" : "blk.0.ffn_gate.weight", 1, 8,
                    0);
        VIEWS(f, "config.json", "cannot be joined: types or widths differ");
    }
}

static void long_names_are_cut_in_sentences(void)
{
    static const char name[] =
        "a23456789b123456789c123456789d123456789e123456789f123456789g123456789";
    gguf_file f = {.n_data = 0};

    with_text(&f, "general.architecture", name);

    VIEWS(f, "config.json",
          "architecture 'a23456789b123456789c123456789d123456789e"
          "123456789f123456789g' not supported");
    VIEWS(usual("bert", name, 4), "vocab.txt", "f123456789g' not supported");
    f = usual("bert", "gpt2", 4);
    with_text(&f, "tokenizer.ggml.pre", name);
    VIEWS(f, "tokenizer.json", "f123456789g' not supported");
}

/* The names that llama.cpp has for GPT-2's cutting, in encoders old and new. */
static void gpt2s_cutting_has_many_names(void)
{
    static const char *const names[] = {"gpt-2",      "roberta-bpe", "jina-v2-code",
                                        "jina-v2-es", "jina-v2-de",  "jina-v1-en",
                                        "jina-es",    "jina-de"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        gguf_file f = usual("bert", "gpt2", 4);

        with_text(&f, "tokenizer.ggml.pre", names[i]);
        with_texts(&f, "tokenizer.ggml.merges", names, 1);
        VIEWS(f, "tokenizer.json", "\"normalizer\": null");
    }
}

static void wordpieces_are_turned_back(void)
{
    static const char *const pieces[] = {
        "[CLS]", "[SEP]", "\xe2\x96\x81\x41", "b", "[", "[]", "[xy",
        "a\nb",  "un",    "\xe2\x96\x81[X]",  "c"};
    static const int types[] = {3, 3, 1, 1, 1, 1, 1, 1, 5, 1, 4};
    gguf_file f = {.n_data = 0};

    with_text(&f, "general.architecture", "bert");
    with_text(&f, "tokenizer.ggml.model", "bert");
    with_texts(&f, "tokenizer.ggml.tokens", pieces, 11);
    with_numbers(&f, "tokenizer.ggml.token_type", types, 11);
    with_number(&f, "tokenizer.ggml.unknown_token_id", 8); /* an unused one */
    CHECK(strcmp(view(f, "vocab.txt"),
                 "[CLS]\n[SEP]\nA\n##b\n##[\n##[]\n##[xy\n\n\n[X]\n##c\n") == 0);
    f = (gguf_file){.n_data = 0};
    with_text(&f, "general.architecture", "bert");
    with_text(&f, "tokenizer.ggml.model", "bert");
    with_texts(&f, "tokenizer.ggml.tokens", pieces, 11);
    with_numbers(&f, "tokenizer.ggml.token_type", types, 11);
    with_number(&f, "tokenizer.ggml.unknown_token_id", 8);
    VIEWS(f, "tokenizer_config.json", "\"strip_accents\": false\n}"); /* without it */
    for (int k = 0; k < 2; k++) {
        f = usual("bert", "bert", 4);
        with_number(&f, "tokenizer.ggml.normalizer.lowercase", (float)k);
        with_number(&f, "tokenizer.ggml.normalizer.strip_accents", (float)(1 - k));
        VIEWS(f, "tokenizer_config.json",
              k == 1 ? "\"do_lower_case\": true,\n  \"strip_accents\": false"
                     : "\"do_lower_case\": false,\n  \"strip_accents\": true");
    }
    f = usual("bert", "bert", 4);
    VIEWS(f, "tokenizer_config.json", "\"do_lower_case\": true"); /* [CLS] is no word */
    VIEWS(usual("bert", "gpt2", 4), "tokenizer_config.json", "PreTrainedTokenizerFast");
}

static void counts_and_ids_of_pieces_are_checked(void)
{
    static const int types[] = {0, 7, 2, 4};
    gguf_file f = usual("bert", "bert", 4);

    with_numbers(&f, "tokenizer.ggml.token_type", types, 3);
    VIEWS(f, "vocab.txt", "f: 3 values of tokenizer.ggml.token_type for 4 pieces");
    f = usual("bert", "bert", 4);
    with_number(&f, "tokenizer.ggml.cls_token_id", -1);
    VIEWS(f, "vocab.txt", "tokenizer.ggml.cls_token_id is -1, but there are 4 pieces");
    f = usual("bert", "t5", 4); /* strange types are normal; the third is unknown */
    with_numbers(&f, "tokenizer.ggml.token_type", types, 4);
    with_numbers(&f, "tokenizer.ggml.scores", types, 4);
    VIEWS(f, "tokenizer.json", "\"unk_id\": 2");
    f = usual("bert", "t5", 4);
    with_numbers(&f, "tokenizer.ggml.scores", types, 4);
    VIEWS(f, "tokenizer.json", "\"unk_id\": null");
    f = usual("bert", "bert", 0);
    key(&f.keys, "tokenizer.ggml.tokens_", ARRAY), enc_wr_u32(&f.keys, TEXT);
    enc_wr_u64(&f.keys, 0), f.n_keys++;
    CHECK(view(f, "vocab.txt")[0] == '\0');
    f = (gguf_file){.n_data = 0};
    with_text(&f, "general.architecture", "bert");
    with_text(&f, "tokenizer.ggml.model", "bert");
    key(&f.keys, "tokenizer.ggml.tokens", ARRAY), enc_wr_u32(&f.keys, TEXT);
    enc_wr_u64(&f.keys, ENC_VOCAB_MAX + 1), f.n_keys++;
    for (size_t i = 0; i <= ENC_VOCAB_MAX; i++) enc_wr_u64(&f.keys, 0);
    VIEWS(f, "vocab.txt", "f: 1048577 pieces, limit 1048576");
}

static void what_stands_around_texts_follows_the_keys(void)
{
    static const int scores[] = {0, -1, -2, -3}, types[] = {3, 3, 4, 1};
    gguf_file f = usual("bert", "t5", 4);

    with_numbers(&f, "tokenizer.ggml.scores", scores, 4);
    with_numbers(&f, "tokenizer.ggml.token_type", types, 4);
    with_number(&f, "tokenizer.ggml.add_space_prefix", 0);
    with_number(&f, "tokenizer.ggml.remove_extra_whitespaces", 0);
    VIEWS(f, "tokenizer.json",
          "\"normalizer\": null,\n  \"pre_tokenizer\": {\"type\": \"Metaspace\", "
          "\"replacement\": \"\xe2\x96\x81\", \"add_prefix_space\": false, "
          "\"prepend_scheme\": \"never\"},\n");
    f = usual("bert", "t5", 4);
    with_numbers(&f, "tokenizer.ggml.scores", scores, 4);
    with_numbers(&f, "tokenizer.ggml.token_type", types, 4);
    VIEWS(f, "tokenizer.json", "\"normalized\": false, \"special\": false}");
    f = usual("bert", "t5", 4); /* neither */
    with_numbers(&f, "tokenizer.ggml.scores", scores, 4);
    VIEWS(f, "tokenizer.json",
          "\"single\": [\n      {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}\n    ],");
    f = usual("bert", "t5", 4); /* one token in both roles, which is added behind only */
    with_numbers(&f, "tokenizer.ggml.scores", scores, 4);
    with_number(&f, "tokenizer.ggml.bos_token_id", 1);
    with_number(&f, "tokenizer.ggml.eos_token_id", 1);
    with_number(&f, "tokenizer.ggml.add_bos_token", 0);
    with_number(&f, "tokenizer.ggml.add_eos_token", 1);
    VIEWS(f, "tokenizer.json",
          "\"single\": [\n      {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}},\n      "
          "{\"SpecialToken\": {\"id\": \"[SEP]\", \"type_id\": 0}}\n    ],");
    f = usual("bert", "t5", 4);
    with_numbers(&f, "tokenizer.ggml.scores", scores, 4);
    with_number(&f, "tokenizer.ggml.bos_token_id", 0);
    with_number(&f, "tokenizer.ggml.eos_token_id", 1);
    with_number(&f, "tokenizer.ggml.add_bos_token", 1);
    with_number(&f, "tokenizer.ggml.add_eos_token", 0);
    VIEWS(f, "tokenizer.json",
          "{\"SpecialToken\": {\"id\": \"[CLS]\", \"type_id\": 0}},\n      "
          "{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}\n    ],");
}

static enc_rc view_everything(void *bytes, enc_err *e)
{
    static const char *const names[] = {
        "config.json",    "modules.json",          "vocab.txt",
        "tokenizer.json", "1_Pooling/config.json", "tokenizer_config.json"};
    enc_gguf_view *v;
    enc_bytes b;
    enc_rc rc = enc_gguf_view_open(&v, *(enc_bytes *)bytes, "f", e);

    for (size_t i = 0; rc == ENC_OK && i < sizeof names / sizeof *names; i++)
        rc = enc_gguf_view_get(v, names[i], &b, e);
    enc_gguf_view_close(v);
    return rc;
}

static void every_allocation_may_fail(void)
{
    opened o = open_view("jina");
    enc_bytes bytes = enc_map_bytes(o.map);
    gguf_file f = usual("jina-bert-v2", "bert", 4);

    CHECK(every_allocation_fails(view_everything, &bytes) > 5);
    close_view(o);
    /* Halves apart, and so large that what is made of them takes a block of its own. */
    with_number(&f, "jina-bert-v2.context_length", 64);
    with_tensor(&f, "blk.0.ffn_up.weight", 64, 64, 0);
    with_tensor(&f, "blk.0.ffn_gate.weight", 64, 64, 0);
    enc_wr w = gguf_of(&f);
    bytes = (enc_bytes){w.at, w.n};
    CHECK(every_allocation_fails(view_everything, &bytes) > 5);
    enc_wr_clear(&w);
}

int main(void)
{
    a_file_is_the_model_it_was_made_from();
    a_vocabulary_is_inverted();
    bert_is_a_reranker_too();
    bert_without_token_types_is_distilbert();
    nomic_keeps_its_fused_matrix();
    gates_of_jina_are_joined();
    modernbert_has_two_rotations();
    unigram_becomes_tokenizer_json();
    bpe_becomes_tokenizer_json();
    what_is_missing_or_unknown_is_named();
    numbers_out_of_range_are_refused();
    settings_are_written_as_they_are();
    labels_have_names_or_numbers();
    names_of_tensors_may_be_any();
    halves_that_differ_are_not_joined();
    long_names_are_cut_in_sentences();
    gpt2s_cutting_has_many_names();
    wordpieces_are_turned_back();
    counts_and_ids_of_pieces_are_checked();
    what_stands_around_texts_follows_the_keys();
    every_allocation_may_fail();
    CHECK(enc_mem_live() == 0);
    return check_done("model/gguf_view");
}
