/* fuzz_model.c - any bytes as a model in one safetensors file, opened and run.
 *
 * Most of such a file is weights, of which any value is fine; so it is the header that is
 * changed, and its length kept true. */
#include "model_try.h"

#include "base/rng.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    enc_threads_set(1);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    try_model(data, n);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed)
{
    enc_rng rng = {seed};
    enc_rd r = enc_rd_of(data, n);
    uint64_t size = enc_rd_u64(&r);
    uint8_t *header;
    size_t n_rest, n_max;

    if (!enc_rd_ok(&r) || size > r.left || enc_rng_below(&rng, 16) == 0)
        return LLVMFuzzerMutate(data, n, max);
    n_rest = r.left - (size_t)size;
    n_max = max - 8 - n_rest;
    if ((header = malloc(n_max + 1)) == NULL) return n;
    memcpy(header, data + 8, size);
    size_t n_new = LLVMFuzzerMutate(header, (size_t)size, n_max);
    memmove(data + 8 + n_new, data + 8 + size, n_rest);
    memcpy(data + 8, header, n_new);
    for (size_t i = 0; i < 8; i++) data[i] = (uint8_t)((uint64_t)n_new >> 8 * i);
    free(header);
    return 8 + n_new + n_rest;
}
