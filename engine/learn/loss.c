/* loss.c - see loss.h. */
#include "learn/loss.h"

#include <math.h>
#include <string.h>

#include "learn/gemm.h"

/* Masked words at a time: their logits, CHUNK x V, are the widest thing. Each time costs
 * a pass over the word table and its gradient, so one should do for a group of texts. */
#define CHUNK 512

struct enc_loss {
    const enc_params *p;
    const enc_elem *elem;
    bool bf16;
    enc_stop *stop; /* NULL: nobody says so */
    enc_gemm_room room;
    float *block;
    size_t n_floats;
};

enc_rc enc_loss_new(enc_loss **out, const enc_params *p, const enc_elem *elem, bool bf16,
                    enc_err *e)
{
    enc_loss *l = enc_mem_zero(sizeof *l);
    *out = l;
    if (l == NULL) return enc_nomem(e);
    l->p = p;
    l->elem = elem;
    l->bf16 = bf16;
    return enc_gemm_room_init(&l->room, e);
}

void enc_loss_heed(enc_loss *l, enc_stop *stop)
{
    l->stop = stop;
}

void enc_loss_free(enc_loss *l)
{
    if (l == NULL) return;
    enc_mem_free(l->block);
    enc_gemm_room_clear(&l->room);
    enc_mem_free(l);
}

static float *room(enc_loss *l, size_t n)
{
    if (n > l->n_floats) {
        enc_mem_free(l->block);
        l->n_floats = 0;
        l->block = enc_mem_array(n, sizeof *l->block);
        if (l->block != NULL) l->n_floats = n;
    }
    return l->block;
}

/* y = x W^T, x n x K. True, as below: told to stop. */
static bool forward(enc_loss *l, float *y, const float *x, const enc_mat *w, size_t n)
{
    const enc_gemm g = {.room = &l->room,
                        .bf16 = l->bf16,
                        .a = x,
                        .b = w->data,
                        .c = y,
                        .m = n,
                        .n = w->rows,
                        .k = w->cols,
                        .lda = w->cols,
                        .ldb = w->cols,
                        .ldc = w->rows,
                        .b_trans = true};
    return enc_gemm_run_asking(&g, l->stop);
}

/* dx = dy W; dW += dy^T x. */
static bool backward(enc_loss *l, const enc_mat *w, const float *dy, const float *x,
                     float *dx, size_t n, float *grad)
{
    const enc_gemm to_x = {.room = &l->room,
                           .bf16 = l->bf16,
                           .a = dy,
                           .b = w->data,
                           .c = dx,
                           .m = n,
                           .n = w->cols,
                           .k = w->rows,
                           .lda = w->rows,
                           .ldb = w->cols,
                           .ldc = w->cols};
    const enc_gemm to_w = {.room = &l->room,
                           .bf16 = l->bf16,
                           .a = dy,
                           .b = x,
                           .c = enc_params_in(l->p, grad, w->data),
                           .m = w->rows,
                           .n = w->cols,
                           .k = n,
                           .lda = w->rows,
                           .ldb = w->cols,
                           .ldc = w->cols,
                           .a_trans = true,
                           .keep = 1.0f};
    return enc_gemm_run_asking(&to_x, l->stop) || enc_gemm_run_asking(&to_w, l->stop);
}

typedef struct masked { /* scratch of enc_loss_masked, CHUNK rows each */
    float *h, *u, *g, *xhat, *y, *d, *rstd, *logits;
} masked;

static bool masked_chunk(enc_loss *l, const masked *m, const int32_t *label, size_t n,
                         float weight, float *grad, enc_loss_sum *sum)
{
    const enc_params *p = l->p;
    const enc_weights *w = &p->w;
    size_t D = p->config.hidden, V = p->config.n_vocab;
    if (forward(l, m->u, m->h, &w->mlm_transform.w, n)) return true;
    l->elem->gelu(m->g, m->u, w->mlm_transform.b, n, D);
    l->elem->norm(m->y, m->xhat, m->rstd, m->g, NULL, NULL, w->mlm_norm.gain,
                  w->mlm_norm.bias, p->config.norm_eps, n, D);
    if (forward(l, m->logits, m->y, &w->word, n)) return true;
    l->elem->add_rows(m->logits, w->mlm_bias, n, V);
    for (size_t i = 0; i < n; i++) {
        int is_top;
        sum->loss += (double)l->elem->cross_entropy(m->logits + i * V, V,
                                                    (size_t)label[i], weight, &is_top);
        sum->n_right += (size_t)is_top;
    }
    sum->n += n;

    l->elem->sum_rows(enc_params_in(p, grad, w->mlm_bias), m->logits, V, n, V);
    if (backward(l, &w->word, m->logits, m->y, m->d, n, grad)) return true;
    l->elem->norm_back(m->d, m->d, m->xhat, m->rstd, w->mlm_norm.gain,
                       enc_params_in(p, grad, w->mlm_norm.gain),
                       enc_params_in(p, grad, w->mlm_norm.bias), n, D);
    l->elem->gelu_back(m->d, m->u, n * D);
    l->elem->sum_rows(enc_params_in(p, grad, w->mlm_transform.b), m->d, D, n, D);
    return backward(l, &w->mlm_transform.w, m->d, m->h, m->g, n, grad);
}

enc_rc enc_loss_masked(enc_loss *l, enc_pass *s, const uint32_t *at, const int32_t *label,
                       size_t n, float weight, float *grad, enc_loss_sum *sum, enc_err *e)
{
    size_t D = l->p->config.hidden, V = l->p->config.n_vocab, part = CHUNK * D;
    float *f = room(l, 6 * part + CHUNK + CHUNK * V);
    if (f == NULL) return enc_nomem(e);
    const masked m = {f,
                      f + part,
                      f + 2 * part,
                      f + 3 * part,
                      f + 4 * part,
                      f + 5 * part,
                      f + 6 * part,
                      f + 6 * part + CHUNK};
    const float *hidden = enc_pass_hidden(s);
    float *by_hidden = enc_pass_by_hidden(s);
    for (size_t from = 0; from < n; from += CHUNK) {
        size_t k = n - from < CHUNK ? n - from : CHUNK;
        for (size_t i = 0; i < k; i++)
            memcpy(m.h + i * D, hidden + at[from + i] * D, D * sizeof *hidden);
        if (masked_chunk(l, &m, label + from, k, weight, grad, sum))
            return enc_stop_rc(l->stop, e);
        for (size_t i = 0; i < k; i++)
            l->elem->add(by_hidden + at[from + i] * D, m.g + i * D, D);
    }
    return ENC_OK;
}

enc_rc enc_loss_next(enc_loss *l, enc_pass *s, const uint8_t *is_random, float weight,
                     float *grad, enc_loss_sum *sum, enc_err *e)
{
    const enc_weights *w = &l->p->w;
    const enc_batch *b = enc_pass_batch(s);
    size_t D = l->p->config.hidden, n = b->n_texts;
    float *h = room(l, 3 * n * D + 2 * n);
    if (h == NULL) return enc_nomem(e);
    float *pooled = h + n * D, *d = pooled + n * D, *logits = d + n * D;
    for (size_t i = 0; i < n; i++)
        memcpy(h + i * D, enc_pass_hidden(s) + b->start[i] * D, D * sizeof *h);
    if (forward(l, pooled, h, &w->pooler.w, n)) return enc_stop_rc(l->stop, e);
    l->elem->add_rows(pooled, w->pooler.b, n, D);
    for (size_t i = 0; i < n * D; i++) pooled[i] = tanhf(pooled[i]);
    if (forward(l, logits, pooled, &w->next_sentence.w, n))
        return enc_stop_rc(l->stop, e);
    l->elem->add_rows(logits, w->next_sentence.b, n, 2);
    for (size_t i = 0; i < n; i++) {
        int is_top;
        sum->loss += (double)l->elem->cross_entropy(logits + 2 * i, 2, is_random[i] != 0,
                                                    weight, &is_top);
        sum->n_right += (size_t)is_top;
    }
    sum->n += n;

    l->elem->sum_rows(enc_params_in(l->p, grad, w->next_sentence.b), logits, 2, n, 2);
    if (backward(l, &w->next_sentence.w, logits, pooled, d, n, grad))
        return enc_stop_rc(l->stop, e);
    for (size_t i = 0; i < n * D; i++) d[i] *= 1.0f - pooled[i] * pooled[i];
    l->elem->sum_rows(enc_params_in(l->p, grad, w->pooler.b), d, D, n, D);
    if (backward(l, &w->pooler.w, d, h, pooled, n, grad)) return enc_stop_rc(l->stop, e);
    for (size_t i = 0; i < n; i++)
        l->elem->add(enc_pass_by_hidden(s) + b->start[i] * D, pooled + i * D, D);
    return ENC_OK;
}

static float dot(const float *a, const float *b, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return (float)sum;
}

/* Behind the last of the tokens that are pooled: that of all, or of [CLS]. */
static size_t pooled_end(const enc_pass *s, size_t text)
{
    const enc_batch *b = enc_pass_batch(s);
    return enc_pass_pooling(s) == ENC_POOL_CLS ? b->start[text] + 1 : b->start[text + 1];
}

bool enc_loss_can_pool(unsigned pooling)
{
    return pooling == ENC_POOL_MEAN || pooling == ENC_POOL_MEAN_SQRT ||
           pooling == ENC_POOL_CLS;
}

void enc_loss_vectors(const enc_pass *s, float *vector, float *length)
{
    const enc_batch *b = enc_pass_batch(s);
    size_t D = b->n_texts > 0 ? enc_pass_width(s) : 0;
    for (size_t i = 0; i < b->n_texts; i++) {
        const size_t end = pooled_end(s, i);
        float *v = vector + i * D, inverse;
        memset(v, 0, D * sizeof *v);
        for (size_t t = b->start[i]; t < end; t++)
            for (size_t j = 0; j < D; j++) v[j] += enc_pass_hidden(s)[t * D + j];
        inverse = 1.0f / (float)(end - b->start[i]);
        for (size_t j = 0; j < D; j++) v[j] *= inverse;
        length[i] = sqrtf(dot(v, v, D)) + 1e-12f;
        for (size_t j = 0; j < D; j++) v[j] /= length[i];
    }
}

void enc_loss_vectors_back(enc_pass *s, const float *vector, const float *length,
                           const float *by_vector)
{
    const enc_batch *b = enc_pass_batch(s);
    size_t D = enc_pass_width(s);
    for (size_t i = 0; i < b->n_texts; i++) {
        const float *v = vector + i * D, *d = by_vector + i * D;
        const size_t end = pooled_end(s, i);
        float along = dot(v, d, D);
        float scale = 1.0f / (length[i] * (float)(end - b->start[i]));
        for (size_t t = b->start[i]; t < end; t++) {
            float *x = enc_pass_by_hidden(s) + t * D;
            for (size_t j = 0; j < D; j++) x[j] += (d[j] - v[j] * along) * scale;
        }
    }
}

/* A row of n similarities is done: true if the work is to stop. */
static bool row_done(enc_loss *l, size_t n)
{
    return enc_stop_on(l->stop, n / 64 + 1);
}

/* One direction: rows of z are a's similarities / temperature to all of b; -> d loss / d
 * z, in place. True: told to stop. */
static bool contrast_rows(enc_loss *l, float *z, size_t n, float weight,
                          enc_loss_sum *sum)
{
    for (size_t i = 0; i < n; i++) {
        int is_top;
        sum->loss +=
            0.5 * (double)l->elem->cross_entropy(z + i * n, n, i, weight, &is_top);
        sum->n_right += (size_t)is_top;
        if (row_done(l, n)) return true;
    }
    return false;
}

/* z = a b^T / temperature, n x n, and zt its transpose; twins are far apart. */
static bool similarities(enc_loss *l, const enc_contrast *c, float *z, float *zt)
{
    size_t D = l->p->config.hidden, n = c->n;
    const enc_gemm g = {.room = &l->room,
                        .a = c->a,
                        .b = c->b,
                        .c = z,
                        .m = n,
                        .n = n,
                        .k = D,
                        .lda = D,
                        .ldb = D,
                        .ldc = n,
                        .b_trans = true};
    if (enc_gemm_run_asking(&g, l->stop)) return true;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            bool is_twin = i != j && c->key[i] == c->key[j];
            zt[j * n + i] = is_twin ? -1e4f : z[i * n + j] / c->temperature;
        }
        if (row_done(l, n)) return true;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) z[i * n + j] = zt[j * n + i];
        if (row_done(l, n)) return true;
    }
    return false;
}

/* z = (z + zt^T) / temperature; by_a = z b, by_b = z^T a. */
static bool contrast_back(enc_loss *l, const enc_contrast *c, float *z, const float *zt,
                          float *by_a, float *by_b)
{
    size_t D = l->p->config.hidden, n = c->n;
    enc_gemm g = {.room = &l->room,
                  .a = z,
                  .b = c->b,
                  .c = by_a,
                  .m = n,
                  .n = D,
                  .k = n,
                  .lda = n,
                  .ldb = D,
                  .ldc = D};
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            z[i * n + j] = (z[i * n + j] + zt[j * n + i]) / c->temperature;
        if (row_done(l, n)) return true;
    }
    if (enc_gemm_run_asking(&g, l->stop)) return true;
    g.b = c->a, g.c = by_b, g.a_trans = true;
    return enc_gemm_run_asking(&g, l->stop);
}

enc_rc enc_loss_contrast(enc_loss *l, const enc_contrast *c, float *by_a, float *by_b,
                         enc_loss_sum *sum, enc_err *e)
{
    size_t n = c->n;
    float *z = room(l, 2 * n * n);
    if (z == NULL) return enc_nomem(e);
    float *zt = z + n * n;
    enc_loss_sum back = {0};
    if (similarities(l, c, z, zt) || contrast_rows(l, z, n, 0.5f * c->weight, sum) ||
        contrast_rows(l, zt, n, 0.5f * c->weight, &back) ||
        contrast_back(l, c, z, zt, by_a, by_b))
        return enc_stop_rc(l->stop, e);
    sum->loss += back.loss;
    sum->n += n;
    return ENC_OK;
}

/* The greatest exponent of enc_loss_ranked, which all are lowered by: at a temperature of
 * 0.02 a cosine of -1 where 1 is due would pass float32. At least that of its 1, which is
 * 0. */
static double worst(const float *cosine, const float *score, size_t n)
{
    double top = 0.0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            if (score[i] > score[j] && (double)(cosine[j] - cosine[i]) > top)
                top = (double)(cosine[j] - cosine[i]);
    return top;
}

enc_rc enc_loss_ranked(enc_loss *l, const enc_contrast *c, const float *score,
                       float *by_a, float *by_b, enc_loss_sum *sum, enc_err *e)
{
    size_t D = l->p->config.hidden, n = c->n;
    const float *a = c->a, *b = c->b, temperature = c->temperature;
    float *cosine = room(l, 2 * n);
    if (cosine == NULL) return enc_nomem(e);
    float *by_cosine = cosine + n;
    for (size_t i = 0; i < n; i++) cosine[i] = dot(a + i * D, b + i * D, D) / temperature;
    const double top = worst(cosine, score, n);
    double whole = exp(-top);
    for (size_t i = 0; i < n; i++) {
        double d = 0.0;
        for (size_t j = 0; j < n; j++) {
            if (score[i] > score[j]) d -= exp((double)(cosine[j] - cosine[i]) - top);
            if (score[j] > score[i]) d += exp((double)(cosine[i] - cosine[j]) - top);
            if (score[i] > score[j]) whole += exp((double)(cosine[j] - cosine[i]) - top);
        }
        by_cosine[i] = (float)d;
        if (enc_stop_on(l->stop, n / 16 + 1)) return enc_stop_rc(l->stop, e);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < D; j++) {
            float d = by_cosine[i] * c->weight / ((float)whole * temperature);
            by_a[i * D + j] = d * b[i * D + j];
            by_b[i * D + j] = d * a[i * D + j];
        }
    sum->loss += top + log(whole);
    sum->n++;
    return ENC_OK;
}
