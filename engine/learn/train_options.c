/* train_options.c - see train_options.h. */
#include "learn/train_options.h"

#include <math.h>

#include "base/limits.h"

void enc_train_defaults(enc_train_options *o, bool from_nothing)
{
    *o = (enc_train_options){
        .n_vocab = 16384,
        .hidden = 256,
        .n_layers = 6,
        .n_heads = 4,
        .inner = 1024,
        .n_positions = 256,
        .epochs = 1.0,
        .batch_tokens = 4096,
        .batch_pairs = 128,
        .max_tokens = 128,
        .pair_tokens = 64,
        .mask_rate = 0.15,
        .weight_mlm = 1.0,
        .weight_nsp = from_nothing ? 0.5 : 0.1,
        .weight_contrast = 1.0,
        .weight_score = 1.0,
        .temperature = 0.05,
        .contrast_from = from_nothing ? 0.25 : 0.0,
        .learning_rate = from_nothing ? 3.5e-4 : 1e-4,
        .weight_decay = 0.01,
        .beta1 = 0.9,
        .beta2 = 0.99,
        .clip_norm = 1.0,
        .warmup = 0.05,
        .bf16 = true,
        .seed = 1,
        .vocab_bytes = (size_t)64 << 20,
        .checkpoint_seconds = 300.0,
    };
}

typedef struct size_range { /* of an option */
    const char *name;
    size_t value, min, max; /* max SIZE_MAX: any */
} size_range;

static enc_rc check_sizes(const size_range *ranges, size_t n, enc_err *e)
{
    for (size_t i = 0; i < n; i++) {
        const size_range *r = &ranges[i];
        if (r->value < r->min && r->max == SIZE_MAX)
            return enc_fail(e, ENC_RANGE, "%s %zu is under %zu", r->name, r->value,
                            r->min);
        if (r->value < r->min || r->value > r->max)
            return enc_fail(e, ENC_RANGE, "%s %zu is not in %zu..%zu", r->name, r->value,
                            r->min, r->max);
    }
    return ENC_OK;
}

typedef struct real_range { /* of an option */
    const char *name;
    double value, min, max; /* max INFINITY: any that is finite */
} real_range;

static enc_rc check_reals(const real_range *ranges, size_t n, enc_err *e)
{
    for (size_t i = 0; i < n; i++) {
        const real_range *r = &ranges[i];
        if (isfinite(r->value) && r->value >= r->min && r->value <= r->max) continue;
        if (isfinite(r->value) && isinf(r->max))
            return enc_fail(e, ENC_RANGE, "%s %g is under %g", r->name, r->value, r->min);
        return enc_fail(e, ENC_RANGE, "%s %.10g is not in %g..%.10g", r->name, r->value,
                        r->min, r->max);
    }
    return ENC_OK;
}

static enc_rc check_shape(const enc_train_options *o, enc_err *e)
{
    const size_range ranges[] = {
        {"hidden", o->hidden, 1, ENC_HIDDEN_MAX},
        {"n_layers", o->n_layers, 1, ENC_LAYERS_MAX},
        {"inner", o->inner, 1, ENC_INNER_MAX},
        {"n_vocab", o->n_vocab, 64, ENC_VOCAB_MAX},
        {"n_positions", o->n_positions, 16, ENC_POSITIONS_MAX},
        {"vocab_bytes", o->vocab_bytes, 1, SIZE_MAX},
    };
    if (o->n_heads == 0 || o->hidden % o->n_heads != 0)
        return enc_fail(e, ENC_RANGE, "hidden %zu is not divisible by n_heads %zu",
                        o->hidden, o->n_heads);
    return check_sizes(ranges, sizeof ranges / sizeof *ranges, e);
}

/* Wider than anybody needs, and narrow enough that float32 does not overflow. */
static enc_rc check_rates(const enc_train_options *o, enc_err *e)
{
    const real_range ranges[] = {
        {"epochs", o->epochs, 1e-6, 1e6},
        {"mask_rate", o->mask_rate, 0.001, 0.999},
        {"weight_mlm", o->weight_mlm, 0.0, 1e6},
        {"weight_nsp", o->weight_nsp, 0.0, 1e6},
        {"weight_contrast", o->weight_contrast, 0.0, 1e6},
        {"weight_score", o->weight_score, 0.0, 1e6},
        {"temperature", o->temperature, 1e-4, 1e4},
        {"contrast_from", o->contrast_from, 0.0, 1.0},
        {"learning_rate", o->learning_rate, 1e-12, 1.0},
        {"weight_decay", o->weight_decay, 0.0, 1000.0},
        {"beta1", o->beta1, 0.0, 0.999999}, /* at 1 a moment never moves */
        {"beta2", o->beta2, 0.0, 0.999999},
        {"clip_norm", o->clip_norm, 0.0, (double)INFINITY},
        {"warmup", o->warmup, 0.0, 1.0},
        {"checkpoint_seconds", o->checkpoint_seconds, 0.0, (double)INFINITY},
    };
    return check_reals(ranges, sizeof ranges / sizeof *ranges, e);
}

enc_rc enc_train_check(const enc_train_options *o, bool from_nothing, enc_err *e)
{
    const size_range ranges[] = {
        {"max_tokens", o->max_tokens, 16, SIZE_MAX},
        {"pair_tokens", o->pair_tokens, 8, 512},
        {"batch_tokens", o->batch_tokens, 0, (size_t)1 << 24},
        {"batch_pairs", o->batch_pairs, 0, 4096},
    };
    enc_rc rc = from_nothing ? check_shape(o, e) : ENC_OK;
    if (rc == ENC_OK) rc = check_sizes(ranges, sizeof ranges / sizeof *ranges, e);
    if (rc != ENC_OK) return rc;
    if (o->batch_tokens == 0 && o->batch_pairs < 2)
        return enc_fail(e, ENC_RANGE,
                        "batch_tokens %zu and batch_pairs %zu leave nothing to learn: at "
                        "least 1 token or 2 pairs are needed",
                        o->batch_tokens, o->batch_pairs);
    return check_rates(o, e);
}
