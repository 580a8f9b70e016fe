/* test_grad.c - every derivative against differences of the loss.
 *
 * For each parameter tensor the loss is measured a little to both sides, along the
 * tensor's own gradient and along a random direction; the slope must be what the backward
 * pass says. The forward is f32, so the loss is known to about 1e-6 and a slope over a
 * step of h to about 1e-6 / h; steps are chosen so that this is well under the tolerance.
 */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "encode/batch.h"
#include "learn/corpus.h"
#include "learn/loss.h"
#include "learn/optim.h"
#include "model/arch.h"

enum { VOCAB = 48, TEXTS = 6 };

static const enc_config config = {.arch = &enc_arch_bert,
                                  .n_vocab = VOCAB,
                                  .n_layers = 2,
                                  .hidden = 24,
                                  .n_heads = 3,
                                  .inner = 40,
                                  .n_positions = 32,
                                  .n_segments = 2,
                                  .norm_eps = 1e-12f,
                                  .act = ENC_GELU,
                                  .pooling = ENC_POOL_MEAN,
                                  .normalize = true,
                                  .max_tokens = 32};

typedef enum which { MASKED, NEXT, CONTRAST, RANKED, N_LOSSES } which;
static const char *const loss_names[] = {"masked", "next", "contrast", "ranked"};

typedef struct world {
    enc_params *p;
    enc_pass *pass;
    enc_loss *loss;
    enc_group group;
    enc_batch batch;
    uint8_t *read;  /* n_tokens: masked, or first of its text */
    bool is_narrow; /* the pass is told what masked words and next sentence read */
    float *grad;
} world;

static void make_texts(world *w)
{
    const enc_tok_special s = {.pad = 0, .unk = 1, .cls = 2, .sep = 3, .mask = 4};
    enc_rng rng = {7};
    int32_t ids[20];
    for (size_t i = 0; i < TEXTS; i++) {
        size_t n = 3 + enc_rng_below(&rng, 9), n_b = i % 2 == 0 ? 0 : 4;
        for (size_t k = 0; k < n + n_b; k++)
            ids[k] = 5 + (int32_t)enc_rng_below(&rng, VOCAB - 5);
        enc_group_add(&w->group, &s, ids, n, ids + n, n_b, i % 3 == 0);
        for (size_t k = w->group.starts[i]; k < w->group.n_tokens; k += 3) {
            w->group.at =
                realloc(w->group.at, (w->group.n_masked + 1) * sizeof(uint32_t));
            w->group.label =
                realloc(w->group.label, (w->group.n_masked + 1) * sizeof(int32_t));
            w->group.at[w->group.n_masked] = (uint32_t)k;
            w->group.label[w->group.n_masked++] = (int32_t)enc_rng_below(&rng, VOCAB);
        }
    }
    w->read = calloc(w->group.n_tokens, 1);
    for (size_t i = 0; i < TEXTS; i++) w->read[w->group.starts[i]] = 1;
    for (size_t i = 0; i < w->group.n_masked; i++) w->read[w->group.at[i]] = 1;
    w->batch = (enc_batch){w->group.n_texts, w->group.n_tokens, w->group.ids,
                           w->group.segments, w->group.starts};
}

static double vectors_loss(world *w, which kind, enc_err *e)
{
    const size_t D = config.hidden, n = TEXTS / 2;
    static const uint64_t keys[TEXTS] = {1, 2, 3};
    static const float scores[TEXTS] = {0.1f, 0.9f, 0.5f};
    float v[TEXTS * 24], by[TEXTS * 24], length[TEXTS];
    enc_loss_sum sum = {0};
    enc_loss_vectors(w->pass, v, length);
    const enc_contrast c = {v, v + n * D, keys, n, 0.2f, 1.0f};
    if (kind == CONTRAST) enc_loss_contrast(w->loss, &c, by, by + n * D, &sum, e);
    else enc_loss_ranked(w->loss, &c, scores, by, by + n * D, &sum, e);
    enc_loss_vectors_back(w->pass, v, length, by);
    return sum.loss;
}

/* The loss at the current parameters; grad gets its derivative. */
static double measure(world *w, which kind)
{
    enc_err e = {0};
    enc_loss_sum sum = {0};
    double loss = 0.0;
    memset(w->grad, 0, w->p->n * sizeof *w->grad);
    CHECK(enc_pass_forward(w->pass, &w->batch, w->is_narrow ? w->read : NULL, &e) ==
          ENC_OK);
    if (kind == MASKED) {
        enc_loss_masked(w->loss, w->pass, w->group.at, w->group.label, w->group.n_masked,
                        1.0f, w->grad, &sum, &e);
        loss = sum.loss;
    } else if (kind == NEXT) {
        enc_loss_next(w->loss, w->pass, w->group.is_random, 1.0f, w->grad, &sum, &e);
        loss = sum.loss;
    } else {
        loss = vectors_loss(w, kind, &e);
    }
    CHECK(enc_pass_backward(w->pass, w->grad, &e) == ENC_OK);
    return loss;
}

/* The slope of the loss along direction d of slot i, by differences. */
static double slope(world *w, which kind, size_t slot, const float *d, float h)
{
    size_t from = w->p->offset[slot], n = w->p->offset[slot + 1] - from;
    float *x = w->p->value + from, *kept = malloc(n * sizeof *kept);
    double loss[2];
    memcpy(kept, x, n * sizeof *x);
    for (int side = 0; side < 2; side++) {
        for (size_t k = 0; k < n; k++) x[k] = kept[k] + (side == 0 ? -h : h) * d[k];
        loss[side] = measure(w, kind);
    }
    memcpy(x, kept, n * sizeof *x);
    free(kept);
    return (loss[1] - loss[0]) / (2.0 * (double)h);
}

static void slot_agrees(world *w, which kind, size_t slot, enc_rng *rng)
{
    size_t from = w->p->offset[slot], n = w->p->offset[slot + 1] - from;
    float *g = malloc(n * sizeof *g), *d = malloc(n * sizeof *d);
    double square = 0.0;
    measure(w, kind);
    memcpy(g, w->grad + from, n * sizeof *g);
    for (size_t k = 0; k < n; k++) square += (double)g[k] * (double)g[k];
    double norm = sqrt(square);
    for (int random = 0; random < 2; random++) {
        double said = 0.0, length = 0.0;
        for (size_t k = 0; k < n; k++) {
            d[k] = random       ? enc_rng_normal(rng)
                   : norm > 0.0 ? (float)((double)g[k] / norm)
                                : 0.0f;
            length += (double)d[k] * (double)d[k];
        }
        for (size_t k = 0; k < n; k++) {
            d[k] = length > 0.0 ? (float)((double)d[k] / sqrt(length)) : 0.0f;
            said += (double)d[k] * (double)g[k];
        }
        double seen = slope(w, kind, slot, d, 0.004f);
        CHECK_SAY(fabs(said - seen) <= 0.01 * norm + 2e-3,
                  "%s by %s%s: backward says %.6f, differences %.6f (norm %.4f)",
                  loss_names[kind], w->p->slots[slot].name,
                  random ? ", a random direction" : "", said, seen, norm);
    }
    free(g);
    free(d);
}

static void every_gradient_is_the_slope_of_its_loss(world *w)
{
    enc_rng rng = {99};
    for (int narrow = 0; narrow < 2; narrow++) {
        w->is_narrow = narrow != 0; /* vectors read every token */
        for (which kind = MASKED; kind < (narrow ? CONTRAST : N_LOSSES); kind++)
            for (size_t slot = 0; slot < w->p->n_slots; slot++)
                slot_agrees(w, kind, slot, &rng);
    }
    w->is_narrow = false;
    w->p->config.pooling = ENC_POOL_CLS; /* the vector of a text is that of its first */
    for (which kind = CONTRAST; kind < N_LOSSES; kind++)
        for (size_t slot = 0; slot < w->p->n_slots; slot++)
            slot_agrees(w, kind, slot, &rng);
    w->p->config.pooling = ENC_POOL_MEAN;
}

/* The same numbers but for the order of sums. */
static void a_pass_told_what_is_read_gives_the_same_gradient(world *w)
{
    float *whole = malloc(w->p->n * sizeof *whole);
    for (which kind = MASKED; kind <= NEXT; kind++) {
        float largest = 0.0f, worst = 0.0f;
        double loss = measure(w, kind);
        memcpy(whole, w->grad, w->p->n * sizeof *whole);
        w->is_narrow = true;
        CHECK(fabs(measure(w, kind) - loss) <= 1e-6 * fabs(loss));
        w->is_narrow = false;
        for (size_t i = 0; i < w->p->n; i++) {
            largest = fmaxf(largest, fabsf(whole[i]));
            worst = fmaxf(worst, fabsf(whole[i] - w->grad[i]));
        }
        CHECK_SAY(worst <= 2e-6f * largest, "%s: %g of %g", loss_names[kind],
                  (double)worst, (double)largest);
    }
    free(whole);
}

static void a_planned_pass_allocates_nothing(world *w)
{
    enc_err e = {0};
    enc_pass *pass = NULL;
    CHECK(enc_pass_new(&pass, w->p, enc_elem_pick(), false, &e) == ENC_OK);
    CHECK(enc_pass_plan(pass, w->batch.n_tokens, config.n_positions, &e) == ENC_OK);
    enc_mem_fault(1, true);
    for (int narrow = 0; narrow < 2; narrow++) {
        CHECK(enc_pass_forward(pass, &w->batch, narrow ? w->read : NULL, &e) == ENC_OK);
        CHECK(enc_pass_backward(pass, w->grad, &e) == ENC_OK);
    }
    enc_mem_fault(0, false);
    enc_pass_free(pass);
}

static void masked_words_reach_every_parameter_of_body_and_head(world *w)
{
    measure(w, MASKED);
    for (size_t i = 0; i < w->p->n_slots; i++) {
        bool is_zero = true,
             is_key_bias = strstr(w->p->slots[i].name, "key.bias") != NULL;
        for (size_t k = w->p->offset[i]; k < w->p->offset[i + 1]; k++)
            is_zero = is_zero && fabsf(w->grad[k]) < 1e-7f;
        enc_part part = w->p->slots[i].part;
        /* softmax does not change when one number is added to all: a key's bias is idle
         */
        if (!is_key_bias)
            CHECK_SAY(is_zero == (part == ENC_PART_POOLER || part == ENC_PART_NSP),
                      "%s is %s", w->p->slots[i].name,
                      is_zero ? "not reached" : "reached");
    }
}

static void adamw_does_what_the_paper_says(const enc_elem *elem)
{
    float p[3] = {1.0f, -2.0f, 0.5f}, m[3] = {0}, v[3] = {0};
    const float g[3] = {0.5f, -1.0f, 0.0f};
    const enc_adamw o = {.rate = 0.1f,
                         .beta1 = 0.9f,
                         .beta2 = 0.99f,
                         .eps = 1e-8f,
                         .decay = 0.01f,
                         .correct1 = 10.0f,
                         .correct2 = 100.0f,
                         .scale = 1.0f};
    elem->adamw(p, g, m, v, 3, &o);
    /* The first step moves every parameter with a gradient by the rate, whatever its
     * size. */
    CHECK(fabsf(p[0] - (1.0f - 0.1f - 0.1f * 0.01f * 1.0f)) < 1e-6f);
    CHECK(fabsf(p[1] - (-2.0f + 0.1f + 0.1f * 0.01f * 2.0f)) < 1e-6f);
    CHECK(fabsf(p[2] - (0.5f - 0.1f * 0.01f * 0.5f)) < 1e-6f);
}

static void gelu_is_exact_to_two_in_ten_million(const enc_elem *elem)
{
    float worst = 0.0f, zero[1] = {0.0f};
    for (float x = -9.0f; x < 9.0f; x += 0.001f) {
        float u[1] = {x}, g[1];
        elem->gelu(g, u, zero, 1, 1);
        double truth = 0.5 * (double)x * (1.0 + erf((double)x * 0.70710678118654752));
        float error = (float)fabs((double)g[0] - truth) / fmaxf(1.0f, fabsf(x));
        worst = error > worst ? error : worst;
    }
    CHECK_SAY(worst <= 2e-7f, "%s: worst error %g", elem->name, (double)worst);
}

static void run(void)
{
    world w = {0};
    enc_err e = {0};
    CHECK(enc_params_new(&w.p, &config, 3, NULL, &e) == ENC_OK);
    /* Tables larger than a fresh model's, so that a step is small beside them. */
    for (size_t i = 0; i < w.p->n_slots; i++)
        if (strstr(w.p->slots[i].name, "_embeddings.") != NULL)
            for (size_t k = w.p->offset[i]; k < w.p->offset[i + 1]; k++)
                w.p->value[k] *= 15.0f;
    w.grad = calloc(w.p->n, sizeof *w.grad);
    CHECK(enc_pass_new(&w.pass, w.p, enc_elem_pick(), false, &e) == ENC_OK);
    CHECK(enc_loss_new(&w.loss, w.p, enc_elem_pick(), false, &e) == ENC_OK);
    make_texts(&w);
    every_gradient_is_the_slope_of_its_loss(&w);
    masked_words_reach_every_parameter_of_body_and_head(&w);
    a_pass_told_what_is_read_gives_the_same_gradient(&w);
    a_planned_pass_allocates_nothing(&w);
    free(w.read);
    free(w.group.at), free(w.group.label);
    w.group.at = NULL, w.group.label = NULL;
    enc_group_clear(&w.group);
    enc_pass_free(w.pass);
    enc_loss_free(w.loss);
    free(w.grad);
    enc_params_free(w.p);
}

int main(void)
{
    const enc_elem *tables[] = {&enc_elem_plain, enc_elem_pick()};
    run();
    for (size_t i = 0; i < 2; i++) {
        adamw_does_what_the_paper_says(tables[i]);
        gelu_is_exact_to_two_in_ten_million(tables[i]);
    }
    return check_done("grad");
}
