/* test_bpe.c - merges by heap are merges one by one; what a list of merges may not say.
 */
#include "text/bpe.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "check.h"

#define N_LETTERS 4
#define N_MERGES  40
#define N_WORD    24

/* Pieces over "abcd": the letters, then what merges make. */
typedef struct made {
    char text[N_LETTERS + N_MERGES][32];
    enc_bytes pieces[N_LETTERS + N_MERGES];
    size_t n;
    enc_pair merges[N_MERGES];
    size_t n_merges;
} made;

static enc_bytes bytes(const char *text)
{
    return (enc_bytes){(const uint8_t *)text, strlen(text)};
}

/* Random merges of pieces there are, each making a new one. */
static void make(made *m, enc_rng *rng)
{
    m->n = 0;
    m->n_merges = 0;
    for (; m->n < N_LETTERS; m->n++) {
        snprintf(m->text[m->n], sizeof *m->text, "%c", (char)('a' + m->n));
        m->pieces[m->n] = bytes(m->text[m->n]);
    }
    while (m->n_merges < N_MERGES) {
        const char *l = m->text[enc_rng_below(rng, (uint32_t)m->n)];
        const char *r = m->text[enc_rng_below(rng, (uint32_t)m->n)];
        char both[64];
        bool is_new = strlen(l) + strlen(r) < 12;
        snprintf(both, sizeof both, "%.31s%.31s", l, r);
        for (size_t i = 0; i < m->n; i++)
            is_new = is_new && strcmp(m->text[i], both) != 0;
        if (!is_new) continue;
        m->merges[m->n_merges++] = (enc_pair){bytes(l), bytes(r)};
        memcpy(m->text[m->n], both, 32);
        m->pieces[m->n] = bytes(m->text[m->n]);
        m->n++;
    }
}

/* By the definition: the pair of least rank, the leftmost, again and again. */
static size_t naive(const made *m, const char *word, char out[N_WORD][32])
{
    size_t n = 0;
    for (; word[n] != '\0'; n++) snprintf(out[n], 32, "%c", word[n]);
    for (;;) {
        size_t best = m->n_merges, at = 0;
        for (size_t i = 0; i + 1 < n; i++)
            for (size_t k = 0; k < best; k++)
                if (strcmp(out[i], (const char *)m->merges[k].left.at) == 0 &&
                    strcmp(out[i + 1], (const char *)m->merges[k].right.at) == 0) {
                    best = k;
                    at = i;
                }
        if (best == m->n_merges) return n;
        memcpy(out[at] + strlen(out[at]), out[at + 1], strlen(out[at + 1]) + 1);
        memmove(out + at + 1, out + at + 2, (n - at - 2) * sizeof *out);
        n--;
    }
}

static void the_heap_joins_what_the_definition_joins(void)
{
    enc_rng rng = {5};
    uint32_t places[N_WORD] = {0};
    enc_piece_room room = {NULL, 0, NULL};
    int bad = 0;
    for (int turn = 0; turn < 100; turn++) {
        made m;
        enc_vocab *vocab;
        enc_bpe *b;
        enc_err e;
        enc_err_clear(&e);
        make(&m, &rng);
        CHECK(enc_vocab_new(&vocab, m.pieces, m.n, "made", &e) == ENC_OK);
        const enc_bpe_rules rules = {.unk_id = -1, .is_bytes = turn % 2 == 0};
        CHECK(enc_bpe_new(&b, vocab, rules, m.merges, m.n_merges, "made", &e) == ENC_OK);
        for (int k = 0; k < 50; k++) {
            char text[N_WORD + 1] = "", want[N_WORD][32];
            enc_piece out[N_WORD];
            size_t n_word = 1 + enc_rng_below(&rng, N_WORD - 1), n;
            for (size_t i = 0; i < n_word; i++)
                text[i] = (char)('a' + enc_rng_below(&rng, N_LETTERS));
            enc_word word = {(const uint8_t *)text, n_word, n_word, places, places};
            size_t n_want = naive(&m, text, want);
            CHECK(enc_bpe_split(b, &word, &room, out, &n, &e) == ENC_OK);
            bad += n != n_want;
            for (size_t i = 0; i < n && i < n_want; i++)
                bad += strcmp(m.text[out[i].id], want[i]) != 0 ||
                       out[i].n_bytes != strlen(want[i]);
        }
        enc_bpe_free(b);
        enc_vocab_free(vocab);
    }
    enc_mem_free(room.at);
    CHECK_SAY(bad == 0, "%d pieces differ", bad);
}

static void an_end_mark_and_unknown_characters(void)
{
    const enc_bytes pieces[] = {bytes("?"), bytes("a"), bytes("b</w>"), bytes("ab</w>")};
    const enc_pair merge = {bytes("a"), bytes("b</w>")};
    const uint32_t places[4] = {0, 1, 2, 3};
    enc_piece_room room = {NULL, 0, NULL};
    enc_vocab *vocab;
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_vocab_new(&vocab, pieces, 4, "made", &e) == ENC_OK);
    for (int fuse = 0; fuse < 2; fuse++) {
        enc_bpe_rules rules = {.fuse_unk = fuse, .unk_id = 0, .suffix = "</w>"};
        enc_word word = {(const uint8_t *)"xxab", 4, 4, places, places};
        enc_piece out[4];
        enc_bpe *b;
        size_t n;
        CHECK(enc_bpe_new(&b, vocab, rules, &merge, 1, "made", &e) == ENC_OK);
        CHECK(enc_bpe_split(b, &word, &room, out, &n, &e) == ENC_OK);
        CHECK(n == (fuse ? 2u : 3u) && out[0].id == 0 && out[n - 1].id == 3 &&
              out[0].n_bytes == (fuse ? 2u : 1u));
        enc_bpe_free(b);
        rules.unk_id = -1;
        CHECK(enc_bpe_new(&b, vocab, rules, &merge, 1, "made", &e) == ENC_OK);
        CHECK(enc_bpe_split(b, &word, &room, out, &n, &e) == ENC_OK);
        CHECK(n == 1 && out[0].id == 3 && out[0].n_bytes == 4);
        CHECK(enc_bpe_size(b) == 1 && enc_bpe_merge(b, 0).left.n == 1);
        enc_bpe_free(b);
    }
    enc_mem_free(room.at);
    enc_vocab_free(vocab);
}

static void merges_of_unknown_pieces_are_refused(void)
{
    const enc_bytes pieces[] = {bytes("a"), bytes("b")};
    const enc_pair merges[] = {{bytes("a"), bytes("b")}, {bytes("a"), bytes("c")}};
    enc_vocab *vocab;
    enc_err e;
    enc_err_clear(&e);
    CHECK(enc_vocab_new(&vocab, pieces, 2, "made", &e) == ENC_OK);
    for (size_t i = 0; i < 2; i++) {
        enc_bpe *b;
        enc_err_clear(&e);
        CHECK(enc_bpe_new(&b, vocab, (enc_bpe_rules){.unk_id = -1}, merges + i, 1,
                          "merges.txt", &e) == ENC_CORRUPT);
        CHECK_SAY(b == NULL && strstr(e.text, "merge 0") != NULL, "%s", e.text);
    }
    enc_vocab_free(vocab);
}

int main(void)
{
    the_heap_joins_what_the_definition_joins();
    an_end_mark_and_unknown_characters();
    merges_of_unknown_pieces_are_refused();
    CHECK(enc_mem_live() == 0);
    return check_done("bpe");
}
