/* fts_tokenizer.c - the encoder's words as the words of a full-text index: the tokenizer
 * 'wordpiece' of FTS5.
 *
 *     CREATE VIRTUAL TABLE t USING fts5(body, tokenize = 'wordpiece');
 *     CREATE VIRTUAL TABLE t USING fts5(body, tokenize = 'wordpiece my-model');
 *
 * A text is normalized as for the model, and each of the model's pieces is a token of the
 * index, as the vocabulary spells it: one inside a word keeps its "##" and so differs
 * from a whole word. FTS5 makes a phrase of a word of several pieces by itself.
 *
 * What serves an encoder does not always serve a search, so these are otherwise:
 *   - A piece with Hangul or kana in it is taken apart into characters, as the model does
 *     with ideographs. Longest match first cuts a word with a particle at other places
 *     than the word alone (sa ##gwareul, sa ##gwa), and the one would not find the other;
 *     cut at each character a word finds all that begin with it. A Hangul syllable inside
 *     a word has "##" before it. Kana never has, as nothing shows where words begin.
 *   - Punctuation is no token, or else "Paris?" would not find "Paris", nor "hello world"
 *     the text "hello, world".
 *   - A word that is [UNK] to the model is a token itself, normalized, so that rare words
 *     are found (of one over the model's limit, 100 characters, the first 101).
 *   - Special tokens written out in a text are ordinary words of it.
 *
 * The tokens are stored, so they must not change: without a name the model is the
 * built-in one, whatever the default is. With one it is the model that has that name when
 * a text is read, so that 'rebuild' makes the tokens those of another that was loaded;
 * when it is unloaded, the one that had it. FTS5 takes from us a code and no sentence;
 * the sentence goes to sqlite3_log. */
#include "ext.h"

#include <string.h>

#define WAIT_MS  5000.0 /* for a database that others are writing, when we are loaded */
#define PAUSE_MS 10     /* between two attempts */

static const char builtin[] = "builtin";

struct Fts5Tokenizer {
    ext_model *model; /* that had the name last */
    char name[EXT_NAME_MAX + 1];
};

typedef int take_token(void *ctx, int flags, const char *token, int n, int start,
                       int end);

typedef struct pass { /* one text on its way into FTS5 */
    const enc_vocab *vocab;
    int32_t unk;
    size_t n_prefix; /* bytes of the model's "##" */
    take_token *take;
    void *ctx;    /* of take */
    uint32_t end; /* of the last token, in the text */
    int code;     /* what take said last */
} pass;

/* Places of two tokens overlap where they come from one character; highlight() counts on
 * each token to begin where the one before has ended, or later. */
static void put(pass *p, enc_bytes token, uint32_t start, uint32_t end)
{
    if (start < p->end) start = p->end;
    if (end < start) end = start;
    p->end = end;
    p->code =
        p->take(p->ctx, 0, (const char *)token.at, (int)token.n, (int)start, (int)end);
}

static bool is_hangul(uint32_t c)
{
    return c >= 0xac00 && c < 0xd7a4;
}

static bool is_kana(uint32_t c)
{
    return (c >= 0x3041 && c < 0x3100) || (c >= 0x31f0 && c < 0x3200) ||
           (c >= 0xff66 && c < 0xffa0);
}

/* Whether bytes[at..to) of the word are to be taken apart. */
static bool has_hangul_or_kana(const enc_word *word, size_t at, size_t to)
{
    while (at < to) {
        uint32_t c;
        at += enc_utf8_decode(word->bytes + at, to - at, &c);
        if (is_hangul(c) || is_kana(c)) return true;
    }
    return false;
}

static void put_characters(pass *p, const enc_word *word, size_t at, size_t to)
{
    while (at < to && p->code == SQLITE_OK) {
        uint8_t token[2 + 4] = "##";
        uint32_t c;
        size_t n = enc_utf8_decode(word->bytes + at, to - at, &c);
        size_t n_prefix = at == 0 || is_kana(c) ? 0 : 2;
        memcpy(token + n_prefix, word->bytes + at, n);
        put(p, (enc_bytes){token, n_prefix + n}, word->start[at], word->end[at + n - 1]);
        at += n;
    }
}

static bool is_punctuation(const enc_word *word)
{
    uint32_t c;
    if (word->n_chars != 1) return false;
    enc_utf8_decode(word->bytes, word->n_bytes, &c);
    return enc_utf8_is_punctuation(c);
}

static bool put_word(void *arg, const enc_word *word, const enc_piece *pieces, size_t n)
{
    pass *p = arg;
    size_t at = 0, to; /* bytes of the word that a piece covers */
    if (is_punctuation(word)) return true;
    for (size_t i = 0; i < n && p->code == SQLITE_OK; i++, at = to) {
        enc_bytes token = enc_vocab_piece(p->vocab, pieces[i].id);
        to = at + pieces[i].n_bytes;
        /* What has no "##" is what it covers of the word. */
        if (p->n_prefix == 0 || (n == 1 && pieces[i].id == p->unk))
            token = (enc_bytes){word->bytes + at, pieces[i].n_bytes};
        if (has_hangul_or_kana(word, at, to)) put_characters(p, word, at, to);
        else put(p, token, pieces[i].start, pieces[i].end);
    }
    return p->code == SQLITE_OK;
}

static const enc_model *model_of(Fts5Tokenizer *t)
{
    ext_model *now;
    enc_err e;

    enc_err_clear(&e);
    if (ext_registry_get(t->name, strlen(t->name), &now, &e) == ENC_OK) {
        ext_model_drop(t->model);
        t->model = now;
    }
    return ext_model_enc(t->model);
}

static int tokenize(Fts5Tokenizer *t, void *ctx, int flags, const char *text, int n,
                    take_token *take)
{
    const enc_tok *tok = model_of(t)->tok;
    pass p = {.vocab = enc_tok_vocab(tok),
              .unk = enc_tok_specials(tok).unk,
              .n_prefix = strlen(enc_tok_prefix(tok)),
              .take = take,
              .ctx = ctx,
              .code = SQLITE_OK};
    enc_bytes bytes = {(const uint8_t *)text, n > 0 ? (size_t)n : 0};
    enc_err e;

    (void)flags; /* documents and queries are read alike */
    enc_err_clear(&e);
    if (bytes.n == 0) return SQLITE_OK;
    enc_rc rc = enc_tok_walk(tok, bytes, put_word, &p, &e);
    if (rc != ENC_OK && rc != ENC_NOMEM)
        sqlite3_log(ext_code(rc), "wordpiece: %s", e.text);
    return rc != ENC_OK ? ext_code(rc) : p.code;
}

static void destroy(Fts5Tokenizer *t)
{
    if (t == NULL) return;
    ext_model_drop(t->model);
    enc_mem_free(t);
}

static int create(void *ctx, const char **args, int n_args, Fts5Tokenizer **out)
{
    const char *name = n_args > 0 ? args[0] : builtin;
    enc_rc rc = ENC_OK;
    enc_err e;

    (void)ctx;
    enc_err_clear(&e);
    *out = NULL;
    Fts5Tokenizer *t = enc_mem_zero(sizeof *t);
    if (t == NULL) return SQLITE_NOMEM;
    if (n_args > 1)
        rc = enc_fail(&e, ENC_MISUSE,
                      "%d arguments, at most one is taken: a model's name", n_args);
    if (rc == ENC_OK) rc = ext_registry_get(name, strlen(name), &t->model, &e);
    if (rc == ENC_OK) {
        memcpy(t->name, name, strlen(name)); /* as long as a model's name can be */
        *out = t;
        return SQLITE_OK;
    }
    if (rc != ENC_NOMEM) sqlite3_log(ext_code(rc), "wordpiece: %s", e.text);
    destroy(t);
    return ext_code(rc);
}

/* One attempt of find_fts5. */
static int ask_for_fts5(sqlite3 *db, fts5_api **out)
{
    sqlite3_stmt *stmt = NULL;

    *out = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &stmt, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_bind_pointer(stmt, 1, out, "fts5_api_ptr", NULL);
    if (rc == SQLITE_OK) sqlite3_step(stmt);
    int end = sqlite3_finalize(stmt);
    return rc == SQLITE_OK ? end : rc;
}

/* The connection's FTS5, or NULL if it has none. Newer versions of SQLite read the schema
 * to answer. One that cannot be read for good is no reason to refuse the connection,
 * which may be there to mend it; a database that others are writing is waited for, since
 * a connection that is just being opened has nobody yet who would. */
static int find_fts5(sqlite3 *db, fts5_api **out)
{
    const double until = ext_now_ms() + WAIT_MS;
    int rc;

    while (((rc = ask_for_fts5(db, out)) & 0xff) == SQLITE_BUSY && ext_now_ms() < until)
        sqlite3_sleep(PAUSE_MS);
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR: return rc;
    default: sqlite3_exec(db, "", NULL, NULL, NULL); /* forgets the error */
    }
    return SQLITE_OK;
}

int ext_register_fts(sqlite3 *db, ext_conn *conn)
{
    fts5_tokenizer methods = {create, destroy, tokenize};
    fts5_api *api;

    (void)conn;
    int rc = find_fts5(db, &api);
    if (rc != SQLITE_OK || api == NULL || api->iVersion < 2) return rc;
    return api->xCreateTokenizer(api, "wordpiece", NULL, &methods, NULL);
}
