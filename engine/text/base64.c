/* base64.c - see base64.h. */
#include "text/base64.h"

static int value_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool enc_base64_read(enc_bytes text, enc_wr *out)
{
    size_t n_pad = 0;
    if (text.n % 4 != 0) return false;
    while (n_pad < 2 && n_pad < text.n && text.at[text.n - 1 - n_pad] == '=') n_pad++;
    for (size_t i = 0; i < text.n; i += 4) {
        uint32_t bits = 0;
        size_t n = i + 4 == text.n ? 4 - n_pad : 4;
        for (size_t k = 0; k < 4; k++) {
            int v = k < n ? value_of(text.at[i + k]) : 0;
            if (v < 0) return false;
            bits = bits << 6 | (uint32_t)v;
        }
        for (size_t k = 0; k + 1 < n; k++)
            enc_wr_u8(out, (uint8_t)(bits >> (16 - 8 * k)));
    }
    return !out->failed;
}

void enc_base64_write(enc_bytes bytes, enc_wr *out)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t n = bytes.n - i < 3 ? bytes.n - i : 3;
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++) bits = bits << 8 | (k < n ? bytes.at[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            enc_wr_u8(out, k <= n ? (uint8_t)digits[bits >> (18 - 6 * k) & 63] : '=');
    }
}
