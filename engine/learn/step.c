/* step.c - see step.h. */
#include "learn/step.h"

#include <string.h>

#include "base/threads.h"
#include "learn/gemm.h"

#define GROUP_TOKENS   2048 /* running text that goes through a pass at a time */
#define WORDS_LEFT_OUT 0.1f /* of a labelled pair */

enum { NO_PAIRS, DRAWN, GRADED, POSITIVES, SCORED };

typedef struct enc_shard {
    enc_pass *pass; /* running text, then pairs */
    enc_loss *loss;
    enc_group texts, pairs;
    enc_batch batch;
    uint8_t *is_read; /* of the running text: what its losses read */
    size_t cap_read;
    size_t first_pair, n_pairs;            /* this shard's part of the step's */
    float *vectors, *lengths, *by_vectors; /* 2 n_pairs x D, a and b in turn */
    enc_step_sums sums;
    enc_err error;
    enc_rc rc;
} enc_shard;

/* The largest batch is a group of running text or this shard's pairs. */
static enc_rc plan_pass(const enc_step *s, enc_shard *h, enc_err *e)
{
    const enc_train_options *o = s->o;
    size_t n_texts = s->corpus->n_documents > 0 ? GROUP_TOKENS + o->max_tokens : 0;
    size_t n_pairs = o->batch_pairs < 2 ? 0 : 2 * h->n_pairs * o->pair_tokens;
    size_t n_longest = o->max_tokens > o->pair_tokens ? o->max_tokens : o->pair_tokens;
    return enc_pass_plan(h->pass, n_texts > n_pairs ? n_texts : n_pairs, n_longest, e);
}

static enc_rc shard_init(enc_step *s, enc_shard *h, size_t i, enc_err *e)
{
    size_t from = s->o->batch_pairs * i / s->n_shards, D = s->p->config.hidden;
    enc_rc rc;
    h->first_pair = from;
    h->n_pairs = s->o->batch_pairs * (i + 1) / s->n_shards - from;
    h->vectors = enc_mem_array(2 * h->n_pairs * D + 1, sizeof *h->vectors);
    h->by_vectors = enc_mem_array(2 * h->n_pairs * D + 1, sizeof *h->by_vectors);
    h->lengths = enc_mem_array(2 * h->n_pairs + 1, sizeof *h->lengths);
    if (h->vectors == NULL || h->by_vectors == NULL || h->lengths == NULL)
        return enc_nomem(e);
    if ((rc = enc_pass_new(&h->pass, s->p, s->elem, s->o->bf16, e))) return rc;
    if ((rc = plan_pass(s, h, e))) return rc;
    enc_pass_heed(h->pass, &s->stop);
    rc = enc_loss_new(&h->loss, s->p, s->elem, s->o->bf16, e);
    if (rc == ENC_OK) enc_loss_heed(h->loss, &s->stop);
    return rc;
}

enc_rc enc_step_init(enc_step *s, enc_err *e)
{
    size_t n = s->o->batch_pairs, D = s->p->config.hidden;
    enc_rc rc;

    enc_gemm_open();
    s->elem = enc_elem_pick();
    s->n_shards = enc_gemm_is_parallel_safe() ? enc_threads_count() : 1;
    s->shards = enc_mem_zero_array(s->n_shards, sizeof *s->shards);
    s->vectors = enc_mem_array(2 * n * D + 1, sizeof *s->vectors);
    s->by_vectors = enc_mem_array(2 * n * D + 1, sizeof *s->by_vectors);
    s->scores = enc_mem_array(n + 1, sizeof *s->scores);
    s->keys = enc_mem_array(n + 1, sizeof *s->keys);
    if (s->shards == NULL || s->vectors == NULL || s->by_vectors == NULL ||
        s->scores == NULL || s->keys == NULL)
        return enc_nomem(e);
    for (size_t i = 0; i < s->n_shards; i++)
        if ((rc = shard_init(s, &s->shards[i], i, e))) return rc;
    s->optim.p = s->p;
    s->optim.elem = s->elem;
    s->optim.n_shards = s->n_shards;
    enc_stop_init(&s->stop, s->tick, s->tick_arg);
    return enc_optim_init(&s->optim, &s->stop, e);
}

void enc_step_clear(enc_step *s)
{
    for (size_t i = 0; s->shards != NULL && i < s->n_shards; i++) {
        enc_shard *h = &s->shards[i];
        enc_pass_free(h->pass);
        enc_mem_free(h->is_read);
        enc_loss_free(h->loss);
        enc_group_clear(&h->texts);
        enc_group_clear(&h->pairs);
        enc_mem_free(h->vectors);
        enc_mem_free(h->by_vectors);
        enc_mem_free(h->lengths);
    }
    enc_mem_free(s->shards);
    enc_mem_free(s->vectors);
    enc_mem_free(s->by_vectors);
    enc_mem_free(s->scores);
    enc_mem_free(s->keys);
    enc_optim_clear(&s->optim);
    s->shards = NULL;
}

/* A generator for one purpose in one step. */
static enc_rng generator(const enc_step *s, uint64_t purpose)
{
    enc_rng r = {s->o->seed * 0x9e3779b97f4a7c15u + s->number};
    r.state = enc_rng_u64(&r) + purpose;
    enc_rng_u64(&r);
    return r;
}

static enc_batch batch_of(const enc_group *g)
{
    return (enc_batch){g->n_texts, g->n_tokens, g->ids, g->segments, g->starts};
}

/* Most texts have half the length, some all of it: positions far out are seen, and the
 * cost of attention stays low. */
static size_t draw_length(enc_rng *rng, size_t n_max)
{
    uint32_t u = enc_rng_below(rng, 10);
    size_t n = u < 2 ? n_max : u < 8 ? n_max / 2 : n_max / 4;
    return n < 16 ? 16 : n;
}

/* The losses of running text read what is masked, and the first token of each text. */
static bool mark_read(enc_shard *h)
{
    const enc_group *g = &h->texts;
    if (!enc_mem_reserve((void **)&h->is_read, &h->cap_read, g->n_tokens, 1))
        return false;
    memset(h->is_read, 0, g->n_tokens);
    for (size_t i = 0; i < g->n_texts; i++) h->is_read[g->starts[i]] = 1;
    for (size_t i = 0; i < g->n_masked; i++) h->is_read[g->at[i]] = 1;
    return true;
}

/* Whether there is running text to learn from. */
static bool has_texts(const enc_step *s)
{
    const enc_train_options *o = s->o;
    return s->corpus->n_documents > 0 && o->batch_tokens > 0 &&
           (o->weight_mlm > 0.0 || o->weight_nsp > 0.0);
}

/* Running text through the body and those of BERT's two losses that count: a model
 * without the head of one has a weight of 0 for it. */
static enc_rc run_text(enc_step *s, enc_shard *h, enc_rng *rng, size_t n_tokens,
                       enc_err *e)
{
    const enc_train_options *o = s->o;
    enc_group *g = &h->texts;
    float *grad = s->optim.grad[h - s->shards];
    enc_rc rc;
    enc_group_start(g);
    while (g->n_tokens < n_tokens && !g->failed) {
        enc_corpus_draw(s->corpus, rng, draw_length(rng, o->max_tokens), g);
        if (s->corpus->special.mask >= 0)
            enc_group_mask(g, &s->corpus->special, s->corpus->n_vocab,
                           (float)o->mask_rate, rng);
    }
    if (g->failed || !mark_read(h)) return enc_nomem(e);
    h->batch = batch_of(g);
    if ((rc = enc_pass_forward(h->pass, &h->batch, h->is_read, e))) return rc;
    double n_masked = o->mask_rate * (double)o->batch_tokens;
    double n_texts = (double)g->n_texts * (double)o->batch_tokens / (double)g->n_tokens;
    if (o->weight_mlm > 0.0 &&
        (rc = enc_loss_masked(h->loss, h->pass, g->at, g->label, g->n_masked,
                              (float)(o->weight_mlm / n_masked), grad, &h->sums.masked,
                              e)))
        return rc;
    if (o->weight_nsp > 0.0 &&
        (rc = enc_loss_next(h->loss, h->pass, g->is_random,
                            (float)(o->weight_nsp / n_texts), grad, &h->sums.next, e)))
        return rc;
    if ((rc = enc_pass_backward(h->pass, grad, e))) return rc;
    h->sums.n_tokens += g->n_tokens;
    return ENC_OK;
}

static enc_rc run_texts(enc_step *s, enc_shard *h, enc_err *e)
{
    if (!has_texts(s)) return ENC_OK;
    enc_rng rng = generator(s, 1 + (uint64_t)(h - s->shards));
    size_t left = s->o->batch_tokens / s->n_shards;
    /* Fewer tokens than shards: some draw a text, and the others nothing. */
    if (left == 0 && (size_t)(h - s->shards) < s->o->batch_tokens) left = 1;
    while (left > 0) {
        size_t n = left < GROUP_TOKENS ? left : GROUP_TOKENS;
        enc_rc rc = run_text(s, h, &rng, n, e);
        if (rc != ENC_OK) return rc;
        left -= n;
    }
    return ENC_OK;
}

/* Pair i of a list as two texts, cut to pair_tokens. Half of the texts lose a tenth of
 * their words, so that few pairs serve for many passes. */
static void take_pair(const enc_step *s, const enc_pair_list *list, size_t i,
                      enc_rng *rng, enc_group *g)
{
    for (size_t side = 0; side < 2; side++) {
        int32_t ids[512];
        size_t n = 0, room = s->o->pair_tokens - 2;
        float drop = enc_rng_below(rng, 2) == 0 ? 0.0f : WORDS_LEFT_OUT;
        for (size_t t = list->starts[2 * i + side]; t < list->starts[2 * i + side + 1];
             t++)
            if (n < room && enc_rng_unit(rng) >= drop) ids[n++] = list->ids[t];
        enc_group_add(g, &s->corpus->special, ids, n, NULL, 0, false);
    }
}

/* All pairs drawn in a step come from documents of one kind, so that telling them apart
 * takes more than telling languages apart. */
static bool draw_kind(const enc_step *s)
{
    enc_rng rng = generator(s, 1000);
    size_t i = (size_t)(enc_rng_u64(&rng) % s->corpus->n_documents);
    return s->corpus->documents[i].is_latin;
}

/* Pairs i with one i / ENC_PAIRS_PER_DOCUMENT are of one document. */
static void draw_pair(const enc_step *s, size_t i, enc_rng *rng, bool is_latin,
                      enc_group *g)
{
    enc_rng of_group = generator(s, 10000 + i / ENC_PAIRS_PER_DOCUMENT);
    size_t d = enc_corpus_draw_document(s->corpus, &of_group, is_latin);
    enc_corpus_draw_pair(s->corpus, rng, d, i % ENC_PAIRS_PER_DOCUMENT, s->o->pair_tokens,
                         g);
}

/* This shard's pairs forward, to vectors; the backward waits for all shards. */
static enc_rc run_pairs(enc_step *s, enc_shard *h, enc_err *e)
{
    enc_group *g = &h->pairs;
    bool is_latin = (s->pairs == DRAWN || s->pairs == GRADED) && draw_kind(s);
    enc_rc rc;
    enc_group_start(g);
    for (size_t i = h->first_pair; i < h->first_pair + h->n_pairs; i++) {
        enc_rng rng = generator(s, 2000 + i);
        const enc_pair_list *list = s->pairs == SCORED ? s->scored : s->positives;
        if (s->pairs == DRAWN) {
            draw_pair(s, i, &rng, is_latin, g);
        } else if (s->pairs == GRADED) {
            s->scores[i] =
                enc_corpus_draw_graded(s->corpus, &rng, is_latin, s->o->pair_tokens, g);
        } else {
            size_t k = (size_t)(enc_rng_u64(&rng) % list->n);
            take_pair(s, list, k, &rng, g);
            s->scores[i] = list->scores[k];
        }
        if (enc_stop_on(&s->stop, s->o->pair_tokens * 8)) return enc_stop_rc(&s->stop, e);
    }
    if (g->failed) return enc_nomem(e);
    for (size_t i = 0; i < h->n_pairs; i++) {
        size_t from = g->starts[2 * i + 1], n = g->starts[2 * i + 2] - from;
        s->keys[h->first_pair + i] = enc_hash_of(g->ids + from, n * sizeof *g->ids).low;
    }
    h->batch = batch_of(g);
    if ((rc = enc_pass_forward(h->pass, &h->batch, NULL, e))) return rc;
    enc_loss_vectors(h->pass, h->vectors, h->lengths);
    h->sums.n_tokens += g->n_tokens;
    return ENC_OK;
}

static void forward_shard(void *arg, size_t i)
{
    enc_step *s = arg;
    enc_shard *h = &s->shards[i];
    h->sums = (enc_step_sums){0};
    enc_err_clear(&h->error);
    h->rc = run_texts(s, h, &h->error);
    if (h->rc == ENC_OK && s->pairs != NO_PAIRS) h->rc = run_pairs(s, h, &h->error);
}

static void backward_shard(void *arg, size_t i)
{
    enc_step *s = arg;
    enc_shard *h = &s->shards[i];
    enc_loss_vectors_back(h->pass, h->vectors, h->lengths, h->by_vectors);
    h->rc = enc_pass_backward(h->pass, s->optim.grad[i], &h->error);
}

/* Vectors lie a, b, a, b in the shards and all a, all b in the loss. */
static void exchange(enc_step *s, bool to_loss)
{
    size_t D = s->p->config.hidden, n = s->o->batch_pairs;
    for (size_t i = 0; i < s->n_shards; i++)
        for (size_t k = 0; k < 2 * s->shards[i].n_pairs; k++) {
            size_t row = (k % 2) * n + s->shards[i].first_pair + k / 2;
            if (to_loss)
                memcpy(s->vectors + row * D, s->shards[i].vectors + k * D,
                       D * sizeof(float));
            else
                memcpy(s->shards[i].by_vectors + k * D, s->by_vectors + row * D,
                       D * sizeof(float));
        }
}

static enc_rc contrast(enc_step *s, enc_err *e)
{
    const enc_train_options *o = s->o;
    size_t n = o->batch_pairs, half = n * s->p->config.hidden;
    bool is_scored = s->pairs == SCORED || s->pairs == GRADED;
    float *by_a = s->by_vectors, *by_b = by_a + half;
    const enc_contrast c = {
        .a = s->vectors,
        .b = s->vectors + half,
        .key = s->keys,
        .n = n,
        .temperature = (float)o->temperature,
        .weight = (float)(is_scored ? o->weight_score : o->weight_contrast / (double)n),
    };
    enc_loss *l = s->shards[0].loss;
    enc_rc rc;
    exchange(s, true);
    rc = is_scored ? enc_loss_ranked(l, &c, s->scores, by_a, by_b, &s->sums.ranked, e)
                   : enc_loss_contrast(l, &c, by_a, by_b, &s->sums.contrast, e);
    if (rc == ENC_OK) exchange(s, false);
    return rc;
}

/* Lists the kinds of pairs there are for a step. One pair alone teaches nothing: there is
 * no other that it could be nearer than. */
static int list_kinds(const enc_step *s, size_t number, int kinds[4])
{
    const enc_train_options *o = s->o;
    bool is_late = (double)number >= o->contrast_from * (double)s->optim.n_steps;
    int n = 0;
    if (o->batch_pairs < 2) return 0;
    if (s->corpus->n_documents > 0 && o->weight_contrast > 0.0 && is_late)
        kinds[n++] = DRAWN;
    if (s->corpus->n_documents > 0 && o->weight_score > 0.0 && is_late)
        kinds[n++] = GRADED;
    if (s->positives->n > 1 && o->weight_contrast > 0.0) kinds[n++] = POSITIVES;
    if (s->scored->n > 1 && o->weight_score > 0.0) kinds[n++] = SCORED;
    return n;
}

/* Which pairs this step learns from: each kind there is, equally often. */
static int choose_pairs(const enc_step *s)
{
    int kinds[4], n = list_kinds(s, s->number, kinds);
    enc_rng rng = generator(s, 3000);
    return n > 0 ? kinds[enc_rng_below(&rng, (uint32_t)n)] : NO_PAIRS;
}

bool enc_step_has_pairs(const enc_step *s)
{
    int kinds[4];
    return list_kinds(s, s->optim.n_steps - 1, kinds) > 0;
}

bool enc_step_learns(const enc_step *s)
{
    return has_texts(s) || enc_step_has_pairs(s);
}

static void add_sum(enc_loss_sum *to, const enc_loss_sum *from)
{
    to->loss += from->loss;
    to->n += from->n;
    to->n_right += from->n_right;
}

/* The first of the shards that failed. */
static enc_rc shards_rc(const enc_step *s, enc_err *e)
{
    for (size_t i = 0; i < s->n_shards; i++) {
        const enc_shard *h = &s->shards[i];
        if (h->rc == ENC_NOMEM) return enc_nomem(e);
        if (h->rc != ENC_OK) return enc_fail(e, h->rc, "%s", h->error.text);
    }
    return ENC_OK;
}

enc_rc enc_step_run(enc_step *s, size_t number, enc_err *e)
{
    enc_rc rc;
    s->number = number;
    s->sums = (enc_step_sums){0};
    s->pairs = choose_pairs(s);
    enc_stop_init(&s->stop, s->tick, s->tick_arg);
    enc_threads_run_asking(s->n_shards, forward_shard, s, &s->stop);
    if ((rc = shards_rc(s, e))) return rc;
    for (size_t i = 0; i < s->n_shards; i++) {
        const enc_shard *h = &s->shards[i];
        add_sum(&s->sums.masked, &h->sums.masked);
        add_sum(&s->sums.next, &h->sums.next);
        s->sums.n_tokens += h->sums.n_tokens;
    }
    if (s->pairs != NO_PAIRS) {
        if ((rc = contrast(s, e))) return rc;
        enc_threads_run_asking(s->n_shards, backward_shard, s, &s->stop);
        if ((rc = shards_rc(s, e))) return rc;
    }
    enc_optim_step(&s->optim, number);
    return ENC_OK;
}
