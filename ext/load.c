/* load.c - see load.h.
 *
 * The only file of the extension that turns a user's text into a path. Who may say what:
 * a host that runs foreign SQL sets `models`, and from then on only a plain name inside
 * that directory is accepted; whether another file exists cannot be told from the answer.
 * Otherwise any path is as good as in readfile(). Files are opened by fixed names inside
 * a directory, or by a name that ends in .safetensors or .gguf: never an arbitrary one,
 * because to open and close a database that this process has open would drop its locks.
 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CONFINED_NAME_MAX 64

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* The bytes at the end of a path that say it is a model by itself; 0: they do not. */
static size_t extension_of(const char *path)
{
    static const char *const extensions[] = {".safetensors", ".gguf"};

    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        if (ends_with(path, extensions[i])) return strlen(extensions[i]);
    return 0;
}

/* The text as a C string of at most PATH_MAX - 1 bytes. */
static bool path_of(ext_call *c, int i, const char *what, char out[PATH_MAX])
{
    enc_bytes text;

    if (!ext_arg_word(c, i, what, &text)) return false;
    if (text.n == 0) return ext_fail(c, SQLITE_ERROR, "%s is empty", what);
    if (memchr(text.at, 0, text.n) != NULL)
        return ext_fail(c, SQLITE_ERROR, "%s contains a NUL", what);
    if (text.n >= PATH_MAX)
        return ext_fail(c, SQLITE_ERROR, "%s too long (got %zu bytes, limit %d)", what,
                        text.n, PATH_MAX - 1);
    memcpy(out, text.at, text.n);
    out[text.n] = '\0';
    return true;
}

/* "/models/all-MiniLM-L6-v2" -> "all-MiniLM-L6-v2"; "" if it makes no name. */
static void name_from_path(const char *path, char out[EXT_NAME_MAX + 1])
{
    const char *slash = strrchr(path, '/');
    const char *last = slash == NULL ? path : slash + 1;
    size_t n = strlen(last) - extension_of(last);

    out[0] = '\0';
    if (n == 0 || n > EXT_NAME_MAX) return;
    memcpy(out, last, n);
    out[n] = '\0';
}

static bool is_confined_name(const char *name)
{
    static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789._-";
    size_t n = strlen(name);
    return n <= CONFINED_NAME_MAX && name[0] != '.' && strspn(name, legal) == n;
}

/* One sentence for everything, so that it tells nothing about other files. */
static bool not_there(ext_call *c, const char *name)
{
    char quoted[80];
    return ext_fail(c, SQLITE_CANTOPEN, "no model %s in the models directory",
                    ext_quote(quoted, name, strlen(name)));
}

/* models/name, which must not lead out of models. */
static bool confined_path(ext_call *c, const char *models, const char *name,
                          char out[PATH_MAX])
{
    char joined[PATH_MAX], real[PATH_MAX];
    size_t n = strlen(models);

    if (!is_confined_name(name)) return not_there(c, name);
    int length = snprintf(joined, sizeof joined, "%s/%s", models, name);
    if (length < 0 || (size_t)length >= sizeof joined) return not_there(c, name);
    if (realpath(joined, real) == NULL) return not_there(c, name);
    if (strncmp(real, models, n) != 0 || real[n] != '/') return not_there(c, name);
    memcpy(out, real, strlen(real) + 1);
    return true;
}

static bool open_file(ext_call *c, const char *path, const enc_files_terms *terms,
                      ext_found *f)
{
    static const char *const pickles[] = {".bin", ".pt", ".pth", ".ckpt", ".pkl"};
    char quoted[80];

    for (size_t i = 0; i < sizeof pickles / sizeof pickles[0]; i++)
        if (ends_with(path, pickles[i]))
            return ext_fail(c, SQLITE_ERROR,
                            "PyTorch pickle files are not supported (use safetensors)");
    if (extension_of(path) == 0)
        return ext_fail(c, SQLITE_ERROR,
                        "%s is neither a directory nor a .safetensors or .gguf file",
                        ext_quote(quoted, path, strlen(path)));
    return !ext_failed(c, enc_files_open_path(&f->files, path, terms, &c->err));
}

static bool open_path(ext_call *c, const char *path, const enc_files_terms *terms,
                      ext_found *f)
{
    char quoted[80];
    struct stat st;

    if (realpath(path, f->source) == NULL || stat(f->source, &st) != 0)
        return ext_fail(c, SQLITE_CANTOPEN, "no model at %s",
                        ext_quote(quoted, path, strlen(path)));
    if (!S_ISDIR(st.st_mode)) {
        name_from_path(path, f->name); /* behind a link may lie a file named by a hash */
        return open_file(c, path, terms, f);
    }
    name_from_path(f->source, f->name);
    return !ext_failed(c, enc_files_open_path(&f->files, path, terms, &c->err));
}

static bool is_path(const char *text)
{
    return text[0] == '/' || strncmp(text, "./", 2) == 0 || strncmp(text, "../", 3) == 0;
}

/* A name of the hub cache, else a path relative to the working directory. When it is
 * neither, the places of the hub cache are what the user wants to hear about. */
static bool open_name(ext_call *c, const char *text, const enc_files_terms *terms,
                      ext_found *f)
{
    char path[PATH_MAX];
    struct stat st;
    enc_err hub;

    enc_err_clear(&hub);
    enc_rc rc = enc_model_locate(text, path, sizeof path, &hub);
    if (rc == ENC_OK) {
        size_t n = strlen(text);
        if (!open_path(c, path, terms, f)) return false;
        f->name[0] = '\0';
        if (n <= EXT_NAME_MAX) memcpy(f->name, text, n + 1);
        return true;
    }
    if (rc == ENC_NOMEM) return ext_nomem(c);
    if (stat(text, &st) == 0) return open_path(c, text, terms, f);
    c->err = hub;
    ext_failed(c, rc);
    return false;
}

static bool open_blob(ext_call *c, int i, const enc_files_terms *terms, ext_found *f)
{
    size_t n = (size_t)sqlite3_value_bytes(c->argv[i]);

    if (n > terms->weights_max)
        return ext_fail(c, SQLITE_TOOBIG, "model too large (got %zu bytes, limit %zu)", n,
                        terms->weights_max);
    const void *blob = sqlite3_value_blob(c->argv[i]); /* which may have to be made */
    if (blob == NULL && n > 0) return ext_nomem(c);
    if (n >= 4 && memcmp(blob, "ENCH", 4) == 0)
        return ext_fail(c, SQLITE_ERROR,
                        "this BLOB is a trained head, not a model (give it to "
                        "classify as it is)");
    memcpy(f->source, "blob", 5);
    return !ext_failed(
        c, enc_files_open_blob(&f->files, (enc_bytes){blob, n}, true, &c->err));
}

bool ext_find_files(ext_call *c, int i, bool is_read, ext_found *f)
{
    ext_settings settings;
    char text[PATH_MAX], path[PATH_MAX];

    f->files = NULL;
    f->name[0] = '\0';
    ext_settings_get(&settings);
    const enc_files_terms terms = {settings.max_model_bytes, is_read};
    if (sqlite3_value_type(c->argv[i]) == SQLITE_BLOB) return open_blob(c, i, &terms, f);
    if (!path_of(c, i, "path", text)) return false;
    if (settings.models[0] == '\0')
        return is_path(text) ? open_path(c, text, &terms, f)
                             : open_name(c, text, &terms, f);
    if (!confined_path(c, settings.models, text, path) || !open_path(c, path, &terms, f))
        return false;
    memcpy(f->name, text, strlen(text) + 1);
    return true;
}

bool ext_find_place(ext_call *c, int i, char out[PATH_MAX])
{
    ext_settings settings;
    char text[PATH_MAX];

    if (!path_of(c, i, "directory", text)) return false;
    ext_settings_get(&settings);
    if (settings.models[0] == '\0') {
        memcpy(out, text, strlen(text) + 1);
        return true;
    }
    if (!is_confined_name(text))
        return ext_fail(c, SQLITE_CANTOPEN,
                        "only names in the models directory can be "
                        "written to");
    int n = snprintf(out, PATH_MAX, "%s/%s", settings.models, text);
    if (n < 0 || n >= PATH_MAX) return ext_fail(c, SQLITE_CANTOPEN, "path too long");
    return true;
}

bool ext_find_directory(ext_call *c, enc_bytes text, char *out, size_t n)
{
    char path[PATH_MAX], real[PATH_MAX], quoted[80];
    struct stat st;

    if (text.n < sizeof path && memchr(text.at, 0, text.n) == NULL) {
        memcpy(path, text.at, text.n);
        path[text.n] = '\0';
        if (realpath(path, real) != NULL && stat(real, &st) == 0 && S_ISDIR(st.st_mode) &&
            strlen(real) < n) {
            memcpy(out, real, strlen(real) + 1);
            return true;
        }
    }
    return ext_fail(c, SQLITE_CANTOPEN, "no directory %s",
                    ext_quote(quoted, text.at, text.n));
}
