/* vt_vectors.c - the vectors of a table: an array of slots, 0 ... n - 1, without holes.
 *
 * A slot's code lies in segment slot / 256 (%_segment), its f32 vector in block
 * slot / per_block (%_vector): rows of dims little-endian floats, end to end. Blocks are
 * about 24 KB: vectors a row each would waste a quarter of the file, and SQLite walks the
 * pages of a block one by one to reach a vector in it. Removing a slot moves the last one
 * into its place, so the file never keeps room for what is gone.
 *
 * In memory: all segments, lent by the process's cache or, where changed, our own; and
 * the few blocks that have changed. `generation` in %_config is drawn at random at each
 * flush, so that one lookup tells whether memory still shows what this transaction sees,
 * whoever wrote and whatever was rolled back; then segments are compared by the hash of
 * their bytes and only those that differ are read. */
#include "vt_array.h"

#include <string.h>

void ext_vt_part_clear(ext_vt_part *p)
{
    enc_cache_drop(p->cached);
    enc_segment_free(p->own);
    enc_mem_free(p->centers);
    memset(p, 0, sizeof *p);
}

/* After the list of segments has changed. */
void ext_vt_map_drop(ext_vt_vectors *v)
{
    v->is_resident = false;
    for (size_t i = 0; i < v->n_map; i++) enc_segment_free(v->map[i]);
    v->n_map = 0;
    v->has_map = false;
}

int ext_vt_vectors_new(ext_vt_table *t)
{
    ext_vt_vectors *v = enc_mem_zero(sizeof *v);
    if (v == NULL) return SQLITE_NOMEM;
    v->dims = t->config.dims;
    v->per_block = BLOCK_BYTES / (4 * v->dims);
    if (v->per_block < 1) v->per_block = 1;
    if (v->per_block > ENC_SEGMENT_ROWS) v->per_block = ENC_SEGMENT_ROWS;
    v->bytes = enc_mem_array(v->per_block * v->dims, 4);
    if (v->bytes != NULL) t->vectors = v;
    else ext_vt_vectors_free(v);
    return t->vectors == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

void ext_vt_vectors_free(ext_vt_vectors *v)
{
    if (v == NULL) return;
    ext_vt_blob_close(v);
    for (size_t i = 0; i < v->n_parts; i++) ext_vt_part_clear(&v->parts[i]);
    enc_mem_free(v->parts);
    ext_vt_blocks_drop(v);
    ext_vt_map_drop(v);
    enc_mem_free(v->map);
    enc_segment_free(v->read);
    enc_mem_free(v->bytes);
    enc_mem_free(v);
}

size_t ext_vt_vectors_count(const ext_vt_vectors *v)
{
    return v->n;
}

bool ext_vt_vectors_has_changed(const ext_vt_vectors *v)
{
    return v != NULL && v->is_changed;
}

void ext_vt_vectors_forget(ext_vt_vectors *v)
{
    if (v == NULL) return;
    for (size_t i = 0; i < v->n_parts; i++)
        if (v->parts[i].is_dirty) ext_vt_part_clear(&v->parts[i]);
    ext_vt_blocks_drop(v);
    ext_vt_map_drop(v);
    ext_vt_blob_close(v);
    v->n_dirty = 0;
    if (v->is_changed) v->is_listed = false; /* else the list is that of its generation */
    v->is_current = v->is_changed = false;
}

/* ---- reading ---- */

static int corrupt_segment(ext_vt_table *t, size_t i, const char *what)
{
    return ext_vt_fail(t, SQLITE_CORRUPT_VTAB,
                       "segment %d: %s (INSERT INTO %s(%s) VALUES('rebuild') makes the "
                       "index anew)",
                       (int)i, what, t->name, t->name);
}

/* The segment's bytes from the database, decoded. */
int ext_vt_segment_read(ext_vt_table *t, size_t i, enc_segment **out)
{
    ext_vt_vectors *v = t->vectors;
    sqlite3_stmt *s;
    enc_err e;
    int rc = ext_vt_sql_get(t, EXT_VT_SEGMENT_GET, &s);

    *out = NULL;
    if (rc != SQLITE_OK) return rc;
    enc_err_clear(&e);
    sqlite3_bind_int64(s, 1, (sqlite3_int64)i);
    if (sqlite3_step(s) == SQLITE_ROW) {
        const void *at = sqlite3_column_blob(s, 0);
        enc_bytes b = {at, (size_t)sqlite3_column_bytes(s, 0)};
        enc_hash h = enc_hash_of(b.at, b.n);
        if (at == NULL && sqlite3_errcode(t->db) == SQLITE_NOMEM) rc = SQLITE_NOMEM;
        else if (h.low != v->parts[i].hash.low || h.high != v->parts[i].hash.high)
            rc = corrupt_segment(t, i, "its bytes have another hash than was stored");
        else rc = ext_vt_fail_enc(t, enc_segment_read(out, b, v->dims, &e), &e);
    }
    int code = ext_vt_done(t, s);
    if (rc == SQLITE_OK) rc = code;
    if (rc == SQLITE_OK && (*out == NULL || (*out)->n != v->parts[i].n))
        rc = corrupt_segment(t, i, "it has another number of rows than was stored");
    if (rc != SQLITE_OK) {
        enc_segment_free(*out);
        *out = NULL;
    }
    return rc;
}

int ext_vt_vectors_check(ext_vt_table *t)
{
    int rc = SQLITE_OK;

    for (size_t i = 0; i < t->vectors->n_parts && rc == SQLITE_OK; i++) {
        enc_segment *s = NULL;
        if (!t->vectors->parts[i].is_dirty) rc = ext_vt_segment_read(t, i, &s);
        enc_segment_free(s);
    }
    return rc;
}

/* Into the process's cache, if there is room. */
int ext_vt_part_load(ext_vt_table *t, size_t i)
{
    ext_vt_part *p = &t->vectors->parts[i];
    enc_segment *s;

    if (ext_vt_part_segment(p) != NULL || (p->cached = enc_cache_find(p->hash)) != NULL)
        return SQLITE_OK;
    int rc = ext_vt_segment_read(t, i, &s);
    if (rc != SQLITE_OK) return rc;
    p->cached = enc_cache_put(p->hash, s);
    if (p->cached == NULL) enc_segment_free(s);
    return SQLITE_OK;
}

static int read_centers(ext_vt_table *t, size_t i)
{
    size_t n = ENC_IVF_CENTERS * t->vectors->dims;
    ext_vt_part *p = &t->vectors->parts[i];
    sqlite3_stmt *s;
    int rc = ext_vt_sql_get(t, EXT_VT_SEGMENT_CENTERS, &s);

    if (rc != SQLITE_OK) return rc;
    sqlite3_bind_int64(s, 1, (sqlite3_int64)i);
    if (sqlite3_step(s) == SQLITE_ROW) {
        const void *at = sqlite3_column_blob(s, 0);
        enc_rd r = enc_rd_of(at, (size_t)sqlite3_column_bytes(s, 0));
        if (at != NULL && r.left == 4 * n) {
            if ((p->centers = enc_mem_array(n, 4)) == NULL) rc = SQLITE_NOMEM;
            else enc_rd_f32s(&r, p->centers, n);
        }
    }
    int code = ext_vt_done(t, s);
    return rc == SQLITE_OK ? code : rc;
}

/* One row of the list: compares with what is in memory. */
static int list_row(ext_vt_table *t, sqlite3_stmt *s, size_t i)
{
    ext_vt_vectors *v = t->vectors;
    enc_rd h = enc_rd_of(sqlite3_column_blob(s, 2), (size_t)sqlite3_column_bytes(s, 2));
    sqlite3_int64 n = sqlite3_column_int64(s, 1);
    enc_hash hash = {enc_rd_u64(&h), 0};

    hash.low = enc_rd_u64(&h);
    if (sqlite3_column_int64(s, 0) != (sqlite3_int64)i || n < 1 || n > ENC_SEGMENT_ROWS ||
        !enc_rd_end(&h) || v->n != i * ENC_SEGMENT_ROWS)
        return corrupt_segment(t, i, "missing, or not as full as it should be");
    v->n += (size_t)n;
    if (i < v->n_parts && !v->parts[i].is_dirty && v->parts[i].n == (size_t)n &&
        v->parts[i].hash.low == hash.low && v->parts[i].hash.high == hash.high)
        return SQLITE_OK;
    if (!enc_mem_reserve((void **)&v->parts, &v->cap_parts, i + 1, sizeof *v->parts))
        return SQLITE_NOMEM;
    if (i < v->n_parts) ext_vt_part_clear(&v->parts[i]);
    else memset(&v->parts[v->n_parts++], 0, sizeof *v->parts);
    v->parts[i].hash = hash;
    v->parts[i].n = (size_t)n;
    return t->config.is_ivf ? read_centers(t, i) : SQLITE_OK;
}

static int read_list(ext_vt_table *t)
{
    ext_vt_vectors *v = t->vectors;
    sqlite3_stmt *s;
    size_t i = 0;
    int rc = ext_vt_sql_get(t, EXT_VT_SEGMENT_LIST, &s);

    if (rc != SQLITE_OK) return rc;
    v->n = 0;
    v->is_listed = false;
    ext_vt_map_drop(v);
    while (rc == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) rc = list_row(t, s, i++);
    int code = ext_vt_done(t, s);
    while (v->n_parts > i) ext_vt_part_clear(&v->parts[--v->n_parts]);
    v->is_listed = rc == SQLITE_OK && code == SQLITE_OK;
    return rc == SQLITE_OK ? code : rc;
}

/* Somebody has written, or something was rolled back: perhaps a 'reembed', which changes
 * the model and with it the number of values. */
static int reload(ext_vt_table *t)
{
    int rc = ext_vt_config_load(t);

    if (rc != SQLITE_OK || t->config.dims == t->vectors->dims) return rc;
    ext_vt_vectors_free(t->vectors);
    t->vectors = NULL;
    return ext_vt_vectors_new(t);
}

static void swap_vectors(ext_vt_table *a, ext_vt_table *b)
{
    ext_vt_vectors *v = a->vectors;
    a->vectors = b->vectors;
    b->vectors = v;
}

/* Writes what `o` has not, as if it were this table's. If that fails, `o` has it again,
 * unless the transaction ended with it. */
static int write_for(ext_vt_table *t, ext_vt_table *o)
{
    ext_vt_write_begin(o);
    swap_vectors(t, o);
    int rc = ext_vt_vectors_flush(t);
    if (rc == SQLITE_OK) return ext_vt_write_end(o, rc);
    if (!ext_vt_table_is_there(t->conn, o)) {
        ext_vt_vectors_forget(t->vectors);
        return rc;
    }
    bool is_over = !o->must_roll_back;
    swap_vectors(t, o);
    if (is_over) ext_vt_vectors_forget(o->vectors);
    ext_vt_write_end(o, SQLITE_OK); /* half of it may be written; all will be again */
    return rc;
}

/* What one that this table has replaced has not written yet is written by this one, at
 * once: SQLite need not tell it how the transaction ends. */
static int write_for_older(ext_vt_table *t)
{
    int rc = SQLITE_OK;

    for (ext_vt_table *o = t;
         rc == SQLITE_OK && (o = ext_vt_table_older(t, o)) != NULL;) {
        if (o->must_roll_back || o->vectors == NULL || !o->vectors->is_changed) continue;
        if (o->vectors->dims != t->vectors->dims) continue;
        if ((rc = ext_vt_table_refuse_unsaved(t)) == SQLITE_OK) rc = write_for(t, o);
    }
    return rc;
}

int ext_vt_vectors_refresh(ext_vt_table *t)
{
    sqlite3_int64 generation;

    if (t->vectors == NULL && ext_vt_vectors_new(t) != SQLITE_OK) return SQLITE_NOMEM;
    if (t->vectors->is_changed) return SQLITE_OK; /* none else can write meanwhile */
    int rc = write_for_older(t);
    if (rc == SQLITE_OK) rc = ext_vt_config_state(t, &generation);
    if (rc != SQLITE_OK) return rc;
    if (t->vectors->is_current && t->vectors->generation == generation) return SQLITE_OK;
    t->vectors->is_current = false;
    if ((rc = reload(t))) return rc;
    bool is_listed = t->vectors->is_listed && t->vectors->generation == generation;
    if (!is_listed && (rc = read_list(t))) return rc;
    t->vectors->generation = generation;
    t->vectors->is_current = true;
    return SQLITE_OK;
}

/* ---- writing ---- */

static int write_part(ext_vt_table *t, size_t i)
{
    ext_vt_part *p = &t->vectors->parts[i];
    sqlite3_stmt *s;
    uint8_t hash[16];
    enc_wr w, h, m;
    int rc = ext_vt_sql_get(t, EXT_VT_SEGMENT_PUT, &s);

    if (rc != SQLITE_OK) return rc;
    enc_wr_init(&w);
    enc_wr_init(&h);
    enc_wr_init(&m);
    enc_segment_write(p->own, &w);
    p->hash = enc_hash_of(w.at, w.n);
    enc_wr_u64(&h, p->hash.high);
    enc_wr_u64(&h, p->hash.low);
    for (size_t k = 0; p->centers != NULL && k < ENC_IVF_CENTERS * t->vectors->dims; k++)
        enc_wr_f32(&m, p->centers[k]);
    if (w.failed || h.failed || m.failed) rc = SQLITE_NOMEM;
    if (rc == SQLITE_OK) {
        memcpy(hash, h.at, sizeof hash);
        sqlite3_bind_int64(s, 1, (sqlite3_int64)i);
        sqlite3_bind_int64(s, 2, (sqlite3_int64)p->own->n);
        sqlite3_bind_blob(s, 3, hash, sizeof hash, SQLITE_STATIC);
        if (m.n > 0) rc = sqlite3_bind_blob64(s, 4, m.at, m.n, SQLITE_STATIC);
        if (rc == SQLITE_OK) rc = sqlite3_bind_blob64(s, 5, w.at, w.n, SQLITE_STATIC);
        rc = ext_vt_run_bound(t, s, rc);
    }
    enc_wr_clear(&w);
    enc_wr_clear(&h);
    enc_wr_clear(&m);
    return rc;
}

static int write_parts(ext_vt_table *t)
{
    ext_vt_vectors *v = t->vectors;

    for (size_t i = 0; i < v->n_parts; i++) {
        ext_vt_part *p = &v->parts[i];
        if (!p->is_dirty) continue;
        int rc = write_part(t, i);
        if (rc != SQLITE_OK) return rc;
        p->is_dirty = false;
        p->n = p->own->n;
        p->cached = enc_cache_put(p->hash, p->own); /* full: it stays ours */
        if (p->cached != NULL) p->own = NULL;
    }
    v->n_dirty = 0;
    return SQLITE_OK;
}

int ext_vt_vectors_renew(ext_vt_table *t)
{
    sqlite3_int64 random;

    sqlite3_randomness(sizeof random, &random);
    int rc = ext_vt_config_put_int(t, "generation", random);
    if (rc == SQLITE_OK) t->vectors->generation = random;
    return rc;
}

int ext_vt_vectors_flush(ext_vt_table *t)
{
    ext_vt_vectors *v = t->vectors;
    sqlite3_stmt *s;
    int rc;

    if (v == NULL || !v->is_changed) return SQLITE_OK;
    ext_vt_vectors_close_blob(t);
    if ((rc = ext_vt_blocks_write(t)) || (rc = write_parts(t))) return rc;
    if ((rc = ext_vt_sql_get(t, EXT_VT_SEGMENT_CUT, &s))) return rc;
    sqlite3_bind_int64(s, 1, (sqlite3_int64)v->n_parts);
    if ((rc = ext_vt_run(t, s)) || (rc = ext_vt_sql_get(t, EXT_VT_BLOCK_CUT, &s)))
        return rc;
    sqlite3_bind_int64(s, 1, (sqlite3_int64)((v->n + v->per_block - 1) / v->per_block));
    if ((rc = ext_vt_run(t, s))) return rc;
    if ((rc = ext_vt_vectors_renew(t))) return rc;
    v->is_current = v->is_listed = true;
    v->is_changed = false;
    return SQLITE_OK;
}

/* The part, ours and to be changed. */
int ext_vt_part_open(ext_vt_table *t, size_t i, ext_vt_part **out)
{
    ext_vt_vectors *v = t->vectors;
    ext_vt_part *p = &v->parts[i];
    int rc;

    *out = p;
    v->is_changed = true;
    if (p->is_dirty) return SQLITE_OK;
    if (v->n_dirty >= DIRTY_PARTS && (rc = write_parts(t))) return rc;
    if (p->own == NULL) {
        if ((rc = ext_vt_part_load(t, i))) return rc;
        if (p->cached == NULL) rc = ext_vt_segment_read(t, i, &p->own);
        else if ((p->own = enc_segment_copy(enc_cached_segment(p->cached))) == NULL)
            rc = SQLITE_NOMEM;
        if (rc != SQLITE_OK) return rc;
        enc_cache_drop(p->cached);
        p->cached = NULL;
    }
    p->is_dirty = true;
    v->n_dirty++;
    return SQLITE_OK;
}

/* A new, empty last part. */
static int add_part(ext_vt_table *t)
{
    ext_vt_vectors *v = t->vectors;
    enc_err e;

    enc_err_clear(&e);
    if (!enc_mem_reserve((void **)&v->parts, &v->cap_parts, v->n_parts + 1,
                         sizeof *v->parts))
        return SQLITE_NOMEM;
    ext_vt_part *p = &v->parts[v->n_parts];
    memset(p, 0, sizeof *p);
    v->is_changed = true;
    v->is_resident = false;
    int rc = ext_vt_fail_enc(t, enc_segment_new(&p->own, v->dims, &e), &e);
    if (rc != SQLITE_OK) return rc;
    p->is_dirty = true;
    v->n_dirty++;
    v->n_parts++;
    return SQLITE_OK;
}

/* Its vectors are others than those that were clustered: it is always looked at. */
static void leave_clusters(ext_vt_vectors *v, ext_vt_part *p)
{
    if (p->centers == NULL) return;
    enc_mem_free(p->centers);
    p->centers = NULL;
    ext_vt_map_drop(v);
}

/* Slot n is the one after the last. Both halves are opened before either is changed. */
static int write_slot(ext_vt_table *t, size_t slot, sqlite3_int64 id, const float *x)
{
    ext_vt_vectors *v = t->vectors;
    ext_vt_block *b;
    ext_vt_part *p;
    int rc;

    if (slot == v->n_parts * ENC_SEGMENT_ROWS) {
        if (v->n_dirty >= DIRTY_PARTS && (rc = write_parts(t))) return rc;
        if ((rc = add_part(t))) return rc;
    }
    if ((rc = ext_vt_block_open(t, slot / v->per_block, &b)) ||
        (rc = ext_vt_part_open(t, slot / ENC_SEGMENT_ROWS, &p)))
        return rc;
    memcpy(b->v + slot % v->per_block * v->dims, x, v->dims * sizeof *x);
    enc_segment_put(p->own, slot % ENC_SEGMENT_ROWS, id, x);
    leave_clusters(v, p);
    if (slot == v->n) v->n++;
    return SQLITE_OK;
}

int ext_vt_slot_fail(ext_vt_table *t, size_t slot)
{
    return ext_vt_fail(t, SQLITE_CORRUPT_VTAB, "slot %d is named, there are %d",
                       (int)slot, (int)t->vectors->n);
}

int ext_vt_vectors_put(ext_vt_table *t, size_t slot, sqlite3_int64 id, const float *x)
{
    if (slot >= t->vectors->n) return ext_vt_slot_fail(t, slot);
    return write_slot(t, slot, id, x);
}

int ext_vt_vectors_append(ext_vt_table *t, sqlite3_int64 id, const float *x, size_t *slot)
{
    *slot = t->vectors->n;
    if (*slot >= UINT32_MAX)
        return ext_vt_fail(t, SQLITE_FULL, "it has %u vectors, the most there can be",
                           UINT32_MAX);
    return write_slot(t, *slot, id, x);
}

int ext_vt_vectors_rekey(ext_vt_table *t, size_t slot, sqlite3_int64 id)
{
    ext_vt_part *p;

    if (slot >= t->vectors->n) return ext_vt_slot_fail(t, slot);
    int rc = ext_vt_part_open(t, slot / ENC_SEGMENT_ROWS, &p);
    if (rc == SQLITE_OK) p->own->ids[slot % ENC_SEGMENT_ROWS] = id;
    return rc;
}

int ext_vt_vectors_remove(ext_vt_table *t, size_t slot, bool *has_moved,
                          sqlite3_int64 *moved)
{
    ext_vt_vectors *v = t->vectors;
    ext_vt_part *to, *from;
    ext_vt_block *b;
    int rc;

    *has_moved = false;
    if (slot >= t->vectors->n) return ext_vt_slot_fail(t, slot);
    size_t last = v->n - 1;
    /* Two segments are changed at once: neither may be written out between. */
    if (v->n_dirty + 2 > DIRTY_PARTS && (rc = write_parts(t))) return rc;
    if ((rc = ext_vt_part_open(t, last / ENC_SEGMENT_ROWS, &from))) return rc;
    if (slot != last) {
        float *x = enc_mem_array(v->dims, sizeof *x);
        if (x == NULL) return SQLITE_NOMEM;
        if ((rc = ext_vt_vectors_get(t, last, x)) == SQLITE_OK &&
            (rc = ext_vt_block_open(t, slot / v->per_block, &b)) == SQLITE_OK &&
            (rc = ext_vt_part_open(t, slot / ENC_SEGMENT_ROWS, &to)) == SQLITE_OK) {
            memcpy(b->v + slot % v->per_block * v->dims, x, v->dims * sizeof *x);
            *moved = from->own->ids[last % ENC_SEGMENT_ROWS];
            *has_moved = true;
            enc_segment_move(to->own, slot % ENC_SEGMENT_ROWS, from->own,
                             last % ENC_SEGMENT_ROWS);
            leave_clusters(v, to);
        }
        enc_mem_free(x);
        ext_vt_vectors_close_blob(t);
        if (rc != SQLITE_OK) return rc;
    }
    /* The last block must be held, or its stored row would be too long. */
    if ((rc = ext_vt_block_open(t, last / v->per_block, &b))) return rc;
    enc_segment_cut(from->own, last % ENC_SEGMENT_ROWS);
    v->n = last;
    if (from->own->n > 0) return SQLITE_OK;
    ext_vt_part_clear(from);
    ext_vt_map_drop(v);
    v->n_parts--;
    v->n_dirty--;
    return SQLITE_OK;
}

int ext_vt_vectors_clear(ext_vt_table *t)
{
    ext_vt_vectors *v = t->vectors;

    for (size_t i = 0; i < v->n_parts; i++) ext_vt_part_clear(&v->parts[i]);
    ext_vt_blocks_drop(v);
    ext_vt_map_drop(v);
    v->n = v->n_parts = v->n_dirty = 0;
    v->is_changed = true;
    return SQLITE_OK;
}
