/* map.h - a path -> its bytes, read-only.
 *
 * The file is opened O_CLOEXEC|O_NONBLOCK, must be a regular file, and is mapped shared
 * and read-only; the descriptor is closed at once. Closing a descriptor drops all the
 * record locks that the process has on that file, whoever took them: therefore a file
 * that this process has open for writing, or that is locked, is refused before it is
 * opened. Truncating a mapped file under a running process raises SIGBUS there: the
 * README says so. A file to which that may happen is read into memory instead. */
#ifndef ENC_MAP_H
#define ENC_MAP_H

#include "base/err.h"
#include "base/rd.h"

typedef struct enc_map enc_map;

/* Refuses (ENC_IO) what must not be opened, for reading or for writing: what is no
 * regular file, and what this process has in use. An absent file is fine. */
enc_rc enc_map_check(const char *path, enc_err *e);

/* ENC_IO if it is absent, unreadable, not a regular file or in use here; the sentence
 * names the path. */
enc_rc enc_map_open(enc_map **out, const char *path, size_t size_max, enc_err *e);

/* The same, read and not mapped: what happens to the file later is all one. Also ENC_IO
 * if the file ends before its size is read. */
enc_rc enc_map_read(enc_map **out, const char *path, size_t size_max, enc_err *e);
enc_bytes enc_map_bytes(const enc_map *m); /* lives as long as the map */

/* These bytes, if they lie in the map, need not stay in memory: they are fetched from the
 * file when they are next read. Any thread may read them meanwhile. Those of a file that
 * was read stay. */
void enc_map_release(const enc_map *m, const void *at, size_t n);

void enc_map_close(enc_map *m); /* NULL is fine */

#endif
