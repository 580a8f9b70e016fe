/* fuzz_sft.c - any bytes as a safetensors file. What is accepted is written again and
 * read again, and is the same. */
#include "fuzz.h"

#include "model/sft.h"

#define VALUES_MAX 4096 /* of a tensor that is converted */

static void look_at(const enc_tensor *t)
{
    float values[VALUES_MAX];
    size_t n = enc_tensor_count(t);
    char shape[128];

    FUZZ_CLAIM(t->rank <= 4);
    fuzz_touch(t->data, t->n_bytes);
    fuzz_touch(t->name, strlen(t->name));
    enc_tensor_shape_text(t, shape, sizeof shape);
    if (enc_dtype_is_float(t->dtype) && n <= VALUES_MAX) enc_tensor_to_f32(t, values);
    if (t->dtype == ENC_I32 || t->dtype == ENC_I64)
        for (size_t i = 0; i < n && i < VALUES_MAX; i++) enc_tensor_int(t, i);
}

/* Written and read again it has the same tensors. */
static void write_again(const enc_sft *s)
{
    size_t n = enc_sft_count(s);
    enc_tensor *tensors = enc_mem_array(n, sizeof *tensors);
    enc_sft *other;
    enc_wr w;
    enc_err e;

    FUZZ_CLAIM(tensors != NULL);
    for (size_t i = 0; i < n; i++) tensors[i] = *enc_sft_at(s, i);
    enc_wr_init(&w);
    enc_err_clear(&e);
    enc_sft_write(&w, tensors, n, NULL, 0);
    FUZZ_CLAIM(!w.failed);
    FUZZ_CLAIM(enc_sft_open(&other, (enc_bytes){w.at, w.n}, "again", &e) == ENC_OK);
    FUZZ_CLAIM(enc_sft_count(other) == n);
    for (size_t i = 0; i < n; i++) {
        const enc_tensor *t = enc_sft_at(other, i);
        FUZZ_CLAIM(strcmp(t->name, tensors[i].name) == 0 && t->dtype == tensors[i].dtype);
        FUZZ_CLAIM(t->n_bytes == tensors[i].n_bytes && t->rank == tensors[i].rank);
        FUZZ_CLAIM(t->n_bytes == 0 || memcmp(t->data, tensors[i].data, t->n_bytes) == 0);
    }
    enc_sft_close(other);
    enc_wr_clear(&w);
    enc_mem_free(tensors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    bool has_other = false;
    enc_sft *s;
    enc_err e;
    enc_rc rc;

    enc_err_clear(&e);
    rc = enc_sft_open(&s, (enc_bytes){data, n}, "fuzz.safetensors", &e);
    fuzz_answer(rc, &e);
    if (rc == ENC_OK) {
        for (size_t i = 0; i < enc_sft_count(s); i++) {
            const enc_tensor *t = enc_sft_at(s, i);
            look_at(t);
            FUZZ_CLAIM(enc_sft_find(s, t->name) == t);
            has_other |= t->dtype == ENC_OTHER;
        }
        enc_bytes value = enc_sft_metadata(s, "config.json");
        fuzz_touch(value.at, value.n);
        if (!has_other) write_again(s);
        enc_sft_close(s);
    }
    FUZZ_CLAIM(enc_mem_live() == 0);
    return 0;
}
