/* test_modules.c - modules' own files beside a model's, in a directory and in a blob. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "encode/batch.h"
#include "encode/pool.h"
#include "lib/tiny.h"

enum { D = 32, OUT = 3 };

static float weight[OUT * D], bias[OUT] = {0.5f, -1.0f, 0.25f};

static const char modules_json[] =
    "[{\"idx\": 0, \"path\": \"\", \"type\": "
    "\"sentence_transformers.models.Transformer\"},"
    "{\"idx\": 1, \"path\": \"1_Pooling\", \"type\": \"x.Pooling\"},"
    "{\"idx\": 2, \"path\": \"2_Dense\", \"type\": \"x.Dense\"}]";
static const char dense_json[] =
    "{\"in_features\": 32, \"out_features\": 3, \"bias\": true, \"activation_function\": "
    "\"torch.nn.modules.linear.Identity\"}";

static enc_tensor tensor(const char *name, const void *data, enc_dtype dtype, size_t rows,
                         size_t cols)
{
    enc_tensor t = {.name = name,
                    .dtype = dtype,
                    .rank = cols > 0 ? 2 : 1,
                    .data = data,
                    .shape = {rows, cols}};
    t.n_bytes = enc_tensor_count(&t) * enc_dtype_size(dtype);
    return t;
}

/* The tiny model's blob with other files and more tensors. */
static void make_blob(const enc_sft_meta *files, size_t n_files, const enc_tensor *more,
                      size_t n_more, enc_wr *out)
{
    static const char *const kept[] = {"config.json",
                                       "vocab.txt",
                                       "tokenizer_config.json",
                                       "1_Pooling/config.json",
                                       "sentence_bert_config.json",
                                       "config_sentence_transformers.json"};
    enc_sft_meta meta[16];
    enc_tensor tensors[128];
    size_t n = 0, n_meta = 0;
    enc_sft *s;
    enc_wr tiny;

    enc_wr_init(&tiny);
    if (tiny_blob(TINY_SEED, ENC_F32, &tiny, NULL) ||
        enc_sft_open(&s, (enc_bytes){tiny.at, tiny.n}, "tiny", NULL))
        abort();
    for (; n < enc_sft_count(s); n++) tensors[n] = *enc_sft_at(s, n);
    for (size_t i = 0; i < n_more; i++) tensors[n++] = more[i];
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        meta[n_meta++] = (enc_sft_meta){kept[i], enc_sft_metadata(s, kept[i])};
    for (size_t i = 0; i < n_files; i++) meta[n_meta++] = files[i];
    enc_sft_write(out, tensors, n, meta, n_meta);
    enc_sft_close(s);
    enc_wr_clear(&tiny);
}

static enc_rc open_blob(enc_model **m, const enc_wr *blob, enc_err *e)
{
    enc_files *f;
    enc_err_clear(e);
    enc_rc rc = enc_files_open_blob(&f, (enc_bytes){blob->at, blob->n}, true, e);
    return rc ? rc : enc_model_open(m, f, NULL, e);
}

#define TEXT(s)                                                                          \
    {                                                                                    \
        (const uint8_t *)(s), sizeof(s) - 1                                              \
    }
static const enc_sft_meta dense_files[] = {{"modules.json", TEXT(modules_json)},
                                           {"2_Dense/config.json", TEXT(dense_json)}};

static void embed(const enc_model *m, float *out)
{
    const enc_bytes text = TEXT("the cat sat");
    const enc_embed_job job = {.texts = &text, .n_texts = 1, .out = out};
    enc_work *w;
    if (enc_work_new(&w, NULL)) abort();
    CHECK(enc_embed_run(m, w, &job, NULL) == ENC_OK);
    enc_work_free(w);
}

/* The dense layer over the plain model's mean. */
static void expect(double out[OUT])
{
    const enc_model_options plain = {.normalize = -1};
    float v[D];
    enc_model *m;
    if (tiny_open(&m, TINY_SEED, ENC_F32, &plain, NULL)) abort();
    embed(m, v);
    for (size_t i = 0; i < OUT; i++) {
        out[i] = (double)bias[i];
        for (size_t d = 0; d < D; d++) out[i] += (double)weight[i * D + d] * (double)v[d];
    }
    enc_model_close(m);
}

static void a_blob_has_them_by_their_paths(char fingerprint[33])
{
    const enc_tensor more[] = {tensor("2_Dense/linear.weight", weight, ENC_F32, OUT, D),
                               tensor("2_Dense/linear.bias", bias, ENC_F32, OUT, 0)};
    double expected[OUT];
    float v[OUT];
    enc_model *m;
    enc_err e;
    enc_wr blob;

    enc_wr_init(&blob);
    make_blob(dense_files, 2, more, 2, &blob);
    CHECK_SAY(open_blob(&m, &blob, &e) == ENC_OK, "%s", e.text);
    CHECK(enc_config_dims(&m->config) == OUT);
    CHECK(enc_module_count(&m->config.modules[0]) == OUT * D + OUT);
    embed(m, v);
    expect(expected);
    for (size_t i = 0; i < OUT; i++) CHECK(fabs((double)v[i] - expected[i]) < 1e-5);
    CHECK(enc_model_fingerprint(m, fingerprint, &e) == ENC_OK);
    enc_model_close(m);
    enc_wr_clear(&blob);
}

static void put(const char *directory, const char *name, const void *bytes, size_t n)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    if (tiny_put(path, bytes, n, NULL)) abort();
}

static enc_rc open_directory(enc_model **m, const char *path, enc_err *e)
{
    enc_files *f;
    enc_err_clear(e);
    enc_rc rc = enc_files_open_directory(&f, path, e);
    return rc ? rc : enc_model_open(m, f, NULL, e);
}

/* The same model from a directory; and what is said when the file is another or missing.
 */
static void a_directory_has_them_in_files_of_their_own(const char *fingerprint)
{
    const enc_tensor own[] = {tensor("linear.weight", weight, ENC_F32, OUT, D),
                              tensor("linear.bias", bias, ENC_F32, OUT, 0)};
    char path[256], inner[300], same[33];
    enc_model *m;
    enc_err e;
    enc_wr w;

    if (tiny_scratch(path, sizeof path) == NULL) abort();
    CHECK(tiny_directory(TINY_SEED, ENC_F32, path, NULL) == ENC_OK);
    snprintf(inner, sizeof inner, "%s/2_Dense", path);
    mkdir(inner, 0777);
    put(path, "modules.json", modules_json, sizeof modules_json - 1);
    put(path, "2_Dense/config.json", dense_json, sizeof dense_json - 1);
    CHECK(open_directory(&m, path, &e) == ENC_IO);
    CHECK_SAY(strstr(e.text, "2_Dense/model.safetensors missing in ") != NULL, "%s",
              e.text);
    put(path, "2_Dense/pytorch_model.bin", "x", 1);
    CHECK(open_directory(&m, path, &e) == ENC_UNSUPPORTED);
    CHECK_SAY(strstr(e.text, "2_Dense/pytorch_model.bin: PyTorch pickle files are not "
                             "supported") != NULL,
              "%s", e.text);
    enc_wr_init(&w);
    enc_sft_write(&w, own, 2, NULL, 0);
    put(path, "2_Dense/model.safetensors", w.at, w.n);
    CHECK_SAY(open_directory(&m, path, &e) == ENC_OK, "%s", e.text);
    CHECK(enc_model_fingerprint(m, same, &e) == ENC_OK && strcmp(same, fingerprint) == 0);
    enc_model_close(m);
    for (size_t n = 0; n < w.n; n += 1 + n / 8) {
        put(path, "2_Dense/model.safetensors", w.at, n);
        CHECK(open_directory(&m, path, &e) != ENC_OK && m == NULL);
    }
    enc_wr_clear(&w);
    tiny_scratch_remove(path);
}

static void bad_tensors_are_refused(void)
{
    const float poison[OUT] = {1.0f, NAN, 0.0f};
    const struct {
        enc_tensor weight, bias;
        const char *says;
    } bad[] = {
        {tensor("2_Dense/linear.weight", weight, ENC_F32, D, OUT),
         tensor("2_Dense/linear.bias", bias, ENC_F32, OUT, 0),
         "tensor linear.weight of 2_Dense has shape [32, 3], expected [3, 32]"},
        {tensor("2_Dense/linear.weight", weight, ENC_F32, OUT, D),
         tensor("2_Dense/bias", bias, ENC_F32, OUT, 0),
         "tensor linear.bias missing in 2_Dense"},
        {tensor("2_Dense/linear.weight", weight, ENC_F32, OUT, D),
         tensor("2_Dense/linear.bias", poison, ENC_F32, OUT, 0),
         "tensor linear.bias of 2_Dense contains NaN or infinity"},
        {tensor("2_Dense/linear.weight", weight, ENC_I8, OUT, D),
         tensor("2_Dense/linear.bias", bias, ENC_F32, OUT, 0),
         "tensor linear.weight of 2_Dense is of type I8, expected floats"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const enc_tensor more[] = {bad[i].weight, bad[i].bias};
        enc_model *m;
        enc_err e;
        enc_wr blob;

        enc_wr_init(&blob);
        make_blob(dense_files, 2, more, 2, &blob);
        CHECK(open_blob(&m, &blob, &e) != ENC_OK);
        CHECK_SAY(strcmp(e.text, bad[i].says) == 0, "%s", e.text);
        enc_wr_clear(&blob);
    }
}

/* Trap: the buffer of position ids that older files carry. */
static void whole_numbers_are_skipped(void)
{
    static const char name[] = "\"embeddings.position_ids\"";
    static const float ids[64];
    const enc_tensor more[] = {tensor("embeddings.position_ids", ids, ENC_F32, 1, 64)};
    char with[33], without[33];
    enc_model *m;
    enc_err e;
    enc_wr blob;

    enc_wr_init(&blob);
    make_blob(NULL, 0, more, 1, &blob);
    char *type = memmem(blob.at, blob.n, name, sizeof name - 1);
    if (type == NULL || (type = strstr(type, "\"F32\"")) == NULL) abort();
    type[1] = 'I';
    CHECK_SAY(open_blob(&m, &blob, &e) == ENC_OK, "%s", e.text);
    CHECK(enc_model_fingerprint(m, with, &e) == ENC_OK);
    CHECK(enc_weights_count(&m->config, &m->weights) == 24575);
    enc_model_close(m);
    enc_wr_clear(&blob);
    make_blob(NULL, 0, NULL, 0, &blob);
    CHECK(open_blob(&m, &blob, &e) == ENC_OK);
    CHECK(enc_model_fingerprint(m, without, &e) == ENC_OK && strcmp(with, without) == 0);
    enc_model_close(m);
    enc_wr_clear(&blob);
}

static void parameters_are_counted_by_kind(void)
{
    enc_module s = {.kind = ENC_MODULE_DENSE, .rows = 3, .cols = 4};

    CHECK(enc_module_count(&s) == 12);
    s.has_bias = true;
    CHECK(enc_module_count(&s) == 15);
    s.kind = ENC_MODULE_NORM;
    CHECK(enc_module_count(&s) == 6);
    s.kind = ENC_MODULE_NORMALIZE;
    CHECK(enc_module_count(&s) == 0);
}

int main(void)
{
    char fingerprint[33];
    for (size_t i = 0; i < OUT * D; i++) weight[i] = 0.1f * (float)((int)(i % 11) - 5);
    a_blob_has_them_by_their_paths(fingerprint);
    a_directory_has_them_in_files_of_their_own(fingerprint);
    parameters_are_counted_by_kind();
    bad_tensors_are_refused();
    whole_numbers_are_skipped();
    CHECK(enc_mem_live() == 0);
    return check_done("model/modules");
}
