/* gguf_view.c - see gguf_view.h.
 *
 * A model of Jina has one matrix for the gate and the values it lets through, gate first;
 * older files have them as two tensors, which llama.cpp wrote one after the other. Rows
 * are whole blocks in every type, so that the joined matrix is their bytes joined. */
#include "model/gguf_view.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/gguf_parts.h"

static const struct {
    const char *name;
    enc_gguf_writer *write;
} files[] = {
    {"config.json", enc_gguf_write_config},
    {"modules.json", enc_gguf_write_modules},
    {"1_Pooling/config.json", enc_gguf_write_pooling},
    {"sentence_bert_config.json", enc_gguf_write_max_length},
    {"vocab.txt", enc_gguf_write_vocab},
    {"tokenizer.json", enc_gguf_write_tok},
    {"tokenizer_config.json", enc_gguf_write_tok_config},
};

#define N_FILES (sizeof files / sizeof *files)

struct enc_gguf_view {
    enc_gguf *g;
    const enc_gguf_arch *arch;
    enc_arena arena;         /* names and joined tensors */
    enc_wr written[N_FILES]; /* those that were asked for */
    enc_tensor *tensors;
    size_t n;
};

/* Makes one matrix of the gate's rows and those after it. */
static enc_rc join(enc_gguf_view *v, const enc_tensor *gate, enc_tensor *up, enc_err *e)
{
    uint8_t *bytes;
    size_t n_bytes;

    if (gate->dtype != up->dtype || gate->rank != 2 || up->rank != 2 ||
        gate->shape[1] != up->shape[1])
        return enc_fail(e, ENC_UNSUPPORTED,
                        "%s: tensors %s (%s) and %s (%s) cannot be joined: types or "
                        "widths differ",
                        enc_gguf_what(v->g), gate->name, enc_dtype_name(gate->dtype),
                        up->name, enc_dtype_name(up->dtype));
    if (!enc_mem_add(gate->n_bytes, up->n_bytes, &n_bytes)) return enc_nomem(e);
    if (gate->data + gate->n_bytes != up->data) {
        if ((bytes = enc_arena_alloc(&v->arena, n_bytes)) == NULL) return enc_nomem(e);
        memcpy(bytes, gate->data, gate->n_bytes);
        memcpy(bytes + gate->n_bytes, up->data, up->n_bytes);
        up->data = bytes;
    } else {
        up->data = gate->data;
    }
    up->n_bytes = n_bytes;
    up->shape[0] += gate->shape[0];
    return ENC_OK;
}

/* The other half of a gated layer that was written apart: of "blk.0.<mine>.weight" the
 * tensor "blk.0.<other>.weight". */
static const enc_tensor *find_other(const enc_gguf_view *v, const char *name,
                                    const char *mine, const char *other)
{
    const char *end = strstr(name, mine);
    char whole[ENC_NAME_MAX + 16];

    if (v->arch->kind != ENC_GGUF_JINA || end == NULL) return NULL;
    snprintf(whole, sizeof whole, "%.*s%s%s", (int)(end - name), name, other,
             end + strlen(mine));
    return enc_gguf_find(v->g, whole);
}

static enc_rc add_tensor(enc_gguf_view *v, const enc_tensor *from, enc_err *e)
{
    enc_tensor *t = &v->tensors[v->n];
    const enc_tensor *gate = find_other(v, from->name, "ffn_up", "ffn_gate");
    char name[ENC_NAME_MAX];
    enc_rc rc;

    if (find_other(v, from->name, "ffn_gate", "ffn_up") != NULL) return ENC_OK;
    *t = *from;
    if (enc_gguf_arch_rename(v->arch, from->name, name) && t->rank == 1) {
        t->rank = 2;
        t->shape[1] = t->shape[0];
        t->shape[0] = 1;
    }
    if (gate != NULL && (rc = join(v, gate, t, e))) return rc;
    t->name = enc_arena_text(&v->arena, name, strlen(name));
    if (t->name == NULL) return enc_nomem(e);
    v->n++;
    return ENC_OK;
}

enc_rc enc_gguf_view_open(enc_gguf_view **out, enc_bytes bytes, const char *what,
                          enc_err *e)
{
    enc_gguf_view *v = enc_mem_zero(sizeof *v);
    enc_rc rc;

    *out = NULL;
    if (v == NULL) return enc_nomem(e);
    enc_arena_init(&v->arena);
    if ((rc = enc_gguf_open(&v->g, bytes, what, e))) goto done;
    if ((rc = enc_gguf_arch_find(v->g, &v->arch, e))) goto done;
    v->tensors = enc_mem_array(enc_gguf_count(v->g), sizeof *v->tensors);
    if (v->tensors == NULL) rc = enc_nomem(e);
    for (size_t i = 0; rc == ENC_OK && i < enc_gguf_count(v->g); i++)
        rc = add_tensor(v, enc_gguf_at(v->g, i), e);
    if (rc != ENC_OK) goto done;
    *out = v, v = NULL;
done:
    enc_gguf_view_close(v);
    return rc;
}

void enc_gguf_view_close(enc_gguf_view *v)
{
    if (v == NULL) return;
    for (size_t i = 0; i < N_FILES; i++) enc_wr_clear(&v->written[i]);
    enc_mem_free(v->tensors);
    enc_arena_clear(&v->arena);
    enc_gguf_close(v->g);
    enc_mem_free(v);
}

enc_rc enc_gguf_view_get(enc_gguf_view *v, const char *name, enc_bytes *out, enc_err *e)
{
    size_t i = 0;
    enc_wr *w;
    enc_rc rc = ENC_OK;

    *out = (enc_bytes){NULL, 0};
    while (i < N_FILES && strcmp(files[i].name, name) != 0) i++;
    if (i == N_FILES) return ENC_OK;
    w = &v->written[i];
    if (w->at == NULL) {
        rc = files[i].write(v->g, v->arch, w, e);
        if (rc == ENC_OK && w->failed) rc = enc_nomem(e);
        if (rc != ENC_OK) {
            enc_wr_clear(w);
            return rc;
        }
    }
    *out = (enc_bytes){w->at, w->n};
    return ENC_OK;
}

size_t enc_gguf_view_count(const enc_gguf_view *v)
{
    return v->n;
}

const enc_tensor *enc_gguf_view_at(const enc_gguf_view *v, size_t i)
{
    return &v->tensors[i];
}
