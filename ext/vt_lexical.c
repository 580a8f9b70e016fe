/* vt_lexical.c - the lexical leg of a hybrid table, and the fusion of two rankings.
 *
 * A query becomes an FTS5 expression made of its words only, each quoted, so that nothing
 * a user types is syntax: "word" OR "other" OR ... A word of several pieces is searched
 * as the phrase of its pieces and, since Korean and German glue what belongs to a word to
 * its end, by its first piece as well; ideographs are searched in pairs.
 *
 * Fusion is reciprocal rank fusion (Cormack, Clarke and Buettcher 2009): a row's score is
 * the sum of weight / (5 + rank) over the legs it is in. The paper's 60 suits many
 * rankings of like worth; with two, and one of them the better, the first ranks must
 * tell. 5 and the weights that a table starts with were chosen on finding the partner of
 * each sentence of STS-B's and KorSTS's dev pairs with a score from 4 on (MRR@10 0.899;
 * words alone 0.891, vectors alone 0.856). Others between 1 and 60, 0.1 and 0.5 are
 * within the noise of it. */
#include "vt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RRF_K     5.0
#define DEPTH     1000 /* rows that each leg contributes, however many are asked for */
#define TERMS_MAX 128

/* ---- the query as an expression ---- */

static bool is_wordless(enc_bytes text)
{
    for (size_t at = 0; at < text.n;) {
        uint32_t c;
        at += enc_utf8_decode(text.at + at, text.n - at, &c);
        if (!enc_utf8_is_punctuation(c) && !enc_utf8_is_space(c) &&
            !enc_utf8_is_control(c) && c != 0)
            return false;
    }
    return true;
}

static bool is_ideograph(enc_bytes text)
{
    uint32_t c;
    return text.n > 0 && enc_utf8_decode(text.at, text.n, &c) == text.n &&
           enc_utf8_is_cjk(c);
}

typedef struct terms {
    sqlite3_str *sql;
    enc_hash seen[TERMS_MAX];
    size_t n;
} terms;

static void add_term(terms *ts, enc_bytes text)
{
    enc_hash h = enc_hash_of(text.at, text.n);

    if (ts->n == TERMS_MAX || is_wordless(text)) return;
    for (size_t i = 0; i < ts->n; i++)
        if (ts->seen[i].low == h.low && ts->seen[i].high == h.high) return;
    ts->seen[ts->n] = h;
    sqlite3_str_appendall(ts->sql, ts->n++ > 0 ? " OR \"" : "\"");
    for (size_t i = 0; i < text.n; i++) {
        char c = (char)text.at[i];
        if (c == '\0') c = ' '; /* FTS5 expressions are NUL-terminated */
        sqlite3_str_appendchar(ts->sql, c == '"' ? 2 : 1, c);
    }
    sqlite3_str_appendchar(ts->sql, 1, '"');
}

static int expression(ext_vt_table *t, sqlite3_value *query, char **out)
{
    const enc_model *m;
    const unsigned char *at = sqlite3_value_text(query);
    enc_bytes text = {at, (size_t)sqlite3_value_bytes(query)};
    enc_tokens ts;
    enc_err e;
    terms all = {.sql = sqlite3_str_new(t->db)};
    int rc = at == NULL ? SQLITE_NOMEM : ext_vt_model(t, &m);

    enc_err_clear(&e);
    enc_tokens_init(&ts);
    if (rc == SQLITE_OK)
        rc = ext_vt_fail_enc(
            t, enc_tok_encode(m->tok, text, (enc_bytes){NULL, 0}, 0, false, &ts, &e), &e);
    for (size_t i = 0, next; i < ts.n && rc == SQLITE_OK; i = next) {
        const enc_token *first = &ts.at[i];
        for (next = i + 1; next < ts.n && enc_tok_is_subword(m->tok, ts.at[next].id);)
            next++;
        enc_bytes word = enc_bytes_part(text, first->start, ts.at[next - 1].end);
        if (next < ts.n && is_ideograph(word) &&
            is_ideograph(enc_bytes_part(text, ts.at[next].start, ts.at[next].end)))
            add_term(&all, enc_bytes_part(text, first->start, ts.at[next].end));
        add_term(&all, word);
        if (next > i + 1) add_term(&all, enc_bytes_part(text, first->start, first->end));
    }
    enc_tokens_clear(&ts);
    if (rc == SQLITE_OK) rc = sqlite3_str_errcode(all.sql);
    *out = sqlite3_str_finish(all.sql); /* NULL also when there is no word */
    return rc;
}

/* ---- two rankings into one ---- */

typedef struct entry {
    ext_vt_hit hit;
    double score;
} entry;

typedef struct fusion {
    entry *at;
    size_t n, cap;
    size_t *slots; /* open addressing by id: place in `at` + 1, 0 free */
    size_t n_slots;
} fusion;

static entry *find_entry(fusion *f, sqlite3_int64 id)
{
    size_t i = (size_t)((uint64_t)id * 0x9e3779b97f4a7c15u >> 20) % f->n_slots;
    while (f->slots[i] != 0 && f->at[f->slots[i] - 1].hit.id != id)
        i = (i + 1) % f->n_slots;
    if (f->slots[i] != 0) return &f->at[f->slots[i] - 1];
    f->slots[i] = ++f->n;
    f->at[f->n - 1] = (entry){{id, SIZE_MAX, (double)NAN, 0, 0}, 0.0};
    return &f->at[f->n - 1];
}

static int by_score(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->hit.id > y->hit.id) - (x->hit.id < y->hit.id);
}

/* Rows whose text has words of the query, best first, that pass the filter on ids: at
 * most DEPTH, into *ids (enc_mem). */
static int lexical(ext_vt_table *t, const ext_vt_search *s, sqlite3_int64 **ids,
                   size_t *n)
{
    void *room = NULL;
    size_t cap = 0;
    sqlite3_stmt *stmt;
    char *words = NULL;
    int rc = expression(t, s->plan.match, &words);

    *n = 0;
    if (rc != SQLITE_OK || words == NULL) return rc;
    if ((rc = ext_vt_sql_get(t, EXT_VT_FTS_MATCH, &stmt)) == SQLITE_OK) {
        rc = sqlite3_bind_text(stmt, 1, words, -1, SQLITE_STATIC);
        while (rc == SQLITE_OK && *n < DEPTH && sqlite3_step(stmt) == SQLITE_ROW) {
            sqlite3_int64 id = sqlite3_column_int64(stmt, 0);
            if (!enc_filter_has_id(&s->plan.filter, id)) continue;
            if (!enc_mem_reserve(&room, &cap, *n + 1, sizeof id)) rc = SQLITE_NOMEM;
            *ids = room;
            if (rc == SQLITE_OK) (*ids)[(*n)++] = id;
        }
        int done = ext_vt_done(t, stmt);
        if (rc == SQLITE_OK) rc = done;
    }
    sqlite3_free(words);
    return rc;
}

/* The distance of a document that only the words have found: its nearest stretch. */
static int measure(ext_vt_table *t, const ext_vt_search *s, ext_vt_hit *hit)
{
    float *v = enc_mem_array(t->config.dims, sizeof *v);
    ext_vt_doc d = {0};
    int rc = v == NULL ? SQLITE_NOMEM : ext_vt_doc_get(t, hit->id, &d);

    for (size_t i = 0; i < d.n && rc == SQLITE_OK; i++) {
        if ((rc = ext_vt_vectors_get(t, d.at[i].slot, v))) break;
        double x = enc_vec_distance(t->config.metric, s->q, v, t->config.dims);
        if (i > 0 && !(x < hit->distance)) continue;
        hit->distance = x;
        hit->slot = d.at[i].slot;
    }
    ext_vt_doc_clear(&d);
    enc_mem_free(v);
    return rc;
}

static int add_legs(ext_vt_table *t, ext_vt_search *s, const ext_vt_hit *near,
                    size_t n_near, const sqlite3_int64 *ids, size_t n_ids, fusion *f)
{
    int rc = SQLITE_OK;

    for (size_t i = 0; i < n_near; i++) {
        entry *x = find_entry(f, near[i].id);
        x->hit = near[i];
        x->hit.semantic_rank = (uint32_t)i + 1;
        x->score += t->weight_semantic / (RRF_K + (double)(i + 1));
    }
    for (size_t i = 0; i < n_ids && rc == SQLITE_OK; i++) {
        entry *x = find_entry(f, ids[i]);
        if (x->hit.slot == SIZE_MAX) rc = measure(t, s, &x->hit);
        x->hit.lexical_rank = (uint32_t)i + 1;
        x->score += t->weight_lexical / (RRF_K + (double)(i + 1));
    }
    ext_vt_vectors_close_blob(t);
    return rc;
}

static int fuse(ext_vt_table *t, ext_vt_search *s, const ext_vt_hit *near, size_t n_near,
                const sqlite3_int64 *ids, size_t n_ids)
{
    fusion f = {.n_slots = 2 * (n_near + n_ids) + 1};
    int rc = SQLITE_OK;

    f.at = enc_mem_array(n_near + n_ids + 1, sizeof *f.at);
    f.slots = enc_mem_zero_array(f.n_slots, sizeof *f.slots);
    if (f.at == NULL || f.slots == NULL) rc = SQLITE_NOMEM;
    if (rc == SQLITE_OK) rc = add_legs(t, s, near, n_near, ids, n_ids, &f);
    if (rc == SQLITE_OK && f.n > 0) qsort(f.at, f.n, sizeof *f.at, by_score);
    for (size_t i = 0; i < f.n && rc == SQLITE_OK; i++) {
        ext_vt_hit *h = &f.at[i].hit;
        if (!enc_filter_has(&s->plan.filter, t->config.metric, h->distance)) continue;
        rc = ext_vt_search_add(s, h);
    }
    enc_mem_free(f.at);
    enc_mem_free(f.slots);
    return rc;
}

int ext_vt_lexical_fuse(ext_vt_table *t, ext_vt_search *s)
{
    size_t n_near = 0, n_ids = 0;
    sqlite3_int64 *ids = NULL;
    ext_vt_hit *near = NULL;
    bool is_all = true;
    int rc = lexical(t, s, &ids, &n_ids);

    if (rc == SQLITE_OK)
        rc = ext_vt_search_documents(t, s, DEPTH, &near, &n_near, &is_all);
    if (rc == SQLITE_OK) rc = fuse(t, s, near, n_near, ids, n_ids);
    s->is_ended = is_all;
    t->last_path = "hybrid";
    enc_mem_free(near);
    enc_mem_free(ids);
    return rc;
}
