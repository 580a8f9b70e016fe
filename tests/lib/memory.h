/* memory.h - SQLite's allocations, any of which can fail. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>

/* Before SQLite is used: is_faulty is asked at each allocation whether it is to fail.
 * There is no lookaside memory, which would need none. */
void memory_wrap(bool (*is_faulty)(void));

#endif
