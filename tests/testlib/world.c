/* See world.h. */
#include "testlib/world.h"
#include "testlib/fault.h"

#include "base/buf.h"
#include <stdio.h>
#include <stdlib.h>

static void must(schloss_rc rc, const schloss_error_t *err, const char *what) {
    if (rc != SCHLOSS_OK) {
        fprintf(stderr, "world: %s: %s: %s\n", what, schloss_rc_name(rc), schloss_error_message(err));
        abort();
    }
}

schloss_conf_t *world_conf(const char *const *more) {
    static const char *const basis[] = {"schema.registry.url",
                                        FAKE_REGISTRY_URL,
                                        "auto.register.schemas",
                                        "false",
                                        "use.latest.version",
                                        "true",
                                        "rule.executors._default_.param.secret",
                                        "mysecret",
                                        NULL};
    fault_pause();
    schloss_error_t *err = schloss_error_new();
    schloss_conf_t *conf = schloss_conf_new();
    const char *const *lists[] = {basis, more};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        for (const char *const *p = lists[i]; p != NULL && *p != NULL; p += 2) {
            must(schloss_conf_set(conf, p[0], p[1], err), err, p[0]);
        }
    }
    schloss_error_free(err);
    fault_resume();
    return conf;
}

void world_open(world_t *w, const char *schema, const char *rule_set, const char *const *conf) {
    fault_pause();
    *w = (world_t){.fr = fake_registry_new(), .err = schloss_error_new(), .target = {.topic = "orders"}};
    fake_registry_put_avro(w->fr, WORLD_SUBJECT, 1, schema, rule_set);
    schloss_conf_t *c = world_conf(conf);
    schloss_transport_t transport = fake_registry_transport(w->fr);
    must(schloss_client_new(c, &transport, &w->client, w->err), w->err, "client");
    schloss_conf_free(c);
    must(schloss_serializer_new(w->client, NULL, &w->ser, w->err), w->err, "serializer");
    must(schloss_deserializer_new(w->client, NULL, &w->de, w->err), w->err, "deserializer");
    fault_resume();
}

void world_close(world_t *w) {
    schloss_serializer_free(w->ser);
    schloss_deserializer_free(w->de);
    schloss_client_free(w->client);
    schloss_error_free(w->err);
    fake_registry_free(w->fr);
    *w = (world_t){0};
}

size_t world_person(uint8_t *out, size_t cap, const char *name, int32_t n, const char *note, size_t blob_len,
                    const char *alias) {
    size_t at = 0;
    const char *const texts[] = {name, note, alias};
    size_t need = 40 + blob_len;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        need += texts[i] == NULL ? 0 : strlen(texts[i]);
    }
    if (need > cap) {
        fprintf(stderr, "world: a record of up to %zu bytes does not fit %zu\n", need, cap);
        abort();
    }
#define PUT_TEXT(s)                                                                                                    \
    do {                                                                                                               \
        at += varlong_write(out + at, (int64_t)strlen(s));                                                             \
        memcpy(out + at, (s), strlen(s));                                                                              \
        at += strlen(s);                                                                                               \
    } while (0)
    PUT_TEXT(name);
    at += varlong_write(out + at, n);
    PUT_TEXT(note);
    at += varlong_write(out + at, (int64_t)blob_len);
    memset(out + at, 0xB7, blob_len);
    at += blob_len;
    out[at++] = alias == NULL ? 0 : 2;
    if (alias != NULL) {
        PUT_TEXT(alias);
    }
#undef PUT_TEXT
    return at;
}
