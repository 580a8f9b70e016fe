/* config_arch.c - the keys of config.json that only some architectures have.
 *
 * Which of them a model has follows from its row in arch.c; a value that would change the
 * graph in a way that we cannot follow is refused by name. */
#include <string.h>

#include "base/limits.h"
#include "model/arch.h"
#include "model/conf.h"

/* Sets a bit of c->has by a key that is true or false; absent: as `otherwise`. */
static void has_if(enc_conf *r, const char *key, bool otherwise, unsigned bit)
{
    enc_json_value *v = enc_conf_member(r, key);

    if (enc_json_is_bool(v) ? enc_json_true(v) : otherwise) r->c->has |= bit;
    else r->c->has &= ~bit;
}

/* A key that must be false or absent. */
static enc_rc refuse_true(enc_conf *r, const char *key)
{
    if (!enc_json_true(enc_conf_member(r, key))) return ENC_OK;
    return enc_fail(r->e, ENC_UNSUPPORTED, "%s: %s true not supported", r->what, key);
}

/* A key that must be one number or absent. */
static enc_rc expect(enc_conf *r, const char *key, size_t value)
{
    size_t n = value;
    enc_rc rc = enc_conf_size_if(r, key, ENC_POSITIONS_MAX, &n);

    if (rc != ENC_OK || n == value) return rc;
    return enc_fail(r->e, ENC_UNSUPPORTED, "%s: %s is %zu, only %zu is supported",
                    r->what, key, n, value);
}

/* ---- places ---- */

/* RoBERTa counts places from the padding's id plus 1; MPNet from 2, whatever that is. */
static enc_rc read_offset(enc_conf *r)
{
    enc_config *c = r->c;
    enc_json_value *pad = enc_conf_member(r, "pad_token_id");
    const bool is_said = enc_json_is_int(pad) && c->arch->positions != ENC_BUCKETS;
    const long long id = is_said ? enc_json_int(pad) : 1;

    if (!c->arch->offsets_positions) return ENC_OK;
    if (id < 0 || (unsigned long long)id + 1 >= c->n_positions)
        return enc_fail(r->e, ENC_RANGE,
                        "%s: pad_token_id is %lld, but there are %zu positions", r->what,
                        id, c->n_positions);
    c->position_offset = (size_t)id + 1;
    return ENC_OK;
}

/* Tables of places say nothing of how they are used. */
static enc_rc check_positions(enc_conf *r)
{
    static const enc_choice absolute[] = {{"absolute", 0}};
    const enc_positions p = r->c->arch->positions;

    if (p != ENC_LEARNED && p != ENC_BUCKETS) return ENC_OK;
    return enc_conf_choose_member(r, "position_embedding_type", absolute, 1, &(int){0});
}

static enc_rc finish_rope(enc_conf *r, float fraction)
{
    enc_config *c = r->c;
    const size_t dims = c->hidden / c->n_heads;

    c->rope_dims = (size_t)((float)dims * fraction);
    if (c->rope_dims == 0 || c->rope_dims > dims || c->rope_dims % 2 != 0)
        return enc_fail(r->e, ENC_UNSUPPORTED,
                        "%s: %zu of a head's %zu values are turned, expected an even "
                        "number",
                        r->what, c->rope_dims, dims);
    return ENC_OK;
}

/* ---- one architecture each ---- */

static enc_rc read_projection(enc_conf *r)
{
    enc_config *c = r->c;
    enc_rc rc;

    c->embedding = 128; /* as transformers' defaults are */
    if ((rc = enc_conf_size_if(r, "embedding_size", ENC_HIDDEN_MAX, &c->embedding)))
        return rc;
    if (c->embedding != c->hidden) c->has |= ENC_HAS_PROJECTION;
    if (!c->is_shared) return ENC_OK;
    if ((rc = expect(r, "num_hidden_groups", 1))) return rc;
    return expect(r, "inner_group_num", 1);
}

static enc_rc read_buckets(enc_conf *r)
{
    r->c->n_buckets = 32;
    return expect(r, "relative_attention_num_buckets", 32);
}

static enc_rc read_nomic(enc_conf *r)
{
    static const enc_choice gates[] = {{"swiglu", ENC_SILU}, {"geglu", ENC_GELU}};
    float fraction = 1.0f;
    int act = ENC_SILU;
    enc_rc rc;

    if ((rc = enc_conf_choose_member(r, "activation_function", gates, ENC_COUNT(gates),
                                     &act)))
        return rc;
    r->c->act = (enc_act)act;
    r->c->rope_theta = 10000.0f;
    if ((rc = enc_conf_number_if(r, "rotary_emb_base", &r->c->rope_theta))) return rc;
    if ((rc = enc_conf_number_if(r, "rotary_emb_fraction", &fraction))) return rc;
    if ((rc = refuse_true(r, "rotary_emb_interleaved"))) return rc;
    if ((rc = refuse_true(r, "prenorm"))) return rc;
    if (enc_conf_member(r, "rotary_scaling_factor") != NULL)
        return enc_fail(r->e, ENC_UNSUPPORTED,
                        "%s: rotary_scaling_factor not supported, only null", r->what);
    has_if(r, "qkv_proj_bias", true, ENC_HAS_ATTN_BIAS);
    has_if(r, "mlp_fc1_bias", true, ENC_HAS_UP_BIAS);
    has_if(r, "mlp_fc2_bias", true, ENC_HAS_DOWN_BIAS);
    return finish_rope(r, fraction);
}

/* "rope_scaling": {"type": "ntk", "factor": 8.0}, or null. */
static enc_rc read_scaling(enc_conf *r)
{
    enc_json_value *scaling = enc_conf_member(r, "rope_scaling"),
                   *factor = enc_json_get(scaling, "factor");
    const char *type = enc_json_text(enc_json_get(scaling, "type"), NULL);
    const double x = enc_json_number(factor);

    r->c->rope_scale = 1.0f;
    if (scaling == NULL) return ENC_OK;
    if (type == NULL || strcmp(type, "ntk") != 0 || !enc_json_is_number(factor) ||
        !(x > 0.0 && x <= 1024.0) || enc_json_is_number(enc_json_get(scaling, "mixed_b")))
        return enc_fail(r->e, ENC_UNSUPPORTED,
                        "%s: rope_scaling not supported, only of type ntk with a factor",
                        r->what);
    if (x > 1.0) r->c->rope_scale = (float)x;
    return ENC_OK;
}

static enc_rc read_gte(enc_conf *r)
{
    static const enc_choice norms[] = {{"layer_norm", 0}}, turned[] = {{"rope", 0}};
    enc_json_value *packed = enc_conf_member(r, "pack_qkv");
    enc_rc rc;

    if ((rc = enc_conf_choose_member(r, "position_embedding_type", turned, 1, &(int){0})))
        return rc;
    r->c->rope_theta = 10000.0f;
    if ((rc = enc_conf_number_if(r, "rope_theta", &r->c->rope_theta))) return rc;
    if ((rc = read_scaling(r))) return rc;
    if ((rc = enc_conf_choose_member(r, "layer_norm_type", norms, 1, &(int){0})))
        return rc;
    if ((rc = refuse_true(r, "logn_attention_scale"))) return rc;
    if ((rc = refuse_true(r, "logn_attention_clip1"))) return rc;
    if (enc_json_is_bool(packed) && !enc_json_true(packed))
        return enc_fail(r->e, ENC_UNSUPPORTED, "%s: pack_qkv false not supported",
                        r->what);
    return finish_rope(r, 1.0f);
}

static enc_rc read_jina(enc_conf *r)
{
    static const enc_choice gates[] = {{"geglu", ENC_GELU}, {"reglu", ENC_RELU}};
    enc_json_value *map = enc_conf_member(r, "auto_map");
    const char *code = enc_json_text(enc_json_get(map, "AutoModel"), NULL);
    int act = ENC_GELU;
    enc_rc rc;

    if (code != NULL && strstr(code, "qk-post-norm") != NULL)
        return enc_fail(r->e, ENC_UNSUPPORTED,
                        "%s: Jina BERT with normalized queries and keys (%.60s) not "
                        "supported",
                        r->what, code);
    rc = enc_conf_choose_member(r, "feed_forward_type", gates, ENC_COUNT(gates), &act);
    r->c->mlm_act = r->c->act;
    r->c->act = (enc_act)act;
    return rc;
}

/* Older files have two numbers, newer ones an object for each kind of layer. */
static enc_rc read_thetas(enc_conf *r)
{
    enc_json_value *all = enc_conf_member(r, "rope_parameters");
    enc_config *c = r->c;
    enc_rc rc;

    c->rope_theta = 160000.0f;
    if ((rc = enc_conf_number_if(r, "global_rope_theta", &c->rope_theta))) return rc;
    /* null says: as the global one; absent is transformers' default. */
    c->rope_local_theta = c->rope_theta;
    if (enc_json_get(r->root, "local_rope_theta") == NULL) c->rope_local_theta = 10000.0f;
    if ((rc = enc_conf_number_if(r, "local_rope_theta", &c->rope_local_theta))) return rc;
    for (int i = 0; all != NULL && i < 2; i++) {
        const char *kind = i == 0 ? "full_attention" : "sliding_attention";
        enc_json_value *one = enc_json_get(all, kind);
        const char *type = enc_json_text(enc_json_get(one, "rope_type"), NULL);
        const double x = enc_json_number(enc_json_get(one, "rope_theta"));

        if (one == NULL) continue;
        if ((type != NULL && strcmp(type, "default") != 0) || !(x > 0.0 && x < 1e30))
            return enc_fail(r->e, ENC_UNSUPPORTED,
                            "%s: rope_parameters of %s not supported, only of type "
                            "default with a theta",
                            r->what, kind);
        *(i == 0 ? &c->rope_theta : &c->rope_local_theta) = (float)x;
    }
    return ENC_OK;
}

/* Newer files list the kind of every layer. It must be every n-th, as it always is. */
static enc_rc read_layer_types(enc_conf *r)
{
    enc_json_value *types = enc_conf_member(r, "layer_types");
    enc_config *c = r->c;
    enc_rc rc;

    c->global_every = 3;
    if ((rc = enc_conf_size_if(r, "global_attn_every_n_layers", ENC_LAYERS_MAX,
                               &c->global_every)))
        return rc;
    if (types == NULL) return ENC_OK;
    if (enc_conf_member(r, "global_attn_every_n_layers") == NULL) {
        c->global_every = 1;
        while (c->global_every < c->n_layers) {
            const char *type = enc_json_text(enc_json_at(types, c->global_every), NULL);
            if (type != NULL && strcmp(type, "full_attention") == 0) break;
            c->global_every++;
        }
    }
    for (size_t i = 0; i < c->n_layers; i++) {
        const char *type = enc_json_text(enc_json_at(types, i), NULL);
        const char *expected =
            i % c->global_every == 0 ? "full_attention" : "sliding_attention";

        if (type == NULL || strcmp(type, expected) != 0)
            return enc_fail(r->e, ENC_UNSUPPORTED,
                            "%s: layer_types: layer %zu is '%.40s', expected '%s'",
                            r->what, i, type != NULL ? type : "", expected);
    }
    return ENC_OK;
}

static enc_rc read_modernbert(enc_conf *r)
{
    static const enc_choice pools[] = {{"cls", 0}, {"mean", 1}},
                            acts[] = {{"gelu", ENC_GELU},
                                      {"relu", ENC_RELU},
                                      {"silu", ENC_SILU},
                                      {"tanh", ENC_TANH}};
    enc_config *c = r->c;
    size_t window = 128;
    int act = ENC_GELU, is_mean = 0;
    enc_rc rc;

    if ((rc = enc_conf_size_if(r, "local_attention", ENC_POSITIONS_MAX, &window)))
        return rc;
    c->window = window / 2;
    if (c->window == 0)
        return enc_fail(r->e, ENC_RANGE, "%s: local_attention is %zu, expected 2 or more",
                        r->what, window);
    if ((rc = read_layer_types(r))) return rc;
    if ((rc = read_thetas(r))) return rc;
    if ((rc = enc_conf_choose_member(r, "classifier_pooling", pools, ENC_COUNT(pools),
                                     &is_mean)))
        return rc;
    if ((rc = enc_conf_choose_member(r, "classifier_activation", acts, ENC_COUNT(acts),
                                     &act)))
        return rc;
    c->head_means = is_mean == 1;
    c->head_act = c->mlm_act = (enc_act)act;
    has_if(r, "attention_bias", false, ENC_HAS_ATTN_BIAS);
    has_if(r, "mlp_bias", false, ENC_HAS_UP_BIAS | ENC_HAS_DOWN_BIAS);
    has_if(r, "norm_bias", false, ENC_HAS_NORM_BIAS);
    has_if(r, "classifier_bias", false, ENC_HAS_HEAD_BIAS);
    has_if(r, "decoder_bias", true, ENC_HAS_DECODER_BIAS);
    return finish_rope(r, 1.0f);
}

enc_rc enc_conf_read_arch(enc_conf *r)
{
    static const struct {
        const char *name;
        enc_rc (*read)(enc_conf *r);
    } readers[] = {{"electra", read_projection},
                   {"albert", read_projection},
                   {"mpnet", read_buckets},
                   {"nomic_bert", read_nomic},
                   {"new", read_gte},
                   {"gte", read_gte},
                   {"jina_bert_v2", read_jina},
                   {"modernbert", read_modernbert}};
    enc_rc rc = check_positions(r);

    if (rc == ENC_OK) rc = read_offset(r);
    for (size_t i = 0; rc == ENC_OK && i < ENC_COUNT(readers); i++)
        if (strcmp(r->c->arch->name, readers[i].name) == 0) rc = readers[i].read(r);
    return rc;
}
