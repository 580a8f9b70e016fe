/* chunk.h - a long text -> stretches of it that a model can read.
 *
 * A chunk is at most `size` tokens, special tokens not counted. It ends at the last
 * paragraph end that fits, else at the last sentence end, else at the last white space,
 * else between two words; inside a word only where that word alone has more tokens than
 * `size`. It never ends inside a character, so where one character alone has more tokens
 * than `size` (Hangul that a model takes apart into jamo), a chunk has those.
 *
 * What ends a sentence: a line end; . ? ! … and their like before white space, closing
 * quotes and brackets between them; 。！？ and their like before anything. A blank line,
 * a form feed or U+2029 ends a paragraph.
 *
 * With an overlap a chunk begins before the end of the one before it, at most `overlap`
 * tokens: at the beginning of a sentence if that takes at least half of them, else of a
 * word. The overlap gives way where the next word would not fit otherwise. Each chunk
 * begins behind the beginning of the one before and ends behind its end.
 *
 * White space at the ends of a chunk is left out. Every other byte of the text is in a
 * chunk, also those that the tokenizer drops: controls, invalid UTF-8. */
#ifndef ENC_CHUNK_H
#define ENC_CHUNK_H

#include "text/tok.h"

typedef struct enc_chunk {
    size_t start, end; /* bytes in the text, end not included */
    size_t n_tokens;   /* as the whole text was tokenized */
} enc_chunk;

/* Chunks of one text. Storage is the caller's, zeroed at first; `at` grows and is reused.
 */
typedef struct enc_chunks {
    enc_chunk *at;
    size_t n, cap;
} enc_chunks;

/* Chunks of `text` into `out`, whose old ones are forgotten. A text of at most `size`
 * tokens is one chunk, a text of white space none. ENC_RANGE: size is 0, overlap is not
 * below it, or the text is over ENC_TEXT_MAX. `scratch` must be initialized; its
 * `stop` is asked, and what it holds afterwards has no meaning. Linear in the text. */
enc_rc enc_chunks_cut(const enc_tok *tok, enc_bytes text, size_t size, size_t overlap,
                      enc_chunks *out, enc_tokens *scratch, enc_err *e);
void enc_chunks_clear(enc_chunks *c);

#endif
