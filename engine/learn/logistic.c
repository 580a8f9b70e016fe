/* logistic.c - see logistic.h.
 *
 * Examples lie in blocks of at most ROWS, none across two folds, so leaving a fold out is
 * skipping blocks. Blocks are dealt to a fixed number of parts; each part sums its own
 * gradient, and the sums are added in order: the number of threads changes nothing. */
#include "learn/logistic.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "encode/kern.h"

#define ROWS      512
#define PARTS_MAX 8
#define PART_ROOM                                                                        \
    ((size_t)1 << 23) /* parameters of all parts together, beyond the first */

typedef struct block {
    size_t row, n; /* rows [row, row + n) of x */
    uint32_t fold;
} block;

typedef struct part {
    enc_logistic *of;
    double *sum; /* gradient: n_labels x dims, then n_labels */
    double loss;
    float *score;   /* ROWS x n_labels, then what the loss says of them */
    float *turned;  /* n_labels x ROWS */
    float *product; /* n_labels x dims */
} part;

struct enc_logistic {
    size_t n, dims, n_labels, n_parts, n_blocks;
    const enc_kern *kern;
    float *x;        /* n x dims, by fold, centred */
    float *xt;       /* a block of n rows at row r: dims x n at r * dims */
    uint32_t *label; /* n, as the rows */
    size_t *origin;  /* n: which example the row was */
    double *mean;    /* dims */
    double *weight;  /* n_labels */
    float *w;        /* n_labels x dims, then n_labels: the parameters in f32 */
    block *blocks;
    part parts[PARTS_MAX];
    double l2;
    uint32_t held;
    enc_stop *stop;
    /* what the parts now do */
    uint32_t *prediction; /* NULL: the gradient */
};

/* ---- examples into blocks ---- */

/* n values are done: true if the work is to stop. */
static bool values_done(const enc_logistic *g, size_t n)
{
    return enc_stop_on(g->stop, n / 64 + 1);
}

static void find_mean(enc_logistic *g, const enc_examples *d)
{
    for (size_t i = 0; i < d->n && !values_done(g, d->dims); i++)
        for (size_t k = 0; k < d->dims; k++) g->mean[k] += (double)d->x[i * d->dims + k];
    for (size_t k = 0; k < d->dims; k++) g->mean[k] /= (double)d->n;
}

static void take_row(enc_logistic *g, const enc_examples *d, size_t i, size_t row)
{
    for (size_t k = 0; k < g->dims; k++)
        g->x[row * g->dims + k] = (float)((double)d->x[i * g->dims + k] - g->mean[k]);
    g->label[row] = d->label[i];
    g->origin[row] = i;
}

static void turn_block(const enc_logistic *g, const block *b)
{
    const float *x = g->x + b->row * g->dims;
    float *xt = g->xt + b->row * g->dims;

    for (size_t i = 0; i < b->n; i++)
        for (size_t k = 0; k < g->dims; k++) xt[k * b->n + i] = x[i * g->dims + k];
}

static void fill(enc_logistic *g, const enc_examples *d)
{
    size_t row = 0;

    find_mean(g, d);
    memcpy(g->weight, d->weight, g->n_labels * sizeof *g->weight);
    for (uint32_t fold = 0; fold < d->n_folds; fold++) {
        block *b = NULL;
        for (size_t i = 0; i < d->n; i++) {
            if (d->fold != NULL && d->fold[i] != fold) continue;
            if (b == NULL || b->n == ROWS) {
                b = &g->blocks[g->n_blocks++];
                *b = (block){row, 0, fold};
            }
            take_row(g, d, i, row++);
            b->n++;
            if (values_done(g, d->dims)) return;
        }
    }
    for (size_t i = 0; i < g->n_blocks; i++) {
        turn_block(g, &g->blocks[i]);
        if (values_done(g, g->blocks[i].n * g->dims)) return;
    }
}

/* ---- memory ---- */

static bool part_room(enc_logistic *g, part *p)
{
    size_t scores, weights;

    if (!enc_mem_mul(ROWS, g->n_labels, &scores)) return false;
    weights = g->n_labels * g->dims; /* fits: w was had */
    p->of = g;
    p->sum = enc_mem_array(weights + g->n_labels, sizeof *p->sum);
    p->score = enc_mem_array(scores, sizeof *p->score);
    p->turned = enc_mem_array(scores, sizeof *p->turned);
    p->product = enc_mem_array(weights, sizeof *p->product);
    return p->sum && p->score && p->turned && p->product;
}

static bool room(enc_logistic *g, const enc_examples *d)
{
    size_t values, weights, most;

    if (!enc_mem_mul(d->n, d->dims, &values)) return false;
    if (!enc_mem_mul(d->n_labels, d->dims, &weights)) return false;
    if (!enc_mem_add(weights, d->n_labels, &most)) return false;
    g->x = enc_mem_array(values, sizeof *g->x);
    g->xt = enc_mem_array(values, sizeof *g->xt);
    g->label = enc_mem_array(d->n, sizeof *g->label);
    g->origin = enc_mem_array(d->n, sizeof *g->origin);
    g->mean = enc_mem_zero_array(d->dims, sizeof *g->mean);
    g->weight = enc_mem_array(d->n_labels, sizeof *g->weight);
    g->w = enc_mem_array(most, sizeof *g->w);
    g->blocks = enc_mem_array(d->n / ROWS + d->n_folds, sizeof *g->blocks);
    if (!g->x || !g->xt || !g->label || !g->origin || !g->mean || !g->weight || !g->w ||
        !g->blocks)
        return false;
    g->n_parts = PART_ROOM / most + 1;
    if (g->n_parts > PARTS_MAX) g->n_parts = PARTS_MAX;
    for (size_t i = 0; i < g->n_parts; i++)
        if (!part_room(g, &g->parts[i])) return false;
    return true;
}

enc_rc enc_logistic_new(enc_logistic **out, const enc_examples *d, enc_err *e)
{
    enc_logistic *g = enc_mem_zero(sizeof *g);

    *out = NULL;
    if (g == NULL) return enc_nomem(e);
    g->n = d->n;
    g->dims = d->dims;
    g->n_labels = d->n_labels;
    g->kern = enc_kern_pick();
    g->stop = d->stop;
    if (!room(g, d)) {
        enc_logistic_free(g);
        return enc_nomem(e);
    }
    fill(g, d);
    enc_logistic_aim(g, 0.0, ENC_NO_FOLD);
    *out = g;
    return enc_stop_rc(g->stop, e);
}

void enc_logistic_free(enc_logistic *g)
{
    if (g == NULL) return;
    for (size_t i = 0; i < PARTS_MAX; i++) {
        enc_mem_free(g->parts[i].sum);
        enc_mem_free(g->parts[i].score);
        enc_mem_free(g->parts[i].turned);
        enc_mem_free(g->parts[i].product);
    }
    enc_mem_free(g->x);
    enc_mem_free(g->xt);
    enc_mem_free(g->label);
    enc_mem_free(g->origin);
    enc_mem_free(g->mean);
    enc_mem_free(g->weight);
    enc_mem_free(g->w);
    enc_mem_free(g->blocks);
    enc_mem_free(g);
}

size_t enc_logistic_size(const enc_logistic *g)
{
    return g->n_labels * (g->dims + 1);
}

void enc_logistic_aim(enc_logistic *g, double l2, uint32_t held)
{
    g->l2 = l2;
    g->held = held;
}

/* ---- loss ---- */

static enc_mat matrix(const float *data, size_t rows, size_t cols)
{
    return (enc_mat){.data = data, .dtype = ENC_F32, .rows = rows, .cols = cols};
}

/* score = x W^T + b for the rows of a block. */
static void find_scores(const enc_logistic *g, const block *b, float *score)
{
    enc_mat w = matrix(g->w, g->n_labels, g->dims);
    enc_product p = {.x = g->x + b->row * g->dims,
                     .x_stride = g->dims,
                     .w = &w,
                     .b = g->w + g->n_labels * g->dims,
                     .y = score,
                     .y_stride = g->n_labels,
                     .act = ENC_ACT_NONE};
    g->kern->product(&p, 0, b->n, 0, g->n_labels);
}

/* One row of scores -> its loss, and in place the loss's gradient by the scores. */
static double row_loss(float *z, size_t n, size_t label, double weight)
{
    float top = z[0], own;
    double sum = 0.0;

    for (size_t i = 1; i < n; i++) top = z[i] > top ? z[i] : top;
    own = z[label] - top;
    for (size_t i = 0; i < n; i++) {
        z[i] = expf(z[i] - top);
        sum += (double)z[i];
    }
    float scale = (float)(weight / sum);
    for (size_t i = 0; i < n; i++) z[i] *= scale;
    z[label] -= (float)weight;
    return weight * (log(sum) - (double)own);
}

/* Adds the gradient of one block: R^T X into the weights, the sums of R into the biases.
 */
static void add_block(part *p, const block *b)
{
    const enc_logistic *g = p->of;
    size_t n_weights = g->n_labels * g->dims;
    double *bias = p->sum + n_weights;

    find_scores(g, b, p->score);
    for (size_t i = 0; i < b->n; i++) {
        float *z = p->score + i * g->n_labels;
        uint32_t label = g->label[b->row + i];
        p->loss += row_loss(z, g->n_labels, label, g->weight[label]);
        for (size_t k = 0; k < g->n_labels; k++) {
            bias[k] += (double)z[k];
            p->turned[k * b->n + i] = z[k];
        }
    }
    enc_mat xt = matrix(g->xt + b->row * g->dims, g->dims, b->n);
    enc_product m = {.x = p->turned,
                     .x_stride = b->n,
                     .w = &xt,
                     .y = p->product,
                     .y_stride = g->dims,
                     .act = ENC_ACT_NONE};
    g->kern->product(&m, 0, g->n_labels, 0, g->dims);
    for (size_t i = 0; i < n_weights; i++) p->sum[i] += (double)p->product[i];
}

static void predict_block(part *p, const block *b)
{
    const enc_logistic *g = p->of;

    find_scores(g, b, p->score);
    for (size_t i = 0; i < b->n; i++) {
        const float *z = p->score + i * g->n_labels;
        uint32_t best = 0;
        for (uint32_t k = 1; k < g->n_labels; k++)
            if (z[k] > z[best]) best = k;
        g->prediction[g->origin[b->row + i]] = best;
    }
}

static void run_part(void *arg, size_t i)
{
    enc_logistic *g = arg;
    part *p = &g->parts[i];

    p->loss = 0.0;
    memset(p->sum, 0, enc_logistic_size(g) * sizeof *p->sum);
    for (size_t k = i; k < g->n_blocks; k += g->n_parts) {
        const block *b = &g->blocks[k];
        /* Some 30 products in a nanosecond, and two matrices of them. */
        if (values_done(g, b->n * g->n_labels * g->dims / 32)) return;
        if (g->prediction != NULL && b->fold == g->held) predict_block(p, b);
        if (g->prediction == NULL && b->fold != g->held) add_block(p, b);
    }
}

static void to_f32(enc_logistic *g, const double *p)
{
    for (size_t i = 0; i < enc_logistic_size(g); i++) g->w[i] = (float)p[i];
}

double enc_logistic_value(void *arg, const double *p, double *gradient)
{
    enc_logistic *g = arg;
    size_t n = 0, n_weights = g->n_labels * g->dims;
    double loss = 0.0, square = 0.0;

    for (size_t k = 0; k < g->n_blocks; k++)
        if (g->blocks[k].fold != g->held) n += g->blocks[k].n;
    to_f32(g, p);
    g->prediction = NULL;
    enc_threads_run_asking(g->n_parts, run_part, g, g->stop);
    memset(gradient, 0, enc_logistic_size(g) * sizeof *gradient);
    for (size_t i = 0; i < g->n_parts; i++) {
        loss += g->parts[i].loss;
        for (size_t k = 0; k < enc_logistic_size(g); k++)
            gradient[k] += g->parts[i].sum[k];
    }
    for (size_t k = 0; k < n_weights; k++) {
        gradient[k] += g->l2 * p[k];
        square += p[k] * p[k];
    }
    for (size_t k = 0; k < enc_logistic_size(g); k++) gradient[k] /= (double)n;
    return (loss + 0.5 * g->l2 * square) / (double)n;
}

void enc_logistic_predict(enc_logistic *g, const double *p, uint32_t fold, uint32_t *out)
{
    uint32_t held = g->held;

    to_f32(g, p);
    g->held = fold;
    g->prediction = out;
    enc_threads_run_asking(g->n_parts, run_part, g, g->stop);
    g->held = held;
    g->prediction = NULL;
}

void enc_logistic_uncentre(const enc_logistic *g, double *p)
{
    double *b = p + g->n_labels * g->dims;

    for (size_t i = 0; i < g->n_labels; i++)
        for (size_t k = 0; k < g->dims; k++) b[i] -= p[i * g->dims + k] * g->mean[k];
}
