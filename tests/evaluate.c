/* evaluate.c - what a model is worth, as one table.
 *
 *   evaluate [--model PATH] [--precision NAME] [--data DIR] [--corpus DIR]
 *            [--only NAME,...] [--quick]
 *
 * PATH is a Hugging Face directory, a blob, or nothing for the built-in model; NAME f32,
 * bf16 or int8, or nothing for the model's own. DIR holds eval/ and corpus/ (enwiki.txt,
 * kowiki.txt, or those as .xz); a set that is not there is left out. Names: sts,
 * sts-test, xquad, cranfield, nsmc, banking77, 3i4k, agnews, next, masked. --quick takes
 * a part of each set and leaves out the slow ones: to watch a training with, never to
 * publish.
 *
 * How each figure is made:
 *   sts         Spearman of gold scores and cosines, ties sharing their mean rank
 *   xquad       240 passages ranked by cosine for each of 1,190 questions
 *   cranfield   1,400 abstracts ranked for 225 queries; grade > 0 is relevant; nDCG@10
 *   nsmc ...    logistic regression on frozen vectors of the train file, l2 by 5-fold
 *               cross-validation inside it, accuracy on the test file
 *   banking77 8 MTEB's way: 8 examples a label, l2 = 1, mean of 10 drawings
 *   next        documents kept from training: two stretches that follow each other or not
 *   masked      15 % of the tokens of those, 80/10/10; top-1 of all that were chosen
 * Queries and passages get the model's prompts where it has them, other texts none. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rng.h"
#include "clock.h"
#include "enc.h"
#include "lib/published.h"
#include "lib/sets.h"
#include "lib/tasks.h"

#define SEED       20180
#define TOKENS_MAX 128 /* of two stretches */
#define N_EXAMPLES 2000
#define N_QUICK    300
#define UNKNOWN    ((double)NAN)

typedef struct setup {
    const char *model, *precision, *data, *corpus, *only;
    bool is_quick;
    enc_model *m;
    enc_work *work;
    size_t dims;
} setup;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void must(enc_rc rc, const char *what, const enc_err *e)
{
    if (rc) die(what, rc == ENC_NOMEM ? "out of memory" : e->text);
}

static void *room(size_t n, size_t size)
{
    void *p = enc_mem_zero_array(n, size);
    if (p == NULL) die("evaluate", "out of memory");
    return p;
}

static bool is_wanted(const setup *s, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = s->only; at != NULL && *at != '\0'; at += *at == ',') {
        size_t k = strcspn(at, ",");
        if (k == n && memcmp(at, name, n) == 0) return true;
        at += k;
    }
    return s->only == NULL;
}

/* ---- the table ---- */

typedef struct figure {
    const char *set, *unit;
    double value; /* NaN: not measured */
    const char *tfidf, *minilm, *e5, *potion;
    published_set published;
} figure;

enum {
    STS_EN,
    STS_KO,
    STS_BOTH,
    STS_EN_TEST,
    STS_KO_TEST,
    XQUAD_1,
    XQUAD_MRR,
    CRANFIELD,
    NSMC,
    BANKING,
    BANKING_8,
    I4K,
    AGNEWS,
    NEXT_EN,
    NEXT_KO,
    NEXT,
    MASKED_EN,
    MASKED_KO,
    MASKED,
    N_LINES
};

/* Published: MTEB's result files. Theirs of STS-B and KorSTS are of the test sets, which
 * are not the dev sets measured here. */
static figure table[N_LINES] = {
    [STS_EN] = {"STS-B English dev", "Spearman", UNKNOWN, "0.768", "-", "-", "-"},
    [STS_KO] = {"KorSTS dev", "Spearman", UNKNOWN, "0.758", "-", "-", "-"},
    [STS_BOTH] = {"STS-B dev, en to ko", "Spearman", UNKNOWN, "-", "-", "-", "-"},
    [STS_EN_TEST] = {"STS-B English test", "Spearman", UNKNOWN, "-", "0.820", "0.836",
                     "0.754", PUBLISHED_STS_EN},
    [STS_KO_TEST] = {"KorSTS test", "Spearman", UNKNOWN, "-", "0.423", "0.771", "-",
                     PUBLISHED_STS_KO},
    [XQUAD_1] = {"XQuAD en", "recall@1", UNKNOWN, "0.919 (BM25)", "-", "-", "-"},
    [XQUAD_MRR] = {"the same", "MRR@10", UNKNOWN, "0.949 (BM25)", "-", "-", "-"},
    [CRANFIELD] = {"Cranfield", "nDCG@10", UNKNOWN, "0.360 (BM25)", "-", "-", "-"},
    [NSMC] = {"NSMC, logistic regression", "accuracy", UNKNOWN, "-", "-", "-", "-"},
    [BANKING] = {"Banking77, the same", "accuracy", UNKNOWN, "-", "-", "-", "-"},
    [BANKING_8] = {"Banking77, 8 examples a label", "accuracy", UNKNOWN, "-", "0.800",
                   "-", "0.726", PUBLISHED_BANKING_8},
    [I4K] = {"3i4K, logistic regression", "accuracy", UNKNOWN, "-", "-", "-", "-"},
    [AGNEWS] = {"AG News, the same", "accuracy", UNKNOWN, "-", "-", "-", "-"},
    [NEXT_EN] = {"next sentence, held out, en", "accuracy", UNKNOWN, "-", "-", "-", "-"},
    [NEXT_KO] = {"the same, ko", "accuracy", UNKNOWN, "-", "-", "-", "-"},
    [NEXT] = {"the same, both", "accuracy", UNKNOWN, "-", "-", "-", "-"},
    [MASKED_EN] = {"masked word, held out, en", "top-1", UNKNOWN, "-", "-", "-", "-"},
    [MASKED_KO] = {"the same, ko", "top-1", UNKNOWN, "-", "-", "-", "-"},
    [MASKED] = {"the same, both", "top-1", UNKNOWN, "-", "-", "-", "-"},
};

static void print_table(const setup *s)
{
    const char *form =
        "| %-36s | %-8s | %-10s | %-9s | %-12s | %-16s | %-21s | %-14s |\n";

    printf(form, "set", "figure", s->is_quick ? "QUICK" : "this model", "published",
           "TF-IDF", "all-MiniLM-L6-v2", "multilingual-e5-small", "potion-base-8M");
    printf(form, "---", "---", "---", "---", "---", "---", "---", "---");
    for (size_t i = 0; i < N_LINES; i++) {
        char value[16] = "-";
        const figure *l = &table[i];
        if (!isnan(l->value)) snprintf(value, sizeof value, "%.4f", l->value);
        if (!isnan(l->value) || s->only == NULL)
            printf(form, l->set, l->unit, value, published_of(s->model, l->published),
                   l->tfidf, l->minilm, l->e5, l->potion);
    }
}

static void report(int at, double value, double start)
{
    table[at].value = value;
    fprintf(stderr, "%-40s %.4f  (%.1f s)\n", table[at].set, value, now() - start);
}

/* ---- vectors of a file ---- */

/* False: the set is not there. */
static bool read_set(const setup *s, const char *name, size_t n_cols, size_t part,
                     sets_rows *r)
{
    char path[4096];
    enc_err e;

    enc_err_clear(&e);
    snprintf(path, sizeof path, "%s/eval/%s", s->data, name);
    if (access(path, R_OK) != 0) {
        fprintf(stderr, "%s: not there, left out\n", path);
        return false;
    }
    must(sets_read(r, path, n_cols, part, &e), path, &e);
    if (r->n == 0) die(path, "no rows");
    return true;
}

/* Vectors of one column. */
static float *embed(const setup *s, const sets_rows *r, size_t col, const char *role)
{
    enc_bytes *texts = room(r->n, sizeof *texts);
    float *out = room(r->n * s->dims, sizeof *out);
    enc_err e;

    enc_err_clear(&e);
    for (size_t i = 0; i < r->n; i++) texts[i] = sets_cell(r, i, col);
    enc_embed_job job = {.texts = texts,
                         .n_texts = r->n,
                         .out = out,
                         .prompt = role != NULL ? enc_model_prompt(s->m, role) : ""};
    must(enc_embed_run(s->m, s->work, &job, &e), "embedding", &e);
    enc_mem_free(texts);
    return out;
}

/* ---- similarity ---- */

static double correlate(const setup *s, const sets_rows *r, const float *a,
                        const float *b)
{
    double *gold = room(r->n, sizeof *gold), *got = room(r->n, sizeof *got), out;

    for (size_t i = 0; i < r->n; i++) {
        gold[i] = sets_number(sets_cell(r, i, 0));
        got[i] = enc_vec_cosine(a + i * s->dims, b + i * s->dims, s->dims);
    }
    if (!sets_spearman(gold, got, r->n, &out)) die("sts", "out of memory");
    enc_mem_free(gold);
    enc_mem_free(got);
    return out;
}

static void run_sts(const setup *s)
{
    double start = now();
    sets_rows en, ko;
    bool has_en = read_set(s, "stsb-en-dev.tsv", 3, 0, &en);
    bool has_ko = read_set(s, "korsts-dev.tsv", 3, 0, &ko);
    float *v[4] = {NULL};

    for (size_t i = 0; i < 2 && has_en; i++) v[i] = embed(s, &en, i + 1, NULL);
    for (size_t i = 0; i < 2 && has_ko; i++) v[i + 2] = embed(s, &ko, i + 1, NULL);
    if (has_en) report(STS_EN, correlate(s, &en, v[0], v[1]), start);
    if (has_ko) report(STS_KO, correlate(s, &ko, v[2], v[3]), start);
    if (has_en && has_ko && en.n == ko.n) /* row n of one is row n of the other */
        report(STS_BOTH,
               (correlate(s, &en, v[0], v[3]) + correlate(s, &en, v[2], v[1])) / 2.0,
               start);
    for (size_t i = 0; i < 4; i++) enc_mem_free(v[i]);
    if (has_en) sets_free(&en);
    if (has_ko) sets_free(&ko);
}

/* The test sets, where DIR has them: theirs are the published figures. */
static void run_sts_test(const setup *s, const char *name, int at)
{
    double start = now();
    sets_rows r;
    if (!read_set(s, name, 3, 0, &r)) return;
    float *a = embed(s, &r, 1, NULL), *b = embed(s, &r, 2, NULL);
    report(at, correlate(s, &r, a, b), start);
    enc_mem_free(a);
    enc_mem_free(b);
    sets_free(&r);
}

/* ---- retrieval ---- */

static size_t rank(const setup *s, const float *q, const float *v, size_t n,
                   size_t best[SETS_BEST])
{
    double *score = room(n, sizeof *score);

    for (size_t i = 0; i < n; i++) score[i] = enc_vec_cosine(q, v + i * s->dims, s->dims);
    n = sets_best(score, n, best);
    enc_mem_free(score);
    return n;
}

static void run_xquad(const setup *s)
{
    double start = now(), first = 0.0, mrr = 0.0;
    sets_rows q, p;

    if (!read_set(s, "xquad-en-questions.tsv", 5, s->is_quick ? N_QUICK : 0, &q)) return;
    if (!read_set(s, "xquad-en-passages.tsv", 2, 0, &p)) return;
    float *vq = embed(s, &q, 1, "query"), *vp = embed(s, &p, 1, "passage");
    for (size_t i = 0; i < q.n; i++) {
        size_t best[SETS_BEST], n = rank(s, vq + i * s->dims, vp, p.n, best);
        double right = sets_number(sets_cell(&q, i, 2));
        for (size_t k = 0; k < n; k++) {
            if (sets_number(sets_cell(&p, best[k], 0)) != right) continue;
            first += k == 0;
            mrr += 1.0 / (double)(k + 1);
        }
    }
    report(XQUAD_1, first / (double)q.n, start);
    report(XQUAD_MRR, mrr / (double)q.n, start);
    enc_mem_free(vq);
    enc_mem_free(vp);
    sets_free(&q);
    sets_free(&p);
}

/* nDCG@10 of one query: grade > 0 is relevant. */
static double judge(const sets_rows *grades, const sets_rows *docs, double query,
                    const size_t *best, size_t n)
{
    bool is_relevant[SETS_BEST] = {false};
    size_t n_relevant = 0;

    for (size_t i = 0; i < grades->n; i++) {
        if (sets_number(sets_cell(grades, i, 0)) != query) continue;
        if (sets_number(sets_cell(grades, i, 2)) <= 0.0) continue;
        n_relevant++;
        for (size_t k = 0; k < n; k++)
            is_relevant[k] =
                is_relevant[k] || sets_number(sets_cell(grades, i, 1)) ==
                                      sets_number(sets_cell(docs, best[k], 0));
    }
    return sets_ndcg(is_relevant, n, n_relevant);
}

static void run_cranfield(const setup *s)
{
    double start = now(), sum = 0.0;
    sets_rows q, d, grades;

    if (!read_set(s, "cranfield-queries.tsv", 2, 0, &q)) return;
    if (!read_set(s, "cranfield-docs.tsv", 3, 0, &d)) return;
    if (!read_set(s, "cranfield-qrels.tsv", 3, 0, &grades)) return;
    float *vq = embed(s, &q, 1, "query"), *vd = embed(s, &d, 2, "passage");
    for (size_t i = 0; i < q.n; i++) {
        size_t best[SETS_BEST], n = rank(s, vq + i * s->dims, vd, d.n, best);
        sum += judge(&grades, &d, sets_number(sets_cell(&q, i, 0)), best, n);
    }
    report(CRANFIELD, sum / (double)q.n, start);
    enc_mem_free(vq);
    enc_mem_free(vd);
    sets_free(&q);
    sets_free(&d);
    sets_free(&grades);
}

/* ---- classification ---- */

typedef struct labelled {
    sets_rows r;
    float *x;
    uint32_t *y;
} labelled;

typedef struct names {
    enc_bytes at[256];
    size_t n;
} names;

static bool read_labelled(const setup *s, const char *set, const char *split_name,
                          size_t part, names *labels, labelled *l)
{
    char file[64];

    snprintf(file, sizeof file, "%s-%s.tsv", set, split_name);
    if (!read_set(s, file, 2, part, &l->r)) return false;
    l->y = room(l->r.n, sizeof *l->y);
    for (size_t i = 0; i < l->r.n; i++) {
        enc_bytes name = sets_cell(&l->r, i, 0);
        size_t k = 0;
        while (k < labels->n && (labels->at[k].n != name.n ||
                                 memcmp(labels->at[k].at, name.at, name.n) != 0))
            k++;
        if (k == labels->n) {
            if (labels->n == 256) die(file, "more than 256 labels");
            labels->at[labels->n++] = name;
        }
        l->y[i] = (uint32_t)k;
    }
    l->x = embed(s, &l->r, 1, NULL);
    return true;
}

static void labelled_free(labelled *l)
{
    enc_mem_free(l->x);
    enc_mem_free(l->y);
    sets_free(&l->r);
}

static double accuracy(const setup *s, const enc_fit *f, const labelled *test)
{
    enc_classifier c;
    enc_wr head;
    enc_err e;
    size_t right = 0;
    float *scores = room(f->n_labels, sizeof *scores);

    enc_err_clear(&e);
    enc_wr_init(&head);
    must(enc_classifier_fit(f, &head, &e), "classifier", &e);
    must(enc_classifier_read(&c, (enc_bytes){head.at, head.n}, &e), "classifier", &e);
    for (size_t i = 0; i < test->r.n; i++) {
        size_t best = 0;
        enc_classifier_scores(&c, test->x + i * s->dims, scores);
        for (size_t k = 1; k < f->n_labels; k++)
            if (scores[k] > scores[best]) best = k;
        right += best == test->y[i];
    }
    if (f->l2 < 0.0)
        fprintf(stderr, "    l2 %g, accuracy in cross-validation %.4f\n", c.l2,
                c.accuracy);
    enc_mem_free(scores);
    enc_wr_clear(&head);
    return (double)right / (double)test->r.n;
}

/* The mean of ten fits on eight examples a label. */
static double few_shots(const setup *s, const enc_fit *all, const labelled *test)
{
    enum { SHOTS = 8, TIMES = 10 };
    enc_rng rng = {SEED};
    double sum = 0.0;
    size_t *count = room(all->n_labels, sizeof *count),
           *order = room(all->n, sizeof *order);
    float *x = room(SHOTS * all->n_labels * s->dims, sizeof *x);
    uint32_t *y = room(SHOTS * all->n_labels, sizeof *y);

    for (size_t i = 0; i < all->n; i++) order[i] = i;
    for (int time = 0; time < TIMES; time++) {
        enc_fit f = *all;
        f.x = x, f.label = y, f.n = 0, f.folds = 1, f.l2 = 1.0;
        memset(count, 0, all->n_labels * sizeof *count);
        for (size_t i = all->n - 1; i > 0; i--) {
            size_t k = enc_rng_below(&rng, (uint32_t)i + 1), swap = order[i];
            order[i] = order[k];
            order[k] = swap;
        }
        for (size_t i = 0; i < all->n; i++) {
            uint32_t label = all->label[order[i]];
            if (count[label]++ >= SHOTS) continue;
            memcpy(x + f.n * s->dims, all->x + order[i] * s->dims, s->dims * sizeof *x);
            y[f.n++] = label;
        }
        sum += accuracy(s, &f, test);
    }
    enc_mem_free(count);
    enc_mem_free(order);
    enc_mem_free(x);
    enc_mem_free(y);
    return sum / TIMES;
}

static void run_labels(const setup *s, const char *set, int at)
{
    double start = now();
    names labels = {.n = 0};
    labelled train, test;

    if (!read_labelled(s, set, "train", s->is_quick ? 10 * N_QUICK : 0, &labels, &train))
        return;
    if (!read_labelled(s, set, "test", s->is_quick ? 5 * N_QUICK : 0, &labels, &test))
        return;
    enc_fit f = {.x = train.x,
                 .label = train.y,
                 .n = train.r.n,
                 .dims = s->dims,
                 .n_labels = labels.n,
                 .labels = labels.at,
                 .l2 = -1.0,
                 .seed = SEED};
    report(at, accuracy(s, &f, &test), start);
    start = now();
    if (at == BANKING) report(BANKING_8, few_shots(s, &f, &test), start);
    labelled_free(&train);
    labelled_free(&test);
}

/* ---- BERT's own tasks ---- */

static FILE *open_corpus(const setup *s, const char *name)
{
    char path[4096], command[8300];

    snprintf(path, sizeof path, "%s/%s.txt", s->corpus, name);
    if (access(path, R_OK) == 0) return fopen(path, "r");
    snprintf(path, sizeof path, "%s/%s.txt.xz", s->corpus, name);
    if (access(path, R_OK) != 0 || strchr(path, '\'') != NULL) return NULL;
    snprintf(command, sizeof command, "xz -dc '%s'", path);
    return popen(command, "r");
}

static tasks run_language(const setup *s, const char *name, bool has_next,
                          bool has_masked)
{
    size_t max = s->m->config.max_tokens;
    tasks t = {.m = s->m,
               .has_next = has_next,
               .has_masked = has_masked,
               .n_examples = s->is_quick ? N_QUICK : N_EXAMPLES,
               .n_tokens = max < TOKENS_MAX ? max : TOKENS_MAX,
               .n_documents = s->is_quick ? N_QUICK / 4 : 0,
               .seed = SEED};
    enc_err e;
    FILE *in = open_corpus(s, name);

    if (in == NULL) {
        fprintf(stderr, "%s/%s.txt[.xz]: not there, left out\n", s->corpus, name);
        return t;
    }
    enc_err_clear(&e);
    must(tasks_run(&t, in, &e), name, &e);
    fprintf(stderr, "%s: %zu documents held out, %zu tokens\n", name, t.n_held,
            t.n_held_tokens);
    fclose(in); /* a pipe too: we do not wait for the rest of it */
    return t;
}

static void report_share(int at, size_t right, size_t n, double start)
{
    if (n > 0) report(at, (double)right / (double)n, start);
}

static void run_own_tasks(const setup *s)
{
    const enc_weights *w = &s->m->weights;
    bool has_next = is_wanted(s, "next") && w->next_sentence.w.data && w->pooler.w.data;
    bool has_masked =
        is_wanted(s, "masked") && w->mlm_transform.w.data && w->mlm_decoder.data;
    double start = now();

    if (!has_next && !has_masked) return;
    tasks en = run_language(s, "enwiki", has_next, has_masked);
    tasks ko = run_language(s, "kowiki", has_next, has_masked);
    report_share(NEXT_EN, en.next_right, en.n_next, start);
    report_share(NEXT_KO, ko.next_right, ko.n_next, start);
    report_share(NEXT, en.next_right + ko.next_right, en.n_next + ko.n_next, start);
    report_share(MASKED_EN, en.masked_right, en.n_masked, start);
    report_share(MASKED_KO, ko.masked_right, ko.n_masked, start);
    report_share(MASKED, en.masked_right + ko.masked_right, en.n_masked + ko.n_masked,
                 start);
}

/* ---- all of it ---- */

static void open_model(setup *s, enc_map **map)
{
    enc_files *files;
    enc_err e;
    struct stat st;
    bool is_file = s->model[0] != '\0' && stat(s->model, &st) == 0 && S_ISREG(st.st_mode);

    enc_err_clear(&e);
    if (is_file) must(enc_map_open(map, s->model, SIZE_MAX, &e), s->model, &e);
    if (s->model[0] != '\0' && !is_file)
        must(enc_files_open_directory(&files, s->model, &e), s->model, &e);
    else
        must(enc_files_open_blob(&files, is_file ? enc_map_bytes(*map) : enc_builtin(),
                                 false, &e),
             "model", &e);
    enc_model_options options = {0};
    if (s->precision != NULL &&
        (options.precision = enc_precision_find(s->precision)) == 0)
        die(s->precision, "unknown precision (f32, bf16, int8)");
    must(enc_model_open(&s->m, files, &options, &e), "model", &e);
    must(enc_work_new(&s->work, &e), "model", &e);
    s->dims = enc_config_dims(&s->m->config);
}

static void read_arguments(setup *s, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const struct {
            const char *name, **value;
        } known[] = {{"--model", &s->model},
                     {"--precision", &s->precision},
                     {"--data", &s->data},
                     {"--corpus", &s->corpus},
                     {"--only", &s->only}};
        size_t k = 0;
        if (strcmp(argv[i], "--quick") == 0) {
            s->is_quick = true;
            continue;
        }
        while (k < 5 && strcmp(argv[i], known[k].name) != 0) k++;
        if (k == 5 || i + 1 == argc) die(argv[i], "unknown, or without its value");
        *known[k].value = argv[++i];
    }
}

int main(int argc, char **argv)
{
    static char corpus[4096];
    setup s = {.model = "", .data = "../shared/data"};
    enc_map *map = NULL;

    read_arguments(&s, argc, argv);
    snprintf(corpus, sizeof corpus, "%s/corpus", s.data);
    if (s.corpus == NULL) s.corpus = corpus;
    open_model(&s, &map);
    if (is_wanted(&s, "sts")) run_sts(&s);
    if (is_wanted(&s, "sts-test")) run_sts_test(&s, "stsb-en-test.tsv", STS_EN_TEST);
    if (is_wanted(&s, "sts-test")) run_sts_test(&s, "korsts-test.tsv", STS_KO_TEST);
    if (is_wanted(&s, "xquad")) run_xquad(&s);
    if (is_wanted(&s, "cranfield") && (!s.is_quick || s.only != NULL)) run_cranfield(&s);
    if (is_wanted(&s, "nsmc")) run_labels(&s, "nsmc", NSMC);
    if (is_wanted(&s, "banking77")) run_labels(&s, "banking77", BANKING);
    if (is_wanted(&s, "3i4k")) run_labels(&s, "3i4k", I4K);
    if (is_wanted(&s, "agnews") && (!s.is_quick || s.only != NULL))
        run_labels(&s, "agnews", AGNEWS);
    run_own_tasks(&s);
    print_table(&s);
    enc_model_close(s.m);
    enc_work_free(s.work);
    enc_map_close(map);
    return 0;
}
