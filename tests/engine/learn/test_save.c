/* Saving: what is saved opens again with the same weights; int8 keeps its bound; a
 * directory appears whole or not at all. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "learn/save.h"
#include "lib/tiny.h"

static char scratch[256];

static const char *path_of(const char *name)
{
    static char path[1024];

    snprintf(path, sizeof path, "%s/%s", scratch, name);
    return path;
}

static enc_model *open_tiny(enc_dtype dtype)
{
    enc_model *m = NULL;
    enc_err e;

    enc_err_clear(&e);
    CHECK_SAY(tiny_open(&m, TINY_SEED, dtype, NULL, &e) == ENC_OK, "%s", e.text);
    return m;
}

static enc_model *open_blob(const enc_wr *w)
{
    enc_files *f = NULL;
    enc_model *m = NULL;
    enc_err e;

    enc_err_clear(&e);
    CHECK_SAY(enc_files_open_blob(&f, (enc_bytes){w->at, w->n}, true, &e) == ENC_OK, "%s",
              e.text);
    CHECK_SAY(enc_model_open(&m, f, NULL, &e) == ENC_OK, "%s", e.text);
    return m;
}

/* Slots of two models, in step. */
typedef struct both {
    enc_slot *x, *y;
    size_t n;
} both;

static both slots_of(enc_model *a, enc_model *b)
{
    both s = {.n = enc_weights_slots(&a->config, NULL, NULL, 0)};

    s.x = malloc(s.n * sizeof *s.x);
    s.y = malloc(s.n * sizeof *s.y);
    if (s.x == NULL || s.y == NULL) exit(1);
    enc_weights_slots(&a->config, &a->weights, s.x, s.n);
    enc_weights_slots(&b->config, &b->weights, s.y, s.n);
    return s;
}

/* Whether two models have the same bits everywhere. */
static bool same(enc_model *a, enc_model *b)
{
    both s = slots_of(a, b);
    bool is_same = true;

    for (size_t i = 0; i < s.n; i++) {
        const enc_slot *x = &s.x[i], *y = &s.y[i];
        size_t n = x->rows * x->cols * sizeof(float);
        const void *p = x->is_vector ? *x->vec : x->mat->data;
        const void *q = y->is_vector ? *y->vec : y->mat->data;

        if (!x->is_vector && x->mat->dtype == ENC_I8) n /= sizeof(float);
        if (!x->is_vector && x->mat->dtype != y->mat->dtype) is_same = false;
        else if (p == NULL || q == NULL) is_same = is_same && p == q;
        else if (memcmp(p, q, n) != 0) is_same = false;
        if (!x->is_vector && x->mat->scale != NULL && is_same)
            is_same = memcmp(x->mat->scale, y->mat->scale, x->rows * sizeof(float)) == 0;
    }
    free(s.x);
    free(s.y);
    return is_same;
}

static enc_rc save(const enc_model *m, bool int8, enc_wr *w, enc_err *e)
{
    enc_err_clear(e);
    enc_wr_init(w);
    return enc_save_blob(&m->config, &m->weights, m->tok, int8, "a note", w, e);
}

static void what_is_saved_opens_the_same(void)
{
    static const enc_dtype precisions[] = {ENC_F32, ENC_I8};

    for (size_t i = 0; i < 2; i++) {
        enc_model *m = open_tiny(precisions[i]), *again;
        char x[33], y[33];
        enc_err e;
        enc_wr w;

        CHECK(save(m, precisions[i] == ENC_I8, &w, &e) == ENC_OK);
        again = open_blob(&w);
        CHECK(same(m, again));
        CHECK(enc_weights_count(&m->config, &m->weights) ==
              enc_weights_count(&again->config, &again->weights));
        CHECK(enc_model_fingerprint(m, x, &e) == ENC_OK);
        CHECK(enc_model_fingerprint(again, y, &e) == ENC_OK && strcmp(x, y) == 0);
        CHECK(enc_files_metadata(again->files, "note").n == 6);
        CHECK(again->config.n_labels == 3 && again->config.n_prompts == 2);
        enc_model_close(again);
        enc_model_close(m);
        enc_wr_clear(&w);
    }
}

/* Within half a step of the row's scale, and the greatest of a row exactly 127. */
static void int8_keeps_its_bound(void)
{
    enc_model *m = open_tiny(ENC_F32), *q;
    enc_err e;
    enc_wr w;

    CHECK(save(m, true, &w, &e) == ENC_OK);
    q = open_blob(&w);
    both s = slots_of(m, q);
    for (size_t i = 0; i < s.n; i++) {
        const enc_slot *x = &s.x[i], *y = &s.y[i];

        if (x->is_vector) {
            CHECK(memcmp(*x->vec, *y->vec, x->rows * sizeof(float)) == 0);
            continue;
        }
        CHECK(y->mat->dtype == ENC_I8);
        for (size_t r = 0; r < x->rows; r++) {
            const float *v = (const float *)x->mat->data + r * x->cols;
            const int8_t *code = (const int8_t *)y->mat->data + r * x->cols;
            float scale = y->mat->scale[r];
            int max = 0;
            bool is_bound = true;

            for (size_t k = 0; k < x->cols; k++) {
                double error = fabs((double)v[k] - (double)scale * code[k]);
                if (error > 0.5000001 * (double)scale) is_bound = false;
                if (abs(code[k]) > max) max = abs(code[k]);
            }
            CHECK_SAY(is_bound && max == 127, "%s row %zu", x->name, r);
        }
    }
    CHECK(w.n < 45000); /* about a quarter of 103 kB, with the files beside */
    free(s.x);
    free(s.y);
    enc_model_close(q);
    enc_model_close(m);
    enc_wr_clear(&w);
}

static void rounding_is_to_even_and_zero_rows_stay_zero(void)
{
    enc_model *m = open_tiny(ENC_F32);
    float row[90 * 32] = {0};
    enc_err e;
    enc_wr w;

    row[0] = 127.0f, row[1] = 0.5f, row[2] = 1.5f, row[3] = -2.5f, row[4] = -127.0f;
    row[32] = 1e-42f; /* a denormal, whose scale is none */
    m->weights.word.data = row;
    CHECK(save(m, true, &w, &e) == ENC_OK);
    enc_model *q = open_blob(&w);
    const int8_t *code = q->weights.word.data;
    CHECK(code[0] == 127 && code[1] == 0 && code[2] == 2 && code[3] == -2);
    CHECK(code[4] == -127 && q->weights.word.scale[0] == 1.0f);
    CHECK(q->weights.word.scale[2] == 0.0f && code[2 * 32] == 0);
    CHECK(isfinite(q->weights.word.scale[1]));
    enc_model_close(q);
    enc_wr_clear(&w);
    row[5] = NAN;
    CHECK(save(m, true, &w, &e) == ENC_CORRUPT);
    CHECK_SAY(strstr(e.text, "tensor embeddings.word_embeddings.weight contains NaN") !=
                  NULL,
              "%s", e.text);
    enc_wr_clear(&w);
    enc_model_close(m);
}

static void int8_can_be_widened_again(void)
{
    enc_model *m = open_tiny(ENC_I8), *wide;
    enc_err e;
    enc_wr w;

    CHECK(save(m, false, &w, &e) == ENC_OK);
    wide = open_blob(&w);
    CHECK(wide->weights.word.dtype == ENC_F32);
    const int8_t *code = m->weights.word.data;
    const float *v = wide->weights.word.data;
    for (size_t i = 0; i < 90 * 32; i++)
        CHECK(v[i] == m->weights.word.scale[i / 32] * (float)code[i]);
    enc_model_close(wide);
    enc_model_close(m);
    enc_wr_clear(&w);
}

static void heads_that_are_absent_stay_absent(void)
{
    enc_model *m = open_tiny(ENC_F32), *again;
    enc_err e;
    enc_wr w;

    m->weights.classifier.w.data = NULL;
    m->weights.classifier.b = NULL;
    m->weights.pooler.w.data = NULL;
    m->weights.pooler.b = NULL;
    CHECK(save(m, false, &w, &e) == ENC_OK);
    again = open_blob(&w);
    CHECK(again->config.n_labels == 0 && again->weights.pooler.w.data == NULL);
    CHECK(again->weights.mlm_bias != NULL);
    enc_model_close(again);
    enc_model_close(m);
    enc_wr_clear(&w);
}

/* --- directories ----------------------------------------------------------------------
 */

static void a_directory_opens_the_same(void)
{
    static const char *const names[] = {"config.json",
                                        "model.safetensors",
                                        "vocab.txt",
                                        "tokenizer.json",
                                        "tokenizer_config.json",
                                        "special_tokens_map.json",
                                        "modules.json",
                                        "1_Pooling/config.json",
                                        "sentence_bert_config.json",
                                        "config_sentence_transformers.json"};
    enc_model *m = open_tiny(ENC_F32), *again = NULL;
    enc_files *f = NULL;
    struct stat st;
    enc_err e;

    enc_err_clear(&e);
    CHECK_SAY(enc_save_directory(m, path_of("new/"), &e) == ENC_OK, "%s", e.text);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];

        snprintf(path, sizeof path, "new/%s", names[i]);
        CHECK_SAY(stat(path_of(path), &st) == 0 && st.st_size > 0, "%s", names[i]);
    }
    CHECK(stat(path_of("new/2_Normalize"), &st) == 0 && S_ISDIR(st.st_mode));
    CHECK(enc_files_open_directory(&f, path_of("new"), &e) == ENC_OK);
    CHECK_SAY(enc_model_open(&again, f, NULL, &e) == ENC_OK, "%s", e.text);
    if (again != NULL) {
        CHECK(same(m, again));
        CHECK(enc_files_tensor(again->files, "bert.embeddings.LayerNorm.bias") != NULL);
        CHECK(enc_files_tensor(again->files, "cls.predictions.bias") != NULL);
        CHECK(enc_files_tensor(again->files, "cls.predictions.decoder.weight") == NULL);
        CHECK(again->config.max_tokens == m->config.max_tokens);
    }
    enc_model_close(again);
    enc_model_close(m);
}

static void refused(const enc_model *m, const char *name, enc_rc rc, const char *says)
{
    enc_err e;

    enc_err_clear(&e);
    CHECK_SAY(enc_save_directory(m, name, &e) == rc, "%s: %s", name, e.text);
    CHECK_SAY(strstr(e.text, says) != NULL, "%s (expected: %s)", e.text, says);
}

static void what_is_there_is_not_written_over(void)
{
    enc_model *m = open_tiny(ENC_F32);
    enc_err e;

    enc_err_clear(&e);
    refused(m, path_of("new"), ENC_MISUSE, "is not empty");
    CHECK(mkdir(path_of("empty"), 0777) == 0);
    CHECK_SAY(enc_save_directory(m, path_of("empty"), &e) == ENC_OK, "%s", e.text);
    CHECK(tiny_put(path_of("file"), "x", 1, &e) == ENC_OK);
    refused(m, path_of("file"), ENC_IO, "Not a directory");
    refused(m, path_of("no/such/place"), ENC_IO, "No such file");
    refused(m, "", ENC_MISUSE, "the directory's name is empty");
    enc_model_close(m);
}

/* A failure half-way leaves neither the directory nor its predecessor behind. */
static void a_failed_save_leaves_nothing(void)
{
    enc_model *m = open_tiny(ENC_F32);
    char partial[1100];
    bool is_done = false;
    struct stat st;

    snprintf(partial, sizeof partial, "%s.new-%ld", path_of("fault"), (long)getpid());
    for (size_t nth = 1; !is_done && nth < 2000; nth++) {
        size_t live = enc_mem_live();
        enc_err e;

        enc_err_clear(&e);
        enc_mem_fault(nth, nth % 2 == 0);
        enc_rc rc = enc_save_directory(m, path_of("fault"), &e);
        enc_mem_fault(0, false);
        is_done = rc == ENC_OK;
        CHECK_SAY(is_done || rc == ENC_NOMEM, "allocation %zu: rc %d %s", nth, (int)rc,
                  e.text);
        CHECK(enc_mem_live() == live);
        CHECK(stat(partial, &st) != 0);
        CHECK((stat(path_of("fault"), &st) == 0) == is_done);
    }
    CHECK(is_done);
    enc_model_close(m);
}

static void every_allocation_of_a_blob_may_fail(void)
{
    enc_model *m = open_tiny(ENC_F32);
    bool is_done = false;

    for (size_t nth = 1; !is_done && nth < 2000; nth++) {
        size_t live = enc_mem_live();
        enc_err e;
        enc_wr w;

        enc_mem_fault(nth, false);
        enc_rc rc = save(m, true, &w, &e);
        enc_mem_fault(0, false);
        is_done = rc == ENC_OK;
        CHECK(is_done || rc == ENC_NOMEM);
        enc_wr_clear(&w);
        CHECK(enc_mem_live() == live);
    }
    CHECK(is_done);
    enc_model_close(m);
}

int main(void)
{
    if (tiny_scratch(scratch, sizeof scratch) == NULL) return 1;
    what_is_saved_opens_the_same();
    int8_keeps_its_bound();
    rounding_is_to_even_and_zero_rows_stay_zero();
    int8_can_be_widened_again();
    heads_that_are_absent_stay_absent();
    a_directory_opens_the_same();
    what_is_there_is_not_written_over();
    a_failed_save_leaves_nothing();
    every_allocation_of_a_blob_may_fail();
    tiny_scratch_remove(scratch);
    CHECK(enc_mem_live() == 0);
    return check_done("learn/save");
}
