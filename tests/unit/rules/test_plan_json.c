/* What a rule covers in JSON, and what it refuses: spec client-encryption 1.5, 3.6-3.9, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "marked.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* rows say what matters to them */

/* clang-format off */
#define T "\"confluent:tags\":[\"PII\"]"
#define OBJ(p) "{\"type\":\"object\",\"properties\":{" p "}}"
#define STR "{\"type\":\"string\"}"
#define TSTR "{\"type\":\"string\"," T "}"
#define INT "{\"type\":\"integer\"}"
#define NIL "{\"type\":\"null\"}"
#define META(p) "{\"tags\":{\"" p "\":[\"PII\"]}}"
/* clang-format on */

typedef struct row {
    marked_case_t c;
    const char *want; /* written record; NULL: refused */
    schloss_rc rc;
    const char *part; /* of the error, or names of the fields in order */
} row_t;

static void check_rows(const row_t *rows, size_t n) {
    marked_t m;
    marked_open(&m);
    for (size_t i = 0; i < n; i++) {
        const row_t *r = &rows[i];
        schloss_rc rc = marked_run(&m, &r->c, bytes(r->c.record, strlen(r->c.record)));
        const char *got = rc == SCHLOSS_OK ? buf_cstr(&m.out) : schloss_error_message(&m.err);
        if (rc != r->rc || (r->want != NULL && strcmp(got, r->want) != 0) ||
            (r->part != NULL && strstr(rc == SCHLOSS_OK ? m.names : got, r->part) == NULL)) {
            fail_msg("%s with %s: %s: %s (%s)", r->c.schema, r->c.record, schloss_rc_name(rc), got, m.names);
        }
        if (rc == SCHLOSS_OK && !r->c.reading) { /* what was written comes back */
            marked_case_t back = r->c;
            char *written = mem_strndup((const char *)m.out.ptr, m.out.len);
            back.reading = true;
            assert_int_equal(marked_run(&m, &back, bytes(written, strlen(written))), SCHLOSS_OK);
            if (strcmp(buf_cstr(&m.out), r->c.record) != 0) {
                fail_msg("%s came back as %s", r->c.record, buf_cstr(&m.out));
            }
            mem_free(written);
        }
    }
    marked_close(&m);
}
#define CHECK(rows) check_rows(rows, sizeof rows / sizeof *rows)

/* spec 8: 70, 74 */
static void strings_of_covered_properties(void **state) {
    (void)state;
    static const row_t rows[] = {
        {{OBJ("\"a\":" TSTR ",\"b\":" STR), "{\"b\":\"y\", \"a\" :\"x\"}"},
         "{\"b\":\"y\", \"a\" :\"E(x)\"}",
         0,
         "$.a "},
        {{OBJ("\"a\":" TSTR), "{\"a\":null}"}, "{\"a\":null}", 0, ""},
        {{OBJ("\"a\":" TSTR), "{}"}, "{}", 0, ""},
        {{OBJ("\"a\":" TSTR), "{\"a\":\"\"}"}, "{\"a\":\"E()\"}", 0, "$.a"},
        {{OBJ("\"a\":" TSTR), "{\"a\":\"1\",\"a\":\"2\"}"}, "{\"a\":\"E(1)\",\"a\":\"E(2)\"}", 0, "$.a $.a "},
        {{OBJ("\"ssn\":" TSTR), "{\"ss\\u006e\":\"1\"}"}, "{\"ss\\u006e\":\"E(1)\"}", 0, "$.ssn "},
        {{OBJ("\"a\":" TSTR), "\t{ \"z\" : -1.50E+07 , \"a\" : \"x\" , \"y\" : [ 1 , {} ] }\n"},
         "\t{ \"z\" : -1.50E+07 , \"a\" : \"E(x)\" , \"y\" : [ 1 , {} ] }\n",
         0,
         NULL},
        {{OBJ("\"o\":" OBJ("\"a\":" TSTR)), "{\"o\":{\"a\":\"x\"},\"a\":\"y\"}"},
         "{\"o\":{\"a\":\"E(x)\"},\"a\":\"y\"}",
         0,
         "$.o.a "},
        {{OBJ("\"l\":{\"type\":\"array\",\"items\":" STR "," T "}"), "{\"l\":[\"x\",null,\"y\"]}"},
         "{\"l\":[\"E(x)\",null,\"E(y)\"]}",
         0,
         "$.l[0] $.l[2] "},
        {{OBJ("\"l\":{\"items\":{\"items\":" OBJ("\"a\":" TSTR) "}}"), "{\"l\":[[],[{\"a\":\"x\"}]]}"},
         "{\"l\":[[],[{\"a\":\"E(x)\"}]]}",
         0,
         "$.l[1][0].a "},
        /* the rule's own idea of a type: nullable, in both spellings; a list of types; without a type */
        {{OBJ("\"a\":{\"type\":[\"string\",\"null\"]," T "}"), "{\"a\":\"x\"}"}, "{\"a\":\"E(x)\"}", 0, NULL},
        {{OBJ("\"a\":{\"maxLength\":9," T "}"), "{\"a\":\"x\"}"}, "{\"a\":\"E(x)\"}", 0, NULL},
        {{"{\"properties\":{\"a\":" TSTR "}}", "{\"a\":\"x\"}"}, "{\"a\":\"E(x)\"}", 0, NULL},
        {{"{\"properties\":{\"a\":" TSTR "}}", "[\"x\"]"}, "[\"x\"]", 0, ""},
        /* roots without a field */
        {{STR, "\"x\"", ""}, "\"x\"", 0, ""},
        {{"{\"type\":\"array\",\"items\":" STR "}", "[\"x\"]", ""}, "[\"x\"]", 0, ""},
        /* a rule without tags covers every field, and stumbles over the first that is no string */
        {{OBJ("\"a\":" STR ",\"b\":" OBJ("\"c\":" STR)), "{\"a\":\"x\",\"b\":{\"c\":\"y\"}}", ""},
         "{\"a\":\"E(x)\",\"b\":{\"c\":\"E(y)\"}}",
         0,
         "$.a $.b.c "},
        {{OBJ("\"a\":" INT), "{\"a\":1}", ""}, NULL, SCHLOSS_E_UNSUPPORTED_TYPE, "'INT'"},
        /* the mark of another rule */
        {{OBJ("\"a\":" TSTR), "{\"a\":\"x\"}", "OTHER"}, "{\"a\":\"x\"}", 0, ""},
    };
    CHECK(rows);
}

/* spec 8: 21 */
static void other_types(void **state) {
    (void)state;
    static const row_t rows[] = {
        {{OBJ("\"a\":{\"type\":\"integer\"," T "}"), "{\"a\":12}"}, NULL, SCHLOSS_E_UNSUPPORTED_TYPE, "'INT'"},
        {{OBJ("\"a\":{\"type\":\"number\"," T "}"), "{\"a\":12}"}, NULL, SCHLOSS_E_UNSUPPORTED_TYPE, "'DOUBLE'"},
        {{OBJ("\"a\":{\"type\":\"boolean\"," T "}"), "{\"a\":true}"}, NULL, SCHLOSS_E_UNSUPPORTED_TYPE, "'BOOLEAN'"},
        {{OBJ("\"a\":{\"enum\":[\"x\"]," T "}"), "{\"a\":\"x\"}"}, NULL, SCHLOSS_E_UNSUPPORTED_TYPE, "'ENUM'"},
        {{OBJ("\"a\":{" T "}"), "{\"a\":\"x\"}"}, NULL, SCHLOSS_E_UNSUPPORTED_TYPE, "'ANY'"},
        {{OBJ("\"a\":{\"type\":\"integer\"," T "}"), "{\"a\":null}"}, "{\"a\":null}", 0, ""},
        {{OBJ("\"a\":{\"type\":\"integer\"," T "}"), "{\"a\":12}", NULL, NULL, .leave_others = true},
         "{\"a\":12}",
         0,
         ""},
        {{OBJ("\"a\":{\"type\":\"integer\"," T "}"), "{\"a\":12}", NULL, NULL, .reading = true}, "{\"a\":12}", 0, ""},
        {{OBJ("\"a\":" TSTR), "{\"a\":12}"}, NULL, SCHLOSS_E_DATA_MISMATCH, "another type"},
        {{OBJ("\"a\":" TSTR), "{\"a\":12}", NULL, NULL, .reading = true},
         NULL,
         SCHLOSS_E_DATA_MISMATCH,
         "another type"},
        {{OBJ("\"a\":" TSTR), "{\"a\":{\"b\":\"x\"}}"}, NULL, SCHLOSS_E_DATA_MISMATCH, "another type"},
        {{OBJ("\"a\":{\"type\":\"integer\"," T "}"), "{\"a\":\"x\"}"}, NULL, SCHLOSS_E_UNSUPPORTED_TYPE, "'INT'"},
        {{OBJ("\"o\":" OBJ("\"a\":" TSTR)), "{\"o\":\"x\"}"}, NULL, SCHLOSS_E_DATA_MISMATCH, "an object"},
        {{OBJ("\"o\":" OBJ("\"a\":" TSTR)), "{\"o\":null}"}, "{\"o\":null}", 0, ""},
        {{OBJ("\"o\":{\"type\":\"array\",\"items\":" OBJ("\"a\":" TSTR) "}"), "{\"o\":{}}"},
         NULL,
         SCHLOSS_E_DATA_MISMATCH,
         "an array"},
        /* type and enum are a combination: the string is encrypted */
        {{OBJ("\"a\":{\"type\":\"string\",\"enum\":[\"x\"]," T "}"), "{\"a\":\"x\"}"}, "{\"a\":\"E(x)\"}", 0, NULL},
        /* anyOf of more than one type and null leaves what cannot be encrypted; of one type and null it does not */
        {{OBJ("\"a\":{\"anyOf\":[" STR "," INT "," NIL "]," T "}"), "{\"a\":12}"}, "{\"a\":12}", 0, ""},
        {{OBJ("\"a\":{\"anyOf\":[" INT "," NIL "]," T "}"), "{\"a\":12}"}, NULL, SCHLOSS_E_UNSUPPORTED_TYPE, "'INT'"},
        {{OBJ("\"a\":{\"anyOf\":[" INT "," NIL "]," T "}"), "{\"a\":12}", NULL, NULL, .reading = true},
         "{\"a\":12}",
         0,
         ""},
        {{OBJ("\"a\":{\"oneOf\":[" NIL "," INT "]," T "}"), "{\"a\":12}"}, NULL, SCHLOSS_E_UNSUPPORTED_TYPE, "'INT'"},
        {{OBJ("\"a\":{\"type\":[\"string\",\"integer\"]," T "}"), "{\"a\":12}"}, "{\"a\":12}", 0, ""},
        {{OBJ("\"a\":{\"type\":[\"integer\",\"null\"]," T "}"), "{\"a\":12}"},
         NULL,
         SCHLOSS_E_UNSUPPORTED_TYPE,
         "'INT'"},
        {{OBJ("\"a\":{\"type\":[\"integer\",\"boolean\"]," T "}"), "{\"a\":\"x\"}"},
         NULL,
         SCHLOSS_E_DATA_MISMATCH,
         "another type"},
        {{OBJ("\"a\":{\"allOf\":[" INT "]," T "}"), "{\"a\":12}"}, "{\"a\":12}", 0, ""},
    };
    CHECK(rows);
}

/* spec 8: 74 */
static void combined_schemas(void **state) {
    (void)state;
    static const row_t rows[] = {
        {{"{\"allOf\":[" OBJ("\"a\":" TSTR) "," OBJ("\"b\":" TSTR) "]}", "{\"a\":\"x\",\"b\":\"y\"}"},
         "{\"a\":\"E(x)\",\"b\":\"E(y)\"}",
         0,
         "$.a $.b "},
        {{"{\"allOf\":[" OBJ("\"a\":" TSTR) "," OBJ("\"a\":" TSTR) "]}", "{\"a\":\"x\"}"},
         "{\"a\":\"E(E(x))\"}",
         0,
         "$.a $.a "},
        {{OBJ("\"a\":{\"anyOf\":[" STR ",{\"type\":\"string\",\"minLength\":1}]," T "}"), "{\"a\":\"x\"}"},
         "{\"a\":\"E(E(x))\"}",
         0,
         NULL},
        {{OBJ("\"a\":{\"oneOf\":[" NIL "," STR "]," T "}"), "{\"a\":\"x\"}"}, "{\"a\":\"E(x)\"}", 0, NULL},
        /* oneOf: the first that validates; its properties only */
        {{OBJ("\"p\":{\"oneOf\":[{\"required\":[\"a\"],\"properties\":{\"a\":" TSTR "}},{\"properties\":{\"b\":" TSTR
              "}}]}"),
          "{\"p\":{\"b\":\"y\",\"a\":\"x\"}}"},
         "{\"p\":{\"b\":\"y\",\"a\":\"E(x)\"}}",
         0,
         "$.p.a "},
        {{OBJ("\"p\":{\"oneOf\":[{\"required\":[\"a\"],\"properties\":{\"a\":" TSTR "}},{\"properties\":{\"b\":" TSTR
              "}}]}"),
          "{\"p\":{\"b\":\"y\"}}"},
         "{\"p\":{\"b\":\"E(y)\"}}",
         0,
         "$.p.b "},
        /* properties beside a combination */
        {{"{\"properties\":{\"a\":" TSTR "},\"anyOf\":[{\"properties\":{\"b\":" TSTR "}}]}",
          "{\"b\":\"y\",\"a\":\"x\"}"},
         "{\"b\":\"E(y)\",\"a\":\"E(x)\"}",
         0,
         NULL},
        /* references, also recursive ones, and tags along them */
        {{"{\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":" OBJ("\"v\":" TSTR ",\"n\":{\"$ref\":\"#/$defs/n\"}") "}}",
          "{\"v\":\"1\",\"n\":{\"n\":{\"v\":\"3\"},\"v\":\"2\"}}"},
         "{\"v\":\"E(1)\",\"n\":{\"n\":{\"v\":\"E(3)\"},\"v\":\"E(2)\"}}",
         0,
         "$.v $.n.n.v $.n.v "},
        {{"{\"properties\":{\"a\":{\"$ref\":\"#/$defs/s\"}},\"$defs\":{\"s\":" TSTR "}}", "{\"a\":\"x\"}"},
         "{\"a\":\"E(x)\"}",
         0,
         NULL},
        {{"{\"properties\":{\"a\":{\"$ref\":\"#/$defs/s\"," T "}},\"$defs\":{\"s\":" STR "}}", "{\"a\":\"x\"}"},
         "{\"a\":\"E(x)\"}",
         0,
         NULL},
        {{"{\"properties\":{\"a\":" TSTR "},\"allOf\":[{\"$ref\":\"#\"}]}", "{\"a\":\"x\"}"},
         "{\"a\":\"E(x)\"}",
         0,
         NULL},
        /* no branch fits */
        {{OBJ("\"a\":{\"oneOf\":[" NIL ",{\"type\":\"string\",\"maxLength\":2}]," T "}"), "{\"a\":\"xyz\"}"},
         NULL,
         SCHLOSS_E_DATA_MISMATCH,
         "no branch"},
        {{OBJ("\"a\":{\"oneOf\":[" NIL ",{\"type\":\"string\",\"maxLength\":2}]," T "}"), "{\"a\":\"E(x)\"}", NULL,
          NULL, .reading = true},
         NULL,
         SCHLOSS_E_DATA_MISMATCH,
         "no branch"},
        {{OBJ("\"a\":{\"oneOf\":[" NIL ",{\"type\":\"string\",\"maxLength\":2}]," T "}"), "{\"a\":\"E(x)\"}", NULL,
          NULL, .reading = true, .lax = true},
         "{\"a\":\"E(x)\"}",
         0,
         ""},
        {{OBJ("\"a\":{\"anyOf\":[" STR "," INT "]," T "}"), "{\"a\":true}"},
         NULL,
         SCHLOSS_E_DATA_MISMATCH,
         "no branch"},
        /* keywords that the validator does not know */
        {{OBJ("\"p\":{\"anyOf\":[" OBJ("\"a\":" TSTR) ",{\"frob\":1}]}"), "{}"},
         NULL,
         SCHLOSS_E_UNSUPPORTED,
         "\"frob\""},
        {{OBJ("\"p\":{\"anyOf\":[" OBJ("\"a\":" TSTR) ",{\"frob\":1}]}"), "{}", NULL, NULL, .reading = true},
         NULL,
         SCHLOSS_E_UNSUPPORTED,
         "\"frob\""},
        {{OBJ("\"a\":" TSTR ",\"p\":{\"anyOf\":[{\"frob\":1}," STR "]}"), "{\"a\":\"x\",\"p\":1}"},
         "{\"a\":\"E(x)\",\"p\":1}",
         0,
         NULL},
    };
    CHECK(rows);
}

static void what_no_client_walks_is_refused(void **state) {
    (void)state;
    static const char *const keywords[] = {
        "\"additionalProperties\":" OBJ("\"a\":" TSTR),
        "\"patternProperties\":{\"^x\":" TSTR "}",
        "\"if\":" OBJ("\"a\":" TSTR),
        "\"then\":" OBJ("\"a\":" TSTR),
        "\"else\":" OBJ("\"a\":" TSTR),
        "\"not\":{\"anyOf\":[" TSTR "]}",
        "\"dependentSchemas\":{\"q\":" OBJ("\"a\":" TSTR) "}",
        "\"prefixItems\":[" TSTR "]",
        "\"items\":[" TSTR "]",
        "\"contains\":{\"$ref\":\"#/$defs/t\"}",
        "\"propertyNames\":" TSTR,
        "\"dependencies\":{\"q\":" OBJ("\"a\":" TSTR) "}",
        "\"items\":[true],\"additionalItems\":" TSTR,
    };
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        char schema[400];
        snprintf(schema, sizeof schema, "{\"properties\":{\"o\":{%s}},\"$defs\":{\"t\":" TSTR "}}", keywords[i]);
        const row_t rows[] = {
            {{schema, "{}"}, NULL, SCHLOSS_E_UNSUPPORTED, "would not be encrypted"},
            {{schema, "{}", NULL, NULL, .reading = true}, "{}", 0, ""},
            {{schema, "{}", "OTHER"}, "{}", 0, ""},
        };
        CHECK(rows);
    }
    static const row_t rows[] = {
        {{OBJ("\"a\":{\"type\":\"object\",\"additionalProperties\":" STR "," T "}"), "{}"},
         NULL,
         SCHLOSS_E_UNSUPPORTED,
         "without \"properties\""},
        {{OBJ("\"a\":{\"type\":\"array\"," T "}"), "{}"}, NULL, SCHLOSS_E_UNSUPPORTED, "array without a schema"},
        {{OBJ("\"a\":{\"type\":\"array\",\"items\":" TSTR "}"), "{}"}, NULL, SCHLOSS_E_UNSUPPORTED, "on an item"},
        {{OBJ("\"a\":{\"anyOf\":[" TSTR "," NIL "]}"), "{}"}, NULL, SCHLOSS_E_UNSUPPORTED, "branch"},
        {{OBJ("\"a\":{\"anyOf\":[" TSTR "," NIL "]," T "}"), "{\"a\":\"x\"}"}, "{\"a\":\"E(x)\"}", 0, NULL},
        {{OBJ("\"a\":{\"type\":\"object\",\"additionalProperties\":" STR "}"), "{\"a\":{\"x\":\"y\"}}"},
         "{\"a\":{\"x\":\"y\"}}",
         0,
         ""},
    };
    CHECK(rows);
}

/* Tags on items and branches whose own keywords do not say "string": a reference, an array, nothing at all. */
static void tags_on_items_and_branches_of_any_shape(void **state) {
    (void)state;
#define DEF ",\"$defs\":{\"s\":" STR ",\"o\":" OBJ("\"x\":" STR) "}}"
#define PROP(p) "{\"properties\":{\"a\":" p "}" DEF
    static const char *const schemas[] = {
        PROP("{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/s\"," T "}}"),
        PROP("{\"oneOf\":[" NIL ",{\"$ref\":\"#/$defs/s\"," T "}]}"),
        PROP("{\"anyOf\":[" NIL ",{\"type\":\"array\",\"items\":" STR "," T "}]}"),
        PROP("{\"anyOf\":[" NIL ",{\"items\":{\"$ref\":\"#/$defs/s\"}," T "}]}"),
        PROP("{\"allOf\":[{" T ",\"anyOf\":[" NIL "," STR "]}]}"),
        PROP("{\"type\":\"array\",\"items\":{" T "}}"),
        PROP("{\"type\":\"array\",\"items\":{\"allOf\":[{\"$ref\":\"#/$defs/s\"}]," T "}}"),
    };
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        const row_t rows[] = {
            {{schemas[i], "{}"}, NULL, SCHLOSS_E_UNSUPPORTED, "on an item or a branch"},
            {{schemas[i], "{}", NULL, NULL, .reading = true}, "{}", 0, ""},
            {{schemas[i], "{}", "OTHER"}, "{}", 0, ""},
        };
        CHECK(rows);
    }
    static const row_t rows[] = {
        /* on objects it says nothing about their members, wherever it stands */
        {{PROP("{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/o\"," T "}}"), "{\"a\":[{\"x\":\"y\"}]}"},
         "{\"a\":[{\"x\":\"y\"}]}",
         0,
         ""},
        {{PROP("{\"oneOf\":[" NIL ",{\"type\":\"object\",\"properties\":{\"x\":" TSTR "}," T "}]}"),
          "{\"a\":{\"x\":\"y\"}}"},
         "{\"a\":{\"x\":\"E(y)\"}}",
         0,
         NULL},
    };
    CHECK(rows);
}

/* Schemas that say nothing about a covered value, or that there is none. */
static void covered_values_without_a_type(void **state) {
    (void)state;
    static const char *const unevaluated[] = {
        "{\"type\":\"object\",\"unevaluatedProperties\":" TSTR "}",
        "{\"type\":\"array\",\"unevaluatedItems\":" OBJ("\"x\":" TSTR) "}",
    };
    for (size_t i = 0; i < sizeof unevaluated / sizeof *unevaluated; i++) {
        const row_t rows[] = {
            {{unevaluated[i], "{}"}, NULL, SCHLOSS_E_UNSUPPORTED, "would not be encrypted"},
            {{unevaluated[i], "{}", NULL, NULL, .reading = true}, "{}", 0, ""},
        };
        CHECK(rows);
    }
    static const row_t rows[] = {
        {{"{\"properties\":{\"a\":false}}", "{\"a\":\"x\"}", NULL, META("$.a")},
         NULL,
         SCHLOSS_E_UNSUPPORTED_TYPE,
         "'NULL'"},
        {{"{\"properties\":{\"a\":false}}", "{\"a\":\"x\"}", ""}, NULL, SCHLOSS_E_UNSUPPORTED_TYPE, "'NULL'"},
        {{"{\"properties\":{\"a\":false}}", "{}", ""}, "{}", 0, ""},
        {{"{\"properties\":{\"a\":{\"$ref\":\"#/$defs/l\"," T "}},\"$defs\":{\"l\":{\"$ref\":\"#/$defs/l\"}}}", "{}"},
         NULL,
         SCHLOSS_E_UNSUPPORTED,
         "would not be encrypted"},
    };
    CHECK(rows);
}

/* spec 8: 75 */
static void inheritance_is_an_option(void **state) {
    (void)state;
#define INNER                                                                                                          \
    OBJ("\"o\":{\"type\":\"object\",\"properties\":{\"a\":" STR                                                        \
        ",\"n\":{\"type\":[\"string\",\"null\"]},\"p\":" OBJ("\"b\":" STR) "}," T "}")
    static const row_t rows[] = {
        {{INNER, "{\"o\":{\"a\":\"x\",\"n\":\"y\",\"p\":{\"b\":\"z\"}}}"},
         "{\"o\":{\"a\":\"x\",\"n\":\"y\",\"p\":{\"b\":\"z\"}}}",
         0,
         ""},
        {{INNER, "{\"o\":{\"a\":\"x\",\"n\":\"y\",\"p\":{\"b\":\"z\"}}}", NULL, NULL, .inherit = true},
         "{\"o\":{\"a\":\"E(x)\",\"n\":\"y\",\"p\":{\"b\":\"z\"}}}",
         0,
         "$.o.a "},
        {{OBJ("\"o\":{\"properties\":{\"a\":" INT "}," T "}"), "{\"o\":{\"a\":1}}", NULL, NULL, .inherit = true},
         NULL,
         SCHLOSS_E_UNSUPPORTED_TYPE,
         "'INT'"},
        {{OBJ("\"o\":{\"items\":" OBJ("\"a\":" STR) "," T "}"), "{\"o\":[{\"a\":\"x\"}]}", NULL, NULL, .inherit = true},
         "{\"o\":[{\"a\":\"E(x)\"}]}",
         0,
         "$.o[0].a "},
    };
    CHECK(rows);
}

#define LIST OBJ("\"items\":{\"type\":\"array\",\"items\":" OBJ("\"ssn\":" STR) "}")
#define LIST_RECORD "{\"items\":[{\"ssn\":\"x\"},{\"ssn\":\"y\"}]}"
#define LIST_BOTH "{\"items\":[{\"ssn\":\"E(x)\"},{\"ssn\":\"E(y)\"}]}"

/* spec 8: 71, 74 */
static void paths_of_metadata(void **state) {
    (void)state;
    static const row_t rows[] = {
        {{LIST, LIST_RECORD, NULL, META("$.items.ssn")}, LIST_BOTH, 0, "$.items[0].ssn $.items[1].ssn "},
        {{LIST, LIST_RECORD, NULL, META("**.ssn")}, LIST_BOTH, 0, NULL},
        {{LIST, LIST_RECORD, NULL, META("$.items*.ssn")}, LIST_BOTH, 0, NULL},
        {{LIST, LIST_RECORD, NULL, META("$.items[[]*].ssn")}, LIST_BOTH, 0, NULL},
        {{LIST, LIST_RECORD, NULL, META("$.items?**?.ssn")}, LIST_BOTH, 0, NULL},
        {{LIST, LIST_RECORD, NULL, META("$.items")}, LIST_RECORD, 0, ""},
        {{LIST, LIST_RECORD, NULL, META("$.items[0].ssn")}, LIST_RECORD, 0, ""}, /* brackets are a class */
        {{LIST, LIST_RECORD, NULL, META("$.items???.ssn")}, NULL, SCHLOSS_E_UNSUPPORTED, "index"},
        {{LIST, LIST_RECORD, NULL, META("$.items[[]0].ssn")}, NULL, SCHLOSS_E_UNSUPPORTED, "index"},
        {{LIST, LIST_RECORD, NULL, META("$.items[[][0-4]*.ssn")}, NULL, SCHLOSS_E_UNSUPPORTED, "index"},
        {{LIST, LIST_RECORD, "OTHER", META("$.items???.ssn")}, LIST_RECORD, 0, ""}, /* no business of this rule */
        {{LIST, LIST_RECORD, NULL, META("$.other???.ssn")}, LIST_RECORD, 0, ""},
        /* inline and external tags are united */
        {{OBJ("\"a\":" TSTR ",\"b\":" STR ",\"c\":" STR), "{\"a\":\"x\",\"b\":\"y\",\"c\":\"z\"}", NULL, META("$.b")},
         "{\"a\":\"E(x)\",\"b\":\"E(y)\",\"c\":\"z\"}",
         0,
         NULL},
        /* a recursive schema: only where the path says so */
        {{"{\"properties\":{\"v\":" STR ",\"n\":{\"$ref\":\"#\"}}}",
          "{\"v\":\"1\",\"n\":{\"v\":\"2\",\"n\":{\"v\":\"3\"}}}", NULL, META("$.n.v")},
         "{\"v\":\"1\",\"n\":{\"v\":\"E(2)\",\"n\":{\"v\":\"3\"}}}",
         0,
         "$.n.v "},
        {{"{\"properties\":{\"v\":" STR ",\"n\":{\"$ref\":\"#\"}}}",
          "{\"v\":\"1\",\"n\":{\"v\":\"2\",\"n\":{\"v\":\"3\"}}}", NULL, META("$.n.**")},
         "{\"v\":\"1\",\"n\":{\"v\":\"E(2)\",\"n\":{\"v\":\"E(3)\"}}}",
         0,
         NULL},
        {{OBJ("\"stra\xc3\x9f"
              "e\":" STR),
          "{\"stra\\u00dfe\":\"x\"}", NULL, META("$.stra?e")},
         "{\"stra\\u00dfe\":\"E(x)\"}",
         0,
         NULL},
    };
    CHECK(rows);
}

/* Plans count fields that hold strings. */
static void fields_are_counted(void **state) {
    (void)state;
    static const struct {
        const char *schema;
        size_t n;
    } rows[] = {
        {OBJ("\"a\":" TSTR ",\"b\":" STR ",\"c\":{\"type\":\"integer\"," T "}"), 1},
        {OBJ("\"a\":{\"anyOf\":[" STR "," STR "," NIL "]," T "},\"b\":{\"items\":" STR "," T "}"), 2},
        {OBJ("\"a\":" STR)},
        {STR},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        schloss_error_t err;
        json_schema_t *s = NULL;
        plan_t *plan = NULL;
        assert_int_equal(marked_compile(&(marked_case_t){.schema = rows[i].schema}, &s, &plan, &err), SCHLOSS_OK);
        assert_int_equal(plan_n_fields(plan), rows[i].n);
        plan_free(plan);
        json_schema_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_of_covered_properties),
        cmocka_unit_test(other_types),
        cmocka_unit_test(combined_schemas),
        cmocka_unit_test(what_no_client_walks_is_refused),
        cmocka_unit_test(tags_on_items_and_branches_of_any_shape),
        cmocka_unit_test(covered_values_without_a_type),
        cmocka_unit_test(inheritance_is_an_option),
        cmocka_unit_test(paths_of_metadata),
        cmocka_unit_test(fields_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
