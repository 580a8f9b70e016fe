/* charsmap.c - see charsmap.h. */
#include "text/charsmap.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/wr.h"

struct enc_charsmap {
    uint32_t *units; /* n_units */
    size_t n_units;
    uint8_t *texts; /* n_texts, the last of them NUL */
    size_t n_texts;
    bool keeps[128];
};

static size_t offset_of(uint32_t unit)
{
    return (size_t)(unit >> 10) << ((unit & 0x200u) >> 6);
}

/* The child of a unit by one byte; false if there is none. */
static bool step(const enc_charsmap *m, size_t *at, uint8_t byte)
{
    size_t to = *at ^ offset_of(m->units[*at]) ^ byte;
    if (to >= m->n_units || (m->units[to] & 0x800000ffu) != byte) return false;
    *at = to;
    return true;
}

/* The text of the key that ends at a unit; false if none ends there. */
static bool text_at(const enc_charsmap *m, size_t at, enc_bytes *text)
{
    uint32_t unit = m->units[at];
    size_t leaf = at ^ offset_of(unit);
    if ((unit & 0x100u) == 0 || leaf >= m->n_units) return false;
    size_t place = m->units[leaf] & 0x7fffffffu;
    if (place >= m->n_texts) return false;
    text->at = m->texts + place;
    text->n = strlen((const char *)text->at);
    return true;
}

size_t enc_charsmap_find(const enc_charsmap *m, const uint8_t *at, size_t n,
                         enc_bytes *to)
{
    size_t unit = 0, n_taken = 0;
    for (size_t i = 0; i < n && step(m, &unit, at[i]); i++)
        if (text_at(m, unit, to)) n_taken = i + 1;
    return n_taken;
}

bool enc_charsmap_keeps(const enc_charsmap *m, uint8_t byte)
{
    return byte < 128 && m->keeps[byte];
}

static void find_kept(enc_charsmap *m)
{
    enc_bytes text;
    for (unsigned b = 0; b < 128; b++) {
        size_t unit = 0;
        m->keeps[b] = true;
        if (!step(m, &unit, (uint8_t)b)) continue;
        if (text_at(m, unit, &text)) m->keeps[b] = false;
        for (unsigned c = 0; c < 128; c++) {
            size_t next = unit;
            if (step(m, &next, (uint8_t)c)) m->keeps[b] = false;
        }
    }
}

/* Every text must end, and in time. */
static enc_rc check_texts(const enc_charsmap *m, const char *what, enc_err *e)
{
    size_t from = 0;
    for (size_t i = 0; i < m->n_texts; i++) {
        if (m->texts[i] == 0) from = i + 1;
        if (i - from >= ENC_MAPPED_MAX && m->texts[i] != 0)
            return enc_fail(e, ENC_CORRUPT,
                            "%s: the character map has a text of more than %d bytes",
                            what, ENC_MAPPED_MAX);
    }
    return from == m->n_texts
               ? ENC_OK
               : enc_fail(e, ENC_CORRUPT, "%s: the character map ends within a text",
                          what);
}

enc_rc enc_charsmap_new(enc_charsmap **out, enc_bytes blob, const char *what, enc_err *e)
{
    enc_rd r = enc_rd_of(blob.at, blob.n);
    size_t n = enc_rd_u32(&r);
    enc_rc rc;
    *out = NULL;
    if (blob.n > ENC_CHARSMAP_MAX)
        return enc_fail(e, ENC_RANGE,
                        "%s: the character map has %zu bytes, at most %zu are allowed",
                        what, blob.n, ENC_CHARSMAP_MAX);
    if (n == 0 || n % sizeof(uint32_t) != 0 || n > r.left)
        return enc_fail(e, ENC_CORRUPT,
                        "%s: the character map says its trie has %zu bytes, of %zu", what,
                        n, blob.n);
    enc_charsmap *m = enc_mem_zero(sizeof *m);
    if (m == NULL) return enc_nomem(e);
    m->n_units = n / sizeof *m->units;
    m->n_texts = r.left - n;
    m->units = enc_mem_array(m->n_units, sizeof *m->units);
    m->texts = enc_mem_alloc(m->n_texts);
    rc = m->units == NULL || m->texts == NULL ? enc_nomem(e) : ENC_OK;
    if (rc == ENC_OK) {
        for (size_t i = 0; i < m->n_units; i++) m->units[i] = enc_rd_u32(&r);
        const uint8_t *texts = enc_rd_span(&r, m->n_texts, 1);
        if (m->n_texts > 0) memcpy(m->texts, texts, m->n_texts);
        rc = check_texts(m, what, e);
    }
    if (rc == ENC_OK) {
        find_kept(m);
        *out = m;
        m = NULL;
    }
    enc_charsmap_free(m);
    return rc;
}

void enc_charsmap_free(enc_charsmap *m)
{
    if (m == NULL) return;
    enc_mem_free(m->units);
    enc_mem_free(m->texts);
    enc_mem_free(m);
}

void enc_charsmap_write(const enc_charsmap *m, enc_wr *out)
{
    enc_wr_u32(out, (uint32_t)(m->n_units * sizeof *m->units));
    for (size_t i = 0; i < m->n_units; i++) enc_wr_u32(out, m->units[i]);
    enc_wr_bytes(out, m->texts, m->n_texts);
}
