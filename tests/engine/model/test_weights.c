/* Weights: the published parameter counts, and binding under all the names in use. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "lib/faults.h"
#include "lib/tiny.h"
#include "model/arch.h"
#include "model/finite.h"

/* --- counting -------------------------------------------------------------------------
 */

static enc_config shape(size_t n_vocab, size_t n_layers, size_t hidden, size_t n_labels)
{
    enc_config c = {.n_vocab = n_vocab,
                    .n_layers = n_layers,
                    .hidden = hidden,
                    .n_heads = hidden / 32,
                    .inner = 4 * hidden,
                    .n_positions = 512,
                    .n_segments = 2,
                    .n_labels = n_labels};
    enc_arch_apply(&c);
    return c;
}

#define BIT(part) (1u << (part))
#define BODY      BIT(ENC_PART_BODY)
#define POOLED    (BODY | BIT(ENC_PART_POOLER))

/* By the list of slots. */
static size_t count_slots(const enc_config *c, unsigned parts)
{
    size_t n = enc_weights_slots(c, NULL, NULL, 0), sum = 0;
    enc_slot *slots = malloc(n * sizeof *slots);

    if (slots == NULL) return 0;
    CHECK(enc_weights_slots(c, NULL, slots, n) == n);
    for (size_t i = 0; i < n; i++)
        if ((parts & BIT(slots[i].part)) != 0 && !slots[i].is_tied)
            sum += slots[i].rows * slots[i].cols;
    free(slots);
    return sum;
}

/* By enc_weights_count, of a model that has these parts. */
static size_t count_model(const enc_config *c, unsigned parts)
{
    static const float one = 1.0f;
    enc_weights w = {.word = {.data = &one}, .mlm_decoder = {.data = &one}};

    if (parts & BIT(ENC_PART_POOLER)) w.pooler.w.data = &one;
    if (parts & BIT(ENC_PART_CLASSIFIER)) w.classifier.w.data = &one;
    if (parts & BIT(ENC_PART_MLM)) w.mlm_transform.w.data = &one;
    if (parts & BIT(ENC_PART_NSP)) w.next_sentence.w.data = &one;
    return enc_weights_count(c, &w);
}

static void counts_equal_the_published_integers(void)
{
    static const struct {
        const char *name;
        size_t n_vocab, n_layers, hidden, n_labels;
        unsigned parts;
        size_t n;
    } published[] = {
        {"all-MiniLM-L6-v2", 30522, 6, 384, 0, POOLED, 22713216},
        {"MiniLM-L12", 30522, 12, 384, 0, POOLED, 33360000},
        {"ms-marco-MiniLM-L6-v2", 30522, 6, 384, 1, POOLED | BIT(ENC_PART_CLASSIFIER),
         22713601},
        {"multilingual-e5-small", 250037, 12, 384, 0, POOLED, 117653760},
        {"bert-base-uncased", 30522, 12, 768, 0, POOLED, 109482240},
        {"BertForPreTraining, tied", 30522, 12, 768, 0,
         POOLED | BIT(ENC_PART_MLM) | BIT(ENC_PART_NSP), 110106428},
        {"BertForMaskedLM, tied", 30522, 12, 768, 0, BODY | BIT(ENC_PART_MLM), 109514298},
        {"bert-large-uncased", 30522, 24, 1024, 0, POOLED, 335141888},
        {"BERT-Tiny", 30522, 2, 128, 0, POOLED, 4385920},
        {"BERT-Mini", 30522, 4, 256, 0, POOLED, 11170560},
        {"BERT-Small", 30522, 4, 512, 0, POOLED, 28763648},
        {"BERT-Medium", 30522, 8, 512, 0, POOLED, 41373184},
    };

    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        enc_config c = shape(published[i].n_vocab, published[i].n_layers,
                             published[i].hidden, published[i].n_labels);
        size_t by_slots = count_slots(&c, published[i].parts);
        size_t by_model = count_model(&c, published[i].parts);

        CHECK_SAY(by_slots == published[i].n, "%s: %zu by slots, published %zu",
                  published[i].name, by_slots, published[i].n);
        CHECK_SAY(by_model == published[i].n, "%s: %zu by model, published %zu",
                  published[i].name, by_model, published[i].n);
    }
}

static void slots_follow_the_graph(void)
{
    static const char *const start[] = {"embeddings.word_embeddings.weight",
                                        "embeddings.position_embeddings.weight",
                                        "embeddings.token_type_embeddings.weight",
                                        "embeddings.LayerNorm.weight",
                                        "embeddings.LayerNorm.bias",
                                        "encoder.layer.0.attention.self.query.weight",
                                        "encoder.layer.0.attention.self.query.bias",
                                        "encoder.layer.0.attention.self.key.weight",
                                        "encoder.layer.0.attention.self.key.bias",
                                        "encoder.layer.0.attention.self.value.weight",
                                        "encoder.layer.0.attention.self.value.bias",
                                        "encoder.layer.0.attention.output.dense.weight"};
    enc_config c = shape(100, 2, 32, 3);
    size_t n = enc_weights_slots(&c, NULL, NULL, 0);
    enc_slot few[12];

    CHECK(n == 5 + 2 * 16 + 2 + 2 + 6 + 2);
    CHECK(enc_weights_slots(&c, NULL, few, 12) == n);
    for (size_t i = 0; i < 12; i++) CHECK(strcmp(few[i].name, start[i]) == 0);
    c.n_labels = 0;
    CHECK(enc_weights_slots(&c, NULL, NULL, 0) == n - 2);
}

static void slots_point_at_their_own_places(void)
{
    enc_config c = shape(100, 2, 32, 3);
    size_t n = enc_weights_slots(&c, NULL, NULL, 0);
    enc_slot *slots = malloc(n * sizeof *slots);
    enc_layer layers[2];
    enc_weights w = {.layers = layers};

    if (slots == NULL) return;
    enc_weights_slots(&c, &w, slots, n);
    CHECK(slots[0].mat == &w.word && slots[0].vec == NULL);
    CHECK(slots[3].vec == &w.emb_norm.gain && slots[3].mat == NULL);
    CHECK(slots[5 + 16 + 3].vec == &layers[1].key.b);
    CHECK(slots[5 + 16 + 12].mat == &layers[1].down.w);
    CHECK(slots[5 + 16 + 12].rows == 32 && slots[5 + 16 + 12].cols == 128);
    CHECK(slots[n - 1].vec == &w.next_sentence.b && slots[n - 1].rows == 2);
    for (size_t i = 0; i < n; i++) {
        CHECK((slots[i].mat == NULL) == slots[i].is_vector);
        for (size_t k = 0; k < i; k++)
            CHECK(slots[i].mat == NULL || slots[i].mat != slots[k].mat);
        for (size_t k = 0; k < i; k++)
            CHECK(slots[i].vec == NULL || slots[i].vec != slots[k].vec);
    }
    free(slots);
}

/* --- binding --------------------------------------------------------------------------
 */

#define TENSORS_MAX 128

/* The tiny model's file, taken apart so that a test can change it. */
typedef struct bench {
    enc_wr blob, changed;
    enc_model *m; /* the model unchanged, f32 */
    enc_arena a;
    enc_sft *sft;
    enc_tensor tensors[TENSORS_MAX];
    size_t n;
    enc_files *files;
    enc_weights w; /* bound from the changed file */
    enc_err e;
} bench;

static void setup(bench *b, enc_dtype dtype)
{
    memset(b, 0, sizeof *b);
    enc_arena_init(&b->a);
    enc_wr_init(&b->blob);
    enc_wr_init(&b->changed);
    enc_err_clear(&b->e);
    CHECK(tiny_open(&b->m, TINY_SEED, ENC_F32, NULL, &b->e) == ENC_OK);
    CHECK(tiny_blob(TINY_SEED, dtype, &b->blob, &b->e) == ENC_OK);
    CHECK(enc_sft_open(&b->sft, (enc_bytes){b->blob.at, b->blob.n}, "x", &b->e) ==
          ENC_OK);
    b->n = enc_sft_count(b->sft);
    CHECK(b->n <= TENSORS_MAX);
    for (size_t i = 0; i < b->n; i++) b->tensors[i] = *enc_sft_at(b->sft, i);
}

static enc_tensor *find(bench *b, const char *name)
{
    for (size_t i = 0; i < b->n; i++)
        if (strcmp(b->tensors[i].name, name) == 0) return &b->tensors[i];
    CHECK_SAY(false, "no tensor %s", name);
    return &b->tensors[0];
}

static void drop(bench *b, const char *name)
{
    *find(b, name) = b->tensors[--b->n];
}

/* Writes the file again with `odd` bytes before all floats, and binds it. */
static enc_rc bind(bench *b, size_t odd)
{
    static const uint8_t zero[8];
    enc_tensor all[TENSORS_MAX + 1];
    size_t n = 0;

    if (odd > 0) all[n++] = (enc_tensor){"odd", ENC_I8, 1, {odd}, zero, odd};
    memcpy(all + n, b->tensors, b->n * sizeof *all);
    enc_files_close(b->files);
    b->files = NULL;
    enc_arena_clear(&b->a);
    enc_wr_clear(&b->changed);
    enc_sft_write(&b->changed, all, n + b->n, NULL, 0);
    enc_err_clear(&b->e);
    enc_bytes bytes = {b->changed.at, b->changed.n};
    CHECK(enc_files_open_blob(&b->files, bytes, false, &b->e) == ENC_OK);
    CHECK(enc_files_open_tensors(b->files, &b->e) == ENC_OK);
    enc_rc rc = enc_weights_bind(&b->w, &b->a, &b->m->config, b->files, &b->e);
    return rc != ENC_OK ? rc : enc_weights_check(&b->m->config, &b->w, b->files, &b->e);
}

static void teardown(bench *b)
{
    enc_files_close(b->files);
    enc_sft_close(b->sft);
    enc_arena_clear(&b->a);
    enc_wr_clear(&b->changed);
    enc_wr_clear(&b->blob);
    enc_model_close(b->m);
}

/* The largest difference between what is bound and the model unchanged; -1 if a tensor is
 * absent from one and not from the other. */
static double difference(bench *b)
{
    size_t n = enc_weights_slots(&b->m->config, NULL, NULL, 0);
    enc_slot *x = malloc(n * sizeof *x), *y = malloc(n * sizeof *y);
    double max = 0.0;

    if (x == NULL || y == NULL) return -1.0;
    enc_weights_slots(&b->m->config, &b->w, x, n);
    enc_weights_slots(&b->m->config, &b->m->weights, y, n);
    for (size_t i = 0; i < n; i++) {
        const float *p = x[i].is_vector ? *x[i].vec : x[i].mat->data;
        const float *q = y[i].is_vector ? *y[i].vec : y[i].mat->data;
        const int8_t *codes = (const int8_t *)p;

        if (p == NULL || q == NULL) {
            max = p == q ? max : -1.0;
            break;
        }
        for (size_t k = 0; k < x[i].rows * x[i].cols; k++) {
            float v = !x[i].is_vector && x[i].mat->dtype == ENC_I8
                          ? x[i].mat->scale[k / x[i].cols] * (float)codes[k]
                          : p[k];
            if (fabs((double)v - (double)q[k]) > max)
                max = fabs((double)v - (double)q[k]);
        }
    }
    free(x);
    free(y);
    return max;
}

static void every_precision_binds(void)
{
    static const struct {
        enc_dtype dtype;
        double error; /* of values below 2: half a step; int8: half of max/127 */
    } precisions[] = {{ENC_F32, 0.0},
                      {ENC_F16, 0.0005},
                      {ENC_BF16, 0.004},
                      {ENC_I8, 0.5 * 2.0 / 127.0}};

    for (size_t i = 0; i < 4; i++) {
        bench b;

        setup(&b, precisions[i].dtype);
        CHECK_SAY(bind(&b, 0) == ENC_OK, "%s", b.e.text);
        double d = difference(&b);
        CHECK_SAY(d >= 0.0 && d <= precisions[i].error, "%s: %g",
                  enc_dtype_name(precisions[i].dtype), d);
        CHECK((d == 0.0) == (precisions[i].dtype == ENC_F32));
        teardown(&b);
    }
}

static void f32_is_used_where_it_lies_unless_unaligned(void)
{
    bench b;

    setup(&b, ENC_F32);
    for (size_t odd = 0; odd < 8; odd++) {
        CHECK(bind(&b, odd) == ENC_OK && difference(&b) == 0.0);
        const uint8_t *word = b.w.word.data;
        bool is_inside = word >= b.changed.at && word < b.changed.at + b.changed.n;
        CHECK_SAY(is_inside == (odd % 4 == 0), "%zu odd bytes", odd);
    }
    teardown(&b);
}

static void vectors_of_codes_are_refused(void)
{
    enc_tensor *t;
    bench b;

    setup(&b, ENC_F32);
    t = find(&b, "pooler.dense.bias");
    t->dtype = ENC_I8;
    t->n_bytes = t->shape[0];
    CHECK(bind(&b, 0) == ENC_UNSUPPORTED);
    CHECK_SAY(strcmp(b.e.text,
                     "tensor pooler.dense.bias is of type I8, expected F32, F16 "
                     "or BF16") == 0,
              "%s", b.e.text);
    teardown(&b);
}

static void other_names_are_known(void)
{
    static char names[TENSORS_MAX][ENC_NAME_MAX + 8];
    bench b;

    setup(&b, ENC_F32);
    for (size_t i = 0; i < b.n; i++) { /* as in a TensorFlow-era BertForPreTraining */
        const char *name = b.tensors[i].name, *norm = strstr(name, "LayerNorm.");
        bool is_head =
            strncmp(name, "cls.", 4) == 0 || strncmp(name, "classifier", 10) == 0;

        snprintf(names[i], sizeof names[i], "%s%.*s%s", is_head ? "" : "bert.",
                 norm != NULL ? (int)(norm - name) + 10 : (int)strlen(name), name,
                 norm == NULL                       ? ""
                 : strcmp(norm + 10, "weight") == 0 ? "gamma"
                                                    : "beta");
        if (strcmp(name, "cls.predictions.bias") == 0)
            snprintf(names[i], sizeof names[i], "cls.predictions.decoder.bias");
        b.tensors[i].name = names[i];
    }
    CHECK_SAY(bind(&b, 0) == ENC_OK, "%s", b.e.text);
    CHECK(difference(&b) == 0.0);
    teardown(&b);
}

static void the_decoder_is_tied_unless_the_config_says_otherwise(void)
{
    static float other[90 * 32];
    enc_tensor decoder = {"cls.predictions.decoder.weight", ENC_F32,     2, {90, 32},
                          (const uint8_t *)other,           sizeof other};
    bench b;

    setup(&b, ENC_F32);
    CHECK(b.m->config.n_vocab == 90);
    size_t tied = enc_weights_count(&b.m->config, &b.m->weights);
    b.tensors[b.n++] = decoder; /* a stored decoder of a tied model is not looked at */
    CHECK(bind(&b, 0) == ENC_OK && b.w.mlm_decoder.data == b.w.word.data);
    b.m->config.own_decoder = true;
    CHECK(bind(&b, 0) == ENC_OK && b.w.mlm_decoder.data != b.w.word.data);
    CHECK(enc_weights_count(&b.m->config, &b.w) == tied + 90 * 32);
    b.n--;
    CHECK(bind(&b, 0) == ENC_OK && b.w.mlm_transform.w.data == NULL);
    teardown(&b);
}

static void a_head_is_whole_or_absent(void)
{
    bench b;

    setup(&b, ENC_F32);
    drop(&b, "cls.predictions.transform.dense.bias");
    drop(&b, "pooler.dense.weight");
    CHECK_SAY(bind(&b, 0) == ENC_OK, "%s", b.e.text);
    CHECK(b.w.mlm_transform.w.data == NULL && b.w.mlm_bias == NULL);
    CHECK(b.w.mlm_decoder.data == NULL && b.w.pooler.b == NULL);
    CHECK(b.w.classifier.w.data != NULL && b.w.next_sentence.w.data != NULL);
    teardown(&b);
}

static void refused(bench *b, enc_rc rc, const char *says)
{
    enc_rc got = bind(b, 0);

    CHECK_SAY(got == rc, "rc %d, expected %d: %s", (int)got, (int)rc, says);
    CHECK_SAY(strstr(b->e.text, says) != NULL, "%s (expected: %s)", b->e.text, says);
}

static void what_is_missing_or_misshapen_is_named(void)
{
    static const char query[] = "encoder.layer.1.attention.self.query.weight";
    enc_tensor kept;
    bench b;

    setup(&b, ENC_F32);
    enc_tensor *t = find(&b, query);
    kept = *t;
    t->shape[1] = 31, t->n_bytes = 32 * 31 * 4;
    refused(&b, ENC_CORRUPT,
            "tensor encoder.layer.1.attention.self.query.weight has shape [32, 31], "
            "expected [32, 32]");
    *t = kept, t->rank = 1, t->shape[0] = 1024;
    refused(&b, ENC_CORRUPT, "has shape [1024], expected [32, 32]");
    *t = kept, t->rank = 3, t->shape[2] = 1;
    refused(&b, ENC_CORRUPT, "has shape [32, 32, 1], expected [32, 32]");
    *t = kept, t->shape[0] = 0, t->n_bytes = 0;
    refused(&b, ENC_CORRUPT, "has shape [0, 32], expected [32, 32]");
    *t = kept, t->dtype = ENC_I8, t->n_bytes = 1024;
    refused(&b, ENC_CORRUPT,
            "tensor encoder.layer.1.attention.self.query.weight.scale missing");
    *t = kept;
    drop(&b, query);
    refused(&b, ENC_CORRUPT,
            "tensor encoder.layer.1.attention.self.query.weight missing");
    teardown(&b);

    setup(&b, ENC_I8);
    t = find(&b, "encoder.layer.1.attention.self.query.weight.scale");
    kept = *t;
    t->shape[0] = 31, t->n_bytes = 31 * 4;
    refused(&b, ENC_CORRUPT, "query.weight.scale has shape [31], expected [32]");
    *t = kept, t->dtype = ENC_I8, t->n_bytes = 32;
    refused(&b, ENC_UNSUPPORTED, "query.weight.scale is of type I8, expected F32");
    teardown(&b);
}

/* A value that is not finite, at every place of a tensor and in every precision. */
static void values_that_are_not_finite_are_refused(void)
{
    static const enc_dtype precisions[] = {ENC_F32, ENC_F16, ENC_BF16};
    static const uint32_t values[] = {0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000};
    static uint8_t data[90 * 32 * 4];
    bench b;

    for (size_t p = 0; p < 3; p++) {
        setup(&b, precisions[p]);
        enc_tensor *t = find(&b, "embeddings.position_embeddings.weight");
        size_t size = enc_dtype_size(t->dtype), n = enc_tensor_count(t);

        for (size_t i = 0; i < n; i += i < 600 ? 1 : 97) {
            uint32_t bits = values[i % 4];
            uint16_t half = (uint16_t)(p == 1 ? bits >> 16 | 0x7c00 : bits >> 16);

            memcpy(data, t->data, t->n_bytes);
            memcpy(data + i * size, p == 0 ? (void *)&bits : (void *)&half, size);
            enc_tensor kept = *t;
            t->data = data;
            refused(
                &b, ENC_CORRUPT,
                "tensor embeddings.position_embeddings.weight contains NaN or infinity");
            *t = kept;
        }
        CHECK(bind(&b, 0) == ENC_OK);
        teardown(&b);
    }
    setup(&b, ENC_F32); /* the greatest float is still one */
    enc_tensor *t = find(&b, "embeddings.position_embeddings.weight");
    memcpy(data, t->data, t->n_bytes);
    memcpy(data, &(uint32_t){0x7f7fffff}, 4);
    t->data = data;
    CHECK(bind(&b, 0) == ENC_OK);
    teardown(&b);
}

static void tensors_of_other_names_are_skipped(void)
{
    static const uint8_t ids[8 * 64];
    bench b;

    setup(&b, ENC_F32);
    b.tensors[b.n++] =
        (enc_tensor){"embeddings.extra", ENC_I8, 2, {8, 64}, ids, sizeof ids};
    CHECK(bind(&b, 0) == ENC_OK && difference(&b) == 0.0);
    teardown(&b);
}

static void a_row_of_a_matrix_is_its_values(void)
{
    const float f[4] = {1.0f, 2.0f, 3.0f, 4.0f}, scale[2] = {0.5f, 2.0f};
    const int8_t q[4] = {-127, 1, 127, 3};
    const enc_mat a = {f, ENC_F32, NULL, 2, 2}, b = {q, ENC_I8, scale, 2, 2};
    float out[2];
    enc_mat_row(&a, 1, out);
    CHECK(out[0] == 3.0f && out[1] == 4.0f);
    enc_mat_row(&b, 0, out);
    CHECK(out[0] == -63.5f && out[1] == 0.5f);
    enc_mat_row(&b, 1, out);
    CHECK(out[0] == 254.0f && out[1] == 6.0f);
}

/* --- static models --------------------------------------------------------------------
 */

/* Four pieces of two vectors of two values. */
static const enc_config static_config = {.arch = &enc_arch_static,
                                         .n_vocab = 4,
                                         .n_vectors = 2,
                                         .hidden = 2,
                                         .n_heads = 1,
                                         .n_positions = 8};

/* Binds these tensors; the vectors are i8, and go by another name if there is no mapping
 * and yet bytes of it. */
static enc_rc bind_static(enc_dtype dtype, const void *mapping, size_t n, size_t n_bytes,
                          enc_weights *w, enc_arena *a, enc_err *e)
{
    const enc_tensor tensors[] = {
        {mapping == NULL && n_bytes > 0 ? "vectors" : "embeddings",
         ENC_I8,
         2,
         {2, 2},
         (const uint8_t *)"\1\2\3\4",
         4},
        {"mapping", dtype, 1, {n}, mapping, n_bytes}};
    enc_files *f = NULL;
    enc_wr file;

    enc_wr_init(&file);
    enc_sft_write(&file, tensors, mapping != NULL ? 2 : 1, NULL, 0);
    enc_rc rc = file.failed ? enc_nomem(e) : ENC_OK;
    if (rc == ENC_OK)
        rc = enc_files_open_blob(&f, (enc_bytes){file.at, file.n}, false, e);
    if (rc == ENC_OK) rc = enc_files_open_tensors(f, e);
    if (rc == ENC_OK) rc = enc_weights_bind(w, a, &static_config, f, e);
    enc_files_close(f);
    enc_wr_clear(&file);
    return rc;
}

static void pieces_may_share_vectors(void)
{
    static const int32_t rows[] = {1, 0, 1, 1}, few[] = {0, 1}, wrong[] = {0, 2, 0, 0},
                         negative[] = {0, -1, 0, 0};
    static const int64_t wide[] = {1, 0, 1, 1};
    static const struct {
        enc_dtype dtype;
        const void *rows;
        size_t n, n_bytes;
        enc_rc rc;
        const char *says;
    } bad[] = {
        {ENC_I32, few, 2, 8, ENC_CORRUPT, "tensor mapping has shape [2], expected [4]"},
        {ENC_I32, wrong, 4, 16, ENC_CORRUPT, "tensor mapping: piece 1 has vector 2 of 2"},
        {ENC_I32, negative, 4, 16, ENC_CORRUPT,
         "tensor mapping: piece 1 has vector -1 of 2"},
        {ENC_F32, rows, 4, 16, ENC_UNSUPPORTED,
         "tensor mapping is of type F32, expected I32 or I64"}};
    enc_weights w;
    enc_arena a;
    enc_err e;

    enc_err_clear(&e);
    enc_arena_init(&a);
    for (int k = 0; k < 2; k++) {
        enc_rc rc = k == 0 ? bind_static(ENC_I32, rows, 4, 16, &w, &a, &e)
                           : bind_static(ENC_I64, wide, 4, 32, &w, &a, &e);
        CHECK_SAY(rc == ENC_OK, "%s", e.text);
        for (int i = 0; rc == ENC_OK && i < 4; i++) CHECK(w.word_vector[i] == rows[i]);
        CHECK(w.word.dtype == ENC_I8 && w.word.scale[0] == 1.0f &&
              w.word.scale[1] == 1.0f);
    }
    CHECK(bind_static(ENC_I32, NULL, 0, 0, &w, &a, &e) == ENC_OK && !w.word_vector);
    CHECK(bind_static(ENC_I8, NULL, 0, 1, &w, &a, &e) == ENC_CORRUPT);
    CHECK_SAY(strcmp(e.text, "tensor embeddings missing") == 0, "%s", e.text);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enc_err_clear(&e);
        CHECK(bind_static(bad[i].dtype, bad[i].rows, bad[i].n, bad[i].n_bytes, &w, &a,
                          &e) == bad[i].rc);
        CHECK_SAY(strcmp(e.text, bad[i].says) == 0, "%s", e.text);
    }
    enc_arena_clear(&a);
}

/* --- without memory -------------------------------------------------------------------
 */

static size_t n_used; /* of the arena, before anything is bound */

static enc_rc bind_shared(void *rows, enc_err *e)
{
    enc_weights w;
    enc_arena a;
    enc_rc rc = ENC_NOMEM;

    enc_arena_init(&a);
    if (enc_arena_alloc(&a, n_used) != NULL)
        rc = bind_static(ENC_I32, rows, 4, 16, &w, &a, e);
    else enc_nomem(e);
    enc_arena_clear(&a);
    return rc;
}

static enc_rc bind_modern(void *path, enc_err *e)
{
    enc_files *f;
    enc_config c;
    enc_weights w;
    enc_arena own, a;
    enc_rc rc = enc_files_open_directory(&f, path, e);

    enc_arena_init(&own);
    enc_arena_init(&a);
    if (rc == ENC_OK) rc = enc_config_read(&c, &own, f, 0, e);
    if (rc == ENC_OK) rc = enc_files_open_tensors(f, e);
    if (rc == ENC_OK && enc_arena_alloc(&a, n_used) == NULL) rc = enc_nomem(e);
    if (rc == ENC_OK) rc = enc_weights_bind(&w, &a, &c, f, e);
    enc_arena_clear(&own);
    enc_arena_clear(&a);
    enc_files_close(f);
    return rc;
}

/* Whichever place asks for memory, with some of the arena used before it is the one that
 * asks for a block. */
static void every_allocation_may_fail(void)
{
    static const int32_t rows[] = {1, 0, 1, 1};
    static char path[] = "tests/data/gguf/modern.gguf";

    for (n_used = 15 << 10; n_used <= 16 << 10; n_used += 64) {
        CHECK(every_allocation_fails(bind_shared, (void *)rows) > 4);
        CHECK(every_allocation_fails(bind_modern, path) > 4);
    }
}

int main(void)
{
    counts_equal_the_published_integers();
    slots_follow_the_graph();
    slots_point_at_their_own_places();
    every_precision_binds();
    f32_is_used_where_it_lies_unless_unaligned();
    vectors_of_codes_are_refused();
    other_names_are_known();
    the_decoder_is_tied_unless_the_config_says_otherwise();
    a_head_is_whole_or_absent();
    what_is_missing_or_misshapen_is_named();
    values_that_are_not_finite_are_refused();
    tensors_of_other_names_are_skipped();
    pieces_may_share_vectors();
    every_allocation_may_fail();
    CHECK(enc_mem_live() == 0);
    a_row_of_a_matrix_is_its_values();
    return check_done("model/weights");
}
