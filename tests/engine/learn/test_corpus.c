/* test_corpus.c - documents give pairs that belong together, and pairs whose overlap is
 * known. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "learn/corpus.h"

enum { WORDS = 200, PIECES = 6 + WORDS, DOCUMENTS = 20, PARAGRAPHS = 8, LENGTH = 20 };

/* Pieces: five special ones, the full stop, and words "w0" ... */
static enc_tok *make_tokenizer(void)
{
    static char names[PIECES][24] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "."};
    enc_bytes list[PIECES];
    enc_vocab *v;
    enc_tok *t;
    enc_err e = {0};
    for (int i = 0; i < WORDS; i++) snprintf(names[6 + i], sizeof names[0], "w%d", i);
    for (int i = 0; i < PIECES; i++)
        list[i] = (enc_bytes){(const uint8_t *)names[i], strlen(names[i])};
    CHECK(enc_vocab_new(&v, list, PIECES, "toy", &e) == ENC_OK);
    CHECK(enc_tok_new(&t, v, (enc_norm_rules){.clean_text = true}, &e) == ENC_OK);
    return t;
}

/* Paragraph p of each document uses words 20 p ... 20 p + 19 only, so that a text tells
 * which paragraph it is from. "w0" is in none, "w199" in all. */
static void fill(enc_corpus *c, const enc_tok *tok)
{
    enc_rng rng = {5};
    enc_err e = {0};
    for (int d = 0; d < DOCUMENTS; d++) {
        char text[PARAGRAPHS * LENGTH * 8] = "# w198\n";
        for (int p = 0; p < PARAGRAPHS; p++)
            for (int i = 0; i < LENGTH; i++) {
                size_t n = strlen(text);
                int word =
                    i == LENGTH - 1 ? 199 : 20 * p + 1 + (int)enc_rng_below(&rng, 19);
                snprintf(text + n, sizeof text - n, "w%d%s", word,
                         i == LENGTH - 1 ? " .\n"
                         : i % 8 == 7    ? " . "
                                         : " ");
            }
        CHECK(enc_corpus_add(c, tok, (enc_bytes){(uint8_t *)text, strlen(text)}, &e) ==
              ENC_OK);
    }
}

/* Which paragraph a text is from, by its first word that tells; -1: none does. */
static int paragraph_of(const enc_group *g, size_t text)
{
    for (size_t t = g->starts[text] + 1; t + 1 < g->starts[text + 1]; t++) {
        int word = g->ids[t] - 6;
        if (word > 0 && word < 198) return (word - 1) / 20;
    }
    return -1;
}

static void pairs_of_one_document_are_of_different_paragraphs(const enc_corpus *c)
{
    enc_group g = {0};
    for (uint64_t seed = 1; seed <= 50; seed++) {
        enc_rng rng = {seed};
        int seen[ENC_PAIRS_PER_DOCUMENT];
        size_t d = enc_corpus_draw_document(c, &rng, true);
        CHECK(d < c->n_documents);
        enc_group_start(&g);
        for (size_t nth = 0; nth < ENC_PAIRS_PER_DOCUMENT; nth++) {
            enc_corpus_draw_pair(c, &rng, d, nth, 32, &g);
            seen[nth] = paragraph_of(&g, 2 * nth);
            for (size_t k = 0; k < nth; k++)
                CHECK_SAY(seen[k] != seen[nth] || seen[k] < 0, "both from paragraph %d",
                          seen[k]);
        }
        CHECK(g.n_texts == 2 * ENC_PAIRS_PER_DOCUMENT && !g.failed);
        for (size_t i = 0; i < g.n_texts; i++)
            CHECK(g.starts[i + 1] - g.starts[i] >= 3 &&
                  g.starts[i + 1] - g.starts[i] <= 32);
    }
    enc_group_clear(&g);
}

static void a_common_word_weighs_least(const enc_corpus *c)
{
    CHECK(c->weight[6 + 199] < c->weight[6 + 1]);
    CHECK(c->weight[6 + 1] < c->weight[6 + 0]); /* w0 is nowhere */
    for (size_t i = 0; i < c->n_vocab; i++) CHECK(c->weight[i] >= 1.0f);
}

/* The score of a graded pair from its ids alone, by a table of counts. */
static float overlap(const enc_corpus *c, const enc_group *g)
{
    double count[2][PIECES] = {{0}}, ab = 0, aa = 0, bb = 0;
    for (size_t side = 0; side < 2; side++)
        for (size_t t = g->starts[side] + 1; t + 1 < g->starts[side + 1]; t++)
            count[side][g->ids[t]] += (double)c->weight[g->ids[t]];
    for (int i = 0; i < PIECES; i++) {
        ab += count[0][i] * count[1][i];
        aa += count[0][i] * count[0][i];
        bb += count[1][i] * count[1][i];
    }
    return (float)(ab / sqrt(aa * bb));
}

static void a_graded_pair_has_the_score_of_its_words(const enc_corpus *c)
{
    enc_group g = {0};
    float least = 1.0f, most = 0.0f;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        enc_rng rng = {seed};
        enc_group_start(&g);
        float score = enc_corpus_draw_graded(c, &rng, true, 24, &g);
        CHECK_SAY(fabsf(score - overlap(c, &g)) < 1e-5f, "score %f, by counting %f",
                  (double)score, (double)overlap(c, &g));
        CHECK(score >= 0.0f && score <= 1.00001f);
        least = score < least ? score : least;
        most = score > most ? score : most;
    }
    CHECK(least < 0.3f && most > 0.8f); /* all shades occur */
    enc_group_clear(&g);
}

/* Whether the second half of the text goes on where the first one ends in a corpus whose
 * words are all different. */
static bool goes_on(const enc_corpus *c, const enc_group *g, size_t text)
{
    const int32_t *at = g->ids + g->starts[text];
    size_t n = g->starts[text + 1] - g->starts[text], end = 1, p = 0;

    while (end < n && at[end] != 3) end++; /* [SEP] */
    CHECK(end + 2 < n && end > 2);
    while (p + 2 < c->n_ids && memcmp(c->ids + p, at + end - 2, 2 * sizeof *at) != 0) p++;
    return p + 2 < c->n_ids && c->ids[p + 2] == at[end + 1];
}

/* Where there is no other document a text goes on, or is not said to. */
static void what_is_said_to_follow_does(const enc_tok *tok)
{
    enc_corpus c = {0};
    enc_group g = {0};
    enc_err e = {0};
    char text[WORDS * 8] = "";
    size_t n_followed = 0;

    for (int i = 0; i < 190; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "w%d%s", i, i % 6 == 5 ? " . " : " ");
    }
    CHECK(enc_corpus_init(&c, tok, &e) == ENC_OK);
    CHECK(enc_corpus_add(&c, tok, (enc_bytes){(uint8_t *)text, strlen(text)}, &e) ==
          ENC_OK);
    CHECK(enc_corpus_weigh(&c, NULL, &e) == ENC_OK);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        enc_rng rng = {seed};
        enc_group_start(&g);
        enc_corpus_draw(&c, &rng, 64, &g);
        CHECK(g.n_texts == 1 && !g.is_random[0]);
        n_followed += goes_on(&c, &g, 0);
    }
    CHECK_SAY(n_followed == 300, "%zu of 300", n_followed);
    enc_group_clear(&g);
    enc_corpus_clear(&c);
}

int main(void)
{
    enc_tok *tok = make_tokenizer();
    enc_corpus c = {0};
    enc_err e = {0};
    CHECK(enc_corpus_init(&c, tok, &e) == ENC_OK);
    fill(&c, tok);
    CHECK(enc_corpus_weigh(&c, NULL, &e) == ENC_OK);
    pairs_of_one_document_are_of_different_paragraphs(&c);
    a_common_word_weighs_least(&c);
    a_graded_pair_has_the_score_of_its_words(&c);
    what_is_said_to_follow_does(tok);
    enc_corpus_clear(&c);
    enc_tok_close(tok);
    return check_done("corpus");
}
