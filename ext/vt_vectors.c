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
#include "vt.h"

#include <string.h>

#include "search/ivf.h"

#define BLOCK_BYTES  24576
#define DIRTY_BLOCKS 8  /* changed blocks held before all are written */
#define DIRTY_PARTS  64 /* the same for segments */

typedef struct part {   /* a segment */
    enc_cached *cached; /* what `segment` is borrowed from, or NULL: it is ours */
    enc_segment *own;
    bool is_dirty;
    size_t n;
    enc_hash hash;  /* of its bytes as stored */
    float *centers; /* ENC_IVF_CENTERS x dims, or NULL */
} part;

typedef struct block {
    size_t index;
    float *v; /* per_block x dims; NULL: free */
} block;

struct vt_vectors {
    size_t dims, per_block, n;
    part *parts;
    size_t n_parts, cap_parts, n_dirty;
    bool is_current; /* generation is that of the transaction, or there are changes */
    bool is_changed; /* since the last flush */
    sqlite3_int64 generation;
    block blocks[DIRTY_BLOCKS];
    sqlite3_blob *blob; /* for reading vectors during a search */
    uint8_t *bytes;     /* dims x 4: one vector as stored */
    enc_segment *read;  /* read-through: the segment read last */
    enc_segment **map;  /* codes of all centers (enc_ivf_map), if has_map */
    size_t n_map, cap_map;
    bool has_map;
    bool is_resident; /* every part is known to be in memory */
};

static const enc_segment *segment_of(const part *p)
{
    return p->own != NULL      ? p->own
           : p->cached != NULL ? enc_cached_segment(p->cached)
                               : NULL;
}

static void part_clear(part *p)
{
    enc_cache_drop(p->cached);
    enc_segment_free(p->own);
    enc_mem_free(p->centers);
    memset(p, 0, sizeof *p);
}

/* After the list of segments has changed. */
static void drop_map(vt_vectors *v)
{
    v->is_resident = false;
    for (size_t i = 0; i < v->n_map; i++) enc_segment_free(v->map[i]);
    v->n_map = 0;
    v->has_map = false;
}

int vt_vectors_new(vt_table *t)
{
    vt_vectors *v = enc_mem_zero(sizeof *v);
    if (v == NULL) return SQLITE_NOMEM;
    v->dims = t->config.dims;
    v->per_block = BLOCK_BYTES / (4 * v->dims);
    if (v->per_block < 1) v->per_block = 1;
    if (v->per_block > ENC_SEGMENT_ROWS) v->per_block = ENC_SEGMENT_ROWS;
    v->bytes = enc_mem_array(v->per_block * v->dims, 4);
    if (v->bytes != NULL) t->vectors = v;
    else vt_vectors_free(v);
    return t->vectors == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

static void drop_blocks(vt_vectors *v)
{
    for (int i = 0; i < DIRTY_BLOCKS; i++) {
        enc_mem_free(v->blocks[i].v);
        v->blocks[i].v = NULL;
    }
}

/* Out of memory, closing it rolls the transaction back, and that comes here again. */
static void close_blob(vt_vectors *v)
{
    sqlite3_blob *blob = v->blob;

    v->blob = NULL;
    sqlite3_blob_close(blob);
}

void vt_vectors_free(vt_vectors *v)
{
    if (v == NULL) return;
    close_blob(v);
    for (size_t i = 0; i < v->n_parts; i++) part_clear(&v->parts[i]);
    enc_mem_free(v->parts);
    drop_blocks(v);
    drop_map(v);
    enc_mem_free(v->map);
    enc_segment_free(v->read);
    enc_mem_free(v->bytes);
    enc_mem_free(v);
}

size_t vt_vectors_count(const vt_vectors *v)
{
    return v->n;
}

void vt_vectors_forget(vt_vectors *v)
{
    if (v == NULL) return;
    for (size_t i = 0; i < v->n_parts; i++)
        if (v->parts[i].is_dirty) part_clear(&v->parts[i]);
    drop_blocks(v);
    drop_map(v);
    close_blob(v);
    v->n_dirty = 0;
    v->is_current = v->is_changed = false;
    v->generation = 0;
}

/* ---- reading ---- */

static int corrupt_segment(vt_table *t, size_t i, const char *what)
{
    return vt_fail(t, SQLITE_CORRUPT_VTAB,
                   "segment %d: %s (INSERT INTO %s(%s) VALUES('rebuild') makes the "
                   "index anew)",
                   (int)i, what, t->name, t->name);
}

/* The segment's bytes from the database, decoded. */
static int read_segment(vt_table *t, size_t i, enc_segment **out)
{
    vt_vectors *v = t->vectors;
    sqlite3_stmt *s;
    enc_err e;
    int rc = vt_sql_get(t, VT_SEGMENT_GET, &s);

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
        else rc = vt_fail_enc(t, enc_segment_read(out, b, v->dims, &e), &e);
    }
    int code = vt_done(t, s);
    if (rc == SQLITE_OK) rc = code;
    if (rc == SQLITE_OK && (*out == NULL || (*out)->n != v->parts[i].n))
        rc = corrupt_segment(t, i, "it has another number of rows than was stored");
    if (rc != SQLITE_OK) {
        enc_segment_free(*out);
        *out = NULL;
    }
    return rc;
}

int vt_vectors_check(vt_table *t)
{
    int rc = SQLITE_OK;

    for (size_t i = 0; i < t->vectors->n_parts && rc == SQLITE_OK; i++) {
        enc_segment *s = NULL;
        if (!t->vectors->parts[i].is_dirty) rc = read_segment(t, i, &s);
        enc_segment_free(s);
    }
    return rc;
}

/* Into the process's cache, if there is room. */
static int load_part(vt_table *t, size_t i)
{
    part *p = &t->vectors->parts[i];
    enc_segment *s;

    if (segment_of(p) != NULL || (p->cached = enc_cache_find(p->hash)) != NULL)
        return SQLITE_OK;
    int rc = read_segment(t, i, &s);
    if (rc != SQLITE_OK) return rc;
    p->cached = enc_cache_put(p->hash, s);
    if (p->cached == NULL) enc_segment_free(s);
    return SQLITE_OK;
}

/* One row of the list: compares with what is in memory. */
static int list_row(vt_table *t, sqlite3_stmt *s, size_t i)
{
    vt_vectors *v = t->vectors;
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
    if (i < v->n_parts) part_clear(&v->parts[i]);
    else memset(&v->parts[v->n_parts++], 0, sizeof *v->parts);
    v->parts[i].hash = hash;
    v->parts[i].n = (size_t)n;
    size_t bytes = (size_t)sqlite3_column_bytes(s, 3),
           n_values = ENC_IVF_CENTERS * v->dims;
    if (bytes != 4 * n_values) return SQLITE_OK;
    if ((v->parts[i].centers = enc_mem_array(n_values, 4)) == NULL) return SQLITE_NOMEM;
    enc_rd r = enc_rd_of(sqlite3_column_blob(s, 3), bytes);
    for (size_t k = 0; k < n_values; k++) v->parts[i].centers[k] = enc_rd_f32(&r);
    return SQLITE_OK;
}

static int read_list(vt_table *t)
{
    vt_vectors *v = t->vectors;
    sqlite3_stmt *s;
    size_t i = 0;
    int rc = vt_sql_get(t, VT_SEGMENT_LIST, &s);

    if (rc != SQLITE_OK) return rc;
    v->n = 0;
    drop_map(v);
    while (rc == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) rc = list_row(t, s, i++);
    int code = vt_done(t, s);
    while (v->n_parts > i) part_clear(&v->parts[--v->n_parts]);
    return rc == SQLITE_OK ? code : rc;
}

static int read_generation(vt_table *t, sqlite3_int64 *out)
{
    sqlite3_stmt *s;
    int rc = vt_sql_get(t, VT_CONFIG_GET, &s);

    *out = 0;
    if (rc != SQLITE_OK) return rc;
    sqlite3_bind_text(s, 1, "generation", -1, SQLITE_STATIC);
    if (sqlite3_step(s) == SQLITE_ROW) *out = sqlite3_column_int64(s, 0);
    return vt_done(t, s);
}

/* Somebody has written, or something was rolled back: perhaps a 'reembed', which changes
 * the model and with it the number of values. */
static int reload(vt_table *t)
{
    int rc = vt_config_load(t);

    if (rc != SQLITE_OK || t->config.dims == t->vectors->dims) return rc;
    vt_vectors_free(t->vectors);
    t->vectors = NULL;
    return vt_vectors_new(t);
}

int vt_vectors_refresh(vt_table *t)
{
    sqlite3_int64 generation;

    if (t->vectors == NULL && vt_vectors_new(t) != SQLITE_OK) return SQLITE_NOMEM;
    if (t->vectors->is_changed) return SQLITE_OK; /* none else can write meanwhile */
    int rc = read_generation(t, &generation);
    if (rc != SQLITE_OK) return rc;
    if (t->vectors->is_current && t->vectors->generation == generation) return SQLITE_OK;
    t->vectors->is_current = false;
    if ((rc = reload(t)) || (rc = read_list(t))) return rc;
    t->vectors->generation = generation;
    t->vectors->is_current = true;
    return SQLITE_OK;
}

/* ---- blocks ---- */

static block *find_block(vt_vectors *v, size_t index)
{
    for (int i = 0; i < DIRTY_BLOCKS; i++)
        if (v->blocks[i].v != NULL && v->blocks[i].index == index) return &v->blocks[i];
    return NULL;
}

/* How many slots of the block are in use. */
static size_t block_rows(const vt_vectors *v, size_t index)
{
    size_t from = index * v->per_block;
    if (v->n <= from) return 0;
    return v->n - from < v->per_block ? v->n - from : v->per_block;
}

static int write_block(vt_table *t, const block *b)
{
    vt_vectors *v = t->vectors;
    size_t n = block_rows(v, b->index) * v->dims;
    sqlite3_stmt *s;
    enc_wr w;

    if (n == 0) return SQLITE_OK; /* cut away at the flush */
    int rc = vt_sql_get(t, VT_BLOCK_PUT, &s);
    if (rc != SQLITE_OK) return rc;
    enc_wr_init(&w);
    for (size_t i = 0; i < n; i++) enc_wr_f32(&w, b->v[i]);
    if (w.failed) {
        enc_wr_clear(&w);
        return SQLITE_NOMEM;
    }
    sqlite3_bind_int64(s, 1, (sqlite3_int64)b->index);
    sqlite3_bind_blob64(s, 2, w.at, w.n, SQLITE_STATIC);
    rc = vt_run(t, s);
    enc_wr_clear(&w);
    return rc;
}

static int write_blocks(vt_table *t)
{
    vt_vectors *v = t->vectors;
    int rc = SQLITE_OK;

    for (int i = 0; i < DIRTY_BLOCKS && rc == SQLITE_OK; i++)
        if (v->blocks[i].v != NULL) rc = write_block(t, &v->blocks[i]);
    if (rc == SQLITE_OK) drop_blocks(v);
    return rc;
}

static int read_block(vt_table *t, size_t index, float *out)
{
    vt_vectors *v = t->vectors;
    size_t n = block_rows(v, index) * v->dims;
    sqlite3_stmt *s;
    int rc = vt_sql_get(t, VT_BLOCK_GET, &s);

    if (rc != SQLITE_OK) return rc;
    sqlite3_bind_int64(s, 1, (sqlite3_int64)index);
    bool found = sqlite3_step(s) == SQLITE_ROW;
    if (found) {
        const void *at = sqlite3_column_blob(s, 0);
        enc_rd r = enc_rd_of(at, (size_t)sqlite3_column_bytes(s, 0));
        found = r.left == 4 * n && at != NULL;
        for (size_t i = 0; i < n && found; i++) out[i] = enc_rd_f32(&r);
    }
    rc = vt_done(t, s);
    if (rc != SQLITE_OK || found) return rc;
    return vt_fail(t, SQLITE_CORRUPT_VTAB,
                   "block %d of the vectors is missing, or has not %d values", (int)index,
                   (int)n);
}

/* The block, to be changed. Call while v->n still tells how many rows it holds stored. */
static int open_block(vt_table *t, size_t index, block **out)
{
    vt_vectors *v = t->vectors;
    block *b = find_block(v, index);
    int rc = SQLITE_OK;

    *out = b;
    if (b != NULL) return SQLITE_OK;
    for (int i = 0; i < DIRTY_BLOCKS && b == NULL; i++)
        if (v->blocks[i].v == NULL) b = &v->blocks[i];
    if (b == NULL) {
        if ((rc = write_blocks(t))) return rc;
        b = &v->blocks[0];
    }
    float *at = enc_mem_array(v->per_block * v->dims, sizeof *at);
    if (at == NULL) return SQLITE_NOMEM;
    if (block_rows(v, index) > 0) rc = read_block(t, index, at);
    if (rc != SQLITE_OK) {
        enc_mem_free(at);
        return rc;
    }
    *b = (block){index, at};
    *out = b;
    return SQLITE_OK;
}

/* One vector out of its block, without reading the block's others. */
static int read_vector(vt_table *t, size_t slot, float *out)
{
    vt_vectors *v = t->vectors;
    sqlite3_int64 row = (sqlite3_int64)(slot / v->per_block);
    size_t n = 4 * v->dims, from = slot % v->per_block * n;
    int rc;

    if (v->blob != NULL) {
        sqlite3_blob *blob = v->blob;
        v->blob = NULL; /* out of reach of what close_blob tells of */
        rc = sqlite3_blob_reopen(blob, row);
        v->blob = blob;
    } else {
        char *table = sqlite3_mprintf("%s_vector", t->name);
        if (table == NULL) return SQLITE_NOMEM;
        rc = sqlite3_blob_open(t->db, t->schema, table, "b", row, 0, &v->blob);
        sqlite3_free(table);
    }
    bool is_short = rc == SQLITE_OK && (size_t)sqlite3_blob_bytes(v->blob) < from + n;
    if (rc == SQLITE_OK && is_short) rc = SQLITE_ERROR;
    if (rc == SQLITE_OK) rc = sqlite3_blob_read(v->blob, v->bytes, (int)n, (int)from);
    if (rc != SQLITE_OK) {
        vt_vectors_close_blob(t);
        return rc == SQLITE_NOMEM || rc == SQLITE_INTERRUPT
                   ? rc
                   : vt_fail(t, rc == SQLITE_ERROR ? SQLITE_CORRUPT_VTAB : rc,
                             "vector %d cannot be read: %s", (int)slot,
                             is_short ? "its block is cut short" : sqlite3_errmsg(t->db));
    }
    enc_rd r = enc_rd_of(v->bytes, n);
    for (size_t i = 0; i < v->dims; i++) out[i] = enc_rd_f32(&r);
    return SQLITE_OK;
}

void vt_vectors_close_blob(vt_table *t)
{
    vt_vectors *v = t->vectors;
    close_blob(v);
    enc_segment_free(v->read);
    v->read = NULL;
}

int vt_vectors_get(vt_table *t, size_t slot, float *out)
{
    vt_vectors *v = t->vectors;
    const block *b = find_block(v, slot / v->per_block);

    if (slot >= v->n)
        return vt_fail(t, SQLITE_CORRUPT_VTAB, "slot %d is named, there are %d",
                       (int)slot, (int)v->n);
    if (b == NULL) return read_vector(t, slot, out);
    memcpy(out, b->v + slot % v->per_block * v->dims, v->dims * sizeof *out);
    return SQLITE_OK;
}

/* ---- writing ---- */

static int write_part(vt_table *t, size_t i)
{
    part *p = &t->vectors->parts[i];
    sqlite3_stmt *s;
    uint8_t hash[16];
    enc_wr w, h, m;
    int rc = vt_sql_get(t, VT_SEGMENT_PUT, &s);

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
        if (m.n > 0) sqlite3_bind_blob64(s, 4, m.at, m.n, SQLITE_STATIC);
        sqlite3_bind_blob64(s, 5, w.at, w.n, SQLITE_STATIC);
        rc = vt_run(t, s);
    }
    enc_wr_clear(&w);
    enc_wr_clear(&h);
    enc_wr_clear(&m);
    return rc;
}

static int write_parts(vt_table *t)
{
    vt_vectors *v = t->vectors;

    for (size_t i = 0; i < v->n_parts; i++) {
        part *p = &v->parts[i];
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

int vt_vectors_flush(vt_table *t)
{
    vt_vectors *v = t->vectors;
    sqlite3_stmt *s;
    sqlite3_int64 random;
    int rc;

    if (v == NULL || !v->is_changed) return SQLITE_OK;
    vt_vectors_close_blob(t);
    if ((rc = write_blocks(t)) || (rc = write_parts(t))) return rc;
    if ((rc = vt_sql_get(t, VT_SEGMENT_CUT, &s))) return rc;
    sqlite3_bind_int64(s, 1, (sqlite3_int64)v->n_parts);
    if ((rc = vt_run(t, s)) || (rc = vt_sql_get(t, VT_BLOCK_CUT, &s))) return rc;
    sqlite3_bind_int64(s, 1, (sqlite3_int64)((v->n + v->per_block - 1) / v->per_block));
    if ((rc = vt_run(t, s))) return rc;
    sqlite3_randomness(sizeof random, &random);
    if ((rc = vt_config_put_int(t, "generation", random))) return rc;
    v->generation = random;
    v->is_current = true;
    v->is_changed = false;
    return SQLITE_OK;
}

/* The part, ours and to be changed. */
static int open_part(vt_table *t, size_t i, part **out)
{
    vt_vectors *v = t->vectors;
    part *p = &v->parts[i];
    int rc;

    *out = p;
    v->is_changed = true;
    if (p->is_dirty) return SQLITE_OK;
    if (v->n_dirty >= DIRTY_PARTS && (rc = write_parts(t))) return rc;
    if (p->own == NULL) {
        if ((rc = load_part(t, i))) return rc;
        if (p->cached == NULL) rc = read_segment(t, i, &p->own);
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
static int add_part(vt_table *t)
{
    vt_vectors *v = t->vectors;
    enc_err e;

    enc_err_clear(&e);
    if (!enc_mem_reserve((void **)&v->parts, &v->cap_parts, v->n_parts + 1,
                         sizeof *v->parts))
        return SQLITE_NOMEM;
    part *p = &v->parts[v->n_parts];
    memset(p, 0, sizeof *p);
    v->is_resident = false;
    int rc = vt_fail_enc(t, enc_segment_new(&p->own, v->dims, &e), &e);
    if (rc != SQLITE_OK) return rc;
    p->is_dirty = true;
    v->n_dirty++;
    v->n_parts++;
    return SQLITE_OK;
}

/* Slot n is the one after the last. Both halves are opened before either is changed. */
static int write_slot(vt_table *t, size_t slot, sqlite3_int64 id, const float *x)
{
    vt_vectors *v = t->vectors;
    block *b;
    part *p;
    int rc;

    if (slot == v->n_parts * ENC_SEGMENT_ROWS) {
        if (v->n_dirty >= DIRTY_PARTS && (rc = write_parts(t))) return rc;
        if ((rc = add_part(t))) return rc;
    }
    if ((rc = open_block(t, slot / v->per_block, &b)) ||
        (rc = open_part(t, slot / ENC_SEGMENT_ROWS, &p)))
        return rc;
    memcpy(b->v + slot % v->per_block * v->dims, x, v->dims * sizeof *x);
    enc_segment_put(p->own, slot % ENC_SEGMENT_ROWS, id, x);
    if (slot == v->n) v->n++;
    return SQLITE_OK;
}

int vt_vectors_put(vt_table *t, size_t slot, sqlite3_int64 id, const float *x)
{
    if (slot >= t->vectors->n)
        return vt_fail(t, SQLITE_CORRUPT_VTAB, "slot %d is named, there are %d",
                       (int)slot, (int)t->vectors->n);
    return write_slot(t, slot, id, x);
}

int vt_vectors_append(vt_table *t, sqlite3_int64 id, const float *x, size_t *slot)
{
    *slot = t->vectors->n;
    if (*slot >= UINT32_MAX)
        return vt_fail(t, SQLITE_FULL, "it has %u vectors, the most there can be",
                       UINT32_MAX);
    return write_slot(t, *slot, id, x);
}

int vt_vectors_rekey(vt_table *t, size_t slot, sqlite3_int64 id)
{
    part *p;

    if (slot >= t->vectors->n)
        return vt_fail(t, SQLITE_CORRUPT_VTAB, "slot %d is named, there are %d",
                       (int)slot, (int)t->vectors->n);
    int rc = open_part(t, slot / ENC_SEGMENT_ROWS, &p);
    if (rc == SQLITE_OK) p->own->ids[slot % ENC_SEGMENT_ROWS] = id;
    return rc;
}

int vt_vectors_remove(vt_table *t, size_t slot, bool *has_moved, sqlite3_int64 *moved)
{
    vt_vectors *v = t->vectors;
    part *to, *from;
    block *b;
    int rc;

    *has_moved = false;
    if (slot >= v->n)
        return vt_fail(t, SQLITE_CORRUPT_VTAB, "slot %d is named, there are %d",
                       (int)slot, (int)v->n);
    size_t last = v->n - 1;
    /* Two segments are changed at once: neither may be written out between. */
    if (v->n_dirty + 2 > DIRTY_PARTS && (rc = write_parts(t))) return rc;
    if ((rc = open_part(t, last / ENC_SEGMENT_ROWS, &from))) return rc;
    if (slot != last) {
        float *x = enc_mem_array(v->dims, sizeof *x);
        if (x == NULL) return SQLITE_NOMEM;
        if ((rc = vt_vectors_get(t, last, x)) == SQLITE_OK &&
            (rc = open_block(t, slot / v->per_block, &b)) == SQLITE_OK &&
            (rc = open_part(t, slot / ENC_SEGMENT_ROWS, &to)) == SQLITE_OK) {
            memcpy(b->v + slot % v->per_block * v->dims, x, v->dims * sizeof *x);
            *moved = from->own->ids[last % ENC_SEGMENT_ROWS];
            *has_moved = true;
            enc_segment_move(to->own, slot % ENC_SEGMENT_ROWS, from->own,
                             last % ENC_SEGMENT_ROWS);
        }
        enc_mem_free(x);
        vt_vectors_close_blob(t);
        if (rc != SQLITE_OK) return rc;
    }
    /* The last block must be held, or its stored row would be too long. */
    if ((rc = open_block(t, last / v->per_block, &b))) return rc;
    enc_segment_cut(from->own, last % ENC_SEGMENT_ROWS);
    v->n = last;
    if (from->own->n > 0) return SQLITE_OK;
    part_clear(from);
    drop_map(v);
    v->n_parts--;
    v->n_dirty--;
    return SQLITE_OK;
}

int vt_vectors_clear(vt_table *t)
{
    vt_vectors *v = t->vectors;

    for (size_t i = 0; i < v->n_parts; i++) part_clear(&v->parts[i]);
    drop_blocks(v);
    drop_map(v);
    v->n = v->n_parts = v->n_dirty = 0;
    v->is_changed = true;
    return SQLITE_OK;
}

/* ---- searching ---- */

/* The sentence is with the table already. */
static enc_rc not_read(int rc, enc_err *e)
{
    if (rc == SQLITE_NOMEM) return enc_nomem(e);
    if (rc == SQLITE_INTERRUPT) return enc_fail(e, ENC_INTERRUPT, "interrupted");
    return enc_fail(e, (rc & 0xff) == SQLITE_CORRUPT ? ENC_CORRUPT : ENC_IO, "not read");
}

static enc_rc store_segment(void *self, size_t i, const enc_segment **out, enc_err *e)
{
    vt_table *t = self;
    vt_vectors *v = t->vectors;

    if ((*out = segment_of(&v->parts[i])) != NULL) return ENC_OK;
    enc_segment_free(v->read);
    v->read = NULL;
    int rc = read_segment(t, i, &v->read);
    *out = v->read;
    if (rc == SQLITE_OK) return ENC_OK;
    return not_read(rc, e);
}

int vt_vectors_id(vt_table *t, size_t slot, sqlite3_int64 *id)
{
    const enc_segment *s = NULL;
    enc_err e;

    enc_err_clear(&e);
    if (slot >= t->vectors->n)
        return vt_fail(t, SQLITE_CORRUPT_VTAB, "slot %d is named, there are %d",
                       (int)slot, (int)t->vectors->n);
    enc_rc rc = store_segment(t, slot / ENC_SEGMENT_ROWS, &s, &e);
    if (rc != ENC_OK) return vt_fail_enc(t, rc, &e);
    *id = s->ids[slot % ENC_SEGMENT_ROWS];
    return SQLITE_OK;
}

static enc_rc store_vector(void *self, size_t i, size_t row, float *out, enc_err *e)
{
    int rc = vt_vectors_get(self, i * ENC_SEGMENT_ROWS + row, out);
    if (rc == SQLITE_OK) return ENC_OK;
    return not_read(rc, e);
}

int vt_vectors_store(vt_table *t, enc_store *out)
{
    vt_vectors *v = t->vectors;

    *out = (enc_store){t, v->n_parts, true, store_segment, store_vector};
    if (v->is_resident) return SQLITE_OK;
    for (size_t i = 0; i < v->n_parts; i++) {
        int rc = load_part(t, i);
        if (rc != SQLITE_OK) return rc;
        if (segment_of(&v->parts[i]) == NULL) out->is_resident = false;
    }
    v->is_resident = out->is_resident;
    return SQLITE_OK;
}

bool vt_vectors_is_clustered(const vt_vectors *v)
{
    for (size_t i = 0; i < v->n_parts; i++)
        if (v->parts[i].centers != NULL) return true;
    return false;
}

/* The centers of all segments as codes, so that a search compares with them quickly. */
static int make_map(vt_table *t)
{
    vt_vectors *v = t->vectors;
    enc_err e;

    if (v->has_map) return SQLITE_OK;
    drop_map(v);
    enc_err_clear(&e);
    for (size_t i = 0; i < v->n_parts; i++) {
        if (v->parts[i].centers == NULL) continue;
        for (size_t c = 0; c < ENC_IVF_CENTERS; c++) {
            enc_segment *last = v->n_map > 0 ? v->map[v->n_map - 1] : NULL;
            if (last == NULL || last->n == ENC_SEGMENT_ROWS) {
                if (!enc_mem_reserve((void **)&v->map, &v->cap_map, v->n_map + 1,
                                     sizeof *v->map))
                    return SQLITE_NOMEM;
                int rc = vt_fail_enc(t, enc_segment_new(&last, v->dims, &e), &e);
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
int vt_vectors_probe(vt_table *t, const float *q, size_t n_probe, size_t *out, size_t *n)
{
    vt_vectors *v = t->vectors;
    size_t n_new = 0;
    enc_err e;
    int rc = make_map(t);

    *n = 0;
    enc_err_clear(&e);
    if (rc != SQLITE_OK) return rc;
    for (size_t i = 0; i < v->n_parts; i++)
        if (v->parts[i].centers == NULL) out[n_new++] = i;
    const enc_ivf_map map = {v->map, v->n_map, v->n_parts, v->dims, t->config.metric};
    rc = vt_fail_enc(t, enc_ivf_probe(&map, q, n_probe, out + n_new, n, &e), &e);
    *n += n_new;
    return rc;
}

/* All vectors and ids in the new order, then written over the old ones. */
static int reorder(vt_table *t, const size_t *order, float *x, sqlite3_int64 *ids)
{
    vt_vectors *v = t->vectors;
    size_t n = v->n, slot;
    enc_err e;
    int rc = SQLITE_OK;

    enc_err_clear(&e);
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
        if ((rc = vt_vectors_id(t, order[i], &ids[i])) == SQLITE_OK)
            rc = vt_vectors_get(t, order[i], x + i * v->dims);
    }
    vt_vectors_close_blob(t);
    if (rc != SQLITE_OK) return rc;
    vt_vectors_clear(t);
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
        rc = vt_vectors_append(t, ids[i], x + i * v->dims, &slot);
    for (size_t i = 0; i < v->n_parts && rc == SQLITE_OK; i++) {
        part *p;
        if ((rc = open_part(t, i, &p))) break;
        if ((p->centers = enc_mem_array(ENC_IVF_CENTERS * v->dims, 4)) == NULL)
            rc = SQLITE_NOMEM;
        else
            rc = vt_fail_enc(t, enc_ivf_centers(p->own, t->config.metric, p->centers, &e),
                             &e);
    }
    return rc;
}

int vt_vectors_cluster(vt_table *t, size_t *order, bool (*tick)(void *), void *arg)
{
    vt_vectors *v = t->vectors;
    enc_store store;
    enc_err e;
    int rc = vt_vectors_store(t, &store);

    if (rc != SQLITE_OK || v->n == 0) return rc;
    enc_err_clear(&e);
    const enc_ivf_job job = {&store, v->n, v->dims, t->config.metric, 1, tick, arg};
    rc = vt_fail_enc(t, enc_ivf_order(&job, order, &e), &e);
    if (rc != SQLITE_OK) return rc;
    float *x = enc_mem_array(v->n * v->dims, sizeof *x);
    sqlite3_int64 *ids = enc_mem_array(v->n, sizeof *ids);
    rc = x == NULL || ids == NULL ? SQLITE_NOMEM : reorder(t, order, x, ids);
    enc_mem_free(x);
    enc_mem_free(ids);
    return rc;
}

void vt_vectors_sizes(const vt_vectors *v, vt_sizes *out)
{
    *out = (vt_sizes){.n_segments = v->n_parts};
    if (v->is_resident && v->n_parts > 0) { /* all have the same size */
        out->n_resident = v->n_parts;
        out->resident_bytes = v->n_parts * segment_of(&v->parts[0])->size;
        return;
    }
    for (size_t i = 0; i < v->n_parts; i++) {
        const enc_segment *s = segment_of(&v->parts[i]);
        out->n_resident += s != NULL;
        out->resident_bytes += s != NULL ? s->size : 0;
    }
}
