/* corpus.c - see corpus.h. */
#include "learn/corpus.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

#define TRIES        64 /* draws before a wish (another document, one kind) is given up */
#define SENTENCE_MIN 6  /* tokens of a stretch that is worth a vector */
#define QUESTION_MAX 48 /* tokens of a sentence that stands for a question */

static const char *const sentence_ends[] = {".", "?", "!", "。", "？", "！"};

typedef struct span { /* of ids */
    size_t from, to;
} span;

enc_rc enc_corpus_init(enc_corpus *c, const enc_tok *tok, enc_err *e)
{
    const enc_vocab *vocab = enc_tok_vocab(tok);
    c->special = enc_tok_specials(tok);
    c->n_vocab = enc_vocab_size(vocab);
    c->ends_sentence = enc_mem_zero(c->n_vocab);
    if (c->ends_sentence == NULL) return enc_nomem(e);
    for (size_t i = 0; i < sizeof sentence_ends / sizeof *sentence_ends; i++) {
        int32_t id = enc_vocab_find(vocab, sentence_ends[i], strlen(sentence_ends[i]));
        if (id >= 0) c->ends_sentence[id] = 1;
    }
    enc_tokens_init(&c->scratch);
    return ENC_OK;
}

void enc_corpus_clear(enc_corpus *c)
{
    enc_mem_free(c->ids);
    enc_mem_free(c->paragraphs);
    enc_mem_free(c->documents);
    enc_mem_free(c->ends_sentence);
    enc_mem_free(c->weight);
    enc_tokens_clear(&c->scratch);
    memset(c, 0, sizeof *c);
}

static bool is_mostly_ascii(enc_bytes text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) n += text.at[i] < 0x80;
    return 2 * n > text.n;
}

static enc_rc add_paragraph(enc_corpus *c, const enc_tok *tok, enc_bytes line, enc_err *e)
{
    enc_tokens *ts = &c->scratch;
    enc_rc rc = enc_tok_encode(tok, line, (enc_bytes){NULL, 0}, 0, false, ts, e);
    if (rc != ENC_OK || ts->n == 0) return rc;
    if (!enc_mem_reserve((void **)&c->ids, &c->cap_ids, c->n_ids + ts->n,
                         sizeof *c->ids) ||
        !enc_mem_reserve((void **)&c->paragraphs, &c->cap_paragraphs, c->n_paragraphs + 2,
                         sizeof *c->paragraphs))
        return enc_nomem(e);
    c->paragraphs[c->n_paragraphs++] = c->n_ids;
    for (size_t i = 0; i < ts->n; i++) c->ids[c->n_ids++] = ts->at[i].id;
    c->paragraphs[c->n_paragraphs] = c->n_ids;
    return ENC_OK;
}

enc_rc enc_corpus_add(enc_corpus *c, const enc_tok *tok, enc_bytes text, enc_err *e)
{
    enc_document d = {.first = c->n_paragraphs, .is_latin = is_mostly_ascii(text)};
    for (size_t at = 0; at < text.n;) {
        const uint8_t *end = memchr(text.at + at, '\n', text.n - at);
        enc_bytes line = {text.at + at,
                          end != NULL ? (size_t)(end - text.at) - at : text.n - at};
        bool is_title = at == 0 && line.n > 2 && line.at[0] == '#' && line.at[1] == ' ';
        at += line.n + 1;
        if (is_title) line = (enc_bytes){line.at + 2, line.n - 2};
        enc_rc rc = add_paragraph(c, tok, line, e);
        if (rc != ENC_OK) return rc;
        if (is_title) d.has_title = c->n_paragraphs > d.first;
    }
    d.end = c->n_paragraphs;
    if (d.end == d.first) return ENC_OK;
    if (!enc_mem_reserve((void **)&c->documents, &c->cap_documents, c->n_documents + 1,
                         sizeof *c->documents))
        return enc_nomem(e);
    c->documents[c->n_documents++] = d;
    return ENC_OK;
}

void enc_group_start(enc_group *g)
{
    g->n_tokens = g->n_texts = g->n_masked = 0;
    g->failed = false;
}

void enc_group_clear(enc_group *g)
{
    enc_mem_free(g->ids);
    enc_mem_free(g->segments);
    enc_mem_free(g->starts);
    enc_mem_free(g->at);
    enc_mem_free(g->label);
    enc_mem_free(g->is_random);
    memset(g, 0, sizeof *g);
}

static void put(enc_group *g, const int32_t *ids, size_t n, uint8_t segment)
{
    if (!enc_mem_reserve((void **)&g->ids, &g->cap_ids, g->n_tokens + n,
                         sizeof *g->ids) ||
        !enc_mem_reserve((void **)&g->segments, &g->cap_segments, g->n_tokens + n, 1))
        g->failed = true;
    if (g->failed || n == 0) return;
    memcpy(g->ids + g->n_tokens, ids, n * sizeof *ids);
    memset(g->segments + g->n_tokens, segment, n);
    g->n_tokens += n;
}

void enc_group_add(enc_group *g, const enc_tok_special *s, const int32_t *a, size_t n_a,
                   const int32_t *b, size_t n_b, bool is_random)
{
    if (!enc_mem_reserve((void **)&g->starts, &g->cap_starts, g->n_texts + 2,
                         sizeof *g->starts) ||
        !enc_mem_reserve((void **)&g->is_random, &g->cap_random, g->n_texts + 1, 1))
        g->failed = true;
    if (g->failed) return;
    g->starts[g->n_texts] = g->n_tokens;
    g->is_random[g->n_texts] = is_random;
    put(g, &s->cls, 1, 0);
    put(g, a, n_a, 0);
    put(g, &s->sep, 1, 0);
    if (n_b > 0) {
        put(g, b, n_b, 1);
        put(g, &s->sep, 1, 1);
    }
    if (!g->failed) g->starts[++g->n_texts] = g->n_tokens;
}

void enc_group_mask(enc_group *g, const enc_tok_special *s, size_t n_vocab, float rate,
                    enc_rng *rng)
{
    if (g->failed || g->n_texts == 0) return;
    size_t from = g->starts[g->n_texts - 1], need = g->n_masked + g->n_tokens - from;
    if (!enc_mem_reserve((void **)&g->at, &g->cap_at, need, sizeof *g->at) ||
        !enc_mem_reserve((void **)&g->label, &g->cap_label, need, sizeof *g->label)) {
        g->failed = true;
        return;
    }
    for (size_t t = from; t < g->n_tokens; t++) {
        int32_t *id = &g->ids[t];
        if (*id == s->cls || *id == s->sep || enc_rng_unit(rng) >= rate) continue;
        g->at[g->n_masked] = (uint32_t)t;
        g->label[g->n_masked++] = *id;
        float u = enc_rng_unit(rng);
        if (u < 0.8f) *id = s->mask;
        else if (u < 0.9f) *id = (int32_t)enc_rng_below(rng, (uint32_t)n_vocab);
    }
}

/* The last i in [0, n) with start(i) <= at, where starts ascend. */
static size_t paragraph_of(const enc_corpus *c, size_t at)
{
    size_t low = 0, high = c->n_paragraphs;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (c->paragraphs[middle] <= at) low = middle;
        else high = middle;
    }
    return low;
}

static const enc_document *document_of(const enc_corpus *c, size_t paragraph)
{
    size_t low = 0, high = c->n_documents;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (c->documents[middle].first <= paragraph) low = middle;
        else high = middle;
    }
    return &c->documents[low];
}

/* A token of the corpus, all equally likely, and the paragraph and document it is in. */
static size_t draw_place(const enc_corpus *c, enc_rng *rng, size_t *paragraph,
                         const enc_document **d)
{
    size_t at = (size_t)(enc_rng_u64(rng) % c->n_ids);
    *paragraph = paragraph_of(c, at);
    *d = document_of(c, *paragraph);
    if ((*d)->has_title && *paragraph == (*d)->first && (*d)->end - (*d)->first > 1)
        at = c->paragraphs[++*paragraph];
    return at;
}

/* The place after the next end of a sentence at or after `at`, or `end`. */
static size_t after_sentence(const enc_corpus *c, size_t at, size_t end)
{
    while (at < end && !c->ends_sentence[c->ids[at]]) at++;
    return at < end ? at + 1 : end;
}

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A boundary inside a document: the start of a paragraph or of a sentence. */
static size_t draw_boundary(const enc_corpus *c, enc_rng *rng, const enc_document **d)
{
    size_t paragraph, at = draw_place(c, rng, &paragraph, d);
    size_t end = c->paragraphs[paragraph + 1];
    if (enc_rng_below(rng, 2) == 0) return c->paragraphs[paragraph];
    at = after_sentence(c, at, end);
    return at < end ? at : c->paragraphs[paragraph];
}

static size_t body_start(const enc_corpus *c, const enc_document *d)
{
    bool has_body = d->has_title && d->end - d->first > 1;
    return c->paragraphs[d->first + (has_body ? 1 : 0)];
}

void enc_corpus_draw(const enc_corpus *c, enc_rng *rng, size_t n_max, enc_group *g)
{
    const enc_document *d, *other;
    size_t cut = 0, next = 0, n = n_max - 3;
    size_t n_a = n / 4 + enc_rng_below(rng, (uint32_t)(n / 2 + 1)), n_b = n - n_a;
    bool is_random = enc_rng_below(rng, 2) == 0;
    for (int i = 0; i < TRIES; i++) {
        cut = draw_boundary(c, rng, &d);
        if (cut >= body_start(c, d) + SENTENCE_MIN) break;
    }
    size_t from = body_start(c, d), to = c->paragraphs[d->end];
    if (cut < from) cut = from;
    other = d, next = cut;
    for (int i = 0; is_random && i < TRIES; i++) {
        next = draw_boundary(c, rng, &other);
        if (other != d && other->is_latin == d->is_latin) break;
    }
    is_random = other != d;
    if (!is_random) next = cut; /* there is no other, or it was not found */
    if (is_random) to = c->paragraphs[other->end];
    if (cut - from < n_a) n_b = n - (n_a = cut - from);
    n_b = min(n_b, to - next);
    if (n_a == 0) { /* a document of one sentence */
        enc_group_add(g, &c->special, c->ids + next, n_b, NULL, 0, is_random);
        return;
    }
    if (n_a + n_b < n) n_a = min(cut - from, n - n_b);
    enc_group_add(g, &c->special, c->ids + cut - n_a, n_a, c->ids + next, n_b, is_random);
}

/* Adds ids [from, to), at most n_max with the special tokens, each left out with
 * probability `drop`, and those of [skip.from, skip.to) always. */
static void add_text(const enc_corpus *c, enc_rng *rng, span s, span skip, float drop,
                     size_t n_max, enc_group *g)
{
    int32_t ids[512];
    size_t n = 0, room = min(n_max - 2, sizeof ids / sizeof *ids);
    for (size_t i = s.from; i < s.to && n < room; i++)
        if ((i < skip.from || i >= skip.to) &&
            (drop == 0.0f || enc_rng_unit(rng) >= drop))
            ids[n++] = c->ids[i];
    if (n == 0 && s.from < s.to) ids[n++] = c->ids[s.from];
    enc_group_add(g, &c->special, ids, n, NULL, 0, false);
}

/* A sentence of a paragraph, or as much of it as fits. */
static span draw_sentence(const enc_corpus *c, enc_rng *rng, span paragraph)
{
    span s = {paragraph.from, paragraph.to};
    for (int i = 0; i < 8; i++) {
        size_t n = paragraph.to - paragraph.from;
        size_t at = paragraph.from + (size_t)(enc_rng_u64(rng) % n);
        s.from = after_sentence(c, at, paragraph.to);
        if (s.from == paragraph.to) s.from = paragraph.from;
        s.to = after_sentence(c, s.from, paragraph.to);
        if (s.to - s.from >= SENTENCE_MIN) break;
    }
    return s;
}

size_t enc_corpus_draw_document(const enc_corpus *c, enc_rng *rng, bool is_latin)
{
    const enc_document *d = c->documents;
    size_t i;
    for (int try = 0; try < TRIES; try++) {
        draw_place(c, rng, &i, &d);
        if (d->is_latin == is_latin && d->end - d->first > ENC_PAIRS_PER_DOCUMENT) break;
    }
    return (size_t)(d - c->documents);
}

/* The nth of ENC_PAIRS_PER_DOCUMENT paragraphs that lie far from each other, or one after
 * it that is long enough. */
static size_t draw_paragraph(const enc_corpus *c, enc_rng *rng, const enc_document *d,
                             size_t nth)
{
    size_t first = d->first + (d->has_title && d->end - d->first > 1 ? 1 : 0);
    size_t n = d->end - first, from = n * nth / ENC_PAIRS_PER_DOCUMENT,
           to = n * (nth + 1) / ENC_PAIRS_PER_DOCUMENT;
    size_t i = from + (to > from ? enc_rng_below(rng, (uint32_t)(to - from)) : 0);
    for (size_t k = 0; k < n; k++) {
        size_t at = first + (i + k) % n;
        if (c->paragraphs[at + 1] - c->paragraphs[at] >= 2 * SENTENCE_MIN) return at;
    }
    return first + i;
}

/* A sentence and the stretch of its paragraph it is in: nine times in ten without the
 * sentence, or whole, and then with words left out of the sentence, as of a question. */
static void draw_question(const enc_corpus *c, enc_rng *rng, span p, size_t n_max,
                          enc_group *g)
{
    const span none = {0, 0};
    span s = draw_sentence(c, rng, p), around = p;
    bool is_whole = s.to - s.from == p.to - p.from || enc_rng_below(rng, 2) == 0;
    size_t before = min(s.from - p.from, enc_rng_below(rng, (uint32_t)n_max));
    around.from = s.from - before;
    add_text(c, rng, s, none, is_whole ? 0.4f : 0.0f, min(n_max, QUESTION_MAX), g);
    bool is_without = !is_whole && enc_rng_below(rng, 10) != 0;
    add_text(c, rng, is_without ? p : around, is_without ? s : none, 0.0f, n_max, g);
}

void enc_corpus_draw_pair(const enc_corpus *c, enc_rng *rng, size_t document, size_t nth,
                          size_t n_max, enc_group *g)
{
    const enc_document *d = &c->documents[document];
    size_t i = draw_paragraph(c, rng, d, nth);
    const span none = {0, 0}, p = {c->paragraphs[i], c->paragraphs[i + 1]};
    uint32_t kind = enc_rng_below(rng, 8);
    if (kind == 0 && nth == 0 && d->has_title && d->end - d->first > 1) {
        size_t lead = d->first + 1; /* title and lead */
        add_text(c, rng, (span){c->paragraphs[d->first], c->paragraphs[lead]}, none, 0.0f,
                 n_max, g);
        add_text(c, rng, (span){c->paragraphs[lead], c->paragraphs[lead + 1]}, none, 0.0f,
                 n_max, g);
    } else if (kind <= 1 && i + 1 < d->end) { /* neighbours */
        add_text(c, rng, p, none, 0.0f, n_max, g);
        add_text(c, rng, (span){p.to, c->paragraphs[i + 2]}, none, 0.0f, n_max, g);
    } else if (kind == 2) { /* halves */
        size_t n = p.to - p.from,
               cut = p.from + n / 4 + (size_t)(enc_rng_u64(rng) % (n / 2 + 1));
        add_text(c, rng, (span){p.from, cut}, none, 0.0f, n_max, g);
        add_text(c, rng, (span){cut, p.to}, none, 0.0f, n_max, g);
    } else if (kind <= 5) {
        draw_question(c, rng, p, n_max, g);
    } else { /* one sentence twice, words left out */
        span s = draw_sentence(c, rng, p);
        add_text(c, rng, s, none, 0.2f, n_max, g);
        add_text(c, rng, s, none, 0.2f, n_max, g);
    }
}

enc_rc enc_corpus_weigh(enc_corpus *c, enc_ask *ask, enc_err *e)
{
    size_t *seen = enc_mem_zero_array(c->n_vocab, sizeof *seen);
    c->weight = enc_mem_zero_array(c->n_vocab, sizeof *c->weight);
    if (seen == NULL || c->weight == NULL) {
        enc_mem_free(seen);
        return enc_nomem(e);
    }
    for (size_t i = 0; i < c->n_paragraphs; i++) {
        for (size_t t = c->paragraphs[i]; t < c->paragraphs[i + 1]; t++) {
            int32_t id = c->ids[t];
            if (seen[id] != i + 1) c->weight[id] += 1.0f;
            seen[id] = i + 1;
        }
        if (enc_ask_on(ask, (c->paragraphs[i + 1] - c->paragraphs[i]) / 64 + 1)) break;
    }
    for (size_t i = 0; i < c->n_vocab; i++)
        c->weight[i] = logf((float)(c->n_paragraphs + 1) / (c->weight[i] + 1.0f)) + 1.0f;
    enc_mem_free(seen);
    return enc_ask_rc(ask, e);
}

/* Cosine of two bags of pieces, weighted; n up to 512 each, so by trying all. */
static float overlap(const enc_corpus *c, const int32_t *a, size_t n_a, const int32_t *b,
                     size_t n_b)
{
    float ab = 0.0f, aa = 0.0f, bb = 0.0f;
    for (size_t i = 0; i < n_a; i++) {
        float w = c->weight[a[i]] * c->weight[a[i]];
        for (size_t k = 0; k < n_a; k++) aa += a[i] == a[k] ? w : 0.0f;
        for (size_t k = 0; k < n_b; k++) ab += a[i] == b[k] ? w : 0.0f;
    }
    for (size_t i = 0; i < n_b; i++)
        for (size_t k = 0; k < n_b; k++)
            bb += b[i] == b[k] ? c->weight[b[i]] * c->weight[b[i]] : 0.0f;
    return aa > 0.0f && bb > 0.0f ? ab / sqrtf(aa * bb) : 0.0f;
}

float enc_corpus_draw_graded(const enc_corpus *c, enc_rng *rng, bool is_latin,
                             size_t n_max, enc_group *g)
{
    int32_t ids[512];
    const enc_document *d = &c->documents[enc_corpus_draw_document(c, rng, is_latin)];
    size_t i = draw_paragraph(c, rng, d, enc_rng_below(rng, ENC_PAIRS_PER_DOCUMENT));
    size_t k = draw_paragraph(c, rng, d, enc_rng_below(rng, ENC_PAIRS_PER_DOCUMENT));
    span s = draw_sentence(c, rng, (span){c->paragraphs[i], c->paragraphs[i + 1]});
    span o = draw_sentence(c, rng, (span){c->paragraphs[k], c->paragraphs[k + 1]});
    size_t room = min(min(n_max, QUESTION_MAX) - 2, sizeof ids / sizeof *ids), n = 0;
    s.to = min(s.to, s.from + room);
    float kept = enc_rng_unit(rng), at = 0.0f;
    float step = (float)(o.to - o.from) / (float)(s.to - s.from);
    for (size_t t = s.from; t < s.to; t++, at += step) {
        size_t other = o.from + (size_t)at;
        if (enc_rng_unit(rng) < kept) ids[n++] = c->ids[t];
        else if (enc_rng_below(rng, 2) == 0 && other < o.to) ids[n++] = c->ids[other];
    }
    if (n == 0) ids[n++] = c->ids[o.from];
    enc_group_add(g, &c->special, c->ids + s.from, s.to - s.from, NULL, 0, false);
    enc_group_add(g, &c->special, ids, n, NULL, 0, false);
    return overlap(c, c->ids + s.from, s.to - s.from, ids, n);
}
