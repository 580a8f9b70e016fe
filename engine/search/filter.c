/* filter.c - see filter.h. A similarity is a monotone function of a distance in floating
 * point too, so the bounds of one are the bounds of the other. */
#include "search/filter.h"

#include <math.h>

#define MARGIN 0x1p-40 /* far over the rounding of the few operations it covers */

static bool is_everything(const enc_range *r)
{
    return isinf(r->min) && r->min < 0.0 && isinf(r->max) && r->max > 0.0;
}

static bool range_has(const enc_range *r, double x)
{
    return (r->min <= x && x <= r->max) || is_everything(r);
}

bool enc_filter_has_id(const enc_filter *f, int64_t id)
{
    if (f == NULL) return true;
    return f->id_min <= id && id <= f->id_max &&
           (f->in == NULL || enc_idset_has(f->in, id)) &&
           (f->not_in == NULL || !enc_idset_has(f->not_in, id));
}

bool enc_filter_is_by_id(const enc_filter *f)
{
    return f != NULL && (f->id_min != INT64_MIN || f->id_max != INT64_MAX ||
                         f->in != NULL || f->not_in != NULL);
}

bool enc_filter_has(const enc_filter *f, enc_metric m, double distance)
{
    double far = isnan(distance) ? (double)INFINITY : distance;
    return f == NULL || (range_has(&f->distance, far) &&
                         range_has(&f->similarity, enc_vec_similarity(m, distance)));
}

bool enc_filter_may_have(const enc_filter *f, enc_metric m, double lower, double upper)
{
    if (f == NULL) return true;
    if (isnan(lower)) return enc_filter_has(f, m, lower);
    return lower <= f->distance.max && upper >= f->distance.min &&
           enc_vec_similarity(m, lower) >= f->similarity.min &&
           enc_vec_similarity(m, upper) <= f->similarity.max;
}

bool enc_filter_must_have(const enc_filter *f, enc_metric m, double lower, double upper)
{
    return enc_filter_has(f, m, lower) && enc_filter_has(f, m, upper);
}

double enc_filter_farthest(const enc_filter *f, enc_metric m)
{
    if (f == NULL) return (double)INFINITY;
    double s = f->similarity.min, far = (double)INFINITY;
    if (isnan(s) || isnan(f->distance.max)) return far; /* nothing passes: no matter */
    if (m == ENC_COSINE) far = 1.0 - s;
    else if (m == ENC_DOT) far = -s;
    else if (s > 0.0) far = 1.0 / s - 1.0;
    if (isfinite(far)) far += MARGIN * (1.0 + fabs(far));
    return far < f->distance.max ? far : f->distance.max;
}
