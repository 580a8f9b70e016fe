/* fuzz_json.c - any bytes as JSON, walked to the last value. */
#include "fuzz.h"

#include "base/json.h"
#include "base/limits.h"

#define VALUES_MAX 65536 /* looked at */

typedef struct place {
    enc_json_value *v;
    size_t i;
    const char *key;
} place;

static void look_at(enc_json_value *v)
{
    size_t n = 0;
    const char *text = enc_json_text(v, &n);

    if (text != NULL) fuzz_touch(text, n + 1);
    FUZZ_CLAIM(enc_json_is_text(v) == (text != NULL));
    if (enc_json_is_int(v)) FUZZ_CLAIM(enc_json_is_number(v));
    enc_json_int(v);
    enc_json_number(v);
    enc_json_true(v);
}

/* Every value, however deep: depth is limited where it is parsed. */
static void walk(enc_json_value *root)
{
    place stack[ENC_JSON_DEPTH + 2] = {{.v = root}};
    size_t depth = 0, n = 0;

    while (n++ < VALUES_MAX) {
        place *p = &stack[depth];
        enc_json_value *v =
            enc_json_is_object(p->v)
                ? enc_json_member(p->v, p->i, &p->key)
                : (p->i < enc_json_count(p->v) ? enc_json_at(p->v, p->i) : NULL);
        if (p->i++ == 0) look_at(p->v);
        if (v == NULL && depth == 0) return;
        if (v == NULL) {
            depth--;
            continue;
        }
        if (p->key != NULL) FUZZ_CLAIM(enc_json_get(p->v, p->key) == v);
        FUZZ_CLAIM(depth <= ENC_JSON_DEPTH);
        stack[++depth] = (place){.v = v};
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    enc_json *j;
    enc_err e;
    enc_rc rc;

    enc_err_clear(&e);
    rc = enc_json_open(&j, (enc_bytes){data, n}, "fuzz.json", &e);
    fuzz_answer(rc, &e);
    if (rc == ENC_OK) walk(enc_json_root(j));
    enc_json_close(j);
    FUZZ_CLAIM(enc_mem_live() == 0);
    return 0;
}
