/* alphabet.c - see alphabet.h. Bytes that do not print: 0 to 32, 127 to 160, 173. */
#include "text/alphabet.h"

uint32_t enc_alphabet_char(uint8_t byte)
{
    if (byte <= 32) return 0x100u + byte;
    if (byte >= 127 && byte <= 160) return 0x100u + 33 + (byte - 127u);
    return byte == 173 ? 0x100u + 67 : byte;
}

int enc_alphabet_byte(uint32_t c)
{
    if (c < 0x100) return enc_alphabet_char((uint8_t)c) == c ? (int)c : -1;
    if (c <= 0x100 + 32) return (int)(c - 0x100);
    if (c <= 0x100 + 66) return (int)(c - 0x100 - 33 + 127);
    return c == 0x100 + 67 ? 173 : -1;
}
