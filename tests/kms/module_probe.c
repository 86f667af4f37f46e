/* libschloss.so with its KMS modules, as an application sees it: one record is serialized with a rule whose KEK has the
 * type and key id given. The transport is ours: it plays the registry, and refuses whatever a driver asks.
 *
 *   module_probe KMS_TYPE KEY_ID
 *
 * Prints "asked URL" for each request of a driver, then "error NAME MESSAGE | HINT". */
#include <schloss/schloss.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct play {
    const char *type, *id;
    char body[2048];
} play_t;

static schloss_rc perform(void *user, const schloss_http_request_t *req, schloss_http_response_t *out,
                          schloss_error_t *err) {
    play_t *p = user;
    (void)err;
    out->status = 200;
    if (strncmp(req->url, "http://registry.test/", 21) != 0) {
        printf("asked %s\n", req->url);
        out->status = 403;
        (void)snprintf(p->body, sizeof p->body, "{\"error_code\":403,\"message\":\"no\"}");
    } else if (strstr(req->url, "/versions/latest") != NULL && strstr(req->url, "/subjects/") != NULL) {
        (void)snprintf(
            p->body, sizeof p->body,
            "{\"subject\":\"t-value\",\"version\":1,\"id\":1,\"schema\":\"{\\\"type\\\":\\\"record\\\","
            "\\\"name\\\":\\\"R\\\",\\\"fields\\\":[{\\\"name\\\":\\\"s\\\",\\\"type\\\":\\\"string\\\","
            "\\\"confluent:tags\\\":[\\\"PII\\\"]}]}\",\"ruleSet\":{\"domainRules\":[{\"name\":\"r\",\"kind\":"
            "\"TRANSFORM\",\"mode\":\"WRITEREAD\",\"type\":\"ENCRYPT\",\"tags\":[\"PII\"],\"params\":{"
            "\"encrypt.kek.name\":\"k\",\"encrypt.kms.type\":\"%s\",\"encrypt.kms.key.id\":\"%s\"}}]}}",
            p->type, p->id);
    } else if (strstr(req->url, "/deks") == NULL && strstr(req->url, "/keks/k") != NULL) {
        (void)snprintf(p->body, sizeof p->body,
                       "{\"name\":\"k\",\"kmsType\":\"%s\",\"kmsKeyId\":\"%s\",\"shared\":false}", p->type, p->id);
    } else {
        out->status = 404;
        (void)snprintf(p->body, sizeof p->body, "{\"error_code\":40470,\"message\":\"not found\"}");
    }
    out->body = (uint8_t *)p->body;
    out->body_len = strlen(p->body);
    return SCHLOSS_OK;
}

static void release(void *user, schloss_http_response_t *out) {
    (void)user;
    (void)out;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        (void)fputs("usage: module_probe KMS_TYPE KEY_ID\n", stderr);
        return 2;
    }
    static const char *const settings[][2] = {
        {"schema.registry.url", "http://registry.test"},
        {"rule.executors._default_.param.access.key.id", "AKIDTEST"},
        {"rule.executors._default_.param.secret.access.key", "secret-of-the-test"},
        {"rule.executors._default_.param.token.id", "token-of-the-test"},
    };
    play_t play = {argv[1], argv[2], ""};
    const schloss_transport_t t = {sizeof t, &play, perform, release, NULL};
    schloss_error_t *err = schloss_error_new();
    schloss_conf_t *conf = schloss_conf_new();
    schloss_client_t *client = NULL;
    schloss_serializer_t *ser = NULL;
    schloss_rc rc = SCHLOSS_OK;
    for (size_t i = 0; rc == SCHLOSS_OK && i < sizeof settings / sizeof settings[0]; i++) {
        rc = schloss_conf_set(conf, settings[i][0], settings[i][1], err);
    }
    if (rc == SCHLOSS_OK) {
        rc = schloss_client_new(conf, &t, &client, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = schloss_serializer_new(client, NULL, &ser, err);
    }
    if (rc == SCHLOSS_OK) {
        const schloss_target_t target = {.topic = "t"};
        schloss_encoded_t out;
        rc = schloss_serialize(ser, &target, schloss_bytes("\x04hi", 3), &out, err);
    }
    printf("error %s %s | %s\n", schloss_rc_name(rc), schloss_error_message(err), schloss_error_hint(err));
    schloss_serializer_free(ser);
    schloss_client_free(client);
    schloss_conf_free(conf);
    schloss_error_free(err);
    return rc == SCHLOSS_OK;
}
