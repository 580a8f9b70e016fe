/* vt_config.c - what a table keeps of itself in %_config: values under their names. */
#include "vt.h"

#include <stdio.h>
#include <string.h>

#define WEIGHT_LEXICAL  1.0 /* of a hybrid search, until the table says otherwise: ... */
#define WEIGHT_SEMANTIC 0.3 /* ... vt_lexical.c tells why */

static int config_of(ext_vt_table *t, ext_vt_sql which, const char *key, sqlite3_stmt **s)
{
    int rc = ext_vt_sql_get(t, which, s);
    if (rc != SQLITE_OK) return rc;
    rc = sqlite3_bind_text(*s, 1, key, -1, SQLITE_STATIC);
    return rc == SQLITE_OK ? SQLITE_OK : ext_vt_run_bound(t, *s, rc);
}

int ext_vt_config_put_text(ext_vt_table *t, const char *key, const char *value)
{
    sqlite3_stmt *s;
    int rc = config_of(t, EXT_VT_CONFIG_PUT, key, &s);
    if (rc != SQLITE_OK) return rc;
    return ext_vt_run_bound(t, s, sqlite3_bind_text(s, 2, value, -1, SQLITE_TRANSIENT));
}

int ext_vt_config_put_int(ext_vt_table *t, const char *key, sqlite3_int64 value)
{
    sqlite3_stmt *s;
    int rc = config_of(t, EXT_VT_CONFIG_PUT, key, &s);
    if (rc != SQLITE_OK) return rc;
    return ext_vt_run_bound(t, s, sqlite3_bind_int64(s, 2, value));
}

int ext_vt_config_put_real(ext_vt_table *t, const char *key, double value)
{
    sqlite3_stmt *s;
    int rc = config_of(t, EXT_VT_CONFIG_PUT, key, &s);
    if (rc != SQLITE_OK) return rc;
    return ext_vt_run_bound(t, s, sqlite3_bind_double(s, 2, value));
}

int ext_vt_config_text(ext_vt_table *t, const char *key, char **out)
{
    sqlite3_stmt *s;
    int rc = config_of(t, EXT_VT_CONFIG_GET, key, &s);

    if (rc != SQLITE_OK) return rc;
    sqlite3_free(*out);
    *out = NULL;
    if (sqlite3_step(s) == SQLITE_ROW) {
        bool is_null = sqlite3_column_type(s, 0) == SQLITE_NULL;
        const unsigned char *text = sqlite3_column_text(s, 0);
        if (text != NULL || is_null)
            *out = sqlite3_mprintf("%s", is_null ? "" : (const char *)text);
        if (*out == NULL) rc = SQLITE_NOMEM;
    }
    int code = ext_vt_done(t, s);
    return rc == SQLITE_OK ? code : rc;
}

int ext_vt_config_int(ext_vt_table *t, const char *key, sqlite3_int64 *out)
{
    sqlite3_stmt *s;
    int rc = config_of(t, EXT_VT_CONFIG_GET, key, &s);

    *out = 0;
    if (rc != SQLITE_OK) return rc;
    if (sqlite3_step(s) == SQLITE_ROW) *out = sqlite3_column_int64(s, 0);
    return ext_vt_done(t, s);
}

int ext_vt_config_state(ext_vt_table *t, sqlite3_int64 *generation)
{
    sqlite3_stmt *s;

    if (t->config.vector >= 0) return ext_vt_config_int(t, "generation", generation);
    int rc = ext_vt_sql_get(t, EXT_VT_STATE, &s);
    *generation = 0;
    if (rc != SQLITE_OK) return rc;
    if (sqlite3_step(s) == SQLITE_ROW) {
        *generation = sqlite3_column_int64(s, 0);
        t->has_queue |= sqlite3_column_int(s, 1) != 0;
    }
    return ext_vt_done(t, s);
}

static int config_number(ext_vt_table *t, const char *key, double *out)
{
    sqlite3_stmt *s;
    int rc = config_of(t, EXT_VT_CONFIG_GET, key, &s);

    if (rc != SQLITE_OK) return rc;
    if (sqlite3_step(s) == SQLITE_ROW) *out = sqlite3_column_double(s, 0);
    return ext_vt_done(t, s);
}

int ext_vt_config_load(ext_vt_table *t)
{
    double format = 0.0, dims = 0.0, probes = 0.0;
    char *model = NULL, *fingerprint = NULL, *metric = NULL;
    int rc = config_number(t, "format", &format);

    if (rc == SQLITE_OK && format != (double)EXT_VT_FORMAT)
        return ext_vt_fail(
            t, SQLITE_ERROR,
            "its format is %.0f, this extension reads %d (a newer one may be "
            "needed)",
            format, EXT_VT_FORMAT);
    if (rc == SQLITE_OK) rc = ext_vt_config_int(t, "id", &t->id);
    if (rc == SQLITE_OK) rc = config_number(t, "dims", &dims);
    t->weight_lexical = WEIGHT_LEXICAL;
    t->weight_semantic = WEIGHT_SEMANTIC;
    if (rc == SQLITE_OK) rc = config_number(t, "lexical_weight", &t->weight_lexical);
    if (rc == SQLITE_OK) rc = config_number(t, "semantic_weight", &t->weight_semantic);
    if (rc == SQLITE_OK) rc = config_number(t, "probes", &probes);
    t->n_probe = probes > 0.0 && probes <= 1e6 ? (size_t)probes : 0;
    if (rc == SQLITE_OK) rc = ext_vt_config_text(t, "model", &model);
    if (rc == SQLITE_OK && model == NULL && t->config.n_texts > 0)
        rc = ext_vt_fail(t, SQLITE_CORRUPT_VTAB, "it does not say what model it is of");
    if (model != NULL) sqlite3_free(t->model_name), t->model_name = model;
    if (rc == SQLITE_OK) rc = ext_vt_config_text(t, "triggers", &t->triggers);
    if (rc == SQLITE_OK) rc = ext_vt_config_text(t, "fingerprint", &fingerprint);
    if (rc == SQLITE_OK) rc = ext_vt_config_text(t, "metric", &metric);
    if (rc == SQLITE_OK && metric != NULL && !t->config.has_metric &&
        !ext_vt_metric_find(metric, &t->config.metric))
        rc = ext_vt_fail(t, SQLITE_CORRUPT_VTAB, "it says that its metric is '%s'",
                         metric);
    if (rc == SQLITE_OK && !(dims >= 1.0 && dims <= (double)ENC_DIMS_MAX))
        rc = ext_vt_fail(t, SQLITE_CORRUPT_VTAB,
                         "it says that its vectors have %g values", dims);
    if (rc == SQLITE_OK && t->config.vector >= 0 && dims != (double)t->config.dims)
        rc = ext_vt_fail(t, SQLITE_CORRUPT_VTAB,
                         "it is declared VECTOR(%d), its vectors have %g values",
                         (int)t->config.dims, dims);
    if (rc == SQLITE_OK) {
        const char *is = fingerprint == NULL ? "" : fingerprint;
        t->config.dims = (size_t)dims;
        if (strcmp(t->fingerprint, is) != 0) { /* perhaps a 'reembed' elsewhere */
            ext_model_drop(t->model);
            t->model = NULL;
        }
        snprintf(t->fingerprint, sizeof t->fingerprint, "%s", is);
    }
    sqlite3_free(fingerprint);
    sqlite3_free(metric);
    return rc;
}
