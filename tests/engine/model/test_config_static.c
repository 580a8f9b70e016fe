/* test_config_static.c - static models: how they are known, and that their shape is that
 * of their tensors. */
#include <sys/stat.h>

#include "base/limits.h"
#include "lib/tiny.h"
#include "model/arch.h"
#include "read_config.h"

#define STATIC "{\"model_type\": \"model2vec\", \"normalize\": true}"
#define MODULES(path)                                                                    \
    "[{\"idx\": 0, \"path\": \"" path "\", \"type\": "                                   \
    "\"sentence_transformers.models.StaticEmbedding\"}]"

/* Zeros enough for every tensor of bytes here. */
static uint8_t zeros[ENC_VOCAB_MAX + 1];

static enc_tensor tensor(const char *name, size_t rank, size_t rows, size_t cols)
{
    return (enc_tensor){.name = name,
                        .dtype = ENC_I8,
                        .rank = rank,
                        .shape = {rows, cols},
                        .data = zeros,
                        .n_bytes = rows * (rank == 2 ? cols : 1)};
}

static enc_config taken(const file *files, const enc_tensor *tensors, size_t n)
{
    enc_config c = {0};
    enc_err e;

    enc_err_clear(&e);
    CHECK_SAY(read_files(files, tensors, n, 0, &c, &e) == ENC_OK, "%s", e.text);
    return c;
}

static void refused(const file *files, const enc_tensor *tensors, size_t n, enc_rc rc,
                    const char *says)
{
    enc_config c;
    enc_err e;

    enc_err_clear(&e);
    CHECK(read_files(files, tensors, n, 0, &c, &e) == rc);
    CHECK_SAY(strcmp(e.text, says) == 0, "%s (expected: %s)", e.text, says);
}

static const file by_config[] = {{"config.json", STATIC}, {0}};

static void the_shape_is_that_of_the_tensors(void)
{
    const enc_tensor own[] = {tensor("embeddings", 2, 7, 4)};
    const enc_tensor weighted[] = {tensor("embeddings", 2, 7, 4),
                                   tensor("weights", 1, 9, 0)};
    const enc_tensor mapped[] = {tensor("embeddings", 2, 7, 4),
                                 tensor("mapping", 1, 8, 0), tensor("weights", 1, 9, 0)};
    const enc_tensor flat[] = {tensor("embeddings", 2, 7, 4), tensor("weights", 2, 9, 1)};
    enc_config c = taken(by_config, own, 1);

    CHECK(c.arch == &enc_arch_static && c.n_vocab == 7 && c.n_vectors == 7);
    CHECK(c.hidden == 4 && c.normalize && c.drops_unknown && c.n_layers == 0);
    c = taken(by_config, weighted, 2);
    CHECK(c.n_vocab == 9 && c.n_vectors == 7 && (c.has & ENC_HAS_WORD_WEIGHTS));
    c = taken(by_config, mapped, 3);
    CHECK(c.n_vocab == 8 && c.n_vectors == 7 && (c.has & ENC_HAS_WORD_WEIGHTS));
    c = taken(by_config, flat, 2); /* refused with the weights, by their shape */
    CHECK(c.n_vocab == 7);
}

/* There is nothing to pool; modules follow at once. */
static void modules_follow_the_vectors(void)
{
    const enc_tensor t = tensor("embeddings", 2, 7, 4);
    const file files[] = {
        {"config.json", STATIC},
        {"modules.json", "[{\"path\": \"\", \"type\": \"StaticEmbedding\"}, "
                         "{\"path\": \"1_Dense\", \"type\": \"Dense\"}]"},
        {"1_Dense/config.json", "{\"in_features\": 4, \"out_features\": 2}"},
        {0}};
    enc_config c = taken(files, &t, 1);

    CHECK(c.n_modules == 1 && enc_config_dims(&c) == 2);
}

static void other_shapes_are_refused(void)
{
    static const struct {
        size_t rank, rows, cols;
        const char *says;
    } bad[] = {
        {1, 4, 0, "tensor embeddings has shape [4], expected at most [1048576, 8192]"},
        {2, 0, 4, "tensor embeddings has shape [0, 4], expected at most [1048576, 8192]"},
        {2, 4, 0, "tensor embeddings has shape [4, 0], expected at most [1048576, 8192]"},
        {2, ENC_VOCAB_MAX + 1, 1,
         "tensor embeddings has shape [1048577, 1], expected at most [1048576, 8192]"},
        {2, 1, ENC_HIDDEN_MAX + 1,
         "tensor embeddings has shape [1, 8193], expected at most [1048576, 8192]"}};
    const enc_tensor many[] = {tensor("embeddings", 2, 1, 1),
                               tensor("mapping", 1, ENC_VOCAB_MAX + 1, 0)};
    const enc_tensor other[] = {tensor("vectors", 2, 1, 1)};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enc_tensor t = tensor("embeddings", bad[i].rank, bad[i].rows, bad[i].cols);
        refused(by_config, &t, 1, ENC_RANGE, bad[i].says);
    }
    refused(by_config, many, 2, ENC_RANGE,
            "tensor mapping has 1048577 values, limit 1048576");
    refused(by_config, other, 1, ENC_CORRUPT, "tensor embeddings missing in a blob");
}

static void a_module_or_a_tensor_says_so_too(void)
{
    const enc_tensor t = tensor("embedding.weight", 2, 7, 4);
    const char *const modules[] = {MODULES(""), MODULES("."),
                                   MODULES("0_StaticEmbedding"),
                                   "[{\"path\": \"\", \"type\": \"StaticEmbedding\"}]"};

    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        const file files[] = {{"modules.json", modules[i]}, {0}};
        enc_config c = taken(files, &t, 1);
        CHECK(c.arch == &enc_arch_static && c.hidden == 4 && !c.drops_unknown);
    }
    CHECK(taken((const file[]){{0}}, &t, 1).arch == &enc_arch_static);
    refused((const file[]){{"modules.json", MODULES("../x")}, {0}}, &t, 1, ENC_CORRUPT,
            "modules.json: path '../x' is no plain name");
    refused((const file[]){{"modules.json", "[{\"type\": \"StaticEmbedding\"}]"}, {0}},
            &t, 1, ENC_CORRUPT, "modules.json: module 0 has no type or no path");
    refused((const file[]){{"modules.json", "[{\"type\": \"Transformer\"}]"}, {0}}, NULL,
            0, ENC_IO, "config.json missing in a blob");
    refused((const file[]){{"modules.json", ""}, {0}}, &t, 1, ENC_CORRUPT,
            "modules.json is empty");
    refused((const file[]){{"config.json", STATIC},
                           {"modules.json", "[{\"path\": \"\", "
                                            "\"type\": \"Transformer\"}]"},
                           {0}},
            (const enc_tensor[]){tensor("embeddings", 2, 7, 4)}, 1, ENC_UNSUPPORTED,
            "modules.json: module 0 is of type Transformer, expected StaticEmbedding");
}

/* A static model of a directory, whose module has a directory of its own. */
static enc_rc read_directory(void *path, enc_err *e)
{
    enc_files *f;
    enc_config c;
    enc_rc rc = enc_files_open_directory(&f, path, e);

    if (rc == ENC_OK) rc = enc_config_read(&c, &arena, f, 0, e);
    enc_files_close(f);
    enc_arena_clear(&arena);
    return rc;
}

/* Shards of a module lie in its directory, and are known by the names in its index. */
static void shards_of_a_module_are_found(void)
{
    static const char index[] =
        "{\"weight_map\": {\"embedding.weight\": \"m-1.safetensors\"}}";
    const enc_tensor t = tensor("embedding.weight", 2, 7, 4);
    char path[256], name[320];
    enc_err e;
    enc_wr w;

    enc_err_clear(&e);
    CHECK(tiny_scratch(path, sizeof path) != NULL);
    snprintf(name, sizeof name, "%s/0_Static", path);
    CHECK(mkdir(name, 0700) == 0);
    enc_wr_init(&w);
    enc_sft_write(&w, &t, 1, NULL, 0);
    snprintf(name, sizeof name, "%s/0_Static/m-1.safetensors", path);
    CHECK(tiny_put(name, w.at, w.n, &e) == ENC_OK);
    snprintf(name, sizeof name, "%s/0_Static/model.safetensors.index.json", path);
    CHECK(tiny_put(name, index, sizeof index - 1, &e) == ENC_OK);
    snprintf(name, sizeof name, "%s/modules.json", path);
    CHECK(tiny_put(name, MODULES("0_Static"), sizeof MODULES("0_Static") - 1, &e) ==
          ENC_OK);
    CHECK_SAY(read_directory(path, &e) == ENC_OK, "%s", e.text);
    enc_wr_clear(&w);
    tiny_scratch_remove(path);
}

static void a_directory_is_read_without_memory_too(void)
{
    const enc_tensor t = tensor("embedding.weight", 2, 7, 4);
    char path[256], name[320];
    enc_err e;
    enc_wr w;

    enc_err_clear(&e);
    CHECK(tiny_scratch(path, sizeof path) != NULL);
    enc_wr_init(&w);
    enc_sft_write(&w, &t, 1, NULL, 0);
    snprintf(name, sizeof name, "%s/model.safetensors", path);
    CHECK(tiny_put(name, w.at, w.n, &e) == ENC_OK);
    CHECK(every_allocation_fails(read_directory, path) > 5); /* found by its tensor */
    snprintf(name, sizeof name, "%s/modules.json", path);
    CHECK(tiny_put(name, MODULES("0_Static"), sizeof MODULES("0_Static") - 1, &e) ==
          ENC_OK);
    CHECK(every_allocation_fails(read_directory, path) > 5);
    enc_wr_clear(&w);
    tiny_scratch_remove(path);
    CHECK(tiny_scratch(path, sizeof path) != NULL);
    snprintf(name, sizeof name, "%s/config.json", path);
    CHECK(tiny_put(name, STATIC, sizeof STATIC - 1, &e) == ENC_OK);
    CHECK(read_directory(path, &e) == ENC_IO);
    CHECK_SAY(strstr(e.text, "model.safetensors") != NULL, "%s", e.text);
    tiny_scratch_remove(path);
}

int main(void)
{
    enc_arena_init(&arena);
    the_shape_is_that_of_the_tensors();
    modules_follow_the_vectors();
    other_shapes_are_refused();
    a_module_or_a_tensor_says_so_too();
    shards_of_a_module_are_found();
    a_directory_is_read_without_memory_too();
    enc_arena_clear(&arena);
    CHECK(enc_mem_live() == 0);
    return check_done("model/config_static");
}
