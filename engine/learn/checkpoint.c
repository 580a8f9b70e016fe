/* checkpoint.c - see checkpoint.h. */
#include "learn/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "base/wr.h"

#define VERSION        2u /* 1 knew less of what makes a run another one */
#define SIZE_MAX_BYTES ((size_t)1 << 40)

enc_rc enc_checkpoint_write(const char *path, const enc_checkpoint *c, const enc_optim *o,
                            enc_err *e)
{
    enc_wr head;
    char beside[4096];
    size_t n = o->p->n * sizeof(float);
    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside)
        return enc_fail(e, ENC_RANGE, "checkpoint path has %zu bytes, limit %zu",
                        strlen(path), sizeof beside - 5);
    enc_rc rc = enc_map_check(beside, e);
    if (rc == ENC_OK) rc = enc_map_check(path, e);
    if (rc != ENC_OK) return rc;
    enc_wr_init(&head);
    enc_wr_bytes(&head, "ENCT", 4);
    enc_wr_u32(&head, VERSION);
    enc_wr_u64(&head, c->run.high);
    enc_wr_u64(&head, c->run.low);
    enc_wr_u64(&head, c->steps);
    enc_wr_bytes(&head, &c->seconds, sizeof c->seconds);
    enc_wr_u64(&head, o->p->n);
    if (head.failed) {
        enc_wr_clear(&head);
        return enc_nomem(e);
    }
    int file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool ok = file >= 0 && enc_wr_file(file, head.at, head.n) &&
              enc_wr_file(file, o->p->value, n) && enc_wr_file(file, o->m, n) &&
              enc_wr_file(file, o->v, n) && fsync(file) == 0;
    if (file >= 0) ok = close(file) == 0 && ok;
    ok = ok && rename(beside, path) == 0;
    int why = errno;
    enc_wr_clear(&head);
    if (ok) return ENC_OK;
    if (file >= 0) unlink(beside); /* a full disk has room again */
    return enc_fail(e, ENC_IO, "cannot write checkpoint %s: %s", path, strerror(why));
}

static bool take(enc_rd *r, float *out, size_t n)
{
    const uint8_t *at = enc_rd_span(r, n, sizeof *out);
    if (at == NULL) return false;
    memcpy(out, at, n * sizeof *out);
    return true;
}

static enc_rc decode(enc_bytes bytes, const char *path, enc_checkpoint *c, enc_optim *o,
                     enc_err *e)
{
    enc_rd r = enc_rd_of(bytes.at, bytes.n);
    const uint8_t *magic = enc_rd_span(&r, 4, 1);
    uint32_t version = enc_rd_u32(&r);
    enc_hash run;
    run.high = enc_rd_u64(&r);
    run.low = enc_rd_u64(&r);
    uint64_t steps = enc_rd_u64(&r);
    const uint8_t *seconds = enc_rd_span(&r, 1, sizeof c->seconds);
    uint64_t n = enc_rd_u64(&r);
    if (magic == NULL || memcmp(magic, "ENCT", 4) != 0 || seconds == NULL)
        return enc_fail(e, ENC_CORRUPT, "%s is not a checkpoint of a training run", path);
    if (version != VERSION)
        return enc_fail(e, ENC_UNSUPPORTED, "checkpoint %s has version %u, this reads %u",
                        path, version, VERSION);
    if (run.high != c->run.high || run.low != c->run.low || n != o->p->n)
        return enc_fail(e, ENC_MISUSE,
                        "checkpoint %s is of another run (other data, options or seed); "
                        "delete it to start anew",
                        path);
    if (!take(&r, o->p->value, o->p->n) || !take(&r, o->m, o->p->n) ||
        !take(&r, o->v, o->p->n) || !enc_rd_end(&r))
        return enc_fail(e, ENC_CORRUPT,
                        "checkpoint %s has %zu bytes, its %zu parameters need "
                        "another number",
                        path, bytes.n, o->p->n);
    c->steps = (size_t)steps;
    memcpy(&c->seconds, seconds, sizeof c->seconds);
    return ENC_OK;
}

enc_rc enc_checkpoint_read(const char *path, enc_checkpoint *c, enc_optim *o, bool *found,
                           enc_err *e)
{
    enc_map *map;
    *found = false;
    if (access(path, F_OK) != 0) return ENC_OK;
    enc_rc rc = enc_map_open(&map, path, SIZE_MAX_BYTES, e);
    if (rc != ENC_OK) return rc;
    rc = decode(enc_map_bytes(map), path, c, o, e);
    enc_map_close(map);
    *found = rc == ENC_OK;
    return rc;
}
