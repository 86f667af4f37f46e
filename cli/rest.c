/* REST calls over http/io.h, with the connections of a client of libschloss, so that every configuration key means the
 * same here as for records. The answer's text is the registry's, shown as it is; what to do about it is
 * ours, by error_code. */
#include "cli/rest.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/stop.h"
#include "client/registry.h"
#include "codec/json/load.h"
#include "codec/json/scan.h"
#include "http/io.h"
#include "serde/core.h"
#include <string.h>

schloss_rc rest_open(rest_t *r, const settings_t *s, schloss_error_t *err) {
    memset(r, 0, sizeof(*r));
    TRY(settings_need_registry(s, err));
    TRY(schloss_conf_set(s->conf, "schloss.refresh.thread", "false", err));
    r->timeout_s = s->timeout_s;
    return schloss_client_new(s->conf, NULL, &r->client, err);
}

schloss_rc rest_open_without(rest_t *r, const settings_t *s, schloss_error_t *err) {
    const char *url = schloss_conf_get(s->conf, "schema.registry.url");
    if (url == NULL || url[0] == '\0') { /* a client wants one, although nobody asks it here */
        TRY(schloss_conf_set(s->conf, "schema.registry.url", "http://127.0.0.1:9", err));
    }
    return rest_open(r, s, err);
}

schloss_rc rest_run(rest_t *r, schloss_rc (*logic)(void *arg, io_t *io, schloss_error_t *err), void *arg,
                    schloss_error_t *err) {
    io_t *io = NULL;
    TRY(io_new(&io, err));
    stop_deadline(r->timeout_s);
    schloss_rc rc = io_run(io, &r->client->transport, logic, arg, err);
    stop_deadline(0);
    io_free(io);
    return rc;
}

void rest_close(rest_t *r) {
    schloss_client_free(r->client);
    memset(r, 0, sizeof(*r));
}

void rest_path(buf_t *b, const char *pattern, const char *const *values) {
    for (const char *p = pattern; *p != '\0'; p++) {
        if (*p == '%') {
            url_escape(b, *values, strlen(*values));
            values++;
        } else {
            buf_put_u8(b, (uint8_t)*p);
        }
    }
}

/* ---- one exchange ---- */

typedef struct exchange {
    rest_t *rest;
    io_call_t call;
    io_answer_t answer;
} exchange_t;

static schloss_rc exchange_logic(void *arg, io_t *io, schloss_error_t *err) {
    exchange_t *x = arg;
    return sr_call(io, &x->rest->client->service, &x->call, &x->answer, err);
}

static const char *hint_of(int http_status, int rest_code) {
    static const struct {
        int code;
        const char *hint;
    } by_code[] = {
        {40401, "'schloss subject list --all' shows what there is."},
        {40402, "'schloss subject describe SUBJECT --all' shows its versions."},
        {40404, "Add --permanent to remove it for good."},
        {40405, "Delete it without --permanent first."},
        {40406, "Add --permanent to remove it for good."},
        {40407, "Delete it without --permanent first."},
        {40470, "'schloss kek list --all' shows the KEKs, 'schloss dek subject list' their subjects."},
        {40471, "Delete it without --permanent first."},
        {40472, "Undelete the KEK first: schloss kek undelete NAME."},
        {40971, "Choose another name; 'describe --all' shows what is there."},
        {42206, "Delete what refers to it first."},
        {42272, "Delete its DEKs first: schloss dek subject list --kek-name NAME --all shows them."},
        {50070, "The registry cannot use the KMS: check its credentials and the KEK's kmsProps."},
        {40370, "The KMS refuses the registry: check its credentials and the key's policy."},
    };
    for (size_t i = 0; i < COUNT_OF(by_code); i++) {
        if (by_code[i].code == rest_code) {
            return by_code[i].hint;
        }
    }
    switch (http_status) {
    case 401:
        return "Give credentials with SCHLOSS_BASIC_AUTH=user:password or in the URL.";
    case 403:
        return "This user lacks the right; ask whoever administers the registry.";
    case 404:
        return rest_code == 0 ? "Is this the URL of a Schema Registry?" : NULL;
    case 408:
    case 429:
        return "The registry is overloaded; try again later.";
    default:
        return http_status >= 500 ? "The registry is failing; its log says why." : NULL;
    }
}

static schloss_rc status_error(const exchange_t *x, schloss_error_t *err) {
    int status = x->answer.status;
    char message[400] = "";
    int64_t code = 0;
    json_span_t root;
    json_span_t member;
    const char *body = (const char *)x->answer.body.ptr;
    if (x->answer.body.len != 0 && json_scan(&root, body, x->answer.body.len, NULL) == SCHLOSS_OK &&
        root.kind == JSON_T_OBJECT) {
        if (json_member(root, "error_code", &member) && member.kind == JSON_T_NUMBER &&
            (!json_get_int64(member, &code) || code < 0 || code > INT32_MAX)) {
            code = 0;
        }
        if (json_member(root, "message", &member) && member.kind == JSON_T_STRING) {
            buf_t text;
            buf_init(&text, 65536, "error message", false);
            if (json_str_decode(member, &text, NULL) == SCHLOSS_OK) {
                err_clean_text(message, sizeof(message), (const char *)text.ptr, text.len);
            }
            buf_clear(&text);
        }
    }
    schloss_rc rc = SCHLOSS_E_REGISTRY_STATUS;
    rc = status == 401 ? SCHLOSS_E_UNAUTHENTICATED : rc;
    rc = status == 403 ? (code == 40370 ? SCHLOSS_E_KMS_DENIED : SCHLOSS_E_FORBIDDEN) : rc;
    rc = status == 404 && code != 0 ? SCHLOSS_E_SCHEMA_NOT_FOUND : rc;
    rc = status == 409 ? SCHLOSS_E_CONFLICT : rc;
    rc = status == 408 || status == 429 || status >= 500 ? SCHLOSS_E_REGISTRY_BUSY : rc;
    (void)(message[0] != '\0'
               ? err_set(err, rc, "%s", message)
               : err_set(err, rc, "the registry answered %s with HTTP status %d", x->call.method, status));
    err_url(err, x->answer.url);
    err_http(err, status, (int)code);
    const char *hint = hint_of(status, (int)code);
    if (hint != NULL) {
        err_hint(err, "%s", hint);
    }
    return rc;
}

/* Overwrites the string of a keyMaterial member, so that no key gets into memory that is not wiped. */
static void blank_key_material(buf_t *body) {
    json_span_t root;
    json_span_t member;
    if (json_scan(&root, (const char *)body->ptr, body->len, NULL) == SCHLOSS_OK && root.kind == JSON_T_OBJECT &&
        json_member(root, "keyMaterial", &member) && member.kind == JSON_T_STRING && member.len > 2) {
        memset(body->ptr + (member.ptr - (const char *)body->ptr) + 1, '*', member.len - 2);
    }
}

static schloss_rc take_answer(const exchange_t *x, json_t **out, schloss_error_t *err) {
    if (x->answer.status < 200 || x->answer.status > 299) {
        return status_error(x, err);
    }
    if (out == NULL || x->answer.body.len == 0) {
        return SCHLOSS_OK;
    }
    buf_t body;
    buf_init(&body, LIMIT_HTTP_BODY, "answer of the registry", true);
    buf_put(&body, x->answer.body.ptr, x->answer.body.len);
    schloss_rc rc = buf_check(&body, err);
    if (rc == SCHLOSS_OK) {
        blank_key_material(&body);
        rc = json_load(out, "answer of the registry", (const char *)body.ptr, body.len, err);
        if (rc == SCHLOSS_E_BAD_JSON) {
            rc = err_set(err, SCHLOSS_E_REGISTRY_ANSWER, "the answer to %s is not JSON", x->call.method);
            err_hint(err, "Is this the URL of a Schema Registry?");
            err_url(err, x->answer.url);
            err_http(err, x->answer.status, 0);
        }
    }
    if (rc == SCHLOSS_OK && json_is_object(*out)) {
        (void)json_object_del(*out, "keyMaterial");
    }
    buf_clear(&body);
    return rc;
}

schloss_rc rest_ask(rest_t *r, const char *method, const char *path, const json_t *body, json_t **out,
                    schloss_error_t *err) {
    if (out != NULL) {
        *out = NULL;
    }
    char *text = body != NULL ? json_print(body) : NULL;
    if (body != NULL && text == NULL) {
        return NO_MEMORY(err);
    }
    exchange_t x = {
        r,
        {.method = method, .path = path, .body = bytes(text, text != NULL ? strlen(text) : 0), .sensitive = true},
        {0}};
    io_t *io = NULL;
    schloss_rc rc = io_new(&io, err);
    if (rc == SCHLOSS_OK) {
        stop_deadline(r->timeout_s);
        rc = io_run(io, &r->client->transport, exchange_logic, &x, err);
        stop_deadline(0);
        if (rc == SCHLOSS_OK) {
            rc = take_answer(&x, out, err);
        } else if (rc == SCHLOSS_E_CONNECT && err != NULL && err->hint[0] == '\0') {
            err_hint(err, "Check --registry; 'schloss dev' or 'schloss registry' starts one.");
        }
    }
    io_free(io);
    mem_wipe_str(text);
    return rc;
}
