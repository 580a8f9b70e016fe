/* copy.c - see copy.h. */
#include "learn/copy.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "model/arch.h"

#define PATH_BYTES 200 /* of a module's file, below the model */

/* All that a model's directory may have beside tensors and modules. */
static const char *const names[] = {"config.json",
                                    "tokenizer.json",
                                    "tokenizer_config.json",
                                    "special_tokens_map.json",
                                    "added_tokens.json",
                                    "vocab.txt",
                                    "vocab.json",
                                    "merges.txt",
                                    "sentencepiece.bpe.model",
                                    "spiece.model",
                                    "tokenizer.model",
                                    "tokenizer_78b3253a26.model",
                                    "modules.json",
                                    "config_sentence_transformers.json",
                                    "sentence_bert_config.json",
                                    "sentence_roberta_config.json",
                                    "sentence_distilbert_config.json",
                                    "sentence_camembert_config.json",
                                    "sentence_albert_config.json",
                                    "sentence_xlm-roberta_config.json",
                                    "sentence_xlnet_config.json"};

typedef struct copying {
    enc_files *f;
    enc_target *t;
    enc_err *e;
} copying;

/* One file, if it is there; *found may be NULL. */
static enc_rc copy_file(copying *c, const char *name, bool *found)
{
    enc_bytes bytes;
    enc_wr w;
    enc_rc rc = enc_files_get(c->f, name, SIZE_MAX, &bytes, c->e);

    if (found != NULL) *found = rc == ENC_OK && bytes.at != NULL;
    if (rc != ENC_OK || bytes.at == NULL) return rc;
    enc_wr_init(&w);
    enc_wr_bytes(&w, bytes.at, bytes.n);
    return enc_target_put(c->t, name, &w);
}

/* The tensors whose names begin with `prefix`, without it; "": those that belong to no
 * module. Types that no model of ours has are left out, as they were when it was opened.
 */
static enc_rc copy_tensors(copying *c, const char *prefix, const char *name)
{
    static const enc_sft_meta format = {"format", {(const uint8_t *)"pt", 2}};
    const size_t n_all = enc_files_tensor_count(c->f), n_prefix = strlen(prefix);
    enc_tensor *tensors = enc_mem_array(n_all, sizeof *tensors);
    size_t n = 0;
    enc_wr w;

    if (tensors == NULL) return enc_nomem(c->e);
    for (size_t i = 0; i < n_all; i++) {
        enc_tensor t = *enc_files_tensor_at(c->f, i);

        if (t.dtype == ENC_OTHER || strncmp(t.name, prefix, n_prefix) != 0) continue;
        t.name += n_prefix;
        if (strchr(t.name, '/') == NULL) tensors[n++] = t;
    }
    enc_wr_init(&w);
    enc_sft_write(&w, tensors, n, &format, 1);
    enc_mem_free(tensors);
    return enc_target_put(c->t, name, &w);
}

/* "2_Dense/config.json" and "2_Dense/model.safetensors", which in a blob is tensors. A
 * table of vectors has its tokenizer there too. */
static enc_rc copy_module(copying *c, const char *path)
{
    char name[PATH_BYTES];
    bool has_tensors;
    enc_rc rc;

    if ((rc = enc_target_directory(c->t, path))) return rc;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(name, sizeof name, "%.140s/%s", path, names[i]);
        if ((rc = copy_file(c, name, NULL))) return rc;
    }
    snprintf(name, sizeof name, "%.140s/model.safetensors", path);
    if ((rc = copy_file(c, name, &has_tensors)) || has_tensors) return rc;
    char prefix[PATH_BYTES];
    bool has_any = false;
    int n = snprintf(prefix, sizeof prefix, "%.140s/", path);
    for (size_t i = 0; i < enc_files_tensor_count(c->f); i++)
        if (strncmp(enc_files_tensor_at(c->f, i)->name, prefix, (size_t)n) == 0)
            has_any = true;
    return has_any ? copy_tensors(c, prefix, name) : ENC_OK;
}

/* The directories that modules.json names; they were checked when it was opened. */
static enc_rc copy_modules(copying *c)
{
    enc_json *json;
    enc_bytes text;
    enc_rc rc = enc_files_get(c->f, "modules.json", ENC_JSON_MAX, &text, c->e);

    if (rc != ENC_OK || text.at == NULL) return rc;
    if ((rc = enc_json_open(&json, text, "modules.json", c->e))) return rc;
    for (size_t i = 0; rc == ENC_OK && i < enc_json_count(enc_json_root(json)); i++) {
        enc_json_value *m = enc_json_at(enc_json_root(json), i);
        const char *path = enc_json_text(enc_json_get(m, "path"), NULL);

        if (path == NULL || path[0] == '\0' || path[0] == '.') continue;
        if (strchr(path, '/') != NULL) continue;
        rc = copy_module(c, path);
    }
    enc_json_close(json);
    return rc;
}

/* Opens the tensors that belong to no module; a static model may have none of those. */
static enc_rc open_tensors(const enc_model *m, enc_files *own, bool *found, enc_err *e)
{
    enc_rc rc = enc_files_open_tensors(own, e);

    *found = rc == ENC_OK;
    if (rc != ENC_IO || m->config.n_layers > 0) return rc;
    enc_err_clear(e);
    return ENC_OK;
}

/* A directory may have been replaced since: what is in it now must be this model. */
static enc_rc check_same(const enc_model *m, enc_err *e)
{
    enc_files *files;
    enc_model *now = NULL;
    enc_hash a, b;
    enc_rc rc = enc_files_open_again(&files, m->files, e);

    if (rc == ENC_OK) rc = enc_model_open(&now, files, NULL, e);
    if (rc == ENC_OK) rc = enc_model_hash(&m->config, &m->weights, m->tok, &a, e);
    if (rc == ENC_OK) rc = enc_model_hash(&now->config, &now->weights, now->tok, &b, e);
    if (rc == ENC_OK && memcmp(&a, &b, sizeof a) != 0)
        rc = enc_fail(e, ENC_MISUSE,
                      "%s is no longer the model that was loaded from there",
                      enc_files_where(m->files));
    enc_model_close(now);
    return rc;
}

enc_rc enc_copy_files(const enc_model *m, enc_target *t, enc_err *e)
{
    bool has_tensors = true;
    copying c = {m->files, t, e};
    enc_files *own = NULL;
    enc_rc rc = ENC_OK;

    if (enc_files_is_directory(m->files)) {
        rc = check_same(m, e);
        if (rc == ENC_OK) rc = enc_files_open_again(&own, m->files, e);
        if (rc == ENC_OK) rc = open_tensors(m, own, &has_tensors, e);
        c.f = own;
    } else if (enc_files_metadata(m->files, "config.json").at == NULL) {
        rc = enc_fail(e, ENC_UNSUPPORTED,
                      "a model of kind %s that came from a GGUF file cannot be saved",
                      m->config.arch->name);
    }
    for (size_t i = 0; rc == ENC_OK && i < sizeof names / sizeof *names; i++)
        rc = copy_file(&c, names[i], NULL);
    if (rc == ENC_OK) rc = copy_modules(&c);
    if (rc == ENC_OK && has_tensors) rc = copy_tensors(&c, "", "model.safetensors");
    enc_files_close(own);
    return rc;
}
