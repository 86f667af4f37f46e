/* The service from request to answer, without sockets; tests/e2e/registry_test.py covers the width over HTTP. */
#include "base/map.h"
#include "registry/registry.h"
#include "tests/unit/registry/service_test.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static int set_up(void **state) {
    *state = service_in_memory();
    return *state == NULL ? -1 : 0;
}
static int tear_down(void **state) {
    service_close(*state);
    return 0;
}

static void register_and_read(void **state) {
    reply_t r = call(*state, "POST", "/subjects/a/versions", "{\"schema\":\"\\\"string\\\"\"}");
    assert_int_equal(r.status, 200);
    assert_string_equal(r.text, "{\"id\":1,\"version\":1,\"guid\":\"095d71cf-1255-6b9d-5e33-0ad575b3df5d\","
                                "\"schemaType\":\"AVRO\",\"schema\":\"\\\"string\\\"\"}");
    r = call(*state, "GET", "/schemas/ids/1", NULL);
    assert_non_null(strstr(r.text, "\"subject\":\"a\",\"version\":1"));
}

/* A registration is compared with all versions; it need not hold them all. */
static void a_subject_has_many_large_versions(void **state) {
    enum { VERSIONS = 40, LARGE = 900 * 1024 };
    char *body = malloc(LARGE + 256);
    assert_non_null(body);
    for (int v = 0; v < VERSIONS; v++) {
        int n = snprintf(body, 256,
                         "{\"metadata\":{\"properties\":{\"v\":\"%d\"}},\"schema\":\"{\\\"type\\\":\\\"record\\\","
                         "\\\"name\\\":\\\"A\\\",\\\"fields\\\":[],\\\"doc\\\":\\\"",
                         v);
        memset(body + n, 'x', LARGE);
        (void)snprintf(body + n + LARGE, 64, "\\\"}\"}");
        reply_t r = call(*state, "POST", "/subjects/large/versions", body);
        if (r.status != 200) {
            fail_msg("version %d: %d %.200s", v, r.status, r.text);
        }
    }
    free(body);
}

/* Errors inside a group undo their own work only. */
static void a_group_of_writes(void **state) {
    service_t *s = *state;
    static const char *const bodies[] = {"{\"schema\":\"\\\"int\\\"\"}", "{\"schema\":\"nonsense\"}",
                                         "{\"schema\":\"\\\"long\\\"\"}"};
    static const char *const targets[] = {"/subjects/g1/versions", "/subjects/g2/versions", "/subjects/g3/versions"};
    request_t rq[3], *list[3];
    for (size_t i = 0; i < 3; i++) {
        request_init(&rq[i], "POST", targets[i]);
        rq[i].body = bytes(bodies[i], strlen(bodies[i]));
        list[i] = &rq[i];
        assert_int_equal(service_start(s, &rq[i]), 0);
        assert_true(service_is_write(s, &rq[i]));
    }
    service_write(s, list, 3);
    assert_int_equal(rq[0].status, 200);
    assert_int_equal(rq[1].status, 422);
    assert_int_equal(rq[2].status, 200);
    for (size_t i = 0; i < 3; i++) {
        request_clear(&rq[i]);
    }
    assert_string_equal(call(s, "GET", "/subjects", NULL).text, "[\"g1\",\"g3\"]");
}

/* When the store fails, nobody of the group is told that his work was kept. */
static void a_failed_store_is_50001_for_all(void **state) {
    service_t *s = *state;
    request_t rq[2], *list[2];
    for (size_t i = 0; i < 2; i++) {
        request_init(&rq[i], "POST", i == 0 ? "/subjects/f1/versions" : "/subjects/f2/versions");
        rq[i].body = bytes_str("{\"schema\":\"\\\"int\\\"\"}");
        list[i] = &rq[i];
        assert_int_equal(service_start(s, &rq[i]), 0);
    }
    db_t *db = store_write_begin(s->store);
    (void)db_exec(db, "DROP TABLE modes", "");
    assert_true(store_write_commit(s->store, db));
    service_write(s, list, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rq[i].error_code, 50001);
        request_clear(&rq[i]);
    }
    assert_string_equal(call(s, "GET", "/subjects", NULL).text, "[]");
}

static void key_material_is_marked_sensitive(void **state) {
    service_t *s = *state;
    assert_int_equal(call(s, "POST", "/dek-registry/v1/keks",
                          "{\"name\":\"k\",\"kmsType\":\"local-kms\",\"kmsKeyId\":\"x\",\"shared\":true}")
                         .status,
                     200);
    request_t rq;
    request_init(&rq, "POST", "/dek-registry/v1/keks/k/deks/s");
    rq.body = bytes("{}", 2);
    service_handle(s, &rq);
    assert_int_equal(rq.status, 200);
    assert_true(rq.sensitive);
    assert_true(rq.out.sensitive);
    assert_non_null(strstr(buf_cstr(&rq.out), "\"keyMaterial\":\"Gi"));
    request_clear(&rq);
}

/* The n-th allocation fails, for every n: the answer is 500 or what it would have been, and afterwards all is well. */
static bool nth_fails(void *user) {
    int *left = user;
    return (*left)-- == 1;
}

static void every_allocation_may_fail(void **state) {
    static const struct {
        const char *method, *target, *body;
        int status;
    } rows[] = {
        {"POST", "/subjects/a/versions?normalize=true",
         "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"R\\\",\\\"fields\\\":[]}\",\"metadata\":{"
         "\"properties\":"
         "{\"a\":1}},\"ruleSet\":{\"domainRules\":[{\"name\":\"n\",\"type\":\"ENCRYPT\",\"params\":{\"encrypt.kms.key."
         "id\":"
         "\"arn:x\"}}]}}",
         200},
        {"GET", "/schemas/ids/1?subject=a&findTags=X", NULL, 200},
        {"POST", "/subjects/a", "{\"schema\":\"\\\"int\\\"\"}", 404},
        {"GET", "/contexts/c/subjects/a%2Fb/versions/latest", NULL, 404},
        {"PUT", "/config/a", "{\"alias\":\"b\",\"defaultMetadata\":{\"tags\":{\"x\":[\"y\"]}}}", 200},
        {"DELETE", "/config/a", NULL, 200},
        {"POST", "/dek-registry/v1/keks",
         "{\"name\":\"k\",\"kmsType\":\"local-kms\",\"kmsKeyId\":\"x\",\"shared\":true,\"kmsProps\":{\"a\":\"b\"}}",
         200},
        {"POST", "/dek-registry/v1/keks/k/deks/s", "{}", 200},
        {"GET", "/dek-registry/v1/keks/k/deks/s/versions/latest", NULL, 200},
        {"DELETE", "/subjects/a", NULL, 200},
        {"POST", "/subjects/p/versions",
         "{\"schemaType\":\"PROTOBUF\",\"schema\":\"syntax=\\\"proto3\\\";import \\\"confluent/meta.proto\\\";"
         "message A{string s=1[(confluent.field_meta).tags=\\\"PII\\\"];map<string,int32> m=2;}\"}",
         200},
        {"GET", "/subjects/p/versions/1?format=serialized&findTags=PII", NULL, 200},
        {"GET", "/subjects/p/versions/1?format=ignore_extensions", NULL, 200},
        {"POST", "/subjects/p",
         "{\"schemaType\":\"PROTOBUF\",\"schema\":\"syntax=\\\"proto3\\\";import \\\"confluent/meta.proto\\\";"
         "message A{map<string,int32> m=2;string s=1[(confluent.field_meta)={tags:[\\\"PII\\\"]}];}\"}",
         200},
        {"POST", "/subjects/j/versions?normalize=true",
         "{\"schemaType\":\"JSON\",\"schema\":\"{\\\"type\\\":\\\"object\\\",\\\"properties\\\":{\\\"a\\\":{"
         "\\\"confluent:tags\\\":[\\\"X\\\"],\\\"type\\\":\\\"string\\\"}}}\"}",
         200},
        {"GET", "/subjects/j/versions/1?findTags=*", NULL, 200},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool reached_end = false;
        for (int n = 1; !reached_end; n++) {
            assert_in_range(n, 1, 20000);
            int left = n;
            mem_set_fault(nth_fails, &left);
            reply_t r = call(*state, rows[i].method, rows[i].target, rows[i].body);
            mem_set_fault(NULL, NULL);
            reached_end = left > 0;
            if (r.status == rows[i].status && rows[i].status == 200) {
                break; /* done; the same request may not be repeatable */
            }
            if (r.status != 500 && r.status != rows[i].status) {
                fail_msg("%s %s, allocation %d: %d %s", rows[i].method, rows[i].target, n, r.status, r.text);
            }
        }
    }
}

static void keys_are_limited(void **state) {
    service_t *s = NULL;
    service_conf_t conf = {.store = "sqlite::memory:", .kms_secret = "test-only", .readers = 1, .max_keys = 2};
    static const char kek[] = "{\"name\":\"k%d\",\"kmsType\":\"local-kms\",\"kmsKeyId\":\"x\",\"shared\":true}";
    char body[200], target[80];
    (void)state;
    assert_int_equal(service_open(&s, &conf, NULL), 0);
    for (int i = 0; i < 4; i++) {
        (void)snprintf(body, sizeof body, kek, i);
        reply_t r = call(s, "POST", "/dek-registry/v1/keks", body);
        assert_int_equal(r.code, i < 2 ? 0 : 40972);
        (void)snprintf(target, sizeof target, "/dek-registry/v1/keks/k0/deks/s%d", i);
        r = call(s, "POST", target, "{}");
        assert_int_equal(r.status, i < 2 ? 200 : 409);
        assert_int_equal(r.code, i < 2 ? 0 : 40972);
        if (i == 2) {
            assert_string_equal(r.text, "{\"error_code\":40972,\"message\":\"A maximum of 2 keys already exist\"}");
        }
        /* keys of the gateway have a limit of their own */
        (void)snprintf(target, sizeof target, "/dek-registry/v1/keks/k0/deks/gateway.t%d", i);
        assert_int_equal(call(s, "POST", target, "{}").status, 200);
        (void)snprintf(target, sizeof target, "/dek-registry/v1/keks/k0/deks/gateway-key.t%d", i);
        assert_int_equal(call(s, "POST", target, "{}").status, 200);
    }
    assert_int_equal(
        call(s, "POST", "/dek-registry/v1/keks", "{\"name\":\"k0\",\"kmsType\":\"local-kms\",\"kmsKeyId\":\"y\"}").code,
        40971);
    assert_int_equal(call(s, "POST", "/dek-registry/v1/keks/k0/deks/s0?rewrap=true", "{}").status, 200);
    service_close(s);
}

static void routes_are_listed(void **state) {
    (void)state;
    const char *method, *path, *text;
    unsigned n = 0;
    while (registry_route(n, &method, &path, &text)) {
        assert_true(path[0] == '/' && strlen(method) > 2 && text[strlen(text) - 1] != ' ');
        for (unsigned j = 0; j < n; j++) {
            const char *m2, *p2, *t2;
            assert_true(registry_route(j, &m2, &p2, &t2));
            assert_false(strcmp(method, m2) == 0 && strcmp(path, p2) == 0);
        }
        n++;
    }
    assert_true(n > 50);
}

static void stores_that_are_refused(void **state) {
    static const char *const bad[] = {NULL, "", "kafka:x", "registry.db", "sqlite:"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        service_t *s = NULL;
        service_conf_t conf = {.store = bad[i]};
        assert_int_equal(service_open(&s, &conf, NULL), SCHLOSS_E_CONF_VALUE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(register_and_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_subject_has_many_large_versions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_group_of_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_store_is_50001_for_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(key_material_is_marked_sensitive, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, set_up, tear_down),
        cmocka_unit_test(keys_are_limited),
        cmocka_unit_test(routes_are_listed),
        cmocka_unit_test(stores_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
