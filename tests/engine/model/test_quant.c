/* Quantized types: every bit of every block stands for what another program says it does.
 */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "check.h"
#include "model/gguf.h"
#include "model/quant.h"

#define N (3 * 256)

static void every_type_is_converted_to_the_bit(void)
{
    static const char *const types[] = {"f16",  "bf16", "q8_0", "q4_0", "q4_1",
                                        "q5_0", "q5_1", "q4_k", "q5_k", "q6_k"};
    enc_gguf *g = NULL;
    enc_map *map = NULL;
    enc_err e;

    enc_err_clear(&e);
    CHECK_SAY(enc_map_open(&map, "tests/data/gguf/types.gguf", SIZE_MAX, &e) == ENC_OK,
              "%s", e.text);
    CHECK_SAY(enc_gguf_open(&g, enc_map_bytes(map), "types", &e) == ENC_OK, "%s", e.text);
    CHECK(enc_gguf_count(g) == 2 * sizeof types / sizeof *types);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const enc_tensor *t = enc_gguf_find(g, types[i]), *expected;
        float got[N], want[N];
        char name[32];

        snprintf(name, sizeof name, "%s.expected", types[i]);
        expected = enc_gguf_find(g, name);
        CHECK(t != NULL && expected != NULL && enc_tensor_count(t) == N);
        CHECK(enc_dtype_is_float(t->dtype));
        for (size_t k = 0; k < strlen(types[i]); k++)
            CHECK((types[i][k] & ~32) == (enc_dtype_name(t->dtype)[k] & ~32));
        enc_tensor_to_f32(t, got);
        enc_tensor_to_f32(expected, want);
        for (size_t k = 0; k < N; k++)
            CHECK_SAY(memcmp(&got[k], &want[k], sizeof *got) == 0,
                      "%s, value %zu: %.9g, expected %.9g", types[i], k, (double)got[k],
                      (double)want[k]);
    }
    enc_gguf_close(g);
    enc_map_close(map);
}

/* A value of a block does not read its neighbours: blocks end where their memory does. */
static void blocks_are_read_within_their_bytes(void)
{
    for (enc_dtype type = ENC_F32; type <= ENC_OTHER; type++) {
        const enc_quant *q = enc_quant_find(type);
        float out[256];
        uint8_t *block;

        CHECK((q != NULL) == (type >= ENC_Q4_0 && type <= ENC_Q6_K));
        if (q == NULL) continue;
        CHECK(enc_dtype_size(type) == 0);
        CHECK(q->n_values == 32 || q->n_values == 256);
        block = calloc(1, q->n_bytes);
        if (block == NULL) return;
        for (size_t i = 0; i < 256; i++) out[i] = 1.0f;
        q->to_f32(block, out);
        for (size_t i = 0; i < 256; i++) CHECK(out[i] == (i < q->n_values ? 0.0f : 1.0f));
        free(block);
    }
}

int main(void)
{
    every_type_is_converted_to_the_bit();
    blocks_are_read_within_their_bytes();
    return check_done("model/quant");
}
