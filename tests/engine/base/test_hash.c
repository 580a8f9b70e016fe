/* Content hashes: the published values of XXH3, and a running hash that equals a whole.
 */
#include <stdbool.h>
#include <string.h>

#include "base/hash.h"
#include "check.h"

static bool is_text(enc_hash h, const char *expected)
{
    char text[33];

    enc_hash_text(h, text);
    return strcmp(text, expected) == 0;
}

static void known_values(void)
{
    /* XXH128 of nothing and of one byte, seed 0, from xxHash's own sanity tests. */
    CHECK(is_text(enc_hash_of("", 0), "99aa06d3014798d86001c324468d497f"));
    CHECK(is_text(enc_hash_of("\0", 1), "a6cd5e9392000f6ac44bdff4074eecdb"));
}

static void cuts_do_not_matter(void)
{
    uint8_t bytes[1000];

    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 7);
    enc_hash whole = enc_hash_of(bytes, sizeof bytes);
    for (size_t cut = 0; cut <= sizeof bytes; cut += 37) {
        enc_hasher *h = enc_hasher_new();

        CHECK(h != NULL);
        if (h == NULL) return;
        enc_hasher_add(h, bytes, cut);
        enc_hasher_add(h, NULL, 0);
        enc_hasher_add(h, bytes + cut, sizeof bytes - cut);
        enc_hash sum = enc_hasher_get(h);
        CHECK(sum.high == whole.high && sum.low == whole.low);
        enc_hasher_free(h);
    }
    bytes[500] ^= 1;
    enc_hash other = enc_hash_of(bytes, sizeof bytes);
    CHECK(other.high != whole.high || other.low != whole.low);
}

int main(void)
{
    known_values();
    cuts_do_not_matter();
    return check_done("base/hash");
}
