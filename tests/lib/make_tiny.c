/* make_tiny.c - writes the tiny model: make_tiny DIRECTORY [BLOB]
 *
 * DIRECTORY, which must be absent or empty, becomes what tests/data/tiny is, f32; BLOB
 * the same model as int8. */
#include <stdio.h>

#include "learn/save.h"
#include "lib/tiny.h"

int main(int argc, char **argv)
{
    enc_model *m = NULL;
    enc_err e;
    enc_wr w;

    enc_err_clear(&e);
    enc_wr_init(&w);
    if (argc < 2) {
        fprintf(stderr, "usage: make_tiny DIRECTORY [BLOB]\n");
        return 2;
    }
    if (tiny_open(&m, TINY_SEED, ENC_F32, NULL, &e) == ENC_OK)
        enc_save_directory(m, argv[1], &e);
    if (argc > 2 && e.rc == ENC_OK && tiny_blob(TINY_SEED, ENC_I8, &w, &e) == ENC_OK)
        tiny_put(argv[2], w.at, w.n, &e);
    enc_wr_clear(&w);
    enc_model_close(m);
    if (e.rc != ENC_OK) fprintf(stderr, "make_tiny: %s\n", e.text);
    return e.rc != ENC_OK;
}
