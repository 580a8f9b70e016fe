/* base64.h - bytes <-> text in base64 (RFC 4648, section 4). */
#ifndef ENC_BASE64_H
#define ENC_BASE64_H

#include <stdbool.h>

#include "base/rd.h"
#include "base/wr.h"

/* Appends the bytes of a text, which must be padded; false if it is none, and for want of
 * memory (then out->failed). */
bool enc_base64_read(enc_bytes text, enc_wr *out);
void enc_base64_write(enc_bytes bytes, enc_wr *out);

#endif
