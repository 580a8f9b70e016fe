/* tok.c - see tok.h: making a tokenizer, and asking it. */
#include "text/tok_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"

/* ---- making one ---- */

static size_t added_at(const enc_tok *t, int32_t id)
{
    size_t low = 0, high = t->n_added;
    while (low < high) {
        size_t i = low + (high - low) / 2;
        if (t->added[i].id < id) low = i + 1;
        else high = i;
    }
    return low;
}

const enc_tok_added *enc_tok_find_added(const enc_tok *t, int32_t id)
{
    size_t i = added_at(t, id);
    return i < t->n_added && t->added[i].id == id ? t->added + i : NULL;
}

enc_rc enc_tok_add(enc_tok *t, enc_tok_added added, enc_err *e)
{
    size_t i = added_at(t, added.id);
    if (i < t->n_added && t->added[i].id == added.id) {
        if (added.is_special) t->added[i].is_special = true;
        return ENC_OK;
    }
    void *array = t->added;
    if (!enc_mem_reserve(&array, &t->cap_added, t->n_added + 1, sizeof *t->added))
        return enc_nomem(e);
    t->added = array;
    memmove(t->added + i + 1, t->added + i, (t->n_added - i) * sizeof *t->added);
    t->added[i] = added;
    t->n_added++;
    return ENC_OK;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20u : c;
}

/* The vocabulary of those added tokens that are, or are not, folded; NULL if none is. */
static enc_rc make_finder(enc_tok *t, bool folded, enc_vocab **out, enc_err *e)
{
    enc_arena arena;
    enc_rc rc = ENC_OK;
    size_t n = 0;
    enc_arena_init(&arena);
    enc_bytes *texts = enc_mem_zero_array(t->n_added, sizeof *texts);
    if (texts == NULL) return enc_nomem(e);
    for (size_t i = 0; i < t->n_added && rc == ENC_OK; i++) {
        if (t->added[i].is_folded != folded) continue;
        enc_bytes piece = enc_vocab_piece(t->vocab, t->added[i].id);
        if (piece.n == 0) continue;
        char *text = enc_arena_text(&arena, (const char *)piece.at, piece.n);
        if (text == NULL) {
            rc = enc_nomem(e);
            continue;
        }
        t->begins[piece.at[0]] = true;
        if (folded) {
            for (size_t k = 0; k < piece.n; k++) text[k] = (char)lower((uint8_t)text[k]);
            uint8_t first = (uint8_t)text[0];
            t->begins[first] = true;
            if (first >= 'a' && first <= 'z') t->begins[first & ~0x20] = true;
        }
        texts[i] = (enc_bytes){(const uint8_t *)text, piece.n};
        n++;
    }
    if (rc == ENC_OK && n > 0)
        rc = enc_vocab_new(out, texts, t->n_added, "added_tokens", e);
    enc_mem_free(texts);
    enc_arena_clear(&arena);
    return rc;
}

enc_rc enc_tok_add_step(enc_tok *t, enc_step step, enc_err *e)
{
    void *steps = t->steps;
    if (t->n_steps == ENC_STEPS_MAX)
        return enc_fail(e, ENC_RANGE, "tokenizer.json has more than %d steps",
                        ENC_STEPS_MAX);
    if (!enc_mem_reserve(&steps, &t->cap_steps, t->n_steps + 1, sizeof step))
        return enc_nomem(e);
    t->steps = steps;
    t->steps[t->n_steps++] = step;
    return ENC_OK;
}

const enc_step *enc_tok_mark(const enc_tok *t)
{
    if (t->n_steps == 0 || t->steps[t->n_steps - 1].kind != ENC_STEP_MARK) return NULL;
    return &t->steps[t->n_steps - 1];
}

/* Scores are of all ids; what is special is no piece of a word. */
static enc_rc finish_unigram(enc_tok *t, enc_err *e)
{
    size_t n = enc_vocab_size(t->vocab);
    double least = 0;
    bool is_first = true;

    for (size_t i = 0; i < n; i++) {
        if (t->scores[i] == ENC_UNIGRAM_NEVER) continue;
        if (is_first || t->scores[i] < least) least = t->scores[i];
        is_first = false;
    }
    if (t->special.unk < 0)
        return enc_fail(e, ENC_UNSUPPORTED,
                        "a Unigram vocabulary without an unknown piece"
                        " is not supported");
    for (size_t i = 0; i < t->n_added; i++)
        if (t->added[i].is_special) t->scores[t->added[i].id] = ENC_UNIGRAM_NEVER;
    t->least_score = least;
    for (unsigned i = 0; i < 256; i++) {
        char name[8];
        const int length = snprintf(name, sizeof name, "<0x%02X>", i);
        t->bytes[i] = enc_vocab_find(t->vocab, name, (size_t)length);
    }
    t->unigram = (enc_unigram){t->vocab, t->scores, least - ENC_UNIGRAM_PENALTY,
                               t->special.unk, t->spells_unknown ? t->bytes : NULL};
    return ENC_OK;
}

enc_rc enc_tok_finish(enc_tok *t, enc_err *e)
{
    bool is_wordpiece = t->kind == ENC_TOK_WORDPIECE;
    const struct {
        const char *name;
        int32_t id;
        bool is_needed;
    } specials[] = {{"[UNK]", t->special.unk, is_wordpiece},
                    {"[CLS]", t->special.cls, is_wordpiece},
                    {"[SEP]", t->special.sep, is_wordpiece},
                    {"[PAD]", t->special.pad, false},
                    {"[MASK]", t->special.mask, false}};
    enc_rc rc = ENC_OK;
    for (size_t i = 0; i < sizeof specials / sizeof *specials && rc == ENC_OK; i++) {
        if (specials[i].id < 0 && specials[i].is_needed)
            return enc_fail(e, ENC_CORRUPT, "vocabulary has no %s", specials[i].name);
        if (specials[i].id >= 0)
            rc = enc_tok_add(t, (enc_tok_added){.id = specials[i].id, .is_special = true},
                             e);
    }
    if (rc == ENC_OK && t->kind == ENC_TOK_UNIGRAM) rc = finish_unigram(t, e);
    if (rc == ENC_OK) rc = make_finder(t, false, &t->as_is, e);
    if (rc == ENC_OK) rc = make_finder(t, true, &t->folded, e);
    return rc;
}

enc_rc enc_tok_new(enc_tok **out, enc_vocab *vocab, enc_norm_rules rules, enc_err *e)
{
    *out = NULL;
    enc_tok *t = enc_mem_zero(sizeof *t);
    if (t == NULL) {
        enc_vocab_free(vocab);
        return enc_nomem(e);
    }
    t->vocab = vocab;
    t->rules = rules;
    memcpy(t->prefix, "##", 3);
    t->word_max = ENC_WORD_MAX;
    t->special = (enc_tok_special){.pad = enc_vocab_find(vocab, "[PAD]", 5),
                                   .unk = enc_vocab_find(vocab, "[UNK]", 5),
                                   .cls = enc_vocab_find(vocab, "[CLS]", 5),
                                   .sep = enc_vocab_find(vocab, "[SEP]", 5),
                                   .mask = enc_vocab_find(vocab, "[MASK]", 6)};
    t->one = enc_template_of(ENC_TEMPLATE_BERT, t->special.cls, t->special.sep, false);
    t->two = enc_template_of(ENC_TEMPLATE_BERT, t->special.cls, t->special.sep, true);
    enc_rc rc = enc_tok_finish(t, e);
    if (rc == ENC_OK) {
        *out = t;
        t = NULL;
    }
    enc_tok_close(t);
    return rc;
}

void enc_tok_make_bare(enc_tok *t, bool drops_unknown)
{
    t->one = enc_template_of(ENC_TEMPLATE_NONE, -1, -1, false);
    t->two = enc_template_of(ENC_TEMPLATE_NONE, -1, -1, true);
    t->drops_unknown = drops_unknown;
}

void enc_tok_close(enc_tok *t)
{
    if (t == NULL) return;
    enc_vocab_free(t->vocab);
    enc_vocab_free(t->as_is);
    enc_vocab_free(t->folded);
    enc_bpe_free(t->bpe);
    enc_charsmap_free(t->map);
    enc_arena_clear(&t->arena);
    enc_mem_free(t->steps);
    enc_mem_free(t->scores);
    enc_mem_free(t->added);
    enc_mem_free(t);
}

/* ---- asking ---- */

enc_tok_kind enc_tok_kind_of(const enc_tok *t)
{
    return t->kind;
}

const enc_vocab *enc_tok_vocab(const enc_tok *t)
{
    return t->vocab;
}

enc_tok_special enc_tok_specials(const enc_tok *t)
{
    return t->special;
}

enc_norm_rules enc_tok_rules(const enc_tok *t)
{
    return t->rules;
}

const char *enc_tok_prefix(const enc_tok *t)
{
    return t->prefix;
}

size_t enc_tok_max(const enc_tok *t)
{
    return t->max;
}

bool enc_tok_is_special(const enc_tok *t, int32_t id)
{
    const enc_tok_added *added = enc_tok_find_added(t, id);
    return added != NULL && added->is_special;
}
