/* A whole registry on a disk that fails: schemas and keys are registered over HTTP. */
#include "store_faults.h"
#include "vfs.h"

#include "registry/registry.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMAS 4

static size_t collect(char *data, size_t size, size_t n, void *user) {
    char *out = user;
    size_t have = strlen(out), take = size * n < 4095 - have ? size * n : 4095 - have;
    memcpy(out + have, data, take);
    out[have + take] = 0;
    return size * n;
}

/* HTTP status, 0 when there was no answer. body of 4096 bytes. */
static long call(CURL *curl, const char *url, const char *post, char *body) {
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/vnd.schemaregistry.v1+json");
    long status = 0;
    body[0] = 0;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    if (post != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, post);
    }
    if (curl_easy_perform(curl) == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_slist_free_all(headers);
    return status;
}

static long id_in(const char *body) {
    const char *p = strstr(body, "\"id\":");
    return p == NULL ? -1 : strtol(p + 5, NULL, 10);
}

/* The id of schema i, or -1 when the registry refused; *status as it answered. */
static long put_schema(CURL *curl, const char *base, int i, long *status) {
    char url[256], post[512], body[4096];
    snprintf(url, sizeof url, "%s/subjects/s%d-value/versions", base, i);
    snprintf(post, sizeof post,
             "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"R%d\\\",\\\"fields\\\":[]}\"}", i);
    *status = call(curl, url, post, body);
    return *status == 200 ? id_in(body) : -1;
}

static bool put_kek(CURL *curl, const char *base, long *status) {
    char url[256], body[4096];
    snprintf(url, sizeof url, "%s/dek-registry/v1/keks", base);
    *status =
        call(curl, url, "{\"name\":\"kek1\",\"kmsType\":\"local-kms\",\"kmsKeyId\":\"mykey\",\"shared\":false}", body);
    return *status == 200 || *status == 409; /* 409: an earlier attempt arrived after all */
}

typedef struct acknowledged {
    long ids[SCHEMAS];
    bool kek;
} acknowledged_t;

static bool check(CURL *curl, const char *base, const char *what, const acknowledged_t *a, const char *when) {
    char url[256], body[4096], name[32];
    for (int i = 0; i < SCHEMAS; i++) {
        if (a->ids[i] < 0) {
            continue;
        }
        for (int k = 0; k < i; k++) {
            if (a->ids[k] == a->ids[i]) {
                return finding("%s: id %ld was given twice", what, a->ids[i]);
            }
        }
        snprintf(url, sizeof url, "%s/schemas/ids/%ld", base, a->ids[i]);
        snprintf(name, sizeof name, "R%d", i);
        if (call(curl, url, NULL, body) != 200 || strstr(body, name) == NULL) {
            return finding("%s: schema %d (id %ld) was acknowledged and is not there %s: %.200s", what, i, a->ids[i],
                           when, body);
        }
    }
    snprintf(url, sizeof url, "%s/dek-registry/v1/keks/kek1", base);
    if (a->kek && call(curl, url, NULL, body) != 200) {
        return finding("%s: the KEK was acknowledged and is not there %s", what, when);
    }
    return true;
}

static schloss_rc start(registry_t **out, schloss_error_t *err) {
    char path[128], store[160];
    store_path(path);
    snprintf(store, sizeof store, "sqlite:%s", path);
    registry_conf_t conf = {.listen = "127.0.0.1:0", .store = store, .threads = 1};
    return registry_start(out, &conf, err);
}

static bool use(CURL *curl, registry_t *r, const char *what, acknowledged_t *a) {
    const char *base = registry_url(r);
    long status = 0;
    for (int i = 0; i < SCHEMAS; i++) {
        a->ids[i] = put_schema(curl, base, i, &status);
        if (status != 200 && status < 500) {
            return finding("%s: registering answers %ld, neither 200 nor 5xx", what, status);
        }
        if (i == 1) {
            a->kek = put_kek(curl, base, &status);
            if (!a->kek && status < 500) {
                return finding("%s: a KEK answers %ld, neither 200 nor 5xx", what, status);
            }
        }
    }
    vfs_disarm();
    long id = put_schema(curl, base, SCHEMAS, &status);
    if (id < 0) {
        return finding("%s: answers %ld after the disk is well again", what, status);
    }
    return check(curl, base, what, a, "without a restart");
}

bool registry_once(const char *what) {
    struct schloss_error err;
    registry_t *r = NULL;
    CURL *curl = curl_easy_init();
    acknowledged_t a = {{-1, -1, -1, -1}, false};
    bool ok = true;
    schloss_rc rc = start(&r, &err);
    if (rc == SCHLOSS_OK) {
        ok = use(curl, r, what, &a);
        vfs_disarm();
        registry_stop(r);
    } else if (!vfs_fired() || (rc != SCHLOSS_E_STORE && rc != SCHLOSS_E_STORE_FULL)) {
        ok = finding("%s: start: %s: %s", what, schloss_rc_name(rc), err.message);
    }
    vfs_disarm();
    curl_easy_cleanup(curl); /* its connection went with the server */
    curl = curl_easy_init();
    if (ok) {
        r = NULL;
        rc = start(&r, &err);
        ok = rc == SCHLOSS_OK ? check(curl, registry_url(r), what, &a, "after a restart")
                              : finding("%s: cannot be started again: %s: %s", what, schloss_rc_name(rc), err.message);
        if (rc == SCHLOSS_OK) {
            registry_stop(r);
        }
    }
    curl_easy_cleanup(curl);
    return ok;
}
