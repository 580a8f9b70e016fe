/* sets.h - labelled sets as tab-separated files, and the figures made of ranks. */
#ifndef SETS_H
#define SETS_H

#include "base/map.h"
#include "base/rd.h"

typedef struct sets_rows {
    enc_map *map;
    enc_bytes *cell; /* n x n_cols, borrowed from the map */
    size_t n, n_cols;
} sets_rows;

/* The rows under the header of a file. The last column takes the rest of its line; a cell
 * that is not there is empty. part > 0: evenly spaced rows, at most that many. */
enc_rc sets_read(sets_rows *r, const char *path, size_t n_cols, size_t part, enc_err *e);
void sets_free(sets_rows *r);

enc_bytes sets_cell(const sets_rows *r, size_t row, size_t col);
double sets_number(enc_bytes cell); /* as strtod; 0 if it is none */

/* Spearman's correlation, equals sharing their mean rank; NaN if all of x or y are one.
 * Both arrays are overwritten by ranks. False: no memory. */
bool sets_spearman(double *x, double *y, size_t n, double *out);

#define SETS_BEST 10

/* The indexes of the ten highest scores, best first, ties by index; returns how many. */
size_t sets_best(const double *score, size_t n, size_t best[SETS_BEST]);

/* Normalized discounted cumulative gain at ten for relevance of 0 or 1: is_relevant of
 * the n ranked ones, best first; n_relevant of all there are. 0 if there are none. */
double sets_ndcg(const bool *is_relevant, size_t n, size_t n_relevant);

#endif
