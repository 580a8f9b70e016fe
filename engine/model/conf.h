/* conf.h - one JSON file of a model, being read: what the readers of them all share.
 *
 * Private to config.c and config_use.c. Every failure names the file and the key. */
#ifndef ENC_CONF_H
#define ENC_CONF_H

#include "base/json.h"
#include "model/config.h"

typedef struct enc_conf {
    enc_config *c; /* what the files say so far */
    enc_arena *a;  /* texts go here */
    enc_files *f;
    const char *what;     /* the file's name, for sentences */
    enc_json *json;       /* NULL: there is no such file */
    enc_json_value *root; /* NULL then */
    enc_err *e;
} enc_conf;

/* A name in a file and the value it stands for. */
typedef struct enc_choice {
    const char *name;
    int value;
} enc_choice;

#define ENC_COUNT(array) (sizeof(array) / sizeof *(array))

/* Opens a file, or leaves json NULL if there is none. `what` is kept. */
enc_rc enc_conf_open(enc_conf *r, const char *what);
void enc_conf_close(enc_conf *r);

/* Opens, reads, closes. */
enc_rc enc_conf_read(enc_conf *r, const char *what, enc_rc (*read)(enc_conf *));

/* The root must be an object. */
enc_rc enc_conf_check_object(enc_conf *r);

/* A member of the root that is there and not null, else NULL. */
enc_json_value *enc_conf_member(const enc_conf *r, const char *key);

/* A whole number between 1 and max, which must be there. */
enc_rc enc_conf_size(enc_conf *r, const char *key, size_t max, size_t *out);

/* The value of a name; if it is not in the table, a sentence that lists the table. */
enc_rc enc_conf_choose(enc_conf *r, const char *key, const char *name,
                       const enc_choice *choices, size_t n, int *out);

/* The same for a member of the root; if it is absent, *out stays as it is. */
enc_rc enc_conf_choose_member(enc_conf *r, const char *key, const enc_choice *choices,
                              size_t n, int *out);

/* Copies a text into the arena. */
enc_rc enc_conf_keep(enc_conf *r, const char *text, const char **out);

/* "sentence_transformers.models.Pooling" -> "Pooling". */
const char *enc_conf_last(const char *dotted);

/* The same if it is there; else *out stays as it is. */
enc_rc enc_conf_size_if(enc_conf *r, const char *key, size_t max, size_t *out);

/* A finite number greater than 0 if it is there; else *out stays as it is. */
enc_rc enc_conf_number_if(enc_conf *r, const char *key, float *out);

/* config_arch.c: what only some architectures have, once the shape is known. */
enc_rc enc_conf_read_arch(enc_conf *r);

/* config_static.c: the whole of a static model, whose shape is that of its tensors. The
 * file at hand is config.json, which need not be there; *found is false, and nothing
 * done, if the model is none. */
enc_rc enc_conf_read_static(enc_conf *r, bool *found);

/* Whether a module's path is one plain name below the model. */
bool enc_conf_is_plain(const char *path);

/* config_use.c: modules.json, the pooling, prompts and maximum length, old and new forms,
 * once config.json has been read. */
enc_rc enc_conf_read_use(enc_conf *r);

#endif
