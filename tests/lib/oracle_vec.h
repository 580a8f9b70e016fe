/* oracle_vec.h - distances as SQL functions, for the oracle.
 *
 *   cosine_distance(a, b), dot_distance, l2_distance    infinite where there is none
 *   cosine_similarity(a, b), ...                        NULL where there is none
 *   is_vector(v, n)    NULL, a BLOB of n finite f32, or a JSON array of n numbers;
 *                      with n = 0, whatever is no BLOB: a text
 *
 * A vector is a BLOB of f32 or a JSON array of plain numbers. Each distance is computed
 * twice, by the engine's definition and by the textbook's sum in double; if they are not
 * nearly the same the function fails, and so does the test. */
#ifndef ORACLE_VEC_H
#define ORACLE_VEC_H

#include <sqlite3.h>

void oracle_vec_register(sqlite3 *db);

#endif
