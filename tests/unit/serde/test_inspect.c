/* Inspection tells what is encrypted, and under which key, without a key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "testlib/world.h"
#include <stdio.h>
#include <string.h>

static char seen[2048];

static bool note(void *user, const schloss_field_info_t *i) {
    (void)user;
    size_t n = strlen(seen);
    snprintf(seen + n, sizeof(seen) - n, "%s:%s:%d:%s:%s:%s:%d:%d\n", i->path, i->type, i->is_encrypted, i->rule,
             i->kek, i->algorithm, (int)i->dek_version, i->looks_valid);
    return true;
}

static void inspect(const char *rules, bool plain, const char *expected) {
    world_t w;
    uint8_t rec[256];
    schloss_encoded_t enc;
    size_t n = world_person(rec, sizeof(rec), "ann", 7, "note", 3, "annie");
    world_open(&w, FAKE_SCHEMA_PERSON, rules, NULL);
    assert_int_equal(schloss_serialize(w.ser, &w.target, schloss_bytes(rec, n), &enc, w.err), 0);
    fake_registry_clear_requests(w.fr);
    seen[0] = '\0';
    uint8_t value[512];
    memcpy(value, enc.value.ptr, enc.value.len);
    if (plain) {
        memcpy(value + 5, rec, n);
    }
    assert_int_equal(schloss_inspect(w.de, &w.target, schloss_bytes(value, plain ? n + 5 : enc.value.len), NULL, 0,
                                     note, NULL, w.err),
                     0);
    assert_string_equal(seen, expected);
    assert_int_equal(fake_registry_count(w.fr, "/dek-registry/"), 0);
    world_close(&w);
}

static void fields_are_told(void **state) {
    (void)state;
    inspect(FAKE_RULES_PII("AES128_GCM", ",\"encrypt.dek.expiry.days\":\"1\""), false,
            "shop.test.Person.name:string:1:encryptPII:kek1:AES128_GCM:1:1\n"
            "shop.test.Person.n:int:0::::0:0\n"
            "shop.test.Person.note:string:0::::0:0\n"
            "shop.test.Person.blob:bytes:1:encryptPII:kek1:AES128_GCM:1:1\n"
            "shop.test.Person.alias:string:1:encryptPII:kek1:AES128_GCM:1:1\n");
}

static void what_the_reader_cannot_undo_is_told_too(void **state) {
    (void)state;
    inspect("{\"domainRules\":[{\"name\":\"w\",\"type\":\"ENCRYPT\",\"mode\":\"WRITE\",\"tags\":[\"PII\"],"
            "\"params\":{\"encrypt.kek.name\":\"kek1\",\"encrypt.kms.type\":\"local-kms\","
            "\"encrypt.kms.key.id\":\"mykey\"}}]}",
            false,
            "shop.test.Person.name:string:1:w:kek1:AES256_GCM:1:1\n"
            "shop.test.Person.n:int:0::::0:0\n"
            "shop.test.Person.note:string:0::::0:0\n"
            "shop.test.Person.blob:bytes:1:w:kek1:AES256_GCM:1:1\n"
            "shop.test.Person.alias:string:1:w:kek1:AES256_GCM:1:1\n");
}

static void plaintext_under_a_rule_looks_wrong(void **state) {
    (void)state;
    inspect(FAKE_RULES_PII("AES256_SIV", ""), true,
            "shop.test.Person.name:string:1:encryptPII:kek1:AES256_SIV:1:0\n"
            "shop.test.Person.n:int:0::::0:0\n"
            "shop.test.Person.note:string:0::::0:0\n"
            "shop.test.Person.blob:bytes:1:encryptPII:kek1:AES256_SIV:1:0\n"
            "shop.test.Person.alias:string:1:encryptPII:kek1:AES256_SIV:1:0\n");
}

static void payload_is_one_line(void **state) {
    (void)state;
    inspect(FAKE_RULES_PAYLOAD("AES256_GCM", ""), false, ":payload:1:encryptPayload:kek1:AES256_GCM:1:1\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_told),
        cmocka_unit_test(what_the_reader_cannot_undo_is_told_too),
        cmocka_unit_test(plaintext_under_a_rule_looks_wrong),
        cmocka_unit_test(payload_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
