/* test_reference_grad.c - derivatives and steps of AdamW against PyTorch's.
 *
 * tests/ref/gradients.py wrote tests/ref/dumps/gradients.safetensors with autograd in
 * float64; weights, ids, labels and made-up gradients are drawn here again, the same way.
 *
 * The error of a parameter's tensor is max |a - b| / max |b|. Its bounds, with what was
 * measured over three tables of elem.h and four CPUs that OpenBLAS has kernels for:
 *
 *   gradients   6e-6, measured 2.2e-6. The same program in float32 is off by 1.2e-6, and
 *               GELU here has up to 2e-7 of its own.
 *   made_up     2e-5 of the largest change, measured 5.9e-6. The gradients are given, so
 *               what is left is the rounding of parameters near 1, which move by 0.02.
 *   steps       1e-3 of the largest change, measured 4.3e-4. Where a gradient is near
 *               Adam's epsilon, m / (sqrt(v) + eps) makes its error large.
 *   bfloat16    cosine at least 0.9995 to the exact gradient, measured 0.9998, and a
 *               length within 2 %, measured 0.9 %: factors are rounded to 8 bits. Tensors
 *               with less than a thousandth of the whole gradient are left out.
 *
 * A key's bias adds one number to all scores of a query, which softmax ignores: its
 * derivative is zero. What rounding leaves of it is measured by the derivative of the
 * key's weights, being the sum of numbers of that size that cancel; and AdamW, dividing a
 * number near zero by its own size, moves it by 1.5e-3 of what it moves the weights, for
 * which 5e-3 is allowed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "check.h"
#include "engine/encode/random_model.h"
#include "learn/gemm.h"
#include "learn/loss.h"
#include "learn/optim.h"
#include "model/arch.h"
#include "model/sft.h"

#define PATH       "tests/ref/dumps/gradients.safetensors"
#define COSINE_MIN 0.9995
#define SHARE_MIN  1e-3 /* of the gradient's length, below which a tensor is left out */

typedef struct bounds {
    double error;    /* of a tensor */
    double key_bias; /* of one whose derivative is zero, by the size of its weights' */
} bounds;

static const bounds of_gradients = {6e-6, 6e-6}, of_made_up = {2e-5, 2e-5},
                    of_steps = {1e-3, 5e-3};

enum { TEXTS = 10, PAIRS = TEXTS / 2, MASKED_WORDS = 300, STEPS = 3, SHARDS = 3, D = 24 };
typedef enum which { MASKED, NEXT, CONTRAST, RANKED, N_LOSSES } which;

static const char *const loss_names[] = {"masked", "next", "contrast", "ranked"};
static const float weights[] = {0.02f, 0.25f, 0.5f, 2.0f};
static const uint64_t keys[PAIRS] = {1, 2, 1, 3, 2};
static const float scores[PAIRS] = {0.1f, 0.9f, 0.5f, 0.5f, 0.0f};

typedef struct world {
    enc_map *map;
    enc_sft *sft;
    char *names, *losses; /* metadata: split by blanks */
    enc_model model;
    enc_params *p;
    float *start; /* p's values before any step */
    enc_pass *pass;
    enc_loss *loss;
    size_t starts[TEXTS + 1];
    enc_batch batch;
    int32_t *ids, labels[MASKED_WORDS];
    uint8_t *segments, is_random[TEXTS];
    uint32_t at[MASKED_WORDS];
    double worst[3]; /* error, of a key's bias, 1 - cosine: since last set to zero */
} world;

static char *metadata(const world *w, const char *key)
{
    enc_bytes v = enc_sft_metadata(w->sft, key);
    char *text = calloc(v.n + 1, 1);
    if (text == NULL) abort();
    if (v.n > 0) memcpy(text, v.at, v.n);
    return text;
}

static size_t size_of(const world *w, const char *key)
{
    char *text = metadata(w, key);
    size_t n = (size_t)strtoul(text, NULL, 10);
    free(text);
    return n;
}

static void read_config(world *w)
{
    char *eps = metadata(w, "eps");
    w->model.config = (enc_config){.arch = &enc_arch_bert,
                                   .n_vocab = size_of(w, "vocab"),
                                   .n_layers = size_of(w, "layers"),
                                   .hidden = size_of(w, "hidden"),
                                   .n_heads = size_of(w, "heads"),
                                   .inner = size_of(w, "inner"),
                                   .n_positions = size_of(w, "positions"),
                                   .n_segments = size_of(w, "segments"),
                                   .norm_eps = strtof(eps, NULL),
                                   .act = ENC_GELU,
                                   .pooling = ENC_POOL_MEAN,
                                   .normalize = true};
    free(eps);
}

static void draw(const char *name, uint64_t below, size_t n, int32_t *out)
{
    enc_rng r = random_seed(name);
    for (size_t i = 0; i < n; i++) out[i] = (int32_t)(enc_rng_u64(&r) % below);
}

/* Ids run on through all texts; every second text has two segments, cut in the middle. */
static void draw_texts(world *w)
{
    char *lengths = metadata(w, "lengths"), *at = lengths;
    int32_t is_random[TEXTS];
    for (size_t i = 0; i < TEXTS; i++)
        w->starts[i + 1] = w->starts[i] + (size_t)strtoul(at, &at, 10);
    free(lengths);
    size_t T = w->starts[TEXTS];
    w->ids = calloc(T, sizeof *w->ids);
    w->segments = calloc(T, 1);
    if (w->ids == NULL || w->segments == NULL) abort();
    draw("ids", w->model.config.n_vocab, T, w->ids);
    for (size_t i = 1; i < TEXTS; i += 2) {
        size_t n = w->starts[i + 1] - w->starts[i];
        memset(w->segments + w->starts[i] + (n + 1) / 2, 1, n / 2);
    }
    draw("labels", w->model.config.n_vocab, MASKED_WORDS, w->labels);
    for (size_t i = 0; i < MASKED_WORDS; i++) w->at[i] = (uint32_t)(5 * i % T);
    draw("is_random", 2, TEXTS, is_random);
    for (size_t i = 0; i < TEXTS; i++) w->is_random[i] = (uint8_t)is_random[i];
    w->batch = (enc_batch){TEXTS, T, w->ids, w->segments, w->starts};
}

static bool world_open(world *w)
{
    enc_err e = {0};
    *w = (world){0};
    if (enc_map_open(&w->map, PATH, 1 << 24, &e) ||
        enc_sft_open(&w->sft, enc_map_bytes(w->map), PATH, &e)) {
        CHECK_SAY(false, "%s", e.text);
        return false;
    }
    w->names = metadata(w, "names");
    w->losses = metadata(w, "losses");
    read_config(w);
    draw_texts(w);
    if (!random_model_init(&w->model, false, 1.0f)) abort();
    if (w->model.config.hidden != D || enc_params_of(&w->p, &w->model, &e)) {
        CHECK_SAY(false, "hidden %zu: %s", w->model.config.hidden, e.text);
        return false;
    }
    w->start = malloc(w->p->n * sizeof *w->start);
    if (w->start == NULL) abort();
    memcpy(w->start, w->p->value, w->p->n * sizeof *w->start);
    return true;
}

static void world_close(world *w)
{
    enc_params_free(w->p);
    random_model_clear(&w->model);
    enc_sft_close(w->sft);
    enc_map_close(w->map);
    free(w->names), free(w->losses), free(w->start), free(w->ids), free(w->segments);
}

static void learner_open(world *w, const enc_elem *elem, bool bf16)
{
    enc_err e = {0};
    CHECK_SAY(enc_pass_new(&w->pass, w->p, elem, bf16, &e) == ENC_OK, "%s", e.text);
    CHECK(enc_loss_new(&w->loss, w->p, elem, bf16, &e) == ENC_OK);
    memcpy(w->p->value, w->start, w->p->n * sizeof *w->start);
}

static void learner_close(world *w)
{
    enc_pass_free(w->pass);
    enc_loss_free(w->loss);
}

/* Even texts are first, odd ones second of a pair. */
static void vectors_loss(world *w, which kind, enc_loss_sum *sum, enc_err *e)
{
    float v[TEXTS * D], by[TEXTS * D], a[PAIRS * D], b[PAIRS * D], by_a[PAIRS * D],
        by_b[PAIRS * D], length[TEXTS];
    const enc_contrast c = {
        a, b, keys, PAIRS, kind == CONTRAST ? 0.2f : 0.1f, weights[kind]};
    enc_loss_vectors(w->pass, v, length);
    for (size_t i = 0; i < PAIRS; i++) {
        memcpy(a + i * D, v + 2 * i * D, D * sizeof *a);
        memcpy(b + i * D, v + (2 * i + 1) * D, D * sizeof *b);
    }
    enc_rc rc = kind == CONTRAST
                    ? enc_loss_contrast(w->loss, &c, by_a, by_b, sum, e)
                    : enc_loss_ranked(w->loss, &c, scores, by_a, by_b, sum, e);
    CHECK_SAY(rc == ENC_OK, "%s", e->text);
    for (size_t i = 0; i < PAIRS; i++) {
        memcpy(by + 2 * i * D, by_a + i * D, D * sizeof *by);
        memcpy(by + (2 * i + 1) * D, by_b + i * D, D * sizeof *by);
    }
    enc_loss_vectors_back(w->pass, v, length, by);
}

/* The loss of a kind on the pass, and its derivative by the heads and hidden states. */
static double add_loss(world *w, which kind, float *grad)
{
    enc_err e = {0};
    enc_loss_sum sum = {0};
    enc_rc rc = ENC_OK;
    if (kind == MASKED)
        rc = enc_loss_masked(w->loss, w->pass, w->at, w->labels, MASKED_WORDS,
                             weights[kind], grad, &sum, &e);
    else if (kind == NEXT)
        rc = enc_loss_next(w->loss, w->pass, w->is_random, weights[kind], grad, &sum, &e);
    else vectors_loss(w, kind, &sum, &e);
    CHECK_SAY(rc == ENC_OK, "%s", e.text);
    return sum.loss;
}

static bool is_reached(const enc_slot *s, which kind)
{
    if (s->part == ENC_PART_POOLER || s->part == ENC_PART_NSP) return kind == NEXT;
    if (s->part == ENC_PART_MLM) return kind == MASKED;
    return true;
}

/* Lays out a tensor of the dump as the parameters are, zero where no loss reaches;
 * N_LOSSES: all of them. False: it does not fit. */
static bool expect(world *w, const char *tensor, which kind, float *out)
{
    const enc_tensor *t = enc_sft_find(w->sft, tensor);
    size_t n = t != NULL ? enc_tensor_count(t) : 0, used = 0, n_found = 0;
    memset(out, 0, w->p->n * sizeof *out);
    for (const char *at = w->names; *at != '\0';) {
        size_t length = strcspn(at, " ");
        for (size_t i = 0; i < w->p->n_slots; i++) {
            const enc_slot *s = &w->p->slots[i];
            size_t from = w->p->offset[i], count = w->p->offset[i + 1] - from;
            if (strlen(s->name) != length || memcmp(s->name, at, length) != 0) continue;
            n_found++;
            if (kind != N_LOSSES && !is_reached(s, kind)) continue;
            if (count > n - used) return false;
            memcpy(out + from, t->data + used * sizeof *out, count * sizeof *out);
            used += count;
        }
        at += length + (at[length] == ' ');
    }
    return used == n && n > 0 && n_found == w->p->n_slots;
}

static double largest(const float *x, size_t n)
{
    double most = 0.0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs((double)x[i]));
    return most;
}

/* NaN counts as endlessly far. */
static double farthest(const float *x, const float *y, size_t n)
{
    double most = 0.0;
    for (size_t i = 0; i < n; i++) {
        double one = fabs((double)x[i] - (double)y[i]);
        if (!(one <= most)) most = isnan(one) ? HUGE_VAL : one;
    }
    return most;
}

/* Every slot of got is as near to want as it should be. */
static void agrees(world *w, const char *what, const float *got, const float *want,
                   bounds most)
{
    for (size_t i = 0; i < w->p->n_slots; i++) {
        bool is_idle = strstr(w->p->slots[i].name, "key.bias") != NULL;
        size_t from = w->p->offset[i], end = w->p->offset[i + 1];
        size_t k = is_idle ? i - 1 : i; /* a bias comes right after its weights */
        double scale =
            largest(want + w->p->offset[k], w->p->offset[k + 1] - w->p->offset[k]);
        double off = farthest(got + from, want + from, end - from);
        double bound = (is_idle ? most.key_bias : most.error) * scale;
        CHECK_SAY(off <= bound, "%s by %s is off by %g of %g", what, w->p->slots[i].name,
                  off, scale);
        if (scale > 0.0 && off / scale > w->worst[is_idle])
            w->worst[is_idle] = off / scale;
    }
}

static double dot(const float *x, const float *y, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)y[i];
    return sum;
}

/* Every slot of got that matters points where want points. */
static void points_alike(world *w, const char *what, const float *got, const float *want)
{
    double whole = dot(want, want, w->p->n);
    for (size_t i = 0; i < w->p->n_slots; i++) {
        size_t from = w->p->offset[i], n = w->p->offset[i + 1] - from;
        const float *g = got + from, *h = want + from;
        double square = dot(h, h, n), cosine = dot(g, h, n) / sqrt(dot(g, g, n) * square);
        if (!(square > SHARE_MIN * SHARE_MIN * whole)) continue;
        CHECK_SAY(cosine >= COSINE_MIN, "%s by %s: cosine %.6f", what,
                  w->p->slots[i].name, cosine);
        double ratio = sqrt(dot(g, g, n) / square);
        CHECK_SAY(fabs(ratio - 1.0) < 0.02, "%s by %s: %.4f times as long", what,
                  w->p->slots[i].name, ratio);
        w->worst[2] = fmax(w->worst[2], 1.0 - cosine);
    }
}

static void every_gradient_is_that_of_pytorch(world *w, const enc_elem *elem, bool bf16)
{
    float *grad = calloc(w->p->n, sizeof *grad), *want = calloc(w->p->n, sizeof *want);
    char what[64], *at = w->losses;
    if (grad == NULL || want == NULL) abort();
    memset(w->worst, 0, sizeof w->worst);
    learner_open(w, elem, bf16);
    for (which kind = MASKED; kind < N_LOSSES; kind++) {
        enc_err e = {0};
        double said = strtod(at, &at);
        snprintf(what, sizeof what, "%s (%s%s)", loss_names[kind], elem->name,
                 bf16 ? ", bfloat16" : "");
        CHECK_SAY(expect(w, loss_names[kind], kind, want), "%s: dump unfit", what);
        memset(grad, 0, w->p->n * sizeof *grad);
        CHECK(enc_pass_forward(w->pass, &w->batch, NULL, &e) == ENC_OK);
        double loss = add_loss(w, kind, grad);
        CHECK(enc_pass_backward(w->pass, grad, &e) == ENC_OK);
        CHECK_SAY(fabs(loss - said) <= (bf16 ? 2e-3 : 1e-6) * said,
                  "%s is %.9g, not %.9g", what, loss, said);
        if (bf16) points_alike(w, what, grad, want);
        else agrees(w, what, grad, want, of_gradients);
    }
    if (bf16) CHECK(w->worst[2] > 1e-6); /* products were rounded indeed */
    if (bf16) printf("%s, bfloat16: cosines from %.6f\n", elem->name, 1.0 - w->worst[2]);
    else printf("%s: gradients off by %.1e\n", elem->name, w->worst[0]);
    learner_close(w);
    free(grad);
    free(want);
}

static enc_optim optim_of(world *w, const enc_elem *elem)
{
    enc_err e = {0};
    enc_optim o = {.p = w->p,
                   .elem = elem,
                   .n_shards = SHARDS,
                   .rate = 0.01,
                   .decay = 0.05,
                   .beta1 = 0.9,
                   .beta2 = 0.98,
                   .clip_norm = 1.0,
                   .warmup = 0.4,
                   .n_steps = 5};
    CHECK(enc_optim_init(&o, NULL, &e) == ENC_OK);
    memcpy(w->p->value, w->start, w->p->n * sizeof *w->start);
    return o;
}

/* Gradients that both sides draw: every second step is long enough to be clipped. */
static void make_up(const world *w, enc_optim *o, int step)
{
    float size = step % 2 == 1 ? 0.004f : 0.25f;
    char name[160];
    for (size_t i = 0; i < w->p->n_slots; i++) {
        snprintf(name, sizeof name, "made up %d %s", step, w->p->slots[i].name);
        enc_rng r = random_seed(name);
        for (size_t s = 0; s < SHARDS; s++)
            for (size_t k = w->p->offset[i]; k < w->p->offset[i + 1]; k++)
                o->grad[s][k] = random_u(&r) * size;
    }
}

/* Text and then pairs, which one shard adds up over two passes, as in a training step. */
static void three_losses(world *w, enc_optim *o)
{
    enc_err e = {0};
    float *grad = o->grad[SHARDS - 1];
    for (int pass = 0; pass < 2; pass++) {
        CHECK(enc_pass_forward(w->pass, &w->batch, NULL, &e) == ENC_OK);
        if (pass == 0) add_loss(w, MASKED, grad), add_loss(w, NEXT, grad);
        else add_loss(w, CONTRAST, grad);
        CHECK(enc_pass_backward(w->pass, grad, &e) == ENC_OK);
    }
}

/* The parameters moved as in the dump. */
static void moved_alike(world *w, const char *tensor, bounds most)
{
    size_t n = w->p->n;
    float *got = calloc(n, sizeof *got), *want = calloc(n, sizeof *want);
    if (got == NULL || want == NULL) abort();
    CHECK_SAY(expect(w, tensor, N_LOSSES, want), "%s: dump unfit", tensor);
    for (size_t k = 0; k < n; k++) {
        got[k] = w->p->value[k] - w->start[k];
        want[k] -= w->start[k];
    }
    agrees(w, tensor, got, want, most);
    free(got);
    free(want);
}

static bool is_zero(const float *x, size_t n)
{
    return largest(x, n) == 0.0;
}

static void three_steps_go_where_pytorch_goes(world *w, const enc_elem *elem,
                                              const char *tensor, bounds most)
{
    bool is_made_up = strcmp(tensor, "made_up") == 0;
    char *norms = metadata(w, "norms"), *at = norms;
    enc_optim o = optim_of(w, elem);
    for (int i = 0; i < (is_made_up ? 0 : STEPS); i++) strtod(at, &at);
    memset(w->worst, 0, sizeof w->worst);
    learner_open(w, elem, false);
    for (int step = 0; step < STEPS; step++) {
        double said = strtod(at, &at);
        if (is_made_up) make_up(w, &o, step);
        else three_losses(w, &o);
        enc_optim_step(&o, (size_t)step);
        CHECK_SAY(fabs(o.norm - said) <= 1e-5 * said, "%s: norm %.9g, not %.9g", tensor,
                  o.norm, said);
        for (size_t s = 0; s < SHARDS; s++) CHECK(is_zero(o.grad[s], w->p->n));
    }
    moved_alike(w, tensor, most);
    printf("%s, %s: off by %.1e of the change, a key's bias by %.1e\n", elem->name,
           tensor, w->worst[0], w->worst[1]);
    learner_close(w);
    enc_optim_clear(&o);
    free(norms);
}

static size_t tables(const enc_elem *out[3])
{
    size_t n = 0;
    out[n++] = &enc_elem_plain;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        out[n++] = &enc_elem_avx2;
    if (enc_elem_pick() == &enc_elem_avx512) out[n++] = &enc_elem_avx512;
#endif
    return n;
}

int main(void)
{
    const enc_elem *elem[3];
    size_t n = tables(elem);
    world w;
    if (world_open(&w)) {
        for (size_t i = 0; i < n; i++) {
            every_gradient_is_that_of_pytorch(&w, elem[i], false);
            if (enc_gemm_has_bf16()) every_gradient_is_that_of_pytorch(&w, elem[i], true);
            three_steps_go_where_pytorch_goes(&w, elem[i], "made_up", of_made_up);
            three_steps_go_where_pytorch_goes(&w, elem[i], "steps", of_steps);
        }
    }
    world_close(&w);
    if (enc_gemm_has_bf16()) return check_done("reference_grad");
    printf("reference_grad: %d passed, %d failed, 1 skipped\n", check_passed,
           check_failed);
    return check_failed != 0;
}
