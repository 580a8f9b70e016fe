/* utf8.c - see utf8.h. ASCII and Hangul syllables, most of the text there is, never reach
 * utf8proc: they are answered by their ranges and by arithmetic. */
#include "base/utf8.h"

#include <utf8proc.h>

#define REPLACEMENT 0xfffdu
#define HANGUL_BASE 0xac00u
#define HANGUL_END  0xd7a4u /* one past the last syllable */
#define LEAD_BASE   0x1100u
#define VOWEL_BASE  0x1161u
#define TAIL_BASE   0x11a7u /* one before the first tail: index 0 is "no tail" */
#define N_LEADS     19u
#define N_VOWELS    21u
#define N_TAILS     28u

bool enc_utf8_is_hangul(uint32_t c)
{
    return c >= HANGUL_BASE && c < HANGUL_END;
}

static utf8proc_category_t category(uint32_t c)
{
    if (enc_utf8_is_hangul(c)) return UTF8PROC_CATEGORY_LO;
    return c > 0x10ffff ? UTF8PROC_CATEGORY_CN : utf8proc_category((utf8proc_int32_t)c);
}

static const uint8_t kinds[] = {
    [UTF8PROC_CATEGORY_MN] = ENC_MARK,        [UTF8PROC_CATEGORY_MC] = ENC_OTHER_MARK,
    [UTF8PROC_CATEGORY_ME] = ENC_OTHER_MARK,  [UTF8PROC_CATEGORY_PC] = ENC_PUNCTUATION,
    [UTF8PROC_CATEGORY_PD] = ENC_PUNCTUATION, [UTF8PROC_CATEGORY_PS] = ENC_PUNCTUATION,
    [UTF8PROC_CATEGORY_PE] = ENC_PUNCTUATION, [UTF8PROC_CATEGORY_PI] = ENC_PUNCTUATION,
    [UTF8PROC_CATEGORY_PF] = ENC_PUNCTUATION, [UTF8PROC_CATEGORY_PO] = ENC_PUNCTUATION,
    [UTF8PROC_CATEGORY_ZS] = ENC_SPACE,       [UTF8PROC_CATEGORY_ZL] = ENC_SPACE,
    [UTF8PROC_CATEGORY_ZP] = ENC_SPACE,       [UTF8PROC_CATEGORY_CC] = ENC_CONTROL,
    [UTF8PROC_CATEGORY_CF] = ENC_CONTROL,     [UTF8PROC_CATEGORY_CS] = ENC_CONTROL,
    [UTF8PROC_CATEGORY_CO] = ENC_CONTROL,
};

/* Well-formed second bytes of Unicode 15, table 3-7: for all but four leading bytes they
 * are 80..BF. */
static bool is_second(uint8_t first, uint8_t second)
{
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high;
}

size_t enc_utf8_decode(const uint8_t *at, size_t n, uint32_t *c)
{
    uint8_t first = at[0];
    if (first < 0x80) {
        *c = first;
        return 1;
    }
    *c = REPLACEMENT;
    if (first < 0xc2 || first > 0xf4) return 1;
    size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t value = first & (0x7fu >> length);
    if (n < 2 || !is_second(first, at[1])) return 1;
    value = value << 6 | (at[1] & 0x3fu);
    for (size_t i = 2; i < length; i++) {
        if (i >= n || (at[i] & 0xc0) != 0x80) return i;
        value = value << 6 | (at[i] & 0x3fu);
    }
    *c = value;
    return length;
}

size_t enc_utf8_encode(uint32_t c, uint8_t out[4])
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) c = REPLACEMENT;
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

bool enc_utf8_is_text(const uint8_t *at, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t c = at[i];
        size_t length = c < 0x80 ? 1 : enc_utf8_decode(at + i, n - i, &c);
        if (c == 0 || (c == REPLACEMENT && (length != 3 || at[i] != 0xef))) return false;
        i += length;
    }
    return true;
}

/* BERT's Python also drops unassigned characters, but which those are depends on the age
 * of its Unicode tables; Hugging Face's tokenizers keep them, and so do we. */
enc_kind enc_utf8_kind(uint32_t c)
{
    if (c >= 0x80) return (enc_kind)kinds[category(c)];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') return ENC_SPACE;
    if (c < ' ' || c == 0x7f) return ENC_CONTROL;
    bool is_plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    return is_plain ? ENC_PLAIN : ENC_PUNCTUATION;
}

bool enc_utf8_is_space(uint32_t c)
{
    return enc_utf8_kind(c) == ENC_SPACE;
}

bool enc_utf8_is_control(uint32_t c)
{
    return enc_utf8_kind(c) == ENC_CONTROL;
}

bool enc_utf8_is_punctuation(uint32_t c)
{
    return enc_utf8_kind(c) == ENC_PUNCTUATION;
}

bool enc_utf8_is_cjk(uint32_t c)
{
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
           (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b73f) ||
           (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b820 && c <= 0x2ceaf) ||
           (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

bool enc_utf8_is_mark(uint32_t c)
{
    return enc_utf8_kind(c) == ENC_MARK;
}

bool enc_utf8_is_any_mark(uint32_t c)
{
    return enc_utf8_kind(c) >= ENC_MARK;
}

bool enc_utf8_is_letter(uint32_t c)
{
    if (c < 0x80) return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    utf8proc_category_t k = category(c);
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}

bool enc_utf8_is_number(uint32_t c)
{
    if (c < 0x80) return c >= '0' && c <= '9';
    utf8proc_category_t k = category(c);
    return k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO;
}

bool enc_utf8_is_white(uint32_t c)
{
    if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r');
    return c == 0x85 || (c < 0xac00 && enc_utf8_kind(c) == ENC_SPACE);
}

bool enc_utf8_is_word(uint32_t c)
{
    /* Join_Control, and what is Alphabetic of the symbols: letters in circles, squares.
     */
    if (c == 0x200c || c == 0x200d || (c >= 0x24b6 && c <= 0x24e9)) return true;
    if ((c >= 0x1f130 && c <= 0x1f149) || (c >= 0x1f150 && c <= 0x1f169) ||
        (c >= 0x1f170 && c <= 0x1f189))
        return true;
    utf8proc_category_t k = category(c);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_ND) ||
           k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_PC;
}

size_t enc_utf8_lower(uint32_t c, uint32_t out[3])
{
    if (c < 0x80) {
        out[0] = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
        return 1;
    }
    if (c == 0x130) { /* the one unconditional mapping of SpecialCasing.txt that grows */
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    out[0] = enc_utf8_is_hangul(c) || c > 0x10ffff
                 ? c
                 : (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
    return 1;
}

static size_t decompose(uint32_t c, bool is_compatible, uint32_t out[18])
{
    utf8proc_int32_t buffer[18];
    int boundary = 0;
    out[0] = c;
    if (c < 0xa0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return 1;
    if (enc_utf8_is_hangul(c)) { /* Unicode 15, section 3.12 */
        uint32_t i = c - HANGUL_BASE;
        out[0] = LEAD_BASE + i / N_TAILS / N_VOWELS;
        out[1] = VOWEL_BASE + i / N_TAILS % N_VOWELS;
        out[2] = TAIL_BASE + i % N_TAILS;
        return i % N_TAILS == 0 ? 2 : 3;
    }
    const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)c);
    if (p->decomp_seqindex == UINT16_MAX || (p->decomp_type != 0 && !is_compatible))
        return 1;
    int how = UTF8PROC_DECOMPOSE | (is_compatible ? UTF8PROC_COMPAT : 0);
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, buffer, 18,
                                                 (utf8proc_option_t)how, &boundary);
    if ((size_t)n - 1 >= 18) return 1; /* of no character that Unicode has today */
    for (utf8proc_ssize_t i = 0; i < n; i++) out[i] = (uint32_t)buffer[i];
    return (size_t)n;
}

size_t enc_utf8_decompose(uint32_t c, uint32_t out[18])
{
    return decompose(c, false, out);
}

size_t enc_utf8_decompose_compatible(uint32_t c, uint32_t out[18])
{
    return decompose(c, true, out);
}

int enc_utf8_combining_class(uint32_t c)
{
    if (c < 0x300 || c > 0x10ffff) return 0;
    return utf8proc_get_property((utf8proc_int32_t)c)->combining_class;
}

uint32_t enc_utf8_compose(uint32_t a, uint32_t b)
{
    if (a - LEAD_BASE < N_LEADS && b - VOWEL_BASE < N_VOWELS)
        return HANGUL_BASE + ((a - LEAD_BASE) * N_VOWELS + (b - VOWEL_BASE)) * N_TAILS;
    if (enc_utf8_is_hangul(a) && b > TAIL_BASE && b - TAIL_BASE < N_TAILS)
        return (a - HANGUL_BASE) % N_TAILS == 0 ? a + (b - TAIL_BASE) : 0;
    if (!enc_utf8_is_any_mark(b) || a > 0x10ffff) return 0;
    utf8proc_int32_t pair[3] = {(utf8proc_int32_t)a, (utf8proc_int32_t)b, 0};
    utf8proc_ssize_t n =
        utf8proc_normalize_utf32(pair, 2, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    return n == 1 ? (uint32_t)pair[0] : 0;
}
