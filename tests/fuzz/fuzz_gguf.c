/* fuzz_gguf.c - any bytes as a GGUF file: its keys, its tensors, the files that it stands
 * for, the model in it.
 *
 * Nearly all blind changes of such a file end at the first wrong length, so changes know
 * where its fields are: one is set to a number that is hard to get right, exchanged for
 * another of its kind, or its text is changed and its length kept true; a key is left
 * out or put twice. */
#include "model_try.h"

#include "base/rng.h"
#include "model/gguf_view.h"

#define FIELDS_MAX 1024

typedef enum kind { SIZE, TYPE, NUMBER, WORDS, KEY, N_KINDS } kind;

typedef struct field {
    kind kind;
    size_t at, n; /* bytes of the file; of WORDS the text behind its length */
} field;

typedef struct fields {
    field at[FIELDS_MAX];
    size_t n;
    enc_rd r;
    const uint8_t *data;
} fields;

static size_t here(const fields *f)
{
    return (size_t)(f->r.at - f->data);
}

static void add(fields *f, kind k, size_t at, size_t n)
{
    if (f->n < FIELDS_MAX && enc_rd_ok(&f->r)) f->at[f->n++] = (field){k, at, n};
}

static uint64_t number(fields *f, kind k, size_t width)
{
    size_t at = here(f);
    uint64_t v = width == 8 ? enc_rd_u64(&f->r) : enc_rd_u32(&f->r);

    add(f, k, at, width);
    return v;
}

static void words(fields *f)
{
    size_t n = (size_t)number(f, SIZE, 8), at = here(f);

    enc_rd_span(&f->r, n, 1);
    add(f, WORDS, at, n);
}

static void value(fields *f, uint32_t type)
{
    static const uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

    if (type == 8) {
        words(f);
    } else if (type < sizeof sizes && sizes[type] > 0) {
        size_t at = here(f);
        enc_rd_span(&f->r, 1, sizes[type]);
        add(f, NUMBER, at, sizes[type]);
    } else {
        f->r.failed = true; /* of no length that we know */
    }
}

static void list_fields(fields *f)
{
    enc_rd_span(&f->r, 4, 1);
    number(f, NUMBER, 4);
    uint64_t n_tensors = number(f, SIZE, 8), n_keys = number(f, SIZE, 8);

    for (uint64_t i = 0; i < n_keys && enc_rd_ok(&f->r); i++) {
        size_t at = here(f);
        words(f);
        uint32_t type = (uint32_t)number(f, TYPE, 4);
        uint64_t n = 1;
        if (type == 9) {
            type = (uint32_t)number(f, TYPE, 4);
            n = number(f, SIZE, 8);
        }
        for (uint64_t k = 0; k < n && enc_rd_ok(&f->r); k++) value(f, type);
        add(f, KEY, at, here(f) - at);
    }
    for (uint64_t i = 0; i < n_tensors && enc_rd_ok(&f->r); i++) {
        words(f);
        uint32_t rank = (uint32_t)number(f, SIZE, 4);
        for (uint32_t k = 0; k < rank && enc_rd_ok(&f->r); k++) number(f, SIZE, 8);
        number(f, TYPE, 4);
        number(f, NUMBER, 8);
    }
}

static void set(uint8_t *at, size_t width, uint64_t v)
{
    for (size_t i = 0; i < width && i < 8; i++) at[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t hard_number(enc_rng *rng, uint64_t now)
{
    static const uint64_t odd[] = {0,          1,
                                   3,          5,
                                   8,          31,
                                   32,         33,
                                   513,        0x7fffffff,
                                   1ull << 31, UINT32_MAX,
                                   1ull << 32, (1ull << 42) + 1,
                                   INT64_MAX,  1ull << 63,
                                   UINT64_MAX};
    uint32_t pick = enc_rng_below(rng, 24);

    if (pick < sizeof odd / sizeof *odd) return odd[pick];
    return pick % 2 == 0 ? now + 1 + enc_rng_below(rng, 4)
                         : now - 1 - enc_rng_below(rng, 4);
}

/* Bytes [at, at + n) become `bytes`; the size of the file then. */
static size_t replace(uint8_t *data, size_t size, const field *f, const uint8_t *bytes,
                      size_t n)
{
    memmove(data + f->at + n, data + f->at + f->n, size - f->at - f->n);
    memcpy(data + f->at, bytes, n);
    return size - f->n + n;
}

/* Another text, its length in front of it kept true. */
static size_t change_words(uint8_t *data, size_t n, size_t max, const field *f)
{
    uint8_t room[512];
    size_t len = f->n < sizeof room ? f->n : sizeof room, room_max = max - n + len;

    memcpy(room, data + f->at, len);
    len = LLVMFuzzerMutate(room, len, room_max < sizeof room ? room_max : sizeof room);
    n = replace(data, n, f, room, len);
    set(data + f->at - 8, 8, len);
    return n;
}

/* A key put twice, or left out. The number of keys follows the number of tensors. */
static size_t change_keys(uint8_t *data, size_t n, size_t max, const field *f,
                          enc_rng *rng)
{
    enc_rd r = enc_rd_of(data + 16, 8);
    uint64_t n_keys = enc_rd_u64(&r);

    if (enc_rng_below(rng, 4) > 0) {
        set(data + 16, 8, n_keys - 1);
        return replace(data, n, f, data, 0);
    }
    if (f->n > max - n) return n;
    set(data + 16, 8, n_keys + 1);
    memmove(data + f->at + f->n, data + f->at, n - f->at);
    return n + f->n;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed)
{
    static fields f;
    enc_rng rng = {seed};

    f.n = 0;
    f.data = data;
    f.r = enc_rd_of(data, n);
    list_fields(&f);
    if (f.n < 4 || enc_rng_below(&rng, 12) == 0) return LLVMFuzzerMutate(data, n, max);
    const field *x = &f.at[enc_rng_below(&rng, (uint32_t)f.n)],
                *y = &f.at[enc_rng_below(&rng, (uint32_t)f.n)];
    if (x->kind == KEY) return change_keys(data, n, max, x, &rng);
    if (x->kind == WORDS && x->kind == y->kind && y->n < 512 &&
        enc_rng_below(&rng, 2) == 0) {
        uint8_t room[512];
        size_t len = y->n;
        if (len > max - n + x->n) return n;
        memcpy(room, data + y->at, len);
        n = replace(data, n, x, room, len);
        set(data + x->at - 8, 8, len);
        return n;
    }
    if (x->kind == WORDS) return change_words(data, n, max, x);
    if (x->kind == TYPE) {
        set(data + x->at, x->n, enc_rng_below(&rng, 32));
        return n;
    }
    enc_rd r = enc_rd_of(data + x->at, x->n);
    uint64_t v = x->n == 8 ? enc_rd_u64(&r) : x->n == 4 ? enc_rd_u32(&r) : enc_rd_u8(&r);
    set(data + x->at, x->n, hard_number(&rng, v));
    return n;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    enc_threads_set(1);
    return 0;
}

/* Files of the directory that it was made from. */
static void read_view(const uint8_t *data, size_t n)
{
    static const char *const names[] = {"config.json",
                                        "modules.json",
                                        "1_Pooling/config.json",
                                        "sentence_bert_config.json",
                                        "vocab.txt",
                                        "tokenizer.json",
                                        "tokenizer_config.json",
                                        "none"};
    enc_gguf_view *v;
    enc_err e;

    enc_err_clear(&e);
    enc_rc rc = enc_gguf_view_open(&v, (enc_bytes){data, n}, "fuzz.gguf", &e);
    fuzz_answer(rc, &e);
    for (size_t i = 0; rc == ENC_OK && i < sizeof names / sizeof *names; i++) {
        enc_bytes file;
        enc_err_clear(&e);
        fuzz_answer(enc_gguf_view_get(v, names[i], &file, &e), &e);
        if (e.rc == ENC_OK) fuzz_touch(file.at, file.n);
    }
    for (size_t i = 0; rc == ENC_OK && i < enc_gguf_view_count(v); i++) {
        const enc_tensor *t = enc_gguf_view_at(v, i);
        fuzz_touch(t->data, t->n_bytes);
    }
    enc_gguf_view_close(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!enc_gguf_is((enc_bytes){data, n})) return 0;
    read_view(data, n);
    try_model(data, n);
    return 0;
}
