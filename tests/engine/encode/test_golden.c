/* test_golden.c - what published pages say of real models, against the one that
 * $ENCODER_TEST_MODEL names; the name of its directory says which it is:
 *
 *   ...ms-marco-MiniLM-L6-v2   (or L-6) two pairs and their scores
 *   ...ko-sbert-sts            four similarities of Korean sentences
 *   ...koelectra-base-v1       (vocabulary of 32,200) the ids of one sentence
 *
 * Counted as skipped when it names none of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "encode/batch.h"
#include "encode/head.h"
#include "encode/pool.h"

static enc_model *m;
static enc_work *w;

static enc_bytes bytes_of(const char *text)
{
    return (enc_bytes){(const uint8_t *)text, strlen(text)};
}

static double relevance(const char *query, const char *text)
{
    enc_batch b;
    const enc_tokens *tokens;
    const float *hidden;
    float logit = NAN;
    enc_err e;
    enc_err_clear(&e);
    enc_rc rc = enc_batch_of(m, w, bytes_of(query), bytes_of(text), &b, &tokens, &e);
    if (!rc) rc = enc_fwd_run(m, w, &b, NULL, &hidden, &e);
    if (!rc) rc = enc_head_logits(m, hidden, b.n_tokens, &logit, &e);
    CHECK_SAY(rc == ENC_OK, "%s", e.text);
    return 1.0 / (1.0 + exp(-(double)logit));
}

/* sbert.net, "MS MARCO cross-encoders": scores behind a sigmoid. */
static void ms_marco_scores_are_the_published(void)
{
    static const char query[] = "How many people live in Berlin?";
    const double high =
                     relevance(query, "Berlin had a population of 3,520,031 registered "
                                      "inhabitants in an area of 891.82 square "
                                      "kilometers."),
                 low = relevance(query, "Berlin is well known for its museums.");
    CHECK_SAY(fabs(high - 0.9998173) < 2e-6, "%.7f", high);
    CHECK_SAY(fabs(low - 0.01312432) < 2e-5, "%.8f", low);
}

static double likeness(const char *a, const char *b)
{
    const enc_bytes texts[] = {bytes_of(a), bytes_of(b)};
    const size_t dims = enc_config_dims(&m->config);
    float *out = malloc(2 * dims * sizeof *out);
    const enc_embed_job job = {.texts = texts, .n_texts = 2, .out = out};
    enc_err e;
    enc_err_clear(&e);
    CHECK_SAY(enc_embed_run(m, w, &job, &e) == ENC_OK, "%s", e.text);
    const double cosine = enc_vec_cosine(out, out + dims, dims);
    free(out);
    return cosine;
}

/* The model card of jhgan/ko-sbert-sts, to four digits. */
static void ko_sbert_similarities_are_the_published(void)
{
    static const struct {
        const char *a, *b;
        double cosine;
    } pairs[] = {{"한 남자가 파스타를 먹는다.", "한 남자가 음식을 먹는다.", 0.7417},
                 {"한 남자가 파스타를 먹는다.", "한 남자가 빵 한 조각을 먹는다.", 0.6684},
                 {"고릴라 의상을 입은 누군가가 드럼을 연주하고 있다.",
                  "원숭이 한 마리가 드럼을 연주한다.", 0.7057},
                 {"치타가 들판을 가로 질러 먹이를 쫓는다.",
                  "치타 한 마리가 먹이 뒤에서 달리고 있다.", 0.7986}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const double cosine = likeness(pairs[i].a, pairs[i].b);
        CHECK_SAY(fabs(cosine - pairs[i].cosine) < 1e-4, "%s: %.5f, not %.4f", pairs[i].b,
                  cosine, pairs[i].cosine);
    }
}

/* The README of monologg/KoELECTRA. */
static void koelectra_ids_are_the_published(void)
{
    static const int32_t ids[] = {2,     18429, 41,    6240,  15229, 6204,
                                  20894, 5689,  12622, 10690, 18,    3};
    const size_t n = sizeof ids / sizeof *ids;
    const enc_tokens *tokens;
    enc_batch b;
    enc_err e;
    enc_err_clear(&e);
    CHECK_SAY(enc_batch_of(m, w, bytes_of("한국어 ELECTRA를 공유합니다."),
                           (enc_bytes){NULL, 0}, &b, &tokens, &e) == ENC_OK,
              "%s", e.text);
    CHECK_SAY(b.n_tokens == n, "%zu tokens", b.n_tokens);
    for (size_t i = 0; i < n && i < b.n_tokens; i++)
        CHECK_SAY(b.id[i] == ids[i], "token %zu is %ld, not %ld", i, (long)b.id[i],
                  (long)ids[i]);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } known[] = {{"ms-marco-MiniLM-L6-v2", ms_marco_scores_are_the_published},
                 {"ms-marco-MiniLM-L-6-v2", ms_marco_scores_are_the_published},
                 {"ko-sbert-sts", ko_sbert_similarities_are_the_published},
                 {"koelectra-base-v1", koelectra_ids_are_the_published}};
    const char *path = getenv("ENCODER_TEST_MODEL");
    void (*run)(void) = NULL;
    enc_files *files;
    enc_err e;
    enc_err_clear(&e);
    for (size_t i = 0; path != NULL && i < sizeof known / sizeof *known; i++)
        if (strstr(path, known[i].name) != NULL) run = known[i].run;
    if (run == NULL) {
        printf("golden: 0 passed, 0 failed, 1 skipped (ENCODER_TEST_MODEL names none of "
               "its models)\n");
        return 0;
    }
    enc_rc rc = enc_files_open_directory(&files, path, &e);
    if (!rc) rc = enc_model_open(&m, files, NULL, &e);
    if (!rc) rc = enc_work_new(&w, &e);
    CHECK_SAY(rc == ENC_OK, "%s: %s", path, e.text);
    if (!rc) run();
    enc_work_free(w);
    enc_model_close(m);
    return check_done("golden");
}
