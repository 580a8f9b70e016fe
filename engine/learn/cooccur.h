/* cooccur.h - which pieces stand near which -> a vector for each piece.
 *
 * The word table of a new model starts from these instead of from noise, so that its
 * first million tokens need not be spent on learning which words are alike. The matrix of
 * positive pointwise mutual information between pieces and the most frequent pieces
 * around them is factored by subspace iteration, as in Levy, Goldberg and Dagan 2015
 * (Improving Distributional Similarity), rows being U S^(1/2) without the first, most
 * common part. */
#ifndef ENC_COOCCUR_H
#define ENC_COOCCUR_H

#include "base/stop.h"
#include "learn/corpus.h"

/* Writes a row of length `norm` into table (n_vocab x D) for each piece that stands next
 * to others in the corpus; rows of pieces that do not are left as they are. Takes n_vocab
 * x min(n_vocab, 8192) floats of memory while it runs, and seconds. stop may be NULL. */
enc_rc enc_cooccur_vectors(const enc_corpus *c, size_t D, uint64_t seed, float norm,
                           float *table, enc_stop *stop, enc_err *e);

#endif
