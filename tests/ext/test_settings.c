/* Settings of the process, changed by several connections at once: what one of them sets
 * stays, whatever the others set. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/calls.h"

#define ROUNDS 300000

typedef struct setter { /* a thread that alone changes one setting */
    const char *key;
    int n_lost; /* times that it was not what had been set last */
    bool failed;
} setter;

static sqlite3_int64 value_of(sqlite3_stmt *s, const char *key, int value)
{
    sqlite3_int64 v = -1;

    sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
    if (value > 0) sqlite3_bind_int(s, 2, value);
    if (sqlite3_step(s) == SQLITE_ROW) v = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return v;
}

static void *change(void *arg)
{
    setter *x = arg;
    sqlite3 *db = NULL;
    sqlite3_stmt *set = NULL, *get = NULL;

    sqlite3_open(":memory:", &db);
    x->failed =
        sqlite3_prepare_v2(db, "SELECT encoder_config(?1, ?2)", -1, &set, NULL) != 0 ||
        sqlite3_prepare_v2(db, "SELECT encoder_config(?1)", -1, &get, NULL) != 0;
    for (int i = 0; i < ROUNDS && !x->failed; i++) {
        int value = 1 + i % 50;
        value_of(set, x->key, value);
        x->n_lost += value_of(get, x->key, 0) != value;
    }
    sqlite3_finalize(set);
    sqlite3_finalize(get);
    sqlite3_close(db);
    return NULL;
}

static void settings_do_not_undo_each_other(void)
{
    setter setters[] = {{"max_models", 0, false}, {"max_code_bytes", 0, false}};
    pthread_t threads[2];

    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, change, &setters[i]) == 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        CHECK_SAY(!setters[i].failed && setters[i].n_lost == 0, "%s was lost %d times",
                  setters[i].key, setters[i].n_lost);
    }
}

int main(void)
{
    calls_begin();
    settings_do_not_undo_each_other();
    sqlite3_shutdown();
    return check_done("settings");
}
