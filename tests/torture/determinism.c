/* determinism.c - a text's vector is the same bits however it came to be.
 *
 *   determinism [--from SEED] [--seconds N]                             see points.h
 *
 * A seed is two dozen texts, Korean, English and neither, from nothing to more than a
 * model reads. Each is encoded alone on one thread and in batches of two orders on two,
 * by every set of kernels that this CPU can run, each in a process of its own; by the
 * built-in model in int8 and in f32. A point is one vector: of one set of kernels it has
 * the bits of the text alone. Sets of instructions have the same bits among themselves.
 * The plain loops add up in another order: in f32 their vectors have a cosine of at least
 * 0.999999 with the others'. In int8 a last bit that differs may round an activation to
 * the next of 255 steps, a few in a text: there it is 0.9999. */
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/mman.h>

#include "base/env.h"
#include "torture/points.h"

#define TEXTS 24
#define FEW                                                                              \
    3 /* short ones, of one seed in eight, for the plain loops, which are slow           \
       */
#define DIMS 256

enum { ALONE, BATCH, BACKWARDS, SHAPES };

static const char *const kernels[] = {"plain",  "avx2",        "avx2-vnni",
                                      "avx512", "avx512-vnni", "avx512-bf16"};

enum { INT8, F32, MODELS };
static const char *const precisions[MODELS] = {"int8", "f32"};
static const double near_plain[MODELS] = {0.9999, 0.999999};

#define KERNELS (sizeof kernels / sizeof *kernels)

typedef struct vectors {
    bool has[KERNELS];
    float of[KERNELS][MODELS][SHAPES][TEXTS][DIMS];
} vectors;

static vectors *got; /* shared with the children */
static char *texts[TEXTS];
static char folder[] = "/tmp/determinism-XXXXXX";

/* ---- texts ---- */

static int count_texts(size_t kernel)
{
    return kernel == 0 ? FEW : TEXTS;
}

static unsigned long draw_from(unsigned long *state, unsigned long n)
{
    *state = *state * 6364136223846793005UL + 1442695040888963407UL;
    return (*state >> 33) % n;
}

static void add_word(sqlite3_str *to, unsigned long *state)
{
    static const char *const words[] = {
        "은행에서", "돈을",  "빌리고", "매달", "이자를", "낸다.", "the",
        "night",    "train", "leaves", "at",   "eleven", "된장",  "찌개에",
        "두부와",   "café",  "Ünï",    "数据", "りんご", "🙂",  "1,024",
        "C++",      "don't", "데이터", "a",    "bread",  "[MASK]"};
    const unsigned long n = sizeof words / sizeof *words, i = draw_from(state, n + 8);
    if (i < n) {
        sqlite3_str_appendall(to, words[i]);
        return;
    }
    for (unsigned long left = 1 + draw_from(state, 4); left > 0; left--) {
        unsigned c = i % 2 == 0 ? 0xac00 + (unsigned)draw_from(state, 11172) : 0;
        if (c == 0) sqlite3_str_appendchar(to, 1, (char)('a' + draw_from(state, 26)));
        else
            sqlite3_str_appendf(to, "%c%c%c", 0xe0 | c >> 12, 0x80 | (c >> 6 & 63),
                                0x80 | (c & 63));
    }
}

static void draw_texts(void)
{
    static const unsigned long most[] = {8, 4, 1, 30, 30, 30, 120, 400};
    unsigned long state = seed * 2654435761UL + 1;
    for (int i = 0; i < TEXTS; i++) {
        sqlite3_str *s = sqlite3_str_new(NULL);
        for (unsigned long n = draw_from(&state, most[i % 8] + 1); n > 0; n--) {
            add_word(s, &state);
            sqlite3_str_appendchar(s, 1, ' ');
        }
        sqlite3_free(texts[i]);
        texts[i] = sqlite3_str_finish(s);
        if (texts[i] == NULL) texts[i] = sqlite3_mprintf("");
    }
}

/* ---- in a child ---- */

/* Rows of an index and a vector; returns how many. */
static int keep(sqlite3 *db, const char *sql, const char *model, float to[TEXTS][DIMS])
{
    sqlite3_stmt *stmt = NULL;
    int n = 0;
    sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    sqlite3_bind_text(stmt, 1, model, -1, SQLITE_STATIC);
    for (; sqlite3_step(stmt) == SQLITE_ROW; n++) {
        int i = sqlite3_column_int(stmt, 0);
        if (sqlite3_column_bytes(stmt, 1) != DIMS * 4 || i < 0 || i >= TEXTS) break;
        memcpy(to[i], sqlite3_column_blob(stmt, 1), DIMS * sizeof(float));
    }
    sqlite3_finalize(stmt);
    return n;
}

static bool encode_all(sqlite3 *db, size_t kernel)
{
    static const char *const shapes[SHAPES] = {
        "SELECT id, embed(text, ?1) FROM doc",
        "SELECT id, vector FROM embed_each('SELECT id, text FROM doc', ?1)",
        ("SELECT id, vector FROM embed_each('SELECT id, text FROM doc ORDER BY id % 5, "
         "id "
         "DESC', ?1)")};
    static const char *const threads[SHAPES] = {"SELECT encoder_config('threads', 1)",
                                                "SELECT encoder_config('threads', 2)",
                                                "SELECT encoder_config('threads', 3)"};
    for (int m = 0; m < MODELS; m++)
        for (int s = 0; s < SHAPES; s++)
            if (points_run(db, threads[s]) != SQLITE_OK ||
                keep(db, shapes[s], precisions[m], got->of[kernel][m][s]) !=
                    count_texts(kernel))
                return false;
    return true;
}

static bool load(sqlite3 *db, int n_texts)
{
    bool is_well = points_run(db, "CREATE TABLE doc(id INTEGER PRIMARY KEY, text)") == 0;
    for (int i = 0; i < n_texts; i++) {
        char *sql = sqlite3_mprintf("INSERT INTO doc VALUES(%d, %Q)", i, texts[i]);
        is_well = is_well && points_run(db, sql) == SQLITE_OK;
        sqlite3_free(sql);
    }
    for (int m = 0; m < MODELS; m++) {
        char *sql =
            sqlite3_mprintf("SELECT encoder_load(%Q, '%s', '{\"precision\": \"%s\"}')",
                            folder, precisions[m], precisions[m]);
        is_well = is_well && points_says(db, sql, precisions[m]);
        sqlite3_free(sql);
    }
    return is_well;
}

/* 0: done; 2: this CPU cannot. */
static int run_kernel(size_t kernel)
{
    setenv("ENCODER_KERNEL", kernels[kernel], 1);
    enc_env_read();
    points_extend();
    sqlite3 *db = points_open(":memory:");
    char *sql =
        sqlite3_mprintf("SELECT encoder_version() LIKE '%%(%s,%%'", kernels[kernel]);
    char *answer = points_ask(db, sql);
    if (answer == NULL || strcmp(answer, "1") != 0) return 2;
    sqlite3_free(answer);
    sqlite3_free(sql);
    bool is_well = load(db, count_texts(kernel)) && encode_all(db, kernel);
    return sqlite3_close(db) == SQLITE_OK && is_well ? 0 : 1;
}

static void save_builtin(void)
{
    points_extend();
    sqlite3 *db = points_open(":memory:");
    char *sql = sqlite3_mprintf("SELECT encoder_save('builtin', %Q)", folder);
    int rc = points_run(db, sql);
    sqlite3_free(sql);
    sqlite3_close(db);
    _exit(rc == SQLITE_OK ? 0 : 1);
}

/* ---- in the parent ---- */

static double cosine(const float *a, const float *b)
{
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < DIMS; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

static void compare(size_t kernel, size_t first_fast)
{
    for (int m = 0; m < MODELS; m++)
        for (int i = 0; i < count_texts(kernel); i++) {
            const float *alone = got->of[kernel][m][ALONE][i];
            for (int s = BATCH; s < SHAPES; s++)
                POINT(memcmp(alone, got->of[kernel][m][s][i], DIMS * sizeof(float)) == 0,
                      "%s %s: text %d has other bits in a batch", kernels[kernel],
                      precisions[m], i);
            const float *other = got->of[first_fast][m][ALONE][i];
            double near = cosine(alone, other);
            if (kernel > 0)
                POINT(memcmp(alone, other, DIMS * sizeof(float)) == 0,
                      "%s %s: text %d has other bits than by %s", kernels[kernel],
                      precisions[m], i, kernels[first_fast]);
            else
                POINT(near >= near_plain[m], "%s %s: text %d has cosine %.9f with %s",
                      kernels[kernel], precisions[m], i, near, kernels[first_fast]);
        }
}

static void run_seed(void)
{
    size_t first_fast = 0;
    draw_texts();
    for (size_t k = 0; k < KERNELS; k++) {
        got->has[k] = false;
        if (k == 0 && seed % 8 != 1) continue;
        pid_t id = fork();
        if (id == 0) _exit(run_kernel(k));
        int status = points_wait(id, 600);
        POINT(status == 0 || (status == 2 && k > 0), "kernels %s ended with %d",
              kernels[k], status);
        got->has[k] = status == 0;
        if (status == 0 && first_fast == 0) first_fast = k;
    }
    for (size_t k = 0; k < KERNELS; k++)
        if (got->has[k]) compare(k, first_fast);
}

int main(int argc, char **argv)
{
    points_begin(argc, argv);
    got = mmap(NULL, sizeof *got, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
               0);
    if (got == MAP_FAILED || mkdtemp(folder) == NULL) return 1;
    pid_t id = fork();
    if (id == 0) save_builtin();
    POINT(points_wait(id, 60) == 0, "the built-in model is not saved");
    for (; points_go_on(); seed++) run_seed();
    for (int i = 0; i < TEXTS; i++) sqlite3_free(texts[i]);
    char *command = sqlite3_mprintf("rm -r %s", folder);
    POINT(system(command) == 0, "%s", command);
    sqlite3_free(command);
    return points_end("determinism");
}
