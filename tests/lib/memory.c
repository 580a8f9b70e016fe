/* memory.c - see memory.h. */
#include "lib/memory.h"

#include <sqlite3.h>
#include <stddef.h>

static sqlite3_mem_methods real;
static bool (*is_faulty)(void);

static void *faulty_malloc(int n)
{
    return is_faulty() ? NULL : real.xMalloc(n);
}

static void *faulty_realloc(void *p, int n)
{
    return is_faulty() ? NULL : real.xRealloc(p, n);
}

void memory_wrap(bool (*ask)(void))
{
    is_faulty = ask;
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real);
    sqlite3_mem_methods faulty = real;
    faulty.xMalloc = faulty_malloc;
    faulty.xRealloc = faulty_realloc;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &faulty);
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
}
