/* modules.c - see modules.h. */
#include "model/modules.h"

#include <math.h>

/* A tensor of the module's file as floats; rows x cols, or a vector where cols is 0. */
static enc_rc bind(enc_arena *a, enc_files *f, const enc_module *s, const char *name,
                   size_t cols, const float **out, enc_err *e)
{
    const enc_tensor wanted = {.rank = cols > 0 ? 2 : 1, .shape = {s->rows, cols}};
    const enc_tensor *t;
    char found[96], expected[96];
    enc_rc rc = enc_files_part(f, s->path, name, &t, e);

    if (rc != ENC_OK) return rc;
    if (t->rank != wanted.rank || t->shape[0] != s->rows ||
        (cols > 0 && t->shape[1] != cols)) {
        enc_tensor_shape_text(t, found, sizeof found);
        enc_tensor_shape_text(&wanted, expected, sizeof expected);
        return enc_fail(e, ENC_CORRUPT, "tensor %s of %s has shape %s, expected %s", name,
                        s->path, found, expected);
    }
    if (!enc_dtype_is_float(t->dtype))
        return enc_fail(e, ENC_UNSUPPORTED,
                        "tensor %s of %s is of type %s, expected floats", name, s->path,
                        enc_dtype_name(t->dtype));
    const size_t n = enc_tensor_count(t);
    float *x = enc_arena_alloc(a, n * sizeof *x); /* bounded by ENC_DIMS_MAX squared */
    if (x == NULL) return enc_nomem(e);
    enc_tensor_to_f32(t, x);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return enc_fail(e, ENC_CORRUPT, "tensor %s of %s contains NaN or infinity",
                            name, s->path);
    *out = x;
    return ENC_OK;
}

static enc_rc bind_module(enc_module_weights *w, enc_arena *a, enc_files *f,
                          const enc_module *s, enc_err *e)
{
    const float *x;
    enc_rc rc = ENC_OK;

    if (s->kind == ENC_MODULE_DENSE) {
        if ((rc = bind(a, f, s, "linear.weight", s->cols, &x, e))) return rc;
        w->dense.w = (enc_mat){x, ENC_F32, NULL, s->rows, s->cols};
        if (s->has_bias) rc = bind(a, f, s, "linear.bias", 0, &w->dense.b, e);
    } else if (s->kind == ENC_MODULE_NORM) {
        if ((rc = bind(a, f, s, "norm.weight", 0, &w->norm.gain, e))) return rc;
        rc = bind(a, f, s, "norm.bias", 0, &w->norm.bias, e);
    }
    return rc;
}

enc_rc enc_modules_bind(const enc_module_weights **out, enc_arena *a, const enc_config *c,
                        enc_files *f, enc_err *e)
{
    enc_module_weights *all;
    enc_rc rc = ENC_OK;

    *out = NULL;
    if (c->n_modules == 0) return ENC_OK;
    all = enc_arena_alloc(a, c->n_modules * sizeof *all);
    if (all == NULL) return enc_nomem(e);
    for (size_t i = 0; rc == ENC_OK && i < c->n_modules; i++)
        rc = bind_module(&all[i], a, f, &c->modules[i], e);
    *out = all;
    return rc;
}

size_t enc_module_count(const enc_module *s)
{
    switch (s->kind) {
    case ENC_MODULE_DENSE: return s->rows * s->cols + (s->has_bias ? s->rows : 0);
    case ENC_MODULE_NORM: return 2 * s->rows;
    case ENC_MODULE_NORMALIZE: return 0;
    }
    return 0;
}
