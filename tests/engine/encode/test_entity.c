/* test_entity.c - labels of tokens, and the entities that they spell. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "check.h"
#include "encode/batch.h"
#include "encode/entity.h"
#include "encode/head.h"
#include "lib/tiny.h"

#define D        32
#define N_LABELS 5

static const char *names[] = {"O", "B-PER", "I-PER", "LOC", "E-PER"};
static float head[N_LABELS * D], head_b[N_LABELS];

static enc_bytes bytes_of(const char *text)
{
    return (enc_bytes){(const uint8_t *)text, strlen(text)};
}

/* Labels by name for the tokens of a text, each with its score. */
static size_t join(const enc_model *m, const char *text, const char *const *label,
                   enc_entity_by by, enc_entity *out)
{
    enc_labelled at[32];
    enc_labels l = {at, 0, 32};
    enc_tokens t;
    enc_tokens_init(&t);
    CHECK(enc_tok_encode(m->tok, bytes_of(text), (enc_bytes){NULL, 0}, 0, false, &t,
                         NULL) == ENC_OK);
    for (l.n = 0; l.n < t.n; l.n++) {
        uint32_t k = 0;
        while (strcmp(m->config.labels[k], label[l.n]) != 0) k++;
        at[l.n] = (enc_labelled){t.at[l.n].id, k, 1.0f / (float)(l.n + 1),
                                 t.at[l.n].start, t.at[l.n].end};
    }
    enc_tokens_clear(&t);
    return enc_entity_join(m, &l, bytes_of(text), by, out);
}

static bool is_entity(const enc_entity *x, const char *label, double score, size_t start,
                      size_t end)
{
    return x->label.n == strlen(label) && memcmp(x->label.at, label, x->label.n) == 0 &&
           fabs((double)x->score - score) < 1e-6 && x->start == start && x->end == end;
}

static void neighbours_of_a_kind_are_one(const enc_model *m)
{
    static const char *const labels[] = {"O", "B-PER", "I-PER", "LOC", "LOC", "O"};
    enc_entity out[8];
    size_t n = join(m, "the cat sat on the mat", labels, ENC_ENTITY_SIMPLE, out);
    CHECK(n == 2);
    CHECK(is_entity(&out[0], "PER", (1.0 / 2 + 1.0 / 3) / 2, 4, 11));
    CHECK(is_entity(&out[1], "LOC", (1.0 / 4 + 1.0 / 5) / 2, 12, 18));
}

static void a_beginning_begins_and_an_end_ends(const enc_model *m)
{
    static const char *const labels[] = {"B-PER", "B-PER", "E-PER",
                                         "I-PER", "O",     "I-PER"};
    enc_entity out[8];
    size_t n = join(m, "the cat sat on the mat", labels, ENC_ENTITY_SIMPLE, out);
    CHECK(n == 4);
    CHECK(is_entity(&out[0], "PER", 1.0, 0, 3));
    CHECK(is_entity(&out[1], "PER", (1.0 / 2 + 1.0 / 3) / 2, 4, 11));
    CHECK(is_entity(&out[2], "PER", 1.0 / 4, 12, 14));
    CHECK(is_entity(&out[3], "PER", 1.0 / 6, 19, 22));
}

/* "cats" is cat ##s in pieces: c ##a.. whatever, continued by ##. */
static void a_word_takes_the_label_of_its_first_piece(const enc_model *m)
{
    static const char *const labels[] = {"O", "LOC", "O", "LOC", "O"};
    enc_entity out[8];
    /* the | quick | ##ed | dog | ##ing */
    size_t n = join(m, "the quicked doging", labels, ENC_ENTITY_FIRST, out);
    CHECK(n == 1 && is_entity(&out[0], "LOC", (1.0 / 2 + 1.0 / 4) / 2, 4, 18));
    n = join(m, "the quicked doging", labels, ENC_ENTITY_SIMPLE, out);
    CHECK(n == 2 && is_entity(&out[0], "LOC", 1.0 / 2, 4, 9));
    CHECK(is_entity(&out[1], "LOC", 1.0 / 4, 12, 15));
}

/* As Korean models on Naver's corpus write them. */
static void the_place_may_stand_behind(enc_model *m)
{
    static const char *suffixed[] = {"O", "PER-B", "PER-I", "B-", "-B"};
    static const char *const labels[] = {"PER-B", "PER-I", "PER-B", "O", "B-", "-B"};
    const char **was = m->config.labels;
    enc_entity out[8];
    m->config.labels = suffixed;
    size_t n = join(m, "the cat sat on the mat", labels, ENC_ENTITY_SIMPLE, out);
    CHECK(n == 4);
    CHECK(is_entity(&out[0], "PER", (1.0 + 1.0 / 2) / 2, 0, 7));
    CHECK(is_entity(&out[1], "PER", 1.0 / 3, 8, 11));
    CHECK(is_entity(&out[2], "B-", 1.0 / 5, 15, 18) &&
          is_entity(&out[3], "-B", 1.0 / 6, 19, 22));
    m->config.labels = was;
}

/* The label of a token is the best of its softmax; a long text has all its tokens. */
static void every_token_has_its_best_label(const enc_model *m, enc_work *w)
{
    const enc_bytes text = bytes_of("the cat sat on a quicked 고양이가 mat");
    enc_labels l = {0};
    enc_batch batch;
    const enc_tokens *t;
    const float *hidden;
    float scores[48 * N_LABELS];
    CHECK(enc_entity_labels(m, w, text, NULL, &l, NULL) == ENC_OK);
    CHECK(enc_batch_of(m, w, text, (enc_bytes){NULL, 0}, &batch, &t, NULL) == ENC_OK);
    CHECK(enc_fwd_run(m, w, &batch, NULL, &hidden, NULL) == ENC_OK);
    CHECK(enc_head_tokens(m, hidden, t->n, scores, NULL) == ENC_OK);
    CHECK(l.n + 2 == t->n);
    for (size_t i = 0; i < l.n; i++) {
        const float *row = scores + (i + 1) * N_LABELS;
        CHECK(l.at[i].id == t->at[i + 1].id && l.at[i].start == t->at[i + 1].start &&
              l.at[i].end == t->at[i + 1].end);
        CHECK(l.at[i].score == row[l.at[i].label]);
        for (size_t k = 0; k < N_LABELS; k++) CHECK(row[k] <= l.at[i].score);
    }
    enc_labels_clear(&l);
}

static void a_long_text_has_all_its_tokens(const enc_model *m, enc_work *w)
{
    enc_labels l = {0};
    enc_tokens all;
    enc_wr text;
    enc_wr_init(&text);
    enc_tokens_init(&all);
    for (size_t i = 0; i < 90; i++)
        enc_wr_text(&text, i % 9 == 8 ? "mats.\n" : "the cats ");
    const enc_bytes bytes = {text.at, text.n};
    CHECK(enc_entity_labels(m, w, bytes, NULL, &l, NULL) == ENC_OK);
    CHECK(enc_tok_encode(m->tok, bytes, (enc_bytes){NULL, 0}, 0, false, &all, NULL) ==
          ENC_OK);
    CHECK(l.n == all.n && all.n > 200);
    for (size_t i = 0; i < l.n; i++)
        CHECK(l.at[i].id == all.at[i].id && l.at[i].start == all.at[i].start);
    enc_tokens_clear(&all);
    enc_labels_clear(&l);
    enc_wr_clear(&text);
}

static void what_is_missing_is_said(enc_model *m, enc_work *w)
{
    enc_labels l = {0};
    enc_err e;
    enc_err_clear(&e);
    m->weights.token_classifier.w.data = NULL;
    CHECK(enc_entity_labels(m, w, bytes_of("a"), NULL, &l, &e) == ENC_UNSUPPORTED);
    CHECK(strstr(e.text, "no classifier of tokens") != NULL);
}

int main(void)
{
    enc_model *m;
    enc_work *w;
    enc_rng r = {4};
    if (tiny_open(&m, TINY_SEED, ENC_F32, NULL, NULL) || enc_work_new(&w, NULL)) abort();
    for (size_t i = 0; i < N_LABELS * D; i++) head[i] = enc_rng_normal(&r);
    m->weights.token_classifier =
        (enc_linear){{head, ENC_F32, NULL, N_LABELS, D}, head_b};
    m->config.labels_tokens = true;
    m->config.labels = names;
    m->config.n_labels = N_LABELS;
    neighbours_of_a_kind_are_one(m);
    a_beginning_begins_and_an_end_ends(m);
    a_word_takes_the_label_of_its_first_piece(m);
    the_place_may_stand_behind(m);
    every_token_has_its_best_label(m, w);
    a_long_text_has_all_its_tokens(m, w);
    what_is_missing_is_said(m, w);
    enc_work_free(w);
    enc_model_close(m);
    CHECK(enc_mem_live() == 0);
    return check_done("entity");
}
