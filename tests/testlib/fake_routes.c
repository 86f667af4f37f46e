/* The fake registry's answers: one function per route that the client calls (spec: client-encryption 1.7, 5.4-5.7;
 * statuses and error codes: schema-registry-api, dek-registry-api). */
#include "testlib/fake_registry_int.h"

#include "base/buf.h"
#include "base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SEGMENTS 12

typedef struct call {
    fake_registry_t *fr;
    char *segments[MAX_SEGMENTS]; /* decoded */
    size_t n;
    const char *query; /* without '?', still encoded */
    json_t *body;      /* NULL when none or no JSON */
    int *status;
} call_t;

static json_t *failure(const call_t *c, int status, int code, const char *message) {
    *c->status = status;
    return fake_own(json_pack("{s:i, s:s}", "error_code", code, "message", message));
}

static char *decode(const char *s, size_t n) {
    buf_t b;
    buf_init(&b, 1u << 20, "path", false);
    bool ok = url_unescape(&b, s, n, false);
    char *out = fake_own(strndup(ok && b.len > 0 ? (const char *)b.ptr : "", ok ? b.len : 0));
    buf_clear(&b);
    return out;
}

/* Decoded value of a query parameter, freed by the caller; NULL when absent. */
static char *param(const call_t *c, const char *name) {
    size_t len = strlen(name);
    for (const char *p = c->query; p != NULL && *p != 0;) {
        size_t n = strcspn(p, "&");
        if (n > len && strncmp(p, name, len) == 0 && p[len] == '=') {
            return decode(p + len + 1, n - len - 1);
        }
        p += n + (p[n] == '&');
    }
    return NULL;
}

static bool flag(const call_t *c, const char *name) {
    char *v = param(c, name);
    bool on = v != NULL && strcmp(v, "true") == 0;
    free(v);
    return on;
}

static const char *text_of(const json_t *o, const char *name) {
    const char *s = json_string_value(json_object_get(o, name));
    return s == NULL ? "" : s;
}

static bool same(const json_t *o, const char *name, const char *value) {
    return strcmp(text_of(o, name), value) == 0;
}

/* ---- schemas ---- */

static json_t *schema_answer(const call_t *c, const json_t *s, bool with_subject) {
    json_t *out = fake_own(json_deep_copy(s));
    char *format = param(c, "format");
    if (format != NULL && strcmp(format, "serialized") == 0 && json_is_string(json_object_get(out, "serialized"))) {
        json_object_set(out, "schema", json_object_get(out, "serialized"));
    }
    free(format);
    json_object_del(out, "serialized");
    json_object_del(out, "messageName");
    json_object_del(out, "messageIndexes");
    if (same(out, "schemaType", "AVRO")) {
        json_object_del(out, "schemaType");
    }
    if (!with_subject) {
        json_object_del(out, "subject");
        json_object_del(out, "version");
        json_object_del(out, "id");
    }
    return out;
}

static json_t *latest_of(fake_registry_t *fr, const char *subject, const char *version) {
    size_t i;
    json_t *s, *found = NULL;
    json_array_foreach(fr->schemas, i, s) {
        json_int_t v = json_integer_value(json_object_get(s, "version"));
        bool newest = strcmp(version, "latest") == 0 || strcmp(version, "-1") == 0;
        if (same(s, "subject", subject) && (newest || v == atoi(version)) &&
            (found == NULL || v > json_integer_value(json_object_get(found, "version")))) {
            found = s;
        }
    }
    return found;
}

static json_t *get_version(const call_t *c) {
    json_t *s = latest_of(c->fr, c->segments[1], c->segments[3]);
    if (s != NULL) {
        return schema_answer(c, s, true);
    }
    return latest_of(c->fr, c->segments[1], "latest") == NULL ? failure(c, 404, 40401, "Subject not found.")
                                                              : failure(c, 404, 40402, "Version not found.");
}

static json_t *get_by_id(const call_t *c) {
    char *subject = param(c, "subject");
    json_t *s, *any = NULL, *exact = NULL;
    size_t i;
    json_array_foreach(c->fr->schemas, i, s) {
        if (json_integer_value(json_object_get(s, "id")) == atoi(c->segments[2])) {
            any = any == NULL ? s : any;
            exact = subject != NULL && same(s, "subject", subject) ? s : exact;
        }
    }
    free(subject);
    if (any == NULL) {
        return failure(c, 404, 40403, "Schema not found");
    }
    return schema_answer(c, exact != NULL ? exact : any, exact != NULL);
}

static json_t *get_by_guid(const call_t *c) {
    json_t *s;
    size_t i;
    json_array_foreach(c->fr->schemas, i, s) {
        if (same(s, "guid", c->segments[2])) {
            return schema_answer(c, s, false);
        }
    }
    return failure(c, 404, 40403, "Schema not found");
}

static json_t *lookup(const call_t *c) {
    json_t *s, *wanted = json_loads(text_of(c->body, "schema"), JSON_DECODE_ANY, NULL), *found = NULL;
    size_t i;
    json_array_foreach(c->fr->schemas, i, s) {
        json_t *have = json_loads(text_of(s, "schema"), JSON_DECODE_ANY, NULL);
        if (same(s, "subject", c->segments[1]) && wanted != NULL && json_equal(wanted, have)) {
            found = s;
        }
        json_decref(have);
    }
    json_decref(wanted);
    if (found != NULL) {
        return schema_answer(c, found, true);
    }
    return latest_of(c->fr, c->segments[1], "latest") == NULL ? failure(c, 404, 40401, "Subject not found.")
                                                              : failure(c, 404, 40403, "Schema not found");
}

/* POST of a schema: the version that has it already (as registries do, rules and all), else a new one. */
static json_t *post_version(const call_t *c) {
    json_t *s, *found = NULL, *wanted = json_loads(text_of(c->body, "schema"), JSON_DECODE_ANY, NULL);
    json_int_t id = 0, version = 0;
    size_t i;
    json_array_foreach(c->fr->schemas, i, s) {
        json_t *have = json_loads(text_of(s, "schema"), JSON_DECODE_ANY, NULL);
        json_int_t its = json_integer_value(json_object_get(s, "id"));
        id = its > id ? its : id;
        if (same(s, "subject", c->segments[1])) {
            version++;
            found = wanted != NULL && json_equal(wanted, have) ? s : found;
        }
        json_decref(have);
    }
    json_decref(wanted);
    if (found == NULL) {
        const char *type = text_of(c->body, "schemaType");
        found =
            fake_own(json_pack("{s:s, s:I, s:I, s:s, s:s}", "subject", c->segments[1], "version", version + 1, "id",
                               id + 1, "schemaType", *type == 0 ? "AVRO" : type, "schema", text_of(c->body, "schema")));
        json_array_append_new(c->fr->schemas, found);
    }
    return fake_own(json_pack("{s:O}", "id", json_object_get(found, "id")));
}

/* Latest version whose metadata has the property of the query (its first pair). */
static json_t *get_metadata(const call_t *c) {
    char *key = param(c, "key"), *value = param(c, "value");
    json_t *s, *found = NULL;
    size_t i;
    json_array_foreach(c->fr->schemas, i, s) {
        const json_t *props = json_object_get(json_object_get(s, "metadata"), "properties");
        if (same(s, "subject", c->segments[1]) && key != NULL && value != NULL && same(props, key, value)) {
            found = s;
        }
    }
    free(key);
    free(value);
    return found != NULL ? schema_answer(c, found, true) : failure(c, 404, 40402, "Version not found.");
}

static json_t *get_associations(const call_t *c) {
    char *type = param(c, "associationType");
    json_t *out = fake_own(json_array()), *a;
    size_t i;
    json_array_foreach(c->fr->associations, i, a) {
        if (same(a, "resourceName", c->segments[3]) && (type == NULL || same(a, "associationType", type))) {
            json_array_append(out, a);
        }
    }
    free(type);
    if (json_array_size(out) == 0) {
        json_decref(out);
        return failure(c, 404, 40401, "No association found");
    }
    return out;
}

/* ---- keys ---- */

json_t *fake_find_kek(fake_registry_t *fr, const char *name) {
    json_t *k;
    size_t i;
    json_array_foreach(fr->keks, i, k) {
        if (same(k, "name", name)) {
            return k;
        }
    }
    return NULL;
}

json_t *fake_find_dek(fake_registry_t *fr, const char *kek, const char *subject, json_int_t version,
                      const char *algorithm, bool deleted) {
    json_t *d, *found = NULL;
    size_t i;
    json_array_foreach(fr->deks, i, d) {
        json_int_t v = json_integer_value(json_object_get(d, "version"));
        if (same(d, "kekName", kek) && same(d, "subject", subject) && same(d, "algorithm", algorithm) &&
            (version == -1 || v == version) && (deleted || !fake_deleted(d)) &&
            (found == NULL || v > json_integer_value(json_object_get(found, "version")))) {
            found = d;
        }
    }
    return found;
}

static json_t *visible_kek(const call_t *c, const char *name) {
    json_t *k = fake_find_kek(c->fr, name);
    return k != NULL && (!fake_deleted(k) || flag(c, "deleted")) ? k : NULL;
}

static json_t *get_kek(const call_t *c) {
    json_t *k = visible_kek(c, c->segments[3]);
    return k == NULL ? failure(c, 404, 40470, "Key not found") : fake_own(json_deep_copy(k));
}

static json_t *post_kek(const call_t *c) {
    const char *name = text_of(c->body, "name");
    if (*name == 0 || !json_is_string(json_object_get(c->body, "kmsType")) ||
        !json_is_string(json_object_get(c->body, "kmsKeyId"))) {
        return failure(c, 422, 42271, "Invalid or missing value for field of key");
    }
    json_t *k = fake_find_kek(c->fr, name);
    if (k != NULL) {
        bool undelete = fake_deleted(k) && same(k, "kmsType", text_of(c->body, "kmsType")) &&
                        same(k, "kmsKeyId", text_of(c->body, "kmsKeyId"));
        if (!undelete) {
            return failure(c, 409, 40971, "Key already exists");
        }
        json_object_del(k, "deleted");
    } else {
        k = fake_own(json_deep_copy(c->body));
        json_object_del(k, "deleted");
        json_array_append_new(c->fr->keks, k);
    }
    json_object_set_new(k, "ts", json_integer(fake_now(c->fr)));
    return fake_own(json_deep_copy(k));
}

/* A DEK as handed out: with the key itself only when the KEK is shared. */
static json_t *dek_answer(const call_t *c, const json_t *kek, const json_t *dek) {
    json_t *out = fake_own(json_deep_copy(dek));
    if (json_is_true(json_object_get(kek, "shared"))) {
        char *material = fake_key_open(c->fr, kek, dek);
        if (material == NULL) {
            json_decref(out);
            return failure(c, 500, 50070, "Cannot unwrap the key");
        }
        json_object_set_new(out, "keyMaterial", fake_own(json_string(material)));
        explicit_bzero(material, strlen(material));
        free(material);
    }
    return out;
}

static json_t *get_dek(const call_t *c) {
    json_t *kek = fake_find_kek(c->fr, c->segments[3]);
    if (kek == NULL) {
        return failure(c, 404, 40470, "Key not found");
    }
    json_int_t version = 1;
    if (c->n == 8) {
        bool latest = strcmp(c->segments[7], "latest") == 0 || strcmp(c->segments[7], "-1") == 0;
        version = latest ? -1 : atoll(c->segments[7]);
        if (!latest && (version < 1 || version > INT32_MAX)) {
            return failure(c, 422, 42202, "The specified version is not a valid version id.");
        }
    }
    char *algorithm = param(c, "algorithm");
    json_t *dek = fake_find_dek(c->fr, c->segments[3], c->segments[5], version,
                                algorithm == NULL ? "AES256_GCM" : algorithm, flag(c, "deleted"));
    free(algorithm);
    return dek == NULL ? failure(c, 404, 40470, "Key not found") : dek_answer(c, kek, dek);
}

static json_t *post_dek(const call_t *c) {
    json_t *kek = fake_find_kek(c->fr, c->segments[3]);
    if (kek == NULL || fake_deleted(kek)) {
        return failure(c, 404, 40470, "Key not found");
    }
    const char *subject = c->n == 6 ? c->segments[5] : text_of(c->body, "subject");
    const char *algorithm = *text_of(c->body, "algorithm") == 0 ? "AES256_GCM" : text_of(c->body, "algorithm");
    json_t *v = json_object_get(c->body, "version");
    json_int_t version = v == NULL ? 1 : json_integer_value(v);
    const char *wrapped = text_of(c->body, "encryptedKeyMaterial");
    bool shared = json_is_true(json_object_get(kek, "shared"));
    if (*subject == 0 || version < 1 || (*wrapped == 0 && !shared)) {
        return failure(c, 422, 42271, "Invalid or missing value for field 'encryptedKeyMaterial' of key");
    }
    json_t *dek = fake_find_dek(c->fr, c->segments[3], subject, version, algorithm, true);
    if (dek != NULL) {
        return failure(c, 409, 40971, "Key already exists");
    }
    dek = fake_own(json_pack("{s:s, s:s, s:I, s:s, s:I}", "kekName", c->segments[3], "subject", subject, "version",
                             version, "algorithm", algorithm, "ts", (json_int_t)fake_now(c->fr)));
    if (*wrapped != 0) {
        json_object_set_new(dek, "encryptedKeyMaterial", fake_own(json_string(wrapped)));
    } else if (!fake_key_make(c->fr, kek, algorithm, NULL, dek)) {
        json_decref(dek);
        return failure(c, 500, 50070, "Cannot generate the key");
    }
    json_array_append_new(c->fr->deks, dek);
    return dek_answer(c, kek, dek);
}

/* ---- dispatch ---- */

static bool is(const call_t *c, const char *const *pattern, size_t n) {
    if (c->n != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (pattern[i] != NULL && strcmp(pattern[i], c->segments[i]) != 0) {
            return false;
        }
    }
    return true;
}

#define IS(...) is(c, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static json_t *dispatch(const call_t *c, const char *method) {
    if (strcmp(method, "GET") == 0) {
        if (IS("subjects", NULL, "versions", NULL)) {
            return get_version(c);
        }
        if (IS("subjects", NULL, "metadata")) {
            return get_metadata(c);
        }
        if (IS("schemas", "ids", NULL)) {
            return get_by_id(c);
        }
        if (IS("schemas", "guids", NULL)) {
            return get_by_guid(c);
        }
        if (IS("associations", "resources", NULL, NULL)) {
            return get_associations(c);
        }
        if (IS("dek-registry", "v1", "keks", NULL)) {
            return get_kek(c);
        }
        if (IS("dek-registry", "v1", "keks", NULL, "deks", NULL) ||
            IS("dek-registry", "v1", "keks", NULL, "deks", NULL, "versions", NULL)) {
            return get_dek(c);
        }
    } else if (strcmp(method, "POST") == 0) {
        if (IS("subjects", NULL)) {
            return lookup(c);
        }
        if (IS("subjects", NULL, "versions")) {
            return post_version(c);
        }
        if (IS("dek-registry", "v1", "keks")) {
            return post_kek(c);
        }
        if (IS("dek-registry", "v1", "keks", NULL, "deks", NULL) || IS("dek-registry", "v1", "keks", NULL, "deks")) {
            return post_dek(c);
        }
    }
    return failure(c, 404, 404, "HTTP 404 Not Found");
}

static void open_call(call_t *c, fake_registry_t *fr, const char *path, const char *body, int *status) {
    *c = (call_t){.fr = fr, .status = status, .body = json_loads(body, 0, NULL)};
    size_t n = strcspn(path, "?");
    c->query = path[n] == '?' ? path + n + 1 : "";
    for (size_t at = 1; at <= n && c->n < MAX_SEGMENTS;) {
        size_t len = strcspn(path + at, "/?");
        c->segments[c->n++] = decode(path + at, len);
        at += len + 1;
    }
}

static void close_call(call_t *c) {
    for (size_t i = 0; i < c->n; i++) {
        free(c->segments[i]);
    }
    json_decref(c->body);
}

json_t *fake_answer(fake_registry_t *fr, const char *method, const char *path, const char *body, int *status) {
    call_t c;
    *status = 200;
    open_call(&c, fr, path, body, status);
    json_t *out = dispatch(&c, method);
    close_call(&c);
    return out;
}

void fake_rival(fake_registry_t *fr, const char *path, const char *body) {
    int status = 200;
    call_t call, *c = &call;
    open_call(c, fr, path, body, &status);
    json_t *answer = NULL;
    if (IS("dek-registry", "v1", "keks")) {
        answer = post_kek(c);
    } else if (c->n >= 5 && c->body != NULL) {
        json_t *kek = fake_find_kek(fr, c->segments[3]);
        const char *algorithm = *text_of(c->body, "algorithm") == 0 ? "AES256_GCM" : text_of(c->body, "algorithm");
        if (kek != NULL && fake_key_make(fr, kek, algorithm, NULL, c->body)) {
            answer = post_dek(c);
        }
    }
    json_decref(answer);
    close_call(c);
}
