/* kmip.c, session.c, fail.c, profile.c: the driver against a scripted server behind the transport hook. Each way in
 * which a server can refuse or misbehave has its code, its hint and its retry decision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "kms/kmip/blob.h"
#include "kms/kmip/message.h"
#include "kms/kms.h"

#define UID "77"
static const uint8_t key_bytes[32] = "the key of the scripted server ";
static const char plain[] = "eighteen bytes key";

/* ---- the server ---- */

typedef struct server {
    uint32_t highest; /* speaks 1.0 to 1.highest */
    bool only_2, no_discover, no_gcm, no_crypt, no_get;
    uint32_t state, algorithm, bits, usage, object_type; /* 0: as it should be; UINT32_MAX: not told */
    uint32_t fail_op, reason, status;                    /* this operation fails */
    uint32_t state_after;                                /* once it has failed */
    const char *uid;                                     /* of its answers */
    uint32_t other_uid_in;                               /* only in the answer to this operation */
    bool empty_payload, cut, other_iv, no_tag, short_data, no_key, other_key_len;
    schloss_rc transport; /* fails with it */
    const char *transport_text;
    const char *raw; /* instead of any answer */
    size_t raw_len;
    /* seen */
    unsigned requests, operations[0x21];
    uint32_t minor;
    char server_name[64], url[64];
    buf_t out;
} server_t;

static const uint8_t *find_path(bytes_t msg, uint32_t tag, size_t *n) {
    /* the first item of tag, at any depth */
    cur_t c = cur_of(msg);
    ttlv_t t;
    while (ttlv_next(&c, &t)) {
        if (t.tag == tag) {
            *n = t.value.len;
            return t.value.ptr;
        }
        const uint8_t *inner = t.type == TTLV_STRUCTURE ? find_path(t.value, tag, n) : NULL;
        if (inner != NULL) {
            return inner;
        }
    }
    return NULL;
}

static uint32_t number_in(bytes_t msg, uint32_t tag) {
    size_t n = 0;
    const uint8_t *p = find_path(msg, tag, &n);
    return p == NULL ? 0 : be32_read(p);
}

static void put_attribute(buf_t *b, const char *name, bool is_enum, uint32_t told, uint32_t preset) {
    if (told == UINT32_MAX) {
        return;
    }
    size_t a = ttlv_begin(b, 0x420008);
    ttlv_put_text(b, 0x42000a, name);
    if (is_enum) {
        ttlv_put_enum(b, 0x42000b, told == 0 ? preset : told);
    } else {
        ttlv_put_int(b, 0x42000b, (int32_t)(told == 0 ? preset : told));
    }
    ttlv_end(b, a);
}

static void put_versions(server_t *s, buf_t *b) {
    for (uint32_t m = s->highest + 1; m-- > 0;) {
        size_t v = ttlv_begin(b, 0x420069);
        ttlv_put_int(b, 0x42006a, s->only_2 ? 2 : 1);
        ttlv_put_int(b, 0x42006b, (int32_t)m);
        ttlv_end(b, v);
    }
}

static void put_crypted(server_t *s, buf_t *b, bytes_t request, bool encrypt) {
    size_t n = 0, iv_len = 0, tag_len = 0;
    const uint8_t *data = find_path(request, 0x4200c2, &n);
    const uint8_t *iv = find_path(request, 0x42003d, &iv_len);
    const uint8_t *tag = find_path(request, 0x4200ff, &tag_len);
    bool gcm = number_in(request, 0x420011) == KMIP_GCM;
    uint8_t out[512];
    size_t pad = gcm ? 0 : 16 - n % 16;
    size_t len = n;
    for (size_t i = 0; i < n; i++) {
        out[i] = data[i] ^ 0xa5;
    }
    if (!gcm && encrypt) {
        memset(out + n, (int)pad, pad);
        len += pad;
    } else if (!gcm) {
        len -= data[n - 1];
    }
    (void)tag;
    assert_true(!gcm || encrypt || tag_len == 16);
    len -= s->short_data ? 1 : 0;
    ttlv_put_bytes(b, 0x4200c2, bytes(out, len));
    if (encrypt && s->other_iv) {
        uint8_t other[16] = {1};
        ttlv_put_bytes(b, 0x42003d, bytes(other, iv_len));
    } else if (encrypt) {
        ttlv_put_bytes(b, 0x42003d, bytes(iv, iv_len));
    }
    if (encrypt && gcm && !s->no_tag) {
        ttlv_put_bytes(b, 0x4200ff, bytes("tttttttttttttttt", 16));
    }
}

static void put_key(server_t *s, buf_t *b) {
    if (s->no_key) {
        return;
    }
    size_t key = ttlv_begin(b, 0x42008f);
    size_t block = ttlv_begin(b, 0x420040);
    ttlv_put_enum(b, 0x420042, 1);
    size_t value = ttlv_begin(b, 0x420045);
    ttlv_put_bytes(b, 0x420043, bytes(key_bytes, s->other_key_len ? 16 : 32));
    ttlv_end(b, value);
    ttlv_end(b, block);
    ttlv_end(b, key);
}

static uint32_t reason_for(server_t *s, uint32_t op, uint32_t minor, bytes_t request) {
    if (minor > s->highest || s->only_2) {
        return op == KMIP_DISCOVER_VERSIONS && s->only_2 ? 0 : KMIP_INVALID_MESSAGE;
    }
    if ((op == KMIP_DISCOVER_VERSIONS && (s->no_discover || minor < 1)) ||
        (op >= KMIP_ENCRYPT && (s->no_crypt || minor < 2)) || (op == KMIP_GET && s->no_get)) {
        return KMIP_NOT_SUPPORTED;
    }
    if (op >= KMIP_ENCRYPT && s->no_gcm && number_in(request, 0x420011) == KMIP_GCM) {
        return KMIP_FEATURE_NOT_SUPPORTED;
    }
    if (op == s->fail_op) {
        s->state = s->state_after != 0 ? s->state_after : s->state;
        return s->reason;
    }
    return 0;
}

static void put_payload(server_t *s, buf_t *b, uint32_t op, bytes_t request) {
    size_t payload = ttlv_begin(b, 0x42007c);
    if (op != KMIP_DISCOVER_VERSIONS) {
        ttlv_put_text(b, 0x420094, s->other_uid_in == op ? "78" : UID);
    }
    switch (op) {
    case KMIP_DISCOVER_VERSIONS:
        put_versions(s, b);
        break;
    case KMIP_GET_ATTRIBUTES:
        put_attribute(b, "State", true, s->state, KMIP_ACTIVE);
        put_attribute(b, "Cryptographic Algorithm", true, s->algorithm, KMIP_AES);
        put_attribute(b, "Cryptographic Length", false, s->bits, 256);
        put_attribute(b, "Cryptographic Usage Mask", false, s->usage, 0x0c);
        put_attribute(b, "Object Type", true, s->object_type, KMIP_SYMMETRIC_KEY);
        break;
    case KMIP_GET:
        put_key(s, b);
        break;
    default:
        put_crypted(s, b, request, op == KMIP_ENCRYPT);
    }
    ttlv_end(b, payload);
}

static void answer(server_t *s, bytes_t request) {
    uint32_t op = number_in(request, 0x42005c);
    uint32_t minor = number_in(request, 0x42006b);
    uint32_t reason = reason_for(s, op, minor, request);
    assert_true(op < COUNT_OF(s->operations));
    s->operations[op]++;
    s->minor = minor;
    buf_t *b = &s->out;
    size_t message = ttlv_begin(b, 0x42007b);
    size_t header = ttlv_begin(b, 0x42007a);
    ttlv_put_int(b, 0x42000d, 1);
    ttlv_end(b, header);
    size_t item = ttlv_begin(b, 0x42000f);
    ttlv_put_enum(b, 0x42005c, op);
    ttlv_put_enum(b, 0x42007f, reason == 0 ? 0 : s->status != 0 ? s->status : 1);
    if (reason != 0) {
        ttlv_put_enum(b, 0x42007e, reason);
        ttlv_put_text(b, 0x42007d, "as the script says");
    } else if (!s->empty_payload || op == KMIP_DISCOVER_VERSIONS) {
        put_payload(s, b, op, request);
    }
    ttlv_end(b, item);
    ttlv_end(b, message);
    b->len -= s->cut ? 8 : 0;
}

static schloss_rc perform(void *user, const schloss_http_request_t *req, schloss_http_response_t *out,
                          schloss_error_t *err) {
    server_t *s = user;
    s->requests++;
    assert_int_equal(req->protocol, SCHLOSS_KMIP);
    assert_true(req->direct);
    assert_true(req->sensitive);
    assert_non_null(req->tls);
    assert_null(ttlv_check(req->body));
    (void)snprintf(s->url, sizeof s->url, "%s", req->url);
    if (req->n_headers == 1) {
        assert_string_equal(req->headers[0].name, "TLS-Server-Name");
        (void)snprintf(s->server_name, sizeof s->server_name, "%s", req->headers[0].value);
    }
    if (s->transport != 0) {
        return err_set(err, s->transport, "%s", s->transport_text);
    }
    buf_reset(&s->out);
    if (s->raw != NULL) {
        buf_put(&s->out, s->raw, s->raw_len);
    } else {
        answer(s, req->body);
    }
    *out = (schloss_http_response_t){.status = 200, .body = s->out.ptr, .body_len = s->out.len};
    return SCHLOSS_OK;
}

static void release(void *user, schloss_http_response_t *out) {
    (void)user;
    (void)out;
}

/* ---- driving ---- */

typedef struct setting {
    const char *name, *value;
} setting_t;

static const setting_t usual[] = {{"kmip.p.host", "kms.test"}, {"kmip.p.cert.location", "/dev/null"}, {NULL, NULL}};

static const char *get(void *user, const char *name) {
    for (const setting_t *s = user; s->name != NULL; s++) {
        if (strcmp(s->name, name) == 0) {
            return s->value;
        }
    }
    return NULL;
}

typedef struct call {
    kms_key_t key;
    bool is_wrap;
    buf_t wrapped;
    uint8_t out[66];
    size_t out_len;
} call_t;

static schloss_rc logic(void *arg, io_t *io, schloss_error_t *err) {
    call_t *c = arg;
    if (!c->is_wrap) {
        return kms_kmip.unwrap(&c->key, io, buf_view(&c->wrapped), c->out, sizeof c->out, &c->out_len, err);
    }
    size_t before = c->wrapped.len;
    schloss_rc rc = kms_kmip.wrap(&c->key, io, bytes(plain, 18), &c->wrapped, err);
    assert_true(rc == SCHLOSS_OK || c->wrapped.len == before);
    return rc;
}

static void call_init(call_t *c, const setting_t *settings, const char *key_id) {
    *c = (call_t){.key = {"kmip", key_id, {get, (void *)(uintptr_t)settings}, {0}}, .is_wrap = true};
    buf_init(&c->wrapped, 65536, "test", false);
}

static schloss_rc run(call_t *c, server_t *s, schloss_error_t *err) {
    schloss_transport_t t = {.size = sizeof t, .user = s, .perform = perform, .release = release};
    io_t *io = NULL;
    assert_int_equal(io_new(&io, NULL), 0);
    buf_init(&s->out, 65536, "test", false);
    schloss_rc rc = io_run(io, &t, logic, c, err);
    io_free(io);
    buf_clear(&s->out);
    return rc;
}

static void assert_failure(schloss_rc rc, const schloss_error_t *err, schloss_rc expected) {
    if (rc != expected) {
        print_error("got %s: %s\n", schloss_rc_name(rc), err->message);
    }
    assert_int_equal(rc, expected);
    assert_int_equal(err->code, expected);
    assert_non_null(strstr(err->message, "kmip://p/" UID));
    assert_string_not_equal(err->hint, "");
}

/* Wraps with s0, unwraps with s1. */
static schloss_rc there_and_back(server_t *s0, server_t *s1, uint8_t mode, schloss_error_t *err) {
    call_t c;
    call_init(&c, usual, "p/" UID);
    schloss_rc rc = run(&c, s0, err);
    if (rc == SCHLOSS_OK) {
        assert_int_equal(c.wrapped.ptr[0], mode);
        assert_int_equal(c.wrapped.ptr[1], 2);
        assert_memory_equal(c.wrapped.ptr + 2, UID, 2);
        c.is_wrap = false;
        rc = run(&c, s1, err);
    }
    if (rc == SCHLOSS_OK) {
        assert_int_equal(c.out_len, 18);
        assert_memory_equal(c.out, plain, 18);
    }
    buf_clear(&c.wrapped);
    return rc;
}

static void test_mode_by_version(void **state) {
    (void)state;
    static const uint8_t modes[] = {3, 3, 2, 2, 1};
    for (uint32_t minor = 0; minor <= 4; minor++) {
        server_t s = {.highest = minor};
        schloss_error_t err = {0};
        assert_int_equal(there_and_back(&s, &s, modes[minor], &err), 0);
        assert_int_equal(s.minor, minor);
        assert_int_equal(s.operations[KMIP_GET], minor < 2 ? 2 : 0);
        assert_string_equal(s.url, "kmips://kms.test:5696");
    }
}

static void test_next_mode(void **state) {
    (void)state;
    schloss_error_t err = {0};
    server_t no_gcm = {.highest = 4, .no_gcm = true};
    assert_int_equal(there_and_back(&no_gcm, &no_gcm, 2, &err), 0);
    server_t no_crypt = {.highest = 4, .no_crypt = true};
    assert_int_equal(there_and_back(&no_crypt, &no_crypt, 3, &err), 0);
    server_t nothing = {.highest = 4, .no_crypt = true, .no_get = true};
    assert_failure(there_and_back(&nothing, &nothing, 0, &err), &err, SCHLOSS_E_KMS_KEY_TYPE);
    /* what was wrapped locally is opened locally, whatever the server has learnt */
    server_t old = {.highest = 1};
    server_t new = {.highest = 4};
    assert_int_equal(there_and_back(&old, &new, 3, &err), 0);
}

static void test_versions(void **state) {
    (void)state;
    schloss_error_t err = {0};
    server_t no_discover = {.highest = 0, .no_discover = true};
    assert_int_equal(there_and_back(&no_discover, &no_discover, 3, &err), 0);
    server_t only_2 = {.highest = 0, .only_2 = true};
    assert_failure(there_and_back(&only_2, &only_2, 0, &err), &err, SCHLOSS_E_KMS_CONF);
    assert_non_null(strstr(err.hint, "KMIP 2"));
    static const struct {
        const char *versions;
        uint32_t spoken;
    } allowed[] = {{"1.4,1.3", 3}, {"1.2", 2}, {" 1.0 ,1.1", 1}, {"1.0", 0}};
    for (size_t i = 0; i < COUNT_OF(allowed); i++) {
        setting_t s[] = {usual[0], usual[1], {"kmip.p.versions", allowed[i].versions}, {NULL, NULL}};
        server_t server = {.highest = 3};
        call_t c;
        call_init(&c, s, "p/" UID);
        assert_int_equal(run(&c, &server, &err), 0);
        assert_int_equal(server.minor, allowed[i].spoken);
        buf_clear(&c.wrapped);
    }
    setting_t s[] = {usual[0], usual[1], {"kmip.p.versions", "1.4"}, {NULL, NULL}};
    server_t server = {.highest = 3};
    call_t c;
    call_init(&c, s, "p/" UID);
    assert_failure(run(&c, &server, &err), &err, SCHLOSS_E_KMS_CONF);
    buf_clear(&c.wrapped);
}

typedef struct misdeed {
    server_t server;
    schloss_rc wrap, unwrap; /* 0: works */
    bool retriable;
} misdeed_t;

static void test_refusals(void **state) {
    (void)state;
#define OP_FAILS(op, why)                                                                                              \
    { .highest = 4, .fail_op = (op), .reason = (why) }
    const misdeed_t all[] = {
        {OP_FAILS(KMIP_DISCOVER_VERSIONS, KMIP_NOT_AUTHENTICATED), SCHLOSS_E_KMS_CREDENTIALS, SCHLOSS_E_KMS_CREDENTIALS,
         0},
        {OP_FAILS(KMIP_DISCOVER_VERSIONS, KMIP_GENERAL_FAILURE), SCHLOSS_E_KMS_BUSY, SCHLOSS_E_KMS_BUSY, true},
        {OP_FAILS(KMIP_GET_ATTRIBUTES, KMIP_ITEM_NOT_FOUND), SCHLOSS_E_KMS_KEY_UNKNOWN, SCHLOSS_E_KMS_KEY_UNKNOWN, 0},
        {OP_FAILS(KMIP_GET_ATTRIBUTES, KMIP_PERMISSION_DENIED), SCHLOSS_E_KMS_DENIED, SCHLOSS_E_KMS_DENIED, 0},
        {OP_FAILS(KMIP_GET_ATTRIBUTES, KMIP_NOT_AUTHENTICATED), SCHLOSS_E_KMS_CREDENTIALS, SCHLOSS_E_KMS_CREDENTIALS,
         0},
        {OP_FAILS(KMIP_GET_ATTRIBUTES, KMIP_TOO_LARGE), SCHLOSS_E_KMS_ANSWER, SCHLOSS_E_KMS_ANSWER, true},
        {OP_FAILS(KMIP_GET_ATTRIBUTES, KMIP_ARCHIVED), SCHLOSS_E_KMS_KEY_DISABLED, SCHLOSS_E_KMS_KEY_DISABLED, 0},
        {OP_FAILS(KMIP_ENCRYPT, KMIP_PERMISSION_DENIED), SCHLOSS_E_KMS_DENIED, 0, 0},
        {OP_FAILS(KMIP_DECRYPT, KMIP_PERMISSION_DENIED), 0, SCHLOSS_E_KMS_DENIED, 0},
        {OP_FAILS(KMIP_ENCRYPT, KMIP_WRONG_STATE), SCHLOSS_E_KMS_KEY_DISABLED, 0, 0},
        {OP_FAILS(KMIP_ENCRYPT, KMIP_ILLEGAL_OPERATION), SCHLOSS_E_KMS_KEY_TYPE, 0, 0},
        {OP_FAILS(KMIP_DECRYPT, KMIP_ITEM_NOT_FOUND), 0, SCHLOSS_E_KMS_KEY_UNKNOWN, 0},
        {OP_FAILS(KMIP_DECRYPT, KMIP_CRYPTOGRAPHIC_FAILURE), 0, SCHLOSS_E_UNWRAP_FAILED, 0},
        {OP_FAILS(KMIP_DECRYPT, KMIP_GENERAL_FAILURE), 0, SCHLOSS_E_UNWRAP_FAILED, 0},
        {OP_FAILS(KMIP_DECRYPT, 0x7777), 0, SCHLOSS_E_UNWRAP_FAILED, 0},
        {OP_FAILS(KMIP_ENCRYPT, KMIP_GENERAL_FAILURE), SCHLOSS_E_KMS_BUSY, 0, true},
        {OP_FAILS(KMIP_ENCRYPT, 0x7777), SCHLOSS_E_WRAP_FAILED, 0, 0},
        {{.highest = 4, .fail_op = KMIP_ENCRYPT, .reason = 0x7777, .status = 2}, SCHLOSS_E_KMS_BUSY, 0, true},
        {{.highest = 4, .fail_op = KMIP_ENCRYPT, .reason = KMIP_PERMISSION_DENIED, .state_after = KMIP_DEACTIVATED},
         SCHLOSS_E_KMS_KEY_DISABLED,
         0,
         0},
        {{.highest = 4, .fail_op = KMIP_DECRYPT, .reason = KMIP_PERMISSION_DENIED, .state_after = KMIP_DESTROYED},
         0,
         SCHLOSS_E_KMS_KEY_DELETED,
         0},
        {{.highest = 4, .state = KMIP_PRE_ACTIVE}, SCHLOSS_E_KMS_KEY_DISABLED, SCHLOSS_E_KMS_KEY_DISABLED, 0},
        {{.highest = 4, .state = KMIP_DEACTIVATED}, SCHLOSS_E_KMS_KEY_DISABLED, SCHLOSS_E_KMS_KEY_DISABLED, 0},
        {{.highest = 1, .state = KMIP_COMPROMISED}, SCHLOSS_E_KMS_KEY_DISABLED, SCHLOSS_E_KMS_KEY_DISABLED, 0},
        {{.highest = 4, .state = KMIP_DESTROYED}, SCHLOSS_E_KMS_KEY_DELETED, SCHLOSS_E_KMS_KEY_DELETED, 0},
        {{.highest = 4, .state = KMIP_DESTROYED_COMPROMISED}, SCHLOSS_E_KMS_KEY_DELETED, SCHLOSS_E_KMS_KEY_DELETED, 0},
        {{.highest = 4, .state = 9}, SCHLOSS_E_KMS_ANSWER, SCHLOSS_E_KMS_ANSWER, true},
        {{.highest = 4, .state = UINT32_MAX}, SCHLOSS_E_KMS_ANSWER, SCHLOSS_E_KMS_ANSWER, true},
        {{.highest = 4, .algorithm = 2}, SCHLOSS_E_KMS_KEY_TYPE, SCHLOSS_E_KMS_KEY_TYPE, 0},
        {{.highest = 4, .algorithm = UINT32_MAX}, SCHLOSS_E_KMS_KEY_TYPE, SCHLOSS_E_KMS_KEY_TYPE, 0},
        {{.highest = 4, .bits = 512}, SCHLOSS_E_KMS_KEY_TYPE, SCHLOSS_E_KMS_KEY_TYPE, 0},
        {{.highest = 4, .bits = UINT32_MAX}, 0, 0, 0},
        {{.highest = 4, .usage = 0x04}, SCHLOSS_E_KMS_KEY_TYPE, SCHLOSS_E_KMS_KEY_TYPE, 0},
        {{.highest = 4, .usage = 0x08}, SCHLOSS_E_KMS_KEY_TYPE, 0, 0},
        {{.highest = 4, .usage = UINT32_MAX, .object_type = UINT32_MAX}, 0, 0, 0},
        {{.highest = 4, .object_type = 7}, SCHLOSS_E_KMS_KEY_TYPE, SCHLOSS_E_KMS_KEY_TYPE, 0},
        {{.highest = 4, .other_uid_in = KMIP_GET_ATTRIBUTES}, SCHLOSS_E_KMS_WRONG_KEY, SCHLOSS_E_KMS_WRONG_KEY, 0},
        {{.highest = 4, .other_uid_in = KMIP_ENCRYPT}, SCHLOSS_E_KMS_WRONG_KEY, 0, 0},
        {{.highest = 4, .other_uid_in = KMIP_DECRYPT}, 0, SCHLOSS_E_KMS_WRONG_KEY, 0},
        {{.highest = 4, .cut = true}, SCHLOSS_E_KMS_ANSWER, SCHLOSS_E_KMS_ANSWER, true},
        {{.highest = 4, .empty_payload = true}, SCHLOSS_E_KMS_WRONG_KEY, SCHLOSS_E_KMS_WRONG_KEY, 0},
        {{.highest = 4, .other_iv = true}, SCHLOSS_E_KMS_ANSWER, 0, true},
        {{.highest = 4, .no_tag = true}, SCHLOSS_E_KMS_ANSWER, 0, true},
        {{.highest = 4, .short_data = true}, SCHLOSS_E_KMS_ANSWER, SCHLOSS_E_KMS_ANSWER, true},
        {{.highest = 4, .raw = "HTTP/1.1 400 Bad", .raw_len = 16}, SCHLOSS_E_KMS_ANSWER, SCHLOSS_E_KMS_ANSWER, true},
        {{.highest = 4, .raw = "{}", .raw_len = 2}, SCHLOSS_E_KMS_ANSWER, SCHLOSS_E_KMS_ANSWER, true},
        {{.highest = 4, .raw = "", .raw_len = 0}, SCHLOSS_E_KMS_ANSWER, SCHLOSS_E_KMS_ANSWER, true},
        {{.highest = 4, .transport = SCHLOSS_E_TLS, .transport_text = "subject name does not match"},
         SCHLOSS_E_TLS,
         SCHLOSS_E_TLS,
         0},
        {{.highest = 4, .transport = SCHLOSS_E_TLS, .transport_text = "sslv3 alert certificate expired"},
         SCHLOSS_E_KMS_EXPIRED,
         SCHLOSS_E_KMS_EXPIRED,
         0},
        {{.highest = 4, .transport = SCHLOSS_E_TLS, .transport_text = "tlsv1 alert unknown ca"},
         SCHLOSS_E_KMS_CREDENTIALS,
         SCHLOSS_E_KMS_CREDENTIALS,
         0},
        {{.highest = 4, .transport = SCHLOSS_E_UNSUPPORTED, .transport_text = "no KMIP here"},
         SCHLOSS_E_UNSUPPORTED,
         SCHLOSS_E_UNSUPPORTED,
         0},
    };
#undef OP_FAILS
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        schloss_error_t err = {0};
        server_t s = all[i].server;
        server_t good = {.highest = s.highest};
        uint8_t mode = s.highest == 4 ? 1 : 3;
        schloss_rc rc = there_and_back(&s, &good, mode, &err);
        if (rc != all[i].wrap) {
            print_error("case %zu, wrap: %s\n", i, err.message);
        }
        if (all[i].wrap != 0) {
            assert_failure(rc, &err, all[i].wrap);
            assert_int_equal(schloss_error_is_retriable(&err), all[i].retriable);
        } else {
            assert_int_equal(rc, 0);
        }
        s = all[i].server;
        rc = there_and_back(&good, &s, mode, &err);
        if (rc != all[i].unwrap) {
            print_error("case %zu, unwrap: %s\n", i, err.message);
        }
        if (all[i].unwrap != 0) {
            assert_failure(rc, &err, all[i].unwrap);
            assert_int_equal(schloss_error_is_retriable(&err), all[i].retriable);
        } else {
            assert_int_equal(rc, 0);
        }
    }
}

/* CBC and Get have answers of their own. */
static void test_refusals_of_other_modes(void **state) {
    (void)state;
    const misdeed_t all[] = {
        {{.highest = 2, .short_data = true}, SCHLOSS_E_KMS_ANSWER, SCHLOSS_E_UNWRAP_FAILED, 0},
        {{.highest = 2, .other_iv = true}, SCHLOSS_E_KMS_ANSWER, 0, 0},
        {{.highest = 1, .no_key = true}, SCHLOSS_E_KMS_ANSWER, SCHLOSS_E_KMS_ANSWER, 0},
        {{.highest = 1, .other_key_len = true}, SCHLOSS_E_KMS_ANSWER, SCHLOSS_E_KMS_ANSWER, 0},
        {{.highest = 1, .other_key_len = true, .bits = UINT32_MAX}, 0, SCHLOSS_E_UNWRAP_FAILED, 0},
        {{.highest = 1, .other_uid_in = KMIP_GET}, SCHLOSS_E_KMS_WRONG_KEY, SCHLOSS_E_KMS_WRONG_KEY, 0},
        {{.highest = 1, .fail_op = KMIP_GET, .reason = KMIP_PERMISSION_DENIED},
         SCHLOSS_E_KMS_DENIED,
         SCHLOSS_E_KMS_DENIED,
         0},
        {{.highest = 1, .fail_op = KMIP_GET, .reason = KMIP_KEY_FORMAT},
         SCHLOSS_E_KMS_KEY_TYPE,
         SCHLOSS_E_KMS_KEY_TYPE,
         0},
        {{.highest = 1, .fail_op = KMIP_GET, .reason = KMIP_PERMISSION_DENIED, .state_after = KMIP_DEACTIVATED},
         SCHLOSS_E_KMS_KEY_DISABLED,
         SCHLOSS_E_KMS_KEY_DISABLED,
         0},
    };
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        schloss_error_t err = {0};
        server_t s = all[i].server;
        server_t good = {.highest = s.highest};
        uint8_t mode = s.highest == 2 ? 2 : 3;
        /* a key that was lent shorter than it is opens nothing, so both sides are looked at */
        server_t back = all[i].wrap == 0 && all[i].server.other_key_len ? all[i].server : good;
        schloss_rc rc = there_and_back(&s, &back, mode, &err);
        if (all[i].wrap != 0) {
            assert_failure(rc, &err, all[i].wrap);
        } else {
            assert_int_equal(rc, 0);
        }
        s = all[i].server;
        rc = there_and_back(&good, &s, mode, &err);
        if (all[i].unwrap != 0) {
            assert_failure(rc, &err, all[i].unwrap);
        } else {
            assert_int_equal(rc, 0);
        }
    }
}

static void test_retries(void **state) {
    (void)state;
    static const struct {
        schloss_rc failure;
        unsigned requests;
    } all[] = {{SCHLOSS_E_CONNECT, 4}, {SCHLOSS_E_TIMEOUT, 4}, {SCHLOSS_E_IO, 4}, {SCHLOSS_E_TLS, 1}};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        schloss_error_t err = {0};
        server_t s = {.highest = 4, .transport = all[i].failure, .transport_text = "as the script says"};
        assert_failure(there_and_back(&s, &s, 0, &err), &err, all[i].failure);
        assert_int_equal(s.requests, all[i].requests);
    }
    /* a general failure is worth another try where it does not mean a wrong tag */
    schloss_error_t err = {0};
    server_t s = {.highest = 4, .fail_op = KMIP_GET_ATTRIBUTES, .reason = KMIP_GENERAL_FAILURE};
    assert_failure(there_and_back(&s, &s, 0, &err), &err, SCHLOSS_E_KMS_BUSY);
    assert_int_equal(s.operations[KMIP_GET_ATTRIBUTES], 4);
}

static void test_other_blobs(void **state) {
    (void)state;
    schloss_error_t err = {0};
    server_t s = {.highest = 4};
    call_t c;
    call_init(&c, usual, "p/" UID);
    c.is_wrap = false;
    assert_failure(run(&c, &s, &err), &err, SCHLOSS_E_UNWRAP_FAILED);
    buf_put(&c.wrapped,
            "\x01\x02"
            "78",
            4);
    buf_put(&c.wrapped, "0123456789012345678901234567890123456789", 40);
    assert_failure(run(&c, &s, &err), &err, SCHLOSS_E_KMS_WRONG_KEY);
    assert_non_null(strstr(err.message, "78"));
    assert_int_equal(s.requests, 0); /* seen before anybody is asked */
    buf_clear(&c.wrapped);
}

static void test_configuration(void **state) {
    (void)state;
    static const struct {
        const char *key_id;
        setting_t more;
    } all[] = {
        {"", {NULL, NULL}},
        {"p", {NULL, NULL}},
        {"/77", {NULL, NULL}},
        {"p/", {NULL, NULL}},
        {"p q/77", {NULL, NULL}},
        {"p/7\n7", {NULL, NULL}},
        {"q/77", {NULL, NULL}},
        {"p/77", {"kmip.p.port", "0"}},
        {"p/77", {"kmip.p.port", "65536"}},
        {"p/77", {"kmip.p.port", "12a"}},
        {"p/77", {"kmip.p.port", "-1"}},
        {"p/77", {"kmip.p.host", "evil.test/@x"}},
        {"p/77", {"kmip.p.server.name", "a:b"}},
        {"p/77", {"kmip.p.versions", "2.0"}},
        {"p/77", {"kmip.p.versions", "1.5"}},
        {"p/77", {"kmip.p.versions", ","}},
        {"p/77", {"kmip.p.timeout.ms", "soon"}},
        {"p/77", {"kmip.p.ca.location", "/nonexistent/ca.pem"}},
        {"p/77", {"kmip.p.key.location", "/nonexistent/key.pem"}},
        {"p/77", {"kmip.p.cert.location", NULL}},
    };
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        setting_t settings[] = {all[i].more, usual[0], usual[1], {NULL, NULL}};
        setting_t *used = all[i].more.name == NULL ? settings + 1 : settings;
        schloss_error_t err = {0};
        server_t s = {.highest = 4};
        call_t c;
        call_init(&c, used, all[i].key_id);
        assert_int_equal(run(&c, &s, &err), SCHLOSS_E_KMS_CONF);
        assert_string_not_equal(err.hint, "");
        assert_int_equal(s.requests, 0);
        buf_clear(&c.wrapped);
    }
    char uid[300] = "p/";
    memset(uid + 2, 'x', 256);
    schloss_error_t err = {0};
    server_t s = {.highest = 4};
    call_t c;
    call_init(&c, usual, uid);
    assert_int_equal(run(&c, &s, &err), SCHLOSS_E_KMS_CONF);
    buf_clear(&c.wrapped);
}

static void test_address(void **state) {
    (void)state;
    setting_t settings[] = {
        {"kmip.p.host", "::1"},       {"kmip.p.port", "5697"},          {"kmip.p.server.name", "kms.example"},
        {"kmip.p.username", "alice"}, {"kmip.p.password", "test-only"}, {NULL, NULL}};
    schloss_error_t err = {0};
    server_t s = {.highest = 4};
    call_t c;
    call_init(&c, settings, "p/" UID);
    assert_int_equal(run(&c, &s, &err), 0);
    assert_string_equal(s.url, "kmips://[::1]:5697");
    assert_string_equal(s.server_name, "kms.example");
    buf_clear(&c.wrapped);
}

/* Run after run of the logic asks the same, IV included; another wrap has another IV. */
static void test_iv(void **state) {
    (void)state;
    uint8_t first[12];
    for (int i = 0; i < 2; i++) {
        schloss_error_t err = {0};
        server_t s = {.highest = 4};
        call_t c;
        call_init(&c, usual, "p/" UID);
        assert_int_equal(run(&c, &s, &err), 0);
        assert_int_equal(s.requests, 3);
        assert_int_equal(s.operations[KMIP_ENCRYPT], 1);
        if (i == 0) {
            memcpy(first, c.wrapped.ptr + 4, 12);
        } else {
            assert_memory_not_equal(first, c.wrapped.ptr + 4, 12);
        }
        buf_clear(&c.wrapped);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mode_by_version),
        cmocka_unit_test(test_next_mode),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refusals_of_other_modes),
        cmocka_unit_test(test_retries),
        cmocka_unit_test(test_other_blobs),
        cmocka_unit_test(test_configuration),
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_iv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
