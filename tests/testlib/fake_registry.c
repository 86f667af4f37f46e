/* The fake registry's store, request log, faults and transport; see fake_registry.h. */
#include "testlib/fake_registry_int.h"

#include "base/err.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void *fake_own(void *p) {
    if (p == NULL) {
        fputs("fake registry: out of memory\n", stderr);
        abort();
    }
    return p;
}

static void enter(fake_registry_t *fr) {
    fault_pause();
    pthread_mutex_lock(&fr->lock);
}

static void leave(fake_registry_t *fr) {
    pthread_mutex_unlock(&fr->lock);
    fault_resume();
}

static char *copy(const char *s) {
    return s == NULL ? NULL : fake_own(strdup(s));
}

int64_t fake_now(const fake_registry_t *fr) {
    if (fr->now_ms != 0) {
        return fr->now_ms;
    }
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

fake_registry_t *fake_registry_new(void) {
    fault_pause();
    fake_registry_t *fr = fake_own(calloc(1, sizeof *fr));
    pthread_mutex_init(&fr->lock, NULL);
    fr->schemas = fake_own(json_array());
    fr->keks = fake_own(json_array());
    fr->deks = fake_own(json_array());
    fr->associations = fake_own(json_array());
    fr->secret = copy("mysecret");
    fault_resume();
    return fr;
}

static void forget_requests(fake_registry_t *fr) {
    for (size_t i = 0; i < fr->n_requests; i++) {
        free(fr->requests[i].line);
        free(fr->requests[i].body);
        free(fr->requests[i].headers);
    }
    free(fr->requests);
    fr->requests = NULL;
    fr->n_requests = 0;
}

static void forget_faults(fake_registry_t *fr) {
    for (size_t i = 0; i < fr->n_faults; i++) {
        free(fr->faults[i].match);
        free(fr->faults[i].body);
    }
    fr->n_faults = 0;
}

void fake_registry_free(fake_registry_t *fr) {
    if (fr == NULL) {
        return;
    }
    fault_pause();
    forget_requests(fr);
    forget_faults(fr);
    json_decref(fr->schemas);
    json_decref(fr->keks);
    json_decref(fr->deks);
    json_decref(fr->associations);
    explicit_bzero(fr->secret, strlen(fr->secret));
    free(fr->secret);
    pthread_mutex_destroy(&fr->lock);
    free(fr);
    fault_resume();
}

/* ---- loading ---- */

static void append(json_t *array, json_t *item) {
    if (json_array_append_new(array, fake_own(item)) != 0) {
        (void)fake_own(NULL);
    }
}

static bool str_is(const json_t *o, const char *name, const char *value) {
    const char *s = json_string_value(json_object_get(o, name));
    return s != NULL && strcmp(s, value) == 0;
}

bool fake_deleted(const json_t *o) {
    return json_is_true(json_object_get(o, "deleted"));
}

void fake_registry_put_schema(fake_registry_t *fr, const json_t *schema) {
    enter(fr);
    append(fr->schemas, json_deep_copy(schema));
    leave(fr);
}

void fake_registry_put_avro(fake_registry_t *fr, const char *subject, int32_t id, const char *text,
                            const char *rule_set) {
    enter(fr);
    json_int_t version = 1;
    size_t i;
    json_t *other;
    json_array_foreach(fr->schemas, i, other) {
        version += str_is(other, "subject", subject);
    }
    char guid[37];
    snprintf(guid, sizeof guid, "00000000-0000-4000-8000-%012x", (unsigned)id);
    json_t *s = fake_own(json_pack("{s:s, s:I, s:i, s:s, s:s, s:s}", "subject", subject, "version", version, "id",
                                   (int)id, "guid", guid, "schemaType", "AVRO", "schema", text));
    if (rule_set != NULL) {
        json_object_set_new(s, "ruleSet", fake_own(json_loads(rule_set, 0, NULL)));
    }
    append(fr->schemas, s);
    leave(fr);
}

static void remove_kek(fake_registry_t *fr, const char *name) {
    for (size_t i = json_array_size(fr->keks); i-- > 0;) {
        if (str_is(json_array_get(fr->keks, i), "name", name)) {
            json_array_remove(fr->keks, i);
        }
    }
}

void fake_registry_put_kek(fake_registry_t *fr, const json_t *kek) {
    enter(fr);
    remove_kek(fr, json_string_value(json_object_get(kek, "name")));
    append(fr->keks, json_deep_copy(kek));
    leave(fr);
}

void fake_registry_put_local_kek(fake_registry_t *fr, const char *name, const char *key_id, bool shared) {
    enter(fr);
    remove_kek(fr, name);
    append(fr->keks, json_pack("{s:s, s:s, s:s, s:b, s:I}", "name", name, "kmsType", "local-kms", "kmsKeyId", key_id,
                               "shared", shared, "ts", (json_int_t)fake_now(fr)));
    leave(fr);
}

void fake_registry_put_dek(fake_registry_t *fr, const json_t *dek) {
    enter(fr);
    json_t *d = fake_own(json_deep_copy(dek));
    json_object_del(d, "keyMaterial"); /* what must not be handed out is not even kept */
    json_object_del(d, "rawKey");
    append(fr->deks, d);
    leave(fr);
}

void fake_registry_make_dek(fake_registry_t *fr, const char *kek, const char *subject, int32_t version,
                            const char *algorithm, const uint8_t *raw) {
    enter(fr);
    json_t *d = fake_own(json_pack("{s:s, s:s, s:i, s:s, s:I}", "kekName", kek, "subject", subject, "version",
                                   (int)version, "algorithm", algorithm, "ts", (json_int_t)fake_now(fr)));
    if (!fake_key_make(fr, fake_find_kek(fr, kek), algorithm, raw, d)) {
        fprintf(stderr, "fake registry: cannot make a DEK of %s\n", algorithm);
        abort();
    }
    append(fr->deks, d);
    leave(fr);
}

void fake_registry_put_association(fake_registry_t *fr, const char *topic, bool is_key, const char *subject) {
    enter(fr);
    append(fr->associations,
           json_pack("{s:s, s:s, s:s, s:s, s:s}", "subject", subject, "resourceName", topic, "resourceNamespace", "-",
                     "resourceType", "topic", "associationType", is_key ? "key" : "value"));
    leave(fr);
}

void fake_registry_delete_kek(fake_registry_t *fr, const char *name, bool soft) {
    enter(fr);
    if (soft) {
        json_object_set_new(fake_find_kek(fr, name), "deleted", json_true());
    } else {
        remove_kek(fr, name);
    }
    leave(fr);
}

void fake_registry_delete_dek(fake_registry_t *fr, const char *kek, const char *subject, int32_t version, bool soft) {
    enter(fr);
    for (size_t i = json_array_size(fr->deks); i-- > 0;) {
        json_t *d = json_array_get(fr->deks, i);
        if (!str_is(d, "kekName", kek) || !str_is(d, "subject", subject) ||
            (version != 0 && json_integer_value(json_object_get(d, "version")) != version)) {
            continue;
        }
        if (soft) {
            json_object_set_new(d, "deleted", json_true());
        } else {
            json_array_remove(fr->deks, i);
        }
    }
    leave(fr);
}

void fake_registry_age_deks(fake_registry_t *fr, const char *subject, int64_t ts) {
    enter(fr);
    size_t i;
    json_t *d;
    json_array_foreach(fr->deks, i, d) {
        if (str_is(d, "subject", subject)) {
            json_object_set_new(d, "ts", json_integer(ts));
        }
    }
    leave(fr);
}

void fake_registry_set_secret(fake_registry_t *fr, const char *secret) {
    enter(fr);
    free(fr->secret);
    fr->secret = copy(secret);
    leave(fr);
}

void fake_registry_set_now(fake_registry_t *fr, int64_t now_ms) {
    enter(fr);
    fr->now_ms = now_ms;
    leave(fr);
}

size_t fake_registry_n_deks(fake_registry_t *fr) {
    enter(fr);
    size_t n = json_array_size(fr->deks);
    leave(fr);
    return n;
}

json_t *fake_registry_get_dek(fake_registry_t *fr, const char *kek, const char *subject, int32_t version,
                              const char *algorithm) {
    enter(fr);
    json_t *d = json_deep_copy(fake_find_dek(fr, kek, subject, version, algorithm, true));
    leave(fr);
    return d;
}

/* ---- request log ---- */

size_t fake_registry_n_requests(fake_registry_t *fr) {
    enter(fr);
    size_t n = fr->n_requests;
    leave(fr);
    return n;
}

static const fake_request_t *request_at(fake_registry_t *fr, size_t i) {
    static const fake_request_t none = {NULL, NULL, NULL, 0};
    return i < fr->n_requests ? &fr->requests[i] : &none;
}

const char *fake_registry_request(fake_registry_t *fr, size_t i) {
    enter(fr);
    const char *s = request_at(fr, i)->line;
    leave(fr);
    return s;
}

const char *fake_registry_request_body(fake_registry_t *fr, size_t i) {
    enter(fr);
    const char *s = request_at(fr, i)->body;
    leave(fr);
    return s;
}

const char *fake_registry_request_headers(fake_registry_t *fr, size_t i) {
    enter(fr);
    const char *s = request_at(fr, i)->headers;
    leave(fr);
    return s;
}

int fake_registry_request_status(fake_registry_t *fr, size_t i) {
    enter(fr);
    int status = request_at(fr, i)->status;
    leave(fr);
    return status;
}

size_t fake_registry_count(fake_registry_t *fr, const char *text) {
    enter(fr);
    size_t n = 0;
    for (size_t i = 0; i < fr->n_requests; i++) {
        n += strstr(fr->requests[i].line, text) != NULL;
    }
    leave(fr);
    return n;
}

void fake_registry_clear_requests(fake_registry_t *fr) {
    enter(fr);
    forget_requests(fr);
    leave(fr);
}

/* Returns the entry's index: the array may move while another thread's request is logged. */
static size_t log_request(fake_registry_t *fr, const schloss_http_request_t *req, const char *path) {
    if ((fr->n_requests & (fr->n_requests - 1)) == 0) {
        size_t cap = fr->n_requests == 0 ? 1 : fr->n_requests * 2;
        fr->requests = fake_own(realloc(fr->requests, cap * sizeof *fr->requests));
    }
    fake_request_t *r = &fr->requests[fr->n_requests];
    size_t n = strlen(req->method) + strlen(path) + 2;
    r->line = fake_own(malloc(n));
    snprintf(r->line, n, "%s %s", req->method, path);
    r->body = fake_own(strndup(req->body.len == 0 ? "" : (const char *)req->body.ptr, req->body.len));
    size_t headers_len = 1;
    for (size_t i = 0; i < req->n_headers; i++) {
        headers_len += strlen(req->headers[i].name) + strlen(req->headers[i].value) + 3;
    }
    r->headers = fake_own(calloc(1, headers_len));
    for (size_t i = 0, at = 0; i < req->n_headers; i++) {
        at += (size_t)snprintf(r->headers + at, headers_len - at, "%s: %s\n", req->headers[i].name,
                               req->headers[i].value);
    }
    r->status = 0;
    return fr->n_requests++;
}

/* ---- faults ---- */

void fake_registry_fault(fake_registry_t *fr, fake_fault_t kind, const char *match, unsigned nth, unsigned times,
                         int arg, const char *body) {
    enter(fr);
    if (fr->n_faults == sizeof fr->faults / sizeof *fr->faults) {
        fputs("fake registry: too many faults\n", stderr);
        abort();
    }
    fr->faults[fr->n_faults++] = (fake_rule_t){kind, copy(match), copy(body), nth == 0 ? 1 : nth, times, arg};
    leave(fr);
}

void fake_registry_clear_faults(fake_registry_t *fr) {
    enter(fr);
    forget_faults(fr);
    leave(fr);
}

/* The fault that hits this request, if any; every matching fault counts it. */
static const fake_rule_t *fault_for(fake_registry_t *fr, const char *line) {
    static const unsigned spent = 0x80000000u;
    const fake_rule_t *hit = NULL;
    for (size_t i = 0; i < fr->n_faults; i++) {
        fake_rule_t *f = &fr->faults[i];
        if (f->nth == spent || (f->match != NULL && strstr(line, f->match) == NULL)) {
            continue;
        }
        if (f->nth > 1) {
            f->nth--;
            continue;
        }
        hit = hit == NULL ? f : hit;
        if (f->times == 1) {
            f->nth = spent;
        } else if (f->times > 1) {
            f->times--;
        }
    }
    return hit;
}

static char *deep_json(void) {
    size_t depth = 10000;
    char *s = fake_own(calloc(1, 2 * depth + 1));
    memset(s, '[', depth);
    memset(s + depth, ']', depth);
    return s;
}

static const char *path_of(const char *url) {
    const char *p = strstr(url, "://");
    p = p == NULL ? url : p + 3;
    p = strchr(p, '/');
    return p == NULL ? "/" : p;
}

static schloss_rc perform(void *user, const schloss_http_request_t *req, schloss_http_response_t *out,
                          schloss_error_t *err) {
    fake_registry_t *fr = user;
    enter(fr);
    const char *path = path_of(req->url);
    size_t at = log_request(fr, req, path);
    const fake_rule_t *hit = fault_for(fr, fr->requests[at].line);
    fake_rule_t fault = hit == NULL ? (fake_rule_t){.kind = FAKE_DELAY, .arg = 0} : *hit;
    if (fault.kind == FAKE_FAILURE) {
        leave(fr);
        return err_set(err, fault.arg, "the fake registry fails this request");
    }
    char *text = NULL;
    int status = 200;
    if (fault.kind == FAKE_LOSE_RACE) {
        fake_rival(fr, path, fr->requests[at].body);
    }
    if (fault.kind == FAKE_STATUS) {
        text = copy("{\"error_code\":50001,\"message\":\"failed on purpose\"}");
        status = fault.arg;
    } else if (fault.kind == FAKE_GARBAGE) {
        text = copy("<html>\xff\x01 not what you asked for");
    } else if (fault.kind == FAKE_BODY) {
        text = copy(fault.body);
        status = fault.arg;
    } else if (fault.kind == FAKE_DEEP) {
        text = deep_json();
    } else {
        json_t *body = fake_answer(fr, req->method, path, fr->requests[at].body, &status);
        text = fake_own(json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY));
        json_decref(body);
        if (fault.kind == FAKE_STATUS_AFTER) {
            status = fault.arg;
        } else if (fault.kind == FAKE_TRUNCATE) {
            text[strlen(text) / 2] = 0;
        }
    }
    fr->requests[at].status = status;
    leave(fr);
    if (fault.kind == FAKE_DELAY && fault.arg > 0) {
        nanosleep(&(struct timespec){fault.arg / 1000, fault.arg % 1000 * 1000000L}, NULL);
    }
    size_t len = strlen(text);
    if (len > req->max_body) {
        free(text);
        return FAIL(err, LIMIT_EXCEEDED, "answer longer than %zu bytes", req->max_body);
    }
    *out = (schloss_http_response_t){.status = status, .body = (uint8_t *)text, .body_len = len};
    return SCHLOSS_OK;
}

static void release(void *user, schloss_http_response_t *out) {
    (void)user;
    explicit_bzero(out->body, out->body_len);
    free(out->body);
    out->body = NULL;
}

schloss_transport_t fake_registry_transport(fake_registry_t *fr) {
    return (schloss_transport_t){
        .size = sizeof(schloss_transport_t), .user = fr, .perform = perform, .release = release};
}
