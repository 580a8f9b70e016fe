/* test_train.c - training runs: they learn, they can be stopped, and they go on exactly
 * where they were. */
#include "check.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/threads.h"
#include "learn/corpus.h"
#include "learn/train.h"

#define CHECKPOINT "build/test_train.ckpt"

static const char *const things[] = {"cat", "dog", "bird", "ship"};
static const char *const places[] = {"garden", "kitchen", "harbour", "school"};
static const char *const deeds[] = {"sleeps", "eats", "waits", "sings"};

/* A toy language with rules worth learning: who is where decides what is done. */
static size_t write_document(char *out, size_t cap, unsigned i)
{
    unsigned a = i % 4, b = (i / 4) % 4;
    size_t n = (size_t)snprintf(out, cap, "# the %s in the %s\n", things[a], places[b]);
    for (unsigned k = 0; k < 4; k++)
        n += (size_t)snprintf(
            out + n, cap - n, "the %s %s in the %s. in the %s the %s %s.\n", things[a],
            deeds[(a + b) % 4], places[b], places[b], things[a], deeds[(a + b) % 4]);
    return n;
}

typedef struct watch {
    size_t stop_at;     /* a step, or 0 */
    size_t stop_inside; /* the nth question within the step after it, or 0 */
    size_t done;        /* steps seen; what was done before, at first */
    size_t n_ticks;     /* of steps */
    size_t n_inside;    /* questions within the step after stop_at */
    double first_loss, last_loss, right;
} watch;

static bool look(void *arg, const enc_train_report *r)
{
    watch *w = arg;
    if (strcmp(r->phase, "train") != 0) return false;
    if (r->done <= w->done) {
        if (r->done == w->stop_at) w->n_inside++;
        return w->stop_inside > 0 && w->n_inside == w->stop_inside;
    }
    w->done = r->done;
    w->n_ticks++;
    if (w->n_ticks == 1) w->first_loss = r->loss_mlm;
    w->last_loss = r->loss_mlm;
    w->right = r->right_mlm;
    return w->stop_at > 0 && w->stop_inside == 0 && r->done == w->stop_at;
}

static enc_train_options small(size_t steps)
{
    enc_train_options o;
    enc_train_defaults(&o, true);
    o.n_vocab = 120;
    o.hidden = 32;
    o.n_layers = 2;
    o.n_heads = 2;
    o.inner = 64;
    o.n_positions = 64;
    o.max_tokens = 64;
    o.pair_tokens = 24;
    o.batch_tokens = 512;
    o.batch_pairs = 8;
    o.steps = steps;
    o.learning_rate = 3e-3;
    o.contrast_from = 0.5;
    return o;
}

/* What the rows of train() are like, for tests that change it. */
static struct {
    float score;  /* of every other pair that has one */
    char line;    /* between the lines of a document */
    size_t n_cut; /* bytes of a pair's first text that belong to the second */
} rows = {1.0f, '\n', 0};

static enc_rc train(const enc_train_options *o, watch *w, enc_wr *out, enc_err *e)
{
    enc_trainer *t;
    char text[2048];
    enc_rc rc = enc_trainer_new(&t, NULL, o, look, w, e);
    if (rc != ENC_OK) return rc;
    for (unsigned i = 0; i < 64 && rc == ENC_OK; i++) {
        size_t n = write_document(text, sizeof text, i);
        for (char *c = text + n - 1; c > strchr(text, '\n'); c--)
            if (*c == '\n') *c = rows.line;
        rc = enc_trainer_add_document(t, (enc_bytes){(const uint8_t *)text, n}, e);
    }
    const uint8_t *two = (const uint8_t *)"the cat sleeps the dog eats in the school";
    const size_t cut = 14 - rows.n_cut;
    const enc_bytes a = {two, cut}, b = {two + cut, 41 - cut};
    for (int i = 0; i < 10 && rc == ENC_OK; i++)
        rc = enc_trainer_add_pair(t, a, b, i < 5 ? NAN : (float)(i % 2) * rows.score, e);
    if (rc == ENC_OK) rc = enc_trainer_run(t, e);
    if (rc == ENC_OK) rc = enc_trainer_save(t, out, e);
    enc_trainer_free(t);
    return rc;
}

static void a_run_learns_the_toy_language(void)
{
    enc_train_options o = small(900);
    o.learning_rate = 2e-3;
    enc_err e = {0};
    watch w = {0};
    enc_wr out;
    enc_wr_init(&out);
    CHECK_SAY(train(&o, &w, &out, &e) == ENC_OK, "%s", e.text);
    CHECK(w.n_ticks == 900);
    /* A new model knows the frequency of each word; context must take it below that. */
    CHECK_SAY(w.last_loss < 0.5 * w.first_loss, "loss %.3f -> %.3f", w.first_loss,
              w.last_loss);
    enc_files *f;
    enc_model *m;
    CHECK(enc_files_open_blob(&f, (enc_bytes){out.at, out.n}, true, &e) == ENC_OK);
    CHECK_SAY(enc_model_open(&m, f, NULL, &e) == ENC_OK, "%s", e.text);
    CHECK(m->weights.mlm_bias != NULL && m->weights.next_sentence.w.data != NULL);
    enc_model_close(m);
    enc_wr_clear(&out);
}

static void a_resumed_run_gives_the_same_bytes(void)
{
    enc_train_options o = small(24);
    enc_err e = {0};
    watch whole = {0}, first = {.stop_at = 9}, second = {.done = 9};
    enc_wr a, b;
    enc_wr_init(&a);
    enc_wr_init(&b);
    CHECK(train(&o, &whole, &a, &e) == ENC_OK);
    unlink(CHECKPOINT);
    o.checkpoint = CHECKPOINT;
    CHECK(train(&o, &first, &b, &e) == ENC_INTERRUPT);
    enc_err_clear(&e);
    CHECK_SAY(train(&o, &second, &b, &e) == ENC_OK, "%s", e.text);
    CHECK_SAY(second.n_ticks == 24 - 9, "%zu steps", second.n_ticks);
    CHECK(a.n == b.n && memcmp(a.at, b.at, a.n) == 0);

    enc_err_clear(&e);
    o.seed = 2;
    CHECK(train(&o, &second, &b, &e) == ENC_MISUSE);
    CHECK_SAY(strstr(e.text, CHECKPOINT) != NULL, "%s", e.text);
    enc_wr_clear(&a);
    enc_wr_clear(&b);
}

/* What would give other numbers makes another run, however alike the tokens are. */
static void a_checkpoint_of_another_run_is_refused(void)
{
    for (int i = 0; i < 4; i++) {
        enc_train_options o = small(24);
        watch first = {.stop_at = 2}, second = {.done = 2};
        enc_err e = {0};
        enc_wr out;
        unlink(CHECKPOINT);
        o.checkpoint = CHECKPOINT;
        enc_wr_init(&out);
        CHECK(train(&o, &first, &out, &e) == ENC_INTERRUPT);
        enc_err_clear(&e);
        if (i == 0) o.n_heads = 4;
        if (i == 1) rows.score = 0.5f;
        if (i == 2) rows.line = ' ';
        if (i == 3) rows.n_cut = 7;
        CHECK_SAY(train(&o, &second, &out, &e) == ENC_MISUSE, "%d: %s", i, e.text);
        CHECK_SAY(strstr(e.text, "another run") != NULL, "%d: %s", i, e.text);
        rows.score = 1.0f, rows.line = '\n', rows.n_cut = 0;
        enc_wr_clear(&out);
    }
    unlink(CHECKPOINT);
}

/* A long step asks all along, forward and back, of texts and of pairs; told
 * to stop it does not ask again, and the run goes on before it. */
static void a_step_stops_in_the_middle(void)
{
    enc_train_options o = small(2);
    watch whole = {.stop_at = 1};
    enc_err e = {0};
    enc_wr a, b;

    o.hidden = 64;
    o.inner = 256;
    o.batch_tokens = 12288;
    o.batch_pairs = 256;
    o.contrast_from = 0.0;
    whole.stop_inside = SIZE_MAX;
    enc_threads_set(1); /* so that as much is asked each time */
    enc_wr_init(&a);
    enc_wr_init(&b);
    CHECK_SAY(train(&o, &whole, &a, &e) == ENC_OK, "%s", e.text);
    CHECK_SAY(whole.n_inside >= 8, "asked %zu times within a step", whole.n_inside);
    o.checkpoint = CHECKPOINT;
    for (size_t k = 1; k <= whole.n_inside; k += 1 + whole.n_inside / 4) {
        watch first = {.stop_at = 1, .stop_inside = k}, second = {.done = 1};
        unlink(CHECKPOINT);
        CHECK(train(&o, &first, &b, &e) == ENC_INTERRUPT);
        CHECK_SAY(strcmp(e.text, "interrupted") == 0, "%s", e.text);
        CHECK_SAY(first.n_inside == k, "asked %zu times, not %zu", first.n_inside, k);
        CHECK(first.n_ticks == 1);
        enc_err_clear(&e);
        CHECK_SAY(train(&o, &second, &b, &e) == ENC_OK, "%s", e.text);
        CHECK(second.n_ticks == 1);
        CHECK(a.n == b.n && memcmp(a.at, b.at, a.n) == 0);
        enc_wr_clear(&b);
    }
    unlink(CHECKPOINT);
    o.checkpoint = NULL;
    for (size_t n = 2; n <= 3; n++) {
        watch one = {.stop_at = 1, .stop_inside = 1};
        enc_threads_set(n);
        CHECK(train(&o, &one, &b, &e) == ENC_INTERRUPT);
        CHECK(one.n_inside == 1 && one.n_ticks == 1);
        enc_err_clear(&e);
    }
    enc_threads_set(0);
    enc_wr_clear(&a);
}

static void every_truncation_of_a_checkpoint_is_noticed(void)
{
    enc_train_options o = small(24);
    o.checkpoint = CHECKPOINT;
    FILE *f = fopen(CHECKPOINT, "rb");
    CHECK(f != NULL);
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    fclose(f);
    for (int i = 0; i < 6; i++) {
        enc_err e = {0};
        watch w = {0};
        enc_wr out;
        enc_wr_init(&out);
        n = i < 3 ? n - 1 : n / 40;
        CHECK(truncate(CHECKPOINT, n) == 0);
        CHECK_SAY(train(&o, &w, &out, &e) == ENC_CORRUPT, "%ld bytes: %s", n, e.text);
        enc_wr_clear(&out);
    }
    unlink(CHECKPOINT);
}

static void nonsense_is_refused(void)
{
    enc_err e = {0};
    enc_trainer *t;
    enc_train_options o = small(1);
    o.n_heads = 3;
    CHECK(enc_trainer_new(&t, NULL, &o, NULL, NULL, &e) == ENC_RANGE);
    CHECK_SAY(strcmp(e.text, "hidden 32 is not divisible by n_heads 3") == 0, "%s",
              e.text);
    enc_err_clear(&e);
    o = small(1);
    CHECK(enc_trainer_new(&t, NULL, &o, NULL, NULL, &e) == ENC_OK);
    CHECK(enc_trainer_run(t, &e) != ENC_OK && e.text[0] != '\0');
    enc_trainer_free(t);
    enc_err_clear(&e);
    CHECK(enc_trainer_new(&t, NULL, &o, NULL, NULL, &e) == ENC_OK);
    const enc_bytes a = {(const uint8_t *)"a", 1};
    CHECK(enc_trainer_add_pair(t, a, a, 1.5f, &e) == ENC_RANGE);
    CHECK_SAY(strcmp(e.text, "score 1.5 is not in 0..1") == 0, "%s", e.text);
    enc_trainer_free(t);
}

/* Each option beyond what it may be, and the sentence for it. */
static void options_out_of_range_are_named(void)
{
    enum { N = 11 };
    enc_train_options o[N];
    static const char *const said[N] = {
        "hidden 0 is not in 1..8192",
        "n_layers 0 is not in 1..64",
        "inner 0 is not in 1..65536",
        "n_vocab 63 is not in 64..1048576",
        "n_positions 15 is not in 16..32768",
        "max_tokens 15 is under 16",
        "pair_tokens 4 is not in 8..512",
        "pair_tokens 513 is not in 8..512",
        "batch_tokens 16777217 is not in 0..16777216",
        "batch_pairs 5000 is not in 0..4096",
        "vocab_bytes 0 is under 1",
    };

    for (int i = 0; i < N; i++) o[i] = small(1);
    o[0].hidden = o[1].n_layers = o[2].inner = 0;
    o[3].n_vocab = 63;
    o[4].n_positions = o[5].max_tokens = 15;
    o[6].pair_tokens = 4;
    o[7].pair_tokens = 513;
    o[8].batch_tokens = ((size_t)1 << 24) + 1;
    o[9].batch_pairs = 5000;
    o[10].vocab_bytes = 0;
    for (int i = 0; i < N; i++) {
        enc_err e = {0};
        enc_trainer *t = NULL;
        CHECK(enc_trainer_new(&t, NULL, &o[i], NULL, NULL, &e) == ENC_RANGE && t == NULL);
        CHECK_SAY(strcmp(e.text, said[i]) == 0, "%d: %s", i, e.text);
    }
}

static void reals_out_of_range_are_named(void)
{
    static const struct {
        size_t at;
        double value;
        const char *said;
    } cases[] = {
        {offsetof(enc_train_options, epochs), -1.0, "epochs -1 is not in 1e-06..1000000"},
        {offsetof(enc_train_options, epochs), 1e300,
         "epochs 1e+300 is not in 1e-06..1000000"},
        {offsetof(enc_train_options, mask_rate), 1.0,
         "mask_rate 1 is not in 0.001..0.999"},
        {offsetof(enc_train_options, weight_mlm), -0.5,
         "weight_mlm -0.5 is not in 0..1000000"},
        {offsetof(enc_train_options, weight_nsp), 1e30,
         "weight_nsp 1e+30 is not in 0..1000000"},
        {offsetof(enc_train_options, weight_contrast), -1.0,
         "weight_contrast -1 is not in 0..1000000"},
        {offsetof(enc_train_options, weight_score), -1.0,
         "weight_score -1 is not in 0..1000000"},
        {offsetof(enc_train_options, temperature), 0.0,
         "temperature 0 is not in 0.0001..10000"},
        {offsetof(enc_train_options, contrast_from), 1.5,
         "contrast_from 1.5 is not in 0..1"},
        {offsetof(enc_train_options, learning_rate), (double)INFINITY,
         "learning_rate inf is not in 1e-12..1"},
        {offsetof(enc_train_options, learning_rate), 0.0,
         "learning_rate 0 is not in 1e-12..1"},
        {offsetof(enc_train_options, weight_decay), -0.01,
         "weight_decay -0.01 is not in 0..1000"},
        {offsetof(enc_train_options, beta1), 1.0, "beta1 1 is not in 0..0.999999"},
        {offsetof(enc_train_options, beta2), (double)NAN,
         "beta2 nan is not in 0..0.999999"},
        {offsetof(enc_train_options, clip_norm), -1.0, "clip_norm -1 is under 0"},
        {offsetof(enc_train_options, warmup), 1.5, "warmup 1.5 is not in 0..1"},
        {offsetof(enc_train_options, checkpoint_seconds), -1.0,
         "checkpoint_seconds -1 is under 0"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enc_train_options o = small(1);
        enc_err e = {0};
        enc_trainer *t = NULL;
        *(double *)(void *)((char *)&o + cases[i].at) = cases[i].value;
        CHECK(enc_trainer_new(&t, NULL, &o, NULL, NULL, &e) == ENC_RANGE && t == NULL);
        CHECK_SAY(strcmp(e.text, cases[i].said) == 0, "%s", e.text);
    }
}

static enc_rc train_options(const enc_train_options *o, enc_err *e)
{
    watch w = {0};
    enc_wr out;
    enc_wr_init(&out);
    enc_rc rc = train(o, &w, &out, e);
    enc_wr_clear(&out);
    return rc;
}

/* Options that are all allowed may still be too much together. */
static void a_run_that_diverges_is_an_error(void)
{
    enc_train_options o = small(40);
    enc_err e = {0};
    o.learning_rate = 1.0;
    o.weight_decay = 1000.0;
    o.warmup = 0.0;
    CHECK(train_options(&o, &e) == ENC_RANGE);
    CHECK_SAY(strstr(e.text, "training diverged") != NULL, "%s", e.text);
}

/* A text has 16 tokens at least, and so must a model that is trained have places. */
static void too_few_positions_are_refused(void)
{
    const enc_train_options o = small(1);
    enc_files *f;
    enc_model *m;
    enc_trainer *t;
    enc_err e = {0};
    CHECK(enc_files_open_directory(&f, "tests/ref/checkpoints/bert_body", &e) == ENC_OK);
    CHECK(enc_model_open(&m, f, NULL, &e) == ENC_OK);
    m->config.n_positions = 8;
    CHECK(enc_trainer_new(&t, m, &o, NULL, NULL, &e) == ENC_UNSUPPORTED && t == NULL);
    CHECK_SAY(strstr(e.text, "a model of 8 positions cannot be trained") != NULL, "%s",
              e.text);
    enc_model_close(m);
}

/* Whatever switches off all that could be learned, it is said and not done. */
static void a_run_that_learns_nothing_is_refused(void)
{
    enum { N = 4 };
    enc_train_options o[N];
    enc_err e = {0};

    for (int i = 0; i < N; i++) o[i] = small(1);
    o[0].batch_tokens = o[0].batch_pairs = 0;
    o[1].batch_tokens = 0, o[1].batch_pairs = 1;
    o[2].batch_pairs = 0, o[2].weight_mlm = o[2].weight_nsp = 0.0;
    o[3].batch_tokens = 0, o[3].weight_contrast = o[3].weight_score = 0.0;
    for (int i = 0; i < N; i++) {
        enc_err_clear(&e);
        CHECK(train_options(&o[i], &e) == (i < 2 ? ENC_RANGE : ENC_MISUSE));
        CHECK_SAY(strstr(e.text, "nothing to learn") != NULL, "%d: %s", i, e.text);
    }
    enc_err_clear(&e);
    o[1].batch_pairs = 2; /* of the pairs given: those of documents come later */
    CHECK_SAY(train_options(&o[1], &e) == ENC_OK, "%s", e.text);
}

/* Fewer tokens than there are threads. */
static void a_batch_of_one_token_is_trained_on(void)
{
    enc_train_options o = small(2);
    enc_err e = {0};
    watch w = {0};
    enc_wr out;

    o.batch_tokens = 1;
    o.batch_pairs = 0;
    enc_threads_set(3);
    enc_wr_init(&out);
    CHECK_SAY(train(&o, &w, &out, &e) == ENC_OK, "%s", e.text);
    CHECK(w.last_loss > 0.0);
    enc_wr_clear(&out);
    enc_threads_set(0);
}

static bool stop_reading(void *arg, const enc_train_report *r)
{
    (void)arg;
    return strcmp(r->phase, "read") == 0;
}

/* The rows that wait for a vocabulary are read when the run begins. */
static void reading_can_be_interrupted(void)
{
    enc_train_options o = small(1);
    enc_err e = {0};
    enc_trainer *t;
    char text[2048];

    CHECK(enc_trainer_new(&t, NULL, &o, stop_reading, NULL, &e) == ENC_OK);
    for (unsigned i = 0; i < 64; i++) {
        size_t n = write_document(text, sizeof text, i);
        CHECK(enc_trainer_add_document(t, (enc_bytes){(const uint8_t *)text, n}, &e) ==
              ENC_OK);
    }
    CHECK(enc_trainer_run(t, &e) == ENC_INTERRUPT);
    CHECK_SAY(strcmp(e.text, "interrupted") == 0, "%s", e.text);
    enc_trainer_free(t);
}

/* Without a number of steps, epochs of the documents make it; of the pairs if there are
 * none. */
static void epochs_make_steps(void)
{
    enc_train_options o = small(0), twice;
    watch once = {0}, more = {0}, held = {0};
    enc_err e = {0};
    enc_wr out;

    o.epochs = 1.0;
    twice = o;
    twice.epochs = 2.0;
    enc_wr_init(&out);
    CHECK_SAY(train(&o, &once, &out, &e) == ENC_OK, "%s", e.text);
    CHECK_SAY(train(&twice, &more, &out, &e) == ENC_OK, "%s", e.text);
    CHECK_SAY(once.n_ticks > 1 && more.n_ticks >= 2 * once.n_ticks - 1 &&
                  more.n_ticks <= 2 * once.n_ticks,
              "%zu and %zu steps", once.n_ticks, more.n_ticks);
    /* A document that is held out is not counted: the titles of 64 are of 16 kinds. */
    o.hold_out = true;
    CHECK_SAY(train(&o, &held, &out, &e) == ENC_OK, "%s", e.text);
    CHECK(held.n_ticks <= once.n_ticks);
    enc_wr_clear(&out);
}

/* A tokenizer of whole words, to look at what is drawn. */
static enc_tok *toy_tokenizer(void)
{
    static const char *const pieces[] = {"[PAD]",  "[UNK]", "[CLS]", "[SEP]",
                                         "[MASK]", ".",     "one",   "two",
                                         "three",  "four",  "five",  "six"};
    enc_bytes list[12];
    enc_vocab *v;
    enc_tok *t;
    enc_err e = {0};
    for (size_t i = 0; i < 12; i++)
        list[i] = (enc_bytes){(const uint8_t *)pieces[i], strlen(pieces[i])};
    CHECK(enc_vocab_new(&v, list, 12, "toy", &e) == ENC_OK);
    CHECK(enc_tok_new(&t, v, (enc_norm_rules){.clean_text = true, .lower_case = true},
                      &e) == ENC_OK);
    return t;
}

static void masking_is_fifteen_percent_and_eighty_ten_ten(void)
{
    enc_tok *tok = toy_tokenizer();
    enc_corpus c = {0};
    enc_group g = {0};
    enc_err e = {0};
    enc_rng rng = {5};
    char text[4096] = "# one two\n";
    CHECK(enc_corpus_init(&c, tok, &e) == ENC_OK);
    for (int i = 0; i < 40; i++)
        strcat(text,
               "three four five six. three six five four three. five three four.\n");
    for (int i = 0; i < 3; i++)
        CHECK(enc_corpus_add(&c, tok, (enc_bytes){(uint8_t *)text, strlen(text)}, &e) ==
              ENC_OK);
    size_t n_masked = 0, n_mask = 0, n_same = 0, n_body = 0, n_random = 0, n_texts = 0;
    for (int i = 0; i < 2000; i++) {
        enc_group_start(&g);
        enc_corpus_draw(&c, &rng, 64, &g);
        enc_group_mask(&g, &c.special, c.n_vocab, 0.15f, &rng);
        CHECK(!g.failed && g.n_texts == 1 && g.n_tokens <= 64);
        CHECK(g.ids[0] == 2 && g.ids[g.n_tokens - 1] == 3);
        n_texts += g.n_texts;
        n_random += g.is_random[0];
        n_body += g.n_tokens - 3;
        for (size_t k = 0; k < g.n_masked; k++, n_masked++) {
            n_mask += g.ids[g.at[k]] == 4;
            n_same += g.ids[g.at[k]] == g.label[k];
        }
    }
    CHECK(fabs((double)n_masked / (double)n_body - 0.15) < 0.005);
    CHECK(fabs((double)n_mask / (double)n_masked - 0.80) < 0.02);
    CHECK(fabs((double)n_same / (double)n_masked - (0.10 + 0.10 / 12.0)) < 0.02);
    CHECK(fabs((double)n_random / (double)n_texts - 0.5) < 0.05);
    enc_group_clear(&g);
    enc_corpus_clear(&c);
    enc_tok_close(tok);
}

int main(void)
{
    a_run_learns_the_toy_language();
    a_step_stops_in_the_middle();
    a_resumed_run_gives_the_same_bytes();
    every_truncation_of_a_checkpoint_is_noticed();
    a_checkpoint_of_another_run_is_refused();
    nonsense_is_refused();
    options_out_of_range_are_named();
    reals_out_of_range_are_named();
    a_run_that_diverges_is_an_error();
    too_few_positions_are_refused();
    a_run_that_learns_nothing_is_refused();
    a_batch_of_one_token_is_trained_on();
    reading_can_be_interrupted();
    epochs_make_steps();
    masking_is_fifteen_percent_and_eighty_ten_ten();
    return check_done("train");
}
