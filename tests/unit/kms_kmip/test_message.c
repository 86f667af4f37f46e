/* message.c: the byte vectors of control-plane 6.7, which a KMIP server by someone else has accepted; answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/text.h"
#include "kms/kmip/message.h"

static const kmip_head_t head14 = {.minor = 4};

static void assert_hex(const buf_t *b, const char *hex) {
    char got[1024];
    assert_int_equal(buf_check(b, NULL), 0);
    assert_true(b->len * 2 < sizeof got);
    hex_encode(got, b->ptr, b->len);
    got[b->len * 2] = '\0';
    assert_string_equal(got, hex);
    assert_null(ttlv_check(buf_view(b)));
}

static void test_vector_discover(void **state) {
    (void)state;
    buf_t b;
    buf_init(&b, 4096, "test", false);
    kmip_discover(&b, &head14);
    assert_hex(&b, "42007801000000604200770100000038420069010000002042006a0200000004000000010000000042006b020000000400"
                   "0000040000000042000d0200000004000000010000000042000f010000001842005c05000000040000001e000000004200"
                   "790100000000");
    buf_clear(&b);
}

static void test_vector_encrypt(void **state) {
    (void)state;
    uint8_t data[32];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)i;
    }
    kmip_crypt_t c = {.mode = KMIP_GCM, .data = bytes(data, 32), .iv = bytes(data, 12), .aad = bytes("aad", 3)};
    buf_t b;
    buf_init(&b, 4096, "test", false);
    kmip_crypt(&b, &head14, KMIP_ENCRYPT, "1", &c);
    assert_hex(&b, "42007801000000f84200770100000038420069010000002042006a0200000004000000010000000042006b020000000400"
                   "0000040000000042000d0200000004000000010000000042000f01000000b042005c05000000040000001f000000004200"
                   "7901000000984200940700000001310000000000000042002b010000003042001105000000040000000900000000420028"
                   "050000000400000003000000004200ce020000000400000010000000004200c20800000020000102030405060708090a0b"
                   "0c0d0e0f101112131415161718191a1b1c1d1e1f42003d080000000c000102030405060708090a0b000000004200fe0800"
                   "0000036161640000000000");
    buf_clear(&b);
}

/* The frame of a request, for operations that the driver has no use for. */
static size_t frame(buf_t *b, uint32_t op, size_t marks[2]) {
    marks[0] = ttlv_begin(b, 0x420078);
    size_t header = ttlv_begin(b, 0x420077);
    size_t version = ttlv_begin(b, 0x420069);
    ttlv_put_int(b, 0x42006a, 1);
    ttlv_put_int(b, 0x42006b, 4);
    ttlv_end(b, version);
    ttlv_put_int(b, 0x42000d, 1);
    ttlv_end(b, header);
    marks[1] = ttlv_begin(b, 0x42000f);
    ttlv_put_enum(b, 0x42005c, op);
    return ttlv_begin(b, 0x420079);
}

static void test_vectors_of_the_encoder(void **state) {
    (void)state;
    size_t marks[2];
    buf_t b;
    buf_init(&b, 4096, "test", false);
    size_t payload = frame(&b, 0x12, marks);
    ttlv_put_text(&b, 0x420094, "1");
    ttlv_end(&b, payload);
    ttlv_end(&b, marks[1]);
    ttlv_end(&b, marks[0]);
    assert_hex(&b, "42007801000000704200770100000038420069010000002042006a0200000004000000010000000042006b020000000400"
                   "0000040000000042000d0200000004000000010000000042000f010000002842005c050000000400000012000000004200"
                   "79010000001042009407000000013100000000000000");
    buf_reset(&b);
    payload = frame(&b, 0x08, marks);
    size_t attribute = ttlv_begin(&b, 0x420008);
    ttlv_put_text(&b, 0x42000a, "Name");
    size_t value = ttlv_begin(&b, 0x42000b);
    ttlv_put_text(&b, 0x420055, "schloss-kek-1");
    ttlv_put_enum(&b, 0x420054, 1);
    ttlv_end(&b, value);
    ttlv_end(&b, attribute);
    ttlv_end(&b, payload);
    ttlv_end(&b, marks[1]);
    ttlv_end(&b, marks[0]);
    assert_hex(&b, "42007801000000a84200770100000038420069010000002042006a0200000004000000010000000042006b020000000400"
                   "0000040000000042000d0200000004000000010000000042000f010000006042005c050000000400000008000000004200"
                   "790100000048420008010000004042000a07000000044e616d650000000042000b0100000028420055070000000d736368"
                   "6c6f73732d6b656b2d3100000042005405000000040000000100000000");
    buf_clear(&b);
}

static void test_credentials_stand_in_the_header(void **state) {
    (void)state;
    kmip_head_t head = {.minor = 2, .username = "alice", .password = "test-only"};
    buf_t b;
    buf_init(&b, 4096, "test", true);
    kmip_get(&b, &head, "7");
    assert_null(ttlv_check(buf_view(&b)));
    cur_t c = cur_of(buf_view(&b));
    ttlv_t t, v;
    assert_true(ttlv_next(&c, &t));
    assert_true(ttlv_find(t.value, 0x420077, TTLV_STRUCTURE, &t));
    assert_true(ttlv_find(t.value, 0x42000c, TTLV_STRUCTURE, &t));
    assert_true(ttlv_find(t.value, 0x420023, TTLV_STRUCTURE, &t));
    assert_true(ttlv_find(t.value, 0x420024, TTLV_ENUM, &v));
    assert_int_equal(ttlv_u32(&v), 1);
    assert_true(ttlv_find(t.value, 0x420025, TTLV_STRUCTURE, &t));
    assert_true(ttlv_find(t.value, 0x420099, TTLV_TEXT, &v));
    assert_memory_equal(v.value.ptr, "alice", 5);
    assert_true(ttlv_find(t.value, 0x4200a1, TTLV_TEXT, &v));
    assert_memory_equal(v.value.ptr, "test-only", 9);
    buf_clear(&b);
}

/* An answer in parts; what is 0 or NULL is left out. */
typedef struct parts {
    uint32_t tag, batch, op;
    bool no_header, no_item, no_status;
    uint32_t status, reason;
    const char *text;
} parts_t;

static const char *read_parts(const parts_t *p, kmip_reply_t *r) {
    buf_t b;
    buf_init(&b, 4096, "test", false);
    size_t message = ttlv_begin(&b, p->tag != 0 ? p->tag : 0x42007b);
    if (!p->no_header) {
        size_t header = ttlv_begin(&b, 0x42007a);
        ttlv_put_int(&b, 0x42000d, p->batch != 0 ? (int32_t)p->batch : 1);
        ttlv_end(&b, header);
    }
    if (!p->no_item) {
        size_t item = ttlv_begin(&b, 0x42000f);
        if (p->op != 0) {
            ttlv_put_enum(&b, 0x42005c, p->op);
        }
        if (!p->no_status) {
            ttlv_put_enum(&b, 0x42007f, p->status);
        }
        if (p->reason != 0) {
            ttlv_put_enum(&b, 0x42007e, p->reason);
        }
        if (p->text != NULL) {
            ttlv_put_text(&b, 0x42007d, p->text);
        }
        ttlv_end(&b, item);
    }
    ttlv_end(&b, message);
    const char *wrong = kmip_reply_read(r, buf_view(&b), KMIP_GET);
    buf_clear(&b);
    return wrong;
}

static void test_answers(void **state) {
    (void)state;
    kmip_reply_t r;
    assert_null(read_parts(&(parts_t){.op = KMIP_GET}, &r));
    assert_true(r.ok);
    assert_int_equal(r.payload.len, 0);
    assert_null(read_parts(&(parts_t){.op = KMIP_GET, .status = 1, .reason = 0x0c, .text = "no\nway"}, &r));
    assert_false(r.ok);
    assert_int_equal(r.reason, 0x0c);
    assert_string_equal(r.text, "no?way");
    /* a server that could not read the request does not know its operation */
    assert_null(read_parts(&(parts_t){.status = 1, .reason = 4}, &r));
    assert_false(r.ok);
    const parts_t bad[] = {
        {.tag = 0x420078, .op = KMIP_GET},
        {.op = KMIP_GET, .no_header = true},
        {.op = KMIP_GET, .batch = 2},
        {.op = KMIP_GET, .no_item = true},
        {.op = KMIP_GET, .no_status = true},
        {.op = KMIP_ENCRYPT},
        {.op = 0},
        {.op = KMIP_ENCRYPT, .status = 1, .reason = 4},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_non_null(read_parts(&bad[i], &r));
    }
    assert_non_null(kmip_reply_read(&r, bytes("HTTP/1.1 400", 12), KMIP_GET));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vector_discover),
        cmocka_unit_test(test_vector_encrypt),
        cmocka_unit_test(test_vectors_of_the_encoder),
        cmocka_unit_test(test_credentials_stand_in_the_header),
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
