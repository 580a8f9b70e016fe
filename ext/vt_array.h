/* vt_array.h - what vt_vectors.c, vt_blocks.c and vt_nearest.c share: the array of
 * vectors in memory. */
#ifndef EXT_VT_ARRAY_H
#define EXT_VT_ARRAY_H

#include "vt.h"

#include "search/ivf.h"

#define BLOCK_BYTES  24576
#define DIRTY_BLOCKS 8  /* changed blocks held before all are written */
#define DIRTY_PARTS  64 /* the same for segments */

typedef struct ext_vt_part { /* a segment */
    enc_cached *cached;      /* what `segment` is borrowed from, or NULL: it is ours */
    enc_segment *own;
    bool is_dirty;
    size_t n;
    enc_hash hash;  /* of its bytes as stored */
    float *centers; /* ENC_IVF_CENTERS x dims, or NULL */
} ext_vt_part;

typedef struct ext_vt_block {
    size_t index;
    float *v; /* per_block x dims; NULL: free */
} ext_vt_block;

struct ext_vt_vectors {
    size_t dims, per_block, n;
    ext_vt_part *parts;
    size_t n_parts, cap_parts, n_dirty;
    bool is_current; /* generation is that of the transaction, or there are changes */
    bool is_changed; /* since the last flush */
    bool is_listed;  /* the parts are those of generation, but for the changes */
    sqlite3_int64 generation;
    ext_vt_block blocks[DIRTY_BLOCKS];
    sqlite3_blob *blob; /* for reading vectors during a search */
    uint8_t *bytes;     /* dims x 4: one vector as stored */
    enc_segment *read;  /* read-through: the segment read last */
    enc_segment **map;  /* codes of all centers (enc_ivf_map), if has_map */
    size_t n_map, cap_map;
    bool has_map;
    bool is_resident; /* every part is known to be in memory */
};

/* ---- vt_blocks.c ---- */

void ext_vt_blocks_drop(ext_vt_vectors *v);
int ext_vt_blocks_write(ext_vt_table *t);
ext_vt_block *ext_vt_block_find(ext_vt_vectors *v,
                                size_t index); /* NULL: it has not changed */

/* The block, to be changed. Call while v->n still tells how many rows it holds stored. */
int ext_vt_block_open(ext_vt_table *t, size_t index, ext_vt_block **out);

/* One vector out of its block, without reading the block's others. */
int ext_vt_vector_read(ext_vt_table *t, size_t slot, float *out);
void ext_vt_blob_close(ext_vt_vectors *v);

/* ---- vt_vectors.c ---- */

int ext_vt_slot_fail(ext_vt_table *t, size_t slot); /* it is not one of the array's */
void ext_vt_part_clear(ext_vt_part *p);
void ext_vt_map_drop(ext_vt_vectors *v); /* after the list of segments has changed */

/* The segment's bytes from the database, decoded; the caller frees it. */
int ext_vt_segment_read(ext_vt_table *t, size_t i, enc_segment **out);
int ext_vt_part_load(ext_vt_table *t,
                     size_t i); /* into the process's cache, if there is room */
int ext_vt_part_open(ext_vt_table *t, size_t i,
                     ext_vt_part **out); /* ours, and to be changed */

/* ---- vt_nearest.c ---- */

/* What a part has in memory, or NULL. */
const enc_segment *ext_vt_part_segment(const ext_vt_part *p);

#endif
