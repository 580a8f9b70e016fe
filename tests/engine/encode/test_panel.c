/* test_panel.c - packed weights, and products with them in every table.
 *
 * Bounds, not guesses. A sum of K products in one chain errs by at most K u S, u = 2^-24
 * and S the sum of absolute values; a few roundings come after it. Integers are exact, so
 * int8 differs from the definition by the roundings behind the sum alone. Inputs are
 * allocated to the byte, by malloc, so that sanitizers see any access beside them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "check.h"
#include "engine/encode/tables.h"

#define U 0x1p-24

static const enc_kern *tables[TABLES_MAX];
static size_t n_tables, n_own;
static const enc_dtype types[] = {ENC_F32, ENC_BF16, ENC_I8};

/* A layer, its panels, and rows for it. */
typedef struct problem {
    size_t T, K, N;
    float *w, *b, *x, *mul, *add, *scale, *least;
    void *room, *left;
    enc_panels panels;
    enc_affine a; /* y is set by the user of it */
} problem;

/* The rows as a table makes them. */
static void narrow(problem *o, const enc_kern *k)
{
    const enc_dtype type = o->panels.dtype;
    const size_t stride = o->panels.n_steps * 4;
    uint8_t *to = o->left;
    for (size_t t = 0; t < o->T; t++, to += stride) {
        const float *x = o->x + t * o->K;
        if (type == ENC_I8) k->to_u8(to, x, o->K, &o->scale[t], &o->least[t]);
        else if (type == ENC_BF16) k->to_bf16((uint16_t *)(void *)to, x, o->K);
        else memcpy(to, x, o->K * sizeof *x);
    }
    o->a.x = (enc_left){o->left, stride, o->scale, o->least};
}

static void problem_init(problem *o, enc_rng *r, enc_dtype type, size_t T, size_t K,
                         size_t N)
{
    *o = (problem){.T = T, .K = K, .N = N};
    o->w = random_floats(r, N * K);
    o->b = random_floats(r, N);
    o->x = random_floats(r, T * K);
    o->mul = random_floats(r, T * N);
    o->add = random_floats(r, T * N);
    o->scale = exact(T, sizeof(float));
    o->least = exact(T, sizeof(float));
    float *row = exact(K, sizeof *row);
    const enc_linear l = {{o->w, ENC_F32, NULL, N, K}, o->b}, *const parts[] = {&l};
    if ((o->room = enc_mem_zero(enc_panels_size(type, N, K))) == NULL) abort();
    enc_panels_pack(&o->panels, type, parts, 1, o->room, row);
    free(row);
    o->left = exact(T * o->panels.n_steps, 4);
    memset(o->left, 0x55, T * o->panels.n_steps * 4); /* behind a row's end: anything */
    narrow(o, &enc_kern_plain);
    o->a.n_rows = T;
    o->a.w = &o->panels;
    o->a.y_stride = N;
    o->a.act = ENC_ACT_NONE;
}

static void problem_clear(problem *o)
{
    free(o->w), free(o->b), free(o->x), free(o->mul), free(o->add), free(o->scale);
    free(o->least), free(o->left);
    enc_mem_free(o->room);
}

static double left_value(const problem *o, size_t t, size_t k)
{
    const uint8_t *row = (const uint8_t *)o->left + t * o->panels.n_steps * 4;
    if (o->panels.dtype == ENC_I8)
        return (double)o->least[t] + (double)o->scale[t] * (double)row[k];
    if (o->panels.dtype == ENC_BF16)
        return (double)enc_bf16_to_f32(((const uint16_t *)(const void *)row)[k]);
    return (double)o->x[t * o->K + k];
}

/* What the product must be within, for one output: S is a sum over the weights as they
 * were, twice as much for what rounding them adds. */
static double bound_of(const problem *o, size_t t, size_t i)
{
    double s = fabs((double)o->b[i]) + fabs((double)o->add[t * o->N + i]);
    const double steps = o->panels.dtype == ENC_I8 ? 8.0 : (double)o->K + 4.0;
    for (size_t k = 0; k < o->K; k++)
        s += 2.0 * fabs((double)o->w[i * o->K + k]) *
             (fabs(left_value(o, t, k)) +
              (o->panels.dtype == ENC_I8 ? 2.0 * fabs((double)o->least[t]) : 0.0));
    const double gain = o->a.mul != NULL ? 1.0 + fabs((double)o->mul[t * o->N + i]) : 1.0;
    return gain * (1.13 * steps * U * s + 2e-7 * fmax(1.0, s));
}

static void run(const enc_kern *k, problem *o, float *y)
{
    for (size_t i = 0; i < o->T * o->N; i++) y[i] = -777.0f;
    o->a.y = y;
    enc_affine_run(k, &o->a, 0, o->panels.n_panels);
}

static void every_shape_agrees_with_the_definition(const enc_kern *k, enc_dtype type)
{
    static const size_t shapes[][2] = {{1, 1},   {2, 15},  {3, 16},  {4, 17},   {5, 31},
                                       {7, 33},  {8, 48},  {31, 49}, {32, 100}, {64, 16},
                                       {65, 64}, {383, 7}, {384, 96}};
    enc_rng r = {1};
    double worst = 0.0;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        for (size_t T = 1; T <= 19; T += T > 12 ? 5 : 1) {
            problem o;
            problem_init(&o, &r, type, T, shapes[s][0], shapes[s][1]);
            float *fast = exact(T * o.N, 4), *plain = exact(T * o.N, 4);
            o.a.act = (int)(T % 5) - 1;
            if (T % 2 == 0) o.a.add = o.add;
            if (T % 3 == 0) o.a.mul = o.mul;
            run(&enc_kern_plain, &o, plain);
            run(k, &o, fast);
            for (size_t i = 0; i < T * o.N; i++) {
                double off = fabs((double)fast[i] - (double)plain[i]);
                off /= bound_of(&o, i / o.N, i % o.N);
                if (!(off <= worst)) worst = off;
            }
            free(fast), free(plain);
            problem_clear(&o);
        }
    }
    CHECK_SAY(worst <= 1.0, "%s %s: %g of the bound", k->name, enc_dtype_name(type),
              worst);
}

/* Alone, in any number of rows, and panel by panel: the same bits. */
static void bits_do_not_depend_on_tiling(const enc_kern *k, enc_dtype type)
{
    enc_rng r = {2};
    problem o;
    problem_init(&o, &r, type, 61, 100, 71);
    float *whole = exact(o.T * o.N, 4), *y = exact(o.T * o.N, 4);
    const enc_left all = o.a.x;
    o.a.act = ENC_GELU;
    run(k, &o, whole);
    for (size_t rows = 1; rows <= o.T; rows += rows > 20 ? 13 : 1) {
        for (size_t cut = 1; cut <= o.panels.n_panels; cut++) {
            for (size_t t = 0; t < o.T; t += rows) {
                o.a.n_rows = o.T - t < rows ? o.T - t : rows;
                o.a.x.at = (const uint8_t *)all.at + t * all.stride;
                o.a.x.scale = all.scale + t;
                o.a.x.least = all.least + t;
                o.a.y = y + t * o.N;
                enc_affine_run(k, &o.a, 0, cut);
                enc_affine_run(k, &o.a, cut, o.panels.n_panels);
            }
            CHECK_SAY(memcmp(y, whole, o.T * o.N * sizeof *y) == 0,
                      "%s %s: %zu rows at once, cut at panel %zu", k->name,
                      enc_dtype_name(type), rows, cut);
        }
    }
    free(whole), free(y);
    problem_clear(&o);
}

/* The residual, and what is gated. */
static void what_comes_in_may_be_the_output(const enc_kern *k, enc_dtype type)
{
    enc_rng r = {4};
    problem o;
    problem_init(&o, &r, type, 9, 33, 21);
    float *apart = exact(o.T * o.N, 4), *in_place = exact(o.T * o.N, 4);
    o.a.act = ENC_SILU;
    for (size_t i = 0; i < 2; i++) {
        memcpy(in_place, i == 0 ? o.add : o.mul, o.T * o.N * sizeof *apart);
        o.a.add = i == 0 ? o.add : NULL;
        o.a.mul = i == 1 ? o.mul : NULL;
        run(k, &o, apart);
        if (i == 0) o.a.add = in_place;
        else o.a.mul = in_place;
        o.a.y = in_place;
        enc_affine_run(k, &o.a, 0, o.panels.n_panels);
        CHECK(memcmp(apart, in_place, o.T * o.N * sizeof *apart) == 0);
    }
    free(apart), free(in_place);
    problem_clear(&o);
}

/* To the bit: the factor comes behind the activation and before the residual. */
static void a_gate_multiplies(const enc_kern *k, enc_dtype type)
{
    enc_rng r = {5};
    problem o;
    problem_init(&o, &r, type, 7, 50, 37);
    float *bare = exact(o.T * o.N, 4), *gated = exact(o.T * o.N, 4);
    size_t n_other = 0;
    o.a.act = ENC_GELU;
    run(k, &o, bare);
    o.a.mul = o.mul;
    run(k, &o, gated);
    for (size_t i = 0; i < o.T * o.N; i++) {
        float y = bare[i] * o.mul[i];
        if (k == &enc_kern_plain) n_other += !(fabsf(y - gated[i]) <= 1e-6f * fabsf(y));
        else n_other += y != gated[i];
    }
    CHECK_SAY(n_other == 0, "%s %s: %zu", k->name, enc_dtype_name(type), n_other);
    for (size_t i = 0; i < o.T * o.N; i++) gated[i] += o.add[i];
    o.a.add = o.add;
    run(k, &o, bare);
    n_other = 0;
    for (size_t i = 0; i < o.T * o.N; i++) n_other += fabsf(bare[i] - gated[i]) > 1e-5f;
    CHECK_SAY(n_other == 0, "%s %s: %zu", k->name, enc_dtype_name(type), n_other);
    free(bare), free(gated);
    problem_clear(&o);
}

/* All but bf16, whose own instruction rounds in other places. */
static void fast_tables_give_the_same_bits(const enc_kern *a, const enc_kern *b)
{
    enc_rng r = {8};
    for (size_t T = 1; T <= 30; T++) {
        problem o;
        problem_init(&o, &r, T % 2 ? ENC_F32 : ENC_I8, T, 5 * T + 300, 3 * T + 40);
        float *y = exact(T * o.N, 4), *z = exact(T * o.N, 4);
        o.a.act = (int)(T % 5) - 1;
        if (T % 3 == 0) o.a.mul = o.mul;
        run(a, &o, y);
        run(b, &o, z);
        CHECK_SAY(memcmp(y, z, T * o.N * sizeof *y) == 0, "%s and %s", a->name, b->name);
        free(y), free(z);
        problem_clear(&o);
    }
}

static void rows_are_narrowed_alike(const enc_kern *k)
{
    enc_rng r = {9};
    for (size_t n = 1; n <= 70; n++) {
        float *x = random_floats(&r, n), s[2], l[2];
        uint16_t *h = exact(n, sizeof *h), *g = exact(n, sizeof *g);
        uint8_t *q = exact(n, 1), *p = exact(n, 1);
        if (n % 7 == 0) memset(x, 0, n * sizeof *x); /* all the same */
        k->to_bf16(h, x, n);
        enc_kern_plain.to_bf16(g, x, n);
        CHECK(memcmp(h, g, n * sizeof *h) == 0);
        k->to_u8(q, x, n, &s[0], &l[0]);
        enc_kern_plain.to_u8(p, x, n, &s[1], &l[1]);
        CHECK(memcmp(q, p, n) == 0 && s[0] == s[1] && l[0] == l[1]);
        for (size_t i = 0; i < n; i++)
            CHECK(fabsf(l[0] + s[0] * (float)q[i] - x[i]) <= 0.501f * s[0] + 1e-6f);
        static const float odd[] = {INFINITY, -INFINITY, NAN};
        x[n / 2] = odd[n % 3];
        k->to_u8(q, x, n, &s[0], &l[0]);
        CHECK_SAY(isnan(s[0]), "%s: scale %g of a row with %g", k->name, (double)s[0],
                  (double)odd[n % 3]);
        free(x), free(h), free(g), free(q), free(p);
    }
    const float edges[] = {0.0f, -0.0f, 1.00390625f, 1.01171875f, 3e38f, 3.4e38f, NAN};
    static const uint16_t want[] = {0, 0x8000, 0x3f80, 0x3f82, 0x7f62, 0x7f80};
    uint16_t got[7];
    k->to_bf16(got, edges, 7);
    CHECK(memcmp(got, want, sizeof want) == 0);
    CHECK((got[6] & 0x7f80) == 0x7f80 && (got[6] & 0x7f) != 0);
}

/* A value that is not finite is not lost on the way. */
static void not_a_number_stays_one(const enc_kern *k, enc_dtype type)
{
    enc_rng r = {10};
    problem o;
    problem_init(&o, &r, type, 3, 40, 20);
    float *y = exact(o.T * o.N, 4);
    o.x[40 + 7] = NAN;
    narrow(&o, k);
    run(k, &o, y);
    for (size_t i = 0; i < o.N; i++)
        CHECK(isfinite(y[i]) && isnan(y[o.N + i]) && isfinite(y[2 * o.N + i]));
    free(y);
    problem_clear(&o);
}

/* -- Packing ---------------------------------------------------------------------------
 */

static void int8_pairs_fit_sixteen_bits(void)
{
    enc_rng r = {11};
    problem o;
    problem_init(&o, &r, ENC_I8, 1, 97, 50);
    size_t n_wide = 0;
    for (size_t i = 0; i < o.N; i++) {
        double most = 0.0;
        for (size_t k = 0; k < 97; k += 2) {
            const uint8_t *at = o.panels.data +
                                (i / 16 * o.panels.n_steps + k / 4) * ENC_STEP +
                                i % 16 * 4 + k % 4;
            int a = (int8_t)at[0], b = (int8_t)at[1];
            n_wide += abs(a) + abs(b) > 128;
            most = fmax(most, abs(a) + abs(b));
            CHECK(fabs((double)o.panels.scale[i] * a - (double)o.w[i * 97 + k]) <=
                  0.501 * (double)o.panels.scale[i]);
        }
        CHECK(most >= 126.0); /* and use them */
    }
    CHECK(n_wide == 0);
    problem_clear(&o);
}

/* Every weight is in its place as the header says, whatever is left over. */
static void weights_are_packed_by_the_definition(enc_dtype type)
{
    static const size_t widths[] = {1, 3, 63, 64, 65, 130};
    enc_rng r = {11};
    size_t n_wrong = 0;
    for (size_t s = 0; s < sizeof widths / sizeof *widths; s++) {
        problem o;
        const size_t size = enc_dtype_size(type), each = 4 / size, K = widths[s];
        problem_init(&o, &r, type, 1, K, 37);
        for (size_t n = 0; n < 48; n++)
            for (size_t k = 0; k < o.panels.n_steps * each; k++) {
                const float w = n < 37 && k < K ? o.w[n * K + k] : 0.0f;
                const float inverse =
                    type == ENC_I8 && n < 37 ? 1.0f / o.panels.scale[n] : 0.0f;
                const uint16_t half = enc_bf16_of(w);
                const int8_t byte = (int8_t)rintf(w * inverse);
                const void *wanted = type == ENC_F32    ? (const void *)&w
                                     : type == ENC_BF16 ? (const void *)&half
                                                        : (const void *)&byte;
                const size_t step = n / 16 * o.panels.n_steps + k / each;
                n_wrong +=
                    memcmp(o.panels.data + step * ENC_STEP + n % 16 * 4 + k % each * size,
                           wanted, size) != 0;
            }
        problem_clear(&o);
    }
    CHECK_SAY(n_wrong == 0, "%zu weights of type %d are otherwise", n_wrong, (int)type);
}

static void layers_lie_side_by_side(void)
{
    enc_rng r = {12};
    float *w = random_floats(&r, 3 * 20 * 10), *b = random_floats(&r, 60), row[10];
    enc_linear l[3];
    for (size_t i = 0; i < 3; i++)
        l[i] = (enc_linear){{w + i * 200, ENC_F32, NULL, 20, 10}, b + i * 20};
    l[1].b = NULL;
    const enc_linear whole = {{w, ENC_F32, NULL, 60, 10}, NULL};
    const enc_linear *const parts[] = {&l[0], &l[1], &l[2]}, *const one[] = {&whole};
    for (size_t i = 0; i < 3; i++) {
        const size_t size = enc_panels_size(types[i], 60, 10);
        uint8_t *a = enc_mem_zero(size), *c = enc_mem_zero(size);
        enc_panels pa, pc;
        if (a == NULL || c == NULL) abort();
        enc_panels_pack(&pa, types[i], parts, 3, a, row);
        enc_panels_pack(&pc, types[i], one, 1, c, row);
        CHECK(pa.n == 60 && pa.n_panels == 4 && pa.k == 10);
        CHECK(memcmp(pa.data, pc.data, 4 * pa.n_steps * ENC_STEP) == 0);
        for (size_t j = 0; j < 60; j++)
            CHECK(pa.bias[j] == (j / 20 == 1 ? 0.0f : b[j]) && pc.bias[j] == 0.0f);
        CHECK((const uint8_t *)(pa.bias + 64) <= a + size);
        enc_mem_free(a), enc_mem_free(c);
    }
    free(w), free(b);
}

/* int8 rows that came so are packed as the values they stand for. */
static void stored_int8_is_packed_by_value(void)
{
    enc_rng r = {13};
    int8_t q[16 * 8];
    float scale[16], w[16 * 8], row[8];
    for (size_t i = 0; i < 16 * 8; i++)
        q[i] = (int8_t)((int)enc_rng_below(&r, 255) - 127);
    for (size_t i = 0; i < 16; i++) scale[i] = 0.01f * (float)(i + 1);
    for (size_t i = 0; i < 16 * 8; i++) w[i] = (float)q[i] * scale[i / 8];
    const enc_linear a = {{q, ENC_I8, scale, 16, 8}, NULL}, *const pa[] = {&a};
    const enc_linear b = {{w, ENC_F32, NULL, 16, 8}, NULL}, *const pb[] = {&b};
    for (size_t i = 0; i < 3; i++) {
        const size_t size = enc_panels_size(types[i], 16, 8);
        uint8_t *one = enc_mem_zero(size), *two = enc_mem_zero(size);
        enc_panels p;
        if (one == NULL || two == NULL) abort();
        enc_panels_pack(&p, types[i], pa, 1, one, row);
        enc_panels_pack(&p, types[i], pb, 1, two, row);
        CHECK(memcmp(one, two, size) == 0);
        enc_mem_free(one), enc_mem_free(two);
    }
}

static void rows_of_zeros_and_dust_are_zeros(void)
{
    float w[2 * 8] = {0.0f}, row[8];
    for (size_t i = 8; i < 16; i++) w[i] = 1e-42f;
    const enc_linear l = {{w, ENC_F32, NULL, 2, 8}, NULL}, *const parts[] = {&l};
    uint8_t *room = enc_mem_zero(enc_panels_size(ENC_I8, 2, 8));
    enc_panels p;
    if (room == NULL) abort();
    enc_panels_pack(&p, ENC_I8, parts, 1, room, row);
    for (size_t i = 0; i < 2; i++) CHECK(p.scale[i] == 0.0f && p.sum[i] == 0.0f);
    enc_mem_free(room);
}

int main(void)
{
    n_tables = list_tables(tables, &n_own);
    for (size_t i = 0; i < n_tables; i++) {
        for (size_t t = 0; t < 3; t++) {
            if (i > 0) every_shape_agrees_with_the_definition(tables[i], types[t]);
            bits_do_not_depend_on_tiling(tables[i], types[t]);
            what_comes_in_may_be_the_output(tables[i], types[t]);
            a_gate_multiplies(tables[i], types[t]);
            not_a_number_stays_one(tables[i], types[t]);
        }
        rows_are_narrowed_alike(tables[i]);
        if (i > 1) fast_tables_give_the_same_bits(tables[1], tables[i]);
    }
    for (size_t t = 0; t < 3; t++) weights_are_packed_by_the_definition(types[t]);
    int8_pairs_fit_sixteen_bits();
    layers_lie_side_by_side();
    stored_int8_is_packed_by_value();
    rows_of_zeros_and_dust_are_zeros();
    return check_done("panel");
}
