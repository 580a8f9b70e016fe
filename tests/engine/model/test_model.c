/* Models: opened from every form alike, refused when parts do not fit, and told apart by
 * their fingerprints. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "learn/save.h"
#include "lib/tiny.h"

static char scratch[256];

static enc_model *open_path(const char *path)
{
    enc_files *f = NULL;
    enc_model *m = NULL;
    enc_err e;

    enc_err_clear(&e);
    CHECK_SAY(enc_files_open_directory(&f, path, &e) == ENC_OK, "%s", e.text);
    CHECK_SAY(enc_model_open(&m, f, NULL, &e) == ENC_OK, "%s", e.text);
    return m;
}

static enc_model *open_tiny(uint64_t seed, enc_dtype dtype, const enc_model_options *o)
{
    enc_model *m = NULL;
    enc_err e;

    enc_err_clear(&e);
    CHECK_SAY(tiny_open(&m, seed, dtype, o, &e) == ENC_OK, "%s", e.text);
    return m;
}

static const char *fingerprint(const enc_model *m, char text[33])
{
    enc_err e;

    enc_err_clear(&e);
    CHECK_SAY(enc_model_fingerprint(m, text, &e) == ENC_OK, "%s", e.text);
    return text;
}

static void a_model_is_what_its_files_say(void)
{
    enc_model *m = open_tiny(TINY_SEED, ENC_F32, NULL);

    CHECK(m->config.hidden == 32 && m->config.n_layers == 2 &&
          m->config.max_tokens == 48);
    CHECK(m->weights.pooler.w.data != NULL && m->weights.classifier.w.data != NULL);
    CHECK(m->weights.mlm_bias != NULL && m->weights.next_sentence.b != NULL);
    CHECK(m->n_bytes == 4 * enc_weights_count(&m->config, &m->weights));
    CHECK(enc_vocab_find(enc_tok_vocab(m->tok), "고양이", 9) >= 0);
    CHECK(strcmp(enc_model_prompt(m, "query"), "query: ") == 0);
    CHECK(strcmp(enc_model_prompt(m, "passage"), "passage: ") == 0);
    CHECK(strcmp(enc_model_prompt(m, "other"), "") == 0);
    enc_model_close(m);
    enc_model_close(NULL);
}

static void roles_have_several_names(void)
{
    static const struct {
        const char *name, *role;
    } aliases[] = {{"query", "query"},
                   {"search_query", "query"},
                   {"passage", "passage"},
                   {"document", "passage"},
                   {"search_document", "passage"},
                   {"corpus", "passage"},
                   {"clustering", "clustering"}};

    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        enc_prompt prompt = {aliases[i].name, "x: "};
        enc_model m = {.config = {.n_prompts = 1, .prompts = &prompt}};

        CHECK_SAY(strcmp(enc_model_prompt(&m, aliases[i].role), "x: ") == 0, "%s",
                  aliases[i].name);
        CHECK(strcmp(enc_model_prompt(&m, "another"), "") == 0);
    }
}

static void options_override_and_only_lower(void)
{
    enc_model_options o = {
        .pooling = ENC_POOL_CLS | ENC_POOL_MAX, .normalize = -1, .max_tokens = 1000};
    enc_model *m = open_tiny(TINY_SEED, ENC_F32, &o);

    CHECK(m->config.pooling == (ENC_POOL_CLS | ENC_POOL_MAX) && !m->config.normalize);
    CHECK(m->config.max_tokens == 48 && enc_config_dims(&m->config) == 64);
    enc_model_close(m);
    o = (enc_model_options){.max_tokens = 20};
    m = open_tiny(TINY_SEED, ENC_F32, &o);
    CHECK(m->config.max_tokens == 20 && m->config.normalize);
    enc_model_close(m);

    static const enc_model_options bad[] = {
        {.pooling = 64}, {.max_tokens = 2}, {.dims = 33}};
    for (size_t i = 0; i < 3; i++) {
        enc_err e;

        enc_err_clear(&e);
        CHECK(tiny_open(&m, TINY_SEED, ENC_F32, &bad[i], &e) != ENC_OK);
        CHECK(m == NULL && e.text[0] != '\0');
    }
}

/* Everything that could change a vector changes the fingerprint, and nothing else does.
 */
static void fingerprints_tell_models_apart(void)
{
    static const enc_model_options options[] = {{0},
                                                {.pooling = ENC_POOL_CLS},
                                                {.normalize = -1},
                                                {.max_tokens = 20},
                                                {.dims = 31}};
    static const struct {
        uint64_t seed;
        enc_dtype dtype;
        size_t option;
    } models[] = {
        {TINY_SEED, ENC_F32, 0},  {TINY_SEED, ENC_I8, 0},  {TINY_SEED, ENC_F16, 0},
        {TINY_SEED, ENC_BF16, 0}, {2, ENC_F32, 0},         {TINY_SEED, ENC_F32, 1},
        {TINY_SEED, ENC_F32, 2},  {TINY_SEED, ENC_F32, 3}, {TINY_SEED, ENC_F32, 4}};
    enum { N = sizeof models / sizeof *models };
    char text[N][33], again[33];

    for (size_t i = 0; i < N; i++) {
        enc_model *m =
            open_tiny(models[i].seed, models[i].dtype, &options[models[i].option]);

        fingerprint(m, text[i]);
        CHECK(strlen(text[i]) == 32 && strspn(text[i], "0123456789abcdef") == 32);
        CHECK(strcmp(fingerprint(m, again), text[i]) == 0);
        for (size_t k = 0; k < i; k++) CHECK(strcmp(text[i], text[k]) != 0);
        enc_model_close(m);
    }
    /* The same model in another form: as a directory, and saved and opened again. */
    char path[512];
    enc_err e;

    enc_err_clear(&e);
    snprintf(path, sizeof path, "%s/unpacked", scratch);
    CHECK(tiny_directory(TINY_SEED, ENC_F32, path, &e) == ENC_OK);
    enc_model *m = open_path(path);
    CHECK(strcmp(fingerprint(m, again), text[0]) == 0);
    snprintf(path, sizeof path, "%s/saved", scratch);
    CHECK_SAY(enc_save_directory(m, path, &e) == ENC_OK, "%s", e.text);
    enc_model_close(m);
    m = open_path(path);
    CHECK(strcmp(fingerprint(m, again), text[0]) == 0);
    enc_model_close(m);
}

/* Replaces one file of a blob. */
typedef struct swap {
    const char *key, *value;
} swap;

static void replace(void *arg, const char *key, enc_bytes *value)
{
    const swap *s = arg;

    if (strcmp(key, s->key) != 0) return;
    if (s->value == NULL) *value = (enc_bytes){NULL, 0};
    else *value = (enc_bytes){(const uint8_t *)s->value, strlen(s->value)};
}

static enc_rc open_swapped(enc_dtype dtype, swap s, enc_model **m, enc_err *e)
{
    enc_wr blob, other;
    enc_files *f = NULL;

    enc_err_clear(e);
    enc_wr_init(&blob);
    enc_wr_init(&other);
    *m = NULL;
    CHECK(tiny_blob(TINY_SEED, dtype, &blob, e) == ENC_OK);
    CHECK(tiny_rewrite((enc_bytes){blob.at, blob.n}, ENC_F32, replace, &s, &other, e) ==
          ENC_OK);
    enc_rc rc = enc_files_open_blob(&f, (enc_bytes){other.at, other.n}, true, e);
    if (rc == ENC_OK) rc = enc_model_open(m, f, NULL, e);
    enc_wr_clear(&blob);
    enc_wr_clear(&other);
    return rc;
}

/* A stated hash is the one that would be computed: with or without it, in every
 * precision, the fingerprint is the same. A stated one that is malformed is not believed.
 */
static void a_stated_fingerprint_is_the_computed_one(void)
{
    static const enc_dtype precisions[] = {ENC_F32, ENC_I8};
    static const char *const values[] = {NULL, "", "0123456789abcdef0123456789abcdeX"};

    for (size_t i = 0; i < 2; i++) {
        enc_model *m = open_tiny(TINY_SEED, precisions[i], NULL), *other;
        char stated[33], computed[33];
        enc_err e;

        fingerprint(m, stated);
        for (size_t k = 0; k < 3; k++) {
            swap s = {"fingerprint", values[k]};

            CHECK_SAY(open_swapped(precisions[i], s, &other, &e) == ENC_OK, "%s", e.text);
            CHECK(strcmp(fingerprint(other, computed), stated) == 0);
            enc_model_close(other);
        }
        swap s = {"fingerprint", "0123456789abcdef0123456789abcdef"};
        CHECK(open_swapped(precisions[i], s, &other, &e) == ENC_OK);
        CHECK(strcmp(fingerprint(other, computed), stated) != 0);
        enc_model_close(other);
        enc_model_close(m);
    }
}

static void parts_that_do_not_fit_are_refused(void)
{
    static const struct {
        swap s;
        enc_rc rc;
        const char *says;
    } bad[] = {
        {{"config.json", NULL}, ENC_IO, "config.json missing in a blob"},
        {{"config.json", "{\"model_type\": \"gpt2\"}"},
         ENC_UNSUPPORTED,
         "model_type 'gpt2'"},
        {{"vocab.txt", ""}, ENC_CORRUPT, "vocab.txt"},
        {{"vocab.txt", NULL}, ENC_IO, "vocab.txt"},
        {{"tokenizer_config.json", "{"}, ENC_CORRUPT, "tokenizer_config.json"},
        {{"modules.json", "7"}, ENC_CORRUPT, "modules.json"},
        {{"1_Pooling/config.json", NULL}, ENC_IO, "1_Pooling/config.json missing"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enc_model *m;
        enc_err e;
        enc_rc rc = open_swapped(ENC_F32, bad[i].s, &m, &e);

        CHECK_SAY(rc == bad[i].rc, "rc %d: %s", (int)rc, e.text);
        CHECK_SAY(strstr(e.text, bad[i].says) != NULL, "%s (expected: %s)", e.text,
                  bad[i].says);
        CHECK(m == NULL);
        enc_model_close(m);
    }
}

/* A length that was raised after training is in sentence_bert_config.json alone. */
static void the_tokenizers_limit_gives_way_to_the_models(void)
{
    const swap s = {"tokenizer_config.json", "{\"model_max_length\": 20}"};
    enc_model *m;
    enc_err e;

    CHECK(open_swapped(ENC_F32, s, &m, &e) == ENC_OK);
    CHECK(m != NULL && m->config.max_tokens == 48);
    enc_model_close(m);
}

static void a_vocabulary_larger_than_the_model_is_refused(void)
{
    char vocab[2048] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
    enc_model *m;
    enc_err e;

    for (int i = 0; i < 86; i++) /* 91 pieces for 90 rows */
        snprintf(vocab + strlen(vocab), sizeof vocab - strlen(vocab), "w%d\n", i);
    swap s = {"vocab.txt", vocab};
    CHECK(open_swapped(ENC_F32, s, &m, &e) == ENC_CORRUPT && m == NULL);
    CHECK_SAY(strstr(e.text, "91 pieces, but vocab_size is 90") != NULL, "%s", e.text);
    vocab[strlen(vocab) - 4] = '\0';
    CHECK_SAY(open_swapped(ENC_F32, s, &m, &e) == ENC_OK, "%s", e.text);
    enc_model_close(m);
}

static void every_allocation_may_fail(void)
{
    bool is_done = false;
    enc_wr blob;
    enc_err e;

    enc_err_clear(&e);
    enc_wr_init(&blob);
    CHECK(tiny_blob(TINY_SEED, ENC_F16, &blob, &e) == ENC_OK);
    for (size_t nth = 1; !is_done && nth < 5000; nth++) {
        size_t live = enc_mem_live();
        enc_files *f = NULL;
        enc_model *m = NULL;

        enc_err_clear(&e);
        enc_mem_fault(nth, nth % 2 == 0);
        enc_rc rc = enc_files_open_blob(&f, (enc_bytes){blob.at, blob.n}, true, &e);
        if (rc == ENC_OK) rc = enc_model_open(&m, f, NULL, &e);
        enc_mem_fault(0, false);
        CHECK_SAY(rc == ENC_OK || rc == ENC_NOMEM, "allocation %zu: rc %d: %s", nth,
                  (int)rc, e.text);
        is_done = rc == ENC_OK;
        enc_model_close(m);
        CHECK(enc_mem_live() == live);
    }
    CHECK(is_done);
    enc_wr_clear(&blob);
}

/* tests/data/tiny, made by tests/lib/make_tiny.c, is still what that program makes;
 * values may differ in the last bits where another mathematics library computed them. */
static void the_committed_model_is_the_tiny_one(void)
{
    enc_model *m = open_tiny(TINY_SEED, ENC_F32, NULL),
              *other = open_path("tests/data/tiny");

    if (m == NULL || other == NULL) return;
    const float *x = m->weights.layers[1].down.w.data;
    const float *y = other->weights.layers[1].down.w.data;
    for (size_t i = 0; i < 32 * 64; i++) CHECK(fabsf(x[i] - y[i]) < 1e-5f);
    CHECK(enc_weights_count(&m->config, &m->weights) ==
          enc_weights_count(&other->config, &other->weights));
    CHECK(m->config.max_tokens == other->config.max_tokens);
    CHECK(enc_vocab_size(enc_tok_vocab(m->tok)) ==
          enc_vocab_size(enc_tok_vocab(other->tok)));
    for (int32_t id = 0; (size_t)id < enc_vocab_size(enc_tok_vocab(m->tok)); id++) {
        enc_bytes p = enc_vocab_piece(enc_tok_vocab(m->tok), id);
        enc_bytes q = enc_vocab_piece(enc_tok_vocab(other->tok), id);

        CHECK(p.n == q.n && memcmp(p.at, q.at, p.n) == 0);
    }
    CHECK(enc_tok_rules(m->tok).keep_hangul && enc_tok_rules(other->tok).keep_hangul);
    enc_model_close(m);
    enc_model_close(other);
}

static void the_built_in_model_opens_where_it_lies(void)
{
    enc_bytes blob = enc_builtin();
    enc_files *f = NULL;
    enc_model *m = NULL;
    char text[33];
    enc_err e;

    enc_err_clear(&e);
    CHECK((uintptr_t)blob.at % 64 == 0 && blob.n > 0);
    CHECK_SAY(enc_files_open_blob(&f, blob, false, &e) == ENC_OK, "%s", e.text);
    CHECK_SAY(enc_model_open(&m, f, NULL, &e) == ENC_OK, "%s", e.text);
    if (m == NULL) return;
    const uint8_t *word = m->weights.word.data;
    CHECK(word >= blob.at && word < blob.at + blob.n);
    fingerprint(m, text);
    enc_model_close(m);
}

int main(void)
{
    if (tiny_scratch(scratch, sizeof scratch) == NULL) return 1;
    a_model_is_what_its_files_say();
    roles_have_several_names();
    options_override_and_only_lower();
    fingerprints_tell_models_apart();
    a_stated_fingerprint_is_the_computed_one();
    parts_that_do_not_fit_are_refused();
    the_tokenizers_limit_gives_way_to_the_models();
    a_vocabulary_larger_than_the_model_is_refused();
    every_allocation_may_fail();
    the_committed_model_is_the_tiny_one();
    the_built_in_model_opens_where_it_lies();
    tiny_scratch_remove(scratch);
    CHECK(enc_mem_live() == 0);
    return check_done("model/model");
}
