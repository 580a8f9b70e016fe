/* disk.c - see disk.h. */
#include "lib/disk.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

#define SECTOR     512
#define SHM_LOCKS  8
#define SHM_REGION 32768

/* What happened to a file since its last sync. */
typedef struct change {
    struct change *next;
    bool is_truncation; /* to `at` bytes */
    sqlite3_int64 at;
    int n;
    unsigned char bytes[];
} change;

typedef struct node {
    struct node *next;
    char *name; /* NULL: temporary */
    bool is_deleted, is_deletion_safe, is_creation_safe;
    unsigned char *bytes, *safe;
    sqlite3_int64 n, cap, n_safe;
    change *first, **last; /* unsynced */
    int n_open, n_shared;
    struct handle *reserved, *pending, *exclusive;
    void *shm[64];
    int n_shm, shm_shared[SHM_LOCKS];
    struct handle *shm_exclusive[SHM_LOCKS];
} node;

typedef struct handle {
    sqlite3_file base;
    node *node;
    int level;
    bool is_delete_on_close, is_read_only, has_shm;
    unsigned shm_shared; /* a bit a lock */
} handle;

static struct disk {
    node *nodes;
    disk_watch *watch;
    void *arg;
    sqlite3_int64 room;
    bool is_read_only, has_no_temporary;
    enc_rng random;
} disk = {.room = -1};

static const char *const op_names[DISK_N_OPS] = {
    "open", "read",   "write",  "truncate", "sync",    "size",
    "lock", "delete", "access", "shm map",  "shm lock"};

static const int op_errors[DISK_N_OPS] = {
    SQLITE_CANTOPEN,     SQLITE_IOERR_READ,   SQLITE_IOERR_WRITE,  SQLITE_IOERR_TRUNCATE,
    SQLITE_IOERR_FSYNC,  SQLITE_IOERR_FSTAT,  SQLITE_IOERR_LOCK,   SQLITE_IOERR_DELETE,
    SQLITE_IOERR_ACCESS, SQLITE_IOERR_SHMMAP, SQLITE_IOERR_SHMLOCK};

int disk_error(disk_op op)
{
    return op_errors[op];
}

const char *disk_op_name(disk_op op)
{
    return op_names[op];
}

/* Memory of the disk never fails: that would fail the test. */
static void *block(void *p, size_t n)
{
    p = realloc(p, n);
    if (p == NULL) abort();
    return p;
}

static int ask(disk_op op)
{
    return disk.watch == NULL ? SQLITE_OK : disk.watch(disk.arg, op);
}

/* ---- nodes ---- */

static node *find(const char *name)
{
    for (node *f = disk.nodes; f != NULL; f = f->next)
        if (name != NULL && f->name != NULL && !f->is_deleted &&
            strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

static node *node_new(const char *name)
{
    node *f = block(NULL, sizeof *f);

    memset(f, 0, sizeof *f);
    f->last = &f->first;
    if (name != NULL) f->name = strcpy(block(NULL, strlen(name) + 1), name);
    f->next = disk.nodes;
    return disk.nodes = f;
}

static void changes_free(node *f)
{
    while (f->first != NULL) {
        change *c = f->first;
        f->first = c->next;
        free(c);
    }
    f->last = &f->first;
}

static void shm_free(node *f)
{
    while (f->n_shm > 0) free(f->shm[--f->n_shm]);
}

static void node_free(node *f)
{
    node **at = &disk.nodes;
    while (*at != f) at = &(*at)->next;
    *at = f->next;
    changes_free(f);
    shm_free(f);
    free(f->name);
    free(f->bytes);
    free(f->safe);
    free(f);
}

static void resize(node *f, sqlite3_int64 n)
{
    if (n > f->cap) {
        f->cap = n * 2;
        f->bytes = block(f->bytes, (size_t)f->cap);
    }
    if (n > f->n) memset(f->bytes + f->n, 0, (size_t)(n - f->n));
    f->n = n;
}

static void put(node *f, const void *bytes, int n, sqlite3_int64 at)
{
    if (n <= 0) return;
    if (at + n > f->n) resize(f, at + n);
    memcpy(f->bytes + at, bytes, (size_t)n);
}

static void note(node *f, bool is_truncation, const void *bytes, int n, sqlite3_int64 at)
{
    if (f->name == NULL || n < 0) return;
    change *c = block(NULL, sizeof *c + (size_t)n);
    *c = (change){.is_truncation = is_truncation, .at = at, .n = n};
    if (n > 0) memcpy(c->bytes, bytes, (size_t)n);
    *f->last = c;
    f->last = &c->next;
}

static void make_safe(node *f)
{
    changes_free(f);
    f->safe = block(f->safe, (size_t)f->n + 1);
    if (f->n > 0) memcpy(f->safe, f->bytes, (size_t)f->n);
    f->n_safe = f->n;
}

static sqlite3_int64 used(void)
{
    sqlite3_int64 n = 0;
    for (node *f = disk.nodes; f != NULL; f = f->next)
        if (!f->is_deleted || f->n_open > 0) n += f->n;
    return n;
}

/* ---- a loss of power ---- */

typedef struct fate { /* of what was not synced: per cent */
    enc_rng random;
    unsigned keeps, tears;
} fate;

static bool chance(fate *f, unsigned per_cent)
{
    return enc_rng_u64(&f->random) % 100 < per_cent;
}

static void replay_write(node *f, const change *c, fate *luck)
{
    for (int from = 0, n; from < c->n; from += n) {
        n = SECTOR - (int)((c->at + from) % SECTOR);
        if (n > c->n - from) n = c->n - from;
        if (chance(luck, luck->tears)) {
            int kept = (int)(enc_rng_u64(&luck->random) % (unsigned)n);
            put(f, c->bytes + from, kept, c->at + from);
            bool is_rubbish = chance(luck, 50);
            for (int i = kept; i < n && is_rubbish; i++) {
                unsigned char rubbish = (unsigned char)enc_rng_u64(&luck->random);
                put(f, &rubbish, 1, c->at + from + i);
            }
        } else if (chance(luck, luck->keeps)) {
            put(f, c->bytes + from, n, c->at + from);
        }
    }
}

static void node_lose_power(node *f, fate *luck)
{
    change *first = f->first;

    f->first = NULL;
    f->last = &f->first;
    f->n = 0;
    put(f, f->safe, (int)f->n_safe, 0);
    for (const change *c = first; c != NULL; c = c->next) {
        if (!c->is_truncation) replay_write(f, c, luck);
        else if (c->at < f->n && chance(luck, luck->keeps)) resize(f, c->at);
    }
    while (first != NULL) {
        change *c = first;
        first = c->next;
        free(c);
    }
    make_safe(f);
    shm_free(f);
    f->n_open = f->n_shared = 0;
    f->reserved = f->pending = f->exclusive = NULL;
    memset(f->shm_shared, 0, sizeof f->shm_shared);
    memset(f->shm_exclusive, 0, sizeof f->shm_exclusive);
}

void disk_lose_power(unsigned long long seed)
{
    static const unsigned keeps[] = {0, 10, 50, 50, 90, 100};
    fate luck = {.random = {seed}};
    node *next;

    luck.keeps = keeps[enc_rng_u64(&luck.random) % 6];
    luck.tears = chance(&luck, 50) ? 0 : 15;
    for (node *f = disk.nodes; f != NULL; f = next) {
        next = f->next;
        bool is_lost = f->name == NULL || (f->is_deleted && f->is_deletion_safe) ||
                       (!f->is_creation_safe && !chance(&luck, luck.keeps));
        if (f->is_deleted && !is_lost)
            is_lost = find(f->name) != NULL || chance(&luck, luck.keeps);
        if (is_lost) {
            node_free(f);
            continue;
        }
        f->is_deleted = false;
        f->is_creation_safe = true;
        node_lose_power(f, &luck);
    }
}

/* ---- files ---- */

static int file_close(sqlite3_file *base)
{
    handle *h = (handle *)base;
    node *f = h->node;

    base->pMethods->xUnlock(base, SQLITE_LOCK_NONE);
    if (h->has_shm) base->pMethods->xShmUnmap(base, 0);
    f->n_open--;
    if (h->is_delete_on_close) f->is_deleted = f->is_deletion_safe = true;
    if (f->n_open == 0 && f->is_deleted && f->is_deletion_safe) node_free(f);
    return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *out, int n, sqlite3_int64 at)
{
    node *f = ((handle *)base)->node;
    int rc = ask(DISK_READ);

    if (rc != SQLITE_OK) return rc;
    sqlite3_int64 there = at < f->n ? f->n - at : 0;
    if (there > n) there = n;
    if (there > 0) memcpy(out, f->bytes + at, (size_t)there);
    if (there == n) return SQLITE_OK;
    memset((char *)out + there, 0, (size_t)(n - there));
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *base, const void *bytes, int n, sqlite3_int64 at)
{
    handle *h = (handle *)base;
    int rc = h->is_read_only ? SQLITE_READONLY : ask(DISK_WRITE);
    sqlite3_int64 more = at + n - h->node->n;

    if (rc == SQLITE_READONLY) return rc;
    if (rc == SQLITE_OK && disk.room >= 0 && more > 0 && used() + more > disk.room)
        rc = SQLITE_FULL;
    if (rc != SQLITE_OK) n /= 2;
    note(h->node, false, bytes, n, at);
    put(h->node, bytes, n, at);
    return rc;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 n)
{
    handle *h = (handle *)base;
    int rc = h->is_read_only ? SQLITE_READONLY : ask(DISK_TRUNCATE);

    if (rc != SQLITE_OK) return rc;
    note(h->node, true, NULL, 0, n);
    if (n < h->node->n) resize(h->node, n);
    return SQLITE_OK;
}

static int file_sync(sqlite3_file *base, int flags)
{
    node *f = ((handle *)base)->node;
    int rc = ask(DISK_SYNC);
    (void)flags;

    if (rc != SQLITE_OK) return rc;
    make_safe(f);
    f->is_creation_safe = true; /* SQLite's own files sync the folder with a new file */
    return SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *out)
{
    int rc = ask(DISK_SIZE);
    if (rc == SQLITE_OK) *out = ((handle *)base)->node->n;
    return rc;
}

static int file_lock(sqlite3_file *base, int level)
{
    handle *h = (handle *)base;
    node *f = h->node;
    int rc = ask(DISK_LOCK);

    if (rc != SQLITE_OK) return rc;
    if (level <= h->level) return SQLITE_OK;
    if (level == SQLITE_LOCK_SHARED) {
        if (f->pending != NULL || f->exclusive != NULL) return SQLITE_BUSY;
        f->n_shared++;
    } else if (level == SQLITE_LOCK_RESERVED) {
        if (f->reserved != NULL && f->reserved != h) return SQLITE_BUSY;
        f->reserved = h;
    } else {
        if ((f->reserved != NULL && f->reserved != h) ||
            (f->pending != NULL && f->pending != h))
            return SQLITE_BUSY;
        f->pending = h;
        if (h->level < SQLITE_LOCK_PENDING) h->level = SQLITE_LOCK_PENDING;
        if (f->n_shared > 1) return SQLITE_BUSY;
        f->exclusive = h;
    }
    h->level = level;
    return SQLITE_OK;
}

static int file_unlock(sqlite3_file *base, int level)
{
    handle *h = (handle *)base;
    node *f = h->node;

    if (level >= h->level) return SQLITE_OK;
    if (f->exclusive == h) f->exclusive = NULL;
    if (f->pending == h) f->pending = NULL;
    if (f->reserved == h) f->reserved = NULL;
    if (level == SQLITE_LOCK_NONE && h->level >= SQLITE_LOCK_SHARED) f->n_shared--;
    h->level = level;
    return SQLITE_OK;
}

static int file_is_reserved(sqlite3_file *base, int *out)
{
    *out = ((handle *)base)->node->reserved != NULL;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int op, void *arg)
{
    (void)base, (void)op, (void)arg;
    return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *base)
{
    (void)base;
    return SECTOR;
}

static int file_traits(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* ---- the memory that connections share in WAL mode ---- */

static int shm_map(sqlite3_file *base, int i, int size, int shall_extend,
                   void volatile **out)
{
    handle *h = (handle *)base;
    node *f = h->node;
    int rc = ask(DISK_SHM);

    *out = NULL;
    if (rc != SQLITE_OK) return rc;
    if (i >= 64 || size > SHM_REGION) return SQLITE_IOERR_SHMSIZE;
    h->has_shm = true;
    while (shall_extend && f->n_shm <= i) {
        f->shm[f->n_shm] = memset(block(NULL, SHM_REGION), 0, SHM_REGION);
        f->n_shm++;
    }
    if (i < f->n_shm) *out = f->shm[i];
    return SQLITE_OK;
}

static int shm_lock(sqlite3_file *base, int from, int n, int flags)
{
    handle *h = (handle *)base;
    node *f = h->node;
    bool is_shared = (flags & SQLITE_SHM_SHARED) != 0;

    if ((flags & SQLITE_SHM_LOCK) != 0) {
        int rc = ask(DISK_SHM_LOCK);
        if (rc != SQLITE_OK) return rc;
    }
    for (int i = from; i < from + n && (flags & SQLITE_SHM_LOCK) != 0; i++) {
        int others = f->shm_shared[i] - (int)(h->shm_shared >> i & 1);
        if (f->shm_exclusive[i] != NULL && f->shm_exclusive[i] != h) return SQLITE_BUSY;
        if (!is_shared && others > 0) return SQLITE_BUSY;
    }
    for (int i = from; i < from + n; i++) {
        bool has = (h->shm_shared >> i & 1) != 0, wants = (flags & SQLITE_SHM_LOCK) != 0;
        if (!is_shared) f->shm_exclusive[i] = wants ? h : NULL;
        else if (has != wants) {
            f->shm_shared[i] += wants ? 1 : -1;
            h->shm_shared ^= 1u << i;
        }
    }
    return SQLITE_OK;
}

static void shm_barrier(sqlite3_file *base)
{
    (void)base;
}

static int shm_unmap(sqlite3_file *base, int shall_delete)
{
    handle *h = (handle *)base;

    for (int i = 0; i < SHM_LOCKS; i++) {
        if ((h->shm_shared >> i & 1) != 0) h->node->shm_shared[i]--;
        if (h->node->shm_exclusive[i] == h) h->node->shm_exclusive[i] = NULL;
    }
    h->shm_shared = 0;
    h->has_shm = false;
    if (shall_delete) shm_free(h->node);
    return SQLITE_OK;
}

/* ---- the disk ---- */

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_is_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                     int *out_flags)
{
    handle *h = (handle *)base;
    node *f = find(name);
    (void)vfs;

    memset(h, 0, sizeof *h);
    int rc = ask(DISK_OPEN);
    if (rc != SQLITE_OK) return rc;
    if (name == NULL && disk.has_no_temporary) return SQLITE_CANTOPEN;
    if (f == NULL && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
    if (f == NULL && disk.is_read_only && name != NULL) return SQLITE_CANTOPEN;
    if (f == NULL) f = node_new(name);
    f->n_open++;
    h->node = f;
    h->is_delete_on_close = name == NULL || (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    h->is_read_only = disk.is_read_only && name != NULL;
    base->pMethods = &methods;
    if (h->is_read_only)
        flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) |
                SQLITE_OPEN_READONLY;
    if (out_flags != NULL) *out_flags = flags;
    return SQLITE_OK;
}

static int disk_delete(sqlite3_vfs *vfs, const char *name, int shall_sync)
{
    node *f = find(name);
    int rc = ask(DISK_DELETE);
    (void)vfs;

    if (rc != SQLITE_OK) return rc;
    if (f == NULL) return SQLITE_IOERR_DELETE_NOENT;
    if (disk.is_read_only) return SQLITE_IOERR_DELETE;
    f->is_deleted = true;
    f->is_deletion_safe = shall_sync || !f->is_creation_safe;
    if (f->n_open == 0 && f->is_deletion_safe) node_free(f);
    return SQLITE_OK;
}

static int disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    int rc = ask(DISK_ACCESS);
    (void)vfs;

    *out = rc == SQLITE_OK && find(name) != NULL &&
           (flags != SQLITE_ACCESS_READWRITE || !disk.is_read_only);
    return rc;
}

static int disk_path(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
    (void)vfs;
    sqlite3_snprintf(n, out, "%s", name);
    return SQLITE_OK;
}

/* The same in every run, so that a point can be done again. */
static int disk_random(sqlite3_vfs *vfs, int n, char *out)
{
    (void)vfs;
    for (int i = 0; i < n; i++) out[i] = (char)enc_rng_u64(&disk.random);
    return n;
}

static int disk_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us;
}

static int disk_time(sqlite3_vfs *vfs, double *out)
{
    (void)vfs;
    *out = 2460000.5;
    return SQLITE_OK;
}

bool disk_register(void)
{
    static sqlite3_vfs vfs = {
        .iVersion = 1,
        .szOsFile = sizeof(handle),
        .mxPathname = 512,
        .zName = "disk",
        .xOpen = disk_open,
        .xDelete = disk_delete,
        .xAccess = disk_access,
        .xFullPathname = disk_path,
        .xRandomness = disk_random,
        .xSleep = disk_sleep,
        .xCurrentTime = disk_time,
    };
    return sqlite3_vfs_register(&vfs, 1) == SQLITE_OK;
}

void disk_set_watch(disk_watch *watch, void *arg)
{
    disk.watch = watch;
    disk.arg = arg;
}

void disk_format(void)
{
    while (disk.nodes != NULL) node_free(disk.nodes);
    disk.random.state = 0;
    sqlite3_randomness(0, NULL);
}

void disk_set_room(sqlite3_int64 bytes)
{
    disk.room = bytes;
}

void disk_set_read_only(bool is_read_only)
{
    disk.is_read_only = is_read_only;
}

void disk_set_temporary(bool is_possible)
{
    disk.has_no_temporary = !is_possible;
}
