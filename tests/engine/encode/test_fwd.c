/* test_fwd.c - a text's hidden states are the same bits in any company, whatever the
 * architecture; what is refused.
 *
 * That they are the right values is the matter of test_reference.c and
 * test_architectures.c. */
#include <stdlib.h>

#include "base/threads.h"
#include "check.h"
#include "encode/fwd.h"
#include "encode/packed.h"
#include "encode/pool.h"
#include "engine/encode/tables.h"
#include "random_model.h"

#define V      50
#define N_MAX  130 /* positions */
#define TEXTS  9
#define TOKENS 350

static const size_t lengths[TEXTS] = {1, 2, 7, 130, 16, 33, 5, 100, 56};
static int32_t ids[TOKENS];
static uint8_t segments[TOKENS];
static size_t starts[TEXTS + 1];

static const enc_kern *tables[TABLES_MAX];
static size_t n_tables, n_own;

static enc_model model_new(size_t hidden, size_t heads, bool is_i8, enc_dtype precision)
{
    enc_model m = {.precision = precision};
    m.config = (enc_config){.n_vocab = V,
                            .n_layers = 2,
                            .hidden = hidden,
                            .n_heads = heads,
                            .inner = 3 * hidden + 5,
                            .n_positions = N_MAX,
                            .n_segments = 2,
                            .norm_eps = 1e-12f,
                            .act = ENC_GELU};
    if (!random_model_init(&m, is_i8, 1.3f)) abort();
    return m;
}

/* What an architecture has beside its sizes, and its name. Where there are windows, the
 * first layer looks at all tokens and the second at some. */
static const struct kind {
    const char *name, *positions;
    enc_config config;
} kinds[] = {
    {"roberta", NULL, {.n_positions = N_MAX + 2, .position_offset = 2, .n_segments = 1}},
    {"distilbert", NULL, {.n_positions = N_MAX}},
    {"electra",
     NULL,
     {.n_positions = N_MAX, .n_segments = 2, .embedding = 10, .has = ENC_HAS_PROJECTION}},
    {"albert", NULL, {.n_positions = N_MAX, .n_segments = 2, .embedding = 40}},
    {"mpnet", NULL, {.n_positions = N_MAX + 2, .position_offset = 2, .n_buckets = 32}},
    {"nomic_bert",
     NULL,
     {.n_positions = N_MAX,
      .n_segments = 2,
      .rope_theta = 1000.0f,
      .rope_dims = 4,
      .act = ENC_SILU,
      .has = ENC_HAS_UP_BIAS}},
    {"new",
     NULL,
     {.n_positions = N_MAX, .rope_theta = 2000.0f, .rope_dims = 8, .rope_scale = 8.0f}},
    {"bert", "alibi", {.n_positions = N_MAX, .n_segments = 2}},
    {"modernbert",
     NULL,
     {.n_positions = N_MAX,
      .rope_theta = 16000.0f,
      .rope_local_theta = 100.0f,
      .rope_dims = 8,
      .rope_scale = 1.0f,
      .window = 9,
      .global_every = 2}},
    {"model2vec", NULL, {.n_positions = N_MAX}}};

#define KINDS (sizeof kinds / sizeof *kinds)

static enc_model model_of(const struct kind *k, bool is_i8, enc_dtype precision)
{
    enc_model m = {.precision = precision};
    m.config = k->config;
    m.config.arch = enc_arch_find(k->name, k->positions);
    m.config.n_vocab = V;
    m.config.hidden = 24;
    m.config.norm_eps = 1e-5f;
    if (strcmp(k->name, "model2vec") != 0) {
        m.config.n_layers = 2;
        m.config.n_heads = 3;
        m.config.inner = 77;
    }
    if (!random_model_init(&m, is_i8, 1.3f)) abort();
    return m;
}

static void make_texts(void)
{
    enc_rng r = {42};
    for (size_t i = 0; i < TOKENS; i++) {
        ids[i] = (int32_t)enc_rng_below(&r, V);
        segments[i] = (uint8_t)enc_rng_below(&r, 2);
    }
    for (size_t t = 0; t < TEXTS; t++) starts[t + 1] = starts[t] + lengths[t];
}

static enc_work *work_new(void)
{
    enc_work *w;
    enc_err e;
    enc_err_clear(&e);
    if (enc_work_new(&w, &e)) abort();
    return w;
}

/* Runs the texts named in `which`, in that order, and copies each one's states to its
 * place in `all`. */
static void run_texts(const enc_model *m, const size_t *which, size_t n, float *all)
{
    int32_t id[TOKENS];
    uint8_t segment[TOKENS];
    size_t start[TEXTS + 1] = {0};
    const size_t D = m->config.hidden;
    enc_work *w = work_new();
    enc_err e;
    const float *hidden = NULL;
    enc_err_clear(&e);
    for (size_t i = 0; i < n; i++) {
        memcpy(id + start[i], ids + starts[which[i]], lengths[which[i]] * sizeof *id);
        memcpy(segment + start[i], segments + starts[which[i]], lengths[which[i]]);
        start[i + 1] = start[i] + lengths[which[i]];
    }
    const enc_batch b = {n, start[n], id, segment, start};
    CHECK_SAY(enc_fwd_run(m, w, &b, NULL, &hidden, &e) == ENC_OK, "%s", e.text);
    for (size_t i = 0; hidden != NULL && i < n; i++)
        memcpy(all + starts[which[i]] * D, hidden + start[i] * D,
               lengths[which[i]] * D * sizeof *all);
    enc_work_free(w);
}

static void a_text_has_the_same_bits_in_any_company(enc_model *m)
{
    static const size_t groups[][TEXTS] = {{0, 1, 2, 3, 4, 5, 6, 7, 8},
                                           {8, 7, 6, 5, 4, 3, 2, 1, 0},
                                           {3, 0, 7, 2, 8, 1, 5, 6, 4}};
    const size_t n = TOKENS * m->config.hidden;
    float *alone = enc_mem_zero_array(n, sizeof *alone),
          *all = enc_mem_array(n, sizeof *all);
    if (alone == NULL || all == NULL) abort();
    enc_threads_set(1);
    for (size_t t = 0; t < TEXTS; t++) run_texts(m, &t, 1, alone);
    for (size_t threads = 1; threads <= 4; threads += threads) {
        enc_threads_set(threads);
        for (size_t g = 0; g < 3; g++) {
            for (size_t cut = 1; cut <= TEXTS; cut += 4) {
                memset(all, 0, n * sizeof *all);
                for (size_t at = 0; at < TEXTS; at += cut)
                    run_texts(m, groups[g] + at, TEXTS - at < cut ? TEXTS - at : cut,
                              all);
                CHECK_SAY(memcmp(all, alone, n * sizeof *all) == 0,
                          "%s, %zu threads, order %zu in batches of %zu", m->kern->name,
                          threads, g, cut);
            }
        }
    }
    enc_threads_set(0);
    enc_mem_free(alone);
    enc_mem_free(all);
}

static double least_cosine(const float *a, const float *b, size_t D)
{
    double least = 1.0;
    for (size_t i = 0; i < TOKENS; i++) {
        double c = enc_vec_cosine(a + i * D, b + i * D, D);
        if (!(c >= least)) least = c;
    }
    return least;
}

/* To the bit, but for bf16, whose own instruction rounds elsewhere. The definition, which
 * sums in double, gives values that lie on the edge between two roundings to the other
 * side: steps of 1/255 or 1/256 of a few values, in states of 24. */
static void tables_agree(enc_model *m)
{
    static const size_t order[TEXTS] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    const size_t n = TOKENS * m->config.hidden;
    float *one = enc_mem_array(n, sizeof *one), *two = enc_mem_array(n, sizeof *two);
    const double least = m->precision == ENC_F32 ? 0.9999999 : 0.9998;
    if (one == NULL || two == NULL) abort();
    for (size_t i = 0; i < n_tables; i++) {
        m->kern = tables[i];
        run_texts(m, order, TEXTS, i == 1 ? one : two);
        if (i < 2 && n_tables > 1) continue;
        double cosine = least_cosine(one, two, m->config.hidden);
        CHECK_SAY(cosine >= least, "%s: cosine %.8f", m->kern->name, cosine);
        CHECK_SAY(m->precision == ENC_BF16 || memcmp(one, two, n * sizeof *one) == 0,
                  "%s and %s", tables[1]->name, tables[i]->name);
    }
    if (n_tables > 1) {
        m->kern = tables[0];
        run_texts(m, order, TEXTS, two);
        double cosine = least_cosine(one, two, m->config.hidden);
        CHECK_SAY(cosine >= least, "%s, plain, %s: cosine %.8f", m->config.arch->name,
                  enc_precision_name(m->precision), cosine);
    }
    enc_mem_free(one);
    enc_mem_free(two);
}

/* Of random weights, whose errors no training has made robust. */
static void precisions_are_near_each_other(bool is_i8)
{
    static const size_t order[TEXTS] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    static const enc_dtype types[] = {ENC_F32, ENC_BF16, ENC_I8};
    float *all[3];
    const size_t D = 96;
    for (size_t p = 0; p < 3; p++) {
        enc_model m = model_new(D, 3, is_i8, types[p]);
        if ((all[p] = enc_mem_array(TOKENS * D, sizeof(float))) == NULL) abort();
        run_texts(&m, order, TEXTS, all[p]);
        random_model_clear(&m);
    }
    double bf16 = least_cosine(all[0], all[1], D), int8 = least_cosine(all[0], all[2], D);
    CHECK_SAY(bf16 >= 0.9999, "bf16: cosine %.6f", bf16);
    CHECK_SAY(int8 >= 0.999, "int8: cosine %.6f", int8);
    CHECK(bf16 < 1.0 && int8 < 1.0);
    for (size_t p = 0; p < 3; p++) enc_mem_free(all[p]);
}

/* -- Refusals ---------------------------------------------------------------------------
 */

static enc_rc try_batch(const enc_model *m, int32_t id, uint8_t segment, size_t n,
                        enc_err *e)
{
    static int32_t many_ids[N_MAX + 1];
    static uint8_t many_segments[N_MAX + 1];
    const size_t start[2] = {0, n};
    const enc_batch b = {1, n, many_ids, many_segments, start};
    const float *hidden = starts[0] == 0 ? (const float *)many_ids : NULL;
    enc_work *w = work_new();
    enc_err_clear(e);
    many_ids[n - 1] = id;
    many_segments[n - 1] = segment;
    enc_rc rc = enc_fwd_run(m, w, &b, NULL, &hidden, e);
    CHECK((rc == ENC_OK) == (hidden != NULL));
    many_ids[n - 1] = 0;
    many_segments[n - 1] = 0;
    enc_work_free(w);
    return rc;
}

static void values_out_of_range_are_refused(const enc_model *m)
{
    enc_err e;
    CHECK(try_batch(m, V - 1, 1, 3, &e) == ENC_OK);
    CHECK(try_batch(m, V, 0, 3, &e) == ENC_RANGE);
    CHECK(strcmp(e.text, "token 2 is 50, the vocabulary has 50 pieces") == 0);
    CHECK(try_batch(m, -1, 0, 3, &e) == ENC_RANGE);
    CHECK(try_batch(m, 0, 2, 3, &e) == ENC_RANGE);
    CHECK(strcmp(e.text, "token 2 has segment 2, the model has 2") == 0);
    CHECK(try_batch(m, 0, 0, N_MAX, &e) == ENC_OK);
    CHECK(try_batch(m, 0, 0, N_MAX + 1, &e) == ENC_RANGE);
    CHECK(strcmp(e.text, "text 0 has 131 tokens, the model has 130 positions") == 0);
}

static void an_empty_batch_is_fine(const enc_model *m)
{
    const size_t start[1] = {0};
    const enc_batch b = {0, 0, NULL, NULL, start};
    const float *hidden;
    enc_work *w = work_new();
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_fwd_run(m, w, &b, NULL, &hidden, &e) == ENC_OK && hidden == NULL);
    enc_work_free(w);
}

static void forget_packed(enc_model *m)
{
    enc_mem_free(m->packed);
    m->packed = NULL;
}

static void every_failing_allocation_is_reported(enc_model *m, size_t n_least)
{
    const enc_batch b = {TEXTS, TOKENS, ids, segments, starts};
    const size_t n_before = enc_mem_live();
    size_t n_failed = 0;
    enc_rc rc = ENC_NOMEM;
    for (size_t nth = 1; rc == ENC_NOMEM && nth < 100; nth++) {
        const float *hidden;
        enc_work *w;
        enc_err e;
        enc_err_clear(&e);
        enc_mem_fault(nth, false);
        rc = enc_work_new(&w, &e);
        if (!rc) rc = enc_fwd_run(m, w, &b, NULL, &hidden, &e);
        enc_mem_fault(0, false);
        n_failed += rc == ENC_NOMEM;
        enc_work_free(w);
        forget_packed(m);
        CHECK(enc_mem_live() == n_before);
    }
    CHECK(rc == ENC_OK);
    CHECK_SAY(n_failed >= n_least, "%zu", n_failed);
}

/* -- Taps -------------------------------------------------------------------------------
 */

typedef struct seen {
    size_t n_hidden, n_attention, n_stop, stop_at;
    size_t n_bad; /* rows of attention that do not add up, or calls out of order */
    const float *last;
} seen;

static void see_hidden(void *arg, size_t layer, const float *x)
{
    seen *s = arg;
    s->n_bad += layer != s->n_hidden;
    s->n_hidden++;
    s->last = x;
}

static void see_attention(void *arg, size_t layer, size_t text, size_t head,
                          const float *w, size_t n)
{
    seen *s = arg;
    s->n_bad += layer != s->n_hidden || head >= 3 || n != lengths[text];
    for (size_t i = 0; i < n; i++) {
        double sum = 0.0;
        for (size_t j = 0; j < n; j++) sum += (double)w[i * n + j];
        s->n_bad += !(sum > 0.999999 && sum < 1.000001);
    }
    s->n_attention++;
}

static bool see_stop(void *arg)
{
    seen *s = arg;
    return ++s->n_stop == s->stop_at;
}

static void a_tap_sees_all_and_changes_nothing(const enc_model *m)
{
    const enc_batch b = {TEXTS, TOKENS, ids, segments, starts};
    const size_t n = TOKENS * m->config.hidden;
    const float *hidden, *watched;
    seen s = {0};
    const enc_tap tap = {&s, see_hidden, see_attention, see_stop};
    enc_work *w = work_new(), *u = work_new();
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_fwd_run(m, w, &b, NULL, &hidden, &e) == ENC_OK);
    CHECK(enc_fwd_run(m, u, &b, &tap, &watched, &e) == ENC_OK);
    CHECK(s.n_hidden == 3 && s.n_attention == 2 * TEXTS * 3 && s.n_stop == 2);
    CHECK(s.n_bad == 0);
    CHECK(s.last == watched);
    CHECK(memcmp(hidden, watched, n * sizeof *hidden) == 0);
    s = (seen){.stop_at = 2};
    CHECK(enc_fwd_run(m, u, &b, &tap, &watched, &e) == ENC_INTERRUPT);
    CHECK(strcmp(e.text, "interrupted before layer 2 of 2") == 0);
    CHECK(watched == NULL);
    CHECK(s.n_hidden == 2);
    enc_work_free(w);
    enc_work_free(u);
}

static void run_all(bool is_i8, enc_dtype precision)
{
    enc_model m = model_new(24, 3, is_i8, precision);
    enc_model odd = model_new(35, 5, is_i8, precision);
    every_failing_allocation_is_reported(&m, 6); /* packing's too: it comes first */
    for (size_t i = 0; i < n_own; i++) {
        m.kern = odd.kern = tables[i];
        a_text_has_the_same_bits_in_any_company(&m);
        a_text_has_the_same_bits_in_any_company(&odd);
    }
    tables_agree(&m);
    tables_agree(&odd);
    m.kern = NULL;
    values_out_of_range_are_refused(&m);
    an_empty_batch_is_fine(&m);
    a_tap_sees_all_and_changes_nothing(&m);
    random_model_clear(&m);
    random_model_clear(&odd);
}

/* -- Architectures ----------------------------------------------------------------------
 */

static void a_kind_runs_anywhere_alike(const struct kind *k, bool is_i8, enc_dtype type)
{
    enc_model m = model_of(k, is_i8, type);
    every_failing_allocation_is_reported(&m, m.config.n_layers > 0 ? 6 : 3);
    m.kern = enc_kern_pick();
    a_text_has_the_same_bits_in_any_company(&m);
    tables_agree(&m);
    random_model_clear(&m);
}

/* What a work area keeps for one model is not another's. */
static void a_work_area_serves_models_in_turn(enc_dtype type)
{
    const enc_batch b = {TEXTS, TOKENS, ids, segments, starts};
    const size_t n = TOKENS * 24;
    enc_work *shared = work_new();
    for (size_t i = 0; i < 2 * KINDS; i++) {
        enc_model m = model_of(&kinds[i * 7 % KINDS], false, type);
        enc_work *own = work_new();
        const float *x, *y;
        CHECK(enc_fwd_run(&m, shared, &b, NULL, &x, NULL) == ENC_OK);
        CHECK(enc_fwd_run(&m, own, &b, NULL, &y, NULL) == ENC_OK);
        CHECK_SAY(memcmp(x, y, n * sizeof *x) == 0, "%s", m.config.arch->name);
        enc_work_free(own);
        random_model_clear(&m);
    }
    enc_work_free(shared);
}

/* A text without tokens stands among others and has no states. */
static void an_empty_text_disturbs_nobody(void)
{
    static const size_t with[TEXTS + 3] = {0,   0,   1,   3,   3,   10,
                                           140, 156, 189, 194, 294, 350};
    for (size_t i = 0; i < KINDS; i++) {
        enc_model m = model_of(&kinds[i], false, ENC_F32);
        const enc_batch plain = {TEXTS, TOKENS, ids, segments, starts};
        const enc_batch empty = {TEXTS + 2, TOKENS, ids, segments, with};
        const enc_batch none = {2, 0, NULL, NULL, (const size_t[]){0, 0, 0}};
        enc_work *w = work_new(), *u = work_new();
        const float *x, *y;
        CHECK(enc_fwd_run(&m, w, &plain, NULL, &x, NULL) == ENC_OK);
        CHECK(enc_fwd_run(&m, u, &empty, NULL, &y, NULL) == ENC_OK);
        CHECK_SAY(memcmp(x, y, TOKENS * 24 * sizeof *x) == 0, "%s", m.config.arch->name);
        CHECK(enc_fwd_run(&m, u, &none, NULL, &y, NULL) == ENC_OK && y == NULL);
        enc_work_free(w);
        enc_work_free(u);
        random_model_clear(&m);
    }
}

static void a_static_model_gives_its_rows(void)
{
    const enc_batch b = {TEXTS, TOKENS, ids, segments, starts};
    const float *x;
    for (size_t i8 = 0; i8 < 2; i8++) {
        enc_model m = model_of(&kinds[KINDS - 1], i8, ENC_I8);
        enc_work *w = work_new();
        size_t n_other = 0;
        CHECK(enc_fwd_run(&m, w, &b, NULL, &x, NULL) == ENC_OK);
        for (size_t i = 0; i < TOKENS; i++) {
            float row[24];
            enc_mat_row(&m.weights.word, (size_t)ids[i], row);
            n_other += memcmp(row, x + i * 24, sizeof row) != 0;
        }
        CHECK(n_other == 0);
        enc_work_free(w);
        random_model_clear(&m);
    }
}

static void one_segment_or_none_takes_any(void)
{
    enc_err e;
    for (size_t i = 0; i < KINDS; i++) {
        enc_model m = model_of(&kinds[i], false, ENC_F32);
        CHECK(try_batch(&m, 0, 1, 3, &e) == ENC_OK);
        CHECK((try_batch(&m, 0, 2, 3, &e) == ENC_OK) == (m.config.n_segments < 2));
        random_model_clear(&m);
    }
}

/* As many tokens as there are rows behind the padding's. */
static void every_kind_has_as_many_positions(void)
{
    enc_err e;
    for (size_t i = 0; i < KINDS; i++) {
        enc_model m = model_of(&kinds[i], false, ENC_F32);
        CHECK(try_batch(&m, 0, 0, N_MAX, &e) == ENC_OK);
        CHECK(try_batch(&m, 0, 0, N_MAX + 1, &e) == ENC_RANGE);
        CHECK(strcmp(e.text, "text 0 has 131 tokens, the model has 130 positions") == 0);
        random_model_clear(&m);
    }
}

/* The first layer's weights are there, and no others. */
static void shared_layers_are_packed_once(void)
{
    struct kind k = {
        "albert", NULL, {.n_positions = N_MAX, .n_segments = 2, .embedding = 8}};
    enc_model m = model_of(&k, false, ENC_F32);
    const enc_packed *packed;
    m.config.n_layers = 12; /* the weights of one are there */
    CHECK(enc_packed_get(&m, &packed, NULL) == ENC_OK);
    CHECK(packed->layers[0].qkv.n == 72 && packed->layers[0].gate.data == NULL);
    CHECK(packed->project.n == 24 && packed->project.k == 8);
    CHECK(try_batch(&m, 0, 0, 3, &(enc_err){0}) == ENC_OK);
    random_model_clear(&m);
}

static void kinds_agree(void)
{
    static const enc_dtype types[] = {ENC_F32, ENC_BF16, ENC_I8};
    for (size_t i = 0; i < KINDS; i++)
        for (size_t p = 0; p < 3; p++)
            a_kind_runs_anywhere_alike(&kinds[i], (i + p) % 2 == 0, types[p]);
    for (size_t p = 0; p < 3; p++) a_work_area_serves_models_in_turn(types[p]);
    an_empty_text_disturbs_nobody();
    a_static_model_gives_its_rows();
    one_segment_or_none_takes_any();
    every_kind_has_as_many_positions();
    shared_layers_are_packed_once();
}

int main(void)
{
    static const enc_dtype types[] = {ENC_F32, ENC_BF16, ENC_I8};
    make_texts();
    n_tables = list_tables(tables, &n_own);
    for (size_t p = 0; p < 3; p++) {
        run_all(false, types[p]);
        run_all(true, types[p]);
        /* Large enough that products and attention are truly cut into parts. */
        enc_model wide = model_new(192, 6, false, types[p]);
        wide.kern = enc_kern_pick();
        a_text_has_the_same_bits_in_any_company(&wide);
        random_model_clear(&wide);
    }
    precisions_are_near_each_other(false);
    precisions_are_near_each_other(true);
    kinds_agree();
    enc_work_free(NULL);
    return check_done("fwd");
}
