/* vt_blocks.c - the f32 vectors of a table, some slots to a row of %_vector.
 *
 * A block is per_block x dims little-endian floats, the last one as many as there are
 * slots. Changed blocks are held in memory until a few are; one vector is read out of a
 * block through a BLOB handle, without the others. */
#include "vt_array.h"

#include <string.h>

void ext_vt_blocks_drop(ext_vt_vectors *v)
{
    for (int i = 0; i < DIRTY_BLOCKS; i++) {
        enc_mem_free(v->blocks[i].v);
        v->blocks[i].v = NULL;
    }
}

/* Out of memory, closing it rolls the transaction back, and that comes here again. */
void ext_vt_blob_close(ext_vt_vectors *v)
{
    sqlite3_blob *blob = v->blob;

    v->blob = NULL;
    sqlite3_blob_close(blob);
}

ext_vt_block *ext_vt_block_find(ext_vt_vectors *v, size_t index)
{
    for (int i = 0; i < DIRTY_BLOCKS; i++)
        if (v->blocks[i].v != NULL && v->blocks[i].index == index) return &v->blocks[i];
    return NULL;
}

/* How many slots of the block are in use. */
static size_t block_rows(const ext_vt_vectors *v, size_t index)
{
    size_t from = index * v->per_block;
    if (v->n <= from) return 0;
    return v->n - from < v->per_block ? v->n - from : v->per_block;
}

static int write_block(ext_vt_table *t, const ext_vt_block *b)
{
    ext_vt_vectors *v = t->vectors;
    size_t n = block_rows(v, b->index) * v->dims;
    sqlite3_stmt *s;
    enc_wr w;

    if (n == 0) return SQLITE_OK; /* cut away at the flush */
    int rc = ext_vt_sql_get(t, EXT_VT_BLOCK_PUT, &s);
    if (rc != SQLITE_OK) return rc;
    enc_wr_init(&w);
    enc_wr_f32s(&w, b->v, n);
    if (w.failed) {
        enc_wr_clear(&w);
        return SQLITE_NOMEM;
    }
    sqlite3_bind_int64(s, 1, (sqlite3_int64)b->index);
    rc = ext_vt_run_bound(t, s, sqlite3_bind_blob64(s, 2, w.at, w.n, SQLITE_STATIC));
    enc_wr_clear(&w);
    return rc;
}

int ext_vt_blocks_write(ext_vt_table *t)
{
    ext_vt_vectors *v = t->vectors;
    int rc = SQLITE_OK;

    for (int i = 0; i < DIRTY_BLOCKS && rc == SQLITE_OK; i++)
        if (v->blocks[i].v != NULL) rc = write_block(t, &v->blocks[i]);
    if (rc == SQLITE_OK) ext_vt_blocks_drop(v);
    return rc;
}

static int read_block(ext_vt_table *t, size_t index, float *out)
{
    ext_vt_vectors *v = t->vectors;
    size_t n = block_rows(v, index) * v->dims;
    sqlite3_stmt *s;
    int rc = ext_vt_sql_get(t, EXT_VT_BLOCK_GET, &s);

    if (rc != SQLITE_OK) return rc;
    sqlite3_bind_int64(s, 1, (sqlite3_int64)index);
    bool found = sqlite3_step(s) == SQLITE_ROW;
    if (found) {
        const void *at = sqlite3_column_blob(s, 0);
        enc_rd r = enc_rd_of(at, (size_t)sqlite3_column_bytes(s, 0));
        found = r.left == 4 * n && at != NULL;
        if (found) enc_rd_f32s(&r, out, n);
    }
    rc = ext_vt_done(t, s);
    if (rc != SQLITE_OK || found) return rc;
    return ext_vt_fail(t, SQLITE_CORRUPT_VTAB,
                       "block %d of the vectors is missing, or has not %d values",
                       (int)index, (int)n);
}

/* The block, to be changed. Call while v->n still tells how many rows it holds stored. */
int ext_vt_block_open(ext_vt_table *t, size_t index, ext_vt_block **out)
{
    ext_vt_vectors *v = t->vectors;
    ext_vt_block *b = ext_vt_block_find(v, index);
    int rc = SQLITE_OK;

    *out = b;
    if (b != NULL) return SQLITE_OK;
    for (int i = 0; i < DIRTY_BLOCKS && b == NULL; i++)
        if (v->blocks[i].v == NULL) b = &v->blocks[i];
    if (b == NULL) {
        if ((rc = ext_vt_blocks_write(t))) return rc;
        b = &v->blocks[0];
    }
    float *at = enc_mem_array(v->per_block * v->dims, sizeof *at);
    if (at == NULL) return SQLITE_NOMEM;
    if (block_rows(v, index) > 0) rc = read_block(t, index, at);
    if (rc != SQLITE_OK) {
        enc_mem_free(at);
        return rc;
    }
    *b = (ext_vt_block){index, at};
    *out = b;
    return SQLITE_OK;
}

/* One vector out of its block, without reading the block's others. */
int ext_vt_vector_read(ext_vt_table *t, size_t slot, float *out)
{
    ext_vt_vectors *v = t->vectors;
    sqlite3_int64 row = (sqlite3_int64)(slot / v->per_block);
    size_t n = 4 * v->dims, from = slot % v->per_block * n;
    int rc;

    if (v->blob != NULL) {
        sqlite3_blob *blob = v->blob;
        v->blob = NULL; /* out of reach of what ext_vt_blob_close tells of */
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
        ext_vt_vectors_close_blob(t);
        return rc == SQLITE_NOMEM || rc == SQLITE_INTERRUPT
                   ? rc
                   : ext_vt_fail(t, rc == SQLITE_ERROR ? SQLITE_CORRUPT_VTAB : rc,
                                 "vector %d cannot be read: %s", (int)slot,
                                 is_short ? "its block is cut short"
                                          : sqlite3_errmsg(t->db));
    }
    enc_rd r = enc_rd_of(v->bytes, n);
    enc_rd_f32s(&r, out, v->dims);
    return SQLITE_OK;
}

void ext_vt_vectors_close_blob(ext_vt_table *t)
{
    ext_vt_vectors *v = t->vectors;
    ext_vt_blob_close(v);
    enc_segment_free(v->read);
    v->read = NULL;
}

int ext_vt_vectors_get(ext_vt_table *t, size_t slot, float *out)
{
    ext_vt_vectors *v = t->vectors;
    const ext_vt_block *b = ext_vt_block_find(v, slot / v->per_block);

    if (slot >= t->vectors->n) return ext_vt_slot_fail(t, slot);
    if (b == NULL) return ext_vt_vector_read(t, slot, out);
    memcpy(out, b->v + slot % v->per_block * v->dims, v->dims * sizeof *out);
    return SQLITE_OK;
}
