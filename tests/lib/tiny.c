/* tiny.c - see tiny.h. */
#include "lib/tiny.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rng.h"
#include "learn/save.h"
#include "model/arch.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const words[] = {
    "the",  "cat",      "dog", "sat", "on",   "mat",    "quick", "is",    "in",
    "deep", "learning", "how", "to",  "tea",  "##ing",  "##ed",  "query", "passage",
    ".",    ",",        "?",   "!",   ":",    "고양이", "개",    "가",    "는",
    "##가", "##는",     "차",  "한",  "##국", "##어"};

static const char *const specials[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

/* Specials, letters, "##" letters, words. */
#define N_PIECES (COUNT(specials) + 26 + 26 + COUNT(words))

static enc_rc make_tok(enc_tok **out, enc_err *e)
{
    enc_norm_rules rules = {true, true, true, true, true, false};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    char subwords[26][3];
    enc_bytes pieces[N_PIECES];
    enc_vocab *vocab;
    size_t n = 0;
    enc_rc rc;

    for (size_t i = 0; i < COUNT(specials); i++)
        pieces[n++] = (enc_bytes){(const uint8_t *)specials[i], strlen(specials[i])};
    for (size_t i = 0; i < 26; i++)
        pieces[n++] = (enc_bytes){(const uint8_t *)&letters[i], 1};
    for (size_t i = 0; i < 26; i++) {
        memcpy(subwords[i], "##", 2);
        subwords[i][2] = letters[i];
        pieces[n++] = (enc_bytes){(const uint8_t *)subwords[i], 3};
    }
    for (size_t i = 0; i < COUNT(words); i++)
        pieces[n++] = (enc_bytes){(const uint8_t *)words[i], strlen(words[i])};
    if ((rc = enc_vocab_new(&vocab, pieces, n, "tiny", e))) return rc;
    return enc_tok_new(out, vocab, rules, e);
}

static enc_config make_config(void)
{
    static const char *labels[] = {"negative", "neutral", "positive"};
    static const enc_prompt prompts[] = {{"query", "query: "}, {"passage", "passage: "}};

    return (enc_config){.arch = &enc_arch_bert,
                        .n_vocab = N_PIECES,
                        .n_layers = 2,
                        .hidden = 32,
                        .n_heads = 2,
                        .inner = 64,
                        .n_positions = 64,
                        .n_segments = 2,
                        .norm_eps = 1e-12f,
                        .act = ENC_GELU,
                        .n_labels = 3,
                        .labels = labels,
                        .problem = ENC_SINGLE_LABEL,
                        .pooling = ENC_POOL_MEAN,
                        .normalize = true,
                        .max_tokens = 48,
                        .n_prompts = 2,
                        .prompts = prompts,
                        .similarity = "cosine"};
}

/* Gains near 1, biases near 0, matrices wide enough that layers do something. */
static void fill(float *x, const enc_slot *s, enc_rng *r)
{
    bool is_gain = s->is_vector && strstr(s->name, "LayerNorm.weight") != NULL;
    float spread = s->is_vector ? 0.05f : 0.3f;

    for (size_t i = 0; i < s->rows * s->cols; i++)
        x[i] = (is_gain ? 1.0f : 0.0f) + spread * enc_rng_normal(r);
}

static enc_rc make_weights(enc_weights *w, enc_arena *a, const enc_config *c,
                           uint64_t seed, enc_err *e)
{
    size_t n = enc_weights_slots(c, NULL, NULL, 0);
    enc_slot *slots = enc_arena_alloc(a, n * sizeof *slots);
    enc_rng r = {seed};

    memset(w, 0, sizeof *w);
    w->layers = enc_arena_alloc(a, c->n_layers * sizeof *w->layers);
    if (slots == NULL || w->layers == NULL) return enc_nomem(e);
    enc_weights_slots(c, w, slots, n);
    for (size_t i = 0; i < n; i++) {
        const enc_slot *s = &slots[i];
        float *x = s->is_tied ? NULL : enc_arena_alloc(a, s->rows * s->cols * sizeof *x);

        if (s->is_tied) {
            *s->mat = w->word;
            continue;
        }
        if (x == NULL) return enc_nomem(e);
        fill(x, s, &r);
        if (s->is_vector) *s->vec = x;
        else *s->mat = (enc_mat){x, ENC_F32, NULL, s->rows, s->cols};
    }
    return ENC_OK;
}

enc_rc tiny_blob(uint64_t seed, enc_dtype dtype, enc_wr *out, enc_err *e)
{
    bool is_half = dtype == ENC_F16 || dtype == ENC_BF16;
    enc_config c = make_config();
    enc_arch_apply(&c);
    enc_tok *tok = NULL;
    enc_weights w;
    enc_arena a;
    enc_wr whole;
    enc_rc rc;

    enc_arena_init(&a);
    enc_wr_init(&whole);
    if ((rc = make_tok(&tok, e))) goto done;
    if ((rc = make_weights(&w, &a, &c, seed, e))) goto done;
    rc = enc_save_blob(&c, &w, tok, dtype == ENC_I8, "tiny", is_half ? &whole : out, e);
    if (rc == ENC_OK && is_half)
        rc = tiny_rewrite((enc_bytes){whole.at, whole.n}, dtype, NULL, NULL, out, e);
done:
    enc_wr_clear(&whole);
    enc_tok_close(tok);
    enc_arena_clear(&a);
    return rc;
}

/* To the nearest half, ties to even; values here are small and never subnormal enough to
 * matter, but those that are must still come out right. */
static uint16_t half_of(float v)
{
    uint16_t best = 0;
    uint32_t low = 0, high = 0x7bff; /* halves of one sign are ordered like their bits */
    float magnitude = v < 0 ? -v : v;

    while (low < high) {
        uint32_t middle = (low + high + 1) / 2;
        if (enc_f16_to_f32((uint16_t)middle) <= magnitude) low = middle;
        else high = middle - 1;
    }
    best = (uint16_t)low;
    if (low < 0x7bff) {
        float below = magnitude - enc_f16_to_f32((uint16_t)low);
        float above = enc_f16_to_f32((uint16_t)(low + 1)) - magnitude;
        if (above < below || (above == below && low % 2 == 1)) best++;
    }
    return (uint16_t)(best | (v < 0 ? 0x8000 : 0));
}

static uint16_t bfloat_of(float v)
{
    uint32_t bits;

    memcpy(&bits, &v, sizeof bits);
    bits += 0x7fff + (bits >> 16 & 1);
    return (uint16_t)(bits >> 16);
}

static bool convert(enc_arena *a, enc_tensor *t, enc_dtype dtype)
{
    size_t n = enc_tensor_count(t);
    uint16_t *to = enc_arena_alloc(a, n * sizeof *to);
    float *from = enc_arena_alloc(a, n * sizeof *from);

    if (to == NULL || from == NULL) return false;
    enc_tensor_to_f32(t, from);
    for (size_t i = 0; i < n; i++)
        to[i] = dtype == ENC_F16 ? half_of(from[i]) : bfloat_of(from[i]);
    t->data = (const uint8_t *)to;
    t->dtype = dtype;
    t->n_bytes = n * sizeof *to;
    return true;
}

/* Every key that a blob of ours may have. */
static const char *const keys[] = {"format",
                                   "config.json",
                                   "vocab.txt",
                                   "tokenizer_config.json",
                                   "modules.json",
                                   "1_Pooling/config.json",
                                   "sentence_bert_config.json",
                                   "config_sentence_transformers.json",
                                   "note",
                                   "fingerprint"};

enc_rc tiny_rewrite(enc_bytes blob, enc_dtype dtype,
                    void (*edit)(void *arg, const char *key, enc_bytes *value), void *arg,
                    enc_wr *out, enc_err *e)
{
    bool is_half = dtype == ENC_F16 || dtype == ENC_BF16;
    enc_sft_meta meta[COUNT(keys)];
    size_t n_meta = 0, n;
    enc_tensor *tensors;
    enc_sft *s = NULL;
    enc_arena a;
    enc_rc rc;

    enc_arena_init(&a);
    if ((rc = enc_sft_open(&s, blob, "blob", e))) return rc;
    n = enc_sft_count(s);
    tensors = enc_arena_alloc(&a, n * sizeof *tensors);
    for (size_t i = 0; tensors != NULL && i < n; i++) {
        tensors[i] = *enc_sft_at(s, i);
        if (is_half && !convert(&a, &tensors[i], dtype)) tensors = NULL;
    }
    for (size_t i = 0; i < COUNT(keys); i++) {
        enc_bytes value = enc_sft_metadata(s, keys[i]);

        if (is_half && strcmp(keys[i], "fingerprint") == 0) continue; /* no longer true */
        if (edit != NULL) edit(arg, keys[i], &value);
        if (value.at != NULL) meta[n_meta++] = (enc_sft_meta){keys[i], value};
    }
    if (tensors != NULL) enc_sft_write(out, tensors, n, meta, n_meta);
    if (tensors == NULL || out->failed) rc = enc_nomem(e);
    enc_sft_close(s);
    enc_arena_clear(&a);
    return rc;
}

enc_rc tiny_put(const char *path, const void *bytes, size_t n, enc_err *e)
{
    FILE *f = fopen(path, "wb");
    bool is_written = f != NULL && fwrite(bytes, 1, n, f) == n;

    if (f != NULL && fclose(f) != 0) is_written = false;
    return is_written ? ENC_OK : enc_fail(e, ENC_IO, "cannot write %s", path);
}

enc_rc tiny_unpack(enc_bytes blob, const char *path, enc_err *e)
{
    const enc_sft_meta format = {"format", {(const uint8_t *)"pt", 2}};
    char file[4096];
    enc_tensor *tensors;
    enc_sft *s;
    enc_wr w;
    enc_rc rc;

    if ((rc = enc_sft_open(&s, blob, "blob", e))) return rc;
    mkdir(path, 0777);
    snprintf(file, sizeof file, "%s/1_Pooling", path);
    mkdir(file, 0777);
    for (size_t i = 0; rc == ENC_OK && i < COUNT(keys); i++) {
        enc_bytes value = enc_sft_metadata(s, keys[i]);

        if (value.at == NULL || strchr(keys[i], '.') == NULL) continue;
        snprintf(file, sizeof file, "%s/%s", path, keys[i]);
        rc = tiny_put(file, value.at, value.n, e);
    }
    enc_wr_init(&w);
    tensors = enc_mem_array(enc_sft_count(s), sizeof *tensors);
    if (tensors == NULL) rc = enc_nomem(e);
    for (size_t i = 0; tensors != NULL && i < enc_sft_count(s); i++)
        tensors[i] = *enc_sft_at(s, i);
    if (rc == ENC_OK) enc_sft_write(&w, tensors, enc_sft_count(s), &format, 1);
    snprintf(file, sizeof file, "%s/model.safetensors", path);
    if (rc == ENC_OK) rc = w.failed ? enc_nomem(e) : tiny_put(file, w.at, w.n, e);
    enc_mem_free(tensors);
    enc_wr_clear(&w);
    enc_sft_close(s);
    return rc;
}

enc_rc tiny_directory(uint64_t seed, enc_dtype dtype, const char *path, enc_err *e)
{
    enc_wr w;
    enc_rc rc;

    enc_wr_init(&w);
    rc = tiny_blob(seed, dtype, &w, e);
    if (rc == ENC_OK) rc = tiny_unpack((enc_bytes){w.at, w.n}, path, e);
    enc_wr_clear(&w);
    return rc;
}

enc_rc tiny_open(enc_model **out, uint64_t seed, enc_dtype dtype,
                 const enc_model_options *options, enc_err *e)
{
    enc_files *files;
    enc_wr w;
    enc_rc rc;

    *out = NULL;
    enc_wr_init(&w);
    if ((rc = tiny_blob(seed, dtype, &w, e))) goto done;
    if ((rc = enc_files_open_blob(&files, (enc_bytes){w.at, w.n}, true, e))) goto done;
    rc = enc_model_open(out, files, options, e);
done:
    enc_wr_clear(&w);
    return rc;
}

const char *tiny_scratch(char *path, size_t n)
{
    const char *tmp = getenv("TMPDIR");

    /* In memory where there is such a place: saving syncs, and tests save often. */
    if (tmp == NULL) tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(path, n, "%s/tiny-XXXXXX", tmp);
    return mkdtemp(path);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

void tiny_scratch_remove(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
