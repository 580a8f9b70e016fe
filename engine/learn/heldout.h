/* heldout.h - which documents are for measuring and never for training.
 *
 * One document in a hundred, by its title, so that whoever trains and whoever measures
 * agree without a list. A title is the bytes of the first line after "# ", without the
 * line's end; a document without a title is never held out. */
#ifndef ENC_HELDOUT_H
#define ENC_HELDOUT_H

#include <stdbool.h>

#include "base/hash.h"
#include "base/rd.h"

#define ENC_HELDOUT_ONE_IN 100

static inline bool enc_heldout(enc_bytes title)
{
    return enc_hash_of(title.at, title.n).low % ENC_HELDOUT_ONE_IN == 0;
}

#endif
