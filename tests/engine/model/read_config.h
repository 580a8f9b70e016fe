/* read_config.h - what the programs test_config*.c share: configurations out of files
 * that are texts of the test. */
#ifndef READ_CONFIG_H
#define READ_CONFIG_H

#include <string.h>

#include "base/wr.h"
#include "check.h"
#include "lib/faults.h"
#include "model/config.h"

typedef struct file {
    const char *name, *text;
} file;

static enc_arena arena;   /* of the configuration read last */
static size_t arena_used; /* bytes of it, before anything is read */

/* The configuration of these files, up to the one without a name, and of tensors without
 * data. */
static inline enc_rc read_files(const file *files, const enc_tensor *tensors, size_t n,
                                size_t tok_max, enc_config *c, enc_err *e)
{
    enc_sft_meta meta[16];
    enc_files *f = NULL;
    size_t n_meta = 0;
    enc_wr w;

    for (; files->name != NULL; files++)
        meta[n_meta++] = (enc_sft_meta){
            files->name, {(const uint8_t *)files->text, strlen(files->text)}};
    enc_wr_init(&w);
    enc_sft_write(&w, tensors, n, meta, n_meta);
    enc_rc rc = w.failed ? enc_nomem(e) : ENC_OK;
    if (rc == ENC_OK) rc = enc_files_open_blob(&f, (enc_bytes){w.at, w.n}, false, e);
    enc_arena_clear(&arena);
    if (rc == ENC_OK && enc_arena_alloc(&arena, arena_used) == NULL) rc = enc_nomem(e);
    if (rc == ENC_OK) rc = enc_config_read(c, &arena, f, tok_max, e);
    enc_files_close(f);
    enc_wr_clear(&w);
    return rc;
}

static inline enc_config taken_files(const file *files)
{
    enc_config c = {0};
    enc_err e;

    enc_err_clear(&e);
    CHECK_SAY(read_files(files, NULL, 0, 0, &c, &e) == ENC_OK, "%s", e.text);
    return c;
}

static inline void refused_files(const file *files, enc_rc rc, const char *says)
{
    enc_config c;
    enc_err e;

    enc_err_clear(&e);
    enc_rc got = read_files(files, NULL, 0, 0, &c, &e);
    CHECK_SAY(got == rc, "rc %d, expected %d: %s", (int)got, (int)rc, says);
    CHECK_SAY(strstr(e.text, says) != NULL, "%s (expected: %s)", e.text, says);
}

/* The same of config.json alone. */
static inline enc_config taken_text(const char *text)
{
    return taken_files((const file[]){{"config.json", text}, {0}});
}

static inline void refused_text(const char *text, enc_rc rc, const char *says)
{
    refused_files((const file[]){{"config.json", text}, {0}}, rc, says);
}

static inline enc_rc read_and_clear(void *files, enc_err *e)
{
    enc_config c = {0};
    enc_rc rc = read_files(files, NULL, 0, 0, &c, e);

    enc_arena_clear(&arena);
    if (rc == ENC_OK || rc == ENC_NOMEM) return rc;
    enc_err_clear(e); /* it is enough that it is refused */
    return ENC_OK;
}

/* Reading these survives that any allocation fails. */
static inline void may_lack_memory(file *files)
{
    enc_arena_clear(&arena);
    CHECK(every_allocation_fails(read_and_clear, files) > 4);
}

#endif
