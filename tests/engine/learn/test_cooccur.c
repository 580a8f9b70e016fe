/* test_cooccur.c - words that keep the same company get vectors that point the same way.
 */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "learn/cooccur.h"

enum { KINDS = 8, WORDS = 6, PIECES = 5 + 2 * KINDS * WORDS, D = 16 };

/* Pieces: five special ones; for each kind its nouns "nKW" and its verbs "vKW". */
static enc_tok *make_tokenizer(void)
{
    static char names[PIECES][24] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    enc_bytes list[PIECES];
    enc_vocab *v;
    enc_tok *t;
    enc_err e = {0};
    for (int i = 0; i < KINDS * WORDS; i++) {
        snprintf(names[5 + i], sizeof names[0], "n%d%d", i / WORDS, i % WORDS);
        snprintf(names[5 + KINDS * WORDS + i], sizeof names[0], "v%d%d", i / WORDS,
                 i % WORDS);
    }
    for (int i = 0; i < PIECES; i++)
        list[i] = (enc_bytes){(const uint8_t *)names[i], strlen(names[i])};
    CHECK(enc_vocab_new(&v, list, PIECES, "toy", &e) == ENC_OK);
    CHECK(enc_tok_new(&t, v, (enc_norm_rules){.clean_text = true}, &e) == ENC_OK);
    return t;
}

/* Sentences "noun verb noun" of one kind each: a noun is known by its verbs. */
static void fill(enc_corpus *c, const enc_tok *tok)
{
    enc_rng rng = {11};
    enc_err e = {0};
    for (int d = 0; d < 400; d++) {
        char text[256] = "";
        for (int s = 0; s < 4; s++) {
            int kind = (int)enc_rng_below(&rng, KINDS);
            size_t n = strlen(text);
            snprintf(text + n, sizeof text - n, "n%d%d v%d%d n%d%d\n", kind,
                     (int)enc_rng_below(&rng, WORDS), kind,
                     (int)enc_rng_below(&rng, WORDS), kind,
                     (int)enc_rng_below(&rng, WORDS));
        }
        CHECK(enc_corpus_add(c, tok, (enc_bytes){(uint8_t *)text, strlen(text)}, &e) ==
              ENC_OK);
    }
}

static double cosine(const float *a, const float *b)
{
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < D; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

static void words_of_one_kind_are_near_each_other(const float *table)
{
    double same = 0, other = 0;
    int n_same = 0, n_other = 0;
    for (int i = 0; i < KINDS * WORDS; i++)
        for (int j = 0; j < i; j++) {
            double c = cosine(table + (5 + i) * D, table + (5 + j) * D);
            if (i / WORDS == j / WORDS) same += c, n_same++;
            else other += c, n_other++;
        }
    same /= n_same, other /= n_other;
    CHECK_SAY(same > 0.8 && other < 0.2, "same kind %.3f, others %.3f", same, other);
}

static void rows_have_the_length_asked_for(const float *table)
{
    for (int i = 0; i < PIECES; i++) {
        double square = 0;
        for (int j = 0; j < D; j++)
            square += (double)table[i * D + j] * (double)table[i * D + j];
        /* The special pieces stand next to nothing: their rows are as they were. */
        double want = i < 5 ? sqrt(D) * 7.0 : 0.5;
        CHECK_SAY(fabs(sqrt(square) - want) < 1e-4, "row %d: %.6f", i, sqrt(square));
    }
}

static bool say_yes(void *n_asked)
{
    ++*(size_t *)n_asked;
    return true;
}

/* Once told to stop it asks no more, and the table is not to be used. */
static void it_can_be_stopped(const enc_corpus *c)
{
    float table[PIECES * D] = {0};
    enc_err e = {0};
    enc_stop stop;
    size_t n_asked = 0, live = enc_mem_live();
    enc_stop_init(&stop, say_yes, &n_asked);
    enc_stop_now(&stop);
    CHECK(enc_cooccur_vectors(c, D, 1, 0.5f, table, &stop, &e) == ENC_INTERRUPT);
    CHECK(n_asked == 1 && strcmp(e.text, "interrupted") == 0);
    for (int i = 0; i < PIECES * D; i++) CHECK(table[i] == 0.0f);
    CHECK(enc_mem_live() == live);
}

int main(void)
{
    enc_tok *tok = make_tokenizer();
    enc_corpus c = {0};
    enc_err e = {0};
    float table[PIECES * D], again[PIECES * D];
    for (int i = 0; i < PIECES * D; i++) table[i] = again[i] = 7.0f;
    CHECK(enc_corpus_init(&c, tok, &e) == ENC_OK);
    fill(&c, tok);
    size_t live = enc_mem_live();
    CHECK_SAY(enc_cooccur_vectors(&c, D, 1, 0.5f, table, NULL, &e) == ENC_OK, "%s",
              e.text);
    CHECK(enc_cooccur_vectors(&c, D, 1, 0.5f, again, NULL, &e) == ENC_OK);
    CHECK(memcmp(table, again, sizeof table) == 0);
    CHECK(enc_mem_live() == live);
    words_of_one_kind_are_near_each_other(table);
    rows_have_the_length_asked_for(table);

    for (size_t nth = 1; nth <= 3; nth++) {
        enc_mem_fault(nth, false);
        CHECK(enc_cooccur_vectors(&c, D, 1, 0.5f, again, NULL, &e) == ENC_NOMEM);
        enc_mem_fault(0, false);
        CHECK(enc_mem_live() == live);
    }
    it_can_be_stopped(&c);
    enc_corpus_clear(&c);
    enc_tok_close(tok);
    return check_done("cooccur");
}
