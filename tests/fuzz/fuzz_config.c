/* fuzz_config.c - the JSON files of a model: config.json, modules.json,
 * 1_Pooling/config.json, sentence_bert_config.json, config_sentence_transformers.json,
 * 2_Dense/config.json. What is accepted of BERT, which we train, is written and read
 * again. */
#include "fuzz.h"

#include "base/limits.h"
#include "model/arch.h"

static const char *const names[] = {
    "config.json",
    "modules.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "2_Dense/config.json",
};

#define N_NAMES (sizeof names / sizeof *names)

/* A model's files as a blob without tensors; NULL: these are not text. */
static enc_files *open_files(const enc_bytes *parts, enc_wr *blob)
{
    enc_sft_meta meta[N_NAMES];
    enc_files *f = NULL;
    size_t n = 0;
    enc_err e;

    for (size_t i = 0; i < N_NAMES; i++)
        if (parts[i].at != NULL) meta[n++] = (enc_sft_meta){names[i], parts[i]};
    enc_sft_write(blob, NULL, 0, meta, n);
    FUZZ_CLAIM(!blob->failed);
    enc_err_clear(&e);
    enc_files_open_blob(&f, (enc_bytes){blob->at, blob->n}, false, &e);
    return f;
}

static void check(const enc_config *c)
{
    FUZZ_CLAIM(c->n_vocab >= 1 && c->n_vocab <= ENC_VOCAB_MAX);
    FUZZ_CLAIM(c->hidden >= 1 && c->hidden <= ENC_HIDDEN_MAX);
    FUZZ_CLAIM(c->n_layers <= ENC_LAYERS_MAX && c->inner <= ENC_INNER_MAX);
    FUZZ_CLAIM(c->n_layers == 0 || (c->n_heads >= 1 && c->hidden % c->n_heads == 0));
    FUZZ_CLAIM(c->n_labels <= ENC_LABELS_MAX && c->n_segments <= ENC_SEGMENTS_MAX);
    FUZZ_CLAIM(c->pooling != 0);
    FUZZ_CLAIM(enc_config_dims(c) >= 1);
    for (size_t i = 0; i < c->n_labels; i++)
        fuzz_touch(c->labels[i], strlen(c->labels[i]));
    for (size_t i = 0; i < c->n_prompts; i++)
        fuzz_touch(c->prompts[i].text, strlen(c->prompts[i].text));
}

/* Parameters that it would have: every slot is listed. */
static void list_slots(const enc_config *c)
{
    size_t n = enc_weights_slots(c, NULL, NULL, 0);
    enc_slot *slots = enc_mem_array(n, sizeof *slots);

    FUZZ_CLAIM(slots != NULL);
    FUZZ_CLAIM(enc_weights_slots(c, NULL, slots, n) == n);
    enc_mem_free(slots);
}

static enc_rc read(const enc_bytes *parts, enc_config *c, enc_arena *a, enc_err *e)
{
    enc_wr blob;
    enc_files *f;
    enc_rc rc = ENC_CORRUPT;

    enc_wr_init(&blob);
    enc_err_clear(e);
    if ((f = open_files(parts, &blob)) != NULL) {
        rc = enc_config_read(c, a, f, 0, e);
        fuzz_answer(rc, e);
    }
    enc_files_close(f);
    enc_wr_clear(&blob);
    return rc;
}

/* Files written from a configuration say the same. */
static void read_again(const enc_config *c)
{
    enc_wr written[N_NAMES - 1];
    enc_bytes parts[N_NAMES] = {{NULL, 0}};
    enc_config other;
    enc_arena a;
    enc_err e;

    for (size_t i = 0; i < N_NAMES - 1; i++) {
        enc_wr_init(&written[i]);
        enc_config_write(c, names[i], false, &written[i]);
        FUZZ_CLAIM(!written[i].failed);
        if (written[i].n > 0) parts[i] = (enc_bytes){written[i].at, written[i].n};
    }
    enc_arena_init(&a);
    enc_rc rc = read(parts, &other, &a, &e);
    if (rc != ENC_OK)
        fprintf(stderr, "%s\n%.*s\n", e.text, (int)written[0].n, written[0].at);
    FUZZ_CLAIM(rc == ENC_OK);
    FUZZ_CLAIM(other.arch == c->arch && other.hidden == c->hidden);
    FUZZ_CLAIM(other.n_layers == c->n_layers && other.pooling == c->pooling);
    FUZZ_CLAIM(other.max_tokens == c->max_tokens && other.normalize == c->normalize);
    enc_arena_clear(&a);
    for (size_t i = 0; i < N_NAMES - 1; i++) enc_wr_clear(&written[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    enc_bytes rest = {data, n}, parts[N_NAMES];
    enc_config c;
    enc_arena a;
    enc_err e;

    for (size_t i = 0; i < N_NAMES; i++) parts[i] = fuzz_part(&rest);
    enc_arena_init(&a);
    if (read(parts, &c, &a, &e) == ENC_OK) {
        check(&c);
        list_slots(&c);
        if (c.arch == &enc_arch_bert && c.n_modules == 0) read_again(&c);
    }
    enc_arena_clear(&a);
    FUZZ_CLAIM(enc_mem_live() == 0);
    return 0;
}
