/* mapped.h - whether a file is mapped into this process. */
#ifndef TEST_MAPPED_H
#define TEST_MAPPED_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static inline bool is_mapped(const char *path)
{
    FILE *f = fopen("/proc/self/maps", "r");
    char line[2048];
    bool found = false;

    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        found = found || strstr(line, path) != NULL;
    if (f != NULL) fclose(f);
    return found;
}

#endif
