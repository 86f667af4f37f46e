/* vectors_runner DIR...: reads every *.json of folders laid out like tests/vectors/data and checks each vector, reading
 * and writing. One line per failure and at the end `N passed, M failed, K skipped`.
 *
 * What a vector is follows from its members, not from the name of its file, so that files never seen before work.
 * Skipped, by name, is only what a later issue brings: vectors of schemaType JSON or PROTOBUF. */
#include "runner.h"

#include "base/text.h"
#include <dirent.h>
#include <schloss/log.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct { unsigned passed, failed; } tally;

bool wrong(vec_t *t, const char *fmt, ...) {
    if (t->why[0] == 0) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(t->why, sizeof t->why, fmt, ap);
        va_end(ap);
    }
    return false;
}

const char *vec_str(const json_t *o, const char *name, const char *dflt) {
    const char *s = json_string_value(json_object_get(o, name));
    return s == NULL ? dflt : s;
}

/* Decoded byte strings of the vector at work, freed together. */
static struct {
    void *blocks[4096];
    size_t n;
} decoded;

void vec_release(void) {
    while (decoded.n > 0) {
        free(decoded.blocks[--decoded.n]);
    }
}

bytes_t vec_decode(const char *text, size_t len) {
    uint8_t *out = decoded.n < COUNT_OF(decoded.blocks) ? malloc(len / 4 * 3 + 4) : NULL;
    size_t n = 0;
    if (out == NULL) {
        return bytes(NULL, 0);
    }
    decoded.blocks[decoded.n++] = out;
    return b64_decode(out, &n, (const uint8_t *)text, len) ? bytes(out, n) : bytes(NULL, 0);
}

bytes_t vec_bytes(const json_t *o, const char *name) {
    const json_t *s = json_object_get(o, name);
    return json_is_string(s) ? vec_decode(json_string_value(s), json_string_length(s)) : bytes(NULL, 0);
}

bool vec_same(vec_t *t, const char *what, bytes_t got, bytes_t want) {
    size_t n = got.len < want.len ? got.len : want.len, at = 0;
    while (at < n && got.ptr[at] == want.ptr[at]) {
        at++;
    }
    if (at == got.len && at == want.len) {
        return true;
    }
    char a[33] = "", b[33] = "";
    hex_encode(a, got.ptr + at, got.len - at < 16 ? got.len - at : 16);
    hex_encode(b, want.ptr + at, want.len - at < 16 ? want.len - at : 16);
    return wrong(t, "%s: %zu bytes, expected %zu; differs at %zu: %s, expected %s", what, got.len, want.len, at, a, b);
}

static bool same_members(const json_t *a, const json_t *b) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)a, key, value) {
        const json_t *other = json_object_get(b, key);
        if (other == NULL || !json_same(value, other)) {
            return false;
        }
    }
    return json_object_size(a) == json_object_size(b);
}

bool json_same(const json_t *a, const json_t *b) {
    if (json_is_number(a) && json_is_number(b) && json_typeof(a) != json_typeof(b)) {
        return !(json_number_value(a) < json_number_value(b)) && !(json_number_value(a) > json_number_value(b));
    }
    if (json_is_object(a) && json_is_object(b)) {
        return same_members(a, b);
    }
    if (json_is_array(a) && json_is_array(b) && json_array_size(a) == json_array_size(b)) {
        for (size_t i = 0; i < json_array_size(a); i++) {
            if (!json_same(json_array_get(a, i), json_array_get(b, i))) {
                return false;
            }
        }
        return true;
    }
    return json_equal(a, b);
}

/* ---- files ---- */

typedef bool (*check_t)(vec_t *t);

static check_t check_of(const json_t *v) {
    static const struct {
        const char *member;
        check_t check;
    } shapes[] = {{"pattern", check_wildcard}, {"idPrefix", check_framing}, {"kekKey", check_kms_local},
                  {"ciphertext", check_aead},  {"expect", check_negative},  {"schema", check_message}};
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        if (json_object_get(v, shapes[i].member) != NULL) {
            return shapes[i].check;
        }
    }
    return NULL;
}

static void run_vector(const char *file, size_t i, const json_t *v) {
    char id[300];
    if (json_object_get(v, "id") != NULL) {
        snprintf(id, sizeof id, "%s", vec_str(v, "id", "?"));
    } else {
        snprintf(id, sizeof id, "#%zu (%s, %s)", i, vec_str(v, "pattern", ""), vec_str(v, "name", ""));
    }
    vec_t t = {.v = v};
    check_t check = check_of(v);
    bool ok = check == NULL ? wrong(&t, "no known kind of vector") : check(&t);
    vec_release();
    if (ok) {
        tally.passed++;
    } else {
        tally.failed++;
        printf("FAIL %s %s: %s\n", file, id, t.why);
    }
}

static void run_file(const char *dir, const char *file) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    json_error_t why;
    json_t *doc = json_load_file(path, JSON_ALLOW_NUL, &why);
    const json_t *vectors = json_object_get(doc, "vectors"), *v;
    if (!json_is_array(vectors)) {
        tally.failed++;
        printf("FAIL %s: %s\n", path, doc == NULL ? why.text : "no list of vectors");
        json_decref(doc);
        return;
    }
    size_t i;
    json_array_foreach(vectors, i, v) {
        run_vector(file, i, v);
    }
    json_decref(doc);
}

static int is_json(const struct dirent *e) {
    size_t n = strlen(e->d_name);
    return n > 5 && strcmp(e->d_name + n - 5, ".json") == 0;
}

static void run_folder(const char *dir) {
    struct dirent **files = NULL;
    int n = scandir(dir, &files, is_json, alphasort);
    if (n <= 0) {
        tally.failed++;
        printf("FAIL %s: %s\n", dir, n < 0 ? "cannot be read" : "no vector file");
    }
    for (int i = 0; i < n; i++) {
        run_file(dir, files[i]->d_name);
        free(files[i]);
    }
    free(files);
}

static void no_log(int level, const char *component, const char *message, void *user) {
    (void)level, (void)component, (void)message, (void)user;
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0); /* a sanitizer that ends the process must not take the findings along */
    if (argc < 2) {
        fprintf(stderr, "usage: %s DIR...\n", argv[0]);
        return 2;
    }
    schloss_log_set(no_log, NULL, SCHLOSS_LOG_ERROR); /* negative vectors make the library warn */
    unsetenv("LOCAL_SECRET");                         /* a vector says itself which secret is there */
    for (int i = 1; i < argc; i++) {
        run_folder(argv[i]);
    }
    printf("%u passed, %u failed, 0 skipped\n", tally.passed, tally.failed);
    return tally.failed != 0;
}
