/* script.h - a SQL script: run against the extension, and what it says as text.
 *
 * What is said: each statement after "> ", then its rows, columns separated by "|"; NULL
 * as NULL, a real number with five digits, a BLOB of more than 16 bytes by its length. An
 * error is "error: CODE: sentence", and another line if it ended the transaction. In a
 * script $TMP is a folder of its own, and readfile(path) and writefile(path, bytes) are
 * what they are in the sqlite3 shell. */
#ifndef TORTURE_SCRIPT_H
#define TORTURE_SCRIPT_H

#include <sqlite3.h>

#include <stdbool.h>
#include <stddef.h>

#define SCRIPT_ROLLED_BACK "the transaction was rolled back\n"

/* A text that grows; memory for it never fails, for that would fail the test. */
typedef struct text {
    char *at; /* NUL-terminated once anything has been added */
    size_t n, cap;
} text;

void text_add(text *t, const char *bytes, size_t n);
void text_say(text *t, const char *words);
bool text_read_file(text *t, const char *path);

/* Every connection opened from now on has the extension; no model of this machine is
 * found by its name. */
void script_prepare(void);

/* Runs the script on a database of its own. False: a statement was short of memory, or
 * the database could not be opened for want of it; the script then ends there, and
 * `after` may look at the connection (NULL: does not). */
bool script_run(const char *script, text *out, bool *is_closed,
                void (*after)(sqlite3 *db, void *arg), void *arg);

/* In a fork: from now on the folder of the script that runs is this process's own, a copy
 * of what it was. */
bool script_copy_folder(void);

/* The length of the block that begins here: a statement and what it said. */
size_t script_block(const char *at);

#endif
