/* map.h - a path -> its bytes, read-only.
 *
 * The file is opened O_CLOEXEC|O_NONBLOCK, must be a regular file, and is mapped shared
 * and read-only; the descriptor is closed at once. Truncating a mapped file under a
 * running process raises SIGBUS there: the README says so. */
#ifndef ENC_MAP_H
#define ENC_MAP_H

#include "base/err.h"
#include "base/rd.h"

typedef struct enc_map enc_map;

/* ENC_IO if it is absent, unreadable or not a regular file; the sentence names the path.
 */
enc_rc enc_map_open(enc_map **out, const char *path, size_t size_max, enc_err *e);
enc_bytes enc_map_bytes(const enc_map *m); /* lives as long as the map */

/* These bytes, if they lie in the map, need not stay in memory: they are fetched from the
 * file when they are next read. Any thread may read them meanwhile. */
void enc_map_release(const enc_map *m, const void *at, size_t n);

void enc_map_close(enc_map *m); /* NULL is fine */

#endif
