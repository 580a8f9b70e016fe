/* reference.h - what the programs test_reference*.c share: the cases of Hugging Face's
 * tests in tokenizers/reference_cases.json, and how one is checked. Needs the shared
 * data: $ENCODER_SHARED or ../shared/data. */
#ifndef REFERENCE_H
#define REFERENCE_H

#include "text/tok.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "check.h"

static const char *shared;
static int n_skipped;

/* Whether the shared data is there; says so if it is not. */
static inline bool reference_begins(void)
{
    char path[1024];
    FILE *probe;
    shared = getenv("ENCODER_SHARED");
    if (shared == NULL) shared = "../shared/data";
    snprintf(path, sizeof path, "%s/tokenizers/reference_cases.json", shared);
    probe = fopen(path, "rb");
    if (probe == NULL) {
        printf("reference: 0 passed, 0 failed, 1 skipped (no %s)\n", path);
        return false;
    }
    fclose(probe);
    return true;
}

static inline int reference_done(void)
{
    CHECK(enc_mem_live() == 0);
    printf("reference: %d passed, %d failed, %d skipped\n", check_passed, check_failed,
           n_skipped);
    return check_failed != 0;
}

/* Maps a file of the shared data; exits the test if it is not there. */
static inline enc_map *map(const char *name)
{
    char path[1024];
    enc_map *m;
    enc_err e;
    enc_err_clear(&e);
    snprintf(path, sizeof path, "%s/%s", shared, name);
    if (enc_map_open(&m, path, 64 << 20, &e) == ENC_OK) return m;
    CHECK_SAY(false, "%s", e.text);
    exit(reference_done());
}

/* The text of a case, with its NULs back: see open_cases. */
static inline enc_bytes text_of(enc_json_value *v, char *room, size_t n_room)
{
    size_t n, n_out = 0;
    const char *text = enc_json_text(v, &n);
    if (text == NULL || n > n_room) return (enc_bytes){NULL, 0};
    for (size_t i = 0; i < n; i++) {
        bool is_nul = n - i >= 3 && memcmp(text + i, "\xee\x80\x80", 3) == 0;
        room[n_out++] = (char)(is_nul ? 0 : text[i]);
        if (is_nul) i += 2;
    }
    return (enc_bytes){(const uint8_t *)room, n_out};
}

/* Places must be in order, inside the text, and nowhere empty. */
static inline bool are_places_sound(const enc_tokens *ts, enc_bytes a, enc_bytes b)
{
    uint32_t before[2] = {0, 0};
    for (size_t i = 0; i < ts->n; i++) {
        const enc_token *t = ts->at + i;
        if (t->is_special) continue;
        if (t->start < before[t->segment] || t->end <= t->start) return false;
        if (t->end > (t->segment == 0 ? a.n : b.n)) return false;
        before[t->segment] = t->start;
    }
    return true;
}

static inline void check_case(const enc_tok *t, const char *model, const char *name,
                              enc_json_value *one)
{
    enc_json_value *ids = enc_json_get(one, "ids");
    static char room[2][1 << 16];
    enc_bytes a = text_of(enc_json_get(one, "text"), room[0], sizeof *room);
    enc_bytes b = text_of(enc_json_get(one, "text_pair"), room[1], sizeof *room);
    enc_tokens ts;
    enc_err e;
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    enc_rc rc = enc_tok_encode(t, a, b, 0, true, &ts, &e);
    size_t same = 0;
    while (same < ts.n && enc_json_int(enc_json_at(ids, same)) == ts.at[same].id &&
           same < enc_json_count(ids))
        same++;
    CHECK_SAY(rc == ENC_OK && ts.n == enc_json_count(ids) && same == ts.n,
              "%s %s: %zu ids instead of %zu, the first %zu agree", model, name, ts.n,
              enc_json_count(ids), same);
    CHECK_SAY(are_places_sound(&ts, a, b), "%s %s: places", model, name);
    enc_tokens_clear(&ts);
}

/* One case has a NUL in it, which our JSON does not allow: it travels as U+E000, which
 * the file has nowhere else. */
static inline enc_rc open_cases(enc_json **out, enc_bytes text, enc_err *e)
{
    char *copy = malloc(text.n + 1), *at = copy;
    memcpy(copy, text.at, text.n);
    copy[text.n] = '\0';
    CHECK(strstr(copy, "ue000") == NULL && strstr(copy, "\xee\x80\x80") == NULL);
    while ((at = strstr(at, "\\u0000")) != NULL) memcpy(at, "\\ue000", 6);
    enc_rc rc = enc_json_open(out, (enc_bytes){(uint8_t *)copy, text.n}, "cases", e);
    free(copy);
    return rc;
}

/* One text of llama.cpp's cases: `line` is its ids, without special tokens. */
static inline void check_ggml_line(const enc_tok *t, const char *name, enc_bytes text,
                                   const char *line, size_t number)
{
    enc_tokens ts;
    enc_err e;
    char *end;
    size_t same = 0, n = 0;
    enc_err_clear(&e);
    enc_tokens_init(&ts);
    CHECK(enc_tok_encode(t, text, (enc_bytes){NULL, 0}, 0, false, &ts, &e) == ENC_OK);
    for (;; n++) {
        while (*line == ' ') line++;
        long id = strtol(line, &end, 10);
        if (end == line || *line == '\n') break;
        same += n < ts.n && ts.at[n].id == id;
        line = end;
    }
    CHECK_SAY(n == ts.n && same == n, "%s %zu: %zu ids instead of %zu, %zu agree", name,
              number, ts.n, n, same);
    enc_tokens_clear(&ts);
}

/* All of ggml-vocab-NAME.gguf.inp and .out. */
static inline void check_ggml_cases(const enc_tok *t, const char *name)
{
    static const char between[] = "\n__ggml_vocab_test__\n";
    char path[2][128];
    for (int i = 0; i < 2; i++)
        snprintf(path[i], sizeof *path, "tokenizers/gguf/ggml-vocab-%s.gguf.%s", name,
                 i == 0 ? "inp" : "out");
    enc_map *in = map(path[0]), *out = map(path[1]);
    enc_bytes texts = enc_map_bytes(in), ids = enc_map_bytes(out);
    size_t number = 0;
    char *lines = calloc(ids.n + 1, 1), *line = lines;
    memcpy(lines, ids.at, ids.n);
    while (line != NULL && *line != '\0') {
        const uint8_t *stop = memmem(texts.at, texts.n, between, sizeof between - 1);
        size_t n = stop != NULL ? (size_t)(stop - texts.at) : texts.n;
        check_ggml_line(t, name, (enc_bytes){texts.at, n}, line, ++number);
        line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL;
        if (stop == NULL) break;
        texts.at = stop + sizeof between - 1;
        texts.n -= n + sizeof between - 1;
    }
    CHECK_SAY(number > 40 && (line == NULL || *line == '\0'), "%s: %zu texts", name,
              number);
    free(lines);
    enc_map_close(in);
    enc_map_close(out);
}

#endif
