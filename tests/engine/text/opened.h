/* opened.h - what the programs test_tok_*.c share: tokenizers out of files that are texts
 * of the test, and their ids. */
#ifndef OPENED_H
#define OPENED_H

#include "text/tok.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "lib/faults.h"

static const enc_bytes none = {NULL, 0};

static inline enc_bytes bytes(const char *text)
{
    return text == NULL ? none : (enc_bytes){(const uint8_t *)text, strlen(text)};
}

/* "id id ..." of a text, with what the template adds; "" if there is no tokenizer. */
static inline const char *ids_of(const enc_tok *t, const char *text)
{
    static char out[2][2048];
    static int turn;
    char *to = out[turn ^= 1];
    enc_tokens ts;
    enc_err e;
    size_t at = 0;
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    to[0] = '\0';
    if (t != NULL && enc_tok_encode(t, bytes(text), none, 0, true, &ts, &e) == ENC_OK)
        for (size_t i = 0; i < ts.n && at + 16 < sizeof *out; i++)
            at += (size_t)snprintf(to + at, sizeof *out - at, "%s%d", i ? " " : "",
                                   (int)ts.at[i].id);
    enc_tokens_clear(&ts);
    return to;
}

#define IDS(t, text, expected)                                                           \
    CHECK_SAY(strcmp(ids_of(t, text), expected) == 0, "%s gives %s", text,               \
              ids_of(t, text))

static inline enc_tok *opened(enc_tok_files files)
{
    enc_tok *t;
    enc_err e;
    enc_err_clear(&e);
    enc_rc rc = enc_tok_open(&t, &files, &e);
    CHECK_SAY(rc == ENC_OK && e.rc == ENC_OK && t != NULL, "refused: %s", e.text);
    return t;
}

/* The files open, and give these ids. */
static inline void gives(enc_tok_files files, const char *text, const char *ids)
{
    enc_tok *t = opened(files);
    IDS(t, text, ids);
    enc_tok_close(t);
}

/* The files do not open, for this reason. */
static inline void refused(enc_tok_files files, enc_rc rc, const char *sentence)
{
    enc_tok *t;
    enc_err e;
    enc_err_clear(&e);
    enc_rc is = enc_tok_open(&t, &files, &e);
    CHECK_SAY(is == rc && e.rc == rc && t == NULL, "%d instead of %d", (int)is, (int)rc);
    CHECK_SAY(strcmp(e.text, sentence) == 0, "\"%s\" instead of \"%s\"", e.text,
              sentence);
    enc_tok_close(t);
}

/* A tokenizer.json of these parts; NULL: without it. The text lives until the next. */
typedef struct tokjson {
    const char *model, *pre_tokenizer, *normalizer, *post_processor, *added_tokens;
} tokjson;

static inline enc_tok_files json_of(tokjson parts)
{
    static char text[1 << 16];
    const char *const keys[] = {"model", "pre_tokenizer", "normalizer", "post_processor",
                                "added_tokens"};
    const char *const values[] = {parts.model, parts.pre_tokenizer, parts.normalizer,
                                  parts.post_processor, parts.added_tokens};
    size_t n = 0;
    for (size_t i = 0; i < 5; i++)
        if (values[i] != NULL)
            n += (size_t)snprintf(text + n, sizeof text - n, "%c\"%s\": %s",
                                  n == 0 ? '{' : ',', keys[i], values[i]);
    snprintf(text + n, sizeof text - n, "}");
    return (enc_tok_files){.tokenizer_json = bytes(text)};
}

static inline enc_rc open_and_close(void *files, enc_err *e)
{
    enc_tok *t;
    enc_rc rc = enc_tok_open(&t, files, e);
    CHECK((t == NULL) == (rc != ENC_OK));
    enc_tok_close(t);
    return rc;
}

/* Opening these survives that any allocation fails. */
static inline void may_lack_memory(enc_tok_files files)
{
    CHECK(every_allocation_fails(open_and_close, &files) > 8);
}

#endif
