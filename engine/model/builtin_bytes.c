/* builtin_bytes.c - what builtin.S holds, for C. */
#include <stdint.h>

#include "model/model.h"

extern const uint8_t enc_builtin_begin[], enc_builtin_end[];

enc_bytes enc_builtin(void)
{
    return (enc_bytes){enc_builtin_begin, (size_t)(enc_builtin_end - enc_builtin_begin)};
}
