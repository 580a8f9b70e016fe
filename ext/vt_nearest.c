/* vt_nearest.c - the array of vectors as a search sees it: a store of segments, and for
 * index=ivf the centers that tell which segments are near, and the clustering. */
#include "vt_array.h"

#include <string.h>

const enc_segment *ext_vt_part_segment(const ext_vt_part *p)
{
    return p->own != NULL      ? p->own
           : p->cached != NULL ? enc_cached_segment(p->cached)
                               : NULL;
}

/* The sentence is with the table already. */
static enc_rc not_read(ext_vt_table *t, int rc, enc_err *e)
{
    t->not_read = rc;
    if (rc == SQLITE_NOMEM) return enc_nomem(e);
    if (rc == SQLITE_INTERRUPT) return enc_fail(e, ENC_INTERRUPT, "interrupted");
    return enc_fail(e, (rc & 0xff) == SQLITE_CORRUPT ? ENC_CORRUPT : ENC_IO, "not read");
}

static enc_rc store_segment(void *self, size_t i, const enc_segment **out, enc_err *e)
{
    ext_vt_table *t = self;
    ext_vt_vectors *v = t->vectors;

    if ((*out = ext_vt_part_segment(&v->parts[i])) != NULL) return ENC_OK;
    enc_segment_free(v->read);
    v->read = NULL;
    int rc = ext_vt_segment_read(t, i, &v->read);
    *out = v->read;
    if (rc == SQLITE_OK) return ENC_OK;
    return not_read(t, rc, e);
}

int ext_vt_vectors_id(ext_vt_table *t, size_t slot, sqlite3_int64 *id)
{
    const enc_segment *s = NULL;
    enc_err e;

    enc_err_clear(&e);
    if (slot >= t->vectors->n) return ext_vt_slot_fail(t, slot);
    enc_rc rc = store_segment(t, slot / ENC_SEGMENT_ROWS, &s, &e);
    if (rc != ENC_OK) return ext_vt_fail_enc(t, rc, &e);
    *id = s->ids[slot % ENC_SEGMENT_ROWS];
    return SQLITE_OK;
}

static enc_rc store_vector(void *self, size_t i, size_t row, float *out, enc_err *e)
{
    int rc = ext_vt_vectors_get(self, i * ENC_SEGMENT_ROWS + row, out);
    if (rc == SQLITE_OK) return ENC_OK;
    return not_read(self, rc, e);
}

int ext_vt_vectors_store(ext_vt_table *t, enc_store *out)
{
    ext_vt_vectors *v = t->vectors;

    *out = (enc_store){t, v->n_parts, true, store_segment, store_vector};
    if (v->is_resident) return SQLITE_OK;
    for (size_t i = 0; i < v->n_parts; i++) {
        int rc = ext_vt_part_load(t, i);
        if (rc != SQLITE_OK) return rc;
        if (ext_vt_part_segment(&v->parts[i]) == NULL) out->is_resident = false;
    }
    v->is_resident = out->is_resident;
    return SQLITE_OK;
}

bool ext_vt_vectors_is_clustered(const ext_vt_vectors *v)
{
    for (size_t i = 0; i < v->n_parts; i++)
        if (v->parts[i].centers != NULL) return true;
    return false;
}

/* The centers of all segments as codes, so that a search compares with them quickly. */
static int make_map(ext_vt_table *t)
{
    ext_vt_vectors *v = t->vectors;
    enc_err e;

    if (v->has_map) return SQLITE_OK;
    ext_vt_map_drop(v);
    enc_err_clear(&e);
    for (size_t i = 0; i < v->n_parts; i++) {
        if (v->parts[i].centers == NULL) continue;
        for (size_t c = 0; c < ENC_IVF_CENTERS; c++) {
            enc_segment *last = v->n_map > 0 ? v->map[v->n_map - 1] : NULL;
            if (last == NULL || last->n == ENC_SEGMENT_ROWS) {
                if (!enc_mem_reserve((void **)&v->map, &v->cap_map, v->n_map + 1,
                                     sizeof *v->map))
                    return SQLITE_NOMEM;
                int rc = ext_vt_fail_enc(t, enc_segment_new(&last, v->dims, &e), &e);
                if (rc != SQLITE_OK) return rc;
                v->map[v->n_map++] = last;
            }
            enc_segment_put(last, last->n, (sqlite3_int64)i,
                            v->parts[i].centers + c * v->dims);
        }
    }
    v->has_map = true;
    return SQLITE_OK;
}

/* Segments without centers came after the clustering: they are always looked at. */
int ext_vt_vectors_probe(ext_vt_table *t, const float *q, size_t n_probe, size_t *out,
                         size_t *n)
{
    ext_vt_vectors *v = t->vectors;
    size_t n_new = 0;
    enc_err e;
    int rc = make_map(t);

    *n = 0;
    enc_err_clear(&e);
    if (rc != SQLITE_OK) return rc;
    for (size_t i = 0; i < v->n_parts; i++)
        if (v->parts[i].centers == NULL) out[n_new++] = i;
    const enc_ivf_map map = {v->map, v->n_map, v->n_parts, v->dims, t->config.metric};
    rc = ext_vt_fail_enc(t, enc_ivf_probe(&map, q, n_probe, out + n_new, n, &e), &e);
    *n += n_new;
    return rc;
}

/* All vectors and ids in the new order, then written over the old ones. */
static int reorder(ext_vt_table *t, const size_t *order, float *x, sqlite3_int64 *ids)
{
    ext_vt_vectors *v = t->vectors;
    size_t n = v->n, slot;
    enc_err e;
    int rc = SQLITE_OK;

    enc_err_clear(&e);
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
        if ((rc = ext_vt_vectors_id(t, order[i], &ids[i])) == SQLITE_OK)
            rc = ext_vt_vectors_get(t, order[i], x + i * v->dims);
    }
    ext_vt_vectors_close_blob(t);
    if (rc != SQLITE_OK) return rc;
    ext_vt_vectors_clear(t);
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
        rc = ext_vt_vectors_append(t, ids[i], x + i * v->dims, &slot);
    for (size_t i = 0; i < v->n_parts && rc == SQLITE_OK; i++) {
        ext_vt_part *p;
        if ((rc = ext_vt_part_open(t, i, &p))) break;
        if ((p->centers = enc_mem_array(ENC_IVF_CENTERS * v->dims, 4)) == NULL)
            rc = SQLITE_NOMEM;
        else
            rc = ext_vt_fail_enc(
                t, enc_ivf_centers(p->own, t->config.metric, p->centers, &e), &e);
    }
    return rc;
}

int ext_vt_vectors_cluster(ext_vt_table *t, size_t *order, bool (*tick)(void *),
                           void *arg)
{
    ext_vt_vectors *v = t->vectors;
    enc_store store;
    enc_err e;
    int rc = ext_vt_vectors_store(t, &store);

    if (rc != SQLITE_OK || v->n == 0) return rc;
    enc_err_clear(&e);
    const enc_ivf_job job = {&store, v->n, v->dims, t->config.metric, 1, tick, arg};
    rc = ext_vt_fail_enc(t, enc_ivf_order(&job, order, &e), &e);
    if (rc != SQLITE_OK) return rc;
    float *x = enc_mem_array(v->n * v->dims, sizeof *x);
    sqlite3_int64 *ids = enc_mem_array(v->n, sizeof *ids);
    rc = x == NULL || ids == NULL ? SQLITE_NOMEM : reorder(t, order, x, ids);
    enc_mem_free(x);
    enc_mem_free(ids);
    return rc;
}

void ext_vt_vectors_sizes(const ext_vt_vectors *v, ext_vt_sizes *out)
{
    *out = (ext_vt_sizes){.n_segments = v->n_parts};
    if (v->is_resident && v->n_parts > 0) { /* all have the same size */
        out->n_resident = v->n_parts;
        out->resident_bytes = v->n_parts * ext_vt_part_segment(&v->parts[0])->size;
        return;
    }
    for (size_t i = 0; i < v->n_parts; i++) {
        const enc_segment *s = ext_vt_part_segment(&v->parts[i]);
        out->n_resident += s != NULL;
        out->resident_bytes += s != NULL ? s->size : 0;
    }
}
