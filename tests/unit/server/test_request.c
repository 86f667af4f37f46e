/* Decoding of targets, coercions of bodies, errors, routing, media types. */
#include "server/media.h"
#include "server/router.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static rest_rc decoded(request_t *rq, const char *target) {
    request_init(rq, "GET", target);
    return request_decode(rq);
}

static void segments_are_split_before_they_are_decoded(void **state) {
    (void)state;
    request_t rq;
    assert_int_equal(decoded(&rq, "//subjects/a%2Fb%25+c/versions/?x=1"), 0);
    assert_int_equal(rq.n_seg, 3);
    assert_string_equal(rq.seg[1], "a/b%+c");
    assert_string_equal(request_param(&rq, "x"), "1");
    request_clear(&rq);
}

static void nul_becomes_a_control_character(void **state) {
    (void)state;
    request_t rq;
    assert_int_equal(decoded(&rq, "/subjects/a%00b"), 0);
    assert_string_equal(rq.seg[1], "a\001b");
    request_clear(&rq);
}

static void malformed_targets_are_400(void **state) {
    static const char *const bad[] = {"/a%", "/a%2", "/a%zz", "/%ff", "/x?a=%", "/%c0%80"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        request_t rq;
        assert_int_not_equal(decoded(&rq, bad[i]), 0);
        assert_int_equal(rq.status, 400);
        request_clear(&rq);
    }
}

static void too_many_segments_and_parameters_are_refused(void **state) {
    (void)state;
    request_t rq;
    char target[2048] = "";
    for (int i = 0; i < 17; i++) {
        strcat(target, "/a");
    }
    assert_int_not_equal(decoded(&rq, target), 0);
    assert_int_equal(rq.status, 404);
    request_clear(&rq);
    (void)snprintf(target, sizeof target, "/a?");
    for (int i = 0; i < 65; i++) {
        strcat(target, "a=b&");
    }
    assert_int_not_equal(decoded(&rq, target), 0);
    assert_int_equal(rq.status, 400);
    request_clear(&rq);
}

static void query_values(void **state) {
    (void)state;
    request_t rq;
    int64_t offset, limit;
    assert_int_equal(decoded(&rq, "/a?d=TRUE&e=1&f&g=a+b%20c&g=second&offset=-4&limit=7"), 0);
    assert_true(request_flag(&rq, "d"));
    assert_false(request_flag(&rq, "e"));
    assert_false(request_flag(&rq, "f"));
    assert_string_equal(request_param(&rq, "g"), "a b c");
    assert_int_equal(request_page(&rq, 5, &offset, &limit), 0);
    assert_int_equal(offset, 0);
    assert_int_equal(limit, 5); /* above the maximum is the default */
    request_clear(&rq);
    assert_int_equal(decoded(&rq, "/a?limit=x"), 0);
    assert_int_not_equal(request_page(&rq, 5, &offset, &limit), 0);
    assert_int_equal(rq.status, 404);
    request_clear(&rq);
}

static void errors_are_json_with_both_members(void **state) {
    (void)state;
    request_t rq;
    request_init(&rq, "GET", "/");
    buf_put_str(&rq.out, "half an answer");
    assert_int_not_equal(rest_fail2(&rq, REST_VERSION_SOFT_DELETED, "a\"b", "3"), 0);
    assert_int_equal(rq.status, 404);
    assert_string_equal(buf_cstr(&rq.out),
                        "{\"error_code\":40406,\"message\":\"Subject 'a\\\"b' Version 3 was soft deleted.Set "
                        "permanent=true to delete permanently\"}");
    request_clear(&rq);
}

/* Clients decide by the HTTP status or by the first digits of error_code. */
static void codes_begin_with_their_status(void **state) {
    (void)state;
    for (rest_code_t c = REST_OK + 1; c < REST_N_CODES; c++) {
        int n = rest_code_number(c);
        assert_int_equal(n > 999 ? n / 100 : n, rest_code_http(c));
        assert_true(strlen(rest_code_text(c)) > 0);
    }
}

static void bodies_are_coerced(void **state) {
    static const char text[] = "{\"s\":1,\"b\":\"TRUE\",\"i\":\"2\",\"d\":1.9,\"n\":null,\"o\":{},\"big\":4294967296}";
    (void)state;
    request_t rq;
    json_t *o;
    const char *s = NULL;
    bool b = false;
    int64_t i = 0;
    request_init(&rq, "POST", "/");
    rq.body = bytes(text, strlen(text));
    assert_int_equal(request_object(&rq, "x", &o), 0);
    assert_int_equal(member_str(&rq, o, "s", &s), 0);
    assert_string_equal(s, "1");
    assert_int_equal(member_bool(&rq, o, "b", &b), 0);
    assert_true(b);
    assert_int_equal(member_int(&rq, o, "i", &i), 0);
    assert_int_equal(i, 2);
    assert_int_equal(member_int(&rq, o, "d", &i), 0);
    assert_int_equal(i, 1);
    assert_int_equal(member_int(&rq, o, "n", &i), 0);
    assert_int_equal(i, 1);
    assert_int_not_equal(member_int(&rq, o, "big", &i), 0);
    assert_int_not_equal(member_str(&rq, o, "o", &s), 0);
    assert_int_equal(rq.status, 400);
    request_clear(&rq);
}

static void bodies_that_are_no_objects(void **state) {
    static const struct {
        const char *text;
        int status;
    } rows[] = {{"", 422}, {"  \n", 422}, {"null", 422}, {"[]", 400}, {"3", 400}, {"{", 400}, {"{}x", 400}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        request_t rq;
        json_t *o;
        request_init(&rq, "POST", "/");
        rq.body = bytes(rows[i].text, strlen(rows[i].text));
        assert_int_not_equal(request_object(&rq, "x", &o), 0);
        assert_int_equal(rq.status, rows[i].status);
        request_clear(&rq);
    }
}

static void accept_chooses_the_best(void **state) {
    (void)state;
    assert_string_equal(media_choose(NULL), MEDIA_V1);
    assert_string_equal(media_choose("*/*"), MEDIA_V1);
    assert_string_equal(media_choose("application/json"), MEDIA_JSON);
    assert_string_equal(media_choose("application/json, application/vnd.schemaregistry+json;q=0.5"), MEDIA_JSON);
    assert_string_equal(media_choose("application/json;q=0.5, " MEDIA_SR ";q=0.9"), MEDIA_SR);
    assert_string_equal(media_choose(MEDIA_V1 ", " MEDIA_SR ", " MEDIA_JSON), MEDIA_V1);
    assert_string_equal(media_choose("text/html, application/*;q=0.1"), MEDIA_V1);
    assert_null(media_choose("text/html"));
    assert_null(media_choose("application/json;q=0"));
    assert_true(media_is_json(NULL));
    assert_true(media_is_json("Application/JSON ; charset=utf-8"));
    assert_false(media_is_json("text/plain"));
}

static rest_rc nothing(void *service, request_t *rq, db_t *db) {
    (void)service;
    (void)rq;
    (void)db;
    return 0;
}

static void routes(void **state) {
    static const route_t table[] = {{"GET", "/a/{x}", 0, nothing, ""},
                                    {"POST", "/a/{x}", 0, nothing, ""},
                                    {"GET", "/a/{x}/b/{y}", 0, nothing, ""},
                                    {"GET", "/", 0, nothing, ""}};
    (void)state;
    request_t rq;
    assert_int_equal(decoded(&rq, "/a/1/b/b"), 0);
    assert_int_equal(router_find(table, 4, &rq), 0);
    assert_ptr_equal(rq.route, &table[2]);
    assert_string_equal(rq.arg[0], "1");
    assert_string_equal(rq.arg[1], "b");
    request_clear(&rq);
    assert_int_equal(decoded(&rq, "/"), 0);
    rq.method = "HEAD";
    assert_int_equal(router_find(table, 4, &rq), 0);
    assert_ptr_equal(rq.route, &table[3]);
    request_clear(&rq);
    assert_int_equal(decoded(&rq, "/a/1"), 0);
    rq.method = "PUT";
    assert_int_not_equal(router_find(table, 4, &rq), 0);
    assert_int_equal(rq.status, 405);
    request_clear(&rq);
    assert_int_equal(decoded(&rq, "/a/1/c"), 0);
    assert_int_not_equal(router_find(table, 4, &rq), 0);
    assert_int_equal(rq.status, 404);
    request_clear(&rq);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_are_split_before_they_are_decoded),
        cmocka_unit_test(nul_becomes_a_control_character),
        cmocka_unit_test(malformed_targets_are_400),
        cmocka_unit_test(too_many_segments_and_parameters_are_refused),
        cmocka_unit_test(query_values),
        cmocka_unit_test(errors_are_json_with_both_members),
        cmocka_unit_test(codes_begin_with_their_status),
        cmocka_unit_test(bodies_are_coerced),
        cmocka_unit_test(bodies_that_are_no_objects),
        cmocka_unit_test(accept_chooses_the_best),
        cmocka_unit_test(routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
