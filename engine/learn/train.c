/* train.c - see train.h. Rows come in, are tokenized and kept; then steps run until done.
 *
 * A model from nothing needs a vocabulary first: rows are kept as text until vocab_bytes
 * of them have come (or all have), the vocabulary is made of those, and they are
 * tokenized. */
#include "learn/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "learn/checkpoint.h"
#include "learn/cooccur.h"
#include "learn/heldout.h"
#include "learn/save.h"
#include "learn/step.h"
#include "model/arch.h"
#include "model/finite.h"
#include "text/vocab_train.h"

#define WORD_DEVIATION 0.02f /* of the word table at the start, as in params.c */
#define POSITIONS_MIN  16    /* of a model that is trained: a text has as many tokens */
#define CHARS_MAX      6000  /* characters in a vocabulary, the most frequent first */

/* Uncased, without accents; Hangul stays in syllables, also where the text has it in
 * jamo, as file names on some systems do. */
static const enc_norm_rules own_rules = {.clean_text = true,
                                         .chinese_chars = true,
                                         .lower_case = true,
                                         .strip_accents = true,
                                         .keep_hangul = true};

typedef struct kept_row { /* a row waiting for the vocabulary; n_b is 0 for a document */
    size_t at, n_a, n_b;  /* in waiting */
    float score;
    bool is_pair;
} kept_row;

struct enc_trainer {
    enc_train_options o;
    char *checkpoint;
    enc_params *p;
    enc_tok *tok; /* NULL until there is a vocabulary */
    bool owns_tok;
    enc_wr waiting; /* texts of rows */
    kept_row *rows;
    size_t n_rows, cap_rows;
    enc_corpus corpus;
    enc_pair_list positives, scored;
    enc_tokens scratch;
    enc_step step;
    enc_checkpoint state;
    enc_train_tick *tick;
    void *tick_arg;
    enc_train_report report;
    enc_step_sums sums; /* since the last report, fading */
    size_t n_done;      /* steps */
    double started;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The backward pass is BERT's, and what is saved is a BERT with WordPiece. */
static enc_rc check_kind(const enc_model *from, enc_err *e)
{
    const enc_config *c = &from->config;
    if (c->arch != &enc_arch_bert)
        return enc_fail(e, ENC_UNSUPPORTED,
                        "only models of kind bert can be trained, this one is of kind %s",
                        c->arch->name);
    if (enc_tok_kind_of(from->tok) != ENC_TOK_WORDPIECE)
        return enc_fail(e, ENC_UNSUPPORTED,
                        "only models with a WordPiece tokenizer can be trained");
    if (c->n_positions < POSITIONS_MIN)
        return enc_fail(
            e, ENC_UNSUPPORTED,
            "a model of %zu positions cannot be trained, at least %d are needed",
            c->n_positions, POSITIONS_MIN);
    if (c->n_modules > 0)
        return enc_fail(e, ENC_UNSUPPORTED,
                        "a model with modules after pooling (%s) cannot be trained",
                        c->modules[0].kind == ENC_MODULE_NORMALIZE ? "Normalize"
                                                                   : c->modules[0].path);
    return ENC_OK;
}

/* Tells the caller where we are; true if it wants to stop. */
static bool report(enc_trainer *t, const char *phase, size_t done, size_t total)
{
    t->report.phase = phase;
    t->report.done = done;
    t->report.total = total;
    t->report.seconds = t->state.seconds + now() - t->started;
    return t->tick != NULL && t->tick(t->tick_arg, &t->report);
}

/* Asked while a long text is tokenized. */
static bool read_tick(void *arg)
{
    enc_trainer *t = arg;
    return report(t, "read", t->report.done, t->report.total);
}

static enc_rc begin_corpus(enc_trainer *t, enc_err *e)
{
    enc_rc rc = enc_corpus_init(&t->corpus, t->tok, e);
    t->corpus.scratch.ask = t->scratch.ask = (enc_ask){.stop = read_tick, .arg = t};
    return rc;
}

static enc_rc start_from(enc_trainer *t, const enc_model *from, enc_err *e)
{
    enc_rc rc = check_kind(from, e);
    if (rc != ENC_OK) return rc;
    rc = enc_params_of(&t->p, from, e);
    if (rc != ENC_OK) return rc;
    t->tok = from->tok;
    if (t->p->w.mlm_bias == NULL || enc_tok_specials(t->tok).mask < 0)
        t->o.weight_mlm = 0.0;
    if (t->p->w.pooler.w.data == NULL || t->p->w.next_sentence.w.data == NULL)
        t->o.weight_nsp = 0.0;
    return begin_corpus(t, e);
}

enc_rc enc_trainer_new(enc_trainer **out, const enc_model *from,
                       const enc_train_options *o, enc_train_tick *tick, void *tick_arg,
                       enc_err *e)
{
    enc_trainer *t = enc_mem_zero(sizeof *t);
    *out = NULL;
    if (t == NULL) return enc_nomem(e);
    t->o = *o;
    t->tick = tick;
    t->tick_arg = tick_arg;
    t->started = now();
    enc_wr_init(&t->waiting);
    enc_tokens_init(&t->scratch);
    enc_rc rc = enc_train_check(o, from == NULL, e);
    if (rc == ENC_OK && o->checkpoint != NULL) {
        size_t n = strlen(o->checkpoint) + 1;
        t->checkpoint = enc_mem_alloc(n);
        if (t->checkpoint == NULL) rc = enc_nomem(e);
        else memcpy(t->checkpoint, o->checkpoint, n);
        t->o.checkpoint = t->checkpoint;
    }
    if (rc == ENC_OK && from != NULL) rc = start_from(t, from, e);
    if (rc != ENC_OK) {
        enc_trainer_free(t);
        return rc;
    }
    *out = t;
    return ENC_OK;
}

static void clear_pairs(enc_pair_list *l)
{
    enc_mem_free(l->ids);
    enc_mem_free(l->starts);
    enc_mem_free(l->scores);
}

void enc_trainer_free(enc_trainer *t)
{
    if (t == NULL) return;
    enc_step_clear(&t->step);
    enc_corpus_clear(&t->corpus);
    clear_pairs(&t->positives);
    clear_pairs(&t->scored);
    enc_tokens_clear(&t->scratch);
    enc_wr_clear(&t->waiting);
    enc_mem_free(t->rows);
    enc_mem_free(t->checkpoint);
    enc_params_free(t->p);
    if (t->owns_tok) enc_tok_close(t->tok);
    enc_mem_free(t);
}

static bool is_held_out(enc_bytes text)
{
    const uint8_t *end;
    if (text.n < 3 || text.at[0] != '#' || text.at[1] != ' ') return false;
    end = memchr(text.at, '\n', text.n);
    return enc_heldout(
        (enc_bytes){text.at + 2, (end != NULL ? (size_t)(end - text.at) : text.n) - 2});
}

static enc_rc add_side(enc_trainer *t, enc_pair_list *l, enc_bytes text, enc_err *e)
{
    enc_rc rc =
        enc_tok_encode(t->tok, text, (enc_bytes){NULL, 0}, 0, false, &t->scratch, e);
    size_t n = t->scratch.n;
    if (rc != ENC_OK) return rc;
    n = n < t->o.pair_tokens ? n : t->o.pair_tokens;
    if (!enc_mem_reserve((void **)&l->ids, &l->cap_ids, l->n_ids + n, sizeof *l->ids))
        return enc_nomem(e);
    for (size_t i = 0; i < n; i++) l->ids[l->n_ids++] = t->scratch.at[i].id;
    return ENC_OK;
}

static enc_rc tokenize_pair(enc_trainer *t, enc_bytes a, enc_bytes b, float score,
                            enc_err *e)
{
    enc_pair_list *l = isnan(score) ? &t->positives : &t->scored;
    enc_rc rc;
    if (!enc_mem_reserve((void **)&l->starts, &l->cap_starts, 2 * l->n + 3,
                         sizeof *l->starts) ||
        !enc_mem_reserve((void **)&l->scores, &l->cap_scores, l->n + 1,
                         sizeof *l->scores))
        return enc_nomem(e);
    l->starts[2 * l->n] = l->n_ids;
    if ((rc = add_side(t, l, a, e))) return rc;
    l->starts[2 * l->n + 1] = l->n_ids;
    if ((rc = add_side(t, l, b, e))) return rc;
    l->scores[l->n++] = score;
    l->starts[2 * l->n] = l->n_ids;
    return ENC_OK;
}

static enc_rc keep(enc_trainer *t, enc_bytes a, enc_bytes b, bool is_pair, float score,
                   enc_err *e)
{
    if (!enc_mem_reserve((void **)&t->rows, &t->cap_rows, t->n_rows + 1, sizeof *t->rows))
        return enc_nomem(e);
    t->rows[t->n_rows++] = (kept_row){t->waiting.n, a.n, b.n, score, is_pair};
    enc_wr_bytes(&t->waiting, a.at, a.n);
    enc_wr_bytes(&t->waiting, b.at, b.n);
    return t->waiting.failed ? enc_nomem(e) : ENC_OK;
}

static bool vocabulary_tick(void *arg)
{
    return report(arg, "vocabulary", 0, 0);
}

static enc_rc make_vocabulary(enc_trainer *t, enc_vocab **out, enc_err *e)
{
    enc_vocab_train *v;
    enc_ask ask = {.stop = vocabulary_tick, .arg = t};
    enc_rc rc = enc_vocab_train_new(&v, own_rules, e);
    if (rc != ENC_OK) return rc;
    for (size_t i = 0; i < t->n_rows && rc == ENC_OK; i++) {
        const kept_row *r = &t->rows[i];
        rc = enc_vocab_train_add(v, (enc_bytes){t->waiting.at + r->at, r->n_a}, &ask, e);
        if (rc == ENC_OK && r->n_b > 0)
            rc = enc_vocab_train_add(
                v, (enc_bytes){t->waiting.at + r->at + r->n_a, r->n_b}, &ask, e);
    }
    const enc_vocab_goal goal = {
        t->o.n_vocab, 5, t->o.n_vocab / 3 < CHARS_MAX ? t->o.n_vocab / 3 : CHARS_MAX, 2};
    if (rc == ENC_OK) rc = enc_vocab_train_run(v, &goal, &ask, out, e);
    enc_vocab_train_free(v);
    return rc;
}

static enc_rc add_row(enc_trainer *t, const kept_row *r, enc_err *e)
{
    enc_bytes a = {t->waiting.at + r->at, r->n_a}, b = {a.at + r->n_a, r->n_b};
    return r->is_pair ? tokenize_pair(t, a, b, r->score, e)
                      : enc_corpus_add(&t->corpus, t->tok, a, e);
}

/* The vocabulary, the tokenizer, fresh parameters; then the rows that waited for them. */
static enc_rc begin(enc_trainer *t, enc_err *e)
{
    enc_vocab *vocab = NULL;
    enc_rc rc = make_vocabulary(t, &vocab, e);
    if (rc != ENC_OK) return rc;
    rc = enc_tok_new(&t->tok, vocab, own_rules, e);
    if (rc != ENC_OK) return rc;
    t->owns_tok = true;
    const enc_config c = {.arch = &enc_arch_bert,
                          .n_vocab = enc_vocab_size(enc_tok_vocab(t->tok)),
                          .n_layers = t->o.n_layers,
                          .hidden = t->o.hidden,
                          .n_heads = t->o.n_heads,
                          .inner = t->o.inner,
                          .n_positions = t->o.n_positions,
                          .n_segments = 2,
                          .norm_eps = 1e-12f,
                          .act = ENC_GELU,
                          .pooling = ENC_POOL_MEAN,
                          .normalize = true,
                          .max_tokens = t->o.n_positions,
                          .similarity = "cosine"};
    enc_ask ask = {.stop = read_tick, .arg = t};
    if ((rc = enc_params_new(&t->p, &c, t->o.seed, &ask, e))) return rc;
    if ((rc = begin_corpus(t, e))) return rc;
    for (size_t i = 0; i < t->n_rows && rc == ENC_OK; i++) {
        rc = add_row(t, &t->rows[i], e);
        if (rc == ENC_OK && i % 1024 == 0 && report(t, "read", i, t->n_rows))
            rc = enc_fail(e, ENC_INTERRUPT, "interrupted");
    }
    enc_wr_clear(&t->waiting);
    t->n_rows = 0;
    return rc;
}

static enc_rc add(enc_trainer *t, enc_bytes a, enc_bytes b, bool is_pair, float score,
                  enc_err *e)
{
    if (t->tok == NULL) {
        enc_rc rc = keep(t, a, b, is_pair, score, e);
        return rc == ENC_OK && t->waiting.n >= t->o.vocab_bytes ? begin(t, e) : rc;
    }
    return is_pair ? tokenize_pair(t, a, b, score, e)
                   : enc_corpus_add(&t->corpus, t->tok, a, e);
}

enc_rc enc_trainer_add_document(enc_trainer *t, enc_bytes text, enc_err *e)
{
    if (t->o.hold_out && is_held_out(text)) return ENC_OK;
    return add(t, text, (enc_bytes){NULL, 0}, false, 0.0f, e);
}

enc_rc enc_trainer_add_pair(enc_trainer *t, enc_bytes a, enc_bytes b, float score,
                            enc_err *e)
{
    if (!isnan(score) && !(score >= 0.0f && score <= 1.0f))
        return enc_fail(e, ENC_RANGE, "score %g is not in 0..1", (double)score);
    return add(t, a, b, true, score, e);
}

static void hash_pairs(enc_hasher *h, const enc_pair_list *l)
{
    enc_hasher_add(h, l->ids, l->n_ids * sizeof *l->ids);
    if (l->n == 0) return;
    enc_hasher_add(h, l->starts, (2 * l->n + 1) * sizeof *l->starts);
    enc_hasher_add(h, l->scores, l->n * sizeof *l->scores);
}

static void hash_corpus(enc_hasher *h, const enc_corpus *c)
{
    enc_hasher_add(h, c->ids, c->n_ids * sizeof *c->ids);
    if (c->n_documents == 0) return;
    enc_hasher_add(h, c->paragraphs, (c->n_paragraphs + 1) * sizeof *c->paragraphs);
    for (size_t i = 0; i < c->n_documents; i++) { /* not what lies between its fields */
        const enc_document *d = &c->documents[i];
        const size_t fields[] = {d->first, d->end, d->has_title, d->is_latin};
        enc_hasher_add(h, fields, sizeof fields);
    }
}

/* What makes two runs the same run: every option that changes a number, and the data. */
static enc_rc hash_run(enc_trainer *t, enc_err *e)
{
    const enc_train_options *o = &t->o;
    const uint64_t sizes[] = {t->step.optim.n_steps,
                              o->batch_tokens,
                              o->batch_pairs,
                              o->max_tokens,
                              o->pair_tokens,
                              t->p->n,
                              t->step.n_shards,
                              t->corpus.n_ids,
                              t->corpus.n_vocab,
                              t->positives.n,
                              t->scored.n,
                              o->seed,
                              o->bf16,
                              t->p->config.n_heads,
                              t->p->config.pooling};
    const double reals[] = {o->weight_mlm,    o->weight_nsp,   o->weight_contrast,
                            o->weight_score,  o->temperature,  o->contrast_from,
                            o->learning_rate, o->weight_decay, o->beta1,
                            o->beta2,         o->clip_norm,    o->warmup,
                            o->mask_rate};
    enc_hasher *h = enc_hasher_new();
    if (h == NULL) return enc_nomem(e);
    enc_hasher_add(h, sizes, sizeof sizes);
    enc_hasher_add(h, reals, sizeof reals);
    hash_corpus(h, &t->corpus);
    hash_pairs(h, &t->positives);
    hash_pairs(h, &t->scored);
    enc_hasher_add(h, t->p->value, t->p->n * sizeof *t->p->value);
    t->state.run = enc_hasher_get(h);
    enc_hasher_free(h);
    return ENC_OK;
}

static size_t count_steps(const enc_trainer *t)
{
    if (t->o.steps > 0) return t->o.steps;
    double n =
        t->corpus.n_ids > 0 && t->o.batch_tokens > 0
            ? (double)t->corpus.n_ids / (double)t->o.batch_tokens
            : (double)(t->positives.n + t->scored.n) / (double)(t->o.batch_pairs + 1);
    n = ceil(n * t->o.epochs);
    return n < 1.0 ? 1 : (size_t)n;
}

static bool words_tick(void *arg)
{
    return report(arg, "words", 0, 0);
}

/* A new model's word table starts from what stands near what, and the bias of its
 * masked-word head from the frequency of each piece: a step moves a bias by the learning
 * rate, so it would need thousands of steps to get there. */
static enc_rc start_from_corpus(enc_trainer *t, enc_err *e)
{
    const enc_corpus *c = &t->corpus;
    const enc_config *k = &t->p->config;
    float *bias = enc_params_in(t->p, t->p->value, t->p->w.mlm_bias);
    float *word = enc_params_in(t->p, t->p->value, t->p->w.word.data);
    enc_stop stop;
    enc_rc rc;
    if (c->n_ids == 0) return ENC_OK;
    for (size_t i = 0; i < c->n_vocab; i++) bias[i] = 0.5f;
    for (size_t i = 0; i < c->n_ids; i++) bias[c->ids[i]] += 1.0f;
    for (size_t i = 0; i < c->n_vocab; i++)
        bias[i] = logf(bias[i] / ((float)c->n_ids + 0.5f * (float)c->n_vocab));
    if (k->n_vocab < 4 * k->hidden) return ENC_OK; /* too few pieces to have directions */
    enc_stop_init(&stop, words_tick, t);
    enc_stop_now(&stop);
    if ((rc = enc_stop_rc(&stop, e))) return rc;
    return enc_cooccur_vectors(c, k->hidden, t->o.seed,
                               WORD_DEVIATION * sqrtf((float)k->hidden), word, &stop, e);
}

static bool step_tick(void *arg)
{
    enc_trainer *t = arg;
    return report(t, "train", t->n_done, t->step.optim.n_steps);
}

/* A run that moves no weight would end well and give a model that knows nothing. */
static enc_rc check_learns(const enc_trainer *t, enc_err *e)
{
    const enc_train_options *o = &t->o;
    if (enc_step_has_pairs(&t->step) && !enc_loss_can_pool(t->p->config.pooling))
        return enc_fail(e, ENC_UNSUPPORTED,
                        "pairs can be learned by models whose pooling is mean, mean_sqrt "
                        "or cls alone (batch_pairs 0 learns from documents)");
    if (enc_step_learns(&t->step)) return ENC_OK;
    return enc_fail(e, ENC_MISUSE,
                    "nothing to learn: %zu documents by batch_tokens %zu, weight_mlm %g "
                    "and weight_nsp %g; %zu pairs and %zu with scores by batch_pairs "
                    "%zu, weight_contrast %g, weight_score %g and contrast_from %g",
                    t->corpus.n_documents, o->batch_tokens, o->weight_mlm, o->weight_nsp,
                    t->positives.n, t->scored.n, o->batch_pairs, o->weight_contrast,
                    o->weight_score, o->contrast_from);
}

static enc_rc prepare(enc_trainer *t, enc_err *e)
{
    if (read_tick(t)) return enc_fail(e, ENC_INTERRUPT, "interrupted");
    enc_rc rc = t->tok == NULL ? begin(t, e) : ENC_OK;
    if (rc != ENC_OK) return rc;
    if (t->corpus.n_documents == 0 && t->positives.n + t->scored.n == 0)
        return enc_fail(e, ENC_MISUSE, "nothing to train on: no document and no pair");
    if (t->o.max_tokens > t->p->config.n_positions)
        t->o.max_tokens = t->p->config.n_positions;
    if (t->o.pair_tokens > t->p->config.n_positions)
        t->o.pair_tokens = t->p->config.n_positions;
    if (t->owns_tok && (rc = start_from_corpus(t, e))) return rc;
    enc_ask ask = {.stop = words_tick, .arg = t};
    if ((rc = enc_corpus_weigh(&t->corpus, &ask, e))) return rc;
    enc_step *s = &t->step;
    s->o = &t->o;
    s->corpus = &t->corpus;
    s->positives = &t->positives;
    s->scored = &t->scored;
    s->p = t->p;
    s->tick = step_tick;
    s->tick_arg = t;
    s->optim.rate = t->o.learning_rate;
    s->optim.decay = t->o.weight_decay;
    s->optim.beta1 = t->o.beta1;
    s->optim.beta2 = t->o.beta2;
    s->optim.clip_norm = t->o.clip_norm;
    s->optim.warmup = t->o.warmup;
    s->optim.n_steps = count_steps(t);
    if ((rc = check_learns(t, e))) return rc;
    if ((rc = enc_step_init(s, e))) return rc;
    return hash_run(t, e);
}

static void fade(enc_loss_sum *to, const enc_loss_sum *from)
{
    /* A mean over about the last 100 steps, kept as sums in fixed point. */
    size_t keep = to->n - to->n / 100, right = to->n_right - to->n_right / 100;
    to->loss *= to->n > 0 ? (double)keep / (double)to->n : 0.0;
    to->loss += from->loss;
    to->n = keep + from->n;
    to->n_right = right + from->n_right;
}

static double mean(double sum, size_t n)
{
    return n > 0 ? sum / (double)n : 0.0;
}

static void note_step(enc_trainer *t, size_t done, double seconds)
{
    enc_train_report *r = &t->report;
    const enc_step_sums *s = &t->step.sums;
    if (s->masked.n > 0) fade(&t->sums.masked, &s->masked);
    if (s->next.n > 0) fade(&t->sums.next, &s->next);
    if (s->contrast.n > 0) fade(&t->sums.contrast, &s->contrast);
    if (s->ranked.n > 0) fade(&t->sums.ranked, &s->ranked);
    r->loss_mlm = mean(t->sums.masked.loss, t->sums.masked.n);
    r->loss_nsp = mean(t->sums.next.loss, t->sums.next.n);
    r->loss_contrast = mean(t->sums.contrast.loss, t->sums.contrast.n);
    r->loss_score = mean(t->sums.ranked.loss, t->sums.ranked.n);
    r->right_mlm = mean((double)t->sums.masked.n_right, t->sums.masked.n);
    r->right_nsp = mean((double)t->sums.next.n_right, t->sums.next.n);
    r->right_contrast = mean((double)t->sums.contrast.n_right, t->sums.contrast.n);
    double rate = (double)s->n_tokens / seconds;
    r->tokens_per_second =
        r->tokens_per_second > 0.0 ? 0.95 * r->tokens_per_second + 0.05 * rate : rate;
    double per_step = (now() - t->started) / (double)(done - t->state.steps);
    r->eta_seconds = per_step * (double)(t->step.optim.n_steps - done);
    r->learning_rate = enc_optim_rate(&t->step.optim, done - 1);
}

static enc_rc write_checkpoint(enc_trainer *t, size_t done, enc_err *e)
{
    if (t->checkpoint == NULL) return ENC_OK;
    enc_checkpoint c = t->state;
    c.steps = done;
    c.seconds += now() - t->started;
    return enc_checkpoint_write(t->checkpoint, &c, &t->step.optim, e);
}

/* Told to stop after a step or in the middle of one, which is then as if never begun. */
static enc_rc stopped(enc_trainer *t, enc_err *e)
{
    enc_rc rc;
    enc_err_clear(e);
    if ((rc = write_checkpoint(t, t->n_done, e))) return rc;
    return enc_fail(e, ENC_INTERRUPT, "interrupted");
}

/* What has come to infinity does not come back: it would be a model of NaN. */
static enc_rc check_gradient(const enc_trainer *t, enc_err *e)
{
    const enc_optim *o = &t->step.optim;
    if (isfinite(o->norm)) return ENC_OK;
    return enc_fail(e, ENC_RANGE,
                    "training diverged: the gradient of step %zu of %zu has length %g "
                    "(learning_rate %g, weight_decay %g)",
                    t->n_done + 1, o->n_steps, o->norm, o->rate, o->decay);
}

enc_rc enc_trainer_run(enc_trainer *t, enc_err *e)
{
    bool found = false;
    enc_rc rc = prepare(t, e);
    if (rc == ENC_OK && t->checkpoint != NULL)
        rc = enc_checkpoint_read(t->checkpoint, &t->state, &t->step.optim, &found, e);
    /* Written at once, so that a path that cannot be is known before the hours. */
    if (rc == ENC_OK && !found) rc = write_checkpoint(t, 0, e);
    if (rc != ENC_OK) return rc;
    size_t n = t->step.optim.n_steps;
    double written = t->started = now();
    t->n_done = t->state.steps;
    while (t->n_done < n) {
        double from = now();
        rc = enc_step_run(&t->step, t->n_done, e);
        if (rc == ENC_INTERRUPT) return stopped(t, e);
        if (rc != ENC_OK || (rc = check_gradient(t, e))) return rc;
        t->n_done++;
        note_step(t, t->n_done, now() - from);
        bool stop = report(t, "train", t->n_done, n);
        if (t->n_done == n) break;
        if (stop) return stopped(t, e);
        if (now() - written < t->o.checkpoint_seconds) continue;
        if ((rc = write_checkpoint(t, t->n_done, e))) return rc;
        written = now();
    }
    return ENC_OK;
}

enc_rc enc_trainer_save(enc_trainer *t, enc_wr *out, enc_err *e)
{
    if (t->p == NULL) return enc_fail(e, ENC_MISUSE, "nothing has been trained yet");
    enc_rc rc = enc_weights_check(&t->p->config, &t->p->w, NULL, e);
    if (rc != ENC_OK) return rc;
    return enc_save_blob(&t->p->config, &t->p->w, t->tok, false, NULL, out, e);
}
