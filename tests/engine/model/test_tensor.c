/* Half floats of both kinds: every one of the 65,536 against arithmetic in double. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "check.h"
#include "model/tensor.h"

/* What the bits mean: sign, exponent with its bias, fraction. */
static double meaning(uint16_t h, int n_exponent, int n_fraction)
{
    int bias = (1 << (n_exponent - 1)) - 1;
    int exponent = h >> n_fraction & ((1 << n_exponent) - 1);
    double fraction = ldexp(h & ((1 << n_fraction) - 1), -n_fraction);
    double sign = h & 0x8000 ? -1.0 : 1.0;

    if (exponent == (1 << n_exponent) - 1)
        return fraction == 0.0 ? sign * (double)INFINITY : (double)NAN;
    if (exponent == 0) return sign * ldexp(fraction, 1 - bias);
    return sign * ldexp(1.0 + fraction, exponent - bias);
}

static bool same(float got, double expected)
{
    if (isnan(expected)) return isnan(got);
    return (double)got == expected && !signbit(got) == !signbit(expected);
}

static void every_half_is_exact(void)
{
    size_t wrong = 0;

    for (uint32_t h = 0; h < 0x10000; h++) {
        if (!same(enc_f16_to_f32((uint16_t)h), meaning((uint16_t)h, 5, 10))) wrong++;
        if (!same(enc_bf16_to_f32((uint16_t)h), meaning((uint16_t)h, 8, 7))) wrong++;
    }
    CHECK_SAY(wrong == 0, "%zu halves are read wrong", wrong);
}

static void tensors_convert_wherever_they_lie(void)
{
    uint8_t bytes[64];
    enc_tensor t = {.name = "t", .rank = 2, .shape = {2, 3}, .data = bytes + 1};
    float out[6] = {0};

    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 3);
    t.dtype = ENC_F16;
    enc_tensor_to_f32(&t, out);
    CHECK(out[5] == enc_f16_to_f32((uint16_t)(bytes[11] | bytes[12] << 8)));
    t.dtype = ENC_BF16;
    enc_tensor_to_f32(&t, out);
    CHECK(out[5] == enc_bf16_to_f32((uint16_t)(bytes[11] | bytes[12] << 8)));
    t.dtype = ENC_F32;
    enc_tensor_to_f32(&t, out);
    CHECK(memcmp(out, bytes + 1, sizeof out) == 0);
    CHECK(enc_tensor_count(&t) == 6);
}

static void whole_and_double_numbers_are_read(void)
{
    static const uint8_t eight[] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t half[] = {0, 0, 0, 0, 0, 0, 0xe0, 0x3f};
    enc_tensor t = {
        .name = "t", .dtype = ENC_I64, .rank = 1, .shape = {1}, .data = eight};
    float out = 7;

    CHECK(enc_tensor_int(&t, 0) == -2);
    enc_tensor_to_f32(&t, &out); /* no floats: out stays */
    CHECK(out == 7);
    t.dtype = ENC_I32;
    CHECK(enc_tensor_int(&t, 0) == -2 && enc_tensor_int(&t, 1) == -1);
    t.dtype = ENC_F64;
    t.data = half;
    enc_tensor_to_f32(&t, &out);
    CHECK(out == 0.5f);
}

static void shapes_read_like_lists(void)
{
    enc_tensor t = {.rank = 2, .shape = {384, 1536, 7, 8}};
    char text[32];

    enc_tensor_shape_text(&t, text, sizeof text);
    CHECK(strcmp(text, "[384, 1536]") == 0);
    t.rank = 0;
    enc_tensor_shape_text(&t, text, sizeof text);
    CHECK(strcmp(text, "[]") == 0);
    CHECK(enc_tensor_count(&t) == 1);
    t.rank = 4;
    for (size_t n = 1; n < sizeof text; n++) {
        memset(text, '#', sizeof text);
        enc_tensor_shape_text(&t, text, n);
        CHECK(strlen(text) < n && text[n] == '#');
    }
}

static void types_have_names_and_sizes(void)
{
    CHECK(enc_dtype_size(ENC_F32) == 4 && enc_dtype_size(ENC_F16) == 2);
    CHECK(enc_dtype_size(ENC_BF16) == 2 && enc_dtype_size(ENC_I8) == 1);
    CHECK(enc_dtype_size(ENC_OTHER) == 0);
    CHECK(strcmp(enc_dtype_name(ENC_BF16), "BF16") == 0);
}

int main(void)
{
    every_half_is_exact();
    tensors_convert_wherever_they_lie();
    whole_and_double_numbers_are_read();
    shapes_read_like_lists();
    types_have_names_and_sizes();
    return check_done("model/tensor");
}
