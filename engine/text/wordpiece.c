/* wordpiece.c - see wordpiece.h. A prefix of the word that is no piece is never tried
 * twice at the same place, and no piece is longer than the longest of the vocabulary, so
 * a word costs its length times that. */
#include "text/wordpiece.h"

#include <string.h>

static size_t unknown(const enc_wordpiece *w, const enc_word *word, enc_piece *out,
                      size_t cap)
{
    if (cap > 0)
        out[0] = (enc_piece){w->unk_id, word->start[0], word->end[word->n_bytes - 1],
                             (uint32_t)word->n_bytes};
    return 1;
}

size_t enc_wordpiece_split(const enc_wordpiece *w, const enc_word *word, enc_piece *out,
                           size_t cap)
{
    enc_bytes none = {NULL, 0}, prefix = {(const uint8_t *)w->prefix, strlen(w->prefix)};
    size_t n = 0, n_taken;
    if (word->n_bytes == 0) return 0;
    if (word->n_chars > w->word_max) return unknown(w, word, out, cap);
    for (size_t at = 0; at < word->n_bytes; at += n_taken) {
        int32_t id =
            enc_vocab_find_longest(w->vocab, at == 0 ? none : prefix, word->bytes + at,
                                   word->n_bytes - at, &n_taken);
        if (id < 0) return unknown(w, word, out, cap);
        if (n < cap)
            out[n] = (enc_piece){id, word->start[at], word->end[at + n_taken - 1],
                                 (uint32_t)n_taken};
        n++;
    }
    return n;
}
