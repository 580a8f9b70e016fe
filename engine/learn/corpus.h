/* corpus.h - documents -> examples: what pre-training and contrastive learning draw from.
 *
 * Documents are kept as ids, four bytes a token. Every draw is a function of the corpus
 * and of the state of the generator given. */
#ifndef ENC_CORPUS_H
#define ENC_CORPUS_H

#include "base/hash.h"
#include "base/rng.h"
#include "text/tok.h"

typedef struct enc_corpus {
    int32_t *ids; /* all documents end to end */
    size_t n_ids, cap_ids;
    size_t *paragraphs; /* n_paragraphs: where each begins in ids */
    size_t n_paragraphs, cap_paragraphs;
    struct enc_document *documents;
    size_t n_documents, cap_documents;
    enc_tokens scratch;
    enc_tok_special special;
    size_t n_vocab;
    uint8_t *ends_sentence; /* n_vocab: the piece is . ? ! or their full-width forms */
    float *weight;          /* n_vocab: inverse document frequency over paragraphs */
} enc_corpus;

typedef struct enc_document {
    size_t first, end; /* its paragraphs [first, end) */
    bool has_title;    /* the first of them is a title */
    bool is_latin;     /* most of its bytes are ASCII: negatives are drawn of one kind */
} enc_document;

/* Storage is the caller's, zeroed. */
enc_rc enc_corpus_init(enc_corpus *c, const enc_tok *tok, enc_err *e);
void enc_corpus_clear(enc_corpus *c);

/* Each line is a paragraph; a first line "# ..." is a title. An empty document is
 * skipped. */
enc_rc enc_corpus_add(enc_corpus *c, const enc_tok *tok, enc_bytes text, enc_err *e);

/* Texts laid end to end, ready for a pass, with what is to be learnt from them. */
typedef struct enc_group {
    int32_t *ids;
    uint8_t *segments;
    size_t n_tokens, cap_ids, cap_segments;
    size_t *starts; /* n_texts + 1 */
    size_t n_texts, cap_starts;
    uint32_t *at;   /* n_masked: tokens to be guessed ... */
    int32_t *label; /* ... and what they were */
    size_t n_masked, cap_at, cap_label;
    uint8_t *is_random; /* n_texts */
    size_t cap_random;
    bool failed; /* an allocation failed */
} enc_group;

void enc_group_start(enc_group *g); /* empties it, keeping its memory */
void enc_group_clear(enc_group *g);

/* Adds [CLS] a [SEP], or [CLS] a [SEP] b [SEP] if n_b > 0. */
void enc_group_add(enc_group *g, const enc_tok_special *s, const int32_t *a, size_t n_a,
                   const int32_t *b, size_t n_b, bool is_random);

/* Masks `rate` of the group's last text (BERT: 0.15): 80 % [MASK], 10 % a random piece,
 * 10 % as it was.
 */
void enc_group_mask(enc_group *g, const enc_tok_special *s, size_t n_vocab, float rate,
                    enc_rng *rng);

/* Draws one example of BERT's pre-training of at most n_max tokens: two stretches, the
 * second following the first or, half of the time, from another document of the same
 * kind. */
void enc_corpus_draw(const enc_corpus *c, enc_rng *rng, size_t n_max, enc_group *g);

/* Pairs of one document in a batch: for each, the others are hard to tell apart. */
#define ENC_PAIRS_PER_DOCUMENT 4

/* A document whose is_latin is as given, with paragraphs enough, if there is one. */
size_t enc_corpus_draw_document(const enc_corpus *c, enc_rng *rng, bool is_latin);

/* Draws two texts that belong together, of at most n_max tokens each: title and lead,
 * neighbouring paragraphs, halves of a paragraph, a sentence and what surrounds it, or
 * one sentence twice with words left out. nth < ENC_PAIRS_PER_DOCUMENT tells draws from
 * one document apart. */
void enc_corpus_draw_pair(const enc_corpus *c, enc_rng *rng, size_t document, size_t nth,
                          size_t n_max, enc_group *g);

/* Computes c->weight of the documents added so far; for enc_corpus_draw_graded. ask may
 * be NULL. */
enc_rc enc_corpus_weigh(enc_corpus *c, enc_ask *ask, enc_err *e);

/* Draws a sentence, and it again with some of its words left out or replaced by those of
 * another sentence of the document. Returns what they still share: the cosine of their
 * tf-idf vectors. */
float enc_corpus_draw_graded(const enc_corpus *c, enc_rng *rng, bool is_latin,
                             size_t n_max, enc_group *g);

#endif
