/* bench_tok.c - how fast texts become tokens, and what part of embedding that is.
 *
 *     bench_tok [--tok DIRECTORY] [FILE ...]
 *
 * The tokenizer is that of the built-in model or of a directory. Without files, two texts
 * are made up of its pieces, one of ASCII words and one of Hangul. Lines are texts of
 * their own, as rows of a table would be. One thread, seconds of the CPU, medians.
 * Printed, never asserted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/rng.h"
#include "clock.h"
#include "enc.h"

#define WORDS   400000 /* in a text that is made up */
#define LINE    40     /* of them in a line */
#define LEAST   0.2    /* seconds that one measurement lasts */
#define REPEATS 5      /* of which the median counts */
#define SAMPLE  64     /* lines that are embedded */

typedef enc_rc pass(const void *arg, size_t *n, enc_err *e); /* adds what it did to *n */

/* Median seconds of one pass; n is what one pass does. */
static double seconds_of(pass *run, const void *arg, size_t *n, enc_err *e)
{
    double each[REPEATS];
    for (int i = 0; i < REPEATS; i++) {
        double t = seconds(CLOCK_PROCESS_CPUTIME_ID);
        size_t n_passes = 0;
        do {
            *n = 0;
            if (run(arg, n, e) != ENC_OK) return 0;
            n_passes++;
        } while (seconds(CLOCK_PROCESS_CPUTIME_ID) - t < LEAST);
        each[i] = (seconds(CLOCK_PROCESS_CPUTIME_ID) - t) / (double)n_passes;
    }
    qsort(each, REPEATS, sizeof *each, by_value);
    return each[REPEATS / 2];
}

typedef struct lines {
    const enc_model *model; /* NULL: no embedding */
    const enc_tok *tok;
    enc_bytes *at;
    size_t n, n_max; /* lines, and tokens in each that count (0: all) */
} lines;

static enc_rc tokenize(const void *arg, size_t *n, enc_err *e)
{
    const lines *l = arg;
    enc_tokens ts;
    enc_rc rc = ENC_OK;
    enc_tokens_init(&ts);
    for (size_t i = 0; i < l->n && rc == ENC_OK; i++) {
        rc = enc_tok_encode(l->tok, l->at[i], (enc_bytes){NULL, 0}, l->n_max, true, &ts,
                            e);
        *n += ts.n;
    }
    enc_tokens_clear(&ts);
    return rc;
}

static enc_rc embed(const void *arg, size_t *n, enc_err *e)
{
    const lines *l = arg;
    enc_work *work = NULL;
    float *out = enc_mem_array(l->n * enc_config_dims(&l->model->config), sizeof *out);
    const enc_embed_job job = {.texts = l->at, .n_texts = l->n, .out = out};
    enc_rc rc = out == NULL ? enc_nomem(e) : enc_work_new(&work, e);
    if (rc == ENC_OK) rc = enc_embed_run(l->model, work, &job, e);
    *n += l->n;
    enc_work_free(work);
    enc_mem_free(out);
    return rc;
}

/* What part of embedding lines of the text tokenizing is. */
static void share(lines l, size_t step, enc_err *e)
{
    enc_bytes sample[SAMPLE];
    size_t n = 0;
    while (n < SAMPLE && n * step < l.n) sample[n] = l.at[n * step], n++;
    l.at = sample;
    l.n = n;
    l.n_max = l.model->config.max_tokens;
    double part = seconds_of(tokenize, &l, &n, e), all = seconds_of(embed, &l, &n, e);
    if (all > 0) printf(", %.2f %% of embedding", 100 * part / all);
}

static enc_rc measure(const char *name, lines l, enc_bytes text, enc_err *e)
{
    size_t n = 0, at = 0;
    for (size_t i = 0; i < text.n; i++) n += text.at[i] == '\n';
    if ((l.at = enc_mem_array(n + 1, sizeof *l.at)) == NULL) return enc_nomem(e);
    while (at < text.n) {
        const uint8_t *stop = memchr(text.at + at, '\n', text.n - at);
        size_t length = stop != NULL ? (size_t)(stop - text.at) - at : text.n - at;
        if (length > 0) l.at[l.n++] = (enc_bytes){text.at + at, length};
        at += length + 1;
    }
    double seconds = seconds_of(tokenize, &l, &n, e);
    if (seconds > 0)
        printf("tokens: %s: %zu texts: %.0f tokens/s, %.1f MB/s", name, l.n,
               (double)n / seconds, 1e-6 * (double)text.n / seconds);
    if (l.model != NULL) share(l, l.n / SAMPLE + 1, e);
    printf("\n");
    enc_mem_free(l.at);
    return e->rc;
}

/* Whether a piece is of ASCII letters, or of Hangul, after "##". */
static bool is_of(enc_bytes piece, bool hangul)
{
    if (piece.n > 2 && memcmp(piece.at, "##", 2) == 0) piece.at += 2, piece.n -= 2;
    for (size_t i = 0; i < piece.n; i++) {
        uint8_t c = piece.at[i];
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (hangul ? c < 0x80 || (i % 3 == 0 && (c < 0xeb || c > 0xec)) : !is_letter)
            return false;
    }
    return piece.n > 0;
}

/* Words of one to three pieces, the first pieces of the vocabulary more often than the
 * last, as in one that was trained. */
static enc_wr made_up(const enc_tok *tok, bool hangul)
{
    const enc_vocab *v = enc_tok_vocab(tok);
    size_t n = 0, n_pieces = enc_vocab_size(v);
    int32_t *ids = enc_mem_array(n_pieces, sizeof *ids);
    enc_rng rng = {1};
    enc_wr w;
    enc_wr_init(&w);
    for (int32_t id = 0; ids != NULL && (size_t)id < n_pieces; id++)
        if (is_of(enc_vocab_piece(v, id), hangul)) ids[n++] = id;
    for (size_t i = 1; n > 0 && i <= WORDS; i++) {
        for (uint32_t k = 1 + enc_rng_below(&rng, 3); k > 0; k--) {
            float u = enc_rng_unit(&rng);
            int32_t id = ids[(size_t)((float)(n - 1) * u * u * u)];
            enc_bytes piece = enc_vocab_piece(v, id);
            size_t skip = enc_tok_is_subword(tok, id) ? strlen(enc_tok_prefix(tok)) : 0;
            enc_wr_bytes(&w, piece.at + skip, piece.n - skip);
        }
        enc_wr_text(&w, i % LINE == 0 ? ".\n" : i % 8 == 0 ? ", " : " ");
    }
    enc_mem_free(ids);
    return w;
}

static enc_rc measure_file(const char *path, lines l, enc_err *e)
{
    enc_map *map;
    enc_rc rc = enc_map_open(&map, path, ENC_TEXT_MAX, e);
    if (rc != ENC_OK) return rc;
    rc = measure(path, l, enc_map_bytes(map), e);
    enc_map_close(map);
    return rc;
}

/* One opening of the tokenizer; the files lie in memory. */
static enc_rc open_tok(const void *arg, size_t *n, enc_err *e)
{
    enc_tok *tok;
    enc_rc rc = enc_tok_open(&tok, arg, e);
    enc_tok_close(tok);
    *n += 1;
    return rc;
}

/* The tokenizer's files, which live as long as `files`. */
static enc_rc find_files(enc_files *files, enc_tok_files *out, enc_err *e)
{
    const struct {
        const char *name;
        enc_bytes *to;
    } wanted[] = {{"vocab.txt", &out->vocab_txt},
                  {"tokenizer.json", &out->tokenizer_json},
                  {"tokenizer_config.json", &out->tokenizer_config},
                  {"special_tokens_map.json", &out->special_tokens_map},
                  {"sentencepiece.bpe.model", &out->sentencepiece},
                  {"vocab.json", &out->vocab_json},
                  {"merges.txt", &out->merges_txt}};
    enc_rc rc = ENC_OK;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted && rc == ENC_OK; i++)
        rc = enc_files_get(files, wanted[i].name, ENC_TOKJSON_MAX, wanted[i].to, e);
    return rc;
}

/* With a model, also what part of embedding tokenizing is. */
static enc_rc run(enc_files *files, const enc_model *m, char **paths, enc_err *e)
{
    enc_tok_files parts;
    lines l = {.model = m};
    enc_tok *tok = NULL;
    size_t n;
    enc_rc rc = find_files(files, &parts, e);
    if (rc == ENC_OK) rc = enc_tok_open(&tok, &parts, e);
    if (rc != ENC_OK) return rc;
    l.tok = tok;
    printf("tokens: opening the tokenizer takes %.2f ms\n",
           1e3 * seconds_of(open_tok, &parts, &n, e));
    for (char **path = paths; *path != NULL && rc == ENC_OK; path++)
        rc = measure_file(*path, l, e);
    for (int hangul = 0; *paths == NULL && hangul < 2 && rc == ENC_OK; hangul++) {
        enc_wr text = made_up(tok, hangul);
        rc = measure(hangul ? "Hangul" : "ASCII", l, (enc_bytes){text.at, text.n}, e);
        enc_wr_clear(&text);
    }
    enc_tok_close(tok);
    return rc;
}

int main(int argc, char **argv)
{
    bool has_tok = argc > 2 && strcmp(argv[1], "--tok") == 0;
    enc_files *files = NULL;
    enc_model *m = NULL;
    enc_err e;

    enc_err_clear(&e);
    enc_threads_set(1);
    if (has_tok) {
        if (enc_files_open_directory(&files, argv[2], &e) == ENC_OK)
            run(files, NULL, argv + 3, &e);
        enc_files_close(files);
    } else if (enc_files_open_blob(&files, enc_builtin(), false, &e) == ENC_OK &&
               enc_model_open(&m, files, NULL, &e) == ENC_OK) {
        run(files, m, argv + 1, &e);
    }
    enc_model_close(m);
    if (e.rc != ENC_OK) fprintf(stderr, "bench_tok: %s\n", e.text);
    return e.rc != ENC_OK;
}
