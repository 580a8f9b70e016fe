/* oracle_fault.c - see oracle_fault.h. */
#include "lib/oracle_fault.h"

#include <sqlite3.h>

#include "base/mem.h"
#include "lib/disk.h"
#include "lib/memory.h"

static struct {
    oracle_fault of;
    bool is_on, is_held, has_failed;
} fault;

int oracle_fault_write(oracle_fault f)
{
    return f.nth * 16 + f.at_commit * 8 + f.stays * 4 + (int)f.what;
}

oracle_fault oracle_fault_read(int n)
{
    return (oracle_fault){(oracle_failing)(n % 4), n / 4 % 2 == 1, n / 8 % 2 == 1,
                          n / 16};
}

/* Whether this call or allocation, which could, does. */
static bool is_faulty(void)
{
    if (!fault.is_on || fault.is_held) return false;
    if (fault.of.nth > 0) fault.of.nth--;
    if (fault.of.nth > 0 || (fault.has_failed && !fault.of.stays)) return false;
    return fault.has_failed = true;
}

static bool is_short(void)
{
    return fault.of.what == SQLITE_IS_SHORT && is_faulty();
}

static int watch_disk(void *arg, disk_op op)
{
    (void)arg;
    if (fault.of.what == DISK_FAILS) return is_faulty() ? disk_error(op) : SQLITE_OK;
    if (fault.of.what != DISK_IS_FULL || op != DISK_WRITE) return SQLITE_OK;
    return is_faulty() ? SQLITE_FULL : SQLITE_OK;
}

bool oracle_fault_prepare(void)
{
    memory_wrap(is_short);
    disk_set_watch(watch_disk, NULL);
    return disk_register();
}

void oracle_fault_begin(oracle_fault f)
{
    fault.of = f;
    fault.has_failed = fault.is_held = false;
    fault.is_on = f.what != ENGINE_IS_SHORT;
    if (!fault.is_on) enc_mem_fault((size_t)f.nth, f.stays);
}

bool oracle_fault_end(void)
{
    fault.is_on = false;
    return enc_mem_fault(0, false) || fault.has_failed;
}

void oracle_fault_hold(bool is_held)
{
    fault.is_held = is_held;
}

bool oracle_fault_is(oracle_fault f, int rc)
{
    int code = rc & 0xff;

    if (f.what == SQLITE_IS_SHORT || f.what == ENGINE_IS_SHORT)
        return code == SQLITE_NOMEM;
    return code == SQLITE_IOERR || code == SQLITE_FULL || code == SQLITE_CANTOPEN;
}
