/* fn_zero_shot.c - a text and labels that are only named -> scores: by what follows from
 * the text where the model was trained for that, else by similarity. */
#include "options.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* Cosines differ by tenths where probabilities differ by factors, so zero_shot divides
 * them by this before the softmax: the temperature that contrastive training uses too. */
#define ZERO_SHOT_TEMPERATURE 0.05F
#define ZERO_SHOT_LABELS_MAX  1000

static enc_rc read_labels(enc_json **list, enc_bytes json, enc_bytes *labels, size_t *n,
                          enc_err *e)
{
    enc_rc rc = enc_json_open(list, json, "the list of labels", e);
    enc_json_value *root;

    if (rc) return rc;
    root = enc_json_root(*list);
    if (!enc_json_is_array(root) || enc_json_count(root) == 0)
        return enc_fail(
            e, ENC_MISUSE,
            "a JSON array of labels expected, as in [\"sports\", \"science\"]");
    *n = enc_json_count(root);
    if (*n > ZERO_SHOT_LABELS_MAX)
        return enc_fail(e, ENC_RANGE, "%zu labels, limit %d", *n, ZERO_SHOT_LABELS_MAX);
    for (size_t i = 0; i < *n; i++) {
        const char *text = enc_json_text(enc_json_at(root, i), &labels[i].n);
        if (text == NULL)
            return enc_fail(e, ENC_MISUSE, "label %zu of the list is not a text", i);
        labels[i].at = (const uint8_t *)text;
    }
    return ENC_OK;
}

typedef struct known { /* what zero_shot keeps while its statement runs */
    ext_model *model;
    enc_wr json; /* the labels as they were given */
    float *vectors;
} known;

static void known_free(void *p)
{
    known *k = p;
    if (k == NULL) return;
    ext_model_drop(k->model);
    enc_wr_clear(&k->json);
    enc_mem_free(k->vectors);
    enc_mem_free(k);
}

static known *known_new(ext_call *c, enc_bytes json, size_t n, size_t dims)
{
    known *k = enc_mem_zero(sizeof *k);

    if (k != NULL) {
        enc_wr_init(&k->json);
        enc_wr_bytes(&k->json, json.at, json.n);
        k->vectors = enc_mem_array(n * dims, sizeof *k->vectors);
        if (!k->json.failed && k->vectors != NULL) return k;
    }
    known_free(k);
    ext_nomem(c);
    return NULL;
}

/* The labels' vectors; the same as for the row before if the labels are. */
static const float *label_vectors(ext_scan *s, ext_model *entry, enc_bytes json,
                                  const enc_bytes *labels, size_t n)
{
    const enc_model *m = ext_model_enc(entry);
    ext_call *c = &s->call;
    enc_work *w = ext_work(c);
    known *k = s->kept;

    if (k != NULL && k->model == entry && k->json.n == json.n &&
        memcmp(k->json.at, json.at, json.n) == 0)
        return k->vectors;
    known_free(k);
    s->kept = NULL;
    if (w == NULL || (k = known_new(c, json, n, enc_config_dims(&m->config))) == NULL)
        return NULL;
    enc_embed_job job = {.texts = labels,
                         .n_texts = n,
                         .prompt = ext_prompt(m, ""),
                         .out = k->vectors,
                         .tick = ext_stop_batch,
                         .tick_arg = c};
    if (ext_failed(c, enc_embed_run(m, w, &job, &c->err))) {
        known_free(k);
        return NULL;
    }
    ext_model_keep(entry);
    k->model = entry;
    s->kept = k;
    return k->vectors;
}

typedef struct zero_shot_options {
    const char *sentence; /* NULL: not given */
    bool is_multi;
} zero_shot_options;

/* Only a model that judges pairs of sentences can follow them. */
static bool read_zero_shot(ext_call *c, const ext_model *entry, zero_shot_options *o)
{
    static const ext_option table[] = {
        {"template", EXT_OPTION_TEXT, offsetof(zero_shot_options, sentence)},
        {"multi_label", EXT_OPTION_FLAG, offsetof(zero_shot_options, is_multi)},
    };

    *o = (zero_shot_options){NULL, false};
    if (!ext_options_read(c, 3, table, sizeof table / sizeof *table, o, &c->arena))
        return false;
    if ((o->sentence == NULL && !o->is_multi) || enc_nli_can(ext_model_enc(entry)))
        return true;
    return ext_fail(c, SQLITE_ERROR,
                    "template and multi_label need a model of natural language "
                    "inference, '%s' has no label \"entailment\"",
                    ext_model_name(entry));
}

/* By similarity where the model does not know what follows from what. */
static bool put_similar(ext_scan *s, ext_model *entry, enc_bytes json,
                        const enc_bytes *labels, size_t n)
{
    ext_call *c = &s->call;
    const enc_model *m = ext_model_enc(entry);
    size_t dims = enc_config_dims(&m->config);
    float *scores = ext_alloc(c, n, sizeof *scores);
    const float *x, *vectors;

    if (scores == NULL || !ext_arg_embedding(c, 0, m, "", &x)) return false;
    if ((vectors = label_vectors(s, entry, json, labels, n)) == NULL) return false;
    for (size_t i = 0; i < n; i++) {
        double cosine = enc_vec_cosine(x, vectors + i * dims, dims);
        scores[i] = isnan(cosine) ? 0 : (float)cosine / ZERO_SHOT_TEMPERATURE;
    }
    enc_softmax(scores, n);
    return ext_put_ranked(s, labels, scores, n);
}

static bool put_entailed(ext_scan *s, const enc_model *m, const zero_shot_options *o,
                         const enc_bytes *labels, size_t n)
{
    ext_call *c = &s->call;
    const enc_tap tap = {.arg = c, .stop = ext_stop};
    enc_nli_job job = {.labels = labels, .n_labels = n, .is_multi = o->is_multi};
    float *scores = ext_alloc(c, n, sizeof *scores);
    enc_work *w = ext_work(c);

    if (scores == NULL || w == NULL) return false;
    if (!ext_arg_text(c, 0, "text", &job.text)) return false;
    job.sentence = o->sentence != NULL ? o->sentence : ENC_NLI_TEMPLATE;
    job.tap = &tap;
    return !ext_failed(c, enc_nli_run(m, w, &job, scores, &c->err)) &&
           ext_put_ranked(s, labels, scores, n);
}

static bool zero_shot_open(ext_scan *s)
{
    ext_call *c = &s->call;
    ext_model *entry = ext_arg_model_entry(c, 2);
    zero_shot_options o;
    enc_bytes json, *labels;
    enc_json *list = NULL;
    size_t n = 0;
    bool ok = false;

    if (entry == NULL || !ext_arg_text(c, 1, "labels", &json)) return false;
    if (!read_zero_shot(c, entry, &o)) return false;
    labels = ext_alloc(c, ZERO_SHOT_LABELS_MAX, sizeof *labels);
    if (labels == NULL) return false;
    if (ext_is_null(c, 0) || json.at == NULL) return true;
    if (!ext_failed(c, read_labels(&list, json, labels, &n, &c->err)))
        ok = enc_nli_can(ext_model_enc(entry))
                 ? put_entailed(s, ext_model_enc(entry), &o, labels, n)
                 : put_similar(s, entry, json, labels, n);
    enc_json_close(list);
    return ok;
}

int ext_register_zero_shot(sqlite3 *db, ext_conn *conn)
{
    static const ext_tvf table = {.name = "zero_shot",
                                  .columns = "label TEXT, score REAL",
                                  .n_columns = 2,
                                  .args = {"text", "labels", "model", "options"},
                                  .n_required = 2,
                                  .open = zero_shot_open,
                                  .forget = known_free};

    return ext_tvf_register(db, conn, &table, 1);
}
