/* Paths of a stranger given to encoder_load and encoder_save: each is refused within a
 * moment, and nothing is left open, made or changed; a database that is open keeps its
 * locks, by whatever name it is given. */
#include <dirent.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/calls.h"
#include "lib/mapped.h"

#define SECONDS_MAX 20 /* of the whole test: a FIFO would wait for ever */

static char folder[] = "/tmp/encoder-paths-XXXXXX";
static sqlite3 *db;

static char *in_folder(const char *name)
{
    return sqlite3_mprintf("%s/%s", folder, name);
}

static size_t count_entries(const char *path)
{
    size_t n = 0;
    DIR *d = opendir(path);

    while (d != NULL && readdir(d) != NULL) n++;
    if (d != NULL) closedir(d);
    return n;
}

/* Calls the function with the path, in the folder unless it is absolute. */
static void refused(const char *format, const char *name, size_t n, const char *says)
{
    char *path = name[0] == '/' ? sqlite3_mprintf("%s", name) : in_folder(name);
    size_t n_open = count_entries("/proc/self/fd"), n_files = count_entries(folder);
    sqlite3_stmt *stmt = NULL;

    CHECK(sqlite3_prepare_v2(db, format, -1, &stmt, NULL) == SQLITE_OK);
    sqlite3_bind_text(stmt, 1, path, n > 0 ? (int)n : -1, SQLITE_TRANSIENT);
    int rc = sqlite3_step(stmt);
    const char *why = sqlite3_errmsg(db);
    CHECK_SAY(rc != SQLITE_ROW && rc != SQLITE_DONE, "%.200s was taken", path);
    CHECK_SAY(strstr(why, says) != NULL, "%.200s: %s", path, why);
    CHECK_SAY(strlen(why) < 600, "%.200s: %zu bytes of error", path, strlen(why));
    CHECK_SAY(strstr(why, "SECRET") == NULL, "%.200s: %s", path, why);
    sqlite3_finalize(stmt);
    CHECK(count_entries("/proc/self/fd") == n_open);
    CHECK(count_entries(folder) == n_files);
    sqlite3_free(path);
}

static void link_to(const char *target, const char *name)
{
    char *path = in_folder(name);
    CHECK(symlink(target, path) == 0);
    sqlite3_free(path);
}

static void put(const char *name, const char *text)
{
    char *path = in_folder(name);
    FILE *f = fopen(path, "wb");
    CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
    sqlite3_free(path);
}

static void make(const char *name, int (*how)(const char *, mode_t), mode_t mode)
{
    char *path = in_folder(name);
    CHECK(how(path, mode) == 0);
    sqlite3_free(path);
}

#define LOAD "SELECT encoder_load(?1)"
#define SAVE "SELECT encoder_save('builtin', ?1)"

static void what_is_no_model_is_refused(void)
{
    static const char *const names[] = {
        "fifo.gguf",           "zero.gguf", "null.safetensors", "mem.gguf",
        "environ.safetensors", "loop.gguf", "secret.gguf",      "empty.safetensors"};

    make("fifo.gguf", mkfifo, 0600);
    link_to("/dev/zero", "zero.gguf");
    link_to("/dev/null", "null.safetensors");
    link_to("/proc/self/mem", "mem.gguf");
    link_to("/proc/self/environ", "environ.safetensors");
    link_to("loop.gguf", "loop.gguf");
    put("secret.gguf", "SECRET and more of it, which no sentence may tell");
    put("empty.safetensors", "");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        refused(LOAD, names[i], 0, "");
    refused(LOAD, "/dev/zero", 0, "neither a directory nor");
    refused(LOAD, "/proc/self/mem", 0, "neither a directory nor");
    refused(LOAD, "/etc/passwd", 0, "neither a directory nor");
    refused(LOAD, "fifo.gguf", 0, "not a regular file");
    refused(LOAD, "loop.gguf", 0, "no model at");
    refused(LOAD, "absent", 0, "no model at");
    refused(LOAD, "secret.gguf/", 0, "no model at");
}

static void what_lies_in_a_directory_is_no_better(void)
{
    make("model", mkdir, 0700);
    refused(LOAD, "model", 0, "config.json");
    link_to(".", "model/again");
    refused(LOAD, "model/again/again/again", 0, "config.json");
    make("model/config.json", mkfifo, 0600);
    refused(LOAD, "model", 0, "not a regular file");
    char *path = in_folder("model/config.json");
    unlink(path);
    link_to("/dev/zero", "model/config.json");
    refused(LOAD, "model", 0, "not a regular file");
    unlink(path);
    link_to("../empty.safetensors", "model/config.json");
    refused(LOAD, "model", 0, "config.json");
    unlink(path);
    sqlite3_free(path);
}

static void what_is_no_path_is_refused(void)
{
    const size_t n = 1 << 20;
    char *text = malloc(n + 1);

    if (text == NULL) return;
    memset(text, 'a', n);
    text[0] = '/';
    text[n] = '\0';
    refused(LOAD, text, 0, "path too long");
    refused(SAVE, text, 0, "directory too long");
    memset(text, '/', n);
    text[4095] = '\0';
    refused(SAVE, text, 0, "");
    memset(text, 'b', 4000);
    text[0] = '/';
    text[4000] = '\0';
    refused(LOAD, text, 0, "no model at");
    refused(SAVE, text, 0, "");
    memcpy(text, "/tmp\0/x", 8);
    refused(LOAD, text, 7, "contains a NUL");
    refused(SAVE, text, 7, "contains a NUL");
    refused(LOAD, "/\xff\xfe\xc0\x80", 0, "no model at");
    free(text);
}

static void what_is_there_is_not_written_over(void)
{
    static const char *const names[] = {"fifo.gguf", "secret.gguf", "zero.gguf",
                                        "loop.gguf", ".",           "/proc/self",
                                        "/dev/null", "/",           "absent/deep"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        refused(SAVE, names[i], 0, "");
    put("model/mine", "mine");
    refused(SAVE, "model", 0, "not empty");
}

/* What another process is told when it wants to write. */
static int ask_elsewhere(const char *path)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        sqlite3 *other = NULL;
        sqlite3_open(path, &other);
        _exit(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL));
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status);
}

static void an_open_database_keeps_its_locks(void)
{
    char *path = in_folder("base.safetensors"), *same = in_folder("same.gguf");
    sqlite3 *own = NULL;

    CHECK(sqlite3_open(path, &own) == SQLITE_OK);
    CHECK(sqlite3_exec(own, "CREATE TABLE t(x)", NULL, NULL, NULL) == SQLITE_OK);
    CHECK(link(path, same) == 0);
    link_to("base.safetensors", "other.gguf");
    link_to("../base.safetensors", "model/config.json");
    CHECK(ask_elsewhere(path) == SQLITE_OK);
    CHECK(sqlite3_exec(own, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    refused(LOAD, "base.safetensors", 0, "in use by this process");
    refused(LOAD, "same.gguf", 0, "in use by this process");
    refused(LOAD, "other.gguf", 0, "in use by this process");
    refused(LOAD, "model", 0, "in use by this process");
    refused(SAVE, "base.safetensors", 0, "");
    CHECK(ask_elsewhere(path) == SQLITE_BUSY);
    CHECK(sqlite3_exec(own, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
    CHECK(sqlite3_close(own) == SQLITE_OK);
    sqlite3_free(path);
    sqlite3_free(same);
}

/* Names in the models directory may be links, as long as they lead to what is in it. */
static void no_link_leads_out_of_the_models_directory(void)
{
    static const char *const out[] = {"model", "secret", "etc", "loop"};
    char *models = in_folder("models"), real[4096];
    char *set =
        sqlite3_mprintf("SELECT encoder_load('tests/data/tiny'), "
                        "encoder_config('models', %Q), encoder_save('tiny', 'own')",
                        models);

    make("models", mkdir, 0700);
    CHECK(realpath("tests/data/tiny", real) != NULL);
    CHECK_SAY(sqlite3_exec(db, set, NULL, NULL, NULL) == SQLITE_OK, "%s",
              sqlite3_errmsg(db));
    link_to("own", "models/alias");
    link_to(real, "models/model");
    link_to("../secret.gguf", "models/secret");
    link_to("/etc", "models/etc");
    link_to("loop", "models/loop");
    CHECK_SAY(sqlite3_exec(db, "SELECT encoder_load('alias'), encoder_unload('alias')",
                           NULL, NULL, NULL) == SQLITE_OK,
              "%s", sqlite3_errmsg(db));
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        char *says = sqlite3_mprintf("no model '%s' in the models directory", out[i]);
        char *sql = sqlite3_mprintf("SELECT encoder_load('%s')", out[i]);
        CHECK(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_CANTOPEN);
        CHECK_SAY(strstr(sqlite3_errmsg(db), says) != NULL, "%s", sqlite3_errmsg(db));
        sqlite3_free(says);
        sqlite3_free(sql);
    }
    CHECK(sqlite3_exec(db, "SELECT encoder_config('models', ''), encoder_unload('tiny')",
                       NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_free(models);
    sqlite3_free(set);
}

static void nothing_is_left_beside_a_model(void)
{
    size_t n_open = count_entries("/proc/self/fd"), n_files = count_entries(folder);

    CHECK(sqlite3_exec(db,
                       "SELECT encoder_load('tests/data/tiny'), embed('a', 'tiny'), "
                       "encoder_unload('tiny'); CREATE VIRTUAL TABLE s USING "
                       "similarity(body); INSERT INTO s(body) VALUES('a')",
                       NULL, NULL, NULL) == SQLITE_OK);
    CHECK(count_entries("/proc/self/fd") == n_open);
    CHECK(count_entries(folder) == n_files);
}

/* The first column of the first row as hexadecimal digits, or an error; sqlite3_free. */
static char *ask_text(const char *format, const char *arg)
{
    char *sql = sqlite3_mprintf(format, arg), *answer;
    sqlite3_stmt *stmt = NULL;

    sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        answer = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 0));
    else answer = sqlite3_mprintf("error: %s", sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
    return answer;
}

/* Weights that others may truncate under us, as on a network: read, and then let go. */
static void a_model_that_was_read_outlives_its_files(void)
{
    static const char hex[] = "SELECT hex(embed('the cat sat', %Q))";
    char *copy = in_folder("copy"), *weights = in_folder("copy/model.safetensors"),
         *text = in_folder("copy/vocab.txt"), *json = in_folder("copy/tokenizer.json");
    char *said[6];

    said[0] = ask_text("SELECT encoder_load('tests/data/tiny', %Q)", "tiny");
    said[1] = ask_text("SELECT encoder_save('tiny', %Q)", copy);
    said[2] = ask_text("SELECT encoder_load(%Q, 'mapped')", copy);
    said[3] = ask_text(hex, "mapped");
    CHECK(is_mapped(copy));
    sqlite3_free(ask_text("SELECT encoder_unload(%Q)", "mapped"));
    CHECK(!is_mapped(copy));
    said[4] = ask_text("SELECT encoder_load(%Q, 'read', '{\"map\": 0}')", copy);
    CHECK(!is_mapped(copy));
    CHECK(truncate(weights, 0) == 0 && truncate(text, 0) == 0);
    if (access(json, F_OK) == 0) CHECK(truncate(json, 0) == 0);
    said[5] = ask_text(hex, "read");
    CHECK_SAY(strlen(said[3]) > 100 && strcmp(said[3], said[5]) == 0, "%s, %s, %s: %s",
              said[0], said[1], said[4], said[5]);
    sqlite3_free(ask_text("SELECT encoder_unload(%Q)", "read"));
    for (size_t i = 0; i < 6; i++) sqlite3_free(said[i]);
    sqlite3_free(copy);
    sqlite3_free(weights);
    sqlite3_free(text);
    sqlite3_free(json);
}

int main(void)
{
    char command[64];

    alarm(SECONDS_MAX);
    if (mkdtemp(folder) == NULL) return 1;
    calls_begin();
    CHECK(sqlite3_open(":memory:", &db) == SQLITE_OK);
    what_is_no_model_is_refused();
    what_lies_in_a_directory_is_no_better();
    what_is_no_path_is_refused();
    what_is_there_is_not_written_over();
    an_open_database_keeps_its_locks();
    no_link_leads_out_of_the_models_directory();
    nothing_is_left_beside_a_model();
    a_model_that_was_read_outlives_its_files();
    CHECK(sqlite3_close(db) == SQLITE_OK);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK(system(command) == 0);
    return check_done("paths");
}
