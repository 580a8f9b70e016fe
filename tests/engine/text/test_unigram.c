/* test_unigram.c - Viterbi finds the best of all segmentations. */
#include "text/unigram.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "check.h"

#define N_PIECES 24
#define N_WORD   10

/* The best score of all ways to cover word[at..n), characters that are no piece at unk.
 */
static double best_of(const char (*text)[8], const double *scores, double unk,
                      const char *word)
{
    double best = ENC_UNIGRAM_NEVER;
    bool is_piece = false;
    if (*word == '\0') return 0;
    for (size_t i = 1; i < N_PIECES; i++) {
        size_t n = strlen(text[i]);
        if (strncmp(word, text[i], n) != 0) continue;
        if (n == 1) is_piece = true;
        double score = scores[i] + best_of(text, scores, unk, word + n);
        if (score > best) best = score;
    }
    double score = is_piece ? ENC_UNIGRAM_NEVER : unk + best_of(text, scores, unk, word + 1);
    return score > best ? score : best;
}

static void viterbi_finds_the_best(void)
{
    enc_rng rng = {9};
    uint32_t places[N_WORD];
    enc_piece_room room = {NULL, 0, NULL};
    int bad = 0;
    for (uint32_t i = 0; i < N_WORD; i++) places[i] = i;
    for (int turn = 0; turn < 60; turn++) {
        char text[N_PIECES][8] = {"<unk>"};
        enc_bytes pieces[N_PIECES];
        double scores[N_PIECES] = {ENC_UNIGRAM_NEVER};
        enc_vocab *vocab;
        enc_err e;
        enc_err_clear(&e);
        for (size_t i = 1; i < N_PIECES; i++) {
            bool is_new = false;
            while (!is_new) {
                size_t n = 1 + enc_rng_below(&rng, 4);
                for (size_t k = 0; k < n; k++)
                    text[i][k] = (char)('a' + enc_rng_below(&rng, 4));
                text[i][n] = '\0';
                is_new = true;
                for (size_t k = 0; k < i; k++)
                    is_new = is_new && strcmp(text[i], text[k]) != 0;
            }
            scores[i] = -10.0 * (double)enc_rng_unit(&rng);
        }
        for (size_t i = 0; i < N_PIECES; i++)
            pieces[i] = (enc_bytes){(const uint8_t *)text[i], strlen(text[i])};
        CHECK(enc_vocab_new(&vocab, pieces, N_PIECES, "made", &e) == ENC_OK);
        const enc_unigram u = {vocab, scores, -20, 0, NULL};
        for (int k = 0; k < 20; k++) {
            char word[N_WORD + 1] = "";
            enc_piece out[N_WORD];
            size_t n_word = 1 + enc_rng_below(&rng, N_WORD - 1), n, at = 0;
            double sum = 0;
            for (size_t i = 0; i < n_word; i++)
                word[i] = (char)('a' + enc_rng_below(&rng, 5)); /* e is unknown */
            enc_word w = {(const uint8_t *)word, n_word, n_word, places, places};
            CHECK(enc_unigram_split(&u, &w, &room, out, &n, &e) == ENC_OK);
            for (size_t i = 0; i < n; at += out[i++].n_bytes) {
                sum += out[i].id == 0 ? -20.0 * out[i].n_bytes : scores[out[i].id];
                bad += out[i].id != 0 &&
                       strncmp(word + at, text[out[i].id], out[i].n_bytes) != 0;
                bad += i > 0 && out[i].id == 0 && out[i - 1].id == 0;
                bad += out[i].start != at;
            }
            bad += at != n_word ||
                   fabs(sum - best_of((const char(*)[8])text, scores, -20, word)) > 1e-9;
        }
        enc_vocab_free(vocab);
    }
    enc_mem_free(room.at);
    CHECK_SAY(bad == 0, "%d words are not cut at their best", bad);
}

int main(void)
{
    viterbi_finds_the_best();
    CHECK(enc_mem_live() == 0);
    return check_done("unigram");
}
