/* fuzz_blob.c - any bytes as what we store ourselves: a segment of codes (first byte
 * even, the second the dimensions) or a head (odd). What is accepted is written again as
 * it was. */
#include "fuzz.h"

#include "learn/classifier.h"
#include "search/code.h"

static void try_segment(enc_bytes b, size_t dims)
{
    enc_segment *s;
    enc_wr w;
    enc_err e;

    enc_err_clear(&e);
    enc_rc rc = enc_segment_read(&s, b, dims, &e);
    fuzz_answer(rc, &e);
    if (rc != ENC_OK) return;
    FUZZ_CLAIM(s->n <= ENC_SEGMENT_ROWS && s->dims == dims);
    enc_wr_init(&w);
    enc_segment_write(s, &w);
    FUZZ_CLAIM(!w.failed && w.n == b.n && memcmp(w.at, b.at, b.n) == 0);
    enc_wr_clear(&w);
    enc_segment_free(s);
}

static void try_head(enc_bytes b)
{
    enc_classifier c;
    enc_err e;

    enc_err_clear(&e);
    enc_rc rc = enc_classifier_read(&c, b, &e);
    fuzz_answer(rc, &e);
    if (rc != ENC_OK) return;
    float *x = enc_mem_zero_array(c.dims, sizeof *x),
          *scores = enc_mem_array(c.n_labels, sizeof *scores);
    FUZZ_CLAIM(x != NULL && scores != NULL);
    for (size_t i = 0; i < c.n_labels; i++) {
        enc_bytes label = enc_classifier_label(&c, i);
        fuzz_touch(label.at, label.n);
    }
    enc_classifier_scores(&c, x, scores);
    enc_mem_free(x);
    enc_mem_free(scores);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2) return 0;
    if (data[0] % 2 == 0) try_segment((enc_bytes){data + 2, n - 2}, data[1]);
    else try_head((enc_bytes){data + 2, n - 2});
    FUZZ_CLAIM(enc_mem_live() == 0);
    return 0;
}
