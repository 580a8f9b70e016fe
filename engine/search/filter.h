/* filter.h - which rows may be in an answer: by id, and by how far they are. */
#ifndef ENC_FILTER_H
#define ENC_FILTER_H

#include "search/idset.h"
#include "search/vec.h"

/* Inclusive. -INFINITY..INFINITY is everything, NaN too. A distance that is NaN counts as
 * INFINITY, a similarity that is NaN is in no other range. */
typedef struct enc_range {
    double min, max;
} enc_range;

typedef struct enc_filter {
    int64_t id_min, id_max;  /* inclusive */
    const enc_idset *in;     /* NULL: all */
    const enc_idset *not_in; /* NULL: none */
    enc_range distance, similarity;
} enc_filter;

/* In each of these f may be NULL: no filter. */
bool enc_filter_has_id(const enc_filter *f, int64_t id);
bool enc_filter_is_by_id(const enc_filter *f); /* some id may be missing */
bool enc_filter_has(const enc_filter *f, enc_metric m, double distance);

/* A row whose distance is known to lie in lower..upper: may it pass, must it? A NaN in
 * both stands for a distance that is NaN. */
bool enc_filter_may_have(const enc_filter *f, enc_metric m, double lower, double upper);
bool enc_filter_must_have(const enc_filter *f, enc_metric m, double lower, double upper);

/* No row that is farther than this can pass; INFINITY: no limit. */
double enc_filter_farthest(const enc_filter *f, enc_metric m);

#endif
