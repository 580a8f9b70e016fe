/* Names of models: found where the hub's cache keeps them, and never outside of it. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "lib/tiny.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static char scratch[256];

/* Makes a directory, and a file in it if `text` is given, below the scratch one. */
static void put(const char *directory, const char *file, const char *text)
{
    char path[1024];
    enc_err e;

    enc_err_clear(&e);
    snprintf(path, sizeof path, "%s/%s", scratch, directory);
    for (char *at = path + strlen(scratch) + 1; *at != '\0'; at++) {
        if (*at != '/') continue;
        *at = '\0';
        mkdir(path, 0777);
        *at = '/';
    }
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", scratch, directory, file);
    CHECK_SAY(tiny_put(path, text, strlen(text), &e) == ENC_OK, "%s", e.text);
}

static void environment(const char *hub, const char *hf_home, const char *home,
                        const char *models)
{
    const char *const names[] = {"HF_HUB_CACHE", "HF_HOME", "HOME", "ENCODER_MODELS"};
    const char *const values[] = {hub, hf_home, home, models};

    for (size_t i = 0; i < 4; i++) {
        char path[1024];

        snprintf(path, sizeof path, "%s/%s", scratch, values[i] != NULL ? values[i] : "");
        if (values[i] == NULL) unsetenv(names[i]);
        else setenv(names[i], path, 1);
    }
}

static void found(const char *name, const char *expected)
{
    char out[1024], whole[1024];
    enc_err e;

    enc_err_clear(&e);
    snprintf(whole, sizeof whole, "%s/%s", scratch, expected);
    CHECK_SAY(enc_model_locate(name, out, sizeof out, &e) == ENC_OK, "%s: %s", name,
              e.text);
    CHECK_SAY(strcmp(out, whole) == 0, "%s: %s", name, out);
}

static void absent(const char *name, enc_rc rc, const char *says)
{
    char out[1024];
    enc_err e;

    enc_err_clear(&e);
    CHECK_SAY(enc_model_locate(name, out, sizeof out, &e) == rc, "%s: %s", name, e.text);
    CHECK_SAY(strstr(e.text, says) != NULL, "%s (expected: %s)", e.text, says);
}

static void make_caches(void)
{
    put("hub/models--org--name/refs", "main", COMMIT);
    put("hub/models--org--name/refs", "v2", COMMIT "\n");
    put("hub/models--org--name/snapshots/" COMMIT, "config.json", "{}");
    put("hub/models--bare/refs", "main", "abc");
    put("hub/models--bare/snapshots/abc", "config.json", "{}");
    put("hub/models--org--evil/refs", "main", "../../../secret");
    put("hub/models--org--half/refs", "main", "abc");
    put("hub/models--org--half/snapshots/abc", "model.safetensors", "");
    put("hub/models--org--one/refs", "main", "abc");
    put("hub/models--org--one/snapshots/abc", "a.gguf", "");
    put("hub/models--org--one/snapshots/abc", "README.md", "");
    put("hub/models--org--two/refs", "main", "abc");
    put("hub/models--org--two/snapshots/abc", "a.gguf", "");
    put("hub/models--org--two/snapshots/abc", "b.gguf", "");
    put("hub/models--org--two/refs", "v1", "def");
    put("hub/models--org--two/snapshots/def", "b.gguf", "");
    put("secret", "config.json", "{}");
    put("secret", "a.gguf", "");
    put("home/.cache/huggingface/hub/models--a--b/refs", "main", "abc");
    put("home/.cache/huggingface/hub/models--a--b/snapshots/abc", "config.json", "{}");
    put("hf/hub/models--c--d/refs", "main", "abc");
    put("hf/hub/models--c--d/snapshots/abc", "config.json", "{}");
    put("models/mine", "config.json", "{}");
    put("models", "file.gguf", "");
    put("models", "file.txt", "");
    put("models/org/name", "config.json", "{}");
    put("models/org/other", "config.json", "{}");
}

static void names_are_found_in_order(void)
{
    environment("hub", "hf", "home", "models");
    found("org/name", "hub/models--org--name/snapshots/" COMMIT);
    found("org/name@v2", "hub/models--org--name/snapshots/" COMMIT);
    found("org/name@" COMMIT, "hub/models--org--name/snapshots/" COMMIT);
    found("bare", "hub/models--bare/snapshots/abc");
    found("a/b", "home/.cache/huggingface/hub/models--a--b/snapshots/abc");
    found("c/d", "hf/hub/models--c--d/snapshots/abc");
    found("mine", "models/mine");
    found("org/other", "models/org/other");
    environment(NULL, NULL, NULL, "models");
    found("org/name", "models/org/name");
}

static void gguf_files_are_found_by_their_names(void)
{
    environment("hub", "hf", "home", "models");
    found("org/one", "hub/models--org--one/snapshots/abc/a.gguf");
    found("org/one/a.gguf", "hub/models--org--one/snapshots/abc/a.gguf");
    found("org/two/b.gguf", "hub/models--org--two/snapshots/abc/b.gguf");
    found("org/two@v1", "hub/models--org--two/snapshots/def/b.gguf");
    found("org/two/b.gguf@v1", "hub/models--org--two/snapshots/def/b.gguf");
    found("file.gguf", "models/file.gguf");
    absent("org/two", ENC_MISUSE, "'org/two' has 2 GGUF files");
    absent("org/two/c.gguf", ENC_IO, "make model NAME=org/two/c.gguf;");
    absent("org/two/a.gguf@v1", ENC_IO, "no model 'org/two/a.gguf@v1'");
    absent("file.txt", ENC_IO, "no model 'file.txt'");
}

static void what_is_absent_says_where_it_was_looked_for(void)
{
    environment("hub", NULL, "home", NULL);
    absent("org/none", ENC_IO, "no model 'org/none'");
    absent("org/none", ENC_IO, "make model NAME=org/none;");
    absent("org/none", ENC_IO, "/hub, ");
    absent("org/none", ENC_IO, "/home/.cache/huggingface/hub");
    absent("org/name@v3", ENC_IO, "no model 'org/name@v3'");
    absent("org/name@v3", ENC_IO, "make model NAME=org/name@v3;");
    absent("org/half", ENC_IO, "no model");
    absent("org/evil", ENC_IO, "no model");
    absent("mine", ENC_IO, "no model 'mine'");
    environment(NULL, NULL, NULL, NULL);
    absent("org/name", ENC_IO, "no model 'org/name'");
}

static void names_cannot_lead_elsewhere(void)
{
    static const char *const bad[] = {
        "",
        "/",
        "..",
        "../secret",
        "a/../b",
        "/etc/passwd",
        "a/b/c",
        "a//b",
        "a/",
        "/b",
        ".hidden",
        "a/.b",
        "a\\b",
        "a b",
        "a%2fb",
        "~",
        "a@",
        "a@../../secret",
        "a@b/c",
        "a/b/c.txt",
        "a/b/.gguf",
        "a/b/../c.gguf",
        "a/b/c/d.gguf",
        "a/../c.gguf",
        "a@b@c",
        "name\n",
        "고양이",
        "a..b",
        "$HOME",
    };

    environment("hub", "hf", "home", "models");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        absent(bad[i], ENC_MISUSE, "is not a model name");

    char name[1000];
    memset(name, 'a', sizeof name);
    name[999] = '\0';
    absent(name, ENC_MISUSE, "is not a model name");
}

static void a_path_must_fit(void)
{
    char out[64];
    enc_err e;

    enc_err_clear(&e);
    CHECK(enc_model_locate("org/name", out, 10, &e) == ENC_IO);
    CHECK(out[0] == '\0');
}

int main(void)
{
    if (tiny_scratch(scratch, sizeof scratch) == NULL) return 1;
    make_caches();
    names_are_found_in_order();
    gguf_files_are_found_by_their_names();
    what_is_absent_says_where_it_was_looked_for();
    names_cannot_lead_elsewhere();
    a_path_must_fit();
    tiny_scratch_remove(scratch);
    return check_done("model/locate");
}
