/* classifier.c - see classifier.h: folds, the choice of l2, and the bytes of a head.
 *
 * The grid of l2 is relative to the mean square length of the vectors about their mean,
 * and goes from strong to weak, every fit starting where the one before it ended: the
 * strong ones take a few steps, and each is near the next. The weights of a class stand
 * to each other as before, whatever the scale of the vectors. What wins is the number of
 * examples predicted right when they were held out, each counted by its class weight; of
 * equals the stronger l2. Two values in a row that are worse end the search.
 *
 * Folds are stratified: the examples of each class, shuffled, are dealt out in turn, and
 * the next class goes on where the last one stopped, so folds differ by one at most. */
#include "learn/classifier.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/rng.h"
#include "encode/head.h"
#include "learn/lbfgs.h"
#include "learn/logistic.h"

#define MAGIC     "ENCH"
#define VERSION   1
#define FOLDS     5
#define STEPS_MAX 1000
#define ROUGH     1e-2 /* of the gradient at zero: where a fit on folds may stop */
#define FINE      1e-6 /* and the last one */
#define WORSE_MAX 2

static const double grid[] = {100.0, 10.0, 1.0, 0.1, 0.01, 0.001, 0.0001};
#define N_GRID (sizeof grid / sizeof *grid)

/* ---- what is asked ---- */

static enc_rc check_counts(const enc_fit *f, enc_err *e)
{
    if (f->n < 2 || f->n > UINT32_MAX)
        return enc_fail(e, ENC_RANGE, "%zu examples, expected 2 to %u", f->n, UINT32_MAX);
    if (f->n_labels < 2 || f->n_labels > ENC_LABELS_MAX)
        return enc_fail(e, ENC_RANGE, "%zu labels, expected 2 to %u", f->n_labels,
                        ENC_LABELS_MAX);
    if (f->dims < 1 || f->dims > ENC_DIMS_MAX)
        return enc_fail(e, ENC_RANGE, "vectors of %zu values, expected 1 to %u", f->dims,
                        ENC_DIMS_MAX);
    if (f->folds > ENC_FOLDS_MAX || f->folds > f->n)
        return enc_fail(e, ENC_RANGE, "%u folds for %zu examples, at most %zu", f->folds,
                        f->n, f->n < ENC_FOLDS_MAX ? f->n : (size_t)ENC_FOLDS_MAX);
    if (f->folds == 1 && f->l2 < 0.0)
        return enc_fail(e, ENC_MISUSE,
                        "choosing l2 needs at least 2 folds, not 1: state l2 or folds");
    if (!isfinite(f->l2)) return enc_fail(e, ENC_RANGE, "l2 is not a finite number");
    return ENC_OK;
}

static enc_rc check_fit(const enc_fit *f, enc_stop *stop, enc_err *e)
{
    bool is_one = true;
    enc_rc rc = check_counts(f, e);

    if (rc) return rc;
    for (size_t i = 0; i < f->n; i++) {
        if (f->label[i] >= f->n_labels)
            return enc_fail(e, ENC_RANGE, "example %zu has label %u of %zu", i,
                            f->label[i], f->n_labels);
        is_one = is_one && f->label[i] == f->label[0];
        for (size_t k = 0; k < f->dims; k++)
            if (!isfinite(f->x[i * f->dims + k]))
                return enc_fail(e, ENC_RANGE, "value %zu of example %zu is not finite", k,
                                i);
        if (enc_stop_on(stop, f->dims / 64 + 1)) return enc_stop_rc(stop, e);
    }
    if (is_one)
        return enc_fail(e, ENC_RANGE,
                        "all %zu examples have one label, expected at least 2", f->n);
    for (size_t i = 0; i < f->n_labels; i++)
        if (f->labels[i].n > UINT16_MAX)
            return enc_fail(e, ENC_RANGE, "label %zu has %zu bytes, at most %u", i,
                            f->labels[i].n, UINT16_MAX);
    return ENC_OK;
}

/* ---- fitting ---- */

typedef struct fitter {
    const enc_fit *fit;
    enc_stop stop;
    enc_logistic *g;
    uint32_t n_folds;
    size_t size;      /* parameters */
    double scale;     /* mean square length about the mean */
    double slope;     /* length of the gradient at zero */
    double *weight;   /* n_labels */
    uint32_t *fold;   /* n */
    uint32_t *guess;  /* n: labels predicted when held out, by the l2 at hand */
    uint32_t *chosen; /* n: and by the best so far */
    double *p;        /* n_folds x size: where each fold's fit stands */
    double *answer;   /* size: fold 0's fit by the best l2 so far; then the last fit */
} fitter;

static void fitter_clear(fitter *t)
{
    enc_logistic_free(t->g);
    enc_mem_free(t->weight);
    enc_mem_free(t->fold);
    enc_mem_free(t->guess);
    enc_mem_free(t->chosen);
    enc_mem_free(t->p);
    enc_mem_free(t->answer);
}

/* Class weights, and how many folds; needs `count`, n_labels zeros. */
static void weigh_classes(fitter *t, uint32_t *count)
{
    const enc_fit *f = t->fit;
    uint32_t least = FOLDS;

    for (size_t i = 0; i < f->n; i++) count[f->label[i]]++;
    for (size_t k = 0; k < f->n_labels; k++) {
        if (count[k] > 0 && count[k] < least) least = count[k];
        t->weight[k] = f->balanced && count[k] > 0
                           ? (double)f->n / ((double)f->n_labels * (double)count[k])
                           : 1.0;
    }
    t->n_folds = f->folds != 0 ? f->folds : least < 2 ? 2 : least;
}

/* Deals the examples out; `next` is n_labels counts, then where each class goes on. */
static void deal_folds(fitter *t, uint32_t *next, uint32_t *order)
{
    const enc_fit *f = t->fit;
    enc_rng rng = {f->seed};
    uint32_t start = 0;

    for (size_t k = 0; k < f->n_labels; k++) {
        uint32_t count = next[k];
        next[k] = start;
        start += count;
    }
    for (size_t i = 0; i < f->n; i++) order[i] = (uint32_t)i;
    for (uint32_t i = (uint32_t)f->n - 1; i > 0; i--) {
        uint32_t k = enc_rng_below(&rng, i + 1), swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
    for (size_t i = 0; i < f->n; i++)
        t->fold[order[i]] = next[f->label[order[i]]]++ % t->n_folds;
}

static double mean_square(const enc_fit *f, enc_stop *stop, double *mean)
{
    double sum = 0.0;

    for (size_t i = 0; i < f->n && !enc_stop_on(stop, f->dims / 64 + 1); i++)
        for (size_t k = 0; k < f->dims; k++)
            mean[k] += (double)f->x[i * f->dims + k] / (double)f->n;
    for (size_t i = 0; i < f->n && !enc_stop_on(stop, f->dims / 64 + 1); i++)
        for (size_t k = 0; k < f->dims; k++) {
            double d = (double)f->x[i * f->dims + k] - mean[k];
            sum += d * d / (double)f->n;
        }
    return sum;
}

static enc_rc prepare(fitter *t, enc_err *e)
{
    const enc_fit *f = t->fit;
    enc_rc rc = ENC_NOMEM;
    uint32_t *count = enc_mem_zero_array(f->n_labels, sizeof *count);
    double *mean = enc_mem_zero_array(f->dims, sizeof *mean);

    t->weight = enc_mem_array(f->n_labels, sizeof *t->weight);
    t->fold = enc_mem_array(f->n, sizeof *t->fold);
    t->guess = enc_mem_array(f->n, sizeof *t->guess);
    t->chosen = enc_mem_zero_array(f->n, sizeof *t->chosen);
    if (!count || !mean || !t->weight || !t->fold || !t->guess || !t->chosen) goto done;
    weigh_classes(t, count);
    deal_folds(t, count, t->guess); /* guess: scratch as yet */
    t->scale = mean_square(f, &t->stop, mean);
    if (!(t->scale > 0.0)) t->scale = 1.0; /* all vectors are one: any l2 will do */
    enc_examples d = {f->x,    f->label,    t->fold,    t->weight, f->n,
                      f->dims, f->n_labels, t->n_folds, &t->stop};
    if ((rc = enc_logistic_new(&t->g, &d, e))) goto done;
    t->size = enc_logistic_size(t->g);
    t->answer = enc_mem_zero_array(t->size, sizeof *t->answer);
    rc = ENC_NOMEM;
    size_t all;
    if (t->answer == NULL || !enc_mem_mul(t->n_folds, t->size, &all)) goto done;
    t->p = enc_mem_zero_array(all, sizeof *t->p);
    if (t->p == NULL) goto done;
    double square = 0.0; /* the length of the gradient at zero, in p as it is zero */
    enc_logistic_value(t->g, t->answer, t->p);
    for (size_t i = 0; i < t->size; i++) square += t->p[i] * t->p[i];
    memset(t->p, 0, t->size * sizeof *t->p);
    t->slope = sqrt(square);
    rc = ENC_OK;
done:
    enc_mem_free(count);
    enc_mem_free(mean);
    return rc == ENC_NOMEM ? enc_nomem(e) : rc;
}

/* A value has been found, by asking now and then. */
static bool is_over(void *stop)
{
    return enc_stop_on(stop, 1);
}

static enc_rc fit_one(fitter *t, double l2, uint32_t held, double tolerance, double *p,
                      enc_err *e)
{
    enc_lbfgs o = {.n = t->size,
                   .value = enc_logistic_value,
                   .arg = t->g,
                   .noise = 1e-7, /* scores are f32 */
                   .gradient_min = tolerance * t->slope,
                   .gain_min = tolerance * 1e-3,
                   .steps_max = STEPS_MAX,
                   .tick = is_over,
                   .tick_arg = &t->stop};

    enc_logistic_aim(t->g, l2, held);
    return enc_lbfgs_run(&o, p, e);
}

/* Every example predicted by the fit that did not see it; *right: the weight of those
 * predicted right. */
static enc_rc validate(fitter *t, double l2, double *right, enc_err *e)
{
    const enc_fit *f = t->fit;

    for (uint32_t k = 0; k < t->n_folds; k++) {
        double *p = t->p + k * t->size;
        enc_rc rc = fit_one(t, l2, k, ROUGH, p, e);
        if (rc) return rc;
        enc_logistic_predict(t->g, p, k, t->guess);
    }
    *right = 0.0;
    for (size_t i = 0; i < f->n; i++)
        if (t->guess[i] == f->label[i]) *right += t->weight[f->label[i]];
    return ENC_OK;
}

static enc_rc choose(fitter *t, double *l2, enc_err *e)
{
    const enc_fit *f = t->fit;
    size_t n_worse = 0;
    double best = -1.0;

    for (size_t i = 0; i < N_GRID && n_worse < WORSE_MAX; i++) {
        double right, tried = f->l2 < 0.0 ? grid[i] * t->scale : f->l2;
        enc_rc rc = validate(t, tried, &right, e);
        if (rc) return rc;
        if (right > best) {
            best = right;
            *l2 = tried;
            n_worse = 0;
            memcpy(t->chosen, t->guess, f->n * sizeof *t->chosen);
            memcpy(t->answer, t->p, t->size * sizeof *t->answer);
        } else if (right < best) {
            n_worse++;
        }
        if (f->l2 >= 0.0) break;
    }
    return ENC_OK;
}

/* ---- bytes ---- */

static void write_f64(enc_wr *w, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    enc_wr_u64(w, bits);
}

static double read_f64(enc_rd *r)
{
    double v;
    uint64_t bits = enc_rd_u64(r);
    memcpy(&v, &bits, sizeof v);
    return v;
}

static enc_rc write_head(const fitter *t, double l2, enc_wr *out, enc_err *e)
{
    const enc_fit *f = t->fit;
    size_t n_right = 0, cells;
    bool is_measured = t->n_folds > 1;
    uint32_t *confusion;

    if (!enc_mem_mul(f->n_labels, f->n_labels, &cells)) return enc_nomem(e);
    confusion = enc_mem_zero_array(cells, sizeof *confusion);
    if (confusion == NULL) return enc_nomem(e);
    for (size_t i = 0; i < f->n && is_measured; i++) {
        confusion[f->label[i] * f->n_labels + t->chosen[i]]++;
        n_right += t->chosen[i] == f->label[i];
    }
    enc_wr_text(out, MAGIC);
    enc_wr_u16(out, VERSION);
    enc_wr_u16(out, ENC_SINGLE_LABEL);
    enc_wr_u32(out, (uint32_t)f->n_labels);
    enc_wr_u32(out, (uint32_t)f->dims);
    write_f64(out, l2);
    write_f64(out, is_measured ? (double)n_right / (double)f->n : -1.0);
    enc_wr_u32(out, (uint32_t)f->n);
    enc_wr_u32(out, t->n_folds);
    enc_wr_bytes(out, f->fingerprint, sizeof f->fingerprint);
    for (size_t i = 0; i < f->n_labels; i++) {
        enc_wr_u16(out, (uint16_t)f->labels[i].n);
        enc_wr_bytes(out, f->labels[i].at, f->labels[i].n);
    }
    for (size_t i = 0; i < cells; i++) enc_wr_u32(out, confusion[i]);
    for (size_t i = 0; i < t->size; i++) enc_wr_f32(out, (float)t->answer[i]);
    enc_mem_free(confusion);
    return out->failed ? enc_nomem(e) : ENC_OK;
}

enc_rc enc_classifier_fit(const enc_fit *fit, enc_wr *out, enc_err *e)
{
    fitter t = {.fit = fit};
    double l2 = fit->l2;
    enc_rc rc;

    enc_stop_init(&t.stop, fit->tick, fit->tick_arg);
    enc_stop_now(&t.stop); /* nothing begins too late */
    if ((rc = enc_stop_rc(&t.stop, e))) return rc;
    if ((rc = check_fit(fit, &t.stop, e))) return rc;
    if ((rc = prepare(&t, e))) goto done;
    if (t.n_folds > 1 && (rc = choose(&t, &l2, e))) goto done;
    if ((rc = fit_one(&t, l2, ENC_NO_FOLD, FINE, t.answer, e))) goto done;
    enc_logistic_uncentre(t.g, t.answer);
    rc = write_head(&t, l2, out, e);
done:
    fitter_clear(&t);
    return rc;
}

static float f32_at(const uint8_t *p)
{
    float v;
    uint32_t bits = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                    (uint32_t)p[3] << 24;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static enc_rc check_numbers(const enc_classifier *c, enc_err *e)
{
    size_t n = (size_t)c->n_labels * c->dims;

    if (!(c->l2 >= 0.0) || !isfinite(c->l2) ||
        !(c->accuracy >= -1.0 && c->accuracy <= 1.0))
        return enc_fail(e, ENC_CORRUPT, "head says l2 %g and accuracy %g", c->l2,
                        c->accuracy);
    for (size_t i = 0; i < n + c->n_labels; i++) /* b follows w */
        if (!isfinite(f32_at(c->w + 4 * i)))
            return enc_fail(e, ENC_CORRUPT, "weight %zu of a head is not finite", i);
    return ENC_OK;
}

enc_rc enc_classifier_read(enc_classifier *c, enc_bytes blob, enc_err *e)
{
    enc_rd r = enc_rd_of(blob.at, blob.n);
    const uint8_t *magic = enc_rd_span(&r, 4, 1), *fingerprint;
    unsigned version, problem;

    memset(c, 0, sizeof *c);
    if (magic == NULL || memcmp(magic, MAGIC, 4) != 0)
        return enc_fail(e, ENC_CORRUPT,
                        "%zu bytes that are not a head: no \"%s\" in front", blob.n,
                        MAGIC);
    version = enc_rd_u16(&r);
    problem = enc_rd_u16(&r);
    if (enc_rd_ok(&r) && (version != VERSION || problem != ENC_SINGLE_LABEL))
        return enc_fail(e, ENC_UNSUPPORTED,
                        "head of version %u, problem %u, expected %u, %u", version,
                        problem, VERSION, ENC_SINGLE_LABEL);
    c->n_labels = enc_rd_u32(&r);
    c->dims = enc_rd_u32(&r);
    if (enc_rd_ok(&r) && (c->n_labels < 2 || c->n_labels > ENC_LABELS_MAX ||
                          c->dims < 1 || c->dims > ENC_DIMS_MAX))
        return enc_fail(e, ENC_CORRUPT,
                        "head of %u labels and %u values, at most %u and %u", c->n_labels,
                        c->dims, ENC_LABELS_MAX, ENC_DIMS_MAX);
    c->l2 = read_f64(&r);
    c->accuracy = read_f64(&r);
    c->n_examples = enc_rd_u32(&r);
    c->n_folds = enc_rd_u32(&r);
    if ((fingerprint = enc_rd_span(&r, 16, 1)) != NULL)
        memcpy(c->fingerprint, fingerprint, 16);
    c->names = r.at;
    for (uint32_t i = 0; i < c->n_labels && enc_rd_ok(&r); i++)
        enc_rd_span(&r, enc_rd_u16(&r), 1);
    c->confusion = enc_rd_span(&r, (size_t)c->n_labels * c->n_labels, 4);
    c->w = enc_rd_span(&r, (size_t)c->n_labels * c->dims, 4);
    c->b = enc_rd_span(&r, c->n_labels, 4);
    if (!enc_rd_end(&r))
        return enc_fail(e, ENC_CORRUPT, "head of %zu bytes is cut or too long", blob.n);
    return check_numbers(c, e);
}

enc_bytes enc_classifier_label(const enc_classifier *c, size_t i)
{
    const uint8_t *at = c->names;
    enc_bytes name = {NULL, 0};

    for (size_t k = 0; k <= i && k < c->n_labels; k++) {
        name = (enc_bytes){at + 2, (size_t)at[0] | (size_t)at[1] << 8};
        at += 2 + name.n;
    }
    return name;
}

/* b[i] + w[i] . x, which may be more than a float32 can be. */
static double logit_of(const enc_classifier *c, const float *x, size_t i)
{
    const uint8_t *w = c->w + 4 * i * c->dims;
    double sum = (double)f32_at(c->b + 4 * i);

    for (size_t k = 0; k < c->dims; k++) sum += (double)f32_at(w + 4 * k) * (double)x[k];
    return sum;
}

void enc_classifier_scores(const enc_classifier *c, const float *x, float *scores)
{
    double best = -(double)INFINITY;
    bool fits = true;

    for (size_t i = 0; i < c->n_labels; i++) {
        double logit = logit_of(c, x, i);
        if (logit > best) best = logit;
        fits = fits && fabs(logit) <= (double)FLT_MAX;
        scores[i] = fits ? (float)logit : 0.0f;
    }
    /* Only their differences matter; the best is 0. */
    for (size_t i = 0; !fits && i < c->n_labels; i++)
        scores[i] = (float)fmax(logit_of(c, x, i) - best, -(double)FLT_MAX);
    enc_softmax(scores, c->n_labels);
}
