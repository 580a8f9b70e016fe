/* A model's files: the same from a directory, a blob and a mapped file; shards; refusals.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/map.h"
#include "check.h"
#include "lib/faults.h"
#include "lib/tiny.h"

static char scratch[256];

static const char *path_of(const char *name)
{
    static char path[1024];

    snprintf(path, sizeof path, "%s/%s", scratch, name);
    return path;
}

static void put(const char *name, const char *text)
{
    enc_err e;

    enc_err_clear(&e);
    CHECK_SAY(tiny_put(path_of(name), text, strlen(text), &e) == ENC_OK, "%s", e.text);
}

/* A shard with one F32 tensor of one value. */
static void put_shard(const char *file, const char *tensor)
{
    const enc_tensor t = {tensor, ENC_F32, 1, {1}, (const uint8_t *)"abcd", 4};
    enc_err e;
    enc_wr w;

    enc_err_clear(&e);
    enc_wr_init(&w);
    enc_sft_write(&w, &t, 1, NULL, 0);
    CHECK(tiny_put(path_of(file), w.at, w.n, &e) == ENC_OK);
    enc_wr_clear(&w);
}

static bool is_text(enc_bytes b, const char *text)
{
    return b.at != NULL && b.n == strlen(text) && memcmp(b.at, text, b.n) == 0;
}

static void all_forms_hold_the_same(void)
{
    enc_files *f[3] = {NULL, NULL, NULL};
    enc_err e;
    enc_wr w;

    enc_err_clear(&e);
    enc_wr_init(&w);
    CHECK(tiny_blob(TINY_SEED, ENC_F32, &w, &e) == ENC_OK);
    CHECK(tiny_put(path_of("whole.safetensors"), w.at, w.n, &e) == ENC_OK);
    CHECK(tiny_directory(TINY_SEED, ENC_F32, path_of("tiny"), &e) == ENC_OK);
    CHECK(enc_files_open_blob(&f[0], (enc_bytes){w.at, w.n}, true, &e) == ENC_OK);
    memset(w.at, 0, w.n); /* it was copied */
    CHECK(enc_files_open_directory(&f[1], path_of("whole.safetensors"), &e) == ENC_OK);
    CHECK(enc_files_open_directory(&f[2], path_of("tiny"), &e) == ENC_OK);
    CHECK(strcmp(enc_files_where(f[0]), "a blob") == 0);
    CHECK(strcmp(enc_files_where(f[2]), path_of("tiny")) == 0);
    for (size_t i = 0; i < 3; i++) {
        enc_bytes text, again;

        CHECK(enc_files_tensor_count(f[i]) == 0 && enc_files_tensor(f[i], "x") == NULL);
        CHECK_SAY(enc_files_open_tensors(f[i], &e) == ENC_OK, "%s", e.text);
        CHECK(enc_files_tensor_count(f[i]) == 48);
        CHECK(enc_files_tensor(f[i], "pooler.dense.bias") != NULL);
        CHECK(enc_files_tensor(f[i], "pooler.dense.bia") == NULL);
        CHECK(enc_files_get(f[i], "1_Pooling/config.json", 1000, &text, &e) == ENC_OK);
        CHECK(text.n > 0 && memmem(text.at, text.n, "pooling_mode", 12) != NULL);
        CHECK(enc_files_get(f[i], "1_Pooling/config.json", 1000, &again, &e) == ENC_OK);
        CHECK(again.at == text.at);
        CHECK(enc_files_get(f[i], "absent.json", 1000, &text, &e) == ENC_OK);
        CHECK(text.at == NULL && text.n == 0);
        CHECK(is_text(enc_files_metadata(f[i], "note"), "tiny") == (i < 2));
        enc_err_clear(&e);
        CHECK(enc_files_get(f[i], "vocab.txt", 10, &text, &e) == ENC_RANGE);
        CHECK_SAY(strstr(e.text, "limit 10") != NULL, "%s", e.text);
        enc_err_clear(&e);
        enc_files_close(f[i]);
    }
    enc_wr_clear(&w);
    enc_files_close(NULL);
    CHECK(enc_files_open_blob(&f[0], (enc_bytes){NULL, 0}, true, &e) == ENC_CORRUPT);
    CHECK(strcmp(e.text, "model blob is empty") == 0);
}

static void an_empty_file_is_there(void)
{
    enc_files *f = NULL;
    enc_bytes text;
    enc_err e;

    enc_err_clear(&e);
    put("vocab.txt", "");
    CHECK(enc_files_open_directory(&f, scratch, &e) == ENC_OK);
    CHECK(enc_files_get(f, "vocab.txt", 10, &text, &e) == ENC_OK);
    CHECK(text.at != NULL && text.n == 0);
    enc_files_close(f);
}

/* Opens the tensors of the scratch directory. */
static enc_rc open_tensors(enc_err *e, size_t *n)
{
    enc_files *f = NULL;

    enc_err_clear(e);
    CHECK(enc_files_open_directory(&f, scratch, e) == ENC_OK);
    enc_rc rc = enc_files_open_tensors(f, e);
    *n = rc == ENC_OK ? enc_files_tensor_count(f) : 0;
    if (rc == ENC_OK) CHECK(enc_files_tensor(f, "a") != NULL);
    enc_files_close(f);
    return rc;
}

#define INDEX "model.safetensors.index.json"

static void shards_are_found_by_their_index(void)
{
    enc_err e;
    size_t n;

    put_shard("m-1.safetensors", "a");
    put_shard("m-2.safetensors", "b");
    put(INDEX, "{\"metadata\": {\"total_size\": 8}, \"weight_map\": {\"a\": "
               "\"m-1.safetensors\", \"b\": \"m-2.safetensors\"}}");
    CHECK_SAY(open_tensors(&e, &n) == ENC_OK && n == 2, "%s", e.text);
}

static void a_bad_index_is_refused(void)
{
    static const struct {
        const char *text, *says;
        enc_rc rc;
    } bad[] = {
        {"{\"weight_map\": {\"a\": \"../m-1.safetensors\"}}", "is no file name",
         ENC_CORRUPT},
        {"{\"weight_map\": {\"a\": \"/etc/passwd\"}}", "is no file name", ENC_CORRUPT},
        {"{\"weight_map\": {\"a\": \"..\"}}", "is no file name", ENC_CORRUPT},
        {"{\"weight_map\": {\"a\": \"\"}}", "is no file name", ENC_CORRUPT},
        {"{\"weight_map\": {\"a\": 1}}", "is no file name", ENC_CORRUPT},
        {"{\"weight_map\": []}", "missing \"weight_map\"", ENC_CORRUPT},
        {"{}", "missing \"weight_map\"", ENC_CORRUPT},
        {"{\"weight_map\": {\"a\": \"m-2.safetensors\"}}", "tensor a is not in m-2",
         ENC_CORRUPT},
        {"{\"weight_map\": {\"a\": \"m-3.safetensors\"}}", "No such file", ENC_IO},
        {"{\"weight_map\": {\"a\": \"m-1.safetensors\", \"c\": \"m-4.safetensors\"}}",
         "m-4.safetensors is empty", ENC_CORRUPT},
        {"{\"weight_map\"", INDEX ": line 1", ENC_CORRUPT},
        {"", INDEX " is empty", ENC_CORRUPT},
    };
    enc_err e;
    size_t n;

    put("m-4.safetensors", "");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put(INDEX, bad[i].text);
        CHECK_SAY(open_tensors(&e, &n) == bad[i].rc, "%s: %s", bad[i].text, e.text);
        CHECK_SAY(strstr(e.text, bad[i].says) != NULL, "%s: %s", bad[i].text, e.text);
    }
    put_shard("m-5.safetensors", "a");
    put(INDEX,
        "{\"weight_map\": {\"a\": \"m-5.safetensors\", \"b\": \"m-2.safetensors\"}}");
    CHECK(open_tensors(&e, &n) == ENC_OK && n == 2);
    put_shard("m-2.safetensors", "a");
    put(INDEX, "{\"weight_map\": {\"a\": \"m-5.safetensors\"}}");
    CHECK(open_tensors(&e, &n) == ENC_OK && n == 1);
    unlink(path_of(INDEX));
    CHECK(open_tensors(&e, &n) == ENC_IO);
    CHECK_SAY(strstr(e.text, "model.safetensors missing in") != NULL, "%s", e.text);
    put("pytorch_model.bin", "PK");
    CHECK(open_tensors(&e, &n) == ENC_UNSUPPORTED);
    CHECK_SAY(strstr(e.text, "PyTorch pickle files are not supported") != NULL, "%s",
              e.text);
    put_shard("model.safetensors", "a"); /* the one file goes before everything */
    CHECK(open_tensors(&e, &n) == ENC_OK && n == 1);
}

/* The scratch directory's tensors, of which so many bytes are allowed. */
static enc_rc open_limited(const char *path, size_t n_max, enc_err *e)
{
    const enc_files_terms terms = {.weights_max = n_max, .is_read = true};
    enc_files *f = NULL;

    enc_err_clear(e);
    enc_rc rc = enc_files_open_path(&f, path, &terms, e);
    if (rc == ENC_OK) rc = enc_files_open_tensors(f, e);
    enc_files_close(f);
    return rc;
}

static size_t size_of(const char *name)
{
    struct stat st;
    CHECK(stat(path_of(name), &st) == 0);
    return (size_t)st.st_size;
}

static void weights_are_limited_together(void)
{
    char path[1024], sum[32];
    enc_err e;

    unlink(path_of("model.safetensors"));
    put_shard("m-1.safetensors", "a");
    put_shard("m-2.safetensors", "b");
    put(INDEX,
        "{\"weight_map\": {\"a\": \"m-1.safetensors\", \"b\": \"m-2.safetensors\"}}");
    size_t n = size_of("m-1.safetensors"), n_all = n + size_of("m-2.safetensors");
    CHECK_SAY(open_limited(scratch, n_all, &e) == ENC_OK, "%s", e.text);
    CHECK(open_limited(scratch, n_all - 1, &e) == ENC_TOOBIG);
    snprintf(sum, sizeof sum, "got %zu bytes", n_all);
    CHECK_SAY(strstr(e.text, sum) != NULL, "%s", e.text);
    CHECK_SAY(strstr(e.text, "m-2.safetensors") != NULL, "%s", e.text);
    CHECK(open_limited(scratch, n - 1, &e) == ENC_TOOBIG);
    snprintf(path, sizeof path, "%s", path_of("m-1.safetensors"));
    CHECK_SAY(open_limited(path, n, &e) == ENC_OK, "%s", e.text);
    CHECK(open_limited(path, n - 1, &e) == ENC_TOOBIG);
}

/* Files of the scratch directory that are mapped now. */
static size_t count_mapped(void)
{
    FILE *f = fopen("/proc/self/maps", "r");
    char line[2048];
    size_t n = 0;

    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        n += strstr(line, scratch) != NULL;
    if (f != NULL) fclose(f);
    return n;
}

static void files_that_are_read_leave_no_mapping(void)
{
    enc_files *f[3] = {NULL, NULL, NULL};
    enc_err e;

    enc_err_clear(&e);
    CHECK(tiny_directory(TINY_SEED, ENC_F32, path_of("read"), &e) == ENC_OK);
    const enc_files_terms terms = {.weights_max = size_of("read/model.safetensors"),
                                   .is_read = true};
    CHECK(enc_files_open_path(&f[0], path_of("read"), &terms, &e) == ENC_OK);
    CHECK(enc_files_open_again(&f[1], f[0], &e) == ENC_OK);
    CHECK(enc_files_open_directory(&f[2], path_of("read"), &e) == ENC_OK);
    for (size_t i = 0; i < 3; i++) {
        enc_bytes text;

        CHECK(enc_files_get(f[i], "config.json", 10000, &text, &e) == ENC_OK);
        CHECK(enc_files_open_tensors(f[i], &e) == ENC_OK);
        CHECK(count_mapped() == (i < 2 ? 0 : 2)); /* config.json and the weights */
        const enc_tensor *mine = enc_files_tensor(f[i], "pooler.dense.bias"),
                         *first = enc_files_tensor(f[0], "pooler.dense.bias");
        CHECK(memcmp(mine->data, first->data, mine->n_bytes) == 0);
    }
    for (size_t i = 0; i < 3; i++) enc_files_close(f[i]);
}

static void the_same_tensor_in_two_shards_is_refused(void)
{
    const enc_tensor both[] = {{"a", ENC_F32, 1, {1}, (const uint8_t *)"abcd", 4},
                               {"b", ENC_F32, 1, {1}, (const uint8_t *)"abcd", 4}};
    enc_err e;
    enc_wr w;
    size_t n;

    unlink(path_of("model.safetensors"));
    enc_err_clear(&e);
    enc_wr_init(&w);
    enc_sft_write(&w, both, 2, NULL, 0);
    CHECK(tiny_put(path_of("m-6.safetensors"), w.at, w.n, &e) == ENC_OK);
    enc_wr_clear(&w);
    put(INDEX,
        "{\"weight_map\": {\"a\": \"m-5.safetensors\", \"b\": \"m-6.safetensors\"}}");
    CHECK(open_tensors(&e, &n) == ENC_CORRUPT);
    CHECK_SAY(strstr(e.text, "tensor a is there twice") != NULL, "%s", e.text);
}

static void indices_have_limits(void)
{
    enc_wr w, more;
    enc_err e;
    size_t n;

    put_shard("m-7.safetensors", "a");
    put(INDEX, "{\"weight_map\": {\"a\": \"m-7.safetensors\", \"b\": "
               "\"m-7.safetensors\"}}");
    CHECK(open_tensors(&e, &n) == ENC_CORRUPT);
    CHECK_SAY(strstr(e.text, "tensor b is not in m-7") != NULL, "%s", e.text);
    enc_wr_init(&w);
    enc_wr_init(&more);
    for (int i = 0; i <= 1024; i++) {
        char name[32];

        snprintf(name, sizeof name, "s%d", i);
        put_shard(name, name);
        enc_wr_format(&w, "%s\"s%d\": \"s%d\"", i > 0 ? ", " : "", i, i);
    }
    enc_wr_format(&more, "{\"weight_map\": {%.*s}}", (int)w.n, (const char *)w.at);
    enc_err_clear(&e);
    CHECK(tiny_put(path_of(INDEX), more.at, more.n, &e) == ENC_OK);
    CHECK(open_tensors(&e, &n) == ENC_RANGE);
    CHECK_SAY(strstr(e.text, "more than 1024 shards") != NULL, "%s", e.text);
    enc_wr_clear(&w);
    enc_wr_clear(&more);
    unlink(path_of(INDEX));
    CHECK(mkdir(path_of(INDEX), 0700) == 0);
    CHECK(open_tensors(&e, &n) == ENC_IO);
    rmdir(path_of(INDEX));
    enc_map *map;
    CHECK(enc_map_open(&map, "tests/data/gguf/nomic.gguf", SIZE_MAX, &e) != ENC_OK ||
          tiny_put(path_of("m-8.gguf"), enc_map_bytes(map).at, enc_map_bytes(map).n,
                   &e) == ENC_OK);
    enc_map_close(map);
    put(INDEX, "{\"weight_map\": {\"a\": \"m-8.gguf\"}}");
    CHECK(open_tensors(&e, &n) == ENC_CORRUPT);
    CHECK_SAY(strstr(e.text, "tensor a is not in m-8.gguf") != NULL, "%s", e.text);
    unlink(path_of(INDEX));
}

/* Parts of a directory, by name and tensor. */
static void parts_are_opened_once(void)
{
    const enc_tensor *t, *again;
    enc_files *f;
    enc_err e;

    enc_err_clear(&e);
    CHECK(mkdir(path_of("p1"), 0700) == 0 && mkdir(path_of("p2"), 0700) == 0);
    CHECK(mkdir(path_of("p3"), 0700) == 0);
    CHECK(mkdir(path_of("p3/model.safetensors"), 0700) == 0);
    CHECK(mkdir(path_of("p4"), 0700) == 0 && mkdir(path_of("p5"), 0700) == 0);
    put_shard("p1/model.safetensors", "a");
    put_shard("p2/model.safetensors", "b");
    put("p4/pytorch_model.bin", "PK");
    CHECK(enc_files_open_directory(&f, scratch, &e) == ENC_OK);
    CHECK(enc_files_part(f, "p1", "a", &t, &e) == ENC_OK && t != NULL);
    CHECK(enc_files_part(f, "p2", "b", &again, &e) == ENC_OK && again != NULL);
    CHECK(enc_files_part(f, "p1", "a", &again, &e) == ENC_OK && again == t);
    CHECK(enc_files_part(f, "p1", "b", &again, &e) == ENC_CORRUPT);
    CHECK_SAY(strcmp(e.text, "tensor b missing in p1") == 0, "%s", e.text);
    enc_err_clear(&e);
    CHECK(enc_files_part(f, "p3", "a", &t, &e) == ENC_IO);
    enc_err_clear(&e);
    CHECK(enc_files_part(f, "p4", "a", &t, &e) == ENC_UNSUPPORTED);
    enc_err_clear(&e);
    CHECK(enc_files_part(f, "p5", "a", &t, &e) == ENC_IO);
    CHECK_SAY(strstr(e.text, "p5/model.safetensors missing in") != NULL, "%s", e.text);
    enc_files_release(NULL, e.text, 1); /* of a model without files, nothing */
    enc_files_close(f);
}

static int n_before; /* files that are asked for in vain before anything else */

static enc_rc get_some(enc_files *f, enc_err *e)
{
    enc_bytes text;
    enc_rc rc = ENC_OK;

    for (int i = 0; rc == ENC_OK && i < n_before; i++)
        rc = enc_files_get(f, "absent.json", 100, &text, e);
    return rc == ENC_OK ? enc_files_get(f, "kept.json", 100, &text, e) : rc;
}

/* Of a directory: small files, a directory in it, tensors twice, a part. */
static enc_rc use(void *path, enc_err *e)
{
    const enc_tensor *t;
    enc_files *f;
    enc_rc rc = enc_files_open_directory(&f, path, e);

    if (rc == ENC_OK) rc = get_some(f, e);
    if (rc == ENC_OK) rc = enc_files_enter(f, "p1", e);
    if (rc == ENC_OK) rc = enc_files_open_tensors(f, e);
    if (rc == ENC_OK) rc = enc_files_open_tensors(f, e);
    if (rc == ENC_OK) rc = enc_files_part(f, "p2", "b", &t, e);
    enc_files_close(f);
    return rc;
}

/* A pickle in place of the tensors; the refusal is the end. */
static enc_rc use_pickle(void *path, enc_err *e)
{
    const enc_tensor *t;
    enc_files *f;
    enc_rc rc = enc_files_open_directory(&f, path, e);

    if (rc == ENC_OK) rc = get_some(f, e);
    if (rc == ENC_OK) rc = enc_files_part(f, "p4", "a", &t, e);
    enc_files_close(f);
    if (rc != ENC_UNSUPPORTED) return rc;
    enc_err_clear(e);
    return ENC_OK;
}

static enc_rc use_file(void *path, enc_err *e)
{
    enc_files *f;
    enc_rc rc = enc_files_open_directory(&f, path, e);

    if (rc == ENC_OK) rc = enc_files_open_tensors(f, e);
    enc_files_close(f);
    return rc;
}

/* Paths so long that a few of them fill a block of the arena, to the byte: whichever
 * place asks for memory, at one of these lengths it is the one that asks for a block. */
static void every_allocation_may_fail(void)
{
    static const size_t lengths[] = {1420, 2250, 2640, 3210, 4040};
    static char path[4096];

    put("kept.json", "{}");
    put(INDEX, "{\"weight_map\": {\"a\": \"m-7.safetensors\"}}");
    unlink(path_of("p1/model.safetensors"));
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t at = (size_t)snprintf(path, sizeof path, "%s", scratch);

        while (at + 2 <= lengths[i])
            at += (size_t)snprintf(path + at, sizeof path - at, "/.");
        for (n_before = 0; n_before < 6; n_before++) {
            CHECK(every_allocation_fails(use, path) > 5);
            CHECK(every_allocation_fails(use_pickle, path) > 1);
        }
    }
    CHECK(every_allocation_fails(use_file, (void *)path_of("m-7.safetensors")) > 3);
}

static void other_files_are_named_for_what_they_are(void)
{
    static const struct {
        const char *bytes;
        size_t n;
        enc_rc rc;
        const char *says;
    } kinds[] = {
        {"PK\3\4", 4, ENC_UNSUPPORTED, "PyTorch pickle"},
        {"PX\3\4", 4, ENC_CORRUPT, "has 4 bytes, a safetensors file at least 8"},
        {"\x80\2}q\0", 5, ENC_UNSUPPORTED, "PyTorch pickle"},
        {"GGUF\3\0\0\0", 8, ENC_CORRUPT, "has 8 bytes, a GGUF file at least 24"},
        {"\x1f\x8b\x08\0\0\0\0\0\0\3", 10, ENC_CORRUPT,
         "header of 559903 bytes in a file of 10"},
        {"SQLite format 3\0", 16, ENC_RANGE, "is this a safetensors file?"},
        {"", 0, ENC_CORRUPT, "is empty"},
    };
    enc_files *f;
    enc_err e;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        enc_err_clear(&e);
        CHECK(tiny_put(path_of("kind"), kinds[i].bytes, kinds[i].n, &e) == ENC_OK);
        CHECK(enc_files_open_directory(&f, path_of("kind"), &e) == kinds[i].rc);
        CHECK_SAY(strstr(e.text, kinds[i].says) != NULL, "%s", e.text);
        CHECK(f == NULL);
    }
    enc_err_clear(&e);
    CHECK(enc_files_open_directory(&f, path_of("nowhere"), &e) == ENC_IO);
    CHECK_SAY(strstr(e.text, "no model directory") != NULL, "%s", e.text);
    enc_err_clear(&e);
    CHECK(mkfifo(path_of("fifo"), 0600) == 0);
    CHECK(enc_files_open_directory(&f, path_of("fifo"), &e) == ENC_IO);
}

int main(void)
{
    if (tiny_scratch(scratch, sizeof scratch) == NULL) return 1;
    all_forms_hold_the_same();
    an_empty_file_is_there();
    shards_are_found_by_their_index();
    a_bad_index_is_refused();
    weights_are_limited_together();
    files_that_are_read_leave_no_mapping();
    the_same_tensor_in_two_shards_is_refused();
    indices_have_limits();
    parts_are_opened_once();
    every_allocation_may_fail();
    other_files_are_named_for_what_they_are();
    tiny_scratch_remove(scratch);
    CHECK(enc_mem_live() == 0);
    return check_done("model/files");
}
