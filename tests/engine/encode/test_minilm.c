/* test_minilm.c - the real all-MiniLM-L6-v2 gives the vectors that others get from it.
 *
 * Runs when $ENCODER_TEST_MODEL names its directory and the outputs of text-embeddings-
 * inference lie in reference/tei-snapshots of $ENCODER_SHARED or ../shared/data; counted
 * as skipped when not. Cosine at least 0.99999. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "check.h"
#include "encode/batch.h"
#include "encode/pool.h"

#define D        384
#define ROWS_MAX 32

static const char *const texts[] = {"What is Deep Learning?", "Deep Learning is...",
                                    "What is Deep Learning?"};

/* Rows of a snapshot, YAML: "- - x" begins one, "  - x" goes on. Returns their number. */
static size_t read_rows(const char *name, float rows[ROWS_MAX][D])
{
    const char *shared = getenv("ENCODER_SHARED");
    char path[4096];
    enc_map *map;
    size_t n_rows = 0, n_cols = D;
    snprintf(path, sizeof path, "%s/reference/tei-snapshots/test_bert__bert_%s.snap",
             shared != NULL ? shared : "../shared/data", name);
    if (enc_map_open(&map, path, 1 << 20, NULL)) return 0;
    const enc_bytes all = enc_map_bytes(map);
    for (size_t at = 0; at < all.n;) {
        const uint8_t *end = memchr(all.at + at, '\n', all.n - at);
        size_t n = end != NULL ? (size_t)(end - all.at) - at : all.n - at;
        char line[64] = "";
        memcpy(line, all.at + at, n < 63 ? n : 63);
        at += n + 1;
        bool is_first = strncmp(line, "- - ", 4) == 0;
        if (!is_first && strncmp(line, "  - ", 4) != 0) continue;
        if (is_first) n_rows++, n_cols = 0;
        if (n_rows == 0 || n_rows > ROWS_MAX || n_cols == D) break;
        rows[n_rows - 1][n_cols++] = strtof(line + 4, NULL);
    }
    enc_map_close(map);
    return n_cols == D ? n_rows : 0;
}

static void close_to(const char *what, size_t row, const float *got, const float *want)
{
    double cosine = enc_vec_cosine(got, want, D);
    CHECK_SAY(cosine >= 0.99999, "%s, row %zu: cosine %.7f", what, row, cosine);
}

static enc_bytes bytes_of(const char *text)
{
    return (enc_bytes){(const uint8_t *)text, strlen(text)};
}

static void vectors_are_those_of_the_reference(const enc_model *m, enc_work *w)
{
    static float batch[ROWS_MAX][D], single[ROWS_MAX][D];
    const enc_bytes in[3] = {bytes_of(texts[0]), bytes_of(texts[1]), bytes_of(texts[2])};
    float out[3][D];
    const enc_embed_job job = {.texts = in, .n_texts = 3, .out = out[0]};
    CHECK(read_rows("batch", batch) == 3);
    CHECK(read_rows("single", single) == 1);
    CHECK(enc_embed_run(m, w, &job, NULL) == ENC_OK);
    for (size_t i = 0; i < 3; i++) close_to("batch", i, out[i], batch[i]);
    close_to("single", 0, out[0], single[0]);
}

static void every_token_is_that_of_the_reference(const enc_model *m, enc_work *w)
{
    static float raw[ROWS_MAX][D];
    size_t row = 0;
    CHECK(read_rows("batch_raw", raw) == 22);
    for (size_t t = 0; t < 3; t++) {
        enc_batch b;
        const enc_tokens *tokens;
        const float *hidden;
        CHECK(enc_batch_of(m, w, bytes_of(texts[t]), (enc_bytes){NULL, 0}, &b, &tokens,
                           NULL) == ENC_OK);
        CHECK(enc_fwd_run(m, w, &b, NULL, &hidden, NULL) == ENC_OK);
        for (size_t i = 0; i < b.n_tokens && row < 22; i++, row++)
            close_to("token", row, hidden + i * D, raw[row]);
    }
    CHECK(row == 22);
}

int main(void)
{
    static float rows[ROWS_MAX][D];
    const char *path = getenv("ENCODER_TEST_MODEL");
    enc_files *files;
    enc_model *m = NULL;
    enc_work *w = NULL;
    enc_err e;
    enc_err_clear(&e);
    if (path == NULL || *path == '\0' || read_rows("single", rows) == 0) {
        printf("minilm: 0 passed, 0 failed, 1 skipped\n");
        return 0;
    }
    if (enc_files_open_directory(&files, path, &e) ||
        enc_model_open(&m, files, NULL, &e) || enc_work_new(&w, &e)) {
        CHECK_SAY(false, "%s", e.text);
    } else if (m->config.hidden != D || enc_config_dims(&m->config) != D) {
        CHECK_SAY(false, "%s: vectors of %zu values, expected %d", path,
                  enc_config_dims(&m->config), D);
    } else {
        vectors_are_those_of_the_reference(m, w);
        every_token_is_that_of_the_reference(m, w);
    }
    enc_work_free(w);
    enc_model_close(m);
    return check_done("minilm");
}
