/* config_static.c - static models: a table of vectors by piece, and a text is their mean.
 *
 *   model2vec               config.json says so; tensor embeddings, and maybe weights (of
 *                           pieces) and mapping (pieces that share vectors); [UNK] has no
 *                           part in a text
 *   StaticEmbedding         modules.json begins with it; tensor embedding.weight and the
 *                           tokenizer lie in its own directory, or beside
 *
 * Neither puts special tokens around a text. What the files do not say is the shape: that
 * is the tensors'. */
#include <string.h>

#include "base/limits.h"
#include "model/arch.h"
#include "model/conf.h"

/* Enters the directory of the StaticEmbedding module that modules.json begins with. */
static enc_rc enter(enc_conf *r, bool *found)
{
    enc_conf m = *r;
    enc_rc rc = enc_conf_open(&m, "modules.json");
    enc_json_value *first = enc_json_at(m.root, 0);
    const char *type = enc_json_text(enc_json_get(first, "type"), NULL);
    const char *path = enc_json_text(enc_json_get(first, "path"), NULL);

    *found = type != NULL && strcmp(enc_conf_last(type), "StaticEmbedding") == 0;
    if (rc == ENC_OK && *found && path != NULL && path[0] != '\0' &&
        strcmp(path, ".") != 0) {
        if (enc_conf_is_plain(path)) rc = enc_files_enter(r->f, path, r->e);
        else
            rc = enc_fail(r->e, ENC_CORRUPT, "%s: path '%.60s' is no plain name", m.what,
                          path);
    }
    enc_conf_close(&m);
    return rc;
}

/* model2vec's own, the module's, or a directory that is one without saying so. */
static enc_rc look(enc_conf *r, bool *found)
{
    const char *type = enc_json_text(enc_json_get(r->root, "model_type"), NULL);
    enc_err unsaid;
    enc_rc rc;

    *found = type != NULL && strcmp(type, enc_arch_static.name) == 0;
    r->c->drops_unknown = *found;
    if (*found || r->json != NULL) return ENC_OK;
    if ((rc = enter(r, found)) != ENC_OK || *found) return rc;
    enc_err_clear(&unsaid);
    rc = enc_files_open_tensors(r->f, &unsaid);
    *found = rc == ENC_OK && enc_files_tensor(r->f, "embedding.weight") != NULL;
    return rc == ENC_NOMEM ? enc_nomem(r->e) : ENC_OK;
}

static enc_rc read_shape(enc_conf *r)
{
    enc_config *c = r->c;
    const enc_tensor *t = enc_files_tensor(r->f, "embeddings"),
                     *map = enc_files_tensor(r->f, "mapping"),
                     *weights = enc_files_tensor(r->f, "weights");

    if (t == NULL) t = enc_files_tensor(r->f, "embedding.weight");
    if (t == NULL)
        return enc_fail(r->e, ENC_CORRUPT, "tensor embeddings missing in %s",
                        enc_files_where(r->f));
    if (t->rank != 2 || t->shape[0] == 0 || t->shape[0] > ENC_VOCAB_MAX ||
        t->shape[1] == 0 || t->shape[1] > ENC_HIDDEN_MAX) {
        char shape[96];

        enc_tensor_shape_text(t, shape, sizeof shape);
        return enc_fail(r->e, ENC_RANGE,
                        "tensor %s has shape %s, expected at most [%zu, %d]", t->name,
                        shape, ENC_VOCAB_MAX, ENC_HIDDEN_MAX);
    }
    c->n_vectors = c->n_vocab = t->shape[0];
    c->hidden = t->shape[1];
    if (weights != NULL) c->has |= ENC_HAS_WORD_WEIGHTS;
    if (map != NULL) weights = map;
    if (weights != NULL && weights->rank == 1) c->n_vocab = weights->shape[0];
    if (c->n_vocab > ENC_VOCAB_MAX)
        return enc_fail(r->e, ENC_RANGE, "tensor %s has %zu values, limit %zu",
                        weights->name, c->n_vocab, ENC_VOCAB_MAX);
    return ENC_OK;
}

enc_rc enc_conf_read_static(enc_conf *r, bool *found)
{
    enc_config *c = r->c;
    enc_rc rc = look(r, found);

    if (rc != ENC_OK || !*found) return rc;
    c->arch = &enc_arch_static;
    if ((rc = enc_files_open_tensors(r->f, r->e))) return rc;
    if ((rc = read_shape(r))) return rc;
    c->normalize = enc_json_true(enc_json_get(r->root, "normalize"));
    c->n_heads = 1;
    c->n_positions = ENC_POSITIONS_MAX;
    enc_arch_apply(c);
    return ENC_OK;
}
