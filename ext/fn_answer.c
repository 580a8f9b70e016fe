/* fn_answer.c - a question and a text -> the stretches of it that answer, as SQL: answer
 * and answers. */
#include "options.h"

#include <stddef.h>
#include <string.h>

#define ANSWERS_DEFAULT 5  /* k */
#define TOKENS_DEFAULT  30 /* of one answer, as transformers' own examples have it */

typedef struct wanted {
    const enc_model *model;
    enc_answer_job job;
    size_t max_answer_tokens; /* options */
    bool no_answer;
} wanted;

static bool read_options(ext_call *c, int i, wanted *w)
{
    static const ext_option table[] = {
        {"max_answer_tokens", EXT_OPTION_SIZE, offsetof(wanted, max_answer_tokens)},
        {"no_answer", EXT_OPTION_FLAG, offsetof(wanted, no_answer)},
    };

    w->max_answer_tokens = TOKENS_DEFAULT;
    if (!ext_options_read(c, i, table, sizeof table / sizeof *table, w, &c->arena))
        return false;
    if (w->max_answer_tokens >= 1 && w->max_answer_tokens <= ENC_POSITIONS_MAX)
        return true;
    return ext_fail(c, SQLITE_ERROR, "option max_answer_tokens must be 1..%d (got %zu)",
                    ENC_POSITIONS_MAX, w->max_answer_tokens);
}

/* The best k answers to argument 0 in argument 1, best first; *n of them. Neither text
 * is NULL. The model is argument `model`, the options follow it. */
static bool find(ext_call *c, int model, size_t k, wanted *w, enc_answer **out, size_t *n)
{
    const enc_tap tap = {.arg = c, .stop = ext_stop};
    ext_model *entry = ext_arg_model_entry(c, model);
    enc_work *work = ext_work(c);

    *n = 0;
    *out = ext_alloc(c, k + 1, sizeof **out);
    if (entry == NULL || work == NULL || *out == NULL) return false;
    if (!read_options(c, model + 1, w)) return false;
    w->model = ext_model_enc(entry);
    if (w->model->weights.answer.w.data == NULL)
        return ext_fail(c, SQLITE_ERROR,
                        "model '%s' does not answer questions: give the name of one that "
                        "was trained to, as on SQuAD or KorQuAD",
                        ext_model_name(entry));
    if (!ext_arg_text(c, 0, "question", &w->job.question) ||
        !ext_arg_text(c, 1, "context", &w->job.text))
        return false;
    w->job.k = k;
    w->job.n_tokens_max = w->max_answer_tokens;
    w->job.may_be_none = w->no_answer;
    w->job.tap = &tap;
    enc_rc rc = enc_answer_find(w->model, work, &w->job, *out, n, &c->err);
    w->job.tap = NULL; /* it ends here */
    return !ext_failed(c, rc);
}

/* answer(question, context [, model [, options]]): NULL where there is none. */
static void answer(ext_call *c)
{
    wanted w = {.model = NULL};
    enc_answer *best;
    size_t n;

    if (ext_is_null(c, 0) || ext_is_null(c, 1)) return;
    if (!find(c, 2, 1, &w, &best, &n) || n == 0 || best->start == best->end) return;
    ext_result_text(c->ctx, w.job.text.at + best->start, best->end - best->start);
}

/* answers(question, context [, k [, model [, options]]]); no answer at all is a row of
 * NULL and its score. */
static bool answers_open(ext_scan *s)
{
    ext_call *c = &s->call;
    wanted w = {.model = NULL};
    sqlite3_int64 k;
    enc_answer *all;
    size_t n;

    if (!ext_arg_int(c, 2, "k", 1, ENC_ANSWERS_MAX, ANSWERS_DEFAULT, &k)) return false;
    if (!find(c, 3, (size_t)k, &w, &all, &n)) return false;
    for (size_t i = 0; i < n; i++) {
        const enc_answer *a = &all[i];
        const bool is_none = a->start == a->end;
        bool is_put =
            (is_none ? ext_put_null(s)
                     : ext_put_text(s, w.job.text.at + a->start, a->end - a->start)) &&
            ext_put_real(s, (double)a->score) &&
            (is_none ? ext_put_null(s) : ext_put_int(s, (sqlite3_int64)a->start)) &&
            (is_none ? ext_put_null(s) : ext_put_int(s, (sqlite3_int64)a->end));
        if (!is_put) return false;
    }
    return true;
}

int ext_register_answer(sqlite3 *db, ext_conn *conn)
{
    static const ext_fn fns[] = {
        {"answer", 2, 4, EXT_FN_PURE, answer, NULL},
    };
    static const ext_tvf tables[] = {
        {.name = "answers",
         .columns = "answer TEXT, score REAL, start INTEGER, \"end\" INTEGER",
         .n_columns = 4,
         .args = {"asked", "document", "k", "model", "options"},
         .n_required = 2,
         .open = answers_open},
    };
    int rc = ext_fn_register(db, conn, fns, sizeof fns / sizeof *fns);

    return rc != SQLITE_OK
               ? rc
               : ext_tvf_register(db, conn, tables, sizeof tables / sizeof *tables);
}
