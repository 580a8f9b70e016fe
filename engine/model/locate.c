/* locate.c - a name -> the directory or the GGUF file where that model lies.
 *
 * The Hugging Face hub cache, wherever it is, looks like this:
 *
 *   <hub>/models--<org>--<name>/refs/<revision>          a commit, as text
 *   <hub>/models--<org>--<name>/snapshots/<commit>/...   the files
 *
 * A directory holds a config.json and what goes with it, or GGUF files, each a model by
 * itself: then the name goes on with that of the file, unless there is only one.
 *
 * Names come from SQL, so they may only name things below those places: no separators
 * but those after the organization and before the file, no "..". */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/map.h"
#include "model/model.h"

#define PATH_BYTES   4096
#define COMMIT_BYTES 64

typedef struct name {       /* "org/repo/file@revision" taken apart */
    char org[ENC_NAME_MAX]; /* "" if there is none */
    char repo[ENC_NAME_MAX];
    char file[ENC_NAME_MAX];     /* "" if none was asked for */
    char revision[ENC_NAME_MAX]; /* "" if none was asked for */
} name;

/* Copies one component, [A-Za-z0-9._-]+ that does not begin with a dot. */
static bool take(const char *from, size_t n, char out[ENC_NAME_MAX])
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._-";

    if (n == 0 || n >= ENC_NAME_MAX || from[0] == '.') return false;
    memcpy(out, from, n);
    out[n] = '\0';
    return strspn(out, allowed) == n && strstr(out, "..") == NULL;
}

static bool is_gguf(const char *file)
{
    size_t n = strlen(file);
    return n > 5 && strcmp(file + n - 5, ".gguf") == 0;
}

static bool parse(const char *text, name *out)
{
    const char *at = strchr(text, '@'), *end = at != NULL ? at : text + strlen(text);
    const char *slash = memchr(text, '/', (size_t)(end - text)), *second = NULL;
    const char *repo = slash != NULL ? slash + 1 : text;

    memset(out, 0, sizeof *out);
    if (slash != NULL) {
        if (!take(text, (size_t)(slash - text), out->org)) return false;
        second = memchr(repo, '/', (size_t)(end - repo));
    }
    if (second != NULL &&
        (!take(second + 1, (size_t)(end - second - 1), out->file) || !is_gguf(out->file)))
        return false;
    if (!take(repo, (size_t)((second != NULL ? second : end) - repo), out->repo))
        return false;
    return at == NULL || take(at + 1, strlen(at + 1), out->revision);
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Appends "/<file>" to a path of `size` bytes; false, and it is as before: too long. */
static bool append(char *path, size_t size, const char *file)
{
    size_t n = strlen(path);

    if ((size_t)snprintf(path + n, size - n, "/%s", file) < size - n) return true;
    path[n] = '\0';
    return false;
}

/* Appends the one GGUF file of a directory; several are counted into *n_gguf. */
static bool append_gguf(char *path, size_t size, size_t *n_gguf)
{
    char found[ENC_NAME_MAX] = "";
    struct dirent *entry;
    DIR *d = opendir(path);
    size_t n = 0;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (!is_gguf(entry->d_name) || strlen(entry->d_name) >= sizeof found) continue;
        memcpy(found, entry->d_name, strlen(entry->d_name) + 1);
        n++;
    }
    if (d != NULL) closedir(d);
    if (n > 1) *n_gguf = n;
    return n == 1 && append(path, size, found) && is_file(path);
}

/* What is to be opened for a name in a directory, whose path becomes that. */
static bool in_model(char *path, size_t size, const name *n, size_t *n_gguf)
{
    char config[PATH_BYTES];

    if (n->file[0] != '\0') return append(path, size, n->file) && is_file(path);
    if ((size_t)snprintf(config, sizeof config, "%s/config.json", path) >= sizeof config)
        return false;
    return is_file(config) || append_gguf(path, size, n_gguf);
}

/* The commit that a revision stands for, from its file below refs/. */
static bool read_ref(const char *repo_path, const char *revision, char out[ENC_NAME_MAX])
{
    char path[PATH_BYTES];
    enc_map *map;
    enc_bytes text;
    bool is_good;

    if ((size_t)snprintf(path, sizeof path, "%s/refs/%s", repo_path, revision) >=
        sizeof path)
        return false;
    if (enc_map_open(&map, path, COMMIT_BYTES, NULL) != ENC_OK) return false;
    text = enc_map_bytes(map);
    while (text.n > 0 && text.at[text.n - 1] <= ' ') text.n--;
    is_good = take((const char *)text.at, text.n, out);
    enc_map_close(map);
    return is_good;
}

static bool in_hub(const char *hub, const name *n, char *out, size_t size, size_t *n_gguf)
{
    const char *revision = n->revision[0] != '\0' ? n->revision : "main";
    char repo[PATH_BYTES], commit[ENC_NAME_MAX];

    if ((size_t)snprintf(repo, sizeof repo, "%s/models--%s%s%s", hub, n->org,
                         n->org[0] != '\0' ? "--" : "", n->repo) >= sizeof repo)
        return false;
    if (!read_ref(repo, revision, commit)) /* or the revision is a commit already */
        snprintf(commit, sizeof commit, "%s", revision);
    if ((size_t)snprintf(out, size, "%s/snapshots/%s", repo, commit) >= size)
        return false;
    return in_model(out, size, n, n_gguf);
}

static bool in_directory(const char *directory, const name *n, char *out, size_t size,
                         size_t *n_gguf)
{
    if (n->revision[0] != '\0') return false; /* these carry no revisions */
    if ((size_t)snprintf(out, size, "%s/%s%s%s", directory, n->org,
                         n->org[0] != '\0' ? "/" : "", n->repo) >= size)
        return false;
    return (is_gguf(out) && is_file(out)) || in_model(out, size, n, n_gguf);
}

/* A place to look in: an environment variable and what follows it. */
static const struct {
    const char *variable, *below;
    bool is_hub;
} places[] = {
    {"HF_HUB_CACHE", "", true},
    {"HF_HOME", "/hub", true},
    {"HOME", "/.cache/huggingface/hub", true},
    {"ENCODER_MODELS", "", false},
};

enc_rc enc_model_locate(const char *text, char *out, size_t n, enc_err *e)
{
    char looked[256] = "";
    size_t at = 0, n_gguf = 0;
    name wanted;

    if (!parse(text, &wanted))
        return enc_fail(e, ENC_MISUSE,
                        "'%.60s' is not a model name (expected org/name, name or "
                        "org/name/file.gguf, of letters, digits, '.', '_' and '-')",
                        text);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *value = getenv(places[i].variable);
        char path[PATH_BYTES];

        if (value == NULL || value[0] == '\0') continue;
        if ((size_t)snprintf(path, sizeof path, "%s%s", value, places[i].below) >=
            sizeof path)
            continue;
        if (places[i].is_hub ? in_hub(path, &wanted, out, n, &n_gguf)
                             : in_directory(path, &wanted, out, n, &n_gguf))
            return ENC_OK;
        if (n_gguf > 0)
            return enc_fail(e, ENC_MISUSE,
                            "'%.60s' has %zu GGUF files: which one is meant is said by "
                            "its name behind, as in org/name/file.gguf",
                            text, n_gguf);
        if (at < sizeof looked)
            at += (size_t)snprintf(looked + at, sizeof looked - at, "%s%s",
                                   at > 0 ? ", " : "", path);
    }
    if (n > 0) out[0] = '\0';
    return enc_fail(
        e, ENC_IO, "no model '%s' here; to download it: make model NAME=%s; looked in %s",
        text, text, looked[0] != '\0' ? looked : "no place, for none is set");
}
