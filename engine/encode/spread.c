/* spread.c - see spread.h. */
#include "encode/spread.h"

#include "base/threads.h"

#define ROWS_NEAR  48   /* rows of x and y that stay in L2 while the weights pass by */
#define COLS_STEP  64   /* columns are cut at multiples of this */
#define FLOP_PART  8e6  /* a part takes 50 microseconds or more: a wake-up is 5 to 50 */
#define PARTS_EACH 4    /* for a thread, so that none waits long for the last one */
#define NORM_COST  16.0 /* layer norm: operations for a value, about */

size_t enc_spread_parts(size_t n, double flop)
{
    double most = flop / FLOP_PART;
    if (n < 2 || most < 2.0) return 1;
    size_t n_threads = enc_threads_count();
    if (n_threads < 2) return 1;
    size_t parts = n_threads * PARTS_EACH;
    if ((double)parts > most) parts = (size_t)most;
    return parts < n ? parts : n;
}

typedef struct products {
    const enc_kern *kern;
    const enc_product *p;
    size_t n, T;
    size_t n_row_blocks, n_col_blocks;
} products;

/* Part i is one block of rows, of columns, of one product: in this order from the
 * fastest, so that threads working side by side read the same weights. */
static void run_product(void *arg, size_t i)
{
    const products *j = arg;
    const enc_product *p = &j->p[i / j->n_row_blocks / j->n_col_blocks];
    size_t row = i % j->n_row_blocks, col = i / j->n_row_blocks % j->n_col_blocks;
    size_t n_steps = (p->w->rows + COLS_STEP - 1) / COLS_STEP;
    size_t col0 = n_steps * col / j->n_col_blocks * COLS_STEP;
    size_t col1 = n_steps * (col + 1) / j->n_col_blocks * COLS_STEP;
    if (col1 > p->w->rows) col1 = p->w->rows;
    if (col0 >= col1) return;
    j->kern->product(p, j->T * row / j->n_row_blocks, j->T * (row + 1) / j->n_row_blocks,
                     col0, col1);
}

void enc_spread_products(const enc_kern *k, const enc_product *p, size_t n, size_t T)
{
    products j = {k, p, n, T, (T + ROWS_NEAR - 1) / ROWS_NEAR, 1};
    double flop = 0.0;
    if (T == 0) return;
    for (size_t i = 0; i < n; i++)
        flop += 2.0 * (double)T * (double)p[i].w->rows * (double)p[i].w->cols;
    size_t n_parts = enc_spread_parts((size_t)-1, flop), n_blocks = n * j.n_row_blocks;
    if (n_parts > n_blocks) j.n_col_blocks = (n_parts + n_blocks - 1) / n_blocks;
    if (n_parts > 1) {
        enc_threads_run(n_blocks * j.n_col_blocks, run_product, &j);
        return;
    }
    for (size_t i = 0; i < n_blocks; i++) run_product(&j, i);
}

typedef struct norms {
    const enc_kern *kern;
    const enc_layernorm *norm;
    float *y;
    float eps;
    size_t T, D, n_parts;
} norms;

static void run_norm(void *arg, size_t i)
{
    const norms *j = arg;
    size_t row0 = j->T * i / j->n_parts, row1 = j->T * (i + 1) / j->n_parts;
    float *y = j->y + row0 * j->D;
    j->kern->layernorm(y, y, j->norm, j->eps, row1 - row0, j->D);
}

void enc_spread_norm(const enc_kern *k, float *y, const enc_layernorm *norm, float eps,
                     size_t T, size_t D)
{
    norms j = {k, norm, y, eps, T, D, 1};
    if (T == 0) return;
    j.n_parts = enc_spread_parts(T, NORM_COST * (double)T * (double)D);
    enc_threads_run(j.n_parts, run_norm, &j);
}
