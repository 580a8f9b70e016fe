/* test_static.c - static models: real model2vec files give the vectors that model2vec
 * gives, in every form they are stored in.
 *
 * Files and vectors are models/model2vec of $ENCODER_SHARED or ../shared/data; without
 * them the test counts as skipped. That the forms are read at all is proved without them
 * by test_architectures.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "check.h"
#include "encode/batch.h"

#define DIMS_MAX 64

static const char *shared;

/* The first vector of a file: [[x, ...]]. Returns its length. */
static size_t read_vector(const char *name, float out[DIMS_MAX])
{
    char path[1024];
    enc_map *map;
    enc_json *json;
    size_t n = 0;
    snprintf(path, sizeof path, "%s/models/model2vec/%s.json", shared, name);
    if (enc_map_open(&map, path, 1 << 20, NULL) != ENC_OK) return 0;
    if (enc_json_open(&json, enc_map_bytes(map), name, NULL) == ENC_OK) {
        enc_json_value *v = enc_json_at(enc_json_root(json), 0);
        for (n = 0; n < enc_json_count(v) && n < DIMS_MAX; n++)
            out[n] = (float)enc_json_number(enc_json_at(v, n));
    }
    enc_json_close(json);
    enc_map_close(map);
    return n;
}

static bool open_model(enc_model **m, const char *form)
{
    char path[1024];
    enc_files *files;
    enc_err e;
    enc_err_clear(&e);
    snprintf(path, sizeof path, "%s/models/model2vec/test-model-%s", shared, form);
    enc_rc rc = enc_files_open_directory(&files, path, &e);
    if (rc == ENC_OK) rc = enc_model_open(m, files, NULL, &e);
    CHECK_SAY(rc == ENC_OK, "%s: %s", form, e.text);
    return rc == ENC_OK;
}

/* model2vec leaves int8 vectors unscaled, so their last digits are not those of f32. */
static void the_vector_is_model2vecs(const char *form, const char *text, const char *name,
                                     float tolerance)
{
    float want[DIMS_MAX], got[DIMS_MAX];
    const size_t n = read_vector(name, want);
    const enc_bytes bytes = {(const uint8_t *)text, strlen(text)};
    const enc_embed_job job = {.texts = &bytes, .n_texts = 1, .out = got};
    enc_model *m;
    enc_work *w;
    enc_err e;
    enc_err_clear(&e);
    if (!open_model(&m, form)) return;
    CHECK(enc_work_new(&w, &e) == ENC_OK);
    CHECK_SAY(n > 0 && enc_config_dims(&m->config) == n, "%s: %zu values", form, n);
    if (n > 0 && enc_config_dims(&m->config) == n) {
        CHECK_SAY(enc_embed_run(m, w, &job, &e) == ENC_OK, "%s: %s", form, e.text);
        for (size_t i = 0; i < n; i++)
            CHECK_SAY(fabsf(got[i] - want[i]) <= tolerance, "%s, value %zu: %g, not %g",
                      form, i, (double)got[i], (double)want[i]);
    }
    enc_work_free(w);
    enc_model_close(m);
}

/* A text of nothing known has no tokens, and a vector of zeros. */
static void a_text_of_nothing_known_is_zero(void)
{
    static const char *const texts[] = {"", " ", "\xe2\x98\x83"};
    enc_model *m;
    enc_work *w;
    enc_err e;
    enc_err_clear(&e);
    if (!open_model(&m, "float32")) return;
    CHECK(enc_work_new(&w, &e) == ENC_OK);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        float got[2] = {9.0f, 9.0f};
        const enc_bytes bytes = {(const uint8_t *)texts[i], strlen(texts[i])};
        const enc_embed_job job = {.texts = &bytes, .n_texts = 1, .out = got};
        CHECK(enc_embed_run(m, w, &job, &e) == ENC_OK);
        CHECK_SAY(got[0] == 0.0f && got[1] == 0.0f, "text %zu: %g", i, (double)got[0]);
    }
    enc_work_free(w);
    enc_model_close(m);
}

int main(void)
{
    char path[1024];
    shared = getenv("ENCODER_SHARED");
    if (shared == NULL) shared = "../shared/data";
    snprintf(path, sizeof path, "%s/models/model2vec/embeddings_short.json", shared);
    FILE *probe = fopen(path, "rb");
    if (probe == NULL) {
        printf("static: 0 passed, 0 failed, 1 skipped (no %s)\n", path);
        return 0;
    }
    fclose(probe);
    /* "hello" a thousand times, which has the mean of one. */
    the_vector_is_model2vecs("float32", "hello", "embeddings_long", 5e-6f);
    the_vector_is_model2vecs("float32", "hello world", "embeddings_short", 1e-6f);
    the_vector_is_model2vecs("float16", "hello world", "embeddings_short", 1e-3f);
    the_vector_is_model2vecs("int8", "hello world", "embeddings_short", 1e-2f);
    the_vector_is_model2vecs("vocab-quantized", "hello", "embeddings_vocab_quantized",
                             1e-6f);
    a_text_of_nothing_known_is_zero();
    return check_done("static");
}
