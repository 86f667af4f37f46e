/* Logical types count only where they may stand. */
#include "avro_test.h"
#include "codec/avro/logical.h"

static bool valid(const char *text) {
    avro_schema_t *s = parse(text);
    bool decimal, ok = avro_logical(avro_schema_root(s), &decimal) != NULL;
    avro_schema_free(s);
    return ok;
}

#define P(type, more) "{\"type\":\"" type "\",\"logicalType\":" more "}"
#define X(size, more) "{\"type\":\"fixed\",\"name\":\"F\",\"size\":" size ",\"logicalType\":" more "}"

static void where_they_may_stand(void **state) {
    (void)state;
    assert_true(valid(P("int", "\"date\"")));
    assert_false(valid(P("long", "\"date\"")));
    assert_true(valid(P("long", "\"timestamp-millis\"")));
    assert_true(valid(P("string", "\"uuid\"")));
    assert_false(valid(P("bytes", "\"uuid\"")));
    assert_true(valid(X("16", "\"uuid\"")));
    assert_false(valid(X("15", "\"uuid\"")));
    assert_true(valid(X("12", "\"duration\"")));
    assert_false(valid(X("13", "\"duration\"")));
    assert_false(valid(P("int", "\"unheard-of\"")));
    assert_false(valid(P("int", "7")));
    assert_false(valid("\"int\""));
}

static void decimals(void **state) {
    (void)state;
    assert_true(valid(P("bytes", "\"decimal\",\"precision\":4,\"scale\":2")));
    assert_true(valid(P("bytes", "\"decimal\",\"precision\":4")));
    assert_false(valid(P("bytes", "\"decimal\"")));
    assert_false(valid(P("bytes", "\"decimal\",\"precision\":0")));
    assert_false(valid(P("bytes", "\"decimal\",\"precision\":2,\"scale\":3")));
    assert_false(valid(P("bytes", "\"decimal\",\"precision\":2,\"scale\":-1")));
    assert_false(valid(P("bytes", "\"decimal\",\"precision\":\"4\"")));
    assert_false(valid(P("int", "\"decimal\",\"precision\":4")));
    assert_true(valid(X("2", "\"decimal\",\"precision\":4")));
    assert_false(valid(X("2", "\"decimal\",\"precision\":5"))); /* 15 bits hold 4 digits */
    assert_false(valid(X("0", "\"decimal\",\"precision\":1")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_they_may_stand),
        cmocka_unit_test(decimals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
