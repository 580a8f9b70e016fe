/* code.c - see code.h. An object and its arrays are one block, zeroed, so that a segment
 * costs one allocation and codes past dims are 0 wherever rows have been. */
#include "search/code.h"

#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

#define MAGIC      0x47455345u /* "ESEG" */
#define VERSION    1
#define CACHE_LINE ((size_t)64)

static size_t padded(size_t n)
{
    return (n + CACHE_LINE - 1) & ~(CACHE_LINE - 1);
}

/* The least float that is not below x and above it wherever x > 0: what double arithmetic
 * has rounded off x is far less than one such step. */
static float round_up(double x)
{
    return x > 0.0 ? nextafterf((float)x, INFINITY) : 0.0f;
}

static double square_of(const float *v, size_t n, float *largest)
{
    double sum = 0.0;
    float most = 0.0f;
    for (size_t i = 0; i < n; i++) {
        sum += (double)v[i] * (double)v[i];
        if (!(fabsf(v[i]) <= most)) most = fabsf(v[i]); /* NaN too */
    }
    *largest = most;
    return sum;
}

void enc_code_of(const float *v, size_t n, int8_t *code, enc_code *c)
{
    float largest;
    double norm = sqrt(square_of(v, n, &largest));
    memset(code, 0, n);
    *c = (enc_code){0.0f, 0.0f, 0.0f};
    if (norm <= 0.0) return;
    c->norm = round_up(norm);
    if (!(norm >= (double)ENC_NORM_MIN && norm <= (double)ENC_NORM_MAX)) {
        c->norm = norm < (double)ENC_LOSS_UNKNOWN ? c->norm : ENC_LOSS_UNKNOWN;
        c->loss = ENC_LOSS_UNKNOWN;
        return;
    }
    float per_step = 127.0f / largest;
    double vc = 0.0, cc = 0.0, lost = 0.0;
    for (size_t i = 0; i < n; i++) {
        float x = v[i] * per_step;
        int k = (int)(x + (x < 0.0f ? -0.5f : 0.5f));
        k = k > 127 ? 127 : k < -127 ? -127 : k;
        code[i] = (int8_t)k;
        vc += (double)v[i] * (double)k;
        cc += (double)(k * k);
    }
    c->scale = (float)(vc / cc);
    for (size_t i = 0; i < n; i++) {
        double d = (double)v[i] - (double)c->scale * (double)code[i];
        lost += d * d;
    }
    c->loss = round_up(sqrt(lost));
}

enc_rc enc_segment_new(enc_segment **out, size_t dims, enc_err *e)
{
    *out = NULL;
    if (dims == 0 || dims > ENC_DIMS_MAX)
        return enc_fail(e, ENC_RANGE, "a segment of %zu dimensions, not 1 to %d", dims,
                        ENC_DIMS_MAX);
    size_t stride = padded(dims), head = padded(sizeof(enc_segment));
    size_t ids = ENC_SEGMENT_ROWS * sizeof(int64_t);
    size_t floats = ENC_SEGMENT_ROWS * sizeof(float);
    size_t size = head + ids + 4 * floats + ENC_SEGMENT_ROWS * (stride + stride / 2);
    char *at = enc_mem_zero(size);
    if (at == NULL) return enc_nomem(e);
    enc_segment *s = (enc_segment *)(void *)at;
    s->dims = dims;
    s->stride = stride;
    s->size = size;
    s->ids = (int64_t *)(void *)(at += head);
    s->scale = (float *)(void *)(at += ids);
    s->loss = (float *)(void *)(at += floats);
    s->norm = (float *)(void *)(at += floats);
    s->half_loss = (float *)(void *)(at += floats);
    s->codes = (int8_t *)(at += floats);
    s->halves = (uint8_t *)(at + ENC_SEGMENT_ROWS * stride);
    *out = s;
    return ENC_OK;
}

/* The halves of row i and what they lose, from its codes, scale and loss. */
static void put_halves(enc_segment *s, size_t i)
{
    const int8_t *code = s->codes + i * s->stride;
    uint8_t *half = s->halves + i * (s->stride / 2), upper[64];
    int32_t lost = 0; /* of 4 d d, where a code is 16 h - 120.5 + d */
    for (size_t j = 0; j < s->stride; j += 64, half += 32) {
        for (size_t l = 0; l < 64; l++) {
            int32_t from_zero = code[j + l] + 128, d2 = 2 * (from_zero & 15) - 15;
            upper[l] = (uint8_t)(from_zero >> 4);
            lost += d2 * d2;
        }
        for (size_t l = 0; l < 32; l++)
            half[l] = (uint8_t)(upper[l] | (upper[l + 32] << 4));
    }
    lost -= 225 * (int32_t)(s->stride - s->dims); /* of the zeros after the row */
    s->half_loss[i] = s->loss[i] >= ENC_LOSS_UNKNOWN
                          ? ENC_LOSS_UNKNOWN
                          : round_up((double)s->scale[i] * sqrt((double)lost) / 2.0 +
                                     (double)s->loss[i]);
}

void enc_segment_free(enc_segment *s)
{
    enc_mem_free(s);
}

enc_segment *enc_segment_copy(const enc_segment *s)
{
    enc_segment *t;
    if (enc_segment_new(&t, s->dims, NULL)) return NULL;
    t->n = s->n;
    memcpy(t->ids, s->ids, s->n * sizeof *s->ids);
    memcpy(t->scale, s->scale, s->n * sizeof *s->scale);
    memcpy(t->loss, s->loss, s->n * sizeof *s->loss);
    memcpy(t->norm, s->norm, s->n * sizeof *s->norm);
    memcpy(t->half_loss, s->half_loss, s->n * sizeof *s->half_loss);
    memcpy(t->codes, s->codes, s->n * s->stride);
    memcpy(t->halves, s->halves, s->n * (s->stride / 2));
    return t;
}

void enc_segment_put(enc_segment *s, size_t i, int64_t id, const float *v)
{
    enc_code c;
    enc_code_of(v, s->dims, s->codes + i * s->stride, &c);
    s->ids[i] = id;
    s->scale[i] = c.scale;
    s->loss[i] = c.loss;
    s->norm[i] = c.norm;
    put_halves(s, i);
    if (i == s->n) s->n++;
}

void enc_segment_move(enc_segment *to, size_t i, const enc_segment *from, size_t j)
{
    to->ids[i] = from->ids[j];
    to->scale[i] = from->scale[j];
    to->loss[i] = from->loss[j];
    to->norm[i] = from->norm[j];
    to->half_loss[i] = from->half_loss[j];
    memmove(to->codes + i * to->stride, from->codes + j * from->stride, to->stride);
    memmove(to->halves + i * (to->stride / 2), from->halves + j * (from->stride / 2),
            to->stride / 2);
    if (i == to->n) to->n++;
}

void enc_segment_cut(enc_segment *s, size_t n)
{
    if (n < s->n) s->n = n;
}

void enc_segment_write(const enc_segment *s, enc_wr *w)
{
    enc_wr_u32(w, MAGIC);
    enc_wr_u16(w, VERSION);
    enc_wr_u16(w, (uint16_t)s->n);
    enc_wr_u32(w, (uint32_t)s->dims);
    for (size_t i = 0; i < s->n; i++) enc_wr_u64(w, (uint64_t)s->ids[i]);
    for (size_t i = 0; i < s->n; i++) enc_wr_f32(w, s->scale[i]);
    for (size_t i = 0; i < s->n; i++) enc_wr_f32(w, s->loss[i]);
    for (size_t i = 0; i < s->n; i++) enc_wr_f32(w, s->norm[i]);
    for (size_t i = 0; i < s->n; i++) enc_wr_bytes(w, s->codes + i * s->stride, s->dims);
}

/* n floats, every one in its range; NaN is in none. */
static bool read_floats(enc_rd *r, size_t n, float *out)
{
    bool is_good = true;
    for (size_t i = 0; i < n; i++) {
        out[i] = enc_rd_f32(r);
        if (!(out[i] >= 0.0f && out[i] <= ENC_LOSS_UNKNOWN)) is_good = false;
    }
    return is_good;
}

/* The head: magic, version, n and dims, checked against dims and the length. */
static enc_rc read_head(enc_rd *r, size_t dims, size_t *n, enc_err *e)
{
    size_t length = r->left;
    uint32_t magic = enc_rd_u32(r);
    unsigned version = enc_rd_u16(r);
    *n = enc_rd_u16(r);
    size_t found = enc_rd_u32(r);
    if (!enc_rd_ok(r) || magic != MAGIC)
        return enc_fail(e, ENC_CORRUPT, "%zu bytes that are not a segment", length);
    if (version != VERSION)
        return enc_fail(e, ENC_UNSUPPORTED, "a segment of version %u, not %d", version,
                        VERSION);
    if (*n > ENC_SEGMENT_ROWS)
        return enc_fail(e, ENC_CORRUPT, "%zu rows in a segment, which holds at most %d",
                        *n, ENC_SEGMENT_ROWS);
    if (found != dims)
        return enc_fail(e, ENC_CORRUPT, "a segment of %zu dimensions, not %zu", found,
                        dims);
    if (r->left != *n * (sizeof(int64_t) + 3 * sizeof(float) + dims))
        return enc_fail(e, ENC_CORRUPT,
                        "%zu rows of %zu dimensions in a segment of %zu bytes", *n, dims,
                        length);
    return ENC_OK;
}

enc_rc enc_segment_read(enc_segment **out, enc_bytes b, size_t dims, enc_err *e)
{
    enc_segment *s = NULL;
    enc_rd r = enc_rd_of(b.at, b.n);
    size_t n;
    enc_rc rc;

    *out = NULL;
    if ((rc = read_head(&r, dims, &n, e))) return rc;
    if ((rc = enc_segment_new(&s, dims, e))) return rc;
    for (size_t i = 0; i < n; i++) s->ids[i] = (int64_t)enc_rd_u64(&r);
    bool is_good = read_floats(&r, n, s->scale);
    is_good &= read_floats(&r, n, s->loss);
    is_good &= read_floats(&r, n, s->norm);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *row = enc_rd_span(&r, dims, 1);
        if (row == NULL) break;
        if (memchr(row, 0x80, dims) != NULL) is_good = false; /* -128 */
        memcpy(s->codes + i * s->stride, row, dims);
        put_halves(s, i);
    }
    if (!is_good || !enc_rd_end(&r)) {
        enc_segment_free(s);
        return enc_fail(e, ENC_CORRUPT,
                        "a segment of %zu rows with a number no row can have", n);
    }
    s->n = n;
    *out = s;
    return ENC_OK;
}
